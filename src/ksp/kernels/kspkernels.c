/* The launchers of the Krylov method's passes, compiled once for each instruction set */
#include "kspbodies.h"

FURL_KSP_KERNELS(FURL_DEFINE_LAUNCHER)
