/*
  The sum of an irregular slice, part of slicesum.h: included once for each type of vector. Slot after slot, so that all arrays are read
  from beginning to end, as the memory likes it; the sums of the 32 lanes stay in the first-level cache. What counts beside is the number of
  loads: two columns that are neighbours take one index and one load of x.
*/

#ifndef FURL_HOW_DEFINED
#define FURL_HOW_DEFINED
/* How the values of a run of slots are read: a constant of each instance of the body */
typedef enum {
  FURL_HOW_RAW,
  FURL_HOW_HEAD,        /* of a slot stored as heads, none of which lies below the window */
  FURL_HOW_PLANES_HEAD, /* the head of planes, zero below the window */
  FURL_HOW_SECOND,
  FURL_HOW_ALL, /* planes, none below the window */
  FURL_HOW_SMALL,
  FURL_HOW_EXACT /* none of these */
} FurlHow;

/* Where a run of slots begins */
typedef struct {
  int64_t slot;    /* in base[], count[] */
  int64_t pair;    /* in present[] */
  int64_t columns; /* its first delta or index */
  int64_t raw, head, rest, exponent;
} FurlIrregularCursor;

/* The values of a slot */
typedef struct {
  const double   *raw;
  const uint16_t *head;
  const int16_t  *second;
  const uint32_t *tail;
  int16_t         exponent;
} FurlIrregularValues;

/* What a body is compiled for */
typedef struct {
  FurlHow how;
  int     width; /* columns of an index */
  int     wide;  /* indices of 32 bits */
} FurlIrregularForm;

/* Two floats at once */
FURL_BODY uint64_t FurlLoadBoth(const float *x)
{
  uint64_t both;

  memcpy(&both, x, sizeof(both));
  return both;
}

FURL_BODY int FurlPadLanes(int count)
{
  return (count + FURL_GROUP - 1) / FURL_GROUP * FURL_GROUP;
}

/* The values that begin `lanes` lanes further on; heads of planes need no more than the heads */
FURL_BODY FurlIrregularValues FurlMoveValues(FurlIrregularForm form, int lanes, FurlIrregularValues v)
{
  if (form.how == FURL_HOW_RAW)
    v.raw += lanes * form.width;
  else {
    v.head += lanes * form.width;
    v.second += lanes * form.width;
    v.tail += lanes * form.width;
  }
  return v;
}

/* The cursor behind n slots of one kind */
FURL_BODY void FurlSkipSlots(const FurlSlicesView *a, int kind, int width, int n, FurlIrregularCursor *at)
{
  for (int k = 0; k < n; k++) {
    const int lanes   = FurlPadLanes(a->count[at->slot]);
    const int entries = lanes * width;
    const int h64     = kind == FURL_VALUES_PLANES && (a->exponent[at->exponent] & FURL_PLANES_H64);

    at->slot++;
    at->pair++;
    at->columns += lanes;
    if (kind == FURL_VALUES_RAW || h64) at->raw += entries;
    if (kind == FURL_VALUES_PLANES && !h64) at->rest += entries;
    if (kind == FURL_VALUES_RAW) continue;
    at->head += entries;
    at->exponent++;
  }
}

/* How the n slots from `at` on are read, which are all of one kind */
FURL_BODY FurlHow FurlChooseHow(const FurlSlicesView *a, int kind, FurlRead read, const FurlIrregularCursor *at, int n)
{
  int flags = 0;

  if (kind == FURL_VALUES_RAW) return FURL_HOW_RAW;
  if (kind == FURL_VALUES_HEAD) return FURL_HOW_HEAD;
  if (read == FURL_READ_HEAD) return FURL_HOW_PLANES_HEAD;
  for (int k = 0; k < n; k++) flags |= a->exponent[at->exponent + k];
  if (flags & FURL_PLANES_H64) return FURL_HOW_EXACT;
  if (read == FURL_READ_SECOND) return FURL_HOW_SECOND;
  return flags & FURL_PLANES_SMALL ? FURL_HOW_SMALL : FURL_HOW_ALL;
}

FURL_BODY int FurlIrregularWidth(int columns)
{
  return columns == FURL_COLUMNS_PAIRS16 ? 2 : 1;
}

