/* The operator of a level as links between cells: its memory, and what follows from links and excess */
#include "grid.h"

#define MARGINS 4 /* before and behind a flat array: neighbours of a slice that begins or ends outside, two cells apart */

static PetscErrorCode AllocateFlat(const FurlBox *box, float **array)
{
  const size_t n = (size_t)(box->nflat + 2 * MARGINS * box->margin);

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, array));
  FurlMemoryLargePages(*array, n * sizeof(**array));
  PetscCall(PetscArrayzero(*array, n));
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

/* Zeros at the ghosts before (side 0) or behind (1) the cells of direction d */
static void ClearFace(const FurlBox *box, int d, int side, float *array)
{
  const PetscInt n[3] = {d == 0 ? 1 : box->n[0], d == 1 ? 1 : box->n[1], d == 2 ? 1 : box->n[2]};
  const int64_t ghost = side ? box->n[d] * box->stride[d] : -box->stride[d];

  for (PetscInt k = 0; k < n[2]; k++)
    for (PetscInt j = 0; j < n[1]; j++)
      for (PetscInt i = 0; i < n[0]; i++) array[FurlBoxAt(box, i, j, k) + ghost] = 0;
}

/* The links of the ghosts before the cells of direction d are those of these cells. No ghost has others: what lies beyond it would be
 * coupled to it, and enter sums over whole arrays */
static PetscErrorCode FillLinks(FurlStencil *s, int d, float *link)
{
  PetscFunctionBegin;
  PetscCall(FurlGhostsFill(&s->ghosts, link));
  for (int face = 0; FurlBoxCells(&s->box) && face < 6; face++)
    if (s->box.ghosts[face / 2] && face != 2 * d) ClearFace(&s->box, face / 2, face % 2, link);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStencilFinish(FurlStencil *s)
{
  FurlGridRootArgs args = {.excess = s->excess, .root = s->root, .largest = s->largest};

  PetscFunctionBegin;
  for (int d = 0; d < 3; d++) {
    if (!s->link[d]) continue;
    PetscCall(FillLinks(s, d, s->link[d]));
    if (s->wind[d]) PetscCall(FillLinks(s, d, s->wind[d]));
    args.link[args.directions]   = s->link[d];
    args.wind[args.directions]   = s->wind[d];
    args.step[args.directions++] = s->box.stride[d];
  }
  FurlLaunch(&FurlKernelFurlGridRoot, &args, (s->box.nflat + FURL_WIDTH - 1) / FURL_WIDTH);
  PetscCall(FurlGhostsFill(&s->ghosts, s->root));
  PetscCall(FurlGhostsFill(&s->ghosts, s->largest));
  PetscFunctionReturn(PETSC_SUCCESS);
}
