/* Registers Furl's types with PETSc: the only file that sees all layers */
#include <petscfurl.h>
#include <furl/compat.h>
#include <furl/register.h>
#include <furl/chosendevice.h>
#include "furlguard.h"
#include "furltakeover.h"

/* Reset by PetscFinalize(), so that the next PetscInitialize() registers again: the library stays in the process */
static struct {
  PetscBool registered;
  PetscBool mat_checked, pc_checked, ksp_checked; /* the layout of the first object of each class */
  PetscBool cited;
} state;

static const char citation[] = "@Misc{furl,\n"
                               "  title = {Furl: compressed matrices and low-precision multigrid for PETSc},\n"
                               "  note  = {PETSc plugin, version " PETSCFURL_VERSION "},\n"
                               "  year  = {2026}\n"
                               "}\n";

static PetscErrorCode BeginMat(Mat A)
{
  PetscFunctionBegin;
  if (!state.mat_checked) PetscCall(FurlGuardMat(A));
  state.mat_checked = PETSC_TRUE;
  PetscCall(PetscCitationsRegister(citation, &state.cited));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateMat(Mat A)
{
  PetscFunctionBegin;
  PetscCall(BeginMat(A));
  PetscCall(MatCreate_Furl(A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateSeqAij(Mat A)
{
  PetscFunctionBegin;
  PetscCall(BeginMat(A));
  PetscCall(MatCreate_SeqAijFurl(A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateMpiAij(Mat A)
{
  PetscFunctionBegin;
  PetscCall(BeginMat(A));
  PetscCall(MatCreate_MpiAijFurl(A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ConvertAij(Mat A, MatType type, MatReuse reuse, Mat *B)
{
  PetscFunctionBegin;
  PetscCall(BeginMat(A));
  PetscCall(FurlAijConvert(A, type, reuse, B));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode RegisterMats(void)
{
  PetscFunctionBegin;
  PetscCall(MatRegister(MATFURL, CreateMat));
  PetscCall(MatRegisterRootName(MATAIJFURL, MATSEQAIJFURL, MATMPIAIJFURL));
  PetscCall(MatRegister(MATSEQAIJFURL, CreateSeqAij));
  PetscCall(MatRegister(MATMPIAIJFURL, CreateMpiAij));
  PetscCall(MatSeqAIJRegister(MATSEQAIJFURL, ConvertAij));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreatePC(PC pc)
{
  PetscFunctionBegin;
  if (!state.pc_checked) PetscCall(FurlGuardPC(pc));
  state.pc_checked = PETSC_TRUE;
  PetscCall(PetscCitationsRegister(citation, &state.cited));
  PetscCall(PCCreate_Furl(pc));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CreateKSP(KSP ksp)
{
  PetscFunctionBegin;
  if (!state.ksp_checked) PetscCall(FurlGuardKSP(ksp));
  state.ksp_checked = PETSC_TRUE;
  PetscCall(PetscCitationsRegister(citation, &state.cited));
  PetscCall(KSPCreate_Furl(ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   PetscFurlFinalizePackage - Frees all that Furl holds beyond its objects; called by `PetscFinalize()`

   Not Collective

   Level: developer

.seealso: `PetscFurlInitializePackage()`
@*/
PetscErrorCode PetscFurlFinalizePackage(void)
{
  PetscFunctionBegin;
  PetscCall(FurlTakeoverFinalize());
  PetscCall(FurlDeviceFinalize());
  PetscCall(PetscMemzero(&state, sizeof(state)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   PetscFurlInitializePackage - Registers the types `MATFURL`, `MATAIJFURL`, `PCFURL` and `KSPFURL`

   Not Collective

   Options Database Keys:
+  -furl_device auto|cpu|cuda[:number] - where solves run
.  -furl_memory_limit <mebibytes> - memory of a device that they may take
.  -furl_takeover <names> - types whose names create Furl's types, such as gmres,preonly,pc:lu
-  -furl_takeover_rtol <1e-10> - relative tolerance of a solver that the program meant to be direct (preonly)

   Level: developer

   Notes:
   Programs that link the library call it after `PetscInitialize()`; one that loads it with `-dll_append` need not. It may be called again.

   `PETSC_ERR_SUP` is returned where PETSc is not the one that Furl was compiled for, `PETSC_ERR_ARG_UNKNOWN_TYPE` where `-furl_takeover`
   names a type that PETSc does not have.

.seealso: `PetscFurlFinalizePackage()`, `KSPFURL`, `PCFURL`, `MATFURL`
@*/
PetscErrorCode PetscFurlInitializePackage(void)
{
  PetscFunctionBegin;
  if (state.registered) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(FurlGuardPetsc());
  state.registered = PETSC_TRUE;
  PetscCall(PetscRegisterFinalize(PetscFurlFinalizePackage));
  PetscCall(RegisterMats());
  PetscCall(FurlFactorRegister());
  PetscCall(PCRegister(PCFURL, CreatePC));
  PetscCall(KSPRegister(KSPFURL, CreateKSP));
  PetscCall(FurlDeviceInitialize());
  PetscCall(FurlTakeoverInitialize(CreateKSP, CreatePC));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* For the loader: an address within the PETSc that this build is bound to */
void *FurlPetscAddress(void)
{
  return (void *)KSPInitializePackage;
}

/* PetscDLLibraryOpen() calls the function that is named after the library's file, for those who name the build itself */
PETSC_EXTERN PetscErrorCode PetscDLLibraryRegister_furl(void)
{
  PetscFunctionBegin;
  PetscCall(PetscFurlInitializePackage());
  PetscFunctionReturn(PETSC_SUCCESS);
}
