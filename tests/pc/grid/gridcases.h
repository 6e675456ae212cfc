/* Matrices that are on a box, nearly so, or not at all: a base on a box, then an edit of it */
#pragma once

#include "gridtest.h"

/* A hopeless one is refused as well, and need not converge */
typedef enum { CASE_BOX, CASE_REFUSED, CASE_EITHER, CASE_HOPELESS } GridCaseExpect;

typedef struct GridCase GridCase;
struct GridCase {
  const char *name;
  PetscInt    n[3];
  const char *bc;
  PetscErrorCode (*edit)(const GridCase *, Mat *A); /* NULL: as it is */
  GridCaseExpect expect;
  BenchClass class;
  PetscReal amount; /* how much of the edit */
};

static inline PetscInt CaseRows(const GridCase *c)
{
  return c->n[0] * c->n[1] * c->n[2];
}

/* Rows whose cell is in the outermost layer, or in the middle half of each direction */
static inline PetscErrorCode CaseChooseRows(const GridCase *c, PetscBool inner, PetscInt *count, PetscInt **rows)
{
  PetscFunctionBegin;
  PetscCall(PetscMalloc1(CaseRows(c), rows));
  *count = 0;
  for (PetscInt r = 0; r < CaseRows(c); r++) {
    const PetscInt at[3] = {r % c->n[0], r / c->n[0] % c->n[1], r / c->n[0] / c->n[1]};
    PetscBool      in = PETSC_TRUE, out = PETSC_FALSE;

    for (int d = 0; d < 3; d++) {
      if (at[d] < c->n[d] / 4 || at[d] >= 3 * c->n[d] / 4 + 1) in = PETSC_FALSE;
      if (c->n[d] > 1 && (at[d] == 0 || at[d] == c->n[d] - 1)) out = PETSC_TRUE;
    }
    if (inner ? in : out) (*rows)[(*count)++] = r;
  }
  PetscFunctionReturn(0);
}

static inline PetscErrorCode CaseOwnRows(const GridCase *c, PetscBool inner, PetscBool columns, Mat A)
{
  PetscInt count = 0, *rows;

  PetscFunctionBegin;
  PetscCall(CaseChooseRows(c, inner, &count, &rows));
  if (columns)
    PetscCall(MatZeroRowsColumns(A, count, rows, c->amount, NULL, NULL));
  else
    PetscCall(MatZeroRows(A, count, rows, c->amount, NULL, NULL));
  PetscCall(PetscFree(rows));
  PetscFunctionReturn(0);
}

static inline PetscErrorCode CaseBoundaryRows(const GridCase *c, Mat *A)
{
  return CaseOwnRows(c, PETSC_FALSE, PETSC_FALSE, *A);
}

static inline PetscErrorCode CaseBoundaryRowsColumns(const GridCase *c, Mat *A)
{
  return CaseOwnRows(c, PETSC_FALSE, PETSC_TRUE, *A);
}

static inline PetscErrorCode CaseHoles(const GridCase *c, Mat *A)
{
  return CaseOwnRows(c, PETSC_TRUE, PETSC_FALSE, *A);
}

static inline PetscErrorCode CaseHolesColumns(const GridCase *c, Mat *A)
{
  return CaseOwnRows(c, PETSC_TRUE, PETSC_TRUE, *A);
}

static inline PetscErrorCode CaseScaled(const GridCase *c, Mat *A)
{
  return MatScale(*A, c->amount);
}

static inline PetscErrorCode CaseShifted(const GridCase *c, Mat *A)
{
  return MatShift(*A, c->amount);
}

