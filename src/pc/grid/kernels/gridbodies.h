/* The kernels of hierarchy `grid`. Bytes are those of memory, with neighbours' values and couplings found in a cache */
#pragma once

#include <math.h>
#include "gridargs.h"

/* The coupling over FURL_GRID_CODE_SCALE */
FURL_BODY float FurlGridDecode(uint16_t code)
{
  return FurlFloatFromBits((uint32_t)code << 13);
}

/* b + Q x of one slice, N neighbours: a constant where this is called */
FURL_BODY void GridSumN(const FurlGridStencilArgs *a, int64_t at, int N, const float *FURL_RESTRICT b, float *sum)
{
  const uint16_t *q[6];
  const float    *x[6];

  for (int k = 0; k < N; k++) {
    q[k] = a->q[k] + at;
    x[k] = a->x[k] + at;
  }
  FURL_LANES(l)
  {
    float total = 0;

    FURL_UNROLL
    for (int k = 0; k < N; k++) total += FurlGridDecode(q[k][l]) * x[k][l];
    AT(sum, l) = (b ? b[l] : 0) + FURL_GRID_CODE_SCALE * total;
  }
}

FURL_BODY void GridSum(const FurlGridStencilArgs *a, int64_t at, const float *b, float *sum)
{
  if (a->neighbours == 6)
    GridSumN(a, at, 6, b, sum);
  else if (a->neighbours == 4)
    GridSumN(a, at, 4, b, sum);
  else
    GridSumN(a, at, 2, b, sum);
}

/* The solution of a row: times the inverse of its diagonal */
FURL_BODY float GridTimesInverse(float value, int16_t e)
{
  return value + value * (FURL_GRID_UNIT * (float)e);
}

/* The diagonal from its inverse 1 + e, to 1e-9 as |e| < 2^-10 */
FURL_BODY float GridTimesDiagonal(float value, int16_t e)
{
  const float small = FURL_GRID_UNIT * (float)e;

  return value - value * (small - small * small);
}

/* x of one colour from zero neighbours; reads 6 B a cell, writes 4 */
FURL_BODY void FurlGridFirst(const FurlGridStencilArgs *a, int64_t item)
{
  const int64_t                at  = item * FURL_WIDTH;
  const float *FURL_RESTRICT   b   = a->b + at;
  const int16_t *FURL_RESTRICT e   = a->e + at;
  float *FURL_RESTRICT         out = a->out + at;

  FURL_LANES(l) out[l] = GridTimesInverse(b[l], e[l]);
}

/* Gauss and Seidel's step of one colour; reads 18 B a cell (3 couplings of the cell, 3 of its neighbours), writes 4 */
FURL_BODY void FurlGridSweep(const FurlGridStencilArgs *a, int64_t item)
{
  const int64_t                at  = item * FURL_WIDTH;
  const int16_t *FURL_RESTRICT e   = a->e + at;
  float *FURL_RESTRICT         out = a->out + at;
  FURL_PER_LANE(float, sum);

  GridSum(a, at, a->b + at, sum);
  FURL_LANES(l) out[l] = GridTimesInverse(AT(sum, l), e[l]);
}

/* The same, and out'b and out'own, where own is another vector; reads 4 B more */
FURL_BODY void FurlGridSweepDots(const FurlGridStencilArgs *a, int64_t item)
{
  const int64_t              at  = item * FURL_WIDTH;
  const float *FURL_RESTRICT b   = a->b + at;
  const float *FURL_RESTRICT own = a->own + at;
  const float               *out = a->out + at;
  FURL_PER_LANE(double, with_b);
  FURL_PER_LANE(double, with_own);

  FurlGridSweep(a, item);
  FURL_LANES(l)
  {
    AT(with_b, l)   = (double)out[l] * (double)b[l];
    AT(with_own, l) = (double)out[l] * (double)own[l];
  }
  a->partial[2 * item]     = FurlSumLanes(with_b);
  a->partial[2 * item + 1] = FurlSumLanes(with_own);
}

