/* What an AIJ matrix tells without being encoded: is it worth that, and what a solver asks of its entries */
#include "matfurl.h"

PetscErrorCode FurlAijIsIrregular(Mat aij, PetscBool *irregular)
{
  FurlAijParts parts;
  int64_t      entries[2];

  PetscFunctionBegin;
  PetscCall(FurlAijGetParts(aij, &parts));
  FurlSlicesSample(&parts.diagonal, &entries[0], &entries[1]);
  PetscCall(FurlAijRestoreParts(aij, &parts));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, entries, 2, MPI_INT64_T, MPI_SUM, PetscObjectComm((PetscObject)aij)));
  *irregular = (PetscBool)(2 * entries[1] > entries[0]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether row i has an entry other than zero in a column of another process */
static PetscBool IsCoupledBeyond(const FurlCsr *offdiagonal, PetscInt i)
{
  if (!offdiagonal->nrows) return PETSC_FALSE;
  for (PetscInt k = offdiagonal->rowptr[i]; k < offdiagonal->rowptr[i + 1]; k++)
    if (offdiagonal->value[k] != 0) return PETSC_TRUE;
  return PETSC_FALSE;
}

static double DiagonalEntry(const FurlCsr *diagonal, PetscInt i)
{
  for (PetscInt k = diagonal->rowptr[i]; k < diagonal->rowptr[i + 1]; k++)
    if (diagonal->column[k] == i) return diagonal->value[k];
  return 0;
}

/* Of the rows that are alone among this process's columns those that are so among all: [row] has room; the others' signs count */
static PetscInt SortOutLone(const FurlAijParts *parts, PetscInt first, FurlSlices *local, PetscInt *row)
{
  const int32_t *const lone = local->lone.data;
  PetscInt             n    = 0;

  for (size_t k = 0; k < local->lone.used; k++) {
    if (!IsCoupledBeyond(&parts->offdiagonal, lone[k]))
      row[n++] = first + lone[k];
    else if (DiagonalEntry(&parts->diagonal, lone[k]) > 0)
      local->not_negative = 1;
    else
      local->not_positive = 1;
  }
  return n;
}

/* What this process's rows tell, and with it what all do */
static PetscErrorCode Combine(Mat aij, const FurlAijParts *parts, FurlSlices *local, FurlMatTraits *traits, IS *isolated)
{
  const MPI_Comm comm    = PetscObjectComm((PetscObject)aij);
  uint64_t       between = 0;
  PetscInt      *row, first, n, most;
  PetscMPIInt    flaws[3];

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(aij, &first, NULL));
  PetscCall(PetscMalloc1(local->lone.used, &row));
  n    = SortOutLone(parts, first, local, row);
  most = n;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &most, 1, MPIU_INT, MPI_MAX, comm));
  if (most) PetscCall(ISCreateGeneral(comm, n, row, PETSC_COPY_VALUES, isolated));
  PetscCall(PetscFree(row));
  PetscCall(FurlAijFingerprintBoundary(aij, parts, &between));
  flaws[0] = local->fingerprint != 0;
  flaws[1] = local->not_positive;
  flaws[2] = local->not_negative;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, flaws, 3, MPI_INT, MPI_MAX, comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &between, 1, MPI_UINT64_T, MPI_SUM, comm));
  traits->symmetric  = (PetscBool)(!flaws[0] && !between);
  traits->one_signed = (PetscBool)(!flaws[1] || !flaws[2]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlAijDescribe(Mat aij, PetscBool *known, FurlMatTraits *traits, IS *isolated)
{
  FurlAijParts parts;
  FurlSlices   local;
  PetscMPIInt  failed;
  PetscBool    congruent;

  PetscFunctionBegin;
  *known    = PETSC_FALSE;
  *isolated = NULL;
  PetscCall(MatHasCongruentLayouts(aij, &congruent));
  if (!congruent) PetscFunctionReturn(PETSC_SUCCESS);
  FurlSlicesInit(&local, 0, 0);
  PetscCall(FurlAijGetParts(aij, &parts));
  failed = FurlSlicesDescribe(&parts.diagonal, &local) != FURL_ENCODE_OK;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)aij)));
  if (!failed) PetscCall(Combine(aij, &parts, &local, traits, isolated));
  PetscCall(FurlAijRestoreParts(aij, &parts));
  FurlSlicesFree(&local);
  *known = failed ? PETSC_FALSE : PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}
