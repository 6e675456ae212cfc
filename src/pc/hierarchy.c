/* Hierarchies of matrices: what they are built of, whose is taken, and what their levels need to know of the matrix */
#include <petsc/private/pcimpl.h>
#include "pcfurl.h"

#define HUGE_ENTRY 1e100 /* beyond this, or its inverse, the squares that set-ups take leave the range of a double */
#define SMALL_TOTAL 64   /* rows: such a matrix is its own coarsest level, whoever is asked for levels */

Mat FurlHierarchyMat(const PC_Furl *furl)
{
  return furl->ordered_mat ? furl->ordered_mat : furl->import_mat;
}

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
PetscErrorCode FurlHierarchyGetMat(PC pc, const char **why)
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

PetscErrorCode FurlMatToAij(Mat A, Mat *aij)
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
PetscErrorCode FurlHierarchyIsSingular(PC pc, PetscBool *singular)
{
  Mat const    A = FurlHierarchyMat((PC_Furl *)pc->data);
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

/* Constants are the only near-null space of a scalar matrix; with blocks the modes are others, and the diagonal is kept as it is */
PetscErrorCode FurlConstantsAreNearNull(Mat A, PetscBool *constants)
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

static PetscErrorCode IsSmall(PC pc, PetscBool *small)
{
  PetscInt total;

  PetscFunctionBegin;
  PetscCall(MatGetSize(pc->pmat, &total, NULL));
  *small = (PetscBool)(total <= SMALL_TOTAL);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An option of the inner PC is a wish for its hierarchy */
static PetscErrorCode InnerHasOptions(PC pc, PetscBool *has)
{
  const char *prefix;
  char        start[256], *options;

  PetscFunctionBegin;
  PetscCall(PCGetOptionsPrefix(pc, &prefix));
  PetscCall(PetscSNPrintf(start, sizeof(start), "-%spc_furl_import_", prefix ? prefix : ""));
  PetscCall(PetscOptionsGetAll(((PetscObject)pc)->options, &options));
  *has = strstr(options, start) ? PETSC_TRUE : PETSC_FALSE;
  PetscCall(PetscFree(options));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Furl's own hierarchy, unless another one was asked for; where it has served badly in halves, the other one's turn comes in FP32 */
static PetscErrorCode ChooseOwn(PC pc)
{
  PC_Furl *const  furl  = (PC_Furl *)pc->data;
  const PetscBool first = (PetscBool)(furl->stage == FURL_STAGE_HALF || furl->asked == furl->stage);
  PetscBool       small = PETSC_FALSE, other = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(IsSmall(pc, &small));
  PetscCall(InnerHasOptions(pc, &other));
  other     = (PetscBool)(other || furl->import_given || !first);
  furl->own = (PetscBool)(small || furl->kind == PC_FURL_HIERARCHY_ALGEBRAIC || (furl->kind != PC_FURL_HIERARCHY_IMPORT && !other));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the levels are made of, for those of the transposed matrix that may be asked for later */
static PetscErrorCode Remember(PC pc)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;

  PetscFunctionBegin;
  furl->set_up.threshold = furl->threshold;
  PetscCall(PetscObjectGetId((PetscObject)pc->pmat, &furl->set_up.id));
  PetscCall(PetscObjectStateGet((PetscObject)pc->pmat, &furl->set_up.state));
  PetscCall(MatGetNearNullSpace(furl->import_mat, &furl->set_up.near));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether Furl's own levels are those of the matrix as it is now */
PetscErrorCode FurlHierarchyIsCurrent(PC pc, PetscBool *current)
{
  const PC_Furl *const furl = (const PC_Furl *)pc->data;
  PetscObjectState     state;
  PetscObjectId        id;
  MatNullSpace         near;

  PetscFunctionBegin;
  PetscCall(PetscObjectGetId((PetscObject)pc->pmat, &id));
  PetscCall(PetscObjectStateGet((PetscObject)pc->pmat, &state));
  PetscCall(MatGetNearNullSpace(furl->import_mat, &near));
  *current = (PetscBool)(id == furl->set_up.id && state == furl->set_up.state && near == furl->set_up.near);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The copy in another order serves no longer than the set-up, which keeps nothing of it */
static PetscErrorCode SetUpOwn(PC pc, const FurlHierarchy *twin, FurlHierarchy *h, const char **why)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;

  PetscFunctionBegin;
  if (furl->row && !furl->ordered_mat) PetscCall(FurlHierarchyOrderAgain(furl));
  PetscCall(FurlAlgebraicSetUp(pc, twin, h, why));
  PetscCall(MatDestroy(&furl->ordered_mat));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlHierarchySetUp(PC pc, const char **why)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;

  PetscFunctionBegin;
  PetscCall(FurlHierarchyDestroy(&furl->hierarchy));
  PetscCall(FurlHierarchyDestroy(&furl->transposed));
  PetscCall(ChooseOwn(pc));
  if (furl->own) {
    if (!furl->import_given) PetscCall(FurlImportReset(furl));
    PetscCall(FurlHierarchyOrder(pc));
    PetscCall(Remember(pc));
    PetscCall(SetUpOwn(pc, NULL, &furl->hierarchy, why));
  }
  if (*why && furl->kind != PC_FURL_HIERARCHY_ALGEBRAIC) {
    PetscCall(PetscInfo(pc, "%s: another hierarchy is imported\n", *why));
    furl->own = PETSC_FALSE;
    *why      = NULL;
    PetscCall(FurlHierarchyDestroy(&furl->hierarchy));
  }
  if (!furl->own) PetscCall(FurlImportSetUp(pc, NULL, &furl->hierarchy, why));
  if (*why) PetscCall(FurlHierarchyDestroy(&furl->hierarchy));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Of the matrix as it was set up, which served */
PetscErrorCode FurlHierarchySetUpTranspose(PC pc)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;
  const char    *why  = NULL;

  PetscFunctionBegin;
  PetscCall((furl->own ? SetUpOwn : FurlImportSetUp)(pc, &furl->hierarchy, &furl->transposed, &why));
  PetscCheck(!why, PetscObjectComm((PetscObject)pc), PETSC_ERR_PLIB, "The levels of the transposed matrix: %s, unlike those of the matrix",
             why);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlHierarchyDropLevels(PC_Furl *furl)
{
  PetscFunctionBegin;
  PetscCall(FurlHierarchyDestroy(&furl->transposed));
  PetscCall(FurlHierarchyDestroy(&furl->hierarchy));
  PetscCall(FurlImportReset(furl));
  PetscCall(FurlHierarchyForgetOrder(furl));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlHierarchyReset(PC_Furl *furl)
{
  PetscFunctionBegin;
  PetscCall(FurlHierarchyDropLevels(furl));
  PetscCall(MatDestroy(&furl->import_mat));
  PetscFunctionReturn(PETSC_SUCCESS);
}
