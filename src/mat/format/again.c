/* Irregular slices whose columns are what they were before the values changed: plan and indices serve again */
#include <string.h>
#include "array.h"
#include "irregular.h"

/* The slot at hand of the former slice */
typedef struct {
  const FurlSlicesView *view;
  const FurlProgram    *p;
  size_t                slot, present, narrow, wide; /* as FurlIrregular has them */
} FormerSlot;

/* What a slice may have to give back */
typedef struct {
  size_t raw, head, second, tail, exponent, irregular, lane_row, base, layout, present, narrow, wide;
} Used;

#define FOR_EACH_USED(X) \
  X(raw)                 \
  X(head)                \
  X(second)              \
  X(tail)                \
  X(exponent)            \
  X(irregular)           \
  X(lane_row)            \
  X(base)                \
  X(layout)              \
  X(present)             \
  X(narrow)              \
  X(wide)

static Used GetUsed(const FurlSlices *slices)
{
  Used used;

#define GET(name) used.name = slices->name.used;
  FOR_EACH_USED(GET)
#undef GET
  return used;
}

static void GiveBack(FurlSlices *slices, const Used *used)
{
#define SET(name) slices->name.used = used->name;
  FOR_EACH_USED(SET)
#undef SET
}

/* Rows of the same lengths, in slots, as before; the plan has their pairs then */
static int HasSameLengths(const FurlEncoder *e, int64_t row0, FurlIrregularPlan *plan)
{
  FurlIrregularPlan now = *plan;

  if (plan->columns == FURL_COLUMNS_SINGLES)
    for (int l = 0; l < FURL_WIDTH; l++) now.length[l] = (int32_t)(e->start[l + 1] - e->start[l]);
  else if (plan->columns == FURL_COLUMNS_PAIRS)
    (void)FurlPlanCountPairs(e, &now);
  else
    (void)FurlPlanCountBlocks(e, row0, &now);
  for (int l = 0; l < FURL_WIDTH; l++)
    if (now.length[l] != plan->length[l]) return 0;
  *plan = now;
  return 1;
}

/* The plan that made the former slice */
static void RecallPlan(const FurlSlicesView *view, int64_t s, FurlIrregularPlan *plan)
{
  const FurlSliceHeader *const header = view->header + s;
  const FurlProgram *const     p      = view->program + header->program;
  const uint8_t *const         layout = view->layout + view->irregular[header->irregular].slots;
  int32_t                      k      = p->nslots;

  *plan = (FurlIrregularPlan){.columns = (FurlColumns)p->columns, .width = p->width, .pad = p->pad, .nslots = p->nslots};
  memcpy(plan->row, view->lane_row + (size_t)header->irregular * FURL_WIDTH, FURL_WIDTH);
  for (int l = 0; l < FURL_WIDTH; l++) {
    while (k > 0 && FurlLanesOf(layout[k - 1]) <= l) k--;
    plan->length[plan->row[l]] = k;
  }
  if (p->columns == FURL_COLUMNS_BLOCKS) FurlPlanNumberBlocks(s * FURL_WIDTH, plan);
}

static int HasSameIndices(const FormerSlot *at, const FurlIrregularSlot *slot)
{
  const FurlSlicesView *const view  = at->view;
  const int                   size  = FurlIndexSize(view->layout[at->slot]);
  const int32_t               scale = at->p->columns == FURL_COLUMNS_BLOCKS ? at->p->width : 1, base = view->base[at->slot];
  const uint8_t *const        narrow = view->narrow + at->narrow;
  const uint16_t *const       wide   = view->wide + at->wide;
  int32_t                     differ = 0;

  if (size == 0)
    for (int i = 0; i < slot->nindices; i++) differ |= slot->column[i] ^ (base + scale * narrow[i]);
  else if (size == 1)
    for (int i = 0; i < slot->nindices; i++) differ |= slot->column[i] ^ (base + scale * wide[i]);
  else
    for (int i = 0; i < slot->nindices; i++) differ |= slot->column[i] ^ (base + scale * FurlWideIndex(wide, i));
  return !differ;
}

static size_t WordsOf(const FormerSlot *at)
{
  return at->view->layout[at->slot] & FURL_LAYOUT_MASKED ? (size_t)FurlPresentWords(at->p->width) : 0;
}

