/* A level as the cycle reads it: couplings of 2 bytes by colour, made from a stencil */
#include "grid.h"

/* Places for arrays by colour, one after another in a block: first counted, then given out */
typedef struct {
  const FurlGridLevel *level;
  char                *data; /* NULL: counts */
  size_t               used;
} Room;

/* An array's pointer is at red cell 0 */
static void Place(Room *room, size_t item, void *array)
{
  const FurlBox *const box = &room->level->box;

  if (room->data) *(char **)array = room->data + room->used + (size_t)box->margin * item;
  room->used += (size_t)(box->margin + 2 * box->span) * item + FURL_STAGGER;
}

static PetscErrorCode Allocate(Room *room, FurlBlock *memory)
{
  PetscFunctionBegin;
  PetscCheck(FurlBlockInit(memory, room->used), PETSC_COMM_SELF, PETSC_ERR_MEM, "No memory for a level: %zu bytes", room->used);
  room->data = memory->data;
  room->used = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void Shape(const FurlStencil *s, FurlGridLevel *level)
{
  const FurlLayout *const layout = &s->layout;
  const FurlBox *const    box    = &s->box;
  int64_t                 reach;

  *level = (FurlGridLevel){.comm = layout->size > 1 ? layout->comm : PETSC_COMM_SELF, .box = *box};
  for (int d = 0; d < 3; d++) {
    level->N[d]        = layout->N[d];
    level->periodic[d] = layout->periodic[d];
    if (box->ghosts[d]) level->depth = layout->depth;
    if (s->link[d]) level->step[level->directions++] = box->stride[d];
  }
  reach          = level->directions ? (level->step[level->directions - 1] + 1) / 2 : 1;
  level->chunk   = PetscMax((reach + FURL_WIDTH - 1) / FURL_WIDTH, 32);
  level->nchunks = (box->items + level->chunk - 1) / level->chunk;
}

/* Couplings and neighbours of a colour: those ahead are kept by the cell, those behind by the neighbour, unless they have arrays of their
 * own. A row of the transposed operator has what its neighbours keep */
void FurlGridStencilOf(const FurlGridLevel *level, int colour, const float *x, FurlGridStencilArgs *args)
{
  const int64_t own = colour * level->box.span, other = (1 - colour) * level->box.span;

  args->neighbours = 2 * level->directions;
  for (int d = 0; d < level->directions; d++) {
    /* cell G = 2 m + colour has its neighbours at G + step and G - step, of the other colour, whose number is half of that */
    const int64_t ahead = other + (colour + level->step[d]) / 2, behind = other + (colour - level->step[d] - 1) / 2;

    args->q[2 * d]     = level->q[d] + own;
    args->x[2 * d]     = x + ahead;
    args->q[2 * d + 1] = level->q[d] + behind;
    if (level->back[d] && level->transposed)
      args->q[2 * d] = level->back[d] + ahead;
    else if (level->back[d])
      args->q[2 * d + 1] = level->back[d] + own;
    args->x[2 * d + 1] = x + behind;
  }
  args->own = x + own;
  args->e   = level->e + own;
  args->w   = level->root + own;
}

static void Encode(const FurlStencil *s, FurlGridLevel *level)
{
  for (int colour = 0; colour < 2; colour++) {
    FurlGridCodeArgs args = {
      .colour = colour, .root = s->root, .w = level->root + colour * level->box.span, .directions = level->directions};

    for (int d = 0, k = 0; d < 3; d++) {
      if (!s->link[d]) continue;
      args.link[k] = s->link[d];
      args.step[k] = level->step[k];
      args.q[k]    = level->q[k] + colour * level->box.span;
      args.wind[k] = s->wind[d];
      args.back[k] = s->wind[d] ? level->back[k] + colour * level->box.span : NULL;
      k++;
    }
    FurlLaunch(&FurlKernelFurlGridCode, &args, level->box.items);
  }
  for (int colour = 0; colour < 2; colour++) {
    FurlGridCorrectArgs args = {.root = s->root, .excess = s->excess, .colour = colour, .e = level->e + colour * level->box.span};

    FurlGridStencilOf(level, colour, level->root, &args.stencil);
    FurlLaunch(&FurlKernelFurlGridCorrect, &args, level->box.items);
  }
}

static void PlaceLevel(Room *room, int wind, FurlGridLevel *level)
{
  for (int d = 0; d < level->directions; d++) Place(room, sizeof(*level->q[d]), &level->q[d]);
  for (int d = 0; wind && d < level->directions; d++) Place(room, sizeof(*level->back[d]), &level->back[d]);
  Place(room, sizeof(*level->e), &level->e);
  Place(room, sizeof(*level->root), &level->root);
}

static PetscErrorCode CreateGhosts(const FurlLayout *layout, FurlGridLevel *level)
{
  PetscFunctionBegin;
  PetscCall(FurlGhostsCreate(layout, FURL_GHOSTS_EVEN, &level->ghosts[0]));
  PetscCall(FurlGhostsCreate(layout, level->depth > 1 ? FURL_GHOSTS_BOTH : FURL_GHOSTS_ODD, &level->ghosts[1]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The outermost ghosts do not see all of their neighbours: corrections are the owners', sent by way of x */
static PetscErrorCode FillCorrections(FurlGridLevel *level)
{
  const int64_t           n      = 2 * level->box.span;
  const FurlGhosts *const ghosts = &level->ghosts[1];

  PetscFunctionBegin;
  for (int64_t k = 0; k < n; k++) level->x[k] = (float)level->e[k];
  PetscCall(FurlGhostsFill(&level->ghosts[1], level->x));
  for (int64_t k = 0; k < ghosts->n; k++) level->e[ghosts->at[k]] = (int16_t)ghosts->buffer[k];
  PetscCall(PetscArrayzero(level->x, n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridLevelCreate(const FurlStencil *s, FurlGridLevel *level)
{
  const int wind = s->wind[0] || s->wind[1] || s->wind[2];
  Room      room = {.level = level};

  PetscFunctionBegin;
  Shape(s, level);
  PlaceLevel(&room, wind, level);
  PetscCall(Allocate(&room, &level->memory));
  PlaceLevel(&room, wind, level);
  PetscCall(CreateGhosts(&s->layout, level));
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
  for (int64_t item = 0; item < coarse->box.items; item++) {
    int64_t begin = INT64_MAX;

    for (int64_t l = colour * coarse->box.span + item * FURL_WIDTH, k = 0; k < FURL_WIDTH; k++) {
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

static void PlaceTransfer(Room *room, FurlGridLevel *coarse)
{
  Place(room, sizeof(*coarse->child), &coarse->child);
  Place(room, sizeof(*coarse->scale), &coarse->scale);
}

PetscErrorCode FurlGridLevelLink(const FurlLines *lines, const FurlLayout *fine_layout, const FurlLayout *layout, const FurlGridLevel *fine,
                                 FurlGridLevel *coarse)
{
  const FurlBox *const  box        = &coarse->box;
  const PetscInt *const start      = layout->piece[layout->rank].start;
  const PetscInt *const fine_start = fine_layout->piece[fine_layout->rank].start;
  Room                  room       = {.level = coarse};

  PetscFunctionBegin;
  PlaceTransfer(&room, coarse);
  PetscCall(Allocate(&room, &coarse->memory_of_transfer));
  PlaceTransfer(&room, coarse);
  for (PetscInt K = 0; K < box->n[2]; K++)
    for (PetscInt J = 0; J < box->n[1]; J++)
      for (PetscInt c = 0; c < box->n[0]; c++) {
        const int32_t *const first[3] = {lines->first[0] + start[0] + c, lines->first[1] + start[1] + J, lines->first[2] + start[2] + K};
        const int64_t        G     = FurlBoxAt(&fine->box, *first[0] - fine_start[0], *first[1] - fine_start[1], *first[2] - fine_start[2]);
        const int64_t        at    = FurlBoxByColour(box, FurlBoxAt(box, c, J, K));
        uint32_t             shape = 0;

        for (int d = 0; d < 3; d++) shape |= first[d][1] - first[d][0] > 1 ? 1u << d : 0;
        coarse->child[at] = (uint32_t)G << 3 | shape;
        coarse->scale[at] = coarse->root[at] > 0 ? 1 / coarse->root[at] : 0;
      }
  for (int colour = 0; fine->depth != 1 && colour < 2; colour++) PetscCall(Schedule(fine, coarse, colour));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void PlaceVectors(Room *room, FurlGridLevel *level)
{
  Place(room, sizeof(*level->b), &level->b);
  Place(room, sizeof(*level->x), &level->x);
  if (level->twice) Place(room, sizeof(*level->p), &level->p);
  if (level->twice) Place(room, sizeof(*level->Ap), &level->Ap);
}

PetscErrorCode FurlGridLevelAllocateVectors(FurlGridLevel *level)
{
  Room room = {.level = level};

  PetscFunctionBegin;
  PlaceVectors(&room, level);
  PetscCall(Allocate(&room, &level->memory_of_vectors));
  PlaceVectors(&room, level);
  if (level->depth > 1) PetscCall(FillCorrections(level));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGridLevelDestroy(FurlGridLevel *level)
{
  PetscFunctionBegin;
  PetscCall(FurlGridDoorDestroy(&level->door));
  for (int colour = 0; colour < 2; colour++) {
    PetscCall(PetscFree(level->opened[colour]));
    PetscCall(PetscFree(level->closed[colour]));
  }
  for (int k = 0; k < 2; k++) PetscCall(FurlGhostsDestroy(&level->ghosts[k]));
  FurlBlockFree(&level->memory_of_vectors);
  FurlBlockFree(&level->memory_of_transfer);
  FurlBlockFree(&level->memory);
  PetscFunctionReturn(PETSC_SUCCESS);
}
