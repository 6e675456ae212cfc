/*
  Operators of all kinds and states: shell and finite-difference Amat, transposed solves, several right-hand sides at once, values and
  patterns that change between solves with and without KSPSetOperators(), reused preconditioners, one equation, ranks without rows,
  Dirichlet rows that keep their columns, a rectangular or an unassembled matrix.
*/
#include "../furltest.h"

static PetscErrorCode MustBeSolved(Mat A, Vec b, Vec x, KSP ksp, const char *what)
{
  KSPConvergedReason reason;
  PetscReal          residual;

  PetscFunctionBegin;
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(FurlTestResidual(A, b, x, &residual));
  FurlTestCheck(reason > 0 && residual < 1e-7, "%s: reason %d, residual %g", what, (int)reason, (double)residual);
  PetscFunctionReturn(0);
}

static PetscErrorCode SolveOnce(Mat Amat, Mat Pmat, Mat exact, const char *what)
{
  KSP ksp;
  Vec x, b;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(exact, &x, &b));
  PetscCall(FurlTestNoise(b, 2, 1));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetFromOptions(ksp)); /* before the operators are known */
  PetscCall(KSPSetOperators(ksp, Amat, Pmat));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(MustBeSolved(exact, b, x, ksp, what));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscFunctionReturn(0);
}

static PetscErrorCode ShellMult(Mat S, Vec x, Vec y)
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

static PetscErrorCode FreeOfMatrix(Mat A)
{
  Mat      S;
  Vec      base;
  PetscInt m, M;

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(A, &m, NULL));
  PetscCall(MatGetSize(A, &M, NULL));
  PetscCall(MatCreateShell(PETSC_COMM_WORLD, m, m, M, M, A, &S));
  PetscCall(MatShellSetOperation(S, MATOP_MULT, (void (*)(void))ShellMult));
  PetscCall(SolveOnce(S, A, A, "shell"));
  PetscCall(MatDestroy(&S));
  PetscCall(MatCreateMFFD(PETSC_COMM_WORLD, m, m, M, M, &S));
  PetscCall(MatMFFDSetFunction(S, Function, A));
  PetscCall(MatCreateVecs(A, &base, NULL));
  PetscCall(VecSet(base, 0));
  PetscCall(MatMFFDSetBase(S, base, NULL));
  PetscCall(MatAssemblyBegin(S, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(S, MAT_FINAL_ASSEMBLY));
  PetscCall(SolveOnce(S, A, A, "finite differences"));
  PetscCall(MatDestroy(&S));
  PetscCall(VecDestroy(&base));
  PetscFunctionReturn(0);
}

static PetscErrorCode Transposed(Mat A)
{
  KSP ksp;
  Mat T, X, B;
  Vec x, b, column;

  PetscFunctionBegin;
  PetscCall(MatTranspose(A, MAT_INITIAL_MATRIX, &T));
  PetscCall(MatCreateVecs(A, &b, &x));
  PetscCall(FurlTestNoise(b, 4, 1));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSolveTranspose(ksp, b, x));
  PetscCall(MustBeSolved(T, b, x, ksp, "transposed"));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(MustBeSolved(A, b, x, ksp, "not transposed after transposed"));
  PetscCall(MatDestroy(&T));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  {
    PetscInt m, M;

    PetscCall(MatGetLocalSize(A, &m, NULL));
    PetscCall(MatGetSize(A, &M, NULL));
    PetscCall(MatCreateDense(PETSC_COMM_WORLD, m, PETSC_DECIDE, M, 3, NULL, &B));
  }
  for (PetscInt k = 0; k < 3; k++) {
    PetscCall(MatDenseGetColumnVecWrite(B, k, &column));
    PetscCall(FurlTestNoise(column, k, 1));
    PetscCall(MatDenseRestoreColumnVecWrite(B, k, &column));
  }
  PetscCall(MatAssemblyBegin(B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatDuplicate(B, MAT_DO_NOT_COPY_VALUES, &X));
  PetscCall(KSPMatSolve(ksp, B, X));
  for (PetscInt k = 0; k < 3; k++) {
    Vec c;

    PetscCall(MatDenseGetColumnVecRead(B, k, &column));
    PetscCall(VecDuplicate(column, &c));
    PetscCall(VecCopy(column, c));
    PetscCall(MatDenseRestoreColumnVecRead(B, k, &column));
    PetscCall(MatDenseGetColumnVecRead(X, k, &column));
    PetscCall(MustBeSolved(A, c, column, ksp, "several right-hand sides"));
    PetscCall(MatDenseRestoreColumnVecRead(X, k, &column));
    PetscCall(VecDestroy(&c));
  }
  PetscCall(MatDestroy(&B));
  PetscCall(MatDestroy(&X));
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(0);
}

