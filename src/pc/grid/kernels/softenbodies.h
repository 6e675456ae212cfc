/* The kernels between user's vectors and the cells of a sheared box */
#pragma once

#include "gridbodies.h"

/* From a row to its six neighbours; zero where there is none, whose difference is zero then */
typedef struct {
  int64_t to[6];
} GridBeside;

FURL_BODY GridBeside GridBesideOf(const FurlGridSoftenArgs *a, int64_t item, int left, int right)
{
  const int64_t j = item % a->n[1], k = item / a->n[1], plane = a->n[0] * a->n[1];

  return (GridBeside){
    {left ? -1 : 0, right ? 1 : 0, j > 0 ? -a->n[0] : 0, j + 1 < a->n[1] ? a->n[0] : 0, k > 0 ? -plane : 0, k + 1 < a->n[2] ? plane : 0}};
}

/* min(d_i, d_j) times the difference of x / d where `scaled`; else that of x, over d_i */
FURL_BODY double GridSoftPair(double x, double other, float inverse, float beyond, int scaled)
{
  const float most = inverse > beyond ? inverse : beyond, own = inverse / most;

  return (double)own * x - (double)(scaled ? beyond / most : own) * other;
}

/* x - weight L x of n rows from row r, whose neighbours are all as far; D: directions, a constant where this is called, as is `scaled` */
FURL_BODY void GridSoftenRows(const FurlGridSoftenArgs *a, int64_t r, int n, GridBeside beside, int64_t stride, int D, int scaled,
                              double *out)
{
  const double *FURL_RESTRICT x       = a->from + stride * r;
  const float *FURL_RESTRICT  inverse = a->inverse + r;

  FURL_LANES_BELOW(l, n)
  {
    double total = 0;

    FURL_UNROLL
    for (int k = 0; k < 2 * D; k++)
      total +=
        a->weight[k / 2] * GridSoftPair(x[stride * l], x[stride * (l + beside.to[k])], inverse[l], inverse[l + beside.to[k]], scaled);
    AT(out, l) = x[stride * l] - total;
  }
}

FURL_BODY void GridSoften(const FurlGridSoftenArgs *a, int64_t r, int n, GridBeside beside, int64_t stride, int scaled, double *out)
{
  if (stride > 1)
    GridSoftenRows(a, r, n, beside, stride, 3, scaled, out);
  else if (a->n[2] > 1)
    GridSoftenRows(a, r, n, beside, 1, 3, scaled, out);
  else
    GridSoftenRows(a, r, n, beside, 1, 2, scaled, out);
}

/* cells = S' x of rows that are inside their line, or at an end of it */
FURL_BODY void GridSoftenIn(const FurlGridSoftenArgs *a, int64_t item, int64_t begin, int64_t end)
{
  const GridBeside beside = GridBesideOf(a, item, begin > 0, end < a->n[0]);
  FURL_PER_LANE(double, out);

  for (int64_t i = begin; i < end; i += FURL_WIDTH) {
    const int64_t r = item * a->n[0] + i;
    const int     n = GridBelow(end - i);

    GridSoften(a, r, n, beside, a->stride, 1, out);
#if !defined(__CUDACC__)
    for (int l = 0; l < n; l++) /* a scatter: no vector instruction is faster */
#else
    FURL_LANES_BELOW(l, n)
#endif
      a->to[a->place[r + l]] = AT(out, l);
  }
}

/* y = S v + jacobi D^-1 x of such rows */
FURL_BODY void GridSoftenBack(const FurlGridSoftenArgs *a, int64_t item, int64_t begin, int64_t end)
{
  const GridBeside beside = GridBesideOf(a, item, begin > 0, end < a->n[0]);
  const double     jacobi = a->jacobi * a->factor;
  FURL_PER_LANE(double, out);

  for (int64_t i = begin; i < end; i += FURL_WIDTH) {
    const int64_t r = item * a->n[0] + i;
    const int     n = GridBelow(end - i);

    GridSoften(a, r, n, beside, 1, 0, out);
    if (a->stride > 1) /* apart, so that the other loop has a constant stride */
      FURL_LANES_BELOW(l, n)
    a->to[a->stride * (r + l)]               = AT(out, l) + jacobi * ((double)a->inverse[r + l] * a->residual[a->stride * (r + l)]);
    else FURL_LANES_BELOW(l, n) a->to[r + l] = AT(out, l) + jacobi * ((double)a->inverse[r + l] * a->residual[r + l]);
  }
}

/* Reads 16 B a row, writes 8 */
FURL_BODY void FurlGridSoftenIn(const FurlGridSoftenArgs *a, int64_t item)
{
  GridSoftenIn(a, item, 0, 1);
  GridSoftenIn(a, item, 1, a->n[0] - 1);
  GridSoftenIn(a, item, a->n[0] - 1, a->n[0]);
}

/* Reads 20 B a row, writes 8 */
FURL_BODY void FurlGridSoftenBack(const FurlGridSoftenArgs *a, int64_t item)
{
  GridSoftenBack(a, item, 0, 1);
  GridSoftenBack(a, item, 1, a->n[0] - 1);
  GridSoftenBack(a, item, a->n[0] - 1, a->n[0]);
}
