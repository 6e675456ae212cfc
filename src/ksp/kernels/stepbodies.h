/*
  The numbers of conjugate gradients where only the device knows them: sums of the partial sums, in a fixed tree, and the coefficients.
  One item each but for the sums; its first lane writes. Once there is a reason to stop nothing is changed any more, whatever was enqueued.
*/
#pragma once

#define KSP_SUMS 1024 /* partial sums of an item */

/* Sums of KSP_SUMS groups of nsums interleaved partial sums */
typedef struct {
  const double *partial; /* [n][nsums] */
  double       *sum;     /* [items][nsums] */
  int64_t       n;
  int           nsums;
} KspSumArgs;

typedef struct {
  KspState     *state;
  KspNews      *news; /* [KSP_NEWS] */
  const double *sum;  /* [n][nsums], still to be added */
  int64_t       n;
} KspScalarArgs;

/* best = x - xstep p, the iterate before the latest step, where that one is to be kept */
typedef struct {
  const KspState *state;
  const double   *x, *p;
  double         *best;
  int64_t         n;
} KspKeepArgs;

/* z = 0 at some rows, FURL_WIDTH of them an item */
typedef struct {
  const int64_t *row; /* [n] */
  double        *z;
  int64_t        n;
} KspClearArgs;

/* Number k of each of n groups of nsums */
FURL_BODY double AddSums(const double *sum, int64_t n, int nsums, int k)
{
  FURL_PER_LANE(double, total);

  FURL_LANES(l) AT(total, l) = 0;
  for (int64_t i = 0; i < n; i += FURL_WIDTH) FURL_LANES(l) if (i + l < n) AT(total, l) += sum[(i + l) * nsums + k];
  return FurlSumLanes(total);
}

/* Reads 8 B a sum */
FURL_BODY void KspSum(const KspSumArgs *a, int64_t item)
{
  const int64_t first = item * KSP_SUMS, n = a->n - first < KSP_SUMS ? a->n - first : KSP_SUMS;

  for (int k = 0; k < a->nsums; k++) {
    const double total = AddSums(a->partial + first * a->nsums, n, a->nsums, k);

    FURL_LANES(l) if (l == 0) a->sum[item * a->nsums + k] = total;
  }
}

FURL_BODY int IsFinite(double value)
{
  return value - value == 0;
}

/* Tells the host what the latest step was, or why there is none */
FURL_BODY void Tell(const KspScalarArgs *a)
{
  KspState *const state = a->state;
  KspNews *const  news  = a->news + (state->serial + 1) % KSP_NEWS;

  news->rnorm = state->rnorm;
  news->alpha = state->alpha;
  news->beta  = state->beta;
  news->stop  = state->stop;
  state->serial++;
  FURL_FENCE();
  news->serial = state->serial;
}

FURL_BODY void Stop(const KspScalarArgs *a, KspStop why)
{
  a->state->stop = why;
  Tell(a);
}

/* One common sign is right; 1 where it is so */
FURL_BODY int SignHolds(const KspScalarArgs *a, double value, double *sign, KspStop changed)
{
  if (!IsFinite(value)) {
    Stop(a, KSP_STEP_NAN);
    return 0;
  }
  if (*sign == 0) *sign = value > 0 ? 1 : -1;
  if (value * *sign > 0) return 1;
  Stop(a, value == 0 ? KSP_STEP_BREAKDOWN : changed);
  return 0;
}

/* After z = B r: rho = z'r, and beta from z'q of the direction before. The sums are z'r, z'q, z'z */
FURL_BODY void KspBeta(const KspScalarArgs *a, int64_t item)
{
  const double    rho = AddSums(a->sum, a->n, 3, 0), zq = AddSums(a->sum, a->n, 3, 1);
  KspState *const state = a->state;

  if (state->stop) return;
  FURL_LANES(l) if (l == 0)
  {
    state->rho   = rho;
    state->beta  = state->first ? 0 : -zq / state->pq;
    state->first = 0;
    state->keep  = 0;
    if (SignHolds(a, rho, &state->sign_rho, KSP_STEP_SIGN_PC) && !IsFinite(state->beta)) Stop(a, KSP_STEP_NAN);
  }
}

/* After q = A p: alpha = rho / p'q */
FURL_BODY void KspAlpha(const KspScalarArgs *a, int64_t item)
{
  const double    pq    = AddSums(a->sum, a->n, 1, 0);
  KspState *const state = a->state;

  if (state->stop) return;
  FURL_LANES(l) if (l == 0)
  {
    state->pq = pq;
    if (SignHolds(a, pq, &state->sign_pq, KSP_STEP_SIGN_MAT)) {
      state->alpha = state->rho / pq;
      if (!IsFinite(state->alpha)) Stop(a, KSP_STEP_NAN);
    }
  }
}

/* 2^-e and 2^e where size is in 2^e [1, 2), within what squares allow */
FURL_BODY void SetPowers(double size, double power[2])
{
  const int biased = (int)(FurlDoubleToBits(size) >> 52 & 0x7ff);
  const int e      = biased < 523 ? -500 : biased > 1523 ? 500 : biased - 1023;

  power[0] = FurlPowerDouble(-e);
  power[1] = FurlPowerDouble(e);
}

/* After the step: the norm of r, and whether it is the last step */
FURL_BODY void KspNorm(const KspScalarArgs *a, int64_t item)
{
  const double    rr    = AddSums(a->sum, a->n, 1, 0);
  KspState *const state = a->state;

  if (state->stop) return;
  FURL_LANES(l) if (l == 0)
  {
    double norm;

    state->rnorm = sqrt(rr);
    norm         = state->rnorm / state->sigma;
    state->its++;
    state->keep  = norm > state->best && !state->saved;
    state->saved = state->keep || (state->saved && !(norm <= state->best));
    if (norm <= state->best) state->best = norm;
    SetPowers(state->rnorm, state->power);
    if (!(norm > state->wanted) || !(norm < state->most) || state->its >= state->max_it) state->stop = KSP_STEP_TEST;
    Tell(a);
  }
}

/* Reads and writes 8 B a row */
FURL_BODY void KspClear(const KspClearArgs *a, int64_t item)
{
  const int64_t first = item * FURL_WIDTH;

  FURL_LANES(l) if (first + l < a->n) a->z[a->row[first + l]] = 0;
}

/* Reads 16 B and writes 8 B an entry, seldom */
FURL_BODY void KspKeep(const KspKeepArgs *a, int64_t item)
{
  const double step = a->state->alpha / a->state->sigma;

  if (!a->state->keep) return;
  for (int row = 0; row < FURL_KSP_ROWS; row++) {
    const int64_t i = item * FURL_KSP_BLOCK + row * FURL_WIDTH;

    FURL_LANES(l) if (i + l < a->n) a->best[i + l] = a->x[i + l] - step * a->p[i + l];
  }
}
