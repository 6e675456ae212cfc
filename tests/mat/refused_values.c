static char help[] = "A value that is refused takes no other with it, and none is lost when the form of values is changed too early.\n\n";
#include <petsc/private/petscimpl.h>
#include "../furltest.h"
#include <furl/compat.h>

#define ROWS 2000
#define NEW 7777.

static PetscErrorCode CreateTridiagonal(Mat *A)
{
  PetscFunctionBeginUser;
  PetscCall(MatCreate(PETSC_COMM_WORLD, A));
  PetscCall(MatSetSizes(*A, ROWS, ROWS, ROWS, ROWS));
  PetscCall(MatSetType(*A, "furl"));
  PetscCall(MatSetFromOptions(*A));
  PetscCall(MatSetUp(*A));
  for (PetscInt i = 0; i < ROWS; i++)
    for (PetscInt j = PetscMax(0, i - 1); j < PetscMin(ROWS, i + 2); j++) PetscCall(MatSetValue(*A, i, j, 1 + i + 3 * j, INSERT_VALUES));
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckEntry(Mat A, PetscInt i, PetscScalar wanted)
{
  PetscScalar value;

  PetscFunctionBeginUser;
  PetscCall(MatGetValue(A, i, i, &value));
  FurlTestCheck(value == wanted, "Row %" PetscInt_FMT " holds %g, not %g", i, (double)value, (double)wanted);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A place that the pattern has not, where new ones are forbidden: values that were set before it and after it stay */
static PetscErrorCode CheckRefused(PetscBool zero)
{
  Mat            A;
  PetscErrorCode refused;

  PetscFunctionBeginUser;
  PetscCall(CreateTridiagonal(&A));
  PetscCall(MatSetOption(A, MAT_NEW_NONZERO_LOCATION_ERR, PETSC_TRUE));
  for (PetscInt i = 0; i < 4 * 32; i += 32) PetscCall(MatSetValue(A, i, i, NEW + i, INSERT_VALUES));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  refused = MatSetValue(A, 0, ROWS / 2, 1, INSERT_VALUES);
  PetscCall(PetscPopErrorHandler());
  FurlTestCheck(refused, "A new place was taken where none is allowed");
  if (zero) {
    PetscCall(MatAssemblyBegin(A, MAT_FLUSH_ASSEMBLY));
    PetscCall(MatAssemblyEnd(A, MAT_FLUSH_ASSEMBLY));
    PetscCall(MatZeroEntries(A));
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  for (PetscInt i = 0; i < 4 * 32; i += 32) PetscCall(CheckEntry(A, i, zero ? 0 : NEW + i));
  PetscCall(CheckEntry(A, 200, zero ? 0 : 1 + 4 * 200));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* MatFurlSetValuesType(): 0 raw, 1 planes */
static PetscErrorCode ChooseForm(Mat A, int form)
{
  PetscFunctionBeginUser;
  PetscUseMethod(A, "MatFurlSetValuesType_C", (Mat, int), (A, form));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The form of values while some wait for the assembly: an error, and they are there afterwards */
static PetscErrorCode CheckForm(void)
{
  Mat            A;
  PetscErrorCode refused;

  PetscFunctionBeginUser;
  PetscCall(CreateTridiagonal(&A));
  PetscCall(MatSetValue(A, 5, 5, NEW, INSERT_VALUES));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  refused = ChooseForm(A, 1);
  PetscCall(PetscPopErrorHandler());
  FurlTestCheck(refused, "The form of values was changed while values waited");
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(CheckEntry(A, 5, NEW));
  PetscCall(ChooseForm(A, 1));
  PetscCall(CheckEntry(A, 5, NEW));
  PetscCall(CheckEntry(A, 6, 1 + 4 * 6));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(CheckRefused(PETSC_FALSE));
  PetscCall(CheckRefused(PETSC_TRUE));
  PetscCall(CheckForm());
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    args: -mat_furl_window {{64 0.004}}

TEST*/
