/* One application of the hierarchy: the user's vector in FP64, the cycle in FP32 on a system scaled by powers of two */
#include <petsc/private/pcimpl.h>
#include "pcfurl.h"
#include "kernels/cycleargs.h"
#include <furl/planes.h>

#define NARROW 40 /* binades between the row scales that FP32 has room for: 2^-126 to 2^127, and a residual of many digits */

/*
  Binades that the scaled vector begins below one. The solution is 1/eigenvalue times larger, and a product with heads of size one takes it
  times 2^94, which must not overflow: that leaves 2^33, and these 2^32 more, for systems that are nearly singular. Below are 2^94 still
*/
#define HEADROOM 32

int FurlLevelShift(const FurlLevel *level, double size)
{
  return size > 0 && size <= PETSC_MAX_REAL ? -ilogb(size) - HEADROOM - (level->spread <= NARROW ? level->largest : 0) : 0;
}

/* The power of two that brings the scaled vector near 2^-HEADROOM, without a pass where its norm is known and the scales are narrow */
static PetscErrorCode ChooseFactor(PC pc, const FurlLevel *level, Vec x, int *factor)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;
  PetscReal      size = level->spread <= NARROW ? furl->norm : 0;

  PetscFunctionBegin;
  furl->norm = 0;
  if (level->spread > NARROW) {
    const PetscScalar *value;

    PetscCall(VecGetArrayRead(x, &value));
    for (PetscInt i = 0; i < level->n; i++)
      size = PetscMax(size, PetscAbsScalar(value[level->row ? level->row[i] : i]) * FurlPowerDouble(level->exponent[i]));
    PetscCall(VecRestoreArrayRead(x, &value));
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &size, 1, MPIU_REAL, MPIU_MAX, PetscObjectComm((PetscObject)pc)));
  } else if (!(size > 0))
    PetscCall(VecNorm(x, NORM_INFINITY, &size));
  *factor = FurlLevelShift(level, size);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* z = 2^-f S (cycle of 2^f S x): linear, as powers of two commute with every rounding */
PetscErrorCode FurlHierarchyApply(PC pc, FurlHierarchy *h, Vec x, Vec y)
{
  PC_Furl *const     furl  = (PC_Furl *)pc->data;
  FurlLevel *const   level = h->level;
  FurlConvertArgs    args  = {.n = level->n, .exponent = level->exponent, .row = level->row};
  const PetscScalar *from;
  PetscScalar       *to;
  int                factor = 0;

  PetscFunctionBegin;
  PetscCall(ChooseFactor(pc, level, x, &factor));
  PetscCall(VecGetArrayRead(x, &from));
  args.from_high = from;
  args.to_low    = level->b;
  args.factor    = ldexp(1, factor + level->uniform);
  FurlLaunch(&FurlKernelFurlToLow, &args, level->nitems);
  PetscCall(VecRestoreArrayRead(x, &from));
  PetscCall(FurlCycle(h));
  PetscCall(VecGetArrayWrite(y, &to));
  args.to_high  = to;
  args.from_low = level->x;
  args.factor   = ldexp(furl->import_factor, level->uniform - factor);
  FurlLaunch(&FurlKernelFurlToHigh, &args, level->nitems);
  PetscCall(VecRestoreArrayWrite(y, &to));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscBool FurlHierarchyIsNarrow(const FurlHierarchy *h)
{
  return h->level->spread <= NARROW ? PETSC_TRUE : PETSC_FALSE;
}

PetscErrorCode FurlHierarchyEnqueue(PC pc, FurlHierarchy *there, const double *power, const double *r, double *z)
{
  FurlLevel *const level  = there->level;
  FurlQueue *const queue  = ((PC_Furl *)pc->data)->queue;
  const int        factor = -HEADROOM - level->largest;
  FurlConvertArgs  args   = {.n = level->n, .exponent = level->exponent, .row = level->row};

  PetscFunctionBegin;
  args.from_high = r;
  args.to_low    = level->b;
  args.factor    = ldexp(1, factor + level->uniform);
  args.power     = power;
  FurlRun(queue, &FurlKernelFurlToLow, &args, level->nitems);
  PetscCall(FurlCycle(there));
  args.to_high  = z;
  args.from_low = level->x;
  args.factor   = ldexp(((PC_Furl *)pc->data)->import_factor, level->uniform - factor);
  args.power    = power + 1;
  FurlRun(queue, &FurlKernelFurlToHigh, &args, level->nitems);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static size_t OperatorBytes(const FurlOperator *op)
{
  return FurlSlicesGetReport(&op->matrix.diagonal).stored_bytes + FurlSlicesGetReport(&op->matrix.offdiagonal).stored_bytes;
}

PetscErrorCode FurlHierarchyView(PC pc, PetscViewer viewer)
{
  PC_Furl *const       furl = (PC_Furl *)pc->data;
  FurlHierarchy *const h    = &furl->hierarchy;

  PetscFunctionBegin;
  if (h->level->row) PetscCall(PetscViewerASCIIPrintf(viewer, "rows in reverse Cuthill-McKee order\n"));
  for (PetscInt l = 0; l < h->nlevels; l++) {
    const FurlLevel *const level = h->level + l;
    double sums[4] = {(double)level->n, (double)OperatorBytes(&level->A), (double)(OperatorBytes(&level->P) + OperatorBytes(&level->R)),
                      (double)(level->A.matrix.diagonal.nnz + level->A.matrix.offdiagonal.nnz)};

    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sums, 4, MPI_DOUBLE, MPI_SUM, PetscObjectComm((PetscObject)pc)));
    if (l + 1 == h->nlevels)
      PetscCall(PetscViewerASCIIPrintf(viewer, "level %" PetscInt_FMT ": %.0f rows, %s\n", l, sums[0],
                                       h->coarse.inverse ? "dense inverse in FP64" : "factorisation in FP64"));
    else
      PetscCall(PetscViewerASCIIPrintf(
        viewer,
        "level %" PetscInt_FMT
        ": %.0f rows, %.0f couplings in %.1f bytes a row, transfers in %.1f bytes a row, largest eigenvalue of D^-1 A %.3g\n",
        l, sums[0], sums[3], sums[1] / sums[0], sums[2] / sums[0], level->lambda));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
