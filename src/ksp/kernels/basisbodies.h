/*
  Passes over several vectors on a device: GMRES and null spaces. Sums of such a pass are kept by vector, [vectors][blocks], so that each
  is added up by warps of its own.
*/
#pragma once

#include "hessenberg.h"

#define KSP_PASSES 3 /* of Gram and Schmidt at most */

/* V'w, and w'w behind them where that is wanted */
typedef struct {
  const KspState *state; /* leaves the pass out where w is orthogonal already; NULL: never */
  const double   *V;     /* [count][n], ld apart; NULL: one vector of ones */
  const double   *w;
  double         *partial; /* [count + square][nblocks] */
  int64_t         n, ld, nblocks;
  int             count, square, pass;
} KspBasisDotsArgs;

/* Sums of KSP_SUMS consecutive ones, for each of several rows; an item: a group of a row */
typedef struct {
  const double *from; /* [rows][n] */
  double       *to;   /* [rows][groups] */
  int64_t       n, groups;
} KspRowSumsArgs;

/* w = scale (w + factor V total) */
typedef struct {
  const KspState *state; /* has the scale, and says whether there is anything to be done; NULL: there is, and the scale is 1 */
  const double   *V;     /* [count][n], ld apart; NULL: one vector of ones */
  const double   *total; /* [count] */
  double         *w;
  double          factor;
  int64_t         n, ld;
  int             count;
} KspBasisAddArgs;

/* r = sigma (b - q) and the sums of its squares; q NULL: zero */
typedef struct {
  const double *b, *q;
  double       *r, *partial; /* [nitems] */
  double        sigma;
  int64_t       n;
} KspResidualArgs;

/* One column of the Hessenberg matrix: as in kspgmres.c */
typedef struct {
  KspState     *state;
  KspNews      *news;  /* [KSP_NEWS] */
  const double *total; /* [k + 2] the pass's V'w and w'w */
  double       *hess;
  int           k, pass, columns, ld; /* columns of a cycle; those for which hess has room */
} KspColumnArgs;

FURL_BODY int IsLeftOut(const KspState *state, int pass)
{
  return state && (state->stop || (pass > 0 && state->settled));
}

/* Vectors k .. k + 3, of which those behind the last one are w */
FURL_BODY const double *BasisVector(const KspBasisDotsArgs *a, int k)
{
  return k < a->count ? a->V + k * a->ld : a->w;
}

FURL_BODY void FourDots(const KspBasisDotsArgs *a, int64_t item, int k)
{
  const double *const v0 = BasisVector(a, k), *const v1 = BasisVector(a, k + 1);
  const double *const v2 = BasisVector(a, k + 2), *const v3 = BasisVector(a, k + 3);
  double total[4];
  FURL_PER_LANE(double, s0);
  FURL_PER_LANE(double, s1);
  FURL_PER_LANE(double, s2);
  FURL_PER_LANE(double, s3);

  FURL_LANES(l) AT(s0, l) = AT(s1, l) = AT(s2, l) = AT(s3, l) = 0;
  for (int row = 0; row < FURL_KSP_ROWS; row++) {
    const int64_t i = item * FURL_KSP_BLOCK + row * FURL_WIDTH;

    FURL_LANES(l) if (i + l < a->n)
    {
      const double w = a->w[i + l];

      AT(s0, l) += v0[i + l] * w;
      AT(s1, l) += v1[i + l] * w;
      AT(s2, l) += v2[i + l] * w;
      AT(s3, l) += v3[i + l] * w;
    }
  }
  total[0] = FurlSumLanes(s0);
  total[1] = FurlSumLanes(s1);
  total[2] = FurlSumLanes(s2);
  total[3] = FurlSumLanes(s3);
  for (int m = 0; m < 4 && k + m < a->count + a->square; m++) FURL_LANES(l) if (l == 0) a->partial[(k + m) * a->nblocks + item] = total[m];
}

FURL_BODY void SumOfEntries(const KspBasisDotsArgs *a, int64_t item)
{
  FURL_PER_LANE(double, sum);

  FURL_LANES(l) AT(sum, l) = 0;
  for (int row = 0; row < FURL_KSP_ROWS; row++) {
    const int64_t i = item * FURL_KSP_BLOCK + row * FURL_WIDTH;

    FURL_LANES(l) if (i + l < a->n) AT(sum, l) += a->w[i + l];
  }
  a->partial[item] = FurlSumLanes(sum);
}

/* Reads 8 B an entry of each vector; of w, which stays in a cache, once more for every four of them */
FURL_BODY void KspBasisDots(const KspBasisDotsArgs *a, int64_t item)
{
  if (IsLeftOut(a->state, a->pass)) return;
  if (!a->V) {
    SumOfEntries(a, item);
    return;
  }
  for (int k = 0; k < a->count + a->square; k += 4) FourDots(a, item, k);
}

/* Reads 8 B a sum */
FURL_BODY void KspRowSums(const KspRowSumsArgs *a, int64_t item)
{
  const int64_t row = item / a->groups, first = item % a->groups * KSP_SUMS;
  const int64_t n     = a->n - first < KSP_SUMS ? a->n - first : KSP_SUMS;
  const double  total = AddSums(a->from + row * a->n + first, n, 1, 0);

  FURL_LANES(l) if (l == 0) a->to[item] = total;
}

