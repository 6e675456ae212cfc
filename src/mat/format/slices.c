/* The container: its arrays, what kernels see of them, and reading a row back */
#include <stdlib.h>
#include <string.h>
#include <furl/slices.h>
#include <furl/planes.h>
#include <furl/slicesdevice.h>
#include "array.h"
#include "program.h"

/* Every array of the container with the size of its items, so that each loop over them is written once */
#define FOR_EACH_VIEWED(X)    \
  X(header, FurlSliceHeader)  \
  X(program, FurlProgram)     \
  X(offset, int32_t)          \
  X(mask, uint32_t)           \
  X(kind, uint8_t)            \
  X(run, uint8_t)             \
  X(constant, double)         \
  X(start, int64_t)           \
  X(window, int16_t)          \
  X(raw, double)              \
  X(head, uint16_t)           \
  X(second, int16_t)          \
  X(tail, uint32_t)           \
  X(exponent, int16_t)        \
  X(diagonal, double)         \
  X(diagonal_head, uint16_t)  \
  X(diagonal_second, int16_t) \
  X(diagonal_tail, uint32_t)  \
  X(irregular, FurlIrregular) \
  X(lane_row, uint8_t)        \
  X(base, int32_t)            \
  X(layout, uint8_t)          \
  X(present, uint64_t)        \
  X(dictionary, double)       \
  X(narrow, uint8_t)          \
  X(wide, uint16_t)           \
  X(row, FurlRepeatedRow)     \
  X(row_offset, int32_t)      \
  X(row_value, double)        \
  X(code, uint16_t)

#define FOR_EACH_ARRAY(X) \
  FOR_EACH_VIEWED(X)      \
  X(lone, int32_t)

void FurlSlicesInit(FurlSlices *slices, int64_t nrows, int64_t ncols)
{
  *slices = (FurlSlices){.nrows = nrows, .ncols = ncols, .nslices = (nrows + FURL_WIDTH - 1) / FURL_WIDTH};
#define INIT(name, type) FurlArrayInit(&slices->name, sizeof(type));
  FOR_EACH_ARRAY(INIT)
#undef INIT
}

void FurlSlicesClear(FurlSlices *slices, int64_t nrows, int64_t ncols)
{
  FurlSlices empty;

  FurlSlicesInit(&empty, nrows, ncols);
#define TAKE(name, type)               \
  empty.name.data = slices->name.data; \
  empty.name.room = slices->name.room;
  FOR_EACH_ARRAY(TAKE)
#undef TAKE
  *slices = empty;
}

void FurlSlicesFree(FurlSlices *slices)
{
#define FREE(name, type) FurlArrayFree(&slices->name);
  FOR_EACH_ARRAY(FREE)
#undef FREE
}

void FurlSlicesTrim(FurlSlices *slices)
{
#define TRIM(name, type) FurlArrayTrim(&slices->name);
  FOR_EACH_ARRAY(TRIM)
#undef TRIM
}

FurlSlicesView FurlSlicesGetView(const FurlSlices *slices)
{
  FurlSlicesView view = {.nrows = slices->nrows, .ncols = slices->ncols, .nslices = slices->nslices};

#define POINT(name, type) view.name = slices->name.data;
  FOR_EACH_VIEWED(POINT)
#undef POINT
  return view;
}

/* What kernels read, with the room of a slice behind each array: a clamped lane may point there */
void FurlSlicesPlan(const FurlSlices *slices, FurlArena *arena, FurlPurpose purpose, FurlSlices *there)
{
  FurlSlicesInit(there, slices->nrows, slices->ncols);
  there->nnz = slices->nnz;
#define PLAN(name, type)                \
  there->name.used = slices->name.used; \
  if (slices->name.used)                \
    FurlArenaAdd(arena, purpose,        \
                 &(FurlPlacement){.pointer = &there->name.data, .from = slices->name.data, .bytes = slices->name.used * sizeof(type)});
  FOR_EACH_VIEWED(PLAN)
#undef PLAN
}

int FurlSlicesListArrays(FurlSlices *slices, FurlNamedArray *array)
{
  int n = 0;

#define LIST(name, type) array[n++] = (FurlNamedArray){#name, &slices->name};
  FOR_EACH_ARRAY(LIST)
#undef LIST
  return n;
}

