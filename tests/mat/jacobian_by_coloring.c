/*
  A furl Jacobian by finite differences with coloring (MatFDColoring): that of a linear function is its matrix, whatever was in it before,
  and again after new values.
*/
#include "../furltest.h"

static PetscErrorCode Function(void *snes, Vec x, Vec y, void *context)
{
  PetscFunctionBegin;
  PetscCall(MatMult((Mat)context, x, y));
  PetscFunctionReturn(0);
}

/* Columns that share no row get one color: distance 2 */
static PetscErrorCode Color(Mat J, ISColoring *colors)
{
  MatColoring coloring;

  PetscFunctionBegin;
  PetscCall(MatColoringCreate(J, &coloring));
  PetscCall(MatColoringSetDistance(coloring, 2));
  PetscCall(MatColoringSetType(coloring, MATCOLORINGSL));
  PetscCall(MatColoringApply(coloring, colors));
  PetscCall(MatColoringDestroy(&coloring));
  PetscFunctionReturn(0);
}

static PetscErrorCode MustBeEqual(Mat A, Mat J, const char *what)
{
  Mat       D;
  PetscReal error, size;

  PetscFunctionBegin;
  PetscCall(MatConvert(J, MATAIJ, MAT_INITIAL_MATRIX, &D));
  PetscCall(MatAXPY(D, -1, A, SAME_NONZERO_PATTERN));
  PetscCall(MatNorm(D, NORM_FROBENIUS, &error));
  PetscCall(MatNorm(A, NORM_FROBENIUS, &size));
  FurlTestCheck(error < 1e-5 * size, "%s: the Jacobian is off by %g of %g", what, (double)error, (double)size);
  PetscCall(MatDestroy(&D));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  FurlTestGridSpec spec     = FurlTestGridDefault(12, 9);
  void            *function = (void *)Function; /* its type is not the same in all versions */
  Mat              A, J;
  Vec              x;
  ISColoring       colors;
  MatFDColoring    coloring;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  spec.wind     = 0.2;
  spec.contrast = 2;
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, &A));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &J));
  PetscCall(MatZeroEntries(J));
  PetscCall(MatAssemblyBegin(J, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(J, MAT_FINAL_ASSEMBLY));
  PetscCall(MatCreateVecs(J, &x, NULL));
  PetscCall(FurlTestNoise(x, 1, 1));
  PetscCall(Color(J, &colors));
  PetscCall(MatFDColoringCreate(J, colors, &coloring));
  PetscCall(MatFDColoringSetFunction(coloring, function, A));
  PetscCall(MatFDColoringSetUp(J, colors, coloring));
  PetscCall(ISColoringDestroy(&colors));
  PetscCall(MatFDColoringApply(J, coloring, x, NULL));
  PetscCall(MustBeEqual(A, J, "first"));
  PetscCall(MatScale(J, 5)); /* whatever is there is replaced */
  PetscCall(MatScale(A, -3));
  PetscCall(MatFDColoringApply(J, coloring, x, NULL));
  PetscCall(MustBeEqual(A, J, "again"));
  PetscCall(MatFDColoringDestroy(&coloring));
  PetscCall(VecDestroy(&x));
  PetscCall(MatDestroy(&J));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2 3}}

TEST*/
