/* The near-null space, and its orthonormal bases on aggregates */
#include "algebraic.h"

#define DEPENDENT 1e-8 /* of a vector's norm on an aggregate: what is left of it beside the others, below which it depends on them */

/* Constants of each row of a block, where the user gave no vectors */
static void FillConstants(PetscInt bs, FurlModes *modes)
{
  for (PetscInt i = 0; i < modes->n; i++)
    for (PetscInt c = 0; c < modes->k; c++) modes->value[i * modes->k + c] = bs == 1 || i % bs == c;
}

PetscErrorCode FurlModesGet(Mat A, FurlModes *modes)
{
  MatNullSpace near;
  PetscBool    constant = PETSC_FALSE;
  PetscInt     nvecs    = 0, bs;
  const Vec   *vec;

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(A, &modes->n, NULL));
  PetscCall(MatGetBlockSize(A, &bs));
  PetscCall(MatGetNearNullSpace(A, &near));
  if (near) PetscCall(MatNullSpaceGetVecs(near, &constant, &nvecs, &vec));
  modes->k = nvecs ? nvecs + (constant ? 1 : 0) : bs;
  PetscCall(PetscMalloc1(modes->n * modes->k + 1, &modes->value));
  if (!nvecs) FillConstants(bs, modes);
  for (PetscInt c = 0; c < nvecs; c++) {
    const PetscScalar *from;

    PetscCall(VecGetArrayRead(vec[c], &from));
    for (PetscInt i = 0; i < modes->n; i++) modes->value[i * modes->k + c] = from[i];
    PetscCall(VecRestoreArrayRead(vec[c], &from));
  }
  for (PetscInt i = 0; nvecs && constant && i < modes->n; i++) modes->value[i * modes->k + nvecs] = 1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlModesDestroy(FurlModes *modes)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(modes->value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static double Dot(const double *x, const double *y, PetscInt m, PetscInt k)
{
  double sum = 0;

  for (PetscInt i = 0; i < m; i++) sum += x[i * k] * y[i * k];
  return sum;
}

/* Q R = q by the modified Gram-Schmidt method, each vector taken off twice; q: [m][k], r: [k][k]. A dependent vector becomes zero */
static void Orthonormalise(PetscInt m, PetscInt k, double *q, double *r)
{
  for (PetscInt c = 0; c < k; c++) {
    const double before = sqrt(Dot(q + c, q + c, m, k));
    double       norm;

    for (int pass = 0; pass < 2; pass++)
      for (PetscInt d = 0; d < c; d++) {
        const double part = Dot(q + d, q + c, m, k);

        r[d * k + c] += part;
        for (PetscInt i = 0; i < m; i++) q[i * k + c] -= part * q[i * k + d];
      }
    norm         = sqrt(Dot(q + c, q + c, m, k));
    norm         = norm > DEPENDENT * before ? norm : 0;
    r[c * k + c] = norm;
    for (PetscInt i = 0; i < m; i++) q[i * k + c] = norm > 0 ? q[i * k + c] / norm : 0;
  }
}

/* member: the nodes, aggregate by aggregate; begin: [naggregates + 1] */
static PetscErrorCode ListMembers(PetscInt n, const PetscInt *aggregate, PetscInt naggregates, PetscInt **member, PetscInt **begin)
{
  PetscInt *next;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(naggregates + 1, begin));
  PetscCall(PetscMalloc1(n + 1, member));
  for (PetscInt i = 0; i < n; i++)
    if (aggregate[i] >= 0) (*begin)[aggregate[i] + 1]++;
  for (PetscInt a = 0; a < naggregates; a++) (*begin)[a + 1] += (*begin)[a];
  PetscCall(PetscMalloc1(naggregates + 1, &next));
  PetscCall(PetscArraycpy(next, *begin, naggregates));
  for (PetscInt i = 0; i < n; i++)
    if (aggregate[i] >= 0) (*member)[next[aggregate[i]]++] = i;
  PetscCall(PetscFree(next));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlModesSplit(const FurlModes *modes, PetscInt bs, const PetscInt *aggregate, PetscInt naggregates, FurlSparse *T,
                              FurlModes *coarse)
{
  const PetscInt k = modes->k;
  PetscInt      *member, *begin, most = 0;
  double        *q;

  PetscFunctionBegin;
  PetscCall(ListMembers(modes->n / bs, aggregate, naggregates, &member, &begin));
  for (PetscInt a = 0; a < naggregates; a++) most = PetscMax(most, begin[a + 1] - begin[a]);
  PetscCall(FurlSparseAllocate(modes->n / bs, naggregates, bs, k, begin[naggregates], T));
  for (PetscInt i = 0; i < T->nrows; i++) {
    const PetscInt at = T->rowptr[i];

    T->rowptr[i + 1] = at + (aggregate[i] >= 0 ? 1 : 0);
    if (aggregate[i] >= 0) T->column[at] = aggregate[i];
  }
  *coarse = (FurlModes){.n = naggregates * k, .k = k};
  PetscCall(PetscCalloc1(naggregates * k * k + 1, &coarse->value));
  PetscCall(PetscMalloc1(most * bs * k + 1, &q));
  for (PetscInt a = 0; a < naggregates; a++) {
    const PetscInt m = begin[a + 1] - begin[a], row = bs * k;

    for (PetscInt i = 0; i < m; i++) PetscCall(PetscArraycpy(q + i * row, modes->value + member[begin[a] + i] * row, row));
    if (k > 1)
      Orthonormalise(m * bs, k, q, coarse->value + a * k * k);
    else
      coarse->value[a] = 1; /* so that constants are kept on all levels by rows that keep their sums */
    for (PetscInt i = 0; i < m; i++) PetscCall(PetscArraycpy(T->value + T->rowptr[member[begin[a] + i]] * row, q + i * row, row));
  }
  PetscCall(PetscFree(q));
  PetscCall(PetscFree(begin));
  PetscCall(PetscFree(member));
  PetscFunctionReturn(PETSC_SUCCESS);
}
