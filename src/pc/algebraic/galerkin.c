/*
  The coarser level of smoothed aggregation: P = S T with S = I - omega D^-1 A_F, where A_F is A without weak couplings, which are added to
  the diagonal D so that rows keep their sums; and P^T A P, by products of this folder; on several processes P by PETSc's.
*/
#include "algebraic.h"

#define DAMPING (4. / 3)   /* over the largest eigenvalue of D^-1 A: P. Vanek, M. Brezina, J. Mandel, Numer. Math. 88, 2001 */
#define LEAST_DIAGONAL 0.1 /* of a diagonal entry, that has to be left of it when the weak couplings are added */

/* A row of S while it is filled: the entries of A that are kept behind the first `used`, in the columns of all processes */
typedef struct {
  PetscInt begin, used, at; /* at: where the diagonal is, -1: nowhere */
  double   weak;            /* sum of the entries that are left out */
} SmootherRow;

static void Keep(PetscInt column, double value, SmootherRow *row, FurlSparse *S)
{
  S->column[row->used]  = column;
  S->value[row->used++] = value;
}

static void TakeAllOwn(const FurlCsr *own, PetscInt i, PetscInt first, SmootherRow *row, FurlSparse *S)
{
  for (PetscInt k = own->rowptr[i]; k < own->rowptr[i + 1]; k++) {
    if (own->column[k] == i) row->at = row->used;
    Keep(first + own->column[k], own->value[k], row, S);
  }
}

/* The diagonal first, then the strong entries; what is weak is what the row's sum has beside them */
static void TakeStrongOwn(const FurlCsr *own, const FurlCouplings *filter, PetscInt i, PetscInt first, SmootherRow *row, FurlSparse *S)
{
  double diagonal = 0;

  for (PetscInt k = own->rowptr[i]; k < own->rowptr[i + 1]; k++) {
    row->weak += own->value[k];
    diagonal += own->column[k] == i ? own->value[k] : 0;
  }
  row->at = row->used;
  Keep(first + i, diagonal, row, S);
  for (PetscInt k = filter->rowptr[i]; k < filter->rowptr[i + 1]; k++)
    Keep(first + filter->column[k], own->value[filter->entry[k]], row, S);
  for (PetscInt k = row->at; k < row->used; k++) row->weak -= S->value[k];
}

/* Entries between processes, before or after the process's own columns */
static void TakeOthers(const FurlAijParts *parts, const FurlCouplings *filter, PetscInt i, PetscInt first, int after, SmootherRow *row,
                       FurlSparse *S)
{
  const FurlCsr *const other = &parts->offdiagonal;

  for (PetscInt k = other->rowptr[i]; k < other->rowptr[i + 1]; k++) {
    const PetscInt column = parts->ghost[other->column[k]];

    if ((column > first) != after) continue;
    if (filter && !FurlIsStrongToGhost(filter, other, i, k))
      row->weak += other->value[k];
    else
      Keep(column, other->value[k], row, S);
  }
}

/* Of A_F, where `weak` is left out of the row; 0 where next to nothing is left, and the row is not to be smoothed */
static double FilteredDiagonal(double diagonal, double weak)
{
  return diagonal != 0 && 1 + weak / diagonal > LEAST_DIAGONAL ? diagonal + weak : 0;
}

/* -omega D^-1 A_F and the identity; a row without a diagonal has nothing to be smoothed by. column: of the diagonal */
static void Finish(PetscInt column, double factor, SmootherRow *row, FurlSparse *S)
{
  const double diagonal = row->at < 0 ? 0 : FilteredDiagonal(S->value[row->at], row->weak);

  if (diagonal == 0) {
    row->used = row->begin;
    Keep(column, 1, row, S);
    return;
  }
  for (PetscInt k = row->begin; k < row->used; k++) S->value[k] *= -factor / diagonal;
  S->value[row->at] = 1 - factor;
}

