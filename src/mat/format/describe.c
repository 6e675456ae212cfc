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

/* The diagonal that a slot of this offset would read; their number where there is none */
static int FindDiagonal(const FurlDiagonals *d, int32_t offset)
{
  int c = 0;

  while (c < d->n && d->offset[c] != (offset < 0 ? -offset : offset)) c++;
  return c;
}

/* Slots of a slice: those that the fingerprint takes, and those whose entries are counted */
typedef struct {
  int32_t  taken[FURL_MAX_SLOTS], counted[2 * FURL_MAX_DIAGONALS];
  int64_t *counter[2 * FURL_MAX_DIAGONALS]; /* [counted] where the number goes */
  int64_t  ntaken, ncounted;
} Slots;

/*
  A slot whose entries are in a diagonal and the mirrors that read them there cancel in the fingerprint, so that these entries are counted
  only: each that mirrors read is one of the diagonal, and where the numbers agree they are the same. That fails where a diagonal has
  entries that are taken otherwise: it is loose then. A diagonal of doubles has those of all slots of its offset, however these are stored.
*/
static int IsInDiagonal(const FurlEncoder *e, int kind, int32_t offset)
{
  return kind == FURL_VALUES_DIAGONAL || kind == FURL_VALUES_DIAGONAL_PLANES || (offset > 0 && e->encoding->store == FURL_STORE_RAW);
}

static void ListSlots(FurlEncoder *e, Slots *slots)
{
  const FurlProgramDraft *const draft = &e->draft;
  FurlDiagonals *const          d     = &e->diagonals;

  slots->ntaken = slots->ncounted = 0;
  for (int32_t k = 0; k < draft->nslots; k++) {
    const int32_t offset = draft->offset[k];
    const int     c = FindDiagonal(d, offset), cancels = c < d->n && offset && IsInDiagonal(e, draft->kind[k], offset);

    if (!cancels) {
      slots->taken[slots->ntaken++] = k;
      if (c < d->n) d->loose[c] |= offset > 0;
      continue;
    }
    slots->counter[slots->ncounted]   = (offset > 0 ? d->read : d->mirrored) + c;
    slots->counted[slots->ncounted++] = k;
  }
}

/* What the lanes of a slice found */
typedef struct {
  uint64_t sum[FURL_WIDTH];
  int32_t  signs[2 * FURL_WIDTH];
  int64_t  coupled[FURL_WIDTH]; /* entries of the row beside the diagonal that are not zero, as far as they were counted */
} Found;

static void DescribeLoaded(FurlEncoder *e, FurlDescribeArgs *args, Found *found)
{
  int64_t count[2 * FURL_MAX_DIAGONALS];
  Slots   slots;

  ListSlots(e, &slots);
  args->n        = slots.ntaken;
  args->slot     = slots.taken;
  args->ncounted = slots.ncounted;
  args->counted  = slots.counted;
  args->count    = count;
  args->coupled  = found->coupled;
  args->value    = e->slot;
  args->offset   = e->draft.offset;
  args->mask     = e->draft.mask;
  FurlLaunch(&FurlKernelFurlDescribeSlots, args, 1);
  if (!slots.ncounted) return;
  FurlLaunch(&FurlKernelFurlCountSlots, args, 1);
  for (int64_t k = 0; k < slots.ncounted; k++) *slots.counter[k] += count[k];
}

