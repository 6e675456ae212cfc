/* The operator of a level as links between cells: its memory, and what follows from links and excess */
#include "grid.h"

#define MARGINS 4 /* before and behind a flat array: neighbours of a slice that begins or ends outside, two cells apart */

static PetscErrorCode AllocateFlat(const FurlBox *box, float **array)
{
  PetscFunctionBegin;
  PetscCall(PetscCalloc1(box->nflat + 2 * MARGINS * box->margin, array));
  *array += MARGINS * box->margin;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FreeFlat(const FurlBox *box, float **array)
{
  PetscFunctionBegin;
  if (*array) *array -= MARGINS * box->margin;
  PetscCall(PetscFree(*array));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStencilCreate(FurlLayout *layout, FurlStencil *s)
{
  PetscFunctionBegin;
  *s            = (FurlStencil){.layout = *layout};
  layout->piece = NULL;
  FurlLayoutGetBox(&s->layout, s->layout.rank, &s->box);
  PetscCall(FurlGhostsCreate(&s->layout, FURL_GHOSTS_FLAT, &s->ghosts));
  for (int d = 0; d < 3; d++)
    if (s->box.coupled[d]) PetscCall(AllocateFlat(&s->box, &s->link[d]));
  PetscCall(AllocateFlat(&s->box, &s->excess));
  PetscCall(AllocateFlat(&s->box, &s->root));
  PetscCall(AllocateFlat(&s->box, &s->largest));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStencilAddWind(FurlStencil *s)
{
  PetscFunctionBegin;
  for (int d = 0; d < 3; d++)
    if (s->link[d]) PetscCall(AllocateFlat(&s->box, &s->wind[d]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStencilDestroy(FurlStencil *s)
{
  PetscFunctionBegin;
  PetscCall(FreeFlat(&s->box, &s->largest));
  PetscCall(FreeFlat(&s->box, &s->root));
  PetscCall(FreeFlat(&s->box, &s->excess));
  for (int d = 0; d < 3; d++) PetscCall(FreeFlat(&s->box, &s->wind[d]));
  for (int d = 0; d < 3; d++) PetscCall(FreeFlat(&s->box, &s->link[d]));
  PetscCall(FurlGhostsDestroy(&s->ghosts));
  PetscCall(FurlLayoutDestroy(&s->layout));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStencilFinish(FurlStencil *s)
{
  FurlGridRootArgs args = {.excess = s->excess, .root = s->root, .largest = s->largest};

  PetscFunctionBegin;
  for (int d = 0; d < 3; d++) {
    if (!s->link[d]) continue;
    PetscCall(FurlGhostsFill(&s->ghosts, s->link[d]));
    if (s->wind[d]) PetscCall(FurlGhostsFill(&s->ghosts, s->wind[d]));
    args.link[args.directions]   = s->link[d];
    args.wind[args.directions]   = s->wind[d];
    args.step[args.directions++] = s->box.stride[d];
  }
  FurlLaunch(&FurlKernelFurlGridRoot, &args, (s->box.nflat + FURL_WIDTH - 1) / FURL_WIDTH);
  PetscCall(FurlGhostsFill(&s->ghosts, s->root));
  PetscCall(FurlGhostsFill(&s->ghosts, s->largest));
  PetscFunctionReturn(PETSC_SUCCESS);
}
