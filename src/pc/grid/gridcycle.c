/*
  The cycle. Smoother: red-black Gauss-Seidel, red then black before the correction, black then red after, so that the cycle is symmetric. A
  wavefront takes all sweeps of a level through memory once: while chunk t is swept first, chunk t - 1 has its second half sweep, and so on;
  what lies between is in a cache. Levels with ghosts sweep one colour at a time.
*/
#include "grid.h"

#define FAINT 1e-7 /* of p'p: a smaller p'Ap is the rounding of FP32 and of the diagonal's corrections, and may be negative */

/* What one level does on its way down or up: half sweeps in order, each a chunk behind the one before */
#define STAGES_MAX 64

typedef struct {
  const FurlKernel   *kernel[STAGES_MAX];
  FurlGridStencilArgs args[STAGES_MAX];
  int                 n;
} Stages;

static void Append(Stages *stages, const FurlKernel *kernel, const FurlGridLevel *level, int colour, float *out)
{
  FurlGridStencilArgs *const args = stages->args + stages->n;

  FurlGridStencilOf(level, colour, level->x, args);
  args->b                     = level->b + colour * level->box.span;
  args->out                   = out + colour * level->box.span;
  stages->kernel[stages->n++] = kernel;
}

static void RunChunk(const Stages *stages, const FurlGridLevel *level, int stage, int64_t chunk)
{
  const int64_t first = chunk * level->chunk, end = PetscMin(first + level->chunk, level->box.items);

  if (chunk >= 0 && chunk < level->nchunks) FurlLaunchRange(stages->kernel[stage], &stages->args[stage], first, end);
}

