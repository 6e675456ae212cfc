/* Encodes the rows of a matrix, slice by slice */
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <furl/slices.h>
#include <furl/planes.h>
#include "array.h"
#include "program.h"

/* What an encoder carries from slice to slice */
typedef struct {
  const FurlCsr      *csr;
  const FurlEncoding *encoding;
  FurlSlices         *slices;
  FurlProgramTable    table;
  FurlProgramDraft    draft;    /* [FURL_MAX_SLOTS or the longest row] of each */
  int32_t             npattern; /* slots of the latest pattern, a first guess for the next slice */
  int32_t             pattern[FURL_MAX_SLOTS];
  int64_t             nrows;                 /* rows of the slice */
  int64_t             start[FURL_WIDTH + 1]; /* its entries row by row, as they are to be stored */
  int32_t            *column;
  double             *value;
  double             *slot; /* [FURL_MAX_SLOTS][FURL_WIDTH] values of a pattern */
} Encoder;

static int64_t LongestRow(const FurlCsr *csr)
{
  int64_t longest = 0;

  for (int64_t i = 0; i < csr->nrows; i++)
    if (csr->rowptr[i + 1] - csr->rowptr[i] > longest) longest = csr->rowptr[i + 1] - csr->rowptr[i];
  return longest;
}

/* Copies the entries of slice s that are to be stored, scaled */
static void LoadSlice(Encoder *e, int64_t s)
{
  const FurlCsr *csr   = e->csr;
  const double  *scale = e->encoding->column_scale;
  const int64_t  row0  = s * FURL_WIDTH;
  int64_t        n     = 0;

  e->nrows = csr->nrows - row0 < FURL_WIDTH ? csr->nrows - row0 : FURL_WIDTH;
  for (int64_t l = 0; l < e->nrows; l++) {
    const double row_scale = e->encoding->row_scale ? e->encoding->row_scale[row0 + l] : 1;

    e->start[l] = n;
    for (PetscInt k = csr->rowptr[row0 + l]; k < csr->rowptr[row0 + l + 1]; k++) {
      if (e->encoding->skip_diagonal && csr->column[k] == row0 + l) continue;
      e->column[n]  = (int32_t)csr->column[k];
      e->value[n++] = scale ? csr->value[k] * row_scale * scale[csr->column[k]] : csr->value[k] * row_scale;
    }
  }
  for (int64_t l = e->nrows; l <= FURL_WIDTH; l++) e->start[l] = n;
  e->slices->nnz += n;
}

static int InsertSlot(Encoder *e, int32_t k, int32_t n, int32_t offset)
{
  FurlProgramDraft *const d = &e->draft;

  if (n == FURL_MAX_SLOTS) return 0;
  memmove(d->offset + k + 1, d->offset + k, (size_t)(n - k) * sizeof(*d->offset));
  memmove(d->mask + k + 1, d->mask + k, (size_t)(n - k) * sizeof(*d->mask));
  d->offset[k] = offset;
  d->mask[k]   = 0;
  return 1;
}

/* The union of the rows' offsets with their masks in e->draft, starting from the latest pattern; 0 where there are more than `most` */
static int FindPattern(Encoder *e, int64_t row0, int32_t most)
{
  FurlProgramDraft *const d    = &e->draft;
  int32_t                 n    = e->npattern;
  int32_t                 kept = 0;

  memcpy(d->offset, e->pattern, (size_t)n * sizeof(*d->offset));
  memset(d->mask, 0, (size_t)n * sizeof(*d->mask));
  for (int64_t l = 0; l < e->nrows; l++) {
    int32_t k = 0;

    for (int64_t q = e->start[l]; q < e->start[l + 1]; q++) {
      const int32_t offset = (int32_t)(e->column[q] - (row0 + l));

      while (k < n && d->offset[k] < offset) k++;
      if (k == n || d->offset[k] != offset) {
        if (n >= e->npattern + most || !InsertSlot(e, k, n, offset)) return 0;
        n++;
      }
      d->mask[k] |= 1u << l;
    }
  }
  for (int32_t k = 0; k < n; k++) {
    if (!d->mask[k]) continue;
    d->offset[kept] = d->offset[k];
    d->mask[kept++] = d->mask[k];
  }
  d->nslots = kept;
  return kept <= most;
}

