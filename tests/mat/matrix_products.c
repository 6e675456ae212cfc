/*
  MatMatMult(), MatTransposeMatMult(), MatPtAP() and MatRARt() with furl factors give what they give with AIJ, also when they are used again
  after the values changed
*/
#include "matrices.h"

typedef PetscErrorCode (*Product)(Mat A, Mat P, MatReuse reuse, Mat *C);

static PetscErrorCode Mult(Mat A, Mat P, MatReuse reuse, Mat *C)
{
  PetscFunctionBegin;
  PetscCall(MatMatMult(A, P, reuse, 2, C));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TransposeMult(Mat A, Mat P, MatReuse reuse, Mat *C)
{
  PetscFunctionBegin;
  PetscCall(MatTransposeMatMult(A, P, reuse, 2, C));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PtAP(Mat A, Mat P, MatReuse reuse, Mat *C)
{
  PetscFunctionBegin;
  PetscCall(MatPtAP(A, P, reuse, 2, C));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* R = P^T made anew for each call, so that only A is used again */
static PetscErrorCode RARt(Mat A, Mat R, MatReuse reuse, Mat *C)
{
  PetscFunctionBegin;
  PetscCall(MatRARt(A, R, reuse, 2, C));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Entries alike to rounding: the order of additions is PETSc's own in both */
static PetscErrorCode CheckClose(const char *what, Mat C, Mat D)
{
  Mat       E;
  PetscReal norm, error;

  PetscFunctionBegin;
  PetscCall(MatConvert(D, MATAIJ, MAT_INITIAL_MATRIX, &E));
  PetscCall(MatNorm(C, NORM_FROBENIUS, &norm));
  PetscCall(MatAXPY(E, -1, C, DIFFERENT_NONZERO_PATTERN));
  PetscCall(MatNorm(E, NORM_FROBENIUS, &error));
  PetscCheck(error <= 1e-14 * norm, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "%s differs by %g of %g", what, (double)error, (double)norm);
  PetscCall(MatDestroy(&E));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckProduct(const char *what, Product product, Mat A, Mat P, PetscBool furl_p)
{
  Mat B, F, Q = P, C, D;

  PetscFunctionBegin;
  PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &B));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  if (furl_p)
    PetscCall(MatConvert(P, "furl", MAT_INITIAL_MATRIX, &Q));
  else
    PetscCall(PetscObjectReference((PetscObject)Q));
  PetscCall(product(B, P, MAT_INITIAL_MATRIX, &C));
  PetscCall(product(F, Q, MAT_INITIAL_MATRIX, &D));
  PetscCall(CheckClose(what, C, D));
  PetscCall(MatScale(B, -2));
  PetscCall(MatScale(F, -2));
  PetscCall(product(B, P, MAT_REUSE_MATRIX, &C));
  PetscCall(product(F, Q, MAT_REUSE_MATRIX, &D));
  PetscCall(CheckClose(what, C, D));
  PetscCall(MatDestroy(&B));
  PetscCall(MatDestroy(&C));
  PetscCall(MatDestroy(&D));
  PetscCall(MatDestroy(&F));
  PetscCall(MatDestroy(&Q));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckDense(Mat A)
{
  Mat      F, X, Y, Z;
  PetscInt first, last;

  PetscFunctionBegin;
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  PetscCall(MatCreateDense(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, 1331, 4, NULL, &X));
  PetscCall(MatGetOwnershipRange(X, &first, &last));
  for (PetscInt i = first; i < last; i++)
    for (PetscInt j = 0; j < 4; j++) PetscCall(MatSetValue(X, i, j, Noise(i, j), INSERT_VALUES));
  PetscCall(Assemble(X));
  PetscCall(MatMatMult(A, X, MAT_INITIAL_MATRIX, PETSC_DEFAULT, &Y));
  PetscCall(MatMatMult(F, X, MAT_INITIAL_MATRIX, PETSC_DEFAULT, &Z));
  PetscCall(CheckClose("MatMatMult() with a dense matrix", Y, Z));
  PetscCall(MatDestroy(&F));
  PetscCall(MatDestroy(&X));
  PetscCall(MatDestroy(&Y));
  PetscCall(MatDestroy(&Z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Mat         A, P, R;
  PetscMPIInt size;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCall(CreateSevenPoint(PETSC_COMM_WORLD, 11, PETSC_FALSE, &A));
  PetscCall(CreateRandom(PETSC_COMM_WORLD, 1331, 100, 3, PETSC_FALSE, &P));
  PetscCall(MatTranspose(P, MAT_INITIAL_MATRIX, &R));
  for (int furl_p = 0; furl_p < 2; furl_p++) {
    PetscCall(CheckProduct("A P", Mult, A, P, (PetscBool)furl_p));
    PetscCall(CheckProduct("A^T P", TransposeMult, A, P, (PetscBool)furl_p));
    PetscCall(CheckProduct("P^T A P", PtAP, A, P, (PetscBool)furl_p));
    if (size == 1) PetscCall(CheckProduct("R A R^T", RARt, A, R, (PetscBool)furl_p)); /* PETSc has no parallel one */
  }
  PetscCall(CheckDense(A));
  PetscCall(MatDestroy(&A));
  PetscCall(MatDestroy(&P));
  PetscCall(MatDestroy(&R));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2 3}}
    timeoutfactor: 3

TEST*/
