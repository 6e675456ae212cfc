/* What a solver holds in memory, by purpose, for the view */
#include "kspfurlimpl.h"

typedef struct {
  double      copy, krylov;
  FurlPCBytes pc;
} Bytes;

static const char *const purposes[] = {
  "lossless copy of Amat",     "Krylov vectors", "level matrices", "transfers", "vectors of the cycle", "coarsest level",
  "imported hierarchy in AIJ", "factors"};

#define NUMBERS ((PetscMPIInt)(sizeof(Bytes) / sizeof(double)))

/* This process's share */
static PetscErrorCode Count(KSP ksp, Bytes *bytes)
{
  const KSP_Furl *f        = (const KSP_Furl *)ksp->data;
  const PetscInt  nvectors = (f->work ? (f->work_memory.data && !f->described ? 1 : 4) : 0) + (f->more ? 3 : 0) + (f->best != NULL) +
                            (f->refused_best != NULL) + (f->built != NULL) + f->nV + f->nZ;
  PetscInt         n = 0;
  MatInfo          info;
  FurlPCGetBytesFn get;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(bytes, sizeof(*bytes)));
  if (f->F) {
    PetscCall(MatGetInfo(f->F, MAT_LOCAL, &info));
    bytes->copy = info.memory;
  }
  if (f->work) PetscCall(VecGetLocalSize(f->work[0], &n));
  bytes->krylov = (double)nvectors * (double)n * (double)sizeof(PetscScalar) + (double)f->npartial * (double)sizeof(double);
  PetscCall(PetscObjectQueryFunction((PetscObject)ksp->pc, "PCFurlGetBytes_C", &get));
  if (get) PetscCall((*get)(ksp->pc, &bytes->pc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Bytes an unknown, summed over the processes */
PetscErrorCode FurlKSPViewBytes(KSP ksp, PetscBool whole, PetscViewer viewer)
{
  const KSP_Furl *f = (const KSP_Furl *)ksp->data;
  double          number[NUMBERS], sum = 0;
  Bytes           bytes;
  PetscInt        N;

  PetscFunctionBegin;
  if (!f->work) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecGetSize(f->work[0], &N));
  if (!N) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(Count(ksp, &bytes));
  PetscCall(PetscMemcpy(number, &bytes, sizeof(bytes)));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, number, NUMBERS, MPI_DOUBLE, MPI_SUM, PetscObjectComm((PetscObject)ksp)));
  for (int k = 0; k < NUMBERS; k++) sum += number[k];
  PetscCall(PetscViewerASCIIPrintf(viewer, "  bytes an unknown: %.4g%s\n", sum / (double)N, whole ? "" : " without the preconditioner"));
  for (int k = 0; k < NUMBERS; k++)
    if (number[k] > 0) PetscCall(PetscViewerASCIIPrintf(viewer, "    %s: %.4g\n", purposes[k], number[k] / (double)N));
  PetscFunctionReturn(PETSC_SUCCESS);
}