/* Distributes the entries over the slots of the pattern: e->slot, zero where a row misses the slot */
static void FillSlots(Encoder *e, int64_t row0)
{
  const FurlProgramDraft *const d = &e->draft;

  memset(e->slot, 0, (size_t)d->nslots * FURL_WIDTH * sizeof(*e->slot));
  for (int64_t l = 0; l < e->nrows; l++) {
    int32_t k = 0;

    for (int64_t q = e->start[l]; q < e->start[l + 1]; q++, k++) {
      const int32_t offset = (int32_t)(e->column[q] - (row0 + l));

      while (d->offset[k] != offset) k++;
      e->slot[k * FURL_WIDTH + l] = e->value[q];
    }
  }
}

static int IsConstant(const double *value, uint32_t mask, double *constant)
{
  const uint64_t bits = FurlDoubleToBits(value[__builtin_ctz(mask)]);

  for (int l = 0; l < FURL_WIDTH; l++)
    if ((mask >> l & 1) && FurlDoubleToBits(value[l]) != bits) return 0;
  *constant = FurlDoubleFromBits(bits);
  return 1;
}

static int AreFinite(const double *value, int n)
{
  for (int l = 0; l < n; l++)
    if (!isfinite(value[l])) return 0;
  return 1;
}

/* How the n values of a slot that is not constant are stored */
static FurlValues ChooseValues(const Encoder *e, const double *value, int n)
{
  if (e->encoding->store == FURL_STORE_RAW || !AreFinite(value, n)) return FURL_VALUES_RAW;
  return e->encoding->store == FURL_STORE_HEADS ? FURL_VALUES_HEAD : FURL_VALUES_PLANES;
}

static int AppendRaw(FurlSlices *slices, const double *value, int n)
{
  double *const room = FurlArrayExtend(&slices->raw, (size_t)n);

  if (room) memcpy(room, value, (size_t)n * sizeof(*value));
  return room != NULL;
}

static int AppendHeads(FurlSlices *slices, const double *value, int n)
{
  uint16_t *const head     = FurlArrayExtend(&slices->head, (size_t)n);
  int16_t *const  exponent = FurlArrayExtend(&slices->exponent, 1);

  if (!head || !exponent) return 0;
  (void)FurlPlanesFit(value, n, exponent);
  *exponent &= FURL_PLANES_MASK; /* rounded heads have no entry below the window */
  for (int l = 0; l < n; l++) head[l] = FurlHeadRound(value[l], *exponent);
  return 1;
}

static int AppendPlanes(FurlSlices *slices, const double *value, int n)
{
  uint16_t *const head     = FurlArrayExtend(&slices->head, (size_t)n);
  int16_t *const  exponent = FurlArrayExtend(&slices->exponent, 1);
  int16_t        *second;
  uint32_t       *tail;

  if (!head || !exponent) return 0;
  if (!FurlPlanesFit(value, n, exponent)) {
    for (int l = 0; l < n; l++) head[l] = FurlHeadRound(value[l], *exponent);
    return AppendRaw(slices, value, n);
  }
  second = FurlArrayExtend(&slices->second, (size_t)n);
  tail   = FurlArrayExtend(&slices->tail, (size_t)n);
  if (!second || !tail) return 0;
  for (int l = 0; l < n; l++) FurlPlanesSplit(value[l], *exponent, head + l, second + l, tail + l);
  return 1;
}

/* n: a multiple of FURL_GROUP */
static int AppendValues(FurlSlices *slices, FurlValues kind, const double *value, int n)
{
  switch (kind) {
  case FURL_VALUES_CONSTANT:
    return 1;
  case FURL_VALUES_RAW:
    return AppendRaw(slices, value, n);
  case FURL_VALUES_PLANES:
    return AppendPlanes(slices, value, n);
  case FURL_VALUES_HEAD:
    return AppendHeads(slices, value, n);
  }
  return 0;
}

static size_t BytesOfValue(FurlStore store)
{
  return store == FURL_STORE_HEADS ? 2 : 8;
}

static FurlSliceHeader BeginSlice(const FurlSlices *slices)
{
  return (FurlSliceHeader){.raw       = (uint32_t)(slices->raw.used / FURL_GROUP),
                           .head      = (uint32_t)(slices->head.used / FURL_GROUP),
                           .rest      = (uint32_t)(slices->second.used / FURL_GROUP),
                           .exponent  = (uint32_t)slices->exponent.used,
                           .irregular = (uint32_t)slices->irregular.used};
}

static FurlEncodeStatus EndSlice(Encoder *e, FurlSliceHeader header)
{
  FurlSliceHeader *const room   = FurlArrayExtend(&e->slices->header, 1);
  const FurlEncodeStatus status = room ? FurlProgramFind(&e->table, e->slices, &e->draft, &header.program) : FURL_ENCODE_MEMORY;

  if (!status) *room = header;
  return status;
}

