/* Slices that get new values where they are stored: same.c compares, overwrite.c writes, renew.c decides which slices are to be written */
#pragma once

#include "cursor.h"
#include "encoder.h"

/* Entries of the rows of an irregular slice that come next, by its lanes */
typedef struct {
  int64_t next[FURL_WIDTH], end[FURL_WIDTH];
} FurlRowsAt;

void FurlFirstRows(const FurlEncoder *e, const FurlSlicesView *view, int64_t s, FurlRowsAt *rows);
int  FurlRowsEnd(const FurlRowsAt *rows); /* whether all entries have been taken */
/* The values for a slot as it is stored, absent ones zero; 0 where the rows have other columns */
int FurlRowsTakeSlot(const FurlEncoder *e, const FurlSlicesView *view, const FurlIrregularCursor *at, FurlRowsAt *rows, double *value);

/* Whether slice s holds the rows at hand, columns and bits. The former encoding is the slices themselves */
int FurlSliceIsSame(FurlEncoder *e, int64_t s);

/*
  Writes the values of the rows at hand over those of slice s and describes it; *done is 0 where its columns are others, its slots cannot
  hold the values or others ways of storing them have become better: nothing is described then, and what was written of the slice is lost
*/
FurlEncodeStatus FurlSliceOverwrite(FurlEncoder *e, int64_t s, int *done);

/* renew.c: gives the slices the values of the rows where they are; *done is 0 where they are to be encoded anew */
FurlEncodeStatus FurlSlicesRenew(FurlEncoder *e, int *done);
