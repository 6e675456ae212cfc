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
  FURL_HOW_CODE8,
  FURL_HOW_CODE16,
  FURL_HOW_EXACT /* none of these */
} FurlHow;

/* The values of a slot */
typedef struct {
  const double   *raw;
  const uint16_t *head;
  const int16_t  *second;
  const uint32_t *tail;
  const uint8_t  *code; /* of 8 bits; those of 16 are heads */
  const double   *dictionary;
} FurlIrregularValues;

/* A slice and its slot at hand */
typedef struct {
  const FurlProgram  *p;
  const int32_t      *block; /* per lane; of blocks: which index lane l reads */
  uint32_t            first; /* of blocks: bit l says that lane l begins a block, but for lane 0 */
  const int32_t      *base;
  const uint8_t      *layout;
  const uint8_t      *narrow;
  const uint16_t     *wide;
  const int16_t      *exponent;
  FurlIrregularValues v;
} FurlIrregularCursor;

/* Two floats at once */
FURL_BODY uint64_t FurlLoadBoth(const float *x)
{
  uint64_t both;

  memcpy(&both, x, sizeof(both));
  return both;
}

/* The values that begin n entries further on; heads of planes need no more than the heads */
FURL_BODY FurlIrregularValues FurlMoveValues(FurlHow how, int n, FurlIrregularValues v)
{
  if (how == FURL_HOW_RAW)
    v.raw += n;
  else if (how == FURL_HOW_CODE8)
    v.code += n;
  else if (how == FURL_HOW_HEAD || how == FURL_HOW_CODE16)
    v.head += n;
  else {
    v.head += n;
    v.second += n;
    v.tail += n;
  }
  return v;
}

FURL_BODY int FurlHowIsCode(FurlHow how)
{
  return how == FURL_HOW_CODE8 || how == FURL_HOW_CODE16;
}

FURL_BODY int FurlReadCode(FurlHow how, const FurlIrregularValues *v, int e)
{
  return how == FURL_HOW_CODE8 ? v->code[e] : v->head[e];
}

/* Blocks that begin in lanes 1 .. lanes - 1 */
FURL_BODY int FurlCountBlocks(uint32_t first, int lanes)
{
  return FURL_POPCOUNT(first & ((2u << (lanes - 1)) - 1));
}

FURL_BODY int FurlIndicesOf(const FurlIrregularCursor *at, int columns, int layout)
{
  return columns == FURL_COLUMNS_BLOCKS ? 1 + FurlCountBlocks(at->first, FurlLanesOf(layout)) : FurlStoredLanes(at->p, layout);
}

/* To the next slot: its indices and its payload, of which `how` says what it is */
FURL_BODY void FurlSkipSlot(FurlHow how, int columns, FurlIrregularCursor *at)
{
  const int layout = *at->layout++;
  const int size = FurlIndexSize(layout), indices = FurlIndicesOf(at, columns, layout);
  const int entries = FurlStoredLanes(at->p, layout) * (columns == FURL_COLUMNS_SINGLES ? 1
                                                        : columns == FURL_COLUMNS_PAIRS ? 2
                                                                                        : at->p->width);

  at->base++;
  if (size == 0) at->narrow += indices;
  if (how == FURL_HOW_CODE8) at->narrow += entries;
  at->wide += size * indices;
  at->v = FurlMoveValues(how, entries, at->v);
  if (how == FURL_HOW_RAW || FurlHowIsCode(how)) return;
  /* a double beside its head, without the other planes */
  if (how == FURL_HOW_PLANES_HEAD && (*at->exponent & FURL_PLANES_H64)) {
    at->v.raw += entries;
    at->v.second -= entries;
    at->v.tail -= entries;
  }
  at->exponent++;
}

/* The values of the slot at hand: codes of 8 bits lie behind its indices */
FURL_BODY FurlIrregularValues FurlSlotValues(const FurlIrregularCursor *at, int columns)
{
  FurlIrregularValues v = at->v;

  v.code = at->narrow + (FurlIndexSize(*at->layout) ? 0 : FurlIndicesOf(at, columns, *at->layout));
  return v;
}

