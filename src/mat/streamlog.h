/*
  Values for rows that are encoded already, as the program gave them: they wait until all slices are encoded once more. So few bytes go with
  a value that rows may come in any order, a few of each slice at a time, and no slice is decoded for one row.
*/
#pragma once

#include <petscmat.h>

typedef struct {
  PetscInt    row;    /* of this process, or ~row where the value is to be added */
  PetscInt    column; /* of the matrix, or ~column where the value is a zero that makes no new place */
  PetscScalar value;
} FurlLogEntry;

typedef struct {
  size_t        used, room;
  FurlLogEntry *entry;   /* [room] in the order of the calls */
  PetscBool     has_new; /* it may hold places that the matrix has not */
  PetscInt     *first;   /* [nslices] by FurlStreamLogSort(): the slice's first entry, -1 where it has none */
  PetscInt     *next;    /* [used] the next one of the same slice, -1 behind the last */
} FurlStreamLog;

PETSC_INTERN PetscErrorCode FurlStreamLogAppend(FurlStreamLog *log, PetscInt row, PetscInt column, PetscScalar value, InsertMode mode);
PETSC_INTERN PetscErrorCode FurlStreamLogSort(FurlStreamLog *log, int64_t nslices);
PETSC_INTERN PetscErrorCode FurlStreamLogFree(FurlStreamLog *log);

static inline size_t FurlStreamLogBytes(const FurlStreamLog *log)
{
  return log->used * sizeof(*log->entry);
}
