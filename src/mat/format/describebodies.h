/* The loops over all entries of a slice by which describe.c learns what it tells; compiled for each instruction set */
#pragma once

#include <furl/fingerprint.h>
#include <furl/kernel.h>

/* A slice, entry by entry or slot by slot, and what its lanes found: to be added up */
typedef struct {
  int64_t         row0;
  int64_t         n;      /* entries, or slots */
  const double   *value;  /* [n], or [n][FURL_WIDTH] of slots */
  const int32_t  *column; /* [n] of entries */
  const uint8_t  *lane;   /* [n] of entries: their row - row0 */
  const int32_t  *offset; /* [n] of slots */
  const uint32_t *mask;   /* [n] of slots: rows that have the entry */
  uint64_t       *sum;    /* [FURL_WIDTH] of the fingerprint */
  int32_t        *signs;  /* [2][FURL_WIDTH] diagonal entries above zero, and below */
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
  for (int64_t k = 0; k < a->n; k++) {
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

#define FURL_DESCRIBE_KERNELS(X)           \
  X(FurlDescribeEntries, FurlDescribeArgs) \
  X(FurlDescribeSlots, FurlDescribeArgs)

FURL_DESCRIBE_KERNELS(FURL_DECLARE_KERNEL)
