/*
  Links and winds of a nonsymmetric matrix of 5 or 7 points, as upwind differences of a flow make it. Of two couplings that are mirrors the
  smaller is the link, and what the other has beyond it the wind. A link is damped on coarse levels as ever; winds are summed as they are,
  so that every level stays upwind.
*/
#include "grid.h"

#define POSITIVE 1e-2 /* of the diagonal: couplings of the wrong sign and excess below zero are left out up to here */
#define STRANGE 1e-2  /* of all rows: as many may be otherwise before the box is given up */
#define RANGE 1e15    /* the largest diagonal entry over the smallest */

/* Summed over the processes */
typedef struct {
  double positive, negative, elsewhere, own, rows;
  double wrap[3]; /* couplings across the ends of a direction */
} Counts;

#define NCOUNTS ((int)(sizeof(Counts) / sizeof(double)))

/* While the rows are read, link[d] holds a cell's own coupling ahead and wind[d] that back */
typedef struct {
  const FurlAijParts *parts;
  PetscInt           *ghost; /* [3 x ghosts] cells that the columns of others stand for, in the box of all */
  FurlStencil        *s;
  double              factor;      /* signed */
  double              least, most; /* of the diagonal times factor */
  Counts              count;
} Reader;

typedef struct {
  PetscInt at[3], r;
  int64_t  G;
  double   sum, size, diagonal;
  int      links;
} Row;

/* Cell of row r of a process, which has its cells in natural order */
static void CellOf(const FurlPiece *piece, PetscInt r, PetscInt at[3])
{
  at[0] = piece->start[0] + r % piece->n[0];
  at[1] = piece->start[1] + r / piece->n[0] % piece->n[1];
  at[2] = piece->start[2] + r / piece->n[0] / piece->n[1];
}

