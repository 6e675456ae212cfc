/*
  Repeated rows: where the same elements or few materials make the matrix, the same rows return again and again, offsets and values, but not
  in an order that a pattern could follow. They are stored once, in a dictionary, and a slice is a number of 16 bits a row; equal slices
  share their numbers.
*/
#include <stdlib.h>
#include <string.h>
#include "array.h"
#include "encoder.h"
#include "hash.h"
#include <furl/fingerprint.h>

#define LEAST_SAMPLES 64    /* slices in which repeated rows are counted, if there are so many */
#define SAMPLED 32          /* of the slices of a large matrix, one in so many is counted */
#define REPEATS 4           /* a dictionary is made where a row of the sample comes so often on the average */
#define SHARE 16            /* entries of the dictionary are at most one in so many of the matrix */
#define PROGRAM_SLOT 28     /* bytes of a slot of a program, which serves products best */
#define PROGRAM_SHARE 8     /* programs of slices of constants may take a byte for so many entries, before these become repeated rows */
#define FIRST_BUCKETS 1024u /* a power of two */

static uint64_t HashRow(const FurlEncoder *e, int64_t row0, int64_t l)
{
  const int32_t row  = (int32_t)(row0 + l);
  uint64_t      hash = FurlHashWord(0, (uint64_t)(e->start[l + 1] - e->start[l]));

  for (int64_t q = e->start[l]; q < e->start[l + 1]; q++)
    hash = FurlHashWord(hash, FurlDoubleToBits(e->value[q]) + (uint64_t)(uint32_t)(e->column[q] - row) * 0x9e3779b97f4a7c15ull);
  return hash;
}

/* Adds a hash, which is not zero, to a set; 1 where it is new */
static int AddHash(uint64_t *set, size_t nbuckets, uint64_t hash)
{
  size_t b = (size_t)hash & (nbuckets - 1);

  for (; set[b]; b = (b + 1) & (nbuckets - 1))
    if (set[b] == hash) return 0;
  set[b] = hash;
  return 1;
}

/* Counts rows, and different rows, in slices that are spread evenly */
static FurlEncodeStatus CountRows(FurlEncoder *e, int64_t *rows, int64_t *different)
{
  const int64_t nslices = e->slices->nslices, samples = nslices / SAMPLED > LEAST_SAMPLES ? nslices / SAMPLED : LEAST_SAMPLES;
  const int64_t step     = nslices > samples ? nslices / samples : 1;
  size_t        nbuckets = FIRST_BUCKETS;
  uint64_t     *set;

  *rows = *different = 0;
  while (nbuckets < 2 * (size_t)(nslices / step + 1) * FURL_WIDTH) nbuckets *= 2;
  set = calloc(nbuckets, sizeof(*set));
  if (!set) return FURL_ENCODE_MEMORY;
  for (int64_t s = 0; s < nslices; s += step) {
    if (e->csr)
      FurlEncodeLoad(e, s);
    else if (!FurlEncoderLoadSource(e, s)) {
      free(set);
      return FURL_ENCODE_MEMORY;
    }
    for (int64_t l = 0; l < e->nrows; l++) *different += AddHash(set, nbuckets, HashRow(e, s * FURL_WIDTH, l) | 1);
    *rows += e->nrows;
  }
  free(set);
  return FURL_ENCODE_OK;
}

/* Diagonals that are stored as arrays serve well where no row repeats more often than twice */
FurlEncodeStatus FurlRowsChoose(FurlEncoder *e)
{
  FurlRowTable *const t = &e->rows;
  int64_t             rows, different;
  FurlEncodeStatus    status;

  if (e->encoding->store == FURL_STORE_HEADS || !e->slices->nrows || (!e->csr && !e->entries)) return FURL_ENCODE_OK;
  status = CountRows(e, &rows, &different);
  if (status) return status;
  t->use  = REPEATS * different <= rows;
  t->most = (size_t)e->entries / SHARE + FURL_WIDTH;
  return FURL_ENCODE_OK;
}

/* Repeated rows are looked for where they were; the dictionary may grow as if all slices were encoded */
void FurlRowsResume(FurlEncoder *e)
{
  e->rows.use  = e->slices->repeats;
  e->rows.most = (size_t)e->entries / SHARE + FURL_WIDTH;
}

