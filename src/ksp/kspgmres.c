/*
  Flexible GMRES (Saad, SIAM J. Sci. Comput. 14, 1993), restarted.

    beta = ||r||, v_0 = r / beta; z_k = B v_k, w = tau A z_k, w made orthogonal to v_0 .. v_k gives column k of H and v_{k+1};
    y minimises ||beta e_0 - H y|| by Givens rotations; x += (tau / sigma) Z y

  Classical Gram-Schmidt, repeated where it cancels; norms by Pythagoras, so that an iteration takes one reduction, two where it repeats.
  The residual follows from the rotations: r_k = s^2 r_{k-1} + c g v_{k+1}, so B r_k = s^2 B r_{k-1} + c g z_{k+1}, which gives the
  preconditioned and the natural norm for one more vector each.
*/
#include "kspfurlimpl.h"
#include "kernels/hessenberg.h"
#include <petscblaslapack.h>

#define FURL_KSP_CHUNK 5 /* vectors that are made at once */

/* Parts of f->hess, whose layout is told in kernels/hessenberg.h */
static PetscReal *Column(const KSP_Furl *f, PetscInt k)
{
  return KspColumnOf(f->hess, f->nhess, k);
}
static PetscReal *RightSide(const KSP_Furl *f)
{
  return KspRightSideOf(f->hess, f->nhess);
}
static PetscReal *Coefficients(const KSP_Furl *f)
{
  return RightSide(f) + f->nhess + 1;
}

size_t FurlKSPGMRESNumbers(PetscInt columns)
{
  return (size_t)(columns + 1) * (size_t)columns + 4 * (size_t)columns + 1;
}

PetscErrorCode FurlKSPGMRESPrepare(KSP_Furl *f)
{
  PetscFunctionBegin;
  if (f->nhess == f->columns) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFree(f->hess));
  f->nhess = f->columns;
  PetscCall(PetscMalloc1(FurlKSPGMRESNumbers(f->nhess), &f->hess));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Makes vectors until there are more than k */
static PetscErrorCode Grow(KSP ksp, PetscInt k, Vec **basis, PetscInt *n)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;
  Vec      *more, *all;

  PetscFunctionBegin;
  while (*n <= k) {
    PetscCall(VecDuplicateVecs(FurlKSPr(f), FURL_KSP_CHUNK, &more));
    PetscCall(PetscMalloc1(*n + FURL_KSP_CHUNK, &all));
    for (PetscInt i = 0; i < *n; i++) all[i] = (*basis)[i];
    for (PetscInt i = 0; i < FURL_KSP_CHUNK; i++) all[*n + i] = more[i];
    PetscCall(PetscFree(more));
    PetscCall(PetscFree(*basis));
    *basis = all;
    *n += FURL_KSP_CHUNK;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* h += V'w, w -= V (V'w); *before and *after are the squared norms of w, one reduction */
