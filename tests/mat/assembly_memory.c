/*
  The memory that values take on their way into a furl matrix, rows in order and in none: peak of the process above what it had before,
  against the bytes of AIJ (12 a nonzero, 4 a row).
*/
#include <stdlib.h>
#include <sys/resource.h>
#include "matrices.h"

static PetscErrorCode Resident(double *bytes)
{
  PetscLogDouble now;

  PetscFunctionBegin;
  PetscCall(PetscMemoryGetCurrentUsage(&now));
  *bytes = now;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetRow(Mat A, PetscInt n, PetscInt i, PetscInt *entries)
{
  const PetscInt step[3] = {1, n, n * n}, at[3] = {i % n, i / n % n, i / n / n};
  PetscInt       column[7], m                   = 0;
  PetscScalar    value[7], d                    = 0;

  PetscFunctionBegin;
  for (int k = 0; k < 6; k++) {
    const PetscInt    axis = k / 2, j = k % 2 ? i + step[axis] : i - step[axis];
    const PetscScalar c = 1 + 9 * Noise(PetscMin(i, j), axis);

    d += c;
    if (k % 2 ? at[axis] == n - 1 : at[axis] == 0) continue;
    column[m]  = j;
    value[m++] = -c;
  }
  column[m]  = i;
  value[m++] = d;
  *entries += m;
  PetscCall(MatSetValues(A, 1, &i, m, column, value, INSERT_VALUES));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Every `stride`-th row, from the first on, then from the second on ...; bound: of AIJ's bytes */
static PetscErrorCode Check(PetscInt n, PetscInt stride, PetscReal window, PetscReal bound)
{
  const PetscInt rows    = n * n * n;
  PetscInt       entries = 0;
  double         before  = 0, aij;
  struct rusage  usage;
  Mat            A;
  PetscErrorCode (*set)(Mat, PetscReal);

  PetscFunctionBegin;
  PetscCall(Resident(&before));
  PetscCall(MatCreate(PETSC_COMM_SELF, &A));
  PetscCall(MatSetSizes(A, rows, rows, rows, rows));
  PetscCall(MatSetType(A, "furl"));
  PetscCall(PetscObjectQueryFunction((PetscObject)A, "MatFurlSetWindow_C", &set));
  PetscCall((*set)(A, window));
  PetscCall(MatSetUp(A));
  for (PetscInt first = 0; first < stride; first++)
    for (PetscInt i = first; i < rows; i += stride) PetscCall(SetRow(A, n, i, &entries));
  PetscCall(Assemble(A));
  (void)getrusage(RUSAGE_SELF, &usage);
  aij = 12. * entries + 4. * rows;
  PetscCall(PetscInfo(A, "%g of AIJ's bytes at the most\n", (1024. * (double)usage.ru_maxrss - before) / aij));
  PetscCheck(1024. * (double)usage.ru_maxrss - before <= bound * aij, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%g times AIJ's bytes, expected %g",
             (1024. * (double)usage.ru_maxrss - before) / aij, (double)bound);
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscInt  stride = 1;
  PetscReal bound  = 1;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-stride", &stride, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-bound", &bound, NULL));
  if (getenv("SANITIZER")) bound = PETSC_MAX_REAL; /* which keeps what is freed */
  PetscCall(Check(110, stride, 4, bound));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    suffix: in_order
    args: -bound .6

  test:
    suffix: scattered
    args: -stride 997 -bound 1.8

TEST*/
