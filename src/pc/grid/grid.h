/*
  Hierarchy `grid`: multigrid for matrices that are 5- or 7-point operators on a box of cells, found from the entries alone. docs/grid.md
  has the method. Everything works on *flat* arrays (kernels/gridargs.h): cell (i, j, k) of this process is G = origin + i + stride[1] j +
  stride[2] k, strides odd; where a direction is periodic or cut between processes lines of ghost cells lie before and behind. Arrays
  begin with a margin of zeros, so that a neighbour of any cell may be read.
*/
#pragma once

#include <petscksp.h>
#include <petscsf.h>
#include <furl/compat.h>
#include <furl/matrix.h>
#include <furl/memory.h>
#include <furl/device.h>
#include "../kernels/cycleargs.h"
#include "../recurrence.h"
#include "kernels/gridargs.h"

#define FURL_NOT_SYMMETRIC "the matrix is not symmetric" /* a reason to read it otherwise */
#define FURL_GRID_CELLS_MAX ((int64_t)1 << 28)           /* of a process: the first cell of an aggregate and its shape share 32 bits */

/* One process's cells and their numbers */
typedef struct {
  PetscInt n[3];       /* cells */
  int      ghosts[3];  /* ghost cells at either end of the direction */
  int      coupled[3]; /* the direction has links: more than one cell on all processes together */
  int64_t  stride[3];  /* stride[0] is 1 */
  int64_t  origin;     /* G of cell (0, 0, 0) */
  int64_t  nflat;      /* G of all cells and ghosts is below */
  int64_t  margin;     /* a multiple of FURL_WIDTH, above half the largest stride and a slice */
  int64_t  items;      /* slices of the cells of a colour */
  int64_t  span;       /* from a red cell to the black cell of its number */
} FurlBox;

static inline int64_t FurlBoxAt(const FurlBox *box, int64_t i, int64_t j, int64_t k)
{
  return box->origin + i + box->stride[1] * j + box->stride[2] * k;
}
static inline int64_t FurlBoxCells(const FurlBox *box)
{
  return (int64_t)box->n[0] * box->n[1] * box->n[2];
}
/* Place of flat cell G in an array by colour */
static inline int64_t FurlBoxByColour(const FurlBox *box, int64_t G)
{
  return G / 2 + (G & 1) * box->span;
}

/* The cells of a process within those of all */
typedef struct {
  PetscInt start[3], n[3];
} FurlPiece;

/* How the box of a level is divided among the processes, the same on each */
typedef struct {
  MPI_Comm    comm;
  PetscMPIInt rank, size;
  PetscInt    N[3];
  int         periodic[3]; /* cell N - 1 is coupled to cell 0; N > 2 then */
  int         cut[3];      /* some process has not all cells of the direction */
  int         depth;       /* ghost cells where there are any; 1: new ones after each half sweep */
  FurlPiece  *piece;       /* [size] */
  int         along; /* rows are numbered as the cells of all are, and processes have whole planes of the box (or lines, where there is
                        one plane): the direction in which these follow each other; -1: rows are numbered process by process */
} FurlLayout;

PETSC_INTERN PetscErrorCode FurlLayoutDestroy(FurlLayout *layout);
/* Chooses the ghosts' depth, the same on all processes */
void FurlLayoutSetDepth(FurlLayout *layout);
/* Numbers of the cells of process `rank` */
void FurlLayoutGetBox(const FurlLayout *layout, PetscMPIInt rank, FurlBox *box);
/* The process that has the cell, tried first with the answer of the call before; -1 where there is no such cell. Wraps `at` around */
PetscMPIInt FurlLayoutFind(const FurlLayout *layout, PetscInt at[3], PetscMPIInt guess);
/* 0 or 1, the same for a cell on whatever process, of which those of 0 are swept first */
static inline int FurlLayoutColour(const PetscInt at[3])
{
  return (int)((at[0] + at[1] + at[2]) & 1);
}

/* Places of an array, run after run of consecutive ones */
typedef struct {
  int64_t  n;
  int64_t *place; /* [n] first ones */
  int64_t *first; /* [n + 1] how many places the runs before have */
} FurlRuns;

