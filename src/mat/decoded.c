/* The values as an AIJ matrix: lent for an operation that has no compressed form, or to be changed and encoded again */
#include "matfurl.h"

PetscErrorCode FurlDecodedGet(Mat A, const char *what, Mat *aij)
{
  Mat_Furl *const f = A->data;

  PetscFunctionBegin;
  if (!f->decoded) {
    PetscCall(PetscInfo(A, "%s by decoding %" PetscInt_FMT " rows to aij\n", what, A->rmap->n));
    PetscCall(FurlDecode(A, MATAIJ, &f->decoded));
    PetscCall(MatPropagateSymmetryOptions(A, f->decoded));
  }
  f->decoded_users++;
  *aij = f->decoded;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlDecodedRestore(Mat A, Mat *aij)
{
  Mat_Furl *const f = A->data;

  PetscFunctionBegin;
  if (f->decoded == *aij && --f->decoded_users == 0 && !f->decoded_kept) PetscCall(MatDestroy(&f->decoded));
  *aij = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* For what is called in every iteration: the decoded matrix stays until the values change */
PetscErrorCode FurlDecodedKeep(Mat A, const char *what, Mat *aij)
{
  PetscFunctionBegin;
  PetscCall(FurlDecodedGet(A, what, aij));
  ((Mat_Furl *)A->data)->decoded_kept = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlChangeBegin(Mat A, const char *what, FurlChange *change)
{
  PetscFunctionBegin;
  PetscCall(PetscInfo(A, "%s by decoding %" PetscInt_FMT " rows to aij and encoding them again\n", what, A->rmap->n));
  PetscCall(FurlDecode(A, MATAIJ, &change->aij));
  PetscCall(MatSetOption(change->aij, MAT_NEW_NONZERO_ALLOCATION_ERR, PETSC_FALSE));
  PetscCall(FurlApplyOptions(A, change->aij));
  PetscCall(MatGetNonzeroState(change->aij, &change->pattern));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlChangeEnd(Mat A, FurlChange *change)
{
  FurlEncoded     *encoded;
  PetscObjectState pattern;

  PetscFunctionBegin;
  PetscCall(FurlEncodedCreate(change->aij, ((Mat_Furl *)A->data)->values, &encoded));
  PetscCall(FurlSetEncoded(A, encoded));
  PetscCall(MatGetNonzeroState(change->aij, &pattern));
  if (pattern != change->pattern) A->nonzerostate++;
  PetscCall(MatDestroy(&change->aij));
  PetscFunctionReturn(PETSC_SUCCESS);
}
