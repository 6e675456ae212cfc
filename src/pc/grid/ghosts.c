/*
  Ghosts: which cells they stand for, and the exchange that gives them the values of these. Values are gathered run by run, as cells of a
  line follow each other, and one message goes to each neighbour: FP32, or 16 bits a value (kernels/gridbodies.h: FurlGridNarrow).
*/
#include "grid.h"

/* The cell that a ghost stands for: its place in that process's array */
typedef struct {
  PetscMPIInt rank;
  int64_t     place;
} Owner;

/* What a list of ghosts is made with: places here, and the cells that they stand for elsewhere */
typedef struct {
  const FurlLayout *layout;
  FurlGhostsOf      of;
  FurlBox           box, other; /* of this process, and of `rank` */
  PetscMPIInt       rank, guess[2];
  FurlGhosts       *ghosts;
  int64_t           room;
  Owner            *owner; /* [n] */
} GhostList;

static int64_t Place(const GhostList *list, const FurlBox *box, int64_t G)
{
  return list->of == FURL_GHOSTS_FLAT ? G : FurlBoxByColour(box, G);
}

/* Is the cell, so many steps away from those of this process, on the list? The outermost ghosts are wanted where they are swept first */
static int Wanted(const GhostList *list, const PetscInt cell[3], PetscInt distance)
{
  const int colour = FurlLayoutColour(cell), depth = list->layout->depth;

  if (list->of == FURL_GHOSTS_EVEN || list->of == FURL_GHOSTS_ODD) return colour == (int)list->of;
  return depth < 2 || distance < depth || colour == 0;
}

