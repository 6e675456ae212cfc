/* Makes the launchers of this folder's kernels, once for each instruction set and once for CUDA */
#include "kernels/gridmakebodies.h"
#include "kernels/softenbodies.h"

FURL_GRID_KERNELS(FURL_DEFINE_LAUNCHER)
