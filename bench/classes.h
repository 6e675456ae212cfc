/*
  The coefficient classes of the benchmark: formulas and seeds, in one place, so that every program measures the same systems.

  A grid of n^3 cells; cell (i, j, k) has sides h_d and conductivity K. The coupling of two neighbours in direction d is
  w_d area / (h / (2 K) + h' / (2 K')), the harmonic mean over the two half cells, w_d the anisotropy of the class.
*/
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

#define BENCH_SEED 20261u  /* of every pseudo-random coefficient */
#define BENCH_MAX_N 4096   /* cells a side, for the table of layers */
#define BENCH_BLOCKS 8     /* blocks a side of the checkerboards */
#define BENCH_STRETCH 10.0 /* largest cell side over the smallest */
#define BENCH_NOISE 400.0  /* contrast of the per-cell random class */
#define BENCH_SIGMA 3.0    /* of log K in thin layers */

typedef enum {
  BENCH_CONSTANT,
  BENCH_SMOOTH,
  BENCH_JUMP4,
  BENCH_JUMP6,
  BENCH_ANISOTROPIC,
  BENCH_STRETCHED,
  BENCH_RANDOM,
  BENCH_LAYERS
} BenchClass;

static const char *const BenchClassNames[] = {"constant", "smooth", "jump4",      "jump6",  "anisotropic", "stretched",
                                              "random",   "layers", "BenchClass", "BENCH_", NULL};

typedef struct {
  BenchClass class;
  int64_t n;                  /* cells a side */
  char    bc[4];              /* one of d, n, p (Dirichlet, Neumann, periodic) for x, y, z */
  double  layer[BENCH_MAX_N]; /* conductivity of the layer that cell k lies in, BENCH_LAYERS only */
} BenchGrid;

/* splitmix64's finaliser: a good hash of a counter */
static inline uint64_t BenchHash(uint64_t x)
{
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/* Uniform in (0, 1), a function of stream and counter alone */
static inline double BenchUniform(uint64_t stream, uint64_t counter)
{
  return ((double)(BenchHash(BenchHash(BENCH_SEED + stream) ^ counter) >> 11) + 0.5) / 9007199254740992.0;
}

/* Standard normal (Box and Muller) */
static inline double BenchNormal(uint64_t stream, uint64_t counter)
{
  return sqrt(-2 * log(BenchUniform(stream, 2 * counter))) * cos(2 * M_PI * BenchUniform(stream, 2 * counter + 1));
}

static inline void BenchGridInit(BenchGrid *grid, BenchClass class, int64_t n, const char *bc)
{
  grid->class = class;
  grid->n     = n;
  for (int d = 0; d < 4; d++) grid->bc[d] = d < 3 && *bc ? *bc++ : 0;
  for (int64_t k = 0, layer = 0; class == BENCH_LAYERS && k < n; layer++) {
    const int64_t thickness = 1 + (int64_t)(3 * BenchUniform(1, layer));

    for (int64_t end = k + thickness; k < end && k < n; k++) grid->layer[k] = exp(BENCH_SIGMA * BenchNormal(2, layer));
  }
}

/* Side of cell i in any direction, in units of the smallest */
static inline double BenchSide(const BenchGrid *grid, int64_t i)
{
  return grid->class == BENCH_STRETCHED && grid->n > 1 ? 1 + (BENCH_STRETCH - 1) * i / (grid->n - 1) : 1;
}

static inline double BenchWeight(const BenchGrid *grid, int d)
{
  return grid->class == BENCH_ANISOTROPIC ? (d == 0 ? 1 : d == 1 ? 1e-2 : 1e-4) : 1;
}

static inline double BenchConductivity(const BenchGrid *grid, const int64_t c[3])
{
  const int64_t n = grid->n;

  switch (grid->class) {
  case BENCH_SMOOTH:
    return 2 + sin(2 * M_PI * (c[0] + .5) / n) * sin(2 * M_PI * (c[1] + .5) / n) * sin(2 * M_PI * (c[2] + .5) / n);
  case BENCH_JUMP4:
  case BENCH_JUMP6:
    if ((c[0] * BENCH_BLOCKS / n + c[1] * BENCH_BLOCKS / n + c[2] * BENCH_BLOCKS / n) % 2 == 0) return 1;
    return grid->class == BENCH_JUMP4 ? 1e4 : 1e6;
  case BENCH_RANDOM:
    return exp(log(BENCH_NOISE) * (BenchUniform(3, (uint64_t)(c[0] + n * (c[1] + n * c[2]))) - .5));
  case BENCH_LAYERS:
    return grid->layer[c[2]];
  default:
    return 1;
  }
}

/* Coupling of cell c to its neighbour in direction d, side +1 or -1; `neighbour` is -1 where the boundary is; *boundary is what Dirichlet
 * adds */
static inline double BenchCoupling(const BenchGrid *grid, const int64_t c[3], int d, int side, int64_t other[3], double *boundary)
{
  const double h = BenchSide(grid, c[d]), area = BenchSide(grid, c[0]) * BenchSide(grid, c[1]) * BenchSide(grid, c[2]) / h;
  const double K = BenchConductivity(grid, c), w = BenchWeight(grid, d);

  *boundary = 0;
  memcpy(other, c, 3 * sizeof(*other));
  other[d] += side;
  if (other[d] < 0 || other[d] >= grid->n) {
    if (grid->bc[d] == 'd') *boundary = 2 * w * K * area / h;
    if (grid->bc[d] != 'p') return 0;
    other[d] = (other[d] + grid->n) % grid->n;
  }
  return w * area / (.5 * h / K + .5 * BenchSide(grid, other[d]) / BenchConductivity(grid, other));
}
