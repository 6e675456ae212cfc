/* The constructors that furlregister.c registers, one for each type, and the pause of -furl_takeover around Furl's own inner solvers */
#pragma once

#include <petscksp.h>

PETSC_INTERN PetscErrorCode MatCreate_Furl(Mat);
PETSC_INTERN PetscErrorCode MatCreate_SeqAijFurl(Mat);
PETSC_INTERN PetscErrorCode MatCreate_MpiAijFurl(Mat);
PETSC_INTERN PetscErrorCode FurlAijConvert(Mat, MatType, MatReuse, Mat *); /* seqaij to seqaijfurl, mpiaij to mpiaijfurl */
PETSC_INTERN PetscErrorCode PCCreate_Furl(PC);
PETSC_INTERN PetscErrorCode KSPCreate_Furl(KSP);

/* PETSc's factorizations for Mat type furl */
PETSC_INTERN PetscErrorCode FurlFactorRegister(void);

/*
  Between the two, every type name means PETSc's own type, whatever -furl_takeover says. To be called around all that may create an inner
  solver: setting types or options of an inner PC or KSP, its set-up and its application. They nest.
*/
PETSC_INTERN PetscErrorCode FurlTakeoverPause(void);
PETSC_INTERN PetscErrorCode FurlTakeoverResume(void);