/* The processes that values come from, or go to */
typedef struct {
  PetscMPIInt     n, *rank; /* [n] */
  int64_t        *first;    /* [n + 1] values in the buffer */
  int64_t        *packet;   /* [n] first packets */
  float          *buffer;   /* [first[n]] */
  FurlGridPacket *packets;  /* the same in 16 bits */
} FurlPeers;

/* Ghosts and where they come from */
typedef struct {
  int64_t      n;
  int64_t     *at;             /* [n] places in an array */
  float       *buffer;         /* [n] values as they came last: that of `from` */
  FurlRuns     places, owners; /* `at`; and the places whose values go to others, or to ghosts where there is one process */
  FurlPeers    from, to;
  MPI_Comm     comm;
  MPI_Request *request; /* [from.n + to.n]; NULL: one process */
  PetscMPIInt  tag;
  int          narrow; /* values travel in 16 bits */
  FurlQueue   *queue;  /* of the device that has `at` and `owner`; NULL: the host */
  int64_t     *owner;  /* [n] on a device: places of the cells that ghosts stand for, */
  int64_t     *listed; /* and the same on the host, owned */
} FurlGhosts;

typedef enum { FURL_GHOSTS_EVEN, FURL_GHOSTS_ODD, FURL_GHOSTS_BOTH, FURL_GHOSTS_FLAT } FurlGhostsOf;

/* Those of flat arrays; or of arrays by colour, all, or those whose owner is of FurlLayoutColour() 0 or 1 */
PETSC_INTERN PetscErrorCode FurlGhostsCreate(const FurlLayout *layout, FurlGhostsOf of, FurlGhosts *ghosts);
PETSC_INTERN PetscErrorCode FurlGhostsDestroy(FurlGhosts *ghosts);
PETSC_INTERN PetscErrorCode FurlGhostsFill(FurlGhosts *ghosts, float *array); /* collective; enqueued where they are on a device */
void                        FurlGhostsZero(const FurlGhosts *ghosts, float *array);
/* Those of one process on a device: to the arena, and in *there */
PETSC_INTERN PetscErrorCode FurlGhostsPlan(const FurlGhosts *ghosts, FurlArena *arena, FurlQueue *queue, FurlGhosts *there);

/* Entries of few of this process's rows, these counted from its first one; columns are the matrix's */
typedef struct {
  PetscInt row, column;
  double   value;
} FurlEntry;

typedef struct {
  size_t     n, room;
  FurlEntry *entry;
} FurlEntries;

PETSC_INTERN PetscErrorCode FurlEntriesAdd(FurlEntries *list, FurlEntry entry);
PETSC_INTERN PetscErrorCode FurlEntriesDestroy(FurlEntries *list);
/* Which of the entries, [n], lie in the column of a row of `own` on whatever process. Collective */
PETSC_INTERN PetscErrorCode FurlEntriesMeetRows(const FurlEntries *list, Mat A, const FurlEntries *own, PetscInt *meets);

/* The operator that the cycle approximates, as links between cells: a_ij = -link, a_ii = excess + sum of links; flat, with margins before
 * and behind, the pointers at G = 0 */
typedef struct {
  FurlLayout layout;
  FurlBox    box;
  FurlGhosts ghosts;  /* of flat arrays */
  float     *link[3]; /* of cell G to the next one in the direction, >= 0; NULL where the direction has one cell */
  float *wind[3];   /* of a nonsymmetric operator, else NULL: row G has link + wind where that is > 0, the next row link - wind where < 0 */
  float *excess;    /* >= 0; below zero: a row that holds nothing but its diagonal, which is -excess */
  FurlEntries own;  /* those rows of the matrix on this process, */
  double      nown; /* and how many there are on all */
  int         faithful;       /* this is the matrix itself, up to the rounding of its couplings */
  double      sharpness;      /* see sharpen.c */
  float      *root, *largest; /* derived: square root of the diagonal (negative for a row of its own) and largest link of a cell */
  FurlBlock   memory, memory_of_winds, memory_of_derived;
} FurlStencil;

