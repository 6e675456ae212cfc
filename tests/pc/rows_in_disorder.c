/*
  Matrices whose rows are numbered without regard to place: the hierarchy is built in another order, says so, and the solution is that of
  the user's order, also after new values or another pattern; two unknowns a place with a near-null space too. Not where rows are few or in
  order, by option or where the PC that gives the hierarchy was asked for, from the beginning or later. Iterations are at most three more
  than in the user's order.
*/
#include <petscfurl.h>
#include "disorder.h"

/* Two unknowns a row of A: a(2 i + d, 2 j + d) = (1 + d) a(i, j), with a weak coupling of the two; and constants for each as near-null
 * space */
static PetscErrorCode TwoUnknowns(Mat *A)
{
  const PetscScalar *value;
  const PetscInt    *column;
  PetscInt           first, end, n;
  MatNullSpace       near;
  Vec                constant[2];
  Mat                B;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(*A, &first, &end));
  PetscCall(MatCreate(PETSC_COMM_WORLD, &B));
  PetscCall(MatSetSizes(B, 2 * (end - first), 2 * (end - first), PETSC_DETERMINE, PETSC_DETERMINE));
  PetscCall(MatSetBlockSize(B, 2));
  PetscCall(MatSetType(B, MATAIJ));
  PetscCall(MatSeqAIJSetPreallocation(B, 6, NULL));
  PetscCall(MatMPIAIJSetPreallocation(B, 6, NULL, 5, NULL));
  for (PetscInt i = first; i < end; i++) {
    PetscCall(MatGetRow(*A, i, &n, &column, &value));
    for (PetscInt k = 0; k < n; k++)
      for (PetscInt d = 0; d < 2; d++) PetscCall(MatSetValue(B, 2 * i + d, 2 * column[k] + d, (1 + d) * value[k], INSERT_VALUES));
    for (PetscInt d = 0; d < 2; d++) PetscCall(MatSetValue(B, 2 * i + d, 2 * i + 1 - d, -.01, INSERT_VALUES));
    PetscCall(MatRestoreRow(*A, i, &n, &column, &value));
  }
  PetscCall(MatAssemblyBegin(B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(B, MAT_FINAL_ASSEMBLY));
  for (PetscInt d = 0; d < 2; d++) {
    PetscCall(MatCreateVecs(B, &constant[d], NULL));
    for (PetscInt i = first; i < end; i++) PetscCall(VecSetValue(constant[d], 2 * i + d, 1, INSERT_VALUES));
    PetscCall(VecAssemblyBegin(constant[d]));
    PetscCall(VecAssemblyEnd(constant[d]));
    PetscCall(VecNormalize(constant[d], NULL));
  }
  PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_FALSE, 2, constant, &near));
  PetscCall(MatSetNearNullSpace(B, near));
  PetscCall(MatNullSpaceDestroy(&near));
  for (PetscInt d = 0; d < 2; d++) PetscCall(VecDestroy(&constant[d]));
  PetscCall(MatDestroy(A));
  *A = B;
  PetscFunctionReturn(0);
}

static PetscErrorCode SolveAndCheck(KSP ksp, Mat A, Vec b, Vec x, PetscInt *iterations)
{
  KSPConvergedReason reason;
  PetscReal          residual;

  PetscFunctionBegin;
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetIterationNumber(ksp, iterations));
  PetscCall(FurlTestResidualNorm(A, b, x, &residual));
  FurlTestCheck(reason > 0 && residual <= 1e-8, "reason %d, residual %g", (int)reason, (double)residual);
  PetscFunctionReturn(0);
}

