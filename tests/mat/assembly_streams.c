/*
  Values in any order into an empty furl matrix, and into one that holds others: the same bits as AIJ, whether the window holds all rows or
  nearly none. Sums are made in the order of the calls, rows of other processes get values that add up exactly.
*/
#include "matrices.h"

#define N 1500
#define NEAR 4   /* entries of a row near the diagonal */
#define ROUNDS 3 /* visits of a row that is added to */

typedef enum { ASCENDING, DESCENDING, SCATTERED, TWO_FRONTS, ORDERS } Order;

/* The k-th of n rows; 733 is prime and divides no number of rows here */
static PetscInt Pick(Order order, PetscInt k, PetscInt n)
{
  if (order == DESCENDING) return n - 1 - k;
  if (order == SCATTERED) return (PetscInt)((int64_t)k * 733 % n);
  if (order == TWO_FRONTS) return k % 2 ? n / 2 + k / 2 : k / 2;
  return k;
}

/* Row i: near its diagonal, one far away; some rows are empty, some long, some with -0.0. `whole`: values whose sums are exact */
static PetscErrorCode SetRow(Mat A, PetscInt i, PetscInt round, PetscInt ncols, PetscBool whole, InsertMode mode)
{
  PetscInt       column[64], n = 0;
  PetscScalar    value[64];
  const PetscInt near = i % 97 == 5 ? 40 : NEAR;

  PetscFunctionBegin;
  if (i % 41 == 7) PetscFunctionReturn(PETSC_SUCCESS);
  for (PetscInt k = 0; k < near; k++) column[n++] = i + (k * 5 + round) % near - near / 2;
  column[n++] = (PetscInt)(Noise(i, round) * ncols);
  column[n++] = i;
  for (PetscInt k = 0; k < n; k++) {
    const double noise = Noise(PetscMin(i, column[k]), PetscMax(i, column[k]) + 7 * round);

    if (column[k] >= ncols) column[k] = -1;
    value[k] = whole ? (PetscScalar)(PetscInt)(64 * noise) : i % 13 == 2 && k % 2 ? -0.0 : noise;
  }
  PetscCall(MatSetValues(A, 1, &i, n, column, value, mode));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Fill(Mat A, Order order, InsertMode mode, PetscInt seed)
{
  PetscInt    first, end, nrows, ncols;
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCall(MatGetSize(A, &nrows, &ncols));
  PetscCall(MatGetOwnershipRange(A, &first, &end));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  for (PetscInt round = 0; round < (mode == ADD_VALUES ? ROUNDS : 1); round++) {
    for (PetscInt k = 0; k < end - first; k++)
      PetscCall(SetRow(A, first + Pick(order, k, end - first), seed + round, ncols, PETSC_FALSE, mode));
    if (round == 1) {
      PetscCall(MatAssemblyBegin(A, MAT_FLUSH_ASSEMBLY));
      PetscCall(MatAssemblyEnd(A, MAT_FLUSH_ASSEMBLY));
    }
  }
  PetscCall(Assemble(A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Every process adds to rows all over the matrix */
static PetscErrorCode FillOthers(Mat A)
{
  PetscInt    nrows, ncols;
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCall(MatGetSize(A, &nrows, &ncols));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  for (PetscInt k = 0; k < 400; k++) PetscCall(SetRow(A, (PetscInt)(Noise(k, rank) * nrows), k % 3, ncols, PETSC_TRUE, ADD_VALUES));
  PetscCall(Assemble(A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* `window` in MiB: below zero that of the option */
static PetscErrorCode Create(MatType type, PetscInt m, PetscInt n, PetscReal window, Mat *A)
{
  PetscErrorCode (*set)(Mat, PetscReal);

  PetscFunctionBegin;
  PetscCall(MatCreate(PETSC_COMM_WORLD, A));
  PetscCall(MatSetSizes(*A, PETSC_DECIDE, PETSC_DECIDE, m, n));
  PetscCall(MatSetType(*A, type));
  PetscCall(MatSetFromOptions(*A));
  PetscCall(MatSeqAIJSetPreallocation(*A, PetscMin(20, n), NULL)); /* furl takes it as well */
  PetscCall(MatMPIAIJSetPreallocation(*A, PetscMin(20, n), NULL, PetscMin(20, n), NULL));
  PetscCall(MatSetOption(*A, MAT_NEW_NONZERO_ALLOCATION_ERR, PETSC_FALSE));
  PetscCall(PetscObjectQueryFunction((PetscObject)*A, "MatFurlSetWindow_C", &set));
  if (set) PetscCall((*set)(*A, window));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckOrder(PetscInt m, PetscInt n, PetscReal window, Order order)
{
  Mat A, F, G;

  PetscFunctionBegin;
  PetscCall(Create(MATAIJ, m, n, window, &A));
  PetscCall(Create("furl", m, n, window, &F));
  PetscCall(Fill(A, order, ADD_VALUES, 0));
  PetscCall(Fill(F, order, ADD_VALUES, 0));
  PetscCall(CheckSameBits("added", A, F));
  PetscCall(Fill(A, (Order)((order + 1) % ORDERS), INSERT_VALUES, 2));
  PetscCall(MatDuplicate(F, MAT_COPY_VALUES, &G));
  PetscCall(Fill(F, (Order)((order + 1) % ORDERS), INSERT_VALUES, 2));
  PetscCall(CheckSameBits("inserted into others", A, F));
  PetscCall(MatDestroy(&G));
  PetscCall(MatZeroEntries(A));
  PetscCall(MatZeroEntries(F));
  PetscCall(CheckSameBits("zeros in the same places", A, F));
  PetscCall(FillOthers(A));
  PetscCall(FillOthers(F));
  PetscCall(CheckSameBits("rows of others", A, F));
  PetscCall(MatDestroy(&A));
  PetscCall(MatDestroy(&F));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Zeroed between the calls, before the final assembly */
static PetscErrorCode CheckZeroed(PetscReal window)
{
  Mat A[2];

  PetscFunctionBegin;
  for (int k = 0; k < 2; k++) {
    PetscInt first, end;

    PetscCall(Create(k ? "furl" : MATAIJ, N, N, window, &A[k]));
    PetscCall(MatGetOwnershipRange(A[k], &first, &end));
    for (PetscInt i = first; i < end; i++) PetscCall(SetRow(A[k], i, 0, N, PETSC_FALSE, INSERT_VALUES));
    PetscCall(MatAssemblyBegin(A[k], MAT_FLUSH_ASSEMBLY));
    PetscCall(MatAssemblyEnd(A[k], MAT_FLUSH_ASSEMBLY));
    PetscCall(MatZeroEntries(A[k]));
    for (PetscInt i = first; i < end; i += 3) PetscCall(SetRow(A[k], i, 1, N, PETSC_FALSE, INSERT_VALUES));
    PetscCall(Assemble(A[k]));
  }
  PetscCall(CheckSameBits("zeroed in the midst", A[0], A[1]));
  PetscCall(MatDestroy(&A[0]));
  PetscCall(MatDestroy(&A[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Options that say what becomes of zeros and of new places, set between two assemblies */
static PetscErrorCode CheckOptions(PetscReal window)
{
  Mat A[2];

  PetscFunctionBegin;
  for (int k = 0; k < 2; k++) {
    PetscCall(Create(k ? "furl" : MATAIJ, N, N, window, &A[k]));
    PetscCall(MatSetOption(A[k], MAT_IGNORE_ZERO_ENTRIES, PETSC_TRUE));
    PetscCall(Fill(A[k], ASCENDING, INSERT_VALUES, 0));
    PetscCall(MatSetOption(A[k], MAT_NEW_NONZERO_LOCATIONS, PETSC_FALSE));
    PetscCall(Fill(A[k], SCATTERED, INSERT_VALUES, 1));
    PetscCall(MatSetOption(A[k], MAT_NEW_NONZERO_LOCATIONS, PETSC_TRUE));
    PetscCall(Fill(A[k], ASCENDING, ADD_VALUES, 2));
  }
  PetscCall(CheckSameBits("options", A[0], A[1]));
  PetscCall(MatDestroy(&A[0]));
  PetscCall(MatDestroy(&A[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The 7-point matrix row by row, in a window of some of its planes: mirrors are found all the same */
static PetscErrorCode CheckSevenPoint(PetscInt n, PetscReal window)
{
  Mat                A, F;
  PetscInt           first, end, ncols;
  const PetscInt    *column;
  const PetscScalar *value;
  MatInfo            whole, streamed;

  PetscFunctionBegin;
  PetscCall(CreateSevenPoint(PETSC_COMM_WORLD, n, PETSC_FALSE, &A));
  PetscCall(Create("furl", n * n * n, n * n * n, window, &F));
  PetscCall(MatGetOwnershipRange(A, &first, &end));
  for (PetscInt i = first; i < end; i++) {
    PetscCall(MatGetRow(A, i, &ncols, &column, &value));
    PetscCall(MatSetValues(F, 1, &i, ncols, column, value, INSERT_VALUES));
    PetscCall(MatRestoreRow(A, i, &ncols, &column, &value));
  }
  PetscCall(Assemble(F));
  PetscCall(CheckSameBits("7 points", A, F));
  PetscCall(MatGetInfo(F, MAT_GLOBAL_SUM, &streamed));
  PetscCall(MatDestroy(&F));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  PetscCall(MatGetInfo(F, MAT_GLOBAL_SUM, &whole));
  PetscCheck(streamed.memory <= 1.001 * whole.memory, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "%g bytes where a conversion takes %g",
             streamed.memory, whole.memory);
  PetscCall(MatDestroy(&A));
  PetscCall(MatDestroy(&F));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const PetscReal window[3] = {0, 0.06, 64};

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  for (int w = 0; w < 3; w++) {
    for (int order = 0; order < ORDERS; order++) PetscCall(CheckOrder(N, N, window[w], (Order)order));
    PetscCall(CheckOrder(N, N / 3, window[w], SCATTERED));
    PetscCall(CheckOrder(40, 40, window[w], DESCENDING)); /* some processes have no slice to themselves */
    PetscCall(CheckOrder(2, 2, window[w], ASCENDING));    /* some have no rows */
    PetscCall(CheckZeroed(window[w]));
    PetscCall(CheckOptions(window[w]));
    PetscCall(CheckSevenPoint(24, window[w]));
  }
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2 3 5}}
    timeoutfactor: 4
    args: -mat_furl_values {{raw planes}}

TEST*/
