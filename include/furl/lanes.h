/*
  One body, two compilers. A kernel body is a function over one item (a slice of FURL_WIDTH rows, or FURL_WIDTH vector entries) written as
  loops over the lanes of that item. gcc turns each loop into SIMD instructions; nvcc turns it into this thread's own lane of a warp.
  A variable that must live from one such loop to the next is declared with FURL_PER_LANE() and read with AT(): an array of FURL_WIDTH
  under gcc, of one under nvcc.

  Where only the first n lanes of a slice have something to do a body goes through them in groups of FURL_GROUP: FURL_GROUPS(first, n) gives
  the first lane of each, FURL_WHOLE_GROUPS(first, n) of those that have all their lanes, and the rest begins at FURL_WHOLE_LANES(n); arrays
  are moved on by `first` (nvcc: the whole warp is the rest). FURL_PER_ENTRY() declares `width` numbers for each lane, AT_ENTRY() is number
  e % width of lane e / width, and FURL_GROUP_ENTRIES(e, type, n, width) runs over those of a group (nvcc: of the first n lanes of the
  warp).

  FURL_EQUAL_LANES(first, end, code) runs over the lanes [first, end) that lie together and have the same code[] (nvcc: its own lane alone).
*/
#pragma once

#include <stdint.h>
#include <string.h>

#define FURL_WIDTH 32 /* rows of a slice: the threads of a warp, four AVX-512 vectors of doubles */
#define FURL_GROUP 8  /* lanes: what irregular slots are padded to, one AVX-512 vector of doubles */

#if defined(__CUDACC__)
#define FURL_BODY static __device__ __forceinline__
#define FURL_SHARED_BODY FURL_BODY
#define FURL_LANES(l) for (int l = (int)(threadIdx.x % FURL_WIDTH), furl_once = 1; furl_once; furl_once = 0)
#define FURL_LANES_BELOW(l, n) for (int l = (int)(threadIdx.x % FURL_WIDTH), furl_once = l < (n); furl_once; furl_once = 0)
#define FURL_PER_LANE(type, name) type name[1]
#define AT(name, l) name[0]
#define FURL_RESTRICT __restrict__
#define FURL_UNROLL _Pragma("unroll")
#define FURL_GROUPS(first, n) for (int first = 0; first < 1; first++)
#define FURL_WHOLE_GROUPS(first, n) for (int first = 0; first < 0; first++)
#define FURL_WHOLE_LANES(n) 0
#define FURL_LANES_AT_ONCE FURL_WIDTH
#define FURL_LANES_IN_MEMORY 0
#define FURL_OWN_GROUP(first) ((int)(threadIdx.x % FURL_WIDTH) / FURL_GROUP * FURL_GROUP)
#define FURL_GROUP_LANES(l) FURL_LANES(l)
#define FURL_GROUP_ENTRIES(e, type, n, width) \
  for (int furl_l = (int)(threadIdx.x % FURL_WIDTH), e = furl_l * (width); furl_l < (n) && e < (furl_l + 1) * (width); e++)
#define FURL_PER_ENTRY(type, name, width) type name[width]
#define AT_ENTRY(name, width, e) (name)[(e) % (width)]

#define FURL_POPCOUNT(word) __popc(word)
#define FURL_EQUAL_LANES(first, end, code) for (int first = (int)(threadIdx.x % FURL_WIDTH), end = first + 1; first < end; first = end)

#define FURL_GROUP_SET(type, value, n, X) FURL_LANES_BELOW(furl_l, n)(value)[0] = X(furl_l)
#define FURL_GROUP_ENTRIES_SET(type, value, n, width, X) \
  FURL_LANES_BELOW(furl_l, n)                            \
  for (int furl_d = 0; furl_d < (width); furl_d++) (value)[furl_d] = X(furl_l * (width) + furl_d)
