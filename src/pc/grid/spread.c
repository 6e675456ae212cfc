/*
  Links of a matrix of up to 27 points a row, whose couplings leave the axes. The cycle works on links along the axes, so a coupling c
  between cells that differ by (dx, dy, dz) is spread over the shortest paths between the two: each edge of the box that they span gets c
  over the number of edges in its direction. For smooth vectors the energy is the same but for mixed derivatives; links may be positive
  where the matrix's own couplings of neighbours are not (trilinear elements).
*/
#include "grid.h"

#define POSITIVE 1e-2 /* of the diagonal: links and excess below zero are left out up to here */
#define ASYMMETRY 1e-3
#define STRANGE 1e-2
#define RANGE 1e15
#define ENOUGH 0.6  /* of the sharpness that makes checkerboards right; iterations change little from 0.5 to 0.9 */
#define WEAKEST 0.1 /* of the energy of checkerboards by the links: S goes no further. Trilinear elements have 1/9 */

/* Displacements of the entries of the last inner rows by their offset from the diagonal */
typedef struct {
  PetscInt offset[27]; /* 0: none yet */
  int      step[27][3];
} Pattern;

typedef struct {
  const FurlCsr *csr;
  FurlStencil   *s;
  Pattern        known;
  double         factor;      /* signed */
  double         least, most; /* of the diagonal times factor */
  int64_t        unequal, negative, elsewhere, own;
  PetscInt       around[27]; /* by displacement: a full inner row's columns less its own */
  int            wrap[3];
  double         odd, paths; /* sums of full rows: couplings with an odd number of steps, and all spread along each direction */
} Spreader;

typedef struct {
  PetscInt at[3], r;
  int      inside; /* all neighbours are cells of the box */
  int64_t  G;
  double   sum, size, diagonal;
} Row;

static int IsBeyond(const FurlBox *box, PetscInt i, int d)
{
  return i < 0 || i >= box->n[d];
}

/* Where cell at + step is in direction d: around the ends where it is beyond */
static PetscInt Wrapped(const FurlBox *box, PetscInt i, int d)
{
  return !IsBeyond(box, i, d) ? i : i < 0 ? i + box->n[d] : i - box->n[d];
}

/* Displacement of column c, each part -1, 0 or 1; false where it is none of the 26 neighbours */
static int Displacement(Spreader *spreader, const Row *row, PetscInt c, int step[3])
{
  const PetscInt *const n     = spreader->s->box.n;
  const PetscInt        to[3] = {c % n[0], c / n[0] % n[1], c / n[0] / n[1]};

  for (int d = 0; d < 3; d++) {
    PetscInt o = to[d] - row->at[d];

    if (n[d] > 2 && (o == n[d] - 1 || o == 1 - n[d])) {
      o                 = o > 0 ? -1 : 1;
      spreader->wrap[d] = 1;
    }
    if (o < -1 || o > 1) return 0;
    step[d] = (int)o;
  }
  return 1;
}

/* The links in direction d on the shortest paths of a coupling with step[d] = 1 */
static void SpreadAlong(const Spreader *spreader, const Row *row, const int step[3], int d, double coupling)
{
  const FurlBox *const box = &spreader->s->box;
  const int            e = (d + 1) % 3, f = (d + 2) % 3;
  const float          share = (float)(coupling / ((step[e] ? 2 : 1) * (step[f] ? 2 : 1)));

  for (int y = 0; y <= (step[e] ? 1 : 0); y++)
    for (int z = 0; z <= (step[f] ? 1 : 0); z++) {
      PetscInt at[3];

      at[d] = row->at[d];
      at[e] = Wrapped(box, row->at[e] + y * step[e], e);
      at[f] = Wrapped(box, row->at[f] + z * step[f], f);
      spreader->s->link[d][FurlBoxAt(box, at[0], at[1], at[2])] += share;
    }
}

