/*
  The product of one slice with a vector: the body that every product, residual and sweep is made of. Included once for each type of
  vector, with FURL_REAL (float or double) and FURL_NAME(name) (the name of the instance) defined.

  Bytes read a row of n entries: values 8 n raw, 0 constant, 2 n heads, 4 n heads and seconds, 8 n planes, the same for n/2 + 1/2 of them
  where they are in diagonals; columns 0 in a pattern, 2 n or 4 n else; 24/32 of header, and x from cache.
*/
#include <furl/slices.h>
#include <furl/planes.h>

#ifndef FURL_READ_DEFINED
#define FURL_READ_DEFINED
#if FURL_LANES_IN_MEMORY
#include <furl/diagonalsum.h>
#endif

/* Where the values of the slot at hand begin */
typedef struct {
  int64_t raw, head, rest, exponent;
  int64_t row0; /* first row of the slice: where it is in a diagonal */
} FurlSlotCursor;
#endif

/* 2^(B - 896), what the decoders of heads leave to the caller */
FURL_BODY FURL_REAL FURL_NAME(FurlSlotScale)(int16_t exponent)
{
  return sizeof(FURL_REAL) == 4 ? FurlPowerFloat(FurlPlanesScale(exponent)) : (FURL_REAL)FurlPowerDouble(FurlPlanesScale(exponent));
}

/* The values of the n lanes of a slot, a multiple of FURL_GROUP; moves the cursor on */
FURL_SHARED_BODY void FURL_NAME(FurlLoadPlanes)(const FurlSlicesView *a, FurlRead read, int n, FurlSlotCursor *at, FURL_REAL *v)
{
  const int16_t                 exponent = a->exponent[at->exponent++];
  const uint16_t *FURL_RESTRICT head     = a->head + at->head;
  const int16_t *FURL_RESTRICT  second   = a->second + at->rest;
  const uint32_t *FURL_RESTRICT tail     = a->tail + at->rest;
  const double *FURL_RESTRICT   raw      = a->raw + at->raw;
  const int                     h64      = (exponent & FURL_PLANES_H64) != 0;
  const int                     small    = (exponent & FURL_PLANES_SMALL) != 0;
  const FURL_REAL               scale    = FURL_NAME(FurlSlotScale)(exponent);

  at->head += n;
  if (h64)
    at->raw += n;
  else
    at->rest += n;
  if (h64 && read != FURL_READ_HEAD)
    FURL_LANES_BELOW(l, n) AT(v, l) = (FURL_REAL)raw[l];
  else if (read == FURL_READ_ALL && small)
    FURL_LANES_BELOW(l, n) AT(v, l) = (FURL_REAL)FurlPlanesToDoubleSmall(head[l], second[l], tail[l], exponent);
  else if (read == FURL_READ_ALL)
    FURL_LANES_BELOW(l, n) AT(v, l) = (FURL_REAL)FurlPlanesToDouble(head[l], second[l], tail[l], exponent);
  else if (read == FURL_READ_SECOND && small)
    FURL_LANES_BELOW(l, n) AT(v, l) = FurlHeadSecondToFloatFlush(head[l], second[l]) * scale;
  else if (read == FURL_READ_SECOND)
    FURL_LANES_BELOW(l, n) AT(v, l) = FurlHeadSecondToFloat(head[l], second[l]) * scale;
  else if (small)
    FURL_LANES_BELOW(l, n) AT(v, l) = FurlHeadToFloatFlush(head[l]) * scale;
  else
    FURL_LANES_BELOW(l, n) AT(v, l) = FurlHeadToFloat(head[l]) * scale;
}

FURL_BODY void FURL_NAME(FurlLoadHeads)(const FurlSlicesView *a, int n, FurlSlotCursor *at, FURL_REAL *v)
{
  const FURL_REAL               scale = FURL_NAME(FurlSlotScale)(a->exponent[at->exponent++]);
  const uint16_t *FURL_RESTRICT head  = a->head + at->head;

  at->head += n;
  FURL_LANES_BELOW(l, n) AT(v, l) = FurlHeadToFloat(head[l]) * scale;
}

