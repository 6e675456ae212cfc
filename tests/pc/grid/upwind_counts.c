/*
  Upwind differences of a flow on a box are solved by hierarchy grid in few iterations, whether the system or its transpose is solved, and
  PCApplyTranspose() is the transpose: |(Bu, v) - (u, B'v)| <= 1e-5 |Bu| |v|. -flow 0 rotates around z and rises, 1 is a constant wind.
*/
#include "../../furltest.h"

#define MORE 2 /* iterations that a division may cost */

typedef struct {
  PetscInt  n[3], flow;
  PetscReal peclet;   /* of the box: velocity times its width over the diffusion */
  PetscBool periodic; /* in z */
  PetscReal spread;   /* rows are multiplied by numbers from 1 to its root, or divided: their couplings leave those of the mirrors behind */
  PetscBool fixed;    /* rows of the cells at x = 0 hold nothing but their diagonal, columns stay */
} FlowSpec;

/* Velocity across the face of the cell in direction d: free of sources, as no part of it depends on its own direction */
static PetscReal Velocity(const FlowSpec *s, const PetscInt at[3], int d)
{
  const PetscReal x = (at[0] + .5) / s->n[0] - .5, y = (at[1] + .5) / s->n[1] - .5;

  if (s->flow) return d == 0 ? 1 : d == 1 ? .5 : .25;
  return d == 0 ? -PetscSinReal(PETSC_PI * y) : d == 1 ? PetscSinReal(PETSC_PI * x) : .3;
}

/* Diffusion one on cells of width one; value zero beyond the faces of the box, half a cell away */
static PetscErrorCode FlowRow(Mat A, const FlowSpec *s, const PetscInt at[3])
{
  const PetscInt step[3] = {1, s->n[0], s->n[0] * s->n[1]}, row = at[0] + step[1] * at[1] + step[2] * at[2];
  PetscReal      diagonal = 0;

  PetscFunctionBegin;
  if (s->fixed && at[0] == 0) {
    PetscCall(MatSetValue(A, row, row, 3, INSERT_VALUES));
    PetscFunctionReturn(0);
  }
  for (int d = 0; d < 3; d++)
    for (int side = -1; side < 2; side += 2) {
      const PetscInt  to = at[d] + side, around = s->periodic && d == 2 ? (to + s->n[2]) % s->n[2] : to;
      const PetscReal inward = -side * s->peclet / s->n[0] * Velocity(s, at, d);
      const PetscBool in     = around >= 0 && around < s->n[d] ? PETSC_TRUE : PETSC_FALSE;
      const PetscReal c      = (in ? 1 : 2) + (inward > 0 ? inward : 0);

      if (s->n[d] == 1) continue;
      diagonal += c;
      if (in) PetscCall(MatSetValue(A, row, row + (around - at[d]) * step[d], -c, INSERT_VALUES));
    }
  PetscCall(MatSetValue(A, row, row, diagonal, INSERT_VALUES));
  PetscFunctionReturn(0);
}

static PetscErrorCode SpreadRows(const FlowSpec *s, Mat A)
{
  Vec          factors;
  PetscScalar *factor;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, NULL, &factors));
  PetscCall(VecGetArrayWrite(factors, &factor));
  for (PetscInt r = 0; r < s->n[0] * s->n[1] * s->n[2]; r++) factor[r] = PetscPowReal(s->spread, FurlTestHash(r, 5) / 2);
  PetscCall(VecRestoreArrayWrite(factors, &factor));
  PetscCall(MatDiagonalScale(A, factors, NULL));
  PetscCall(VecDestroy(&factors));
  PetscFunctionReturn(0);
}

static PetscErrorCode FlowCreate(const FlowSpec *s, Mat *A)
{
  const PetscInt rows = s->n[0] * s->n[1] * s->n[2];
  PetscInt       first, end;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, rows, rows, 7, NULL, 6, NULL, A));
  PetscCall(MatGetOwnershipRange(*A, &first, &end));
  for (PetscInt row = first; row < end; row++) {
    const PetscInt at[3] = {row % s->n[0], row / s->n[0] % s->n[1], row / s->n[0] / s->n[1]};

    PetscCall(FlowRow(*A, s, at));
  }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  if (s->spread > 0) PetscCall(SpreadRows(s, *A));
  PetscFunctionReturn(0);
}

