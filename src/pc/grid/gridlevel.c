/* A level as the cycle reads it: couplings of 2 bytes by colour, made from a stencil */
#include "grid.h"

/* An array by colour, at red cell 0; zero */
static PetscErrorCode AllocateColours(const FurlGridLevel *level, size_t item, void *array)
{
  char *base;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1((size_t)(level->box.margin + 2 * level->span) * item, &base));
  *(char **)array = base + (size_t)level->box.margin * item;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FreeColours(const FurlGridLevel *level, size_t item, void *array)
{
  char *base = *(char **)array;

  PetscFunctionBegin;
  if (base) base -= (size_t)level->box.margin * item;
  PetscCall(PetscFree(base));
  *(char **)array = NULL;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static int64_t Index(const FurlGridLevel *level, int64_t G)
{
  return G / 2 + (G & 1) * level->span;
}

static void Shape(const FurlStencil *s, FurlGridLevel *level)
{
  const FurlBox *const box = &s->box;
  int64_t              reach;

  *level = (FurlGridLevel){.box = *box};
  for (int d = 0; d < 3; d++)
    if (s->link[d]) level->step[level->directions++] = box->stride[d];
  reach          = level->directions ? (level->step[level->directions - 1] + 1) / 2 : 1;
  level->items   = ((box->nflat + 1) / 2 + FURL_WIDTH - 1) / FURL_WIDTH;
  level->span    = level->items * FURL_WIDTH + box->margin;
  level->chunk   = PetscMax((reach + FURL_WIDTH - 1) / FURL_WIDTH, 32);
  level->nchunks = (level->items + level->chunk - 1) / level->chunk;
}

/* Couplings and neighbours of a colour: those ahead are kept by the cell, those behind by the neighbour */
void FurlGridStencilOf(const FurlGridLevel *level, int colour, const float *x, FurlGridStencilArgs *args)
{
  const int64_t own = colour * level->span, other = (1 - colour) * level->span;

  args->neighbours = 2 * level->directions;
  for (int d = 0; d < level->directions; d++) {
    /* cell G = 2 m + colour has its neighbours at G + step and G - step, of the other colour, whose number is half of that */
    const int64_t ahead = other + (colour + level->step[d]) / 2, behind = other + (colour - level->step[d] - 1) / 2;

    args->q[2 * d]     = level->q[d] + own;
    args->x[2 * d]     = x + ahead;
    args->q[2 * d + 1] = level->q[d] + behind;
    args->x[2 * d + 1] = x + behind;
  }
  args->own = x + own;
  args->e   = level->e + own;
  args->w   = level->root + own;
}

static void Encode(const FurlStencil *s, FurlGridLevel *level)
{
  for (int colour = 0; colour < 2; colour++) {
    FurlGridCodeArgs args = {.colour = colour, .root = s->root, .w = level->root + colour * level->span, .directions = level->directions};

    for (int d = 0, k = 0; d < 3; d++) {
      if (!s->link[d]) continue;
      args.link[k] = s->link[d];
      args.step[k] = level->step[k];
      args.q[k]    = level->q[k] + colour * level->span;
      k++;
    }
    FurlLaunch(&FurlKernelFurlGridCode, &args, level->items);
  }
  for (int colour = 0; colour < 2; colour++) {
    FurlGridCorrectArgs args = {.root = s->root, .excess = s->excess, .colour = colour, .e = level->e + colour * level->span};

    FurlGridStencilOf(level, colour, level->root, &args.stencil);
    FurlLaunch(&FurlKernelFurlGridCorrect, &args, level->items);
  }
}

static PetscInt Around(PetscInt i, PetscInt n)
{
  return i < 0 ? i + n : i >= n ? i - n : i;
}

/* Ghosts whose owner is of the colour, appended to the list */
static void AppendGhosts(FurlGridLevel *level, int colour)
{
  const FurlBox *const  box = &level->box;
  const PetscInt *const n   = box->n;
  const int *const      p   = box->periodic;

  for (PetscInt k = -p[2]; k < n[2] + p[2]; k++)
    for (PetscInt j = -p[1]; j < n[1] + p[1]; j++)
      for (PetscInt i = -p[0]; i < n[0] + p[0]; i++) {
        const int64_t G = FurlBoxAt(box, i, j, k), owner = FurlBoxAt(box, Around(i, n[0]), Around(j, n[1]), Around(k, n[2]));

        if (owner == G || (owner & 1) != colour) continue;
        level->ghost[level->nghosts]   = Index(level, G);
        level->owner[level->nghosts++] = Index(level, owner);
      }
}

static PetscErrorCode ListGhosts(FurlGridLevel *level)
{
  const FurlBox *const box  = &level->box;
  int64_t              room = 1;

  PetscFunctionBegin;
  for (int d = 0; d < 3; d++) room *= box->n[d] + 2 * box->periodic[d];
  room -= FurlBoxCells(box);
  if (!room) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc2(room, &level->ghost, room, &level->owner));
  AppendGhosts(level, 0);
  level->nred = level->nghosts;
  AppendGhosts(level, 1);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridLevelCreate(const FurlStencil *s, FurlGridLevel *level)
{
  PetscFunctionBegin;
  Shape(s, level);
  for (int d = 0; d < level->directions; d++) PetscCall(AllocateColours(level, sizeof(*level->q[d]), &level->q[d]));
  PetscCall(AllocateColours(level, sizeof(*level->e), &level->e));
  PetscCall(AllocateColours(level, sizeof(*level->root), &level->root));
  PetscCall(AllocateColours(level, sizeof(*level->b), &level->b));
  PetscCall(AllocateColours(level, sizeof(*level->x), &level->x));
  PetscCall(ListGhosts(level));
  Encode(s, level);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* For each chunk of the finer level, how many slices of coarse cells have all their aggregates, or at least one, before its end */
static PetscErrorCode Schedule(const FurlGridLevel *fine, FurlGridLevel *coarse, int colour)
{
  const int64_t cells = fine->chunk * FURL_WIDTH;
  int64_t      *closed, *opened, end = 0;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(fine->nchunks, &closed));
  PetscCall(PetscCalloc1(fine->nchunks, &opened));
  for (int64_t item = 0; item < coarse->items; item++) {
    int64_t begin = INT64_MAX;

    for (int64_t l = colour * coarse->span + item * FURL_WIDTH, k = 0; k < FURL_WIDTH; k++) {
      const uint32_t code  = coarse->child[l + k];
      const int64_t  first = code >> 3;

      if (!(coarse->scale[l + k] > 0)) continue;
      begin = PetscMin(begin, first);
      end   = PetscMax(end, first + (code & 1) + (code & 2 ? fine->box.stride[1] : 0) + (code & 4 ? fine->box.stride[2] : 0));
    }
    closed[PetscMin(end / 2 / cells, fine->nchunks - 1)] = item + 1;
    if (begin < INT64_MAX) opened[begin / 2 / cells] = item + 1;
  }
  for (int64_t s = 1; s < fine->nchunks; s++) {
    closed[s] = PetscMax(closed[s], closed[s - 1]);
    opened[s] = PetscMax(opened[s], opened[s - 1]);
  }
  coarse->closed[colour] = closed;
  coarse->opened[colour] = opened;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridLevelLink(const FurlLines *lines, const FurlGridLevel *fine, FurlGridLevel *coarse)
{
  const FurlBox *const box = &coarse->box;

  PetscFunctionBegin;
  PetscCall(AllocateColours(coarse, sizeof(*coarse->child), &coarse->child));
  PetscCall(AllocateColours(coarse, sizeof(*coarse->scale), &coarse->scale));
  for (PetscInt K = 0; K < box->n[2]; K++)
    for (PetscInt J = 0; J < box->n[1]; J++)
      for (PetscInt c = 0; c < box->n[0]; c++) {
        const int32_t *const first[3] = {lines->first[0] + c, lines->first[1] + J, lines->first[2] + K};
        const int64_t        G        = FurlBoxAt(&fine->box, *first[0], *first[1], *first[2]);
        const int64_t        at       = Index(coarse, FurlBoxAt(box, c, J, K));
        uint32_t             shape    = 0;

        for (int d = 0; d < 3; d++) shape |= first[d][1] - first[d][0] > 1 ? 1u << d : 0;
        coarse->child[at] = (uint32_t)G << 3 | shape;
        coarse->scale[at] = coarse->root[at] > 0 ? 1 / coarse->root[at] : 0;
      }
  for (int colour = 0; colour < 2; colour++) PetscCall(Schedule(fine, coarse, colour));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridLevelAllocateK(FurlGridLevel *level)
{
  PetscFunctionBegin;
  PetscCall(AllocateColours(level, sizeof(*level->p), &level->p));
  PetscCall(AllocateColours(level, sizeof(*level->Ap), &level->Ap));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridLevelDestroy(FurlGridLevel *level)
{
  PetscFunctionBegin;
  PetscCall(FreeColours(level, sizeof(*level->Ap), &level->Ap));
  PetscCall(FreeColours(level, sizeof(*level->p), &level->p));
  for (int colour = 0; colour < 2; colour++) {
    PetscCall(PetscFree(level->opened[colour]));
    PetscCall(PetscFree(level->closed[colour]));
  }
  PetscCall(FreeColours(level, sizeof(*level->scale), &level->scale));
  PetscCall(FreeColours(level, sizeof(*level->child), &level->child));
  PetscCall(PetscFree2(level->ghost, level->owner));
  PetscCall(FreeColours(level, sizeof(*level->x), &level->x));
  PetscCall(FreeColours(level, sizeof(*level->b), &level->b));
  PetscCall(FreeColours(level, sizeof(*level->root), &level->root));
  PetscCall(FreeColours(level, sizeof(*level->e), &level->e));
  for (int d = 0; d < level->directions; d++) PetscCall(FreeColours(level, sizeof(*level->q[d]), &level->q[d]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The inverse of the coarsest level's scaled operator; where all rows sum to zero, on what is orthogonal to its null vector sqrt(d) */
static void Assemble(const FurlStencil *s, int singular, PetscInt n, double *A, double *null)
{
  const FurlBox *const box  = &s->box;
  PetscInt             r    = 0;
  double               norm = 0;

  for (PetscInt k = 0; k < box->n[2]; k++)
    for (PetscInt j = 0; j < box->n[1]; j++)
      for (PetscInt i = 0; i < box->n[0]; i++, r++) {
        const PetscInt at[3] = {i, j, k}, step[3] = {1, box->n[0], box->n[0] * box->n[1]};
        const int64_t  G = FurlBoxAt(box, i, j, k);

        A[r * n + r] += 1;
        null[r] = s->root[G] > 0 ? s->root[G] : 0;
        norm += null[r] * null[r];
        for (int d = 0; d < 3; d++) {
          const PetscInt other = at[d] + 1 < box->n[d] ? r + step[d] : r - (box->n[d] - 1) * step[d];
          double         q;

          if (!s->link[d] || s->link[d][G] == 0) continue;
          q = (double)s->link[d][G] / fabs((double)s->root[G] * s->root[G + box->stride[d]]);
          A[r * n + other] -= q;
          A[other * n + r] -= q;
        }
      }
  for (PetscInt i = 0; i < n; i++) null[i] /= norm > 0 ? sqrt(norm) : 1;
  for (PetscInt i = 0; singular && i < n; i++)
    for (PetscInt j = 0; j < n; j++) A[i * n + j] += null[i] * null[j];
}

/* Cholesky's factors in place, lower triangle of rows; false where a pivot is not positive */
static int Factor(PetscInt n, double *A)
{
  for (PetscInt j = 0; j < n; j++) {
    for (PetscInt i = j; i < n; i++) {
      double sum = A[i * n + j];

      for (PetscInt k = 0; k < j; k++) sum -= A[i * n + k] * A[j * n + k];
      if (i == j && !(sum > 1e-14)) return 0;
      A[i * n + j] = i == j ? sqrt(sum) : sum / A[j * n + j];
    }
  }
  return 1;
}

static void Invert(PetscInt n, const double *L, double *inverse)
{
  for (PetscInt c = 0; c < n; c++) {
    double *const x = inverse + c * n;

    for (PetscInt i = 0; i < n; i++) {
      double sum = i == c;

      for (PetscInt k = 0; k < i; k++) sum -= L[i * n + k] * x[k];
      x[i] = sum / L[i * n + i];
    }
    for (PetscInt i = n - 1; i >= 0; i--) {
      double sum = x[i];

      for (PetscInt k = i + 1; k < n; k++) sum -= L[k * n + i] * x[k];
      x[i] = sum / L[i * n + i];
    }
  }
}

PetscErrorCode FurlGridCoarseBuild(const FurlStencil *s, FurlGrid *grid)
{
  const PetscInt n = (PetscInt)FurlBoxCells(&s->box);
  double        *A, *null, shift = 0;

  PetscFunctionBegin;
  PetscCall(PetscMalloc1((size_t)n * n, &grid->inverse));
  PetscCall(PetscMalloc2((size_t)n * n, &A, n, &null));
  for (int factored = 0; !factored && !(shift >= 1); shift = shift > 0 ? 100 * shift : 1e-10) {
    PetscCall(PetscArrayzero(A, (size_t)n * n));
    Assemble(s, grid->singular, n, A, null);
    for (PetscInt i = 0; i < n; i++) A[i * n + i] += shift; /* parts that nothing ties down: several null spaces */
    factored = Factor(n, A);
  }
  Invert(n, A, grid->inverse);
  for (PetscInt i = 0; grid->singular && i < n; i++)
    for (PetscInt j = 0; j < n; j++) grid->inverse[i * n + j] -= null[i] * null[j];
  PetscCall(PetscFree2(A, null));
  PetscFunctionReturn(PETSC_SUCCESS);
}
