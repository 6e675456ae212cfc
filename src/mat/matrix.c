/* Encodes this process's rows of an AIJ matrix */
#include <petsc/private/vecimpl.h> /* PetscLayout */
#include <furl/compat.h>
#include <furl/events.h>
#include <furl/fingerprint.h>
#include <furl/matrix.h>

static PetscErrorCode GetCsr(Mat A, FurlCsr *csr)
{
  PetscInt           nrows, ncols;
  PetscBool          done;
  const PetscScalar *value;
  MatType            type;

  PetscFunctionBegin;
  PetscCall(MatGetType(A, &type));
  PetscCall(MatGetLocalSize(A, NULL, &ncols));
  PetscCall(MatGetRowIJ(A, 0, PETSC_FALSE, PETSC_FALSE, &nrows, &csr->rowptr, &csr->column, &done));
  PetscCheck(done, PetscObjectComm((PetscObject)A), PETSC_ERR_SUP, "Matrix type %s does not give its rows and columns; convert it to aij",
             type);
  PetscCall(MatSeqAIJGetArrayRead(A, &value));
  csr->value = value;
  csr->nrows = nrows;
  csr->ncols = ncols;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RestoreCsr(Mat A, FurlCsr *csr)
{
  PetscInt           nrows;
  PetscBool          done;
  const PetscScalar *value = csr->value;

  PetscFunctionBegin;
  PetscCall(MatSeqAIJRestoreArrayRead(A, &value));
  PetscCall(MatRestoreRowIJ(A, 0, PETSC_FALSE, PETSC_FALSE, &nrows, &csr->rowptr, &csr->column, &done));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlAijGetParts(Mat aij, FurlAijParts *parts)
{
  PetscBool parallel;

  PetscFunctionBegin;
  *parts = (FurlAijParts){.diagonal_mat = aij};
  PetscCall(PetscObjectBaseTypeCompare((PetscObject)aij, MATMPIAIJ, &parallel));
  if (parallel) PetscCall(MatMPIAIJGetSeqAIJ(aij, &parts->diagonal_mat, &parts->offdiagonal_mat, &parts->ghost));
  PetscCall(GetCsr(parts->diagonal_mat, &parts->diagonal));
  if (parallel) PetscCall(GetCsr(parts->offdiagonal_mat, &parts->offdiagonal));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlAijRestoreParts(Mat aij, FurlAijParts *parts)
{
  PetscFunctionBegin;
  PetscCall(RestoreCsr(parts->diagonal_mat, &parts->diagonal));
  if (parts->offdiagonal_mat) PetscCall(RestoreCsr(parts->offdiagonal_mat, &parts->offdiagonal));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The first row whose columns do not ascend */
static int64_t FindDisorder(const FurlCsr *csr)
{
  for (int64_t i = 0; i < csr->nrows; i++)
    for (PetscInt k = csr->rowptr[i] + 1; k < csr->rowptr[i + 1]; k++)
      if (csr->column[k - 1] >= csr->column[k]) return i;
  return -1;
}

static PetscErrorCode CheckEncode(FurlEncodeStatus status, const FurlCsr *csr)
{
  PetscFunctionBegin;
  PetscCheck(status != FURL_ENCODE_MEMORY, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory to compress %" PRId64 " rows", csr->nrows);
  PetscCheck(status != FURL_ENCODE_TOO_LARGE, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
             "%" PRId64 " rows and %" PRId64 " columns on one process; a process can hold 2^31 - 2 of each: use more processes", csr->nrows,
             csr->ncols);
  PetscCheck(status != FURL_ENCODE_ORDER, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG,
             "The columns of local row %" PRId64 " are not in ascending order without repetition; sort the arrays given to PETSc",
             FindDisorder(csr));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlMatrixListSlices(PetscInt n, const int32_t *boundary, FurlMatrix *matrix)
{
  const PetscInt nslices = (PetscInt)matrix->diagonal.nslices;
  int32_t       *with, *without;
  PetscInt       next = 0;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(nslices, &without, nslices, &with));
  PetscCall(PetscArraycpy(with, boundary, n));
  PetscCall(PetscFree2(matrix->interior, matrix->boundary));
  matrix->ninterior = 0;
  matrix->nboundary = n;
  matrix->interior  = without;
  matrix->boundary  = with;
  for (PetscInt s = 0; s < nslices; s++)
    if (next < n && with[next] == s)
      next++;
    else
      without[matrix->ninterior++] = (int32_t)s;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Splits the slices into those without and those with off-process entries */
static PetscErrorCode ListSlices(const FurlCsr *offdiagonal, FurlMatrix *matrix)
{
  const int64_t nslices = matrix->diagonal.nslices;
  int32_t      *boundary;
  PetscInt      n = 0;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(nslices, &boundary));
  for (int64_t s = 0; s < nslices; s++) {
    const int64_t end = PetscMin((s + 1) * FURL_WIDTH, offdiagonal->nrows);

    if (offdiagonal->rowptr[end] > offdiagonal->rowptr[s * FURL_WIDTH]) boundary[n++] = (int32_t)s;
  }
  PetscCall(FurlMatrixListSlices(n, boundary, matrix));
  PetscCall(PetscFree(boundary));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The off-process entries of the boundary slices, their rows numbered in the order of the list */
static PetscErrorCode EncodeBoundary(const FurlCsr *all, const FurlEncoding *encoding, const double *ghost_scale, FurlMatrix *matrix)
{
  const PetscInt nrows = FURL_WIDTH * matrix->nboundary;
  FurlEncoding   own   = *encoding;
  FurlCsr        csr   = {.nrows = nrows, .ncols = all->ncols, .column = all->column, .value = all->value};
  PetscInt      *rowptr, *column, nnz = 0;
  double        *value, *row_scale;

  PetscFunctionBegin;
  PetscCall(PetscMalloc4(nrows + 1, &rowptr, all->rowptr[all->nrows], &column, all->rowptr[all->nrows], &value, nrows, &row_scale));
  for (PetscInt r = 0; r < nrows; r++) {
    const int64_t i = (int64_t)matrix->boundary[r / FURL_WIDTH] * FURL_WIDTH + r % FURL_WIDTH;

    rowptr[r]    = nnz;
    row_scale[r] = encoding->row_scale && i < all->nrows ? encoding->row_scale[i] : 1;
    for (PetscInt k = i < all->nrows ? all->rowptr[i] : 0; i < all->nrows && k < all->rowptr[i + 1]; k++, nnz++) {
      column[nnz] = all->column[k];
      value[nnz]  = all->value[k];
    }
  }
  rowptr[nrows]     = nnz;
  csr.rowptr        = rowptr;
  csr.column        = column;
  csr.value         = value;
  own.skip_diagonal = 0;
  own.describe      = 0;
  own.row_scale     = row_scale;
  own.column_scale  = ghost_scale;
  PetscCall(CheckEncode(FurlSlicesReencode(&csr, &own, &matrix->offdiagonal), &csr));
  PetscCall(PetscFree4(rowptr, column, value, row_scale));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlAijFingerprintBoundary(Mat aij, const FurlAijParts *parts, uint64_t *sum)
{
  const FurlCsr *const csr = &parts->offdiagonal;
  PetscInt             first;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(aij, &first, NULL));
  for (int64_t i = 0; i < csr->nrows; i++)
    for (PetscInt k = csr->rowptr[i]; k < csr->rowptr[i + 1]; k++)
      *sum += FurlFingerprint(first + i, parts->ghost[csr->column[k]], csr->value[k]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlMatrixCreateHalo(PetscLayout columns, FurlMatrix *matrix)
{
  PetscInt most = matrix->nghost;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &most, 1, MPIU_INT, MPI_MAX, columns->comm));
  if (!most) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscSFCreate(columns->comm, &matrix->halo));
  PetscCall(PetscSFSetGraphLayout(matrix->halo, columns, matrix->nghost, NULL, PETSC_OWN_POINTER, matrix->ghost));
  PetscCall(PetscSFSetUp(matrix->halo));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateHalo(Mat aij, const FurlAijParts *parts, FurlMatrix *matrix)
{
  PetscLayout columns;

  PetscFunctionBegin;
  matrix->nghost = (PetscInt)parts->offdiagonal.ncols;
  PetscCall(PetscMalloc1(matrix->nghost, &matrix->ghost));
  PetscCall(PetscArraycpy(matrix->ghost, parts->ghost, matrix->nghost));
  PetscCall(MatGetLayouts(aij, NULL, &columns));
  PetscCall(FurlMatrixCreateHalo(columns, matrix));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All but the halo, in the memory that the matrix has. *ordered is false, and nothing encoded, where a sequential matrix has columns that
 * do not ascend; a parallel one cannot have them */
static PetscErrorCode EncodeParts(Mat aij, const FurlAijParts *parts, const FurlEncoding *encoding, FurlMatrix *matrix, PetscBool *ordered)
{
  FurlEncodeStatus status;
  double          *ghost_scale = NULL;

  PetscFunctionBegin;
  matrix->fingerprint = 0;
  status              = FurlSlicesReencode(&parts->diagonal, encoding, &matrix->diagonal);
  *ordered            = (PetscBool)(status != FURL_ENCODE_ORDER || matrix->halo);
  if (!*ordered) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(CheckEncode(status, &parts->diagonal));
  matrix->ninterior = (PetscInt)matrix->diagonal.nslices;
  if (!matrix->halo) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ListSlices(&parts->offdiagonal, matrix));
  if (encoding->column_scale) {
    PetscCall(PetscMalloc1(matrix->nghost, &ghost_scale));
    PetscCall(FurlHaloBegin(matrix, MPI_DOUBLE, encoding->column_scale, ghost_scale));
    PetscCall(FurlHaloEnd(matrix, MPI_DOUBLE, encoding->column_scale, ghost_scale));
  }
  PetscCall(EncodeBoundary(&parts->offdiagonal, encoding, ghost_scale, matrix));
  if (encoding->describe) PetscCall(FurlAijFingerprintBoundary(aij, parts, &matrix->fingerprint));
  PetscCall(PetscFree(ghost_scale));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A copy with sorted rows, as MatCreateSeqAIJWithArrays() does not insist on them; entries that occur twice are added, as in products */
static PetscErrorCode CopySorted(Mat A, Mat *sorted)
{
  PetscInt           m, n, ncols, longest = 0;
  const PetscInt    *column;
  const PetscScalar *value;

  PetscFunctionBegin;
  PetscCall(PetscInfo(A, "The columns of its rows are not in ascending order: a sorted copy is encoded\n"));
  PetscCall(MatGetSize(A, &m, &n));
  for (PetscInt i = 0; i < m; i++) {
    PetscCall(MatGetRow(A, i, &ncols, NULL, NULL));
    longest = PetscMax(longest, ncols);
    PetscCall(MatRestoreRow(A, i, &ncols, NULL, NULL));
  }
  PetscCall(MatCreateSeqAIJ(PetscObjectComm((PetscObject)A), m, n, longest, NULL, sorted));
  for (PetscInt i = 0; i < m; i++) {
    PetscCall(MatGetRow(A, i, &ncols, &column, &value));
    PetscCall(MatSetValues(*sorted, 1, &i, ncols, column, value, ADD_VALUES));
    PetscCall(MatRestoreRow(A, i, &ncols, &column, &value));
  }
  PetscCall(MatAssemblyBegin(*sorted, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*sorted, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode EncodeSorted(Mat aij, const FurlEncoding *encoding, FurlMatrix *matrix)
{
  FurlAijParts parts;
  PetscBool    ordered;
  Mat          sorted;

  PetscFunctionBegin;
  PetscCall(CopySorted(aij, &sorted));
  FurlSlicesInit(&matrix->diagonal, 0, 0);
  PetscCall(FurlAijGetParts(sorted, &parts));
  PetscCall(EncodeParts(sorted, &parts, encoding, matrix, &ordered));
  if (!ordered) PetscCall(CheckEncode(FURL_ENCODE_ORDER, &parts.diagonal));
  PetscCall(FurlAijRestoreParts(sorted, &parts));
  PetscCall(MatDestroy(&sorted));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlMatrixEncode(Mat aij, const FurlEncoding *encoding, FurlMatrix *matrix)
{
  FurlAijParts  parts;
  PetscLogEvent event;
  PetscBool     ordered;

  PetscFunctionBegin;
  PetscCall(FurlEventRegister("MatFurlEncode", MAT_CLASSID, &event));
  PetscCall(PetscLogEventBegin(event, aij, NULL, NULL, NULL));
  PetscCall(PetscMemzero(matrix, sizeof(*matrix)));
  FurlSlicesInit(&matrix->diagonal, 0, 0);
  FurlSlicesInit(&matrix->offdiagonal, 0, 0);
  PetscCall(FurlAijGetParts(aij, &parts));
  if (parts.offdiagonal_mat) PetscCall(CreateHalo(aij, &parts, matrix));
  PetscCall(EncodeParts(aij, &parts, encoding, matrix, &ordered));
  PetscCall(FurlAijRestoreParts(aij, &parts));
  if (!ordered) PetscCall(EncodeSorted(aij, encoding, matrix));
  PetscCall(PetscLogEventEnd(event, aij, NULL, NULL, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether on all processes the halo brings the ghosts of these parts */
static PetscErrorCode HaloFits(Mat aij, const FurlAijParts *parts, const FurlMatrix *matrix, PetscBool *fits)
{
  PetscBool   same = (PetscBool)(parts->offdiagonal.ncols == matrix->nghost);
  PetscMPIInt other, any;

  PetscFunctionBegin;
  if (same && matrix->nghost) PetscCall(PetscArraycmp(matrix->ghost, parts->ghost, matrix->nghost, &same));
  other = !same;
  PetscCallMPI(MPI_Allreduce(&other, &any, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)aij)));
  *fits = any ? PETSC_FALSE : PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlMatrixReencode(Mat aij, const FurlEncoding *encoding, FurlMatrix *matrix)
{
  FurlAijParts  parts;
  PetscLogEvent event;
  PetscBool     fits = PETSC_FALSE, ordered = PETSC_TRUE;

  PetscFunctionBegin;
  PetscCall(FurlAijGetParts(aij, &parts));
  PetscCall(HaloFits(aij, &parts, matrix, &fits));
  if (fits) {
    PetscCall(FurlEventRegister("MatFurlEncode", MAT_CLASSID, &event));
    PetscCall(PetscLogEventBegin(event, aij, NULL, NULL, NULL));
    PetscCall(EncodeParts(aij, &parts, encoding, matrix, &ordered));
    PetscCall(PetscLogEventEnd(event, aij, NULL, NULL, NULL));
  }
  PetscCall(FurlAijRestoreParts(aij, &parts));
  if (fits && ordered) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlMatrixDestroy(matrix));
  PetscCall(FurlMatrixEncode(aij, encoding, matrix));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlMatrixDestroy(FurlMatrix *matrix)
{
  PetscFunctionBegin;
  PetscCall(PetscSFDestroy(&matrix->halo));
  PetscCall(PetscFree(matrix->ghost));
  PetscCall(PetscFree2(matrix->interior, matrix->boundary));
  FurlSlicesFree(&matrix->offdiagonal);
  FurlSlicesFree(&matrix->diagonal);
  PetscCall(PetscMemzero(matrix, sizeof(*matrix)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlHaloBegin(const FurlMatrix *matrix, MPI_Datatype unit, const void *x, void *ghost)
{
  PetscFunctionBegin;
  if (matrix->halo) PetscCall(PetscSFBcastBegin(matrix->halo, unit, x, ghost, MPI_REPLACE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlHaloEnd(const FurlMatrix *matrix, MPI_Datatype unit, const void *x, void *ghost)
{
  PetscFunctionBegin;
  if (matrix->halo) PetscCall(PetscSFBcastEnd(matrix->halo, unit, x, ghost, MPI_REPLACE));
  PetscFunctionReturn(PETSC_SUCCESS);
}
