/* Which method suits: is A symmetric, with a diagonal of one sign, where rows that hold nothing but their diagonal do not count */
#include "kspfurlimpl.h"

/* A number in (-1, 1) that depends on nothing but the global index and the seed (finalizer of SplitMix64, public domain) */
static PetscReal HashToUnit(uint64_t index, uint64_t seed)
{
  uint64_t x = index + seed * UINT64_C(0x9e3779b97f4a7c15);

  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  x ^= x >> 31;
  return ((double)(x >> 11) + 0.5) / 4503599627370496.0 - 1.0; /* 2^52 */
}

/* v_i = random / sqrt|d_i|, so that equations of all scales weigh the same; 0 on isolated rows, unless those are to be seen as well */
static PetscErrorCode RandomVector(const KSP_Furl *f, Vec d, uint64_t seed, PetscBool whole, Vec v)
{
  const PetscScalar *diagonal = NULL;
  PetscScalar       *entry;
  PetscInt           first, last;

  PetscFunctionBegin;
  PetscCall(VecGetOwnershipRange(v, &first, &last));
  if (d) PetscCall(VecGetArrayRead(d, &diagonal));
  PetscCall(VecGetArrayWrite(v, &entry));
  for (PetscInt i = 0; i < last - first; i++) {
    const PetscReal size = diagonal ? PetscAbsScalar(diagonal[i]) : 1;

    entry[i] = HashToUnit((uint64_t)(first + i), seed) / (size > 0 ? PetscSqrtReal(size) : 1);
  }
  if (!whole)
    for (PetscInt k = 0; k < f->nisolated; k++) entry[f->isolated[k]] = 0;
  PetscCall(VecRestoreArrayWrite(v, &entry));
  if (d) PetscCall(VecRestoreArrayRead(d, &diagonal));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Random entries, the same at every call */
PetscErrorCode FurlKSPRandom(KSP ksp, Vec v)
{
  PetscFunctionBegin;
  PetscCall(RandomVector((const KSP_Furl *)ksp->data, NULL, 1, PETSC_TRUE, v));
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
  Two random pairs x, y: y'Ax - x'Ay is a sum of (a_ij - a_ji) with random weights, so it vanishes for a nonsymmetric A with probability
  zero. Rounding leaves about eps (|y|'|Ax| + |x|'|Ay|); the factor lets matrices pass that are symmetric but for the order of additions.
*/
static PetscErrorCode TestSymmetry(KSP ksp, Mat op, Vec d, PetscBool whole, PetscBool *symmetric)
{
  KSP_Furl       *f = (KSP_Furl *)ksp->data;
  Vec             x = FurlKSPp(f), y = FurlKSPz(f), u = FurlKSPq(f), v = FurlKSPr(f);
  const PetscReal factor = 64 * PETSC_MACHINE_EPSILON;

  PetscFunctionBegin;
  *symmetric = PETSC_TRUE;
  for (uint64_t pair = 0; pair < 2 && *symmetric; pair++) {
    PetscReal local[2] = {0, 0}, sums[2];

    PetscCall(RandomVector(f, d, 2 * pair + 1, whole, x));
    PetscCall(RandomVector(f, d, 2 * pair + 2, whole, y));
    PetscCall(MatMult(op, x, u));
    PetscCall(MatMult(op, y, v));
    PetscCall(AddDifference(x, y, u, v, local));
    PetscCallMPI(MPI_Allreduce(local, sums, 2, MPIU_REAL, MPI_SUM, PetscObjectComm((PetscObject)ksp)));
    *symmetric = PetscAbsReal(sums[0]) <= factor * sums[1] ? PETSC_TRUE : PETSC_FALSE; /* false for NaN too */
  }
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

static PetscErrorCode FindSymmetry(KSP ksp, Mat op, Mat A, Vec d)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;
  PetscBool set, known, shy;

  PetscFunctionBegin;
  PetscCall(MatIsSymmetricKnown(A, &set, &known));
  if (set && (known || !f->has_isolated)) {
    f->symmetric = f->whole_symmetric = known;
    f->how                            = "as the matrix says";
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  /* differences of function values are symmetric to their own accuracy at best, and each product evaluates the user's function */
  PetscCall(PetscObjectTypeCompare((PetscObject)A, MATMFFD, &shy));
  f->symmetric = f->whole_symmetric = PETSC_FALSE;
  f->how                            = "not tested: a matrix of finite differences";
  if (shy) PetscFunctionReturn(PETSC_SUCCESS);
  f->how = "tested on random vectors";
  PetscCall(TestSymmetry(ksp, op, d, PETSC_FALSE, &f->symmetric));
  f->whole_symmetric = f->symmetric;
  if (f->symmetric && f->has_isolated) PetscCall(TestSymmetry(ksp, op, d, PETSC_TRUE, &f->whole_symmetric));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Sets symmetric, whole_symmetric, one_signed and how; op has A's products */
PetscErrorCode FurlKSPClassify(KSP ksp, Mat op, Mat A)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;
  Vec       d = NULL;
  PetscBool has;

  PetscFunctionBegin;
  PetscCall(PetscLogEventBegin(f->event_classify, ksp, A, NULL, NULL));
  PetscCall(MatHasOperation(A, MATOP_GET_DIAGONAL, &has));
  if (has) {
    PetscCall(VecDuplicate(FurlKSPr(f), &d));
    PetscCall(MatGetDiagonal(A, d));
  }
  PetscCall(FindSymmetry(ksp, op, A, d));
  f->one_signed = PETSC_TRUE; /* unknown without a diagonal: CG finds out */
  if (d) PetscCall(TestSign(ksp, d, &f->one_signed));
  PetscCall(VecDestroy(&d));
  PetscCall(PetscLogEventEnd(f->event_classify, ksp, A, NULL, NULL));
  PetscCall(PetscInfo(ksp, "Amat is %s (%s), its diagonal %s\n", f->symmetric ? "symmetric" : "not symmetric", f->how,
                      f->one_signed ? (d || has ? "of one sign" : "unknown") : "of both signs or with zeros"));
  PetscFunctionReturn(PETSC_SUCCESS);
}
