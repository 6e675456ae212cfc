/* Encodes the rows of a matrix, slice by slice */
#include <stdlib.h>
#include <string.h>
#include "array.h"
#include "expanded.h"
#include "renewal.h"

static int64_t LongestRow(const FurlCsr *csr)
{
  int64_t longest = 0;

  for (int64_t i = 0; i < csr->nrows; i++)
    if (csr->rowptr[i + 1] - csr->rowptr[i] > longest) longest = csr->rowptr[i + 1] - csr->rowptr[i];
  return longest;
}

/* What the slice after the next will be read from: two streams in turn, which the machine's own prefetching takes up too late */
static void Prefetch(const FurlCsr *csr, int64_t first, int64_t n)
{
  for (int64_t k = 0; k < n; k += 64 / (int64_t)sizeof(double)) __builtin_prefetch(csr->value + first + k);
  for (int64_t k = 0; k < n; k += 64 / (int64_t)sizeof(PetscInt)) __builtin_prefetch(csr->column + first + k);
}

/* The entries of the slice as they are, without a copy where the columns have 32 bits */
static int64_t PointToEntries(FurlEncoder *e, int64_t row0)
{
  const FurlCsr *csr   = e->csr;
  const int64_t  at    = row0 - e->first;
  const PetscInt first = csr->rowptr[at];
  const int64_t  n     = csr->rowptr[at + e->nrows] - first;

  for (int64_t l = 0; l < e->nrows; l++) e->start[l] = csr->rowptr[at + l] - first;
  Prefetch(csr, first + n, n);
  e->value  = csr->value + first;
  e->column = (const int32_t *)(const void *)(csr->column + first);
  if (sizeof(PetscInt) == sizeof(int32_t)) return n;
  for (int64_t k = 0; k < n; k++) e->own_column[k] = (int32_t)csr->column[first + k];
  e->column = e->own_column;
  return n;
}

static int64_t ScaleEntries(FurlEncoder *e, int64_t row0)
{
  const FurlCsr *csr = e->csr;
  const int64_t  at  = row0 - e->first;
  int64_t        n   = 0;

  for (int64_t l = 0; l < e->nrows; l++) {
    e->start[l] = n;
    for (PetscInt k = csr->rowptr[at + l]; k < csr->rowptr[at + l + 1]; k++) {
      if (e->encoding->skip_diagonal && csr->column[k] == row0 + l) continue;
      e->own_column[n]  = (int32_t)csr->column[k];
      e->own_value[n++] = FurlScaledValue(e->encoding, csr->value[k], row0 + l, csr->column[k]);
    }
  }
  e->column = e->own_column;
  e->value  = e->own_value;
  return n;
}

void FurlEncodeLoad(FurlEncoder *e, int64_t s)
{
  const FurlEncoding *encoding = e->encoding;
  const int64_t       row0     = s * FURL_WIDTH;
  int64_t             n;

  e->nrows = e->csr->nrows - row0 < FURL_WIDTH ? e->csr->nrows - row0 : FURL_WIDTH;
  n        = encoding->skip_diagonal || encoding->row_scale || encoding->column_scale ? ScaleEntries(e, row0) : PointToEntries(e, row0);
  for (int64_t l = e->nrows; l <= FURL_WIDTH; l++) e->start[l] = n;
}

static uint32_t Groups(const FurlArray *array)
{
  return (uint32_t)((array->used + FURL_GROUP - 1) / FURL_GROUP);
}

FurlSliceHeader FurlEncodeBegin(const FurlSlices *slices)
{
  return (FurlSliceHeader){.raw       = Groups(&slices->raw),
                           .head      = Groups(&slices->head),
                           .rest      = Groups(&slices->second),
                           .exponent  = (uint32_t)slices->exponent.used,
                           .irregular = (uint32_t)slices->irregular.used};
}

