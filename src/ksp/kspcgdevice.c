/* Conjugate gradients of kspcg.c on a device */
#include "kspfurlimpl.h"
#include "kspdevice.h"

/* z = B r, rho and beta; z'q means nothing before the first direction */
static PetscErrorCode EnqueuePreconditioner(KSP ksp, FurlKSPDevice *d)
{
  const KspDotsArgs  dots  = {.z = d->z, .r = d->r, .q = d->q, .partial = d->partial, .n = d->n};
  const KspClearArgs clear = {.row = d->row, .z = d->z, .n = d->nrows};

  PetscFunctionBegin;
  PetscCall((*d->pc.apply)(ksp->pc, d->state->power, d->r, d->z));
  FurlKSPEnqueueNullSpace(d, d->z);
  if (((const KSP_Furl *)ksp->data)->aside) FurlRun(&d->queue, &FurlKernelKspClear, &clear, (d->nrows + FURL_WIDTH - 1) / FURL_WIDTH);
  FurlRun(&d->queue, &FurlKernelKspDots, &dots, d->nblocks);
  FurlKSPEnqueueSum(d, d->nblocks, 3);
  FurlKSPEnqueueScalars(d, &FurlKernelKspBeta, d->nblocks);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode EnqueueAll(KSP ksp, FurlKSPDevice *d)
{
  const KspDirectionArgs direction = {.z = d->z, .p = d->p, .n = d->n, .state = d->state};

  PetscFunctionBegin;
  PetscCall(EnqueuePreconditioner(ksp, d));
  FurlRun(&d->queue, &FurlKernelKspDirection, &direction, d->nblocks);
  PetscCall((*d->mult)(((KSP_Furl *)ksp->data)->F, &d->queue, &d->matrix, d->p, d->q, d->partial));
  FurlKSPEnqueueSum(d, d->nslices, 1);
  FurlKSPEnqueueScalars(d, &FurlKernelKspAlpha, d->nslices);
  FurlKSPEnqueueStep(d, d->p, d->q);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Into d->graph; where the device cannot record, iterations are enqueued kernel by kernel */
static PetscErrorCode RecordIteration(KSP ksp, FurlKSPDevice *d)
{
  PetscFunctionBegin;
  if (d->graph.handle) (void)FurlQueueWait(&d->queue);
  FurlGraphForget(d->queue.device, &d->graph);
  d->graph_aside = ((KSP_Furl *)ksp->data)->aside;
  d->cannot      = PETSC_TRUE;
  if (!FurlQueueRecord(&d->queue)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(EnqueueAll(ksp, d));
  if (FurlQueueRecorded(&d->queue, &d->graph)) d->cannot = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode EnqueueIteration(KSP ksp, FurlKSPDevice *d, PetscInt k)
{
  const PetscBool fits = d->graph.handle && d->graph_aside == ((KSP_Furl *)ksp->data)->aside ? PETSC_TRUE : PETSC_FALSE;

  PetscFunctionBegin;
  (void)k; /* all are alike */
  if (d->warm && !fits && !d->cannot) PetscCall(RecordIteration(ksp, d));
  if (d->warm && !d->cannot)
    FurlQueueReplay(&d->queue, &d->graph);
  else
    PetscCall(EnqueueAll(ksp, d));
  d->warm = PETSC_TRUE;
  PetscCall(PetscLogGpuFlops(16. * d->n + d->product));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Runs as FurlKSPRunCG() does. Where the device fails, x is no iterate that anything is known of */
PetscErrorCode FurlKSPRunCGDevice(KSP ksp, FurlDeviceStatus *status)
{
  FurlKSPDevice *d = ((KSP_Furl *)ksp->data)->device;

  PetscFunctionBegin;
  PetscCall(FurlKSPUpload(ksp, d, d->r));
  PetscCall(FurlKSPRunShort(ksp, d, EnqueueIteration, status));
  PetscFunctionReturn(PETSC_SUCCESS);
}
