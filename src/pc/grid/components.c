/*
  Several unknowns a cell: a hierarchy for each component, on the couplings of that component with itself. What components have to do with
  each other is left to the Krylov method, so it must be weak: at most half of the excess of the row, so that the blocks left out change no
  energy by more than a half.
*/
#include <petscdmda.h>
#include "grid.h"

#define WEAK 0.5      /* of the row's own excess */
#define ROUNDING 1e-6 /* of the diagonal: couplings between components that are too small to matter in any case */
#define STRANGE 1e-2  /* of all rows: as many may be otherwise */
#define COMPONENTS_MAX 8

/* What a row has for its own component and for others */
typedef struct {
  double excess, others, diagonal;
} Sums;

/* ghost: numbers of the columns in the matrix; NULL: they are this process's own */
static void AddRow(const FurlCsr *csr, PetscInt r, PetscInt bs, const PetscInt *ghost, Sums *sums)
{
  for (PetscInt k = csr->rowptr[r]; k < csr->rowptr[r + 1]; k++) {
    const PetscInt column = ghost ? ghost[csr->column[k]] : csr->column[k];
    const double   value  = csr->value[k];

    if (!ghost && column == r) sums->diagonal = value;
    if (column % bs == r % bs)
      sums->excess += value;
    else
      sums->others += fabs(value);
  }
}

/* Rows of a process begin with a whole block, so that its own numbers tell the component too */
static PetscErrorCode AreWeak(Mat A, PetscInt bs, int *weak)
{
  FurlAijParts parts;
  double       counts[2] = {0, 0}; /* rows that are not, and all */

  PetscFunctionBegin;
  PetscCall(FurlAijGetParts(A, &parts));
  for (PetscInt r = 0; r < parts.diagonal.nrows; r++) {
    Sums sums = {0, 0, 0};

    AddRow(&parts.diagonal, r, bs, NULL, &sums);
    if (parts.offdiagonal.nrows) AddRow(&parts.offdiagonal, r, bs, parts.ghost, &sums);
    counts[0] += sums.others > WEAK * fabs(sums.excess) && sums.others > ROUNDING * fabs(sums.diagonal);
  }
  counts[1] = (double)parts.diagonal.nrows;
  PetscCall(FurlAijRestoreParts(A, &parts));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, counts, 2, MPI_DOUBLE, MPI_SUM, PetscObjectComm((PetscObject)A)));
  *weak = counts[0] <= STRANGE * counts[1];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A DMDA says how the cells are divided: one like it with a single unknown a cell says so of a component */
static PetscErrorCode SetComponentDM(Mat A, Mat part)
{
  DM        dm, one;
  PetscBool da = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(MatGetDM(A, &dm));
  if (dm) PetscCall(PetscObjectTypeCompare((PetscObject)dm, DMDA, &da));
  if (!da) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(DMDACreateCompatibleDMDA(dm, 1, &one));
  PetscCall(MatSetDM(part, one));
  PetscCall(DMDestroy(&one));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateComponent(Mat A, PetscInt bs, PetscInt component, PetscBool flexible, FurlGrid **grid, const char **why)
{
  PetscInt first, end;
  IS       is;
  Mat      part;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &first, &end));
  PetscCall(ISCreateStride(PetscObjectComm((PetscObject)A), (end - first) / bs, first + component, bs, &is));
  PetscCall(MatCreateSubMatrix(A, is, is, MAT_INITIAL_MATRIX, &part));
  PetscCall(SetComponentDM(A, part));
  PetscCall(FurlGridCreate(part, flexible, grid, why));
  PetscCall(MatDestroy(&part));
  PetscCall(ISDestroy(&is));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridCreateAll(Mat A, PetscBool flexible, FurlGrid **grid, const char **why)
{
  FurlGrid **next = grid;
  PetscInt   bs;
  int        weak = 0;

  PetscFunctionBegin;
  *grid = NULL;
  PetscCall(MatGetBlockSize(A, &bs));
  if (bs > 1 && bs <= COMPONENTS_MAX) PetscCall(AreWeak(A, bs, &weak));
  if (!weak) { /* a block size alone does not make several unknowns a cell */
    PetscCall(FurlGridCreate(A, flexible, grid, why));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  for (PetscInt k = 0; !*why && k < bs; k++) {
    PetscCall(CreateComponent(A, bs, k, flexible, next, why));
    if (*why) break;
    (*next)->component  = k;
    (*next)->components = bs;
    if ((*next)->spread) PetscCall(PetscMalloc1((*next)->n, &(*next)->rows));
    next = &(*next)->next;
  }
  if (*why) PetscCall(FurlGridDestroy(grid));
  PetscFunctionReturn(PETSC_SUCCESS);
}
