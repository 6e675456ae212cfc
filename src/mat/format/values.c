/* Ways to store the values of a slot */
#include <string.h>
#include "array.h"
#include "encoder.h"

int FurlValuesAreConstant(const double *value, uint32_t mask, double *constant)
{
  const uint64_t bits   = FurlDoubleToBits(value[__builtin_ctz(mask)]);
  uint64_t       any    = 0;
  uint32_t       differ = 0;

  if (FurlDoubleToBits(value[31 - __builtin_clz(mask)]) != bits) return 0;
  *constant = FurlDoubleFromBits(bits);
  for (int l = 0; l < FURL_WIDTH; l++) any |= FurlDoubleToBits(value[l]) ^ bits;
  if (!any || mask == UINT32_MAX) return !any;
  for (int l = 0; l < FURL_WIDTH; l++) differ |= (uint32_t)(FurlDoubleToBits(value[l]) != bits) << l;
  return !(differ & mask);
}

/* Values that are not finite, or so large that a short form would overflow, stay as they are */
int FurlValuesAreLarge(const double *value, int n)
{
  uint64_t largest = 0;

  for (int l = 0; l < n; l++) {
    const uint64_t magnitude = FurlDoubleToBits(value[l]) & ~FURL_SIGN;
    largest                  = magnitude > largest ? magnitude : largest;
  }
  return largest >= FURL_LARGE;
}

FurlValues FurlValuesChoose(FurlEncoder *e, const double *value, int n, int irregular)
{
  const FurlStore store = e->encoding->store;
  const int       bytes = store == FURL_STORE_HEADS ? 0 : FurlDictionaryFind(e, value, n);

  if (bytes == 1 && irregular) return FURL_VALUES_CODE8;
  if (bytes) return FURL_VALUES_CODE16;
  if (store == FURL_STORE_RAW || FurlValuesAreLarge(value, n)) return FURL_VALUES_RAW;
  return store == FURL_STORE_HEADS ? FURL_VALUES_HEAD : FURL_VALUES_PLANES;
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

static int AppendCodes(FurlEncoder *e, FurlValues kind, const double *value, int n)
{
  FurlArray *const array = kind == FURL_VALUES_CODE8 ? &e->slices->narrow : &e->slices->head;
  void *const      room  = FurlDictionaryRecall(e, value, n) ? FurlArrayExtend(array, (size_t)n) : NULL;

  if (!room) return 0;
  for (int l = 0; l < n; l++)
    if (kind == FURL_VALUES_CODE8)
      ((uint8_t *)room)[l] = (uint8_t)e->dictionary.code[l];
    else
      ((uint16_t *)room)[l] = e->dictionary.code[l];
  return 1;
}

int FurlValuesAppend(FurlEncoder *e, FurlValues kind, const double *value, int n)
{
  switch (kind) {
  case FURL_VALUES_RAW:
    return AppendRaw(e->slices, value, n);
  case FURL_VALUES_PLANES:
    return AppendPlanes(e->slices, value, n);
  case FURL_VALUES_HEAD:
    return AppendHeads(e->slices, value, n);
  case FURL_VALUES_CODE8:
  case FURL_VALUES_CODE16:
    return AppendCodes(e, kind, value, n);
  default: /* in the program or in a diagonal */
    return 1;
  }
}
