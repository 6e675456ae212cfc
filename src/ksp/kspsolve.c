/* The driver of a solve: which recurrence runs, and what is tried when one of them hands back */
#include "kspfurlimpl.h"

#define FURL_KSP_LONG 100         /* iterations after which reaching max_it is a failure to explain, not the habit of an inner solver */
#define FURL_KSP_NEGLIGIBLE 1e-10 /* of |b|: a residual that an inner solver without a test need not lower */

static const char *const causes[FURL_KSP_CAUSES] = {"the true residual refuses the claim",
                                                    "preconditioner raised",
                                                    "no progress",
                                                    "p'Ap changed its sign",
                                                    "r'Br changed its sign",
                                                    "breakdown of the recurrence",
                                                    "divergence"};

/* Which recurrence suits, where the user left the choice */
static KSPFurlMethod Choose(KSP ksp)
{
  const KSP_Furl *f = (const KSP_Furl *)ksp->data;

  if (f->method != KSP_FURL_AUTO) return f->method;
  if (f->learned != KSP_FURL_AUTO) return f->learned;
  if (!f->one_signed || !f->symmetric) return KSP_FURL_GMRES;
  return KSP_FURL_CG;
}

/* With A' the isolated rows are columns: CG serves only if the whole is symmetric */
static KSPFurlMethod ChooseForSide(KSP ksp)
{
  const KSP_Furl     *f    = (const KSP_Furl *)ksp->data;
  const KSPFurlMethod pick = Choose(ksp);

  if (f->method == KSP_FURL_AUTO && pick == KSP_FURL_CG && ksp->transpose_solve && !f->whole_symmetric) return KSP_FURL_GMRES;
  return pick;
}

