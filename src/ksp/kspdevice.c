/*
  Conjugate gradients of kspcg.c on a device. x and r go there once, the iterations are enqueued one ahead of what the host has heard of,
  and x comes back once. The numbers of the recurrence stay on the device (kernels/kspstate.h), which also tests for convergence; the host
  reads a line of news for each iteration from memory that both see, and tells it to monitors, history and the user's test. What was
  enqueued beyond the end changes nothing. Within an iteration nothing is copied, allocated or waited for.

  A test or a monitor of the user's may look at x: then x is fetched after every iteration, of which none is enqueued ahead.
*/
#include "kspfurlimpl.h"
#include "kernels/ksplaunch.h"
#include "kspdevice.h"

/* Room in sums of KSP_SUMS each */
static int64_t SumsOf(int64_t n)
{
  return (n + KSP_SUMS - 1) / KSP_SUMS;
}

static void EnqueueSum(FurlKSPDevice *d, int64_t n, int nsums)
{
  const KspSumArgs args = {.partial = d->partial, .sum = d->sum, .n = n, .nsums = nsums};

  FurlRun(&d->queue, &FurlKernelKspSum, &args, SumsOf(n));
}

static void EnqueueScalars(FurlKSPDevice *d, const FurlKernel *kernel, int64_t n)
{
  const KspScalarArgs args = {.state = d->state, .news = d->news_there, .sum = d->sum, .n = SumsOf(n)};

  FurlRun(&d->queue, kernel, &args, 1);
}

