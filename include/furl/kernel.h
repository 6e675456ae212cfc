/*
  A kernel: one body and the launchers that the back ends made of it. A folder lists its bodies once, as X(body, type of its arguments);
  the list makes a launcher for each instruction set of the CPU, one for CUDA, and the descriptor that the solver's code launches.
*/
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <furl/lanes.h>

/* The CPU back ends, in order of preference from the end: any x86-64; AVX2 + FMA; AVX-512 (the levels of the x86-64 psABI) */
typedef enum { FURL_ISA_BASE, FURL_ISA_V3, FURL_ISA_V4, FURL_ISA_COUNT } FurlIsa;

/* Runs the body on items first .. end-1 */
typedef void (*FurlLaunchFn)(const void *args, int64_t first, int64_t end);

typedef struct {
  const char  *name;
  FurlLaunchFn cpu[FURL_ISA_COUNT];
  size_t       args_bytes; /* of its arguments, for back ends that run it later */
} FurlKernel;

/* The best instruction set of this machine; FURL_ISA=base|v3|v4 in the environment lowers it, for tests */
FurlIsa FurlIsaDetect(void);

static inline void FurlLaunchRange(const FurlKernel *kernel, const void *args, int64_t first, int64_t end)
{
  if (end > first) kernel->cpu[FurlIsaDetect()](args, first, end);
}

static inline void FurlLaunch(const FurlKernel *kernel, const void *args, int64_t nitems)
{
  FurlLaunchRange(kernel, args, 0, nitems);
}

#define FURL_JOIN_(a, b) a##b
#define FURL_JOIN(a, b) FURL_JOIN_(a, b)

#if defined(__CUDACC__)
/* A warp an item; found by name in the module, so without C++'s mangling. The arguments are read where the launch put them; a block a
 * multiprocessor may take all registers, or ptxas would rather spill */
#define FURL_DEFINE_LAUNCHER(body, Args)                                                        \
  extern "C" __global__ void __launch_bounds__(256, 1)                                          \
    FURL_JOIN(FurlGlobal, body)(const __grid_constant__ Args args, int64_t first, int64_t end)  \
  {                                                                                             \
    const int64_t item = first + ((int64_t)blockIdx.x * blockDim.x + threadIdx.x) / FURL_WIDTH; \
    if (item < end) body(&args, item);                                                          \
  }
#elif defined(FURL_ISA)
#define FURL_DEFINE_LAUNCHER(body, Args)                                                       \
  void FURL_JOIN(FurlLaunch##body##_, FURL_ISA)(const void *args, int64_t first, int64_t end); \
  void FURL_JOIN(FurlLaunch##body##_, FURL_ISA)(const void *args, int64_t first, int64_t end)  \
  {                                                                                            \
    for (int64_t item = first; item < end; item++) body((const Args *)args, item);             \
  }
#endif

#define FURL_DECLARE_KERNEL(body, Args) extern const FurlKernel FurlKernel##body;

#define FURL_DEFINE_KERNEL(body, Args)                                      \
  extern void      FurlLaunch##body##_base(const void *, int64_t, int64_t); \
  extern void      FurlLaunch##body##_v3(const void *, int64_t, int64_t);   \
  extern void      FurlLaunch##body##_v4(const void *, int64_t, int64_t);   \
  const FurlKernel FurlKernel##body = {#body, {FurlLaunch##body##_base, FurlLaunch##body##_v3, FurlLaunch##body##_v4}, sizeof(Args)};
