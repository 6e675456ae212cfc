#include "kernels/cycleargs.h"

FURL_PC_KERNELS(FURL_DEFINE_KERNEL)
