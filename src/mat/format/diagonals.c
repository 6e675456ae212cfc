/*
  Diagonals stored as arrays over all rows of the matrix, for symmetric matrices: the slot of offset o and its mirror of offset -o read the
  same array, the second time from cache, so that half of the off-diagonal values are stored and travel. A slot that differs from its
  mirror in some row stores its own values.
*/
#include <string.h>
#include "array.h"
#include "encoder.h"

#define SAMPLES 256   /* slices from which the diagonals are chosen */
#define CANDIDATES 64 /* different offsets looked at */
#define STAGGER 96    /* entries between two diagonals, so that equal rows of them do not compete for the same cache sets */

/* What the sampled rows say of an offset */
typedef struct {
  int32_t  offset;
  int64_t  rows, mirrored; /* rows that have it; of these, rows whose transposed entry has the same bits */
  int64_t  varied;         /* slices in which its value changes */
  int64_t  slice;          /* the latest slice with it, whose first value is `first` */
  uint64_t first;
  int      changed;
} Candidate;

typedef struct {
  int       n;
  int64_t   rows, slices; /* looked at */
  Candidate candidate[CANDIDATES];
} Sample;

static int HasMirror(const FurlEncoder *e, int64_t i, int64_t j, uint64_t bits)
{
  const FurlCsr *csr = e->csr;
  PetscInt       low = csr->rowptr[j], high = csr->rowptr[j + 1];

  while (low < high) {
    const PetscInt middle = low + (high - low) / 2;
    if (csr->column[middle] < i)
      low = middle + 1;
    else
      high = middle;
  }
  return low < csr->rowptr[j + 1] && csr->column[low] == i && FurlDoubleToBits(FurlScaledValue(e->encoding, csr->value[low], j, i)) == bits;
}

static Candidate *FindCandidate(Sample *sample, int32_t offset)
{
  int c = 0;

  while (c < sample->n && sample->candidate[c].offset != offset) c++;
  if (c == CANDIDATES) return NULL;
  if (c == sample->n) sample->candidate[sample->n++] = (Candidate){.offset = offset, .slice = -1};
  return sample->candidate + c;
}

static void SampleEntry(const FurlEncoder *e, Sample *sample, int64_t i, PetscInt k)
{
  const int64_t    j    = e->csr->column[k];
  const uint64_t   bits = FurlDoubleToBits(FurlScaledValue(e->encoding, e->csr->value[k], i, j));
  Candidate *const c    = FindCandidate(sample, (int32_t)(j - i));

  if (!c) return;
  c->rows++;
  c->mirrored += HasMirror(e, i, j, bits);
  if (c->slice != i / FURL_WIDTH) {
    c->slice   = i / FURL_WIDTH;
    c->first   = bits;
    c->changed = 0;
  } else if (c->first != bits && !c->changed) {
    c->changed = 1;
    c->varied++;
  }
}

/* Counts the upper offsets in some of the slices, evenly spread */
static void TakeSample(const FurlEncoder *e, Sample *sample)
{
  const FurlCsr *csr  = e->csr;
  const int64_t  step = 1 + e->slices->nslices / SAMPLES;

  for (int64_t s = 0; s < e->slices->nslices; s += step, sample->slices++)
    for (int64_t i = s * FURL_WIDTH; i < csr->nrows && i < (s + 1) * FURL_WIDTH; i++, sample->rows++)
      for (PetscInt k = csr->rowptr[i]; k < csr->rowptr[i + 1]; k++)
        if (csr->column[k] > i || (csr->column[k] == i && !e->encoding->skip_diagonal)) SampleEntry(e, sample, i, k);
}

/* An array costs one entry a row and saves the two slots of most slices, so half of the slices must need them */
static int IsWorthwhile(const Sample *sample, const Candidate *c)
{
  return 2 * c->rows >= sample->rows && 10 * c->mirrored >= 9 * c->rows && 2 * c->varied >= sample->slices;
}

static void InsertOffset(FurlDiagonals *d, int32_t offset)
{
  int k = d->n++;

  for (; k > 0 && d->offset[k - 1] > offset; k--) d->offset[k] = d->offset[k - 1];
  d->offset[k] = offset;
}

