/*
  Linear tetrahedra for Poisson's equation on a generated unstructured mesh: a box of n^3 hexahedra, each cut into six tetrahedra, interior
  nodes moved at random by up to a fifth of a side, and numbered at random (or by reverse Cuthill-McKee with -rcm, as a mesher would);
  Dirichlet all round. One conductivity of classes.h a hexahedron.
*/
#include "bench.h"
#include "classes.h"

#define JITTER 0.2

typedef struct {
  PetscInt  n;      /* hexahedra a side; n - 1 free nodes a side */
  PetscInt *number; /* [(n - 1)^3] the unknown of each free node */
  PetscBool rcm;
} Mesh;

static PetscInt FreeNode(const Mesh *mesh, const PetscInt node[3])
{
  const PetscInt m = mesh->n - 1;

  for (int d = 0; d < 3; d++) {
    if (node[d] < 1 || node[d] > m) return -1;
  }
  return node[0] - 1 + m * (node[1] - 1 + m * (node[2] - 1));
}

static void Position(const Mesh *mesh, const PetscInt node[3], double x[3])
{
  const PetscInt free = FreeNode(mesh, node);

  for (int d = 0; d < 3; d++) x[d] = node[d] + (free < 0 ? 0 : JITTER * (2 * BenchUniform(4, (uint64_t)(3 * free + d)) - 1));
}

/* Inverse of the 3x3 matrix of edges, by rows of cofactors; returns the determinant */
static double Invert(double e[3][3], double inverse[3][3])
{
  double determinant;

  for (int i = 0; i < 3; i++) {
    const int r = (i + 1) % 3, s = (i + 2) % 3;

    for (int j = 0; j < 3; j++) {
      const int p = (j + 1) % 3, q = (j + 2) % 3;

      inverse[j][i] = e[r][p] * e[s][q] - e[r][q] * e[s][p];
    }
  }
  determinant = e[0][0] * inverse[0][0] + e[0][1] * inverse[1][0] + e[0][2] * inverse[2][0];
  for (int i = 0; i < 9; i++) inverse[i / 3][i % 3] /= determinant;
  return determinant;
}

/* Stiffness of the tetrahedron with corners x: K volume grad_a . grad_b */
static void TetMatrix(double x[4][3], double K, PetscScalar matrix[16])
{
  double edge[3][3], inverse[3][3], gradient[4][3] = {{0}}, volume;

  for (int a = 0; a < 3; a++) {
    for (int d = 0; d < 3; d++) edge[a][d] = x[a + 1][d] - x[0][d];
  }
  volume = fabs(Invert(edge, inverse)) / 6;
  for (int a = 0; a < 3; a++) {
    for (int d = 0; d < 3; d++) {
      gradient[a + 1][d] = inverse[d][a];
      gradient[0][d] -= inverse[d][a];
    }
  }
  for (int k = 0; k < 16; k++) {
    const double *ga = gradient[k / 4], *gb = gradient[k % 4];

    matrix[k] = K * volume * (ga[0] * gb[0] + ga[1] * gb[1] + ga[2] * gb[2]);
  }
}

/* The six tetrahedra of a hexahedron follow its main diagonal, one for each order of the three directions (Kuhn) */
static PetscErrorCode HexFill(const Mesh *mesh, const PetscInt hex[3], double K, Mat A)
{
  static const int order[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

  PetscFunctionBegin;
  for (int t = 0; t < 6; t++) {
    PetscInt    node[3] = {hex[0], hex[1], hex[2]}, number[4];
    double      x[4][3];
    PetscScalar matrix[16];

    for (int a = 0; a < 4; a++) {
      const PetscInt free = FreeNode(mesh, node);

      number[a] = free < 0 ? -1 : mesh->number[free];
      Position(mesh, node, x[a]);
      if (a < 3) node[order[t][a]]++;
    }
    TetMatrix(x, K, matrix);
    PetscCall(MatSetValues(A, 4, number, 4, number, matrix, ADD_VALUES));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MeshFill(const Mesh *mesh, const BenchGrid *grid, Mat A)
{
  const PetscInt n = mesh->n, total = n * n * n;
  PetscMPIInt    rank, size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PetscObjectComm((PetscObject)A), &rank));
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)A), &size));
  for (PetscInt k = (PetscInt)((PetscInt64)total * rank / size); k < (PetscInt)((PetscInt64)total * (rank + 1) / size); k++) {
    const PetscInt hex[3]  = {k % n, k / n % n, k / (n * n)};
    const int64_t  cell[3] = {hex[0], hex[1], hex[2]};

    PetscCall(HexFill(mesh, hex, BenchConductivity(grid, cell), A));
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A random numbering (Fisher and Yates), the same on every rank */
static void NumberNodes(Mesh *mesh, PetscInt count)
{
  for (PetscInt i = 0; i < count; i++) mesh->number[i] = i;
  for (PetscInt i = count - 1; i > 0; i--) {
    const PetscInt j = (PetscInt)(BenchUniform(5, (uint64_t)i) * (i + 1)), swap = mesh->number[i];

    mesh->number[i] = mesh->number[j];
    mesh->number[j] = swap;
  }
}

static PetscErrorCode PermuteByRCM(Mat *A)
{
  IS  rows, columns;
  Mat permuted;

  PetscFunctionBegin;
  PetscCall(MatGetOrdering(*A, MATORDERINGRCM, &rows, &columns));
  PetscCall(MatPermute(*A, rows, columns, &permuted));
  PetscCall(ISDestroy(&rows));
  PetscCall(ISDestroy(&columns));
  PetscCall(MatDestroy(A));
  *A = permuted;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode TetsCreate(MPI_Comm comm, Mat *A, char title[], size_t size)
{
  Mesh mesh      = {.n = 32, .rcm = PETSC_FALSE};
  PetscInt class = BENCH_CONSTANT, count;
  BenchGrid *grid;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &mesh.n, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-rcm", &mesh.rcm, NULL));
  PetscCall(PetscOptionsGetEList(NULL, NULL, "-class", BenchClassNames, BENCH_LAYERS + 1, &class, NULL));
  PetscCheck(mesh.n >= 2 && mesh.n <= BENCH_MAX_N, comm, PETSC_ERR_ARG_OUTOFRANGE, "-n %" PetscInt_FMT " is not in 2..%d", mesh.n,
             BENCH_MAX_N);
  count = (mesh.n - 1) * (mesh.n - 1) * (mesh.n - 1);
  PetscCall(PetscNew(&grid));
  BenchGridInit(grid, (BenchClass) class, mesh.n, "ddd");
  PetscCall(PetscMalloc1(count, &mesh.number));
  NumberNodes(&mesh, count);
  PetscCall(MatCreate(comm, A));
  PetscCall(MatSetSizes(*A, PETSC_DECIDE, PETSC_DECIDE, count, count));
  PetscCall(MatSetType(*A, MATAIJ));
  PetscCall(MatSeqAIJSetPreallocation(*A, 15, NULL));
  PetscCall(MatMPIAIJSetPreallocation(*A, 15, NULL, 15, NULL));
  PetscCall(MeshFill(&mesh, grid, *A));
  if (mesh.rcm) PetscCall(PermuteByRCM(A));
  PetscCall(PetscFree(mesh.number));
  PetscCall(PetscFree(grid));
  PetscCall(PetscSNPrintf(title, size, "tetrahedra %s n=%d %s", BenchClassNames[class], (int)mesh.n, mesh.rcm ? "rcm" : "random order"));
  PetscFunctionReturn(PETSC_SUCCESS);
}