/* Residual of one colour, weighted for the transfer; reads 26 B a cell, writes 4 */
FURL_BODY void FurlGridResidual(const FurlGridStencilArgs *a, int64_t item)
{
  const int64_t                at  = item * FURL_WIDTH;
  const int16_t *FURL_RESTRICT e   = a->e + at;
  const float *FURL_RESTRICT   own = a->own + at;
  const float *FURL_RESTRICT   w   = a->w + at;
  float *FURL_RESTRICT         out = a->out + at;
  FURL_PER_LANE(float, sum);

  GridSum(a, at, a->b + at, sum);
  FURL_LANES(l) out[l] = (w[l] > 0 ? w[l] : 0) * (AT(sum, l) - GridTimesDiagonal(own[l], e[l]));
}

/* out = A own of one colour, and own'out; reads 18 B a cell, writes 4 */
FURL_BODY void FurlGridProduct(const FurlGridStencilArgs *a, int64_t item)
{
  const int64_t                at  = item * FURL_WIDTH;
  const int16_t *FURL_RESTRICT e   = a->e + at;
  const float *FURL_RESTRICT   own = a->own + at;
  float *FURL_RESTRICT         out = a->out + at;
  FURL_PER_LANE(float, sum);

  GridSum(a, at, NULL, sum);
  FURL_LANES(l) AT(sum, l) = GridTimesDiagonal(own[l], e[l]) - AT(sum, l);
  FURL_LANES(l) out[l]     = AT(sum, l);
  if (a->partial) {
    FURL_PER_LANE(double, product);

    FURL_LANES(l) AT(product, l) = (double)own[l] * (double)AT(sum, l);
    a->partial[item]             = FurlSumLanes(product);
  }
}

/* Place, among its colour's, of the red cell of G and the next one, which are one of each colour */
FURL_BODY int64_t GridRedOf(int64_t G)
{
  return (G + 1) >> 1;
}

#define FURL_GRID_PAIR 1  /* an aggregate of two cells of a line: nearly all, where lines are strong */
#define FURL_GRID_EIGHT 7 /* an aggregate of two lines in each direction: nearly all, where there is no strong direction */

/* The red cells of such an aggregate */
FURL_BODY float GridGatherEight(const FurlGridTransferArgs *a, int64_t G)
{
  const float low  = a->fine[GridRedOf(G)] + a->fine[GridRedOf(G + a->stride[0])];
  const float high = a->fine[GridRedOf(G + a->stride[1])] + a->fine[GridRedOf(G + a->stride[0] + a->stride[1])];

  return low + high;
}

FURL_BODY void GridAddTo(const FurlGridTransferArgs *a, int64_t at, float value)
{
  a->to[at] += (a->weight[at] > 0 ? a->weight[at] : 0) * value;
}

FURL_BODY void GridScatterEight(const FurlGridTransferArgs *a, int64_t G, float value)
{
  GridAddTo(a, GridRedOf(G), value);
  GridAddTo(a, GridRedOf(G + a->stride[0]), value);
  GridAddTo(a, GridRedOf(G + a->stride[1]), value);
  GridAddTo(a, GridRedOf(G + a->stride[0] + a->stride[1]), value);
}

/* First cell of a line (1: the next one in y, 2: in z) of an aggregate */
FURL_BODY int64_t GridLineOf(const FurlGridTransferArgs *a, uint32_t code, uint32_t line)
{
  return (int64_t)(code >> 3) + (line & 1 ? a->stride[0] : 0) + (line & 2 ? a->stride[1] : 0);
}

