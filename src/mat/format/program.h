/* The table of programs of a matrix: slices of the same structure share one */
#pragma once

#include <furl/slices.h>

#define FURL_MAX_SLOTS 512 /* slots of a pattern; more columns than that are no pattern */

/* A program under construction; irregular ones leave offset, mask and constant zero */
typedef struct {
  FurlColumns columns;
  int32_t     nslots;
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
} FurlProgramTable;

FurlEncodeStatus FurlProgramFind(FurlProgramTable *table, FurlSlices *slices, FurlProgramDraft *draft, uint32_t *number);
void             FurlDraftSort(FurlProgramDraft *draft); /* order.c: the slots of a pattern in the order of their kinds */
int              FurlProgramDraftInit(FurlProgramDraft *draft, size_t nslots); /* 0: no memory; to be freed in any case */
void             FurlProgramDraftFree(FurlProgramDraft *draft);
