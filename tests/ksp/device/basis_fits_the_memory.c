/* GMRES takes as many columns as a device has room for beside the rest, or a limit allows, and goes to the CPU where that is next to none;
 * there goes a system too that does not fit below the limit, unless the device was asked for by name */
#include "devicetest.h"

#define ROOMY ((size_t)256 << 20)
#define NARROW ((size_t)16 << 20)
#define SPARE ((size_t)64 << 20) /* that stay free on a device, but count nothing for a limit */
#define TIGHT ((size_t)4 << 20)

static PetscErrorCode Try(Mat A, size_t room, PetscBool limit, PetscBool there, size_t *used)
{
  DeviceSolve solve;
  FurlDevice *device;
  Vec         b, x;
  KSP         ksp;

  PetscFunctionBegin;
  mock.room = limit ? 0 : there ? room + SPARE : room;
  PetscCall(FurlDeviceOffer(&MockOps));
  PetscCall(PetscFurlSetMemoryLimit(limit ? (PetscReal)room / 1048576 : 0));
  PetscCall(PetscFurlSetDevice("auto"));
  PetscCall(DeviceSystem(A, &b, &x));
  PetscCall(DeviceSolver(A, &ksp));
  PetscCall(KSPFurlSetMethod(ksp, KSP_FURL_GMRES));
  PetscCall(KSPFurlSetRestart(ksp, 100));
  PetscCall(DeviceRun(ksp, b, x, &solve));
  FurlTestCheck(solve.reason > 0 && solve.residual <= 1.0001e-8, "reason %d, residual %g", (int)solve.reason, (double)solve.residual);
  FurlTestCheck(there == (solve.counts.launches > 0), "Room for %zu bytes: %d launches", room, (int)solve.counts.launches);
  PetscCall(FurlDeviceGet(&device, NULL));
  *used = device ? device->most : 0;
  FurlTestCheck(*used <= room + SPARE, "%zu bytes used, of %zu", *used, room);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(FurlDeviceOffer(NULL));
  mock.room = 0;
  PetscFunctionReturn(0);
}

static PetscErrorCode Refused(Mat A)
{
  PetscErrorCode ierr;
  Vec            b, x;
  KSP            ksp;

  PetscFunctionBegin;
  PetscCall(FurlDeviceOffer(&MockOps));
  PetscCall(PetscFurlSetDevice("mock"));
  PetscCall(PetscFurlSetMemoryLimit(2));
  PetscCall(DeviceSystem(A, &b, &x));
  PetscCall(DeviceSolver(A, &ksp));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  ierr = KSPSolve(ksp, b, x);
  PetscCall(PetscPopErrorHandler());
  FurlTestCheck(ierr == PETSC_ERR_MEM, "Error %d where the limit is 2 MiB", (int)ierr);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(PetscFurlSetMemoryLimit(0));
  PetscCall(PetscFurlSetDevice("cpu"));
  PetscCall(FurlDeviceOffer(NULL));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  const PetscInt n[3] = {33, 32, 32};
  GridTestBox    box;
  PetscBool      limit = PETSC_FALSE;
  size_t         used[3];
  Mat            A;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscFurlInitializePackage());
  GridTestInit(&box, BENCH_SMOOTH, n, "ddd");
  PetscCall(GridTestMatrix(PETSC_COMM_WORLD, &box, 1, &A));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-limit", &limit, NULL));
  PetscCall(Try(A, ROOMY, limit, PETSC_TRUE, &used[0]));
  PetscCall(Try(A, NARROW, limit, PETSC_TRUE, &used[1]));
  PetscCall(Try(A, TIGHT, limit, PETSC_FALSE, &used[2]));
  FurlTestCheck(used[1] < used[0] / 2, "%zu bytes used where there is room, %zu where there is little", used[0], used[1]);
  if (limit) PetscCall(Refused(A));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  build:
    requires: static

  test:
    args: -ksp_rtol 1e-8 -limit {{0 1}}

TEST*/
