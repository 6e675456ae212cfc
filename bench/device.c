/*
  Furl's products and a triad on a device, through Furl's own table of functions, with nothing of PETSc between them and the clock. Links
  Furl's objects, which no other file of the benchmark does: bench.h.
*/
#include "bench.h"

#include <petsctime.h>
#include <petscfurl.h>
#include <furl/chosendevice.h>
#include <furl/compose.h>
#include <furl/slicesdevice.h>
#include "ksp/kernels/ksplaunch.h"
#include "mat/format/streamed.h"

#define TRIAD_ROOM .25                          /* of the memory that a GPU has free, at most */
#define TRIAD_LENGTH ((int64_t)1 << 26)         /* doubles, on a GPU: 512 MB a vector */
#define TRIAD_LENGTH_OF_HOST ((int64_t)1 << 21) /* where the device is none */
#define TRIAD_PASSES 20

struct BenchDevice {
  FurlQueue            queue;
  FurlArena            arena;
  FurlSlices           slices; /* of the matrix, there */
  Mat                  A;      /* the same on the host, not owned */
  double              *x, *y;  /* [columns], [rows], there */
  double               bytes;  /* of the matrix, read by a product */
  FurlMatEnqueueMultFn mult;
};

PetscErrorCode BenchDeviceOpen(const char name[], char title[], size_t size)
{
  FurlDeviceProperties p;
  FurlDevice          *device;
  const char          *why;
  PetscBool            host;

  PetscFunctionBegin;
  PetscCall(PetscFurlInitializePackage());
  PetscCall(PetscStrcmp(name, "host", &host));
  PetscCall(FurlDeviceOffer(host ? &FurlDeviceHost : NULL));
  PetscCall(PetscFurlSetDevice(name));
  PetscCall(FurlDeviceGet(&device, &why));
  PetscCheck(device, PETSC_COMM_SELF, PETSC_ERR_GPU, "-bench_device %s: %s", name, why[0] ? why : "no device");
  device->ops->properties(device, &p);
  PetscCall(PetscSNPrintf(title, size, "%s", p.name));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whatever a device fails at shows here */
static PetscErrorCode Wait(FurlQueue *queue)
{
  PetscFunctionBegin;
  PetscCheck(FurlQueueWait(queue), PETSC_COMM_SELF, PETSC_ERR_GPU, "%s", queue->device->message);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Place(FurlArena *arena, FurlQueue *queue)
{
  PetscFunctionBegin;
  PetscCheck(FurlArenaPlace(arena, queue) == FURL_DEVICE_OK, PETSC_COMM_SELF, PETSC_ERR_MEM, "%s", arena->device->message);
  PetscCall(Wait(queue));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BenchDeviceCreate(Mat furl, Vec x, BenchDevice **d)
{
  FurlDevice        *device;
  FurlMatGetMatrixFn get;
  const FurlMatrix  *matrix;
  const PetscScalar *values;
  MatFurlReadType    read;

  PetscFunctionBegin;
  PetscCall(PetscNew(d));
  PetscCall(FurlDeviceGet(&device, NULL));
  PetscCall(PetscObjectQueryFunction((PetscObject)furl, "MatFurlGetMatrix_C", &get));
  PetscCall(PetscObjectQueryFunction((PetscObject)furl, "MatFurlEnqueueMult_C", &(*d)->mult));
  PetscCall((*get)(furl, &matrix));
  PetscCall(MatFurlGetReadType(furl, &read));
  (*d)->A     = furl;
  (*d)->bytes = FurlSlicesStreamedBytes(&matrix->diagonal, (FurlStreamedRead)read);
  PetscCall(VecGetArrayRead(x, &values));
  FurlArenaInit(&(*d)->arena, device);
  FurlSlicesPlan(&matrix->diagonal, &(*d)->arena, FURL_PURPOSE_MATRIX, &(*d)->slices);
  FurlArenaAdd(&(*d)->arena, FURL_PURPOSE_VECTORS,
               &(FurlPlacement){.pointer = (void **)&(*d)->x, .from = values, .bytes = (size_t)matrix->diagonal.ncols * sizeof(double)});
  FurlArenaAdd(&(*d)->arena, FURL_PURPOSE_VECTORS,
               &(FurlPlacement){.pointer = (void **)&(*d)->y, .bytes = (size_t)matrix->diagonal.nrows * sizeof(double)});
  PetscCheck(FurlQueueCreate(device, &(*d)->queue), PETSC_COMM_SELF, PETSC_ERR_GPU, "%s", device->message);
  PetscCall(Place(&(*d)->arena, &(*d)->queue));
  PetscCall(VecRestoreArrayRead(x, &values));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BenchDeviceMult(BenchDevice *d, PetscInt count)
{
  PetscFunctionBegin;
  for (PetscInt k = 0; k < count; k++) PetscCall((*d->mult)(d->A, &d->queue, &d->slices, d->x, d->y, NULL));
  PetscCall(Wait(&d->queue));
  PetscFunctionReturn(PETSC_SUCCESS);
}

double BenchDeviceBytes(const BenchDevice *d)
{
  return d->bytes;
}

PetscErrorCode BenchDeviceResult(BenchDevice *d, Vec y)
{
  PetscScalar *values;
  PetscInt     n;

  PetscFunctionBegin;
  PetscCall(VecGetLocalSize(y, &n));
  PetscCall(VecGetArrayWrite(y, &values));
  FurlQueueCopy(&d->queue, values, d->y, (size_t)n * sizeof(double), FURL_COPY_DOWN);
  PetscCall(Wait(&d->queue));
  PetscCall(VecRestoreArrayWrite(y, &values));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BenchDeviceDestroy(BenchDevice **d)
{
  PetscFunctionBegin;
  if (!*d) PetscFunctionReturn(PETSC_SUCCESS);
  FurlArenaFree(&(*d)->arena);
  FurlQueueDestroy(&(*d)->queue);
  PetscCall(PetscFree(*d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* p = z + beta p, the iteration's own kernel: reads two vectors and writes one, as STREAM's triad does. Bytes a second */
PetscErrorCode BenchDeviceTriad(double *bandwidth)
{
  FurlDeviceProperties properties;
  KspDirectionArgs     args = {.beta = .5};
  FurlDevice          *device;
  FurlQueue            queue;
  FurlArena            arena;
  PetscLogDouble       start, end;

  PetscFunctionBegin;
  PetscCall(FurlDeviceGet(&device, NULL));
  device->ops->properties(device, &properties);
  args.n = device->ops == &FurlDeviceHost ? TRIAD_LENGTH_OF_HOST : TRIAD_LENGTH;
  if (properties.free) args.n = PetscMin(args.n, (int64_t)(TRIAD_ROOM * (double)properties.free / (2 * sizeof(double))));
  FurlArenaInit(&arena, device);
  FurlArenaAdd(&arena, FURL_PURPOSE_VECTORS, &(FurlPlacement){.pointer = (void **)&args.z, .bytes = (size_t)args.n * sizeof(double)});
  FurlArenaAdd(&arena, FURL_PURPOSE_VECTORS, &(FurlPlacement){.pointer = (void **)&args.p, .bytes = (size_t)args.n * sizeof(double)});
  PetscCheck(FurlQueueCreate(device, &queue), PETSC_COMM_SELF, PETSC_ERR_GPU, "%s", device->message);
  PetscCall(Place(&arena, &queue));
  FurlQueueLaunch(&queue, &FurlKernelKspDirection, &args, 0, (args.n + FURL_KSP_BLOCK - 1) / FURL_KSP_BLOCK); /* finds the kernel */
  PetscCall(Wait(&queue));
  PetscCall(PetscTime(&start));
  for (int k = 0; k < TRIAD_PASSES; k++)
    FurlQueueLaunch(&queue, &FurlKernelKspDirection, &args, 0, (args.n + FURL_KSP_BLOCK - 1) / FURL_KSP_BLOCK);
  PetscCall(Wait(&queue));
  PetscCall(PetscTime(&end));
  *bandwidth = 3. * sizeof(double) * (double)args.n * TRIAD_PASSES / (end - start);
  FurlArenaFree(&arena);
  FurlQueueDestroy(&queue);
  PetscFunctionReturn(PETSC_SUCCESS);
}