/* How the n slots from `at` on are read, which are all of one kind */
FURL_BODY FurlHow FurlChooseHow(int kind, FurlRead read, const FurlIrregularCursor *at, int n)
{
  int flags = 0;

  if (kind == FURL_VALUES_RAW) return FURL_HOW_RAW;
  if (kind == FURL_VALUES_CODE8) return FURL_HOW_CODE8;
  if (kind == FURL_VALUES_CODE16) return FURL_HOW_CODE16;
  if (kind == FURL_VALUES_HEAD) return FURL_HOW_HEAD;
  if (read == FURL_READ_HEAD) return FURL_HOW_PLANES_HEAD;
  for (int k = 0; k < n; k++) flags |= at->exponent[k];
  if (flags & FURL_PLANES_H64) return FURL_HOW_EXACT;
  if (read == FURL_READ_SECOND) return FURL_HOW_SECOND;
  return flags & FURL_PLANES_SMALL ? FURL_HOW_SMALL : FURL_HOW_ALL;
}

/* Which index of a slot each lane reads: the rows of a block are neighbours. Returns the lanes that begin one */
FURL_BODY uint32_t FurlNumberBlocks(const FurlSlicesView *a, int64_t s, int width, int32_t *block)
{
  const uint8_t *row  = a->lane_row + (int64_t)a->header[s].irregular * FURL_WIDTH;
  const int      row0 = (int)(s * FURL_WIDTH % width);
  const int inverse   = (1 << 16) / width + 1; /* division by a multiplication: exact for numerators below FURL_WIDTH + FURL_BLOCK_MOST */
  uint32_t  first     = 0;

  FURL_MASK_LANES(first, l, l > 0 && ((row0 + row[l]) * inverse >> 16) != ((row0 + row[l > 0 ? l - 1 : 0]) * inverse >> 16));
  FURL_LANES(l) AT(block, l) = FurlCountBlocks(first, l + 1);
  return first;
}

FURL_BODY FurlIrregularCursor FurlFirstSlot(const FurlSlicesView *a, int64_t s, int32_t *block)
{
  const FurlSliceHeader    *header    = a->header + s;
  const FurlProgram        *p         = a->program + header->program;
  const FurlIrregular      *irregular = a->irregular + header->irregular;
  const int                 blocks    = p->columns == FURL_COLUMNS_BLOCKS;
  const FurlIrregularValues v         = {a->raw + (int64_t)header->raw * FURL_GROUP - irregular->raw_back,
                                         a->head + (int64_t)header->head * FURL_GROUP - irregular->head_back,
                                         a->second + (int64_t)header->rest * FURL_GROUP - irregular->rest_back,
                                         a->tail + (int64_t)header->rest * FURL_GROUP - irregular->rest_back,
                                         NULL,
                                         a->dictionary};
  const FurlIrregularCursor at        = {p,
                                         block,
                                  blocks ? FurlNumberBlocks(a, s, p->width, block) : 0,
                                         a->base + irregular->slots,
                                         a->layout + irregular->slots,
                                         a->narrow + irregular->narrow,
                                         a->wide + irregular->wide,
                                         a->exponent + header->exponent,
                                         v};

  return at;
}

/* The distance of lane l from the base of the slot at hand, in columns */
FURL_BODY int32_t FurlReadIndex(const FurlIrregularCursor *at, int l)
{
  const int blocks = at->p->columns == FURL_COLUMNS_BLOCKS, size = FurlIndexSize(*at->layout);
  const int i = blocks ? AT(at->block, l) : l;

  return (blocks ? at->p->width : 1) * (size == 0 ? at->narrow[i] : size == 1 ? at->wide[i] : FurlWideIndex(at->wide, i));
}

FURL_BODY int FurlHasBit(const uint64_t *word, int bit)
{
  return (int)(word[bit / 64] >> bit % 64 & 1);
}

/* Where the columns of a slot stand: the distance of each lane from the base, in one of these */
typedef struct {
  const uint8_t  *narrow;
  const uint16_t *wide;
  const int32_t  *where; /* per lane */
  const int32_t  *block; /* per lane: which of the first two */
  int             width;
} FurlIndices;

typedef enum { FURL_NARROW, FURL_WIDE, FURL_WIDEST, FURL_WHERE, FURL_NARROW_BLOCK, FURL_WIDE_BLOCK } FurlIndexForm;

