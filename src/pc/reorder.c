/*
  Rows in a better order for the hierarchy. Meshes from generators are often numbered without regard to place: neighbouring rows then read
  vectors all over memory, in GAMG's set-up as in the cycle. The hierarchy of such a matrix is built of a copy whose rows stand in reverse
  Cuthill-McKee order, on each process by itself; the user's vectors are taken in that order as they are converted to FP32 and back.
*/
#include <petsc/private/pcimpl.h>
#include "pcfurl.h"

#define SAMPLES 64            /* runs of rows looked at */
#define RUN 32                /* rows of one */
#define LINE 16               /* entries of a vector of floats in a cache line */
#define MOST_ENTRIES 4096     /* of a run that are looked at */
#define CACHED_ROWS (1 << 13) /* of a process: vectors of fewer are at hand in any order */

static int CompareNumbers(const void *a, const void *b)
{
  const PetscInt x = *(const PetscInt *)a, y = *(const PetscInt *)b;

  return (x > y) - (x < y);
}

/* Sorts the numbers and keeps one of each; returns how many are left */
static PetscInt KeepDifferent(PetscInt *number, PetscInt n)
{
  PetscInt kept = 0;

  qsort(number, (size_t)n, sizeof(*number), CompareNumbers);
  for (PetscInt k = 0; k < n; k++)
    if (!k || number[k] != number[k - 1]) number[kept++] = number[k];
  return kept;
}

/* Blocks of entries in RUN rows of blocks, the first of which is row `first`, and the cache lines of a vector in which they begin */
static void CountLines(const FurlCsr *a, PetscInt first, PetscInt bs, PetscInt *lines, PetscInt *blocks)
{
  PetscInt line[MOST_ENTRIES], n = 0;

  for (PetscInt i = first; i < first + RUN * bs; i += bs) {
    PetscInt *const block = line + n, m = PetscMin(a->rowptr[i + bs] - a->rowptr[i], MOST_ENTRIES - n);

    for (PetscInt k = 0; k < m; k++) block[k] = a->column[a->rowptr[i] + k] / bs;
    n += KeepDifferent(block, m);
  }
  *blocks += n;
  for (PetscInt k = 0; k < n; k++) line[k] = line[k] * bs / LINE;
  *lines += KeepDifferent(line, n);
}

/* Whether most blocks of some process's rows lie in cache lines of their own: neighbours in any sensible order share theirs */
static PetscErrorCode IsScattered(Mat A, PetscBool *scattered)
{
  FurlAijParts parts;
  PetscInt     lines = 0, blocks = 0, nrows, bs;
  PetscMPIInt  yes;

  PetscFunctionBegin;
  PetscCall(MatGetBlockSize(A, &bs));
  PetscCall(FurlAijGetParts(A, &parts));
  nrows = (PetscInt)parts.diagonal.nrows;
  if (nrows >= CACHED_ROWS && bs <= CACHED_ROWS / RUN)
    for (PetscInt k = 0; k < SAMPLES; k++)
      CountLines(&parts.diagonal, (PetscInt)((int64_t)k * (nrows / bs - RUN) / (SAMPLES - 1)) * bs, bs, &lines, &blocks);
  PetscCall(FurlAijRestoreParts(A, &parts));
  yes = 2 * lines > blocks;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &yes, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)A)));
  *scattered = yes ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whole blocks in the order in which their first rows come */
