/* Growing arrays: amortised appends, so that an encoder need not count first */
#include <stdlib.h>
#include <string.h>
#include <furl/memory.h>
#include "array.h"

#define BEHIND 256 /* bytes, readable behind the last item: a vector's worth of any payload */

void FurlArrayInit(FurlArray *array, size_t item)
{
  *array = (FurlArray){.item = item};
}

void *FurlArrayExtend(FurlArray *array, size_t n)
{
  if (array->used + n > array->room) {
    const size_t room = array->used + n > 2 * array->room ? array->used + n : 2 * array->room;
    void *const  data = realloc(array->data, room * array->item + BEHIND);

    if (!data) return NULL;
    FurlMemoryLargePages((char *)data + array->used * array->item, (room - array->used) * array->item);
    array->data = data;
    array->room = room;
  }
  array->used += n;
  return (char *)array->data + (array->used - n) * array->item;
}

void FurlArrayTrim(FurlArray *array)
{
  void *const data = array->used ? realloc(array->data, array->used * array->item + BEHIND) : NULL;

  if (!data && array->used) return; /* the larger block stays valid */
  if (!array->used) free(array->data);
  array->data = data;
  array->room = array->used;
}

void FurlArrayFree(FurlArray *array)
{
  free(array->data);
  FurlArrayInit(array, array->item);
}
