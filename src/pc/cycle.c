/*
  The V-cycle. Smoother: Chebyshev polynomials of the fourth kind in D^-1 A with Lottes' optimal weights for degrees 1 and 2
  (J. Lottes, Optimal polynomial smoothers for multigrid V-cycles, Numer. Linear Algebra Appl. 30, 2023); the same before and after, so that
  the cycle is symmetric.
*/
#include "level.h"
#include "kernels/cycleargs.h"

PetscErrorCode FurlOperatorRun(const FurlOperator *op, const FurlKernel *kernel, void *args, const float *x)
{
  FurlProductArgs *const  product = args;
  const FurlMatrix *const m       = &op->matrix;

  PetscFunctionBegin;
  product->diagonal    = FurlSlicesGetView(&m->diagonal);
  product->offdiagonal = (FurlSlicesView){.nslices = 0};
  product->list        = m->interior;
  product->x           = x;
  product->ghost       = op->ghost;
  PetscCall(FurlHaloBegin(m, MPI_FLOAT, x, op->ghost));
  FurlRun(op->queue, kernel, args, m->ninterior);
  PetscCall(FurlHaloEnd(m, MPI_FLOAT, x, op->ghost));
  if (!m->nboundary) PetscFunctionReturn(PETSC_SUCCESS);
  product->offdiagonal = FurlSlicesGetView(&m->offdiagonal);
  product->list        = m->boundary;
  FurlRun(op->queue, kernel, args, m->nboundary);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlOperatorDestroy(FurlOperator *op)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(op->ghost));
  PetscCall(FurlMatrixDestroy(&op->matrix));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Step k = 1, 2, ... of the polynomial of degree n: z = a z + c D^-1 r, and what the solution takes of it */
typedef struct {
  float a, c; /* weights of the recurrence */
  float e, f; /* weights in the output of the step before's z and of this one's */
} Step;

static Step GetStep(int k, int n, double lambda)
{
  static const double weight1 = 1.125, weight2[2] = {1.02387287570313, 1.26408905371085};
  Step                step = {.a = (float)((2. * k - 3) / (2. * k + 1)), .c = (float)((8. * k - 4) / ((2. * k + 1) * lambda)), .f = 1};

  if (k == 1) step.a = 0;
  if (n == 1) step.f = (float)weight1;
  if (n == 2 && k == 2) {
    step.e = (float)(weight2[0] - 1);
    step.f = (float)weight2[1];
  }
  return step;
}

/* The first step from a zero guess needs no product */
static void FirstStep(FurlLevel *level, int n)
{
  const Step          step = GetStep(1, n, level->lambda);
  FurlFirstSmoothArgs args = {.b = level->b, .d = level->d, .z = level->z, .out = n == 1 ? level->x : level->w, .c = step.c, .f = step.f};

  FurlRun(level->A.queue, &FurlKernelFurlFirstSmooth, &args, level->nitems);
}

/* Steps first .. n; the last writes x, those before alternate between w and r */
static PetscErrorCode Steps(FurlLevel *level, int first, int n)
{
  const float *x = first == 1 ? level->x : level->w;

  PetscFunctionBegin;
  for (int k = first; k <= n; k++) {
    const Step     step = GetStep(k, n, level->lambda);
    float *const   out  = k == n && x != level->x ? level->x : x == level->w ? level->r : level->w;
    FurlSmoothArgs args = {.b = level->b, .d = level->d, .z = level->z, .out = out, .a = step.a, .c = step.c, .e = step.e, .f = step.f};

    PetscCall(FurlOperatorRun(&level->A, &FurlKernelFurlSmooth, &args, x));
    x = out;
  }
  if (x != level->x) { /* degree 1 after the correction: the roles of x and w change */
    level->w = level->x;
    level->x = (float *)x;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Transfer(const FurlOperator *op, const float *from, float *to, int add)
{
  FurlTransferArgs args = {.y = to, .add = add};

  PetscFunctionBegin;
  PetscCall(FurlOperatorRun(op, &FurlKernelFurlTransfer, &args, from));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CycleLevel(FurlHierarchy *h, PetscInt l)
{
  FurlLevel *const level    = h->level + l;
  const int        n        = (int)h->degree;
  FurlResidualArgs residual = {.b = level->b, .d = level->d, .r = level->r};

  PetscFunctionBegin;
  if (l + 1 == h->nlevels) {
    PetscCall(FurlCoarseSolve(&h->coarse, level));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  FirstStep(level, n);
  if (n > 1) PetscCall(Steps(level, 2, n));
  PetscCall(FurlOperatorRun(&level->A, &FurlKernelFurlResidual, &residual, level->x));
  PetscCall(Transfer(&level->R, level->r, level[1].b, 0));
  PetscCall(CycleLevel(h, l + 1));
  PetscCall(Transfer(&level->P, level[1].x, level->x, 1));
  PetscCall(Steps(level, 1, n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlCycle(FurlHierarchy *h)
{
  PetscFunctionBegin;
  PetscCall(CycleLevel(h, 0));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlHierarchyDestroy(FurlHierarchy *h)
{
  PetscFunctionBegin;
  for (PetscInt l = 0; l < h->nlevels; l++) PetscCall(FurlLevelDestroy(h->level + l));
  PetscCall(PetscFree(h->level));
  PetscCall(FurlCoarseDestroy(&h->coarse));
  PetscCall(PetscFree(h->p));
  PetscCall(PetscFree(h->q));
  PetscCall(PetscFree(h->u));
  PetscCall(PetscFree(h->partial));
  h->nlevels = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}
