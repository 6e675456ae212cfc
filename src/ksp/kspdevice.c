/*
  What the recurrences share where they run on a device. b goes there once, and x and its residual where they are not zero and b; x comes
  back once. The numbers of the recurrence stay on the device (kernels/kspstate.h), which also tests for convergence; the host reads a line
  of news for each iteration from memory that both see, tells it to monitors, history and the user's test, and enqueues the next one. Within
  an iteration nothing is copied, allocated or waited for.

  A test or a monitor of the user's may look at x: then x is fetched after every iteration.
*/
#include <petscdevice.h>
#include "kspfurlimpl.h"
#include "kspdevice.h"

int64_t FurlKSPSumsOf(int64_t n)
{
  return (n + KSP_SUMS - 1) / KSP_SUMS;
}

void FurlKSPEnqueueSum(FurlKSPDevice *d, int64_t n, int nsums)
{
  const KspSumArgs args = {.partial = d->partial, .sum = d->sum, .n = n, .nsums = nsums};

  FurlRun(&d->queue, &FurlKernelKspSum, &args, FurlKSPSumsOf(n));
}

void FurlKSPEnqueueScalars(FurlKSPDevice *d, const FurlKernel *kernel, int64_t n)
{
  const KspScalarArgs args = {.state = d->state, .news = d->news_there, .sum = d->sum, .n = FurlKSPSumsOf(n)};

  FurlRun(&d->queue, kernel, &args, 1);
}

/* From partial sums [nsums][nblocks] to d->total [nsums] */
void FurlKSPEnqueueTotals(FurlKSPDevice *d, int nsums)
{
  KspRowSumsArgs args = {.from = d->partial, .n = d->nblocks};

  do {
    args.groups = FurlKSPSumsOf(args.n);
    args.to     = args.groups == 1 ? d->total : args.from == d->partial ? d->sum : d->partial;
    FurlRun(&d->queue, &FurlKernelKspRowSums, &args, nsums * args.groups);
    args.from = args.to;
    args.n    = args.groups;
  } while (args.groups > 1);
}

/* v -= V V'v for so many vectors; V NULL: ones, which are not of norm 1 */
static void EnqueueRemove(FurlKSPDevice *d, const double *V, int count, double *v)
{
  const KspBasisDotsArgs dots = {
    .V = V, .w = v, .partial = d->partial, .n = d->n, .ld = d->n, .nblocks = d->nblocks, .count = count, .square = 0};
  const KspBasisAddArgs add = {
    .V = V, .total = d->total, .w = v, .factor = V ? -1 : -1 / (double)d->n, .n = d->n, .ld = d->n, .count = count};

  FurlRun(&d->queue, &FurlKernelKspBasisDots, &dots, d->nblocks);
  FurlKSPEnqueueTotals(d, count);
  FurlRun(&d->queue, &FurlKernelKspBasisAdd, &add, d->nblocks);
}

void FurlKSPEnqueueNullSpace(FurlKSPDevice *d, double *v)
{
  if (d->constants) EnqueueRemove(d, NULL, 1, v);
  if (d->nnull) EnqueueRemove(d, d->null, (int)d->nnull, v);
}

/* As the next news */
static void EnqueueNorm(FurlKSPDevice *d, const double *v)
{
  const KspSquaresArgs squares = {.v = v, .partial = d->partial, .scale = 1, .n = d->n};

  FurlRun(&d->queue, &FurlKernelKspSquares, &squares, d->nblocks);
  FurlKSPEnqueueSum(d, d->nblocks, 1);
  FurlKSPEnqueueScalars(d, &FurlKernelKspTrueNorm, d->nblocks);
}

