/* Which method suits: is A symmetric, with a diagonal of one sign, where rows that hold nothing but their diagonal do not count */
#include "kspfurlimpl.h"
#include <furl/planes.h>

/* 64 bits that depend on nothing but the global index and the seed (finalizer of SplitMix64, public domain) */
static uint64_t Hash(uint64_t index, uint64_t seed)
{
  uint64_t x = index + seed * UINT64_C(0x9e3779b97f4a7c15);

  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ x >> 31;
}

/* A number in (-1, 1) */
static PetscReal HashToUnit(uint64_t index, uint64_t seed)
{
  return ((double)(Hash(index, seed) >> 11) + 0.5) / 4503599627370496.0 - 1.0; /* 2^52 */
}

/*
  A number in +-[0.5, 1) 2^-e, where `size` lies between 4^e and 4^(e+1): about 1/sqrt(size), in integers, as there are many. Sizes that are
  zero, denormal or not finite count as one
*/
static PetscReal HashToWeight(uint64_t index, uint64_t seed, double size)
{
  const uint64_t hash  = Hash(index, seed);
  const int64_t  field = (int64_t)(FurlDoubleToBits(size) >> 52 & 2047);
  const int64_t  e     = field && field < 2047 ? (field - 1023) >> 1 : 0;

  return FurlDoubleFromBits((hash & UINT64_C(1) << 63) | (uint64_t)(1022 - e) << 52 | hash << 1 >> 12);
}

