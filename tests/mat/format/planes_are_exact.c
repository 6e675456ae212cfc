/*
  The planes of adversarial slots: bits come back, remainders fit, the head alone is within 2^-11 and head with second within 2^-23 of the
  value (relative; of the bottom of the window for entries below it); the two encoders agree. Argument: number of slots
*/
#include "fuzz.h"

#define CHECK(condition, ...)              \
  if (!(condition)) {                      \
    fprintf(stderr, __VA_ARGS__), exit(1); \
  }

typedef struct {
  uint16_t head[FURL_WIDTH];
  int16_t  second[FURL_WIDTH];
  uint32_t tail[FURL_WIDTH];
} Planes;

static int SameBits(double a, double b)
{
  return FurlDoubleToBits(a) == FurlDoubleToBits(b);
}

/* Distance of two doubles in units of the last place of values around 2^(B + 1 - 1023), without overflow at either end of the range */
static void CheckBound(double value, double decoded, int B, double bound, const char *what)
{
  const double scaled = ldexp(value, 1023 - B), got = ldexp(decoded, 1023 - B);

  CHECK(fabs(got - scaled) <= bound * fmax(fabs(scaled), 2), "%s of %a is %a, window %d\n", what, value, decoded, B);
}

static void CheckLane(double value, uint16_t head, int16_t second, uint32_t tail, int16_t exponent)
{
  const int    B     = exponent & FURL_PLANES_MASK;
  const double scale = FurlPowerDouble(FurlPlanesScale(exponent));
  const int    large = FurlPlanesScale(exponent) > 1023; /* where an encoder stores the doubles */

  CHECK(SameBits(FurlPlanesToDoubleSmall(head, second, tail, exponent), value), "%a decoded as %a, exponent %d\n", value,
        FurlPlanesToDoubleSmall(head, second, tail, exponent), exponent);
  if (!(exponent & FURL_PLANES_SMALL))
    CHECK(SameBits(FurlPlanesToDouble(head, second, tail, exponent), value), "%a decoded as %a, exponent %d\n", value,
          FurlPlanesToDouble(head, second, tail, exponent), exponent);
  if (large) return;
  if (exponent & FURL_PLANES_SMALL) {
    CheckBound(value, FurlHeadToFloatFlush(head) * scale, B, 1, "Flushed head");
    return;
  }
  CheckBound(value, FurlHeadToFloat(head) * scale, B, 0x1p-11, "Head");
  CheckBound(value, FurlHeadSecondToFloat(head, second) * scale, B, 0x1p-23, "Head and second");
}

static void CheckSlot(const double *value, long *split)
{
  Planes  p, lanes;
  int16_t exponent;

  if (!FurlPlanesFit(value, FURL_WIDTH, &exponent)) return;
  ++*split;
  FurlPlanesSplitLanes(value, FURL_WIDTH, exponent, lanes.head, lanes.second, lanes.tail);
  for (int l = 0; l < FURL_WIDTH; l++) {
    FurlPlanesSplit(value[l], exponent, p.head + l, p.second + l, p.tail + l);
    CHECK(p.head[l] == lanes.head[l] && p.second[l] == lanes.second[l] && p.tail[l] == lanes.tail[l], "Encoders differ at %a\n", value[l]);
    CheckLane(value[l], p.head[l], p.second[l], p.tail[l], exponent);
  }
}

/* Slots of one family at a random place of the range: ordinary, ties and their neighbours, all ones, window edges, denormals */
static double Adversary(uint64_t *state, int family, int place)
{
  const uint64_t sign = (uint64_t)FuzzBelow(state, 2) << 63;
  const uint64_t near = (uint64_t)FuzzBelow(state, 5) - 2;
  const uint64_t one  = 1ull << 52;

  switch (family) {
  case 0:
    return ldexp(FuzzUniform(state) - 0.5, place - 1023);
  case 1: /* ties of the head, give or take two ulps */
    return FurlDoubleFromBits(sign | ((uint64_t)place * one + (1ull << 41) * (uint64_t)FuzzBelow(state, 2048) + near));
  case 2: /* ties of head and second */
    return FurlDoubleFromBits(sign | ((uint64_t)place * one + (1ull << 25) * (FuzzNext(state) >> 37) + near));
  case 3: /* all ones: rounding carries into the exponent */
    return FurlDoubleFromBits(sign | ((uint64_t)(place + 1 - FuzzBelow(state, 32)) * one - 1));
  case 4: /* both rims of the window */
    return FurlDoubleFromBits(sign | ((uint64_t)(place - 28 - FuzzBelow(state, 4)) * one + near));
  case 5: /* short significands far below the window, and zeros of both signs */
    return FuzzBelow(state, 4) ? ldexp((double)FuzzBelow(state, 1 << FuzzBelow(state, 12)), place - 1023 - FuzzBelow(state, 50))
                               : FurlDoubleFromBits(sign);
  default: /* denormals beside the smallest normal numbers */
    return FurlDoubleFromBits(sign | (FuzzNext(state) >> (11 + FuzzBelow(state, 52))));
  }
}

int main(int argc, char **argv)
{
  const long count    = argc > 1 ? atol(argv[1]) : 100000;
  uint64_t   state    = 5;
  long       split[7] = {0};

  for (long s = 0; s < count; s++) {
    const int family = (int)(s % 7), place = 64 + FuzzBelow(&state, 1900);
    double    value[FURL_WIDTH];

    for (int l = 0; l < FURL_WIDTH; l++) value[l] = Adversary(&state, family, place);
    if (family) value[FuzzBelow(&state, FURL_WIDTH)] = family < 6 ? ldexp(1.5, place - 1023) : 0x1p-1021;
    CheckSlot(value, split + family);
  }
  for (int f = 0; f < 7; f++) CHECK(count < 1000 || split[f], "No slot of family %d was split\n", f);
  return 0;
}

/*TEST

  build:
    requires: static

  test:
    env: FURL_ISA={{base v3 v4}}

TEST*/
