/* PetscInitialize() after PetscFinalize() finds Furl's types again, whichever way it was loaded, and calling the registration twice is
 * harmless */
#include <petscksp.h>
#include <furl/compat.h>

static PetscErrorCode FindTypes(void)
{
  Mat A;
  PC  pc;
  KSP ksp;

  PetscFunctionBegin;
  PetscCall(MatCreate(PETSC_COMM_WORLD, &A));
  PetscCall(MatSetSizes(A, 3, 3, PETSC_DETERMINE, PETSC_DETERMINE));
  PetscCall(MatSetType(A, "furl"));
  PetscCall(PCCreate(PETSC_COMM_WORLD, &pc));
  PetscCall(PCSetType(pc, "furl"));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetType(ksp, "furl"));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(PCDestroy(&pc));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  int initialized;

  MPI_Init(&argc, &argv);
  for (int i = 0; i < 3; i++) {
    PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
    PetscCall(FindTypes());
    PetscCall(PetscFinalize());
  }
  MPI_Initialized(&initialized);
  return MPI_Finalize() || !initialized;
}

/*TEST

  test:
    nsize: {{1 2}}

TEST*/
