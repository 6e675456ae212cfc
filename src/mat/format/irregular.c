/* Irregular slices: rows in order of falling length, columns stored in 16 or 32 bits */
#include "array.h"
#include "encoder.h"

/* Rows of the slice in order of falling length, those of the same length in their own order */
static void SortLanes(const FurlEncoder *e, uint8_t *row)
{
  for (int l = 0; l < FURL_WIDTH; l++) {
    const int64_t length = e->start[l + 1] - e->start[l];
    int           p      = l;

    for (; p > 0 && e->start[row[p - 1] + 1] - e->start[row[p - 1]] < length; p--) row[p] = row[p - 1];
    row[p] = (uint8_t)l;
  }
}

/* The k-th entries of the rows that have so many; returns their number */
static int GatherSlot(const FurlEncoder *e, const uint8_t *row, int32_t k, int32_t *column, double *value)
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
static FurlColumns ChooseColumns(const FurlEncoder *e, const uint8_t *row, int32_t nslots)
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

FurlEncodeStatus FurlEncodeIrregular(FurlEncoder *e)
{
  FurlSlices *const       slices    = e->slices;
  FurlProgramDraft *const d         = &e->draft;
  const FurlSliceHeader   header    = FurlEncodeBegin(slices);
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
    d->start[k]    = 0;
    d->window[k]   = 0;
    d->kind[k]     = (uint8_t)FurlValuesChoose(e, value, padded);
    if (!AppendColumns(slices, d->columns, column, n, padded) || !FurlValuesAppend(slices, (FurlValues)d->kind[k], value, padded))
      return FURL_ENCODE_MEMORY;
  }
  return FurlEncodeEnd(e, header);
}
