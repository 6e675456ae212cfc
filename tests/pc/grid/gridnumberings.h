/* Matrices on boxes that are divided among processes: numbered line by line, with rows that begin anywhere in a plane, or by a DMDA */
#pragma once

#include <petscdmda.h>
#include "gridtest.h"

typedef enum { GRID_TEST_EVENLY, GRID_TEST_UNEVENLY, GRID_TEST_DMDA, GRID_TEST_NUMBERINGS } GridTestNumbering;

static inline DMBoundaryType GridTestBoundary(char bc)
{
  return bc == 'p' ? DM_BOUNDARY_PERIODIC : DM_BOUNDARY_NONE;
}

/* Rows of this process: nearly all for the last process but one, none for the first */
static inline PetscInt GridTestUnevenRows(MPI_Comm comm, PetscInt n)
{
  PetscMPIInt rank, size;

  MPI_Comm_rank(comm, &rank);
  MPI_Comm_size(comm, &size);
  if (size == 1) return n;
  if (size == 2) return rank ? n - n / 7 : n / 7;
  return rank == size - 1 ? n / 7 : rank == size - 2 ? n - n / 7 : 0;
}

/* The matrix in the numbering of a DMDA: columns are numbered by the application's order */
static inline PetscErrorCode GridTestByDMDA(MPI_Comm comm, const GridTestBox *box, Mat *A)
{
  const PetscInt *const n  = box->n;
  const char *const     bc = box->bench.bc;
  PetscInt              s[3], m[3];
  DM                    da;
  AO                    ao;

  PetscFunctionBegin;
  PetscCall(DMDACreate3d(comm, GridTestBoundary(bc[0]), GridTestBoundary(bc[1]), GridTestBoundary(bc[2]), DMDA_STENCIL_STAR, n[0], n[1],
                         n[2], PETSC_DECIDE, PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, NULL, &da));
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

/* No null space is attached */
static inline PetscErrorCode GridTestNumbered(MPI_Comm comm, const GridTestBox *box, GridTestNumbering numbering, Mat *A)
{
  PetscFunctionBegin;
  if (numbering == GRID_TEST_DMDA)
    PetscCall(GridTestByDMDA(comm, box, A));
  else
    PetscCall(GridTestByRows(comm, box, numbering == GRID_TEST_EVENLY ? PETSC_DECIDE : GridTestUnevenRows(comm, GridTestRows(box)), 1, A));
  PetscFunctionReturn(0);
}

/* The cell of a row of this process, counted from its first one */
static inline PetscErrorCode GridTestCellOf(const GridTestBox *box, Mat A, PetscInt r, PetscInt c[3])
{
  PetscInt s[3], m[3], first;
  DM       da;

  PetscFunctionBegin;
  PetscCall(MatGetDM(A, &da));
  PetscCall(MatGetOwnershipRange(A, &first, NULL));
  if (da) {
    PetscCall(DMDAGetCorners(da, &s[0], &s[1], &s[2], &m[0], &m[1], &m[2]));
  } else {
    r += first;
    for (int d = 0; d < 3; d++) m[d] = box->n[d];
    s[0] = s[1] = s[2] = 0;
  }
  c[0] = s[0] + r % m[0];
  c[1] = s[1] + r / m[0] % m[1];
  c[2] = s[2] + r / m[0] / m[1];
  PetscFunctionReturn(0);
}
