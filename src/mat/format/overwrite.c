/* A slice that keeps its program, or its program but for the constants: new values go where the old ones are */
#include <string.h>
#include "array.h"
#include "irregular.h"
#include "renewal.h"

/* A number of the dictionary whose value is a new one: it is replaced once, and must then be the value of all who have that number */
static int RenewCodes(FurlEncoder *e, const uint16_t *code, const double *value, int n)
{
  double *const dictionary = e->slices->dictionary.data;

  for (int l = 0; l < n; l++) {
    const uint64_t bits = FurlDoubleToBits(value[l]);

    if (!e->renewal->value_is_new[code[l]]) {
      e->renewal->value_is_new[code[l]] = 1;
      dictionary[code[l]]               = value[l];
    } else if (FurlDoubleToBits(dictionary[code[l]]) != bits)
      return 0;
  }
  return 1;
}

/* While other slices keep their values, the dictionary's stay, and it may take new ones */
static int WriteCodes(FurlEncoder *e, FurlValues kind, size_t at, const double *value, int n)
{
  uint16_t *const head   = (uint16_t *)e->slices->head.data + at;
  uint8_t *const  narrow = (uint8_t *)e->slices->narrow.data + at;
  uint16_t        code[FURL_WIDTH * FURL_BLOCK_MOST];
  int             bytes;

  if (e->renewal->value_is_new) {
    for (int l = 0; l < n; l++) code[l] = kind == FURL_VALUES_CODE8 ? narrow[l] : head[l];
    return RenewCodes(e, code, value, n);
  }
  bytes = FurlDictionaryFind(e, value, n);
  if (!bytes || (kind == FURL_VALUES_CODE8 && bytes > 1)) return 0;
  for (int l = 0; l < n; l++)
    if (kind == FURL_VALUES_CODE8)
      narrow[l] = (uint8_t)e->dictionary.code[l];
    else
      head[l] = e->dictionary.code[l];
  return 1;
}

static int WritePlanes(FurlSlices *slices, const FurlCursor *at, const double *value, int n)
{
  uint16_t *const head     = (uint16_t *)slices->head.data + at->head;
  int16_t *const  exponent = (int16_t *)slices->exponent.data + at->exponent;
  int16_t         now;
  const int       fits = FurlPlanesFit(value, n, &now);

  if (!fits != !!(*exponent & FURL_PLANES_H64)) return 0;
  *exponent = now;
  if (fits) {
    FurlPlanesSplitLanes(value, n, now, head, (int16_t *)slices->second.data + at->rest, (uint32_t *)slices->tail.data + at->rest);
    return 1;
  }
  FurlHeadsRound(value, n, now, head);
  memcpy((double *)slices->raw.data + at->raw, value, (size_t)n * sizeof(*value));
  return 1;
}

static int WriteHeads(FurlSlices *slices, const FurlCursor *at, const double *value, int n)
{
  int16_t *const exponent = (int16_t *)slices->exponent.data + at->exponent;

  (void)FurlPlanesFit(value, n, exponent);
  *exponent &= FURL_PLANES_MASK;
  FurlHeadsRound(value, n, *exponent, (uint16_t *)slices->head.data + at->head);
  return 1;
}

/* The values of a slot of the payload, in the way that it has; 0 where that cannot hold them, or is not the best any more */
static int WriteValues(FurlEncoder *e, FurlValues kind, const FurlCursor *at, const double *value, int n)
{
  const FurlStore store = e->encoding->store;

  switch (kind) {
  case FURL_VALUES_RAW:
    if (store != FURL_STORE_RAW && !FurlValuesAreLarge(value, n)) return 0;
    FurlRenewalSample(e->renewal, value, n);
    memcpy((double *)e->slices->raw.data + at->raw, value, (size_t)n * sizeof(*value));
    return 1;
  case FURL_VALUES_PLANES:
    FurlRenewalSample(e->renewal, value, n);
    return !FurlValuesAreLarge(value, n) && WritePlanes(e->slices, at, value, n);
  case FURL_VALUES_HEAD:
    return !FurlValuesAreLarge(value, n) && WriteHeads(e->slices, at, value, n);
  case FURL_VALUES_CODE8:
    return WriteCodes(e, kind, at->narrow, value, n);
  default:
    return WriteCodes(e, kind, at->head, value, n);
  }
}

