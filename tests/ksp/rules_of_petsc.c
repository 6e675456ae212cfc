/*
  What a program may ask of any KSP: its own convergence test and monitor, none at all, guesses from earlier solutions, several right-hand
  sides, the transposed system, another matrix or another size between solves.
*/
#include "../furltest.h"

typedef struct {
  Mat       A;
  Vec       b;
  PetscInt  tests, monitored;
  PetscReal first, wanted; /* the user's own rule: a residual of wanted times the first */
  PetscReal last;
} User;

static PetscErrorCode MustBeSolved(KSP ksp, Mat A, Vec b, Vec x, const char *what)
{
  KSPConvergedReason reason;
  PetscReal          residual;

  PetscFunctionBegin;
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(FurlTestResidual(A, b, x, &residual));
  FurlTestCheck(reason > 0 && residual < 1e-7, "%s: reason %d, residual %g", what, (int)reason, (double)residual);
  PetscFunctionReturn(0);
}

static PetscErrorCode OwnTest(KSP ksp, PetscInt it, PetscReal norm, KSPConvergedReason *reason, void *context)
{
  User *user = (User *)context;

  PetscFunctionBegin;
  FurlTestCheck(it == user->tests, "test of iteration %" PetscInt_FMT " at call %" PetscInt_FMT, it, user->tests);
  user->tests++;
  if (!it) user->first = norm;
  *reason = norm <= user->wanted * user->first ? KSP_CONVERGED_RTOL : KSP_CONVERGED_ITERATING;
  PetscFunctionReturn(0);
}

/* The iterate that a monitor builds has the residual that it is told */
static PetscErrorCode OwnMonitor(KSP ksp, PetscInt it, PetscReal norm, void *context)
{
  User     *user = (User *)context;
  Vec       residual;
  PetscReal built, size;

  PetscFunctionBegin;
  FurlTestCheck(it == user->monitored, "monitor of iteration %" PetscInt_FMT " at call %" PetscInt_FMT, it, user->monitored);
  user->monitored++;
  user->last = norm;
  PetscCall(KSPBuildResidual(ksp, NULL, NULL, &residual));
  PetscCall(VecNorm(residual, NORM_2, &built));
  PetscCall(VecNorm(user->b, NORM_2, &size));
  FurlTestCheck(PetscAbsReal(built - norm) <= 1e-6 * built + 1e-12 * size, "iteration %" PetscInt_FMT ": told %g, built %g", it,
                (double)norm, (double)built);
  PetscCall(VecDestroy(&residual));
  PetscFunctionReturn(0);
}

static PetscErrorCode TestAndMonitor(Mat A, Vec b, Vec x)
{
  KSP                ksp;
  User               user = {A, b, 0, 0, 0, 1e-9, 0};
  PetscInt           its;
  PetscReal          norm;
  KSPConvergedReason reason;

  PetscFunctionBegin;
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSetNormType(ksp, KSP_NORM_UNPRECONDITIONED));
  PetscCall(KSPSetConvergenceTest(ksp, OwnTest, &user, NULL));
  PetscCall(KSPMonitorSet(ksp, OwnMonitor, &user, NULL));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(MustBeSolved(ksp, A, b, x, "own test"));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetIterationNumber(ksp, &its));
  PetscCall(KSPGetResidualNorm(ksp, &norm));
  FurlTestCheck(reason == KSP_CONVERGED_RTOL, "own test: reason %d", (int)reason);
  FurlTestCheck(its + 1 == user.tests && its + 1 == user.monitored, "%" PetscInt_FMT " iterations, %" PetscInt_FMT " tests", its,
                user.tests);
  FurlTestCheck(norm <= 2 * user.wanted * user.first, "own test: %g of %g is left", (double)norm, (double)user.first);
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(0);
}

static PetscErrorCode NoTest(Mat A, Vec b, Vec x)
{
  KSP                ksp;
  PetscInt           its;
  KSPConvergedReason reason;

  PetscFunctionBegin;
  for (PetscInt most = 1; most < 20; most += 6) {
    PetscCall(FurlTestSolver(A, NULL, &ksp));
    PetscCall(KSPSetConvergenceTest(ksp, KSPConvergedSkip, NULL, NULL));
    PetscCall(KSPSetTolerances(ksp, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT, most));
    PetscCall(KSPSolve(ksp, b, x));
    PetscCall(KSPGetConvergedReason(ksp, &reason));
    PetscCall(KSPGetIterationNumber(ksp, &its));
    FurlTestCheck(reason == KSP_CONVERGED_ITS && its == most, "no test: reason %d after %" PetscInt_FMT " of %" PetscInt_FMT, (int)reason,
                  its, most);
    PetscCall(KSPDestroy(&ksp));
  }
  /* far beyond what FP64 can give */
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSetConvergenceTest(ksp, KSPConvergedSkip, NULL, NULL));
  PetscCall(KSPSetTolerances(ksp, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT, 400));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(MustBeSolved(ksp, A, b, x, "no test, many iterations"));
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(0);
}

