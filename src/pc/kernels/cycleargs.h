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
 * of high, NULL: the same; add: to what is there. The factor is taken times *power, where that is not NULL: a number that only the device
 * knows */
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
  int            add;
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

/* z = alpha x + beta y over FURL_WIDTH entries an item; weights: [2] alpha and beta, where only the device knows them, else NULL. A vector
 * whose weight is zero is not read */
typedef struct {
  const float  *x, *y;
  float        *z;
  float         alpha, beta;
  const double *weights;
} FurlLowUpdateArgs;

/* Sums of an item: x'y and x'z, each at its place in partial */
typedef struct {
  const float *x, *y, *z;
  double      *partial; /* [items][2] */
} FurlLowDotsArgs;

/* q = (A + diag(d)) p, and p'q of each slice */
typedef struct {
  FurlProductArgs product; /* x: p */
  const float    *d;
  float          *q;
  double         *partial; /* [slices] */
} FurlLowImageArgs;

/* One step of conjugate gradients: u += alpha p, b -= alpha q, and in the user's units, those of 2^-exponent b, the sums of the squares of
 * the residual that the new b is, and of the diagonal times what u is; exponent NULL: zeros */
typedef struct {
  int64_t        n;
  const float   *p, *q, *d;
  const int16_t *exponent;
  float         *u, *b;
  float          alpha;
  double        *partial; /* [items][2] */
} FurlLowStepArgs;

#define FURL_PC_KERNELS(X)                \
  X(FurlSmooth, FurlSmoothArgs)           \
  X(FurlResidual, FurlResidualArgs)       \
  X(FurlTransfer, FurlTransferArgs)       \
  X(FurlFirstSmooth, FurlFirstSmoothArgs) \
  X(FurlToLow, FurlConvertArgs)           \
  X(FurlToHigh, FurlConvertArgs)          \
  X(FurlDense, FurlDenseArgs)             \
  X(FurlLowUpdate, FurlLowUpdateArgs)     \
  X(FurlLowDots, FurlLowDotsArgs)         \
  X(FurlLowImage, FurlLowImageArgs)       \
  X(FurlLowStep, FurlLowStepArgs)

FURL_PC_KERNELS(FURL_DECLARE_KERNEL)
