/*
  Input that no method can solve, or that has no place in a solver, with the default preconditioner: a reason or an error, and a view that
  names the row. Systems of no, one or two rows on any number of ranks are solved.
*/
#include "../furltest.h"

typedef struct {
  KSPConvergedReason reason;
  PetscReal          residual; /* in the largest entry */
  PetscReal          norm;     /* of the residual over that of b, 2-norm: what the solver's promise is about */
  char               view[16384];
} Outcome;

static PetscErrorCode Solve(Mat A, Vec b, Outcome *outcome)
{
  KSP ksp;
  Vec x;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(b, &x));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &outcome->reason));
  PetscCall(FurlTestResidual(A, b, x, &outcome->residual));
  PetscCall(FurlTestResidualNorm(A, b, x, &outcome->norm));
  PetscCall(FurlTestView(ksp, outcome->view, sizeof(outcome->view)));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(0);
}

static PetscErrorCode Assemble(Mat A)
{
  PetscFunctionBegin;
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

/* A grid's matrix with one entry set, and a right-hand side with one entry set */
static PetscErrorCode Poisoned(PetscScalar a, PetscScalar c, const char says[])
{
  Mat      A;
  Vec      b;
  PetscInt first, last;
  Outcome  outcome;

  PetscFunctionBegin;
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, FurlTestGridDefault(19, 17), &A));
  PetscCall(MatCreateVecs(A, NULL, &b));
  PetscCall(FurlTestNoise(b, 5, 1));
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  if (first <= 130 && 130 < last && a != 0) PetscCall(MatSetValue(A, 130, 131, a, INSERT_VALUES));
  if (first <= 130 && 130 < last && c != 0) PetscCall(VecSetValue(b, 130, c, INSERT_VALUES));
  PetscCall(Assemble(A));
  PetscCall(VecAssemblyBegin(b));
  PetscCall(VecAssemblyEnd(b));
  PetscCall(Solve(A, b, &outcome));
  FurlTestCheck(outcome.reason < 0, "%s: claimed %d", says, (int)outcome.reason);
  FurlTestCheck(strstr(outcome.view, says), "reason %d; the view does not say '%s': %s", (int)outcome.reason, says, outcome.view);
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

/* Row 40 holds nothing: without entries, or zeros */
static PetscErrorCode ZeroRow(PetscBool stored, PetscBool consistent)
{
  const PetscInt row = 40, n = 90;
  Mat            A;
  Vec            b;
  PetscInt       first, last;
  Outcome        outcome;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, n, n, 3, NULL, 2, NULL, &A));
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  for (PetscInt i = first; i < last; i++) {
    if (i == row && !stored) continue;
    for (PetscInt j = PetscMax(0, i - 1); j <= PetscMin(n - 1, i + 1); j++)
      PetscCall(MatSetValue(A, i, j, i == row ? 0 : i == j ? 2.5 : -1, INSERT_VALUES));
  }
  PetscCall(Assemble(A));
  PetscCall(MatCreateVecs(A, NULL, &b));
  PetscCall(FurlTestNoise(b, 5, 1));
  if (first <= row && row < last) PetscCall(VecSetValue(b, row, consistent ? 0 : 1, INSERT_VALUES));
  PetscCall(VecAssemblyBegin(b));
  PetscCall(VecAssemblyEnd(b));
  PetscCall(Solve(A, b, &outcome));
  if (consistent)
    FurlTestCheck(outcome.reason > 0 && outcome.residual < 1e-7, "zero row, consistent: reason %d, residual %g", (int)outcome.reason,
                  (double)outcome.residual);
  else {
    FurlTestCheck(outcome.reason < 0 && outcome.norm < 1 + 1e-10, "zero row: reason %d, residual %g", (int)outcome.reason,
                  (double)outcome.norm);
    FurlTestCheck(strstr(outcome.view, "row 40 of Amat is zero"), "the view does not name row 40: %s", outcome.view);
  }
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

/* [0 1; 1 0] in blocks, diagonal not even stored: well conditioned */
static PetscErrorCode EmptyDiagonal(void)
{
  const PetscInt n = 90;
  Mat            A;
  Vec            b;
  PetscInt       first, last;
  Outcome        outcome;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, n, n, 1, NULL, 1, NULL, &A));
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  for (PetscInt i = first; i < last; i++) PetscCall(MatSetValue(A, i, i ^ 1, 1 + 0.01 * (PetscReal)(i / 2), INSERT_VALUES));
  PetscCall(Assemble(A));
  PetscCall(MatCreateVecs(A, NULL, &b));
  PetscCall(FurlTestNoise(b, 5, 1));
  PetscCall(Solve(A, b, &outcome));
  FurlTestCheck(outcome.reason > 0 && outcome.residual < 1e-7, "empty diagonal: reason %d, residual %g", (int)outcome.reason,
                (double)outcome.residual);
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