static size_t StoredBytes(const FurlSlices *slices)
{
  size_t bytes = 0;

#define ADD(name, type) bytes += slices->name.used * sizeof(type);
  FOR_EACH_ARRAY(ADD)
#undef ADD
  return bytes;
}

FurlSlicesReport FurlSlicesGetReport(const FurlSlices *slices)
{
  const FurlSlicesView view   = FurlSlicesGetView(slices);
  FurlSlicesReport     report = {.stored_bytes = StoredBytes(slices), .nprograms = (int64_t)slices->program.used};

  for (int64_t s = 0; s < view.nslices; s++) {
    const FurlProgram *const p = view.program + view.header[s].program;

    report.slices[p->columns]++;
    for (int32_t k = 0; k < p->nslots; k++) report.slots[view.kind[p->first + (k < p->ntable ? k : p->ntable - 1)]]++;
  }
  for (size_t k = 0; k < slices->layout.used; k++) report.irregular_slots[FurlIndexSize(view.layout[k])]++;
  for (size_t k = 0; k < slices->exponent.used; k++) report.slots_h64 += (view.exponent[k] & FURL_PLANES_H64) != 0;
  return report;
}

/* Where the values of a slot are; advances from slot to slot */
typedef struct {
  size_t raw, head, rest, exponent; /* entries, and slots for the last */
  size_t narrow;                    /* of an irregular slot: its codes of 8 bits */
} Cursor;

static double ReadDiagonal(const FurlSlicesView *view, int32_t slot, int64_t i)
{
  const int64_t at = view->start[slot] + i;
  const int16_t B  = view->window[slot];

  if (view->kind[slot] == FURL_VALUES_DIAGONAL) return view->diagonal[at];
  if (view->kind[slot] == FURL_VALUES_DIAGONAL_HEAD) return FurlHeadToFloat(view->diagonal_head[at]) * FurlPowerDouble(FurlPlanesScale(B));
  return FurlPlanesToDouble(view->diagonal_head[at], view->diagonal_second[at], view->diagonal_tail[at], B);
}

static double ReadValue(const FurlSlicesView *view, const Cursor *at, int32_t slot, size_t l)
{
  const int kind     = view->kind[slot];
  const int exponent = kind == FURL_VALUES_PLANES || kind == FURL_VALUES_HEAD ? view->exponent[at->exponent] : 0;

  if (kind == FURL_VALUES_CONSTANT) return view->constant[slot];
  if (kind == FURL_VALUES_CODE8) return view->dictionary[view->narrow[at->narrow + l]];
  if (kind == FURL_VALUES_CODE16) return view->dictionary[view->head[at->head + l]];
  if (kind == FURL_VALUES_RAW || (exponent & FURL_PLANES_H64)) return view->raw[at->raw + l];
  if (kind == FURL_VALUES_HEAD) return FurlHeadToFloat(view->head[at->head + l]) * FurlPowerDouble(FurlPlanesScale((int16_t)exponent));
  return FurlPlanesToDoubleSmall(view->head[at->head + l], view->second[at->rest + l], view->tail[at->rest + l], (int16_t)exponent);
}

static void AdvanceCursor(const FurlSlicesView *view, Cursor *at, int32_t slot, size_t n)
{
  const int kind   = view->kind[slot];
  const int planes = kind == FURL_VALUES_PLANES || kind == FURL_VALUES_HEAD;
  const int h64    = planes && (view->exponent[at->exponent] & FURL_PLANES_H64);

  if (kind == FURL_VALUES_RAW || h64) at->raw += n;
  if (kind == FURL_VALUES_PLANES && !h64) at->rest += n;
  if (planes || kind == FURL_VALUES_CODE16) at->head += n;
  at->exponent += (size_t)planes;
}

static Cursor FirstCursor(const FurlSliceHeader *header)
{
  return (Cursor){(size_t)header->raw * FURL_GROUP, (size_t)header->head * FURL_GROUP, (size_t)header->rest * FURL_GROUP, header->exponent,
                  0};
}

/* Moves the last of n entries to its place among the others, whose columns ascend; returns the place */
static int64_t PlaceColumn(PetscInt *column, int64_t n)
{
  const PetscInt last = column[n - 1];
  int64_t        at   = n - 1;

  for (; at > 0 && column[at - 1] > last; at--) column[at] = column[at - 1];
  column[at] = last;
  return at;
}

static void PlaceValue(double *value, int64_t n, int64_t at)
{
  const double last = value[n - 1];

  memmove(value + at + 1, value + at, (size_t)(n - 1 - at) * sizeof(*value));
  value[at] = last;
}

