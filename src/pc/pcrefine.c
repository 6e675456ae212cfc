/*
  What PC furl offers to KSP furl for iterative refinement: conjugate gradients in the low precision of its finest level, where that is the
  matrix itself up to the rounding of its couplings

    z = B b; beta = -z'q / p'q of the direction before; p = z + beta p; q = A p; alpha = z'b / p'q; u += alpha p; b -= alpha q
*/
#include <float.h>
#include <petsc/private/pcimpl.h>
#include <furl/compose.h>
#include "pcfurl.h"

/* Rows sum to what they should up to that times the diagonal, which is in FP32, and vectors of FP32 are no better; of boxes FURL_GRID_UNIT
 */
#define LEVEL_UNIT 0x1p-24

static PetscErrorCode PCFurlMayRefine_Furl(PC pc, PetscBool constants, PetscBool *may, PetscBool *symmetric)
{
  const PC_Furl *const furl = (const PC_Furl *)pc->data;
  PetscBool            readable;

  PetscFunctionBegin;
  *symmetric = furl->grid ? PETSC_FALSE : PETSC_TRUE; /* boxes have been read for it */
  if (furl->grid)
    *may = FurlGridCanRefine(furl->grid, constants) ? PETSC_TRUE : PETSC_FALSE;
  else
    *may = (PetscBool)(furl->stage <= FURL_STAGE_SINGLE && FurlHierarchyCanRefine(&furl->hierarchy, constants));
  if (pc->setupcalled || furl->method != PC_FURL_MULTIGRID || furl->kind > PC_FURL_HIERARCHY_GRID) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)pc->pmat, &readable, MATSEQAIJ, MATMPIAIJ, MATFURL, ""));
  *symmetric = PETSC_FALSE;
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
  *can = furl->grid || furl->hierarchy.nlevels ? PETSC_TRUE : PETSC_FALSE; /* as PCFurlMayRefine_C has said */
  if (!*can) PetscFunctionReturn(PETSC_SUCCESS);
  furl->product = 0;
  PetscCall(VecGetArrayRead(r, &from));
  if (furl->grid)
    PetscCall(FurlGridRefineBegin(furl->grid, size, from));
  else
    PetscCall(FurlHierarchyRefineBegin(&furl->hierarchy, size, from));
  PetscCall(VecRestoreArrayRead(r, &from));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
  As KSP furl's own recurrence (kspcg.c), so that the cycle may vary. A renewed residual begins anew: to keep the direction, as residual
  replacement does, took as many iterations for b = A random, and half as many more for b of ones. *ok is false, and nothing done, where one
  of the products has not the sign of a definite operator's.
*/
static PetscErrorCode Iterate(const FurlRecurrence *r, void *h, int sign, double *product, double square[2], PetscBool *ok)
{
  double z[2];
  float  alpha;

  PetscFunctionBegin;
  *ok = PETSC_FALSE;
  PetscCall((*r->precondition)(h, z));
  if (!(sign * z[0] > 0) || !(sign * z[0] <= PETSC_MAX_REAL)) PetscFunctionReturn(PETSC_SUCCESS);
  (*r->turn)(h, *product != 0 ? -z[1] / *product : 0);
  PetscCall((*r->image)(h, product));
  alpha = (float)(z[0] / *product);
  *ok   = sign * *product > 0 && sign * *product <= PETSC_MAX_REAL && alpha <= FLT_MAX ? PETSC_TRUE : PETSC_FALSE;
  if (*ok) PetscCall((*r->step)(h, alpha, square));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCFurlRefineStep_Furl(PC pc, PetscReal *norm, PetscReal *floor, PetscBool *ok)
{
  PC_Furl *const furl      = (PC_Furl *)pc->data;
  const int      shift     = furl->grid ? furl->grid->shift : furl->hierarchy.shift;
  double         square[2] = {0, 0};

  PetscFunctionBegin;
  if (furl->grid)
    PetscCall(Iterate(&FurlGridRecurrence, furl->grid, 1, &furl->product, square, ok));
  else
    PetscCall(Iterate(&FurlHierarchyRecurrence, &furl->hierarchy, furl->hierarchy.level->sums.sign, &furl->product, square, ok));
  *norm  = ldexp(sqrt(square[0]), -shift);
  *floor = ldexp((furl->grid ? (double)FURL_GRID_UNIT : LEVEL_UNIT) * sqrt(square[1]), -shift);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCFurlRefineAdd_Furl(PC pc, PetscReal factor, Vec x)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;
  PetscScalar   *to;

  PetscFunctionBegin;
  PetscCall(VecGetArray(x, &to));
  if (furl->grid)
    PetscCall(FurlGridRefineAdd(furl->grid, factor * furl->import_factor, to));
  else
    PetscCall(FurlHierarchyRefineAdd(&furl->hierarchy, factor * furl->import_factor, to));
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
