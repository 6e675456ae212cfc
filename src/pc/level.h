/*
  A level of a multigrid hierarchy as the cycle reads it, and the cycle. With S = diag(2^exponent) the level's matrix A is stored as S A S,
  whose diagonal is about one, so that the range of FP32 and of the 2-byte couplings suffices whatever the user's units. The diagonal is
  kept apart in FP32: FP16-class couplings ask for one that is consistent with them.
*/
#pragma once

#include <petscksp.h>
#include <furl/compat.h>
#include <furl/matrix.h>
#include <furl/kernel.h>
#include <furl/device.h>
#include "recurrence.h"

typedef enum {
  FURL_PRECISION_HALF,  /* couplings of 2 bytes, vectors of 4 */
  FURL_PRECISION_SINGLE /* couplings read in FP32, vectors of 4 bytes */
} FurlPrecision;

/* A matrix with the buffer for its halo */
typedef struct {
  FurlMatrix matrix;
  float     *ghost; /* [nghost] */
  FurlQueue *queue; /* of the device that has the arrays; NULL: the host */
} FurlOperator;

/* Of a row: its sum, the sizes of all entries and of its diagonal, and of couplings that have the diagonal's sign */
typedef struct {
  double sum, size, diagonal, against;
} FurlRowSum;

/* What the rows of all processes sum to, where the diagonal was made to keep that */
typedef struct {
  double    rows;
  PetscBool kept;    /* in all rows: the level is A itself up to the rounding of its couplings */
  PetscBool neutral; /* all are zero up to the rounding of one sum */
  PetscBool faint;   /* or may be zero up to that of an assembly */
  int       sign;    /* of all entries of the diagonal; 0: they differ */
  double    against; /* mean over the rows of the part of the couplings, by size, that have the sign of the diagonal */
} FurlSums;

typedef struct {
  PetscInt     n;               /* rows on this process */
  PetscInt     nitems;          /* slices */
  FurlOperator A;               /* couplings, scaled, without the diagonal */
  FurlOperator P, R;            /* from and to the next coarser level, scaled; none on the coarsest */
  int16_t     *exponent;        /* [n] of the scaling; NULL where all are `uniform` */
  int          uniform;         /* that of all rows where they agree, else 0 */
  int          largest, spread; /* of the exponents of all processes: the largest, and its distance from the smallest */
  int32_t     *row;             /* [n] of the finest level: which of the user's rows each is; NULL: the same */
  float       *d;               /* [padded n] diagonal, scaled; 1 in the padding */
  float       *b, *x;           /* [padded n] right-hand side and solution of the cycle */
  float       *z, *w, *r;       /* [padded n] its work */
  double       lambda;          /* bound of the largest eigenvalue of D^-1 A */
  FurlSums     sums;
} FurlLevel;

/* Solver of the coarsest level */
typedef struct {
  PetscInt     n, first, total; /* rows here, their first, rows of all processes */
  double      *inverse;         /* [n][total] rows of the pseudo-inverse; NULL: `pc` serves */
  double      *gathered;        /* [total] */
  double      *own;             /* [n] */
  PetscMPIInt *counts, *displs; /* [size] for MPI_Allgatherv() */
  MPI_Comm     comm;
  FurlQueue   *queue; /* as in FurlOperator */
  PC           pc;    /* factorisation in FP64 for a coarsest level too large for a dense inverse */
  Vec          pc_b, pc_x;
} FurlCoarse;

typedef struct {
  PetscInt   nlevels; /* level 0 is the finest; the coarsest is solved by `coarse` */
  FurlLevel *level;
  FurlCoarse coarse;
  PetscInt   degree; /* of the Chebyshev smoother, before and after */
  /* levelrefine.c: conjugate gradients in the finest level's unknowns, whose arrays are allocated when they are first asked for */
  float  *p, *q, *u; /* direction, its image, what has been found since the residual was given */
  double *partial;   /* [2 slices] */
  int     shift;     /* level->b is 2^shift times the scaled residual */
} FurlHierarchy;

/*
    Level of A (AIJ); the coarsest has no smoother. twin: the level of the transposed matrix whose diagonal and bound this one shares, or
  NULL. P brings the next coarser level's vectors here, R is its transpose or NULL; both levels are to be built before.
*/
PETSC_INTERN PetscErrorCode FurlLevelBuild(Mat A, PetscBool coarsest, FurlPrecision precision, PetscBool keep_row_sums,
                                           const FurlLevel *twin, FurlLevel *level);
PETSC_INTERN PetscErrorCode FurlLevelSetTransfers(Mat P, Mat R, const FurlLevel *coarse, FurlPrecision precision, FurlLevel *level);
PETSC_INTERN PetscErrorCode FurlLevelSetRows(FurlLevel *level, const PetscInt *row);
PETSC_INTERN PetscErrorCode FurlLevelDestroy(FurlLevel *level);
PETSC_INTERN PetscErrorCode FurlLevelAllocateVector(PetscInt n, float **x);                 /* of zeros, whole slices and some behind */
FurlRowSum                  FurlSumRow(const FurlAijParts *parts, PetscInt i, double sign); /* of the diagonal */
int                         FurlIsNeutral(const FurlRowSum *row);                           /* the sum is zero up to rounding */
PETSC_INTERN PetscErrorCode FurlLevelEstimate(MPI_Comm comm, FurlLevel *level);

/* Runs a kernel whose arguments begin with FurlProductArgs over the rows of op: interior slices while the halo of x travels, then the
 * others */
PETSC_INTERN PetscErrorCode FurlOperatorRun(const FurlOperator *op, const FurlKernel *kernel, void *args, const float *x);
PETSC_INTERN PetscErrorCode FurlOperatorDestroy(FurlOperator *op);

/* singular: the matrix is known to have a null space, which is left out of the inverse */
PETSC_INTERN PetscErrorCode FurlCoarseBuild(Mat A, const FurlLevel *level, const char prefix[], PetscBool singular, FurlCoarse *coarse);
PETSC_INTERN PetscErrorCode FurlCoarseSolve(FurlCoarse *coarse, FurlLevel *level);
PETSC_INTERN PetscErrorCode FurlCoarseDestroy(FurlCoarse *coarse);

/* One V-cycle: level[0].b to level[0].x, enqueued where the hierarchy is on a device */
PETSC_INTERN PetscErrorCode FurlCycle(FurlHierarchy *h);

/* hierarchydevice.c: h on a device, its arrays named to the arena and its structures in *there; *why is set where that cannot be */
PETSC_INTERN PetscErrorCode FurlHierarchyPlan(const FurlHierarchy *h, FurlArena *arena, FurlQueue *queue, FurlHierarchy *there,
                                              const char **why);
/* Forgets the structures: the memory is the arena's */
PETSC_INTERN PetscErrorCode FurlHierarchyForget(FurlHierarchy *there);
PETSC_INTERN PetscErrorCode FurlHierarchyDestroy(FurlHierarchy *h);
