/* The public setters and getters of PC furl: each works on any PC, and does nothing to one of another type */
#include <petsc/private/pcimpl.h>
#include "pcfurl.h"

static PetscErrorCode GetFurl(PC pc, PC_Furl **furl)
{
  PetscBool is;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(pc, PC_CLASSID, 1);
  PetscCall(PetscObjectTypeCompare((PetscObject)pc, PCFURL, &is));
  *furl = is ? (PC_Furl *)pc->data : NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A getter has nothing to give for another type */
static PetscErrorCode NeedFurl(PC pc, PC_Furl **furl)
{
  PetscFunctionBegin;
  PetscCall(GetFurl(pc, furl));
  PetscCheck(*furl, PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_WRONG, "PC is of type %s, not " PCFURL "; see PCSetType()",
             ((PetscObject)pc)->type_name);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   PCFurlSetMethod - Sets the means with which a `PCFURL` begins

   Logically Collective

   Input Parameters:
+  pc     - the preconditioner
-  method - `PC_FURL_MULTIGRID` (default), `PC_FURL_SINGLE`, `PC_FURL_FACTOR` or `PC_FURL_JACOBI`

   Options Database Key:
.  -pc_furl_method multigrid|single|factor|jacobi - the means

   Level: intermediate

   Note:
   Takes effect when the preconditioner is next set up for a new nonzero pattern. Does nothing to a PC of another type.

.seealso: `PCFURL`, `PCFurlGetMethod()`
@*/
PetscErrorCode PCFurlSetMethod(PC pc, PCFurlMethod method)
{
  PC_Furl *furl = NULL;

  PetscFunctionBegin;
  PetscCall(GetFurl(pc, &furl));
  PetscValidLogicalCollectiveEnum(pc, method, 2);
  PetscCheck(method >= PC_FURL_MULTIGRID && method <= PC_FURL_JACOBI, PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_OUTOFRANGE,
             "Method %d is none of PCFurlMethod; see -pc_furl_method", (int)method);
  if (!furl) PetscFunctionReturn(PETSC_SUCCESS);
  furl->method = method;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   PCFurlGetMethod - Gets the means with which a `PCFURL` begins

   Not Collective

   Input Parameter:
.  pc - the preconditioner, of type `PCFURL`

   Output Parameter:
.  method - the means

   Level: intermediate

.seealso: `PCFURL`, `PCFurlSetMethod()`
@*/
PetscErrorCode PCFurlGetMethod(PC pc, PCFurlMethod *method)
{
  PC_Furl *furl = NULL;

  PetscFunctionBegin;
  PetscCall(NeedFurl(pc, &furl));
  *method = furl->method;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   PCFurlSetHierarchy - Sets whose hierarchy the multigrid of a `PCFURL` uses

   Logically Collective

   Input Parameters:
+  pc   - the preconditioner
-  kind - `PC_FURL_HIERARCHY_AUTO` (default), `PC_FURL_HIERARCHY_GRID`, `PC_FURL_HIERARCHY_ALGEBRAIC` or `PC_FURL_HIERARCHY_IMPORT`

   Options Database Key:
.  -pc_furl_hierarchy auto|grid|algebraic|import - the hierarchy

   Level: intermediate

   Note:
   Takes effect when the preconditioner is next set up, as far as a box of cells goes for a new nonzero pattern. A matrix that is not on a
   box gets one over aggregates in any case; with `PC_FURL_HIERARCHY_GRID` the view says why. An option with the prefix `-pc_furl_import_`,
or `PCFurlGetImportPC()`, is a wish for that PC's hierarchy, unless this kind is `PC_FURL_HIERARCHY_ALGEBRAIC`. Does nothing to a PC of
   another type.

.seealso: `PCFURL`, `PCFurlGetHierarchy()`, `PCFurlGetImportPC()`
@*/
PetscErrorCode PCFurlSetHierarchy(PC pc, PCFurlHierarchy kind)
{
  PC_Furl *furl = NULL;

  PetscFunctionBegin;
  PetscCall(GetFurl(pc, &furl));
  PetscValidLogicalCollectiveEnum(pc, kind, 2);
  PetscCheck(kind >= PC_FURL_HIERARCHY_AUTO && kind <= PC_FURL_HIERARCHY_IMPORT, PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_OUTOFRANGE,
             "Hierarchy %d is none of PCFurlHierarchy; see -pc_furl_hierarchy", (int)kind);
  if (furl) furl->kind = kind;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   PCFurlGetHierarchy - Gets whose hierarchy the multigrid of a `PCFURL` uses

   Not Collective

   Input Parameter:
.  pc - the preconditioner, of type `PCFURL`

   Output Parameter:
.  kind - what was asked for

   Level: intermediate

.seealso: `PCFURL`, `PCFurlSetHierarchy()`
@*/
PetscErrorCode PCFurlGetHierarchy(PC pc, PCFurlHierarchy *kind)
{
  PC_Furl *furl = NULL;

  PetscFunctionBegin;
  PetscCall(NeedFurl(pc, &furl));
  *kind = furl->kind;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   PCFurlSetSmootherDegree - Sets the degree of the Chebyshev smoother of a `PCFURL`, before and after the coarse correction

   Logically Collective

   Input Parameters:
+  pc     - the preconditioner
-  degree - 1 or more, 2 by default

   Options Database Key:
.  -pc_furl_smoother_degree <degree> - the degree

   Level: intermediate

   Note:
   A cycle reads the matrix of a level 2 degree times. Does nothing to a PC of another type.

.seealso: `PCFURL`, `PCFurlGetSmootherDegree()`
@*/
PetscErrorCode PCFurlSetSmootherDegree(PC pc, PetscInt degree)
{
  PC_Furl *furl = NULL;

  PetscFunctionBegin;
  PetscCall(GetFurl(pc, &furl));
  PetscValidLogicalCollectiveInt(pc, degree, 2);
  PetscCheck(degree >= 1, PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_OUTOFRANGE,
             "Degree %" PetscInt_FMT " is not positive; see -pc_furl_smoother_degree", degree);
  if (!furl) PetscFunctionReturn(PETSC_SUCCESS);
  furl->degree            = degree;
  furl->hierarchy.degree  = degree;
  furl->transposed.degree = degree;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   PCFurlGetSmootherDegree - Gets the degree of the Chebyshev smoother of a `PCFURL`

   Not Collective

   Input Parameter:
.  pc - the preconditioner, of type `PCFURL`

   Output Parameter:
.  degree - the degree

   Level: intermediate

.seealso: `PCFURL`, `PCFurlSetSmootherDegree()`
@*/
PetscErrorCode PCFurlGetSmootherDegree(PC pc, PetscInt *degree)
{
  PC_Furl *furl = NULL;

  PetscFunctionBegin;
  PetscCall(NeedFurl(pc, &furl));
  *degree = furl->degree;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   PCFurlSetThreshold - Sets below what part of the largest coupling of a row a coupling is weak, where a `PCFURL` forms aggregates

   Logically Collective

   Input Parameters:
+  pc        - the preconditioner
-  threshold - from 0 to below 1, 0.1 by default

   Options Database Key:
.  -pc_furl_threshold <threshold> - the part

   Level: advanced

   Notes:
   Couplings, in units in which the diagonal is one, count by those of the sign opposite to the diagonal's, and for blocks by their
Frobenius norms. One that is weak for either of its rows is left out of aggregates, and for scalar matrices without a near-null space added
to the diagonal where the transfers are smoothed. Takes effect when the preconditioner is next set up. Does nothing to a PC of another type.

.seealso: `PCFURL`, `PCFurlGetThreshold()`, `PCFurlSetHierarchy()`
@*/
PetscErrorCode PCFurlSetThreshold(PC pc, PetscReal threshold)
{
  PC_Furl *furl = NULL;

  PetscFunctionBegin;
  PetscCall(GetFurl(pc, &furl));
  PetscValidLogicalCollectiveReal(pc, threshold, 2);
  PetscCheck(threshold >= 0 && threshold < 1, PetscObjectComm((PetscObject)pc), PETSC_ERR_ARG_OUTOFRANGE,
             "Threshold %g is not in [0, 1); see -pc_furl_threshold", (double)threshold);
  if (furl) furl->threshold = threshold;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   PCFurlGetThreshold - Gets below what part of the largest coupling of a row a coupling is weak, where a `PCFURL` forms aggregates

   Not Collective

   Input Parameter:
.  pc - the preconditioner, of type `PCFURL`

   Output Parameter:
.  threshold - the part

   Level: advanced

.seealso: `PCFURL`, `PCFurlSetThreshold()`
@*/
PetscErrorCode PCFurlGetThreshold(PC pc, PetscReal *threshold)
{
  PC_Furl *furl = NULL;

  PetscFunctionBegin;
  PetscCall(NeedFurl(pc, &furl));
  *threshold = furl->threshold;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   PCFurlSetReorder - Sets whether a `PCFURL` may build a hierarchy of a copy of the matrix whose rows stand in another order

   Logically Collective

   Input Parameters:
+  pc      - the preconditioner
-  reorder - `PETSC_TRUE` by default

   Options Database Key:
.  -pc_furl_reorder <true|false> - whether it may

   Level: intermediate

   Notes:
   The copy, in reverse Cuthill-McKee order on each process, is made where neighbouring rows of at least 8192 rows of a process
   share few columns, as those of meshes that are numbered without regard to place. It costs the memory of
   the matrix during the set-up, and with an imported hierarchy, which may be none but that of `PCGAMG`, from then on. The user's
   matrix and vectors stay as they are; nothing but speed and rounding depends on it.

   Takes effect at the next set-up. Does nothing to a PC of another type, nor to a hierarchy imported from a PC
   that `PCFurlGetImportPC()` gave.

.seealso: `PCFURL`, `PCFurlGetReorder()`, `PCFurlGetImportPC()`
@*/
PetscErrorCode PCFurlSetReorder(PC pc, PetscBool reorder)
{
  PC_Furl *furl = NULL;

  PetscFunctionBegin;
  PetscCall(GetFurl(pc, &furl));
  PetscValidLogicalCollectiveBool(pc, reorder, 2);
  if (furl) furl->reorder = reorder;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   PCFurlGetReorder - Gets whether a `PCFURL` may build a hierarchy of rows in another order

   Not Collective

   Input Parameter:
.  pc - the preconditioner, of type `PCFURL`

   Output Parameter:
.  reorder - whether it may

   Level: intermediate

.seealso: `PCFURL`, `PCFurlSetReorder()`
@*/
PetscErrorCode PCFurlGetReorder(PC pc, PetscBool *reorder)
{
  PC_Furl *furl = NULL;

  PetscFunctionBegin;
  PetscCall(NeedFurl(pc, &furl));
  *reorder = furl->reorder;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   PCFurlGetImportPC - Gets the PC whose hierarchy a `PCFURL` imports, to choose or set up it in code

   Collective

   Input Parameter:
.  pc - the preconditioner, of type `PCFURL`

   Output Parameter:
.  import - the inner PC, `PCGAMG` unless changed; it belongs to pc

   Level: advanced

   Note:
   Its options take the prefix -pc_furl_import_. It must give its levels (`PCGetInterpolations()`, `PCGetCoarseOperators()`), as `PCGAMG`,
   `PCMG` and `PCHYPRE` do. Who has it may give it what depends on the order of the rows, which is then the matrix's own. With a
   PETSc before 3.26 `PCReset()` takes what was set on a `PCGAMG` in code; its options are read again.

.seealso: `PCFURL`, `PCGAMG`, `PCMG`
@*/
PetscErrorCode PCFurlGetImportPC(PC pc, PC *import)
{
  PC_Furl *furl = NULL;

  PetscFunctionBegin;
  PetscCall(NeedFurl(pc, &furl));
  PetscCall(FurlImportGetPC(pc, import));
  furl->import_given = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}
