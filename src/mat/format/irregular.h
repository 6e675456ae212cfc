/* How a slice without a pattern is laid out: what irregular.c and blocks.c share */
#pragma once

#include "encoder.h"

/* The entries of a row, up to 64, that begin a slot, and of these the ones that make a pair with the next entry: bit k is entry k */
typedef struct {
  uint64_t begin, both;
} FurlPairs;

typedef struct {
  FurlColumns columns;
  int         width;              /* columns of an index */
  int         pad;                /* 7: slots are filled up to groups of lanes; 0: not */
  int32_t     nslots;             /* of the longest row */
  int32_t     length[FURL_WIDTH]; /* slots of each row */
  uint8_t     row[FURL_WIDTH];    /* the rows in order of falling length */
  uint8_t     block[FURL_WIDTH];  /* of blocks: which index of a slot the lane reads */
  FurlPairs   pairs[FURL_WIDTH];  /* of pairs: the first 64 entries of each row */
} FurlIrregularPlan;

/* The k-th entries, pairs or blocks of the rows that have so many, taken slot after slot */
typedef struct {
  int64_t   next[FURL_WIDTH]; /* entry of the lane's row that comes next; of pairs: the first of 64, */
  FurlPairs left[FURL_WIDTH]; /* which these are of: `begin` where they were not taken yet */
  int       nlanes;
  int       nstored; /* lanes, with the padding */
  int       nindices;
  int32_t   column[FURL_WIDTH]; /* [nindices] first columns */
  int       nvalues;            /* nstored times the width, absent entries with them */
  int       npresent;
  uint64_t  present[FURL_WIDTH * FURL_BLOCK_MOST / 64];
  double    value[FURL_WIDTH * FURL_BLOCK_MOST];
} FurlIrregularSlot;

/* The next slot of a plan; PadSlot() fills it up */
void FurlPlanTakeSlot(const FurlEncoder *e, const FurlIrregularPlan *plan, int32_t k, FurlIrregularSlot *slot);
/* Pairs in the rows of the slice at hand, to plan->length; returns their number */
int64_t FurlPlanCountPairs(const FurlEncoder *e, FurlIrregularPlan *plan);
/* The slots of a slice from here on: where its payload begins, what lies beside it; the first slot; the kind and values of slot k */
int              FurlIrregularBegin(FurlSlices *slices, const FurlIrregularPlan *plan);
void             FurlIrregularFirst(const FurlEncoder *e, const FurlIrregularPlan *plan, FurlIrregularSlot *slot);
int              FurlIrregularAppendValues(FurlEncoder *e, int32_t k, const FurlIrregularSlot *slot);
FurlEncodeStatus FurlIrregularEnd(FurlEncoder *e, const FurlIrregularPlan *plan, FurlSliceHeader header);

/* irregular.c: the rows in order of falling length, those of the same length in their own order */
void FurlPlanSortLanes(FurlIrregularPlan *plan);

/* blocks.c: a plan with blocks, whose bytes are returned, INT64_MAX where there is none; the next slot of such a plan */
int64_t FurlPlanBlocks(const FurlEncoder *e, int64_t row0, FurlIrregularPlan *plan);
int64_t FurlPlanCountBlocks(const FurlEncoder *e, int64_t row0, FurlIrregularPlan *plan); /* of plan->width */
void    FurlPlanNumberBlocks(int64_t row0, FurlIrregularPlan *plan);
void    FurlTakeBlocks(const FurlEncoder *e, const FurlIrregularPlan *plan, FurlIrregularSlot *slot);
