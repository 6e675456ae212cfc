/*
  Which couplings are strong: in units in which every diagonal entry has size one, those of the sign opposite to the diagonal's (others do
  not smooth what they couple) that are at least `threshold` of the largest of both their nodes. Couplings across a jump of the coefficient
  are weak for the side where it is large, and what is smooth there has nothing to do with the other side.
*/
#include <float.h>
#include <furl/memory.h>
#include "algebraic.h"

/* scale = 1/sqrt(|a_ii|) */
static double Size(double value, double sign, double scale_i, double scale_j)
{
  return -sign * value * scale_i * scale_j;
}

static double OwnSize(const FurlCouplings *c, const FurlCsr *own, PetscInt i, PetscInt k)
{
  return Size(own->value[k], c->sign[i], c->scale[i], c->scale[own->column[k]]);
}

PetscBool FurlIsStrongToGhost(const FurlCouplings *c, const FurlCsr *other, PetscInt i, PetscInt k)
{
  const PetscInt j    = other->column[k];
  const double   size = Size(other->value[k], c->sign[i], c->scale[i], c->ghost_scale[j]);

  return (PetscBool)(size >= c->least[i] && size >= c->ghost_least[j]);
}

static void GetScale(const FurlCsr *own, FurlCouplings *c)
{
  for (PetscInt i = 0; i < c->n; i++) {
    double diagonal = 0;

    for (PetscInt k = own->rowptr[i]; k < own->rowptr[i + 1]; k++)
      if (own->column[k] == i) diagonal += own->value[k];
    c->scale[i] = diagonal ? 1 / sqrt(fabs(diagonal)) : 0;
    c->sign[i]  = diagonal < 0 ? -1 : 1;
  }
}

/* Of the largest coupling of each node, `threshold`; other: entries in ghosts' columns or NULL */
static void GetLeast(const FurlCsr *own, const FurlCsr *other, double threshold, FurlCouplings *c)
{
  for (PetscInt i = 0; i < c->n; i++) {
    double largest = 0;

    for (PetscInt k = own->rowptr[i]; k < own->rowptr[i + 1]; k++)
      if (own->column[k] != i) largest = PetscMax(largest, OwnSize(c, own, i, k));
    for (PetscInt k = other ? other->rowptr[i] : 0; other && k < other->rowptr[i + 1]; k++)
      largest = PetscMax(largest, Size(other->value[k], c->sign[i], c->scale[i], c->ghost_scale[other->column[k]]));
    c->least[i] = PetscMax(threshold * largest, DBL_MIN);
  }
}

/* No branch goes by what is strong */
static void KeepStrong(const FurlCsr *own, FurlCouplings *c)
{
  PetscInt used = 0;

  for (PetscInt i = 0; i < c->n; i++) {
    for (PetscInt k = own->rowptr[i]; k < own->rowptr[i + 1]; k++) {
      const PetscInt j    = own->column[k];
      const double   size = OwnSize(c, own, i, k);

      c->column[used] = j;
      c->entry[used]  = k;
      used += (j != i) & (size >= c->least[i]) & (size >= c->least[j]);
    }
    c->rowptr[i + 1] = used;
  }
}

/* The matrix of nodes: minus the Frobenius norms of the blocks, but a node's own, which is positive */
static void TakeNorms(const FurlSparse *blocks, double *norm)
{
  const PetscInt size = blocks->height * blocks->width;

  for (PetscInt i = 0; i < blocks->nrows; i++)
    for (PetscInt k = blocks->rowptr[i]; k < blocks->rowptr[i + 1]; k++) {
      const double *const block  = blocks->value + (size_t)k * (size_t)size;
      double              square = 0;

      for (PetscInt e = 0; e < size; e++) square += block[e] * block[e];
      norm[k] = (blocks->column[k] == i ? 1 : -1) * sqrt(square);
    }
}

