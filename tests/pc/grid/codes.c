/*
  Couplings of 2 bytes: relative error 2^-11 down to 2^-50, zero below, every code up to the largest coupling is the code of what it decodes
  to, and what is larger gets the last of these. And the correction of the
  diagonal, which keeps the sums of the rows: on sqrt(d) the cycle's operator gives the excess over sqrt(d), to FP32's rounding.
*/
#include <pc/grid/kernels/gridmakebodies.h> /* before PETSc's headers, with which I is a macro */
#include <petscfurl.h>
#include <pc/grid/grid.h>
#include "gridtest.h"

static double Decoded(double q)
{
  return (double)FURL_GRID_CODE_SCALE * (double)FurlGridDecode(FurlGridEncode((float)q));
}

static PetscErrorCode CheckCodes(void)
{
  PetscFunctionBegin;
  for (int code = 0; code < 65536; code++) {
    const float q = FURL_GRID_CODE_SCALE * FurlGridDecode((uint16_t)code);

    if (q >= FURL_GRID_CODE_SMALLEST)
      FurlTestCheck(FurlGridEncode(q) == (q > FURL_GRID_CODE_LARGEST ? FurlGridEncode(FURL_GRID_CODE_LARGEST) : code),
                    "code %d is decoded as %a, whose code is %d", code, (double)q, (int)FurlGridEncode(q));
  }
  for (PetscInt i = 0; i < 200000; i++) {
    const double q = (double)(float)exp2(-50 + 31 * (1 + FurlTestHash(i, 1)));

    FurlTestCheck(fabs(Decoded(q) - q) <= 0x1p-11 * q, "%a is decoded as %a", q, Decoded(q));
    FurlTestCheck(Decoded(q * 0x1p-64) == 0, "%a is not taken for zero", q * 0x1p-64);
  }
  FurlTestCheck(Decoded(0) == 0 && Decoded(1) == 1, "0 and 1 are decoded as %a and %a", Decoded(0), Decoded(1));
  PetscFunctionReturn(0);
}

/* out = A sqrt(d) of a level */
static void MultiplyRoot(FurlGridLevel *level, float *out)
{
  for (int colour = 0; colour < 2; colour++) {
    FurlGridStencilArgs args = {.out = out + colour * level->box.span};

    FurlGridStencilOf(level, colour, level->root, &args);
    FurlLaunch(&FurlKernelFurlGridProduct, &args, level->box.items);
  }
}

/* Excess of the finest level's rows, or none where the matrix is singular */
static PetscErrorCode CheckRowSums(const char name[], FurlGridLevel *level, const double *excess)
{
  const FurlBox *const box = &level->box;
  PetscInt             r   = 0;

  PetscFunctionBegin;
  MultiplyRoot(level, level->b);
  for (PetscInt k = 0; k < box->n[2]; k++)
    for (PetscInt j = 0; j < box->n[1]; j++)
      for (PetscInt i = 0; i < box->n[0]; i++, r++) {
        const int64_t G = FurlBoxAt(box, i, j, k), at = G / 2 + (G & 1) * level->box.span;
        const double  root = (double)level->root[at], wrong = root * (double)level->b[at] - (excess ? excess[r] : 0);

        FurlTestCheck(fabs(wrong) <= 8 * 0x1p-24 * root * root, "%s, cell %d %d %d: the row's sum is off by %g of its diagonal", name,
                      (int)i, (int)j, (int)k, wrong / (root * root));
      }
  PetscFunctionReturn(0);
}

static PetscErrorCode Check(BenchClass class, const char bc[])
{
  const PetscInt     n[3] = {19, 17, 24};
  GridTestBox        box;
  Mat                A;
  Vec                ones, sums;
  FurlGrid          *grid = NULL;
  const char        *why  = NULL;
  const PetscScalar *sum;

  PetscFunctionBegin;
  GridTestInit(&box, class, n, bc);
  PetscCall(GridTestMatrix(PETSC_COMM_SELF, &box, 1, &A));
  PetscCall(FurlGridCreate(A, PETSC_FALSE, &grid, &why));
  FurlTestCheck(grid, "%s %s: refused: %s", BenchClassNames[class], bc, why);
  PetscCall(MatCreateVecs(A, &ones, &sums));
  PetscCall(VecSet(ones, grid->factor));
  PetscCall(MatMult(A, ones, sums));
  PetscCall(VecGetArrayRead(sums, &sum));
  for (int l = 0; l < (grid->singular ? grid->nlevels : 1); l++)
    PetscCall(CheckRowSums(BenchClassNames[class], grid->level + l, grid->singular ? NULL : sum));
  PetscCall(VecRestoreArrayRead(sums, &sum));
  PetscCall(VecDestroy(&sums));
  PetscCall(VecDestroy(&ones));
  PetscCall(FurlGridDestroy(&grid));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  const char *const bounds[] = {"ddd", "nnn", "ppp", "pnd"};

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscFurlInitializePackage());
  PetscCall(CheckCodes());
  for (int class = 0; class < GRID_TEST_CLASSES; class ++)
    for (size_t k = 0; k < sizeof(bounds) / sizeof(*bounds); k++) PetscCall(Check((BenchClass) class, bounds[k]));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  build:
    requires: static

  test:
    env: FURL_ISA={{base v3 v4}}

TEST*/
