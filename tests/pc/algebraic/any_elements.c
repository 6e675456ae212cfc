/*
  Hierarchy `algebraic` on matrices of finite elements with mixed signs of couplings, and on systems with blocks: at most -most iterations
  to 1e-8. Blocks of many rows are left to GAMG.
*/
#include "../grid/elements.h"

/* Each entry a of A becomes a block a * (I + J / 4) of two rows with J of ones: both components have constants of their own */
static PetscErrorCode TwoComponents(Mat *A)
{
  const PetscScalar *value;
  const PetscInt    *column;
  PetscInt           rows, n;
  Mat                B;

  PetscFunctionBegin;
  PetscCall(MatGetSize(*A, &rows, NULL));
  PetscCall(MatCreateSeqAIJ(PETSC_COMM_SELF, 2 * rows, 2 * rows, 54, NULL, &B));
  PetscCall(MatSetBlockSize(B, 2));
  for (PetscInt i = 0; i < rows; i++) {
    PetscCall(MatGetRow(*A, i, &n, &column, &value));
    for (PetscInt k = 0; k < n; k++)
      for (int d = 0; d < 4; d++)
        PetscCall(MatSetValue(B, 2 * i + d / 2, 2 * column[k] + d % 2, value[k] * (d % 3 ? .25 : 1.25), INSERT_VALUES));
    PetscCall(MatRestoreRow(*A, i, &n, &column, &value));
  }
  PetscCall(MatAssemblyBegin(B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatDestroy(A));
  *A = B;
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  char               text[32768], expect[64] = "smoothed aggregates";
  ElementsSpec       s;
  Mat                A;
  Vec                x, b, exact;
  KSP                ksp;
  PetscInt           its, most = 20, block = 0;
  PetscBool          two = PETSC_FALSE;
  PetscReal          residual;
  KSPConvergedReason reason;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(ElementsFromOptions(&s));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-most", &most, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-two", &two, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-block", &block, NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-expect", expect, sizeof(expect), NULL));
  PetscCall(ElementsCreate(&s, &A));
  if (block) PetscCall(MatSetBlockSize(A, block)); /* a program may say so, and have next to nothing in its blocks */
  if (two) PetscCall(TwoComponents(&A));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(VecDuplicate(x, &exact));
  PetscCall(FurlTestNoise(exact, 1, 1));
  PetscCall(MatMult(A, exact, b));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetIterationNumber(ksp, &its));
  PetscCall(FurlTestResidualNorm(A, b, x, &residual));
  FurlTestCheck(reason > 0 && residual <= 1e-8 && its <= most, "reason %d after %d iterations, at most %d; residual %g", (int)reason,
                (int)its, (int)most, (double)residual);
  PetscCall(FurlTestView(ksp, text, sizeof(text)));
  FurlTestCheck(strstr(text, expect), "not %s:\n%s", expect, text);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&exact));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  testset:
    args: -ksp_type furl -pc_furl_hierarchy algebraic -ksp_rtol 1e-8
    test:
      suffix: elements
      args: -n 19,17,18 -contrast {{1 3 30}} -most 15
    test:
      suffix: stretched
      args: -n 19,17,18 -width {{1,1,10 1,10,10}} -most 35
    test:
      suffix: turned
      args: -n 90,70 -ratio 10 -angle {{.3 .7854}} -differences {{0 1}} -most 30
    test:
      suffix: neumann
      args: -n 19,17,18 -neumann -mass 1e-6 -most 15
    test:
      suffix: large_blocks
      args: -n 16,16,16 -block 16 -pc_furl_hierarchy auto -pc_furl_method single -expect gamg -most 200
    test:
      suffix: two
      args: -n 19,17,18 -two -contrast 3 -most 15

TEST*/