/* One ghost: local cell `at`, which lies outside, `distance` steps away */
static PetscErrorCode AppendGhost(GhostList *list, const PetscInt at[3], PetscInt distance)
{
  FurlGhosts *const      ghosts = list->ghosts;
  const FurlPiece *const mine   = &list->layout->piece[list->layout->rank];
  const FurlPiece       *piece;
  PetscMPIInt *const     guess = &list->guess[at[0] > 0];
  PetscInt               cell[3];
  int64_t                G;

  PetscFunctionBegin;
  for (int d = 0; d < 3; d++) cell[d] = mine->start[d] + at[d];
  *guess = FurlLayoutFind(list->layout, cell, *guess);
  if (*guess < 0 || !Wanted(list, cell, distance)) PetscFunctionReturn(PETSC_SUCCESS);
  if (*guess != list->rank) FurlLayoutGetBox(list->layout, *guess, &list->other);
  list->rank = *guess;
  piece      = &list->layout->piece[list->rank];
  G          = FurlBoxAt(&list->other, cell[0] - piece->start[0], cell[1] - piece->start[1], cell[2] - piece->start[2]);
  if (ghosts->n == list->room) {
    list->room = 2 * list->room + 1024;
    PetscCall(PetscRealloc(list->room * sizeof(*ghosts->at), &ghosts->at));
    PetscCall(PetscRealloc(list->room * sizeof(*list->owner), &list->owner));
  }
  ghosts->at[ghosts->n]  = Place(list, &list->box, FurlBoxAt(&list->box, at[0], at[1], at[2]));
  list->owner[ghosts->n] = (Owner){list->rank, Place(list, &list->other, G)};
  ghosts->n++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Steps from line or plane i to the nearest one of the box */
static PetscInt Outside(const FurlBox *box, int d, PetscInt i)
{
  return i < 0 ? -i : PetscMax(i - box->n[d] + 1, 0);
}

/* A cell outside is wanted where so few steps along the axes lead to it: a 7-point operator has no others */
static PetscErrorCode AppendAll(GhostList *list)
{
  const FurlBox *const  box   = &list->box;
  const int *const      width = box->ghosts;
  const PetscInt *const n     = box->n;
  const PetscInt        depth = PetscMax(list->layout->depth, 1);
  PetscInt              at[3];

  PetscFunctionBegin;
  for (at[2] = -width[2]; at[2] < n[2] + width[2]; at[2]++)
    for (at[1] = -width[1]; at[1] < n[1] + width[1]; at[1]++) {
      const PetscInt distance = Outside(box, 1, at[1]) + Outside(box, 2, at[2]);
      const PetscInt reach    = PetscMin(depth - distance, width[0]);

      for (at[0] = -reach; distance <= depth && at[0] < n[0] + reach; at[0]++) {
        if (distance == 0 && at[0] == 0) at[0] = n[0]; /* over the cells of this process */
        if (at[0] < n[0] + reach) PetscCall(AppendGhost(list, at, distance + Outside(box, 0, at[0])));
      }
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Places in order as runs of consecutive ones */
static PetscErrorCode RunsCreate(int64_t n, const int64_t *place, FurlRuns *runs)
{
  PetscFunctionBegin;
  runs->n = 0;
  for (int64_t k = 0; k < n; k++) runs->n += k == 0 || place[k] != place[k - 1] + 1;
  PetscCall(PetscMalloc2(runs->n, &runs->place, runs->n + 1, &runs->first));
  runs->n = 0;
  for (int64_t k = 0; k < n; k++) {
    if (k > 0 && place[k] == place[k - 1] + 1) continue;
    runs->place[runs->n]   = place[k];
    runs->first[runs->n++] = k;
  }
  runs->first[runs->n] = n;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void Pack(const FurlRuns *runs, const float *array, float *buffer)
{
  for (int64_t r = 0; r < runs->n; r++) {
    const int64_t      first = runs->first[r], n = runs->first[r + 1] - first;
    const float *const from = array + runs->place[r];

    for (int64_t k = 0; k < n; k++) buffer[first + k] = from[k];
  }
}

static void Unpack(const FurlRuns *runs, const float *buffer, float *array)
{
  for (int64_t r = 0; r < runs->n; r++) {
    const int64_t first = runs->first[r], n = runs->first[r + 1] - first;
    float *const  to = array + runs->place[r];

    for (int64_t k = 0; k < n; k++) to[k] = buffer[first + k];
  }
}

/* Packets of so many values */
static int64_t PacketsOf(int64_t n)
{
  return (n + FURL_WIDTH - 1) / FURL_WIDTH;
}

/* count[size]: values from or to each process */
static PetscErrorCode PeersCreate(PetscMPIInt size, const int64_t *count, FurlPeers *peers)
{
  int64_t packets = 0, values = 0;

  PetscFunctionBegin;
  for (PetscMPIInt p = 0; p < size; p++) peers->n += count[p] > 0;
  PetscCall(PetscMalloc3(peers->n, &peers->rank, peers->n + 1, &peers->first, peers->n, &peers->packet));
  for (PetscMPIInt p = 0, k = 0; p < size; p++) {
    if (count[p] == 0) continue;
    peers->rank[k]     = p;
    peers->first[k]    = values;
    peers->packet[k++] = packets;
    values += count[p];
    packets += PacketsOf(count[p]);
  }
  peers->first[peers->n] = values;
  PetscCall(PetscCalloc2(values, &peers->buffer, packets, &peers->packets));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PeersDestroy(FurlPeers *peers)
{
  PetscFunctionBegin;
  PetscCall(PetscFree2(peers->buffer, peers->packets));
  PetscCall(PetscFree3(peers->rank, peers->first, peers->packet));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Puts ghosts in the order of the processes that they come from; place[]: of their owners, in this order */
static PetscErrorCode SortByRank(GhostList *list, int64_t *count, int64_t *place)
{
  FurlGhosts *const ghosts = list->ghosts;
  int64_t          *at, *next;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(ghosts->n, &at, list->layout->size, &next));
  PetscCall(PetscArraycpy(at, ghosts->at, ghosts->n));
  for (int64_t k = 0; k < ghosts->n; k++) count[list->owner[k].rank]++;
  next[0] = 0;
  for (PetscMPIInt p = 1; p < list->layout->size; p++) next[p] = next[p - 1] + count[p - 1];
  for (int64_t k = 0; k < ghosts->n; k++) {
    const int64_t to = next[list->owner[k].rank]++;

    ghosts->at[to] = at[k];
    place[to]      = list->owner[k].place;
  }
  PetscCall(PetscFree2(at, next));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Processes tell the owners of their ghosts which places they want; wanted[]: those that others want from here */
static PetscErrorCode TellOwners(FurlGhosts *ghosts, const int64_t *place, int64_t *wanted)
{
  FurlPeers *const from = &ghosts->from, *const to = &ghosts->to;

  PetscFunctionBegin;
  for (PetscMPIInt p = 0; p < to->n; p++)
    PetscCallMPI(MPI_Irecv(wanted + to->first[p], (PetscMPIInt)(to->first[p + 1] - to->first[p]), MPI_INT64_T, to->rank[p], ghosts->tag,
                           ghosts->comm, &ghosts->request[p]));
  for (PetscMPIInt p = 0; p < from->n; p++)
    PetscCallMPI(MPI_Isend(place + from->first[p], (PetscMPIInt)(from->first[p + 1] - from->first[p]), MPI_INT64_T, from->rank[p],
                           ghosts->tag, ghosts->comm, &ghosts->request[to->n + p]));
  for (PetscMPIInt k = 0; k < from->n + to->n; k++) PetscCallMPI(MPI_Wait(&ghosts->request[k], MPI_STATUS_IGNORE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Connect(GhostList *list)
{
  FurlGhosts *const ghosts = list->ghosts;
  const PetscMPIInt size   = list->layout->size;
  int64_t          *count, *place, *wanted;

  PetscFunctionBegin;
  PetscCall(PetscCalloc2(2 * size, &count, ghosts->n, &place));
  PetscCall(SortByRank(list, count, place));
  PetscCall(PeersCreate(size, count, &ghosts->from));
  if (size == 1) {
    PetscCall(RunsCreate(ghosts->n, place, &ghosts->owners));
  } else {
    PetscCallMPI(MPI_Alltoall(count, 1, MPI_INT64_T, count + size, 1, MPI_INT64_T, ghosts->comm));
    PetscCall(PeersCreate(size, count + size, &ghosts->to));
    PetscCall(PetscMalloc1(ghosts->from.n + ghosts->to.n + 1, &ghosts->request)); /* not NULL without peers */
    PetscCall(PetscCommGetNewTag(ghosts->comm, &ghosts->tag));
    PetscCall(PetscMalloc1(ghosts->to.first[ghosts->to.n], &wanted));
    PetscCall(TellOwners(ghosts, place, wanted));
    PetscCall(RunsCreate(ghosts->to.first[ghosts->to.n], wanted, &ghosts->owners));
    PetscCall(PetscFree(wanted));
  }
  PetscCall(PetscFree2(count, place));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGhostsCreate(const FurlLayout *layout, FurlGhostsOf of, FurlGhosts *ghosts)
{
  GhostList list = {.layout = layout, .of = of, .rank = -1, .guess = {-1, -1}, .ghosts = ghosts};

  PetscFunctionBegin;
  *ghosts = (FurlGhosts){.comm = layout->comm};
  FurlLayoutGetBox(layout, layout->rank, &list.box);
  if (!list.box.ghosts[0] && !list.box.ghosts[1] && !list.box.ghosts[2]) PetscFunctionReturn(PETSC_SUCCESS);
  if (FurlBoxCells(&list.box)) PetscCall(AppendAll(&list));
  PetscCall(Connect(&list));
  PetscCall(RunsCreate(ghosts->n, ghosts->at, &ghosts->places));
  ghosts->buffer = ghosts->from.buffer;
  PetscCall(PetscFree(list.owner));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGhostsDestroy(FurlGhosts *ghosts)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(ghosts->request));
  PetscCall(PetscFree2(ghosts->places.place, ghosts->places.first));
  PetscCall(PetscFree2(ghosts->owners.place, ghosts->owners.first));
  PetscCall(PeersDestroy(&ghosts->to));
  PetscCall(PeersDestroy(&ghosts->from));
  PetscCall(PetscFree(ghosts->at));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static FurlGridPacketArgs PacketArgs(const FurlPeers *peers, PetscMPIInt p)
{
  return (FurlGridPacketArgs){
    .wide = peers->buffer + peers->first[p], .packet = peers->packets + peers->packet[p], .n = peers->first[p + 1] - peers->first[p]};
}

/* Memory and bytes of the message from or to a peer */
static void *Message(const FurlGhosts *ghosts, const FurlPeers *peers, PetscMPIInt p, PetscMPIInt *bytes)
{
  const FurlGridPacketArgs args = PacketArgs(peers, p);

  *bytes = (PetscMPIInt)(ghosts->narrow ? PacketsOf(args.n) * (int64_t)sizeof(*args.packet) : args.n * (int64_t)sizeof(*args.wide));
  return ghosts->narrow ? (void *)args.packet : (void *)args.wide;
}

static void Convert(const FurlGhosts *ghosts, const FurlPeers *peers, const FurlKernel *kernel)
{
  for (PetscMPIInt p = 0; ghosts->narrow && p < peers->n; p++) {
    const FurlGridPacketArgs args = PacketArgs(peers, p);

    FurlLaunch(kernel, &args, PacketsOf(args.n));
  }
}

static PetscErrorCode Exchange(FurlGhosts *ghosts, const float *array)
{
  FurlPeers *const from = &ghosts->from, *const to = &ghosts->to;
  PetscMPIInt bytes;

  PetscFunctionBegin;
  for (PetscMPIInt p = 0; p < from->n; p++) {
    void *const message = Message(ghosts, from, p, &bytes);

    PetscCallMPI(MPI_Irecv(message, bytes, MPI_BYTE, from->rank[p], ghosts->tag, ghosts->comm, &ghosts->request[p]));
  }
  Pack(&ghosts->owners, array, to->buffer);
  Convert(ghosts, to, &FurlKernelFurlGridNarrow);
  for (PetscMPIInt p = 0; p < to->n; p++) {
    void *const message = Message(ghosts, to, p, &bytes);

    PetscCallMPI(MPI_Isend(message, bytes, MPI_BYTE, to->rank[p], ghosts->tag, ghosts->comm, &ghosts->request[from->n + p]));
  }
  for (PetscMPIInt k = 0; k < from->n + to->n; k++) PetscCallMPI(MPI_Wait(&ghosts->request[k], MPI_STATUS_IGNORE));
  Convert(ghosts, from, &FurlKernelFurlGridWiden);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static void Enqueue(const FurlGhosts *ghosts, const int64_t *owner, float *array)
{
  const FurlGridGhostsArgs args = {.at = ghosts->at, .owner = owner, .array = array, .n = ghosts->n};

  FurlRun(ghosts->queue, &FurlKernelFurlGridGhosts, &args, PacketsOf(ghosts->n));
}

PetscErrorCode FurlGhostsFill(FurlGhosts *ghosts, float *array)
{
  PetscFunctionBegin;
  if (ghosts->queue) {
    Enqueue(ghosts, ghosts->owner, array);
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (ghosts->request)
    PetscCall(Exchange(ghosts, array));
  else
    Pack(&ghosts->owners, array, ghosts->buffer);
  Unpack(&ghosts->places, ghosts->buffer, array);
  PetscFunctionReturn(PETSC_SUCCESS);
}

void FurlGhostsZero(const FurlGhosts *ghosts, float *array)
{
  if (ghosts->queue)
    Enqueue(ghosts, NULL, array);
  else
    for (int64_t k = 0; k < ghosts->n; k++) array[ghosts->at[k]] = 0;
}

PetscErrorCode FurlGhostsPlan(const FurlGhosts *ghosts, FurlArena *arena, FurlQueue *queue, FurlGhosts *there)
{
  const FurlRuns *const owners = &ghosts->owners;
  const size_t          bytes  = (size_t)ghosts->n * sizeof(*ghosts->at);

  PetscFunctionBegin;
  *there = (FurlGhosts){.n = ghosts->n, .queue = queue};
  if (!ghosts->n) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(ghosts->n, &there->listed));
  for (int64_t r = 0; r < owners->n; r++)
    for (int64_t k = owners->first[r]; k < owners->first[r + 1]; k++) there->listed[k] = owners->place[r] + k - owners->first[r];
  FurlArenaAdd(arena, FURL_PURPOSE_LEVELS, &(FurlPlacement){.pointer = (void **)&there->at, .from = ghosts->at, .bytes = bytes});
  FurlArenaAdd(arena, FURL_PURPOSE_LEVELS, &(FurlPlacement){.pointer = (void **)&there->owner, .from = there->listed, .bytes = bytes});
  PetscFunctionReturn(PETSC_SUCCESS);
}
