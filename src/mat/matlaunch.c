#include "kernels/matmultargs.h"

FURL_MAT_KERNELS(FURL_DEFINE_KERNEL)
