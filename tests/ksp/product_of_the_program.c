/*
  A program may give an AIJ matrix a product of its own (MatSetOperation()): that is what A is, whatever its entries say. Here it is three
  times their product, plus a little of x, on a grid in order and on one without. Residuals and claims are of that product, and it is
  called.
*/
#include <petscfurl.h>
#include "../pc/disorder.h"

static int calls;
static Mat entries; /* the same matrix with PETSc's product */

static PetscErrorCode Multiply(Mat A, Vec x, Vec y)
{
  PetscFunctionBegin;
  (void)A;
  calls++;
  PetscCall(MatMult(entries, x, y));
  PetscCall(VecAXPBY(y, 0.01, 3, x));
  PetscFunctionReturn(0);
}

static PetscErrorCode Check(Mat A, const char *name)
{
  Vec                b, x, r;
  KSP                ksp;
  KSPConvergedReason reason;
  PetscReal          left, told, size;

  PetscFunctionBegin;
  PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &entries));
  PetscCall(MatSetOperation(A, MATOP_MULT, (void (*)(void))Multiply));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(VecDuplicate(b, &r));
  PetscCall(FurlTestNoise(b, 1, 1));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-9, PETSC_DEFAULT, PETSC_DEFAULT, 200));
  calls = 0;
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetResidualNorm(ksp, &told));
  FurlTestCheck(calls > 0, "%s: the program's product was not called", name);
  PetscCall(MatMult(A, x, r));
  PetscCall(VecAYPX(r, -1, b));
  PetscCall(VecNorm(r, NORM_2, &left));
  PetscCall(VecNorm(b, NORM_2, &size));
  FurlTestCheck(reason > 0 && left <= 1e-9 * size && PetscAbsReal(told - left) <= 1e-4 * left, "%s: reason %d, told %g, left %g of %g",
                name, (int)reason, (double)told, (double)left, (double)size);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&r));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&entries));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  FurlTestGridSpec spec = FurlTestGridDefault(71, 61);
  Mat              A;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  spec.contrast = 3;
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, &A));
  PetscCall(Check(A, "in order"));
  PetscCall(MatDestroy(&A));
  spec.local = DisorderShare(spec.nx, spec.ny);
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, &A));
  PetscCall(DisorderRows(&A));
  PetscCall(Check(A, "without order"));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 3}}
    args: -ksp_type furl

TEST*/
