/* What the files of Mat type furl share */
#pragma once

#include <petsc/private/matimpl.h>
#include <petscfurl.h>
#include <furl/compat.h>
#include <furl/compose.h>
#include <furl/matrix.h>
#include "stash.h"
#include "stream.h"

/* One state of the values: duplicates share it, a change of values makes another unless nobody shares it */
typedef struct {
  int        references;
  FurlMatrix matrix;
  PetscInt   longest_row;            /* an upper bound of the entries of a local row, both parts */
  PetscBool  has_transposed;         /* the two below are made by the first transposed product */
  FurlSlices diagonal_transposed;    /* [local columns] x [local rows] */
  FurlSlices offdiagonal_transposed; /* [nghost] x [local rows] */
} FurlEncoded;

typedef struct {
  FurlEncoded      *encoded; /* NULL until the first assembly */
  MatFurlValuesType values;  /* for the next encoding */
  MatFurlReadType   read;
  double           *ghost;   /* [nghost] of the vector at hand */
  double           *partial; /* [nslices] of a product with x'y */
  PetscBool         row_active;
  PetscInt         *row_column; /* [longest_row] what MatGetRow() returned */
  PetscScalar      *row_value;  /* [longest_row] */

  FurlStream *stream;                                        /* takes values until the final assembly; NULL else */
  FurlStash   stash;                                         /* values for rows of others */
  PetscReal   window;                                        /* MiB that the stream may hold uncompressed */
  PetscBool   ignore_new, new_is_error;                      /* new places, by MatSetOption() */
  PetscBool   option_given[MAT_OPTION_MAX - MAT_OPTION_MIN]; /* by MatSetOption() */
  PetscBool   option[MAT_OPTION_MAX - MAT_OPTION_MIN];

  Mat       decoded; /* aij of the present values; NULL when nobody needs it */
  int       decoded_users;
  PetscBool decoded_kept; /* until the values change: an operation of every iteration needs it */
  Mat       block;        /* seqaij: the diagonal block, lent by MatGetDiagonalBlock() until the values change */

  PetscObjectId    source; /* what it was converted from, to know whether the pattern is the same the next time */
  PetscObjectState source_pattern;
  PetscObjectState own_pattern; /* its own nonzero state then */
} Mat_Furl;

/* life: matfurl.c */
PETSC_INTERN PetscErrorCode FurlEncodedCreate(Mat aij, MatFurlValuesType values, FurlEncoded **encoded);
PETSC_INTERN PetscErrorCode FurlEncodedFromMatrix(FurlMatrix *matrix, FurlEncoded **encoded); /* takes what the matrix has */
PETSC_INTERN PetscErrorCode FurlEncodedUpdate(Mat aij, MatFurlValuesType values, FurlEncoded *encoded);
PETSC_INTERN PetscErrorCode FurlEncodedFromStream(Mat A, FurlStream *stream, FurlEncoded **encoded);
PETSC_INTERN PetscErrorCode FurlGetEncoding(Mat A, MatFurlValuesType values, FurlEncoding *encoding);
PETSC_INTERN PetscErrorCode FurlForgetValues(Mat A);
PETSC_INTERN PetscErrorCode FurlEncodedDestroy(FurlEncoded **encoded);
PETSC_INTERN PetscErrorCode FurlSetEncoded(Mat A, FurlEncoded *encoded); /* takes over the reference; all that depends on values goes */
PETSC_INTERN PetscErrorCode FurlReadOptions(Mat A);
PETSC_INTERN PetscErrorCode FurlAskOptions(FurlOptionItems PetscOptionsObject, MatFurlValuesType *values, MatFurlReadType *read);

PETSC_INTERN PetscErrorCode FurlComposeCopy(PetscObject object, const char *name, const void *data, size_t bytes);

/* conversion.c */
PETSC_INTERN PetscErrorCode MatConvertFrom_Furl(Mat A, MatType type, MatReuse reuse, Mat *F);
PETSC_INTERN PetscErrorCode MatConvert_Furl(Mat F, MatType type, MatReuse reuse, Mat *A);
PETSC_INTERN PetscErrorCode FurlKeepName(Mat A, Mat F);
PETSC_INTERN PetscErrorCode FurlDecode(Mat F, MatType type, Mat *aij);
PETSC_INTERN PetscErrorCode FurlDecodeBlock(Mat F, Mat *block); /* columns of this process only */
/* Row i of this process, global columns in ascending order; returns their number, which is all it does with NULL */
PETSC_INTERN PetscInt FurlMatrixDecodeRow(const FurlMatrix *m, PetscInt first_column, PetscInt i, PetscInt *column, PetscScalar *value);
PETSC_INTERN PetscErrorCode FurlDecodeRow(Mat F, PetscInt i, PetscInt *n, PetscInt *column, PetscScalar *value);
PETSC_INTERN PetscErrorCode MatGetRow_Furl(Mat A, PetscInt row, PetscInt *n, PetscInt **column, PetscScalar **value);
PETSC_INTERN PetscErrorCode MatRestoreRow_Furl(Mat A, PetscInt row, PetscInt *n, PetscInt **column, PetscScalar **value);
PETSC_INTERN PetscErrorCode MatDuplicate_Furl(Mat A, MatDuplicateOption option, Mat *B);

