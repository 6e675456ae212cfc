/*
  The small system of GMRES, the same on the CPU and on a device: numbers of one array for ld columns, of which column k begins at (ld + 1)
  k and has k + 2 entries; behind the columns ld cosines, ld sines, the rotated right-hand side [ld + 1], and y [ld].
*/
#pragma once

#include <math.h>
#include <furl/kernel.h>

FURL_BODY double *KspColumnOf(double *hess, int64_t ld, int64_t k)
{
  return hess + k * (ld + 1);
}
FURL_BODY double *KspCosinesOf(double *hess, int64_t ld)
{
  return KspColumnOf(hess, ld, ld);
}
FURL_BODY double *KspSinesOf(double *hess, int64_t ld)
{
  return KspCosinesOf(hess, ld) + ld;
}
FURL_BODY double *KspRightSideOf(double *hess, int64_t ld)
{
  return KspSinesOf(hess, ld) + ld;
}

/* Applies the rotations so far to column k and makes the one that clears its last entry; 0 where the column is zero, so that H is singular
 */
FURL_BODY int KspRotate(double *hess, int64_t ld, int64_t k)
{
  double *const h = KspColumnOf(hess, ld, k), *const c = KspCosinesOf(hess, ld), *const s = KspSinesOf(hess, ld);
  double *const g = KspRightSideOf(hess, ld);
  double        size;

  for (int64_t i = 0; i < k; i++) {
    const double upper = h[i];

    h[i]     = c[i] * upper + s[i] * h[i + 1];
    h[i + 1] = c[i] * h[i + 1] - s[i] * upper;
  }
  size = hypot(h[k], h[k + 1]);
  if (size == 0) return 0;
  c[k]     = h[k] / size;
  s[k]     = h[k + 1] / size;
  h[k]     = size;
  h[k + 1] = 0;
  g[k + 1] = -s[k] * g[k];
  g[k]     = c[k] * g[k];
  return 1;
}
