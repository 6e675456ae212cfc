/* The kernels of the set-up of hierarchy `grid`: from the rows of a matrix to links, from links to codes and coarser links */
#pragma once

#include <math.h>
#include "gridbodies.h"

/* A coupling in 16 bits: 6 of exponent, 10 of mantissa, no sign; relative error <= 2^-11 down to 2^-50, zero below */
FURL_BODY uint16_t FurlGridEncode(float q)
{
  const float    scaled = (q < FURL_GRID_CODE_LARGEST ? q : FURL_GRID_CODE_LARGEST) * (1 / FURL_GRID_CODE_SCALE);
  const uint32_t code   = (FurlFloatToBits(scaled) + 0x1000u) >> 13;

  return (uint16_t)(q < FURL_GRID_CODE_SMALLEST ? 0 : code);
}

/* What the wind adds to the coupling of the earlier cell to the later one, and of the later to the earlier */
FURL_BODY float GridAhead(const float *wind, int64_t at)
{
  return wind && wind[at] > 0 ? wind[at] : 0;
}

FURL_BODY float GridBehind(const float *wind, int64_t at)
{
  return wind && wind[at] < 0 ? -wind[at] : 0;
}

/* v[k]: entry k of 32 rows, of which there are `last` + 1 */
FURL_BODY void GridTakeEntries(const double *value, int width, int k, int last, double *v)
{
#define FURL_X(l) value[(int64_t)width * (part + (l) < last ? part + (l) : last) + k]
  FURL_GROUPS(part, FURL_WIDTH) FURL_GROUP_SET(double, v + part, FURL_WIDTH, FURL_X);
#undef FURL_X
}

/* What GridReadD() knows of 32 rows */
typedef struct {
  FURL_PER_LANE(double, diagonal);
  FURL_PER_LANE(double, sum);
  FURL_PER_LANE(double, size);
  FURL_PER_LANE(double, strange);
  FURL_PER_LANE(float, ahead[3]);
} GridRows;

/* Direction d of D: a coupling back and one ahead */
FURL_BODY void GridReadDirection(const FurlGridReadArgs *a, const double *value, int D, int d, int last, GridRows *rows)
{
  FURL_PER_LANE(double, after);
  FURL_PER_LANE(double, before);

  GridTakeEntries(value, 2 * D + 1, D + 1 + d, last, after);
  GridTakeEntries(value, 2 * D + 1, D - 1 - d, last, before);
  FURL_LANES(l)
  {
    const double ahead = -a->factor * AT(after, l), behind = -a->factor * AT(before, l);

    AT(rows->sum, l) -= ahead + behind;
    AT(rows->size, l) += ahead + behind;
    AT(rows->ahead[d], l) = (float)ahead;
    AT(rows->strange, l) += ahead > 0 && behind > 0 ? 0 : 1;
  }
}

/* D directions, a constant as `last` is where this is called */
FURL_BODY void GridReadD(const FurlGridReadArgs *a, int64_t item, int D, int last)
{
  const int64_t       at    = item * FURL_WIDTH;
  const double *const value = a->value + at * (2 * D + 1);
  double *const       found = a->found + item * FURL_GRID_FOUND;
  GridRows            rows;
  FURL_PER_LANE(double, negative);
  FURL_PER_LANE(double, below);

  GridTakeEntries(value, 2 * D + 1, D, last, rows.diagonal);
  FURL_LANES(l)
  {
    AT(rows.diagonal, l) *= a->factor;
    AT(rows.sum, l) = AT(rows.size, l) = AT(rows.diagonal, l);
    AT(rows.strange, l)                = AT(rows.diagonal, l) > 0 ? 0 : 1;
  }
  for (int d = 0; d < D; d++) GridReadDirection(a, value, D, d, last, &rows);
  FURL_LANES(l)
  {
    const double sum = AT(rows.sum, l), least = -a->rounding * AT(rows.size, l), most = -a->positive * AT(rows.diagonal, l);

    AT(negative, l) = l <= last && sum < (least < most ? least : most) ? 1 : 0;
    AT(below, l)    = l <= last && sum < least ? 1 : 0;
    AT(rows.sum, l) = sum > -least ? sum : 0;
  }
  for (int d = 0; d < D; d++) FURL_LANES_BELOW(l, last + 1) a->link[d][at + l] = AT(rows.ahead[d], l);
  FURL_LANES_BELOW(l, last + 1) a->excess[at + l] = (float)AT(rows.sum, l);
  FURL_LANES(l) AT(rows.diagonal, l)              = -AT(rows.diagonal, l);
  found[FURL_GRID_LEAST]                          = FurlMaxDoubleLanes(rows.diagonal);
  found[FURL_GRID_MOST]                           = FurlMaxDoubleLanes(rows.size);
  found[FURL_GRID_NEGATIVE]                       = FurlSumLanes(negative);
  found[FURL_GRID_BELOW]                          = FurlSumLanes(below);
  found[FURL_GRID_STRANGE]                        = FurlSumLanes(rows.strange);
}

