/*
  Boxes are read off the matrix exactly: sizes, periodic directions and whether constants are in the null space. What is no box is refused
  with a reason.
*/
#include <petscfurl.h>
#include <pc/grid/grid.h>
#include "gridcases.h"

/* The numbering is all that there is to see: lines of one cell vanish */
static PetscErrorCode CheckBox(const GridCase *c, const FurlGrid *grid)
{
  const FurlGridLevel *const level      = &grid->level[0];
  PetscInt                   n[3]       = {1, 1, 1};
  int                        directions = 0, wrong = 0;
  char                       bc[3] = "";

  PetscFunctionBegin;
  for (int d = 0; d < 3; d++) {
    if (c->n[d] == 1) continue;
    n[directions]    = c->n[d];
    bc[directions++] = c->bc[d];
  }
  for (int d = 0; d < 3; d++) wrong |= level->N[d] != n[d] || level->periodic[d] != (d < directions && bc[d] == 'p');
  FurlTestCheck(!wrong, "%s: found %d x %d x %d cells, periodic %d %d %d", c->name, (int)level->N[0], (int)level->N[1], (int)level->N[2],
                level->periodic[0], level->periodic[1], level->periodic[2]);
  FurlTestCheck(grid->singular == (!strchr(c->bc, 'd') && (!c->edit || c->edit == CaseScaled)), "%s: taken for %s", c->name,
                grid->singular ? "singular" : "regular");
  PetscFunctionReturn(0);
}

static PetscErrorCode Check(const GridCase *c, PetscBool flexible)
{
  Mat         A;
  FurlGrid   *grid = NULL;
  const char *why  = NULL;

  PetscFunctionBegin;
  PetscCall(GridCaseCreate(c, &A));
  PetscCall(FurlGridCreate(A, flexible, &grid, &why));
  FurlTestCheck(!grid == !!why, "%s: neither taken nor refused with a reason, or both", c->name);
  FurlTestCheck(c->expect != CASE_BOX || grid, "%s: refused: %s", c->name, why);
  FurlTestCheck((c->expect != CASE_REFUSED && c->expect != CASE_HOPELESS) || !grid, "%s: taken for a box of %d x %d x %d cells", c->name,
                (int)grid->level[0].N[0], (int)grid->level[0].N[1], (int)grid->level[0].N[2]);
  if (c->expect == CASE_BOX) PetscCall(CheckBox(c, grid));
  PetscCall(FurlGridDestroy(&grid));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  const GridCase empty = {"no rows", {0, 0, 0}, "ddd", NULL, CASE_REFUSED, BENCH_CONSTANT, 0};

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscFurlInitializePackage());
  PetscCall(Check(&empty, PETSC_FALSE));
  for (int k = 0; k < GRID_CASES; k++) PetscCall(Check(&GridCases[k], (PetscBool)(k % 2)));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  build:
    requires: static

  test:

TEST*/