static PetscErrorCode Project(KSP_Furl *f, PetscInt n, Vec w, PetscReal *h, PetscReal *before, PetscReal *after)
{
  PetscReal  *dots = Coefficients(f);
  PetscScalar square;

  PetscFunctionBegin;
  PetscCall(VecMDotBegin(w, n, f->V, dots));
  PetscCall(VecDotBegin(w, w, &square));
  PetscCall(VecMDotEnd(w, n, f->V, dots));
  PetscCall(VecDotEnd(w, w, &square));
  *before = *after = square;
  for (PetscInt i = 0; i < n; i++) {
    h[i] += dots[i];
    *after -= dots[i] * dots[i];
    dots[i] = -dots[i];
  }
  PetscCall(VecMAXPY(w, n, dots, f->V));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Makes V[k+1] orthonormal to the others; fills column k of H. A zero in h[k+1] says that A V is in the span of V: nothing new follows */
static PetscErrorCode Orthogonalise(KSP ksp, PetscInt k)
{
  KSP_Furl  *f = (KSP_Furl *)ksp->data;
  PetscReal *h = Column(f, k), first, before, after;

  PetscFunctionBegin;
  PetscCall(PetscArrayzero(h, k + 2));
  PetscCall(Project(f, k + 1, f->V[k + 1], h, &first, &after));
  KSPCheckDot(ksp, after);
  before = first;
  for (int pass = 0; pass < 2 && !(after > 0.5 * before); pass++) PetscCall(Project(f, k + 1, f->V[k + 1], h, &before, &after));
  KSPCheckDot(ksp, after);
  h[k + 1] = after > 0 && before > PETSC_MACHINE_EPSILON * PETSC_MACHINE_EPSILON * first ? PetscSqrtReal(after) : 0;
  if (h[k + 1] > 0) PetscCall(VecScale(f->V[k + 1], 1 / h[k + 1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* (tau / sigma) y for the columns of the cycle that x does not hold yet */
PetscErrorCode FurlKSPGMRESCoefficients(KSP ksp, PetscReal **coefficients)
{
  KSP_Furl        *f = (KSP_Furl *)ksp->data;
  const PetscInt   n = f->inner;
  PetscReal *const y = Coefficients(f);

  PetscFunctionBegin;
  for (PetscInt i = n - 1; i >= 0; i--) {
    y[i] = RightSide(f)[i];
    for (PetscInt k = i + 1; k < n; k++) y[i] -= Column(f, k)[i] * y[k];
    y[i] /= Column(f, i)[i];
  }
  for (PetscInt i = 0; i < n; i++) y[i] *= f->tau / f->sigma;
  *coefficients = y;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* v += (tau / sigma) Z y */
PetscErrorCode FurlKSPGMRESSolution(KSP ksp, Vec v)
{
  KSP_Furl  *f = (KSP_Furl *)ksp->data;
  PetscReal *y;

  PetscFunctionBegin;
  if (!f->inner) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlKSPGMRESCoefficients(ksp, &y));
  if (f->columns_there)
    PetscCall(FurlKSPDeviceSolution(ksp, y, v));
  else
    PetscCall(VecMAXPY(v, f->inner, y, f->Z));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds the columns to x, which is kept until the true residual has judged them: in a singular system they may be huge and wrong */
static PetscErrorCode Finish(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  if (ksp->normtype != KSP_NORM_NONE && !f->best_saved) {
    if (!f->best) PetscCall(VecDuplicate(ksp->vec_sol, &f->best));
    PetscCall(VecCopy(ksp->vec_sol, f->best));
  }
  PetscCall(FurlKSPGMRESSolution(ksp, ksp->vec_sol));
  if (ksp->calc_sings) PetscCall(FurlKSPGMRESSingularValues(ksp, &f->cycles_largest, &f->cycles_smallest));
  f->inner = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The best iterate is x, or the one that Finish() kept */
void FurlKSPGMRESJudge(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  if (ksp->normtype == KSP_NORM_NONE) return;
  f->best_saved = f->norm > f->best_norm ? PETSC_TRUE : PETSC_FALSE;
  f->best_norm  = PetscMin(f->norm, f->best_norm);
}

static PetscBool NeedsB(KSP ksp)
{
  return ksp->normtype == KSP_NORM_PRECONDITIONED || ksp->normtype == KSP_NORM_NATURAL ? PETSC_TRUE : PETSC_FALSE;
}

/* z_k = B v_k */
static PetscErrorCode ApplyB(KSP ksp, PetscInt k)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  PetscCall(Grow(ksp, k, &f->Z, &f->nZ));
  PetscCall(FurlKSPPrecondition(ksp, f->V[k], 1, f->Z[k]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The user's norm after column k; r and B r are kept up to date where that needs them */
static PetscErrorCode NormAfter(KSP ksp, PetscInt k, PetscReal *norm)
{
  KSP_Furl       *f = (KSP_Furl *)ksp->data;
  const PetscReal c = KspCosinesOf(f->hess, f->nhess)[k], s = KspSinesOf(f->hess, f->nhess)[k], g = RightSide(f)[k + 1];
  PetscReal       sums[3];

  PetscFunctionBegin;
  *norm = PetscAbsReal(g) / f->sigma;
  if (!NeedsB(ksp)) PetscFunctionReturn(PETSC_SUCCESS);
  if (s != 0) {
    PetscCall(ApplyB(ksp, k + 1));
    PetscCall(VecAXPBY(FurlKSPz(f), c * g, s * s, f->Z[k + 1]));
  } else {
    PetscCall(VecSet(FurlKSPz(f), 0));
  }
  if (ksp->normtype == KSP_NORM_PRECONDITIONED) {
    PetscCall(FurlKSPNorm2(ksp, FurlKSPz(f), norm));
    *norm /= f->sigma;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (s != 0) PetscCall(VecAXPBY(FurlKSPr(f), c * g, s * s, f->V[k + 1]));
  PetscCall(FurlKSPDots(ksp, FurlKSPz(f), FurlKSPr(f), FurlKSPr(f), sums));
  *norm = PetscSqrtReal(PetscAbsReal(sums[0])) / f->sigma;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* v_0 and the right-hand side of the small system, from r; z = B r where the norm needs it */
static PetscErrorCode StartCycle(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  PetscCall(FurlKSPGMRESPrepare(f));
  PetscCall(Grow(ksp, 0, &f->V, &f->nV));
  PetscCall(VecCopy(FurlKSPr(f), f->V[0]));
  PetscCall(VecScale(f->V[0], 1 / f->rnorm));
  RightSide(f)[0] = f->rnorm;
  f->inner        = 0;
  if (NeedsB(ksp)) {
    PetscCall(ApplyB(ksp, 0));
    PetscCall(VecAXPBY(FurlKSPz(f), f->rnorm, 0, f->Z[0]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One iteration; *more is false where the cycle has to end */
static PetscErrorCode Expand(KSP ksp, PetscInt k, PetscReal *norm, PetscBool *more)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  *more = PETSC_FALSE;
  PetscCall(Grow(ksp, k + 1, &f->V, &f->nV));
  if (!NeedsB(ksp)) PetscCall(ApplyB(ksp, k));
  PetscCall(FurlKSPMult(ksp, f->Z[k], f->V[k + 1], NULL));
  PetscCall(FurlKSPScaleOperator(ksp, f->V[k + 1]));
  PetscCall(Orthogonalise(ksp, k));
  if (ksp->reason) PetscFunctionReturn(PETSC_SUCCESS);
  ksp->its++;
  *norm = PetscAbsReal(RightSide(f)[k]) / f->sigma;
  if (!KspRotate(f->hess, f->nhess, k)) PetscFunctionReturn(PETSC_SUCCESS);
  f->inner = k + 1;
  PetscCall(NormAfter(ksp, k, norm));
  *more = KspSinesOf(f->hess, f->nhess)[k] != 0 && k + 1 < f->columns ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One cycle: at its end x holds all of it. *handback is true where the driver has to decide */
static PetscErrorCode Cycle(KSP ksp, PetscBool *handback)
{
  PetscBool more = PETSC_TRUE, restart;

  PetscFunctionBegin;
  *handback = PETSC_TRUE;
  PetscCall(StartCycle(ksp));
  for (PetscInt k = 0; more; k++) {
    PetscReal norm = 0;

    PetscCall(Expand(ksp, k, &norm, &more));
    if (!ksp->reason) PetscCall(FurlKSPReport(ksp, norm));
    if (ksp->reason) {
      PetscCall(Finish(ksp));
      PetscCall(FurlKSPVerify(ksp));
      if (!ksp->reason) FurlKSPGMRESJudge(ksp);
      PetscFunctionReturn(PETSC_SUCCESS);
    }
    PetscCall(FurlKSPWatch(ksp, &restart));
    if (restart) break;
    *handback = more ? *handback : PETSC_FALSE;
  }
  PetscCall(Finish(ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A cycle that found no direction at all would find none again */
PetscBool FurlKSPGMRESGotNowhere(KSP_Furl *f, PetscReal before)
{
  if (f->norm < (1 - 1e-12) * before) return PETSC_FALSE;
  f->cause = FURL_KSP_BREAKDOWN;
  return PETSC_TRUE;
}

/* The singular values of H for the cycle at hand are those of its triangular factor, and lie between those of A B */
PetscErrorCode FurlKSPGMRESSingularValues(KSP ksp, PetscReal *largest, PetscReal *smallest)
{
  KSP_Furl    *f = (KSP_Furl *)ksp->data;
  PetscInt     n = f->inner;
  PetscBLASInt bn, lwork, one = 1, info;
  PetscReal   *R, *values, *work;
  PetscScalar  none;

  PetscFunctionBegin;
  if (!n) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscBLASIntCast(n, &bn));
  PetscCall(PetscBLASIntCast(5 * n, &lwork));
  PetscCall(PetscCalloc3(n * n, &R, n, &values, 5 * n, &work));
  for (PetscInt k = 0; k < n; k++)
    for (PetscInt i = 0; i <= k; i++) R[k * n + i] = Column(f, k)[i];
  PetscCallBLAS("LAPACKgesvd", LAPACKgesvd_("N", "N", &bn, &bn, R, &bn, values, &none, &one, &none, &one, work, &lwork, &info));
  PetscCheck(!info, PETSC_COMM_SELF, PETSC_ERR_LIB, "LAPACK's gesvd returned %d", (int)info);
  *smallest = *largest > 0 ? PetscMin(*smallest, values[n - 1] / f->tau) : values[n - 1] / f->tau;
  *largest  = PetscMax(*largest, values[0] / f->tau);
  PetscCall(PetscFree3(R, values, work));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlKSPRunGMRES(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;
  PetscBool handback;

  PetscFunctionBegin;
  while (!ksp->reason) {
    const PetscReal before = f->norm;

    PetscCall(Cycle(ksp, &handback));
    if (ksp->reason || handback) PetscFunctionReturn(PETSC_SUCCESS);
    PetscCall(FurlKSPTrueResidual(ksp, PETSC_FALSE));
    KSPCheckNorm(ksp, f->norm);
    FurlKSPGMRESJudge(ksp);
    if (f->rnorm == 0 || (f->target && FurlKSPGMRESGotNowhere(f, before))) PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}
