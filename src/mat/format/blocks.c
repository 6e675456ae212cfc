/* Slices of matrices with blocks of w x w entries: the w rows of a block share one index for w columns */
#include <string.h>
#include "irregular.h"

#define SAMPLES 16 /* slices, spread evenly */

/* The rows of a block row, as far as they lie in the slice: the entries that come next */
typedef struct {
  int            nrows;
  const int32_t *column;
  int64_t        next[FURL_BLOCK_MOST], end[FURL_BLOCK_MOST];
} Rows;

static Rows BeginRows(const FurlEncoder *e, int first, int end)
{
  Rows rows = {.nrows = end - first, .column = e->column};

  for (int r = 0; r < rows.nrows; r++) {
    rows.next[r] = e->start[first + r];
    rows.end[r]  = e->start[first + r + 1];
  }
  return rows;
}

/* The first column of the block that comes next, INT32_MAX behind the last; its entries are passed over */
static int32_t NextBlock(Rows *rows, int width)
{
  int32_t first = INT32_MAX;

  for (int r = 0; r < rows->nrows; r++)
    if (rows->next[r] < rows->end[r] && rows->column[rows->next[r]] < first) first = rows->column[rows->next[r]];
  if (first == INT32_MAX) return first;
  first -= first % width;
  for (int r = 0; r < rows->nrows; r++)
    while (rows->next[r] < rows->end[r] && rows->column[rows->next[r]] - first < width) rows->next[r]++;
  return first;
}

/* The lane behind those of the block row of lane l, where row0 is that of lane 0 */
static int EndOfBlock(int64_t row0, int l, int width)
{
  const int end = l + width - (int)((row0 + l) % width);

  return end < FURL_WIDTH ? end : FURL_WIDTH;
}

static int32_t CountBlocks(const FurlEncoder *e, int first, int end, int width)
{
  Rows    rows = BeginRows(e, first, end);
  int32_t n    = 0;

  while (NextBlock(&rows, width) != INT32_MAX) n++;
  return n;
}

static int64_t BytesOfValue(const FurlEncoder *e)
{
  return e->encoding->store == FURL_STORE_HEADS ? 2 : 8;
}

/* Bytes of the slice at hand in blocks of this width, or entry by entry where it is one */
static int64_t CountBytes(const FurlEncoder *e, int64_t row0, int width)
{
  int64_t bytes = 0;

  for (int l = 0, end; l < FURL_WIDTH; l = end) {
    end = EndOfBlock(row0, l, width);
    bytes += CountBlocks(e, l, end, width) * ((end - l) * width * BytesOfValue(e) + 2);
  }
  return bytes;
}

void FurlBlocksChoose(FurlEncoder *e)
{
  const int64_t whole = e->slices->nrows / FURL_WIDTH, nslices = e->csr || e->source.nslices > whole ? whole : e->source.nslices;
  const int64_t samples                    = nslices < SAMPLES ? nslices : SAMPLES;
  int64_t       bytes[FURL_BLOCK_MOST + 1] = {0};

  e->block_width = 1;
  if (e->encoding->store == FURL_STORE_HEADS) return; /* where values are so short, the sums of pairs are faster than what blocks save */
  for (int64_t k = 0; k < samples; k++) {
    const int64_t s = k * nslices / samples;

    if (e->csr)
      FurlEncodeLoad(e, s);
    else if (!FurlEncoderLoadSource(e, s))
      break;
    for (int width = 1; width <= FURL_BLOCK_MOST; width++) bytes[width] += CountBytes(e, s * FURL_WIDTH, width);
  }
  for (int width = 2; width <= FURL_BLOCK_MOST; width++)
    if (e->slices->nrows % width == 0 && e->slices->ncols % width == 0 && bytes[width] < bytes[e->block_width]) e->block_width = width;
}

/* Lanes of one block row are neighbours, as they have the same length */
void FurlPlanNumberBlocks(int64_t row0, FurlIrregularPlan *plan)
{
  int block = 0;

  for (int l = 0; l < FURL_WIDTH; l++) {
    if (l && (row0 + plan->row[l]) / plan->width != (row0 + plan->row[l - 1]) / plan->width) block++;
    plan->block[l] = (uint8_t)block;
  }
}

int64_t FurlPlanCountBlocks(const FurlEncoder *e, int64_t row0, FurlIrregularPlan *plan)
{
  const int width = plan->width;
  int64_t   lanes = 0, indices = 0;

  for (int l = 0, end; l < FURL_WIDTH; l = end) {
    end             = EndOfBlock(row0, l, width);
    const int32_t n = CountBlocks(e, l, end, width);

    for (int r = l; r < end; r++) plan->length[r] = n;
    lanes += (int64_t)n * (end - l);
    indices += n;
  }
  return lanes * width * BytesOfValue(e) + 2 * indices;
}

int64_t FurlPlanBlocks(const FurlEncoder *e, int64_t row0, FurlIrregularPlan *plan)
{
  int64_t bytes;

  if (e->block_width < 2) return INT64_MAX;
  *plan = (FurlIrregularPlan){.columns = FURL_COLUMNS_BLOCKS, .width = e->block_width};
  bytes = FurlPlanCountBlocks(e, row0, plan);
  FurlPlanSortLanes(plan);
  /* the union of the rows of a block may be longer than each, and the draft has no room for it */
  if ((size_t)plan->nslots > (e->longest > FURL_MAX_SLOTS ? e->longest : FURL_MAX_SLOTS)) return INT64_MAX;
  FurlPlanNumberBlocks(row0, plan);
  return bytes;
}

/* The block of lanes first .. end - 1 */
static void TakeBlock(const FurlEncoder *e, const FurlIrregularPlan *plan, int first, int end, FurlIrregularSlot *slot)
{
  const int width = plan->width;
  int32_t   begin = INT32_MAX;

  for (int l = first; l < end; l++)
    if (slot->next[l] < e->start[plan->row[l] + 1] && e->column[slot->next[l]] < begin) begin = e->column[slot->next[l]];
  begin -= begin % width;
  slot->column[slot->nindices++] = begin;
  for (int l = first; l < end; l++)
    for (; slot->next[l] < e->start[plan->row[l] + 1] && e->column[slot->next[l]] - begin < width; slot->next[l]++) {
      const int d = e->column[slot->next[l]] - begin, bit = l * width + d;

      slot->present[bit / 64] |= 1ull << bit % 64;
      slot->value[FurlBlockEntry(slot->nlanes, width, l, d)] = e->value[slot->next[l]];
      slot->npresent++;
    }
}

void FurlTakeBlocks(const FurlEncoder *e, const FurlIrregularPlan *plan, FurlIrregularSlot *slot)
{
  slot->nindices = 0;
  slot->npresent = 0;
  slot->nstored  = slot->nlanes;
  slot->nvalues  = slot->nlanes * plan->width;
  memset(slot->present, 0, sizeof(slot->present));
  memset(slot->value, 0, (size_t)slot->nvalues * sizeof(*slot->value));
  for (int l = 0, end; l < slot->nlanes; l = end) {
    for (end = l; end < slot->nlanes && plan->block[end] == plan->block[l]; end++) continue;
    TakeBlock(e, plan, l, end, slot);
  }
}
