/* Finds a program in the table or adds it */
#include <stdlib.h>
#include <string.h>
#include "program.h"
#include "array.h"

#define FIRST_BUCKETS 1024u

/* FNV-1a, 64 bits (Fowler, Noll, Vo) */
static uint64_t HashBytes(uint64_t hash, const void *data, size_t n)
{
  const unsigned char *const byte = data;

  for (size_t i = 0; i < n; i++) hash = (hash ^ byte[i]) * 0x100000001b3ull;
  return hash;
}

static uint64_t HashSlots(FurlColumns columns, int32_t n, const int32_t *offset, const uint32_t *mask, const uint8_t *kind,
                          const double *constant)
{
  uint64_t hash = 0xcbf29ce484222325ull + (uint64_t)columns;

  hash = HashBytes(hash, &n, sizeof(n));
  hash = HashBytes(hash, offset, (size_t)n * sizeof(*offset));
  hash = HashBytes(hash, mask, (size_t)n * sizeof(*mask));
  hash = HashBytes(hash, kind, (size_t)n * sizeof(*kind));
  return HashBytes(hash, constant, (size_t)n * sizeof(*constant));
}

static uint64_t HashProgram(const FurlSlices *slices, const FurlProgram *p)
{
  return HashSlots((FurlColumns)p->columns, p->nslots, (const int32_t *)slices->offset.data + p->first,
                   (const uint32_t *)slices->mask.data + p->first, (const uint8_t *)slices->kind.data + p->first,
                   (const double *)slices->constant.data + p->first);
}

/* Constants are compared by their bits: -0.0 is not 0.0 */
static int IsProgram(const FurlSlices *slices, const FurlProgram *p, const FurlProgramDraft *draft)
{
  const size_t n = (size_t)draft->nslots;

  return p->columns == draft->columns && p->nslots == draft->nslots &&
         !memcmp((const int32_t *)slices->offset.data + p->first, draft->offset, n * sizeof(*draft->offset)) &&
         !memcmp((const uint32_t *)slices->mask.data + p->first, draft->mask, n * sizeof(*draft->mask)) &&
         !memcmp((const uint8_t *)slices->kind.data + p->first, draft->kind, n * sizeof(*draft->kind)) &&
         !memcmp((const double *)slices->constant.data + p->first, draft->constant, n * sizeof(*draft->constant));
}

static FurlEncodeStatus Rehash(FurlProgramTable *table, const FurlSlices *slices)
{
  const uint32_t nbuckets = table->nbuckets ? 4 * table->nbuckets : FIRST_BUCKETS;
  uint32_t      *bucket   = calloc(nbuckets, sizeof(*bucket));

  if (!bucket) return FURL_ENCODE_MEMORY;
  for (size_t number = 0; number < slices->program.used; number++) {
    uint32_t b = (uint32_t)HashProgram(slices, (const FurlProgram *)slices->program.data + number) & (nbuckets - 1);

    while (bucket[b]) b = (b + 1) & (nbuckets - 1);
    bucket[b] = (uint32_t)number + 1;
  }
  free(table->bucket);
  table->bucket   = bucket;
  table->nbuckets = nbuckets;
  return FURL_ENCODE_OK;
}

static int AppendSlots(FurlArray *array, const void *data, int32_t n)
{
  void *const room = FurlArrayExtend(array, (size_t)n);

  if (room && n) memcpy(room, data, (size_t)n * array->item);
  return room || !n;
}

/* Lengths of the runs of equal slots that every row has, from the end on; irregular slots have none */
static int AppendRuns(FurlSlices *slices, const FurlProgramDraft *draft)
{
  uint8_t *const run = FurlArrayExtend(&slices->run, (size_t)draft->nslots);

  for (int32_t k = draft->nslots - 1; run && k >= 0; k--) {
    const int full = draft->columns == FURL_COLUMNS_PATTERN && draft->mask[k] == UINT32_MAX;
    const int next = full && k + 1 < draft->nslots && draft->kind[k + 1] == draft->kind[k] ? run[k + 1] : 0;

    run[k] = (uint8_t)(full ? (next + 1 < FURL_RUN ? next + 1 : FURL_RUN) : 0);
  }
  return run || !draft->nslots;
}

static FurlEncodeStatus AddProgram(FurlSlices *slices, const FurlProgramDraft *draft)
{
  FurlProgram  p = {.nslots = draft->nslots, .first = (int32_t)slices->kind.used, .columns = (uint8_t)draft->columns};
  FurlProgram *room;

  if (slices->kind.used + (size_t)draft->nslots > INT32_MAX) return FURL_ENCODE_TOO_LARGE;
  for (int32_t k = 0; k < draft->nslots; k++) {
    if (draft->offset[k] < p.min_offset || !k) p.min_offset = draft->offset[k];
    if (draft->offset[k] > p.max_offset || !k) p.max_offset = draft->offset[k];
    if (draft->columns == FURL_COLUMNS_PATTERN && draft->mask[k] != UINT32_MAX) p.masked = 1;
  }
  room = FurlArrayExtend(&slices->program, 1);
  if (!room) return FURL_ENCODE_MEMORY;
  *room = p;
  if (!AppendSlots(&slices->offset, draft->offset, draft->nslots) || !AppendSlots(&slices->mask, draft->mask, draft->nslots) ||
      !AppendSlots(&slices->kind, draft->kind, draft->nslots) || !AppendSlots(&slices->constant, draft->constant, draft->nslots) ||
      !AppendRuns(slices, draft))
    return FURL_ENCODE_MEMORY;
  return FURL_ENCODE_OK;
}

FurlEncodeStatus FurlProgramFind(FurlProgramTable *table, FurlSlices *slices, const FurlProgramDraft *draft, uint32_t *number)
{
  FurlEncodeStatus status = FURL_ENCODE_OK;
  uint32_t         b;

  if (2 * (slices->program.used + 1) > table->nbuckets) status = Rehash(table, slices);
  if (status) return status;
  b = (uint32_t)HashSlots(draft->columns, draft->nslots, draft->offset, draft->mask, draft->kind, draft->constant) & (table->nbuckets - 1);
  while (table->bucket[b]) {
    *number = table->bucket[b] - 1;
    if (IsProgram(slices, (const FurlProgram *)slices->program.data + *number, draft)) return FURL_ENCODE_OK;
    b = (b + 1) & (table->nbuckets - 1);
  }
  *number          = (uint32_t)slices->program.used;
  table->bucket[b] = *number + 1;
  return AddProgram(slices, draft);
}
