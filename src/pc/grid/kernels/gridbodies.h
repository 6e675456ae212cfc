/* The kernels of hierarchy `grid`. Bytes are those of memory, with neighbours' values and couplings found in a cache */
#pragma once

#include <math.h>
#include "gridargs.h"

/* A coupling in 16 bits: 6 of exponent, 10 of mantissa, no sign; relative error <= 2^-11 down to 2^-50, zero below */
FURL_BODY uint16_t FurlGridEncode(float q)
{
  const float    scaled = (q < FURL_GRID_CODE_LARGEST ? q : FURL_GRID_CODE_LARGEST) * (1 / FURL_GRID_CODE_SCALE);
  const uint32_t code   = (FurlFloatToBits(scaled) + 0x1000u) >> 13;

  return (uint16_t)(q < FURL_GRID_CODE_SMALLEST ? 0 : code);
}

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

/* Reads 12 B a cell, writes 4 */
FURL_BODY void FurlGridToLow(const FurlGridConvertArgs *a, int64_t item)
{
  for (int colour = 0; colour < 2; colour++) {
    const GridHalfLine line = GridHalfLineOf(a, item, colour);

    for (int64_t m = 0; m < line.n; m += FURL_WIDTH) {
      const double *FURL_RESTRICT from = a->from_high + (1 + a->others) * (item * a->n + line.i + 2 * m);
      const float *FURL_RESTRICT  root = a->root + line.at + m;
      float *FURL_RESTRICT        to   = a->to_low + line.at + m;

      if (a->others) /* apart, so that the other loop has a constant stride */
        FURL_LANES_BELOW(l, GridBelow(line.n - m)) to[l] = (float)(a->factor * from[2 * (1 + a->others) * l]) / fabsf(root[l]);
      else
        FURL_LANES_BELOW(l, GridBelow(line.n - m)) to[l] = (float)(a->factor * from[2 * l]) / fabsf(root[l]);
    }
  }
}

/* Reads 8 B a cell, writes 8 */
FURL_BODY void FurlGridToHigh(const FurlGridConvertArgs *a, int64_t item)
{
  for (int colour = 0; colour < 2; colour++) {
    const GridHalfLine line = GridHalfLineOf(a, item, colour);

    for (int64_t m = 0; m < line.n; m += FURL_WIDTH) {
      const float *FURL_RESTRICT from = a->from_low + line.at + m;
      const float *FURL_RESTRICT root = a->root + line.at + m;
      double *FURL_RESTRICT      to   = a->to_high + (1 + a->others) * (item * a->n + line.i + 2 * m);

      if (a->others)
        FURL_LANES_BELOW(l, GridBelow(line.n - m)) to[2 * (1 + a->others) * l] = a->factor * (double)(from[l] / fabsf(root[l]));
      else
        FURL_LANES_BELOW(l, GridBelow(line.n - m)) to[2 * l] = a->factor * (double)(from[l] / fabsf(root[l]));
    }
  }
}

/* The same, added to what is there; reads 16 B a cell, writes 8 */
FURL_BODY void FurlGridAddToHigh(const FurlGridConvertArgs *a, int64_t item)
{
  for (int colour = 0; colour < 2; colour++) {
    const GridHalfLine line = GridHalfLineOf(a, item, colour);

    for (int64_t m = 0; m < line.n; m += FURL_WIDTH) {
      const float *FURL_RESTRICT from = a->from_low + line.at + m;
      const float *FURL_RESTRICT root = a->root + line.at + m;
      double *FURL_RESTRICT      to   = a->to_high + (item * a->n + line.i + 2 * m);

      FURL_LANES_BELOW(l, GridBelow(line.n - m)) to[2 * l] += a->factor * (double)(from[l] / fabsf(root[l]));
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

/* Reads 8 B an entry, writes 4 */
FURL_BODY void FurlGridUpdate(const FurlGridUpdateArgs *a, int64_t item)
{
  const float *FURL_RESTRICT x = a->x + item * FURL_WIDTH;
  const float *FURL_RESTRICT y = a->y + item * FURL_WIDTH;
  float *FURL_RESTRICT       z = a->z + item * FURL_WIDTH;

  FURL_LANES(l) z[l] = a->alpha * x[l] + a->beta * y[l];
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

/* Reads 12 B an entry */
FURL_BODY void FurlGridDots(const FurlGridDotsArgs *a, int64_t item)
{
  const float *FURL_RESTRICT x = a->x + item * FURL_WIDTH;
  const float *FURL_RESTRICT y = a->y + item * FURL_WIDTH;
  const float *FURL_RESTRICT z = a->z + item * FURL_WIDTH;
  FURL_PER_LANE(double, xy);
  FURL_PER_LANE(double, xz);

  FURL_LANES(l)
  {
    AT(xy, l) = (double)x[l] * (double)y[l];
    AT(xz, l) = (double)x[l] * (double)z[l];
  }
  a->partial[2 * item]     = FurlSumLanes(xy);
  a->partial[2 * item + 1] = FurlSumLanes(xz);
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
    const float root = sqrtf(excess[l] < 0 ? -excess[l] : AT(sum, l));

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
