#include <petsc/private/pcimpl.h>
#include <furl/compat.h>
#include <furl/register.h>

static PetscErrorCode PCApply_Furl(PC pc, Vec x, Vec y)
{
  PetscFunctionBegin;
  (void)pc;
  PetscCall(VecCopy(x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode PCCreate_Furl(PC pc)
{
  PetscFunctionBegin;
  pc->ops->apply          = PCApply_Furl;
  pc->ops->applytranspose = PCApply_Furl;
  PetscFunctionReturn(PETSC_SUCCESS);
}
