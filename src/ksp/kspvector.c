/*
  Passes over the vectors of an iteration. Where all of them are PETSc's host vectors the fused kernels run on their arrays, else the same
  is done by PETSc's own operations on whatever the vectors are.
*/
#include "kspfurlimpl.h"
#include "kernels/ksplaunch.h"

/* Below and above these the square of a norm loses digits or overflows */
#define FURL_KSP_TINY 1e-140
#define FURL_KSP_HUGE 1e140

PetscBool FurlKSPIsSafeNorm(PetscReal norm)
{
  return norm > FURL_KSP_TINY && norm < FURL_KSP_HUGE ? PETSC_TRUE : PETSC_FALSE;
}

/* A power of two near 1/value, so that scaling by it is exact; 1 for what has no such number */
PetscReal FurlKSPPowerOfTwo(PetscReal value)
{
  int exponent;

  if (!(value > 0) || PetscIsInfOrNanReal(value)) return 1;
  (void)frexp(value, &exponent);
  return ldexp(1.0, PetscMax(-1000, PetscMin(1000, -exponent)));
}

static PetscErrorCode IsPlain(Vec v, PetscBool *plain)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompareAny((PetscObject)v, plain, VECSEQ, VECMPI, ""));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlKSPVectorsPlain(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;
  PetscBool plain;

  PetscFunctionBegin;
  PetscCall(IsPlain(ksp->vec_sol, &f->plain));
  for (int i = 0; i < 4; i++) {
    PetscCall(IsPlain(f->work[i], &plain));
    f->plain = f->plain && plain ? PETSC_TRUE : PETSC_FALSE;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Room for the partial sums of n local entries; *nitems is their number of blocks */
static PetscErrorCode PreparePartial(KSP_Furl *f, PetscInt n, PetscInt *nitems)
{
  PetscFunctionBegin;
  *nitems = (n + FURL_KSP_BLOCK - 1) / FURL_KSP_BLOCK;
  if (f->npartial < 3 * *nitems) {
    PetscCall(PetscFree(f->partial));
    PetscCall(PetscMalloc1(3 * *nitems, &f->partial));
    f->npartial = 3 * *nitems;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds nsums interleaved partial sums, blocks in order, then the ranks */
static PetscErrorCode Reduce(KSP ksp, const double *partial, PetscInt nitems, PetscMPIInt nsums, PetscReal *sums)
{
  PetscReal local[3] = {0, 0, 0};

  PetscFunctionBegin;
  for (PetscInt i = 0; i < nitems; i++)
    for (PetscMPIInt k = 0; k < nsums; k++) local[k] += partial[nsums * i + k];
  PetscCallMPI(MPI_Allreduce(local, sums, nsums, MPIU_REAL, MPI_SUM, PetscObjectComm((PetscObject)ksp)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DotsByVec(Vec z, Vec r, Vec q, PetscReal sums[3])
{
  Vec         with[3] = {r, q, z};
  PetscScalar dots[3];

  PetscFunctionBegin;
  PetscCall(VecMDot(z, 3, with, dots));
  for (int k = 0; k < 3; k++) sums[k] = PetscRealPart(dots[k]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* sums = z'r, z'q, z'z in one reduction */
PetscErrorCode FurlKSPDots(KSP ksp, Vec z, Vec r, Vec q, PetscReal sums[3])
{
  KSP_Furl   *f = (KSP_Furl *)ksp->data;
  KspDotsArgs args;
  PetscInt    n, nitems;

  PetscFunctionBegin;
  if (!f->plain) {
    PetscCall(DotsByVec(z, r, q, sums));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecGetLocalSize(z, &n));
  PetscCall(PreparePartial(f, n, &nitems));
  args.n       = n;
  args.partial = f->partial;
  PetscCall(VecGetArrayRead(z, &args.z));
  PetscCall(VecGetArrayRead(r, &args.r));
  PetscCall(VecGetArrayRead(q, &args.q));
  FurlLaunch(&FurlKernelKspDots, &args, nitems);
  PetscCall(VecRestoreArrayRead(q, &args.q));
  PetscCall(VecRestoreArrayRead(r, &args.r));
  PetscCall(VecRestoreArrayRead(z, &args.z));
  PetscCall(PetscLogFlops(6.0 * n));
  PetscCall(Reduce(ksp, f->partial, nitems, 3, sums));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* p = z + beta p */
PetscErrorCode FurlKSPDirection(KSP ksp, Vec p, PetscReal beta, Vec z)
{
  KSP_Furl        *f    = (KSP_Furl *)ksp->data;
  KspDirectionArgs args = {.state = NULL};
  PetscInt         n;

  PetscFunctionBegin;
  if (beta == 0) {
    PetscCall(VecCopy(z, p)); /* p may hold anything, NaN too */
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (!f->plain) {
    PetscCall(VecAYPX(p, beta, z));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecGetLocalSize(p, &n));
  args.n    = n;
  args.beta = beta;
  PetscCall(VecGetArray(p, &args.p));
  PetscCall(VecGetArrayRead(z, &args.z));
  FurlLaunch(&FurlKernelKspDirection, &args, (n + FURL_KSP_BLOCK - 1) / FURL_KSP_BLOCK);
  PetscCall(VecRestoreArrayRead(z, &args.z));
  PetscCall(VecRestoreArray(p, &args.p));
  PetscCall(PetscLogFlops(2.0 * n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x += xstep p, r -= rstep q, *rr = r'r in one reduction */
PetscErrorCode FurlKSPUpdate(KSP ksp, Vec x, PetscReal xstep, Vec p, Vec r, PetscReal rstep, Vec q, PetscReal *rr)
{
  KSP_Furl     *f    = (KSP_Furl *)ksp->data;
  KspUpdateArgs args = {.state = NULL};
  PetscInt      n, nitems;

  PetscFunctionBegin;
  if (!f->plain) {
    PetscScalar dot;

    PetscCall(VecAXPY(x, xstep, p));
    PetscCall(VecAXPY(r, -rstep, q));
    PetscCall(VecDot(r, r, &dot));
    *rr = PetscRealPart(dot);
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(VecGetLocalSize(r, &n));
  PetscCall(PreparePartial(f, n, &nitems));
  args.n       = n;
  args.partial = f->partial;
  args.xstep   = xstep;
  args.rstep   = rstep;
  PetscCall(VecGetArray(x, &args.x));
  PetscCall(VecGetArray(r, &args.r));
  PetscCall(VecGetArrayRead(p, &args.p));
  PetscCall(VecGetArrayRead(q, &args.q));
  FurlLaunch(&FurlKernelKspUpdate, &args, nitems);
  PetscCall(VecRestoreArrayRead(q, &args.q));
  PetscCall(VecRestoreArrayRead(p, &args.p));
  PetscCall(VecRestoreArray(r, &args.r));
  PetscCall(VecRestoreArray(x, &args.x));
  PetscCall(PetscLogFlops(6.0 * n));
  PetscCall(Reduce(ksp, f->partial, nitems, 1, rr));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The 2-norm of a vector whose squares leave the range of double: scaled by its largest entry */
static PetscErrorCode ScaledNorm2(KSP ksp, Vec v, PetscReal *norm)
{
  KSP_Furl      *f = (KSP_Furl *)ksp->data;
  KspSquaresArgs args;
  PetscReal      largest, sum;
  PetscInt       n, nitems;

  PetscFunctionBegin;
  PetscCall(VecNorm(v, NORM_INFINITY, &largest));
  *norm = largest;
  if (largest == 0 || PetscIsInfOrNanReal(largest)) PetscFunctionReturn(PETSC_SUCCESS);
  args.scale = FurlKSPPowerOfTwo(largest);
  PetscCall(VecGetLocalSize(v, &n));
  PetscCall(PreparePartial(f, n, &nitems));
  args.n       = n;
  args.partial = f->partial;
  PetscCall(VecGetArrayRead(v, &args.v));
  FurlLaunch(&FurlKernelKspSquares, &args, nitems);
  PetscCall(VecRestoreArrayRead(v, &args.v));
  PetscCall(PetscLogFlops(3.0 * n));
  PetscCall(Reduce(ksp, f->partial, nitems, 1, &sum));
  *norm = PetscSqrtReal(sum) / args.scale;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The 2-norm, right for entries of 1e200 and 1e-200 as well */
PetscErrorCode FurlKSPNorm2(KSP ksp, Vec v, PetscReal *norm)
{
  PetscFunctionBegin;
  PetscCall(VecNorm(v, NORM_2, norm));
  if (PetscIsNanReal(*norm) || FurlKSPIsSafeNorm(*norm)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ScaledNorm2(ksp, v, norm));
  PetscFunctionReturn(PETSC_SUCCESS);
}
