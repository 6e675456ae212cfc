#include "gridkernels.c"
