/*
  Iterative refinement on hierarchies of matrices, of Furl's own and imported: grids numbered without regard to place, units and signs of
  all kinds, constants as null space, rows that hold nothing but their diagonal. Convergence is true, monitors see the iterate that goes
  with the norm they are told; the default method takes as many iterations, but for two and a tenth of them. Where the finest level is not
  the matrix, or that is not symmetric, the default method runs, and the answer is as good.
*/
#include <petscfurl.h>
#include "../pc/disorder.h"
#include "rounds.h"

#define NX 71
#define NY 61

static const char *const low = "finest level in low precision"; /* what the view says of refinement */

static PetscErrorCode Solve(Mat A, Vec b, const char *prefix, PetscReal rtol, PetscBool refined, PetscInt *its)
{
  char               text[8192];
  Rounds             rounds;
  KSP                ksp;
  Vec                x;
  PetscReal          residual;
  KSPConvergedReason reason;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(b, &x));
  PetscCall(RoundsBegin(A, b, rtol, &rounds));
  PetscCall(FurlTestSolver(A, prefix, &ksp));
  PetscCall(KSPSetTolerances(ksp, rtol, PETSC_DEFAULT, PETSC_DEFAULT, 200));
  if (refined) PetscCall(KSPMonitorSet(ksp, RoundsCheck, &rounds, NULL));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetIterationNumber(ksp, its));
  PetscCall(FurlTestResidualNorm(A, b, x, &residual));
  FurlTestCheck(reason > 0 && residual <= rtol * (1 + 1e-6), "rtol %g: reason %d, residual %g", (double)rtol, (int)reason,
                (double)residual);
  PetscCall(FurlTestView(ksp, text, sizeof(text)));
  FurlTestCheck(!strstr(text, low) == !refined, "%s was expected: %s", refined ? "refinement" : "the default method", text);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(0);
}

/* Refined, where that is expected, and by the default method */
static PetscErrorCode Compare(Mat A, Vec b, PetscReal rtol, PetscBool refined)
{
  PetscInt its, plain;

  PetscFunctionBegin;
  PetscCall(Solve(A, b, NULL, rtol, refined, &its));
  PetscCall(Solve(A, b, "plain_", rtol, PETSC_FALSE, &plain));
  FurlTestCheck(its <= plain + 2 + plain / 10, "rtol %g: %" PetscInt_FMT " iterations, %" PetscInt_FMT " without refinement", (double)rtol,
                its, plain);
  PetscFunctionReturn(0);
}

static PetscErrorCode Create(FurlTestGridSpec spec, Mat *A, Vec *b)
{
  PetscFunctionBegin;
  spec.local = DisorderShare(NX, NY);
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, A));
  PetscCall(DisorderRows(A));
  PetscCall(MatCreateVecs(*A, NULL, b));
  PetscCall(FurlTestNoise(*b, 1, spec.scale));
  PetscFunctionReturn(0);
}

static PetscErrorCode Kind(FurlTestGridSpec spec, PetscReal rtol, PetscBool refined)
{
  Mat A;
  Vec b;

  PetscFunctionBegin;
  PetscCall(Create(spec, &A, &b));
  PetscCall(Compare(A, b, rtol, refined));
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

/* Entries above the diagonal move by one unit in the last place: A is symmetric up to rounding, and its rows sum to zero so */
static PetscErrorCode Unequal(Mat A)
{
  PetscInt first, end, n = 0;
  Mat      B;

  PetscFunctionBegin;
  PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &B));
  PetscCall(MatGetOwnershipRange(B, &first, &end));
  for (PetscInt i = first; i < end; i++) {
    const PetscInt    *column;
    const PetscScalar *value;

    PetscCall(MatGetRow(B, i, &n, &column, &value));
    for (PetscInt k = 0; k < n; k++)
      if (column[k] > i) PetscCall(MatSetValue(A, i, column[k], value[k] * (1 + PETSC_MACHINE_EPSILON), INSERT_VALUES));
    PetscCall(MatRestoreRow(B, i, &n, &column, &value));
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatDestroy(&B));
  PetscFunctionReturn(0);
}

