/* The constructors that furlregister.c registers, one for each type */
#pragma once

#include <petscksp.h>

PETSC_INTERN PetscErrorCode MatCreate_Furl(Mat);
PETSC_INTERN PetscErrorCode PCCreate_Furl(PC);
PETSC_INTERN PetscErrorCode KSPCreate_Furl(KSP);

/* PETSc's factorizations for Mat type furl */
PETSC_INTERN PetscErrorCode FurlFactorRegister(void);
