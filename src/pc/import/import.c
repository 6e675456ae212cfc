/* Hierarchy `import`: the levels of PETSc's GAMG, of hypre or of a user's PCMG, compressed and cycled by Furl */
#include <petsc/private/pcimpl.h>
#include "../pcfurl.h"

#define SMALL_TOTAL 64   /* rows: such a matrix is its own coarsest level */
#define HUGE_ENTRY 1e100 /* beyond this, or its inverse, the squares that set-ups take leave the range of a double */

static PetscErrorCode GetSizes(Mat A, double *largest, double *smallest)
{
  Vec d;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, NULL, &d));
  PetscCall(MatGetDiagonal(A, d));
  PetscCall(VecAbs(d));
  PetscCall(VecMin(d, NULL, smallest));
  PetscCall(VecNorm(d, NORM_INFINITY, largest));
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* AIJ with all of its operations: aijcrl cannot even be duplicated */
static PetscErrorCode IsWholeAij(Mat A, PetscBool *whole)
{
  PetscBool partial;

  PetscFunctionBegin;
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)A, whole, MATSEQAIJ, MATMPIAIJ, ""));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)A, &partial, MATSEQAIJCRL, MATMPIAIJCRL, ""));
  *whole = (PetscBool)(*whole && !partial);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The matrix that the hierarchy is built of: Pmat itself, its conversion to AIJ, or a copy in units in which its squares are finite */
PetscErrorCode FurlImportGetMat(PC pc, const char **why)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;
  PetscBool      whole, finite;
  MatNullSpace   near;
  double         largest = 1, smallest = 1;

  PetscFunctionBegin;
  PetscCall(MatDestroy(&furl->import_mat));
  furl->import_factor = 1;
  PetscCall(IsWholeAij(pc->pmat, &whole));
  if (whole) {
    PetscCall(PetscObjectReference((PetscObject)pc->pmat));
    furl->import_mat = pc->pmat;
  } else
    PetscCall(MatConvert(pc->pmat, MATAIJ, MAT_INITIAL_MATRIX, &furl->import_mat));
  PetscCall(GetSizes(furl->import_mat, &largest, &smallest));
  PetscCall(FurlMatIsFinite(furl->import_mat, &finite));
  if (!finite)
    *why = "the matrix holds NaN or infinity";
  else if (!(smallest > 0))
    *why = "the diagonal has zeros";
  else if (largest / smallest > HUGE_ENTRY)
    *why = "the diagonal spans more than 100 decades";
  if (*why) PetscFunctionReturn(PETSC_SUCCESS);
  if (largest > HUGE_ENTRY || (largest > 0 && largest < 1 / HUGE_ENTRY)) {
    Mat scaled;

    furl->import_factor = ldexp(1, PetscMin(1000, -ilogb(largest)));
    PetscCall(MatDuplicate(furl->import_mat, MAT_COPY_VALUES, &scaled));
    PetscCall(MatScale(scaled, furl->import_factor));
    PetscCall(MatDestroy(&furl->import_mat));
    furl->import_mat = scaled;
  }
  PetscCall(MatGetNearNullSpace(pc->pmat, &near));
  if (near && furl->import_mat != pc->pmat) PetscCall(MatSetNearNullSpace(furl->import_mat, near));
  PetscFunctionReturn(PETSC_SUCCESS);
}

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

/* What the hierarchy is built of */
static Mat HierarchyMat(const PC_Furl *furl)
{
  return furl->ordered_mat ? furl->ordered_mat : furl->import_mat;
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
  PetscCall(PCSetOperators(import, HierarchyMat(furl), HierarchyMat(furl)));
  PetscCall(PCSetFromOptions(import));
  PetscCall(FurlImportOrder(pc)); /* which asks for the type that the options gave */
  PetscCall(PCSetOperators(import, HierarchyMat(furl), HierarchyMat(furl)));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  failed = PCSetUp(import);
  PetscCall(PetscPopErrorHandler());
  PetscCall(PCGetFailedReason(import, &reason));
  bad = failed || reason;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &bad, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)pc)));
  if (bad) *why = "the set-up of the imported hierarchy failed";
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlImportToAij(Mat A, Mat *aij)
{
  PetscBool whole;

  PetscFunctionBegin;
  PetscCall(IsWholeAij(A, &whole));
  if (whole) {
    PetscCall(PetscObjectReference((PetscObject)A));
    *aij = A;
  } else
    PetscCall(MatConvert(A, MATAIJ, MAT_INITIAL_MATRIX, aij));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A null space was given, or all rows sum to zero */
static PetscErrorCode IsSingular(PC pc, PetscBool *singular)
{
  Mat const    A = HierarchyMat((PC_Furl *)pc->data);
  MatNullSpace null;
  FurlAijParts parts;
  PetscMPIInt  zero = 1;

  PetscFunctionBegin;
  PetscCall(MatGetNullSpace(pc->pmat, &null));
  *singular = (PetscBool)(null != NULL);
  if (null) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlAijGetParts(A, &parts));
  for (PetscInt i = 0; zero && i < parts.diagonal.nrows; i++) {
    const FurlRowSum row = FurlSumRow(&parts, i, 1);

    zero = FurlIsNeutral(&row);
  }
  PetscCall(FurlAijRestoreParts(A, &parts));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &zero, 1, MPI_INT, MPI_MIN, PetscObjectComm((PetscObject)pc)));
  *singular = (PetscBool)zero;
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

