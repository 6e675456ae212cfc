/*
  A box that is divided among processes is found, and solved in the iterations of one process: numbered by a DMDA, or line by line with rows
  that begin anywhere in a plane, evenly or so unevenly that processes are empty. -ksp_type and -pc_type are the solver's.
*/
#include "gridnumberings.h"

#define MORE 2 /* iterations that a division may cost: lines of different processes are not joined on the finer levels */

static const struct {
  BenchClass class;
  PetscInt    n[3];
  const char *bc;
} Boxes[] = {{BENCH_CONSTANT, {20, 21, 22}, "ddd"}, {BENCH_SMOOTH, {19, 20, 21}, "nnn"},    {BENCH_RANDOM, {20, 21, 22}, "ppp"},
             {BENCH_LAYERS, {20, 18, 23}, "pdn"},   {BENCH_STRETCHED, {20, 21, 22}, "ddd"}, {BENCH_RANDOM, {70, 81, 1}, "ddn"},
             {BENCH_SMOOTH, {60, 1, 71}, "pnd"},    {BENCH_CONSTANT, {5, 4, 6}, "ddd"}};

static PetscErrorCode Create(MPI_Comm comm, const GridTestBox *box, GridTestNumbering numbering, Mat *A)
{
  PetscFunctionBegin;
  PetscCall(GridTestNumbered(comm, box, numbering, A));
  if (!strchr(box->bench.bc, 'd')) PetscCall(GridTestSetConstants(*A));
  PetscFunctionReturn(0);
}

/* Iterations to a true residual of 1e-8; the view must say that a box was found */
static PetscErrorCode Solve(Mat A, PetscInt *its)
{
  KSPConvergedReason reason;
  PetscReal          residual;
  PetscBool          grid;
  PetscInt           rows;
  Vec                b, x;
  KSP                ksp;
  PC                 pc;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestNoise(x, 1, 1));
  PetscCall(MatMult(A, x, b));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetIterationNumber(ksp, its));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(GridTestViewSays(pc, "multigrid,grid", &grid));
  PetscCall(MatGetSize(A, &rows, NULL));
  FurlTestCheck(grid, "A box of %d rows was not found", (int)rows);
  FurlTestCheck(reason > 0, "%d rows: reason %d", (int)rows, (int)reason);
  PetscCall(GridTestResidual(A, b, x, &residual));
  FurlTestCheck(residual <= 1.01e-8, "%d rows: residual %g", (int)rows, (double)residual);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  for (size_t k = 0; k < sizeof(Boxes) / sizeof(*Boxes); k++) {
    const PetscInt *const n = Boxes[k].n;
    GridTestBox           box;
    PetscInt              alone, its;
    Mat                   A;

    GridTestInit(&box, Boxes[k].class, n, Boxes[k].bc);
    PetscCall(Create(PETSC_COMM_SELF, &box, GRID_TEST_EVENLY, &A));
    PetscCall(Solve(A, &alone));
    PetscCall(MatDestroy(&A));
    for (int numbering = 0; numbering < GRID_TEST_NUMBERINGS; numbering++) {
      PetscCall(Create(PETSC_COMM_WORLD, &box, (GridTestNumbering)numbering, &A));
      PetscCall(Solve(A, &its));
      FurlTestCheck(its <= alone + MORE, "%s, %d x %d x %d, %s, numbering %d: %d iterations, %d on one process",
                    BenchClassNames[Boxes[k].class], (int)n[0], (int)n[1], (int)n[2], Boxes[k].bc, numbering, (int)its, (int)alone);
      PetscCall(MatDestroy(&A));
    }
  }
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  testset:
    nsize: {{1 2 3 5}}
    args: -ksp_rtol 1e-8
    test:
      suffix: combined
      args: -ksp_type furl
    test:
      suffix: linear
      args: -ksp_type cg -ksp_norm_type unpreconditioned -pc_type furl

TEST*/