#define FURL_GROUP_SET_PAIRS(type, value, n, X) FURL_LANES_BELOW(furl_l, n)(value)[0] = X(furl_l)[0], (value)[1] = X(furl_l)[1]
#else
#define FURL_BODY static inline __attribute__((always_inline))
#define FURL_SHARED_BODY static __attribute__((noinline, unused)) /* large, with many callers: compiled once a file */
#define FURL_LANES(l) _Pragma("GCC ivdep") for (int l = 0; l < FURL_WIDTH; l++)
#define FURL_LANES_BELOW(l, n) _Pragma("GCC ivdep") for (int l = 0; l < (n); l++)
#define FURL_PER_LANE(type, name) type name[FURL_WIDTH]
#define AT(name, l) name[l]
#define FURL_RESTRICT restrict
#define FURL_UNROLL _Pragma("GCC unroll 8") /* a short loop inside one over the lanes, which must not become the vector loop */
#define FURL_GROUPS(first, n) for (int first = 0; first < (n); first += FURL_GROUP)
#define FURL_WHOLE_GROUPS(first, n) for (int first = 0; first + FURL_GROUP <= (n); first += FURL_GROUP)
#define FURL_WHOLE_LANES(n) ((n) / FURL_GROUP * FURL_GROUP)
#define FURL_LANES_AT_ONCE FURL_GROUP
#define FURL_LANES_IN_MEMORY 1        /* what FURL_PER_LANE() declares may be any array */
#define FURL_OWN_GROUP(first) (first) /* of eight lanes, also where the whole warp is one group */
#define FURL_GROUP_LANES(l) _Pragma("GCC ivdep") for (int l = 0; l < FURL_GROUP; l++)
#define FURL_LANES_OF_GROUP(l, first) _Pragma("GCC ivdep") _Pragma("GCC unroll 1") for (int l = (first); l < (first) + FURL_GROUP; l++)
/* a vector at a time, which is not unrolled before it is made SIMD: it would not become so */
#define FURL_GROUP_ENTRIES(e, type, n, width)                                                          \
  for (int furl_e = ((void)(n), 0); furl_e < FURL_GROUP * (width); furl_e += FURL_VECTOR(type, width)) \
  _Pragma("GCC ivdep") _Pragma("GCC unroll 1") for (int e = furl_e; e < furl_e + FURL_VECTOR(type, width); e++)
#define FURL_EQUAL_LANES(first, end, code) \
  for (int first = 0, end = FurlEqualLanes(code, 0); first < FURL_WIDTH; first = end, end = FurlEqualLanes(code, first))
#define FURL_VECTOR(type, width) ((int)(64 / sizeof(type)) < FURL_GROUP * (width) ? (int)(64 / sizeof(type)) : FURL_GROUP * (width))
#define FURL_PER_ENTRY(type, name, width) type name[FURL_WIDTH * (width)]
#define AT_ENTRY(name, width, e) (name)[e]
#define FURL_POPCOUNT(word) __builtin_popcount(word)

/*
  value[l] = X(l) for the lanes of a group, X being a load from anywhere; pairs: value[2 l] and value[2 l + 1] are the two numbers at X(l).
  Lane by lane into a vector: the instructions that gather are slower on many machines, and vectors that are loaded from stores of their
  parts have to wait for these.
*/
#if defined(__AVX512F__)
#define FURL_VECTOR_BYTES 64
#elif defined(__AVX__)
#define FURL_VECTOR_BYTES 32
#else
#define FURL_VECTOR_BYTES 16
#endif
/* value[l] = X(f + l): in vectors that the machine has, as the compiler takes wider ones apart in memory */
#define FURL_EIGHT(type, value, X, f)                                                                                                 \
  do {                                                                                                                                \
    typedef type Two __attribute__((vector_size(2 * sizeof(type))));                                                                  \
    typedef type Four __attribute__((vector_size(4 * sizeof(type))));                                                                 \
    typedef type Eight __attribute__((vector_size(8 * sizeof(type))));                                                                \
    if (8 * sizeof(type) <= FURL_VECTOR_BYTES) {                                                                                      \
      const Eight furl_eight = {X(f), X((f) + 1), X((f) + 2), X((f) + 3), X((f) + 4), X((f) + 5), X((f) + 6), X((f) + 7)};            \
      memcpy(value, &furl_eight, sizeof(furl_eight));                                                                                 \
    } else if (4 * sizeof(type) <= FURL_VECTOR_BYTES) {                                                                               \
      const Four furl_low = {X(f), X((f) + 1), X((f) + 2), X((f) + 3)}, furl_high = {X((f) + 4), X((f) + 5), X((f) + 6), X((f) + 7)}; \
      memcpy(value, &furl_low, sizeof(furl_low));                                                                                     \
      memcpy((value) + 4, &furl_high, sizeof(furl_high));                                                                             \
    } else {                                                                                                                          \
      for (int furl_l = 0; furl_l < 8; furl_l += 2) {                                                                                 \
        const Two furl_two = {X((f) + furl_l), X((f) + furl_l + 1)};                                                                  \
        memcpy((value) + furl_l, &furl_two, sizeof(furl_two));                                                                        \
      }                                                                                                                               \
    }                                                                                                                                 \
  } while (0)
