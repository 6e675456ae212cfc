/* To and from other types, row by row and as a whole */
#include "matfurl.h"

/* The row of the off-process part that holds row i, or -1 */
static PetscInt BoundaryRow(const FurlMatrix *m, PetscInt i)
{
  const PetscInt at = FurlFindSlice(m->nboundary, m->boundary, i / FURL_WIDTH);

  return at < 0 ? -1 : at * FURL_WIDTH + i % FURL_WIDTH;
}

/* Off-process entries of a row, global columns; `below`: how many of them come before the columns of this process */
static PetscInt DecodeGhosts(const FurlMatrix *m, PetscInt i, PetscInt first_column, PetscInt *below, PetscInt *column, PetscScalar *value)
{
  const FurlSlicesView view = FurlSlicesGetView(&m->offdiagonal);
  const PetscInt       row  = BoundaryRow(m, i);
  PetscInt             n    = 0;

  if (row >= 0) n = (PetscInt)FurlSlicesDecodeRow(&view, row, column, value);
  *below = 0;
  for (PetscInt k = 0; column && k < n; k++) {
    column[k] = m->ghost[column[k]];
    *below += column[k] < first_column;
  }
  return n;
}

PetscInt FurlMatrixDecodeRow(const FurlMatrix *m, PetscInt first_column, PetscInt i, PetscInt *column, PetscScalar *value)
{
  const FurlSlicesView view = FurlSlicesGetView(&m->diagonal);
  PetscInt             below, nghost, ndiagonal;

  nghost = DecodeGhosts(m, i, first_column, &below, column, value);
  if (!column) return nghost + (PetscInt)FurlSlicesDecodeRow(&view, i, NULL, NULL);
  if (nghost) { /* the number first: ghosts with higher columns make room */
    ndiagonal = (PetscInt)FurlSlicesDecodeRow(&view, i, NULL, NULL);
    memmove(column + below + ndiagonal, column + below, (size_t)(nghost - below) * sizeof(*column));
    memmove(value + below + ndiagonal, value + below, (size_t)(nghost - below) * sizeof(*value));
  }
  ndiagonal = (PetscInt)FurlSlicesDecodeRow(&view, i, column + below, value + below);
  for (PetscInt k = 0; k < ndiagonal; k++) column[below + k] += first_column;
  return ndiagonal + nghost;
}

