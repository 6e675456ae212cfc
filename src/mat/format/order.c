/*
  The order of a pattern's slots: a product takes a run of slots of one kind in one pass, and every change of kind costs a branch that the
  processor cannot foresee. So the slots of a program stand in the order of their kinds, and a row that is read back is sorted.
*/
#include "program.h"

/*
  Sorting keeps the order among slots of one kind, so that each finds its payload where it was appended. Planes share arrays with raw slots
  (the doubles of H64) and with codes: such a program stays as it is, as one whose slots stand right already.
*/
static int MaySort(const FurlProgramDraft *draft)
{
  int falls = 0, seen = 0;

  for (int32_t k = 0; k < draft->nslots; k++) {
    falls |= k > 0 && draft->kind[k] < draft->kind[k - 1];
    seen |= 1 << draft->kind[k];
  }
  return falls && !(seen & 1 << FURL_VALUES_PLANES && seen & (1 << FURL_VALUES_RAW | 1 << FURL_VALUES_CODE16));
}

FurlProgramDraft FurlDraftSorted(const FurlProgramDraft *draft, FurlDraftRoom *room)
{
  FurlProgramDraft sorted = {.columns  = draft->columns,
                             .nslots   = draft->nslots,
                             .width    = draft->width,
                             .pad      = draft->pad,
                             .ntable   = draft->ntable,
                             .offset   = room->offset,
                             .mask     = room->mask,
                             .kind     = room->kind,
                             .constant = room->constant,
                             .start    = room->start,
                             .window   = room->window};
  int32_t          n      = 0;

  if (draft->columns != FURL_COLUMNS_PATTERN || !MaySort(draft)) return *draft;
  for (int which = 0; which < FURL_VALUES_COUNT; which++)
    for (int32_t k = 0; k < draft->nslots; k++) {
      if (draft->kind[k] != which) continue;
      room->offset[n]   = draft->offset[k];
      room->mask[n]     = draft->mask[k];
      room->kind[n]     = draft->kind[k];
      room->constant[n] = draft->constant[k];
      room->start[n]    = draft->start[k];
      room->window[n++] = draft->window[k];
    }
  return sorted;
}
