/*
  The parts of the set-up on one process, each against its definition: products and transposes of sparse matrices with empty rows and
  columns; aggregates, which hold nodes that are connected by strong couplings, and all that have any; the split of modes, T coarse = modes,
  T'T = I for several, ones for one; the coarser matrix P'A P, where modes that depend on others have the largest diagonal
  entry; and constants in the range of P, where rows sum to zero.
*/
#include <pc/algebraic/algebraic.h>
#include "../../furltest.h"

/* Rows with 0 to 6 entries, in no order; some columns stay empty */
static PetscErrorCode Random(PetscInt nrows, PetscInt ncols, PetscInt height, PetscInt width, PetscInt seed, FurlSparse *A)
{
  PetscInt used = 0;

  PetscFunctionBegin;
  PetscCall(FurlSparseAllocate(nrows, ncols, height, width, 6 * nrows, A));
  for (PetscInt i = 0; i < nrows; i++) {
    for (PetscInt k = 0; k < 6; k++) {
      const PetscInt j  = (PetscInt)((FurlTestHash(7 * i + k, seed) + 1) / 2 * (PetscReal)ncols);
      PetscBool      is = PETSC_FALSE;

      for (PetscInt m = A->rowptr[i]; m < used; m++) is = (PetscBool)(is || A->column[m] == j);
      if (is || FurlTestHash(7 * i + k, seed + 1) < 0 || i % 5 == 2 || j % 7 == 3) continue;
      A->column[used] = j;
      for (PetscInt e = 0; e < height * width; e++) A->value[used * height * width + e] = FurlTestHash(50 * (7 * i + k) + e, seed + 2);
      used++;
    }
    A->rowptr[i + 1] = used;
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode ToDense(const FurlSparse *A, PetscReal **dense)
{
  const PetscInt h = A->height, w = A->width;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(A->nrows * A->ncols * h * w + 1, dense));
  for (PetscInt i = 0; i < A->nrows * h; i++)
    for (PetscInt k = A->rowptr[i / h]; k < A->rowptr[i / h + 1]; k++)
      for (PetscInt j = 0; j < w; j++) (*dense)[(i * A->ncols + A->column[k]) * w + j] += A->value[(k * h + i % h) * w + j];
  PetscFunctionReturn(0);
}

static PetscErrorCode CheckOrder(const FurlSparse *C)
{
  PetscFunctionBegin;
  for (PetscInt i = 0; i < C->nrows; i++)
    for (PetscInt k = C->rowptr[i] + 1; k < C->rowptr[i + 1]; k++)
      FurlTestCheck(C->column[k - 1] < C->column[k], "row %d has column %d twice or out of order", (int)i, (int)C->column[k]);
  PetscFunctionReturn(0);
}

/* Both have the same entries, one in blocks perhaps and the other not, or one is the other's transpose */
static PetscErrorCode CheckSame(const FurlSparse *A, const FurlSparse *B, PetscBool transposed)
{
  const PetscInt n = A->nrows * A->height, m = A->ncols * A->width;
  PetscReal     *a, *b;

  PetscFunctionBegin;
  PetscCall(ToDense(A, &a));
  PetscCall(ToDense(B, &b));
  FurlTestCheck(B->nrows * B->height == (transposed ? m : n) && B->ncols * B->width == (transposed ? n : m), "the shapes differ");
  for (PetscInt i = 0; i < n; i++)
    for (PetscInt j = 0; j < m; j++)
      FurlTestCheck(a[i * m + j] == b[transposed ? j * n + i : i * m + j], "(%d, %d) differs", (int)i, (int)j);
  PetscCall(PetscFree(b));
  PetscCall(PetscFree(a));
  PetscFunctionReturn(0);
}

/* C = A B by its definition; C', C with columns that ascend, C without blocks and in blocks again are the same */
static PetscErrorCode CheckProducts(PetscInt n, PetscInt m, PetscInt l, PetscInt h, PetscInt k, PetscInt w)
{
  FurlSparse     A, B, C, D, T;
  FurlSparseView a, b, c;
  PetscReal     *da, *db, *dc;

  PetscFunctionBegin;
  PetscCall(Random(n, m, h, k, 1, &A));
  PetscCall(Random(m, l, k, w, 5, &B));
  a = FurlSparseGetView(&A);
  b = FurlSparseGetView(&B);
  PetscCall(FurlSparseMultiply(&a, &b, &C));
  PetscCall(ToDense(&A, &da));
  PetscCall(ToDense(&B, &db));
  PetscCall(ToDense(&C, &dc));
  for (PetscInt i = 0; i < n * h; i++)
    for (PetscInt j = 0; j < l * w; j++) {
      PetscReal sum = 0;

      for (PetscInt p = 0; p < m * k; p++) sum += da[i * m * k + p] * db[p * l * w + j];
      FurlTestCheck(PetscAbsReal(dc[i * l * w + j] - sum) <= 1e-13, "(A B)(%d, %d) is %g, not %g", (int)i, (int)j, dc[i * l * w + j], sum);
    }
  c = FurlSparseGetView(&C);
  PetscCall(FurlSparseTranspose(&c, &T));
  PetscCall(CheckSame(&C, &T, PETSC_TRUE));
  PetscCall(CheckOrder(&T));
  PetscCall(FurlSparseMultiply(&a, &b, &D));
  PetscCall(FurlSparseSort(&D));
  PetscCall(CheckSame(&C, &D, PETSC_FALSE));
  PetscCall(CheckOrder(&D));
  PetscCall(FurlSparseExpand(&D));
  FurlTestCheck(D.height == 1 && D.width == 1, "blocks of %d x %d are left", (int)D.height, (int)D.width);
  PetscCall(CheckSame(&C, &D, PETSC_FALSE));
  PetscCall(CheckOrder(&D));
  if (h == w) {
    PetscCall(FurlSparseDestroy(&T));
    c = FurlSparseGetView(&D);
    PetscCall(FurlSparseCondense(&c, h, &T));
    PetscCall(CheckSame(&C, &T, PETSC_FALSE));
  }
  PetscCall(PetscFree(dc));
  PetscCall(PetscFree(db));
  PetscCall(PetscFree(da));
  PetscCall(FurlSparseDestroy(&D));
  PetscCall(FurlSparseDestroy(&T));
  PetscCall(FurlSparseDestroy(&C));
  PetscCall(FurlSparseDestroy(&B));
  PetscCall(FurlSparseDestroy(&A));
  PetscFunctionReturn(0);
}

/* Every coupling that is kept is strong for both nodes, and kept for both */
static PetscErrorCode CheckCouplings(Mat A, const FurlCouplings *c)
{
  FurlAijParts parts;

  PetscFunctionBegin;
  PetscCall(FurlAijGetParts(A, &parts));
  for (PetscInt i = 0; i < parts.diagonal.nrows; i++) {
    PetscInt next = c->rowptr[i];

    for (PetscInt k = parts.diagonal.rowptr[i]; k < parts.diagonal.rowptr[i + 1]; k++) {
      const PetscInt j = parts.diagonal.column[k];

      const double size = -parts.diagonal.value[k] * c->scale[i] * c->scale[j];

      if (j == i || size < c->least[i] || size < c->least[j]) continue;
      FurlTestCheck(next < c->rowptr[i + 1] && c->column[next] == j && c->entry[next] == k, "the strong coupling of %d and %d is not kept",
                    (int)i, (int)j);
      FurlTestCheck(parts.diagonal.value[k] < 0 && c->value[c->entry[next]] == parts.diagonal.value[k], "%g counts as a coupling",
                    parts.diagonal.value[k]);
      next++;
    }
    FurlTestCheck(next == c->rowptr[i + 1], "node %d has a coupling that is weak", (int)i);
  }
  PetscCall(FurlAijRestoreParts(A, &parts));
  PetscFunctionReturn(0);
}

static PetscErrorCode CheckAggregates(const FurlCouplings *c, const PetscInt *aggregate, PetscInt naggregates)
{
  PetscInt *size;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(naggregates + 1, &size));
  for (PetscInt i = 0; i < c->n; i++) {
    const PetscBool coupled = (PetscBool)(c->rowptr[i + 1] > c->rowptr[i]);
    PetscBool       other   = PETSC_FALSE;

    FurlTestCheck(coupled == (PetscBool)(aggregate[i] >= 0) && aggregate[i] < naggregates, "node %d is in aggregate %d", (int)i,
                  (int)aggregate[i]);
    if (!coupled) continue;
    size[aggregate[i]]++;
    for (PetscInt k = c->rowptr[i]; k < c->rowptr[i + 1]; k++) other = (PetscBool)(other || aggregate[c->column[k]] == aggregate[i]);
    FurlTestCheck(other || size[aggregate[i]] == 1, "node %d is coupled to no other of its aggregate", (int)i);
  }
  for (PetscInt a = 0; a < naggregates; a++) FurlTestCheck(size[a] > 0, "aggregate %d is empty", (int)a);
  PetscCall(PetscFree(size));
  PetscFunctionReturn(0);
}

