/*
  BiCGStab (van der Vorst, SIAM J. Sci. Stat. Comput. 13, 1992) with the preconditioner on the right. Both halves of a step apply the
  preconditioner once and give an iterate with its residual, so both count as iterations.

    v = A B p, alpha = rho / s'v, x += alpha B p, r -= alpha v;  t = A B r, omega = t'r / t't, x += omega B r, r -= omega t;
    rho_new = s'r, beta = (rho_new / rho) (alpha / omega), p = r + beta (p - omega v)

  s is the shadow residual: the first r. A stands for tau A.
*/
#include "kspfurlimpl.h"

typedef struct {
  PetscReal rho, alpha, omega;
} BCGSState;

static Vec Shadow(const KSP_Furl *f)
{
  return f->more[0];
}
static Vec VecT(const KSP_Furl *f)
{
  return f->more[1];
}

/* The norm of r in the user's choice: one more application of B where that needs it */
static PetscErrorCode Norm(KSP ksp, PetscReal *norm)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;
  Vec       w = f->more[2];
  PetscReal sums[3];

  PetscFunctionBegin;
  *norm = f->rnorm / f->sigma;
  if (ksp->normtype != KSP_NORM_PRECONDITIONED && ksp->normtype != KSP_NORM_NATURAL) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlKSPPrecondition(ksp, FurlKSPr(f), f->rnorm, w));
  PetscCall(FurlKSPDots(ksp, w, FurlKSPr(f), FurlKSPr(f), sums));
  if (ksp->normtype == KSP_NORM_PRECONDITIONED)
    PetscCall(FurlKSPNorm2(ksp, w, norm));
  else
    *norm = PetscSqrtReal(PetscAbsReal(sums[0]));
  *norm /= f->sigma;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x += step z, r -= step w, then all that follows an iteration; *more is false where the run has to end */
static PetscErrorCode Move(KSP ksp, PetscReal step, Vec w, PetscBool *more)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;
  PetscReal rr, norm;
  PetscBool restart;

  PetscFunctionBegin;
  *more = PETSC_FALSE;
  KSPCheckDot(ksp, step);
  PetscCall(FurlKSPUpdate(ksp, ksp->vec_sol, step * (f->tau / f->sigma), FurlKSPz(f), FurlKSPr(f), step, w, &rr));
  f->rnorm = PetscSqrtReal(rr);
  ksp->its++;
  PetscCall(Norm(ksp, &norm));
  PetscCall(FurlKSPKeepBest(ksp, norm, step * (f->tau / f->sigma), FurlKSPz(f)));
  PetscCall(FurlKSPReport(ksp, norm));
  PetscCall(FurlKSPVerify(ksp));
  if (ksp->reason || f->cause != FURL_KSP_CAUSES) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlKSPWatch(ksp, &restart));
  *more = restart ? PETSC_FALSE : PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* w = tau A B u, where z = B u */
static PetscErrorCode Apply(KSP ksp, Vec u, PetscReal norm, Vec w)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  PetscCall(FurlKSPPrecondition(ksp, u, norm, FurlKSPz(f)));
  PetscCall(FurlKSPMult(ksp, FurlKSPz(f), w, NULL));
  PetscCall(FurlKSPScaleOperator(ksp, w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FirstHalf(KSP ksp, BCGSState *c, PetscBool *more)
{
  KSP_Furl   *f = (KSP_Furl *)ksp->data;
  PetscScalar sv;

  PetscFunctionBegin;
  *more = PETSC_FALSE;
  PetscCall(Apply(ksp, FurlKSPp(f), 0, FurlKSPq(f)));
  PetscCall(VecDot(FurlKSPq(f), Shadow(f), &sv));
  KSPCheckDot(ksp, sv);
  f->cause = FURL_KSP_BREAKDOWN;
  if (sv == 0) PetscFunctionReturn(PETSC_SUCCESS);
  f->cause = FURL_KSP_CAUSES;
  c->alpha = c->rho / sv;
  PetscCall(Move(ksp, c->alpha, FurlKSPq(f), more));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SecondHalf(KSP ksp, BCGSState *c, PetscBool *more)
{
  KSP_Furl   *f = (KSP_Furl *)ksp->data;
  Vec         with[2];
  PetscScalar dots[2];

  PetscFunctionBegin;
  *more = PETSC_FALSE;
  PetscCall(Apply(ksp, FurlKSPr(f), f->rnorm, VecT(f)));
  with[0] = FurlKSPr(f);
  with[1] = VecT(f);
  PetscCall(VecMDot(VecT(f), 2, with, dots));
  KSPCheckDot(ksp, dots[0]);
  KSPCheckDot(ksp, dots[1]);
  f->cause = FURL_KSP_BREAKDOWN;
  if (dots[0] == 0 || dots[1] == 0) PetscFunctionReturn(PETSC_SUCCESS);
  f->cause = FURL_KSP_CAUSES;
  c->omega = dots[0] / dots[1];
  PetscCall(Move(ksp, c->omega, VecT(f), more));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* p = r + beta (p - omega v); *more is false where rho vanishes */
static PetscErrorCode NextDirection(KSP ksp, BCGSState *c, PetscBool *more)
{
  KSP_Furl   *f = (KSP_Furl *)ksp->data;
  PetscScalar rho;
  PetscReal   beta;

  PetscFunctionBegin;
  *more = PETSC_FALSE;
  PetscCall(VecDot(FurlKSPr(f), Shadow(f), &rho));
  KSPCheckDot(ksp, rho);
  f->cause = FURL_KSP_BREAKDOWN;
  if (rho == 0) PetscFunctionReturn(PETSC_SUCCESS);
  f->cause = FURL_KSP_CAUSES;
  beta     = (rho / c->rho) * (c->alpha / c->omega);
  c->rho   = rho;
  PetscCall(VecAXPBYPCZ(FurlKSPp(f), 1, -beta * c->omega, beta, FurlKSPr(f), FurlKSPq(f)));
  *more = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlKSPRunBCGS(KSP ksp)
{
  KSP_Furl *f    = (KSP_Furl *)ksp->data;
  BCGSState c    = {0, 0, 0};
  PetscBool more = PETSC_TRUE;

  PetscFunctionBegin;
  if (!f->more) PetscCall(VecDuplicateVecs(FurlKSPr(f), 3, &f->more));
  PetscCall(VecCopy(FurlKSPr(f), Shadow(f)));
  PetscCall(VecCopy(FurlKSPr(f), FurlKSPp(f)));
  c.rho = f->rnorm * f->rnorm;
  while (more) {
    PetscCall(FirstHalf(ksp, &c, &more));
    if (more) PetscCall(SecondHalf(ksp, &c, &more));
    if (more) PetscCall(NextDirection(ksp, &c, &more));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
