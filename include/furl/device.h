/*
  A device: the memory and the streams that kernels run in, behind a table of functions. Back ends: `host`, whose device memory is the
  host's and whose launches are calls (for tests; a solve on the CPU goes through no table at all), and `cuda`. A test adds one of its own.

  Work is *enqueued*: a queue is a stream of a device, and what is put into it runs in order, some time later. The first failure of a device
  is kept (FurlDevice.status and .message) and all that is enqueued after it is left out, so that only where a result is needed has anyone
  to ask. Nothing here knows PETSc: chosendevice.c does.
*/
#pragma once

#include <stddef.h>
#include <furl/kernel.h>

typedef enum {
  FURL_DEVICE_OK,
  FURL_DEVICE_ABSENT, /* no driver, no such device, or no kernels for it */
  FURL_DEVICE_MEMORY, /* no memory */
  FURL_DEVICE_FAILED  /* whatever else went wrong: nothing in it can be trusted any more */
} FurlDeviceStatus;

typedef enum { FURL_COPY_UP, FURL_COPY_DOWN, FURL_COPY_ACROSS } FurlCopy; /* host to device; back; within it */

/* What the driver was asked for since the device was opened */
typedef struct {
  int64_t allocations, releases, copies, fills, launches, waits, queries; /* launches and fills of replays among them */
  int64_t replays;
  int64_t bytes_up, bytes_down;
} FurlDeviceCounts;

#define FURL_DEVICE_TEXT 200

typedef struct {
  char   name[FURL_DEVICE_TEXT];
  size_t memory, free;    /* bytes: of the device, and now not in use by anyone; 0: not known */
  int    multiprocessors; /* 0: of no meaning */
} FurlDeviceProperties;

typedef struct FurlDevice FurlDevice;

/*
  The table. Streams and graphs are the back end's own pointers. Every function but open(), stream_wait() and those that give back is
  called with a device that has not failed; each reports through FurlDeviceFail(). Copies of host memory that the device does not know may
  wait.
*/
typedef struct {
  const char *name;
  FurlDeviceStatus (*open)(FurlDevice *device, int ordinal); /* sets device->ordinal where it was FURL_DEVICE_ANY */
  void (*close)(FurlDevice *device);
  void (*properties)(FurlDevice *device, FurlDeviceProperties *p);
  void *(*allocate)(FurlDevice *device, size_t bytes); /* NULL: no memory, which is no failure of the device */
  void (*release)(FurlDevice *device, void *memory);
  void *(*map)(FurlDevice *device, size_t bytes, void **there); /* host memory that the device reads and writes, *there its name for it */
  void (*unmap)(FurlDevice *device, void *memory);
  void *(*stream_create)(FurlDevice *device);
  void (*stream_destroy)(FurlDevice *device, void *stream);
  void (*stream_wait)(FurlDevice *device, void *stream);  /* the host, for all that is in it */
  void (*stream_query)(FurlDevice *device, void *stream); /* lets work go on, and notices a failure, without waiting */
  int (*record)(FurlDevice *device, void *stream); /* launches and fills from now on are kept, not done; 0, or NULL: it cannot do that */
  void *(*recorded)(FurlDevice *device, void *stream); /* ends it: what was kept, or NULL, which is no failure of the device */
  void (*replay)(FurlDevice *device, void *stream, void *graph);
  void (*forget)(FurlDevice *device, void *graph);
  void (*copy)(FurlDevice *device, void *stream, void *to, const void *from, size_t bytes, FurlCopy kind);
  void (*fill)(FurlDevice *device, void *stream, void *to, size_t bytes); /* with zeros */
  void (*launch)(FurlDevice *device, void *stream, const FurlKernel *kernel, const void *args, int64_t first, int64_t end);
} FurlDeviceOps;

struct FurlDevice {
  const FurlDeviceOps *ops;
  void                *data; /* the back end's */
  int                  ordinal;
  FurlDeviceStatus     status; /* the first failure */
  char                 message[FURL_DEVICE_TEXT];
  FurlDeviceCounts     counts, before; /* before: when a recording began */
  size_t               used, most;     /* bytes of arenas, now and at most */
  size_t               limit;          /* of them; 0: none */
};

typedef struct {
  FurlDevice *device;
  void       *stream;
} FurlQueue;

/* What was recorded, to be enqueued again as a whole */
typedef struct {
  void   *handle; /* NULL: nothing */
  int64_t launches, fills;
} FurlGraph;

