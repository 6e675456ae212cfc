/* The stages after multigrid: PETSc's own preconditioners in FP64 */
#include <petsc/private/pcimpl.h>
#include "pcfurl.h"

/* Incomplete factors of a process's rows; the shift keeps indefinite ones from breaking down */
static PetscErrorCode SetFactorOptions(PC fallback)
{
  KSP        *blocks;
  PetscInt    nblocks;
  PC          block;
  PetscBool   symmetric, known;
  PetscMPIInt size;
  Mat         A;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)fallback), &size));
  PetscCall(PCGetOperators(fallback, &A, NULL));
  PetscCall(MatIsSymmetricKnown(A, &known, &symmetric));
  PetscCall(PCSetType(fallback, PCBJACOBI));
  PetscCall(PCSetUp(fallback));
  PetscCall(PCBJacobiGetSubKSP(fallback, &nblocks, NULL, &blocks));
  for (PetscInt k = 0; k < nblocks; k++) {
    PetscCall(KSPGetPC(blocks[k], &block));
    PetscCall(PCSetType(block, known && symmetric ? PCICC : PCILU));
    PetscCall(PCFactorSetShiftType(block, known && symmetric ? MAT_SHIFT_POSITIVE_DEFINITE : MAT_SHIFT_NONZERO));
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
