/*
  A libcuda.so.1 that is no driver: what Furl calls of CUDA's driver interface, on the host's memory and at once, so that the way from Furl
  to a driver is tested where there is none. Kernels are run by the program, which registers a function for it. What a driver would refuse
  is refused here: launches without a current context, blocks beyond the limits, memory that was not allocated.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fakedriver.h"

#define EXPORT __attribute__((visibility("default")))

enum { OK = 0, INVALID = 1, MEMORY = 2, NO_DEVICE = 100, NO_CONTEXT = 201, NOT_FOUND = 500, LOST = 719 };
enum { KNOWN = 4096, STACK = 16 };

typedef unsigned long long Pointer;
EXPORT FakeDriver          fake_driver = {.devices = 1, .current = -1};
static FakeRunner          runner;
static struct {
  char  *data;
  size_t bytes;
} block[KNOWN];
static char *names[KNOWN];

EXPORT void FakeDriverSetRunner(FakeRunner run)
{
  runner = run;
}

static int Ready(void)
{
  if (!fake_driver.depth) return NO_CONTEXT;
  return fake_driver.lost && fake_driver.launches >= fake_driver.lost ? LOST : OK;
}

EXPORT int cuInit(unsigned flags)
{
  return flags ? INVALID : fake_driver.devices ? OK : NO_DEVICE;
}
EXPORT int cuGetErrorName(int error, const char **name)
{
  *name = error == MEMORY      ? "CUDA_ERROR_OUT_OF_MEMORY"
          : error == LOST      ? "CUDA_ERROR_LAUNCH_FAILED"
          : error == NO_DEVICE ? "CUDA_ERROR_NO_DEVICE"
                               : NULL;
  return *name ? OK : INVALID;
}
EXPORT int cuDeviceGetCount(int *count)
{
  *count = fake_driver.devices;
  return OK;
}
EXPORT int cuDeviceGet(int *device, int ordinal)
{
  *device = ordinal + 40;
  return ordinal < fake_driver.devices ? OK : INVALID;
}
EXPORT int cuDeviceGetName(char *name, int room, int device)
{
  snprintf(name, (size_t)room, "Fake %d", device - 40);
  return OK;
}
EXPORT int cuDeviceTotalMem_v2(size_t *bytes, int device)
{
  *bytes = (size_t)1 << 30;
  return OK;
}
EXPORT int cuDeviceGetAttribute(int *value, int attribute, int device)
{
  *value = attribute == 75 ? 9 : attribute == 76 ? 0 : 7;
  return OK;
}
EXPORT int cuDevicePrimaryCtxRetain(void **context, int device)
{
  fake_driver.contexts++;
  *context = &fake_driver;
  return OK;
}
EXPORT int cuDevicePrimaryCtxRelease_v2(int device)
{
  fake_driver.contexts--;
  return OK;
}
EXPORT int cuCtxGetDevice(int *device)
{
  *device = fake_driver.current + 40;
  return fake_driver.current < 0 ? NO_CONTEXT : OK;
}
EXPORT int cuCtxPushCurrent_v2(void *context)
{
  fake_driver.depth++;
  return context == &fake_driver && fake_driver.depth < STACK ? OK : INVALID;
}
EXPORT int cuCtxPopCurrent_v2(void **context)
{
  fake_driver.depth--;
  *context = &fake_driver;
  return OK;
}
EXPORT int cuModuleLoadData(void **module, const void *image)
{
  *module = (void *)image;
  fake_driver.modules++;
  return Ready();
}
EXPORT int cuModuleUnload(void *module)
{
  fake_driver.modules--;
  return OK;
}

/* Each name is kept once; a function is its place */
EXPORT int cuModuleGetFunction(void **function, void *module, const char *name)
{
  int k = 0;

  if (strncmp(name, "FurlGlobal", 10) || (fake_driver.missing && !strcmp(name + 10, fake_driver.missing))) return NOT_FOUND;
  while (k < KNOWN && names[k] && strcmp(names[k], name)) k++;
  if (!names[k]) names[k] = strdup(name);
  *function = &names[k];
  return Ready();
}
EXPORT int cuMemGetInfo_v2(size_t *available, size_t *total)
{
  *total     = (size_t)1 << 30;
  *available = *total - (size_t)fake_driver.allocated;
  return Ready();
}
EXPORT int cuMemAlloc_v2(Pointer *pointer, size_t bytes)
{
  int k = 0;

  if (Ready()) return Ready();
  if (bytes + (size_t)fake_driver.allocated > (size_t)1 << 30) return MEMORY;
  while (k < KNOWN && block[k].data) k++;
  block[k].data  = aligned_alloc(256, (bytes + 255) / 256 * 256);
  block[k].bytes = bytes;
  memset(block[k].data, 0xff, bytes);
  fake_driver.allocated += (long)bytes;
  *pointer = (Pointer)block[k].data;
  return OK;
}
EXPORT int cuMemFree_v2(Pointer pointer)
{
  int k = 0;

  while (k < KNOWN && block[k].data != (char *)pointer) k++;
  if (k == KNOWN || !pointer) return INVALID;
  fake_driver.allocated -= (long)block[k].bytes;
  free(block[k].data);
  block[k].data = NULL;
  return OK;
}
EXPORT int cuMemHostAlloc(void **pointer, size_t bytes, unsigned flags)
{
  *pointer = malloc(bytes);
  fake_driver.mapped++;
  return flags & 2 ? Ready() : INVALID;
}
EXPORT int cuMemFreeHost(void *pointer)
{
  free(pointer);
  fake_driver.mapped--;
  return OK;
}
EXPORT int cuMemHostGetDevicePointer_v2(Pointer *device, void *host, unsigned flags)
{
  *device = (Pointer)host;
  return OK;
}

