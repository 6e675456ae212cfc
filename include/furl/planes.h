/*
  One copy of a value, several precisions. A slot's entries share the base exponent B = max(1, e_max - 30), e the biased exponent field of
  the double. The magnitude becomes a 63-bit integer U: 5 bits of exponent e - B, 58 bits of mantissa, with gradual underflow as in IEEE
  754:

    e >  B:  U = (bits(|v|) - B 2^52) 2^6
    e <= B:  U = |v| / 2^(B - 1080), where that is an integer (else the slot is not stored this way)

    head   = sign 2^15 | (U + 2^47) >> 48        a half-precision number: 2 bytes, relative error <= 2^-11
    r      = U - (head & 0x7fff) 2^48            -2^47 <= r < 2^47, exactly a signed 48-bit integer:
    second = r >> 32                             2 more bytes, head and second: relative error <= 2^-23
    tail   = low word of r                       4 more bytes: all bits of v, -0.0 included

  Rounding to nearest gives |r| <= 2^47, a tie rounds up and so never to +2^47; U to v is injective.
*/
#pragma once

#include <stdint.h>
#include <string.h>
#include <furl/lanes.h>

#define FURL_PLANES_SMALL 0x4000 /* set in the exponent of a slot some of whose entries lie below its 30 binades */
#define FURL_PLANES_H64 0x2000   /* set in the exponent of a slot whose doubles are stored beside the heads */
#define FURL_PLANES_MASK 0x1fff

/* How much of the planes a product reads */
typedef enum {
  FURL_READ_HEAD,   /* 2 bytes, relative error 2^-11 */
  FURL_READ_SECOND, /* 4 bytes, relative error 2^-23 */
  FURL_READ_ALL     /* 8 bytes, exact */
} FurlRead;

FURL_BODY float FurlFloatFromBits(uint32_t bits)
{
  float value;

  memcpy(&value, &bits, sizeof(value));
  return value;
}

FURL_BODY uint32_t FurlFloatToBits(float value)
{
  uint32_t bits;

  memcpy(&bits, &value, sizeof(bits));
  return bits;
}

FURL_BODY double FurlDoubleFromBits(uint64_t bits)
{
  double value;

  memcpy(&value, &bits, sizeof(value));
  return value;
}

FURL_BODY uint64_t FurlDoubleToBits(double value)
{
  uint64_t bits;

  memcpy(&bits, &value, sizeof(bits));
  return bits;
}

/* 2^e, zero below and the largest power of two above the range of a float */
FURL_BODY float FurlPowerFloat(int e)
{
  const int above  = e + 127 > 0 ? e + 127 : 0;
  const int biased = above < 254 ? above : 254;

  return FurlFloatFromBits((uint32_t)biased << 23);
}

FURL_BODY double FurlPowerDouble(int e)
{
  const int above  = e + 1023 > 0 ? e + 1023 : 0;
  const int biased = above < 2046 ? above : 2046;

  return FurlDoubleFromBits((uint64_t)biased << 52);
}

/* The scale that the two short decoders leave to the caller: value = decoded * 2^(B - 896) */
FURL_BODY int FurlPlanesScale(int16_t exponent)
{
  return (exponent & FURL_PLANES_MASK) - 896;
}

FURL_BODY float FurlHeadToFloat(uint16_t head)
{
  return FurlFloatFromBits(((uint32_t)(int32_t)(int16_t)head << 13) & 0x8fffe000u);
}

FURL_BODY float FurlHeadSecondToFloat(uint16_t head, int16_t second)
{
  return FurlFloatFromBits((((uint32_t)(int32_t)(int16_t)head << 13) & 0x8fffe000u) + (uint32_t)((int32_t)second >> 3));
}

/* The same for slots with entries below the window: these are read as zero, as a denormal float would be slow; by bits, as a condition
 * would keep loops from becoming SIMD */
FURL_BODY float FurlFlush(uint16_t head, float value)
{
  return FurlFloatFromBits(FurlFloatToBits(value) & (0u - (uint32_t)((head & 0x7c00) != 0)));
}

FURL_BODY float FurlHeadToFloatFlush(uint16_t head)
{
  return FurlFlush(head, FurlHeadToFloat(head));
}

FURL_BODY float FurlHeadSecondToFloatFlush(uint16_t head, int16_t second)
{
  return FurlFlush(head, FurlHeadSecondToFloat(head, second));
}

FURL_BODY uint64_t FurlPlanesToInteger(uint16_t head, int16_t second, uint32_t tail)
{
  return ((uint64_t)(head & 0x7fff) << 48) + ((uint64_t)(int64_t)second << 32) + tail;
}

/* The double, where no entry of the slot lies below its window (zeros may) */
FURL_BODY double FurlPlanesToDouble(uint16_t head, int16_t second, uint32_t tail, int16_t exponent)
{
  const uint64_t U    = FurlPlanesToInteger(head, second, tail);
  const uint64_t sign = (uint64_t)(head & 0x8000) << 48;
  const uint64_t bits = (U >> 6) + ((uint64_t)(exponent & FURL_PLANES_MASK) << 52);

  return FurlDoubleFromBits((U ? bits : 0) | sign);
}

/* The double, whatever the slot: entries below the window are U 2^(B - 1080), in two steps as that power may be denormal */
FURL_BODY double FurlPlanesToDoubleSmall(uint16_t head, int16_t second, uint32_t tail, int16_t exponent)
{
  const uint64_t U    = FurlPlanesToInteger(head, second, tail);
  const int      B    = exponent & FURL_PLANES_MASK;
  const double   tiny = (double)U * FurlPowerDouble(B - 1080 < -1022 ? -58 : 0) * FurlPowerDouble(B - 1080 < -1022 ? B - 1022 : B - 1080);

  if (U >> 58) return FurlPlanesToDouble(head, second, tail, exponent);
  return FurlDoubleFromBits(FurlDoubleToBits(tiny) | (uint64_t)(head & 0x8000) << 48);
}

/*
  The encoders, on the host.

  Fit          1 where P64 is exact for the n values; sets the slot's exponent in any case
  Window       base exponent of a slot whose largest magnitude has these bits
  SplitNormal  the planes of n values; 0 where one that is not zero lies outside the 30 binades of base B, whose planes are then zero
  HeadRound    the head alone; entries below the window become zero of the same sign
*/
int      FurlPlanesFit(const double *value, int n, int16_t *exponent);
int      FurlPlanesWindow(uint64_t magnitude);
void     FurlPlanesSplit(double value, int16_t exponent, uint16_t *head, int16_t *second, uint32_t *tail);
int      FurlPlanesSplitNormal(const double *value, int n, int B, uint16_t *head, int16_t *second, uint32_t *tail);
void     FurlPlanesSplitLanes(const double *value, int n, int16_t exponent, uint16_t *head, int16_t *second, uint32_t *tail);
uint16_t FurlHeadRound(double value, int16_t exponent);
void     FurlHeadsRound(const double *value, int n, int16_t exponent, uint16_t *head);