/* The mirror of row r's k-th entry, in an earlier row: as far from its end where both rows have the same columns around them, else
 * searched; zero where there is none */
static inline double Mirror(const FurlCsr *csr, PetscInt r, PetscInt k)
{
  const PetscInt c = csr->column[csr->rowptr[r] + k], there = csr->rowptr[c + 1] - 1 - k;

  if (there >= csr->rowptr[c] && csr->column[there] == r) return csr->value[there];
  for (PetscInt m = csr->rowptr[c]; m < csr->rowptr[c + 1]; m++)
    if (csr->column[m] == r) return csr->value[m];
  return 0;
}

static int IsOwn(const Spreader *spreader, PetscInt c)
{
  const FurlBox *const box = &spreader->s->box;

  return spreader->own && spreader->s->excess[FurlBoxAt(box, c % box->n[0], c / box->n[0] % box->n[1], c / box->n[0] / box->n[1])] < 0;
}

/* The same, but inner rows are mostly like the one before */
static int KnownDisplacement(Spreader *spreader, const Row *row, PetscInt k, PetscInt c, int step[3])
{
  Pattern *const known = &spreader->known;

  if (!row->inside || k >= 27) return Displacement(spreader, row, c, step);
  if (known->offset[k] != c - row->r) {
    if (!Displacement(spreader, row, c, known->step[k])) return 0;
    known->offset[k] = c - row->r;
  }
  for (int d = 0; d < 3; d++) step[d] = known->step[k][d];
  return 1;
}

static void ReadRow(Spreader *spreader, Row *row)
{
  const FurlCsr *const csr   = spreader->csr;
  const PetscInt       begin = csr->rowptr[row->r], end = csr->rowptr[row->r + 1];

  for (PetscInt k = begin; k < end; k++)
    if (csr->column[k] == row->r) row->diagonal = spreader->factor * csr->value[k];
  for (PetscInt k = begin; k < end; k++) {
    const double value = spreader->factor * csr->value[k];
    int          step[3];

    if (value == 0 || IsOwn(spreader, csr->column[k])) continue;
    row->sum += value;
    row->size += fabs(value);
    if (csr->column[k] == row->r) continue;
    if (!KnownDisplacement(spreader, row, k - begin, csr->column[k], step)) {
      spreader->elsewhere++;
      continue;
    }
    for (int d = 0; d < 3; d++)
      if (step[d] > 0) SpreadAlong(spreader, row, step, d, -value);
    if (csr->column[k] < row->r)
      spreader->unequal += fabs(spreader->factor * Mirror(csr, row->r, k - begin) - value) > ASYMMETRY * fabs(row->diagonal);
  }
}

static void FinishRow(Spreader *spreader, const Row *row)
{
  float *const excess = spreader->s->excess + row->G;

  if (row->diagonal < spreader->least) spreader->least = row->diagonal;
  if (row->diagonal > spreader->most) spreader->most = row->diagonal;
  *excess = fabs(row->sum) <= 4 * PETSC_MACHINE_EPSILON * row->size || row->sum < 0 ? 0 : (float)row->sum;
  if (row->sum < -POSITIVE * row->diagonal) spreader->negative++;
}

/* The nine couplings a, b = -1, 0, 1 across direction d, as shares of the nine links in that direction */
static inline void SpreadNine(const double w[3][3], float *link, int64_t a, int64_t b)
{
  double m[3][3];

  for (int k = 0; k < 3; k++) {
    m[k][0] = 0.5 * w[k][0];
    m[k][2] = 0.5 * w[k][2];
    m[k][1] = w[k][1] + m[k][0] + m[k][2];
  }
  for (int l = 0; l < 3; l++) {
    link[-a + (l - 1) * b] += (float)(0.5 * m[0][l]);
    link[(l - 1) * b] += (float)(m[1][l] + 0.5 * (m[0][l] + m[2][l]));
    link[a + (l - 1) * b] += (float)(0.5 * m[2][l]);
  }
}

