/*
  Several unknowns a cell: where the components hardly know each other, hierarchy grid serves each of them, and as many iterations are made
  as for one (and two more); where they are strongly coupled, another hierarchy is taken. -reaction couples them, -decay is their own
  excess.
*/
#include "../../furltest.h"

static PetscErrorCode Fill(Mat A, PetscInt n, PetscInt bs, PetscReal reaction, PetscReal decay)
{
  PetscFunctionBegin;
  for (PetscInt cell = 0; cell < n * n; cell++)
    for (PetscInt k = 0; k < bs; k++) {
      const PetscInt row = cell * bs + k, i = cell % n, j = cell / n, in[4] = {i > 0, i + 1 < n, j > 0, j + 1 < n}, to[4] = {-1, 1, -n, n};

      PetscCall(MatSetValue(A, row, row, (4 + decay) * (k + 1), INSERT_VALUES));
      for (int s = 0; s < 4; s++)
        if (in[s]) PetscCall(MatSetValue(A, row, row + bs * to[s], -(k + 1), INSERT_VALUES));
      for (PetscInt l = 0; l < bs; l++)
        if (l != k) PetscCall(MatSetValue(A, row, cell * bs + l, reaction, INSERT_VALUES));
    }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  char               text[4096] = "", expect[128] = "multigrid,grid";
  PetscInt           n = 60, bs = 3, its, most = 13;
  PetscReal          reaction = 0, decay = 0;
  Mat                A;
  Vec                x, b;
  KSP                ksp;
  PC                 pc;
  PetscViewer        viewer;
  KSPConvergedReason reason;
  const char        *found;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-bs", &bs, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-most", &most, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-reaction", &reaction, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-decay", &decay, NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-expect", expect, sizeof(expect), NULL));
  PetscCall(MatCreateSeqAIJ(PETSC_COMM_SELF, n * n * bs, n * n * bs, 4 + bs, NULL, &A));
  PetscCall(MatSetBlockSize(A, bs));
  PetscCall(Fill(A, n, bs, reaction, decay));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestNoise(x, 1, 1));
  PetscCall(MatMult(A, x, b));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetIterationNumber(ksp, &its));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PetscViewerStringOpen(PETSC_COMM_WORLD, text, sizeof(text), &viewer));
  PetscCall(PCView(pc, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  found = strstr(text, expect);
  FurlTestCheck(found, "the view does not say '%s' but: %s", expect, text);
  FurlTestCheck(reason > 0 && its <= most, "reason %d after %d iterations, at most %d", (int)reason, (int)its, (int)most);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  testset:
    nsize: 1
    args: -ksp_type furl -ksp_rtol 1e-8
    test:
      suffix: apart
      args: -bs {{1 2 4}}
    test:
      suffix: weak
      args: -bs {{2 3}} -reaction .02 -decay .1
    test:
      suffix: strong
      args: -bs 2 -reaction 1 -decay 1 -expect multigrid,half -most 30

TEST*/