static int FillGroup(FurlArray *array)
{
  const size_t n    = (FURL_GROUP - array->used % FURL_GROUP) % FURL_GROUP;
  void *const  room = n ? FurlArrayExtend(array, n) : NULL;

  if (room) memset(room, 0, n * array->item);
  return room || !n;
}

int FurlEncodeAlign(FurlSlices *slices)
{
  return FillGroup(&slices->raw) && FillGroup(&slices->head) && FillGroup(&slices->second) && FillGroup(&slices->tail);
}

FurlEncodeStatus FurlEncodeEnd(FurlEncoder *e, FurlSliceHeader header)
{
  FurlSliceHeader *const room   = e->place ? e->place : FurlArrayExtend(&e->slices->header, 1);
  const int64_t          s      = room - (FurlSliceHeader *)e->slices->header.data;
  uint32_t *const        number = e->former.there ? e->former.number + e->former.view.header[s].program : NULL;
  FurlEncodeStatus       status;

  if (!room) return FURL_ENCODE_MEMORY;
  if (number && *number) e->table.latest = *number - 1;
  status = FurlProgramFind(&e->table, e->slices, &e->draft, &header.program);
  if (status) return status;
  if (number) *number = header.program + 1;
  *room = header;
  return FURL_ENCODE_OK;
}

/* A slice after one of repeated rows is likely to be another; one that cannot have a pattern may yet be one */
FurlEncodeStatus FurlEncodeSlice(FurlEncoder *e, int64_t s)
{
  FurlEncodeStatus status = FURL_ENCODE_OK;
  int              done   = 0;

  FurlEncodeLoad(e, s);
  e->slices->nnz += e->start[FURL_WIDTH];
  if (e->rows.use && e->former.there) status = FurlEncodeRowsAgain(e, s, &done);
  if (status || done) return status;
  if (e->rows.latest) {
    status = FurlEncodeRows(e, s, &done);
    if (status || done) return status;
  }
  if (e->former.there && !e->rows.use) status = FurlEncodeIrregularAgain(e, s, &done);
  if (status || done) return status;
  status = FurlEncodePattern(e, s, &done);
  if (!status && !done && e->rows.use) status = FurlEncodeRows(e, s, &done);
  if (status || done) return status;
  status = FurlDescribeSlice(e, s, 0);
  if (status) return status;
  e->npattern = 0;
  if (!e->block_width) { /* the first slice that may want blocks: the sample takes the place of its entries */
    FurlBlocksChoose(e);
    FurlEncodeLoad(e, s);
  }
  return FurlEncodeIrregular(e, s * FURL_WIDTH);
}

static void NoteEncoding(FurlEncoder *e)
{
  FurlSlices *const slices = e->slices;

  slices->store      = (int)e->encoding->store + 1;
  slices->repeats    = e->rows.use;
  slices->described  = e->encoding->describe;
  slices->written    = slices->nslices;
  slices->anew_bytes = FurlSlicesStoredBytes(slices);
  slices->ndiagonals = e->diagonals.n;
  slices->derives    = e->diagonals.derives;
  memcpy(slices->chosen, e->diagonals.offset, sizeof(slices->chosen));
  FurlSlicesExpand(slices);
}

FurlEncodeStatus FurlEncoderTakeSlice(FurlEncoder *e, int64_t s)
{
  const FurlEncodeStatus status = FurlEncodeSlice(e, s);

  if (!status && s == e->slices->nslices - 1) {
    FurlDescribeEnd(e);
    NoteEncoding(e);
  }
  return status;
}

static void FreeRows(FurlEncoder *e)
{
  free(e->lane);
  free(e->own_value);
  free(e->own_column);
  FurlProgramDraftFree(&e->draft);
}

