/* Amat and what Furl derives from it: a compressed copy, its isolated rows, its symmetry; and the choice of the preconditioner */
#include "kspfurlimpl.h"
#include <petsc/private/pcimpl.h>

PetscErrorCode FurlKSPForgetIsolated(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  PetscCall(PetscFree(f->isolated));
  PetscCall(PetscFree(f->pivot));
  f->nisolated = f->nisolated_all = 0;
  f->has_isolated                 = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Frees all that describes Amat; the vectors stay */
PetscErrorCode FurlKSPForget(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  PetscCall(FurlKSPLeaveDevice(ksp));
  PetscCall(MatDestroy(&f->F));
  PetscCall(FurlKSPForgetIsolated(ksp));
  f->described    = PETSC_FALSE;
  f->has_traits   = PETSC_FALSE;
  f->knows_mirror = PETSC_FALSE;
  f->mat_id       = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Would the conversion keep every entry, and is there one? `why` says what is against it */
static PetscErrorCode CanCompress(Mat A, const char **why, PetscBool *can)
{
  PetscErrorCode (*create)(Mat);

  PetscFunctionBegin;
  *can = PETSC_FALSE;
  *why = "MATFURL is not registered";
  PetscCall(PetscFunctionListFind(MatList, MATFURL, &create));
  if (!create) PetscFunctionReturn(PETSC_SUCCESS);
  *why = "Amat is not of an assembled AIJ, BAIJ or SBAIJ type";
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)A, can, MATSEQAIJ, MATMPIAIJ, MATSEQBAIJ, MATMPIBAIJ, MATSEQSBAIJ, MATMPISBAIJ, ""));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode IsWholeAij(Mat A, PetscBool *whole)
{
  PetscBool partial;

  PetscFunctionBegin;
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)A, whole, MATSEQAIJ, MATMPIAIJ, ""));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)A, &partial, MATSEQAIJCRL, MATMPIAIJCRL, "")); /* does not give its rows */
  *whole = (PetscBool)(*whole && !partial);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
  Would a copy be read faster than Amat? Where rows share a pattern it has half of AIJ's bytes or less, and no columns. Where they do not it
  has nine tenths, and making it takes as long as tens of products. Told by the structure, not by a clock, so that runs repeat bit for bit
