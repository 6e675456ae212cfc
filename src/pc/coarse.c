/* The coarsest level: a dense pseudo-inverse applied by every process to its rows, or a factorisation where that would be too large */
#include <petscsys.h>
#include <petscblaslapack.h>
#include <furl/planes.h>
#include "level.h"
#include "kernels/cycleargs.h"

#define SINGULAR_CUTOFF \
  1e-10 /* of the singular values where the matrix is known to be singular: its zero ones come out as rounding of the finest level */
#define DENSE_LIMIT 200 /* rows: the cost of the singular values grows with the cube */

/* All rows of A in FP64 on every process, by columns (as LAPACK wants them) */
static PetscErrorCode GatherDense(Mat A, PetscInt n, double *dense)
{
  Mat     *all;
  IS       everything;
  PetscInt ncols;

  PetscFunctionBegin;
  PetscCall(ISCreateStride(PETSC_COMM_SELF, n, 0, 1, &everything));
  PetscCall(MatCreateSubMatrices(A, 1, &everything, &everything, MAT_INITIAL_MATRIX, &all));
  PetscCall(PetscArrayzero(dense, n * n));
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt    *column;
    const PetscScalar *value;

    PetscCall(MatGetRow(all[0], i, &ncols, &column, &value));
    for (PetscInt k = 0; k < ncols; k++) dense[i + column[k] * n] = PetscRealPart(value[k]);
    PetscCall(MatRestoreRow(all[0], i, &ncols, &column, &value));
  }
  PetscCall(MatDestroySubMatrices(1, &all));
  PetscCall(ISDestroy(&everything));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows first .. first + rows - 1 of V diag(1/sigma) U' for A = U diag(sigma) V', singular values up to the cutoff left out */
