/* Random matrices for the tests of the format, and a plain product to compare with. No PETSc function is used, only its integer type. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <furl/slices.h>
#include <furl/planes.h>

#define FUZZ_MOST_ROWS 400
#define FUZZ_MOST_NNZ 40000

typedef struct {
  PetscInt rowptr[FUZZ_MOST_ROWS + 2], column[FUZZ_MOST_NNZ];
  double   value[FUZZ_MOST_NNZ];
  FurlCsr  csr;
} FuzzMatrix;

/* xorshift64* (Marsaglia, Vigna) */
static inline uint64_t FuzzNext(uint64_t *state)
{
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * 0x2545f4914f6cdd1dull;
}

static inline int FuzzBelow(uint64_t *state, int n)
{
  return (int)(FuzzNext(state) >> 33) % n;
}

static inline double FuzzUniform(uint64_t *state)
{
  return (double)(FuzzNext(state) >> 11) * 0x1p-53;
}

/* Families of values: ordinary, few different, wide ranges, denormals and zeros, any bits (NaN and infinities too), short significands */
enum { FUZZ_ORDINARY, FUZZ_FEW, FUZZ_WIDE, FUZZ_TINY, FUZZ_BITS, FUZZ_SHORT, FUZZ_EDGES, FUZZ_FAMILIES };

static inline double FuzzValue(uint64_t *state, int family)
{
  const double u = FuzzUniform(state) - 0.5;

  switch (family) {
  case FUZZ_FEW:
    return FuzzBelow(state, 3) - 1.0;
  case FUZZ_WIDE:
    return ldexp(u, FuzzBelow(state, 2000) - 1000);
  case FUZZ_TINY:
    return FuzzBelow(state, 3) ? ldexp(u, -1010 - FuzzBelow(state, 64)) : copysign(0, u);
  case FUZZ_BITS:
    return FurlDoubleFromBits(FuzzNext(state));
  case FUZZ_SHORT:
    return ldexp((double)(FuzzBelow(state, 255) - 127), FuzzBelow(state, 60) - 30);
  case FUZZ_EDGES: /* ties, all ones and the rims of the window, each give or take a bit */
    return FurlDoubleFromBits((uint64_t)(1000 + 30 * FuzzBelow(state, 2) + FuzzBelow(state, 3)) << 52 |
                              (((1ull << 41) * (uint64_t)FuzzBelow(state, 2048)) + (uint64_t)FuzzBelow(state, 5) - 2) % (1ull << 52) |
                              (uint64_t)FuzzBelow(state, 2) << 63);
  default:
    return u;
  }
}

static inline void FuzzAppend(FuzzMatrix *m, int64_t j, double value)
{
  PetscInt *const n = m->rowptr + m->csr.nrows + 1; /* end of the row under construction */

  if (*n == FUZZ_MOST_NNZ) return;
  m->column[*n]    = (PetscInt)j;
  m->value[(*n)++] = value;
}

static inline void FuzzBegin(FuzzMatrix *m, int64_t ncols)
{
  m->csr       = (FurlCsr){.ncols = ncols, .rowptr = m->rowptr, .column = m->column, .value = m->value};
  m->rowptr[0] = 0;
  m->rowptr[1] = 0;
}

static inline void FuzzEndRow(FuzzMatrix *m)
{
  m->csr.nrows++;
  m->rowptr[m->csr.nrows + 1] = m->rowptr[m->csr.nrows];
}

/* Rows of random length, some empty, some dense */
static inline void FuzzScattered(FuzzMatrix *m, uint64_t *state, int family)
{
  const int nrows = FuzzBelow(state, FUZZ_MOST_ROWS), ncols = 1 + FuzzBelow(state, FuzzBelow(state, 2) ? 300 : 200000);
  const int most = 1 + FuzzBelow(state, 12);

  FuzzBegin(m, ncols);
  for (int i = 0; i < nrows; i++, FuzzEndRow(m)) {
    const int dense = !FuzzBelow(state, 100);
    const int step  = dense ? 1 + ncols / 200 : 1 + 2 * ncols / most;

    if (!FuzzBelow(state, 8)) continue;
    for (int j = FuzzBelow(state, step); j < ncols; j += 1 + FuzzBelow(state, step)) FuzzAppend(m, j, FuzzValue(state, family));
  }
}

/* What the diagonal of a band is beside a value as any */
typedef struct {
  int    balanced, units, odd; /* 1 where rows sum to the excess, but for so many units in the last place; but for one row in `odd` */
  double excess;
} FuzzDiagonal;

static inline FuzzDiagonal FuzzChooseDiagonal(uint64_t *state, int family)
{
  static const int units[] = {0, 1, 5, 200};
  FuzzDiagonal     d       = {.balanced = FuzzBelow(state, 2), .units = units[FuzzBelow(state, 4)], .odd = 2 + FuzzBelow(state, 100)};

  d.excess = FuzzBelow(state, 2) ? FuzzValue(state, family) : 0;
  return d;
}

