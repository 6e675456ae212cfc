/* Makes the launchers of the loops, once for each instruction set */
#include "describebodies.h"

FURL_DESCRIBE_KERNELS(FURL_DEFINE_LAUNCHER)
