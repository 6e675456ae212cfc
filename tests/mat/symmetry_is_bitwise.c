/*
  What Mat furl tells of symmetry, on any number of processes: true for a symmetric matrix, false as soon as one entry beside the diagonal
  is another by its last bit or has nothing opposite, true again with the mirror changed alike. Rows at the ends of processes are tried,
  so that the two are often not on the same one. The sign of the diagonal does not count isolated rows.
*/
#include "matrices.h"
#include <furl/compose.h>

static PetscErrorCode TraitsOf(Mat F, FurlMatTraits *traits)
{
  FurlMatGetTraitsFn get;

  PetscFunctionBegin;
  PetscCall(PetscObjectQueryFunction((PetscObject)F, "MatFurlGetTraits_C", &get));
  PetscCheck(get, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "MatFurlGetTraits_C is missing");
  PetscCall(get(F, traits));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of a matrix encoded just now, and the same of one that gets A's values each time, so that few of its slices change */
static PetscErrorCode Traits(Mat A, FurlMatTraits *traits)
{
  FurlMatTraits renewed;
  Mat           F;

  PetscFunctionBegin;
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  PetscCall(TraitsOf(F, traits));
  PetscCall(MatDestroy(&F));
  PetscCall(PetscObjectQuery((PetscObject)A, "renewed", (PetscObject *)&F));
  if (F) {
    PetscCall(MatConvert(A, "furl", MAT_REUSE_MATRIX, &F));
    PetscCall(TraitsOf(F, &renewed));
    PetscCheck(renewed.symmetric == traits->symmetric && renewed.one_signed == traits->one_signed, PETSC_COMM_WORLD, PETSC_ERR_PLIB,
               "New values tell otherwise than a new matrix");
    PetscCall(CheckSameBits("renewed", A, F));
  } else {
    PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
    PetscCall(PetscObjectCompose((PetscObject)A, "renewed", (PetscObject)F));
    PetscCall(MatDestroy(&F));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MustBe(Mat A, PetscBool symmetric, PetscBool one_signed, const char *what)
{
  FurlMatTraits traits;

  PetscFunctionBegin;
  PetscCall(Traits(A, &traits));
  PetscCheck(traits.symmetric == symmetric, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "%s: told to be %ssymmetric", what, symmetric ? "not " : "");
  PetscCheck(traits.one_signed == one_signed, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "%s: diagonal told to be %sof one sign", what,
             one_signed ? "not " : "");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows of random columns, each entry set together with its mirror by the owner of one of the two rows */
static PetscErrorCode CreateSymmetricRandom(PetscInt n, Mat *A)
{
  PetscInt first, last;

  PetscFunctionBegin;
  PetscCall(CreateAij(PETSC_COMM_WORLD, n, n, 30, A));
  PetscCall(MatGetOwnershipRange(*A, &first, &last));
  for (PetscInt i = first; i < last; i++) {
    PetscCall(MatSetValue(*A, i, i, -3 - Noise(i, i), INSERT_VALUES));
    for (PetscInt k = 0; k < 4; k++) {
      const PetscInt j = (PetscInt)(n * Noise(i, k));

      if (i == j) continue;
      PetscCall(MatSetValue(*A, i, j, Noise(PetscMin(i, j), PetscMax(i, j)), INSERT_VALUES));
      PetscCall(MatSetValue(*A, j, i, Noise(PetscMin(i, j), PetscMax(i, j)), INSERT_VALUES));
    }
  }
  PetscCall(Assemble(*A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Entry k of the row by one unit in the last place up; on all processes what was changed, column -1 where the row has no such entry */
static PetscErrorCode ChangeEntry(Mat A, PetscInt row, PetscInt k, PetscInt *column, PetscScalar *value)
{
  const PetscInt    *columns;
  const PetscScalar *values;
  PetscInt           first, last, n;
  double             found[2] = {-1, -PETSC_MAX_REAL}, all[2];

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  if (row >= first && row < last) {
    PetscCall(MatGetRow(A, row, &n, &columns, &values));
    if (k < n) {
      found[0] = (double)columns[k];
      found[1] = nextafter(PetscRealPart(values[k]), INFINITY);
    }
    PetscCall(MatRestoreRow(A, row, &n, &columns, &values));
  }
  PetscCallMPI(MPI_Allreduce(found, all, 2, MPI_DOUBLE, MPI_MAX, PETSC_COMM_WORLD));
  *column = (PetscInt)all[0];
  *value  = all[1];
  if (found[0] >= 0) PetscCall(MatSetValue(A, row, *column, *value, INSERT_VALUES));
  PetscCall(Assemble(A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TryRow(Mat A, PetscInt row, const char *what)
{
  PetscFunctionBegin;
  for (PetscInt k = 0; k < 7; k++) {
    PetscInt    column;
    PetscScalar value;

    PetscCall(ChangeEntry(A, row, k, &column, &value));
    if (column < 0) PetscFunctionReturn(PETSC_SUCCESS);
    if (column == row) continue;
    PetscCall(MustBe(A, PETSC_FALSE, PETSC_TRUE, what));
    PetscCall(MatSetValue(A, column, row, value, INSERT_VALUES)); /* by all processes alike */
    PetscCall(Assemble(A));
    PetscCall(MustBe(A, PETSC_TRUE, PETSC_TRUE, what));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TryMatrix(Mat A, const char *what)
{
  const PetscInt *range;
  PetscInt        n;
  PetscMPIInt     size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(MatGetSize(A, &n, NULL));
  PetscCall(MatGetOwnershipRanges(A, &range));
  PetscCall(MustBe(A, PETSC_TRUE, PETSC_TRUE, what));
  for (PetscMPIInt rank = 0; rank < size; rank++) {
    PetscCall(TryRow(A, range[rank], what));
    PetscCall(TryRow(A, range[rank + 1] - 1, what));
    PetscCall(TryRow(A, (range[rank] + range[rank + 1]) / 2, what));
  }
  PetscCall(MatSetValue(A, 0, n - 1, 0, INSERT_VALUES));
  PetscCall(Assemble(A));
  PetscCall(MustBe(A, PETSC_TRUE, PETSC_TRUE, "a stored zero"));
  PetscCall(MatSetValue(A, 0, n - 1, 5e-324, INSERT_VALUES));
  PetscCall(Assemble(A));
  PetscCall(MustBe(A, PETSC_FALSE, PETSC_TRUE, what));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two entries of the upper triangle against their mirrors exchanged: sums of rows and columns stay as they are */
static PetscErrorCode TryExchange(void)
{
  const PetscInt row[4] = {1, 0, 2, 1}, column[4] = {0, 1, 1, 2};
  Mat            A;

  PetscFunctionBegin;
  PetscCall(CreateSevenPoint(PETSC_COMM_WORLD, 5, PETSC_TRUE, &A));
  for (int k = 0; k < 4; k++) PetscCall(MatSetValue(A, row[k], column[k], k == 0 || k == 3 ? -2 : -3, INSERT_VALUES));
  PetscCall(Assemble(A));
  PetscCall(MustBe(A, PETSC_FALSE, PETSC_TRUE, "exchanged mirrors"));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Dirichlet rows with a diagonal of the other sign, their columns kept, then removed */
static PetscErrorCode TryIsolated(void)
{
  const PetscInt row[3] = {0, 60, 124};
  PetscInt       none   = 1;
  Mat            A;

  PetscFunctionBegin;
  PetscCall(CreateSevenPoint(PETSC_COMM_WORLD, 5, PETSC_FALSE, &A));
  PetscCall(MatZeroRows(A, 3, row, -1, NULL, NULL));
  PetscCall(MustBe(A, PETSC_FALSE, PETSC_TRUE, "isolated rows"));
  PetscCall(MatZeroRowsColumns(A, 3, row, -1, NULL, NULL));
  PetscCall(MustBe(A, PETSC_TRUE, PETSC_TRUE, "isolated rows and columns"));
  PetscCall(MatZeroRowsColumns(A, 1, &none, 0, NULL, NULL));
  PetscCall(MustBe(A, PETSC_TRUE, PETSC_FALSE, "a row of zeros"));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Mat A;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  for (int constant = 0; constant < 2; constant++) {
    PetscCall(CreateSevenPoint(PETSC_COMM_WORLD, 7, (PetscBool)constant, &A));
    PetscCall(MatSetOption(A, MAT_NEW_NONZERO_ALLOCATION_ERR, PETSC_FALSE));
    PetscCall(TryMatrix(A, constant ? "7-point, constant" : "7-point, variable"));
    PetscCall(MatDestroy(&A));
  }
  PetscCall(CreateSymmetricRandom(211, &A));
  PetscCall(TryMatrix(A, "random"));
  PetscCall(MatDestroy(&A));
  PetscCall(TryExchange());
  PetscCall(TryIsolated());
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2 3 5}}

TEST*/
