/*
  Every norm and side that KSP furl claims to support, with each method: the norm that it reports is that norm of b - A x, history and
  monitors agree with it, KSPBuildSolution() and KSPBuildResidual() are right inside the iteration, and the solution is PETSc's.
*/
#include "../furltest.h"

typedef struct {
  PetscInt  calls;
  PetscReal last;
  PetscReal worst; /* largest relative error of the built residual against the monitored norm */
  PetscBool compare;
} Watch;

static PetscErrorCode Monitor(KSP ksp, PetscInt it, PetscReal norm, void *context)
{
  Watch    *watch = (Watch *)context;
  Vec       t, v, r;
  PetscReal built;

  PetscFunctionBegin;
  FurlTestCheck(it == watch->calls, "monitored iteration %" PetscInt_FMT ", expected %" PetscInt_FMT, it, watch->calls);
  watch->calls++;
  watch->last = norm;
  if (!watch->compare) PetscFunctionReturn(0);
  PetscCall(KSPGetRhs(ksp, &t));
  PetscCall(VecDuplicate(t, &v));
  PetscCall(VecDuplicate(t, &r));
  PetscCall(KSPBuildResidual(ksp, v, r, &t));
  PetscCall(VecNorm(t, NORM_2, &built));
  watch->worst = PetscMax(watch->worst, PetscAbsReal(built - norm) / norm);
  PetscCall(VecDestroy(&v));
  PetscCall(VecDestroy(&r));
  PetscFunctionReturn(0);
}

static PetscErrorCode NormOf(KSP ksp, KSPNormType type, Mat A, Vec b, Vec x, PetscReal *norm)
{
  Vec         r, z;
  PC          pc;
  PetscScalar dot;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(b, &r));
  PetscCall(VecDuplicate(b, &z));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(MatMult(A, x, r));
  PetscCall(VecAYPX(r, -1, b));
  PetscCall(PCApply(pc, r, z));
  PetscCall(VecNorm(type == KSP_NORM_PRECONDITIONED ? z : r, NORM_2, norm));
  PetscCall(VecDot(r, z, &dot));
  if (type == KSP_NORM_NATURAL) *norm = PetscSqrtReal(PetscAbsScalar(dot));
  PetscCall(VecDestroy(&r));
  PetscCall(VecDestroy(&z));
  PetscFunctionReturn(0);
}

static PetscErrorCode Reference(Mat A, Vec b, Vec x)
{
  KSP ksp;
  PC  pc;

  PetscFunctionBegin;
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetType(ksp, KSPFGMRES));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCBJACOBI));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetTolerances(ksp, 1e-12, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(0);
}

static PetscErrorCode Solve(Mat A, Vec b, Vec reference, KSPNormType type, PCSide side, PetscBool guess)
{
  KSP                ksp;
  Vec                x;
  Watch              watch = {0, 0, 0, PETSC_FALSE};
  KSPConvergedReason reason;
  PetscInt           its, nhistory;
  PetscReal          norm, recomputed, error, size, history[500];
  const PetscReal   *kept;

  PetscFunctionBegin;
  watch.compare = type == KSP_NORM_UNPRECONDITIONED ? PETSC_TRUE : PETSC_FALSE;
  PetscCall(VecDuplicate(b, &x));
  PetscCall(VecSet(x, guess ? 3 : 0));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSetNormType(ksp, type));
  PetscCall(KSPSetPCSide(ksp, side));
  PetscCall(KSPSetInitialGuessNonzero(ksp, guess));
  PetscCall(KSPSetTolerances(ksp, 1e-9, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(KSPMonitorSet(ksp, Monitor, &watch, NULL));
  PetscCall(KSPSetResidualHistory(ksp, history, 500, PETSC_TRUE));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetIterationNumber(ksp, &its));
  PetscCall(KSPGetResidualNorm(ksp, &norm));
  PetscCall(KSPGetResidualHistory(ksp, &kept, &nhistory));
  PetscCall(NormOf(ksp, type, A, b, x, &recomputed));
  FurlTestCheck(reason == KSP_CONVERGED_RTOL, "%s %s: reason %d", KSPNormTypes[type], PCSides[side], (int)reason);
  FurlTestCheck(PetscAbsReal(norm - recomputed) <= 1e-4 * norm, "%s %s: reported norm %g, recomputed %g", KSPNormTypes[type], PCSides[side],
                (double)norm, (double)recomputed);
  FurlTestCheck(watch.calls == its + 1 && nhistory == its + 1,
                "%" PetscInt_FMT " iterations, %" PetscInt_FMT " monitored, %" PetscInt_FMT " in the history", its, watch.calls, nhistory);
  FurlTestCheck(watch.last == kept[nhistory - 1], "monitor and history disagree");
  FurlTestCheck(PetscAbsReal(watch.last - recomputed) <= 1e-4 * recomputed, "recurrence %g, true %g", (double)watch.last,
                (double)recomputed);
  FurlTestCheck(watch.worst <= 1e-4, "KSPBuildResidual() differs from the monitored norm by %g", (double)watch.worst);
  PetscCall(VecAXPY(x, -1, reference));
  PetscCall(VecNorm(x, NORM_2, &error));
  PetscCall(VecNorm(reference, NORM_2, &size));
  FurlTestCheck(error <= 1e-6 * size, "%s %s: solution off by %g", KSPNormTypes[type], PCSides[side], (double)(error / size));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(0);
}

