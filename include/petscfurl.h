/*
  The public interface of Furl: a compressed matrix, a multigrid preconditioner in low precision and a Krylov method in FP64 that
  keeps the user's own tolerance. Programs need none of it: `-dll_append libpetscfurl.so -ksp_type furl` suffices.
*/
#pragma once

#include <petscksp.h>

#define PETSCFURL_VERSION "0.1.0"

/*J
   The names under which Furl's types are registered

   Level: beginner

.seealso: `PetscFurlInitializePackage()`, `KSPSetType()`, `PCSetType()`, `MatSetType()`
J*/
#define KSPFURL "furl"
#define PCFURL "furl"
#define MATFURL "furl"
#define MATAIJFURL "aijfurl"
#define MATSEQAIJFURL "seqaijfurl"
#define MATMPIAIJFURL "mpiaijfurl"

/*E
   MatFurlValuesType - How a `MATFURL` stores the values that are not constant along a diagonal of a slice

   Values:
+  `MAT_FURL_VALUES_RAW`    - as they are, 8 bytes each (the default)
-  `MAT_FURL_VALUES_PLANES` - in three planes of 2, 2 and 4 bytes, so that products may read less; lossless too

   Level: intermediate

.seealso: `MATFURL`, `MatFurlSetValuesType()`, `MatFurlReadType`
E*/
typedef enum { MAT_FURL_VALUES_RAW, MAT_FURL_VALUES_PLANES } MatFurlValuesType;
PETSC_EXTERN const char *const MatFurlValuesTypes[];

/*E
   MatFurlReadType - How much of each value that is stored in planes the products of a `MATFURL` read

   Values:
+  `MAT_FURL_READ_HEAD`   - 2 bytes: entries to a relative error of 2^-11
.  `MAT_FURL_READ_SECOND` - 4 bytes: entries to a relative error of 2^-23
-  `MAT_FURL_READ_ALL`    - 8 bytes: the entries themselves (the default)

   Level: intermediate

.seealso: `MATFURL`, `MatFurlSetReadType()`, `MatFurlValuesType`
E*/
typedef enum { MAT_FURL_READ_HEAD, MAT_FURL_READ_SECOND, MAT_FURL_READ_ALL } MatFurlReadType;
PETSC_EXTERN const char *const MatFurlReadTypes[];

PETSC_EXTERN PetscErrorCode MatFurlSetValuesType(Mat, MatFurlValuesType);
PETSC_EXTERN PetscErrorCode MatFurlGetValuesType(Mat, MatFurlValuesType *);
PETSC_EXTERN PetscErrorCode MatFurlSetReadType(Mat, MatFurlReadType);
PETSC_EXTERN PetscErrorCode MatFurlGetReadType(Mat, MatFurlReadType *);
PETSC_EXTERN PetscErrorCode MatFurlSetWindow(Mat, PetscReal);
PETSC_EXTERN PetscErrorCode MatFurlGetWindow(Mat, PetscReal *);

PETSC_EXTERN PetscErrorCode PetscFurlInitializePackage(void);
PETSC_EXTERN PetscErrorCode PetscFurlFinalizePackage(void);
PETSC_EXTERN PetscErrorCode PetscFurlSetDevice(const char[]);
PETSC_EXTERN PetscErrorCode PetscFurlGetDevice(const char *[]);
PETSC_EXTERN PetscErrorCode PetscFurlSetMemoryLimit(PetscReal);
PETSC_EXTERN PetscErrorCode PetscFurlGetMemoryLimit(PetscReal *);

/*E
   PCFurlMethod - The means with which a `PCFURL` begins; others follow when they fail or serve badly

   Values:
+  `PC_FURL_MULTIGRID` - multigrid with couplings of 2 bytes and vectors in FP32
.  `PC_FURL_SINGLE`    - multigrid in FP32
.  `PC_FURL_FACTOR`    - incomplete factorisation of each process's block, FP64
-  `PC_FURL_JACOBI`    - the diagonal, FP64

   Level: intermediate

.seealso: `PCFURL`, `PCFurlSetMethod()`
E*/
typedef enum { PC_FURL_MULTIGRID, PC_FURL_SINGLE, PC_FURL_FACTOR, PC_FURL_JACOBI } PCFurlMethod;
PETSC_EXTERN const char *const PCFurlMethods[];

