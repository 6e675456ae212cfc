/* The guard against a PETSc other than the one that Furl was compiled for */
#pragma once

#include <petscksp.h>

/* Compiled against present: version, number types, debugging, MPI. Before anything is registered */
PETSC_INTERN PetscErrorCode FurlGuardPetsc(void);

/* Private structures: what PETSc's public functions say of the object against the fields that Furl uses */
PETSC_INTERN PetscErrorCode FurlGuardMat(Mat);
PETSC_INTERN PetscErrorCode FurlGuardPC(PC);
PETSC_INTERN PetscErrorCode FurlGuardKSP(KSP);

/* An address within the PETSc that this build is bound to; for the loader too */
PETSC_EXTERN void *FurlPetscAddress(void);
