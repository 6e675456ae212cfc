/* The links of a matrix along other axes than the box's, chosen in shear.c, and the way from its rows to the cells of the sheared box */
#include "grid.h"

#define LINKS_MAX 64 /* links of a coupling along all axes from one end */

/* The links that a coupling of weight one to the cell at one of the 13 later displacements adds to: axis and row of the earlier end, less
 * its own row. The same for every row whose links are all inside the box */
typedef struct {
  int      n, axis[2 * LINKS_MAX];
  PetscInt offset[2 * LINKS_MAX];
  double   weight[2 * LINKS_MAX];
} Paths;

typedef struct {
  const FurlCsr     *csr;
  const FurlStencil *plain; /* of the same matrix along x, y and z: its excess is taken */
  const FurlShear   *shear;
  FurlStencil       *s;
  double             factor;
  Paths              paths[14];
  PetscInt           reach[3];   /* of all paths */
  PetscInt           offset[14]; /* of the 13 later neighbours and the cell itself from its row, ascending */
  int64_t           *flat;       /* [rows] G of each row's cell */
} Shearer;

static int IsInside(const PetscInt n[3], const PetscInt at[3])
{
  return at[0] >= 0 && at[0] < n[0] && at[1] >= 0 && at[1] < n[1] && at[2] >= 0 && at[2] < n[2];
}

static PetscInt Modulo(PetscInt i, PetscInt n)
{
  return i % n < 0 ? i % n + n : i % n;
}

/* Where a displacement or a cell lies along the axes */
static void AlongAxes(const FurlShear *shear, const PetscInt at[3], PetscInt along[3])
{
  for (int p = 0; p < 3; p++) {
    along[p] = 0;
    for (int q = 0; q < 3; q++) along[p] += shear->steps[p][q] * at[shear->order[q]];
  }
}

/* The displacement that a step along axis p is */
static void StepOf(const FurlShear *shear, int p, PetscInt step[3])
{
  const int w = -shear->steps[0][1], t = -shear->steps[1][2], s = w * t - shear->steps[0][2];

  step[0] = step[1] = step[2] = 0;
  step[shear->order[p]]       = 1;
  if (p == 1) step[shear->order[0]] = w;
  if (p == 2) step[shear->order[0]] = s;
  if (p == 2) step[shear->order[1]] = t;
}

static void CellOf(const Shearer *shearer, const PetscInt at[3], PetscInt cell[3])
{
  AlongAxes(shearer->shear, at, cell);
  for (int p = 0; p < 3; p++) cell[p] = Modulo(cell[p], shearer->s->layout.N[p]);
}

static int64_t FlatOf(const Shearer *shearer, const PetscInt at[3])
{
  PetscInt cell[3];

  CellOf(shearer, at, cell);
  return FurlBoxAt(&shearer->s->box, cell[0], cell[1], cell[2]);
}

/* A step from a cell that leaves the box: zero at a part of the step, or nothing */
static void CutStep(const Shearer *shearer, const PetscInt at[3], const PetscInt step[3], double weight)
{
  const PetscInt *const n     = shearer->plain->box.n;
  double                part  = 1;
  int                   fixed = 0;

  for (int d = 0; d < 3; d++) {
    const PetscInt to   = at[d] + step[d];
    const int      side = to >= n[d];
    const double   here = step[d] ? (double)(side ? n[d] - at[d] : at[d] + 1) / (double)PetscAbsInt(step[d]) : 1;

    if ((to >= 0 && to < n[d]) || here > part) continue;
    part  = here;
    fixed = shearer->shear->fixed[d][side];
  }
  if (fixed) shearer->s->excess[FlatOf(shearer, at)] += (float)(weight / part);
}

/* `count` links along axis p from cell at[], forward or backward */
static void AddPath(const Shearer *shearer, const PetscInt at[3], int p, PetscInt count, double weight)
{
  const PetscInt *const n       = shearer->plain->box.n;
  PetscInt              from[3] = {at[0], at[1], at[2]}, step[3];

  StepOf(shearer->shear, p, step);
  for (int d = 0; count < 0 && d < 3; d++) step[d] = -step[d];
  for (PetscInt k = 0; k < PetscAbsInt(count); k++) {
    const PetscInt to[3] = {from[0] + step[0], from[1] + step[1], from[2] + step[2]};

    if (IsInside(n, from) && IsInside(n, to))
      shearer->s->link[p][FlatOf(shearer, count > 0 ? from : to)] += (float)weight;
    else if (IsInside(n, from))
      CutStep(shearer, from, step, weight);
    else if (IsInside(n, to)) {
      const PetscInt back[3] = {-step[0], -step[1], -step[2]};

      CutStep(shearer, to, back, weight);
    }
    for (int d = 0; d < 3; d++) from[d] = to[d];
  }
}