int FurlRowsIsRow(const FurlEncoder *e, int64_t row0, int64_t l, uint32_t number)
{
  const FurlRepeatedRow row    = ((const FurlRepeatedRow *)e->slices->row.data)[number];
  const int32_t        *column = e->column + e->start[l], *offset = (const int32_t *)e->slices->row_offset.data + row.first;
  const double         *value = e->value + e->start[l], *there = (const double *)e->slices->row_value.data + row.first;
  int32_t               moved  = 0;
  uint64_t              differ = 0;

  if ((int64_t)row.n != e->start[l + 1] - e->start[l]) return 0;
  for (uint32_t k = 0; k < row.n; k++) moved |= column[k] - (int32_t)(row0 + l) - offset[k];
  for (uint32_t k = 0; k < row.n; k++) differ |= FurlDoubleToBits(value[k]) ^ FurlDoubleToBits(there[k]);
  return !moved && !differ;
}

static uint64_t HashDictionaryRow(const FurlSlices *slices, uint32_t number)
{
  const FurlRepeatedRow row  = ((const FurlRepeatedRow *)slices->row.data)[number];
  uint64_t              hash = FurlHashWord(0, row.n);

  for (uint32_t k = row.first; k < row.first + row.n; k++)
    hash = FurlHashWord(hash, FurlDoubleToBits(((const double *)slices->row_value.data)[k]) +
                                (uint64_t)(uint32_t)((const int32_t *)slices->row_offset.data)[k] * 0x9e3779b97f4a7c15ull);
  return hash;
}

/* Twice as many rows as before */
static FurlEncodeStatus GrowTable(FurlRowTable *t, const FurlSlices *slices)
{
  size_t    nbuckets = t->nbuckets ? 2 * t->nbuckets : FIRST_BUCKETS;
  uint32_t *bucket, *follower;
  uint8_t  *trait;

  while (nbuckets < 2 * (slices->row.used + 1)) nbuckets *= 2;
  bucket   = calloc(nbuckets, sizeof(*bucket));
  follower = realloc(t->follower, nbuckets / 2 * sizeof(*follower));
  trait    = realloc(t->trait, nbuckets / 2);

  if (follower) t->follower = follower;
  if (trait) t->trait = trait;
  if (!bucket || !follower || !trait) {
    free(bucket);
    return FURL_ENCODE_MEMORY;
  }
  memset(follower + t->room, 0, (nbuckets / 2 - t->room) * sizeof(*follower));
  for (uint32_t number = 0; number < slices->row.used; number++) {
    size_t b = (size_t)HashDictionaryRow(slices, number) & (nbuckets - 1);

    while (bucket[b]) b = (b + 1) & (nbuckets - 1);
    bucket[b] = number + 1;
  }
  free(t->bucket);
  t->bucket   = bucket;
  t->nbuckets = nbuckets;
  t->room     = nbuckets / 2;
  return FURL_ENCODE_OK;
}

/* Keys of the dictionary's entries from `first` on; 0: no memory */
static int NoteKeys(FurlRowTable *t, const FurlSlices *slices, size_t first)
{
  const int32_t *const offset = slices->row_offset.data;
  const size_t         n      = slices->row_offset.used;

  if (n > t->room_keys) {
    uint64_t *const key = realloc(t->key, 2 * n * sizeof(*key));

    if (!key) return 0;
    t->key       = key;
    t->room_keys = 2 * n;
  }
  for (size_t k = first; k < n; k++) t->key[k] = FurlPairKey(offset[k] < 0 ? offset[k] : 0, offset[k] < 0 ? 0 : offset[k]);
  return 1;
}

/* The keys of the rows of former slices, and room for what their values will tell */
int FurlRowsRecall(FurlEncoder *e)
{
  FurlRowTable *const t = &e->rows;

  if (!e->slices->row.used) return 1;
  t->trait = calloc(e->slices->row.used, sizeof(*t->trait));
  return t->trait && NoteKeys(t, e->slices, 0);
}

