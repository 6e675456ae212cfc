/*
  Setting values: an AIJ matrix takes them, and is encoded and freed at the end of the final assembly. Entries set on a matrix that is
  already encoded wait in a list, as MatSetValues() is not collective and decoding is.
*/
#include "matfurl.h"

static PetscErrorCode MatSetOption_Furl(Mat A, MatOption option, PetscBool flag)
{
  Mat_Furl *const f = A->data;

  PetscFunctionBegin;
  f->option_given[option - MAT_OPTION_MIN] = PETSC_TRUE;
  f->option[option - MAT_OPTION_MIN]       = flag;
  if (f->building) PetscCall(MatSetOption(f->building, option, flag));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlApplyOptions(Mat A, Mat aij)
{
  Mat_Furl *const f = A->data;

  PetscFunctionBegin;
  for (int k = 0; k < MAT_OPTION_MAX - MAT_OPTION_MIN; k++)
    if (f->option_given[k]) PetscCall(MatSetOption(aij, (MatOption)(k + MAT_OPTION_MIN), f->option[k]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateBuilding(Mat A)
{
  Mat_Furl *const f = A->data;

  PetscFunctionBegin;
  PetscCall(PetscLayoutSetUp(A->rmap));
  PetscCall(PetscLayoutSetUp(A->cmap));
  PetscCall(MatCreate(PetscObjectComm((PetscObject)A), &f->building));
  PetscCall(MatSetSizes(f->building, A->rmap->n, A->cmap->n, A->rmap->N, A->cmap->N));
  PetscCall(MatSetBlockSizesFromMats(f->building, A, A));
  PetscCall(MatSetType(f->building, MATAIJ));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatSetUp_Furl(Mat A)
{
  Mat_Furl *const f = A->data;

  PetscFunctionBegin;
  if (f->building || f->encoded) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(CreateBuilding(A));
  PetscCall(MatSetUp(f->building));
  PetscCall(FurlApplyOptions(A, f->building));
  A->preallocated = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Preallocate(Mat A, PetscInt diagonal, const PetscInt diagonals[], PetscInt offdiagonal, const PetscInt offdiagonals[])
{
  Mat_Furl *const f = A->data;

  PetscFunctionBegin;
  PetscCall(MatDestroy(&f->building));
  PetscCall(FurlEncodedDestroy(&f->encoded));
  PetscCall(CreateBuilding(A));
  PetscCall(MatSeqAIJSetPreallocation(f->building, diagonal, diagonals));
  PetscCall(MatMPIAIJSetPreallocation(f->building, diagonal, diagonals, offdiagonal, offdiagonals));
  PetscCall(FurlApplyOptions(A, f->building));
  A->preallocated = PETSC_TRUE;
  A->assembled    = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatSeqAIJSetPreallocation_Furl(Mat A, PetscInt n, const PetscInt each[])
{
  PetscMPIInt size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)A), &size));
  if (size == 1) PetscCall(Preallocate(A, n, each, 0, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatMPIAIJSetPreallocation_Furl(Mat A, PetscInt n, const PetscInt each[], PetscInt m, const PetscInt other[])
{
  PetscMPIInt size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)A), &size));
  if (size > 1) PetscCall(Preallocate(A, n, each, m, other));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* With these DM gives the pattern in advance, as a matrix of zeros: colorings of Jacobians need one */
PetscErrorCode FurlComposePreallocation(Mat A, PetscBool compose)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectComposeFunction((PetscObject)A, "MatSeqAIJSetPreallocation_C", compose ? MatSeqAIJSetPreallocation_Furl : NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)A, "MatMPIAIJSetPreallocation_C", compose ? MatMPIAIJSetPreallocation_Furl : NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlPendingFree(FurlPending *p)
{
  PetscFunctionBegin;
  PetscCall(PetscFree3(p->row, p->column, p->value));
  p->used = p->room = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PendingReserve(FurlPending *p, PetscInt more)
{
  FurlPending q = *p;

  PetscFunctionBegin;
  if (p->used + more <= p->room) PetscFunctionReturn(PETSC_SUCCESS);
  q.room = PetscMax(2 * p->room, p->used + more);
  PetscCall(PetscMalloc3(q.room, &q.row, q.room, &q.column, q.room, &q.value));
  PetscCall(PetscArraycpy(q.row, p->row, p->used));
  PetscCall(PetscArraycpy(q.column, p->column, p->used));
  PetscCall(PetscArraycpy(q.value, p->value, p->used));
  PetscCall(PetscFree3(p->row, p->column, p->value));
  *p = q;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* value: [m][n], or [n][m] where the program chose columns first */
static PetscErrorCode PendingAppend(Mat A, PetscInt m, const PetscInt row[], PetscInt n, const PetscInt column[], const PetscScalar *value)
{
  Mat_Furl *const    f             = A->data;
  FurlPending *const p             = &f->pending;
  const int          k_orientation = MAT_ROW_ORIENTED - MAT_OPTION_MIN;
  const PetscBool    by_column     = (PetscBool)(f->option_given[k_orientation] && !f->option[k_orientation]);

  PetscFunctionBegin;
  PetscCall(PendingReserve(p, m * n));
  for (PetscInt r = 0; r < m; r++) {
    for (PetscInt c = 0; c < n; c++) {
      if (row[r] < 0 || column[c] < 0) continue;
      p->row[p->used]     = row[r];
      p->column[p->used]  = column[c];
      p->value[p->used++] = value ? value[by_column ? c * m + r : r * n + c] : 0;
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatSetValues_Furl(Mat A, PetscInt m, const PetscInt row[], PetscInt n, const PetscInt column[],
                                        const PetscScalar value[], InsertMode mode)
{
  Mat_Furl *const f = A->data;

  PetscFunctionBegin;
  if (f->building)
    PetscCall(MatSetValues(f->building, m, row, n, column, value, mode));
  else
    PetscCall(PendingAppend(A, m, row, n, column, value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Makes the encoded values AIJ again, to take what comes */
static PetscErrorCode StartBuilding(Mat A)
{
  Mat_Furl *const f = A->data;
  FurlChange      change;

  PetscFunctionBegin;
  if (f->building) PetscFunctionReturn(PETSC_SUCCESS);
  if (!f->encoded) {
    PetscCall(MatSetUp_Furl(A));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(FurlChangeBegin(A, "Setting values", &change));
  f->building         = change.aij;
  f->building_pattern = change.pattern;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PendingReplay(Mat A)
{
  Mat_Furl *const    f = A->data;
  FurlPending *const p = &f->pending;

  PetscFunctionBegin;
  for (PetscInt k = 0; k < p->used;) {
    PetscInt n = 1;

    while (k + n < p->used && p->row[k + n] == p->row[k]) n++;
    PetscCall(MatSetValues(f->building, 1, p->row + k, n, p->column + k, p->value + k, A->insertmode));
    k += n;
  }
  PetscCall(FurlPendingFree(p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatAssemblyBegin_Furl(Mat A, MatAssemblyType type)
{
  Mat_Furl *const f   = A->data;
  int             any = f->pending.used > 0;

  PetscFunctionBegin;
  if (!f->building) {
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &any, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)A)));
    if (any || !f->encoded) PetscCall(StartBuilding(A));
    if (any) PetscCall(PendingReplay(A));
  }
  if (f->building) PetscCall(MatAssemblyBegin(f->building, type));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Encodes what is being built and keeps that to take more values */
static PetscErrorCode EncodeAndKeepBuilding(Mat A)
{
  Mat_Furl *const f        = A->data;
  Mat             building = f->building;
  FurlEncoded    *encoded;

  PetscFunctionBegin;
  PetscCall(FurlEncodedCreate(building, f->values, &encoded));
  f->building = NULL;
  PetscCall(FurlSetEncoded(A, encoded));
  f->building = building;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A first assembly of zeros is a pattern, and values follow */
static PetscErrorCode IsPattern(Mat A, PetscBool *pattern)
{
  Mat_Furl *const f = A->data;
  PetscReal       size;

  PetscFunctionBegin;
  *pattern = PETSC_FALSE;
  if (f->encoded) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatNorm(f->building, NORM_INFINITY, &size));
  *pattern = size == 0 ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatAssemblyEnd_Furl(Mat A, MatAssemblyType type)
{
  Mat_Furl *const f      = A->data;
  FurlChange      change = {f->building, f->building_pattern};
  PetscBool       pattern;

  PetscFunctionBegin;
  if (!f->building) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatAssemblyEnd(f->building, type));
  if (type == MAT_FLUSH_ASSEMBLY) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(IsPattern(A, &pattern));
  if (!f->encoded) A->nonzerostate++;
  if (pattern) {
    PetscCall(MatGetNonzeroState(f->building, &f->building_pattern));
    PetscCall(EncodeAndKeepBuilding(A));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  f->building = NULL;
  PetscCall(FurlChangeEnd(A, &change));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Values most often follow, so that the AIJ matrix stays to take them */
static PetscErrorCode MatZeroEntries_Furl(Mat A)
{
  Mat_Furl *const f = A->data;

  PetscFunctionBegin;
  PetscCall(FurlPendingFree(&f->pending));
  PetscCall(StartBuilding(A));
  PetscCall(MatZeroEntries(f->building));
  if (f->encoded) PetscCall(EncodeAndKeepBuilding(A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatLoad_Furl(Mat A, PetscViewer viewer)
{
  Mat          aij;
  FurlEncoded *encoded;
  PetscBool    done;

  PetscFunctionBegin;
  PetscCall(FurlLoadHdf5(A, viewer, &done));
  if (done) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatCreate(PetscObjectComm((PetscObject)A), &aij));
  PetscCall(MatSetSizes(aij, A->rmap->n, A->cmap->n, A->rmap->N, A->cmap->N));
  if (((PetscObject)A)->name) PetscCall(PetscObjectSetName((PetscObject)aij, ((PetscObject)A)->name));
  PetscCall(MatSetType(aij, MATAIJ));
  PetscCall(MatSetBlockSizes(aij, PetscMax(A->rmap->bs, 1), PetscMax(A->cmap->bs, 1)));
  PetscCall(MatLoad(aij, viewer));
  PetscCall(PetscLayoutReference(aij->rmap, &A->rmap));
  PetscCall(PetscLayoutReference(aij->cmap, &A->cmap));
  PetscCall(FurlEncodedCreate(aij, ((Mat_Furl *)A->data)->values, &encoded));
  PetscCall(MatDestroy(&aij));
  PetscCall(FurlSetEncoded(A, encoded));
  A->nonzerostate++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlInstallAssembly(Mat A)
{
  const MatOps ops = A->ops;

  PetscFunctionBegin;
  ops->setup         = MatSetUp_Furl;
  ops->setoption     = MatSetOption_Furl;
  ops->setvalues     = MatSetValues_Furl;
  ops->assemblybegin = MatAssemblyBegin_Furl;
  ops->assemblyend   = MatAssemblyEnd_Furl;
  ops->zeroentries   = MatZeroEntries_Furl;
  ops->load          = MatLoad_Furl;
  PetscFunctionReturn(PETSC_SUCCESS);
}
