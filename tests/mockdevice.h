/*
  A device that is no device: a back end for tests, which finds what a program that works on the host may do wrong on a GPU.

  Its memory is the host's, but at addresses that the host may not touch: only while an operation of the device runs they can be read and
  written; it is full of NaN at first, with pages around it that nobody may touch. Streams run late (when the host queries or waits) and in
  turns drawn by lot. Everything is counted, and any allocation, launch or copy can be made to fail, or the
  device to vanish for good.
*/
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <furl/device.h>

#define MOCK_PAGE ((size_t)4096)
#define MOCK_BLOCKS 64
#define MOCK_STREAMS 16
#define MOCK_ARGS 2048

#define MOCK_CHECK(holds, ...)                             \
  if (!(holds)) {                                          \
    fprintf(stderr, "mock device: " __VA_ARGS__), abort(); \
  }

typedef enum { MOCK_LAUNCH, MOCK_COPY, MOCK_FILL } MockKind;

typedef struct MockOp {
  MockKind          kind;
  const FurlKernel *kernel;
  int64_t           first, end;
  void             *to;
  const void       *from;
  size_t            bytes;
  struct MockOp    *next;
  char              args[MOCK_ARGS];
} MockOp;

typedef struct {
  MockOp *head, *tail;
} MockGraph;

typedef struct {
  MockOp    *head, *tail;
  int        used;
  MockGraph *recording; /* takes what is enqueued; NULL: the stream does */
} MockStream;

typedef struct {
  char  *data;
  size_t bytes, pages;
} MockBlock;

static struct {
  MockBlock  block[MOCK_BLOCKS];
  MockStream stream[MOCK_STREAMS];
  uint32_t   lot;
  int        opened, live_blocks, live_streams, live_graphs, live_maps;
  size_t     room;                                            /* bytes that the device has; 0: any number */
  int64_t    fail_allocation, fail_launch, fail_copy, vanish; /* the n-th of them from now on; 0: none. vanish: any operation */
  int64_t    fail_recording;
  int64_t    ran; /* operations */
} mock;

static inline uint32_t MockDraw(uint32_t n)
{
  mock.lot = mock.lot * 1664525u + 1013904223u;
  return (mock.lot >> 8) % n;
}

static inline void MockProtect(int protection)
{
  for (int k = 0; k < MOCK_BLOCKS; k++)
    if (mock.block[k].data) MOCK_CHECK(!mprotect(mock.block[k].data, mock.block[k].pages, protection), "mprotect failed\n");
}

/* Counts down to a failure that a test has ordered */
static inline int MockFails(FurlDevice *device, int64_t *countdown, const char *what)
{
  if (*countdown > 0 && --*countdown == 0) FurlDeviceFail(device, FURL_DEVICE_FAILED, what, "as the test ordered");
  return device->status != FURL_DEVICE_OK;
}

static inline void MockRunOne(FurlDevice *device, MockStream *s)
{
  MockOp *const op = s->head;

  s->head = op->next;
  if (!s->head) s->tail = NULL;
  mock.ran++;
  if (!MockFails(device, &mock.vanish, "the device vanished")) {
    MockProtect(PROT_READ | PROT_WRITE);
    if (op->kind == MOCK_LAUNCH) FurlLaunchRange(op->kernel, op->args, op->first, op->end);
    if (op->kind == MOCK_COPY) memcpy(op->to, op->from, op->bytes);
    if (op->kind == MOCK_FILL) memset(op->to, 0, op->bytes);
    MockProtect(PROT_NONE);
  }
  free(op);
}

/* One operation of a stream drawn by lot; 0 where none can run */
static inline int MockStep(FurlDevice *device)
{
  const uint32_t start = MockDraw(MOCK_STREAMS);

  for (uint32_t k = 0; k < MOCK_STREAMS; k++) {
    MockStream *const s = &mock.stream[(start + k) % MOCK_STREAMS];

    if (!s->head) continue;
    MockRunOne(device, s);
    return 1;
  }
  return 0;
}

static inline void MockAppend(MockOp **head, MockOp **tail, MockOp *op)
{
  if (*tail)
    (*tail)->next = op;
  else
    *head = op;
  *tail = op;
}

