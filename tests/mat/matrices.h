/* Matrices and comparisons that the tests of Mat type furl share */
#pragma once

#include <petscmat.h>

#if PETSC_VERSION_LT(3, 19, 0)
#define PETSC_SUCCESS ((PetscErrorCode)0)
#endif

/* A number in [0, 1) that depends on its arguments alone, so that every number of ranks makes the same matrix */
static inline double Noise(PetscInt i, PetscInt j)
{
  uint64_t h = (uint64_t)i * 0x9e3779b97f4a7c15u + (uint64_t)j * 0xc2b2ae3d27d4eb4fu + 1;

  h ^= h >> 29;
  h *= 0xbf58476d1ce4e5b9u;
  h ^= h >> 32;
  h *= 0x94d049bb133111ebu;
  h ^= h >> 31;
  return (double)(h >> 11) / 9007199254740992.0;
}

static inline PetscErrorCode CreateAij(MPI_Comm comm, PetscInt nrows, PetscInt ncols, PetscInt width, Mat *A)
{
  PetscFunctionBegin;
  PetscCall(MatCreate(comm, A));
  PetscCall(MatSetSizes(*A, PETSC_DECIDE, PETSC_DECIDE, nrows, ncols));
  PetscCall(MatSetType(*A, MATAIJ));
  PetscCall(MatSeqAIJSetPreallocation(*A, PetscMin(width, ncols), NULL));
  PetscCall(MatMPIAIJSetPreallocation(*A, PetscMin(width, ncols), NULL, PetscMin(width, ncols), NULL));
  PetscCall(MatSetOption(*A, MAT_NEW_NONZERO_ALLOCATION_ERR, PETSC_FALSE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode Assemble(Mat A)
{
  PetscFunctionBegin;
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The 7-point matrix of -div(k grad u) on n^3 cells; k is one where `constant` */
static inline PetscErrorCode CreateSevenPoint(MPI_Comm comm, PetscInt n, PetscBool constant, Mat *A)
{
  const PetscInt step[3] = {1, n, n * n};
  PetscInt       first, last;

  PetscFunctionBegin;
  PetscCall(CreateAij(comm, n * n * n, n * n * n, 7, A));
  PetscCall(MatGetOwnershipRange(*A, &first, &last));
  for (PetscInt i = first; i < last; i++) {
    const PetscInt at[3] = {i % n, i / n % n, i / n / n};
    PetscScalar    d     = 0;

    for (int k = 0; k < 6; k++) {
      const PetscInt    axis = k / 2, j = k % 2 ? i + step[axis] : i - step[axis];
      const PetscScalar c = constant ? 1 : 1 + 9 * Noise(PetscMin(i, j), axis);

      d += c;
      if (k % 2 ? at[axis] == n - 1 : at[axis] == 0) continue;
      PetscCall(MatSetValue(*A, i, j, -c, INSERT_VALUES));
    }
    PetscCall(MatSetValue(*A, i, i, d, INSERT_VALUES));
  }
  PetscCall(Assemble(*A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows of 0 to `width` entries in random columns, every seventh row empty; among the values zeros, -0.0, 1e300 and 1e-310 */
static inline PetscErrorCode CreateRandom(MPI_Comm comm, PetscInt nrows, PetscInt ncols, PetscInt width, PetscBool extremes, Mat *A)
{
  PetscInt first, last;

  PetscFunctionBegin;
  PetscCall(CreateAij(comm, nrows, ncols, width + 1, A));
  PetscCall(MatGetOwnershipRange(*A, &first, &last));
  for (PetscInt i = first; i < last; i++) {
    const PetscInt n = i % 7 == 3 ? 0 : (PetscInt)((width + 1) * Noise(i, -1));

    for (PetscInt k = 0; k < n; k++) {
      const PetscInt j    = (PetscInt)((double)ncols * Noise(i, k));
      const double   draw = Noise(j, i), special[] = {0.0, -0.0, 1e300, 1e-310, -1e-300, 5e-324};
      PetscScalar    value = 2 * Noise(i, 1000 + j) - 1;

      if (extremes && draw < 0.2) value = special[(int)(30 * draw)];
      PetscCall(MatSetValue(*A, i, j, value, INSERT_VALUES));
    }
  }
  PetscCall(Assemble(*A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An arrow: the first row and the diagonal, so that one row is dense */
static inline PetscErrorCode CreateArrow(MPI_Comm comm, PetscInt n, Mat *A)
{
  PetscInt first, last;

  PetscFunctionBegin;
  PetscCall(CreateAij(comm, n, n, 2, A));
  PetscCall(MatGetOwnershipRange(*A, &first, &last));
  for (PetscInt i = first; i < last; i++) {
    PetscCall(MatSetValue(*A, i, i, 4 + Noise(i, i), INSERT_VALUES));
    if (i) PetscCall(MatSetValue(*A, i, 0, -Noise(i, 0), INSERT_VALUES));
    for (PetscInt j = 1; !i && j < n; j++) PetscCall(MatSetValue(*A, 0, j, Noise(0, j), INSERT_VALUES));
  }
  PetscCall(Assemble(*A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#define NUMBER_OF_MATRICES 12

/* The matrices every property is tested on; several are smaller than the number of ranks */
static inline PetscErrorCode CreateMatrix(int which, Mat *A, const char **name)
{
  const MPI_Comm comm = PETSC_COMM_WORLD;

  PetscFunctionBegin;
  switch (which) {
  case 0:
    *name = "7-point, constant";
    PetscCall(CreateSevenPoint(comm, 9, PETSC_TRUE, A));
    break;
  case 1:
    *name = "7-point, variable";
    PetscCall(CreateSevenPoint(comm, 11, PETSC_FALSE, A));
    break;
  case 2:
    *name = "random";
    PetscCall(CreateRandom(comm, 333, 333, 12, PETSC_FALSE, A));
    break;
  case 3:
    *name = "random, wide";
    PetscCall(CreateRandom(comm, 101, 997, 40, PETSC_FALSE, A));
    break;
  case 4:
    *name = "random, tall";
    PetscCall(CreateRandom(comm, 1003, 77, 9, PETSC_FALSE, A));
    break;
  case 5:
    *name = "random columns beyond 16 bits";
    PetscCall(CreateRandom(comm, 65, 300000, 20, PETSC_FALSE, A));
    break;
  case 6:
    *name = "arrow";
    PetscCall(CreateArrow(comm, 257, A));
    break;
  case 7:
    *name = "1 x 1";
    PetscCall(CreateArrow(comm, 1, A));
    break;
  case 8:
    *name = "2 x 2";
    PetscCall(CreateArrow(comm, 2, A));
    break;
  case 9:
    *name = "no entries";
    PetscCall(CreateRandom(comm, 40, 41, 0, PETSC_FALSE, A));
    break;
  case 10:
    *name = "no rows";
    PetscCall(CreateRandom(comm, 0, 0, 0, PETSC_FALSE, A));
    break;
  default:
    *name = "random with extreme values";
    PetscCall(CreateRandom(comm, 200, 180, 15, PETSC_TRUE, A));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static inline PetscErrorCode FillVec(Vec x, PetscInt seed)
{
  PetscInt     first, last;
  PetscScalar *array;

  PetscFunctionBegin;
  PetscCall(VecGetOwnershipRange(x, &first, &last));
  PetscCall(VecGetArrayWrite(x, &array));
  for (PetscInt i = first; i < last; i++) array[i - first] = 2 * Noise(i, seed) - 1;
  PetscCall(VecRestoreArrayWrite(x, &array));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Fails unless |y - exact| <= bound in each entry; `bound` is a vector */
static inline PetscErrorCode CheckWithin(const char *what, const char *name, Vec y, Vec exact, Vec bound)
{
  const PetscScalar *a, *b, *c;
  PetscInt           n;

  PetscFunctionBegin;
  PetscCall(VecGetLocalSize(y, &n));
  PetscCall(VecGetArrayRead(y, &a));
  PetscCall(VecGetArrayRead(exact, &b));
  PetscCall(VecGetArrayRead(bound, &c));
  for (PetscInt i = 0; i < n; i++)
    PetscCheck(PetscAbsScalar(a[i] - b[i]) <= PetscRealPart(c[i]), PETSC_COMM_SELF, PETSC_ERR_PLIB,
               "%s of '%s', local entry %" PetscInt_FMT ": %.17g, expected %.17g, bound %g", what, name, i, (double)PetscRealPart(a[i]),
               (double)PetscRealPart(b[i]), (double)PetscRealPart(c[i]));
  PetscCall(VecRestoreArrayRead(bound, &c));
  PetscCall(VecRestoreArrayRead(exact, &b));
  PetscCall(VecRestoreArrayRead(y, &a));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Fails unless the local rows and columns, the column numbers and the bits of the values are the same */
static inline PetscErrorCode CheckSameBits(const char *name, Mat A, Mat B)
{
  PetscInt first, last;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  for (PetscInt i = first; i < last; i++) {
    const PetscInt    *j, *l;
    const PetscScalar *v, *w;
    PetscInt           n, m;
    PetscBool          same_columns, same_values;

    PetscCall(MatGetRow(A, i, &n, &j, &v));
    PetscCall(MatGetRow(B, i, &m, &l, &w));
    PetscCheck(n == m, PETSC_COMM_SELF, PETSC_ERR_PLIB, "'%s', row %" PetscInt_FMT ": %" PetscInt_FMT " entries, expected %" PetscInt_FMT,
               name, i, m, n);
    PetscCall(PetscArraycmp(j, l, n, &same_columns));
    PetscCall(PetscArraycmp(v, w, n, &same_values));
    PetscCheck(same_columns && same_values, PETSC_COMM_SELF, PETSC_ERR_PLIB, "'%s', row %" PetscInt_FMT ": other columns or values", name,
               i);
    PetscCall(MatRestoreRow(B, i, &m, &l, &w));
    PetscCall(MatRestoreRow(A, i, &n, &j, &v));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