/* What the checkerboard costs the matrix, and what it costs the links: a coupling is spread as often as it has steps */
static inline void CompareCheckerboards(Spreader *spreader, int D, const double *value)
{
  double odd = 0, paths = 0;

  for (int k = 0; k < (D == 3 ? 27 : 9); k++) {
    const int steps = (k % 3 != 1) + (k / 3 % 3 != 1) + (D == 3 && k / 9 != 1);

    odd -= steps % 2 ? value[k] : 0;
    paths -= steps * value[k];
  }
  spreader->odd += spreader->factor * odd;
  spreader->paths += spreader->factor * paths;
}

/* S multiplies checkerboards by 1 + 4 D sharpness, twice: enough of that to make them right, but not all, as vectors that are rough in one
 * direction alone would then be raised too far */
static double Sharpness(const Spreader *spreader, int D)
{
  const double ratio = spreader->paths > 0 ? spreader->odd / spreader->paths : 1;

  return ratio < 1 ? ENOUGH * (1 / sqrt(ratio > WEAKEST ? ratio : WEAKEST) - 1) / (4 * D) : 0;
}

static inline void SpreadFull(Spreader *spreader, const Row *row, int D, const double *value)
{
  static const int     place[3] = {1, 3, 9}; /* of the next column in each direction in a full row */
  const int64_t *const stride   = spreader->s->box.stride;

  for (int d = 0; d < D; d++) {
    const int e = D == 2 ? 1 - d : (d + 1) % 3, f = D == 2 ? 2 : (d + 2) % 3;
    double    w[3][3] = {{0}};

    for (int a = -1; a < 2; a++)
      for (int b = D == 2 ? 0 : -1; b < (D == 2 ? 1 : 2); b++)
        w[a + 1][b + 1] = -spreader->factor * value[place[d] + a * place[e] + b * place[f]];
    if (D == 3)
      SpreadNine(w, spreader->s->link[d] + row->G, stride[e], stride[f]);
    else {
      float *const link = spreader->s->link[d] + row->G;

      link[-stride[e]] += (float)(0.5 * w[0][1]);
      link[0] += (float)(w[1][1] + 0.5 * (w[0][1] + w[2][1]));
      link[stride[e]] += (float)(0.5 * w[2][1]);
    }
  }
}

/* Entries before the diagonal that differ from their mirrors */
static inline int UnequalMirrors(const Spreader *spreader, PetscInt r, int half, double bound)
{
  const double *const value   = spreader->csr->value + spreader->csr->rowptr[r];
  int                 unequal = 0;

  for (int k = 0; k < half; k++) unequal += fabs(Mirror(spreader->csr, r, k) - value[k]) > bound;
  return unequal;
}

/* An inner row with all its 3^D columns, far from rows of their own; false, and nothing done, where the row is otherwise */
static inline int ReadFullRow(Spreader *spreader, int D, Row *row)
{
  const FurlCsr *const  csr    = spreader->csr;
  const int             full   = D == 3 ? 27 : 9;
  const PetscInt        begin  = csr->rowptr[row->r];
  const PetscInt *const column = csr->column + begin;
  const double *const   value  = csr->value + begin;
  int                   other  = 0;
  double                sum = 0, size = 0;

  if (csr->rowptr[row->r + 1] - begin != full) return 0;
  for (int k = 0; k < full; k++) other |= column[k] - row->r != spreader->around[k];
  for (int k = 0; spreader->own && k < full; k++) other |= IsOwn(spreader, column[k]);
  if (other) return 0;
  for (int k = 0; k < full; k++) {
    sum += value[k];
    size += fabs(value[k]);
  }
  row->sum      = spreader->factor * sum;
  row->size     = fabs(spreader->factor) * size;
  row->diagonal = spreader->factor * value[full / 2];
  SpreadFull(spreader, row, D, value + full / 2);
  CompareCheckerboards(spreader, D, value);
  spreader->unequal += UnequalMirrors(spreader, row->r, full / 2, ASYMMETRY * fabs(value[full / 2]));
  return 1;
}

