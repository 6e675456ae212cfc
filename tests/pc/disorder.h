/* A grid whose rows are numbered without regard to place: most of them on the first process, none on the last of three or more */
#pragma once

#include "../furltest.h"

typedef struct {
  PetscReal key;
  PetscInt  row;
} DisorderPlace;

static inline int DisorderCompare(const void *a, const void *b)
{
  const PetscReal x = ((const DisorderPlace *)a)->key, y = ((const DisorderPlace *)b)->key;

  return (x > y) - (x < y);
}

/* Rows of this process when the others but the first have few */
static inline PetscInt DisorderShare(PetscInt nx, PetscInt ny)
{
  const PetscInt few = 157;
  PetscMPIInt    rank, size;

  PetscCallAbort(PETSC_COMM_WORLD, (PetscErrorCode)MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallAbort(PETSC_COMM_WORLD, (PetscErrorCode)MPI_Comm_size(PETSC_COMM_WORLD, &size));
  if (rank) return size > 2 && rank == size - 1 ? 0 : few;
  return nx * ny - few * (size > 2 ? size - 2 : size - 1);
}

/* Replaces A by a matrix whose rows and columns are shuffled on each process */
static inline PetscErrorCode DisorderRows(Mat *A)
{
  DisorderPlace *place;
  PetscInt       first, end, *row;
  IS             is;
  Mat            shuffled;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(*A, &first, &end));
  PetscCall(PetscMalloc1(end - first + 1, &place));
  PetscCall(PetscMalloc1(end - first + 1, &row));
  for (PetscInt i = first; i < end; i++) place[i - first] = (DisorderPlace){FurlTestHash(i, 5), i};
  qsort(place, (size_t)(end - first), sizeof(*place), DisorderCompare);
  for (PetscInt i = 0; i < end - first; i++) row[i] = place[i].row;
  PetscCall(ISCreateGeneral(PETSC_COMM_WORLD, end - first, row, PETSC_OWN_POINTER, &is));
  PetscCall(ISSetPermutation(is));
  PetscCall(MatPermute(*A, is, is, &shuffled));
  PetscCall(ISDestroy(&is));
  PetscCall(PetscFree(place));
  PetscCall(MatDestroy(A));
  *A = shuffled;
  PetscFunctionReturn(0);
}
