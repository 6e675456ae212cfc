/* Operations that change values or places row by row: each makes the rows of the new matrix from those of the old, and no AIJ is made */
#include "rewrite.h"

static PetscErrorCode CheckAssembled(Mat A)
{
  PetscFunctionBegin;
  PetscCheck(((Mat_Furl *)A->data)->encoded, PetscObjectComm((PetscObject)A), PETSC_ERR_ARG_WRONGSTATE,
             "The matrix holds no values; assemble it first");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A's rows give way to those that are made of them; *fresh, then, tells whether this process has got places or lost some */
static PetscErrorCode Change(Mat A, FurlMakeRow make, void *context, const PetscBool *fresh)
{
  const FurlMatrix *m;
  FurlRewrite       rewrite = {.make = make, .context = context};
  FurlEncoded      *encoded;
  PetscMPIInt       other;

  PetscFunctionBegin;
  m               = &((Mat_Furl *)A->data)->encoded->matrix;
  rewrite.like    = m;
  rewrite.entries = m->diagonal.nnz;
  PetscCall(FurlRewriteRows(A, &rewrite, &encoded));
  PetscCall(FurlSetEncoded(A, encoded));
  if (!fresh) PetscFunctionReturn(PETSC_SUCCESS);
  other = *fresh;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &other, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)A)));
  if (other) A->nonzerostate++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The place of a column, or the one that it would get; columns ascend */
static PetscInt FindPlace(const FurlMadeRow *row, PetscInt column, PetscBool *found)
{
  const PetscInt place = FurlFindPlace(row->n, row->column, column);

  *found = (PetscBool)(place < row->n && row->column[place] == column);
  return place;
}

