/*
  P'AP on several processes: each multiplies its rows of A by the rows of P that these meet, and its part of P' by that, with the folder's
  products; what belongs to rows of other processes is sent there, and added in the order of the ranks.
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

/* Rows of the coarser matrix that other processes have added to, in the order of their ranks: row, number of entries n and n columns, all
 * global, of each, one after the other; and its n values */
typedef struct {
  PetscInt  nnumbers;
  PetscInt *number; /* [nnumbers] */
  double   *value;
} Received;

/* counts: [2 size] numbers and values for, or from, each process; displs alike */
static void Sum(PetscMPIInt size, const PetscMPIInt *counts, PetscMPIInt *displs)
{
  for (int which = 0; which < 2; which++) {
    PetscMPIInt sum = 0;

    for (PetscMPIInt r = 0; r < size; r++) {
      displs[which * size + r] = sum;
      sum += counts[which * size + r];
    }
  }
}

/* What C has in others' rows, which come in the order of their processes; number, value: [counts] or NULL to count only */
static void Pack(const FurlSparse *C, const Unknowns *u, PetscMPIInt size, const PetscInt *ranges, PetscMPIInt *counts, PetscInt *number,
                 double *value)
{
  PetscMPIInt owner = 0;

  for (PetscInt i = u->own; i < C->nrows; i++) {
    const PetscInt row = ToGlobal(u, i), n = C->rowptr[i + 1] - C->rowptr[i];

    while (row >= ranges[owner + 1]) owner++;
    if (!number) {
      counts[owner] += (PetscMPIInt)(n + 2);
      counts[size + owner] += (PetscMPIInt)n;
      continue;
    }
    *number++ = row;
    *number++ = n;
    for (PetscInt k = C->rowptr[i]; k < C->rowptr[i + 1]; k++) {
      *number++ = ToGlobal(u, C->column[k]);
      *value++  = C->value[k];
    }
  }
}

/* In an order that is the same every time: sums of what arrives as it arrives would not be */
static PetscErrorCode Exchange(MPI_Comm comm, const FurlSparse *C, const Unknowns *u, const PetscInt *ranges, Received *got)
{
  PetscMPIInt size, *counts, *displs, *got_counts, *got_displs;
  PetscInt   *number, nvalues;
  double     *value;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(PetscCalloc4(2 * size, &counts, 2 * size, &displs, 2 * size, &got_counts, 2 * size, &got_displs));
  Pack(C, u, size, ranges, counts, NULL, NULL);
  PetscCallMPI(MPI_Alltoall(counts, 1, MPI_INT, got_counts, 1, MPI_INT, comm));
  PetscCallMPI(MPI_Alltoall(counts + size, 1, MPI_INT, got_counts + size, 1, MPI_INT, comm));
  Sum(size, counts, displs);
  Sum(size, got_counts, got_displs);
  got->nnumbers = got_displs[size - 1] + got_counts[size - 1];
  nvalues       = got_displs[2 * size - 1] + got_counts[2 * size - 1];
  PetscCall(PetscMalloc2(displs[size - 1] + counts[size - 1] + 1, &number, displs[2 * size - 1] + counts[2 * size - 1] + 1, &value));
  PetscCall(PetscMalloc2(got->nnumbers + 1, &got->number, nvalues + 1, &got->value));
  Pack(C, u, size, ranges, counts, number, value);
  PetscCallMPI(MPI_Alltoallv(number, counts, displs, MPIU_INT, got->number, got_counts, got_displs, MPIU_INT, comm));
  PetscCallMPI(
    MPI_Alltoallv(value, counts + size, displs + size, MPI_DOUBLE, got->value, got_counts + size, got_displs + size, MPI_DOUBLE, comm));
  PetscCall(PetscFree2(number, value));
  PetscCall(PetscFree4(counts, displs, got_counts, got_displs));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A row's entries, in own columns and others', added to what is counted */
static void Count(const Unknowns *u, PetscInt n, const PetscInt *column, PetscInt *own, PetscInt *other)
{
  for (PetscInt k = 0; k < n; k++)
    if (IsOwn(u, column[k]))
      ++*own;
    else
      ++*other;
}

/* C's own rows have global columns here */
static PetscErrorCode Create(Mat P, const FurlSparse *C, const Unknowns *u, const Received *got, Mat *coarse)
{
  PetscInt *own, *other, total;

  PetscFunctionBegin;
  PetscCall(PetscCalloc2(u->own + 1, &own, u->own + 1, &other));
  for (PetscInt i = 0; i < u->own; i++) Count(u, C->rowptr[i + 1] - C->rowptr[i], C->column + C->rowptr[i], own + i, other + i);
  for (PetscInt k = 0; k < got->nnumbers; k += 2 + got->number[k + 1])
    Count(u, got->number[k + 1], got->number + k + 2, own + got->number[k] - u->first, other + got->number[k] - u->first);
  PetscCall(MatGetSize(P, NULL, &total));
  PetscCall(MatCreate(PetscObjectComm((PetscObject)P), coarse));
  PetscCall(MatSetSizes(*coarse, u->own, u->own, total, total));
  PetscCall(MatSetType(*coarse, MATMPIAIJ));
  for (PetscInt i = 0; i < u->own; i++) {
    own[i]   = PetscMin(own[i], u->own);
    other[i] = PetscMin(other[i], total - u->own);
  }
  PetscCall(MatMPIAIJSetPreallocation(*coarse, 0, own, 0, other));
  PetscCall(PetscFree2(own, other));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Assemble(const FurlSparse *C, const Unknowns *u, const Received *got, Mat coarse)
{
  const double *value = got->value;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < u->own; i++) {
    const PetscInt row = u->first + i, begin = C->rowptr[i];

    PetscCall(MatSetValues(coarse, 1, &row, C->rowptr[i + 1] - begin, C->column + begin, C->value + begin, ADD_VALUES));
  }
  for (PetscInt k = 0; k < got->nnumbers; k += 2 + got->number[k + 1]) {
    PetscCall(MatSetValues(coarse, 1, got->number + k, got->number[k + 1], got->number + k + 2, value, ADD_VALUES));
    value += got->number[k + 1];
  }
  PetscCall(MatAssemblyBegin(coarse, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(coarse, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlProjectTogether(Mat A, const FurlAijParts *a, Mat P, Mat *coarse)
{
  const MPI_Comm  comm = PetscObjectComm((PetscObject)A);
  const PetscInt *ranges;
  FurlAijParts    p, ghosts;
  Unknowns        u;
  FurlSparse      rows, C;
  Received        got;
  Mat            *fetched;

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
  PetscCall(MatGetOwnershipRangesColumn(P, &ranges));
  PetscCall(Exchange(comm, &C, &u, ranges, &got));
  for (PetscInt k = 0; k < C.rowptr[u.own]; k++) C.column[k] = ToGlobal(&u, C.column[k]);
  PetscCall(Create(P, &C, &u, &got, coarse));
  PetscCall(Assemble(&C, &u, &got, *coarse));
  PetscCall(PetscFree2(got.number, got.value));
  PetscCall(FurlSparseDestroy(&C));
  PetscCall(PetscFree(u.other));
  PetscFunctionReturn(PETSC_SUCCESS);
}
