/*
  Values that change: MAT_REUSE_MATRIX after a change of the source, of a few entries too, MatSetValues() on an assembled furl matrix by one
  process only, for rows of others, with new places, added and inserted; assembly into an empty furl matrix. Always the same as on AIJ.
*/
#include "matrices.h"

static PetscErrorCode CheckReuse(void)
{
  Mat              A, F;
  PetscObjectState before, after;

  PetscFunctionBegin;
  PetscCall(CreateSevenPoint(PETSC_COMM_WORLD, 7, PETSC_FALSE, &A));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  PetscCall(MatGetNonzeroState(F, &before));
  PetscCall(MatScale(A, 1.1));
  PetscCall(MatConvert(A, "furl", MAT_REUSE_MATRIX, &F));
  PetscCall(CheckSameBits("converted again", A, F));
  PetscCall(MatGetNonzeroState(F, &after));
  PetscCheck(before == after, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "New values alone count as a new pattern");
  PetscCall(MatDestroy(&A));
  PetscCall(CreateSevenPoint(PETSC_COMM_WORLD, 7, PETSC_TRUE, &A));
  PetscCall(MatConvert(A, "furl", MAT_REUSE_MATRIX, &F));
  PetscCall(CheckSameBits("another matrix", A, F));
  PetscCall(MatGetNonzeroState(F, &after));
  PetscCheck(before != after, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "Another matrix does not count as a new pattern");
  PetscCall(MatDestroy(&A));
  PetscCall(MatDestroy(&F));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Values that come and go in the same pattern, so that slices change their ways of storing: a duplicate keeps the values it shared */
static PetscErrorCode CheckReuseOfMemory(void)
{
  Mat A, constant, variable, F, G, before;

  PetscFunctionBegin;
  PetscCall(CreateSevenPoint(PETSC_COMM_WORLD, 8, PETSC_TRUE, &constant));
  PetscCall(CreateSevenPoint(PETSC_COMM_WORLD, 8, PETSC_FALSE, &variable));
  PetscCall(MatDuplicate(constant, MAT_COPY_VALUES, &A));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  for (int k = 0; k < 6; k++) {
    PetscCall(MatCopy(k % 2 ? constant : variable, A, SAME_NONZERO_PATTERN));
    if (k == 4) PetscCall(MatShift(A, 1e300));
    PetscCall(MatConvert(A, "furl", MAT_REUSE_MATRIX, &F));
    PetscCall(CheckSameBits("used again", A, F));
  }
  PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &before));
  PetscCall(MatDuplicate(F, MAT_COPY_VALUES, &G));
  PetscCall(MatScale(A, -0.3));
  PetscCall(MatConvert(A, "furl", MAT_REUSE_MATRIX, &F));
  PetscCall(CheckSameBits("changed beside a duplicate", A, F));
  PetscCall(CheckSameBits("a duplicate", before, G));
  PetscCall(MatDestroy(&A));
  PetscCall(MatDestroy(&before));
  PetscCall(MatDestroy(&constant));
  PetscCall(MatDestroy(&variable));
  PetscCall(MatDestroy(&F));
  PetscCall(MatDestroy(&G));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Few entries of a large matrix, here and there, get values of every kind */
