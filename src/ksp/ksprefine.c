/*
  Iterative refinement: a preconditioner whose finest level is the matrix itself, rounded to 2^-11, runs conjugate gradients of its own in
  low precision (PCFurlRefine*_C), and after about three digits the residual is computed anew from the user's matrix. So all norms from
  which a round begins are true, claims included, and on a box nothing need be known of the matrix beforehand: neither its symmetry nor a
  compressed copy. A round that gains less than a digit ends it, and the default method goes on from there.

  Bytes an unknown beside the preconditioner: an iteration 60 or 68, a renewal 84 of a 7-point matrix and 84 or 108 of
  vectors.
*/
#include "kspfurlimpl.h"

#define ENOUGH 1e-3 /* of the residual at the begin of a round: about there the rounding of the couplings begins to show */
#define LITTLE 0.1  /* of the same: a renewal that leaves more says that the two matrices differ */
#define GROWTH 2    /* of the residual within a later round: FP32 has lost the way; in the first one smooth parts of b may make it grow */
#define SLIGHT 1e-3 /* of a residual: a mean that is no larger adds less than a millionth to its norm */
#define LONG 30     /* iterations of a round: a problem that hard is left to the default method and what it can change */

/* Whether a null space is that of the constants alone, as that of a box without a fixed value is; NULL is not */
static PetscErrorCode IsOfConstants(MatNullSpace space, PetscBool *constants)
{
  const Vec *others;
  PetscInt   n;

  PetscFunctionBegin;
  *constants = PETSC_FALSE;
  if (!space) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatNullSpaceGetVecs(space, constants, &n, &others));
  if (n) *constants = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the null spaces that the user gave are none, or the constants for A, and for its transpose if there is one for that */
static PetscErrorCode KnowNullSpace(Mat A, PetscBool *known, PetscBool *constants)
{
  MatNullSpace space, transposed;
  PetscBool    both;

  PetscFunctionBegin;
  PetscCall(MatGetNullSpace(A, &space));
  PetscCall(MatGetTransposeNullSpace(A, &transposed));
  PetscCall(IsOfConstants(space, constants));
  PetscCall(IsOfConstants(transposed, &both));
  *known = (PetscBool)(!space == !*constants && !transposed == !both && (*constants || !both));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the PC can, or before its set-up is likely to, and the user's wishes leave it to Furl. symmetric: if A is symmetric and definite,
 * as far as is known */
PetscErrorCode FurlKSPMayRefine(KSP ksp, PetscBool *may, PetscBool *symmetric)
{
  const KSP_Furl   *f = (const KSP_Furl *)ksp->data;
  Mat               A, P;
  PetscBool         known, constants;
  FurlPCMayRefineFn ask;
  FurlDevice       *device;

  PetscFunctionBegin;
  *may = *symmetric = PETSC_FALSE;
  if (!f->refine || f->refine_failed || f->method != KSP_FURL_AUTO || f->compress != KSP_FURL_COMPRESS_AUTO)
    PetscFunctionReturn(PETSC_SUCCESS);
  if (ksp->normtype != KSP_NORM_UNPRECONDITIONED || ksp->calc_sings || ksp->calc_ritz) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PCGetOperators(ksp->pc, &A, &P));
  PetscCall(KnowNullSpace(A, &known, &constants));
  if (A != P || !known) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlKSPDeviceWanted(ksp, &device));
  if (device) PetscFunctionReturn(PETSC_SUCCESS); /* it runs the default method */
  PetscCall(PetscObjectQueryFunction((PetscObject)ksp->pc, "PCFurlMayRefine_C", &ask));
  if (ask) PetscCall((*ask)(ksp->pc, constants, may, symmetric));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether a solve begins with refinement. What the PC does not know of A is found then, as the default method would */
PetscErrorCode FurlKSPWillRefine(KSP ksp, PetscBool *will)
{
  const KSP_Furl *f = (const KSP_Furl *)ksp->data;
  PetscBool       symmetric;

  PetscFunctionBegin;
  PetscCall(FurlKSPMayRefine(ksp, will, &symmetric));
  if (!*will || !symmetric) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlKSPDescribe(ksp));
  *will = f->whole_symmetric && f->one_signed && f->learned == KSP_FURL_AUTO ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The mean over all processes */
