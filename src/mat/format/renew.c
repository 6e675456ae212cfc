/*
  New values for slices that are there. Where few slices have changed these alone are written, else all; a slice that cannot be kept as it
  is is encoded behind the others, and what it had is lost room. Where that becomes much, or the sample says that the matrix has become
  another, all is encoded anew.
*/
#include <stdlib.h>
#include <string.h>
#include "array.h"
#include "expanded.h"
#include "hash.h"
#include "renewal.h"

#define SAMPLES 64 /* slices that tell whether most have changed, and whether values have begun to repeat */
#define FEW 4      /* one slice in so many: more changed ones are written without a comparison */
#define LOST 16    /* of all bytes one in so many may be lost before all is encoded anew; so many slices may be encoded for themselves */
#define SET 32768  /* buckets for the values of the sample, a power of two; half are used */
#define SMALL 4096 /* bytes that may be lost in any case */

/* What describe.c tells of some slices */
typedef struct {
  uint64_t fingerprint;
  int      not_positive, not_negative;
} Description;

/* The rows of a slice before their values changed */
typedef struct {
  PetscInt rowptr[FURL_WIDTH + 1], *column;
  int32_t *narrow; /* the columns again, as an encoder has them */
  double  *value;
  size_t   room;
} FormerRows;

static Description TakeDescription(FurlSlices *slices)
{
  const Description d = {slices->fingerprint, slices->not_positive, slices->not_negative};

  slices->fingerprint  = 0;
  slices->not_positive = slices->not_negative = 0;
  return d;
}

static void SetDescription(FurlSlices *slices, const Description *d)
{
  slices->fingerprint  = d->fingerprint;
  slices->not_positive = d->not_positive;
  slices->not_negative = d->not_negative;
}

static int ReserveRows(FormerRows *rows, size_t n)
{
  if (n <= rows->room) return 1;
  free(rows->column);
  free(rows->narrow);
  free(rows->value);
  rows->column = malloc(n * sizeof(*rows->column));
  rows->narrow = malloc(n * sizeof(*rows->narrow));
  rows->value  = malloc(n * sizeof(*rows->value));
  rows->room   = rows->column && rows->narrow && rows->value ? n : 0;
  return rows->room > 0;
}

static void FreeRows(FormerRows *rows)
{
  free(rows->column);
  free(rows->narrow);
  free(rows->value);
}

/* The slice as it was takes the place of the rows at hand; 0: no memory */
static int LoadFormerRows(FurlEncoder *e, int64_t s, FormerRows *rows)
{
  const FurlSlicesView *const view = &e->former.view;
  const size_t                n    = (size_t)FurlSlicesDecodeSlice(view, s, rows->rowptr, NULL, NULL);

  if (!ReserveRows(rows, n + 1)) return 0;
  (void)FurlSlicesDecodeSlice(view, s, rows->rowptr, rows->column, rows->value);
  for (size_t k = 0; k < n; k++) rows->narrow[k] = (int32_t)rows->column[k];
  for (int l = 0; l <= FURL_WIDTH; l++) e->start[l] = rows->rowptr[l];
  e->column = rows->narrow;
  e->value  = rows->value;
  return 1;
}

/* The slice at hand, alone; its lone rows go behind those of `lone` */
static FurlEncodeStatus DescribeAlone(FurlEncoder *e, int64_t s, FurlArray *lone, Description *d)
{
  FurlSlices *const slices = e->slices;
  const Description all    = TakeDescription(slices);
  const FurlArray   former = slices->lone;
  FurlEncodeStatus  status;

  slices->lone = *lone;
  status       = FurlEncoderReserveLanes(e) ? FurlDescribeSlice(e, s, 0) : FURL_ENCODE_MEMORY;
  *lone        = slices->lone;
  slices->lone = former;
  *d           = TakeDescription(slices);
  SetDescription(slices, &all);
  return status;
}

/* What is told of all slices, as they change */
typedef struct {
  Description total;
  FurlArray   lone, none; /* the lone rows of all slices; room for others, which are not kept */
  size_t      next;       /* first lone row of the former ones that was not passed yet */
  int         unknown;    /* 1 where one sign more may be true of all than is told */
  FormerRows  rows;
} Change;

