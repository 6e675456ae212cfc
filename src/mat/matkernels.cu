#include "matkernels.c"
