/* Links and excess of a matrix on a box, from its rows: every entry is looked at once */
#include "grid.h"

#define ASYMMETRY 1e-3 /* of the diagonal: entries and their mirrors may differ by as much, and the larger counts */
#define POSITIVE 1e-2  /* of the diagonal: couplings of the wrong sign and excess below zero are left out up to here */
#define AT_ONCE 4096   /* rows that are decoded together, so that they stay in cache */
#define FEW 8          /* rows: a kernel that takes 32 at a time would be no faster */
#define ROUNDING (4 * PETSC_MACHINE_EPSILON) /* of the sum of a row's magnitudes */
#define EXACT 2e-4   /* of a coupling: mirrors that differ by less are one coupling to a cycle that rounds it to 2^-11 */
#define STRANGE 1e-2 /* of all rows: as many may be otherwise before the box is given up */
#define RANGE 1e15   /* the largest row over the smallest diagonal entry */

/* What is counted, summed over the processes */
typedef struct {
  double unequal;   /* couplings that differ from their mirrors */
  double positive;  /* couplings of the diagonal's sign */
  double negative;  /* rows that are not diagonally dominant */
  double inexact;   /* whatever else the stencil leaves out or makes equal, beyond the rounding of its couplings */
  double elsewhere; /* couplings that lead to no neighbour */
  double couplings; /* entries that are neighbours on this process, and */
  double links;     /* links: half as many where the matrix is symmetric */
  double own;       /* rows that hold nothing but their diagonal, and */
  double boundary;  /* links to them, which have one entry each */
  double behind;    /* couplings whose link may have been told by a row of another process or of the other end */
  double wrap[3];   /* couplings across the ends of a direction that is not periodic yet */
} Counts;

#define NCOUNTS ((int)(sizeof(Counts) / sizeof(double)))

/* The state of one pass over the rows */
typedef struct {
  Mat               A;
  FurlRows         *rows;
  const PetscInt   *range;       /* [processes + 1] first rows */
  PetscInt          first, end;  /* rows of this process */
  FurlStencil      *s;           /* what is written */
  PetscInt          start[3];    /* where its cells begin in the box of all */
  const FurlLayout *layout;      /* of the box of all */
  FurlLayout        wrapped;     /* the same, periodic in all directions that could be */
  PetscMPIInt       guess;       /* the process that was found last */
  double            factor;      /* signed */
  double           *found;       /* what kernels say of the slices of a line */
  double            least, most; /* diagonal and sum of a row's magnitudes, times factor */
  FurlEntries       own;         /* rows that hold nothing but their diagonal */
  FurlEntries       behind;      /* couplings, times factor, that only the row of their column has the link of, which is not read here */
  PetscErrorCode    ierr;        /* of the two lists */
  Counts            count;
} Reader;

typedef struct {
  PetscInt at[3]; /* the cell of the row */
  int64_t  G;
  double   sum, size, diagonal;
  PetscInt r;         /* the row, counted from the first of this process */
  PetscInt beside[6]; /* rows of the matrix before and after in each direction, -1 where there is none */
  int      found[6];  /* whether the row has entries there */
  int      links;
} Row;

static void Keep(Reader *reader, FurlEntries *list, const Row *row, PetscInt column, double value)
{
  const PetscErrorCode ierr = FurlEntriesAdd(list, (FurlEntry){row->r, column, value});

  if (ierr) reader->ierr = ierr;
}

/* Row of the matrix at side +1 or -1 of the row's cell in direction d, by that layout; -1 where there is none */
static PetscInt Beside(Reader *reader, const FurlLayout *layout, const Row *row, int d, int side)
{
  const FurlPiece *piece;
  PetscInt         at[3];

  for (int k = 0; k < 3; k++) at[k] = reader->start[k] + row->at[k] + (k == d ? side : 0);
  reader->guess = FurlLayoutFind(layout, at, reader->guess);
  if (reader->guess < 0) return -1;
  if (layout->along >= 0) return at[0] + layout->N[0] * (at[1] + layout->N[1] * at[2]);
  piece = &layout->piece[reader->guess];
  for (int k = 0; k < 3; k++) at[k] -= piece->start[k];
  return reader->range[reader->guess] + at[0] + piece->n[0] * (at[1] + piece->n[1] * at[2]);
}

