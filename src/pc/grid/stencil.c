/* The operator of a level as links between cells: its memory, and what follows from links and excess */
#include "grid.h"

#define MARGINS 4 /* before and behind a flat array: neighbours of a slice that begins or ends outside, two cells apart */

/* n arrays of zeros, apart from each other so that equal cells of them do not compete for the same sets of a cache */
static PetscErrorCode AllocateFlats(const FurlBox *box, int n, float **const array[], FurlBlock *memory)
{
  const size_t front = (size_t)(MARGINS * box->margin), length = (size_t)box->nflat + 2 * front;
  const size_t stride = (length + FURL_WIDTH - 1) / FURL_WIDTH * FURL_WIDTH + FURL_STAGGER / sizeof(float);

  PetscFunctionBegin;
  PetscCheck(FurlBlockInit(memory, (size_t)n * stride * sizeof(**array[0])), PETSC_COMM_SELF, PETSC_ERR_MEM,
             "No memory for %d arrays of %zu numbers of FP32", n, stride);
  for (int k = 0; k < n; k++) *array[k] = (float *)(void *)memory->data + (size_t)k * stride + front;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStencilCreate(FurlLayout *layout, FurlStencil *s)
{
  float **array[4] = {&s->excess};
  int     n        = 1;

  PetscFunctionBegin;
  *s            = (FurlStencil){.layout = *layout};
  layout->piece = NULL;
  FurlLayoutSetDepth(&s->layout);
  FurlLayoutGetBox(&s->layout, s->layout.rank, &s->box);
  PetscCall(FurlGhostsCreate(&s->layout, FURL_GHOSTS_FLAT, &s->ghosts));
  for (int d = 0; d < 3; d++)
    if (s->box.coupled[d]) array[n++] = &s->link[d];
  PetscCall(AllocateFlats(&s->box, n, array, &s->memory));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStencilAddWind(FurlStencil *s)
{
  float **array[3];
  int     n = 0;

  PetscFunctionBegin;
  for (int d = 0; d < 3; d++)
    if (s->link[d]) array[n++] = &s->wind[d];
  if (n) PetscCall(AllocateFlats(&s->box, n, array, &s->memory_of_winds));
  PetscFunctionReturn(PETSC_SUCCESS);
}

void FurlStencilForgetDerived(FurlStencil *s)
{
  FurlBlockFree(&s->memory_of_derived);
  s->root = s->largest = NULL;
}

PetscErrorCode FurlStencilDestroy(FurlStencil *s)
{
  PetscFunctionBegin;
  FurlStencilForgetDerived(s);
  FurlBlockFree(&s->memory_of_winds);
  FurlBlockFree(&s->memory);
  PetscCall(FurlEntriesDestroy(&s->own));
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
  float **const    derived[2] = {&s->root, &s->largest};
  FurlGridRootArgs args       = {.excess = s->excess};

  PetscFunctionBegin;
  PetscCall(AllocateFlats(&s->box, 2, derived, &s->memory_of_derived));
  args.root    = s->root;
  args.largest = s->largest;
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
