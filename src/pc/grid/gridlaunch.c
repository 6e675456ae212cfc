#include "kernels/gridargs.h"

FURL_GRID_KERNELS(FURL_DEFINE_KERNEL)
