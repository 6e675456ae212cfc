/* Regular slices: the columns of every slot are row + offset */
#include <string.h>
#include "array.h"
#include "encoder.h"

static int InsertSlot(FurlProgramDraft *d, int32_t k, int32_t n, int32_t offset)
{
  if (n == FURL_MAX_SLOTS) return 0;
  memmove(d->offset + k + 1, d->offset + k, (size_t)(n - k) * sizeof(*d->offset));
  memmove(d->mask + k + 1, d->mask + k, (size_t)(n - k) * sizeof(*d->mask));
  d->offset[k] = offset;
  d->mask[k]   = 0;
  return 1;
}

/* Whether every row of the slice has all slots of the latest pattern and no other */
static int IsLatestPattern(const FurlEncoder *e, int64_t row0)
{
  const int32_t n = e->npattern, first = (int32_t)row0;
  int64_t       shifted = 0;
  int32_t       differ  = 0;

  if (n < 1 || e->nrows < FURL_WIDTH || e->start[FURL_WIDTH] != (int64_t)n * FURL_WIDTH) return 0;
  for (int l = 0; l < FURL_WIDTH; l++) shifted |= e->start[l] ^ (int64_t)n * l;
  for (int32_t q = 0; q < n * FURL_WIDTH; q++) differ |= (e->column[q] - first) ^ e->expected[q];
  return !shifted && !differ;
}

static void SetLatestPattern(FurlEncoder *e)
{
  const FurlProgramDraft *const d = &e->draft;
  const int32_t                 n = d->nslots;

  if (n == e->npattern && !memcmp(e->pattern, d->offset, (size_t)n * sizeof(*d->offset))) return;
  e->npattern = n;
  memcpy(e->pattern, d->offset, (size_t)n * sizeof(*d->offset));
  for (int32_t l = 0; l < FURL_WIDTH; l++)
    for (int32_t k = 0; k < n; k++) e->expected[l * n + k] = l + d->offset[k];
}

/* The union of the rows' offsets with their masks in e->draft, starting from the latest pattern; 0 where there are more than `most` */
static int FindPattern(FurlEncoder *e, int64_t row0, int32_t most)
{
  FurlProgramDraft *const d    = &e->draft;
  int32_t                 n    = e->npattern;
  int32_t                 kept = 0;

  memcpy(d->offset, e->pattern, (size_t)n * sizeof(*d->offset));
  memset(d->mask, 0, (size_t)n * sizeof(*d->mask));
  for (int64_t l = 0; l < e->nrows; l++) {
    int32_t k = 0;

    for (int64_t q = e->start[l]; q < e->start[l + 1]; q++) {
      const int32_t offset = (int32_t)(e->column[q] - (row0 + l));

      while (k < n && d->offset[k] < offset) k++;
      if (k == n || d->offset[k] != offset) {
        if (n >= e->npattern + most || !InsertSlot(d, k, n, offset)) return 0;
        n++;
      }
      d->mask[k++] |= 1u << l;
    }
  }
  for (int32_t k = 0; k < n; k++) {
    if (!d->mask[k]) continue;
    d->offset[kept] = d->offset[k];
    d->mask[kept++] = d->mask[k];
  }
  d->nslots = kept;
  return kept <= most;
}

/* The entries of a slice whose rows have all slots of the latest pattern */
static void TransposeSlots(FurlEncoder *e)
{
  FurlProgramDraft *const d = &e->draft;
  const int32_t           n = e->npattern;

  d->nslots = n;
  memcpy(d->offset, e->pattern, (size_t)n * sizeof(*d->offset));
  memset(d->mask, 0xff, (size_t)n * sizeof(*d->mask));
  for (int32_t k = 0; k < n; k++)
    for (int l = 0; l < FURL_WIDTH; l++) e->slot[k * FURL_WIDTH + l] = e->value[l * n + k];
}

/* A row that may miss slots; 0 where it has an entry that has no slot, or columns do not ascend */
static int FillRow(FurlEncoder *e, int32_t row, int l, int32_t n, const int32_t *offset)
{
  int32_t k = 0;

  for (int64_t q = e->start[l]; q < e->start[l + 1]; q++, k++) {
    while (k < n && offset[k] < e->column[q] - row) k++;
    if (k == n || offset[k] != e->column[q] - row) return 0;
    e->slot[k * FURL_WIDTH + l] = e->value[q];
    e->draft.mask[k] |= 1u << l;
  }
  return 1;
}

/* Distributes the entries over slots of these offsets; 0 where that fails for a row. Rows that have all slots need no search */
static int FillSlots(FurlEncoder *e, int64_t row0, int32_t n, const int32_t *offset)
{
  uint32_t *const mask = e->draft.mask;
  uint32_t        full = 0;

  memset(mask, 0, (size_t)n * sizeof(*mask));
  memset(e->slot, 0, (size_t)n * FURL_WIDTH * sizeof(*e->slot));
  for (int l = 0; l < (int)e->nrows; l++) {
    const int64_t first  = e->start[l];
    const int32_t row    = (int32_t)row0 + l;
    int32_t       differ = 0;

    if (e->start[l + 1] - first != n) {
      if (!FillRow(e, row, l, n, offset)) return 0;
      continue;
    }
    for (int32_t k = 0; k < n; k++) {
      differ |= (e->column[first + k] - row) ^ offset[k];
      e->slot[k * FURL_WIDTH + l] = e->value[first + k];
    }
    if (differ) return 0;
    full |= 1u << l;
  }
  for (int32_t k = 0; k < n; k++) mask[k] |= full;
  return 1;
}

