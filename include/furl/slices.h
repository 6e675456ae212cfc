/*
  The compressed form of a sparse matrix: slices of FURL_WIDTH consecutive rows, each encoded alone in the cheapest exact way.

  A slot is a set of entries of a slice, at most one from each row. A *program* says what the slots of a slice look like (where the columns
  come from, how the values are stored); slices of the same structure share one program, so that a slice with constant coefficients is its
  header alone. What differs from slice to slice is in the payload arrays, in groups of FURL_GROUP entries.

  Regular slices (FURL_COLUMNS_PATTERN): a slot is a diagonal, columns are row + offset, a mask says which rows have it.
  Values of a symmetric matrix are stored once: a *diagonal* is an array over all rows of the matrix, and both the slot of column offset o
  (value of row i at start + i) and that of offset -o (start - o + i, the mirror) read it: see docs/format.md.
  Irregular slices: the rows are taken in order of falling length; slot k holds the k-th entries of the first of them, or the k-th pairs of
  entries in columns j and j + 1, or the entries of the k-th block of w columns, of which the rows of a block of w rows share the index. An
  index is a distance from the slot's base, in columns or in blocks, of 8, 16 or 32 bits. The values of a pair are neighbours; a slot of
  blocks has for each group of lanes those of the first columns, then those of the second, and so on.
  Slices of repeated rows (FURL_COLUMNS_ROWS): a number of 16 bits for each row says which row of a dictionary it is, offsets and values;
  equal slices share their numbers.
*/
#pragma once

#include <stdint.h>
#include <stddef.h>
#include <petscsystypes.h>
#include <furl/lanes.h>

#define FURL_RUN 8 /* slots that a product takes in one pass, so that its sums stay in registers */

#define FURL_MAX_DIAGONALS 32 /* diagonals of a matrix that are stored as arrays over all rows: a 27-point stencil has 14 */

typedef enum {
  FURL_COLUMNS_PATTERN, /* row + offset */
  FURL_COLUMNS_SINGLES, /* an index an entry */
  FURL_COLUMNS_PAIRS,   /* an index for two columns */
  FURL_COLUMNS_BLOCKS,  /* an index for w columns of w rows */
  FURL_COLUMNS_ROWS     /* whole rows, values too, are in the dictionary of rows; no slots */
} FurlColumns;

#define FURL_COLUMNS_COUNT 5

/* Whether rows of a pattern miss slots, and what is read of a diagonal there */
typedef enum {
  FURL_MASKED_NONE,
  FURL_MASKED_FOREIGN, /* perhaps the values of other rows */
  FURL_MASKED_ZERO
} FurlMasked;

typedef enum {
  FURL_VALUES_CONSTANT, /* one double in the program: 0 bytes an entry */
  FURL_VALUES_RAW,      /* the double: 8 bytes */
  FURL_VALUES_PLANES,   /* P64, three planes, see planes.h: 2 + 2 + 4 bytes; where P64 would lose bits H64, head and double: 2 + 8 bytes */
  FURL_VALUES_HEAD,     /* head plane alone, rounded: 2 bytes, for levels of a preconditioner */
  FURL_VALUES_CODE8,    /* number in the dictionary: 1 byte, among the indices of 8 bits of an irregular slot, behind its own */
  FURL_VALUES_CODE16,   /* 2 bytes, among the heads */
  FURL_VALUES_DIAGONAL, /* in a diagonal of the matrix, which the transposed slot may share: raw */
  FURL_VALUES_DIAGONAL_PLANES, /* the same as P64 */
  FURL_VALUES_DIAGONAL_HEAD,   /* the same as heads */
  FURL_VALUES_DERIVED          /* the diagonal of a pattern: what the other entries of the row leave of a constant, see derived.c */
} FurlValues;

#define FURL_VALUES_COUNT 10

typedef struct {
  int32_t nslots;
  int32_t first;      /* its first slot in the slot tables */
  int32_t ntable;     /* slots that it has there; those of an irregular slice beyond them are of the last one's kind */
  int32_t min_offset; /* smallest and largest column - row of a pattern */
  int32_t max_offset;
  uint8_t columns; /* FurlColumns */
  uint8_t masked;  /* FurlMasked */
  uint8_t width;   /* columns of an index: 1, 2 for pairs, w for blocks */
  uint8_t pad;     /* 7 where irregular slots are filled up to groups, which products like better; else 0 */
} FurlProgram;