static FurlEncodeStatus EncodePattern(Encoder *e)
{
  FurlProgramDraft *const d      = &e->draft;
  const FurlSliceHeader   header = BeginSlice(e->slices);

  d->columns = FURL_COLUMNS_PATTERN;
  for (int32_t k = 0; k < d->nslots; k++) {
    const double *const value = e->slot + k * FURL_WIDTH;

    d->constant[k] = 0;
    d->kind[k]     = (uint8_t)(IsConstant(value, d->mask[k], &d->constant[k]) ? FURL_VALUES_CONSTANT : ChooseValues(e, value, FURL_WIDTH));
    if (!AppendValues(e->slices, (FurlValues)d->kind[k], value, FURL_WIDTH)) return FURL_ENCODE_MEMORY;
  }
  e->npattern = d->nslots;
  memcpy(e->pattern, d->offset, (size_t)d->nslots * sizeof(*d->offset));
  return EndSlice(e, header);
}

/* Rows of the slice in order of falling length, those of the same length in their own order */
static void SortLanes(const Encoder *e, uint8_t *row)
{
  for (int l = 0; l < FURL_WIDTH; l++) {
    const int64_t length = e->start[l + 1] - e->start[l];
    int           p      = l;

    for (; p > 0 && e->start[row[p - 1] + 1] - e->start[row[p - 1]] < length; p--) row[p] = row[p - 1];
    row[p] = (uint8_t)l;
  }
}

/* The k-th entries of the rows that have so many; returns their number */
static int GatherSlot(const Encoder *e, const uint8_t *row, int32_t k, int32_t *column, double *value)
{
  int n = 0;

  for (; n < FURL_WIDTH && e->start[row[n]] + k < e->start[row[n] + 1]; n++) {
    column[n] = e->column[e->start[row[n]] + k];
    value[n]  = e->value[e->start[row[n]] + k];
  }
  return n;
}

static int32_t Smallest(const int32_t *column, int n)
{
  int32_t smallest = column[0];

  for (int l = 1; l < n; l++)
    if (column[l] < smallest) smallest = column[l];
  return smallest;
}

/* 16 bits suffice where in each slot the columns lie within 2^16 of each other */
static FurlColumns ChooseColumns(const Encoder *e, const uint8_t *row, int32_t nslots)
{
  int32_t column[FURL_WIDTH];
  double  value[FURL_WIDTH];

  for (int32_t k = 0; k < nslots; k++) {
    const int     n    = GatherSlot(e, row, k, column, value);
    const int32_t base = Smallest(column, n);

    for (int l = 0; l < n; l++)
      if (column[l] - base > UINT16_MAX) return FURL_COLUMNS_INDEX32;
  }
  return FURL_COLUMNS_DELTA16;
}

static int AppendColumns(FurlSlices *slices, FurlColumns columns, const int32_t *column, int n, int padded)
{
  int32_t *const base  = FurlArrayExtend(&slices->base, 1);
  uint8_t *const count = FurlArrayExtend(&slices->count, 1);

  if (!base || !count) return 0;
  *base  = Smallest(column, n);
  *count = (uint8_t)n;
  if (columns == FURL_COLUMNS_DELTA16) {
    uint16_t *const delta = FurlArrayExtend(&slices->delta, (size_t)padded);
    for (int l = 0; delta && l < padded; l++) delta[l] = (uint16_t)(l < n ? column[l] - *base : 0);
    return delta != NULL;
  }
  int32_t *const index = FurlArrayExtend(&slices->index, (size_t)padded);
  for (int l = 0; index && l < padded; l++) index[l] = l < n ? column[l] : *base;
  return index != NULL;
}

