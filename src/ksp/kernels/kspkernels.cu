#include "kspkernels.c"
