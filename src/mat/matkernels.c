/* Makes the launchers of this folder's kernels, once for each instruction set and once for CUDA */
#include "kernels/matmult.h"

FURL_MAT_KERNELS(FURL_DEFINE_LAUNCHER)
