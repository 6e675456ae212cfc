/*
  What changes around a placement is seen: max_it ends a solve where the CPU's ends, other restarts, other preconditioners and the transpose
  come between solves, a tight tolerance follows a loose one on a device that multiplies a little wrongly
*/
#include "devicetest.h"
#include "wrongdevice.h"

static PetscErrorCode System(Mat *A)
{
  const PetscInt n[3] = {20, 19, 18};
  GridTestBox    box;

  PetscFunctionBegin;
  GridTestInit(&box, BENCH_SMOOTH, n, "ddd");
  PetscCall(GridTestMatrix(PETSC_COMM_WORLD, &box, 1, A));
  PetscFunctionReturn(0);
}

/* x after so many iterations of a tolerance that they do not meet */
static PetscErrorCode Stopped(const char device[], Mat A, PetscInt its, DeviceSolve *solve)
{
  PetscReal rnorm, size;
  Vec       b, x;
  KSP       ksp;

  PetscFunctionBegin;
  PetscCall(PetscFurlSetDevice(device));
  PetscCall(DeviceSystem(A, &b, &x));
  PetscCall(DeviceSolver(A, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-13, PETSC_DEFAULT, PETSC_DEFAULT, its));
  PetscCall(DeviceRun(ksp, b, x, solve));
  PetscCall(KSPGetResidualNorm(ksp, &rnorm));
  PetscCall(VecNorm(b, NORM_2, &size));
  FurlTestCheck(solve->reason == KSP_DIVERGED_ITS && solve->its == its, "%s: reason %d after %d iterations", device, (int)solve->reason,
                (int)solve->its);
  FurlTestCheck(PetscAbsReal(rnorm / size - solve->residual) <= .1 * solve->residual, "%s: norm told %g, true %g", device,
                (double)(rnorm / size), (double)solve->residual);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(PetscFurlSetDevice("cpu"));
  PetscFunctionReturn(0);
}

static PetscErrorCode StopsAlike(Mat A)
{
  DeviceSolve cpu, mocked;

  PetscFunctionBegin;
  for (PetscInt its = 1; its <= 5; its += 2) {
    PetscCall(Stopped("cpu", A, its, &cpu));
    PetscCall(Stopped("mock", A, its, &mocked));
    FurlTestCheck(mocked.counts.launches > 0 && mocked.residual <= 1.1 * cpu.residual, "%d iterations: residual %g, on the CPU %g",
                  (int)its, (double)mocked.residual, (double)cpu.residual);
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode Solve(KSP ksp, Vec b, Vec x)
{
  DeviceSolve solve;

  PetscFunctionBegin;
  PetscCall(DeviceRun(ksp, b, x, &solve));
  FurlTestCheck(solve.reason > 0 && solve.residual <= 1.0001e-8 && solve.counts.launches > 0, "reason %d, residual %g, %d launches",
                (int)solve.reason, (double)solve.residual, (int)solve.counts.launches);
  PetscFunctionReturn(0);
}

static PetscErrorCode ChangesBetween(Mat A)
{
  PC  pc[2];
  Vec b, x;
  KSP ksp;

  PetscFunctionBegin;
  PetscCall(PetscFurlSetDevice("mock"));
  PetscCall(DeviceSystem(A, &b, &x));
  PetscCall(DeviceSolver(A, &ksp));
  PetscCall(KSPFurlSetRestart(ksp, 5));
  PetscCall(Solve(ksp, b, x));
  PetscCall(KSPFurlSetRestart(ksp, 120));
  PetscCall(KSPSolveTranspose(ksp, b, x));
  PetscCall(KSPFurlSetRestart(ksp, 5));
  PetscCall(Solve(ksp, b, x));
  PetscCall(KSPGetPC(ksp, &pc[0]));
  PetscCall(PetscObjectReference((PetscObject)pc[0]));
  PetscCall(PCCreate(PETSC_COMM_WORLD, &pc[1]));
  PetscCall(PCSetType(pc[1], PCFURL));
  PetscCall(PCSetOperators(pc[1], A, A));
  for (int k = 1; k < 4; k++) {
    PetscCall(KSPSetPC(ksp, pc[k % 2]));
    PetscCall(Solve(ksp, b, x));
  }
  PetscCall(PCDestroy(&pc[0]));
  PetscCall(PCDestroy(&pc[1]));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(PetscFurlSetDevice("cpu"));
  PetscFunctionReturn(0);
}

static PetscErrorCode TightAfterLoose(Mat A)
{
  FurlDeviceOps ops = WrongDevice(1000, 1.0001);
  Vec           b, x;
  KSP           ksp;

  PetscFunctionBegin;
  PetscCall(FurlDeviceOffer(&ops));
  PetscCall(PetscFurlSetDevice("host"));
  PetscCall(DeviceSystem(A, &b, &x));
  PetscCall(DeviceSolver(A, &ksp));
  for (int k = 0; k < 3; k++) {
    const PetscReal rtol = k ? 1e-8 : 1e-1;
    DeviceSolve     solve;

    PetscCall(KSPSetTolerances(ksp, rtol, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
    PetscCall(DeviceRun(ksp, b, x, &solve));
    FurlTestCheck(solve.reason > 0 && solve.residual <= 1.0001 * rtol, "solve %d: reason %d, residual %g", k, (int)solve.reason,
                  (double)solve.residual);
  }
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(PetscFurlSetDevice("cpu"));
  PetscCall(FurlDeviceOffer(NULL));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  Mat A;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscFurlInitializePackage());
  PetscCall(System(&A));
  PetscCall(FurlDeviceOffer(&MockOps));
  PetscCall(StopsAlike(A));
  PetscCall(ChangesBetween(A));
  PetscCall(TightAfterLoose(A));
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
