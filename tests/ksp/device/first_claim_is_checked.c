/* The first claim of convergence after matrix and hierarchy went to a device is judged by the user's own product, later ones there. A
 * device that multiplies wrongly is found out by it, and the answer is right */
#include "devicetest.h"
#include "wrongdevice.h"

static PetscInt nproducts;
static PetscErrorCode (*multiply)(Mat, Vec, Vec);

static PetscErrorCode Counted(Mat A, Vec x, Vec y)
{
  PetscFunctionBegin;
  nproducts++;
  PetscCall((*multiply)(A, x, y));
  PetscFunctionReturn(0);
}

static PetscErrorCode Solve(KSP ksp, Vec b, Vec x, PetscInt least, PetscInt most)
{
  DeviceSolve solve;

  PetscFunctionBegin;
  nproducts = 0;
  PetscCall(KSPSolve(ksp, b, x));
  FurlTestCheck(nproducts >= least && nproducts <= most, "%d products by the user's matrix, not %d to %d", (int)nproducts, (int)least,
                (int)most);
  PetscCall(DeviceRun(ksp, b, x, &solve));
  FurlTestCheck(solve.reason > 0 && solve.residual <= 1.0001e-8, "reason %d, residual %g", (int)solve.reason, (double)solve.residual);
  PetscFunctionReturn(0);
}

static PetscErrorCode Right(Mat A)
{
  Vec b, x;
  KSP ksp;

  PetscFunctionBegin;
  PetscCall(FurlDeviceOffer(&MockOps));
  PetscCall(PetscFurlSetDevice("mock"));
  PetscCall(DeviceSystem(A, &b, &x));
  PetscCall(DeviceSolver(A, &ksp));
  PetscCall(Solve(ksp, b, x, 1, 1));
  PetscCall(Solve(ksp, b, x, 0, 0));
  PetscCall(MatScale(A, 3)); /* other values go there anew */
  PetscCall(Solve(ksp, b, x, 1, 1));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscFunctionReturn(0);
}

static PetscErrorCode Wrong(Mat A)
{
  FurlDeviceOps ops = WrongDevice(0, 1.5);
  Vec           b, x;
  KSP           ksp;

  PetscFunctionBegin;
  PetscCall(FurlDeviceOffer(&ops));
  PetscCall(PetscFurlSetDevice("host"));
  PetscCall(DeviceSystem(A, &b, &x));
  PetscCall(DeviceSolver(A, &ksp));
  PetscCall(Solve(ksp, b, x, 1, PETSC_MAX_INT));
  PetscCall(Solve(ksp, b, x, 1, PETSC_MAX_INT));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(PetscFurlSetDevice("cpu"));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  const PetscInt n[3] = {20, 20, 20};
  GridTestBox    box;
  Mat            A;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscFurlInitializePackage());
  GridTestInit(&box, BENCH_SMOOTH, n, "ddd");
  PetscCall(GridTestMatrix(PETSC_COMM_WORLD, &box, 1, &A));
  PetscCall(MatGetOperation(A, MATOP_MULT, (void (**)(void)) & multiply));
  PetscCall(MatSetOperation(A, MATOP_MULT, (void (*)(void))Counted));
  PetscCall(Right(A));
  PetscCall(Wrong(A));
  PetscCall(FurlDeviceOffer(NULL));
  FurlTestCheck(!mock.opened, "The mock is open still");
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  build:
    requires: static

  test:
    args: -ksp_rtol 1e-8 -ksp_furl_method {{cg gmres bcgs}}

TEST*/