static PetscErrorCode Mean(Vec v, PetscReal *mean)
{
  PetscScalar sum;
  PetscInt    n;

  PetscFunctionBegin;
  PetscCall(VecSum(v, &sum));
  PetscCall(VecGetSize(v, &n));
  *mean = PetscRealPart(sum) / (PetscReal)n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What a solve needs to know beside its preconditioner: the null space, and the rows that are satisfied first */
PetscErrorCode FurlKSPPrepareRefinement(KSP ksp)
{
  KSP_Furl          *f = (KSP_Furl *)ksp->data;
  Mat                A;
  PetscBool          known;
  FurlPCGetOwnRowsFn get;

  PetscFunctionBegin;
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  PetscCall(KnowNullSpace(A, &known, &f->constants));
  f->mean = 0;
  if (f->constants && !ksp->guess_zero) PetscCall(Mean(ksp->vec_sol, &f->mean));
  PetscCall(PetscObjectQueryFunction((PetscObject)ksp->pc, "PCFurlGetOwnRows_C", &get));
  if (f->described || !get) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlKSPForgetIsolated(ksp));
  PetscCall((*get)(ksp->pc, &f->nisolated, &f->isolated, &f->pivot, &f->nisolated_all));
  f->has_isolated = f->nisolated_all ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
  Takes the mean out of the residual where constants are the null space. What was taken out is no part of the projected system only if
  constants are no part of the range of A either, so that, but for rounding, A has to be symmetric; ok is false, and the residual whole,
  where it is not. A mean that is small beside the residual left does not ask for that.
*/
PetscErrorCode FurlKSPRefineProject(KSP ksp, Vec residual, PetscBool *ok)
{
  PetscReal mean, left;
  PetscInt  n;

  PetscFunctionBegin;
  *ok = PETSC_TRUE;
  PetscCall(Mean(residual, &mean));
  PetscCall(VecGetSize(residual, &n));
  PetscCall(VecShift(residual, -mean));
  PetscCall(FurlKSPNorm2(ksp, residual, &left));
  if (PetscAbsReal(mean) * PetscSqrtReal((PetscReal)n) <= SLIGHT * left) PetscFunctionReturn(PETSC_SUCCESS);
  *ok = ((const KSP_Furl *)ksp->data)->whole_symmetric;
  if (!((const KSP_Furl *)ksp->data)->described) PetscCall(FurlKSPKnowMirrors(ksp, ok));
  if (!*ok) PetscCall(VecShift(residual, mean));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* v += the round's correction so far, of which `part` is 1, or -1 to take it back; the mean of v stays that of the guess where constants
 * are the null space */
PetscErrorCode FurlKSPRefineSolution(KSP ksp, PetscReal part, PetscReal sigma, Vec v)
{
  const KSP_Furl   *f = (const KSP_Furl *)ksp->data;
  FurlPCRefineAddFn add;
  PetscReal         mean;

  PetscFunctionBegin;
  PetscCall(PetscObjectQueryFunction((PetscObject)ksp->pc, "PCFurlRefineAdd_C", &add));
  PetscCall((*add)(ksp->pc, part / sigma, v));
  if (!f->constants) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(Mean(v, &mean));
  PetscCall(VecShift(v, f->mean - mean));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One iteration; *ok is false where the recurrence broke down or has reached what rounding hides, *lost where the correction is worth
 * nothing: it is not finite, rounding hides nearly all of the residual that the round began with, or the norm is above `most` */
static PetscErrorCode Step(KSP ksp, PetscReal start, PetscReal most, PetscBool *ok, PetscBool *lost)
{
  KSP_Furl          *f = (KSP_Furl *)ksp->data;
  FurlPCRefineStepFn step;
  PetscReal          norm = 0, floor = 0;

  PetscFunctionBegin;
  PetscCall(PetscObjectQueryFunction((PetscObject)ksp->pc, "PCFurlRefineStep_C", &step));
  PetscCall((*step)(ksp->pc, &norm, &floor, ok));
  if (!*ok) PetscFunctionReturn(PETSC_SUCCESS);
  *lost = PetscIsInfOrNanReal(norm) || floor > LITTLE * start * f->sigma || norm > most * f->sigma ? PETSC_TRUE : PETSC_FALSE;
  *ok   = *lost || norm <= floor ? PETSC_FALSE : PETSC_TRUE;
  if (PetscIsInfOrNanReal(norm)) PetscFunctionReturn(PETSC_SUCCESS);
  f->rnorm = norm;
  f->inner++;
  ksp->its++;
  PetscCall(FurlKSPReport(ksp, norm / f->sigma));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What part of its residual a round leaves: as many rounds as the tolerance takes, all alike */
static PetscReal Goal(KSP ksp, PetscReal start)
{
  const PetscReal left = ksp->converged == KSPConvergedDefault ? ksp->ttol / start : 0;

  if (!(left > 0) || left >= 1) return ENOUGH;
  return PetscPowReal(left, 1 / PetscCeilReal(PetscLogReal(left) / PetscLogReal(ENOUGH)));
}

/* Iterations from the true residual in r until it has fallen as far as it can */
static PetscErrorCode Round(KSP ksp, PetscBool first, PetscBool *lost)
{
  KSP_Furl           *f     = (KSP_Furl *)ksp->data;
  const PetscReal     start = f->norm, goal = start * Goal(ksp, start), most = first ? PETSC_MAX_REAL : GROWTH * start;
  PetscBool           ok = PETSC_FALSE;
  FurlPCRefineBeginFn begin;

  PetscFunctionBegin;
  *lost    = PETSC_FALSE;
  f->inner = 0;
  PetscCall(PetscObjectQueryFunction((PetscObject)ksp->pc, "PCFurlRefineBegin_C", &begin));
  if (begin) PetscCall((*begin)(ksp->pc, FurlKSPr(f), f->rnorm, &ok));
  while (ok && !ksp->reason && f->inner < LONG && (!f->inner || f->norm > goal)) PetscCall(Step(ksp, start, most, &ok, lost));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The reason where none was reached */
static KSPConvergedReason Left(KSP ksp)
{
  return ksp->its >= ksp->max_it ? KSP_DIVERGED_ITS : KSP_CONVERGED_ITERATING;
}

/* Does the true residual bear out the reason? PETSc's own test must hold for it; a test of the user's may be off by a factor of two */
static void Judge(KSP ksp, PetscReal claimed)
{
  const KSP_Furl *f     = (const KSP_Furl *)ksp->data;
  const PetscReal limit = ksp->converged == KSPConvergedDefault ? ksp->ttol : 2 * claimed;

  ksp->rnorm = f->norm;
  if (ksp->reason == KSP_CONVERGED_ITS) return; /* the iterations that were asked for, whatever they gained */
  if (ksp->reason > 0 && !(f->norm <= limit)) ksp->reason = Left(ksp);
}

/* Adds the correction and computes b - A x; a correction that made things worse is taken back */
static PetscErrorCode Renew(KSP ksp, PetscReal start)
{
  KSP_Furl       *f       = (KSP_Furl *)ksp->data;
  const PetscReal claimed = f->norm, sigma = f->sigma;

  PetscFunctionBegin;
  PetscCall(FurlKSPRefineSolution(ksp, 1, sigma, ksp->vec_sol));
  f->inner = 0;
  if (ksp->reason == KSP_DIVERGED_ITS) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscLogEventBegin(f->event_verify, ksp, NULL, NULL, NULL));
  PetscCall(FurlKSPTrueResidual(ksp, PETSC_TRUE));
  if (!(f->norm <= start)) {
    PetscCall(FurlKSPRefineSolution(ksp, -1, sigma, ksp->vec_sol));
    PetscCall(FurlKSPTrueResidual(ksp, PETSC_TRUE));
  }
  PetscCall(PetscLogEventEnd(f->event_verify, ksp, NULL, NULL, NULL));
  KSPCheckNorm(ksp, f->norm);
  PetscCall(PetscInfo(ksp, "Iteration %" PetscInt_FMT ": residual renewed: %g, by recurrence %g, at the begin of the round %g\n", ksp->its,
                      (double)f->norm, (double)claimed, (double)start));
  Judge(ksp, claimed);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Refines until there is a reason, or no more to gain: then f->refining is false and r the true residual */
PetscErrorCode FurlKSPRunRefined(KSP ksp)
{
  KSP_Furl *f     = (KSP_Furl *)ksp->data;
  PetscBool first = PETSC_TRUE, lost;

  PetscFunctionBegin;
  while (!ksp->reason && f->refining && !f->refine_failed && f->rnorm > 0) {
    const PetscReal start = f->norm, rnorm = f->rnorm;
    PetscInt        done;

    PetscCall(Round(ksp, first, &lost));
    done = f->inner;
    if (ksp->reason == KSP_DIVERGED_DTOL) ksp->reason = KSP_CONVERGED_ITERATING;
    if (done && !lost && ksp->reason >= KSP_DIVERGED_ITS)
      PetscCall(Renew(ksp, start));
    else {
      f->inner   = 0;
      f->norm    = start;
      f->rnorm   = rnorm;
      ksp->rnorm = start;
      if (ksp->reason > 0 && ksp->reason != KSP_CONVERGED_ITS) ksp->reason = Left(ksp);
    }
    first = PETSC_FALSE;
    if (!ksp->reason) f->refining = done > 0 && done < LONG && !lost && f->norm <= LITTLE * start ? PETSC_TRUE : PETSC_FALSE;
  }
  if (ksp->reason || f->rnorm == 0) PetscFunctionReturn(PETSC_SUCCESS);
  f->refine_failed = PETSC_TRUE;
  PetscCall(PetscSNPrintf(f->story, sizeof(f->story), "refinement in low precision ended at iteration %" PetscInt_FMT, ksp->its));
  PetscCall(PetscInfo(ksp, "%s\n", f->story));
  PetscFunctionReturn(PETSC_SUCCESS);
}
