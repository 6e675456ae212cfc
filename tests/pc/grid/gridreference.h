/*
  The cycle of hierarchy `grid` in plain FP64 and natural order, written from the formulas of docs/grid.md: what the kernels are checked
  against. Unknowns of a level are scaled, y = sqrt(D) x. Slow and without a care for memory.
*/
#pragma once

#include "gridtest.h"

#define REFERENCE_LEVELS 20
#define REFERENCE_COARSEST 200
#define REFERENCE_COMBINED 3

typedef struct {
  PetscInt  n[3], N;
  PetscBool periodic[3], combine; /* combine: two cycles are combined here */
  double   *link[3];              /* [N] to the next cell */
  double   *excess;               /* [N] */
  double   *root;                 /* [N] square root of the diagonal */
  double   *q[3];                 /* [N] couplings, rounded */
  double   *inverse;              /* [N] of the scaled diagonal */
  PetscInt *parent;               /* [N] aggregate of the cell */
  PetscInt *lines[3];             /* [n[d]] coarse line of each line */
  double   *x, *b, *r;            /* [N] */
} ReferenceLevel;

typedef struct {
  ReferenceLevel level[REFERENCE_LEVELS];
  int            nlevels;
  double         gamma;
  PetscBool      singular;
} Reference;

#define REFERENCE_ARRAYS 12

static inline double **ReferenceArray(ReferenceLevel *level, int k)
{
  double **const arrays[REFERENCE_ARRAYS] = {&level->link[0], &level->link[1], &level->link[2], &level->excess, &level->root, &level->q[0],
                                             &level->q[1],    &level->q[2],    &level->inverse, &level->x,      &level->b,    &level->r};

  return arrays[k];
}

static inline PetscErrorCode ReferenceAllocate(ReferenceLevel *level, const PetscInt n[3], const PetscBool periodic[3])
{
  PetscFunctionBegin;
  level->N = n[0] * n[1] * n[2];
  for (int d = 0; d < 3; d++) {
    level->n[d]        = n[d];
    level->periodic[d] = (PetscBool)(periodic[d] && n[d] > 2);
    PetscCall(PetscCalloc1(n[d], &level->lines[d]));
  }
  PetscCall(PetscCalloc1(level->N, &level->parent));
  for (int k = 0; k < REFERENCE_ARRAYS; k++) PetscCall(PetscCalloc1(level->N, ReferenceArray(level, k)));
  PetscFunctionReturn(0);
}

static inline PetscErrorCode ReferenceDestroy(Reference *ref)
{
  PetscFunctionBegin;
  for (int l = 0; l < ref->nlevels; l++) {
    ReferenceLevel *const level = ref->level + l;

    for (int d = 0; d < 3; d++) PetscCall(PetscFree(level->lines[d]));
    PetscCall(PetscFree(level->parent));
    for (int k = 0; k < REFERENCE_ARRAYS; k++) PetscCall(PetscFree(*ReferenceArray(level, k)));
  }
  PetscFunctionReturn(0);
}

static inline PetscInt ReferencePlace(const ReferenceLevel *level, PetscInt cell, int d)
{
  return d == 0 ? cell % level->n[0] : d == 1 ? cell / level->n[0] % level->n[1] : cell / level->n[0] / level->n[1];
}

/* The neighbour on a side of direction d, around the ends too; -1: none */
static inline PetscInt ReferenceNeighbour(const ReferenceLevel *level, PetscInt cell, int d, int side)
{
  const PetscInt step = d == 0 ? 1 : d == 1 ? level->n[0] : level->n[0] * level->n[1];
  const PetscInt at = ReferencePlace(level, cell, d), next = at + side;

  if (level->n[d] == 1) return -1;
  if (next >= 0 && next < level->n[d]) return cell + side * step;
  return level->periodic[d] ? cell - side * (level->n[d] - 1) * step : -1;
}

