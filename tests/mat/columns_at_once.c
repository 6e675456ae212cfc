/* MatMatMult() with a dense matrix gives each column the bits that MatMult() gives it, for any number of columns and any layout of them */
#include "matrices.h"

/* B of n columns whose array has room for more rows than it has, where `spread` */
static PetscErrorCode CreateColumns(Mat A, PetscInt n, PetscBool spread, Mat *B)
{
  PetscInt     rows, first, last, own;
  PetscScalar *array;

  PetscFunctionBegin;
  PetscCall(MatGetSize(A, NULL, &rows));
  PetscCall(MatGetLocalSize(A, NULL, &own));
  PetscCall(MatCreate(PETSC_COMM_WORLD, B));
  PetscCall(MatSetSizes(*B, own, PETSC_DECIDE, rows, n));
  PetscCall(MatSetType(*B, MATDENSE));
  if (spread) PetscCall(MatDenseSetLDA(*B, own + 3));
  PetscCall(MatSetUp(*B));
  PetscCall(MatGetOwnershipRange(*B, &first, &last));
  PetscCall(MatDenseGetArray(*B, &array));
  for (PetscInt k = 0; k < n; k++)
    for (PetscInt i = first; i < last; i++) array[k * (spread ? own + 3 : own) + i - first] = 2 * Noise(i, k) - 1;
  PetscCall(MatDenseRestoreArray(*B, &array));
  PetscCall(Assemble(*B));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckColumns(const char *name, Mat F, Mat B, Mat C)
{
  PetscInt n;
  Vec      y;

  PetscFunctionBegin;
  PetscCall(MatGetSize(B, NULL, &n));
  PetscCall(MatCreateVecs(F, NULL, &y));
  for (PetscInt k = 0; k < n; k++) {
    Vec                x, z;
    PetscInt           m;
    PetscBool          same;
    const PetscScalar *a, *b;

    PetscCall(MatDenseGetColumnVecRead(B, k, &x));
    PetscCall(MatMult(F, x, y));
    PetscCall(MatDenseRestoreColumnVecRead(B, k, &x));
    PetscCall(MatDenseGetColumnVecRead(C, k, &z));
    PetscCall(VecGetLocalSize(y, &m));
    PetscCall(VecGetArrayRead(y, &a));
    PetscCall(VecGetArrayRead(z, &b));
    PetscCall(PetscArraycmp(a, b, m, &same));
    PetscCheck(same, PETSC_COMM_SELF, PETSC_ERR_PLIB, "Column %" PetscInt_FMT " of %" PetscInt_FMT " of '%s' has other bits", k, n, name);
    PetscCall(VecRestoreArrayRead(z, &b));
    PetscCall(VecRestoreArrayRead(y, &a));
    PetscCall(MatDenseRestoreColumnVecRead(C, k, &z));
  }
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const PetscInt counts[] = {1, 7, 8, 9, 19};

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  for (int which = 0; which < NUMBER_OF_MATRICES; which++) {
    Mat         F, B, C;
    const char *name;

    PetscCall(CreateMatrix(which, &F, &name));
    PetscCall(MatConvert(F, "furl", MAT_INPLACE_MATRIX, &F));
    for (size_t k = 0; k < PETSC_STATIC_ARRAY_LENGTH(counts); k++) {
      PetscCall(CreateColumns(F, counts[k], (PetscBool)(k % 2), &B));
      PetscCall(MatMatMult(F, B, MAT_INITIAL_MATRIX, PETSC_DEFAULT, &C));
      PetscCall(CheckColumns(name, F, B, C));
      PetscCall(MatScale(B, 1.75));
      PetscCall(MatMatMult(F, B, MAT_REUSE_MATRIX, PETSC_DEFAULT, &C));
      PetscCall(CheckColumns(name, F, B, C));
      PetscCall(MatDestroy(&B));
      PetscCall(MatDestroy(&C));
    }
    PetscCall(MatDestroy(&F));
  }
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    args: -mat_furl_values {{raw planes}}
    nsize: {{1 2 3 5}}
    timeoutfactor: 3

TEST*/
