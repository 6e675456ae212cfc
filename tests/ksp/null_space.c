/*
  Neumann problems: with MatSetNullSpace() a b with a mean is projected and the solve converges, on either side and whether or not the
  matrix says that it is symmetric; a null space that nobody gave never alters b, and a matrix that is only nearly singular has none.
*/
#include "../furltest.h"

static PetscErrorCode Solve(Mat A, Vec b, PCSide side, Vec x, KSPConvergedReason *reason)
{
  KSP ksp;

  PetscFunctionBegin;
  PetscCall(VecSet(x, 0));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSetPCSide(ksp, side));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, reason));
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(0);
}

/* b + mean must give the same x, but for a constant, as b without mean */
static PetscErrorCode Given(Mat A, Vec b, PCSide side, const char *what)
{
  MatNullSpace       space;
  Vec                x, c;
  PetscReal          residual, mean;
  PetscScalar        sum;
  KSPConvergedReason reason;

  PetscFunctionBegin;
  PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_TRUE, 0, NULL, &space));
  PetscCall(MatSetNullSpace(A, space));
  PetscCall(VecDuplicate(b, &x));
  PetscCall(VecDuplicate(b, &c));
  PetscCall(VecCopy(b, c));
  PetscCall(VecShift(c, 0.3));
  PetscCall(Solve(A, c, side, x, &reason));
  FurlTestCheck(reason > 0, "%s: reason %d", what, (int)reason);
  PetscCall(MatNullSpaceRemove(space, c));
  PetscCall(FurlTestResidual(A, c, x, &residual));
  FurlTestCheck(residual < 1e-7, "%s: residual of the projected system %g", what, (double)residual);
  PetscCall(VecSum(x, &sum));
  PetscCall(VecNorm(x, NORM_1, &mean));
  FurlTestCheck(PetscAbsScalar(sum) <= 1e-8 * mean, "%s: the solution has a part %g in the null space", what, (double)PetscAbsScalar(sum));
  PetscCall(MatSetNullSpace(A, NULL));
  PetscCall(MatNullSpaceDestroy(&space));
  PetscCall(VecDestroy(&c));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  FurlTestGridSpec   spec = FurlTestGridDefault(13, 11);
  Mat                A;
  Vec                b, x;
  PetscReal          residual;
  PetscScalar        sum;
  PetscInt           n;
  KSPConvergedReason reason;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  spec.neumann  = PETSC_TRUE;
  spec.contrast = 5;
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, &A));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestNoise(b, 1, 1));
  PetscCall(VecSum(b, &sum));
  PetscCall(VecGetSize(b, &n));
  PetscCall(VecShift(b, -sum / (PetscReal)n));
  PetscCall(Given(A, b, PC_LEFT, "left"));
  PetscCall(Given(A, b, PC_RIGHT, "right"));
  PetscCall(Solve(A, b, PC_LEFT, x, &reason)); /* consistent, no null space given */
  PetscCall(FurlTestResidual(A, b, x, &residual));
  FurlTestCheck(reason > 0 && residual < 1e-7, "consistent, not given: reason %d, residual %g", (int)reason, (double)residual);
  PetscCall(VecShift(b, 0.3)); /* now inconsistent, but for a shift of A that is small and not zero */
  PetscCall(MatShift(A, 1e-3));
  PetscCall(Solve(A, b, PC_LEFT, x, &reason));
  PetscCall(FurlTestResidual(A, b, x, &residual));
  FurlTestCheck(reason > 0 && residual < 1e-7, "shifted: reason %d, residual %g", (int)reason, (double)residual);
  PetscCall(MatShift(A, -1e-3));
  PetscCall(MatSetOption(A, MAT_SYMMETRIC, PETSC_TRUE));
  PetscCall(VecShift(b, -0.3));
  PetscCall(Given(A, b, PC_LEFT, "declared symmetric, left"));
  PetscCall(Given(A, b, PC_RIGHT, "declared symmetric, right"));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2 3}}
    timeoutfactor: 4
    args: -ksp_type furl -pc_type jacobi -ksp_rtol 1e-9 -ksp_furl_method {{auto cg gmres}}

TEST*/
