/*
  The values of several lanes at once, in vectors of the machine, for bodies of CPUs with FP64 vectors: gcc makes of their conversions one
  lane after the other, or goes through memory.
*/
#pragma once

#include <furl/planes.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

typedef double   FurlVector __attribute__((vector_size(FURL_VECTOR_BYTES), aligned(8), may_alias));
typedef int64_t  FurlWords __attribute__((vector_size(FURL_VECTOR_BYTES)));
typedef uint64_t FurlUnsignedWords __attribute__((vector_size(FURL_VECTOR_BYTES)));

#define FURL_VECTOR_LANES (FURL_VECTOR_BYTES / 8)

/* FurlLoadInt8(), FurlLoadInt16(), FurlLoadUint32(): integers of the lanes of a vector */
#if defined(__AVX512F__)
#define FURL_DEFINE_LOAD(name, type, load, widen) \
  FURL_BODY FurlWords name(const type *at)        \
  {                                               \
    return (FurlWords)widen(load);                \
  }
FURL_DEFINE_LOAD(FurlLoadInt8, int8_t, _mm_loadl_epi64((const __m128i *)(const void *)at), _mm512_cvtepi8_epi64)
FURL_DEFINE_LOAD(FurlLoadInt16, int16_t, _mm_loadu_si128((const __m128i *)(const void *)at), _mm512_cvtepi16_epi64)
FURL_DEFINE_LOAD(FurlLoadUint32, uint32_t, _mm256_loadu_si256((const __m256i *)(const void *)at), _mm512_cvtepu32_epi64)
#elif defined(__AVX2__)
FURL_BODY __m128i FurlLoadFourBytes(const void *at)
{
  int32_t four;

  memcpy(&four, at, sizeof(four));
  return _mm_cvtsi32_si128(four);
}

#define FURL_DEFINE_LOAD(name, type, load, widen) \
  FURL_BODY FurlWords name(const type *at)        \
  {                                               \
    return (FurlWords)widen(load);                \
  }
FURL_DEFINE_LOAD(FurlLoadInt8, int8_t, FurlLoadFourBytes(at), _mm256_cvtepi8_epi64)
FURL_DEFINE_LOAD(FurlLoadInt16, int16_t, _mm_loadl_epi64((const __m128i *)(const void *)at), _mm256_cvtepi16_epi64)
FURL_DEFINE_LOAD(FurlLoadUint32, uint32_t, _mm_loadu_si128((const __m128i *)(const void *)at), _mm256_cvtepu32_epi64)
#else
#define FURL_DEFINE_LOAD(name, type)                              \
  FURL_BODY FurlWords name(const type *at)                        \
  {                                                               \
    FurlWords words = {0};                                        \
                                                                  \
    for (int l = 0; l < FURL_VECTOR_LANES; l++) words[l] = at[l]; \
    return words;                                                 \
  }
FURL_DEFINE_LOAD(FurlLoadInt8, int8_t)
FURL_DEFINE_LOAD(FurlLoadInt16, int16_t)
FURL_DEFINE_LOAD(FurlLoadUint32, uint32_t)
#endif

/*
  Bits of a double that planes become: sign, five bits of exponent and ten of mantissa of the head; those that head and second leave of the
  mantissa, as much as a float has; and the factor that makes normal numbers of them, which leaves 2^(B - 896) to the caller.
*/
#define FURL_HEAD_BITS (int64_t)0x81fffc0000000000u
#define FURL_EXPONENT_BITS (INT64_C(31) << 52)
#define FURL_SHORT_BITS ~((INT64_C(1) << 29) - 1)
#define FURL_PLANES_FACTOR 0x1p896

/* Planes as read, less the scale; flush: entries below the window are read as zero. 2, 4 or 8 B a lane */
FURL_BODY FurlVector FurlPlanesVector(FurlRead read, int flush, const uint16_t *head, const int16_t *second, const uint32_t *tail)
{
  const FurlWords top  = FurlLoadInt16((const int16_t *)head) << 42 & FURL_HEAD_BITS;
  FurlWords       bits = top;

  if (read != FURL_READ_HEAD) bits += FurlLoadInt16(second) << 26;
  if (read == FURL_READ_SECOND) bits &= FURL_SHORT_BITS;
  if (read == FURL_READ_ALL) bits += (FurlWords)((FurlUnsignedWords)FurlLoadUint32(tail) >> 6);
  if (flush) bits &= (top & FURL_EXPONENT_BITS) != 0;
  return (FurlVector)bits * FURL_PLANES_FACTOR;
}
