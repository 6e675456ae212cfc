/*
  Slices of repeated rows that return: for products their values are laid out slot by slot as those of a pattern, whose offsets are those of
  all their rows. The rows stay in the dictionary, which is what is read back and compared; this is a copy for speed, found anew when values
  change, and in no file.
*/
#include <stdlib.h>
#include <string.h>
#include "array.h"
#include "expanded.h"
#include "hash.h"

#define RETURNS 4    /* a slice is laid out where it comes so often */
#define RUNS 4       /* and has more runs of equal rows than this, which are as fast as they are */
#define SHARE 64     /* one place may be laid out for so many entries of the matrix, */
#define CSR_SHARE 40 /* while all is less than one byte for so many of compressed sparse rows */
#define FILL 2       /* places for each entry, at most: rows without an offset have a zero there */
#define FIRST 1024u  /* buckets, a power of two */

/* Slices of the same rows */
typedef struct {
  uint32_t raw, irregular; /* as their headers have them */
  uint32_t count;          /* 0: a free bucket */
  uint32_t first, n;       /* their offsets in expanded_offset[] */
  uint32_t group;          /* 1 + where the values are, 0: nowhere */
} SameSlices;

typedef struct {
  SameSlices *bucket;
  size_t      nbuckets, used;
} SliceTable;

static SameSlices *FindSlices(const SliceTable *t, uint32_t raw, uint32_t irregular)
{
  size_t b = (size_t)FurlHashWord(0, (uint64_t)raw << 32 | irregular) & (t->nbuckets - 1);

  while (t->bucket[b].count && (t->bucket[b].raw != raw || t->bucket[b].irregular != irregular)) b = (b + 1) & (t->nbuckets - 1);
  return t->bucket + b;
}

static int GrowSlices(SliceTable *t)
{
  SliceTable bigger = {.nbuckets = t->nbuckets ? 2 * t->nbuckets : FIRST, .used = t->used};

  bigger.bucket = calloc(bigger.nbuckets, sizeof(*bigger.bucket));
  if (!bigger.bucket) return 0;
  for (size_t b = 0; b < t->nbuckets; b++)
    if (t->bucket[b].count) *FindSlices(&bigger, t->bucket[b].raw, t->bucket[b].irregular) = t->bucket[b];
  free(t->bucket);
  *t = bigger;
  return 1;
}

static int IsOfRows(const FurlSlicesView *view, int64_t s)
{
  return view->program[view->header[s].program].columns == FURL_COLUMNS_ROWS;
}

/* 0: no memory */
static int CountSlices(const FurlSlicesView *view, SliceTable *t)
{
  for (int64_t s = 0; s < view->nslices; s++) {
    const FurlSliceHeader *const h = view->header + s;
    SameSlices                  *same;

    if (!IsOfRows(view, s)) continue;
    if (2 * (t->used + 1) > t->nbuckets && !GrowSlices(t)) return 0;
    same = FindSlices(t, h->raw, h->irregular);
    t->used += !same->count;
    same->raw       = h->raw;
    same->irregular = h->irregular;
    same->count++;
  }
  return 1;
}

/* Whether rows that are equal and lie together are few: other slices are fast as they are */
static int IsMixed(const FurlSlicesView *view, const SameSlices *same)
{
  const uint16_t *const code = view->code + (size_t)same->irregular * FURL_WIDTH;
  int                   runs = 1;

  for (int l = 1; l < FURL_WIDTH; l++) runs += code[l] != code[l - 1];
  return runs > RUNS;
}

/* Joins the offsets of a row to n others, into `joined`; all ascend. Returns how many they are */
static uint32_t Join(const int32_t *offset, uint32_t n, const int32_t *more, uint32_t nmore, int32_t *joined)
{
  uint32_t total = 0;

  for (uint32_t j = 0, k = 0; j < n || k < nmore; total++) {
    const int32_t next = k == nmore || (j < n && offset[j] < more[k]) ? offset[j] : more[k];

    j += j < n && offset[j] == next;
    k += k < nmore && more[k] == next;
    joined[total] = next;
  }
  return total;
}

/* All offsets of such slices go behind the others; *n of them, 0 where there would be too many zeros. 0: no memory */
static int FindOffsets(const FurlSlicesView *view, const SameSlices *same, FurlArray *offsets, uint32_t *n)
{
  const uint16_t *const        code  = view->code + (size_t)same->irregular * FURL_WIDTH;
  const FurlRepeatedRow *const row   = view->row + same->raw;
  const size_t                 first = offsets->used;
  size_t                       total = 0, most;
  int32_t                     *place;

  for (int l = 0; l < FURL_WIDTH; l++) total += row[code[l]].n;
  most  = FILL * total / FURL_WIDTH;
  *n    = 0;
  place = FurlArrayExtend(offsets, 2 * (most + total)); /* two lists by turns, of which the first stays */
  if (!place) return 0;
  for (int l = 0; l < FURL_WIDTH && *n <= most; l++) {
    const FurlRepeatedRow r     = row[code[l]];
    int32_t *const        other = place + most + total;
    int                   seen  = 0;

    while (seen < l && code[seen] != code[l]) seen++;
    if (seen < l) continue;
    memcpy(other, place, *n * sizeof(*other));
    *n = Join(other, *n, view->row_offset + r.first, r.n, place);
  }
  if (*n > most) *n = 0;
  offsets->used = first + *n;
  return 1;
}