/* The slots stand in the order of their kinds: values come with their columns, or not at all */
static int64_t DecodePatternRow(const FurlSlicesView *view, const FurlSliceHeader *header, int64_t i, PetscInt *column, double *value)
{
  const FurlProgram *const p  = view->program + header->program;
  const int                l  = (int)(i % FURL_WIDTH);
  Cursor                   at = FirstCursor(header);
  int64_t                  n  = 0;

  for (int32_t slot = p->first; slot < p->first + p->nslots; slot++) {
    if (view->mask[slot] >> l & 1) {
      n++;
      if (value)
        value[n - 1] = view->kind[slot] >= FURL_VALUES_DIAGONAL ? ReadDiagonal(view, slot, i) : ReadValue(view, &at, slot, (size_t)l);
      if (column) {
        int64_t place;

        column[n - 1] = (PetscInt)(i + view->offset[slot]);
        place         = PlaceColumn(column, n);
        if (value) PlaceValue(value, n, place);
      }
    }
    AdvanceCursor(view, &at, slot, FURL_WIDTH);
  }
  return n;
}

/* The slot at hand of an irregular slice, and what all its slots have in common */
typedef struct {
  const FurlProgram *p;
  uint8_t            block[FURL_WIDTH];           /* which index of a slot lane l reads */
  size_t             slot, present, narrow, wide; /* in base[] and layout[]; in present[]; its first index */
  Cursor             values;
} IrregularCursor;

static IrregularCursor FirstIrregular(const FurlSlicesView *view, int64_t s)
{
  const FurlSliceHeader *const header    = view->header + s;
  const FurlIrregular *const   irregular = view->irregular + header->irregular;
  const FurlProgram *const     p         = view->program + header->program;
  const uint8_t *const         row       = view->lane_row + (size_t)header->irregular * FURL_WIDTH;
  IrregularCursor              at        = {.p       = p,
                                            .slot    = irregular->slots,
                                            .present = irregular->present,
                                            .narrow  = irregular->narrow,
                                            .wide    = irregular->wide,
                                            .values  = FirstCursor(header)};

  for (int l = 1; l < FURL_WIDTH; l++) {
    const int64_t row0 = s * FURL_WIDTH;
    const int     same = p->columns == FURL_COLUMNS_BLOCKS && (row0 + row[l]) / p->width == (row0 + row[l - 1]) / p->width;

    at.block[l] = (uint8_t)(at.block[l - 1] + !same);
  }
  at.values.raw -= irregular->raw_back;
  at.values.head -= irregular->head_back;
  at.values.rest -= irregular->rest_back;
  return at;
}

static int32_t ReadColumn(const FurlSlicesView *view, const IrregularCursor *at, int l)
{
  const int scale = at->p->columns == FURL_COLUMNS_BLOCKS ? at->p->width : 1;
  const int size = FurlIndexSize(view->layout[at->slot]), i = at->block[l];

  if (size == 0) return view->base[at->slot] + scale * view->narrow[at->narrow + i];
  return view->base[at->slot] + scale * (size == 1 ? view->wide[at->wide + i] : FurlWideIndex(view->wide + at->wide, i));
}

static int HasEntry(const FurlSlicesView *view, const IrregularCursor *at, size_t bit)
{
  return !(view->layout[at->slot] & FURL_LAYOUT_MASKED) || (view->present[at->present + bit / 64] >> bit % 64 & 1);
}

static size_t CountIndices(const FurlSlicesView *view, const IrregularCursor *at)
{
  return at->block[FurlStoredLanes(at->p, view->layout[at->slot]) - 1] + 1u;
}

/* Indices of the slot that are in narrow[] */
static size_t NarrowIndices(const FurlSlicesView *view, const IrregularCursor *at)
{
  return FurlIndexSize(view->layout[at->slot]) ? 0 : CountIndices(view, at);
}

static void AdvanceIrregular(const FurlSlicesView *view, IrregularCursor *at, int32_t slot)
{
  const int    layout = view->layout[at->slot];
  const size_t values = (size_t)(at->p->width * FurlStoredLanes(at->p, layout));

  at->narrow += NarrowIndices(view, at) + (view->kind[slot] == FURL_VALUES_CODE8 ? values : 0);
  at->wide += (size_t)FurlIndexSize(layout) * CountIndices(view, at);
  if (layout & FURL_LAYOUT_MASKED) at->present += (size_t)FurlPresentWords(at->p->width);
  AdvanceCursor(view, &at->values, slot, values);
  at->slot++;
}

