/*
  What a PETSc is and whether its MPI works: linked to that PETSc and started on two ranks by tools/setup. Rank 0 prints the name of
  the build that Furl's loader will ask for, PETSc's version, and the number of ranks that see each other.
*/
#include <stdio.h>
#include <petscksp.h>
#include "../src/furlloader.h"

int main(int argc, char **argv)
{
  FurlPetsc   petsc;
  const char *wrong;
  int         rank = 0, one = 1, ranks = 0;

  if (PetscInitialize(&argc, &argv, NULL, NULL)) return 1;
  MPI_Comm_rank(PETSC_COMM_WORLD, &rank);
  MPI_Allreduce(&one, &ranks, 1, MPI_INT, MPI_SUM, PETSC_COMM_WORLD);
  wrong = FurlLoaderDescribe((void *)KSPInitializePackage, &petsc);
  if (wrong)
    fprintf(stderr, "%s: %s\n", petsc.path, wrong);
  else if (!rank)
    printf("furl-probe %s %d.%d.%d %d\n", petsc.build, petsc.major, petsc.minor, petsc.subminor, ranks);
  return PetscFinalize() || wrong;
}
