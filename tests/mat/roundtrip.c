/* MatConvert() to furl and back gives the same rows, columns and bits, whatever the way of storing and of converting */
#include "matrices.h"

static PetscErrorCode CheckRoundTrip(const char *name, Mat A)
{
  Mat     F, B, C;
  MatType type;

  PetscFunctionBegin;
  PetscCall(MatGetType(A, &type));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  PetscCall(CheckSameBits(name, A, F)); /* MatGetRow() of furl */
  PetscCall(MatConvert(F, type, MAT_INITIAL_MATRIX, &B));
  PetscCall(CheckSameBits(name, A, B));
  PetscCall(MatConvert(F, MATAIJ, MAT_REUSE_MATRIX, &B));
  PetscCall(CheckSameBits(name, A, B));
  PetscCall(MatDuplicate(F, MAT_COPY_VALUES, &C));
  PetscCall(MatDestroy(&F));
  PetscCall(MatConvert(C, type, MAT_INPLACE_MATRIX, &C));
  PetscCall(CheckSameBits(name, A, C));
  PetscCall(MatConvert(B, "furl", MAT_INPLACE_MATRIX, &B));
  PetscCall(CheckSameBits(name, A, B));
  PetscCall(MatDestroy(&B));
  PetscCall(MatDestroy(&C));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  for (int which = 0; which < NUMBER_OF_MATRICES; which++) {
    Mat         A;
    const char *name;

    PetscCall(CreateMatrix(which, &A, &name));
    PetscCall(CheckRoundTrip(name, A));
    PetscCall(MatDestroy(&A));
  }
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  testset:
    nsize: {{1 2 3 5}}
    test:
      suffix: raw
    test:
      suffix: planes
      args: -mat_furl_values planes

TEST*/
