/* The table of programs of a matrix: slices of the same structure share one */
#pragma once

#include <furl/slices.h>

#define FURL_MAX_SLOTS 512 /* slots of a pattern; more columns than that are no pattern */

/* A program under construction; irregular ones leave offset, mask and constant zero */
typedef struct {
  FurlColumns columns;
  int32_t     nslots;
  int32_t     ntable;   /* slots in the tables: the last of an irregular one stands for those behind it */
  int32_t     width;    /* columns of an index */
  int32_t     pad;      /* 7 where irregular slots are filled up to groups, else 0 */
  int         foreign;  /* 1 where a slot reads something of a diagonal for a row that misses it */
  int32_t    *offset;   /* [nslots] */
  uint32_t   *mask;     /* [nslots] */
  uint8_t    *kind;     /* [nslots] */
  double     *constant; /* [nslots] */
  int64_t    *start;    /* [nslots] of a slot in a diagonal, else 0 */
  int16_t    *window;   /* [nslots] of a slot in a diagonal as planes, else 0 */
} FurlProgramDraft;

/* A hash table over the programs; only encoders need it */
typedef struct {
  uint32_t *bucket; /* [nbuckets] number of the program + 1, 0 where free */
  uint32_t  nbuckets;
  uint32_t  latest; /* the program that was found last */
} FurlProgramTable;

/* Room for the slots of a pattern in another order */
typedef struct {
  int32_t  offset[FURL_MAX_SLOTS];
  uint32_t mask[FURL_MAX_SLOTS];
  uint8_t  kind[FURL_MAX_SLOTS];
  double   constant[FURL_MAX_SLOTS];
  int64_t  start[FURL_MAX_SLOTS];
  int16_t  window[FURL_MAX_SLOTS];
} FurlDraftRoom;

FurlEncodeStatus FurlProgramFind(FurlProgramTable *table, FurlSlices *slices, const FurlProgramDraft *draft, uint32_t *number);
int              FurlProgramsKeepUsed(FurlSlices *slices);                            /* programs without a slice go; 0: no memory */
int32_t          FurlDraftOrder(const FurlProgramDraft *draft, int32_t *order);       /* of its slots when sorted; 0: they are not sorted */
FurlProgramDraft FurlDraftSorted(const FurlProgramDraft *draft, FurlDraftRoom *room); /* order.c: in the order of their kinds */
int              FurlProgramDraftInit(FurlProgramDraft *draft, size_t nslots);        /* 0: no memory; to be freed in any case */
void             FurlProgramDraftFree(FurlProgramDraft *draft);
