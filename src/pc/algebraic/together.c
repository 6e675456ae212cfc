/*
  P'AP on several processes: each multiplies its rows of A by the rows of P that these meet, and its part of P' by that, with the folder's
  products; what belongs to rows of other processes goes there as PETSc assembles.
*/
#include "algebraic.h"

/* The coarse unknowns that a process meets: its own, and behind them others by ascending global numbers */
typedef struct {
  PetscInt  first, own; /* global number of the first of its own, how many */
  PetscInt  nothers;
  PetscInt *other; /* [nothers] global numbers */
} Unknowns;

static PetscBool IsOwn(const Unknowns *u, PetscInt global)
{
  return (PetscBool)(global >= u->first && global < u->first + u->own);
}

static PetscErrorCode ToLocal(const Unknowns *u, PetscInt global, PetscInt *local)
{
  PetscFunctionBegin;
  *local = global - u->first;
  if (IsOwn(u, global)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFindInt(global, u->nothers, u->other, local));
  *local += u->own;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscInt ToGlobal(const Unknowns *u, PetscInt local)
{
  return local < u->own ? u->first + local : u->other[local - u->own];
}

/* Those of P's own rows in others' columns, and of the ghosts' rows, whose columns are global */
static PetscErrorCode ListUnknowns(Mat P, const FurlAijParts *p, const FurlCsr *ghosts, Unknowns *u)
{
  PetscInt end, n = p->offdiagonal.ncols;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRangeColumn(P, &u->first, &end));
  u->own = end - u->first;
  PetscCall(PetscMalloc1(n + ghosts->rowptr[ghosts->nrows] + 1, &u->other));
  PetscCall(PetscArraycpy(u->other, p->ghost, n));
  for (PetscInt k = 0; k < ghosts->rowptr[ghosts->nrows]; k++)
    if (!IsOwn(u, ghosts->column[k])) u->other[n++] = ghosts->column[k];
  u->nothers = n;
  PetscCall(PetscSortRemoveDupsInt(&u->nothers, u->other));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* P's own rows and behind them the ghosts', in the columns of u */
static PetscErrorCode JoinRows(const FurlAijParts *p, const FurlCsr *ghosts, const Unknowns *u, FurlSparse *P)
{
  const FurlCsr *const d = &p->diagonal, *const o = &p->offdiagonal;
  const PetscInt n = (PetscInt)d->nrows, m = (PetscInt)ghosts->nrows;
  PetscInt       used = 0;

  PetscFunctionBegin;
  PetscCall(FurlSparseAllocate(n + m, u->own + u->nothers, 1, 1, d->rowptr[n] + o->rowptr[n] + ghosts->rowptr[m], P));
  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt k = d->rowptr[i]; k < d->rowptr[i + 1]; k++, used++) {
      P->column[used] = d->column[k];
      P->value[used]  = d->value[k];
    }
    for (PetscInt k = o->rowptr[i]; k < o->rowptr[i + 1]; k++, used++) {
      PetscCall(ToLocal(u, p->ghost[o->column[k]], &P->column[used]));
      P->value[used] = o->value[k];
    }
    P->rowptr[i + 1] = used;
  }
  for (PetscInt i = 0; i < m; i++) {
    for (PetscInt k = ghosts->rowptr[i]; k < ghosts->rowptr[i + 1]; k++, used++) {
      PetscCall(ToLocal(u, ghosts->column[k], &P->column[used]));
      P->value[used] = ghosts->value[k];
    }
    P->rowptr[n + i + 1] = used;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* This process's rows of A, its own columns and behind them the ghosts' */
static PetscErrorCode JoinColumns(const FurlAijParts *a, FurlSparse *A)
{
  const FurlCsr *const d = &a->diagonal, *const o = &a->offdiagonal;
  const PetscInt n    = (PetscInt)d->nrows;
  PetscInt       used = 0;

  PetscFunctionBegin;
  PetscCall(FurlSparseAllocate(n, (PetscInt)(d->ncols + o->ncols), 1, 1, d->rowptr[n] + o->rowptr[n], A));
  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt k = d->rowptr[i]; k < d->rowptr[i + 1]; k++, used++) {
      A->column[used] = d->column[k];
      A->value[used]  = d->value[k];
    }
    for (PetscInt k = o->rowptr[i]; k < o->rowptr[i + 1]; k++, used++) {
      A->column[used] = (PetscInt)d->ncols + o->column[k];
      A->value[used]  = o->value[k];
    }
    A->rowptr[i + 1] = used;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The rows of P that belong to A's ghosts, with global columns; *rows is to be destroyed with MatDestroySubMatrices() */
static PetscErrorCode FetchRows(const FurlAijParts *a, Mat P, Mat **rows)
{
  PetscInt ncols;
  IS       ghosts, all;

  PetscFunctionBegin;
  PetscCall(MatGetSize(P, NULL, &ncols));
  PetscCall(ISCreateGeneral(PETSC_COMM_SELF, (PetscInt)a->offdiagonal.ncols, a->ghost, PETSC_USE_POINTER, &ghosts));
  PetscCall(ISCreateStride(PETSC_COMM_SELF, ncols, 0, 1, &all));
  PetscCall(MatCreateSubMatrices(P, 1, &ghosts, &all, MAT_INITIAL_MATRIX, rows));
  PetscCall(ISDestroy(&all));
  PetscCall(ISDestroy(&ghosts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* C = P' A P of this process's rows of A */
static PetscErrorCode MultiplyOwn(const FurlAijParts *a, const FurlSparse *P, FurlSparse *C)
{
  const PetscInt n = (PetscInt)a->diagonal.nrows;
  FurlSparse     A, AP, R;
  FurlSparseView left, p = FurlSparseGetView(P), own = p;

  PetscFunctionBegin;
  PetscCall(JoinColumns(a, &A));
  left = FurlSparseGetView(&A);
  PetscCall(FurlSparseMultiply(&left, &p, &AP));
  PetscCall(FurlSparseDestroy(&A));
  own.nrows = n; /* the ghosts' rows stand behind */
  PetscCall(FurlSparseTranspose(&own, &R));
  left = FurlSparseGetView(&R);
  p    = FurlSparseGetView(&AP);
  PetscCall(FurlSparseMultiply(&left, &p, C));
  PetscCall(FurlSparseDestroy(&R));
  PetscCall(FurlSparseDestroy(&AP));
  PetscCall(FurlSparseSort(C));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds to each row's number of entries, wherever the row is, those in columns of the row's process and in others */
static PetscErrorCode AddCounts(const FurlSparse *C, const Unknowns *u, const PetscInt *ranges, Vec own, Vec other)
{
  PetscMPIInt owner = 0;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < C->nrows; i++) {
    const PetscInt row = ToGlobal(u, i);
    PetscInt       n = 0, all = C->rowptr[i + 1] - C->rowptr[i];

    if (row < ranges[owner]) owner = 0; /* rows ascend but once */
    while (row >= ranges[owner + 1]) owner++;
    for (PetscInt k = C->rowptr[i]; k < C->rowptr[i + 1]; k++) {
      const PetscInt column = ToGlobal(u, C->column[k]);

      n += column >= ranges[owner] && column < ranges[owner + 1];
    }
    if (n) PetscCall(VecSetValue(own, row, n, ADD_VALUES));
    if (all > n) PetscCall(VecSetValue(other, row, all - n, ADD_VALUES));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* count: [rows here] the sums, at most `most` */
static PetscErrorCode GetCounts(Vec sum, PetscInt most, PetscInt *count)
{
  const PetscScalar *value;
  PetscInt           n;

  PetscFunctionBegin;
  PetscCall(VecAssemblyBegin(sum));
  PetscCall(VecAssemblyEnd(sum));
  PetscCall(VecGetLocalSize(sum, &n));
  PetscCall(VecGetArrayRead(sum, &value));
  for (PetscInt i = 0; i < n; i++) count[i] = (PetscInt)PetscMin(PetscRealPart(value[i]), (PetscReal)most);
  PetscCall(VecRestoreArrayRead(sum, &value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateCoarse(MPI_Comm comm, const FurlSparse *C, const Unknowns *u, Mat *coarse)
{
  const PetscInt *ranges;
  PetscInt       *own, *other, total;
  Vec             owns, others;

  PetscFunctionBegin;
  PetscCall(MatCreate(comm, coarse));
  PetscCall(MatSetSizes(*coarse, u->own, u->own, PETSC_DETERMINE, PETSC_DETERMINE));
  PetscCall(MatSetType(*coarse, MATMPIAIJ));
  PetscCall(VecCreateMPI(comm, u->own, PETSC_DETERMINE, &owns));
  PetscCall(VecDuplicate(owns, &others));
  PetscCall(VecGetOwnershipRanges(owns, &ranges));
  PetscCall(VecGetSize(owns, &total));
  PetscCall(AddCounts(C, u, ranges, owns, others));
  PetscCall(PetscMalloc2(u->own + 1, &own, u->own + 1, &other));
  PetscCall(GetCounts(owns, u->own, own));
  PetscCall(GetCounts(others, total - u->own, other));
  PetscCall(MatMPIAIJSetPreallocation(*coarse, 0, own, 0, other));
  PetscCall(PetscFree2(own, other));
  PetscCall(VecDestroy(&others));
  PetscCall(VecDestroy(&owns));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Assemble(FurlSparse *C, const Unknowns *u, Mat coarse)
{
  PetscFunctionBegin;
  for (PetscInt k = 0; k < C->rowptr[C->nrows]; k++) C->column[k] = ToGlobal(u, C->column[k]);
  for (PetscInt i = 0; i < C->nrows; i++) {
    const PetscInt row = ToGlobal(u, i), begin = C->rowptr[i];

    PetscCall(MatSetValues(coarse, 1, &row, C->rowptr[i + 1] - begin, C->column + begin, C->value + begin, ADD_VALUES));
  }
  PetscCall(MatAssemblyBegin(coarse, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(coarse, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlProjectTogether(Mat A, const FurlAijParts *a, Mat P, Mat *coarse)
{
  FurlAijParts p, ghosts;
  Unknowns     u;
  FurlSparse   rows, C;
  Mat         *fetched;

  PetscFunctionBegin;
  PetscCall(FetchRows(a, P, &fetched));
  PetscCall(FurlAijGetParts(fetched[0], &ghosts));
  PetscCall(FurlAijGetParts(P, &p));
  PetscCall(ListUnknowns(P, &p, &ghosts.diagonal, &u));
  PetscCall(JoinRows(&p, &ghosts.diagonal, &u, &rows));
  PetscCall(FurlAijRestoreParts(P, &p));
  PetscCall(FurlAijRestoreParts(fetched[0], &ghosts));
  PetscCall(MatDestroySubMatrices(1, &fetched));
  PetscCall(MultiplyOwn(a, &rows, &C));
  PetscCall(FurlSparseDestroy(&rows));
  PetscCall(CreateCoarse(PetscObjectComm((PetscObject)A), &C, &u, coarse));
  PetscCall(Assemble(&C, &u, *coarse));
  PetscCall(FurlSparseDestroy(&C));
  PetscCall(PetscFree(u.other));
  PetscFunctionReturn(PETSC_SUCCESS);
}
