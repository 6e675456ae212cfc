/* How the cells of a box are numbered and divided, and the exchange of ghosts */
#include "grid.h"

#define DEPTH_MAX 4       /* ghosts that two sweeps before the correction reach, and two after it */
#define REDUNDANT_MAX 0.5 /* of a process's cells: as many may be swept for the sake of fewer messages */

static int64_t Odd(int64_t n)
{
  return n | 1;
}

void FurlLayoutGetBox(const FurlLayout *layout, PetscMPIInt rank, FurlBox *box)
{
  const FurlPiece *const piece   = &layout->piece[rank];
  const PetscInt *const  n       = piece->n;
  int64_t                largest = 1;

  *box = (FurlBox){.stride = {1}};
  for (int d = 0; d < 3; d++) {
    box->n[d]       = n[d];
    box->ghosts[d]  = layout->periodic[d] || layout->cut[d] ? PetscMax(layout->depth, 1) : 0;
    box->coupled[d] = layout->N[d] > 1;
  }
  box->stride[1] = Odd(n[0] + 2 * box->ghosts[0]);
  box->stride[2] = box->stride[1] * Odd(n[1] + 2 * box->ghosts[1]);
  box->origin    = box->ghosts[0] + box->stride[1] * box->ghosts[1] + box->stride[2] * box->ghosts[2];
  box->origin += (box->origin + FurlLayoutColour(piece->start)) & 1; /* the colour in the box of all is the parity of G */
  box->nflat = FurlBoxCells(box) ? box->origin + box->stride[2] * (n[2] + box->ghosts[2]) : 0;
  for (int d = 0; d < 3; d++)
    if (box->coupled[d]) largest = box->stride[d];
  box->margin = (largest / 2 + 2 * FURL_WIDTH) / FURL_WIDTH * FURL_WIDTH;
  box->items  = ((box->nflat + 1) / 2 + FURL_WIDTH - 1) / FURL_WIDTH;
  box->span   = box->items * FURL_WIDTH + box->margin;
}

/* Cells that a process would sweep for its neighbours' sake, over its own, on the largest piece */
static double Redundant(const FurlLayout *layout, int depth)
{
  double share = 1;

  for (int d = 0; d < 3; d++) {
    PetscInt most = 1;

    for (PetscMPIInt p = 0; p < layout->size; p++) most = PetscMax(most, layout->piece[p].n[d]);
    if (layout->periodic[d] || layout->cut[d]) share *= 1 + (double)depth / (double)most; /* the mean of a leg, on both sides */
  }
  return share - 1;
}

void FurlLayoutSetDepth(FurlLayout *layout)
{
  layout->depth = DEPTH_MAX;
  while (layout->depth > 2 && Redundant(layout, layout->depth) > REDUNDANT_MAX) layout->depth /= 2;
  for (int d = 0; d < 3; d++)
    if (layout->periodic[d] && (layout->N[d] % 2 || layout->N[d] < 2 * layout->depth)) layout->depth = 1;
}

PetscErrorCode FurlLayoutDestroy(FurlLayout *layout)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(layout->piece));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static int Has(const FurlPiece *piece, const PetscInt at[3])
{
  int has = 1;

  for (int d = 0; d < 3; d++) has = has && at[d] >= piece->start[d] && at[d] < piece->start[d] + piece->n[d];
  return has;
}

PetscMPIInt FurlLayoutFind(const FurlLayout *layout, PetscInt at[3], PetscMPIInt guess)
{
  for (int d = 0; d < 3; d++) {
    if (layout->periodic[d] && at[d] < 0) at[d] += layout->N[d];
    if (layout->periodic[d] && at[d] >= layout->N[d]) at[d] -= layout->N[d];
    if (at[d] < 0 || at[d] >= layout->N[d]) return -1;
  }
  if (guess >= 0 && Has(&layout->piece[guess], at)) return guess;
  for (PetscMPIInt p = 0; p < layout->size; p++)
    if (Has(&layout->piece[p], at)) return p;
  return -1;
}

/* What a list of ghosts is made with: places here, and the cells that they stand for elsewhere */
typedef struct {
  const FurlLayout *layout;
  FurlGhostsOf      of;
  FurlBox           box, other; /* of this process, and of `rank` */
  PetscMPIInt       rank, guess[2];
  FurlGhosts       *ghosts;
  int64_t           room;
  PetscSFNode      *remote; /* [n] */
} GhostList;

static int64_t Place(const GhostList *list, const FurlBox *box, int64_t G)
{
  return list->of == FURL_GHOSTS_FLAT ? G : FurlBoxByColour(box, G);
}

/* Is the cell, so many steps away from those of this process, on the list? The outermost ghosts are wanted where they are swept first */
static int Wanted(const GhostList *list, const PetscInt cell[3], PetscInt distance)
{
  const int colour = FurlLayoutColour(cell), depth = list->layout->depth;

  if (list->of == FURL_GHOSTS_EVEN || list->of == FURL_GHOSTS_ODD) return colour == (int)list->of;
  return depth < 2 || distance < depth || colour == 0;
}