static PetscErrorCode Adjoint(PC pc, Vec u, Vec v)
{
  PetscScalar left, right;
  PetscReal   nu, nv;
  Vec         Bu, Bv;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(u, &Bu));
  PetscCall(VecDuplicate(u, &Bv));
  PetscCall(PCApply(pc, u, Bu));
  PetscCall(PCApplyTranspose(pc, v, Bv));
  PetscCall(VecDot(Bu, v, &left));
  PetscCall(VecDot(u, Bv, &right));
  PetscCall(VecNorm(Bu, NORM_2, &nu));
  PetscCall(VecNorm(v, NORM_2, &nv));
  FurlTestCheck(PetscAbsScalar(left - right) <= 1e-5 * nu * nv, "not the transpose: %g and %g, bound %g", (double)PetscRealPart(left),
                (double)PetscRealPart(right), (double)(1e-5 * nu * nv));
  PetscCall(VecDestroy(&Bv));
  PetscCall(VecDestroy(&Bu));
  PetscFunctionReturn(0);
}

/* x and b hold noise: b = A x or A' x of the first, and the solution starts from zero */
static PetscErrorCode Solve(KSP ksp, Mat A, Vec x, Vec b, PetscBool transpose, PetscInt most)
{
  PetscInt           its;
  KSPConvergedReason reason;

  PetscFunctionBegin;
  PetscCall(FurlTestNoise(x, 1, 1));
  PetscCall((transpose ? MatMultTranspose : MatMult)(A, x, b));
  PetscCall((transpose ? KSPSolveTranspose : KSPSolve)(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetIterationNumber(ksp, &its));
  FurlTestCheck(reason > 0 && its <= most, "%s: reason %d after %d iterations, at most %d", transpose ? "transposed" : "plain", (int)reason,
                (int)its, (int)most);
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  FlowSpec    s         = {.n = {40, 40, 40}, .peclet = 10};
  char        text[512] = "";
  PetscInt    three = 3, most = 20;
  Mat         A;
  Vec         x, b;
  KSP         ksp;
  PC          pc;
  PetscViewer viewer;
  const char *found;
  PetscMPIInt size;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetIntArray(NULL, NULL, "-n", s.n, &three, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-flow", &s.flow, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-most", &most, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-peclet", &s.peclet, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-spread", &s.spread, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-periodic", &s.periodic, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-fixed", &s.fixed, NULL));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  if (size > 1) most += MORE;
  PetscCall(FlowCreate(&s, &A));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(Solve(ksp, A, x, b, PETSC_FALSE, most));
  PetscCall(Solve(ksp, A, x, b, PETSC_TRUE, most));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PetscViewerStringOpen(PETSC_COMM_WORLD, text, sizeof(text), &viewer));
  PetscCall(PCView(pc, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  found = strstr(text, "multigrid,grid");
  FurlTestCheck(found, "the view does not say 'multigrid,grid' but: %s", text);
  PetscCall(FurlTestNoise(x, 2, 1));
  PetscCall(FurlTestNoise(b, 3, 1));
  PetscCall(Adjoint(pc, x, b));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  testset:
    nsize: {{2 3 5}}
    args: -ksp_type furl -ksp_rtol 1e-8
    test:
      suffix: divided
      args: -n 37,40,33 -peclet {{10 1000}} -flow {{0 1}} -most 16
    test:
      suffix: divided_fixed
      args: -n 37,40,30 -peclet 100 -fixed -most 16
    test:
      suffix: divided_periodic
      args: -n 37,20,{{33 36}} -peclet 100 -periodic -most 18

  testset:
    nsize: 1
    args: -ksp_type furl -ksp_rtol 1e-8
    test:
      suffix: box
      args: -n 37,40,33 -peclet {{1 10 100 1000}} -flow {{0 1}} -most 16
    test:
      suffix: strong
      args: -n 37,40,33 -peclet 1e4 -flow {{0 1}} -most 20
    test:
      suffix: fixed
      args: -n 37,40,33 -peclet 100 -fixed -most 16
    test:
      suffix: periodic
      args: -n 37,40,33 -peclet 100 -periodic -most 18
    test:
      suffix: spread
      args: -n 37,40,33 -peclet {{1 100}} -spread {{100 1e4}} -most 17
    test:
      suffix: plane
      args: -n 100,70,1 -peclet {{10 1000}} -flow {{0 1}} -most 20
    test:
      suffix: bcgs
      args: -n 37,40,33 -peclet 100 -ksp_furl_method bcgs -most 20
    test:
      suffix: gmres_with_pc
      args: -n 37,40,33 -peclet 100 -ksp_type gmres -pc_type furl -most 20

TEST*/
