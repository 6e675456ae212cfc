/*
  Columns that do not ascend, or come twice, as arrays given to PETSc may hold them: the conversion is an error that names the row. Memory
  of objects that are half made when an error is raised is not given back, as everywhere in PETSc
*/
#include <string.h>
#include "matrices.h"

#define ROWS 64

static char message[4096];

static PetscErrorCode Keep(MPI_Comm comm, int line, const char *function, const char *file, PetscErrorCode code, PetscErrorType type,
                           const char *text, void *context)
{
  if (type == PETSC_ERROR_INITIAL) (void)PetscStrncpy(message, text, sizeof(message));
  return code;
}

/* Three diagonals; in row `bad` the two columns from `at` on are exchanged, or made equal */
static PetscErrorCode Try(PetscInt bad, PetscInt at, PetscBool twice)
{
  PetscInt       rowptr[ROWS + 1], column[3 * ROWS], n = 0;
  PetscScalar    value[3 * ROWS];
  char           row[32];
  PetscErrorCode code;
  PetscBool      named;
  Mat            A, F = NULL;

  PetscFunctionBegin;
  for (PetscInt i = 0; i < ROWS; i++) {
    rowptr[i] = n;
    for (PetscInt k = 0; k < 3; k++, n++) {
      column[n] = i + k;
      value[n]  = Noise(i, k);
    }
  }
  rowptr[ROWS]             = n;
  column[3 * bad + at]     = twice ? bad + at : bad + at + 1;
  column[3 * bad + at + 1] = bad + at;
  PetscCall(MatCreateSeqAIJWithArrays(PETSC_COMM_SELF, ROWS, ROWS + 2, rowptr, column, value, &A));
  PetscCall(PetscPushErrorHandler(Keep, NULL));
  code = MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F);
  PetscCall(PetscPopErrorHandler());
  PetscCall(PetscSNPrintf(row, sizeof(row), "local row %d ", (int)bad));
  named = (PetscBool)(strstr(message, row) != NULL);
  PetscCheck(code, PETSC_COMM_SELF, PETSC_ERR_PLIB, "Row %d out of order is taken", (int)bad);
  PetscCheck(named, PETSC_COMM_SELF, PETSC_ERR_PLIB, "Row %d out of order: the error says '%s'", (int)bad, message);
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  for (PetscInt bad = 0; bad < ROWS; bad += 9)
    for (PetscInt at = 0; at < 2; at++) {
      PetscCall(Try(bad, at, PETSC_FALSE));
      PetscCall(Try(bad, at, PETSC_TRUE));
    }
  PetscCall(PetscOptionsClearValue(NULL, "-malloc_dump"));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:

TEST*/
