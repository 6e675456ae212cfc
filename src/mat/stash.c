/* Entries set in rows of other processes */
#include <furl/compat.h>
#include "stash.h"

static PetscErrorCode Reserve(FurlStash *stash, size_t room)
{
  FurlStashEntry *entry;

  PetscFunctionBegin;
  if (room <= stash->room) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscMalloc1(room, &entry));
  PetscCall(PetscArraycpy(entry, stash->entry, stash->used));
  PetscCall(PetscFree(stash->entry));
  stash->entry = entry;
  stash->room  = room;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStashAppend(FurlStash *stash, const FurlStashEntry *entry)
{
  PetscFunctionBegin;
  if (stash->used == stash->room) PetscCall(Reserve(stash, 2 * stash->room + 64));
  stash->entry[stash->used++] = *entry;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStashFree(FurlStash *stash)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(stash->entry));
  stash->used = stash->room = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What goes where: entries by owner, in the order of the calls */
typedef struct {
  PetscMPIInt  n;        /* processes */
  PetscMPIInt *rank;     /* [n] ascending */
  PetscInt (*head)[2];   /* [n] number of entries, mode */
  FurlStashEntry *entry; /* those of the first process, of the second ... */
} Parcels;

static PetscErrorCode Pack(MPI_Comm comm, PetscLayout rows, const FurlStash *stash, Parcels *p)
{
  PetscMPIInt size, *owner;
  size_t     *next, total = 0;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(PetscMalloc2(stash->used, &owner, size, &next));
  PetscCall(PetscArrayzero(next, size));
  for (size_t k = 0; k < stash->used; k++) {
    PetscCall(PetscLayoutFindOwner(rows, stash->entry[k].row, &owner[k]));
    next[owner[k]]++;
  }
  PetscCall(PetscMalloc1(size, &p->rank));
  PetscCall(PetscMalloc1(size, &p->head));
  PetscCall(PetscMalloc1(stash->used, &p->entry));
  p->n = 0;
  for (PetscMPIInt r = 0; r < size; r++) {
    const size_t count = next[r];

    next[r] = total;
    total += count;
    if (!count) continue;
    p->rank[p->n]      = r;
    p->head[p->n][0]   = (PetscInt)count;
    p->head[p->n++][1] = (PetscInt)stash->mode;
  }
  for (size_t k = 0; k < stash->used; k++) p->entry[next[owner[k]]++] = stash->entry[k];
  PetscCall(PetscFree2(owner, next));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ParcelsFree(Parcels *p)
{
  PetscFunctionBegin;
  PetscCall(PetscFree(p->entry));
  PetscCall(PetscFree(p->head));
  PetscCall(PetscFree(p->rank));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Who sends how much: in the order of their ranks, so that sums are the same in every run */
static PetscErrorCode Announce(MPI_Comm comm, const Parcels *out, Parcels *in)
{
  PetscFunctionBegin;
  PetscCall(PetscCommBuildTwoSided(comm, 2, MPIU_INT, out->n, out->rank, out->head, &in->n, &in->rank, &in->head));
  for (PetscMPIInt k = 1; k < in->n; k++)
    for (PetscMPIInt q = k; q > 0 && in->rank[q - 1] > in->rank[q]; q--) {
      const PetscMPIInt rank    = in->rank[q];
      const PetscInt    head[2] = {in->head[q][0], in->head[q][1]};

      in->rank[q] = in->rank[q - 1];
      PetscCall(PetscArraycpy(in->head[q], in->head[q - 1], 2));
      in->rank[q - 1] = rank;
      PetscCall(PetscArraycpy(in->head[q - 1], head, 2));
    }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Send(MPI_Comm comm, const Parcels *out, const Parcels *in)
{
  MPI_Datatype type;
  MPI_Request *request;
  PetscMPIInt  tag, n = 0;
  size_t       at = 0;

  PetscFunctionBegin;
  PetscCall(PetscCommGetNewTag(comm, &tag));
  PetscCallMPI(MPI_Type_contiguous(sizeof(FurlStashEntry), MPI_BYTE, &type));
  PetscCallMPI(MPI_Type_commit(&type));
  PetscCall(PetscMalloc1(in->n + out->n, &request));
  for (PetscMPIInt k = 0; k < in->n; at += (size_t)in->head[k++][0])
    PetscCallMPI(MPI_Irecv(in->entry + at, (PetscMPIInt)in->head[k][0], type, in->rank[k], tag, comm, &request[n++]));
  at = 0;
  for (PetscMPIInt k = 0; k < out->n; at += (size_t)out->head[k++][0])
    PetscCallMPI(MPI_Isend(out->entry + at, (PetscMPIInt)out->head[k][0], type, out->rank[k], tag, comm, &request[n++]));
  PetscCallMPI(MPI_Waitall(n, request, MPI_STATUSES_IGNORE));
  PetscCall(PetscFree(request));
  PetscCallMPI(MPI_Type_free(&type));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlStashExchange(MPI_Comm comm, PetscLayout rows, FurlStash *stash, FurlStash *received)
{
  Parcels  out, in = {.n = 0};
  MPI_Comm own;

  PetscFunctionBegin;
  *received = (FurlStash){.mode = stash->mode};
  PetscCall(PetscCommDuplicate(comm, &own, NULL));
  PetscCall(Pack(own, rows, stash, &out));
  PetscCall(Announce(own, &out, &in));
  for (PetscMPIInt k = 0; k < in.n; k++) {
    PetscCheck(k == 0 || in.head[k][1] == in.head[0][1], PETSC_COMM_SELF, PETSC_ERR_ARG_WRONGSTATE,
               "Process %d inserts into rows of this process and process %d adds to them; all must do the same before an assembly",
               in.rank[in.head[k][1] == INSERT_VALUES ? k : 0], in.rank[in.head[k][1] == INSERT_VALUES ? 0 : k]);
    received->used += (size_t)in.head[k][0];
    received->mode = (InsertMode)in.head[k][1];
  }
  received->room = received->used;
  PetscCall(PetscMalloc1(received->used, &received->entry));
  in.entry = received->entry;
  PetscCall(Send(own, &out, &in));
  in.entry = NULL;
  PetscCall(ParcelsFree(&out));
  PetscCall(ParcelsFree(&in));
  PetscCall(PetscCommDestroy(&own));
  PetscCall(FurlStashFree(stash));
  PetscFunctionReturn(PETSC_SUCCESS);
}