static inline MockOp *MockEnqueue(void *stream, MockKind kind)
{
  MockStream *const s  = stream;
  MockOp *const     op = calloc(1, sizeof(*op));

  MOCK_CHECK(s && s->used, "a stream that does not exist\n");
  op->kind = kind;
  MockAppend(s->recording ? &s->recording->head : &s->head, s->recording ? &s->recording->tail : &s->tail, op);
  return op;
}

static FurlDeviceStatus MockOpen(FurlDevice *device, int ordinal)
{
  if (ordinal > 0) return FURL_DEVICE_ABSENT;
  mock.opened++;
  return FURL_DEVICE_OK;
}

static void MockClose(FurlDevice *device)
{
  MOCK_CHECK(!mock.live_blocks && !mock.live_streams && !mock.live_graphs && !mock.live_maps,
             "left behind: %d allocations, %d streams, %d graphs, %d mapped\n", mock.live_blocks, mock.live_streams, mock.live_graphs,
             mock.live_maps);
  mock.opened--;
}

static void MockProperties(FurlDevice *device, FurlDeviceProperties *p)
{
  *p = (FurlDeviceProperties){.name = "a mock", .memory = mock.room, .free = mock.room};
}

static void *MockAllocate(FurlDevice *device, size_t bytes)
{
  int k = 0;

  if (mock.fail_allocation > 0 && --mock.fail_allocation == 0) return NULL;
  if (mock.room && bytes > mock.room) return NULL;
  while (k < MOCK_BLOCKS && mock.block[k].data) k++;
  MOCK_CHECK(k < MOCK_BLOCKS, "too many allocations\n");
  mock.block[k] = (MockBlock){.bytes = bytes, .pages = (bytes + MOCK_PAGE - 1) / MOCK_PAGE * MOCK_PAGE};
  {
    char *const whole = mmap(NULL, mock.block[k].pages + 2 * MOCK_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    MOCK_CHECK(whole != MAP_FAILED, "no memory\n");
    mock.block[k].data = whole + MOCK_PAGE;
  }
  MockProtect(PROT_READ | PROT_WRITE);
  memset(mock.block[k].data, 0xff, mock.block[k].pages);
  MockProtect(PROT_NONE);
  mock.live_blocks++;
  return mock.block[k].data;
}

static void MockRelease(FurlDevice *device, void *memory)
{
  int k = 0;

  while (k < MOCK_BLOCKS && mock.block[k].data != memory) k++;
  MOCK_CHECK(k < MOCK_BLOCKS, "memory is given back that is not the device's\n");
  MOCK_CHECK(!munmap(mock.block[k].data - MOCK_PAGE, mock.block[k].pages + 2 * MOCK_PAGE), "munmap failed\n");
  mock.block[k] = (MockBlock){0};
  mock.live_blocks--;
}

static void *MockMap(FurlDevice *device, size_t bytes, void **there)
{
  void *memory = NULL;

  if (mock.fail_allocation > 0 && --mock.fail_allocation == 0) return NULL;
  MOCK_CHECK(!posix_memalign(&memory, 64, bytes), "no memory\n");
  memset(memory, 0xff, bytes);
  mock.live_maps++;
  return *there = memory;
}

static void MockUnmap(FurlDevice *device, void *memory)
{
  free(memory);
  mock.live_maps--;
}

static void *MockStreamCreate(FurlDevice *device)
{
  int k = 0;

  while (k < MOCK_STREAMS && mock.stream[k].used) k++;
  MOCK_CHECK(k < MOCK_STREAMS, "too many streams\n");
  mock.stream[k] = (MockStream){.used = 1};
  mock.live_streams++;
  return &mock.stream[k];
}

/* CUDA lets a destroyed stream finish its work; here that is an error, as it is Furl's rule to wait. A failed device drops it */
static void MockStreamDestroy(FurlDevice *device, void *stream)
{
  MockStream *const s = stream;

  MOCK_CHECK(!s->head || device->status != FURL_DEVICE_OK, "a stream is destroyed that has work to do\n");
  while (s->head) MockRunOne(device, s);
  s->used = 0;
  mock.live_streams--;
}

static void MockStreamWait(FurlDevice *device, void *stream)
{
  MOCK_CHECK(!((MockStream *)stream)->recording, "the host waits for what is recorded\n");
  while (((MockStream *)stream)->head && device->status == FURL_DEVICE_OK) (void)MockStep(device);
}

/* A few operations, of any stream: the host does not see when */
static void MockStreamQuery(FurlDevice *device, void *stream)
{
  for (uint32_t n = MockDraw(8); n > 0 && device->status == FURL_DEVICE_OK; n--) (void)MockStep(device);
}

static void MockForget(FurlDevice *device, void *graph)
{
  for (MockOp *op = ((MockGraph *)graph)->head, *next; op; op = next) {
    next = op->next;
    free(op);
  }
  free(graph);
  mock.live_graphs--;
}

static int MockRecord(FurlDevice *device, void *stream)
{
  MOCK_CHECK(!((MockStream *)stream)->recording, "recordings of one stream overlap\n");
  ((MockStream *)stream)->recording = calloc(1, sizeof(MockGraph));
  mock.live_graphs++;
  return 1;
}

static void *MockRecorded(FurlDevice *device, void *stream)
{
  MockGraph *const graph = ((MockStream *)stream)->recording;

  MOCK_CHECK(graph, "a recording ends that never began\n");
  ((MockStream *)stream)->recording = NULL;
  if (!(mock.fail_recording > 0 && --mock.fail_recording == 0)) return graph;
  MockForget(device, graph);
  return NULL;
}

static void MockReplay(FurlDevice *device, void *stream, void *graph)
{
  if (MockFails(device, &mock.fail_launch, "a graph")) return;
  for (const MockOp *op = ((MockGraph *)graph)->head; op; op = op->next) {
    MockOp *const copy = MockEnqueue(stream, op->kind);

    *copy      = *op;
    copy->next = NULL;
  }
}

/* Whether an address is the device's: a copy that confuses the two sides is found when it is enqueued */
static inline int MockOwns(const void *address, size_t bytes)
{
  for (int k = 0; k < MOCK_BLOCKS; k++)
    if (mock.block[k].data && (const char *)address >= mock.block[k].data &&
        (const char *)address + bytes <= mock.block[k].data + mock.block[k].bytes)
      return 1;
  return 0;
}

static void MockCopy(FurlDevice *device, void *stream, void *to, const void *from, size_t bytes, FurlCopy kind)
{
  MockOp *op;

  if (MockFails(device, &mock.fail_copy, "a copy failed")) return;
  MOCK_CHECK(MockOwns(to, bytes) == (kind != FURL_COPY_DOWN) && MockOwns(from, bytes) == (kind != FURL_COPY_UP),
             "a copy of %zu bytes in a wrong direction, or out of bounds\n", bytes);
  MOCK_CHECK(!((MockStream *)stream)->recording, "a copy is recorded\n");
  op        = MockEnqueue(stream, MOCK_COPY);
  op->to    = to;
  op->from  = from;
  op->bytes = bytes;
}

static void MockFill(FurlDevice *device, void *stream, void *to, size_t bytes)
{
  MockOp *const op = MockEnqueue(stream, MOCK_FILL);

  MOCK_CHECK(MockOwns(to, bytes), "zeros for memory that is not the device's\n");
  op->to    = to;
  op->bytes = bytes;
}

static void MockLaunch(FurlDevice *device, void *stream, const FurlKernel *kernel, const void *args, int64_t first, int64_t end)
{
  MockOp *op;

  if (MockFails(device, &mock.fail_launch, kernel->name)) return;
  MOCK_CHECK(kernel->args_bytes <= MOCK_ARGS, "%s has arguments of %zu bytes\n", kernel->name, kernel->args_bytes);
  op         = MockEnqueue(stream, MOCK_LAUNCH);
  op->kernel = kernel;
  op->first  = first;
  op->end    = end;
  memcpy(op->args, args, kernel->args_bytes);
}

static const FurlDeviceOps MockOps = {.name           = "mock",
                                      .open           = MockOpen,
                                      .close          = MockClose,
                                      .properties     = MockProperties,
                                      .allocate       = MockAllocate,
                                      .release        = MockRelease,
                                      .map            = MockMap,
                                      .unmap          = MockUnmap,
                                      .stream_create  = MockStreamCreate,
                                      .stream_destroy = MockStreamDestroy,
                                      .stream_wait    = MockStreamWait,
                                      .stream_query   = MockStreamQuery,
                                      .record         = MockRecord,
                                      .recorded       = MockRecorded,
                                      .replay         = MockReplay,
                                      .forget         = MockForget,
                                      .copy           = MockCopy,
                                      .fill           = MockFill,
                                      .launch         = MockLaunch};
