/*
  Factorizations: the factor is that of the decoded matrix; its symbolic and numeric phases, which get the furl matrix from the
  preconditioner, decode it first.
*/
#include "matfurl.h"

#define CONTAINER "FurlFactor"

/* What PETSC's factor of the decoded matrix does, owned by a container on the factor */
typedef struct {
  PetscErrorCode (*lu_symbolic)(Mat, Mat, IS, IS, const MatFactorInfo *);
  PetscErrorCode (*ilu_symbolic)(Mat, Mat, IS, IS, const MatFactorInfo *);
  PetscErrorCode (*cholesky_symbolic)(Mat, Mat, IS, const MatFactorInfo *);
  PetscErrorCode (*icc_symbolic)(Mat, Mat, IS, const MatFactorInfo *);
  PetscErrorCode (*lu_numeric)(Mat, Mat, const MatFactorInfo *);
  PetscErrorCode (*cholesky_numeric)(Mat, Mat, const MatFactorInfo *);
} Wrapped;

static PetscErrorCode GetWrapped(Mat F, Wrapped **wrapped)
{
  PetscContainer container;

  PetscFunctionBegin;
  PetscCall(PetscObjectQuery((PetscObject)F, CONTAINER, (PetscObject *)&container));
  PetscCheck(container, PetscObjectComm((PetscObject)F), PETSC_ERR_PLIB, "The factor was not made from a furl matrix");
  PetscCall(PetscContainerGetPointer(container, (void **)wrapped));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode LuNumeric(Mat F, Mat A, const MatFactorInfo *info);
static PetscErrorCode CholeskyNumeric(Mat F, Mat A, const MatFactorInfo *info);

/* The phases set the operations of those that follow */
static PetscErrorCode WrapNumeric(Mat F, Wrapped *wrapped)
{
  PetscFunctionBegin;
  if (F->ops->lufactornumeric && F->ops->lufactornumeric != LuNumeric) {
    wrapped->lu_numeric     = F->ops->lufactornumeric;
    F->ops->lufactornumeric = LuNumeric;
  }
  if (F->ops->choleskyfactornumeric && F->ops->choleskyfactornumeric != CholeskyNumeric) {
    wrapped->cholesky_numeric     = F->ops->choleskyfactornumeric;
    F->ops->choleskyfactornumeric = CholeskyNumeric;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Every phase: find what PETSc would do, decode, do it, wrap the phases it set */
#define PHASE(Phase, field, parameters, arguments)         \
  static PetscErrorCode Phase parameters                   \
  {                                                        \
    Wrapped *wrapped;                                      \
    Mat      aij;                                          \
                                                           \
    PetscFunctionBegin;                                    \
    PetscCall(GetWrapped(F, &wrapped));                    \
    PetscCall(FurlDecodedGet(A, "A factorization", &aij)); \
    PetscCall((*wrapped->field)arguments);                 \
    PetscCall(FurlDecodedRestore(A, &aij));                \
    PetscCall(WrapNumeric(F, wrapped));                    \
    PetscFunctionReturn(PETSC_SUCCESS);                    \
  }

PHASE(LuSymbolic, lu_symbolic, (Mat F, Mat A, IS row, IS column, const MatFactorInfo *info), (F, aij, row, column, info))
PHASE(IluSymbolic, ilu_symbolic, (Mat F, Mat A, IS row, IS column, const MatFactorInfo *info), (F, aij, row, column, info))
PHASE(CholeskySymbolic, cholesky_symbolic, (Mat F, Mat A, IS row, const MatFactorInfo *info), (F, aij, row, info))
PHASE(IccSymbolic, icc_symbolic, (Mat F, Mat A, IS row, const MatFactorInfo *info), (F, aij, row, info))
PHASE(LuNumeric, lu_numeric, (Mat F, Mat A, const MatFactorInfo *info), (F, aij, info))
PHASE(CholeskyNumeric, cholesky_numeric, (Mat F, Mat A, const MatFactorInfo *info), (F, aij, info))

static PetscErrorCode WrapSymbolic(Mat F)
{
  const MatOps ops     = F->ops;
  Wrapped      wrapped = {.lu_symbolic       = ops->lufactorsymbolic,
                          .ilu_symbolic      = ops->ilufactorsymbolic,
                          .cholesky_symbolic = ops->choleskyfactorsymbolic,
                          .icc_symbolic      = ops->iccfactorsymbolic};
  Wrapped     *stored;

  PetscFunctionBegin;
  PetscCall(FurlComposeCopy((PetscObject)F, CONTAINER, &wrapped, sizeof(wrapped)));
  if (ops->lufactorsymbolic) ops->lufactorsymbolic = LuSymbolic;
  if (ops->ilufactorsymbolic) ops->ilufactorsymbolic = IluSymbolic;
  if (ops->choleskyfactorsymbolic) ops->choleskyfactorsymbolic = CholeskySymbolic;
  if (ops->iccfactorsymbolic) ops->iccfactorsymbolic = IccSymbolic;
  PetscCall(GetWrapped(F, &stored));
  PetscCall(WrapNumeric(F, stored));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* An AIJ matrix with all that a factor is made from, which is not the entries: PETSc 3.18 makes one whenever it guesses a preconditioner */
static PetscErrorCode CreateTemplate(Mat A, Mat *aij)
{
  const char *prefix;

  PetscFunctionBegin;
  PetscCall(MatGetOptionsPrefix(A, &prefix));
  PetscCall(MatCreate(PetscObjectComm((PetscObject)A), aij));
  PetscCall(MatSetLayouts(*aij, A->rmap, A->cmap));
  PetscCall(MatSetOptionsPrefix(*aij, prefix));
  PetscCall(MatSetType(*aij, MATAIJ));
  PetscCall(MatSeqAIJSetPreallocation(*aij, 0, NULL));
  PetscCall(MatMPIAIJSetPreallocation(*aij, 0, NULL, 0, NULL));
  PetscCall(MatAssemblyBegin(*aij, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*aij, MAT_FINAL_ASSEMBLY));
  PetscCall(MatPropagateSymmetryOptions(A, *aij));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* PETSc's own factorizations are sequential: on several processes whatever package serves the decoded matrix is taken */
static PetscErrorCode GetFactor(Mat A, MatSolverType package, MatFactorType type, Mat *F)
{
  PetscBool available;
  Mat       aij;

  PetscFunctionBegin;
  PetscCall(CreateTemplate(A, &aij));
  PetscCall(MatGetFactorAvailable(aij, package, type, &available));
  PetscCall(MatGetFactor(aij, available ? package : NULL, type, F));
  PetscCall(MatDestroy(&aij));
  if (*F) PetscCall(WrapSymbolic(*F));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* MatGetFactor() does not tell the function that makes the factor which package it was registered for */
#define FOR_EACH_PACKAGE(X) \
  X(petsc)                  \
  X(mumps)                  \
  X(superlu_dist)           \
  X(superlu)                \
  X(umfpack)                \
  X(cholmod)                \
  X(klu)                    \
  X(pastix)                 \
  X(strumpack)              \
  X(mkl_pardiso)

#define GET_FACTOR(package)                                                       \
  static PetscErrorCode MatGetFactor_##package(Mat A, MatFactorType type, Mat *F) \
  {                                                                               \
    return GetFactor(A, #package, type, F);                                       \
  }
FOR_EACH_PACKAGE(GET_FACTOR)

typedef PetscErrorCode (*GetFactorFn)(Mat, MatFactorType, Mat *);

/* What a package does for AIJ it does for furl */
static PetscErrorCode RegisterPackage(MatSolverType package, GetFactorFn get)
{
  const MatFactorType types[] = {MAT_FACTOR_LU, MAT_FACTOR_CHOLESKY, MAT_FACTOR_ILU, MAT_FACTOR_ICC};

  PetscFunctionBegin;
  for (size_t k = 0; k < PETSC_STATIC_ARRAY_LENGTH(types); k++) {
    GetFactorFn sequential = NULL, parallel = NULL;

    PetscCall(MatSolverTypeGet(package, MATSEQAIJ, types[k], NULL, NULL, &sequential));
    PetscCall(MatSolverTypeGet(package, MATMPIAIJ, types[k], NULL, NULL, &parallel));
    if (sequential || parallel) PetscCall(MatSolverTypeRegister(package, MATFURL, types[k], get));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlFactorRegister(void)
{
  PetscFunctionBegin;
#define REGISTER(package) PetscCall(RegisterPackage(#package, MatGetFactor_##package));
  FOR_EACH_PACKAGE(REGISTER)
#undef REGISTER
  PetscFunctionReturn(PETSC_SUCCESS);
}
