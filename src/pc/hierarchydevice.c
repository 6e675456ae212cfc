/* A hierarchy of matrices on a device: the same structures with the arrays there, so that cycle.c runs on either */
#include <furl/slicesdevice.h>
#include "level.h"

#define RESERVE FURL_WIDTH /* numbers behind a vector of whole slices, as the host's vectors have */

static void PlanFloats(FurlArena *arena, const FurlLevel *level, const float *from, float **there)
{
  const FurlPlacement placement = {
    .pointer = (void **)there, .from = from, .bytes = sizeof(float) * ((size_t)level->nitems * FURL_WIDTH + RESERVE)};

  FurlArenaAdd(arena, from ? FURL_PURPOSE_LEVELS : FURL_PURPOSE_VECTORS, &placement);
}

static void PlanOperator(FurlArena *arena, FurlQueue *queue, const FurlOperator *op, FurlOperator *there)
{
  there->queue            = queue;
  there->matrix.ninterior = op->matrix.ninterior;
  FurlSlicesPlan(&op->matrix.diagonal, arena, FURL_PURPOSE_LEVELS, &there->matrix.diagonal);
}

static void PlanRows(FurlArena *arena, const FurlLevel *level, FurlLevel *there)
{
  if (level->row)
    FurlArenaAdd(arena, FURL_PURPOSE_LEVELS,
                 &(FurlPlacement){.pointer = (void **)&there->row, .from = level->row, .bytes = (size_t)level->n * sizeof(*level->row)});
}

static void PlanExponent(FurlArena *arena, const FurlLevel *level, FurlLevel *there)
{
  if (level->exponent)
    FurlArenaAdd(arena, FURL_PURPOSE_LEVELS,
                 &(FurlPlacement){
                   .pointer = (void **)&there->exponent, .from = level->exponent, .bytes = (size_t)level->n * sizeof(*level->exponent)});
}

static void PlanLevel(FurlArena *arena, FurlQueue *queue, const FurlLevel *level, FurlLevel *there)
{
  *there = (FurlLevel){.n       = level->n,
                       .nitems  = level->nitems,
                       .uniform = level->uniform,
                       .largest = level->largest,
                       .spread  = level->spread,
                       .lambda  = level->lambda};
  PlanExponent(arena, level, there);
  PlanRows(arena, level, there);
  PlanFloats(arena, level, NULL, &there->b);
  PlanFloats(arena, level, NULL, &there->x);
  if (!level->d) return;
  PlanFloats(arena, level, level->d, &there->d);
  PlanFloats(arena, level, NULL, &there->z);
  PlanFloats(arena, level, NULL, &there->w);
  PlanFloats(arena, level, NULL, &there->r);
  PlanOperator(arena, queue, &level->A, &there->A);
  PlanOperator(arena, queue, &level->P, &there->P);
  PlanOperator(arena, queue, &level->R, &there->R);
}

PetscErrorCode FurlHierarchyPlan(const FurlHierarchy *h, FurlArena *arena, FurlQueue *queue, FurlHierarchy *there, const char **why)
{
  const FurlCoarse *const coarse = &h->coarse;
  PetscMPIInt             size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(coarse->comm, &size));
  if (size > 1) *why = "the matrix is divided among processes";
  if (!coarse->inverse) *why = "the coarsest level has a factorisation";
  if (*why) PetscFunctionReturn(PETSC_SUCCESS);
  *there = (FurlHierarchy){.nlevels = h->nlevels, .degree = h->degree};
  PetscCall(PetscCalloc1(h->nlevels, &there->level));
  for (PetscInt l = 0; l < h->nlevels; l++) PlanLevel(arena, queue, &h->level[l], &there->level[l]);
  there->coarse = (FurlCoarse){.n = coarse->n, .total = coarse->total, .comm = coarse->comm, .queue = queue};
  FurlArenaAdd(arena, FURL_PURPOSE_LEVELS,
               &(FurlPlacement){.pointer = (void **)&there->coarse.inverse,
                                .from    = coarse->inverse,
                                .bytes   = sizeof(double) * ((size_t)coarse->n * (size_t)coarse->total + 1)});
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlHierarchyForget(FurlHierarchy *there)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(there->level));
  *there = (FurlHierarchy){0};
  PetscFunctionReturn(PETSC_SUCCESS);
}