/* r = sigma (b - A x) without what the projected system leaves out, and its norm as the next news; q is overwritten */
PetscErrorCode FurlKSPEnqueueResidual(KSP ksp, FurlKSPDevice *d, double *r)
{
  const KSP_Furl       *f    = (const KSP_Furl *)ksp->data;
  const KspResidualArgs args = {.b = d->b, .q = d->q, .r = r, .partial = d->partial, .sigma = f->sigma, .n = d->n};

  PetscFunctionBegin;
  PetscCall((*d->mult)(f->F, &d->queue, &d->matrix, d->x, d->q, d->partial));
  FurlRun(&d->queue, &FurlKernelKspResidual, &args, d->nblocks);
  if (f->projected) FurlKSPEnqueueNullSpace(d, r);
  EnqueueNorm(d, r);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the recurrence begins with; the host's own test sees to the rest of the user's wishes */
static void InitState(KSP ksp, FurlKSPDevice *d)
{
  const KSP_Furl *f    = (const KSP_Furl *)ksp->data;
  const PetscBool test = f->target && ksp->converged == KSPConvergedDefault ? PETSC_TRUE : PETSC_FALSE;

  d->begin = (KspState){.rho    = f->rnorm * f->rnorm, /* of BiCGStab, whose shadow residual is r */
                        .sigma  = f->sigma,
                        .rnorm  = f->rnorm,
                        .wanted = test ? ksp->ttol : -1,
                        .most   = test ? ksp->divtol * ksp->rnorm0 : (double)INFINITY,
                        .best   = f->norm,
                        .its    = ksp->its,
                        .max_it = ksp->max_it,
                        .serial = d->heard,
                        .first  = 1};
  FurlKSPSetPowers(d->columns ? 1 : f->rnorm, d->begin.power); /* GMRES preconditions vectors of norm 1 */
}

/* A test or a monitor that may look at x; PETSc's own look at the norm alone */
static PetscBool IsFed(KSP ksp)
{
  PetscBool fed = ksp->converged != KSPConvergedDefault && ksp->converged != KSPConvergedSkip ? PETSC_TRUE : PETSC_FALSE;

  for (PetscInt i = 0; i < ksp->numbermonitors; i++)
    if ((void (*)(void))ksp->monitor[i] != (void (*)(void))KSPMonitorResidual) fed = PETSC_TRUE;
  return fed || ksp->err_hist ? PETSC_TRUE : PETSC_FALSE;
}

/* A claim of PETSc's own test, which a residual of the device's may judge; others are the host's to judge */
static PetscBool MayClaim(KSP ksp)
{
  return ksp->normtype != KSP_NORM_NONE && ksp->converged == KSPConvergedDefault ? PETSC_TRUE : PETSC_FALSE;
}

/* PETSc's work on vectors of its own on the device goes through another stream */
static PetscErrorCode WaitForPetsc(void)
{
  PetscDeviceContext context;

  PetscFunctionBegin;
  PetscCall(PetscDeviceContextGetCurrentContext(&context));
  PetscCall(PetscDeviceContextSynchronize(context));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlKSPCopyIn(FurlKSPDevice *d, Vec v, double *to)
{
  const PetscScalar *from;
  PetscMemType       where;

  PetscFunctionBegin;
  PetscCall(VecGetArrayReadAndMemType(v, &from, &where));
  if (PetscMemTypeDevice(where)) PetscCall(WaitForPetsc());
  FurlQueueCopy(&d->queue, to, from, (size_t)d->n * sizeof(*to), PetscMemTypeDevice(where) ? FURL_COPY_ACROSS : FURL_COPY_UP);
  if (!PetscMemTypeDevice(where)) PetscCall(PetscLogCpuToGpu((PetscLogDouble)d->n * sizeof(*to)));
  (void)FurlQueueWait(&d->queue); /* the array is the caller's again */
  PetscCall(VecRestoreArrayReadAndMemType(v, &from));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlKSPCopyOut(FurlKSPDevice *d, const double *from, Vec v)
{
  PetscScalar *to;
  PetscMemType where;

  PetscFunctionBegin;
  PetscCall(VecGetArrayWriteAndMemType(v, &to, &where));
  if (PetscMemTypeDevice(where)) PetscCall(WaitForPetsc());
  FurlQueueCopy(&d->queue, to, from, (size_t)d->n * sizeof(*to), PetscMemTypeDevice(where) ? FURL_COPY_ACROSS : FURL_COPY_DOWN);
  if (!PetscMemTypeDevice(where)) PetscCall(PetscLogGpuToCpu((PetscLogDouble)d->n * sizeof(*to)));
  (void)FurlQueueWait(&d->queue);
  PetscCall(VecRestoreArrayWriteAndMemType(v, &to));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The state, x, r = sigma (b - A x), and b where r comes from it or a residual will be computed there. Nothing is sent that is zero, or b
 * again */
PetscErrorCode FurlKSPUpload(KSP ksp, FurlKSPDevice *d, double *r)
{
  KSP_Furl             *f      = (KSP_Furl *)ksp->data;
  const PetscBool       zero   = ksp->guess_zero && ksp->its == 0 && !f->aside ? PETSC_TRUE : PETSC_FALSE;
  const PetscBool       from_b = zero && !f->projected ? PETSC_TRUE : PETSC_FALSE;
  const PetscBool       judges = d->columns || MayClaim(ksp) ? PETSC_TRUE : PETSC_FALSE;
  const KspResidualArgs scale  = {.b = d->b, .r = r, .partial = d->partial, .sigma = f->sigma, .n = d->n};

  PetscFunctionBegin;
  d->fed = IsFed(ksp);
  InitState(ksp, d);
  FurlQueueCopy(&d->queue, d->state, &d->begin, sizeof(d->begin), FURL_COPY_UP);
  if (from_b || judges) PetscCall(FurlKSPCopyIn(d, ksp->vec_rhs, d->b));
  if (from_b)
    FurlRun(&d->queue, &FurlKernelKspResidual, &scale, d->nblocks);
  else
    PetscCall(FurlKSPCopyIn(d, FurlKSPr(f), r));
  if (zero)
    FurlQueueFill(&d->queue, d->x, (size_t)d->n * sizeof(*d->x));
  else
    PetscCall(FurlKSPCopyIn(d, ksp->vec_sol, d->x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlKSPFetchState(FurlKSPDevice *d, KspState *state)
{
  PetscFunctionBegin;
  *state = (KspState){0};
  FurlQueueCopy(&d->queue, state, d->state, sizeof(*state), FURL_COPY_DOWN);
  if (FurlQueueWait(&d->queue)) d->heard = state->serial;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Reads the next news, and waits for them without stopping the device; 0: it failed */
int FurlKSPHear(FurlKSPDevice *d, KspNews *news)
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

/* Into x at once where a solve knows an iterate to go back to, if the device fails meanwhile */
PetscErrorCode FurlKSPFetchX(KSP ksp, FurlKSPDevice *d)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  PetscCall(FurlKSPCopyOut(d, d->x, f->target ? ksp->vec_sol : FurlKSPz(f)));
  if (!f->target && d->queue.device->status == FURL_DEVICE_OK) PetscCall(VecCopy(FurlKSPz(f), ksp->vec_sol));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What a monitor or a test may ask for */
static PetscErrorCode Feed(KSP ksp, FurlKSPDevice *d)
{
  PetscFunctionBegin;
  if (d->columns)
    PetscCall(FurlKSPFetchColumns(ksp));
  else
    PetscCall(FurlKSPFetchX(ksp, d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One iteration, as kspcg.c and kspgmres.c tell it; *more is false where it was the last one */
static PetscErrorCode TakeNews(KSP ksp, FurlKSPDevice *d, const KspNews *news, PetscBool *more)
{
  KSP_Furl *f       = (KSP_Furl *)ksp->data;
  PetscBool restart = PETSC_FALSE;

  PetscFunctionBegin;
  *more = PETSC_FALSE;
  if (news->stop != KSP_STEP_GOES_ON && news->stop != KSP_STEP_TEST && news->stop != KSP_STEP_END) {
    TakeStop(ksp, (KspStop)news->stop);
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  f->rnorm = news->rnorm;
  ksp->its++;
  if (d->method == KSP_FURL_CG) PetscCall(FurlKSPKeepLanczos(ksp, news->alpha, news->beta));
  if (d->fed) PetscCall(Feed(ksp, d));
  if (d->queue.device->status != FURL_DEVICE_OK) PetscFunctionReturn(PETSC_SUCCESS); /* x may be torn */
  PetscCall(FurlKSPReport(ksp, f->rnorm / f->sigma));
  if (ksp->reason) PetscFunctionReturn(PETSC_SUCCESS);
  if (news->stop == KSP_STEP_TEST)
    f->cause = FURL_KSP_RAISED; /* the device stopped where the user's test does not: from the true residual */
  if (f->cause != FURL_KSP_CAUSES) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlKSPWatch(ksp, &restart));
  *more = news->stop == KSP_STEP_GOES_ON && !restart ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Enqueues an iteration when the one before has been heard of, until there is a reason, or a cause to hand back. Preconditioners take most
 * of an iteration and cannot be called off: one that ran ahead would cost more than the few microseconds for which the device has nothing
 * to do */
PetscErrorCode FurlKSPIterate(KSP ksp, FurlKSPDevice *d, FurlKSPEnqueueFn enqueue, KspStop *stop)
{
  PetscBool more = PETSC_TRUE;
  KspNews   news = {.stop = KSP_STEP_GOES_ON};

  PetscFunctionBegin;
  for (PetscInt k = 0; more; k++) {
    PetscCall((*enqueue)(ksp, d, k));
    if (!FurlKSPHear(d, &news)) PetscFunctionReturn(PETSC_SUCCESS);
    PetscCall(TakeNews(ksp, d, &news, &more));
  }
  *stop = (KspStop)news.stop;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x += alpha / sigma z, r -= alpha w, the norm of r as news, and the iterate before where that was better */
void FurlKSPEnqueueStep(FurlKSPDevice *d, const double *z, const double *w)
{
  const KspUpdateArgs update = {.p = z, .q = w, .x = d->x, .r = d->r, .partial = d->partial, .n = d->n, .state = d->state};
  const KspKeepArgs   keep   = {.state = d->state, .x = d->x, .p = z, .best = d->best, .n = d->n};

  FurlRun(&d->queue, &FurlKernelKspUpdate, &update, d->nblocks);
  FurlKSPEnqueueSum(d, d->nblocks, 1);
  FurlKSPEnqueueScalars(d, &FurlKernelKspNorm, d->nblocks);
  FurlRun(&d->queue, &FurlKernelKspKeep, &keep, d->nblocks);
}

PetscErrorCode FurlKSPFetchBest(KSP ksp, FurlKSPDevice *d)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  if (!f->best) PetscCall(VecDuplicate(ksp->vec_sol, &f->best));
  PetscCall(FurlKSPCopyOut(d, d->best, f->best));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* By what the residual that the device computed, in z, differs from r, which is Amat's own and scaled otherwise, over |x| */
static PetscErrorCode Compare(KSP ksp, FurlKSPDevice *d, PetscReal sigma, PetscReal size)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;
  PetscReal difference;

  PetscFunctionBegin;
  PetscCall(VecScale(FurlKSPz(f), f->sigma / sigma));
  PetscCall(VecAXPY(FurlKSPz(f), -1, FurlKSPr(f)));
  PetscCall(VecNorm(FurlKSPz(f), NORM_2, &difference));
  difference /= f->sigma * size;
  if (!(difference <= d->error)) d->error = difference; /* the largest so far; nothing is trusted while it is NaN */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The norms of b - A x and of x as the device has them; NaN where it failed */
static PetscErrorCode HearNorms(FurlKSPDevice *d, PetscReal sigma, PetscReal norm[2])
{
  KspNews news;

  PetscFunctionBegin;
  norm[0] = norm[1] = NAN;
  for (int k = 0; k < 2 && d->queue.device->status == FURL_DEVICE_OK; k++)
    if (FurlKSPHear(d, &news)) norm[k] = news.rnorm;
  norm[0] /= sigma;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
  x comes down. A claim of convergence by PETSc's own test stands where the residual says so that was computed there in FP64 from all of the
  matrix; but only after such a residual of this placement has been compared, entry by entry, to that of the user's own product, and where
  what they may differ by is far below the tolerance. Else the user's own product judges.
*/
PetscErrorCode FurlKSPSettle(KSP ksp, FurlKSPDevice *d)
{
  KSP_Furl *const f      = (KSP_Furl *)ksp->data;
  FurlDevice     *device = d->queue.device;
  const PetscReal limit = FurlKSPClaimLimit(ksp), sigma = f->sigma;
  const PetscBool claim   = ksp->reason > 0 && ksp->reason != KSP_CONVERGED_ITS && MayClaim(ksp) ? PETSC_TRUE : PETSC_FALSE;
  PetscReal       norm[2] = {NAN, NAN};

  PetscFunctionBegin;
  if (claim) {
    PetscCall(FurlKSPEnqueueResidual(ksp, d, d->q));
    EnqueueNorm(d, d->x);
  }
  PetscCall(FurlKSPFetchX(ksp, d));
  if (claim) PetscCall(HearNorms(d, sigma, norm));
  if (d->error >= 0 && 10 * d->error * norm[1] <= limit && norm[0] <= limit) {
    f->norm = ksp->rnorm = norm[0];
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (device->status == FURL_DEVICE_OK && f->best_saved) PetscCall(FurlKSPFetchBest(ksp, d));
  if (claim) PetscCall(FurlKSPCopyOut(d, d->q, FurlKSPz(f))); /* nothing of the device comes after the verdict */
  if (device->status != FURL_DEVICE_OK) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlKSPVerify(ksp));
  if (claim) PetscCall(Compare(ksp, d, sigma, norm[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A recurrence of such steps, from what was uploaded to the end */
PetscErrorCode FurlKSPRunShort(KSP ksp, FurlKSPDevice *d, FurlKSPEnqueueFn enqueue, FurlDeviceStatus *status)
{
  KSP_Furl         *f      = (KSP_Furl *)ksp->data;
  FurlDevice *const device = d->queue.device;
  KspStop           stop;
  KspState          end;

  PetscFunctionBegin;
  PetscCall(FurlKSPIterate(ksp, d, enqueue, &stop));
  if (device->status == FURL_DEVICE_OK) PetscCall(FurlKSPFetchState(d, &end));
  if (device->status == FURL_DEVICE_OK && ksp->normtype != KSP_NORM_NONE) {
    f->best_norm  = end.best;
    f->best_saved = end.saved ? PETSC_TRUE : PETSC_FALSE; /* the state says whether it is x */
  }
  if (device->status == FURL_DEVICE_OK) PetscCall(FurlKSPSettle(ksp, d));
  *status = device->status;
  PetscFunctionReturn(PETSC_SUCCESS);
}
