static char help[] = "A furl matrix is solved, with the options that there are, without a copy of it in AIJ.\n\n";
#include <petscdmda.h>
#include "../furltest.h"
#include <furl/compat.h>

#define CELLS 16 /* in each direction: enough for a box */

static PetscErrorCode Fill(DM da, Mat A)
{
  PetscInt x, y, z, nx, ny, nz;

  PetscFunctionBeginUser;
  PetscCall(DMDAGetCorners(da, &x, &y, &z, &nx, &ny, &nz));
  for (PetscInt k = z; k < z + nz; k++)
    for (PetscInt j = y; j < y + ny; j++)
      for (PetscInt i = x; i < x + nx; i++) {
        const PetscInt    to[6][3] = {{i - 1, j, k}, {i + 1, j, k}, {i, j - 1, k}, {i, j + 1, k}, {i, j, k - 1}, {i, j, k + 1}};
        const MatStencil  row      = {.i = i, .j = j, .k = k};
        const PetscScalar six = 6, minus = -1;

        PetscCall(MatSetValuesStencil(A, 1, &row, 1, &row, &six, INSERT_VALUES));
        for (int q = 0; q < 6; q++) {
          const PetscInt   across = to[q][q / 2];
          const MatStencil column = {.i = to[q][0], .j = to[q][1], .k = to[q][2]};

          if (across >= 0 && across < CELLS) PetscCall(MatSetValuesStencil(A, 1, &row, 1, &column, &minus, INSERT_VALUES));
        }
      }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where PetscInfo() is to write, but for the number of the process that it appends */
static PetscErrorCode ChooseFile(char *file, size_t room)
{
  char directory[PETSC_MAX_PATH_LEN];
  int  number = (int)getpid();

  PetscFunctionBeginUser;
  PetscCallMPI(MPI_Bcast(&number, 1, MPI_INT, 0, PETSC_COMM_WORLD));
  PetscCall(PetscGetTmp(PETSC_COMM_WORLD, directory, sizeof(directory)));
  PetscCall(PetscSNPrintf(file, room, "%s/furl_info_%d", directory, number));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What PetscInfo() has told this process of decoding; `lines` counts all that it told */
static PetscErrorCode Search(const char *info, char *found, size_t room, PetscInt *lines)
{
  char        name[PETSC_MAX_PATH_LEN], line[PETSC_MAX_PATH_LEN];
  char       *at;
  FILE       *file;
  PetscMPIInt rank;

  PetscFunctionBeginUser;
  *lines   = 0;
  found[0] = 0;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(PetscSNPrintf(name, sizeof(name), "%s.%d", info, (int)rank));
  file = fopen(name, "r");
  PetscCheck(file, PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "PetscInfo() has not written %s", name);
  while (fgets(line, sizeof(line), file)) {
    ++*lines;
    PetscCall(PetscStrstr(line, "by decoding", &at));
    if (at) PetscCall(PetscStrncpy(found, line, room));
  }
  (void)fclose(file);
  (void)unlink(name);
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  char     info[PETSC_MAX_PATH_LEN], found[PETSC_MAX_PATH_LEN];
  PetscInt lines;
  DM       da;
  Mat      A;
  Vec      x, b;
  KSP      ksp;

  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(DMDACreate3d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_STAR, CELLS, CELLS, CELLS,
                         PETSC_DECIDE, PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, NULL, &da));
  PetscCall(DMSetMatType(da, "furl"));
  PetscCall(DMSetUp(da));
  PetscCall(DMCreateMatrix(da, &A));
  PetscCall(Fill(da, A));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestNoise(b, 3, 1));
  PetscCall(ChooseFile(info, sizeof(info)));
  PetscCall(PetscInfoSetFile(info, "w"));
  PetscCall(PetscInfoAllow(PETSC_TRUE));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetErrorIfNotConverged(ksp, PETSC_TRUE));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(PetscInfoAllow(PETSC_FALSE));
  PetscCall(PetscInfoSetFile(NULL, NULL));
  PetscCall(Search(info, found, sizeof(found), &lines));
  PetscCheck(lines > 0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "PetscInfo() told nothing");
  PetscCheck(!found[0], PETSC_COMM_SELF, PETSC_ERR_PLIB, "A copy was made: %s", found);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscCall(DMDestroy(&da));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2 3}}
    args: -ksp_type furl

TEST*/
