/*
  Iterative refinement on boxes of more than 4096 cells: convergence is true, no compressed copy is made, monitors see the iterate that goes
  with the norm they are told, up to what couplings of 2 bytes allow. Where the hierarchy is not the matrix's own (kept for other values, or
  of a matrix with couplings of both signs) the default method takes over, and the answer is as good.
*/
#include "rounds.h"

/* Solves to rtol, with the iterations of the default method and two more at most, and so many copies of the matrix */
static PetscErrorCode Solve(Mat A, Vec b, PetscReal rtol, PetscBool refine, PetscInt *its)
{
  Rounds             rounds;
  KSP                ksp;
  Vec                x;
  PetscReal          residual;
  KSPConvergedReason reason;
  int                before, after;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(b, &x));
  PetscCall(RoundsBegin(A, b, rtol, &rounds));
  PetscCall(FurlTestEncodings(&before));
  PetscCall(FurlTestSolver(A, refine ? NULL : "plain_", &ksp));
  PetscCall(KSPSetTolerances(ksp, rtol, PETSC_DEFAULT, PETSC_DEFAULT, 60));
  if (refine) PetscCall(KSPMonitorSet(ksp, RoundsCheck, &rounds, NULL));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetIterationNumber(ksp, its));
  PetscCall(FurlTestResidualNorm(A, b, x, &residual));
  PetscCall(FurlTestEncodings(&after));
  FurlTestCheck(reason > 0 && residual <= rtol * (1 + 1e-6), "rtol %g: reason %d, residual %g", (double)rtol, (int)reason,
                (double)residual);
  FurlTestCheck(after - before == !refine, "%d copies of the matrix", after - before);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(0);
}

static PetscErrorCode Tolerances(Mat A, Vec b)
{
  const PetscReal rtol[4] = {1e-3, 1e-5, 1e-8, 1e-12};

  PetscFunctionBegin;
  for (int k = 0; k < 4; k++) {
    PetscInt refined, plain;

    PetscCall(Solve(A, b, rtol[k], PETSC_TRUE, &refined));
    PetscCall(Solve(A, b, rtol[k], PETSC_FALSE, &plain));
    FurlTestCheck(refined <= plain + 2, "rtol %g: %" PetscInt_FMT " iterations, %" PetscInt_FMT " without refinement", (double)rtol[k],
                  refined, plain);
  }
  PetscFunctionReturn(0);
}

/* One solver through new values, a guess, a preconditioner kept for other values, and few iterations */
static PetscErrorCode Life(Mat A, Vec b)
{
  KSP                ksp;
  Vec                x;
  PetscReal          residual, few, size;
  KSPConvergedReason reason;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(b, &x));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-8, PETSC_DEFAULT, PETSC_DEFAULT, 100));
  PetscCall(KSPSetInitialGuessNonzero(ksp, PETSC_TRUE));
  for (int k = 0; k < 4; k++) {
    if (k == 2) PetscCall(KSPSetReusePreconditioner(ksp, PETSC_TRUE));
    if (k) PetscCall(MatScale(A, k == 2 ? 0.4 : 3));
    PetscCall(FurlTestNoise(x, 7 + k, 1e-3));
    PetscCall(KSPSetOperators(ksp, A, A));
    PetscCall(KSPSolve(ksp, b, x));
    PetscCall(KSPGetConvergedReason(ksp, &reason));
    PetscCall(FurlTestResidualNorm(A, b, x, &residual));
    FurlTestCheck(reason > 0 && residual <= 1.01e-8, "solve %d: reason %d, residual %g", k, (int)reason, (double)residual);
    if (k == 2) PetscCall(KSPSetReusePreconditioner(ksp, PETSC_FALSE));
  }
  PetscCall(KSPSetInitialGuessNonzero(ksp, PETSC_FALSE));
  PetscCall(KSPSetTolerances(ksp, 1e-8, PETSC_DEFAULT, PETSC_DEFAULT, 2));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetResidualNorm(ksp, &few));
  PetscCall(FurlTestResidualNorm(A, b, x, &residual));
  FurlTestCheck(reason == KSP_DIVERGED_ITS && residual < 0.1 && few > 0, "two iterations: reason %d, residual %g", (int)reason,
                (double)residual);
  /* iterations asked for, and no more: a reason to be content, with an iterate whose norm is told */
  PetscCall(KSPConvergedDefaultSetConvergedMaxits(ksp, PETSC_TRUE));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetResidualNorm(ksp, &few));
  PetscCall(VecNorm(b, NORM_2, &size));
  PetscCall(FurlTestResidualNorm(A, b, x, &residual));
  FurlTestCheck(reason == KSP_CONVERGED_ITS && PetscAbsReal(few / size - residual) <= 1e-3 * residual,
                "two iterations wanted: reason %d, norm told %g, found %g", (int)reason, (double)(few / size), (double)residual);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(0);
}

/* Sums of a row far below zero, which the hierarchy takes for zero: it is another matrix's */
static PetscErrorCode Unfaithful(Mat A, Vec b)
{
  Mat                B;
  KSP                ksp;
  Vec                x;
  PetscReal          residual;
  KSPConvergedReason reason;
  PetscInt           first, end;

  PetscFunctionBegin;
  PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &B));
  PetscCall(MatGetOwnershipRange(B, &first, &end));
  for (PetscInt i = first; i < end; i += 401) PetscCall(MatSetValue(B, i, i, -0.004, ADD_VALUES));
  PetscCall(MatAssemblyBegin(B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(B, MAT_FINAL_ASSEMBLY));
  PetscCall(VecDuplicate(b, &x));
  PetscCall(FurlTestSolver(B, NULL, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-9, PETSC_DEFAULT, PETSC_DEFAULT, 200));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(FurlTestResidualNorm(B, b, x, &residual));
  FurlTestCheck(reason > 0 && residual <= 1.01e-9, "another matrix: reason %d, residual %g", (int)reason, (double)residual);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(MatDestroy(&B));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  FurlTestGridSpec spec = FurlTestGridDefault(111, 83);
  Mat              A;
  Vec              b;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscLogDefaultBegin());
  spec.contrast = 3;
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, &A));
  PetscCall(MatCreateVecs(A, NULL, &b));
  PetscCall(FurlTestNoise(b, 1, 1));
  PetscCall(Tolerances(A, b));
  PetscCall(Unfaithful(A, b));
  PetscCall(Life(A, b));
  PetscCall(MatDestroy(&A));
  PetscCall(VecDestroy(&b));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2 3 5}}
    args: -ksp_type furl -plain_ksp_type furl -plain_ksp_furl_refine 0

TEST*/