static void FindBeside(Reader *reader, Row *row, PetscInt r)
{
  const FurlLayout *const layout  = reader->layout;
  const PetscInt *const   n       = reader->s->box.n;
  const PetscInt          step[3] = {1, n[0], n[0] * n[1]}, here = reader->first + r;

  for (int d = 0; d < 3; d++)
    for (int side = 0; side < 2; side++) {
      const int inside = side ? row->at[d] + 1 < n[d] : row->at[d] > 0;

      row->beside[2 * d + side] = layout->N[d] == 1 ? -1
                                  : inside          ? here + (side ? step[d] : -step[d])
                                                    : Beside(reader, layout, row, d, 2 * side - 1);
    }
}

/* The direction in which the matrix's column follows the cell across the ends of the box; -1 where it does not */
static int AcrossEnds(Reader *reader, const Row *row, PetscInt column)
{
  for (int d = 0; d < 3; d++)
    for (int side = -1; reader->wrapped.periodic[d] && side <= 1; side += 2)
      if (row->beside[2 * d + (side > 0)] < 0 && Beside(reader, &reader->wrapped, row, d, side) == column) return d;
  return -1;
}

/* One coupling. The earlier row of the two writes the link, the later compares, if both are of this process */
static void ReadCoupling(Reader *reader, const Row *row, int d, int side, PetscInt column, double coupling)
{
  const FurlBox *const box   = &reader->s->box;
  float *const         link  = reader->s->link[d] + row->G - (side < 0 ? box->stride[d] : 0);
  const float          value = coupling > 0 ? (float)coupling : 0;
  const int            ends  = row->at[d] == (side > 0 ? box->n[d] - 1 : 0);
  const int            both  = !ends && column >= reader->first && column < reader->end;

  reader->count.couplings += both;
  if (side > 0) {
    *link = value;
    reader->count.links += both;
  } else if (!both) {
    reader->count.behind++;
    Keep(reader, &reader->behind, row, column, coupling);
  } else {
    const float difference = value > *link ? value - *link : *link - value;
    const int   own        = reader->s->excess[row->G - box->stride[d]] < 0; /* such a row has no mirror to compare with */

    reader->count.links += *link == 0;
    reader->count.unequal += !own && difference > ASYMMETRY * fabs(row->diagonal);
    reader->count.inexact += !own && difference > EXACT * value;
    if (value > *link) *link = value;
  }
}

/* An entry off the diagonal; column: of the matrix */
static void ReadEntry(Reader *reader, Row *row, PetscInt column, double coupling)
{
  int k = 0;

  row->links++;
  while (k < 6 && row->beside[k] != column) k++;
  if (k < 6) {
    reader->count.positive += coupling < -POSITIVE * row->diagonal;
    reader->count.inexact += coupling < 0;
    row->found[k] = 1;
    ReadCoupling(reader, row, k / 2, k % 2 ? 1 : -1, column, coupling);
  } else {
    const int d = AcrossEnds(reader, row, column);

    if (d >= 0)
      reader->count.wrap[d]++;
    else
      reader->count.elsewhere++;
  }
}

static void ReadEntries(Reader *reader, Row *row, PetscInt r)
{
  const FurlAijParts *const parts = &reader->rows->parts;
  const FurlCsr *const csr = &parts->diagonal, *const off = &parts->offdiagonal;
  const PetscInt first = reader->first, q = r - reader->rows->first; /* among the rows at hand */
  const PetscInt begin = off->nrows ? off->rowptr[q] : 0, end = off->nrows ? off->rowptr[q + 1] : 0;

  for (PetscInt k = csr->rowptr[q]; k < csr->rowptr[q + 1]; k++) {
    const double value = reader->factor * csr->value[k];

    row->sum += value;
    row->size += fabs(value);
    if (csr->column[k] == r) row->diagonal = value;
  }
  for (PetscInt k = begin; k < end; k++) {
    row->sum += reader->factor * off->value[k];
    row->size += fabs(reader->factor * off->value[k]);
  }
  for (PetscInt k = csr->rowptr[q]; k < csr->rowptr[q + 1]; k++)
    if (csr->column[k] != r && csr->value[k] != 0) ReadEntry(reader, row, first + csr->column[k], -reader->factor * csr->value[k]);
  for (PetscInt k = begin; k < end; k++)
    if (off->value[k] != 0) ReadEntry(reader, row, parts->ghost[off->column[k]], -reader->factor * off->value[k]);
}