/* Gives the diagonal entry of the last row, where it has one, the value that the others leave of the excess */
static inline void FuzzBalance(FuzzMatrix *m, uint64_t *state, const FuzzDiagonal *d)
{
  const PetscInt i      = (PetscInt)m->csr.nrows;
  double         others = 0;

  if (!d->balanced || !FuzzBelow(state, d->odd)) return;
  for (PetscInt k = m->rowptr[i]; k < m->rowptr[i + 1]; k++) others += m->column[k] != i ? m->value[k] : 0;
  if (!isnormal(d->excess - others)) return;
  for (PetscInt k = m->rowptr[i]; k < m->rowptr[i + 1]; k++)
    if (m->column[k] == i)
      m->value[k] = FurlDoubleFromBits(FurlDoubleToBits(d->excess - others) + (uint64_t)(FuzzBelow(state, 2 * d->units + 1) - d->units));
}

/* A band of random diagonals with holes; symmetric: value of (i, j) from a hash of the pair, all but a few of them */
static inline void FuzzBanded(FuzzMatrix *m, uint64_t *state, int family)
{
  const int      nrows = FuzzBelow(state, FUZZ_MOST_ROWS), ndiagonals = 1 + FuzzBelow(state, 5), holes = FuzzBelow(state, 2) * 40;
  const int      odd        = FuzzBelow(state, 3) ? 0 : 50;
  const uint64_t seed       = FuzzNext(state);
  int            offset[11] = {0};

  const FuzzDiagonal diagonal = FuzzChooseDiagonal(state, family);

  for (int d = 1; d <= ndiagonals; d++) offset[d] = offset[d - 1] + 1 + FuzzBelow(state, FuzzBelow(state, 2) ? 3 : 150);
  FuzzBegin(m, nrows);
  for (int i = 0; i < nrows; i++, FuzzEndRow(m)) {
    for (int d = -ndiagonals; d <= ndiagonals; d++) {
      const int64_t j    = i + (d < 0 ? -offset[-d] : offset[d]);
      uint64_t      pair = seed + 1000003 * (uint64_t)(j < i ? j : i) + (uint64_t)(d < 0 ? -d : d);

      if (j < 0 || j >= nrows) continue;
      (void)FuzzNext(&pair);
      if (holes && !(FuzzNext(&pair) % (uint64_t)holes)) continue;
      if (odd && !FuzzBelow(state, odd)) (void)FuzzNext(&pair);
      FuzzAppend(m, j, FuzzValue(&pair, family));
    }
    FuzzBalance(m, state, &diagonal);
  }
}

/* Dense blocks of w x w entries at random places, near and far, of which some miss entries */
static inline void FuzzBlocked(FuzzMatrix *m, uint64_t *state, int family)
{
  const int w = 2 + FuzzBelow(state, 9), nblocks = FuzzBelow(state, FUZZ_MOST_ROWS / w), holes = FuzzBelow(state, 2) * 30;
  const int ncolumns = (1 + FuzzBelow(state, FuzzBelow(state, 2) ? 60 : 200000)) * w, most = 1 + FuzzBelow(state, 8);

  FuzzBegin(m, ncolumns);
  for (int b = 0; b < nblocks; b++) {
    const uint64_t row_of_blocks = FuzzNext(state) | 1;
    const int      step          = 1 + 2 * (ncolumns / w) / most;

    for (int r = 0; r < w; r++, FuzzEndRow(m)) {
      uint64_t place = row_of_blocks;

      for (int c = FuzzBelow(&place, step); c < ncolumns / w; c += 1 + FuzzBelow(&place, step))
        for (int d = 0; d < w; d++)
          if (!holes || FuzzBelow(state, holes)) FuzzAppend(m, (int64_t)c * w + d, FuzzValue(state, family));
    }
  }
}

/* Few different rows, in runs, in turn or in any order, whose entries beyond the ends are left out */
static inline void FuzzRepeated(FuzzMatrix *m, uint64_t *state, int family)
{
  const int nrows = FuzzBelow(state, FUZZ_MOST_ROWS), kinds = 1 + FuzzBelow(state, 6), order = FuzzBelow(state, 3),
            run = 1 + FuzzBelow(state, 40);
  int    offset[6][12], length[6];
  double value[6][12];

  for (int t = 0; t < kinds; t++) {
    length[t] = FuzzBelow(state, 12);
    for (int k = 0, at = -FuzzBelow(state, 60); k < length[t]; k++, at += 1 + FuzzBelow(state, FuzzBelow(state, 2) ? 2 : 30)) {
      offset[t][k] = at;
      value[t][k]  = FuzzValue(state, family);
    }
  }
  FuzzBegin(m, nrows ? nrows : 1);
  for (int i = 0; i < nrows; i++, FuzzEndRow(m)) {
    const int t = order == 0 ? i % kinds : order == 1 ? i / run % kinds : FuzzBelow(state, kinds);

    for (int k = 0; k < length[t]; k++)
      if (i + offset[t][k] >= 0 && i + offset[t][k] < nrows) FuzzAppend(m, i + offset[t][k], value[t][k]);
  }
}

static inline void FuzzGenerate(FuzzMatrix *m, uint64_t *state, int family)
{
  switch (FuzzBelow(state, 5)) {
  case 0:
    FuzzScattered(m, state, family);
    break;
  case 1:
    FuzzBlocked(m, state, family);
    break;
  case 2:
    FuzzRepeated(m, state, family);
    break;
  default:
    FuzzBanded(m, state, family);
  }
}
