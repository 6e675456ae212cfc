/* Devices and queues: what is common to all back ends */
#include <stdio.h>
#include <string.h>
#include <furl/device.h>

#define WARPS (FURL_DEVICE_BLOCK / FURL_WIDTH) /* items of a block */

FurlDeviceStatus FurlDeviceOpen(const FurlDeviceOps *ops, int ordinal, FurlDevice *device)
{
  FurlDeviceStatus status;

  *device = (FurlDevice){.ops = ops, .ordinal = ordinal};
  status  = ops->open(device, ordinal);
  if (device->ordinal == FURL_DEVICE_ANY) device->ordinal = 0;
  if (status != FURL_DEVICE_OK && device->status == FURL_DEVICE_OK) FurlDeviceFail(device, status, ops->name, "cannot be opened");
  if (status != FURL_DEVICE_OK) device->ops = NULL;
  return status;
}

void FurlDeviceClose(FurlDevice *device)
{
  if (device->ops) device->ops->close(device);
  *device = (FurlDevice){0};
}

/* The first failure is the cause of those that follow */
void FurlDeviceFail(FurlDevice *device, FurlDeviceStatus status, const char *what, const char *why)
{
  if (device->status != FURL_DEVICE_OK) return;
  device->status = status;
  (void)snprintf(device->message, sizeof(device->message), "%s: %s", what, why);
}

int FurlQueueCreate(FurlDevice *device, FurlQueue *queue)
{
  queue->device = device;
  queue->stream = device->status == FURL_DEVICE_OK ? device->ops->stream_create(device) : NULL;
  return device->status == FURL_DEVICE_OK;
}

void FurlQueueDestroy(FurlQueue *queue)
{
  if (queue->device && queue->stream) queue->device->ops->stream_destroy(queue->device, queue->stream);
  *queue = (FurlQueue){0};
}

FurlGeometry FurlDeviceGeometry(int64_t first, int64_t end)
{
  const int64_t most = FURL_DEVICE_BLOCKS * WARPS;

  if (end <= first) return (FurlGeometry){first, first, 0};
  if (end - first > most) return (FurlGeometry){first, first + most, (uint32_t)FURL_DEVICE_BLOCKS};
  return (FurlGeometry){first, end, (uint32_t)((end - first + WARPS - 1) / WARPS)};
}

void FurlQueueLaunch(FurlQueue *queue, const FurlKernel *kernel, const void *args, int64_t first, int64_t end)
{
  FurlDevice *const device = queue->device;

  if (device->status != FURL_DEVICE_OK || end <= first) return;
  device->counts.launches++;
  device->ops->launch(device, queue->stream, kernel, args, first, end);
}

void FurlQueueCopy(FurlQueue *queue, void *to, const void *from, size_t bytes, FurlCopy kind)
{
  FurlDevice *const device = queue->device;

  if (device->status != FURL_DEVICE_OK || !bytes) return;
  device->counts.copies++;
  device->counts.bytes_up += kind == FURL_COPY_UP ? (int64_t)bytes : 0;
  device->counts.bytes_down += kind == FURL_COPY_DOWN ? (int64_t)bytes : 0;
  device->ops->copy(device, queue->stream, to, from, bytes, kind);
}

void FurlQueueFill(FurlQueue *queue, void *to, size_t bytes)
{
  FurlDevice *const device = queue->device;

  if (device->status != FURL_DEVICE_OK || !bytes) return;
  device->counts.fills++;
  device->ops->fill(device, queue->stream, to, bytes);
}

int FurlQueueWait(FurlQueue *queue)
{
  FurlDevice *const device = queue->device;

  if (device->status != FURL_DEVICE_OK) return 0;
  device->counts.waits++;
  device->ops->stream_wait(device, queue->stream);
  return device->status == FURL_DEVICE_OK;
}

int FurlQueueQuery(FurlQueue *queue)
{
  FurlDevice *const device = queue->device;

  if (device->status != FURL_DEVICE_OK) return 0;
  device->counts.queries++;
  device->ops->stream_query(device, queue->stream);
  return device->status == FURL_DEVICE_OK;
}

int FurlQueueRecord(FurlQueue *queue)
{
  FurlDevice *const device = queue->device;

  if (device->status != FURL_DEVICE_OK || !device->ops->record || !device->ops->record(device, queue->stream)) return 0;
  device->before = device->counts;
  return 1;
}

int FurlQueueRecorded(FurlQueue *queue, FurlGraph *graph)
{
  FurlDevice *const device = queue->device;

  *graph         = (FurlGraph){.handle   = device->ops->recorded(device, queue->stream),
                               .launches = device->counts.launches - device->before.launches,
                               .fills    = device->counts.fills - device->before.fills};
  device->counts = device->before;
  return graph->handle != NULL;
}

void FurlQueueReplay(FurlQueue *queue, const FurlGraph *graph)
{
  FurlDevice *const device = queue->device;

  if (device->status != FURL_DEVICE_OK) return;
  device->counts.launches += graph->launches;
  device->counts.fills += graph->fills;
  device->counts.replays++;
  device->ops->replay(device, queue->stream, graph->handle);
}

void FurlGraphForget(FurlDevice *device, FurlGraph *graph)
{
  if (graph->handle) device->ops->forget(device, graph->handle);
  *graph = (FurlGraph){0};
}