/* mult.c */
PETSC_INTERN PetscErrorCode MatMult_Furl(Mat A, Vec x, Vec y);
PETSC_INTERN PetscErrorCode MatMultAdd_Furl(Mat A, Vec x, Vec z, Vec y);
PETSC_INTERN PetscErrorCode MatGetDiagonal_Furl(Mat A, Vec diagonal);
PETSC_INTERN PetscErrorCode MatFurlMultDot_Furl(Mat A, Vec x, Vec y, PetscScalar *dot);
PETSC_INTERN PetscErrorCode MatFurlEnqueueMult_Furl(Mat A, FurlQueue *queue, const FurlSlices *there, const double *x, double *y,
                                                    double *partial);

/* traits.c */
PETSC_INTERN PetscErrorCode FurlCheckSquare(Mat A, const char *what);
PETSC_INTERN PetscErrorCode MatFurlGetIsolatedRows_Furl(Mat A, IS *rows);
PETSC_INTERN PetscErrorCode MatFurlGetTraits_Furl(Mat A, FurlMatTraits *traits);

/* transpose.c */
PETSC_INTERN PetscErrorCode MatMultTranspose_Furl(Mat A, Vec x, Vec y);
PETSC_INTERN PetscErrorCode MatMultTransposeAdd_Furl(Mat A, Vec x, Vec z, Vec y);

/* decoded.c */
typedef struct {
  Mat              aij;
  PetscObjectState pattern; /* its nonzero state before the change */
} FurlChange;

PETSC_INTERN PetscErrorCode FurlDecodedGet(Mat A, const char *what, Mat *aij);
PETSC_INTERN PetscErrorCode FurlDecodedKeep(Mat A, const char *what, Mat *aij);
PETSC_INTERN PetscErrorCode FurlDecodedRestore(Mat A, Mat *aij);
PETSC_INTERN PetscErrorCode FurlChangeBegin(Mat A, const char *what, FurlChange *change);
PETSC_INTERN PetscErrorCode FurlChangeEnd(Mat A, FurlChange *change);

/* assembly.c */
PETSC_INTERN PetscErrorCode FurlApplyOptions(Mat A, Mat aij);
PETSC_INTERN PetscBool      FurlOption(const Mat_Furl *f, MatOption option, PetscBool by_default);
PETSC_INTERN PetscErrorCode FurlComposePreallocation(Mat A, PetscBool compose);

/* matproduct.c */
PETSC_INTERN PetscErrorCode MatProductSetFromOptions_Furl(Mat C);

/* mathdf5.c: *done is false where the viewer or the file is of another kind, and nothing has happened */
PETSC_INTERN PetscErrorCode FurlViewDraw(Mat A, PetscViewer viewer);
PETSC_INTERN PetscErrorCode FurlViewHdf5(Mat A, PetscViewer viewer, PetscBool *done);
PETSC_INTERN PetscErrorCode FurlLoadHdf5(Mat A, PetscViewer viewer, PetscBool *done);

/* multmany.c: A B with a furl A and a dense B of the host */
PETSC_INTERN PetscErrorCode FurlProductWithDense(Mat C);

/* matnorm.c, matscale.c; *done is false, and nothing changed, where values are shared or not doubles as they are */
PETSC_INTERN PetscErrorCode MatNorm_Furl(Mat A, NormType type, PetscReal *norm);
PETSC_INTERN PetscErrorCode FurlScaleInPlace(Mat A, PetscScalar factor, PetscBool *done);

/* Each file sets the operations it has */
PETSC_INTERN PetscErrorCode FurlInstallDecoding(Mat A);
PETSC_INTERN PetscErrorCode FurlInstallChanges(Mat A);
PETSC_INTERN PetscErrorCode FurlInstallAssembly(Mat A);
PETSC_INTERN PetscErrorCode FurlInstallView(Mat A);
PETSC_INTERN PetscErrorCode FurlInstallColoring(Mat A);