static PetscErrorCode ListGhosts(Reader *reader, const PetscInt *range)
{
  const FurlLayout *const layout = &reader->s->layout;
  const PetscInt          n      = reader->parts->offdiagonal.ncols;
  PetscMPIInt             rank   = 0;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(3 * n, &reader->ghost));
  for (PetscInt k = 0; k < n; k++) { /* ascending */
    const PetscInt column = reader->parts->ghost[k];

    while (column >= range[rank + 1]) rank++;
    CellOf(&layout->piece[rank], column - range[rank], reader->ghost + 3 * k);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The direction in which cell `to` is a neighbour of `from`, and the side; -1 where it is none */
static int Neighbour(Reader *reader, const PetscInt from[3], const PetscInt to[3], int *side)
{
  const PetscInt *const N = reader->s->layout.N;
  int                   d = 0;

  while (d < 3 && from[d] == to[d]) d++;
  for (int k = d + 1; k < 3; k++)
    if (from[k] != to[k]) return -1;
  if (d == 3) return -1;
  *side = to[d] == from[d] + 1 ? 1 : to[d] == from[d] - 1 ? -1 : 0;
  if (*side) return d;
  *side = N[d] < 3 ? 0 : from[d] == N[d] - 1 && to[d] == 0 ? 1 : from[d] == 0 && to[d] == N[d] - 1 ? -1 : 0;
  if (!*side) return -1;
  reader->count.wrap[d]++;
  return d;
}

static void ReadEntry(Reader *reader, Row *row, const PetscInt to[3], double coupling)
{
  const FurlPiece *const piece = &reader->s->layout.piece[reader->s->layout.rank];
  PetscInt               from[3];
  int                    side, d;

  for (int k = 0; k < 3; k++) from[k] = piece->start[k] + row->at[k];
  row->links++;
  reader->count.positive += coupling < -POSITIVE * row->diagonal;
  d = Neighbour(reader, from, to, &side);
  if (d < 0)
    reader->count.elsewhere++;
  else
    (side > 0 ? reader->s->link : reader->s->wind)[d][row->G] = coupling > 0 ? (float)coupling : 0;
}

/* Cell of a column of this process: nearly always next to the row's, which takes no division to tell */
static void OwnCell(const FurlPiece *piece, const Row *row, PetscInt column, PetscInt to[3])
{
  const PetscInt *const n       = piece->n;
  const PetscInt        step[3] = {1, n[0], n[0] * n[1]}, offset = column - row->r;

  for (int k = 0; k < 3; k++) to[k] = piece->start[k] + row->at[k];
  for (int d = 0; d < 3; d++) {
    const int side = offset == step[d] && row->at[d] + 1 < n[d] ? 1 : offset == -step[d] && row->at[d] > 0 ? -1 : 0;

    to[d] += side;
    if (side) return;
  }
  CellOf(piece, column, to);
}

static void AddValue(Row *row, double value, int diagonal)
{
  row->sum += value;
  row->size += fabs(value);
  if (diagonal) row->diagonal = value;
}

static void ReadRow(Reader *reader, Row *row)
{
  const FurlCsr *const csr = &reader->parts->diagonal, *const off = &reader->parts->offdiagonal;
  const FurlPiece *const piece = &reader->s->layout.piece[reader->s->layout.rank];
  const PetscInt         begin = off->nrows ? off->rowptr[row->r] : 0, end = off->nrows ? off->rowptr[row->r + 1] : 0;

  for (PetscInt k = csr->rowptr[row->r]; k < csr->rowptr[row->r + 1]; k++)
    AddValue(row, reader->factor * csr->value[k], csr->column[k] == row->r);
  for (PetscInt k = begin; k < end; k++) AddValue(row, reader->factor * off->value[k], 0);
  for (PetscInt k = csr->rowptr[row->r]; k < csr->rowptr[row->r + 1]; k++) {
    PetscInt to[3];

    if (csr->column[k] == row->r || csr->value[k] == 0) continue;
    OwnCell(piece, row, csr->column[k], to);
    ReadEntry(reader, row, to, -reader->factor * csr->value[k]);
  }
  for (PetscInt k = begin; k < end; k++)
    if (off->value[k] != 0) ReadEntry(reader, row, reader->ghost + 3 * off->column[k], -reader->factor * off->value[k]);
}

static void FinishRow(Reader *reader, const Row *row)
{
  float *const excess = reader->s->excess + row->G;

  if (row->diagonal < reader->least) reader->least = row->diagonal;
  if (row->diagonal > reader->most) reader->most = row->diagonal;
  *excess = fabs(row->sum) <= 4 * PETSC_MACHINE_EPSILON * row->size || row->sum < 0 ? 0 : (float)row->sum;
  reader->count.negative += row->sum < -POSITIVE * row->diagonal;
  if (row->links) return;
  *excess = -(float)row->diagonal;
  reader->count.own++;
}

static PetscErrorCode ReadRows(Reader *reader)
{
  const PetscInt *const n    = reader->s->box.n;
  const MPI_Comm        comm = reader->s->layout.comm;
  double                ends[2];
  PetscInt              r = 0;

  PetscFunctionBegin;
  reader->least = PETSC_MAX_REAL;
  reader->most  = -PETSC_MAX_REAL;
  reader->count = (Counts){.rows = reader->parts->diagonal.nrows};
  for (PetscInt k = 0; k < n[2]; k++)
    for (PetscInt j = 0; j < n[1]; j++)
      for (PetscInt i = 0; i < n[0]; i++, r++) {
        Row row = {.at = {i, j, k}, .r = r, .G = FurlBoxAt(&reader->s->box, i, j, k)};

        ReadRow(reader, &row);
        FinishRow(reader, &row);
      }
  ends[0] = -reader->least;
  ends[1] = reader->most;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, ends, 2, MPI_DOUBLE, MPI_MAX, comm));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &reader->count, NCOUNTS, MPI_DOUBLE, MPI_SUM, comm));
  reader->least = -ends[0];
  reader->most  = ends[1];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Couplings to rows of their own are boundary values: their weight stays on the diagonal */
static void KeepBoundaries(FurlStencil *s, const PetscInt at[3], int64_t here)
{
  const FurlBox *const box = &s->box;

  for (int d = 0; d < 3 && s->excess[here] >= 0; d++) {
    const int64_t ahead = here + box->stride[d], behind = here - box->stride[d];

    if (!s->link[d]) continue;
    if ((at[d] + 1 < box->n[d] || box->ghosts[d]) && s->excess[ahead] < 0) s->excess[here] += s->link[d][here];
    if ((at[d] > 0 || box->ghosts[d]) && s->excess[behind] < 0) s->excess[here] += s->wind[d][here];
  }
}

/* From a cell's couplings to link and wind between it and the next one, which comes later and still has its coupling back */
static void SplitLinks(FurlStencil *s, const PetscInt at[3], int64_t here)
{
  const FurlBox *const box = &s->box;

  for (int d = 0; d < 3; d++) {
    const int64_t there = here + box->stride[d];
    const int     is    = s->link[d] && (at[d] + 1 < box->n[d] || box->ghosts[d]); /* the cell, and maybe one there */
    const int     cut   = !is || s->excess[here] < 0 || s->excess[there] < 0;
    const float   ahead = cut ? 0 : s->link[d][here], back = cut ? 0 : s->wind[d][there];

    if (!s->link[d]) continue;
    s->link[d][here] = ahead < back ? ahead : back;
    s->wind[d][here] = ahead - back;
  }
}