static PetscErrorCode BuildSmoother(const FurlAijParts *parts, PetscInt first, const FurlCouplings *filter, double factor, FurlSparse *S)
{
  const FurlCsr *const own    = &parts->diagonal;
  const PetscInt       n      = (PetscInt)own->nrows;
  const PetscInt       others = parts->offdiagonal_mat ? parts->offdiagonal.rowptr[n] : 0;
  SmootherRow          row    = {.used = 0};

  PetscFunctionBegin;
  PetscCall(FurlSparseAllocate(n, (PetscInt)own->ncols, 1, 1, own->rowptr[n] + others + n, S));
  for (PetscInt i = 0; i < n; i++) {
    row = (SmootherRow){.begin = row.used, .used = row.used, .at = -1};
    if (parts->offdiagonal_mat) TakeOthers(parts, filter, i, first, 0, &row, S);
    if (filter)
      TakeStrongOwn(own, filter, i, first, &row, S);
    else
      TakeAllOwn(own, i, first, &row, S);
    if (parts->offdiagonal_mat) TakeOthers(parts, filter, i, first, 1, &row, S);
    Finish(first + i, factor, &row, S);
    S->rowptr[i + 1] = row.used;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
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

/* A row of P = (I - omega D^-1 A_F) T for T of one entry a row or none: S = I - omega D^-1 A_F is never formed */
static PetscInt SmoothRow(const FurlCsr *own, const FurlCouplings *filter, const FurlSparseView *T, PetscInt i, double factor,
                          PetscInt begin, FurlSparse *P)
{
  double   diagonal = 0, weak = 0;
  PetscInt used = begin;

  for (PetscInt k = own->rowptr[i]; k < own->rowptr[i + 1]; k++) {
    weak += own->value[k];
    diagonal += own->column[k] == i ? own->value[k] : 0;
  }
  weak -= diagonal;
  for (PetscInt k = filter->rowptr[i]; k < filter->rowptr[i + 1]; k++) weak -= own->value[filter->entry[k]];
  diagonal = FilteredDiagonal(diagonal, weak);
  for (PetscInt t = T->rowptr[i]; t < T->rowptr[i + 1]; t++)
    used = AddTo(T->column[t], (diagonal == 0 ? 1 : 1 - factor) * T->value[t], begin, used, P);
  for (PetscInt k = filter->rowptr[i]; diagonal != 0 && k < filter->rowptr[i + 1]; k++) {
    const PetscInt t = T->rowptr[filter->column[k]];

    if (T->rowptr[filter->column[k] + 1] == t) continue;
    used = AddTo(T->column[t], -factor * own->value[filter->entry[k]] / diagonal * T->value[t], begin, used, P);
  }
  return used;
}

/* P has no more entries than T and one for each strong coupling */
static PetscErrorCode SmoothConstants(const FurlCsr *own, const FurlCouplings *filter, const FurlSparseView *T, double factor,
                                      FurlSparse *P)
{
  PetscFunctionBegin;
  PetscCall(FurlSparseAllocate(T->nrows, T->ncols, 1, 1, T->rowptr[T->nrows] + filter->rowptr[filter->n], P));
  for (PetscInt i = 0; i < T->nrows; i++) P->rowptr[i + 1] = SmoothRow(own, filter, T, i, factor, P->rowptr[i], P);
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
  const MPI_Comm       comm = PetscObjectComm((PetscObject)A);
  const FurlSparseView a = blocks ? FurlSparseGetView(blocks) : FurlSparseViewCsr(&parts->diagonal), t = FurlSparseGetView(T);

  PetscFunctionBegin;
  if (filter)
    PetscCall(SmoothConstants(&parts->diagonal, filter, &t, factor, &c->P_arrays));
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

/* T on all processes: each has columns for its own rows alone */
static PetscErrorCode SpreadTentative(MPI_Comm comm, FurlSparse *T, Mat *spread)
{
  PetscInt nnz, before = 0, *column;

  PetscFunctionBegin;
  PetscCall(FurlSparseExpand(T));
  nnz = T->rowptr[T->nrows];
  PetscCallMPI(MPI_Exscan(&T->ncols, &before, 1, MPIU_INT, MPI_SUM, comm));
  PetscCall(PetscMalloc1(nnz + 1, &column));
  for (PetscInt k = 0; k < nnz; k++) column[k] = T->column[k] + before;
  PetscCall(MatCreateMPIAIJWithArrays(comm, T->nrows, T->ncols, PETSC_DETERMINE, PETSC_DETERMINE, T->rowptr, column, T->value, spread));
  PetscCall(PetscFree(column));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SpreadSmoother(MPI_Comm comm, FurlSparse *S, Mat *spread)
{
  PetscFunctionBegin;
  for (PetscInt i = 0; i < S->nrows; i++) /* which costs little where they are in order */
    PetscCall(PetscSortIntWithScalarArray(S->rowptr[i + 1] - S->rowptr[i], S->column + S->rowptr[i], S->value + S->rowptr[i]));
  PetscCall(MatCreateMPIAIJWithArrays(comm, S->nrows, S->ncols, PETSC_DETERMINE, PETSC_DETERMINE, S->rowptr, S->column, S->value, spread));
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

static PetscErrorCode CoarsenTogether(Mat A, const FurlAijParts *parts, FurlSparse *T, const FurlCouplings *filter, double factor,
                                      FurlCoarsening *c)
{
  const MPI_Comm comm = PetscObjectComm((PetscObject)A);
  Mat            smoother, tentative;
  PetscInt       first;
  FurlSparse     S;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &first, NULL));
  PetscCall(BuildSmoother(parts, first, filter, factor, &S));
  PetscCall(SpreadSmoother(comm, &S, &smoother));
  PetscCall(FurlSparseDestroy(&S));
  PetscCall(SpreadTentative(comm, T, &tentative));
  PetscCall(MatMatMult(smoother, tentative, MAT_INITIAL_MATRIX, PETSC_DEFAULT, &c->P));
  PetscCall(MatProductClear(c->P)); /* which would hold its factors */
  PetscCall(MatDestroy(&tentative));
  PetscCall(MatDestroy(&smoother));
  PetscCall(FurlProjectTogether(A, parts, c->P, &c->A));
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