FURL_BODY FurlIrregularCursor FurlFirstSlot(const FurlSlicesView *a, const FurlSliceHeader *header)
{
  const FurlIrregular      *irregular = a->irregular + header->irregular;
  const FurlIrregularCursor at        = {irregular->slots,
                                         irregular->pairs,
                                         (int64_t)irregular->columns * FURL_GROUP,
                                         (int64_t)header->raw * FURL_GROUP,
                                         (int64_t)header->head * FURL_GROUP,
                                         (int64_t)header->rest * FURL_GROUP,
                                         header->exponent};

  return at;
}
#endif

/* Entry e of a slot, but for the slot's scale */
FURL_BODY FURL_REAL FURL_NAME(FurlReadIrregular)(FurlHow how, const FurlIrregularValues *v, int64_t e)
{
  if (how == FURL_HOW_RAW) return (FURL_REAL)v->raw[e];
  if (how == FURL_HOW_HEAD) return FurlHeadToFloat(v->head[e]);
  if (how == FURL_HOW_PLANES_HEAD) return FurlHeadToFloatFlush(v->head[e]);
  if (how == FURL_HOW_SECOND) return FurlHeadSecondToFloatFlush(v->head[e], v->second[e]);
  if (how == FURL_HOW_ALL) return (FURL_REAL)FurlPlanesToDouble(v->head[e], v->second[e], v->tail[e], v->exponent);
  return (FURL_REAL)FurlPlanesToDoubleSmall(v->head[e], v->second[e], v->tail[e], v->exponent);
}

/* value[l] = x at the column of lane l, or at both columns of its pair */
FURL_BODY void FURL_NAME(FurlGatherNarrow)(int width, const FURL_REAL *FURL_RESTRICT x, const uint16_t *FURL_RESTRICT delta, int n,
                                           FURL_REAL *value)
{
#define FURL_X(l) x[delta[l]]
#define FURL_XAT(l) (x + delta[l])
#define FURL_BOTH(l) FurlLoadBoth((const float *)(x + delta[l]))
  if (width == 1)
    FURL_GROUP_SET(FURL_REAL, value, n, FURL_X);
  else if (sizeof(*x) == 4)
    FURL_GROUP_SET(uint64_t, (uint64_t *)value, n, FURL_BOTH);
  else
    FURL_GROUP_SET_PAIRS(FURL_REAL, value, n, FURL_XAT);
#undef FURL_BOTH
#undef FURL_XAT
#undef FURL_X
}

FURL_BODY void FURL_NAME(FurlGatherWide)(const FURL_REAL *FURL_RESTRICT x, const int32_t *FURL_RESTRICT index, int n, FURL_REAL *value)
{
#define FURL_X(l) x[index[l]]
  FURL_GROUP_SET(FURL_REAL, value, n, FURL_X);
#undef FURL_X
}

/* total += the entries of a group of lanes times x; v, delta or index, and total begin with the group */
FURL_BODY void FURL_NAME(FurlAddGroup)(FurlIrregularForm form, int n, const FurlIrregularValues *v, FURL_REAL scale,
                                       const FURL_REAL *FURL_RESTRICT x, const uint16_t *delta, const int32_t *index, FURL_REAL *total)
{
  FURL_PER_ENTRY(FURL_REAL, xl, 2);

  if (form.wide)
    FURL_NAME(FurlGatherWide)(x, index, n, xl);
  else
    FURL_NAME(FurlGatherNarrow)(form.width, x, delta, n, xl);
  FURL_GROUP_ENTRIES(e, FURL_REAL, n, form.width)
  AT_ENTRY(total, form.width, e) += FURL_NAME(FurlReadIrregular)(form.how, v, e) * (scale * AT_ENTRY(xl, form.width, e));
}

