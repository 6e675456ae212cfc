/* The box that a process's rows are on: read off the offsets of its matrix, or told by a DMDA */
#include <petscdmda.h>
#include "grid.h"

#define SAMPLES 4096
#define TABLE 1024 /* places of the histogram: a power of two, far above the offsets of a box */
#define OFFSETS_MAX 256

/* Offsets col - row > 0 of a sample of rows, ascending, those that a fair part of the rows has. A hash chooses the rows: any regular choice
 * can fall on the faces of a box alone */
typedef struct {
  PetscInt key[TABLE];
  int      count[TABLE], different, most;
} Histogram;

/* Counts the offsets of a row; shift: what turns its columns' numbers into offsets, through the list of ghosts where there is one. Wrong
 * where there are too many */
static int CountRow(Histogram *h, const FurlCsr *csr, const PetscInt *ghost, PetscInt r, PetscInt shift)
{
  for (PetscInt k = csr->rowptr[r]; k < csr->rowptr[r + 1]; k++) {
    const PetscInt o = (ghost ? ghost[csr->column[k]] : csr->column[k]) - shift;
    uint32_t       p = (uint32_t)o * 2654435761u >> 22;

    if (o <= 0) continue;
    while (h->count[p] && h->key[p] != o) p = (p + 1) % TABLE;
    if (!h->count[p] && ++h->different > OFFSETS_MAX) return 0;
    h->key[p] = o;
    if (++h->count[p] > h->most) h->most = h->count[p];
  }
  return 1;
}

static int CommonOffsets(FurlRows *rows, PetscInt first, int ghosts, PetscInt offset[OFFSETS_MAX])
{
  const FurlAijParts *const parts   = &rows->parts;
  const FurlCsr *const      csr     = &parts->diagonal;
  const int64_t             samples = csr->nrows < SAMPLES ? csr->nrows : SAMPLES;
  Histogram                 h       = {.different = 0};
  int                       n       = 0;

  for (int64_t s = 0; s < samples; s++) {
    const PetscInt r =
      (PetscInt)(samples < SAMPLES ? s : (int64_t)(((uint64_t)(s + 1) * 0x9e3779b97f4a7c15u >> 20) % (uint64_t)csr->nrows));

    if (FurlRowsTake(rows, r, 1) || !CountRow(&h, csr, NULL, r - rows->first, r)) return 0;
    if (ghosts && parts->offdiagonal.nrows && !CountRow(&h, &parts->offdiagonal, parts->ghost, r - rows->first, first + r)) return 0;
  }
  for (int k = 0; k < TABLE; k++) {
    int p = n;

    if (!h.count[k] || 10 * h.count[k] < 3 * h.most) continue;
    for (n++; p > 0 && offset[p - 1] > h.key[k]; p--) offset[p] = offset[p - 1];
    offset[p] = h.key[k];
  }
  return n;
}

/* Cells of a line, and lines of a plane where the sample shows planes (else 1). The offsets come in clusters: 1 along a line, around n[0]
 * between lines, around n[0] n[1] between planes */
static int GuessLines(FurlRows *rows, PetscInt first, int ghosts, PetscInt n[3])
{
  PetscInt  offset[OFFSETS_MAX], plane;
  const int noffsets = CommonOffsets(rows, first, ghosts, offset);
  int       end      = 1;

  n[0] = n[1] = n[2] = 1;
  if (!noffsets || offset[0] != 1) return 0;
  if (noffsets == 1) return 1;
  while (end + 1 < noffsets && offset[end + 1] == offset[end] + 1) end++;
  n[0] = (offset[1] + offset[end]) / 2;
  if (n[0] < 2 || end + 1 == noffsets) return n[0] >= 2;
  plane = (offset[end + 1] + offset[noffsets - 1]) / 2;
  if (plane % n[0]) return 0;
  n[1] = plane / n[0];
  return 1;
}

/* The whole box, of the rows of one process that has all */
static int GuessBox(FurlRows *rows, PetscInt n[3])
{
  const FurlCsr *const csr = &rows->parts.diagonal;
  PetscInt             unit;

  if (csr->nrows != csr->ncols || !GuessLines(rows, 0, 0, n)) return 0;
  unit = n[0] * n[1];
  if (csr->nrows % unit) return 0;
  n[n[0] == 1 ? 0 : n[1] == 1 ? 1 : 2] = (PetscInt)csr->nrows / unit;
  return 1;
}