/* What `of` says of the link between a cell and its neighbour */
static inline double ReferenceBetween(const ReferenceLevel *level, double *const of[3], PetscInt cell, int d, int side)
{
  const PetscInt other = ReferenceNeighbour(level, cell, d, side);

  return other < 0 ? 0 : of[d][side > 0 ? cell : other];
}

static inline double ReferenceLargest(const ReferenceLevel *level, PetscInt cell)
{
  double most = 0;

  for (int k = 0; k < 6; k++) most = PetscMax(most, ReferenceBetween(level, level->link, cell, k / 2, k % 2 ? 1 : -1));
  return most;
}

/* 10 bits behind the leading one, to nearest */
static inline double ReferenceRound(double q)
{
  int          exponent;
  const double mantissa = frexp(q, &exponent);

  return q < 0x1p-50 ? 0 : ldexp(floor(ldexp(mantissa, 11) + 0.5), exponent - 11);
}

/* From links and excess: diagonal, couplings, and the inverse of the diagonal that keeps the sums of the rows, in units of 2^-25 */
static inline void ReferenceFinish(ReferenceLevel *level)
{
  for (PetscInt c = 0; c < level->N; c++) {
    double diagonal = level->excess[c];

    for (int k = 0; k < 6; k++) diagonal += ReferenceBetween(level, level->link, c, k / 2, k % 2 ? 1 : -1);
    level->root[c] = sqrt(diagonal);
  }
  for (PetscInt c = 0; c < level->N; c++)
    for (int d = 0; d < 3; d++) {
      const PetscInt other = ReferenceNeighbour(level, c, d, 1);

      if (other >= 0) level->q[d][c] = ReferenceRound(level->link[d][c] / (level->root[c] * level->root[other]));
    }
  for (PetscInt c = 0; c < level->N; c++) {
    double total = level->excess[c] / level->root[c];

    for (int k = 0; k < 6; k++) {
      const int      side  = k % 2 ? 1 : -1;
      const PetscInt other = ReferenceNeighbour(level, c, k / 2, side);

      if (other >= 0) total += ReferenceBetween(level, level->q, c, k / 2, side) * level->root[other];
    }
    level->inverse[c] = 1 + ldexp(floor(ldexp(level->root[c] / total - 1, 25) + 0.5), -25);
  }
}

/* Mean of link / largest link, times the fourth power of the part of links that is at least .05 of the largest */
static inline PetscErrorCode ReferenceStrength(const ReferenceLevel *level, int d, double *strength)
{
  const double share = level->n[d] / (double)level->N;
  double      *torn;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(level->n[d], &torn));
  for (PetscInt i = 0; i < level->n[d]; i++) strength[i] = 0;
  for (PetscInt c = 0; c < level->N; c++) {
    const PetscInt at = ReferencePlace(level, c, d), other = ReferenceNeighbour(level, c, d, 1);

    if (at + 1 < level->n[d]) {
      const double ratio = level->link[d][c] / PetscMax(ReferenceLargest(level, c), ReferenceLargest(level, other));

      strength[at] += ratio * share;
      torn[at] += ratio < 0.05 ? share : 0;
    }
  }
  for (PetscInt i = 0; i < level->n[d]; i++) strength[i] *= PetscPowReal(PetscMax(1 - torn[i], 0), 4);
  PetscCall(PetscFree(torn));
  PetscFunctionReturn(0);
}

/* Neighbours become one line from left to right where strong; returns how many lines there are */
static inline PetscInt ReferenceJoin(PetscInt n, const double *strength, double strong, PetscInt *line)
{
  PetscInt count = 0;

  for (PetscInt i = 0; i < n; count++) {
    const PetscBool join   = (PetscBool)(i + 1 < n && strength[i] >= strong);
    const PetscBool rather = (PetscBool)(i + 2 < n && strength[i + 1] >= strong && strength[i] < strength[i + 1] / 2);

    line[i++] = count;
    if (join && !rather) line[i++] = count;
  }
  return count;
}