/* sum += n slots that are stored alike, from `at` on. Absent entries have the value zero, and x somewhere */
FURL_BODY void FURL_NAME(FurlAddIrregularRun)(const FurlSlicesView *a, FurlIrregularForm form, const FurlIrregularCursor *at, int n,
                                              const FURL_REAL *FURL_RESTRICT x, FURL_REAL *FURL_RESTRICT sum)
{
  const int           scaled   = form.how == FURL_HOW_HEAD || form.how == FURL_HOW_PLANES_HEAD || form.how == FURL_HOW_SECOND;
  const int16_t      *exponent = a->exponent + at->exponent;
  const uint8_t      *count    = a->count + at->slot;
  const int32_t      *base     = a->base + at->slot;
  const uint16_t     *delta    = a->delta + at->columns;
  const int32_t      *index    = a->index + at->columns;
  FurlIrregularValues v        = {a->raw + at->raw, a->head + at->head, a->second + at->rest, a->tail + at->rest, 0};

  for (int k = 0; k < n; k++) {
    const int              lanes = FurlPadLanes(count[k]);
    const FURL_REAL *const xbase = form.wide ? x : x + base[k];
    FURL_REAL              scale = 1;

    if (form.how != FURL_HOW_RAW) v.exponent = exponent[k];
    if (scaled) scale = FURL_NAME(FurlSlotScale)(v.exponent);
    FURL_GROUPS(first, lanes)
    {
      const FurlIrregularValues group = FurlMoveValues(form, first, v);

      FURL_NAME(FurlAddGroup)(form, count[k], &group, scale, xbase, delta + first, index + first, sum + first * form.width);
    }
    v = FurlMoveValues(form, lanes, v);
    delta += lanes;
    index += lanes;
  }
}

/* A function for each form, else the compiler runs out of registers */
#define FURL_INSTANCE(name, how, width, wide)                                                               \
  FURL_SHARED_BODY void FURL_NAME(name##how)(const FurlSlicesView *a, const FurlIrregularCursor *at, int n, \
                                             const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sum)              \
  {                                                                                                         \
    FURL_NAME(FurlAddIrregularRun)(a, (FurlIrregularForm){how, width, wide}, at, n, x, sum);                \
  }