/* Links that an earlier row has told, and this one does not know of */
static int CountMissing(const Reader *reader, const Row *row)
{
  const FurlStencil *const s       = reader->s;
  int                      missing = 0;

  for (int d = 0; d < 3; d++) missing += row->at[d] > 0 && s->link[d] && s->link[d][row->G - s->box.stride[d]] > 0 && !row->found[2 * d];
  return missing;
}

static void FinishRow(Reader *reader, const Row *row)
{
  float *const excess = reader->s->excess + row->G;
  const double size   = row->size <= PETSC_MAX_REAL ? row->size : INFINITY; /* NaN too */

  if (row->diagonal < reader->least) reader->least = row->diagonal;
  if (size > reader->most) reader->most = size;
  if (row->links == 0) {
    *excess = -(float)row->diagonal;
    reader->count.own++;
    Keep(reader, &reader->own, row, reader->first + row->r, row->diagonal / reader->factor);
    return;
  }
  reader->count.inexact += CountMissing(reader, row);
  if (fabs(row->sum) <= 4 * PETSC_MACHINE_EPSILON * row->size)
    *excess = 0;
  else if (row->sum < 0) {
    *excess = 0;
    reader->count.negative += row->sum < -POSITIVE * row->diagonal;
    reader->count.inexact++;
  } else
    *excess = (float)row->sum;
}

static void ReadRow(Reader *reader, const PetscInt at[3], PetscInt r)
{
  Row row = {.at = {at[0], at[1], at[2]}, .G = FurlBoxAt(&reader->s->box, at[0], at[1], at[2]), .r = r};

  FindBeside(reader, &row, r);
  ReadEntries(reader, &row, r);
  FinishRow(reader, &row);
}

/* The directions of a line whose inner cells have all their neighbours in the numbering of this process's box; 0 where they have not */
static int InnerDirections(const Reader *reader, const PetscInt at[3])
{
  const PetscInt *const n = reader->s->box.n, *const N = reader->layout->N;
  const int D = N[2] > 1 ? 3 : N[1] > 1 ? 2 : 1;

  for (int d = 1; d < D; d++)
    if (at[d] == 0 || at[d] + 1 >= n[d]) return 0;
  return D;
}

/* Whether n rows from r on have 2 D + 1 entries each, in the order of their columns, and these are the neighbours */
static int HaveAllNeighbours(const Reader *reader, int D, PetscInt r, PetscInt n)
{
  const FurlCsr *const csr = &reader->rows->parts.diagonal, *const off = &reader->rows->parts.offdiagonal;
  const PetscInt *const size = reader->s->box.n;
  const PetscInt        q    = r - reader->rows->first; /* among the rows at hand */
  const PetscInt        step = size[0], plane = size[0] * size[1];
  const PetscInt offset[7] = {-plane, -step, -1, 0, 1, step, plane}, *const from = offset + 3 - D;
  const PetscInt begin = csr->rowptr[q], width = 2 * D + 1;
  PetscInt       differ = off->nrows ? off->rowptr[q + n] - off->rowptr[q] : 0;

  for (PetscInt i = 0; i <= n; i++) differ |= csr->rowptr[q + i] - begin - width * i;
  for (PetscInt i = 0; !differ && i < n; i++) {
    __builtin_prefetch(csr->value + begin + width * i); /* they are read next */
    for (PetscInt k = 0; k < width; k++) differ |= csr->column[begin + width * i + k] - (r + i) - from[k];
  }
  return !differ;
}

/* What the kernels found in rows r .. r + m - 1; rows with anything unusual are read one by one */
static void TakeFound(Reader *reader, const double *found, int D, const PetscInt at[3], PetscInt r, PetscInt m)
{
  const int64_t G = FurlBoxAt(&reader->s->box, at[0], at[1], at[2]);

  if (!found[FURL_GRID_STRANGE] && !found[FURL_GRID_MIRROR]) {
    reader->least = PetscMin(reader->least, -found[FURL_GRID_LEAST]);
    reader->most  = PetscMax(reader->most, found[FURL_GRID_MOST]);
    reader->count.couplings += 2. * D * (double)m;
    reader->count.links += D * (double)m;
    reader->count.negative += found[FURL_GRID_NEGATIVE];
    reader->count.inexact += found[FURL_GRID_BELOW];
    return;
  }
  memset(reader->s->excess + G, 0, (size_t)m * sizeof(float));
  for (int d = 0; d < D; d++) memset(reader->s->link[d] + G, 0, (size_t)m * sizeof(float));
  for (PetscInt l = 0; l < m; l++) ReadRow(reader, (PetscInt[3]){at[0] + l, at[1], at[2]}, r + l);
}

