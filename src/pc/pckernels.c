/* Makes the launchers of this folder's kernels, once for each instruction set and once for CUDA */
#include "kernels/cycle.h"

FURL_PC_KERNELS(FURL_DEFINE_LAUNCHER)