FURL_BODY void FURL_NAME(FurlLoadCodes)(const FurlSlicesView *a, int n, FurlSlotCursor *at, FURL_REAL *v)
{
  const uint16_t *FURL_RESTRICT code       = a->head + at->head;
  const double *FURL_RESTRICT   dictionary = a->dictionary;

  at->head += n;
  FURL_LANES_BELOW(l, n) AT(v, l) = (FURL_REAL)dictionary[code[l]];
}

/* Entry `at` of a diagonal stored as planes, of which `read` is a constant where this is called; FURL_READ_ALL needs no scale, the others
 * no exponent */
FURL_BODY FURL_REAL FURL_NAME(FurlReadDiagonalPlanes)(const FurlSlicesView *a, FurlRead read, int64_t at, int16_t exponent)
{
  if (read == FURL_READ_ALL)
    return (FURL_REAL)FurlPlanesToDouble(a->diagonal_head[at], a->diagonal_second[at], a->diagonal_tail[at], exponent);
  if (read == FURL_READ_SECOND) return FurlHeadSecondToFloat(a->diagonal_head[at], a->diagonal_second[at]);
  return FurlHeadToFloat(a->diagonal_head[at]);
}

FURL_BODY void FURL_NAME(FurlLoadDiagonal)(const FurlSlicesView *a, int64_t slot, FurlRead read, int64_t row0, FURL_REAL *v)
{
  const int     kind     = a->kind[slot];
  const int64_t at       = a->start[slot] + row0;
  const int16_t exponent = a->window[slot];

  if (kind == FURL_VALUES_DIAGONAL)
    FURL_LANES(l) AT(v, l) = (FURL_REAL)a->diagonal[at + l];
  else if (kind == FURL_VALUES_DIAGONAL_PLANES && read == FURL_READ_ALL)
    FURL_LANES(l) AT(v, l) = FURL_NAME(FurlReadDiagonalPlanes)(a, FURL_READ_ALL, at + l, exponent);
  else {
    const FURL_REAL scale = FURL_NAME(FurlSlotScale)(exponent);

    if (kind == FURL_VALUES_DIAGONAL_PLANES && read == FURL_READ_SECOND)
      FURL_LANES(l) AT(v, l) = FURL_NAME(FurlReadDiagonalPlanes)(a, FURL_READ_SECOND, at + l, exponent) * scale;
    else
      FURL_LANES(l) AT(v, l) = FURL_NAME(FurlReadDiagonalPlanes)(a, FURL_READ_HEAD, at + l, exponent) * scale;
  }
}

FURL_SHARED_BODY void FURL_NAME(FurlLoadSlot)(const FurlSlicesView *a, int64_t slot, FurlRead read, int n, FurlSlotCursor *at, FURL_REAL *v)
{
  const int kind = a->kind[slot];

  if (kind == FURL_VALUES_RAW) {
    const double *FURL_RESTRICT raw = a->raw + at->raw;
    at->raw += n;
    FURL_LANES_BELOW(l, n) AT(v, l) = (FURL_REAL)raw[l];
  } else if (kind == FURL_VALUES_CONSTANT) {
    const FURL_REAL c               = (FURL_REAL)a->constant[slot];
    FURL_LANES_BELOW(l, n) AT(v, l) = c;
  } else if (kind == FURL_VALUES_HEAD)
    FURL_NAME(FurlLoadHeads)(a, n, at, v);
  else if (kind == FURL_VALUES_CODE16)
    FURL_NAME(FurlLoadCodes)(a, n, at, v);
  else if (kind == FURL_VALUES_PLANES)
    FURL_NAME(FurlLoadPlanes)(a, read, n, at, v);
  else
    FURL_NAME(FurlLoadDiagonal)(a, slot, read, at->row0, v);
}