/* Local row i, global columns in ascending order; with NULL only their number */
PetscErrorCode FurlDecodeRow(Mat F, PetscInt i, PetscInt *n, PetscInt *column, PetscScalar *value)
{
  PetscFunctionBegin;
  *n = FurlMatrixDecodeRow(&((Mat_Furl *)F->data)->encoded->matrix, F->cmap->rstart, i, column, value);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode MatGetRow_Furl(Mat A, PetscInt row, PetscInt *n, PetscInt **column, PetscScalar **value)
{
  Mat_Furl *const f = A->data;
  PetscInt        count;

  PetscFunctionBegin;
  PetscCheck(!f->row_active, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONGSTATE,
             "One row at a time: call MatRestoreRow() before the next MatGetRow(), that of row %" PetscInt_FMT, row);
  PetscCheck(row >= A->rmap->rstart && row < A->rmap->rend, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
             "Row %" PetscInt_FMT " is not one of this process's, %" PetscInt_FMT " to %" PetscInt_FMT, row, A->rmap->rstart,
             A->rmap->rend - 1);
  if (!f->row_column) PetscCall(PetscMalloc2(f->encoded->longest_row, &f->row_column, f->encoded->longest_row, &f->row_value));
  PetscCall(FurlDecodeRow(A, row - A->rmap->rstart, &count, f->row_column, f->row_value));
  f->row_active = PETSC_TRUE;
  if (n) *n = count;
  if (column) *column = count ? f->row_column : NULL;
  if (value) *value = count ? f->row_value : NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode MatRestoreRow_Furl(Mat A, PetscInt row, PetscInt *n, PetscInt **column, PetscScalar **value)
{
  PetscFunctionBegin;
  ((Mat_Furl *)A->data)->row_active = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An AIJ matrix (`type`: aij, seqaij or mpiaij) of the same values */
PetscErrorCode FurlDecode(Mat F, MatType type, Mat *aij)
{
  Mat_Furl *const f     = F->data;
  const PetscInt  nrows = F->rmap->n;
  PetscInt       *rowptr, *column, n;
  PetscScalar    *value;

  PetscFunctionBegin;
  PetscCheck(f->encoded, PetscObjectComm((PetscObject)F), PETSC_ERR_ARG_WRONGSTATE, "The matrix holds no values; assemble it first");
  PetscCall(PetscMalloc1(nrows + 1, &rowptr));
  rowptr[0] = 0;
  for (PetscInt i = 0; i < nrows; i++) {
    PetscCall(FurlDecodeRow(F, i, &n, NULL, NULL));
    rowptr[i + 1] = rowptr[i] + n;
  }
  PetscCall(PetscMalloc2(rowptr[nrows], &column, rowptr[nrows], &value));
  for (PetscInt i = 0; i < nrows; i++) PetscCall(FurlDecodeRow(F, i, &n, column + rowptr[i], value + rowptr[i]));
  PetscCall(MatCreate(PetscObjectComm((PetscObject)F), aij));
  PetscCall(MatSetSizes(*aij, F->rmap->n, F->cmap->n, F->rmap->N, F->cmap->N));
  PetscCall(MatSetBlockSizesFromMats(*aij, F, F));
  PetscCall(MatSetType(*aij, type));
  PetscCall(MatSeqAIJSetPreallocationCSR(*aij, rowptr, column, value));
  PetscCall(MatMPIAIJSetPreallocationCSR(*aij, rowptr, column, value));
  PetscCall(PetscFree2(column, value));
  PetscCall(PetscFree(rowptr));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlDecodeBlock(Mat F, Mat *block)
{
  Mat_Furl *const      f     = F->data;
  const FurlSlicesView view  = FurlSlicesGetView(&f->encoded->matrix.diagonal);
  const PetscInt       nrows = F->rmap->n, nnz = (PetscInt)f->encoded->matrix.diagonal.nnz;
  PetscInt            *rowptr, *column;
  PetscScalar         *value;

  PetscFunctionBegin;
  PetscCall(PetscMalloc3(nrows + 1, &rowptr, nnz, &column, nnz, &value));
  rowptr[0] = 0;
  for (PetscInt i = 0; i < nrows; i++)
    rowptr[i + 1] = rowptr[i] + (PetscInt)FurlSlicesDecodeRow(&view, i, column + rowptr[i], value + rowptr[i]);
  PetscCall(MatCreate(PETSC_COMM_SELF, block));
  PetscCall(MatSetSizes(*block, nrows, F->cmap->n, nrows, F->cmap->n));
  PetscCall(MatSetBlockSizesFromMats(*block, F, F));
  PetscCall(MatSetType(*block, MATSEQAIJ));
  PetscCall(MatSeqAIJSetPreallocationCSR(*block, rowptr, column, value));
  PetscCall(PetscFree3(rowptr, column, value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same matrix as AIJ: itself, or a conversion; the caller destroys it */
static PetscErrorCode GetAij(Mat A, Mat *aij)
{
  PetscBool is_aij;

  PetscFunctionBegin;
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)A, &is_aij, MATSEQAIJ, MATMPIAIJ, ""));
  if (is_aij) {
    *aij = A;
    PetscCall(PetscObjectReference((PetscObject)A));
  } else {
    PetscCall(MatConvert(A, MATAIJ, MAT_INITIAL_MATRIX, aij));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A furl matrix of A's shape that answers to A's options, without values */
static PetscErrorCode CreateLike(Mat A, Mat *F)
{
  const char *prefix;

  PetscFunctionBegin;
  PetscCall(MatCreate(PetscObjectComm((PetscObject)A), F));
  PetscCall(MatSetSizes(*F, A->rmap->n, A->cmap->n, A->rmap->N, A->cmap->N));
  PetscCall(MatSetBlockSizesFromMats(*F, A, A));
  PetscCall(MatSetType(*F, MATFURL));
  PetscCall(PetscLayoutSetUp((*F)->rmap));
  PetscCall(PetscLayoutSetUp((*F)->cmap));
  PetscCall(MatGetOptionsPrefix(A, &prefix));
  PetscCall(MatSetOptionsPrefix(*F, prefix));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Name and prefix, for a matrix that takes another's place */
PetscErrorCode FurlKeepName(Mat A, Mat F)
{
  const char *prefix;

  PetscFunctionBegin;
  PetscCall(MatGetOptionsPrefix(A, &prefix));
  PetscCall(MatSetOptionsPrefix(F, prefix));
  if (((PetscObject)A)->name) PetscCall(PetscObjectSetName((PetscObject)F, ((PetscObject)A)->name));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What belongs to the matrix and not to its type, for a conversion in place */
static PetscErrorCode KeepIdentity(Mat A, Mat F)
{
  MatNullSpace sp;

  PetscFunctionBegin;
  PetscCall(FurlKeepName(A, F));
  PetscCall(MatGetNullSpace(A, &sp));
  if (sp) PetscCall(MatSetNullSpace(F, sp));
  PetscCall(MatGetTransposeNullSpace(A, &sp));
  if (sp) PetscCall(MatSetTransposeNullSpace(F, sp));
  PetscCall(MatGetNearNullSpace(A, &sp));
  if (sp) PetscCall(MatSetNearNullSpace(F, sp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The pattern counts as new unless A has already given it */
static PetscErrorCode NotePattern(Mat A, Mat F)
{
  Mat_Furl *const  f = F->data;
  PetscObjectId    source;
  PetscObjectState pattern;

  PetscFunctionBegin;
  PetscCall(PetscObjectGetId((PetscObject)A, &source));
  PetscCall(MatGetNonzeroState(A, &pattern));
  if (source != f->source || pattern != f->source_pattern || F->nonzerostate != f->own_pattern) F->nonzerostate++;
  f->source         = source;
  f->source_pattern = pattern;
  f->own_pattern    = F->nonzerostate;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Makes F hold the values of aij; where its own are nobody else's their memory is used again, and their encoding is a guess for the new */
static PetscErrorCode TakeValues(Mat aij, Mat F)
{
  Mat_Furl *const f       = F->data;
  FurlEncoded    *encoded = f->encoded;

  PetscFunctionBegin;
  if (encoded && encoded->references == 1) {
    f->encoded   = NULL;
    F->assembled = PETSC_FALSE; /* an error must not leave half of the values */
    PetscCall(FurlEncodedUpdate(aij, f->values, encoded));
  } else
    PetscCall(FurlEncodedCreate(aij, f->values, &encoded));
  PetscCall(FurlSetEncoded(F, encoded));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode MatConvertFrom_Furl(Mat A, MatType type, MatReuse reuse, Mat *F)
{
  Mat aij, B;

  PetscFunctionBegin;
  if (reuse == MAT_REUSE_MATRIX) {
    B = *F;
    PetscCheck(A->rmap->n == B->rmap->n && A->cmap->n == B->cmap->n, PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ,
               "%" PetscInt_FMT " x %" PetscInt_FMT " local rows and columns do not fit the %" PetscInt_FMT " x %" PetscInt_FMT
               " of the matrix to use again; convert with MAT_INITIAL_MATRIX",
               A->rmap->n, A->cmap->n, B->rmap->n, B->cmap->n);
  } else {
    PetscCall(CreateLike(A, &B));
    PetscCall(FurlReadOptions(B));
  }
  PetscCall(GetAij(A, &aij));
  PetscCall(NotePattern(A, B));
  PetscCall(TakeValues(aij, B));
  PetscCall(MatDestroy(&aij));
  if (reuse == MAT_INPLACE_MATRIX) {
    PetscCall(KeepIdentity(A, B));
    PetscCall(MatHeaderReplace(A, &B));
  } else {
    *F = B;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode IsPlainAij(MatType type, PetscBool *yes)
{
  const MatType plain[] = {MATAIJ, MATSEQAIJ, MATMPIAIJ};
  PetscBool     same;

  PetscFunctionBegin;
  *yes = PETSC_FALSE;
  for (int k = 0; k < 3; k++) {
    PetscCall(PetscStrcmp(type, plain[k], &same));
    if (same) *yes = PETSC_TRUE;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode MatConvert_Furl(Mat F, MatType type, MatReuse reuse, Mat *A)
{
  PetscBool is_aij;
  Mat       B;

  PetscFunctionBegin;
  PetscCall(IsPlainAij(type, &is_aij));
  PetscCall(FurlDecode(F, is_aij ? type : MATAIJ, &B));
  if (!is_aij) PetscCall(MatConvert(B, type, MAT_INPLACE_MATRIX, &B));
  if (reuse == MAT_INITIAL_MATRIX) {
    *A = B;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  /* not MatCopy(), which adds to zero where patterns differ and so loses the sign of -0.0 */
  PetscCall(KeepIdentity(*A, B));
  B->nonzerostate += (*A)->nonzerostate + 1;
  PetscCall(MatHeaderReplace(*A, &B));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Encoded values that are shared are never changed */
PetscErrorCode MatDuplicate_Furl(Mat A, MatDuplicateOption option, Mat *B)
{
  Mat_Furl *const f = A->data;
  Mat_Furl       *g;

  PetscFunctionBegin;
  PetscCall(CreateLike(A, B));
  PetscCall(PetscLayoutReference(A->rmap, &(*B)->rmap));
  PetscCall(PetscLayoutReference(A->cmap, &(*B)->cmap));
  g         = (*B)->data;
  g->values = f->values;
  g->read   = f->read;
  g->window = f->window;
  f->encoded->references++;
  PetscCall(FurlSetEncoded(*B, f->encoded));
  if (option == MAT_DO_NOT_COPY_VALUES) PetscCall(MatZeroEntries(*B));
  PetscFunctionReturn(PETSC_SUCCESS);
}
