/*
  Which axes a box is coarsened along. Where the tensor of an operator is turned against the box, neighbours along the axes are not those
  that a cell hangs on. Any three steps of the lattice of cells with determinant one may serve as axes in their place:

    e1 = (1, 0, 0), e2 = (w, 1, 0), e3 = (s, t, 1), the box's own directions in any order,

  and the box stays a box of as many cells when its lines are shifted around. Links along such axes can make up for the tensor where those
  along x, y and z cannot: in a plane some axes leave mixed derivatives of at most half the others, whatever the angle and the ratio.

  Links to far cells do not feel vectors that are rough within the step. So the cycle of the links, B, is softened by S = 1 - weight D^-1 L,
  L the second differences along x, y and z, and what is left to do is Jacobi's: jacobi D^-1 + S B^-1 S'. All of it is judged by symbols,
  on the mean row of the matrix: what A x = lambda (...)^-1 x is for waves x, and the axes with the narrowest range of lambda are taken.
*/
#include "grid.h"

#define ROWS 4096  /* looked at */
#define REACH 4    /* of w, s and t */
#define TRIED 12   /* axes whose symbols are looked at, those with the least mixed derivatives */
#define WAVES 16   /* in each direction */
#define GAIN 0.7   /* of the range without; a smaller gain is not worth the passes over vectors */
#define NARROW 3   /* a range that needs nothing */
#define FIXED 2    /* the rows of a face hold values beyond it where their mean excess is so many times that inside, */
#define LEAST 1e-3 /* and more than this part of the diagonal */
#define PARTS 6    /* choices of the weight of L: below zero S sharpens */
#define JACOBIS 6  /* choices of the part of Jacobi */

static const double Parts[PARTS]     = {-1, -0.5, 0, 0.5, 0.75, 1};
static const double Jacobis[JACOBIS] = {0.15, 0.3, 0.6, 1, 2, 4};

/* The mean row of the matrix, by displacement, its diagonal one; and the tensor of its second moments */
typedef struct {
  int    D;
  double entry[3][3][3];
  double tensor[3][3];
  double sharpness;
} Mean;

/* Axes: steps[p] are what one step along user's direction order[p] is in steps along the new axes; see FurlShear */
typedef struct {
  int    order[3], steps[3][3];
  double moment[3]; /* of the tensor, along the new axes */
  double mixed;     /* the largest mixed moment over the root of the two others */
} Axes;

static int ReadMeanRow(const FurlCsr *csr, const PetscInt n[3], PetscInt r, Mean *mean)
{
  const PetscInt at[3]    = {r % n[0], r / n[0] % n[1], r / n[0] / n[1]};
  double         diagonal = 0, row[3][3][3] = {{{0}}};

  for (int d = 0; d < 3; d++)
    if (n[d] > 1 && (at[d] == 0 || at[d] == n[d] - 1)) return 0;
  for (PetscInt k = csr->rowptr[r]; k < csr->rowptr[r + 1]; k++) {
    const PetscInt c     = csr->column[k];
    const PetscInt to[3] = {c % n[0] - at[0] + 1, c / n[0] % n[1] - at[1] + 1, c / n[0] / n[1] - at[2] + 1};

    for (int d = 0; d < 3; d++)
      if (to[d] < 0 || to[d] > 2) return 0;
    row[to[2]][to[1]][to[0]] = csr->value[k];
    if (c == r) diagonal = csr->value[k];
  }
  if (diagonal == 0) return 0;
  for (int k = 0; k < 27; k++) (&mean->entry[0][0][0])[k] += (&row[0][0][0])[k] / diagonal;
  return 1;
}

/* Of rows chosen by a hash; false where none is inside */
static int GetMean(const FurlCsr *csr, const FurlStencil *s, Mean *mean)
{
  const PetscInt *const n     = s->box.n;
  int                   count = 0;

  *mean = (Mean){.D = n[2] > 1 ? 3 : 2, .sharpness = s->sharpness};
  for (int k = 0; k < ROWS; k++) {
    const uint64_t hash = (uint64_t)(k + 1) * 0x9e3779b97f4a7c15u;

    count += ReadMeanRow(csr, n, (PetscInt)((hash >> 11) % (uint64_t)csr->nrows), mean);
  }
  for (int k = 0; count && k < 27; k++) {
    const int d[3] = {k % 3 - 1, k / 3 % 3 - 1, k / 9 - 1};

    (&mean->entry[0][0][0])[k] /= count;
    for (int p = 0; p < 9; p++) mean->tensor[p / 3][p % 3] -= 0.5 * (&mean->entry[0][0][0])[k] * d[p / 3] * d[p % 3];
  }
  return count > 0;
}

