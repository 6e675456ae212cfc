/*
  The encoding that a matrix had before its values changed: a first guess for the next, slice by slice. What it says of the columns is
  compared with the rows at hand, so that a guess never does harm; what it saves is the search for patterns, plans and programs.
*/
#pragma once

#include <furl/slices.h>

#define FURL_LAYOUTS 32       /* programs whose layout is remembered */
#define FURL_LAYOUT_SLOTS 512 /* programs with more slots are no guess */

/* Where the entries of a slice with a pattern go, row by row: what a program says, made for reading rows */
typedef struct {
  int64_t   program;               /* of the former tables; -1: nothing yet */
  int64_t   start[FURL_WIDTH + 1]; /* of the rows */
  int32_t   nslots;
  int32_t   offset[FURL_LAYOUT_SLOTS]; /* [nslots] ascending */
  uint32_t  mask[FURL_LAYOUT_SLOTS];   /* [nslots] */
  int32_t   rank[FURL_LAYOUT_SLOTS];   /* [nslots] of the program's slots: their number here */
  size_t    room;                      /* of the two below */
  int32_t  *expected;                  /* [entries] column - first row of the slice */
  uint16_t *place;                     /* [entries] number among the slots' lanes */
} FurlSlotLayout;

/* A slice of repeated rows as it is now, for those that had the same rows before: they are likely to have the same again */
typedef struct {
  uint32_t        raw, irregular;        /* of the former header */
  int             there;                 /* 0: nothing yet */
  int64_t         start[FURL_WIDTH + 1]; /* of the rows */
  size_t          room;                  /* of the two below */
  int32_t        *expected;              /* [entries] column - first row */
  double         *value;                 /* [entries] */
  FurlSliceHeader header;
} FurlRowsLayout;

typedef struct {
  FurlSlices            slices; /* its headers, programs and indices; payload and dictionaries have gone to the next encoding */
  FurlSlicesView        view;
  int                   there; /* 0: there is none */
  int                   borrowed;
  FurlSlotLayout       *layout; /* [FURL_LAYOUTS] a table by program numbers, made by the first question */
  FurlRowsLayout       *rows;   /* [FURL_LAYOUTS] a table by former headers */
  uint32_t             *number; /* [former programs] number + 1 of the program that took its place */
  const FurlSlotLayout *filled; /* whose entries the encoder's slots hold, zeros in its holes; NULL: another's */
} FurlFormer;

/* Takes headers, programs and indices out of the slices, which are empty then but have their memory for payload; 0: no memory */
int  FurlFormerTake(FurlFormer *former, FurlSlices *slices, int64_t nrows, int64_t ncols);
int  FurlFormerBorrow(FurlFormer *former, const FurlSlices *slices); /* the same of slices that stay as they are */
void FurlFormerFree(FurlFormer *former);
/* The layout of former slice s, NULL where it had no pattern or a long one, or memory is lacking */
FurlSlotLayout *FurlFormerLayout(FurlFormer *former, int64_t s);
/* The base exponent that the diagonal of this offset had; -1: there was none */
int FurlFormerWindow(const FurlFormer *former, int32_t offset);
