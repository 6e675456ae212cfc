/* What was seen of the entries when they were encoded: rows that hold nothing but their diagonal, symmetry, the sign of the diagonal */
#include "matfurl.h"

PetscErrorCode FurlCheckSquare(Mat A, const char *what)
{
  PetscBool congruent;

  PetscFunctionBegin;
  PetscCall(MatHasCongruentLayouts(A, &congruent));
  PetscCheck(congruent, PetscObjectComm((PetscObject)A), PETSC_ERR_ARG_SIZ,
             "%s needs as many rows as columns on each process; the matrix is %" PetscInt_FMT " x %" PetscInt_FMT, what, A->rmap->N,
             A->cmap->N);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A row that is alone among this process's columns: is it so among all, and if not what is its diagonal entry */
static PetscErrorCode LookBeyond(Mat A, PetscInt i, PetscInt *column, PetscScalar *value, PetscBool *alone, PetscReal *diagonal)
{
  PetscInt n;

  PetscFunctionBegin;
  PetscCall(FurlDecodeRow(A, i, &n, column, value));
  *alone = PETSC_TRUE;
  for (PetscInt k = 0; k < n; k++) {
    if (column[k] == A->rmap->rstart + i)
      *diagonal = PetscRealPart(value[k]);
    else if (value[k] != 0.0)
      *alone = PETSC_FALSE;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The isolated rows of this process, [row] of room for all lone ones, and the signs of the diagonal entries of the other rows */
static PetscErrorCode FindIsolated(Mat A, PetscInt *nrows, PetscInt *row, PetscMPIInt *not_positive, PetscMPIInt *not_negative)
{
  const FurlEncoded *const e     = ((Mat_Furl *)A->data)->encoded;
  const FurlSlices *const  local = &e->matrix.diagonal;
  const int32_t *const     lone  = local->lone.data;
  PetscInt                *column;
  PetscScalar             *value;

  PetscFunctionBegin;
  *nrows        = 0;
  *not_positive = local->not_positive;
  *not_negative = local->not_negative;
  PetscCall(PetscMalloc2(e->longest_row, &column, e->longest_row, &value));
  for (size_t k = 0; k < local->lone.used; k++) {
    PetscBool alone    = PETSC_TRUE;
    PetscReal diagonal = 0;

    if (e->matrix.halo) PetscCall(LookBeyond(A, lone[k], column, value, &alone, &diagonal));
    if (alone)
      row[(*nrows)++] = A->rmap->rstart + lone[k];
    else if (diagonal > 0)
      *not_negative = 1;
    else
      *not_positive = 1;
  }
  PetscCall(PetscFree2(column, value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode MatFurlGetIsolatedRows_Furl(Mat A, IS *rows)
{
  const MPI_Comm comm = PetscObjectComm((PetscObject)A);
  PetscInt      *row, n, most;
  PetscMPIInt    not_positive, not_negative;

  PetscFunctionBegin;
  PetscCall(FurlCheckSquare(A, "MatFurlGetIsolatedRows"));
  *rows = NULL;
  PetscCall(PetscMalloc1(((Mat_Furl *)A->data)->encoded->matrix.diagonal.lone.used, &row));
  PetscCall(FindIsolated(A, &n, row, &not_positive, &not_negative));
  PetscCallMPI(MPI_Allreduce(&n, &most, 1, MPIU_INT, MPI_MAX, comm));
  if (most) PetscCall(ISCreateGeneral(comm, n, row, PETSC_COPY_VALUES, rows));
  PetscCall(PetscFree(row));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode MatFurlGetTraits_Furl(Mat A, FurlMatTraits *traits)
{
  const Mat_Furl *const   f    = A->data;
  const FurlMatrix *const m    = &f->encoded->matrix;
  const MPI_Comm          comm = PetscObjectComm((PetscObject)A);
  PetscInt               *row, n;
  PetscMPIInt             flaws[3]; /* not symmetric within a process; not positive; not negative */
  uint64_t                between = m->fingerprint;

  PetscFunctionBegin;
  PetscCall(FurlCheckSquare(A, "MatFurlGetTraits"));
  PetscCall(PetscMalloc1(m->diagonal.lone.used, &row));
  PetscCall(FindIsolated(A, &n, row, &flaws[1], &flaws[2]));
  PetscCall(PetscFree(row));
  flaws[0] = m->diagonal.fingerprint != 0 || f->read != MAT_FURL_READ_ALL; /* products from less than all bytes round both halves apart */
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, flaws, 3, MPI_INT, MPI_MAX, comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &between, 1, MPI_UINT64_T, MPI_SUM, comm));
  traits->symmetric  = (PetscBool)(!flaws[0] && !between);
  traits->one_signed = (PetscBool)(!flaws[1] || !flaws[2]);
  PetscFunctionReturn(PETSC_SUCCESS);
}
