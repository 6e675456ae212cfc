/*
  Systems that are on a box, nearly so or only look like it are solved to the tolerance claimed, and go on being so when values or pattern
  change, solves repeat or the solver is reset. A shift of constants' null space is not lost, however small.
*/
#include "gridcases.h"

#define RTOL 1e-8

static PetscErrorCode Solve(KSP ksp, Mat A, PetscInt seed, PetscBool hopeless, const char name[])
{
  Vec                b, x;
  PetscReal          residual;
  KSPConvergedReason reason;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestNoise(x, seed, 1));
  PetscCall(MatMult(A, x, b));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(GridTestResidual(A, b, x, &residual));
  FurlTestCheck((reason < 0 && hopeless) || (reason > 0 && residual <= 1.01 * RTOL), "%s: reason %d, residual %g", name, (int)reason,
                (double)residual);
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(0);
}

/* A x = 1 has the solution 1 / shift, where b - A x can be as small as asked for: |A||x| eps = 1e-15 / shift. The hierarchy of the box gets
 * there; an imported one may end with a reason below zero, as it happens to round */
static PetscErrorCode SmallShift(PetscReal shift)
{
  const GridCase     c = {"a shift", {20, 14, 15}, "npn", CaseShifted, CASE_BOX, BENCH_CONSTANT, shift};
  Mat                A;
  Vec                b, x;
  KSP                ksp;
  PetscReal          least, most, rtol = PetscMax(1e-14 / shift, RTOL);
  KSPConvergedReason reason;
  char               hierarchy[16] = "auto";

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetString(NULL, NULL, "-pc_furl_hierarchy", hierarchy, sizeof(hierarchy), NULL));
  PetscCall(GridCaseCreate(&c, &A));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(VecSet(b, 1));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSetTolerances(ksp, rtol, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(VecMin(x, NULL, &least));
  PetscCall(VecMax(x, NULL, &most));
  FurlTestCheck((reason < 0 && !strcmp(hierarchy, "import")) ||
                  (reason > 0 && least * shift >= 1 - 2 * rtol && most * shift <= 1 + 2 * rtol),
                "shift %g: reason %d, solution between %.9g and %.9g of what it is", (double)shift, (int)reason, (double)(least * shift),
                (double)(most * shift));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

/* One solver meets one system after the other */
static PetscErrorCode Changes(void)
{
  const GridCase smooth = {"smooth", {22, 17, 13}, "ddd", NULL, CASE_BOX, BENCH_SMOOTH, 0};
  const GridCase rough  = {"rough", {22, 17, 13}, "ddd", CaseScaled, CASE_BOX, BENCH_RANDOM, -1e3};
  const GridCase turned = {"turned", {13, 22, 17}, "ppd", NULL, CASE_BOX, BENCH_ANISOTROPIC, 0};
  const GridCase strewn = {"permuted", {22, 17, 13}, "ddd", CasePermuted, CASE_REFUSED, BENCH_SMOOTH, 0};
  const GridCase larger = {"larger", {30, 30, 1}, "ddd", NULL, CASE_BOX, BENCH_JUMP4, 0};
  Mat            A, B;
  KSP            ksp;

  PetscFunctionBegin;
  PetscCall(GridCaseCreate(&smooth, &A));
  PetscCall(GridCaseCreate(&rough, &B));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  for (PetscInt seed = 1; seed <= 3; seed++) PetscCall(Solve(ksp, A, seed, PETSC_FALSE, "solved again"));
  PetscCall(MatCopy(B, A, SAME_NONZERO_PATTERN));
  PetscCall(Solve(ksp, A, 1, PETSC_FALSE, "other values"));
  PetscCall(KSPSetOperators(ksp, B, B));
  PetscCall(Solve(ksp, B, 1, PETSC_FALSE, "another matrix of the same pattern"));
  PetscCall(MatZeroRows(B, 0, NULL, 1, NULL, NULL));
  PetscCall(CaseOwnRows(&smooth, PETSC_FALSE, PETSC_FALSE, B));
  PetscCall(Solve(ksp, B, 1, PETSC_FALSE, "rows zeroed"));
  PetscCall(MatDestroy(&B));
  for (const GridCase *c = &turned; c; c = c == &turned ? &strewn : c == &strewn ? &smooth : NULL) {
    PetscCall(GridCaseCreate(c, &B));
    PetscCall(KSPSetOperators(ksp, B, B));
    PetscCall(Solve(ksp, B, 2, PETSC_FALSE, c->name));
    PetscCall(MatDestroy(&B));
  }
  PetscCall(KSPReset(ksp));
  PetscCall(GridCaseCreate(&larger, &B));
  PetscCall(KSPSetOperators(ksp, B, B));
  PetscCall(Solve(ksp, B, 2, PETSC_FALSE, "after KSPReset()"));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&B));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  Mat A;
  KSP ksp;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  for (int k = 0; k < GRID_CASES; k++) {
    if (!isfinite(GridCases[k].amount))
      continue; /* what is tried in place of the box is PETSc's: its GAMG leaks then, its ILU never ends */
    PetscCall(GridCaseCreate(&GridCases[k], &A));
    PetscCall(FurlTestSolver(A, NULL, &ksp));
    PetscCall(Solve(ksp, A, 1, (PetscBool)(GridCases[k].expect == CASE_HOPELESS), GridCases[k].name));
    PetscCall(KSPDestroy(&ksp));
    PetscCall(MatDestroy(&A));
  }
  PetscCall(SmallShift(6e-8));
  PetscCall(SmallShift(6e-12));
  PetscCall(Changes());
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    args: -ksp_type furl -ksp_rtol 1e-8 -pc_furl_hierarchy {{auto grid import}}

TEST*/
