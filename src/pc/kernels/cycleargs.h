/* Arguments of the kernels of a cycle, and their list. Vectors are FP32, padded to whole slices. */
#pragma once

#include <furl/slices.h>
#include <furl/kernel.h>

/* The rows of a product A x: every kernel with a matrix begins with one */
typedef struct {
  FurlSlicesView diagonal;    /* entries whose columns this process owns */
  FurlSlicesView offdiagonal; /* the others, for the slices of the list, in its order; without slices: none */
  const int32_t *list;        /* [items] the slices; NULL: 0, 1, ... */
  const float   *x;           /* [diagonal.ncols] */
  const float   *ghost;       /* [offdiagonal.ncols] */
} FurlProductArgs;

/* r = b - (A + diag(d)) x;  z = a z + c r/d;  out = x + e (z before) + f z */
typedef struct {
  FurlProductArgs product;
  const float    *b, *d;
  float          *z;
  float          *out;
  float           a, c, e, f;
} FurlSmoothArgs;

/* r = b - (A + diag(d)) x */
typedef struct {
  FurlProductArgs product;
  const float    *b, *d;
  float          *r;
} FurlResidualArgs;

/* y = A x, or y += A x */
typedef struct {
  FurlProductArgs product;
  float          *y;
  int             add;
} FurlTransferArgs;

/* z = c b/d, out = f z */
typedef struct {
  const float *b, *d;
  float       *z, *out;
  float        c, f;
} FurlFirstSmoothArgs;

/* low = (float)(factor 2^exponent high), and back: high = factor 2^exponent low. n entries; exponent NULL: zeros; entry i of low is row[i]
 * of high, NULL: the same. The factor is taken times *power, where that is not NULL: a number that only the device knows */
typedef struct {
  int64_t        n;
  const int16_t *exponent;
  const int32_t *row;
  const double  *from_high;
  double        *to_high;
  const float   *from_low;
  float         *to_low;
  double         factor;
  const double  *power;
} FurlConvertArgs;

/* The coarsest level: x = S^-1 inverse S^-1 b, an item 32 rows; S = 2^exponent, or 2^uniform where exponent is NULL */
typedef struct {
  int64_t        n;
  const double  *inverse; /* [n][n] */
  const int16_t *exponent;
  int            uniform;
  const float   *b;
  float         *x;
} FurlDenseArgs;

#define FURL_PC_KERNELS(X)                \
  X(FurlSmooth, FurlSmoothArgs)           \
  X(FurlResidual, FurlResidualArgs)       \
  X(FurlTransfer, FurlTransferArgs)       \
  X(FurlFirstSmooth, FurlFirstSmoothArgs) \
  X(FurlToLow, FurlConvertArgs)           \
  X(FurlToHigh, FurlConvertArgs)          \
  X(FurlDense, FurlDenseArgs)

FURL_PC_KERNELS(FURL_DECLARE_KERNEL)