static int64_t DecodeIrregularRow(const FurlSlicesView *view, const FurlSliceHeader *header, int64_t i, PetscInt *column, double *value)
{
  const uint8_t *const row = view->lane_row + (size_t)header->irregular * FURL_WIDTH;
  IrregularCursor      at  = FirstIrregular(view, i / FURL_WIDTH);
  const int            w   = at.p->width;
  int                  l   = 0;
  int64_t              n   = 0;

  while (row[l] != i % FURL_WIDTH) l++;
  for (int32_t k = 0; k < at.p->nslots && l < FurlLanesOf(view->layout[at.slot]); k++) {
    const int32_t slot  = at.p->first + (k < at.p->ntable ? k : at.p->ntable - 1);
    const int     lanes = FurlLanesOf(view->layout[at.slot]);

    at.values.narrow = at.narrow + NarrowIndices(view, &at);
    for (int d = 0; d < w; d++) {
      const int entry = at.p->columns == FURL_COLUMNS_BLOCKS ? FurlBlockEntry(lanes, w, l, d) : l * w + d;

      if (!HasEntry(view, &at, (size_t)(l * w + d))) continue;
      if (column) column[n] = (PetscInt)(ReadColumn(view, &at, l) + d);
      if (value) value[n] = ReadValue(view, &at.values, slot, (size_t)entry);
      n++;
    }
    AdvanceIrregular(view, &at, slot);
  }
  return n;
}

static int64_t DecodeRepeatedRow(const FurlSlicesView *view, const FurlSliceHeader *header, int64_t i, PetscInt *column, double *value)
{
  const uint16_t        code = view->code[(size_t)header->irregular * FURL_WIDTH + (size_t)(i % FURL_WIDTH)];
  const FurlRepeatedRow row  = view->row[header->raw + code];

  for (uint32_t k = 0; column && k < row.n; k++) column[k] = (PetscInt)(i + view->row_offset[row.first + k]);
  if (value && row.n) memcpy(value, view->row_value + row.first, row.n * sizeof(*value));
  return row.n;
}

int64_t FurlSlicesDecodeRow(const FurlSlicesView *view, int64_t i, PetscInt *column, double *value)
{
  const FurlSliceHeader *const header = view->header + i / FURL_WIDTH;

  if (view->program[header->program].columns == FURL_COLUMNS_PATTERN) return DecodePatternRow(view, header, i, column, value);
  if (view->program[header->program].columns == FURL_COLUMNS_ROWS) return DecodeRepeatedRow(view, header, i, column, value);
  return DecodeIrregularRow(view, header, i, column, value);
}

static void DecodePatternDiagonal(const FurlSlicesView *view, const FurlSliceHeader *header, int64_t row0, int nrows, double *diagonal)
{
  const FurlProgram *const p    = view->program + header->program;
  Cursor                   at   = FirstCursor(header);
  int32_t                  slot = p->first;

  for (; slot < p->first + p->nslots && view->offset[slot]; slot++) AdvanceCursor(view, &at, slot, FURL_WIDTH);
  if (slot == p->first + p->nslots) return;
  for (int l = 0; l < nrows; l++)
    if (view->mask[slot] >> l & 1)
      diagonal[l] = view->kind[slot] >= FURL_VALUES_DIAGONAL ? ReadDiagonal(view, slot, row0 + l) : ReadValue(view, &at, slot, (size_t)l);
}

void FurlSlicesDecodeDiagonal(const FurlSlicesView *view, int64_t s, PetscInt *column, double *value, double *diagonal)
{
  const FurlSliceHeader *const header = view->header + s;
  const int64_t                row0   = s * FURL_WIDTH;
  const int                    nrows  = (int)(view->nrows - row0 < FURL_WIDTH ? view->nrows - row0 : FURL_WIDTH);

  for (int l = 0; l < nrows; l++) diagonal[l] = 0;
  if (view->program[header->program].columns == FURL_COLUMNS_PATTERN) {
    DecodePatternDiagonal(view, header, row0, nrows, diagonal);
    return;
  }
  for (int l = 0; l < nrows; l++) {
    const int64_t n = FurlSlicesDecodeRow(view, row0 + l, column, value);

    for (int64_t k = 0; k < n; k++)
      if (column[k] == row0 + l) diagonal[l] = value[k];
  }
}

