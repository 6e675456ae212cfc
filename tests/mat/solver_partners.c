/*
  PETSc's own methods and preconditioners on a furl matrix take as many iterations as on AIJ, twice: also after the values changed. Without
  a choice PETSc picks the same preconditioner for both.
*/
#include <petscksp.h>
#include "matrices.h"

static PetscErrorCode Solve(Mat A, const char *type, PetscInt its[2], char *chosen, size_t room)
{
  KSP    ksp;
  PC     pc;
  PCType got;
  Vec    x, b;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FillVec(b, 41));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetType(ksp, KSPGMRES));
  PetscCall(KSPSetTolerances(ksp, 1e-8, PETSC_DEFAULT, PETSC_DEFAULT, 500));
  PetscCall(KSPSetErrorIfNotConverged(ksp, PETSC_TRUE));
  PetscCall(KSPGetPC(ksp, &pc));
  if (type) PetscCall(PCSetType(pc, type));
  for (int k = 0; k < 2; k++) {
    PetscCall(KSPSetOperators(ksp, A, A));
    PetscCall(KSPSolve(ksp, b, x));
    PetscCall(KSPGetIterationNumber(ksp, &its[k]));
    PetscCall(MatShift(A, 3));
  }
  PetscCall(PCGetType(pc, &got));
  PetscCall(PetscStrncpy(chosen, got, room));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckPartner(const char *type)
{
  Mat       A, F;
  PetscInt  its[2], expected[2];
  char      got[64], wanted[64];
  PetscBool same;

  PetscFunctionBegin;
  PetscCall(CreateSevenPoint(PETSC_COMM_WORLD, 6, PETSC_FALSE, &A));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  PetscCall(Solve(A, type, expected, wanted, sizeof(wanted)));
  PetscCall(Solve(F, type, its, got, sizeof(got)));
  PetscCall(PetscStrcmp(got, wanted, &same));
  PetscCheck(same, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "The default preconditioner is %s, expected %s", got, wanted);
  for (int k = 0; k < 2; k++)
    PetscCheck(PetscAbs(its[k] - expected[k]) <= 1, PETSC_COMM_WORLD, PETSC_ERR_PLIB,
               "%s: %" PetscInt_FMT " iterations, expected %" PetscInt_FMT, got, its[k], expected[k]);
  PetscCall(MatDestroy(&A));
  PetscCall(MatDestroy(&F));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const char *const everywhere[] = {NULL, PCNONE, PCJACOBI, PCBJACOBI, PCSOR, PCASM, PCGAMG, PCKSP, PCREDUNDANT};
  const char *const alone[]      = {PCILU, PCICC, PCLU, PCCHOLESKY, PCEISENSTAT};
  PetscMPIInt       size;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  for (size_t k = 0; k < PETSC_STATIC_ARRAY_LENGTH(everywhere); k++) PetscCall(CheckPartner(everywhere[k]));
  for (size_t k = 0; size == 1 && k < PETSC_STATIC_ARRAY_LENGTH(alone); k++) PetscCall(CheckPartner(alone[k]));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2 3}}
    timeoutfactor: 3

TEST*/