/*E
   PCFurlHierarchy - Whose hierarchy the multigrid of a `PCFURL` uses

   Values:
+  `PC_FURL_HIERARCHY_AUTO`      - that of a box of cells where the matrix is found to be on one, else one over aggregates
.  `PC_FURL_HIERARCHY_GRID`      - that of a box of cells; where there is none, one over aggregates and a word in the view
.  `PC_FURL_HIERARCHY_ALGEBRAIC` - smoothed aggregation, whether or not the matrix is on a box
-  `PC_FURL_HIERARCHY_IMPORT`    - that of another `PC`, see `PCFurlGetImportPC()`

   Level: intermediate

.seealso: `PCFURL`, `PCFurlSetHierarchy()`
E*/
typedef enum { PC_FURL_HIERARCHY_AUTO, PC_FURL_HIERARCHY_GRID, PC_FURL_HIERARCHY_ALGEBRAIC, PC_FURL_HIERARCHY_IMPORT } PCFurlHierarchy;
PETSC_EXTERN const char *const PCFurlHierarchies[];

PETSC_EXTERN PetscErrorCode PCFurlSetHierarchy(PC, PCFurlHierarchy);
PETSC_EXTERN PetscErrorCode PCFurlGetHierarchy(PC, PCFurlHierarchy *);
PETSC_EXTERN PetscErrorCode PCFurlSetMethod(PC, PCFurlMethod);
PETSC_EXTERN PetscErrorCode PCFurlGetMethod(PC, PCFurlMethod *);
PETSC_EXTERN PetscErrorCode PCFurlSetSmootherDegree(PC, PetscInt);
PETSC_EXTERN PetscErrorCode PCFurlGetSmootherDegree(PC, PetscInt *);
PETSC_EXTERN PetscErrorCode PCFurlSetThreshold(PC, PetscReal);
PETSC_EXTERN PetscErrorCode PCFurlGetThreshold(PC, PetscReal *);
PETSC_EXTERN PetscErrorCode PCFurlSetReorder(PC, PetscBool);
PETSC_EXTERN PetscErrorCode PCFurlGetReorder(PC, PetscBool *);
PETSC_EXTERN PetscErrorCode PCFurlGetImportPC(PC, PC *);

/*E
   KSPFurlMethod - The Krylov method of `KSPFURL`

   Values:
+  `KSP_FURL_AUTO`  - conjugate gradients where the matrix was found symmetric with a diagonal of one sign, else GMRES
.  `KSP_FURL_CG`    - flexible conjugate gradients
.  `KSP_FURL_GMRES` - flexible GMRES
-  `KSP_FURL_BCGS`  - BiCGStab

   Level: beginner

.seealso: `KSPFURL`, `KSPFurlSetMethod()`, `KSPFurlGetMethod()`
E*/
typedef enum { KSP_FURL_AUTO, KSP_FURL_CG, KSP_FURL_GMRES, KSP_FURL_BCGS } KSPFurlMethod;
PETSC_EXTERN const char *const KSPFurlMethods[];

/*E
   KSPFurlCompress - Whether `KSPFURL` makes a compressed copy of the matrix for its products

   Values:
+  `KSP_FURL_COMPRESS_AUTO`  - where the matrix converts and its rows share patterns, so that it pays; else its own product
.  `KSP_FURL_COMPRESS_TRUE`  - always: it is an error where that cannot be
-  `KSP_FURL_COMPRESS_FALSE` - never

   Level: intermediate

.seealso: `KSPFURL`, `MATFURL`, `KSPFurlSetCompress()`, `KSPFurlGetCompress()`
E*/
typedef enum { KSP_FURL_COMPRESS_AUTO, KSP_FURL_COMPRESS_TRUE, KSP_FURL_COMPRESS_FALSE } KSPFurlCompress;
PETSC_EXTERN const char *const KSPFurlCompresses[];

PETSC_EXTERN PetscErrorCode KSPFurlSetMethod(KSP, KSPFurlMethod);
PETSC_EXTERN PetscErrorCode KSPFurlGetMethod(KSP, KSPFurlMethod *);
PETSC_EXTERN PetscErrorCode KSPFurlSetRestart(KSP, PetscInt);
PETSC_EXTERN PetscErrorCode KSPFurlGetRestart(KSP, PetscInt *);
PETSC_EXTERN PetscErrorCode KSPFurlSetCompress(KSP, KSPFurlCompress);
PETSC_EXTERN PetscErrorCode KSPFurlGetCompress(KSP, KSPFurlCompress *);
PETSC_EXTERN PetscErrorCode KSPFurlSetRefine(KSP, PetscBool);
PETSC_EXTERN PetscErrorCode KSPFurlGetRefine(KSP, PetscBool *);
