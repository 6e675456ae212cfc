/*
  The back end for NVIDIA's GPUs, by the driver interface alone. It uses the primary context of the device, which is the one that CUDA's
  runtime uses, so that PETSc and Furl share it; the context is current only while one of these functions runs.
*/
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <furl/device.h>
#include "cudadriver.h"
#include "fatbins.h"

#define TABLE 256 /* places for kernels, a power of two well above their number */

typedef struct {
  const FurlKernel *kernel;
  CudaHandle        function;
} Found;

typedef struct {
#define MEMBER(name, symbol, arguments) CudaResult(*name) arguments;
  CUDA_FUNCTIONS(MEMBER)
#undef MEMBER
  void      *library;
  CudaDevice device;
  CudaHandle context;
  CudaHandle module[FURL_FATBINS];
  Found      found[TABLE];       /* hashed by the address of the kernel */
  int        recording, spoiled; /* ... by something that it could not take */
} Cuda;

/* Success, or the first failure is kept under the name of what was tried */
static int Check(FurlDevice *device, CudaResult result, const char *what)
{
  Cuda *const cuda = device->data;
  const char *name = NULL;
  char        text[64];

  if (result == CUDA_OK) return 1;
  if (cuda->recording) {
    cuda->spoiled = 1;
    return 0;
  }
  if (cuda->error_name(result, &name) != CUDA_OK || !name) {
    (void)snprintf(text, sizeof(text), "CUDA error %d", result);
    name = text;
  }
  FurlDeviceFail(device, result == CUDA_MEMORY ? FURL_DEVICE_MEMORY : FURL_DEVICE_FAILED, what, name);
  return 0;
}

static Cuda *Enter(FurlDevice *device)
{
  Cuda *const cuda = device->data;

  (void)Check(device, cuda->context_push(cuda->context), "cuCtxPushCurrent");
  return cuda;
}

static void Leave(const Cuda *cuda)
{
  CudaHandle before;

  (void)cuda->context_pop(&before);
}

static int LoadDriver(FurlDevice *device, Cuda *cuda)
{
  const char *missing = NULL;

  cuda->library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!cuda->library) {
    FurlDeviceFail(device, FURL_DEVICE_ABSENT, "no NVIDIA driver", "libcuda.so.1 cannot be opened");
    return 0;
  }
#define FIND(name, symbol, arguments)                    \
  *(void **)&cuda->name = dlsym(cuda->library, #symbol); \
  if (!cuda->name) missing = #symbol;
  CUDA_FUNCTIONS(FIND)
#undef FIND
  if (missing) FurlDeviceFail(device, FURL_DEVICE_ABSENT, "the NVIDIA driver is too old for Furl, which needs one of CUDA 11.4", missing);
  return !missing;
}

/* Number of this process among those of its node, as launchers tell it; 0 where none does */
static int LocalRank(void)
{
  static const char *const names[] = {"MPI_LOCALRANKID", "OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID", "PMI_LOCAL_RANK"};
  const char              *value   = NULL;

  for (size_t k = 0; k < sizeof(names) / sizeof(*names) && !value; k++) value = getenv(names[k]);
  return value ? abs(atoi(value)) : 0;
}

/* The device of the context that is current, which is the one that PETSc chose if it has; else by turns */
static int ChooseDevice(const Cuda *cuda, int count)
{
  CudaDevice current, device;

  if (cuda->context_device(&current) == CUDA_OK)
    for (int k = 0; k < count; k++)
      if (cuda->device_get(&device, k) == CUDA_OK && device == current) return k;
  return count ? LocalRank() % count : 0;
}

/* Absence of a device is nothing that a driver call needs to be blamed for by number: its name says it */
static int FindDevice(FurlDevice *device, Cuda *cuda, int ordinal)
{
  int        count  = 0;
  CudaResult result = cuda->init(0);

  if (result == CUDA_OK) result = cuda->device_count(&count);
  if (ordinal == FURL_DEVICE_ANY) device->ordinal = ordinal = ChooseDevice(cuda, count);
  if (result == CUDA_OK && ordinal < count) result = cuda->device_get(&cuda->device, ordinal);
  (void)Check(device, result, "no GPU answers");
  if (result == CUDA_OK && ordinal >= count) {
    char text[64];

    (void)snprintf(text, sizeof(text), "device %d was asked for", ordinal);
    FurlDeviceFail(device, FURL_DEVICE_ABSENT, count ? "there are fewer GPUs" : "there is no GPU", text);
  }
  return device->status == FURL_DEVICE_OK;
}

static int HasKernels(FurlDevice *device)
{
  for (int k = 0; k < FURL_FATBINS; k++)
    if (!FurlFatbinGet(k)) FurlDeviceFail(device, FURL_DEVICE_ABSENT, "no kernels for GPUs", "this Furl was built without CUDA=yes");
  return device->status == FURL_DEVICE_OK;
}