int FurlEncoderReserve(FurlEncoder *e, size_t longest)
{
  if (e->slot && longest <= e->longest) return 1;
  FreeRows(e);
  e->longest    = longest;
  e->own_column = calloc(longest * FURL_WIDTH + 1, sizeof(*e->own_column));
  e->lane       = calloc(longest * FURL_WIDTH + 1, sizeof(*e->lane));
  e->own_value  = calloc(longest * FURL_WIDTH + 1, sizeof(*e->own_value));
  if (!e->slot) e->slot = calloc((size_t)FURL_MAX_SLOTS * FURL_WIDTH, sizeof(*e->slot));
  if (!e->expected) e->expected = calloc((size_t)FURL_MAX_SLOTS * FURL_WIDTH, sizeof(*e->expected));
  return FurlProgramDraftInit(&e->draft, longest > FURL_MAX_SLOTS ? longest : FURL_MAX_SLOTS) && e->own_column && e->own_value && e->lane &&
         e->slot && e->expected;
}

void FurlEncoderFree(FurlEncoder *e)
{
  FurlRowsFree(&e->rows);
  free(e->expected);
  free(e->slot);
  free(e->dictionary.bucket);
  FreeRows(e);
  free(e->table.bucket);
  FurlFormerFree(&e->former);
}

int FurlEncoderReserveLanes(FurlEncoder *e)
{
  const size_t n = (size_t)e->start[FURL_WIDTH];

  return n <= e->longest * FURL_WIDTH || FurlEncoderReserve(e, n / FURL_WIDTH + 1);
}

/* All slices, with those that are there as a guess */
static FurlEncodeStatus EncodeAnew(FurlEncoder *e)
{
  const FurlCsr *const csr    = e->csr;
  FurlSlices *const    slices = e->slices;
  FurlEncodeStatus     status = FURL_ENCODE_OK;

  if (!FurlFormerTake(&e->former, slices, csr->nrows, csr->ncols)) status = FURL_ENCODE_MEMORY;
  FurlSlicesClear(slices, csr->nrows, csr->ncols);
  if (csr->nrows >= INT32_MAX || csr->ncols >= INT32_MAX) status = FURL_ENCODE_TOO_LARGE;
  if (!status && !FurlEncoderReserve(e, (size_t)LongestRow(csr))) status = FURL_ENCODE_MEMORY;
  if (!status) status = FurlRowsChoose(e);
  if (!status && !e->rows.use) status = FurlDiagonalsChoose(e);
  for (int64_t s = 0; !status && s < slices->nslices; s++) status = FurlEncoderTakeSlice(e, s);
  return status;
}

static FurlEncoder BeginEncoder(const FurlCsr *csr, const FurlEncoding *encoding, FurlSlices *slices)
{
  return (FurlEncoder){.csr = csr, .encoding = encoding, .slices = slices, .entries = csr->rowptr[csr->nrows] - csr->rowptr[0]};
}

static FurlEncodeStatus Renew(const FurlCsr *csr, const FurlEncoding *encoding, FurlSlices *slices, int *done)
{
  FurlEncoder      e      = BeginEncoder(csr, encoding, slices);
  FurlEncodeStatus status = FURL_ENCODE_OK;

  *done = 0;
  if (!slices->header.used) return FURL_ENCODE_OK;
  status = FurlEncoderReserve(&e, (size_t)LongestRow(csr)) ? FurlSlicesRenew(&e, done) : FURL_ENCODE_MEMORY;
  FurlEncoderFree(&e);
  return status;
}

FurlEncodeStatus FurlSlicesReencode(const FurlCsr *csr, const FurlEncoding *encoding, FurlSlices *slices)
{
  int              done;
  FurlEncodeStatus status = Renew(csr, encoding, slices, &done);

  if (!status && !done) {
    FurlEncoder e = BeginEncoder(csr, encoding, slices);

    status = EncodeAnew(&e);
    FurlEncoderFree(&e);
  }
  if (status)
    FurlSlicesFree(slices);
  else if (slices->written)
    FurlSlicesTrim(slices);
  return status;
}

FurlEncodeStatus FurlSlicesEncode(const FurlCsr *csr, const FurlEncoding *encoding, FurlSlices *slices)
{
  FurlSlicesInit(slices, csr->nrows, csr->ncols);
  return FurlSlicesReencode(csr, encoding, slices);
}
