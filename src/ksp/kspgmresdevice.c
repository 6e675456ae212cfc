/* GMRES of kspgmres.c on a device: the basis and the Hessenberg matrix are there, the small system is solved on the host once a cycle */
#include "kspfurlimpl.h"
#include "kspdevice.h"

static KspColumnArgs ColumnArgs(const KSP_Furl *f, const FurlKSPDevice *d, PetscInt k, int pass)
{
  return (KspColumnArgs){.state   = d->state,
                         .news    = d->news_there,
                         .total   = d->total,
                         .hess    = d->hess,
                         .k       = (int)k,
                         .pass    = pass,
                         .columns = (int)d->columns,
                         .ld      = (int)f->nhess};
}

/* A pass of Gram and Schmidt for V[k + 1]: h += V'w, w -= V (V'w) */
static void EnqueuePass(const KSP_Furl *f, FurlKSPDevice *d, PetscInt k, int pass)
{
  double *const          w    = d->V + (k + 1) * d->n;
  const KspBasisDotsArgs dots = {.state   = d->state,
                                 .V       = d->V,
                                 .w       = w,
                                 .partial = d->partial,
                                 .n       = d->n,
                                 .ld      = d->n,
                                 .nblocks = d->nblocks,
                                 .count   = (int)k + 1,
                                 .square  = 1,
                                 .pass    = pass};
  const KspBasisAddArgs  add  = {
      .state = d->state, .V = d->V, .total = d->total, .w = w, .factor = -1, .n = d->n, .ld = d->n, .count = (int)k + 1};
  const KspColumnArgs column = ColumnArgs(f, d, k, pass);

  FurlRun(&d->queue, &FurlKernelKspBasisDots, &dots, d->nblocks);
  FurlKSPEnqueueTotals(d, (int)k + 2);
  FurlRun(&d->queue, &FurlKernelKspColumn, &column, 1);
  FurlRun(&d->queue, &FurlKernelKspBasisAdd, &add, d->nblocks);
}