/* The kinds of the other slots, which come before it, are known */
static int WriteDerived(FurlEncoder *e, int32_t k, int32_t slot, const FurlSliceHeader *header)
{
  const FurlSlicesView *const view = &e->former.view;

  if (!e->diagonals.derives || !FurlDerive(e, k)) return 0;
  if (e->draft.start[k] != view->start[slot] || e->draft.window[k] != view->window[slot]) return 0;
  FurlDerivedWrite(e, e->draft.window[k], (uint64_t *)e->slices->derived.data + header->irregular);
  return 1;
}

/* Slot k of the draft, which is `slot` of its program, of the kind that it has; 0 where another kind is to be chosen */
static int WriteSlot(FurlEncoder *e, int64_t row0, int32_t k, int32_t slot, const FurlSliceHeader *header, const FurlCursor *at)
{
  FurlProgramDraft *const d     = &e->draft;
  const double *const     value = e->slot + k * FURL_WIDTH;
  const FurlValues        kind  = (FurlValues)d->kind[k];
  const int               few   = __builtin_popcount(d->mask[k]) < FURL_WIDTH / 4;
  double                  constant;

  d->constant[k] = 0;
  d->start[k]    = 0;
  d->window[k]   = 0;
  if (kind == FURL_VALUES_CONSTANT) return FurlValuesAreConstant(value, d->mask[k], d->constant + k);
  if (!few && FurlValuesAreConstant(value, d->mask[k], &constant)) return 0;
  if (kind == FURL_VALUES_DERIVED) return WriteDerived(e, k, slot, header);
  if (FurlIsInDiagonal(kind)) return FurlDiagonalsMatch(e, row0, k, value);
  if (FurlDiagonalsMatch(e, row0, k, value) || (few && FurlValuesAreConstant(value, d->mask[k], &constant))) return 0;
  return WriteValues(e, kind, at, value, FURL_WIDTH);
}

/* The slots in the order of the offsets, as they are loaded, of the kinds that they have; constants make another program */
static FurlEncodeStatus OverwritePattern(FurlEncoder *e, int64_t s, int *done)
{
  FurlProgramDraft *const     d      = &e->draft;
  const FurlSlicesView *const view   = &e->former.view;
  FurlSliceHeader             header = view->header[s];
  const FurlProgram           p      = view->program[header.program];
  FurlCursor                  at     = FurlFirstCursor(&header);
  const FurlSlotLayout       *layout;
  FurlEncodeStatus            status;
  uint64_t                    differ = 0;

  *done = FurlPatternLoadFormer(e, s);
  if (!*done) return FURL_ENCODE_OK;
  layout     = e->former.filled;
  d->columns = FURL_COLUMNS_PATTERN;
  d->foreign = 0;
  FurlDiagonalsStore(e, s, 1);
  for (int32_t k = 0; k < p.nslots; k++) {
    const int32_t slot = p.first + k, to = layout->rank[k];

    d->kind[to] = view->kind[slot];
    *done       = WriteSlot(e, s * FURL_WIDTH, to, slot, &header, &at);
    if (!*done) return FURL_ENCODE_OK;
    differ |= FurlDoubleToBits(d->constant[to]) ^ FurlDoubleToBits(view->constant[slot]);
    FurlAdvanceCursor(view, &at, slot, FURL_WIDTH);
  }
  differ |= d->foreign != (p.masked == FURL_MASKED_FOREIGN);
  status = FurlDescribeSlice(e, s, 1);
  if (status || !differ) return status;
  d->width  = 1;
  d->pad    = 0;
  d->nslots = d->ntable = p.nslots;
  return FurlRenewalPlaceHeader(e, s, header);
}

