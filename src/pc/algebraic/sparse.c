/* Products and transposes of sparse matrices, by rows (F. Gustavson, ACM Trans. Math. Softw. 4, 1978) */
#include "sparse.h"

#define SHORT_ROW 8 /* entries in the mean: sorted where they are, as the moves grow with the square */

FurlCsr FurlSparseView(const FurlSparse *A)
{
  return (FurlCsr){.nrows = A->nrows, .ncols = A->ncols, .rowptr = A->rowptr, .column = A->column, .value = A->value};
}

PetscErrorCode FurlSparseAllocate(PetscInt nrows, PetscInt ncols, PetscInt nnz, FurlSparse *A)
{
  PetscFunctionBegin;
  *A = (FurlSparse){.nrows = nrows, .ncols = ncols};
  PetscCall(PetscCalloc1(nrows + 1, &A->rowptr));
  PetscCall(PetscMalloc1(nnz + 1, &A->column));
  PetscCall(PetscMalloc1(nnz + 1, &A->value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlSparseDestroy(FurlSparse *A)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(A->value));
  PetscCall(PetscFree(A->column));
  PetscCall(PetscFree(A->rowptr));
  *A = (FurlSparse){.nrows = 0};
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Room for `more` entries behind the first `used` */
static PetscErrorCode Reserve(PetscInt used, PetscInt more, PetscInt *room, FurlSparse *C)
{
  PetscFunctionBegin;
  if (more <= *room - used) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(more <= PETSC_MAX_INT - used, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
             "A coarse level has more than %" PetscInt_FMT " entries on one process: use more processes, or 64-bit indices", PETSC_MAX_INT);
  *room = PetscMax(used + more, *room > PETSC_MAX_INT / 3 * 2 ? PETSC_MAX_INT - 1 : *room + *room / 2);
  PetscCall(PetscRealloc((size_t)(*room + 1) * sizeof(*C->column), &C->column));
  PetscCall(PetscRealloc((size_t)(*room + 1) * sizeof(*C->value), &C->value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The most entries that row i of the product can have */
static PetscInt BoundRow(const FurlCsr *A, const FurlCsr *B, PetscInt i)
{
  int64_t bound = 0;

  for (PetscInt k = A->rowptr[i]; k < A->rowptr[i + 1]; k++) bound += B->rowptr[A->column[k] + 1] - B->rowptr[A->column[k]];
  return (PetscInt)PetscMin(bound, B->ncols);
}

/* What a row of a product has in a column so far; `row` is the last one that has the column, and all sums of rows that are done are zero */
typedef struct {
  double   sum;
  PetscInt row;
} Column;

/* Appends row i of A B behind the first `used` entries of C. No branch goes by the pattern: one in two would be guessed wrong */
static PetscInt MultiplyRow(const FurlCsr *A, const FurlCsr *B, PetscInt i, PetscInt used, Column *restrict of, FurlSparse *C)
{
  const PetscInt *const begin = B->rowptr, *const column = B->column;
  const double *const   value = B->value;
  PetscInt *restrict    list  = C->column + used;
  PetscInt              n     = 0;

  for (PetscInt k = A->rowptr[i]; k < A->rowptr[i + 1]; k++) {
    const PetscInt row = A->column[k], end = begin[row + 1];
    const double   a = A->value[k];

    for (PetscInt m = begin[row]; m < end; m++) {
      const PetscInt j = column[m];

      list[n] = j;
      n += of[j].row != i;
      of[j].row = i;
      of[j].sum += a * value[m];
    }
  }
  for (PetscInt k = 0; k < n; k++) {
    C->value[used + k] = of[list[k]].sum;
    of[list[k]].sum    = 0;
  }
  return used + n;
}

/* C = A B */
PetscErrorCode FurlSparseMultiply(const FurlCsr *A, const FurlCsr *B, FurlSparse *C)
{
  PetscInt room = A->rowptr[A->nrows], used = 0;
  Column  *of;

  PetscFunctionBegin;
  PetscCall(FurlSparseAllocate((PetscInt)A->nrows, (PetscInt)B->ncols, room, C));
  PetscCall(PetscMalloc1(B->ncols + 1, &of));
  for (int64_t j = 0; j < B->ncols; j++) of[j] = (Column){.row = -1};
  for (PetscInt i = 0; i < A->nrows; i++) {
    PetscCall(Reserve(used, BoundRow(A, B, i), &room, C));
    used             = MultiplyRow(A, B, i, used, of, C);
    C->rowptr[i + 1] = used;
  }
  PetscCall(PetscFree(of));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlSparseTranspose(const FurlCsr *A, FurlSparse *T)
{
  const PetscInt nnz = A->rowptr[A->nrows];
  PetscInt      *next;

  PetscFunctionBegin;
  PetscCall(FurlSparseAllocate((PetscInt)A->ncols, (PetscInt)A->nrows, nnz, T));
  for (PetscInt k = 0; k < nnz; k++) T->rowptr[A->column[k] + 1]++;
  for (PetscInt j = 0; j < T->nrows; j++) T->rowptr[j + 1] += T->rowptr[j];
  PetscCall(PetscMalloc1(T->nrows + 1, &next));
  PetscCall(PetscArraycpy(next, T->rowptr, T->nrows));
  for (PetscInt i = 0; i < A->nrows; i++)
    for (PetscInt k = A->rowptr[i]; k < A->rowptr[i + 1]; k++) {
      const PetscInt to = next[A->column[k]]++;

      T->column[to] = i;
      T->value[to]  = A->value[k];
    }
  PetscCall(PetscFree(next));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void SortByInsertion(FurlSparse *A)
{
  for (PetscInt i = 0; i < A->nrows; i++)
    for (PetscInt k = A->rowptr[i] + 1; k < A->rowptr[i + 1]; k++) {
      const PetscInt column = A->column[k];
      const double   value  = A->value[k];
      PetscInt       to     = k;

      for (; to > A->rowptr[i] && A->column[to - 1] > column; to--) {
        A->column[to] = A->column[to - 1];
        A->value[to]  = A->value[to - 1];
      }
      A->column[to] = column;
      A->value[to]  = value;
    }
}

/* The transpose of the transpose */
static PetscErrorCode SortByTransposing(FurlSparse *A)
{
  FurlSparse turned;
  FurlCsr    view = FurlSparseView(A);

  PetscFunctionBegin;
  PetscCall(FurlSparseTranspose(&view, &turned));
  PetscCall(FurlSparseDestroy(A));
  view = FurlSparseView(&turned);
  PetscCall(FurlSparseTranspose(&view, A));
  PetscCall(FurlSparseDestroy(&turned));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlSparseSort(FurlSparse *A)
{
  PetscFunctionBegin;
  if (A->rowptr[A->nrows] <= SHORT_ROW * (int64_t)A->nrows)
    SortByInsertion(A);
  else
    PetscCall(SortByTransposing(A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlSparseToMat(MPI_Comm comm, const FurlSparse *A, Mat *aij)
{
  PetscFunctionBegin;
  PetscCall(MatCreateSeqAIJWithArrays(comm, A->nrows, A->ncols, A->rowptr, A->column, A->value, aij));
  PetscFunctionReturn(PETSC_SUCCESS);
}