/* z = B r, rho and beta; z'q means nothing before the first direction */
static PetscErrorCode EnqueuePreconditioner(KSP ksp, FurlKSPDevice *d)
{
  const KspDotsArgs  dots  = {.z = d->z, .r = d->r, .q = d->q, .partial = d->partial, .n = d->n};
  const KspClearArgs clear = {.row = d->row, .z = d->z, .n = d->nrows};

  PetscFunctionBegin;
  PetscCall((*d->pc.apply)(ksp->pc, d->state->power, d->r, d->z));
  if (((const KSP_Furl *)ksp->data)->aside) FurlRun(&d->queue, &FurlKernelKspClear, &clear, (d->nrows + FURL_WIDTH - 1) / FURL_WIDTH);
  FurlRun(&d->queue, &FurlKernelKspDots, &dots, d->nblocks);
  EnqueueSum(d, d->nblocks, 3);
  EnqueueScalars(d, &FurlKernelKspBeta, d->nblocks);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode EnqueueIteration(KSP ksp, FurlKSPDevice *d)
{
  const KspDirectionArgs direction = {.z = d->z, .p = d->p, .n = d->n, .state = d->state};
  const KspUpdateArgs    update    = {.p = d->p, .q = d->q, .x = d->x, .r = d->r, .partial = d->partial, .n = d->n, .state = d->state};
  const KspKeepArgs      keep      = {.state = d->state, .x = d->x, .p = d->p, .best = d->best, .n = d->n};

  PetscFunctionBegin;
  FurlRun(&d->queue, &FurlKernelKspDirection, &direction, d->nblocks);
  PetscCall((*d->mult)(((KSP_Furl *)ksp->data)->F, &d->queue, &d->matrix, d->p, d->q, d->partial));
  EnqueueSum(d, d->nslices, 1);
  EnqueueScalars(d, &FurlKernelKspAlpha, d->nslices);
  FurlRun(&d->queue, &FurlKernelKspUpdate, &update, d->nblocks);
  EnqueueSum(d, d->nblocks, 1);
  EnqueueScalars(d, &FurlKernelKspNorm, d->nblocks);
  FurlRun(&d->queue, &FurlKernelKspKeep, &keep, d->nblocks);
  PetscCall(EnqueuePreconditioner(ksp, d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the recurrence begins with; the host's own test sees to the rest of the user's wishes */
static void InitState(KSP ksp, FurlKSPDevice *d)
{
  const KSP_Furl *f    = (const KSP_Furl *)ksp->data;
  const PetscBool test = f->target && ksp->converged == KSPConvergedDefault ? PETSC_TRUE : PETSC_FALSE;

  d->begin = (KspState){.sigma  = f->sigma,
                        .rnorm  = f->rnorm,
                        .wanted = test ? ksp->ttol : -1,
                        .most   = test ? ksp->divtol * ksp->rnorm0 : (double)INFINITY,
                        .best   = f->norm,
                        .its    = ksp->its,
                        .max_it = ksp->max_it,
                        .serial = d->heard,
                        .first  = 1};
  FurlKSPSetPowers(f->rnorm, d->begin.power);
}

/* r on the queue of the iterations, x beside it: the first step waits for it, the preconditioner does not */
static PetscErrorCode Upload(KSP ksp, FurlKSPDevice *d)
{
  KSP_Furl          *f     = (KSP_Furl *)ksp->data;
  const size_t       bytes = (size_t)d->n * sizeof(double);
  const PetscScalar *r, *x;

  PetscFunctionBegin;
  InitState(ksp, d);
  PetscCall(VecGetArrayRead(FurlKSPr(f), &r));
  PetscCall(VecGetArrayRead(ksp->vec_sol, &x));
  FurlQueueAfter(&d->copies, &d->queue);
  FurlQueueCopy(&d->queue, d->state, &d->begin, sizeof(d->begin), FURL_COPY_UP);
  FurlQueueCopy(&d->queue, d->r, r, bytes, FURL_COPY_UP);
  FurlQueueCopy(&d->copies, d->x, x, bytes, FURL_COPY_UP);
  PetscCall(EnqueuePreconditioner(ksp, d));
  FurlQueueAfter(&d->queue, &d->copies);
  (void)FurlQueueWait(&d->copies);
  PetscCall(VecRestoreArrayRead(ksp->vec_sol, &x));
  PetscCall(VecRestoreArrayRead(FurlKSPr(f), &r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* By way of the host's z, so that a device that fails meanwhile does no harm to v */
static PetscErrorCode Download(KSP ksp, FurlKSPDevice *d, const double *from, Vec v)
{
  Vec          z = FurlKSPz((KSP_Furl *)ksp->data);
  PetscScalar *to;

  PetscFunctionBegin;
  PetscCall(VecGetArrayWrite(z, &to));
  FurlQueueCopy(&d->queue, to, from, (size_t)d->n * sizeof(double), FURL_COPY_DOWN);
  (void)FurlQueueWait(&d->queue);
  PetscCall(VecRestoreArrayWrite(z, &to));
  if (d->queue.device->status == FURL_DEVICE_OK) PetscCall(VecCopy(z, v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Reads the next news, and waits for them without stopping the device; 0: it failed */
static int Hear(FurlKSPDevice *d, KspNews *news)
{
  const KspNews *const place = d->news + (d->heard + 1) % KSP_NEWS;

  while (place->serial != d->heard + 1)
    if (!FurlQueueQuery(&d->queue)) return 0;
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
  *news = (KspNews){.rnorm = place->rnorm, .alpha = place->alpha, .beta = place->beta, .stop = place->stop};
  d->heard++;
  return 1;
}

/* Why there was no step */
static void TakeStop(KSP ksp, KspStop stop)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  if (stop == KSP_STEP_SIGN_PC) f->cause = FURL_KSP_SIGN_PC;
  if (stop == KSP_STEP_SIGN_MAT) f->cause = FURL_KSP_SIGN_MAT;
  if (stop == KSP_STEP_BREAKDOWN) f->cause = FURL_KSP_BREAKDOWN;
  if (stop == KSP_STEP_NAN) ksp->reason = KSP_DIVERGED_NANORINF;
}

/* One iteration, as kspcg.c tells it; *more is false where it was the last one, and nothing is to be decided where it was so before */
static PetscErrorCode TakeNews(KSP ksp, FurlKSPDevice *d, const KspNews *news, PetscBool *more)
{
  KSP_Furl *f       = (KSP_Furl *)ksp->data;
  PetscBool restart = PETSC_FALSE, watch = *more;

  PetscFunctionBegin;
  *more = PETSC_FALSE;
  if (news->stop != KSP_STEP_GOES_ON && news->stop != KSP_STEP_TEST) {
    TakeStop(ksp, (KspStop)news->stop);
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  f->rnorm = news->rnorm;
  ksp->its++;
  PetscCall(FurlKSPKeepLanczos(ksp, news->alpha, news->beta));
  if (d->fed) PetscCall(Download(ksp, d, d->x, ksp->vec_sol));
  PetscCall(FurlKSPReport(ksp, f->rnorm / f->sigma));
  if (ksp->reason) PetscFunctionReturn(PETSC_SUCCESS);
  if (news->stop == KSP_STEP_TEST)
    f->cause = FURL_KSP_RAISED; /* the device stopped where the user's test does not: from the true residual */
  if (f->cause != FURL_KSP_CAUSES && watch) PetscFunctionReturn(PETSC_SUCCESS);
  if (watch) PetscCall(FurlKSPWatch(ksp, &restart));
  *more = (PetscBool)!restart;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x and the best iterate; the state says which of them that is */
static PetscErrorCode Finish(KSP ksp, FurlKSPDevice *d)
{
  KSP_Furl *f   = (KSP_Furl *)ksp->data;
  KspState  end = {0};

  PetscFunctionBegin;
  FurlQueueCopy(&d->queue, &end, d->state, sizeof(end), FURL_COPY_DOWN);
  if (!FurlQueueWait(&d->queue)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(Download(ksp, d, d->x, ksp->vec_sol));
  d->heard = end.serial;
  if (ksp->normtype == KSP_NORM_NONE) PetscFunctionReturn(PETSC_SUCCESS);
  f->best_norm  = end.best;
  f->best_saved = end.saved ? PETSC_TRUE : PETSC_FALSE;
  if (!end.saved) PetscFunctionReturn(PETSC_SUCCESS);
  if (!f->best) PetscCall(VecDuplicate(ksp->vec_sol, &f->best));
  PetscCall(Download(ksp, d, d->best, f->best));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Enqueues and listens until there is a reason, or a cause to hand back. Where the host wants no more, what runs ahead is heard too, so
 * that the iterations that it counts are those of x */
static PetscErrorCode Iterate(KSP ksp, FurlKSPDevice *d)
{
  const int64_t ahead    = d->fed ? 0 : 1;
  int64_t       enqueued = 0, told = 0;
  PetscBool     more = PETSC_TRUE;
  KspNews       news = {.stop = KSP_STEP_GOES_ON};

  PetscFunctionBegin;
  while ((more || told < enqueued) && news.stop == KSP_STEP_GOES_ON && !ksp->reason) {
    PetscBool last = more;

    for (; more && enqueued <= told + ahead; enqueued++) PetscCall(EnqueueIteration(ksp, d));
    if (!Hear(d, &news)) PetscFunctionReturn(PETSC_SUCCESS);
    told++;
    PetscCall(TakeNews(ksp, d, &news, &last));
    more = more && last ? PETSC_TRUE : PETSC_FALSE;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A test or a monitor that may look at x; PETSc's own look at the norm alone */
static PetscBool IsFed(KSP ksp)
{
  PetscBool fed = ksp->converged != KSPConvergedDefault && ksp->converged != KSPConvergedSkip ? PETSC_TRUE : PETSC_FALSE;

  for (PetscInt i = 0; i < ksp->numbermonitors; i++)
    if ((void (*)(void))ksp->monitor[i] != (void (*)(void))KSPMonitorResidual) fed = PETSC_TRUE;
  return fed || ksp->err_hist ? PETSC_TRUE : PETSC_FALSE;
}

/* Runs as FurlKSPRunCG() does. Where the device fails, x is an earlier iterate and nothing else is kept but the count of iterations */
PetscErrorCode FurlKSPRunCGDevice(KSP ksp, FurlDeviceStatus *status)
{
  KSP_Furl      *f = (KSP_Furl *)ksp->data;
  FurlKSPDevice *d = f->device;

  PetscFunctionBegin;
  d->fed = IsFed(ksp);
  PetscCall(Upload(ksp, d));
  PetscCall(Iterate(ksp, d));
  if (d->queue.device->status == FURL_DEVICE_OK) PetscCall(Finish(ksp, d));
  *status = d->queue.device->status;
  if (*status == FURL_DEVICE_OK) PetscCall(FurlKSPVerify(ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}
