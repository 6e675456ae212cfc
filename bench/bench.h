/* What the benchmark's programs share: systems to solve, and the methods that solve them. Links PETSc alone */
#pragma once

#include <petscksp.h>
#include <petscdmda.h>

#if PETSC_VERSION_LT(3, 19, 0)
#define PETSC_SUCCESS ((PetscErrorCode)0)
#endif
#if defined(PETSC_USE_COMPLEX)
#error The benchmark is written for real scalars
#endif

/* A linear system A x = b */
typedef struct {
  char     title[256];
  Mat      A;        /* AIJ; carries its null space and near null space */
  Vec      b;        /* layout of A */
  PetscInt n;        /* cells a side where the system lives on a grid, else 0 */
  double   sign;     /* -1 where every diagonal entry is negative, else 1 */
  Mat      hypre;    /* the same matrix in hypre's structured form, NULL until asked for; 7-point systems on one rank only */
  Mat      positive; /* -A, NULL until asked for */
  Mat      typed;    /* A or -A in the type that a method wants, NULL until asked for */
  Mat      typed_of; /* which of them, not owned */
} Problem;

/* One way to solve a system: a line of bench/opponents.txt */
typedef struct {
  char      name[64];
  char      petsc[16];    /* which PETSc: 3.26, debian or any */
  char      problem[128]; /* for which systems: a comma list of problem types, or any */
  char      options[1024];
  double    rtol;    /* found by the first run so that the true residual meets the target; 0 before */
  PetscBool gave_up; /* it cannot reach the target */
} Method;

/* Which methods: of which file, for which PETSc and problem, and which names (comma list, or any) */
typedef struct {
  char file[PETSC_MAX_PATH_LEN], petsc[64], problem[64], names[512];
} Choice;

/* What one solve took */
typedef struct {
  double   rtol;            /* that the solver was given */
  double   setup, solve;    /* seconds */
  double   again;           /* seconds of a second solve by the same solver, from zero; 0: not asked for (-again) */
  double   residual;        /* |b - A x| / |b|, recomputed with the problem's own matrix */
  double   peak_mb, end_mb; /* resident memory above that before the solver was made: at its highest, and when solved; MB = 10^6 bytes */
  PetscInt iterations;
  char     where[96]; /* it ran: what the solver's view or its vectors say */
  KSPConvergedReason reason;
} Result;

PetscErrorCode ProblemCreate(MPI_Comm comm, Problem *p);
PetscErrorCode ProblemGetHypre(Problem *p, Mat *hypre);
PetscErrorCode ProblemGetPositive(Problem *p, Mat *positive);
PetscErrorCode ProblemGetTyped(Problem *p, Mat A, MatType type, Mat *typed);
PetscErrorCode ProblemDescribe(Problem *p);
PetscErrorCode ProblemDestroy(Problem *p);

PetscErrorCode DiffusionCreate(MPI_Comm comm, MatType type, Mat *A, char title[], size_t size);
PetscErrorCode BrickCreate(MPI_Comm comm, PetscBool elasticity, Mat *A, char title[], size_t size);
PetscErrorCode TetsCreate(MPI_Comm comm, Mat *A, char title[], size_t size);
PetscErrorCode MarketReadMatrix(MPI_Comm comm, const char file[], Mat *A, char title[], size_t size);
PetscErrorCode MarketReadVector(const char file[], Vec v);

PetscErrorCode MethodsRead(const Choice *choice, PetscInt max, Method methods[], PetscInt *n);
PetscErrorCode MethodRun(Method *m, Problem *p, double target, Result *result);
PetscErrorCode MethodWarmUp(const Method *m);

/*
  Furl's own products on a device (device.c), for programs that link Furl's objects; the functions are NULL in all others. A device: cuda,
  or host, the back end that does everything at once where the caller is. Open comes first and registers Furl's types.
*/
typedef struct BenchDevice BenchDevice;
#define BENCH_IF_LINKED __attribute__((weak))

BENCH_IF_LINKED PetscErrorCode BenchDeviceOpen(const char name[], char title[], size_t size);
BENCH_IF_LINKED PetscErrorCode BenchDeviceTriad(double *bandwidth); /* bytes a second */
BENCH_IF_LINKED PetscErrorCode BenchDeviceCreate(Mat furl, Vec x, BenchDevice **d);
BENCH_IF_LINKED PetscErrorCode BenchDeviceMult(BenchDevice *d, PetscInt count); /* enqueues products, and waits for all of them */
BENCH_IF_LINKED PetscErrorCode BenchDeviceResult(BenchDevice *d, Vec y);
BENCH_IF_LINKED double         BenchDeviceBytes(const BenchDevice *d); /* of the matrix, read by a product */
BENCH_IF_LINKED PetscErrorCode BenchDeviceDestroy(BenchDevice **d);

static inline int BenchCompareDoubles(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static inline double BenchMedian(double seconds[], PetscInt n)
{
  qsort(seconds, (size_t)n, sizeof(double), BenchCompareDoubles);
  return seconds[n / 2];
}
