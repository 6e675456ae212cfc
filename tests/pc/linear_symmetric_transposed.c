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

/* Couplings from some rows to others far away, which have none back: of other processes too */
static PetscErrorCode AddOneSided(Mat *A, PetscReal scale)
{
  PetscInt first, end, n, local;
  Mat      B;

  PetscFunctionBegin;
  PetscCall(MatGetSize(*A, &n, NULL));
  PetscCall(MatGetLocalSize(*A, &local, NULL));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, local, local, n, n, 2, NULL, 1, NULL, &B));
  PetscCall(MatGetOwnershipRange(B, &first, &end));
  for (PetscInt i = first; i < end; i++) {
    PetscCall(MatSetValue(B, i, i, i % 3 ? 0 : scale, INSERT_VALUES));
    if (i % 3 == 0) PetscCall(MatSetValue(B, i, (i + n / 3 + 5) % n, -scale, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(B, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAXPY(B, 1, *A, DIFFERENT_NONZERO_PATTERN));
  PetscCall(MatDestroy(A));
  *A = B;
  PetscFunctionReturn(0);
}

/* What a program may change after the set-up must not reach half of it: the transpose stays that of what is applied */
static PetscErrorCode ChangeAfterwards(KSP ksp, PC pc, Mat A, Vec u, Vec v)
{
  Vec w;

  PetscFunctionBegin;
  PetscCall(PetscOptionsSetValue(NULL, "-pc_furl_threshold", "0.5"));
  PetscCall(PCSetFromOptions(pc));
  PetscCall(Adjoint(pc, u, v, PETSC_FALSE));
  PetscCall(MatScale(A, 2));
  PetscCall(MatShift(A, .01));
  PetscCall(KSPSetReusePreconditioner(ksp, PETSC_TRUE));
  PetscCall(KSPSetUp(ksp));
  PetscCall(Adjoint(pc, u, v, PETSC_FALSE));
  PetscCall(PCReset(pc));
  PetscCall(KSPSetReusePreconditioner(ksp, PETSC_FALSE));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(PCSetUp(pc));
  PetscCall(MatScale(A, .5));
  PetscCall(PCSetReusePreconditioner(pc, PETSC_TRUE));
  PetscCall(PCSetUp(pc));
  PetscCall(VecDuplicate(u, &w));
  PetscCall(PCApplyTranspose(pc, u, w)); /* may set up anew: the levels of the matrix before are gone */
  PetscCall(VecDestroy(&w));
  PetscCall(Adjoint(pc, u, v, PETSC_FALSE));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  FurlTestGridSpec spec     = FurlTestGridDefault(61, 47);
  PetscBool        disorder = PETSC_FALSE, one_sided = PETSC_FALSE;
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
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-one_sided", &one_sided, NULL));
  if (one_sided) PetscCall(AddOneSided(&A, spec.scale));
  PetscCall(MatCreateVecs(A, &u, &v));
  PetscCall(FurlTestNoise(u, 1, spec.scale)); /* in A's units, so that Bu has norm and squares near one */
  PetscCall(FurlTestNoise(v, 2, spec.scale));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetUp(pc));
  PetscCall(Linear(pc, u, v));
  PetscCall(FurlTestNoise(v, 2, 1));
  PetscCall(Adjoint(pc, u, v, PETSC_FALSE));
  if (spec.wind == 0 && !one_sided) PetscCall(Adjoint(pc, u, v, PETSC_TRUE));
  if (one_sided) PetscCall(ChangeAfterwards(ksp, pc, A, u, v));
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
        test:
      suffix: one_sided
      args: -pc_type furl -pc_furl_hierarchy {{algebraic import}} -one_sided
    test:
      suffix: matrices
      args: -pc_type furl -pc_furl_hierarchy {{algebraic import}} -wind {{0 0.4}} -contrast 100

TEST*/
