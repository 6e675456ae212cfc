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

#define FURL_MAT_KERNELS(X) X(FurlMatMult, FurlMatMultArgs)

FURL_MAT_KERNELS(FURL_DECLARE_KERNEL)
