/*
  What Furl's other types ask of the matrix by name: the product with x'y (to the rounding of a sum of n terms) and the rows that hold
  nothing but their diagonal entry
*/
#include "matrices.h"

static PetscErrorCode CheckMultDot(const char *name, Mat A, Mat F)
{
  PetscErrorCode (*multdot)(Mat, Vec, Vec, PetscScalar *);
  Vec         x, y, z;
  PetscScalar dot, expected;
  PetscReal   x_norm, y_norm;
  PetscBool   same;

  PetscFunctionBegin;
  PetscCall(PetscObjectQueryFunction((PetscObject)F, "MatFurlMultDot_C", &multdot));
  PetscCheck(multdot, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "MatFurlMultDot_C is missing");
  PetscCall(MatCreateVecs(A, &x, &y));
  PetscCall(VecDuplicate(y, &z));
  PetscCall(FillVec(x, 21));
  PetscCall(MatMult(F, x, z));
  PetscCall(multdot(F, x, y, &dot));
  PetscCall(VecEqual(y, z, &same));
  PetscCheck(same, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "The product with x'y of '%s' is another than MatMult()", name);
  PetscCall(VecDot(y, x, &expected));
  PetscCall(VecNorm(x, NORM_2, &x_norm));
  PetscCall(VecNorm(y, NORM_2, &y_norm));
  PetscCheck(PetscAbsScalar(dot - expected) <= 1e-13 * x_norm * y_norm, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "x'y of '%s': %g, expected %g",
             name, (double)PetscRealPart(dot), (double)PetscRealPart(expected));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows 0, 4, 8, ... get one entry on the diagonal, `kept`: their other places stay with zeros; row 8 gets a zero diagonal */
static PetscErrorCode CheckIsolatedRows(PetscBool kept)
{
  PetscErrorCode (*isolated)(Mat, IS *);
  Mat             A, F;
  IS              rows;
  const PetscInt *found;
  PetscInt        first, last, row[1000], zero = 8, n = 0, m;

  PetscFunctionBegin;
  PetscCall(CreateSevenPoint(PETSC_COMM_WORLD, 6, PETSC_FALSE, &A));
  PetscCall(MatSetOption(A, MAT_KEEP_NONZERO_PATTERN, kept));
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  for (PetscInt i = (first + 3) / 4 * 4; i < last; i += 4)
    if (i != zero) row[n++] = i;
  PetscCall(MatZeroRows(A, n, row, 3, NULL, NULL));
  PetscCall(MatZeroRows(A, 1, &zero, 0, NULL, NULL));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  PetscCall(PetscObjectQueryFunction((PetscObject)F, "MatFurlGetIsolatedRows_C", &isolated));
  PetscCall(isolated(F, &rows));
  PetscCall(ISGetLocalSize(rows, &m));
  PetscCheck(m == n, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%" PetscInt_FMT " isolated rows, expected %" PetscInt_FMT, m, n);
  PetscCall(ISGetIndices(rows, &found));
  for (PetscInt k = 0; k < n; k++)
    PetscCheck(found[k] == row[k], PETSC_COMM_SELF, PETSC_ERR_PLIB, "Isolated row %" PetscInt_FMT ", expected %" PetscInt_FMT, found[k],
               row[k]);
  PetscCall(ISRestoreIndices(rows, &found));
  PetscCall(ISDestroy(&rows));
  PetscCall(MatDestroy(&A));
  PetscCall(MatDestroy(&F));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckNoIsolatedRow(Mat F)
{
  PetscErrorCode (*isolated)(Mat, IS *);
  IS rows;

  PetscFunctionBegin;
  PetscCall(PetscObjectQueryFunction((PetscObject)F, "MatFurlGetIsolatedRows_C", &isolated));
  PetscCall(isolated(F, &rows));
  PetscCheck(!rows, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "An index set where no row is isolated");
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  for (int which = 0; which < 9; which++) {
    Mat         A, F;
    PetscInt    nrows, ncols;
    const char *name;

    PetscCall(CreateMatrix(which, &A, &name));
    PetscCall(MatGetSize(A, &nrows, &ncols));
    PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
    if (nrows == ncols) PetscCall(CheckMultDot(name, A, F));
    if (which < 2) PetscCall(CheckNoIsolatedRow(F));
    PetscCall(MatDestroy(&F));
    PetscCall(MatDestroy(&A));
  }
  PetscCall(CheckIsolatedRows(PETSC_FALSE));
  PetscCall(CheckIsolatedRows(PETSC_TRUE));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2 3 5}}

TEST*/
