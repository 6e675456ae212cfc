/*
  Elements with couplings off the axes hardly feel the roughest vectors: trilinear ones have a ninth of the energy that the links along the
  axes give to the checkerboard, as mass matrices across a direction multiply the differences along it. The cycle B of the links is
  therefore taken as S B S, where S = 1 + sharpness L raises rough vectors, L the second differences of all directions. Neighbours count by
  the smaller diagonal of the two, else a soft cell would shake a stiff one.
*/
#include "grid.h"

PetscErrorCode FurlGridSharpenVector(FurlGrid *grid)
{
  FurlGridLevel *const level = grid->level;

  PetscFunctionBegin;
  for (int k = level->depth > 1; k < 2; k++) PetscCall(FurlGhostsFill(&level->ghosts[k], level->x)); /* deep: the second has all */
  for (int colour = 0; colour < 2; colour++) {
    FurlGridSharpenArgs args = {.beta = (float)grid->sharpness};
    FurlGridStencilArgs roots;

    FurlGridStencilOf(level, colour, level->x, &args.stencil);
    FurlGridStencilOf(level, colour, level->root, &roots);
    for (int k = 0; k < roots.neighbours; k++) args.root[k] = roots.x[k];
    args.stencil.out = level->b + colour * level->box.span;
    FurlRun(level->queue, &FurlKernelFurlGridSharpen, &args, level->box.items);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
