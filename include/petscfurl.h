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

/*E
   PCFurlMethod - The means with which a `PCFURL` begins; the later ones follow when one fails or serves badly

   Values:
+  `PC_FURL_MULTIGRID` - multigrid with couplings of 2 bytes and vectors in FP32
.  `PC_FURL_SINGLE`    - multigrid in FP32
.  `PC_FURL_FACTOR`    - incomplete factorisation of each process's block, FP64
-  `PC_FURL_JACOBI`    - the diagonal, FP64

   Level: intermediate

.seealso: `PCFURL`, `PCFurlSetMethod()`
E*/
typedef enum { PC_FURL_MULTIGRID, PC_FURL_SINGLE, PC_FURL_FACTOR, PC_FURL_JACOBI } PCFurlMethod;
PETSC_EXTERN const char *const PCFurlMethods[];

PETSC_EXTERN PetscErrorCode PCFurlSetMethod(PC, PCFurlMethod);
PETSC_EXTERN PetscErrorCode PCFurlGetMethod(PC, PCFurlMethod *);
PETSC_EXTERN PetscErrorCode PCFurlSetSmootherDegree(PC, PetscInt);
PETSC_EXTERN PetscErrorCode PCFurlGetSmootherDegree(PC, PetscInt *);
PETSC_EXTERN PetscErrorCode PCFurlGetImportPC(PC, PC *);
