/*
  PC furl alone is a fixed linear operator B, symmetric where A is, and PCApplyTranspose() is its transpose where A is not. Bounds 1e-5 of
  FP32 work: |B(au + bv) - aBu - bBv| <= 1e-5 (|a||Bu| + |b||Bv|) and |(Bu,v) - (u,B'v)| <= 1e-5 |Bu||v|.
*/
#include "disorder.h"

static PetscErrorCode Linear(PC pc, Vec u, Vec v)
{
  const PetscScalar a = 3.25, b = -1e-3;
  PetscReal         difference, nu, nv;
  Vec               w, Bu, Bv, Bw;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(u, &w));
  PetscCall(VecDuplicate(u, &Bu));
  PetscCall(VecDuplicate(u, &Bv));
  PetscCall(VecDuplicate(u, &Bw));
  PetscCall(VecCopy(u, w));
  PetscCall(VecAXPBY(w, b, a, v));
  PetscCall(PCApply(pc, u, Bu));
  PetscCall(PCApply(pc, v, Bv));
  PetscCall(PCApply(pc, w, Bw));
  PetscCall(VecNorm(Bu, NORM_2, &nu));
  PetscCall(VecNorm(Bv, NORM_2, &nv));
  PetscCall(VecAXPBYPCZ(Bw, -a, -b, 1, Bu, Bv));
  PetscCall(VecNorm(Bw, NORM_2, &difference));
  FurlTestCheck(difference <= 1e-5 * (PetscAbsScalar(a) * nu + PetscAbsScalar(b) * nv), "not linear: %g of %g, %g", (double)difference,
                (double)nu, (double)nv);
  PetscCall(VecDestroy(&Bw));
  PetscCall(VecDestroy(&Bv));
  PetscCall(VecDestroy(&Bu));
  PetscCall(VecDestroy(&w));
  PetscFunctionReturn(0);
}

/* (Bu, v) = (u, B'v); with B in place of its transpose where A is symmetric */
static PetscErrorCode Adjoint(PC pc, Vec u, Vec v, PetscBool symmetric)
{
  PetscScalar left, right;
  PetscReal   nu, nv;
  Vec         Bu, Bv;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(u, &Bu));
  PetscCall(VecDuplicate(u, &Bv));
  PetscCall(PCApply(pc, u, Bu));
  PetscCall((*(symmetric ? PCApply : PCApplyTranspose))(pc, v, Bv));
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

int main(int argc, char **argv)
{
  FurlTestGridSpec spec     = FurlTestGridDefault(61, 47);
  PetscBool        disorder = PETSC_FALSE;
  Mat              A;
  Vec              u, v;
  KSP              ksp;
  PC               pc;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-wind", &spec.wind, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-contrast", &spec.contrast, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-scale", &spec.scale, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-disorder", &disorder, NULL)); /* rows that the hierarchy takes in another order */
  if (disorder) {
    spec.nx    = 97;
    spec.ny    = 95;
    spec.local = DisorderShare(spec.nx, spec.ny);
  }
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, &A));
  if (disorder) PetscCall(DisorderRows(&A));
  PetscCall(MatCreateVecs(A, &u, &v));
  PetscCall(FurlTestNoise(u, 1, spec.scale)); /* in A's units, so that Bu has norm and squares near one */
  PetscCall(FurlTestNoise(v, 2, spec.scale));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetUp(pc));
  PetscCall(Linear(pc, u, v));
  PetscCall(FurlTestNoise(v, 2, 1));
  PetscCall(Adjoint(pc, u, v, PETSC_FALSE));
  if (spec.wind == 0) PetscCall(Adjoint(pc, u, v, PETSC_TRUE));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&v));
  PetscCall(VecDestroy(&u));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  testset:
    nsize: {{1 2 3 5}}
    test:
      suffix: symmetric
      args: -pc_type furl -contrast {{1 100}} -pc_furl_smoother_degree {{1 2 3}}
    test:
      suffix: single
      args: -pc_type furl -pc_furl_method single -scale {{1 -1 1e200 1e-200}}
    test:
      suffix: nonsymmetric
      args: -pc_type furl -wind 0.4
    test:
      suffix: disorder
      args: -pc_type furl -disorder -wind {{0 0.4}}

TEST*/