static PetscErrorCode OrderBlocks(const PetscInt *order, PetscInt n, PetscInt bs, PetscInt *row)
{
  PetscBool *taken;
  PetscInt   k = 0;

  PetscFunctionBegin;
  PetscCall(PetscCalloc1(n / bs + 1, &taken));
  for (PetscInt i = 0; i < n; i++) {
    const PetscInt block = order[i] / bs;

    if (taken[block]) continue;
    taken[block] = PETSC_TRUE;
    for (PetscInt d = 0; d < bs; d++) row[k++] = block * bs + d;
  }
  PetscCall(PetscFree(taken));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* row[k]: which of this process's rows comes k-th */
static PetscErrorCode FindOrder(Mat A, PetscInt **row)
{
  const PetscInt *order;
  PetscInt        n, bs;
  Mat             block;
  IS              rows, columns;

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(A, &n, NULL));
  PetscCall(MatGetBlockSize(A, &bs));
  PetscCall(PetscMalloc1(n + 1, row));
  PetscCall(MatGetDiagonalBlock(A, &block));
  PetscCall(MatGetOrdering(block, MATORDERINGRCM, &rows, &columns));
  PetscCall(ISGetIndices(rows, &order));
  PetscCall(OrderBlocks(order, n, bs, *row));
  PetscCall(ISRestoreIndices(rows, &order));
  PetscCall(ISDestroy(&columns));
  PetscCall(ISDestroy(&rows));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The near-null space in the order of the rows */
static PetscErrorCode OrderNearNullSpace(Mat A, const PetscInt *row, Mat ordered)
{
  MatNullSpace near, moved;
  const Vec   *vec;
  Vec         *to;
  PetscBool    constant;
  PetscInt     nvecs, n;

  PetscFunctionBegin;
  PetscCall(MatGetNearNullSpace(A, &near));
  if (!near) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatNullSpaceGetVecs(near, &constant, &nvecs, &vec));
  PetscCall(PetscMalloc1(nvecs, &to));
  for (PetscInt k = 0; k < nvecs; k++) {
    const PetscScalar *from;
    PetscScalar       *into;

    PetscCall(VecDuplicate(vec[k], &to[k]));
    PetscCall(VecGetLocalSize(to[k], &n));
    PetscCall(VecGetArrayRead(vec[k], &from));
    PetscCall(VecGetArrayWrite(to[k], &into));
    for (PetscInt i = 0; i < n; i++) into[i] = from[row[i]];
    PetscCall(VecRestoreArrayWrite(to[k], &into));
    PetscCall(VecRestoreArrayRead(vec[k], &from));
  }
  PetscCall(MatNullSpaceCreate(PetscObjectComm((PetscObject)A), constant, nvecs, to, &moved));
  PetscCall(MatSetNearNullSpace(ordered, moved));
  PetscCall(MatNullSpaceDestroy(&moved));
  for (PetscInt k = 0; k < nvecs; k++) PetscCall(VecDestroy(&to[k]));
  PetscCall(PetscFree(to));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PermuteRows(Mat A, const PetscInt *row, Mat *ordered)
{
  PetscInt *global, n, first, bs;
  IS        is;

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(A, &n, NULL));
  PetscCall(MatGetOwnershipRange(A, &first, NULL));
  PetscCall(MatGetBlockSize(A, &bs));
  PetscCall(PetscMalloc1(n, &global));
  for (PetscInt i = 0; i < n; i++) global[i] = first + row[i];
  PetscCall(ISCreateGeneral(PetscObjectComm((PetscObject)A), n, global, PETSC_OWN_POINTER, &is));
  PetscCall(ISSetPermutation(is));
  PetscCall(MatPermute(A, is, is, ordered));
  PetscCall(ISDestroy(&is));
  if (bs > 1) PetscCall(MatSetBlockSizes(*ordered, bs, bs));
  PetscCall(MatPropagateSymmetryOptions(A, *ordered));
  PetscCall(OrderNearNullSpace(A, row, *ordered));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Furl's own hierarchy takes the rows in any order, and of others GAMG's to: what a user gave to a PC of another type, or in code, may have
 * his */
static PetscErrorCode MayOrder(const PC_Furl *furl, PetscBool *may)
{
  PetscInt rows, columns;

  PetscFunctionBegin;
  *may = (PetscBool)(furl->reorder && (furl->own || !furl->import_given));
  if (*may && !furl->own) PetscCall(PetscObjectTypeCompare((PetscObject)furl->import, PCGAMG, may));
  PetscCall(MatGetSize(furl->import_mat, &rows, &columns));
  *may = (PetscBool)(*may && rows == columns);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlHierarchyForgetOrder(PC_Furl *furl)
{
  PetscFunctionBegin;
  PetscCall(MatDestroy(&furl->ordered_mat));
  PetscCall(PetscFree(furl->row));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* New values go into the copy that is there: GAMG keeps what rests on the pattern of a matrix that it has seen, not of another */
PetscErrorCode FurlHierarchyOrderAgain(PC_Furl *furl)
{
  Mat ordered;

  PetscFunctionBegin;
  PetscCall(PermuteRows(furl->import_mat, furl->row, &ordered));
  if (!furl->ordered_mat) {
    furl->ordered_mat = ordered;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(MatCopy(ordered, furl->ordered_mat, SAME_NONZERO_PATTERN));
  PetscCall(MatDestroy(&ordered));
  PetscCall(MatPropagateSymmetryOptions(furl->import_mat, furl->ordered_mat));
  PetscCall(OrderNearNullSpace(furl->import_mat, furl->row, furl->ordered_mat));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlHierarchyOrder(PC pc)
{
  PC_Furl *const   furl = (PC_Furl *)pc->data;
  PetscObjectId    id;
  PetscObjectState pattern, state;
  PetscBool        order, same_pattern;

  PetscFunctionBegin;
  PetscCall(PetscObjectGetId((PetscObject)pc->pmat, &id));
  PetscCall(MatGetNonzeroState(pc->pmat, &pattern));
  PetscCall(PetscObjectStateGet((PetscObject)pc->pmat, &state));
  same_pattern = (PetscBool)(furl->row && furl->ordered_id == id && furl->ordered_pattern == pattern);
  PetscCall(MayOrder(furl, &order));
  if (order && same_pattern && furl->ordered_mat && furl->ordered_state == state) PetscFunctionReturn(PETSC_SUCCESS);
  if (order && !same_pattern) PetscCall(IsScattered(furl->import_mat, &order));
  if (!order || !same_pattern) PetscCall(FurlHierarchyForgetOrder(furl));
  if (!order) PetscFunctionReturn(PETSC_SUCCESS);
  if (!same_pattern) PetscCall(FindOrder(furl->import_mat, &furl->row));
  PetscCall(FurlHierarchyOrderAgain(furl));
  furl->ordered_id      = id;
  furl->ordered_pattern = pattern;
  furl->ordered_state   = state;
  PetscCall(PetscInfo(pc, "The rows of the hierarchy are in reverse Cuthill-McKee order\n"));
  PetscFunctionReturn(PETSC_SUCCESS);
}