/* The fingerprint of a slice and the signs of its diagonal: by slots where they are loaded, else by entries */
static void RunKernel(FurlEncoder *e, int64_t s, int loaded, Found *found)
{
  FurlDescribeArgs args = {.row0 = s * FURL_WIDTH, .sum = found->sum, .signs = found->signs};

  memset(found->coupled, 0, sizeof(found->coupled));
  if (loaded) {
    DescribeLoaded(e, &args, found);
    return;
  }
  for (int c = 0; c < e->diagonals.n; c++) e->diagonals.loose[c] = 1;
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
static FurlEncodeStatus FindLone(FurlEncoder *e, int64_t row0, const Found *found, int32_t signs[2], int *nrows)
{
  *nrows = (int)e->nrows;
  for (int l = 0; l < e->nrows; l++) {
    double   diagonal;
    int32_t *row;

    if (found->coupled[l] || IsCoupled(e, row0, l)) continue;
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
  Found             found;
  int32_t           total[2] = {0, 0};
  int               nrows;
  FurlEncodeStatus  status;

  if (!e->encoding->describe) return FURL_ENCODE_OK;
  RunKernel(e, s, loaded, &found);
  for (int l = 0; l < FURL_WIDTH; l++) {
    slices->fingerprint += found.sum[l];
    total[0] += found.signs[l];
    total[1] += found.signs[FURL_WIDTH + l];
  }
  status = FindLone(e, s * FURL_WIDTH, &found, total, &nrows);
  slices->not_positive |= total[0] != nrows;
  slices->not_negative |= total[1] != nrows;
  return status;
}

/* Repeated rows: what does not depend on where they are has been found when they came into the dictionary */
FurlEncodeStatus FurlDescribeRows(FurlEncoder *e, int64_t s, const uint32_t *number)
{
  const FurlRowTable *const t      = &e->rows;
  FurlSlices *const         slices = e->slices;
  uint64_t                  sum[FURL_WIDTH];
  uint32_t                  first[FURL_WIDTH];
  FurlDescribeArgs          args = {.row0   = s * FURL_WIDTH,
                                    .value  = e->value,
                                    .start  = e->start,
                                    .first  = first,
                                    .key    = t->key,
                                    .offset = slices->row_offset.data,
                                    .sum    = sum};

  if (!e->encoding->describe) return FURL_ENCODE_OK;
  for (int64_t l = 0; l < FURL_WIDTH; l++) {
    const int trait = t->trait[number[l]];

    first[l] = ((const FurlRepeatedRow *)slices->row.data)[number[l]].first;
    if (l >= e->nrows) continue;
    if (trait & FURL_ROW_LONE) {
      int32_t *const row = FurlArrayExtend(&slices->lone, 1);

      if (!row) return FURL_ENCODE_MEMORY;
      *row = (int32_t)(s * FURL_WIDTH + l);
      continue;
    }
    slices->not_positive |= !(trait & FURL_ROW_POSITIVE);
    slices->not_negative |= !(trait & FURL_ROW_NEGATIVE);
  }
  FurlLaunch(&FurlKernelFurlDescribeRepeated, &args, 1);
  slices->fingerprint += sum[0];
  return FURL_ENCODE_OK;
}

/* What FurlDescribeRows() needs of row l of the slice at hand, for a new row of the dictionary */
int FurlDescribeRow(const FurlEncoder *e, int64_t row0, int l)
{
  const double diagonal = DiagonalEntry(e, row0, l);

  return (diagonal > 0   ? FURL_ROW_POSITIVE
          : diagonal < 0 ? FURL_ROW_NEGATIVE
                         : 0) |
         ((diagonal > 0 || diagonal < 0) && !IsCoupled(e, row0, l) ? FURL_ROW_LONE : 0);
}

/* The entries that slot `slot` of slice s has in diagonal c */
static void AddDiagonalSlot(FurlEncoder *e, const FurlSlicesView *view, int64_t s, int32_t slot, int c)
{
  const int32_t    first = 0;
  const int64_t    from  = e->diagonals.start[c] + s * FURL_WIDTH + (view->offset[slot] < 0 ? view->offset[slot] : 0);
  Found            found;
  double           value[FURL_WIDTH];
  FurlDescribeArgs args = {.row0   = s * FURL_WIDTH,
                           .n      = 1,
                           .value  = value,
                           .slot   = &first,
                           .offset = view->offset + slot,
                           .mask   = view->mask + slot,
                           .sum    = found.sum,
                           .signs  = found.signs};

  for (int64_t at = from; at < from + FURL_WIDTH; at++)
    value[at - from] = e->encoding->store == FURL_STORE_RAW ? view->diagonal[at]
                                                            : FurlPlanesToDouble(view->diagonal_head[at], view->diagonal_second[at],
                                                                                 view->diagonal_tail[at], (int16_t)e->diagonals.window[c]);
  FurlLaunch(&FurlKernelFurlDescribeSlots, &args, 1);
  for (int l = 0; l < FURL_WIDTH; l++) e->slices->fingerprint += found.sum[l];
}

static int Cancels(const FurlDiagonals *d, int c)
{
  return c == d->n || !d->offset[c] || (!d->loose[c] && d->read[c] == d->mirrored[c]);
}

void FurlDescribeEnd(FurlEncoder *e)
{
  const FurlDiagonals *const d    = &e->diagonals;
  const FurlSlicesView       view = FurlSlicesGetView(e->slices);
  int                        all  = 1;

  for (int c = 0; c < d->n; c++) all &= Cancels(d, c);
  if (!e->encoding->describe || all) return;
  for (int64_t s = 0; s < view.nslices; s++) {
    const FurlProgram *const p = view.program + view.header[s].program;

    for (int32_t slot = p->first; p->columns == FURL_COLUMNS_PATTERN && slot < p->first + p->nslots; slot++) {
      const int c = FindDiagonal(d, view.offset[slot]);

      if (!Cancels(d, c) && IsInDiagonal(e, view.kind[slot], view.offset[slot])) AddDiagonalSlot(e, &view, s, slot, c);
    }
  }
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