/* Means of excess over diagonal: inside, and of the rows along each face */
static void FindFixedFaces(const FurlStencil *plain, int fixed[3][2])
{
  const FurlBox *const  box       = &plain->box;
  const PetscInt *const n         = box->n;
  double                sum[4][2] = {{0}}, count[4][2] = {{0}};

  for (PetscInt r = 0; r < n[0] * n[1] * n[2]; r++) {
    const PetscInt at[3] = {r % n[0], r / n[0] % n[1], r / n[0] / n[1]};
    const int64_t  G     = FurlBoxAt(box, at[0], at[1], at[2]);
    const double   root = (double)plain->root[G], part = root > 0 ? (double)plain->excess[G] / (root * root) : 0;
    int            faces = 0, on = 3, side = 0;

    for (int d = 0; d < 3; d++) {
      if (n[d] == 1 || (at[d] > 0 && at[d] < n[d] - 1)) continue;
      on   = d;
      side = at[d] > 0;
      faces++;
    }
    if (faces > 1) continue;
    sum[on][side] += part;
    count[on][side]++;
  }
  for (int k = 0; k < 6; k++)
    fixed[k / 2][k % 2] = sum[k / 2][k % 2] > (FIXED * sum[3][0] / PetscMax(count[3][0], 1) + LEAST) * count[k / 2][k % 2];
}

/* The moments along the axes w, s, t of the directions in this order; false where one is not positive */
static int MakeAxes(const Mean *mean, const int order[3], int w, int s, int t, Axes *axes)
{
  const int steps[3][3] = {{1, -w, w * t - s}, {0, 1, -t}, {0, 0, 1}};
  double    m[3][3]     = {{0}};

  *axes = (Axes){.mixed = 0};
  for (int p = 0; p < 3; p++) {
    axes->order[p] = order[p];
    for (int q = 0; q < 3; q++) {
      axes->steps[p][q] = steps[p][q];
      for (int k = 0; k < 9; k++) m[p][q] += steps[p][k / 3] * mean->tensor[order[k / 3]][order[k % 3]] * steps[q][k % 3];
    }
  }
  for (int p = 0; p < mean->D; p++) {
    axes->moment[p] = m[p][p];
    if (!(m[p][p] > 0)) return 0;
    for (int q = 0; q < p; q++) axes->mixed = PetscMax(axes->mixed, fabs(m[p][q]) / sqrt(m[p][p] * m[q][q]));
  }
  return 1;
}

static void Insert(const Axes *axes, Axes best[TRIED])
{
  for (int k = TRIED - 1; k >= 0 && axes->mixed < best[k].mixed; k--) {
    if (k + 1 < TRIED) best[k + 1] = best[k];
    best[k] = *axes;
  }
}

/* Lines that are shifted are closed around, and aggregates join cells of opposite faces: no harm where both are nearly zero */
static int MayShift(int fixed[3][2], const int order[3], int w, int s, int t)
{
  if ((w || s) && !(fixed[order[0]][0] && fixed[order[0]][1])) return 0;
  return !t || (fixed[order[1]][0] && fixed[order[1]][1]);
}

static void FindAxes(const Mean *mean, int fixed[3][2], Axes best[TRIED])
{
  static const int orders[6][3] = {{0, 1, 2}, {1, 0, 2}, {0, 2, 1}, {2, 0, 1}, {1, 2, 0}, {2, 1, 0}};
  const int        side = 2 * REACH + 1, choices = mean->D == 3 ? side * side * side : side;
  Axes             axes;

  for (int k = 0; k < TRIED; k++) best[k].mixed = 1;
  for (int o = 0; o < (mean->D == 3 ? 6 : 2); o++)
    for (int c = 0; c < choices; c++) {
      const int w = c % side - REACH, s = mean->D == 3 ? c / side % side - REACH : 0, t = mean->D == 3 ? c / side / side - REACH : 0;

      if ((w || s || t) && MayShift(fixed, orders[o], w, s, t) && MakeAxes(mean, orders[o], w, s, t, &axes)) Insert(&axes, best);
    }
}

/* A wave: what A, links along x, y and z, and plain second differences make of it */
typedef struct {
  double angle[3], matrix, links, rough, plain;
} Wave;

static void MakeWave(const Mean *mean, int index, Wave *wave)
{
  double trace = 0;

  *wave = (Wave){.matrix = 0};
  for (int d = 0; d < mean->D; d++, index /= WAVES) {
    wave->angle[d] = (2 * (index % WAVES) + 1) * PETSC_PI / WAVES - PETSC_PI;
    wave->links += mean->tensor[d][d] * (2 - 2 * cos(wave->angle[d]));
    wave->plain += 2 - 2 * cos(wave->angle[d]);
    trace += mean->tensor[d][d];
  }
  wave->rough = wave->links / (4 * trace);
  for (int k = 0; k < 27; k++)
    wave->matrix +=
      (&mean->entry[0][0][0])[k] * cos((k % 3 - 1) * wave->angle[0] + (k / 3 % 3 - 1) * wave->angle[1] + (k / 9 - 1) * wave->angle[2]);
}

