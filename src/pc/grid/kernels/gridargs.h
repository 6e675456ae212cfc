/*
  Arguments of the kernels of hierarchy `grid`, and their list. Cells are numbered flat, G = origin + i + stride1 j + stride2 k with odd
  strides, so that neighbours differ in parity everywhere. Even cells are *red*, odd ones *black*; the arrays of a level keep the two apart,
  cell G at [G / 2] of its colour, and a neighbour of cell m of a colour is at m + constant of the other: no index is stored or computed.

  Unknowns are scaled by the root of the diagonal, y = sqrt(D) x, which makes the operator I - Q but for a correction of the diagonal that
  makes up for the rounding of Q: see docs/grid.md.
*/
#pragma once

#include <furl/kernel.h>
#include <furl/planes.h>

#define FURL_GRID_CODE_SCALE 75557863725914323419136.0f /* 2^76: a coupling is its decoded code times this */
#define FURL_GRID_CODE_LARGEST 6144.0f                  /* larger couplings are taken for it; those of a symmetric operator are at most 1 */
#define FURL_GRID_CODE_SMALLEST 8.881784197001252e-16f  /* 2^-50: couplings below it are zero */
#define FURL_GRID_TORN 0.05f                            /* a link so much weaker than others of its cells joins what belongs elsewhere */
#define FURL_GRID_UNIT 2.98023223876953125e-08f         /* 2^-25: of the corrections of the inverse diagonal */
#define FURL_GRID_PACKET_LEAST 1e-30f                   /* packets with nothing larger are zero, as their unit has no inverse in FP32 */
#define FURL_GRID_PACKET_MOST 1e37f                     /* packets with anything larger become NaN */

/* One colour's cells: the six (or 2 in a line, 4 in a plane) couplings and neighbours of its cell 0, whatever array they live in */
typedef struct {
  const uint16_t *q[6];
  const float    *x[6];
  const int16_t  *e; /* inverse of the scaled diagonal, less one, in units of FURL_GRID_UNIT; so that zeros do no harm beyond the cells */
  const float    *b;
  const float    *own; /* the colour's own unknowns */
  const float    *w;   /* weight of the cell in transfers */
  float          *out;
  double         *partial; /* [items] sums of own times out of the items, or [items][2] of a sweep's; NULL: none wanted */
  int             neighbours;
} FurlGridStencilArgs;

/* Transfers: an item is 32 cells of one colour of the coarser level */
typedef struct {
  const uint32_t *child; /* [cells of the colour] 8 times the first fine cell, plus the directions (1 x, 2 y, 4 z) in which there are two */
  const float    *scale; /* [cells of the colour] 1/sqrt(d) of the coarse cell; 0 where there is none */
  int64_t         span;  /* from a fine cell of red to the black cell with the same number */
  int64_t         stride[2];
  int             both;   /* black fine cells take part; else red ones alone */
  const float    *fine;   /* weighted residual of fine cell 0 of red */
  float          *coarse; /* right-hand side of the colour, written */
  const float    *weight; /* of fine cell 0 of red */
  const float    *from;   /* coarse unknowns of the colour */
  float          *to;     /* fine unknowns of red, added to */
} FurlGridTransferArgs;

/* Between the user's vector and the finest level: an item is a line of cells */
typedef struct {
  int64_t       n, lines; /* cells of a line; lines of a plane */
  int64_t       origin, stride[2], span;
  const float  *root;      /* sqrt(d) of red cell 0, negative for rows of their own */
  const double *from_high; /* [n x lines x planes] */
  double       *to_high;
  const float  *from_low; /* red cell 0 */
  float        *to_low;
  double        factor;
  const double *power;  /* the factor is taken times this one, which only the device knows; NULL: is not */
  int64_t       others; /* unknowns of other components between two cells of the user's vector; mostly none */
} FurlGridConvertArgs;

/* out = (1 + beta D^-1/2 L D^-1/2) own, where L has the link min(d_i, d_j) between neighbours, whatever couples them; one colour */
typedef struct {
  FurlGridStencilArgs stencil; /* x, own, w and out are read */
  const float        *root[6]; /* of the neighbours of cell 0 */
  float               beta;
} FurlGridSharpenArgs;

/* Between the user's vector and the cells of a sheared box: an item is a line of the user's box. S = 1 - weight D^-1 L, L with the link
 * min(d_i, d_j) between neighbours in a direction */