/* T without blocks */
static PetscErrorCode CheckSplit(const FurlModes *modes, const FurlSparse *T, const FurlModes *coarse, PetscBool dependent)
{
  const PetscInt k = modes->k;
  PetscReal     *gram;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(T->ncols * k + 1, &gram));
  for (PetscInt i = 0; i < T->nrows; i++) {
    for (PetscInt c = 0; T->rowptr[i + 1] > T->rowptr[i] && c < k; c++) {
      PetscReal sum = 0;

      for (PetscInt m = T->rowptr[i]; m < T->rowptr[i + 1]; m++) sum += T->value[m] * coarse->value[T->column[m] * k + c];
      FurlTestCheck(PetscAbsReal(sum - modes->value[i * k + c]) <= 1e-12, "mode %d of row %d comes out as %g", (int)c, (int)i, sum);
    }
    for (PetscInt m = T->rowptr[i]; m < T->rowptr[i + 1]; m++)
      for (PetscInt p = T->rowptr[i]; p < T->rowptr[i + 1]; p++) gram[T->column[m] * k + T->column[p] % k] += T->value[m] * T->value[p];
  }
  for (PetscInt j = 0; j < T->ncols; j++)
    for (PetscInt c = 0; c < k; c++) {
      const PetscReal value = gram[j * k + c], wanted = c == j % k ? 1 : 0;

      if (k == 1) FurlTestCheck(coarse->value[j] == 1, "the coarse mode is %g", coarse->value[j]);
      if (k == 1) continue;

      FurlTestCheck(PetscAbsReal(value - wanted) <= 1e-12 || (dependent && value == 0), "T'T has %g beside column %d", value, (int)j);
    }
  PetscCall(PetscFree(gram));
  PetscFunctionReturn(0);
}

