/* Large arrays, and what they ask of the operating system */
#pragma once

#include <stddef.h>

/* Large pages for memory that has just been allocated and is going to be written: a page fault for every 2 MB in place of one for every 4
 * KB, which would take a good part of a set-up. Small memory stays as it is; a system that knows no such wish ignores it */
void FurlMemoryLargePages(void *memory, size_t bytes);

/* Zeros for several arrays at once, so that large pages serve them all. Large blocks come from the operating system, which has cleared
 * them: nothing is written twice */
typedef struct {
  char  *data; /* aligned to 64 bytes; NULL: none */
  size_t bytes;
  int    mapped;
} FurlBlock;

/* Between two arrays of a block, so that equal entries of them do not compete for the same sets of a cache */
#define FURL_STAGGER 384 /* bytes: a few lines, a multiple of FURL_WIDTH numbers of FP32 */

int  FurlBlockInit(FurlBlock *block, size_t bytes); /* 0: no memory */
void FurlBlockFree(FurlBlock *block);