static PetscErrorCode EnqueueColumn(KSP ksp, FurlKSPDevice *d, PetscInt k)
{
  const KSP_Furl *f = (const KSP_Furl *)ksp->data;
  double *const v = d->V + k * d->n, *const z = d->Z + k * d->n;

  PetscFunctionBegin;
  PetscCall((*d->pc.apply)(ksp->pc, d->state->power, v, z));
  FurlKSPEnqueueNullSpace(d, z);
  PetscCall((*d->mult)(f->F, &d->queue, &d->matrix, z, v + d->n, d->partial));
  for (int pass = 0; pass < KSP_PASSES; pass++) EnqueuePass(f, d, k, pass);
  PetscCall(PetscLogGpuFlops(4. * d->n * (k + 1) + d->product)); /* of one pass */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* V_0 = r / |r|, where it holds r and the state its norm */
static void EnqueueCycle(const KSP_Furl *f, FurlKSPDevice *d)
{
  const KspColumnArgs   column = ColumnArgs(f, d, 0, 0);
  const KspBasisAddArgs scale  = {.state = d->state, .V = d->V, .w = d->V, .n = d->n};

  FurlRun(&d->queue, &FurlKernelKspCycle, &column, 1);
  FurlRun(&d->queue, &FurlKernelKspBasisAdd, &scale, d->nblocks);
}

/* The columns of the cycle that x does not hold yet: how many, and the small system */
PetscErrorCode FurlKSPFetchColumns(KSP ksp)
{
  KSP_Furl      *f = (KSP_Furl *)ksp->data;
  FurlKSPDevice *d = f->device;
  KspState       state;

  PetscFunctionBegin;
  f->inner = 0;
  FurlQueueCopy(&d->queue, f->hess, d->hess, FurlKSPGMRESNumbers(f->nhess) * sizeof(*f->hess), FURL_COPY_DOWN);
  PetscCall(FurlKSPFetchState(d, &state));
  if (d->queue.device->status == FURL_DEVICE_OK) f->inner = state.inner;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* v += Z y for the columns there; v of the device */
static void EnqueueSolution(const KSP_Furl *f, FurlKSPDevice *d, const PetscReal *y, double *v)
{
  const KspBasisAddArgs add = {.V = d->Z, .total = d->total, .w = v, .factor = 1, .n = d->n, .ld = d->n, .count = (int)f->inner};

  FurlQueueCopy(&d->queue, d->total, y, (size_t)f->inner * sizeof(*y), FURL_COPY_UP);
  FurlRun(&d->queue, &FurlKernelKspBasisAdd, &add, d->nblocks);
}

/* The same for a vector of the host's, while a cycle is on its way and nothing runs ahead. Where the device fails v is left as it is */
PetscErrorCode FurlKSPDeviceSolution(KSP ksp, const PetscReal *y, Vec v)
{
  const KSP_Furl *f = (const KSP_Furl *)ksp->data;
  FurlKSPDevice  *d = f->device;

  PetscFunctionBegin;
  FurlQueueFill(&d->queue, d->q, (size_t)d->n * sizeof(*d->q));
  EnqueueSolution(f, d, y, d->q);
  PetscCall(FurlKSPCopyOut(d, d->q, FurlKSPz(f)));
  if (d->queue.device->status == FURL_DEVICE_OK) PetscCall(VecAXPY(v, 1, FurlKSPz(f)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Adds the columns to x, which is kept until the true residual has judged them */
static PetscErrorCode Finish(KSP ksp, FurlKSPDevice *d)
{
  KSP_Furl  *f = (KSP_Furl *)ksp->data;
  PetscReal *y;

  PetscFunctionBegin;
  PetscCall(FurlKSPFetchColumns(ksp));
  if (d->queue.device->status != FURL_DEVICE_OK) PetscFunctionReturn(PETSC_SUCCESS);
  if (ksp->normtype != KSP_NORM_NONE && !f->best_saved)
    FurlQueueCopy(&d->queue, d->best, d->x, (size_t)d->n * sizeof(*d->x), FURL_COPY_ACROSS);
  PetscCall(FurlKSPGMRESCoefficients(ksp, &y));
  if (f->inner) EnqueueSolution(f, d, y, d->x);
  if (ksp->calc_sings) PetscCall(FurlKSPGMRESSingularValues(ksp, &f->cycles_largest, &f->cycles_smallest));
  f->inner = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The residual that the next cycle begins with; *more is false where there is nothing for it to do */
static PetscErrorCode Renew(KSP ksp, FurlKSPDevice *d, PetscReal before, PetscBool *more)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;
  KspNews   news;

  PetscFunctionBegin;
  *more = PETSC_FALSE;
  PetscCall(FurlKSPEnqueueResidual(ksp, d, d->V));
  if (d->fed) PetscCall(FurlKSPFetchX(ksp, d)); /* what the next columns come on top of */
  if (!FurlKSPHear(d, &news)) PetscFunctionReturn(PETSC_SUCCESS);
  f->rnorm = news.rnorm;
  f->norm  = f->rnorm / f->sigma;
  KSPCheckNorm(ksp, f->norm);
  FurlKSPGMRESJudge(ksp);
  *more = f->rnorm == 0 || (f->target && FurlKSPGMRESGotNowhere(f, before)) ? PETSC_FALSE : PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Runs as FurlKSPRunGMRES() does. Where the device fails, x is no iterate that anything is known of */
PetscErrorCode FurlKSPRunGMRESDevice(KSP ksp, FurlDeviceStatus *status)
{
  KSP_Furl      *f    = (KSP_Furl *)ksp->data;
  FurlKSPDevice *d    = f->device;
  PetscBool      more = PETSC_TRUE;
  KspStop        stop;

  PetscFunctionBegin;
  PetscCall(FurlKSPGMRESPrepare(f)); /* for the columns that were asked for, whatever a cycle on the CPU has made of it */
  f->tau           = 1;
  f->columns_there = PETSC_TRUE;
  PetscCall(FurlKSPUpload(ksp, d, d->V));
  while (more && d->queue.device->status == FURL_DEVICE_OK) {
    const PetscReal before = f->norm;

    stop = KSP_STEP_GOES_ON;
    EnqueueCycle(f, d);
    PetscCall(FurlKSPIterate(ksp, d, EnqueueColumn, &stop));
    if (d->queue.device->status == FURL_DEVICE_OK) PetscCall(Finish(ksp, d));
    more = !ksp->reason && stop == KSP_STEP_END && f->cause == FURL_KSP_CAUSES ? PETSC_TRUE : PETSC_FALSE;
    if (more) PetscCall(Renew(ksp, d, before, &more));
  }
  f->inner         = 0;
  f->columns_there = PETSC_FALSE;
  if (d->queue.device->status == FURL_DEVICE_OK) PetscCall(FurlKSPSettle(ksp, d));
  *status = d->queue.device->status;
  if (*status != FURL_DEVICE_OK || ksp->reason || f->cause != FURL_KSP_CLAIM) PetscFunctionReturn(PETSC_SUCCESS);
  FurlKSPGMRESJudge(ksp);
  if (f->best_saved) PetscCall(FurlKSPFetchBest(ksp, d));
  *status = d->queue.device->status;
  PetscFunctionReturn(PETSC_SUCCESS);
}
