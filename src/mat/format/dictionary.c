/*
  Values that come again: a slot stores their numbers in a dictionary of the matrix. It takes up values as they come and is closed when, but
  for an allowance to begin with, more than half of all or of the latest ones were new; slots whose values it has not are stored otherwise.
*/
#include <stdlib.h>
#include <string.h>
#include "array.h"
#include "encoder.h"
#include "hash.h"

#define MOST_VALUES 65536 /* codes of 16 bits */
#define FIRST_BUCKETS 1024u
#define WINDOW 8192       /* values after which the dictionary is judged */
#define ALLOWANCE 4096    /* new values that say nothing yet, or */
#define ALLOWANCE_PART 16 /* one of so many entries, where that is less */

static int Rehash(FurlDictionary *d, const FurlSlices *slices)
{
  uint32_t            nbuckets = d->nbuckets ? 4 * d->nbuckets : FIRST_BUCKETS;
  const double *const value    = slices->dictionary.data;
  uint32_t           *bucket;

  while (nbuckets < 2 * slices->dictionary.used) nbuckets *= 2;
  bucket = calloc(nbuckets, sizeof(*bucket));
  if (!bucket) return 0;
  for (uint32_t code = 0; code < slices->dictionary.used; code++) {
    uint32_t b = (uint32_t)FurlHashWord(0, FurlDoubleToBits(value[code])) & (nbuckets - 1);

    while (bucket[b]) b = (b + 1) & (nbuckets - 1);
    bucket[b] = code + 1;
  }
  free(d->bucket);
  d->bucket   = bucket;
  d->nbuckets = nbuckets;
  return 1;
}

/* The dictionary is empty, or that of slices of which some are encoded again. Where rows come slice by slice the number of entries is not
 * known */
static int Begin(FurlEncoder *e)
{
  const FurlCsr *const csr     = e->csr;
  const int64_t        entries = csr && !e->source.get ? csr->rowptr[csr->nrows] - csr->rowptr[0] : INT64_MAX;

  e->dictionary.allowance = entries / ALLOWANCE_PART < ALLOWANCE ? entries / ALLOWANCE_PART : ALLOWANCE;
  if (e->renewal) e->dictionary.total = entries; /* those that are there have been found worth it */
  return Rehash(&e->dictionary, e->slices);
}

/* Puts a new value where the search for it has ended; 0 where there is no room */
static int AddValue(FurlDictionary *d, FurlSlices *slices, uint64_t bits, uint32_t b)
{
  double *const room = FurlArrayExtend(&slices->dictionary, 1);

  if (!room) return 0;
  *room        = FurlDoubleFromBits(bits);
  d->bucket[b] = (uint32_t)slices->dictionary.used;
  d->added++;
  return 2 * slices->dictionary.used <= d->nbuckets || Rehash(d, slices);
}

/* The number of the value, -1 where it has none and gets none */
static int32_t FindCode(FurlDictionary *d, FurlSlices *slices, uint64_t bits)
{
  const double *const value = slices->dictionary.data;
  uint32_t            b     = (uint32_t)FurlHashWord(0, bits) & (d->nbuckets - 1);

  for (; d->bucket[b]; b = (b + 1) & (d->nbuckets - 1))
    if (FurlDoubleToBits(value[d->bucket[b] - 1]) == bits) return (int32_t)(d->bucket[b] - 1);
  if (d->closed || slices->dictionary.used == MOST_VALUES || !AddValue(d, slices, bits, b)) return -1;
  return (int32_t)slices->dictionary.used - 1;
}

/* A closed dictionary that has not half of the values is asked no more */
static void Judge(FurlDictionary *d)
{
  if (d->closed && 2 * d->found < WINDOW) d->useless = 1;
  if (2 * d->added > WINDOW) d->closed = 1;
  d->asked = d->found = d->added = 0;
}

int FurlDictionaryFind(FurlEncoder *e, const double *value, int n)
{
  FurlDictionary *const d       = &e->dictionary;
  int32_t               largest = 0;

  d->latest = NULL;
  if (d->useless || (!d->nbuckets && !Begin(e))) return 0;
  d->asked += n;
  d->total += n;
  if (2 * ((int64_t)e->slices->dictionary.used - d->allowance) > d->total) d->closed = 1;
  if (d->asked >= WINDOW) Judge(d);
  for (int k = 0; k < n; k++) {
    const uint64_t bits = FurlDoubleToBits(value[k]);
    const int32_t  code = k && bits == FurlDoubleToBits(value[k - 1]) ? d->code[k - 1] : FindCode(d, e->slices, bits);

    if (code < 0) return 0;
    d->code[k] = (uint16_t)code;
    largest    = code > largest ? code : largest;
  }
  d->found += n;
  d->latest = value;
  return largest <= UINT8_MAX ? 1 : 2;
}

int FurlDictionaryRecall(FurlEncoder *e, const double *value, int n)
{
  FurlDictionary *const d = &e->dictionary;

  if (d->latest == value) return 1;
  d->latest = NULL;
  for (int k = 0; k < n; k++) {
    const int32_t code = FindCode(d, e->slices, FurlDoubleToBits(value[k]));

    if (code < 0) return 0;
    d->code[k] = (uint16_t)code;
  }
  d->latest = value;
  return 1;
}