static inline PetscErrorCode ReferenceChoose(ReferenceLevel *level, PetscInt n[3])
{
  double *strength[3], most = 0, cells;

  PetscFunctionBegin;
  for (int d = 0; d < 3; d++) {
    PetscCall(PetscCalloc1(level->n[d], &strength[d]));
    if (level->n[d] > 1) PetscCall(ReferenceStrength(level, d, strength[d]));
    for (PetscInt i = 0; i < level->n[d]; i++) most = PetscMax(most, strength[d][i]);
  }
  for (double theta = level->n[0] > 1 && level->n[1] > 1 && level->n[2] > 1 ? 0.5 : 0.75;; theta /= 2) {
    for (int d = 0; d < 3; d++) n[d] = ReferenceJoin(level->n[d], strength[d], theta * most, level->lines[d]);
    cells = (double)n[0] * n[1] * n[2];
    if (cells <= 0.75 * level->N || theta < 1e-6) break;
  }
  for (int d = 0; d < 3; d++) PetscCall(PetscFree(strength[d]));
  PetscFunctionReturn(0);
}

/* Lines in the aggregate of a line */
static inline int ReferenceWidth(const ReferenceLevel *level, int d, PetscInt at)
{
  const PetscInt *const line = level->lines[d];

  return 1 + (at > 0 && line[at - 1] == line[at]) + (at + 1 < level->n[d] && line[at + 1] == line[at]);
}

/* Links that cross aggregates, damped on each side of two lines; excess is summed */
static inline PetscErrorCode ReferenceCoarsen(Reference *ref)
{
  ReferenceLevel *const fine = ref->level + ref->nlevels - 1, *const coarse = fine + 1;
  PetscInt n[3];

  PetscFunctionBegin;
  PetscCall(ReferenceChoose(fine, n));
  PetscCall(ReferenceAllocate(coarse, n, fine->periodic));
  for (PetscInt c = 0; c < fine->N; c++) {
    const PetscInt at[3] = {ReferencePlace(fine, c, 0), ReferencePlace(fine, c, 1), ReferencePlace(fine, c, 2)};

    fine->parent[c] = fine->lines[0][at[0]] + n[0] * (fine->lines[1][at[1]] + n[1] * fine->lines[2][at[2]]);
    coarse->excess[fine->parent[c]] += fine->excess[c];
  }
  for (PetscInt c = 0; c < fine->N; c++)
    for (int d = 0; d < 3; d++) {
      const PetscInt other = ReferenceNeighbour(fine, c, d, 1), from = fine->parent[c];
      PetscInt       to, here, next;
      double         pairs;

      if (other < 0) continue;
      to    = fine->parent[other];
      here  = ReferencePlace(fine, c, d);
      next  = ReferencePlace(fine, other, d);
      pairs = (ReferenceWidth(fine, d, here) > 1) + (ReferenceWidth(fine, d, next) > 1);
      if (from == to) continue;
      /* two lines around a ring are coupled at both ends: the first keeps the sum */
      coarse->link[d][!coarse->periodic[d] && next < here ? to : from] += fine->link[d][c] / (1 + (ref->gamma - 1) * pairs / 2);
    }
  ReferenceFinish(coarse);
  ref->nlevels++;
  PetscFunctionReturn(0);
}

static inline PetscErrorCode ReferenceCreate(const GridTestBox *box, PetscBool combined, Reference *ref)
{
  PetscBool periodic[3];
  PetscInt  n[3] = {box->n[0], box->n[1], box->n[2]};

  PetscFunctionBegin;
  *ref = (Reference){.nlevels = 1, .gamma = combined ? 1.6 : 1.8, .singular = PETSC_TRUE};
  for (int d = 0; d < 3; d++) periodic[d] = (PetscBool)(box->bench.bc[d] == 'p');
  PetscCall(ReferenceAllocate(ref->level, n, periodic));
  for (PetscInt cell = 0; cell < ref->level->N; cell++) {
    const int64_t c[3] = {cell % n[0], cell / n[0] % n[1], cell / n[0] / n[1]};

    for (int k = 0; k < 6; k++) {
      PetscInt     other;
      double       boundary;
      const double link = GridTestCoupling(box, c, k / 2, k % 2 ? 1 : -1, &other, &boundary);

      if (k % 2) ref->level->link[k / 2][cell] = link;
      ref->level->excess[cell] += boundary;
    }
    if (ref->level->excess[cell] > 0) ref->singular = PETSC_FALSE;
  }
  ReferenceFinish(ref->level);
  while (ref->level[ref->nlevels - 1].N > REFERENCE_COARSEST) PetscCall(ReferenceCoarsen(ref));
  /* not at the coarsest level, which is solved exactly */
  for (int l = 1, count = 0, last = 0; combined && l + 1 < ref->nlevels && count < REFERENCE_COMBINED; l++) {
    if (ref->level[last].N < 3 * ref->level[l].N) continue;
    ref->level[l].combine = PETSC_TRUE;
    last                  = l;
    count++;
  }
  PetscFunctionReturn(0);
}

