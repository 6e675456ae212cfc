/* 3-D diffusion, 7 points, heterogeneous: the classes of classes.h, assembled as any PETSc program would */
#include "bench.h"
#include "classes.h"

/* Entries of the row of cell c: the diagonal first */
static int DiffusionRow(const BenchGrid *grid, const int64_t c[3], MatStencil column[7], PetscScalar value[7])
{
  int count = 1;

  value[0] = 0;
  for (int d = 0; d < 3; d++) {
    for (int side = -1; side <= 1; side += 2) {
      int64_t      other[3];
      double       boundary;
      const double a = BenchCoupling(grid, c, d, side, other, &boundary);

      value[0] += a + boundary;
      if (a == 0) continue;
      /* a DMDA's stencil wants the neighbour before it is wrapped round */
      column[count]   = (MatStencil){.i = (PetscInt)c[0], .j = (PetscInt)c[1], .k = (PetscInt)c[2], .c = 0};
      column[count].i = (PetscInt)(d == 0 ? c[0] + side : c[0]);
      column[count].j = (PetscInt)(d == 1 ? c[1] + side : c[1]);
      column[count].k = (PetscInt)(d == 2 ? c[2] + side : c[2]);
      value[count++]  = -a;
    }
  }
  column[0] = (MatStencil){.i = (PetscInt)c[0], .j = (PetscInt)c[1], .k = (PetscInt)c[2], .c = 0};
  return count;
}

static DMBoundaryType BoundaryType(char bc)
{
  return bc == 'p' ? DM_BOUNDARY_PERIODIC : DM_BOUNDARY_NONE;
}

static PetscErrorCode DiffusionFill(const BenchGrid *grid, DM da, Mat A)
{
  PetscInt xs, ys, zs, xm, ym, zm;

  PetscFunctionBegin;
  PetscCall(DMDAGetCorners(da, &xs, &ys, &zs, &xm, &ym, &zm));
  for (int64_t k = zs; k < zs + zm; k++) {
    for (int64_t j = ys; j < ys + ym; j++) {
      for (int64_t i = xs; i < xs + xm; i++) {
        const int64_t c[3] = {i, j, k};
        MatStencil    column[7];
        PetscScalar   value[7];
        const int     count = DiffusionRow(grid, c, column, value);

        PetscCall(MatSetValuesStencil(A, 1, column, count, column, value, INSERT_VALUES));
      }
    }
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GridFromOptions(BenchGrid *grid)
{
  PetscInt  n = 64, class = BENCH_CONSTANT;
  char      bc[8] = "ddd";
  PetscBool set;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(PetscOptionsGetEList(NULL, NULL, "-class", BenchClassNames, BENCH_LAYERS + 1, &class, &set));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-bc", bc, sizeof(bc), NULL));
  PetscCheck(n >= 1 && n <= BENCH_MAX_N, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE, "-n %" PetscInt_FMT " is not in 1..%d", n,
             BENCH_MAX_N);
  PetscCheck(strlen(bc) == 3 && strspn(bc, "dnp") == 3, PETSC_COMM_WORLD, PETSC_ERR_ARG_WRONG,
             "-bc %s: give one of d, n, p for each of x, y, z, as in ddn", bc);
  PetscCheck(n >= 3 || !strchr(bc, 'p'), PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE,
             "-n %" PetscInt_FMT ": a periodic direction needs 3 cells or more", n);
  BenchGridInit(grid, (BenchClass) class, n, bc);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The rows of the outermost cells become those of an identity, as programs leave them that keep Dirichlet values among the unknowns; with
 * their columns or without */
static PetscErrorCode KeepBoundaryRows(const BenchGrid *grid, DM da, PetscBool columns, Mat A)
{
  ISLocalToGlobalMapping numbers;
  PetscInt               xs, ys, zs, xm, ym, zm, count = 0, *rows;

  PetscFunctionBegin;
  PetscCall(DMGetLocalToGlobalMapping(da, &numbers));
  PetscCall(DMDAGetGhostCorners(da, &xs, &ys, &zs, &xm, &ym, &zm));
  PetscCall(PetscMalloc1(xm * ym * zm, &rows));
  for (PetscInt r = 0; r < xm * ym * zm; r++) {
    const PetscInt at[3] = {xs + r % xm, ys + r / xm % ym, zs + r / xm / ym};
    PetscBool      out   = PETSC_FALSE;

    for (int d = 0; d < 3; d++) out = (PetscBool)(out || at[d] == 0 || at[d] + 1 == grid->n);
    if (out) rows[count++] = r;
  }
  PetscCall(ISLocalToGlobalMappingApply(numbers, count, rows, rows));
  if (columns)
    PetscCall(MatZeroRows(A, count, rows, 1, NULL, NULL));
  else
    PetscCall(MatZeroRowsColumns(A, count, rows, 1, NULL, NULL));
  PetscCall(PetscFree(rows));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* -identity kept: MatZeroRows(), which leaves the columns; dropped: MatZeroRowsColumns() */
static PetscErrorCode IdentityFromOptions(const BenchGrid *grid, DM da, Mat A, char title[], size_t size)
{
  const char *const names[2] = {"kept", "dropped"};
  PetscInt          which;
  PetscBool         set;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetEList(NULL, NULL, "-identity", names, 2, &which, &set));
  if (!set) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(KeepBoundaryRows(grid, da, (PetscBool)!which, A));
  PetscCall(PetscStrlcat(title, which ? " identity, columns dropped" : " identity, columns kept", size));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode DiffusionCreate(MPI_Comm comm, MatType type, Mat *A, char title[], size_t size)
{
  BenchGrid *grid;
  DM         da;

  PetscFunctionBegin;
  PetscCall(PetscNew(&grid));
  PetscCall(GridFromOptions(grid));
  PetscCall(DMDACreate3d(comm, BoundaryType(grid->bc[0]), BoundaryType(grid->bc[1]), BoundaryType(grid->bc[2]), DMDA_STENCIL_STAR,
                         (PetscInt)grid->n, (PetscInt)grid->n, (PetscInt)grid->n, PETSC_DECIDE, PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL,
                         NULL, NULL, &da));
  PetscCall(DMSetMatType(da, type));
  PetscCall(DMSetUp(da));
  PetscCall(DMCreateMatrix(da, A));
  PetscCall(DiffusionFill(grid, da, *A));
  if (!strchr(grid->bc, 'd')) {
    MatNullSpace constants;

    PetscCall(MatNullSpaceCreate(comm, PETSC_TRUE, 0, NULL, &constants));
    PetscCall(MatSetNullSpace(*A, constants));
    PetscCall(MatNullSpaceDestroy(&constants));
  }
  PetscCall(PetscSNPrintf(title, size, "diffusion %s n=%d bc=%s", BenchClassNames[grid->class], (int)grid->n, grid->bc));
  PetscCall(IdentityFromOptions(grid, da, *A, title, size));
  PetscCall(DMDestroy(&da));
  PetscCall(PetscFree(grid));
  PetscFunctionReturn(PETSC_SUCCESS);
}
