/*
  The diagonal of a pattern, derived: in most operators a row's diagonal entry is what its other entries leave of a constant, the excess (0
  where rows sum to zero), but for rounding. A derived slot stores the number of units in the last place by which

      excess - (the sum of the other slots, in the order in which they stand in the program)

  is off, a signed byte a row and nothing where all are zero, and the entries of the few rows that are further off, of boundaries mostly.
  Adding the number to the bits of the double gives the entry exactly. Where planes of the others are read in part, so is what is derived
  from them: a matrix of heads with the row sums of the matrix. So that the entry is then as near as a head would be, the absolute values of
  the others must not have a larger sum than the entry.
*/
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "array.h"
#include "encoder.h"

#define SAMPLES 64                  /* slices from which the excess is found */
#define NEAR 64                     /* units in the last place by which sampled entries may be off: the rows' own may be twice as much */
#define NOT_FINITE (0x7ffull << 52) /* bits of the exponents of what is not finite */
#define OWN_MOST 12                 /* rows of a slice that may store their own entry */

/* What a sampled row has beyond a sum of zero, and how exactly that is known */
typedef struct {
  double excess, unit;
} SampledRow;

static int SampleRow(const FurlEncoder *e, int64_t i, SampledRow *sample)
{
  double  diagonal = 0, others = 0;
  FurlRow row;

  if (!FurlEncoderGetRow(e, i, 0, &row)) return 0;
  for (int64_t k = 0; k < row.n; k++) {
    const double value = FurlScaledValue(e->encoding, row.value[k], i, row.column[k]);

    *(row.column[k] == i ? &diagonal : &others) += value;
  }
  sample->excess = diagonal + others;
  sample->unit   = nextafter(fabs(diagonal), INFINITY) - fabs(diagonal);
  return isfinite(sample->excess) && isfinite(sample->unit);
}

static int CompareRows(const void *a, const void *b)
{
  const double x = ((const SampledRow *)a)->excess, y = ((const SampledRow *)b)->excess;

  return (x > y) - (x < y);
}

/* Whether more than half of the rows have this excess; units: whether some have it but for rounding */
static int MostHave(const SampledRow *row, int n, int rows, double excess, int *units)
{
  int near = 0;

  *units = 0;
  for (int k = 0; k < n; k++) {
    const double off = fabs(row[k].excess - excess);

    near += off <= NEAR * row[k].unit;
    *units |= off > 0 && off <= NEAR * row[k].unit;
  }
  return 2 * near > rows;
}

/* Whether more than half of the rows have the same excess: then it is the median, and zero where that serves as well */
int FurlDerivedChoose(const FurlEncoder *e, double *excess, int *units)
{
  const int64_t nslices = e->source.get ? e->source.nslices : e->slices->nslices, step = 1 + nslices / SAMPLES;
  SampledRow    row[SAMPLES * FURL_WIDTH];
  int           n = 0, rows = 0;

  if (e->encoding->store == FURL_STORE_HEADS || e->encoding->skip_diagonal) return 0;
  for (int64_t s = 0; s < nslices; s += step)
    for (int64_t i = s * FURL_WIDTH; i < e->slices->nrows && i < (s + 1) * FURL_WIDTH; i++, rows++) n += SampleRow(e, i, row + n);
  *excess = 0;
  if (MostHave(row, n, rows, 0, units)) return 1;
  if (!n) return 0;
  qsort(row, (size_t)n, sizeof(*row), CompareRows);
  *excess = row[n / 2].excess;
  return MostHave(row, n, rows, *excess, units);
}

/* The sums of the other slots and of their absolute values by rows, in the order that the program will have; 0 where that is not the order
 * of kinds */