static PetscErrorCode Allocate(PetscInt n, PetscInt nnz, FurlCouplings *c)
{
  PetscFunctionBegin;
  *c = (FurlCouplings){.n = n};
  PetscCall(PetscCalloc1(n + 1, &c->rowptr));
  PetscCall(PetscMalloc1(nnz + 1, &c->column));
  PetscCall(PetscMalloc1(nnz + 1, &c->entry));

  FurlMemoryLargePages(c->column, (size_t)nnz * sizeof(*c->column));
  FurlMemoryLargePages(c->entry, (size_t)nnz * sizeof(*c->entry));

  PetscCall(PetscMalloc3(n + 1, &c->scale, n + 1, &c->least, n + 1, &c->sign));
  PetscCall(PetscCalloc1(n + 1, &c->elsewhere));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Nodes of several rows; what their blocks are elsewhere is not asked: all of those count as strong */
static PetscErrorCode BuildOfNodes(const FurlSparse *blocks, const FurlCsr *other, double threshold, FurlCouplings *c)
{
  const PetscInt bs = blocks->height, n = blocks->nrows;
  FurlCsr        own = {.nrows = n, .ncols = blocks->ncols, .rowptr = blocks->rowptr, .column = blocks->column};

  PetscFunctionBegin;
  PetscCall(Allocate(n, own.rowptr[n], c));
  PetscCall(PetscMalloc1(own.rowptr[n] + 1, &c->norm));
  TakeNorms(blocks, c->norm);
  own.value = c->value = c->norm;
  GetScale(&own, c);
  GetLeast(&own, NULL, threshold, c);
  KeepStrong(&own, c);
  for (PetscInt i = 0; other && i < n; i++) c->elsewhere[i] = other->rowptr[(i + 1) * bs] > other->rowptr[i * bs];
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BuildOfRows(const FurlAijParts *parts, const FurlMatrix *halo, double threshold, FurlCouplings *c)
{
  const FurlCsr *const own = &parts->diagonal, *const other = parts->offdiagonal_mat ? &parts->offdiagonal : NULL;

  PetscFunctionBegin;
  PetscCall(Allocate((PetscInt)own->nrows, own->rowptr[own->nrows], c));
  c->value = own->value;
  GetScale(own, c);
  if (other) {
    PetscCall(PetscMalloc2(other->ncols + 1, &c->ghost_scale, other->ncols + 1, &c->ghost_least));
    PetscCall(FurlHaloBegin(halo, MPI_DOUBLE, c->scale, c->ghost_scale));
    PetscCall(FurlHaloEnd(halo, MPI_DOUBLE, c->scale, c->ghost_scale));
  }
  GetLeast(own, other, threshold, c);
  if (other) {
    PetscCall(FurlHaloBegin(halo, MPI_DOUBLE, c->least, c->ghost_least));
    PetscCall(FurlHaloEnd(halo, MPI_DOUBLE, c->least, c->ghost_least));
  }
  KeepStrong(own, c);
  for (PetscInt i = 0; other && i < c->n; i++)
    for (PetscInt k = other->rowptr[i]; k < other->rowptr[i + 1]; k++) c->elsewhere[i] |= FurlIsStrongToGhost(c, other, i, k);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlCouplingsBuild(Mat A, const FurlSparse *blocks, const FurlMatrix *halo, double threshold, FurlCouplings *c)
{
  FurlAijParts parts;

  PetscFunctionBegin;
  PetscCall(FurlAijGetParts(A, &parts));
  if (blocks)
    PetscCall(BuildOfNodes(blocks, parts.offdiagonal_mat ? &parts.offdiagonal : NULL, threshold, c));
  else
    PetscCall(BuildOfRows(&parts, halo, threshold, c));
  PetscCall(FurlAijRestoreParts(A, &parts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlCouplingsDestroy(FurlCouplings *c)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(c->elsewhere));
  PetscCall(PetscFree2(c->ghost_scale, c->ghost_least));
  PetscCall(PetscFree3(c->scale, c->least, c->sign));
  PetscCall(PetscFree(c->norm));
  PetscCall(PetscFree(c->entry));
  PetscCall(PetscFree(c->column));
  PetscCall(PetscFree(c->rowptr));
  PetscFunctionReturn(PETSC_SUCCESS);
}