/* Rows that hold nothing but their diagonal */
static void MarkOwnRows(Spreader *spreader)
{
  const FurlCsr *const csr = spreader->csr;
  const FurlBox *const box = &spreader->s->box;

  for (PetscInt r = 0; r < csr->nrows; r++) {
    double   diagonal = 0;
    PetscInt others   = 0;

    if (csr->rowptr[r + 1] - csr->rowptr[r] > 1 && csr->value[csr->rowptr[r]] != 0 && csr->column[csr->rowptr[r]] != r) continue;
    for (PetscInt k = csr->rowptr[r]; k < csr->rowptr[r + 1]; k++) {
      if (csr->column[k] == r)
        diagonal = spreader->factor * csr->value[k];
      else
        others += csr->value[k] != 0;
    }
    if (others) continue;
    spreader->s->excess[FurlBoxAt(box, r % box->n[0], r / box->n[0] % box->n[1], r / box->n[0] / box->n[1])] = -(float)diagonal;
    if (!(diagonal >= spreader->least)) spreader->least = diagonal;
    if (diagonal > spreader->most) spreader->most = diagonal;
    spreader->own++;
  }
}

static void ReadRows(Spreader *spreader)
{
  const PetscInt *const n = spreader->s->box.n;
  const int             D = n[2] > 1 ? 3 : 2;
  Row                   row;
  PetscInt              r = 0;

  for (int k = 0; k < (D == 3 ? 27 : 9); k++)
    spreader->around[k] = k % 3 - 1 + n[0] * (k / 3 % 3 - 1) + (D == 3 ? n[0] * n[1] * (k / 9 - 1) : 0);
  for (PetscInt k = 0; k < n[2]; k++)
    for (PetscInt j = 0; j < n[1]; j++)
      for (PetscInt i = 0; i < n[0]; i++, r++) {
        const int inside = i > 0 && i + 1 < n[0] && j > 0 && j + 1 < n[1] && (D == 2 || (k > 0 && k + 1 < n[2]));

        row = (Row){.at = {i, j, k}, .r = r, .inside = inside, .G = FurlBoxAt(&spreader->s->box, i, j, k)};
        if (spreader->own && spreader->s->excess[row.G] < 0) continue;
        if (!inside || !(D == 3 ? ReadFullRow(spreader, 3, &row) : ReadFullRow(spreader, 2, &row))) ReadRow(spreader, &row);
        FinishRow(spreader, &row);
      }
}

/* A link below zero has no place in an M-matrix: it is left out. On the faces of the box, where half of the paths are missing, it is no
 * sign that the method does not suit */
static int64_t CutNegative(FurlStencil *s, int d, double bound)
{
  const PetscInt *const n   = s->box.n;
  int64_t               cut = 0;

  for (PetscInt k = 0; k < n[2]; k++)
    for (PetscInt j = 0; j < n[1]; j++)
      for (PetscInt i = 0; i < n[0]; i++) {
        float *const link   = s->link[d] + FurlBoxAt(&s->box, i, j, k);
        const int    inside = i > 0 && i + 2 < n[0] && j > 0 && j + 2 < n[1] && (n[2] == 1 || (k > 0 && k + 2 < n[2]));

        cut += inside && (double)*link < -bound;
        if (!(*link > 0)) *link = 0;
      }
  return cut;
}

static const char *Judge(const Spreader *spreader, int64_t cut)
{
  const double few = STRANGE * (double)spreader->csr->nrows;

  if (!(spreader->least > 0)) return "the diagonal has zeros or both signs";
  if (!(spreader->most <= RANGE * spreader->least)) return "the diagonal's range is too wide for the grid's FP32";
  if ((double)spreader->elsewhere > few) return "too many couplings leave the box";
  if ((double)spreader->negative > few) return "too many rows are not diagonally dominant";
  if ((double)spreader->unequal > few) return "the matrix is not symmetric";
  if ((double)cut > few) return "too many couplings have the diagonal's sign";
  return NULL;
}

