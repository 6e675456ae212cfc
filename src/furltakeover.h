/* -furl_takeover: other type names that create Furl's types */
#pragma once

#include <petscksp.h>

/* Reads the option and registers the names it lists; `ksp` and `pc` are the constructors of Furl's types */
PETSC_INTERN PetscErrorCode FurlTakeoverInitialize(PetscErrorCode (*ksp)(KSP), PetscErrorCode (*pc)(PC));
PETSC_INTERN PetscErrorCode FurlTakeoverFinalize(void);
