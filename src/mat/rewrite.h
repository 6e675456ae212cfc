/*
  A matrix of type furl from rows that are made one after another: those of another one, changed. Nothing is there uncompressed but a slice.
*/
#pragma once

#include "matfurl.h"

/* A row under construction: global columns, ascending */
typedef struct {
  PetscInt     n, room;
  PetscInt    *column; /* [room] */
  PetscScalar *value;  /* [room] */
} FurlMadeRow;

/* Makes local row i, which is empty; it may be asked for the same row more than once, in any order */
typedef PetscErrorCode (*FurlMakeRow)(void *context, PetscInt i, FurlMadeRow *row);

typedef struct {
  FurlMakeRow       make;
  void             *context;
  int64_t           entries; /* of this process in its own columns, about */
  const FurlMatrix *like; /* its halo serves if it fits, and its slices are a guess where entries are if their number fits; may be NULL */
} FurlRewrite;

PETSC_INTERN PetscErrorCode FurlMadeRowReserve(FurlMadeRow *row, PetscInt n); /* room for n entries; what it has is lost */
/* The place of a column among n ascending ones, or the one that it would get */
PETSC_INTERN PetscInt       FurlFindPlace(PetscInt n, const PetscInt ascending[], PetscInt column);
PETSC_INTERN PetscErrorCode FurlMadeRowFree(FurlMadeRow *row);
/* Row i of a furl matrix */
PETSC_INTERN PetscErrorCode FurlMadeRowRead(Mat F, PetscInt i, PetscInt extra, FurlMadeRow *row); /* with room for `extra` more */

/* Rows in the layouts of A, encoded with its form of values; collective */
PETSC_INTERN PetscErrorCode FurlRewriteRows(Mat A, const FurlRewrite *rewrite, FurlEncoded **encoded);

/* submatrix.c: rows and columns in the order of the index sets; *done is false, and nothing made, where these are not each process's own */
PETSC_INTERN PetscErrorCode FurlSelect(Mat A, IS rows, IS columns, MatReuse reuse, Mat *B, PetscBool *done);

static inline void FurlMadeRowAppend(FurlMadeRow *row, PetscInt column, PetscScalar value)
{
  row->column[row->n]  = column;
  row->value[row->n++] = value;
}
