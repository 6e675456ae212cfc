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

/*TEST

  testset:
    nsize: 1
    args: -ksp_type furl -ksp_rtol 1e-8
    test:
      suffix: elements
      args: -n 31,29,33 -most 20 -contrast {{1 3}}
    test:
      suffix: stretched
      args: -n 31,29,33 -most 20 -width {{1,1,10 1,5,10 .1,1,1}}
    test:
      suffix: graded
      args: -n 31,29,33 -most 20 -stretch 1.1,1,1.05
    test:
      suffix: mass
      args: -n 31,29,33 -most 20 -mass {{1e-6 1 5}} -neumann {{0 1}}
    test:
      suffix: plane
      args: -n 90,70 -most 15 -contrast {{1 3}}
    test:
      suffix: turned
      args: -n 90,70 -most 15 -ratio 10 -angle {{.3 .7854 1.2 2.5}} -differences {{0 1}}
    test:
      suffix: turned_far
      args: -n 90,70 -most 22 -ratio 100 -angle {{.15 .3 .6 .7854 1.2 2.5}}
    test:
      suffix: turned_far_differences
      args: -n 90,70 -most 24 -ratio 100 -angle {{.15 .3 .45 1.2 2.5}} -differences
    test:
      suffix: turned_neumann
      args: -n 90,70 -most 28 -ratio 10 -angle {{.3 .7854}} -neumann -mass {{1e-3 1}}
    test:
      suffix: turned_with_contrast
      args: -n 90,70 -most 20 -ratio 10 -angle .6 -contrast 3
    test:
      suffix: turned_in_space
      args: -n 31,29,33 -most 20 -ratio 10 -angle {{.3 .7854 2.5}} -differences {{0 1}}
    test:
      suffix: turned_far_in_space
      args: -n 31,29,33 -most 29 -ratio 100 -angle {{.6 2.5}}
    test:
      suffix: turned_cg
      args: -n 90,70 -most 24 -ratio 30 -angle .6 -ksp_type cg -ksp_norm_type unpreconditioned -pc_type furl
    test:
      suffix: hands_over
      args: -n 150,150 -most 300 -contrast 1000 -expect multigrid,half
    test:
      suffix: periodic
      args: -n 32,30 -most 15 -mass .01 -periodic -angle {{0 .3}} -ratio {{1 3}}
    test:
      suffix: periodic_in_space
      args: -n 16,18,14 -most 20 -mass .01 -periodic
    test:
      suffix: cg
      args: -n 31,29,33 -most 24 -ksp_type cg -ksp_norm_type unpreconditioned -pc_type furl

TEST*/