static FurlEncodeStatus DescribeChange(FurlEncoder *e, int64_t s, Change *change)
{
  Description      now, before;
  FurlEncodeStatus status = DescribeAlone(e, s, &change->lone, &now);

  if (status) return status;
  if (!LoadFormerRows(e, s, &change->rows)) return FURL_ENCODE_MEMORY;
  change->none.used = 0;
  status            = DescribeAlone(e, s, &change->none, &before);
  change->total.fingerprint += now.fingerprint - before.fingerprint;
  change->total.not_positive |= now.not_positive;
  change->total.not_negative |= now.not_negative;
  change->unknown |= (before.not_positive && !now.not_positive) || (before.not_negative && !now.not_negative);
  return status;
}

/* The lone rows of slice s among the former ones: passed, and kept where it has not changed */
static FurlEncodeStatus PassLone(const FurlSlices *slices, int64_t s, int keep, Change *change)
{
  const int32_t *const former = slices->lone.data;

  for (; change->next < slices->lone.used && former[change->next] < (s + 1) * FURL_WIDTH; change->next++) {
    int32_t *const row = keep ? FurlArrayExtend(&change->lone, 1) : NULL;

    if (keep && !row) return FURL_ENCODE_MEMORY;
    if (keep) *row = former[change->next];
  }
  return FURL_ENCODE_OK;
}

/* Marks the slices that have changed and finds what is to be told; ends where they are more than a few */
static FurlEncodeStatus Compare(FurlEncoder *e, Change *change, int64_t *nchanged)
{
  const FurlSlices *const slices = e->slices;
  const int               tell   = e->encoding->describe && slices->described;
  FurlEncodeStatus        status = FURL_ENCODE_OK;

  *nchanged            = 0;
  e->renewal->nentries = 0;
  for (int64_t s = 0; !status && s < slices->nslices && FEW * *nchanged <= slices->nslices; s++) {
    FurlEncodeLoad(e, s);
    e->renewal->nentries += e->start[FURL_WIDTH];
    e->renewal->mark[s] = (uint8_t)!FurlSliceIsSame(e, s);
    *nchanged += e->renewal->mark[s];
    if (tell) status = PassLone(slices, s, !e->renewal->mark[s], change);
    if (!status && tell && e->renewal->mark[s]) status = DescribeChange(e, s, change);
  }
  return status;
}

/* Whether most of some slices, evenly spread, have changed: then it does not pay to compare all */
static int MostHaveChanged(FurlEncoder *e)
{
  const int64_t nslices = e->slices->nslices, step = 1 + nslices / SAMPLES;
  int64_t       changed = 0, seen = 0;

  if (e->encoding->store == FURL_STORE_HEADS) return 1; /* rounded values cannot be compared */
  for (int64_t s = 0; s < nslices; s += step, seen++) {
    FurlEncodeLoad(e, s);
    changed += !FurlSliceIsSame(e, s);
  }
  return 2 * changed > seen;
}

FurlEncodeStatus FurlRenewalPlaceHeader(FurlEncoder *e, int64_t s, FurlSliceHeader header)
{
  const size_t     nprograms = e->slices->program.used;
  FurlEncodeStatus status;

  e->place = (FurlSliceHeader *)e->slices->header.data + s;
  status   = FurlEncodeEnd(e, header);
  e->place = NULL;
  if (e->slices->program.used > nprograms) e->former.view = FurlSlicesGetView(e->slices);
  return status;
}

/* Encodes slice s as any other, behind all */
static FurlEncodeStatus EncodeBehind(FurlEncoder *e, int64_t s)
{
  FurlEncodeStatus status;

  e->place         = (FurlSliceHeader *)e->slices->header.data + s;
  e->former.there  = 0;
  e->former.filled = NULL;
  e->npattern      = 0;
  e->rows.latest   = 0;
  e->renewal->behind++;
  status          = FurlEncodeSlice(e, s);
  e->former.there = 1;
  e->former.view  = FurlSlicesGetView(e->slices);
  e->place        = NULL;
  return status;
}

static FurlEncodeStatus Write(FurlEncoder *e, int64_t s)
{
  int              done;
  FurlEncodeStatus status;

  FurlEncodeLoad(e, s);
  e->renewal->written++;
  status = FurlSliceOverwrite(e, s, &done);
  return status || done ? status : EncodeBehind(e, s);
}

