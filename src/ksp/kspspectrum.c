/* Singular values and eigenvalues of the preconditioned operator, as the recurrences of the last solve saw them */
#include "kspfurlimpl.h"
#include <petscblaslapack.h>

/* What was seen belongs to another operator, or to an earlier solve */
void FurlKSPForgetSpectrum(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  f->nlanczos       = 0;
  f->cycles_largest = f->cycles_smallest = 0;
}

/* The coefficients of an iteration of CG. A refused claim starts CG anew with beta = 0: T then has one block more */
PetscErrorCode FurlKSPKeepLanczos(KSP ksp, PetscReal alpha, PetscReal beta)
{
  KSP_Furl  *f = (KSP_Furl *)ksp->data;
  PetscReal *more_alpha, *more_beta;

  PetscFunctionBegin;
  if (!ksp->calc_sings) PetscFunctionReturn(PETSC_SUCCESS);
  if (f->nlanczos >= f->nlanczos_max) {
    f->nlanczos_max = PetscMax(100, 2 * f->nlanczos);
    PetscCall(PetscMalloc2(f->nlanczos_max, &more_alpha, f->nlanczos_max, &more_beta));
    PetscCall(PetscArraycpy(more_alpha, f->lanczos_alpha, f->nlanczos));
    PetscCall(PetscArraycpy(more_beta, f->lanczos_beta, f->nlanczos));
    PetscCall(PetscFree2(f->lanczos_alpha, f->lanczos_beta));
    f->lanczos_alpha = more_alpha;
    f->lanczos_beta  = more_beta;
  }
  f->lanczos_alpha[f->nlanczos]  = alpha;
  f->lanczos_beta[f->nlanczos++] = beta;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
  CG's coefficients are those of a Lanczos process: T has 1/alpha_k + beta_k/alpha_{k-1} on its diagonal (beta_0 = 0) and
  sqrt(beta_{k+1})/alpha_k beside it. Values ascend.
*/
static PetscErrorCode LanczosValues(const KSP_Furl *f, PetscReal *values)
{
  const PetscInt   n     = f->nlanczos;
  const PetscReal *alpha = f->lanczos_alpha, *beta = f->lanczos_beta;
  PetscReal       *beside, *work, none;
  PetscBLASInt     bn, one = 1, info;

  PetscFunctionBegin;
  PetscCall(PetscBLASIntCast(n, &bn));
  PetscCall(PetscMalloc2(n, &beside, 2 * n, &work));
  for (PetscInt k = 0; k < n; k++) {
    values[k] = 1 / alpha[k] + (k ? beta[k] / alpha[k - 1] : 0);
    if (k) beside[k - 1] = PetscSqrtReal(PetscMax(beta[k], 0)) / PetscAbsReal(alpha[k - 1]);
  }
  PetscCallBLAS("LAPACKsteqr", LAPACKsteqr_("N", &bn, values, beside, &none, &one, work, &info));
  PetscCheck(!info, PETSC_COMM_SELF, PETSC_ERR_LIB, "LAPACK's steqr returned %d", (int)info);
  PetscCall(PetscFree2(beside, work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode KSPComputeExtremeSingularValues_Furl(KSP ksp, PetscReal *largest, PetscReal *smallest)
{
  KSP_Furl  *f = (KSP_Furl *)ksp->data;
  PetscReal *values;

  PetscFunctionBegin;
  *largest = *smallest = -1; /* PETSc's sign that a method cannot tell */
  if (f->running == KSP_FURL_BCGS) PetscFunctionReturn(PETSC_SUCCESS);
  if (f->running == KSP_FURL_GMRES) {
    *largest  = f->cycles_largest;
    *smallest = f->cycles_smallest;
    PetscCall(FurlKSPGMRESSingularValues(ksp, largest, smallest));
    if (*largest == 0) *largest = *smallest = 1; /* no iteration, as PETSc's methods say it */
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  *largest = *smallest = 1;
  if (!f->nlanczos) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(f->nlanczos, &values));
  PetscCall(LanczosValues(f, values));
  *smallest = PetscMin(PetscAbsReal(values[0]), PetscAbsReal(values[f->nlanczos - 1]));
  *largest  = PetscMax(PetscAbsReal(values[0]), PetscAbsReal(values[f->nlanczos - 1]));
  PetscCall(PetscFree(values));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode KSPComputeEigenvalues_Furl(KSP ksp, PetscInt nmax, PetscReal *r, PetscReal *c, PetscInt *neig)
{
  KSP_Furl  *f = (KSP_Furl *)ksp->data;
  PetscReal *values;

  PetscFunctionBegin;
  PetscCheck(f->running == KSP_FURL_CG, PetscObjectComm((PetscObject)ksp), PETSC_ERR_SUP,
             "KSPFURL tells eigenvalues only where it runs CG, here it runs %s; see -ksp_furl_method, or use KSPGMRES",
             KSPFurlMethods[f->running]);
  PetscCheck(nmax >= f->nlanczos, PetscObjectComm((PetscObject)ksp), PETSC_ERR_ARG_SIZ,
             "There are %" PetscInt_FMT " eigenvalues and room for %" PetscInt_FMT, f->nlanczos, nmax);
  *neig = f->nlanczos;
  if (!f->nlanczos) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(f->nlanczos, &values));
  PetscCall(LanczosValues(f, values));
  for (PetscInt k = 0; k < f->nlanczos; k++) {
    r[k] = values[k];
    c[k] = 0;
  }
  PetscCall(PetscFree(values));
  PetscFunctionReturn(PETSC_SUCCESS);
}
