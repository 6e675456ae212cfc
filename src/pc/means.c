/*
  Which means come next where those at hand fail or are slow: a contest. The speed of each is known once it has had a turn: the natural
  logarithm by which an iteration lowers the residual, over what an iteration costs.
*/
#include "pcfurl.h"

#define MAX_TURNS 2 /* of the same means */
#define EXCLUDED (MAX_TURNS + 1)
#define RESTART 30   /* iterations that other means have to make up for, as a Krylov method begins anew with them */
#define CLEARLY 1.5  /* the factor by which they have to be faster, as rates of a few iterations are rough, ... */
#define BY_FAR 3     /* ... and where norms swing */
#define AT_LEAST 5   /* iterations before anything is said of means, and ... */
#define NO_RATE 0.05 /* ... the rate below which that is enough of multigrid: 1e-8 would take 370 iterations */
#define ENOUGH 15    /* iterations whose rate foretells the rest where residuals cannot grow, and on boxes; ... */
#define PLENTY 30    /* ... elsewhere: those of conjugate gradients rise at first */
#define TRY 180      /* iterations that a turn of others and the way back may take */
#define EARLY 150    /* iterations that are compared to others' first ones */
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
             {FURL_STAGE_SINGLE, 3.5, 5000}, {FURL_STAGE_JACOBI, 0.6, NEVER}, {FURL_STAGE_NONE, 0.6, NEVER}};

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

/* More than the means that were left had been expected to take: to go back then costs about twice what they would have, if that was right
 */
static PetscBool HasOverspent(const PC_Furl *furl, const FurlProgress *p)
{
  return (PetscBool)(furl->budget > 0 && p->done * means[PlaceOf(furl->stage)].cost > furl->budget);
}

/* Would what is left take less with the fastest of the others? */
static PetscBool OtherIsFaster(const PC_Furl *furl, const FurlProgress *p)
{
  const FurlStage other = FastestKnown(furl);
  const double    way = p->left * p->rate, margin = p->monotone ? CLEARLY : BY_FAR;

  if (other == FURL_STAGES) return PETSC_FALSE;
  if (HasOverspent(furl, p)) return PETSC_TRUE;
  if (!(way > 0)) return (PetscBool)(furl->speed[other] > margin * SpeedOf(furl, p)); /* how much is left is not known */
  return (PetscBool)(margin * way / furl->speed[other] + RESTART * means[PlaceOf(other)].cost < way / SpeedOf(furl, p));
}

void FurlMeansBegin(PC_Furl *furl, FurlStage first, FurlStage last)
{
  for (int s = 0; s < FURL_STAGES; s++) {
    furl->speed[s] = 0;
    furl->turns[s] = s < (int)first || s > (int)last ? EXCLUDED : 0;
  }
  furl->settled      = PETSC_FALSE;
  furl->budget       = 0;
  furl->doubts       = 0;
  furl->stage        = first;
  furl->turns[first] = 1;
}

void FurlMeansExclude(PC_Furl *furl, FurlStage stage)
{
  furl->speed[stage] = 0;
  furl->turns[stage] = EXCLUDED;
}

void FurlMeansAgain(PC_Furl *furl)
{
  for (int s = 0; s < FURL_STAGES; s++) {
    furl->speed[s] = 0;
    furl->turns[s] = furl->turns[s] == EXCLUDED ? EXCLUDED : s == (int)furl->stage;
  }
  furl->settled = PETSC_FALSE;
  furl->budget  = 0;
  furl->doubts  = 0;
}

/* Multigrid that hardly moves the residual of GMRES is no good: no more has to be seen of it. A factorisation may take long to begin with,
 * as where a wind blows information goes from one end to the other first */
static PetscBool AreKnown(const PC_Furl *furl, const FurlProgress *p)
{
  PetscInt wait = PLENTY;

  if (furl->stage == FURL_STAGE_GRID || (p->monotone && furl->stage < FURL_STAGE_FACTOR)) wait = ENOUGH;
  if (furl->stage == FURL_STAGE_HALF && p->monotone && p->rate < NO_RATE) wait = AT_LEAST;
  return (PetscBool)(p->left > 0 && p->done >= wait);
}

/*
  A turn of others is out of place where the iterations that the user allows would not last for it. What has come back stays, where norms
  swing: a recurrence that stalls asks by itself. There, too, factors are judged by many moments in a row, as the worst one tells nothing,
  and by what others did in their first iterations only in theirs.
*/
PetscBool FurlMeansAreSlow(PC_Furl *furl, const FurlProgress *p)
{
  const FurlStage untried = Untried(furl);
  const PetscBool steady  = (PetscBool)(p->monotone || furl->stage < FURL_STAGE_FACTOR);
  const PetscBool lost    = (PetscBool)(p->hopeless && (steady || p->left > 0));
  PetscBool       slow    = (PetscBool)(HasOverspent(furl, p) && FastestKnown(furl) != FURL_STAGES);

  if (furl->settled) return (PetscBool)(lost && p->monotone && untried != FURL_STAGES);
  if (AreKnown(furl, p)) {
    if (p->left <= p->room && p->left + TRY > p->room) return PETSC_FALSE;
    slow = (PetscBool)(slow || (untried != FURL_STAGES && p->left * means[PlaceOf(furl->stage)].cost > means[PlaceOf(untried)].price));
    slow = (PetscBool)(slow || ((steady || p->done <= EARLY) && OtherIsFaster(furl, p)));
  }
  if (lost || slow)
    furl->doubts++;
  else if (p->left > 0)
    furl->doubts = 0;
  return (PetscBool)(furl->doubts > (steady ? 0 : PLENTY));
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
  if (!p && furl->kept && furl->turns[FURL_STAGE_HALF] < MAX_TURNS) next = FURL_STAGE_HALF;
  if (!p && next == FURL_STAGES) next = FastestKnown(furl);
  if (next == FURL_STAGES) return PETSC_FALSE;
  furl->budget = p && !furl->settled ? p->left * means[PlaceOf(furl->stage)].cost : 0;
  furl->stage  = next;
  furl->doubts = 0;
  furl->turns[next]++;
  return PETSC_TRUE;
}
