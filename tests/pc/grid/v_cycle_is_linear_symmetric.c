/*
  The V-cycle of PC furl on a box is a fixed linear operator B, symmetric and positive, and that of 2^k A is 2^-k B bit for bit, whatever
  the boundaries and sizes. Bounds are those of FP32 work: |B(au + bv) - aBu - bBv| <= 1e-5 (|a||Bu| + |b||Bv|) and
  |(Bu,v) - (u,Bv)| <= 1e-5 |Bu||v|.
*/
#include "elements.h"
#include "gridtest.h"

static const PetscInt Sizes[][3]  = {{20, 18, 16}, {17, 19, 15}, {40, 33, 1}, {700, 1, 1}, {7, 5, 90}};
static const PetscInt Turned[][3] = {{40, 33, 1}, {17, 19, 15}, {8, 9, 70}};
static const char    *Bounds[]    = {"ddd", "nnn", "ppp", "pdn", "npd"};

/* The last two about 1e200 and 1e-200, whose squares no double holds */
static const PetscReal Factors[] = {0x1p37, -0x1p-90, 0x1p664, -0x1p-664};

static PetscErrorCode Prepare(Mat A, PC *pc)
{
  PetscBool grid = PETSC_FALSE;

  PetscFunctionBegin;
  PetscCall(PCCreate(PETSC_COMM_WORLD, pc));
  PetscCall(PCSetType(*pc, "furl"));
  PetscCall(PCSetOperators(*pc, A, A));
  PetscCall(PCSetUp(*pc));
  PetscCall(GridTestViewSays(*pc, "multigrid,grid", &grid));
  FurlTestCheck(grid, "not taken for a box");
  PetscFunctionReturn(0);
}

static PetscErrorCode Linear(PC pc, const char name[], Vec u, Vec v, Vec Bu, Vec Bv)
{
  const PetscReal a = 3.25, b = -1e-3;
  PetscReal       nu, nv, difference;
  Vec             w, Bw;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(u, &w));
  PetscCall(VecDuplicate(u, &Bw));
  PetscCall(VecCopy(u, w));
  PetscCall(VecAXPBY(w, b, a, v));
  PetscCall(PCApply(pc, w, Bw));
  PetscCall(VecAXPBYPCZ(Bw, -a, -b, 1, Bu, Bv));
  PetscCall(VecNorm(Bu, NORM_2, &nu));
  PetscCall(VecNorm(Bv, NORM_2, &nv));
  PetscCall(VecNorm(Bw, NORM_2, &difference));
  FurlTestCheck(difference <= 1e-5 * (PetscAbsReal(a) * nu + PetscAbsReal(b) * nv), "%s: not linear: %g of %g, %g", name,
                (double)difference, (double)nu, (double)nv);
  PetscCall(VecDestroy(&Bw));
  PetscCall(VecDestroy(&w));
  PetscFunctionReturn(0);
}

static PetscErrorCode SymmetricPositive(const char name[], Vec u, Vec v, Vec Bu, Vec Bv)
{
  PetscScalar left, right, energy;
  PetscReal   nu, nv;

  PetscFunctionBegin;
  PetscCall(VecDot(Bu, v, &left));
  PetscCall(VecDot(u, Bv, &right));
  PetscCall(VecDot(u, Bu, &energy));
  PetscCall(VecNorm(Bu, NORM_2, &nu));
  PetscCall(VecNorm(v, NORM_2, &nv));
  FurlTestCheck(PetscAbsScalar(left - right) <= 1e-5 * nu * nv, "%s: not symmetric: %g and %g, bound %g", name, (double)PetscRealPart(left),
                (double)PetscRealPart(right), (double)(1e-5 * nu * nv));
  FurlTestCheck(PetscRealPart(energy) > 0, "%s: not positive: (u, Bu) = %g", name, (double)PetscRealPart(energy));
  PetscFunctionReturn(0);
}

/* B of factor A, times factor, is B to the last bit */
static PetscErrorCode Equivariant(Mat A, const char name[], PetscReal factor, Vec u, Vec Bu)
{
  Mat       C;
  PC        pc;
  Vec       Cu;
  PetscReal difference;

  PetscFunctionBegin;
  PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &C));
  PetscCall(MatScale(C, factor));
  PetscCall(Prepare(C, &pc));
  PetscCall(VecDuplicate(u, &Cu));
  PetscCall(PCApply(pc, u, Cu));
  PetscCall(VecScale(Cu, factor));
  PetscCall(VecAXPY(Cu, -1, Bu));
  PetscCall(VecNorm(Cu, NORM_INFINITY, &difference));
  FurlTestCheck(difference == 0, "%s: B of %g A differs by %g", name, (double)factor, (double)difference);
  PetscCall(VecDestroy(&Cu));
  PetscCall(PCDestroy(&pc));
  PetscCall(MatDestroy(&C));
  PetscFunctionReturn(0);
}

