/*
  This process's rows of a distributed matrix in slices: the entries whose columns it owns, those whose columns others own, and the halo
  that brings these columns' entries of a vector. Slices without an off-process entry are *interior*: they multiply while the halo travels.
*/
#pragma once

#include <petscmat.h>
#include <petscsf.h>
#include <inttypes.h>
#include <furl/slices.h>

typedef struct {
  FurlSlices diagonal;    /* [local rows] x [local columns] */
  FurlSlices offdiagonal; /* [FURL_WIDTH * nboundary] x [nghost]: the rows of the boundary slices, in the order of the list */
  PetscInt   ninterior, nboundary;
  int32_t   *interior;    /* [ninterior] slices without off-process entries; NULL where that is all of them */
  int32_t   *boundary;    /* [nboundary] the others */
  PetscInt   nghost;      /* columns of others that this process needs */
  PetscInt  *ghost;       /* [nghost] their global numbers, ascending */
  uint64_t   fingerprint; /* of the off-process entries, by global numbers: adds up to zero over the processes where these are symmetric */
  PetscSF    halo;        /* owned column entries to ghosts; NULL where no process needs any */
} FurlMatrix;

/*
  Encodes an assembled AIJ matrix, sequential or parallel, square or not; collective. Scales of the encoding are those of the local rows
  and local columns (both given or both NULL, alike on all processes); those of the ghosts are fetched.
*/
PETSC_INTERN PetscErrorCode FurlMatrixEncode(Mat aij, const FurlEncoding *encoding, FurlMatrix *matrix);
PETSC_INTERN PetscErrorCode FurlMatrixReencode(Mat aij, const FurlEncoding *encoding, FurlMatrix *matrix); /* in the memory it has */
PETSC_INTERN PetscErrorCode FurlMatrixDestroy(FurlMatrix *matrix);
/* The slices with off-process entries, in order, and those without */
PETSC_INTERN PetscErrorCode FurlMatrixListSlices(PetscInt n, const int32_t *boundary, FurlMatrix *matrix);
PETSC_INTERN PetscErrorCode FurlMatrixCreateHalo(PetscLayout columns, FurlMatrix *matrix); /* to the ghosts that it has; collective */

/* Owned entries of a distributed vector to the processes that need them; nothing to do where halo is NULL. unit: MPI_DOUBLE or MPI_FLOAT */
PETSC_INTERN PetscErrorCode FurlHaloBegin(const FurlMatrix *matrix, MPI_Datatype unit, const void *x, void *ghost);
PETSC_INTERN PetscErrorCode FurlHaloEnd(const FurlMatrix *matrix, MPI_Datatype unit, const void *x, void *ghost);

/* The two parts of an AIJ matrix as rows and columns; offdiagonal.ncols = nghost; to be given back */
typedef struct {
  Mat             diagonal_mat, offdiagonal_mat; /* offdiagonal NULL: sequential */
  FurlCsr         diagonal, offdiagonal;
  const PetscInt *ghost; /* [offdiagonal.ncols] */
} FurlAijParts;

PETSC_INTERN PetscErrorCode FurlAijGetParts(Mat aij, FurlAijParts *parts);
PETSC_INTERN PetscErrorCode FurlAijRestoreParts(Mat aij, FurlAijParts *parts);

/*
  Rows of an AIJ or furl matrix, for who reads all of them once: row r of the matrix is row r - first of both parts, whose nrows are all
  rows. Of AIJ all are at hand; of furl those that were taken last, and perhaps some around them, decoded.
*/
typedef struct FurlRowDecoder FurlRowDecoder;

typedef struct {
  FurlAijParts    parts;
  PetscInt        first, end; /* rows at hand */
  int64_t         entries;    /* of all rows */
  FurlRowDecoder *decoder;    /* NULL: AIJ */
} FurlRows;

PETSC_INTERN PetscErrorCode FurlRowsOpen(Mat A, FurlRows *rows);
PETSC_INTERN PetscErrorCode FurlRowsTake(FurlRows *rows, PetscInt r, PetscInt n); /* rows r .. r + n - 1 */
PETSC_INTERN PetscErrorCode FurlRowsClose(Mat A, FurlRows *rows);

/* What the entries tell a solver */
typedef struct {
  PetscBool symmetric;  /* the matrix is its own transpose bit for bit, zeros apart; else it may yet be so up to rounding */
  PetscBool one_signed; /* outside the isolated rows each diagonal entry is positive, or each is negative */
} FurlMatTraits;

/*
  Of an AIJ matrix that is not encoded, collective. Irregular: most entries lie in slices that take no pattern, so a compressed copy would
  have nearly the bytes of AIJ. Describe: the traits and the isolated rows (NULL where there are none; the caller destroys the IS), as Mat
  furl tells them (compose.h); *known is false, and nothing told, where it is not square or its rows are not sorted.
*/
PETSC_INTERN PetscErrorCode FurlAijIsIrregular(Mat aij, PetscBool *irregular);
PETSC_INTERN PetscErrorCode FurlAijDescribe(Mat aij, PetscBool *known, FurlMatTraits *traits, IS *isolated);
PETSC_INTERN PetscErrorCode FurlAijFingerprintBoundary(Mat aij, const FurlAijParts *parts, uint64_t *sum); /* adds the off-process part's */
