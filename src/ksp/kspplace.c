/* Whether a solve runs on a device, and what it needs there: matrix, preconditioner and vectors in one arena, kept from solve to solve */
#include "kspfurlimpl.h"
#include "kspdevice.h"
#include <petsc/private/matimpl.h>
#include <furl/chosendevice.h>

#define SPARE ((size_t)64 << 20) /* bytes that stay free beside a basis of GMRES, for the driver and the rounding of sizes */
#define FEWEST 5                 /* columns with which GMRES is worth running */
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
  if (size > 1) f->why_host = "it is divided among processes (docs/device.md: -pc_type telescope)";
  if (f->why_host) *device = NULL;
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
  if (space && space->remove) *why = "the null space is a function's";
  if (f->running != KSP_FURL_CG && f->tau != 0 && f->tau != 1) *why = "the units of the matrix are extreme";
  if (ksp->transpose_solve) *why = "the transpose is solved with";
  if (!f->F || f->own_product) *why = "the products are Amat's own";
  if (ksp->normtype != KSP_NORM_UNPRECONDITIONED && ksp->normtype != KSP_NORM_NONE) *why = "the norm needs the preconditioner";
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Doubles, zero */
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

/* Columns of GMRES that fit beside what is named already, at most those that were asked for: V, Z, and a partial sum for each block */
static PetscErrorCode PlanColumns(KSP_Furl *f, FurlKSPDevice *d)
{
  const size_t vector = (size_t)d->n * sizeof(double), column = 2 * vector + (size_t)d->nblocks * sizeof(double);
  const size_t room = FurlDeviceRoom(d->queue.device, SPARE);
  size_t       taken;

  PetscFunctionBegin;
  PetscCall(FurlKSPGMRESPrepare(f));
  taken      = FurlArenaBytes(&d->arena) + FurlKSPGMRESNumbers(f->nhess) * sizeof(double) + 2 * column;
  d->asked   = f->columns;
  d->columns = f->columns;
  if (column) d->columns = room > taken ? (PetscInt)PetscMin((size_t)f->columns, (room - taken) / column) : 0;
  d->columns = PetscMax(d->columns, PetscMin(f->columns, FEWEST)); /* where these do not fit either, that is said as of any system */
  PlanVector(d, (size_t)(d->columns + 1) * (size_t)d->n, &d->V);
  PlanVector(d, (size_t)d->columns * (size_t)d->n, &d->Z);
  PlanVector(d, FurlKSPGMRESNumbers(f->nhess), &d->hess);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What passes over several vectors need: partial sums of each, and twice what these become on the way to one */
static void PlanSums(FurlKSPDevice *d)
{
  const size_t vectors = (size_t)PetscMax(3, PetscMax(d->columns + 2, d->nnull));
  const size_t sums    = (size_t)PetscMax((int64_t)vectors * d->nblocks, d->nslices);

  PlanVector(d, sums, &d->partial);
  PlanVector(d, sums / KSP_SUMS + vectors + 1, &d->sum);
  PlanVector(d, vectors, &d->total);
}

static PetscErrorCode PlanNullSpace(MatNullSpace space, FurlKSPDevice *d)
{
  PetscFunctionBegin;
  if (!space) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectGetId((PetscObject)space, &d->space));
  PetscCall(MatNullSpaceGetVecs(space, &d->constants, &d->nnull, NULL));
  if (d->nnull) PlanVector(d, (size_t)d->nnull * (size_t)d->n, &d->null);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PlaceNullSpace(KSP ksp, FurlKSPDevice *d)
{
  MatNullSpace space;
  Mat          A;
  const Vec   *vecs;

  PetscFunctionBegin;
  if (!d->nnull) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  PetscCall(MatGetNullSpace(A, &space));
  PetscCall(MatNullSpaceGetVecs(space, NULL, NULL, &vecs));
  for (PetscInt k = 0; k < d->nnull; k++) PetscCall(FurlKSPCopyIn(d, vecs[k], d->null + k * d->n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Names everything; *why is set where something cannot be there */
static PetscErrorCode Plan(KSP ksp, FurlKSPDevice *d, const char **why)
{
  KSP_Furl          *f = (KSP_Furl *)ksp->data;
  FurlMatGetMatrixFn get;
  FurlPCGetDeviceFn  get_pc;
  const FurlMatrix  *matrix;
  MatNullSpace       space;
  Mat                A;
  PetscInt           n;
  double **const     vectors[9] = {&d->b, &d->x, &d->q, &d->best, &d->r, &d->z, &d->p, &d->t, &d->shadow};
  const int          nvectors   = f->running == KSP_FURL_GMRES ? 4 : f->running == KSP_FURL_CG ? 7 : 9;

  PetscFunctionBegin;
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  PetscCall(MatGetNullSpace(A, &space));
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
  PetscCall(VecGetLocalSize(FurlKSPr(f), &n));
  d->n       = n;
  d->nblocks = (d->n + FURL_KSP_BLOCK - 1) / FURL_KSP_BLOCK;
  d->nslices = matrix->diagonal.nslices;
  d->product = 2 * (double)matrix->diagonal.nnz;
  d->method  = f->running;
  for (int k = 0; k < nvectors; k++) PlanVector(d, (size_t)d->n, vectors[k]);
  PlanVector(d, (sizeof(KspState) + sizeof(double) - 1) / sizeof(double), &d->state);
  PetscCall(PlanNullSpace(space, d));
  if (d->method == KSP_FURL_GMRES) PetscCall(PlanColumns(f, d));
  PlanSums(d);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlKSPLeaveDevice(KSP ksp)
{
  KSP_Furl         *f      = (KSP_Furl *)ksp->data;
  FurlKSPDevice    *d      = f->device;
  FurlPCGetDeviceFn get_pc = NULL;

  PetscFunctionBegin;
  if (!d) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectQueryFunction((PetscObject)d->owner, "PCFurlGetDevice_C", &get_pc));
  if (get_pc) PetscCall((*get_pc)(d->owner, &d->pc));
  /* what is enqueued still may read what is freed below */
  if (d->queue.stream) d->queue.device->ops->stream_wait(d->queue.device, d->queue.stream);
  if (d->queue.device) FurlGraphForget(d->queue.device, &d->graph);
  if (get_pc && d->pc.arena == &d->arena) PetscCall((*d->pc.forget)(d->owner));
  if (d->news) d->queue.device->ops->unmap(d->queue.device, d->news);
  FurlArenaFree(&d->arena);
  FurlQueueDestroy(&d->queue);
  PetscCall(PetscFree(d->rows));
  PetscCall(PCDestroy(&d->owner));
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
  d->error = -1;
  d->owner = ksp->pc;
  PetscCall(PetscObjectReference((PetscObject)ksp->pc));
  d->queue.device = device;
  if (FurlQueueCreate(device, &d->queue)) {
    PetscCall(Plan(ksp, d, &f->why_host));
    if (f->why_host) {
      PetscCall(FurlKSPLeaveDevice(ksp));
      PetscFunctionReturn(PETSC_SUCCESS);
    }
    status = FurlArenaPlace(&d->arena, &d->queue);
    if (status == FURL_DEVICE_OK) PetscCall(PlaceNullSpace(ksp, d));
    if (status == FURL_DEVICE_OK) d->news = device->ops->map(device, KSP_NEWS * sizeof(*d->news), (void **)&d->news_there);
    if (status == FURL_DEVICE_OK && !d->news) status = NoNews(device);
    if (d->news) PetscCall(PetscArrayzero(d->news, KSP_NEWS));
    if (status == FURL_DEVICE_OK && !FurlQueueWait(&d->queue)) status = device->status;
  }
  if (status != FURL_DEVICE_OK) PetscCall(FurlKSPDeviceFailed(ksp, status));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Does what is there serve for this run, with the preconditioner and the null space as they are? */
static PetscErrorCode IsPlaced(KSP ksp, FurlPCGetDeviceFn get_pc, PetscBool *placed)
{
  const KSP_Furl      *f     = (const KSP_Furl *)ksp->data;
  FurlKSPDevice *const d     = f->device;
  PetscObjectId        id    = 0;
  const PetscInt       asked = f->running == KSP_FURL_GMRES ? f->columns : 0;
  MatNullSpace         space;
  Mat                  A;

  PetscFunctionBegin;
  PetscCall(PCGetOperators(ksp->pc, &A, NULL));
  PetscCall(MatGetNullSpace(A, &space));
  if (space) PetscCall(PetscObjectGetId((PetscObject)space, &id));
  if (get_pc) PetscCall((*get_pc)(ksp->pc, &d->pc));
  *placed = get_pc && d->owner == ksp->pc && d->pc.arena == &d->arena && d->space == id && d->method == f->running && d->asked == asked
              ? PETSC_TRUE
              : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Brings the system to the device where it is not there already; *serves is false where the CPU has to do it */
PetscErrorCode FurlKSPPlace(KSP ksp, PetscBool *serves)
{
  KSP_Furl         *f = (KSP_Furl *)ksp->data;
  FurlDevice       *device;
  FurlPCGetDeviceFn get_pc;
  const char       *why    = NULL;
  PetscBool         placed = PETSC_FALSE;

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
  PetscCall(PCSetUp(ksp->pc)); /* one that KSPSetPC() brought since: up to 3.18 KSPSetUp() leaves that to its first application */
  PetscCall(PetscObjectQueryFunction((PetscObject)ksp->pc, "PCFurlGetDevice_C", &get_pc));
  if (f->device) PetscCall(IsPlaced(ksp, get_pc, &placed));
  if (f->device && !placed) PetscCall(FurlKSPLeaveDevice(ksp));
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
