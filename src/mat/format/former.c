/* The encoding that a matrix had, as a guess for the next */
#include <stdlib.h>
#include <string.h>
#include "array.h"
#include "former.h"

/* What a guess needs: all that says where entries are */
#define FOR_EACH_KEPT(X) \
  X(header)              \
  X(program)             \
  X(offset)              \
  X(mask)                \
  X(kind)                \
  X(window)              \
  X(irregular)           \
  X(lane_row)            \
  X(base)                \
  X(layout)              \
  X(present)             \
  X(narrow)              \
  X(wide)

static int Begin(FurlFormer *former)
{
  former->view   = FurlSlicesGetView(&former->slices);
  former->number = calloc(former->slices.program.used + 1, sizeof(*former->number));
  former->layout = calloc(FURL_LAYOUTS, sizeof(*former->layout));
  former->rows   = calloc(FURL_LAYOUTS, sizeof(*former->rows));
  for (int k = 0; former->layout && k < FURL_LAYOUTS; k++) former->layout[k].program = -1;
  return former->number && former->layout && former->rows;
}

int FurlFormerTake(FurlFormer *former, FurlSlices *slices, int64_t nrows, int64_t ncols)
{
  *former = (FurlFormer){.there = slices->header.used && slices->nrows == nrows && slices->ncols == ncols};
  if (!former->there) return 1;
  FurlSlicesInit(&former->slices, nrows, ncols);
#define MOVE(name)                    \
  former->slices.name = slices->name; \
  FurlArrayInit(&slices->name, former->slices.name.item);
  FOR_EACH_KEPT(MOVE)
#undef MOVE
  return Begin(former);
}

int FurlFormerBorrow(FurlFormer *former, const FurlSlices *slices)
{
  *former = (FurlFormer){.slices = *slices, .there = slices->header.used > 0, .borrowed = 1};
  return !former->there || Begin(former);
}

void FurlFormerFree(FurlFormer *former)
{
  if (!former->there) return;
  for (int k = 0; former->layout && k < FURL_LAYOUTS; k++) {
    free(former->layout[k].expected);
    free(former->layout[k].place);
  }
  for (int k = 0; former->rows && k < FURL_LAYOUTS; k++) {
    free(former->rows[k].expected);
    free(former->rows[k].value);
  }
  free(former->rows);
  free(former->layout);
  free(former->number);
  if (!former->borrowed) FurlSlicesFree(&former->slices);
  former->there = 0;
}

/* The slots of a program in the order of their offsets: they stand in that of their kinds */
static void SortSlots(const FurlSlicesView *view, const FurlProgram *p, FurlSlotLayout *layout)
{
  int32_t order[FURL_LAYOUT_SLOTS];

  layout->nslots = p->nslots;
  for (int32_t k = 0; k < p->nslots; k++) {
    const int32_t offset = view->offset[p->first + k];
    int32_t       at     = k;

    for (; at > 0 && layout->offset[at - 1] > offset; at--) {
      layout->offset[at] = layout->offset[at - 1];
      layout->mask[at]   = layout->mask[at - 1];
      order[at]          = order[at - 1];
    }
    layout->offset[at] = offset;
    layout->mask[at]   = view->mask[p->first + k];
    order[at]          = k;
  }
  for (int32_t k = 0; k < p->nslots; k++) layout->rank[order[k]] = k;
}

static int Reserve(FurlSlotLayout *layout, size_t entries)
{
  if (entries <= layout->room) return 1;
  free(layout->expected);
  free(layout->place);
  layout->room     = entries;
  layout->expected = malloc(entries * sizeof(*layout->expected));
  layout->place    = malloc(entries * sizeof(*layout->place));
  if (layout->expected && layout->place) return 1;
  layout->room = 0;
  return 0;
}

/* Row by row, the entries whose slots have the row */
static void ListEntries(FurlSlotLayout *layout)
{
  int64_t n = 0;

  for (int l = 0; l < FURL_WIDTH; l++) {
    layout->start[l] = n;
    for (int32_t k = 0; k < layout->nslots; k++) {
      if (!(layout->mask[k] >> l & 1)) continue;
      layout->expected[n] = l + layout->offset[k];
      layout->place[n++]  = (uint16_t)(k * FURL_WIDTH + l);
    }
  }
  layout->start[FURL_WIDTH] = n;
}

FurlSlotLayout *FurlFormerLayout(FurlFormer *former, int64_t s)
{
  const int64_t            number = former->view.header[s].program;
  const FurlProgram *const p      = former->view.program + number;
  FurlSlotLayout *const    layout = former->layout + number % FURL_LAYOUTS;

  if (layout->program == number) return layout;
  if (p->columns != FURL_COLUMNS_PATTERN || p->nslots > FURL_LAYOUT_SLOTS) return NULL;
  if (former->filled == layout) former->filled = NULL;
  layout->program = -1;
  if (!Reserve(layout, (size_t)p->nslots * FURL_WIDTH + 1)) return NULL;
  SortSlots(&former->view, p, layout);
  ListEntries(layout);
  layout->program = number;
  return layout;
}

int FurlFormerWindow(const FurlFormer *former, int32_t offset)
{
  for (size_t k = 0; former->there && k < former->slices.kind.used; k++)
    if (former->view.kind[k] > FURL_VALUES_DIAGONAL && FurlIsInDiagonal(former->view.kind[k]) && former->view.offset[k] == offset)
      return former->view.window[k];
  return -1;
}
