/* What may be wrong with a system that was not solved; looked for only then, as it reads every row */
#include "kspfurlimpl.h"

/* The first rows of the system with a fault; its size where there is none */
typedef struct {
  PetscInt bad_matrix; /* NaN or infinity in A */
  PetscInt bad_right;  /* in b */
  PetscInt zero;       /* nothing in A, but something in b */
} Faults;

/* Whose rows can be read one by one: the copy, or a type that gives whole rows */
static PetscErrorCode RowsOf(KSP ksp, Mat *rows)
{
  const KSP_Furl *f = (const KSP_Furl *)ksp->data;
  PetscBool       gives;
  Mat             A;

  PetscFunctionBegin;
  *rows = f->F;
  if (f->F) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)A, &gives, MATSEQAIJ, MATMPIAIJ, MATSEQBAIJ, MATMPIBAIJ, MATSEQDENSE, MATMPIDENSE,
                                          MATFURL, ""));
  if (gives) *rows = A;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One row: adds to the faults what it has */
static PetscErrorCode LookAtRow(Mat A, PetscInt row, PetscScalar b, Faults *faults)
{
  PetscInt           n     = 0;
  const PetscScalar *value = NULL;
  PetscBool          zero  = PETSC_TRUE;

  PetscFunctionBegin;
  PetscCall(MatGetRow(A, row, &n, NULL, &value));
  for (PetscInt k = 0; k < n; k++) {
    if (PetscIsInfOrNanScalar(value[k])) faults->bad_matrix = PetscMin(faults->bad_matrix, row);
    if (value[k] != 0) zero = PETSC_FALSE;
  }
  PetscCall(MatRestoreRow(A, row, &n, NULL, &value));
  if (zero && b != 0) faults->zero = PetscMin(faults->zero, row);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode LookAtRows(KSP ksp, Mat A, Faults *faults)
{
  const PetscScalar *b;
  PetscInt           first, last, N;

  PetscFunctionBegin;
  PetscCall(VecGetSize(ksp->vec_rhs, &N));
  PetscCall(VecGetOwnershipRange(ksp->vec_rhs, &first, &last));
  faults->bad_matrix = faults->bad_right = faults->zero = N;
  PetscCall(VecGetArrayRead(ksp->vec_rhs, &b));
  for (PetscInt i = first; i < last; i++) {
    if (PetscIsInfOrNanScalar(b[i - first])) faults->bad_right = PetscMin(faults->bad_right, i);
    if (A) PetscCall(LookAtRow(A, i, b[i - first], faults));
  }
  PetscCall(VecRestoreArrayRead(ksp->vec_rhs, &b));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, faults, 3, MPIU_INT, MPI_MIN, PetscObjectComm((PetscObject)ksp)));
  if (ksp->transpose_solve) faults->zero = N; /* a column there */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Does A map the constant vector to (nearly) zero? Then an inconsistent b explains that nothing helps */
static PetscErrorCode MapsConstantToZero(KSP ksp, PetscBool *zero)
{
  KSP_Furl    *f   = (KSP_Furl *)ksp->data;
  Vec          one = FurlKSPp(f), image = FurlKSPq(f);
  PetscReal    size, random;
  MatNullSpace space;
  Mat          A;

  PetscFunctionBegin;
  *zero = PETSC_FALSE;
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  PetscCall(MatGetNullSpace(A, &space));
  if (space) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecSet(one, 1));
  PetscCall(KSP_MatMult(ksp, A, one, image));
  PetscCall(VecNorm(image, NORM_INFINITY, &size));
  PetscCall(FurlKSPRandom(ksp, one));
  PetscCall(KSP_MatMult(ksp, A, one, image));
  PetscCall(VecNorm(image, NORM_INFINITY, &random));
  *zero = size <= 1e-10 * random ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds the square of what rounding leaves of row i's residual, in parts of the residual's norm: eps |x_i| sum |a_ij|, as neighbours are
 * alike */
static PetscErrorCode AddRounding(Mat A, PetscInt row, PetscReal x, PetscReal norm, PetscReal *sum)
{
  PetscInt           n     = 0;
  const PetscScalar *value = NULL;
  PetscReal          size  = 0;

  PetscFunctionBegin;
  PetscCall(MatGetRow(A, row, &n, NULL, &value));
  for (PetscInt k = 0; k < n; k++) size += PetscAbsScalar(value[k]);
  PetscCall(MatRestoreRow(A, row, &n, NULL, &value));
  size *= PETSC_MACHINE_EPSILON * x / norm;
  *sum += size * size;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Is this norm of b - A x no more than the rounding of its products? Then no preconditioner can lower it. False where A gives no rows */
PetscErrorCode FurlKSPIsRounding(KSP ksp, PetscReal norm, PetscBool *rounding)
{
  const PetscScalar *x;
  PetscInt           first, last;
  PetscReal          sum = 0;
  Mat                rows;

  PetscFunctionBegin;
  *rounding = PETSC_FALSE;
  PetscCall(RowsOf(ksp, &rows));
  if (!rows || ksp->transpose_solve || !(norm > 0) || ksp->normtype != KSP_NORM_UNPRECONDITIONED) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetOwnershipRange(ksp->vec_sol, &first, &last));
  PetscCall(VecGetArrayRead(ksp->vec_sol, &x));
  for (PetscInt i = first; i < last; i++) PetscCall(AddRounding(rows, i, PetscAbsScalar(x[i - first]), norm, &sum));
  PetscCall(VecRestoreArrayRead(ksp->vec_sol, &x));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPIU_REAL, MPI_SUM, PetscObjectComm((PetscObject)ksp)));
  *rounding = sum >= 1 ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A clause for the story of the solve, which begins with a semicolon; empty where nothing is found */
PetscErrorCode FurlKSPDiagnose(KSP ksp, char clause[], size_t room)
{
  Faults    faults;
  PetscBool constants;
  PetscInt  N;
  Mat       rows;

  PetscFunctionBegin;
  clause[0] = '\0';
  PetscCall(VecGetSize(ksp->vec_rhs, &N));
  PetscCall(RowsOf(ksp, &rows));
  PetscCall(LookAtRows(ksp, rows, &faults));
  if (faults.bad_matrix < N)
    PetscCall(PetscSNPrintf(clause, room, "; row %" PetscInt_FMT " of Amat holds NaN or infinity", faults.bad_matrix));
  else if (faults.bad_right < N)
    PetscCall(PetscSNPrintf(clause, room, "; row %" PetscInt_FMT " of b is NaN or infinite", faults.bad_right));
  else if (faults.zero < N)
    PetscCall(PetscSNPrintf(clause, room, "; row %" PetscInt_FMT " of Amat is zero and that of b is not", faults.zero));
  if (clause[0]) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MapsConstantToZero(ksp, &constants));
  if (constants) PetscCall(PetscSNPrintf(clause, room, "; A maps constants to zero: if b is not in its range, see MatSetNullSpace()"));
  PetscFunctionReturn(PETSC_SUCCESS);
}