/* Where all rows sum to zero, B is defined up to constants: vectors without a mean */
static PetscErrorCode Fill(const GridTestBox *box, PetscInt seed, Vec v)
{
  PetscScalar mean;

  PetscFunctionBegin;
  PetscCall(FurlTestNoise(v, seed, 1));
  if (strchr(box->bench.bc, 'd')) PetscFunctionReturn(0);
  PetscCall(VecSum(v, &mean));
  PetscCall(VecShift(v, -mean / GridTestRows(box)));
  PetscFunctionReturn(0);
}

/* u and v are spent; the matrix is destroyed */
static PetscErrorCode CheckMatrix(Mat A, const char name[], Vec u, Vec v)
{
  PC  pc;
  Vec Bu, Bv;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(u, &Bu));
  PetscCall(VecDuplicate(u, &Bv));
  PetscCall(Prepare(A, &pc));
  PetscCall(PCApply(pc, u, Bu));
  PetscCall(PCApply(pc, v, Bv));
  PetscCall(Linear(pc, name, u, v, Bu, Bv));
  PetscCall(SymmetricPositive(name, u, v, Bu, Bv));
  PetscCall(PCApplyTranspose(pc, v, Bv));
  PetscCall(SymmetricPositive(name, u, v, Bu, Bv));
  for (size_t k = 0; k < sizeof(Factors) / sizeof(*Factors); k++) PetscCall(Equivariant(A, name, Factors[k], u, Bu));
  PetscCall(PCDestroy(&pc));
  PetscCall(VecDestroy(&Bv));
  PetscCall(VecDestroy(&Bu));
  PetscCall(VecDestroy(&v));
  PetscCall(VecDestroy(&u));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

static PetscErrorCode Check(const GridTestBox *box)
{
  char name[128];
  Mat  A;
  Vec  u, v;

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(name, sizeof(name), "%d x %d x %d cells, %s", (int)box->n[0], (int)box->n[1], (int)box->n[2], box->bench.bc));
  PetscCall(GridTestMatrix(PETSC_COMM_WORLD, box, 1, &A));
  PetscCall(MatCreateVecs(A, &u, &v));
  PetscCall(Fill(box, 1, u));
  PetscCall(Fill(box, 2, v));
  PetscCall(CheckMatrix(A, name, u, v));
  PetscFunctionReturn(0);
}

/* Elements whose tensor is turned: the box is sheared */
static PetscErrorCode CheckTurned(const PetscInt n[3], PetscReal angle)
{
  ElementsSpec s = {.n = {n[0], n[1], n[2]}, .ratio = 20, .angle = angle, .contrast = 2, .stretch = {1, 1, 1}, .width = {1, 1, 1}};
  char         name[128];
  Mat          A;
  Vec          u, v;

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(name, sizeof(name), "%d x %d x %d nodes, turned by %g", (int)n[0], (int)n[1], (int)n[2], (double)angle));
  PetscCall(ElementsCreate(&s, &A));
  PetscCall(MatCreateVecs(A, &u, &v));
  PetscCall(FurlTestNoise(u, 1, 1));
  PetscCall(FurlTestNoise(v, 2, 1));
  PetscCall(CheckMatrix(A, name, u, v));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscInt class = BENCH_CONSTANT;
  PetscBool   set;
  PetscMPIInt size;
  GridTestBox box;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetEList(NULL, NULL, "-class", BenchClassNames, GRID_TEST_CLASSES, &class, &set));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  for (size_t k = 0; k < sizeof(Sizes) / sizeof(*Sizes); k++)
    for (size_t b = 0; b < sizeof(Bounds) / sizeof(*Bounds); b++) {
      if (size > 1 && Sizes[k][1] == 1) continue; /* a line is not divided */
      GridTestInit(&box, (BenchClass) class, Sizes[k], Bounds[b]);
      PetscCall(Check(&box));
    }
  for (size_t k = 0; k < sizeof(Turned) / sizeof(*Turned); k++) {
    PetscCall(CheckTurned(Turned[k], 0.6));
    PetscCall(CheckTurned(Turned[k], 1.9));
  }
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    args: -class {{constant jump4 jump6 anisotropic stretched random layers}}

  test:
    suffix: divided
    nsize: {{2 3}}
    args: -class {{smooth jump6}}

TEST*/
