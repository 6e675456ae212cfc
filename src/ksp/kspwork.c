/* The vectors that every method needs */
#include <petscdm.h>
#include "kspfurlimpl.h"

#define LARGE 131072 /* rows a process, on average: with fewer the pages of a vector cost nothing that shows */

/* A host vector of PETSc's own, with nothing attached */
static PetscErrorCode IsOrdinaryVec(Vec v, PetscBool *ordinary)
{
  DM  dm;
  Vec ghosted;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompareAny((PetscObject)v, ordinary, VECSEQ, VECMPI, ""));
  if (!*ordinary) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetDM(v, &dm));
  PetscCall(VecGhostGetLocalForm(v, &ghosted));
  *ordinary = !dm && (!ghosted || ghosted == v) ? PETSC_TRUE : PETSC_FALSE;
  PetscCall(VecGhostRestoreLocalForm(v, &ghosted));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the vectors that PETSc would make are such; the same on all processes */
static PetscErrorCode IsOrdinary(KSP ksp, Mat A, PetscBool *ordinary)
{
  VecType     type;
  PetscInt    M, N;
  PetscMPIInt size;

  PetscFunctionBegin;
  *ordinary = PETSC_FALSE;
  PetscCall(MatGetSize(A, &M, &N));
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)A), &size));
  if (M != N || N / size < LARGE) PetscFunctionReturn(PETSC_SUCCESS);
  if (ksp->vec_sol) {
    PetscCall(IsOrdinaryVec(ksp->vec_sol, ordinary));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(
    PetscObjectTypeCompareAny((PetscObject)A, ordinary, MATSEQAIJ, MATMPIAIJ, MATSEQBAIJ, MATMPIBAIJ, MATSEQSBAIJ, MATMPISBAIJ, ""));
  if (!*ordinary) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatGetVecType(A, &type));
  PetscCall(PetscStrcmpAny(type, ordinary, VECSTANDARD, VECSEQ, VECMPI, ""));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Four vectors in one block of large pages: faults for small ones would take a good part of a short solve */
static PetscErrorCode CreateInBlock(KSP ksp, Mat A)
{
  KSP_Furl      *f    = (KSP_Furl *)ksp->data;
  const MPI_Comm comm = PetscObjectComm((PetscObject)A);
  PetscInt       n, N, bs;
  PetscMPIInt    size;
  size_t         stride;

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(A, NULL, &n));
  PetscCall(MatGetSize(A, NULL, &N));
  PetscCall(MatGetBlockSizes(A, NULL, &bs));
  PetscCallMPI(MPI_Comm_size(comm, &size));
  stride = (size_t)n + FURL_STAGGER / sizeof(PetscScalar);
  PetscCheck(FurlBlockInit(&f->work_memory, 4 * stride * sizeof(PetscScalar)), PETSC_COMM_SELF, PETSC_ERR_MEM,
             "No memory for four vectors of %" PetscInt_FMT " numbers", n);
  PetscCall(PetscMalloc1(4, &f->work));
  for (int k = 0; k < 4; k++) {
    PetscScalar *const array = (PetscScalar *)(void *)f->work_memory.data + (size_t)k * stride;

    if (size == 1)
      PetscCall(VecCreateSeqWithArray(comm, bs, n, array, &f->work[k]));
    else
      PetscCall(VecCreateMPIWithArray(comm, bs, n, N, array, &f->work[k]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlKSPCreateWork(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;
  PetscBool ordinary;
  Mat       A;

  PetscFunctionBegin;
  if (f->work) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  PetscCall(IsOrdinary(ksp, A, &ordinary));
  if (ordinary)
    PetscCall(CreateInBlock(ksp, A));
  else
    PetscCall(KSPCreateVecs(ksp, 4, &f->work, 0, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlKSPDestroyWork(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  PetscCall(VecDestroyVecs(4, &f->work));
  FurlBlockFree(&f->work_memory);
  PetscFunctionReturn(PETSC_SUCCESS);
}
