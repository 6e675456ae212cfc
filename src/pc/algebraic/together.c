/*
  P and P'AP on several processes. Each multiplies its rows of A by the rows of T, and then of P, that these meet, and its part of P' by
  that, with the folder's products; what belongs to rows of other processes is sent there, and added in the order of the ranks.
*/
#include <limits.h>
#include "together.h"

static PetscBool IsOwn(const FurlUnknowns *u, PetscInt global)
{
  return (PetscBool)(global >= u->first && global < u->first + u->own);
}

static PetscErrorCode ToLocal(const FurlUnknowns *u, PetscInt global, PetscInt *local)
{
  PetscFunctionBegin;
  *local = global - u->first;
  if (IsOwn(u, global)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFindInt(global, u->nothers, u->other, local));
  PetscCheck(*local >= 0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "Unknown %" PetscInt_FMT " is not met", global);
  *local += u->own;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscInt ToGlobal(const FurlUnknowns *u, PetscInt local)
{
  return local < u->own ? u->first + local : u->other[local - u->own];
}

PetscErrorCode FurlUnknownsDestroy(FurlUnknowns *u)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(u->other));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The single rows of nodes of w */
static PetscErrorCode ExpandUnknowns(const FurlUnknowns *nodes, PetscInt w, FurlUnknowns *u)
{
  PetscFunctionBegin;
  *u = (FurlUnknowns){.first = nodes->first * w, .own = nodes->own * w, .nothers = nodes->nothers * w};
  PetscCall(PetscMalloc1(u->nothers + 1, &u->other));
  for (PetscInt k = 0; k < u->nothers; k++) u->other[k] = nodes->other[k / w] * w + k % w;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlMeetNodes(Mat A, const FurlAijParts *a, PetscInt bs, FurlUnknowns *u, PetscInt **place)
{
  const PetscInt n = (PetscInt)a->offdiagonal.ncols;
  PetscInt       first;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &first, NULL));
  *u = (FurlUnknowns){.first = first / bs, .own = (PetscInt)a->diagonal.nrows / bs, .nothers = n};
  PetscCall(PetscMalloc1(n + 1, &u->other));
  PetscCall(PetscMalloc1(n + 1, place));
  for (PetscInt k = 0; k < n; k++) u->other[k] = a->ghost[k] / bs;
  PetscCall(PetscSortRemoveDupsInt(&u->nothers, u->other));
  for (PetscInt k = 0; k < n; k++) PetscCall(ToLocal(u, a->ghost[k] / bs, *place + k));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlJoinColumns(const FurlAijParts *a, PetscInt bs, const FurlUnknowns *u, const PetscInt *place, FurlSparse *A)
{
  const FurlCsr *const d = &a->diagonal, *const o = &a->offdiagonal;
  const PetscInt n    = (PetscInt)d->nrows;
  PetscInt       used = 0;
  FurlSparse     rows;
  FurlSparseView view;

  PetscFunctionBegin;
  PetscCall(FurlSparseAllocate(n, (u->own + u->nothers) * bs, 1, 1, d->rowptr[n] + o->rowptr[n], A));
  for (PetscInt i = 0; i < n; i++) {
    for (PetscInt k = d->rowptr[i]; k < d->rowptr[i + 1]; k++, used++) {
      A->column[used] = d->column[k];
      A->value[used]  = d->value[k];
    }
    for (PetscInt k = o->rowptr[i]; k < o->rowptr[i + 1]; k++, used++) {
      A->column[used] = place[o->column[k]] * bs + a->ghost[o->column[k]] % bs;
      A->value[used]  = o->value[k];
    }
    A->rowptr[i + 1] = used;
  }
  if (bs == 1) PetscFunctionReturn(PETSC_SUCCESS);
  rows = *A;
  view = FurlSparseGetView(&rows);
  PetscCall(FurlSparseCondense(&view, bs, A));
  PetscCall(FurlSparseDestroy(&rows));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What goes to each process and comes from it in one exchange: how many units, and where they begin */
typedef struct {
  PetscMPIInt *counts, *displs, *got_counts, *got_displs; /* [size] */
} Traffic;

static PetscErrorCode TrafficAllocate(PetscMPIInt size, Traffic *t)
{
  PetscFunctionBegin;
  PetscCall(PetscCalloc4(size + 1, &t->counts, size + 1, &t->displs, size + 1, &t->got_counts, size + 1, &t->got_displs));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TrafficFree(Traffic *t)
{
  PetscFunctionBegin;
  PetscCall(PetscFree4(t->counts, t->displs, t->got_counts, t->got_displs));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* displs: [size + 1], the last one is the sum */
static PetscErrorCode Sum(PetscMPIInt size, const PetscMPIInt *counts, PetscMPIInt *displs)
{
  int64_t sum = 0;

  PetscFunctionBegin;
  displs[0] = 0;
  for (PetscMPIInt r = 0; r < size; r++) {
    sum += counts[r];
    PetscCheck(counts[r] >= 0 && sum <= INT_MAX, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
               "A level has more entries between processes than MPI can count: use more processes");
    displs[r + 1] = (PetscMPIInt)sum;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TrafficBegin(MPI_Comm comm, PetscMPIInt size, Traffic *t)
{
  PetscFunctionBegin;
  PetscCallMPI(MPI_Alltoall(t->counts, 1, MPI_INT, t->got_counts, 1, MPI_INT, comm));
  PetscCall(Sum(size, t->counts, t->displs));
  PetscCall(Sum(size, t->got_counts, t->got_displs));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Send(MPI_Comm comm, const Traffic *t, MPI_Datatype unit, const void *from, void *to)
{
  PetscFunctionBegin;
  PetscCallMPI(MPI_Alltoallv(from, t->counts, t->displs, unit, to, t->got_counts, t->got_displs, unit, comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The answer to what came: as much from each process as was asked of it, where the units are the same */
static Traffic Answer(const Traffic *t)
{
  return (Traffic){t->got_counts, t->got_displs, t->counts, t->displs};
}

/* asked: rows of this process that others want, in the order of these; sizes: blocks in each. Their columns, global, and blocks */
static PetscErrorCode PackRows(const FurlSparse *rows, const FurlUnknowns *u, PetscInt n, const PetscInt *asked, PetscInt *column,
                               double *value)
{
  const size_t size = (size_t)(rows->height * rows->width);

  PetscFunctionBegin;
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt begin = rows->rowptr[asked[i]], blocks = rows->rowptr[asked[i] + 1] - begin;

    for (PetscInt k = 0; k < blocks; k++) *column++ = ToGlobal(u, rows->column[begin + k]);
    PetscCall(PetscArraycpy(value, rows->value + (size_t)begin * size, (size_t)blocks * size));
    value += (size_t)blocks * size;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* counts: blocks, of rows of the given sizes that are counts_of[r] for each process */
static void CountBlocks(PetscMPIInt size, const PetscMPIInt *rows, const PetscInt *blocks, PetscMPIInt *counts)
{
  for (PetscMPIInt r = 0; r < size; r++) {
    counts[r] = 0;
    for (PetscMPIInt i = 0; i < rows[r]; i++) counts[r] += (PetscMPIInt)*blocks++;
  }
}

/* How many of the others' rows each process has, which come in their order */
static void CountOwners(const FurlUnknowns *rows, const PetscInt *ranges, PetscInt bs, PetscMPIInt *counts)
{
  PetscMPIInt owner = 0;

  for (PetscInt i = 0; i < rows->nothers; i++) {
    while (rows->other[i] >= ranges[owner + 1] / bs) owner++;
    counts[owner]++;
  }
}

/* The rows of `mine`, whose columns are those of u, that other processes have and this one meets; their columns are global.
 * ranges: [processes + 1] of rows, bs to a node */
static PetscErrorCode FetchRows(MPI_Comm comm, const FurlUnknowns *rows, const PetscInt *ranges, PetscInt bs, const FurlSparse *mine,
                                const FurlUnknowns *u, FurlSparse *ghosts)
{
  Traffic      ask, answer, blocks;
  PetscMPIInt  size;
  PetscInt    *asked, *sizes, *got_sizes, *column, n;
  double      *value;
  MPI_Datatype block;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(TrafficAllocate(size, &ask));
  PetscCall(TrafficAllocate(size, &blocks));
  CountOwners(rows, ranges, bs, ask.counts);
  PetscCall(TrafficBegin(comm, size, &ask));
  n = ask.got_displs[size];
  PetscCall(PetscMalloc3(n + 1, &asked, n + 1, &sizes, rows->nothers + 1, &got_sizes));
  PetscCall(Send(comm, &ask, MPIU_INT, rows->other, asked));
  for (PetscInt i = 0; i < n; i++) {
    asked[i] -= rows->first;
    sizes[i] = mine->rowptr[asked[i] + 1] - mine->rowptr[asked[i]];
  }
  answer = Answer(&ask);
  PetscCall(Send(comm, &answer, MPIU_INT, sizes, got_sizes));
  CountBlocks(size, answer.counts, sizes, blocks.counts);
  PetscCall(TrafficBegin(comm, size, &blocks));
  PetscCall(FurlSparseAllocate(rows->nothers, 0, mine->height, mine->width, blocks.got_displs[size], ghosts));
  for (PetscInt i = 0; i < rows->nothers; i++) ghosts->rowptr[i + 1] = ghosts->rowptr[i] + got_sizes[i];
  PetscCall(
    PetscMalloc2(blocks.displs[size] + 1, &column, (size_t)(blocks.displs[size] + 1) * (size_t)(mine->height * mine->width), &value));
  PetscCall(PackRows(mine, u, n, asked, column, value));
  PetscCall(Send(comm, &blocks, MPIU_INT, column, ghosts->column));
  PetscCallMPI(MPI_Type_contiguous((int)(mine->height * mine->width), MPI_DOUBLE, &block));
  PetscCallMPI(MPI_Type_commit(&block));
  PetscCall(Send(comm, &blocks, block, value, ghosts->value));
  PetscCallMPI(MPI_Type_free(&block));
  PetscCall(PetscFree2(column, value));
  PetscCall(PetscFree3(asked, sizes, got_sizes));
  PetscCall(TrafficFree(&blocks));
  PetscCall(TrafficFree(&ask));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* u: grows by the columns of ghosts */
static PetscErrorCode MeetMore(const FurlSparse *ghosts, FurlUnknowns *u)
{
  const PetscInt blocks = ghosts->rowptr[ghosts->nrows];
  PetscInt      *other;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(u->nothers + blocks + 1, &other));
  PetscCall(PetscArraycpy(other, u->other, u->nothers));
  for (PetscInt k = 0; k < blocks; k++)
    if (!IsOwn(u, ghosts->column[k])) other[u->nothers++] = ghosts->column[k];
  PetscCall(PetscSortRemoveDupsInt(&u->nothers, other));
  PetscCall(PetscFree(u->other));
  u->other = other;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlJoinRows(Mat A, const FurlUnknowns *rows, const FurlSparse *mine, FurlUnknowns *u, FurlSparse *joined)
{
  const MPI_Comm  comm   = PetscObjectComm((PetscObject)A);
  FurlUnknowns    before = *u;
  const PetscInt  n = mine->nrows, blocks = mine->rowptr[n], size = mine->height * mine->width;
  const PetscInt *ranges;
  FurlSparse      ghosts;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRanges(A, &ranges));
  PetscCall(FetchRows(comm, rows, ranges, mine->height, mine, &before, &ghosts));
  PetscCall(PetscMalloc1(before.nothers + 1, &u->other));
  PetscCall(PetscArraycpy(u->other, before.other, before.nothers));
  PetscCall(MeetMore(&ghosts, u));
  PetscCall(
    FurlSparseAllocate(n + ghosts.nrows, u->own + u->nothers, mine->height, mine->width, blocks + ghosts.rowptr[ghosts.nrows], joined));
  for (PetscInt i = 0; i < n; i++) joined->rowptr[i + 1] = mine->rowptr[i + 1];
  for (PetscInt i = 0; i < ghosts.nrows; i++) joined->rowptr[n + i + 1] = blocks + ghosts.rowptr[i + 1];
  for (PetscInt k = 0; k < blocks; k++) PetscCall(ToLocal(u, ToGlobal(&before, mine->column[k]), joined->column + k));
  for (PetscInt k = 0; k < ghosts.rowptr[ghosts.nrows]; k++) PetscCall(ToLocal(u, ghosts.column[k], joined->column + blocks + k));
  PetscCall(PetscArraycpy(joined->value, mine->value, (size_t)blocks * (size_t)size));
  PetscCall(PetscArraycpy(joined->value + (size_t)blocks * (size_t)size, ghosts.value, (size_t)ghosts.rowptr[ghosts.nrows] * (size_t)size));
  PetscCall(FurlSparseDestroy(&ghosts));
  PetscCall(FurlUnknownsDestroy(&before));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* C = P' A P of this process's rows of A, without blocks */
static PetscErrorCode MultiplyOwn(const FurlSparse *A, const FurlSparse *P, FurlSparse *C)
{
  FurlSparse     AP, R;
  FurlSparseView left = FurlSparseGetView(A), p = FurlSparseGetView(P), own = p;

  PetscFunctionBegin;
  PetscCall(FurlSparseMultiply(&left, &p, &AP));
  own.nrows = A->nrows; /* the ghosts' rows stand behind */
  PetscCall(FurlSparseTranspose(&own, &R));
  left = FurlSparseGetView(&R);
  p    = FurlSparseGetView(&AP);
  PetscCall(FurlSparseMultiply(&left, &p, C));
  PetscCall(FurlSparseDestroy(&R));
  PetscCall(FurlSparseDestroy(&AP));
  PetscCall(FurlSparseSort(C));
  PetscCall(FurlSparseExpand(C));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows of the coarser matrix that other processes have added to, in the order of their ranks: row, number of entries n and n columns, all
 * global, of each, one after the other; and its n values */
typedef struct {
  PetscInt  nnumbers;
  PetscInt *number; /* [nnumbers] */
  double   *value;
} Received;

/* What C has in others' rows, which come in the order of their processes; number, value: NULL to count only */
static void Pack(const FurlSparse *C, const FurlUnknowns *u, const PetscInt *ranges, PetscMPIInt *numbers, PetscMPIInt *values,
                 PetscInt *number, double *value)
{
  PetscMPIInt owner = 0;

  for (PetscInt i = u->own; i < C->nrows; i++) {
    const PetscInt row = ToGlobal(u, i), n = C->rowptr[i + 1] - C->rowptr[i];

    while (row >= ranges[owner + 1]) owner++;
    if (!number) {
      numbers[owner] += (PetscMPIInt)(n + 2);
      values[owner] += (PetscMPIInt)n;
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
static PetscErrorCode Exchange(MPI_Comm comm, const FurlSparse *C, const FurlUnknowns *u, const PetscInt *ranges, Received *got)
{
  Traffic     numbers, values;
  PetscMPIInt size;
  PetscInt   *number;
  double     *value;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(TrafficAllocate(size, &numbers));
  PetscCall(TrafficAllocate(size, &values));
  Pack(C, u, ranges, numbers.counts, values.counts, NULL, NULL);
  PetscCall(TrafficBegin(comm, size, &numbers));
  PetscCall(TrafficBegin(comm, size, &values));
  got->nnumbers = numbers.got_displs[size];
  PetscCall(PetscMalloc2(numbers.displs[size] + 1, &number, values.displs[size] + 1, &value));
  PetscCall(PetscMalloc2(got->nnumbers + 1, &got->number, values.got_displs[size] + 1, &got->value));
  Pack(C, u, ranges, NULL, NULL, number, value);
  PetscCall(Send(comm, &numbers, MPIU_INT, number, got->number));
  PetscCall(Send(comm, &values, MPI_DOUBLE, value, got->value));
  PetscCall(PetscFree2(number, value));
  PetscCall(TrafficFree(&values));
  PetscCall(TrafficFree(&numbers));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A row's entries, in own columns and others', added to what is counted */
static void Count(const FurlUnknowns *u, PetscInt n, const PetscInt *column, PetscInt *own, PetscInt *other)
{
  for (PetscInt k = 0; k < n; k++)
    if (IsOwn(u, column[k]))
      ++*own;
    else
      ++*other;
}

/* C's own rows have global columns here */
static PetscErrorCode Create(MPI_Comm comm, const FurlSparse *C, const FurlUnknowns *u, PetscInt total, const Received *got, Mat *coarse)
{
  PetscInt *own, *other;

  PetscFunctionBegin;
  PetscCall(PetscCalloc2(u->own + 1, &own, u->own + 1, &other));
  for (PetscInt i = 0; i < u->own; i++) Count(u, C->rowptr[i + 1] - C->rowptr[i], C->column + C->rowptr[i], own + i, other + i);
  for (PetscInt k = 0; k < got->nnumbers; k += 2 + got->number[k + 1])
    Count(u, got->number[k + 1], got->number + k + 2, own + got->number[k] - u->first, other + got->number[k] - u->first);
  PetscCall(MatCreate(comm, coarse));
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

static PetscErrorCode Assemble(const FurlSparse *C, const FurlUnknowns *u, const Received *got, Mat coarse)
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

PetscErrorCode FurlProjectTogether(MPI_Comm comm, const FurlSparse *A, const FurlSparse *P, const FurlUnknowns *nodes, Mat *coarse)
{
  PetscMPIInt  size;
  PetscInt    *ranges;
  FurlSparse   C;
  FurlUnknowns u;
  Received     got;

  PetscFunctionBegin;
  PetscCall(MultiplyOwn(A, P, &C));
  PetscCall(ExpandUnknowns(nodes, P->width, &u));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(PetscMalloc1(size + 1, &ranges));
  PetscCallMPI(MPI_Allgather(&u.first, 1, MPIU_INT, ranges, 1, MPIU_INT, comm));
  ranges[size] = u.own;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, ranges + size, 1, MPIU_INT, MPI_SUM, comm));
  PetscCall(Exchange(comm, &C, &u, ranges, &got));
  for (PetscInt k = 0; k < C.rowptr[u.own]; k++) C.column[k] = ToGlobal(&u, C.column[k]);
  PetscCall(Create(comm, &C, &u, ranges[size], &got, coarse));
  PetscCall(Assemble(&C, &u, &got, *coarse));
  PetscCall(FurlUnknownsDestroy(&u));
  PetscCall(PetscFree2(got.number, got.value));
  PetscCall(PetscFree(ranges));
  PetscCall(FurlSparseDestroy(&C));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlSparseToMatTogether(MPI_Comm comm, FurlSparse *A, const FurlUnknowns *u, Mat *aij)
{
  PetscFunctionBegin;
  for (PetscInt k = 0; k < A->rowptr[A->nrows]; k++) A->column[k] = ToGlobal(u, A->column[k]);
  A->ncols = u->own;
  PetscCall(FurlSparseExpand(A));
  for (PetscInt i = 0; i < A->nrows; i++) /* which costs little where they are in order */
    PetscCall(PetscSortIntWithScalarArray(A->rowptr[i + 1] - A->rowptr[i], A->column + A->rowptr[i], A->value + A->rowptr[i]));
  PetscCall(MatCreateMPIAIJWithArrays(comm, A->nrows, A->ncols, PETSC_DETERMINE, PETSC_DETERMINE, A->rowptr, A->column, A->value, aij));
  PetscFunctionReturn(PETSC_SUCCESS);
}
