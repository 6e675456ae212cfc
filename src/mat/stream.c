/* Assembly into the compressed form */
#include <string.h>
#include <petsc/private/matimpl.h>
#include <furl/compat.h>
#include "format/forget.h"
#include "stream.h"

#define FORGET 1024 /* slices after which memory that has been read goes */
#define FIRST_ROW 8 /* places of a row before any other is known */

static PetscErrorCode Check(const FurlStream *st, FurlEncodeStatus status)
{
  PetscFunctionBegin;
  PetscCheck(status != FURL_ENCODE_MEMORY, PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory to compress %" PRId64 " rows", st->slices->nrows);
  PetscCheck(!status, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
             "%" PRId64 " rows and %" PRId64 " columns on one process; a process can hold 2^31 - 2 of each: use more processes",
             st->slices->nrows, st->slices->ncols);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Reserve(FurlRowBuffer *b, PetscInt n)
{
  PetscFunctionBegin;
  if (n <= b->room) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFree2(b->value, b->column));
  b->room = n + n / 2;
  PetscCall(PetscMalloc2(b->room, &b->value, b->room, &b->column));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode NewSlices(const FurlStream *st, PetscInt nrows, PetscInt ncols, FurlSlices **slices)
{
  PetscFunctionBegin;
  PetscCall(PetscNew(slices));
  FurlSlicesInit(*slices, nrows, ncols);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStreamCreate(Mat A, const FurlEncoding *encoding, const FurlMatrix *base, size_t window, FurlStream **out)
{
  FurlStream *st;

  PetscFunctionBegin;
  PetscCall(PetscNew(&st));
  PetscCall(NewSlices(st, A->rmap->n, A->cmap->n, &st->slices));
  st->nslices      = st->slices->nslices;
  st->first_row    = A->rmap->rstart;
  st->first_column = A->cmap->rstart;
  st->end_column   = A->cmap->rend;
  st->window = st->limit = window;
  st->longest            = FIRST_ROW;
  st->base               = base;
  st->encoding           = *encoding;
  for (int part = 0; part < 2; part++) PetscCall(PetscCalloc1(st->nslices, &st->open[part]));
  *out = st;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FreeSlices(FurlSlices **slices)
{
  PetscFunctionBegin;
  if (*slices) FurlSlicesFree(*slices);
  PetscCall(PetscFree(*slices));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStreamDestroy(FurlStream **stream)
{
  FurlStream *st = *stream;

  PetscFunctionBegin;
  if (!st) PetscFunctionReturn(PETSC_SUCCESS);
  for (int part = 0; part < 2; part++) {
    for (int64_t s = 0; st->bytes && s < st->nslices; s++) PetscCall(FurlOpenRowsDestroy(&st->open[part][s]));
    PetscCall(PetscFree(st->open[part]));
    PetscCall(PetscFree2(st->sampled[part].value, st->sampled[part].column));
  }
  PetscCall(PetscFree2(st->rows.value, st->rows.column));
  PetscCall(FurlStreamLogFree(&st->log));
  PetscCall(FurlBoundaryFree(&st->boundary));
  FurlEncoderDestroy(&st->encoder);
  PetscCall(FreeSlices(&st->slices));
  PetscCall(PetscFree(*stream));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DecodeInto(FurlStream *st, const FurlSlices *slices, int64_t s)
{
  const FurlSlicesView view = FurlSlicesGetView(slices);

  PetscFunctionBegin;
  PetscCall(Reserve(&st->rows, (PetscInt)FurlSlicesDecodeSlice(&view, s, st->rowptr, NULL, NULL)));
  (void)FurlSlicesDecodeSlice(&view, s, st->rowptr, st->rows.column, st->rows.value);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The entries that the encoded slice s has in columns of others */
static PetscErrorCode LoadOthers(FurlStream *st, int64_t s)
{
  const FurlBoundary *const b    = &st->boundary;
  const FurlMatrix *const   base = st->base;
  PetscInt                  at;

  PetscFunctionBegin;
  PetscCall(PetscArrayzero(st->rowptr, FURL_WIDTH + 1));
  if (s >= st->frontier) {
    at = base ? FurlFindSlice(base->nboundary, base->boundary, s) : -1;
    if (at < 0) PetscFunctionReturn(PETSC_SUCCESS);
    PetscCall(DecodeInto(st, &base->offdiagonal, at));
    for (PetscInt k = 0; k < st->rowptr[FURL_WIDTH]; k++) st->rows.column[k] = base->ghost[st->rows.column[k]];
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  at = FurlFindSlice(b->nslices, b->slice, s);
  if (at < 0) PetscFunctionReturn(PETSC_SUCCESS);
  for (int l = 0; l <= FURL_WIDTH; l++) st->rowptr[l] = b->rowptr[FURL_WIDTH * at + l] - b->rowptr[FURL_WIDTH * at];
  PetscCall(Reserve(&st->rows, st->rowptr[FURL_WIDTH]));
  PetscCall(PetscArraycpy(st->rows.column, b->column + b->rowptr[FURL_WIDTH * at], st->rowptr[FURL_WIDTH]));
  PetscCall(PetscArraycpy(st->rows.value, b->value + b->rowptr[FURL_WIDTH * at], st->rowptr[FURL_WIDTH]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The entries of slice s, open or encoded, in the buffer */
static PetscErrorCode Load(FurlStream *st, int64_t s, int part)
{
  const FurlOpenRows *const open = st->open[part][s];

  PetscFunctionBegin;
  if (open) {
    PetscCall(Reserve(&st->rows, FurlOpenRowsCount(open)));
    PetscCall(FurlOpenRowsGather(open, st->rowptr, st->rows.column, st->rows.value));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (part)
    PetscCall(LoadOthers(st, s));
  else if (s < st->frontier || st->base)
    PetscCall(DecodeInto(st, s < st->frontier ? st->slices : &st->base->diagonal, s));
  else
    PetscCall(PetscArrayzero(st->rowptr, FURL_WIDTH + 1));
  if (st->all_is_zero || (s >= st->frontier && st->base_is_zero)) PetscCall(PetscArrayzero(st->rows.value, st->rowptr[FURL_WIDTH]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void CountBytes(FurlStream *st, int64_t s, const FurlOpenRows *rows, int sign)
{
  const size_t bytes = FurlOpenRowsBytes(rows);

  st->bytes += sign > 0 ? bytes : -bytes;
  if (s >= st->frontier) st->bytes_ahead += sign > 0 ? bytes : -bytes;
}

static PetscErrorCode Open(FurlStream *st, int64_t s)
{
  PetscFunctionBegin;
  for (int part = 0; part < 2; part++) {
    if (s < st->frontier || st->base) {
      PetscCall(Load(st, s, part));
      if (!part || st->rowptr[FURL_WIDTH]) PetscCall(FurlOpenRowsLoad(st->rowptr, st->rows.column, st->rows.value, &st->open[part][s]));
    } else if (!part)
      PetscCall(FurlOpenRowsCreate(st->longest, &st->open[part][s]));
    CountBytes(st, s, st->open[part][s], 1);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Close(FurlStream *st, int64_t s)
{
  PetscFunctionBegin;
  for (int part = 0; part < 2; part++) {
    CountBytes(st, s, st->open[part][s], -1);
    PetscCall(FurlOpenRowsDestroy(&st->open[part][s]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* For the encoder's sample: row i, columns of this process, as it is now */
static int GetRow(void *context, int64_t i, int which, FurlRow *row)
{
  FurlStream *const         st     = context;
  FurlRowBuffer *const      buffer = &st->sampled[which];
  const int64_t             s      = i / FURL_WIDTH;
  const FurlOpenRows *const open   = st->open[0][s];
  const int                 l      = (int)(i % FURL_WIDTH);
  FurlSlicesView            view;

  *row = (FurlRow){.n = 0};
  if (open) {
    *row = (FurlRow){.n = open->n[l], .column = open->column + open->first[l], .value = open->value + open->first[l]};
    return 1;
  }
  if (s >= st->frontier && !st->base) return 1;
  view   = FurlSlicesGetView(s < st->frontier ? st->slices : &st->base->diagonal);
  row->n = FurlSlicesDecodeRow(&view, i, NULL, NULL);
  if (Reserve(buffer, (PetscInt)row->n)) return 0;
  (void)FurlSlicesDecodeRow(&view, i, buffer->column, buffer->value);
  if (row->n && (st->all_is_zero || (s >= st->frontier && st->base_is_zero)))
    memset(buffer->value, 0, (size_t)row->n * sizeof(*buffer->value));
  row->column = buffer->column;
  row->value  = buffer->value;
  return 1;
}

/* Of the rows that come first, those that have got values */
static int GetOpenRow(void *context, int64_t i, int which, FurlRow *row)
{
  FurlStream *const st = context;

  return st->open[0][i / FURL_WIDTH] ? GetRow(context, i, which, row) : 0;
}

/* Slices from the first on that are open: while values come, what the others hold tells nothing */
static FurlRowSource FirstOpen(FurlStream *st)
{
  FurlRowSource source = {.get = GetOpenRow, .context = st};

  while (source.nslices < st->nslices && st->open[0][source.nslices]) source.nslices++;
  return source;
}

/* Entries in columns of this process, in open slices and others; those of a slice that has been opened, or that wait, may count twice */
static int64_t CountEntries(const FurlStream *st)
{
  int64_t n = st->slices->nnz + (st->base && !st->frontier ? st->base->diagonal.nnz : 0) + (int64_t)st->log.used;

  for (int64_t s = 0; st->bytes && s < st->nslices; s++)
    if (st->open[0][s]) n += FurlOpenRowsCount(st->open[0][s]);
  return n;
}

static FurlRowSource AllRows(FurlStream *st)
{
  return (FurlRowSource){.get = GetRow, .context = st, .nslices = st->nslices, .entries = CountEntries(st)};
}

static PetscErrorCode Follow(FurlStream *st, FurlEncoder *encoder, const FurlSlices *former)
{
  PetscFunctionBegin;
  PetscCheck(FurlEncoderFollow(encoder, former), PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory to compress %" PRId64 " rows",
             st->slices->nrows);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Appends slice s to slices and boundary */
static PetscErrorCode Encode(FurlStream *st, int64_t s, FurlEncoder *encoder, FurlBoundary *boundary)
{
  PetscFunctionBegin;
  PetscCall(Load(st, s, 0));
  PetscCall(Check(st, FurlEncoderAdd(encoder, st->rowptr, st->rows.column, st->rows.value)));
  PetscCall(Load(st, s, 1));
  PetscCall(FurlBoundaryAppend(boundary, s, st->rowptr, st->rows.column, st->rows.value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Encodes the slice at the frontier */
static PetscErrorCode Advance(FurlStream *st)
{
  const int64_t             s    = st->frontier;
  const FurlOpenRows *const open = st->open[0][s];

  PetscFunctionBegin;
  for (int l = 0; open && l < FURL_WIDTH; l++) st->longest = PetscMax(st->longest, open->n[l]);
  PetscCall(Encode(st, s, st->encoder, &st->boundary));
  if (open) PetscCall(Close(st, s));
  st->frontier++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Puts entries into the open slice of row i */
static PetscErrorCode TakeEntries(FurlStream *st, PetscInt i, const FurlTaking *taking, PetscInt n, const PetscInt column[],
                                  const PetscScalar value[])
{
  const int64_t s       = i / FURL_WIDTH;
  PetscInt      hint[2] = {0, 0};
  FurlOpenEntry entry   = {.l = i % FURL_WIDTH, .row = st->first_row + i};

  PetscFunctionBegin;
  for (PetscInt k = 0; k < n; k++) {
    const int part = column[k] < st->first_column || column[k] >= st->end_column;

    if (column[k] < 0) continue;
    if (part && !st->open[1][s]) PetscCall(FurlOpenRowsCreate(0, &st->open[1][s]));
    entry.global   = column[k];
    entry.column   = part ? column[k] : column[k] - st->first_column;
    entry.value    = value ? value[k * taking->stride] : 0;
    entry.diagonal = (PetscBool)(column[k] == st->first_row + i);
    PetscCall(FurlOpenRowsTake(st->open[part][s], taking, &entry, &hint[part], &st->fresh));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Opens slice s behind the frontier with what waits for it */
static PetscErrorCode ApplyLog(FurlStream *st, int64_t s)
{
  const FurlStreamLog *const log = &st->log;

  PetscFunctionBegin;
  PetscCall(Open(st, s));
  for (int part = 0; part < 2; part++) CountBytes(st, s, st->open[part][s], -1);
  for (PetscInt k = log->first[s]; k >= 0; k = log->next[k]) {
    const FurlLogEntry *const entry = log->entry + k;
    const PetscInt            row = entry->row < 0 ? ~entry->row : entry->row, column = entry->column < 0 ? ~entry->column : entry->column;
    const FurlTaking          taking = {
               .mode = entry->row < 0 ? ADD_VALUES : INSERT_VALUES, .ignore_zeros = (PetscBool)(entry->column < 0), .stride = 1};

    PetscCall(TakeEntries(st, row, &taking, 1, &column, &entry->value));
  }
  for (int part = 0; part < 2; part++) CountBytes(st, s, st->open[part][s], 1);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Encodes all slices before the frontier again, with what has come since */
static PetscErrorCode EncodeAgain(FurlStream *st)
{
  const PetscBool     all      = (PetscBool)(st->frontier == st->nslices);
  const FurlRowSource source   = {.get = GetRow, .context = st, .nslices = st->frontier, .entries = all ? CountEntries(st) : 0};
  FurlBoundary        boundary = {.nslices = 0};
  FurlSlices         *slices;
  FurlEncoder        *encoder = NULL;

  PetscFunctionBegin;
  PetscCall(PetscInfo(NULL, "%" PRId64 " slices are encoded again with %zu values that have come since\n", st->frontier, st->log.used));
  PetscCall(NewSlices(st, (PetscInt)st->slices->nrows, (PetscInt)st->slices->ncols, &slices));
  PetscCall(Check(st, FurlEncoderCreate(&st->encoding, &source, slices, &encoder)));
  if (all) PetscCall(Follow(st, encoder, st->slices));
  PetscCall(FurlStreamLogSort(&st->log, st->nslices));
  for (int64_t s = 0; s < st->frontier; s++) {
    if (st->log.first[s] >= 0) PetscCall(ApplyLog(st, s));
    PetscCall(Encode(st, s, encoder, &boundary));
    if (st->open[0][s]) PetscCall(Close(st, s));
    if (s % FORGET == 0) FurlSlicesForget(st->slices, s);
  }
  st->bytes -= FurlStreamLogBytes(&st->log);
  PetscCall(FurlStreamLogFree(&st->log));
  PetscCall(FurlBoundaryFree(&st->boundary));
  FurlEncoderDestroy(&st->encoder);
  PetscCall(FreeSlices(&st->slices));
  st->slices   = slices;
  st->encoder  = encoder;
  st->boundary = boundary;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode StartEncoder(FurlStream *st, FurlRowSource source)
{
  PetscFunctionBegin;
  if (st->encoder) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(Check(st, FurlEncoderCreate(&st->encoding, &source, st->slices, &st->encoder)));
  if (st->base) PetscCall(Follow(st, st->encoder, &st->base->diagonal));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The window is full: a quarter of what lies beyond the frontier goes, or else all that waits for what lies behind it. What is allowed
 * grows with the matrix where that happens, a quarter of AIJ's bytes, so that the times it happens are few */
static PetscErrorCode Relieve(FurlStream *st)
{
  const size_t ahead = st->bytes_ahead / 4 * 3;

  PetscFunctionBegin;
  PetscCall(StartEncoder(st, FirstOpen(st)));
  if (ahead) st->longest = 1;
  while (st->bytes_ahead > ahead) PetscCall(Advance(st));
  if (st->bytes <= st->limit / 8 * 7) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(EncodeAgain(st));
  st->limit = PetscMax(st->window, (size_t)(12 * st->slices->nnz + 4 * st->frontier * FURL_WIDTH) / 4);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscBool Contains(const PetscInt *column, PetscInt first, PetscInt end, PetscInt wanted)
{
  PetscInt at;

  return (PetscBool)(!PetscFindInt(wanted, end - first, column + first, &at) && at >= 0);
}

/* found[k]: row i, which is encoded, has an entry in column[k] */
static PetscErrorCode FindPlaces(FurlStream *st, PetscInt i, PetscInt n, const PetscInt column[], PetscBool found[])
{
  const FurlSlicesView view   = FurlSlicesGetView(st->slices);
  const PetscInt       length = (PetscInt)FurlSlicesDecodeRow(&view, i, NULL, NULL);
  PetscBool            others = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(Reserve(&st->rows, length));
  (void)FurlSlicesDecodeRow(&view, i, st->rows.column, st->rows.value);
  for (PetscInt k = 0; k < n; k++) {
    const PetscBool own = (PetscBool)(column[k] >= st->first_column && column[k] < st->end_column);

    found[k] = (PetscBool)(own && Contains(st->rows.column, 0, length, column[k] - st->first_column));
    others   = (PetscBool)(others || !own);
  }
  if (!others) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(LoadOthers(st, i / FURL_WIDTH));
  for (PetscInt k = 0; k < n; k++)
    if (!found[k]) found[k] = Contains(st->rows.column, st->rowptr[i % FURL_WIDTH], st->rowptr[i % FURL_WIDTH + 1], column[k]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Values for row i, behind the frontier, into the log; `found` is NULL where the options let every place be taken */
static PetscErrorCode LogEntries(FurlStream *st, PetscInt i, const FurlTaking *taking, PetscInt n, const PetscInt column[],
                                 const PetscScalar value[], const PetscBool found[])
{
  PetscFunctionBegin;
  for (PetscInt k = 0; k < n; k++) {
    const PetscScalar v    = value ? value[k * taking->stride] : 0;
    const PetscBool   zero = (PetscBool)(taking->ignore_zeros && v == 0 && column[k] != st->first_row + i);

    if (column[k] < 0 || (zero && taking->mode == ADD_VALUES)) continue;
    if (found && !found[k]) {
      if (zero || taking->ignore_new) continue;
      SETERRQ(PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, FURL_NO_ENTRY, st->first_row + i, column[k]);
    }
    if (!found) st->log.has_new = PETSC_TRUE;
    PetscCall(FurlStreamLogAppend(&st->log, i, zero ? ~column[k] : column[k], v, taking->mode));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Options that make a difference between places that there are and new ones ask the encoded row, which must know all that were taken */
static PetscErrorCode TakeIntoLog(FurlStream *st, PetscInt i, const FurlTaking *taking, PetscInt n, const PetscInt column[],
                                  const PetscScalar value[])
{
  const PetscBool choosy = (PetscBool)(taking->ignore_new || taking->new_is_error);
  PetscBool      *found  = NULL;
  PetscErrorCode  taken;

  PetscFunctionBegin;
  if ((choosy && st->log.has_new) || st->log.used + (size_t)n > INT32_MAX) PetscCall(EncodeAgain(st));
  if (choosy) {
    PetscCall(PetscMalloc1(n, &found));
    PetscCall(FindPlaces(st, i, n, column, found));
  }
  st->bytes -= FurlStreamLogBytes(&st->log);
  taken = LogEntries(st, i, taking, n, column, value, found);
  st->bytes += FurlStreamLogBytes(&st->log);
  PetscCall(PetscFree(found));
  PetscCall(taken);
  if (st->bytes > st->limit) PetscCall(Relieve(st));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An entry that is refused leaves those before it, and the count of the bytes right */
PetscErrorCode FurlStreamTake(FurlStream *st, PetscInt i, const FurlTaking *taking, PetscInt n, const PetscInt column[],
                              const PetscScalar value[])
{
  const int64_t  s = i / FURL_WIDTH;
  PetscErrorCode taken;

  PetscFunctionBegin;
  if (s < st->frontier) PetscFunctionReturn(TakeIntoLog(st, i, taking, n, column, value));
  if (!st->open[0][s]) PetscCall(Open(st, s));
  for (int part = 0; part < 2; part++) CountBytes(st, s, st->open[part][s], -1);
  taken = TakeEntries(st, i, taking, n, column, value);
  for (int part = 0; part < 2; part++) CountBytes(st, s, st->open[part][s], 1);
  PetscCall(taken);
  if (st->bytes > st->limit) PetscCall(Relieve(st));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStreamZero(FurlStream *st)
{
  PetscFunctionBegin;
  for (int part = 0; part < 2; part++)
    for (int64_t s = 0; st->bytes && s < st->nslices; s++)
      if (st->open[part][s]) PetscCall(PetscArrayzero(st->open[part][s]->value, st->open[part][s]->size));
  for (size_t k = 0; k < st->log.used; k++) st->log.entry[k].value = 0;
  st->base_is_zero = PETSC_TRUE;
  if (!st->frontier) PetscFunctionReturn(PETSC_SUCCESS);
  st->all_is_zero = PETSC_TRUE;
  PetscCall(EncodeAgain(st));
  st->all_is_zero = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStreamFinish(Mat A, FurlStream *st, FurlMatrix *matrix)
{
  const FurlRowSource all = AllRows(st);

  PetscFunctionBegin;
  PetscCall(StartEncoder(st, all));
  while (st->frontier < st->nslices) PetscCall(Advance(st));
  if (st->log.used) PetscCall(EncodeAgain(st));
  if (!FurlEncoderChoseWell(st->encoder, &all)) PetscCall(EncodeAgain(st));
  FurlEncoderDestroy(&st->encoder);
  FurlSlicesTrim(st->slices);
  PetscCall(PetscMemzero(matrix, sizeof(*matrix)));
  FurlSlicesInit(&matrix->offdiagonal, 0, 0);
  matrix->diagonal = *st->slices;
  FurlSlicesInit(st->slices, 0, 0);
  PetscCall(FurlBoundaryFinish(A, &st->boundary, &st->encoding, st->base, matrix));
  PetscFunctionReturn(PETSC_SUCCESS);
}
