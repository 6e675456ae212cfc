/* Slices that are read once, from the first to the last */
#pragma once

#include <furl/slices.h>

/* The payload of the slices before s, diagonals apart, is not read again: its memory goes before the container does */
void FurlSlicesForget(FurlSlices *slices, int64_t s);
