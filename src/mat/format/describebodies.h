/* The loops over all entries of a slice by which describe.c learns what it tells; compiled for each instruction set */
#pragma once

#include <furl/fingerprint.h>
#include <furl/kernel.h>

/* A slice, entry by entry or slot by slot, and what its lanes found: to be added up */
typedef struct {
  int64_t         row0;
  int64_t         n;        /* entries, or slots */
  const double   *value;    /* [n], or [slots of the slice][FURL_WIDTH] */
  const int32_t  *column;   /* [n] of entries */
  const uint8_t  *lane;     /* [n] of entries: their row - row0 */
  const int32_t  *slot;     /* [n] their numbers */
  const int32_t  *offset;   /* [slots of the slice] */
  const uint32_t *mask;     /* [slots of the slice] rows that have the entry */
  int64_t         ncounted; /* of slots whose entries are counted and do not add to the fingerprint */
  const int32_t  *counted;  /* [ncounted] their numbers */
  int64_t        *count;    /* [ncounted] entries other than zero */
  const int64_t  *start;    /* [FURL_WIDTH + 1] of repeated rows: their entries in value[] */
  const uint32_t *first;    /* [FURL_WIDTH] their entries in key[] and in offset[], which is the dictionary's then */
  const uint64_t *key;      /* [entries of the dictionary] keys of their places, less that of the row */
  uint64_t       *sum;      /* [FURL_WIDTH] of the fingerprint */
  int64_t        *coupled;  /* [FURL_WIDTH] entries of the row among those counted */
  int32_t        *signs;    /* [2][FURL_WIDTH] diagonal entries above zero, and below */
} FurlDescribeArgs;

/* Reads 13 B an entry */
FURL_BODY void FurlDescribeEntries(const FurlDescribeArgs *a, int64_t item)
{
  FURL_PER_LANE(uint64_t, sum);
  FURL_PER_LANE(int32_t, above);
  FURL_PER_LANE(int32_t, below);

  FURL_LANES(l) AT(sum, l) = 0, AT(above, l) = 0, AT(below, l) = 0;
  for (int64_t q = 0; q < a->n; q += FURL_WIDTH) {
    const int n = (int)(a->n - q < FURL_WIDTH ? a->n - q : FURL_WIDTH);

    FURL_LANES_BELOW(l, n)
    {
      const int64_t i = a->row0 + a->lane[q + l], j = a->column[q + l];
      const double  value = a->value[q + l];

      AT(sum, l) += FurlFingerprint(i, j, value);
      AT(above, l) += (i == j) & (value > 0);
      AT(below, l) += (i == j) & (value < 0);
    }
  }
  FURL_LANES(l) a->sum[l] = AT(sum, l), a->signs[l] = AT(above, l), a->signs[FURL_WIDTH + l] = AT(below, l);
}

/* Reads 8 B an entry */
FURL_BODY void FurlDescribeSlots(const FurlDescribeArgs *a, int64_t item)
{
  FURL_PER_LANE(uint64_t, sum);

  FURL_LANES(l) AT(sum, l) = 0, a->signs[l] = 0, a->signs[FURL_WIDTH + l] = 0;
  for (int64_t q = 0; q < a->n; q++) {
    const int32_t  k      = a->slot[q];
    const int64_t  offset = a->offset[k];
    const uint32_t mask   = a->mask[k];
    const uint64_t minus  = -(uint64_t)(offset < 0);
    const uint64_t key    = FurlPairKey(a->row0 + (offset < 0 ? offset : 0), a->row0 + (offset < 0 ? 0 : offset));
    const double  *value  = a->value + k * FURL_WIDTH;

    if (offset) FURL_LANES(l)
      {
        const uint64_t hash = FurlEntryHash(key + (uint64_t)l * FURL_HASH_ROW, value[l]);

        AT(sum, l) += ((hash ^ minus) - minus) & -(uint64_t)(mask >> l & 1);
      }
    else
      FURL_LANES(l) a->signs[l] = value[l] > 0, a->signs[FURL_WIDTH + l] = value[l] < 0;
  }
  FURL_LANES(l) a->sum[l] = AT(sum, l);
}

/* Reads 20 B an entry, 12 of them from cache; the sum is that of lane 0 */
FURL_BODY void FurlDescribeRepeated(const FurlDescribeArgs *a, int64_t item)
{
  uint64_t total = 0;

  for (int l = 0; l < FURL_WIDTH; l++) {
    const uint64_t  row    = FurlPairKey(a->row0 + l, a->row0 + l);
    const uint64_t *key    = a->key + a->first[l];
    const int32_t  *offset = a->offset + a->first[l];
    const double   *value  = a->value + a->start[l];
    const int64_t   n      = a->start[l + 1] - a->start[l];

    for (int64_t k = 0; k < n; k++) {
      const uint64_t minus = -(uint64_t)(offset[k] < 0), hash = FurlEntryHash(row + key[k], value[k]);

      total += ((hash ^ minus) - minus) & -(uint64_t)(offset[k] != 0);
    }
  }
  a->sum[0] = total;
}

/* Reads 8 B an entry */
FURL_BODY void FurlCountSlots(const FurlDescribeArgs *a, int64_t item)
{
  FURL_PER_LANE(int64_t, coupled);

  FURL_LANES(l) AT(coupled, l) = 0;
  for (int64_t q = 0; q < a->ncounted; q++) {
    const double *value = a->value + a->counted[q] * FURL_WIDTH;
    int64_t       n     = 0;

    for (int l = 0; l < FURL_WIDTH; l++) {
      const int64_t one = value[l] != 0;

      AT(coupled, l) += one;
      n += one;
    }
    a->count[q] = n;
  }
  FURL_LANES(l) a->coupled[l] = AT(coupled, l);
}

#define FURL_DESCRIBE_KERNELS(X)            \
  X(FurlDescribeEntries, FurlDescribeArgs)  \
  X(FurlDescribeRepeated, FurlDescribeArgs) \
  X(FurlCountSlots, FurlDescribeArgs)       \
  X(FurlDescribeSlots, FurlDescribeArgs)

FURL_DESCRIBE_KERNELS(FURL_DECLARE_KERNEL)
