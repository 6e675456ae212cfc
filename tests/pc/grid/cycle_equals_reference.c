/*
  The cycle of hierarchy `grid`, V and with two cycles combined, is the reference's in FP64 but for FP32 work (1e-5), on the same levels;
  and a wavefront through memory gives the very bits that one half sweep after the other gives.
*/
#include <petscfurl.h>
#include <pc/grid/grid.h>
#include "gridreference.h"

static const struct {
  PetscInt    n[3];
  const char *bc;
  BenchClass class;
} Boxes[] = {{{33, 25, 21}, "ddd", BENCH_CONSTANT},    {{40, 24, 18}, "ddd", BENCH_SMOOTH},      {{16, 24, 32}, "dnd", BENCH_JUMP4},
             {{24, 22, 26}, "dnd", BENCH_ANISOTROPIC}, {{30, 20, 25}, "ddd", BENCH_STRETCHED},   {{27, 26, 25}, "ddn", BENCH_RANDOM},
             {{18, 21, 26}, "nnn", BENCH_LAYERS},      {{25, 17, 19}, "ppp", BENCH_RANDOM},      {{24, 16, 12}, "ppp", BENCH_CONSTANT},
             {{23, 31, 15}, "pnd", BENCH_SMOOTH},      {{16, 15, 31}, "dpp", BENCH_ANISOTROPIC}, {{80, 70, 1}, "dnd", BENCH_RANDOM},
             {{51, 50, 1}, "ppd", BENCH_SMOOTH},       {{240, 1, 1}, "ddd", BENCH_SMOOTH},       {{60, 3, 40}, "ddd", BENCH_SMOOTH}};

/* One chunk a level */
static void Unfuse(FurlGrid *grid)
{
  for (int l = 0; l < grid->nlevels; l++) {
    FurlGridLevel *const level = grid->level + l;

    level->chunk   = level->box.items;
    level->nchunks = 1;
    if (level->depth == 1) continue; /* no waves there */
    for (int colour = 0; colour < 2 && l + 1 < grid->nlevels; colour++) level[1].opened[colour][0] = level[1].box.items;
  }
}

/* FP32 vectors lose 1e-7 of the diagonal: as much as 1e-3 where the lowest modes are 1e-4 of it, in a line and between hard blocks */
static double Bound(const GridTestBox *box)
{
  return box->bench.class == BENCH_JUMP4 || box->n[1] == 1 ? 1e-3 : 1e-5;
}

static PetscErrorCode SameLevels(const char name[], const FurlGrid *grid, const Reference *ref)
{
  PetscFunctionBegin;
  FurlTestCheck(grid->nlevels == ref->nlevels, "%s: %d levels in place of %d", name, grid->nlevels, ref->nlevels);
  for (int l = 0; l < ref->nlevels; l++) {
    PetscInt cells = 1;

    for (int d = 0; d < 3; d++) cells *= grid->level[l].N[d];
    FurlTestCheck(cells == ref->level[l].N, "%s: level %d has %d cells in place of %d", name, l, (int)cells, (int)ref->level[l].N);
    FurlTestCheck(!grid->level[l].p == !ref->level[l].combine, "%s: level %d: two cycles are combined, or not, unlike the reference", name,
                  l);
  }
  PetscFunctionReturn(0);
}

static PetscErrorCode Check(const GridTestBox *box, PetscBool combined)
{
  const PetscInt N = GridTestRows(box);
  char           name[128];
  Mat            A;
  FurlGrid      *grid = NULL;
  Reference      ref;
  const char    *why = NULL;
  double        *x, *y, *z, difference = 0, size = 0;

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(name, sizeof(name), "%s, %d x %d x %d cells, %s, %s", BenchClassNames[box->bench.class], (int)box->n[0],
                          (int)box->n[1], (int)box->n[2], box->bench.bc, combined ? "combined" : "V"));
  PetscCall(PetscMalloc3(N, &x, N, &y, N, &z));
  for (PetscInt i = 0; i < N; i++) x[i] = FurlTestHash(i, 1);
  PetscCall(GridTestMatrix(PETSC_COMM_SELF, box, 1, &A));
  PetscCall(FurlGridCreate(A, combined, &grid, &why));
  FurlTestCheck(grid, "%s: refused: %s", name, why);
  PetscCall(ReferenceCreate(box, combined, &ref));
  PetscCall(SameLevels(name, grid, &ref));
  PetscCall(FurlGridApply(grid, 1, 1, x, y));
  PetscCall(ReferenceApply(&ref, x, z));
  for (PetscInt i = 0; i < N; i++) {
    difference += (y[i] - z[i]) * (y[i] - z[i]);
    size += z[i] * z[i];
  }
  FurlTestCheck(sqrt(difference) <= Bound(box) * sqrt(size), "%s: differs by %g of its norm", name, sqrt(difference / size));
  Unfuse(grid);
  PetscCall(FurlGridApply(grid, 1, 1, x, z));
  for (PetscInt i = 0; i < N; i++) FurlTestCheck(y[i] == z[i], "%s: row %d: %a in a wavefront, %a without", name, (int)i, y[i], z[i]);
  PetscCall(ReferenceDestroy(&ref));
  PetscCall(FurlGridDestroy(&grid));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFree3(x, y, z));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  GridTestBox box;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscFurlInitializePackage());
  for (size_t k = 0; k < sizeof(Boxes) / sizeof(*Boxes); k++) {
    GridTestInit(&box, Boxes[k].class, Boxes[k].n, Boxes[k].bc);
    PetscCall(Check(&box, PETSC_FALSE));
    PetscCall(Check(&box, PETSC_TRUE));
  }
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  build:
    requires: static

  test:
    env: FURL_ISA={{base v3 v4}}

TEST*/