/* Links ahead and excess; reads 8 B an entry, writes 4 B a link and 4 */
FURL_BODY void FurlGridRead(const FurlGridReadArgs *a, int64_t item)
{
  const int last = GridBelow(a->n - item * FURL_WIDTH) - 1;

  if (a->directions == 3 && last == FURL_WIDTH - 1)
    GridReadD(a, item, 3, FURL_WIDTH - 1);
  else if (a->directions == 3)
    GridReadD(a, item, 3, last);
  else if (a->directions == 2)
    GridReadD(a, item, 2, last);
  else
    GridReadD(a, item, 1, last);
}

FURL_BODY void GridMirrorsD(const FurlGridReadArgs *a, int64_t item, int D, int last)
{
  const int64_t at = item * FURL_WIDTH;
  FURL_PER_LANE(double, differ);

  FURL_LANES(l) AT(differ, l) = 0;
  for (int d = 0; d < D; d++) {
    const float *FURL_RESTRICT mirror = a->link[d] + at - a->step[d];
    FURL_PER_LANE(double, before);

    GridTakeEntries(a->value + at * (2 * D + 1), 2 * D + 1, D - 1 - d, last, before);
    FURL_LANES(l) AT(differ, l) += l <= last && (float)(-a->factor * AT(before, l)) != mirror[l] ? 1 : 0;
  }
  a->found[item * FURL_GRID_FOUND + FURL_GRID_MIRROR] = FurlSumLanes(differ);
}

/* Compares with the links of the cells behind, once these have been read; reads 8 B a coupling and 4 B a link */
FURL_BODY void FurlGridMirrors(const FurlGridReadArgs *a, int64_t item)
{
  const int last = GridBelow(a->n - item * FURL_WIDTH) - 1;

  if (a->directions == 3 && last == FURL_WIDTH - 1)
    GridMirrorsD(a, item, 3, FURL_WIDTH - 1);
  else if (a->directions == 3)
    GridMirrorsD(a, item, 3, last);
  else if (a->directions == 2)
    GridMirrorsD(a, item, 2, last);
  else
    GridMirrorsD(a, item, 1, last);
}

/* Strengths count the mean of both couplings */
FURL_BODY float GridMean(const float *link, const float *wind, int64_t at)
{
  return link[at] + (wind ? 0.5f * fabsf(wind[at]) : 0);
}

/* Excess and links of D directions, a constant where this is called: their sum and the largest link */
FURL_BODY void GridGatherLinks(const FurlGridRootArgs *a, int64_t at, int D, float *sum, float *most)
{
  const float *FURL_RESTRICT excess = a->excess + at;
  const float               *ahead[3], *behind[3];

  for (int d = 0; d < D; d++) {
    ahead[d]  = a->link[d] + at;
    behind[d] = a->link[d] + at - a->step[d];
  }
  FURL_LANES(l)
  {
    float total = excess[l] > 0 ? excess[l] : 0, largest = 0;

    FURL_UNROLL
    for (int d = 0; d < D; d++) {
      const float larger = ahead[d][l] > behind[d][l] ? ahead[d][l] : behind[d][l];

      total += ahead[d][l] + behind[d][l];
      largest = larger > largest ? larger : largest;
    }
    AT(sum, l)  = total;
    AT(most, l) = largest;
  }
}

