/* Rows of a matrix as AIJ has them: where they lie, or decoded a window at a time */
#include <furl/compat.h>
#include <furl/compose.h>
#include "boundary.h"

typedef struct {
  PetscInt    *rowptr, *column;
  PetscScalar *value;
  PetscInt     room_rows, room;
} Buffer;

struct FurlRowDecoder {
  Buffer            buffer[2]; /* columns of this process, columns of others */
  const FurlMatrix *matrix;
};

static PetscErrorCode ReserveRows(Buffer *b, PetscInt nrows)
{
  PetscFunctionBegin;
  if (nrows + 1 <= b->room_rows) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFree(b->rowptr));
  b->room_rows = nrows + 1;
  PetscCall(PetscMalloc1(b->room_rows, &b->rowptr));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* `used` entries stay */
static PetscErrorCode ReserveEntries(Buffer *b, PetscInt used, PetscInt more)
{
  Buffer old = *b;

  PetscFunctionBegin;
  if (used + more <= b->room) PetscFunctionReturn(PETSC_SUCCESS);
  b->room = 2 * (used + more);
  PetscCall(PetscMalloc2(b->room, &b->value, b->room, &b->column));
  PetscCall(PetscArraycpy(b->value, old.value, used));
  PetscCall(PetscArraycpy(b->column, old.column, used));
  PetscCall(PetscFree2(old.value, old.column));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Slice `at` of the container to rows r .. r + FURL_WIDTH - 1 of the buffer, none where `at` is below zero */
static PetscErrorCode DecodeTo(Buffer *b, const FurlSlicesView *view, int64_t at, PetscInt r)
{
  PetscInt *const rowptr = b->rowptr + r, begin = r ? rowptr[0] : 0;
  PetscInt        own[FURL_WIDTH + 1] = {0};

  PetscFunctionBegin;
  if (at >= 0) {
    PetscCall(ReserveEntries(b, begin, (PetscInt)FurlSlicesDecodeSlice(view, at, own, NULL, NULL)));
    (void)FurlSlicesDecodeSlice(view, at, own, b->column + begin, b->value + begin);
  }
  for (int l = 0; l <= FURL_WIDTH; l++) rowptr[l] = begin + own[l];
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlRowsOpen(Mat A, FurlRows *rows)
{
  FurlMatGetMatrixFn get;
  const FurlMatrix  *m;

  PetscFunctionBegin;
  *rows = (FurlRows){.first = 0};
  PetscCall(PetscObjectQueryFunction((PetscObject)A, "MatFurlGetMatrix_C", &get));
  if (!get) {
    PetscCall(FurlAijGetParts(A, &rows->parts));
    rows->end     = (PetscInt)rows->parts.diagonal.nrows;
    rows->entries = rows->parts.diagonal.rowptr[rows->end];
    if (rows->parts.offdiagonal.nrows) rows->entries += rows->parts.offdiagonal.rowptr[rows->end];
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall((*get)(A, &m));
  PetscCall(PetscNew(&rows->decoder));
  rows->decoder->matrix = m;
  rows->entries         = m->diagonal.nnz + m->offdiagonal.nnz;
  rows->parts.ghost     = m->ghost;
  rows->parts.diagonal  = (FurlCsr){.nrows = m->diagonal.nrows, .ncols = m->diagonal.ncols};
  if (m->nboundary) rows->parts.offdiagonal = (FurlCsr){.nrows = m->diagonal.nrows, .ncols = m->nghost};
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlRowsTake(FurlRows *rows, PetscInt r, PetscInt n)
{
  FurlRowDecoder *const d     = rows->decoder;
  const int64_t         first = r / FURL_WIDTH, end = ((int64_t)r + n + FURL_WIDTH - 1) / FURL_WIDTH;
  FurlCsr *const        csr[2] = {&rows->parts.diagonal, &rows->parts.offdiagonal};
  FurlSlicesView        view[2];

  PetscFunctionBegin;
  if (r >= rows->first && r + n <= rows->end) PetscFunctionReturn(PETSC_SUCCESS);
  view[0] = FurlSlicesGetView(&d->matrix->diagonal);
  view[1] = FurlSlicesGetView(&d->matrix->offdiagonal);
  for (int part = 0; part < 2 && csr[part]->nrows; part++) {
    Buffer *const b = &d->buffer[part];

    PetscCall(ReserveRows(b, (PetscInt)(end - first) * FURL_WIDTH));
    for (int64_t s = first; s < end; s++)
      PetscCall(DecodeTo(b, &view[part], part ? FurlFindSlice(d->matrix->nboundary, d->matrix->boundary, s) : s,
                         (PetscInt)(s - first) * FURL_WIDTH));
    csr[part]->rowptr = b->rowptr;
    csr[part]->column = b->column;
    csr[part]->value  = b->value;
  }
  rows->first = (PetscInt)first * FURL_WIDTH;
  rows->end   = PetscMin((PetscInt)end * FURL_WIDTH, (PetscInt)csr[0]->nrows);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlRowsClose(Mat A, FurlRows *rows)
{
  PetscFunctionBegin;
  if (!rows->decoder) PetscCall(FurlAijRestoreParts(A, &rows->parts));
  for (int part = 0; rows->decoder && part < 2; part++) {
    PetscCall(PetscFree2(rows->decoder->buffer[part].value, rows->decoder->buffer[part].column));
    PetscCall(PetscFree(rows->decoder->buffer[part].rowptr));
  }
  PetscCall(PetscFree(rows->decoder));
  PetscFunctionReturn(PETSC_SUCCESS);
}
