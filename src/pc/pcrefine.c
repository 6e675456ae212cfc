/* What PC furl offers to KSP furl for iterative refinement: the hierarchy of a box solves in low precision */
#include <petsc/private/pcimpl.h>
#include <furl/compose.h>
#include "pcfurl.h"

static PetscErrorCode PCFurlMayRefine_Furl(PC pc, PetscBool constants, PetscBool *may)
{
  const PC_Furl *const furl = (const PC_Furl *)pc->data;
  PetscBool            readable;

  PetscFunctionBegin;
  *may = furl->grid && FurlGridCanRefine(furl->grid, constants) ? PETSC_TRUE : PETSC_FALSE;
  if (pc->setupcalled || furl->method != PC_FURL_MULTIGRID || furl->kind == PC_FURL_HIERARCHY_IMPORT) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)pc->pmat, &readable, MATSEQAIJ, MATMPIAIJ, MATFURL, ""));
  if (readable) PetscCall(FurlGridGuess(pc->pmat, may));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCFurlGetOwnRows_Furl(PC pc, PetscInt *n, PetscInt **rows, PetscScalar **diagonal, PetscInt *all)
{
  const FurlGrid *const grid = ((PC_Furl *)pc->data)->grid;

  PetscFunctionBegin;
  *n   = grid ? (PetscInt)grid->own.n : 0;
  *all = grid ? (PetscInt)grid->nown : 0;
  PetscCall(PetscMalloc1(*n, rows));
  PetscCall(PetscMalloc1(*n, diagonal));
  for (PetscInt k = 0; k < *n; k++) {
    (*rows)[k]     = grid->own.entry[k].row;
    (*diagonal)[k] = grid->own.entry[k].value;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCFurlRefineBegin_Furl(PC pc, Vec r, PetscReal size, PetscBool *can)
{
  PC_Furl *const     furl = (PC_Furl *)pc->data;
  const PetscScalar *from;

  PetscFunctionBegin;
  *can = furl->grid ? PETSC_TRUE : PETSC_FALSE; /* as PCFurlMayRefine_C has said */
  if (!*can) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetArrayRead(r, &from));
  PetscCall(FurlGridRefineBegin(furl->grid, size, from));
  PetscCall(VecRestoreArrayRead(r, &from));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCFurlRefineStep_Furl(PC pc, PetscReal *norm, PetscReal *floor, PetscBool *ok)
{
  int done;

  PetscFunctionBegin;
  PetscCall(FurlGridRefineStep(((PC_Furl *)pc->data)->grid, norm, floor, &done));
  *ok = done ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCFurlRefineAdd_Furl(PC pc, PetscReal factor, Vec x)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;
  PetscScalar   *to;

  PetscFunctionBegin;
  PetscCall(VecGetArray(x, &to));
  PetscCall(FurlGridRefineAdd(furl->grid, factor * furl->import_factor, to));
  PetscCall(VecRestoreArray(x, &to));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlRefineCompose(PC pc, PetscBool on)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectComposeFunction((PetscObject)pc, "PCFurlMayRefine_C", on ? PCFurlMayRefine_Furl : NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)pc, "PCFurlGetOwnRows_C", on ? PCFurlGetOwnRows_Furl : NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)pc, "PCFurlRefineBegin_C", on ? PCFurlRefineBegin_Furl : NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)pc, "PCFurlRefineStep_C", on ? PCFurlRefineStep_Furl : NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)pc, "PCFurlRefineAdd_C", on ? PCFurlRefineAdd_Furl : NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