/* One ghost: local cell `at`, which lies outside, `distance` steps away */
static PetscErrorCode AppendGhost(GhostList *list, const PetscInt at[3], PetscInt distance)
{
  FurlGhosts *const      ghosts = list->ghosts;
  const FurlPiece *const mine   = &list->layout->piece[list->layout->rank];
  const FurlPiece       *piece;
  PetscMPIInt *const     guess = &list->guess[at[0] > 0];
  PetscInt               cell[3];
  int64_t                G;

  PetscFunctionBegin;
  for (int d = 0; d < 3; d++) cell[d] = mine->start[d] + at[d];
  *guess = FurlLayoutFind(list->layout, cell, *guess);
  if (*guess < 0 || !Wanted(list, cell, distance)) PetscFunctionReturn(PETSC_SUCCESS);
  if (*guess != list->rank) FurlLayoutGetBox(list->layout, *guess, &list->other);
  list->rank = *guess;
  piece      = &list->layout->piece[list->rank];
  G          = FurlBoxAt(&list->other, cell[0] - piece->start[0], cell[1] - piece->start[1], cell[2] - piece->start[2]);
  if (ghosts->n == list->room) {
    list->room = 2 * list->room + 1024;
    PetscCall(PetscRealloc(list->room * sizeof(*ghosts->at), &ghosts->at));
    PetscCall(PetscRealloc(list->room * sizeof(*ghosts->owner), &ghosts->owner));
    PetscCall(PetscRealloc(list->room * sizeof(*list->remote), &list->remote));
  }
  ghosts->at[ghosts->n]         = Place(list, &list->box, FurlBoxAt(&list->box, at[0], at[1], at[2]));
  ghosts->owner[ghosts->n]      = Place(list, &list->other, G);
  list->remote[ghosts->n].rank  = list->rank;
  list->remote[ghosts->n].index = (PetscInt)ghosts->owner[ghosts->n];
  ghosts->n++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Steps from line or plane i to the nearest one of the box */
static PetscInt Outside(const FurlBox *box, int d, PetscInt i)
{
  return i < 0 ? -i : PetscMax(i - box->n[d] + 1, 0);
}

/* A cell outside is wanted where so few steps along the axes lead to it: a 7-point operator has no others */
static PetscErrorCode AppendAll(GhostList *list)
{
  const FurlBox *const  box   = &list->box;
  const int *const      width = box->ghosts;
  const PetscInt *const n     = box->n;
  const PetscInt        depth = PetscMax(list->layout->depth, 1);
  PetscInt              at[3];

  PetscFunctionBegin;
  for (at[2] = -width[2]; at[2] < n[2] + width[2]; at[2]++)
    for (at[1] = -width[1]; at[1] < n[1] + width[1]; at[1]++) {
      const PetscInt distance = Outside(box, 1, at[1]) + Outside(box, 2, at[2]);
      const PetscInt reach    = PetscMin(depth - distance, width[0]);

      for (at[0] = -reach; distance <= depth && at[0] < n[0] + reach; at[0]++) {
        if (distance == 0 && at[0] == 0) at[0] = n[0]; /* over the cells of this process */
        if (at[0] < n[0] + reach) PetscCall(AppendGhost(list, at, distance + Outside(box, 0, at[0])));
      }
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGhostsCreate(const FurlLayout *layout, FurlGhostsOf of, FurlGhosts *ghosts)
{
  GhostList list = {.layout = layout, .of = of, .rank = -1, .guess = {-1, -1}, .ghosts = ghosts};

  PetscFunctionBegin;
  *ghosts = (FurlGhosts){0};
  FurlLayoutGetBox(layout, layout->rank, &list.box);
  if (!list.box.ghosts[0] && !list.box.ghosts[1] && !list.box.ghosts[2]) PetscFunctionReturn(PETSC_SUCCESS);
  if (FurlBoxCells(&list.box)) PetscCall(AppendAll(&list));
  PetscCall(PetscCalloc1(ghosts->n, &ghosts->buffer));
  if (layout->size > 1) {
    const PetscInt nroots = (PetscInt)(of == FURL_GHOSTS_FLAT ? list.box.nflat : 2 * list.box.span);

    PetscCall(PetscSFCreate(layout->comm, &ghosts->sf));
    PetscCall(PetscSFSetGraph(ghosts->sf, nroots, (PetscInt)ghosts->n, NULL, PETSC_OWN_POINTER, list.remote, PETSC_COPY_VALUES));
    PetscCall(PetscSFSetUp(ghosts->sf));
    PetscCall(PetscFree(ghosts->owner));
  }
  PetscCall(PetscFree(list.remote));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGhostsDestroy(FurlGhosts *ghosts)
{
  PetscFunctionBegin;
  PetscCall(PetscSFDestroy(&ghosts->sf));
  PetscCall(PetscFree(ghosts->buffer));
  PetscCall(PetscFree(ghosts->owner));
  PetscCall(PetscFree(ghosts->at));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGhostsFill(FurlGhosts *ghosts, float *array)
{
  PetscFunctionBegin;
  if (ghosts->sf) {
    PetscCall(PetscSFBcastBegin(ghosts->sf, MPI_FLOAT, array, ghosts->buffer, MPI_REPLACE));
    PetscCall(PetscSFBcastEnd(ghosts->sf, MPI_FLOAT, array, ghosts->buffer, MPI_REPLACE));
  } else
    for (int64_t k = 0; k < ghosts->n; k++) ghosts->buffer[k] = array[ghosts->owner[k]];
  for (int64_t k = 0; k < ghosts->n; k++) array[ghosts->at[k]] = ghosts->buffer[k];
  PetscFunctionReturn(PETSC_SUCCESS);
}
