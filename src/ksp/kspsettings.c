/* The public setters and getters of KSP furl: each dispatches to a function composed on the KSP and does nothing on another type */
#include "kspfurlimpl.h"

const char *const KSPFurlMethods[]    = {"auto", "cg", "gmres", "bcgs", "KSPFurlMethod", "KSP_FURL_", NULL};
const char *const KSPFurlCompresses[] = {"auto", "true", "false", "KSPFurlCompress", "KSP_FURL_COMPRESS_", NULL};

PetscErrorCode KSPFurlSetMethod_Furl(KSP ksp, KSPFurlMethod method)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  f->method  = method;
  f->learned = KSP_FURL_AUTO;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode KSPFurlGetMethod_Furl(KSP ksp, KSPFurlMethod *method)
{
  PetscFunctionBegin;
  *method = ((const KSP_Furl *)ksp->data)->method;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode KSPFurlSetRestart_Furl(KSP ksp, PetscInt restart)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  PetscCheck(restart >= 1, PetscObjectComm((PetscObject)ksp), PETSC_ERR_ARG_OUTOFRANGE,
             "A GMRES cycle of %" PetscInt_FMT " iterations is shorter than 1; see -ksp_furl_restart", restart);
  f->restart = f->columns = restart;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode KSPFurlGetRestart_Furl(KSP ksp, PetscInt *restart)
{
  PetscFunctionBegin;
  *restart = ((const KSP_Furl *)ksp->data)->restart;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode KSPFurlSetCompress_Furl(KSP ksp, KSPFurlCompress compress)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  if (f->compress != compress) f->mat_id = 0; /* so that the next set-up or solve decides anew */
  f->compress = compress;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode KSPFurlGetCompress_Furl(KSP ksp, KSPFurlCompress *compress)
{
  PetscFunctionBegin;
  *compress = ((const KSP_Furl *)ksp->data)->compress;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode KSPFurlSetRefine_Furl(KSP ksp, PetscBool refine)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  f->refine        = refine;
  f->refine_failed = PETSC_FALSE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode KSPFurlGetRefine_Furl(KSP ksp, PetscBool *refine)
{
  PetscFunctionBegin;
  *refine = ((const KSP_Furl *)ksp->data)->refine;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   KSPFurlSetMethod - Sets the Krylov method of `KSPFURL`

   Logically Collective

   Input Parameters:
+  ksp - the Krylov solver, of type `KSPFURL`
-  method - `KSP_FURL_AUTO` (default), `KSP_FURL_CG`, `KSP_FURL_GMRES` or `KSP_FURL_BCGS`

   Options Database Key:
.  -ksp_furl_method <auto|cg|gmres|bcgs> - the method

   Level: intermediate

.seealso: `KSPFURL`, `KSPFurlGetMethod()`
@*/
PetscErrorCode KSPFurlSetMethod(KSP ksp, KSPFurlMethod method)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(ksp, KSP_CLASSID, 1);
  PetscValidLogicalCollectiveEnum(ksp, method, 2);
  PetscTryMethod(ksp, "KSPFurlSetMethod_C", (KSP, KSPFurlMethod), (ksp, method));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   KSPFurlGetMethod - Gets the Krylov method of `KSPFURL` that the user chose

   Not Collective

   Input Parameter:
.  ksp - the Krylov solver; it is an error if it is not of type `KSPFURL`

   Output Parameter:
.  method - as set, `KSP_FURL_AUTO` by default

   Level: intermediate

.seealso: `KSPFURL`, `KSPFurlSetMethod()`
@*/
PetscErrorCode KSPFurlGetMethod(KSP ksp, KSPFurlMethod *method)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(ksp, KSP_CLASSID, 1);
  PetscUseMethod(ksp, "KSPFurlGetMethod_C", (KSP, KSPFurlMethod *), (ksp, method));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   KSPFurlSetRestart - Sets the length of a GMRES cycle of `KSPFURL`

   Logically Collective

   Input Parameters:
+  ksp - the Krylov solver, of type `KSPFURL`
-  restart - iterations of a cycle, at least 1; two vectors are kept for each. Where cycles stall Furl takes up to four times as many

   Options Database Key:
.  -ksp_furl_restart <30> - iterations of a cycle

   Level: intermediate

.seealso: `KSPFURL`, `KSPFurlGetRestart()`
@*/
PetscErrorCode KSPFurlSetRestart(KSP ksp, PetscInt restart)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(ksp, KSP_CLASSID, 1);
  PetscValidLogicalCollectiveInt(ksp, restart, 2);
  PetscTryMethod(ksp, "KSPFurlSetRestart_C", (KSP, PetscInt), (ksp, restart));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   KSPFurlGetRestart - Gets the length of a GMRES cycle of `KSPFURL`

   Not Collective

   Input Parameter:
.  ksp - the Krylov solver; it is an error if it is not of type `KSPFURL`

   Output Parameter:
.  restart - iterations of a cycle

   Level: intermediate

.seealso: `KSPFURL`, `KSPFurlSetRestart()`
@*/
PetscErrorCode KSPFurlGetRestart(KSP ksp, PetscInt *restart)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(ksp, KSP_CLASSID, 1);
  PetscUseMethod(ksp, "KSPFurlGetRestart_C", (KSP, PetscInt *), (ksp, restart));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   KSPFurlSetCompress - Sets whether `KSPFURL` multiplies with a lossless compressed copy of the matrix

   Logically Collective

   Input Parameters:
+  ksp - the Krylov solver, of type `KSPFURL`
-  compress - `KSP_FURL_COMPRESS_AUTO` (default), `KSP_FURL_COMPRESS_TRUE` or `KSP_FURL_COMPRESS_FALSE`

   Options Database Key:
.  -ksp_furl_compress <auto|true|false> - whether there is a copy

   Level: intermediate

.seealso: `KSPFURL`, `KSPFurlGetCompress()`
@*/
PetscErrorCode KSPFurlSetCompress(KSP ksp, KSPFurlCompress compress)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(ksp, KSP_CLASSID, 1);
  PetscValidLogicalCollectiveEnum(ksp, compress, 2);
  PetscTryMethod(ksp, "KSPFurlSetCompress_C", (KSP, KSPFurlCompress), (ksp, compress));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   KSPFurlGetCompress - Gets whether `KSPFURL` multiplies with a lossless compressed copy of the matrix

   Not Collective

   Input Parameter:
.  ksp - the Krylov solver; it is an error if it is not of type `KSPFURL`

   Output Parameter:
.  compress - as set, `KSP_FURL_COMPRESS_AUTO` by default

   Level: intermediate

.seealso: `KSPFURL`, `KSPFurlSetCompress()`
@*/
PetscErrorCode KSPFurlGetCompress(KSP ksp, KSPFurlCompress *compress)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(ksp, KSP_CLASSID, 1);
  PetscUseMethod(ksp, "KSPFurlGetCompress_C", (KSP, KSPFurlCompress *), (ksp, compress));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   KSPFurlSetRefine - Sets whether `KSPFURL` iterates in the low precision of its preconditioner where that can, and renews the residual in
FP64

   Logically Collective

   Input Parameters:
+  ksp    - the Krylov solver, of type `KSPFURL`
-  refine - `PETSC_TRUE` by default

   Options Database Key:
.  -ksp_furl_refine <true|false> - whether to

   Level: intermediate

   Notes:
   `PCFURL` can where the matrix is a symmetric 3-, 5- or 7-point operator on a box of cells with couplings of one sign. The method must be
   `KSP_FURL_AUTO`, the norm `KSP_NORM_UNPRECONDITIONED`, a null space that of the constants, and no singular values be asked for; else, or
where a renewed residual shows less than a digit of progress, the default method runs. Until then no compressed copy of the matrix is made.

.seealso: `KSPFURL`, `KSPFurlGetRefine()`, `KSPFurlSetCompress()`
@*/
PetscErrorCode KSPFurlSetRefine(KSP ksp, PetscBool refine)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(ksp, KSP_CLASSID, 1);
  PetscValidLogicalCollectiveBool(ksp, refine, 2);
  PetscTryMethod(ksp, "KSPFurlSetRefine_C", (KSP, PetscBool), (ksp, refine));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@
   KSPFurlGetRefine - Gets whether `KSPFURL` may iterate in the low precision of its preconditioner

   Not Collective

   Input Parameter:
.  ksp - the Krylov solver; it is an error if it is not of type `KSPFURL`

   Output Parameter:
.  refine - as set, `PETSC_TRUE` by default

   Level: intermediate

.seealso: `KSPFURL`, `KSPFurlSetRefine()`
@*/
PetscErrorCode KSPFurlGetRefine(KSP ksp, PetscBool *refine)
{
  PetscFunctionBegin;
  PetscValidHeaderSpecific(ksp, KSP_CLASSID, 1);
  PetscUseMethod(ksp, "KSPFurlGetRefine_C", (KSP, PetscBool *), (ksp, refine));
  PetscFunctionReturn(PETSC_SUCCESS);
}
