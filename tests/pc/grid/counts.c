/*
  Iterations to a true residual of 1e-8, b = A times random, or of ones (-ones), on boxes of many shapes: they do not depend on the size, so
  that one bound serves all boxes of a kind. Both under KSP furl, where two cycles are combined, and for the linear V-cycle under PETSc's CG
  (-linear).

  Blocks of jumping coefficients that are unequally wide, and away from Dirichlet boundaries, are where the method is weakest: see
  docs/grid.md.
*/
#include "gridtest.h"

typedef enum { ANCHORED, SINGULAR, UNEVEN, FLAT, WIDE, LINE, KINDS } Kind;

static const struct {
  PetscInt    n[3];
  const char *bc;
  Kind        kind;
} Boxes[] = {{{24, 24, 24}, "ddd", ANCHORED}, {{33, 33, 33}, "ddd", ANCHORED}, {{40, 40, 40}, "ddd", ANCHORED},
             {{30, 30, 30}, "pnd", ANCHORED}, {{50, 20, 9}, "ddd", ANCHORED},  {{40, 40, 40}, "nnn", SINGULAR},
             {{40, 40, 40}, "ppp", SINGULAR}, {{50, 20, 9}, "nnn", SINGULAR},  {{33, 33, 33}, "nnn", UNEVEN},
             {{31, 31, 31}, "ppp", UNEVEN},   {{29, 31, 33}, "ppd", UNEVEN},   {{9, 20, 50}, "pdn", UNEVEN},
             {{120, 100, 1}, "ddd", FLAT},    {{100, 1, 120}, "dnp", FLAT},    {{1000, 900, 1}, "ddd", WIDE},
             {{4000, 1, 1}, "ddd", LINE},     {{1, 1, 3999}, "nnd", LINE}};

/* Jumps of 1e6 take 7 to 11 iterations in a periodic box and 22 to 37 on a line of 4000 cells, as the rounding of FP32 falls on this
 * machine or that */
static const PetscInt MostCombined[GRID_TEST_CLASSES][KINDS] = {
  [BENCH_CONSTANT] = {8, 7, 8, 8, 8, 11},    [BENCH_SMOOTH] = {8, 7, 8, 8, 8, 11},           [BENCH_JUMP4] = {11, 8, 40, 9, 8, 11},
  [BENCH_JUMP6] = {10, 11, 60, 10, 11, 45},  [BENCH_ANISOTROPIC] = {11, 10, 14, 10, 10, 11}, [BENCH_STRETCHED] = {12, 14, 14, 14, 16, 11},
  [BENCH_RANDOM] = {11, 12, 12, 16, 18, 13}, [BENCH_LAYERS] = {8, 8, 9, 10, 8, 15}};

static const PetscInt MostLinear[GRID_TEST_CLASSES][KINDS] = {
  [BENCH_CONSTANT] = {10, 8, 10, 10, 10, 11}, [BENCH_SMOOTH] = {10, 8, 10, 10, 10, 11},      [BENCH_JUMP4] = {14, 11, 40, 13, 11, 11},
  [BENCH_JUMP6] = {13, 10, 30, 12, 13, 30},   [BENCH_ANISOTROPIC] = {10, 9, 14, 11, 13, 11}, [BENCH_STRETCHED] = {13, 15, 14, 21, 21, 11},
  [BENCH_RANDOM] = {13, 12, 13, 17, 18, 15},  [BENCH_LAYERS] = {10, 8, 9, 11, 11, 20}};

#define ONES 20 /* iterations for a right-hand side of ones, which holds more of the smooth vectors */

/* x and b as the solver leaves and finds them */
static PetscErrorCode Solve(KSP ksp, Mat A, PetscBool ones, Vec b, Vec x)
{
  PetscFunctionBegin;
  PetscCall(FurlTestNoise(x, 1, 1));
  PetscCall(MatMult(A, x, b));
  if (ones) PetscCall(VecSet(b, 1));
  PetscCall(KSPSolve(ksp, b, x));
  PetscFunctionReturn(0);
}

static PetscErrorCode Check(const GridTestBox *box, PetscBool ones, PetscInt most)
{
  const char *const name = BenchClassNames[box->bench.class];
  Mat               A;
  Vec               b, x;
  KSP               ksp;
  PC                pc;
  PetscInt          its;
  PetscBool         grid = PETSC_FALSE;
  PetscReal         residual;

  PetscFunctionBegin;
  PetscCall(GridTestMatrix(PETSC_COMM_WORLD, box, 1, &A));
  if (!strchr(box->bench.bc, 'd')) PetscCall(GridTestSetConstants(A));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(Solve(ksp, A, ones, b, x));
  PetscCall(GridTestResidual(A, b, x, &residual));
  PetscCall(KSPGetIterationNumber(ksp, &its));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(GridTestViewSays(pc, "multigrid,grid", &grid));
  FurlTestCheck(grid && residual <= 1.01e-8 && its <= most, "%s, %d x %d x %d cells, %s: %s, %d iterations, bound %d, residual %g", name,
                (int)box->n[0], (int)box->n[1], (int)box->n[2], box->bench.bc, grid ? "on a box" : "not taken for a box", (int)its,
                (int)most, (double)residual);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscInt class     = BENCH_CONSTANT;
  PetscBool   linear = PETSC_FALSE, ones = PETSC_FALSE, set;
  GridTestBox box;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetEList(NULL, NULL, "-class", BenchClassNames, GRID_TEST_CLASSES, &class, &set));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-linear", &linear, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-ones", &ones, NULL));
  for (size_t k = 0; k < sizeof(Boxes) / sizeof(*Boxes); k++) {
    GridTestInit(&box, (BenchClass) class, Boxes[k].n, Boxes[k].bc);
    if (ones && Boxes[k].kind != ANCHORED) continue;
    PetscCall(Check(&box, ones, ones ? ONES : (linear ? MostLinear : MostCombined)[class][Boxes[k].kind]));
  }
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  testset:
    args: -ksp_rtol 1e-8 -class {{constant smooth jump4 jump6 anisotropic stretched random layers}}
    test:
      suffix: combined
      args: -ksp_type furl
    test:
      suffix: ones
      args: -ksp_type furl -ones
    test:
      suffix: linear
      args: -linear -ksp_type cg -pc_type furl -ksp_norm_type unpreconditioned

TEST*/