/*
  N diagonals of the same kind, in one pass over the lanes, so that the sums stay in registers; all neighbours exist. N and `masked`,
  whether some row misses one, are constants where this is called; x points to the neighbours of the slice's first row. TERM(k, l) is the
  term of diagonal k in lane l; where the row has none it counts for nothing, whatever it is. On the CPU masks are slow, and few groups of
  lanes need them. Where `others` is not NULL, a constant too, VALUE(k, l) is added to it: what the diagonal is derived from.
*/
#ifndef FURL_ADD_TERMS
#define FURL_ADD_TERMS_OF(lanes, sum, others, N, masked, mask, TERM, VALUE)             \
  lanes                                                                                 \
  {                                                                                     \
    FURL_REAL total = AT(sum, l);                                                       \
    double    rest  = (others) ? AT(others, l) : 0;                                     \
                                                                                        \
    FURL_UNROLL                                                                         \
    for (int k = 0; k < (N); k++) {                                                     \
      const FURL_REAL more = total + TERM(k, l);                                        \
                                                                                        \
      total = !(masked) || ((mask)[k] >> l & 1) ? more : total;                         \
      if (others) rest = !(masked) || ((mask)[k] >> l & 1) ? rest + VALUE(k, l) : rest; \
    }                                                                                   \
    AT(sum, l) = total;                                                                 \
    if (others) AT(others, l) = rest;                                                   \
  }
#if FURL_LANES_IN_MEMORY
#define FURL_ADD_TERMS(sum, others, N, masked, mask, TERM, VALUE)                                \
  do {                                                                                           \
    uint32_t all = UINT32_MAX;                                                                   \
                                                                                                 \
    if (!(masked)) FURL_ADD_TERMS_OF(FURL_LANES(l), sum, others, N, 0, mask, TERM, VALUE)        \
    for (int k = 0; (masked) && k < (N); k++) all &= (mask)[k];                                  \
    if (masked) FURL_GROUPS(first, FURL_WIDTH)                                                   \
      {                                                                                          \
        if (!(~all >> first & ((1u << FURL_GROUP) - 1)))                                         \
          FURL_ADD_TERMS_OF(FURL_LANES_OF_GROUP(l, first), sum, others, N, 0, mask, TERM, VALUE) \
        else                                                                                     \
          FURL_ADD_TERMS_OF(FURL_LANES_OF_GROUP(l, first), sum, others, N, 1, mask, TERM, VALUE) \
      }                                                                                          \
  } while (0)
#else
#define FURL_ADD_TERMS(sum, others, N, masked, mask, TERM, VALUE) \
  FURL_ADD_TERMS_OF(FURL_LANES(l), sum, others, N, masked, mask, TERM, VALUE)
#endif
#define FURL_NO_VALUE(k, l) 0
#endif

FURL_BODY void FURL_NAME(FurlAddRaw)(const FurlSlicesView *a, int64_t slot, int N, int masked, FurlSlotCursor *at,
                                     const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sum)
{
  uint32_t                    mask[FURL_RUN];
  const double *FURL_RESTRICT raw = a->raw + at->raw;
  int64_t                     shift[FURL_RUN];

  for (int k = 0; k < N; k++) mask[k] = a->mask[slot + k];
  for (int k = 0; k < N; k++) shift[k] = a->offset[slot + k];
#define FURL_TERM(k, l) ((FURL_REAL)raw[(k)*FURL_WIDTH + (l)] * x[shift[k] + (l)])
  FURL_ADD_TERMS(sum, ((double *)NULL), N, masked, mask, FURL_TERM, FURL_NO_VALUE);
#undef FURL_TERM
  at->raw += N * FURL_WIDTH;
}

FURL_BODY void FURL_NAME(FurlAddConstant)(const FurlSlicesView *a, int64_t slot, int N, int masked, const FURL_REAL *FURL_RESTRICT x,
                                          FURL_REAL *sum)
{
  uint32_t  mask[FURL_RUN];
  int64_t   shift[FURL_RUN];
  FURL_REAL c[FURL_RUN];

  for (int k = 0; k < N; k++) mask[k] = a->mask[slot + k];
  for (int k = 0; k < N; k++) shift[k] = a->offset[slot + k];
  for (int k = 0; k < N; k++) c[k] = (FURL_REAL)a->constant[slot + k];
#define FURL_TERM(k, l) (c[k] * x[shift[k] + (l)])
  FURL_ADD_TERMS(sum, ((double *)NULL), N, masked, mask, FURL_TERM, FURL_NO_VALUE);
#undef FURL_TERM
}

