/* PC furl: the type. Its means are taken in the order of means.c: multigrid in low precision first */
#include <petsc/private/pcimpl.h>
#include <furl/compose.h>
#include <furl/register.h>
#include "pcfurl.h"

static const char *const StageNames[] = {"multigrid on a box, couplings of 2 bytes, vectors in FP32",
                                         "multigrid, couplings of 2 bytes, vectors in FP32",
                                         "multigrid in FP32",
                                         "incomplete factorisation of each process's block in FP64",
                                         "Jacobi in FP64",
                                         "identity"};

static const char *const ShortNames[] = {"multigrid,grid", "multigrid,half", "multigrid,single", "factor", "jacobi", "identity"};

const char *const PCFurlHierarchies[] = {"auto", "grid", "algebraic", "import", "PCFurlHierarchy", "PC_FURL_HIERARCHY_", NULL};

const char *const PCFurlMethods[] = {"multigrid", "single", "factor", "jacobi", "PCFurlMethod", "PC_FURL_", NULL};

/* What is known of the matrix beyond its products; matrix-free ones must not be converted, that would take a product for every column */
static PetscErrorCode IsAssembled(Mat A, PetscBool *assembled)
{
  PetscBool matrix_free, other;

  PetscFunctionBegin;
  PetscCall(MatHasOperation(A, MATOP_GET_ROW, assembled));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)A, &other, MATNEST, MATIS, ""));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)A, &matrix_free, MATSHELL, MATMFFD, MATSCHURCOMPLEMENT, MATPYTHON, ""));
  *assembled = (PetscBool)((*assembled || other) && !matrix_free);
  PetscFunctionReturn(PETSC_SUCCESS);
}

#define PC_FURL_THRESHOLD 0.1 /* jumps need more than 0.05, tetrahedra less than 0.35: docs/pc.md */

static FurlStage StageAsked(const PC_Furl *furl)
{
  if (furl->method == PC_FURL_MULTIGRID && furl->kind <= PC_FURL_HIERARCHY_GRID) return FURL_STAGE_GRID;
  return (FurlStage)(FURL_STAGE_HALF + (furl->method - PC_FURL_MULTIGRID));
}

static PetscErrorCode ChooseFirstStage(PC pc)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;
  PetscBool      assembled, diagonal, mffd;

  PetscFunctionBegin;
  furl->asked  = StageAsked(furl);
  furl->reason = NULL;
  FurlMeansBegin(furl, furl->asked, FURL_STAGE_JACOBI);
  PetscCall(IsAssembled(pc->pmat, &assembled));
  if (assembled) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatHasOperation(pc->pmat, MATOP_GET_DIAGONAL, &diagonal));
  PetscCall(PetscObjectTypeCompare((PetscObject)pc->pmat, MATMFFD, &mffd));
  FurlMeansBegin(furl, diagonal && !mffd ? FURL_STAGE_JACOBI : FURL_STAGE_NONE, diagonal && !mffd ? FURL_STAGE_JACOBI : FURL_STAGE_NONE);
  furl->reason = "the matrix gives no entries";
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* To other means, if there are any: `progress` as in FurlMeansNext() */
static PetscErrorCode ChangeMeans(PC pc, const FurlProgress *progress, const char *why, PetscBool *changed)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;

  PetscFunctionBegin;
  *changed = FurlMeansNext(furl, progress);
  if (!*changed) PetscFunctionReturn(PETSC_SUCCESS);
  furl->reason = furl->stage == furl->asked ? NULL : why;
  PetscCall(PetscInfo(pc, "%s: going on with %s\n", why, StageNames[furl->stage]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A factorisation that fails is no error of the program's */
static PetscErrorCode SetUpFactors(PC pc, const char **why)
{
  PC_Furl *const furl   = (PC_Furl *)pc->data;
  PetscMPIInt    failed = 0;
  PCFailedReason reason = PC_NOERROR;
  PetscBool      finite;

  PetscFunctionBegin;
  PetscCall(FurlMatIsFinite(furl->import_mat ? furl->import_mat : pc->pmat, &finite));
  if (!finite) *why = "the matrix holds NaN or infinity";
  if (*why) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  failed = FurlFallbackSetUp(pc) != PETSC_SUCCESS;
  PetscCall(PetscPopErrorHandler());
  if (!failed) PetscCall(PCGetFailedReason(furl->fallback, &reason));
  failed |= reason != PC_NOERROR;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)pc)));
  if (failed) *why = "the incomplete factorisation failed";
  if (failed) PetscCall(PCDestroy(&furl->fallback));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the grid is read from: a furl matrix itself, but where a cell may have several unknowns; else AIJ */