static void LoadKernels(FurlDevice *device)
{
  Cuda *const cuda = Enter(device);

  for (int k = 0; k < FURL_FATBINS && device->status == FURL_DEVICE_OK; k++)
    (void)Check(device, cuda->module_load(&cuda->module[k], FurlFatbinGet(k)), "the kernels cannot be loaded");
  Leave(cuda);
}

static void Close(FurlDevice *device)
{
  Cuda *const cuda = device->data;

  if (!cuda) return;
  if (cuda->context) {
    (void)cuda->context_push(cuda->context);
    for (int k = 0; k < FURL_FATBINS; k++)
      if (cuda->module[k]) (void)cuda->module_unload(cuda->module[k]);
    Leave(cuda);
    (void)cuda->context_release(cuda->device);
  }
  if (cuda->library) (void)dlclose(cuda->library);
  free(cuda);
  device->data = NULL;
}

static FurlDeviceStatus Open(FurlDevice *device, int ordinal)
{
  Cuda *const cuda = calloc(1, sizeof(*cuda));

  if (!cuda) return FURL_DEVICE_MEMORY;
  device->data = cuda;
  /* first what is known without the driver: a context takes time, and memory of the GPU */
  if (HasKernels(device) && LoadDriver(device, cuda) && FindDevice(device, cuda, ordinal) &&
      Check(device, cuda->context_retain(&cuda->context, cuda->device), "the GPU's context"))
    LoadKernels(device);
  if (device->status == FURL_DEVICE_OK) return FURL_DEVICE_OK;
  Close(device);
  return device->status = FURL_DEVICE_ABSENT;
}

static void Properties(FurlDevice *device, FurlDeviceProperties *p)
{
  Cuda *const cuda  = Enter(device);
  int         major = 0, minor = 0;
  size_t      total, n;

  *p = (FurlDeviceProperties){.memory = 0};
  (void)cuda->device_name(p->name, (int)sizeof(p->name) - 32, cuda->device);
  (void)cuda->device_memory(&p->memory, cuda->device);
  (void)cuda->device_attribute(&p->multiprocessors, CUDA_MULTIPROCESSORS, cuda->device);
  (void)cuda->device_attribute(&major, CUDA_MAJOR, cuda->device);
  (void)cuda->device_attribute(&minor, CUDA_MINOR, cuda->device);
  (void)cuda->memory_info(&p->free, &total);
  n = strlen(p->name);
  (void)snprintf(p->name + n, sizeof(p->name) - n, " (sm_%d%d)", major, minor);
  Leave(cuda);
}

static void *Allocate(FurlDevice *device, size_t bytes)
{
  Cuda *const      cuda   = Enter(device);
  CudaPointer      memory = 0;
  const CudaResult result = cuda->allocate(&memory, bytes);

  if (result != CUDA_MEMORY) (void)Check(device, result, "cuMemAlloc");
  Leave(cuda);
  return result == CUDA_OK ? (void *)(uintptr_t)memory : NULL;
}

static void Release(FurlDevice *device, void *memory)
{
  Cuda *const cuda = Enter(device);

  (void)Check(device, cuda->release((CudaPointer)(uintptr_t)memory), "cuMemFree");
  Leave(cuda);
}

static void *Map(FurlDevice *device, size_t bytes, void **there)
{
  Cuda *const cuda   = Enter(device);
  void       *memory = NULL;
  CudaPointer name   = 0;

  if (Check(device, cuda->host_allocate(&memory, bytes, CUDA_HOST_PORTABLE_MAPPED), "cuMemHostAlloc"))
    (void)Check(device, cuda->host_pointer(&name, memory, 0), "cuMemHostGetDevicePointer");
  *there = (void *)(uintptr_t)name;
  Leave(cuda);
  return memory;
}

static void Unmap(FurlDevice *device, void *memory)
{
  Cuda *const cuda = Enter(device);

  (void)Check(device, cuda->host_release(memory), "cuMemFreeHost");
  Leave(cuda);
}

static void *StreamCreate(FurlDevice *device)
{
  Cuda *const cuda   = Enter(device);
  CudaHandle  stream = NULL;

  (void)Check(device, cuda->stream_create(&stream, CUDA_STREAM_NON_BLOCKING), "cuStreamCreate");
  Leave(cuda);
  return stream;
}

static void StreamDestroy(FurlDevice *device, void *stream)
{
  Cuda *const cuda = Enter(device);

  (void)Check(device, cuda->stream_destroy(stream), "cuStreamDestroy");
  Leave(cuda);
}

static void StreamWait(FurlDevice *device, void *stream)
{
  Cuda *const cuda = Enter(device);

  (void)Check(device, cuda->stream_wait(stream), "cuStreamSynchronize");
  Leave(cuda);
}

static void StreamQuery(FurlDevice *device, void *stream)
{
  Cuda *const      cuda   = Enter(device);
  const CudaResult result = cuda->stream_query(stream);

  if (result != CUDA_NOT_READY) (void)Check(device, result, "cuStreamQuery");
  Leave(cuda);
}