/* A launch or zeros that were captured */
typedef struct Node {
  struct Node *next;
  char        *name; /* of a kernel; NULL: zeros */
  unsigned     blocks, threads;
  long long    first, end;
  void        *to;
  size_t       bytes;
  char         args[]; /* of the kernel */
} Node;

typedef struct {
  Node *head, *tail;
} Graph;

static Node *Append(Graph *graph, size_t bytes)
{
  Node *const node = calloc(1, sizeof(*node) + bytes);

  if (graph->tail)
    graph->tail->next = node;
  else
    graph->head = node;
  return graph->tail = node;
}

static void CaptureLaunch(Graph *graph, char *name, void **parameters, unsigned blocks, unsigned threads)
{
  const size_t bytes = (size_t)runner(name, NULL, 0, 0);
  Node *const  node  = Append(graph, bytes);

  node->name    = name;
  node->blocks  = blocks;
  node->threads = threads;
  node->first   = *(const long long *)parameters[1];
  node->end     = *(const long long *)parameters[2];
  memcpy(node->args, parameters[0], bytes);
}

static void CaptureZeros(Graph *graph, void *to, size_t bytes)
{
  Node *const node = Append(graph, 0);

  node->to    = to;
  node->bytes = bytes;
}

typedef struct {
  Graph *graph; /* takes what is enqueued; NULL: it is done */
} Stream;

