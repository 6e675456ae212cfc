/* Hierarchy `import`: the levels of PETSc's GAMG, of hypre or of a user's PCMG, compressed and cycled by Furl */
#include <petsc/private/pcimpl.h>
#include "../pcfurl.h"

PetscErrorCode FurlImportGetPC(PC pc, PC *import)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;
  const char    *prefix;

  PetscFunctionBegin;
  if (!furl->import) {
    PetscCall(PCCreate(PetscObjectComm((PetscObject)pc), &furl->import));
    PetscCall(PetscObjectIncrementTabLevel((PetscObject)furl->import, (PetscObject)pc, 1));
    PetscCall(PCGetOptionsPrefix(pc, &prefix));
    PetscCall(PCSetOptionsPrefix(furl->import, prefix));
    PetscCall(PCAppendOptionsPrefix(furl->import, "pc_furl_import_"));
    PetscCall(PCSetType(furl->import, PCGAMG));
  }
  *import = furl->import;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sets up the inner PC. Its failure, an error or a reason, is not the program's: the next stage is taken instead */
static PetscErrorCode SetUpInner(PC pc, const char **why)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;
  PCFailedReason reason;
  PetscErrorCode failed;
  PetscMPIInt    bad;
  PC             import;

  PetscFunctionBegin;
  PetscCall(FurlImportGetPC(pc, &import));
  PetscCall(PCSetOperators(import, FurlHierarchyMat(furl), FurlHierarchyMat(furl)));
  PetscCall(PCSetFromOptions(import));
  PetscCall(FurlHierarchyOrder(pc)); /* which asks for the type that the options gave */
  PetscCall(PCSetOperators(import, FurlHierarchyMat(furl), FurlHierarchyMat(furl)));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  failed = PCSetUp(import);
  PetscCall(PetscPopErrorHandler());
  PetscCall(PCGetFailedReason(import, &reason));
  bad = failed || reason;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &bad, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)pc)));
  if (bad) *why = "the set-up of the imported hierarchy failed";
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Replaces a matrix that the caller holds by its transpose */
static PetscErrorCode TransposeInPlace(Mat *A)
{
  Mat transposed;

  PetscFunctionBegin;
  PetscCall(MatTranspose(*A, MAT_INITIAL_MATRIX, &transposed));
  PetscCall(MatDestroy(A));
  *A = transposed;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
  Levels from the coarsest up: P[l] goes from level l to l + 1 in the inner PC's numbering, 0 the coarsest. With `twin`, the same hierarchy
  of the transposed matrices: its diagonals and bounds are the twin's, so that its cycle is the transpose of the twin's.
*/
static PetscErrorCode CompressLevels(PC pc, PetscInt nlevels, Mat P[], Mat A[], const FurlHierarchy *twin, FurlHierarchy *h)
{
  PC_Furl *const      furl      = (PC_Furl *)pc->data;
  const FurlPrecision precision = furl->stage == FURL_STAGE_HALF ? FURL_PRECISION_HALF : FURL_PRECISION_SINGLE;
  const char         *prefix;
  PetscBool           singular;

  PetscFunctionBegin;
  PetscCall(FurlHierarchyIsSingular(pc, &singular));
  PetscCall(PetscCalloc1(nlevels, &h->level));
  h->nlevels = nlevels;
  h->degree  = furl->degree;
  PetscCall(PCGetOptionsPrefix(pc, &prefix));
  for (PetscInt l = 0; l < nlevels; l++) {
    FurlLevel *const level     = h->level + nlevels - 1 - l;
    PetscBool        constants = PETSC_FALSE;
    Mat              aij, transfer = NULL;

    PetscCall(FurlMatToAij(l + 1 < nlevels ? A[l] : FurlHierarchyMat(furl), &aij));
    if (l > 0) PetscCall(FurlMatToAij(P[l - 1], &transfer));
    if (l + 1 == nlevels && !twin) PetscCall(FurlConstantsAreNearNull(aij, &constants));
    if (twin) PetscCall(TransposeInPlace(&aij));
    PetscCall(
      FurlLevelBuild(aij, l == 0 ? PETSC_TRUE : PETSC_FALSE, precision, constants, twin ? twin->level + nlevels - 1 - l : NULL, level));
    if (l > 0) PetscCall(FurlLevelSetTransfers(transfer, NULL, level + 1, precision, level));
    if (l == 0) PetscCall(FurlCoarseBuild(aij, level, prefix, singular, &h->coarse));
    PetscCall(MatDestroy(&transfer));
    PetscCall(MatDestroy(&aij));
  }
  if (furl->row) PetscCall(FurlLevelSetRows(h->level, furl->row));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ImportLevels(PC pc, const FurlHierarchy *twin, FurlHierarchy *h, const char **why)
{
  PC_Furl *const furl    = (PC_Furl *)pc->data;
  PetscInt       nlevels = 1, ncoarse = 1;
  Mat           *P = NULL, *A = NULL;

  PetscFunctionBegin;
  PetscCall(PCGetInterpolations(furl->import, &nlevels, &P));
  PetscCall(PCGetCoarseOperators(furl->import, &ncoarse, &A));
  if (nlevels >= 1 && nlevels == ncoarse)
    PetscCall(CompressLevels(pc, nlevels, P, A, twin, h));
  else
    *why = "the imported PC gives no levels (gamg, mg and hypre do)";
  furl->import_bytes = 0;
  for (PetscInt l = 0; P && l < nlevels - 1; l++) furl->import_bytes += FurlAijBytes(P[l]);
  for (PetscInt l = 0; A && l < ncoarse - 1; l++) furl->import_bytes += FurlAijBytes(A[l]);
  for (PetscInt l = 0; P && l < nlevels - 1; l++) PetscCall(MatDestroy(&P[l]));
  for (PetscInt l = 0; A && l < ncoarse - 1; l++) PetscCall(MatDestroy(&A[l]));
  PetscCall(PetscFree(P));
  PetscCall(PetscFree(A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlImportSetUp(PC pc, const FurlHierarchy *twin, FurlHierarchy *h, const char **why)
{
  PetscFunctionBegin;
  if (!twin) PetscCall(SetUpInner(pc, why));
  if (!*why) PetscCall(ImportLevels(pc, twin, h, why));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The inner PC without a matrix, ready for one of any size */
PetscErrorCode FurlImportReset(PC_Furl *furl)
{
  PetscBool gamg = PETSC_FALSE;

  PetscFunctionBegin;
  if (furl->import) PetscCall(PetscObjectTypeCompare((PetscObject)furl->import, PCGAMG, &gamg));
  if (gamg && !FURL_GAMG_RESET_IS_WHOLE) PetscCall(PCDestroy(&furl->import));
  if (furl->import) PetscCall(PCReset(furl->import));
  furl->import_bytes = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}
