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
  FurlLayoutSetDepth(&s->layout);
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

#define GHOST 1
#define CELL 2

/* What each place of a flat array has: a cell of this process, a ghost, or nothing (zero) */
static void MarkPlaces(const FurlStencil *s, float *array)
{
  const FurlBox *const box = &s->box;

  for (PetscInt k = 0; k < box->n[2]; k++)
    for (PetscInt j = 0; j < box->n[1]; j++)
      for (PetscInt i = 0; i < box->n[0]; i++) array[FurlBoxAt(box, i, j, k)] = CELL;
  for (int64_t g = 0; g < s->ghosts.n; g++) array[s->ghosts.at[g]] = GHOST;
}

/* Links of ghosts are their owners', but for those to what is no ghost: it would be coupled to them, and enter sums over whole arrays.
 * Deep ghosts are coupled with each other, as what they stand for is */
static PetscErrorCode FillLinks(FurlStencil *s, int d, const float *marks, float *link)
{
  const float least = s->layout.depth > 1 ? GHOST : CELL;

  PetscFunctionBegin;
  PetscCall(FurlGhostsFill(&s->ghosts, link));
  for (int64_t g = 0; g < s->ghosts.n; g++)
    if (marks[s->ghosts.at[g] + s->box.stride[d]] < least) link[s->ghosts.at[g]] = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStencilFinish(FurlStencil *s)
{
  FurlGridRootArgs args = {.excess = s->excess, .root = s->root, .largest = s->largest};

  PetscFunctionBegin;
  if (s->ghosts.n) MarkPlaces(s, s->largest);
  for (int d = 0; d < 3; d++) {
    if (!s->link[d]) continue;
    PetscCall(FillLinks(s, d, s->largest, s->link[d]));
    if (s->wind[d]) PetscCall(FillLinks(s, d, s->largest, s->wind[d]));
    args.link[args.directions]   = s->link[d];
    args.wind[args.directions]   = s->wind[d];
    args.step[args.directions++] = s->box.stride[d];
  }
  FurlLaunch(&FurlKernelFurlGridRoot, &args, (s->box.nflat + FURL_WIDTH - 1) / FURL_WIDTH);
  PetscCall(FurlGhostsFill(&s->ghosts, s->root));
  PetscCall(FurlGhostsFill(&s->ghosts, s->largest));
  PetscFunctionReturn(PETSC_SUCCESS);
}