static PetscErrorCode Changing(Mat A)
{
  KSP      ksp, other;
  Vec      x, b;
  Mat      wide, keep;
  PetscInt first, last, M;

  PetscFunctionBegin;
  PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &keep));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestNoise(b, 6, 1));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(FurlTestSolver(keep, NULL, &other));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(MustBeSolved(A, b, x, ksp, "first"));
  PetscCall(MatScale(A, 3)); /* in place, nobody tells the KSP */
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(MustBeSolved(A, b, x, ksp, "scaled in place"));
  PetscCall(KSPSetReusePreconditioner(ksp, PETSC_TRUE));
  PetscCall(MatShift(A, 0.7));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(MustBeSolved(A, b, x, ksp, "shifted, preconditioner reused"));
  PetscCall(KSPSetReusePreconditioner(ksp, PETSC_FALSE));
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  PetscCall(MatGetSize(A, &M, NULL));
  PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &wide));
  PetscCall(MatSetOption(wide, MAT_NEW_NONZERO_ALLOCATION_ERR, PETSC_FALSE));
  for (PetscInt i = first; i < last; i++)
    PetscCall(MatSetValue(wide, i, (i + M / 2) % M, 0.1, ADD_VALUES)); /* another pattern, not symmetric */
  PetscCall(MatAssemblyBegin(wide, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(wide, MAT_FINAL_ASSEMBLY));
  PetscCall(KSPSetOperators(ksp, wide, wide));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(MustBeSolved(wide, b, x, ksp, "another pattern"));
  PetscCall(KSPSetInitialGuessNonzero(ksp, PETSC_TRUE));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(MustBeSolved(wide, b, x, ksp, "from the solution"));
  PetscCall(KSPSolve(other, b, x));
  PetscCall(MustBeSolved(keep, b, x, other, "another KSP alive"));
  PetscCall(KSPReset(ksp));
  PetscCall(KSPSetOperators(ksp, keep, keep));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(MustBeSolved(keep, b, x, ksp, "after KSPReset()"));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(KSPDestroy(&other));
  PetscCall(MatDestroy(&wide));
  PetscCall(MatDestroy(&keep));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscFunctionReturn(0);
}

/* MatZeroRows() keeps the columns: the matrix is symmetric but for those rows */
static PetscErrorCode DirichletRows(FurlTestGridSpec spec)
{
  Mat      A;
  PetscInt first, last, n = 0, *rows;

  PetscFunctionBegin;
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, &A));
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  PetscCall(PetscMalloc1(last - first, &rows));
  for (PetscInt i = first; i < last; i++)
    if (i % spec.nx == 0 || i < spec.nx || i % 17 == 5) rows[n++] = i;
  PetscCall(MatZeroRows(A, n, rows, 4.5, NULL, NULL));
  PetscCall(PetscFree(rows));
  PetscCall(SolveOnce(A, A, A, "Dirichlet rows"));
  PetscCall(Transposed(A));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

/* All rows on the last rank; one row in all */
static PetscErrorCode FewRows(void)
{
  FurlTestGridSpec spec = FurlTestGridDefault(7, 5);
  PetscMPIInt      rank, size;
  Mat              A;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  spec.local = rank == size - 1 ? 35 : 0;
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, &A));
  PetscCall(SolveOnce(A, A, A, "all rows on one rank"));
  PetscCall(MatDestroy(&A));
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, FurlTestGridDefault(1, 1), &A));
  PetscCall(SolveOnce(A, A, A, "one equation"));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

static PetscErrorCode MustRefuse(Mat A, PetscErrorCode expected, const char *what)
{
  KSP            ksp;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  ierr = KSPSetUp(ksp);
  PetscCall(PetscPopErrorHandler());
  FurlTestCheck(ierr == expected, "%s: error %d, expected %d", what, (int)ierr, (int)expected);
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(0);
}

static PetscErrorCode Refused(void)
{
  Mat A;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, 12, 9, 1, NULL, 1, NULL, &A));
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MustRefuse(A, PETSC_ERR_ARG_SIZ, "rectangular"));
  PetscCall(MatDestroy(&A));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, 12, 12, 1, NULL, 1, NULL, &A));
  PetscCall(MustRefuse(A, PETSC_ERR_ARG_WRONGSTATE, "unassembled"));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  FurlTestGridSpec spec = FurlTestGridDefault(12, 9);
  Mat              A;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  for (int wind = 0; wind < 2; wind++) {
    spec.wind = 0.3 * wind;
    PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, &A));
    PetscCall(FreeOfMatrix(A));
    PetscCall(Transposed(A));
    PetscCall(Changing(A));
    PetscCall(MatDestroy(&A));
  }
  spec.wind = 0;
  PetscCall(DirichletRows(spec));
  PetscCall(FewRows());
  PetscCall(Refused());
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2 3}}
    timeoutfactor: 4
    args: -ksp_type furl -pc_type jacobi -ksp_rtol 1e-9 -ksp_furl_compress {{auto false}}

TEST*/