/* Reads 4 B a link and the excess, writes 8 B a cell */
FURL_BODY void FurlGridRoot(const FurlGridRootArgs *a, int64_t item)
{
  const int64_t              at     = item * FURL_WIDTH;
  const float *FURL_RESTRICT excess = a->excess + at;
  FURL_PER_LANE(float, sum);
  FURL_PER_LANE(float, most);

  if (a->directions == 3)
    GridGatherLinks(a, at, 3, sum, most);
  else if (a->directions == 2)
    GridGatherLinks(a, at, 2, sum, most);
  else if (a->directions == 1)
    GridGatherLinks(a, at, 1, sum, most);
  else
    GridGatherLinks(a, at, 0, sum, most);
  for (int d = 0; d < a->directions; d++) {
    if (!a->wind[d]) continue;
    FURL_LANES(l)
    {
      const float ahead = GridMean(a->link[d], a->wind[d], at + l), behind = GridMean(a->link[d], a->wind[d], at + l - a->step[d]);
      const float larger = ahead > behind ? ahead : behind;

      AT(sum, l) += GridAhead(a->wind[d], at + l) + GridBehind(a->wind[d], at + l - a->step[d]);
      AT(most, l) = larger > AT(most, l) ? larger : AT(most, l);
    }
  }
  FURL_LANES(l)
  {
    const float root = sqrtf(fabsf(excess[l] < 0 ? excess[l] : AT(sum, l))); /* no root of less than zero, used or not */

    a->root[at + l]    = excess[l] < 0 ? -root : root;
    a->largest[at + l] = AT(most, l);
  }
}

/* Codes of both couplings of a cell in direction d, where a wind makes them differ */
FURL_BODY void GridCodeWind(const FurlGridCodeArgs *a, int d, int64_t at)
{
  const float *const root = a->root;

  FURL_LANES(l)
  {
    const int64_t here = 2 * (at + l) + a->colour, next = here + a->step[d], before = here - a->step[d];
    const float   ahead = fabsf(root[here] * root[next]), behind = fabsf(root[here] * root[before]);

    a->q[d][at + l]    = FurlGridEncode((a->link[d][here] + GridAhead(a->wind[d], here)) / (ahead > 0 ? ahead : 1));
    a->back[d][at + l] = FurlGridEncode((a->link[d][before] + GridBehind(a->wind[d], before)) / (behind > 0 ? behind : 1));
  }
}

/* Reads 4 B a link and the root, writes 2 B a link and 4 */
FURL_BODY void FurlGridCode(const FurlGridCodeArgs *a, int64_t item)
{
  const int64_t              at   = item * FURL_WIDTH;
  const float *FURL_RESTRICT root = a->root + 2 * at + a->colour;
  float *FURL_RESTRICT       w    = a->w + at;
  FURL_PER_LANE(float, part);

  FURL_LANES(l) w[l] = root[2 * l];
  for (int d = 0; d < a->directions; d++) {
    const float *FURL_RESTRICT link   = a->link[d] + 2 * at + a->colour;
    const float *FURL_RESTRICT beyond = root + a->step[d];
    uint16_t *FURL_RESTRICT    q      = a->q[d] + at;

    FURL_LANES(l)
    {
      const float size = fabsf(root[2 * l] * beyond[2 * l]);

      AT(part, l) = link[2 * l] / (size > 0 ? size : 1);
    }
    FURL_LANES(l) q[l] = FurlGridEncode(AT(part, l));
    if (a->back[d]) GridCodeWind(a, d, at);
  }
}

/* Couplings times the neighbours' sqrt(d); N neighbours, a constant where this is called */
FURL_BODY void GridWeigh(const FurlGridStencilArgs *a, int64_t at, int N, double *sum)
{
  const uint16_t *q[6];
  const float    *y[6];

  for (int k = 0; k < N; k++) {
    q[k] = a->q[k] + at;
    y[k] = a->x[k] + at;
  }
  FURL_LANES(l)
  {
    double total = 0;

    FURL_UNROLL
    for (int k = 0; k < N; k++) total += (double)FurlGridDecode(q[k][l]) * (double)fabsf(y[k][l]);
    AT(sum, l) = total;
  }
}

