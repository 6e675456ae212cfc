/*
  A solve on a device takes the iterations that the CPU takes, to the same residual and the same x up to rounding; on a device whose streams
  run late and in any order it gives the bits that one gives which does everything at once. A GPU, whose compiler contracts otherwise, may
  differ in the last bits and by an iteration. Solves again, with another right-hand side, from a guess, and after the values have changed
*/
#include "devicetest.h"

/* Upwind differences of a wind along x */
static PetscErrorCode AddWind(const GridTestBox *box, PetscReal wind, Mat A)
{
  PetscFunctionBegin;
  for (PetscInt row = 0; row < GridTestRows(box); row++) {
    PetscCall(MatSetValue(A, row, row, wind, ADD_VALUES));
    if (row % box->n[0]) PetscCall(MatSetValue(A, row, row - 1, -wind, ADD_VALUES));
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

/* The same null space told as constants, or as a vector */
static PetscErrorCode SetNullSpace(Mat A, PetscBool vector)
{
  MatNullSpace space;
  Vec          ones;

  PetscFunctionBegin;
  if (!vector) {
    PetscCall(GridTestSetConstants(A));
    PetscFunctionReturn(0);
  }
  PetscCall(MatCreateVecs(A, &ones, NULL));
  PetscCall(VecSet(ones, 1));
  PetscCall(VecNormalize(ones, NULL));
  PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_FALSE, 1, &ones, &space));
  PetscCall(MatSetNullSpace(A, space));
  PetscCall(MatNullSpaceDestroy(&space));
  PetscCall(VecDestroy(&ones));
  PetscFunctionReturn(0);
}

/* What a monitor builds during the iteration has the norm that it is told */
static PetscErrorCode Look(KSP ksp, PetscInt it, PetscReal norm, void *first)
{
  PetscReal *const whole = first;
  PetscReal        own;
  Vec              r;

  PetscFunctionBegin;
  PetscCall(KSPBuildResidual(ksp, NULL, NULL, &r));
  PetscCall(VecNorm(r, NORM_2, &own));
  PetscCall(VecDestroy(&r));
  if (it == 0) *whole = norm;
  FurlTestCheck(PetscAbsReal(own - norm) <= 1e-10 * *whole, "Iteration %d: norm %g, the residual that is built has %g", (int)it,
                (double)norm, (double)own);
  PetscFunctionReturn(0);
}

static PetscErrorCode Matrix(Mat *A)
{
  PetscInt       n[3] = {17, 11, 9}, three = 3, class = BENCH_CONSTANT;
  char           bc[8]   = "ddd";
  const PetscInt rows[3] = {0, 7, 200};
  PetscReal      wind    = 0;
  PetscBool      null = PETSC_FALSE, vector = PETSC_FALSE;
  PetscBool      own = PETSC_FALSE; /* some rows hold nothing but their diagonal, others refer to them */
  GridTestBox    box;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetIntArray(NULL, NULL, "-box", n, &three, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-class", &class, NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-bc", bc, sizeof(bc), NULL));
  GridTestInit(&box, (BenchClass) class, n, bc);
  PetscCall(GridTestMatrix(PETSC_COMM_WORLD, &box, 1, A));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-own", &own, NULL));
  if (own) PetscCall(MatZeroRows(*A, 3, rows, 2, NULL, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-wind", &wind, NULL));
  if (wind > 0) PetscCall(AddWind(&box, wind, *A));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-null", &null, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-vector", &vector, NULL));
  if (null) PetscCall(SetNullSpace(*A, vector));
  PetscFunctionReturn(0);
}

/* x[0 .. 3] of four solves */
static PetscErrorCode Solves(const char device[], Mat A, Vec x[4], DeviceSolve solve[4])
{
  MatNullSpace space;
  PetscBool    look = PETSC_FALSE;
  PetscReal    first;
  Vec          b;
  KSP          ksp;

  PetscFunctionBegin;
  PetscCall(PetscFurlSetDevice(device));
  PetscCall(DeviceSolver(A, &ksp));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-look", &look, NULL));
  if (look) PetscCall(KSPMonitorSet(ksp, Look, &first, NULL));
  PetscCall(MatGetNullSpace(A, &space));
  for (int k = 0; k < 4; k++) {
    PetscCall(DeviceSystem(A, &b, &x[k]));
    if (k == 1) PetscCall(FurlTestNoise(b, 5, 1));
    if (k == 2) PetscCall(FurlTestNoise(x[k], 9, 1));
    if (space) PetscCall(MatNullSpaceRemove(space, b));
    PetscCall(KSPSetInitialGuessNonzero(ksp, k == 2 ? PETSC_TRUE : PETSC_FALSE));
    if (k == 3) PetscCall(MatScale(A, 4));
    PetscCall(DeviceRun(ksp, b, x[k], &solve[k]));
    FurlTestCheck(solve[k].reason > 0 && solve[k].residual <= 1.0001e-8, "%s, solve %d: reason %d, residual %g", device, k,
                  (int)solve[k].reason, (double)solve[k].residual);
    FurlTestCheck(!strcmp(device, "cpu") || solve[k].counts.launches > 10 * solve[k].its, "%s, solve %d: %d launches", device, k,
                  (int)solve[k].counts.launches);
    FurlTestCheck(!solve[k].counts.allocations || k == 0 || k == 3, "%s, solve %d allocates again", device, k);
    PetscCall(VecDestroy(&b));
  }
  PetscCall(MatScale(A, .25));
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(0);
}