/* The third of three modes depends on the second */
static PetscErrorCode CheckFilled(Mat A, PetscInt naggregates, PetscInt k)
{
  const PetscScalar *diagonal;
  PetscReal          largest;
  Vec                d;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &d, NULL));
  PetscCall(MatGetDiagonal(A, d));
  PetscCall(VecNorm(d, NORM_INFINITY, &largest));
  PetscCall(VecGetArrayRead(d, &diagonal));
  for (PetscInt a = 0; a < naggregates * k; a++) {
    FurlTestCheck(PetscRealPart(diagonal[a]) > 0, "row %d has the diagonal entry %g", (int)a, (double)PetscRealPart(diagonal[a]));
    if (a % k == 2)
      FurlTestCheck(PetscRealPart(diagonal[a]) == largest, "row %d has %g and not %g", (int)a, (double)PetscRealPart(diagonal[a]),
                    (double)largest);
  }
  PetscCall(VecRestoreArrayRead(d, &diagonal));
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(0);
}

/* P 1 = 1 in all rows, as each sums to zero and all have strong couplings */
static PetscErrorCode CheckConstants(Mat P, const PetscInt *aggregate)
{
  const PetscScalar *value;
  PetscInt           n;
  Vec                one, x;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(P, &one, &x));
  PetscCall(VecSet(one, 1));
  PetscCall(MatMult(P, one, x));
  PetscCall(VecGetLocalSize(x, &n));
  PetscCall(VecGetArrayRead(x, &value));
  for (PetscInt i = 0; i < n; i++)
    FurlTestCheck(aggregate[i] < 0 || PetscAbsScalar(value[i] - 1) <= 1e-12, "P 1 has %g in row %d", (double)PetscRealPart(value[i]),
                  (int)i);
  PetscCall(VecRestoreArrayRead(x, &value));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&one));
  PetscFunctionReturn(0);
}