*/
static PetscErrorCode CopyPays(Mat A, PetscBool *pays)
{
  PetscBool aij, irregular = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(IsWholeAij(A, &aij));
  if (aij) PetscCall(FurlAijIsIrregular(A, &irregular));
  *pays = irregular ? PETSC_FALSE : PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Into *F, or a new matrix where that is NULL */
static PetscErrorCode Convert(Mat A, Mat *F)
{
  PetscFunctionBegin;
  PetscCall(MatConvert(A, MATFURL, *F ? MAT_REUSE_MATRIX : MAT_INITIAL_MATRIX, F));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Converts without an error message: a matrix that does not convert keeps its own product. All ranks agree on *F */
static PetscErrorCode TryConvert(Mat A, Mat *F)
{
  PetscErrorCode ierr;
  PetscMPIInt    failed, any;

  PetscFunctionBegin;
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  ierr = Convert(A, F);
  PetscCall(PetscPopErrorHandler());
  failed = ierr || !*F;
  PetscCallMPI(MPI_Allreduce(&failed, &any, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)A)));
  if (any) *F = NULL; /* half-made: not safe to destroy */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* F from A, by force or where that works */
static PetscErrorCode EncodeCopy(KSP ksp, Mat A)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  PetscCall(PetscLogEventBegin(f->event_encode, ksp, A, NULL, NULL));
  if (f->compress == KSP_FURL_COMPRESS_TRUE)
    PetscCall(Convert(A, &f->F));
  else
    PetscCall(TryConvert(A, &f->F));
  PetscCall(PetscLogEventEnd(f->event_encode, ksp, A, NULL, NULL));
  f->why_own = f->F ? NULL : "Amat did not convert to MATFURL";
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Encode(KSP ksp, Mat A)
{
  KSP_Furl   *f = (KSP_Furl *)ksp->data;
  PetscBool   can, pays = PETSC_TRUE;
  FurlDevice *device;

  PetscFunctionBegin;
  PetscCall(FurlKSPDeviceWanted(ksp, &device)); /* a device has no other product */
  f->why_own = "-ksp_furl_compress false";
  if (f->compress == KSP_FURL_COMPRESS_FALSE) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectTypeCompare((PetscObject)A, MATFURL, &can));
  f->why_own = "Amat is compressed itself";
  if (can) PetscCall(MatDestroy(&f->F));
  if (can) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(CanCompress(A, &f->why_own, &can));
  if (can && !device && f->compress == KSP_FURL_COMPRESS_AUTO) PetscCall(CopyPays(A, &pays));
  if (!pays) {
    f->why_own = "its rows share no pattern, a copy would save few bytes";
    can        = PETSC_FALSE;
  }
  if (can || f->compress == KSP_FURL_COMPRESS_TRUE)
    PetscCall(EncodeCopy(ksp, A));
  else
    PetscCall(MatDestroy(&f->F));
  PetscCall(PetscInfo(ksp, "Products by %s%s\n", f->F ? "a compressed copy of Amat" : "Amat itself: ", f->F ? "" : f->why_own));
  PetscFunctionReturn(PETSC_SUCCESS);
}
/* Reads rows and diagonal of the rows that Mat furl reports; a zero among the diagonals leaves them to the Krylov method */
static PetscErrorCode ReadIsolated(KSP_Furl *f, Mat A, IS rows)
{
  const PetscInt    *row;
  const PetscScalar *diagonal;
  PetscInt           first;
  PetscMPIInt        zero = 0, any;
  Vec                d    = FurlKSPr(f);

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &first, NULL));
  PetscCall(ISGetLocalSize(rows, &f->nisolated));
  PetscCall(PetscMalloc1(f->nisolated, &f->isolated));
  PetscCall(PetscMalloc1(f->nisolated, &f->pivot));
  PetscCall(MatGetDiagonal(A, d));
  PetscCall(VecGetArrayRead(d, &diagonal));
  PetscCall(ISGetIndices(rows, &row));
  for (PetscInt k = 0; k < f->nisolated; k++) {
    f->isolated[k] = row[k] - first;
    f->pivot[k]    = diagonal[row[k] - first];
    if (!(PetscAbsScalar(f->pivot[k]) > 0)) zero = 1;
  }
  PetscCall(ISRestoreIndices(rows, &row));
  PetscCall(VecRestoreArrayRead(d, &diagonal));
  PetscCallMPI(MPI_Allreduce(&zero, &any, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)A)));
  if (any) f->nisolated = 0;
  PetscCallMPI(MPI_Allreduce(&f->nisolated, &f->nisolated_all, 1, MPIU_INT, MPI_SUM, PetscObjectComm((PetscObject)A)));
  f->has_isolated = f->nisolated_all ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The traits of Amat's entries and its isolated rows: from a compressed matrix, else by a pass over the entries of AIJ */