#define FURL_INSTANCES(name, width, wide)                                                                    \
  FURL_INSTANCE(name, FURL_HOW_RAW, width, wide)                                                             \
  FURL_INSTANCE(name, FURL_HOW_HEAD, width, wide)                                                            \
  FURL_INSTANCE(name, FURL_HOW_PLANES_HEAD, width, wide)                                                     \
  FURL_INSTANCE(name, FURL_HOW_SECOND, width, wide)                                                          \
  FURL_INSTANCE(name, FURL_HOW_ALL, width, wide)                                                             \
  FURL_INSTANCE(name, FURL_HOW_SMALL, width, wide)                                                           \
  FURL_BODY void FURL_NAME(name)(const FurlSlicesView *a, FurlHow how, const FurlIrregularCursor *at, int n, \
                                 const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sum)                           \
  {                                                                                                          \
    if (how == FURL_HOW_RAW) FURL_NAME(name##FURL_HOW_RAW)(a, at, n, x, sum);                                \
    if (how == FURL_HOW_HEAD) FURL_NAME(name##FURL_HOW_HEAD)(a, at, n, x, sum);                              \
    if (how == FURL_HOW_PLANES_HEAD) FURL_NAME(name##FURL_HOW_PLANES_HEAD)(a, at, n, x, sum);                \
    if (how == FURL_HOW_SECOND) FURL_NAME(name##FURL_HOW_SECOND)(a, at, n, x, sum);                          \
    if (how == FURL_HOW_ALL) FURL_NAME(name##FURL_HOW_ALL)(a, at, n, x, sum);                                \
    if (how == FURL_HOW_SMALL) FURL_NAME(name##FURL_HOW_SMALL)(a, at, n, x, sum);                            \
  }
FURL_INSTANCES(FurlRunPairs, 2, 0)
FURL_INSTANCES(FurlRunSingles, 1, 0)
FURL_INSTANCES(FurlRunWide, 1, 1)
#undef FURL_INSTANCES
#undef FURL_INSTANCE

FURL_BODY void FURL_NAME(FurlRunAny)(const FurlSlicesView *a, int columns, FurlHow how, const FurlIrregularCursor *at, int n,
                                     const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sum)
{
  if (columns == FURL_COLUMNS_PAIRS16)
    FURL_NAME(FurlRunPairs)(a, how, at, n, x, sum);
  else if (columns == FURL_COLUMNS_DELTA16)
    FURL_NAME(FurlRunSingles)(a, how, at, n, x, sum);
  else
    FURL_NAME(FurlRunWide)(a, how, at, n, x, sum);
}

/* sorted[l] = sum of the row that lane l holds; 0 where a slot must be read exactly */
FURL_BODY int FURL_NAME(FurlSumRuns)(const FurlSlicesView *a, int64_t s, FurlRead read, const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sorted)
{
  const FurlProgram  *p     = a->program + a->header[s].program;
  const int           width = FurlIrregularWidth(p->columns);
  FurlIrregularCursor at    = FurlFirstSlot(a, a->header + s);
  FURL_PER_ENTRY(FURL_REAL, sum, 2);

  FURL_LANES(l) AT_ENTRY(sum, 2, 2 * l) = 0, AT_ENTRY(sum, 2, 2 * l + 1) = 0;
  for (int k = 0; k < p->nslots;) {
    const int     kind = a->kind[p->first + k];
    const int     n    = a->run[p->first + k];
    const FurlHow how  = FurlChooseHow(a, kind, read, &at, n);

    if (how == FURL_HOW_EXACT) return 0;
    FURL_NAME(FurlRunAny)(a, p->columns, how, &at, n, x, sum);
    k += n;
    if (k < p->nslots) FurlSkipSlots(a, kind, width, n, &at);
  }
  if (width == 2)
    FURL_LANES(l) AT(sorted, l) = AT_ENTRY(sum, 2, 2 * l) + AT_ENTRY(sum, 2, 2 * l + 1);
  else
    FURL_LANES(l) AT(sorted, l) = AT_ENTRY(sum, 1, l);
  return 1;
}

/* An entry of any slot */
FURL_BODY FURL_REAL FURL_NAME(FurlReadExact)(const FurlSlicesView *a, int kind, FurlRead read, const FurlIrregularCursor *at, int e)
{
  const FurlIrregularValues v   = {a->raw + at->raw, a->head + at->head, a->second + at->rest, a->tail + at->rest,
                                 kind == FURL_VALUES_RAW ? (int16_t)0 : a->exponent[at->exponent]};
  const int                 h64 = (v.exponent & FURL_PLANES_H64) != 0;

  if (kind == FURL_VALUES_RAW || (h64 && read != FURL_READ_HEAD)) return (FURL_REAL)v.raw[e];
  if (kind == FURL_VALUES_HEAD || read == FURL_READ_HEAD)
    return FURL_NAME(FurlReadIrregular)(FURL_HOW_PLANES_HEAD, &v, e) * FURL_NAME(FurlSlotScale)(v.exponent);
  if (read == FURL_READ_SECOND) return FURL_NAME(FurlReadIrregular)(FURL_HOW_SECOND, &v, e) * FURL_NAME(FurlSlotScale)(v.exponent);
  return FURL_NAME(FurlReadIrregular)(FURL_HOW_SMALL, &v, e);
}

/* The same sums with slots of every kind, and without a look at x where there is no entry: it may be infinite there */
FURL_SHARED_BODY void FURL_NAME(FurlIrregularExact)(const FurlSlicesView *a, int64_t s, FurlRead read, const FURL_REAL *FURL_RESTRICT x,
                                                    FURL_REAL *sorted)
{
  const FurlProgram  *p     = a->program + a->header[s].program;
  const int           width = FurlIrregularWidth(p->columns);
  FurlIrregularCursor at    = FurlFirstSlot(a, a->header + s);

  FURL_LANES(l) AT(sorted, l) = 0;
  for (int k = 0; k < p->nslots; k++) {
    const int      kind    = a->kind[p->first + k];
    const uint64_t present = width == 2 ? a->present[at.pair] : 0;

    FURL_LANES_BELOW(l, a->count[at.slot])
    {
      const int64_t j = p->columns == FURL_COLUMNS_INDEX32 ? a->index[at.columns + l] : a->base[at.slot] + a->delta[at.columns + l];

      for (int d = 0; d < width; d++)
        if (width == 1 || (present >> (2 * l + d) & 1))
          AT(sorted, l) += FURL_NAME(FurlReadExact)(a, kind, read, &at, width * l + d) * x[j + d];
    }
    FurlSkipSlots(a, kind, width, 1, &at);
  }
}

/* sorted[l] = sum of the row that lane l holds */
FURL_BODY void FURL_NAME(FurlIrregularSum)(const FurlSlicesView *a, int64_t s, FurlRead read, const FURL_REAL *FURL_RESTRICT x,
                                           FURL_REAL *sorted)
{
  const int done = FURL_NAME(FurlSumRuns)(a, s, read, x, sorted);
  int       nan  = 0;

  if (done) FURL_ANY_LANE(nan, l, !(AT(sorted, l) == AT(sorted, l)));
  if (!done || nan) FURL_NAME(FurlIrregularExact)(a, s, read, x, sorted);
}
