/* A program that links Furl and registers its types itself, twice */
#include <petscfurl.h>

int main(int argc, char **argv)
{
  PC     pc;
  PCType type;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscFurlInitializePackage());
  PetscCall(PetscFurlInitializePackage());
  PetscCall(PCCreate(PETSC_COMM_WORLD, &pc));
  PetscCall(PCSetType(pc, PCFURL));
  PetscCall(PCGetType(pc, &type));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s\n", type));
  PetscCall(PCDestroy(&pc));
  PetscCall(PetscFinalize());
  return 0;
}