FURL_BODY int32_t FurlIndexOf(FurlIndexForm form, const FurlIndices *index, int l)
{
  if (form == FURL_NARROW) return index->narrow[l];
  if (form == FURL_WIDE) return index->wide[l];
  if (form == FURL_WIDEST) return FurlWideIndex(index->wide, l);
  if (form == FURL_WHERE) return AT(index->where, l);
  return index->width * (form == FURL_NARROW_BLOCK ? index->narrow[AT(index->block, l)] : index->wide[AT(index->block, l)]);
}

#if FURL_LANES_IN_MEMORY
/* Whether FurlIrregularVector() reads them */
FURL_BODY int FurlHowIsVector(FurlHow how)
{
  return how != FURL_HOW_SMALL && how != FURL_HOW_EXACT && !FurlHowIsCode(how);
}

/* Entries e to e + FURL_VECTOR_LANES - 1, but for the slot's scale */
FURL_BODY FurlVector FurlIrregularVector(FurlHow how, const FurlIrregularValues *v, int16_t exponent, int e)
{
  if (how == FURL_HOW_RAW) return *(const FurlVector *)(v->raw + e);
  if (how == FURL_HOW_HEAD) return FurlPlanesVector(FURL_READ_HEAD, 0, v->head + e, NULL, NULL);
  if (how == FURL_HOW_PLANES_HEAD) return FurlPlanesVector(FURL_READ_HEAD, 1, v->head + e, NULL, NULL);
  if (how == FURL_HOW_SECOND) return FurlPlanesVector(FURL_READ_SECOND, 1, v->head + e, v->second + e, NULL);
  return FurlPlanesVector(FURL_READ_ALL, 0, v->head + e, v->second + e, v->tail + e) * FurlPowerDouble(FurlPlanesScale(exponent));
}

/* total[e] += the sum of value * scale * x over some columns, one to three, for n entries: whole vectors */
FURL_BODY void FurlAddVectors(FurlHow how, int columns, int n, const FurlIrregularValues *const *v, double scale, int16_t exponent,
                              const double *const *x, double *total)
{
  for (int e = 0; e < n; e += FURL_VECTOR_LANES) {
    FurlVector sum = *(const FurlVector *)(total + e);

    FURL_UNROLL
    for (int d = 0; d < columns; d++) sum += FurlIrregularVector(how, v[d], exponent, e) * (scale * *(const FurlVector *)(x[d] + e));
    *(FurlVector *)(total + e) = sum;
  }
}
#endif

#endif

/* An entry, but for the slot's scale */
FURL_BODY FURL_REAL FURL_NAME(FurlReadIrregular)(FurlHow how, const FurlIrregularValues *v, int16_t exponent, int64_t e)
{
  if (how == FURL_HOW_RAW) return (FURL_REAL)v->raw[e];
  if (how == FURL_HOW_HEAD) return FurlHeadToFloat(v->head[e]);
  if (how == FURL_HOW_PLANES_HEAD) return FurlHeadToFloatFlush(v->head[e]);
  if (how == FURL_HOW_SECOND) return FurlHeadSecondToFloatFlush(v->head[e], v->second[e]);
  if (how == FURL_HOW_ALL) return (FURL_REAL)FurlPlanesToDouble(v->head[e], v->second[e], v->tail[e], exponent);
  return (FURL_REAL)FurlPlanesToDoubleSmall(v->head[e], v->second[e], v->tail[e], exponent);
}

/* value[l] = x at the column of lane l, or at both columns of its pair */
FURL_BODY void FURL_NAME(FurlGather)(int pairs, FurlIndexForm form, const FURL_REAL *FURL_RESTRICT x, const FurlIndices *index, int n,
                                     FURL_REAL *value)
{
#define FURL_X(l) x[FurlIndexOf(form, index, l)]
#define FURL_XAT(l) (x + FurlIndexOf(form, index, l))
#define FURL_BOTH(l) FurlLoadBoth((const float *)(x + FurlIndexOf(form, index, l)))
  if (!pairs)
    FURL_GROUP_SET(FURL_REAL, value, n, FURL_X);
  else if (sizeof(*x) == 4)
    FURL_GROUP_SET(uint64_t, (uint64_t *)value, n, FURL_BOTH);
  else
    FURL_GROUP_SET_PAIRS(FURL_REAL, value, n, FURL_XAT);
#undef FURL_BOTH
#undef FURL_XAT
#undef FURL_X
}