static FurlEncodeStatus EncodeIrregular(Encoder *e)
{
  FurlSlices *const       slices    = e->slices;
  FurlProgramDraft *const d         = &e->draft;
  const FurlSliceHeader   header    = BeginSlice(slices);
  uint8_t *const          row       = FurlArrayExtend(&slices->lane_row, FURL_WIDTH);
  FurlIrregular *const    irregular = FurlArrayExtend(&slices->irregular, 1);

  if (!row || !irregular) return FURL_ENCODE_MEMORY;
  SortLanes(e, row);
  d->nslots          = (int32_t)(e->start[row[0] + 1] - e->start[row[0]]);
  d->columns         = ChooseColumns(e, row, d->nslots);
  irregular->slots   = (uint32_t)slices->base.used;
  irregular->columns = (uint32_t)((d->columns == FURL_COLUMNS_DELTA16 ? slices->delta.used : slices->index.used) / FURL_GROUP);
  for (int32_t k = 0; k < d->nslots; k++) {
    int32_t   column[FURL_WIDTH];
    double    value[FURL_WIDTH];
    const int n      = GatherSlot(e, row, k, column, value);
    const int padded = (n + FURL_GROUP - 1) / FURL_GROUP * FURL_GROUP;

    for (int l = n; l < padded; l++) value[l] = 0;
    d->offset[k]   = 0;
    d->mask[k]     = 0;
    d->constant[k] = 0;
    d->kind[k]     = (uint8_t)ChooseValues(e, value, padded);
    if (!AppendColumns(slices, d->columns, column, n, padded) || !AppendValues(slices, (FurlValues)d->kind[k], value, padded))
      return FURL_ENCODE_MEMORY;
  }
  return EndSlice(e, header);
}

/* A pattern stores 32 values a slot that is not constant and no column; else 2 bytes of column an entry, and some padding */
static int PatternIsCheaper(const Encoder *e)
{
  const size_t bytes_of_value = BytesOfValue(e->encoding->store);
  const size_t entries        = (size_t)e->start[FURL_WIDTH];
  size_t       pattern        = 0;
  double       constant;

  for (int32_t k = 0; k < e->draft.nslots; k++)
    if (!IsConstant(e->slot + k * FURL_WIDTH, e->draft.mask[k], &constant)) pattern += FURL_WIDTH * bytes_of_value;
  return pattern <= entries * (bytes_of_value + 2);
}

static FurlEncodeStatus EncodeSlice(Encoder *e, int64_t s)
{
  const int64_t row0    = s * FURL_WIDTH;
  int64_t       longest = 0;

  LoadSlice(e, s);
  for (int64_t l = 0; l < e->nrows; l++)
    if (e->start[l + 1] - e->start[l] > longest) longest = e->start[l + 1] - e->start[l];
  if (longest <= FURL_MAX_SLOTS && FindPattern(e, row0, (int32_t)(2 * longest))) {
    FillSlots(e, row0);
    if (PatternIsCheaper(e)) return EncodePattern(e);
  }
  e->npattern = 0;
  return EncodeIrregular(e);
}

static int EncoderInit(Encoder *e, const FurlCsr *csr, const FurlEncoding *encoding, FurlSlices *slices)
{
  const size_t longest = (size_t)LongestRow(csr);
  const size_t nslots  = longest > FURL_MAX_SLOTS ? longest : FURL_MAX_SLOTS;

  *e                = (Encoder){.csr = csr, .encoding = encoding, .slices = slices};
  e->draft.offset   = calloc(nslots, sizeof(*e->draft.offset));
  e->draft.mask     = calloc(nslots, sizeof(*e->draft.mask));
  e->draft.kind     = calloc(nslots, sizeof(*e->draft.kind));
  e->draft.constant = calloc(nslots, sizeof(*e->draft.constant));
  e->column         = calloc(longest * FURL_WIDTH + 1, sizeof(*e->column));
  e->value          = calloc(longest * FURL_WIDTH + 1, sizeof(*e->value));
  e->slot           = calloc((size_t)FURL_MAX_SLOTS * FURL_WIDTH, sizeof(*e->slot));
  return e->draft.offset && e->draft.mask && e->draft.kind && e->draft.constant && e->column && e->value && e->slot;
}

static void EncoderFree(Encoder *e)
{
  free(e->slot);
  free(e->value);
  free(e->column);
  free(e->draft.constant);
  free(e->draft.kind);
  free(e->draft.mask);
  free(e->draft.offset);
  free(e->table.bucket);
}

FurlEncodeStatus FurlSlicesEncode(const FurlCsr *csr, const FurlEncoding *encoding, FurlSlices *slices)
{
  FurlEncodeStatus status = FURL_ENCODE_OK;
  Encoder          e;

  FurlSlicesInit(slices, csr->nrows, csr->ncols);
  if (csr->nrows >= INT32_MAX || csr->ncols >= INT32_MAX) return FURL_ENCODE_TOO_LARGE;
  if (!EncoderInit(&e, csr, encoding, slices)) status = FURL_ENCODE_MEMORY;
  for (int64_t s = 0; !status && s < slices->nslices; s++) status = EncodeSlice(&e, s);
  EncoderFree(&e);
  if (status)
    FurlSlicesFree(slices);
  else
    FurlSlicesTrim(slices);
  return status;
}
