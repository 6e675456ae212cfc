/* Whether a solve runs on a device, and what it needs there: matrix, preconditioner and vectors in one arena, kept from solve to solve */
#include "kspfurlimpl.h"
#include "kernels/ksplaunch.h"
#include "kspdevice.h"
#include <furl/chosendevice.h>

#define SMALL 32768 /* rows: fewer are left to the CPU where no device was asked for by name, as launches cost more than the work */

/* 2^-e and 2^e where size is in 2^e [1, 2); as the device does it */
void FurlKSPSetPowers(PetscReal size, double power[2])
{
  const int e = size > 0 && !PetscIsInfOrNanReal(size) ? PetscMax(-500, PetscMin(500, ilogb(size))) : 0;

  power[0] = ldexp(1, -e);
  power[1] = ldexp(1, e);
}

/* The device for this system, or NULL; why: a static string or one of the device's */
PetscErrorCode FurlKSPDeviceWanted(KSP ksp, FurlDevice **device)
{
  KSP_Furl   *f = (KSP_Furl *)ksp->data;
  PetscMPIInt size;
  PetscInt    N;
  Mat         A;

  PetscFunctionBegin;
  *device = NULL;
  if (f->device_failed) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  PetscCall(MatGetSize(A, &N, NULL));
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)ksp), &size));
  PetscCall(FurlDeviceGet(device, &f->why_host));
  if (!*device) PetscFunctionReturn(PETSC_SUCCESS);
  f->why_host = NULL;
  if (N < SMALL && !FurlDeviceInsisted()) f->why_host = "the system is small";
  if (size > 1) f->why_host = "it is divided among processes";
  if (f->why_host) *device = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Methods that know no devices */