/* Q x of a row */
static inline double ReferenceNeighbours(const ReferenceLevel *level, const double *x, PetscInt c)
{
  double sum = 0;

  for (int k = 0; k < 6; k++) {
    const int      side  = k % 2 ? 1 : -1;
    const PetscInt other = ReferenceNeighbour(level, c, k / 2, side);

    if (other >= 0) sum += ReferenceBetween(level, level->q, c, k / 2, side) * x[other];
  }
  return sum;
}

/* Colours alternate in space, from the first cell on, whoever has it */
static inline int ReferenceColour(const ReferenceLevel *level, PetscInt c)
{
  PetscInt sum = 0;

  for (int d = 0; d < 3; d++) sum += ReferencePlace(level, c, d);
  return (int)(sum % 2);
}

/* All cells of a colour at once, from the values before: it matters at a seam only */
static inline void ReferenceSweep(ReferenceLevel *level, int colour)
{
  for (PetscInt c = 0; c < level->N; c++) level->r[c] = level->inverse[c] * (level->b[c] + ReferenceNeighbours(level, level->x, c));
  for (PetscInt c = 0; c < level->N; c++)
    if (ReferenceColour(level, c) == colour) level->x[c] = level->r[c];
}

/* The dense system of the coarsest level, couplings not rounded, by elimination; its null vector is taken out where there is one */
static inline PetscErrorCode ReferenceSolve(const ReferenceLevel *level, PetscBool singular)
{
  const PetscInt N = level->N;
  double        *A, norm = 0, mean = 0;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(N * N, &A));
  for (PetscInt c = 0; c < N; c++) {
    norm += level->root[c] * level->root[c];
    A[c * N + c] += 1;
    for (int d = 0; d < 3; d++) {
      const PetscInt other = ReferenceNeighbour(level, c, d, 1);

      if (other < 0) continue;
      A[c * N + other] -= level->link[d][c] / (level->root[c] * level->root[other]);
      A[other * N + c] -= level->link[d][c] / (level->root[c] * level->root[other]);
    }
  }
  for (PetscInt i = 0; i < N; i++) {
    mean += level->root[i] * level->b[i] / norm;
    for (PetscInt j = 0; singular && j < N; j++) A[i * N + j] += level->root[i] * level->root[j] / norm;
  }
  for (PetscInt i = 0; i < N; i++) level->x[i] = level->b[i] - (singular ? mean * level->root[i] : 0);
  for (PetscInt k = 0; k < N; k++)
    for (PetscInt i = k + 1; i < N; i++) {
      const double factor = A[i * N + k] / A[k * N + k];

      for (PetscInt j = k; factor != 0 && j < N; j++) A[i * N + j] -= factor * A[k * N + j];
      level->x[i] -= factor * level->x[k];
    }
  for (PetscInt i = N - 1; i >= 0; i--) {
    for (PetscInt j = i + 1; j < N; j++) level->x[i] -= A[i * N + j] * level->x[j];
    level->x[i] /= A[i * N + i];
  }
  PetscCall(PetscFree(A));
  PetscFunctionReturn(0);
}

