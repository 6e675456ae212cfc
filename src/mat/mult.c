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

static PetscErrorCode CheckSquare(Mat A, const char *what)
{
  PetscBool congruent;

  PetscFunctionBegin;
  PetscCall(MatHasCongruentLayouts(A, &congruent));
  PetscCheck(congruent, PetscObjectComm((PetscObject)A), PETSC_ERR_ARG_SIZ,
             "%s needs as many rows as columns on each process; the matrix is %" PetscInt_FMT " x %" PetscInt_FMT, what, A->rmap->N,
             A->cmap->N);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode MatFurlMultDot_Furl(Mat A, Vec x, Vec y, PetscScalar *dot)
{
  Mat_Furl *const    f = A->data;
  const PetscScalar *x_array;
  PetscScalar       *y_array, sum = 0;

  PetscFunctionBegin;
  PetscCall(CheckSquare(A, "A product with x'y"));
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

/* Whether the diagonal entry of local row i is not zero and all others are */
static PetscErrorCode IsIsolated(Mat A, PetscInt i, PetscInt *column, PetscScalar *value, PetscBool *isolated)
{
  PetscInt  n;
  PetscBool diagonal = PETSC_FALSE, others = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(FurlDecodeRow(A, i, &n, column, value));
  for (PetscInt k = 0; k < n && !others; k++) {
    if (value[k] == 0.0) continue;
    if (column[k] == A->rmap->rstart + i)
      diagonal = PETSC_TRUE;
    else
      others = PETSC_TRUE;
  }
  *isolated = (PetscBool)(diagonal && !others);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode MatFurlGetIsolatedRows_Furl(Mat A, IS *rows)
{
  const PetscInt longest = ((Mat_Furl *)A->data)->encoded->longest_row;
  const MPI_Comm comm    = PetscObjectComm((PetscObject)A);
  PetscInt      *column, *row, n = 0, most;
  PetscScalar   *value;
  PetscBool      isolated = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(CheckSquare(A, "MatFurlGetIsolatedRows"));
  *rows = NULL;
  PetscCall(PetscMalloc2(longest, &column, longest, &value));
  PetscCall(PetscMalloc1(A->rmap->n, &row));
  for (PetscInt i = 0; i < A->rmap->n; i++) {
    PetscCall(IsIsolated(A, i, column, value, &isolated));
    if (isolated) row[n++] = A->rmap->rstart + i;
  }
  PetscCall(PetscFree2(column, value));
  PetscCallMPI(MPI_Allreduce(&n, &most, 1, MPIU_INT, MPI_MAX, comm));
  if (most) PetscCall(ISCreateGeneral(comm, n, row, PETSC_COPY_VALUES, rows));
  PetscCall(PetscFree(row));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode MatGetDiagonal_Furl(Mat A, Vec diagonal)
{
  const PetscInt longest = ((Mat_Furl *)A->data)->encoded->longest_row;
  PetscInt      *column, n;
  PetscScalar   *value, *d;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(longest, &column, longest, &value));
  PetscCall(VecGetArrayWrite(diagonal, &d));
  for (PetscInt i = 0; i < A->rmap->n; i++) {
    d[i] = 0;
    PetscCall(FurlDecodeRow(A, i, &n, column, value));
    for (PetscInt k = 0; k < n; k++)
      if (column[k] == A->rmap->rstart + i) d[i] = value[k];
  }
  PetscCall(VecRestoreArrayWrite(diagonal, &d));
  PetscCall(PetscFree2(column, value));
  PetscFunctionReturn(PETSC_SUCCESS);
}
