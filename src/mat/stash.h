/* Entries set in rows of other processes, until the assembly takes them there */
#pragma once

#include <petscmat.h>

typedef struct {
  PetscInt    row, column; /* global */
  PetscScalar value;
} FurlStashEntry;

typedef struct {
  size_t          used, room;
  FurlStashEntry *entry; /* [room] */
  InsertMode      mode;  /* of all of them */
} FurlStash;

PETSC_INTERN PetscErrorCode FurlStashAppend(FurlStash *stash, const FurlStashEntry *entry);
/* Collective: what the others have for this process, those of lower ranks first, each in the order of the calls; the stash is empty then */
PETSC_INTERN PetscErrorCode FurlStashExchange(MPI_Comm comm, PetscLayout rows, FurlStash *stash, FurlStash *received);
PETSC_INTERN PetscErrorCode FurlStashFree(FurlStash *stash);
