/* How the cells of a box are numbered and divided, and the exchange of ghosts */
#include "grid.h"

static int64_t Odd(int64_t n)
{
  return n | 1;
}

void FurlLayoutGetBox(const FurlLayout *layout, PetscMPIInt rank, FurlBox *box)
{
  const PetscInt *const n       = layout->piece[rank].n;
  int64_t               largest = 1;

  *box = (FurlBox){.stride = {1}};
  for (int d = 0; d < 3; d++) {
    box->n[d]       = n[d];
    box->ghosts[d]  = layout->periodic[d] || layout->cut[d];
    box->coupled[d] = layout->N[d] > 1;
  }
  box->stride[1] = Odd(n[0] + 2 * box->ghosts[0]);
  box->stride[2] = box->stride[1] * Odd(n[1] + 2 * box->ghosts[1]);
  box->origin    = box->ghosts[0] + box->stride[1] * box->ghosts[1] + box->stride[2] * box->ghosts[2];
  box->nflat     = FurlBoxCells(box) ? box->stride[2] * (n[2] + 2 * box->ghosts[2]) : 0;
  for (int d = 0; d < 3; d++)
    if (box->coupled[d]) largest = box->stride[d];
  box->margin = (largest / 2 + 2 * FURL_WIDTH) / FURL_WIDTH * FURL_WIDTH;
  box->items  = ((box->nflat + 1) / 2 + FURL_WIDTH - 1) / FURL_WIDTH;
  box->span   = box->items * FURL_WIDTH + box->margin;
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
  PetscMPIInt       rank;
  FurlGhosts       *ghosts;
  PetscSFNode      *remote; /* [n] */
} GhostList;

static int64_t Place(const GhostList *list, const FurlBox *box, int64_t G)
{
  return list->of == FURL_GHOSTS_FLAT ? G : FurlBoxByColour(box, G);
}

/* One ghost: local cell `at`, which lies outside */
static void AppendGhost(GhostList *list, const PetscInt at[3])
{
  const FurlPiece *const mine = &list->layout->piece[list->layout->rank];
  const FurlPiece       *piece;
  PetscInt               cell[3];
  PetscMPIInt            rank;
  int64_t                G;

  for (int d = 0; d < 3; d++) cell[d] = mine->start[d] + at[d];
  rank = FurlLayoutFind(list->layout, cell, list->rank);
  if (rank < 0 || (list->of != FURL_GHOSTS_FLAT && FurlLayoutColour(cell) != (int)list->of)) return;
  if (rank != list->rank) FurlLayoutGetBox(list->layout, rank, &list->other);
  list->rank = rank;
  piece      = &list->layout->piece[rank];
  G          = FurlBoxAt(&list->other, cell[0] - piece->start[0], cell[1] - piece->start[1], cell[2] - piece->start[2]);
  list->ghosts->at[list->ghosts->n]     = Place(list, &list->box, FurlBoxAt(&list->box, at[0], at[1], at[2]));
  list->ghosts->owner[list->ghosts->n]  = Place(list, &list->other, G);
  list->remote[list->ghosts->n].rank    = rank;
  list->remote[list->ghosts->n++].index = (PetscInt)Place(list, &list->other, G);
}

/* The two faces across direction d: a 7-point operator sees no edges and corners */
static void AppendFaces(GhostList *list, int d)
{
  const PetscInt *const n = list->box.n;
  const int             u = (d + 1) % 3, v = (d + 2) % 3;
  PetscInt              at[3];

  for (int side = 0; side < 2; side++) {
    at[d] = side ? n[d] : -1;
    for (at[v] = 0; at[v] < n[v]; at[v]++)
      for (at[u] = 0; at[u] < n[u]; at[u]++) AppendGhost(list, at);
  }
}

PetscErrorCode FurlGhostsCreate(const FurlLayout *layout, FurlGhostsOf of, FurlGhosts *ghosts)
{
  GhostList list = {.layout = layout, .of = of, .rank = -1, .ghosts = ghosts};
  int64_t   room = 0;
  int       any  = 0;

  PetscFunctionBegin;
  *ghosts = (FurlGhosts){0};
  FurlLayoutGetBox(layout, layout->rank, &list.box);
  for (int d = 0; d < 3; d++) {
    any |= list.box.ghosts[d];
    if (list.box.ghosts[d]) room += 2 * list.box.n[(d + 1) % 3] * list.box.n[(d + 2) % 3];
  }
  if (!any) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(room, &ghosts->at));
  PetscCall(PetscMalloc1(room, &ghosts->owner));
  PetscCall(PetscMalloc1(room, &list.remote));
  for (int d = 0; d < 3; d++)
    if (list.box.ghosts[d] && FurlBoxCells(&list.box)) AppendFaces(&list, d);
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