/* Rows of the n inner cells of a line from cell `at` on, where they are as nearly all rows of nearly all matrices: 0, and nothing done,
 * where they are not */
static int ReadInnerCells(Reader *reader, const PetscInt at[3], PetscInt r, PetscInt n)
{
  const FurlBox *const box = &reader->s->box;
  const int64_t        G = FurlBoxAt(box, at[0], at[1], at[2]), items = (n + FURL_WIDTH - 1) / FURL_WIDTH;
  const int            D    = InnerDirections(reader, at);
  const FurlCsr *const csr  = &reader->rows->parts.diagonal;
  FurlGridReadArgs     args = {.value      = csr->value + csr->rowptr[r - reader->rows->first],
                               .factor     = reader->factor,
                               .positive   = POSITIVE,
                               .rounding   = ROUNDING,
                               .n          = n,
                               .directions = D,
                               .excess     = reader->s->excess + G,
                               .found      = reader->found};

  if (!D || !HaveAllNeighbours(reader, D, r, n)) return 0;
  for (int d = 0; d < D; d++) {
    args.link[d] = reader->s->link[d] + G;
    args.step[d] = box->stride[d];
  }
  FurlLaunch(&FurlKernelFurlGridRead, &args, items);
  FurlLaunch(&FurlKernelFurlGridMirrors, &args, items);
  for (PetscInt i = 0; i < n; i += FURL_WIDTH)
    TakeFound(reader, reader->found + i / FURL_WIDTH * FURL_GRID_FOUND, D, (PetscInt[3]){at[0] + i, at[1], at[2]}, r + i,
              PetscMin(FURL_WIDTH, n - i));
  return 1;
}

/* The rows of a line from cell `at` on, of which this process has n */
static void ReadLine(Reader *reader, const PetscInt at[3], PetscInt r, PetscInt n)
{
  const PetscInt begin = at[0] == 0 ? 1 : 0, all = PetscMin(n, reader->s->box.n[0] - 1 - at[0]) - begin;
  const PetscInt inner = all % FURL_WIDTH < FEW ? all - all % FURL_WIDTH : all;
  PetscInt       i     = 0;

  while (i < n) {
    if (i == begin && inner > 0 && ReadInnerCells(reader, (PetscInt[3]){at[0] + i, at[1], at[2]}, r + i, inner))
      i += inner;
    else {
      ReadRow(reader, (PetscInt[3]){at[0] + i, at[1], at[2]}, r + i);
      i++;
    }
  }
}

/* The rows follow each other as the cells do, from this one on */
static PetscInt FirstCell(const Reader *reader)
{
  const PetscInt *const N = reader->layout->N, *const start = reader->start;

  return reader->layout->along < 0 ? 0 : reader->first - start[0] - N[0] * (start[1] + N[1] * start[2]);
}

static PetscErrorCode ReadRows(Reader *reader)
{
  const PetscInt *const n     = reader->s->box.n;
  const PetscInt        begin = FirstCell(reader), nrows = reader->end - reader->first;

  PetscFunctionBegin;
  if (nrows == 0) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1((n[0] / FURL_WIDTH + 1) * FURL_GRID_FOUND, &reader->found));
  for (PetscInt r = 0, m; r < nrows; r += m) {
    const PetscInt cell = begin + r;

    m = PetscMin(n[0] - cell % n[0], nrows - r);
    if (r + m > reader->rows->end || r < reader->rows->first)
      PetscCall(FurlRowsTake(reader->rows, r, PetscMin(PetscMax(m, AT_ONCE), nrows - r)));
    ReadLine(reader, (PetscInt[3]){cell % n[0], cell / n[0] % n[1], cell / n[0] / n[1]}, r, m);
    PetscCall(reader->ierr);
  }
  PetscCall(PetscFree(reader->found));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A column that belongs to a row of its own is a boundary value: the link goes, and its weight stays on the diagonal */
static void CutLink(Reader *reader, int d, int64_t here, int ghost)
{
  float *const excess = reader->s->excess, *const link = reader->s->link[d] + here;
  const int64_t there = here + reader->s->box.stride[d];

  if (*link == 0 || (excess[here] >= 0 && excess[there] >= 0)) return;
  if (excess[here] >= 0) excess[here] += *link;
  if (excess[there] >= 0) excess[there] += *link;
  *link = 0;
  reader->count.boundary += !ghost;
}

