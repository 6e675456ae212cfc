/*
  The cycle. Smoother: red-black Gauss-Seidel, red then black before the correction, black then red after, so that the cycle is symmetric. A
  wavefront takes all sweeps of a level through memory once: while chunk t is swept first, chunk t - 1 has its second half sweep, and so on;
  what lies between is in a cache. Levels with ghosts sweep one colour at a time.
*/
#include "grid.h"

#define FAINT 1e-7 /* of p'p: a smaller p'Ap is the rounding of FP32 and of the diagonal's corrections, and may be negative */

static FurlGridTransferArgs TransferArgs(const FurlGrid *grid, const FurlGridLevel *fine, const FurlGridLevel *coarse, int colour)
{
  const int64_t own = colour * coarse->box.span;

  return (FurlGridTransferArgs){.child  = coarse->child + own,
                                .scale  = coarse->scale + own,
                                .span   = fine->box.span,
                                .stride = {fine->box.stride[1], fine->box.stride[2]},
                                .both   = fine->depth == 1,
                                .fine   = grid->scratch,
                                .coarse = coarse->b + own,
                                .weight = fine->root,
                                .from   = coarse->x + own,
                                .to     = fine->x};
}

/* A transfer that follows the waves, slice by slice of coarse cells */
typedef struct {
  FurlGrid            *grid;
  FurlGridLevel       *fine;
  FurlGridTransferArgs args[2]; /* by colour of the coarse cells */
  int64_t              done[2], end[2];
} Transfer;

static Transfer TransferOf(FurlGrid *grid, int l)
{
  FurlGridLevel *const fine  = grid->level + l;
  const int64_t        items = fine[1].box.items;

  return (Transfer){.grid = grid,
                    .fine = fine,
                    .args = {TransferArgs(grid, fine, fine + 1, 0), TransferArgs(grid, fine, fine + 1, 1)},
                    .end  = {items, items}};
}

/* The slices up to end[colour], where they have not been done */
static void TransferUpTo(Transfer *transfer, const FurlKernel *kernel, const int64_t end[2])
{
  for (int colour = 0; colour < 2; colour++) {
    const int64_t upto = PetscMin(end[colour], transfer->end[colour]);

    FurlRunRange(transfer->fine->queue, kernel, &transfer->args[colour], transfer->done[colour], upto);
    transfer->done[colour] = PetscMax(transfer->done[colour], upto);
  }
}

static void TransferAll(Transfer *transfer, const FurlKernel *kernel)
{
  TransferUpTo(transfer, kernel, transfer->end);
}

/* The transfer as far as chunk t of the level allows; slices: FurlGridLevel's closed or opened */
static void TransferAlong(Transfer *transfer, const FurlKernel *kernel, int64_t *const slices[2], int64_t t)
{
  const int64_t chunk = PetscMin(t, transfer->fine->nchunks - 1), end[2] = {slices[0][chunk], slices[1][chunk]};

  TransferUpTo(transfer, kernel, end);
}

/* What one level does on its way down or up: half sweeps in order, each a chunk behind the one before */
#define STAGES_MAX 64

typedef struct {
  FurlGridLevel      *level;
  const FurlKernel   *kernel[STAGES_MAX];
  FurlGridStencilArgs args[STAGES_MAX];
  int64_t             first[STAGES_MAX], end[STAGES_MAX]; /* slices */
  int                 n;
  Transfer           *prolong; /* that goes before the first stage, as far as it was not done; or NULL */
  int                 valid;   /* ghosts that have the values of the cells they stand for, counted from these; 0: new ones are needed */
} Stages;

/* The slices with this process's cells and so many planes of ghosts at either end (lines, where there is one plane) */
static void RangeOf(const FurlGridLevel *level, int planes, int64_t *first, int64_t *end)
{
  const FurlBox *const box  = &level->box;
  const int            last = box->coupled[2] ? 2 : box->coupled[1] ? 1 : 0;
  const int64_t        less = (box->ghosts[last] - planes) * box->stride[last] / 2 / FURL_WIDTH;

  *first = box->ghosts[last] > planes ? less : 0;
  *end   = box->ghosts[last] > planes ? box->items - less : box->items;
}

