/* Operators with couplings off the axes: bilinear and trilinear elements, or differences, for -div K grad u + mass u with a full tensor K
 */
#pragma once

#include "../../furltest.h"

typedef struct {
  PetscInt  n[3];       /* nodes that carry unknowns; n[2] = 1: in a plane */
  PetscReal ratio;      /* of the strong to the weak directions of K */
  PetscReal angle;      /* of the strong direction, from x towards y and, in space, as much towards z; radians */
  PetscReal stretch[3]; /* ratio of an element's width to the one before, in each direction */
  PetscReal width[3];   /* of the first element in each direction */
  PetscReal contrast;   /* K is multiplied by a power of this in (-1, 1) in each element */
  PetscReal mass;
  PetscBool differences; /* the nine or nineteen points of second differences instead of elements; K constant, width one */
  PetscBool periodic;    /* the last element of each line ends at its first node */
  PetscBool neumann;     /* unknowns at the ends too, instead of zero values beyond them */
} ElementsSpec;

static inline PetscErrorCode ElementsFromOptions(ElementsSpec *s)
{
  PetscInt  three = 3;
  PetscBool set;

  PetscFunctionBegin;
  *s = (ElementsSpec){.n = {17, 17, 17}, .ratio = 1, .contrast = 1, .stretch = {1, 1, 1}, .width = {1, 1, 1}};
  PetscCall(PetscOptionsGetIntArray(NULL, NULL, "-n", s->n, &three, &set));
  if (set && three < 3) s->n[2] = three < 2 ? s->n[0] : 1;
  if (set && three < 2) s->n[1] = s->n[0];
  three = 3;
  PetscCall(PetscOptionsGetRealArray(NULL, NULL, "-stretch", s->stretch, &three, NULL));
  three = 3;
  PetscCall(PetscOptionsGetRealArray(NULL, NULL, "-width", s->width, &three, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-ratio", &s->ratio, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-angle", &s->angle, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-contrast", &s->contrast, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-mass", &s->mass, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-periodic", &s->periodic, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-differences", &s->differences, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-neumann", &s->neumann, NULL));
  PetscFunctionReturn(0);
}

/* K = I / ratio + (1 - 1 / ratio) v v' for the unit vector v of the strong direction */
static inline void ElementsTensor(const ElementsSpec *s, PetscReal K[3][3])
{
  const PetscReal rise = s->n[2] > 1 ? s->angle : 0;
  const PetscReal v[3] = {PetscCosReal(s->angle) * PetscCosReal(rise), PetscSinReal(s->angle) * PetscCosReal(rise), PetscSinReal(rise)};

  for (int p = 0; p < 3; p++)
    for (int q = 0; q < 3; q++) K[p][q] = (1 - 1 / s->ratio) * v[p] * v[q] + (p == q ? 1 / s->ratio : 0);
}

/* int d_p phi_a d_q phi_b over an element of widths h: a product of integrals over intervals; p = q = -1: int phi_a phi_b */
static inline PetscReal ElementsIntegral(int dims, const PetscReal h[3], int a, int b, int p, int q)
{
  PetscReal product = 1;

  for (int d = 0; d < dims; d++) {
    const int       sa = (a >> d) & 1, sb = (b >> d) & 1;
    const PetscReal slope_a = sa ? 1 : -1, slope_b = sb ? 1 : -1;

    if (d == p && d == q)
      product *= slope_a * slope_b / h[d];
    else if (d == p)
      product *= slope_a / 2;
    else if (d == q)
      product *= slope_b / 2;
    else
      product *= h[d] * (sa == sb ? 2 : 1) / 6;
  }
  return product;
}

static inline void ElementsMatrix(const ElementsSpec *s, const PetscReal h[3], PetscReal factor, PetscReal matrix[8][8])
{
  const int dims = s->n[2] > 1 ? 3 : 2;
  PetscReal K[3][3];

  ElementsTensor(s, K);
  for (int a = 0; a < 1 << dims; a++)
    for (int b = 0; b < 1 << dims; b++) {
      matrix[a][b] = s->mass * ElementsIntegral(dims, h, a, b, -1, -1);
      for (int p = 0; p < dims; p++)
        for (int q = 0; q < dims; q++) matrix[a][b] += factor * K[p][q] * ElementsIntegral(dims, h, a, b, p, q);
    }
}

/* Adds the element whose first node is at[]; nodes beyond the box have the value zero */
static inline PetscErrorCode ElementsAdd(Mat A, const ElementsSpec *s, const PetscInt at[3])
{
  const int dims = s->n[2] > 1 ? 3 : 2;
  PetscInt  node[8];
  PetscReal matrix[8][8], h[3], factor;

  PetscFunctionBegin;
  factor = PetscPowReal(s->contrast, FurlTestHash(at[0] + 1000 * at[1] + 1000000 * at[2], 3));
  for (int d = 0; d < 3; d++) h[d] = s->width[d] * PetscPowReal(s->stretch[d], (PetscReal)at[d]);
  ElementsMatrix(s, h, factor, matrix);
  for (int a = 0; a < 1 << dims; a++) {
    PetscBool in = PETSC_TRUE;

    node[a] = 0;
    for (int d = dims - 1; d >= 0; d--) {
      const PetscInt to = at[d] + ((a >> d) & 1), i = s->periodic ? to % s->n[d] : to;

      if (i < 0 || i >= s->n[d]) in = PETSC_FALSE;
      node[a] = node[a] * s->n[d] + i;
    }
    if (!in) node[a] = -1;
  }
  for (int a = 0; a < 1 << dims; a++)
    for (int b = 0; b < 1 << dims; b++)
      if (node[a] >= 0 && node[b] >= 0) PetscCall(MatSetValue(A, node[a], node[b], matrix[a][b], ADD_VALUES));
  PetscFunctionReturn(0);
}

/* Row of cell at[]: second differences along the axes, and mixed ones over four diagonal neighbours */
static inline PetscErrorCode ElementsDifferences(Mat A, const ElementsSpec *s, const PetscInt at[3])
{
  const PetscInt step[3] = {1, s->n[0], s->n[0] * s->n[1]}, row = at[0] + step[1] * at[1] + step[2] * at[2];
  PetscReal      K[3][3];

  PetscFunctionBegin;
  ElementsTensor(s, K);
  for (int p = 0; p < 3; p++) {
    if (s->n[p] == 1) continue;
    PetscCall(MatSetValue(A, row, row, 2 * K[p][p] + s->mass / 3, ADD_VALUES));
    for (int k = -1; k < 2; k += 2)
      if (at[p] + k >= 0 && at[p] + k < s->n[p]) PetscCall(MatSetValue(A, row, row + k * step[p], -K[p][p], ADD_VALUES));
    for (int q = 0; q < p; q++)
      for (int corner = 0; corner < 4; corner++) {
        const PetscInt k = corner & 1 ? 1 : -1, l = corner & 2 ? 1 : -1;

        if (at[p] + k < 0 || at[p] + k >= s->n[p] || at[q] + l < 0 || at[q] + l >= s->n[q]) continue;
        PetscCall(MatSetValue(A, row, row + k * step[p] + l * step[q], (PetscReal)(-k * l) * K[p][q] / 2, ADD_VALUES));
      }
  }
  PetscFunctionReturn(0);
}

static inline PetscErrorCode ElementsCreate(const ElementsSpec *s, Mat *A)
{
  const PetscInt rows  = s->n[0] * s->n[1] * s->n[2];
  const PetscInt first = s->differences || s->neumann || s->periodic ? 0 : -1, less = s->neumann ? 1 : 0;
  PetscInt       at[3];

  PetscFunctionBegin;
  PetscCall(MatCreateSeqAIJ(PETSC_COMM_SELF, rows, rows, s->n[2] > 1 ? 27 : 9, NULL, A));
  for (at[2] = s->n[2] > 1 ? first : 0; at[2] < PetscMax(s->n[2] - less, 1); at[2]++)
    for (at[1] = first; at[1] < s->n[1] - less; at[1]++)
      for (at[0] = first; at[0] < s->n[0] - less; at[0]++) PetscCall((*(s->differences ? ElementsDifferences : ElementsAdd))(*A, s, at));
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}
