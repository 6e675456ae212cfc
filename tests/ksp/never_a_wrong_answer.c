/*
  What a solver may claim: systems of many kinds are solved to the true residual asked for, or end with a truthful reason. Entries of
  1e200 and 1e-200, both signs of definiteness, indefinite, nonsymmetric, singular, NaN, and a system on which restarted GMRES stagnates.
*/
#include "../furltest.h"

typedef struct {
  KSPConvergedReason reason;
  PetscInt           its;
  PetscReal          residual; /* max norm, relative to b */
  PetscReal          norm;     /* as reported */
} Outcome;

static PetscErrorCode SolveFrom(Mat A, Vec b, PetscReal guess, const char *options, Outcome *outcome)
{
  KSP ksp;
  Vec x;

  PetscFunctionBegin;
  PetscCall(PetscOptionsInsertString(NULL, options));
  PetscCall(VecDuplicate(b, &x));
  PetscCall(VecSet(x, guess));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSetInitialGuessNonzero(ksp, guess != 0 ? PETSC_TRUE : PETSC_FALSE));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &outcome->reason));
  PetscCall(KSPGetIterationNumber(ksp, &outcome->its));
  PetscCall(KSPGetResidualNorm(ksp, &outcome->norm));
  PetscCall(FurlTestResidual(A, b, x, &outcome->residual));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(0);
}

/* Expects convergence to rtol 1e-9 in the 2-norm, so to less than 1e-7 in the relative max norm of these sizes */
static PetscErrorCode MustSolve(FurlTestGridSpec spec, PetscReal bscale, PetscReal guess, const char *what)
{
  Mat     A;
  Vec     b;
  Outcome outcome;

  PetscFunctionBegin;
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, &A));
  PetscCall(MatCreateVecs(A, NULL, &b));
  PetscCall(FurlTestNoise(b, 3, bscale));
  PetscCall(SolveFrom(A, b, guess, "-ksp_rtol 1e-9", &outcome));
  FurlTestCheck(outcome.reason > 0, "%s: reason %d after %" PetscInt_FMT, what, (int)outcome.reason, outcome.its);
  FurlTestCheck(outcome.residual < 1e-7, "%s: claimed with a residual of %g", what, (double)outcome.residual);
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

static PetscErrorCode Solvable(void)
{
  FurlTestGridSpec grid      = FurlTestGridDefault(9, 7), other;
  const PetscReal  scales[3] = {1, 1e200, 1e-200};

  PetscFunctionBegin;
  for (int a = 0; a < 3; a++) {
    for (int sign = -1; sign <= 1; sign += 2) {
      other       = grid;
      other.scale = sign * scales[a];
      PetscCall(MustSolve(other, scales[a], 0, "definite, A and b of one size"));
      other.wind = 0.4;
      PetscCall(MustSolve(other, scales[a], 0, "nonsymmetric, A and b of one size"));
      PetscCall(MustSolve(other, scales[a], 2, "nonsymmetric, nonzero guess"));
    }
  }
  PetscCall(MustSolve(grid, 1e200, 0, "b of 1e200"));
  PetscCall(MustSolve(grid, 1e200, 1, "b of 1e200, guess"));
  PetscCall(MustSolve(grid, 1e-200, 0, "b of 1e-200"));
  other          = grid;
  other.contrast = 1e4;
  PetscCall(MustSolve(other, 1, 0, "contrast 1e8"));
  other       = grid;
  other.shift = -0.5;
  PetscCall(MustSolve(other, 1, 0, "indefinite"));
  PetscFunctionReturn(0);
}

