/* The encoders of the plane forms: see planes.h for the arithmetic */
#include <furl/planes.h>

#define DOUBLE_MANTISSA ((1ull << 52) - 1)
#define SIGN (1ull << 63)
#define WINDOW 30 /* binades that keep all 53 bits of a double */

static int ExponentField(uint64_t bits)
{
  return (int)(bits >> 52) & 2047;
}

/* A double below the window is mantissa 2^(field - 1075); in units of 2^(B - 1080) it is the mantissa shifted left by field - B + 5 */
static uint64_t SmallMagnitude(uint64_t bits, int B, int *lost)
{
  const int      field    = ExponentField(bits);
  const uint64_t mantissa = field ? (bits & DOUBLE_MANTISSA) | (1ull << 52) : bits & DOUBLE_MANTISSA;
  const int      shift    = (field ? field : 1) - B + 5;

  if (shift >= 0) {
    *lost = 0;
    return mantissa << shift;
  }
  *lost = -shift > 52 ? mantissa != 0 : (mantissa & ((1ull << -shift) - 1)) != 0;
  return -shift > 52 ? 0 : mantissa >> -shift;
}

static uint64_t Magnitude(double value, int B, int *lost)
{
  const uint64_t bits = FurlDoubleToBits(value) & ~SIGN;

  *lost = 0;
  if (ExponentField(bits) > B) return (bits - ((uint64_t)B << 52)) << 6;
  return SmallMagnitude(bits, B, lost);
}

/* Slots with entries below the window: whether they keep all bits all the same */
static int FitsSmall(const double *value, int n, int B)
{
  int fits = 1;

  for (int l = 0; l < n; l++) {
    int lost;
    if (value[l] == 0 || ExponentField(FurlDoubleToBits(value[l])) > B) continue;
    (void)Magnitude(value[l], B, &lost);
    fits &= !lost;
  }
  return fits;
}

int FurlPlanesFit(const double *value, int n, int16_t *exponent)
{
  uint64_t largest = 0, least = UINT64_MAX; /* least - 1 so that zeros do not count */
  int      B, small, fits;

  for (int l = 0; l < n; l++) {
    const uint64_t magnitude = FurlDoubleToBits(value[l]) & ~SIGN;
    largest                  = magnitude > largest ? magnitude : largest;
    least                    = magnitude - 1 < least ? magnitude - 1 : least;
  }
  B         = FurlPlanesWindow(largest);
  small     = least != UINT64_MAX && ExponentField(least + 1) <= B;
  fits      = !small || FitsSmall(value, n, B);
  *exponent = (int16_t)(B | (small ? FURL_PLANES_SMALL : 0) | (fits ? 0 : FURL_PLANES_H64));
  return fits;
}

int FurlPlanesWindow(uint64_t magnitude)
{
  const int highest = ExponentField(magnitude);

  return highest - WINDOW > 1 ? highest - WINDOW : 1;
}

int FurlPlanesSplitNormal(const double *value, int n, int B, uint16_t *head, int16_t *second, uint32_t *tail)
{
  const uint64_t base = (uint64_t)B << 52;
  uint64_t       odd  = 0;

  for (int l = 0; l < n; l++) {
    const uint64_t bits      = FurlDoubleToBits(value[l]);
    const uint64_t above     = (bits & ~SIGN) - base; /* wraps, or has a field of 0, below the window */
    const uint64_t inside    = (above >> 52) - 1 < WINDOW;
    const uint64_t U         = inside ? above << 6 : 0;
    const uint64_t rounded   = (U + (1ull << 47)) >> 48;
    const uint64_t remainder = U - (rounded << 48);

    odd |= !inside && (bits & ~SIGN);
    head[l]   = (uint16_t)(rounded | (bits >> 63 << 15));
    second[l] = (int16_t)(remainder >> 32);
    tail[l]   = (uint32_t)remainder;
  }
  return !odd;
}

void FurlPlanesSplit(double value, int16_t exponent, uint16_t *head, int16_t *second, uint32_t *tail)
{
  int            lost;
  const uint64_t U         = Magnitude(value, exponent & FURL_PLANES_MASK, &lost);
  const uint64_t rounded   = (U + (1ull << 47)) >> 48;
  const int64_t  remainder = (int64_t)(U - (rounded << 48));

  *head   = (uint16_t)(rounded | (FurlDoubleToBits(value) >> 63 << 15));
  *second = (int16_t)(remainder >> 32);
  *tail   = (uint32_t)remainder;
}

uint16_t FurlHeadRound(double value, int16_t exponent)
{
  uint16_t head;
  int16_t  second;
  uint32_t tail;

  FurlPlanesSplit(value, exponent, &head, &second, &tail);
  return (head & 0x7c00) ? head : head & 0x8000;
}

void FurlPlanesSplitLanes(const double *value, int n, int16_t exponent, uint16_t *head, int16_t *second, uint32_t *tail)
{
  if (!(exponent & FURL_PLANES_SMALL))
    (void)FurlPlanesSplitNormal(value, n, exponent, head, second, tail);
  else
    for (int l = 0; l < n; l++) FurlPlanesSplit(value[l], exponent, head + l, second + l, tail + l);
}

/* Normal values at once; where one lies outside the window, all of them one by one */
void FurlHeadsRound(const double *value, int n, int16_t exponent, uint16_t *head)
{
  const uint64_t base = (uint64_t)(exponent & FURL_PLANES_MASK) << 52;
  uint64_t       odd  = 0;

  for (int l = 0; l < n; l++) {
    const uint64_t bits    = FurlDoubleToBits(value[l]);
    const uint64_t above   = (bits & ~SIGN) - base;
    const uint64_t inside  = (above >> 52) - 1 < WINDOW;
    const uint64_t rounded = ((inside ? above << 6 : 0) + (1ull << 47)) >> 48;

    odd |= !inside && (bits & ~SIGN);
    head[l] = (uint16_t)(rounded | (bits >> 63 << 15));
  }
  if (odd)
    for (int l = 0; l < n; l++) head[l] = FurlHeadRound(value[l], exponent);
}
