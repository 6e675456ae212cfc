/* What the parts of the encoder share: one file a theme, `encode.c` calls them slice by slice */
#pragma once

#include <furl/slices.h>
#include <furl/planes.h>
#include "former.h"
#include "program.h"
#include "repeatedrows.h"

#define FURL_SIGN (1ull << 63)

/* Bits of 2^926: slots with larger values, infinities or NaN have no short form, as its scale 2^(B - 896) would overflow */
#define FURL_LARGE ((uint64_t)(1023 + 926) << 52)

/* The diagonals of the matrix: array d holds the entries (i, i + offset[d]) of all rows i */
typedef struct {
  int     n;
  int32_t offset[FURL_MAX_DIAGONALS]; /* ascending, none negative */
  int64_t start[FURL_MAX_DIAGONALS];  /* entry of row 0 */
  int     window[FURL_MAX_DIAGONALS]; /* base exponent, where stored as planes or heads */
  int     partial;                    /* chosen before all rows were known */
  int     derives;                    /* 1 where the main diagonal is derived from the others, see derived.c: it is none of these then */
  int     units;                      /* 1 where derived entries are off by some units in the last place */
  double  excess;                     /* that they are derived from */
  /* for the fingerprint, see describe.c: */
  int64_t read[FURL_MAX_DIAGONALS];     /* entries other than zero that slots of the diagonal read */
  int64_t mirrored[FURL_MAX_DIAGONALS]; /* the same by mirrors */
  int     loose[FURL_MAX_DIAGONALS];    /* 1 where an entry other than zero may be read by mirrors alone */
} FurlDiagonals;

/* The derived entries of a slice: units in the last place by which they are off, and entries of their own */
typedef struct {
  int8_t unit[FURL_WIDTH];
  int    nown;
  double own[FURL_WIDTH];
} FurlDerivedLanes;

/* A hash table over the values of the dictionary, and whether it pays; only encoders need it */
typedef struct {
  uint32_t     *bucket; /* [nbuckets] number of the value + 1, 0 where free */
  uint32_t      nbuckets;
  int           asked, found, added;                /* values since it was judged */
  int64_t       total, allowance;                   /* values altogether; new ones that say nothing */
  int           closed, useless;                    /* it takes no more values; it is not asked either */
  const double *latest;                             /* the values that it was asked for last, NULL where it has not all */
  uint16_t      code[FURL_WIDTH * FURL_BLOCK_MOST]; /* their numbers */
} FurlDictionary;

/* While slices get new values where they are: renew.c */
typedef struct {
  uint8_t  *mark;                      /* [slices] 1 where the slice is to be written */
  uint8_t  *value_is_new, *row_is_new; /* [values, rows of the dictionaries] 1 where they have been replaced; NULL: all stay */
  uint64_t *set;                       /* of a sample of the values that are stored whole */
  int64_t   nvalues, ndifferent;       /* in the sample */
  int       sampled;                   /* 1 where the slice at hand is in the sample */
  int64_t   written, behind;           /* slices; of these, encoded behind the others */
  int64_t   nentries;
} FurlRenewal;

struct FurlEncoder {
  const FurlCsr      *csr;
  int64_t             first; /* row of the matrix that csr->rowptr[0] is of: rows may come slice by slice, see incremental.c */
  FurlRowSource       source;
  int64_t             entries; /* of the matrix; 0: not known */
  const FurlEncoding *encoding;
  FurlSlices         *slices;
  FurlProgramTable    table;
  FurlProgramDraft    draft; /* [FURL_MAX_SLOTS or the longest row] of each */
  FurlDiagonals       diagonals;
  FurlDerivedLanes    derived;
  FurlDictionary      dictionary;
  FurlRowTable        rows;
  FurlFormer          former;      /* what the slices were, as a guess; in an encoder of new slices there is none */
  FurlRenewal        *renewal;     /* NULL: all slices are encoded */
  FurlSliceHeader    *place;       /* of the header of the slice at hand; NULL: behind the others */
  int                 block_width; /* of the blocks that irregular slices may have; 1: none; 0: not chosen yet */
  int32_t             npattern;    /* slots of the latest pattern, a first guess for the next slice */
  int32_t             pattern[FURL_MAX_SLOTS];
  int32_t            *expected;              /* [FURL_WIDTH][npattern] column - first row of a slice whose rows have all its slots */
  int64_t             nrows;                 /* rows of the slice */
  int64_t             start[FURL_WIDTH + 1]; /* its entries row by row, as they are to be stored: in the matrix itself, or copies */
  const int32_t      *column;
  const double       *value;
  int32_t            *own_column; /* [FURL_WIDTH * longest row] copies that had to be made */
  double             *own_value;
  uint8_t            *lane;    /* [FURL_WIDTH * longest row] row of the slice of an entry, where it is wanted */
  double             *slot;    /* [FURL_MAX_SLOTS][FURL_WIDTH] values of a pattern, zero where a row misses the slot */
  size_t              longest; /* row there is room for */
};

