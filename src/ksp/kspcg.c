/*
  Flexible conjugate gradients (Polak and Ribiere's beta, which allows a preconditioner that changes; Notay, SIAM J. Sci. Comput. 22, 2000).

    z = B r, rho = z'r; p = z + beta p; q = A p; alpha = rho / p'q; x += alpha p; r -= alpha q; beta = -z'q / p'q for the new z

  beta = (z'r_new - z'r_old) / rho, and r_old = r_new + alpha q saves the vector r_old. All quotients are the same for -A with -B, so a
  negative definite A needs nothing of its own: what must not happen is that p'q or rho changes its sign on the way.
  Three reductions an iteration: (z'r, z'q, z'z), p'q, r'r.
*/
#include "kspfurlimpl.h"

/* The state of one run beside the vectors */
typedef struct {
  PetscReal rho, pq, alpha, beta;
  PetscReal zq, zz;            /* z'q of the new z and the old direction; z'z */
  PetscReal sign_pq, sign_rho; /* of the first iteration */
} CGState;

/* q: A p of the direction before; any vector where there was none, and z'q means nothing */
static PetscErrorCode ApplyB(KSP ksp, CGState *c, Vec q)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;
  PetscReal sums[3];

  PetscFunctionBegin;
  PetscCall(FurlKSPPrecondition(ksp, FurlKSPr(f), f->rnorm, FurlKSPz(f)));
  PetscCall(FurlKSPDots(ksp, FurlKSPz(f), FurlKSPr(f), q, sums));
  KSPCheckDot(ksp, sums[0]);
  c->rho = sums[0];
  c->zq  = sums[1];
  c->zz  = sums[2];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One common sign is right, another one means that A or B is indefinite; zero ends the recurrence */
static PetscBool SignHolds(KSP_Furl *f, PetscReal value, PetscReal *sign, FurlKSPCause cause)
{
  if (*sign == 0) *sign = value > 0 ? 1 : -1;
  if (value * *sign > 0) return PETSC_TRUE;
  f->cause = value == 0 ? FURL_KSP_BREAKDOWN : cause;
  return PETSC_FALSE;
}

/* z'r has changed its sign. Where z'Az has another one than p'Ap had, A is indefinite and B need not be at fault */
static PetscErrorCode WhoseSign(KSP ksp, const CGState *c)
{
  KSP_Furl   *f = (KSP_Furl *)ksp->data;
  PetscScalar zAz;

  PetscFunctionBegin;
  if (f->cause != FURL_KSP_SIGN_PC) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlKSPMult(ksp, FurlKSPz(f), FurlKSPq(f), &zAz));
  KSPCheckDot(ksp, zAz);
  if (PetscRealPart(zAz) * c->sign_pq < 0) f->cause = FURL_KSP_SIGN_MAT;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The step along p; *ok is false where a sign forbids it */
static PetscErrorCode Step(KSP ksp, CGState *c, PetscBool *ok)
{
  KSP_Furl   *f = (KSP_Furl *)ksp->data;
  PetscScalar pq;
  PetscReal   rr;

  PetscFunctionBegin;
  *ok = PETSC_FALSE;
  if (!SignHolds(f, c->rho, &c->sign_rho, FURL_KSP_SIGN_PC)) {
    PetscCall(WhoseSign(ksp, c));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(FurlKSPDirection(ksp, FurlKSPp(f), c->beta, FurlKSPz(f)));
  PetscCall(FurlKSPMult(ksp, FurlKSPp(f), FurlKSPq(f), &pq));
  KSPCheckDot(ksp, pq);
  c->pq = PetscRealPart(pq);
  if (!SignHolds(f, c->pq, &c->sign_pq, FURL_KSP_SIGN_MAT)) PetscFunctionReturn(PETSC_SUCCESS);
  c->alpha = c->rho / c->pq;
  KSPCheckDot(ksp, c->alpha);
  PetscCall(FurlKSPKeepLanczos(ksp, c->alpha, c->beta));
  PetscCall(FurlKSPUpdate(ksp, ksp->vec_sol, c->alpha / f->sigma, FurlKSPp(f), FurlKSPr(f), c->alpha, FurlKSPq(f), &rr));
  f->rnorm = PetscSqrtReal(rr);
  ksp->its++;
  f->energy[ksp->its % FURL_KSP_WINDOW] = PetscAbsReal(c->alpha * c->rho);
  *ok                                   = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The user's norm of the residual, where that needs z = B r already */
static PetscErrorCode NormWithB(KSP ksp, const CGState *c, PetscReal *norm)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  *norm = PetscSqrtReal(PetscAbsReal(c->rho)) / f->sigma;
  if (ksp->normtype == KSP_NORM_NATURAL) PetscFunctionReturn(PETSC_SUCCESS);
  *norm = PetscSqrtReal(c->zz) / f->sigma;
  if (c->zz > 1e-280 && c->zz < 1e280) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlKSPNorm2(ksp, FurlKSPz(f), norm));
  *norm /= f->sigma;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Runs from the residual in r until there is a reason, or a cause to hand back to the driver */
PetscErrorCode FurlKSPRunCG(KSP ksp)
{
  KSP_Furl       *f       = (KSP_Furl *)ksp->data;
  const PetscBool needs_z = ksp->normtype == KSP_NORM_PRECONDITIONED || ksp->normtype == KSP_NORM_NATURAL ? PETSC_TRUE : PETSC_FALSE;
  CGState         c       = {0};
  PetscBool       ok, restart;

  PetscFunctionBegin;
  f->energies = PETSC_TRUE;
  PetscCall(ApplyB(ksp, &c, FurlKSPr(f)));
  while (!ksp->reason) {
    PetscReal norm;

    PetscCall(Step(ksp, &c, &ok));
    if (!ok) PetscFunctionReturn(PETSC_SUCCESS);
    norm = f->rnorm / f->sigma;
    if (needs_z) {
      PetscCall(ApplyB(ksp, &c, FurlKSPq(f)));
      if (ksp->reason) PetscFunctionReturn(PETSC_SUCCESS);
      PetscCall(NormWithB(ksp, &c, &norm));
    }
    PetscCall(FurlKSPKeepBest(ksp, norm, c.alpha / f->sigma, FurlKSPp(f)));
    PetscCall(FurlKSPReport(ksp, norm));
    PetscCall(FurlKSPVerify(ksp));
    if (ksp->reason || f->cause != FURL_KSP_CAUSES) PetscFunctionReturn(PETSC_SUCCESS);
    PetscCall(FurlKSPWatch(ksp, &restart));
    if (restart) PetscFunctionReturn(PETSC_SUCCESS);
    if (!needs_z) PetscCall(ApplyB(ksp, &c, FurlKSPq(f)));
    c.beta = -c.zq / c.pq;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