/* Puts an entry where there is none, if the options allow; there is room for it */
static PetscErrorCode InsertNew(Mat A, PetscInt i, PetscInt at, PetscInt column, PetscScalar value, FurlMadeRow *row)
{
  const Mat_Furl *const f = A->data;

  PetscFunctionBegin;
  if (f->ignore_new) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(!f->new_is_error, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
             "The matrix has no entry (%" PetscInt_FMT ", %" PetscInt_FMT "); see MatSetOption() with MAT_NEW_NONZERO_LOCATION_ERR",
             A->rmap->rstart + i, column);
  for (PetscInt k = row->n++; k > at; k--) {
    row->column[k] = row->column[k - 1];
    row->value[k]  = row->value[k - 1];
  }
  row->column[at] = column;
  row->value[at]  = value;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* MatShift() and MatDiagonalSet() */
typedef struct {
  Mat                A;
  PetscScalar        shift;
  const PetscScalar *d; /* [local rows], or NULL: the shift in all rows */
  InsertMode         mode;
  PetscBool          fresh;
} DiagonalChange;

static PetscErrorCode ChangeDiagonalEntry(void *context, PetscInt i, FurlMadeRow *row)
{
  DiagonalChange *const c     = context;
  const PetscInt        j     = c->A->rmap->rstart + i;
  const PetscScalar     value = c->d ? c->d[i] : c->shift;
  PetscBool             found;
  PetscInt              at;

  PetscFunctionBegin;
  PetscCall(FurlMadeRowRead(c->A, i, 1, row));
  at = FindPlace(row, j, &found);
  if (found)
    row->value[at] = c->mode == ADD_VALUES ? row->value[at] + value : value;
  else if (j < c->A->cmap->N) {
    PetscCall(InsertNew(c->A, i, at, j, value, row));
    if (row->n > at && row->column[at] == j) c->fresh = PETSC_TRUE;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatShift_Furl(Mat A, PetscScalar shift)
{
  DiagonalChange c = {.A = A, .shift = shift, .mode = ADD_VALUES};

  PetscFunctionBegin;
  PetscCall(CheckAssembled(A));
  PetscCall(Change(A, ChangeDiagonalEntry, &c, &c.fresh));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatDiagonalSet_Furl(Mat A, Vec diagonal, InsertMode mode)
{
  DiagonalChange c = {.A = A, .mode = mode};

  PetscFunctionBegin;
  PetscCall(CheckAssembled(A));
  PetscCall(VecGetArrayRead(diagonal, &c.d));
  PetscCall(Change(A, ChangeDiagonalEntry, &c, &c.fresh));
  PetscCall(VecRestoreArrayRead(diagonal, &c.d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Numbers of the columns that a process needs, its own and its ghosts */
typedef struct {
  const FurlMatrix  *m;
  PetscInt           first, end; /* columns of this process */
  const PetscScalar *own;        /* [end - first] */
  PetscScalar       *ghost;      /* [nghost] */
} ColumnNumbers;

static PetscErrorCode FetchColumns(Mat A, const PetscScalar *own, ColumnNumbers *c)
{
  PetscFunctionBegin;
  *c = (ColumnNumbers){.m = &((Mat_Furl *)A->data)->encoded->matrix, .first = A->cmap->rstart, .end = A->cmap->rend, .own = own};
  PetscCall(PetscMalloc1(c->m->nghost, &c->ghost));
  PetscCall(FurlHaloBegin(c->m, MPI_DOUBLE, own, c->ghost));
  PetscCall(FurlHaloEnd(c->m, MPI_DOUBLE, own, c->ghost));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Column j is the process's own or one of its ghosts */
static PetscScalar NumberOf(const ColumnNumbers *c, PetscInt j)
{
  return j >= c->first && j < c->end ? c->own[j - c->first] : c->ghost[FurlFindPlace(c->m->nghost, c->m->ghost, j)];
}

/* MatScale() and MatDiagonalScale() */
typedef struct {
  Mat                A;
  PetscScalar        factor;
  const PetscScalar *left;  /* [local rows] or NULL */
  ColumnNumbers      right; /* m is NULL where there is none */
} Scaling;

static PetscErrorCode ScaleRow(void *context, PetscInt i, FurlMadeRow *row)
{
  const Scaling *const c = context;

  PetscFunctionBegin;
  PetscCall(FurlMadeRowRead(c->A, i, 0, row));
  if (!c->left && !c->right.m)
    for (PetscInt k = 0; k < row->n; k++) row->value[k] *= c->factor;
  for (PetscInt k = 0; c->left && k < row->n; k++) row->value[k] *= c->left[i];
  for (PetscInt k = 0; c->right.m && k < row->n; k++) row->value[k] *= NumberOf(&c->right, row->column[k]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatScale_Furl(Mat A, PetscScalar factor)
{
  Scaling   c = {.A = A, .factor = factor};
  PetscBool done;

  PetscFunctionBegin;
  PetscCall(CheckAssembled(A));
  PetscCall(FurlScaleInPlace(A, factor, &done));
  if (!done) PetscCall(Change(A, ScaleRow, &c, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatDiagonalScale_Furl(Mat A, Vec left, Vec right)
{
  Scaling            c     = {.A = A};
  const PetscScalar *array = NULL;

  PetscFunctionBegin;
  PetscCall(CheckAssembled(A));
  if (!left && !right) PetscFunctionReturn(PETSC_SUCCESS);
  if (left) PetscCall(VecGetArrayRead(left, &c.left));
  if (right) {
    PetscCall(VecGetArrayRead(right, &array));
    PetscCall(FetchColumns(A, array, &c.right));
  }
  PetscCall(Change(A, ScaleRow, &c, NULL));
  PetscCall(PetscFree(c.right.ghost));
  if (right) PetscCall(VecRestoreArrayRead(right, &array));
  if (left) PetscCall(VecRestoreArrayRead(left, &c.left));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* MatZeroRows() and MatZeroRowsColumns() */
typedef struct {
  Mat           A;
  PetscScalar   diagonal;
  PetscBool     keep, fresh; /* places stay; some have changed */
  PetscScalar  *zeroed;      /* [local rows] one where the row becomes zero */
  ColumnNumbers columns;     /* the same of columns, for MatZeroRowsColumns(); m is NULL else */
} Zeroing;

/* Marks rows that any process has named */
static PetscErrorCode MarkRows(Mat A, PetscInt n, const PetscInt row[], PetscScalar **marked)
{
  PetscSF      sf;
  PetscInt    *named, count = 0;
  PetscScalar *one;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(n, &named, n, &one));
  for (PetscInt k = 0; k < n; k++) {
    if (row[k] < 0) continue;
    PetscCheck(row[k] < A->rmap->N, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "Row %" PetscInt_FMT " is not below %" PetscInt_FMT, row[k],
               A->rmap->N);
    one[count]     = 1;
    named[count++] = row[k];
  }
  PetscCall(PetscCalloc1(A->rmap->n, marked));
  PetscCall(PetscSFCreate(PetscObjectComm((PetscObject)A), &sf));
  PetscCall(PetscSFSetGraphLayout(sf, A->rmap, count, NULL, PETSC_USE_POINTER, named));
  PetscCall(PetscSFReduceBegin(sf, MPI_DOUBLE, one, *marked, MPI_MAX));
  PetscCall(PetscSFReduceEnd(sf, MPI_DOUBLE, one, *marked, MPI_MAX));
  PetscCall(PetscSFDestroy(&sf));
  PetscCall(PetscFree2(named, one));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The row holds its diagonal alone, or zeros beside it where places stay */
static PetscErrorCode ZeroRow(Zeroing *c, PetscInt i, FurlMadeRow *row)
{
  const PetscInt j = c->A->rmap->rstart + i;
  PetscBool      found;
  PetscInt       at, before = row->n;

  PetscFunctionBegin;
  if (!c->keep) row->n = 0;
  PetscCall(PetscArrayzero(row->value, row->n));
  at = FindPlace(row, j, &found);
  if (found)
    row->value[at] = c->diagonal;
  else if (c->diagonal != 0.0 && j < c->A->cmap->N) {
    if (c->keep)
      PetscCall(InsertNew(c->A, i, at, j, c->diagonal, row));
    else
      FurlMadeRowAppend(row, j, c->diagonal);
  }
  if (row->n != before) c->fresh = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ZeroRowOrColumns(void *context, PetscInt i, FurlMadeRow *row)
{
  Zeroing *const c = context;

  PetscFunctionBegin;
  PetscCall(FurlMadeRowRead(c->A, i, 1, row));
  if (c->zeroed[i] != 0.0) {
    PetscCall(ZeroRow(c, i, row));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  for (PetscInt k = 0; c->columns.m && k < row->n; k++)
    if (NumberOf(&c->columns, row->column[k]) != 0.0) row->value[k] = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The right-hand side of the rows that become zero */
static PetscErrorCode SetRightHandSide(const Zeroing *c, Vec x, Vec b)
{
  const PetscScalar *x_array;
  PetscScalar       *b_array;

  PetscFunctionBegin;
  if (!x || !b) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetArrayRead(x, &x_array));
  PetscCall(VecGetArray(b, &b_array));
  for (PetscInt i = 0; i < c->A->rmap->n; i++)
    if (c->zeroed[i] != 0.0) b_array[i] = c->diagonal * x_array[i];
  PetscCall(VecRestoreArray(b, &b_array));
  PetscCall(VecRestoreArrayRead(x, &x_array));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What columns that become zero did to the other rows goes to their right-hand side */
static PetscErrorCode MoveColumns(const Zeroing *c, Vec x, Vec b)
{
  const PetscScalar *x_array;
  PetscScalar       *b_array;
  ColumnNumbers      known;
  FurlMadeRow        row = {.n = 0};

  PetscFunctionBegin;
  if (!x || !b) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetArrayRead(x, &x_array));
  PetscCall(FetchColumns(c->A, x_array, &known));
  PetscCall(VecGetArray(b, &b_array));
  for (PetscInt i = 0; i < c->A->rmap->n; i++) {
    if (c->zeroed[i] != 0.0) continue;
    PetscCall(FurlMadeRowRead(c->A, i, 0, &row));
    for (PetscInt k = 0; k < row.n; k++)
      if (NumberOf(&c->columns, row.column[k]) != 0.0) b_array[i] -= row.value[k] * NumberOf(&known, row.column[k]);
  }
  PetscCall(VecRestoreArray(b, &b_array));
  PetscCall(PetscFree(known.ghost));
  PetscCall(VecRestoreArrayRead(x, &x_array));
  PetscCall(FurlMadeRowFree(&row));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatZeroRows_Furl(Mat A, PetscInt n, const PetscInt row[], PetscScalar diagonal, Vec x, Vec b)
{
  Zeroing c = {.A = A, .diagonal = diagonal};

  PetscFunctionBegin;
  PetscCall(CheckAssembled(A));
  c.keep = FurlOption(A->data, MAT_KEEP_NONZERO_PATTERN, PETSC_FALSE);
  PetscCall(MarkRows(A, n, row, &c.zeroed));
  PetscCall(SetRightHandSide(&c, x, b));
  PetscCall(Change(A, ZeroRowOrColumns, &c, &c.fresh));
  PetscCall(PetscFree(c.zeroed));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Places stay, as in AIJ */
static PetscErrorCode MatZeroRowsColumns_Furl(Mat A, PetscInt n, const PetscInt row[], PetscScalar diagonal, Vec x, Vec b)
{
  Zeroing c = {.A = A, .diagonal = diagonal, .keep = PETSC_TRUE};

  PetscFunctionBegin;
  PetscCall(CheckAssembled(A));
  PetscCall(FurlCheckSquare(A, "MatZeroRowsColumns()"));
  PetscCall(MarkRows(A, n, row, &c.zeroed));
  PetscCall(FetchColumns(A, c.zeroed, &c.columns));
  PetscCall(MoveColumns(&c, x, b));
  PetscCall(SetRightHandSide(&c, x, b));
  PetscCall(Change(A, ZeroRowOrColumns, &c, &c.fresh));
  PetscCall(PetscFree(c.columns.ghost));
  PetscCall(PetscFree(c.zeroed));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* MatAXPY() */
typedef struct {
  Mat         Y, X;
  PetscScalar a;
  FurlMadeRow x, y;
  PetscBool   fresh;
} Addition;

/* Entries that X alone has are a x; the others y + a x */
static PetscErrorCode AddRow(void *context, PetscInt i, FurlMadeRow *row)
{
  Addition *const c = context;
  PetscInt        k = 0;

  PetscFunctionBegin;
  PetscCall(FurlMadeRowRead(c->Y, i, 0, &c->y));
  PetscCall(FurlMadeRowRead(c->X, i, 0, &c->x));
  PetscCall(FurlMadeRowReserve(row, c->x.n + c->y.n));
  for (PetscInt q = 0; q < c->x.n; q++) {
    const PetscInt j = c->x.column[q];

    for (; k < c->y.n && c->y.column[k] < j; k++) FurlMadeRowAppend(row, c->y.column[k], c->y.value[k]);
    if (k < c->y.n && c->y.column[k] == j) {
      FurlMadeRowAppend(row, j, c->y.value[k++] + c->a * c->x.value[q]);
      continue;
    }
    FurlMadeRowAppend(row, j, c->a * c->x.value[q]);
    c->fresh = PETSC_TRUE;
  }
  for (; k < c->y.n; k++) FurlMadeRowAppend(row, c->y.column[k], c->y.value[k]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatAXPY_Furl(Mat Y, PetscScalar a, Mat X, MatStructure structure)
{
  Addition  c = {.Y = Y, .X = X, .a = a};
  PetscBool is_furl;

  PetscFunctionBegin;
  PetscCall(CheckAssembled(Y));
  PetscCheck(X->rmap->n == Y->rmap->n && X->cmap->n == Y->cmap->n, PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ,
             "%" PetscInt_FMT " x %" PetscInt_FMT " local rows and columns cannot be added to %" PetscInt_FMT " x %" PetscInt_FMT,
             X->rmap->n, X->cmap->n, Y->rmap->n, Y->cmap->n);
  PetscCall(PetscObjectTypeCompare((PetscObject)X, MATFURL, &is_furl));
  if (is_furl)
    PetscCall(PetscObjectReference((PetscObject)X));
  else
    PetscCall(MatConvert(X, MATFURL, MAT_INITIAL_MATRIX, &c.X));
  PetscCall(CheckAssembled(c.X));
  PetscCall(Change(Y, AddRow, &c, &c.fresh));
  PetscCall(FurlMadeRowFree(&c.x));
  PetscCall(FurlMadeRowFree(&c.y));
  PetscCall(MatDestroy(&c.X));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlInstallChanges(Mat A)
{
  const MatOps ops = A->ops;

  PetscFunctionBegin;
  ops->scale           = MatScale_Furl;
  ops->shift           = MatShift_Furl;
  ops->diagonalscale   = MatDiagonalScale_Furl;
  ops->diagonalset     = MatDiagonalSet_Furl;
  ops->zerorows        = MatZeroRows_Furl;
  ops->zerorowscolumns = MatZeroRowsColumns_Furl;
  ops->axpy            = MatAXPY_Furl;
  PetscFunctionReturn(PETSC_SUCCESS);
}
