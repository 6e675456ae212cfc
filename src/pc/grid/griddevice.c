/* Hierarchy `grid` on a device: the same structures with the arrays there, so that gridcycle.c runs on either, and the cycle's two ends */
#include "grid.h"

/* An array by colour of the level: `from` is the host's, NULL for zeros */
static void PlanByColour(FurlArena *arena, const FurlGridLevel *level, size_t item, const void *from, void *there)
{
  const FurlBox *const box    = &level->box;
  const size_t         before = (size_t)box->margin * item;

  FurlArenaAdd(arena, from ? FURL_PURPOSE_LEVELS : FURL_PURPOSE_VECTORS,
               &(FurlPlacement){.pointer = there,
                                .from    = from ? (const char *)from - before : NULL,
                                .bytes   = (size_t)(box->margin + 2 * box->span) * item,
                                .before  = before});
}

static PetscErrorCode PlanLevel(FurlArena *arena, FurlQueue *queue, const FurlGridLevel *level, FurlGridLevel *there)
{
  PetscFunctionBegin;
  *there                   = *level;
  there->queue             = queue;
  there->memory            = (FurlBlock){0};
  there->memory_of_vectors = there->memory_of_transfer = (FurlBlock){0};
  for (int d = 0; d < level->directions; d++) {
    PlanByColour(arena, level, sizeof(*level->q[d]), level->q[d], &there->q[d]);
    if (level->back[d]) PlanByColour(arena, level, sizeof(*level->back[d]), level->back[d], &there->back[d]);
  }
  PlanByColour(arena, level, sizeof(*level->e), level->e, &there->e);
  PlanByColour(arena, level, sizeof(*level->root), level->root, &there->root);
  if (level->child) PlanByColour(arena, level, sizeof(*level->child), level->child, &there->child);
  if (level->scale) PlanByColour(arena, level, sizeof(*level->scale), level->scale, &there->scale);
  PlanByColour(arena, level, sizeof(*level->b), NULL, &there->b);
  PlanByColour(arena, level, sizeof(*level->x), NULL, &there->x);
  if (level->twice) PlanByColour(arena, level, sizeof(*level->p), NULL, &there->p);
  if (level->twice) PlanByColour(arena, level, sizeof(*level->Ap), NULL, &there->Ap);
  for (int k = 0; k < 2; k++) PetscCall(FurlGhostsPlan(&level->ghosts[k], arena, queue, &there->ghosts[k]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void PlanWork(FurlArena *arena, size_t bytes, void *there)
{
  FurlArenaAdd(arena, FURL_PURPOSE_VECTORS, &(FurlPlacement){.pointer = there, .bytes = bytes});
}

/* The cycle's scratch, and the combination's */
static void PlanScratch(FurlArena *arena, FurlGrid *there)
{
  const size_t cells = 2 * (size_t)there->level[0].box.span, slices = cells / FURL_WIDTH;

  PlanWork(arena, cells * sizeof(float), &there->scratch);
  PlanWork(arena, 2 * slices * sizeof(double), &there->partial);
  for (int k = 0; k < 2; k++) PlanWork(arena, 2 * (slices / FURL_GRID_SUMS + 1) * sizeof(double), &there->device.sums[k]);
  PlanWork(arena, 4 * (size_t)there->nlevels * sizeof(double), &there->device.first);
  PlanWork(arena, 2 * sizeof(double), &there->device.weights);
}

static PetscErrorCode PlanCoarsest(FurlArena *arena, const FurlGrid *grid, FurlGrid *there)
{
  const size_t n = (size_t)FurlBoxCells(&grid->level[grid->nlevels - 1].box);

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, &there->device.places));
  FurlGridCoarsePlaces(grid, there->device.places);
  FurlArenaAdd(
    arena, FURL_PURPOSE_LEVELS,
    &(FurlPlacement){.pointer = (void **)&there->device.place, .from = there->device.places, .bytes = n * sizeof(*there->device.places)});
  FurlArenaAdd(arena, FURL_PURPOSE_LEVELS,
               &(FurlPlacement){.pointer = (void **)&there->inverse, .from = grid->inverse, .bytes = n * n * sizeof(double)});
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *WhyNot(const FurlGrid *grid)
{
  for (; grid; grid = grid->next) {
    if (grid->comm != PETSC_COMM_SELF && grid->level[0].comm != PETSC_COMM_SELF) return "the box is divided among processes";
    if (grid->spread || grid->cells || grid->shear.place) return "the cells have another order than the rows";
  }
  return NULL;
}

static PetscErrorCode PlanOne(FurlGrid *grid, FurlArena *arena, FurlQueue *queue, FurlGrid **there)
{
  FurlGrid *one;

  PetscFunctionBegin;
  PetscCall(PetscNew(&one));
  *there                    = one;
  *one                      = *grid;
  one->next                 = NULL;
  one->rhs                  = NULL;
  one->p                    = NULL;
  one->device               = (FurlGridDevice){.queue = queue};
  one->memory_of_scratch    = (FurlBlock){0};
  one->memory_of_refinement = (FurlBlock){0};
  PetscCall(PetscMalloc1(grid->nlevels, &one->level));
  for (int l = 0; l < grid->nlevels; l++) PetscCall(PlanLevel(arena, queue, &grid->level[l], &one->level[l]));
  PlanScratch(arena, one);
  PetscCall(PlanCoarsest(arena, grid, one));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridPlan(FurlGrid *grid, FurlArena *arena, FurlQueue *queue, FurlGrid **there, const char **why)
{
  PetscFunctionBegin;
  *there = NULL;
  *why   = WhyNot(grid);
  for (; grid && !*why; grid = grid->next, there = &(*there)->next) PetscCall(PlanOne(grid, arena, queue, there));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridForget(FurlGrid **there)
{
  PetscFunctionBegin;
  while (*there) {
    FurlGrid *const next = (*there)->next;

    for (int l = 0; l < (*there)->nlevels; l++)
      for (int k = 0; k < 2; k++) PetscCall(PetscFree((*there)->level[l].ghosts[k].listed));
    PetscCall(PetscFree((*there)->device.places));
    PetscCall(PetscFree((*there)->level));
    PetscCall(PetscFree(*there));
    *there = next;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* gridsetup.c's ApplyOne() for a vector whose norm only the device knows */
static PetscErrorCode EnqueueOne(FurlGrid *there, double factor, const double *power, const double *r, double *z)
{
  const FurlGridLevel *const level   = there->level;
  const int                  sharpen = there->sharpness > 0;

  PetscFunctionBegin;
  FurlGridEnqueueEnds(there, 1, power, r, sharpen ? level->x : level->b, NULL);
  if (sharpen) PetscCall(FurlGridSharpenVector(there));
  PetscCall(FurlGridCycle(there));
  if (sharpen) PetscCall(FurlGridSharpenVector(there));
  FurlGridEnqueueEnds(there, factor * there->factor, power + 1, NULL, sharpen ? level->b : level->x, z);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridEnqueue(FurlGrid *there, double factor, const double *power, const double *r, double *z)
{
  PetscFunctionBegin;
  for (; there; there = there->next) PetscCall(EnqueueOne(there, factor, power, r, z));
  PetscFunctionReturn(PETSC_SUCCESS);
}
