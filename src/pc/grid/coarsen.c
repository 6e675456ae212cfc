/*
  Coarsening by lines. Each direction has its own map from lines to aggregates of one or two, read off the couplings: isotropic operators
  are coarsened in all directions, anisotropic ones in the strong direction, stretched grids where they are stretched, and aggregates end
  where coefficients jump. The coarse operator is again a stencil of the same kind.
*/
#include "grid.h"

#define STRONG 0.5    /* of the strongest line: weaker neighbours stay apart */
#define IN_PLANE 0.75 /* the same with less than three directions: fewer iterations, and levels that shrink by four can be larger */
#define ENOUGH 0.75   /* a coarse level has at most this part of the cells, else weaker lines are joined too */
#define WEAKEST 1e-6  /* below which the search for lines to join ends */

static void AddLine(const FurlGridStrengthArgs *args, PetscInt from, double share, double *strength, double *torn)
{
  *strength += args->sum[from] * share;
  *torn += args->torn[from] * share;
}

/* Adds this process's part of the mean, over a direction's lines, of link / largest link at its ends, and of how many are torn: of each
 * link along the direction, in the numbering of all processes */
static PetscErrorCode AddLineStrength(const FurlStencil *s, int d, double *strength, double *torn)
{
  const FurlBox *const   box    = &s->box;
  const FurlPiece *const piece  = &s->layout.piece[s->layout.rank];
  const PetscInt *const  N      = s->layout.N;
  const double           share  = 1 / ((double)N[(d + 1) % 3] * N[(d + 2) % 3]);
  const PetscInt         nlines = box->n[1] * box->n[2];
  FurlGridStrengthArgs   args   = {
        .step = box->stride[d], .n = box->n[0], .lines = box->n[1], .planes = box->n[2], .stride = {box->stride[1], box->stride[2]}};

  PetscFunctionBegin;
  args.link    = s->link[d] + box->origin;
  args.largest = s->largest + box->origin;
  if (s->wind[d]) args.wind = s->wind[d] + box->origin;
  if (!FurlBoxCells(box)) PetscFunctionReturn(PETSC_SUCCESS);
  strength += piece->start[d];
  torn += piece->start[d];
  PetscCall(PetscMalloc2(PetscMax(nlines, box->n[0]), &args.sum, PetscMax(nlines, box->n[0]), &args.torn));
  if (d == 0) {
    FurlLaunch(&FurlKernelFurlGridStrengthAlong, &args, (box->n[0] + FURL_WIDTH - 1) / FURL_WIDTH);
    for (PetscInt i = 0; i < box->n[0]; i++) AddLine(&args, i, share, strength + i, torn + i);
  } else {
    FurlLaunch(&FurlKernelFurlGridStrengthAcross, &args, nlines);
    for (PetscInt r = 0; r < nlines; r++) {
      const PetscInt line = d == 1 ? r % box->n[1] : r / box->n[1];

      AddLine(&args, r, share, strength + line, torn + line);
    }
  }
  PetscCall(PetscFree2(args.sum, args.torn));
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

/* Links across the ends of a periodic direction, or between processes, join nothing */
static void CutLines(const FurlLayout *layout, int d, double *strength)
{
  strength[layout->N[d] - 1] = 0;
  for (PetscMPIInt p = 0; layout->cut[d] && p < layout->size; p++)
    if (layout->piece[p].start[d] > 0) strength[layout->piece[p].start[d] - 1] = 0;
}

/* Where a part of the links is torn, joining the two lines would tear as many cells from those that they really hang on: even a small part
 * of such aggregates spoils the correction, so the strength falls with the fourth power of what is not torn */
static double Strength(double mean, double torn)
{
  const double whole = PetscMax(1 - torn, 0);

  return mean * whole * whole * whole * whole;
}

/* The strengths of all directions, one array for one reduction */
static PetscErrorCode GetStrengths(const FurlStencil *s, double **all, double *strength[3])
{
  const PetscInt *const N = s->layout.N;
  const PetscInt        n = N[0] + N[1] + N[2];

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(2 * n, all));
  strength[0] = *all;
  strength[1] = strength[0] + N[0];
  strength[2] = strength[1] + N[1];
  for (int d = 0; d < 3; d++)
    if (s->link[d]) PetscCall(AddLineStrength(s, d, strength[d], strength[d] + n));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, *all, (PetscMPIInt)(2 * n), MPI_DOUBLE, MPI_SUM, s->layout.comm));
  for (PetscInt i = 0; i < n; i++) (*all)[i] = Strength((*all)[i], (*all)[n + i]);
  for (int d = 0; d < 3; d++) CutLines(&s->layout, d, strength[d]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlLinesChoose(const FurlStencil *fine, FurlLines *lines)
{
  const PetscInt *const N     = fine->layout.N;
  const int             space = fine->link[0] && fine->link[1] && fine->link[2];
  double               *all, *strength[3], most = 0;

  PetscFunctionBegin;
  PetscCall(GetStrengths(fine, &all, strength));
  for (PetscInt i = 0; i < N[0] + N[1] + N[2]; i++) most = PetscMax(most, all[i]);
  for (int d = 0; d < 3; d++) PetscCall(PetscMalloc1(N[d] + 1, &lines->first[d]));
  for (double strong = space ? STRONG : IN_PLANE;; strong /= 2) {
    double cells = 1;

    for (int d = 0; d < 3; d++) {
      lines->n[d] = JoinLines(N[d], strength[d], PetscMax(strong * most, PETSC_SMALL), lines->first[d]);
      cells *= lines->n[d];
    }
    if (cells <= ENOUGH * N[0] * N[1] * N[2] || strong < WEAKEST) break;
  }
  PetscCall(PetscFree(all));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlLinesDestroy(FurlLines *lines)
{
  PetscFunctionBegin;
  for (int d = 0; d < 3; d++) PetscCall(PetscFree(lines->first[d]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The second link leads back: its wind blows the other way, and what blows both ways is a link */
static void FoldWinds(float *wind, float *back, float *link)
{
  if (*wind * *back > 0) *link += PetscMin(PetscAbs(*wind), PetscAbs(*back));
  *wind -= *back;
  *back = 0;
}

/* Two lines around a periodic direction are coupled twice: one link serves for both, in one process */
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
        if (s->wind[d]) FoldWinds(s->wind[d] + G, s->wind[d] + G + box->stride[d], link + G);
      }
}

/* The coarse line that a fine one goes into, or where it would begin */
static PetscInt CoarseLine(const FurlLines *lines, int d, PetscInt fine)
{
  PetscInt low = 0, high = lines->n[d];

  while (low < high) {
    const PetscInt middle = (low + high) / 2;

    if (lines->first[d][middle] < fine)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

PetscErrorCode FurlLayoutCoarsen(const FurlLayout *fine, const FurlLines *lines, FurlLayout *coarse)
{
  PetscFunctionBegin;
  *coarse = *fine;
  PetscCall(PetscMalloc1(fine->size, &coarse->piece));
  for (int d = 0; d < 3; d++) {
    coarse->N[d] = lines->n[d];
    /* two lines that are cut apart stay coupled through their ghosts, on both sides */
    coarse->periodic[d] = fine->periodic[d] && lines->n[d] > (fine->cut[d] ? 1 : 2);
    for (PetscMPIInt p = 0; p < fine->size; p++) {
      const FurlPiece *const piece = &fine->piece[p];

      coarse->piece[p].start[d] = CoarseLine(lines, d, piece->start[d]);
      coarse->piece[p].n[d]     = CoarseLine(lines, d, piece->start[d] + piece->n[d]) - coarse->piece[p].start[d];
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* First fine lines of this process's coarse ones, in its own numbering, and the damping of the link behind each */
static PetscErrorCode OwnLines(const FurlStencil *fine, const FurlStencil *coarse, const FurlLines *lines, int d, double gamma,
                               int32_t **first, float **damping)
{
  const PetscInt       start = coarse->layout.piece[coarse->layout.rank].start[d], n = coarse->box.n[d], N = lines->n[d];
  const PetscInt       fine_start = fine->layout.piece[fine->layout.rank].start[d];
  const int32_t *const all        = lines->first[d];

  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n + 1, first));
  PetscCall(PetscMalloc1(n + 1, damping));
  for (PetscInt c = 0; c <= n; c++) (*first)[c] = all[start + c] - (int32_t)fine_start;
  for (PetscInt c = 0; c < n; c++) {
    const PetscInt here = start + c, next = (here + 1) % N;
    const int      pairs = (all[here + 1] - all[here] > 1) + (all[next + 1] - all[next] > 1);

    /* piecewise constant corrections make links between aggregates of two lines too strong: each side of two takes half of gamma - 1 */
    (*damping)[c] = (float)(1 / (1 + (gamma - 1) * 0.5 * pairs));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CoarsenWinds(const FurlStencil *fine, const FurlGridGalerkinArgs *galerkin, FurlStencil *coarse)
{
  FurlGridWindArgs args = {.n             = galerkin->n,
                           .lines         = galerkin->lines,
                           .stride        = {galerkin->stride[0], galerkin->stride[1]},
                           .coarse_stride = {galerkin->coarse_stride[0], galerkin->coarse_stride[1]}};

  PetscFunctionBegin;
  PetscCall(FurlStencilAddWind(coarse));
  for (int d = 0; d < 3; d++) {
    args.first[d] = galerkin->first[d];
    if (!coarse->wind[d]) continue;
    args.wind[d]        = fine->wind[d] + fine->box.origin;
    args.coarse_wind[d] = coarse->wind[d] + coarse->box.origin;
    args.coarse_link[d] = coarse->link[d] + coarse->box.origin;
  }
  FurlLaunch(&FurlKernelFurlGridWind, &args, (int64_t)coarse->box.n[1] * coarse->box.n[2]);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStencilCoarsen(const FurlStencil *fine, const FurlLines *lines, double gamma, FurlStencil *coarse)
{
  const FurlBox *const from = &fine->box;
  FurlGridGalerkinArgs args = {.excess = fine->excess + from->origin, .stride = {from->stride[1], from->stride[2]}};
  int32_t             *first[3];
  float               *damping[3];
  FurlLayout           layout;

  PetscFunctionBegin;
  PetscCall(FurlLayoutCoarsen(&fine->layout, lines, &layout));
  PetscCall(FurlStencilCreate(&layout, coarse));
  for (int d = 0; d < 3; d++) {
    PetscCall(OwnLines(fine, coarse, lines, d, gamma, &first[d], &damping[d]));
    args.first[d]   = first[d];
    args.damping[d] = damping[d];
    if (!coarse->link[d]) continue;
    args.link[d]        = fine->link[d] + from->origin;
    args.coarse_link[d] = coarse->link[d] + coarse->box.origin;
  }
  args.coarse_excess    = coarse->excess + coarse->box.origin;
  args.n                = coarse->box.n[0];
  args.lines            = coarse->box.n[1];
  args.coarse_stride[0] = coarse->box.stride[1];
  args.coarse_stride[1] = coarse->box.stride[2];
  if (FurlBoxCells(&coarse->box)) FurlLaunch(&FurlKernelFurlGridGalerkin, &args, (int64_t)coarse->box.n[1] * coarse->box.n[2]);
  if (fine->wind[0] || fine->wind[1] || fine->wind[2]) PetscCall(CoarsenWinds(fine, &args, coarse));
  for (int d = 0; d < 3; d++) {
    PetscCall(PetscFree(first[d]));
    PetscCall(PetscFree(damping[d]));
    if (fine->layout.periodic[d] && !coarse->layout.periodic[d] && coarse->box.n[d] == 2) FoldTwoLines(coarse, d);
  }
  PetscCall(FurlStencilFinish(coarse));
  PetscFunctionReturn(PETSC_SUCCESS);
}
