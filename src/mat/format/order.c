/*
  The order of a pattern's slots: a product takes a run of slots of one kind in one pass, and every change of kind costs a branch that the
  processor cannot foresee. So the slots of a program stand in the order of their kinds, and a row that is read back is sorted.
*/
#include "program.h"

/*
  Sorting keeps the order among slots of one kind, so that each finds its payload where it was appended. Planes share arrays with raw slots
  (the doubles of H64) and with codes: such a program stays as it is.
*/
static int MaySort(int seen)
{
  return !(seen & 1 << FURL_VALUES_PLANES && seen & (1 << FURL_VALUES_RAW | 1 << FURL_VALUES_CODE16));
}

int32_t FurlDraftOrder(const FurlProgramDraft *draft, int32_t *order)
{
  int     seen = 0;
  int32_t n    = 0;

  for (int32_t k = 0; k < draft->nslots; k++) seen |= 1 << draft->kind[k];
  if (draft->columns != FURL_COLUMNS_PATTERN || !MaySort(seen)) return 0;
  for (int which = 0; seen >> which; which++)
    for (int32_t k = 0; seen >> which & 1 && k < draft->nslots; k++)
      if (draft->kind[k] == which) order[n++] = k;
  return n;
}

static int AreInOrder(const FurlProgramDraft *draft)
{
  int falls = 0;

  for (int32_t k = 1; k < draft->nslots; k++) falls |= draft->kind[k] < draft->kind[k - 1];
  return draft->columns != FURL_COLUMNS_PATTERN || !falls;
}

FurlProgramDraft FurlDraftSorted(const FurlProgramDraft *draft, FurlDraftRoom *room)
{
  FurlProgramDraft sorted = {.columns  = draft->columns,
                             .nslots   = draft->nslots,
                             .width    = draft->width,
                             .pad      = draft->pad,
                             .foreign  = draft->foreign,
                             .ntable   = draft->ntable,
                             .offset   = room->offset,
                             .mask     = room->mask,
                             .kind     = room->kind,
                             .constant = room->constant,
                             .start    = room->start,
                             .window   = room->window};
  int32_t          order[FURL_MAX_SLOTS], n;

  if (AreInOrder(draft)) return *draft;
  n = FurlDraftOrder(draft, order);
  if (!n) return *draft;
  for (int32_t k = 0; k < n; k++) {
    room->offset[k]   = draft->offset[order[k]];
    room->mask[k]     = draft->mask[order[k]];
    room->kind[k]     = draft->kind[order[k]];
    room->constant[k] = draft->constant[order[k]];
    room->start[k]    = draft->start[order[k]];
    room->window[k]   = draft->window[order[k]];
  }
  return sorted;
}
