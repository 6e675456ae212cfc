/*
  Which means come next where those at hand fail or are slow: a contest. The speed of each is known once it has had a turn: the natural
  logarithm by which an iteration lowers the residual, over what an iteration costs.
*/
#include "pcfurl.h"

#define MAX_TURNS 2 /* of the same means */
#define RESTART 30  /* iterations that other means have to make up for, as a Krylov method begins anew with them */
#define CLEARLY 1.5 /* the factor by which they have to be faster: rates of a few iterations are rough */
#define ENOUGH 15   /* iterations whose rate foretells the rest where residuals cannot grow, and on boxes; ... */
#define PLENTY 30   /* ... elsewhere: those of conjugate gradients rise at first */
#define NEVER 1e30

/*
  In the order in which they have their first turn. cost: of an iteration, product and vectors included, over that with an incomplete
  factorisation, as measured on tetrahedra, elasticity and edge elements (docs/pc.md). price: for what is left with others these are worth a
  try; a box is set up in the time of a few iterations, aggregates in that of 30 to 120 cycles on a box (docs/grid-stencils.md)
*/
static const struct {
  FurlStage stage;
  double    cost, price;
} means[] = {{FURL_STAGE_GRID, 1, 0},        {FURL_STAGE_HALF, 2.5, 150},     {FURL_STAGE_FACTOR, 1, 200},
             {FURL_STAGE_SINGLE, 3.5, 1500}, {FURL_STAGE_JACOBI, 0.6, NEVER}, {FURL_STAGE_NONE, 0.6, NEVER}};

/* Its place in that order */
static int PlaceOf(FurlStage stage)
{
  int k = 0;

  while (means[k].stage != stage) k++;
  return k;
}

/* The first that had no turn; FURL_STAGES: none */
static FurlStage Untried(const PC_Furl *furl)
{
  for (int k = 0; k < FURL_STAGES; k++)
    if (!furl->turns[means[k].stage]) return means[k].stage;
  return FURL_STAGES;
}

/* The fastest of the others that had a turn and may have another one; FURL_STAGES: none */
static FurlStage FastestKnown(const PC_Furl *furl)
{
  FurlStage best = FURL_STAGES;

  for (int s = 0; s < FURL_STAGES; s++) {
    if (s == (int)furl->stage || furl->turns[s] >= MAX_TURNS || !(furl->speed[s] > 0)) continue;
    if (best == FURL_STAGES || furl->speed[s] > furl->speed[best]) best = (FurlStage)s;
  }
  return best;
}

static double SpeedOf(const PC_Furl *furl, const FurlProgress *p)
{
  return p->rate / means[PlaceOf(furl->stage)].cost;
}

/* Would what is left take less with the fastest of the others? */
static PetscBool OtherIsFaster(const PC_Furl *furl, const FurlProgress *p)
{
  const FurlStage other = FastestKnown(furl);
  const double    way   = p->left * p->rate;

  if (other == FURL_STAGES) return PETSC_FALSE;
  return (PetscBool)(CLEARLY * way / furl->speed[other] + RESTART * means[PlaceOf(other)].cost < way / SpeedOf(furl, p));
}

void FurlMeansBegin(PC_Furl *furl, FurlStage first, FurlStage last)
{
  for (int s = 0; s < FURL_STAGES; s++) {
    furl->speed[s] = 0;
    furl->turns[s] = s < (int)first || s > (int)last ? MAX_TURNS : 0;
  }
  furl->settled      = PETSC_FALSE;
  furl->stage        = first;
  furl->turns[first] = 1;
}

void FurlMeansExclude(PC_Furl *furl, FurlStage stage)
{
  furl->speed[stage] = 0;
  furl->turns[stage] = MAX_TURNS;
}

PetscBool FurlMeansAreKnown(const PC_Furl *furl, const FurlProgress *p)
{
  return (PetscBool)(p->left > 0 && p->done >= (p->monotone || furl->stage == FURL_STAGE_GRID ? ENOUGH : PLENTY));
}

PetscBool FurlMeansAreSlow(const PC_Furl *furl, const FurlProgress *p)
{
  const FurlStage untried = Untried(furl);

  if (furl->settled || p->hopeless || !FurlMeansAreKnown(furl, p)) return (PetscBool)(p->hopeless && !furl->settled);
  if (OtherIsFaster(furl, p)) return PETSC_TRUE;
  return (PetscBool)(untried != FURL_STAGES && p->left * means[PlaceOf(furl->stage)].cost > means[PlaceOf(untried)].price);
}

/* Who has been slow once and comes again stays, unless he fails: else means would take turns for ever */
PetscBool FurlMeansNext(PC_Furl *furl, const FurlProgress *p)
{
  FurlStage next = Untried(furl);

  furl->speed[furl->stage] = p ? SpeedOf(furl, p) : 0;
  if (p && !furl->settled && (next == FURL_STAGES || OtherIsFaster(furl, p))) {
    next          = OtherIsFaster(furl, p) ? FastestKnown(furl) : FURL_STAGES;
    furl->settled = PETSC_TRUE;
  }
  if (!p && next == FURL_STAGES) next = FastestKnown(furl);
  if (next == FURL_STAGES) return PETSC_FALSE;
  furl->stage = next;
  furl->turns[next]++;
  return PETSC_TRUE;
}
