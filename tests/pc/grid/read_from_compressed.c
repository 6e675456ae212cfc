/*
  Hierarchy `grid` is read from a furl matrix without an AIJ copy, and is that of the same matrix as AIJ: its applications give the same
  bits. Constant, variable and upwind coefficients, boxes whose lines are shorter and longer than a slice, periodic ones.
*/
#include <petscksp.h>
#include "../../mat/matrices.h"

typedef struct {
  PetscInt  n[3];
  PetscReal contrast; /* of the coefficients */
  PetscReal wind;     /* added to the couplings ahead, as upwind differences do */
  PetscBool periodic; /* in x */
  PetscReal sign;
} Problem;

static PetscErrorCode Create(const Problem *p, Mat *A)
{
  const PetscInt n[3] = {p->n[0], p->n[1], p->n[2]}, step[3] = {1, n[0], n[0] * n[1]}, rows = step[2] * n[2];
  PetscInt       first, end;

  PetscFunctionBegin;
  PetscCall(CreateAij(PETSC_COMM_WORLD, rows, rows, 7, A));
  PetscCall(MatGetOwnershipRange(*A, &first, &end));
  for (PetscInt i = first; i < end; i++) {
    const PetscInt at[3] = {i % n[0], i / n[0] % n[1], i / n[0] / n[1]};
    PetscReal      d     = 0;

    for (int k = 0; k < 6; k++) {
      const int       axis = k / 2, ends = k % 2 ? at[axis] == n[axis] - 1 : at[axis] == 0;
      const PetscInt  wrap = ends ? step[axis] * n[axis] : 0, j = i + (k % 2 ? step[axis] - wrap : wrap - step[axis]);
      const PetscReal c = 1 + p->contrast * Noise(PetscMin(i, j), axis) + (k % 2 ? p->wind : 0);

      d += c;
      if (ends && !(p->periodic && axis == 0)) continue;
      PetscCall(MatSetValue(*A, i, j, -p->sign * c, INSERT_VALUES));
    }
    PetscCall(MatSetValue(*A, i, i, p->sign * (d + 1e-3 * (PetscReal)(i % 5)), INSERT_VALUES));
  }
  PetscCall(Assemble(*A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CountConversions(PetscInt *count)
{
  PetscLogEvent      event;
  PetscEventPerfInfo info;

  PetscFunctionBegin;
  PetscCall(PetscLogEventGetId("MatConvert", &event));
  PetscCall(PetscLogEventGetPerfInfo(PETSC_DETERMINE, event, &info));
  *count = (PetscInt)info.count;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = B x, by a PC of its own that must take the grid */
static PetscErrorCode Apply(Mat P, Vec x, Vec y)
{
  PC pc;

  PetscFunctionBegin;
  PetscCall(PCCreate(PETSC_COMM_WORLD, &pc));
  PetscCall(PCSetType(pc, "furl"));
  PetscCall(PetscOptionsSetValue(NULL, "-pc_furl_hierarchy", "grid"));
  PetscCall(PCSetFromOptions(pc));
  PetscCall(PCSetOperators(pc, P, P));
  PetscCall(PCSetUp(pc));
  PetscCall(PCApply(pc, x, y));
  PetscCall(PCDestroy(&pc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Check(const char *name, const Problem *p)
{
  Mat                A, F;
  Vec                x, y, z;
  PetscInt           n, before, after;
  PetscBool          same;
  const PetscScalar *a, *b;

  PetscFunctionBegin;
  PetscCall(Create(p, &A));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  PetscCall(MatCreateVecs(A, &x, &y));
  PetscCall(VecDuplicate(y, &z));
  PetscCall(VecSetRandom(x, NULL));
  PetscCall(Apply(A, x, y));
  PetscCall(CountConversions(&before));
  PetscCall(Apply(F, x, z));
  PetscCall(CountConversions(&after));
  PetscCheck(after == before || p->wind > 0, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "'%s': the compressed matrix was converted", name);
  PetscCall(VecGetLocalSize(y, &n));
  PetscCall(VecGetArrayRead(y, &a));
  PetscCall(VecGetArrayRead(z, &b));
  PetscCall(PetscArraycmp(a, b, n, &same));
  PetscCheck(same, PETSC_COMM_SELF, PETSC_ERR_PLIB, "'%s': another preconditioner than that of AIJ", name);
  PetscCall(VecRestoreArrayRead(z, &b));
  PetscCall(VecRestoreArrayRead(y, &a));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&z));
  PetscCall(MatDestroy(&A));
  PetscCall(MatDestroy(&F));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  const Problem     problem[] = {{{20, 20, 20}, 0, 0, PETSC_FALSE, 1},      {{17, 19, 23}, 9, 0, PETSC_FALSE, 1},
                                 {{70, 11, 13}, 9, 0, PETSC_FALSE, -1},     {{18, 14, 16}, 9, 0, PETSC_TRUE, 1},
                                 {{90, 71, 1}, 9, 0, PETSC_FALSE, 1},       {{16, 16, 16}, 0, 3, PETSC_FALSE, 1},
                                 {{150, 40, 12}, 1e5, 0, PETSC_FALSE, 1e-9}};
  const char *const name[]    = {"constant", "variable", "long lines, negative", "periodic", "two dimensions", "upwind", "contrast"};

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscLogDefaultBegin());
  for (size_t k = 0; k < sizeof(problem) / sizeof(*problem); k++) PetscCall(Check(name[k], problem + k));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2 3 5}}

TEST*/
