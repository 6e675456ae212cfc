/*
  Trilinear hexahedra on a brick of unit cubes: Poisson (27 points a row, Dirichlet all round, the conductivity of classes.h in each
  element) or linear elasticity (three unknowns a node, Poisson ratio 0.3, clamped at x = 0, with its rigid-body modes).
*/
#include "bench.h"
#include "classes.h"

#define POISSON_RATIO 0.3

typedef struct {
  PetscInt elements[3]; /* in x, y, z */
  PetscInt first[3];    /* the first node in each direction that carries unknowns */
  PetscInt nodes[3];    /* how many nodes do */
  PetscInt bs;          /* unknowns a node */
} Brick;

/* Gradients of the eight trilinear functions at a point of the unit cube; node a sits at the corner given by the bits of a */
static void Gradients(const double point[3], double gradient[8][3])
{
  for (int a = 0; a < 8; a++) {
    for (int d = 0; d < 3; d++) {
      gradient[a][d] = 1;
      for (int e = 0; e < 3; e++) {
        const double side = (a >> e) & 1 ? 1 : -1;

        gradient[a][d] *= e == d ? side : (side > 0 ? point[e] : 1 - point[e]);
      }
    }
  }
}

/* lambda (div u)(div v) + 2 mu eps(u) : eps(v), or grad u . grad v, for the functions of nodes a and b, components i and j */
static double Form(PetscInt bs, const double ga[3], const double gb[3], PetscInt i, PetscInt j)
{
  const double lambda = POISSON_RATIO / ((1 + POISSON_RATIO) * (1 - 2 * POISSON_RATIO)), mu = .5 / (1 + POISSON_RATIO);
  const double dot = ga[0] * gb[0] + ga[1] * gb[1] + ga[2] * gb[2];

  return bs == 1 ? dot : lambda * ga[i] * gb[j] + mu * (ga[j] * gb[i] + (i == j ? dot : 0));
}

/* The matrix of one element by 2^3 Gauss points: [8 bs][8 bs], node by node */
static void ElementMatrix(PetscInt bs, PetscScalar matrix[])
{
  const double offset = .5 / sqrt(3.);

  memset(matrix, 0, sizeof(PetscScalar) * 64 * bs * bs);
  for (int q = 0; q < 8; q++) {
    const double point[3] = {.5 + (q & 1 ? offset : -offset), .5 + (q & 2 ? offset : -offset), .5 + (q & 4 ? offset : -offset)};
    double       gradient[8][3];

    Gradients(point, gradient);
    for (PetscInt row = 0; row < 8 * bs; row++) {
      for (PetscInt col = 0; col < 8 * bs; col++)
        matrix[8 * bs * row + col] += Form(bs, gradient[row / bs], gradient[col / bs], row % bs, col % bs) / 8;
    }
  }
}

/* Number of a node among those that carry unknowns, or -1 */
static PetscInt NodeNumber(const Brick *brick, const PetscInt node[3])
{
  PetscInt number = 0;

  for (int d = 2; d >= 0; d--) {
    const PetscInt i = node[d] - brick->first[d];

    if (i < 0 || i >= brick->nodes[d]) return -1;
    number = number * brick->nodes[d] + i;
  }
  return number;
}

