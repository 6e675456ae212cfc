/* The coarsest level: every process has its rows of the inverse of the scaled operator of all, FP64 */
#include "grid.h"

#define SHIFT 1e-10 /* of the diagonal (which is one), where parts that nothing ties down leave several null spaces; grows until factors exist */
#define PIVOT 1e-14

/* What all processes must know of a cell */
typedef struct {
  double link[3]; /* to the next cell in each direction */
  double root;
} Cell;

static PetscErrorCode GatherCells(const FurlStencil *s, FurlGrid *grid, PetscInt total, Cell *cells)
{
  const FurlBox *const box = &s->box;
  Cell                *own;
  PetscInt             r = 0;
  MPI_Datatype         unit;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(FurlBoxCells(box), &own));
  for (PetscInt k = 0; k < box->n[2]; k++)
    for (PetscInt j = 0; j < box->n[1]; j++)
      for (PetscInt i = 0; i < box->n[0]; i++, r++) {
        const int64_t G = FurlBoxAt(box, i, j, k);

        own[r].root = s->root[G];
        for (int d = 0; d < 3; d++) own[r].link[d] = s->link[d] ? s->link[d][G] : 0;
      }
  PetscCallMPI(MPI_Type_contiguous(4, MPI_DOUBLE, &unit));
  PetscCallMPI(MPI_Type_commit(&unit));
  PetscCallMPI(MPI_Allgatherv(own, (PetscMPIInt)r, unit, cells, grid->counts, grid->displs, unit, grid->comm));
  PetscCallMPI(MPI_Type_free(&unit));
  PetscCall(PetscFree(own));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The cells of all, process after process: place of a cell, found by its coordinates */
static PetscInt PlaceOf(const FurlLayout *layout, const FurlGrid *grid, PetscInt at[3])
{
  const PetscMPIInt      p     = FurlLayoutFind(layout, at, -1);
  const FurlPiece *const piece = &layout->piece[PetscMax(p, 0)];

  if (p < 0) return -1;
  for (int d = 0; d < 3; d++) at[d] -= piece->start[d];
  return grid->displs[p] + at[0] + piece->n[0] * (at[1] + piece->n[1] * at[2]);
}

static void AddLinks(const FurlLayout *layout, const FurlGrid *grid, const PetscInt at[3], const Cell *cells, PetscInt n, double *A)
{
  PetscInt here[3] = {at[0], at[1], at[2]};
  PetscInt r       = PlaceOf(layout, grid, here);

  A[r * n + r] += 1;
  for (int d = 0; d < 3; d++) {
    PetscInt next[3] = {at[0], at[1], at[2]}, c;

    next[d]++;
    c = cells[r].link[d] > 0 ? PlaceOf(layout, grid, next) : -1;
    if (c < 0) continue;
    A[r * n + c] -= cells[r].link[d] / fabs(cells[r].root * cells[c].root);
    A[c * n + r] -= cells[r].link[d] / fabs(cells[r].root * cells[c].root);
  }
}

/* Cholesky's factor in place, lower triangle; false where a pivot is not positive */
static int Factor(PetscInt n, double *A)
{
  for (PetscInt j = 0; j < n; j++) {
    for (PetscInt i = j; i < n; i++) {
      double sum = A[i * n + j];

      for (PetscInt k = 0; k < j; k++) sum -= A[i * n + k] * A[j * n + k];
      if (i == j && !(sum > PIVOT)) return 0;
      A[i * n + j] = i == j ? sqrt(sum) : sum / A[j * n + j];
    }
  }
  return 1;
}

/* One row of the inverse (it is symmetric: one column), from the factor */
static void InverseRow(PetscInt n, const double *L, PetscInt row, double *x)
{
  for (PetscInt i = 0; i < n; i++) {
    double sum = i == row;

    for (PetscInt k = 0; k < i; k++) sum -= L[i * n + k] * x[k];
    x[i] = sum / L[i * n + i];
  }
  for (PetscInt i = n - 1; i >= 0; i--) {
    double sum = x[i];

    for (PetscInt k = i + 1; k < n; k++) sum -= L[k * n + i] * x[k];
    x[i] = sum / L[i * n + i];
  }
}

