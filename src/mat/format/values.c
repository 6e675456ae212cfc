/* Ways to store the values of a slot */
#include <string.h>
#include "array.h"
#include "encoder.h"

int FurlValuesAreConstant(const double *value, uint32_t mask, double *constant)
{
  const uint64_t bits   = FurlDoubleToBits(value[__builtin_ctz(mask)]);
  uint32_t       differ = 0;

  if (FurlDoubleToBits(value[31 - __builtin_clz(mask)]) != bits) return 0;
  for (int l = 0; l < FURL_WIDTH; l++) differ |= (uint32_t)(FurlDoubleToBits(value[l]) != bits) << l;
  *constant = FurlDoubleFromBits(bits);
  return !(differ & mask);
}

/* Values that are not finite, or so large that a short form would overflow, stay as they are */
FurlValues FurlValuesChoose(const FurlEncoder *e, const double *value, int n)
{
  uint64_t largest = 0;

  if (e->encoding->store == FURL_STORE_RAW) return FURL_VALUES_RAW;
  for (int l = 0; l < n; l++) {
    const uint64_t magnitude = FurlDoubleToBits(value[l]) & ~FURL_SIGN;
    largest                  = magnitude > largest ? magnitude : largest;
  }
  if (largest >= FURL_LARGE) return FURL_VALUES_RAW;
  return e->encoding->store == FURL_STORE_HEADS ? FURL_VALUES_HEAD : FURL_VALUES_PLANES;
}

static int AppendRaw(FurlSlices *slices, const double *value, int n)
{
  double *const room = FurlArrayExtend(&slices->raw, (size_t)n);

  if (room) memcpy(room, value, (size_t)n * sizeof(*value));
  return room != NULL;
}

static int AppendHeads(FurlSlices *slices, const double *value, int n)
{
  uint16_t *const head     = FurlArrayExtend(&slices->head, (size_t)n);
  int16_t *const  exponent = FurlArrayExtend(&slices->exponent, 1);

  if (!head || !exponent) return 0;
  (void)FurlPlanesFit(value, n, exponent);
  *exponent &= FURL_PLANES_MASK; /* rounded heads have no entry below the window */
  FurlHeadsRound(value, n, *exponent, head);
  return 1;
}

static int AppendPlanes(FurlSlices *slices, const double *value, int n)
{
  uint16_t *const head     = FurlArrayExtend(&slices->head, (size_t)n);
  int16_t *const  exponent = FurlArrayExtend(&slices->exponent, 1);
  int16_t        *second;
  uint32_t       *tail;

  if (!head || !exponent) return 0;
  if (!FurlPlanesFit(value, n, exponent)) {
    FurlHeadsRound(value, n, *exponent, head);
    return AppendRaw(slices, value, n);
  }
  second = FurlArrayExtend(&slices->second, (size_t)n);
  tail   = FurlArrayExtend(&slices->tail, (size_t)n);
  if (!second || !tail) return 0;
  FurlPlanesSplitLanes(value, n, *exponent, head, second, tail);
  return 1;
}

int FurlValuesAppend(FurlSlices *slices, FurlValues kind, const double *value, int n)
{
  switch (kind) {
  case FURL_VALUES_RAW:
    return AppendRaw(slices, value, n);
  case FURL_VALUES_PLANES:
    return AppendPlanes(slices, value, n);
  case FURL_VALUES_HEAD:
    return AppendHeads(slices, value, n);
  default: /* in the program or in a diagonal */
    return 1;
  }
}
