/* A PETSc with complex scalars is refused in words that help, and nothing is registered */
#include <petscksp.h>
#include <string.h>

static char said[4096];

static PetscErrorCode Listen(MPI_Comm comm, int line, const char *function, const char *file, PetscErrorCode code, PetscErrorType type,
                             const char *message, void *ctx)
{
  if (message && !said[0]) strncpy(said, message, sizeof(said) - 1);
  return code;
}

int main(int argc, char **argv)
{
  char           library[PETSC_MAX_PATH_LEN];
  PetscErrorCode code;
  PetscBool      set;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-library", library, sizeof(library), &set));
  PetscCall(PetscPushErrorHandler(Listen, NULL));
  code = PetscDLLibraryAppend(PETSC_COMM_SELF, &PetscDLLibrariesLoaded, library);
  PetscCall(PetscPopErrorHandler());
  PetscCheck(set && code == PETSC_ERR_SUP, PETSC_COMM_SELF, PETSC_ERR_PLIB, "error code %d", (int)code);
  PetscCheck(strstr(said, "Furl needs real scalars in double precision"), PETSC_COMM_SELF, PETSC_ERR_PLIB, "the message is: %s", said);
  PetscCheck(strstr(said, "has complex scalars of 64 bits"), PETSC_COMM_SELF, PETSC_ERR_PLIB, "the message is: %s", said);
  PetscCall(PetscOptionsClearValue(NULL, "-malloc_dump")); /* what PETSc leaks when a library refuses is its own */
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  build:
    requires: complex late

  test:
    args: -library ${FURL_LIB}

TEST*/