extern const FurlDeviceOps FurlDeviceHost, FurlDeviceCuda;

/* The device that the program uses already; else one for each process of a node in turn */
#define FURL_DEVICE_ANY (-1)

/* *device stays zero where the status is not OK, but for its message */
FurlDeviceStatus FurlDeviceOpen(const FurlDeviceOps *ops, int ordinal, FurlDevice *device);
void             FurlDeviceClose(FurlDevice *device);
void             FurlDeviceFail(FurlDevice *device, FurlDeviceStatus status, const char *what, const char *why);

int  FurlQueueCreate(FurlDevice *device, FurlQueue *queue); /* 0: the device failed */
void FurlQueueDestroy(FurlQueue *queue);
void FurlQueueLaunch(FurlQueue *queue, const FurlKernel *kernel, const void *args, int64_t first, int64_t end);
void FurlQueueCopy(FurlQueue *queue, void *to, const void *from, size_t bytes, FurlCopy kind);
void FurlQueueFill(FurlQueue *queue, void *to, size_t bytes);
int  FurlQueueWait(FurlQueue *queue);                       /* 0: the device failed */
int  FurlQueueQuery(FurlQueue *queue);                      /* the same, without waiting */
int  FurlQueueRecord(FurlQueue *queue);                     /* 0: it cannot, and nothing has changed */
int  FurlQueueRecorded(FurlQueue *queue, FurlGraph *graph); /* 0: it could not, and what was enqueued since is lost */
void FurlQueueReplay(FurlQueue *queue, const FurlGraph *graph);
void FurlGraphForget(FurlDevice *device, FurlGraph *graph); /* nothing of it may be on its way */

/* Items first .. end-1 on the device of the queue; NULL: here and now */
static inline void FurlRunRange(FurlQueue *queue, const FurlKernel *kernel, const void *args, int64_t first, int64_t end)
{
  if (queue)
    FurlQueueLaunch(queue, kernel, args, first, end);
  else
    FurlLaunchRange(kernel, args, first, end);
}

static inline void FurlRun(FurlQueue *queue, const FurlKernel *kernel, const void *args, int64_t nitems)
{
  FurlRunRange(queue, kernel, args, 0, nitems);
}

/* The launches that items first .. end-1 take, a warp each: blocks of threads, of which a launch has at most FURL_DEVICE_BLOCKS */
#define FURL_DEVICE_BLOCK 256 /* threads: eight warps */
#define FURL_DEVICE_BLOCKS 2147483647LL

typedef struct {
  int64_t  first, end; /* items; an empty range: no more launches */
  uint32_t blocks;
} FurlGeometry;

FurlGeometry FurlDeviceGeometry(int64_t first, int64_t end);

/* What a placement is for, as the view tells it */
typedef enum { FURL_PURPOSE_MATRIX, FURL_PURPOSE_LEVELS, FURL_PURPOSE_VECTORS, FURL_PURPOSES } FurlPurpose;

/* An array of the arena: *pointer becomes its address there, `before` bytes behind its begin; contents from the host, or zeros */
typedef struct {
  void      **pointer;
  const void *from; /* begin of the array, `before` bytes before what the host's pointer says; NULL: zeros */
  size_t      bytes, before;
  FurlPurpose purpose;
} FurlPlacement;

/*
  The device memory of one solver: first all arrays are named (FurlArenaAdd()), then one allocation takes them all (FurlArenaPlace()), so
  that nothing is allocated once a solve has begun. The pointers that were named must outlive the arena.
*/
typedef struct {
  FurlDevice    *device;
  char          *memory;
  size_t         bytes;
  FurlPlacement *list;
  size_t         n, room;
  int            failed; /* no host memory for the list */
  size_t         purpose[FURL_PURPOSES];
} FurlArena;

void   FurlArenaInit(FurlArena *arena, FurlDevice *device);
void   FurlArenaAdd(FurlArena *arena, FurlPurpose purpose, const FurlPlacement *placement); /* its own purpose is not read */
size_t FurlDeviceRoom(FurlDevice *device, size_t spare); /* bytes that arenas may still take, but for so many; SIZE_MAX: not known */
FurlDeviceStatus FurlArenaPlace(FurlArena *arena, FurlQueue *queue); /* MEMORY leaves the device as it is, and a message in it */
size_t           FurlArenaBytes(const FurlArena *arena);             /* of all that was named */
void             FurlArenaFree(FurlArena *arena);
