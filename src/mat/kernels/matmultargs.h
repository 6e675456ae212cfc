/* Arguments of the products, and the list of this folder's kernels */
#pragma once

#include <furl/slices.h>
#include <furl/kernel.h>

typedef struct {
  FurlSlicesView diagonal;    /* entries whose columns this process owns */
  FurlSlicesView offdiagonal; /* the others, for the slices of the list, in its order; without slices: none */
  const int32_t *list;        /* [items] the slices; NULL: 0, 1, ... */
  const double  *x;           /* [diagonal.ncols] */
  const double  *ghost;       /* [offdiagonal.ncols] */
  const double  *z;           /* [nrows] or NULL */
  double        *y;           /* [nrows] */
  double        *partial;     /* [nslices] x'y of each slice, or NULL */
  int            read;        /* FurlRead */
} FurlMatMultArgs;

/* The same with several vectors at once: `one` is for the first of them */
typedef struct {
  FurlMatMultArgs one; /* z and partial NULL */
  int             ncolumns;
  int64_t         x_stride, ghost_stride, y_stride; /* from a vector to the next, entries */
} FurlMatMultManyArgs;

#define FURL_MAT_KERNELS(X)       \
  X(FurlMatMult, FurlMatMultArgs) \
  X(FurlMatMultMany, FurlMatMultManyArgs)

FURL_MAT_KERNELS(FURL_DECLARE_KERNEL)
