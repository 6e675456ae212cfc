/* Products and transposes of sparse matrices, by rows (F. Gustavson, ACM Trans. Math. Softw. 4, 1978) */
#include <furl/memory.h>
#include "sparse.h"

#define SHORT_ROW 8 /* entries in the mean: sorted where they are, as the moves grow with the square; */
#define LONG_ROW 64 /* not where a row has more than that */

FurlSparseView FurlSparseGetView(const FurlSparse *A)
{
  return (FurlSparseView){A->nrows, A->ncols, A->height, A->width, A->rowptr, A->column, A->value};
}

FurlSparseView FurlSparseViewCsr(const FurlCsr *a)
{
  return (FurlSparseView){(PetscInt)a->nrows, (PetscInt)a->ncols, 1, 1, a->rowptr, a->column, a->value};
}

/* What is filled once and left takes as long to be brought into memory by small pages as to be computed */
static void UseLargePages(PetscInt room, FurlSparse *A)
{
  FurlMemoryLargePages(A->column, (size_t)room * sizeof(*A->column));
  FurlMemoryLargePages(A->value, (size_t)room * (size_t)(A->height * A->width) * sizeof(*A->value));
}

PetscErrorCode FurlSparseAllocate(PetscInt nrows, PetscInt ncols, PetscInt height, PetscInt width, PetscInt blocks, FurlSparse *A)
{
  PetscFunctionBegin;
  *A = (FurlSparse){.nrows = nrows, .ncols = ncols, .height = height, .width = width};
  PetscCall(PetscCalloc1(nrows + 1, &A->rowptr));
  PetscCall(PetscMalloc1(blocks + 1, &A->column));
  PetscCall(PetscMalloc1((size_t)(blocks + 1) * (size_t)(height * width), &A->value));
  UseLargePages(blocks, A);
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

/* Room for `more` blocks behind the first `used` */
static PetscErrorCode Reserve(PetscInt used, int64_t more, PetscInt *room, FurlSparse *C)
{
  const size_t size = (size_t)(C->height * C->width) * sizeof(*C->value);

  PetscFunctionBegin;
  if (more <= *room - used) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(more < PETSC_MAX_INT - used, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
             "A coarser level has more than %" PetscInt_FMT " entries on one process: use more processes, or 64-bit indices",
             PETSC_MAX_INT);
  *room = (PetscInt)PetscMax(used + more, PetscMin((int64_t)*room + *room / 2, PETSC_MAX_INT - 1));
  PetscCall(PetscRealloc((size_t)(*room + 1) * sizeof(*C->column), &C->column));
  PetscCall(PetscRealloc((size_t)(*room + 1) * size, &C->value));
  UseLargePages(*room, C);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The most blocks that row i of the product can have */
static int64_t BoundRow(const FurlSparseView *A, const FurlSparseView *B, PetscInt i)
{
  int64_t bound = 0;

  for (PetscInt k = A->rowptr[i]; k < A->rowptr[i + 1]; k++) bound += B->rowptr[A->column[k] + 1] - B->rowptr[A->column[k]];
  return PetscMin(bound, B->ncols);
}

/*
  What the product has in a column: `row` is the last one that has it. Of scalar matrices, sum is the entry so far, and zero in rows that
  are done; of blocks, place is where the block is
*/
typedef struct {
  union {
    double   sum;
    PetscInt place;
  };
  PetscInt row;
} Column;

/* Appends row i of A B, scalar matrices, behind the first `used` entries of C. No branch goes by the pattern: one in two would be guessed
 * wrong */
static PetscInt MultiplyRow(const FurlSparseView *A, const FurlSparseView *B, PetscInt i, PetscInt used, Column *restrict of, FurlSparse *C)
{
  const PetscInt *const begin = B->rowptr, *const column = B->column;
  const double *const value = B->value;
  PetscInt *restrict list   = C->column + used;
  PetscInt n                = 0;

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

/* c += a b for blocks of h x m and m x w */
static inline void AddProduct(PetscInt h, PetscInt m, PetscInt w, const double *restrict a, const double *restrict b, double *restrict c)
{
  for (PetscInt i = 0; i < h; i++)
    for (PetscInt k = 0; k < m; k++)
      for (PetscInt j = 0; j < w; j++) c[i * w + j] += a[i * m + k] * b[k * w + j];
}

/* The same, with loops of a length that is known for the modes of solids, and of two and three components */
static void AddBlocks(PetscInt h, PetscInt m, PetscInt w, const double *a, const double *b, double *c)
{
  if (m == 3 && w == 6)
    AddProduct(h, 3, 6, a, b, c);
  else if (m == 6 && w == 6)
    AddProduct(h, 6, 6, a, b, c);
  else if (m == 3 && w == 3)
    AddProduct(h, 3, 3, a, b, c);
  else if (m == 2 && w == 2)
    AddProduct(h, 2, 2, a, b, c);
  else
    AddProduct(h, m, w, a, b, c);
}

static PetscInt MultiplyBlockRow(const FurlSparseView *A, const FurlSparseView *B, PetscInt i, PetscInt used, Column *of, FurlSparse *C)
{
  const PetscInt h = A->height, m = A->width, w = B->width;

  for (PetscInt k = A->rowptr[i]; k < A->rowptr[i + 1]; k++)
    for (PetscInt l = B->rowptr[A->column[k]]; l < B->rowptr[A->column[k] + 1]; l++) {
      Column *const column = of + B->column[l];

      if (column->row != i) {
        *column         = (Column){.place = used, .row = i};
        C->column[used] = B->column[l];
        for (PetscInt e = 0; e < h * w; e++) C->value[(size_t)used * (size_t)(h * w) + (size_t)e] = 0;
        used++;
      }
      AddBlocks(h, m, w, A->value + (size_t)k * (size_t)(h * m), B->value + (size_t)l * (size_t)(m * w),
                C->value + (size_t)column->place * (size_t)(h * w));
    }
  return used;
}

PetscErrorCode FurlSparseMultiply(const FurlSparseView *A, const FurlSparseView *B, FurlSparse *C)
{
  const PetscBool scalar = (PetscBool)(A->height * A->width * B->width == 1);
  PetscInt        room = A->rowptr[A->nrows], used = 0;
  Column         *of;

  PetscFunctionBegin;
  PetscCall(FurlSparseAllocate(A->nrows, B->ncols, A->height, B->width, room, C));
  PetscCall(PetscMalloc1(B->ncols + 1, &of));
  for (PetscInt j = 0; j < B->ncols; j++) of[j] = (Column){.sum = 0, .row = -1};
  for (PetscInt i = 0; i < A->nrows; i++) {
    PetscCall(Reserve(used, BoundRow(A, B, i), &room, C));
    used             = (scalar ? MultiplyRow : MultiplyBlockRow)(A, B, i, used, of, C);
    C->rowptr[i + 1] = used;
  }
  PetscCall(PetscFree(of));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* b = a' for a of h x w */
static void TransposeBlock(PetscInt h, PetscInt w, const double *a, double *b)
{
  for (PetscInt i = 0; i < h; i++)
    for (PetscInt j = 0; j < w; j++) b[j * h + i] = a[i * w + j];
}

PetscErrorCode FurlSparseTranspose(const FurlSparseView *A, FurlSparse *T)
{
  const PetscInt blocks = A->rowptr[A->nrows], h = A->height, w = A->width;
  PetscInt      *next;

  PetscFunctionBegin;
  PetscCall(FurlSparseAllocate(A->ncols, A->nrows, w, h, blocks, T));
  for (PetscInt k = 0; k < blocks; k++) T->rowptr[A->column[k] + 1]++;
  for (PetscInt j = 0; j < T->nrows; j++) T->rowptr[j + 1] += T->rowptr[j];
  PetscCall(PetscMalloc1(T->nrows + 1, &next));
  PetscCall(PetscArraycpy(next, T->rowptr, T->nrows));
  for (PetscInt i = 0; i < A->nrows; i++)
    for (PetscInt k = A->rowptr[i]; k < A->rowptr[i + 1]; k++) {
      const PetscInt to = next[A->column[k]]++;

      T->column[to] = i;
      TransposeBlock(h, w, A->value + (size_t)k * (size_t)(h * w), T->value + (size_t)to * (size_t)(h * w));
    }
  PetscCall(PetscFree(next));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of scalar matrices */
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
  FurlSparse     turned;
  FurlSparseView view = FurlSparseGetView(A);

  PetscFunctionBegin;
  PetscCall(FurlSparseTranspose(&view, &turned));
  PetscCall(FurlSparseDestroy(A));
  view = FurlSparseGetView(&turned);
  PetscCall(FurlSparseTranspose(&view, A));
  PetscCall(FurlSparseDestroy(&turned));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlSparseSort(FurlSparse *A)
{
  PetscInt longest = 0;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < A->nrows; i++) longest = PetscMax(longest, A->rowptr[i + 1] - A->rowptr[i]);
  if (A->height * A->width == 1 && longest <= LONG_ROW && A->rowptr[A->nrows] <= SHORT_ROW * (int64_t)A->nrows)
    SortByInsertion(A);
  else
    PetscCall(SortByTransposing(A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Row i of blocks of a's rows; n is best a constant, as every entry is divided by it */
static inline PetscInt CondenseRow(const FurlSparseView *a, PetscInt n, PetscInt i, PetscInt used, PetscInt *place, FurlSparse *A)
{
  const PetscInt begin = used;

  for (PetscInt r = 0; r < n; r++)
    for (PetscInt k = a->rowptr[i * n + r]; k < a->rowptr[i * n + r + 1]; k++) {
      const PetscInt j = a->column[k] / n;

      if (place[j] < begin) {
        place[j]        = used;
        A->column[used] = j;
        for (PetscInt e = 0; e < n * n; e++) A->value[(size_t)used * (size_t)(n * n) + (size_t)e] = 0;
        used++;
      }
      A->value[(size_t)place[j] * (size_t)(n * n) + (size_t)(r * n + a->column[k] % n)] += a->value[k];
    }
  return used;
}

PetscErrorCode FurlSparseCondense(const FurlSparseView *a, PetscInt n, FurlSparse *A)
{
  PetscInt *place, room = a->rowptr[a->nrows] / (n * n);

  PetscFunctionBegin;
  PetscCall(FurlSparseAllocate(a->nrows / n, a->ncols / n, n, n, room, A));
  PetscCall(PetscMalloc1(A->ncols + 1, &place));
  for (PetscInt j = 0; j < A->ncols; j++) place[j] = -1;
  for (PetscInt i = 0; i < A->nrows; i++) {
    PetscCall(Reserve(A->rowptr[i], PetscMin(a->rowptr[(i + 1) * n] - a->rowptr[i * n], A->ncols), &room, A));
    if (n == 3)
      A->rowptr[i + 1] = CondenseRow(a, 3, i, A->rowptr[i], place, A);
    else if (n == 6)
      A->rowptr[i + 1] = CondenseRow(a, 6, i, A->rowptr[i], place, A);
    else
      A->rowptr[i + 1] = CondenseRow(a, n, i, A->rowptr[i], place, A);
  }
  PetscCall(PetscFree(place));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlSparseExpand(FurlSparse *A)
{
  const PetscInt h = A->height, w = A->width;
  PetscInt       used = 0;
  FurlSparse     a;

  PetscFunctionBegin;
  if (h * w == 1) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck((int64_t)A->rowptr[A->nrows] * h * w < PETSC_MAX_INT, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
             "A coarser level has more than %" PetscInt_FMT " entries on one process: use more processes, or 64-bit indices",
             PETSC_MAX_INT);
  PetscCall(FurlSparseAllocate(A->nrows * h, A->ncols * w, 1, 1, A->rowptr[A->nrows] * h * w, &a));
  for (PetscInt i = 0; i < a.nrows; i++) {
    for (PetscInt k = A->rowptr[i / h]; k < A->rowptr[i / h + 1]; k++)
      for (PetscInt j = 0; j < w; j++) {
        a.column[used]  = A->column[k] * w + j;
        a.value[used++] = A->value[(size_t)k * (size_t)(h * w) + (size_t)(i % h * w + j)];
      }
    a.rowptr[i + 1] = used;
  }
  PetscCall(FurlSparseDestroy(A));
  *A = a;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlSparseToMat(MPI_Comm comm, const FurlSparse *A, Mat *aij)
{
  PetscFunctionBegin;
  PetscCall(MatCreateSeqAIJWithArrays(comm, A->nrows, A->ncols, A->rowptr, A->column, A->value, aij));
  PetscFunctionReturn(PETSC_SUCCESS);
}