/* The scaled diagonal is what keeps the sums of the rows: d_i y_i = excess_i / y_i + sum q_ij y_j for y = sqrt(D) 1 */
FURL_BODY void FurlGridCorrect(const FurlGridCorrectArgs *a, int64_t item)
{
  const int64_t              at     = item * FURL_WIDTH;
  const float *FURL_RESTRICT root   = a->root + 2 * at + a->colour;
  const float *FURL_RESTRICT excess = a->excess + 2 * at + a->colour;
  int16_t *FURL_RESTRICT     e      = a->e + at;
  FURL_PER_LANE(double, sum);
  FURL_PER_LANE(float, own);
  FURL_PER_LANE(float, extra);
  FURL_PER_LANE(float, units);

  FURL_LANES(l)
  {
    AT(own, l)   = root[2 * l];
    AT(extra, l) = excess[2 * l] > 0 ? excess[2 * l] : 0;
  }
  if (a->stencil.neighbours == 6)
    GridWeigh(&a->stencil, at, 6, sum);
  else if (a->stencil.neighbours == 4)
    GridWeigh(&a->stencil, at, 4, sum);
  else
    GridWeigh(&a->stencil, at, 2, sum);
  FURL_LANES(l)
  {
    const double y     = AT(own, l) > 0 ? (double)AT(own, l) : 1;
    const double total = (double)FURL_GRID_CODE_SCALE * AT(sum, l) + (double)AT(extra, l) / y;

    AT(units, l) = (float)((y / (total > 0 ? total : y) - 1) / (double)FURL_GRID_UNIT);
  }
  FURL_LANES(l)
  {
    const float above = AT(units, l) > 32767 ? 32767 : AT(units, l), bound = above < -32767 ? -32767 : above;
    const float whole = AT(own, l) > 0 ? bound + (bound < 0 ? -0.5f : 0.5f) : 0;

    e[l] = (int16_t)(int32_t)whole;
  }
}

/* Adds the ratios of n links from `at` on, and counts those that are torn */
FURL_BODY void GridAddRatios(const FurlGridStrengthArgs *a, int64_t at, int n, double *sum, double *torn)
{
  const float *FURL_RESTRICT link  = a->link + at;
  const float *FURL_RESTRICT here  = a->largest + at;
  const float *FURL_RESTRICT there = a->largest + at + a->step;
  FURL_PER_LANE(float, mean);

  FURL_LANES(l) AT(mean, l) = link[l];
  if (a->wind) FURL_LANES(l) AT(mean, l) = GridMean(a->link, a->wind, at + l);
  FURL_LANES(l)
  {
    const float most  = here[l] > there[l] ? here[l] : there[l];
    const float ratio = most > 0 ? AT(mean, l) / (most > 0 ? most : 1) : 0;

    AT(sum, l) += l < n ? (double)ratio : 0;
    AT(torn, l) += l < n && ratio < FURL_GRID_TORN ? 1 : 0;
  }
}

/* Reads 8 B a cell */
FURL_BODY void FurlGridStrengthAcross(const FurlGridStrengthArgs *a, int64_t item)
{
  const int64_t line = a->stride[0] * (item % a->lines) + a->stride[1] * (item / a->lines);
  FURL_PER_LANE(double, sum);
  FURL_PER_LANE(double, torn);

  FURL_LANES(l) AT(sum, l)  = 0;
  FURL_LANES(l) AT(torn, l) = 0;
  for (int64_t i = 0; i < a->n; i += FURL_WIDTH) GridAddRatios(a, line + i, GridBelow(a->n - i), sum, torn);
  a->sum[item]  = FurlSumLanes(sum);
  a->torn[item] = FurlSumLanes(torn);
}

/* Reads 8 B a cell */
FURL_BODY void FurlGridStrengthAlong(const FurlGridStrengthArgs *a, int64_t item)
{
  const int64_t i = item * FURL_WIDTH;
  const int     n = GridBelow(a->n - i);
  FURL_PER_LANE(double, sum);
  FURL_PER_LANE(double, torn);

  FURL_LANES(l) AT(sum, l)  = 0;
  FURL_LANES(l) AT(torn, l) = 0;
  for (int64_t k = 0; k < a->planes; k++)
    for (int64_t j = 0; j < a->lines; j++) GridAddRatios(a, a->stride[0] * j + a->stride[1] * k + i, n, sum, torn);
  FURL_LANES_BELOW(l, n) a->sum[i + l]  = AT(sum, l);
  FURL_LANES_BELOW(l, n) a->torn[i + l] = AT(torn, l);
}

