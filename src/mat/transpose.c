/*
  Transposed products: the two parts of the matrix are transposed and encoded once, by the first product that needs them, and the halo
  runs backwards, adding what other processes owe to entries owned here.
*/
#include "matfurl.h"
#include "kernels/matmultargs.h"

/* Row r of a part is local row list[r / FURL_WIDTH] * FURL_WIDTH + r % FURL_WIDTH of the matrix; without a list they are the same */
static PetscInt LocalRow(const int32_t *list, PetscInt r)
{
  return list ? list[r / FURL_WIDTH] * FURL_WIDTH + r % FURL_WIDTH : r;
}

typedef struct {
  PetscInt    *rowptr; /* [columns of the part + 1] */
  PetscInt    *column; /* [nnz] local rows of the matrix */
  PetscScalar *value;  /* [nnz] */
  PetscInt    *next;   /* [columns of the part] where the next entry of the row goes */
  PetscInt    *row_column;
  PetscScalar *row_value; /* [longest row] of the part */
} Transposition;

static void CountColumns(const FurlSlicesView *part, Transposition *t)
{
  for (PetscInt j = 0; j <= part->ncols; j++) t->rowptr[j] = 0;
  for (PetscInt r = 0; r < part->nrows; r++) {
    const int64_t n = FurlSlicesDecodeRow(part, r, t->row_column, NULL);

    for (int64_t k = 0; k < n; k++) t->rowptr[t->row_column[k] + 1]++;
  }
  for (PetscInt j = 0; j < part->ncols; j++) {
    t->next[j] = t->rowptr[j];
    t->rowptr[j + 1] += t->rowptr[j];
  }
}

static void FillColumns(const FurlSlicesView *part, const int32_t *list, Transposition *t)
{
  for (PetscInt r = 0; r < part->nrows; r++) {
    const int64_t n = FurlSlicesDecodeRow(part, r, t->row_column, t->row_value);

    for (int64_t k = 0; k < n; k++) {
      const PetscInt at = t->next[t->row_column[k]]++;

      t->column[at] = LocalRow(list, r);
      t->value[at]  = t->row_value[k];
    }
  }
}

/* transposed: [columns of the part] x [local rows of the matrix] */
static PetscErrorCode EncodeTransposed(Mat A, const FurlSlices *part, const int32_t *list, FurlSlices *transposed)
{
  const Mat_Furl *const f        = A->data;
  const FurlEncoding    encoding = {.store = f->values == MAT_FURL_VALUES_PLANES ? FURL_STORE_PLANES : FURL_STORE_RAW};
  const FurlSlicesView  view     = FurlSlicesGetView(part);
  const PetscInt        longest  = f->encoded->longest_row;
  Transposition         t;
  FurlCsr               csr = {.nrows = part->ncols, .ncols = A->rmap->n};
  FurlEncodeStatus      status;

  PetscFunctionBegin;
  PetscCall(PetscMalloc3(part->ncols + 1, &t.rowptr, part->nnz, &t.column, part->nnz, &t.value));
  PetscCall(PetscMalloc3(part->ncols, &t.next, longest, &t.row_column, longest, &t.row_value));
  CountColumns(&view, &t);
  FillColumns(&view, list, &t);
  csr.rowptr = t.rowptr;
  csr.column = t.column;
  csr.value  = t.value;
  status     = FurlSlicesEncode(&csr, &encoding, transposed);
  PetscCall(PetscFree3(t.next, t.row_column, t.row_value));
  PetscCall(PetscFree3(t.rowptr, t.column, t.value));
  PetscCheck(!status, PETSC_COMM_SELF, PETSC_ERR_MEM,
             "No memory for the transposed form of %" PetscInt_FMT " x %" PetscInt_FMT " rows and columns", A->rmap->n, A->cmap->n);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BuildTransposed(Mat A)
{
  FurlEncoded *const e = ((Mat_Furl *)A->data)->encoded;

  PetscFunctionBegin;
  if (e->has_transposed) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscInfo(A, "Encoding the transposed matrix beside the matrix, for transposed products\n"));
  PetscCall(EncodeTransposed(A, &e->matrix.diagonal, NULL, &e->diagonal_transposed));
  if (e->matrix.halo) PetscCall(EncodeTransposed(A, &e->matrix.offdiagonal, e->matrix.boundary, &e->offdiagonal_transposed));
  e->has_transposed = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = A^T x + z on local arrays; z may be NULL or y */
static PetscErrorCode MultiplyTransposed(Mat A, const PetscScalar *x, const PetscScalar *z, PetscScalar *y)
{
  Mat_Furl *const f    = A->data;
  const PetscSF   halo = f->encoded->matrix.halo;
  FurlMatMultArgs args = {.x = x, .read = (int)f->read};

  PetscFunctionBegin;
  if (halo) {
    args.diagonal = FurlSlicesGetView(&f->encoded->offdiagonal_transposed);
    args.y        = f->ghost;
    FurlLaunch(&FurlKernelFurlMatMult, &args, args.diagonal.nslices);
  }
  args.diagonal = FurlSlicesGetView(&f->encoded->diagonal_transposed);
  args.y        = y;
  args.z        = z;
  FurlLaunch(&FurlKernelFurlMatMult, &args, args.diagonal.nslices);
  if (halo) {
    PetscCall(PetscSFReduceBegin(halo, MPI_DOUBLE, f->ghost, y, MPI_SUM));
    PetscCall(PetscSFReduceEnd(halo, MPI_DOUBLE, f->ghost, y, MPI_SUM));
  }
  PetscCall(PetscLogFlops(2.0 * (PetscLogDouble)(f->encoded->matrix.diagonal.nnz + f->encoded->matrix.offdiagonal.nnz)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode MatMultTranspose_Furl(Mat A, Vec x, Vec y)
{
  const PetscScalar *x_array;
  PetscScalar       *y_array;

  PetscFunctionBegin;
  PetscCall(BuildTransposed(A));
  PetscCall(VecGetArrayRead(x, &x_array));
  PetscCall(VecGetArrayWrite(y, &y_array));
  PetscCall(MultiplyTransposed(A, x_array, NULL, y_array));
  PetscCall(VecRestoreArrayWrite(y, &y_array));
  PetscCall(VecRestoreArrayRead(x, &x_array));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode MatMultTransposeAdd_Furl(Mat A, Vec x, Vec z, Vec y)
{
  const PetscScalar *x_array;
  PetscScalar       *y_array;

  PetscFunctionBegin;
  PetscCall(BuildTransposed(A));
  if (z != y) PetscCall(VecCopy(z, y));
  PetscCall(VecGetArrayRead(x, &x_array));
  PetscCall(VecGetArray(y, &y_array));
  PetscCall(MultiplyTransposed(A, x_array, y_array, y_array));
  PetscCall(VecRestoreArray(y, &y_array));
  PetscCall(VecRestoreArrayRead(x, &x_array));
  PetscFunctionReturn(PETSC_SUCCESS);
}
