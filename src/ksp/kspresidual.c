/* Residuals, the norm that the user chose, claims of convergence, the best iterate, and what to do about slow progress */
#include "kspfurlimpl.h"

#define FURL_KSP_POOR_RATE 0.97     /* a mean factor an iteration that asks for a better preconditioner: 1e-8 would take 600 iterations */
#define FURL_KSP_POOR_WAIT 100      /* iterations to watch before that is asked */
#define FURL_KSP_DEFAULT_ATOL 1e-50 /* PETSc's abstol where nobody set one */

/* Removes the null space that MatSetNullSpace() gave, whatever the side of the preconditioner */
PetscErrorCode FurlKSPRemoveNullSpace(KSP ksp, Vec v)
{
  Mat          A;
  MatNullSpace space;

  PetscFunctionBegin;
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  if (ksp->transpose_solve)
    PetscCall(MatGetTransposeNullSpace(A, &space));
  else
    PetscCall(MatGetNullSpace(A, &space));
  if (space) PetscCall(MatNullSpaceRemove(space, v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A symmetric A with a null space: what b holds of it cannot be met, and the residual is that of the projected system */
static PetscErrorCode Project(KSP ksp, Vec residual)
{
  KSP_Furl    *f = (KSP_Furl *)ksp->data;
  Mat          A;
  MatNullSpace space;

  PetscFunctionBegin;
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  PetscCall(MatGetNullSpace(A, &space));
  if (f->refining && space) {
    PetscCall(FurlKSPRefineProject(ksp, residual, &f->projected));
    if (!f->projected) f->refine_failed = PETSC_TRUE;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  f->projected = space && f->whole_symmetric ? PETSC_TRUE : PETSC_FALSE;
  if (f->projected) PetscCall(MatNullSpaceRemove(space, residual));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ZeroIsolated(const KSP_Furl *f, Vec v)
{
  PetscScalar *entry;

  PetscFunctionBegin;
  if (!f->nisolated) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetArray(v, &entry));
  for (PetscInt k = 0; k < f->nisolated; k++) entry[f->isolated[k]] = 0;
  PetscCall(VecRestoreArray(v, &entry));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* z = B r, where norm is the 2-norm of r or 0; without null space, and zero on isolated rows, which are satisfied already */
PetscErrorCode FurlKSPPrecondition(KSP ksp, Vec r, PetscReal norm, Vec z)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  PetscTryMethod(ksp->pc, "PCFurlSetNorm_C", (PC, PetscReal), (ksp->pc, norm));
  PetscCall(KSP_PCApply(ksp, r, z));
  if (ksp->pc_side != PC_LEFT) PetscCall(FurlKSPRemoveNullSpace(ksp, z)); /* KSP_PCApply() does it on the left only */
  if (f->aside) PetscCall(ZeroIsolated(f, z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The norm that the user chose of the residual r / sigma, with one application of the preconditioner where that takes one */
static PetscErrorCode UsersNorm(KSP ksp, PetscReal *norm)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;
  PetscReal sums[3];

  PetscFunctionBegin;
  *norm = f->rnorm / f->sigma;
  if (ksp->normtype != KSP_NORM_PRECONDITIONED && ksp->normtype != KSP_NORM_NATURAL) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlKSPPrecondition(ksp, FurlKSPr(f), f->rnorm, FurlKSPz(f)));
  if (ksp->normtype == KSP_NORM_PRECONDITIONED) {
    PetscCall(FurlKSPNorm2(ksp, FurlKSPz(f), norm));
    *norm /= f->sigma;
  } else {
    PetscCall(FurlKSPDots(ksp, FurlKSPz(f), FurlKSPr(f), FurlKSPr(f), sums));
    *norm = PetscSqrtReal(PetscAbsReal(sums[0])) / f->sigma;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Scales r to a norm near 1 and finds both norms. known: that of r as it is, 0: unknown */
static PetscErrorCode ScaleResidual(KSP ksp, PetscReal known)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;
  Vec       r = FurlKSPr(f);

  PetscFunctionBegin;
  PetscCall(Project(ksp, r));
  f->rnorm = known;
  if (f->projected || !FurlKSPIsSafeNorm(known)) PetscCall(FurlKSPNorm2(ksp, r, &f->rnorm));
  f->sigma = FurlKSPPowerOfTwo(f->rnorm);
  if (f->sigma != 1) PetscCall(VecScale(r, f->sigma));
  f->rnorm *= f->sigma;
  PetscCall(UsersNorm(ksp, &f->norm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
  r = sigma (b - A x), where sigma is the power of two that brings its norm near 1, and f->norm in the user's norm. By Amat's own product
  where `users` is true, as before a claim, else by the copy.
*/
PetscErrorCode FurlKSPTrueResidual(KSP ksp, PetscBool users)
{
  KSP_Furl *f    = (KSP_Furl *)ksp->data;
  Vec       r    = FurlKSPr(f);
  PetscReal norm = 0;
  PetscBool done = PETSC_FALSE;
  Mat       A;

  PetscFunctionBegin;
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  if (users) PetscCall(FurlKSPAijMult(ksp, A, ksp->vec_sol, ksp->vec_rhs, r, &norm, &done));
  if (!done) {
    if (users)
      PetscCall(KSP_MatMult(ksp, A, ksp->vec_sol, r));
    else
      PetscCall(FurlKSPMult(ksp, ksp->vec_sol, r, NULL));
    PetscCall(VecAYPX(r, -1, ksp->vec_rhs));
  }
  PetscCall(ScaleResidual(ksp, norm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The residual of the user's initial guess, at the price of a copy where that is zero */
PetscErrorCode FurlKSPFirstResidual(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  if (!ksp->guess_zero) {
    PetscCall(FurlKSPTrueResidual(ksp, PETSC_TRUE));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecCopy(ksp->vec_rhs, FurlKSPr(f)));
  PetscCall(ScaleResidual(ksp, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x_D = b_D / a_DD on the isolated rows: their residual vanishes and they couple no more to the others, which are symmetric */
PetscErrorCode FurlKSPSatisfyIsolated(KSP ksp)
{
  KSP_Furl          *f = (KSP_Furl *)ksp->data;
  const PetscScalar *b;
  PetscScalar       *x;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(ksp->vec_rhs, &b));
  PetscCall(VecGetArray(ksp->vec_sol, &x));
  for (PetscInt k = 0; k < f->nisolated; k++) x[f->isolated[k]] = b[f->isolated[k]] / f->pivot[k];
  PetscCall(VecRestoreArray(ksp->vec_sol, &x));
  PetscCall(VecRestoreArrayRead(ksp->vec_rhs, &b));
  f->aside = PETSC_TRUE;
  PetscCall(FurlKSPTrueResidual(ksp, PETSC_FALSE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
  KSPConvergedDefault() measures b by VecNorm(), which overflows for entries of 1e200 (then everything has converged) and vanishes for
  1e-200. Only a nonzero guess makes it look at b; what it then keeps is set right here.
*/
static PetscErrorCode RepairReference(KSP ksp, PetscReal norm)
{
  PetscReal plain, right;

  PetscFunctionBegin;
  if (ksp->guess_zero || ksp->converged != KSPConvergedDefault || ksp->normtype == KSP_NORM_NONE) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecNorm(ksp->vec_rhs, NORM_2, &plain));
  PetscCall(FurlKSPNorm2(ksp, ksp->vec_rhs, &right));
  if (plain == right || (ksp->normtype != KSP_NORM_UNPRECONDITIONED && !PetscIsInfOrNanReal(ksp->rnorm0)))
    PetscFunctionReturn(PETSC_SUCCESS);
  ksp->rnorm0 = ksp->normtype == KSP_NORM_UNPRECONDITIONED ? right : norm;
  ksp->ttol   = PetscMax(ksp->rtol * ksp->rnorm0, ksp->abstol);
  if (ksp->reason > 0 && norm > ksp->ttol) ksp->reason = KSP_CONVERGED_ITERATING;
  PetscCall(
    PetscInfo(ksp, "The squares of b leave the range of double: reference norm %g instead of %g\n", (double)ksp->rnorm0, (double)plain));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
  abstol is 1e-50 where nobody set it, which a system of tiny units meets with x = 0. Where ||b|| is that small only the relative tolerance
  says what the user wants. KSPSolve_Furl() puts the old value back.
*/
PetscErrorCode FurlKSPSmallSystem(KSP ksp, PetscReal norm)
{
  PetscFunctionBegin;
  if (ksp->abstol != FURL_KSP_DEFAULT_ATOL || ksp->rtol * norm >= FURL_KSP_DEFAULT_ATOL || !(norm > 0)) PetscFunctionReturn(PETSC_SUCCESS);
  ksp->abstol = 0;
  PetscCall(PetscInfo(ksp, "Residual norm %g: the default absolute tolerance %g does not apply\n", (double)norm, FURL_KSP_DEFAULT_ATOL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Iteration ksp->its has the residual norm `norm`: tells history, monitors and the user's test, and sets ksp->reason */
PetscErrorCode FurlKSPReport(KSP ksp, PetscReal norm)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  KSPCheckNorm(ksp, norm);
  f->norm    = norm;
  norm       = ksp->normtype == KSP_NORM_NONE ? 0 : norm;
  ksp->rnorm = norm;
  PetscCall(KSPLogResidualHistory(ksp, norm));
  PetscCall(KSPLogErrorHistory(ksp));
  PetscCall(KSPMonitor(ksp, ksp->its, norm));
  PetscCall((*ksp->converged)(ksp, ksp->its, norm, &ksp->reason, ksp->cnvP));
  if (!ksp->its) PetscCall(RepairReference(ksp, norm));
  if (!ksp->reason && ksp->its >= ksp->max_it) ksp->reason = ksp->normtype == KSP_NORM_NONE ? KSP_CONVERGED_ITS : KSP_DIVERGED_ITS;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscReal FurlKSPClaimLimit(KSP ksp)
{
  return ksp->converged == KSPConvergedDefault ? ksp->ttol : 2 * ((const KSP_Furl *)ksp->data)->norm;
}

/*
  Before a claim of convergence stands, the residual is computed by the user's own product. PETSc's own test must hold for it; a test of
  the user's, which may look at anything, is trusted unless the recurrence was off by more than a factor of two. Divergence that the test
  sees in CG or BiCGStab is no last word either: the driver may know another method.
*/
PetscErrorCode FurlKSPVerify(KSP ksp)
{
  KSP_Furl       *f       = (KSP_Furl *)ksp->data;
  const PetscReal claimed = f->norm, limit = FurlKSPClaimLimit(ksp);

  PetscFunctionBegin;
  if (ksp->reason == KSP_DIVERGED_DTOL && f->target && f->running != KSP_FURL_GMRES) {
    ksp->reason = KSP_CONVERGED_ITERATING;
    f->cause    = FURL_KSP_DIVERGED;
  }
  if (ksp->reason <= 0 || ksp->reason == KSP_CONVERGED_ITS || ksp->normtype == KSP_NORM_NONE) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscLogEventBegin(f->event_verify, ksp, NULL, NULL, NULL));
  PetscCall(FurlKSPTrueResidual(ksp, PETSC_TRUE));
  PetscCall(PetscLogEventEnd(f->event_verify, ksp, NULL, NULL, NULL));
  KSPCheckNorm(ksp, f->norm);
  ksp->rnorm = f->norm;
  if (f->norm <= limit) PetscFunctionReturn(PETSC_SUCCESS);
  f->nclaims++;
  f->cause = FURL_KSP_CLAIM;
  PetscCall(PetscInfo(ksp, "Iteration %" PetscInt_FMT ": the recurrence claims %g, b - A x has %g, wanted %g: going on with that\n",
                      ksp->its, (double)claimed, (double)f->norm, (double)limit));
  ksp->reason = ksp->its >= ksp->max_it ? KSP_DIVERGED_ITS : KSP_CONVERGED_ITERATING;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x was moved by step * direction, which changed the residual norm to `norm`: the best iterate is x, or the one before, which is kept */
PetscErrorCode FurlKSPKeepBest(KSP ksp, PetscReal norm, PetscReal step, Vec direction)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  if (ksp->normtype == KSP_NORM_NONE) PetscFunctionReturn(PETSC_SUCCESS);
  if (norm <= f->best_norm) {
    f->best_norm  = norm;
    f->best_saved = PETSC_FALSE;
  } else if (!f->best_saved) {
    if (!f->best) PetscCall(VecDuplicate(ksp->vec_sol, &f->best));
    PetscCall(VecWAXPY(f->best, -step, direction, ksp->vec_sol));
    f->best_saved = PETSC_TRUE;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Asks the preconditioner for other means; progress: NULL where the present ones failed */
PetscErrorCode FurlKSPRaise(KSP ksp, const char *why, const FurlProgress *progress, PetscBool *raised)
{
  KSP_Furl   *f    = (KSP_Furl *)ksp->data;
  const char *what = "";

  PetscFunctionBegin;
  *raised = PETSC_FALSE;
  if (f->raise_empty) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlKSPTellFlexible(ksp)); /* for the set-up */
  PetscTryMethod(ksp->pc, "PCFurlRaise_C", (PC, const FurlProgress *, const char **, PetscBool *), (ksp->pc, progress, &what, raised));
  if (*raised) {
    f->nraises++;
    if (f->doubted) f->running = KSP_FURL_CG; /* it was not A's fault, perhaps */
    f->doubted = PETSC_FALSE;
    FurlKSPForgetSpectrum(ksp); /* of another preconditioned operator */
    PetscCall(
      PetscSNPrintf(f->story, sizeof(f->story), "preconditioner raised at iteration %" PetscInt_FMT " (%s): %s", ksp->its, why, what));
    PetscCall(PetscInfo(ksp, "%s\n", f->story));
  } else if (!progress)
    f->raise_empty = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Iterations without 1 % of progress after which a recurrence is given up: CG on stiff problems has long plateaus, so it is patient */
static PetscInt Patience(KSP ksp)
{
  const KSP_Furl *f = (const KSP_Furl *)ksp->data;

  if (f->running == KSP_FURL_GMRES) return 3 * f->columns;
  return PetscMax(50, PetscMin(3000, ksp->max_it / 3));
}

/* The half of the window that ends `age` iterations ago: the smallest norm; and what the squared error in the norm of A has lost */
static void LookAtHalf(KSP ksp, PetscInt age, PetscReal *least, PetscReal *energy)
{
  const KSP_Furl *f = (const KSP_Furl *)ksp->data;

  *least  = PETSC_MAX_REAL;
  *energy = 0;
  for (PetscInt k = age; k < age + FURL_KSP_WINDOW / 2; k++) {
    const PetscInt at = (ksp->its + FURL_KSP_WINDOW - k) % FURL_KSP_WINDOW;

    if (f->window[at] > 0) *least = PetscMin(*least, f->window[at]);
    *energy += f->energy[at];
  }
}

/* The rate of the last half of the window: by the norms of residuals, where they cannot grow; those of conjugate gradients rise at first
 * and swing then, and the errors that a method minimises tell what they do not. `left` is 0 where nothing can be foreseen, or the end is
 * not known */
static FurlProgress Progress(KSP ksp)
{
  const KSP_Furl *f    = (const KSP_Furl *)ksp->data;
  const PetscInt  half = FURL_KSP_WINDOW / 2;
  const PetscReal room = (PetscReal)(ksp->max_it - ksp->its);
  FurlProgress    p    = {.done = ksp->its - f->start_it, .room = room, .monotone = (PetscBool)(f->running == KSP_FURL_GMRES)};
  PetscReal       now, before, lost, lost_before;

  LookAtHalf(ksp, 0, &now, &lost);
  LookAtHalf(ksp, half, &before, &lost_before);
  if (now < before) p.rate = PetscLogReal(before / now) / PetscMin(p.done, half);
  if (f->energies && p.done >= FURL_KSP_WINDOW) p.rate = lost < lost_before && lost > 0 ? PetscLogReal(lost_before / lost) / (2 * half) : 0;
  if (p.rate > 0 && ksp->converged == KSPConvergedDefault && ksp->ttol > 0)
    p.left = PetscMax(0, PetscLogReal(f->norm / ksp->ttol)) / p.rate;
  if (p.done >= FURL_KSP_WINDOW && p.left > room) p.hopeless = PETSC_TRUE;
  if (p.done >= FURL_KSP_POOR_WAIT && !(p.left > 0) && PetscExpReal(-p.rate) > FURL_KSP_POOR_RATE) p.hopeless = PETSC_TRUE;
  return p;
}

/* Other means of the preconditioner, where it finds its present ones slow */
static PetscErrorCode RaiseIfSlow(KSP ksp, PetscBool *raised)
{
  KSP_Furl          *f        = (KSP_Furl *)ksp->data;
  const FurlProgress progress = Progress(ksp);
  PetscBool          slow     = PETSC_FALSE;

  PetscFunctionBegin;
  *raised = PETSC_FALSE;
  if (f->raise_empty || !(f->norm > 0)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscTryMethod(ksp->pc, "PCFurlIsSlow_C", (PC, const FurlProgress *, PetscBool *), (ksp->pc, &progress, &slow));
  if (slow) PetscCall(FurlKSPRaise(ksp, "slow", &progress, raised));
  if (*raised) f->cause = FURL_KSP_RAISED;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* After an iteration: should the recurrence stop, because it stalls or because the preconditioner was raised? */
PetscErrorCode FurlKSPWatch(KSP ksp, PetscBool *restart)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  *restart                              = PETSC_FALSE;
  f->window[ksp->its % FURL_KSP_WINDOW] = f->norm;
  if (!f->target) PetscFunctionReturn(PETSC_SUCCESS);
  if (f->norm < 0.99 * f->mark) {
    f->mark    = f->norm;
    f->mark_it = ksp->its;
  }
  PetscCall(RaiseIfSlow(ksp, restart));
  if (*restart || ksp->its - f->mark_it <= Patience(ksp)) PetscFunctionReturn(PETSC_SUCCESS);
  f->cause = FURL_KSP_STALL;
  *restart = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* w = A z of the first product fixes tau, so that tau A z is near 1 where A leaves the range in which squares are safe; later ones use it
 */
PetscErrorCode FurlKSPScaleOperator(KSP ksp, Vec w)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;
  PetscReal largest;

  PetscFunctionBegin;
  if (f->tau == 0) {
    PetscCall(VecNorm(w, NORM_INFINITY, &largest));
    f->tau = largest > 1e-100 && largest < 1e100 ? 1 : FurlKSPPowerOfTwo(largest);
  }
  if (f->tau != 1) PetscCall(VecScale(w, f->tau));
  PetscFunctionReturn(PETSC_SUCCESS);
}