/* The main diagonal saves nothing by itself, but lets a product take the whole row in one pass: not without another */
static void ChooseOffsets(const FurlEncoder *e, FurlDiagonals *d)
{
  Sample sample = {0};

  TakeSample(e, &sample);
  for (int c = 0; c < sample.n && d->n < FURL_MAX_DIAGONALS; c++)
    if (IsWorthwhile(&sample, sample.candidate + c)) InsertOffset(d, sample.candidate[c].offset);
  if (d->n == 1 && !d->offset[0]) d->n = 0;
}

/* The entries of slice s on the diagonals, zero where there is none */
static void GatherSlice(const FurlEncoder *e, int64_t s, double lanes[][FURL_WIDTH])
{
  const FurlCsr       *csr  = e->csr;
  const FurlDiagonals *d    = &e->diagonals;
  const int64_t        row0 = s * FURL_WIDTH;

  memset(lanes, 0, (size_t)d->n * sizeof(lanes[0]));
  for (int64_t i = row0; i < csr->nrows && i < row0 + FURL_WIDTH; i++) {
    PetscInt k = csr->rowptr[i];

    for (int c = 0; c < d->n; c++) {
      const int64_t j = i + d->offset[c];

      while (k < csr->rowptr[i + 1] && csr->column[k] < j) k++;
      if (k < csr->rowptr[i + 1] && csr->column[k] == j) lanes[c][i - row0] = FurlScaledValue(e->encoding, csr->value[k], i, j);
    }
  }
}

/* One base exponent for a whole diagonal, from its largest entry; 0 where that is too large for short forms */
static int ChooseWindows(FurlEncoder *e)
{
  FurlDiagonals *const d                           = &e->diagonals;
  uint64_t             largest[FURL_MAX_DIAGONALS] = {0};
  double               lanes[FURL_MAX_DIAGONALS][FURL_WIDTH];

  for (int64_t s = 0; s < e->slices->nslices; s++) {
    GatherSlice(e, s, lanes);
    for (int c = 0; c < d->n; c++)
      for (int l = 0; l < FURL_WIDTH; l++) {
        const uint64_t magnitude = FurlDoubleToBits(lanes[c][l]) & ~FURL_SIGN;
        largest[c]               = magnitude > largest[c] ? magnitude : largest[c];
      }
  }
  for (int c = 0; c < d->n; c++) {
    if (largest[c] >= FURL_LARGE) return 0;
    d->window[c] = FurlPlanesWindow(largest[c]);
  }
  return 1;
}

/* A mirror begins `offset` entries before its diagonal: in the diagonal before, as an offset is less than the rows, or in front of all */
static FurlEncodeStatus AllocateDiagonals(FurlEncoder *e)
{
  FurlDiagonals *const d      = &e->diagonals;
  FurlSlices *const    slices = e->slices;
  const FurlStore      store  = e->encoding->store;
  const int64_t        stride = slices->nslices * FURL_WIDTH + STAGGER;
  const int64_t        front  = (d->offset[0] + FURL_WIDTH - 1) / FURL_WIDTH * FURL_WIDTH;
  const size_t         total  = (size_t)(front + d->n * stride);
  int                  failed;

  for (int c = 0; c < d->n; c++) d->start[c] = front + c * stride;
  if (store == FURL_STORE_RAW) {
    failed = !FurlArrayExtend(&slices->diagonal, total);
    if (!failed) memset(slices->diagonal.data, 0, total * slices->diagonal.item);
    return failed ? FURL_ENCODE_MEMORY : FURL_ENCODE_OK;
  }
  failed = !FurlArrayExtend(&slices->diagonal_head, total);
  if (!failed) memset(slices->diagonal_head.data, 0, total * slices->diagonal_head.item);
  if (failed || store == FURL_STORE_HEADS) return failed ? FURL_ENCODE_MEMORY : FURL_ENCODE_OK;
  if (!FurlArrayExtend(&slices->diagonal_second, total) || !FurlArrayExtend(&slices->diagonal_tail, total)) return FURL_ENCODE_MEMORY;
  memset(slices->diagonal_second.data, 0, total * slices->diagonal_second.item);
  memset(slices->diagonal_tail.data, 0, total * slices->diagonal_tail.item);
  return FURL_ENCODE_OK;
}

/* The planes of a slot in the window of its diagonal */
typedef struct {
  uint16_t head[FURL_WIDTH];
  int16_t  second[FURL_WIDTH];
  uint32_t tail[FURL_WIDTH];
} SlotPlanes;