static PetscErrorCode IterationsInUsersOrder(Mat A, Vec b, Vec x, PetscInt *iterations)
{
  char hierarchy[64] = "";
  KSP  ksp;

  PetscFunctionBegin;
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-pc_furl_hierarchy", hierarchy, sizeof(hierarchy), NULL));
  PetscCall(KSPSetOptionsPrefix(ksp, "plain_"));
  PetscCall(PetscOptionsSetValue(NULL, "-plain_pc_furl_reorder", "0"));
  PetscCall(PetscOptionsSetValue(NULL, "-plain_pc_furl_hierarchy", hierarchy));
  PetscCall(KSPSetType(ksp, "furl"));
  PetscCall(KSPSetTolerances(ksp, 1e-8, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(SolveAndCheck(ksp, A, b, x, iterations));
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(0);
}

static PetscErrorCode CheckView(KSP ksp, PetscBool expected)
{
  char text[32768];

  PetscFunctionBegin;
  PetscCall(FurlTestView(ksp, text, sizeof(text)));
  FurlTestCheck(!strstr(text, "Cuthill") == !expected, "the rows are%s in another order:\n%s", expected ? " not" : "", text);
  PetscFunctionReturn(0);
}

/* Solves with A as it is now, compares with the user's order and looks whether the rows are in another */
static PetscErrorCode Check(KSP ksp, Mat A, Vec b, Vec x, PetscBool expected)
{
  PetscInt iterations, plain;

  PetscFunctionBegin;
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(SolveAndCheck(ksp, A, b, x, &iterations));
  PetscCall(CheckView(ksp, expected));
  PetscCall(IterationsInUsersOrder(A, b, x, &plain));
  FurlTestCheck(iterations <= plain + 3, "%d iterations, %d in the user's order", (int)iterations, (int)plain);
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  FurlTestGridSpec spec     = FurlTestGridDefault(97, 95);
  PetscBool        disorder = PETSC_TRUE, expected = PETSC_TRUE, given = PETSC_FALSE;
  PetscInt         unknowns = 1, few = 0;
  Mat              A;
  Vec              b, x;
  KSP              ksp;
  PC               pc, import;
  PCFurlHierarchy  kind;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscFurlInitializePackage());
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-disorder", &disorder, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-expected", &expected, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-given", &given, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-unknowns", &unknowns, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-few", &few, NULL));
  if (few) spec.nx = few;
  spec.contrast = 10;
  spec.local    = DisorderShare(spec.nx, spec.ny);
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, &A));
  if (disorder) PetscCall(DisorderRows(&A));
  if (unknowns == 2) PetscCall(TwoUnknowns(&A));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestNoise(b, 1, 1));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPGetPC(ksp, &pc));
  if (given) PetscCall(PCFurlGetImportPC(pc, &import));
  PetscCall(Check(ksp, A, b, x, expected));
  PetscCall(MatScale(A, 3)); /* new values */
  PetscCall(MatShift(A, .01));
  PetscCall(Check(ksp, A, b, x, expected));
  if (disorder && unknowns == 1) { /* another pattern */
    PetscCall(DisorderRows(&A));
    PetscCall(Check(ksp, A, b, x, expected));
  }
  PetscCall(PCFurlSetReorder(pc, PETSC_FALSE));
  PetscCall(MatScale(A, .5));
  PetscCall(Check(ksp, A, b, x, PETSC_FALSE));
  PetscCall(PCFurlSetReorder(pc, PETSC_TRUE));
  PetscCall(MatScale(A, .5));
  PetscCall(Check(ksp, A, b, x, (PetscBool)(expected || (disorder && !few && !given))));
  PetscCall(PCFurlGetImportPC(pc, &import));
  PetscCall(PCFurlGetHierarchy(pc, &kind)); /* Furl's own takes them in any order whoever has that PC */
  PetscCall(MatScale(A, .5));
  PetscCall(Check(ksp, A, b, x, (PetscBool)(kind == PC_FURL_HIERARCHY_ALGEBRAIC && (expected || (disorder && !few)))));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  build:
    requires: static

  testset:
    args: -ksp_type furl -pc_furl_hierarchy import -ksp_rtol 1e-8
    test:
      suffix: scalar
      nsize: {{1 2 3 5}}
    test:
      suffix: blocks
      nsize: {{1 3}}
      args: -unknowns 2 -few 45
    test:
      suffix: few
      args: -few 41 -expected 0
    test:
      suffix: in_order
      nsize: {{1 2}}
      args: -disorder 0 -expected 0
    test:
      suffix: option
      args: -pc_furl_reorder 0 -expected 0
    test:
      suffix: given
      args: -given -expected 0

  testset:
    args: -ksp_type furl -pc_furl_hierarchy algebraic -ksp_rtol 1e-8
    test:
      suffix: own
      nsize: {{1 2 3 5}}
    test:
      suffix: own_blocks
      nsize: {{1 3}}
      args: -unknowns 2 -few 45
    test:
      suffix: own_in_order
      nsize: {{1 2}}
      args: -disorder 0 -expected 0

TEST*/
