/* Links and excess of a matrix on a box, from its rows: every entry is looked at once */
#include "grid.h"

#define ASYMMETRY 1e-3 /* of the diagonal: entries and their mirrors may differ by as much, and the larger counts */
#define POSITIVE 1e-2  /* of the diagonal: couplings of the wrong sign and excess below zero are left out up to here */
#define STRANGE 1e-2   /* of all rows: as many may be otherwise before the box is given up */
#define RANGE 1e15     /* the largest row over the smallest diagonal entry */

static PetscErrorCode AllocateFlat(const FurlBox *box, float **array)
{
  PetscFunctionBegin;
  PetscCall(PetscCalloc1(box->nflat + 8 * box->margin, array));
  *array += 4 * box->margin;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FreeFlat(const FurlBox *box, float **array)
{
  PetscFunctionBegin;
  if (*array) *array -= 4 * box->margin;
  PetscCall(PetscFree(*array));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStencilCreate(const FurlBox *box, FurlStencil *s)
{
  PetscFunctionBegin;
  *s = (FurlStencil){.box = *box};
  for (int d = 0; d < 3; d++)
    if (box->n[d] > 1) PetscCall(AllocateFlat(box, &s->link[d]));
  PetscCall(AllocateFlat(box, &s->excess));
  PetscCall(AllocateFlat(box, &s->root));
  PetscCall(AllocateFlat(box, &s->largest));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStencilDestroy(FurlStencil *s)
{
  PetscFunctionBegin;
  PetscCall(FreeFlat(&s->box, &s->largest));
  PetscCall(FreeFlat(&s->box, &s->root));
  PetscCall(FreeFlat(&s->box, &s->excess));
  for (int d = 0; d < 3; d++) PetscCall(FreeFlat(&s->box, &s->link[d]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The link across the ends, at the ghost before the first cell, which keeps it for that cell. Ghosts have no other links: what lies beyond
 * them would be coupled to them, and enter sums over whole arrays */
static void FillLinkAcross(const FurlBox *box, int d, float *link)
{
  const PetscInt n[3] = {d == 0 ? 1 : box->n[0], d == 1 ? 1 : box->n[1], d == 2 ? 1 : box->n[2]};

  for (PetscInt k = 0; k < n[2]; k++)
    for (PetscInt j = 0; j < n[1]; j++)
      for (PetscInt i = 0; i < n[0]; i++) {
        float *const line = link + FurlBoxAt(box, i, j, k);

        line[-box->stride[d]] = line[(box->n[d] - 1) * box->stride[d]];
      }
}

void FurlStencilFinish(FurlStencil *s)
{
  FurlGridRootArgs args = {.excess = s->excess, .root = s->root, .largest = s->largest};

  for (int d = 0; d < 3; d++) {
    if (!s->link[d]) continue;
    if (s->box.periodic[d]) FillLinkAcross(&s->box, d, s->link[d]);
    args.link[args.directions]   = s->link[d];
    args.step[args.directions++] = s->box.stride[d];
  }
  FurlLaunch(&FurlKernelFurlGridRoot, &args, (s->box.nflat + FURL_WIDTH - 1) / FURL_WIDTH);
  FurlBoxFillGhosts(&s->box, s->root);
}

/* The state of one pass over the rows */
typedef struct {
  const FurlCsr *csr;
  FurlStencil   *s;
  double         factor;                                 /* signed */
  double         least, most;                            /* diagonal and sum of a row's magnitudes, times factor */
  int64_t        unequal, positive, negative, elsewhere; /* entries or rows that are not what the method is made for */
  int64_t        couplings, links; /* entries that are neighbours, and links: half as many where the matrix is symmetric */
  int64_t        own, boundary;    /* rows of their own, links to them, which have one entry each */
  int            wrap[3];          /* a coupling across the ends of this direction was seen */
} Reader;

typedef struct {
  PetscInt at[3]; /* the cell of the row */
  int64_t  G;
  double   sum, size, diagonal;
  int      links;
} Row;

/* The direction in which column c is a neighbour of the row's cell, and the side: +1 or -1; +2 or -2 across the ends; 0: none */
static int Neighbour(const Reader *reader, const Row *row, PetscInt o, int *side)
{
  const PetscInt *const n       = reader->s->box.n;
  const PetscInt        step[3] = {1, n[0], n[0] * n[1]};

  for (int d = 0; d < 3; d++) {
    const PetscInt around = (n[d] - 1) * step[d];

    *side = o == step[d] && row->at[d] + 1 < n[d] ? 1 : o == -step[d] && row->at[d] > 0 ? -1 : 0;
    if (!*side && n[d] > 2) *side = o == -around && row->at[d] == n[d] - 1 ? 2 : o == around && row->at[d] == 0 ? -2 : 0;
    if (*side) return d;
  }
  return -1;
}

/* One coupling: the earlier row of the two writes the link, the later compares */
static void ReadCoupling(Reader *reader, const Row *row, int d, int side, double coupling)
{
  const FurlBox *const box   = &reader->s->box;
  const int64_t        last  = (box->n[d] - 1) * box->stride[d];
  float *const         link  = reader->s->link[d] + row->G + (side == -1 ? -box->stride[d] : side == -2 ? last : 0);
  const float          value = coupling > 0 ? (float)coupling : 0;

  if (side == 1 || side == -2) {
    *link = value;
    reader->links++;
  } else {
    const float difference = value > *link ? value - *link : *link - value;

    if (*link == 0) reader->links++;
    if (difference > ASYMMETRY * fabs(row->diagonal)) reader->unequal++;
    if (value > *link) *link = value;
  }
  if (side == 2 || side == -2) reader->wrap[d] = 1;
}

static void ReadEntries(Reader *reader, Row *row, PetscInt r)
{
  const FurlCsr *const csr = reader->csr;

  for (PetscInt k = csr->rowptr[r]; k < csr->rowptr[r + 1]; k++) {
    const double value = reader->factor * csr->value[k];

    row->sum += value;
    row->size += fabs(value);
    if (csr->column[k] == r) row->diagonal = value;
  }
  for (PetscInt k = csr->rowptr[r]; k < csr->rowptr[r + 1]; k++) {
    const double coupling = -reader->factor * csr->value[k];
    int          side, d;

    if (csr->column[k] == r || coupling == 0) continue;
    d = Neighbour(reader, row, csr->column[k] - r, &side);
    if (d < 0) {
      reader->elsewhere++;
      continue;
    }
    if (coupling < -POSITIVE * row->diagonal) reader->positive++;
    ReadCoupling(reader, row, d, side, coupling);
    reader->couplings++;
    row->links++;
  }
}

static void FinishRow(Reader *reader, Row *row)
{
  float *const excess = reader->s->excess + row->G;
  const double size   = row->size <= PETSC_MAX_REAL ? row->size : INFINITY; /* NaN too */

  if (row->diagonal < reader->least) reader->least = row->diagonal;
  if (size > reader->most) reader->most = size;
  if (row->links == 0) {
    *excess = -(float)row->diagonal;
    reader->own++;
  } else if (fabs(row->sum) <= 4 * PETSC_MACHINE_EPSILON * row->size)
    *excess = 0;
  else if (row->sum < 0) {
    *excess = 0;
    if (row->sum < -POSITIVE * row->diagonal) reader->negative++;
  } else
    *excess = (float)row->sum;
}

/*
  An inner row, entries in the order of their columns and equal to their mirrors: nearly all rows of nearly all matrices. D directions, a
  constant where this is called; false, and nothing done, where the row is otherwise.
*/
static inline int ReadInnerRow(Reader *reader, int D, PetscInt r, int64_t G)
{
  const FurlBox *const  box     = &reader->s->box;
  const PetscInt        step[3] = {1, box->n[0], box->n[0] * box->n[1]};
  const PetscInt        begin   = reader->csr->rowptr[r];
  const PetscInt *const column  = reader->csr->column + begin + D;
  const double *const   value   = reader->csr->value + begin + D;
  Row                   row     = {.G = G, .diagonal = reader->factor * value[0], .links = 2 * D};
  float                 ahead[3];
  int                   same = reader->csr->rowptr[r + 1] - begin == 2 * D + 1 && column[0] == r;

  for (int d = 0; same && d < D; d++) same = column[d + 1] == r + step[d] && column[-d - 1] == r - step[d];
  if (!same) return 0;
  row.sum  = row.diagonal;
  row.size = row.diagonal;
  for (int d = 0; d < D; d++) {
    const double after = -reader->factor * value[d + 1], before = -reader->factor * value[-d - 1];

    same &= after > 0 && before > 0 && (float)before == reader->s->link[d][G - box->stride[d]];
    ahead[d] = (float)after;
    row.sum -= after + before;
    row.size += after + before;
  }
  if (!same) return 0;
  for (int d = 0; d < D; d++) reader->s->link[d][G] = ahead[d];
  reader->couplings += 2 * D;
  reader->links += D;
  FinishRow(reader, &row);
  return 1;
}

static void ReadRows(Reader *reader)
{
  const PetscInt *const n = reader->s->box.n;
  Row                   row;
  PetscInt              r = 0;

  for (PetscInt k = 0; k < n[2]; k++)
    for (PetscInt j = 0; j < n[1]; j++)
      for (PetscInt i = 0; i < n[0]; i++, r++) {
        const int64_t G      = FurlBoxAt(&reader->s->box, i, j, k);
        const int     inside = i > 0 && i + 1 < n[0] && j > 0 && j + 1 < n[1];

        if (inside && k > 0 && k + 1 < n[2] && ReadInnerRow(reader, 3, r, G)) continue;
        if (inside && n[2] == 1 && ReadInnerRow(reader, 2, r, G)) continue;
        row = (Row){.at = {i, j, k}, .G = G};
        ReadEntries(reader, &row, r);
        FinishRow(reader, &row);
      }
}

/* A column that belongs to a row of its own is a boundary value: the link goes, and its weight stays on the diagonal */
static void CutOwnRows(Reader *reader, int d)
{
  FurlStencil *const   s   = reader->s;
  const FurlBox *const box = &s->box;

  for (PetscInt k = 0; k < box->n[2]; k++)
    for (PetscInt j = 0; j < box->n[1]; j++)
      for (PetscInt i = 0; i < box->n[0]; i++) {
        const PetscInt at    = d == 0 ? i : d == 1 ? j : k;
        const int64_t  here  = FurlBoxAt(box, i, j, k);
        const int64_t  there = here + (at + 1 < box->n[d] ? box->stride[d] : -(box->n[d] - 1) * box->stride[d]);
        const float    link  = s->link[d][here];

        if (link == 0 || (s->excess[here] >= 0 && s->excess[there] >= 0)) continue;
        if (s->excess[here] >= 0) s->excess[here] += link;
        if (s->excess[there] >= 0) s->excess[there] += link;
        s->link[d][here] = 0;
        reader->boundary++;
      }
}

static const char *Judge(const Reader *reader)
{
  const double few = STRANGE * (double)reader->csr->nrows;

  if (!(reader->least > 0)) return "the diagonal has zeros or both signs";
  if (!(reader->most <= RANGE * reader->least)) return "the range of the entries is too wide for the grid's FP32";
  if ((double)reader->elsewhere > few) return "too many couplings leave the box";
  if ((double)reader->positive > few) return "too many couplings have the diagonal's sign";
  if ((double)reader->negative > few) return "too many rows are not diagonally dominant";
  if ((double)(reader->unequal - reader->boundary) > few || fabs((double)(2 * reader->links - reader->boundary - reader->couplings)) > few)
    return "the matrix is not symmetric";
  return NULL;
}

/* The first diagonal entry gives sign and size */
static double SignedFactor(const FurlCsr *csr)
{
  for (PetscInt r = 0; r < csr->nrows; r++)
    for (PetscInt k = csr->rowptr[r]; k < csr->rowptr[r + 1]; k++) {
      const double value = csr->value[k];

      if (csr->column[k] == r && value != 0 && fabs(value) <= PETSC_MAX_REAL) return ldexp(value > 0 ? 1 : -1, -ilogb(value));
    }
  return 1;
}

/* Periodic directions are known after the pass only; ghosts need a box of their own */
static PetscErrorCode WithGhosts(FurlStencil *s, const int wrap[3])
{
  FurlStencil old = *s;
  FurlBox     box;

  PetscFunctionBegin;
  FurlBoxInit(&box, old.box.n, wrap);
  PetscCall(FurlStencilCreate(&box, s));
  for (PetscInt k = 0; k < box.n[2]; k++)
    for (PetscInt j = 0; j < box.n[1]; j++) {
      const int64_t from = FurlBoxAt(&old.box, 0, j, k), to = FurlBoxAt(&box, 0, j, k);

      for (int d = 0; d < 3; d++)
        if (s->link[d]) PetscCall(PetscArraycpy(s->link[d] + to, old.link[d] + from, box.n[0]));
      PetscCall(PetscArraycpy(s->excess + to, old.excess + from, box.n[0]));
    }
  PetscCall(FurlStencilDestroy(&old));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStencilFromCsr(const FurlCsr *csr, const PetscInt n[3], FurlStencil *s, double *factor, const char **why)
{
  const int none[3] = {0, 0, 0};
  Reader    reader  = {.csr = csr, .s = s, .factor = SignedFactor(csr), .least = PETSC_MAX_REAL};
  FurlBox   box;

  PetscFunctionBegin;
  FurlBoxInit(&box, n, none);
  PetscCall(FurlStencilCreate(&box, s));
  ReadRows(&reader);
  for (int d = 0; reader.own && d < 3; d++)
    if (s->link[d]) CutOwnRows(&reader, d);
  *factor = reader.factor;
  *why    = Judge(&reader);
  if (*why) {
    PetscCall(FurlStencilDestroy(s));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (reader.wrap[0] || reader.wrap[1] || reader.wrap[2]) PetscCall(WithGhosts(s, reader.wrap));
  FurlStencilFinish(s);
  PetscFunctionReturn(PETSC_SUCCESS);
}
