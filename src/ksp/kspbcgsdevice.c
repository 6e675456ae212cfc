/* BiCGStab of kspbcgs.c on a device; both halves of a step count as iterations */
#include "kspfurlimpl.h"
#include "kspdevice.h"

static void EnqueueBicg(FurlKSPDevice *d, const FurlKernel *kernel)
{
  const KspBicgArgs args = {.state = d->state, .news = d->news_there, .total = d->total};

  FurlRun(&d->queue, kernel, &args, 1);
}

/* d->total[0] = u'w, and w'w where that is wanted */
static void EnqueueDots(FurlKSPDevice *d, const double *u, const double *w, int square)
{
  const KspBasisDotsArgs args = {
    .V = u, .w = w, .partial = d->partial, .n = d->n, .ld = d->n, .nblocks = d->nblocks, .count = 1, .square = square};

  FurlRun(&d->queue, &FurlKernelKspBasisDots, &args, d->nblocks);
  FurlKSPEnqueueTotals(d, 1 + square);
}

/* z = B u, w = A z */
static PetscErrorCode EnqueueApply(KSP ksp, FurlKSPDevice *d, const double *u, double *w)
{
  PetscFunctionBegin;
  PetscCall((*d->pc.apply)(ksp->pc, d->state->power, u, d->z));
  FurlKSPEnqueueNullSpace(d, d->z);
  PetscCall((*d->mult)(((KSP_Furl *)ksp->data)->F, &d->queue, &d->matrix, d->z, w, d->partial));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void EnqueueDirection(FurlKSPDevice *d)
{
  const KspBicgDirectionArgs args = {.state = d->state, .r = d->r, .v = d->q, .p = d->p, .n = d->n};

  EnqueueDots(d, d->shadow, d->r, 0);
  EnqueueBicg(d, &FurlKernelKspBicgBeta);
  FurlRun(&d->queue, &FurlKernelKspBicgDirection, &args, d->nblocks);
}

/* Iteration k: the first half of a step, after the direction where there was one, or the second */
static PetscErrorCode EnqueueHalf(KSP ksp, FurlKSPDevice *d, PetscInt k)
{
  PetscFunctionBegin;
  if (k % 2) {
    PetscCall(EnqueueApply(ksp, d, d->r, d->t));
    EnqueueDots(d, d->r, d->t, 1);
    EnqueueBicg(d, &FurlKernelKspBicgSecond);
  } else {
    if (k > 0) EnqueueDirection(d);
    PetscCall(EnqueueApply(ksp, d, d->p, d->q));
    EnqueueDots(d, d->shadow, d->q, 0);
    EnqueueBicg(d, &FurlKernelKspBicgFirst);
  }
  FurlKSPEnqueueStep(d, d->z, k % 2 ? d->t : d->q);
  PetscCall(PetscLogGpuFlops(12. * d->n + d->product));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Runs as FurlKSPRunBCGS() does. Where the device fails, x is no iterate that anything is known of */
PetscErrorCode FurlKSPRunBCGSDevice(KSP ksp, FurlDeviceStatus *status)
{
  KSP_Furl      *f     = (KSP_Furl *)ksp->data;
  FurlKSPDevice *d     = f->device;
  const size_t   bytes = (size_t)d->n * sizeof(double);

  PetscFunctionBegin;
  f->tau = 1;
  PetscCall(FurlKSPUpload(ksp, d, d->r));
  FurlQueueCopy(&d->queue, d->shadow, d->r, bytes, FURL_COPY_ACROSS);
  FurlQueueCopy(&d->queue, d->p, d->r, bytes, FURL_COPY_ACROSS);
  PetscCall(FurlKSPRunShort(ksp, d, EnqueueHalf, status));
  PetscFunctionReturn(PETSC_SUCCESS);
}
