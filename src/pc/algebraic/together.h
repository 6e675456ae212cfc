/* What the set-up on several processes exchanges: rows that a process meets, and what it adds to others' */
#pragma once

#include "algebraic.h"

/* Nodes that a process meets: its own, and behind them others by ascending global numbers */
typedef struct {
  PetscInt  first, own; /* global number of the first of its own, how many */
  PetscInt  nothers;
  PetscInt *other; /* [nothers] global numbers */
} FurlUnknowns;

PETSC_INTERN PetscErrorCode FurlUnknownsDestroy(FurlUnknowns *u);

/* The nodes of bs rows that A's entries meet; place: [ghosts] the number there of each ghost's node, to be freed */
PETSC_INTERN PetscErrorCode FurlMeetNodes(Mat A, const FurlAijParts *a, PetscInt bs, FurlUnknowns *u, PetscInt **place);

/* This process's rows of A, in blocks of bs x bs, in the columns of those nodes */
PETSC_INTERN PetscErrorCode FurlJoinColumns(const FurlAijParts *a, PetscInt bs, const FurlUnknowns *u, const PetscInt *place,
                                            FurlSparse *A);

/* mine: of this process's nodes of A, in the columns of u. Joined: behind them those of the other nodes in `rows`, in the columns of u,
 * which grows by what these have */
PETSC_INTERN PetscErrorCode FurlJoinRows(Mat A, const FurlUnknowns *rows, const FurlSparse *mine, FurlUnknowns *u, FurlSparse *joined);

/* P'AP of all processes; P: the rows that A's columns meet, in the columns of u */
PETSC_INTERN PetscErrorCode FurlProjectTogether(MPI_Comm comm, const FurlSparse *A, const FurlSparse *P, const FurlUnknowns *u,
                                                Mat *coarse);

/* A, without blocks and with global columns then, as an AIJ matrix that copies it */
PETSC_INTERN PetscErrorCode FurlSparseToMatTogether(MPI_Comm comm, FurlSparse *A, const FurlUnknowns *u, Mat *aij);
