/* Bytes that a product streams: what is stored, less the planes that it does not read */
#include <furl/planes.h>
#include "streamed.h"

static double BytesOf(const FurlArray *array)
{
  return (double)array->used * (double)array->item;
}

/* Doubles beside heads in a slice with a pattern, which are not read where heads are */
static int CountDoubles(const FurlSlicesView *view, int64_t s)
{
  const FurlProgram *const p = view->program + view->header[s].program;
  const int16_t           *exponent;
  int                      n = 0;

  if (p->columns != FURL_COLUMNS_PATTERN) return 0;
  exponent = view->exponent + view->header[s].exponent;
  for (int32_t slot = p->first; slot < p->first + p->nslots; slot++) {
    if (view->kind[slot] != FURL_VALUES_PLANES && view->kind[slot] != FURL_VALUES_HEAD) continue;
    n += *exponent++ & FURL_PLANES_H64 ? FURL_WIDTH : 0;
  }
  return n;
}

/* Bytes of units of a derived diagonal that are read only where all bytes are */
static int CountUnits(const FurlSlicesView *view, int64_t s)
{
  const FurlProgram *const p    = view->program + view->header[s].program;
  const int32_t            last = p->first + p->ntable - 1;

  return p->ntable && view->kind[last] == FURL_VALUES_DERIVED && view->window[last] == FURL_UNITS_EXACT ? FURL_WIDTH : 0;
}

/* A diagonal is read once for a slot and its mirror. Doubles beside the heads of irregular slices count as read: at most too much */
double FurlSlicesStreamedBytes(const FurlSlices *slices, FurlStreamedRead stream)
{
  const FurlSlicesView view   = FurlSlicesGetView(slices);
  FurlSlicesReport     report = FurlSlicesGetReport(slices);
  double               bytes  = (double)report.stored_bytes - BytesOf(&slices->lone);

  if (stream != FURL_STREAM_ALL) bytes -= BytesOf(&slices->tail) + BytesOf(&slices->diagonal_tail);
  if (stream == FURL_STREAM_HEAD) bytes -= BytesOf(&slices->second) + BytesOf(&slices->diagonal_second);
  for (int64_t s = 0; s < view.nslices; s++) {
    const int n = CountDoubles(&view, s);

    bytes -= n * (stream == FURL_STREAM_HEAD ? 8. : 2.); /* the heads where the doubles are read */
    if (stream != FURL_STREAM_ALL) bytes -= CountUnits(&view, s);
  }
  return bytes;
}