typedef struct {
  uint32_t program;
  uint32_t raw;       /* group where its doubles begin; repeated rows: the row of the dictionary that the code 0 stands for */
  uint32_t head;      /* group where its heads begin; repeated rows: its first offset in expanded_offset[] */
  uint32_t rest;      /* group where its seconds and tails begin; repeated rows: 1 + group of FURL_WIDTH doubles in expanded[], or 0 */
  uint32_t exponent;  /* number of its first slot among those stored as planes; repeated rows: how many offsets it has there */
  uint32_t irregular; /* number in the tables of irregular slices; repeated rows: group of FURL_WIDTH codes; a derived diagonal: its first
                         word in derived[] */
} FurlSliceHeader;

typedef struct {
  uint32_t slots;                          /* first of its slots in base[] and layout[] */
  uint32_t present;                        /* first of its words in present[] */
  uint32_t narrow;                         /* first of its indices of 8 bits */
  uint32_t wide;                           /* first of the others */
  uint8_t  raw_back, head_back, rest_back; /* entries by which its payload begins before the group that the header names */
  uint8_t  unused;
} FurlIrregular;

/* The layout of an irregular slot: its lanes less one, the size of an index, whether entries are absent, whose value is zero */
#define FURL_LAYOUT_LANES 31
#define FURL_LAYOUT_16 32
#define FURL_LAYOUT_32 64
#define FURL_LAYOUT_MASKED 128

#define FURL_BLOCK_MOST 8 /* columns of a block */

FURL_BODY int FurlLanesOf(int layout)
{
  return (layout & FURL_LAYOUT_LANES) + 1;
}

/* Lanes for which the slot has an index and values */
FURL_BODY int FurlStoredLanes(const FurlProgram *p, int layout)
{
  return (FurlLanesOf(layout) + p->pad) & ~p->pad;
}

/* Items of wide[] an index; 0: it is in narrow[] */
FURL_BODY int FurlIndexSize(int layout)
{
  return layout >> 5 & 3;
}

/* Words of a slot in present[]: bit w l + d says that lane l has column d */
FURL_BODY int FurlPresentWords(int width)
{
  return (FURL_WIDTH * width + 63) / 64;
}

/* Place of column d of lane l among the values of a slot of blocks */
FURL_BODY int FurlBlockEntry(int lanes, int width, int l, int d)
{
  const int first = l / FURL_GROUP * FURL_GROUP;
  const int n     = lanes - first < FURL_GROUP ? lanes - first : FURL_GROUP;

  return first * width + d * n + (l - first);
}

/* An index of 32 bits, low half first */
FURL_BODY int32_t FurlWideIndex(const uint16_t *wide, int i)
{
  return (int32_t)(wide[2 * i] | (uint32_t)wide[2 * i + 1] << 16);
}

/* A row of the dictionary */
typedef struct {
  uint32_t first, n; /* its entries in row_offset[] and row_value[] */
} FurlRepeatedRow;

/* What a kernel reads: plain pointers, in the memory of the device */
typedef struct {
  int64_t                nrows, ncols, nslices;
  const FurlSliceHeader *header;    /* [nslices] */
  const FurlProgram     *program;   /* [nprograms] */
  const int32_t         *offset;    /* [slots of the programs] column - row */
  const uint32_t        *mask;      /* [slots of the programs] bit l: row l has the entry */
  const uint8_t         *kind;      /* [slots of the programs] FurlValues */
  const uint8_t         *run;       /* [slots of the programs] slots of this kind from here on, at most FURL_RUN; irregular: 255 */
  const double          *constant;  /* [slots of the programs] derived: what the sum of the others is taken from */
  const int64_t         *start;     /* [slots of the programs] row i of a slot in a diagonal is entry start + i of diagonal[]; derived:
                                       bit l: row l has its own entry */
  const int16_t         *window;    /* [slots of the programs] base exponent B of a diagonal as planes or heads; derived: FurlUnits */
  const double          *raw;       /* [groups][FURL_GROUP] */
  const uint16_t        *head;      /* [groups][FURL_GROUP] heads and codes of 16 bits */
  const int16_t         *second;    /* [groups][FURL_GROUP] */
  const uint32_t        *tail;      /* [groups][FURL_GROUP] */
  const int16_t         *exponent;  /* [slots stored as planes] base exponent B and flags of planes.h */
  const FurlIrregular   *irregular; /* [nirregular] */
  const uint8_t         *lane_row;  /* [nirregular][FURL_WIDTH] the row of the slice that lane l holds */
  const int32_t         *base;      /* [slots of irregular slices] smallest column of the slot */
  const uint8_t         *layout;    /* [slots of irregular slices] FURL_LAYOUT_* */
  const double          *diagonal;  /* [entries] diagonals, raw; or, as planes and heads: */
  const uint16_t        *diagonal_head;
  const int16_t         *diagonal_second;
  const uint32_t        *diagonal_tail;
  const uint64_t        *present;    /* [words of the slots that are masked] */
  const double          *dictionary; /* [at most 2^16] different values */
  const uint8_t         *narrow;     /* [indices and codes of 8 bits] */
  const uint16_t        *wide;       /* [indices of 16 bits, and two items for those of 32] */
  const FurlRepeatedRow *row;        /* [rows of the dictionary] */
  const int32_t         *row_offset; /* [entries of the dictionary] column - row, ascending in a row */
  const double          *row_value;
  const uint16_t        *code;            /* [different slices of repeated rows][FURL_WIDTH] */
  const double          *expanded;        /* [slots of slices that return][FURL_WIDTH], a copy for products: see expanded.c */
  const int32_t         *expanded_offset; /* [the same] column - row, ascending in a slice */
  const uint64_t        *derived; /* of a slice with a derived diagonal: FURL_DERIVED_UNITS words of units, then its rows' own values */
} FurlSlicesView;

