/* Irregular slices: rows in order of falling length, columns stored in 16 or 32 bits, one an entry or one for two neighbours */
#include <string.h>
#include "array.h"
#include "encoder.h"

/* How a slice is to be stored */
typedef struct {
  FurlColumns columns;
  int         width;              /* columns of an index: 2 for pairs */
  int32_t     nslots;             /* of the longest row */
  int32_t     length[FURL_WIDTH]; /* slots of each row */
  uint8_t     row[FURL_WIDTH];    /* the rows in order of falling length */
} Plan;

/* The k-th entries, or pairs, of the rows that have so many, taken slot after slot */
typedef struct {
  int64_t  next[FURL_WIDTH]; /* entry of the lane's row that comes next */
  int      n;                /* lanes of the slot */
  int32_t  column[FURL_WIDTH];
  uint64_t present; /* of pairs: bit 2 l + d, lane l has column d */
  double   value[2 * FURL_WIDTH];
} Slot;

/* Pairs that entries first .. end - 1 make */
static int32_t CountPairs(const int32_t *column, int64_t first, int64_t end)
{
  int32_t n = 0;

  for (int64_t q = first; q < end; n++) q += q + 1 < end && column[q + 1] == column[q] + 1 ? 2 : 1;
  return n;
}

/* Rows of the slice in order of falling length, those of the same length in their own order */
static void SortLanes(Plan *plan)
{
  for (int l = 0; l < FURL_WIDTH; l++) {
    int p = l;

    for (; p > 0 && plan->length[plan->row[p - 1]] < plan->length[l]; p--) plan->row[p] = plan->row[p - 1];
    plan->row[p] = (uint8_t)l;
  }
  plan->nslots = plan->length[plan->row[0]];
}

static void PlanSingles(const FurlEncoder *e, Plan *plan)
{
  plan->width = 1;
  for (int l = 0; l < FURL_WIDTH; l++) plan->length[l] = (int32_t)(e->start[l + 1] - e->start[l]);
  SortLanes(plan);
}

/* Pairs halve the loads of a product; they are taken where the zeros that fill them up cost no more than a tenth of the bytes */
static int PlanPairs(const FurlEncoder *e, Plan *plan)
{
  const int64_t bytes_of_value = e->encoding->store == FURL_STORE_HEADS ? 2 : 8;
  int64_t       pairs          = 0;

  plan->width = 2;
  for (int l = 0; l < FURL_WIDTH; l++) {
    plan->length[l] = CountPairs(e->column, e->start[l], e->start[l + 1]);
    pairs += plan->length[l];
  }
  SortLanes(plan);
  return e->csr->ncols > 1 && 10 * pairs * (2 + 2 * bytes_of_value) <= 11 * e->start[FURL_WIDTH] * (2 + bytes_of_value);
}

static void BeginSlots(const FurlEncoder *e, const Plan *plan, Slot *slot)
{
  for (int l = 0; l < FURL_WIDTH; l++) slot->next[l] = e->start[plan->row[l]];
}

/* A pair must not reach beyond the last column: there it begins one earlier */
static void TakePair(const FurlEncoder *e, int64_t end, int l, Slot *slot)
{
  const int64_t q     = slot->next[l];
  const int32_t last  = (int32_t)e->csr->ncols - 2;
  const int32_t begin = e->column[q] < last ? e->column[q] : last;

  slot->column[l]        = begin;
  slot->value[2 * l]     = 0;
  slot->value[2 * l + 1] = 0;
  for (; slot->next[l] < end && e->column[slot->next[l]] <= begin + 1; slot->next[l]++) {
    const int bit = 2 * l + (e->column[slot->next[l]] - begin);

    slot->present |= 1ull << bit;
    slot->value[bit] = e->value[slot->next[l]];
  }
}

/* Slot k; the slots before it have been taken */
static void TakeSlot(const FurlEncoder *e, const Plan *plan, int32_t k, Slot *slot)
{
  slot->present = 0;
  for (slot->n = 0; slot->n < FURL_WIDTH && plan->length[plan->row[slot->n]] > k; slot->n++) {
    const int     l = slot->n;
    const int64_t q = slot->next[l];

    if (plan->width == 2)
      TakePair(e, e->start[plan->row[l] + 1], l, slot);
    else {
      slot->column[l] = e->column[q];
      slot->value[l]  = e->value[q];
      slot->next[l]++;
    }
  }
}

static int32_t Smallest(const int32_t *column, int n)
{
  int32_t smallest = column[0];

  for (int l = 1; l < n; l++) smallest = column[l] < smallest ? column[l] : smallest;
  return smallest;
}