/* Adds a line of an array, cells begin[l] .. end[l] - 1, one or two, for the n lanes; negative ones count as nothing */
FURL_BODY void GridAddLine(const float *line, const int32_t *begin, const int32_t *end, int n, float *sum)
{
  FURL_LANES_BELOW(l, n)
  {
    const float one = line[begin[l]], other = line[end[l] - 1];

    AT(sum, l) += (one > 0 ? one : 0) + (end[l] - begin[l] > 1 && other > 0 ? other : 0);
  }
}

/* Adds the fine cells of coarse cells I .. I + n - 1 of a line, or of these the last ones in direction d: those whose links lead out */
FURL_BODY void GridAddBlock(const FurlGridGalerkinArgs *a, const float *array, int d, const int64_t from[3], int n, float *sum)
{
  const int32_t *const x = a->first[0] + from[0], *const y = a->first[1] + from[1], *const z = a->first[2] + from[2];

  FURL_LANES(l) AT(sum, l) = 0;
  for (int64_t k = d == 2 ? z[1] - 1 : z[0]; k < z[1]; k++)
    for (int64_t j = d == 1 ? y[1] - 1 : y[0]; j < y[1]; j++) {
      const float *const line = array + a->stride[0] * j + a->stride[1] * k;

      if (d == 0)
        FURL_LANES_BELOW(l, n) AT(sum, l) += line[x[l + 1] - 1];
      else
        GridAddLine(line, x, x + 1, n, sum);
    }
}

/* Reads the fine links and excess, writes the coarse */
FURL_BODY void FurlGridGalerkin(const FurlGridGalerkinArgs *a, int64_t item)
{
  const int64_t J = item % a->lines, K = item / a->lines, line = a->coarse_stride[0] * J + a->coarse_stride[1] * K;
  FURL_PER_LANE(float, sum);

  for (int64_t I = 0; I < a->n; I += FURL_WIDTH) {
    const int64_t from[3] = {I, J, K};
    const int     n       = GridBelow(a->n - I);

    GridAddBlock(a, a->excess, -1, from, n, sum);
    FURL_LANES_BELOW(l, n) a->coarse_excess[line + I + l] = AT(sum, l);
    for (int d = 0; d < 3; d++) {
      const float *FURL_RESTRICT damping = a->damping[d] + from[d];

      if (!a->coarse_link[d]) continue;
      GridAddBlock(a, a->link[d], d, from, n, sum);
      FURL_LANES_BELOW(l, n) a->coarse_link[d][line + I + l] = damping[d ? 0 : l] * AT(sum, l);
    }
  }
}

/* Winds through the fine faces from[d] .. to[d] - 1 that blow ahead, and behind */
FURL_BODY void GridBlockWinds(const float *wind, const int64_t *stride, const int32_t *from, const int32_t *to, float winds[2])
{
  winds[0] = winds[1] = 0;
  for (int64_t k = from[2]; k < to[2]; k++)
    for (int64_t j = from[1]; j < to[1]; j++)
      for (int64_t i = from[0]; i < to[0]; i++) {
        const int64_t at = i + stride[0] * j + stride[1] * k;

        winds[0] += GridAhead(wind, at);
        winds[1] += GridBehind(wind, at);
      }
}

/* Reads the fine winds, writes the coarse; not damped, so that they stay upwind on every level */
FURL_BODY void FurlGridWind(const FurlGridWindArgs *a, int64_t item)
{
  const int64_t J = item % a->lines, K = item / a->lines, line = a->coarse_stride[0] * J + a->coarse_stride[1] * K;

  for (int64_t I = 0; I < a->n; I += FURL_WIDTH) FURL_LANES_BELOW(l, GridBelow(a->n - I))
    {
      const int64_t at[3] = {I + l, J, K};

      for (int d = 0; d < 3; d++) {
        int32_t from[3], to[3];
        float   winds[2];

        if (!a->coarse_wind[d]) continue;
        for (int e = 0; e < 3; e++) {
          from[e] = a->first[e][at[e]];
          to[e]   = a->first[e][at[e] + 1];
        }
        from[d] = to[d] - 1;
        GridBlockWinds(a->wind[d], a->stride, from, to, winds);
        a->coarse_link[d][line + I + l] += winds[0] < winds[1] ? winds[0] : winds[1];
        a->coarse_wind[d][line + I + l] = winds[0] - winds[1];
      }
    }
}
