/*
  What a solver asks of a matrix before it begins, found while the entries are at hand: is it symmetric, which rows are alone, is the
  diagonal of one sign
*/
#include <stdlib.h>
#include <string.h>
#include "array.h"
#include "describebodies.h"
#include "encoder.h"

FURL_DESCRIBE_KERNELS(FURL_DEFINE_KERNEL)

/* The fingerprint of a slice and the signs of its diagonal: by slots where they are loaded, else by entries */
static void RunKernel(FurlEncoder *e, int64_t s, int loaded, uint64_t *sum, int32_t *signs)
{
  FurlDescribeArgs args = {.row0 = s * FURL_WIDTH, .sum = sum, .signs = signs};

  if (loaded) {
    args.n      = e->draft.nslots;
    args.value  = e->slot;
    args.offset = e->draft.offset;
    args.mask   = e->draft.mask;
    FurlLaunch(&FurlKernelFurlDescribeSlots, &args, 1);
    return;
  }
  for (int l = 0; l < FURL_WIDTH; l++)
    if (e->start[l + 1] > e->start[l]) memset(e->lane + e->start[l], l, (size_t)(e->start[l + 1] - e->start[l]));
  args.n      = e->start[FURL_WIDTH];
  args.value  = e->value;
  args.column = e->column;
  args.lane   = e->lane;
  FurlLaunch(&FurlKernelFurlDescribeEntries, &args, 1);
}

/* Whether row l of the slice holds an entry that is not zero beside its diagonal: most rows' first entry is one */
static int IsCoupled(const FurlEncoder *e, int64_t row0, int l)
{
  for (int64_t q = e->start[l]; q < e->start[l + 1]; q++)
    if (e->column[q] != row0 + l && e->value[q] != 0) return 1;
  return 0;
}

static double DiagonalEntry(const FurlEncoder *e, int64_t row0, int l)
{
  for (int64_t q = e->start[l]; q < e->start[l + 1]; q++)
    if (e->column[q] == row0 + l) return e->value[q];
  return 0;
}

/* Rows whose diagonal entry is a number other than zero and all others are zero; the signs are then those of the other rows */
static FurlEncodeStatus FindLone(FurlEncoder *e, int64_t row0, int32_t signs[2], int *nrows)
{
  *nrows = (int)e->nrows;
  for (int l = 0; l < e->nrows; l++) {
    double   diagonal;
    int32_t *row;

    if (IsCoupled(e, row0, l)) continue;
    diagonal = DiagonalEntry(e, row0, l);
    if (!(diagonal > 0) && !(diagonal < 0)) continue;
    row = FurlArrayExtend(&e->slices->lone, 1);
    if (!row) return FURL_ENCODE_MEMORY;
    *row = (int32_t)row0 + l;
    signs[diagonal < 0]--;
    --*nrows;
  }
  return FURL_ENCODE_OK;
}

FurlEncodeStatus FurlDescribeSlice(FurlEncoder *e, int64_t s, int loaded)
{
  FurlSlices *const slices = e->slices;
  uint64_t          sum[FURL_WIDTH];
  int32_t           signs[2 * FURL_WIDTH], total[2] = {0, 0};
  int               nrows;
  FurlEncodeStatus  status;

  if (!e->encoding->describe) return FURL_ENCODE_OK;
  RunKernel(e, s, loaded, sum, signs);
  for (int l = 0; l < FURL_WIDTH; l++) {
    slices->fingerprint += sum[l];
    total[0] += signs[l];
    total[1] += signs[FURL_WIDTH + l];
  }
  status = FindLone(e, s * FURL_WIDTH, total, &nrows);
  slices->not_positive |= total[0] != nrows;
  slices->not_negative |= total[1] != nrows;
  return status;
}

/* The entries of slice s where they lie; 0 where the columns of a row do not ascend */
static int PointToRows(FurlEncoder *e, int64_t s)
{
  const FurlCsr *csr   = e->csr;
  const int64_t  row0  = s * FURL_WIDTH;
  const PetscInt first = csr->rowptr[row0];

  e->nrows = csr->nrows - row0 < FURL_WIDTH ? csr->nrows - row0 : FURL_WIDTH;
  for (int64_t l = 0; l <= FURL_WIDTH; l++) e->start[l] = csr->rowptr[row0 + (l < e->nrows ? l : e->nrows)] - first;
  for (int64_t k = 0; k < e->start[FURL_WIDTH]; k++) e->own_column[k] = (int32_t)csr->column[first + k];
  e->column = e->own_column;
  e->value  = csr->value + first;
  for (int64_t l = 0; l < e->nrows; l++)
    for (int64_t q = e->start[l] + 1; q < e->start[l + 1]; q++)
      if (e->column[q - 1] >= e->column[q]) return 0;
  return 1;
}

FurlEncodeStatus FurlSlicesDescribe(const FurlCsr *csr, FurlSlices *slices)
{
  const FurlEncoding encoding = {.describe = 1};
  FurlEncoder        e        = {.csr = csr, .encoding = &encoding, .slices = slices};
  FurlEncodeStatus   status   = FURL_ENCODE_OK;
  int64_t            longest  = 0;

  FurlSlicesClear(slices, csr->nrows, csr->ncols);
  if (csr->nrows >= INT32_MAX || csr->ncols >= INT32_MAX) return FURL_ENCODE_TOO_LARGE;
  for (int64_t i = 0; i < csr->nrows; i++)
    longest = csr->rowptr[i + 1] - csr->rowptr[i] > longest ? csr->rowptr[i + 1] - csr->rowptr[i] : longest;
  e.own_column = malloc((size_t)(longest * FURL_WIDTH + 1) * sizeof(*e.own_column));
  e.lane       = malloc((size_t)(longest * FURL_WIDTH + 1));
  if (!e.own_column || !e.lane) status = FURL_ENCODE_MEMORY;
  for (int64_t s = 0; !status && s < slices->nslices; s++) status = PointToRows(&e, s) ? FurlDescribeSlice(&e, s, 0) : FURL_ENCODE_ORDER;
  free(e.lane);
  free(e.own_column);
  if (status) FurlSlicesFree(slices);
  return status;
}
