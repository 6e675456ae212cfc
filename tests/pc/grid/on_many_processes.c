/*
  A box that is divided among processes is found, and solved in the iterations of one process: numbered by a DMDA, or line by line with rows
  that begin anywhere in a plane, evenly or so unevenly that processes are empty. -ksp_type and -pc_type are the solver's.
*/
#include <petscdmda.h>
#include "gridtest.h"

#define MORE 2 /* iterations that a division may cost: lines of different processes are not joined on the finer levels */

typedef enum { EVENLY, UNEVENLY, DMDA_NUMBERING, NUMBERINGS } Numbering;

static const struct {
  BenchClass class;
  PetscInt    n[3];
  const char *bc;
} Boxes[] = {{BENCH_CONSTANT, {20, 21, 22}, "ddd"}, {BENCH_SMOOTH, {19, 20, 21}, "nnn"},    {BENCH_RANDOM, {20, 21, 22}, "ppp"},
             {BENCH_LAYERS, {20, 18, 23}, "pdn"},   {BENCH_STRETCHED, {20, 21, 22}, "ddd"}, {BENCH_RANDOM, {70, 81, 1}, "ddn"},
             {BENCH_SMOOTH, {60, 1, 71}, "pnd"},    {BENCH_CONSTANT, {5, 4, 6}, "ddd"}};

static DMBoundaryType Boundary(char bc)
{
  return bc == 'p' ? DM_BOUNDARY_PERIODIC : DM_BOUNDARY_NONE;
}

/* Rows of this process: nearly all for the last process but one, none for the first */
static PetscInt UnevenRows(MPI_Comm comm, PetscInt n)
{
  PetscMPIInt rank, size;

  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);
  if (size == 1) return n;
  if (size == 2) return rank ? n - n / 7 : n / 7;
  return rank == size - 1 ? n / 7 : rank == size - 2 ? n - n / 7 : 0;
}

static PetscErrorCode CreateByRows(MPI_Comm comm, const GridTestBox *box, PetscInt local, Mat *A)
{
  const PetscInt n = GridTestRows(box);
  PetscInt       first, last;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(comm, local, local, n, n, 7, NULL, 6, NULL, A));
  PetscCall(MatGetOwnershipRange(*A, &first, &last));
  for (PetscInt row = first; row < last; row++) {
    const int64_t c[3] = {row % box->n[0], row / box->n[0] % box->n[1], row / box->n[0] / box->n[1]};
    PetscInt      column[7];
    PetscScalar   value[7];
    const int     count = GridTestRow(box, c, column, value);

    PetscCall(MatSetValues(*A, 1, &row, count, column, value, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

/* The same matrix in the numbering of a DMDA: columns are numbered by the application's order */
static PetscErrorCode CreateByDMDA(MPI_Comm comm, const GridTestBox *box, Mat *A)
{
  const PetscInt *const n  = box->n;
  const char *const     bc = box->bench.bc;
  PetscInt              s[3], m[3];
  DM                    da;
  AO                    ao;

  PetscFunctionBegin;
  PetscCall(DMDACreate3d(comm, Boundary(bc[0]), Boundary(bc[1]), Boundary(bc[2]), DMDA_STENCIL_STAR, n[0], n[1], n[2], PETSC_DECIDE,
                         PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, NULL, &da));
  PetscCall(DMSetUp(da));
  PetscCall(DMCreateMatrix(da, A));
  PetscCall(DMDAGetAO(da, &ao));
  PetscCall(DMDAGetCorners(da, &s[0], &s[1], &s[2], &m[0], &m[1], &m[2]));
  for (PetscInt k = 0; k < m[0] * m[1] * m[2]; k++) {
    const int64_t c[3] = {s[0] + k % m[0], s[1] + k / m[0] % m[1], s[2] + k / m[0] / m[1]};
    PetscInt      column[7], row;
    PetscScalar   value[7];
    const int     count = GridTestRow(box, c, column, value);

    PetscCall(AOApplicationToPetsc(ao, count, column));
    row = column[0];
    PetscCall(MatSetValues(*A, 1, &row, count, column, value, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(DMDestroy(&da));
  PetscFunctionReturn(0);
}

static PetscErrorCode Create(MPI_Comm comm, const GridTestBox *box, Numbering numbering, Mat *A)
{
  PetscFunctionBegin;
  if (numbering == DMDA_NUMBERING)
    PetscCall(CreateByDMDA(comm, box, A));
  else
    PetscCall(CreateByRows(comm, box, numbering == EVENLY ? PETSC_DECIDE : UnevenRows(comm, GridTestRows(box)), A));
  if (!strchr(box->bench.bc, 'd')) PetscCall(GridTestSetConstants(*A));
  PetscFunctionReturn(0);
}

/* Iterations to a true residual of 1e-8; the view must say that a box was found */
static PetscErrorCode Solve(Mat A, PetscInt *its)
{
  KSPConvergedReason reason;
  PetscReal          residual;
  PetscBool          grid;
  PetscInt           rows;
  Vec                b, x;
  KSP                ksp;
  PC                 pc;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestNoise(x, 1, 1));
  PetscCall(MatMult(A, x, b));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetIterationNumber(ksp, its));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(GridTestViewSays(pc, "multigrid,grid", &grid));
  PetscCall(MatGetSize(A, &rows, NULL));
  FurlTestCheck(grid, "A box of %d rows was not found", (int)rows);
  FurlTestCheck(reason > 0, "%d rows: reason %d", (int)rows, (int)reason);
  PetscCall(GridTestResidual(A, b, x, &residual));
  FurlTestCheck(residual <= 1.01e-8, "%d rows: residual %g", (int)rows, (double)residual);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  for (size_t k = 0; k < sizeof(Boxes) / sizeof(*Boxes); k++) {
    const PetscInt *const n = Boxes[k].n;
    GridTestBox           box;
    PetscInt              alone, its;
    Mat                   A;

    GridTestInit(&box, Boxes[k].class, n, Boxes[k].bc);
    PetscCall(Create(PETSC_COMM_SELF, &box, EVENLY, &A));
    PetscCall(Solve(A, &alone));
    PetscCall(MatDestroy(&A));
    for (int numbering = 0; numbering < NUMBERINGS; numbering++) {
      PetscCall(Create(PETSC_COMM_WORLD, &box, (Numbering)numbering, &A));
      PetscCall(Solve(A, &its));
      FurlTestCheck(its <= alone + MORE, "%s, %d x %d x %d, %s, numbering %d: %d iterations, %d on one process",
                    BenchClassNames[Boxes[k].class], (int)n[0], (int)n[1], (int)n[2], Boxes[k].bc, numbering, (int)its, (int)alone);
      PetscCall(MatDestroy(&A));
    }
  }
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  testset:
    nsize: {{1 2 3 5}}
    args: -ksp_rtol 1e-8
    test:
      suffix: combined
      args: -ksp_type furl
    test:
      suffix: linear
      args: -ksp_type cg -ksp_norm_type unpreconditioned -pc_type furl

TEST*/
