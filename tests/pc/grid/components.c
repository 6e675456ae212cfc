/*
  Several unknowns a cell, numbered by a DMDA or line by line, with rows divided anywhere: where the components hardly know each other,
  hierarchy grid serves each of them, and as many iterations are made as for one (and two more); where they are strongly coupled, another
  hierarchy is taken. -reaction couples them, -decay is their own excess.
*/
#include <petscdmda.h>
#include "../../furltest.h"

typedef struct {
  PetscInt  n, bs; /* cells of a line and of a column; components */
  PetscReal reaction, decay;
} Problem;

/* The row of component k of a cell; columns[0] is its own. ao: from line by line to the numbering of a DMDA, or NULL */
static PetscErrorCode FillRow(Mat A, AO ao, const Problem *p, PetscInt cell, PetscInt k)
{
  const PetscInt n = p->n, bs = p->bs;
  const PetscInt i = cell % n, j = cell / n, in[4] = {i > 0, i + 1 < n, j > 0, j + 1 < n}, to[4] = {-1, 1, -n, n};
  PetscInt       column[16] = {cell * bs + k}, count = 1, first, end;
  PetscScalar    value[16] = {(4 + p->decay) * (k + 1)};

  PetscFunctionBegin;
  for (int s = 0; s < 4; s++) {
    if (!in[s]) continue;
    column[count]  = column[0] + bs * to[s];
    value[count++] = -(k + 1);
  }
  for (PetscInt l = 0; l < bs; l++) {
    if (l == k) continue;
    column[count]  = cell * bs + l;
    value[count++] = p->reaction;
  }
  if (ao) PetscCall(AOApplicationToPetsc(ao, count, column));
  PetscCall(MatGetOwnershipRange(A, &first, &end));
  if (column[0] >= first && column[0] < end) PetscCall(MatSetValues(A, 1, column, count, column, value, INSERT_VALUES));
  PetscFunctionReturn(0);
}

static PetscErrorCode CreateMatrix(const Problem *p, Mat *A)
{
  const PetscInt n = p->n, bs = p->bs;
  PetscBool      by_dmda = PETSC_FALSE;
  AO             ao      = NULL;
  DM             da;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-dmda", &by_dmda, NULL));
  PetscCall(DMDACreate2d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_STAR, n, n, PETSC_DECIDE, PETSC_DECIDE, bs, 1,
                         NULL, NULL, &da));
  PetscCall(DMSetUp(da));
  if (by_dmda) {
    PetscCall(DMCreateMatrix(da, A));
    PetscCall(DMDAGetAO(da, &ao));
  } else {
    PetscCall(MatCreate(PETSC_COMM_WORLD, A));
    PetscCall(MatSetSizes(*A, PETSC_DECIDE, PETSC_DECIDE, n * n * bs, n * n * bs));
    PetscCall(MatSetBlockSize(*A, bs));
    PetscCall(MatSetType(*A, MATAIJ));
    PetscCall(MatSeqAIJSetPreallocation(*A, 4 + bs, NULL));
    PetscCall(MatMPIAIJSetPreallocation(*A, 4 + bs, NULL, 4, NULL));
  }
  for (PetscInt cell = 0; cell < n * n; cell++)
    for (PetscInt k = 0; k < bs; k++) PetscCall(FillRow(*A, ao, p, cell, k));
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(DMDestroy(&da));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  char               text[4096] = "", expect[128] = "multigrid,grid";
  Problem            p = {.n = 61, .bs = 3};
  PetscInt           its, most = 13;
  Mat                A;
  Vec                x, b;
  KSP                ksp;
  PC                 pc;
  PetscViewer        viewer;
  KSPConvergedReason reason;
  const char        *found;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-bs", &p.bs, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-most", &most, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-reaction", &p.reaction, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-decay", &p.decay, NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-expect", expect, sizeof(expect), NULL));
  PetscCall(CreateMatrix(&p, &A));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestNoise(x, 1, 1));
  PetscCall(MatMult(A, x, b));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetIterationNumber(ksp, &its));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PetscViewerStringOpen(PETSC_COMM_WORLD, text, sizeof(text), &viewer));
  PetscCall(PCView(pc, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  found = strstr(text, expect);
  FurlTestCheck(found, "the view does not say '%s' but: %s", expect, text);
  FurlTestCheck(reason > 0 && its <= most, "reason %d after %d iterations, at most %d", (int)reason, (int)its, (int)most);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  testset:
    nsize: {{1 2 3}}
    args: -ksp_type furl -ksp_rtol 1e-8
    test:
      suffix: apart
      args: -bs {{1 2 4}}
    test:
      suffix: dmda
      args: -bs 2 -dmda -reaction {{0 .02}} -decay .1
    test:
      suffix: weak
      args: -bs {{2 3}} -reaction .02 -decay .1
    test:
      suffix: strong
      args: -bs 2 -reaction 1 -decay 1 -expect multigrid,half -most 30

TEST*/