/* The values of a group from the dictionary; codes that lie behind the slot are not used */
FURL_BODY void FURL_NAME(FurlLookUp)(FurlHow how, int width, int whole, int n, const FurlIrregularValues *v, FURL_REAL *value)
{
#define FURL_X(e) ((FURL_REAL)v->dictionary[whole || (e) < (width)*n ? FurlReadCode(how, v, e) : 0])
  FURL_GROUP_ENTRIES_SET(FURL_REAL, value, n, width, FURL_X);
#undef FURL_X
}

/* total += the first n lanes of a group, which has all of them where `whole`; what lies behind is not added. All begin with the group */
FURL_BODY void FURL_NAME(FurlAddGroup)(FurlHow how, int pairs, FurlIndexForm form, int whole, int n, const FurlIrregularValues *v,
                                       FURL_REAL scale, int16_t exponent, const FURL_REAL *FURL_RESTRICT x, const FurlIndices *index,
                                       FURL_REAL *total)
{
  FURL_PER_ENTRY(FURL_REAL, xl, 2);
  FURL_PER_ENTRY(FURL_REAL, looked, 2);

  FURL_NAME(FurlGather)(pairs, form, x, index, n, xl);
#if FURL_LANES_IN_MEMORY
  if (sizeof(FURL_REAL) == sizeof(double) && whole && FurlHowIsVector(how)) {
    const double *const from = (const double *)xl;

    FurlAddVectors(how, 1, FURL_GROUP * (1 + pairs), &v, scale, exponent, &from, (double *)total);
    return;
  }
#endif
  if (FurlHowIsCode(how)) FURL_NAME(FurlLookUp)(how, 1 + pairs, whole, n, v, looked);
  if (pairs) FURL_GROUP_ENTRIES(e, FURL_REAL, n, 2)
    {
      const FURL_REAL value   = FurlHowIsCode(how) ? AT_ENTRY(looked, 2, e) : FURL_NAME(FurlReadIrregular)(how, v, exponent, e);
      const FURL_REAL product = value * (scale * AT_ENTRY(xl, 2, e));

      AT_ENTRY(total, 2, e) += whole || e < 2 * n ? product : 0;
    }
  else
    FURL_GROUP_ENTRIES(e, FURL_REAL, n, 1)
    {
      const FURL_REAL value   = FurlHowIsCode(how) ? AT_ENTRY(looked, 1, e) : FURL_NAME(FurlReadIrregular)(how, v, exponent, e);
      const FURL_REAL product = value * (scale * AT_ENTRY(xl, 1, e));

      AT_ENTRY(total, 1, e) += whole || e < n ? product : 0;
    }
}

