/*
  The sum of an irregular slice, part of slicesum.h: included once for each type of vector. A part of the lanes goes through all slots of
  the slice before the next part, so that its sums stay in registers. What counts is the number of loads: two columns that are neighbours
  take one index and, in FP32, one load of x.
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

/* From the values of a slot to those of the next; heads of planes need no more than the heads */
FURL_BODY void FurlNextSlot(FurlIrregularForm form, int lanes, FurlIrregularValues *v)
{
  if (form.how == FURL_HOW_RAW)
    v->raw += lanes * form.width;
  else {
    v->head += lanes * form.width;
    v->second += lanes * form.width;
    v->tail += lanes * form.width;
  }
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
#define FURL_XD(l, d) x[delta[l] + (d)]
#define FURL_BOTH(l) FurlLoadBoth((const float *)(x + delta[l]))
  if (width == 1)
    FURL_PART_SET(FURL_REAL, value, n, FURL_X);
  else if (sizeof(*x) == 4)
    FURL_PART_SET(uint64_t, (uint64_t *)value, n, FURL_BOTH);
  else
    FURL_PART_SET_PAIRS(FURL_REAL, value, n, FURL_XD);
#undef FURL_BOTH
#undef FURL_XD
#undef FURL_X
}

FURL_BODY void FURL_NAME(FurlGatherWide)(const FURL_REAL *FURL_RESTRICT x, const int32_t *FURL_RESTRICT index, int n, FURL_REAL *value)
{
#define FURL_X(l) x[index[l]]
  FURL_PART_SET(FURL_REAL, value, n, FURL_X);
#undef FURL_X
}

/* total += the slot's entries times x, for m lanes of a part: FURL_PART or FURL_HALF */
FURL_BODY void FURL_NAME(FurlAddSlot)(FurlIrregularForm form, int m, int n, const FurlIrregularValues *v, FURL_REAL scale,
                                      const FURL_REAL *FURL_RESTRICT x, const uint16_t *delta, const int32_t *index, FURL_REAL *total)
{
  FURL_PER_PART(FURL_REAL, xl, 2);

  for (int first = 0; first < m; first += FURL_HALF) {
    if (form.wide)
      FURL_NAME(FurlGatherWide)(x, index + first, n, xl + first);
    else
      FURL_NAME(FurlGatherNarrow)(form.width, x, delta + first, n, xl + first * form.width);
  }
  FURL_PART_ENTRIES(e, n, m, form.width)
  AT_PART(total, form.width, e) += FURL_NAME(FurlReadIrregular)(form.how, v, e) * (scale * AT_PART(xl, form.width, e));
}

/*
  n slots that are stored alike, from `at` on; returns 0 where the lanes of the part have no more entries in the slice. Absent entries have
  the value zero, and x somewhere.
*/
FURL_BODY int FURL_NAME(FurlAddIrregularRun)(const FurlSlicesView *a, FurlIrregularForm form, const FurlIrregularCursor *at, int n,
                                             int part, const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sum)
{
  const int           scaled   = form.how == FURL_HOW_HEAD || form.how == FURL_HOW_PLANES_HEAD || form.how == FURL_HOW_SECOND;
  const int64_t       first    = (int64_t)form.width * part;
  const int16_t      *exponent = a->exponent + at->exponent;
  const uint8_t      *count    = a->count + at->slot;
  const int32_t      *base     = a->base + at->slot;
  const uint16_t     *delta    = a->delta + at->columns + part;
  const int32_t      *index    = a->index + at->columns + part;
  FurlIrregularValues v = {a->raw + at->raw + first, a->head + at->head + first, a->second + at->rest + first, a->tail + at->rest + first,
                           0};
  int                 k = 0;
  FURL_PER_PART(FURL_REAL, total, 2);

  FURL_PART_ENTRIES(e, FURL_WIDTH, FURL_PART, form.width) AT_PART(total, form.width, e) = AT_PART(sum, form.width, e);
  for (; k < n; k++) {
    const int              lanes = FurlPadLanes(count[k]);
    const FURL_REAL *const xbase = form.wide ? x : x + base[k];
    FURL_REAL              scale = 1;

    if (part >= lanes) break;
    if (form.how != FURL_HOW_RAW) v.exponent = exponent[k];
    if (scaled) scale = FURL_NAME(FurlSlotScale)(v.exponent);
    if (FURL_PART > FURL_HALF && lanes < part + FURL_PART)
      FURL_NAME(FurlAddSlot)(form, FURL_HALF, count[k], &v, scale, xbase, delta, index, total);
    else
      FURL_NAME(FurlAddSlot)(form, FURL_PART, count[k], &v, scale, xbase, delta, index, total);
    FurlNextSlot(form, lanes, &v);
    delta += lanes;
    index += lanes;
  }
  FURL_PART_ENTRIES(e, FURL_WIDTH, FURL_PART, form.width) AT_PART(sum, form.width, e) = AT_PART(total, form.width, e);
  return k == n;
}