static PetscErrorCode Begin(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  PetscCall(FurlKSPVectorsPlain(ksp));
  f->target   = ksp->normtype != KSP_NORM_NONE && ksp->converged != KSPConvergedSkip ? PETSC_TRUE : PETSC_FALSE;
  f->refining = PETSC_FALSE;
  if (f->target && !ksp->transpose_solve) PetscCall(FurlKSPWillRefine(ksp, &f->refining));
  if (f->refining)
    PetscCall(FurlKSPPrepareRefinement(ksp));
  else
    PetscCall(FurlKSPDescribe(ksp));
  f->running       = f->refining ? KSP_FURL_CG : ChooseForSide(ksp);
  f->columns       = PetscMax(f->columns, f->restart);
  f->aside         = PETSC_FALSE;
  f->doubted       = PETSC_FALSE;
  f->tau           = 0;
  f->inner         = 0;
  f->columns_there = PETSC_FALSE;
  f->best_saved    = PETSC_FALSE;
  f->refused       = 0;
  f->last_true     = PETSC_MAX_REAL;
  f->last_zero     = PETSC_FALSE;
  f->judged        = PETSC_FALSE;
  f->nclaims       = 0;
  f->nraises       = 0;
  f->story[0]      = '\0';
  f->reached       = 0;
  ksp->its         = 0;
  ksp->reason      = KSP_CONVERGED_ITERATING;
  FurlKSPForgetSpectrum(ksp);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The start of a run: x is the best iterate there is, r its residual */
static PetscErrorCode Mark(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  f->best_norm  = f->norm;
  f->energies   = PETSC_FALSE;
  f->best_saved = PETSC_FALSE;
  f->mark       = f->norm;
  f->mark_it    = ksp->its;
  f->start_it   = ksp->its;
  f->inner      = 0;
  f->cause      = FURL_KSP_CAUSES;
  for (int i = 0; i < FURL_KSP_WINDOW; i++) f->window[i] = f->norm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The guess is an iterate whose norm is true: whatever a recurrence believes, the result is to be no worse */
static PetscErrorCode KeepGuess(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  if (!f->target) PetscFunctionReturn(PETSC_SUCCESS);
  f->last_true = f->norm;
  f->last_zero = ksp->guess_zero;
  if (ksp->guess_zero) PetscFunctionReturn(PETSC_SUCCESS);
  if (!f->refused_best) PetscCall(VecDuplicate(ksp->vec_sol, &f->refused_best));
  PetscCall(VecCopy(ksp->vec_sol, f->refused_best));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The solution is exact: the test may want another iteration, but there is none to make */
static PetscErrorCode StopExact(KSP ksp)
{
  PetscFunctionBegin;
  ksp->its++;
  PetscCall(FurlKSPReport(ksp, 0));
  if (!ksp->reason || ksp->reason == KSP_DIVERGED_ITS)
    ksp->reason = ksp->normtype == KSP_NORM_NONE ? KSP_CONVERGED_ITS : KSP_CONVERGED_ATOL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TakeBest(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  if (!f->best_saved) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecCopy(f->best, ksp->vec_sol));
  f->best_saved = PETSC_FALSE;
  f->norm       = f->best_norm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One line for -info and the view: how far it got, and what may be wrong with the system */
static PetscErrorCode TellFailure(KSP ksp, const char *why)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;
  char      clause[128];

  PetscFunctionBegin;
  f->reached = ksp->rnorm;
  f->wanted  = ksp->ttol;
  PetscCall(FurlKSPDiagnose(ksp, clause, sizeof(clause)));
  PetscCall(PetscSNPrintf(f->story, sizeof(f->story), "%s at iteration %" PetscInt_FMT ": residual reached %g, wanted %g%s", why, ksp->its,
                          (double)f->reached, (double)f->wanted, clause));
  PetscCall(PetscInfo(ksp, "%s\n", f->story));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where nobody wants a norm, a recurrence that ends at rounding level has done its work and failed at nothing */
static PetscErrorCode IsDone(KSP ksp, PetscBool *done)
{
  const KSP_Furl *f = (const KSP_Furl *)ksp->data;
  PetscReal       size;

  PetscFunctionBegin;
  *done = PETSC_FALSE;
  if (f->target) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlKSPNorm2(ksp, ksp->vec_rhs, &size));
  *done = f->rnorm / f->sigma <= FURL_KSP_NEGLIGIBLE * size ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x and its true residual, or an iterate of which a better one is known */
static PetscErrorCode TakeTrueBest(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  PetscCall(TakeBest(ksp));
  PetscCall(FurlKSPTrueResidual(ksp, PETSC_TRUE));
  if (!(f->norm <= f->last_true) && f->last_true < PETSC_MAX_REAL) {
    if (f->last_zero)
      PetscCall(VecSet(ksp->vec_sol, 0));
    else
      PetscCall(VecCopy(f->refused_best, ksp->vec_sol));
    f->norm = f->last_true;
  }
  f->judged  = PETSC_TRUE;
  ksp->rnorm = f->norm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Nothing is left to try: the best iterate and a truthful reason */
static PetscErrorCode GiveUp(KSP ksp, KSPConvergedReason reason, const char *why)
{
  PetscBool done;

  PetscFunctionBegin;
  PetscCall(TakeTrueBest(ksp));
  PetscCall(IsDone(ksp, &done));
  if (done) {
    ksp->reason = KSP_CONVERGED_ITS;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  ksp->reason = reason;
  PetscCall(TellFailure(ksp, why));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Another recurrence, or GMRES with longer memory; *changed is false where none is left or the user fixed the method */
static PetscErrorCode ChangeMethod(KSP ksp, PetscBool *changed)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;
  PetscInt  N;

  PetscFunctionBegin;
  *changed = PETSC_FALSE;
  if (f->method == KSP_FURL_AUTO && f->running != KSP_FURL_GMRES) {
    f->running = KSP_FURL_GMRES;
    f->aside   = PETSC_FALSE;
    *changed   = PETSC_TRUE;
    f->doubted = (PetscBool)(f->cause == FURL_KSP_SIGN_PC);
    if (f->cause != FURL_KSP_STALL && !f->doubted) f->learned = KSP_FURL_GMRES; /* a property of the matrix, not of this right-hand side */
    PetscCall(PetscSNPrintf(f->story, sizeof(f->story), "changed to GMRES at iteration %" PetscInt_FMT ": %s", ksp->its, causes[f->cause]));
  } else if (f->running == KSP_FURL_GMRES && f->columns < 4 * f->restart) {
    PetscCall(VecGetSize(ksp->vec_sol, &N));
    if (N <= f->columns) PetscFunctionReturn(PETSC_SUCCESS);
    f->columns = 4 * f->restart;
    *changed   = PETSC_TRUE;
    PetscCall(PetscSNPrintf(f->story, sizeof(f->story), "GMRES restarts every %" PetscInt_FMT " from iteration %" PetscInt_FMT ": %s",
                            f->columns, ksp->its, causes[f->cause]));
  }
  if (*changed) PetscCall(PetscInfo(ksp, "%s\n", f->story));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
  A claim was refused. Going on from the true residual gains digits as long as the products are right; where it does not, the copy is
  suspected first, then the preconditioner, and then FP64 has given what it can.
*/
static PetscErrorCode AfterClaim(KSP ksp)
{
  KSP_Furl *f      = (KSP_Furl *)ksp->data;
  PetscBool raised = PETSC_FALSE, rounding;

  PetscFunctionBegin;
  f->refused = f->norm > 0.5 * f->last_true ? f->refused + 1 : 0;
  if (f->norm < f->last_true) {
    if (!f->refused_best) PetscCall(VecDuplicate(ksp->vec_sol, &f->refused_best));
    PetscCall(VecCopy(ksp->vec_sol, f->refused_best));
    f->last_true = f->norm;
    f->last_zero = PETSC_FALSE;
  }
  if (f->refused < 3) PetscFunctionReturn(PETSC_SUCCESS);
  f->refused = 0;
  if (f->F && !f->own_product) {
    f->own_product = PETSC_TRUE;
    PetscCall(PetscInfo(ksp, "Products by Amat itself from now on: the recurrence with the copy does not follow the true residual\n"));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  /* a preconditioner that is all but singular hides the residual from GMRES */
  PetscCall(FurlKSPIsRounding(ksp, f->norm, &rounding));
  if (!rounding) PetscCall(FurlKSPRaise(ksp, causes[FURL_KSP_CLAIM], NULL, &raised));
  if (!raised) PetscCall(GiveUp(ksp, KSP_DIVERGED_BREAKDOWN, "the rounding errors of FP64 allow no more"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What to do after a run handed back without a reason */
static PetscErrorCode Decide(KSP ksp)
{
  KSP_Furl *f    = (KSP_Furl *)ksp->data;
  PetscBool done = PETSC_FALSE;

  PetscFunctionBegin;
  if (f->cause == FURL_KSP_CLAIM) {
    PetscCall(AfterClaim(ksp));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (f->cause == FURL_KSP_RAISED) PetscFunctionReturn(PETSC_SUCCESS);
  /* where A is all but singular the first step of CG can be right in the norm of A, and its residual, of FP32's rounding, 1e5 times that of
   * the guess: GMRES goes on with the same preconditioner, and its residual cannot grow */
  if (f->cause == FURL_KSP_DIVERGED) PetscCall(ChangeMethod(ksp, &done));
  /* whether B or A is indefinite is not known: GMRES stands both, and where it is slow CG has another turn, with other means */
  if (f->cause == FURL_KSP_SIGN_PC) PetscCall(ChangeMethod(ksp, &done));
  if (!done && f->cause != FURL_KSP_SIGN_MAT && f->target) PetscCall(FurlKSPRaise(ksp, causes[f->cause], NULL, &done));
  if (!done) PetscCall(ChangeMethod(ksp, &done));
  if (done) PetscFunctionReturn(PETSC_SUCCESS);
  if (f->cause == FURL_KSP_SIGN_MAT)
    PetscCall(GiveUp(ksp, KSP_DIVERGED_INDEFINITE_MAT, causes[f->cause]));
  else if (f->cause == FURL_KSP_SIGN_PC)
    PetscCall(GiveUp(ksp, KSP_DIVERGED_INDEFINITE_PC, causes[f->cause]));
  else
    PetscCall(GiveUp(ksp, KSP_DIVERGED_BREAKDOWN, causes[f->cause]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From refinement to the default method: what that needs to know of the matrix, and its start */
static PetscErrorCode LeaveRefinement(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  f->refining = PETSC_FALSE;
  PetscCall(FurlKSPDescribe(ksp));
  f->running = ChooseForSide(ksp);
  if (f->has_isolated && f->running == KSP_FURL_CG)
    PetscCall(FurlKSPSatisfyIsolated(ksp));
  else
    PetscCall(FurlKSPTrueResidual(ksp, PETSC_FALSE)); /* the description has used the vectors for itself */
  PetscCall(Mark(ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* r of x, whose isolated rows are satisfied where they stay out of the recurrence */
static PetscErrorCode ResidualAgain(KSP ksp)
{
  PetscFunctionBegin;
  if (((const KSP_Furl *)ksp->data)->aside)
    PetscCall(FurlKSPSatisfyIsolated(ksp));
  else
    PetscCall(FurlKSPTrueResidual(ksp, PETSC_FALSE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A device that failed may have left a torn x: where that is no better than the best that is known, that is taken. Where nobody wants a
 * norm x is what the run began with, and its iterations are to be done again */
static PetscErrorCode Recover(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  ksp->reason = KSP_CONVERGED_ITERATING;
  f->tau      = 0;
  if (!f->target) ksp->its = f->start_it;
  PetscCall(ResidualAgain(ksp));
  if (f->target && !(f->norm <= f->last_true)) { /* or NaN */
    if (f->last_zero || f->last_true == PETSC_MAX_REAL)
      PetscCall(VecSet(ksp->vec_sol, 0));
    else
      PetscCall(VecCopy(f->refused_best, ksp->vec_sol));
    PetscCall(ResidualAgain(ksp));
  }
  PetscCall(Mark(ksp));
  if (!f->target || ksp->its < ksp->max_it) PetscFunctionReturn(PETSC_SUCCESS);
  ksp->rnorm  = f->norm;
  ksp->reason = KSP_DIVERGED_ITS;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* On the device that was chosen where that can be; after its failure, or without one, here */
static PetscErrorCode RunOnEither(KSP ksp, PetscErrorCode (*here)(KSP), PetscErrorCode (*there)(KSP, FurlDeviceStatus *))
{
  const KSP_Furl  *f = (const KSP_Furl *)ksp->data;
  FurlDeviceStatus status;
  PetscBool        placed;

  PetscFunctionBegin;
  PetscCall(FurlKSPPlace(ksp, &placed));
  if (placed) {
    PetscCall((*there)(ksp, &status));
    if (status == FURL_DEVICE_OK) PetscFunctionReturn(PETSC_SUCCESS);
    PetscCall(FurlKSPDeviceFailed(ksp, status));
    PetscCall(Recover(ksp));
    if (ksp->reason || f->rnorm == 0) PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall((*here)(ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(KSP ksp)
{
  const KSP_Furl *f = (const KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  if (f->refining) {
    PetscCall(FurlKSPRunRefined(ksp));
    if (ksp->reason || f->rnorm == 0) PetscFunctionReturn(PETSC_SUCCESS);
    PetscCall(LeaveRefinement(ksp));
    if (f->rnorm == 0) PetscFunctionReturn(PETSC_SUCCESS);
  }
  switch (f->running) {
  case KSP_FURL_CG:
    PetscCall(RunOnEither(ksp, FurlKSPRunCG, FurlKSPRunCGDevice));
    break;
  case KSP_FURL_BCGS:
    PetscCall(RunOnEither(ksp, FurlKSPRunBCGS, FurlKSPRunBCGSDevice));
    break;
  default:
    PetscCall(RunOnEither(ksp, FurlKSPRunGMRES, FurlKSPRunGMRESDevice));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Iterate(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  PetscCall(Begin(ksp));
  PetscCall(FurlKSPFirstResidual(ksp));
  PetscCall(KeepGuess(ksp));
  PetscCall(FurlKSPSmallSystem(ksp, f->norm));
  PetscCall(FurlKSPReport(ksp, f->norm));
  if (ksp->reason) PetscFunctionReturn(PETSC_SUCCESS);
  if (f->has_isolated && !ksp->transpose_solve && f->running == KSP_FURL_CG) PetscCall(FurlKSPSatisfyIsolated(ksp));
  while (!ksp->reason) {
    PetscCall(Mark(ksp));
    if (f->rnorm == 0)
      PetscCall(StopExact(ksp));
    else
      PetscCall(Run(ksp));
    if (ksp->reason) break;
    if (f->rnorm == 0) { /* the recurrence underflowed, or the solution is exact */
      PetscCall(FurlKSPTrueResidual(ksp, PETSC_TRUE));
      continue;
    }
    PetscCall(Decide(ksp));
    if (ksp->reason || (f->cause == FURL_KSP_CLAIM && !f->best_saved)) continue; /* a refused claim leaves the true residual in r */
    PetscCall(TakeBest(ksp));
    if (f->has_isolated && !ksp->transpose_solve && f->running == KSP_FURL_CG && !f->aside)
      PetscCall(FurlKSPSatisfyIsolated(ksp)); /* CG comes after GMRES here, which let them take part */
    else
      PetscCall(FurlKSPTrueResidual(ksp, PETSC_FALSE));
    KSPCheckNorm(ksp, f->norm);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* After a failure: x is the best iterate. An inner solver that stops at a few iterations is not judged, as that takes a product */
static PetscErrorCode SettleFailure(KSP ksp)
{
  KSP_Furl       *f    = (KSP_Furl *)ksp->data;
  const PetscBool full = ksp->reason == KSP_DIVERGED_ITS && ksp->its < FURL_KSP_LONG ? PETSC_FALSE : PETSC_TRUE;

  PetscFunctionBegin;
  if (ksp->reason >= 0) PetscFunctionReturn(PETSC_SUCCESS);
  if (f->target && full && !f->judged) PetscCall(TakeTrueBest(ksp));
  if (f->best_saved) {
    PetscCall(TakeBest(ksp));
    ksp->rnorm = f->norm;
  }
  if (f->target && full && ksp->reason == KSP_DIVERGED_ITS) PetscCall(TellFailure(ksp, "max_it"));
  if (ksp->reason == KSP_DIVERGED_NANORINF) PetscCall(TellFailure(ksp, "NaN or infinity"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The fused passes over vectors rely on their sizes */
static PetscErrorCode CheckSizes(KSP ksp)
{
  PetscInt n, nb, nx;

  PetscFunctionBegin;
  PetscCall(VecGetLocalSize(FurlKSPr((KSP_Furl *)ksp->data), &n));
  PetscCall(VecGetLocalSize(ksp->vec_rhs, &nb));
  PetscCall(VecGetLocalSize(ksp->vec_sol, &nx));
  PetscCheck(n == nb && n == nx, PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ,
             "Amat has %" PetscInt_FMT " rows on this process, b %" PetscInt_FMT " and x %" PetscInt_FMT "; make them with MatCreateVecs()",
             n, nb, nx);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode KSPSolve_Furl(KSP ksp)
{
  KSP_Furl       *f      = (KSP_Furl *)ksp->data;
  const PetscReal abstol = ksp->abstol;
  PetscErrorCode  ierr;
  PetscBool       changed;

  PetscFunctionBegin;
  PetscCall(CheckSizes(ksp));
  PetscCall(FurlKSPRefresh(ksp, &changed)); /* up to 3.20 KSPSetUp() does not see that a matrix has changed in place */
  if (changed) PetscCall(FurlKSPSharePC(ksp));
  ierr        = Iterate(ksp);
  ksp->abstol = abstol;
  PetscCall(ierr);
  f->inner = 0;
  PetscCall(SettleFailure(ksp));
  if (f->doubted && ksp->reason > 0) f->learned = KSP_FURL_GMRES;
  PetscTryMethod(ksp->pc, "PCFurlSolved_C", (PC), (ksp->pc));
  PetscFunctionReturn(PETSC_SUCCESS);
}
