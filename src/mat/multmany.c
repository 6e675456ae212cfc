/* Products with dense matrices: the payload of a block of slices comes from memory once for up to FURL_COLUMNS_AT_ONCE columns */
#include "matfurl.h"
#include "kernels/matmultargs.h"

#define FURL_BLOCK_SLICES 64   /* whose payload, up to 100 kB, stays in a second-level cache */
#define FURL_COLUMNS_AT_ONCE 8 /* so that the ghosts of so many columns are on the way at once */

/* A dense matrix as an array of columns; what this process has of it */
typedef struct {
  PetscScalar *array;
  PetscInt     lead; /* from a column to the next */
} Columns;

/* One block of slices for all columns, then the next: a column at a time within the block, so that few streams of x are read at once */
static void MultiplyBlocks(const FurlMatMultArgs *first, PetscInt n, Columns x, PetscInt nghost, Columns y, int64_t nslices)
{
  for (int64_t s = 0; s < nslices; s += FURL_BLOCK_SLICES) {
    FurlMatMultArgs one = *first;

    for (PetscInt k = 0; k < n; k++) {
      FurlLaunchRange(&FurlKernelFurlMatMult, &one, s, PetscMin(nslices, s + FURL_BLOCK_SLICES));
      one.x += x.lead;
      one.y += y.lead;
      one.ghost += nghost;
    }
  }
}

/* y[:, k] = A x[:, k] for n columns, n <= FURL_COLUMNS_AT_ONCE; ghost: [n][nghost] */
static PetscErrorCode MultiplyColumns(Mat A, PetscInt n, Columns x, double *ghost, Columns y)
{
  Mat_Furl *const         f    = A->data;
  const FurlMatrix *const m    = &f->encoded->matrix;
  FurlMatMultArgs         args = {
            .diagonal = FurlSlicesGetView(&m->diagonal), .list = m->interior, .x = x.array, .ghost = ghost, .y = y.array, .read = (int)f->read};

  PetscFunctionBegin;
  for (PetscInt k = 0; k < n; k++) PetscCall(FurlHaloBegin(m, MPI_DOUBLE, x.array + k * x.lead, ghost + k * m->nghost));
  MultiplyBlocks(&args, n, x, m->nghost, y, m->ninterior);
  for (PetscInt k = 0; k < n; k++) PetscCall(FurlHaloEnd(m, MPI_DOUBLE, x.array + k * x.lead, ghost + k * m->nghost));
  args.list        = m->boundary;
  args.offdiagonal = FurlSlicesGetView(&m->offdiagonal);
  MultiplyBlocks(&args, n, x, m->nghost, y, m->nboundary);
  PetscCall(PetscLogFlops(2.0 * (PetscLogDouble)n * (PetscLogDouble)(m->diagonal.nnz + m->offdiagonal.nnz)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DenseNumeric(Mat C)
{
  const Mat          A = C->product->A, B = C->product->B;
  Mat_Furl *const    f = A->data;
  const PetscInt     N = B->cmap->N;
  const PetscScalar *x_array;
  Columns            x, y;
  double            *ghost;

  PetscFunctionBegin;
  PetscCheck(f->encoded, PetscObjectComm((PetscObject)A), PETSC_ERR_ARG_WRONGSTATE, "The matrix holds no values; assemble it first");
  PetscCall(PetscMalloc1(FURL_COLUMNS_AT_ONCE * f->encoded->matrix.nghost, &ghost));
  PetscCall(MatDenseGetLDA(B, &x.lead));
  PetscCall(MatDenseGetLDA(C, &y.lead));
  PetscCall(MatDenseGetArrayRead(B, &x_array));
  PetscCall(MatDenseGetArrayWrite(C, &y.array));
  x.array = (PetscScalar *)x_array;
  for (PetscInt k = 0; k < N; k += FURL_COLUMNS_AT_ONCE) {
    const Columns xk = {x.array + k * x.lead, x.lead}, yk = {y.array + k * y.lead, y.lead};

    PetscCall(MultiplyColumns(A, PetscMin(N - k, FURL_COLUMNS_AT_ONCE), xk, ghost, yk));
  }
  PetscCall(MatDenseRestoreArrayWrite(C, &y.array));
  PetscCall(MatDenseRestoreArrayRead(B, &x_array));
  PetscCall(PetscFree(ghost));
  PetscCall(MatSetOption(C, MAT_NO_OFF_PROC_ENTRIES, PETSC_TRUE));
  PetscCall(MatAssemblyBegin(C, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(C, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DenseSymbolic(Mat C)
{
  const Mat A = C->product->A, B = C->product->B;
  PetscBool dense;

  PetscFunctionBegin;
  PetscCall(MatSetSizes(C, A->rmap->n, B->cmap->n, A->rmap->N, B->cmap->N));
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)C, &dense, MATSEQDENSE, MATMPIDENSE, ""));
  if (!dense) PetscCall(MatSetType(C, MATDENSE));
  PetscCall(MatSetUp(C));
  C->ops->productnumeric = DenseNumeric;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlProductWithDense(Mat C)
{
  PetscFunctionBegin;
  C->ops->productsymbolic = DenseSymbolic;
  PetscFunctionReturn(PETSC_SUCCESS);
}