/* A column that belongs to a row of its own is a boundary value: the link goes, and its weight stays on the diagonal */
static void CutOwnLinks(Spreader *spreader, int d)
{
  FurlStencil *const    s = spreader->s;
  const PetscInt *const n = s->box.n;
  PetscInt              r = 0;

  for (; r < n[0] * n[1] * n[2]; r++) {
    PetscInt at[3] = {r % n[0], r / n[0] % n[1], r / n[0] / n[1]};
    int64_t  here  = FurlBoxAt(&s->box, at[0], at[1], at[2]), there;
    float    link  = s->link[d][here];

    at[d] = (at[d] + 1) % n[d];
    there = FurlBoxAt(&s->box, at[0], at[1], at[2]);
    if (link == 0 || (s->excess[here] >= 0 && s->excess[there] >= 0)) continue;
    if (s->excess[here] >= 0) s->excess[here] += link;
    if (s->excess[there] >= 0) s->excess[there] += link;
    s->link[d][here] = 0;
  }
}

static void ReadAll(Spreader *spreader)
{
  spreader->least   = PETSC_MAX_REAL;
  spreader->most    = -PETSC_MAX_REAL;
  spreader->unequal = spreader->negative = spreader->elsewhere = spreader->own = 0;
  spreader->odd = spreader->paths = 0;
  MarkOwnRows(spreader);
  ReadRows(spreader);
}

/* Once more with the directions that turned out to be periodic, whose ghosts the first pass had no room for */
static PetscErrorCode ReadPeriodic(Spreader *spreader)
{
  FurlLayout layout = spreader->s->layout;

  PetscFunctionBegin;
  spreader->s->layout.piece = NULL;
  for (int d = 0; d < 3; d++) layout.periodic[d] = spreader->wrap[d];
  PetscCall(FurlStencilDestroy(spreader->s));
  PetscCall(FurlStencilCreate(&layout, spreader->s));
  ReadAll(spreader);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStencilSpread(const FurlCsr *csr, FurlLayout *layout, FurlStencil *s, double *factor, const char **why)
{
  Spreader spreader = {.csr = csr, .s = s};
  int64_t  cut      = 0;

  PetscFunctionBegin;
  PetscCall(FurlSignedFactor(layout->comm, csr, factor));
  spreader.factor = *factor;
  PetscCall(FurlStencilCreate(layout, s));
  ReadAll(&spreader);
  if (spreader.wrap[0] || spreader.wrap[1] || spreader.wrap[2]) PetscCall(ReadPeriodic(&spreader));
  for (int d = 0; d < 3; d++) {
    if (!s->link[d]) continue;
    cut += CutNegative(s, d, POSITIVE * spreader.least);
    if (spreader.own) CutOwnLinks(&spreader, d);
  }
  *why = Judge(&spreader, cut);
  if (*why) {
    PetscCall(FurlStencilDestroy(s));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(FurlStencilFinish(s));
  s->sharpness = Sharpness(&spreader, s->box.n[2] > 1 ? 3 : 2);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* More entries than neighbours along the axes: some couplings leave them */
PetscErrorCode FurlStencilIsWide(const FurlLayout *layout, const FurlRows *rows, int *wide)
{
  double sums[2] = {(double)rows->entries, (double)rows->parts.diagonal.nrows};
  int    points  = 1;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sums, 2, MPI_DOUBLE, MPI_SUM, layout->comm));
  for (int d = 0; d < 3; d++) points += layout->N[d] > 1 ? 2 : 0;
  *wide = sums[0] > points * sums[1];
  PetscFunctionReturn(PETSC_SUCCESS);
}