/* Where all rows sum to zero: the inverse on what is orthogonal to the null vector, which is the roots of the diagonal */
static void NullVector(const FurlGrid *grid, PetscInt n, const Cell *cells, double *null)
{
  double norm = 0;

  for (PetscInt i = 0; i < n; i++) {
    null[i] = grid->singular && cells[i].root > 0 ? cells[i].root : 0;
    norm += null[i] * null[i];
  }
  for (PetscInt i = 0; norm > 0 && i < n; i++) null[i] /= sqrt(norm);
}

static void Invert(const FurlLayout *layout, FurlGrid *grid, PetscInt n, const Cell *cells, double *A, double *null)
{
  const PetscInt own = grid->counts[layout->rank], first = grid->displs[layout->rank];
  const PetscInt *const N = layout->N;
  double         shift = 0;

  NullVector(grid, n, cells, null);
  do {
    PetscInt at[3];

    for (PetscInt i = 0; i < n * n; i++) A[i] = null[i / n] * null[i % n] + (i / n == i % n ? shift : 0);
    for (at[2] = 0; at[2] < N[2]; at[2]++)
      for (at[1] = 0; at[1] < N[1]; at[1]++)
        for (at[0] = 0; at[0] < N[0]; at[0]++) AddLinks(layout, grid, at, cells, n, A);
    shift = shift > 0 ? 100 * shift : SHIFT;
  } while (!Factor(n, A));
  for (PetscInt i = 0; i < own; i++) {
    double *const row = grid->inverse + i * n;

    InverseRow(n, A, first + i, row);
    for (PetscInt j = 0; j < n; j++) row[j] -= null[first + i] * null[j];
  }
}

PetscErrorCode FurlGridCoarseBuild(const FurlStencil *s, FurlGrid *grid)
{
  const FurlLayout *const layout = &s->layout;
  const PetscInt          n      = layout->N[0] * layout->N[1] * layout->N[2];
  double                 *A, *null;
  Cell                   *cells;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(layout->size, &grid->counts, layout->size, &grid->displs));
  for (PetscMPIInt p = 0, first = 0; p < layout->size; p++) {
    const PetscInt *const m = layout->piece[p].n;

    grid->counts[p] = (PetscMPIInt)(m[0] * m[1] * m[2]);
    grid->displs[p] = first;
    first += grid->counts[p];
  }
  PetscCall(PetscMalloc2((size_t)n * PetscMax(grid->counts[layout->rank], 1), &grid->inverse, n, &grid->rhs));
  PetscCall(PetscMalloc3((size_t)n * n, &A, n, &null, n, &cells));
  PetscCall(GatherCells(s, grid, n, cells));
  Invert(layout, grid, n, cells, A, null);
  PetscCall(PetscFree3(A, null, cells));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* b of the coarsest level to its x */
PetscErrorCode FurlGridCoarseSolve(FurlGrid *grid)
{
  FurlGridLevel *const level = grid->level + grid->nlevels - 1;
  const FurlBox *const box   = &level->box;
  PetscMPIInt          rank, size;
  PetscInt             total, r = 0;
  double              *own;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(grid->comm, &rank));
  PetscCallMPI(MPI_Comm_size(grid->comm, &size));
  total = grid->displs[size - 1] + grid->counts[size - 1];
  own   = grid->rhs + grid->displs[rank];
  for (PetscInt k = 0; k < box->n[2]; k++)
    for (PetscInt j = 0; j < box->n[1]; j++)
      for (PetscInt i = 0; i < box->n[0]; i++) own[r++] = (double)level->b[FurlBoxByColour(box, FurlBoxAt(box, i, j, k))];
  if (size > 1)
    PetscCallMPI(MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, grid->rhs, grid->counts, grid->displs, MPI_DOUBLE, grid->comm));
  r = 0;
  for (PetscInt k = 0; k < box->n[2]; k++)
    for (PetscInt j = 0; j < box->n[1]; j++)
      for (PetscInt i = 0; i < box->n[0]; i++, r++) {
        const double *const row = grid->inverse + (size_t)r * total;
        double              sum = 0;

        for (PetscInt c = 0; c < total; c++) sum += row[c] * grid->rhs[c];
        level->x[FurlBoxByColour(box, FurlBoxAt(box, i, j, k))] = (float)sum;
      }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridCoarseDestroy(FurlGrid *grid)
{
  PetscFunctionBegin;
  PetscCall(PetscFree2(grid->inverse, grid->rhs));
  PetscCall(PetscFree2(grid->counts, grid->displs));
  PetscFunctionReturn(PETSC_SUCCESS);
}
