/*
  A compressed copy of Amat is made where its rows share a pattern, and Amat multiplies itself where they do not; the view says which. Both
  give the same answers, and without a copy as with one CG runs on negative definite matrices and on those whose Dirichlet rows keep their
  columns.
*/
#include "../furltest.h"

#define NEIGHBOURS 4

typedef struct {
  PetscReal sign;
  PetscBool dirichlet; /* every 19th row keeps nothing but its diagonal, its column stays */
  PetscReal skew;      /* 0: symmetric */
} Spec;

/* A matrix and what is expected of its solver */
typedef struct {
  Mat         A;
  PetscBool   pays; /* a copy is made where nobody asks */
  PetscBool   symmetric;
  const char *name;
} Case;

/* The Laplacian of a graph of n nodes in a ring, each with links to nodes anywhere, plus the identity */
static PetscErrorCode AddLink(Mat A, PetscInt i, PetscInt j, PetscReal weight, const Spec *s)
{
  const PetscReal w        = s->sign * weight;
  const PetscInt  both[2]  = {i, j};
  const PetscReal block[4] = {w, -w * (1 + s->skew), -w * (1 - s->skew), w};

  PetscFunctionBegin;
  PetscCall(MatSetValues(A, 2, both, 2, both, block, ADD_VALUES));
  PetscFunctionReturn(0);
}

static PetscErrorCode Graph(PetscInt n, const Spec *s, Mat *A)
{
  PetscInt first, last, nzero = 0, *zero;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, n, n, 40, NULL, 40, NULL, A));
  PetscCall(MatGetOwnershipRange(*A, &first, &last));
  for (PetscInt i = first; i < last; i++) {
    PetscCall(AddLink(*A, i, (i + 1) % n, 2, s));
    PetscCall(MatSetValue(*A, i, i, s->sign, ADD_VALUES));
    for (PetscInt k = 1; k < NEIGHBOURS; k++) {
      const PetscInt j = (PetscInt)(0.5 * (1 + FurlTestHash(i, k)) * n) % n;

      if (j != i) PetscCall(AddLink(*A, i, j, 0.25, s));
    }
  }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(PetscMalloc1(last - first, &zero));
  for (PetscInt i = first; s->dirichlet && i < last; i++)
    if (i % 19 == 3) zero[nzero++] = i;
  if (s->dirichlet) PetscCall(MatZeroRows(*A, nzero, zero, 4.5 * s->sign, NULL, NULL));
  PetscCall(PetscFree(zero));
  PetscFunctionReturn(0);
}

/* What the view must say of the products and of the method */
static PetscErrorCode CheckView(KSP ksp, PetscBool copy, PetscBool symmetric, const char *what)
{
  char text[32768];

  PetscFunctionBegin;
  PetscCall(FurlTestView(ksp, text, sizeof(text)));
  FurlTestCheck(!strstr(text, "products: compressed copy") == !copy, "%s: a copy is %s", what, copy ? "missing" : "made");
  FurlTestCheck((strstr(text, "products: Amat itself (") == NULL) == (copy == PETSC_TRUE), "%s: the view does not say what multiplies",
                what);
  FurlTestCheck(!strstr(text, "running cg") == !symmetric, "%s: CG %s", what, symmetric ? "does not run" : "runs");
  PetscFunctionReturn(0);
}

static PetscErrorCode Solve(const Case *c, const char compress[], Vec b, Vec x, PetscBool copy)
{
  KSP                ksp;
  KSPConvergedReason reason;
  PetscReal          residual;

  PetscFunctionBegin;
  PetscCall(PetscOptionsSetValue(NULL, "-ksp_furl_compress", compress));
  PetscCall(FurlTestSolver(c->A, NULL, &ksp));
  PetscCall(VecSet(x, 0));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(FurlTestResidual(c->A, b, x, &residual));
  FurlTestCheck(reason > 0 && residual < 1e-8, "%s: reason %d, residual %g", c->name, (int)reason, (double)residual);
  PetscCall(CheckView(ksp, copy, c->symmetric, c->name));
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(0);
}

/* All eigenvalues are at least 1 in size, so two solutions differ by no more than their residuals */
static PetscErrorCode BothWays(const Case *c)
{
  Vec       x, y, b;
  PetscReal difference, size;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(c->A, &x, &b));
  PetscCall(VecDuplicate(x, &y));
  PetscCall(FurlTestNoise(b, 5, 1));
  PetscCall(Solve(c, "auto", b, x, c->pays));
  for (int forced = 0; forced < 2; forced++) {
    PetscCall(Solve(c, forced ? "true" : "false", b, y, (PetscBool)forced));
    PetscCall(VecAXPY(y, -1, x));
    PetscCall(VecNorm(y, NORM_2, &difference));
    PetscCall(VecNorm(b, NORM_2, &size));
    FurlTestCheck(difference <= 1e-8 * size, "%s: the solutions differ by %g", c->name, (double)(difference / size));
  }
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&b));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  const Spec        specs[] = {{1, PETSC_FALSE, 0}, {-1, PETSC_FALSE, 0}, {1, PETSC_TRUE, 0}, {-1, PETSC_TRUE, 0}, {1, PETSC_FALSE, 0.1}};
  const char *const names[] = {"graph", "negative graph", "graph with Dirichlet rows", "negative graph with Dirichlet rows",
                               "graph with a skew part"};
  Case              c       = {.pays = PETSC_FALSE};

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  for (int k = 0; k < 5; k++) {
    c.symmetric = (PetscBool)(specs[k].skew == 0);
    c.name      = names[k];
    PetscCall(Graph(1500, &specs[k], &c.A));
    PetscCall(BothWays(&c));
    PetscCall(MatDestroy(&c.A));
  }
  c = (Case){.pays = PETSC_TRUE, .symmetric = PETSC_TRUE, .name = "grid"};
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, FurlTestGridDefault(40, 40), &c.A));
  PetscCall(MatShift(c.A, 1));
  PetscCall(BothWays(&c));
  PetscCall(MatDestroy(&c.A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2 3}}
    args: -ksp_type furl -pc_type jacobi -ksp_rtol 1e-11

TEST*/
