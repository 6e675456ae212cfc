/* From a matrix to the levels of hierarchy `grid`, and one application */
#include <petscviewer.h>
#include <furl/matrix.h>
#include "grid.h"

#define COARSEST 200    /* cells: the dense inverse costs their square a cycle */
#define WHOLE_MIN 4096  /* cells of a level that every process has as a whole: at least, */
#define WHOLE_MAX 32768 /* at most, */
#define WHOLE_SHARE 4   /* and where it is this many times smaller than a process's share of the finest */
#define BOX_MIN 64      /* cells: below, a box means nothing */
#define LEVELS_MAX 64
#define GAMMA_V 1.8 /* damping of coarse links: see docs/grid.md */
#define GAMMA_K 1.6
#define K_LEVELS 3     /* with a K-cycle: more help no more, fewer leave inclusions of another conductivity to the Krylov method */
#define K_FACTOR 3     /* a K-cycle is made where a level is so many times smaller than the one that had the last, or the finest */
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
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, singular, 1, MPI_INT, MPI_MIN, s->layout.comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The sum of the diagonal over all cells, rows of their own apart */
static PetscErrorCode SumDiagonal(const FurlStencil *s, double *sum)
{
  const FurlBox *const box              = &s->box;
  double               lane[FURL_GROUP] = {0};

  PetscFunctionBegin;
  for (PetscInt k = 0; k < box->n[2]; k++)
    for (PetscInt j = 0; j < box->n[1]; j++) {
      const float *const root = s->root + FurlBoxAt(box, 0, j, k);

      for (PetscInt i = 0; i < box->n[0]; i += FURL_GROUP)
        for (int l = 0; l < FURL_GROUP; l++) lane[l] += i + l < box->n[0] && root[i + l] > 0 ? (double)(root[i + l] * root[i + l]) : 0;
    }
  *sum = 0;
  for (int l = 0; l < FURL_GROUP; l++) *sum += lane[l];
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sum, 1, MPI_DOUBLE, MPI_SUM, s->layout.comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AllocateScratch(FurlGrid *grid)
{
  size_t floats = 0, doubles = 2 * COARSEST;

  PetscFunctionBegin;
  for (int l = 0; l < grid->nlevels; l++) {
    const FurlGridLevel *const level = grid->level + l;
    const size_t               both  = level->twice || level->depth == 1 ? 2 : 1;

    floats = PetscMax(floats, both * (size_t)level->box.span);
    if (level->twice || l == 0) doubles = PetscMax(doubles, 4 * (size_t)level->box.span / FURL_WIDTH);
  }
  PetscCheck(FurlBlockInit(&grid->memory_of_scratch, floats * sizeof(*grid->scratch)), PETSC_COMM_SELF, PETSC_ERR_MEM,
             "No memory for %zu numbers of FP32", floats);
  grid->scratch = (float *)(void *)grid->memory_of_scratch.data;
  PetscCall(PetscMalloc1(doubles, &grid->partial));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static int64_t AllCells(const PetscInt N[3])
{
  return (int64_t)N[0] * N[1] * N[2];
}

/* The level just made is small: the next one is the same on every process */
static PetscErrorCode MakeWhole(FurlGrid *grid, FurlStencil *s)
{
  FurlStencil part = *s;

  PetscFunctionBegin;
  if (part.layout.size == 1 || AllCells(part.layout.N) > grid->whole) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlStencilGather(&part, s));
  PetscCall(FurlGridDoorCreate(&part.layout, &s->layout, &grid->level[grid->nlevels - 1].door));
  PetscCall(FurlGridLevelCreate(s, &grid->level[grid->nlevels]));
  PetscCall(FurlStencilDestroy(&part));
  grid->nlevels++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The next stencil, unless this one is small or cannot be made smaller; the finer one is freed */
static PetscErrorCode Descend(FurlGrid *grid, FurlStencil *s, PetscBool *more)
{
  FurlStencil fine = *s;
  FurlLines   lines;

  PetscFunctionBegin;
  *more = PETSC_FALSE;
  if (AllCells(fine.layout.N) <= COARSEST || grid->nlevels + 2 > LEVELS_MAX) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlLinesChoose(&fine, &lines));
  *more = (PetscBool)(AllCells(lines.n) < AllCells(fine.layout.N));
  if (*more) {
    FurlStencilForgetDerived(&fine);
    PetscCall(FurlStencilCoarsen(&fine, &lines, grid->gamma, s));
    PetscCall(FurlGridLevelCreate(s, &grid->level[grid->nlevels]));
    PetscCall(FurlGridLevelLink(&lines, &fine.layout, &s->layout, &grid->level[grid->nlevels - 1], &grid->level[grid->nlevels]));
    PetscCall(FurlStencilDestroy(&fine));
    grid->nlevels++;
    PetscCall(MakeWhole(grid, s));
  }
  PetscCall(FurlLinesDestroy(&lines));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void ChooseK(FurlGrid *grid)
{
  int64_t last = AllCells(grid->level[0].N);

  for (int l = 1, count = 0; l + 1 < grid->nlevels && count < grid->kcycles; l++) {
    const int64_t cells = AllCells(grid->level[l].N);

    if (last < K_FACTOR * cells || grid->level[l].door) continue;
    grid->level[l].twice = 1;
    last                 = cells;
    count++;
  }
}

static PetscErrorCode BuildLevels(FurlStencil *s, FurlGrid *grid)
{
  PetscBool more = PETSC_TRUE;
  double    finest, sum;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(LEVELS_MAX, &grid->level));
  PetscCall(IsSingular(s, &grid->singular));
  PetscCall(SumDiagonal(s, &finest));
  PetscCall(FurlGridLevelCreate(s, &grid->level[0]));
  grid->nlevels = 1;
  PetscCall(MakeWhole(grid, s));
  while (more) PetscCall(Descend(grid, s, &more));
  if (s->layout.size == 1 && AllCells(s->layout.N) <= 4 * COARSEST) PetscCall(FurlGridCoarseBuild(s, grid));
  PetscCall(SumDiagonal(s, &sum));
  /* a coarse cell has the mean of its fine cells' energies, divided by what is lost between the sums */
  grid->softness = finest / sum * FurlGridCoarseNorm(grid);
  PetscCall(FurlStencilDestroy(s));
  ChooseK(grid);
  for (int l = 0; l < grid->nlevels; l++) PetscCall(FurlGridLevelAllocateVectors(&grid->level[l]));
  for (int l = 0; l < grid->nlevels; l++)
    for (int k = 0; grid->kcycles && grid->level[l].depth > 1 && k < 2; k++)
      grid->level[l].ghosts[k].narrow = grid->level[l].comm != PETSC_COMM_SELF;
  PetscCall(AllocateScratch(grid));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* For what reads rows in no order, or several times: the parts of an AIJ matrix, A itself where it is one */
typedef struct {
  Mat          aij;
  FurlAijParts parts;
} Whole;

static PetscErrorCode GetWhole(Mat A, const FurlRows *rows, Whole *whole)
{
  PetscFunctionBegin;
  if (rows->decoder) {
    PetscCall(PetscInfo(A, "Hierarchy grid: the rows are decoded to aij, as they do not have the stencil of a symmetric operator\n"));
    PetscCall(MatConvert(A, MATAIJ, MAT_INITIAL_MATRIX, &whole->aij));
  } else {
    PetscCall(PetscObjectReference((PetscObject)A));
    whole->aij = A;
  }
  PetscCall(FurlAijGetParts(whole->aij, &whole->parts));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RestoreWhole(Whole *whole)
{
  PetscFunctionBegin;
  PetscCall(FurlAijRestoreParts(whole->aij, &whole->parts));
  PetscCall(MatDestroy(&whole->aij));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* 5 or 7 points; where the mirrors differ once more with winds, as nearly all matrices have none */
static PetscErrorCode ReadNarrow(Mat A, FurlRows *rows, FurlLayout *layout, FurlStencil *s, double *factor, const char **why)
{
  FurlLayout again     = *layout;
  PetscBool  symmetric = PETSC_TRUE;
  Whole      whole;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(again.size, &again.piece));
  PetscCall(PetscArraycpy(again.piece, layout->piece, again.size));
  PetscCall(FurlStencilFromMat(A, rows, layout, s, factor, why));
  if (*why) PetscCall(PetscStrcmp(*why, FURL_NOT_SYMMETRIC, &symmetric));
  if (*why && symmetric) {
    *why = NULL;
    PetscCall(GetWhole(A, rows, &whole));
    PetscCall(FurlStencilUpwind(whole.aij, &whole.parts, &again, s, factor, why));
    PetscCall(RestoreWhole(&whole));
  }
  PetscCall(FurlLayoutDestroy(&again));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Links along the box's axes from couplings that leave them, or along others where those serve better */
static PetscErrorCode ReadWide(const FurlCsr *csr, FurlLayout *layout, FurlStencil *s, double *factor, FurlShear *shear, const char **why)
{
  FurlStencil plain;
  int         found = 0;

  PetscFunctionBegin;
  PetscCall(FurlStencilSpread(csr, layout, s, factor, why));
  if (!*why) PetscCall(FurlShearChoose(csr, s, shear, &found));
  if (!found) PetscFunctionReturn(PETSC_SUCCESS);
  plain = *s;
  PetscCall(FurlStencilShear(csr, &plain, *factor, shear, s));
  PetscCall(FurlStencilDestroy(&plain));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadStencil(Mat A, FurlRows *rows, FurlLayout *layout, FurlStencil *s, double *factor, FurlShear *shear,
                                  const char **why)
{
  Whole whole;
  int   wide;

  PetscFunctionBegin;
  PetscCall(FurlStencilIsWide(layout, rows, &wide));
  if (!wide)
    PetscCall(ReadNarrow(A, rows, layout, s, factor, why));
  else if (layout->size == 1) {
    PetscCall(GetWhole(A, rows, &whole));
    PetscCall(ReadWide(&whole.parts.diagonal, layout, s, factor, shear, why));
    PetscCall(RestoreWhole(&whole));
  } else {
    PetscCall(FurlLayoutDestroy(layout));
    *why = "couplings off the axes are served on one process";
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridGuess(Mat A, PetscBool *likely)
{
  FurlRows    rows;
  FurlLayout  layout;
  const char *why = NULL;
  PetscInt    total;
  int         wide = 1;

  PetscFunctionBegin;
  *likely = PETSC_FALSE;
  PetscCall(MatGetSize(A, &total, NULL));
  if (total < BOX_MIN) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlRowsOpen(A, &rows));
  PetscCall(FurlLayoutOfMat(A, &rows, &layout, &why));
  if (!why) PetscCall(FurlStencilIsWide(&layout, &rows, &wide));
  if (!why) PetscCall(FurlLayoutDestroy(&layout));
  PetscCall(FurlRowsClose(A, &rows));
  *likely = wide ? PETSC_FALSE : PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridCreate(Mat A, PetscBool flexible, FurlGrid **grid, const char **why)
{
  FurlRows        read;
  FurlLayout      layout;
  FurlStencil     s;
  FurlShear       shear = {.jacobi = 0};
  PetscMPIInt     size;
  PetscInt        total, rows;
  const PetscInt *range;
  double          factor = 1;

  PetscFunctionBegin;
  *grid = NULL;
  PetscCall(MatGetSize(A, &total, NULL));
  PetscCall(MatGetLocalSize(A, &rows, NULL));
  PetscCall(FurlRowsOpen(A, &read));
  if (total < BOX_MIN)
    *why = "the matrix is small";
  else
    PetscCall(FurlLayoutOfMat(A, &read, &layout, why));
  if (!*why) PetscCall(ReadStencil(A, &read, &layout, &s, &factor, &shear, why));
  PetscCall(FurlRowsClose(A, &read));
  if (*why) PetscFunctionReturn(PETSC_SUCCESS);
  if (s.wind[0] || s.wind[1] || s.wind[2]) flexible = PETSC_FALSE; /* a K-cycle's formulas are those of conjugate gradients */
  PetscCall(PetscNew(grid));
  PetscCall(MatGetOwnershipRanges(A, &range));
  if (!shear.place) PetscCall(FurlLayoutSpread(&s.layout, range, &(*grid)->spread));
  if ((*grid)->spread || shear.place) PetscCall(PetscMalloc1(FurlBoxCells(&s.box), &(*grid)->cells));
  (*grid)->comm      = PetscObjectComm((PetscObject)A);
  (*grid)->sweeps    = 2;
  (*grid)->kcycles   = flexible ? K_LEVELS : 0;
  (*grid)->gamma     = flexible ? GAMMA_K : GAMMA_V;
  (*grid)->factor    = factor;
  (*grid)->sharpness = s.sharpness;
  (*grid)->faithful  = s.faithful;
  (*grid)->own       = s.own;
  (*grid)->nown      = s.nown;
  s.own              = (FurlEntries){.n = 0};
  (*grid)->shear     = shear;
  (*grid)->n         = rows;
  PetscCallMPI(MPI_Comm_size((*grid)->comm, &size));
  (*grid)->whole = PetscMin(PetscMax(total / size / WHOLE_SHARE, WHOLE_MIN), WHOLE_MAX);
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
  PetscCall(FurlEntriesDestroy(&(*grid)->own));
  PetscCall(PetscFree((*grid)->rows));
  PetscCall(PetscFree((*grid)->cells));
  PetscCall(FurlShearDestroy(&(*grid)->shear));
  PetscCall(PetscSFDestroy(&(*grid)->spread));
  PetscCall(FurlGridDestroy(&(*grid)->next));
  PetscCall(PetscFree((*grid)->partial));
  FurlBlockFree(&(*grid)->memory_of_refinement);
  FurlBlockFree(&(*grid)->memory_of_scratch);
  PetscCall(FurlGridCoarseDestroy(*grid));
  for (int l = (*grid)->nlevels - 1; l >= 0; l--) PetscCall(FurlGridLevelDestroy(&(*grid)->level[l]));
  PetscCall(PetscFree((*grid)->level));
  PetscCall(PetscFree(*grid));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The rows of the component to the cells of this process */
static PetscErrorCode SpreadRows(FurlGrid *grid, const double *x)
{
  const double *const rows = grid->rows ? grid->rows : x;

  PetscFunctionBegin;
  for (PetscInt r = 0; grid->rows && r < grid->n; r++) grid->rows[r] = x[grid->components * r + grid->component];
  PetscCall(PetscSFBcastBegin(grid->spread, MPI_DOUBLE, rows, grid->cells, MPI_REPLACE));
  PetscCall(PetscSFBcastEnd(grid->spread, MPI_DOUBLE, rows, grid->cells, MPI_REPLACE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The cells of this process to the rows of the component, or added to them */
static PetscErrorCode CollectRows(FurlGrid *grid, int add, double *y)
{
  double *const rows = grid->rows ? grid->rows : y;
  const MPI_Op  op   = add && !grid->rows ? MPI_SUM : MPI_REPLACE;

  PetscFunctionBegin;
  PetscCall(PetscSFReduceBegin(grid->spread, MPI_DOUBLE, grid->cells, rows, op));
  PetscCall(PetscSFReduceEnd(grid->spread, MPI_DOUBLE, grid->cells, rows, op));
  for (PetscInt r = 0; grid->rows && r < grid->n; r++) {
    double *const entry = y + grid->components * r + grid->component;

    *entry = (add ? *entry : 0) + rows[r];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static FurlGridSoftenArgs SoftenArgs(const FurlGrid *grid, double factor)
{
  const FurlShear *const shear = &grid->shear;

  return (FurlGridSoftenArgs){.n       = {shear->n[0], shear->n[1], shear->n[2]},
                              .stride  = PetscMax(grid->components, 1),
                              .place   = shear->place,
                              .inverse = shear->inverse,
                              .weight  = {shear->weight[0], shear->weight[1], shear->weight[2]},
                              .jacobi  = shear->jacobi,
                              .factor  = factor};
}

/* The user's vector to the cells, where those are not in its order */
static PetscErrorCode ToCells(FurlGrid *grid, const double *x)
{
  const FurlShear *const shear = &grid->shear;
  FurlGridSoftenArgs     args  = SoftenArgs(grid, 1);

  PetscFunctionBegin;
  if (grid->spread) PetscCall(SpreadRows(grid, x));
  if (!shear->place) PetscFunctionReturn(PETSC_SUCCESS);
  args.from = x + grid->component;
  args.to   = grid->cells;
  FurlLaunch(&FurlKernelFurlGridSoftenIn, &args, (int64_t)shear->n[1] * shear->n[2]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From the cells of a sheared box to y; x: what they were made from */
static PetscErrorCode FromSheared(FurlGrid *grid, double factor, const double *x, double *y)
{
  const FurlShear *const shear = &grid->shear;
  FurlGridSoftenArgs     args  = SoftenArgs(grid, factor);

  PetscFunctionBegin;
  for (PetscInt r = 0; r < grid->n; r++) shear->work[r] = grid->cells[shear->place[r]];
  args.from     = shear->work;
  args.residual = x + grid->component;
  args.to       = y + grid->component;
  FurlLaunch(&FurlKernelFurlGridSoftenBack, &args, (int64_t)shear->n[1] * shear->n[2]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Between the user's vectors, or where rows are spread those of the cells, and the finest level */
static FurlGridConvertArgs ConvertArgs(const FurlGrid *grid, double factor)
{
  const FurlGridLevel *const level = grid->level;
  const FurlBox *const       box   = &level->box;

  return (FurlGridConvertArgs){.n      = box->n[0],
                               .lines  = box->n[1],
                               .origin = box->origin,
                               .stride = {box->stride[1], box->stride[2]},
                               .span   = box->span,
                               .root   = level->root,
                               .others = grid->cells ? 0 : PetscMax(grid->components - 1, 0),
                               .factor = factor};
}

static void Convert(const FurlGrid *grid, const FurlKernel *kernel, const FurlGridConvertArgs *args)
{
  FurlLaunch(kernel, args, (int64_t)grid->level->box.n[1] * grid->level->box.n[2]);
}

int FurlGridShift(double size)
{
  return size > 0 && size <= PETSC_MAX_REAL ? PetscMin(SIZE - ilogb(size), SHIFT_MAX) : 0;
}

PetscErrorCode FurlGridTakeVector(FurlGrid *grid, int shift, const double *x, float *to)
{
  FurlGridConvertArgs args = ConvertArgs(grid, ldexp(1, shift));

  PetscFunctionBegin;
  PetscCall(ToCells(grid, x));
  args.from_high = grid->cells ? grid->cells : x + grid->component;
  args.to_low    = to;
  Convert(grid, &FurlKernelFurlGridToLow, &args);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = factor * what a vector of the finest level stands for, or added to y */
PetscErrorCode FurlGridGiveVector(FurlGrid *grid, double factor, const float *from, int add, double *y)
{
  FurlGridConvertArgs args = ConvertArgs(grid, factor);

  PetscFunctionBegin;
  args.from_low = from;
  args.to_high  = grid->cells ? grid->cells : y + grid->component;
  Convert(grid, add && !grid->cells ? &FurlKernelFurlGridAddToHigh : &FurlKernelFurlGridToHigh, &args);
  if (grid->spread) PetscCall(CollectRows(grid, add, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

void FurlGridEnqueueEnds(const FurlGrid *there, double factor, const double *power, const double *r, float *low, double *z)
{
  FurlGridConvertArgs args  = ConvertArgs(there, ldexp(factor, r ? SIZE : -SIZE));
  const int64_t       lines = (int64_t)there->level->box.n[1] * there->level->box.n[2];

  args.power     = power;
  args.from_high = r ? r + there->component : NULL;
  args.to_high   = z ? z + there->component : NULL;
  args.from_low  = low;
  args.to_low    = low;
  FurlRun(there->device.queue, r ? &FurlKernelFurlGridToLow : &FurlKernelFurlGridToHigh, &args, lines);
}

static PetscErrorCode ApplyOne(FurlGrid *grid, double size, double factor, const double *x, double *y)
{
  const FurlGridLevel *const level = grid->level;
  const int                  shift = FurlGridShift(size), sharpen = grid->sharpness > 0;

  PetscFunctionBegin;
  PetscCall(FurlGridTakeVector(grid, shift, x, sharpen ? level->x : level->b));
  if (sharpen) PetscCall(FurlGridSharpenVector(grid));
  PetscCall(FurlGridCycle(grid));
  if (sharpen) PetscCall(FurlGridSharpenVector(grid));
  PetscCall(FurlGridGiveVector(grid, ldexp(factor * grid->factor, -shift), sharpen ? level->b : level->x, 0, y));
  if (grid->shear.place) PetscCall(FromSheared(grid, factor * grid->factor, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridApply(FurlGrid *grid, double size, double factor, const double *x, double *y)
{
  PetscFunctionBegin;
  for (; grid; grid = grid->next) PetscCall(ApplyOne(grid, size, factor, x, y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridApplyTranspose(FurlGrid *grid, double size, double factor, const double *x, double *y)
{
  PetscFunctionBegin;
  for (; grid; grid = grid->next) {
    for (int l = 0; l < grid->nlevels; l++) grid->level[l].transposed = 1;
    PetscCall(ApplyOne(grid, size, factor, x, y));
    for (int l = 0; l < grid->nlevels; l++) grid->level[l].transposed = 0;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

void FurlGridAddBytes(const FurlGrid *grid, double *levels, double *transfers, double *vectors, double *coarsest)
{
  const FurlGridLevel *const finest = grid->level, *const last = grid->level + grid->nlevels - 1;

  for (const FurlGridLevel *level = finest; level <= last; level++) {
    const double cells = (double)(level->box.margin + 2 * level->box.span);

    *levels += cells * ((level->back[0] ? 4. : 2.) * level->directions + 2 + 4); /* couplings, correction, root */
    *transfers += level->child ? 8 * cells : 0;
    *vectors += cells * (level->twice ? 16 : 8) + 20. * (double)(level->ghosts[0].n + level->ghosts[1].n);
  }
  *vectors += 4. * (double)finest->box.span * (finest->depth == 1 ? 2 : 1) + (grid->cells ? 8. * (double)FurlBoxCells(&finest->box) : 0);
  if (grid->p) *vectors += 12. * 2. * (double)finest->box.span;
  *coarsest += 8. * (double)(FurlBoxCells(&last->box) * (FurlBoxCells(&last->box) + 1));
  *vectors += grid->shear.place ? 8. * (double)grid->n : 0;
  *transfers += grid->shear.place ? 8. * (double)grid->n : 0;
  if (grid->next) FurlGridAddBytes(grid->next, levels, transfers, vectors, coarsest);
}

static PetscErrorCode ViewLevel(const FurlGrid *grid, int l, PetscViewer viewer)
{
  const FurlGridLevel *const level = grid->level + l;
  const int *const           p     = level->periodic;

  PetscFunctionBegin;
  PetscCall(PetscViewerASCIIPrintf(viewer, "level %d: %" PetscInt_FMT " x %" PetscInt_FMT " x %" PetscInt_FMT " cells%s%s%s%s%s%s\n", l,
                                   level->N[0], level->N[1], level->N[2], p[0] || p[1] || p[2] ? ", periodic in" : "", p[0] ? " x" : "",
                                   p[1] ? " y" : "", p[2] ? " z" : "",
                                   level->twice  ? ", two cycles combined"
                                   : level->door ? ", gathered on every process"
                                                 : "",
                                   l + 1 == grid->nlevels ? ", dense inverse in FP64" : ""));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridView(FurlGrid *grid, PetscViewer viewer)
{
  double sums[5] = {0, 0, 0, 0, grid->n};

  PetscFunctionBegin;
  if (grid->components > 1) {
    PetscCall(PetscViewerASCIIPrintf(viewer, "a hierarchy for each of %" PetscInt_FMT " components; the first:\n", grid->components));
  }
  for (int l = 0; l < grid->nlevels; l++) PetscCall(ViewLevel(grid, l, viewer));
  FurlGridAddBytes(grid, &sums[0], &sums[1], &sums[2], &sums[3]);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sums, 5, MPI_DOUBLE, MPI_SUM, grid->comm));
  PetscCall(PetscViewerASCIIPrintf(viewer, "%d red-black sweeps before and after%s%s%s; levels hold %.1f bytes an unknown, vectors %.1f\n",
                                   grid->sweeps, grid->singular ? ", all rows sum to zero" : "",
                                   grid->sharpness > 0 ? ", rough vectors raised"
                                   : grid->shear.place ? ", along other axes than the box's"
                                                       : "",
                                   grid->level[0].back[0] ? ", upwind" : "", (sums[0] + sums[1]) / sums[4], sums[2] / sums[4]));
  PetscFunctionReturn(PETSC_SUCCESS);
}