/* Keys and trait of row l of the slice, which has just been added */
static int NoteRow(FurlEncoder *e, int64_t row0, int64_t l)
{
  FurlRowTable *const t = &e->rows;

  if (!NoteKeys(t, e->slices, e->slices->row_offset.used - (size_t)(e->start[l + 1] - e->start[l]))) return 0;
  t->trait[e->slices->row.used - 1] = (uint8_t)FurlDescribeRow(e, row0, (int)l);
  return 1;
}

/* Columns of a row of the dictionary ascend, and so do those of rows that equal it */
static FurlEncodeStatus AddRow(FurlEncoder *e, int64_t row0, int64_t l)
{
  FurlSlices *const      slices = e->slices;
  const int64_t          n      = e->start[l + 1] - e->start[l];
  const size_t           first  = slices->row_offset.used;
  FurlRepeatedRow *const row    = FurlArrayExtend(&slices->row, 1);
  int32_t *const         offset = FurlArrayExtend(&slices->row_offset, (size_t)n);
  double *const          value  = FurlArrayExtend(&slices->row_value, (size_t)n);

  if (!row || (n && (!offset || !value))) return FURL_ENCODE_MEMORY;
  for (int64_t q = e->start[l] + 1; q < e->start[l + 1]; q++)
    if (e->column[q - 1] >= e->column[q]) return FURL_ENCODE_ORDER;
  *row = (FurlRepeatedRow){(uint32_t)first, (uint32_t)n};
  for (int64_t k = 0; k < n; k++) offset[k] = (int32_t)(e->column[e->start[l] + k] - (row0 + l));
  if (n) memcpy(value, e->value + e->start[l], (size_t)n * sizeof(*value));
  return NoteRow(e, row0, l) ? FURL_ENCODE_OK : FURL_ENCODE_MEMORY;
}

/* Looks row l of the slice up, and adds it where it is new; *found is 0 where the dictionary is full */
static FurlEncodeStatus FindRow(FurlEncoder *e, int64_t row0, int64_t l, uint32_t *number, int *found)
{
  FurlRowTable *const t      = &e->rows;
  FurlEncodeStatus    status = FURL_ENCODE_OK;
  size_t              b;

  *found = 1;
  if (2 * (e->slices->row.used + 1) > t->nbuckets) status = GrowTable(t, e->slices);
  if (status) return status;
  b = (size_t)HashRow(e, row0, l) & (t->nbuckets - 1);
  for (; t->bucket[b]; b = (b + 1) & (t->nbuckets - 1)) {
    *number = t->bucket[b] - 1;
    if (FurlRowsIsRow(e, row0, l, *number)) return FURL_ENCODE_OK;
  }
  *found = e->slices->row_offset.used + (size_t)(e->start[l + 1] - e->start[l]) <= t->most && e->slices->row.used < t->most;
  if (!*found) return FURL_ENCODE_OK;
  *number      = (uint32_t)e->slices->row.used;
  t->bucket[b] = *number + 1;
  return AddRow(e, row0, l);
}

/* The rows of the slice in the dictionary, each guessed to follow the one before as it did the last time */
static FurlEncodeStatus FindRows(FurlEncoder *e, int64_t row0, uint32_t number[FURL_WIDTH], int *found)
{
  FurlRowTable *const t      = &e->rows;
  FurlEncodeStatus    status = FURL_ENCODE_OK;

  *found = 1;
  for (int l = 0; !status && *found && l < FURL_WIDTH; l++) {
    number[l] = l ? t->follower[number[l - 1]] : 0;
    if (l && FurlRowsIsRow(e, row0, l, number[l])) continue;
    status = FindRow(e, row0, l, number + l, found);
    if (l && !status && *found) t->follower[number[l - 1]] = number[l];
  }
  return status;
}

static uint64_t HashCodes(const FurlSlices *slices, size_t k)
{
  return FurlHashBytes(0, (const uint16_t *)slices->code.data + k * FURL_WIDTH, FURL_WIDTH * sizeof(uint16_t));
}

