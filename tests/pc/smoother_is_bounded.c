/*
  Three rows that are hardly coupled to the others, with an eigenvalue of D^-1 A half as large again as theirs: a smoother made for less
  would amplify its vector, and the preconditioner of a positive definite matrix would be indefinite. Conjugate gradients of PETSc's, which
  say so, have to converge with PC furl, and with KSP furl no stage of PC furl may be left.
*/
#include "../furltest.h"

#define SIDE 300
#define ROWS (SIDE * SIDE)
#define COUPLING 3.6 /* of the three rows to each other, beside 4 on the diagonal: their largest eigenvalue is 11.2 / 4 */
#define LINK 1e-3    /* to the grid */

/* The three rows that follow the grid's; the first is linked to a row of the grid */
static PetscErrorCode AddThree(Mat A)
{
  PetscFunctionBegin;
  for (PetscInt i = 0; i < 3; i++)
    for (PetscInt j = 0; j < 3; j++) PetscCall(MatSetValue(A, ROWS + i, ROWS + j, i == j ? 4 : COUPLING, INSERT_VALUES));
  PetscCall(MatSetValue(A, ROWS, ROWS / 2, -LINK, INSERT_VALUES));
  PetscCall(MatSetValue(A, ROWS / 2, ROWS, -LINK, INSERT_VALUES));
  PetscFunctionReturn(0);
}

static PetscErrorCode Create(Mat *A)
{
  const FurlTestGridSpec spec = FurlTestGridDefault(SIDE, SIDE);
  PetscInt               first, end;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, ROWS + 3, ROWS + 3, 6, NULL, 5, NULL, A));
  PetscCall(MatGetOwnershipRange(*A, &first, &end));
  for (PetscInt row = first; row < PetscMin(end, ROWS); row++) PetscCall(FurlTestGridRow(*A, &spec, row));
  if (end == ROWS + 3) PetscCall(AddThree(*A));
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

static PetscErrorCode Check(Mat A, KSPType type)
{
  KSPConvergedReason reason;
  PetscReal          residual;
  char               text[32768];
  Vec                b, x;
  KSP                ksp;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestNoise(b, 1, 1));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSetType(ksp, type));
  PetscCall(KSPSetNormType(ksp, KSP_NORM_UNPRECONDITIONED));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(FurlTestResidualNorm(A, b, x, &residual));
  FurlTestCheck(reason > 0 && residual <= 1.1e-8, "%s: reason %d, residual %g", type, (int)reason, (double)residual);
  PetscCall(FurlTestView(ksp, text, sizeof(text)));
  FurlTestCheck(!strstr(text, "slow convergence"), "%s: a stage was left:\n%s", type, text);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  Mat A;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(Create(&A));
  PetscCall(Check(A, KSPCG));
  PetscCall(Check(A, "furl"));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 3}}
    args: -pc_type furl -ksp_rtol 1e-8 -pc_furl_hierarchy {{algebraic import}}

TEST*/
