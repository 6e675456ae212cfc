/* The operator of a level as links between cells: its memory, and what follows from links and excess */
#include "grid.h"

#define MARGINS 4  /* before and behind a flat array: neighbours of a slice that begins or ends outside, two cells apart */
#define STAGGER 96 /* numbers: a few lines of a cache */

/* n arrays of zeros, apart from each other so that equal cells of them do not compete for the same sets of a cache */
static PetscErrorCode AllocateFlats(const FurlBox *box, int n, float **const array[], FurlBlock *memory)
{
  const size_t front = (size_t)(MARGINS * box->margin), length = (size_t)box->nflat + 2 * front;
  const size_t stride = (length + FURL_WIDTH - 1) / FURL_WIDTH * FURL_WIDTH + STAGGER;

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
  float **const    derived[2] = {&s->root, &s->largest};
  FurlGridRootArgs args       = {.excess = s->excess};

  PetscFunctionBegin;
  PetscCall(AllocateFlats(&s->box, 2, derived, &s->memory_of_derived));
  args.root    = s->root;
  args.largest = s->largest;
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