/* The slices whose mirrors read what slice s has just changed in the diagonals are to be looked at, too: all come later */
static void MarkMirrors(FurlEncoder *e, int64_t s, const FurlDiagonalLanes *before)
{
  const FurlDiagonals *const d = &e->diagonals;
  FurlDiagonalLanes          now;

  for (int c = 0; c < d->n; c++) {
    const int64_t first = s * FURL_WIDTH + d->offset[c];

    FurlDiagonalsGetLanes(e, s, c, &now);
    if (!memcmp(&now, before + c, sizeof(now))) continue;
    for (int64_t t = first / FURL_WIDTH; t <= (first + FURL_WIDTH - 1) / FURL_WIDTH && t < e->slices->nslices; t++)
      if (t > s) e->renewal->mark[t] = 1;
  }
}

/* The marked slices. What is told of them is known */
static FurlEncodeStatus WriteMarked(FurlEncoder *e)
{
  FurlDiagonalLanes before[FURL_MAX_DIAGONALS];
  FurlEncodeStatus  status = FURL_ENCODE_OK;

  for (int64_t s = 0; !status && s < e->slices->nslices; s++) {
    if (!e->renewal->mark[s]) continue;
    for (int c = 0; c < e->diagonals.n; c++) FurlDiagonalsGetLanes(e, s, c, before + c);
    status = Write(e, s);
    MarkMirrors(e, s, before);
  }
  return status;
}

static FurlEncodeStatus DescribeAll(FurlEncoder *e)
{
  FurlEncodeStatus status = FURL_ENCODE_OK;

  (void)TakeDescription(e->slices);
  e->slices->lone.used = 0;
  e->diagonals.n       = 0;
  for (int64_t s = 0; !status && s < e->slices->nslices; s++) {
    FurlEncodeLoad(e, s);
    status = FurlDescribeSlice(e, s, 0);
  }
  return status;
}

static void FreeChange(Change *change)
{
  FurlArrayFree(&change->lone);
  FurlArrayFree(&change->none);
  FreeRows(&change->rows);
}

static FurlEncodeStatus TellChange(FurlEncoder *e, Change *change)
{
  FurlSlices *const slices = e->slices;
  const FurlArray   former = slices->lone;

  if (!e->encoding->describe) {
    slices->described = 0;
    return FURL_ENCODE_OK;
  }
  if (!slices->described || change->unknown) {
    slices->described = 1;
    return DescribeAll(e);
  }
  SetDescription(slices, &change->total);
  slices->lone = change->lone;
  change->lone = former;
  return FURL_ENCODE_OK;
}

/* Slices of which few have changed. *few is 0, and nothing written, where they are not */
static FurlEncodeStatus RenewSome(FurlEncoder *e, int *few)
{
  const FurlEncoding *const encoding = e->encoding;
  FurlEncoding              quiet    = *encoding;
  Change                    change   = {.total = {e->slices->fingerprint, e->slices->not_positive, e->slices->not_negative}};
  int64_t                   nchanged;
  FurlEncodeStatus          status;

  FurlArrayInit(&change.lone, sizeof(int32_t));
  FurlArrayInit(&change.none, sizeof(int32_t));
  status = Compare(e, &change, &nchanged);
  *few   = FEW * nchanged <= e->slices->nslices;
  if (!status && *few && nchanged) {
    quiet.describe = 0;
    e->encoding    = &quiet;
    FurlRowsResume(e);
    FurlDiagonalsRecall(e);
    status      = WriteMarked(e);
    e->encoding = encoding;
  }
  if (!status && *few && (nchanged || (encoding->describe && !e->slices->described))) status = TellChange(e, &change);
  FreeChange(&change);
  return status;
}

/* Room for what is noted of numbers of the dictionaries; 0: no memory */
static int BeginAll(FurlEncoder *e)
{
  FurlRenewal *const r = e->renewal;

  r->value_is_new = calloc(e->slices->dictionary.used + 1, sizeof(*r->value_is_new));
  r->row_is_new   = calloc(e->slices->row.used + 1, sizeof(*r->row_is_new));
  r->set          = calloc(SET, sizeof(*r->set));
  return r->value_is_new && r->row_is_new && r->set && FurlRowsRecall(e);
}

