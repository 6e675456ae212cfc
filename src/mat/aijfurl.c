/*
  Mat type aijfurl: AIJ in all it does, but for products with vectors. These come from a companion of type furl, encoded by the first
  product after the values have changed. Everything else is inherited.
*/
#include <furl/register.h>
#include "matfurl.h"

static PetscErrorCode ComposeMethods(Mat A, PetscBool compose);
static PetscErrorCode MatConvertToAij_AijFurl(Mat A, MatType type, MatReuse reuse, Mat *B);
static PetscErrorCode MatConvertFromAny_AijFurl(Mat A, MatType type, MatReuse reuse, Mat *B);

/* What the companion holds the values of: the states of the matrix and of its two parts, which programs may change behind its back */
typedef struct {
  PetscObjectId    id[3];
  PetscObjectState state[3];
} Moment;

typedef struct {
  struct _MatOps    base;      /* AIJ's operations */
  Mat               companion; /* furl; NULL until the first product */
  Moment            encoded;   /* what the companion holds */
  MatFurlValuesType values;
  MatFurlReadType   read;
} AijFurl;

static PetscErrorCode IsParallel(Mat A, PetscBool *parallel)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectBaseTypeCompare((PetscObject)A, MATMPIAIJ, parallel));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GetMoment(Mat A, Moment *now)
{
  Mat       part[3] = {A, NULL, NULL};
  PetscBool parallel;

  PetscFunctionBegin;
  *now = (Moment){{0}, {0}};
  PetscCall(IsParallel(A, &parallel));
  if (parallel) PetscCall(MatMPIAIJGetSeqAIJ(A, &part[1], &part[2], NULL));
  for (int k = 0; k < 3; k++) {
    if (!part[k]) continue;
    PetscCall(PetscObjectGetId((PetscObject)part[k], &now->id[k]));
    PetscCall(PetscObjectStateGet((PetscObject)part[k], &now->state[k]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscBool AreSame(const Moment *a, const Moment *b)
{
  PetscBool same = PETSC_TRUE;

  for (int k = 0; k < 3; k++) same = (PetscBool)(same && a->id[k] == b->id[k] && a->state[k] == b->state[k]);
  return same;
}

static PetscErrorCode CreateCompanion(Mat A, AijFurl *a)
{
  const char *prefix;

  PetscFunctionBegin;
  PetscCall(MatCreate(PetscObjectComm((PetscObject)A), &a->companion));
  PetscCall(MatSetSizes(a->companion, A->rmap->n, A->cmap->n, A->rmap->N, A->cmap->N));
  PetscCall(MatSetBlockSizesFromMats(a->companion, A, A));
  PetscCall(MatSetType(a->companion, MATFURL));
  PetscCall(PetscLayoutSetUp(a->companion->rmap));
  PetscCall(PetscLayoutSetUp(a->companion->cmap));
  PetscCall(MatGetOptionsPrefix(A, &prefix));
  PetscCall(MatSetOptionsPrefix(a->companion, prefix));
  PetscCall(MatFurlSetValuesType(a->companion, a->values));
  PetscCall(MatFurlSetReadType(a->companion, a->read));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The companion with the present values. Collective where they have changed, which all processes are to see */
static PetscErrorCode GetCompanion(Mat A, Mat *companion)
{
  AijFurl *const a = A->spptr;
  Moment         now;

  PetscFunctionBegin;
  PetscCheck(a, PetscObjectComm((PetscObject)A), PETSC_ERR_PLIB, "A matrix of type aijfurl has lost what makes it one");
  PetscCall(GetMoment(A, &now));
  if (!a->companion || !AreSame(&now, &a->encoded)) {
    PetscCall(PetscInfo(A, "Encoding the values for products\n"));
    if (!a->companion) PetscCall(CreateCompanion(A, a));
    a->encoded = (Moment){{0}, {0}}; /* an error must not leave what was encoded before as what is there now */
    PetscCall(MatConvertFrom_Furl(A, MATFURL, MAT_REUSE_MATRIX, &a->companion));
    a->encoded = now;
  }
  *companion = a->companion;
  PetscFunctionReturn(PETSC_SUCCESS);
}

#define BY_COMPANION(Operation, field, parameters, arguments) \
  static PetscErrorCode Operation##_AijFurl parameters        \
  {                                                           \
    Mat F;                                                    \
                                                              \
    PetscFunctionBegin;                                       \
    PetscCall(GetCompanion(A, &F));                           \
    PetscCall((*F->ops->field)arguments);                     \
    PetscFunctionReturn(PETSC_SUCCESS);                       \
  }

BY_COMPANION(MatMult, mult, (Mat A, Vec x, Vec y), (F, x, y))
BY_COMPANION(MatMultAdd, multadd, (Mat A, Vec x, Vec z, Vec y), (F, x, z, y))
BY_COMPANION(MatMultTranspose, multtranspose, (Mat A, Vec x, Vec y), (F, x, y))
BY_COMPANION(MatMultTransposeAdd, multtransposeadd, (Mat A, Vec x, Vec z, Vec y), (F, x, z, y))

/* AIJ's own functions are found by its type name: products with MAIJ, dense matrices and the like */
static PetscErrorCode RenameFactors(const Mat factor[3], const char *own[3], PetscBool back)
{
  PetscFunctionBegin;
  for (int k = 0; k < 3; k++) {
    PetscBool parallel;

    if (!own[k]) continue;
    PetscCall(IsParallel(factor[k], &parallel));
    PetscCall(PetscObjectChangeTypeName((PetscObject)factor[k], back ? own[k] : parallel ? MATMPIAIJ : MATSEQAIJ));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NameOf(Mat A, const char **own)
{
  const char *const names[] = {MATSEQAIJFURL, MATMPIAIJFURL};
  PetscBool         same;

  PetscFunctionBegin;
  *own = NULL;
  for (int k = 0; A && k < 2; k++) {
    PetscCall(PetscObjectTypeCompare((PetscObject)A, names[k], &same));
    if (same) *own = names[k];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatProductSetFromOptions_AijFurl(Mat C)
{
  const Mat   factor[3] = {C->product->A, C->product->B, C->product->C};
  const char *own[3];
  PetscBool   any = PETSC_FALSE;

  PetscFunctionBegin;
  for (int k = 0; k < 3; k++) {
    PetscCall(NameOf(factor[k], &own[k]));
    for (int l = 0; l < k; l++)
      if (factor[l] == factor[k]) own[k] = NULL; /* once is enough */
    any = (PetscBool)(any || own[k]);
  }
  if (!any) PetscFunctionReturn(PETSC_SUCCESS); /* the call from below */
  PetscCall(RenameFactors(factor, own, PETSC_FALSE));
  PetscCall(MatProductSetFromOptions(C));
  PetscCall(RenameFactors(factor, own, PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* To a type that is neither AIJ nor has a conversion of its own: AIJ has them */
static PetscErrorCode MatConvert_AijFurl(Mat A, MatType type, MatReuse reuse, Mat *B)
{
  Mat aij = A;

  PetscFunctionBegin;
  PetscCall(MatConvertToAij_AijFurl(A, MATAIJ, reuse == MAT_INPLACE_MATRIX ? reuse : MAT_INITIAL_MATRIX, &aij));
  if (reuse == MAT_REUSE_MATRIX) {
    PetscCall(MatConvert(aij, type, MAT_REUSE_MATRIX, B));
    PetscCall(MatDestroy(&aij));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(MatConvert(aij, type, MAT_INPLACE_MATRIX, &aij));
  *B = aij;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatDuplicate_AijFurl(Mat A, MatDuplicateOption option, Mat *B)
{
  const AijFurl *const a = A->spptr;
  const char          *own;

  PetscFunctionBegin;
  PetscCall((*a->base.duplicate)(A, option, B));
  PetscCall(NameOf(*B, &own));
  if (own) {
    PetscCall(MatFurlSetValuesType(*B, a->values));
    PetscCall(MatFurlSetReadType(*B, a->read));
  } else { /* under AIJ's name, as above: the functions were copied, what they need was not */
    PetscCall(ComposeMethods(*B, PETSC_FALSE));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatView_AijFurl(Mat A, PetscViewer viewer)
{
  const AijFurl *const a = A->spptr;
  PetscViewerFormat    format;
  PetscBool            ascii;

  PetscFunctionBegin;
  PetscCall((*a->base.view)(A, viewer));
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  PetscCall(PetscViewerGetFormat(viewer, &format));
  if (!ascii || (format != PETSC_VIEWER_ASCII_INFO && format != PETSC_VIEWER_ASCII_INFO_DETAIL)) PetscFunctionReturn(PETSC_SUCCESS);
  if (!a->companion || !a->companion->assembled) {
    PetscCall(PetscViewerASCIIPrintf(viewer, "compressed form for products: not yet made\n"));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscViewerASCIIPrintf(viewer, "compressed form for products, beside AIJ:\n"));
  PetscCall(PetscViewerASCIIPushTab(viewer));
  PetscCall((*a->companion->ops->view)(a->companion, viewer));
  PetscCall(PetscViewerASCIIPopTab(viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatFurlSetValuesType_AijFurl(Mat A, MatFurlValuesType type)
{
  AijFurl *const a = A->spptr;

  PetscFunctionBegin;
  a->values = type;
  if (a->companion) PetscCall(MatFurlSetValuesType(a->companion, type));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatFurlGetValuesType_AijFurl(Mat A, MatFurlValuesType *type)
{
  PetscFunctionBegin;
  *type = ((AijFurl *)A->spptr)->values;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The products are another matrix's then: solvers are told by the state */
static PetscErrorCode MatFurlSetReadType_AijFurl(Mat A, MatFurlReadType type)
{
  AijFurl *const a = A->spptr;

  PetscFunctionBegin;
  if (a->read != type) PetscCall(PetscObjectStateIncrease((PetscObject)A));
  a->read = type;
  if (a->companion) PetscCall(MatFurlSetReadType(a->companion, type));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatFurlGetReadType_AijFurl(Mat A, MatFurlReadType *type)
{
  PetscFunctionBegin;
  *type = ((AijFurl *)A->spptr)->read;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TakeOptions(Mat A, FurlOptionItems PetscOptionsObject)
{
  const AijFurl *const a      = A->spptr;
  MatFurlValuesType    values = a->values;
  MatFurlReadType      read   = a->read;

  PetscFunctionBegin;
  PetscCall(FurlAskOptions(PetscOptionsObject, &values, &read));
  PetscCall(MatFurlSetValuesType(A, values));
  PetscCall(MatFurlSetReadType(A, read));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatSetFromOptions_AijFurl(Mat A, FurlOptionItems PetscOptionsObject)
{
  const AijFurl *const a = A->spptr;

  PetscFunctionBegin;
  if (a->base.setfromoptions) PetscCall((*a->base.setfromoptions)(A, PetscOptionsObject));
  PetscCall(TakeOptions(A, PetscOptionsObject));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadOptions(Mat A)
{
  PetscFunctionBegin;
  PetscObjectOptionsBegin((PetscObject)A);
  PetscCall(TakeOptions(A, PetscOptionsObject));
  PetscOptionsEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The functions that others find by name; NULL takes them back */
static PetscErrorCode ComposeMethods(Mat A, PetscBool compose)
{
  const PetscObject object = (PetscObject)A;

  PetscFunctionBegin;
#define COMPOSE(name, function) PetscCall(PetscObjectComposeFunction(object, name "_C", compose ? function : NULL))
  COMPOSE("MatFurlSetValuesType", MatFurlSetValuesType_AijFurl);
  COMPOSE("MatFurlGetValuesType", MatFurlGetValuesType_AijFurl);
  COMPOSE("MatFurlSetReadType", MatFurlSetReadType_AijFurl);
  COMPOSE("MatFurlGetReadType", MatFurlGetReadType_AijFurl);
  COMPOSE("MatProductSetFromOptions_anytype", MatProductSetFromOptions_AijFurl);
  COMPOSE("MatConvert_seqaij_aijfurl", FurlAijConvert);
  COMPOSE("MatConvert_seqaij_seqaijfurl", FurlAijConvert);
  COMPOSE("MatConvert_mpiaij_aijfurl", FurlAijConvert);
  COMPOSE("MatConvert_mpiaij_mpiaijfurl", FurlAijConvert);
  COMPOSE("MatConvert_seqaijfurl_seqaij", MatConvertToAij_AijFurl);
  COMPOSE("MatConvert_mpiaijfurl_mpiaij", MatConvertToAij_AijFurl);
#undef COMPOSE
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Gives back what AijFurl holds; the matrix is left with AIJ's own operations */
static PetscErrorCode Remove(Mat A)
{
  AijFurl *a = A->spptr;

  PetscFunctionBegin;
  A->spptr = NULL;
  PetscCall(ComposeMethods(A, PETSC_FALSE));
  PetscCall(MatDestroy(&a->companion));
  A->ops->mult             = a->base.mult;
  A->ops->multadd          = a->base.multadd;
  A->ops->multtranspose    = a->base.multtranspose;
  A->ops->multtransposeadd = a->base.multtransposeadd;
  A->ops->duplicate        = a->base.duplicate;
  A->ops->view             = a->base.view;
  A->ops->setfromoptions   = a->base.setfromoptions;
  A->ops->convert          = a->base.convert;
  A->ops->convertfrom      = a->base.convertfrom;
  A->ops->destroy          = a->base.destroy;
  PetscCall(PetscFree(a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatDestroy_AijFurl(Mat A)
{
  PetscFunctionBegin;
  PetscCall(Remove(A));
  PetscCall((*A->ops->destroy)(A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Makes a matrix of type seqaij or mpiaij one of aijfurl, assembled or not; with -mat_seqaij_type it may be one already */
static PetscErrorCode Install(Mat A)
{
  AijFurl    *a;
  const char *own;
  PetscBool   parallel;

  PetscFunctionBegin;
  PetscCall(NameOf(A, &own));
  if (own) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(IsParallel(A, &parallel));
  PetscCall(PetscNew(&a));
  a->base                  = A->ops[0];
  a->read                  = MAT_FURL_READ_ALL;
  A->spptr                 = a;
  A->ops->mult             = MatMult_AijFurl;
  A->ops->multadd          = MatMultAdd_AijFurl;
  A->ops->multtranspose    = MatMultTranspose_AijFurl;
  A->ops->multtransposeadd = MatMultTransposeAdd_AijFurl;
  A->ops->duplicate        = MatDuplicate_AijFurl;
  A->ops->view             = MatView_AijFurl;
  A->ops->setfromoptions   = MatSetFromOptions_AijFurl;
  A->ops->convert          = MatConvert_AijFurl;
  A->ops->destroy          = MatDestroy_AijFurl;
  PetscCall(ComposeMethods(A, PETSC_TRUE));
  PetscCall(PetscObjectChangeTypeName((PetscObject)A, parallel ? MATMPIAIJFURL : MATSEQAIJFURL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From seqaij or mpiaij */
PetscErrorCode FurlAijConvert(Mat A, MatType type, MatReuse reuse, Mat *B)
{
  const char *prefix;

  PetscFunctionBegin;
  if (reuse == MAT_REUSE_MATRIX) {
    PetscCall(MatCopy(A, *B, SAME_NONZERO_PATTERN));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (reuse == MAT_INITIAL_MATRIX) {
    PetscCall(MatDuplicate(A, MAT_COPY_VALUES, B));
    PetscCall(MatGetOptionsPrefix(A, &prefix));
    PetscCall(MatSetOptionsPrefix(*B, prefix));
  }
  PetscCall(Install(*B));
  PetscCall(ReadOptions(*B));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatConvertToAij_AijFurl(Mat A, MatType type, MatReuse reuse, Mat *B)
{
  PetscBool parallel;

  PetscFunctionBegin;
  if (reuse == MAT_REUSE_MATRIX) {
    PetscCall(MatCopy(A, *B, SAME_NONZERO_PATTERN));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (reuse == MAT_INITIAL_MATRIX) PetscCall(MatDuplicate(A, MAT_COPY_VALUES, B));
  PetscCall(IsParallel(*B, &parallel));
  PetscCall(Remove(*B));
  PetscCall(PetscObjectChangeTypeName((PetscObject)*B, parallel ? MATMPIAIJ : MATSEQAIJ));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From any type that becomes AIJ. Only for matrices made by this type's name: with -mat_seqaij_type that of AIJ makes them too */
static PetscErrorCode MatConvertFromAny_AijFurl(Mat A, MatType type, MatReuse reuse, Mat *B)
{
  Mat aij = reuse == MAT_INITIAL_MATRIX ? NULL : *B;

  PetscFunctionBegin;
  PetscCall(MatConvert(A, MATAIJ, reuse, &aij));
  if (reuse != MAT_REUSE_MATRIX) PetscCall(FurlAijConvert(aij, type, MAT_INPLACE_MATRIX, &aij));
  *B = aij;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
   MATAIJFURL - "aijfurl", a matrix that is `MATAIJ` in all respects and multiplies vectors by a compressed copy of itself

   Options Database Keys:
+  -mat_type aijfurl                - the type, from a call of `MatSetFromOptions()`; for matrices of a `DM` -dm_mat_type aijfurl
.  -mat_furl_values <raw,planes>    - how the copy stores values that do not repeat, see `MatFurlSetValuesType()`
-  -mat_furl_read <head,second,all> - how much of each value products read, see `MatFurlSetReadType()`

   Level: beginner

   Notes:
   For programs that insist on AIJ: `MatSeqAIJGetArray()`, factorizations, products of matrices and all else are AIJ's. The copy comes on
   top of AIJ's memory; `MATFURL` has it alone. It is encoded by the first `MatMult()`, `MatMultAdd()` or transposed product after the
   values have changed. Changes made by `MatMPIAIJGetSeqAIJ()` to one part of a parallel matrix must be made on all processes, and end with
   `MatSeqAIJRestoreArray()`.

   The type is `MATSEQAIJFURL` on one process and `MATMPIAIJFURL` on many.

.seealso: `MATFURL`, `MATAIJ`, `MatFurlSetValuesType()`, `MatFurlSetReadType()`
M*/

/*MC
   MATSEQAIJFURL - "seqaijfurl", `MATAIJFURL` on one process; also serves as the type of the parts of `MATMPIAIJ` by -mat_seqaij_type

   Level: beginner

.seealso: `MATAIJFURL`, `MATMPIAIJFURL`
M*/
PetscErrorCode MatCreate_SeqAijFurl(Mat A)
{
  PetscFunctionBegin;
  PetscCall(MatSetType(A, MATSEQAIJ));
  PetscCall(Install(A));
  A->ops->convertfrom = MatConvertFromAny_AijFurl;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
   MATMPIAIJFURL - "mpiaijfurl", `MATAIJFURL` on many processes

   Level: beginner

.seealso: `MATAIJFURL`, `MATSEQAIJFURL`
M*/
PetscErrorCode MatCreate_MpiAijFurl(Mat A)
{
  PetscFunctionBegin;
  PetscCall(MatSetType(A, MATMPIAIJ));
  PetscCall(Install(A));
  A->ops->convertfrom = MatConvertFromAny_AijFurl;
  PetscFunctionReturn(PETSC_SUCCESS);
}
