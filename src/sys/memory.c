#include <stdint.h>
#include <sys/mman.h>
#include <furl/memory.h>

#define LARGE_PAGE ((uintptr_t)1 << 21)

void FurlMemoryLargePages(void *memory, size_t bytes)
{
#if defined(MADV_HUGEPAGE)
  const uintptr_t begin = ((uintptr_t)memory + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
  const uintptr_t end   = ((uintptr_t)memory + bytes) / LARGE_PAGE * LARGE_PAGE;

  if (end > begin) (void)madvise((void *)begin, end - begin, MADV_HUGEPAGE);
#endif
}