/*
  total += the first columns of a group of lanes in a slot of blocks, whose values are `stride` apart. Up to three at once: else the sum
  goes through memory for each.
*/
FURL_BODY void FURL_NAME(FurlAddColumns)(FurlHow how, FurlIndexForm form, int columns, int whole, int n, int stride,
                                         const FurlIrregularValues *v, FURL_REAL scale, int16_t exponent, const FURL_REAL *FURL_RESTRICT x,
                                         const FurlIndices *index, FURL_REAL *total)
{
  const FurlIrregularValues v1 = FurlMoveValues(how, stride, *v), v2 = FurlMoveValues(how, 2 * stride, *v);
  FURL_PER_ENTRY(FURL_REAL, x0, 1);
  FURL_PER_ENTRY(FURL_REAL, x1, 1);
  FURL_PER_ENTRY(FURL_REAL, x2, 1);
  FURL_PER_ENTRY(FURL_REAL, c0, 1);
  FURL_PER_ENTRY(FURL_REAL, c1, 1);
  FURL_PER_ENTRY(FURL_REAL, c2, 1);

  if (FurlHowIsCode(how)) FURL_NAME(FurlLookUp)(how, 1, whole, n, v, c0);
  if (FurlHowIsCode(how) && columns > 1) FURL_NAME(FurlLookUp)(how, 1, whole, n, &v1, c1);
  if (FurlHowIsCode(how) && columns > 2) FURL_NAME(FurlLookUp)(how, 1, whole, n, &v2, c2);
  FURL_NAME(FurlGather)(0, form, x, index, n, x0);
  if (columns > 1) FURL_NAME(FurlGather)(0, form, x + 1, index, n, x1);
  if (columns > 2) FURL_NAME(FurlGather)(0, form, x + 2, index, n, x2);
#if FURL_LANES_IN_MEMORY
  if (sizeof(FURL_REAL) == sizeof(double) && whole && FurlHowIsVector(how)) {
    const FurlIrregularValues *const value[] = {v, &v1, &v2};
    const double *const              from[]  = {(const double *)x0, (const double *)x1, (const double *)x2};

    FurlAddVectors(how, columns, FURL_GROUP, value, scale, exponent, from, (double *)total);
    return;
  }
#endif
  FURL_GROUP_ENTRIES(e, FURL_REAL, n, 1)
  {
    const FURL_REAL a0      = FurlHowIsCode(how) ? AT_ENTRY(c0, 1, e) : FURL_NAME(FurlReadIrregular)(how, v, exponent, e);
    FURL_REAL       product = a0 * (scale * AT_ENTRY(x0, 1, e));

    if (columns > 1) {
      const FURL_REAL a1 = FurlHowIsCode(how) ? AT_ENTRY(c1, 1, e) : FURL_NAME(FurlReadIrregular)(how, &v1, exponent, e);
      product += a1 * (scale * AT_ENTRY(x1, 1, e));
    }
    if (columns > 2) {
      const FURL_REAL a2 = FurlHowIsCode(how) ? AT_ENTRY(c2, 1, e) : FURL_NAME(FurlReadIrregular)(how, &v2, exponent, e);
      product += a2 * (scale * AT_ENTRY(x2, 1, e));
    }
    AT_ENTRY(total, 1, e) += whole || e < n ? product : 0;
  }
}

/* total += a group of lanes, which has all of them where `whole`, in a slot of blocks */
FURL_BODY void FURL_NAME(FurlAddBlocks)(FurlHow how, FurlIndexForm form, int whole, int n, int stride, FurlIrregularValues v,
                                        FURL_REAL scale, int16_t exponent, const FURL_REAL *FURL_RESTRICT x, const FurlIndices *index,
                                        FURL_REAL *total)
{
  int width = index->width;

  for (; width >= 3; width -= 3, x += 3, v = FurlMoveValues(how, 3 * stride, v))
    FURL_NAME(FurlAddColumns)(how, form, 3, whole, n, stride, &v, scale, exponent, x, index, total);
  for (; width >= 1; width--, x++, v = FurlMoveValues(how, stride, v))
    FURL_NAME(FurlAddColumns)(how, form, 1, whole, n, stride, &v, scale, exponent, x, index, total);
}

/* sum += the lanes of the slot from `first` on, of which it has n, eight or fewer (nvcc: all lanes). What belongs to the slot begins with
 * it */
FURL_BODY void FURL_NAME(FurlAddLanes)(FurlHow how, int columns, FurlIndexForm form, int whole, int first, int n,
                                       const FurlIrregularValues *v, FURL_REAL scale, int16_t exponent, const FURL_REAL *FURL_RESTRICT x,
                                       const FurlIndices *index, FURL_REAL *FURL_RESTRICT sum)
{
  const int pairs = columns == FURL_COLUMNS_PAIRS, own = FURL_OWN_GROUP(first), left = n - (own - first);

  if (columns == FURL_COLUMNS_BLOCKS) {
    const FurlIrregularValues group = FurlMoveValues(how, own * index->width - (own - first), *v);

    FURL_NAME(FurlAddBlocks)(how, form, whole, n, left < FURL_GROUP ? left : FURL_GROUP, group, scale, exponent, x, index, sum + first);
  } else {
    const FurlIrregularValues group = FurlMoveValues(how, first * (1 + pairs), *v);

    FURL_NAME(FurlAddGroup)(how, pairs, form, whole, n, &group, scale, exponent, x, index, sum + first * (1 + pairs));
  }
}

