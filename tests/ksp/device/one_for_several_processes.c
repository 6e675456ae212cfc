/* Several processes, one device: PETSc's telescope brings the system to one of them, where a KSP furl of its own solves it there, and the
 * outer one judges what comes back */
#include "devicetest.h"

int main(int argc, char **argv)
{
  const PetscInt n[3] = {20, 19, 18};
  PetscMPIInt    rank;
  GridTestBox    box;
  DeviceSolve    solve;
  Vec            b, x;
  KSP            ksp;
  Mat            A;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscFurlInitializePackage());
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(FurlDeviceOffer(&MockOps));
  PetscCall(PetscFurlSetDevice("mock"));
  GridTestInit(&box, BENCH_JUMP4, n, "ddd");
  PetscCall(GridTestMatrix(PETSC_COMM_WORLD, &box, 1, &A));
  PetscCall(DeviceSystem(A, &b, &x));
  PetscCall(DeviceSolver(A, &ksp));
  PetscCall(DeviceRun(ksp, b, x, &solve));
  FurlTestCheck(solve.reason > 0 && solve.its <= 2 && solve.residual <= 1.0001e-8, "reason %d, %d iterations, residual %g",
                (int)solve.reason, (int)solve.its, (double)solve.residual);
  FurlTestCheck((rank == 0) == (solve.counts.launches > 0), "Process %d: %d launches", (int)rank, (int)solve.counts.launches);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscCall(FurlDeviceOffer(NULL));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  build:
    requires: static

  test:
    nsize: 3
    args: -ksp_rtol 1e-8 -pc_type telescope -pc_telescope_reduction_factor 3 -telescope_ksp_type furl -telescope_ksp_rtol 1e-9

TEST*/
