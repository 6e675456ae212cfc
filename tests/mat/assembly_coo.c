/*
  MatSetPreallocationCOO() and MatSetValuesCOO() with repeated entries, some in rows of other processes, values given twice: as AIJ, to the
  rounding of the sums; a DMDA's pattern of zeros and its values: the same bits.
*/
#include <petscdmda.h>
#include "matrices.h"

#define N 700
#define PER_ROW 6
#define NX 37
#define NY 29

static PetscErrorCode SetCoo(Mat A, PetscInt n, const PetscInt *row, const PetscInt *column, const PetscScalar *value, InsertMode mode)
{
  PetscInt *i, *j;

  PetscFunctionBegin;
  if (row) {
    PetscCall(PetscMalloc2(n, &i, n, &j)); /* PETSc may change them */
    PetscCall(PetscArraycpy(i, row, n));
    PetscCall(PetscArraycpy(j, column, n));
    PetscCall(MatSetPreallocationCOO(A, n, i, j));
    PetscCall(PetscFree2(i, j));
  }
  PetscCall(MatSetValuesCOO(A, value, mode));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckClose(const char *name, Mat A, Mat F)
{
  Mat       B;
  PetscReal size, difference;

  PetscFunctionBegin;
  PetscCall(MatConvert(F, MATAIJ, MAT_INITIAL_MATRIX, &B));
  PetscCall(MatNorm(A, NORM_INFINITY, &size));
  PetscCall(MatAXPY(B, -1, A, DIFFERENT_NONZERO_PATTERN));
  PetscCall(MatNorm(B, NORM_INFINITY, &difference));
  PetscCheck(size > 0 && difference <= 8 * PETSC_MACHINE_EPSILON * size, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "'%s': difference %g of %g",
             name, (double)difference, (double)size);
  PetscCall(MatDestroy(&B));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckCoo(void)
{
  Mat          A[2];
  PetscInt    *row, *column, n = 0, first, end;
  PetscScalar *value;

  PetscFunctionBegin;
  for (int k = 0; k < 2; k++) {
    PetscCall(MatCreate(PETSC_COMM_WORLD, &A[k]));
    PetscCall(MatSetSizes(A[k], PETSC_DECIDE, PETSC_DECIDE, N, N));
    PetscCall(MatSetType(A[k], k ? "furl" : MATAIJ));
  }
  PetscCall(MatSetUp(A[1]));
  PetscCall(MatGetOwnershipRange(A[1], &first, &end));
  PetscCall(PetscMalloc3((end - first) * PER_ROW, &row, (end - first) * PER_ROW, &column, (end - first) * PER_ROW, &value));
  for (PetscInt i = first; i < end; i++)
    for (PetscInt k = 0; k < PER_ROW; k++, n++) {
      row[n]    = (i + k / 2) % N;
      column[n] = (i + (k % 3) * 31) % N;
      value[n]  = Noise(i, k) - 0.5;
    }
  for (int k = 0; k < 2; k++) PetscCall(SetCoo(A[k], n, row, column, value, INSERT_VALUES));
  PetscCall(CheckClose("inserted", A[0], A[1]));
  for (int k = 0; k < 2; k++) PetscCall(SetCoo(A[k], n, NULL, NULL, value, ADD_VALUES));
  PetscCall(CheckClose("added", A[0], A[1]));
  PetscCall(PetscFree3(row, column, value));
  PetscCall(MatDestroy(&A[0]));
  PetscCall(MatDestroy(&A[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FillDM(DM da, Mat A)
{
  PetscInt start[2], size[2];

  PetscFunctionBegin;
  PetscCall(DMDAGetCorners(da, &start[0], &start[1], NULL, &size[0], &size[1], NULL));
  for (PetscInt j = start[1]; j < start[1] + size[1]; j++)
    for (PetscInt i = start[0]; i < start[0] + size[0]; i++) {
      const MatStencil row       = {.i = i, .j = j};
      const PetscInt   side[4]   = {i > 0, i<NX - 1, j> 0, j < NY - 1};
      const MatStencil all[4]    = {{.i = i - 1, .j = j}, {.i = i + 1, .j = j}, {.i = i, .j = j - 1}, {.i = i, .j = j + 1}};
      MatStencil       column[5] = {row};
      PetscScalar      value[5]  = {4};
      PetscInt         n         = 1;

      for (int k = 0; k < 4; k++) {
        if (!side[k]) continue;
        column[n]  = all[k];
        value[n++] = -Noise(i, j + k);
      }
      PetscCall(MatSetValuesStencil(A, 1, &row, n, column, value, ADD_VALUES));
    }
  PetscCall(Assemble(A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckDM(void)
{
  Mat              A[2];
  DM               da;
  PetscObjectState before, after;

  PetscFunctionBegin;
  PetscCall(DMDACreate2d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_STAR, NX, NY, PETSC_DECIDE, PETSC_DECIDE, 1, 1,
                         NULL, NULL, &da));
  PetscCall(DMSetUp(da));
  for (int k = 0; k < 2; k++) {
    PetscCall(DMSetMatType(da, k ? "furl" : MATAIJ));
    PetscCall(DMCreateMatrix(da, &A[k]));
    PetscCall(MatGetNonzeroState(A[k], &before));
    PetscCall(FillDM(da, A[k]));
    PetscCall(MatGetNonzeroState(A[k], &after));
    PetscCheck(after == before, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "Values in given places count as a new pattern");
  }
  PetscCall(CheckSameBits("of a DMDA", A[0], A[1]));
  PetscCall(MatDestroy(&A[0]));
  PetscCall(MatDestroy(&A[1]));
  PetscCall(DMDestroy(&da));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(CheckCoo());
  PetscCall(CheckDM());
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2 3 5}}

TEST*/
