/*
  Rows whose columns are not in order, or occur twice: MatCreateSeqAIJWithArrays() takes them, and Furl serves them as PETSc's own products
  do: the compressed matrix has the same products, and KSP furl solves.
*/
#include "../furltest.h"

#define ROWS 100

/* A tridiagonal matrix with its rows from right to left; `twice` splits the diagonal into two entries */
static PetscErrorCode Create(PetscBool twice, PetscInt *rowptr, PetscInt *column, PetscScalar *value, Mat *A)
{
  PetscInt k = 0;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < ROWS; i++) {
    rowptr[i] = k;
    for (PetscInt j = i + 1; j >= i - 1; j--) {
      if (j < 0 || j >= ROWS) continue;
      column[k]  = j;
      value[k++] = i == j ? (twice ? 1.5 : 2.5) : -1;
      if (i != j || !twice) continue;
      column[k]  = j;
      value[k++] = 1;
    }
  }
  rowptr[ROWS] = k;
  PetscCall(MatCreateSeqAIJWithArrays(PETSC_COMM_SELF, ROWS, ROWS, rowptr, column, value, A));
  PetscFunctionReturn(0);
}

static PetscErrorCode Check(PetscBool twice)
{
  Mat                A, F;
  Vec                x, b;
  KSP                ksp;
  PetscInt           rowptr[ROWS + 1], column[4 * ROWS];
  PetscScalar        value[4 * ROWS];
  PetscReal          residual;
  PetscBool          equal;
  KSPConvergedReason reason;

  PetscFunctionBegin;
  PetscCall(Create(twice, rowptr, column, value, &A));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestNoise(b, 1, 1));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  PetscCall(MatMultEqual(A, F, 3, &equal));
  FurlTestCheck(equal, "products differ, twice: %d", (int)twice);
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(FurlTestResidual(A, b, x, &residual));
  FurlTestCheck(reason > 0 && residual < 1e-7, "reason %d, residual %g, twice: %d", (int)reason, (double)residual, (int)twice);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&F));
  PetscCall(MatDestroy(&A));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(Check(PETSC_FALSE));
  PetscCall(Check(PETSC_TRUE));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    args: -ksp_type furl -ksp_rtol 1e-9 -pc_type {{furl jacobi}}

TEST*/
