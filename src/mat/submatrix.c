/*
  Submatrices and permutations row by row: rows and columns that a process picks among its own, each column once. What else there is is left
  to AIJ.
*/
#include "rewrite.h"

typedef struct {
  Mat             A;
  const PetscInt *row;   /* [rows of the result] local rows of A */
  PetscInt       *own;   /* [local columns of A] their global numbers in the result, -1 where they are left out */
  PetscInt       *ghost; /* [nghost] the same */
  FurlMadeRow     whole; /* the row of A */
} Selection;

static PetscInt NewColumn(const Selection *c, PetscInt j)
{
  const PetscLayout       columns = c->A->cmap;
  const FurlMatrix *const m       = &((Mat_Furl *)c->A->data)->encoded->matrix;

  return j >= columns->rstart && j < columns->rend ? c->own[j - columns->rstart] : c->ghost[FurlFindPlace(m->nghost, m->ghost, j)];
}

static PetscErrorCode SelectRow(void *context, PetscInt i, FurlMadeRow *row)
{
  Selection *const c      = context;
  PetscBool        sorted = PETSC_TRUE;

  PetscFunctionBegin;
  PetscCall(FurlMadeRowRead(c->A, c->row[i], 0, &c->whole));
  PetscCall(FurlMadeRowReserve(row, c->whole.n));
  for (PetscInt k = 0; k < c->whole.n; k++) {
    const PetscInt j = NewColumn(c, c->whole.column[k]);

    if (j < 0) continue;
    if (row->n && row->column[row->n - 1] > j) sorted = PETSC_FALSE;
    FurlMadeRowAppend(row, j, c->whole.value[k]);
  }
  if (!sorted) PetscCall(PetscSortIntWithScalarArray(row->n, row->column, row->value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether on all processes the indices are the process's own, and none comes twice where that is not wanted */
static PetscErrorCode AreOwn(IS is, PetscLayout layout, PetscBool once, PetscBool *yes)
{
  const PetscInt *index;
  PetscInt        n;
  PetscBool      *seen;
  PetscMPIInt     other = 0;

  PetscFunctionBegin;
  PetscCall(ISGetLocalSize(is, &n));
  PetscCall(ISGetIndices(is, &index));
  PetscCall(PetscCalloc1(layout->n, &seen));
  for (PetscInt k = 0; !other && k < n; k++) {
    const PetscInt at = index[k] - layout->rstart;

    other = at < 0 || at >= layout->n || (once && seen[at]);
    if (!other) seen[at] = PETSC_TRUE;
  }
  PetscCall(PetscFree(seen));
  PetscCall(ISRestoreIndices(is, &index));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &other, 1, MPI_INT, MPI_MAX, layout->comm));
  *yes = (PetscBool)!other;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Numbers of the columns in the result, whose first one of this process is `first` */
static PetscErrorCode NumberColumns(Selection *c, IS columns, PetscInt first)
{
  const FurlMatrix *const m = &((Mat_Furl *)c->A->data)->encoded->matrix;
  const PetscInt         *index;
  PetscInt                n;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(c->A->cmap->n, &c->own, m->nghost, &c->ghost));
  for (PetscInt j = 0; j < c->A->cmap->n; j++) c->own[j] = -1;
  PetscCall(ISGetLocalSize(columns, &n));
  PetscCall(ISGetIndices(columns, &index));
  for (PetscInt k = 0; k < n; k++) c->own[index[k] - c->A->cmap->rstart] = first + k;
  PetscCall(ISRestoreIndices(columns, &index));
  PetscCall(FurlHaloBegin(m, MPIU_INT, c->own, c->ghost));
  PetscCall(FurlHaloEnd(m, MPIU_INT, c->own, c->ghost));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateResult(Mat A, IS rows, IS columns, Mat *B)
{
  const Mat_Furl *const f = A->data;
  PetscInt              m, n, bs, cbs;

  PetscFunctionBegin;
  PetscCall(ISGetLocalSize(rows, &m));
  PetscCall(ISGetLocalSize(columns, &n));
  PetscCall(ISGetBlockSize(rows, &bs));
  PetscCall(ISGetBlockSize(columns, &cbs));
  PetscCall(MatCreate(PetscObjectComm((PetscObject)A), B));
  PetscCall(MatSetSizes(*B, m, n, PETSC_DETERMINE, PETSC_DETERMINE));
  PetscCall(MatSetBlockSizes(*B, bs, cbs));
  PetscCall(MatSetType(*B, MATFURL));
  PetscCall(PetscLayoutSetUp((*B)->rmap));
  PetscCall(PetscLayoutSetUp((*B)->cmap));
  PetscCall(MatFurlSetValuesType(*B, f->values));
  PetscCall(MatFurlSetReadType(*B, f->read));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlSelect(Mat A, IS rows, IS columns, MatReuse reuse, Mat *B, PetscBool *done)
{
  Selection       c       = {.A = A};
  FurlRewrite     rewrite = {.make = SelectRow, .context = &c};
  const PetscInt *index;
  PetscInt       *local, n;
  PetscBool       own;
  FurlEncoded    *encoded;

  PetscFunctionBegin;
  PetscCheck(((Mat_Furl *)A->data)->encoded, PetscObjectComm((PetscObject)A), PETSC_ERR_ARG_WRONGSTATE,
             "The matrix holds no values; assemble it first");
  PetscCall(AreOwn(rows, A->rmap, PETSC_FALSE, done));
  if (*done) PetscCall(AreOwn(columns, A->cmap, PETSC_TRUE, done));
  if (*done && reuse == MAT_REUSE_MATRIX) PetscCall(PetscObjectTypeCompare((PetscObject)*B, MATFURL, done));
  if (!*done) PetscFunctionReturn(PETSC_SUCCESS);
  if (reuse == MAT_INITIAL_MATRIX) PetscCall(CreateResult(A, rows, columns, B));
  PetscCall(ISGetLocalSize(columns, &n));
  own = (PetscBool)(n == (*B)->cmap->n);
  PetscCall(ISGetLocalSize(rows, &n));
  PetscCheck(own && n == (*B)->rmap->n, PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ, "The matrix to use again is of another size");
  PetscCall(NumberColumns(&c, columns, (*B)->cmap->rstart));
  PetscCall(ISGetIndices(rows, &index));
  PetscCall(PetscMalloc1(n, &local));
  for (PetscInt k = 0; k < n; k++) local[k] = index[k] - A->rmap->rstart;
  c.row           = local;
  rewrite.entries = A->rmap->n ? ((Mat_Furl *)A->data)->encoded->matrix.diagonal.nnz / A->rmap->n * n : 0;
  rewrite.like    = reuse == MAT_REUSE_MATRIX && ((Mat_Furl *)(*B)->data)->encoded ? &((Mat_Furl *)(*B)->data)->encoded->matrix : NULL;
  PetscCall(FurlRewriteRows(*B, &rewrite, &encoded));
  PetscCall(FurlSetEncoded(*B, encoded));
  PetscCall(PetscFree(local));
  PetscCall(ISRestoreIndices(rows, &index));
  PetscCall(PetscFree2(c.own, c.ghost));
  PetscCall(FurlMadeRowFree(&c.whole));
  PetscFunctionReturn(PETSC_SUCCESS);
}
