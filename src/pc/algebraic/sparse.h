/*
  Sparse matrices of a process's own rows while a hierarchy is set up: FP64, compressed rows of blocks that are all alike in height and
  width, 1 x 1 for scalar matrices. The columns of a row are in any order, none twice
*/
#pragma once

#include <petscmat.h>
#include <furl/compat.h>
#include <furl/slices.h>

typedef struct {
  PetscInt  nrows, ncols;  /* in blocks */
  PetscInt  height, width; /* of a block */
  PetscInt *rowptr;        /* [nrows + 1] */
  PetscInt *column;        /* [blocks] */
  double   *value;         /* [blocks][height][width] */
} FurlSparse;

/* The same, of which nothing is owned */
typedef struct {
  PetscInt        nrows, ncols, height, width;
  const PetscInt *rowptr, *column;
  const double   *value;
} FurlSparseView;

FurlSparseView FurlSparseGetView(const FurlSparse *A);
FurlSparseView FurlSparseViewCsr(const FurlCsr *a);

/* Rows without blocks, with room for `blocks` of them */
PETSC_INTERN PetscErrorCode FurlSparseAllocate(PetscInt nrows, PetscInt ncols, PetscInt height, PetscInt width, PetscInt blocks,
                                               FurlSparse *A);
PETSC_INTERN PetscErrorCode FurlSparseDestroy(FurlSparse *A);

PETSC_INTERN PetscErrorCode FurlSparseMultiply(const FurlSparseView *A, const FurlSparseView *B, FurlSparse *C); /* C = A B */
PETSC_INTERN PetscErrorCode FurlSparseTranspose(const FurlSparseView *A, FurlSparse *T);                         /* columns ascend */
PETSC_INTERN PetscErrorCode FurlSparseSort(FurlSparse *A);                                                       /* columns ascend */

/* A scalar matrix in blocks of n x n, zero where it has no entry; and back, with all entries of the blocks */
PETSC_INTERN PetscErrorCode FurlSparseCondense(const FurlSparseView *a, PetscInt n, FurlSparse *A);
PETSC_INTERN PetscErrorCode FurlSparseExpand(FurlSparse *A);

/* Of a scalar matrix whose columns ascend, on a communicator of one process; the arrays stay A's and must outlive it */
PETSC_INTERN PetscErrorCode FurlSparseToMat(MPI_Comm comm, const FurlSparse *A, Mat *aij);