/* flush: heads of planes, which are read as zero below the window */
FURL_BODY void FURL_NAME(FurlAddHeads)(const FurlSlicesView *a, int64_t slot, int N, int masked, int flush, FurlSlotCursor *at,
                                       const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sum)
{
  uint32_t                      mask[FURL_RUN];
  const uint16_t *FURL_RESTRICT head = a->head + at->head;
  int64_t                       shift[FURL_RUN];
  FURL_REAL                     scale[FURL_RUN];

  for (int k = 0; k < N; k++) mask[k] = a->mask[slot + k];
  for (int k = 0; k < N; k++) shift[k] = a->offset[slot + k];
  for (int k = 0; k < N; k++) scale[k] = FURL_NAME(FurlSlotScale)(a->exponent[at->exponent + k]);
#define FURL_HEAD(h) (flush ? FurlHeadToFloatFlush(h) : FurlHeadToFloat(h))
#define FURL_TERM(k, l) (FURL_HEAD(head[(k)*FURL_WIDTH + (l)]) * (scale[k] * x[shift[k] + (l)]))
  FURL_ADD_TERMS(sum, ((double *)NULL), N, masked, mask, FURL_TERM, FURL_NO_VALUE);
#undef FURL_TERM
#undef FURL_HEAD
  at->head += N * FURL_WIDTH;
  at->exponent += N;
}

/* Moves on past what planes hold beside their heads */
FURL_BODY void FURL_NAME(FurlSkipRest)(const FurlSlicesView *a, int N, FurlSlotCursor *at)
{
  for (int k = 0; k < N; k++)
    if (a->exponent[at->exponent + k] & FURL_PLANES_H64)
      at->raw += FURL_WIDTH;
    else
      at->rest += FURL_WIDTH;
}

/* One diagonal stored as planes or codes */
FURL_SHARED_BODY void FURL_NAME(FurlAddLoaded)(const FurlSlicesView *a, int64_t slot, FurlRead read, FurlSlotCursor *at,
                                               const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sum)
{
  const uint32_t mask = a->mask[slot];
  FURL_PER_LANE(FURL_REAL, v);

  if (a->kind[slot] == FURL_VALUES_PLANES)
    FURL_NAME(FurlLoadPlanes)(a, read, FURL_WIDTH, at, v);
  else
    FURL_NAME(FurlLoadCodes)(a, FURL_WIDTH, at, v);
  FURL_LANES(l) AT(v, l) *= x[l];
  FURL_LANES(l) AT(sum, l) += mask >> l & 1 ? AT(v, l) : 0;
}

FURL_BODY void FURL_NAME(FurlAddDiagonals)(const FurlSlicesView *a, int64_t slot, int N, int masked, int64_t row0,
                                           const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sum, double *others)
{
  uint32_t      mask[FURL_RUN];
  const double *value[FURL_RUN];
  int64_t       shift[FURL_RUN];

  for (int k = 0; k < N; k++) mask[k] = a->mask[slot + k];
  for (int k = 0; k < N; k++) shift[k] = a->offset[slot + k];
  for (int k = 0; k < N; k++) value[k] = a->diagonal + a->start[slot + k] + row0;
#define FURL_VALUE(k, l) (value[k][l])
#define FURL_TERM(k, l) ((FURL_REAL)value[k][l] * x[shift[k] + (l)])
  FURL_ADD_TERMS(sum, others, N, masked, mask, FURL_TERM, FURL_VALUE);
#undef FURL_TERM
#undef FURL_VALUE
}

