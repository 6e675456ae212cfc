/* Irregular slices: rows in order of falling length, columns stored in 16 or 32 bits, one an entry or one for neighbours */
#include <string.h>
#include "array.h"
#include "irregular.h"

/*
  Of the n first entries, 64 at most, without a branch an entry: no pair reaches beyond them. In a run of neighbours each second one begins
  a pair; a sum carries through the runs that begin at even bits, and so tells them from the others.
*/
static FurlPairs FindPairs(const int32_t *column, int64_t n)
{
  const uint64_t even       = 0x5555555555555555u;
  uint64_t       neighbours = 0, runs;
  FurlPairs      pairs;

  for (int64_t k = 0; k + 1 < n; k++) neighbours |= (uint64_t)(column[k + 1] - column[k] == 1) << k;
  runs        = neighbours & ~(neighbours << 1);
  runs        = neighbours & ~(neighbours + (runs & even));
  pairs.both  = (runs & even) | (neighbours & ~runs & ~even);
  pairs.begin = ~0ull >> (64 - n) & ~(pairs.both << 1);
  return pairs;
}

static int64_t AtMost64(int64_t n)
{
  return n < 64 ? n : 64;
}

static FurlPairs FindNextPairs(const FurlEncoder *e, int64_t next, int row)
{
  return FindPairs(e->column + next, AtMost64(e->start[row + 1] - next));
}

/* Slots that the row takes from its entry `first` on */
static int32_t CountSlots(const FurlEncoder *e, int64_t first, int row)
{
  int32_t count = 0;

  for (; first < e->start[row + 1]; first += 64) count += __builtin_popcountll(FindNextPairs(e, first, row).begin);
  return count;
}

void FurlPlanSortLanes(FurlIrregularPlan *plan)
{
  for (int l = 0; l < FURL_WIDTH; l++) {
    int p = l;

    for (; p > 0 && plan->length[plan->row[p - 1]] < plan->length[l]; p--) plan->row[p] = plan->row[p - 1];
    plan->row[p] = (uint8_t)l;
  }
  plan->nslots = plan->length[plan->row[0]];
}

static void PlanSingles(const FurlEncoder *e, FurlIrregularPlan *plan)
{
  plan->width = 1;
  for (int l = 0; l < FURL_WIDTH; l++) plan->length[l] = (int32_t)(e->start[l + 1] - e->start[l]);
  FurlPlanSortLanes(plan);
}

int64_t FurlPlanCountPairs(const FurlEncoder *e, FurlIrregularPlan *plan)
{
  int64_t pairs = 0;

  for (int l = 0; l < FURL_WIDTH; l++) {
    if (e->start[l + 1] > e->start[l]) plan->pairs[l] = FindNextPairs(e, e->start[l], l);
    plan->length[l] = __builtin_popcountll(plan->pairs[l].begin) + CountSlots(e, e->start[l] + 64, l);
    pairs += plan->length[l];
  }
  return pairs;
}

/* Pairs halve the loads of a product; they are taken where the zeros that fill them up cost no more than a tenth of the bytes */
static int PlanPairs(const FurlEncoder *e, FurlIrregularPlan *plan)
{
  const int64_t bytes_of_value = e->encoding->store == FURL_STORE_HEADS ? 2 : 8;
  const int64_t pairs          = FurlPlanCountPairs(e, plan);

  plan->width = 2;
  FurlPlanSortLanes(plan);
  return e->slices->ncols > 1 && 10 * pairs * (2 + 2 * bytes_of_value) <= 11 * e->start[FURL_WIDTH] * (2 + bytes_of_value);
}

void FurlIrregularFirst(const FurlEncoder *e, const FurlIrregularPlan *plan, FurlIrregularSlot *slot)
{
  slot->nlanes = FURL_WIDTH;
  for (int l = 0; l < FURL_WIDTH; l++) {
    slot->next[l] = e->start[plan->row[l]];
    slot->left[l] = plan->pairs[plan->row[l]];
  }
}

/* A pair must not reach beyond the last column: there it begins one earlier */
static void TakePair(const FurlEncoder *e, const FurlIrregularPlan *plan, int l, FurlIrregularSlot *slot)
{
  FurlPairs *const left = slot->left + l;

  if (!left->begin) {
    slot->next[l] += 64;
    *left = FindNextPairs(e, slot->next[l], plan->row[l]);
  }
  const int     k     = __builtin_ctzll(left->begin);
  const int     both  = (int)(left->both >> k & 1);
  const int64_t q     = slot->next[l] + k;
  const int     early = e->column[q] > e->slices->ncols - 2;
  const double  first = e->value[q], second = e->value[q + both];

  left->begin &= left->begin - 1;
  slot->column[l]        = e->column[q] - early;
  slot->value[2 * l]     = early ? 0 : first;
  slot->value[2 * l + 1] = both ? second : early ? first : 0;
  slot->present[0] |= (both ? 3ull : early ? 2ull : 1ull) << 2 * l;
}

