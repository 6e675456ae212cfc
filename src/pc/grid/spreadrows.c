/* Where a matrix's rows are divided among the processes in the middle of a plane of cells: between rows and cells */
#include "grid.h"

static PetscInt UnitOf(const FurlLayout *layout)
{
  return layout->along == 2 ? layout->N[0] * layout->N[1] : layout->N[0];
}

PetscErrorCode FurlLayoutOfRows(const FurlLayout *layout, const PetscInt *range, PetscMPIInt rank, FurlLayout *rows, PetscInt *begin)
{
  const PetscInt unit = UnitOf(layout), end = (range[rank + 1] + unit - 1) / unit;

  PetscFunctionBegin;
  *begin = range[rank] / unit;
  *rows  = (FurlLayout){.comm = PETSC_COMM_SELF, .size = 1, .along = -1};
  PetscCall(PetscCalloc1(1, &rows->piece));
  for (int d = 0; d < 3; d++) {
    rows->piece[0].n[d] = d == layout->along ? PetscMax(end - *begin, 0) : layout->N[d];
    rows->N[d]          = layout->N[d]; /* links in the same directions */
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The rows of this process's cells, in natural order, each with the process that has it */
static PetscErrorCode ListRows(const FurlLayout *layout, const PetscInt *range, PetscSFNode **list, PetscInt *n)
{
  const FurlPiece *const piece = &layout->piece[layout->rank];
  const PetscInt         first = piece->start[layout->along] * UnitOf(layout);
  PetscMPIInt            p     = 0;

  PetscFunctionBegin;
  *n = piece->n[layout->along] * UnitOf(layout);
  PetscCall(PetscMalloc1(*n, list));
  for (PetscInt k = 0; k < *n; k++) {
    while (range[p + 1] <= first + k) p++;
    (*list)[k].rank  = p;
    (*list)[k].index = first + k - range[p];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlLayoutSpread(const FurlLayout *layout, const PetscInt *range, PetscSF *spread)
{
  PetscSFNode *remote;
  PetscInt     n;

  PetscFunctionBegin;
  *spread = NULL;
  if (layout->along < 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ListRows(layout, range, &remote, &n));
  PetscCall(PetscSFCreate(layout->comm, spread));
  PetscCall(PetscSFSetGraph(*spread, range[layout->rank + 1] - range[layout->rank], n, NULL, PETSC_OWN_POINTER, remote, PETSC_OWN_POINTER));
  PetscCall(PetscSFSetUp(*spread));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows in place of their numbers: flat cells of the box that their process read them into */
static PetscErrorCode RowsToFlat(const FurlLayout *layout, const PetscInt *range, PetscInt n, PetscSFNode *list)
{
  const PetscInt *const N     = layout->N;
  PetscMPIInt           rank  = -1;
  PetscInt              begin = 0;
  FurlLayout            rows;
  FurlBox               box = {.stride = {1}};

  PetscFunctionBegin;
  for (PetscInt k = 0; k < n; k++) {
    const PetscInt row   = range[list[k].rank] + list[k].index;
    PetscInt       at[3] = {row % N[0], row / N[0] % N[1], row / N[0] / N[1]};

    if ((PetscMPIInt)list[k].rank != rank) {
      rank = (PetscMPIInt)list[k].rank;
      PetscCall(FurlLayoutOfRows(layout, range, rank, &rows, &begin));
      FurlLayoutGetBox(&rows, 0, &box);
      PetscCall(FurlLayoutDestroy(&rows));
    }
    at[layout->along] -= begin;
    list[k].index = (PetscInt)FurlBoxAt(&box, at[0], at[1], at[2]);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStencilDeliver(const FurlStencil *rows, const PetscInt *range, FurlStencil *s)
{
  const PetscInt *const m = s->box.n;
  PetscSFNode          *remote;
  PetscInt             *place, n;
  PetscSF               sf;

  PetscFunctionBegin;
  PetscCall(ListRows(&s->layout, range, &remote, &n));
  PetscCall(RowsToFlat(&s->layout, range, n, remote));
  PetscCall(PetscMalloc1(n, &place));
  for (PetscInt k = 0; k < n; k++) place[k] = (PetscInt)FurlBoxAt(&s->box, k % m[0], k / m[0] % m[1], k / m[0] / m[1]);
  PetscCall(PetscSFCreate(s->layout.comm, &sf));
  PetscCall(PetscSFSetGraph(sf, (PetscInt)rows->box.nflat, n, place, PETSC_OWN_POINTER, remote, PETSC_OWN_POINTER));
  for (int d = 0; d < 4; d++) {
    const float *const from = d < 3 ? rows->link[d] : rows->excess;
    float *const       to   = d < 3 ? s->link[d] : s->excess;

    if (!to) continue; /* a direction with one cell */
    PetscCall(PetscSFBcastBegin(sf, MPI_FLOAT, from, to, MPI_REPLACE));
    PetscCall(PetscSFBcastEnd(sf, MPI_FLOAT, from, to, MPI_REPLACE));
  }
  PetscCall(PetscSFDestroy(&sf));
  PetscFunctionReturn(PETSC_SUCCESS);
}
