/*
  Systems as programs have them that KSP furl refines in low precision: singular ones with their null space, periodic directions, and rows
  that hold nothing but their diagonal. No copy of the matrix is made, which shows that refinement has done the work; norms are true, x
  keeps the mean of the guess where that is free, rows of their own are met to rounding, and the iterations are those of the default method.
*/
#include "gridnumberings.h"

#define MORE 2        /* iterations than the default method, */
#define MORE_SMOOTH 4 /* and where b is smooth, which FP32 feels least of */

/* Rows of their own: those of the outermost cells, or of one in fifty anywhere; with their columns, or without */
typedef enum { NONE, FACES, FACES_ALONE, HOLES, HOLES_ALONE } Own;

typedef struct {
  BenchClass class;
  PetscInt    n[3];
  const char *bc;
  Own         own;
  PetscReal   scale;
} System;

static const System Systems[] = {
  {BENCH_CONSTANT, {20, 21, 22}, "nnn", NONE, 1},      {BENCH_RANDOM, {19, 20, 21}, "nnn", NONE, -3},
  {BENCH_SMOOTH, {20, 22, 24}, "ppp", NONE, 1},        {BENCH_JUMP4, {17, 19, 21}, "ppp", NONE, 1e9},
  {BENCH_LAYERS, {21, 16, 33}, "pnp", NONE, 1},        {BENCH_LAYERS, {21, 16, 33}, "pdn", NONE, 1},
  {BENCH_RANDOM, {70, 81, 1}, "nnn", NONE, 1},         {BENCH_SMOOTH, {60, 1, 71}, "pnp", NONE, 1},
  {BENCH_SMOOTH, {20, 21, 22}, "ddd", FACES, 1},       {BENCH_CONSTANT, {20, 21, 22}, "ddd", FACES_ALONE, -1},
  {BENCH_RANDOM, {90, 77, 1}, "ddd", FACES, 5},        {BENCH_RANDOM, {17, 18, 19}, "nnn", HOLES, 1},
  {BENCH_SMOOTH, {17, 18, 19}, "ddd", HOLES_ALONE, 1}, {BENCH_CONSTANT, {20, 18, 17}, "ppp", HOLES, 1}};

static PetscBool IsOwn(const System *system, const PetscInt c[3])
{
  const PetscInt *const n = system->n;

  if (system->own >= HOLES) return FurlTestHash(c[0] + n[0] * (c[1] + n[1] * c[2]), 3) > 0.96 ? PETSC_TRUE : PETSC_FALSE;
  for (int d = 0; d < 3; d++)
    if (n[d] > 1 && (c[d] == 0 || c[d] == n[d] - 1)) return system->own != NONE ? PETSC_TRUE : PETSC_FALSE;
  return PETSC_FALSE;
}

/* Rows of their own on this process, in the matrix's numbers; their diagonal is no number of FP32 */
static PetscErrorCode MakeOwnRows(const System *system, const GridTestBox *box, Mat A, PetscInt *count, PetscInt **rows)
{
  PetscInt first, end;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &first, &end));
  PetscCall(PetscMalloc1(end - first, rows));
  *count = 0;
  for (PetscInt r = first; r < end; r++) {
    PetscInt c[3];

    PetscCall(GridTestCellOf(box, A, r - first, c));
    if (IsOwn(system, c)) (*rows)[(*count)++] = r;
  }
  if (system->own == NONE) PetscFunctionReturn(0);
  if (system->own == FACES || system->own == HOLES)
    PetscCall(MatZeroRows(A, *count, *rows, 0.7, NULL, NULL));
  else
    PetscCall(MatZeroRowsColumns(A, *count, *rows, 0.7, NULL, NULL));
  PetscFunctionReturn(0);
}

/* b - A x, less its mean where the matrix has a null space; and the same of b */
static PetscErrorCode Norms(Mat A, Vec b, Vec x, PetscReal *residual, PetscReal *size)
{
  MatNullSpace space;
  Vec          r;

  PetscFunctionBegin;
  PetscCall(MatGetNullSpace(A, &space));
  PetscCall(VecDuplicate(b, &r));
  PetscCall(VecCopy(b, r));
  if (space) PetscCall(MatNullSpaceRemove(space, r));
  PetscCall(VecNorm(r, NORM_2, size));
  PetscCall(MatMult(A, x, r));
  PetscCall(VecAYPX(r, -1, b));
  if (space) PetscCall(MatNullSpaceRemove(space, r));
  PetscCall(VecNorm(r, NORM_2, residual));
  PetscCall(VecDestroy(&r));
  PetscFunctionReturn(0);
}

static PetscErrorCode Mean(Vec x, PetscReal *mean)
{
  PetscScalar sum;
  PetscInt    n;

  PetscFunctionBegin;
  PetscCall(VecSum(x, &sum));
  PetscCall(VecGetSize(x, &n));
  *mean = PetscRealPart(sum) / (PetscReal)n;
  PetscFunctionReturn(0);
}

