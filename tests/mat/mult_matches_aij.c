/*
  Products of Mat type furl are those of AIJ up to the order of additions: |y - y_aij| <= 2 (n + 2) eps |A| |x| entrywise, n the entries of
  the row (Higham, Accuracy and Stability of Numerical Algorithms, 3.5).
*/
#include "matrices.h"

static PetscErrorCode CreateAbsolute(Mat A, Mat *B)
{
  PetscInt first, last;

  PetscFunctionBegin;
  PetscCall(MatDuplicate(A, MAT_COPY_VALUES, B));
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  for (PetscInt i = first; i < last; i++) {
    const PetscInt    *j;
    const PetscScalar *v;
    PetscInt           n;

    PetscCall(MatGetRow(A, i, &n, &j, &v));
    for (PetscInt k = 0; k < n; k++) PetscCall(MatSetValue(*B, i, j[k], PetscAbsScalar(v[k]), INSERT_VALUES));
    PetscCall(MatRestoreRow(A, i, &n, &j, &v));
  }
  PetscCall(Assemble(*B));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* bound = 2 (n + 2) eps (|A| |x| + |z|), n: a bound of the entries of a row or column */
static PetscErrorCode Bound(Mat absolute, PetscBool transposed, Vec x, Vec z, Vec bound)
{
  Vec      absolute_x, absolute_z;
  PetscInt n;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(x, &absolute_x));
  PetscCall(VecDuplicate(z, &absolute_z));
  PetscCall(VecCopy(x, absolute_x));
  PetscCall(VecCopy(z, absolute_z));
  PetscCall(VecAbs(absolute_x));
  PetscCall(VecAbs(absolute_z));
  if (transposed)
    PetscCall(MatMultTransposeAdd(absolute, absolute_x, absolute_z, bound));
  else
    PetscCall(MatMultAdd(absolute, absolute_x, absolute_z, bound));
  PetscCall(VecGetSize(x, &n));
  PetscCall(VecScale(bound, 2.0 * ((double)PetscMin(n, 1100) + 2) * PETSC_MACHINE_EPSILON));
  PetscCall(VecDestroy(&absolute_x));
  PetscCall(VecDestroy(&absolute_z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckProducts(const char *name, Mat A, Mat F, Mat absolute, PetscBool transposed)
{
  PetscErrorCode (*const mult)(Mat, Vec, Vec)         = transposed ? MatMultTranspose : MatMult;
  PetscErrorCode (*const multadd)(Mat, Vec, Vec, Vec) = transposed ? MatMultTransposeAdd : MatMultAdd;
  Vec x, y, z, exact, bound;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, transposed ? &y : &x, transposed ? &x : &y));
  PetscCall(VecDuplicate(y, &z));
  PetscCall(VecDuplicate(y, &exact));
  PetscCall(VecDuplicate(y, &bound));
  PetscCall(FillVec(x, 5));
  PetscCall(FillVec(z, 6));
  PetscCall(Bound(absolute, transposed, x, z, bound));
  PetscCall(mult(A, x, exact));
  PetscCall(VecSet(y, 1e30)); /* must be overwritten, in empty rows too */
  PetscCall(mult(F, x, y));
  PetscCall(CheckWithin(transposed ? "A^T x" : "A x", name, y, exact, bound));
  PetscCall(multadd(A, x, z, exact));
  PetscCall(multadd(F, x, z, y));
  PetscCall(CheckWithin(transposed ? "z + A^T x" : "z + A x", name, y, exact, bound));
  PetscCall(multadd(F, x, z, z));
  PetscCall(CheckWithin(transposed ? "z += A^T x" : "z += A x", name, z, exact, bound));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&z));
  PetscCall(VecDestroy(&exact));
  PetscCall(VecDestroy(&bound));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckDiagonal(const char *name, Mat A, Mat F)
{
  Vec       d, e;
  PetscBool same;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, NULL, &d));
  PetscCall(VecDuplicate(d, &e));
  PetscCall(MatGetDiagonal(A, d));
  PetscCall(MatGetDiagonal(F, e));
  PetscCall(VecEqual(d, e, &same));
  PetscCheck(same, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "Diagonal of '%s' differs", name);
  PetscCall(VecDestroy(&d));
  PetscCall(VecDestroy(&e));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  for (int which = 0; which < NUMBER_OF_MATRICES - 1; which++) {
    Mat         A, F, absolute;
    PetscInt    nrows, ncols;
    const char *name;

    PetscCall(CreateMatrix(which, &A, &name));
    PetscCall(MatGetSize(A, &nrows, &ncols));
    PetscCall(CreateAbsolute(A, &absolute));
    PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
    PetscCall(CheckProducts(name, A, F, absolute, PETSC_FALSE));
    PetscCall(CheckProducts(name, A, F, absolute, PETSC_TRUE));
    if (nrows == ncols) PetscCall(CheckDiagonal(name, A, F));
    PetscCall(MatDestroy(&absolute));
    PetscCall(MatDestroy(&F));
    PetscCall(MatDestroy(&A));
  }
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  testset:
    test:
      suffix: raw
      nsize: {{1 2 3 5}}
    test:
      suffix: planes
      nsize: {{1 2 3 5}}
      args: -mat_furl_values planes

TEST*/
