/*
  Diagonals stored as arrays over all rows of the matrix, for symmetric matrices: the slot of offset o and its mirror of offset -o read the
  same array, the second time from cache, so that half of the off-diagonal values are stored and travel. A slot that differs from its
  mirror in some row stores its own values.
*/
#include <string.h>
#include "array.h"
#include "encoder.h"

#define SAMPLES 64    /* slices from which the diagonals are chosen */
#define PILOT 8       /* of these, looked at before a matrix without long diagonals is let go */
#define CANDIDATES 64 /* different offsets looked at */
#define SLACK 4       /* binades by which a window may lie above that of the sample and serve again */
#define STAGGER 96    /* entries between two diagonals, so that equal rows of them do not compete for the same cache sets */

/* What the sampled rows say of an offset */
typedef struct {
  int32_t offset;
  int64_t rows, seen, mirrored; /* rows that have it; of these, rows whose transposed row is at hand, whose entry there has the same bits */
  int64_t varied;               /* slices in which its value changes */
  int64_t slice;                /* the latest slice with it, whose first value is `first` */
  uint64_t first, largest;      /* bits of the largest magnitude */
  int      changed;
} Candidate;

typedef struct {
  int       n;
  int64_t   rows, slices; /* looked at */
  Candidate candidate[CANDIDATES];
  uint8_t   bucket[4 * CANDIDATES]; /* hash table: number of the candidate + 1, 0 where free */
} Sample;

/* Counts whether row j has the bits in column i, if row j is at hand */
static void CountMirror(const FurlEncoder *e, int64_t i, int64_t j, uint64_t bits, Candidate *c)
{
  int64_t low = 0, high;
  FurlRow row;

  if (!FurlEncoderGetRow(e, j, 1, &row)) return;
  for (high = row.n; low < high;) {
    const int64_t middle = low + (high - low) / 2;
    if (row.column[middle] < i)
      low = middle + 1;
    else
      high = middle;
  }
  c->seen++;
  c->mirrored += low < row.n && row.column[low] == i && FurlDoubleToBits(FurlScaledValue(e->encoding, row.value[low], j, i)) == bits;
}

static Candidate *FindCandidate(Sample *sample, int32_t offset)
{
  uint32_t b = (uint32_t)offset * 2654435761u % (4 * CANDIDATES); /* Knuth's multiplier: near offsets spread */

  for (; sample->bucket[b]; b = (b + 1) % (4 * CANDIDATES))
    if (sample->candidate[sample->bucket[b] - 1].offset == offset) return sample->candidate + sample->bucket[b] - 1;
  if (sample->n == CANDIDATES) return NULL;
  sample->candidate[sample->n++] = (Candidate){.offset = offset, .slice = -1};
  sample->bucket[b]              = (uint8_t)sample->n;
  return sample->candidate + sample->n - 1;
}

static void SampleEntry(const FurlEncoder *e, Sample *sample, int64_t i, int64_t j, double value)
{
  const uint64_t   bits = FurlDoubleToBits(FurlScaledValue(e->encoding, value, i, j));
  Candidate *const c    = FindCandidate(sample, (int32_t)(j - i));

  if (!c) return;
  c->rows++;
  c->largest = (bits & ~FURL_SIGN) > c->largest ? bits & ~FURL_SIGN : c->largest;
  CountMirror(e, i, j, bits, c);
  if (c->slice != i / FURL_WIDTH) {
    c->slice   = i / FURL_WIDTH;
    c->first   = bits;
    c->changed = 0;
  } else if (c->first != bits && !c->changed) {
    c->changed = 1;
    c->varied++;
  }
}

static void SampleSlice(const FurlEncoder *e, Sample *sample, int64_t s)
{
  FurlRow row;

  for (int64_t i = s * FURL_WIDTH; i < e->slices->nrows && i < (s + 1) * FURL_WIDTH; i++, sample->rows++) {
    if (!FurlEncoderGetRow(e, i, 0, &row)) continue;
    for (int64_t k = 0; k < row.n; k++)
      if (row.column[k] > i || (row.column[k] == i && !e->encoding->skip_diagonal)) SampleEntry(e, sample, i, row.column[k], row.value[k]);
  }
  sample->slices++;
}

/* Whether an offset beside the main diagonal's may yet prove worth an array */
static int HasLongDiagonal(const Sample *sample)
{
  for (int c = 0; c < sample->n; c++)
    if (sample->candidate[c].offset && 4 * sample->candidate[c].rows >= sample->rows) return 1;
  return 0;
}

