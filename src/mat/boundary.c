/* Entries in columns of other processes while a matrix is assembled, and what becomes of them */
#include <furl/fingerprint.h>
#include "boundary.h"

static PetscErrorCode Reserve(FurlBoundary *b, PetscInt nnz)
{
  FurlBoundary more = *b;

  PetscFunctionBegin;
  if (b->nslices == b->room_slices) {
    more.room_slices = 2 * b->room_slices + 16;
    PetscCall(PetscMalloc2(more.room_slices, &more.slice, FURL_WIDTH * more.room_slices + 1, &more.rowptr));
    more.rowptr[0] = 0;
    PetscCall(PetscArraycpy(more.slice, b->slice, b->nslices));
    if (b->rowptr) PetscCall(PetscArraycpy(more.rowptr, b->rowptr, FURL_WIDTH * b->nslices + 1));
    PetscCall(PetscFree2(b->slice, b->rowptr));
  }
  if (b->nnz + nnz > b->room) {
    more.room = PetscMax(2 * b->room, b->nnz + nnz);
    PetscCall(PetscMalloc2(more.room, &more.value, more.room, &more.column));
    PetscCall(PetscArraycpy(more.value, b->value, b->nnz));
    PetscCall(PetscArraycpy(more.column, b->column, b->nnz));
    PetscCall(PetscFree2(b->value, b->column));
  }
  *b = more;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlBoundaryAppend(FurlBoundary *b, int64_t slice, const PetscInt *rowptr, const PetscInt *column, const PetscScalar *value)
{
  const PetscInt n = rowptr[FURL_WIDTH];

  PetscFunctionBegin;
  if (!n) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(Reserve(b, n));
  PetscCall(PetscArraycpy(b->column + b->nnz, column, n));
  PetscCall(PetscArraycpy(b->value + b->nnz, value, n));
  for (int l = 0; l < FURL_WIDTH; l++) b->rowptr[FURL_WIDTH * b->nslices + l + 1] = b->nnz + rowptr[l + 1];
  b->slice[b->nslices++] = (int32_t)slice;
  b->nnz += n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlBoundaryFree(FurlBoundary *b)
{
  PetscFunctionBegin;
  PetscCall(PetscFree2(b->value, b->column));
  PetscCall(PetscFree2(b->slice, b->rowptr));
  PetscCall(PetscMemzero(b, sizeof(*b)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscInt FurlFindSlice(PetscInt n, const int32_t *slice, int64_t wanted)
{
  PetscInt low = 0, high = n;

  while (low < high) {
    const PetscInt middle = low + (high - low) / 2;

    if (slice[middle] < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  return low < n && slice[low] == wanted ? low : -1;
}

/* Global columns give way to the numbers of the ghosts; what they add to the fingerprint is counted before */
static PetscErrorCode NumberGhosts(Mat A, FurlBoundary *b, FurlMatrix *m)
{
  PetscInt first;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &first, NULL));
  m->nghost = b->nnz;
  PetscCall(PetscMalloc1(b->nnz, &m->ghost));
  PetscCall(PetscArraycpy(m->ghost, b->column, b->nnz));
  PetscCall(PetscSortRemoveDupsInt(&m->nghost, m->ghost));
  for (PetscInt r = 0; r < FURL_WIDTH * b->nslices; r++) {
    const int64_t i = first + (int64_t)b->slice[r / FURL_WIDTH] * FURL_WIDTH + r % FURL_WIDTH;

    for (PetscInt k = b->rowptr[r]; k < b->rowptr[r + 1]; k++) {
      m->fingerprint += FurlFingerprint(i, b->column[k], b->value[k]);
      PetscCall(PetscFindInt(b->column[k], m->nghost, m->ghost, &b->column[k]));
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TakeHalo(Mat A, const FurlMatrix *like, FurlMatrix *m)
{
  PetscBool   same = (PetscBool)(like && like->nghost == m->nghost);
  PetscMPIInt other;

  PetscFunctionBegin;
  if (same && m->nghost) PetscCall(PetscArraycmp(like->ghost, m->ghost, m->nghost, &same));
  other = !same;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &other, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)A)));
  if (other) {
    PetscLayout columns;

    PetscCall(MatGetLayouts(A, NULL, &columns));
    PetscCall(FurlMatrixCreateHalo(columns, m));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  m->halo = like->halo;
  PetscCall(PetscObjectReference((PetscObject)m->halo));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlBoundaryFinish(Mat A, FurlBoundary *b, const FurlEncoding *encoding, const FurlMatrix *like, FurlMatrix *m)
{
  const PetscInt none = 0;
  const FurlCsr  csr  = {
      .nrows = (int64_t)FURL_WIDTH * b->nslices, .rowptr = b->rowptr ? b->rowptr : &none, .column = b->column, .value = b->value};
  FurlCsr          all = csr;
  FurlEncoding     own = *encoding;
  FurlEncodeStatus status;
  PetscMPIInt      size;

  PetscFunctionBegin;
  m->ninterior = (PetscInt)m->diagonal.nslices;
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)A), &size));
  if (size == 1) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(NumberGhosts(A, b, m));
  if (!encoding->describe) m->fingerprint = 0;
  PetscCall(TakeHalo(A, like, m));
  if (!m->halo) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlMatrixListSlices(b->nslices, b->slice, m));
  own.describe = 0;
  all.ncols    = m->nghost;
  status       = FurlSlicesEncode(&all, &own, &m->offdiagonal);
  PetscCheck(!status, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory to compress %" PetscInt_FMT " entries in columns of other processes",
             b->nnz);
  PetscFunctionReturn(PETSC_SUCCESS);
}