/* Constants: b has a large mean, which is no part of the projected system, and the tolerance counts none of it */
static PetscErrorCode NullSpace(PetscBool exact)
{
  FurlTestGridSpec   spec = FurlTestGridDefault(NX, NY);
  Mat                A;
  Vec                b, x, r;
  MatNullSpace       constants;
  KSP                ksp;
  KSPConvergedReason reason;
  PetscReal          size, left;
  PetscScalar        mean;
  char               text[8192];

  PetscFunctionBegin;
  spec.neumann = PETSC_TRUE;
  PetscCall(Create(spec, &A, &b));
  if (!exact) PetscCall(Unequal(A));
  PetscCall(VecShift(b, 1000));
  PetscCall(VecDuplicate(b, &x));
  PetscCall(MatNullSpaceCreate(PETSC_COMM_WORLD, PETSC_TRUE, 0, NULL, &constants));
  PetscCall(MatSetNullSpace(A, constants));
  PetscCall(MatNullSpaceDestroy(&constants));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-9, PETSC_DEFAULT, PETSC_DEFAULT, 200));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(FurlTestView(ksp, text, sizeof(text)));
  FurlTestCheck(strstr(text, low) && strstr(text, "null space: removed"), "not refined: %s", text);
  PetscCall(VecSum(x, &mean));
  PetscCall(VecNorm(x, NORM_1, &size));
  FurlTestCheck(PetscAbsScalar(mean) <= 1e-9 * size, "x sums to %g of %g", (double)PetscRealPart(mean), (double)size);
  PetscCall(VecDuplicate(b, &r));
  PetscCall(MatMult(A, x, r));
  PetscCall(VecAYPX(r, -1, b));
  PetscCall(VecSum(r, &mean));
  PetscCall(VecShift(r, -mean / (NX * NY)));
  PetscCall(VecNorm(r, NORM_2, &left));
  PetscCall(VecDestroy(&r));
  PetscCall(VecShift(b, -1000));
  PetscCall(VecSum(b, &mean));
  PetscCall(VecShift(b, -mean / (NX * NY)));
  PetscCall(VecNorm(b, NORM_2, &size));
  FurlTestCheck(reason > 0 && left <= 1.01e-9 * size, "reason %d, residual %g of %g", (int)reason, (double)left, (double)size);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

/* Boundary values kept among the unknowns, with or without their columns; without, A is symmetric as a whole */
static PetscErrorCode Boundary(PetscBool columns)
{
  FurlTestGridSpec spec = FurlTestGridDefault(NX, NY);
  PetscInt         first, end, n = 0, *row;
  Mat              A;
  Vec              b;

  PetscFunctionBegin;
  PetscCall(Create(spec, &A, &b));
  PetscCall(MatGetOwnershipRange(A, &first, &end));
  PetscCall(PetscMalloc1(end - first + 1, &row));
  for (PetscInt i = first; i < end; i++)
    if (i % 53 == 0) row[n++] = i;
  if (columns)
    PetscCall(MatZeroRows(A, n, row, 2.5, NULL, NULL));
  else
    PetscCall(MatZeroRowsColumns(A, n, row, 2.5, NULL, NULL));
  PetscCall(PetscFree(row));
  PetscCall(Compare(A, b, 1e-8, (PetscBool)!columns));
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

/* Rows enough to be taken in another order: the vectors of the recurrence are in that */
static PetscErrorCode Reordered(void)
{
  const PetscInt   nx = 127, ny = 71;
  FurlTestGridSpec spec = FurlTestGridDefault(nx, ny);
  char             text[8192];
  Mat              A;
  Vec              b, x;
  KSP              ksp;
  PetscReal        residual;

  PetscFunctionBegin;
  spec.local = DisorderShare(nx, ny);
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, &A));
  PetscCall(DisorderRows(&A));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestNoise(b, 1, 1));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-8, PETSC_DEFAULT, PETSC_DEFAULT, 30));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(FurlTestResidualNorm(A, b, x, &residual));
  PetscCall(FurlTestView(ksp, text, sizeof(text)));
  FurlTestCheck(residual <= 1.01e-8 && strstr(text, low) && strstr(text, "Cuthill"), "residual %g: %s", (double)residual, text);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

