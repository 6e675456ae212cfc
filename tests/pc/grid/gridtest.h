/* Systems on boxes that the tests of hierarchy `grid` share: the benchmark's classes of coefficients on boxes of any shape */
#pragma once

#include "../../../bench/classes.h"
#include "../../furltest.h"

#define GRID_TEST_CLASSES (BENCH_LAYERS + 1)

typedef struct {
  BenchGrid bench; /* coefficients; its n is the largest of n[] */
  PetscInt  n[3];  /* cells; a direction with one cell is none */
} GridTestBox;

/* bc: one of d, n, p for each direction */
static inline void GridTestInit(GridTestBox *box, BenchClass class, const PetscInt n[3], const char bc[])
{
  for (int d = 0; d < 3; d++) box->n[d] = n[d];
  BenchGridInit(&box->bench, class, PetscMax(n[0], PetscMax(n[1], n[2])), bc);
}

static inline PetscInt GridTestRows(const GridTestBox *box)
{
  return box->n[0] * box->n[1] * box->n[2];
}

static inline PetscInt GridTestIndex(const GridTestBox *box, const int64_t c[3])
{
  return (PetscInt)(c[0] + box->n[0] * (c[1] + box->n[1] * c[2]));
}

/* Coupling of cell c to the next one on a side of direction d, whose row is *other; what Dirichlet adds to the diagonal in *boundary */
static inline double GridTestCoupling(const GridTestBox *box, const int64_t c[3], int d, int side, PetscInt *other, double *boundary)
{
  const BenchGrid *const bench = &box->bench;
  const double           h = BenchSide(bench, c[d]), area = BenchSide(bench, c[0]) * BenchSide(bench, c[1]) * BenchSide(bench, c[2]) / h;
  const double           K = BenchConductivity(bench, c), w = BenchWeight(bench, d) * area;
  int64_t                next[3] = {c[0], c[1], c[2]};

  *boundary = 0;
  if (box->n[d] == 1) return 0;
  next[d] += side;
  if (next[d] < 0 || next[d] >= box->n[d]) {
    if (bench->bc[d] == 'd') *boundary = 2 * w * K / h;
    if (bench->bc[d] != 'p') return 0;
    next[d] = (next[d] + box->n[d]) % box->n[d];
  }
  *other = GridTestIndex(box, next);
  return w / (.5 * h / K + .5 * BenchSide(bench, next[d]) / BenchConductivity(bench, next));
}

/* The row of cell c: the diagonal first; returns how many entries */
static inline int GridTestRow(const GridTestBox *box, const int64_t c[3], PetscInt column[7], PetscScalar value[7])
{
  int count = 1;

  column[0] = GridTestIndex(box, c);
  value[0]  = 0;
  for (int d = 0; d < 3; d++)
    for (int side = -1; side <= 1; side += 2) {
      double       boundary;
      const double a = GridTestCoupling(box, c, d, side, &column[count], &boundary);

      value[0] += a + boundary;
      if (a != 0) value[count++] = -a;
    }
  return count;
}

/* scale times the operator, `local` rows of it on this process; no null space is attached */
static inline PetscErrorCode GridTestByRows(MPI_Comm comm, const GridTestBox *box, PetscInt local, PetscReal scale, Mat *A)
{
  const PetscInt n = GridTestRows(box);
  PetscInt       first, last;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(comm, local, local, n, n, 7, NULL, 6, NULL, A));
  PetscCall(MatSetOption(*A, MAT_NEW_NONZERO_ALLOCATION_ERR, PETSC_FALSE));
  PetscCall(MatGetOwnershipRange(*A, &first, &last));
  for (PetscInt row = first; row < last; row++) {
    const int64_t c[3] = {row % box->n[0], row / box->n[0] % box->n[1], row / box->n[0] / box->n[1]};
    PetscInt      column[7];
    PetscScalar   value[7];
    const int     count = GridTestRow(box, c, column, value);

    for (int k = 0; k < count; k++) value[k] *= scale;
    PetscCall(MatSetValues(*A, 1, &row, count, column, value, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

static inline PetscErrorCode GridTestMatrix(MPI_Comm comm, const GridTestBox *box, PetscReal scale, Mat *A)
{
  PetscFunctionBegin;
  PetscCall(GridTestByRows(comm, box, PETSC_DECIDE, scale, A));
  PetscFunctionReturn(0);
}

/* Constants as A's null space */
static inline PetscErrorCode GridTestSetConstants(Mat A)
{
  MatNullSpace constants;

  PetscFunctionBegin;
  PetscCall(MatNullSpaceCreate(PetscObjectComm((PetscObject)A), PETSC_TRUE, 0, NULL, &constants));
  PetscCall(MatSetNullSpace(A, constants));
  PetscCall(MatNullSpaceDestroy(&constants));
  PetscFunctionReturn(0);
}

/* |b - A x| / |b|, for entries of any size; b and x are spent */
static inline PetscErrorCode GridTestResidual(Mat A, Vec b, Vec x, PetscReal *residual)
{
  PetscReal size;

  PetscFunctionBegin;
  PetscCall(VecNorm(b, NORM_INFINITY, &size));
  PetscCall(VecScale(b, -1 / size));
  PetscCall(VecScale(x, 1 / size));
  PetscCall(VecNorm(b, NORM_2, &size));
  PetscCall(MatMultAdd(A, x, b, b));
  PetscCall(VecNorm(b, NORM_2, residual));
  *residual /= size;
  PetscFunctionReturn(0);
}

/* Whether the short view of the PC says `expect` */
static inline PetscErrorCode GridTestViewSays(PC pc, const char expect[], PetscBool *says)
{
  char        text[1024] = "";
  PetscViewer viewer;

  PetscFunctionBegin;
  PetscCall(PetscViewerStringOpen(PetscObjectComm((PetscObject)pc), text, sizeof(text), &viewer));
  PetscCall(PCView(pc, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  *says = (PetscBool)(strstr(text, expect) != NULL);
  PetscFunctionReturn(0);
}