static void StoreLanes(FurlEncoder *e, int c, int64_t row0, const double *lanes)
{
  FurlSlices *const slices = e->slices;
  const size_t      at     = (size_t)(e->diagonals.start[c] + row0);
  SlotPlanes        planes;

  if (e->encoding->store == FURL_STORE_RAW) {
    memcpy((double *)slices->diagonal.data + at, lanes, FURL_WIDTH * sizeof(*lanes));
    return;
  }
  (void)FurlPlanesSplitNormal(lanes, FURL_WIDTH, e->diagonals.window[c], planes.head, planes.second, planes.tail);
  memcpy((uint16_t *)slices->diagonal_head.data + at, planes.head, sizeof(planes.head));
  if (e->encoding->store == FURL_STORE_HEADS) return;
  memcpy((int16_t *)slices->diagonal_second.data + at, planes.second, sizeof(planes.second));
  memcpy((uint32_t *)slices->diagonal_tail.data + at, planes.tail, sizeof(planes.tail));
}

FurlEncodeStatus FurlDiagonalsFill(FurlEncoder *e)
{
  FurlDiagonals *const d = &e->diagonals;
  double               lanes[FURL_MAX_DIAGONALS][FURL_WIDTH];

  if (e->csr->nrows != e->csr->ncols) return FURL_ENCODE_OK;
  ChooseOffsets(e, d);
  if (e->encoding->store != FURL_STORE_RAW && !ChooseWindows(e)) d->n = 0;
  if (!d->n) return FURL_ENCODE_OK;
  if (AllocateDiagonals(e)) return FURL_ENCODE_MEMORY;
  for (int64_t s = 0; s < e->slices->nslices; s++) {
    GatherSlice(e, s, lanes);
    for (int c = 0; c < d->n; c++) StoreLanes(e, c, s * FURL_WIDTH, lanes[c]);
  }
  return FURL_ENCODE_OK;
}

static int MatchesRaw(const FurlEncoder *e, int64_t at, uint32_t mask, const double *value)
{
  const double *const there  = (const double *)e->slices->diagonal.data + at;
  uint32_t            differ = 0;

  for (int l = 0; l < FURL_WIDTH; l++) differ |= (uint32_t)(FurlDoubleToBits(value[l]) != FurlDoubleToBits(there[l])) << l;
  return !(differ & mask);
}

static int MatchesPlanes(const FurlEncoder *e, int64_t at, int window, uint32_t mask, const double *value)
{
  const FurlSlices *const slices = e->slices;
  const uint16_t *const   head   = (const uint16_t *)slices->diagonal_head.data + at;
  uint32_t                differ = 0;
  SlotPlanes              planes;

  if (!FurlPlanesSplitNormal(value, FURL_WIDTH, window, planes.head, planes.second, planes.tail)) return 0;
  for (int l = 0; l < FURL_WIDTH; l++) differ |= (uint32_t)(planes.head[l] != head[l]) << l;
  if (e->encoding->store == FURL_STORE_PLANES) {
    const int16_t *const  second = (const int16_t *)slices->diagonal_second.data + at;
    const uint32_t *const tail   = (const uint32_t *)slices->diagonal_tail.data + at;

    for (int l = 0; l < FURL_WIDTH; l++) differ |= (uint32_t)(planes.second[l] != second[l] || planes.tail[l] != tail[l]) << l;
  }
  return !(differ & mask);
}

int FurlDiagonalsMatch(FurlEncoder *e, int64_t row0, int32_t k, const double *value)
{
  const FurlDiagonals *const d      = &e->diagonals;
  const int32_t              offset = e->draft.offset[k];
  int                        c      = 0;
  int64_t                    start;

  while (c < d->n && d->offset[c] != offset && d->offset[c] != -offset) c++;
  if (c == d->n) return 0;
  start = d->start[c] + (offset < 0 ? offset : 0);
  if (e->encoding->store == FURL_STORE_RAW) {
    if (!MatchesRaw(e, start + row0, e->draft.mask[k], value)) return 0;
  } else if (!MatchesPlanes(e, start + row0, d->window[c], e->draft.mask[k], value))
    return 0;
  e->draft.start[k]  = start;
  e->draft.window[k] = (int16_t)d->window[c];
  return 1;
}
