/* What PC furl offers to a KSP whose vectors are on a device */
#include <petsc/private/pcimpl.h>
#include <furl/compose.h>
#include "pcfurl.h"

static PetscErrorCode Plan(PC pc, FurlArena *arena, FurlQueue *queue, const char **why)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;

  PetscFunctionBegin;
  *why = NULL;
  PetscCall(FurlPCForgetDevice(pc));
  if (furl->grid)
    PetscCall(FurlGridPlan(furl->grid, arena, queue, &furl->device_grid, why));
  else if (furl->stage > FURL_STAGE_SINGLE || !furl->hierarchy.nlevels)
    *why = "the preconditioner is not multigrid";
  else if (!FurlHierarchyIsNarrow(&furl->hierarchy))
    *why = "the rows' units differ by too much";
  else
    PetscCall(FurlHierarchyPlan(&furl->hierarchy, arena, queue, &furl->device_levels, why));
  furl->queue = *why ? NULL : queue;
  furl->arena = *why ? NULL : arena;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Enqueue(PC pc, const double *power, const double *r, double *z)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;

  PetscFunctionBegin;
  if (furl->device_grid)
    PetscCall(FurlGridEnqueue(furl->device_grid, furl->import_factor, power, r, z));
  else
    PetscCall(FurlHierarchyEnqueue(pc, &furl->device_levels, power, r, z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlPCForgetDevice(PC pc)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;

  PetscFunctionBegin;
  PetscCall(FurlGridForget(&furl->device_grid));
  PetscCall(FurlHierarchyForget(&furl->device_levels));
  furl->queue = NULL;
  furl->arena = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode PCFurlGetDevice_Furl(PC pc, FurlPCDevice *device)
{
  PetscFunctionBegin;
  *device = (FurlPCDevice){.plan = Plan, .apply = Enqueue, .forget = FurlPCForgetDevice, .arena = ((PC_Furl *)pc->data)->arena};
  PetscFunctionReturn(PETSC_SUCCESS);
}
