/* A container as a stream of bytes and back */
#include <string.h>
#include "array.h"
#include "expanded.h"
#include "serial.h"

#define NAME_BYTES 16
#define MAX_ARRAYS 64

typedef struct {
  uint64_t nrows, ncols, nnz, fingerprint, signs, kinds, narrays;
} StreamHeader;

typedef struct {
  char     name[NAME_BYTES];
  uint64_t item, used;
} ArrayHeader;

static size_t Padded(size_t bytes)
{
  return (bytes + 7) / 8 * 8;
}

/* One word at a time; each step is one to one in the word and in the sum so far. The multiplier is SplitMix64's (Steele, Lea, Flood 2014)
 */
uint64_t FurlSerialChecksum(const void *bytes, size_t n)
{
  const char *byte = bytes;
  uint64_t    sum  = n, word;

  for (size_t k = 0; k + sizeof(word) <= n; k += sizeof(word)) {
    memcpy(&word, byte + k, sizeof(word));
    sum = (sum ^ word) * 0xbf58476d1ce4e5b9ull;
    sum ^= sum >> 29;
  }
  return sum;
}

size_t FurlSerialBytes(const FurlSlices *slices)
{
  FurlSlices     own = *slices;
  FurlNamedArray array[MAX_ARRAYS];
  const int      n     = FurlSlicesListArrays(&own, array);
  size_t         bytes = sizeof(StreamHeader);

  for (int k = 0; k < n; k++)
    if (array[k].array->used) bytes += sizeof(ArrayHeader) + Padded(array[k].array->used * array[k].array->item);
  return bytes;
}

void FurlSerialWrite(const FurlSlices *slices, void *bytes)
{
  FurlSlices     own = *slices;
  FurlNamedArray array[MAX_ARRAYS];
  const int      n      = FurlSlicesListArrays(&own, array);
  char          *at     = (char *)bytes + sizeof(StreamHeader);
  StreamHeader   header = {.nrows       = (uint64_t)slices->nrows,
                           .ncols       = (uint64_t)slices->ncols,
                           .nnz         = (uint64_t)slices->nnz,
                           .fingerprint = slices->fingerprint,
                           .signs       = (uint64_t)(slices->not_positive != 0) | (uint64_t)(slices->not_negative != 0) << 1,
                           .kinds       = FURL_VALUES_COUNT};

  for (int k = 0; k < n; k++) {
    const FurlArray *const a     = array[k].array;
    const size_t           size  = a->used * a->item;
    ArrayHeader            entry = {.item = a->item, .used = a->used};

    if (!a->used) continue;
    memcpy(entry.name, array[k].name, strnlen(array[k].name, NAME_BYTES));
    memcpy(at, &entry, sizeof(entry));
    memcpy(at + sizeof(entry), a->data, size);
    memset(at + sizeof(entry) + size, 0, Padded(size) - size);
    at += sizeof(entry) + Padded(size);
    header.narrays++;
  }
  memcpy(bytes, &header, sizeof(header));
}

/* Takes the array that begins at `at`, of `left` bytes that follow; returns its bytes, 0 where it is wrong */
static size_t ReadArray(FurlSlices *slices, const char *at, size_t left, const char **wrong)
{
  FurlNamedArray array[MAX_ARRAYS];
  const int      n    = FurlSlicesListArrays(slices, array);
  FurlArray     *into = NULL;
  ArrayHeader    entry;
  void          *room;

  *wrong = "it ends within an array";
  if (left < sizeof(entry)) return 0;
  memcpy(&entry, at, sizeof(entry));
  for (int k = 0; k < n; k++)
    if (!strncmp(entry.name, array[k].name, NAME_BYTES)) into = array[k].array;
  if (!into || entry.item != into->item || into->used) {
    *wrong = "it has an array that this version of Furl does not know";
    return 0;
  }
  if (entry.used > (left - sizeof(entry)) / entry.item || Padded(entry.used * entry.item) > left - sizeof(entry)) return 0;
  room   = FurlArrayExtend(into, entry.used);
  *wrong = room ? NULL : "there is no memory for it";
  if (!room) return 0;
  if (entry.used) memcpy(room, at + sizeof(entry), entry.used * entry.item);
  return sizeof(entry) + Padded(entry.used * entry.item);
}

static int ProgramIsInside(const FurlSlices *slices, const FurlProgram *p)
{
  const uint8_t *const kind = slices->kind.data;

  if (p->columns >= FURL_COLUMNS_COUNT || p->ntable < 0 || p->first < 0 || p->nslots < p->ntable) return 0;
  if (p->width < 1 || p->width > FURL_BLOCK_MOST || (p->columns == FURL_COLUMNS_PATTERN && p->nslots != p->ntable)) return 0;
  if (p->nslots && !p->ntable) return 0;
  if ((size_t)p->first + (size_t)p->ntable > slices->kind.used) return 0;
  for (int32_t k = 0; k < p->ntable; k++)
    if (kind[p->first + k] >= FURL_VALUES_COUNT || (p->columns != FURL_COLUMNS_PATTERN && kind[p->first + k] == FURL_VALUES_DERIVED))
      return 0;
  return 1;
}