/* A coupling to a cell that is m[p] steps away along axis p: as many links in each direction at both ends, so that second moments agree */
static void ShearRow(const Shearer *shearer, PetscInt r)
{
  const FurlCsr *const  csr   = shearer->csr;
  const PetscInt *const n     = shearer->plain->box.n;
  const PetscInt        at[3] = {r % n[0], r / n[0] % n[1], r / n[0] / n[1]};

  for (PetscInt k = csr->rowptr[r]; k < csr->rowptr[r + 1]; k++) {
    const PetscInt c = csr->column[k], to[3] = {c % n[0], c / n[0] % n[1], c / n[0] / n[1]};
    const PetscInt away[3] = {to[0] - at[0], to[1] - at[1], to[2] - at[2]};
    PetscInt       m[3];

    if (c <= r || PetscAbsInt(away[0]) > 1 || PetscAbsInt(away[1]) > 1 || PetscAbsInt(away[2]) > 1) continue;
    AlongAxes(shearer->shear, away, m);
    for (int p = 0; p < 3; p++) {
      const double weight = -0.5 * shearer->factor * csr->value[k] * (double)PetscAbsInt(m[p]);

      if (m[p] == 0) continue;
      AddPath(shearer, at, p, m[p], weight);
      AddPath(shearer, to, p, -m[p], weight);
    }
  }
}

/* The part of Paths that begins at one end, displaced by at[], and goes m steps along axis p */
static void ListPath(Shearer *shearer, Paths *paths, const PetscInt at[3], int p, PetscInt m)
{
  const PetscInt *const n       = shearer->plain->box.n;
  PetscInt              from[3] = {at[0], at[1], at[2]}, step[3];

  StepOf(shearer->shear, p, step);
  for (PetscInt k = 0; k < PetscAbsInt(m); k++) {
    PetscInt low[3];

    for (int d = 0; d < 3; d++) {
      const PetscInt next = from[d] + (m > 0 ? step[d] : -step[d]);

      low[d]            = m > 0 ? from[d] : next;
      from[d]           = next;
      shearer->reach[d] = PetscMax(shearer->reach[d], PetscAbsInt(next));
    }
    paths->axis[paths->n]     = p;
    paths->offset[paths->n]   = low[0] + n[0] * (low[1] + n[1] * low[2]);
    paths->weight[paths->n++] = -0.5 * shearer->factor * (double)PetscAbsInt(m);
  }
}

static void ListPaths(Shearer *shearer)
{
  const PetscInt *const n = shearer->plain->box.n;

  for (int k = 0; k < 14; k++) {
    const PetscInt here[3] = {0, 0, 0}, away[3] = {(k + 13) % 3 - 1, (k + 13) / 3 % 3 - 1, (k + 13) / 9 - 1};
    PetscInt       m[3];

    shearer->offset[k]  = away[0] + n[0] * (away[1] + n[1] * away[2]);
    shearer->paths[k].n = 0;
    if (n[2] == 1 && away[2]) continue;
    AlongAxes(shearer->shear, away, m);
    for (int p = 0; p < 3; p++) {
      ListPath(shearer, &shearer->paths[k], here, p, m[p]);
      ListPath(shearer, &shearer->paths[k], away, p, -m[p]);
    }
  }
}

/* The same for a row far from the faces */
static void ShearInnerRow(const Shearer *shearer, PetscInt r)
{
  const FurlCsr *const csr = shearer->csr;
  int                  at  = 0;

  for (PetscInt k = csr->rowptr[r]; k < csr->rowptr[r + 1]; k++) {
    const PetscInt away = csr->column[k] - r;
    const Paths   *paths;

    if (away <= 0) continue;
    while (at < 13 && shearer->offset[at] < away) at++;
    paths = &shearer->paths[at];
    if (shearer->offset[at] != away) continue;
    for (int l = 0; l < paths->n; l++)
      shearer->s->link[paths->axis[l]][shearer->flat[r + paths->offset[l]]] += (float)(paths->weight[l] * csr->value[k]);
  }
}

