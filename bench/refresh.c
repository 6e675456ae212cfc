static char help[] = "Times how new values in the same pattern reach a furl matrix, in products of AIJ, and prints medians.\n\n\
  systems as for bench/solve.c; -repeats N (11), -firsts N (as many), -changes a,b (none, local, scaled, varied); Furl is loaded with -dll_append\n\n";
/*
  none    the state of the matrix grows, no value changes
  local   the entries between rows of one hundredth of the matrix change
  scaled  all entries are multiplied by the same number
  varied  each entry is multiplied by a number near one of its own, symmetrically
  "first" is the encoding of a matrix that is not there yet.
*/
#include "bench.h"
#include "classes.h"

#include <petsctime.h>

#define MAX_REPEATS 99
#define PART 100 /* of the rows, one in so many changes in `local` */

typedef enum { CHANGE_NONE, CHANGE_LOCAL, CHANGE_SCALED, CHANGE_VARIED, CHANGES } Change;

static const char *const ChangeNames[CHANGES] = {"none", "local", "scaled", "varied"};

/* What entry (i, j) is multiplied by in the given round; powers of two leave nothing to rounding */
static double Factor(Change change, PetscInt round, PetscInt i, PetscInt j, PetscInt n)
{
  const PetscInt low = PetscMin(i, j), high = PetscMax(i, j), first = n / 2, end = n / 2 + n / PART;

  if (change == CHANGE_SCALED) return round % 2 ? 2 : 0.5;
  if (change == CHANGE_LOCAL && low >= first && high < end) return round % 2 ? 2 : 0.5;
  if (change == CHANGE_VARIED) return 1 + 1e-3 * BenchUniform((uint64_t)round, (uint64_t)low * (uint64_t)n + (uint64_t)high);
  return 1;
}