/* Whether all columns of the slice lie within 2^16 of each other; rows ascend */
static int IsNarrow(const FurlEncoder *e)
{
  int32_t least = INT32_MAX, most = 0;

  for (int l = 0; l < FURL_WIDTH; l++) {
    if (e->start[l] == e->start[l + 1]) continue;
    least = e->column[e->start[l]] < least ? e->column[e->start[l]] : least;
    most  = e->column[e->start[l + 1] - 1] > most ? e->column[e->start[l + 1] - 1] : most;
  }
  return most - least < UINT16_MAX; /* one less, for a pair that begins one earlier */
}

/* Whether those of each slot do */
static int FitsDeltas(const FurlEncoder *e, const Plan *plan)
{
  Slot slot;

  if (IsNarrow(e)) return 1;
  BeginSlots(e, plan, &slot);
  for (int32_t k = 0; k < plan->nslots; k++) {
    int32_t base;

    TakeSlot(e, plan, k, &slot);
    base = Smallest(slot.column, slot.n);
    for (int l = 0; l < slot.n; l++)
      if (slot.column[l] - base > UINT16_MAX) return 0;
  }
  return 1;
}

static void MakePlan(const FurlEncoder *e, Plan *plan)
{
  plan->columns = FURL_COLUMNS_PAIRS16;
  if (PlanPairs(e, plan) && FitsDeltas(e, plan)) return;
  PlanSingles(e, plan);
  plan->columns = FitsDeltas(e, plan) ? FURL_COLUMNS_DELTA16 : FURL_COLUMNS_INDEX32;
}

static int AppendColumns(FurlSlices *slices, FurlColumns columns, const Slot *slot, int padded)
{
  int32_t *const base  = FurlArrayExtend(&slices->base, 1);
  uint8_t *const count = FurlArrayExtend(&slices->count, 1);

  if (!base || !count) return 0;
  *base  = Smallest(slot->column, slot->n);
  *count = (uint8_t)slot->n;
  if (columns == FURL_COLUMNS_PAIRS16) {
    uint64_t *const present = FurlArrayExtend(&slices->present, 1);
    if (!present) return 0;
    *present = slot->present;
  }
  if (columns == FURL_COLUMNS_INDEX32) {
    int32_t *const index = FurlArrayExtend(&slices->index, (size_t)padded);
    for (int l = 0; index && l < padded; l++) index[l] = l < slot->n ? slot->column[l] : *base;
    return index != NULL;
  }
  uint16_t *const delta = FurlArrayExtend(&slices->delta, (size_t)padded);
  for (int l = 0; delta && l < padded; l++) delta[l] = (uint16_t)(l < slot->n ? slot->column[l] - *base : 0);
  return delta != NULL;
}

static int AppendSlot(FurlEncoder *e, const Plan *plan, int32_t k, Slot *slot)
{
  FurlProgramDraft *const d       = &e->draft;
  const int               padded  = (slot->n + FURL_GROUP - 1) / FURL_GROUP * FURL_GROUP;
  const int               nvalues = padded * plan->width;

  for (int l = slot->n * plan->width; l < nvalues; l++) slot->value[l] = 0;
  d->offset[k]   = 0;
  d->mask[k]     = 0;
  d->constant[k] = 0;
  d->start[k]    = 0;
  d->window[k]   = 0;
  d->kind[k]     = (uint8_t)FurlValuesChoose(e, slot->value, nvalues);
  return AppendColumns(e->slices, plan->columns, slot, padded) && FurlValuesAppend(e->slices, (FurlValues)d->kind[k], slot->value, nvalues);
}

FurlEncodeStatus FurlEncodeIrregular(FurlEncoder *e)
{
  FurlSlices *const     slices    = e->slices;
  const FurlSliceHeader header    = FurlEncodeBegin(slices);
  uint8_t *const        row       = FurlArrayExtend(&slices->lane_row, FURL_WIDTH);
  FurlIrregular *const  irregular = FurlArrayExtend(&slices->irregular, 1);
  Plan                  plan;
  Slot                  slot;

  if (!row || !irregular) return FURL_ENCODE_MEMORY;
  MakePlan(e, &plan);
  memcpy(row, plan.row, FURL_WIDTH);
  e->draft.nslots    = plan.nslots;
  e->draft.columns   = plan.columns;
  irregular->slots   = (uint32_t)slices->base.used;
  irregular->pairs   = (uint32_t)slices->present.used;
  irregular->columns = (uint32_t)((plan.columns == FURL_COLUMNS_INDEX32 ? slices->index.used : slices->delta.used) / FURL_GROUP);
  BeginSlots(e, &plan, &slot);
  for (int32_t k = 0; k < plan.nslots; k++) {
    TakeSlot(e, &plan, k, &slot);
    if (!AppendSlot(e, &plan, k, &slot)) return FURL_ENCODE_MEMORY;
  }
  return FurlEncodeEnd(e, header);
}
