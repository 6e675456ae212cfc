/*
  The public interface of Furl: a compressed matrix, a multigrid preconditioner in low precision and a Krylov method in FP64 that
  keeps the user's own tolerance. Programs need none of it: `-dll_append libpetscfurl.so -ksp_type furl` suffices.
*/
#pragma once

#include <petscksp.h>

#define PETSCFURL_VERSION "0.1.0"

/*J
   The names under which Furl's types are registered

   Level: beginner

.seealso: `PetscFurlInitializePackage()`, `KSPSetType()`, `PCSetType()`, `MatSetType()`
J*/
#define KSPFURL "furl"
#define PCFURL "furl"
#define MATFURL "furl"

PETSC_EXTERN PetscErrorCode PetscFurlInitializePackage(void);
PETSC_EXTERN PetscErrorCode PetscFurlFinalizePackage(void);
