/*
  Setting values: they stream into the compressed form (stream.h), entries of other processes' rows by way of a stash. Nothing but the
  assembly is collective.
*/
#include "matfurl.h"

PetscBool FurlOption(const Mat_Furl *f, MatOption option, PetscBool by_default)
{
  const int k = option - MAT_OPTION_MIN;

  return f->option_given[k] ? f->option[k] : by_default;
}

/* Three options say what becomes of new places, as in AIJ: the latest counts */
static PetscErrorCode MatSetOption_Furl(Mat A, MatOption option, PetscBool flag)
{
  Mat_Furl *const f = A->data;

  PetscFunctionBegin;
  f->option_given[option - MAT_OPTION_MIN] = PETSC_TRUE;
  f->option[option - MAT_OPTION_MIN]       = flag;
  if (option == MAT_NEW_NONZERO_LOCATIONS) {
    f->ignore_new   = (PetscBool)!flag;
    f->new_is_error = PETSC_FALSE;
  }
  if (option == MAT_NEW_NONZERO_LOCATION_ERR || option == MAT_NEW_NONZERO_ALLOCATION_ERR) {
    f->ignore_new   = PETSC_FALSE;
    f->new_is_error = (PetscBool)(flag && option == MAT_NEW_NONZERO_LOCATION_ERR);
  }
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

static PetscErrorCode MatSetUp_Furl(Mat A)
{
  PetscFunctionBegin;
  PetscCall(PetscLayoutSetUp(A->rmap));
  PetscCall(PetscLayoutSetUp(A->cmap));
  A->preallocated = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The numbers are not needed: rows grow while they are open */
static PetscErrorCode Preallocate(Mat A)
{
  Mat_Furl *const f = A->data;

  PetscFunctionBegin;
  PetscCall(FurlForgetValues(A));
  PetscCall(FurlStashFree(&f->stash));
  PetscCall(MatSetUp_Furl(A));
  A->assembled     = PETSC_FALSE;
  A->was_assembled = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatSeqAIJSetPreallocation_Furl(Mat A, PetscInt n, const PetscInt each[])
{
  PetscMPIInt size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)A), &size));
  if (size == 1) PetscCall(Preallocate(A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatMPIAIJSetPreallocation_Furl(Mat A, PetscInt n, const PetscInt each[], PetscInt m, const PetscInt other[])
{
  PetscMPIInt size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)A), &size));
  if (size > 1) PetscCall(Preallocate(A));
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

static PetscErrorCode StartStream(Mat A)
{
  Mat_Furl *const f = A->data;
  FurlEncoding    encoding;

  PetscFunctionBegin;
  if (f->stream) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlGetEncoding(A, f->values, &encoding));
  PetscCall(FurlStreamCreate(A, &encoding, f->encoded ? &f->encoded->matrix : NULL, (size_t)(f->window * 1048576), &f->stream));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Values for a row of another process */
