/* Whether a slice holds the rows at hand bit for bit: what is stored is read where it lies, and nothing is written */
#include <string.h>
#include "array.h"
#include "renewal.h"

static int IsSamePattern(FurlEncoder *e, int64_t s)
{
  const FurlSlicesView *const  view   = &e->former.view;
  const FurlSliceHeader *const header = view->header + s;
  const FurlProgram *const     p      = view->program + header->program;
  const FurlSlotLayout        *layout;
  FurlCursor                   at = FurlFirstCursor(header);
  double                       room[FURL_WIDTH];

  if (!FurlPatternLoadFormer(e, s)) return 0;
  layout = e->former.filled;
  for (int32_t k = 0; k < p->nslots; k++) {
    const int32_t       slot = p->first + k;
    const double *const now  = e->slot + layout->rank[k] * FURL_WIDTH;
    double              constant;

    if (view->kind[slot] == FURL_VALUES_CONSTANT) {
      if (!FurlValuesAreConstant(now, view->mask[slot], &constant)) return 0;
      if (FurlDoubleToBits(constant) != FurlDoubleToBits(view->constant[slot])) return 0;
    } else if (!FurlSameBits(view->mask[slot], now, FurlGetSlot(view, &at, slot, s * FURL_WIDTH, room)))
      return 0;
    FurlAdvanceCursor(view, &at, slot, FURL_WIDTH);
  }
  return 1;
}

static int AreSameRows(const FurlEncoder *e, int64_t s)
{
  const FurlSlicesView *const  view   = &e->former.view;
  const FurlSliceHeader *const header = view->header + s;
  const uint16_t *const        code   = view->code + (size_t)header->irregular * FURL_WIDTH;

  for (int l = 0; l < FURL_WIDTH; l++)
    if (!FurlRowsIsRow(e, s * FURL_WIDTH, l, header->raw + code[l])) return 0;
  return 1;
}

void FurlFirstRows(const FurlEncoder *e, const FurlSlicesView *view, int64_t s, FurlRowsAt *rows)
{
  const uint8_t *const row = view->lane_row + (size_t)view->header[s].irregular * FURL_WIDTH;

  for (int l = 0; l < FURL_WIDTH; l++) {
    rows->next[l] = e->start[row[l]];
    rows->end[l]  = e->start[row[l] + 1];
  }
}

int FurlRowsEnd(const FurlRowsAt *rows)
{
  int64_t left = 0;

  for (int l = 0; l < FURL_WIDTH; l++) left |= rows->end[l] ^ rows->next[l];
  return !left;
}

static int32_t ReadIndex(const FurlSlicesView *view, const FurlIrregularCursor *at, int size, int l)
{
  if (size == 0) return view->narrow[at->narrow + (size_t)l];
  return size == 1 ? view->wide[at->wide + (size_t)l] : FurlWideIndex(view->wide + at->wide, l);
}

/* One entry a lane: no masks */
static int TakeSingles(const FurlEncoder *e, const FurlSlicesView *view, const FurlIrregularCursor *at, FurlRowsAt *rows, double *value)
{
  const int     lanes = FurlLanesOf(view->layout[at->slot]), size = FurlIndexSize(view->layout[at->slot]);
  const int32_t base   = view->base[at->slot];
  int32_t       differ = 0;

  for (int l = 0; l < lanes; l++) {
    const int64_t q = rows->next[l]++;

    if (q >= rows->end[l]) return 0;
    differ |= e->column[q] ^ (base + ReadIndex(view, at, size, l));
    value[l] = e->value[q];
  }
  return !differ;
}

static double Keep(double value, uint64_t yes)
{
  return FurlDoubleFromBits(FurlDoubleToBits(value) & -yes);
}

