/* Entries in columns of other processes while a matrix is assembled: CSR over the slices that have any, global columns */
#pragma once

#include <furl/compat.h>
#include <furl/matrix.h>

typedef struct {
  PetscInt     nslices, room_slices, nnz, room;
  int32_t     *slice;  /* [nslices] ascending */
  PetscInt    *rowptr; /* [FURL_WIDTH * nslices + 1] */
  PetscInt    *column; /* [nnz] ascending in a row */
  PetscScalar *value;  /* [nnz] */
} FurlBoundary;

/* Slices come in ascending order; rowptr [FURL_WIDTH + 1] from 0 on. An empty one is left out */
PETSC_INTERN PetscErrorCode FurlBoundaryAppend(FurlBoundary *b, int64_t slice, const PetscInt *rowptr, const PetscInt *column,
                                               const PetscScalar *value);
PETSC_INTERN PetscErrorCode FurlBoundaryFree(FurlBoundary *b);
/* Place of a slice in a list of some, ascending; -1 where it is not there */
PETSC_INTERN PetscInt FurlFindSlice(PetscInt n, const int32_t *slice, int64_t wanted);
/*
  All of a matrix but its diagonal part, which is encoded: ghosts, halo, lists of slices and the off-process part. `like`, where it is not
  NULL, lends its halo if that brings the same on all processes. Collective; columns are renumbered
*/
PETSC_INTERN PetscErrorCode FurlBoundaryFinish(Mat A, FurlBoundary *b, const FurlEncoding *encoding, const FurlMatrix *like, FurlMatrix *m);
