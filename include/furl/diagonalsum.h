/*
  The product of a slice whose entries are all in diagonals, or derived from those that are: the commonest slice of a symmetric operator on
  a grid. One pass over the lanes, with a vector of the machine at a time from the values to the sum. For CPUs; slicesum.h has what a GPU
  runs, and the same for slices with anything else. Bytes a row: 8, or 4 or 2 of planes, for each diagonal and its mirror, 1 of units, and
  x from cache.
*/
#include <furl/vectors.h>

#define FURL_VECTORS_AT_ONCE 2 /* two sums hide one another's latency */
#define FURL_AT_ONCE (FURL_VECTORS_AT_ONCE * FURL_VECTOR_LANES)
#define FURL_EACH_VECTOR(i) FURL_UNROLL for (int i = 0; i < FURL_VECTORS_AT_ONCE; i++)
#define FURL_MOST_DIAGONALS (2 * FURL_MAX_DIAGONALS) /* slots in diagonals: each and its mirror */

/* How the diagonals are stored, and what is read of them */
typedef enum { FURL_DIAGONALS_RAW, FURL_DIAGONALS_HEAD, FURL_DIAGONALS_SECOND, FURL_DIAGONALS_ALL } FurlDiagonals;

/* The diagonals of a slice, each from its first row on */
typedef struct {
  const double   *raw;
  const uint16_t *head;
  const int16_t  *second;
  const uint32_t *tail;
  double          scale; /* of planes */
} FurlDiagonal;

FURL_BODY FurlDiagonal FurlDiagonalOfSlot(const FurlSlicesView *a, int64_t slot, FurlDiagonals how, int64_t row0)
{
  const int64_t at = a->start[slot] + row0;

  if (how == FURL_DIAGONALS_RAW) return (FurlDiagonal){.raw = a->diagonal + at};
  return (FurlDiagonal){.head   = a->diagonal_head + at,
                        .second = how == FURL_DIAGONALS_HEAD ? NULL : a->diagonal_second + at,
                        .tail   = how == FURL_DIAGONALS_ALL ? a->diagonal_tail + at : NULL,
                        .scale  = FurlPowerDouble(FurlPlanesScale(a->window[slot]))};
}

/* The values of lanes l to l + FURL_VECTOR_LANES - 1. Planes of a diagonal hold normal numbers and zeros */
FURL_BODY FurlVector FurlDiagonalVector(const FurlDiagonal *d, FurlDiagonals how, int l)
{
  if (how == FURL_DIAGONALS_RAW) return *(const FurlVector *)(d->raw + l);
  if (how == FURL_DIAGONALS_HEAD) return FurlPlanesVector(FURL_READ_HEAD, 0, d->head + l, NULL, NULL) * d->scale;
  if (how == FURL_DIAGONALS_SECOND) return FurlPlanesVector(FURL_READ_SECOND, 0, d->head + l, d->second + l, NULL) * d->scale;
  return FurlPlanesVector(FURL_READ_ALL, 0, d->head + l, d->second + l, d->tail + l) * d->scale;
}

/* N slots; derives: and a derived one; units: whose units are read. The first two and `how` are constants where this is called for speed.
 * Returns whether some sum is NaN */
FURL_BODY int FurlDiagonalRows(const FurlSlicesView *a, const FurlSliceHeader *header, int64_t first, int N, int derives, FurlDiagonals how,
                               int units, int64_t row0, const double *FURL_RESTRICT x, double *FURL_RESTRICT sum)
{
  FurlDiagonal  diagonal[FURL_MOST_DIAGONALS];
  const double *neighbour[FURL_MOST_DIAGONALS];
  double        before[FURL_WIDTH]; /* the sums without what is derived */
  const int64_t derived = first + N;
  const double  excess  = derives ? a->constant[derived] : 0;
  const int8_t *unit    = derives ? (const int8_t *)(a->derived + header->irregular) : NULL;
  FurlWords     nan     = {0};
  int64_t       any     = 0;

  x += row0;
  for (int k = 0; k < N; k++) diagonal[k] = FurlDiagonalOfSlot(a, first + k, how, row0);
  for (int k = 0; k < N; k++) neighbour[k] = x + a->offset[first + k];
  for (int l = 0; l < FURL_WIDTH; l += FURL_AT_ONCE) {
    FurlVector total[FURL_VECTORS_AT_ONCE] = {{0}}, others[FURL_VECTORS_AT_ONCE] = {{0}};

    for (int k = 0; k < N; k++) FURL_EACH_VECTOR(i)
      {
        const FurlVector v = FurlDiagonalVector(diagonal + k, how, l + i * FURL_VECTOR_LANES);

        total[i] += v * *(const FurlVector *)(neighbour[k] + l + i * FURL_VECTOR_LANES);
        if (derives) others[i] += v;
      }
    FURL_EACH_VECTOR(i)
    {
      const int at = l + i * FURL_VECTOR_LANES;

      if (derives) {
        others[i] = excess - others[i];
        if (units) others[i] = (FurlVector)((FurlWords)others[i] + FurlLoadInt8(unit + at));
        *(FurlVector *)(before + at) = total[i];
        total[i] += others[i] * *(const FurlVector *)(x + at);
      }
      nan |= total[i] != total[i];
      *(FurlVector *)(sum + at) = total[i];
    }
  }
  if (derives)
    FURL_LANES_OF(l, (uint32_t)a->start[derived]) sum[l] = before[l] + FurlDoubleFromBits(FurlOwnBits(a, header, derived, l)) * x[l];
  for (int k = 0; k < FURL_VECTOR_LANES; k++) any |= nan[k];
  return any != 0;
}

