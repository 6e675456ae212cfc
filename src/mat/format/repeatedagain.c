/* Slices of repeated rows after a change of values: those that had the same rows before have the same again, in most cases */
#include <stdlib.h>
#include <string.h>
#include <furl/planes.h>
#include "encoder.h"

static FurlRowsLayout *FindLayout(const FurlFormer *former, int64_t s)
{
  const FurlSliceHeader *const h = former->view.header + s;

  if (former->view.program[h->program].columns != FURL_COLUMNS_ROWS) return NULL;
  return former->rows + ((h->raw * 31 + h->irregular) * 2654435761u >> 16) % FURL_LAYOUTS; /* Knuth's multiplier: near numbers spread */
}

/* Whether the slice at hand has columns and bits of the layout */
static int IsSame(const FurlEncoder *e, int64_t s, const FurlRowsLayout *layout)
{
  const FurlSliceHeader *const h      = e->former.view.header + s;
  const int32_t                first  = (int32_t)(s * FURL_WIDTH);
  const int64_t                n      = e->start[FURL_WIDTH];
  int64_t                      moved  = 0;
  int32_t                      away   = 0;
  uint64_t                     differ = 0;

  if (!layout->there || layout->raw != h->raw || layout->irregular != h->irregular) return 0;
  for (int l = 0; l <= FURL_WIDTH; l++) moved |= e->start[l] ^ layout->start[l];
  if (moved) return 0;
  for (int64_t q = 0; q < n; q++) away |= (e->column[q] - first) ^ layout->expected[q];
  if (away) return 0;
  for (int64_t q = 0; q < n; q++) differ |= FurlDoubleToBits(e->value[q]) ^ FurlDoubleToBits(layout->value[q]);
  return !differ;
}

static int Reserve(FurlRowsLayout *layout, size_t n)
{
  if (n <= layout->room) return 1;
  free(layout->expected);
  free(layout->value);
  layout->room     = n;
  layout->expected = malloc(n * sizeof(*layout->expected));
  layout->value    = malloc(n * sizeof(*layout->value));
  if (layout->expected && layout->value) return 1;
  layout->room = 0;
  return 0;
}

/* Notes the slice at hand, which has just been encoded, where it is the second that had these rows: they come again, then */
static void Remember(FurlEncoder *e, int64_t s, FurlRowsLayout *layout)
{
  const FurlSliceHeader *const h     = e->former.view.header + s;
  const int32_t                first = (int32_t)(s * FURL_WIDTH);
  const int64_t                n     = e->start[FURL_WIDTH];
  const int                    again = layout->raw == h->raw && layout->irregular == h->irregular;

  layout->there     = again && Reserve(layout, (size_t)n + 1);
  layout->raw       = h->raw;
  layout->irregular = h->irregular;
  if (!layout->there) return;
  memcpy(layout->start, e->start, sizeof(layout->start));
  memcpy(layout->value, e->value, (size_t)n * sizeof(*layout->value));
  for (int64_t q = 0; q < n; q++) layout->expected[q] = e->column[q] - first;
  layout->header = ((const FurlSliceHeader *)e->slices->header.data)[s];
}

FurlEncodeStatus FurlEncodeRowsAgain(FurlEncoder *e, int64_t s, int *done)
{
  FurlRowsLayout *const layout = FindLayout(&e->former, s);
  FurlSliceHeader       header = FurlEncodeBegin(e->slices);
  FurlEncodeStatus      status;
  uint32_t              number[FURL_WIDTH];
  const uint16_t       *code;

  *done = 0;
  if (!layout) return FURL_ENCODE_OK;
  if (!IsSame(e, s, layout)) {
    status = FurlEncodeRows(e, s, done);
    if (!status && *done) Remember(e, s, layout);
    return status;
  }
  code = (const uint16_t *)e->slices->code.data + (size_t)layout->header.irregular * FURL_WIDTH;
  for (int l = 0; l < FURL_WIDTH; l++) number[l] = layout->header.raw + code[l];
  status = FurlDescribeRows(e, s, number);
  if (status) return status;
  header.raw       = layout->header.raw;
  header.irregular = layout->header.irregular;
  FurlRowsDraft(e);
  e->rows.latest = *done = 1;
  return FurlEncodeEnd(e, header);
}
