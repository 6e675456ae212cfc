/* Sparse matrices of a process's own rows while a hierarchy is set up: FP64, compressed sparse rows, columns of a row in any order */
#pragma once

#include <petscmat.h>
#include <furl/compat.h>
#include <furl/slices.h>

typedef struct {
  PetscInt  nrows, ncols;
  PetscInt *rowptr; /* [nrows + 1] */
  PetscInt *column; /* [nnz] */
  double   *value;  /* [nnz] */
} FurlSparse;

FurlCsr                     FurlSparseView(const FurlSparse *A);
PETSC_INTERN PetscErrorCode FurlSparseAllocate(PetscInt nrows, PetscInt ncols, PetscInt nnz, FurlSparse *A);
PETSC_INTERN PetscErrorCode FurlSparseDestroy(FurlSparse *A);
PETSC_INTERN PetscErrorCode FurlSparseMultiply(const FurlCsr *A, const FurlCsr *B, FurlSparse *C);
PETSC_INTERN PetscErrorCode FurlSparseTranspose(const FurlCsr *A, FurlSparse *T); /* columns ascend */
PETSC_INTERN PetscErrorCode FurlSparseSort(FurlSparse *A);
PETSC_INTERN PetscErrorCode FurlSparseToMat(MPI_Comm comm, const FurlSparse *A,
                                            Mat *aij); /* sequential; the arrays stay A's and must outlive it */
