/* Registers Furl's types with PETSc: the only file that sees all layers */
#include <petscfurl.h>
#include <furl/compat.h>
#include <furl/register.h>

/* Set while the types are registered; PetscFinalize() resets it, so that the next PetscInitialize() registers again */
static PetscBool registered = PETSC_FALSE;

/*@C
   PetscFurlFinalizePackage - Frees all that Furl holds beyond its objects; called by `PetscFinalize()`

   Level: developer

.seealso: `PetscFurlInitializePackage()`
@*/
PetscErrorCode PetscFurlFinalizePackage(void)
{
  PetscFunctionBegin;
  registered = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   PetscFurlInitializePackage - Registers the types `MATFURL`, `PCFURL` and `KSPFURL`

   Not Collective

   Level: developer

   Note:
   Programs that link the library call it after `PetscInitialize()`; one that loads it with `-dll_append` need not. It may be called again.

.seealso: `PetscFurlFinalizePackage()`, `KSPFURL`, `PCFURL`, `MATFURL`
@*/
PetscErrorCode PetscFurlInitializePackage(void)
{
  PetscFunctionBegin;
  if (registered) PetscFunctionReturn(PETSC_SUCCESS);
  registered = PETSC_TRUE;
  PetscCall(MatRegister(MATFURL, MatCreate_Furl));
  PetscCall(FurlFactorRegister());
  PetscCall(PCRegister(PCFURL, PCCreate_Furl));
  PetscCall(KSPRegister(KSPFURL, KSPCreate_Furl));
  PetscCall(PetscRegisterFinalize(PetscFurlFinalizePackage));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* PetscDLLibraryOpen() calls the function that is named after the library's file */
PETSC_EXTERN PetscErrorCode PetscDLLibraryRegister_furl(void)
{
  PetscFunctionBegin;
  PetscCall(PetscFurlInitializePackage());
  PetscFunctionReturn(PETSC_SUCCESS);
}