/* Counts the upper offsets in some of the slices, evenly spread: first a few from one end to the other, then the rest */
static void TakeSample(const FurlEncoder *e, Sample *sample)
{
  const int64_t nslices = e->source.get ? e->source.nslices : e->slices->nslices, step = 1 + nslices / SAMPLES;
  const int64_t stride = step * (SAMPLES / PILOT);

  for (int64_t s = 0; s < nslices; s += stride) SampleSlice(e, sample, s);
  if (!HasLongDiagonal(sample)) return;
  for (int64_t s = 0; s < nslices; s += step)
    if (s % stride) SampleSlice(e, sample, s);
}

/* An array costs one entry a row and saves the two slots of most slices, so half of the slices must need them */
static int IsWorthwhile(const Sample *sample, const Candidate *c)
{
  return 2 * c->rows >= sample->rows && c->seen && 10 * c->mirrored >= 9 * c->seen && 2 * c->varied >= sample->slices;
}

static void InsertOffset(FurlDiagonals *d, const Candidate *c)
{
  int k = d->n++;

  for (; k > 0 && d->offset[k - 1] > c->offset; k--) {
    d->offset[k] = d->offset[k - 1];
    d->window[k] = d->window[k - 1];
  }
  d->offset[k] = c->offset;
  d->window[k] = FurlPlanesWindow(c->largest); /* of the sample: a first guess */
}

static void RemoveFirst(FurlDiagonals *d)
{
  d->n--;
  memmove(d->offset, d->offset + 1, (size_t)d->n * sizeof(*d->offset));
  memmove(d->window, d->window + 1, (size_t)d->n * sizeof(*d->window));
}

/* The main diagonal is derived from the others or, as it saves nothing by itself but lets a product take the whole row in one pass, one of
 * them */
static void ChooseOffsets(const FurlEncoder *e, FurlDiagonals *d)
{
  Sample           sample = {0};
  const Candidate *main;

  TakeSample(e, &sample);
  main = FindCandidate(&sample, 0);
  for (int c = 0; c < sample.n && d->n < FURL_MAX_DIAGONALS; c++)
    if (IsWorthwhile(&sample, sample.candidate + c)) InsertOffset(d, sample.candidate + c);
  d->derives = d->n > !d->offset[0] && main && 2 * main->varied >= sample.slices && FurlDerivedChoose(e, &d->excess, &d->units);
  if (d->n && !d->offset[0] && (d->n == 1 || d->derives)) RemoveFirst(d);
}

/* Of the rows at hand */
static int GetCsrRow(const FurlEncoder *e, int64_t i, FurlRow *row)
{
  const FurlCsr *const csr   = e->csr;
  const PetscInt       first = csr->rowptr[i - e->first];

  row->n      = csr->rowptr[i - e->first + 1] - first;
  row->column = csr->column + first;
  row->value  = csr->value + first;
  return 1;
}

static int GetAnyRow(const FurlEncoder *e, int64_t i, FurlRow *row)
{
  return FurlEncoderGetRow(e, i, 0, row);
}