/* Cells of both colours: an aggregate of one has a part of either */
FURL_BODY float GridGatherBoth(const FurlGridTransferArgs *a, uint32_t code)
{
  float sum = 0;

  for (uint32_t line = 0; line < 4; line++) {
    const int64_t G = GridLineOf(a, code, line);

    if (line & ~(code >> 1)) continue;
    for (uint32_t dx = 0; dx <= (code & 1); dx++) sum += a->fine[((G + dx) >> 1) + ((G + dx) & 1 ? a->span : 0)];
  }
  return sum;
}

FURL_BODY void GridScatterBoth(const FurlGridTransferArgs *a, uint32_t code, float value)
{
  for (uint32_t line = 0; line < 4; line++) {
    const int64_t G = GridLineOf(a, code, line);

    if (line & ~(code >> 1)) continue;
    for (uint32_t dx = 0; dx <= (code & 1); dx++) GridAddTo(a, ((G + dx) >> 1) + ((G + dx) & 1 ? a->span : 0), value);
  }
}

/* The cells of an aggregate; red ones alone where black ones have no part */
FURL_BODY float GridGather(const FurlGridTransferArgs *a, uint32_t code)
{
  const int wide = code & 1;
  float     sum  = 0;

  if (a->both) return GridGatherBoth(a, code);
  if ((code & 7) == FURL_GRID_PAIR) return a->fine[GridRedOf(code >> 3)];
  if ((code & 7) == FURL_GRID_EIGHT) return GridGatherEight(a, code >> 3);
  for (uint32_t line = 0; line < 4; line++) {
    const int64_t G = GridLineOf(a, code, line);

    if (!(line & ~(code >> 1)) && (wide || !(G & 1))) sum += a->fine[GridRedOf(G)];
  }
  return sum;
}

FURL_BODY void GridScatter(const FurlGridTransferArgs *a, uint32_t code, float value)
{
  const int wide = code & 1;

  if (a->both) {
    GridScatterBoth(a, code, value);
    return;
  }
  if ((code & 7) == FURL_GRID_PAIR) {
    GridAddTo(a, GridRedOf(code >> 3), value);
    return;
  }
  if ((code & 7) == FURL_GRID_EIGHT) {
    GridScatterEight(a, code >> 3, value);
    return;
  }
  for (uint32_t line = 0; line < 4; line++) {
    const int64_t G = GridLineOf(a, code, line);

    if (!(line & ~(code >> 1)) && (wide || !(G & 1))) GridAddTo(a, GridRedOf(G), value);
  }
}

/* Reads 8 B a coarse cell and up to 8 weighted residuals, writes 4 */
FURL_BODY void FurlGridRestrict(const FurlGridTransferArgs *a, int64_t item)
{
  const int64_t at = item * FURL_WIDTH;

  FURL_LANES(l) a->coarse[at + l] = a->scale[at + l] * GridGather(a, a->child[at + l]);
}

/* Reads 12 B a coarse cell; each fine cell has one aggregate, so that no two lanes meet */
FURL_BODY void FurlGridProlong(const FurlGridTransferArgs *a, int64_t item)
{
  const int64_t at = item * FURL_WIDTH;

#if !defined(__CUDACC__)
  for (int l = 0; l < FURL_WIDTH; l++) /* a scatter: no vector instruction is faster */
#else
  FURL_LANES(l)
#endif
    if (a->scale[at + l] > 0) GridScatter(a, a->child[at + l], a->scale[at + l] * a->from[at + l]);
}

/* Cells of one colour in a line: the first one's place in the line, how many, and where the first is in the colour's array */
typedef struct {
  int64_t i, n, at;
} GridHalfLine;

FURL_BODY GridHalfLine GridHalfLineOf(const FurlGridConvertArgs *a, int64_t item, int colour)
{
  const int64_t F = a->origin + a->stride[0] * (item % a->lines) + a->stride[1] * (item / a->lines);
  const int64_t i = (F + colour) & 1;

  return (GridHalfLine){i, (a->n - i + 1) / 2, (F + i) / 2 + colour * a->span};
}