static FurlEncodeStatus GrowCodes(FurlRowTable *t, const FurlSlices *slices)
{
  size_t    ncodes = t->ncodes ? 2 * t->ncodes : FIRST_BUCKETS;
  uint32_t *code;

  while (ncodes < 2 * (slices->code.used / FURL_WIDTH + 1)) ncodes *= 2;
  code = calloc(ncodes, sizeof(*code));
  if (!code) return FURL_ENCODE_MEMORY;
  for (uint32_t k = 0; k < slices->code.used / FURL_WIDTH; k++) {
    size_t b = (size_t)HashCodes(slices, k) & (ncodes - 1);

    while (code[b]) b = (b + 1) & (ncodes - 1);
    code[b] = k + 1;
  }
  free(t->code);
  t->code   = code;
  t->ncodes = ncodes;
  return FURL_ENCODE_OK;
}

/* Appends the codes of a slice and takes them back where another slice has the same */
static FurlEncodeStatus FindCodes(FurlEncoder *e, const uint16_t *code, uint32_t *number)
{
  FurlArray *const    codes = &e->slices->code;
  FurlRowTable *const t     = &e->rows;
  uint16_t *const     room  = FurlArrayExtend(codes, FURL_WIDTH);
  size_t              b;

  if (!room) return FURL_ENCODE_MEMORY;
  memcpy(room, code, FURL_WIDTH * sizeof(*code));
  *number = (uint32_t)(codes->used / FURL_WIDTH) - 1;
  for (b = (size_t)HashCodes(e->slices, *number) & (t->ncodes - 1); t->code[b]; b = (b + 1) & (t->ncodes - 1)) {
    const uint32_t other = t->code[b] - 1;

    if (memcmp((const uint16_t *)codes->data + (size_t)other * FURL_WIDTH, room, FURL_WIDTH * sizeof(*code))) continue;
    codes->used -= FURL_WIDTH;
    *number = other;
    return FURL_ENCODE_OK;
  }
  t->code[b] = *number + 1;
  return FURL_ENCODE_OK;
}

int FurlProgramsAreCheap(const FurlEncoder *e)
{
  return e->slices->kind.used * PROGRAM_SLOT <= (size_t)e->entries / PROGRAM_SHARE;
}

/* The codes of the slice: numbers of rows less the least of them; *done is 0 where it takes none */
static FurlEncodeStatus MakeCodes(FurlEncoder *e, int64_t row0, uint32_t number[FURL_WIDTH], uint16_t code[FURL_WIDTH], int *done)
{
  uint32_t         least = UINT32_MAX, most = 0;
  FurlEncodeStatus status = FindRows(e, row0, number, done);

  if (status || !*done) return status;
  for (int l = 0; l < FURL_WIDTH; l++) {
    least = number[l] < least ? number[l] : least;
    most  = number[l] > most ? number[l] : most;
  }
  for (int l = 0; l < FURL_WIDTH; l++) code[l] = (uint16_t)(number[l] - least);
  *done = most - least <= UINT16_MAX && (least < most || !FurlProgramsAreCheap(e));
  return FURL_ENCODE_OK;
}

void FurlRowsDraft(FurlEncoder *e)
{
  e->draft.columns = FURL_COLUMNS_ROWS;
  e->draft.nslots = e->draft.ntable = 0;
  e->draft.width                    = 1;
  e->draft.pad                      = 0;
  e->draft.foreign                  = 0;
}

FurlEncodeStatus FurlEncodeRows(FurlEncoder *e, int64_t s, int *done)
{
  FurlSliceHeader  header = FurlEncodeBegin(e->slices);
  FurlEncodeStatus status = FURL_ENCODE_OK;
  uint32_t         number[FURL_WIDTH];
  uint16_t         code[FURL_WIDTH];

  status         = MakeCodes(e, s * FURL_WIDTH, number, code, done);
  e->rows.latest = *done;
  if (status || !*done) return status;
  header.raw = number[0] - code[0];
  if (2 * (e->slices->code.used / FURL_WIDTH + 1) > e->rows.ncodes) status = GrowCodes(&e->rows, e->slices);
  if (!status) status = FindCodes(e, code, &header.irregular);
  if (!status) status = FurlDescribeRows(e, s, number);
  if (status) return status;
  FurlRowsDraft(e);
  return FurlEncodeEnd(e, header);
}

void FurlRowsFree(FurlRowTable *t)
{
  free(t->key);
  free(t->trait);
  free(t->code);
  free(t->follower);
  free(t->bucket);
}