/* The same stored as planes or, where `read` says so, as heads */
FURL_BODY void FURL_NAME(FurlAddDiagonalPlanes)(const FurlSlicesView *a, int64_t slot, FurlRead read, int N, int masked, int64_t row0,
                                                const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sum, double *others)
{
  uint32_t  mask[FURL_RUN];
  int64_t   at[FURL_RUN], shift[FURL_RUN];
  int16_t   exponent[FURL_RUN];
  FURL_REAL scale[FURL_RUN];

  for (int k = 0; k < N; k++) mask[k] = a->mask[slot + k];
  for (int k = 0; k < N; k++) shift[k] = a->offset[slot + k];
  for (int k = 0; k < N; k++) at[k] = a->start[slot + k] + row0;
  for (int k = 0; k < N; k++) exponent[k] = a->window[slot + k];
  for (int k = 0; k < N; k++) scale[k] = read == FURL_READ_ALL ? 1 : FURL_NAME(FurlSlotScale)(exponent[k]);
#define FURL_VALUE(k, l) (FURL_NAME(FurlReadDiagonalPlanes)(a, read, at[k] + (l), exponent[k]) * (double)scale[k])
#define FURL_TERM(k, l) (FURL_NAME(FurlReadDiagonalPlanes)(a, read, at[k] + (l), exponent[k]) * (scale[k] * x[shift[k] + (l)]))
  FURL_ADD_TERMS(sum, others, N, masked, mask, FURL_TERM, FURL_VALUE);
#undef FURL_TERM
#undef FURL_VALUE
}

/* N slots of the same kind in diagonals */
FURL_BODY void FURL_NAME(FurlAddDiagonalRun)(const FurlSlicesView *a, int64_t slot, FurlRead read, int N, int masked, int64_t row0,
                                             const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sum, double *others)
{
  const int kind = a->kind[slot];

  if (kind == FURL_VALUES_DIAGONAL)
    FURL_NAME(FurlAddDiagonals)(a, slot, N, masked, row0, x, sum, others);
  else if (kind == FURL_VALUES_DIAGONAL_HEAD || read == FURL_READ_HEAD)
    FURL_NAME(FurlAddDiagonalPlanes)(a, slot, FURL_READ_HEAD, N, masked, row0, x, sum, others);
  else if (read == FURL_READ_SECOND)
    FURL_NAME(FurlAddDiagonalPlanes)(a, slot, FURL_READ_SECOND, N, masked, row0, x, sum, others);
  else
    FURL_NAME(FurlAddDiagonalPlanes)(a, slot, FURL_READ_ALL, N, masked, row0, x, sum, others);
}

/* N diagonals from `slot` on, all of its kind; x points to the column of the slice's first row */
FURL_BODY void FURL_NAME(FurlAddRun)(const FurlSlicesView *a, int64_t slot, FurlRead read, int N, int masked, FurlSlotCursor *at,
                                     const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sum)
{
  const int kind = a->kind[slot];

  if (kind == FURL_VALUES_RAW)
    FURL_NAME(FurlAddRaw)(a, slot, N, masked, at, x, sum);
  else if (kind == FURL_VALUES_CONSTANT)
    FURL_NAME(FurlAddConstant)(a, slot, N, masked, x, sum);
  else if (kind == FURL_VALUES_HEAD)
    FURL_NAME(FurlAddHeads)(a, slot, N, masked, 0, at, x, sum);
  else if (kind == FURL_VALUES_PLANES && read == FURL_READ_HEAD) {
    FURL_NAME(FurlSkipRest)(a, N, at);
    FURL_NAME(FurlAddHeads)(a, slot, N, masked, 1, at, x, sum);
  } else if (FurlIsInDiagonal(kind))
    FURL_NAME(FurlAddDiagonalRun)(a, slot, read, N, masked, at->row0, x, sum, NULL);
  else
    for (int k = 0; k < N; k++) FURL_NAME(FurlAddLoaded)(a, slot + k, read, at, x + a->offset[slot + k], sum);
}

/* Adds the run of diagonals that begins at `slot`, or its beginning: a body for every length would double the code for little; returns how
   many */
FURL_BODY int FURL_NAME(FurlAddRunOf)(const FurlSlicesView *a, int64_t slot, FurlRead read, int masked, FurlSlotCursor *at,
                                      const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sum)
{
  const int n = a->run[slot];

  switch (n) {
  case 1:
    FURL_NAME(FurlAddRun)(a, slot, read, 1, masked, at, x, sum);
    return 1;
  case 2:
    FURL_NAME(FurlAddRun)(a, slot, read, 2, masked, at, x, sum);
    return 2;
  case 3:
    FURL_NAME(FurlAddRun)(a, slot, read, 3, masked, at, x, sum);
    return 3;
  case 7:
    FURL_NAME(FurlAddRun)(a, slot, read, 7, masked, at, x, sum);
    return 7;
  case FURL_RUN:
    FURL_NAME(FurlAddRun)(a, slot, read, FURL_RUN, masked, at, x, sum);
    return FURL_RUN;
  default:
    FURL_NAME(FurlAddRun)(a, slot, read, 4, masked, at, x, sum);
    return 4;
  }
}

