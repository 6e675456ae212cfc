/* The kernels of a multigrid cycle: one slice of rows, or as many vector entries, an item */
#pragma once

#define FURL_REAL float
#define FURL_NAME(name) name##Float
#include <furl/slicesum.h>
#undef FURL_NAME
#undef FURL_REAL
#include "cycleargs.h"

/* The rows of the item: heads where the level has them, else what is stored */
FURL_BODY int64_t ProductRows(const FurlProductArgs *a, int64_t item, float *sum)
{
  const int64_t s = a->list ? a->list[item] : item;

  FurlSliceSumFloat(&a->diagonal, s, FURL_READ_HEAD, a->x, sum);
  if (a->offdiagonal.nslices) {
    FURL_PER_LANE(float, ghost);

    FurlSliceSumFloat(&a->offdiagonal, item, FURL_READ_HEAD, a->ghost, ghost);
    FURL_LANES(l) AT(sum, l) += AT(ghost, l);
  }
  return s * FURL_WIDTH;
}

/* Reads the slice, b, d, z, x again from cache: 12 B a row beside the matrix; writes z and out: 8 B a row */
FURL_BODY void FurlSmooth(const FurlSmoothArgs *a, int64_t item)
{
  FURL_PER_LANE(float, sum);
  const int64_t              row0 = ProductRows(&a->product, item, sum);
  const float *FURL_RESTRICT x    = a->product.x + row0;
  const float *FURL_RESTRICT b    = a->b + row0;
  const float *FURL_RESTRICT d    = a->d + row0;
  float *FURL_RESTRICT       z    = a->z + row0;
  float *FURL_RESTRICT       out  = a->out + row0;

  FURL_LANES(l)
  {
    const float before = a->a != 0 || a->e != 0 ? z[l] : 0;
    const float step   = a->a * before + a->c * (b[l] - AT(sum, l) - d[l] * x[l]) / d[l];

    z[l]   = step;
    out[l] = x[l] + a->e * before + a->f * step;
  }
}

/* Reads b, d, x: 12 B a row beside the matrix; writes r: 4 B a row */
FURL_BODY void FurlResidual(const FurlResidualArgs *a, int64_t item)
{
  FURL_PER_LANE(float, sum);
  const int64_t              row0 = ProductRows(&a->product, item, sum);
  const float *FURL_RESTRICT x    = a->product.x + row0;
  const float *FURL_RESTRICT b    = a->b + row0;
  const float *FURL_RESTRICT d    = a->d + row0;
  float *FURL_RESTRICT       r    = a->r + row0;

  FURL_LANES(l) r[l] = b[l] - AT(sum, l) - d[l] * x[l];
}

/* Writes 4 B a row, and reads them where it adds */
FURL_BODY void FurlTransfer(const FurlTransferArgs *a, int64_t item)
{
  FURL_PER_LANE(float, sum);
  const int64_t        row0 = ProductRows(&a->product, item, sum);
  float *FURL_RESTRICT y    = a->y + row0;

  if (a->add)
    FURL_LANES(l) y[l] += AT(sum, l);
  else
    FURL_LANES(l) y[l] = AT(sum, l);
}

/* Reads 8 B a row, writes 8 */
FURL_BODY void FurlFirstSmooth(const FurlFirstSmoothArgs *a, int64_t item)
{
  const float *FURL_RESTRICT b   = a->b + item * FURL_WIDTH;
  const float *FURL_RESTRICT d   = a->d + item * FURL_WIDTH;
  float *FURL_RESTRICT       z   = a->z + item * FURL_WIDTH;
  float *FURL_RESTRICT       out = a->out + item * FURL_WIDTH;

  FURL_LANES(l)
  {
    const float step = a->c * b[l] / d[l];

    z[l]   = step;
    out[l] = a->f * step;
  }
}

FURL_BODY int ItemLength(int64_t n, int64_t item)
{
  return (int)(n - item * FURL_WIDTH < FURL_WIDTH ? n - item * FURL_WIDTH : FURL_WIDTH);
}

FURL_BODY double ConvertFactor(const FurlConvertArgs *a)
{
  return a->power ? a->factor * *a->power : a->factor;
}

FURL_BODY double RowPower(const FurlConvertArgs *a, int64_t i)
{
  return a->exponent ? FurlPowerDouble(a->exponent[i]) : 1;
}

/* Reads 8 B an entry (10 with exponents, 4 more with rows), writes 4 */
FURL_BODY void FurlToLow(const FurlConvertArgs *a, int64_t item)
{
  const int     n      = ItemLength(a->n, item);
  const int64_t first  = item * FURL_WIDTH;
  const double  factor = ConvertFactor(a);

  if (a->row)
    FURL_LANES_BELOW(l, n) a->to_low[first + l] = (float)(factor * (RowPower(a, first + l) * a->from_high[a->row[first + l]]));
  else if (a->exponent)
    FURL_LANES_BELOW(l, n) a->to_low[first + l] = (float)(factor * (FurlPowerDouble(a->exponent[first + l]) * a->from_high[first + l]));
  else
    FURL_LANES_BELOW(l, n) a->to_low[first + l] = (float)(factor * a->from_high[first + l]);
}

