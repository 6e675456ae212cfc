/*
  Operations by decoding: PETSc's own, applied to the same values as AIJ. Those that read leave the matrix as it is; those that change
  values encode the result.
*/
#include "rewrite.h"

#define BY_DECODING(Operation, parameters, arguments)    \
  static PetscErrorCode Operation##_Furl parameters      \
  {                                                      \
    Mat aij;                                             \
                                                         \
    PetscFunctionBegin;                                  \
    PetscCall(FurlDecodedGet(A, #Operation "()", &aij)); \
    PetscCall(Operation arguments);                      \
    PetscCall(FurlDecodedRestore(A, &aij));              \
    PetscFunctionReturn(PETSC_SUCCESS);                  \
  }

BY_DECODING(MatIncreaseOverlap, (Mat A, PetscInt n, IS is[], PetscInt overlap), (aij, n, is, overlap))
BY_DECODING(MatCreateSubMatrices, (Mat A, PetscInt n, const IS rows[], const IS columns[], MatReuse reuse, Mat *B[]),
            (aij, n, rows, columns, reuse, B))
BY_DECODING(MatGetMultiProcBlock, (Mat A, MPI_Comm comm, MatReuse reuse, Mat *B), (aij, comm, reuse, B))
BY_DECODING(MatGetRowMax, (Mat A, Vec v, PetscInt column[]), (aij, v, column))
BY_DECODING(MatGetRowMaxAbs, (Mat A, Vec v, PetscInt column[]), (aij, v, column))
BY_DECODING(MatGetRowMin, (Mat A, Vec v, PetscInt column[]), (aij, v, column))
BY_DECODING(MatGetRowMinAbs, (Mat A, Vec v, PetscInt column[]), (aij, v, column))
BY_DECODING(MatGetColumnReductions, (Mat A, PetscInt type, PetscReal reductions[]), (aij, type, reductions))
BY_DECODING(MatFindZeroDiagonals, (Mat A, IS *rows), (aij, rows))
BY_DECODING(MatFindNonzeroRows, (Mat A, IS *rows), (aij, rows))
BY_DECODING(MatFindOffBlockDiagonalEntries, (Mat A, IS *rows), (aij, rows))
BY_DECODING(MatIsSymmetric, (Mat A, PetscReal tolerance, PetscBool *yes), (aij, tolerance, yes))
BY_DECODING(MatIsHermitian, (Mat A, PetscReal tolerance, PetscBool *yes), (aij, tolerance, yes))
BY_DECODING(MatIsStructurallySymmetric, (Mat A, PetscBool *yes), (aij, yes))
BY_DECODING(MatGetSeqNonzeroStructure, (Mat A, Mat *B), (aij, B))
BY_DECODING(MatCreateGraph, FURL_CREATEGRAPH_PARAMETERS, FURL_CREATEGRAPH_ARGUMENTS)

/* furl where each process picks its own rows and columns, else AIJ */
static PetscErrorCode MatCreateSubMatrix_Furl(Mat A, IS rows, IS columns, MatReuse reuse, Mat *B)
{
  PetscBool done;
  Mat       aij;

  PetscFunctionBegin;
  PetscCall(FurlSelect(A, rows, columns, reuse, B, &done));
  if (done) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlDecodedGet(A, "MatCreateSubMatrix()", &aij));
  PetscCall(MatCreateSubMatrix(aij, rows, columns, reuse, B));
  PetscCall(FurlDecodedRestore(A, &aij));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatPermute_Furl(Mat A, IS rows, IS columns, Mat *B)
{
  PetscBool done;
  Mat       aij;

  PetscFunctionBegin;
  PetscCall(FurlSelect(A, rows, columns, MAT_INITIAL_MATRIX, B, &done));
  if (done) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlDecodedGet(A, "MatPermute()", &aij));
  PetscCall(MatPermute(aij, rows, columns, B));
  PetscCall(FurlDecodedRestore(A, &aij));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* In every iteration, so that the decoded matrix is kept */
static PetscErrorCode MatSOR_Furl(Mat A, Vec b, PetscReal omega, MatSORType flag, PetscReal shift, PetscInt its, PetscInt lits, Vec x)
{
  Mat aij;

  PetscFunctionBegin;
  PetscCall(FurlDecodedKeep(A, "MatSOR(), and until the values change,", &aij));
  PetscCall(MatSOR(aij, b, omega, flag, shift, its, lits, x));
  PetscCall(FurlDecodedRestore(A, &aij));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The result belongs to the decoded matrix */
static PetscErrorCode MatInvertBlockDiagonal_Furl(Mat A, const PetscScalar **values)
{
  Mat aij;

  PetscFunctionBegin;
  PetscCall(FurlDecodedKeep(A, "MatInvertBlockDiagonal(), and until the values change,", &aij));
  PetscCall(MatInvertBlockDiagonal(aij, values));
  PetscCall(FurlDecodedRestore(A, &aij));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The pattern by rows or columns, which belongs to the decoded matrix */
#define LEND_PATTERN(Get, Restore)                                                                                                      \
  static PetscErrorCode Get##_Furl(Mat A, PetscInt shift, PetscBool symmetric, PetscBool compressed, PetscInt *n, const PetscInt *ia[], \
                                   const PetscInt *ja[], PetscBool *done)                                                               \
  {                                                                                                                                     \
    Mat aij;                                                                                                                            \
                                                                                                                                        \
    PetscFunctionBegin;                                                                                                                 \
    PetscCall(FurlDecodedGet(A, #Get "()", &aij));                                                                                      \
    PetscCall(Get(aij, shift, symmetric, compressed, n, ia, ja, done));                                                                 \
    if (!*done) PetscCall(FurlDecodedRestore(A, &aij));                                                                                 \
    PetscFunctionReturn(PETSC_SUCCESS);                                                                                                 \
  }                                                                                                                                     \
                                                                                                                                        \
  static PetscErrorCode Restore##_Furl(Mat A, PetscInt shift, PetscBool symmetric, PetscBool compressed, PetscInt *n,                   \
                                       const PetscInt *ia[], const PetscInt *ja[], PetscBool *done)                                     \
  {                                                                                                                                     \
    Mat aij = ((Mat_Furl *)A->data)->decoded;                                                                                           \
                                                                                                                                        \
    PetscFunctionBegin;                                                                                                                 \
    if (!aij) PetscFunctionReturn(PETSC_SUCCESS);                                                                                       \
    PetscCall(Restore(aij, shift, symmetric, compressed, n, ia, ja, done));                                                             \
    PetscCall(FurlDecodedRestore(A, &aij));                                                                                             \
    PetscFunctionReturn(PETSC_SUCCESS);                                                                                                 \
  }

LEND_PATTERN(MatGetRowIJ, MatRestoreRowIJ)
LEND_PATTERN(MatGetColumnIJ, MatRestoreColumnIJ)

static PetscErrorCode MatEqual_Furl(Mat A, Mat B, PetscBool *equal)
{
  Mat aij, other;

  PetscFunctionBegin;
  PetscCall(FurlDecodedGet(A, "MatEqual()", &aij));
  PetscCall(MatConvert(B, MATAIJ, MAT_INITIAL_MATRIX, &other));
  PetscCall(MatEqual(aij, other, equal));
  PetscCall(MatDestroy(&other));
  PetscCall(FurlDecodedRestore(A, &aij));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows of this process only, so not collective */
static PetscErrorCode MatGetValues_Furl(Mat A, PetscInt m, const PetscInt row[], PetscInt n, const PetscInt column[], PetscScalar value[])
{
  PetscInt    *j, count, at;
  PetscScalar *v;

  PetscFunctionBegin;
  for (PetscInt r = 0; r < m; r++) {
    if (row[r] < 0) continue;
    PetscCall(MatGetRow_Furl(A, row[r], &count, &j, &v));
    for (PetscInt k = 0; k < n; k++) {
      if (column[k] < 0) continue;
      PetscCall(PetscFindInt(column[k], count, j, &at));
      value[r * n + k] = at < 0 ? 0 : v[at];
    }
    PetscCall(MatRestoreRow_Furl(A, row[r], &count, &j, &v));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatGetGhosts_Furl(Mat A, PetscInt *n, const PetscInt *ghosts[])
{
  const FurlMatrix *const m = &((Mat_Furl *)A->data)->encoded->matrix;

  PetscFunctionBegin;
  if (n) *n = m->nghost;
  if (ghosts) *ghosts = m->ghost;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Compressed as the matrix is */
static PetscErrorCode MatTranspose_Furl(Mat A, MatReuse reuse, Mat *B)
{
  Mat aij, T;

  PetscFunctionBegin;
  PetscCall(FurlDecodedGet(A, "MatTranspose()", &aij));
  PetscCall(MatTranspose(aij, MAT_INITIAL_MATRIX, &T));
  PetscCall(FurlDecodedRestore(A, &aij));
  if (reuse == MAT_REUSE_MATRIX) {
    PetscCall(MatConvert(T, MATFURL, MAT_REUSE_MATRIX, B));
    PetscCall(MatDestroy(&T));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(MatConvert(T, MATFURL, MAT_INPLACE_MATRIX, &T));
  if (reuse == MAT_INPLACE_MATRIX) {
    PetscCall(FurlKeepName(A, T));
    T->nonzerostate += A->nonzerostate + 1;
    PetscCall(MatHeaderReplace(A, &T));
  } else {
    *B = T;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

#define BY_CHANGING(Operation, parameters, arguments)        \
  static PetscErrorCode Operation##_Furl parameters          \
  {                                                          \
    FurlChange change;                                       \
                                                             \
    PetscFunctionBegin;                                      \
    PetscCall(FurlChangeBegin(A, #Operation "()", &change)); \
    PetscCall(Operation arguments);                          \
    PetscCall(FurlChangeEnd(A, &change));                    \
    PetscFunctionReturn(PETSC_SUCCESS);                      \
  }

BY_CHANGING(MatSetRandom, (Mat A, PetscRandom random), (change.aij, random))

/* Between two of this type the encoded values are shared */
static PetscErrorCode MatCopy_Furl(Mat A, Mat B, MatStructure structure)
{
  Mat_Furl *const f = A->data;
  PetscBool       is_furl;
  Mat             aij;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)B, MATFURL, &is_furl));
  if (is_furl && ((Mat_Furl *)B->data)->values == f->values) {
    f->encoded->references++;
    PetscCall(FurlSetEncoded(B, f->encoded));
    if (structure != SAME_NONZERO_PATTERN) B->nonzerostate++;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(FurlDecodedGet(A, "MatCopy()", &aij));
  if (is_furl)
    PetscCall(MatConvert(aij, MATFURL, MAT_REUSE_MATRIX, &B));
  else
    PetscCall(MatCopy(aij, B, structure));
  PetscCall(FurlDecodedRestore(A, &aij));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Not collective: from this process's rows alone */
static PetscErrorCode MatGetDiagonalBlock_Furl(Mat A, Mat *block)
{
  Mat_Furl *const f = A->data;

  PetscFunctionBegin;
  if (!f->block) {
    PetscCall(PetscInfo(A, "The diagonal block is decoded to seqaij and kept until the values change\n"));
    PetscCall(FurlDecodeBlock(A, &f->block));
    PetscCall(MatPropagateSymmetryOptions(A, f->block));
  }
  *block = f->block;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlInstallDecoding(Mat A)
{
  const MatOps ops = A->ops;

  PetscFunctionBegin;
  ops->norm                        = MatNorm_Furl;
  ops->increaseoverlap             = MatIncreaseOverlap_Furl;
  ops->createsubmatrix             = MatCreateSubMatrix_Furl;
  ops->createsubmatrices           = MatCreateSubMatrices_Furl;
  ops->getmultiprocblock           = MatGetMultiProcBlock_Furl;
  ops->permute                     = MatPermute_Furl;
  ops->getrowmax                   = MatGetRowMax_Furl;
  ops->getrowmaxabs                = MatGetRowMaxAbs_Furl;
  ops->getrowmin                   = MatGetRowMin_Furl;
  ops->getrowminabs                = MatGetRowMinAbs_Furl;
  ops->getcolumnreductions         = MatGetColumnReductions_Furl;
  ops->findzerodiagonals           = MatFindZeroDiagonals_Furl;
  ops->findnonzerorows             = MatFindNonzeroRows_Furl;
  ops->findoffblockdiagonalentries = MatFindOffBlockDiagonalEntries_Furl;
  ops->issymmetric                 = MatIsSymmetric_Furl;
  ops->ishermitian                 = MatIsHermitian_Furl;
  ops->isstructurallysymmetric     = MatIsStructurallySymmetric_Furl;
  ops->getseqnonzerostructure      = MatGetSeqNonzeroStructure_Furl;
  ops->creategraph                 = MatCreateGraph_Furl;
  ops->sor                         = MatSOR_Furl;
  ops->invertblockdiagonal         = MatInvertBlockDiagonal_Furl;
  ops->getrowij                    = MatGetRowIJ_Furl;
  ops->restorerowij                = MatRestoreRowIJ_Furl;
  ops->getcolumnij                 = MatGetColumnIJ_Furl;
  ops->restorecolumnij             = MatRestoreColumnIJ_Furl;
  ops->equal                       = MatEqual_Furl;
  ops->getvalues                   = MatGetValues_Furl;
  ops->getghosts                   = MatGetGhosts_Furl;
  ops->transpose                   = MatTranspose_Furl;
  ops->setrandom                   = MatSetRandom_Furl;
  ops->copy                        = MatCopy_Furl;
  ops->getdiagonalblock            = MatGetDiagonalBlock_Furl;
  PetscFunctionReturn(PETSC_SUCCESS);
}
