/* Walks through the slots of a slice as they are stored: where the values and indices of each are */
#pragma once

#include <furl/planes.h>
#include <furl/slices.h>

/* Where the values of a slot are; advances from slot to slot */
typedef struct {
  size_t raw, head, rest, exponent; /* entries, and slots for the last */
  size_t narrow;                    /* of an irregular slot: its codes of 8 bits */
} FurlCursor;

static inline double FurlReadDiagonal(const FurlSlicesView *view, int32_t slot, int64_t i)
{
  const int64_t at = view->start[slot] + i;
  const int16_t B  = view->window[slot];

  if (view->kind[slot] == FURL_VALUES_DIAGONAL) return view->diagonal[at];
  if (view->kind[slot] == FURL_VALUES_DIAGONAL_HEAD) return FurlHeadToFloat(view->diagonal_head[at]) * FurlPowerDouble(FurlPlanesScale(B));
  return FurlPlanesToDouble(view->diagonal_head[at], view->diagonal_second[at], view->diagonal_tail[at], B);
}

static inline double FurlReadValue(const FurlSlicesView *view, const FurlCursor *at, int32_t slot, size_t l)
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

static inline void FurlAdvanceCursor(const FurlSlicesView *view, FurlCursor *at, int32_t slot, size_t n)
{
  const int kind   = view->kind[slot];
  const int planes = kind == FURL_VALUES_PLANES || kind == FURL_VALUES_HEAD;
  const int h64    = planes && (view->exponent[at->exponent] & FURL_PLANES_H64);

  if (kind == FURL_VALUES_RAW || h64) at->raw += n;
  if (kind == FURL_VALUES_PLANES && !h64) at->rest += n;
  if (planes || kind == FURL_VALUES_CODE16) at->head += n;
  at->exponent += (size_t)planes;
}

static inline FurlCursor FurlFirstCursor(const FurlSliceHeader *header)
{
  return (FurlCursor){(size_t)header->raw * FURL_GROUP, (size_t)header->head * FURL_GROUP, (size_t)header->rest * FURL_GROUP,
                      header->exponent, 0};
}

/* The value in row i of a slot of a pattern */
static inline double FurlReadSlot(const FurlSlicesView *view, const FurlCursor *at, int32_t slot, int64_t i)
{
  return FurlIsInDiagonal(view->kind[slot]) ? FurlReadDiagonal(view, slot, i) : FurlReadValue(view, at, slot, (size_t)(i % FURL_WIDTH));
}

/* Lane l of a derived diagonal, whose other entries have this sum */
static inline double FurlDerivedEntry(const FurlSlicesView *view, int32_t slot, const FurlSliceHeader *header, int l, double others)
{
  const int8_t *const unit = (const int8_t *)(view->derived + header->irregular);
  const double        left = view->constant[slot] - others;

  if (view->start[slot] >> l & 1) return FurlDoubleFromBits(FurlOwnBits(view, header, slot, l));
  return view->window[slot] != FURL_UNITS_NONE ? FurlDoubleFromBits(FurlDoubleToBits(left) + (uint64_t)(int64_t)unit[l]) : left;
}

/* Row i of a derived diagonal: the sum is that of the slots in their order */
static inline double FurlReadDerived(const FurlSlicesView *view, int32_t derived, int64_t i)
{
  const FurlSliceHeader *const header = view->header + i / FURL_WIDTH;
  const FurlProgram *const     p      = view->program + header->program;
  FurlCursor                   at     = FurlFirstCursor(header);
  double                       others = 0;

  for (int32_t slot = p->first; slot < p->first + p->nslots; slot++) {
    if (slot != derived && view->mask[slot] >> i % FURL_WIDTH & 1) others += FurlReadSlot(view, &at, slot, i);
    FurlAdvanceCursor(view, &at, slot, FURL_WIDTH);
  }
  return FurlDerivedEntry(view, derived, header, (int)(i % FURL_WIDTH), others);
}

/* The slot at hand of an irregular slice, and what all its slots have in common */
typedef struct {
  const FurlProgram *p;
  uint8_t            block[FURL_WIDTH];           /* which index of a slot lane l reads */
  size_t             slot, present, narrow, wide; /* in base[] and layout[]; in present[]; its first index */
  FurlCursor         values;
} FurlIrregularCursor;

