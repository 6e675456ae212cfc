/*
  Conjugate gradients in the unknowns of the finest level: y = sqrt(D) x, whose operator is I - Q with the cycle's own couplings of 2 bytes
  and its corrected diagonal. Nothing of FP64 is read or written but one sum a slice: 16 B a cell of matrix and vector for the product, 28
  for the step, 12 for the direction, 12 for the sums, beside the cycle without its conversions.

    z = B b; beta = -z'q / p'q of the direction before; p = z + beta p; q = (I - Q) p; alpha = z'b / p'q; u += alpha p; b -= alpha q

  as KSP furl's own recurrence (kspcg.c), so that the cycle may vary. A renewed residual begins anew: to keep the direction, as residual
  replacement does, took as many iterations for b = A random, and half as many more for b of ones.
*/
#include "grid.h"

#define SMALLEST 4096 /* cells: below, all of it is in a cache, and FP64 costs nothing */
#define SOFTEST                                                                                                             \
  0x1p24 /* beyond, what smooth vectors feel of the operator is below the rounding of FP32, and FP64 takes fewer iterations \
          */

int FurlGridCanRefine(const FurlGrid *grid, int constants)
{
  const PetscInt *const N = grid->level[0].N;

  if ((double)N[0] * N[1] * N[2] < SMALLEST || grid->level[0].door || grid->softness > SOFTEST) return 0;
  if (grid->singular ? !constants || grid->nown > 0 : constants) return 0; /* another null space than the box has */
  return grid->faithful && !grid->shear.place && !grid->next && !(grid->sharpness > 0) && !grid->level[0].back[0] && grid->nlevels > 1;
}

static PetscErrorCode Allocate(FurlGrid *grid)
{
  const FurlBox *const box    = &grid->level[0].box;
  const size_t         stride = (size_t)(box->margin + 2 * box->span) + FURL_STAGGER / sizeof(float);

  PetscFunctionBegin;
  if (grid->p) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(FurlBlockInit(&grid->memory_of_refinement, 3 * stride * sizeof(float)), PETSC_COMM_SELF, PETSC_ERR_MEM,
             "No memory for three vectors of %zu numbers of FP32", stride);
  grid->p = (float *)(void *)grid->memory_of_refinement.data + box->margin;
  grid->q = grid->p + stride;
  grid->u = grid->q + stride;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridRefineBegin(FurlGrid *grid, double size, const double *r)
{
  const FurlBox *const box = &grid->level[0].box;

  PetscFunctionBegin;
  PetscCall(Allocate(grid));
  grid->shift = FurlGridShift(size);
  PetscCall(FurlGridTakeVector(grid, grid->shift, r, grid->level[0].b));
  PetscCall(PetscArrayzero(grid->u, (size_t)(2 * box->span)));
  grid->pq = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The direction p, its image and the step along it; *ok is 0 where one of the products has not the sign of a definite operator's */
static PetscErrorCode Direct(FurlGrid *grid, double *alpha, int *ok)
{
  const FurlGridLevel *const level = grid->level;
  double                     z[2];

  PetscFunctionBegin;
  *ok = 0;
  PetscCall(FurlGridCycle(grid));
  FurlGridZeroGhosts(grid, level->b);
  PetscCall(FurlGridDotsOf(grid, level->x, level->b, grid->q, z));
  if (!(z[0] > 0) || !(z[0] <= PETSC_MAX_REAL)) PetscFunctionReturn(PETSC_SUCCESS);
  if (grid->pq > 0)
    FurlGridUpdateOf(grid, 1, level->x, -z[1] / grid->pq, grid->p, grid->p);
  else
    FurlGridUpdateOf(grid, 1, level->x, 0, level->x, grid->p);
  PetscCall(FurlGridProductOf(grid, grid->p, grid->q, &grid->pq));
  *alpha = z[0] / grid->pq;
  *ok    = grid->pq > 0 && grid->pq <= PETSC_MAX_REAL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows sum to what they should up to half of FURL_GRID_UNIT times the diagonal, and vectors of FP32 are no better */
PetscErrorCode FurlGridRefineStep(FurlGrid *grid, double *norm, double *floor, int *ok)
{
  const FurlGridLevel *const level  = grid->level;
  const int64_t              items  = 2 * level->box.span / FURL_WIDTH;
  FurlGridStepArgs           args   = {.p = grid->p, .q = grid->q, .w = level->root, .u = grid->u, .b = level->b, .partial = grid->partial};
  double                     sum[2] = {0, 0}, alpha = 0;

  PetscFunctionBegin;
  PetscCall(Direct(grid, &alpha, ok));
  if (!*ok) PetscFunctionReturn(PETSC_SUCCESS);
  args.alpha = (float)alpha;
  FurlLaunch(&FurlKernelFurlGridStep, &args, items);
  for (int64_t item = 0; item < items; item++) {
    sum[0] += grid->partial[2 * item];
    sum[1] += grid->partial[2 * item + 1];
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, 2, MPI_DOUBLE, MPI_SUM, grid->comm));
  *norm  = ldexp(sqrt(sum[0]), -grid->shift);
  *floor = ldexp((double)FURL_GRID_UNIT * sqrt(sum[1]), -grid->shift);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridRefineAdd(FurlGrid *grid, double factor, double *x)
{
  PetscFunctionBegin;
  PetscCall(FurlGridGiveVector(grid, ldexp(factor * grid->factor, -grid->shift), grid->u, 1, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}