/* The entries of slice s on the diagonals, zero where there is none */
static inline void GatherSlice(const FurlEncoder *e, int64_t s, int (*get)(const FurlEncoder *e, int64_t i, FurlRow *row),
                               double lanes[][FURL_WIDTH])
{
  const FurlDiagonals *d    = &e->diagonals;
  const int64_t        row0 = s * FURL_WIDTH;

  memset(lanes, 0, (size_t)d->n * sizeof(lanes[0]));
  for (int64_t l = 0; l < FURL_WIDTH && row0 + l < e->slices->nrows; l++) {
    const int64_t i = row0 + l;
    FurlRow       row;
    int64_t       k = 0;

    if (!get(e, i, &row)) continue;
    for (int c = 0; c < d->n; c++) {
      const int64_t j = i + d->offset[c];

      while (k < row.n && row.column[k] < j) k++;
      if (k < row.n && row.column[k] == j) lanes[c][l] = FurlScaledValue(e->encoding, row.value[k], i, j);
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
    GatherSlice(e, s, GetAnyRow, lanes);
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

/* n items of an array; what the slices do not write is zero: the front of `front` items, and what lies between two diagonals */
static int AllocateDiagonal(const FurlEncoder *e, FurlArray *array, size_t front, size_t stride)
{
  const size_t rows = (size_t)e->slices->nslices * FURL_WIDTH;
  char *const  data = FurlArrayExtend(array, front + (size_t)e->diagonals.n * stride);

  if (!data) return 0;
  memset(data, 0, front * array->item);
  for (int c = 0; c < e->diagonals.n; c++)
    memset(data + (front + (size_t)c * stride + rows) * array->item, 0, (stride - rows) * array->item);
  return 1;
}

/* A mirror begins `offset` entries before its diagonal: in the diagonal before, as an offset is less than the rows, or in front of all */
static FurlEncodeStatus AllocateDiagonals(FurlEncoder *e)
{
  FurlDiagonals *const d      = &e->diagonals;
  FurlSlices *const    slices = e->slices;
  const FurlStore      store  = e->encoding->store;
  const size_t         stride = (size_t)slices->nslices * FURL_WIDTH + STAGGER;
  const size_t         front  = ((size_t)d->offset[0] + FURL_WIDTH - 1) / FURL_WIDTH * FURL_WIDTH;
  int                  done;

  for (int c = 0; c < d->n; c++) d->start[c] = (int64_t)(front + (size_t)c * stride);
  if (store == FURL_STORE_RAW)
    done = AllocateDiagonal(e, &slices->diagonal, front, stride);
  else
    done = AllocateDiagonal(e, &slices->diagonal_head, front, stride);
  if (done && store == FURL_STORE_PLANES)
    done = AllocateDiagonal(e, &slices->diagonal_second, front, stride) && AllocateDiagonal(e, &slices->diagonal_tail, front, stride);
  return done ? FURL_ENCODE_OK : FURL_ENCODE_MEMORY;
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

/* The windows that a diagonal had where the sample lies well within them: entries that they do not hold are stored by their slots */
static int KeepWindows(FurlEncoder *e)
{
  FurlDiagonals *const d = &e->diagonals;
  int                  window[FURL_MAX_DIAGONALS];

  for (int c = 0; c < d->n; c++) {
    window[c] = FurlFormerWindow(&e->former, d->offset[c]);
    if (window[c] < d->window[c] || window[c] > d->window[c] + SLACK) return 0;
  }
  memcpy(d->window, window, (size_t)d->n * sizeof(*window));
  return 1;
}

/* Short forms of entries too large for them would overflow; while not all rows are there, the sample's window stands for all of a diagonal
 */
static int SettleWindows(FurlEncoder *e)
{
  FurlDiagonals *const d = &e->diagonals;

  if (e->encoding->store == FURL_STORE_RAW) return 1;
  if (!d->partial) return KeepWindows(e) || ChooseWindows(e);
  for (int c = 0; c < d->n; c++)
    if (d->window[c] >= FurlPlanesWindow(FURL_LARGE)) return 0;
  return 1;
}

FurlEncodeStatus FurlDiagonalsChoose(FurlEncoder *e)
{
  FurlDiagonals *const d = &e->diagonals;

  if (e->slices->nrows != e->slices->ncols) return FURL_ENCODE_OK;
  d->partial = e->source.get && e->source.nslices < e->slices->nslices;
  ChooseOffsets(e, d);
  if (!SettleWindows(e)) d->n = 0;
  return d->n ? AllocateDiagonals(e) : FURL_ENCODE_OK;
}

int FurlDiagonalsServe(FurlEncoder *e)
{
  const FurlDiagonals *const chosen = &e->diagonals;
  FurlDiagonals              d      = {0};

  if (!chosen->partial) return 1;
  ChooseOffsets(e, &d);
  if (d.derives != chosen->derives || d.n != chosen->n || memcmp(d.offset, chosen->offset, (size_t)d.n * sizeof(*d.offset))) return 0;
  return e->encoding->store == FURL_STORE_RAW || !memcmp(d.window, chosen->window, (size_t)d.n * sizeof(*d.window));
}

/* Where diagonals are: a slot reads them at an offset of its own */
void FurlDiagonalsRecall(FurlEncoder *e)
{
  const FurlSlicesView *const view = &e->former.view;
  FurlDiagonals *const        d    = &e->diagonals;

  *d = (FurlDiagonals){0};
  for (size_t k = 0; k < e->slices->kind.used; k++) {
    const int32_t offset = view->offset[k] < 0 ? -view->offset[k] : view->offset[k];
    int           c      = 0;

    if (view->kind[k] == FURL_VALUES_DERIVED) {
      d->derives = 1;
      d->excess  = view->constant[k];
      d->units |= view->window[k] != FURL_UNITS_NONE;
    }
    if (!FurlIsInDiagonal(view->kind[k])) continue;
    while (c < d->n && d->offset[c] != offset) c++;
    if (c < d->n) continue;
    for (c = d->n++; c > 0 && d->offset[c - 1] > offset; c--) {
      d->offset[c] = d->offset[c - 1];
      d->start[c]  = d->start[c - 1];
      d->window[c] = d->window[c - 1];
    }
    d->offset[c] = offset;
    d->start[c]  = view->start[k] - (view->offset[k] < 0 ? view->offset[k] : 0);
    d->window[c] = view->window[k];
  }
}

int FurlDiagonalsAreChosen(FurlEncoder *e)
{
  FurlDiagonals *const d   = &e->diagonals;
  FurlDiagonals        now = {0};

  if (e->rows.use || e->slices->nrows != e->slices->ncols) return !d->n;
  ChooseOffsets(e, &now);
  if (now.n != e->slices->ndiagonals || memcmp(now.offset, e->slices->chosen, (size_t)now.n * sizeof(*now.offset))) return 0;
  if (now.derives != e->slices->derives) return 0;
  d->derives = now.derives;
  d->excess  = now.excess;
  d->units |= now.units;
  for (int c = 0, k = 0; e->encoding->store != FURL_STORE_RAW && c < d->n; c++) {
    while (k < now.n && now.offset[k] < d->offset[c]) k++;
    if (k == now.n || d->window[c] < now.window[k] || d->window[c] > now.window[k] + SLACK) return 0;
  }
  return 1;
}

void FurlDiagonalsGetLanes(const FurlEncoder *e, int64_t s, int c, FurlDiagonalLanes *lanes)
{
  const FurlSlices *const slices = e->slices;
  const size_t            at     = (size_t)(e->diagonals.start[c] + s * FURL_WIDTH);

  memset(lanes, 0, sizeof(*lanes));
  if (e->encoding->store == FURL_STORE_RAW) {
    memcpy(lanes->raw, (const double *)slices->diagonal.data + at, sizeof(lanes->raw));
    return;
  }
  memcpy(lanes->planes.head, (const uint16_t *)slices->diagonal_head.data + at, sizeof(lanes->planes.head));
  if (e->encoding->store == FURL_STORE_HEADS) return;
  memcpy(lanes->planes.second, (const int16_t *)slices->diagonal_second.data + at, sizeof(lanes->planes.second));
  memcpy(lanes->planes.tail, (const uint32_t *)slices->diagonal_tail.data + at, sizeof(lanes->planes.tail));
}

void FurlDiagonalsStore(FurlEncoder *e, int64_t s, int loaded)
{
  static const double           none[FURL_WIDTH] = {0};
  const FurlProgramDraft *const draft            = &e->draft;
  const FurlDiagonals *const    d                = &e->diagonals;
  double                        lanes[FURL_MAX_DIAGONALS][FURL_WIDTH];
  int32_t                       k = 0;

  if (!d->n) return;
  if (!loaded) GatherSlice(e, s, GetCsrRow, lanes);
  for (int c = 0; c < d->n; c++) {
    const double *entries = loaded ? none : lanes[c];

    while (loaded && k < draft->nslots && draft->offset[k] < d->offset[c]) k++;
    if (loaded && k < draft->nslots && draft->offset[k] == d->offset[c]) entries = e->slot + k * FURL_WIDTH;
    StoreLanes(e, c, s * FURL_WIDTH, entries);
  }
}

/* Whether what the slot reads for rows that miss it, where `value` is zero, is zero */
static int IsEmptyOutside(const FurlEncoder *e, int64_t at, uint32_t mask)
{
  const FurlSlices *const slices = e->slices;
  uint64_t                any    = 0;

  for (int l = 0; l < FURL_WIDTH; l++) {
    if (mask >> l & 1) continue;
    if (e->encoding->store == FURL_STORE_RAW)
      any |= FurlDoubleToBits(((const double *)slices->diagonal.data)[at + l]);
    else
      any |= ((const uint16_t *)slices->diagonal_head.data)[at + l];
    if (e->encoding->store == FURL_STORE_PLANES)
      any |= (uint64_t)((const int16_t *)slices->diagonal_second.data)[at + l] | ((const uint32_t *)slices->diagonal_tail.data)[at + l];
  }
  return !any;
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
  if (e->encoding->store == FURL_STORE_RAW) { /* what is not a mirror has just been stored */
    if (offset < 0 && !FurlSameBits(e->draft.mask[k], value, (const double *)e->slices->diagonal.data + start + row0)) return 0;
  } else if (!MatchesPlanes(e, start + row0, d->window[c], e->draft.mask[k], value))
    return 0;
  e->draft.start[k]  = start;
  e->draft.window[k] = (int16_t)d->window[c];
  if (e->draft.mask[k] != UINT32_MAX && !IsEmptyOutside(e, start + row0, e->draft.mask[k])) e->draft.foreign = 1;
  return 1;
}