static PetscErrorCode Describe(KSP ksp, Mat op, Mat A)
{
  KSP_Furl                *f = (KSP_Furl *)ksp->data;
  FurlMatGetTraitsFn       get_traits;
  FurlMatGetIsolatedRowsFn get_rows;
  IS                       rows = NULL;
  PetscBool                aij;

  PetscFunctionBegin;
  PetscCall(PetscObjectQueryFunction((PetscObject)op, "MatFurlGetTraits_C", &get_traits));
  PetscCall(PetscObjectQueryFunction((PetscObject)op, "MatFurlGetIsolatedRows_C", &get_rows));
  PetscCall(IsWholeAij(A, &aij));
  PetscCall(FurlKSPForgetIsolated(ksp)); /* as the preconditioner told them */
  if (get_traits) {
    PetscCall((*get_traits)(op, &f->traits));
    f->has_traits = PETSC_TRUE;
  }
  if (get_rows)
    PetscCall((*get_rows)(op, &rows));
  else if (aij)
    PetscCall(FurlAijDescribe(A, &f->has_traits, &f->traits, &rows));
  if (rows) PetscCall(ReadIsolated(f, A, rows));
  PetscCall(ISDestroy(&rows));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Is Amat its own transpose, as it says or bit for bit? From what is known, else by a pass over AIJ; one for each state of the matrix */
PetscErrorCode FurlKSPKnowMirrors(KSP ksp, PetscBool *mirrors)
{
  KSP_Furl          *f = (KSP_Furl *)ksp->data;
  Mat                A;
  IS                 rows = NULL;
  PetscBool          set, aij, known = PETSC_FALSE;
  FurlMatTraits      traits = {PETSC_FALSE, PETSC_FALSE};
  FurlMatGetTraitsFn get;

  PetscFunctionBegin;
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  PetscCall(MatIsSymmetricKnown(A, &set, mirrors));
  if (set) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectQueryFunction((PetscObject)A, "MatFurlGetTraits_C", &get));
  PetscCall(IsWholeAij(A, &aij));
  if (!f->knows_mirror && get) PetscCall((*get)(A, &traits));
  if (!f->knows_mirror && !get && aij) PetscCall(FurlAijDescribe(A, &known, &traits, &rows));
  PetscCall(ISDestroy(&rows));
  if (!f->knows_mirror) f->mirrors = (PetscBool)((get || known) && traits.symmetric);
  f->knows_mirror = PETSC_TRUE;
  *mirrors        = f->mirrors;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckMatrix(KSP ksp, Mat A)
{
  PetscInt  M, N, m, n;
  PetscBool assembled;

  PetscFunctionBegin;
  PetscCall(MatGetSize(A, &M, &N));
  PetscCall(MatGetLocalSize(A, &m, &n));
  PetscCheck(M == N && m == n, PetscObjectComm((PetscObject)ksp), PETSC_ERR_ARG_SIZ,
             "KSPFURL solves square systems; Amat has %" PetscInt_FMT " rows and %" PetscInt_FMT " columns (here %" PetscInt_FMT
             " and %" PetscInt_FMT "); see KSPLSQR for least squares",
             M, N, m, n);
  PetscCall(MatAssembled(A, &assembled));
  PetscCheck(assembled, PetscObjectComm((PetscObject)ksp), PETSC_ERR_ARG_WRONGSTATE,
             "Amat is not assembled; call MatAssemblyBegin() and MatAssemblyEnd() before KSPSolve()");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Forgets what described Amat, but for a copy of the same pattern that nobody else holds: its memory takes the new values */
static PetscErrorCode ForgetValues(KSP ksp, PetscBool same_pattern)
{
  KSP_Furl *f    = (KSP_Furl *)ksp->data;
  Mat       kept = NULL;

  PetscFunctionBegin;
  if (same_pattern && f->F && f->compress != KSP_FURL_COMPRESS_FALSE && ((PetscObject)f->F)->refct == 1) {
    kept = f->F;
    f->F = NULL;
  }
  PetscCall(FurlKSPForget(ksp));
  f->F = kept;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Makes the copy, and finds isolated rows and symmetry, where that has not been done for Amat as it is */
PetscErrorCode FurlKSPDescribe(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;
  Mat       A, op;

  PetscFunctionBegin;
  if (f->described) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  PetscCall(Encode(ksp, A));
  op = f->F ? f->F : A;
  PetscCall(Describe(ksp, op, A));
  PetscCall(FurlKSPClassify(ksp, op, A));
  f->described = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Makes all that describes Amat anew if Amat is another object, or has other values or another pattern, than at the last call; but not what
 * refinement can do without, where that is going to be tried */
PetscErrorCode FurlKSPRefresh(KSP ksp, PetscBool *changed)
{
  KSP_Furl        *f = (KSP_Furl *)ksp->data;
  Mat              A;
  PetscBool        may, symmetric;
  PetscObjectId    id;
  PetscObjectState state, nonzero;

  PetscFunctionBegin;
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  PetscCall(CheckMatrix(ksp, A));
  PetscCall(PetscObjectGetId((PetscObject)A, &id));
  PetscCall(PetscObjectStateGet((PetscObject)A, &state));
  PetscCall(MatGetNonzeroState(A, &nonzero));
  *changed = id != f->mat_id || state != f->mat_state || nonzero != f->mat_nonzero ? PETSC_TRUE : PETSC_FALSE;
  if (!*changed) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ForgetValues(ksp, (PetscBool)(id == f->mat_id && nonzero == f->mat_nonzero)));
  f->refine_failed = PETSC_FALSE;
  PetscCall(FurlKSPMayRefine(ksp, &may, &symmetric));
  if (!may || symmetric) PetscCall(FurlKSPDescribe(ksp));
  f->mat_id      = id;
  f->mat_nonzero = nonzero;
  PetscCall(PetscObjectStateGet((PetscObject)A, &f->mat_state));
  f->own_product = PETSC_FALSE;
  f->raise_empty = PETSC_FALSE;
  f->learned     = KSP_FURL_AUTO;
  f->columns     = f->restart;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = A x by the copy or by Amat's own product, transposed where the user solves with the transpose; also x'y where `dot` is not NULL */
PetscErrorCode FurlKSPMult(KSP ksp, Vec x, Vec y, PetscScalar *dot)
{
  KSP_Furl        *f = (KSP_Furl *)ksp->data;
  Mat              op;
  FurlMatMultDotFn multdot = NULL;
  PetscBool        done    = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(PCGetOperators(ksp->pc, &op, NULL));
  if (f->F && f->described && !f->own_product) op = f->F;
  if (dot && !ksp->transpose_solve) PetscCall(PetscObjectQueryFunction((PetscObject)op, "MatFurlMultDot_C", &multdot));
  if (multdot) {
    PetscCall((*multdot)(op, x, y, dot));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(FurlKSPAijMult(ksp, op, x, NULL, y, NULL, &done));
  if (!done) PetscCall(KSP_MatMult(ksp, op, x, y));
  if (dot) PetscCall(VecDot(y, x, dot));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
  PETSc up to 3.21 runs PCSetFromOptions() before the type of the KSP is known, which leaves PETSc's own default in a PC that nobody chose.
  Such a default counts as unset: no -pc_type, options read, not yet set up, and of a type that PETSc takes by default.
*/
static PetscErrorCode IsUnchosen(PC pc, PetscBool *unchosen)
{
  const char *prefix;
  PCType      type;
  PetscBool   asked;

  PetscFunctionBegin;
  PetscCall(PCGetType(pc, &type));
  *unchosen = type ? PETSC_FALSE : PETSC_TRUE;
  if (!type || pc->setupcalled || !pc->setfromoptionscalled) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectGetOptionsPrefix((PetscObject)pc, &prefix));
  PetscCall(PetscOptionsHasName(((PetscObject)pc)->options, prefix, "-pc_type", &asked));
  if (asked) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectTypeCompareAny((PetscObject)pc, unchosen, PCILU, PCICC, PCBJACOBI, ""));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Makes the PC furl unless the user chose one */
PetscErrorCode FurlKSPChoosePC(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;
  PC        pc;
  PetscInt  read;
  PetscBool unchosen;

  PetscFunctionBegin;
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(IsUnchosen(pc, &unchosen));
  if (!unchosen) PetscFunctionReturn(PETSC_SUCCESS);
  read = pc->setfromoptionscalled;
  PetscCall(PCSetType(pc, PCFURL));
  f->pc_ours = PETSC_TRUE;
  if (read) PetscCall(PCSetFromOptions(pc)); /* its options were read for the type it had */
  PetscCall(PetscInfo(ksp, "Nobody chose a PC: it is %s\n", PCFURL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the outer method allows a preconditioner that changes */
PetscErrorCode FurlKSPTellFlexible(KSP ksp)
{
  const KSP_Furl *f = (const KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  PetscTryMethod(ksp->pc, "PCFurlSetFlexible_C", (PC, PetscBool), (ksp->pc, f->method == KSP_FURL_BCGS ? PETSC_FALSE : PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Tells a PC of type furl whether the outer method is flexible, and lends it the copy where it preconditions the same matrix */
PetscErrorCode FurlKSPSharePC(KSP ksp)
{
  KSP_Furl        *f = (KSP_Furl *)ksp->data;
  Mat              A, P;
  PetscBool        keep;
  FurlPCShareMatFn share;

  PetscFunctionBegin;
  f->F_shared = PETSC_FALSE;
  PetscCall(FurlKSPTellFlexible(ksp));
  PetscCall(PCGetReusePreconditioner(ksp->pc, &keep));
  if (keep && ksp->pc->setupcalled) PetscFunctionReturn(PETSC_SUCCESS); /* it stays as it is, with the copy that it has */
  PetscCall(PetscObjectQueryFunction((PetscObject)ksp->pc, "PCFurlShareMat_C", &share));
  if (!share) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PCGetOperators(ksp->pc, &A, &P));
  f->F_shared = f->F && f->described && A == P ? PETSC_TRUE : PETSC_FALSE;
  PetscCall((*share)(ksp->pc, f->F_shared ? f->F : NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
