/*
  Whatever type the program's matrix has, KSP furl solves with it, and MatConvert() makes the compressed matrix where the type gives its
  entries: the same products to rounding, and the same matrix when converted back.
*/
#include "../furltest.h"

static PetscErrorCode MultShell(Mat S, Vec x, Vec y)
{
  Mat A;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(S, &A));
  PetscCall(MatMult(A, x, y));
  PetscFunctionReturn(0);
}

static PetscErrorCode Function(void *context, Vec x, Vec y)
{
  PetscFunctionBegin;
  PetscCall(MatMult((Mat)context, x, y));
  PetscFunctionReturn(0);
}

static PetscErrorCode MakeShell(Mat A, Mat *B)
{
  PetscInt m;

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(A, &m, NULL));
  PetscCall(MatCreateShell(PETSC_COMM_WORLD, m, m, PETSC_DETERMINE, PETSC_DETERMINE, A, B));
  PetscCall(MatShellSetOperation(*B, MATOP_MULT, (void (*)(void))MultShell));
  PetscFunctionReturn(0);
}

static PetscErrorCode MakeMFFD(Mat A, Mat *B)
{
  Vec      base;
  PetscInt m;

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(A, &m, NULL));
  PetscCall(MatCreateMFFD(PETSC_COMM_WORLD, m, m, PETSC_DETERMINE, PETSC_DETERMINE, B));
  PetscCall(MatMFFDSetFunction(*B, Function, A));
  PetscCall(MatCreateVecs(A, &base, NULL));
  PetscCall(VecSet(base, 0));
  PetscCall(MatMFFDSetBase(*B, base, NULL));
  PetscCall(VecDestroy(&base));
  PetscCall(MatAssemblyBegin(*B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*B, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

/* Two fields, the first and the second half of each process's rows: the numbering stays that of A. One of four blocks may be missing */
static PetscErrorCode MakeNest(Mat A, Mat *B)
{
  IS       field[2];
  Mat      block[4];
  PetscInt first, last, half;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  half = (last - first) / 2;
  PetscCall(ISCreateStride(PETSC_COMM_WORLD, half, first, 1, &field[0]));
  PetscCall(ISCreateStride(PETSC_COMM_WORLD, last - first - half, first + half, 1, &field[1]));
  for (int k = 0; k < 4; k++) PetscCall(MatCreateSubMatrix(A, field[k / 2], field[k % 2], MAT_INITIAL_MATRIX, &block[k]));
  PetscCall(MatCreateNest(PETSC_COMM_WORLD, 2, field, 2, field, block, B));
  for (int k = 0; k < 4; k++) PetscCall(MatDestroy(&block[k]));
  PetscCall(ISDestroy(&field[0]));
  PetscCall(ISDestroy(&field[1]));
  PetscFunctionReturn(0);
}

/* A = half of it and the other half */
static PetscErrorCode MakeComposite(Mat A, Mat *B)
{
  Mat part[2];

  PetscFunctionBegin;
  for (int k = 0; k < 2; k++) {
    PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &part[k]));
    PetscCall(MatScale(part[k], 0.5));
  }
  PetscCall(MatCreateComposite(PETSC_COMM_WORLD, 2, part, B));
  for (int k = 0; k < 2; k++) PetscCall(MatDestroy(&part[k]));
  PetscFunctionReturn(0);
}

/* Stands for A' but holds A */
static PetscErrorCode MakeTransposed(Mat A, Mat *B)
{
  Mat T;

  PetscFunctionBegin;
  PetscCall(MatTranspose(A, MAT_INITIAL_MATRIX, &T));
  PetscCall(MatCreateTranspose(T, B));
  PetscCall(MatDestroy(&T));
  PetscFunctionReturn(0);
}

