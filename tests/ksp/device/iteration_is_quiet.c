/* On a device an iteration copies nothing, allocates nothing, and makes nobody wait: solves of more iterations do no more of these than
 * solves of few; those of conjugate gradients are enqueued as a whole. What goes up is the right-hand side, what comes down x; a second
 * solve brings no matrix */
#include "devicetest.h"
#include "../../../src/ksp/kernels/kspstate.h"

#define FEW 3
#define MANY 11

static PetscErrorCode Count(KSP ksp, Vec b, Vec x, PetscInt its, DeviceSolve *solve)
{
  PetscFunctionBegin;
  PetscCall(KSPSetTolerances(ksp, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT, its));
  PetscCall(DeviceRun(ksp, b, x, solve));
  FurlTestCheck(solve->its == its, "%d iterations were asked for, %d done", (int)its, (int)solve->its);
  PetscFunctionReturn(0);
}

/* Of BiCGStab two iterations are a step. numbers: of the small system that GMRES fetches, and of its solution, which goes up; else 0 */
static PetscErrorCode Check(const DeviceSolve *few, const DeviceSolve *many, PetscInt n, PetscInt numbers, KSPFurlMethod method)
{
  const FurlDeviceCounts *const a = &few->counts, *const b = &many->counts;
  const int64_t bytes = (int64_t)n * (int64_t)sizeof(double), state = (int64_t)sizeof(KspState);
  const int64_t up   = bytes + state + (numbers ? MANY * (int64_t)sizeof(double) : 0);
  const int64_t down = bytes + state + numbers * (int64_t)sizeof(double);

  PetscFunctionBegin;
  FurlTestCheck(a->copies == b->copies && a->fills == b->fills, "%d and %d copies, %d and %d fills", (int)a->copies, (int)b->copies,
                (int)a->fills, (int)b->fills);
  FurlTestCheck(a->waits == b->waits, "The host waits %d and %d times", (int)a->waits, (int)b->waits);
  FurlTestCheck(!a->allocations && !b->allocations, "%d and %d allocations", (int)a->allocations, (int)b->allocations);
  FurlTestCheck((b->launches - a->launches) % (method == KSP_FURL_BCGS ? (MANY - FEW) / 2 : MANY - FEW) == 0 && b->launches > a->launches,
                "%d launches for %d iterations more", (int)(b->launches - a->launches), MANY - FEW);
  if (method == KSP_FURL_CG) FurlTestCheck(a->replays == FEW && b->replays == MANY, "%d and %d replays", (int)a->replays, (int)b->replays);
  FurlTestCheck(b->bytes_up == up && b->bytes_down == down, "%d bytes up and %d down for vectors of %d", (int)b->bytes_up,
                (int)b->bytes_down, (int)bytes);
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  const PetscInt n[3] = {15, 13, 11};
  KSPFurlMethod  method;
  PetscInt       m;
  char           device[8];
  GridTestBox    box;
  DeviceSolve    first, few, many;
  Vec            b, x;
  KSP            ksp;
  Mat            A;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscFurlInitializePackage());
  PetscCall(DeviceUnderTest(device));
  PetscCall(PetscFurlSetDevice(device));
  GridTestInit(&box, BENCH_JUMP4, n, "ddd");
  PetscCall(GridTestMatrix(PETSC_COMM_WORLD, &box, 1, &A));
  PetscCall(DeviceSystem(A, &b, &x));
  PetscCall(DeviceSolver(A, &ksp));
  PetscCall(KSPSetNormType(ksp, KSP_NORM_NONE));
  PetscCall(KSPSetConvergenceTest(ksp, KSPConvergedSkip, NULL, NULL));
  PetscCall(Count(ksp, b, x, FEW, &first));
  FurlTestCheck(first.counts.allocations == 1, "%d allocations to begin with", (int)first.counts.allocations);
  PetscCall(Count(ksp, b, x, FEW, &few));
  PetscCall(Count(ksp, b, x, MANY, &many));
  PetscCall(KSPFurlGetMethod(ksp, &method));
  PetscCall(KSPFurlGetRestart(ksp, &m));
  PetscCall(Check(&few, &many, GridTestRows(&box), method == KSP_FURL_GMRES ? m * (m + 1) + 4 * m + 1 : 0, method));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&A));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  build:
    requires: static

  test:
    args: -pc_furl_hierarchy {{grid algebraic import}} -ksp_furl_method {{cg gmres bcgs}}

TEST*/
