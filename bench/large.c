/*
  How large a system fits into memory: -div(k grad u) = f on n^3 cells of a DMDA with k varying from cell to cell, assembled by
  MatSetValuesStencil() into what -dm_mat_type says, solved by what the options say. Prints peak memory and times.

    bench/large -n 200 -dm_mat_type furl -ksp_type furl -dll_append build/lib/libpetscfurl.so
*/
#include <petscdmda.h>
#include <petscksp.h>
#include <sys/resource.h>
#include "bench.h"

/* A number in [1, 10) of a face: the same from both sides */
static PetscReal Coefficient(PetscInt i, PetscInt j, PetscInt k, int axis)
{
  uint64_t h = ((uint64_t)i * 0x9e3779b97f4a7c15u + (uint64_t)j) * 0xc2b2ae3d27d4eb4fu + (uint64_t)(4 * k + axis);

  h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
  h = (h ^ h >> 27) * 0x94d049bb133111ebu;
  return 1 + 9 * (PetscReal)((h ^ h >> 31) >> 11) / 9007199254740992.0;
}

/* Cell (i, j, k) of n^3: faces to all sides, those of the boundary with half a cell */
static PetscErrorCode SetRow(Mat A, PetscInt n, PetscInt i, PetscInt j, PetscInt k)
{
  const PetscInt at[3] = {i, j, k};
  MatStencil     row   = {.i = i, .j = j, .k = k}, column[7];
  PetscScalar    value[7], d = 0;
  PetscInt       m = 0;

  PetscFunctionBegin;
  for (int q = 0; q < 6; q++) {
    const int       axis = q / 2, side = q % 2 ? 1 : -1;
    const PetscInt  to[3] = {i + (axis == 0) * side, j + (axis == 1) * side, k + (axis == 2) * side};
    const PetscReal c     = side > 0 ? Coefficient(i, j, k, axis) : Coefficient(to[0], to[1], to[2], axis);

    d += c;
    if (side > 0 ? at[axis] == n - 1 : at[axis] == 0) continue;
    column[m]  = (MatStencil){.i = to[0], .j = to[1], .k = to[2]};
    value[m++] = -c;
  }
  column[m]  = row;
  value[m++] = d;
  PetscCall(MatSetValuesStencil(A, 1, &row, m, column, value, INSERT_VALUES));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Fill(DM da, PetscInt n, Mat A)
{
  PetscInt start[3], size[3];

  PetscFunctionBegin;
  PetscCall(DMDAGetCorners(da, &start[0], &start[1], &start[2], &size[0], &size[1], &size[2]));
  for (PetscInt k = start[2]; k < start[2] + size[2]; k++)
    for (PetscInt j = start[1]; j < start[1] + size[1]; j++)
      for (PetscInt i = start[0]; i < start[0] + size[0]; i++) PetscCall(SetRow(A, n, i, j, k));
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Time since the last report, and the largest memory so far, summed over the processes */
static PetscErrorCode Report(const char *what, PetscInt unknowns, PetscLogDouble *since)
{
  struct rusage  usage;
  PetscLogDouble now;
  double         bytes;

  PetscFunctionBegin;
  PetscCall(PetscTime(&now));
  (void)getrusage(RUSAGE_SELF, &usage);
  bytes = 1024. * (double)usage.ru_maxrss;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &bytes, 1, MPI_DOUBLE, MPI_SUM, PETSC_COMM_WORLD));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%-10s %8.2f s   peak %7.3f GiB, %6.1f bytes an unknown\n", what, now - *since,
                        bytes / 1073741824, bytes / (double)unknowns));
  PetscCall(PetscTime(since));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckSolution(KSP ksp, Mat A, Vec b, Vec x)
{
  PetscReal          norm, size;
  PetscInt           its;
  KSPConvergedReason reason;
  Vec                r;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(b, &r));
  PetscCall(MatMult(A, x, r));
  PetscCall(VecAYPX(r, -1, b));
  PetscCall(VecNorm(r, NORM_2, &norm));
  PetscCall(VecNorm(b, NORM_2, &size));
  PetscCall(KSPGetIterationNumber(ksp, &its));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s after %" PetscInt_FMT " iterations, true residual %.3e of the right-hand side\n",
                        KSPConvergedReasons[reason], its, (double)(norm / size)));
  PetscCall(VecDestroy(&r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(PetscInt n, PetscBool solve)
{
  const PetscInt unknowns = n * n * n;
  PetscLogDouble since;
  DM             da;
  Mat            A;
  Vec            b, x;
  KSP            ksp;

  PetscFunctionBegin;
  PetscCall(PetscTime(&since));
  PetscCall(DMDACreate3d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_STAR, n, n, n, PETSC_DECIDE,
                         PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, NULL, &da));
  PetscCall(DMSetFromOptions(da));
  PetscCall(DMSetUp(da));
  PetscCall(DMCreateMatrix(da, &A));
  PetscCall(Report("pattern", unknowns, &since));
  PetscCall(Fill(da, n, A));
  PetscCall(Report("assembly", unknowns, &since));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(VecSetRandom(x, NULL));
  PetscCall(MatMult(A, x, b));
  PetscCall(Report("product", unknowns, &since));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetTolerances(ksp, 1e-8, 0, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(KSPSetFromOptions(ksp));
  if (solve) {
    PetscCall(KSPSetUp(ksp));
    PetscCall(Report("set-up", unknowns, &since));
    PetscCall(KSPSolve(ksp, b, x));
    PetscCall(Report("solve", unknowns, &since));
    PetscCall(CheckSolution(ksp, A, b, x));
  }
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscCall(DMDestroy(&da));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscInt  n     = 100;
  PetscBool solve = PETSC_TRUE;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-solve", &solve, NULL));
  PetscCall(Run(n, solve));
  PetscCall(PetscFinalize());
  return 0;
}
