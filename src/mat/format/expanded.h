#pragma once

#include <furl/slices.h>

int FurlSlicesExpand(FurlSlices *slices); /* of slices that are complete; 0: no memory, they are as good without it */
