/* Hierarchy `algebraic`: smoothed aggregation of the assembled matrix, level after level from the finest, each compressed as soon as it is
 * there */
#include <petsc/private/pcimpl.h>
#include "algebraic.h"

#define MOST_LEVELS 20
#define COARSEST 100      /* rows of all processes: such a level is not coarsened */
#define STAGNANT 0.9      /* of a level's rows: one with more than that is not coarser */
#define LARGEST_LAST 2000 /* rows of a coarsest level that is factored */
#define LARGEST_NODE 8    /* rows: blocks of more may be nearly empty, and they are stored whole */

/* The level that is being built */
typedef struct {
  Mat        A;
  PetscInt   total, bs; /* rows of all processes, of a node */
  FurlModes  modes;
  FurlSparse blocks;    /* of a node's rows, where these are several, while there are to be coarser levels */
  PetscBool  constants; /* are the only mode */
  PetscBool  finest;
} Stage;

static PetscErrorCode CondenseOwn(Stage *s)
{
  FurlAijParts   parts;
  FurlSparseView own;

  PetscFunctionBegin;
  PetscCall(FurlAijGetParts(s->A, &parts));
  own = FurlSparseViewCsr(&parts.diagonal);
  PetscCall(FurlSparseCondense(&own, s->bs, &s->blocks));
  PetscCall(FurlAijRestoreParts(s->A, &parts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode DestroyStage(Stage *s)
{
  PetscFunctionBegin;
  PetscCall(FurlModesDestroy(&s->modes));
  PetscCall(FurlSparseDestroy(&s->blocks));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What of a level becomes the unknowns of a coarser one; aggregate NULL: there is none */
typedef struct {
  FurlCouplings couplings;
  PetscInt     *aggregate, naggregates;
} Choice;

static PetscErrorCode DestroyChoice(Choice *choice)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(choice->aggregate));
  PetscCall(FurlCouplingsDestroy(&choice->couplings));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* halo: brings the ghosts of the level's matrix */
static PetscErrorCode Choose(Stage *s, const FurlMatrix *halo, double threshold, Choice *choice)
{
  PetscInt coarse;

  PetscFunctionBegin;
  *choice = (Choice){.aggregate = NULL};
  if (s->total <= COARSEST) PetscFunctionReturn(PETSC_SUCCESS);
  if (s->bs > 1) PetscCall(CondenseOwn(s));
  PetscCall(FurlCouplingsBuild(s->A, s->bs > 1 ? &s->blocks : NULL, halo, threshold, &choice->couplings));
  PetscCall(PetscMalloc1(choice->couplings.n + 1, &choice->aggregate));
  PetscCall(FurlAggregate(&choice->couplings, s->finest, choice->aggregate, &choice->naggregates));
  coarse = choice->naggregates * s->modes.k;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &coarse, 1, MPIU_INT, MPI_SUM, PetscObjectComm((PetscObject)s->A)));
  if (!coarse || coarse > STAGNANT * s->total) PetscCall(DestroyChoice(choice));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Weak couplings are left out of the smoothing of constants alone: adding them to the diagonal would not keep other modes */
static PetscErrorCode Coarsen(Stage *s, const Choice *choice, double lambda, FurlCoarsening *c)
{
  FurlModes  coarse;
  FurlSparse T;

  PetscFunctionBegin;
  PetscCall(FurlModesSplit(&s->modes, s->bs, choice->aggregate, choice->naggregates, &T, &coarse));
  PetscCall(FurlCoarsen(s->A, s->bs > 1 ? &s->blocks : NULL, &T, s->bs == 1 && s->constants ? &choice->couplings : NULL, lambda, c));
  PetscCall(FurlSparseDestroy(&T));
  PetscCall(DestroyStage(s));
  *s = (Stage){.A = c->A, .modes = coarse, .bs = coarse.k, .constants = (PetscBool)(coarse.k == 1)};
  PetscCall(MatGetSize(s->A, &s->total, NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What is set up a second time must come out as it did: else the twin's arrays would be too short */
static PetscErrorCode CheckTwin(PC pc, Mat A, PetscInt l, const FurlHierarchy *twin)
{
  PetscInt    n;
  PetscMPIInt same;

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(A, &n, NULL));
  same = l < twin->nlevels && twin->level[l].n == n;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &same, 1, MPI_INT, MPI_MIN, PetscObjectComm((PetscObject)pc)));
  PetscCheck(same, PetscObjectComm((PetscObject)pc), PETSC_ERR_PLIB,
             "Level %" PetscInt_FMT " of the transposed matrix is unlike the matrix's", l);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The twin is of the transposed matrices, with the same transfers */
static PetscErrorCode BuildLevel(PC pc, const Stage *s, PetscInt l, const FurlHierarchy *twin, FurlPrecision precision, FurlLevel *level)
{
  const PetscBool keep_sums = (PetscBool)(!l && !twin && s->constants);
  Mat             A         = s->A;

  PetscFunctionBegin;
  if (twin) {
    PetscCall(MatTranspose(s->A, MAT_INITIAL_MATRIX, &A));
    PetscCall(CheckTwin(pc, A, l, twin));
  }
  PetscCall(FurlLevelBuild(A, s->total <= COARSEST ? PETSC_TRUE : PETSC_FALSE, precision, keep_sums, twin ? twin->level + l : NULL, level));
  if (twin) PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A copy, as who factors it may look at it later, and its arrays go */
static PetscErrorCode BuildCoarsest(PC pc, const Stage *s, const FurlHierarchy *twin, FurlHierarchy *h, const char **why)
{
  const char *prefix;
  PetscBool   singular;
  Mat         A;

  PetscFunctionBegin;
  if (s->total > LARGEST_LAST) {
    *why = "aggregates do not coarsen the matrix";
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(FurlHierarchyIsSingular(pc, &singular));
  PetscCall(PCGetOptionsPrefix(pc, &prefix));
  if (twin)
    PetscCall(MatTranspose(s->A, MAT_INITIAL_MATRIX, &A));
  else
    PetscCall(MatDuplicate(s->A, MAT_COPY_VALUES, &A));
  PetscCall(FurlCoarseBuild(A, h->level + h->nlevels - 1, prefix, singular, &h->coarse));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlAlgebraicSetUp(PC pc, const FurlHierarchy *twin, FurlHierarchy *h, const char **why)
{
  PC_Furl *const      furl      = (PC_Furl *)pc->data;
  const FurlPrecision precision = furl->stage == FURL_STAGE_HALF ? FURL_PRECISION_HALF : FURL_PRECISION_SINGLE;
  FurlCoarsening      above     = {.P = NULL}, next;
  Stage               s         = {.A = FurlHierarchyMat(furl), .finest = PETSC_TRUE};
  Choice              choice    = {.aggregate = NULL};

  PetscFunctionBegin;
  PetscCall(MatGetSize(s.A, &s.total, NULL));
  PetscCall(MatGetBlockSize(s.A, &s.bs));
  if (s.bs > LARGEST_NODE && s.total > COARSEST) {
    *why = "blocks of more than 8 rows are not aggregated";
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(FurlModesGet(s.A, &s.modes));
  PetscCall(FurlConstantsAreNearNull(s.A, &s.constants));
  PetscCall(PetscCalloc1(MOST_LEVELS, &h->level));
  h->degree = furl->degree;
  for (;;) {
    const PetscInt   l     = h->nlevels++;
    FurlLevel *const level = h->level + l;

    PetscCall(BuildLevel(pc, &s, l, twin, precision, level));
    if (l) PetscCall(FurlLevelSetTransfers(above.P, above.R, level, precision, level - 1));
    PetscCall(DestroyChoice(&choice));
    if (h->nlevels < MOST_LEVELS) PetscCall(Choose(&s, &(twin ? twin->level + l : level)->A.matrix, furl->set_up.threshold, &choice));
    if (!choice.aggregate) break;
    PetscCall(Coarsen(&s, &choice, level->lambda, &next));
    PetscCall(FurlCoarseningDestroy(&above));
    above = next;
  }
  PetscCall(BuildCoarsest(pc, &s, twin, h, why));
  PetscCall(DestroyStage(&s));
  PetscCall(FurlCoarseningDestroy(&above));
  if (furl->row && !*why) PetscCall(FurlLevelSetRows(h->level, furl->row));
  PetscFunctionReturn(PETSC_SUCCESS);
}
