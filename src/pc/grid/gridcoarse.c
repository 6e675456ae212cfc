/* The coarsest level: the inverse of its scaled operator, FP64 */
#include "grid.h"

#define SHIFT \
  1e-10 /* of the diagonal (which is one), where parts that nothing ties down leave several null spaces; grows until factors exist */
#define PIVOT 1e-14

/* Cell r in natural order, and the next one in direction d, around the ends */
static PetscInt Next(const FurlBox *box, PetscInt r, int d)
{
  const PetscInt step[3] = {1, box->n[0], box->n[0] * box->n[1]};
  const PetscInt at      = r / step[d] % box->n[d];

  return at + 1 < box->n[d] ? r + step[d] : r - at * step[d];
}

static int64_t FlatOf(const FurlBox *box, PetscInt r)
{
  return FurlBoxAt(box, r % box->n[0], r / box->n[0] % box->n[1], r / box->n[0] / box->n[1]);
}

static void AddLinks(const FurlStencil *s, PetscInt n, double *A)
{
  for (PetscInt r = 0; r < n; r++) {
    const int64_t here = FlatOf(&s->box, r);

    A[r * n + r] += 1;
    for (int d = 0; d < 3; d++) {
      const PetscInt c = Next(&s->box, r, d);
      double         size, q, wind;

      if (!s->link[d] || (s->link[d][here] == 0 && !s->wind[d])) continue;
      size = fabs((double)s->root[here] * (double)s->root[FlatOf(&s->box, c)]);
      q    = (double)s->link[d][here];
      wind = s->wind[d] ? (double)s->wind[d][here] : 0;
      if (!(size > 0)) continue;
      A[r * n + c] -= (q + PetscMax(wind, 0)) / size;
      A[c * n + r] -= (q + PetscMax(-wind, 0)) / size;
    }
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
static void NullVector(const FurlStencil *s, int singular, PetscInt n, double *null)
{
  double norm = 0;

  for (PetscInt r = 0; r < n; r++) {
    const double root = (double)s->root[FlatOf(&s->box, r)];

    null[r] = singular && root > 0 ? root : 0;
    norm += null[r] * null[r];
  }
  for (PetscInt r = 0; norm > 0 && r < n; r++) null[r] /= sqrt(norm);
}

/* A becomes its inverse; pivots on the diagonal, which an M-matrix has nothing larger than. False where one vanishes */
static int InvertGeneral(PetscInt n, double *A)
{
  for (PetscInt p = 0; p < n; p++) {
    const double pivot = A[p * n + p];

    if (!(fabs(pivot) > PIVOT)) return 0;
    A[p * n + p] = 1;
    for (PetscInt c = 0; c < n; c++) A[p * n + c] /= pivot;
    for (PetscInt r = 0; r < n; r++) {
      const double part = A[r * n + p];

      if (r == p || part == 0) continue;
      A[r * n + p] = 0;
      for (PetscInt c = 0; c < n; c++) A[r * n + c] -= part * A[p * n + c];
    }
  }
  return 1;
}

/* Rows, from A with `null` added twice: the inverse of a symmetric A, without the null vector */
static void InverseRows(PetscInt n, const double *L, const double *null, double *inverse)
{
  for (PetscInt r = 0; r < n; r++) {
    double *const row = inverse + (size_t)r * n;

    InverseRow(n, L, r, row);
    for (PetscInt c = 0; c < n; c++) row[c] -= null[r] * null[c];
  }
}

PetscErrorCode FurlGridCoarseBuild(const FurlStencil *s, FurlGrid *grid)
{
  const PetscInt n         = (PetscInt)FurlBoxCells(&s->box);
  const int      symmetric = !s->wind[0] && !s->wind[1] && !s->wind[2];
  double         shift     = 0, *A, *null;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2((size_t)n * n, &grid->inverse, n, &grid->rhs));
  PetscCall(PetscMalloc2((size_t)n * n, &A, n, &null));
  NullVector(s, grid->singular, n, null);
  do {
    for (PetscInt i = 0; i < n * n; i++) A[i] = null[i / n] * null[i % n] + (i / n == i % n ? shift : 0);
    AddLinks(s, n, A);
    shift = shift > 0 ? 100 * shift : SHIFT;
  } while (!(symmetric ? Factor(n, A) : InvertGeneral(n, A)) && shift < 1);
  if (symmetric)
    InverseRows(n, A, null, grid->inverse);
  else
    PetscCall(PetscArraycpy(grid->inverse, A, (size_t)n * n));
  PetscCall(PetscFree2(A, null));
  PetscFunctionReturn(PETSC_SUCCESS);
}

double FurlGridCoarseNorm(const FurlGrid *grid)
{
  const PetscInt n       = (PetscInt)FurlBoxCells(&grid->level[grid->nlevels - 1].box);
  double         largest = 0;

  for (PetscInt r = 0; grid->inverse && r < n; r++) {
    double sum = 0;

    for (PetscInt c = 0; c < n; c++) sum += grid->inverse[r * n + c] * grid->inverse[r * n + c];
    largest = PetscMax(largest, sum);
  }
  return sqrt(largest);
}

/* b of the coarsest level to its x */
PetscErrorCode FurlGridCoarseSolve(FurlGrid *grid)
{
  FurlGridLevel *const level = grid->level + grid->nlevels - 1;
  const FurlBox *const box   = &level->box;
  const PetscInt       n     = (PetscInt)FurlBoxCells(box);

  PetscFunctionBegin;
  for (PetscInt r = 0; r < n; r++) grid->rhs[r] = (double)level->b[FurlBoxByColour(box, FlatOf(box, r))];
  for (PetscInt r = 0; r < n; r++) {
    const size_t        row = level->transposed ? 1 : (size_t)n, column = level->transposed ? (size_t)n : 1;
    const double *const inverse = grid->inverse + row * (size_t)r;
    double              sum     = 0;

    for (PetscInt c = 0; c < n; c++) sum += inverse[column * (size_t)c] * grid->rhs[c];
    level->x[FurlBoxByColour(box, FlatOf(box, r))] = (float)sum;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

void FurlGridCoarsePlaces(const FurlGrid *grid, int64_t *place)
{
  const FurlBox *const box = &grid->level[grid->nlevels - 1].box;

  for (PetscInt r = 0; r < (PetscInt)FurlBoxCells(box); r++) place[r] = FurlBoxByColour(box, FlatOf(box, r));
}

/* The same on a device, with sums in the same order */
void FurlGridCoarseEnqueue(FurlGrid *there)
{
  const FurlGridLevel *const level = there->level + there->nlevels - 1;
  const FurlGridDenseArgs    args  = {.n          = FurlBoxCells(&level->box),
                                      .inverse    = there->inverse,
                                      .place      = there->device.place,
                                      .b          = level->b,
                                      .x          = level->x,
                                      .transposed = level->transposed};

  FurlRun(level->queue, &FurlKernelFurlGridDense, &args, (args.n + FURL_WIDTH - 1) / FURL_WIDTH);
}

PetscErrorCode FurlGridCoarseDestroy(FurlGrid *grid)
{
  PetscFunctionBegin;
  PetscCall(PetscFree2(grid->inverse, grid->rhs));
  PetscFunctionReturn(PETSC_SUCCESS);
}