static int IsFarFromFaces(const Shearer *shearer, const PetscInt at[3])
{
  const PetscInt *const n = shearer->plain->box.n, *const reach = shearer->reach;

  for (int d = 0; d < 3; d++)
    if (at[d] < reach[d] || at[d] + reach[d] >= n[d]) return 0;
  return 1;
}

static void ClearNegative(const FurlBox *box, float *link)
{
  for (int64_t G = 0; G < box->nflat; G++)
    if (!(link[G] > 0)) link[G] = 0;
}

/* The layout of the sheared box: lines that are shifted are closed around, with no link where the box ended */
static PetscErrorCode CreateSheared(const Shearer *shearer)
{
  const FurlLayout *const plain  = &shearer->plain->layout;
  FurlLayout              layout = *plain;

  PetscFunctionBegin;
  layout.along = -1;
  PetscCall(PetscCalloc1(1, &layout.piece));
  for (int p = 0; p < 3; p++) {
    layout.N[p] = layout.piece->n[p] = plain->N[shearer->shear->order[p]];
    layout.periodic[p]               = 0;
    for (int q = p + 1; q < 3; q++) layout.periodic[p] |= shearer->shear->steps[p][q] != 0;
  }
  PetscCall(FurlStencilCreate(&layout, shearer->s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Its cell, diagonal and excess */
static void PlaceRow(const Shearer *shearer, PetscInt r, FurlShear *shear)
{
  const FurlCsr *const csr   = shearer->csr;
  const FurlBox *const plain = &shearer->plain->box, *const box = &shearer->s->box;
  const PetscInt *const n     = plain->n;
  const PetscInt        at[3] = {r % n[0], r / n[0] % n[1], r / n[0] / n[1]};
  PetscInt              cell[3];

  CellOf(shearer, at, cell);
  shearer->flat[r]                     = FurlBoxAt(box, cell[0], cell[1], cell[2]);
  shear->place[r]                      = (int32_t)(cell[0] + box->n[0] * (cell[1] + box->n[1] * cell[2]));
  shearer->s->excess[shearer->flat[r]] = shearer->plain->excess[FurlBoxAt(plain, at[0], at[1], at[2])];
  for (PetscInt k = csr->rowptr[r]; k < csr->rowptr[r + 1]; k++)
    if (csr->column[k] == r) shear->inverse[r] = (float)(1 / (shearer->factor * csr->value[k]));
}

PetscErrorCode FurlStencilShear(const FurlCsr *csr, const FurlStencil *plain, double factor, FurlShear *shear, FurlStencil *s)
{
  const PetscInt *const n       = plain->box.n;
  Shearer               shearer = {.csr = csr, .plain = plain, .shear = shear, .s = s, .factor = factor};

  PetscFunctionBegin;
  PetscCall(CreateSheared(&shearer));
  ListPaths(&shearer);
  PetscCall(PetscMalloc1(csr->nrows, &shear->place));
  PetscCall(PetscMalloc1(csr->nrows, &shear->inverse));
  PetscCall(PetscMalloc1(csr->nrows, &shear->work));
  for (int d = 0; d < 3; d++) shear->n[d] = n[d];
  PetscCall(PetscMalloc1(csr->nrows, &shearer.flat));
  for (PetscInt r = 0; r < csr->nrows; r++) PlaceRow(&shearer, r, shear);
  for (PetscInt r = 0; r < csr->nrows; r++) {
    const PetscInt at[3] = {r % n[0], r / n[0] % n[1], r / n[0] / n[1]};

    if (IsFarFromFaces(&shearer, at))
      ShearInnerRow(&shearer, r);
    else
      ShearRow(&shearer, r);
  }
  PetscCall(PetscFree(shearer.flat));
  for (int p = 0; p < 3; p++)
    if (s->link[p]) ClearNegative(&s->box, s->link[p]);
  PetscCall(FurlStencilFinish(s));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlShearDestroy(FurlShear *shear)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(shear->work));
  PetscCall(PetscFree(shear->inverse));
  PetscCall(PetscFree(shear->place));
  PetscFunctionReturn(PETSC_SUCCESS);
}
