/* A program that solves without Furl, timed from PetscInitialize() to PetscFinalize() and without MPI's own start: prints seconds */
#include <petscksp.h>

static PetscErrorCode Solve(void)
{
  Mat      A;
  Vec      x, b;
  KSP      ksp;
  PetscInt first, last;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, 40, 40, 1, NULL, 0, NULL, &A));
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  for (PetscInt i = first; i < last; i++) PetscCall(MatSetValue(A, i, i, 2, INSERT_VALUES));
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  double begin;

  MPI_Init(&argc, &argv);
  begin = MPI_Wtime();
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(Solve());
  PetscCall(PetscFinalize());
  printf("%.6f\n", MPI_Wtime() - begin);
  MPI_Finalize();
  return 0;
}