/* norm type none: max_it iterations, no claim, right at the end */
static PetscErrorCode SolveBlind(Mat A, Vec b, Vec reference, PCSide side)
{
  KSP                ksp;
  Vec                x;
  KSPConvergedReason reason;
  PetscInt           its;
  PetscReal          error, size;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(b, &x));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSetNormType(ksp, KSP_NORM_NONE));
  PetscCall(KSPSetPCSide(ksp, side));
  PetscCall(KSPSetTolerances(ksp, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT, 80));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetIterationNumber(ksp, &its));
  FurlTestCheck(reason == KSP_CONVERGED_ITS && its == 80, "norm none: reason %d after %" PetscInt_FMT, (int)reason, its);
  PetscCall(VecAXPY(x, -1, reference));
  PetscCall(VecNorm(x, NORM_2, &error));
  PetscCall(VecNorm(reference, NORM_2, &size));
  FurlTestCheck(error <= 1e-6 * size, "norm none: solution off by %g", (double)(error / size));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  FurlTestGridSpec spec = FurlTestGridDefault(11, 8);
  Mat              A;
  Vec              b, reference;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  spec.contrast = 10;
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-wind", &spec.wind, NULL));
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, &A));
  PetscCall(MatCreateVecs(A, &reference, &b));
  PetscCall(FurlTestNoise(b, 1, 1));
  PetscCall(Reference(A, b, reference));
  for (int guess = 0; guess < 2; guess++) {
    PetscCall(Solve(A, b, reference, KSP_NORM_UNPRECONDITIONED, PC_LEFT, (PetscBool)guess));
    PetscCall(Solve(A, b, reference, KSP_NORM_UNPRECONDITIONED, PC_RIGHT, (PetscBool)guess));
    PetscCall(Solve(A, b, reference, KSP_NORM_PRECONDITIONED, PC_LEFT, (PetscBool)guess));
    PetscCall(Solve(A, b, reference, KSP_NORM_NATURAL, PC_LEFT, (PetscBool)guess));
  }
  PetscCall(SolveBlind(A, b, reference, PC_LEFT));
  PetscCall(SolveBlind(A, b, reference, PC_RIGHT));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&reference));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  testset:
    args: -ksp_type furl
    test:
      suffix: auto
      nsize: {{1 2 3 5}}
      timeoutfactor: 4
      args: -pc_type jacobi
    test:
      suffix: each
      nsize: {{1 2}}
      args: -pc_type {{jacobi bjacobi}} -ksp_furl_method {{cg gmres bcgs}}
    test:
      suffix: wind
      nsize: {{1 2}}
      args: -pc_type bjacobi -wind 0.5 -ksp_furl_method {{auto bcgs}} -ksp_furl_compress {{auto false}}

TEST*/
