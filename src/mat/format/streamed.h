/* What a product reads of the memory of a matrix, in contrast to what it holds */
#pragma once

#include <furl/slices.h>

/* Planes that a product reads, as in slicesum.h: heads, heads and seconds, all */
typedef enum { FURL_STREAM_HEAD, FURL_STREAM_SECOND, FURL_STREAM_ALL } FurlStreamedRead;

double FurlSlicesStreamedBytes(const FurlSlices *slices, FurlStreamedRead stream);
