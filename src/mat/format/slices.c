/* The container: its arrays, what kernels see of them, and reading a row back */
#include <stdlib.h>
#include <string.h>
#include <furl/slices.h>
#include <furl/planes.h>
#include <furl/slicesdevice.h>
#include "array.h"
#include "cursor.h"
#include "program.h"

/* Every array of the container with the size of its items, so that each loop over them is written once */
#define FOR_EACH_KEPT(X)      \
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
  X(code, uint16_t)           \
  X(derived, uint64_t)

#define FOR_EACH_VIEWED(X) \
  FOR_EACH_KEPT(X)         \
  X(expanded, double)      \
  X(expanded_offset, int32_t)

#define FOR_EACH_ARRAY(X) \
  FOR_EACH_VIEWED(X)      \
  X(lone, int32_t)

/* Without what can be found again */
#define FOR_EACH_STORED(X) \
  FOR_EACH_KEPT(X)         \
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
  FOR_EACH_STORED(LIST)
#undef LIST
  return n;
}

size_t FurlSlicesStoredBytes(const FurlSlices *slices)
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
  FurlSlicesReport     report = {.stored_bytes = FurlSlicesStoredBytes(slices), .nprograms = (int64_t)slices->program.used};

  for (int64_t s = 0; s < view.nslices; s++) {
    const FurlProgram *const p = view.program + view.header[s].program;

    report.slices[p->columns]++;
    for (int32_t k = 0; k < p->nslots; k++) report.slots[view.kind[p->first + (k < p->ntable ? k : p->ntable - 1)]]++;
  }
  for (size_t k = 0; k < slices->layout.used; k++) report.irregular_slots[FurlIndexSize(view.layout[k])]++;
  for (size_t k = 0; k < slices->exponent.used; k++) report.slots_h64 += (view.exponent[k] & FURL_PLANES_H64) != 0;
  return report;
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
  FurlCursor               at = FurlFirstCursor(header);
  int64_t                  n  = 0;

  for (int32_t slot = p->first; slot < p->first + p->nslots; slot++) {
    if (view->mask[slot] >> l & 1) {
      n++;
      if (value) value[n - 1] = view->kind[slot] == FURL_VALUES_DERIVED ? FurlReadDerived(view, slot, i) : FurlReadSlot(view, &at, slot, i);
      if (column) {
        int64_t place;

        column[n - 1] = (PetscInt)(i + view->offset[slot]);
        place         = PlaceColumn(column, n);
        if (value) PlaceValue(value, n, place);
      }
    }
    FurlAdvanceCursor(view, &at, slot, FURL_WIDTH);
  }
  return n;
}

static int64_t DecodeIrregularRow(const FurlSlicesView *view, const FurlSliceHeader *header, int64_t i, PetscInt *column, double *value)
{
  const uint8_t *const row = view->lane_row + (size_t)header->irregular * FURL_WIDTH;
  FurlIrregularCursor  at  = FurlFirstIrregular(view, i / FURL_WIDTH);
  const int            w   = at.p->width;
  int                  l   = 0;
  int64_t              n   = 0;

  while (row[l] != i % FURL_WIDTH) l++;
  for (int32_t k = 0; k < at.p->nslots && l < FurlLanesOf(view->layout[at.slot]); k++) {
    const int32_t slot  = at.p->first + (k < at.p->ntable ? k : at.p->ntable - 1);
    const int     lanes = FurlLanesOf(view->layout[at.slot]);

    at.values.narrow = at.narrow + FurlNarrowIndices(view, &at);
    for (int d = 0; d < w; d++) {
      const int entry = at.p->columns == FURL_COLUMNS_BLOCKS ? FurlBlockEntry(lanes, w, l, d) : l * w + d;

      if (!FurlHasEntry(view, &at, (size_t)(l * w + d))) continue;
      if (column) column[n] = (PetscInt)(FurlReadColumn(view, &at, l) + d);
      if (value) value[n] = FurlReadValue(view, &at.values, slot, (size_t)entry);
      n++;
    }
    FurlAdvanceIrregular(view, &at, slot);
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
  FurlCursor               at   = FurlFirstCursor(header);
  int32_t                  slot = p->first;
  double                   room[FURL_WIDTH];
  const double            *v;

  for (; slot < p->first + p->nslots && view->offset[slot]; slot++) FurlAdvanceCursor(view, &at, slot, FURL_WIDTH);
  if (slot == p->first + p->nslots) return;
  v = FurlGetSlot(view, &at, slot, row0, room);
  for (int l = 0; l < nrows; l++)
    if (view->mask[slot] >> l & 1) diagonal[l] = v[l];
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
  FurlCursor               at[FURL_MAX_SLOTS + 1];
  int32_t                  order[FURL_MAX_SLOTS];
  PetscInt                 next[FURL_WIDTH];
  double                   room[FURL_WIDTH];

  SortSlots(view, p, order);
  at[0] = FurlFirstCursor(view->header + s);
  for (int32_t k = 0; k < p->nslots; k++) {
    at[k + 1] = at[k];
    FurlAdvanceCursor(view, at + k + 1, p->first + k, FURL_WIDTH);
  }
  for (int l = 0; l < FURL_WIDTH; l++) next[l] = rowptr[l];
  for (int32_t k = 0; k < p->nslots; k++) {
    const int32_t       slot = p->first + order[k];
    const double *const v    = FurlGetSlot(view, at + order[k], slot, row0, room);

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
