/* A matrix from rows that are made one after another */
#include <furl/events.h>
#include "rewrite.h"

typedef struct {
  const FurlRewrite *rewrite;
  PetscInt           first_column, end_column;
  FurlMadeRow        made;    /* the row at hand */
  FurlMadeRow        part[2]; /* the slice at hand: local columns of this process, global ones of others */
  PetscInt           rowptr[2][FURL_WIDTH + 1];
  FurlMadeRow        sampled[2]; /* rows for the encoder's sample */
} Rewriter;

PetscInt FurlFindPlace(PetscInt n, const PetscInt ascending[], PetscInt column)
{
  PetscInt low = 0, high = n;

  while (low < high) {
    const PetscInt middle = low + (high - low) / 2;

    if (ascending[middle] < column)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

PetscErrorCode FurlMadeRowReserve(FurlMadeRow *row, PetscInt n)
{
  PetscFunctionBegin;
  row->n = 0;
  if (n <= row->room) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFree2(row->value, row->column));
  row->room = n + n / 2;
  PetscCall(PetscMalloc2(row->room, &row->value, row->room, &row->column));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlMadeRowFree(FurlMadeRow *row)
{
  PetscFunctionBegin;
  PetscCall(PetscFree2(row->value, row->column));
  row->n = row->room = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlMadeRowRead(Mat F, PetscInt i, PetscInt extra, FurlMadeRow *row)
{
  const FurlEncoded *const e = ((Mat_Furl *)F->data)->encoded;

  PetscFunctionBegin;
  PetscCall(FurlMadeRowReserve(row, e->longest_row + extra));
  row->n = FurlMatrixDecodeRow(&e->matrix, F->cmap->rstart, i, row->column, row->value);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Room for more entries behind those that are there */
static PetscErrorCode Extend(FurlMadeRow *row, PetscInt more)
{
  FurlMadeRow old = *row;

  PetscFunctionBegin;
  if (row->n + more <= row->room) PetscFunctionReturn(PETSC_SUCCESS);
  row->room = 2 * (row->n + more);
  PetscCall(PetscMalloc2(row->room, &row->value, row->room, &row->column));
  PetscCall(PetscArraycpy(row->value, old.value, old.n));
  PetscCall(PetscArraycpy(row->column, old.column, old.n));
  PetscCall(PetscFree2(old.value, old.column));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MakeRow(Rewriter *w, PetscInt i)
{
  PetscFunctionBegin;
  w->made.n = 0;
  PetscCall((*w->rewrite->make)(w->rewrite->context, i, &w->made));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscBool IsOwn(const Rewriter *w, PetscInt column)
{
  return (PetscBool)(column >= w->first_column && column < w->end_column);
}

/* Slice s in its two parts; rows beyond the last are empty */
static PetscErrorCode MakeSlice(Rewriter *w, int64_t s, PetscInt nrows)
{
  PetscFunctionBegin;
  w->part[0].n = w->part[1].n = 0;
  for (int l = 0; l < FURL_WIDTH; l++) {
    const PetscInt i = (PetscInt)s * FURL_WIDTH + l;

    for (int part = 0; part < 2; part++) w->rowptr[part][l] = w->part[part].n;
    if (i >= nrows) continue;
    PetscCall(MakeRow(w, i));
    for (int part = 0; part < 2; part++) PetscCall(Extend(&w->part[part], w->made.n));
    for (PetscInt k = 0; k < w->made.n; k++) {
      const PetscInt j = w->made.column[k];

      if (IsOwn(w, j))
        FurlMadeRowAppend(&w->part[0], j - w->first_column, w->made.value[k]);
      else
        FurlMadeRowAppend(&w->part[1], j, w->made.value[k]);
    }
  }
  for (int part = 0; part < 2; part++) w->rowptr[part][FURL_WIDTH] = w->part[part].n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* For the encoder's sample: the entries of row i in columns of this process */
static int GetSampled(void *context, int64_t i, int which, FurlRow *row)
{
  Rewriter *const    w    = context;
  FurlMadeRow *const kept = &w->sampled[which];

  if (MakeRow(w, (PetscInt)i) || FurlMadeRowReserve(kept, w->made.n)) return 0;
  for (PetscInt k = 0; k < w->made.n; k++)
    if (IsOwn(w, w->made.column[k])) FurlMadeRowAppend(kept, w->made.column[k] - w->first_column, w->made.value[k]);
  *row = (FurlRow){.n = kept->n, .column = kept->column, .value = kept->value};
  return 1;
}

static PetscErrorCode Check(FurlEncodeStatus status, const FurlSlices *slices)
{
  PetscFunctionBegin;
  PetscCheck(status != FURL_ENCODE_MEMORY, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory to compress %" PRId64 " rows", slices->nrows);
  PetscCheck(status != FURL_ENCODE_TOO_LARGE, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
             "%" PRId64 " rows and %" PRId64 " columns on one process; a process can hold 2^31 - 2 of each: use more processes",
             slices->nrows, slices->ncols);
  PetscCheck(!status, PETSC_COMM_SELF, PETSC_ERR_PLIB, "A row was made whose columns do not ascend");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode EncodeAll(Rewriter *w, PetscInt nrows, FurlEncoder *encoder, FurlSlices *slices, FurlBoundary *boundary)
{
  PetscFunctionBegin;
  for (int64_t s = 0; s < slices->nslices; s++) {
    PetscCall(MakeSlice(w, s, nrows));
    PetscCall(Check(FurlEncoderAdd(encoder, w->rowptr[0], w->part[0].column, w->part[0].value), slices));
    PetscCall(FurlBoundaryAppend(boundary, s, w->rowptr[1], w->part[1].column, w->part[1].value));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscBool IsGuess(const FurlMatrix *like, const FurlSlices *slices)
{
  return (PetscBool)(like && like->diagonal.nrows == slices->nrows && like->diagonal.ncols == slices->ncols);
}

/* The matrix; the halo of `like` serves if it fits */
static PetscErrorCode Rewrite(Mat A, Rewriter *w, const FurlEncoding *encoding, FurlMatrix *m)
{
  FurlBoundary        boundary = {.nslices = 0};
  FurlEncoder        *encoder  = NULL;
  const FurlRowSource source   = {
      .get = GetSampled, .context = w, .nslices = (A->rmap->n + FURL_WIDTH - 1) / FURL_WIDTH, .entries = w->rewrite->entries};

  PetscFunctionBegin;
  FurlSlicesInit(&m->diagonal, A->rmap->n, A->cmap->n);
  FurlSlicesInit(&m->offdiagonal, 0, 0);
  PetscCall(Check(FurlEncoderCreate(encoding, &source, &m->diagonal, &encoder), &m->diagonal));
  if (IsGuess(w->rewrite->like, &m->diagonal)) {
    const int room = FurlEncoderFollow(encoder, &w->rewrite->like->diagonal);

    PetscCheck(room, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory to compress %" PetscInt_FMT " rows", A->rmap->n);
  }
  PetscCall(EncodeAll(w, A->rmap->n, encoder, &m->diagonal, &boundary));
  FurlEncoderDestroy(&encoder);
  FurlSlicesTrim(&m->diagonal);
  PetscCall(FurlBoundaryFinish(A, &boundary, encoding, w->rewrite->like, m));
  PetscCall(FurlBoundaryFree(&boundary));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlRewriteRows(Mat A, const FurlRewrite *rewrite, FurlEncoded **encoded)
{
  Rewriter      w = {.rewrite = rewrite, .first_column = A->cmap->rstart, .end_column = A->cmap->rend};
  FurlEncoding  encoding;
  FurlMatrix    matrix = {.nghost = 0};
  PetscLogEvent event;

  PetscFunctionBegin;
  PetscCall(FurlEventRegister("MatFurlEncode", MAT_CLASSID, &event));
  PetscCall(PetscLogEventBegin(event, A, NULL, NULL, NULL));
  PetscCall(FurlGetEncoding(A, ((Mat_Furl *)A->data)->values, &encoding));
  PetscCall(Rewrite(A, &w, &encoding, &matrix));
  for (int k = 0; k < 2; k++) {
    PetscCall(FurlMadeRowFree(&w.part[k]));
    PetscCall(FurlMadeRowFree(&w.sampled[k]));
  }
  PetscCall(FurlMadeRowFree(&w.made));
  PetscCall(FurlEncodedFromMatrix(&matrix, encoded));
  PetscCall(PetscLogEventEnd(event, A, NULL, NULL, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}
