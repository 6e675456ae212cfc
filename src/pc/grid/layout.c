/* How the cells of a box are numbered and divided */
#include "grid.h"

#define DEPTH_MAX 4        /* ghosts that two sweeps before the correction reach, and two after it */
#define REDUNDANT_MAX 0.12 /* of a process's cells: more are not swept for the sake of fewer exchanges, which cost less then (measured) */

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
