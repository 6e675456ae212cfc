/*
  Conjugate gradients in the unknowns of a box's finest level: y = sqrt(D) x, whose operator is I - Q with the cycle's own couplings of 2
  bytes and its corrected diagonal. Nothing of FP64 is read or written but one sum a slice: 16 B a cell of matrix and vector for the
  product, 28 for the step, 12 for the direction, 4 for the sums (12 where there are ghosts), beside the cycle without its conversions.
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
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Precondition(void *h, double sum[2])
{
  FurlGrid *const grid = h;

  PetscFunctionBegin;
  PetscCall(FurlGridCycleDots(grid, grid->q, sum));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void Turn(void *h, double beta)
{
  const FurlGrid *const grid = h;
  const float *const    z    = grid->level->x;

  FurlGridUpdateOf(grid, 1, z, beta, beta != 0 ? grid->p : z, grid->p);
}

static PetscErrorCode Image(void *h, double *product)
{
  FurlGrid *const grid = h;

  PetscFunctionBegin;
  PetscCall(FurlGridProductOf(grid, grid->p, grid->q, product));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Step(void *h, float alpha, double square[2])
{
  FurlGrid *const            grid  = h;
  const FurlGridLevel *const level = grid->level;
  const int64_t              items = 2 * level->box.span / FURL_WIDTH;
  const FurlGridStepArgs     args  = {
         .p = grid->p, .q = grid->q, .w = level->root, .u = grid->u, .b = level->b, .partial = grid->partial, .alpha = alpha};

  PetscFunctionBegin;
  FurlLaunch(&FurlKernelFurlGridStep, &args, items);
  FurlSumPartial(grid->partial, items, 2, square);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, square, 2, MPI_DOUBLE, MPI_SUM, grid->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

const FurlRecurrence FurlGridRecurrence = {Precondition, Turn, Image, Step};

PetscErrorCode FurlGridRefineAdd(FurlGrid *grid, double factor, double *x)
{
  PetscFunctionBegin;
  PetscCall(FurlGridGiveVector(grid, ldexp(factor * grid->factor, -grid->shift), grid->u, 1, x));
  PetscFunctionReturn(PETSC_SUCCESS);
}