/* Whether some row misses one of the run's diagonals, and has there a value that is not zero; exact: or misses one at all */
FURL_BODY int FURL_NAME(FurlHasHoles)(const FurlSlicesView *a, const FurlProgram *p, int64_t slot, int exact)
{
  const int kind = a->kind[slot];
  uint32_t  all  = UINT32_MAX;

  if (!p->masked || (!exact && kind != FURL_VALUES_CONSTANT && !(FurlIsInDiagonal(kind) && p->masked == FURL_MASKED_FOREIGN))) return 0;
  for (int k = 0; k < a->run[slot]; k++) all &= a->mask[slot + k];
  return all != UINT32_MAX;
}

/* others[l] += the values of a slot; doubles even where sums are floats */
FURL_SHARED_BODY void FURL_NAME(FurlAddValues)(const FurlSlicesView *a, int64_t slot, FurlRead read, FurlSlotCursor *at, double *others)
{
  const uint32_t mask = a->mask[slot];
  FURL_PER_LANE(FURL_REAL, v);

  if (a->kind[slot] == FURL_VALUES_DIAGONAL && mask == UINT32_MAX) {
    const double *FURL_RESTRICT value = a->diagonal + a->start[slot] + at->row0;

    FURL_LANES(l) AT(others, l) += value[l];
    return;
  }
  FURL_NAME(FurlLoadSlot)(a, slot, read, FURL_WIDTH, at, v);
  FURL_LANES(l)
  {
    const double more = AT(others, l) + (double)AT(v, l);

    AT(others, l) = mask >> l & 1 ? more : AT(others, l);
  }
}

/*
  The diagonal entries of a slice that are derived from the others, whose sums are known: excess - their sum, moved by some units in the
  last place, but for rows that have their own. 1 B a row from memory at most, and 8 B a row of its own.
*/
FURL_BODY void FURL_NAME(FurlAddDerived)(const FurlSlicesView *a, const FurlSliceHeader *header, int64_t slot, FurlRead read, int64_t row0,
                                         double *others, const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sum)
{
  const uint32_t mask = a->mask[slot], own = (uint32_t)a->start[slot];
  const int      units = a->window[slot], n = (int)(a->ncols - row0 < FURL_WIDTH ? a->ncols - row0 : FURL_WIDTH);
  const double   excess = a->constant[slot];

  FURL_LANES(l) AT(others, l) = excess - AT(others, l);
  if (units == FURL_UNITS_ALWAYS || (units == FURL_UNITS_EXACT && read == FURL_READ_ALL)) {
    const int8_t *FURL_RESTRICT unit = (const int8_t *)(a->derived + header->irregular);

    FURL_LANES(l) AT(others, l) = FurlDoubleFromBits(FurlDoubleToBits(AT(others, l)) + (uint64_t)(int64_t)unit[l]);
  }
  FURL_LANES_OF(l, own) AT(others, l) = FurlDoubleFromBits(FurlOwnBits(a, header, slot, l));
  if (n == FURL_WIDTH && mask == UINT32_MAX) {
    FURL_LANES(l) AT(sum, l) += (FURL_REAL)AT(others, l) * x[row0 + l];
  } else
    FURL_LANES_BELOW(l, n) AT(sum, l) += mask >> l & 1 ? (FURL_REAL)AT(others, l) * x[row0 + l] : 0;
}

