#pragma once

#include <furl/slices.h>

void  FurlArrayInit(FurlArray *array, size_t item);
void *FurlArrayExtend(FurlArray *array, size_t n); /* room for n more items, or NULL: the new ones, not initialised */
void  FurlArrayTrim(FurlArray *array);             /* gives back what was reserved in vain */
void  FurlArrayFree(FurlArray *array);
