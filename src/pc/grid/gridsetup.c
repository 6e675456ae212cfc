/* From a matrix to the levels of hierarchy `grid`, and one application */
#include <petscviewer.h>
#include <furl/matrix.h>
#include "grid.h"

#define COARSEST 200 /* cells: the dense inverse costs their square a cycle */
#define SMALLEST 64  /* cells: below, a box means nothing */
#define LEVELS_MAX 64
#define GAMMA_V 1.8 /* damping of coarse links: see docs/grid.md */
#define GAMMA_K 1.6
#define K_FACTOR 4     /* a K-cycle is made where a level is so many times smaller than the one that had the last, or the finest */
#define SHIFT_MAX 1000 /* 2^1000 is a double */
#define SIZE 40        /* binary exponent of the cycle's vectors, in the middle of what FP32 couplings and residuals leave */

static PetscErrorCode IsSingular(const FurlStencil *s, int *singular)
{
  const FurlBox *const box = &s->box;

  PetscFunctionBegin;
  *singular = 1;
  for (PetscInt k = 0; *singular && k < box->n[2]; k++)
    for (PetscInt j = 0; *singular && j < box->n[1]; j++)
      for (PetscInt i = 0; *singular && i < box->n[0]; i++) *singular = !(s->excess[FurlBoxAt(box, i, j, k)] > 0);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AllocateScratch(FurlGrid *grid)
{
  size_t floats = 0, doubles = 2 * COARSEST;

  PetscFunctionBegin;
  for (int l = 0; l < grid->nlevels; l++) {
    const FurlGridLevel *const level = grid->level + l;
    const size_t               both  = level->p || level->nghosts ? 2 : 1;

    floats = PetscMax(floats, both * (size_t)level->span);
    if (level->p) doubles = PetscMax(doubles, 4 * (size_t)level->span / FURL_WIDTH);
  }
  PetscCall(PetscCalloc1(floats, &grid->scratch));
  PetscCall(PetscMalloc1(doubles, &grid->partial));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The next stencil, unless this one is small or cannot be made smaller; the finer one is freed */
static PetscErrorCode Descend(FurlGrid *grid, FurlStencil *s, PetscBool *more)
{
  FurlStencil fine = *s;
  FurlLines   lines;

  PetscFunctionBegin;
  *more = PETSC_FALSE;
  if (FurlBoxCells(&fine.box) <= COARSEST || grid->nlevels == LEVELS_MAX) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlLinesChoose(&fine, &lines));
  *more = (PetscBool)((int64_t)lines.n[0] * lines.n[1] * lines.n[2] < FurlBoxCells(&fine.box));
  if (*more) {
    PetscCall(FurlStencilCoarsen(&fine, &lines, grid->gamma, s));
    PetscCall(FurlStencilDestroy(&fine));
    PetscCall(FurlGridLevelCreate(s, &grid->level[grid->nlevels]));
    PetscCall(FurlGridLevelLink(&lines, &grid->level[grid->nlevels - 1], &grid->level[grid->nlevels]));
    grid->nlevels++;
  }
  PetscCall(FurlLinesDestroy(&lines));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ChooseK(FurlGrid *grid)
{
  int64_t last = FurlBoxCells(&grid->level[0].box);

  PetscFunctionBegin;
  for (int l = 1, count = 0; l + 1 < grid->nlevels && count < grid->kcycles; l++) {
    const int64_t cells = FurlBoxCells(&grid->level[l].box);

    if (last < K_FACTOR * cells) continue;
    PetscCall(FurlGridLevelAllocateK(&grid->level[l]));
    last = cells;
    count++;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode BuildLevels(FurlStencil *s, FurlGrid *grid)
{
  PetscBool more = PETSC_TRUE;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(LEVELS_MAX, &grid->level));
  PetscCall(IsSingular(s, &grid->singular));
  PetscCall(FurlGridLevelCreate(s, &grid->level[0]));
  grid->nlevels = 1;
  while (more) PetscCall(Descend(grid, s, &more));
  if (FurlBoxCells(&s->box) <= 4 * COARSEST) PetscCall(FurlGridCoarseBuild(s, grid));
  PetscCall(FurlStencilDestroy(s));
  PetscCall(ChooseK(grid));
  PetscCall(AllocateScratch(grid));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridCreate(Mat A, PetscBool flexible, FurlGrid **grid, const char **why)
{
  FurlAijParts parts;
  FurlStencil  s;
  PetscMPIInt  size;
  PetscInt     n[3];
  double       factor;

  PetscFunctionBegin;
  *grid = NULL;
  PetscCallMPI(MPI_Comm_size(PetscObjectComm((PetscObject)A), &size));
  if (size > 1) {
    *why = "hierarchy grid runs on one process";
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(FurlAijGetParts(A, &parts));
  if (parts.diagonal.nrows < SMALLEST || parts.diagonal.nrows >= FURL_GRID_CELLS_MAX / 2 || !FurlBoxGuess(&parts.diagonal, n))
    *why = "the matrix is not on a box";
  else
    PetscCall(FurlStencilFromCsr(&parts.diagonal, n, &s, &factor, why));
  PetscCall(FurlAijRestoreParts(A, &parts));
  if (*why) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscNew(grid));
  (*grid)->sweeps  = 2;
  (*grid)->kcycles = flexible ? 1 : 0;
  (*grid)->gamma   = flexible ? GAMMA_K : GAMMA_V;
  (*grid)->factor  = factor;
  (*grid)->n       = n[0] * n[1] * n[2];
  PetscCall(BuildLevels(&s, *grid));
  if (!(*grid)->inverse) {
    *why = "the box could not be coarsened";
    PetscCall(FurlGridDestroy(grid));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridDestroy(FurlGrid **grid)
{
  PetscFunctionBegin;
  if (!*grid) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscFree((*grid)->partial));
  PetscCall(PetscFree((*grid)->scratch));
  PetscCall(PetscFree((*grid)->inverse));
  for (int l = (*grid)->nlevels - 1; l >= 0; l--) PetscCall(FurlGridLevelDestroy(&(*grid)->level[l]));
  PetscCall(PetscFree((*grid)->level));
  PetscCall(PetscFree(*grid));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridApply(FurlGrid *grid, double size, double factor, const double *x, double *y)
{
  const FurlGridLevel *const level = grid->level;
  const FurlBox *const       box   = &level->box;
  const int                  shift = size > 0 && size <= PETSC_MAX_REAL ? PetscMin(SIZE - ilogb(size), SHIFT_MAX) : 0;
  FurlGridConvertArgs        args  = {.n         = box->n[0],
                                      .lines     = box->n[1],
                                      .origin    = box->origin,
                                      .stride    = {box->stride[1], box->stride[2]},
                                      .span      = level->span,
                                      .root      = level->root,
                                      .from_high = x,
                                      .to_high   = y,
                                      .from_low  = level->x,
                                      .to_low    = level->b,
                                      .factor    = ldexp(1, shift)};

  PetscFunctionBegin;
  FurlLaunch(&FurlKernelFurlGridToLow, &args, (int64_t)box->n[1] * box->n[2]);
  FurlGridCycle(grid);
  args.from_low = level->x;
  args.factor   = ldexp(factor * grid->factor, -shift);
  FurlLaunch(&FurlKernelFurlGridToHigh, &args, (int64_t)box->n[1] * box->n[2]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Bytes of an unknown that a level keeps: couplings, correction, root, transfers; and its vectors */
static void LevelBytes(const FurlGridLevel *level, double *matrix, double *vectors)
{
  const double cells = (double)(level->box.margin + 2 * level->span);

  *matrix  = cells * (2. * level->directions + 2 + 4 + (level->child ? 8 : 0)) + 16. * (double)level->nghosts;
  *vectors = cells * (level->p ? 16 : 8);
}

PetscErrorCode FurlGridView(FurlGrid *grid, PetscViewer viewer)
{
  double matrix = 0, vectors = 0;

  PetscFunctionBegin;
  for (int l = 0; l < grid->nlevels; l++) {
    const FurlGridLevel *const level = grid->level + l;
    const FurlBox *const       box   = &level->box;
    double                     m, v;

    LevelBytes(level, &m, &v);
    matrix += m;
    vectors += v;
    PetscCall(PetscViewerASCIIPrintf(viewer, "level %d: %" PetscInt_FMT " x %" PetscInt_FMT " x %" PetscInt_FMT " cells%s%s%s%s%s%s\n", l,
                                     box->n[0], box->n[1], box->n[2],
                                     box->periodic[0] || box->periodic[1] || box->periodic[2] ? ", periodic in" : "",
                                     box->periodic[0] ? " x" : "", box->periodic[1] ? " y" : "", box->periodic[2] ? " z" : "",
                                     level->p ? ", two cycles combined" : "", l + 1 == grid->nlevels ? ", dense inverse in FP64" : ""));
  }
  PetscCall(PetscViewerASCIIPrintf(viewer, "%d red-black sweeps before and after%s; levels hold %.1f bytes an unknown, vectors %.1f\n",
                                   grid->sweeps, grid->singular ? ", all rows sum to zero" : "", matrix / grid->n,
                                   (vectors + 4. * (double)grid->level[0].span) / grid->n));
  PetscFunctionReturn(PETSC_SUCCESS);
}
