/*
  KSPSetComputeSingularValues(): extreme singular values and eigenvalues against spectra that are known, in any units, of either sign, with
  Jacobi's scaling, and when the solve took several runs of the recurrence.
*/
#include "../furltest.h"

typedef struct {
  PetscInt  n;
  PetscReal diagonal, below, above; /* entries of a tridiagonal matrix, constant */
} Band;

static PetscErrorCode Create(Band t, Mat *A)
{
  PetscInt first, last;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, t.n, t.n, 3, NULL, 2, NULL, A));
  PetscCall(MatGetOwnershipRange(*A, &first, &last));
  for (PetscInt i = first; i < last; i++) {
    PetscCall(MatSetValue(*A, i, i, t.diagonal, INSERT_VALUES));
    if (i > 0) PetscCall(MatSetValue(*A, i, i - 1, t.below, INSERT_VALUES));
    if (i < t.n - 1) PetscCall(MatSetValue(*A, i, i + 1, t.above, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

/*
  Eigenvalues are diagonal + 2 sqrt(below above) cos(k pi / (n + 1)). below = above, or -above: such a matrix is normal, so that its
  singular values are the magnitudes; n is odd, so that a cosine is zero.
*/
static void Extremes(Band t, PetscReal *smallest, PetscReal *largest)
{
  const PetscReal reach  = 2 * PetscAbsReal(t.above) * PetscCosReal(PETSC_PI / (PetscReal)(t.n + 1));
  const PetscReal centre = PetscAbsReal(t.diagonal);
  const PetscBool skew   = t.above == -t.below ? PETSC_TRUE : PETSC_FALSE;

  *smallest = skew ? centre : centre - reach;
  *largest  = skew ? hypot(centre, reach) : centre + reach;
}

static PetscErrorCode Eigenvalues(KSP ksp, PetscReal smallest, PetscReal largest, PetscReal tolerance)
{
  PetscReal *r, *c, least = PETSC_MAX_REAL, most = 0;
  PetscInt   n, its;

  PetscFunctionBegin;
  PetscCall(KSPGetIterationNumber(ksp, &its));
  PetscCall(PetscMalloc2(its, &r, its, &c));
  PetscCall(KSPComputeEigenvalues(ksp, its, r, c, &n));
  FurlTestCheck(n > 0 && n <= its, "%" PetscInt_FMT " eigenvalues after %" PetscInt_FMT " iterations", n, its);
  for (PetscInt k = 0; k < n; k++) {
    least = PetscMin(least, PetscAbsReal(r[k]));
    most  = PetscMax(most, PetscAbsReal(r[k]));
    FurlTestCheck(c[k] == 0, "a symmetric matrix with the eigenvalue %g + %g i", (double)r[k], (double)c[k]);
  }
  FurlTestCheck(PetscAbsReal(least - smallest) <= tolerance * smallest && PetscAbsReal(most - largest) <= tolerance * largest,
                "eigenvalues in [%g, %g], expected [%g, %g]", (double)least, (double)most, (double)smallest, (double)largest);
  PetscCall(PetscFree2(r, c));
  PetscFunctionReturn(0);
}

static PetscErrorCode Check(Band t, PetscReal rtol, const char options[], PetscBool symmetric)
{
  Mat                A;
  Vec                x, b;
  KSP                ksp;
  PetscReal          smallest, largest, low, high, unit = 1;
  PetscBool          jacobi;
  KSPConvergedReason reason;
  const PetscReal    tolerance = 1e-6;

  PetscFunctionBegin;
  PetscCall(PetscOptionsInsertString(NULL, options));
  PetscCall(PetscStrendswith(options, "jacobi", &jacobi));
  if (jacobi) unit = PetscAbsReal(t.diagonal);
  PetscCall(Create(t, &A));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestNoise(b, 3, t.diagonal));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetTolerances(ksp, rtol, 0, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(KSPSetComputeSingularValues(ksp, PETSC_TRUE));
  if (symmetric) PetscCall(KSPSetComputeEigenvalues(ksp, PETSC_TRUE));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPComputeExtremeSingularValues(ksp, &high, &low));
  Extremes(t, &smallest, &largest);
  smallest /= unit;
  largest /= unit;
  FurlTestCheck(PetscAbsReal(low - smallest) <= tolerance * smallest && PetscAbsReal(high - largest) <= tolerance * largest,
                "%s, diagonal %g, rtol %g: reason %d, singular values [%g, %g], expected [%g, %g]", options, (double)t.diagonal,
                (double)rtol, (int)reason, (double)low, (double)high, (double)smallest, (double)largest);
  if (symmetric) PetscCall(Eigenvalues(ksp, smallest, largest, tolerance));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  const PetscReal units[4] = {1, -3, 1e200, 1e-200};

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  for (int k = 0; k < 4; k++) {
    const Band laplace = {21, 2 * units[k], -units[k], -units[k]}, skew = {15, 0.1 * units[k], units[k], -units[k]};

    PetscCall(Check(laplace, 1e-12, "-ksp_furl_method cg -pc_type none", PETSC_TRUE));
    PetscCall(Check(laplace, 1e-12, "-ksp_furl_method cg -pc_type jacobi", PETSC_TRUE));
    PetscCall(Check(laplace, 1e-16, "-ksp_furl_method cg -pc_type none", PETSC_TRUE)); /* claims are refused, CG runs again */
    PetscCall(Check(laplace, 1e-12, "-ksp_furl_method gmres -pc_type none", PETSC_FALSE));
    PetscCall(Check(skew, 1e-12, "-ksp_furl_method gmres -pc_type none", PETSC_FALSE));
    PetscCall(Check(skew, 1e-12, "-ksp_furl_method gmres -pc_type jacobi", PETSC_FALSE));
    PetscCall(Check(skew, 1e-30, "-ksp_furl_method gmres -pc_type none", PETSC_FALSE));
  }
  PetscCall(PetscOptionsClearValue(NULL, "-ksp_furl_method"));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2}}
    args: -ksp_type furl

TEST*/