/* n rows, all on the last rank or shared out */
static PetscErrorCode Few(PetscInt n, PetscBool one_rank)
{
  FurlTestGridSpec spec = FurlTestGridDefault(n, 1);
  PetscMPIInt      rank, size;
  Mat              A;
  Vec              b;
  Outcome          outcome;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  if (one_rank) spec.local = rank == size - 1 ? n : 0;
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, &A));
  PetscCall(MatCreateVecs(A, NULL, &b));
  PetscCall(FurlTestNoise(b, 5, 1));
  PetscCall(Solve(A, b, &outcome));
  FurlTestCheck(outcome.reason > 0 && outcome.residual < 1e-7, "%" PetscInt_FMT " rows: reason %d, residual %g", n, (int)outcome.reason,
                (double)outcome.residual);
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

static PetscErrorCode MustRefuse(Mat A, PetscInt nb, PetscInt nx, PetscErrorCode expected, const char *what)
{
  KSP            ksp;
  Vec            x, b;
  PetscErrorCode ierr;

  PetscFunctionBegin;
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, nb, PETSC_DETERMINE, &b));
  PetscCall(VecCreateMPI(PETSC_COMM_WORLD, nx, PETSC_DETERMINE, &x));
  PetscCall(VecSet(b, 1));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  ierr = KSPSolve(ksp, b, x);
  PetscCall(PetscPopErrorHandler());
  FurlTestCheck(ierr == expected, "%s: error %d, expected %d", what, (int)ierr, (int)expected);
  PetscFunctionReturn(0); /* after an error nothing is destroyed */
}

static PetscErrorCode WrongSizes(void)
{
  Mat      A;
  PetscInt m;

  PetscFunctionBegin;
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, FurlTestGridDefault(19, 17), &A));
  PetscCall(MatGetLocalSize(A, &m, NULL));
  PetscCall(MustRefuse(A, m + 1, m, PETSC_ERR_ARG_SIZ, "b too long"));
  PetscCall(MustRefuse(A, m - 1, m, PETSC_ERR_ARG_SIZ, "b too short"));
  PetscCall(MustRefuse(A, m, m + 1, PETSC_ERR_ARG_SIZ, "x too long"));
  PetscCall(MustRefuse(A, m, m - 1, PETSC_ERR_ARG_SIZ, "x too short"));
  PetscFunctionReturn(0);
}

static PetscErrorCode FewRows(void)
{
  PetscFunctionBegin;
  for (PetscInt n = 0; n < 4; n++) {
    PetscCall(Few(n, PETSC_FALSE));
    PetscCall(Few(n, PETSC_TRUE));
  }
  PetscCall(Few(200, PETSC_TRUE));
  PetscFunctionReturn(0);
}

static PetscErrorCode Data(void)
{
  PetscFunctionBegin;
  PetscCall(Poisoned(NAN, 0, "row 130 of Amat holds NaN or infinity"));
  PetscCall(Poisoned(INFINITY, 0, "row 130 of Amat holds NaN or infinity"));
  PetscCall(Poisoned(0, NAN, "row 130 of b is NaN or infinite"));
  PetscCall(Poisoned(0, -INFINITY, "row 130 of b is NaN or infinite"));
  for (int stored = 0; stored < 2; stored++)
    for (int consistent = 0; consistent < 2; consistent++) PetscCall(ZeroRow((PetscBool)stored, (PetscBool)consistent));
  PetscCall(EmptyDiagonal());
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  char part[16] = "";

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-part", part, sizeof(part), NULL));
  if (!strcmp(part, "data")) PetscCall(Data());
  if (!strcmp(part, "few")) PetscCall(FewRows());
  if (!strcmp(part, "sizes")) PetscCall(WrongSizes());
  if (!strcmp(part, "sizes")) PetscCall(PetscOptionsClearValue(NULL, "-malloc_dump")); /* an error leaves its objects behind */
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  testset:
    args: -ksp_type furl -ksp_rtol 1e-9
    timeoutfactor: 4
    test:
      suffix: few
      nsize: {{1 2 3}}
      args: -part few
    test:
      suffix: data
      nsize: {{1 2}}
      args: -part data -ksp_furl_compress {{auto false}}
    test:
      suffix: pc
      args: -part data -pc_type jacobi
    test:
      suffix: method
      args: -part data -ksp_furl_method {{gmres bcgs}}
    test:
      suffix: sizes
      nsize: {{1 3}}
      args: -part sizes

TEST*/