/* Links along the axes: a step along axis p is the column p of the inverse of steps */
static double AxesLinks(const Axes *axes, int D, const double angle[3])
{
  const int *const o = axes->order, w = -axes->steps[0][1], t = -axes->steps[1][2], s = w * t - axes->steps[0][2];
  double           sum = axes->moment[0] * (2 - 2 * cos(angle[o[0]])) + axes->moment[1] * (2 - 2 * cos(w * angle[o[0]] + angle[o[1]]));

  if (D == 3) sum += axes->moment[2] * (2 - 2 * cos(s * angle[o[0]] + t * angle[o[1]] + angle[o[2]]));
  return sum;
}

/* The range of lambda for the links along x, y and z, with sharpening */
static double PlainRange(const Mean *mean, const Wave *wave, int n)
{
  double least = PETSC_MAX_REAL, most = 0;

  for (int k = 0; k < n; k++) {
    const double S = 1 + mean->sharpness * wave[k].plain, lambda = S * S * wave[k].matrix / wave[k].links;

    least = PetscMin(least, lambda);
    most  = PetscMax(most, lambda);
  }
  return least > 0 ? most / least : PETSC_MAX_REAL;
}

/* The least range for these axes, with the part of L and of Jacobi that give it */
static double ShearedRange(const Mean *mean, const Axes *axes, const Wave *wave, int n, double *part, double *jacobi)
{
  double least[PARTS * JACOBIS], most[PARTS * JACOBIS], range = PETSC_MAX_REAL;

  for (int c = 0; c < PARTS * JACOBIS; c++) {
    least[c] = PETSC_MAX_REAL;
    most[c]  = 0;
  }
  for (int k = 0; k < n; k++) {
    const double links = AxesLinks(axes, mean->D, wave[k].angle);

    for (int c = 0; c < PARTS * JACOBIS; c++) {
      const double S = 1 - Parts[c / JACOBIS] * wave[k].rough, lambda = wave[k].matrix * (Jacobis[c % JACOBIS] + S * S / links);

      least[c] = PetscMin(least[c], lambda);
      most[c]  = PetscMax(most[c], lambda);
    }
  }
  for (int c = 0; c < PARTS * JACOBIS; c++) {
    if (!(least[c] > 0) || most[c] >= range * least[c]) continue;
    range   = most[c] / least[c];
    *part   = Parts[c / JACOBIS];
    *jacobi = Jacobis[c % JACOBIS];
  }
  return range;
}

static void TakeAxes(const Mean *mean, const Axes *axes, double part, double jacobi, FurlShear *shear)
{
  double trace = 0;

  for (int d = 0; d < mean->D; d++) trace += mean->tensor[d][d];
  shear->jacobi = jacobi;
  for (int d = 0; d < 3; d++) {
    shear->order[d]  = axes->order[d];
    shear->weight[d] = part * mean->tensor[d][d] / (4 * trace);
    for (int q = 0; q < 3; q++) shear->steps[d][q] = axes->steps[d][q];
  }
}

PetscErrorCode FurlShearChoose(const FurlCsr *csr, const FurlStencil *s, FurlShear *shear, int *found)
{
  const int n = (s->box.n[2] > 1 ? WAVES * WAVES * WAVES : WAVES * WAVES) / 2; /* a wave backward is no other wave */
  Mean      mean;
  Axes      axes[TRIED];
  Wave     *wave;
  double    best, part = 0, jacobi = 0;

  PetscFunctionBegin;
  *found = 0;
  *shear = (FurlShear){.jacobi = 0};
  for (int d = 0; d < 3; d++)
    if (s->layout.periodic[d] || (d < 2 && s->box.n[d] < 3)) PetscFunctionReturn(PETSC_SUCCESS);
  for (int64_t G = 0; G < s->box.nflat; G++) /* a row of its own */
    if (s->excess[G] < 0) PetscFunctionReturn(PETSC_SUCCESS);
  if (!GetMean(csr, s, &mean)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(n, &wave));
  for (int k = 0; k < n; k++) MakeWave(&mean, k, &wave[k]);
  best = PlainRange(&mean, wave, n);
  PetscCall(PetscInfo(NULL, "Range of the symbol by links along x, y, z: %g\n", best));
  if (best > NARROW) {
    best *= GAIN;
    FindFixedFaces(s, shear->fixed);
    FindAxes(&mean, shear->fixed, axes);
    for (int k = 0; k < TRIED && axes[k].mixed < 1; k++) {
      const double range = ShearedRange(&mean, &axes[k], wave, n, &part, &jacobi);

      if (range >= best) continue;
      best   = range;
      *found = 1;
      TakeAxes(&mean, &axes[k], part, jacobi, shear);
      PetscCall(PetscInfo(NULL, "Axes (%d), (%d), (%d): %g with part %g of L and %g of Jacobi\n", -axes[k].steps[0][1],
                          -axes[k].steps[1][2], -axes[k].steps[0][2], range, part, jacobi));
    }
  }
  PetscCall(PetscFree(wave));
  PetscFunctionReturn(PETSC_SUCCESS);
}