/* The units in the last place by which derived diagonal entries are off: a signed byte a row */
typedef enum {
  FURL_UNITS_NONE,  /* not stored: all are zero */
  FURL_UNITS_EXACT, /* read where all bytes of the others are, as planes may be read in part */
  FURL_UNITS_ALWAYS
} FurlUnits;

#define FURL_DERIVED_UNITS (FURL_WIDTH / 8) /* words that hold them */

/* The bits of the own entry of row l, in a slice whose slot `derived` has one for it */
FURL_BODY uint64_t FurlOwnBits(const FurlSlicesView *a, const FurlSliceHeader *header, int64_t derived, int l)
{
  const uint64_t *own = a->derived + header->irregular + (a->window[derived] == FURL_UNITS_NONE ? 0 : FURL_DERIVED_UNITS);

  return own[FURL_POPCOUNT((uint32_t)a->start[derived] & ((1u << l) - 1))];
}

FURL_BODY int FurlIsInDiagonal(int kind)
{
  return kind == FURL_VALUES_DIAGONAL || kind == FURL_VALUES_DIAGONAL_PLANES || kind == FURL_VALUES_DIAGONAL_HEAD;
}

/* A growing array, owned by FurlSlices */
typedef struct {
  void  *data;
  size_t used, room; /* items */
  size_t item;       /* bytes */
} FurlArray;

typedef struct {
  int64_t nrows, ncols, nslices, nnz;
  /* for the next encoding of these slices: */
  int     store;                      /* FurlStore and 1; 0: they were not encoded here */
  int     repeats;                    /* 1 where repeated rows were looked for */
  int     described;                  /* 1 where what follows below is that of the values, bit for bit */
  int     ndiagonals;                 /* that were chosen, */
  int32_t chosen[FURL_MAX_DIAGONALS]; /* their offsets, ascending */
  int     derives;                    /* 1 where diagonal entries were to be derived from the others */
  size_t  anew_bytes;                 /* stored when all slices were encoded */
  int64_t written;                    /* slices that were encoded at the last change of values */
  /* found where FurlEncoding asks for it: */
  uint64_t  fingerprint;                /* zero where the matrix is its own transpose, see fingerprint.h */
  FurlArray lone;                       /* int32_t, ascending: rows whose diagonal entry is a number other than zero, and all others zero */
  int       not_positive, not_negative; /* 1 where a row that is not lone has a diagonal entry that is not so, or none */
  FurlArray header, program, offset, mask, kind, run, constant, start, window, raw, head, second, tail, exponent, diagonal, diagonal_head,
    diagonal_second, diagonal_tail, irregular, lane_row, base, layout, present, dictionary, narrow, wide, row, row_offset, row_value, code,
    expanded, expanded_offset, derived;
} FurlSlices;

/* Rows of a matrix in compressed sparse row form, columns ascending and unique; nothing is owned */
typedef struct {
  int64_t         nrows, ncols;
  const PetscInt *rowptr; /* [nrows + 1] */
  const PetscInt *column; /* [nnz] */
  const double   *value;  /* [nnz] */
} FurlCsr;

/* Which forms an encoder may use for values that are not constant in their slot */
typedef enum {
  FURL_STORE_RAW,    /* FP64 as it is: fastest where all bytes are read */
  FURL_STORE_PLANES, /* P64, or H64 where P64 is not exact: heads can be read alone */
  FURL_STORE_HEADS   /* heads alone: rounded to 11 bits */
} FurlStore;

typedef struct {
  FurlStore     store;
  int           describe;      /* find the fingerprint, the lone rows and the signs of the diagonal; the matrix is to be square */
  int           skip_diagonal; /* leave out entries whose column is their row */
  const double *row_scale;     /* [nrows] entries are multiplied by row_scale[i] * column_scale[j]; NULL: by one */
  const double *column_scale;  /* [ncols] */
} FurlEncoding;