/* Takes the layout over */
PETSC_INTERN PetscErrorCode FurlStencilCreate(FurlLayout *layout, FurlStencil *s);
PETSC_INTERN PetscErrorCode FurlStencilDestroy(FurlStencil *s);
/* root and largest, allocated here, from links and excess; ghosts of all of them */
PETSC_INTERN PetscErrorCode FurlStencilFinish(FurlStencil *s);
/* Frees root and largest, which the next coarser operator does not need */
void FurlStencilForgetDerived(FurlStencil *s);

/* How the rows of an AIJ or furl matrix lie on a box, by its DM or by a guess on each process; *why is set where they do not. Not verified,
 * and periodic directions are not known yet */
PETSC_INTERN PetscErrorCode FurlLayoutOfMat(Mat A, FurlRows *rows, FurlLayout *layout, const char **why);

/* Where layout.along is not -1: the planes in which some of a process's rows lie, as a box on its own; *begin: the first of them */
PETSC_INTERN PetscErrorCode FurlLayoutOfRows(const FurlLayout *layout, const PetscInt *range, PetscMPIInt rank, FurlLayout *rows,
                                             PetscInt *begin);
/* Links and excess from such a box to the processes that have the cells */
PETSC_INTERN PetscErrorCode FurlStencilDeliver(const FurlStencil *rows, const PetscInt *range, FurlStencil *s);
/* Rows of the matrix to the cells of this process in natural order, where they are divided otherwise; NULL where they are not */
PETSC_INTERN PetscErrorCode FurlLayoutSpread(const FurlLayout *layout, const PetscInt *range, PetscSF *spread);

/* Links and excess of sign * factor * A from all entries, each of which is checked; *why is set where A is not such an operator. sign
 * (that of the diagonal) and factor (a power of two near 1 / |a_ii|) are found here. Takes the layout over */
PETSC_INTERN PetscErrorCode FurlStencilFromMat(Mat A, FurlRows *rows, FurlLayout *layout, FurlStencil *s, double *factor, const char **why);

/* The first diagonal entry of each process gives sign and size, the largest counts */
PETSC_INTERN PetscErrorCode FurlSignedFactor(MPI_Comm comm, const FurlCsr *csr, double *factor);

/* Does the matrix have more entries than neighbours along the axes? Then links from up to 9 points in a plane, 27 in space; of one process
 */
PETSC_INTERN PetscErrorCode FurlStencilIsWide(const FurlLayout *layout, const FurlRows *rows, int *wide);
PETSC_INTERN PetscErrorCode FurlStencilSpread(const FurlCsr *csr, FurlLayout *layout, FurlStencil *s, double *factor, const char **why);

/* A box whose lines are shifted, so that its directions are the axes that a turned tensor is best seen along: see shear.c */
typedef struct {
  PetscInt n[3];        /* of the box that the rows are numbered in */
  int      order[3];    /* which of its directions each new one comes from */
  int      steps[3][3]; /* a step along direction order[q] is steps[p][q] steps along new axis p */
  int      fixed[3][2]; /* the rows of a face of the user's box hold values beyond it */
  double   weight[3];   /* of second differences in S */
  double   jacobi;
  int32_t *place;   /* [rows] cell of each row, in natural order of the sheared box */
  float   *inverse; /* [rows] of the diagonal of factor * A */
  double  *work;    /* [rows] a vector */
} FurlShear;

/* Whether other axes are better for this matrix, of one process, whose links along x, y and z are s; nothing is allocated */
PETSC_INTERN PetscErrorCode FurlShearChoose(const FurlCsr *csr, const FurlStencil *s, FurlShear *shear, int *found);
/* Its links along those axes, and the arrays of shear */
PETSC_INTERN PetscErrorCode FurlStencilShear(const FurlCsr *csr, const FurlStencil *plain, double factor, FurlShear *shear, FurlStencil *s);
PETSC_INTERN PetscErrorCode FurlShearDestroy(FurlShear *shear);

/* Allocates the winds, zero */
PETSC_INTERN PetscErrorCode FurlStencilAddWind(FurlStencil *s);
/* The same for 5 or 7 points with couplings that differ from their mirrors, as upwind differences make them */
PETSC_INTERN PetscErrorCode FurlStencilUpwind(Mat A, const FurlAijParts *parts, FurlLayout *layout, FurlStencil *s, double *factor,
                                              const char **why);