/* A = (A - u u') + u u' */
static PetscErrorCode MakeLowRank(Mat A, Mat *B)
{
  Mat      sparse, U;
  PetscInt m, first;

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(A, &m, NULL));
  PetscCall(MatGetOwnershipRange(A, &first, NULL));
  PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &sparse));
  PetscCall(MatCreateDense(PETSC_COMM_WORLD, m, PETSC_DECIDE, PETSC_DETERMINE, 1, NULL, &U));
  if (!first && m) {
    PetscCall(MatSetValue(U, 0, 0, 1, INSERT_VALUES));
    PetscCall(MatSetValue(sparse, 0, 0, -1, ADD_VALUES));
  }
  PetscCall(MatAssemblyBegin(U, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(U, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyBegin(sparse, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(sparse, MAT_FINAL_ASSEMBLY));
  PetscCall(MatCreateLRC(sparse, U, NULL, NULL, B));
  PetscCall(MatDestroy(&U));
  PetscCall(MatDestroy(&sparse));
  PetscFunctionReturn(0);
}

/* By insertion, which gives blocks of any size */
static PetscErrorCode MakeBlocked(const char form[], FurlTestGridSpec spec, PetscInt bs, Mat *B)
{
  PetscFunctionBegin;
  PetscCall(MatCreate(PETSC_COMM_WORLD, B));
  PetscCall(MatSetSizes(*B, PETSC_DECIDE, PETSC_DECIDE, spec.nx * spec.ny, spec.nx * spec.ny));
  PetscCall(MatSetType(*B, form));
  PetscCall(MatSetBlockSize(*B, bs));
  PetscCall(MatSetUp(*B));
  PetscCall(MatSetOption(*B, MAT_NEW_NONZERO_ALLOCATION_ERR, PETSC_FALSE));
  if (strstr(form, "sbaij")) PetscCall(MatSetOption(*B, MAT_IGNORE_LOWER_TRIANGULAR, PETSC_TRUE));
  PetscCall(FurlTestGridFill(*B, &spec));
  PetscFunctionReturn(0);
}

static PetscErrorCode Make(const char form[], Mat A, Mat *B)
{
  const struct {
    const char *name;
    PetscErrorCode (*make)(Mat, Mat *);
  } made[] = {{"shell", MakeShell},           {"mffd", MakeMFFD},  {"nest", MakeNest}, {"composite", MakeComposite},
              {"transposed", MakeTransposed}, {"lrc", MakeLowRank}};

  PetscFunctionBegin;
  for (size_t k = 0; k < sizeof(made) / sizeof(made[0]); k++) {
    if (strcmp(form, made[k].name)) continue;
    PetscCall((*made[k].make)(A, B));
    PetscFunctionReturn(0);
  }
  PetscCall(MatConvert(A, form, MAT_INITIAL_MATRIX, B));
  PetscFunctionReturn(0);
}

static PetscErrorCode Solve(const char form[], Mat B, PetscBool transposed)
{
  KSP                ksp;
  Vec                x, b, r;
  KSPConvergedReason reason;
  PetscReal          residual;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(B, &x, &b));
  PetscCall(VecDuplicate(b, &r));
  PetscCall(FurlTestNoise(b, 1, 1));
  PetscCall(FurlTestSolver(B, NULL, &ksp));
  if (transposed)
    PetscCall(KSPSolveTranspose(ksp, b, x));
  else
    PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(transposed ? MatMultTranspose(B, x, r) : MatMult(B, x, r));
  PetscCall(VecAXPY(r, -1, b));
  PetscCall(VecNorm(r, NORM_INFINITY, &residual));
  FurlTestCheck(reason > 0 && residual < 1e-6, "%s%s: reason %d, residual %g", form, transposed ? " transposed" : "", (int)reason,
                (double)residual);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&r));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscFunctionReturn(0);
}

/* Compressed, and back */
static PetscErrorCode Convert(const char form[], Mat A, Mat B)
{
  Mat       F, back;
  Vec       x, y, z;
  PetscReal error, size;
  PetscBool equal;

  PetscFunctionBegin;
  PetscCall(MatConvert(B, "furl", MAT_INITIAL_MATRIX, &F));
  PetscCall(MatCreateVecs(A, &x, &y));
  PetscCall(VecDuplicate(y, &z));
  PetscCall(FurlTestNoise(x, 2, 1));
  PetscCall(MatMult(A, x, y));
  PetscCall(MatMult(F, x, z));
  PetscCall(VecNorm(y, NORM_INFINITY, &size));
  PetscCall(VecAXPY(z, -1, y));
  PetscCall(VecNorm(z, NORM_INFINITY, &error));
  FurlTestCheck(error <= 32 * PETSC_MACHINE_EPSILON * size, "%s: products differ by %g of %g", form, (double)error, (double)size);
  PetscCall(MatConvert(F, MATAIJ, MAT_INITIAL_MATRIX, &back));
  PetscCall(MatMultEqual(A, back, 3, &equal));
  FurlTestCheck(equal, "%s: another matrix comes back", form);
  PetscCall(MatDestroy(&back));
  PetscCall(MatDestroy(&F));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&z));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  FurlTestGridSpec spec     = FurlTestGridDefault(30, 16);
  char             form[32] = MATAIJ;
  PetscInt         blocks   = 0;
  PetscBool        opaque = PETSC_FALSE, oneway = PETSC_FALSE;
  Mat              A, B;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-form", form, sizeof(form), NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-wind", &spec.wind, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-opaque", &opaque, NULL)); /* the type does not give its entries */
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-oneway", &oneway, NULL)); /* nor its transposed product */
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-blocks", &blocks, NULL));
  spec.contrast = 2;
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, &A));
  PetscCall(MatSetOption(A, MAT_SYMMETRIC, spec.wind == 0 ? PETSC_TRUE : PETSC_FALSE)); /* sbaij insists */
  if (blocks)
    PetscCall(MakeBlocked(form, spec, blocks, &B));
  else
    PetscCall(Make(form, A, &B));
  PetscCall(Solve(form, B, PETSC_FALSE));
  if (!oneway) PetscCall(Solve(form, B, PETSC_TRUE));
  if (!opaque) PetscCall(Convert(form, A, B));
  PetscCall(MatDestroy(&B));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  testset:
    nsize: {{1 2 3}}
    args: -ksp_type furl -ksp_rtol 1e-9
    test:
      suffix: nonsymmetric
      args: -wind 0.3 -form {{aij baij aijperm aijcrl dense furl is nest composite transposed}}
    test:
      suffix: symmetric
      args: -form {{sbaij nest is transposed}}
    test:
      suffix: block
      args: -form {{baij sbaij}} -blocks 2
    test:
      suffix: sell
      requires: !cuda
      args: -wind 0.3 -form {{aijsell sell}} -oneway
    test:
      suffix: opaque
      args: -wind 0.1 -opaque -oneway -form {{shell lrc}}
    test:
      suffix: differences
      args: -wind 0.1 -opaque -oneway -form mffd -mat_mffd_type ds

TEST*/
