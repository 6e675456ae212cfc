/*
  Rows that come with a stride, as DMDA makes its pattern, are encoded again a few times, and not for every plane: 48 planes of a matrix
  that is ten times the window.
*/
#include "../furltest.h"
#include <furl/compat.h>

#define N 48
#define MOST 30 /* encodings: the values that wait grow with the matrix, by a factor each time */

static PetscErrorCode SetRow(Mat A, PetscInt row)
{
  const PetscInt    step[6] = {-N * N, -N, -1, 1, N, N * N};
  PetscInt          column[7], n = 0;
  const PetscScalar value[7] = {6, -1, -1, -1, -1, -1, -1};

  PetscFunctionBeginUser;
  column[n++] = row;
  for (int k = 0; k < 6; k++)
    if (row + step[k] >= 0 && row + step[k] < N * N * N) column[n++] = row + step[k];
  PetscCall(MatSetValues(A, 1, &row, n, column, value, INSERT_VALUES));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  char     file[PETSC_MAX_PATH_LEN], line[256];
  PetscInt lines, found, first, end;
  Mat      A;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(MatCreate(PETSC_COMM_WORLD, &A));
  PetscCall(MatSetSizes(A, PETSC_DECIDE, PETSC_DECIDE, N * N * N, N * N * N));
  PetscCall(MatSetType(A, "furl"));
  PetscCall(MatSetFromOptions(A));
  PetscCall(MatSetUp(A));
  PetscCall(MatGetOwnershipRange(A, &first, &end));
  PetscCall(FurlTestInfoBegin(file, sizeof(file)));
  for (PetscInt i = 0; i < N; i++)
    for (PetscInt row = i; row < N * N * N; row += N)
      if (row >= first && row < end) PetscCall(SetRow(A, row));
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(FurlTestInfoEnd(file, "encoded again", &lines, &found, line));
  PetscCheck(found > 0 && found <= MOST, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%d encodings, the last one: %s", (int)found, line);
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2}}
    args: -mat_furl_window 1

TEST*/