static PetscErrorCode GetGridMat(Mat P, Mat *A)
{
  PetscBool compressed;
  PetscInt  bs;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)P, MATFURL, &compressed));
  PetscCall(MatGetBlockSize(P, &bs));
  if (!compressed || bs > 1) {
    PetscCall(FurlMatToAij(P, A));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscObjectReference((PetscObject)P));
  *A = P;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetUpGrid(PC pc, const char **why)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;
  Mat            A;

  PetscFunctionBegin;
  furl->import_factor = 1;
  PetscCall(GetGridMat(pc->pmat, &A)); /* for the set-up alone: the grid keeps nothing of it */
  PetscCall(FurlGridCreateAll(A, furl->flexible, &furl->grid, why));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What no hierarchy can be made of does not suit either precision, nor does one in FP32 help where there is none in halves */
static PetscErrorCode SetUpHierarchy(PC pc, const char **why)
{
  PC_Furl *const  furl = (PC_Furl *)pc->data;
  const PetscBool half = (PetscBool)(furl->stage == FURL_STAGE_HALF);
  PetscBool       none;

  PetscFunctionBegin;
  PetscCall(FurlHierarchyGetMat(pc, why));
  none = (PetscBool)(*why != NULL);
  if (!none) PetscCall(FurlHierarchySetUp(pc, why));
  if (none || (*why && half)) FurlMeansExclude(furl, FURL_STAGE_HALF);
  if (none || *why) FurlMeansExclude(furl, FURL_STAGE_SINGLE);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sets up the means of furl->stage; *why is set, and they are left to others, where they cannot be */
static PetscErrorCode SetUpMeans(PC pc, const char **why)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;

  PetscFunctionBegin;
  switch (furl->stage) {
  case FURL_STAGE_GRID:
    PetscCall(SetUpGrid(pc, why));
    break;
  case FURL_STAGE_HALF:
  case FURL_STAGE_SINGLE:
    if (!furl->kept || furl->stage == FURL_STAGE_SINGLE) PetscCall(SetUpHierarchy(pc, why));
    furl->kept = PETSC_FALSE;
    break;
  case FURL_STAGE_FACTOR:
    PetscCall(SetUpFactors(pc, why));
    break;
  default:
    PetscCall(FurlFallbackSetUp(pc));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DropKept(PC_Furl *furl)
{
  PetscFunctionBegin;
  furl->kept = PETSC_FALSE;
  PetscCall(FurlHierarchyDropLevels(furl));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetUpFirstThatServes(PC pc)
{
  PC_Furl *const furl    = (PC_Furl *)pc->data;
  PetscBool      changed = PETSC_TRUE;

  PetscFunctionBegin;
  PetscCall(FurlGridDestroy(&furl->grid));
  PetscCall(PCDestroy(&furl->fallback));
  if (!furl->kept) PetscCall(MatDestroy(&furl->import_mat));
  while (changed) {
    const PetscBool box    = (PetscBool)(furl->stage == FURL_STAGE_GRID);
    const char     *why    = NULL;
    const char     *before = furl->reason;

    if (furl->stage > FURL_STAGE_SINGLE && !furl->kept) PetscCall(FurlHierarchyDropLevels(furl));
    PetscCall(SetUpMeans(pc, &why));
    if (!why) PetscFunctionReturn(PETSC_SUCCESS);
    FurlMeansExclude(furl, furl->stage);
    PetscCall(ChangeMeans(pc, NULL, why, &changed));
    if (!box || furl->kind != PC_FURL_HIERARCHY_AUTO) continue;
    furl->asked  = furl->stage; /* that a matrix is on no box is nothing to speak of, unless the user asked for one */
    furl->reason = before;
  }
  furl->stage = FURL_STAGE_JACOBI; /* which has failed at nothing but convergence */
  PetscCall(FurlHierarchyDropLevels(furl));
  PetscCall(FurlFallbackSetUp(pc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The solvers inside are PETSc's own, whatever -furl_takeover made of their names */
static PetscErrorCode SetUpStage(PC pc)
{
  PetscFunctionBegin;
  PetscCall(FurlPCForgetDevice(pc));
  PetscCall(FurlTakeoverPause());
  PetscCall(SetUpFirstThatServes(pc));
  PetscCall(FurlTakeoverResume());
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCSetUp_Furl(PC pc)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;

  PetscFunctionBegin;
  if (!pc->setupcalled || pc->flag == DIFFERENT_NONZERO_PATTERN)
    PetscCall(ChooseFirstStage(pc));
  else
    FurlMeansAgain(furl);
  furl->kept = PETSC_FALSE;
  PetscCall(SetUpStage(pc));
  furl->flexible = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The norm that KSP furl told, else the largest entry */
static PetscErrorCode ApplyGrid(PC pc, PetscBool transpose, Vec x, Vec y)
{
  PC_Furl *const     furl = (PC_Furl *)pc->data;
  PetscReal          size = furl->norm;
  const PetscScalar *from;
  PetscScalar       *to;

  PetscFunctionBegin;
  furl->norm = 0;
  if (!(size > 0)) PetscCall(VecNorm(x, NORM_INFINITY, &size));
  PetscCall(VecGetArrayRead(x, &from));
  PetscCall(VecGetArrayWrite(y, &to));
  PetscCall((transpose ? FurlGridApplyTranspose : FurlGridApply)(furl->grid, size, furl->import_factor, from, to));
  PetscCall(VecRestoreArrayWrite(y, &to));
  PetscCall(VecRestoreArrayRead(x, &from));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCApply_Furl(PC pc, Vec x, Vec y)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;

  PetscFunctionBegin;
  if (furl->grid)
    PetscCall(ApplyGrid(pc, PETSC_FALSE, x, y));
  else if (furl->stage <= FURL_STAGE_SINGLE)
    PetscCall(FurlHierarchyApply(pc, &furl->hierarchy, x, y));
  else
    PetscCall(PCApply(furl->fallback, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where nothing of Furl's own levels is kept and the matrix has changed since (a program may reuse the preconditioner then), both
 * directions are set up anew */
static PetscErrorCode PrepareTranspose(PC pc)
{
  PC_Furl *const furl    = (PC_Furl *)pc->data;
  PetscBool      current = PETSC_TRUE;

  PetscFunctionBegin;
  if (furl->transposed.nlevels) PetscFunctionReturn(PETSC_SUCCESS);
  if (furl->own) PetscCall(FurlHierarchyIsCurrent(pc, &current));
  if (!current) {
    PetscCall(PetscInfo(pc, "The matrix has changed since the set-up, which is done again for the transpose\n"));
    PetscCall(SetUpStage(pc));
  }
  if (!furl->hierarchy.nlevels) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlTakeoverPause());
  PetscCall(FurlHierarchySetUpTranspose(pc));
  PetscCall(FurlTakeoverResume());
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCApplyTranspose_Furl(PC pc, Vec x, Vec y)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;
  PetscBool      known, symmetric;

  PetscFunctionBegin;
  if (furl->grid) {
    PetscCall(ApplyGrid(pc, PETSC_TRUE, x, y));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(MatIsSymmetricKnown(pc->pmat, &known, &symmetric));
  symmetric = (PetscBool)(known && symmetric);
  if (furl->stage <= FURL_STAGE_SINGLE && !symmetric) PetscCall(PrepareTranspose(pc));
  if (furl->stage > FURL_STAGE_SINGLE)
    PetscCall(PCApplyTranspose(furl->fallback, x, y));
  else
    PetscCall(FurlHierarchyApply(pc, symmetric ? &furl->hierarchy : &furl->transposed, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCFurlSetNorm_Furl(PC pc, PetscReal norm)
{
  PetscFunctionBegin;
  ((PC_Furl *)pc->data)->norm = norm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCFurlSetFlexible_Furl(PC pc, PetscBool flexible)
{
  PetscFunctionBegin;
  ((PC_Furl *)pc->data)->flexible = flexible;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCFurlIsSlow_Furl(PC pc, const FurlProgress *progress, PetscBool *slow)
{
  PetscFunctionBegin;
  *slow = FurlMeansAreSlow((PC_Furl *)pc->data, progress);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Levels that waited for the outcome of a factorisation's turn */
static PetscErrorCode PCFurlSolved_Furl(PC pc)
{
  PetscFunctionBegin;
  if (((PC_Furl *)pc->data)->kept) PetscCall(DropKept((PC_Furl *)pc->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Levels of another state of the matrix, which the program may have changed and reused the preconditioner, do not come back */
static PetscErrorCode KeepLevels(PC pc, FurlStage before, PetscBool known)
{
  PC_Furl *const furl    = (PC_Furl *)pc->data;
  PetscBool      current = PETSC_FALSE;

  PetscFunctionBegin;
  if (furl->kept && furl->stage == FURL_STAGE_HALF) PetscCall(FurlHierarchyIsCurrent(pc, &current));
  if (furl->kept && !current) PetscCall(DropKept(furl));
  furl->kept = (PetscBool)(current || (known && before == FURL_STAGE_HALF && furl->stage == FURL_STAGE_FACTOR));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sets up other means for the matrix as it is */
static PetscErrorCode PCFurlRaise_Furl(PC pc, const FurlProgress *progress, const char **what, PetscBool *raised)
{
  PC_Furl *const  furl   = (PC_Furl *)pc->data;
  const FurlStage before = furl->stage;

  PetscFunctionBegin;
  PetscCall(ChangeMeans(pc, progress, "slow convergence", raised));
  if (*raised) {
    PetscCall(KeepLevels(pc, before, (PetscBool)(progress != NULL)));
    PetscCall(SetUpStage(pc));
  }
  furl->flexible = PETSC_FALSE; /* as after any set-up */
  *what          = StageNames[furl->stage];
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCSetFromOptions_Furl(PC pc, FurlOptionItems PetscOptionsObject)
{
  PC_Furl *const furl   = (PC_Furl *)pc->data;
  PetscEnum      method = (PetscEnum)furl->method, kind = (PetscEnum)furl->kind;
  PetscInt       degree    = furl->degree;
  PetscReal      threshold = furl->threshold;
  PetscBool      set, reorder = furl->reorder;

  PetscFunctionBegin;
  PetscOptionsHeadBegin(PetscOptionsObject, "Furl: multigrid in low precision");
  PetscCall(PetscOptionsEnum("-pc_furl_method", "The means to begin with", "PCFurlSetMethod", PCFurlMethods, method, &method, &set));
  if (set) PetscCall(PCFurlSetMethod(pc, (PCFurlMethod)method));
  PetscCall(PetscOptionsEnum("-pc_furl_hierarchy", "Whose hierarchy", "PCFurlSetHierarchy", PCFurlHierarchies, kind, &kind, &set));
  if (set) PetscCall(PCFurlSetHierarchy(pc, (PCFurlHierarchy)kind));
  PetscCall(PetscOptionsInt("-pc_furl_smoother_degree", "Degree of the Chebyshev smoother, before and after the coarse correction",
                            "PCFurlSetSmootherDegree", degree, &degree, &set));
  if (set) PetscCall(PCFurlSetSmootherDegree(pc, degree));
  PetscCall(PetscOptionsReal("-pc_furl_threshold", "Couplings of less than that of the largest are weak", "PCFurlSetThreshold", threshold,
                             &threshold, &set));
  if (set) PetscCall(PCFurlSetThreshold(pc, threshold));
  PetscCall(PetscOptionsBool("-pc_furl_reorder", "Rows of the hierarchy in another order where theirs is bad", "PCFurlSetReorder", reorder,
                             &reorder, &set));
  if (set) PetscCall(PCFurlSetReorder(pc, reorder));
  PetscOptionsHeadEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCView_Furl(PC pc, PetscViewer viewer)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;
  PetscBool      ascii, string;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERSTRING, &string));
  if (string) PetscCall(PetscViewerStringSPrintf(viewer, " %s", ShortNames[furl->stage]));
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  if (!ascii) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscViewerASCIIPrintf(viewer, "  %s\n", StageNames[furl->stage]));
  if (furl->reason) PetscCall(PetscViewerASCIIPrintf(viewer, "  in place of %s: %s\n", StageNames[furl->asked], furl->reason));
  PetscCall(PetscViewerASCIIPushTab(viewer));
  if (furl->grid)
    PetscCall(FurlGridView(furl->grid, viewer));
  else if (furl->stage <= FURL_STAGE_SINGLE && furl->hierarchy.nlevels) {
    PetscCall(PetscViewerASCIIPrintf(viewer, "hierarchy %s%s, V-cycle, Chebyshev smoother of degree %" PetscInt_FMT "\n",
                                     furl->own ? "of smoothed aggregates" : "imported from PC ",
                                     furl->own ? "" : ((PetscObject)furl->import)->type_name, furl->degree));
    PetscCall(FurlHierarchyView(pc, viewer));
  } else if (furl->fallback)
    PetscCall(PCView(furl->fallback, viewer));
  PetscCall(PetscViewerASCIIPopTab(viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCReset_Furl(PC pc)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;

  PetscFunctionBegin;
  PetscCall(FurlPCForgetDevice(pc));
  PetscCall(FurlGridDestroy(&furl->grid));
  PetscCall(FurlHierarchyReset(furl));
  PetscCall(PCDestroy(&furl->fallback));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Compose(PC pc, PetscBool compose)
{
  PetscObject obj = (PetscObject)pc;

  PetscFunctionBegin;
  PetscCall(PetscObjectComposeFunction(obj, "PCFurlSetFlexible_C", compose ? PCFurlSetFlexible_Furl : NULL));
  PetscCall(PetscObjectComposeFunction(obj, "PCFurlSetNorm_C", compose ? PCFurlSetNorm_Furl : NULL));
  PetscCall(PetscObjectComposeFunction(obj, "PCFurlIsSlow_C", compose ? PCFurlIsSlow_Furl : NULL));
  PetscCall(PetscObjectComposeFunction(obj, "PCFurlSolved_C", compose ? PCFurlSolved_Furl : NULL));
  PetscCall(PetscObjectComposeFunction(obj, "PCFurlRaise_C", compose ? PCFurlRaise_Furl : NULL));
  PetscCall(PetscObjectComposeFunction(obj, "PCFurlGetBytes_C", compose ? PCFurlGetBytes_Furl : NULL));
  PetscCall(PetscObjectComposeFunction(obj, "PCFurlGetDevice_C", compose ? PCFurlGetDevice_Furl : NULL));
  PetscCall(FurlRefineCompose(pc, compose));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCDestroy_Furl(PC pc)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;

  PetscFunctionBegin;
  PetscCall(PCReset_Furl(pc));
  PetscCall(PCDestroy(&furl->import));
  PetscCall(Compose(pc, PETSC_FALSE));
  PetscCall(PetscFree(pc->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
   PCFURL - Multigrid in low precision: the levels of a hierarchy compressed to couplings of 2 bytes, cycled in FP32

   Options Database Keys:
+  -pc_furl_method multigrid|single|factor|jacobi - the means to begin with; others are taken when these fail or `KSPFURL` finds them slow
.  -pc_furl_hierarchy auto|grid|algebraic|import  - a box of cells where the matrix is on one, else one over aggregates of rows
.  -pc_furl_smoother_degree <2>                   - degree of the Chebyshev smoother, before and after the coarse correction
.  -pc_furl_threshold <0.1>                       - couplings of less than that of the largest are weak, for aggregates
.  -pc_furl_reorder <true>                        - rows of the hierarchy in another order where theirs is bad
.  -pc_furl_import_pc_type gamg|mg|hypre          - the PC whose hierarchy is imported; its own options take the prefix -pc_furl_import_
.  -pc_furl_coarse_                               - prefix of the factorisation of a coarsest level of more than 200 rows
-  -pc_furl_fallback_                             - prefix of the PC that serves where multigrid does not

   Level: beginner

   Notes:
   The preconditioner is linear and fixed, and symmetric where the matrix is, so that it goes with every `KSP`; under a flexible `KSPFURL`
   the cycle on a box combines two corrections by their inner products, and is neither. It takes every assembled
   matrix; of matrix-free ones only the diagonal, where there is one.

   Near-null spaces (`MatSetNearNullSpace()`) and block sizes of the matrix reach the hierarchy.

.seealso: `KSPFURL`, `MATFURL`, `PCGAMG`, `PCMG`, `PCFurlSetMethod()`, `PCFurlSetHierarchy()`, `PCFurlSetSmootherDegree()`,
`PCFurlSetThreshold()`, `PCFurlSetReorder()`, `PCFurlGetImportPC()`
M*/
PetscErrorCode PCCreate_Furl(PC pc)
{
  PC_Furl *furl;

  PetscFunctionBegin;
  PetscCall(PetscNew(&furl));
  furl->degree            = 2;
  furl->threshold         = PC_FURL_THRESHOLD;
  furl->import_factor     = 1;
  furl->reorder           = PETSC_TRUE;
  pc->data                = furl;
  pc->ops->setup          = PCSetUp_Furl;
  pc->ops->apply          = PCApply_Furl;
  pc->ops->applytranspose = PCApplyTranspose_Furl;
  pc->ops->setfromoptions = PCSetFromOptions_Furl;
  pc->ops->view           = PCView_Furl;
  pc->ops->reset          = PCReset_Furl;
  pc->ops->destroy        = PCDestroy_Furl;
  PetscCall(Compose(pc, PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}
