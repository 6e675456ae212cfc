/* The back end whose device is the host: the same pointers, and everything done at once. What other back ends are compared with */
#include <stdlib.h>
#include <string.h>
#include <furl/device.h>

static FurlDeviceStatus Open(FurlDevice *device, int ordinal)
{
  return ordinal <= 0 ? FURL_DEVICE_OK : FURL_DEVICE_ABSENT;
}

static void Close(FurlDevice *device)
{
}

static void Properties(FurlDevice *device, FurlDeviceProperties *p)
{
  *p = (FurlDeviceProperties){.name = "the host"};
}

static void *Allocate(FurlDevice *device, size_t bytes)
{
  void *memory = NULL;

  return posix_memalign(&memory, 256, bytes) ? NULL : memory;
}

static void Release(FurlDevice *device, void *memory)
{
  free(memory);
}

static void *Map(FurlDevice *device, size_t bytes, void **there)
{
  return *there = Allocate(device, bytes);
}

/* Streams have no state: nothing is ever left to do */
static void *CreateNothing(FurlDevice *device)
{
  return device;
}

static void DestroyNothing(FurlDevice *device, void *what)
{
}

static void Copy(FurlDevice *device, void *stream, void *to, const void *from, size_t bytes, FurlCopy kind)
{
  memcpy(to, from, bytes);
}

static void Fill(FurlDevice *device, void *stream, void *to, size_t bytes)
{
  memset(to, 0, bytes);
}

static void Launch(FurlDevice *device, void *stream, const FurlKernel *kernel, const void *args, int64_t first, int64_t end)
{
  FurlLaunchRange(kernel, args, first, end);
}

const FurlDeviceOps FurlDeviceHost = {.name           = "host",
                                      .open           = Open,
                                      .close          = Close,
                                      .properties     = Properties,
                                      .allocate       = Allocate,
                                      .release        = Release,
                                      .map            = Map,
                                      .unmap          = Release,
                                      .stream_create  = CreateNothing,
                                      .stream_destroy = DestroyNothing,
                                      .stream_wait    = DestroyNothing,
                                      .stream_query   = DestroyNothing,
                                      .copy           = Copy,
                                      .fill           = Fill,
                                      .launch         = Launch};
