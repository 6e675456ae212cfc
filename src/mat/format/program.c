/* Finds a program in the table or adds it */
#include <stdlib.h>
#include <string.h>
#include "program.h"
#include "array.h"
#include "hash.h"

#define FIRST_BUCKETS 1024u

/* Every table of a slot with its array in the draft, so that each loop over them is written once */
#define FOR_EACH_TABLE(X) X(offset) X(mask) X(kind) X(constant) X(start) X(window)

static uint64_t HashDraft(const FurlProgramDraft *draft)
{
  uint64_t hash =
    FurlHashWord((uint64_t)(draft->columns + 16 * draft->width + 256 * draft->pad + 4096 * draft->foreign), (uint64_t)draft->nslots);

#define HASH(name) hash = FurlHashBytes(hash, draft->name, (size_t)draft->ntable * sizeof(*draft->name));
  FOR_EACH_TABLE(HASH)
#undef HASH
  return hash;
}

/* A program of the tables in the form of a draft, to be read only */
static FurlProgramDraft DraftOf(const FurlSlices *slices, const FurlProgram *p)
{
  FurlProgramDraft draft = {.columns = (FurlColumns)p->columns,
                            .nslots  = p->nslots,
                            .ntable  = p->ntable,
                            .width   = p->width,
                            .pad     = p->pad,
                            .foreign = p->masked == FURL_MASKED_FOREIGN};

#define POINT(name) draft.name = (void *)((char *)slices->name.data + (size_t)p->first * slices->name.item);
  FOR_EACH_TABLE(POINT)
#undef POINT
  return draft;
}

/* Constants are compared by their bits: -0.0 is not 0.0 */
static int AreEqual(const FurlProgramDraft *a, const FurlProgramDraft *b)
{
  if (a->columns != b->columns || a->nslots != b->nslots || a->ntable != b->ntable || a->width != b->width || a->pad != b->pad ||
      a->foreign != b->foreign)
    return 0;
#define COMPARE(name) \
  if (a->ntable && memcmp(a->name, b->name, (size_t)a->ntable * sizeof(*a->name))) return 0;
  FOR_EACH_TABLE(COMPARE)
#undef COMPARE
  return 1;
}

static int IsProgram(const FurlSlices *slices, uint32_t number, const FurlProgramDraft *draft)
{
  const FurlProgramDraft there = DraftOf(slices, (const FurlProgram *)slices->program.data + number);

  return AreEqual(&there, draft);
}

