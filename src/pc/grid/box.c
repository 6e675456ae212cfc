/* Boxes of cells: their numbering, ghosts, and how one is guessed from the offsets of a matrix */
#include "grid.h"

#define SAMPLES 4096
#define TABLE 1024 /* places of the histogram: a power of two, far above the offsets of a box */
#define OFFSETS_MAX 256

static int64_t Odd(int64_t n)
{
  return n | 1;
}

void FurlBoxInit(FurlBox *box, const PetscInt n[3], const int periodic[3])
{
  int64_t largest = 1;

  for (int d = 0; d < 3; d++) {
    box->n[d]        = n[d];
    box->periodic[d] = periodic[d] && n[d] > 2;
  }
  box->stride[0] = 1;
  box->stride[1] = Odd(n[0] + 2 * box->periodic[0]);
  box->stride[2] = box->stride[1] * Odd(n[1] + 2 * box->periodic[1]);
  box->origin    = box->periodic[0] + box->stride[1] * box->periodic[1] + box->stride[2] * box->periodic[2];
  box->nflat     = box->stride[2] * (n[2] + 2 * box->periodic[2]);
  for (int d = 0; d < 3; d++)
    if (n[d] > 1) largest = box->stride[d];
  box->margin = (largest / 2 + 2 * FURL_WIDTH) / FURL_WIDTH * FURL_WIDTH;
}

/* Ghosts in direction d of all cells of the lines of the other two, which have their ghosts where those come first */
static void FillDirection(const FurlBox *box, int d, float *array)
{
  const int64_t last = box->n[d] - 1;
  PetscInt      at[3], begin[3], end[3];

  for (int k = 0; k < 3; k++) {
    begin[k] = k < d ? -box->periodic[k] : 0;
    end[k]   = k == d ? 1 : box->n[k] + (k < d ? box->periodic[k] : 0);
  }
  for (at[2] = begin[2]; at[2] < end[2]; at[2]++)
    for (at[1] = begin[1]; at[1] < end[1]; at[1]++)
      for (at[0] = begin[0]; at[0] < end[0]; at[0]++) {
        float *const line = array + FurlBoxAt(box, at[0], at[1], at[2]);

        line[-box->stride[d]]             = line[last * box->stride[d]];
        line[(last + 1) * box->stride[d]] = line[0];
      }
}

void FurlBoxFillGhosts(const FurlBox *box, float *array)
{
  for (int d = 0; d < 3; d++)
    if (box->periodic[d]) FillDirection(box, d, array);
}

/* Offsets col - row > 0 of a sample of rows, ascending, those that a fair part of the rows has. A hash chooses the rows: any regular choice
 * can fall on the faces of a box alone */
static int CommonOffsets(const FurlCsr *csr, PetscInt offset[OFFSETS_MAX])
{
  PetscInt      key[TABLE];
  int           count[TABLE] = {0}, different = 0, most = 0, n = 0;
  const int64_t samples = csr->nrows < SAMPLES ? csr->nrows : SAMPLES;

  for (int64_t s = 0; s < samples; s++) {
    const int64_t r = samples < SAMPLES ? s : (int64_t)(((uint64_t)(s + 1) * 0x9e3779b97f4a7c15u >> 20) % (uint64_t)csr->nrows);

    for (PetscInt k = csr->rowptr[r]; k < csr->rowptr[r + 1]; k++) {
      const PetscInt o = csr->column[k] - (PetscInt)r;
      uint32_t       h = (uint32_t)o * 2654435761u >> 22;

      if (o <= 0) continue;
      while (count[h] && key[h] != o) h = (h + 1) % TABLE;
      if (!count[h] && ++different > OFFSETS_MAX) return 0;
      key[h] = o;
      if (++count[h] > most) most = count[h];
    }
  }
  for (int h = 0; h < TABLE; h++) {
    int p = n;

    if (!count[h] || 10 * count[h] < 3 * most) continue;
    for (n++; p > 0 && offset[p - 1] > key[h]; p--) offset[p] = offset[p - 1];
    offset[p] = key[h];
  }
  return n;
}

/* The offsets come in clusters: 1 along a line, around n[0] between lines, around n[0] n[1] between planes */
int FurlBoxGuess(const FurlCsr *csr, PetscInt n[3])
{
  PetscInt  offset[OFFSETS_MAX], line, plane;
  const int noffsets = CommonOffsets(csr, offset);
  int       end      = 1;

  n[0] = (PetscInt)csr->nrows;
  n[1] = n[2] = 1;
  if (!noffsets || offset[0] != 1 || csr->nrows != csr->ncols) return 0;
  if (noffsets == 1) return 1;
  while (end + 1 < noffsets && offset[end + 1] == offset[end] + 1) end++;
  line = (offset[1] + offset[end]) / 2;
  if (line < 2 || csr->nrows % line) return 0;
  n[0]  = line;
  plane = (PetscInt)csr->nrows;
  if (end + 1 < noffsets) plane = (offset[end + 1] + offset[noffsets - 1]) / 2;
  if (plane % line || csr->nrows % plane) return 0;
  n[1] = plane / line;
  n[2] = (PetscInt)csr->nrows / plane;
  return 1;
}