/* Solves from the guess in x with so many copies of the matrix at most */
static PetscErrorCode Solve(KSP ksp, Mat A, Vec b, Vec x, int copies, PetscInt *its)
{
  PetscReal          residual, size, told, before, after, largest;
  MatNullSpace       space;
  KSPConvergedReason reason;
  int                first, last;

  PetscFunctionBegin;
  PetscCall(MatGetNullSpace(A, &space));
  PetscCall(FurlTestEncodings(&first));
  PetscCall(Mean(x, &before));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(FurlTestEncodings(&last));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetIterationNumber(ksp, its));
  PetscCall(KSPGetResidualNorm(ksp, &told));
  PetscCall(Norms(A, b, x, &residual, &size));
  FurlTestCheck(reason > 0 && residual <= 1.000001e-8 * size, "reason %d, residual %g", (int)reason, (double)(residual / size));
  FurlTestCheck(PetscAbsReal(told - residual) <= 1e-6 * residual + 1e-12 * size, "norm told %g, found %g", (double)told, (double)residual);
  FurlTestCheck(last - first <= copies, "%d copies of the matrix", last - first);
  PetscCall(Mean(x, &after));
  PetscCall(VecNorm(x, NORM_INFINITY, &largest));
  FurlTestCheck(!space || PetscAbsReal(after - before) <= 1e-12 * largest, "mean of x %g, of the guess %g", (double)after, (double)before);
  PetscFunctionReturn(0);
}

/* Rows of their own hold to rounding */
static PetscErrorCode CheckOwnRows(Mat A, PetscInt count, const PetscInt *rows, Vec b, Vec x)
{
  PetscFunctionBegin;
  for (PetscInt k = 0; k < count; k++) {
    PetscScalar a, right, found;

    PetscCall(MatGetValues(A, 1, &rows[k], 1, &rows[k], &a));
    PetscCall(VecGetValues(b, 1, &rows[k], &right));
    PetscCall(VecGetValues(x, 1, &rows[k], &found));
    PetscCheck(PetscAbsScalar(right - a * found) <= 1e-15 * PetscAbsScalar(right), PETSC_COMM_SELF, PETSC_ERR_PLIB, "Row %d is off by %g",
               (int)rows[k], (double)PetscAbsScalar(right - a * found));
  }
  PetscFunctionReturn(0);
}

typedef enum { CONSISTENT, WITH_MEAN, SMOOTH, SIDES } Side;

/* A times noise; or that and a mean; or long waves, which are what rounding leaves least of, and a mean too where that may be */
static PetscErrorCode RightHandSide(const GridTestBox *box, Mat A, Side side, Vec b)
{
  PetscInt first, end, c[3];
  Vec      x;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(b, &x));
  PetscCall(FurlTestNoise(x, 1, 1));
  PetscCall(MatMult(A, x, b));
  PetscCall(VecDestroy(&x));
  if (side == WITH_MEAN) {
    PetscReal size;

    PetscCall(VecNorm(b, NORM_INFINITY, &size));
    PetscCall(VecShift(b, 0.3 * size));
  }
  if (side != SMOOTH) PetscFunctionReturn(0);
  PetscCall(VecGetOwnershipRange(b, &first, &end));
  for (PetscInt r = first; r < end; r++) {
    PetscCall(GridTestCellOf(box, A, r - first, c));
    PetscCall(VecSetValue(b, r, 1. + (double)c[0] / box->n[0] - (double)c[1] / box->n[1] * (1 + (double)c[2] / box->n[2]), INSERT_VALUES));
  }
  PetscCall(VecAssemblyBegin(b));
  PetscCall(VecAssemblyEnd(b));
  PetscFunctionReturn(0);
}

/* New values, and a preconditioner kept for other ones, of which the latter may take a copy */
static PetscErrorCode Life(KSP ksp, Mat A, PetscInt count, const PetscInt *rows, Vec b, Vec x)
{
  PetscInt its;

  PetscFunctionBegin;
  PetscCall(MatScale(A, 3));
  PetscCall(KSPSetOperators(ksp, A, A)); /* up to 3.20 KSPSetUp() does not look for new values without it */
  PetscCall(VecSet(x, 0));
  PetscCall(Solve(ksp, A, b, x, 0, &its));
  PetscCall(KSPSetReusePreconditioner(ksp, PETSC_TRUE));
  PetscCall(MatScale(A, 0.4));
  PetscCall(VecSet(x, 0));
  PetscCall(Solve(ksp, A, b, x, 1, &its));
  PetscCall(CheckOwnRows(A, count, rows, b, x));
  PetscCall(KSPSetReusePreconditioner(ksp, PETSC_FALSE));
  PetscFunctionReturn(0);
}