FURL_BODY int GridBelow(int64_t n)
{
  return (int)(n < FURL_WIDTH ? n : FURL_WIDTH);
}

FURL_BODY double GridFactor(const FurlGridConvertArgs *a)
{
  return a->power ? a->factor * *a->power : a->factor;
}

/* Reads 12 B a cell, writes 4 */
FURL_BODY void FurlGridToLow(const FurlGridConvertArgs *a, int64_t item)
{
  const double factor = GridFactor(a);

  for (int colour = 0; colour < 2; colour++) {
    const GridHalfLine line = GridHalfLineOf(a, item, colour);

    for (int64_t m = 0; m < line.n; m += FURL_WIDTH) {
      const double *FURL_RESTRICT from = a->from_high + (1 + a->others) * (item * a->n + line.i + 2 * m);
      const float *FURL_RESTRICT  root = a->root + line.at + m;
      float *FURL_RESTRICT        to   = a->to_low + line.at + m;

      if (a->others) /* apart, so that the other loop has a constant stride */
        FURL_LANES_BELOW(l, GridBelow(line.n - m)) to[l] = (float)(factor * from[2 * (1 + a->others) * l]) / fabsf(root[l]);
      else
        FURL_LANES_BELOW(l, GridBelow(line.n - m)) to[l] = (float)(factor * from[2 * l]) / fabsf(root[l]);
    }
  }
}

/* Reads 8 B a cell, writes 8 */
FURL_BODY void FurlGridToHigh(const FurlGridConvertArgs *a, int64_t item)
{
  const double factor = GridFactor(a);

  for (int colour = 0; colour < 2; colour++) {
    const GridHalfLine line = GridHalfLineOf(a, item, colour);

    for (int64_t m = 0; m < line.n; m += FURL_WIDTH) {
      const float *FURL_RESTRICT from = a->from_low + line.at + m;
      const float *FURL_RESTRICT root = a->root + line.at + m;
      double *FURL_RESTRICT      to   = a->to_high + (1 + a->others) * (item * a->n + line.i + 2 * m);

      if (a->others)
        FURL_LANES_BELOW(l, GridBelow(line.n - m)) to[2 * (1 + a->others) * l] = factor * (double)(from[l] / fabsf(root[l]));
      else
        FURL_LANES_BELOW(l, GridBelow(line.n - m)) to[2 * l] = factor * (double)(from[l] / fabsf(root[l]));
    }
  }
}

/* The same, added to what is there; reads 16 B a cell, writes 8 */
FURL_BODY void FurlGridAddToHigh(const FurlGridConvertArgs *a, int64_t item)
{
  const double factor = GridFactor(a);

  for (int colour = 0; colour < 2; colour++) {
    const GridHalfLine line = GridHalfLineOf(a, item, colour);

    for (int64_t m = 0; m < line.n; m += FURL_WIDTH) {
      const float *FURL_RESTRICT from = a->from_low + line.at + m;
      const float *FURL_RESTRICT root = a->root + line.at + m;
      double *FURL_RESTRICT      to   = a->to_high + (item * a->n + line.i + 2 * m);

      FURL_LANES_BELOW(l, GridBelow(line.n - m)) to[2 * l] += factor * (double)(from[l] / fabsf(root[l]));
    }
  }
}

/* min(d_i, d_j) (y_i / r_i - y_j / r_j) / r_i for r = sqrt(d); zero where one of the two is no cell of the operator. No division by what
 * may be zero and no branch, so that loops over cells are vectors */
FURL_BODY float GridDifference(float own, float w, float inverse, float x, float root)
{
  const float safe  = root > 0 ? root : 1;
  const float least = w < root ? w : root;
  const float part  = least > 0 ? least : 0;

  return part * part * inverse * (own * inverse - x / safe);
}

