/*
  What the view says that hierarchy `grid` holds, matrices and vectors of all levels under KSP furl, at 60 cells a side: 45 bytes an unknown
  where levels shrink in all directions, 90 where they shrink in one.
*/
#include <stdio.h>
#include <stdlib.h>
#include "gridtest.h"

static PetscErrorCode ViewText(PC pc, char **text)
{
  size_t      length;
  FILE *const stream = open_memstream(text, &length);
  PetscViewer viewer;

  PetscFunctionBegin;
  PetscCheck(stream, PETSC_COMM_SELF, PETSC_ERR_MEM, "No stream in memory");
  PetscCall(PetscViewerASCIIOpenWithFILE(PETSC_COMM_WORLD, stream, &viewer));
  PetscCall(PCView(pc, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  fclose(stream);
  PetscFunctionReturn(0);
}

static PetscErrorCode Check(BenchClass class, const char bc[], double most)
{
  const PetscInt n[3] = {60, 60, 60};
  GridTestBox    box;
  Mat            A;
  KSP            ksp;
  PC             pc;
  char          *text = NULL;
  const char    *line;
  double         matrices = 0, vectors = 0;

  PetscFunctionBegin;
  GridTestInit(&box, class, n, bc);
  PetscCall(GridTestMatrix(PETSC_COMM_WORLD, &box, 1, &A));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(KSPSetUp(ksp));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(ViewText(pc, &text));
  line = strstr(text, "levels hold");
  FurlTestCheck(line && sscanf(line, "levels hold %lf bytes an unknown, vectors %lf", &matrices, &vectors) == 2, "the view: %s", text);
  FurlTestCheck(matrices >= 12 && vectors >= 8 && matrices + vectors <= most, "%s %s: %g and %g bytes an unknown, bound %g",
                BenchClassNames[class], bc, matrices, vectors, most);
  free(text);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(Check(BENCH_SMOOTH, "ddd", 45));
  PetscCall(Check(BENCH_JUMP4, "nnn", 45));
  PetscCall(Check(BENCH_RANDOM, "ppp", 45));
  PetscCall(Check(BENCH_ANISOTROPIC, "ddd", 90));
  PetscCall(Check(BENCH_STRETCHED, "ddd", 90));
  PetscCall(Check(BENCH_LAYERS, "ddd", 90));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    args: -ksp_type furl

TEST*/
