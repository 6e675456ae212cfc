/* The launcher starts one program of several ranks: with another MPI's launcher each rank would be alone, and parallel tests test nothing
 */
#include <petscsys.h>

int main(int argc, char **argv)
{
  PetscMPIInt rank, size;
  PetscInt    wanted = 0, sum;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-ranks", &wanted, NULL));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCheck(size == wanted, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%d ranks see each other, not %d", size, (int)wanted);
  sum = rank + 1;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPIU_INT, MPI_SUM, PETSC_COMM_WORLD));
  PetscCheck(sum == size * (size + 1) / 2, PETSC_COMM_SELF, PETSC_ERR_PLIB, "the ranks' numbers sum to %d", (int)sum);
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    suffix: 2
    nsize: 2
    args: -ranks 2

  test:
    suffix: 3
    nsize: 3
    args: -ranks 3

TEST*/