/* One or two entries a lane, without a branch that depends on which */
static int TakePairs(const FurlEncoder *e, const FurlSlicesView *view, const FurlIrregularCursor *at, FurlRowsAt *rows, double *value)
{
  const int      layout = view->layout[at->slot], lanes = FurlLanesOf(layout), size = FurlIndexSize(layout);
  const int32_t  base    = view->base[at->slot];
  const uint64_t present = layout & FURL_LAYOUT_MASKED ? view->present[at->present] : ~0ull;
  int32_t        differ  = 0;

  for (int l = 0; l < lanes; l++) {
    const uint64_t one = present >> 2 * l & 1, two = present >> 2 * l >> 1 & 1;
    const int64_t  q = rows->next[l], end = q + (int64_t)(one + two);
    const int32_t  first = base + ReadIndex(view, at, size, l);

    if (end > rows->end[l]) return 0;
    differ |= (e->column[q] ^ first) & -(int32_t)one;
    differ |= (e->column[end - 1] ^ (first + 1)) & -(int32_t)two;
    value[2 * l]     = Keep(e->value[q], one);
    value[2 * l + 1] = Keep(e->value[end - 1], two);
    rows->next[l]    = end;
  }
  return !differ;
}

int FurlRowsTakeSlot(const FurlEncoder *e, const FurlSlicesView *view, const FurlIrregularCursor *at, FurlRowsAt *rows, double *value)
{
  const int layout = view->layout[at->slot], w = at->p->width, lanes = FurlLanesOf(layout), stored = FurlStoredLanes(at->p, layout);
  const int blocks = at->p->columns == FURL_COLUMNS_BLOCKS, all = !(layout & FURL_LAYOUT_MASKED);

  if (!blocks && (w == 2 || (w == 1 && all))) {
    for (int l = lanes * w; l < stored * w; l++) value[l] = 0;
    return w == 1 ? TakeSingles(e, view, at, rows, value) : TakePairs(e, view, at, rows, value);
  }
  memset(value, 0, (size_t)(w * stored) * sizeof(*value));
  for (int l = 0; l < lanes; l++) {
    const int32_t first  = FurlReadColumn(view, at, l);
    int32_t       differ = 0;

    for (int d = 0; d < w; d++) {
      if (!all && !FurlHasEntry(view, at, (size_t)(l * w + d))) continue;
      const int64_t q = rows->next[l]++;

      if (q >= rows->end[l]) return 0;
      differ |= e->column[q] ^ (first + d);
      value[blocks ? FurlBlockEntry(lanes, w, l, d) : l * w + d] = e->value[q];
    }
    if (differ) return 0;
  }
  return 1;
}

static int IsSameIrregular(const FurlEncoder *e, int64_t s)
{
  const FurlSlicesView *const view = &e->former.view;
  FurlIrregularCursor         at   = FurlFirstIrregular(view, s);
  FurlRowsAt                  rows;
  double                      value[FURL_WIDTH * FURL_BLOCK_MOST], room[FURL_WIDTH * FURL_BLOCK_MOST];

  FurlFirstRows(e, view, s, &rows);
  for (int32_t k = 0; k < at.p->nslots; k++) {
    const int32_t       slot   = at.p->first + (k < at.p->ntable ? k : at.p->ntable - 1);
    const size_t        n      = (size_t)(at.p->width * FurlStoredLanes(at.p, view->layout[at.slot]));
    const double *const there  = view->kind[slot] == FURL_VALUES_RAW ? view->raw + at.values.raw : room;
    uint64_t            differ = 0;

    if (!FurlRowsTakeSlot(e, view, &at, &rows, value)) return 0;
    at.values.narrow = at.narrow + FurlNarrowIndices(view, &at);
    for (size_t l = 0; there == room && l < n; l++) room[l] = FurlReadValue(view, &at.values, slot, l);
    for (size_t l = 0; l < n; l++) differ |= FurlDoubleToBits(value[l]) ^ FurlDoubleToBits(there[l]);
    if (differ) return 0;
    FurlAdvanceIrregular(view, &at, slot);
  }
  return FurlRowsEnd(&rows);
}

int FurlSliceIsSame(FurlEncoder *e, int64_t s)
{
  const FurlProgram *const p = e->former.view.program + e->former.view.header[s].program;

  if (p->columns == FURL_COLUMNS_PATTERN) return IsSamePattern(e, s);
  if (p->columns == FURL_COLUMNS_ROWS) return AreSameRows(e, s);
  return IsSameIrregular(e, s);
}
