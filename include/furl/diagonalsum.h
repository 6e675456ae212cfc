/*
  The product of a slice whose entries are all in diagonals, or derived from those that are: the commonest slice of a symmetric operator on
  a grid. One pass over the lanes, with a vector of the machine at a time from the values to the sum. For CPUs; slicesum.h has what a GPU
  runs, and the same for slices with anything else. Bytes a row: 8 for each diagonal and its mirror, 1 of units, and x from cache.
*/
#if defined(__AVX2__)
#include <immintrin.h>
#endif

typedef double  FurlVector __attribute__((vector_size(FURL_VECTOR_BYTES), aligned(8), may_alias));
typedef int64_t FurlWords __attribute__((vector_size(FURL_VECTOR_BYTES)));

#define FURL_VECTOR_LANES (FURL_VECTOR_BYTES / 8)
#define FURL_MOST_DIAGONALS (2 * FURL_MAX_DIAGONALS) /* slots in diagonals: each and its mirror */

/* Units of the lanes of a vector: gcc would widen them one by one */
FURL_BODY FurlWords FurlLoadUnits(const int8_t *unit)
{
#if defined(__AVX512F__)
  return (FurlWords)_mm512_cvtepi8_epi64(_mm_loadl_epi64((const __m128i *)(const void *)unit));
#elif defined(__AVX2__)
  int32_t four;

  memcpy(&four, unit, sizeof(four));
  return (FurlWords)_mm256_cvtepi8_epi64(_mm_cvtsi32_si128(four));
#else
  FurlWords words = {0};

  for (int l = 0; l < FURL_VECTOR_LANES; l++) words[l] = unit[l];
  return words;
#endif
}

/* Row l, whose diagonal entry is its own */
FURL_BODY double FurlOwnRow(int N, const double *const *value, const double *const *x, double own, double x_own, int l)
{
  double sum = 0;

  for (int k = 0; k < N; k++) sum += value[k][l] * x[k][l];
  return sum + own * x_own;
}

/* N slots; derives: and a derived one. Both are constants where this is called for speed. Returns whether some sum is NaN */
FURL_BODY int FurlDiagonalRows(const FurlSlicesView *a, const FurlSliceHeader *header, int64_t first, int N, int derives, int64_t row0,
                               const double *FURL_RESTRICT x, double *FURL_RESTRICT sum)
{
  const double *value[FURL_MOST_DIAGONALS], *neighbour[FURL_MOST_DIAGONALS];
  const int64_t derived = first + N;
  const int     units   = derives && a->window[derived] != FURL_UNITS_NONE;
  const double  excess  = derives ? a->constant[derived] : 0;
  const int8_t *unit    = derives ? (const int8_t *)(a->derived + header->irregular) : NULL;
  FurlWords     nan     = {0};
  int64_t       any     = 0;

  x += row0;
  for (int k = 0; k < N; k++) value[k] = a->diagonal + a->start[first + k] + row0;
  for (int k = 0; k < N; k++) neighbour[k] = x + a->offset[first + k];
  for (int l = 0; l < FURL_WIDTH; l += FURL_VECTOR_LANES) {
    FurlVector total = {0}, others = {0};

    for (int k = 0; k < N; k++) {
      const FurlVector v = *(const FurlVector *)(value[k] + l);

      total += v * *(const FurlVector *)(neighbour[k] + l);
      if (derives) others += v;
    }
    if (derives) {
      others = excess - others;
      if (units) others = (FurlVector)((FurlWords)others + FurlLoadUnits(unit + l));
      total += others * *(const FurlVector *)(x + l);
    }
    nan |= total != total;
    *(FurlVector *)(sum + l) = total;
  }
  if (derives) {
    FURL_LANES_OF(l, (uint32_t)a->start[derived])
    sum[l] = FurlOwnRow(N, value, neighbour, FurlDoubleFromBits(FurlOwnBits(a, header, derived, l)), x[l], l);
  }
  for (int k = 0; k < FURL_VECTOR_LANES; k++) any |= nan[k];
  return any != 0;
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
FURL_BODY int FurlSumDiagonals(const FurlSlicesView *a, int64_t s, const double *FURL_RESTRICT x, double *sum)
{
  const FurlSliceHeader *header  = a->header + s;
  const FurlProgram     *p       = a->program + header->program;
  const int64_t          row0    = s * FURL_WIDTH;
  const int              derives = p->nslots && a->kind[p->first + p->nslots - 1] == FURL_VALUES_DERIVED, n = p->nslots - derives;
  int                    nan;

  if (n < 1 || n > FURL_MOST_DIAGONALS || p->masked == FURL_MASKED_FOREIGN || (derives && a->mask[p->first + n] != UINT32_MAX)) return 0;
  if (!FurlSlotsAre(a, p, n, FURL_VALUES_DIAGONAL)) return 0;
  if (derives && n == 6)
    nan = FurlDiagonalRows(a, header, p->first, 6, 1, row0, x, sum);
  else if (derives && n == 4)
    nan = FurlDiagonalRows(a, header, p->first, 4, 1, row0, x, sum);
  else if (derives)
    nan = FurlDiagonalRows(a, header, p->first, n, 1, row0, x, sum);
  else if (n == 7)
    nan = FurlDiagonalRows(a, header, p->first, 7, 0, row0, x, sum);
  else
    nan = FurlDiagonalRows(a, header, p->first, n, 0, row0, x, sum);
  return !nan || !p->masked;
}