static PetscErrorCode ReferenceCycle(Reference *ref, int l);

static inline double ReferenceDot(PetscInt n, const double *x, const double *y)
{
  double sum = 0;

  for (PetscInt i = 0; i < n; i++) sum += x[i] * y[i];
  return sum;
}

static inline void ReferenceProduct(const ReferenceLevel *level, const double *x, double *y)
{
  for (PetscInt c = 0; c < level->N; c++) y[c] = x[c] / level->inverse[c] - ReferenceNeighbours(level, x, c);
}

/* The combination of two cycles p and v, v for the residual that p leaves, whose error is least in the norm of A: a 2 x 2 system */
static inline PetscErrorCode ReferenceCombine(Reference *ref, int l)
{
  ReferenceLevel *const level = ref->level + l;
  const PetscInt        N     = level->N;
  double               *p, *Ap, *Av, *b, pp, pv, vv, pb, vb, determinant;

  PetscFunctionBegin;
  PetscCall(PetscMalloc4(N, &p, N, &Ap, N, &Av, N, &b));
  PetscCall(PetscArraycpy(b, level->b, N));
  PetscCall(ReferenceCycle(ref, l));
  PetscCall(PetscArraycpy(p, level->x, N));
  ReferenceProduct(level, p, Ap);
  pp = ReferenceDot(N, p, Ap);
  pb = ReferenceDot(N, p, b);
  for (PetscInt c = 0; c < N; c++) level->b[c] = b[c] - pb / pp * Ap[c];
  PetscCall(ReferenceCycle(ref, l));
  ReferenceProduct(level, level->x, Av);
  pv          = ReferenceDot(N, p, Av);
  vv          = ReferenceDot(N, level->x, Av);
  vb          = ReferenceDot(N, level->x, b);
  determinant = pp * vv - pv * pv;
  for (PetscInt c = 0; c < N; c++) level->x[c] = ((vv * pb - pv * vb) * p[c] + (pp * vb - pv * pb) * level->x[c]) / determinant;
  PetscCall(PetscFree4(p, Ap, Av, b));
  PetscFunctionReturn(0);
}

/* b to x: red and black twice, correction, black and red twice */
static inline PetscErrorCode ReferenceCycle(Reference *ref, int l)
{
  ReferenceLevel *const level = ref->level + l, *const coarse = level + 1;

  PetscFunctionBegin;
  if (l + 1 == ref->nlevels) {
    PetscCall(ReferenceSolve(level, ref->singular));
    PetscFunctionReturn(0);
  }
  PetscCall(PetscArrayzero(level->x, level->N));
  for (int k = 0; k < 4; k++) ReferenceSweep(level, k % 2);
  PetscCall(PetscArrayzero(coarse->b, coarse->N));
  ReferenceProduct(level, level->x, level->r);
  for (PetscInt c = 0; c < level->N; c++) coarse->b[level->parent[c]] += level->root[c] * (level->b[c] - level->r[c]);
  for (PetscInt c = 0; c < coarse->N; c++) coarse->b[c] /= coarse->root[c];
  if (coarse->combine)
    PetscCall(ReferenceCombine(ref, l + 1));
  else
    PetscCall(ReferenceCycle(ref, l + 1));
  for (PetscInt c = 0; c < level->N; c++) level->x[c] += level->root[c] * coarse->x[level->parent[c]] / coarse->root[level->parent[c]];
  for (int k = 0; k < 4; k++) ReferenceSweep(level, 1 - k % 2);
  PetscFunctionReturn(0);
}

/* y = B x of the user's vectors */
static inline PetscErrorCode ReferenceApply(Reference *ref, const double *x, double *y)
{
  ReferenceLevel *const level = ref->level;

  PetscFunctionBegin;
  for (PetscInt c = 0; c < level->N; c++) level->b[c] = x[c] / level->root[c];
  PetscCall(ReferenceCycle(ref, 0));
  for (PetscInt c = 0; c < level->N; c++) y[c] = level->x[c] / level->root[c];
  PetscFunctionReturn(0);
}
