#include "pckernels.c"
