/*
  PC furl serves every square matrix that PETSc can apply: where multigrid cannot be set up it takes the next of its means and says so in
  the view, and the solution is right all the same. -expect names what the view must say.
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

static PetscErrorCode DiagonalShell(Mat S, Vec d)
{
  Mat A;

  PetscFunctionBegin;
  PetscCall(MatShellGetContext(S, &A));
  PetscCall(MatGetDiagonal(A, d));
  PetscFunctionReturn(0);
}

/* The grid's matrix in the form that -form names */
static PetscErrorCode Form(const char form[], Mat A, Mat *B)
{
  PetscBool shell, zero;
  PetscInt  m, first;

  PetscFunctionBegin;
  PetscCall(PetscStrncmp(form, "shell", 5, &shell));
  PetscCall(PetscStrcmp(form, "zero_diagonal", &zero));
  if (shell) {
    PetscCall(MatGetLocalSize(A, &m, NULL));
    PetscCall(MatCreateShell(PETSC_COMM_WORLD, m, m, PETSC_DETERMINE, PETSC_DETERMINE, A, B));
    PetscCall(MatShellSetOperation(*B, MATOP_MULT, (void (*)(void))MultShell));
    if (form[5]) PetscCall(MatShellSetOperation(*B, MATOP_GET_DIAGONAL, (void (*)(void))DiagonalShell));
    PetscFunctionReturn(0);
  }
  PetscCall(MatSetOption(A, MAT_SYMMETRIC, PETSC_TRUE)); /* sbaij insists */
  PetscCall(MatConvert(A, zero ? MATSAME : form, MAT_INITIAL_MATRIX, B));
  if (!zero) PetscFunctionReturn(0);
  PetscCall(MatGetOwnershipRange(*B, &first, NULL));
  if (first == 0) PetscCall(MatSetValue(*B, 0, 0, 0, INSERT_VALUES));
  PetscCall(MatAssemblyBegin(*B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*B, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

static PetscErrorCode ViewSays(PC pc, const char expect[])
{
  char        text[16384] = "";
  const char *found;
  PetscViewer viewer;

  PetscFunctionBegin;
  PetscCall(PetscViewerASCIIOpen(PETSC_COMM_WORLD, "/dev/null", &viewer));
  PetscCall(PCView(pc, viewer)); /* collective, and whatever the rank prints */
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCall(PetscViewerStringOpen(PETSC_COMM_WORLD, text, sizeof(text), &viewer));
  PetscCall(PCView(pc, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  found = strstr(text, expect);
  FurlTestCheck(found, "the view does not say '%s' but: %s", expect, text);
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  FurlTestGridSpec   spec     = FurlTestGridDefault(29, 17);
  char               form[64] = MATAIJ, expect[128] = "";
  Mat                A, B;
  Vec                x, b;
  KSP                ksp;
  PC                 pc;
  KSPConvergedReason reason;
  PetscReal          residual;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-form", form, sizeof(form), NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-expect", expect, sizeof(expect), NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-local", &spec.local, NULL));
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, &A));
  PetscCall(Form(form, A, &B));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestNoise(b, 1, 1));
  PetscCall(FurlTestSolver(B, NULL, &ksp));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(FurlTestResidual(B, b, x, &residual));
  FurlTestCheck(reason > 0 && residual < 1e-6, "%s: reason %d, residual %g", form, (int)reason, (double)residual);
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(ViewSays(pc, expect));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(MatDestroy(&B));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  testset:
    nsize: {{1 3}}
    args: -ksp_type furl -ksp_rtol 1e-8
    test:
      suffix: assembled
      args: -pc_furl_hierarchy import -form {{aij baij sbaij dense furl}} -expect multigrid,half
    test:
      suffix: box
      nsize: 1
      args: -form {{aij baij sbaij dense furl}} -expect multigrid,grid
    test:
      suffix: shell
      args: -pc_type furl -form shell -expect identity
    test:
      suffix: shell_with_diagonal
      args: -pc_type furl -form shell+ -expect jacobi
    test:
      suffix: zero_diagonal
      args: -form zero_diagonal -expect factor
    test:
      suffix: single
      args: -pc_furl_method single -expect multigrid,single
    test:
      suffix: factor
      args: -pc_furl_method factor -expect factor
    test:
      suffix: jacobi
      args: -pc_furl_method jacobi -expect jacobi
    test:
      suffix: degree
      args: -pc_furl_hierarchy import -pc_furl_smoother_degree {{1 3}} -expect multigrid,half

TEST*/