/* Sizes and starts of a DMDA's own processes; false where the matrix has none that fits */
static PetscErrorCode PieceOfDM(Mat A, FurlLayout *layout, FurlPiece *piece, PetscMPIInt *found)
{
  DM        dm;
  PetscBool da = PETSC_FALSE;
  PetscInt  dof, rows;

  PetscFunctionBegin;
  *found = 0;
  PetscCall(MatGetDM(A, &dm));
  if (dm) PetscCall(PetscObjectTypeCompare((PetscObject)dm, DMDA, &da));
  if (!da) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(DMDAGetInfo(dm, NULL, &layout->N[0], &layout->N[1], &layout->N[2], NULL, NULL, NULL, &dof, NULL, NULL, NULL, NULL, NULL));
  PetscCall(DMDAGetCorners(dm, &piece->start[0], &piece->start[1], &piece->start[2], &piece->n[0], &piece->n[1], &piece->n[2]));
  PetscCall(MatGetLocalSize(A, &rows, NULL));
  *found = dof == 1 && piece->n[0] * piece->n[1] * piece->n[2] == rows;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* First unit (plane, or line) of `size` cells that begins at a row or after it */
static PetscInt UnitsBefore(PetscInt row, PetscInt size)
{
  return (row + size - 1) / size;
}

/* The planes (lines, where there is one plane) of a box that is numbered line by line: a process gets those that begin among its rows */
static PetscErrorCode DivideUnits(Mat A, const PetscInt sizes[2], FurlLayout *layout, FurlPiece *piece, PetscMPIInt *found)
{
  const PetscInt unit = sizes[0] * (sizes[1] > 1 ? sizes[1] : 1);
  const int      d    = sizes[1] > 1 ? 2 : 1;
  PetscInt       total, first, end;
  PetscMPIInt    whole;

  PetscFunctionBegin;
  PetscCall(MatGetSize(A, &total, NULL));
  PetscCall(MatGetOwnershipRange(A, &first, &end));
  *found = unit > 1 && total % unit == 0 && total / unit > 1;
  if (!*found) PetscFunctionReturn(PETSC_SUCCESS);
  layout->N[0] = sizes[0];
  layout->N[1] = sizes[1];
  layout->N[2] = 1;
  layout->N[d] = total / unit;
  for (int k = 0; k < 3; k++) piece->n[k] = layout->N[k];
  piece->start[d] = UnitsBefore(first, unit);
  piece->n[d]     = UnitsBefore(end, unit) - piece->start[d];
  whole           = first % unit == 0;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &whole, 1, MPI_INT, MPI_MIN, layout->comm));
  layout->along = whole ? -1 : d;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PieceOfSlab(Mat A, FurlRows *rows, FurlLayout *layout, FurlPiece *piece, PetscMPIInt *found)
{
  PetscInt n[3] = {1, 1, 1}, sizes[2], first;

  PetscFunctionBegin;
  for (int d = 0; d < 3; d++) piece->start[d] = 0;
  if (layout->size == 1) {
    *found = GuessBox(rows, n);
    for (int d = 0; d < 3; d++) layout->N[d] = piece->n[d] = n[d];
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(MatGetOwnershipRange(A, &first, NULL));
  /* a process with less than two planes sees the next one among its ghosts alone, but there are also those across the ends: the smallest
   * counts */
  if (rows->parts.diagonal.nrows) GuessLines(rows, first, 0, n);
  if (rows->parts.diagonal.nrows && n[1] == 1) GuessLines(rows, first, 1, n);
  for (int d = 0; d < 2; d++) sizes[d] = n[d] > 1 ? n[d] : PETSC_MAX_INT;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, sizes, 2, MPIU_INT, MPI_MIN, layout->comm));
  for (int d = 0; d < 2; d++)
    if (sizes[d] == PETSC_MAX_INT) sizes[d] = 1;
  PetscCall(DivideUnits(A, sizes, layout, piece, found));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlLayoutOfMat(Mat A, FurlRows *rows, FurlLayout *layout, const char **why)
{
  FurlPiece   piece;
  PetscMPIInt found;

  PetscFunctionBegin;
  *layout = (FurlLayout){.comm = PetscObjectComm((PetscObject)A), .along = -1};
  PetscCallMPI(MPI_Comm_size(layout->comm, &layout->size));
  PetscCallMPI(MPI_Comm_rank(layout->comm, &layout->rank));
  PetscCall(PieceOfDM(A, layout, &piece, &found));
  found = found && rows->parts.diagonal.nrows < FURL_GRID_CELLS_MAX;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &found, 1, MPI_INT, MPI_MIN, layout->comm));
  if (!found) {
    PetscCall(PieceOfSlab(A, rows, layout, &piece, &found));
    found = found && rows->parts.diagonal.nrows < FURL_GRID_CELLS_MAX;
    PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &found, 1, MPI_INT, MPI_MIN, layout->comm));
  }
  if (!found) {
    *why = "the matrix is not on a box";
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscMalloc1(layout->size, &layout->piece));
  PetscCallMPI(MPI_Allgather(&piece, 6, MPIU_INT, layout->piece, 6, MPIU_INT, layout->comm));
  for (PetscMPIInt p = 0; p < layout->size; p++)
    for (int d = 0; d < 3; d++) layout->cut[d] |= layout->piece[p].n[d] != layout->N[d];
  PetscFunctionReturn(PETSC_SUCCESS);
}
