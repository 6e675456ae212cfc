/* The stages after multigrid: PETSc's own preconditioners in FP64 */
#include <petsc/private/pcimpl.h>
#include "algebraic/sparse.h"
#include "pcfurl.h"

#define SYMMETRIC 1e-10 /* of their rows' diagonal entries: mirrors that differ by less are equal for factors that drop entries */

static PetscBool AreMirrors(const FurlSparse *A, const FurlSparse *T, const double *diagonal)
{
  if (A->nrows != A->ncols) return PETSC_FALSE;
  for (PetscInt i = 0; i < A->nrows; i++) {
    if (A->rowptr[i + 1] != T->rowptr[i + 1]) return PETSC_FALSE;
    for (PetscInt k = A->rowptr[i]; k < A->rowptr[i + 1]; k++) {
      const PetscInt j = A->column[k];

      if (j != T->column[k] || fabs(A->value[k] - T->value[k]) > SYMMETRIC * (diagonal[i] + diagonal[j])) return PETSC_FALSE;
    }
  }
  return PETSC_TRUE;
}

/* A's own transpose, and that transposed again: both have their columns in order */
static PetscErrorCode IsSymmetric(Mat A, const double *diagonal, PetscBool *symmetric)
{
  FurlAijParts   parts;
  FurlSparse     T, again;
  FurlSparseView view;
  Mat            aij;

  PetscFunctionBegin;
  PetscCall(FurlMatToAij(A, &aij));
  PetscCall(FurlAijGetParts(aij, &parts));
  view = FurlSparseViewCsr(&parts.diagonal);
  PetscCall(FurlSparseTranspose(&view, &T));
  view = FurlSparseGetView(&T);
  PetscCall(FurlSparseTranspose(&view, &again));
  *symmetric = AreMirrors(&again, &T, diagonal);
  PetscCall(FurlSparseDestroy(&again));
  PetscCall(FurlSparseDestroy(&T));
  PetscCall(FurlAijRestoreParts(aij, &parts));
  PetscCall(MatDestroy(&aij));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Incomplete Cholesky factors serve where a process's block is symmetric and its diagonal positive (with zeros, if the program says that A
 * is symmetric): those of Gauss' method may be indefinite there, which conjugate gradients do not stand */
static PetscErrorCode TakesCholesky(Mat A, Mat block, PetscBool *takes)
{
  const PetscScalar *diagonal;
  PetscBool          known;
  PetscReal          least;
  Vec                d;

  PetscFunctionBegin;
  PetscCall(MatIsSymmetricKnown(A, &known, takes));
  PetscCall(MatCreateVecs(block, NULL, &d));
  PetscCall(MatGetDiagonal(block, d));
  PetscCall(VecMin(d, NULL, &least));
  PetscCall(VecGetArrayRead(d, &diagonal));
  if (!known && least > 0)
    PetscCall(IsSymmetric(block, diagonal, takes));
  else
    *takes = (PetscBool)(known && *takes && least >= 0);
  PetscCall(VecRestoreArrayRead(d, &diagonal));
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Incomplete factors of a process's rows; the shift keeps indefinite ones from breaking down */
static PetscErrorCode SetFactorOptions(PC fallback)
{
  KSP      *blocks;
  PetscInt  nblocks;
  PC        block;
  Mat       A, own;
  PetscBool cholesky;

  PetscFunctionBegin;
  PetscCall(PCGetOperators(fallback, &A, NULL));
  PetscCall(PCSetType(fallback, PCBJACOBI));
  PetscCall(PCSetUp(fallback));
  PetscCall(PCBJacobiGetSubKSP(fallback, &nblocks, NULL, &blocks));
  for (PetscInt k = 0; k < nblocks; k++) {
    PetscCall(KSPGetPC(blocks[k], &block));
    PetscCall(PCGetOperators(block, &own, NULL));
    PetscCall(TakesCholesky(A, own, &cholesky));
    PetscCall(PCSetType(block, cholesky ? PCICC : PCILU));
    PetscCall(PCFactorSetShiftType(block, cholesky ? MAT_SHIFT_POSITIVE_DEFINITE : MAT_SHIFT_NONZERO));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscBool AllFinite(const FurlCsr *csr)
{
  double poison = 0; /* 0 as long as all are finite, else NaN */

  for (PetscInt k = 0; csr->nrows && k < csr->rowptr[csr->nrows]; k++) poison += 0 * csr->value[k];
  return (PetscBool)(poison == 0);
}

/* Set-ups are not made for NaN and infinity: the shifts of PETSc's factorisations then grow for ever */
PetscErrorCode FurlMatIsFinite(Mat A, PetscBool *finite)
{
  FurlAijParts parts;
  PetscMPIInt  good;
  Mat          aij;

  PetscFunctionBegin;
  PetscCall(FurlMatToAij(A, &aij));
  PetscCall(FurlAijGetParts(aij, &parts));
  good = AllFinite(&parts.diagonal) && AllFinite(&parts.offdiagonal);
  PetscCall(FurlAijRestoreParts(aij, &parts));
  PetscCall(MatDestroy(&aij));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &good, 1, MPI_INT, MPI_MIN, PetscObjectComm((PetscObject)A)));
  *finite = (PetscBool)good;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlFallbackSetUp(PC pc)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;
  const char    *prefix;
  Mat            A = furl->import_mat ? furl->import_mat : pc->pmat;

  PetscFunctionBegin;
  PetscCall(PCDestroy(&furl->fallback));
  PetscCall(PCCreate(PetscObjectComm((PetscObject)pc), &furl->fallback));
  PetscCall(PetscObjectIncrementTabLevel((PetscObject)furl->fallback, (PetscObject)pc, 1));
  PetscCall(PCGetOptionsPrefix(pc, &prefix));
  PetscCall(PCSetOptionsPrefix(furl->fallback, prefix));
  PetscCall(PCAppendOptionsPrefix(furl->fallback, "pc_furl_fallback_"));
  PetscCall(PCSetOperators(furl->fallback, A, A));
  if (furl->stage == FURL_STAGE_FACTOR)
    PetscCall(SetFactorOptions(furl->fallback));
  else
    PetscCall(PCSetType(furl->fallback, furl->stage == FURL_STAGE_JACOBI ? PCJACOBI : PCNONE));
  PetscCall(PCSetFromOptions(furl->fallback));
  PetscCall(PCSetUp(furl->fallback));
  PetscCall(PCSetUpOnBlocks(furl->fallback)); /* here, where a failure is caught, and not in the first application */
  PetscFunctionReturn(PETSC_SUCCESS);
}