static void Append(Stages *stages, const FurlKernel *kernel, int colour, float *out)
{
  FurlGridLevel *const       level = stages->level;
  FurlGridStencilArgs *const args  = stages->args + stages->n;

  FurlGridStencilOf(level, colour, level->x, args);
  args->b   = level->b + colour * level->box.span;
  args->out = out + colour * level->box.span;
  RangeOf(level, stages->valid, &stages->first[stages->n], &stages->end[stages->n]);
  stages->kernel[stages->n++] = kernel;
}

static void RunChunk(const Stages *stages, int stage, int64_t chunk)
{
  const int64_t begin = chunk * stages->level->chunk, first = PetscMax(begin, stages->first[stage]);

  if (chunk >= 0)
    FurlLaunchRange(stages->kernel[stage], &stages->args[stage], first, PetscMin(begin + stages->level->chunk, stages->end[stage]));
}

/* Corrects what other processes wait for: the planes at both ends of the box, if all ghosts are beyond these, else all cells */
static void ProlongEnds(Transfer *transfer)
{
  const FurlGridLevel *const level = transfer->fine;
  const FurlBox *const       box   = &level->box;
  const int                  last  = box->coupled[2] ? 2 : box->coupled[1] ? 1 : 0;
  const int64_t              cells = level->chunk * FURL_WIDTH, low = (box->origin + level->depth * box->stride[last]) / 2 / cells;
  const int64_t              high = (box->origin + (box->n[last] - level->depth) * box->stride[last]) / 2 / cells - 1;

  if (low >= high || (last > 0 && box->ghosts[0]) || (last > 1 && box->ghosts[1])) {
    TransferAll(transfer, &FurlKernelFurlGridProlong);
    return;
  }
  TransferAlong(transfer, &FurlKernelFurlGridProlong, level[1].opened, low);
  for (int colour = 0; colour < 2; colour++) {
    const int64_t begin = PetscMax(level[1].closed[colour][high], transfer->done[colour]);

    FurlLaunchRange(&FurlKernelFurlGridProlong, &transfer->args[colour], begin, transfer->end[colour]);
    transfer->end[colour] = begin;
  }
}

/* The same where the level is on a device: stage after stage, each over all cells */
static void RunWhole(Stages *stages, Transfer *restriction)
{
  if (stages->prolong) TransferAll(stages->prolong, &FurlKernelFurlGridProlong);
  for (int k = 0; k < stages->n; k++)
    FurlRunRange(stages->level->queue, stages->kernel[k], &stages->args[k], stages->first[k], stages->end[k]);
  if (restriction) TransferAll(restriction, &FurlKernelFurlGridRestrict);
  stages->n       = 0;
  stages->prolong = NULL;
}

/* All stages in one pass over the level, before a restriction where that is not NULL; no stages are left */
static void RunInWaves(Stages *stages, Transfer *restriction)
{
  const FurlGridLevel *const level = stages->level;

  if (level->queue) {
    RunWhole(stages, restriction);
    return;
  }
  for (int64_t t = 0; level->nchunks > 0 && t < level->nchunks + stages->n; t++) {
    if (stages->prolong) TransferAlong(stages->prolong, &FurlKernelFurlGridProlong, level[1].opened, t);
    for (int stage = 0; stage < stages->n; stage++) RunChunk(stages, stage, t - 1 - stage);
    if (restriction && t >= stages->n) TransferAlong(restriction, &FurlKernelFurlGridRestrict, level[1].closed, t - stages->n);
  }
  if (restriction) TransferAll(restriction, &FurlKernelFurlGridRestrict); /* slices without aggregates at the end */
  stages->n       = 0;
  stages->prolong = NULL;
}

