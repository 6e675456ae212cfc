/*
  One body, two compilers. A kernel body is a function over one item (a slice of FURL_WIDTH rows, or FURL_WIDTH vector entries) written as
  loops over the lanes of that item. gcc turns each loop into SIMD instructions; nvcc turns it into this thread's own lane of a warp.
  A variable that must live from one such loop to the next is declared with FURL_PER_LANE() and read with AT(): an array of FURL_WIDTH
  under gcc, of one under nvcc.

  Where sums must stay in registers over an inner loop, a body goes through the lanes in parts of FURL_PART, or of FURL_HALF where the
  others are empty: a few vectors under gcc, the whole warp under nvcc. FURL_PER_PART() declares `width` numbers for each lane of the part,
  AT_PART() is number e % width of lane e / width, and FURL_PART_ENTRIES(e, n, m, width) runs over those of m lanes of a part (nvcc: of the
  first n lanes of the warp).
*/
#pragma once

#include <stdint.h>
#include <string.h>

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
#define FURL_PART FURL_WIDTH
#define FURL_HALF FURL_WIDTH
#define FURL_PART_LANES(l, n, m) FURL_LANES_BELOW(l, n)
#define FURL_PART_ENTRIES(e, n, m, width) \
  for (int furl_l = (int)(threadIdx.x % FURL_WIDTH), e = furl_l * (width); furl_l < (n) && e < (furl_l + 1) * (width); e++)
#define FURL_PER_PART(type, name, width) type name[width]
#define AT_PART(name, width, e) name[(e) % (width)]
typedef uint64_t FurlPartMask;

#define FURL_PART_SET(type, value, n, X) FURL_PART_LANES(furl_l, n, FURL_HALF)(value)[0] = X(furl_l)
#define FURL_PART_SET_PAIRS(type, value, n, X) FURL_PART_LANES(furl_l, n, FURL_HALF)(value)[0] = X(furl_l, 0), (value)[1] = X(furl_l, 1)
#else
#define FURL_BODY static inline __attribute__((always_inline))
#define FURL_SHARED_BODY static __attribute__((noinline, unused)) /* large, with many callers: compiled once a file */
#define FURL_LANES(l) _Pragma("GCC ivdep") for (int l = 0; l < FURL_WIDTH; l++)
#define FURL_LANES_BELOW(l, n) _Pragma("GCC ivdep") for (int l = 0; l < (n); l++)
#define FURL_PER_LANE(type, name) type name[FURL_WIDTH]
#define AT(name, l) name[l]
#define FURL_RESTRICT restrict
#define FURL_UNROLL _Pragma("GCC unroll 8") /* a short loop inside one over the lanes, which must not become the vector loop */
#define FURL_PART 16
#define FURL_HALF 8
#define FURL_PART_LANES(l, n, m) FURL_PART_ENTRIES(l, n, m, 1)
#define FURL_PART_ENTRIES(e, n, m, width) /* unrolled before it is made SIMD it would not become so */ \
  _Pragma("GCC ivdep") _Pragma("GCC unroll 1") for (int e = ((void)(n), 0); e < (m) * (width); e++)
#define FURL_PER_PART(type, name, width) type name[FURL_PART * (width)]
#define AT_PART(name, width, e) name[e]
typedef uint32_t FurlPartMask;

/*
  value[l] = X(l) for FURL_HALF lanes, X being a load from anywhere; pairs: value[2 l + d] = X(l, d). Lane by lane into a vector: the
  instructions that gather are slower on many machines, and vectors that are loaded from stores of their parts have to wait for these.
*/
#define FURL_PART_SET(type, value, n, X)                                       \
  do {                                                                         \
    typedef type Part __attribute__((vector_size(FURL_HALF * sizeof(type))));  \
    const Part   furl_part = {X(0), X(1), X(2), X(3), X(4), X(5), X(6), X(7)}; \
    memcpy(value, &furl_part, sizeof(furl_part));                              \
  } while (0)
#define FURL_PART_SET_PAIRS(type, value, n, X)                                                         \
  do {                                                                                                 \
    typedef type Part __attribute__((vector_size(2 * FURL_HALF * sizeof(type))));                      \
    const Part   furl_part = {X(0, 0), X(0, 1), X(1, 0), X(1, 1), X(2, 0), X(2, 1), X(3, 0), X(3, 1),  \
                              X(4, 0), X(4, 1), X(5, 0), X(5, 1), X(6, 0), X(6, 1), X(7, 0), X(7, 1)}; \
    memcpy(value, &furl_part, sizeof(furl_part));                                                      \
  } while (0)
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

/* The largest of the lanes; NaN where one is */
FURL_BODY float FurlMaxLanes(float *value)
{
#if defined(__CUDACC__)
  for (int half = FURL_WIDTH / 2; half > 0; half /= 2) {
    const float other = __shfl_xor_sync(0xffffffffu, value[0], half);

    value[0] = value[0] >= other || value[0] != value[0] ? value[0] : other;
  }
#else
  for (int half = FURL_WIDTH / 2; half > 0; half /= 2)
    for (int l = 0; l < half; l++) {
      const float other = value[l + half];

      value[l] = value[l] >= other || value[l] != value[l] ? value[l] : other;
    }
#endif
  return value[0];
}

/* Whether the condition, of the variables of lane l, holds in some lane */
#if defined(__CUDACC__)
#define FURL_ANY_LANE(any, l, condition) FURL_LANES(l) any = __any_sync(0xffffffffu, condition)
#else
#define FURL_ANY_LANE(any, l, condition) \
  any = 0;                               \
  FURL_LANES(l) any |= (condition)
#endif

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