/* N neighbours: a constant where this is called */
FURL_BODY void GridSharpenN(const FurlGridSharpenArgs *a, int64_t at, int N)
{
  const float *FURL_RESTRICT own = a->stencil.own + at;
  const float *FURL_RESTRICT w   = a->stencil.w + at;
  float *FURL_RESTRICT       out = a->stencil.out + at;
  const float               *x[6], *root[6];

  for (int k = 0; k < N; k++) {
    x[k]    = a->stencil.x[k] + at;
    root[k] = a->root[k] + at;
  }
  FURL_LANES(l)
  {
    const float inverse = 1 / (w[l] > 0 ? w[l] : 1);
    float       sum     = 0;

    FURL_UNROLL
    for (int k = 0; k < N; k++) sum += GridDifference(own[l], w[l], inverse, x[k][l], root[k][l]);
    out[l] = own[l] + a->beta * sum;
  }
}

/* Reads 8 B a cell, writes 4 */
FURL_BODY void FurlGridSharpen(const FurlGridSharpenArgs *a, int64_t item)
{
  if (a->stencil.neighbours == 6)
    GridSharpenN(a, item * FURL_WIDTH, 6);
  else
    GridSharpenN(a, item * FURL_WIDTH, 4);
}

/* Reads 4 B a value, writes 2 */
FURL_BODY void FurlGridNarrow(const FurlGridPacketArgs *a, int64_t item)
{
  const float *FURL_RESTRICT const from   = a->wide + item * FURL_WIDTH;
  FurlGridPacket *const            packet = a->packet + item;
  const int                        n      = GridBelow(a->n - item * FURL_WIDTH);
  float                            most, inverse;
  FURL_PER_LANE(float, size);

  FURL_LANES(l) AT(size, l)          = 0;
  FURL_LANES_BELOW(l, n) AT(size, l) = fabsf(from[l]);
  most                               = FurlMaxLanes(size);
  inverse                            = most >= FURL_GRID_PACKET_LEAST && most <= FURL_GRID_PACKET_MOST ? 32767 / most : 0;
  FURL_LANES_BELOW(l, n)
  {
    const float units = inverse > 0 ? inverse * from[l] : 0;

    packet->value[l] = (int16_t)(int32_t)(units < 0 ? units - 0.5f : units + 0.5f);
  }
  packet->unit = most <= FURL_GRID_PACKET_MOST ? most * (1 / 32767.0f) : NAN;
}

/* Reads 2 B a value, writes 4 */
FURL_BODY void FurlGridWiden(const FurlGridPacketArgs *a, int64_t item)
{
  const FurlGridPacket *const packet = a->packet + item;
  float *FURL_RESTRICT const  to     = a->wide + item * FURL_WIDTH;

  FURL_LANES_BELOW(l, GridBelow(a->n - item * FURL_WIDTH)) to[l] = packet->unit * (float)packet->value[l];
}

/* Reads 20 B a ghost, writes 4 */
FURL_BODY void FurlGridGhosts(const FurlGridGhostsArgs *a, int64_t item)
{
  const int64_t first = item * FURL_WIDTH;

  FURL_LANES_BELOW(l, GridBelow(a->n - first)) a->array[a->at[first + l]] = a->owner ? a->array[a->owner[first + l]] : 0;
}

/* Reads 8 n B a row; n is a few dozen */
FURL_BODY void FurlGridDense(const FurlGridDenseArgs *a, int64_t item)
{
  const int64_t row = a->transposed ? 1 : a->n, column = a->transposed ? a->n : 1;

  FURL_LANES_BELOW(l, GridBelow(a->n - item * FURL_WIDTH))
  {
    const int64_t r   = item * FURL_WIDTH + l;
    double        sum = 0;

    for (int64_t c = 0; c < a->n; c++) sum += a->inverse[row * r + column * c] * (double)a->b[a->place[c]];
    a->x[a->place[r]] = (float)sum;
  }
}