static PetscErrorCode Stash(Mat A, const FurlTaking *taking, PetscInt row, PetscInt n, const PetscInt column[], const PetscScalar value[])
{
  Mat_Furl *const f = A->data;

  PetscFunctionBegin;
  PetscCheck(!A->nooffprocentries, PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG,
             "Row %" PetscInt_FMT " is another process's, and MatSetOption() with MAT_NO_OFF_PROC_ENTRIES said that none would be set",
             row);
  if (FurlOption(f, MAT_IGNORE_OFF_PROC_ENTRIES, PETSC_FALSE)) PetscFunctionReturn(PETSC_SUCCESS);
  f->stash.mode = taking->mode;
  for (PetscInt k = 0; k < n; k++) {
    const FurlStashEntry entry = {row, column[k], value ? value[k * taking->stride] : 0};

    if (column[k] >= 0) PetscCall(FurlStashAppend(&f->stash, &entry));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static FurlTaking HowToTake(const Mat_Furl *f, InsertMode mode, PetscInt stride)
{
  return (FurlTaking){.mode         = mode,
                      .ignore_zeros = FurlOption(f, MAT_IGNORE_ZERO_ENTRIES, PETSC_FALSE),
                      .ignore_new   = f->ignore_new,
                      .new_is_error = f->new_is_error,
                      .stride       = stride};
}

/* value: [m][n], or [n][m] where the program chose columns first */
static PetscErrorCode MatSetValues_Furl(Mat A, PetscInt m, const PetscInt row[], PetscInt n, const PetscInt column[],
                                        const PetscScalar value[], InsertMode mode)
{
  Mat_Furl *const  f      = A->data;
  const PetscBool  by_row = FurlOption(f, MAT_ROW_ORIENTED, PETSC_TRUE);
  const FurlTaking taking = HowToTake(f, mode, by_row ? 1 : m);
  const PetscInt   nrows = A->rmap->N, ncols = A->cmap->N;

  PetscFunctionBegin;
  for (PetscInt k = 0; k < n; k++)
    PetscCheck(column[k] < ncols, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "Column %" PetscInt_FMT " is not below %" PetscInt_FMT,
               column[k], ncols);
  PetscCall(StartStream(A));
  for (PetscInt r = 0; r < m; r++) {
    const PetscScalar *const v = value ? value + (by_row ? r * n : r) : NULL;

    if (row[r] < 0) continue;
    PetscCheck(row[r] < nrows, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "Row %" PetscInt_FMT " is not below %" PetscInt_FMT, row[r],
               nrows);
    if (row[r] >= A->rmap->rstart && row[r] < A->rmap->rend)
      PetscCall(FurlStreamTake(f->stream, row[r] - A->rmap->rstart, &taking, n, column, v));
    else
      PetscCall(Stash(A, &taking, row[r], n, column, v));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What others have set in rows of this process */
static PetscErrorCode TakeReceived(Mat A, const FurlStash *received)
{
  Mat_Furl *const  f      = A->data;
  const FurlTaking taking = HowToTake(f, received->mode, 1);

  PetscFunctionBegin;
  if (received->used) PetscCall(StartStream(A));
  for (size_t k = 0; k < received->used; k++) {
    const FurlStashEntry *const entry = received->entry + k;

    PetscCall(FurlStreamTake(f->stream, entry->row - A->rmap->rstart, &taking, 1, &entry->column, &entry->value));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatAssemblyBegin_Furl(Mat A, MatAssemblyType type)
{
  Mat_Furl *const f    = A->data;
  const MPI_Comm  comm = PetscObjectComm((PetscObject)A);
  PetscMPIInt     any  = f->stash.used > 0;
  FurlStash       received;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &any, 1, MPI_INT, MPI_MAX, comm));
  if (!any) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlStashExchange(comm, A->rmap, &f->stash, &received));
  PetscCall(TakeReceived(A, &received));
  PetscCall(FurlStashFree(&received));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The stream's matrix becomes A's */
static PetscErrorCode FinishStream(Mat A)
{
  Mat_Furl *const f      = A->data;
  PetscMPIInt     change = !f->encoded;
  FurlEncoded    *encoded;

  PetscFunctionBegin;
  PetscCall(StartStream(A));
  PetscCall(FurlEncodedFromStream(A, f->stream, &encoded));
  change |= f->stream->fresh > 0;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &change, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)A)));
  if (change) A->nonzerostate++;
  PetscCall(FurlSetEncoded(A, encoded));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatAssemblyEnd_Furl(Mat A, MatAssemblyType type)
{
  Mat_Furl *const f   = A->data;
  PetscMPIInt     any = f->stream || !f->encoded;

  PetscFunctionBegin;
  if (type == MAT_FLUSH_ASSEMBLY) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &any, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)A)));
  if (any) PetscCall(FinishStream(A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Places stay. A matrix that is assembled is so afterwards */
static PetscErrorCode MatZeroEntries_Furl(Mat A)
{
  Mat_Furl *const f   = A->data;
  PetscMPIInt     any = f->stream || !f->encoded;

  PetscFunctionBegin;
  PetscCall(MatSetUp_Furl(A));
  PetscCall(FurlStashFree(&f->stash));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &any, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)A)));
  PetscCall(StartStream(A));
  PetscCall(FurlStreamZero(f->stream));
  if (!any) PetscCall(FinishStream(A));
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
