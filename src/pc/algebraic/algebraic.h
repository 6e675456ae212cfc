/* Parts of the set-up of a hierarchy over aggregates of nodes; a node is a block of rows */
#pragma once

#include "../pcfurl.h"
#include "sparse.h"

/* Which couplings are strong: those between a process's own nodes, by rows, none of a node to itself; and what tells it of others */
typedef struct {
  PetscInt      n;                         /* nodes */
  PetscInt     *rowptr;                    /* [n + 1] */
  PetscInt     *column;                    /* [number of couplings] */
  PetscInt     *entry;                     /* [number of couplings] which of all entries or blocks each is */
  const double *value;                     /* [entries] those that `entry` counts: the matrix's, or the norms of its blocks */
  double       *norm;                      /* the latter, else NULL */
  double       *scale, *least, *sign;      /* [n] see strength.c */
  double       *ghost_scale, *ghost_least; /* [ghosts] of scalar matrices on several processes, else NULL */
  char         *elsewhere;                 /* [n] 1 where a node has strong couplings to nodes of other processes */
} FurlCouplings;

/* blocks: the process's own part of A, an AIJ matrix, in blocks of a node's rows, NULL where these are single ones; halo: brings A's
 * ghosts; threshold: of the largest coupling of a node, below which one is weak */
PETSC_INTERN PetscErrorCode FurlCouplingsBuild(Mat A, const FurlSparse *blocks, const FurlMatrix *halo, double threshold,
                                               FurlCouplings *couplings);
PETSC_INTERN PetscErrorCode FurlCouplingsDestroy(FurlCouplings *couplings);
/* Of entry k of row i of a scalar matrix's part in others' columns */
PetscBool FurlIsStrongToGhost(const FurlCouplings *couplings, const FurlCsr *other, PetscInt i, PetscInt k);

/* aggregate: [nodes] numbers of their aggregates, -1 for nodes without strong couplings, which smoothing alone serves. wide: of three times
 * as many nodes */
PETSC_INTERN PetscErrorCode FurlAggregate(const FurlCouplings *couplings, PetscBool wide, PetscInt *aggregate, PetscInt *naggregates);

/* What smoothing is to keep: vectors of the local rows that the operator maps to little */
typedef struct {
  PetscInt n, k;  /* rows, vectors */
  double  *value; /* [n][k] */
} FurlModes;

PETSC_INTERN PetscErrorCode FurlModesGet(Mat A, FurlModes *modes); /* the near-null space, or constants of each row of a block */
PETSC_INTERN PetscErrorCode FurlModesDestroy(FurlModes *modes);

/* T: [nodes][naggregates] blocks of bs x k with T coarse = modes on aggregates. One mode stays as it is, and a coarse one of ones; columns
 * of several are orthonormal, or zero where modes depend on each other */
PETSC_INTERN PetscErrorCode FurlModesSplit(const FurlModes *modes, PetscInt bs, const PetscInt *aggregate, PetscInt naggregates,
                                           FurlSparse *T, FurlModes *coarse);

/* P from a coarser level, its transpose where that is at hand, and A there = P^T A P; on one process the Mats' arrays are the three others'
 */
typedef struct {
  Mat        P, R, A;
  FurlSparse P_arrays, R_arrays, A_arrays;
} FurlCoarsening;

/* blocks: as above. lambda: of D^-1 A the largest eigenvalue. filter: leave weak couplings out of the smoothing of T, NULL: none */
PETSC_INTERN PetscErrorCode FurlCoarsen(Mat A, const FurlSparse *blocks, FurlSparse *T, const FurlCouplings *filter, double lambda,
                                        FurlCoarsening *coarsening);
PETSC_INTERN PetscErrorCode FurlCoarseningDestroy(FurlCoarsening *coarsening);