/* Constants are the only near-null space of a scalar matrix; with blocks the modes are others, and the diagonal is kept as it is */
static PetscErrorCode ConstantsAreNearNull(Mat A, PetscBool *constants)
{
  MatNullSpace near;
  PetscInt     bs, nvecs = 0;

  PetscFunctionBegin;
  PetscCall(MatGetBlockSize(A, &bs));
  PetscCall(MatGetNearNullSpace(A, &near));
  if (near) PetscCall(MatNullSpaceGetVecs(near, NULL, &nvecs, NULL));
  *constants = (PetscBool)(bs == 1 && !nvecs);
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
  PetscCall(IsSingular(pc, &singular));
  PetscCall(PetscCalloc1(nlevels, &h->level));
  h->nlevels = nlevels;
  h->degree  = furl->degree;
  PetscCall(PCGetOptionsPrefix(pc, &prefix));
  for (PetscInt l = 0; l < nlevels; l++) {
    FurlLevel *const level     = h->level + nlevels - 1 - l;
    PetscBool        constants = PETSC_FALSE;
    Mat              aij, transfer = NULL;

    PetscCall(FurlImportToAij(l + 1 < nlevels ? A[l] : HierarchyMat(furl), &aij));
    if (l > 0) PetscCall(FurlImportToAij(P[l - 1], &transfer));
    if (l + 1 == nlevels && !twin) PetscCall(ConstantsAreNearNull(aij, &constants));
    if (twin) PetscCall(TransposeInPlace(&aij));
    PetscCall(FurlLevelBuild(aij, transfer, level + 1, precision, constants, twin ? twin->level + nlevels - 1 - l : NULL, level));
    if (l == 0) PetscCall(FurlCoarseBuild(aij, level, prefix, singular, &h->coarse));
    PetscCall(MatDestroy(&transfer));
    PetscCall(MatDestroy(&aij));
  }
  if (furl->ordered_mat) PetscCall(FurlLevelSetRows(h->level, furl->row));
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

static PetscErrorCode IsSmall(PC pc, PetscBool *small)
{
  PetscInt total;

  PetscFunctionBegin;
  PetscCall(MatGetSize(pc->pmat, &total, NULL));
  *small = (PetscBool)(total <= SMALL_TOTAL);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlImportSetUp(PC pc, const char **why)
{
  PC_Furl *const furl  = (PC_Furl *)pc->data;
  PetscBool      small = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(FurlHierarchyDestroy(&furl->hierarchy));
  PetscCall(FurlHierarchyDestroy(&furl->transposed));
  PetscCall(IsSmall(pc, &small));
  if (small)
    PetscCall(FurlImportForgetOrder(furl));
  else
    PetscCall(SetUpInner(pc, why));
  if (*why) PetscFunctionReturn(PETSC_SUCCESS);
  if (small)
    PetscCall(CompressLevels(pc, 1, NULL, NULL, NULL, &furl->hierarchy));
  else
    PetscCall(ImportLevels(pc, NULL, &furl->hierarchy, why));
  if (*why) PetscCall(FurlHierarchyDestroy(&furl->hierarchy));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlImportTranspose(PC pc)
{
  PC_Furl *const furl  = (PC_Furl *)pc->data;
  const char    *why   = NULL;
  PetscBool      small = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(IsSmall(pc, &small));
  if (small)
    PetscCall(CompressLevels(pc, 1, NULL, NULL, &furl->hierarchy, &furl->transposed));
  else
    PetscCall(ImportLevels(pc, &furl->hierarchy, &furl->transposed, &why));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The inner PC without a matrix, ready for one of any size */
static PetscErrorCode ResetInner(PC_Furl *furl)
{
  PetscBool gamg = PETSC_FALSE;

  PetscFunctionBegin;
  if (furl->import) PetscCall(PetscObjectTypeCompare((PetscObject)furl->import, PCGAMG, &gamg));
  if (gamg && !FURL_GAMG_RESET_IS_WHOLE) PetscCall(PCDestroy(&furl->import));
  if (furl->import) PetscCall(PCReset(furl->import));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlImportDropLevels(PC_Furl *furl)
{
  PetscFunctionBegin;
  PetscCall(FurlHierarchyDestroy(&furl->transposed));
  PetscCall(FurlHierarchyDestroy(&furl->hierarchy));
  PetscCall(ResetInner(furl));
  PetscCall(FurlImportForgetOrder(furl));
  furl->import_bytes = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlImportReset(PC_Furl *furl)
{
  PetscFunctionBegin;
  PetscCall(FurlImportDropLevels(furl));
  PetscCall(MatDestroy(&furl->import_mat));
  PetscFunctionReturn(PETSC_SUCCESS);
}
