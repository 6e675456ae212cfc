/* BiCGStab on a device: the steps of its two halves, and the direction. Sums are in `total`, as basisbodies.h adds them up */
#pragma once

typedef struct {
  KspState     *state;
  KspNews      *news;  /* [KSP_NEWS] */
  const double *total; /* s'v; r't and t't; s'r */
} KspBicgArgs;

/* p = r + beta (p - omega v) */
typedef struct {
  const KspState *state;
  const double   *r, *v; /* [n] */
  double         *p;
  int64_t         n;
} KspBicgDirectionArgs;

/* A quotient that is to be a step; stops where there is none */
FURL_BODY double Quotient(const KspBicgArgs *a, double upper, double lower)
{
  const KspScalarArgs tell = {.state = a->state, .news = a->news};

  if (!IsFinite(upper / lower)) Stop(&tell, lower == 0 ? KSP_STEP_BREAKDOWN : KSP_STEP_NAN);
  return upper / lower;
}

/* The first half's step: alpha = rho / s'v */
FURL_BODY void KspBicgFirst(const KspBicgArgs *a, int64_t item)
{
  if (a->state->stop) return;
  FURL_LANES(l) if (l == 0)
  {
    a->state->keep  = 0;
    a->state->alpha = Quotient(a, a->state->rho, a->total[0]);
  }
}

/* The second half's: omega = r't / t't, which the passes over vectors look for in alpha */
FURL_BODY void KspBicgSecond(const KspBicgArgs *a, int64_t item)
{
  KspState *const state = a->state;

  if (state->stop) return;
  FURL_LANES(l) if (l == 0)
  {
    const double omega = Quotient(a, a->total[0], a->total[1]);

    state->keep = 0;
    if (omega == 0 && !state->stop) {
      const KspScalarArgs tell = {.state = state, .news = a->news};

      Stop(&tell, KSP_STEP_BREAKDOWN);
    }
    state->omega = state->alpha;
    state->alpha = omega;
  }
}

/* beta = (rho_new / rho) (alpha / omega) */
FURL_BODY void KspBicgBeta(const KspBicgArgs *a, int64_t item)
{
  KspState *const state = a->state;

  if (state->stop) return;
  FURL_LANES(l) if (l == 0)
  {
    const double        rho  = a->total[0];
    const KspScalarArgs tell = {.state = state, .news = a->news};

    state->keep = 0;
    state->beta = rho / state->rho * (state->omega / state->alpha);
    state->rho  = rho;
    if (rho == 0)
      Stop(&tell, KSP_STEP_BREAKDOWN);
    else if (!IsFinite(state->beta))
      Stop(&tell, KSP_STEP_NAN);
  }
}

/* Reads 24 B and writes 8 B an entry */
FURL_BODY void KspBicgDirection(const KspBicgDirectionArgs *a, int64_t item)
{
  const double beta = a->state->beta, omega = a->state->alpha;

  if (a->state->stop) return;
  for (int row = 0; row < FURL_KSP_ROWS; row++) {
    const int64_t i = item * FURL_KSP_BLOCK + row * FURL_WIDTH;

    FURL_LANES(l) if (i + l < a->n) a->p[i + l] = a->r[i + l] + beta * (a->p[i + l] - omega * a->v[i + l]);
  }
}