/* Values that are stored whole, in slices of the sample: where they repeat a dictionary may serve */
void FurlRenewalSample(FurlRenewal *r, const double *value, int n)
{
  for (int l = 0; r->sampled && l < n && 2 * r->nvalues < SET; l++) {
    const uint64_t hash = FurlHashWord(0, FurlDoubleToBits(value[l])) | 1;
    size_t         b    = (size_t)(hash >> 7) & (SET - 1);

    if (value[l] == 0) continue;
    while (r->set[b] && r->set[b] != hash) b = (b + 1) & (SET - 1);
    r->ndifferent += !r->set[b];
    r->set[b] = hash;
    r->nvalues++;
  }
}

/* All slices. *same is 0 where the matrix has become another, or too many slices cannot stay as they are */
static FurlEncodeStatus RenewAll(FurlEncoder *e, int *same)
{
  FurlSlices *const  slices = e->slices;
  FurlRenewal *const r      = e->renewal;
  const int64_t      step   = 1 + slices->nslices / SAMPLES;
  FurlEncodeStatus   status = FurlRowsChoose(e);

  FurlDiagonalsRecall(e);
  *same = e->rows.use == slices->repeats && FurlDiagonalsAreChosen(e);
  if (status || !*same) return status;
  if (!BeginAll(e)) return FURL_ENCODE_MEMORY;
  (void)TakeDescription(slices);
  slices->lone.used     = 0;
  r->nentries           = 0;
  e->rows.use           = 0; /* slices that are encoded for themselves take no part in dictionaries of which others change */
  e->dictionary.useless = 1;
  for (int64_t s = 0; !status && *same && s < slices->nslices; s++) {
    r->sampled = s % step == 0;
    status     = Write(e, s);
    r->nentries += e->start[FURL_WIDTH];
    *same = LOST * r->behind <= slices->nslices;
  }
  if (status || !*same) return status;
  FurlDescribeEnd(e);
  slices->described = e->encoding->describe;
  *same             = !(r->nvalues && 2 * r->ndifferent <= r->nvalues);
  return FURL_ENCODE_OK;
}

static int MayRenew(const FurlEncoder *e)
{
  const FurlSlices *const s = e->slices;

  return s->store == (int)e->encoding->store + 1 && s->nrows == e->csr->nrows && s->ncols == e->csr->ncols && s->nslices &&
         s->header.used == (size_t)s->nslices;
}

/* Programs that have lost their slices go; *keep is 0 where too much else is lost */
static FurlEncodeStatus CleanUp(FurlEncoder *e, int *keep)
{
  FurlSlices *const slices = e->slices;
  size_t            bytes;

  slices->nnz = e->renewal->nentries;
  if (!FurlProgramsKeepUsed(slices)) return FURL_ENCODE_MEMORY;
  FurlSlicesCollapse(slices);
  bytes = FurlSlicesStoredBytes(slices);
  *keep = bytes <= slices->anew_bytes + slices->anew_bytes / LOST + SMALL;
  if (*keep) FurlSlicesExpand(slices);
  return FURL_ENCODE_OK;
}

static void FreeRenewal(FurlRenewal *r)
{
  free(r->set);
  free(r->row_is_new);
  free(r->value_is_new);
  free(r->mark);
}

FurlEncodeStatus FurlSlicesRenew(FurlEncoder *e, int *done)
{
  FurlRenewal      renewal = {0};
  FurlEncodeStatus status  = FURL_ENCODE_OK;

  *done = MayRenew(e);
  if (!*done) return FURL_ENCODE_OK;
  e->renewal   = &renewal;
  renewal.mark = malloc((size_t)e->slices->nslices);
  if (!renewal.mark || !FurlFormerBorrow(&e->former, e->slices)) status = FURL_ENCODE_MEMORY;
  *done = !status && !MostHaveChanged(e);
  if (*done) status = RenewSome(e, done);
  if (!status && !*done) status = RenewAll(e, done);
  if (!status && *done && renewal.written) status = CleanUp(e, done);
  e->slices->written = renewal.written;
  FreeRenewal(&renewal);
  e->renewal = NULL;
  return status;
}