#define FURL_GROUP_SET(type, value, n, X) FURL_EIGHT(type, value, X, 0)
/* value[e] = X(e) for the entries of a group, of which each lane has one or two */
#define FURL_GROUP_ENTRIES_SET(type, value, n, width, X)                     \
  do {                                                                       \
    FURL_EIGHT(type, value, X, 0);                                           \
    if ((width) == 2) FURL_EIGHT(type, (value) + FURL_GROUP, X, FURL_GROUP); \
  } while (0)
#define FURL_GROUP_SET_PAIRS(type, value, n, X)        \
  do {                                                 \
    FURL_FOUR_PAIRS(type, value, X, 0);                \
    FURL_FOUR_PAIRS(type, (value) + FURL_GROUP, X, 4); \
  } while (0)
#if defined(__has_builtin) && __has_builtin(__builtin_shufflevector) /* gcc 12: loads of two numbers each */
#define FURL_FOUR_PAIRS(type, value, X, l)                                                             \
  do {                                                                                                 \
    typedef type Two __attribute__((vector_size(2 * sizeof(type)), aligned(sizeof(type)), may_alias)); \
    typedef type Four __attribute__((vector_size(4 * sizeof(type))));                                  \
    typedef type Eight __attribute__((vector_size(8 * sizeof(type))));                                 \
    const Two    p = *(const Two *)X(l), q = *(const Two *)X((l) + 1);                                 \
    const Two    r = *(const Two *)X((l) + 2), s = *(const Two *)X((l) + 3);                           \
    const Four   low  = __builtin_shufflevector(p, q, 0, 1, 2, 3);                                     \
    const Four   high = __builtin_shufflevector(r, s, 0, 1, 2, 3);                                     \
    if (8 * sizeof(type) <= FURL_VECTOR_BYTES) {                                                       \
      const Eight eight = __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);                  \
      memcpy(value, &eight, sizeof(eight));                                                            \
    } else if (4 * sizeof(type) <= FURL_VECTOR_BYTES) {                                                \
      memcpy(value, &low, sizeof(low));                                                                \
      memcpy((value) + 4, &high, sizeof(high));                                                        \
    } else {                                                                                           \
      memcpy(value, &p, sizeof(p));                                                                    \
      memcpy((value) + 2, &q, sizeof(q));                                                              \
      memcpy((value) + 4, &r, sizeof(r));                                                              \
      memcpy((value) + 6, &s, sizeof(s));                                                              \
    }                                                                                                  \
  } while (0)
#else
#define FURL_FOUR_PAIRS(type, value, X, l)                                           \
  do {                                                                               \
    typedef type Four __attribute__((vector_size(4 * sizeof(type))));                \
    const Four   low = {X(l)[0], X(l)[1], X((l) + 1)[0], X((l) + 1)[1]},             \
               high  = {X((l) + 2)[0], X((l) + 2)[1], X((l) + 3)[0], X((l) + 3)[1]}; \
    memcpy(value, &low, sizeof(low));                                                \
    memcpy((value) + 4, &high, sizeof(high));                                        \
  } while (0)
#endif
#endif

/* The first lane after `first` whose code is another: four codes at a time */
FURL_BODY int FurlEqualLanes(const uint16_t *code, int first)
{
  const uint64_t same = code[first] * UINT64_C(0x0001000100010001);

  for (int l = first + 1; l < FURL_WIDTH; l += 4) {
    const int at = l < FURL_WIDTH - 4 ? l : FURL_WIDTH - 4; /* the last four may begin before l, or before `first` */
    uint64_t  four;

    memcpy(&four, code + at, sizeof(four));
    four = (four ^ same) >> (l - at) * 16;
    if (four) return l + __builtin_ctzll(four) / 16;
  }
  return FURL_WIDTH;
}