/* Where ghosts are not deep, after a half sweep: new values of the cells that were swept, and again those of the others where the sweep ran
 * over ghosts' places */
static PetscErrorCode RefreshGhosts(FurlGridLevel *level, int half)
{
  FurlGhosts *const others = &level->ghosts[1 - half];

  PetscFunctionBegin;
  PetscCall(FurlGhostsFill(&level->ghosts[half], level->x));
  if (level->queue)
    PetscCall(FurlGhostsFill(others, level->x)); /* their owners have not changed since, and nothing is sent */
  else
    for (int64_t k = 0; k < others->n; k++) level->x[others->at[k]] = others->buffer[k];
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A half sweep, or the residual, as the next stage. With each, one plane of ghosts less is right; when none is left the waves end, and new
 * ones come */
static PetscErrorCode AddStage(Stages *stages, const FurlKernel *kernel, int colour, float *out)
{
  FurlGridLevel *const level = stages->level;

  PetscFunctionBegin;
  if (level->depth > 1 && stages->valid == 0) {
    if (stages->n) RunInWaves(stages, NULL);
    PetscCall(FurlGhostsFill(&level->ghosts[0], level->x));
    stages->valid = level->depth;
  }
  if (stages->valid > 0 && kernel != &FurlKernelFurlGridFirst) stages->valid--;
  Append(stages, kernel, colour, out);
  if (level->depth != 1) PetscFunctionReturn(PETSC_SUCCESS);
  RunInWaves(stages, NULL);
  if (out == level->x) PetscCall(RefreshGhosts(level, colour));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x = 0 at cells that are swept second, where the first half sweep reads them, and at their ghosts */
static PetscErrorCode ZeroSecond(FurlGridLevel *level)
{
  float *const  second = level->x + level->box.span;
  const int64_t n      = level->box.items * FURL_WIDTH;

  PetscFunctionBegin;
  if (level->queue) {
    FurlQueueFill(level->queue, second, (size_t)n * sizeof(*second));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscArrayzero(second, n));
  PetscCall(PetscArrayzero(level->ghosts[1].buffer, level->ghosts[1].n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Before the correction, from x = 0: sweeps, residual, restriction. Residuals of the second colour are zero after its sweep, but where a
 * seam of two cells of one colour runs through a periodic box */
static PetscErrorCode Down(FurlGrid *grid, int l)
{
  FurlGridLevel *const level    = grid->level + l;
  Transfer             transfer = TransferOf(grid, l);
  Stages               stages   = {.level = level, .valid = level->depth > 1 ? level->depth : 0};

  PetscFunctionBegin;
  if (level->depth > 1) PetscCall(FurlGhostsFill(&level->ghosts[1], level->b));
  if (level->depth == 1) PetscCall(ZeroSecond(level));
  for (int k = 0; k < grid->sweeps; k++) {
    PetscCall(AddStage(&stages, k ? &FurlKernelFurlGridSweep : &FurlKernelFurlGridFirst, 0, level->x));
    PetscCall(AddStage(&stages, &FurlKernelFurlGridSweep, 1, level->x));
  }
  PetscCall(AddStage(&stages, &FurlKernelFurlGridResidual, 0, grid->scratch));
  if (level->depth == 1) {
    PetscCall(AddStage(&stages, &FurlKernelFurlGridResidual, 1, grid->scratch));
    TransferAll(&transfer, &FurlKernelFurlGridRestrict);
  } else
    RunInWaves(&stages, &transfer);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The last sweep of the finest level adds up its results times b and another vector, and needs neither again */
static void WithDots(const FurlGrid *grid, int colour, FurlGridStencilArgs *args)
{
  const FurlBox *const box = &grid->level->box;

  args->own     = grid->with + colour * box->span;
  args->partial = grid->partial + 2 * colour * box->items;
}

/* The correction and the sweeps after it. Cells that are swept first need no correction, but for ghosts */
static PetscErrorCode Up(FurlGrid *grid, int l)
{
  FurlGridLevel *const level    = grid->level + l;
  Transfer             transfer = TransferOf(grid, l);
  const int            first    = level->depth == 1 || (level->depth && level->queue); /* all of it before the sweeps */
  Stages               stages   = {.level = level, .prolong = first ? NULL : &transfer};

  PetscFunctionBegin;
  if (first)
    TransferAll(&transfer, &FurlKernelFurlGridProlong);
  else if (level->depth > 1)
    ProlongEnds(&transfer);
  for (int half = 0; level->depth == 1 && half < 2; half++) PetscCall(FurlGhostsFill(&level->ghosts[half], level->x));
  for (int k = 0; k < grid->sweeps; k++) {
    const FurlKernel *const sweep = l == 0 && grid->with && k + 1 == grid->sweeps ? &FurlKernelFurlGridSweepDots : &FurlKernelFurlGridSweep;

    for (int colour = 1; colour >= 0; colour--) {
      PetscCall(AddStage(&stages, sweep, colour, level->x));
      if (sweep == &FurlKernelFurlGridSweepDots) WithDots(grid, colour, &stages.args[stages.n - 1]);
    }
  }
  RunInWaves(&stages, NULL);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CycleLevel(FurlGrid *grid, int l);

/* x'y and x'z of this process */
static void Dots(FurlGrid *grid, const FurlGridLevel *level, const float *x, const float *y, const float *z, double sum[2])
{
  const FurlLowDotsArgs args = {.x = x, .y = y, .z = z, .partial = grid->partial};
  const int64_t         n    = 2 * level->box.span / FURL_WIDTH;

  FurlLaunch(&FurlKernelFurlLowDots, &args, n);
  FurlSumPartial(grid->partial, n, 2, sum);
}

static PetscErrorCode SumOverProcesses(const FurlGridLevel *level, double *sum, PetscMPIInt n)
{
  PetscFunctionBegin;
  if (level->comm != PETSC_COMM_SELF) PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, n, MPI_DOUBLE, MPI_SUM, level->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void ZeroGhosts(const FurlGridLevel *level, float *x)
{
  for (int half = 0; half < 2; half++) FurlGhostsZero(&level->ghosts[half], x);
}

/* y = A x, zero at ghosts, and so is b, as both enter sums over whole arrays; x has the ghosts next to the cells of this process. partial:
 * [2 items] room for the sums of x y, ghosts' too; NULL: not wanted */
static void Multiply(FurlGridLevel *level, const float *x, float *y, double *partial)
{
  for (int colour = 0; colour < 2; colour++) {
    FurlGridStencilArgs args = {.out = y + colour * level->box.span, .partial = partial ? partial + colour * level->box.items : NULL};

    FurlGridStencilOf(level, colour, x, &args);
    FurlRun(level->queue, &FurlKernelFurlGridProduct, &args, level->box.items);
  }
  ZeroGhosts(level, y);
  ZeroGhosts(level, level->b);
}

/* The same of what a cycle found, which has the ghosts of the second colour */
static PetscErrorCode Product(FurlGridLevel *level, float *x, float *y)
{
  PetscFunctionBegin;
  if (level->depth > 1) PetscCall(FurlGhostsFill(&level->ghosts[0], x));
  Multiply(level, x, y, NULL);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Ghosts of both colours as their owners have them. 16 bits do for a cycle, but 2^-16 of a smooth x may be as much as A x */
static PetscErrorCode FillInFull(FurlGridLevel *level, float *x)
{
  FurlGhosts *const ghosts = &level->ghosts[1];
  const int         narrow = ghosts->narrow;

  PetscFunctionBegin;
  ghosts->narrow = 0;
  PetscCall(FurlGhostsFill(ghosts, x));
  ghosts->narrow = narrow;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void Update(const FurlGridLevel *level, double alpha, const float *x, double beta, const float *y, float *z)
{
  const FurlLowUpdateArgs args = {.x = x, .y = y, .z = z, .alpha = (float)alpha, .beta = (float)beta};

  FurlLaunch(&FurlKernelFurlLowUpdate, &args, 2 * level->box.span / FURL_WIDTH);
}

/*
  Two steps of flexible conjugate gradients, preconditioned by the cycle (Notay and Vassilevski, Numer. Linear Algebra Appl. 15, 2008): the
  best combination of two cycles in the norm of A. p, v: the cycles' results; rho1 = p'Ap, alpha1 = p'b, p'p, gamma = v'Ap, alpha2 = v'(b -
  alpha1/rho1 Ap). Where FP32 cannot tell the energy, as in large blocks that hang together by a millionth of their own links, the first
  cycle is left as it is: combinations by noise have cost more than they gained.
*/
static PetscErrorCode TwoCycles(FurlGrid *grid, int l)
{
  FurlGridLevel *const level = grid->level + l;
  float *const         Av    = grid->scratch;
  double               first[4], second[4], rho2;
  float               *swap;

  PetscFunctionBegin;
  PetscCall(CycleLevel(grid, l));
  PetscCall(Product(level, level->x, level->Ap));
  Dots(grid, level, level->x, level->Ap, level->b, first);
  Dots(grid, level, level->x, level->x, level->x, first + 2);
  PetscCall(SumOverProcesses(level, first, 3));
  if (!(first[0] > FAINT * first[2])) PetscFunctionReturn(PETSC_SUCCESS);
  swap     = level->p;
  level->p = level->x;
  level->x = swap;
  Update(level, -first[1] / first[0], level->Ap, 1, level->b, level->b);
  PetscCall(CycleLevel(grid, l));
  PetscCall(Product(level, level->x, Av));
  Dots(grid, level, level->x, Av, level->Ap, second);
  Dots(grid, level, level->x, level->b, level->b, second + 2);
  PetscCall(SumOverProcesses(level, second, 3));
  rho2 = second[0] - second[1] * second[1] / first[0];
  if (rho2 > 0)
    Update(level, first[1] / first[0] - second[1] * second[2] / (first[0] * rho2), level->p, second[2] / rho2, level->x, level->x);
  else
    Update(level, first[1] / first[0], level->p, 0, level->x, level->x);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sums for the coefficients of a step, and these */
static void EnqueueCombine(FurlGrid *grid, int l, int step, const float *const with[2][3])
{
  const FurlGridLevel *const level = grid->level + l;
  const int64_t              items = 2 * level->box.span / FURL_WIDTH, n = (items + FURL_GRID_SUMS - 1) / FURL_GRID_SUMS;
  FurlGridCombineArgs        args = {.pair    = {grid->device.sums[0], grid->device.sums[1]},
                                     .n       = n,
                                     .first   = grid->device.first + 4 * l,
                                     .weights = grid->device.weights,
                                     .step    = step,
                                     .faint   = FAINT};

  for (int k = 0; k < 2; k++) {
    const FurlLowDotsArgs dots = {.x = with[k][0], .y = with[k][1], .z = with[k][2], .partial = grid->partial};
    const FurlGridSumArgs sum  = {.partial = grid->partial, .sum = grid->device.sums[k], .n = items};

    FurlRun(level->queue, &FurlKernelFurlLowDots, &dots, items);
    FurlRun(level->queue, &FurlKernelFurlGridSum, &sum, n);
  }
  FurlRun(level->queue, &FurlKernelFurlGridCombine, &args, 1);
}

static void EnqueueUpdate(const FurlGrid *grid, const FurlGridLevel *level, const float *x, const float *y, float *z)
{
  const FurlLowUpdateArgs args = {.x = x, .y = y, .z = z, .weights = grid->device.weights};

  FurlRun(level->queue, &FurlKernelFurlLowUpdate, &args, 2 * level->box.span / FURL_WIDTH);
}

/* TwoCycles() on a device, where the numbers are not known here: the second cycle is made in any case, and counts for nothing where the
 * first is to be left as it is */
static PetscErrorCode EnqueueTwoCycles(FurlGrid *grid, int l)
{
  FurlGridLevel *const level = grid->level + l;
  float *const         Av    = grid->scratch;
  float               *swap;

  PetscFunctionBegin;
  PetscCall(CycleLevel(grid, l));
  PetscCall(Product(level, level->x, level->Ap));
  EnqueueCombine(grid, l, 1, (const float *const[2][3]){{level->x, level->Ap, level->b}, {level->x, level->x, level->x}});
  swap     = level->p;
  level->p = level->x;
  level->x = swap;
  EnqueueUpdate(grid, level, level->Ap, level->b, level->b);
  PetscCall(CycleLevel(grid, l));
  PetscCall(Product(level, level->x, Av));
  EnqueueCombine(grid, l, 2, (const float *const[2][3]){{level->x, Av, level->Ap}, {level->x, level->b, level->b}});
  EnqueueUpdate(grid, level, level->p, level->x, level->x);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SolveNext(FurlGrid *grid, int l)
{
  PetscFunctionBegin;
  if (grid->level[l].twice && grid->level[l].queue)
    PetscCall(EnqueueTwoCycles(grid, l));
  else if (grid->level[l].twice)
    PetscCall(TwoCycles(grid, l));
  else
    PetscCall(CycleLevel(grid, l));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* b to x of a level */
static PetscErrorCode CycleLevel(FurlGrid *grid, int l)
{
  FurlGridLevel *const level = grid->level + l;

  PetscFunctionBegin;
  if (l + 1 == grid->nlevels && level->queue)
    FurlGridCoarseEnqueue(grid);
  else if (l + 1 == grid->nlevels)
    PetscCall(FurlGridCoarseSolve(grid));
  else if (level->door) {
    PetscCall(FurlGridDoorGather(level->door, level->b, level[1].b));
    PetscCall(SolveNext(grid, l + 1));
    FurlGridDoorTake(level->door, level[1].x, level->x);
  } else {
    PetscCall(Down(grid, l));
    PetscCall(SolveNext(grid, l + 1));
    PetscCall(Up(grid, l));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridCycle(FurlGrid *grid)
{
  PetscFunctionBegin;
  PetscCall(CycleLevel(grid, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Where there are ghosts, which are swept too, the sums take a pass of their own */
PetscErrorCode FurlGridCycleDots(FurlGrid *grid, const float *z, double sum[2])
{
  const FurlGridLevel *const level = grid->level;
  const int                  along = level->depth == 0 && grid->nlevels > 1 && !level->door && !level->queue;

  PetscFunctionBegin;
  grid->with = along ? z : NULL;
  PetscCall(FurlGridCycle(grid));
  grid->with = NULL;
  if (along)
    FurlSumPartial(grid->partial, 2 * level->box.items, 2, sum);
  else {
    ZeroGhosts(level, level->b);
    Dots(grid, level, level->x, level->b, z, sum);
  }
  PetscCall(SumOverProcesses(level, sum, 2));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The sums of the product's own pass count ghosts: where there are some, x'y takes a pass of its own */
PetscErrorCode FurlGridProductOf(FurlGrid *grid, float *x, float *y, double *dot)
{
  FurlGridLevel *const level  = grid->level;
  const int64_t        n      = 2 * level->box.items;
  double               sum[2] = {0, 0};

  PetscFunctionBegin;
  if (level->depth > 1) PetscCall(FillInFull(level, x));
  Multiply(level, x, y, level->depth ? NULL : grid->partial);
  if (level->depth)
    Dots(grid, level, x, y, y, sum);
  else
    for (int64_t item = 0; item < n; item++) sum[0] += grid->partial[item];
  PetscCall(SumOverProcesses(level, sum, 1));
  *dot = sum[0];
  PetscFunctionReturn(PETSC_SUCCESS);
}

void FurlGridUpdateOf(const FurlGrid *grid, double alpha, const float *x, double beta, const float *y, float *z)
{
  Update(grid->level, alpha, x, beta, y, z);
}
