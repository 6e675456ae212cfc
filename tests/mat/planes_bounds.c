/*
  Products that read less than all of the planes: |y - A x| <= u sum_j w_ij |x_j| with u = 2^-11 (head) or 2^-23 (head and second) and w_ij
  the larger of |a_ij| and 2^-29 of the largest entry of the matrix (an entry far below the others of its slot has an absolute bound). The
  short product must differ from the whole one somewhere, else it did not read less.
*/
#include "matrices.h"

/* bound = (u + rounding) W |x| for the rows of this process */
static PetscErrorCode Bound(Mat A, Vec x, PetscReal u, Vec bound)
{
  Mat       W;
  Vec       absolute;
  PetscReal largest = 0;
  PetscInt  first, last;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  for (int pass = 0; pass < 2; pass++) {
    if (pass) PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &W));
    for (PetscInt i = first; i < last; i++) {
      const PetscInt    *j;
      const PetscScalar *v;
      PetscInt           n;

      PetscCall(MatGetRow(A, i, &n, &j, &v));
      for (PetscInt k = 0; k < n; k++) {
        if (!pass) largest = PetscMax(largest, PetscAbsScalar(v[k]));
        if (pass) PetscCall(MatSetValue(W, i, j[k], PetscMax(PetscAbsScalar(v[k]), largest * 0x1p-29), INSERT_VALUES));
      }
      PetscCall(MatRestoreRow(A, i, &n, &j, &v));
    }
    if (!pass) PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPIU_REAL, MPIU_MAX, PETSC_COMM_WORLD));
  }
  PetscCall(Assemble(W));
  PetscCall(VecDuplicate(x, &absolute));
  PetscCall(VecCopy(x, absolute));
  PetscCall(VecAbs(absolute));
  PetscCall(MatMult(W, absolute, bound));
  PetscCall(VecScale(bound, u + 1e-13));
  PetscCall(VecDestroy(&absolute));
  PetscCall(MatDestroy(&W));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckRead(const char *name, Mat A, const char *read, PetscReal u, PetscBool must_differ)
{
  Mat       F;
  Vec       x, y, exact, bound;
  PetscBool same;

  PetscFunctionBegin;
  PetscCall(PetscOptionsSetValue(NULL, "-mat_furl_read", read));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  PetscCall(CheckSameBits(name, A, F)); /* however little products read, the matrix is whole */
  PetscCall(MatCreateVecs(A, &x, &y));
  PetscCall(VecDuplicate(y, &exact));
  PetscCall(VecDuplicate(y, &bound));
  PetscCall(FillVec(x, 31));
  PetscCall(Bound(A, x, u, bound));
  PetscCall(MatMult(A, x, exact));
  PetscCall(MatMult(F, x, y));
  PetscCall(CheckWithin(read, name, y, exact, bound));
  PetscCall(VecEqual(y, exact, &same));
  PetscCheck(!must_differ || !same, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "'%s' read by '%s' gives the exact product", name, read);
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&exact));
  PetscCall(VecDestroy(&bound));
  PetscCall(MatDestroy(&F));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  for (int which = 0; which < 9; which++) {
    const PetscBool inexact = (PetscBool)(which > 0 && which < 6);
    Mat             A;
    const char     *name;

    PetscCall(CreateMatrix(which, &A, &name));
    PetscCall(CheckRead(name, A, "head", 0x1p-11, inexact));
    PetscCall(CheckRead(name, A, "second", 0x1p-23, inexact));
    PetscCall(CheckRead(name, A, "all", 0, PETSC_FALSE));
    PetscCall(MatDestroy(&A));
  }
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2 3}}
    args: -mat_furl_values planes

TEST*/