/* What a recording cannot take spoils it, not the device: the stream is as it was once the capture has ended */
static int Record(FurlDevice *device, void *stream)
{
  Cuda *const cuda = Enter(device);

  cuda->spoiled   = 0;
  cuda->recording = cuda->capture_begin(stream, CUDA_CAPTURE_RELAXED) == CUDA_OK;
  Leave(cuda);
  return cuda->recording;
}

static void *Recorded(FurlDevice *device, void *stream)
{
  Cuda *const cuda  = Enter(device);
  CudaHandle  graph = NULL, whole = NULL;

  cuda->recording = 0;
  if (cuda->capture_end(stream, &graph) != CUDA_OK) cuda->spoiled = 1;
  if (!cuda->spoiled && graph && cuda->graph_instantiate(&whole, graph, 0) != CUDA_OK) whole = NULL;
  if (graph) (void)cuda->graph_destroy(graph);
  Leave(cuda);
  return whole;
}

static void Replay(FurlDevice *device, void *stream, void *graph)
{
  Cuda *const cuda = Enter(device);

  (void)Check(device, cuda->graph_launch(graph, stream), "cuGraphLaunch");
  Leave(cuda);
}

static void Forget(FurlDevice *device, void *graph)
{
  Cuda *const cuda = Enter(device);

  (void)Check(device, cuda->graph_exec_destroy(graph), "cuGraphExecDestroy");
  Leave(cuda);
}

static void Copy(FurlDevice *device, void *stream, void *to, const void *from, size_t bytes, FurlCopy kind)
{
  Cuda *const       cuda   = Enter(device);
  const CudaPointer target = (CudaPointer)(uintptr_t)to, source = (CudaPointer)(uintptr_t)from;

  if (kind == FURL_COPY_UP)
    (void)Check(device, cuda->copy_up(target, from, bytes, stream), "cuMemcpyHtoDAsync");
  else if (kind == FURL_COPY_DOWN)
    (void)Check(device, cuda->copy_down(to, source, bytes, stream), "cuMemcpyDtoHAsync");
  else
    (void)Check(device, cuda->copy_across(target, source, bytes, stream), "cuMemcpyDtoDAsync");
  Leave(cuda);
}

static void Fill(FurlDevice *device, void *stream, void *to, size_t bytes)
{
  Cuda *const cuda = Enter(device);

  (void)Check(device, cuda->fill((CudaPointer)(uintptr_t)to, 0, bytes, stream), "cuMemsetD8Async");
  Leave(cuda);
}

/* The kernel's function, looked for by name once; NULL: no module has it */
static CudaHandle FindFunction(FurlDevice *device, Cuda *cuda, const FurlKernel *kernel)
{
  size_t     place    = (uintptr_t)kernel / sizeof(*kernel) % TABLE;
  CudaHandle function = NULL;
  char       name[128];

  while (cuda->found[place].kernel && cuda->found[place].kernel != kernel) place = (place + 1) % TABLE;
  if (cuda->found[place].kernel) return cuda->found[place].function;
  (void)snprintf(name, sizeof(name), "FurlGlobal%s", kernel->name);
  for (int k = 0; k < FURL_FATBINS && !function; k++)
    if (cuda->module_function(&function, cuda->module[k], name) != CUDA_OK) function = NULL;
  if (!function) FurlDeviceFail(device, FURL_DEVICE_FAILED, "the kernels for GPUs lack", name);
  cuda->found[place] = (Found){kernel, function};
  return function;
}

static void Launch(FurlDevice *device, void *stream, const FurlKernel *kernel, const void *args, int64_t first, int64_t end)
{
  Cuda *const      cuda     = Enter(device);
  const CudaHandle function = FindFunction(device, cuda, kernel);

  for (FurlGeometry g = FurlDeviceGeometry(first, end); function && g.end > g.first; g = FurlDeviceGeometry(g.end, end)) {
    void *parameters[3] = {(void *)(uintptr_t)args, &g.first, &g.end};

    if (!Check(device, cuda->launch(function, g.blocks, 1, 1, FURL_DEVICE_BLOCK, 1, 1, 0, stream, parameters, NULL), kernel->name)) break;
  }
  Leave(cuda);
}

const FurlDeviceOps FurlDeviceCuda = {.name           = "cuda",
                                      .open           = Open,
                                      .close          = Close,
                                      .properties     = Properties,
                                      .allocate       = Allocate,
                                      .release        = Release,
                                      .map            = Map,
                                      .unmap          = Unmap,
                                      .stream_create  = StreamCreate,
                                      .stream_destroy = StreamDestroy,
                                      .stream_wait    = StreamWait,
                                      .stream_query   = StreamQuery,
                                      .record         = Record,
                                      .recorded       = Recorded,
                                      .replay         = Replay,
                                      .forget         = Forget,
                                      .copy           = Copy,
                                      .fill           = Fill,
                                      .launch         = Launch};