/* The n pairs from pair on, lane by lane and then by the tree */
FURL_BODY void GridAddPairs(const double *pair, int64_t n, double sum[2])
{
  FURL_PER_LANE(double, low);
  FURL_PER_LANE(double, high);

  FURL_LANES(l) AT(low, l) = AT(high, l) = 0;
  for (int64_t k = 0; k < n; k += FURL_WIDTH) FURL_LANES_BELOW(l, GridBelow(n - k))
    {
      AT(low, l) += pair[2 * (k + l)];
      AT(high, l) += pair[2 * (k + l) + 1];
    }
  sum[0] = FurlSumLanes(low);
  sum[1] = FurlSumLanes(high);
}

/* Reads 16 B a pair */
FURL_BODY void FurlGridSum(const FurlGridSumArgs *a, int64_t item)
{
  const int64_t first = item * FURL_GRID_SUMS, n = a->n - first < FURL_GRID_SUMS ? a->n - first : FURL_GRID_SUMS;
  double        sum[2];

  GridAddPairs(a->partial + 2 * first, n, sum);
  FURL_LANES(l) if (l == 0)
  {
    a->sum[2 * item]     = sum[0];
    a->sum[2 * item + 1] = sum[1];
  }
}

/* After the first cycle: b += weights[0] Ap, which is no step at all where FP32 cannot tell the energy */
FURL_BODY void GridCombineFirst(const FurlGridCombineArgs *a, const double energy[2], const double size[2])
{
  const int counts = energy[0] > a->faint * size[0];

  a->first[0]   = energy[0];
  a->first[1]   = energy[1];
  a->first[3]   = counts;
  a->weights[0] = counts ? -energy[1] / energy[0] : 0;
  a->weights[1] = 1;
}

/* After the second: x = weights[0] p + weights[1] x */
FURL_BODY void GridCombineSecond(const FurlGridCombineArgs *a, const double energy[2], const double with[2])
{
  const double *const first = a->first;
  const double        rho2  = energy[0] - energy[1] * energy[1] / first[0];

  a->weights[0] = first[3] != 0 ? first[1] / first[0] : 1;
  a->weights[1] = 0;
  if (first[3] != 0 && rho2 > 0) {
    a->weights[0] = first[1] / first[0] - energy[1] * with[0] / (first[0] * rho2);
    a->weights[1] = with[0] / rho2;
  }
}

FURL_BODY void FurlGridCombine(const FurlGridCombineArgs *a, int64_t item)
{
  double energy[2], other[2];

  GridAddPairs(a->pair[0], a->n, energy);
  GridAddPairs(a->pair[1], a->n, other);
  FURL_LANES(l) if (l == 0)
  {
    if (a->step == 1)
      GridCombineFirst(a, energy, other);
    else
      GridCombineSecond(a, energy, other);
  }
}

/* Reads 20 B a cell, writes 8 */
FURL_BODY void FurlGridStep(const FurlGridStepArgs *a, int64_t item)
{
  const int64_t              at = item * FURL_WIDTH;
  const float *FURL_RESTRICT p  = a->p + at;
  const float *FURL_RESTRICT q  = a->q + at;
  const float *FURL_RESTRICT w  = a->w + at;
  float *FURL_RESTRICT       u  = a->u + at;
  float *FURL_RESTRICT       b  = a->b + at;
  FURL_PER_LANE(double, square);
  FURL_PER_LANE(double, diagonal);

  FURL_LANES(l)
  {
    const float  left = b[l] - a->alpha * q[l], found = u[l] + a->alpha * p[l];
    const double size = (double)w[l] * (double)left, part = (double)w[l] * (double)found;

    u[l]            = found;
    b[l]            = left;
    AT(square, l)   = size * size;
    AT(diagonal, l) = part * part;
  }
  a->partial[2 * item]     = FurlSumLanes(square);
  a->partial[2 * item + 1] = FurlSumLanes(diagonal);
}