/* Whether the two agree bit for bit in the lanes of the mask: mostly in all */
static inline int FurlSameBits(uint32_t mask, const double *a, const double *b)
{
  uint64_t differ = 0;

  for (int l = 0; l < FURL_WIDTH; l++) differ |= FurlDoubleToBits(a[l]) ^ FurlDoubleToBits(b[l]);
  if (!differ || mask == UINT32_MAX) return !differ;
  differ = 0;
  for (int l = 0; l < FURL_WIDTH; l++) differ |= (FurlDoubleToBits(a[l]) ^ FurlDoubleToBits(b[l])) & -(uint64_t)(mask >> l & 1);
  return !differ;
}

/* The entry in row i and column j times its scales, the smaller index first: symmetric where the matrix and its scales are */
static inline double FurlScaledValue(const FurlEncoding *encoding, double value, int64_t i, int64_t j)
{
  const double row    = encoding->row_scale ? encoding->row_scale[i] : 1;
  const double column = encoding->column_scale ? encoding->column_scale[j] : 1;

  return i <= j ? value * row * column : value * column * row;
}

/* Row i, by the source where there is one; 0 where it cannot be had. `which`: as FurlRowSource has it */
static inline int FurlEncoderGetRow(const FurlEncoder *e, int64_t i, int which, FurlRow *row)
{
  const FurlCsr *const csr = e->csr;

  if (e->source.get) return e->source.get(e->source.context, i, which, row);
  row->n      = csr->rowptr[i + 1] - csr->rowptr[i];
  row->column = csr->column + csr->rowptr[i];
  row->value  = csr->value + csr->rowptr[i];
  return 1;
}

/* encode.c: the memory of an encoder, for rows of that length (0: no memory), and the next slice from the rows at hand */
int              FurlEncoderReserve(FurlEncoder *e, size_t longest);
void             FurlEncoderFree(FurlEncoder *e);
FurlEncodeStatus FurlEncoderTakeSlice(FurlEncoder *e, int64_t s);
/* incremental.c: slice s from the source, for a sample; 0: no memory */
int FurlEncoderLoadSource(FurlEncoder *e, int64_t s);

/* encode.c: takes the entries of slice s that are to be stored, scaled; a slice's payload begins, perhaps with a group, and ends */
void             FurlEncodeLoad(FurlEncoder *e, int64_t s);
int              FurlEncodeAlign(FurlSlices *slices); /* 0: no memory */
FurlSliceHeader  FurlEncodeBegin(const FurlSlices *slices);
FurlEncodeStatus FurlEncodeEnd(FurlEncoder *e, FurlSliceHeader header);
FurlEncodeStatus FurlEncodeSlice(FurlEncoder *e, int64_t s);
int              FurlEncoderReserveLanes(FurlEncoder *e); /* lane[] for the entries at hand */

/* pattern.c, irregular.c: the two families of slices. Pattern: *done is 0 where the slice has no cheap pattern, nothing is stored or
 * described then but for the diagonals */
FurlEncodeStatus FurlEncodePattern(FurlEncoder *e, int64_t s, int *done);
FurlEncodeStatus FurlEncodeIrregular(FurlEncoder *e, int64_t row0);
/* Whether slice s has the entries that it had as a pattern; they are in its slots and in the draft then, and `filled` is its layout */
int FurlPatternLoadFormer(FurlEncoder *e, int64_t s);
/* As it was before; *done is 0, and nothing stored, where its columns have changed */
FurlEncodeStatus FurlEncodeIrregularAgain(FurlEncoder *e, int64_t s, int *done);

/*
  diagonals.c: chooses the diagonals of the matrix; stores the entries of slice s in them, from the slots of the draft where it has been
  loaded; tells whether slot k of the draft can be read from one, and sets the slot if so. A slot reads what this slice and those before
  it have stored.
*/
FurlEncodeStatus FurlDiagonalsChoose(FurlEncoder *e);
int              FurlDiagonalsServe(FurlEncoder *e); /* whether the same would be chosen from the source at hand */
void             FurlDiagonalsStore(FurlEncoder *e, int64_t s, int loaded);
int              FurlDiagonalsMatch(FurlEncoder *e, int64_t row0, int32_t k, const double *value);

