/*
  The order of a pattern's slots: a product takes a run of slots of one kind in one pass, and every change of kind costs a branch that the
  processor cannot foresee. So the slots of a program stand in the order of their kinds, and a row that is read back is sorted.
*/
#include <string.h>
#include "program.h"

/*
  Sorting keeps the order among slots of one kind, so that each finds its payload where it was appended. Only raw slots and planes share an
  array (the doubles of H64): such a program stays as it is, as one whose slots stand right already.
*/
static int MaySort(const FurlProgramDraft *draft)
{
  int falls = 0, seen = 0;

  for (int32_t k = 0; k < draft->nslots; k++) {
    falls |= k > 0 && draft->kind[k] < draft->kind[k - 1];
    seen |= 1 << draft->kind[k];
  }
  return falls && !(seen >> FURL_VALUES_RAW & seen >> FURL_VALUES_PLANES & 1);
}

void FurlDraftSort(FurlProgramDraft *draft)
{
  int32_t  from[FURL_MAX_SLOTS], offset[FURL_MAX_SLOTS], n = 0;
  uint32_t mask[FURL_MAX_SLOTS];
  uint8_t  kind[FURL_MAX_SLOTS];
  double   constant[FURL_MAX_SLOTS];
  int64_t  start[FURL_MAX_SLOTS];
  int16_t  window[FURL_MAX_SLOTS];

  if (draft->columns != FURL_COLUMNS_PATTERN || !MaySort(draft)) return;
  for (int which = 0; which < FURL_VALUES_COUNT; which++)
    for (int32_t k = 0; k < draft->nslots; k++)
      if (draft->kind[k] == which) from[n++] = k;
#define SORT(name)                                                \
  for (int32_t k = 0; k < n; k++) name[k] = draft->name[from[k]]; \
  memcpy(draft->name, name, (size_t)n * sizeof(*name))
  SORT(offset);
  SORT(mask);
  SORT(kind);
  SORT(constant);
  SORT(start);
  SORT(window);
#undef SORT
}
