/*
  Products of a sequential AIJ matrix, and b - A x in one pass over its entries, with the sum of its squares: 24 B a row beside the matrix,
  where a product, a subtraction and a norm move 48. It also matters whose loop it is: gcc makes gather instructions of PETSc's where the
  machine has AVX-512, which on one of Intel's took 18 ns a row of 7 entries where this one took 8.
*/
#include <petsc/private/matimpl.h> /* MAT_Mult */
#include "kspfurlimpl.h"
#include <furl/matrix.h>

#define BLOCK 1024 /* rows whose squares are added up before they join the others, so that many rows cost few digits */

typedef void (*Operation)(void);

/* PETSc's own product of AIJ matrices */
static PetscErrorCode GetPlainProduct(Operation *mult)
{
  Mat one;

  PetscFunctionBegin;
  PetscCall(MatCreateSeqAIJ(PETSC_COMM_SELF, 1, 1, 1, NULL, &one));
  PetscCall(MatSetValue(one, 0, 0, 1, INSERT_VALUES));
  PetscCall(MatAssemblyBegin(one, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(one, MAT_FINAL_ASSEMBLY));
  PetscCall(MatGetOperation(one, MATOP_MULT, mult));
  PetscCall(MatDestroy(&one));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the product of A is that: one that the program or a type of its own gave it is to be called. So is PETSc's where rows with the
 * same columns are taken together, which reads these once, or where it is no product: of a factored matrix */
static PetscErrorCode HasPlainProduct(KSP_Furl *f, Mat A, PetscBool *plain)
{
  Operation     mult;
  MatFactorType factors;
  PetscInt      ngroups;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)A, MATSEQAIJ, plain));
  if (!*plain) PetscFunctionReturn(PETSC_SUCCESS);
  if (!f->aij_mult) PetscCall(GetPlainProduct(&f->aij_mult));
  PetscCall(MatGetOperation(A, MATOP_MULT, &mult));
  PetscCall(MatGetFactorType(A, &factors));
  PetscCall(MatInodeGetInodeSizes(A, &ngroups, NULL, NULL));
  *plain = mult == f->aij_mult && factors == MAT_FACTOR_NONE && !ngroups ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = A x, or b - A x where b is not NULL, of rows first .. end - 1; returns the sum of its squares. A row's products are added as PETSc's
 * loop in scalar code adds them */
static double Rows(const FurlCsr *a, int64_t first, int64_t end, const double *x, const double *b, double *y)
{
  double squares = 0;

  for (int64_t i = first; i < end; i++) {
    double sum = 0;

    for (PetscInt k = a->rowptr[i]; k < a->rowptr[i + 1]; k++) sum += a->value[k] * x[a->column[k]];
    y[i] = b ? b[i] - sum : sum;
    squares += y[i] * y[i];
  }
  return squares;
}

/* Vectors that do not fit are for PETSc's product to refuse */
static PetscErrorCode HasSize(Vec v, PetscInt n, PetscBool *fits)
{
  PetscInt size = n;

  PetscFunctionBegin;
  if (v) PetscCall(VecGetLocalSize(v, &size));
  if (size != n) *fits = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Serves(KSP ksp, Mat A, Vec x, Vec b, Vec y, PetscBool *serves)
{
  PetscInt m, n;

  PetscFunctionBegin;
  *serves = PETSC_FALSE;
  if (ksp->transpose_solve) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(HasPlainProduct((KSP_Furl *)ksp->data, A, serves));
  PetscCall(MatGetLocalSize(A, &m, &n));
  PetscCall(HasSize(x, n, serves));
  PetscCall(HasSize(b, m, serves));
  PetscCall(HasSize(y, m, serves));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = A x, or b - A x where b is not NULL, and its norm, which may overflow; *done is false, and nothing done, where the product is
 * another's */
PetscErrorCode FurlKSPAijMult(KSP ksp, Mat A, Vec x, Vec b, Vec y, PetscReal *norm, PetscBool *done)
{
  const PetscScalar *from, *less = NULL;
  PetscScalar       *to;
  FurlAijParts       parts;
  double             squares = 0;

  PetscFunctionBegin;
  PetscCall(Serves(ksp, A, x, b, y, done));
  if (!*done) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscLogEventBegin(MAT_Mult, A, x, y, NULL));
  PetscCall(FurlAijGetParts(A, &parts));
  PetscCall(VecGetArrayRead(x, &from));
  if (b) PetscCall(VecGetArrayRead(b, &less));
  PetscCall(VecGetArrayWrite(y, &to));
  for (int64_t i = 0; i < parts.diagonal.nrows; i += BLOCK)
    squares += Rows(&parts.diagonal, i, PetscMin(i + BLOCK, parts.diagonal.nrows), from, less, to);
  PetscCall(PetscLogFlops(2.0 * (double)parts.diagonal.rowptr[parts.diagonal.nrows] + (b ? 3.0 : 0) * (double)parts.diagonal.nrows));
  PetscCall(VecRestoreArrayWrite(y, &to));
  if (b) PetscCall(VecRestoreArrayRead(b, &less));
  PetscCall(VecRestoreArrayRead(x, &from));
  PetscCall(FurlAijRestoreParts(A, &parts));
  PetscCall(PetscLogEventEnd(MAT_Mult, A, x, y, NULL));
  if (norm) *norm = PetscSqrtReal(squares);
  PetscFunctionReturn(PETSC_SUCCESS);
}