static PetscErrorCode ApplyChange(Mat A, Change change, PetscInt round)
{
  PetscInt        n;
  const PetscInt *ia, *ja;
  PetscScalar    *a;
  PetscBool       done;

  PetscFunctionBegin;
  PetscCall(MatGetRowIJ(A, 0, PETSC_FALSE, PETSC_FALSE, &n, &ia, &ja, &done));
  PetscCheck(done, PETSC_COMM_SELF, PETSC_ERR_SUP, "The matrix does not give its rows and columns");
  PetscCall(MatSeqAIJGetArray(A, &a));
  for (PetscInt i = 0; change != CHANGE_NONE && i < n; i++)
    for (PetscInt k = ia[i]; k < ia[i + 1]; k++) a[k] *= Factor(change, round, i, ja[k], n);
  PetscCall(MatSeqAIJRestoreArray(A, &a));
  PetscCall(MatRestoreRowIJ(A, 0, PETSC_FALSE, PETSC_FALSE, &n, &ia, &ja, &done));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TimeProduct(Mat A, Vec x, Vec y, double *seconds)
{
  PetscLogDouble start, end;

  PetscFunctionBegin;
  PetscCall(PetscTime(&start));
  PetscCall(MatMult(A, x, y));
  PetscCall(PetscTime(&end));
  *seconds = end - start;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TimeConvert(Mat A, MatReuse reuse, Mat *F, double *seconds)
{
  PetscLogDouble start, end;

  PetscFunctionBegin;
  PetscCall(PetscTime(&start));
  PetscCall(MatConvert(A, "furl", reuse, F));
  PetscCall(PetscTime(&end));
  *seconds = end - start;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckEqual(Mat A, Mat F, Vec x, Vec y, Vec z)
{
  PetscReal norm, difference;

  PetscFunctionBegin;
  PetscCall(MatMult(A, x, y));
  PetscCall(MatMult(F, x, z));
  PetscCall(VecAXPY(z, -1, y));
  PetscCall(VecNorm(y, NORM_2, &norm));
  PetscCall(VecNorm(z, NORM_2, &difference));
  PetscCheck(difference <= 1e-13 * norm, PETSC_COMM_SELF, PETSC_ERR_PLIB, "The product is off by %g of its norm", difference / norm);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rounds of a change, each with a product of AIJ beside it; the first round, which may change the encoding, counts by itself */
static PetscErrorCode MeasureChange(Mat A, Mat *F, Change change, PetscInt repeats, double product[])
{
  double   seconds[MAX_REPEATS], first;
  Vec      x, y, z;
  MatInfo  info;
  PetscInt rows;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &x, &y));
  PetscCall(VecDuplicate(y, &z));
  PetscCall(VecSetRandom(x, NULL));
  for (PetscInt k = -1; k < repeats; k++) {
    PetscCall(ApplyChange(A, change, k + 1));
    PetscCall(TimeConvert(A, MAT_REUSE_MATRIX, F, k < 0 ? &first : &seconds[k]));
    if (k >= 0) PetscCall(TimeProduct(A, x, y, &product[k]));
    PetscCall(CheckEqual(A, *F, x, y, z));
  }
  PetscCall(MatGetInfo(*F, MAT_LOCAL, &info));
  PetscCall(MatGetLocalSize(A, &rows, NULL));
  const double aij = BenchMedian(product, repeats), median = BenchMedian(seconds, repeats);
  PetscCall(PetscPrintf(PETSC_COMM_SELF, "%-8s %9.3f %8.2fx %8.2fx %9.2f\n", ChangeNames[change], median / rows * 1e9, median / aij,
                        first / aij, info.memory / rows));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MeasureFirst(Mat A, PetscInt repeats)
{
  double   seconds[MAX_REPEATS], product[MAX_REPEATS];
  Vec      x, y;
  PetscInt rows;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &x, &y));
  PetscCall(VecSet(x, 1));
  for (PetscInt k = 0; k < repeats; k++) {
    Mat F;

    PetscCall(TimeConvert(A, MAT_INITIAL_MATRIX, &F, &seconds[k]));
    PetscCall(MatDestroy(&F));
    PetscCall(TimeProduct(A, x, y, &product[k]));
  }
  PetscCall(MatGetLocalSize(A, &rows, NULL));
  const double aij = BenchMedian(product, repeats), median = BenchMedian(seconds, repeats);
  PetscCall(PetscPrintf(PETSC_COMM_SELF, "%-8s %9.3f %8.2fx\n", "first", median / rows * 1e9, median / aij));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode IsWanted(Change change, PetscBool *wanted)
{
  char     *names[CHANGES];
  PetscInt  n = CHANGES;
  PetscBool given;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetStringArray(NULL, NULL, "-changes", names, &n, &given));
  *wanted = (PetscBool)!given;
  for (PetscInt k = 0; given && k < n; k++) {
    PetscBool same;

    PetscCall(PetscStrcmp(names[k], ChangeNames[change], &same));
    if (same) *wanted = PETSC_TRUE;
    PetscCall(PetscFree(names[k]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscInt    repeats = 11, firsts = 11, rows;
  double      product[MAX_REPEATS];
  Problem     p;
  Mat         F;
  PetscMPIInt size;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCheck(size == 1, PETSC_COMM_WORLD, PETSC_ERR_WRONG_MPI_SIZE, "This measures one core; run it on one rank");
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-repeats", &repeats, NULL));
  PetscCheck(repeats >= 1 && repeats <= MAX_REPEATS, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE,
             "-repeats %" PetscInt_FMT " is not in 1..%d", repeats, MAX_REPEATS);
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-firsts", &firsts, NULL));
  PetscCall(ProblemCreate(PETSC_COMM_SELF, &p));
  PetscCall(MatGetLocalSize(p.A, &rows, NULL));
  PetscCall(PetscPrintf(PETSC_COMM_SELF, "%s: %d rows, medians of %d\n%-8s %9s %9s %9s %9s\n", p.title, (int)rows, (int)repeats, "change",
                        "ns/row", "of AIJ", "1st", "B/row"));
  PetscCall(MeasureFirst(p.A, PetscMin(repeats, firsts)));
  PetscCall(MatConvert(p.A, "furl", MAT_INITIAL_MATRIX, &F));
  for (int change = 0; change < CHANGES; change++) {
    PetscBool wanted = PETSC_FALSE;

    PetscCall(IsWanted((Change)change, &wanted));
    if (wanted) PetscCall(MeasureChange(p.A, &F, (Change)change, repeats, product));
  }
  PetscCall(MatDestroy(&F));
  PetscCall(ProblemDestroy(&p));
  PetscCall(PetscFinalize());
  return 0;
}
