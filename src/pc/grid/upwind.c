/*
  Links and winds of a nonsymmetric matrix of 5 or 7 points, as upwind differences of a flow make it. Of two couplings that are mirrors the
  smaller is the link, and what the other has beyond it the wind. A link is damped on coarse levels as ever; winds are summed as they are,
  so that every level stays upwind.
*/
#include "grid.h"

#define POSITIVE 1e-2 /* of the diagonal: couplings of the wrong sign and excess below zero are left out up to here */
#define STRANGE 1e-2  /* of all rows: as many may be otherwise before the box is given up */
#define RANGE 1e15    /* the largest diagonal entry over the smallest */

/* While the rows are read, link[d] holds the couplings ahead and wind[d] those back, both at the earlier of the two cells */
typedef struct {
  const FurlCsr *csr;
  FurlStencil   *s;
  double         factor;      /* signed */
  double         least, most; /* of the diagonal times factor */
  int64_t        positive, negative, elsewhere, own;
  int            wrap[3];
} Reader;

typedef struct {
  PetscInt at[3], r;
  int64_t  G;
  double   sum, size, diagonal;
  int      links;
} Row;

/* The direction in which the column at offset o is a neighbour, and the side; -1 where it is none */
static int Neighbour(Reader *reader, const Row *row, PetscInt o, int *side)
{
  const PetscInt *const n       = reader->s->box.n;
  const PetscInt        step[3] = {1, n[0], n[0] * n[1]};

  for (int d = 0; d < 3; d++) {
    const PetscInt around = (n[d] - 1) * step[d];

    if (n[d] == 1) continue;
    *side = o == step[d] && row->at[d] + 1 < n[d] ? 1 : o == -step[d] && row->at[d] > 0 ? -1 : 0;
    if (*side) return d;
    *side = n[d] < 3 ? 0 : o == -around && row->at[d] == n[d] - 1 ? 1 : o == around && row->at[d] == 0 ? -1 : 0;
    if (*side) {
      reader->wrap[d] = 1;
      return d;
    }
  }
  return -1;
}

/* The earlier cell of the two that the row's link to one side joins */
static int64_t Earlier(const FurlBox *box, const Row *row, int d, int side)
{
  if (side > 0) return row->G;
  return row->G + (row->at[d] > 0 ? -box->stride[d] : (box->n[d] - 1) * box->stride[d]);
}

static void ReadRow(Reader *reader, Row *row)
{
  const FurlCsr *const csr = reader->csr;
  const PetscInt       end = csr->rowptr[row->r + 1];

  for (PetscInt k = csr->rowptr[row->r]; k < end; k++) {
    const double value = reader->factor * csr->value[k];

    row->sum += value;
    row->size += fabs(value);
    if (csr->column[k] == row->r) row->diagonal = value;
  }
  for (PetscInt k = csr->rowptr[row->r]; k < end; k++) {
    const double coupling = -reader->factor * csr->value[k];
    int          side, d;

    if (csr->column[k] == row->r || coupling == 0) continue;
    row->links++;
    reader->positive += coupling < -POSITIVE * row->diagonal;
    d = Neighbour(reader, row, csr->column[k] - row->r, &side);
    if (d < 0)
      reader->elsewhere++;
    else
      (side > 0 ? reader->s->link : reader->s->wind)[d][Earlier(&reader->s->box, row, d, side)] = coupling > 0 ? (float)coupling : 0;
  }
}

static void FinishRow(Reader *reader, const Row *row)
{
  float *const excess = reader->s->excess + row->G;

  if (row->diagonal < reader->least) reader->least = row->diagonal;
  if (row->diagonal > reader->most) reader->most = row->diagonal;
  *excess = fabs(row->sum) <= 4 * PETSC_MACHINE_EPSILON * row->size || row->sum < 0 ? 0 : (float)row->sum;
  reader->negative += row->sum < -POSITIVE * row->diagonal;
  if (row->links) return;
  *excess = -(float)row->diagonal;
  reader->own++;
}

static void ReadRows(Reader *reader)
{
  const PetscInt *const n = reader->s->box.n;
  PetscInt              r = 0;

  reader->least    = PETSC_MAX_REAL;
  reader->most     = -PETSC_MAX_REAL;
  reader->positive = reader->negative = reader->elsewhere = reader->own = 0;
  for (PetscInt k = 0; k < n[2]; k++)
    for (PetscInt j = 0; j < n[1]; j++)
      for (PetscInt i = 0; i < n[0]; i++, r++) {
        Row row = {.at = {i, j, k}, .r = r, .G = FurlBoxAt(&reader->s->box, i, j, k)};

        ReadRow(reader, &row);
        FinishRow(reader, &row);
      }
}

/* From couplings ahead and back to link and wind. Those to rows of their own are boundary values: their weight stays on the diagonal */
static void SplitLinks(FurlStencil *s, int d)
{
  const PetscInt *const n = s->box.n;

  for (PetscInt r = 0; r < n[0] * n[1] * n[2]; r++) {
    PetscInt      at[3] = {r % n[0], r / n[0] % n[1], r / n[0] / n[1]};
    const int64_t here  = FurlBoxAt(&s->box, at[0], at[1], at[2]);
    const float   ahead = s->link[d][here], back = s->wind[d][here];
    int64_t       there;

    at[d]            = (at[d] + 1) % n[d];
    there            = FurlBoxAt(&s->box, at[0], at[1], at[2]);
    s->link[d][here] = ahead < back ? ahead : back;
    s->wind[d][here] = ahead - back;
    if (s->excess[here] >= 0 && s->excess[there] >= 0) continue;
    if (s->excess[here] >= 0) s->excess[here] += ahead;
    if (s->excess[there] >= 0) s->excess[there] += back;
    s->link[d][here] = s->wind[d][here] = 0;
  }
}

static const char *Judge(const Reader *reader)
{
  const double few = STRANGE * (double)reader->csr->nrows;

  if (!(reader->least > 0)) return "the diagonal has zeros or both signs";
  if (!(reader->most <= RANGE * reader->least)) return "the diagonal's range is too wide for the grid's FP32";
  if ((double)reader->elsewhere > few) return "too many couplings leave the box";
  if ((double)reader->positive > few) return "too many couplings have the diagonal's sign";
  if ((double)reader->negative > few) return "too many rows are not diagonally dominant";
  return NULL;
}

PetscErrorCode FurlStencilUpwind(const FurlCsr *csr, FurlLayout *layout, FurlStencil *s, double *factor, const char **why)
{
  Reader reader = {.csr = csr, .s = s};

  PetscFunctionBegin;
  PetscCall(FurlSignedFactor(layout->comm, csr, factor));
  reader.factor = *factor;
  PetscCall(FurlStencilCreate(layout, s));
  PetscCall(FurlStencilAddWind(s));
  ReadRows(&reader);
  if (reader.wrap[0] || reader.wrap[1] || reader.wrap[2]) { /* once more, with ghosts in the directions that are periodic */
    FurlLayout with_ghosts = s->layout;

    s->layout.piece = NULL;
    for (int d = 0; d < 3; d++) with_ghosts.periodic[d] = reader.wrap[d];
    PetscCall(FurlStencilDestroy(s));
    PetscCall(FurlStencilCreate(&with_ghosts, s));
    PetscCall(FurlStencilAddWind(s));
    ReadRows(&reader);
  }
  for (int d = 0; d < 3; d++)
    if (s->link[d]) SplitLinks(s, d);
  *why = Judge(&reader);
  if (*why)
    PetscCall(FurlStencilDestroy(s));
  else
    PetscCall(FurlStencilFinish(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}