FURL_BODY int FURL_NAME(FurlAddInside)(const FurlSlicesView *a, const FurlProgram *p, int64_t slot, FurlRead read, int exact,
                                       FurlSlotCursor *at, const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sum)
{
  if (FURL_NAME(FurlHasHoles)(a, p, slot, exact)) return FURL_NAME(FurlAddRunOf)(a, slot, read, 1, at, x, sum);
  return FURL_NAME(FurlAddRunOf)(a, slot, read, 0, at, x, sum);
}

/* The same in a slice whose diagonal is derived. One by one with masks: they are rare, and each body is large */
FURL_BODY int FURL_NAME(FurlAddDerivingRun)(const FurlSlicesView *a, int64_t slot, FurlRead read, int masked, int64_t row0,
                                            const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sum, double *others)
{
  const int n = a->run[slot];

  if (!masked && n == 6) {
    FURL_NAME(FurlAddDiagonalRun)(a, slot, read, 6, 0, row0, x, sum, others);
    return 6;
  }
  if (!masked && n >= 4) {
    FURL_NAME(FurlAddDiagonalRun)(a, slot, read, 4, 0, row0, x, sum, others);
    return 4;
  }
  FURL_NAME(FurlAddDiagonalRun)(a, slot, read, 1, masked, row0, x, sum, others);
  return 1;
}

FURL_BODY int FURL_NAME(FurlAddDeriving)(const FurlSlicesView *a, const FurlProgram *p, int64_t slot, FurlRead read, int exact,
                                         FurlSlotCursor *at, const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sum, double *others)
{
  FurlSlotCursor before = *at;
  int            n;

  if (FurlIsInDiagonal(a->kind[slot])) {
    if (FURL_NAME(FurlHasHoles)(a, p, slot, exact)) return FURL_NAME(FurlAddDerivingRun)(a, slot, read, 1, at->row0, x, sum, others);
    return FURL_NAME(FurlAddDerivingRun)(a, slot, read, 0, at->row0, x, sum, others);
  }
  n = FURL_NAME(FurlAddInside)(a, p, slot, read, exact, at, x, sum);
  for (int k = 0; k < n; k++) FURL_NAME(FurlAddValues)(a, slot + k, read, &before, others);
  return n;
}

/* A diagonal some of whose neighbours lie beyond the ends of x: column is that of the slice's first row */
FURL_BODY void FURL_NAME(FurlAddClamped)(const FurlSlicesView *a, int64_t slot, FurlRead read, FurlSlotCursor *at,
                                         const FURL_REAL *FURL_RESTRICT x, int64_t column, FURL_REAL *sum)
{
  const uint32_t mask = a->mask[slot];
  const int      last = (int)(a->ncols - 1 - column < FURL_WIDTH ? a->ncols - 1 - column : FURL_WIDTH);
  const int      low  = column < 0 ? (int)-column : 0;
  FURL_PER_LANE(FURL_REAL, v);

  FURL_NAME(FurlLoadSlot)(a, slot, read, FURL_WIDTH, at, v);
  FURL_LANES(l)
  {
    const int       safe = l < low ? low : l > last ? last : l;
    const FURL_REAL add  = AT(v, l) * x[column + safe];

    AT(sum, l) += (mask >> l & 1) ? add : 0;
  }
}

/* Whether all neighbours of the run exist */
FURL_BODY int FURL_NAME(FurlRunIsInside)(const FurlSlicesView *a, int64_t slot, int64_t row0)
{
  int64_t least = INT64_MAX, most = INT64_MIN;

  for (int k = 0; k < a->run[slot]; k++) {
    least = a->offset[slot + k] < least ? a->offset[slot + k] : least;
    most  = a->offset[slot + k] > most ? a->offset[slot + k] : most;
  }
  return row0 + least >= 0 && row0 + most + FURL_WIDTH <= a->ncols;
}

