/* The passes over vectors that kspvector.c launches */
#pragma once

#include "kspbodies.h"

FURL_KSP_KERNELS(FURL_DECLARE_KERNEL)