static int SumOthers(const FurlEncoder *e, int32_t diagonal, double *others, double *absolute)
{
  const FurlProgramDraft *const draft = &e->draft;
  int32_t                       order[FURL_MAX_SLOTS];
  const int32_t                 n = FurlDraftOrder(draft, order);

  for (int l = 0; l < FURL_WIDTH; l++) others[l] = 0;
  for (int32_t k = 0; k < n; k++) {
    const uint32_t      mask  = order[k] == diagonal ? 0 : draft->mask[order[k]];
    const double *const value = e->slot + order[k] * FURL_WIDTH;

    if (mask == UINT32_MAX)
      for (int l = 0; l < FURL_WIDTH; l++) others[l] += value[l];
    else
      for (int l = 0; l < FURL_WIDTH; l++) others[l] = mask >> l & 1 ? others[l] + value[l] : others[l];
    for (int l = 0; absolute && mask && l < FURL_WIDTH; l++) absolute[l] += fabs(value[l]);
  }
  return n > 0;
}

/* Values of the payload would have to be read twice by most products, which costs more time than the bytes are worth */
static int AreWithoutPayload(const FurlProgramDraft *draft, int32_t diagonal)
{
  int payload = 0;

  for (int32_t k = 0; k < draft->nslots; k++)
    payload |= k != diagonal && draft->kind[k] != FURL_VALUES_CONSTANT && !FurlIsInDiagonal(draft->kind[k]);
  return !payload;
}

/* Whether slot k of the draft, the diagonal, can be derived from the others, whose kinds are known; its kind is set then */
int FurlDerive(FurlEncoder *e, int32_t k)
{
  const double        excess = e->diagonals.excess;
  const int           parts  = e->encoding->store == FURL_STORE_PLANES; /* others may be read in part */
  const double *const value  = e->slot + k * FURL_WIDTH;
  FurlDerivedLanes   *d      = &e->derived;
  FurlProgramDraft   *draft  = &e->draft;
  double              others[FURL_WIDTH], absolute[FURL_WIDTH] = {0};
  int64_t             off[FURL_WIDTH];
  uint32_t            own = 0;
  int                 any = 0;

  if (!AreWithoutPayload(draft, k)) return 0;
  draft->kind[k] = FURL_VALUES_DERIVED;
  if (!SumOthers(e, k, others, parts ? absolute : NULL)) return 0;
  for (int l = 0; l < FURL_WIDTH; l++) {
    const uint64_t derived = FurlDoubleToBits(excess - others[l]);
    const int      finite  = (derived & NOT_FINITE) != NOT_FINITE;

    off[l] = (int64_t)(FurlDoubleToBits(value[l]) - derived);
    own |= (uint32_t)(!finite || off[l] < INT8_MIN || off[l] > INT8_MAX) << l;
  }
  for (int l = 0; parts && l < FURL_WIDTH; l++) own |= (uint32_t) !(absolute[l] <= fabs(value[l]) * (1 + 1e-12)) << l;
  own &= draft->mask[k];
  if (__builtin_popcount(own) > OWN_MOST) return 0;
  d->nown = 0;
  for (uint32_t left = own; left; left &= left - 1) d->own[d->nown++] = value[__builtin_ctz(left)];
  for (int l = 0; l < FURL_WIDTH; l++) {
    d->unit[l] = (int8_t)(off[l] & -(int64_t)((draft->mask[k] & ~own) >> l & 1));
    any |= d->unit[l];
  }
  draft->constant[k] = excess;
  draft->start[k]    = own;
  draft->window[k]   = !e->diagonals.units && !any ? FURL_UNITS_NONE : parts ? FURL_UNITS_EXACT : FURL_UNITS_ALWAYS;
  return 1;
}

size_t FurlDerivedWords(const FurlProgramDraft *draft, int32_t k)
{
  return (draft->window[k] ? FURL_DERIVED_UNITS : 0) + (size_t)__builtin_popcountll((uint64_t)draft->start[k]);
}

void FurlDerivedWrite(const FurlEncoder *e, int units, uint64_t *word)
{
  if (units) memcpy(word, e->derived.unit, sizeof(e->derived.unit));
  memcpy(word + (units ? FURL_DERIVED_UNITS : 0), e->derived.own, (size_t)e->derived.nown * sizeof(*word));
}
