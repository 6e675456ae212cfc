/*
  Coarsening by lines. Each direction has its own map from lines to aggregates of one or two, read off the couplings: isotropic operators
  are coarsened in all directions, anisotropic ones in the strong direction, stretched grids where they are stretched, and aggregates end
  where coefficients jump. The coarse operator is again a stencil of the same kind.
*/
#include "grid.h"

#define STRONG 0.5   /* of the strongest line: weaker neighbours stay apart */
#define ENOUGH 0.62  /* a coarse level has at most this part of the cells, else weaker lines are joined too */
#define WEAKEST 1e-6 /* below which the search for lines to join ends */

/* Mean over a direction's lines of link / largest link at its ends, for each link along the direction */
static PetscErrorCode LineStrength(const FurlStencil *s, int d, double *strength)
{
  const FurlBox *const box    = &s->box;
  const PetscInt       nlines = box->n[1] * box->n[2];
  FurlGridStrengthArgs args   = {
      .step = box->stride[d], .n = box->n[0], .lines = box->n[1], .planes = box->n[2], .stride = {box->stride[1], box->stride[2]}};

  PetscFunctionBegin;
  args.link    = s->link[d] + box->origin;
  args.largest = s->largest + box->origin;
  PetscCall(PetscMalloc1(PetscMax(nlines, box->n[0]), &args.sum));
  PetscCall(PetscArrayzero(strength, box->n[d]));
  if (d == 0) {
    FurlLaunch(&FurlKernelFurlGridStrengthAlong, &args, (box->n[0] + FURL_WIDTH - 1) / FURL_WIDTH);
    for (PetscInt i = 0; i < box->n[0]; i++) strength[i] = args.sum[i] / (double)nlines;
  } else {
    FurlLaunch(&FurlKernelFurlGridStrengthAcross, &args, nlines);
    for (PetscInt r = 0; r < nlines; r++)
      strength[d == 1 ? r % box->n[1] : r / box->n[1]] += args.sum[r] / ((double)FurlBoxCells(box) / box->n[d]);
  }
  strength[box->n[d] - 1] = 0; /* the link across the ends of a periodic direction joins nothing */
  PetscCall(PetscFree(args.sum));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* From left to right: two lines become one where they hang together, unless the second hangs far more on the one after it */
static PetscInt JoinLines(PetscInt n, const double *strength, double strong, int32_t *first)
{
  PetscInt c = 0;

  for (PetscInt i = 0; i < n; c++) {
    const int rather = i + 2 < n && strength[i + 1] >= strong && strength[i] < 0.5 * strength[i + 1];

    first[c] = (int32_t)i;
    i += i + 1 < n && strength[i] >= strong && !rather ? 2 : 1;
  }
  first[c] = (int32_t)n;
  return c;
}

PetscErrorCode FurlLinesChoose(const FurlStencil *fine, FurlLines *lines)
{
  const FurlBox *const box = &fine->box;
  double              *strength[3], most = 0;

  PetscFunctionBegin;
  for (int d = 0; d < 3; d++) {
    PetscCall(PetscCalloc1(box->n[d], &strength[d]));
    PetscCall(PetscMalloc1(box->n[d] + 1, &lines->first[d]));
    if (fine->link[d]) PetscCall(LineStrength(fine, d, strength[d]));
    for (PetscInt i = 0; i < box->n[d]; i++) most = PetscMax(most, strength[d][i]);
  }
  for (double strong = STRONG;; strong /= 2) {
    double cells = 1;

    for (int d = 0; d < 3; d++) {
      lines->n[d] = JoinLines(box->n[d], strength[d], PetscMax(strong * most, PETSC_SMALL), lines->first[d]);
      cells *= lines->n[d];
    }
    if (cells <= ENOUGH * (double)FurlBoxCells(box) || strong < WEAKEST) break;
  }
  for (int d = 0; d < 3; d++) PetscCall(PetscFree(strength[d]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlLinesDestroy(FurlLines *lines)
{
  PetscFunctionBegin;
  for (int d = 0; d < 3; d++) PetscCall(PetscFree(lines->first[d]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Piecewise constant corrections make links between aggregates of two lines too strong: each side of two takes half of gamma - 1 */
static PetscErrorCode Damping(const FurlLines *lines, int d, double gamma, float **damping)
{
  const PetscInt       n     = lines->n[d];
  const int32_t *const first = lines->first[d];

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, damping));
  for (PetscInt c = 0; c < n; c++) {
    const PetscInt next  = (c + 1) % n;
    const int      pairs = (first[c + 1] - first[c] > 1) + (first[next + 1] - first[next] > 1);

    (*damping)[c] = (float)(1 / (1 + (gamma - 1) * 0.5 * pairs));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Two lines around a periodic direction are coupled twice: one link serves for both */
static void FoldTwoLines(FurlStencil *s, int d)
{
  const FurlBox *const box  = &s->box;
  const PetscInt       n[3] = {d == 0 ? 1 : box->n[0], d == 1 ? 1 : box->n[1], d == 2 ? 1 : box->n[2]};
        float *const link = s->link[d];

  for (PetscInt k = 0; k < n[2]; k++)
    for (PetscInt j = 0; j < n[1]; j++)
      for (PetscInt i = 0; i < n[0]; i++) {
        const int64_t G = FurlBoxAt(box, i, j, k);

        link[G] += link[G + box->stride[d]];
        link[G + box->stride[d]] = 0;
      }
}

PetscErrorCode FurlStencilCoarsen(const FurlStencil *fine, const FurlLines *lines, double gamma, FurlStencil *coarse)
{
  const FurlBox *const from = &fine->box;
  FurlGridGalerkinArgs args = {.excess = fine->excess + from->origin, .stride = {from->stride[1], from->stride[2]}};
  float               *damping[3];
  FurlBox              to;

  PetscFunctionBegin;
  FurlBoxInit(&to, lines->n, from->periodic);
  PetscCall(FurlStencilCreate(&to, coarse));
  for (int d = 0; d < 3; d++) {
    PetscCall(Damping(lines, d, gamma, &damping[d]));
    args.first[d]   = lines->first[d];
    args.damping[d] = damping[d];
    if (!coarse->link[d]) continue;
    args.link[d]        = fine->link[d] + from->origin;
    args.coarse_link[d] = coarse->link[d] + to.origin;
  }
  args.coarse_excess    = coarse->excess + to.origin;
  args.n                = to.n[0];
  args.lines            = to.n[1];
  args.coarse_stride[0] = to.stride[1];
  args.coarse_stride[1] = to.stride[2];
  FurlLaunch(&FurlKernelFurlGridGalerkin, &args, to.n[1] * to.n[2]);
  for (int d = 0; d < 3; d++) {
    PetscCall(PetscFree(damping[d]));
    if (from->periodic[d] && to.n[d] == 2) FoldTwoLines(coarse, d);
  }
  FurlStencilFinish(coarse);
  PetscFunctionReturn(PETSC_SUCCESS);
}