/* Aggregates of one or two lines in each direction, which never reach across processes; the same on each process */
typedef struct {
  PetscInt n[3];     /* coarse lines */
  int32_t *first[3]; /* [n + 1] first fine line of a coarse one */
} FurlLines;

PETSC_INTERN PetscErrorCode FurlLinesChoose(const FurlStencil *fine, FurlLines *lines);
PETSC_INTERN PetscErrorCode FurlLinesDestroy(FurlLines *lines);
/* The layout of the coarse lines: each process keeps what its own lines become */
PETSC_INTERN PetscErrorCode FurlLayoutCoarsen(const FurlLayout *fine, const FurlLines *lines, FurlLayout *coarse);
/* Galerkin's operator with links damped by gamma across aggregates of two lines */
PETSC_INTERN PetscErrorCode FurlStencilCoarsen(const FurlStencil *fine, const FurlLines *lines, double gamma, FurlStencil *coarse);

/*
  From a level whose cells are divided among processes to the next one, which is the same level as a whole on every process: below a few
  thousand cells a message costs more than all of the work, and lines of different processes could not be joined.
*/
typedef struct {
  MPI_Comm    comm;
  PetscMPIInt rank, size, *counts, *displs; /* [size] cells */
  int64_t    *own;                          /* [counts[rank]] places of this process's cells in its arrays by colour, in natural order */
  int64_t    *place;                        /* [all] places of the cells of all, process after process, in arrays of the whole */
  float      *buffer;                       /* [all] */
} FurlGridDoor;

PETSC_INTERN PetscErrorCode FurlGridDoorCreate(const FurlLayout *layout, const FurlLayout *whole, FurlGridDoor **door);
PETSC_INTERN PetscErrorCode FurlGridDoorDestroy(FurlGridDoor **door);
PETSC_INTERN PetscErrorCode FurlGridDoorGather(FurlGridDoor *door, const float *b, float *whole);
void                        FurlGridDoorTake(const FurlGridDoor *door, const float *whole, float *x);
/* The stencil of all cells on every process */
PETSC_INTERN PetscErrorCode FurlStencilGather(const FurlStencil *s, FurlStencil *whole);

/* A level as the cycle reads it. Arrays are kept by colour: red cell m at [m], black at [span + m]; a margin of zeros before each */
typedef struct {
  MPI_Comm   comm;  /* of the processes that share the level */
  FurlQueue *queue; /* of the device that has the arrays; NULL: the host */
  FurlBox    box;
  PetscInt   N[3]; /* cells of all processes */
  int        periodic[3];
  int        directions; /* that have links */
  int64_t    step[3];    /* their strides */
  int64_t    chunk;      /* slices that hold all neighbours of a cell on one side: the step of a wavefront */
  int64_t    nchunks;
  uint16_t  *q[3];       /* couplings to the next cell, coded */
  uint16_t  *back[3];    /* and to the cell behind, where those differ from that cell's q; else NULL */
  int        transposed; /* the cycle at work is that of the transposed operator */
  int16_t   *e;
  float     *root;
  float     *b, *x;
  int        depth;     /* of the ghosts that some process has; 0: there are none */
  FurlGhosts ghosts[2]; /* depth 1: whose owners are swept first, and second; deeper: whose owners are swept first, and all */
  /* to the finer level, none on the finest: */
  uint32_t     *child; /* see FurlGridTransferArgs */
  float        *scale;
  int64_t      *closed[2]; /* [nchunks of the finer] slices of each colour whose aggregates end before the end of that chunk */
  int64_t      *opened[2]; /* [nchunks of the finer] slices of each colour of which some aggregate begins before the end of that chunk */
  FurlGridDoor *door;      /* the next level is this one as a whole; else NULL */
  int           twice;     /* the cycle solves twice and combines (K-cycle): */
  float        *p, *Ap;    /* else NULL */
  FurlBlock     memory, memory_of_transfer, memory_of_vectors;
} FurlGridLevel;

