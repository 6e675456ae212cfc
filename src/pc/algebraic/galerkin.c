/*
  The coarser level of smoothed aggregation: P = S T with S = I - omega D^-1 A_F, where A_F is A without weak couplings, which are added to
  the diagonal D so that rows keep their sums; and P^T A P
*/
#include "together.h"

#define DAMPING (4. / 3)   /* over the largest eigenvalue of D^-1 A: P. Vanek, M. Brezina, J. Mandel, Numer. Math. 88, 2001 */
#define LEAST_DIAGONAL 0.1 /* of a diagonal entry, that has to be left of it when the weak couplings are added */

/* Of A_F, where `weak` is left out of the row; 0 where next to nothing is left, and the row is not to be smoothed */
static double FilteredDiagonal(double diagonal, double weak)
{
  return diagonal != 0 && 1 + weak / diagonal > LEAST_DIAGONAL ? diagonal + weak : 0;
}

/* A mode that depends on others in its aggregate has a column of zeros in T: an unknown that is coupled to nothing. Its diagonal entry
 * becomes the largest of all, so that it is none of the matrix's small singular values, nor all others' measure */
static void FillEmptyRows(FurlSparse *A)
{
  double largest = 0;

  for (int pass = 0; pass < 2; pass++)
    for (PetscInt i = 0; i < A->nrows; i++)
      for (PetscInt k = A->rowptr[i]; k < A->rowptr[i + 1]; k++) {
        if (A->column[k] != i) continue;
        if (!pass) largest = PetscMax(largest, fabs(A->value[k]));
        if (pass && A->value[k] == 0) A->value[k] = largest;
      }
}

/* Appends value at the column, behind those of the row that begins at `begin`; rows have a few entries */
static PetscInt AddTo(PetscInt column, double value, PetscInt begin, PetscInt used, FurlSparse *P)
{
  PetscInt k = begin;

  while (k < used && P->column[k] != column) k++;
  P->column[k] = column;
  P->value[k]  = k < used ? P->value[k] + value : value;
  return k < used ? used : used + 1;
}

/* A's entries and which of them are strong; other: those to other processes, NULL: none, whose rows of T are place[column] */
typedef struct {
  const FurlCsr       *own, *other;
  const FurlCouplings *filter;
  const PetscInt      *place;
} Couplings;

/* What A_F lacks in row i beside its diagonal */
static double SumWeak(const Couplings *c, PetscInt i, double diagonal)
{
  double weak = -diagonal;

  for (PetscInt k = c->own->rowptr[i]; k < c->own->rowptr[i + 1]; k++) weak += c->own->value[k];
  for (PetscInt k = c->filter->rowptr[i]; k < c->filter->rowptr[i + 1]; k++) weak -= c->own->value[c->filter->entry[k]];
  for (PetscInt k = c->other ? c->other->rowptr[i] : 0; c->other && k < c->other->rowptr[i + 1]; k++)
    if (!FurlIsStrongToGhost(c->filter, c->other, i, k)) weak += c->other->value[k];
  return weak;
}

/* Adds `factor` times row `row` of T, which has one entry or none */
static PetscInt AddRow(const FurlSparseView *T, PetscInt row, double factor, PetscInt begin, PetscInt used, FurlSparse *P)
{
  const PetscInt t = T->rowptr[row];

  return T->rowptr[row + 1] == t ? used : AddTo(T->column[t], factor * T->value[t], begin, used, P);
}

/* A row of P = (I - omega D^-1 A_F) T for T of one entry a row or none: S = I - omega D^-1 A_F is never formed */
static PetscInt SmoothRow(const Couplings *c, const FurlSparseView *T, PetscInt i, double factor, PetscInt begin, FurlSparse *P)
{
  double   diagonal = 0;
  PetscInt used     = begin;

  for (PetscInt k = c->own->rowptr[i]; k < c->own->rowptr[i + 1]; k++) diagonal += c->own->column[k] == i ? c->own->value[k] : 0;
  diagonal = FilteredDiagonal(diagonal, SumWeak(c, i, diagonal));
  if (diagonal == 0) return AddRow(T, i, 1, begin, used, P);
  used = AddRow(T, i, 1 - factor, begin, used, P);
  for (PetscInt k = c->filter->rowptr[i]; k < c->filter->rowptr[i + 1]; k++)
    used = AddRow(T, c->filter->column[k], -factor * c->own->value[c->filter->entry[k]] / diagonal, begin, used, P);
  for (PetscInt k = c->other ? c->other->rowptr[i] : 0; c->other && k < c->other->rowptr[i + 1]; k++)
    if (FurlIsStrongToGhost(c->filter, c->other, i, k))
      used = AddRow(T, c->place[c->other->column[k]], -factor * c->other->value[k] / diagonal, begin, used, P);
  return used;
}