FURL_BODY void FURL_NAME(FurlPatternSum)(const FurlSlicesView *a, int64_t s, FurlRead read, int exact, const FURL_REAL *FURL_RESTRICT x,
                                         FURL_REAL *sum)
{
  const FurlSliceHeader *header = a->header + s;
  const FurlProgram     *p      = a->program + header->program;
  const int64_t          row0 = s * FURL_WIDTH, end = p->first + p->nslots;
  const int              inside  = row0 + p->min_offset >= 0 && row0 + p->max_offset + FURL_WIDTH <= a->ncols;
  const int              derives = p->nslots && a->kind[end - 1] == FURL_VALUES_DERIVED;
  FurlSlotCursor         at = {(int64_t)header->raw * FURL_GROUP, (int64_t)header->head * FURL_GROUP, (int64_t)header->rest * FURL_GROUP,
                               header->exponent, row0};
  FURL_PER_LANE(double, others);

  FURL_LANES(l) AT(sum, l) = 0;
  if (derives) FURL_LANES(l) AT(others, l) = 0;
  for (int64_t slot = p->first; slot < end - derives;) {
    const int whole = inside || FURL_NAME(FurlRunIsInside)(a, slot, row0);

    if (whole && derives)
      slot += FURL_NAME(FurlAddDeriving)(a, p, slot, read, exact, &at, x + row0, sum, others);
    else if (whole)
      slot += FURL_NAME(FurlAddInside)(a, p, slot, read, exact, &at, x + row0, sum);
    else {
      FurlSlotCursor before = at;

      FURL_NAME(FurlAddClamped)(a, slot, read, &at, x, row0 + a->offset[slot], sum);
      if (derives) FURL_NAME(FurlAddValues)(a, slot, read, &before, others);
      slot++;
    }
  }
  if (derives) FURL_NAME(FurlAddDerived)(a, header, end - 1, read, row0, others, x, sum);
}

#include <furl/irregularsum.h>
#include <furl/rowsum.h>

/* Slices of the commonest structures on a CPU: whether it was one, without masks, and is done */
FURL_BODY int FURL_NAME(FurlPlainSum)(const FurlSlicesView *a, int64_t s, FurlRead read, const FURL_REAL *FURL_RESTRICT x,
                                      FURL_REAL *result)
{
#if FURL_LANES_IN_MEMORY
  const FurlProgram *p    = a->program + a->header[s].program;
  const int64_t      row0 = s * FURL_WIDTH;

  if (row0 + p->min_offset < 0 || row0 + p->max_offset + FURL_WIDTH > a->ncols) return 0;
  if (!p->masked && FurlSlotsAre(a, p, p->nslots, FURL_VALUES_CONSTANT)) {
    FURL_NAME(FurlEqualRows)(FURL_WIDTH, p->nslots, a->offset + p->first, a->constant + p->first, x + row0, result);
    return 1;
  }
  if (sizeof(FURL_REAL) == sizeof(double)) return FurlSumDiagonals(a, s, read, (const double *)x, (double *)result);
#endif
  return 0;
}

/*
  result[l] = sum over row l of slice s of value * x[column]. Where a row has no entry the value is zero, and an infinite x there makes the
  sum NaN: such a sum is formed again, with masks.
*/
FURL_SHARED_BODY void FURL_NAME(FurlSliceSum)(const FurlSlicesView *a, int64_t s, FurlRead read, const FURL_REAL *FURL_RESTRICT x,
                                              FURL_REAL *result)
{
  const FurlSliceHeader *header = a->header + s;
  const FurlProgram     *p      = a->program + header->program;

  if (FURL_LANES_IN_MEMORY && p->columns == FURL_COLUMNS_PATTERN && FURL_NAME(FurlPlainSum)(a, s, read, x, result)) return;
  if (p->columns == FURL_COLUMNS_PATTERN) {
    FURL_LANE_WORD(FURL_REAL) nan = 0;

    for (int exact = 0; exact < 2 && (!exact || nan); exact++) {
      FURL_NAME(FurlPatternSum)(a, s, read, exact, x, result);
      if (p->masked && !exact) FURL_ANY_LANE(nan, l, !(AT(result, l) == AT(result, l)));
    }
  } else if (p->columns == FURL_COLUMNS_ROWS) {
    FURL_NAME(FurlRowsSum)(a, s, x, result);
  } else {
    FURL_PER_LANE(FURL_REAL, sorted);

    FURL_NAME(FurlIrregularSum)(a, s, read, x, sorted);
    FURL_SCATTER_LANES(result, sorted, a->lane_row + (int64_t)header->irregular * FURL_WIDTH);
  }
}