/* What only a hierarchy on a device has: its work in the combination of two cycles, and the places of the coarsest level's cells */
typedef struct {
  FurlQueue *queue;
  double    *sums[2]; /* [slices of the finest level / FURL_GRID_SUMS, rounded up][2] */
  double    *first;   /* [4] for each level: see FurlGridCombineArgs */
  double    *weights; /* [2] */
  int64_t   *place;   /* [cells of the coarsest level] */
  int64_t   *places;  /* the same on the host, owned */
} FurlGridDevice;

typedef struct FurlGrid {
  MPI_Comm         comm;
  FurlGridDevice   device;
  struct FurlGrid *next;                  /* of the next component, where a cell has several unknowns */
  PetscInt         component, components; /* 0: the only one */
  int              nlevels;
  FurlGridLevel   *level;
  int              sweeps;  /* before and after */
  int              kcycles; /* levels at which a K-cycle is made */
  double           gamma;
  int              singular; /* all rows sum to zero */
  int64_t          whole;    /* cells of a level that every process has as a whole */
  double          *inverse;  /* [cells of the coarsest level]^2 of the scaled operator, natural order */
  double          *rhs;      /* [cells of the coarsest level] */
  float       *scratch; /* weighted residual of the level at work, or a product; as the finest level's arrays, black only where needed */
  FurlBlock    memory_of_scratch;
  double      *partial;   /* sums of slices */
  const float *with;      /* during a cycle: its result is to be multiplied with that too; NULL: with nothing */
  double       sharpness; /* see sharpen.c; 0: none */
  int          faithful;  /* the finest level is the matrix itself, up to the rounding of its couplings */
  FurlEntries  own;       /* rows of this process that hold nothing but their diagonal, */
  double       nown;      /* and how many there are on all */
  double       softness;  /* about the largest over the smallest energy of a unit vector, as the coarsest level has it */
  /* refine.c: conjugate gradients in the finest level's unknowns, allocated when they are first asked for */
  FurlBlock memory_of_refinement;
  float    *p, *q, *u; /* direction, its image, what has been found since the residual was given */
  int       shift;     /* level->b is 2^shift times the scaled residual */
  double    factor;    /* the cycle's operator is about factor * A; its sign is the diagonal's */
  PetscInt  n;         /* rows here */
  PetscSF   spread;    /* rows to cells, where a process has others; NULL: the same */
  double   *cells;     /* [cells here] a vector as the cells are divided, where there is `spread` or a shear */
  FurlShear shear;     /* its arrays are NULL where the axes are those of the box */
  double   *rows;      /* [n] those of the component, where there is `spread` and there are several */
} FurlGrid;

PETSC_INTERN PetscErrorCode FurlGridLevelCreate(const FurlStencil *s, FurlGridLevel *level);
PETSC_INTERN PetscErrorCode FurlGridLevelLink(const FurlLines *lines, const FurlLayout *fine_layout, const FurlLayout *layout,
                                              const FurlGridLevel *fine, FurlGridLevel *coarse);
/* b, x and, where two cycles are combined, p and Ap: once the set-up has freed what it needed for itself */
PETSC_INTERN PetscErrorCode FurlGridLevelAllocateVectors(FurlGridLevel *level);
void                        FurlGridStencilOf(const FurlGridLevel *level, int colour, const float *x, FurlGridStencilArgs *args);
PETSC_INTERN PetscErrorCode FurlGridLevelDestroy(FurlGridLevel *level);
PETSC_INTERN PetscErrorCode FurlGridCoarseBuild(const FurlStencil *s, FurlGrid *grid);
PETSC_INTERN PetscErrorCode FurlGridCoarseSolve(FurlGrid *grid);
double                      FurlGridCoarseNorm(const FurlGrid *grid); /* of the inverse, from below */
PETSC_INTERN PetscErrorCode FurlGridCoarseDestroy(FurlGrid *grid);

