/*
  aijfurl is AIJ with other products: they follow every way of changing values, behind the matrix's back too; conversions go all ways bit
  for bit; products of matrices with AIJ, dense matrices and MAIJ, factorizations and duplicates are AIJ's
*/
#include <petscksp.h>
#include "matrices.h"

/* |A x - F x| <= 1e-13 (|A| |x|), row by row; and the same transposed */
static PetscErrorCode CheckProducts(const char *name, Mat A, Mat F)
{
  Vec       x, y, z, w;
  PetscReal size, apart;

  PetscFunctionBegin;
  for (int transposed = 0; transposed < 2; transposed++) {
    PetscCall(MatCreateVecs(A, transposed ? &y : &x, transposed ? &x : &y));
    PetscCall(VecDuplicate(y, &z));
    PetscCall(VecDuplicate(y, &w));
    PetscCall(FillVec(x, 5));
    PetscCall(FillVec(w, 6));
    PetscCall(transposed ? MatMultTransposeAdd(A, x, w, y) : MatMultAdd(A, x, w, y));
    PetscCall(transposed ? MatMultTransposeAdd(F, x, w, z) : MatMultAdd(F, x, w, z));
    PetscCall(VecAXPY(z, -1, y));
    PetscCall(VecNorm(z, NORM_INFINITY, &apart));
    PetscCall(MatNorm(A, transposed ? NORM_1 : NORM_INFINITY, &size));
    PetscCheck(apart <= 1e-13 * (1 + size), PETSC_COMM_WORLD, PETSC_ERR_PLIB, "Product %d of '%s' is wrong by %g", transposed, name,
               (double)apart);
    PetscCall(transposed ? MatMultTranspose(A, x, y) : MatMult(A, x, y));
    PetscCall(transposed ? MatMultTranspose(F, x, z) : MatMult(F, x, z));
    PetscCall(VecAXPY(z, -1, y));
    PetscCall(VecNorm(z, NORM_INFINITY, &apart));
    PetscCheck(apart <= 1e-13 * (1 + size), PETSC_COMM_WORLD, PETSC_ERR_PLIB, "Product %d of '%s' is wrong by %g", transposed, name,
               (double)apart);
    PetscCall(VecDestroy(&x));
    PetscCall(VecDestroy(&y));
    PetscCall(VecDestroy(&z));
    PetscCall(VecDestroy(&w));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckType(const char *what, Mat A)
{
  PetscBool is;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompareAny((PetscObject)A, &is, "seqaijfurl", "mpiaijfurl", ""));
  PetscCheck(is, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "%s gives another type", what);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Changes that PETSc's functions make, and one of the arrays themselves */
static PetscErrorCode Change(Mat A, int which)
{
  PetscInt first, last;
  Vec      d;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  switch (which) {
  case 0:
    PetscCall(MatScale(A, 3));
    break;
  case 1:
    PetscCall(MatShift(A, 0.5));
    break;
  case 2:
    for (PetscInt i = first; i < last; i++) PetscCall(MatSetValue(A, i, i, 7 + (PetscScalar)i, INSERT_VALUES));
    PetscCall(Assemble(A));
    break;
  case 3:
    PetscCall(MatCreateVecs(A, NULL, &d));
    PetscCall(FillVec(d, 3));
    PetscCall(MatDiagonalScale(A, d, NULL));
    PetscCall(VecDestroy(&d));
    break;
  case 4: {
    Mat          part[2] = {A, NULL};
    PetscBool    parallel;
    PetscScalar *array;
    MatInfo      info;

    PetscCall(PetscObjectBaseTypeCompare((PetscObject)A, MATMPIAIJ, &parallel));
    if (parallel) PetscCall(MatMPIAIJGetSeqAIJ(A, &part[0], &part[1], NULL));
    for (int k = 0; k < 2 && part[k]; k++) {
      PetscCall(MatGetInfo(part[k], MAT_LOCAL, &info));
      PetscCall(MatSeqAIJGetArray(part[k], &array));
      for (PetscInt e = 0; e < (PetscInt)info.nz_used; e++) array[e] = -array[e] * 1.25;
      PetscCall(MatSeqAIJRestoreArray(part[k], &array));
    }
    break;
  }
  default: { /* a new pattern */
    PetscCall(MatSetOption(A, MAT_NEW_NONZERO_ALLOCATION_ERR, PETSC_FALSE));
    if (first < last) PetscCall(MatSetValue(A, first, 0, 11, ADD_VALUES));
    if (first < last) PetscCall(MatSetValue(A, last - 1, 0, 12, ADD_VALUES));
    PetscCall(Assemble(A));
  }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckChanges(const char *name, Mat A)
{
  Mat B, F, G;

  PetscFunctionBegin;
  PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &B));
  PetscCall(MatConvert(A, "aijfurl", MAT_INITIAL_MATRIX, &F));
  PetscCall(CheckType("MatConvert()", F));
  PetscCall(CheckSameBits(name, A, F));
  PetscCall(CheckProducts(name, B, F));
  for (int k = 0; k < 6; k++) {
    PetscCall(Change(B, k));
    PetscCall(Change(F, k));
    PetscCall(CheckSameBits(name, B, F));
    PetscCall(CheckProducts(name, B, F));
  }
  PetscCall(MatDuplicate(F, MAT_COPY_VALUES, &G));
  PetscCall(CheckType("MatDuplicate()", G));
  PetscCall(Change(G, 0));
  PetscCall(CheckProducts(name, B, F));
  PetscCall(Change(B, 0));
  PetscCall(CheckProducts(name, B, G));
  PetscCall(MatDestroy(&G));
  PetscCall(MatDestroy(&F));
  PetscCall(MatDestroy(&B));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckConversions(const char *name, Mat A)
{
  const char *const types[] = {"furl", "aij", "baij", "dense"};
  Mat               F, B, C;
  PetscBool         is;

  PetscFunctionBegin;
  PetscCall(MatConvert(A, "aijfurl", MAT_INITIAL_MATRIX, &F));
  PetscCall(CheckProducts(name, A, F));
  for (size_t k = 0; k < PETSC_STATIC_ARRAY_LENGTH(types); k++) {
    PetscCall(MatConvert(F, types[k], MAT_INITIAL_MATRIX, &B));
    PetscCall(MatConvert(B, "aijfurl", MAT_INITIAL_MATRIX, &C));
    PetscCall(CheckType(types[k], C));
    PetscCall(CheckProducts(types[k], A, C));
    if (k != 3) PetscCall(CheckSameBits(types[k], A, C));
    PetscCall(MatConvert(F, types[k], MAT_REUSE_MATRIX, &B));
    PetscCall(CheckProducts(types[k], A, B));
    PetscCall(MatDestroy(&C));
    PetscCall(MatConvert(B, "aijfurl", MAT_INPLACE_MATRIX, &B));
    PetscCall(CheckType(types[k], B));
    PetscCall(CheckProducts(types[k], A, B));
    PetscCall(MatConvert(B, types[k], MAT_INPLACE_MATRIX, &B));
    PetscCall(CheckProducts(types[k], A, B));
    PetscCall(MatDestroy(&B));
  }
  PetscCall(MatConvert(F, MATAIJ, MAT_INPLACE_MATRIX, &F));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)F, &is, MATSEQAIJ, MATMPIAIJ, ""));
  PetscCheck(is, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "The matrix is not aij after a conversion in place");
  PetscCall(CheckProducts(name, A, F));
  PetscCall(CheckSameBits(name, A, F));
  PetscCall(MatDestroy(&F));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckEqual(const char *what, const char *name, Mat A, Mat B)
{
  Mat       C, D;
  PetscReal size, apart;

  PetscFunctionBegin;
  PetscCall(MatConvert(A, MATAIJ, MAT_INITIAL_MATRIX, &C));
  PetscCall(MatConvert(B, MATAIJ, MAT_INITIAL_MATRIX, &D));
  PetscCall(MatNorm(C, NORM_FROBENIUS, &size));
  PetscCall(MatAXPY(C, -1, D, DIFFERENT_NONZERO_PATTERN));
  PetscCall(MatNorm(C, NORM_FROBENIUS, &apart));
  PetscCheck(apart <= 1e-13 * (1 + size), PETSC_COMM_WORLD, PETSC_ERR_PLIB, "%s of '%s' is wrong by %g", what, name, (double)apart);
  PetscCall(MatDestroy(&C));
  PetscCall(MatDestroy(&D));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Square matrices: with itself, with AIJ, with dense matrices on either side, twice for the numeric phase alone */
static PetscErrorCode CheckMatrixProducts(const char *name, Mat A)
{
  const MatProductType types[] = {MATPRODUCT_AB, MATPRODUCT_AtB, MATPRODUCT_PtAP};
  Mat                  F, dense, left, right, C, D;

  PetscFunctionBegin;
  PetscCall(MatConvert(A, "aijfurl", MAT_INITIAL_MATRIX, &F));
  PetscCall(MatConvert(A, MATDENSE, MAT_INITIAL_MATRIX, &dense));
  for (int partner = 0; partner < 4; partner++) {
    for (int k = 0; k < 3; k++) {
      if (partner == 3 && k) continue; /* AIJ has no other product with a dense matrix on the left */
      left  = partner == 1 ? A : F;
      right = partner == 0 ? F : partner == 1 ? F : A;
      if (partner == 3) left = dense, right = F;
      if (partner == 2) right = k == 2 ? A : dense;
      PetscCall(MatProductCreate(left, right, NULL, &C));
      PetscCall(MatProductSetType(C, types[k]));
      PetscCall(MatProductSetFromOptions(C));
      PetscCall(MatProductSymbolic(C));
      PetscCall(MatProductNumeric(C));
      PetscCall(MatProductNumeric(C));
      PetscCall(MatProductCreate(A, A, NULL, &D));
      PetscCall(MatProductSetType(D, types[k]));
      PetscCall(MatProductSetFromOptions(D));
      PetscCall(MatProductSymbolic(D));
      PetscCall(MatProductNumeric(D));
      PetscCall(CheckEqual(MatProductTypes[types[k]], name, D, C));
      PetscCall(MatDestroy(&C));
      PetscCall(MatDestroy(&D));
    }
  }
  PetscCall(MatDestroy(&dense));
  PetscCall(MatDestroy(&F));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A block matrix of 3 x 3 blocks and an interpolation of cells for each of its components: P^T A P, A P */
static PetscErrorCode CheckMaij(void)
{
  Mat      P, Q, A, F, C, D;
  PetscInt m, first, last;

  PetscFunctionBegin;
  PetscCall(CreateRandom(PETSC_COMM_WORLD, 111, 37, 4, PETSC_FALSE, &P));
  PetscCall(MatCreateMAIJ(P, 3, &Q));
  PetscCall(MatGetLocalSize(Q, &m, NULL));
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, m, m, PETSC_DETERMINE, PETSC_DETERMINE, 5, NULL, 5, NULL, &A));
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  for (PetscInt i = first; i < last; i++)
    for (PetscInt j = PetscMax(i - 2, 0); j < PetscMin(i + 3, 333); j++) PetscCall(MatSetValue(A, i, j, Noise(i, j), INSERT_VALUES));
  PetscCall(Assemble(A));
  PetscCall(MatConvert(A, "aijfurl", MAT_INITIAL_MATRIX, &F));
  PetscCall(MatPtAP(A, Q, MAT_INITIAL_MATRIX, PETSC_DEFAULT, &C));
  PetscCall(MatPtAP(F, Q, MAT_INITIAL_MATRIX, PETSC_DEFAULT, &D));
  PetscCall(CheckEqual("PtAP with MAIJ", "random", C, D));
  PetscCall(MatScale(F, 2));
  PetscCall(MatScale(C, 2));
  PetscCall(MatPtAP(F, Q, MAT_REUSE_MATRIX, PETSC_DEFAULT, &D));
  PetscCall(CheckEqual("PtAP with MAIJ again", "random", C, D));
  PetscCall(MatDestroy(&C));
  PetscCall(MatDestroy(&D));
  PetscCall(MatDestroy(&F));
  PetscCall(MatDestroy(&A));
  PetscCall(MatDestroy(&Q));
  PetscCall(MatDestroy(&P));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Made by its own name, without preallocation, and solved with */
static PetscErrorCode CheckSolve(void)
{
  Mat       A, F;
  Vec       x, b, r;
  KSP       ksp;
  PetscInt  n, first, last;
  PetscReal norm;

  PetscFunctionBegin;
  PetscCall(CreateSevenPoint(PETSC_COMM_WORLD, 7, PETSC_FALSE, &A));
  PetscCall(MatGetSize(A, &n, NULL));
  PetscCall(MatCreate(PETSC_COMM_WORLD, &F));
  PetscCall(MatSetSizes(F, PETSC_DECIDE, PETSC_DECIDE, n, n));
  PetscCall(MatSetType(F, "aijfurl"));
  PetscCall(MatSetUp(F));
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  for (PetscInt i = first; i < last; i++) {
    const PetscInt    *column;
    const PetscScalar *value;
    PetscInt           ncols;

    PetscCall(MatGetRow(A, i, &ncols, &column, &value));
    PetscCall(MatSetValues(F, 1, &i, ncols, column, value, INSERT_VALUES));
    PetscCall(MatRestoreRow(A, i, &ncols, &column, &value));
  }
  PetscCall(Assemble(F));
  PetscCall(CheckType("MatSetUp()", F));
  PetscCall(CheckSameBits("set", A, F));
  PetscCall(MatCreateVecs(F, &x, &b));
  PetscCall(VecDuplicate(b, &r));
  PetscCall(FillVec(b, 4));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOperators(ksp, F, F));
  PetscCall(KSPSetTolerances(ksp, 1e-10, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(MatMult(A, x, r));
  PetscCall(VecAXPY(r, -1, b));
  PetscCall(VecNorm(r, NORM_2, &norm));
  PetscCheck(norm <= 1e-8, PETSC_COMM_WORLD, PETSC_ERR_PLIB, "Residual %g", (double)norm);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&r));
  PetscCall(MatDestroy(&F));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  for (int which = 0; which < 9; which++) {
    Mat         A;
    PetscInt    m, n;
    const char *name;

    PetscCall(CreateMatrix(which, &A, &name));
    PetscCall(MatGetSize(A, &m, &n));
    if (which != 5) PetscCall(CheckConversions(name, A)); /* dense that would be 150 megabytes */
    if (m == n && which != 2) PetscCall(CheckChanges(name, A));
    if (m == n && m < 1000) PetscCall(CheckMatrixProducts(name, A));
    PetscCall(MatDestroy(&A));
  }
  PetscCall(CheckMaij());
  PetscCall(CheckSolve());
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2 3 5}}
    timeoutfactor: 3

  test:
    suffix: planes
    args: -mat_furl_values planes -ksp_type furl
    nsize: {{1 3}}
    timeoutfactor: 3

  test:
    suffix: inside
    args: -mat_seqaij_type seqaijfurl
    nsize: {{2 3}}
    timeoutfactor: 3

TEST*/