/* One solver through new values, another sign, a guess, a preconditioner kept for other values, a matrix that is no more symmetric */
static PetscErrorCode Life(void)
{
  FurlTestGridSpec   spec = FurlTestGridDefault(NX, NY);
  char               text[8192];
  Mat                A;
  Vec                b, x;
  KSP                ksp;
  KSPConvergedReason reason;
  PetscReal          residual;
  PetscInt           first, end;

  PetscFunctionBegin;
  spec.contrast = 3;
  PetscCall(Create(spec, &A, &b));
  PetscCall(VecDuplicate(b, &x));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSetTolerances(ksp, 1e-8, PETSC_DEFAULT, PETSC_DEFAULT, 100));
  PetscCall(KSPSetInitialGuessNonzero(ksp, PETSC_TRUE));
  for (int k = 0; k < 5; k++) {
    if (k == 2) PetscCall(KSPSetReusePreconditioner(ksp, PETSC_TRUE));
    if (k) PetscCall(MatScale(A, k == 2 ? 0.4 : -3));
    if (k == 4) {
      PetscCall(MatGetOwnershipRange(A, &first, &end));
      PetscCall(MatSetOption(A, MAT_NEW_NONZERO_LOCATION_ERR, PETSC_FALSE));
      for (PetscInt i = first; i + 1 < end; i += 7) PetscCall(MatSetValue(A, i, i + 1, 0.5, ADD_VALUES));
      PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
      PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
    }
    PetscCall(FurlTestNoise(x, 7 + k, 1e-3));
    PetscCall(KSPSetOperators(ksp, A, A));
    PetscCall(KSPSolve(ksp, b, x));
    PetscCall(KSPGetConvergedReason(ksp, &reason));
    PetscCall(FurlTestResidualNorm(A, b, x, &residual));
    FurlTestCheck(reason > 0 && residual <= 1.01e-8, "solve %d: reason %d, residual %g", k, (int)reason, (double)residual);
    PetscCall(FurlTestView(ksp, text, sizeof(text)));
    FurlTestCheck(!strstr(text, low) == (k == 2 || k == 4), "solve %d: another method than expected: %s", k, text);
    if (k == 2) PetscCall(KSPSetReusePreconditioner(ksp, PETSC_FALSE));
  }
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  FurlTestGridSpec spec = FurlTestGridDefault(NX, NY);

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(Kind(spec, 1e-3, PETSC_TRUE));
  PetscCall(Kind(spec, 1e-11, PETSC_TRUE));
  spec.contrast = 30;
  spec.scale    = -1e-70;
  PetscCall(Kind(spec, 1e-8, PETSC_TRUE));
  spec.scale = 1e130; /* of which the hierarchy is built in other units */
  PetscCall(Kind(spec, 1e-8, PETSC_TRUE));
  spec       = FurlTestGridDefault(NX, NY);
  spec.shift = 1e-7;
  PetscCall(Kind(spec, 1e-8, PETSC_TRUE));
  spec.wind = 0.3;
  PetscCall(Kind(spec, 1e-8, PETSC_FALSE));
  PetscCall(NullSpace(PETSC_TRUE));
  PetscCall(NullSpace(PETSC_FALSE));
  PetscCall(Boundary(PETSC_FALSE));
  PetscCall(Boundary(PETSC_TRUE));
  PetscCall(Reordered());
  PetscCall(Life());
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  testset:
    nsize: {{1 2 3 5}}
    args: -ksp_type furl -plain_ksp_type furl -plain_ksp_furl_refine 0
    test:
      suffix: own
    test:
      suffix: imported
      args: -pc_furl_hierarchy import -plain_pc_furl_hierarchy import

TEST*/