static void TakePairs(const FurlEncoder *e, const FurlIrregularPlan *plan, FurlIrregularSlot *slot)
{
  slot->present[0] = 0;
  for (int l = 0; l < slot->nlanes; l++) TakePair(e, plan, l, slot);
  slot->npresent = __builtin_popcountll(slot->present[0]);
}

static void TakeSingles(const FurlEncoder *e, FurlIrregularSlot *slot)
{
  for (int l = 0; l < slot->nlanes; l++) {
    slot->column[l] = e->column[slot->next[l]];
    slot->value[l]  = e->value[slot->next[l]++];
  }
  slot->npresent = slot->nlanes;
}

/* Lanes that fill up a group read the x of the first one, times zero */
static void PadSlot(const FurlIrregularPlan *plan, FurlIrregularSlot *slot)
{
  slot->nindices = slot->nstored = (slot->nlanes + plan->pad) & ~plan->pad;
  slot->nvalues                  = slot->nstored * plan->width;
  for (int l = slot->nlanes; l < slot->nstored; l++) slot->column[l] = slot->column[0];
  for (int q = slot->nlanes * plan->width; q < slot->nvalues; q++) slot->value[q] = 0;
}

/* Slot k; the slots before it have been taken */
void FurlPlanTakeSlot(const FurlEncoder *e, const FurlIrregularPlan *plan, int32_t k, FurlIrregularSlot *slot)
{
  while (plan->length[plan->row[slot->nlanes - 1]] <= k) slot->nlanes--;
  if (plan->columns == FURL_COLUMNS_BLOCKS)
    FurlTakeBlocks(e, plan, slot);
  else {
    if (plan->columns == FURL_COLUMNS_PAIRS)
      TakePairs(e, plan, slot);
    else
      TakeSingles(e, slot);
    PadSlot(plan, slot);
  }
}

/* Whole groups where they cost little: one in twenty of the entries; of heads, which are read many times and are short, one in four */
static int ChoosePad(const FurlEncoder *e, const FurlIrregularPlan *plan)
{
  int64_t lanes = 0, stored = 0;

  for (int32_t k = 0, n = FURL_WIDTH; k < plan->nslots; k++) {
    while (plan->length[plan->row[n - 1]] <= k) n--;
    lanes += n;
    stored += (n + FURL_GROUP - 1) / FURL_GROUP * FURL_GROUP;
  }
  return (e->encoding->store == FURL_STORE_HEADS ? 4 : 20) * (stored - lanes) <= lanes ? FURL_GROUP - 1 : 0;
}

/* Blocks where they cost the fewest bytes, else pairs, else single entries */
static void MakePlan(const FurlEncoder *e, int64_t row0, FurlIrregularPlan *plan)
{
  const int64_t bytes_of_value = e->encoding->store == FURL_STORE_HEADS ? 2 : 8;

  if (FurlPlanBlocks(e, row0, plan) < e->start[FURL_WIDTH] * (2 + bytes_of_value)) return;
  *plan = (FurlIrregularPlan){.columns = FURL_COLUMNS_PAIRS};
  if (!PlanPairs(e, plan)) {
    *plan = (FurlIrregularPlan){.columns = FURL_COLUMNS_SINGLES};
    PlanSingles(e, plan);
  }
  plan->pad = ChoosePad(e, plan);
}

static int AppendNarrow(FurlSlices *slices, const uint32_t *index, int n)
{
  uint8_t *const narrow = FurlArrayExtend(&slices->narrow, (size_t)n);

  for (int i = 0; narrow && i < n; i++) narrow[i] = (uint8_t)index[i];
  return narrow != NULL;
}

static int AppendWide(FurlSlices *slices, const uint32_t *index, int n, int size)
{
  uint16_t *const wide = FurlArrayExtend(&slices->wide, (size_t)(size * n));

  if (size == 1)
    for (int i = 0; wide && i < n; i++) wide[i] = (uint16_t)index[i];
  else
    for (int i = 0; wide && i < n; i++) {
      wide[2 * i]     = (uint16_t)index[i];
      wide[2 * i + 1] = (uint16_t)(index[i] >> 16);
    }
  return wide != NULL;
}

/* Indices in 8, 16 or 32 bits, whichever hold the largest; *layout says which */
static int AppendIndices(FurlSlices *slices, const FurlIrregularPlan *plan, const FurlIrregularSlot *slot, uint8_t *layout)
{
  int32_t *const base     = FurlArrayExtend(&slices->base, 1);
  int32_t        smallest = slot->column[0], largest = slot->column[0];
  const uint32_t scale = plan->columns == FURL_COLUMNS_BLOCKS ? (uint32_t)plan->width : 1;
  uint32_t       index[FURL_WIDTH];

  if (!base) return 0;
  for (int i = 1; i < slot->nindices; i++) {
    smallest = slot->column[i] < smallest ? slot->column[i] : smallest;
    largest  = slot->column[i] > largest ? slot->column[i] : largest;
  }
  *base = smallest;
  for (int i = 0; i < slot->nindices; i++) index[i] = (uint32_t)(slot->column[i] - smallest);
  if (scale > 1)
    for (int i = 0; i < slot->nindices; i++) index[i] /= scale;
  largest = (int32_t)((uint32_t)(largest - smallest) / scale);
  if (largest <= UINT8_MAX) return AppendNarrow(slices, index, slot->nindices);
  *layout |= largest <= UINT16_MAX ? FURL_LAYOUT_16 : FURL_LAYOUT_32;
  return AppendWide(slices, index, slot->nindices, FurlIndexSize(*layout));
}

