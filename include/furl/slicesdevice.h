/* The compressed form on a device */
#pragma once

#include <furl/device.h>
#include <furl/slices.h>

/* Names the arrays that kernels read to the arena. *there is for FurlSlicesGetView() alone, and must stay where it is while the arena lives
 */
void FurlSlicesPlan(const FurlSlices *slices, FurlArena *arena, FurlPurpose purpose, FurlSlices *there);