#if !defined(__CUDACC__)
/* The first half of n lanes takes in the second, in vectors of the type: of loops over lanes gcc makes sums of single entries */
#define FURL_ADD_HALF(value, n, vector)                          \
  for (int l = 0; l < (n) / 2; l += (int)(sizeof(vector) / 8)) { \
    vector first, second;                                        \
                                                                 \
    memcpy(&first, (value) + l, sizeof(vector));                 \
    memcpy(&second, (value) + (n) / 2 + l, sizeof(vector));      \
    first += second;                                             \
    memcpy((value) + l, &first, sizeof(vector));                 \
  }
#endif

/* Sum over the lanes by a tree whose order is the same on every machine, so that results do not depend on the back end's width */
FURL_BODY double FurlSumLanes(double *value)
{
#if defined(__CUDACC__)
  for (int half = FURL_WIDTH / 2; half > 0; half /= 2) value[0] += __shfl_xor_sync(0xffffffffu, value[0], half);
#else
  typedef double Two __attribute__((vector_size(16)));
  typedef double Four __attribute__((vector_size(FURL_VECTOR_BYTES < 32 ? FURL_VECTOR_BYTES : 32)));
  typedef double Widest __attribute__((vector_size(FURL_VECTOR_BYTES)));

  FURL_ADD_HALF(value, 32, Widest)
  FURL_ADD_HALF(value, 16, Widest)
  FURL_ADD_HALF(value, 8, Four)
  FURL_ADD_HALF(value, 4, Two)
  value[0] += value[1];
#endif
  return value[0];
}

/* The largest of the lanes; NaN counts as none */
FURL_BODY double FurlMaxDoubleLanes(double *value)
{
#if defined(__CUDACC__)
  for (int half = FURL_WIDTH / 2; half > 0; half /= 2) value[0] = fmax(value[0], __shfl_xor_sync(0xffffffffu, value[0], half));
#else
  for (int half = FURL_WIDTH / 2; half > 0; half /= 2)
    for (int l = 0; l < half; l++) value[l] = value[l + half] > value[l] ? value[l + half] : value[l];
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

/* Whether the condition, of the variables of lane l, holds in some lane: `any` is best as wide as what the condition compares */
#if defined(__CUDACC__)
#define FURL_LANE_WORD(type) int
#define FURL_ANY_LANE(any, l, condition) FURL_LANES(l) any = __any_sync(0xffffffffu, condition)
#else
#define FURL_LANE_WORD(type) __typeof__(_Generic((type)0, double : (int64_t)0, default : (int32_t)0))
#define FURL_ANY_LANE(any, l, condition) \
  any = 0;                               \
  FURL_LANES(l) any |= (condition)
#endif

/* Bit l of the mask: whether the condition holds in lane l */
#if defined(__CUDACC__)
#define FURL_MASK_LANES(mask, l, condition) FURL_LANES(l) mask = __ballot_sync(0xffffffffu, condition)
#else
#define FURL_MASK_LANES(mask, l, condition) \
  mask = 0;                                 \
  FURL_LANES(l) mask |= (uint32_t)(condition) << l
#endif

/* Runs over the lanes of a mask */
#if defined(__CUDACC__)
#define FURL_LANES_OF(l, of) for (int l = (int)(threadIdx.x % FURL_WIDTH), furl_once = (of) >> l & 1; furl_once; furl_once = 0)
#else
#define FURL_LANES_OF(l, of)                                             \
  for (uint32_t furl_left = (of); furl_left; furl_left &= furl_left - 1) \
    for (int l = __builtin_ctz(furl_left), furl_once = 1; furl_once; furl_once = 0)
#endif

/* What was written before it is seen by the host before what is written after it */
#if defined(__CUDACC__)
#define FURL_FENCE() __threadfence_system()
#else
#define FURL_FENCE() __atomic_thread_fence(__ATOMIC_RELEASE)
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