static PetscErrorCode Compare(const char what[], Vec x[4], Vec y[4], const DeviceSolve solve[2][4], PetscReal bound, PetscInt slack)
{
  const DeviceSolve *const a = solve[0], *const b = solve[1];
  PetscReal size, distance;

  PetscFunctionBegin;
  for (int k = 0; k < 4; k++) {
    FurlTestCheck(PetscAbs(a[k].its - b[k].its) <= slack, "%s, solve %d: %d and %d iterations", what, k, (int)a[k].its, (int)b[k].its);
    PetscCall(VecNorm(x[k], NORM_INFINITY, &size));
    PetscCall(VecAXPY(x[k], -1, y[k]));
    PetscCall(VecNorm(x[k], NORM_INFINITY, &distance));
    FurlTestCheck(distance <= bound * size, "%s, solve %d: solutions differ by %g", what, k, (double)(distance / size));
    PetscCall(VecAXPY(x[k], 1, y[k]));
  }
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  char              third[8];
  const char *const device[3] = {"cpu", "host", third};
  PetscBool         same;
  Vec               x[3][4];
  DeviceSolve       solve[3][4];
  Mat               A;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscFurlInitializePackage());
  PetscCall(Matrix(&A));
  for (int k = 0; k < 3; k++) {
    PetscCall(DeviceUnderTest(third));
    if (k == 1) PetscCall(FurlDeviceOffer(&FurlDeviceHost));
    PetscCall(Solves(device[k], A, x[k], solve[k]));
  }
  PetscCall(PetscFurlSetDevice("cpu"));
  FurlTestCheck(!mock.opened, "The mock is open still");
  PetscCall(PetscStrcmp(third, "cuda", &same));
  same = (PetscBool)!same;
  PetscCall(Compare("host and the device", x[1], x[2], solve + 1, same ? 0 : 1e-6, same ? 0 : 1));
  PetscCall(Compare("cpu and host", x[0], x[1], solve, 1e-6, 0));
  for (int k = 0; k < 12; k++) PetscCall(VecDestroy(&x[k / 4][k % 4]));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  build:
    requires: static

  test:
    suffix: grid
    args: -ksp_rtol 1e-8 -box {{17,11,9 40,33,1 300,2,1 32,32,32}} -class {{0 2}} -pc_furl_hierarchy grid

  test:
    suffix: chain
    args: -ksp_rtol 1e-8 -box 300,1,1 -pc_furl_hierarchy grid

  test:
    suffix: neumann
    args: -ksp_rtol 1e-8 -box 20,20,20 -bc dnn

  test:
    suffix: periodic
    args: -ksp_rtol 1e-8 -box {{32,20,12 17,11,9 24,24,24}} -class {{0 2}} -bc {{pdd ppd}} -pc_furl_hierarchy grid

  test:
    suffix: own
    args: -ksp_rtol 1e-8 -box 20,20,20 -own -pc_furl_hierarchy {{grid import}}

  test:
    suffix: null
    args: -ksp_rtol 1e-8 -box {{20,20,20 17,11,9}} -bc {{nnn pnp}} -null -vector {{0 1}} -pc_furl_hierarchy grid

  test:
    suffix: gmres
    args: -ksp_rtol 1e-8 -box {{17,11,9 40,33,1 32,32,32}} -wind {{1 30}} -ksp_furl_restart {{2 30}} -pc_furl_hierarchy grid

  test:
    suffix: bcgs
    args: -ksp_rtol 1e-8 -box {{17,11,9 40,33,1 32,32,32}} -wind {{1 30}} -ksp_furl_method bcgs -pc_furl_hierarchy grid

  test:
    suffix: gmres_import
    args: -ksp_rtol 1e-8 -box {{17,11,9 32,32,32}} -wind 1 -ksp_furl_restart {{2 30}} -pc_furl_hierarchy import

  test:
    suffix: gmres_null
    args: -ksp_rtol 1e-8 -box 17,11,9 -bc nnn -null -ksp_furl_method {{gmres bcgs}} -look {{0 1}}

  test:
    suffix: looked_at
    args: -ksp_rtol 1e-8 -box 17,11,9 -look -ksp_furl_method {{cg gmres bcgs}} -ksp_furl_restart 4

  test:
    suffix: import
    args: -ksp_rtol 1e-8 -box {{17,11,9 40,33,1 5,3,1}} -pc_furl_hierarchy {{algebraic import}} -pc_furl_smoother_degree {{1 2 3}}

TEST*/
