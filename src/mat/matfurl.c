#include <petsc/private/matimpl.h>
#include <furl/compat.h>
#include <furl/register.h>

PetscErrorCode MatCreate_Furl(Mat A)
{
  PetscFunctionBegin;
  SETERRQ(PetscObjectComm((PetscObject)A), PETSC_ERR_SUP, "Not yet");
  PetscFunctionReturn(PETSC_SUCCESS);
}
