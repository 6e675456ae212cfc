/*
  An eigenvector of D^-1 A that lives on three rows, with an eigenvalue half as large again as the others: a smoother made for less would
  amplify it, and the preconditioner of a positive definite matrix would be indefinite. Conjugate gradients of PETSc's, which say so, have
  to converge with PC furl, and with KSP furl no stage of PC furl may be left.
*/
#include "../furltest.h"

#define SIDE 150
#define PATCHES 7

/* s v v' for v of ones on three rows of the grid far from each other, so that D^-1 A has an eigenvalue of about 3 there */
static PetscErrorCode AddPatches(Mat A)
{
  PetscInt first, end;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &first, &end));
  for (PetscInt k = 0; k < PATCHES; k++) {
    const PetscInt corner = (20 * k + 11) * SIDE + 17 * k + 5, row[3] = {corner, corner + 1, corner + SIDE};

    if (row[0] < first || row[2] >= end) continue;
    for (int i = 0; i < 3; i++)
      for (int j = 0; j < 3; j++) PetscCall(MatSetValue(A, row[i], row[j], 1e3, ADD_VALUES));
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode Create(Mat *A)
{
  FurlTestGridSpec spec = FurlTestGridDefault(SIDE, SIDE);
  Mat              grid;

  PetscFunctionBegin;
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, &grid));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, SIDE * SIDE, SIDE * SIDE, 8, NULL, 6, NULL, A));
  PetscCall(AddPatches(*A));
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAXPY(*A, 1, grid, DIFFERENT_NONZERO_PATTERN));
  PetscCall(MatDestroy(&grid));
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
