/*
  The cycle. Smoother: red-black Gauss-Seidel, red then black before the correction, black then red after, so that the cycle is symmetric. A
  wavefront takes all sweeps of a level through memory once: while chunk t is swept first, chunk t - 1 has its second half sweep, and so on;
  what lies between is in a cache. Levels with ghosts sweep one colour at a time.
*/
#include "grid.h"

enum { RED, BLACK };

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
  args->b                     = level->b + colour * level->span;
  args->out                   = out + colour * level->span;
  stages->kernel[stages->n++] = kernel;
}

static void RunChunk(const Stages *stages, const FurlGridLevel *level, int stage, int64_t chunk)
{
  const int64_t first = chunk * level->chunk, end = PetscMin(first + level->chunk, level->items);

  if (chunk >= 0 && chunk < level->nchunks) FurlLaunchRange(stages->kernel[stage], &stages->args[stage], first, end);
}

static void CopyGhosts(const FurlGridLevel *level, float *x, int64_t first, int64_t end)
{
  for (int64_t k = first; k < end; k++) x[level->ghost[k]] = x[level->owner[k]];
}

static void ZeroGhosts(const FurlGridLevel *level, float *x, int64_t first)
{
  for (int64_t k = first; k < level->nghosts; k++) x[level->ghost[k]] = 0;
}

static FurlGridTransferArgs TransferArgs(const FurlGrid *grid, const FurlGridLevel *fine, const FurlGridLevel *coarse, int colour)
{
  const int64_t own = colour * coarse->span;

  return (FurlGridTransferArgs){.child  = coarse->child + own,
                                .scale  = coarse->scale + own,
                                .span   = fine->span,
                                .stride = {fine->box.stride[1], fine->box.stride[2]},
                                .both   = fine->nghosts > 0,
                                .fine   = grid->scratch,
                                .coarse = coarse->b + own,
                                .weight = fine->root,
                                .from   = coarse->x + own,
                                .to     = fine->x};
}

/* Before the correction, from x = 0: sweeps, residual, restriction. Black residuals are zero after black's sweep, but where a seam of two
 * cells of one colour runs through a periodic box */
static void Down(FurlGrid *grid, int l)
{
  FurlGridLevel *const level   = grid->level + l;
  FurlGridTransferArgs to[2]   = {TransferArgs(grid, level, level + 1, RED), TransferArgs(grid, level, level + 1, BLACK)};
  int64_t              done[2] = {0, 0};
  Stages               stages  = {.n = 0};

  for (int k = 0; k < grid->sweeps; k++) {
    Append(&stages, k ? &FurlKernelFurlGridSweep : &FurlKernelFurlGridFirst, level, RED, level->x);
    Append(&stages, &FurlKernelFurlGridSweep, level, BLACK, level->x);
  }
  Append(&stages, &FurlKernelFurlGridResidual, level, RED, grid->scratch);
  if (level->nghosts) {
    Append(&stages, &FurlKernelFurlGridResidual, level, BLACK, grid->scratch);
    for (int stage = 0; stage < stages.n; stage++) {
      FurlLaunch(stages.kernel[stage], &stages.args[stage], level->items);
      if (stage == 0) {
        CopyGhosts(level, level->x, 0, level->nred);
        ZeroGhosts(level, level->x, level->nred);
      } else if (stage < 2 * grid->sweeps)
        CopyGhosts(level, level->x, 0, level->nghosts);
    }
    for (int colour = 0; colour < 2; colour++) FurlLaunch(&FurlKernelFurlGridRestrict, &to[colour], level[1].items);
    return;
  }
  for (int64_t t = 0; t < level->nchunks + stages.n - 1; t++) {
    const int64_t last = t - stages.n + 1;

    for (int stage = 0; stage < stages.n; stage++) RunChunk(&stages, level, stage, t - stage);
    for (int colour = 0; last >= 0 && colour < 2; colour++) {
      const int64_t end = last + 1 < level->nchunks ? level[1].closed[colour][last] : level[1].items;

      FurlLaunchRange(&FurlKernelFurlGridRestrict, &to[colour], done[colour], end);
      done[colour] = PetscMax(done[colour], end);
    }
  }
}

/* The correction and the sweeps after it. Black cells need no correction, their sweep comes first; but for ghosts */
static void Up(FurlGrid *grid, int l)
{
  FurlGridLevel *const level   = grid->level + l;
  FurlGridTransferArgs from[2] = {TransferArgs(grid, level, level + 1, RED), TransferArgs(grid, level, level + 1, BLACK)};
  int64_t              done[2] = {0, 0};
  Stages               stages  = {.n = 0};

  for (int k = 0; k < grid->sweeps; k++) {
    Append(&stages, &FurlKernelFurlGridSweep, level, BLACK, level->x);
    Append(&stages, &FurlKernelFurlGridSweep, level, RED, level->x);
  }
  if (level->nghosts) {
    for (int colour = 0; colour < 2; colour++) FurlLaunch(&FurlKernelFurlGridProlong, &from[colour], level[1].items);
    CopyGhosts(level, level->x, 0, level->nghosts);
    for (int stage = 0; stage < stages.n; stage++) {
      FurlLaunch(stages.kernel[stage], &stages.args[stage], level->items);
      CopyGhosts(level, level->x, 0, level->nghosts);
    }
    return;
  }
  for (int64_t t = 0; t < level->nchunks + stages.n; t++) {
    for (int colour = 0; colour < 2; colour++) {
      const int64_t end = level[1].opened[colour][PetscMin(t, level->nchunks - 1)];

      FurlLaunchRange(&FurlKernelFurlGridProlong, &from[colour], done[colour], end);
      done[colour] = PetscMax(done[colour], end);
    }
    for (int stage = 0; stage < stages.n; stage++) RunChunk(&stages, level, stage, t - 1 - stage);
  }
}