static int HasSameEntries(const FormerSlot *at, const FurlIrregularSlot *slot)
{
  const size_t words = WordsOf(at);

  if (!words != (slot->npresent == slot->nlanes * at->p->width)) return 0;
  return !words || !memcmp(at->view->present + at->present, slot->present, words * sizeof(*slot->present));
}

static int Append(FurlArray *array, const void *from, size_t n)
{
  void *const room = FurlArrayExtend(array, n);

  if (room && n) memcpy(room, from, n * array->item);
  return room || !n;
}

/* Base, layout, indices and mask of the slot as they were; what comes next is moved to */
static int CopyIndices(FurlSlices *slices, FormerSlot *at, int nindices, int nvalues, int kind)
{
  const FurlSlicesView *const view = at->view;
  const size_t                size = (size_t)FurlIndexSize(view->layout[at->slot]), words = WordsOf(at);
  const size_t                narrow = size ? 0 : (size_t)nindices, wide = size * (size_t)nindices;
  const int done = Append(&slices->base, view->base + at->slot, 1) && Append(&slices->layout, view->layout + at->slot, 1) &&
                   Append(&slices->narrow, view->narrow + at->narrow, narrow) && Append(&slices->wide, view->wide + at->wide, wide) &&
                   Append(&slices->present, view->present + at->present, words);

  at->slot++;
  at->narrow += narrow + (kind == FURL_VALUES_CODE8 ? (size_t)nvalues : 0);
  at->wide += wide;
  at->present += words;
  return done;
}

/* All slots; *done is 0 where one has other columns */
static FurlEncodeStatus TakeSlots(FurlEncoder *e, const FurlIrregularPlan *plan, FormerSlot *at, int *done)
{
  FurlIrregularSlot slot;

  FurlIrregularFirst(e, plan, &slot);
  for (int32_t k = 0; k < plan->nslots; k++) {
    const int32_t of_table = at->p->first + (k < at->p->ntable ? k : at->p->ntable - 1);

    FurlPlanTakeSlot(e, plan, k, &slot);
    *done = HasSameIndices(at, &slot) && HasSameEntries(at, &slot);
    if (!*done) return FURL_ENCODE_OK;
    if (!CopyIndices(e->slices, at, slot.nindices, slot.nvalues, at->view->kind[of_table])) return FURL_ENCODE_MEMORY;
    if (!FurlIrregularAppendValues(e, k, &slot)) return FURL_ENCODE_MEMORY;
  }
  return FURL_ENCODE_OK;
}

FurlEncodeStatus FurlEncodeIrregularAgain(FurlEncoder *e, int64_t s, int *done)
{
  const FurlSlicesView *const former    = &e->former.view;
  const FurlProgram *const    p         = former->program + former->header[s].program;
  const FurlIrregular *const  irregular = former->irregular + former->header[s].irregular;
  const FurlSliceHeader       header    = FurlEncodeBegin(e->slices);
  const Used                  used      = GetUsed(e->slices);
  FormerSlot                  at        = {.view = former, .p = p};
  FurlIrregularPlan           plan;
  FurlEncodeStatus            status;

  *done = 0;
  if (p->columns == FURL_COLUMNS_PATTERN || p->columns == FURL_COLUMNS_ROWS) return FURL_ENCODE_OK;
  at.slot    = irregular->slots;
  at.present = irregular->present;
  at.narrow  = irregular->narrow;
  at.wide    = irregular->wide;
  RecallPlan(former, s, &plan);
  if (!HasSameLengths(e, s * FURL_WIDTH, &plan)) return FURL_ENCODE_OK;
  if (!FurlIrregularBegin(e->slices, &plan)) return FURL_ENCODE_MEMORY;
  status = TakeSlots(e, &plan, &at, done);
  if (status) return status;
  if (!*done) {
    GiveBack(e->slices, &used);
    return FURL_ENCODE_OK;
  }
  status = FurlDescribeSlice(e, s, 0);
  if (status) return status;
  FurlDiagonalsStore(e, s, 0);
  e->npattern = 0;
  return FurlIrregularEnd(e, &plan, header);
}