/* After a half sweep: new values of the cells that were swept, and again those of the others where the sweep ran over ghosts' places */
static PetscErrorCode RefreshGhosts(FurlGridLevel *level, int half)
{
  const FurlGhosts *const others = &level->ghosts[1 - half];

  PetscFunctionBegin;
  PetscCall(FurlGhostsFill(&level->ghosts[half], level->x));
  for (int64_t k = 0; k < others->n; k++) level->x[others->at[k]] = others->buffer[k];
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void ZeroGhosts(const FurlGridLevel *level, float *x)
{
  for (int half = 0; half < 2; half++)
    for (int64_t k = 0; k < level->ghosts[half].n; k++) x[level->ghosts[half].at[k]] = 0;
}

static FurlGridTransferArgs TransferArgs(const FurlGrid *grid, const FurlGridLevel *fine, const FurlGridLevel *coarse, int colour)
{
  const int64_t own = colour * coarse->box.span;

  return (FurlGridTransferArgs){.child  = coarse->child + own,
                                .scale  = coarse->scale + own,
                                .span   = fine->box.span,
                                .stride = {fine->box.stride[1], fine->box.stride[2]},
                                .both   = fine->has_ghosts,
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
  int64_t              done[2];
} Transfer;

static Transfer TransferOf(FurlGrid *grid, int l)
{
  FurlGridLevel *const fine = grid->level + l;

  return (Transfer){.grid = grid, .fine = fine, .args = {TransferArgs(grid, fine, fine + 1, 0), TransferArgs(grid, fine, fine + 1, 1)}};
}

/* The slices up to end[colour], where they have not been done */
static void TransferUpTo(Transfer *transfer, const FurlKernel *kernel, const int64_t end[2])
{
  for (int colour = 0; colour < 2; colour++) {
    FurlLaunchRange(kernel, &transfer->args[colour], transfer->done[colour], end[colour]);
    transfer->done[colour] = PetscMax(transfer->done[colour], end[colour]);
  }
}

static void TransferAll(Transfer *transfer, const FurlKernel *kernel)
{
  const int64_t items = transfer->fine[1].box.items, all[2] = {items, items};

  TransferUpTo(transfer, kernel, all);
}

static void DownInWaves(const Stages *stages, Transfer *transfer)
{
  const FurlGridLevel *const level = transfer->fine, *const coarse = level + 1;

  for (int64_t t = 0; t < level->nchunks + stages->n - 1; t++) {
    const int64_t last = t - stages->n + 1;

    for (int stage = 0; stage < stages->n; stage++) RunChunk(stages, level, stage, t - stage);
    if (last >= 0) {
      const int64_t end[2] = {coarse->closed[0][last], coarse->closed[1][last]};

      TransferUpTo(transfer, &FurlKernelFurlGridRestrict, end);
    }
  }
  TransferAll(transfer, &FurlKernelFurlGridRestrict); /* slices without aggregates at the end */
}

static void UpInWaves(const Stages *stages, Transfer *transfer)
{
  const FurlGridLevel *const level = transfer->fine, *const coarse = level + 1;

  for (int64_t t = 0; t < level->nchunks + stages->n; t++) {
    const int64_t next   = PetscMin(t, level->nchunks - 1);
    const int64_t end[2] = {coarse->opened[0][next], coarse->opened[1][next]};

    TransferUpTo(transfer, &FurlKernelFurlGridProlong, end);
    for (int stage = 0; stage < stages->n; stage++) RunChunk(stages, level, stage, t - 1 - stage);
  }
}

/* Stage after stage over the whole level, ghosts renewed after each; half: which cells the first one sweeps */
static PetscErrorCode RunWithGhosts(const Stages *stages, FurlGridLevel *level, int half, int nsweeps)
{
  PetscFunctionBegin;
  for (int stage = 0; stage < stages->n; stage++) {
    FurlLaunch(stages->kernel[stage], &stages->args[stage], level->box.items);
    if (stage < nsweeps) PetscCall(RefreshGhosts(level, (half + stage) % 2));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Before the correction, from x = 0: sweeps, residual, restriction. Residuals of the second colour are zero after its sweep, but where a
 * seam of two cells of one colour runs through a periodic box, or beside another process */
static PetscErrorCode Down(FurlGrid *grid, int l)
{
  FurlGridLevel *const level = grid->level + l;
  const int            first = level->first, second = 1 - first;
  Transfer             transfer = TransferOf(grid, l);
  Stages               stages   = {.n = 0};

  PetscFunctionBegin;
  for (int k = 0; k < grid->sweeps; k++) {
    Append(&stages, k ? &FurlKernelFurlGridSweep : &FurlKernelFurlGridFirst, level, first, level->x);
    Append(&stages, &FurlKernelFurlGridSweep, level, second, level->x);
  }
  Append(&stages, &FurlKernelFurlGridResidual, level, first, grid->scratch);
  if (!level->has_ghosts) {
    DownInWaves(&stages, &transfer);
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  Append(&stages, &FurlKernelFurlGridResidual, level, second, grid->scratch);
  PetscCall(PetscArrayzero(level->x + second * level->box.span, level->box.items * FURL_WIDTH));
  PetscCall(PetscArrayzero(level->ghosts[1].buffer, level->ghosts[1].n));
  PetscCall(RunWithGhosts(&stages, level, 0, 2 * grid->sweeps));
  TransferAll(&transfer, &FurlKernelFurlGridRestrict);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The correction and the sweeps after it. Cells that are swept first need no correction, but for ghosts */
static PetscErrorCode Up(FurlGrid *grid, int l)
{
  FurlGridLevel *const level = grid->level + l;
  const int            first = level->first, second = 1 - first;
  Transfer             transfer = TransferOf(grid, l);
  Stages               stages   = {.n = 0};

  PetscFunctionBegin;
  for (int k = 0; k < grid->sweeps; k++) {
    Append(&stages, &FurlKernelFurlGridSweep, level, second, level->x);
    Append(&stages, &FurlKernelFurlGridSweep, level, first, level->x);
  }
  if (!level->has_ghosts) {
    UpInWaves(&stages, &transfer);
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  TransferAll(&transfer, &FurlKernelFurlGridProlong);
  for (int half = 0; half < 2; half++) PetscCall(FurlGhostsFill(&level->ghosts[half], level->x));
  PetscCall(RunWithGhosts(&stages, level, 1, 2 * grid->sweeps));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CycleLevel(FurlGrid *grid, int l);

/* x'y and x'z of this process */
static void Dots(FurlGrid *grid, const FurlGridLevel *level, const float *x, const float *y, const float *z, double sum[2])
{
  const FurlGridDotsArgs args = {.x = x, .y = y, .z = z, .partial = grid->partial};
  const int64_t          n    = 2 * level->box.span / FURL_WIDTH;

  FurlLaunch(&FurlKernelFurlGridDots, &args, n);
  sum[0] = sum[1] = 0;
  for (int64_t item = 0; item < n; item++) {
    sum[0] += grid->partial[2 * item];
    sum[1] += grid->partial[2 * item + 1];
  }
}

static PetscErrorCode SumOverProcesses(const FurlGridLevel *level, double *sum, PetscMPIInt n)
{
  PetscFunctionBegin;
  if (level->comm != PETSC_COMM_SELF) PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, n, MPI_DOUBLE, MPI_SUM, level->comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* partial: [2 items] room for the sums of x y; NULL: not wanted */
static void Product(const FurlGridLevel *level, const float *x, float *y, double *partial)
{
  for (int colour = 0; colour < 2; colour++) {
    FurlGridStencilArgs args = {.out = y + colour * level->box.span, .partial = partial ? partial + colour * level->box.items : NULL};

    FurlGridStencilOf(level, colour, x, &args);
    FurlLaunch(&FurlKernelFurlGridProduct, &args, level->box.items);
  }
  ZeroGhosts(level, y);
}

static void Update(const FurlGridLevel *level, double alpha, const float *x, double beta, const float *y, float *z)
{
  const FurlGridUpdateArgs args = {.x = x, .y = y, .z = z, .alpha = (float)alpha, .beta = (float)beta};

  FurlLaunch(&FurlKernelFurlGridUpdate, &args, 2 * level->box.span / FURL_WIDTH);
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
  Product(level, level->x, level->Ap, NULL);
  Dots(grid, level, level->x, level->Ap, level->b, first);
  Dots(grid, level, level->x, level->x, level->x, first + 2);
  PetscCall(SumOverProcesses(level, first, 3));
  if (!(first[0] > FAINT * first[2])) PetscFunctionReturn(PETSC_SUCCESS);
  swap     = level->p;
  level->p = level->x;
  level->x = swap;
  Update(level, -first[1] / first[0], level->Ap, 1, level->b, level->b);
  PetscCall(CycleLevel(grid, l));
  Product(level, level->x, Av, NULL);
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

static PetscErrorCode SolveNext(FurlGrid *grid, int l)
{
  PetscFunctionBegin;
  if (grid->level[l].twice)
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
  if (l + 1 == grid->nlevels)
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

PetscErrorCode FurlGridDotsOf(FurlGrid *grid, const float *x, const float *y, const float *z, double sum[2])
{
  PetscFunctionBegin;
  Dots(grid, grid->level, x, y, z, sum);
  PetscCall(SumOverProcesses(grid->level, sum, 2));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The sums of the product's own pass count ghosts: where there are some, x'y takes a pass of its own */
PetscErrorCode FurlGridProductOf(FurlGrid *grid, const float *x, float *y, double *dot)
{
  const FurlGridLevel *const level  = grid->level;
  const int64_t              n      = 2 * level->box.items;
  double                     sum[2] = {0, 0};

  PetscFunctionBegin;
  Product(level, x, y, level->has_ghosts ? NULL : grid->partial);
  if (level->has_ghosts)
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
