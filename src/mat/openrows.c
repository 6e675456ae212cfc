/* Rows that take values. Sums are those of AIJ: each value is added to what the entry holds, in the order of the calls */
#include <furl/compat.h>
#include "openrows.h"

#define FIRST_ROOM 4 /* places for a row that grows out of nothing */
#define FEW 6        /* places that are searched one by one */

static PetscErrorCode Allocate(FurlOpenRows *r, PetscInt size)
{
  PetscFunctionBegin;
  PetscCall(PetscMalloc2(size, &r->value, size, &r->column));
  r->size = size;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlOpenRowsCreate(PetscInt room, FurlOpenRows **rows)
{
  FurlOpenRows *r;

  PetscFunctionBegin;
  PetscCall(PetscNew(&r));
  PetscCall(Allocate(r, room * FURL_WIDTH));
  for (int l = 0; l < FURL_WIDTH; l++) {
    r->room[l]  = room;
    r->first[l] = room * l;
  }
  r->used = r->size;
  *rows   = r;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlOpenRowsLoad(const PetscInt *rowptr, const PetscInt *column, const PetscScalar *value, FurlOpenRows **rows)
{
  FurlOpenRows *r;

  PetscFunctionBegin;
  PetscCall(PetscNew(&r));
  PetscCall(Allocate(r, rowptr[FURL_WIDTH]));
  for (int l = 0; l < FURL_WIDTH; l++) {
    r->first[l] = rowptr[l];
    r->n[l] = r->room[l] = rowptr[l + 1] - rowptr[l];
  }
  r->used = r->size;
  PetscCall(PetscArraycpy(r->column, column, r->size));
  PetscCall(PetscArraycpy(r->value, value, r->size));
  *rows = r;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlOpenRowsDestroy(FurlOpenRows **rows)
{
  PetscFunctionBegin;
  if (*rows) PetscCall(PetscFree2((*rows)->value, (*rows)->column));
  PetscCall(PetscFree(*rows));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlOpenRowsGather(const FurlOpenRows *r, PetscInt *rowptr, PetscInt *column, PetscScalar *value)
{
  PetscFunctionBegin;
  rowptr[0] = 0;
  for (int l = 0; l < FURL_WIDTH; l++) {
    PetscCall(PetscArraycpy(column + rowptr[l], r->column + r->first[l], r->n[l]));
    PetscCall(PetscArraycpy(value + rowptr[l], r->value + r->first[l], r->n[l]));
    rowptr[l + 1] = rowptr[l] + r->n[l];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All rows to new arrays without gaps, with room for row l to have `wanted` places and for another row to grow */
static PetscErrorCode Rebuild(FurlOpenRows *r, int l, PetscInt wanted)
{
  FurlOpenRows old  = *r;
  PetscInt     size = wanted;

  PetscFunctionBegin;
  for (int k = 0; k < FURL_WIDTH; k++) size += k == l ? 0 : r->room[k];
  PetscCall(Allocate(r, size + size / 8));
  r->used = 0;
  for (int k = 0; k < FURL_WIDTH; k++) {
    PetscCall(PetscArraycpy(r->column + r->used, old.column + old.first[k], r->n[k]));
    PetscCall(PetscArraycpy(r->value + r->used, old.value + old.first[k], r->n[k]));
    r->first[k] = r->used;
    r->room[k]  = k == l ? wanted : old.room[k];
    r->used += r->room[k];
  }
  PetscCall(PetscFree2(old.value, old.column));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Grow(FurlOpenRows *r, int l)
{
  const PetscInt wanted = PetscMax(r->room[l] + r->room[l] / 2, FIRST_ROOM), first = r->used;

  PetscFunctionBegin;
  if (wanted > r->size - r->used) {
    PetscCall(Rebuild(r, l, wanted));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscArraycpy(r->column + first, r->column + r->first[l], r->n[l]));
  PetscCall(PetscArraycpy(r->value + first, r->value + r->first[l], r->n[l]));
  r->first[l] = first;
  r->room[l]  = wanted;
  r->used += wanted;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The first place from `low` on whose column is not less */
static inline PetscInt Find(const PetscInt *column, PetscInt low, PetscInt n, PetscInt wanted)
{
  PetscInt high = n;

  if (n == 0 || column[n - 1] < wanted) return n;
  while (high - low > FEW) {
    const PetscInt middle = low + (high - low) / 2;

    if (column[middle] < wanted)
      low = middle + 1;
    else
      high = middle;
  }
  while (low < high && column[low] < wanted) low++;
  return low;
}

static PetscErrorCode Insert(FurlOpenRows *r, int l, PetscInt at, PetscInt column, PetscScalar value)
{
  PetscInt      *c;
  PetscScalar   *v;
  const PetscInt after = r->n[l] - at;

  PetscFunctionBegin;
  if (r->n[l] == r->room[l]) PetscCall(Grow(r, l));
  c = r->column + r->first[l] + at;
  v = r->value + r->first[l] + at;
  for (PetscInt k = after; k > 0; k--) {
    c[k] = c[k - 1];
    v[k] = v[k - 1];
  }
  *c = column;
  *v = value;
  r->n[l]++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlOpenRowsTake(FurlOpenRows *r, const FurlTaking *taking, const FurlOpenEntry *entry, PetscInt *hint, PetscInt *fresh)
{
  const int             l      = entry->l;
  const PetscInt *const column = r->column + r->first[l];
  const PetscInt        begin  = *hint > 0 && *hint <= r->n[l] && column[*hint - 1] < entry->column ? *hint : 0;
  const PetscInt        at     = Find(column, begin, r->n[l], entry->column);
  PetscScalar *const    value  = r->value + r->first[l] + at;
  const PetscBool       zero   = (PetscBool)(taking->ignore_zeros && entry->value == 0 && !entry->diagonal);

  PetscFunctionBegin;
  *hint = at;
  if (zero && taking->mode == ADD_VALUES) PetscFunctionReturn(PETSC_SUCCESS);
  *hint = at + 1;
  if (at < r->n[l] && column[at] == entry->column) {
    *value = taking->mode == ADD_VALUES ? *value + entry->value : entry->value;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  *hint = at;
  if (zero || taking->ignore_new) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(!taking->new_is_error, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, FURL_NO_ENTRY, entry->row, entry->global);
  PetscCall(Insert(r, l, at, entry->column, entry->value));
  *hint = at + 1;
  ++*fresh;
  PetscFunctionReturn(PETSC_SUCCESS);
}