static inline FurlIrregularCursor FurlFirstIrregular(const FurlSlicesView *view, int64_t s)
{
  const FurlSliceHeader *const header    = view->header + s;
  const FurlIrregular *const   irregular = view->irregular + header->irregular;
  const FurlProgram *const     p         = view->program + header->program;
  const uint8_t *const         row       = view->lane_row + (size_t)header->irregular * FURL_WIDTH;
  FurlIrregularCursor          at        = {.p       = p,
                                            .slot    = irregular->slots,
                                            .present = irregular->present,
                                            .narrow  = irregular->narrow,
                                            .wide    = irregular->wide,
                                            .values  = FurlFirstCursor(header)};

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

static inline int32_t FurlReadColumn(const FurlSlicesView *view, const FurlIrregularCursor *at, int l)
{
  const int scale = at->p->columns == FURL_COLUMNS_BLOCKS ? at->p->width : 1;
  const int size = FurlIndexSize(view->layout[at->slot]), i = at->block[l];

  if (size == 0) return view->base[at->slot] + scale * view->narrow[at->narrow + i];
  return view->base[at->slot] + scale * (size == 1 ? view->wide[at->wide + i] : FurlWideIndex(view->wide + at->wide, i));
}

static inline int FurlHasEntry(const FurlSlicesView *view, const FurlIrregularCursor *at, size_t bit)
{
  return !(view->layout[at->slot] & FURL_LAYOUT_MASKED) || (view->present[at->present + bit / 64] >> bit % 64 & 1);
}

static inline size_t FurlCountIndices(const FurlSlicesView *view, const FurlIrregularCursor *at)
{
  return at->block[FurlStoredLanes(at->p, view->layout[at->slot]) - 1] + 1u;
}

/* Indices of the slot that are in narrow[] */
static inline size_t FurlNarrowIndices(const FurlSlicesView *view, const FurlIrregularCursor *at)
{
  return FurlIndexSize(view->layout[at->slot]) ? 0 : FurlCountIndices(view, at);
}

static inline void FurlAdvanceIrregular(const FurlSlicesView *view, FurlIrregularCursor *at, int32_t slot)
{
  const int    layout = view->layout[at->slot];
  const size_t values = (size_t)(at->p->width * FurlStoredLanes(at->p, layout));

  at->narrow += FurlNarrowIndices(view, at) + (view->kind[slot] == FURL_VALUES_CODE8 ? values : 0);
  at->wide += (size_t)FurlIndexSize(layout) * FurlCountIndices(view, at);
  if (layout & FURL_LAYOUT_MASKED) at->present += (size_t)FurlPresentWords(at->p->width);
  FurlAdvanceCursor(view, &at->values, slot, values);
  at->slot++;
}

/* The 32 values of a slot that is not derived, in place where they are stored as doubles */
static inline const double *FurlGetStoredSlot(const FurlSlicesView *view, const FurlCursor *at, int32_t slot, int64_t row0, double *room)
{
  const int kind = view->kind[slot];

  if (kind == FURL_VALUES_RAW) return view->raw + at->raw;
  if (kind == FURL_VALUES_DIAGONAL) return view->diagonal + view->start[slot] + row0;
  for (int64_t l = 0; l < FURL_WIDTH; l++) room[l] = FurlReadSlot(view, at, slot, row0 + l);
  return room;
}

static inline const double *FurlGetDerivedSlot(const FurlSlicesView *view, int32_t derived, int64_t row0, double *room)
{
  const FurlSliceHeader *const header             = view->header + row0 / FURL_WIDTH;
  const FurlProgram *const     p                  = view->program + header->program;
  FurlCursor                   at                 = FurlFirstCursor(header);
  double                       others[FURL_WIDTH] = {0};

  for (int32_t slot = p->first; slot < p->first + p->nslots; slot++) {
    const uint32_t mask = slot == derived ? 0 : view->mask[slot];
    const double  *v    = mask ? FurlGetStoredSlot(view, &at, slot, row0, room) : room;

    for (int l = 0; mask && l < FURL_WIDTH; l++) others[l] = mask >> l & 1 ? others[l] + v[l] : others[l];
    FurlAdvanceCursor(view, &at, slot, FURL_WIDTH);
  }
  for (int l = 0; l < FURL_WIDTH; l++) room[l] = FurlDerivedEntry(view, derived, header, l, others[l]);
  return room;
}

/* The same of any slot of a pattern */
static inline const double *FurlGetSlot(const FurlSlicesView *view, const FurlCursor *at, int32_t slot, int64_t row0, double *room)
{
  if (view->kind[slot] == FURL_VALUES_DERIVED) return FurlGetDerivedSlot(view, slot, row0, room);
  return FurlGetStoredSlot(view, at, slot, row0, room);
}