/*
  derived.c: whether diagonal entries can be derived in most rows, from what, and with units; whether slot k of the draft, its diagonal, can
  be so when the kinds of the others are known: it is of that kind then, and what is stored of it is in e->derived
*/
int    FurlDerivedChoose(const FurlEncoder *e, double *excess, int *units);
int    FurlDerive(FurlEncoder *e, int32_t k);
size_t FurlDerivedWords(const FurlProgramDraft *draft, int32_t k);
void   FurlDerivedWrite(const FurlEncoder *e, int units, uint64_t *word);

/* The diagonals that the former slices read; whether the same would be chosen now */
void FurlDiagonalsRecall(FurlEncoder *e);
int  FurlDiagonalsAreChosen(FurlEncoder *e);

/* The entries of a slice in a diagonal, as bits: doubles, or planes */
typedef union {
  double raw[FURL_WIDTH];
  struct {
    uint16_t head[FURL_WIDTH];
    int16_t  second[FURL_WIDTH];
    uint32_t tail[FURL_WIDTH];
  } planes;
} FurlDiagonalLanes;

void FurlDiagonalsGetLanes(const FurlEncoder *e, int64_t s, int c, FurlDiagonalLanes *lanes);

/* blocks.c: from a sample, the width of blocks that serves best */
void FurlBlocksChoose(FurlEncoder *e);

/*
  rows.c: tells whether rows repeat so often that the matrix takes a dictionary; encodes slice s by it, *done is 0 where that is not
  possible or a program is better; whether another program is no matter
*/
FurlEncodeStatus FurlRowsChoose(FurlEncoder *e);
FurlEncodeStatus FurlEncodeRows(FurlEncoder *e, int64_t s, int *done);
/* The same for one that had repeated rows before: *done is 0 where it is to be encoded as any */
FurlEncodeStatus FurlEncodeRowsAgain(FurlEncoder *e, int64_t s, int *done);
int  FurlRowsIsRow(const FurlEncoder *e, int64_t row0, int64_t l, uint32_t number); /* is row l of the slice that of the dictionary? */
int  FurlRowsRecall(FurlEncoder *e); /* what describe.c needs of the rows that are there; 0: no memory */
void FurlRowsResume(FurlEncoder *e); /* before some of the slices are encoded again */
int  FurlProgramsAreCheap(const FurlEncoder *e);
void FurlRowsFree(FurlRowTable *table);
void FurlRowsDraft(FurlEncoder *e); /* the program of such slices */

/*
  describe.c: adds slice s to the fingerprint and to the lone rows, where they are wanted; `loaded` as above, and its kinds are known. The
  last call adds what was left out since it was to cancel, and does not
*/
FurlEncodeStatus FurlDescribeSlice(FurlEncoder *e, int64_t s, int loaded);
void             FurlDescribeEnd(FurlEncoder *e);
/* The same for a slice of rows of the dictionary, number [FURL_WIDTH]; what is to be known of such a row */
FurlEncodeStatus FurlDescribeRows(FurlEncoder *e, int64_t s, const uint32_t *number);
int              FurlDescribeRow(const FurlEncoder *e, int64_t row0, int l);

/* dictionary.c: the codes of n values, left in e->dictionary; returns the bytes that each takes, 0 where some value has none */
int FurlDictionaryFind(FurlEncoder *e, const double *value, int n);
/* The codes of values that had them; the dictionary is not judged by this. 0 where one has none */
int FurlDictionaryRecall(FurlEncoder *e, const double *value, int n);

/* renew.c: the header of slice s, whose program is that of the draft; takes values of a slot into the sample */
FurlEncodeStatus FurlRenewalPlaceHeader(FurlEncoder *e, int64_t s, FurlSliceHeader header);
void             FurlRenewalSample(FurlRenewal *r, const double *value, int n);

/* values.c: ways to store the n values of a slot; those of the slot that was asked about last are appended */
int        FurlValuesAreConstant(const double *value, uint32_t mask, double *constant);
int        FurlValuesAreLarge(const double *value, int n); /* some are: they have no short form */
FurlValues FurlValuesChoose(FurlEncoder *e, const double *value, int n, int irregular);
int        FurlValuesAppend(FurlEncoder *e, FurlValues kind, const double *value, int n); /* 0: no memory */