/* Slots in the order of their offsets: they stand in that of their kinds, so that few are out of place */
static void SortSlots(const FurlSlicesView *view, const FurlProgram *p, int32_t *order)
{
  const int32_t *const offset = view->offset + p->first;

  for (int32_t k = 0; k < p->nslots; k++) {
    int32_t at = k;

    for (; at > 0 && offset[order[at - 1]] > offset[k]; at--) order[at] = order[at - 1];
    order[at] = k;
  }
}

/* The 32 values of a slot, in place where they are stored as doubles */
static const double *GetSlot(const FurlSlicesView *view, const Cursor *at, int32_t slot, int64_t row0, double *room)
{
  const int kind = view->kind[slot];

  if (kind == FURL_VALUES_RAW) return view->raw + at->raw;
  if (kind == FURL_VALUES_DIAGONAL) return view->diagonal + view->start[slot] + row0;
  for (size_t l = 0; l < FURL_WIDTH; l++)
    room[l] = kind >= FURL_VALUES_DIAGONAL ? ReadDiagonal(view, slot, row0 + (int64_t)l) : ReadValue(view, at, slot, l);
  return room;
}

/* rowptr of a pattern: row l has an entry for each mask with bit l */
static int64_t CountEntries(const FurlSlicesView *view, const FurlProgram *p, PetscInt *rowptr)
{
  int32_t count[FURL_WIDTH] = {0};

  for (int l = 0; !p->masked && l < FURL_WIDTH; l++) count[l] = p->nslots;
  for (int32_t slot = p->first; p->masked && slot < p->first + p->nslots; slot++)
    for (int l = 0; l < FURL_WIDTH; l++) count[l] += (int32_t)(view->mask[slot] >> l & 1);
  rowptr[0] = 0;
  for (int l = 0; l < FURL_WIDTH; l++) rowptr[l + 1] = rowptr[l] + count[l];
  return rowptr[FURL_WIDTH];
}

static void DecodePattern(const FurlSlicesView *view, int64_t s, const PetscInt *rowptr, PetscInt *column, double *value)
{
  const FurlProgram *const p    = view->program + view->header[s].program;
  const int64_t            row0 = s * FURL_WIDTH;
  Cursor                   at[FURL_MAX_SLOTS + 1];
  int32_t                  order[FURL_MAX_SLOTS];
  PetscInt                 next[FURL_WIDTH];
  double                   room[FURL_WIDTH];

  SortSlots(view, p, order);
  at[0] = FirstCursor(view->header + s);
  for (int32_t k = 0; k < p->nslots; k++) {
    at[k + 1] = at[k];
    AdvanceCursor(view, at + k + 1, p->first + k, FURL_WIDTH);
  }
  for (int l = 0; l < FURL_WIDTH; l++) next[l] = rowptr[l];
  for (int32_t k = 0; k < p->nslots; k++) {
    const int32_t       slot = p->first + order[k];
    const double *const v    = GetSlot(view, at + order[k], slot, row0, room);

    for (int l = 0; l < FURL_WIDTH; l++) {
      if (p->masked && !(view->mask[slot] >> l & 1)) continue;
      column[next[l]]  = (PetscInt)(row0 + l + view->offset[slot]);
      value[next[l]++] = v[l];
    }
  }
}

int64_t FurlSlicesDecodeSlice(const FurlSlicesView *view, int64_t s, PetscInt *rowptr, PetscInt *column, double *value)
{
  const FurlProgram *const p    = view->program + view->header[s].program;
  const int64_t            row0 = s * FURL_WIDTH;

  if (p->columns == FURL_COLUMNS_PATTERN) {
    (void)CountEntries(view, p, rowptr);
    if (column) DecodePattern(view, s, rowptr, column, value);
    return rowptr[FURL_WIDTH];
  }
  rowptr[0] = 0;
  for (int64_t l = 0; l < FURL_WIDTH; l++) {
    const PetscInt n = rowptr[l];

    rowptr[l + 1] = n;
    if (row0 + l < view->nrows)
      rowptr[l + 1] += (PetscInt)FurlSlicesDecodeRow(view, row0 + l, column ? column + n : NULL, column ? value + n : NULL);
  }
  return rowptr[FURL_WIDTH];
}
