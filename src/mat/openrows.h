/* Rows that take values: the entries of a slice, sorted by columns, each row with room to grow */
#pragma once

#include <petscmat.h>
#include <furl/slices.h>

/* A new place where MatSetOption() forbids them: row and column */
#define FURL_NO_ENTRY "The matrix has no entry (%" PetscInt_FMT ", %" PetscInt_FMT "); see MatSetOption() with MAT_NEW_NONZERO_LOCATION_ERR"

typedef struct {
  PetscInt     n[FURL_WIDTH], room[FURL_WIDTH], first[FURL_WIDTH]; /* entries of a row, places that it has, its first place */
  PetscInt     used, size;                                         /* places given to rows, and all */
  PetscInt    *column;                                             /* [size] */
  PetscScalar *value;                                              /* [size] */
} FurlOpenRows;

/* How values are taken: MatSetOption() */
typedef struct {
  InsertMode mode;
  PetscBool  ignore_zeros; /* new places, and zeros to be added, off the diagonal */
  PetscBool  ignore_new;   /* new places */
  PetscBool  new_is_error; /* the same */
  PetscInt   stride;       /* from one value of a row to the next, in what the program gives */
} FurlTaking;

/* One entry of row l; `diagonal`: it is one of the matrix's diagonal. *fresh grows where the place is new, and stays where it is ignored */
typedef struct {
  int         l;
  PetscInt    column;
  PetscInt    row, global; /* of the matrix, for messages */
  PetscScalar value;
  PetscBool   diagonal;
} FurlOpenEntry;

PETSC_INTERN PetscErrorCode FurlOpenRowsCreate(PetscInt room, FurlOpenRows **rows); /* `room` places for each row */
/* The rows of a CSR array, rowptr [FURL_WIDTH + 1] */
PETSC_INTERN PetscErrorCode FurlOpenRowsLoad(const PetscInt *rowptr, const PetscInt *column, const PetscScalar *value, FurlOpenRows **rows);
PETSC_INTERN PetscErrorCode FurlOpenRowsTake(FurlOpenRows *rows, const FurlTaking *taking, const FurlOpenEntry *entry, PetscInt *hint,
                                             PetscInt *fresh);
PETSC_INTERN PetscErrorCode FurlOpenRowsGather(const FurlOpenRows *rows, PetscInt *rowptr, PetscInt *column, PetscScalar *value);
PETSC_INTERN PetscErrorCode FurlOpenRowsDestroy(FurlOpenRows **rows);

static inline PetscInt FurlOpenRowsCount(const FurlOpenRows *rows)
{
  PetscInt n = 0;

  for (int l = 0; l < FURL_WIDTH; l++) n += rows->n[l];
  return n;
}

static inline size_t FurlOpenRowsBytes(const FurlOpenRows *rows)
{
  return rows ? sizeof(*rows) + (size_t)rows->size * (sizeof(PetscInt) + sizeof(PetscScalar)) : 0;
}