/* Whether A, of AIJ or furl type, looks as if its rows lay on a box with couplings along its axes; reads a few rows */
PETSC_INTERN PetscErrorCode FurlGridGuess(Mat A, PetscBool *likely);
/* Of an AIJ or furl matrix. *grid stays NULL and *why is set where it is not on a box; flexible: a K-cycle may be made */
PETSC_INTERN PetscErrorCode FurlGridCreate(Mat A, PetscBool flexible, FurlGrid **grid, const char **why);
/* The same for several unknowns a cell: a chain of hierarchies, one for each component */
PETSC_INTERN PetscErrorCode FurlGridCreateAll(Mat A, PetscBool flexible, FurlGrid **grid, const char **why);
PETSC_INTERN PetscErrorCode FurlGridDestroy(FurlGrid **grid);
/* y = factor * B' x */
PETSC_INTERN PetscErrorCode FurlGridApplyTranspose(FurlGrid *grid, double size, double factor, const double *x, double *y);
/* y = factor * B x; size: about the norm of x, so that FP32 has room on both sides */
PETSC_INTERN PetscErrorCode FurlGridApply(FurlGrid *grid, double size, double factor, const double *x, double *y);
PETSC_INTERN PetscErrorCode FurlGridCycle(FurlGrid *grid);
/* gridcycle.c, for the finest level: a cycle, and its x times b and z, of all processes; y = A x and x'y; z = alpha x + beta y */
PETSC_INTERN PetscErrorCode FurlGridCycleDots(FurlGrid *grid, const float *z, double sum[2]);
PETSC_INTERN PetscErrorCode FurlGridProductOf(FurlGrid *grid, float *x, float *y, double *dot);
void                        FurlGridUpdateOf(const FurlGrid *grid, double alpha, const float *x, double beta, const float *y, float *z);
/* gridsetup.c: the user's vector x into the finest level's unknowns, times 2^shift; and back, times factor, perhaps added to y */
PETSC_INTERN PetscErrorCode FurlGridTakeVector(FurlGrid *grid, int shift, const double *x, float *to);
PETSC_INTERN PetscErrorCode FurlGridGiveVector(FurlGrid *grid, double factor, const float *from, int add, double *y);
int                         FurlGridShift(double size); /* of a vector of that norm */

/*
  refine.c: A y = r by conjugate gradients on the finest level, in FP32 and with its own couplings of 2 bytes. Where these are the matrix's
  own up to rounding, the residual falls by three digits before the difference shows, and is then renewed by the user's own product.
*/
/* constants: they are known to be the null space of A; else that has none, or none is known */
int FurlGridCanRefine(const FurlGrid *grid, int constants);
/* r of norm `size` */
PETSC_INTERN PetscErrorCode       FurlGridRefineBegin(FurlGrid *grid, double size, const double *r);
PETSC_INTERN const FurlRecurrence FurlGridRecurrence; /* its b is 2^shift times the scaled residual */
/* x += factor * y */
PETSC_INTERN PetscErrorCode FurlGridRefineAdd(FurlGrid *grid, double factor, double *x);
PETSC_INTERN PetscErrorCode FurlGridView(FurlGrid *grid, PetscViewer viewer);

/* griddevice.c: the hierarchy on a device, its arrays named to the arena and its structures in *there; *why is set where that cannot be */
PETSC_INTERN PetscErrorCode FurlGridPlan(FurlGrid *grid, FurlArena *arena, FurlQueue *queue, FurlGrid **there, const char **why);
PETSC_INTERN PetscErrorCode FurlGridForget(FurlGrid **there);
/* z = factor * B r, enqueued; power: [2] 2^-e and 2^e on the device, where the norm of r is about 2^e */
PETSC_INTERN PetscErrorCode FurlGridEnqueue(FurlGrid *there, double factor, const double *power, const double *r, double *z);
/* gridsetup.c, enqueued: r, times *power, to the vector `low` of the finest level; or `low`, times factor and *power, to z (r NULL) */
void FurlGridEnqueueEnds(const FurlGrid *there, double factor, const double *power, const double *r, float *low, double *z);
void FurlGridCoarseEnqueue(FurlGrid *there);
void FurlGridCoarsePlaces(const FurlGrid *grid, int64_t *place); /* of the coarsest level's cells, natural order */
/* Adds what this process holds, in bytes */
void FurlGridAddBytes(const FurlGrid *grid, double *levels, double *transfers, double *vectors, double *coarsest);
/* y = S x on the finest level, x in level->x, y in level->b */
PETSC_INTERN PetscErrorCode FurlGridSharpenVector(FurlGrid *grid);