/* modes: 1, then x and a multiple of it, so that the last depends on the others */
static PetscErrorCode CheckHierarchy(PetscInt nx, PetscInt ny, PetscInt k, PetscReal contrast, PetscBool wide)
{
  FurlTestGridSpec spec = FurlTestGridDefault(nx, ny);
  FurlCouplings    couplings;
  FurlCoarsening   c;
  FurlModes        modes = {.n = nx * ny, .k = k}, coarse;
  FurlSparse       T, flat;
  PetscInt        *aggregate, naggregates;
  PetscReal        norm, difference;
  Mat              A, PtAP;

  PetscFunctionBegin;
  spec.contrast = contrast;
  spec.neumann  = PETSC_TRUE;
  PetscCall(FurlTestGrid(PETSC_COMM_SELF, spec, &A));
  PetscCall(PetscMalloc1(modes.n * k, &modes.value));
  for (PetscInt i = 0; i < modes.n; i++)
    for (PetscInt m = 0; m < k; m++) modes.value[i * k + m] = m ? (PetscReal)m * FurlTestHash(i, 3) : 1;
  PetscCall(FurlCouplingsBuild(A, NULL, NULL, 0.1, &couplings));
  PetscCall(CheckCouplings(A, &couplings));
  PetscCall(PetscMalloc1(modes.n, &aggregate));
  PetscCall(FurlAggregate(&couplings, wide, aggregate, &naggregates));
  PetscCall(CheckAggregates(&couplings, aggregate, naggregates));
  PetscCall(FurlModesSplit(&modes, 1, aggregate, naggregates, &flat, &coarse));
  PetscCall(FurlModesDestroy(&coarse));
  PetscCall(FurlSparseExpand(&flat));
  PetscCall(FurlModesSplit(&modes, 1, aggregate, naggregates, &T, &coarse));
  PetscCall(CheckSplit(&modes, &flat, &coarse, (PetscBool)(k > 2 || contrast > 1)));
  PetscCall(FurlCoarsen(A, NULL, &T, k == 1 ? &couplings : NULL, 2, &c));
  PetscCall(MatPtAP(A, c.P, MAT_INITIAL_MATRIX, PETSC_DEFAULT, &PtAP));
  PetscCall(MatNorm(PtAP, NORM_FROBENIUS, &norm));
  PetscCall(MatAXPY(PtAP, -1, c.A, DIFFERENT_NONZERO_PATTERN));
  PetscCall(MatNorm(PtAP, NORM_FROBENIUS, &difference));
  FurlTestCheck(k > 2 || difference <= 1e-12 * norm, "the coarser matrix is off by %g of %g", difference, norm);
  PetscCall(CheckFilled(c.A, naggregates, k));
  if (k == 1) PetscCall(CheckConstants(c.P, aggregate));
  PetscCall(MatDestroy(&PtAP));
  PetscCall(FurlCoarseningDestroy(&c));
  PetscCall(FurlSparseDestroy(&flat));
  PetscCall(FurlSparseDestroy(&T));
  PetscCall(FurlModesDestroy(&coarse));
  PetscCall(FurlModesDestroy(&modes));
  PetscCall(PetscFree(aggregate));
  PetscCall(FurlCouplingsDestroy(&couplings));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(CheckProducts(31, 23, 17, 1, 1, 1));
  PetscCall(CheckProducts(40, 50, 60, 1, 1, 1)); /* rows of more entries than are sorted one by one */
  PetscCall(CheckProducts(5, 200, 3, 1, 1, 1));
  PetscCall(CheckProducts(1, 1, 1, 1, 1, 1));
  PetscCall(CheckProducts(0, 4, 3, 1, 1, 1));
  PetscCall(CheckProducts(21, 13, 17, 3, 3, 6));
  PetscCall(CheckProducts(11, 13, 17, 6, 6, 6));
  PetscCall(CheckProducts(11, 23, 17, 6, 3, 6));
  PetscCall(CheckProducts(21, 23, 7, 3, 3, 3));
  PetscCall(CheckProducts(21, 23, 17, 2, 2, 2));
  PetscCall(CheckProducts(21, 23, 17, 1, 1, 4));
  PetscCall(CheckProducts(21, 23, 17, 5, 4, 5));
  for (int wide = 0; wide < 2; wide++) {
    PetscCall(CheckHierarchy(21, 17, 1, 1, (PetscBool)wide));
    PetscCall(CheckHierarchy(21, 17, 1, 1e6, (PetscBool)wide));
    PetscCall(CheckHierarchy(21, 17, 2, 10, (PetscBool)wide));
    PetscCall(CheckHierarchy(21, 17, 3, 10, (PetscBool)wide));
    PetscCall(CheckHierarchy(40, 1, 1, 100, (PetscBool)wide));
  }
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  build:
    requires: static

  test:

TEST*/
