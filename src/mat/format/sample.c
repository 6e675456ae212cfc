/* How regular is a matrix: told from a few of its slices, as it costs nothing */
#include "encoder.h"

#define SAMPLES 64 /* slices, spread evenly */

/* Adds an offset to those of the slice, which ascend; returns their number */
static int AddOffset(int32_t *offset, int n, int at, int32_t value)
{
  for (int k = n; k > at; k--) offset[k] = offset[k - 1];
  offset[at] = value;
  return n + 1;
}

/* Adds the offsets of row i, which ascend too; `room` is passed where they are more */
static int AddRow(const FurlCsr *csr, int64_t i, int room, int32_t *offset, int n)
{
  int at = 0;

  for (PetscInt k = csr->rowptr[i]; k < csr->rowptr[i + 1] && n <= room; k++) {
    const int32_t value = (int32_t)(csr->column[k] - i);

    while (at < n && offset[at] < value) at++;
    if (at == n || offset[at] != value) n = AddOffset(offset, n, at, value);
  }
  return n;
}

/* A pattern has a value in each row for each offset, an irregular entry a value and 2 bytes of column */
static int HasPattern(const FurlCsr *csr, int64_t row0, int64_t end)
{
  const int64_t entries = csr->rowptr[end] - csr->rowptr[row0];
  const int64_t most    = entries * 10 / (8 * FURL_WIDTH);
  const int     room    = (int)(most < FURL_MAX_SLOTS ? most : FURL_MAX_SLOTS);
  int32_t       offset[FURL_MAX_SLOTS + 1];
  int           n = 0;

  for (int64_t i = row0; i < end && n <= room; i++) n = AddRow(csr, i, room, offset, n);
  return n <= room;
}

void FurlSlicesSample(const FurlCsr *csr, int64_t *entries, int64_t *irregular)
{
  const int64_t nslices = csr->nrows / FURL_WIDTH; /* a last one that is not full tells little */
  const int64_t samples = nslices < SAMPLES ? nslices : SAMPLES;

  *entries = *irregular = 0;
  for (int64_t k = 0; k < samples; k++) {
    const int64_t row0 = k * nslices / samples * FURL_WIDTH, end = row0 + FURL_WIDTH;
    const int64_t n = csr->rowptr[end] - csr->rowptr[row0];

    *entries += n;
    if (!HasPattern(csr, row0, end)) *irregular += n;
  }
}
