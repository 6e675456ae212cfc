/* Values that wait: see streamlog.h */
#include <furl/compat.h>
#include <furl/lanes.h>
#include "streamlog.h"

#define FIRST_ROOM 64

PetscErrorCode FurlStreamLogAppend(FurlStreamLog *log, PetscInt row, PetscInt column, PetscScalar value, InsertMode mode)
{
  PetscFunctionBegin;
  if (log->used == log->room) {
    const size_t room = PetscMax(log->room + log->room / 4, FIRST_ROOM);

    PetscCall(PetscRealloc(room * sizeof(*log->entry), &log->entry));
    log->room = room;
  }
  log->entry[log->used++] = (FurlLogEntry){.row = mode == ADD_VALUES ? ~row : row, .column = column, .value = value};
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A list for each slice, in the order of the calls: made from the last entry to the first */
PetscErrorCode FurlStreamLogSort(FurlStreamLog *log, int64_t nslices)
{
  PetscFunctionBegin;
  PetscCall(PetscMalloc2(nslices, &log->first, log->used, &log->next));
  for (int64_t s = 0; s < nslices; s++) log->first[s] = -1;
  for (PetscInt k = (PetscInt)log->used - 1; k >= 0; k--) {
    const PetscInt  row   = log->entry[k].row;
    PetscInt *const first = log->first + (row < 0 ? ~row : row) / FURL_WIDTH;

    log->next[k] = *first;
    *first       = k;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStreamLogFree(FurlStreamLog *log)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(log->entry));
  PetscCall(PetscFree2(log->first, log->next));
  *log = (FurlStreamLog){.used = 0};
  PetscFunctionReturn(PETSC_SUCCESS);
}