static int AppendPresent(FurlSlices *slices, const FurlIrregularPlan *plan, const FurlIrregularSlot *slot)
{
  const size_t    words   = (size_t)FurlPresentWords(plan->width);
  uint64_t *const present = FurlArrayExtend(&slices->present, words);

  if (present) memcpy(present, slot->present, words * sizeof(*present));
  return present != NULL;
}

int FurlIrregularAppendValues(FurlEncoder *e, int32_t k, const FurlIrregularSlot *slot)
{
  FurlProgramDraft *const d = &e->draft;

  d->offset[k]   = 0;
  d->mask[k]     = 0;
  d->constant[k] = 0;
  d->start[k]    = 0;
  d->window[k]   = 0;
  d->kind[k]     = (uint8_t)FurlValuesChoose(e, slot->value, slot->nvalues, 1);
  return FurlValuesAppend(e, (FurlValues)d->kind[k], slot->value, slot->nvalues);
}

static int AppendSlot(FurlEncoder *e, const FurlIrregularPlan *plan, int32_t k, FurlIrregularSlot *slot)
{
  FurlSlices *const slices = e->slices;
  uint8_t *const    room   = FurlArrayExtend(&slices->layout, 1);
  uint8_t           layout = (uint8_t)(slot->nlanes - 1);

  if (!room || !AppendIndices(slices, plan, slot, &layout)) return 0;
  if (slot->npresent < slot->nlanes * plan->width) {
    layout |= FURL_LAYOUT_MASKED;
    if (!AppendPresent(slices, plan, slot)) return 0;
  }
  *room = layout;
  return FurlIrregularAppendValues(e, k, slot);
}

static uint8_t Back(const FurlArray *array)
{
  return (uint8_t)((FURL_GROUP - array->used % FURL_GROUP) % FURL_GROUP);
}

/* What lies beside the slots of a slice */
int FurlIrregularBegin(FurlSlices *slices, const FurlIrregularPlan *plan)
{
  uint8_t *const       row       = FurlArrayExtend(&slices->lane_row, FURL_WIDTH);
  FurlIrregular *const irregular = FurlArrayExtend(&slices->irregular, 1);

  if (!row || !irregular) return 0;
  memcpy(row, plan->row, FURL_WIDTH);
  *irregular = (FurlIrregular){.slots     = (uint32_t)slices->base.used,
                               .present   = (uint32_t)slices->present.used,
                               .narrow    = (uint32_t)slices->narrow.used,
                               .wide      = (uint32_t)slices->wide.used,
                               .raw_back  = Back(&slices->raw),
                               .head_back = Back(&slices->head),
                               .rest_back = Back(&slices->second)};
  return 1;
}

/* The last slot of the tables stands for those behind it that are of its kind */
static int32_t SlotsOfTable(const FurlProgramDraft *draft)
{
  int32_t n = draft->nslots;

  while (n > 1 && draft->kind[n - 2] == draft->kind[n - 1]) n--;
  return n;
}

FurlEncodeStatus FurlIrregularEnd(FurlEncoder *e, const FurlIrregularPlan *plan, FurlSliceHeader header)
{
  e->draft.columns = plan->columns;
  e->draft.width   = plan->width;
  e->draft.pad     = plan->pad;
  e->draft.foreign = 0;
  e->draft.nslots  = plan->nslots;
  e->draft.ntable  = SlotsOfTable(&e->draft);
  return FurlEncodeEnd(e, header);
}

static int HasRoom(const FurlSlices *s)
{
  return s->wide.used <= UINT32_MAX && s->narrow.used <= UINT32_MAX && s->present.used <= UINT32_MAX && s->base.used <= UINT32_MAX;
}

FurlEncodeStatus FurlEncodeIrregular(FurlEncoder *e, int64_t row0)
{
  const FurlSliceHeader header = FurlEncodeBegin(e->slices);
  FurlIrregularPlan     plan;
  FurlIrregularSlot     slot;

  if (!HasRoom(e->slices)) return FURL_ENCODE_TOO_LARGE;
  MakePlan(e, row0, &plan);
  if (!FurlIrregularBegin(e->slices, &plan)) return FURL_ENCODE_MEMORY;
  FurlIrregularFirst(e, &plan, &slot);
  for (int32_t k = 0; k < plan.nslots; k++) {
    FurlPlanTakeSlot(e, &plan, k, &slot);
    if (!AppendSlot(e, &plan, k, &slot)) return FURL_ENCODE_MEMORY;
  }
  return FurlIrregularEnd(e, &plan, header);
}