static FurlEncodeStatus OverwriteIrregular(FurlEncoder *e, int64_t s, int *done)
{
  const FurlSlicesView *const view = &e->former.view;
  FurlIrregularCursor         at   = FurlFirstIrregular(view, s);
  FurlRowsAt                  rows;
  double                      value[FURL_WIDTH * FURL_BLOCK_MOST];

  FurlFirstRows(e, view, s, &rows);
  for (int32_t k = 0; k < at.p->nslots; k++) {
    const int32_t slot = at.p->first + (k < at.p->ntable ? k : at.p->ntable - 1);
    const int     n    = at.p->width * FurlStoredLanes(at.p, view->layout[at.slot]);

    *done = FurlRowsTakeSlot(e, view, &at, &rows, value);
    if (!*done) return FURL_ENCODE_OK;
    at.values.narrow = at.narrow + FurlNarrowIndices(view, &at);
    *done            = WriteValues(e, (FurlValues)view->kind[slot], &at.values, value, n);
    if (!*done) return FURL_ENCODE_OK;
    FurlAdvanceIrregular(view, &at, slot);
  }
  *done = FurlRowsEnd(&rows);
  if (!*done) return FURL_ENCODE_OK;
  FurlDiagonalsStore(e, s, 0);
  return FurlDescribeSlice(e, s, 0);
}

/* A row of the dictionary, which all who have it must give the same new values */
static int RenewRow(FurlEncoder *e, int64_t row0, int l, uint32_t number)
{
  const FurlSlicesView *const view = &e->former.view;
  const FurlRepeatedRow       row  = view->row[number];
  const int32_t *const column = e->column + e->start[l], *const offset = view->row_offset + row.first;
  const double *const value  = e->value + e->start[l];
  double *const       there  = (double *)e->slices->row_value.data + row.first;
  int32_t             moved  = 0;
  uint64_t            differ = 0;

  if ((int64_t)row.n != e->start[l + 1] - e->start[l]) return 0;
  for (uint32_t k = 0; k < row.n; k++) moved |= column[k] - (int32_t)(row0 + l) - offset[k];
  if (moved) return 0;
  if (!e->renewal->row_is_new[number]) {
    if (row.n) memcpy(there, value, row.n * sizeof(*there));
    e->renewal->row_is_new[number] = 1;
    e->rows.trait[number]          = (uint8_t)FurlDescribeRow(e, row0, l);
    return 1;
  }
  for (uint32_t k = 0; k < row.n; k++) differ |= FurlDoubleToBits(value[k]) ^ FurlDoubleToBits(there[k]);
  return !differ;
}

static FurlEncodeStatus OverwriteRows(FurlEncoder *e, int64_t s, int *done)
{
  const FurlSliceHeader *const header = e->former.view.header + s;
  const uint16_t *const        code   = e->former.view.code + (size_t)header->irregular * FURL_WIDTH;
  uint32_t                     number[FURL_WIDTH];

  *done = e->renewal->row_is_new != NULL;
  for (int l = 0; *done && l < FURL_WIDTH; l++) {
    number[l] = header->raw + code[l];
    *done     = RenewRow(e, s * FURL_WIDTH, l, number[l]);
  }
  return *done ? FurlDescribeRows(e, s, number) : FURL_ENCODE_OK;
}

FurlEncodeStatus FurlSliceOverwrite(FurlEncoder *e, int64_t s, int *done)
{
  const FurlProgram *const p = e->former.view.program + e->former.view.header[s].program;

  if (p->columns == FURL_COLUMNS_PATTERN) return OverwritePattern(e, s, done);
  if (p->columns == FURL_COLUMNS_ROWS) return OverwriteRows(e, s, done);
  return OverwriteIrregular(e, s, done);
}