/* From the same b the guess is the solution; from one close by it is good */
static PetscErrorCode Guess(Mat A, Vec b, Vec x, const char type[])
{
  KSP      ksp;
  KSPGuess guess;
  PetscInt its[4];
  Vec      c;

  PetscFunctionBegin;
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPGetGuess(ksp, &guess));
  PetscCall(KSPGuessSetType(guess, type));
  PetscCall(VecDuplicate(b, &c));
  for (int k = 0; k < 4; k++) {
    PetscCall(FurlTestNoise(c, 9, k == 3 ? 1e-3 : 0));
    PetscCall(VecAXPY(c, 1, b));
    PetscCall(KSPSolve(ksp, c, x));
    PetscCall(MustBeSolved(ksp, A, c, x, type));
    PetscCall(KSPGetIterationNumber(ksp, &its[k]));
  }
  FurlTestCheck(its[2] <= 2 && its[3] < its[0], "guess %s: %" PetscInt_FMT " iterations, then %" PetscInt_FMT ", nearby %" PetscInt_FMT,
                type, its[0], its[2], its[3]);
  PetscCall(VecDestroy(&c));
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(0);
}

static PetscErrorCode Several(Mat A, PetscInt n, PetscInt batch)
{
  KSP                ksp;
  Mat                X, B, R;
  PetscInt           m, M;
  PetscReal          size, residual;
  KSPConvergedReason reason;

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(A, &m, NULL));
  PetscCall(MatGetSize(A, &M, NULL));
  PetscCall(MatCreateDense(PETSC_COMM_WORLD, m, PETSC_DECIDE, M, n, NULL, &B));
  PetscCall(MatSetRandom(B, NULL));
  PetscCall(MatDuplicate(B, MAT_DO_NOT_COPY_VALUES, &X));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSetMatSolveBatchSize(ksp, batch));
  PetscCall(KSPMatSolve(ksp, B, X));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(MatMatMult(A, X, MAT_INITIAL_MATRIX, PETSC_DEFAULT, &R));
  PetscCall(MatNorm(B, NORM_FROBENIUS, &size));
  PetscCall(MatAXPY(R, -1, B, SAME_NONZERO_PATTERN));
  PetscCall(MatNorm(R, NORM_FROBENIUS, &residual));
  FurlTestCheck(reason > 0 && residual < 1e-7 * size, "%" PetscInt_FMT " right-hand sides: reason %d, residual %g", n, (int)reason,
                (double)(residual / size));
  PetscCall(MatDestroy(&R));
  PetscCall(MatDestroy(&X));
  PetscCall(MatDestroy(&B));
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(0);
}

static PetscErrorCode Transposed(Mat A, Vec b, Vec x)
{
  KSP ksp;
  Mat T;

  PetscFunctionBegin;
  PetscCall(MatTranspose(A, MAT_INITIAL_MATRIX, &T));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  for (int k = 0; k < 2; k++) {
    PetscCall(KSPSolveTranspose(ksp, b, x));
    PetscCall(MustBeSolved(ksp, T, b, x, "transposed"));
    PetscCall(KSPSolve(ksp, b, x));
    PetscCall(MustBeSolved(ksp, A, b, x, "after transposed"));
  }
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&T));
  PetscFunctionReturn(0);
}

/* One KSP for systems of several sizes; without KSPReset() for another matrix of the same size */
static PetscErrorCode Another(Mat A, Vec b, Vec x, FurlTestGridSpec spec)
{
  KSP            ksp;
  Mat            other;
  Vec            c, y;
  const PetscInt sizes[3][2] = {{7, 5}, {40, 31}, {1, 1}};

  PetscFunctionBegin;
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &other));
  PetscCall(MatShift(other, 0.5));
  PetscCall(MatScale(other, -2));
  PetscCall(KSPSetOperators(ksp, other, other));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(MustBeSolved(ksp, other, b, x, "another matrix"));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(MatDestroy(&other)); /* its place in memory may be taken by the next one */
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(MustBeSolved(ksp, A, b, x, "the first again"));
  for (int k = 0; k < 3; k++) {
    spec.nx = sizes[k][0];
    spec.ny = sizes[k][1];
    PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, &other));
    PetscCall(MatCreateVecs(other, &y, &c));
    PetscCall(FurlTestNoise(c, k, 1));
    PetscCall(KSPReset(ksp));
    PetscCall(KSPSetOperators(ksp, other, other));
    PetscCall(KSPSolve(ksp, c, y));
    PetscCall(MustBeSolved(ksp, other, c, y, "another size"));
    PetscCall(MatDestroy(&other));
    PetscCall(VecDestroy(&y));
    PetscCall(VecDestroy(&c));
  }
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  FurlTestGridSpec spec = FurlTestGridDefault(23, 17);
  Mat              A;
  Vec              b, x;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  spec.contrast = 3;
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-wind", &spec.wind, NULL));
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, &A));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestNoise(b, 1, 1));
  PetscCall(TestAndMonitor(A, b, x));
  PetscCall(NoTest(A, b, x));
  PetscCall(Guess(A, b, x, KSPGUESSFISCHER));
  PetscCall(Guess(A, b, x, KSPGUESSPOD));
  PetscCall(Several(A, 5, PETSC_DECIDE));
  PetscCall(Several(A, 4, 3));
  PetscCall(Transposed(A, b, x));
  PetscCall(Another(A, b, x, spec));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  testset:
    args: -ksp_type furl -ksp_rtol 1e-9 -options_left
    filter: sed '/^.PETSc Option/,/^.End of PETSc/d;/no unused options/d'
    timeoutfactor: 2
    test:
      suffix: symmetric
      nsize: {{1 2}}
      args: -pc_type {{furl jacobi}}
    test:
      suffix: nonsymmetric
      nsize: {{1 2}}
      args: -wind 0.4 -pc_type furl
    test:
      suffix: method
      args: -wind 0.2 -pc_type {{furl bjacobi}} -ksp_furl_method {{gmres bcgs}}
    test:
      suffix: cg
      args: -pc_type furl -ksp_furl_method cg

TEST*/
