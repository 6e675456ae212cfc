#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <furl/memory.h>
#include <furl/pages.h>

#define LARGE_PAGE ((size_t)1 << 21)
#define PAGE ((size_t)1 << 16) /* a multiple of every page size in use */
#define ALIGNMENT 64           /* bytes: a cache line, a vector */

#if defined(__SANITIZE_ADDRESS__)
#define MAP_FROM SIZE_MAX /* bytes: what is mapped has no red zones around it */
#else
#define MAP_FROM LARGE_PAGE
#endif

void FurlMemoryLargePages(void *memory, size_t bytes)
{
#if defined(MADV_HUGEPAGE)
  const uintptr_t begin = ((uintptr_t)memory + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
  const uintptr_t end   = ((uintptr_t)memory + bytes) / LARGE_PAGE * LARGE_PAGE;

  if (end > begin) (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
#endif
}

void FurlPagesForget(void *memory, size_t bytes)
{
#if defined(MADV_DONTNEED)
  const uintptr_t begin = ((uintptr_t)memory + PAGE - 1) / PAGE * PAGE, end = ((uintptr_t)memory + bytes) / PAGE * PAGE;

  if (end > begin) (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
#endif
}

/* Begins with a large page, and ends with one where most of it is used */
static int Map(FurlBlock *block)
{
  const size_t small  = (block->bytes + PAGE - 1) / PAGE * PAGE;
  const size_t length = small % LARGE_PAGE > LARGE_PAGE / 2 ? (small / LARGE_PAGE + 1) * LARGE_PAGE : small;
  char *const  room   = mmap(NULL, length + LARGE_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  size_t       front;

  if (room == MAP_FAILED) return 0;
  front = (LARGE_PAGE - (uintptr_t)room % LARGE_PAGE) % LARGE_PAGE;
  if (front) (void)munmap(room, front);
  if (front < LARGE_PAGE) (void)munmap(room + front + length, LARGE_PAGE - front);
  block->data  = room + front;
  block->bytes = length;
  FurlMemoryLargePages(block->data, length);
  return 1;
}

int FurlBlockInit(FurlBlock *block, size_t bytes)
{
  *block = (FurlBlock){.bytes = bytes, .mapped = bytes >= MAP_FROM};
  if (block->mapped) return Map(block);
  if (posix_memalign((void **)&block->data, ALIGNMENT, bytes ? bytes : 1)) {
    block->data = NULL;
    return 0;
  }
  memset(block->data, 0, bytes);
  return 1;
}

void FurlBlockFree(FurlBlock *block)
{
  if (block->mapped && block->data)
    (void)munmap(block->data, block->bytes);
  else
    free(block->data);
  *block = (FurlBlock){0};
}