static void LayOut(const FurlSlicesView *view, const SameSlices *same, const int32_t *offset, double *value)
{
  const uint16_t *const code = view->code + (size_t)same->irregular * FURL_WIDTH;

  memset(value, 0, (size_t)same->n * FURL_WIDTH * sizeof(*value));
  for (int l = 0; l < FURL_WIDTH; l++) {
    const FurlRepeatedRow row = view->row[same->raw + code[l]];
    uint32_t              j   = 0;

    for (uint32_t k = row.first; k < row.first + row.n; k++, j++) {
      while (offset[j] != view->row_offset[k]) j++;
      value[j * FURL_WIDTH + (uint32_t)l] = view->row_value[k];
    }
  }
}

static int CompareCounts(const void *a, const void *b)
{
  const SameSlices *const x = *(SameSlices *const *)a, *const y = *(SameSlices *const *)b;

  if (x->count != y->count) return x->count < y->count ? 1 : -1;
  if (x->raw != y->raw) return x->raw > y->raw ? 1 : -1;
  return (x->irregular > y->irregular) - (x->irregular < y->irregular);
}

/* Lays such slices out, if that pays; 0: no memory */
static int Expand(const FurlSlicesView *view, FurlSlices *slices, size_t most, SameSlices *same)
{
  FurlArray *const offsets = &slices->expanded_offset;
  const size_t     before = slices->expanded.used, first = offsets->used;
  double          *value;

  if (!FindOffsets(view, same, offsets, &same->n)) return 0;
  if (!same->n || before + (size_t)same->n * FURL_WIDTH > most) {
    offsets->used = first;
    return 1;
  }
  value = FurlArrayExtend(&slices->expanded, (size_t)same->n * FURL_WIDTH);
  if (!value) return 0;
  same->first = (uint32_t)first;
  same->group = (uint32_t)(before / FURL_WIDTH) + 1;
  LayOut(view, same, (const int32_t *)offsets->data + first, value);
  return 1;
}

/* How many doubles there is room for */
static size_t Room(const FurlSlices *slices)
{
  const size_t csr  = (size_t)slices->nnz * (sizeof(double) + sizeof(int32_t)) + (size_t)slices->nrows * sizeof(int32_t);
  const size_t used = FurlSlicesStoredBytes(slices), left = csr / CSR_SHARE > used ? (csr / CSR_SHARE - used) / sizeof(double) : 0;

  return left < (size_t)slices->nnz / SHARE ? left : (size_t)slices->nnz / SHARE;
}

/* Those that come most often, as many as there is room for; 0: no memory */
static int Choose(const FurlSlicesView *view, SliceTable *t, FurlSlices *slices)
{
  const size_t       most = Room(slices);
  SameSlices **const list = malloc((t->used + 1) * sizeof(SameSlices *));
  size_t             n    = 0;
  int                ok   = list != NULL;

  for (size_t b = 0; ok && b < t->nbuckets; b++)
    if (t->bucket[b].count >= RETURNS && IsMixed(view, t->bucket + b)) list[n++] = t->bucket + b;
  if (ok) qsort(list, n, sizeof(*list), CompareCounts);
  for (size_t k = 0; ok && k < n && slices->expanded.used < most; k++) ok = Expand(view, slices, most, list[k]);
  free(list);
  return ok;
}

void FurlSlicesCollapse(FurlSlices *slices)
{
  const FurlSlicesView   view   = FurlSlicesGetView(slices);
  FurlSliceHeader *const header = slices->header.data;

  slices->expanded.used = slices->expanded_offset.used = 0;
  for (int64_t s = 0; slices->code.used && s < slices->nslices; s++)
    if (IsOfRows(&view, s)) header[s].head = header[s].exponent = header[s].rest = 0;
}

static void PointToExpanded(FurlSlices *slices, const SliceTable *t)
{
  const FurlSlicesView   view   = FurlSlicesGetView(slices);
  FurlSliceHeader *const header = slices->header.data;

  for (int64_t s = 0; s < slices->nslices; s++) {
    const SameSlices *const same = IsOfRows(&view, s) ? FindSlices(t, header[s].raw, header[s].irregular) : NULL;

    if (!same || !same->group) continue;
    header[s].head     = same->first;
    header[s].exponent = same->n;
    header[s].rest     = same->group;
  }
}

void FurlSlicesExpand(FurlSlices *slices)
{
  const FurlSlicesView view = FurlSlicesGetView(slices);
  SliceTable           t    = {0};

  FurlSlicesCollapse(slices);
  if (!slices->code.used) return;
  if (CountSlices(&view, &t) && Choose(&view, &t, slices))
    PointToExpanded(slices, &t);
  else
    FurlSlicesCollapse(slices);
  free(t.bucket);
}
