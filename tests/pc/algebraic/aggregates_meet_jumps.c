/*
  Hierarchy `algebraic` on cells in blocks of 4 x 4 x 4 whose conductivities alternate between 1 and -jump: at most -most iterations to 1e-8
  on any number of processes, which cut through blocks and may have no rows; after new values, and after others with the same hierarchy.
  Couplings across a jump are weak for one side, so no aggregate mixes what has nothing to do with each other.
*/
#include "../../furltest.h"

#define BLOCK 4

typedef struct {
  PetscInt  n[3], local; /* cells; rows of this process */
  PetscReal jump;
} Cells;

static PetscReal Conductivity(const Cells *c, const PetscInt at[3])
{
  return (at[0] / BLOCK + at[1] / BLOCK + at[2] / BLOCK) % 2 ? c->jump : 1;
}

/* Harmonic means on faces; beyond the box the value is zero */
static PetscErrorCode FillRow(Mat A, const Cells *c, PetscInt row)
{
  const PetscInt at[3]    = {row % c->n[0], row / c->n[0] % c->n[1], row / c->n[0] / c->n[1]};
  const PetscInt step[3]  = {1, c->n[0], c->n[0] * c->n[1]};
  PetscReal      diagonal = 0;

  PetscFunctionBegin;
  for (int d = 0; d < 3; d++)
    for (PetscInt k = -1; k < 2; k += 2) {
      PetscInt        to[3] = {at[0], at[1], at[2]};
      const PetscReal K     = Conductivity(c, at);
      PetscReal       face  = 2 * K;

      to[d] += k;
      if (to[d] >= 0 && to[d] < c->n[d]) {
        face = 2 * K * Conductivity(c, to) / (K + Conductivity(c, to));
        PetscCall(MatSetValue(A, row, row + k * step[d], -face, INSERT_VALUES));
      }
      diagonal += face;
    }
  PetscCall(MatSetValue(A, row, row, diagonal, INSERT_VALUES));
  PetscFunctionReturn(0);
}

static PetscErrorCode Fill(Mat A, const Cells *c)
{
  PetscInt first, end;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &first, &end));
  for (PetscInt row = first; row < end; row++) PetscCall(FillRow(A, c, row));
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

/* Solves twice, the second time with what the first has set up */
static PetscErrorCode Check(KSP ksp, Mat A, Vec b, Vec x, PetscInt least, PetscInt most)
{
  KSPConvergedReason reason;
  PetscReal          residual;
  PetscInt           its;
  char               text[32768];

  PetscFunctionBegin;
  for (int k = 0; k < 2; k++) {
    PetscCall(KSPSolve(ksp, b, x));
    PetscCall(KSPGetConvergedReason(ksp, &reason));
    PetscCall(KSPGetIterationNumber(ksp, &its));
    PetscCall(FurlTestResidualNorm(A, b, x, &residual));
    FurlTestCheck(reason > 0 && residual <= 1e-8, "reason %d, residual %g", (int)reason, (double)residual);
    FurlTestCheck(its >= least && its <= most, "%d iterations, not from %d to %d", (int)its, (int)least, (int)most);
  }
  PetscCall(FurlTestView(ksp, text, sizeof(text)));
  FurlTestCheck(strstr(text, "smoothed aggregates"), "another hierarchy was taken:\n%s", text);
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  Cells       cells = {.n = {24, 20, 17}, .jump = 1e4};
  PetscInt    three = 3, least = 0, most = 25, total;
  PetscBool   uneven = PETSC_FALSE;
  PetscMPIInt rank, size;
  Mat         A;
  Vec         b, x;
  KSP         ksp;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetIntArray(NULL, NULL, "-n", cells.n, &three, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-jump", &cells.jump, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-least", &least, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-most", &most, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-uneven", &uneven, NULL)); /* most rows on the first, none on the last */
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  total       = cells.n[0] * cells.n[1] * cells.n[2];
  cells.local = PETSC_DECIDE;
  if (uneven && rank) cells.local = rank + 1 < size ? 61 : 0;
  if (uneven && !rank) cells.local = total - 61 * (size - 2);
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, cells.local, cells.local, total, total, 7, NULL, 6, NULL, &A));
  PetscCall(Fill(A, &cells));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestNoise(b, 1, 1));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(Check(ksp, A, b, x, least, most));
  cells.jump = 1 / cells.jump; /* the others conduct now */
  PetscCall(Fill(A, &cells));
  PetscCall(Check(ksp, A, b, x, least, most));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  testset:
    args: -ksp_type furl -pc_furl_hierarchy algebraic -ksp_rtol 1e-8
    test:
      suffix: jumps
      nsize: {{1 2 3 5}}
      args: -jump {{1e4 1e6}}
    test:
      suffix: uneven
      nsize: {{3 5}}
      args: -uneven
    test:
      suffix: alone
      nsize: {{1 3}}
      args: -pc_furl_method single
    test:
      suffix: thin
      nsize: {{1 3}}
      args: -n {{300,7,1 4000,1,1}}
    test:
      suffix: one
      args: -n 1,1,1
    test:
      suffix: loose
      args: -pc_furl_threshold 0 -least 30 -most 90

TEST*/