typedef struct {
  int64_t        n[3];
  int64_t        stride;    /* from one of the user's values to the next */
  const int32_t *place;     /* [rows] cell of the row */
  const float   *inverse;   /* [rows] of the diagonal */
  const double  *from;      /* [rows x stride] into the cells; back: [rows] the cycle's result, as the rows are numbered */
  const double  *residual;  /* [rows x stride] back: what the cycle was given */
  double        *to;        /* [cells]; back: [rows x stride] */
  double         weight[3]; /* by direction of the user's box */
  double         jacobi, factor;
} FurlGridSoftenArgs;

/* FURL_WIDTH values for another process, to 2^-16 of the largest */
typedef struct {
  float   unit;
  int16_t value[FURL_WIDTH];
} FurlGridPacket;

/* An item: a packet */
typedef struct {
  float          *wide; /* [n] */
  FurlGridPacket *packet;
  int64_t         n;
} FurlGridPacketArgs;

/* On the device: ghosts take the values of the cells that they stand for, or zero; an item: FURL_WIDTH of them */
typedef struct {
  const int64_t *at, *owner; /* [n] places in the array; owner NULL: zero */
  float         *array;
  int64_t        n;
} FurlGridGhostsArgs;

/* The coarsest level: an item is 32 rows of its inverse */
typedef struct {
  int64_t        n;
  const double  *inverse; /* [n][n], or its transpose's */
  const int64_t *place;   /* [n] of the cells in arrays by colour */
  const float   *b;
  float         *x;
  int            transposed;
} FurlGridDenseArgs;

/* On the device: sums of FURL_GRID_SUMS pairs of partial sums an item */
#define FURL_GRID_SUMS 1024
typedef struct {
  const double *partial; /* [n][2] */
  double       *sum;     /* [items][2] */
  int64_t       n;
} FurlGridSumArgs;

/* On the device: one item. The weights of a step of two cycles combined: see gridcycle.c */
typedef struct {
  const double *pair[2]; /* [n][2] sums, to be added: x'y and x'z; of the second step v'Av and v'Ap, v'b */
  int64_t       n;
  double       *first;   /* [4] what the first step found: p'Ap, p'b, p'p, and whether the second one is to count */
  double       *weights; /* [2] */
  int           step;    /* 1 or 2 */
  double        faint;
} FurlGridCombineArgs;

/* One step of conjugate gradients in the scaled unknowns: u += alpha p, b -= alpha q, and in the user's unknowns the sums of the
 * squares of the residual that the new b is, and of the diagonal times what u is */
typedef struct {
  const float *p, *q, *w; /* w: sqrt(d) */
  float       *u, *b;
  float        alpha;
  double      *partial; /* [items][2] */
} FurlGridStepArgs;

/* Set-up: rows of inner cells of a line (an item: 32 of them), each of which has its 2 D + 1 entries in the order of their columns */
typedef struct {
  const double *value;    /* [n][2 directions + 1] */
  double        factor;   /* what the matrix is taken times */
  double        positive; /* part of the diagonal by which a row's sum may lie below zero */
  double        rounding; /* a row's sum below this part of its magnitudes is zero */
  int64_t       n;
  int           directions;
  int64_t       step[3];
  float        *link[3], *excess; /* of the first cell */
  double       *found;            /* [items][FURL_GRID_FOUND], written */
} FurlGridReadArgs;

/* Of 32 rows: less the smallest diagonal, the largest sum of magnitudes, rows whose sum is far below zero, or below, and whether some
 * coupling is not as a coupling is in nearly all matrices: below zero, and equal to its mirror. Such rows have to be read again one by one
 */
enum { FURL_GRID_LEAST, FURL_GRID_MOST, FURL_GRID_NEGATIVE, FURL_GRID_BELOW, FURL_GRID_STRANGE, FURL_GRID_MIRROR, FURL_GRID_FOUND };

/* Set-up: from links and excess of flat cells (an item: 32 of them) to sqrt(d) and the largest link; `step` to the cell behind */
typedef struct {
  const float *link[3], *wind[3]; /* wind NULL: none */
  int64_t      step[3];
  int          directions;
  const float *excess;
  float       *root, *largest;
} FurlGridRootArgs;