static int Owned(Pointer pointer, size_t bytes)
{
  for (int k = 0; k < KNOWN; k++)
    if (block[k].data && (char *)pointer >= block[k].data && (char *)pointer + bytes <= block[k].data + block[k].bytes) return 1;
  return 0;
}
static int Copy(void *to, const void *from, size_t bytes, int owned)
{
  if (Ready()) return Ready();
  if (!owned) return INVALID;
  fake_driver.copies++;
  memcpy(to, from, bytes);
  return OK;
}
EXPORT int cuMemcpyHtoDAsync_v2(Pointer to, const void *from, size_t bytes, void *stream)
{
  return Copy((void *)to, from, bytes, Owned(to, bytes) && stream);
}
EXPORT int cuMemcpyDtoHAsync_v2(void *to, Pointer from, size_t bytes, void *stream)
{
  return Copy(to, (void *)from, bytes, Owned(from, bytes) && stream);
}
EXPORT int cuMemcpyDtoDAsync_v2(Pointer to, Pointer from, size_t bytes, void *stream)
{
  return Copy((void *)to, (void *)from, bytes, Owned(to, bytes) && Owned(from, bytes) && stream);
}
EXPORT int cuMemsetD8Async(Pointer to, unsigned char value, size_t bytes, void *stream)
{
  if (Ready()) return Ready();
  if (!Owned(to, bytes) || !stream || value) return INVALID;
  if (((Stream *)stream)->graph)
    CaptureZeros(((Stream *)stream)->graph, (void *)to, bytes);
  else
    memset((void *)to, value, bytes);
  return OK;
}
EXPORT int cuLaunchKernel(void *function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                          void *stream, void **parameters, void **extra)
{
  Graph *const graph = stream ? ((Stream *)stream)->graph : NULL;

  if (!graph) fake_driver.launches++;
  if (Ready()) return Ready();
  if (!stream || !gx || gx > 2147483647u || gy != 1 || gz != 1 || !bx || bx > 1024 || by != 1 || bz != 1 || shared || extra) return INVALID;
  if (!graph) return runner(*(char **)function + 10, parameters, gx, bx) ? OK : INVALID;
  CaptureLaunch(graph, *(char **)function + 10, parameters, gx, bx);
  return OK;
}
EXPORT int cuStreamCreate(void **stream, unsigned flags)
{
  fake_driver.streams++;
  *stream = calloc(1, sizeof(Stream));
  return flags == 1 ? Ready() : INVALID;
}
EXPORT int cuStreamDestroy_v2(void *stream)
{
  fake_driver.streams--;
  free(stream);
  return OK;
}
EXPORT int cuStreamSynchronize(void *stream)
{
  return Ready();
}
EXPORT int cuStreamQuery(void *stream)
{
  return Ready();
}

EXPORT int cuStreamBeginCapture_v2(void *stream, int mode)
{
  Stream *const s = stream;

  if (Ready()) return Ready();
  if (s->graph || mode != 2 || fake_driver.no_graphs) return INVALID;
  s->graph = calloc(1, sizeof(Graph));
  fake_driver.graphs++;
  return OK;
}
EXPORT int cuGraphDestroy(void *graph)
{
  for (Node *node = ((Graph *)graph)->head, *next; node; node = next) {
    next = node->next;
    free(node);
  }
  free(graph);
  fake_driver.graphs--;
  return OK;
}
EXPORT int cuStreamEndCapture(void *stream, void **graph)
{
  Stream *const s = stream;

  if (!s->graph) return INVALID;
  *graph   = s->graph;
  s->graph = NULL;
  return Ready();
}

/* An executable graph has the nodes, so that the other one may go */
EXPORT int cuGraphInstantiateWithFlags(void **whole, void *graph, unsigned long long flags)
{
  Graph *const copy = calloc(1, sizeof(*copy));

  if (flags) return INVALID;
  *copy           = *(Graph *)graph;
  *(Graph *)graph = (Graph){NULL, NULL};
  *whole          = copy;
  fake_driver.graphs++;
  return Ready();
}
EXPORT int cuGraphExecDestroy(void *whole)
{
  return cuGraphDestroy(whole);
}
EXPORT int cuGraphLaunch(void *whole, void *stream)
{
  if (((Stream *)stream)->graph) return INVALID;
  fake_driver.replays++;
  for (Node *node = ((Graph *)whole)->head; node; node = node->next) {
    void *parameters[3] = {node->args, &node->first, &node->end};

    fake_driver.launches += node->name != NULL;
    if (Ready()) return Ready();
    if (!node->name) memset(node->to, 0, node->bytes);
    if (node->name && !runner(node->name, parameters, node->blocks, node->threads)) return INVALID;
  }
  return OK;
}
