/* Log events by name, registered once in a run of PETSc: the number is found again, so that nothing need be kept in a static */
#pragma once

#include <petsclog.h>
#include <furl/compat.h>

static inline PetscErrorCode FurlEventRegister(const char *name, PetscClassId class, PetscLogEvent *event)
{
  PetscFunctionBegin;
  PetscCall(PetscLogEventGetId(name, event));
  if (*event < 0) PetscCall(PetscLogEventRegister(name, class, event));
  PetscFunctionReturn(PETSC_SUCCESS);
}
