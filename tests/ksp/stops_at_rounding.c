/*
  A tolerance that the rounding of b - A x does not allow (jumps of 1e6, b of ones) ends the solve soon, with the truth: once the claims
  have been refused as the residual is no more than eps |A| |x|, no other preconditioner is tried.
*/
#include "../pc/grid/gridtest.h"

#define MOST 100 /* iterations; all other preconditioners would take a thousand */

/* |eps |A| |x|| */
static PetscErrorCode Rounding(Mat A, Vec x, Vec work, PetscReal *norm)
{
  Mat M;

  PetscFunctionBegin;
  PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &M));
  PetscCall(VecAbs(x));
  PetscCall(MatScale(M, -1));
  PetscCall(MatGetDiagonal(A, work));
  PetscCall(MatDiagonalSet(M, work, INSERT_VALUES));
  PetscCall(MatMult(M, x, work));
  PetscCall(VecNorm(work, NORM_2, norm));
  *norm *= PETSC_MACHINE_EPSILON;
  PetscCall(MatDestroy(&M));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  const PetscInt     n[3] = {120, 110, 1};
  GridTestBox        box;
  Mat                A;
  Vec                x, b, r;
  KSP                ksp;
  PetscInt           its;
  PetscReal          norm, rounding;
  KSPConvergedReason reason;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  GridTestInit(&box, BENCH_JUMP6, n, "ddd");
  PetscCall(GridTestMatrix(PETSC_COMM_WORLD, &box, 1, &A));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(VecDuplicate(b, &r));
  PetscCall(VecSet(b, 1));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetIterationNumber(ksp, &its));
  PetscCall(MatMult(A, x, r));
  PetscCall(VecAYPX(r, -1, b));
  PetscCall(VecNorm(r, NORM_2, &norm));
  PetscCall(Rounding(A, x, r, &rounding));
  FurlTestCheck(reason == KSP_DIVERGED_BREAKDOWN && its <= MOST && norm <= rounding,
                "reason %d after %d iterations; residual %g, rounding %g", (int)reason, (int)its, (double)norm, (double)rounding);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&r));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2}}
    args: -ksp_type furl -ksp_rtol 1e-12

TEST*/