static FurlEncodeStatus Rehash(FurlProgramTable *table, const FurlSlices *slices)
{
  uint32_t  nbuckets = table->nbuckets ? 4 * table->nbuckets : FIRST_BUCKETS;
  uint32_t *bucket;

  while (nbuckets < 2 * (slices->program.used + 1)) nbuckets *= 2;
  bucket = calloc(nbuckets, sizeof(*bucket));
  if (!bucket) return FURL_ENCODE_MEMORY;
  for (size_t number = 0; number < slices->program.used; number++) {
    const FurlProgramDraft draft = DraftOf(slices, (const FurlProgram *)slices->program.data + number);
    uint32_t               b     = (uint32_t)HashDraft(&draft) & (nbuckets - 1);

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

/* Lengths of the runs of slots of one kind, from the end on */
static int AppendRuns(FurlSlices *slices, const FurlProgramDraft *draft)
{
  uint8_t *const run     = FurlArrayExtend(&slices->run, (size_t)draft->ntable);
  const int      longest = draft->columns == FURL_COLUMNS_PATTERN ? FURL_RUN : UINT8_MAX;

  for (int32_t k = draft->ntable - 1; run && k >= 0; k--) {
    const int next = k + 1 < draft->ntable && draft->kind[k + 1] == draft->kind[k] ? run[k + 1] : 0;

    run[k] = (uint8_t)(next + 1 < longest ? next + 1 : longest);
  }
  return run || !draft->ntable;
}

static FurlEncodeStatus AddProgram(FurlSlices *slices, const FurlProgramDraft *draft)
{
  FurlProgram  p = {.nslots = draft->nslots, .first = (int32_t)slices->kind.used, .columns = (uint8_t)draft->columns};
  FurlProgram *room;

  if (slices->kind.used + (size_t)draft->ntable > INT32_MAX) return FURL_ENCODE_TOO_LARGE;
  p.ntable = draft->ntable;
  p.width  = (uint8_t)draft->width;
  p.pad    = (uint8_t)draft->pad;
  for (int32_t k = 0; k < draft->ntable; k++) {
    if (draft->offset[k] < p.min_offset || !k) p.min_offset = draft->offset[k];
    if (draft->offset[k] > p.max_offset || !k) p.max_offset = draft->offset[k];
    if (draft->columns == FURL_COLUMNS_PATTERN && draft->mask[k] != UINT32_MAX)
      p.masked = draft->foreign ? FURL_MASKED_FOREIGN : FURL_MASKED_ZERO;
  }
  room = FurlArrayExtend(&slices->program, 1);
  if (!room) return FURL_ENCODE_MEMORY;
  *room = p;
#define APPEND(name) \
  if (!AppendSlots(&slices->name, draft->name, draft->ntable)) return FURL_ENCODE_MEMORY;
  FOR_EACH_TABLE(APPEND)
#undef APPEND
  if (!AppendRuns(slices, draft)) return FURL_ENCODE_MEMORY;
  return FURL_ENCODE_OK;
}

/* Looks the draft up; where it is new it gets the next number and is added */
static FurlEncodeStatus FindHashed(FurlProgramTable *table, FurlSlices *slices, const FurlProgramDraft *draft, uint32_t *number)
{
  uint32_t b = (uint32_t)HashDraft(draft) & (table->nbuckets - 1);

  while (table->bucket[b]) {
    *number = table->bucket[b] - 1;
    if (IsProgram(slices, *number, draft)) return FURL_ENCODE_OK;
    b = (b + 1) & (table->nbuckets - 1);
  }
  *number          = (uint32_t)slices->program.used;
  table->bucket[b] = *number + 1;
  return AddProgram(slices, draft);
}

FurlEncodeStatus FurlProgramFind(FurlProgramTable *table, FurlSlices *slices, const FurlProgramDraft *draft, uint32_t *number)
{
  FurlEncodeStatus       status = FURL_ENCODE_OK;
  FurlDraftRoom          room;
  const FurlProgramDraft sorted = FurlDraftSorted(draft, &room);

  *number = table->latest;
  if (slices->program.used && IsProgram(slices, *number, &sorted)) return FURL_ENCODE_OK;
  if (2 * (slices->program.used + 1) > table->nbuckets) status = Rehash(table, slices);
  if (!status) status = FindHashed(table, slices, &sorted, number);
  if (!status) table->latest = *number;
  return status;
}

int FurlProgramDraftInit(FurlProgramDraft *draft, size_t nslots)
{
#define ALLOCATE(name) draft->name = calloc(nslots, sizeof(*draft->name));
  FOR_EACH_TABLE(ALLOCATE)
#undef ALLOCATE
#define MISSING(name) !draft->name ||
  return !(FOR_EACH_TABLE(MISSING) 0);
#undef MISSING
}

void FurlProgramDraftFree(FurlProgramDraft *draft)
{
#define FREE(name) free(draft->name);
  FOR_EACH_TABLE(FREE)
#undef FREE
}

/* Moves n items from one place of a table to another before it */
static void MoveSlots(FurlArray *array, size_t to, size_t from, size_t n)
{
  char *const data = array->data;

  if (n) memmove(data + to * array->item, data + from * array->item, n * array->item);
}

/* Programs keep their order. The number of each goes to number[], whose items are not zero where it is used */
static void MovePrograms(FurlSlices *slices, uint32_t *number)
{
  FurlProgram *const program = slices->program.data;
  size_t             n = 0, nslots = 0;

  for (size_t k = 0; k < slices->program.used; k++) {
    FurlProgram p = program[k];

    if (!number[k]) continue;
#define MOVE(name) MoveSlots(&slices->name, nslots, (size_t)p.first, (size_t)p.ntable);
    FOR_EACH_TABLE(MOVE)
#undef MOVE
    MoveSlots(&slices->run, nslots, (size_t)p.first, (size_t)p.ntable);
    p.first = (int32_t)nslots;
    nslots += (size_t)p.ntable;
    number[k]    = (uint32_t)n;
    program[n++] = p;
  }
#define CUT(name) slices->name.used = nslots;
  FOR_EACH_TABLE(CUT)
#undef CUT
  slices->run.used     = nslots;
  slices->program.used = n;
}

int FurlProgramsKeepUsed(FurlSlices *slices)
{
  FurlSliceHeader *const header = slices->header.data;
  uint32_t *const        number = calloc(slices->program.used + 1, sizeof(*number));
  size_t                 used   = 0;

  if (!number) return 0;
  for (int64_t s = 0; s < slices->nslices; s++) {
    used += !number[header[s].program];
    number[header[s].program] = 1;
  }
  if (used < slices->program.used) {
    MovePrograms(slices, number);
    for (int64_t s = 0; s < slices->nslices; s++) header[s].program = number[header[s].program];
  }
  free(number);
  return 1;
}