static PetscErrorCode CutOwnRows(Reader *reader)
{
  FurlStencil *const   s   = reader->s;
  const FurlBox *const box = &s->box;

  PetscFunctionBegin;
  for (int d = 0; d < 3; d++)
    if (s->link[d]) PetscCall(FurlGhostsFill(&s->ghosts, s->link[d]));
  PetscCall(FurlGhostsFill(&s->ghosts, s->excess));
  for (PetscInt k = 0; k < box->n[2]; k++)
    for (PetscInt j = 0; j < box->n[1]; j++)
      for (PetscInt i = 0; i < box->n[0]; i++) {
        const PetscInt at[3] = {i, j, k};
        const int64_t  G     = FurlBoxAt(box, i, j, k);

        for (int d = 0; d < 3; d++) {
          if (!s->link[d]) continue;
          if (at[d] == 0 && box->ghosts[d]) CutLink(reader, d, G - box->stride[d], 1);
          if (at[d] + 1 < box->n[d] || box->ghosts[d]) CutLink(reader, d, G, at[d] + 1 == box->n[d]);
        }
      }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *Judge(const Reader *reader, double rows)
{
  const Counts *const count = &reader->count;
  const double        few   = STRANGE * rows;

  if (!(reader->least > 0)) return "the diagonal has zeros or both signs";
  if (!(reader->most <= RANGE * reader->least)) return "the range of the entries is too wide for the grid's FP32";
  if (count->elsewhere > few) return "too many couplings leave the box";
  if (count->positive > few) return "too many couplings have the diagonal's sign";
  if (count->negative > few) return "too many rows are not diagonally dominant";
  if (count->unequal > few || fabs(2 * count->links - count->boundary - count->couplings) > few) return FURL_NOT_SYMMETRIC;
  return NULL;
}

/* The first diagonal entry of each process gives sign and size, the largest counts; processes without rows have none */
PetscErrorCode FurlSignedFactor(MPI_Comm comm, const FurlCsr *csr, double *factor)
{
  double most[3] = {-PETSC_MAX_REAL, -1, -1}; /* exponent, whether there is a positive entry, whether a negative one */

  PetscFunctionBegin;
  for (PetscInt r = 0; r < csr->nrows && most[0] == -PETSC_MAX_REAL; r++)
    for (PetscInt k = csr->rowptr[r]; k < csr->rowptr[r + 1]; k++) {
      const double value = csr->value[k];

      if (csr->column[k] != r || value == 0 || !(fabs(value) <= PETSC_MAX_REAL)) continue;
      most[0] = ilogb(value);
      most[1] = value > 0;
      most[2] = value < 0;
    }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, most, 3, MPI_DOUBLE, MPI_MAX, comm));
  *factor = most[0] == -PETSC_MAX_REAL ? 1 : ldexp(most[1] > 0 ? 1 : -1, -(int)most[0]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Couplings to rows of their own that have not told the link, and whose process does not know of it: boundary values */
static PetscErrorCode TieToOwnRows(Reader *reader)
{
  const FurlEntries *const behind = &reader->behind;
  const FurlBox *const     box    = &reader->s->box;
  const PetscInt           begin  = FirstCell(reader);
  PetscInt                *meets;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(behind->n, &meets));
  PetscCall(FurlEntriesMeetRows(behind, reader->A, &reader->own, meets));
  for (size_t k = 0; k < behind->n; k++) {
    const PetscInt cell = begin + behind->entry[k].row;
    const double   link = behind->entry[k].value;

    if (meets[k] && link > 0)
      reader->s->excess[FurlBoxAt(box, cell % box->n[0], cell / box->n[0] % box->n[1], cell / box->n[0] / box->n[1])] += (float)link;
  }
  PetscCall(PetscFree(meets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Reads all rows and adds up what the processes counted */
static PetscErrorCode ReadAll(Reader *reader)
{
  const MPI_Comm comm = reader->layout->comm;

  PetscFunctionBegin;
  reader->count = (Counts){0};
  reader->own.n = reader->behind.n = 0;
  reader->least                    = PETSC_MAX_REAL;
  reader->most                     = -PETSC_MAX_REAL;
  reader->wrapped                  = *reader->layout;
  for (int d = 0; d < 3; d++) reader->wrapped.periodic[d] = reader->wrapped.N[d] > 2;
  PetscCall(ReadRows(reader));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &reader->least, 1, MPI_DOUBLE, MPI_MIN, comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &reader->most, 1, MPI_DOUBLE, MPI_MAX, comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &reader->count, NCOUNTS, MPI_DOUBLE, MPI_SUM, comm));
  if (reader->count.own > 0 && reader->count.behind > 0) PetscCall(TieToOwnRows(reader));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All rows into a stencil of the layout, by way of one of the rows' own box where the two differ */
static PetscErrorCode ReadInto(Reader *reader, FurlStencil *s)
{
  FurlLayout  rows;
  FurlStencil read;
  PetscInt    begin;

  PetscFunctionBegin;
  reader->layout = &s->layout;
  reader->s      = s;
  for (int d = 0; d < 3; d++) reader->start[d] = s->layout.piece[s->layout.rank].start[d];
  if (s->layout.along < 0) {
    PetscCall(ReadAll(reader));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(FurlLayoutOfRows(&s->layout, reader->range, s->layout.rank, &rows, &begin));
  for (int d = 0; d < 3; d++) reader->start[d] = d == s->layout.along ? begin : 0;
  PetscCall(FurlStencilCreate(&rows, &read));
  reader->s = &read;
  PetscCall(ReadAll(reader));
  PetscCall(FurlStencilDeliver(&read, reader->range, s));
  PetscCall(FurlStencilDestroy(&read));
  reader->s = s;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Once more with the directions that turned out to be periodic, whose ghosts the first pass had no room for */
static PetscErrorCode ReadPeriodic(Reader *reader, FurlStencil *s)
{
  FurlLayout layout = s->layout;

  PetscFunctionBegin;
  s->layout.piece = NULL;
  for (int d = 0; d < 3; d++) layout.periodic[d] = reader->count.wrap[d] > 0;
  PetscCall(FurlStencilDestroy(s));
  PetscCall(FurlStencilCreate(&layout, s));
  PetscCall(ReadInto(reader, s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The diagonal of the rows that come first tells sign and size */
static PetscErrorCode FindFactor(MPI_Comm comm, FurlRows *rows, double *factor)
{
  const PetscInt n     = PetscMin((PetscInt)rows->parts.diagonal.nrows, AT_ONCE);
  FurlCsr        first = {.nrows = 0};

  PetscFunctionBegin;
  if (n) {
    PetscCall(FurlRowsTake(rows, 0, n));
    first       = rows->parts.diagonal;
    first.nrows = rows->end;
  }
  PetscCall(FurlSignedFactor(comm, &first, factor));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStencilFromMat(Mat A, FurlRows *rows, FurlLayout *layout, FurlStencil *s, double *factor, const char **why)
{
  Reader   reader = {.A = A, .rows = rows, .guess = -1, .ierr = PETSC_SUCCESS};
  PetscInt total;
  double   boundary;

  PetscFunctionBegin;
  PetscCall(MatGetSize(A, &total, NULL));
  PetscCall(MatGetOwnershipRanges(A, &reader.range));
  PetscCall(MatGetOwnershipRange(A, &reader.first, &reader.end));
  PetscCall(FindFactor(layout->comm, rows, factor));
  reader.factor = *factor;
  PetscCall(FurlStencilCreate(layout, s));
  PetscCall(ReadInto(&reader, s));
  if (reader.count.wrap[0] + reader.count.wrap[1] + reader.count.wrap[2] > 0) PetscCall(ReadPeriodic(&reader, s));
  if (reader.count.own > 0) {
    PetscCall(CutOwnRows(&reader));
    boundary = reader.count.boundary;
    PetscCallMPI(MPI_Allreduce(&boundary, &reader.count.boundary, 1, MPI_DOUBLE, MPI_SUM, s->layout.comm));
  }
  *why = Judge(&reader, (double)total);
  if (*why)
    PetscCall(FurlStencilDestroy(s));
  else
    PetscCall(FurlStencilFinish(s));
  s->faithful = !reader.count.inexact && !reader.count.elsewhere;
  s->nown     = reader.count.own;
  PetscCall(FurlEntriesDestroy(&reader.behind));
  if (*why)
    PetscCall(FurlEntriesDestroy(&reader.own));
  else
    s->own = reader.own;
  PetscFunctionReturn(PETSC_SUCCESS);
}