PetscErrorCode FurlKSPStayOnHost(KSP ksp)
{
  KSP_Furl   *f = (KSP_Furl *)ksp->data;
  FurlDevice *device;

  PetscFunctionBegin;
  PetscCall(FurlKSPDeviceWanted(ksp, &device));
  if (!device) PetscFunctionReturn(PETSC_SUCCESS);
  f->why_host = "the method is not conjugate gradients";
  PetscCall(PetscInfo(ksp, "On the CPU: %s\n", f->why_host));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the recurrence on a device does not know; NULL: it serves */
static PetscErrorCode WhyNot(KSP ksp, const char **why)
{
  const KSP_Furl *f = (const KSP_Furl *)ksp->data;
  MatNullSpace    space;
  Mat             A;

  PetscFunctionBegin;
  *why = NULL;
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  PetscCall(MatGetNullSpace(A, &space));
  if (space) *why = "the matrix has a null space";
  if (ksp->transpose_solve) *why = "the transpose is solved with";
  if (!f->plain) *why = "the vectors are not PETSc's host vectors";
  if (!f->F || f->own_product) *why = "the products are Amat's own";
  if (ksp->normtype != KSP_NORM_UNPRECONDITIONED && ksp->normtype != KSP_NORM_NONE) *why = "the norm needs the preconditioner";
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void PlanVector(FurlKSPDevice *d, size_t numbers, void *pointer)
{
  FurlArenaAdd(&d->arena, FURL_PURPOSE_VECTORS, &(FurlPlacement){.pointer = pointer, .bytes = numbers * sizeof(double)});
}

static PetscErrorCode PlanRows(const KSP_Furl *f, FurlKSPDevice *d)
{
  PetscFunctionBegin;
  d->nrows = f->nisolated;
  if (!d->nrows) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(d->nrows, &d->rows));
  for (int64_t k = 0; k < d->nrows; k++) d->rows[k] = f->isolated[k];
  FurlArenaAdd(&d->arena, FURL_PURPOSE_MATRIX,
               &(FurlPlacement){.pointer = (void **)&d->row, .from = d->rows, .bytes = (size_t)d->nrows * sizeof(*d->rows)});
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Names everything; *why is set where something cannot be there */
static PetscErrorCode Plan(KSP ksp, FurlKSPDevice *d, const char **why)
{
  KSP_Furl          *f = (KSP_Furl *)ksp->data;
  FurlMatGetMatrixFn get;
  FurlPCGetDeviceFn  get_pc;
  const FurlMatrix  *matrix;
  double **const     vectors[6] = {&d->x, &d->r, &d->z, &d->p, &d->q, &d->best};

  PetscFunctionBegin;
  PetscCall(PetscObjectQueryFunction((PetscObject)ksp->pc, "PCFurlGetDevice_C", &get_pc));
  PetscCall(PetscObjectQueryFunction((PetscObject)f->F, "MatFurlGetMatrix_C", &get));
  PetscCall(PetscObjectQueryFunction((PetscObject)f->F, "MatFurlEnqueueMult_C", &d->mult));
  *why = "the preconditioner knows no devices";
  if (!get_pc) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall((*get_pc)(ksp->pc, &d->pc));
  PetscCall((*d->pc.plan)(ksp->pc, &d->arena, &d->queue, why));
  if (*why) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall((*get)(f->F, &matrix));
  FurlSlicesPlan(&matrix->diagonal, &d->arena, FURL_PURPOSE_MATRIX, &d->matrix);
  PetscCall(PlanRows(f, d));
  PetscCall(VecGetLocalSize(FurlKSPr(f), &d->n));
  d->nblocks = (d->n + FURL_KSP_BLOCK - 1) / FURL_KSP_BLOCK;
  d->nslices = matrix->diagonal.nslices;
  for (int k = 0; k < 6; k++) PlanVector(d, (size_t)d->n, vectors[k]);
  PlanVector(d, (size_t)PetscMax(3 * d->nblocks, d->nslices), &d->partial);
  PlanVector(d, (size_t)PetscMax(3 * d->nblocks, d->nslices) / KSP_SUMS + 4, &d->sum);
  PlanVector(d, (sizeof(KspState) + sizeof(double) - 1) / sizeof(double), &d->state);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlKSPLeaveDevice(KSP ksp)
{
  KSP_Furl         *f      = (KSP_Furl *)ksp->data;
  FurlKSPDevice    *d      = f->device;
  FurlPCGetDeviceFn get_pc = NULL;

  PetscFunctionBegin;
  if (!d) PetscFunctionReturn(PETSC_SUCCESS);
  if (ksp->pc) PetscCall(PetscObjectQueryFunction((PetscObject)ksp->pc, "PCFurlGetDevice_C", &get_pc));
  if (get_pc) PetscCall((*get_pc)(ksp->pc, &d->pc));
  /* what is enqueued still may read what is freed below */
  if (d->copies.stream && d->copies.device->status == FURL_DEVICE_OK) (void)FurlQueueWait(&d->copies);
  if (d->queue.stream && d->queue.device->status == FURL_DEVICE_OK) (void)FurlQueueWait(&d->queue);
  if (get_pc && d->pc.arena == &d->arena) PetscCall((*d->pc.forget)(ksp->pc));
  if (d->news) d->queue.device->ops->unmap(d->queue.device, d->news);
  FurlArenaFree(&d->arena);
  FurlQueueDestroy(&d->copies);
  FurlQueueDestroy(&d->queue);
  PetscCall(PetscFree(d->rows));
  PetscCall(PetscFree(f->device));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The device failed: an error where it was asked for by name, else the CPU from now on */
PetscErrorCode FurlKSPDeviceFailed(KSP ksp, FurlDeviceStatus status)
{
  KSP_Furl  *f = (KSP_Furl *)ksp->data;
  FurlDevice device;

  PetscFunctionBegin;
  PetscCall(PetscStrncpy(f->why_text, f->device->queue.device->message, sizeof(f->why_text)));
  device = *f->device->queue.device;
  PetscCall(FurlKSPLeaveDevice(ksp));
  f->device_failed = PETSC_TRUE;
  f->why_host      = f->why_text;
  PetscCheck(!FurlDeviceInsisted(), PETSC_COMM_SELF, status == FURL_DEVICE_MEMORY ? PETSC_ERR_MEM : PETSC_ERR_GPU,
             "Device %s:%d: %s; -furl_device auto goes on on the CPU", device.ops->name, device.ordinal, f->why_text);
  PetscCall(PetscInfo(ksp, "On the CPU: %s\n", f->why_text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static FurlDeviceStatus NoNews(FurlDevice *device)
{
  if (device->status != FURL_DEVICE_OK) return device->status;
  (void)PetscStrncpy(device->message, "no host memory that the device can write to", sizeof(device->message));
  return FURL_DEVICE_MEMORY;
}

static PetscErrorCode Place(KSP ksp, FurlDevice *device)
{
  KSP_Furl        *f = (KSP_Furl *)ksp->data;
  FurlKSPDevice   *d;
  FurlDeviceStatus status = FURL_DEVICE_FAILED;

  PetscFunctionBegin;
  PetscCall(PetscNew(&f->device));
  d = f->device;
  FurlArenaInit(&d->arena, device);
  d->copies.device = d->queue.device = device;
  if (FurlQueueCreate(device, &d->queue) && FurlQueueCreate(device, &d->copies)) {
    PetscCall(Plan(ksp, d, &f->why_host));
    if (f->why_host) {
      PetscCall(FurlKSPLeaveDevice(ksp));
      PetscFunctionReturn(PETSC_SUCCESS);
    }
    status = FurlArenaPlace(&d->arena, &d->queue);
    if (status == FURL_DEVICE_OK) d->news = device->ops->map(device, KSP_NEWS * sizeof(*d->news), (void **)&d->news_there);
    if (status == FURL_DEVICE_OK && !d->news) status = NoNews(device);
    if (d->news) PetscCall(PetscArrayzero(d->news, KSP_NEWS));
    if (status == FURL_DEVICE_OK && !FurlQueueWait(&d->queue)) status = device->status;
  }
  if (status != FURL_DEVICE_OK) PetscCall(FurlKSPDeviceFailed(ksp, status));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Brings the system to the device where it is not there already; *serves is false where the CPU has to do it */
PetscErrorCode FurlKSPPlace(KSP ksp, PetscBool *serves)
{
  KSP_Furl         *f = (KSP_Furl *)ksp->data;
  FurlDevice       *device;
  FurlPCGetDeviceFn get_pc;
  const char       *why = NULL;

  PetscFunctionBegin;
  *serves = PETSC_FALSE;
  PetscCall(FurlKSPDeviceWanted(ksp, &device));
  if (!device) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(WhyNot(ksp, &why));
  if (why) {
    f->why_host = why;
    PetscCall(PetscInfo(ksp, "On the CPU: %s\n", why));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscObjectQueryFunction((PetscObject)ksp->pc, "PCFurlGetDevice_C", &get_pc));
  if (f->device && get_pc) PetscCall((*get_pc)(ksp->pc, &f->device->pc));
  if (f->device && !(get_pc && f->device->pc.arena == &f->device->arena))
    PetscCall(FurlKSPLeaveDevice(ksp)); /* the preconditioner is another one by now */
  if (!f->device) PetscCall(Place(ksp, device));
  if (!f->device && f->why_host) PetscCall(PetscInfo(ksp, "On the CPU: %s\n", f->why_host));
  *serves = f->device ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What the view says */
PetscErrorCode FurlKSPViewDevice(KSP ksp, PetscViewer viewer)
{
  const KSP_Furl            *f = (const KSP_Furl *)ksp->data;
  const FurlKSPDevice *const d = f->device;
  FurlDeviceProperties       p = {.memory = 0};

  PetscFunctionBegin;
  if (!d && f->why_host && f->why_host[0]) PetscCall(PetscViewerASCIIPrintf(viewer, "  on the CPU: %s\n", f->why_host));
  if (!d || d->queue.device->status != FURL_DEVICE_OK) PetscFunctionReturn(PETSC_SUCCESS);
  d->queue.device->ops->properties(d->queue.device, &p);
  PetscCall(PetscViewerASCIIPrintf(viewer, "  on device %s:%d, %s: %zu bytes (matrix %zu, levels %zu, vectors %zu)\n",
                                   d->queue.device->ops->name, d->queue.device->ordinal, p.name, d->arena.bytes,
                                   d->arena.purpose[FURL_PURPOSE_MATRIX], d->arena.purpose[FURL_PURPOSE_LEVELS],
                                   d->arena.purpose[FURL_PURPOSE_VECTORS]));
  PetscCall(
    PetscViewerASCIIPrintf(viewer, "  device memory at most %zu bytes, %zu of %zu free\n", d->queue.device->most, p.free, p.memory));
  PetscFunctionReturn(PETSC_SUCCESS);
}