/* n slots: bodies of their own for stencils of five and seven points */
FURL_BODY int FurlDiagonalSlots(const FurlSlicesView *a, const FurlSliceHeader *header, int64_t first, int n, int derives,
                                FurlDiagonals how, int units, int64_t row0, const double *FURL_RESTRICT x, double *FURL_RESTRICT sum)
{
  if (derives && n == 6) return FurlDiagonalRows(a, header, first, 6, 1, how, units, row0, x, sum);
  if (derives && n == 4) return FurlDiagonalRows(a, header, first, 4, 1, how, units, row0, x, sum);
  if (derives) return FurlDiagonalRows(a, header, first, n, 1, how, units, row0, x, sum);
  if (n == 7) return FurlDiagonalRows(a, header, first, 7, 0, how, units, row0, x, sum);
  return FurlDiagonalRows(a, header, first, n, 0, how, units, row0, x, sum);
}

/* Whether the first n slots of a pattern are all of this kind */
FURL_BODY int FurlSlotsAre(const FurlSlicesView *a, const FurlProgram *p, int n, int kind)
{
  for (int k = 0; k < n; k += FURL_RUN)
    if (a->kind[p->first + k] != kind || a->run[p->first + k] < (n - k < FURL_RUN ? n - k : FURL_RUN)) return 0;
  return n > 0;
}

/* Whether the slice is one of these, all of whose neighbours exist, and nothing needs a mask; its sums are done then, but for where some
 * are NaN */
FURL_SHARED_BODY int FurlSumDiagonals(const FurlSlicesView *a, int64_t s, FurlRead read, const double *FURL_RESTRICT x, double *sum)
{
  const FurlSliceHeader *header  = a->header + s;
  const FurlProgram     *p       = a->program + header->program;
  const int64_t          row0    = s * FURL_WIDTH;
  const int              derives = p->nslots && a->kind[p->first + p->nslots - 1] == FURL_VALUES_DERIVED, n = p->nslots - derives;
  const int              kind  = n ? a->kind[p->first] : 0;
  int                    units = 0, nan;

  if (n < 1 || n > FURL_MOST_DIAGONALS || p->masked == FURL_MASKED_FOREIGN || !FurlIsInDiagonal(kind)) return 0;
  if (derives && a->mask[p->first + n] != UINT32_MAX) return 0;
  if (!FurlSlotsAre(a, p, n, kind)) return 0;
  if (derives)
    units = a->window[p->first + n] == FURL_UNITS_ALWAYS || (a->window[p->first + n] == FURL_UNITS_EXACT && read == FURL_READ_ALL);
  if (kind == FURL_VALUES_DIAGONAL)
    nan = FurlDiagonalSlots(a, header, p->first, n, derives, FURL_DIAGONALS_RAW, units, row0, x, sum);
  else if (kind == FURL_VALUES_DIAGONAL_HEAD || read == FURL_READ_HEAD)
    nan = FurlDiagonalSlots(a, header, p->first, n, derives, FURL_DIAGONALS_HEAD, units, row0, x, sum);
  else if (read == FURL_READ_SECOND)
    nan = FurlDiagonalSlots(a, header, p->first, n, derives, FURL_DIAGONALS_SECOND, units, row0, x, sum);
  else
    nan = FurlDiagonalSlots(a, header, p->first, n, derives, FURL_DIAGONALS_ALL, units, row0, x, sum);
  return !nan || !p->masked;
}