/* Slots of the latest pattern that no row has go */
static void KeepUsedSlots(FurlEncoder *e)
{
  FurlProgramDraft *const d    = &e->draft;
  int32_t                 kept = 0;

  for (int32_t k = 0; k < e->npattern; k++) {
    if (!d->mask[k]) continue;
    d->offset[kept] = e->pattern[k];
    d->mask[kept]   = d->mask[k];
    if (kept < k) memcpy(e->slot + kept * FURL_WIDTH, e->slot + k * FURL_WIDTH, FURL_WIDTH * sizeof(*e->slot));
    kept++;
  }
  d->nslots = kept;
}

static int64_t LongestRow(const FurlEncoder *e)
{
  int64_t longest = 0;

  for (int64_t l = 0; l < e->nrows; l++) longest = e->start[l + 1] - e->start[l] > longest ? e->start[l + 1] - e->start[l] : longest;
  return longest;
}

static int ColumnsAscend(const FurlEncoder *e)
{
  int32_t descends = 0;

  for (int64_t l = 0; l < e->nrows; l++)
    for (int64_t q = e->start[l] + 1; q < e->start[l + 1]; q++) descends |= e->column[q - 1] >= e->column[q];
  return !descends;
}

static int HasColumns(int32_t n, const int32_t *column, int32_t first, const int32_t *expected)
{
  int32_t differ = 0;

  for (int32_t q = 0; q < n; q++) differ |= (column[q] - first) ^ expected[q];
  return !differ;
}

static void Distribute(int32_t n, const double *restrict value, const uint16_t *restrict place, double *restrict slot)
{
#pragma GCC unroll 4
  for (int32_t q = 0; q < n; q++) slot[place[q]] = value[q];
}

/* Whether the slice has the entries that it had before; they are in its slots then */
int FurlPatternLoadFormer(FurlEncoder *e, int64_t s)
{
  const FurlSlotLayout *const layout = e->former.there ? FurlFormerLayout(&e->former, s) : NULL;
  const int32_t               first = (int32_t)(s * FURL_WIDTH), n = (int32_t)e->start[FURL_WIDTH];
  int64_t                     moved = 0;

  if (!layout) return 0;
  for (int l = 0; l <= FURL_WIDTH; l++) moved |= e->start[l] ^ layout->start[l];
  if (moved || !HasColumns(n, e->column, first, layout->expected)) return 0;
  if (e->former.filled != layout) memset(e->slot, 0, (size_t)layout->nslots * FURL_WIDTH * sizeof(*e->slot));
  Distribute(n, e->value, layout->place, e->slot);
  e->former.filled = layout;
  e->draft.nslots  = layout->nslots;
  memcpy(e->draft.offset, layout->offset, (size_t)layout->nslots * sizeof(*layout->offset));
  memcpy(e->draft.mask, layout->mask, (size_t)layout->nslots * sizeof(*layout->mask));
  return 1;
}

/* The slots of the slice, by way of what it had before or of the latest pattern if that serves; *loaded is 0 where there are too many */
static FurlEncodeStatus LoadPattern(FurlEncoder *e, int64_t s, int *loaded)
{
  const int64_t row0 = s * FURL_WIDTH;
  int64_t       longest;

  *loaded = 1;
  if (FurlPatternLoadFormer(e, s)) return FURL_ENCODE_OK;
  e->former.filled = NULL;
  if (IsLatestPattern(e, row0)) {
    TransposeSlots(e);
    return FURL_ENCODE_OK;
  }
  longest = LongestRow(e);
  if (e->npattern && FillSlots(e, row0, e->npattern, e->pattern)) {
    KeepUsedSlots(e);
    *loaded = e->draft.nslots <= 2 * longest;
    return FURL_ENCODE_OK;
  }
  if (!ColumnsAscend(e)) return FURL_ENCODE_ORDER;
  *loaded = longest <= FURL_MAX_SLOTS && FindPattern(e, row0, (int32_t)(2 * longest));
  if (*loaded) (void)FillSlots(e, row0, e->draft.nslots, e->draft.offset);
  return FURL_ENCODE_OK;
}