static PetscErrorCode PseudoInverse(PetscInt n, double *A, double cutoff, PetscInt first, PetscInt rows, double *inverse)
{
  const PetscBLASInt bn = (PetscBLASInt)n;
  PetscBLASInt       info, lwork = 10 * bn + 64;
  double            *sigma, *U, *V, *work;

  PetscFunctionBegin;
  if (!n) PetscFunctionReturn(PETSC_SUCCESS); /* LAPACK takes no leading dimension of 0 */
  PetscCall(PetscMalloc4(n, &sigma, n * n, &U, n * n, &V, lwork, &work));
  PetscCallBLAS("LAPACKgesvd", LAPACKgesvd_("A", "A", &bn, &bn, A, &bn, sigma, U, &bn, V, &bn, work, &lwork, &info));
  PetscCheck(!info, PETSC_COMM_SELF, PETSC_ERR_LIB,
             "The singular values of the coarsest level (%" PetscInt_FMT " rows) did not converge, LAPACK says %d", n, (int)info);
  for (PetscInt i = 0; i < rows; i++) {
    for (PetscInt j = 0; j < n; j++) {
      double sum = 0;

      for (PetscInt k = 0; k < n && sigma[k] > cutoff * sigma[0]; k++) sum += V[k + (first + i) * n] * U[j + k * n] / sigma[k];
      inverse[i * n + j] = sum;
    }
  }
  PetscCall(PetscFree4(sigma, U, V, work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BuildDense(Mat A, PetscBool singular, FurlCoarse *coarse)
{
  double     *dense;
  PetscMPIInt size;
  PetscInt    rstart;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(coarse->comm, &size));
  PetscCall(PetscMalloc2(size, &coarse->counts, size, &coarse->displs));
  PetscCall(MatGetOwnershipRange(A, &rstart, NULL));
  coarse->counts[0] = (PetscMPIInt)coarse->n;
  coarse->displs[0] = (PetscMPIInt)rstart;
  {
    const PetscMPIInt own[2] = {coarse->counts[0], coarse->displs[0]};

    PetscCallMPI(MPI_Allgather(&own[0], 1, MPI_INT, coarse->counts, 1, MPI_INT, coarse->comm));
    PetscCallMPI(MPI_Allgather(&own[1], 1, MPI_INT, coarse->displs, 1, MPI_INT, coarse->comm));
  }
  PetscCall(PetscMalloc3(coarse->n * coarse->total + 1, &coarse->inverse, coarse->total, &coarse->gathered, coarse->n, &coarse->own));
  PetscCall(PetscMalloc1(coarse->total * coarse->total, &dense));
  PetscCall(GatherDense(A, coarse->total, dense));
  PetscCall(PseudoInverse(coarse->total, dense, singular ? SINGULAR_CUTOFF : coarse->total * PETSC_MACHINE_EPSILON, coarse->first,
                          coarse->n, coarse->inverse));
  PetscCall(PetscFree(dense));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BuildFactor(Mat A, const char prefix[], FurlCoarse *coarse)
{
  PetscMPIInt size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(coarse->comm, &size));
  PetscCall(PCCreate(coarse->comm, &coarse->pc));
  PetscCall(PCSetOptionsPrefix(coarse->pc, prefix));
  PetscCall(PCAppendOptionsPrefix(coarse->pc, "pc_furl_coarse_"));
  PetscCall(PCSetType(coarse->pc, size > 1 ? PCREDUNDANT : PCLU));
  PetscCall(PCSetOperators(coarse->pc, A, A));
  PetscCall(PCSetFromOptions(coarse->pc));
  PetscCall(PCSetUp(coarse->pc));
  PetscCall(MatCreateVecs(A, &coarse->pc_x, &coarse->pc_b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlCoarseBuild(Mat A, const FurlLevel *level, const char prefix[], PetscBool singular, FurlCoarse *coarse)
{
  PetscFunctionBegin;
  PetscCall(PetscMemzero(coarse, sizeof(*coarse)));
  coarse->comm = PetscObjectComm((PetscObject)A);
  coarse->n    = level->n;
  PetscCall(MatGetOwnershipRange(A, &coarse->first, NULL));
  PetscCall(MatGetSize(A, &coarse->total, NULL));
  if (coarse->total <= DENSE_LIMIT)
    PetscCall(BuildDense(A, singular, coarse));
  else
    PetscCall(BuildFactor(A, prefix, coarse));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static double Scale(const FurlLevel *level, PetscInt i)
{
  return FurlPowerDouble(level->exponent ? level->exponent[i] : level->uniform);
}

static PetscErrorCode SolveDense(FurlCoarse *coarse, FurlLevel *level)
{
  PetscFunctionBegin;
  for (PetscInt i = 0; i < coarse->n; i++) coarse->own[i] = level->b[i] / Scale(level, i);
  PetscCallMPI(MPI_Allgatherv(coarse->own, (PetscMPIInt)coarse->n, MPI_DOUBLE, coarse->gathered, coarse->counts, coarse->displs, MPI_DOUBLE,
                              coarse->comm));
  for (PetscInt i = 0; i < coarse->n; i++) {
    const double *const row = coarse->inverse + i * coarse->total;
    double              sum = 0;

    for (PetscInt j = 0; j < coarse->total; j++) sum += row[j] * coarse->gathered[j];
    level->x[i] = (float)(sum / Scale(level, i));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SolveFactored(FurlCoarse *coarse, FurlLevel *level)
{
  PetscScalar       *b;
  const PetscScalar *x;

  PetscFunctionBegin;
  PetscCall(VecGetArrayWrite(coarse->pc_b, &b));
  for (PetscInt i = 0; i < coarse->n; i++) b[i] = level->b[i] / Scale(level, i);
  PetscCall(VecRestoreArrayWrite(coarse->pc_b, &b));
  PetscCall(PCApply(coarse->pc, coarse->pc_b, coarse->pc_x));
  PetscCall(VecGetArrayRead(coarse->pc_x, &x));
  for (PetscInt i = 0; i < coarse->n; i++) level->x[i] = (float)(PetscRealPart(x[i]) / Scale(level, i));
  PetscCall(VecRestoreArrayRead(coarse->pc_x, &x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same where the level is on a device, with sums in the same order */
static void EnqueueDense(const FurlCoarse *coarse, const FurlLevel *level)
{
  const FurlDenseArgs args = {
    .n = coarse->n, .inverse = coarse->inverse, .exponent = level->exponent, .uniform = level->uniform, .b = level->b, .x = level->x};

  FurlRun(coarse->queue, &FurlKernelFurlDense, &args, level->nitems);
}

/* The inverse is of A, the vectors are of S A S: x = S^-1 A^-1 S^-1 b */
PetscErrorCode FurlCoarseSolve(FurlCoarse *coarse, FurlLevel *level)
{
  PetscFunctionBegin;
  if (coarse->queue)
    EnqueueDense(coarse, level);
  else if (coarse->inverse)
    PetscCall(SolveDense(coarse, level));
  else
    PetscCall(SolveFactored(coarse, level));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlCoarseDestroy(FurlCoarse *coarse)
{
  PetscFunctionBegin;
  PetscCall(VecDestroy(&coarse->pc_x));
  PetscCall(VecDestroy(&coarse->pc_b));
  PetscCall(PCDestroy(&coarse->pc));
  PetscCall(PetscFree3(coarse->inverse, coarse->gathered, coarse->own));
  PetscCall(PetscFree2(coarse->counts, coarse->displs));
  PetscFunctionReturn(PETSC_SUCCESS);
}
