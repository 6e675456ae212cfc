/* The kernels between user's vectors and the cells of a sheared box */
#pragma once

#include "gridbodies.h"

/* min(d_i, d_j) times the difference of x / d where `scaled`, else of x, over d_i where not */
FURL_BODY double GridSoftPair(double x, double other, float inverse, float beyond, int scaled)
{
  const float most = inverse > beyond ? inverse : beyond, own = inverse / most;

  return (double)own * x - (double)(scaled ? beyond / most : own) * other;
}

/* The rows of the neighbours on both sides of line `item` in direction d = 1 or 2; the line itself where there is none */
FURL_BODY void GridLineSides(const FurlGridSoftenArgs *a, int64_t item, int d, int64_t side[2])
{
  const int64_t at = d == 1 ? item % a->n[1] : item / a->n[1], step = d == 1 ? 1 : a->n[1];

  side[0] = (at > 0 ? item - step : item) * a->n[0];
  side[1] = (at + 1 < a->n[d] ? item + step : item) * a->n[0];
}

/* weight L of 32 rows from row `first + i`; `from` has this stride */
FURL_BODY void GridSoften(const FurlGridSoftenArgs *a, int64_t item, int64_t i, int n, int64_t stride, int scaled, double *sum)
{
  const int64_t               first   = item * a->n[0];
  const float *FURL_RESTRICT  inverse = a->inverse;
  const double *FURL_RESTRICT from    = a->from;
  int64_t                     y[2], z[2];

  GridLineSides(a, item, 1, y);
  GridLineSides(a, item, 2, z);
  FURL_LANES_BELOW(l, n)
  {
    const int64_t at = i + l, r = first + at;
    const int64_t beside[6] = {at > 0 ? r - 1 : r, at + 1 < a->n[0] ? r + 1 : r, y[0] + at, y[1] + at, z[0] + at, z[1] + at};
    const double  x         = from[stride * r];
    double        total     = 0;

    FURL_UNROLL
    for (int k = 0; k < 6; k++)
      total += a->weight[k / 2] * GridSoftPair(x, from[stride * beside[k]], inverse[r], inverse[beside[k]], scaled);
    AT(sum, l) = total;
  }
}

/* cells = S' x; reads 16 B a row, writes 8 */
FURL_BODY void FurlGridSoftenIn(const FurlGridSoftenArgs *a, int64_t item)
{
  FURL_PER_LANE(double, sum);

  for (int64_t i = 0; i < a->n[0]; i += FURL_WIDTH) {
    const int64_t r = item * a->n[0] + i;

    GridSoften(a, item, i, GridBelow(a->n[0] - i), a->stride, 1, sum);
    FURL_LANES_BELOW(l, GridBelow(a->n[0] - i)) a->to[a->place[r + l]] = a->from[a->stride * (r + l)] - AT(sum, l);
  }
}

/* y = S v + jacobi D^-1 x; reads 20 B a row, writes 8 */
FURL_BODY void FurlGridSoftenBack(const FurlGridSoftenArgs *a, int64_t item)
{
  FURL_PER_LANE(double, sum);

  for (int64_t i = 0; i < a->n[0]; i += FURL_WIDTH) {
    const int64_t r = item * a->n[0] + i;

    GridSoften(a, item, i, GridBelow(a->n[0] - i), 1, 0, sum);
    FURL_LANES_BELOW(l, GridBelow(a->n[0] - i))
    {
      a->to[a->stride * (r + l)] =
        a->from[r + l] - AT(sum, l) + a->jacobi * a->factor * ((double)a->inverse[r + l] * a->residual[a->stride * (r + l)]);
    }
  }
}
