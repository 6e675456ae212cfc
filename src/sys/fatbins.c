/* The kernels as machine code for GPUs, one file for each folder of kernels; absent where the build had no nvcc: see tools/build.mk */
#include "fatbins.h"

extern const char FurlFatbinMat[] __attribute__((weak, visibility("hidden")));
extern const char FurlFatbinPc[] __attribute__((weak, visibility("hidden")));
extern const char FurlFatbinGrid[] __attribute__((weak, visibility("hidden")));
extern const char FurlFatbinKsp[] __attribute__((weak, visibility("hidden")));

const void *FurlFatbinGet(int k)
{
  const void *const all[FURL_FATBINS] = {FurlFatbinMat, FurlFatbinPc, FurlFatbinGrid, FurlFatbinKsp};

  return all[k];
}