/* sum += the groups of which the slot has all lanes */
FURL_BODY void FURL_NAME(FurlAddWhole)(FurlHow how, int columns, FurlIndexForm form, int lanes, const FurlIrregularValues *v,
                                       FURL_REAL scale, int16_t exponent, const FURL_REAL *FURL_RESTRICT x, const FurlIrregularCursor *at,
                                       FURL_REAL *FURL_RESTRICT sum)
{
  FURL_WHOLE_GROUPS(first, lanes)
  {
    const int         own   = columns == FURL_COLUMNS_BLOCKS ? 0 : first;
    const FurlIndices index = {at->narrow + own, at->wide + own * (form == FURL_WIDEST ? 2 : 1), NULL, at->block + first, at->p->width};

    FURL_NAME(FurlAddLanes)(how, columns, form, 1, first, FURL_GROUP, v, scale, exponent, x, &index, sum);
  }
}

/* sum += the groups from `first` on, whatever their indices: those of lanes that the slot has not are not used */
FURL_BODY void FURL_NAME(FurlAddRest)(FurlHow how, int columns, int first, int lanes, const FurlIrregularValues *v, FURL_REAL scale,
                                      int16_t exponent, const FURL_REAL *FURL_RESTRICT x, const FurlIrregularCursor *at,
                                      FURL_REAL *FURL_RESTRICT sum)
{
  for (; first < lanes; first += FURL_LANES_AT_ONCE) {
    FURL_PER_LANE(int32_t, where);
    const FurlIndices index = {NULL, NULL, where, NULL, at->p->width};

    FURL_GROUP_LANES(l) AT(where, l) = first + l < lanes ? FurlReadIndex(at, first + l) : 0;
    FURL_NAME(FurlAddLanes)(how, columns, FURL_WHERE, 0, first, lanes - first, v, scale, exponent, x, &index, sum);
  }
}

/* sum += the slot at hand */
FURL_BODY void FURL_NAME(FurlAddSlot)(FurlHow how, int columns, const FurlIrregularCursor *at, const FURL_REAL *FURL_RESTRICT x,
                                      FURL_REAL *FURL_RESTRICT sum)
{
  const int                 scaled = how == FURL_HOW_HEAD || how == FURL_HOW_PLANES_HEAD || how == FURL_HOW_SECOND;
  const int                 blocks = columns == FURL_COLUMNS_BLOCKS;
  const int                 lanes = FurlStoredLanes(at->p, *at->layout), size = FurlIndexSize(*at->layout);
  const int16_t             exponent = how == FURL_HOW_RAW || FurlHowIsCode(how) ? 0 : *at->exponent;
  FURL_REAL                 scale    = 1;
  const FurlIrregularValues v        = how == FURL_HOW_CODE8 ? FurlSlotValues(at, columns) : at->v;

  x += *at->base;
  if (scaled) scale = FURL_NAME(FurlSlotScale)(exponent);
  if (size == 0) FURL_NAME(FurlAddWhole)(how, columns, blocks ? FURL_NARROW_BLOCK : FURL_NARROW, lanes, &v, scale, exponent, x, at, sum);
  if (size == 1) FURL_NAME(FurlAddWhole)(how, columns, blocks ? FURL_WIDE_BLOCK : FURL_WIDE, lanes, &v, scale, exponent, x, at, sum);
  if (size == 2 && !blocks) FURL_NAME(FurlAddWhole)(how, columns, FURL_WIDEST, lanes, &v, scale, exponent, x, at, sum);
  FURL_NAME(FurlAddRest)(how, columns, size == 2 && blocks ? 0 : FURL_WHOLE_LANES(lanes), lanes, &v, scale, exponent, x, at, sum);
}

/* sum += n slots that are stored alike; returns the cursor behind them. A pair has two sums */
FURL_BODY FurlIrregularCursor FURL_NAME(FurlAddIrregularRun)(FurlHow how, int columns, FurlIrregularCursor at, int n,
                                                             const FURL_REAL *FURL_RESTRICT x, FURL_REAL *FURL_RESTRICT sum)
{
  for (int k = 0; k < n; k++, FurlSkipSlot(how, columns, &at)) FURL_NAME(FurlAddSlot)(how, columns, &at, x, sum);
  return at;
}

