/*
  Several unknowns a cell: a hierarchy for each component, on the couplings of that component with itself. What components have to do with
  each other is left to the Krylov method, so it must be weak: at most half of the excess of the row, so that the blocks left out change no
  energy by more than a half.
*/
#include "grid.h"

#define WEAK 0.5      /* of the row's own excess */
#define ROUNDING 1e-6 /* of the diagonal: couplings between components that are too small to matter in any case */
#define STRANGE 1e-2  /* of all rows: as many may be otherwise */
#define COMPONENTS_MAX 8

static int IsWeak(const FurlCsr *csr, PetscInt bs, PetscInt r)
{
  double excess = 0, others = 0, diagonal = 0;

  for (PetscInt k = csr->rowptr[r]; k < csr->rowptr[r + 1]; k++) {
    const double value = csr->value[k];

    if (csr->column[k] == r) diagonal = value;
    if (csr->column[k] % bs == r % bs)
      excess += value;
    else
      others += fabs(value);
  }
  return others <= WEAK * fabs(excess) || others <= ROUNDING * fabs(diagonal);
}

static PetscErrorCode AreWeak(Mat A, PetscInt bs, int *weak)
{
  FurlAijParts parts;
  int64_t      strong = 0;

  PetscFunctionBegin;
  PetscCall(FurlAijGetParts(A, &parts));
  for (PetscInt r = 0; r < parts.diagonal.nrows; r++) strong += !IsWeak(&parts.diagonal, bs, r);
  *weak = (double)strong <= STRANGE * (double)parts.diagonal.nrows;
  PetscCall(FurlAijRestoreParts(A, &parts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateComponent(Mat A, PetscInt bs, PetscInt component, PetscBool flexible, FurlGrid **grid, const char **why)
{
  PetscInt rows;
  IS       is;
  Mat      part;

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(A, &rows, NULL));
  PetscCall(ISCreateStride(PETSC_COMM_SELF, rows / bs, component, bs, &is));
  PetscCall(MatCreateSubMatrix(A, is, is, MAT_INITIAL_MATRIX, &part));
  PetscCall(FurlGridCreate(part, flexible, grid, why));
  PetscCall(MatDestroy(&part));
  PetscCall(ISDestroy(&is));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridCreateAll(Mat A, PetscBool flexible, FurlGrid **grid, const char **why)
{
  FurlGrid  **next = grid;
  PetscMPIInt size;
  PetscInt    bs;
  int         weak = 0;

  PetscFunctionBegin;
  *grid = NULL;
  PetscCall(MatGetBlockSize(A, &bs));
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)A), &size));
  if (size == 1 && bs > 1 && bs <= COMPONENTS_MAX) PetscCall(AreWeak(A, bs, &weak));
  if (!weak) { /* a block size alone does not make several unknowns a cell */
    PetscCall(FurlGridCreate(A, flexible, grid, why));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  for (PetscInt k = 0; !*why && k < bs; k++) {
    PetscCall(CreateComponent(A, bs, k, flexible, next, why));
    if (*why) break;
    (*next)->component  = k;
    (*next)->components = bs;
    next                = &(*next)->next;
  }
  if (*why) PetscCall(FurlGridDestroy(grid));
  PetscFunctionReturn(PETSC_SUCCESS);
}