/* How slot k is stored: constant, in a diagonal, or in the payload. A constant that few rows have would make a program of its own */
static FurlValues ChooseSlot(FurlEncoder *e, int64_t row0, int32_t k)
{
  FurlProgramDraft *const d     = &e->draft;
  const double *const     value = e->slot + k * FURL_WIDTH;
  const int               few   = __builtin_popcount(d->mask[k]) < FURL_WIDTH / 4;

  d->constant[k] = 0;
  d->start[k]    = 0;
  d->window[k]   = 0;
  if (!few && FurlValuesAreConstant(value, d->mask[k], d->constant + k)) return FURL_VALUES_CONSTANT;
  d->constant[k] = 0;
  if (FurlDiagonalsMatch(e, row0, k, value)) return (FurlValues)(FURL_VALUES_DIAGONAL + e->encoding->store);
  if (few && FurlValuesAreConstant(value, d->mask[k], d->constant + k)) return FURL_VALUES_CONSTANT;
  d->constant[k] = 0;
  return FurlValuesChoose(e, value, FURL_WIDTH, 0);
}

/* The diagonal is asked last, where it may be derived from the others; returns the number of its slot then */
static int32_t ChooseSlots(FurlEncoder *e, int64_t row0)
{
  FurlProgramDraft *const d        = &e->draft;
  int32_t                 diagonal = -1;

  d->columns = FURL_COLUMNS_PATTERN;
  d->foreign = 0;
  for (int32_t k = 0; k < d->nslots; k++) {
    const double *const value = e->slot + k * FURL_WIDTH;

    if (e->diagonals.derives && !d->offset[k] && !FurlValuesAreConstant(value, d->mask[k], d->constant + k))
      diagonal = k;
    else
      d->kind[k] = (uint8_t)ChooseSlot(e, row0, k);
  }
  if (diagonal < 0 || FurlDerive(e, diagonal)) return diagonal;
  d->kind[diagonal] = (uint8_t)ChooseSlot(e, row0, diagonal);
  return -1;
}

static size_t PatternBytes(const FurlProgramDraft *d, int32_t k, size_t bytes)
{
  if (d->kind[k] == FURL_VALUES_CONSTANT || FurlIsInDiagonal(d->kind[k])) return 0;
  return d->kind[k] == FURL_VALUES_DERIVED ? FurlDerivedWords(d, k) * sizeof(uint64_t) : FURL_WIDTH * bytes;
}

/* A pattern stores 32 values a slot that is neither constant, in a diagonal nor derived, and no column; else 2 bytes of column an entry */
static int PatternIsCheaper(const FurlEncoder *e)
{
  const size_t bytes_of_value = e->encoding->store == FURL_STORE_HEADS ? 2 : 8;
  size_t       pattern = 0, irregular = 0;

  for (int32_t k = 0; k < e->draft.nslots; k++) {
    const int    kind    = e->draft.kind[k];
    const size_t bytes   = kind == FURL_VALUES_CODE16 ? 2 : bytes_of_value;
    const size_t entries = (size_t)__builtin_popcount(e->draft.mask[k]);

    pattern += PatternBytes(&e->draft, k, bytes);
    irregular += entries * (bytes + 2);
  }
  return pattern <= irregular;
}

/* Whether the pattern is to be taken though the slice may be one of repeated rows: where it has nothing but constants */
static int IsConstant(const FurlEncoder *e)
{
  for (int32_t k = 0; k < e->draft.nslots; k++)
    if (e->draft.kind[k] != FURL_VALUES_CONSTANT) return 0;
  return FurlProgramsAreCheap(e);
}

static int AppendDerived(FurlEncoder *e, int32_t k, FurlSliceHeader *header)
{
  FurlArray *const array = &e->slices->derived;
  const size_t     n     = FurlDerivedWords(&e->draft, k);
  uint64_t *const  word  = n ? FurlArrayExtend(array, n) : NULL;

  header->irregular = (uint32_t)(array->used - n);
  if (word) FurlDerivedWrite(e, e->draft.window[k], word);
  return word || !n;
}

FurlEncodeStatus FurlEncodePattern(FurlEncoder *e, int64_t s, int *done)
{
  FurlProgramDraft *const d = &e->draft;
  FurlSliceHeader         header;
  FurlEncodeStatus        status;
  int32_t                 derived;

  status = LoadPattern(e, s, done);
  if (status) return status;
  FurlDiagonalsStore(e, s, *done);
  if (!*done) return FURL_ENCODE_OK;
  derived = ChooseSlots(e, s * FURL_WIDTH);
  if (e->rows.use && !IsConstant(e)) {
    status = FurlEncodeRows(e, s, done);
    if (status || *done) return status;
  }
  d->columns = FURL_COLUMNS_PATTERN;
  d->width   = 1;
  d->pad     = 0;
  d->ntable  = d->nslots;
  *done      = PatternIsCheaper(e);
  if (!*done) return FURL_ENCODE_OK;
  status = FurlDescribeSlice(e, s, 1);
  if (status) return status;
  if (!FurlEncodeAlign(e->slices)) return FURL_ENCODE_MEMORY;
  header = FurlEncodeBegin(e->slices);
  if (derived >= 0 && !AppendDerived(e, derived, &header)) return FURL_ENCODE_MEMORY;
  for (int32_t k = 0; k < d->nslots; k++)
    if (!FurlValuesAppend(e, (FurlValues)d->kind[k], e->slot + k * FURL_WIDTH, FURL_WIDTH)) return FURL_ENCODE_MEMORY;
  SetLatestPattern(e);
  return FurlEncodeEnd(e, header);
}
