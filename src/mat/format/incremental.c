/* Encodes rows that come slice by slice */
#include <stdlib.h>
#include "encoder.h"

FurlEncodeStatus FurlEncoderCreate(const FurlEncoding *encoding, const FurlRowSource *source, FurlSlices *slices, FurlEncoder **out)
{
  FurlEncodeStatus status;
  FurlEncoder     *e;

  if (slices->nrows >= INT32_MAX || slices->ncols >= INT32_MAX) return FURL_ENCODE_TOO_LARGE;
  *out = e = calloc(1, sizeof(*e));
  if (!e) return FURL_ENCODE_MEMORY;
  e->encoding = encoding;
  e->slices   = slices;
  e->source   = *source;
  if (!FurlEncoderReserve(e, FURL_MAX_SLOTS)) return FURL_ENCODE_MEMORY;
  e->entries = source->nslices == slices->nslices ? source->entries : 0;
  status     = FurlRowsChoose(e);
  if (!status && !e->rows.use) status = FurlDiagonalsChoose(e);
  e->block_width = 1;
  if (!status) FurlBlocksChoose(e);
  return status;
}

int FurlEncoderFollow(FurlEncoder *e, const FurlSlices *former)
{
  return FurlFormerBorrow(&e->former, former);
}

int FurlEncoderLoadSource(FurlEncoder *e, int64_t s)
{
  const int64_t row0 = s * FURL_WIDTH;
  FurlRow       row;
  int64_t       n = 0;

  e->nrows = e->slices->nrows - row0 < FURL_WIDTH ? e->slices->nrows - row0 : FURL_WIDTH;
  for (int64_t l = 0; l < e->nrows; l++)
    if (e->source.get(e->source.context, row0 + l, 0, &row) && !FurlEncoderReserve(e, (size_t)row.n)) return 0;
  for (int64_t l = 0; l < e->nrows; l++) {
    e->start[l] = n;
    if (!e->source.get(e->source.context, row0 + l, 0, &row)) continue;
    for (int64_t k = 0; k < row.n; k++, n++) {
      e->own_column[n] = (int32_t)row.column[k];
      e->own_value[n]  = row.value[k];
    }
  }
  for (int64_t l = e->nrows; l <= FURL_WIDTH; l++) e->start[l] = n;
  e->column = e->own_column;
  e->value  = e->own_value;
  return 1;
}

FurlEncodeStatus FurlEncoderAdd(FurlEncoder *e, const PetscInt *rowptr, const PetscInt *column, const double *value)
{
  const FurlCsr    csr     = {.nrows = e->slices->nrows, .ncols = e->slices->ncols, .rowptr = rowptr, .column = column, .value = value};
  const int64_t    s       = (int64_t)e->slices->header.used;
  size_t           longest = 0;
  FurlEncodeStatus status;

  for (int l = 0; l < FURL_WIDTH; l++) {
    const size_t n = (size_t)(rowptr[l + 1] - rowptr[l]);

    longest = n > longest ? n : longest;
  }
  if (longest > e->longest && !FurlEncoderReserve(e, longest + longest / 2)) return FURL_ENCODE_MEMORY;
  e->csr   = &csr;
  e->first = s * FURL_WIDTH;
  status   = FurlEncoderTakeSlice(e, s);
  e->csr   = NULL;
  return status;
}

int FurlEncoderChoseWell(FurlEncoder *e, const FurlRowSource *source)
{
  e->source  = *source;
  e->entries = source->entries;
  if (!e->rows.use && !FurlRowsChoose(e) && e->rows.use) return 0;
  return FurlDiagonalsServe(e);
}

void FurlEncoderDestroy(FurlEncoder **e)
{
  if (*e) FurlEncoderFree(*e);
  free(*e);
  *e = NULL;
}