/* One cell is tied down */
static inline PetscErrorCode CasePinned(const GridCase *c, Mat *A)
{
  PetscFunctionBegin;
  PetscCall(MatSetValue(*A, CaseRows(c) / 3, CaseRows(c) / 3, c->amount, ADD_VALUES));
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

/* One coupling and its mirror are something else, or not a number */
static inline PetscErrorCode CaseOneCoupling(const GridCase *c, Mat *A)
{
  const PetscInt r = CaseRows(c) / 2 + c->n[0] / 2;

  PetscFunctionBegin;
  PetscCall(MatSetValue(*A, r, r - 1, c->amount, INSERT_VALUES));
  PetscCall(MatSetValue(*A, r - 1, r, c->amount, INSERT_VALUES));
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

/* Symmetric links of weight `value` between rows r and some(r), for a part `amount` of the rows: values may be zero */
static inline PetscErrorCode CaseAddLinks(const GridCase *c, PetscReal part, PetscInt to, PetscReal value, Mat A)
{
  const PetscInt n = CaseRows(c);

  PetscFunctionBegin;
  PetscCall(MatSetOption(A, MAT_NEW_NONZERO_LOCATION_ERR, PETSC_FALSE));
  PetscCall(MatSetOption(A, MAT_NEW_NONZERO_ALLOCATION_ERR, PETSC_FALSE));
  for (PetscInt r = 0; r < n; r++) {
    const PetscInt other = to ? r + to : (PetscInt)(BenchUniform(11, (uint64_t)r) * n);

    if (BenchUniform(12, (uint64_t)r) >= part || other == r || other >= n) continue;
    PetscCall(MatSetValue(A, r, other, -value, ADD_VALUES));
    PetscCall(MatSetValue(A, other, r, -value, ADD_VALUES));
    PetscCall(MatSetValue(A, r, r, PetscAbsReal(value), ADD_VALUES));
    PetscCall(MatSetValue(A, other, other, PetscAbsReal(value), ADD_VALUES));
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

static inline PetscErrorCode CaseFarLinks(const GridCase *c, Mat *A)
{
  return CaseAddLinks(c, c->amount, 0, 0.5, *A);
}

/* Couplings of the diagonal's sign take the place of a part of those between lines */
static inline PetscErrorCode CasePositiveLinks(const GridCase *c, Mat *A)
{
  return CaseAddLinks(c, c->amount, c->n[0], -2, *A);
}

/* The pattern of 27 points, of which all but 7 are zero */
static inline PetscErrorCode CaseStoredZeros(const GridCase *c, Mat *A)
{
  PetscFunctionBegin;
  for (PetscInt k = 0; k <= 1; k++)
    for (PetscInt j = -k; j <= 1; j++)
      for (PetscInt i = -1; i <= 1; i++)
        if (i + c->n[0] * (j + c->n[1] * k) > 0) PetscCall(CaseAddLinks(c, 1, i + c->n[0] * (j + c->n[1] * k), 0, *A));
  PetscFunctionReturn(0);
}

static inline PetscErrorCode CasePermuted(const GridCase *c, Mat *A)
{
  const PetscInt n = CaseRows(c);
  PetscInt      *order;
  IS             rows;
  Mat            B;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, &order));
  for (PetscInt r = 0; r < n; r++) order[r] = r;
  for (PetscInt r = n - 1; r > 0; r--) {
    const PetscInt other = (PetscInt)(BenchUniform(13, (uint64_t)r) * (r + 1)), swap = order[r];

    order[r]     = order[other];
    order[other] = swap;
  }
  PetscCall(ISCreateGeneral(PETSC_COMM_SELF, n, order, PETSC_OWN_POINTER, &rows));
  PetscCall(ISSetPermutation(rows));
  PetscCall(MatPermute(*A, rows, rows, &B));
  PetscCall(ISDestroy(&rows));
  PetscCall(MatDestroy(A));
  *A = B;
  PetscFunctionReturn(0);
}

/* A patch of cells of half the side comes after the others, tied to its surroundings */
static inline PetscErrorCode CaseRefined(const GridCase *c, Mat *A)
{
  const PetscInt n = CaseRows(c), side = c->n[0] / 2, patch = side * side;
  Mat            B;

  PetscFunctionBegin;
  PetscCall(MatCreateSeqAIJ(PETSC_COMM_SELF, n + patch, n + patch, 12, NULL, &B));
  PetscCall(MatSetOption(B, MAT_NEW_NONZERO_ALLOCATION_ERR, PETSC_FALSE));
  for (PetscInt r = 0; r < n; r++) {
    const PetscInt    *column;
    const PetscScalar *value;
    PetscInt           count;

    PetscCall(MatGetRow(*A, r, &count, &column, &value));
    PetscCall(MatSetValues(B, 1, &r, count, column, value, ADD_VALUES));
    PetscCall(MatRestoreRow(*A, r, &count, &column, &value));
  }
  for (PetscInt p = 0; p < patch; p++) {
    const PetscInt r = n + p, links[3] = {p % side ? r - 1 : p / side, p >= side ? r - side : c->n[0] + p, p / 2 % n};

    for (int k = 0; k < 3; k++) {
      PetscCall(MatSetValue(B, r, links[k], -1, ADD_VALUES));
      PetscCall(MatSetValue(B, links[k], r, -1, ADD_VALUES));
      PetscCall(MatSetValue(B, r, r, 1, ADD_VALUES));
      PetscCall(MatSetValue(B, links[k], links[k], 1, ADD_VALUES));
    }
  }
  PetscCall(MatAssemblyBegin(B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatDestroy(A));
  *A = B;
  PetscFunctionReturn(0);
}

/* Upwind convection along x, as strong as `amount` diffusions */
static inline PetscErrorCode CaseWind(const GridCase *c, Mat *A)
{
  PetscFunctionBegin;
  for (PetscInt r = 0; r < CaseRows(c); r++) {
    PetscCall(MatSetValue(*A, r, r, c->amount, ADD_VALUES));
    if (r % c->n[0]) PetscCall(MatSetValue(*A, r, r - 1, -c->amount, ADD_VALUES));
  }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

/* Nothing but random links, or nothing but the diagonal where amount is zero */
static inline PetscErrorCode CaseNoBox(const GridCase *c, Mat *A)
{
  PetscFunctionBegin;
  PetscCall(MatDestroy(A));
  PetscCall(MatCreateSeqAIJ(PETSC_COMM_SELF, CaseRows(c), CaseRows(c), 8, NULL, A));
  for (PetscInt r = 0; r < CaseRows(c); r++) PetscCall(MatSetValue(*A, r, r, 1 + 1e-3 * r, ADD_VALUES));
  PetscCall(CaseAddLinks(c, c->amount, 0, 1, *A));
  PetscFunctionReturn(0);
}

static const GridCase GridCases[] = {
  {"a box", {12, 9, 7}, "ddd", NULL, CASE_BOX, BENCH_CONSTANT, 0},
  {"a long box", {200, 40, 17}, "ddd", NULL, CASE_BOX, BENCH_CONSTANT, 0},
  {"a thin box", {3, 100, 50}, "ddd", NULL, CASE_BOX, BENCH_CONSTANT, 0},
  {"a box of three planes", {50, 30, 3}, "ndn", NULL, CASE_BOX, BENCH_CONSTANT, 0},
  {"a box of two planes", {2, 30, 41}, "ddd", NULL, CASE_BOX, BENCH_CONSTANT, 0},
  {"a plane across x", {1, 80, 80}, "ddd", NULL, CASE_BOX, BENCH_CONSTANT, 0},
  {"a plane across z", {81, 79, 1}, "ndd", NULL, CASE_BOX, BENCH_CONSTANT, 0},
  {"random coefficients", {31, 16, 9}, "ddn", NULL, CASE_BOX, BENCH_RANDOM, 0},
  {"jumps", {24, 16, 40}, "nnn", NULL, CASE_BOX, BENCH_JUMP6, 0},
  {"anisotropy", {24, 16, 20}, "ddd", NULL, CASE_BOX, BENCH_ANISOTROPIC, 0},
  {"periodic in x", {9, 12, 10}, "pdd", NULL, CASE_BOX, BENCH_CONSTANT, 0},
  {"periodic in y", {12, 9, 10}, "dpd", NULL, CASE_BOX, BENCH_CONSTANT, 0},
  {"periodic in z", {12, 10, 9}, "ddp", NULL, CASE_BOX, BENCH_CONSTANT, 0},
  {"periodic in x and y", {12, 9, 10}, "ppn", NULL, CASE_BOX, BENCH_CONSTANT, 0},
  {"periodic in x and z", {11, 9, 7}, "pdp", NULL, CASE_BOX, BENCH_CONSTANT, 0},
  {"periodic in y and z", {16, 8, 10}, "npp", NULL, CASE_BOX, BENCH_CONSTANT, 0},
  {"periodic in all directions", {13, 11, 9}, "ppp", NULL, CASE_BOX, BENCH_CONSTANT, 0},
  {"a periodic plane", {30, 25, 1}, "pp", NULL, CASE_BOX, BENCH_CONSTANT, 0},
  {"a ring", {101, 1, 1}, "p", NULL, CASE_BOX, BENCH_CONSTANT, 0},
  {"periodic and small", {5, 4, 7}, "ppp", NULL, CASE_BOX, BENCH_CONSTANT, 0},
  {"periodic with three cells in x", {3, 20, 21}, "pdd", NULL, CASE_EITHER, BENCH_CONSTANT, 0},
  {"periodic with three cells in y", {20, 3, 21}, "dpn", NULL, CASE_EITHER, BENCH_SMOOTH, 0},
  {"periodic with three cells in z", {20, 21, 3}, "ndp", NULL, CASE_EITHER, BENCH_RANDOM, 0},
  {"a ring of three planes", {3, 3, 40}, "ppd", NULL, CASE_EITHER, BENCH_CONSTANT, 0},
  {"a negative definite box", {12, 9, 11}, "ddd", CaseScaled, CASE_BOX, BENCH_SMOOTH, -1},
  {"tiny entries", {12, 9, 11}, "ddd", CaseScaled, CASE_BOX, BENCH_SMOOTH, 1e-200},
  {"huge entries", {12, 9, 11}, "pnn", CaseScaled, CASE_BOX, BENCH_SMOOTH, -1e200},
  {"boundary rows, columns kept", {16, 17, 18}, "ddd", CaseBoundaryRows, CASE_BOX, BENCH_SMOOTH, 1},
  {"boundary rows, columns eliminated", {16, 17, 18}, "ddd", CaseBoundaryRowsColumns, CASE_BOX, BENCH_SMOOTH, 1},
  {"boundary rows on another scale", {16, 17, 18}, "ddd", CaseBoundaryRows, CASE_BOX, BENCH_SMOOTH, 1e6},
  {"boundary rows of a plane", {70, 60, 1}, "nn", CaseBoundaryRows, CASE_BOX, BENCH_RANDOM, 1},
  {"holes, columns kept", {16, 17, 18}, "ddd", CaseHoles, CASE_BOX, BENCH_CONSTANT, 1},
  {"holes, columns eliminated", {16, 17, 18}, "nnn", CaseHolesColumns, CASE_BOX, BENCH_RANDOM, 1},
  {"Neumann", {20, 14, 15}, "nnn", NULL, CASE_BOX, BENCH_SMOOTH, 0},
  {"one pinned cell", {20, 14, 15}, "nnn", CasePinned, CASE_BOX, BENCH_SMOOTH, 1},
  {"a shift of 1e-8", {20, 14, 15}, "nnn", CaseShifted, CASE_BOX, BENCH_SMOOTH, 1e-7},
  {"a shift of 1e-12", {20, 14, 15}, "nnn", CaseShifted, CASE_BOX, BENCH_CONSTANT, 6e-12},
  {"a shift of 1e-12, periodic", {20, 14, 15}, "ppp", CaseShifted, CASE_BOX, BENCH_CONSTANT, 6e-12},
  {"zeros stored", {14, 13, 12}, "ddd", CaseStoredZeros, CASE_BOX, BENCH_SMOOTH, 0},
  {"a few couplings elsewhere", {20, 20, 20}, "ddd", CaseFarLinks, CASE_BOX, BENCH_CONSTANT, 2e-3},
  {"many couplings elsewhere", {20, 20, 20}, "ddd", CaseFarLinks, CASE_REFUSED, BENCH_CONSTANT, 0.1},
  {"a few couplings of the diagonal's sign", {20, 20, 20}, "ddd", CasePositiveLinks, CASE_EITHER, BENCH_CONSTANT, 2e-3},
  {"many couplings of the diagonal's sign", {20, 20, 20}, "ddd", CasePositiveLinks, CASE_REFUSED, BENCH_CONSTANT, 0.5},
  {"permuted rows", {14, 13, 12}, "ddd", CasePermuted, CASE_REFUSED, BENCH_CONSTANT, 0},
  {"a refined patch", {32, 32, 1}, "dd", CaseRefined, CASE_REFUSED, BENCH_CONSTANT, 0},
  {"wind", {14, 13, 12}, "ddd", CaseWind, CASE_EITHER, BENCH_CONSTANT, 1},
  {"strong wind", {14, 13, 12}, "ddd", CaseWind, CASE_EITHER, BENCH_CONSTANT, 100},
  {"random sparse", {600, 1, 1}, "ddd", CaseNoBox, CASE_REFUSED, BENCH_CONSTANT, 1},
  {"diagonal", {300, 1, 1}, "ddd", CaseNoBox, CASE_REFUSED, BENCH_CONSTANT, 0},
  {"a huge coupling", {12, 10, 11}, "ddd", CaseOneCoupling, CASE_HOPELESS, BENCH_CONSTANT, -1e60},
  {"a coupling without a value", {12, 10, 11}, "ddd", CaseOneCoupling, CASE_HOPELESS, BENCH_CONSTANT, NAN},
  {"a diagonal entry without a value", {12, 10, 11}, "nnn", CasePinned, CASE_HOPELESS, BENCH_CONSTANT, NAN},
  {"an infinite coupling", {12, 10, 11}, "ppp", CaseOneCoupling, CASE_HOPELESS, BENCH_CONSTANT, -INFINITY},
  {"an infinite diagonal entry", {12, 10, 11}, "nnn", CasePinned, CASE_HOPELESS, BENCH_CONSTANT, INFINITY},
  {"a line", {500, 1, 1}, "d", NULL, CASE_BOX, BENCH_SMOOTH, 0},
  {"63 rows", {63, 1, 1}, "d", NULL, CASE_REFUSED, BENCH_CONSTANT, 0},
  {"64 rows", {64, 1, 1}, "d", NULL, CASE_BOX, BENCH_CONSTANT, 0},
  {"65 rows", {65, 1, 1}, "n", NULL, CASE_BOX, BENCH_CONSTANT, 0},
  {"64 rows in a cube", {4, 4, 4}, "ddd", NULL, CASE_BOX, BENCH_CONSTANT, 0},
};

#define GRID_CASES ((int)(sizeof(GridCases) / sizeof(*GridCases)))

static inline PetscErrorCode GridCaseCreate(const GridCase *c, Mat *A)
{
  GridTestBox box;

  PetscFunctionBegin;
  GridTestInit(&box, c->class, c->n, c->bc);
  PetscCall(GridTestMatrix(PETSC_COMM_SELF, &box, 1, A));
  if (c->edit) PetscCall((*c->edit)(c, A));
  PetscFunctionReturn(0);
}