/* A cyclic shift: restarted GMRES makes no progress at all until the cycle is as long as the matrix */
static PetscErrorCode Stagnation(PetscInt n, PetscBool solvable)
{
  Mat      A;
  Vec      b;
  PetscInt first, last;
  Outcome  outcome;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, n, n, 2, NULL, 2, NULL, &A));
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  for (PetscInt i = first; i < last; i++) {
    PetscCall(MatSetValue(A, i, i, 0, INSERT_VALUES));
    PetscCall(MatSetValue(A, i, (i + 1) % n, 1, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatCreateVecs(A, NULL, &b));
  PetscCall(VecSet(b, 0));
  if (!first) PetscCall(VecSetValue(b, 0, 1, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(b));
  PetscCall(VecAssemblyEnd(b));
  PetscCall(SolveFrom(A, b, 0, "-ksp_rtol 1e-9 -pc_type none", &outcome));
  if (solvable)
    FurlTestCheck(outcome.reason > 0 && outcome.residual < 1e-7, "shift: reason %d, residual %g", (int)outcome.reason,
                  (double)outcome.residual);
  else
    FurlTestCheck(outcome.reason == KSP_DIVERGED_BREAKDOWN, "shift: reason %d", (int)outcome.reason);
  FurlTestCheck(outcome.residual <= 1.0 + 1e-12, "shift: the solution is worse than x = 0");
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

/* Row sums zero, b with a mean, no null space given: no method can meet it, and none may say so */
static PetscErrorCode Inconsistent(void)
{
  FurlTestGridSpec grid = FurlTestGridDefault(9, 8);
  Mat              A;
  Vec              b;
  Outcome          outcome;

  PetscFunctionBegin;
  grid.neumann = PETSC_TRUE;
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, grid, &A));
  PetscCall(MatCreateVecs(A, NULL, &b));
  PetscCall(FurlTestNoise(b, 5, 1));
  PetscCall(VecShift(b, 0.2));
  PetscCall(SolveFrom(A, b, 0, "-ksp_rtol 1e-9 -pc_type jacobi", &outcome));
  FurlTestCheck(outcome.reason < 0, "inconsistent: claimed %d with a residual of %g", (int)outcome.reason, (double)outcome.residual);
  FurlTestCheck(outcome.residual < 1.1, "inconsistent: the best iterate has a residual of %g", (double)outcome.residual);
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

static PetscErrorCode Poisoned(PetscBool in_matrix, const char *options)
{
  FurlTestGridSpec grid = FurlTestGridDefault(9, 7);
  Mat              A;
  Vec              b;
  PetscInt         first, last;
  Outcome          outcome;

  PetscFunctionBegin;
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, grid, &A));
  PetscCall(MatCreateVecs(A, NULL, &b));
  PetscCall(FurlTestNoise(b, 5, 1));
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  if (first <= 30 && 30 < last) {
    if (in_matrix)
      PetscCall(MatSetValue(A, 30, 31, NAN, INSERT_VALUES));
    else
      PetscCall(VecSetValue(b, 30, NAN, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(VecAssemblyBegin(b));
  PetscCall(VecAssemblyEnd(b));
  PetscCall(SolveFrom(A, b, 0, options, &outcome));
  FurlTestCheck(outcome.reason == KSP_DIVERGED_NANORINF, "NaN in %s: reason %d", in_matrix ? "A" : "b", (int)outcome.reason);
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

/* b = 0, max_it 0, a tolerance that FP64 cannot reach, CG by force on an indefinite matrix */
static PetscErrorCode Edges(void)
{
  FurlTestGridSpec grid = FurlTestGridDefault(9, 8);
  Mat              A;
  Vec              b;
  Outcome          outcome;

  PetscFunctionBegin;
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, grid, &A));
  PetscCall(MatCreateVecs(A, NULL, &b));
  PetscCall(VecSet(b, 0));
  PetscCall(SolveFrom(A, b, 0, "-ksp_rtol 1e-9 -pc_type jacobi", &outcome));
  FurlTestCheck(outcome.reason > 0 && outcome.its == 0 && outcome.residual == 0, "b = 0: reason %d", (int)outcome.reason);
  PetscCall(SolveFrom(A, b, 1, "-ksp_rtol 1e-9", &outcome));
  FurlTestCheck(outcome.reason > 0 && outcome.residual < 1e-6, "b = 0 with a guess: reason %d, residual %g", (int)outcome.reason,
                (double)outcome.residual);
  PetscCall(FurlTestNoise(b, 5, 1));
  PetscCall(SolveFrom(A, b, 0, "-ksp_max_it 0", &outcome));
  FurlTestCheck(outcome.reason == KSP_DIVERGED_ITS && outcome.its == 0, "max_it 0: reason %d after %" PetscInt_FMT, (int)outcome.reason,
                outcome.its);
  PetscCall(SolveFrom(A, b, 0, "-ksp_max_it 5", &outcome));
  FurlTestCheck(outcome.reason == KSP_DIVERGED_ITS && outcome.its == 5, "max_it 5: reason %d after %" PetscInt_FMT, (int)outcome.reason,
                outcome.its);
  PetscCall(SolveFrom(A, b, 0, "-ksp_max_it 10000 -ksp_rtol 1e-30", &outcome));
  FurlTestCheck(outcome.reason == KSP_DIVERGED_BREAKDOWN, "rtol 1e-30: reason %d", (int)outcome.reason);
  FurlTestCheck(outcome.residual < 1e-13 && outcome.norm < 1e-12, "rtol 1e-30: reached only %g", (double)outcome.residual);
  PetscCall(SolveFrom(A, b, 0, "-ksp_rtol 1e-9 -ksp_atol 1e-3", &outcome));
  FurlTestCheck(outcome.reason == KSP_CONVERGED_ATOL && outcome.norm <= 1e-3, "atol: reason %d", (int)outcome.reason);
  PetscCall(PetscOptionsClearValue(NULL, "-ksp_atol"));
  PetscCall(MatDestroy(&A));
  grid.shift = -0.5;
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, grid, &A));
  PetscCall(SolveFrom(A, b, 0, "-ksp_furl_method cg", &outcome));
  FurlTestCheck(outcome.reason == KSP_DIVERGED_INDEFINITE_MAT || (outcome.reason > 0 && outcome.residual < 1e-7),
                "CG on an indefinite matrix: reason %d", (int)outcome.reason);
  PetscCall(PetscOptionsClearValue(NULL, "-ksp_furl_method"));
  PetscCall(MatDestroy(&A));
  PetscCall(VecDestroy(&b));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscBool brief = PETSC_FALSE;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-solvable_only", &brief, NULL));
  PetscCall(Solvable());
  if (brief) {
    PetscCall(PetscFinalize());
    return 0;
  }
  PetscCall(Edges());
  PetscCall(Inconsistent());
  PetscCall(Stagnation(60, PETSC_TRUE));
  PetscCall(Stagnation(400, PETSC_FALSE));
  PetscCall(Poisoned(PETSC_FALSE, "-ksp_rtol 1e-9 -pc_type jacobi"));
  PetscCall(Poisoned(PETSC_TRUE, "-ksp_rtol 1e-9 -pc_type none -ksp_furl_method auto"));
  PetscCall(Poisoned(PETSC_TRUE, "-ksp_rtol 1e-9 -pc_type none -ksp_furl_method cg"));
  PetscCall(Poisoned(PETSC_TRUE, "-ksp_rtol 1e-9 -pc_type none -ksp_furl_method bcgs"));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  testset:
    args: -ksp_type furl -pc_type jacobi -ksp_furl_compress {{auto false}}
    test:
      suffix: all
      nsize: {{1 2}}
    test:
      suffix: solvable
      nsize: 3
      timeoutfactor: 4
      args: -solvable_only

TEST*/
