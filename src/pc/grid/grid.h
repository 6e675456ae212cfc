/*
  Hierarchy `grid`: multigrid for matrices that are 5- or 7-point operators on a box of cells, found from the entries alone. docs/grid.md
  has the method. Everything works on *flat* arrays (kernels/gridargs.h): cell (i, j, k) is G = origin + i + stride[1] j + stride[2] k,
  strides odd; in periodic directions a line of ghost cells lies before and behind. Arrays begin `margin` zero entries before G = 0, so that
  a neighbour of any cell may be read.
*/
#pragma once

#include <petscksp.h>
#include <furl/compat.h>
#include <furl/slices.h>
#include "kernels/gridargs.h"

#define FURL_GRID_CELLS_MAX ((int64_t)1 << 29) /* of a process: the first cell of an aggregate and its shape share 32 bits */

typedef struct {
  PetscInt n[3];        /* cells */
  int      periodic[3]; /* cell n - 1 is coupled to cell 0; n > 2 then */
  int64_t  stride[3];   /* stride[0] is 1 */
  int64_t  origin;      /* G of cell (0, 0, 0) */
  int64_t  nflat;       /* G of all cells and ghosts is below */
  int64_t  margin;      /* a multiple of FURL_WIDTH, above half the largest stride and a slice */
} FurlBox;

void                  FurlBoxInit(FurlBox *box, const PetscInt n[3], const int periodic[3]);
static inline int64_t FurlBoxAt(const FurlBox *box, int64_t i, int64_t j, int64_t k)
{
  return box->origin + i + box->stride[1] * j + box->stride[2] * k;
}
static inline int64_t FurlBoxCells(const FurlBox *box)
{
  return (int64_t)box->n[0] * box->n[1] * box->n[2];
}

/* The operator that the cycle approximates, as links between cells: a_ij = -link, a_ii = excess + sum of links; flat, with two margins
 * before and two behind, the pointers at G = 0 */
typedef struct {
  FurlBox box;
  float  *link[3];        /* of cell G to the next one in the direction, >= 0; NULL where the direction has one cell */
  float  *excess;         /* >= 0; below zero: a row that holds nothing but its diagonal, which is -excess */
  float  *root, *largest; /* square root of the diagonal (negative for a row of its own) and largest link of a cell */
} FurlStencil;

PETSC_INTERN PetscErrorCode FurlStencilCreate(const FurlBox *box, FurlStencil *s);
PETSC_INTERN PetscErrorCode FurlStencilDestroy(FurlStencil *s);
/* Fills ghosts of a flat array from the cells that they stand for */
void FurlBoxFillGhosts(const FurlBox *box, float *array);
/* root, with ghosts, and largest from links and excess */
void FurlStencilFinish(FurlStencil *s);

/* Reads the box off the offsets of a sample of rows; false where there is none. Nothing is verified */
int FurlBoxGuess(const FurlCsr *csr, PetscInt n[3]);

/* Links and excess of sign * factor * A from all entries, each of which is checked; *why is set where A is not such an operator. sign
 * (that of the diagonal) and factor (a power of two near 1 / |a_ii|) are found here */
PETSC_INTERN PetscErrorCode FurlStencilFromCsr(const FurlCsr *csr, const PetscInt n[3], FurlStencil *s, double *factor, const char **why);

/* Aggregates of one or two lines in each direction */
typedef struct {
  PetscInt n[3];     /* coarse lines */
  int32_t *first[3]; /* [n + 1] first fine line of a coarse one */
} FurlLines;

PETSC_INTERN PetscErrorCode FurlLinesChoose(const FurlStencil *fine, FurlLines *lines);
PETSC_INTERN PetscErrorCode FurlLinesDestroy(FurlLines *lines);
/* Galerkin's operator with links damped by gamma across aggregates of two lines */
PETSC_INTERN PetscErrorCode FurlStencilCoarsen(const FurlStencil *fine, const FurlLines *lines, double gamma, FurlStencil *coarse);

/* A level as the cycle reads it. Arrays are kept by colour: red cell m at [m], black at [span + m]; a margin of zeros before each */
typedef struct {
  FurlBox   box;
  int       directions; /* that have more than one cell */
  int64_t   step[3];    /* their strides */
  int64_t   items;      /* slices of a colour's cells */
  int64_t   chunk;      /* slices that hold all neighbours of a cell on one side: the step of a wavefront */
  int64_t   nchunks;
  int64_t   span; /* from a red cell to the black one of its number */
  uint16_t *q[3]; /* couplings to the next cell, coded */
  int16_t  *e;
  float    *root;
  float    *b, *x;
  int64_t  *ghost, *owner; /* [nghosts] ghosts and the cells that they copy, as indices of the arrays above; red owners first */
  int64_t   nghosts, nred;
  /* to the finer level, none on the finest: */
  uint32_t *child; /* see FurlGridTransferArgs */
  float    *scale;
  int64_t  *closed[2]; /* [nchunks of the finer] slices of each colour whose aggregates end before the end of that chunk */
  int64_t  *opened[2]; /* [nchunks of the finer] slices of each colour of which some aggregate begins before the end of that chunk */
  /* where the cycle solves twice and combines (K-cycle), else NULL: */
  float *p, *Ap;
} FurlGridLevel;

typedef struct {
  int            nlevels;
  FurlGridLevel *level;
  int            sweeps;  /* before and after */
  int            kcycles; /* levels at which a K-cycle is made */
  double         gamma;
  int            singular; /* all rows sum to zero */
  double        *inverse;  /* [cells of the coarsest][the same] of the scaled operator, natural order */
  float         *scratch;  /* weighted residual of the level at work, or a product; as the finest level's arrays, black only where needed */
  double        *partial;  /* scratch: sums of slices */
  double         factor;   /* the cycle's operator is about factor * A; its sign is the diagonal's */
  PetscInt       n;        /* rows */
} FurlGrid;

PETSC_INTERN PetscErrorCode FurlGridLevelCreate(const FurlStencil *s, FurlGridLevel *level);
PETSC_INTERN PetscErrorCode FurlGridLevelLink(const FurlLines *lines, const FurlGridLevel *fine, FurlGridLevel *coarse);
PETSC_INTERN PetscErrorCode FurlGridLevelAllocateK(FurlGridLevel *level);
void                        FurlGridStencilOf(const FurlGridLevel *level, int colour, const float *x, FurlGridStencilArgs *args);
PETSC_INTERN PetscErrorCode FurlGridLevelDestroy(FurlGridLevel *level);
PETSC_INTERN PetscErrorCode FurlGridCoarseBuild(const FurlStencil *s, FurlGrid *grid);

/* *grid stays NULL and *why is set where the matrix is not on a box; flexible: a K-cycle may be made */
PETSC_INTERN PetscErrorCode FurlGridCreate(Mat A, PetscBool flexible, FurlGrid **grid, const char **why);
PETSC_INTERN PetscErrorCode FurlGridDestroy(FurlGrid **grid);
/* y = factor * B x; size: about the norm of x, so that FP32 has room on both sides */
PETSC_INTERN PetscErrorCode FurlGridApply(FurlGrid *grid, double size, double factor, const double *x, double *y);
void                        FurlGridCycle(FurlGrid *grid);
