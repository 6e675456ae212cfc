/* The descriptors of the Krylov method's passes */
#include "ksplaunch.h"

FURL_KSP_KERNELS(FURL_DEFINE_KERNEL)
