/*
  A lattice of elastic bars from each node to all of its neighbours, clamped on one side: blocks of two or three rows, rigid bodies as
  near-null space or none given, on processes that have many nodes, one, or none. Iterations are about those of one process, and a second
  solver gives the same bits, as sums between processes have an order.
*/
#include "../../furltest.h"

typedef struct {
  PetscInt n[3], dim; /* nodes along the axes; 2: in a plane */
} Lattice;

static PetscInt Node(const Lattice *l, const PetscInt p[3])
{
  for (int d = 0; d < 3; d++)
    if (p[d] < 0 || p[d] >= l->n[d]) return -1;
  return p[0] + l->n[0] * (p[1] + l->n[1] * p[2]);
}

/* A bar of length 1 to sqrt(3) along `step`, whose stiffness varies from bar to bar */
static PetscErrorCode AddBar(Mat A, const Lattice *l, PetscInt node, PetscInt other, const PetscInt step[3])
{
  const PetscReal square    = (PetscReal)(step[0] * step[0] + step[1] * step[1] + step[2] * step[2]);
  const PetscReal stiffness = 1.2 + FurlTestHash(PetscMin(node, other) * 31 + PetscAbsInt(node - other), 3);

  PetscFunctionBegin;
  for (PetscInt r = 0; r < l->dim; r++)
    for (PetscInt c = 0; c < l->dim; c++) {
      const PetscReal value = stiffness * (PetscReal)(step[r] * step[c]) / square;

      PetscCall(MatSetValue(A, node * l->dim + r, node * l->dim + c, value, ADD_VALUES));
      if (other != node) PetscCall(MatSetValue(A, node * l->dim + r, other * l->dim + c, -value, ADD_VALUES));
    }
  PetscFunctionReturn(0);
}

/* Bars to neighbours that are not there on the side x = 0 go to a wall */
static PetscErrorCode FillNode(Mat A, const Lattice *l, PetscInt node)
{
  const PetscInt p[3] = {node % l->n[0], node / l->n[0] % l->n[1], node / (l->n[0] * l->n[1])};

  PetscFunctionBegin;
  for (PetscInt k = 0; k < 27; k++) {
    const PetscInt step[3] = {k % 3 - 1, k / 3 % 3 - 1, k / 9 - 1}, q[3] = {p[0] + step[0], p[1] + step[1], p[2] + step[2]};
    const PetscInt other = Node(l, q);

    if (k == 13 || (l->dim == 2 && step[2])) continue;
    if (other >= 0) PetscCall(AddBar(A, l, node, other, step));
    if (other < 0 && q[0] < 0) PetscCall(AddBar(A, l, node, node, step));
  }
  PetscFunctionReturn(0);
}

/* Nodes of this process: shares that differ, one node, none */
static PetscInt Share(PetscInt total)
{
  PetscMPIInt rank, size;

  PetscCallAbort(PETSC_COMM_WORLD, (PetscErrorCode)MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallAbort(PETSC_COMM_WORLD, (PetscErrorCode)MPI_Comm_size(PETSC_COMM_WORLD, &size));
  if (size == 1) return total;
  if (size == 2) return rank ? total / 3 : total - total / 3;
  if (rank == 1) return 0;
  if (rank == 2) return 1;
  total--;
  return rank == size - 1 ? total - (size - 3) * (total / (size - 2)) : total / (size - 2);
}

static PetscErrorCode SetRigidBodies(Mat A, const Lattice *l)
{
  PetscInt     first, end;
  PetscScalar *at;
  MatNullSpace space;
  Vec          places;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &places, NULL));
  PetscCall(VecSetBlockSize(places, l->dim));
  PetscCall(VecGetOwnershipRange(places, &first, &end));
  PetscCall(VecGetArray(places, &at));
  for (PetscInt row = first; row < end; row++) {
    const PetscInt node = row / l->dim, p[3] = {node % l->n[0], node / l->n[0] % l->n[1], node / (l->n[0] * l->n[1])};

    at[row - first] = (PetscReal)p[row % l->dim];
  }
  PetscCall(VecRestoreArray(places, &at));
  PetscCall(MatNullSpaceCreateRigidBody(places, &space));
  PetscCall(MatSetNearNullSpace(A, space));
  PetscCall(MatNullSpaceDestroy(&space));
  PetscCall(VecDestroy(&places));
  PetscFunctionReturn(0);
}

static PetscErrorCode Create(const Lattice *l, PetscBool rigid, Mat *A)
{
  const PetscInt total = l->n[0] * l->n[1] * l->n[2], own = Share(total) * l->dim;
  PetscInt       first, end;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, own, own, PETSC_DETERMINE, PETSC_DETERMINE, 81, NULL, 81, NULL, A));
  PetscCall(MatSetBlockSize(*A, l->dim));
  PetscCall(MatGetOwnershipRange(*A, &first, &end));
  for (PetscInt node = first / l->dim; node < end / l->dim; node++) PetscCall(FillNode(*A, l, node));
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  if (rigid) PetscCall(SetRigidBodies(*A, l));
  PetscFunctionReturn(0);
}

static PetscErrorCode Solve(Mat A, Vec b, Vec x, PetscInt most)
{
  char text[32768];
  KSP  ksp;

  PetscFunctionBegin;
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(FurlTestSolveWithin(ksp, b, x, most, text, sizeof(text)));
  FurlTestCheck(strstr(text, "smoothed aggregates"), "not over aggregates:\n%s", text);
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  Lattice   l    = {{9, 8, 7}, 3};
  PetscInt  most = 20, three = 3;
  PetscBool rigid = PETSC_TRUE, same;
  Mat       A;
  Vec       x, again, b;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetIntArray(NULL, NULL, "-n", l.n, &three, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-rigid", &rigid, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-most", &most, NULL));
  l.dim = l.n[2] > 1 ? 3 : 2;
  PetscCall(Create(&l, rigid, &A));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(VecDuplicate(x, &again));
  PetscCall(FurlTestNoise(b, 1, 1));
  PetscCall(Solve(A, b, x, most));
  PetscCall(Solve(A, b, again, most));
  PetscCall(VecEqual(x, again, &same));
  FurlTestCheck(same, "a second solver gives other bits");
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&again));
  PetscCall(VecDestroy(&x));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  testset:
    nsize: {{1 2 3 5}}
    args: -ksp_type furl -pc_furl_hierarchy algebraic -ksp_rtol 1e-8
    test:
      suffix: rigid
      args: -n {{11,9,8 41,23,1}} -most 17
    test:
      suffix: plain
      args: -n {{11,9,8 41,23,1}} -rigid 0 -most 31

TEST*/
