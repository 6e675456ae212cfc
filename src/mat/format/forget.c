/* Memory of slices that have been read for the last time: of the arrays that hold most bytes, whose payload lies in the order of the slices
 */
#include <furl/pages.h>
#include "forget.h"

void FurlSlicesForget(FurlSlices *slices, int64_t s)
{
  const FurlSlicesView         view   = FurlSlicesGetView(slices);
  const FurlSliceHeader *const header = view.header + s;

  FurlPagesForget(slices->raw.data, (size_t)header->raw * FURL_GROUP * sizeof(*view.raw));
  FurlPagesForget(slices->head.data, (size_t)header->head * FURL_GROUP * sizeof(*view.head));
  FurlPagesForget(slices->second.data, (size_t)header->rest * FURL_GROUP * sizeof(*view.second));
  FurlPagesForget(slices->tail.data, (size_t)header->rest * FURL_GROUP * sizeof(*view.tail));
}