/* A function for each form, else the compiler runs out of registers */
#define FURL_INSTANCE(name, how, width, wide)                                                                        \
  FURL_SHARED_BODY int FURL_NAME(name##how)(const FurlSlicesView *a, const FurlIrregularCursor *at, int n, int part, \
                                            const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sum)                        \
  {                                                                                                                  \
    return FURL_NAME(FurlAddIrregularRun)(a, (FurlIrregularForm){how, width, wide}, at, n, part, x, sum);            \
  }
#define FURL_INSTANCES(name, width, wide)                                                                             \
  FURL_INSTANCE(name, FURL_HOW_RAW, width, wide)                                                                      \
  FURL_INSTANCE(name, FURL_HOW_HEAD, width, wide)                                                                     \
  FURL_INSTANCE(name, FURL_HOW_PLANES_HEAD, width, wide)                                                              \
  FURL_INSTANCE(name, FURL_HOW_SECOND, width, wide)                                                                   \
  FURL_INSTANCE(name, FURL_HOW_ALL, width, wide)                                                                      \
  FURL_INSTANCE(name, FURL_HOW_SMALL, width, wide)                                                                    \
  FURL_BODY int FURL_NAME(name)(const FurlSlicesView *a, FurlHow how, const FurlIrregularCursor *at, int n, int part, \
                                const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sum)                                     \
  {                                                                                                                   \
    if (how == FURL_HOW_RAW) return FURL_NAME(name##FURL_HOW_RAW)(a, at, n, part, x, sum);                            \
    if (how == FURL_HOW_HEAD) return FURL_NAME(name##FURL_HOW_HEAD)(a, at, n, part, x, sum);                          \
    if (how == FURL_HOW_PLANES_HEAD) return FURL_NAME(name##FURL_HOW_PLANES_HEAD)(a, at, n, part, x, sum);            \
    if (how == FURL_HOW_SECOND) return FURL_NAME(name##FURL_HOW_SECOND)(a, at, n, part, x, sum);                      \
    if (how == FURL_HOW_ALL) return FURL_NAME(name##FURL_HOW_ALL)(a, at, n, part, x, sum);                            \
    return FURL_NAME(name##FURL_HOW_SMALL)(a, at, n, part, x, sum);                                                   \
  }
FURL_INSTANCES(FurlRunPairs, 2, 0)
FURL_INSTANCES(FurlRunSingles, 1, 0)
FURL_INSTANCES(FurlRunWide, 1, 1)
#undef FURL_INSTANCES
#undef FURL_INSTANCE

FURL_BODY int FURL_NAME(FurlRunAny)(const FurlSlicesView *a, int columns, FurlHow how, const FurlIrregularCursor *at, int n, int part,
                                    const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sum)
{
  if (columns == FURL_COLUMNS_PAIRS16) return FURL_NAME(FurlRunPairs)(a, how, at, n, part, x, sum);
  if (columns == FURL_COLUMNS_DELTA16) return FURL_NAME(FurlRunSingles)(a, how, at, n, part, x, sum);
  return FURL_NAME(FurlRunWide)(a, how, at, n, part, x, sum);
}

/* The lanes part .. part + FURL_PART - 1 of slice s; 0 where a slot must be read exactly */
FURL_BODY int FURL_NAME(FurlSumPart)(const FurlSlicesView *a, int64_t s, FurlRead read, int part, const FURL_REAL *FURL_RESTRICT x,
                                     FURL_REAL *sorted)
{
  const FurlProgram  *p     = a->program + a->header[s].program;
  const int           width = FurlIrregularWidth(p->columns);
  FurlIrregularCursor at    = FurlFirstSlot(a, a->header + s);
  FURL_PER_PART(FURL_REAL, sum, 2);

  FURL_PART_ENTRIES(e, FURL_WIDTH, FURL_PART, 2) AT_PART(sum, 2, e) = 0;
  for (int k = 0; k < p->nslots;) {
    const int     kind = a->kind[p->first + k];
    const int     n    = a->run[p->first + k];
    const FurlHow how  = FurlChooseHow(a, kind, read, &at, n);

    if (how == FURL_HOW_EXACT) return 0;
    if (!FURL_NAME(FurlRunAny)(a, p->columns, how, &at, n, part, x, sum)) break;
    k += n;
    if (k < p->nslots) FurlSkipSlots(a, kind, width, n, &at);
  }
  if (width == 2)
    FURL_PART_LANES(l, FURL_WIDTH, FURL_PART) AT(sorted, part + l) = AT_PART(sum, 2, 2 * l) + AT_PART(sum, 2, 2 * l + 1);
  else
    FURL_PART_LANES(l, FURL_WIDTH, FURL_PART) AT(sorted, part + l) = AT_PART(sum, 1, l);
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
  int done = 1, nan = 0;

  for (int part = 0; part < FURL_WIDTH && done; part += FURL_PART) done = FURL_NAME(FurlSumPart)(a, s, read, part, x, sorted);
  if (done) FURL_ANY_LANE(nan, l, !(AT(sorted, l) == AT(sorted, l)));
  if (!done || nan) FURL_NAME(FurlIrregularExact)(a, s, read, x, sorted);
}
