/* Mat type furl: its life, its options, what its values rest on */
#include <furl/events.h>
#include <furl/register.h>
#include "matfurl.h"

#define FURL_WINDOW 64 /* MiB: a few planes of a cube of 120 million cells */

const char *const MatFurlValuesTypes[] = {"raw", "planes", "MatFurlValuesType", "MAT_FURL_VALUES_", NULL};
const char *const MatFurlReadTypes[]   = {"head", "second", "all", "MatFurlReadType", "MAT_FURL_READ_", NULL};

static PetscInt LongestRow(const FurlSlices *slices)
{
  const FurlSlicesView view    = FurlSlicesGetView(slices);
  PetscInt             longest = 0;

  for (int64_t s = 0; s < view.nslices; s++) {
    const FurlProgram *const p = view.program + view.header[s].program;

    longest = PetscMax(longest, (PetscInt)p->width * p->nslots);
  }
  for (size_t k = 0; k < slices->row.used; k++) longest = PetscMax(longest, (PetscInt)view.row[k].n);
  return longest;
}

/* How a matrix of type furl is encoded; what solvers ask is meant for square ones */
PetscErrorCode FurlGetEncoding(Mat aij, MatFurlValuesType values, FurlEncoding *encoding)
{
  PetscBool square;

  PetscFunctionBegin;
  PetscCall(MatHasCongruentLayouts(aij, &square));
  *encoding = (FurlEncoding){.store = values == MAT_FURL_VALUES_PLANES ? FURL_STORE_PLANES : FURL_STORE_RAW, .describe = square};
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlEncodedCreate(Mat aij, MatFurlValuesType values, FurlEncoded **encoded)
{
  FurlEncoding encoding;
  FurlEncoded *e;

  PetscFunctionBegin;
  PetscCall(FurlGetEncoding(aij, values, &encoding));
  PetscCall(PetscNew(&e));
  PetscCall(FurlMatrixEncode(aij, &encoding, &e->matrix));
  e->references  = 1;
  e->longest_row = LongestRow(&e->matrix.diagonal) + LongestRow(&e->matrix.offdiagonal);
  *encoded       = e;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlEncodedFromMatrix(FurlMatrix *matrix, FurlEncoded **encoded)
{
  FurlEncoded *e;

  PetscFunctionBegin;
  PetscCall(PetscNew(&e));
  e->references  = 1;
  e->matrix      = *matrix;
  e->longest_row = LongestRow(&matrix->diagonal) + LongestRow(&matrix->offdiagonal);
  *encoded       = e;
  PetscCall(PetscMemzero(matrix, sizeof(*matrix)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlEncodedFromStream(Mat A, FurlStream *stream, FurlEncoded **encoded)
{
  PetscLogEvent event;
  FurlEncoded  *e;

  PetscFunctionBegin;
  PetscCall(FurlEventRegister("MatFurlEncode", MAT_CLASSID, &event));
  PetscCall(PetscLogEventBegin(event, A, NULL, NULL, NULL));
  PetscCall(PetscNew(&e));
  PetscCall(FurlStreamFinish(A, stream, &e->matrix));
  e->references  = 1;
  e->longest_row = LongestRow(&e->matrix.diagonal) + LongestRow(&e->matrix.offdiagonal);
  *encoded       = e;
  PetscCall(PetscLogEventEnd(event, A, NULL, NULL, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Other values, in the memory of those that nobody else uses */
PetscErrorCode FurlEncodedUpdate(Mat aij, MatFurlValuesType values, FurlEncoded *e)
{
  FurlEncoding encoding;

  PetscFunctionBegin;
  PetscCall(FurlGetEncoding(aij, values, &encoding));
  FurlSlicesFree(&e->offdiagonal_transposed);
  FurlSlicesFree(&e->diagonal_transposed);
  e->has_transposed = PETSC_FALSE;
  PetscCall(FurlMatrixReencode(aij, &encoding, &e->matrix));
  e->longest_row = LongestRow(&e->matrix.diagonal) + LongestRow(&e->matrix.offdiagonal);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlEncodedDestroy(FurlEncoded **encoded)
{
  FurlEncoded *e = *encoded;

  PetscFunctionBegin;
  *encoded = NULL;
  if (!e || --e->references) PetscFunctionReturn(PETSC_SUCCESS);
  FurlSlicesFree(&e->offdiagonal_transposed);
  FurlSlicesFree(&e->diagonal_transposed);
  PetscCall(FurlMatrixDestroy(&e->matrix));
  PetscCall(PetscFree(e));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All that depends on the values */
PetscErrorCode FurlForgetValues(Mat A)
{
  Mat_Furl *const f = A->data;

  PetscFunctionBegin;
  PetscCall(MatDestroy(&f->block));
  PetscCall(MatDestroy(&f->decoded));
  f->decoded_users = 0;
  f->decoded_kept  = PETSC_FALSE;
  PetscCall(PetscFree2(f->ghost, f->partial));
  PetscCall(PetscFree2(f->row_column, f->row_value));
  PetscCall(FurlEncodedDestroy(&f->encoded));
  PetscCall(FurlStreamDestroy(&f->stream));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A copy of the bytes that goes when the object goes */
PetscErrorCode FurlComposeCopy(PetscObject object, const char *name, const void *data, size_t bytes)
{
  PetscContainer container;
  void          *copy;

  PetscFunctionBegin;
  PetscCall(PetscMalloc(bytes, &copy));
  PetscCall(PetscMemcpy(copy, data, bytes));
  PetscCall(PetscContainerCreate(PetscObjectComm(object), &container));
  PetscCall(PetscContainerSetPointer(container, copy));
  PetscCall(FurlContainerSetFree(container));
  PetscCall(PetscObjectCompose(object, name, (PetscObject)container));
  PetscCall(PetscContainerDestroy(&container));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlSetEncoded(Mat A, FurlEncoded *encoded)
{
  Mat_Furl *const f = A->data;

  PetscFunctionBegin;
  PetscCall(FurlForgetValues(A));
  PetscCall(PetscMalloc2(encoded->matrix.nghost, &f->ghost, encoded->matrix.diagonal.nslices, &f->partial));
  f->encoded      = encoded;
  A->preallocated = PETSC_TRUE;
  A->assembled    = PETSC_TRUE;
  PetscCall(PetscObjectStateIncrease((PetscObject)A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatFurlGetMatrix_Furl(Mat A, const FurlMatrix **matrix)
{
  Mat_Furl *const f = A->data;

  PetscFunctionBegin;
  PetscCheck(f->encoded, PetscObjectComm((PetscObject)A), PETSC_ERR_ARG_WRONGSTATE, "The matrix holds no values; assemble it first");
  *matrix = &f->encoded->matrix;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatFurlSetValuesType_Furl(Mat A, MatFurlValuesType type)
{
  Mat_Furl *const f       = A->data;
  const PetscBool change  = (PetscBool)(f->values != type);
  PetscMPIInt     waiting = f->stream || f->stash.used; /* values that are set and not assembled */
  Mat             aij;
  FurlEncoded    *encoded;

  PetscFunctionBegin;
  if (!change) PetscFunctionReturn(PETSC_SUCCESS);
  if (f->encoded) PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &waiting, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)A)));
  PetscCheck(!f->encoded || !waiting, PetscObjectComm((PetscObject)A), PETSC_ERR_ARG_WRONGSTATE,
             "Values have been set: assemble the matrix before another form of values is chosen for it (-mat_furl_values)");
  f->values = type;
  if (!f->encoded) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlDecode(A, MATAIJ, &aij));
  PetscCall(FurlEncodedCreate(aij, type, &encoded));
  PetscCall(MatDestroy(&aij));
  PetscCall(FurlSetEncoded(A, encoded));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatFurlGetValuesType_Furl(Mat A, MatFurlValuesType *type)
{
  PetscFunctionBegin;
  *type = ((Mat_Furl *)A->data)->values;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatFurlSetReadType_Furl(Mat A, MatFurlReadType type)
{
  Mat_Furl *const f = A->data;

  PetscFunctionBegin;
  if (f->read != type) PetscCall(PetscObjectStateIncrease((PetscObject)A));
  f->read = type;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatFurlSetWindow_Furl(Mat A, PetscReal mebibytes)
{
  PetscFunctionBegin;
  ((Mat_Furl *)A->data)->window = mebibytes;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatFurlGetWindow_Furl(Mat A, PetscReal *mebibytes)
{
  PetscFunctionBegin;
  *mebibytes = ((Mat_Furl *)A->data)->window;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatFurlGetReadType_Furl(Mat A, MatFurlReadType *type)
{
  PetscFunctionBegin;
  *type = ((Mat_Furl *)A->data)->read;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   MatFurlSetValuesType - Sets how a `MATFURL` stores its values

   Logically Collective

   Input Parameters:
+  A    - the matrix; other types ignore the call
-  type - `MAT_FURL_VALUES_RAW` or `MAT_FURL_VALUES_PLANES`

   Options Database Key:
.  -mat_furl_values <raw,planes> - how values are stored

   Level: intermediate

   Note:
   Both are lossless. A matrix that holds values is encoded again.

.seealso: `MATFURL`, `MatFurlGetValuesType()`, `MatFurlSetReadType()`, `MatFurlValuesType`
@*/
PetscErrorCode MatFurlSetValuesType(Mat A, MatFurlValuesType type)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(A, MAT_CLASSID, 1);
  PetscValidLogicalCollectiveEnum(A, type, 2);
  PetscTryMethod(A, "MatFurlSetValuesType_C", (Mat, MatFurlValuesType), (A, type));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   MatFurlGetValuesType - Gets how a `MATFURL` stores its values

   Not Collective

   Input Parameter:
.  A - the matrix

   Output Parameter:
.  type - how values are stored

   Level: intermediate

.seealso: `MATFURL`, `MatFurlSetValuesType()`, `MatFurlValuesType`
@*/
PetscErrorCode MatFurlGetValuesType(Mat A, MatFurlValuesType *type)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(A, MAT_CLASSID, 1);
  PetscUseMethod(A, "MatFurlGetValuesType_C", (Mat, MatFurlValuesType *), (A, type));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   MatFurlSetReadType - Sets how much of each value the products of a `MATFURL` read

   Logically Collective

   Input Parameters:
+  A    - the matrix; other types ignore the call
-  type - `MAT_FURL_READ_HEAD`, `MAT_FURL_READ_SECOND` or `MAT_FURL_READ_ALL`

   Options Database Key:
.  -mat_furl_read <head,second,all> - how much of each value products read

   Level: intermediate

   Notes:
   Values that are not stored in planes (see `MatFurlSetValuesType()`), constants among them, are always read whole. With less than all, the
matrix of the products differs from the one that was given by up to 2^-11 or 2^-23 of each entry, relative to the larger of the entry and
   2^-30 of the largest entry stored with it.

   Only `MatMult()` and its relatives are concerned: `MatGetDiagonal()`, `MatGetRow()` and conversions give exact values.

.seealso: `MATFURL`, `MatFurlGetReadType()`, `MatFurlSetValuesType()`, `MatFurlReadType`
@*/
PetscErrorCode MatFurlSetReadType(Mat A, MatFurlReadType type)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(A, MAT_CLASSID, 1);
  PetscValidLogicalCollectiveEnum(A, type, 2);
  PetscTryMethod(A, "MatFurlSetReadType_C", (Mat, MatFurlReadType), (A, type));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   MatFurlGetReadType - Gets how much of each value the products of a `MATFURL` read

   Not Collective

   Input Parameter:
.  A - the matrix

   Output Parameter:
.  type - how much is read

   Level: intermediate

.seealso: `MATFURL`, `MatFurlSetReadType()`, `MatFurlReadType`
@*/
PetscErrorCode MatFurlGetReadType(Mat A, MatFurlReadType *type)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(A, MAT_CLASSID, 1);
  PetscUseMethod(A, "MatFurlGetReadType_C", (Mat, MatFurlReadType *), (A, type));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlAskOptions(FurlOptionItems PetscOptionsObject, MatFurlValuesType *values, MatFurlReadType *read)
{
  PetscFunctionBegin;
  PetscOptionsHeadBegin(PetscOptionsObject, "Furl compressed matrix options");
  PetscCall(PetscOptionsEnum("-mat_furl_values", "How values are stored", "MatFurlSetValuesType", MatFurlValuesTypes, (PetscEnum)*values,
                             (PetscEnum *)values, NULL));
  PetscCall(PetscOptionsEnum("-mat_furl_read", "How much of each value products read", "MatFurlSetReadType", MatFurlReadTypes,
                             (PetscEnum)*read, (PetscEnum *)read, NULL));
  PetscOptionsHeadEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   MatFurlSetWindow - Sets how much memory the rows of a `MATFURL` may take that are not compressed yet while values are set

   Logically Collective

   Input Parameters:
+  A         - the matrix; other types ignore the call
-  mebibytes - for each process, in units of 2^20 bytes

   Options Database Key:
.  -mat_furl_window <64> - the same

   Level: intermediate

   Notes:
   Rows are compressed, 32 at a time, when the rows that have got values fill the window, the first ones first. Values for a row that has
been compressed are taken as well; where that happens often, because the rows come in no order, the window grows.

   A window below one mebibyte is meant for tests. It counts from the next `MatSetValues()` after an assembly on.

.seealso: `MATFURL`, `MatFurlGetWindow()`, `MatSetValues()`
@*/
PetscErrorCode MatFurlSetWindow(Mat A, PetscReal mebibytes)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(A, MAT_CLASSID, 1);
  PetscValidLogicalCollectiveReal(A, mebibytes, 2);
  PetscCheck(mebibytes >= 0 && mebibytes < 1e9, PetscObjectComm((PetscObject)A), PETSC_ERR_ARG_OUTOFRANGE,
             "A window of %g MiB is not between 0 and 1e9; see -mat_furl_window", (double)mebibytes);
  PetscTryMethod(A, "MatFurlSetWindow_C", (Mat, PetscReal), (A, mebibytes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   MatFurlGetWindow - Gets how much memory the rows of a `MATFURL` may take that are not compressed yet while values are set

   Not Collective

   Input Parameter:
.  A - the matrix

   Output Parameter:
.  mebibytes - for each process, in units of 2^20 bytes

   Level: intermediate

.seealso: `MATFURL`, `MatFurlSetWindow()`
@*/
PetscErrorCode MatFurlGetWindow(Mat A, PetscReal *mebibytes)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(A, MAT_CLASSID, 1);
  PetscUseMethod(A, "MatFurlGetWindow_C", (Mat, PetscReal *), (A, mebibytes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatSetFromOptions_Furl(Mat A, FurlOptionItems PetscOptionsObject)
{
  Mat_Furl *const   f      = A->data;
  MatFurlValuesType values = f->values;
  MatFurlReadType   read   = f->read;
  PetscReal         window = f->window;

  PetscFunctionBegin;
  PetscCall(FurlAskOptions(PetscOptionsObject, &values, &read));
  PetscOptionsHeadBegin(PetscOptionsObject, "Furl matrix assembly options");
  PetscCall(PetscOptionsReal("-mat_furl_window", "MiB of rows that are not compressed yet while values are set", "MatFurlSetWindow", window,
                             &window, NULL));
  PetscOptionsHeadEnd();
  PetscCall(MatFurlSetValuesType(A, values));
  PetscCall(MatFurlSetReadType(A, read));
  PetscCall(MatFurlSetWindow(A, window));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlReadOptions(Mat A)
{
  PetscFunctionBegin;
  PetscObjectOptionsBegin((PetscObject)A);
  PetscCall(MatSetFromOptions_Furl(A, PetscOptionsObject));
  PetscOptionsEnd();
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The functions that others find by name; NULL takes them back */
static PetscErrorCode ComposeMethods(Mat A, PetscBool compose)
{
  const PetscObject object = (PetscObject)A;

  PetscFunctionBegin;
#define COMPOSE(name) PetscCall(PetscObjectComposeFunction(object, #name "_C", compose ? name##_Furl : NULL))
  COMPOSE(MatFurlSetValuesType);
  COMPOSE(MatFurlGetValuesType);
  COMPOSE(MatFurlSetReadType);
  COMPOSE(MatFurlGetReadType);
  COMPOSE(MatFurlSetWindow);
  COMPOSE(MatFurlGetWindow);
  COMPOSE(MatFurlGetMatrix);
  COMPOSE(MatFurlEnqueueMult);
  COMPOSE(MatFurlMultDot);
  COMPOSE(MatFurlGetIsolatedRows);
  COMPOSE(MatFurlGetTraits);
#undef COMPOSE
  PetscCall(PetscObjectComposeFunction(object, "MatProductSetFromOptions_anytype_C", compose ? MatProductSetFromOptions_Furl : NULL));
  PetscCall(FurlComposePreallocation(A, compose));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatDestroy_Furl(Mat A)
{
  PetscFunctionBegin;
  PetscCall(ComposeMethods(A, PETSC_FALSE));
  PetscCall(FurlForgetValues(A));
  PetscCall(FurlStashFree(&((Mat_Furl *)A->data)->stash));
  PetscCall(PetscFree(A->data));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const struct _MatOps operations = {
  .getrow                = MatGetRow_Furl,
  .restorerow            = MatRestoreRow_Furl,
  .multtranspose         = MatMultTranspose_Furl,
  .multtransposeadd      = MatMultTransposeAdd_Furl,
  .mult                  = MatMult_Furl,
  .multadd               = MatMultAdd_Furl,
  .getdiagonal           = MatGetDiagonal_Furl,
  .convertfrom           = MatConvertFrom_Furl,
  .convert               = MatConvert_Furl,
  .productsetfromoptions = MatProductSetFromOptions_Furl,
  .duplicate             = MatDuplicate_Furl,
  .setfromoptions        = MatSetFromOptions_Furl,
  .destroy               = MatDestroy_Furl,
};

/*MC
   MATFURL - "furl", a sparse matrix in compressed form: for each 32 rows the columns as a pattern or in 16 bits where that is possible,
   values that repeat stored once, all of it without loss

   Options Database Keys:
+  -mat_furl_values <raw,planes>    - how values that do not repeat are stored, see `MatFurlSetValuesType()`
.  -mat_furl_read <head,second,all> - how much of each value products read, see `MatFurlSetReadType()`
-  -mat_furl_window <64>            - MiB of rows that are not compressed yet while values are set, see `MatFurlSetWindow()`

   Level: beginner

   Notes:
   The type serves one process and many. It is made by `MatConvert()` from any type that converts to `MATAIJ`; `MatConvert()` to `MATAIJ`
   gives the arrays back bit for bit.

.seealso: `MatFurlSetValuesType()`, `MatFurlSetReadType()`, `KSPFURL`, `PCFURL`, `MatConvert()`
M*/
PetscErrorCode MatCreate_Furl(Mat A)
{
  Mat_Furl *f;

  PetscFunctionBegin;
  PetscCall(PetscNew(&f));
  f->read   = MAT_FURL_READ_ALL;
  f->window = FURL_WINDOW;
  A->data   = f;
  A->ops[0] = operations;
  PetscCall(FurlInstallDecoding(A));
  PetscCall(FurlInstallChanges(A));
  PetscCall(FurlInstallAssembly(A));
  PetscCall(FurlInstallView(A));
  PetscCall(FurlInstallColoring(A));
  PetscCall(ComposeMethods(A, PETSC_TRUE));
  PetscCall(PetscObjectChangeTypeName((PetscObject)A, MATFURL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
