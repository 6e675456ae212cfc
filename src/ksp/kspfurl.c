#include <petsc/private/kspimpl.h>
#include <furl/compat.h>
#include <furl/register.h>

PetscErrorCode KSPCreate_Furl(KSP ksp)
{
  PetscFunctionBegin;
  SETERRQ(PetscObjectComm((PetscObject)ksp), PETSC_ERR_SUP, "Not yet");
  PetscFunctionReturn(PETSC_SUCCESS);
}