/* A function for each form, else the compiler runs out of registers */
#define FURL_INSTANCE(name, how, columns)                                                                                       \
  FURL_SHARED_BODY void FURL_NAME(name##how)(FurlIrregularCursor * at, int n, const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sum) \
  {                                                                                                                             \
    *at = FURL_NAME(FurlAddIrregularRun)(how, columns, *at, n, x, sum);                                                         \
  }
#define FURL_INSTANCES(name, columns)                                                                                            \
  FURL_INSTANCE(name, FURL_HOW_RAW, columns)                                                                                     \
  FURL_INSTANCE(name, FURL_HOW_HEAD, columns)                                                                                    \
  FURL_INSTANCE(name, FURL_HOW_PLANES_HEAD, columns)                                                                             \
  FURL_INSTANCE(name, FURL_HOW_SECOND, columns)                                                                                  \
  FURL_INSTANCE(name, FURL_HOW_ALL, columns)                                                                                     \
  FURL_INSTANCE(name, FURL_HOW_SMALL, columns)                                                                                   \
  FURL_INSTANCE(name, FURL_HOW_CODE8, columns)                                                                                   \
  FURL_INSTANCE(name, FURL_HOW_CODE16, columns)                                                                                  \
  FURL_BODY void FURL_NAME(name)(FurlHow how, FurlIrregularCursor * at, int n, const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sum) \
  {                                                                                                                              \
    if (how == FURL_HOW_RAW) FURL_NAME(name##FURL_HOW_RAW)(at, n, x, sum);                                                       \
    if (how == FURL_HOW_HEAD) FURL_NAME(name##FURL_HOW_HEAD)(at, n, x, sum);                                                     \
    if (how == FURL_HOW_PLANES_HEAD) FURL_NAME(name##FURL_HOW_PLANES_HEAD)(at, n, x, sum);                                       \
    if (how == FURL_HOW_SECOND) FURL_NAME(name##FURL_HOW_SECOND)(at, n, x, sum);                                                 \
    if (how == FURL_HOW_ALL) FURL_NAME(name##FURL_HOW_ALL)(at, n, x, sum);                                                       \
    if (how == FURL_HOW_SMALL) FURL_NAME(name##FURL_HOW_SMALL)(at, n, x, sum);                                                   \
    if (how == FURL_HOW_CODE8) FURL_NAME(name##FURL_HOW_CODE8)(at, n, x, sum);                                                   \
    if (how == FURL_HOW_CODE16) FURL_NAME(name##FURL_HOW_CODE16)(at, n, x, sum);                                                 \
  }
FURL_INSTANCES(FurlRunSingles, FURL_COLUMNS_SINGLES)
FURL_INSTANCES(FurlRunPairs, FURL_COLUMNS_PAIRS)
FURL_INSTANCES(FurlRunBlocks, FURL_COLUMNS_BLOCKS)
#undef FURL_INSTANCES
#undef FURL_INSTANCE

/* sorted[l] = sum of the row that lane l holds; 0 where a slot must be read exactly */
FURL_BODY int FURL_NAME(FurlSumRuns)(const FurlSlicesView *a, int64_t s, FurlRead read, const FURL_REAL *FURL_RESTRICT x, FURL_REAL *sorted)
{
  FURL_PER_LANE(int32_t, block);
  FURL_PER_ENTRY(FURL_REAL, sum, 2);
  FurlIrregularCursor at = FurlFirstSlot(a, s, block);
  const FurlProgram  *p  = at.p;

  FURL_LANES(l) AT_ENTRY(sum, 2, 2 * l) = 0, AT_ENTRY(sum, 2, 2 * l + 1) = 0;
  for (int k = 0; k < p->nslots;) {
    const int     kind = a->kind[p->first + k];
    const int     n    = k + a->run[p->first + k] < p->ntable ? a->run[p->first + k] : p->nslots - k;
    const FurlHow how  = FurlChooseHow(kind, read, &at, n);

    if (how == FURL_HOW_EXACT) return 0;
    if (p->columns == FURL_COLUMNS_PAIRS)
      FURL_NAME(FurlRunPairs)(how, &at, n, x, sum);
    else if (p->columns == FURL_COLUMNS_SINGLES)
      FURL_NAME(FurlRunSingles)(how, &at, n, x, sum);
    else
      FURL_NAME(FurlRunBlocks)(how, &at, n, x, sum);
    k += n;
  }
  if (p->columns == FURL_COLUMNS_PAIRS)
    FURL_LANES(l) AT(sorted, l) = AT_ENTRY(sum, 2, 2 * l) + AT_ENTRY(sum, 2, 2 * l + 1);
  else
    FURL_LANES(l) AT(sorted, l) = AT_ENTRY(sum, 1, l);
  return 1;
}

/* An entry of the slot at hand, of any kind */
FURL_BODY FURL_REAL FURL_NAME(FurlReadExact)(int kind, FurlRead read, const FurlIrregularCursor *at, int e)
{
  const int     planes   = kind == FURL_VALUES_PLANES || kind == FURL_VALUES_HEAD;
  const int16_t exponent = planes ? *at->exponent : (int16_t)0;
  const int     h64      = (exponent & FURL_PLANES_H64) != 0;

  if (kind == FURL_VALUES_CODE16) return (FURL_REAL)at->v.dictionary[at->v.head[e]];
  if (kind == FURL_VALUES_CODE8) return (FURL_REAL)at->v.dictionary[FurlSlotValues(at, at->p->columns).code[e]];
  if (kind == FURL_VALUES_RAW || (h64 && read != FURL_READ_HEAD)) return (FURL_REAL)at->v.raw[e];
  if (kind == FURL_VALUES_HEAD || read == FURL_READ_HEAD)
    return FURL_NAME(FurlReadIrregular)(FURL_HOW_PLANES_HEAD, &at->v, 0, e) * FURL_NAME(FurlSlotScale)(exponent);
  if (read == FURL_READ_SECOND) return FURL_NAME(FurlReadIrregular)(FURL_HOW_SECOND, &at->v, 0, e) * FURL_NAME(FurlSlotScale)(exponent);
  return FURL_NAME(FurlReadIrregular)(FURL_HOW_SMALL, &at->v, exponent, e);
}

/* The same sums with slots of every kind, and without a look at x where there is no entry: it may be infinite there */
FURL_SHARED_BODY void FURL_NAME(FurlIrregularExact)(const FurlSlicesView *a, int64_t s, FurlRead read, const FURL_REAL *FURL_RESTRICT x,
                                                    FURL_REAL *sorted)
{
  FURL_PER_LANE(int32_t, block);
  FurlIrregularCursor at      = FurlFirstSlot(a, s, block);
  const uint64_t     *present = a->present + a->irregular[a->header[s].irregular].present;
  const FurlProgram  *p       = at.p;
  const int           width   = p->width;

  FURL_LANES(l) AT(sorted, l) = 0;
  for (int k = 0; k < p->nslots; k++) {
    const int kind   = a->kind[p->first + (k < p->ntable ? k : p->ntable - 1)];
    const int masked = *at.layout & FURL_LAYOUT_MASKED, lanes = FurlLanesOf(*at.layout);

    FURL_LANES_BELOW(l, lanes)
    {
      const int64_t j = *at.base + (int64_t)FurlReadIndex(&at, l);

      for (int d = 0; d < width; d++) {
        const int entry = p->columns == FURL_COLUMNS_BLOCKS ? FurlBlockEntry(lanes, width, l, d) : width * l + d;

        if (!masked || FurlHasBit(present, width * l + d)) AT(sorted, l) += FURL_NAME(FurlReadExact)(kind, read, &at, entry) * x[j + d];
      }
    }
    if (masked) present += FurlPresentWords(width);
    FurlSkipSlot(FurlChooseHow(kind, FURL_READ_HEAD, &at, 1), p->columns, &at);
  }
}

/* sorted[l] = sum of the row that lane l holds */
FURL_BODY void FURL_NAME(FurlIrregularSum)(const FurlSlicesView *a, int64_t s, FurlRead read, const FURL_REAL *FURL_RESTRICT x,
                                           FURL_REAL *sorted)
{
  const int done                = FURL_NAME(FurlSumRuns)(a, s, read, x, sorted);
  FURL_LANE_WORD(FURL_REAL) nan = 0;

  if (done) FURL_ANY_LANE(nan, l, !(AT(sorted, l) == AT(sorted, l)));
  if (!done || nan) FURL_NAME(FurlIrregularExact)(a, s, read, x, sorted);
}
