/*
  Conjugate gradients in the unknowns of the finest level of a hierarchy of matrices, S^-1 x, with the cycle's own couplings of 2 bytes and
  the diagonal that keeps the sums of its rows. An iteration moves, beside the cycle without its conversions, the couplings once more and 12
  B a row for the product, 28 for the step, 12 for the direction and 12 for the sums.
*/
#include "pcfurl.h"
#include "kernels/cycleargs.h"

#define SMALLEST 4096 /* rows: below, all of it is in a cache, and FP64 costs nothing */
#define AGAINST \
  0.125 /* of a row's couplings, in the mean: more have the sign of the diagonal where constants are not all that A maps to little */

PetscBool FurlHierarchyCanRefine(const FurlHierarchy *h, PetscBool constants)
{
  const FurlSums *const sums = h->nlevels > 1 ? &h->level->sums : NULL;

  if (!sums || !sums->kept || !sums->sign || sums->rows < SMALLEST || sums->against > AGAINST) return PETSC_FALSE;
  if (constants ? !sums->neutral : sums->faint) return PETSC_FALSE; /* in the second case A may be singular, and nobody said so */
  return FurlHierarchyIsNarrow(h);
}

static PetscErrorCode Allocate(FurlHierarchy *h)
{
  const FurlLevel *const level = h->level;

  PetscFunctionBegin;
  if (h->p) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlLevelAllocateVector(level->n, &h->p));
  PetscCall(FurlLevelAllocateVector(level->n, &h->q));
  PetscCall(FurlLevelAllocateVector(level->n, &h->u));
  PetscCall(PetscMalloc1(2 * level->nitems + 1, &h->partial));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlHierarchyRefineBegin(FurlHierarchy *h, PetscReal size, const PetscScalar *r)
{
  const FurlLevel *const level = h->level;
  FurlConvertArgs        args  = {.n = level->n, .exponent = level->exponent, .row = level->row, .from_high = r, .to_low = level->b};

  PetscFunctionBegin;
  PetscCall(Allocate(h));
  h->shift    = FurlLevelShift(level, size);
  args.factor = ldexp(1, h->shift + level->uniform);
  FurlLaunch(&FurlKernelFurlToLow, &args, level->nitems);
  PetscCall(PetscArrayzero(h->u, level->n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlHierarchyRefineAdd(FurlHierarchy *h, double factor, PetscScalar *x)
{
  const FurlLevel *const level = h->level;
  const FurlConvertArgs  args  = {.n        = level->n,
                                  .exponent = level->exponent,
                                  .row      = level->row,
                                  .from_low = h->u,
                                  .to_high  = x,
                                  .factor   = ldexp(factor, level->uniform - h->shift),
                                  .add      = 1};

  PetscFunctionBegin;
  FurlLaunch(&FurlKernelFurlToHigh, &args, level->nitems);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The n sums of a pass, of all processes */
static PetscErrorCode SumPartial(const FurlHierarchy *h, int n, double *sum)
{
  PetscFunctionBegin;
  FurlSumPartial(h->partial, h->level->nitems, n, sum);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, n, MPI_DOUBLE, MPI_SUM, h->coarse.comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Precondition(void *of, double sum[2])
{
  FurlHierarchy *const h    = of;
  FurlLowDotsArgs      args = {.y = h->level->b, .z = h->q, .partial = h->partial};

  PetscFunctionBegin;
  PetscCall(FurlCycle(h));
  args.x = h->level->x;
  FurlLaunch(&FurlKernelFurlLowDots, &args, h->level->nitems);
  PetscCall(SumPartial(h, 2, sum));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void Turn(void *of, double beta)
{
  const FurlHierarchy *const h    = of;
  const float *const         z    = h->level->x;
  const FurlLowUpdateArgs    args = {.x = z, .y = beta != 0 ? h->p : z, .z = h->p, .alpha = 1, .beta = (float)beta};

  FurlLaunch(&FurlKernelFurlLowUpdate, &args, h->level->nitems);
}

static PetscErrorCode Image(void *of, double *product)
{
  FurlHierarchy *const h    = of;
  FurlLowImageArgs     args = {.d = h->level->d, .q = h->q, .partial = h->partial};

  PetscFunctionBegin;
  PetscCall(FurlOperatorRun(&h->level->A, &FurlKernelFurlLowImage, &args, h->p));
  PetscCall(SumPartial(h, 1, product));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Step(void *of, float alpha, double square[2])
{
  FurlHierarchy *const   h     = of;
  const FurlLevel *const level = h->level;
  const FurlLowStepArgs  args  = {.n        = level->n,
                                  .p        = h->p,
                                  .q        = h->q,
                                  .d        = level->d,
                                  .exponent = level->exponent,
                                  .u        = h->u,
                                  .b        = level->b,
                                  .alpha    = alpha,
                                  .partial  = h->partial};

  PetscFunctionBegin;
  FurlLaunch(&FurlKernelFurlLowStep, &args, level->nitems);
  PetscCall(SumPartial(h, 2, square));
  for (int k = 0; k < 2; k++) square[k] = ldexp(square[k], -2 * level->uniform);
  PetscFunctionReturn(PETSC_SUCCESS);
}

const FurlRecurrence FurlHierarchyRecurrence = {Precondition, Turn, Image, Step};
