/* One system, generated or read, as the options say: -problem, -class, -n, -bc, -identity, -file, -rhs, -rhs_file, -rcm, -bs */
#include "bench.h"

#define RHS_SEED 7 /* of the vector that A is multiplied by */

static PetscErrorCode CreateMatrix(MPI_Comm comm, Problem *p)
{
  char      type[64] = "diffusion", file[PETSC_MAX_PATH_LEN] = "";
  PetscBool is;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetString(NULL, NULL, "-problem", type, sizeof(type), NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-file", file, sizeof(file), &is));
  if (is) PetscFunctionReturn(MarketReadMatrix(comm, file, &p->A, p->title, sizeof(p->title)));
  p->n = 0;
  PetscCall(PetscStrcmp(type, "diffusion", &is));
  if (is) {
    p->n = 1;
    PetscFunctionReturn(DiffusionCreate(comm, MATAIJ, &p->A, p->title, sizeof(p->title)));
  }
  PetscCall(PetscStrcmp(type, "tets", &is));
  if (is) PetscFunctionReturn(TetsCreate(comm, &p->A, p->title, sizeof(p->title)));
  PetscCall(PetscStrcmp(type, "elasticity", &is));
  if (is) PetscFunctionReturn(BrickCreate(comm, PETSC_TRUE, &p->A, p->title, sizeof(p->title)));
  PetscCall(PetscStrcmp(type, "q1", &is));
  PetscCheck(is, comm, PETSC_ERR_ARG_UNKNOWN_TYPE, "-problem %s: choose diffusion, q1, tets or elasticity, or give -file", type);
  PetscFunctionReturn(BrickCreate(comm, PETSC_FALSE, &p->A, p->title, sizeof(p->title)));
}

/* A times a random vector (the default: smooth and rough error alike, consistent for singular systems), all ones, or a file */
static PetscErrorCode CreateRightHandSide(Problem *p)
{
  char        rhs[64] = "random", file[PETSC_MAX_PATH_LEN];
  PetscBool   from_file, ones;
  PetscRandom random;
  Vec         x;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(p->A, &x, &p->b));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-rhs", rhs, sizeof(rhs), NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-rhs_file", file, sizeof(file), &from_file));
  PetscCall(PetscStrcmp(rhs, "ones", &ones));
  if (from_file) {
    PetscCall(MarketReadVector(file, p->b));
  } else if (ones) {
    PetscCall(VecSet(p->b, 1));
    PetscCall(PetscStrlcat(p->title, " b=ones", sizeof(p->title)));
  } else {
    PetscCall(PetscRandomCreate(PetscObjectComm((PetscObject)p->A), &random));
    PetscCall(PetscRandomSetInterval(random, -1, 1));
    PetscCall(PetscRandomSetSeed(random, RHS_SEED));
    PetscCall(PetscRandomSeed(random));
    PetscCall(VecSetRandom(x, random));
    PetscCall(MatMult(p->A, x, p->b));
    PetscCall(PetscRandomDestroy(&random));
  }
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FindSign(Problem *p)
{
  Vec       diagonal;
  PetscReal largest;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(p->A, NULL, &diagonal));
  PetscCall(MatGetDiagonal(p->A, diagonal));
  PetscCall(VecMax(diagonal, NULL, &largest));
  p->sign = largest < 0 ? -1 : 1;
  PetscCall(VecDestroy(&diagonal));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ProblemCreate(MPI_Comm comm, Problem *p)
{
  PetscFunctionBegin;
  PetscCall(PetscMemzero(p, sizeof(*p)));
  PetscCall(CreateMatrix(comm, p));
  PetscCall(CreateRightHandSide(p));
  PetscCall(FindSign(p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ProblemGetHypre(Problem *p, Mat *hypre)
{
  char title[256];

  PetscFunctionBegin;
  PetscCheck(p->n, PETSC_COMM_WORLD, PETSC_ERR_SUP, "PFMG needs a 7-point system on a grid (-problem diffusion)");
  if (!p->hypre) PetscCall(DiffusionCreate(PetscObjectComm((PetscObject)p->A), MATHYPRESTRUCT, &p->hypre, title, sizeof(title)));
  *hypre = p->hypre;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -A for methods that know positive definite matrices only; A itself where its diagonal is positive */
PetscErrorCode ProblemGetPositive(Problem *p, Mat *positive)
{
  MatNullSpace near;

  PetscFunctionBegin;
  if (p->sign > 0) {
    *positive = p->A;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (!p->positive) {
    PetscCall(MatDuplicate(p->A, MAT_COPY_VALUES, &p->positive));
    PetscCall(MatScale(p->positive, -1));
    PetscCall(MatGetNearNullSpace(p->A, &near));
    PetscCall(MatSetNearNullSpace(p->positive, near));
  }
  *positive = p->positive;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A, or its negative, in another type, with what it carries; kept, so that a method's set-up begins with the matrix where it wants it */
PetscErrorCode ProblemGetTyped(Problem *p, Mat A, MatType type, Mat *typed)
{
  MatNullSpace space, near;
  PetscBool    same = PETSC_FALSE;
  Vec          x, y;

  PetscFunctionBegin;
  if (p->typed && p->typed_of == A) PetscCall(PetscObjectTypeCompare((PetscObject)p->typed, type, &same));
  if (!same) {
    PetscCall(MatDestroy(&p->typed));
    PetscCall(MatConvert(A, type, MAT_INITIAL_MATRIX, &p->typed));
    p->typed_of = A;
    PetscCall(MatGetNullSpace(A, &space));
    PetscCall(MatGetNearNullSpace(A, &near));
    PetscCall(MatSetNullSpace(p->typed, space));
    PetscCall(MatSetNearNullSpace(p->typed, near));
    /* a type of a device brings its values there with the first product */
    PetscCall(MatCreateVecs(p->typed, &x, &y));
    PetscCall(MatMult(p->typed, x, y));
    PetscCall(VecDestroy(&x));
    PetscCall(VecDestroy(&y));
  }
  *typed = p->typed;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* |A - A'| / |A|, Frobenius; infinite where A is not square */
static PetscErrorCode Asymmetry(Mat A, PetscReal *asymmetry)
{
  Mat       difference;
  PetscReal norm;
  PetscInt  rows, columns;

  PetscFunctionBegin;
  *asymmetry = PETSC_INFINITY;
  PetscCall(MatGetSize(A, &rows, &columns));
  if (rows != columns) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatTranspose(A, MAT_INITIAL_MATRIX, &difference));
  PetscCall(MatAXPY(difference, -1, A, DIFFERENT_NONZERO_PATTERN));
  PetscCall(MatNorm(difference, NORM_FROBENIUS, asymmetry));
  PetscCall(MatNorm(A, NORM_FROBENIUS, &norm));
  *asymmetry /= norm;
  PetscCall(MatDestroy(&difference));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One line of JSON on what the system is, for scripts that choose by it */
PetscErrorCode ProblemDescribe(Problem *p)
{
  Vec       diagonal;
  PetscReal asymmetry, smallest, largest;
  PetscInt  rows;
  MatInfo   info;

  PetscFunctionBegin;
  PetscCall(Asymmetry(p->A, &asymmetry));
  PetscCall(MatGetSize(p->A, &rows, NULL));
  PetscCall(MatGetInfo(p->A, MAT_GLOBAL_SUM, &info));
  PetscCall(MatCreateVecs(p->A, NULL, &diagonal));
  PetscCall(MatGetDiagonal(p->A, diagonal));
  PetscCall(VecMin(diagonal, NULL, &smallest));
  PetscCall(VecMax(diagonal, NULL, &largest));
  PetscCall(VecDestroy(&diagonal));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD,
                        "{\"system\": \"%s\", \"rows\": %d, \"nonzeros\": %.0f, \"asymmetry\": %.2e, \"smallest_diagonal\": %.6e, "
                        "\"largest_diagonal\": %.6e}\n",
                        p->title, (int)rows, (double)info.nz_used, (double)asymmetry, (double)smallest, (double)largest));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode ProblemDestroy(Problem *p)
{
  PetscFunctionBegin;
  PetscCall(MatDestroy(&p->A));
  PetscCall(MatDestroy(&p->hypre));
  PetscCall(MatDestroy(&p->positive));
  PetscCall(MatDestroy(&p->typed));
  PetscCall(VecDestroy(&p->b));
  PetscFunctionReturn(PETSC_SUCCESS);
}
