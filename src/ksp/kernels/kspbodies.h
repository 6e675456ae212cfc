/*
  The passes over vectors of a Krylov iteration. One item is a block of FURL_KSP_ROWS rows of FURL_WIDTH entries; each sum of a block goes
  to its own place in `partial`, and the caller adds the blocks in order, so that a result does not depend on the back end.
*/
#pragma once

#include <math.h>
#include <furl/kernel.h>
#include <furl/planes.h>
#include "kspstate.h"

#define FURL_KSP_ROWS 32
#define FURL_KSP_BLOCK (FURL_KSP_ROWS * FURL_WIDTH) /* entries of an item */

typedef struct {
  const double *z, *r, *q; /* [n] */
  double       *partial;   /* [nitems][3]: z'r, z'q, z'z */
  int64_t       n;
} KspDotsArgs;

typedef struct {
  const double   *z; /* [n] */
  double         *p; /* [n] */
  double          beta;
  int64_t         n;
  const KspState *state; /* has beta, where only the device knows it; else NULL */
} KspDirectionArgs;

typedef struct {
  const double   *p, *q;   /* [n] */
  double         *x, *r;   /* [n] */
  double         *partial; /* [nitems]: r'r after the update */
  double          xstep;   /* x += xstep p */
  double          rstep;   /* r -= rstep q */
  int64_t         n;
  const KspState *state; /* has the steps, where only the device knows them, and may forbid them; else NULL */
} KspUpdateArgs;

typedef struct {
  const double *v;       /* [n] */
  double       *partial; /* [nitems] */
  double        scale;   /* a power of two that brings the largest entry near 1 */
  int64_t       n;
} KspSquaresArgs;

FURL_BODY void DotsEntry(const KspDotsArgs *a, int64_t i, double *zr, double *zq, double *zz)
{
  const double z = a->z[i];

  *zr += z * a->r[i];
  *zq += z * a->q[i];
  *zz += z * z;
}

/* z'r, z'q and z'z; reads 24 B an entry */
FURL_BODY void KspDots(const KspDotsArgs *a, int64_t item)
{
  FURL_PER_LANE(double, zr);
  FURL_PER_LANE(double, zq);
  FURL_PER_LANE(double, zz);

  FURL_LANES(l) AT(zr, l) = AT(zq, l) = AT(zz, l) = 0;
  for (int row = 0; row < FURL_KSP_ROWS; row++) {
    const int64_t i = item * FURL_KSP_BLOCK + row * FURL_WIDTH;

    if (i + FURL_WIDTH <= a->n) {
      FURL_LANES(l) DotsEntry(a, i + l, &AT(zr, l), &AT(zq, l), &AT(zz, l));
    } else {
      FURL_LANES(l) if (i + l < a->n) DotsEntry(a, i + l, &AT(zr, l), &AT(zq, l), &AT(zz, l));
    }
  }
  a->partial[3 * item + 0] = FurlSumLanes(zr);
  a->partial[3 * item + 1] = FurlSumLanes(zq);
  a->partial[3 * item + 2] = FurlSumLanes(zz);
}

FURL_BODY void DirectionEntry(const KspDirectionArgs *a, int64_t i, double beta)
{
  a->p[i] = a->z[i] + beta * a->p[i];
}

/* p = z + beta p; reads 16 B and writes 8 B an entry. What p was is not looked at where beta is zero on the device: it may be NaN */
FURL_BODY void KspDirection(const KspDirectionArgs *a, int64_t item)
{
  const double beta = a->state ? a->state->beta : a->beta;

  if (a->state && a->state->stop) return;
  for (int row = 0; row < FURL_KSP_ROWS; row++) {
    const int64_t i = item * FURL_KSP_BLOCK + row * FURL_WIDTH;

    if (a->state && beta == 0) {
      FURL_LANES(l) if (i + l < a->n) a->p[i + l] = a->z[i + l];
    } else if (i + FURL_WIDTH <= a->n) {
      FURL_LANES(l) DirectionEntry(a, i + l, beta);
    } else {
      FURL_LANES(l) if (i + l < a->n) DirectionEntry(a, i + l, beta);
    }
  }
}

FURL_BODY void UpdateEntry(const KspUpdateArgs *a, int64_t i, const double step[2], double *rr)
{
  const double r = a->r[i] - step[1] * a->q[i];

  a->x[i] += step[0] * a->p[i];
  a->r[i] = r;
  *rr += r * r;
}

/* x += xstep p, r -= rstep q and r'r; reads 32 B and writes 16 B an entry */
FURL_BODY void KspUpdate(const KspUpdateArgs *a, int64_t item)
{
  const double step[2] = {a->state ? a->state->alpha / a->state->sigma : a->xstep, a->state ? a->state->alpha : a->rstep};
  FURL_PER_LANE(double, rr);

  if (a->state && a->state->stop) return;
  FURL_LANES(l) AT(rr, l) = 0;
  for (int row = 0; row < FURL_KSP_ROWS; row++) {
    const int64_t i = item * FURL_KSP_BLOCK + row * FURL_WIDTH;

    if (i + FURL_WIDTH <= a->n) {
      FURL_LANES(l) UpdateEntry(a, i + l, step, &AT(rr, l));
    } else {
      FURL_LANES(l) if (i + l < a->n) UpdateEntry(a, i + l, step, &AT(rr, l));
    }
  }
  a->partial[item] = FurlSumLanes(rr);
}

/* (scale v)'(scale v) for entries whose squares overflow or underflow; reads 8 B an entry */
FURL_BODY void KspSquares(const KspSquaresArgs *a, int64_t item)
{
  FURL_PER_LANE(double, sum);

  FURL_LANES(l) AT(sum, l) = 0;
  for (int row = 0; row < FURL_KSP_ROWS; row++) {
    const int64_t i = item * FURL_KSP_BLOCK + row * FURL_WIDTH;

    FURL_LANES(l) if (i + l < a->n)
    {
      const double v = a->scale * a->v[i + l];

      AT(sum, l) += v * v;
    }
  }
  a->partial[item] = FurlSumLanes(sum);
}

#include "stepbodies.h"
#include "basisbodies.h"
#include "bicgbodies.h"

#define FURL_KSP_KERNELS(X)         \
  X(KspDots, KspDotsArgs)           \
  X(KspDirection, KspDirectionArgs) \
  X(KspUpdate, KspUpdateArgs)       \
  X(KspSquares, KspSquaresArgs)     \
  X(KspSum, KspSumArgs)             \
  X(KspBeta, KspScalarArgs)         \
  X(KspAlpha, KspScalarArgs)        \
  X(KspNorm, KspScalarArgs)         \
  X(KspClear, KspClearArgs)         \
  X(KspKeep, KspKeepArgs)           \
  X(KspBasisDots, KspBasisDotsArgs) \
  X(KspBasisAdd, KspBasisAddArgs)   \
  X(KspRowSums, KspRowSumsArgs)     \
  X(KspResidual, KspResidualArgs)   \
  X(KspTrueNorm, KspScalarArgs)     \
  X(KspCycle, KspColumnArgs)        \
  X(KspColumn, KspColumnArgs)       \
  X(KspBicgFirst, KspBicgArgs)      \
  X(KspBicgSecond, KspBicgArgs)     \
  X(KspBicgBeta, KspBicgArgs)       \
  X(KspBicgDirection, KspBicgDirectionArgs)