/* Set-up: codes and weights of one colour's cells (an item: 32) from the flat arrays */
typedef struct {
  const float *link[3], *wind[3]; /* wind NULL: none */
  int64_t      step[3];
  int          directions, colour;
  const float *root;
  uint16_t    *q[3], *back[3]; /* back NULL: no wind */
  float       *w;
} FurlGridCodeArgs;

/* Set-up: correction of the diagonal, by what the codes say */
typedef struct {
  FurlGridStencilArgs stencil;       /* x: the neighbours' sqrt(d) */
  const float        *root, *excess; /* flat */
  int                 colour;
  int16_t            *e;
} FurlGridCorrectArgs;

/* Set-up: how strongly lines hang together. ratio = link / larger of the largest links at its ends, summed over each line of cells (an
 * item) for the directions across it; and over all lines for each cell of the direction along it (an item: 32 cells) */
typedef struct {
  const float *link, *largest; /* cell (0, 0, 0) */
  const float *wind;           /* NULL: none */
  int64_t      step;           /* to the other end of the link */
  int64_t      n, lines, planes, stride[2];
  double      *sum;  /* [lines x planes], or [n] */
  double      *torn; /* the same, of links below FURL_GRID_TORN of the larger */
} FurlGridStrengthArgs;

/* Set-up: winds of a line of coarse cells (an item), after their links, which take what blows both ways */
typedef struct {
  const float   *wind[3]; /* fine, cell (0, 0, 0) */
  float         *coarse_wind[3], *coarse_link[3];
  const int32_t *first[3]; /* [coarse lines + 1] first fine line */
  int64_t        n, lines; /* coarse */
  int64_t        stride[2], coarse_stride[2];
} FurlGridWindArgs;

/* Set-up: links and excess of a line of coarse cells (an item) */
typedef struct {
  const float   *link[3], *excess; /* fine, cell (0, 0, 0) */
  float         *coarse_link[3], *coarse_excess;
  const int32_t *first[3];   /* [coarse lines + 1] first fine line */
  const float   *damping[3]; /* [coarse lines] of the link to the next line */
  int64_t        n, lines;   /* coarse */
  int64_t        stride[2], coarse_stride[2];
} FurlGridGalerkinArgs;

#define FURL_GRID_KERNELS(X)                      \
  X(FurlGridFirst, FurlGridStencilArgs)           \
  X(FurlGridSweep, FurlGridStencilArgs)           \
  X(FurlGridSweepDots, FurlGridStencilArgs)       \
  X(FurlGridResidual, FurlGridStencilArgs)        \
  X(FurlGridProduct, FurlGridStencilArgs)         \
  X(FurlGridRestrict, FurlGridTransferArgs)       \
  X(FurlGridProlong, FurlGridTransferArgs)        \
  X(FurlGridToLow, FurlGridConvertArgs)           \
  X(FurlGridToHigh, FurlGridConvertArgs)          \
  X(FurlGridSharpen, FurlGridSharpenArgs)         \
  X(FurlGridSoftenIn, FurlGridSoftenArgs)         \
  X(FurlGridSoftenBack, FurlGridSoftenArgs)       \
  X(FurlGridNarrow, FurlGridPacketArgs)           \
  X(FurlGridWiden, FurlGridPacketArgs)            \
  X(FurlGridGhosts, FurlGridGhostsArgs)           \
  X(FurlGridAddToHigh, FurlGridConvertArgs)       \
  X(FurlGridStep, FurlGridStepArgs)               \
  X(FurlGridDense, FurlGridDenseArgs)             \
  X(FurlGridSum, FurlGridSumArgs)                 \
  X(FurlGridCombine, FurlGridCombineArgs)         \
  X(FurlGridRead, FurlGridReadArgs)               \
  X(FurlGridMirrors, FurlGridReadArgs)            \
  X(FurlGridRoot, FurlGridRootArgs)               \
  X(FurlGridCode, FurlGridCodeArgs)               \
  X(FurlGridCorrect, FurlGridCorrectArgs)         \
  X(FurlGridStrengthAcross, FurlGridStrengthArgs) \
  X(FurlGridStrengthAlong, FurlGridStrengthArgs)  \
  X(FurlGridGalerkin, FurlGridGalerkinArgs)       \
  X(FurlGridWind, FurlGridWindArgs)

FURL_GRID_KERNELS(FURL_DECLARE_KERNEL)
