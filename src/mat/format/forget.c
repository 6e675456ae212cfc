/* Memory of slices that have been read for the last time: of the arrays that hold most bytes, whose payload lies in the order of the slices
 */
#include <furl/pages.h>
#include "forget.h"

/* Items before those of the slice: its payload, or that of a slice behind it, may begin in the group before the one that the header names
 */
static size_t Before(uint32_t group)
{
  return group ? (size_t)(group - 1) * FURL_GROUP : 0;
}

void FurlSlicesForget(FurlSlices *slices, int64_t s)
{
  const FurlSlicesView         view   = FurlSlicesGetView(slices);
  const FurlSliceHeader *const header = view.header + s;

  if (view.program[header->program].columns == FURL_COLUMNS_ROWS) return;
  FurlPagesForget(slices->raw.data, Before(header->raw) * sizeof(*view.raw));
  FurlPagesForget(slices->head.data, Before(header->head) * sizeof(*view.head));
  FurlPagesForget(slices->second.data, Before(header->rest) * sizeof(*view.second));
  FurlPagesForget(slices->tail.data, Before(header->rest) * sizeof(*view.tail));
}
