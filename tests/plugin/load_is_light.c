/*
  Loading costs a program that does not use Furl next to nothing: under 5 ms of the processor, no MPI call on the other ranks' account (rank
  0 loads it alone, a collective call would wait for ever), no device touched, nothing printed.
*/
#include <petscksp.h>
#include <petscdevice.h>
#include <petsctime.h>

int main(int argc, char **argv)
{
  char           library[PETSC_MAX_PATH_LEN];
  PetscMPIInt    rank;
  PetscBool      set;
  PetscLogDouble begin = 0, end = 0;
  const double   limit = 5e-3; /* seconds */

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-library", library, sizeof(library), &set));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (!rank) {
    PetscCall(PetscGetCPUTime(&begin));
    PetscCall(PetscDLLibraryAppend(PETSC_COMM_SELF, &PetscDLLibrariesLoaded, library));
    PetscCall(PetscGetCPUTime(&end));
  }
  PetscCheck(set && end - begin < limit, PETSC_COMM_SELF, PETSC_ERR_PLIB, "loading took %g s, more than %g", (double)(end - begin), limit);
  PetscCheck(!PetscDeviceInitialized(PETSC_DEVICE_CUDA), PETSC_COMM_SELF, PETSC_ERR_PLIB, "loading touched the device");
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  build:
    requires: late

  test:
    nsize: {{1 2}}
    args: -library ${FURL_LIB}

TEST*/
