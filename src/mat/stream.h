/*
  Assembly into the compressed form: slices that take values are open, sorted rows with room to grow; the others are encoded, those before
  the *frontier* in the matrix that is being made, the others in the one that was there before, if any. One of these is opened by decoding
  it, so that values meet what the entries hold. When the open slices fill the window, the first of them are encoded and the frontier
  advances. Values for slices behind it (rows come in no order) wait in a log; where that is too large, all is encoded once more with them.
*/
#pragma once

#include "boundary.h"
#include "openrows.h"
#include "streamlog.h"

typedef struct {
  PetscInt     room;   /* of column and value */
  PetscInt    *column; /* [room] */
  PetscScalar *value;  /* [room] */
} FurlRowBuffer;

typedef struct {
  int64_t           nslices, frontier;
  PetscInt          first_row, first_column, end_column; /* of this process */
  FurlOpenRows    **open[2];                             /* [nslices] columns of this process, columns of others; NULL: encoded */
  size_t            window;                              /* bytes that open slices may take, as the user says */
  size_t            limit;                               /* the same, more where rows come in no order */
  size_t            bytes, bytes_ahead;                  /* of open slices and the log; of those slices beyond the frontier */
  PetscInt          longest;                             /* row among those that were encoded last: room for the next */
  PetscInt          fresh;                               /* places that base does not have */
  const FurlMatrix *base;                                /* what there was; not owned; NULL: nothing */
  PetscBool         base_is_zero, all_is_zero;           /* its values count as zero; those of encoded slices do */
  FurlStreamLog     log;
  FurlEncoding      encoding;
  FurlEncoder      *encoder;                /* NULL until the first slice is encoded */
  FurlSlices       *slices;                 /* those before the frontier */
  FurlBoundary      boundary;               /* their entries in columns of others */
  PetscInt          rowptr[FURL_WIDTH + 1]; /* of the slice at hand */
  FurlRowBuffer     rows, sampled[2];       /* the slice at hand; rows for the encoder's sample */
} FurlStream;

PETSC_INTERN PetscErrorCode FurlStreamCreate(Mat A, const FurlEncoding *encoding, const FurlMatrix *base, size_t window, FurlStream **st);
PETSC_INTERN PetscErrorCode FurlStreamDestroy(FurlStream **st);
/* Values for local row i, global columns, each `stride` of taking after the one before; NULL: zeros. Not collective */
PETSC_INTERN PetscErrorCode FurlStreamTake(FurlStream *st, PetscInt i, const FurlTaking *taking, PetscInt n, const PetscInt column[],
                                           const PetscScalar value[]);
/* What has been taken becomes zero, its places stay */
PETSC_INTERN PetscErrorCode FurlStreamZero(FurlStream *st);
/* All of the matrix; collective */
PETSC_INTERN PetscErrorCode FurlStreamFinish(Mat A, FurlStream *st, FurlMatrix *matrix);