/* The payload of a slice may begin within the group before the one that its header names */
static int IsBeyond(uint32_t group, const FurlArray *payload)
{
  return (size_t)group * FURL_GROUP >= payload->used + FURL_GROUP;
}

static int DictionaryIsInside(const FurlSlices *slices)
{
  const FurlRepeatedRow *const row = slices->row.data;

  if (slices->row_offset.used != slices->row_value.used) return 0;
  for (size_t k = 0; k < slices->row.used; k++)
    if ((size_t)row[k].first + row[k].n > slices->row_value.used) return 0;
  return 1;
}

/* Whether the rows of a slice of repeated rows are in the dictionary */
static int CodesAreInside(const FurlSlices *slices, const FurlSliceHeader *header)
{
  const size_t          first = (size_t)header->irregular * FURL_WIDTH;
  const uint16_t *const code  = slices->code.data;

  if (first + FURL_WIDTH > slices->code.used) return 0;
  for (size_t l = first; l < first + FURL_WIDTH; l++)
    if ((size_t)header->raw + code[l] >= slices->row.used) return 0;
  return 1;
}

static int IsDerivedInside(const FurlSlices *slices, const FurlSliceHeader *header, const FurlProgram *p)
{
  const uint8_t *const kind  = slices->kind.data;
  const int64_t *const own   = slices->start.data;
  const int16_t *const units = slices->window.data;

  for (int32_t slot = p->first; slot < p->first + p->nslots; slot++) {
    const size_t words = (units[slot] ? FURL_DERIVED_UNITS : 0) + (size_t)__builtin_popcountll((uint64_t)own[slot]);

    if (kind[slot] != FURL_VALUES_DERIVED) continue;
    if (slot + 1 < p->first + p->nslots || own[slot] < 0 || own[slot] > UINT32_MAX || header->irregular + words > slices->derived.used)
      return 0;
  }
  return 1;
}

/* Whether numbers of slots, programs and beginnings of payloads lie within the arrays */
static int IsInside(const FurlSlices *slices)
{
  const FurlSliceHeader *const header  = slices->header.data;
  const FurlProgram *const     p       = slices->program.data;
  const FurlArray *const       table[] = {&slices->offset, &slices->mask, &slices->run, &slices->constant, &slices->start, &slices->window};

  if (slices->header.used != (size_t)slices->nslices) return 0;
  for (size_t k = 0; k < sizeof(table) / sizeof(*table); k++)
    if (table[k]->used != slices->kind.used) return 0;
  for (size_t k = 0; k < slices->program.used; k++)
    if (!ProgramIsInside(slices, p + k)) return 0;
  if (!DictionaryIsInside(slices)) return 0;
  for (int64_t s = 0; s < slices->nslices; s++) {
    if (header[s].program < slices->program.used && p[header[s].program].columns == FURL_COLUMNS_ROWS) {
      if (!CodesAreInside(slices, header + s)) return 0;
      continue;
    }
    if (header[s].program >= slices->program.used || header[s].exponent > slices->exponent.used) return 0;
    if (IsBeyond(header[s].raw, &slices->raw) || IsBeyond(header[s].head, &slices->head) || IsBeyond(header[s].rest, &slices->second))
      return 0;
    if (p[header[s].program].columns != FURL_COLUMNS_PATTERN && header[s].irregular >= slices->irregular.used) return 0;
    if (p[header[s].program].columns == FURL_COLUMNS_PATTERN && !IsDerivedInside(slices, header + s, p + header[s].program)) return 0;
  }
  return 1;
}

const char *FurlSerialRead(FurlSlices *slices, const void *bytes, size_t n)
{
  const char  *wrong = NULL;
  size_t       at    = sizeof(StreamHeader);
  StreamHeader header;

  FurlSlicesInit(slices, 0, 0);
  if (n < sizeof(header)) return "it is too short";
  memcpy(&header, bytes, sizeof(header));
  if (header.kinds > FURL_VALUES_COUNT) return "it has values in a form that this version of Furl does not know";
  if (header.nrows > INT32_MAX || header.ncols > INT32_MAX) return "it has more than 2^31 rows or columns in one part";
  FurlSlicesInit(slices, (int64_t)header.nrows, (int64_t)header.ncols);
  slices->nnz          = (int64_t)header.nnz;
  slices->fingerprint  = header.fingerprint;
  slices->not_positive = header.signs & 1;
  slices->not_negative = header.signs >> 1 & 1;
  for (uint64_t k = 0; k < header.narrays && !wrong; k++) at += ReadArray(slices, (const char *)bytes + at, n - at, &wrong);
  if (!wrong && at != n) wrong = "it does not end where its last array ends";
  if (!wrong && !IsInside(slices)) wrong = "its tables point beyond its arrays";
  if (wrong)
    FurlSlicesFree(slices);
  else
    FurlSlicesCollapse(slices);
  return wrong;
}
