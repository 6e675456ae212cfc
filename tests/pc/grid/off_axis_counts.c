/*
  Matrices of 9, 19 and 27 points, whose couplings leave the axes, are solved by hierarchy grid in few iterations: -most says how many may
  be taken to 1e-8, for a right-hand side that holds smooth and rough error alike.
*/
#include "elements.h"

int main(int argc, char **argv)
{
  char               text[4096] = "", expect[128] = "multigrid,grid";
  ElementsSpec       s;
  Mat                A;
  Vec                x, b, exact;
  KSP                ksp;
  PC                 pc;
  PetscViewer        viewer;
  PetscInt           its, most = 20;
  PetscReal          residual;
  KSPConvergedReason reason;
  const char        *found;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(ElementsFromOptions(&s));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-most", &most, NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-expect", expect, sizeof(expect), NULL));
  PetscCall(ElementsCreate(&s, &A));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(VecDuplicate(x, &exact));
  PetscCall(FurlTestNoise(exact, 1, 1));
  PetscCall(MatMult(A, exact, b));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetIterationNumber(ksp, &its));
  PetscCall(FurlTestResidual(A, b, x, &residual));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PetscViewerStringOpen(PETSC_COMM_WORLD, text, sizeof(text), &viewer));
  PetscCall(PCView(pc, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  found = strstr(text, expect);
  FurlTestCheck(found, "the view does not say '%s' but: %s", expect, text);
  FurlTestCheck(reason > 0 && its <= most, "reason %d after %d iterations, at most %d; residual %g", (int)reason, (int)its, (int)most,
                (double)residual);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&exact));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}
