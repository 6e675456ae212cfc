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

int main(int argc, char **argv)
{
  char     file[PETSC_MAX_PATH_LEN], line[256];
  PetscInt lines, found;
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
  PetscCall(FurlTestInfoBegin(file, sizeof(file)));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetErrorIfNotConverged(ksp, PETSC_TRUE));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(FurlTestInfoEnd(file, "by decoding", &lines, &found, line));
  PetscCheck(lines > 0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "PetscInfo() told nothing");
  PetscCheck(!found, PETSC_COMM_SELF, PETSC_ERR_PLIB, "A copy was made: %s", line);
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