FURL_BODY void GiveHigh(const FurlConvertArgs *a, int64_t i, double value)
{
  a->to_high[i] = a->add ? a->to_high[i] + value : value;
}

/* Reads 4 B an entry (6 with exponents, 4 more with rows, 8 more where it adds), writes 8 */
FURL_BODY void FurlToHigh(const FurlConvertArgs *a, int64_t item)
{
  const int     n      = ItemLength(a->n, item);
  const int64_t first  = item * FURL_WIDTH;
  const double  factor = ConvertFactor(a);

  if (a->row)
    FURL_LANES_BELOW(l, n) GiveHigh(a, a->row[first + l], factor * (RowPower(a, first + l) * a->from_low[first + l]));
  else if (a->exponent)
    FURL_LANES_BELOW(l, n) GiveHigh(a, first + l, factor * (FurlPowerDouble(a->exponent[first + l]) * a->from_low[first + l]));
  else
    FURL_LANES_BELOW(l, n) GiveHigh(a, first + l, factor * a->from_low[first + l]);
}

FURL_BODY double DenseScale(const FurlDenseArgs *a, int64_t i)
{
  return FurlPowerDouble(a->exponent ? a->exponent[i] : a->uniform);
}

/* Reads 8 n B a row; n is a few dozen */
FURL_BODY void FurlDense(const FurlDenseArgs *a, int64_t item)
{
  FURL_LANES_BELOW(l, ItemLength(a->n, item))
  {
    const int64_t i   = item * FURL_WIDTH + l;
    double        sum = 0;

    for (int64_t j = 0; j < a->n; j++) sum += a->inverse[i * a->n + j] * (a->b[j] / DenseScale(a, j));
    a->x[i] = (float)(sum / DenseScale(a, i));
  }
}

/* Reads 8 B an entry, writes 4 */
FURL_BODY void FurlLowUpdate(const FurlLowUpdateArgs *a, int64_t item)
{
  const float *FURL_RESTRICT x = a->x + item * FURL_WIDTH;
  const float *FURL_RESTRICT y = a->y + item * FURL_WIDTH;
  float *FURL_RESTRICT       z = a->z + item * FURL_WIDTH;

  if (a->weights) {
    const float alpha = (float)a->weights[0], beta = (float)a->weights[1];

    FURL_LANES(l) z[l] = (alpha != 0 ? alpha * x[l] : 0) + (beta != 0 ? beta * y[l] : 0);
  } else
    FURL_LANES(l) z[l] = a->alpha * x[l] + a->beta * y[l];
}

/* Reads 12 B an entry */
FURL_BODY void FurlLowDots(const FurlLowDotsArgs *a, int64_t item)
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

/* Reads the slice, d, p again from cache: 8 B a row beside the matrix; writes 4 B a row */
FURL_BODY void FurlLowImage(const FurlLowImageArgs *a, int64_t item)
{
  FURL_PER_LANE(float, sum);
  FURL_PER_LANE(double, product);
  const int64_t              row0 = ProductRows(&a->product, item, sum);
  const float *FURL_RESTRICT p    = a->product.x + row0;
  const float *FURL_RESTRICT d    = a->d + row0;
  float *FURL_RESTRICT       q    = a->q + row0;

  FURL_LANES(l)
  {
    const float image = AT(sum, l) + d[l] * p[l];

    q[l]           = image;
    AT(product, l) = (double)p[l] * (double)image;
  }
  a->partial[row0 / FURL_WIDTH] = FurlSumLanes(product);
}

/* Reads 20 B a row (22 with exponents), writes 8 */
FURL_BODY void FurlLowStep(const FurlLowStepArgs *a, int64_t item)
{
  const int64_t              at = item * FURL_WIDTH;
  const float *FURL_RESTRICT p  = a->p + at;
  const float *FURL_RESTRICT q  = a->q + at;
  const float *FURL_RESTRICT d  = a->d + at;
  float *FURL_RESTRICT       u  = a->u + at;
  float *FURL_RESTRICT       b  = a->b + at;
  const int                  n  = ItemLength(a->n, item);
  FURL_PER_LANE(double, left);
  FURL_PER_LANE(double, part);

  FURL_LANES(l)
  {
    b[l] -= a->alpha * q[l];
    u[l] += a->alpha * p[l];
    AT(left, l) = (double)b[l];
    AT(part, l) = (double)d[l] * (double)u[l];
  }
  if (a->exponent) FURL_LANES_BELOW(l, n)
    {
      const double unit = FurlPowerDouble(-a->exponent[at + l]);

      AT(left, l) *= unit;
      AT(part, l) *= unit;
    }
  FURL_LANES(l) AT(left, l) *= AT(left, l);
  FURL_LANES(l) AT(part, l) *= AT(part, l);
  a->partial[2 * item]     = FurlSumLanes(left);
  a->partial[2 * item + 1] = FurlSumLanes(part);
}
