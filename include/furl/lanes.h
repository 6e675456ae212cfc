/*
  One body, two compilers. A kernel body is a function over one item (a slice of FURL_WIDTH rows, or FURL_WIDTH vector entries) written as
  loops over the lanes of that item. gcc turns each loop into SIMD instructions; nvcc turns it into this thread's own lane of a warp.
  A variable that must live from one such loop to the next is declared with FURL_PER_LANE() and read with AT(): an array of FURL_WIDTH
  under gcc, of one under nvcc.
*/
#pragma once

#include <stdint.h>

#define FURL_WIDTH 32 /* rows of a slice: the threads of a warp, four AVX-512 vectors of doubles */

#if defined(__CUDACC__)
#define FURL_BODY static __device__ __forceinline__
#define FURL_SHARED_BODY FURL_BODY
#define FURL_LANES(l) for (int l = (int)(threadIdx.x % FURL_WIDTH), furl_once = 1; furl_once; furl_once = 0)
#define FURL_LANES_BELOW(l, n) for (int l = (int)(threadIdx.x % FURL_WIDTH), furl_once = l < (n); furl_once; furl_once = 0)
#define FURL_PER_LANE(type, name) type name[1]
#define AT(name, l) name[0]
#define FURL_RESTRICT __restrict__
#define FURL_UNROLL _Pragma("unroll")
#else
#define FURL_BODY static inline __attribute__((always_inline))
#define FURL_SHARED_BODY static __attribute__((noinline, unused)) /* large, with many callers: compiled once a file */
#define FURL_LANES(l) _Pragma("GCC ivdep") for (int l = 0; l < FURL_WIDTH; l++)
#define FURL_LANES_BELOW(l, n) _Pragma("GCC ivdep") for (int l = 0; l < (n); l++)
#define FURL_PER_LANE(type, name) type name[FURL_WIDTH]
#define AT(name, l) name[l]
#define FURL_RESTRICT restrict
#define FURL_UNROLL _Pragma("GCC unroll 8") /* a short loop inside one over the lanes, which must not become the vector loop */
#endif

/* Sum over the lanes by a tree whose order is the same on every machine, so that results do not depend on the back end's width */
FURL_BODY double FurlSumLanes(double *value)
{
#if defined(__CUDACC__)
  for (int half = FURL_WIDTH / 2; half > 0; half /= 2) value[0] += __shfl_xor_sync(0xffffffffu, value[0], half);
#else
  for (int half = FURL_WIDTH / 2; half > 0; half /= 2)
    for (int l = 0; l < half; l++) value[l] += value[l + half];
#endif
  return value[0];
}

/* to[row[l]] = from[l]: row is a permutation of the lanes */
#if defined(__CUDACC__)
#define FURL_SCATTER_LANES(to, from, row)                                \
  for (int furl_l = 0; furl_l < FURL_WIDTH; furl_l++) {                  \
    const auto furl_value = __shfl_sync(0xffffffffu, (from)[0], furl_l); \
    if ((row)[furl_l] == threadIdx.x % FURL_WIDTH) (to)[0] = furl_value; \
  }
#else
#define FURL_SCATTER_LANES(to, from, row) \
  for (int furl_l = 0; furl_l < FURL_WIDTH; furl_l++) (to)[(row)[furl_l]] = (from)[furl_l]
#endif
