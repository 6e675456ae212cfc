/*
  Whatever a device fails at, and whenever, leaves nothing behind. Where it was asked for by name the solve ends with an error that PETSc
  knows; under `auto` it goes on on the CPU, and its answer is right
*/
#include "devicetest.h"

typedef enum { FAIL_ALLOCATION, FAIL_LAUNCH, FAIL_COPY, FAIL_VANISH, FAIL_RECORDING, FAILURES } Failure;

static int64_t *Countdown(Failure failure)
{
  int64_t *const countdown[FAILURES] = {&mock.fail_allocation, &mock.fail_launch, &mock.fail_copy, &mock.vanish, &mock.fail_recording};

  return countdown[failure];
}

/* The n-th one fails; *happened is false where there are fewer */
static PetscErrorCode Try(Mat A, PetscBool insist, Failure failure, int64_t n, PetscBool *happened)
{
  const PetscErrorCode expected = failure == FAIL_RECORDING ? 0 : failure == FAIL_ALLOCATION ? PETSC_ERR_MEM : PETSC_ERR_GPU;
  PetscErrorCode       ierr;
  DeviceSolve          solve = {0};
  Vec                  b, x;
  KSP                  ksp;

  PetscFunctionBegin;
  PetscCall(FurlDeviceOffer(&MockOps));
  PetscCall(PetscFurlSetDevice(insist ? "mock" : "auto"));
  PetscCall(DeviceSystem(A, &b, &x));
  PetscCall(DeviceSolver(A, &ksp));
  *Countdown(failure) = n;
  PetscCall(PetscPushErrorHandler(insist ? PetscReturnErrorHandler : PetscTraceBackErrorHandler, NULL));
  ierr = KSPSolve(ksp, b, x);
  PetscCall(PetscPopErrorHandler());
  *happened           = *Countdown(failure) == 0 ? PETSC_TRUE : PETSC_FALSE;
  *Countdown(failure) = 0;
  FurlTestCheck(ierr == (*happened && insist ? expected : 0), "Failure %d of kind %d: error %d", (int)n, (int)failure, (int)ierr);
  if (!ierr) {
    PetscCall(KSPGetConvergedReason(ksp, &solve.reason));
    PetscCall(FurlTestResidualNorm(A, b, x, &solve.residual));
    FurlTestCheck(solve.reason > 0 && solve.residual <= 1.0001e-8, "Failure %d of kind %d: reason %d, residual %g", (int)n, (int)failure,
                  (int)solve.reason, (double)solve.residual);
  }
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(FurlDeviceOffer(NULL)); /* closes the device, which looks for what was left behind */
  FurlTestCheck(!mock.opened, "The device is open still");
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  const PetscInt n[3]   = {32, 32, 32};
  PetscInt       kind   = 0;
  PetscBool      insist = PETSC_FALSE, happened = PETSC_TRUE;
  GridTestBox    box;
  int64_t        k = 1;
  Mat            A;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscFurlInitializePackage());
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-kind", &kind, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-insist", &insist, NULL));
  GridTestInit(&box, BENCH_CONSTANT, n, "ddd");
  PetscCall(GridTestMatrix(PETSC_COMM_WORLD, &box, 1, &A));
  for (; happened; k += 1 + k / 2) PetscCall(Try(A, insist, (Failure)kind, k, &happened));
  FurlTestCheck(k > (kind == FAIL_RECORDING ? 1 : 3), "Nothing of kind %d ever failed", (int)kind);
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  build:
    requires: static

  test:
    args: -ksp_rtol 1e-8 -kind {{0 1 2 3}} -insist {{0 1}} -ksp_furl_method {{cg gmres bcgs}}

  test:
    suffix: no_norm
    args: -ksp_norm_type none -ksp_max_it 14 -kind {{2 3}} -insist 0 -ksp_furl_method {{cg gmres bcgs}}

  test:
    suffix: recording
    args: -ksp_rtol 1e-8 -kind 4 -insist {{0 1}}

TEST*/