/* The ranks share the elements in equal runs; MatSetValuesBlocked() ignores the rows and columns of nodes numbered -1 */
static PetscErrorCode BrickFill(const Brick *brick, const BenchGrid *grid, Mat A)
{
  const PetscInt *e = brick->elements, total = e[0] * e[1] * e[2];
  PetscScalar     unit[24 * 24], scaled[24 * 24];
  PetscMPIInt     rank, size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PetscObjectComm((PetscObject)A), &rank));
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)A), &size));
  ElementMatrix(brick->bs, unit);
  for (PetscInt number = (PetscInt)((PetscInt64)total * rank / size); number < (PetscInt)((PetscInt64)total * (rank + 1) / size);
       number++) {
    const int64_t cell[3] = {number % e[0], number / e[0] % e[1], number / (e[0] * e[1])};
    const double  K       = BenchConductivity(grid, cell);
    PetscInt      nodes[8];

    for (int a = 0; a < 8; a++) {
      const PetscInt node[3] = {(PetscInt)cell[0] + (a & 1), (PetscInt)cell[1] + (a >> 1 & 1), (PetscInt)cell[2] + (a >> 2)};

      nodes[a] = NodeNumber(brick, node);
    }
    for (PetscInt k = 0; k < 64 * brick->bs * brick->bs; k++) scaled[k] = K * unit[k];
    PetscCall(MatSetValuesBlocked(A, 8, nodes, 8, nodes, scaled, ADD_VALUES));
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Three translations and three rotations, as any elasticity code hands them over */
static PetscErrorCode AttachRigidBody(const Brick *brick, Mat A)
{
  MatNullSpace modes;
  Vec          coordinates;
  PetscScalar *x;
  PetscInt     start, end;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &coordinates, NULL));
  PetscCall(VecSetBlockSize(coordinates, 3));
  PetscCall(VecGetOwnershipRange(coordinates, &start, &end));
  PetscCall(VecGetArray(coordinates, &x));
  for (PetscInt row = start; row < end; row += 3) {
    const PetscInt node = row / 3;

    x[row - start]     = brick->first[0] + node % brick->nodes[0];
    x[row - start + 1] = brick->first[1] + node / brick->nodes[0] % brick->nodes[1];
    x[row - start + 2] = brick->first[2] + node / (brick->nodes[0] * brick->nodes[1]);
  }
  PetscCall(VecRestoreArray(coordinates, &x));
  PetscCall(MatNullSpaceCreateRigidBody(coordinates, &modes));
  PetscCall(MatSetNearNullSpace(A, modes));
  PetscCall(MatNullSpaceDestroy(&modes));
  PetscCall(VecDestroy(&coordinates));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BrickMatrix(MPI_Comm comm, const Brick *brick, Mat *A)
{
  PetscInt unknown_nodes = brick->nodes[0] * brick->nodes[1] * brick->nodes[2], local = PETSC_DECIDE;

  PetscFunctionBegin;
  PetscCall(PetscSplitOwnership(comm, &local, &unknown_nodes));
  PetscCall(MatCreate(comm, A));
  PetscCall(MatSetSizes(*A, local * brick->bs, local * brick->bs, PETSC_DETERMINE, PETSC_DETERMINE));
  PetscCall(MatSetType(*A, MATAIJ));
  PetscCall(MatSetBlockSize(*A, brick->bs));
  PetscCall(MatSeqAIJSetPreallocation(*A, 27 * brick->bs, NULL));
  PetscCall(MatMPIAIJSetPreallocation(*A, 27 * brick->bs, NULL, 18 * brick->bs, NULL));
  PetscCall(MatSetOption(*A, MAT_NEW_NONZERO_ALLOCATION_ERR, PETSC_FALSE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode BrickCreate(MPI_Comm comm, PetscBool elasticity, Mat *A, char title[], size_t size)
{
  Brick      brick = {.bs = elasticity ? 3 : 1};
  PetscInt   n = 16, class = BENCH_CONSTANT;
  BenchGrid *grid;
  PetscBool  set;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(PetscOptionsGetEList(NULL, NULL, "-class", BenchClassNames, BENCH_LAYERS + 1, &class, &set));
  PetscCheck(n >= 1 && n < BENCH_MAX_N, comm, PETSC_ERR_ARG_OUTOFRANGE, "-n %" PetscInt_FMT " is not in 1..%d", n, BENCH_MAX_N - 1);
  for (int d = 0; d < 3; d++) {
    const PetscBool free_ends = (PetscBool)(elasticity && d > 0);

    brick.elements[d] = elasticity ? n : n + 1;
    brick.first[d]    = free_ends ? 0 : 1;
    brick.nodes[d]    = free_ends ? n + 1 : n;
  }
  PetscCall(PetscNew(&grid));
  BenchGridInit(grid, (BenchClass) class, brick.elements[0], "ddd");
  PetscCall(BrickMatrix(comm, &brick, A));
  PetscCall(BrickFill(&brick, grid, *A));
  if (elasticity) PetscCall(AttachRigidBody(&brick, *A));
  PetscCall(PetscFree(grid));
  PetscCall(PetscSNPrintf(title, size, "%s %s n=%d", elasticity ? "hexahedral elasticity" : "27-point", BenchClassNames[class], (int)n));
  PetscFunctionReturn(PETSC_SUCCESS);
}
