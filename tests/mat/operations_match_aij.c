/* Operations give, bit for bit, what they give on AIJ: those that change values, and those that make other matrices; norms and right-hand
 * sides to rounding */
#include "matrices.h"

typedef PetscErrorCode (*Change)(Mat A);

static PetscErrorCode Scale(Mat A)
{
  PetscFunctionBegin;
  PetscCall(MatScale(A, -3.25));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Shift(Mat A)
{
  PetscFunctionBegin;
  PetscCall(MatShift(A, 0.75));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Zero(Mat A)
{
  PetscFunctionBegin;
  PetscCall(MatZeroEntries(A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ZeroThenShift(Mat A)
{
  PetscFunctionBegin;
  PetscCall(MatZeroEntries(A));
  PetscCall(MatShift(A, 2));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DiagonalScale(Mat A)
{
  Vec left, right;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &right, &left));
  PetscCall(FillVec(left, 8));
  PetscCall(FillVec(right, 9));
  PetscCall(MatDiagonalScale(A, left, right));
  PetscCall(VecDestroy(&left));
  PetscCall(VecDestroy(&right));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DiagonalSet(Mat A)
{
  Vec d;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, NULL, &d));
  PetscCall(FillVec(d, 10));
  PetscCall(MatDiagonalSet(A, d, ADD_VALUES));
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Every fifth row, named by the process before its owner, with the boundary values of a vector */
typedef PetscErrorCode (*ZeroFn)(Mat, PetscInt, const PetscInt[], PetscScalar, Vec, Vec);

static PetscErrorCode ZeroSome(Mat A, ZeroFn zero)
{
  Vec      x, b;
  PetscInt first, last, row[1000], n = 0;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FillVec(x, 11));
  PetscCall(FillVec(b, 12));
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  for (PetscInt i = (first + 4) / 5 * 5; i < last && n < 1000; i += 5) row[n++] = i;
  PetscCall(zero(A, n, row, 1.5, x, b));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ZeroRows(Mat A)
{
  PetscFunctionBegin;
  PetscCall(ZeroSome(A, MatZeroRows));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ZeroRowsKeep(Mat A)
{
  PetscFunctionBegin;
  PetscCall(MatSetOption(A, MAT_KEEP_NONZERO_PATTERN, PETSC_TRUE));
  PetscCall(ZeroSome(A, MatZeroRows));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ZeroRowsColumns(Mat A)
{
  PetscFunctionBegin;
  PetscCall(ZeroSome(A, MatZeroRowsColumns));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Axpy(Mat A)
{
  Mat B;

  PetscFunctionBegin;
  PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &B));
  PetscCall(MatShift(B, 1));
  PetscCall(MatAXPY(A, 0.5, B, SUBSET_NONZERO_PATTERN));
  PetscCall(MatAXPY(A, -2, B, DIFFERENT_NONZERO_PATTERN));
  PetscCall(MatDestroy(&B));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CopyOver(Mat A)
{
  Mat B;

  PetscFunctionBegin;
  PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &B));
  PetscCall(MatScale(B, 7));
  PetscCall(MatCopy(B, A, SAME_NONZERO_PATTERN));
  PetscCall(MatDestroy(&B));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TransposeInPlace(Mat A)
{
  PetscFunctionBegin;
  PetscCall(MatTranspose(A, MAT_INPLACE_MATRIX, &A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckChange(const char *name, const char *what, Mat A, Change change)
{
  Mat  F, B;
  char label[256];

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(label, sizeof(label), "%s of %s", what, name));
  PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &B));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  PetscCall(change(B));
  PetscCall(change(F));
  PetscCall(CheckSameBits(label, B, F));
  PetscCall(MatDestroy(&F));
  PetscCall(MatDestroy(&B));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckNorms(const char *name, Mat A, Mat F)
{
  const NormType types[] = {NORM_1, NORM_FROBENIUS, NORM_INFINITY};

  PetscFunctionBegin;
  for (int k = 0; k < 3; k++) {
    PetscReal a, f;

    PetscCall(MatNorm(A, types[k], &a));
    PetscCall(MatNorm(F, types[k], &f));
    PetscCheck(PetscAbsReal(a - f) <= 1e-14 * a, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "Norm %d of '%s': %g, expected %g", k, name, (double)f,
               (double)a);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckSubMatrix(const char *name, Mat A, Mat F)
{
  IS       rows, columns;
  Mat      B, C;
  PetscInt first, last;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  PetscCall(ISCreateStride(PETSC_COMM_WORLD, (last - first + 1) / 2, first, 2, &rows));
  PetscCall(MatGetOwnershipRangeColumn(A, &first, &last));
  PetscCall(ISCreateStride(PETSC_COMM_WORLD, (last - first + 2) / 3, first, 3, &columns));
  PetscCall(MatCreateSubMatrix(A, rows, columns, MAT_INITIAL_MATRIX, &B));
  PetscCall(MatCreateSubMatrix(F, rows, columns, MAT_INITIAL_MATRIX, &C));
  PetscCall(CheckSameBits(name, B, C));
  PetscCall(MatScale(C, 3));
  PetscCall(MatCreateSubMatrix(F, rows, columns, MAT_REUSE_MATRIX, &C));
  PetscCall(CheckSameBits(name, B, C));
  PetscCall(MatDestroy(&B));
  PetscCall(MatDestroy(&C));
  PetscCall(ISDestroy(&rows));
  PetscCall(ISDestroy(&columns));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Each process permutes its own rows and columns; then rows that belong to others, by way of AIJ */
static PetscErrorCode CheckPermutation(const char *name, Mat A, Mat F)
{
  PetscInt first, last, n, *index;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  PetscCall(MatGetSize(A, &n, NULL));
  PetscCall(PetscMalloc1(last - first, &index));
  for (int global = 0; global < 2; global++) {
    IS  is;
    Mat B, C;

    for (PetscInt i = first; i < last; i++) index[i - first] = global ? n - 1 - i : first + (i + 1 - first) % (last - first);
    PetscCall(ISCreateGeneral(PETSC_COMM_WORLD, last - first, index, PETSC_COPY_VALUES, &is));
    PetscCall(ISSetPermutation(is));
    PetscCall(MatPermute(A, is, is, &B));
    PetscCall(MatPermute(F, is, is, &C));
    PetscCall(CheckSameBits(name, B, C));
    PetscCall(MatDestroy(&B));
    PetscCall(MatDestroy(&C));
    PetscCall(ISDestroy(&is));
  }
  PetscCall(PetscFree(index));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The right-hand side after rows and columns have become zero, named by another process where there is one */
static PetscErrorCode CheckRightHandSide(const char *name, Mat A, ZeroFn zero)
{
  Mat         copy[2];
  Vec         x, b[2];
  PetscInt    n, row[9];
  PetscReal   difference;
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(MatGetSize(A, &n, NULL));
  for (PetscInt k = 0; k < 9; k++) row[k] = (k * k * 5 + 3 * rank) % n;
  PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &copy[0]));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &copy[1]));
  PetscCall(MatCreateVecs(A, &x, NULL));
  PetscCall(FillVec(x, 21));
  for (int k = 0; k < 2; k++) {
    PetscCall(VecDuplicate(x, &b[k]));
    PetscCall(FillVec(b[k], 22));
    PetscCall((*zero)(copy[k], 9, row, -2.5, x, b[k]));
  }
  PetscCall(CheckSameBits(name, copy[0], copy[1]));
  PetscCall(VecAXPY(b[1], -1, b[0]));
  PetscCall(VecNorm(b[1], NORM_INFINITY, &difference));
  PetscCheck(difference <= 1e-12, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "Right-hand side of '%s' is off by %g", name, (double)difference);
  for (int k = 0; k < 2; k++) {
    PetscCall(VecDestroy(&b[k]));
    PetscCall(MatDestroy(&copy[k]));
  }
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What rows share is still shared after a change, and duplicates keep their values; pattern and state of the pattern stay */
static PetscErrorCode CheckCompression(void)
{
  Mat              A, F, G;
  MatInfo          before, after;
  PetscObjectState pattern[2];
  Vec              d;

  PetscFunctionBegin;
  PetscCall(CreateSevenPoint(PETSC_COMM_WORLD, 24, PETSC_TRUE, &A));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  PetscCall(MatDuplicate(F, MAT_COPY_VALUES, &G));
  PetscCall(MatGetInfo(F, MAT_GLOBAL_SUM, &before));
  PetscCall(MatGetNonzeroState(F, &pattern[0]));
  PetscCall(MatCreateVecs(F, NULL, &d));
  PetscCall(VecSet(d, 3));
  PetscCall(MatShift(F, 1));
  PetscCall(MatDiagonalScale(F, d, NULL));
  PetscCall(MatAXPY(F, 2, G, SAME_NONZERO_PATTERN));
  PetscCall(MatGetInfo(F, MAT_GLOBAL_SUM, &after));
  PetscCall(MatGetNonzeroState(F, &pattern[1]));
  PetscCheck(after.memory <= 1.1 * before.memory, PETSC_COMM_WORLD, PETSC_ERR_PLIB,
             "%g bytes after changes that keep rows alike, %g before", after.memory, before.memory);
  PetscCheck(pattern[0] == pattern[1], PETSC_COMM_WORLD, PETSC_ERR_PLIB, "Changes of values count as a new pattern");
  PetscCall(CheckSameBits("a duplicate beside changes", A, G));
  PetscCall(VecDestroy(&d));
  PetscCall(MatDestroy(&A));
  PetscCall(MatDestroy(&F));
  PetscCall(MatDestroy(&G));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckTranspose(const char *name, Mat A, Mat F)
{
  Mat       B, C;
  PetscBool is_furl;

  PetscFunctionBegin;
  PetscCall(MatTranspose(A, MAT_INITIAL_MATRIX, &B));
  PetscCall(MatTranspose(F, MAT_INITIAL_MATRIX, &C));
  PetscCall(PetscObjectTypeCompare((PetscObject)C, "furl", &is_furl));
  PetscCheck(is_furl, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "The transposed matrix is not of type furl");
  PetscCall(CheckSameBits(name, B, C));
  PetscCall(MatTranspose(F, MAT_REUSE_MATRIX, &C));
  PetscCall(CheckSameBits(name, B, C));
  PetscCall(MatDestroy(&B));
  PetscCall(MatDestroy(&C));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckValuesAndEqual(const char *name, Mat A, Mat F)
{
  PetscInt    first, last, ncols;
  PetscScalar a[5], f[5];
  PetscBool   same;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  PetscCall(MatGetSize(A, NULL, &ncols));
  for (PetscInt i = first; i < last; i += 3) {
    const PetscInt column[5] = {i % ncols, (i + 1) % ncols, -1, 0, ncols - 1};

    PetscCall(PetscArrayzero(a, 5));
    PetscCall(PetscArrayzero(f, 5));
    PetscCall(MatGetValues(A, 1, &i, 5, column, a));
    PetscCall(MatGetValues(F, 1, &i, 5, column, f));
    PetscCall(PetscArraycmp(a, f, 5, &same));
    PetscCheck(same, PETSC_COMM_SELF, PETSC_ERR_PLIB, "MatGetValues() of '%s', row %" PetscInt_FMT, name, i);
  }
  PetscCall(MatEqual(F, A, &same));
  PetscCheck(same, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "'%s' is not equal to its furl form", name);
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
    PetscCall(CheckNorms(name, A, F));
    PetscCall(CheckSubMatrix(name, A, F));
    PetscCall(CheckTranspose(name, A, F));
    PetscCall(CheckValuesAndEqual(name, A, F));
    PetscCall(CheckChange(name, "MatScale()", A, Scale));
    PetscCall(CheckChange(name, "MatZeroEntries()", A, Zero));
    PetscCall(CheckChange(name, "MatDiagonalScale()", A, DiagonalScale));
    PetscCall(CheckChange(name, "MatCopy()", A, CopyOver));
    PetscCall(CheckChange(name, "MatTranspose() in place", A, TransposeInPlace));
    if (nrows == ncols) {
      PetscCall(CheckChange(name, "MatShift()", A, Shift));
      PetscCall(CheckChange(name, "MatZeroEntries() and MatShift()", A, ZeroThenShift));
      PetscCall(CheckChange(name, "MatDiagonalSet()", A, DiagonalSet));
      if (which != 2) { /* 3.26.1 reads freed memory where MatZeroRows() meets an empty row of AIJ */
        PetscCall(CheckChange(name, "MatZeroRows()", A, ZeroRows));
        PetscCall(CheckChange(name, "MatZeroRows() with MAT_KEEP_NONZERO_PATTERN", A, ZeroRowsKeep));
      }
      if (which < 2) {
        PetscCall(CheckChange(name, "MatZeroRowsColumns()", A, ZeroRowsColumns));
        PetscCall(CheckPermutation(name, A, F));
        PetscCall(CheckRightHandSide(name, A, MatZeroRows));
        PetscCall(CheckRightHandSide(name, A, MatZeroRowsColumns));
      }
      PetscCall(CheckChange(name, "MatAXPY()", A, Axpy));
    }
    PetscCall(MatDestroy(&F));
    PetscCall(MatDestroy(&A));
  }
  PetscCall(CheckCompression());
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2 3 5}}
    timeoutfactor: 3

TEST*/