static void SolveCoarsest(FurlGrid *grid)
{
  FurlGridLevel *const level = grid->level + grid->nlevels - 1;
  const FurlBox *const box   = &level->box;
  const int64_t        n     = FurlBoxCells(box);
  double *const        b     = grid->partial;
  int64_t              r     = 0;

  for (PetscInt pass = 0; pass < 2; pass++, r = 0)
    for (PetscInt k = 0; k < box->n[2]; k++)
      for (PetscInt j = 0; j < box->n[1]; j++)
        for (PetscInt i = 0; i < box->n[0]; i++, r++) {
          const int64_t G = FurlBoxAt(box, i, j, k), at = G / 2 + (G & 1) * level->span;
          double        sum = 0;

          if (!pass) {
            b[r] = (double)level->b[at];
            continue;
          }
          for (int64_t c = 0; c < n; c++) sum += grid->inverse[r * n + c] * b[c];
          level->x[at] = (float)sum;
        }
  CopyGhosts(level, level->x, 0, level->nghosts);
}

static void CycleLevel(FurlGrid *grid, int l);

static void Dots(FurlGrid *grid, const FurlGridLevel *level, const float *x, const float *y, const float *z, double sum[2])
{
  const FurlGridDotsArgs args = {.x = x, .y = y, .z = z, .partial = grid->partial};
  const int64_t          n    = 2 * level->span / FURL_WIDTH;

  FurlLaunch(&FurlKernelFurlGridDots, &args, n);
  sum[0] = sum[1] = 0;
  for (int64_t item = 0; item < n; item++) {
    sum[0] += grid->partial[2 * item];
    sum[1] += grid->partial[2 * item + 1];
  }
}

static void Product(const FurlGridLevel *level, const float *x, float *y)
{
  for (int colour = 0; colour < 2; colour++) {
    FurlGridStencilArgs args = {.out = y + colour * level->span};

    FurlGridStencilOf(level, colour, x, &args);
    FurlLaunch(&FurlKernelFurlGridProduct, &args, level->items);
  }
  ZeroGhosts(level, y, 0);
}

static void Update(const FurlGridLevel *level, double alpha, const float *x, double beta, const float *y, float *z)
{
  const FurlGridUpdateArgs args = {.x = x, .y = y, .z = z, .alpha = (float)alpha, .beta = (float)beta};

  FurlLaunch(&FurlKernelFurlGridUpdate, &args, 2 * level->span / FURL_WIDTH);
}

/*
  Two steps of flexible conjugate gradients, preconditioned by the cycle (Notay and Vassilevski, Numer. Linear Algebra Appl. 15, 2008): the
  best combination of two cycles in the norm of A. p, v: the cycles' results; rho1 = p'Ap, alpha1 = p'b, gamma = v'Ap, alpha2 = v'(b -
  alpha1/rho1 Ap).
*/
static void TwoCycles(FurlGrid *grid, int l)
{
  FurlGridLevel *const level = grid->level + l;
  float *const         Av    = grid->scratch;
  double               first[2], second[2], more[2], rho2;
  float               *swap;

  CycleLevel(grid, l);
  Product(level, level->x, level->Ap);
  Dots(grid, level, level->x, level->Ap, level->b, first);
  if (!(first[0] > 0)) return;
  swap     = level->p;
  level->p = level->x;
  level->x = swap;
  Update(level, -first[1] / first[0], level->Ap, 1, level->b, level->b);
  CycleLevel(grid, l);
  Product(level, level->x, Av);
  Dots(grid, level, level->x, Av, level->Ap, second);
  Dots(grid, level, level->x, level->b, level->b, more);
  rho2 = second[0] - second[1] * second[1] / first[0];
  if (rho2 > 0)
    Update(level, first[1] / first[0] - second[1] * more[0] / (first[0] * rho2), level->p, more[0] / rho2, level->x, level->x);
  else
    Update(level, first[1] / first[0], level->p, 0, level->x, level->x);
}

/* b to x of a level */
static void CycleLevel(FurlGrid *grid, int l)
{
  if (l + 1 == grid->nlevels) {
    SolveCoarsest(grid);
    return;
  }
  Down(grid, l);
  if (grid->level[l + 1].p)
    TwoCycles(grid, l + 1);
  else
    CycleLevel(grid, l + 1);
  Up(grid, l);
}

void FurlGridCycle(FurlGrid *grid)
{
  CycleLevel(grid, 0);
}