static PetscErrorCode CheckFew(PetscBool constant)
{
  const PetscScalar value[] = {-0.0, 0.0, 4e-320, 1e300, -1e-300, 3, -3};
  const int         n       = (int)(sizeof(value) / sizeof(value[0]));
  Mat               A, F;
  PetscInt          first, end;

  PetscFunctionBegin;
  PetscCall(CreateSevenPoint(PETSC_COMM_WORLD, 14, constant, &A));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  PetscCall(MatGetOwnershipRange(A, &first, &end));
  for (int k = 0; k < 2 * n; k++) {
    const PetscInt row = first + (end - first) * k / (2 * n), other = k % 2 ? row : PetscMin(row + 1, end - 1);

    PetscCall(MatSetValue(A, row, other, value[k / 2], INSERT_VALUES));
    if (k % 3) PetscCall(MatSetValue(A, other, row, value[k / 2], INSERT_VALUES));
    PetscCall(Assemble(A));
    PetscCall(MatConvert(A, "furl", MAT_REUSE_MATRIX, &F));
    PetscCall(CheckSameBits("few values changed", A, F));
    PetscCall(MatConvert(A, "furl", MAT_REUSE_MATRIX, &F));
    PetscCall(CheckSameBits("nothing changed", A, F));
  }
  PetscCall(MatDestroy(&A));
  PetscCall(MatDestroy(&F));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The last process sets entries of the first row and of its own, some in new places */
static PetscErrorCode SetSome(Mat A, InsertMode mode, PetscScalar factor)
{
  PetscInt    n;
  PetscMPIInt rank, size;

  PetscFunctionBegin;
  PetscCall(MatGetSize(A, &n, NULL));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  if (rank == size - 1) {
    const PetscInt    row[3] = {0, n - 1, -1}, column[2] = {n / 2, 1};
    const PetscScalar value[6] = {factor, 2 * factor, 3 * factor, 4 * factor, 5 * factor, 6 * factor};

    PetscCall(MatSetValues(A, 3, row, 2, column, value, mode));
  }
  PetscCall(Assemble(A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckSetValues(void)
{
  Mat         A, F;
  PetscReal   norm;
  PetscScalar nan = PETSC_INFINITY;

  PetscFunctionBegin;
  PetscCall(CreateSevenPoint(PETSC_COMM_WORLD, 7, PETSC_FALSE, &A));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  PetscCall(MatSetOption(A, MAT_NEW_NONZERO_ALLOCATION_ERR, PETSC_FALSE));
  for (int k = 0; k < 3; k++) {
    const InsertMode mode = k % 2 ? INSERT_VALUES : ADD_VALUES;

    PetscCall(SetSome(A, mode, 1.5 + k));
    PetscCall(SetSome(F, mode, 1.5 + k));
    PetscCall(CheckSameBits("values set", A, F));
    PetscCall(MatSetOption(A, MAT_ROW_ORIENTED, PETSC_FALSE));
    PetscCall(MatSetOption(F, MAT_ROW_ORIENTED, PETSC_FALSE));
  }
  PetscCall(MatZeroEntries(A));
  PetscCall(MatZeroEntries(F));
  PetscCall(MatNorm(F, NORM_FROBENIUS, &norm));
  PetscCheck(norm == 0, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "Norm %g after MatZeroEntries()", (double)norm);
  PetscCall(SetSome(A, ADD_VALUES, nan));
  PetscCall(SetSome(F, ADD_VALUES, nan));
  PetscCall(CheckSameBits("infinite values", A, F));
  PetscCall(MatDestroy(&A));
  PetscCall(MatDestroy(&F));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The 1-D Laplacian by elements, each process adding to rows of its neighbour */
static PetscErrorCode AssembleLaplacian(MatType type, PetscInt n, Mat *A)
{
  const PetscScalar element[4] = {1, -1, -1, 1};
  PetscMPIInt       rank, size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(MatCreate(PETSC_COMM_WORLD, A));
  PetscCall(MatSetSizes(*A, PETSC_DECIDE, PETSC_DECIDE, n, n));
  PetscCall(MatSetType(*A, type));
  PetscCall(MatSetUp(*A));
  for (PetscInt i = rank; i < n - 1; i += size) {
    const PetscInt row[2] = {i, i + 1};

    PetscCall(MatSetValues(*A, 2, row, 2, row, element, ADD_VALUES));
    if (i / size == n / 2 / size) {
      PetscCall(MatAssemblyBegin(*A, MAT_FLUSH_ASSEMBLY));
      PetscCall(MatAssemblyEnd(*A, MAT_FLUSH_ASSEMBLY));
    }
  }
  PetscCall(Assemble(*A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckAssembly(PetscInt n)
{
  Mat A, F;

  PetscFunctionBegin;
  PetscCall(AssembleLaplacian(MATAIJ, n, &A));
  PetscCall(AssembleLaplacian("furl", n, &F));
  PetscCall(CheckSameBits("assembled", A, F));
  PetscCall(MatDestroy(&A));
  PetscCall(MatDestroy(&F));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(CheckReuse());
  PetscCall(CheckReuseOfMemory());
  PetscCall(CheckFew(PETSC_FALSE));
  PetscCall(CheckFew(PETSC_TRUE));
  PetscCall(CheckSetValues());
  PetscCall(CheckAssembly(61)); /* the flush in the midst is collective: 60 elements divide by 1, 2, 3 and 5 */
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2 3 5}}

TEST*/
