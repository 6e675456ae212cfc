/*
  The guard against a PETSc other than the one that Furl was compiled for. PETSc has no check of its own: a plugin of another version
  loads, registers, and writes into the wrong fields. The loader chooses by name; this is for programs that link a build, and for a PETSc
  that was reinstalled in another configuration under the same name.
*/
#include <dlfcn.h>
#include <petsc/private/matimpl.h>
#include <petsc/private/pcimpl.h>
#include <petsc/private/kspimpl.h>
#include <petscfurl.h>
#include <furl/compat.h>
#include "furlguard.h"

#if defined(PETSC_USE_COMPLEX) || !defined(PETSC_USE_REAL_DOUBLE)
#error "Furl needs a PETSc with real scalars in double precision"
#endif

#if defined(OMPI_MAJOR_VERSION)
#define COMPILED_MPI "Open MPI"
#elif defined(MPICH_VERSION) || defined(MPICH_NUMVERSION) || defined(I_MPI_NUMVERSION) || defined(MVAPICH2_VERSION)
#define COMPILED_MPI "an MPI of the MPICH family"
#else
#define COMPILED_MPI "another MPI"
#endif

static PetscErrorCode GuardVersion(void)
{
  PetscInt major, minor, subminor;

  PetscFunctionBegin;
  PetscCall(PetscGetVersionNumber(&major, &minor, &subminor, NULL));
  PetscCheck(major == PETSC_VERSION_MAJOR && minor == PETSC_VERSION_MINOR, PETSC_COMM_SELF, PETSC_ERR_SUP,
             "This build of Furl is for PETSc %d.%d and PETSc here is %d.%d.%d: build Furl for it with make PETSC_DIR=... PETSC_ARCH=...",
             PETSC_VERSION_MAJOR, PETSC_VERSION_MINOR, (int)major, (int)minor, (int)subminor);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode GuardNumbers(void)
{
  PetscDataType scalar;
  PetscBool     found;
  size_t        scalar_size, integer_size;

  PetscFunctionBegin;
  PetscCall(PetscDataTypeFromString("scalar", &scalar, &found));
  PetscCall(PetscDataTypeGetSize(scalar, &scalar_size));
  PetscCall(PetscDataTypeGetSize(PETSC_INT, &integer_size));
  PetscCheck(scalar == PETSC_SCALAR, PETSC_COMM_SELF, PETSC_ERR_SUP,
             "Furl needs real scalars of 64 bits and PETSc here has %s scalars of %d: use a real, double-precision PETSc",
             scalar == PETSC_COMPLEX ? "complex" : "real", (int)(8 * scalar_size));
  PetscCheck(
    integer_size == sizeof(PetscInt), PETSC_COMM_SELF, PETSC_ERR_SUP,
    "This build of Furl is for a PetscInt of %d bits and PETSc here has %d: build Furl for it with make PETSC_DIR=... PETSC_ARCH=...",
    (int)(8 * sizeof(PetscInt)), (int)(8 * integer_size));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Asks the PETSc that this build is bound to: in Python its symbols are not visible to all */
static PetscErrorCode GuardConfiguration(void)
{
  Dl_info   info;
  void     *handle = NULL;
  PetscBool debug, cuda;

  PetscFunctionBegin;
  if (dladdr(FurlPetscAddress(), &info)) handle = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  debug = handle && dlsym(handle, "petscstack") ? PETSC_TRUE : PETSC_FALSE; /* the call stack that only debugging builds keep */
  if (handle) dlclose(handle);
  PetscCheck(!handle || PetscDefined(HAVE_THREADSAFETY) || debug == PetscDefined(USE_DEBUG), PETSC_COMM_SELF, PETSC_ERR_SUP,
             "This build of Furl is for %s PETSc and PETSc here is %s: build Furl for it with make PETSC_DIR=... PETSC_ARCH=...",
             PetscDefined(USE_DEBUG) ? "a debugging" : "an optimised", debug ? "a debugging one" : "an optimised one");
  PetscCall(PetscHasExternalPackage("cuda", &cuda));
  PetscCheck(cuda == PetscDefined(HAVE_CUDA), PETSC_COMM_SELF, PETSC_ERR_SUP,
             "This build of Furl is for a PETSc %s CUDA and PETSc here is %s: build Furl for it with make PETSC_DIR=... PETSC_ARCH=...",
             PetscDefined(HAVE_CUDA) ? "with" : "without", cuda ? "with it" : "without it");
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Libraries of one family may replace each other, so the name is compared and not the version */
static PetscErrorCode GuardMPI(void)
{
  char        text[MPI_MAX_LIBRARY_VERSION_STRING];
  PetscMPIInt length;
  PetscBool   open_mpi;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Get_library_version(text, &length));
  open_mpi = strstr(text, "Open MPI") ? PETSC_TRUE : PETSC_FALSE;
  PetscCheck(open_mpi == (strcmp(COMPILED_MPI, "Open MPI") == 0), PETSC_COMM_SELF, PETSC_ERR_SUP,
             "This build of Furl is for %s and the MPI here is %.60s: build Furl with the mpicc of PETSc's own MPI", COMPILED_MPI, text);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGuardPetsc(void)
{
  PetscFunctionBegin;
  PetscCall(GuardVersion());
  PetscCall(GuardNumbers());
  PetscCall(GuardConfiguration());
  PetscCall(GuardMPI());
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckLayout(PetscObject object, PetscBool same)
{
  PetscFunctionBegin;
  PetscCheck(same, PetscObjectComm(object), PETSC_ERR_SUP,
             "The private structure of %s in this PETSc is not the one that Furl was compiled with: build Furl again with make "
             "PETSC_DIR=... PETSC_ARCH=...",
             object->class_name);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGuardMat(Mat A)
{
  PetscLayout rows, columns;
  PetscBool   assembled, fails;

  PetscFunctionBegin;
  PetscCall(MatGetLayouts(A, &rows, &columns));
  PetscCall(MatAssembled(A, &assembled));
  fails = A->erroriffailure;
  PetscCall(MatSetErrorIfFailure(A, (PetscBool)!fails));
  PetscCall(CheckLayout((PetscObject)A,
                        (PetscBool)(A->rmap == rows && A->cmap == columns && A->assembled == assembled && A->erroriffailure == !fails)));
  PetscCall(MatSetErrorIfFailure(A, fails));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGuardPC(PC pc)
{
  PetscBool uses, reuses;

  PetscFunctionBegin;
  PetscCall(PCGetUseAmat(pc, &uses));
  PetscCall(PCGetReusePreconditioner(pc, &reuses));
  PetscCall(PCSetUseAmat(pc, (PetscBool)!uses));
  PetscCall(PCSetReusePreconditioner(pc, (PetscBool)!reuses));
  PetscCall(CheckLayout((PetscObject)pc, (PetscBool)(pc->useAmat == !uses && pc->reusepreconditioner == !reuses)));
  PetscCall(PCSetUseAmat(pc, uses));
  PetscCall(PCSetReusePreconditioner(pc, reuses));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlGuardKSP(KSP ksp)
{
  PetscReal rtol, abstol, divtol;
  PetscInt  max_it, total;
  PetscBool fails, nonzero;

  PetscFunctionBegin;
  PetscCall(KSPGetTolerances(ksp, &rtol, &abstol, &divtol, &max_it));
  PetscCall(KSPGetTotalIterations(ksp, &total));
  PetscCall(KSPGetInitialGuessNonzero(ksp, &nonzero));
  PetscCall(KSPGetErrorIfNotConverged(ksp, &fails));
  PetscCall(KSPSetErrorIfNotConverged(ksp, (PetscBool)!fails));
  PetscCall(CheckLayout((PetscObject)ksp,
                        (PetscBool)(ksp->rtol == rtol && ksp->abstol == abstol && ksp->divtol == divtol && ksp->max_it == max_it &&
                                    ksp->totalits == total && ksp->guess_zero == !nonzero && ksp->errorifnotconverged == !fails)));
  PetscCall(KSPSetErrorIfNotConverged(ksp, fails));
  PetscFunctionReturn(PETSC_SUCCESS);
}