/* What the symmetry is tested with: equations of all scales weigh about the same, and no weight is small by chance; 0 on isolated rows */
static PetscErrorCode TestVector(const KSP_Furl *f, Vec d, uint64_t seed, Vec v)
{
  const PetscScalar *diagonal = NULL;
  PetscScalar       *entry;
  PetscInt           first, last;

  PetscFunctionBegin;
  PetscCall(VecGetOwnershipRange(v, &first, &last));
  if (d) PetscCall(VecGetArrayRead(d, &diagonal));
  PetscCall(VecGetArrayWrite(v, &entry));
  for (PetscInt i = 0; i < last - first; i++)
    entry[i] = HashToWeight((uint64_t)(first + i), seed, diagonal ? PetscRealPart(diagonal[i]) : 1);
  for (PetscInt k = 0; k < f->nisolated; k++) entry[f->isolated[k]] = 0;
  PetscCall(VecRestoreArrayWrite(v, &entry));
  if (d) PetscCall(VecRestoreArrayRead(d, &diagonal));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Random entries, the same at every call */
PetscErrorCode FurlKSPRandom(KSP ksp, Vec v)
{
  PetscScalar *entry;
  PetscInt     first, last;

  PetscFunctionBegin;
  PetscCall(VecGetOwnershipRange(v, &first, &last));
  PetscCall(VecGetArrayWrite(v, &entry));
  for (PetscInt i = first; i < last; i++) entry[i - first] = HashToUnit((uint64_t)i, 1);
  PetscCall(VecRestoreArrayWrite(v, &entry));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* sums += y'u - x'v and |y|'|u| + |x|'|v| */
static PetscErrorCode AddDifference(Vec x, Vec y, Vec u, Vec v, PetscReal sums[2])
{
  const PetscScalar *ax, *ay, *au, *av;
  PetscInt           n;

  PetscFunctionBegin;
  PetscCall(VecGetLocalSize(x, &n));
  PetscCall(VecGetArrayRead(x, &ax));
  PetscCall(VecGetArrayRead(y, &ay));
  PetscCall(VecGetArrayRead(u, &au));
  PetscCall(VecGetArrayRead(v, &av));
  for (PetscInt i = 0; i < n; i++) {
    const PetscReal yu = PetscRealPart(ay[i] * au[i]), xv = PetscRealPart(ax[i] * av[i]);

    sums[0] += yu - xv;
    sums[1] += PetscAbsReal(yu) + PetscAbsReal(xv);
  }
  PetscCall(VecRestoreArrayRead(v, &av));
  PetscCall(VecRestoreArrayRead(u, &au));
  PetscCall(VecRestoreArrayRead(y, &ay));
  PetscCall(VecRestoreArrayRead(x, &ax));
  PetscCall(PetscLogFlops(6.0 * n));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*
  y'Ax - x'Ay is a sum of (a_ij - a_ji) with random weights, so it vanishes for a nonsymmetric A with probability zero; no weight is small,
  so one pair x, y suffices. Rounding leaves about eps (|y|'|Ax| + |x|'|Ay|); the factor lets matrices pass that are symmetric but for the
  order of additions.
*/
static PetscErrorCode TestSymmetry(KSP ksp, Mat op, Vec d, PetscBool *symmetric)
{
  KSP_Furl       *f = (KSP_Furl *)ksp->data;
  Vec             x = FurlKSPp(f), y = FurlKSPz(f), u = FurlKSPq(f), v = FurlKSPr(f);
  const PetscReal factor   = 64 * PETSC_MACHINE_EPSILON;
  PetscReal       local[2] = {0, 0}, sums[2];

  PetscFunctionBegin;
  PetscCall(TestVector(f, d, 1, x));
  PetscCall(TestVector(f, d, 2, y));
  PetscCall(MatMult(op, x, u));
  PetscCall(MatMult(op, y, v));
  PetscCall(AddDifference(x, y, u, v, local));
  PetscCallMPI(MPI_Allreduce(local, sums, 2, MPIU_REAL, MPI_SUM, PetscObjectComm((PetscObject)ksp)));
  *symmetric = PetscAbsReal(sums[0]) <= factor * sums[1] ? PETSC_TRUE : PETSC_FALSE; /* false for NaN too */
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* With the isolated rows A is symmetric where no other row has an entry in their columns: x that is random there, zero elsewhere, tells */
static PetscErrorCode TestIsolatedColumns(KSP ksp, Mat op, PetscBool *uncoupled)
{
  KSP_Furl          *f = (KSP_Furl *)ksp->data;
  Vec                x = FurlKSPp(f), u = FurlKSPq(f);
  PetscScalar       *entry;
  const PetscScalar *image;
  PetscInt           first, last;
  PetscMPIInt        coupled = 0, any;

  PetscFunctionBegin;
  PetscCall(VecSet(x, 0));
  PetscCall(VecGetOwnershipRange(x, &first, &last));
  PetscCall(VecGetArray(x, &entry));
  for (PetscInt k = 0; k < f->nisolated; k++) entry[f->isolated[k]] = HashToUnit((uint64_t)(first + f->isolated[k]), 3) / f->pivot[k];
  PetscCall(VecRestoreArray(x, &entry));
  PetscCall(MatMult(op, x, u));
  PetscCall(VecGetArrayRead(u, &image));
  for (PetscInt i = 0, next = 0; i < last - first; i++) {
    if (next < f->nisolated && f->isolated[next] == i)
      next++;
    else if (image[i] != 0.0)
      coupled = 1;
  }
  PetscCall(VecRestoreArrayRead(u, &image));
  PetscCallMPI(MPI_Allreduce(&coupled, &any, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)ksp)));
  *uncoupled = any ? PETSC_FALSE : PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Is the diagonal of one sign outside the isolated rows? NaN and zero are of no sign */
static PetscErrorCode TestSign(KSP ksp, Vec d, PetscBool *one_signed)
{
  const KSP_Furl    *f = (const KSP_Furl *)ksp->data;
  const PetscScalar *diagonal;
  PetscInt           n, next = 0;
  PetscMPIInt        local[2] = {0, 0}, others[2]; /* some entry is not positive, some is not negative */

  PetscFunctionBegin;
  PetscCall(VecGetLocalSize(d, &n));
  PetscCall(VecGetArrayRead(d, &diagonal));
  for (PetscInt i = 0; i < n; i++) {
    if (next < f->nisolated && f->isolated[next] == i) {
      next++;
      continue;
    }
    if (!(PetscRealPart(diagonal[i]) > 0)) local[0] = 1;
    if (!(PetscRealPart(diagonal[i]) < 0)) local[1] = 1;
  }
  PetscCall(VecRestoreArrayRead(d, &diagonal));
  PetscCallMPI(MPI_Allreduce(local, others, 2, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)ksp)));
  *one_signed = !others[0] || !others[1] ? PETSC_TRUE : PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What needs no product: what the matrix says of itself, or what was seen of its entries */
static PetscErrorCode KnowSymmetry(KSP ksp, Mat A, PetscBool *known)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;
  PetscBool set, symmetric, shy;

  PetscFunctionBegin;
  *known = PETSC_TRUE;
  PetscCall(MatIsSymmetricKnown(A, &set, &symmetric));
  if (set && (symmetric || !f->has_isolated)) {
    f->symmetric = f->whole_symmetric = symmetric;
    f->how                            = "as the matrix says";
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  f->symmetric = f->whole_symmetric = f->has_traits ? f->traits.symmetric : PETSC_FALSE;
  f->how                            = "bit for bit";
  if (f->symmetric) PetscFunctionReturn(PETSC_SUCCESS);
  /* differences of function values are symmetric to their own accuracy at best, and each product evaluates the user's function */
  PetscCall(PetscObjectTypeCompare((PetscObject)A, MATMFFD, &shy));
  f->how = "not tested: a matrix of finite differences";
  *known = shy;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FindSymmetry(KSP ksp, Mat op, Vec d)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  f->how = "tested on random vectors";
  PetscCall(TestSymmetry(ksp, op, d, &f->symmetric));
  f->whole_symmetric = f->symmetric;
  if (f->symmetric && f->has_isolated) PetscCall(TestIsolatedColumns(ksp, op, &f->whole_symmetric));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Classify(KSP ksp, Mat op, Mat A)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;
  Vec       d = NULL;
  PetscBool known, has;

  PetscFunctionBegin;
  PetscCall(KnowSymmetry(ksp, A, &known));
  f->one_signed = f->has_traits ? f->traits.one_signed : PETSC_TRUE; /* unknown without a diagonal: CG finds out */
  if (known && f->has_traits) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatHasOperation(A, MATOP_GET_DIAGONAL, &has));
  if (has) {
    PetscCall(VecDuplicate(FurlKSPr(f), &d));
    PetscCall(MatGetDiagonal(A, d));
    if (!f->has_traits) PetscCall(TestSign(ksp, d, &f->one_signed));
  }
  if (!known) PetscCall(FindSymmetry(ksp, op, d));
  PetscCall(VecDestroy(&d));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sets symmetric, whole_symmetric, one_signed and how; op has A's products */
PetscErrorCode FurlKSPClassify(KSP ksp, Mat op, Mat A)
{
  const KSP_Furl *f = (const KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  PetscCall(PetscLogEventBegin(f->event_classify, ksp, A, NULL, NULL));
  PetscCall(Classify(ksp, op, A));
  PetscCall(PetscLogEventEnd(f->event_classify, ksp, A, NULL, NULL));
  PetscCall(PetscInfo(ksp, "Amat is %s (%s), its diagonal %s\n", f->symmetric ? "symmetric" : "not symmetric", f->how,
                      f->one_signed ? "of one sign or unknown" : "of both signs or with zeros"));
  PetscFunctionReturn(PETSC_SUCCESS);
}
