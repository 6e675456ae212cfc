/* One cycle with each of the CPU's instruction sets gives the same to FP32's rounding: 1e-6 of the result's norm */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <petscfurl.h>
#include <pc/grid/grid.h>
#include "gridtest.h"

#define SETS 3
#define BOXES 4
#define MOST 20000 /* cells of a box */

static const char *const Names[SETS] = {"base", "v3", "v4"};

static const struct {
  PetscInt    n[3];
  const char *bc;
  BenchClass class;
} Boxes[BOXES] = {{{31, 24, 22}, "ddd", BENCH_RANDOM},
                  {{25, 24, 23}, "ppd", BENCH_SMOOTH},
                  {{33, 20, 21}, "ddn", BENCH_STRETCHED},
                  {{90, 81, 1}, "dpd", BENCH_RANDOM}};

static PetscErrorCode Cycle(const GridTestBox *box, double *y)
{
  Mat         A;
  FurlGrid   *grid = NULL;
  const char *why  = NULL;
  double     *x;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(GridTestRows(box), &x));
  for (PetscInt i = 0; i < GridTestRows(box); i++) x[i] = FurlTestHash(i, 1);
  PetscCall(GridTestMatrix(PETSC_COMM_SELF, box, 1, &A));
  PetscCall(FurlGridCreate(A, PETSC_FALSE, &grid, &why));
  FurlTestCheck(grid, "refused: %s", why);
  PetscCall(FurlGridApply(grid, 1, 1, x, y));
  PetscCall(FurlGridDestroy(&grid));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFree(x));
  PetscFunctionReturn(0);
}

/* A process that has chosen an instruction set keeps it: one process for each */
static int Child(const char set[], int argc, char **argv, double *results)
{
  GridTestBox box;

  if (setenv("FURL_ISA", set, 1)) return 1;
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscFurlInitializePackage());
  for (int k = 0; k < BOXES; k++) {
    GridTestInit(&box, Boxes[k].class, Boxes[k].n, Boxes[k].bc);
    PetscCall(Cycle(&box, results + k * MOST));
  }
  PetscCall(PetscFinalize());
  return 0;
}

static double Difference(PetscInt n, const double *a, const double *b)
{
  double difference = 0, size = 0;

  for (PetscInt i = 0; i < n; i++) {
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    size += a[i] * a[i];
  }
  return sqrt(difference / size);
}

int main(int argc, char **argv)
{
  const size_t  each    = BOXES * MOST;
  double *const results = (double *)mmap(NULL, SETS * each * sizeof(double), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  if (results == MAP_FAILED) return 1;
  for (int set = 0; set < SETS; set++) {
    const pid_t child = fork();
    int         status;

    if (!child) _exit(Child(Names[set], argc, argv, results + set * each));
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) return 1;
  }
  for (int set = 1; set < SETS; set++)
    for (int k = 0; k < BOXES; k++) {
      const double difference =
        Difference(Boxes[k].n[0] * Boxes[k].n[1] * Boxes[k].n[2], results + k * MOST, results + set * each + k * MOST);

      if (!(difference <= 1e-6)) {
        fprintf(stderr, "box %d: %s differs from %s by %g\n", k, Names[set], Names[0], difference);
        return 1;
      }
    }
  return 0;
}

/*TEST

  build:
    requires: static

  test:

TEST*/
