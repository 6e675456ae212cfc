/* The device memory of a solver: many arrays, one allocation */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <furl/device.h>

#define ALIGNMENT 256 /* bytes: that of the driver's own allocations */

static size_t Aligned(size_t bytes)
{
  return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

void FurlArenaInit(FurlArena *arena, FurlDevice *device)
{
  *arena = (FurlArena){.device = device};
}

/* An array begins so that what its pointer points to is aligned */
static size_t BeginOf(const FurlPlacement *placement, size_t used)
{
  return Aligned(used + placement->before) - placement->before;
}

void FurlArenaAdd(FurlArena *arena, FurlPurpose purpose, const FurlPlacement *placement)
{
  if (arena->n == arena->room) {
    const size_t   room = arena->room ? 2 * arena->room : 64;
    FurlPlacement *list = arena->failed ? NULL : realloc(arena->list, room * sizeof(*list));

    if (!list) {
      arena->failed = 1;
      return;
    }
    arena->list = list;
    arena->room = room;
  }
  arena->list[arena->n]           = *placement;
  arena->list[arena->n++].purpose = purpose;
  arena->purpose[purpose] += placement->bytes;
}

size_t FurlArenaBytes(const FurlArena *arena)
{
  size_t used = 0;

  for (size_t k = 0; k < arena->n; k++) used = BeginOf(&arena->list[k], used) + arena->list[k].bytes;
  return Aligned(used);
}

/* The limit is the user's and needs no spare bytes */
size_t FurlDeviceRoom(FurlDevice *device, size_t spare)
{
  const size_t         left = device->limit > device->used ? device->limit - device->used : 0;
  FurlDeviceProperties p    = {.free = 0};
  size_t               room = SIZE_MAX;

  device->ops->properties(device, &p);
  if (p.memory) room = p.free > spare ? p.free - spare : 0;
  return device->limit && left < room ? left : room;
}

static FurlDeviceStatus NoMemory(FurlArena *arena, size_t wanted)
{
  FurlDevice *const device = arena->device;
  char              room[32];

  (void)snprintf(room, sizeof(room), "%zu", FurlDeviceRoom(device, 0));
  (void)snprintf(device->message, sizeof(device->message), "no device memory: %zu bytes wanted, %s free%s", wanted,
                 FurlDeviceRoom(device, 0) == SIZE_MAX ? "fewer" : room, device->limit ? ", -furl_memory_limit considered" : "");
  return device->status == FURL_DEVICE_OK ? FURL_DEVICE_MEMORY : device->status;
}

static void PlaceOne(FurlArena *arena, FurlQueue *queue, const FurlPlacement *placement, size_t *used)
{
  char *const begin = arena->memory + BeginOf(placement, *used);

  *used               = BeginOf(placement, *used) + placement->bytes;
  *placement->pointer = begin + placement->before;
  if (placement->from)
    FurlQueueCopy(queue, begin, placement->from, placement->bytes, FURL_COPY_UP);
  else
    FurlQueueFill(queue, begin, placement->bytes);
}

FurlDeviceStatus FurlArenaPlace(FurlArena *arena, FurlQueue *queue)
{
  FurlDevice *const device = arena->device;
  const size_t      bytes  = FurlArenaBytes(arena);
  size_t            used   = 0;

  if (device->status != FURL_DEVICE_OK) return device->status;
  if (arena->failed || (device->limit && device->used + bytes > device->limit)) return NoMemory(arena, bytes);
  device->counts.allocations++;
  arena->memory = device->ops->allocate(device, bytes ? bytes : ALIGNMENT);
  if (!arena->memory) return NoMemory(arena, bytes);
  arena->bytes = bytes;
  device->used += bytes;
  device->most = device->used > device->most ? device->used : device->most;
  for (size_t k = 0; k < arena->n; k++) PlaceOne(arena, queue, &arena->list[k], &used);
  return device->status;
}

void FurlArenaFree(FurlArena *arena)
{
  FurlDevice *const device = arena->device;

  if (arena->memory) {
    device->counts.releases++;
    device->ops->release(device, arena->memory);
    device->used -= arena->bytes;
  }
  free(arena->list);
  *arena = (FurlArena){.device = device};
}
