/* Where the levels that processes share end, and those begin that each has as a whole */
#include "grid.h"

static PetscErrorCode CountCells(const FurlLayout *layout, FurlGridDoor *door)
{
  PetscFunctionBegin;
  door->comm = layout->comm;
  door->rank = layout->rank;
  door->size = layout->size;
  PetscCall(PetscMalloc2(layout->size, &door->counts, layout->size, &door->displs));
  for (PetscMPIInt p = 0, first = 0; p < layout->size; p++) {
    const PetscInt *const n = layout->piece[p].n;

    door->counts[p] = (PetscMPIInt)(n[0] * n[1] * n[2]);
    door->displs[p] = first;
    first += door->counts[p];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Places in arrays by colour of a box's cells from start on, in natural order; returns how many */
static int64_t ListPlaces(const FurlBox *box, const PetscInt start[3], const PetscInt n[3], int64_t *place)
{
  int64_t r = 0;

  for (PetscInt k = 0; k < n[2]; k++)
    for (PetscInt j = 0; j < n[1]; j++)
      for (PetscInt i = 0; i < n[0]; i++) place[r++] = FurlBoxByColour(box, FurlBoxAt(box, start[0] + i, start[1] + j, start[2] + k));
  return r;
}

PetscErrorCode FurlGridDoorCreate(const FurlLayout *layout, const FurlLayout *whole, FurlGridDoor **door)
{
  const PetscInt origin[3] = {0, 0, 0};
  const int64_t  all       = (int64_t)layout->N[0] * layout->N[1] * layout->N[2];
  int64_t        r         = 0;
  FurlBox        box;

  PetscFunctionBegin;
  PetscCall(PetscNew(door));
  PetscCall(CountCells(layout, *door));
  PetscCall(PetscMalloc3((*door)->counts[layout->rank], &(*door)->own, all, &(*door)->place, all, &(*door)->buffer));
  FurlLayoutGetBox(layout, layout->rank, &box);
  ListPlaces(&box, origin, box.n, (*door)->own);
  FurlLayoutGetBox(whole, 0, &box);
  for (PetscMPIInt p = 0; p < layout->size; p++) r += ListPlaces(&box, layout->piece[p].start, layout->piece[p].n, (*door)->place + r);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridDoorDestroy(FurlGridDoor **door)
{
  PetscFunctionBegin;
  if (!*door) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFree3((*door)->own, (*door)->place, (*door)->buffer));
  PetscCall(PetscFree2((*door)->counts, (*door)->displs));
  PetscCall(PetscFree(*door));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridDoorGather(FurlGridDoor *door, const float *b, float *whole)
{
  const PetscMPIInt own = door->counts[door->rank], first = door->displs[door->rank];
  const PetscMPIInt all = door->displs[door->size - 1] + door->counts[door->size - 1];

  PetscFunctionBegin;
  for (PetscMPIInt r = 0; r < own; r++) door->buffer[first + r] = b[door->own[r]];
  PetscCallMPI(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, door->buffer, door->counts, door->displs, MPI_FLOAT, door->comm));
  for (PetscMPIInt r = 0; r < all; r++) whole[door->place[r]] = door->buffer[r];
  PetscFunctionReturn(PETSC_SUCCESS);
}

void FurlGridDoorTake(const FurlGridDoor *door, const float *whole, float *x)
{
  const int64_t *const place = door->place + door->displs[door->rank];

  for (PetscMPIInt r = 0; r < door->counts[door->rank]; r++) x[door->own[r]] = whole[place[r]];
}

static PetscErrorCode WholeLayout(const FurlLayout *layout, FurlLayout *whole)
{
  PetscFunctionBegin;
  *whole = (FurlLayout){.comm = PETSC_COMM_SELF, .size = 1, .along = -1};
  PetscCall(PetscMalloc1(1, &whole->piece));
  for (int d = 0; d < 3; d++) {
    whole->N[d]              = layout->N[d];
    whole->periodic[d]       = layout->periodic[d];
    whole->piece[0].start[d] = 0;
    whole->piece[0].n[d]     = layout->N[d];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The arrays of a stencil that are no consequence of others; returns how many */
static int ArraysOf(const FurlStencil *s, float *array[7])
{
  int n = 0;

  for (int d = 0; d < 3; d++)
    if (s->link[d]) array[n++] = s->link[d];
  for (int d = 0; d < 3; d++)
    if (s->wind[d]) array[n++] = s->wind[d];
  array[n++] = s->excess;
  return n;
}

/* Cells from start on in natural order: their numbers of all arrays from the list, or to it */
static float *CopyCells(const FurlStencil *s, const PetscInt start[3], const PetscInt n[3], int to, float *list)
{
  float    *array[7];
  const int narrays = ArraysOf(s, array);

  for (PetscInt k = 0; k < n[2]; k++)
    for (PetscInt j = 0; j < n[1]; j++)
      for (PetscInt i = 0; i < n[0]; i++) {
        const int64_t G = FurlBoxAt(&s->box, start[0] + i, start[1] + j, start[2] + k);

        for (int a = 0; a < narrays; a++, list++) *(to ? list : array[a] + G) = *(to ? array[a] + G : list);
      }
  return list;
}

PetscErrorCode FurlStencilGather(const FurlStencil *s, FurlStencil *whole)
{
  const PetscInt origin[3] = {0, 0, 0};
  FurlGridDoor   count     = {0};
  FurlLayout     layout;
  float         *all, *next, *array[7];
  const int      narrays = ArraysOf(s, array);

  PetscFunctionBegin;
  PetscCall(CountCells(&s->layout, &count));
  PetscCall(PetscCalloc1(narrays * ((size_t)count.displs[count.size - 1] + count.counts[count.size - 1]), &all));
  for (PetscMPIInt p = 0; p < count.size; p++) {
    count.counts[p] *= narrays;
    count.displs[p] *= narrays;
  }
  CopyCells(s, origin, s->box.n, 1, all + count.displs[count.rank]);
  PetscCallMPI(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all, count.counts, count.displs, MPI_FLOAT, count.comm));
  PetscCall(WholeLayout(&s->layout, &layout));
  PetscCall(FurlStencilCreate(&layout, whole));
  if (s->wind[0] || s->wind[1] || s->wind[2]) PetscCall(FurlStencilAddWind(whole));
  next = all;
  for (PetscMPIInt p = 0; p < count.size; p++) next = CopyCells(whole, s->layout.piece[p].start, s->layout.piece[p].n, 0, next);
  PetscCall(PetscFree2(count.counts, count.displs));
  PetscCall(PetscFree(all));
  PetscCall(FurlStencilFinish(whole));
  PetscFunctionReturn(PETSC_SUCCESS);
}