static PetscErrorCode Check(const System *system, const GridTestBox *box, PetscBool life, Mat A, PetscInt count, const PetscInt *rows)
{
  Vec b, x;
  KSP ksp, plain;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(FurlTestSolver(A, "plain_", &plain));
  for (int side = 0; side < SIDES; side++) {
    PetscInt refined, its;

    PetscCall(RightHandSide(box, A, (Side)side, b));
    PetscCall(VecSet(x, 0));
    PetscCall(Solve(plain, A, b, x, 1, &its));
    PetscCall(VecSet(x, 0));
    PetscCall(Solve(ksp, A, b, x, 0, &refined));
    PetscCall(CheckOwnRows(A, count, rows, b, x));
    FurlTestCheck(refined <= its + (side == SMOOTH ? MORE_SMOOTH : MORE),
                  "%s, %d x %d x %d, %s, own rows %d, side %d: %d iterations, %d without refinement", BenchClassNames[system->class],
                  (int)box->n[0], (int)box->n[1], (int)box->n[2], system->bc, (int)system->own, side, (int)refined, (int)its);
  }
  if (life) PetscCall(Life(ksp, A, count, rows, b, x));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(KSPDestroy(&plain));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(0);
}

/* A guess with a mean of its own, and as little of the rest as a step in time leaves */
static PetscErrorCode Guess(Mat A)
{
  Vec      b, x;
  KSP      ksp;
  PetscInt its;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestNoise(x, 1, 1));
  PetscCall(MatMult(A, x, b));
  PetscCall(FurlTestNoise(x, 2, 1e-3));
  PetscCall(VecShift(x, 5));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSetInitialGuessNonzero(ksp, PETSC_TRUE));
  PetscCall(Solve(ksp, A, b, x, 0, &its));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(0);
}

/* A coupling and its mirror differ by little, while constants are the null space all the same: a right-hand side with a mean is not in the
 * range, and no projection makes it so; one in the range is solved as it is */
static PetscErrorCode Lopsided(Mat A)
{
  const PetscReal    part = 1e-5;
  Vec                b, x;
  KSP                ksp;
  PetscReal          residual;
  PetscScalar        a;
  PetscInt           first, end;
  KSPConvergedReason reason;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &first, &end));
  if (end > first) {
    const PetscInt  r = (first + end) / 2;
    const PetscInt *column;
    PetscInt        n, other;

    PetscCall(MatGetRow(A, r, &n, &column, NULL));
    other = column[0] == r ? column[1] : column[0];
    PetscCall(MatRestoreRow(A, r, &n, &column, NULL));
    PetscCall(MatGetValue(A, r, r, &a));
    PetscCall(MatSetValue(A, r, r, part * a, ADD_VALUES));
    PetscCall(MatSetValue(A, r, other, -part * a, ADD_VALUES));
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSetTolerances(ksp, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT, 60));
  for (int side = 0; side < 2; side++) {
    PetscCall(FurlTestNoise(x, 1, 1));
    PetscCall(MatMult(A, x, b));
    PetscCall(VecShift(b, side));
    PetscCall(KSPSolve(ksp, b, x));
    PetscCall(KSPGetConvergedReason(ksp, &reason));
    PetscCall(FurlTestResidualNorm(A, b, x, &residual));
    FurlTestCheck(reason < 0 || residual <= 1.000001e-8, "lopsided: reason %d, residual %g", (int)reason, (double)residual);
    FurlTestCheck(side || reason > 0, "lopsided, in the range: reason %d, residual %g", (int)reason, (double)residual);
  }
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscMPIInt size;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscLogDefaultBegin());
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  for (size_t k = 0; k < sizeof(Systems) / sizeof(*Systems); k++) {
    const GridTestNumbering numbering = (GridTestNumbering)((k + (size_t)(size + 1) / 2) % GRID_TEST_NUMBERINGS); /* all, on some sizes */
    GridTestBox             box;
    PetscInt                count = 0, *rows = NULL;
    Mat                     A;
    PetscBool               singular;

    GridTestInit(&box, Systems[k].class, Systems[k].n, Systems[k].bc);
    singular = (PetscBool)(!strchr(Systems[k].bc, 'd') && Systems[k].own == NONE);
    PetscCall(GridTestNumbered(PETSC_COMM_WORLD, &box, numbering, &A));
    if (singular) PetscCall(GridTestSetConstants(A));
    PetscCall(MakeOwnRows(&Systems[k], &box, A, &count, &rows));
    PetscCall(MatScale(A, Systems[k].scale));
    PetscCall(Check(&Systems[k], &box, (PetscBool)(k % 4 == 0), A, count, rows));
    if (singular && k % 2 == 1) PetscCall(Guess(A));
    if (k == 0) PetscCall(Lopsided(A));
    PetscCall(PetscFree(rows));
    PetscCall(MatDestroy(&A));
  }
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2 3 5}}
    timeoutfactor: 4
    args: -ksp_type furl -ksp_rtol 1e-8 -plain_ksp_type furl -plain_ksp_rtol 1e-8 -plain_ksp_furl_refine 0

TEST*/