/* P has no more entries than T and one for each strong coupling */
static PetscErrorCode SmoothConstants(const Couplings *c, const FurlSparseView *T, double factor, FurlSparse *P)
{
  const PetscInt n = (PetscInt)c->own->nrows;

  PetscFunctionBegin;
  PetscCall(FurlSparseAllocate(n, T->ncols, 1, 1, T->rowptr[n] + c->filter->rowptr[n] + (c->other ? c->other->rowptr[n] : 0), P));
  for (PetscInt i = 0; i < n; i++) P->rowptr[i + 1] = SmoothRow(c, T, i, factor, P->rowptr[i], P);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* scale: omega / a_ii of the rows of node i; 0 without a diagonal, as nothing smooths there */
static void GetScale(const FurlSparseView *A, PetscInt i, double factor, double *scale)
{
  const PetscInt n = A->height;

  for (PetscInt r = 0; r < n; r++) {
    double diagonal = 0;

    for (PetscInt k = A->rowptr[i]; k < A->rowptr[i + 1]; k++)
      if (A->column[k] == i) diagonal += A->value[(size_t)k * (size_t)(n * n) + (size_t)(r * n + r)];
    scale[r] = diagonal == 0 ? 0 : factor / diagonal;
  }
}

/* P = T - omega D^-1 A T, for modes of any number; factor: omega */
static PetscErrorCode SmoothAll(const FurlSparseView *A, const FurlSparseView *T, double factor, FurlSparse *P)
{
  const PetscInt h = T->height, w = T->width;
  double        *scale;

  PetscFunctionBegin;
  PetscCall(FurlSparseMultiply(A, T, P));
  PetscCall(PetscMalloc1(h, &scale));
  for (PetscInt i = 0; i < P->nrows; i++) {
    GetScale(A, i, factor, scale);
    for (PetscInt k = P->rowptr[i]; k < P->rowptr[i + 1]; k++) {
      double *const       block = P->value + (size_t)k * (size_t)(h * w);
      const double *const own   = T->rowptr[i + 1] > T->rowptr[i] && T->column[T->rowptr[i]] == P->column[k]
                                    ? T->value + (size_t)T->rowptr[i] * (size_t)(h * w)
                                    : NULL;

      for (PetscInt e = 0; e < h * w; e++) block[e] = (own ? own[e] : 0) - scale[e / w] * block[e];
    }
  }
  PetscCall(PetscFree(scale));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* P is given: R = P' and R A P */
static PetscErrorCode Project(const FurlSparseView *A, FurlCoarsening *c)
{
  FurlSparse     AP;
  FurlSparseView p, r, ap;

  PetscFunctionBegin;
  PetscCall(FurlSparseSort(&c->P_arrays));
  p = FurlSparseGetView(&c->P_arrays);
  PetscCall(FurlSparseTranspose(&p, &c->R_arrays));
  r = FurlSparseGetView(&c->R_arrays);
  PetscCall(FurlSparseMultiply(A, &p, &AP));
  ap = FurlSparseGetView(&AP);
  PetscCall(FurlSparseMultiply(&r, &ap, &c->A_arrays));
  PetscCall(FurlSparseDestroy(&AP));
  PetscCall(FurlSparseSort(&c->A_arrays));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CoarsenAlone(Mat A, const FurlAijParts *parts, const FurlSparse *blocks, const FurlSparse *T,
                                   const FurlCouplings *filter, double factor, FurlCoarsening *c)
{
  const MPI_Comm       comm      = PetscObjectComm((PetscObject)A);
  const Couplings      couplings = {.own = &parts->diagonal, .filter = filter};
  const FurlSparseView a = blocks ? FurlSparseGetView(blocks) : FurlSparseViewCsr(&parts->diagonal), t = FurlSparseGetView(T);

  PetscFunctionBegin;
  if (filter)
    PetscCall(SmoothConstants(&couplings, &t, factor, &c->P_arrays));
  else
    PetscCall(SmoothAll(&a, &t, factor, &c->P_arrays));
  PetscCall(Project(&a, c));
  PetscCall(FurlSparseExpand(&c->P_arrays));
  PetscCall(FurlSparseExpand(&c->R_arrays));
  PetscCall(FurlSparseExpand(&c->A_arrays));
  FillEmptyRows(&c->A_arrays);
  PetscCall(FurlSparseToMat(comm, &c->P_arrays, &c->P));
  PetscCall(FurlSparseToMat(comm, &c->R_arrays, &c->R));
  PetscCall(FurlSparseToMat(comm, &c->A_arrays, &c->A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FillEmptyRowsTogether(Mat A)
{
  const PetscScalar *diagonal;
  PetscReal          largest;
  PetscInt           first, end;
  Vec                d;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &d, NULL));
  PetscCall(MatGetDiagonal(A, d));
  PetscCall(MatGetOwnershipRange(A, &first, &end));
  PetscCall(VecNorm(d, NORM_INFINITY, &largest));
  PetscCall(VecGetArrayRead(d, &diagonal));
  for (PetscInt i = first; i < end; i++)
    if (diagonal[i - first] == 0) PetscCall(MatSetValue(A, i, i, largest, INSERT_VALUES));
  PetscCall(VecRestoreArrayRead(d, &diagonal));
  PetscCall(VecDestroy(&d));
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CoarsenTogether(Mat A, const FurlAijParts *parts, const FurlSparse *T, const FurlCouplings *filter, double factor,
                                      FurlCoarsening *c)
{
  const MPI_Comm comm = PetscObjectComm((PetscObject)A);
  FurlUnknowns   fine, coarse = {.own = T->ncols};
  PetscMPIInt    rank;
  PetscInt      *place;
  FurlSparse     rows, joined;
  FurlSparseView a, t;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCallMPI(MPI_Exscan(&coarse.own, &coarse.first, 1, MPIU_INT, MPI_SUM, comm));
  if (!rank) coarse.first = 0; /* which the standard leaves open */
  PetscCall(FurlMeetNodes(A, parts, T->height, &fine, &place));
  PetscCall(FurlJoinColumns(parts, T->height, &fine, place, &rows));
  PetscCall(FurlJoinRows(A, &fine, T, &coarse, &joined));
  a = FurlSparseGetView(&rows);
  t = FurlSparseGetView(&joined);
  if (filter) {
    const Couplings couplings = {&parts->diagonal, &parts->offdiagonal, filter, place};

    PetscCall(SmoothConstants(&couplings, &t, factor, &c->P_arrays));
  } else
    PetscCall(SmoothAll(&a, &t, factor, &c->P_arrays));
  PetscCall(FurlSparseDestroy(&joined));
  PetscCall(FurlJoinRows(A, &fine, &c->P_arrays, &coarse, &joined));
  PetscCall(FurlSparseDestroy(&c->P_arrays));
  PetscCall(FurlProjectTogether(comm, &rows, &joined, &coarse, &c->A));
  joined.nrows = rows.nrows; /* the others' rows stand behind */
  PetscCall(FurlSparseDestroy(&rows));
  PetscCall(FurlSparseToMatTogether(comm, &joined, &coarse, &c->P));
  PetscCall(FurlSparseDestroy(&joined));
  PetscCall(FurlUnknownsDestroy(&coarse));
  PetscCall(FurlUnknownsDestroy(&fine));
  PetscCall(PetscFree(place));
  PetscCall(FillEmptyRowsTogether(c->A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlCoarsen(Mat A, const FurlSparse *blocks, FurlSparse *T, const FurlCouplings *filter, double lambda, FurlCoarsening *c)
{
  FurlAijParts parts;

  PetscFunctionBegin;
  *c = (FurlCoarsening){.P = NULL};
  PetscCall(FurlAijGetParts(A, &parts));
  if (parts.offdiagonal_mat)
    PetscCall(CoarsenTogether(A, &parts, T, filter, DAMPING / lambda, c));
  else
    PetscCall(CoarsenAlone(A, &parts, blocks, T, filter, DAMPING / lambda, c));
  PetscCall(FurlAijRestoreParts(A, &parts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlCoarseningDestroy(FurlCoarsening *c)
{
  PetscFunctionBegin;
  PetscCall(MatDestroy(&c->A));
  PetscCall(MatDestroy(&c->R));
  PetscCall(MatDestroy(&c->P));
  PetscCall(FurlSparseDestroy(&c->A_arrays));
  PetscCall(FurlSparseDestroy(&c->R_arrays));
  PetscCall(FurlSparseDestroy(&c->P_arrays));
  PetscFunctionReturn(PETSC_SUCCESS);
}