static void ForCells(FurlStencil *s, void (*visit)(FurlStencil *, const PetscInt[3], int64_t))
{
  const PetscInt *const n = s->box.n;

  for (PetscInt k = 0; k < n[2]; k++)
    for (PetscInt j = 0; j < n[1]; j++)
      for (PetscInt i = 0; i < n[0]; i++) {
        const PetscInt at[3] = {i, j, k};

        visit(s, at, FurlBoxAt(&s->box, i, j, k));
      }
}

static PetscErrorCode Split(FurlStencil *s)
{
  PetscFunctionBegin;
  for (int d = 0; d < 3; d++)
    if (s->wind[d]) PetscCall(FurlGhostsFill(&s->ghosts, s->wind[d]));
  PetscCall(FurlGhostsFill(&s->ghosts, s->excess));
  ForCells(s, KeepBoundaries);
  ForCells(s, SplitLinks);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *Judge(const Reader *reader)
{
  const Counts *const count = &reader->count;
  const double        few   = STRANGE * count->rows;

  if (!(reader->least > 0)) return "the diagonal has zeros or both signs";
  if (!(reader->most <= RANGE * reader->least)) return "the diagonal's range is too wide for the grid's FP32";
  if (count->elsewhere > few) return "too many couplings leave the box";
  if (count->positive > few) return "too many couplings have the diagonal's sign";
  if (count->negative > few) return "too many rows are not diagonally dominant";
  return NULL;
}

/* Rows of the processes follow each other as their cells do */
static PetscErrorCode ReadStencil(const FurlAijParts *parts, const PetscInt *range, FurlLayout *layout, FurlStencil *s, double *factor,
                                  const char **why)
{
  Reader reader = {.parts = parts, .s = s};

  PetscFunctionBegin;
  PetscCall(FurlSignedFactor(layout->comm, &parts->diagonal, factor));
  reader.factor = *factor;
  PetscCall(FurlStencilCreate(layout, s));
  PetscCall(FurlStencilAddWind(s));
  PetscCall(ListGhosts(&reader, range));
  PetscCall(ReadRows(&reader));
  if (reader.count.wrap[0] + reader.count.wrap[1] + reader.count.wrap[2] > 0) { /* once more, with ghosts in periodic directions */
    FurlLayout with_ghosts = s->layout;

    s->layout.piece = NULL;
    for (int d = 0; d < 3; d++) with_ghosts.periodic[d] = reader.count.wrap[d] > 0;
    PetscCall(FurlStencilDestroy(s));
    PetscCall(FurlStencilCreate(&with_ghosts, s));
    PetscCall(FurlStencilAddWind(s));
    PetscCall(ReadRows(&reader));
  }
  PetscCall(PetscFree(reader.ghost));
  PetscCall(Split(s));
  *why = Judge(&reader);
  if (*why)
    PetscCall(FurlStencilDestroy(s));
  else
    PetscCall(FurlStencilFinish(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The same matrix with the rows of this process's cells, where they are divided otherwise */
static PetscErrorCode MoveRows(Mat A, const FurlLayout *layout, Mat *moved)
{
  const FurlPiece *const piece = &layout->piece[layout->rank];
  const PetscInt         unit  = layout->along == 2 ? layout->N[0] * layout->N[1] : layout->N[0];
  IS                     is;

  PetscFunctionBegin;
  PetscCall(ISCreateStride(layout->comm, piece->n[layout->along] * unit, piece->start[layout->along] * unit, 1, &is));
  PetscCall(MatCreateSubMatrix(A, is, is, MAT_INITIAL_MATRIX, moved));
  PetscCall(ISDestroy(&is));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStencilUpwind(Mat A, const FurlAijParts *parts, FurlLayout *layout, FurlStencil *s, double *factor, const char **why)
{
  const int       along = layout->along;
  const PetscInt *range;
  FurlAijParts    moved;
  Mat             rows;

  PetscFunctionBegin;
  if (along < 0) {
    PetscCall(MatGetOwnershipRanges(A, &range));
    PetscCall(ReadStencil(parts, range, layout, s, factor, why));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(MoveRows(A, layout, &rows));
  PetscCall(MatGetOwnershipRanges(rows, &range));
  PetscCall(FurlAijGetParts(rows, &moved));
  layout->along = -1;
  PetscCall(ReadStencil(&moved, range, layout, s, factor, why));
  if (!*why) s->layout.along = along;
  PetscCall(FurlAijRestoreParts(rows, &moved));
  PetscCall(MatDestroy(&rows));
  PetscFunctionReturn(PETSC_SUCCESS);
}