FURL_BODY double AddedEntry(const KspBasisAddArgs *a, int64_t i)
{
  double sum = 0;

  if (!a->V) return a->total[0];
  for (int k = 0; k < a->count; k++) sum += a->total[k] * a->V[k * a->ld + i];
  return sum;
}

/* Reads 8 B an entry of each vector and of w, writes 8 */
FURL_BODY void KspBasisAdd(const KspBasisAddArgs *a, int64_t item)
{
  const double scale = a->state ? a->state->scale : 1;

  if (a->state && (a->state->stop || !a->state->update)) return;
  for (int row = 0; row < FURL_KSP_ROWS; row++) {
    const int64_t i = item * FURL_KSP_BLOCK + row * FURL_WIDTH;

    FURL_LANES(l) if (i + l < a->n) a->w[i + l] = scale * (a->w[i + l] + a->factor * AddedEntry(a, i + l));
  }
}

/* Reads 16 B and writes 8 B an entry */
FURL_BODY void KspResidual(const KspResidualArgs *a, int64_t item)
{
  FURL_PER_LANE(double, sum);

  FURL_LANES(l) AT(sum, l) = 0;
  for (int row = 0; row < FURL_KSP_ROWS; row++) {
    const int64_t i = item * FURL_KSP_BLOCK + row * FURL_WIDTH;

    FURL_LANES(l) if (i + l < a->n)
    {
      const double r = a->sigma * (a->q ? a->b[i + l] - a->q[i + l] : a->b[i + l]);

      a->r[i + l] = r;
      AT(sum, l) += r * r;
    }
  }
  a->partial[item] = FurlSumLanes(sum);
}

/* The norm of a residual that was computed anew; told whatever there was to stop for */
FURL_BODY void KspTrueNorm(const KspScalarArgs *a, int64_t item)
{
  const double rr = AddSums(a->sum, a->n, 1, 0);

  FURL_LANES(l) if (l == 0)
  {
    a->state->rnorm = sqrt(rr);
    Tell(a);
  }
}

/* A cycle begins: V_0 = r / |r|, of which this gives the scale */
FURL_BODY void KspCycle(const KspColumnArgs *a, int64_t item)
{
  KspState *const state = a->state;

  FURL_LANES(l) if (l == 0)
  {
    KspRightSideOf(a->hess, a->ld)[0] = state->rnorm;
    state->scale                      = 1 / state->rnorm;
    state->update                     = 1;
    state->inner                      = 0;
    state->stop                       = KSP_STEP_GOES_ON;
  }
}

/* The column is whole: an iteration is done */
FURL_BODY void EndColumn(const KspColumnArgs *a)
{
  const KspScalarArgs tell  = {.state = a->state, .news = a->news};
  KspState *const     state = a->state;
  const int           k     = a->k;
  const double        last  = KspRightSideOf(a->hess, a->ld)[k];
  int                 more  = 0;
  double              norm;

  state->rnorm = fabs(last);
  if (KspRotate(a->hess, a->ld, k)) {
    state->inner = k + 1;
    state->rnorm = fabs(KspRightSideOf(a->hess, a->ld)[k + 1]);
    more         = KspSinesOf(a->hess, a->ld)[k] != 0 && k + 1 < a->columns;
  }
  norm = state->rnorm / state->sigma;
  state->its++;
  if (!more) state->stop = KSP_STEP_END;
  if (!(norm > state->wanted) || !(norm < state->most) || state->its >= state->max_it) state->stop = KSP_STEP_TEST;
  Tell(&tell);
}

/* After a pass: what it adds to column k, and whether w is orthogonal to the vectors before it */
FURL_BODY void TakePass(const KspColumnArgs *a)
{
  KspState *const state = a->state;
  double *const   h     = KspColumnOf(a->hess, a->ld, a->k);
  double          after = a->total[a->k + 1];

  state->before = after;
  if (a->pass == 0) state->whole = after;
  for (int i = 0; i <= a->k; i++) {
    h[i] = (a->pass ? h[i] : 0) + a->total[i];
    after -= a->total[i] * a->total[i];
  }
  state->update  = 1;
  state->scale   = 1;
  state->settled = after > .5 * state->before || a->pass + 1 == KSP_PASSES;
  if (!IsFinite(after)) {
    const KspScalarArgs tell = {.state = state, .news = a->news};

    Stop(&tell, KSP_STEP_NAN);
  } else if (state->settled) {
    const double tiny = 2.220446049250313e-16 * 2.220446049250313e-16; /* epsilon of FP64, squared */

    h[a->k + 1] = after > 0 && state->before > tiny * state->whole ? sqrt(after) : 0;
    if (h[a->k + 1] > 0) state->scale = 1 / h[a->k + 1];
    EndColumn(a);
  }
}

FURL_BODY void KspColumn(const KspColumnArgs *a, int64_t item)
{
  if (a->state->stop) return;
  FURL_LANES(l) if (l == 0)
  {
    if (a->pass > 0 && a->state->settled)
      a->state->update = 0;
    else
      TakePass(a);
  }
}
