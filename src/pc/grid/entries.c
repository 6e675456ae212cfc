/* Entries that are few: of rows that hold nothing but their diagonal, and those that another process knows the mirror of */
#include "grid.h"

PetscErrorCode FurlEntriesAdd(FurlEntries *list, FurlEntry entry)
{
  PetscFunctionBegin;
  if (list->n == list->room) {
    list->room = 2 * list->room + 64;
    PetscCall(PetscRealloc(list->room * sizeof(*list->entry), &list->entry));
  }
  list->entry[list->n++] = entry;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlEntriesDestroy(FurlEntries *list)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(list->entry));
  list->n = list->room = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlEntriesMeetRows(const FurlEntries *list, Mat A, const FurlEntries *own, PetscInt *meets)
{
  PetscLayout map;
  PetscSF     owners;
  PetscInt    n, *columns, *marks;

  PetscFunctionBegin;
  PetscCall(MatGetLayouts(A, &map, NULL));
  PetscCall(MatGetLocalSize(A, &n, NULL));
  PetscCall(PetscMalloc1(list->n, &columns));
  PetscCall(PetscCalloc1(n, &marks));
  for (size_t k = 0; k < list->n; k++) columns[k] = list->entry[k].column;
  for (size_t k = 0; k < own->n; k++) marks[own->entry[k].row] = 1;
  PetscCall(PetscSFCreate(PetscObjectComm((PetscObject)A), &owners));
  PetscCall(PetscSFSetGraphLayout(owners, map, (PetscInt)list->n, NULL, PETSC_COPY_VALUES, columns));
  PetscCall(PetscSFBcastBegin(owners, MPIU_INT, marks, meets, MPI_REPLACE));
  PetscCall(PetscSFBcastEnd(owners, MPIU_INT, marks, meets, MPI_REPLACE));
  PetscCall(PetscSFDestroy(&owners));
  PetscCall(PetscFree(marks));
  PetscCall(PetscFree(columns));
  PetscFunctionReturn(PETSC_SUCCESS);
}
