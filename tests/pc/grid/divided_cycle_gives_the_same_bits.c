/*
  The V-cycle on a box that is divided among processes gives the very bits of one process, where both have the same levels: with planes of
  cells for each process, with blocks of a DMDA, and periodic. Deep ghosts thus hold what their owners do. (Coefficients vary little: the
  power of two that a matrix is taken times follows the first rows of the processes.)
*/
#include <petscdmda.h>
#include <petscfurl.h>
#include <pc/grid/grid.h>
#include "gridtest.h"

/* Cells; one direction is multiplied by the number of processes, so that each has whole aggregates */
static const struct {
  PetscInt    n[3];
  const char *bc;
  BenchClass class;
} Boxes[] = {{{32, 32, 16}, "ddd", BENCH_CONSTANT}, {{31, 16, 24}, "ddd", BENCH_SMOOTH},   {{32, 16, 16}, "ppp", BENCH_SMOOTH},
             {{20, 32, 12}, "pdn", BENCH_CONSTANT}, {{31, 27, 16}, "ddp", BENCH_CONSTANT}, {{16, 128, 4}, "ddp", BENCH_CONSTANT},
             {{200, 1, 64}, "dnd", BENCH_CONSTANT}, {{64, 64, 8}, "dpp", BENCH_CONSTANT}};

/* A DMDA that numbers the cells of the box by blocks */
static PetscErrorCode CreateDMDA(MPI_Comm comm, const GridTestBox *box, DM *da)
{
  DMBoundaryType type[3];

  PetscFunctionBegin;
  for (int d = 0; d < 3; d++) type[d] = box->bench.bc[d] == 'p' ? DM_BOUNDARY_PERIODIC : DM_BOUNDARY_NONE;
  PetscCall(DMDACreate3d(comm, type[0], type[1], type[2], DMDA_STENCIL_STAR, box->n[0], box->n[1], box->n[2], PETSC_DECIDE, PETSC_DECIDE,
                         PETSC_DECIDE, 1, 1, NULL, NULL, NULL, da));
  PetscCall(DMSetUp(*da));
  PetscFunctionReturn(0);
}

/* cell[] of the rows here, in natural order of the box; and the matrix in the numbering of the DMDA, or line by line where that is NULL */
static PetscErrorCode CreateMatrix(MPI_Comm comm, const GridTestBox *box, DM da, Mat *A, PetscInt *cell)
{
  AO        ao = NULL;
  PetscInt  first, last, s[3], m[3];
  PetscBool ours = da ? PETSC_TRUE : PETSC_FALSE;

  PetscFunctionBegin;
  if (ours) {
    PetscCall(DMCreateMatrix(da, A));
    PetscCall(DMDAGetAO(da, &ao));
    PetscCall(DMDAGetCorners(da, &s[0], &s[1], &s[2], &m[0], &m[1], &m[2]));
  } else
    PetscCall(GridTestMatrix(comm, box, 1, A));
  PetscCall(MatGetOwnershipRange(*A, &first, &last));
  for (PetscInt r = 0; r < last - first; r++) {
    const PetscInt at   = first + r;
    const int64_t  c[3] = {ours ? s[0] + r % m[0] : at % box->n[0], ours ? s[1] + r / m[0] % m[1] : at / box->n[0] % box->n[1],
                          ours ? s[2] + r / m[0] / m[1] : at / box->n[0] / box->n[1]};
    PetscInt    column[7];
    PetscScalar value[7];
    const int   count = GridTestRow(box, c, column, value);

    cell[r] = column[0];
    if (!ours) continue;
    PetscCall(AOApplicationToPetsc(ao, count, column));
    PetscCall(MatSetValues(*A, 1, &at, count, column, value, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

/* One cycle of a noise that every division has alike; y of all cells on every process. N: cells of the levels; returns how many */
static PetscErrorCode Cycle(MPI_Comm comm, const GridTestBox *box, DM da, double *y, int64_t *N, int *nlevels)
{
  FurlGrid   *grid = NULL;
  const char *why  = NULL;
  PetscInt   *cell, n = GridTestRows(box);
  double     *in, *out;
  Mat         A;

  PetscFunctionBegin;
  PetscCall(PetscMalloc3(n, &cell, n, &in, n, &out));
  PetscCall(CreateMatrix(comm, box, da, &A, cell));
  PetscCall(FurlGridCreate(A, PETSC_FALSE, &grid, &why));
  FurlTestCheck(grid, "%d rows: refused: %s", (int)n, why);
  PetscCall(PetscArrayzero(y, n));
  for (PetscInt r = 0; r < grid->n; r++) in[r] = FurlTestHash(cell[r], 1);
  PetscCall(FurlGridApply(grid, 1, 1, in, out));
  for (PetscInt r = 0; r < grid->n; r++) y[cell[r]] = out[r];
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, y, (PetscMPIInt)n, MPI_DOUBLE, MPI_SUM, comm));
  *nlevels = 0;
  for (int l = 0; l < grid->nlevels; l++)
    if (!grid->level[l].door) N[(*nlevels)++] = (int64_t)grid->level[l].N[0] * grid->level[l].N[1] * grid->level[l].N[2];
  PetscCall(FurlGridDestroy(&grid));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFree3(cell, in, out));
  PetscFunctionReturn(0);
}

static PetscErrorCode Check(const GridTestBox *box, PetscBool by_dmda, int *same)
{
  const PetscInt n = GridTestRows(box);
  int64_t        N[2][64];
  int            nlevels[2];
  double        *y, *z;
  DM             da = NULL;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(n, &y, n, &z));
  if (by_dmda) PetscCall(CreateDMDA(PETSC_COMM_WORLD, box, &da));
  PetscCall(Cycle(PETSC_COMM_SELF, box, NULL, z, N[0], &nlevels[0]));
  PetscCall(Cycle(PETSC_COMM_WORLD, box, da, y, N[1], &nlevels[1]));
  *same = nlevels[0] == nlevels[1];
  for (int l = 0; *same && l < nlevels[0]; l++) *same = N[0][l] == N[1][l];
  for (PetscInt i = 0; *same && i < n; i++)
    FurlTestCheck(y[i] == z[i], "%d x %d x %d cells, %s, %s, DMDA %d: cell %d: %a, %a on one process", (int)box->n[0], (int)box->n[1],
                  (int)box->n[2], BenchClassNames[box->bench.class], box->bench.bc, by_dmda, (int)i, y[i], z[i]);
  PetscCall(DMDestroy(&da));
  PetscCall(PetscFree2(y, z));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  const int   nboxes = (int)(sizeof(Boxes) / sizeof(*Boxes));
  int         count  = 0;
  PetscMPIInt size;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscFurlInitializePackage());
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  for (int k = 0; k < nboxes; k++)
    for (int by_dmda = 0; by_dmda < 2; by_dmda++) {
      const PetscInt n[3] = {Boxes[k].n[0], Boxes[k].n[1], Boxes[k].n[2] * size};
      GridTestBox    box;
      int            same = 0;

      GridTestInit(&box, Boxes[k].class, n, Boxes[k].bc);
      PetscCall(Check(&box, (PetscBool)by_dmda, &same));
      count += same;
    }
  FurlTestCheck(count >= nboxes, "%d of %d divisions have the levels of one process", count, 2 * nboxes);
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  build:
    requires: static

  test:
    nsize: {{1 2 3 5 8}}

TEST*/
