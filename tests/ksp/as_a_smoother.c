/*
  KSP furl inside other solvers: three iterations without norms as the smoother of PETSc's own multigrid, and as the inner solver of a
  field split with a prefix of its own. The outer method must still converge fast.
*/
#include "../furltest.h"

static PetscErrorCode Solve(Mat A, const char *prefix, IS fields[2], PetscInt most)
{
  KSP                ksp;
  PC                 pc;
  Vec                x, b;
  PetscInt           its;
  KSPConvergedReason reason;
  PetscReal          residual;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestNoise(b, 1, 1));
  PetscCall(FurlTestSolver(A, prefix, &ksp));
  PetscCall(KSPGetPC(ksp, &pc));
  if (fields) {
    PetscCall(PCFieldSplitSetIS(pc, "0", fields[0]));
    PetscCall(PCFieldSplitSetIS(pc, "1", fields[1]));
  }
  for (int repeat = 0; repeat < 2; repeat++) {
    PetscCall(KSPSolve(ksp, b, x));
    PetscCall(KSPGetConvergedReason(ksp, &reason));
    PetscCall(KSPGetIterationNumber(ksp, &its));
    PetscCall(FurlTestResidual(A, b, x, &residual));
    FurlTestCheck(reason > 0 && its <= most && residual < 1e-7, "%s: reason %d, %" PetscInt_FMT " iterations, residual %g", prefix,
                  (int)reason, its, (double)residual);
    PetscCall(MatScale(A, 2)); /* the inner matrices change as well */
    PetscCall(KSPSetOperators(ksp, A, A));
  }
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  FurlTestGridSpec spec = FurlTestGridDefault(14, 11);
  Mat              A;
  IS               fields[2];
  PetscInt         first, last;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, &A));
  PetscCall(Solve(A, "grid_", NULL, 16));
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  PetscCall(ISCreateStride(PETSC_COMM_WORLD, (last - first) / 2, first, 1, &fields[0]));
  PetscCall(ISCreateStride(PETSC_COMM_WORLD, last - first - (last - first) / 2, first + (last - first) / 2, 1, &fields[1]));
  PetscCall(Solve(A, "split_", fields, 60));
  PetscCall(ISDestroy(&fields[0]));
  PetscCall(ISDestroy(&fields[1]));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2 3}}
    timeoutfactor: 4
    args: -grid_ksp_type fgmres -grid_ksp_rtol 1e-9 -grid_pc_type gamg -grid_mg_levels_ksp_type furl -grid_mg_levels_pc_type jacobi
    args: -grid_mg_levels_ksp_norm_type none -grid_mg_levels_ksp_max_it 3
    args: -split_ksp_type furl -split_ksp_rtol 1e-9 -split_pc_type fieldsplit -split_fieldsplit_ksp_type furl
    args: -split_fieldsplit_pc_type jacobi -split_fieldsplit_ksp_rtol 1e-2

TEST*/
