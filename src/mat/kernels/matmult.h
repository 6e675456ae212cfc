/* Products with FP64 vectors, one slice of rows an item */
#pragma once

#define FURL_REAL double
#define FURL_NAME(name) name##Double
#include <furl/slicesum.h>
#undef FURL_NAME
#undef FURL_REAL
#include "matmultargs.h"

/* The rows of the item */
FURL_BODY void MatMultRows(const FurlMatMultArgs *a, int64_t item, double *sum)
{
  const int64_t  s    = a->list ? a->list[item] : item;
  const FurlRead read = (FurlRead)a->read;

  FurlSliceSumDouble(&a->diagonal, s, read, a->x, sum);
  if (a->offdiagonal.nslices) {
    FURL_PER_LANE(double, ghost);

    FurlSliceSumDouble(&a->offdiagonal, item, read, a->ghost, ghost);
    FURL_LANES(l) AT(sum, l) += AT(ghost, l);
  }
}

/*
  y = A x, y = z + A x, and x'y of the slice. Reads what slicesum.h says and 8 B a row each of z and, for the dot, of x; writes 8 B a row
  of y and 8 B a slice of partial sums. On the CPU the sums of a whole slice go straight to y.
*/
FURL_BODY void FurlMatMult(const FurlMatMultArgs *a, int64_t item)
{
  const int64_t s    = a->list ? a->list[item] : item;
  const int64_t row0 = s * FURL_WIDTH;
  const int     n    = (int)(a->diagonal.nrows - row0 < FURL_WIDTH ? a->diagonal.nrows - row0 : FURL_WIDTH);
  FURL_PER_LANE(double, apart);
  double *const sum = FURL_LANES_IN_MEMORY && n == FURL_WIDTH && !a->z ? a->y + row0 : apart;

  MatMultRows(a, item, sum);
  if (a->z) FURL_LANES_BELOW(l, n) AT(sum, l) += a->z[row0 + l];
  if (sum == apart) FURL_LANES_BELOW(l, n) a->y[row0 + l] = AT(sum, l);
  if (a->partial) {
    FURL_LANES(l) AT(apart, l) = l < n ? AT(sum, l) * a->x[l < n ? row0 + l : row0] : 0;
    a->partial[s]              = FurlSumLanes(apart);
  }
}