/* 0, or the reason of failure; nothing is left behind then */
typedef enum {
  FURL_ENCODE_OK,
  FURL_ENCODE_MEMORY,    /* no memory */
  FURL_ENCODE_TOO_LARGE, /* more than 2^31 rows, columns or programs on this process */
  FURL_ENCODE_ORDER      /* columns of a row that do not ascend */
} FurlEncodeStatus;

FurlEncodeStatus FurlSlicesEncode(const FurlCsr *csr, const FurlEncoding *encoding, FurlSlices *slices);
FurlEncodeStatus FurlSlicesReencode(const FurlCsr *csr, const FurlEncoding *encoding, FurlSlices *slices); /* in the memory that it has */
FurlEncodeStatus FurlSlicesDescribe(const FurlCsr *csr, FurlSlices *slices);       /* only what `describe` finds, into an empty container */
void             FurlSlicesInit(FurlSlices *slices, int64_t nrows, int64_t ncols); /* empty, nothing allocated */
void             FurlSlicesClear(FurlSlices *slices, int64_t nrows, int64_t ncols); /* empty, with its memory */
void             FurlSlicesFree(FurlSlices *slices);
void             FurlSlicesTrim(FurlSlices *slices);
FurlSlicesView   FurlSlicesGetView(const FurlSlices *slices);

/* The arrays of the container by their names, for files; returns their number */
typedef struct {
  const char *name;
  FurlArray  *array;
} FurlNamedArray;

int FurlSlicesListArrays(FurlSlices *slices, FurlNamedArray *array);

/* Row i: columns and values (each [room for the row], ascending), returns their number; with NULL only the number. FP64 values, exact but
 * for HEAD */
int64_t FurlSlicesDecodeRow(const FurlSlicesView *view, int64_t i, PetscInt *column, double *value);

/* The diagonal entries of the rows of slice s, zero where there is none: [rows of the slice]; column and value have room for a row */
void FurlSlicesDecodeDiagonal(const FurlSlicesView *view, int64_t s, PetscInt *column, double *value, double *diagonal);

/* Of a sample of the slices: their entries, and those in slices that take no pattern */
void FurlSlicesSample(const FurlCsr *csr, int64_t *entries, int64_t *irregular);

/*
  Rows that come slice by slice, in order, and are not all there at once: incremental.c. Which diagonals to store is chosen from the rows of
  a source; where it had no more than the first slices, FurlEncoderChoseWell() tells afterwards, from a source of all rows, whether the
  choice was right: if not, the slices are better encoded again from themselves. A source returns 0 for a row that it does not have; what it
  gives is valid until its next call with the same `which`, 0 or 1.
*/
typedef struct {
  int64_t         n;
  const PetscInt *column; /* [n] ascending */
  const double   *value;  /* [n] */
} FurlRow;

typedef struct {
  int (*get)(void *context, int64_t i, int which, FurlRow *row);
  void   *context;
  int64_t nslices; /* whose rows it has, from the first on */
  int64_t entries; /* of all slices, where it has them all; 0: not known, and repeated rows are not looked for */
} FurlRowSource;

typedef struct FurlEncoder FurlEncoder;

/* slices: initialised, at a place where it stays; encoding is read until the end and must be without scales */
FurlEncodeStatus FurlEncoderCreate(const FurlEncoding *encoding, const FurlRowSource *source, FurlSlices *slices, FurlEncoder **e);
/* Slices of the same number of rows and columns, which stay as they are until the end, as a guess where entries are; 0: no memory */
int FurlEncoderFollow(FurlEncoder *e, const FurlSlices *former);
/* The next slice: rowptr [FURL_WIDTH + 1] from 0 on; rows beyond the matrix's last are empty */
FurlEncodeStatus FurlEncoderAdd(FurlEncoder *e, const PetscInt *rowptr, const PetscInt *column, const double *value);
int              FurlEncoderChoseWell(FurlEncoder *e, const FurlRowSource *source);
void             FurlEncoderDestroy(FurlEncoder **e); /* the slices stay */

/* All rows of slice s: rowptr [FURL_WIDTH + 1] from 0 on, columns ascending; returns the number of entries. With NULL in place of column
 * and value only the numbers */
int64_t FurlSlicesDecodeSlice(const FurlSlicesView *view, int64_t s, PetscInt *rowptr, PetscInt *column, double *value);

/* Bytes held, the slots of each way of storing values, and the slices of each way of storing columns */
typedef struct {
  size_t  stored_bytes;
  int64_t slots[FURL_VALUES_COUNT], slots_h64;
  int64_t slices[FURL_COLUMNS_COUNT], nprograms;
  int64_t irregular_slots[3]; /* with indices of 8, 16 and 32 bits */
} FurlSlicesReport;

FurlSlicesReport FurlSlicesGetReport(const FurlSlices *slices);
size_t           FurlSlicesStoredBytes(const FurlSlices *slices);
