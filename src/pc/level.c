/* Builds a level: scaling, couplings of 2 bytes, a diagonal that fits them, transfers, the bound of the spectrum */
#include "level.h"
#include "kernels/cycleargs.h"
#include <furl/planes.h>
#include "../mat/kernels/matmultargs.h"

#define EXPONENT_LIMIT 1000                 /* of the scaling: its square times an entry must stay a double */
#define NEUTRAL (4 * PETSC_MACHINE_EPSILON) /* of the sizes of a row's entries: a sum that is zero up to rounding */
#define FAINT (256 * PETSC_MACHINE_EPSILON) /* the same of entries that are sums themselves */

PetscErrorCode FurlLevelAllocateVector(PetscInt n, float **x)
{
  PetscFunctionBegin;
  PetscCall(PetscCalloc1((n + FURL_WIDTH - 1) / FURL_WIDTH * FURL_WIDTH + FURL_WIDTH, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* 2^exponent is about 1/sqrt(|a_ii|), a power of two so that scaling is exact; rows without a diagonal keep their scale */
static PetscErrorCode ChooseScaling(Mat A, FurlLevel *level)
{
  const PetscScalar *diagonal;
  Vec                d;
  PetscInt           range[2] = {EXPONENT_LIMIT, EXPONENT_LIMIT}; /* smallest, and minus the largest */

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, NULL, &d));
  PetscCall(MatGetDiagonal(A, d));
  PetscCall(PetscMalloc1(level->n + 1, &level->exponent)); /* NULL says something, on processes without rows as well */
  PetscCall(VecGetArrayRead(d, &diagonal));
  for (PetscInt i = 0; i < level->n; i++) {
    const double   size = PetscAbsScalar(diagonal[i]);
    const PetscInt e    = size > 0 && size <= PETSC_MAX_REAL ? -(PetscInt)floor(0.5 * ilogb(size) + 0.5) : 0;

    level->exponent[i] = (int16_t)PetscMin(PetscMax(e, -EXPONENT_LIMIT), EXPONENT_LIMIT);
    range[0]           = PetscMin(range[0], level->exponent[i]);
    range[1]           = PetscMin(range[1], -level->exponent[i]);
  }
  PetscCall(VecRestoreArrayRead(d, &diagonal));
  PetscCall(VecDestroy(&d));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, range, 2, MPIU_INT, MPI_MIN, PetscObjectComm((PetscObject)A)));
  level->largest = (int)-range[1];
  level->spread  = (int)(-range[1] - range[0]);
  if (!level->spread) {
    level->uniform = (int)range[0];
    PetscCall(PetscFree(level->exponent));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* sign * 2^exponent of the level's rows as doubles, for an encoder */
static PetscErrorCode GetScale(const FurlLevel *level, int sign, double **scale)
{
  PetscFunctionBegin;
  PetscCall(PetscMalloc1(level->n + 1, scale));
  for (PetscInt i = 0; i < level->n; i++) (*scale)[i] = FurlPowerDouble(sign * (level->exponent ? level->exponent[i] : level->uniform));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode EncodeOperator(Mat A, FurlPrecision precision, int skip_diagonal, const double *row_scale, const double *column_scale,
                                     FurlOperator *op)
{
  const FurlEncoding encoding = {.store         = precision == FURL_PRECISION_HALF ? FURL_STORE_HEADS : FURL_STORE_RAW,
                                 .skip_diagonal = skip_diagonal,
                                 .row_scale     = row_scale,
                                 .column_scale  = column_scale};

  PetscFunctionBegin;
  PetscCall(FurlMatrixEncode(A, &encoding, &op->matrix));
  PetscCall(FurlLevelAllocateVector(op->matrix.nghost, &op->ghost));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* sum = couplings times v, in FP64 so that it is as exact as the sums of the user's own rows */
static PetscErrorCode MultiplyExactly(const FurlMatrix *m, const double *v, double *ghost, double *sum)
{
  FurlMatMultArgs args = {.diagonal = FurlSlicesGetView(&m->diagonal), .list = m->interior, .x = v, .ghost = ghost, .y = sum};

  PetscFunctionBegin;
  PetscCall(FurlHaloBegin(m, MPI_DOUBLE, v, ghost));
  FurlLaunch(&FurlKernelFurlMatMult, &args, m->ninterior);
  PetscCall(FurlHaloEnd(m, MPI_DOUBLE, v, ghost));
  args.list        = m->boundary;
  args.offdiagonal = FurlSlicesGetView(&m->offdiagonal);
  if (m->nboundary) FurlLaunch(&FurlKernelFurlMatMult, &args, m->nboundary);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void AddEntries(const FurlCsr *a, PetscInt i, PetscInt diagonal, double sign, FurlRowSum *row)
{
  for (PetscInt k = a->rowptr[i]; k < a->rowptr[i + 1]; k++) {
    const double size = fabs(a->value[k]);

    row->sum += a->value[k];
    row->size += size;
    if (a->column[k] == diagonal)
      row->diagonal = size;
    else if (sign * a->value[k] > 0)
      row->against += size;
  }
}

FurlRowSum FurlSumRow(const FurlAijParts *parts, PetscInt i, double sign)
{
  FurlRowSum row = {0, 0, 0, 0};

  AddEntries(&parts->diagonal, i, i, sign, &row);
  if (parts->offdiagonal.nrows) AddEntries(&parts->offdiagonal, i, -1, sign, &row);
  return row;
}

/* One pinned cell or a shift of 1e-12 of the diagonal is not */
int FurlIsNeutral(const FurlRowSum *row)
{
  return fabs(row->sum) <= NEUTRAL * row->size;
}

/*
  The diagonal with which the rounded couplings keep the action of A on the constant vector: v = S^-1 1 in the scaled system, so
  d_i = (s_i sum_j a_ij - sum_j h_ij v_j) / v_i. Rounding errors of size 2^-11 would else shift the lowest modes, which are of size 1/n^2.
  Then level and matrix differ by couplings of the size of those errors between pairs of rows: where few have the sign of the diagonal, by
  about 2^-11 in energy.
*/
static PetscErrorCode KeepRowSums(Mat A, FurlLevel *level, const double *scale)
{
  const FurlMatrix *const m = &level->A.matrix;
  FurlAijParts            parts;
  double                 *v, *ghost, *sum, all[7] = {0, 0, 0, 0, 0, 0, 0};

  PetscFunctionBegin;
  PetscCall(GetScale(level, -1, &v));
  PetscCall(PetscMalloc1(m->nghost + 1, &ghost));
  PetscCall(PetscCalloc1(level->n + 1, &sum));
  PetscCall(MultiplyExactly(m, v, ghost, sum));
  PetscCall(FurlAijGetParts(A, &parts));
  for (PetscInt i = 0; i < level->n; i++) {
    const double     diagonal  = level->d[i];
    const FurlRowSum row       = FurlSumRow(&parts, i, diagonal);
    const double     couplings = row.size - row.diagonal;
    const double     d         = (scale[i] * row.sum - sum[i]) / v[i];
    const int        keep      = PetscAbsReal(d - diagonal) < 0.01 * PetscAbsReal(diagonal);

    if (keep) level->d[i] = (float)d;
    all[0] += 1;
    all[1] += keep;
    all[2] += diagonal > 0;
    all[3] += diagonal < 0;
    all[4] += FurlIsNeutral(&row);
    all[5] += fabs(row.sum) <= FAINT * row.size;
    all[6] += couplings > 0 ? row.against / couplings : 0;
  }
  PetscCall(FurlAijRestoreParts(A, &parts));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, all, 7, MPI_DOUBLE, MPI_SUM, PetscObjectComm((PetscObject)A)));
  level->sums = (FurlSums){.rows    = all[0],
                           .kept    = all[1] == all[0] ? PETSC_TRUE : PETSC_FALSE,
                           .neutral = all[4] == all[0] ? PETSC_TRUE : PETSC_FALSE,
                           .faint   = all[5] == all[0] ? PETSC_TRUE : PETSC_FALSE,
                           .sign    = all[2] == all[0]   ? 1
                                      : all[3] == all[0] ? -1
                                                         : 0,
                           .against = all[0] > 0 ? all[6] / all[0] : 0};
  PetscCall(PetscFree(sum));
  PetscCall(PetscFree(ghost));
  PetscCall(PetscFree(v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GetScaledDiagonal(Mat A, FurlLevel *level, const double *scale)
{
  const PetscScalar *diagonal;
  Vec                d;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, NULL, &d));
  PetscCall(MatGetDiagonal(A, d));
  PetscCall(VecGetArrayRead(d, &diagonal));
  for (PetscInt i = 0; i < level->n; i++) level->d[i] = (float)(scale[i] * PetscRealPart(diagonal[i]) * scale[i]);
  for (PetscInt i = 0; i < level->nitems * FURL_WIDTH; i++)
    if (i >= level->n || level->d[i] == 0) level->d[i] = 1;
  PetscCall(VecRestoreArrayRead(d, &diagonal));
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* S^-1 P S_c, and its transpose as a matrix of its own: a product that scatters would need atomics on a GPU */
PetscErrorCode FurlLevelSetTransfers(Mat P, Mat R, const FurlLevel *coarse, FurlPrecision precision, FurlLevel *level)
{
  double *fine_scale, *coarse_scale;
  Mat     transposed = R;

  PetscFunctionBegin;
  PetscCall(GetScale(level, -1, &fine_scale));
  PetscCall(GetScale(coarse, 1, &coarse_scale));
  PetscCall(EncodeOperator(P, precision, 0, fine_scale, coarse_scale, &level->P));
  if (!R) PetscCall(MatTranspose(P, MAT_INITIAL_MATRIX, &transposed));
  PetscCall(EncodeOperator(transposed, precision, 0, coarse_scale, fine_scale, &level->R));
  if (!R) PetscCall(MatDestroy(&transposed));
  PetscCall(PetscFree(coarse_scale));
  PetscCall(PetscFree(fine_scale));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlLevelBuild(Mat A, PetscBool coarsest, FurlPrecision precision, PetscBool keep_row_sums, const FurlLevel *twin,
                              FurlLevel *level)
{
  double *scale;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(level, sizeof(*level)));
  PetscCall(MatGetLocalSize(A, &level->n, NULL));
  level->nitems = (level->n + FURL_WIDTH - 1) / FURL_WIDTH;
  PetscCall(ChooseScaling(A, level));
  PetscCall(FurlLevelAllocateVector(level->n, &level->b));
  PetscCall(FurlLevelAllocateVector(level->n, &level->x));
  if (coarsest) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlLevelAllocateVector(level->n, &level->d));
  PetscCall(FurlLevelAllocateVector(level->n, &level->z));
  PetscCall(FurlLevelAllocateVector(level->n, &level->w));
  PetscCall(FurlLevelAllocateVector(level->n, &level->r));
  PetscCall(GetScale(level, 1, &scale));
  PetscCall(EncodeOperator(A, precision, 1, scale, scale, &level->A));
  PetscCall(GetScaledDiagonal(A, level, scale));
  if (keep_row_sums && precision == FURL_PRECISION_HALF) PetscCall(KeepRowSums(A, level, scale));
  PetscCall(PetscFree(scale));

  if (twin) {
    PetscCall(PetscArraycpy(level->d, twin->d, level->n));
    level->lambda = twin->lambda;
  } else
    PetscCall(FurlLevelEstimate(PetscObjectComm((PetscObject)A), level));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlLevelSetRows(FurlLevel *level, const PetscInt *row)
{
  PetscFunctionBegin;
  PetscCall(PetscMalloc1(level->n + 1, &level->row));
  for (PetscInt i = 0; i < level->n; i++) level->row[i] = (int32_t)row[i];
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlLevelDestroy(FurlLevel *level)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(level->row));
  PetscCall(PetscFree(level->r));
  PetscCall(PetscFree(level->w));
  PetscCall(PetscFree(level->z));
  PetscCall(PetscFree(level->x));
  PetscCall(PetscFree(level->b));
  PetscCall(PetscFree(level->d));
  PetscCall(PetscFree(level->exponent));
  PetscCall(FurlOperatorDestroy(&level->R));
  PetscCall(FurlOperatorDestroy(&level->P));
  PetscCall(FurlOperatorDestroy(&level->A));
  PetscFunctionReturn(PETSC_SUCCESS);
}
