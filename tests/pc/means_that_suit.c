/*
  Which means PC furl takes where multigrid over aggregates serves badly: a flow that hardly diffuses and edge elements end with an
  incomplete factorisation, a plate, for which that is slower still, comes back to multigrid, and an indefinite matrix is no fault of the
  preconditioner's. -what flow|edges|plate|wave, -n cells a side; -expect what the view has to say; -most iterations
*/
#include "../furltest.h"

typedef PetscErrorCode (*RowFn)(Mat A, PetscInt n, PetscInt row);

static PetscInt Cell(PetscInt n, PetscInt i, PetscInt j, PetscInt k)
{
  return i < 0 || j < 0 || k < 0 || i >= n || j >= n || k >= n ? -1 : i + n * (j + n * k);
}

/* Upwind differences of a wind that turns about the axis of a cube and rises, and diffusion of 1e-6 of a cell's width */
static PetscErrorCode FlowRow(Mat A, PetscInt n, PetscInt row)
{
  const PetscInt  at[3]   = {row % n, row / n % n, row / (n * n)};
  const PetscReal wind[3] = {(PetscReal)n / 2 - (PetscReal)at[1] - 0.3, (PetscReal)at[0] - (PetscReal)n / 2 + 0.2, 0.3 * (PetscReal)n};

  PetscFunctionBegin;
  for (int d = 0; d < 3; d++)
    for (int side = -1; side <= 1; side += 2) {
      const PetscReal in     = 1e-6 + PetscMax(0, -side * wind[d]);
      const PetscInt  column = Cell(n, at[0] + (d == 0 ? side : 0), at[1] + (d == 1 ? side : 0), at[2] + (d == 2 ? side : 0));

      PetscCall(MatSetValue(A, row, row, in, ADD_VALUES));
      if (column >= 0) PetscCall(MatSetValue(A, row, column, -in, ADD_VALUES));
    }
  PetscFunctionReturn(0);
}

/* The edges about a face of a grid of cells, with the signs of the curl; -1: on the boundary, where the field has no tangential part */
static void Face(PetscInt n, PetscInt face, PetscInt edge[4])
{
  const PetscInt normal = face % 3, at[3] = {face / 3 % n, face / 3 / n % n, face / 3 / (n * n)};

  for (int e = 0; e < 4; e++) {
    const PetscInt along = (normal + 1 + e % 2) % 3, other = (normal + 2 - e % 2) % 3;
    PetscInt       p[3]  = {at[0], at[1], at[2]};
    PetscBool      inner = PETSC_TRUE;

    p[other] += e / 2;
    for (int d = 0; d < 3; d++) inner = (PetscBool)(inner && (d == along || p[d] > 0) && p[d] < n);
    edge[e] = inner ? 3 * (p[0] + n * (p[1] + n * p[2])) + along : -1;
  }
}

/* curl curl + 1e-2 on edges, n - 1 planes of them inside; each process sets the rows that are its own */
static PetscErrorCode EdgesFill(Mat A, PetscInt n)
{
  static const PetscReal sign[4] = {1, -1, -1, 1};
  PetscInt               first, end, edge[4];

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &first, &end));
  for (PetscInt row = first; row < end; row++) PetscCall(MatSetValue(A, row, row, 1e-2, ADD_VALUES));
  for (PetscInt face = 0; face < 3 * n * n * n; face++) {
    Face(n, face, edge);
    for (int a = 0; a < 4; a++)
      for (int b = 0; b < 4; b++)
        if (edge[a] >= first && edge[a] < end && edge[b] >= 0) PetscCall(MatSetValue(A, edge[a], edge[b], sign[a] * sign[b], ADD_VALUES));
  }
  PetscFunctionReturn(0);
}

/* The Laplacian of a square, less a shift */
static PetscErrorCode SquareRow(Mat A, PetscInt n, PetscInt row, PetscReal shift)
{
  const PetscInt i = row % n, j = row / n;

  PetscFunctionBegin;
  PetscCall(MatSetValue(A, row, row, 4 - shift, ADD_VALUES));
  if (i) PetscCall(MatSetValue(A, row, row - 1, -1, ADD_VALUES));
  if (j) PetscCall(MatSetValue(A, row, row - n, -1, ADD_VALUES));
  if (i < n - 1) PetscCall(MatSetValue(A, row, row + 1, -1, ADD_VALUES));
  if (j < n - 1) PetscCall(MatSetValue(A, row, row + n, -1, ADD_VALUES));
  PetscFunctionReturn(0);
}

static PetscErrorCode Create(const char what[], PetscInt n, Mat *A)
{
  PetscInt  first, end, N;
  PetscBool flow, edges, plate;

  PetscFunctionBegin;
  PetscCall(PetscStrcmp(what, "flow", &flow));
  PetscCall(PetscStrcmp(what, "edges", &edges));
  PetscCall(PetscStrcmp(what, "plate", &plate));
  N = flow ? n * n * n : edges ? 3 * n * n * n : n * n;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, N, N, 13, NULL, 13, NULL, A));
  PetscCall(MatSetOption(*A, MAT_NEW_NONZERO_ALLOCATION_ERR, PETSC_FALSE));
  PetscCall(MatGetOwnershipRange(*A, &first, &end));
  if (edges) PetscCall(EdgesFill(*A, n));
  for (PetscInt row = first; row < end && flow; row++) PetscCall(FlowRow(*A, n, row));
  for (PetscInt row = first; row < end && !flow && !edges; row++) PetscCall(SquareRow(*A, n, row, plate ? 0 : 300. / (PetscReal)(n * n)));
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  if (plate) {
    Mat square;

    PetscCall(MatMatMult(*A, *A, MAT_INITIAL_MATRIX, PETSC_DEFAULT, &square));
    PetscCall(MatDestroy(A));
    *A = square;
  }
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  char     what[16] = "flow", expect[128] = "", text[32768];
  PetscInt n = 16, most = 100;
  Mat      A;
  Vec      b, x;
  KSP      ksp;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-what", what, sizeof(what), NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-expect", expect, sizeof(expect), NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-most", &most, NULL));
  PetscCall(Create(what, n, &A));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestNoise(b, 1, 1));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(FurlTestSolveWithin(ksp, b, x, most, text, sizeof(text)));
  FurlTestCheck(strstr(text, expect), "%s: the view does not say '%s' but:\n%s", what, expect, text);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  testset:
    nsize: {{1 3}}
    args: -ksp_type furl -ksp_rtol 1e-8 -pc_furl_hierarchy algebraic
    test:
      suffix: flow
      args: -what flow -n 20 -most 60 -expect "preconditioner raised 1"
    test:
      suffix: plate
      args: -what plate -n {{60 150}} -most 1500 -expect "preconditioner raised 2"
    test:
      suffix: wave
      args: -what wave -n 60 -most 250 -expect "running gmres"
    test:
      suffix: edges
      args: -what edges -n 16 -most 160 -expect "running cg"

TEST*/
