/* Products */
#include "matfurl.h"
#include "kernels/matmultargs.h"

/* y = A x + z and the parts of x'y, on local arrays; z and partial may be NULL, z may be y */
static PetscErrorCode Multiply(Mat A, const PetscScalar *x, const PetscScalar *z, PetscScalar *y, double *partial)
{
  Mat_Furl *const         f    = A->data;
  const FurlMatrix *const m    = &f->encoded->matrix;
  FurlMatMultArgs         args = {.diagonal = FurlSlicesGetView(&m->diagonal),
                                  .list     = m->interior,
                                  .x        = x,
                                  .ghost    = f->ghost,
                                  .z        = z,
                                  .y        = y,
                                  .partial  = partial,
                                  .read     = (int)f->read};

  PetscFunctionBegin;
  PetscCall(FurlHaloBegin(m, MPI_DOUBLE, x, f->ghost));
  FurlLaunch(&FurlKernelFurlMatMult, &args, m->ninterior);
  PetscCall(FurlHaloEnd(m, MPI_DOUBLE, x, f->ghost));
  args.list        = m->boundary;
  args.offdiagonal = FurlSlicesGetView(&m->offdiagonal);
  FurlLaunch(&FurlKernelFurlMatMult, &args, m->nboundary);
  PetscCall(PetscLogFlops(2.0 * (PetscLogDouble)(m->diagonal.nnz + m->offdiagonal.nnz)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode MatMult_Furl(Mat A, Vec x, Vec y)
{
  const PetscScalar *x_array;
  PetscScalar       *y_array;

  PetscFunctionBegin;
  PetscCall(VecGetArrayRead(x, &x_array));
  PetscCall(VecGetArrayWrite(y, &y_array));
  PetscCall(Multiply(A, x_array, NULL, y_array, NULL));
  PetscCall(VecRestoreArrayWrite(y, &y_array));
  PetscCall(VecRestoreArrayRead(x, &x_array));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode MatFurlEnqueueMult_Furl(Mat A, FurlQueue *queue, const FurlSlices *there, const double *x, double *y, double *partial)
{
  const FurlMatMultArgs args = {
    .diagonal = FurlSlicesGetView(there), .x = x, .y = y, .partial = partial, .read = (int)((Mat_Furl *)A->data)->read};

  PetscFunctionBegin;
  FurlRun(queue, &FurlKernelFurlMatMult, &args, there->nslices);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode MatMultAdd_Furl(Mat A, Vec x, Vec z, Vec y)
{
  const PetscScalar *x_array;
  PetscScalar       *y_array;

  PetscFunctionBegin;
  if (z != y) PetscCall(VecCopy(z, y));
  PetscCall(VecGetArrayRead(x, &x_array));
  PetscCall(VecGetArray(y, &y_array));
  PetscCall(Multiply(A, x_array, y_array, y_array, NULL));
  PetscCall(VecRestoreArray(y, &y_array));
  PetscCall(VecRestoreArrayRead(x, &x_array));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode MatFurlMultDot_Furl(Mat A, Vec x, Vec y, PetscScalar *dot)
{
  Mat_Furl *const    f = A->data;
  const PetscScalar *x_array;
  PetscScalar       *y_array, sum = 0;

  PetscFunctionBegin;
  PetscCall(FurlCheckSquare(A, "A product with x'y"));
  PetscCall(PetscLogEventBegin(MAT_Mult, A, x, y, 0));
  PetscCall(VecGetArrayRead(x, &x_array));
  PetscCall(VecGetArrayWrite(y, &y_array));
  PetscCall(Multiply(A, x_array, NULL, y_array, f->partial));
  PetscCall(VecRestoreArrayWrite(y, &y_array));
  PetscCall(VecRestoreArrayRead(x, &x_array));
  for (int64_t s = 0; s < f->encoded->matrix.diagonal.nslices; s++) sum += f->partial[s];
  PetscCall(PetscLogEventEnd(MAT_Mult, A, x, y, 0));
  PetscCallMPI(MPI_Allreduce(&sum, dot, 1, MPIU_SCALAR, MPIU_SUM, PetscObjectComm((PetscObject)A)));
  PetscCall(PetscLogFlops(2.0 * (PetscLogDouble)A->rmap->n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The entries whose column is their row, wherever the columns of a row are */
static PetscErrorCode GetDiagonalByRows(Mat A, PetscInt *column, PetscScalar *value, PetscScalar *d)
{
  PetscInt n;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < A->rmap->n; i++) {
    d[i] = 0;
    PetscCall(FurlDecodeRow(A, i, &n, column, value));
    for (PetscInt k = 0; k < n; k++)
      if (column[k] == A->rmap->rstart + i) d[i] = value[k];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode MatGetDiagonal_Furl(Mat A, Vec diagonal)
{
  const FurlEncoded *const e    = ((Mat_Furl *)A->data)->encoded;
  const FurlSlicesView     view = FurlSlicesGetView(&e->matrix.diagonal);
  PetscInt                *column;
  PetscScalar             *value, *d;
  PetscBool                alike;

  PetscFunctionBegin;
  PetscCall(MatHasCongruentLayouts(A, &alike));
  PetscCall(PetscMalloc2(e->longest_row, &column, e->longest_row, &value));
  PetscCall(VecGetArrayWrite(diagonal, &d));
  if (alike)
    for (int64_t s = 0; s < view.nslices; s++) FurlSlicesDecodeDiagonal(&view, s, column, value, d + s * FURL_WIDTH);
  else
    PetscCall(GetDiagonalByRows(A, column, value, d));
  PetscCall(VecRestoreArrayWrite(diagonal, &d));
  PetscCall(PetscFree2(column, value));
  PetscFunctionReturn(PETSC_SUCCESS);
}
