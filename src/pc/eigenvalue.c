/*
  The largest eigenvalue of D^-1 A of a level, which bounds what its smoother has to damp. Where A is symmetric by Lanczos' method in the
  inner product of D: it finds eigenvalues whose vectors live on a few rows, as jumps of a coefficient make them, which ten steps of the
  power method miss by a fifth; a smoother made for less than the largest eigenvalue amplifies its vector. Else by the power method.
*/
#include <float.h>
#include "level.h"
#include "kernels/cycleargs.h"

#define LANCZOS_STEPS 10    /* both methods come from below: hence the margins */
#define LANCZOS_MARGIN 1.05 /* largest deficit seen: 4 % */
#define POWER_STEPS 10
#define POWER_MARGIN 1.1
#define BISECTIONS 40
#define LANES 8        /* of a sum, so that it is formed in vectors; vectors of a level are whole slices */
#define EXHAUSTED 1e-5 /* of the largest eigenvalue: what is left then is rounding, and the Krylov space invariant */
#define SKEW 1e-3      /* of the largest eigenvalue: vectors in FP32 are orthogonal up to less than that where A is symmetric */

/* A start vector without structure: a hash of the row's number (the finaliser of MurmurHash3, A. Appleby), so that every run is alike */
static float HashToFloat(uint32_t i)
{
  i = (i ^ i >> 16) * 0x85ebca6bu;
  i = (i ^ i >> 13) * 0xc2b2ae35u;
  return (float)((i ^ i >> 16) / 2147483648.0 - 1);
}

/* Sums of |d| x y and |d| x z over all processes */
static PetscErrorCode WeightedDots(MPI_Comm comm, const FurlLevel *level, const float *x, const float *y, const float *z, double dot[2])
{
  double sum[2][LANES] = {{0}};

  PetscFunctionBegin;
  for (PetscInt i = 0; i < level->n; i += LANES)
    for (PetscInt l = 0; l < LANES; l++) { /* what is behind the rows is zero */
      const double weighted = fabs((double)level->d[i + l]) * x[i + l];

      sum[0][l] += weighted * y[i + l];
      sum[1][l] += weighted * z[i + l];
    }
  dot[0] = dot[1] = 0;
  for (int l = 0; l < LANES; l++) {
    dot[0] += sum[0][l];
    dot[1] += sum[1][l];
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, dot, 2, MPI_DOUBLE, MPI_SUM, comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x of norm one; *norm is what it was */
static PetscErrorCode Normalise(MPI_Comm comm, const FurlLevel *level, float *x, double *norm)
{
  double square[2];

  PetscFunctionBegin;
  PetscCall(WeightedDots(comm, level, x, x, x, square));
  *norm = sqrt(square[0]);
  for (PetscInt i = 0; *norm > 0 && i < level->n; i++) x[i] = (float)(x[i] / *norm);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* level->w, of norm one; *norm is zero where there is no row */
static PetscErrorCode Begin(MPI_Comm comm, FurlLevel *level, double *norm)
{
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(PetscArrayzero(level->b, level->n));
  for (PetscInt i = 0; i < level->n; i++) level->w[i] = HashToFloat((uint32_t)i + 0x9e3779b9u * (uint32_t)rank);
  PetscCall(Normalise(comm, level, level->w, norm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* z = D^-1 A w, with the kernel of the smoother: b = 0 and c = -1 */
static PetscErrorCode Image(FurlLevel *level)
{
  FurlSmoothArgs args = {.b = level->b, .d = level->d, .z = level->z, .c = -1, .out = level->r};

  PetscFunctionBegin;
  PetscCall(FurlOperatorRun(&level->A, &FurlKernelFurlSmooth, &args, level->w));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A tridiagonal matrix */
typedef struct {
  double diagonal[LANCZOS_STEPS], beside[LANCZOS_STEPS]; /* beside[k]: between rows k and k + 1 */
  int    n;
} Tridiagonal;

/* Whether an eigenvalue is above x: Sturm's sequence has a positive pivot then */
static int HasAbove(const Tridiagonal *t, double x)
{
  double pivot = 1;

  for (int k = 0; k < t->n; k++) {
    pivot = t->diagonal[k] - x - (k ? t->beside[k - 1] * t->beside[k - 1] / pivot : 0);
    if (pivot > 0) return 1;
    if (pivot == 0) pivot = -DBL_MIN;
  }
  return 0;
}

static double LargestEigenvalue(const Tridiagonal *t)
{
  double low = 0, high = 0;

  for (int k = 0; k < t->n; k++) high = PetscMax(high, t->diagonal[k] + (k + 1 < t->n ? t->beside[k] : 0) + (k ? t->beside[k - 1] : 0));
  for (int k = 0; k < BISECTIONS; k++) {
    const double middle = (low + high) / 2;

    if (HasAbove(t, middle))
      low = middle;
    else
      high = middle;
  }
  return high;
}

/* x -= a y + b z */
static void Subtract(PetscInt n, float *x, double a, const float *y, double b, const float *z)
{
  for (PetscInt i = 0; i < n; i++) x[i] = (float)(x[i] - a * y[i] - b * z[i]);
}

/* w: the newest vector, x the one before; *lambda is zero where A is not symmetric */
static PetscErrorCode ByLanczos(MPI_Comm comm, FurlLevel *level, double *lambda)
{
  Tridiagonal t    = {.n = 0};
  double      skew = 0, largest = 0, norm;

  PetscFunctionBegin;
  PetscCall(Begin(comm, level, &norm));
  PetscCall(PetscArrayzero(level->x, level->n));
  while (t.n < LANCZOS_STEPS && norm > EXHAUSTED * largest && norm <= PETSC_MAX_REAL) {
    float *const before = level->x;
    const double beta   = t.n ? t.beside[t.n - 1] : 0;
    double       dot[2];

    PetscCall(Image(level));
    PetscCall(WeightedDots(comm, level, level->z, level->w, before, dot));
    t.diagonal[t.n] = dot[0];
    largest         = PetscMax(largest, fabs(dot[0]));
    skew            = PetscMax(skew, fabs(dot[1] - beta));
    Subtract(level->n, level->z, dot[0], level->w, beta, before);
    PetscCall(Normalise(comm, level, level->z, &norm));
    t.beside[t.n++] = norm;
    level->x        = level->w;
    level->w        = level->z;
    level->z        = before;
  }
  *lambda = LargestEigenvalue(&t);
  if (!(skew <= SKEW * *lambda)) *lambda = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ByPower(MPI_Comm comm, FurlLevel *level, double *lambda)
{
  PetscFunctionBegin;
  PetscCall(Begin(comm, level, lambda));
  for (int k = 0; k<POWER_STEPS && * lambda> 0; k++) {
    float *const w = level->w;

    PetscCall(Image(level));
    PetscCall(Normalise(comm, level, level->z, lambda));
    level->w = level->z;
    level->z = w;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlLevelEstimate(MPI_Comm comm, FurlLevel *level)
{
  double lambda = 0;

  PetscFunctionBegin;
  PetscCall(ByLanczos(comm, level, &lambda));
  level->lambda = LANCZOS_MARGIN * lambda;
  if (!(lambda > 0 && lambda <= PETSC_MAX_REAL)) {
    PetscCall(ByPower(comm, level, &lambda));
    level->lambda = POWER_MARGIN * lambda;
  }
  if (!(lambda > 0 && lambda <= PETSC_MAX_REAL)) level->lambda = 1;
  PetscCall(PetscArrayzero(level->z, level->n));
  PetscFunctionReturn(PETSC_SUCCESS);
}
