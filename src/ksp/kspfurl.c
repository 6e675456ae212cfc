/* KSP of type furl: its life from creation to destruction; the mathematics is in the files beside this one */
#include "kspfurlimpl.h"
#include <furl/events.h>
#include <furl/register.h>

static PetscErrorCode KSPSetFromOptions_Furl(KSP ksp, FurlOptionItems PetscOptionsObject)
{
  KSP_Furl       *f        = (KSP_Furl *)ksp->data;
  KSPFurlMethod   method   = f->method;
  KSPFurlCompress compress = f->compress;
  PetscInt        restart  = f->restart;
  PetscBool       refine   = f->refine, set;

  PetscFunctionBegin;
  PetscOptionsHeadBegin(PetscOptionsObject, "KSP furl options");
  PetscCall(PetscOptionsEnum("-ksp_furl_method", "Krylov method", "KSPFurlSetMethod", KSPFurlMethods, (PetscEnum)method,
                             (PetscEnum *)&method, &set));
  if (set) PetscCall(KSPFurlSetMethod(ksp, method));
  PetscCall(PetscOptionsInt("-ksp_furl_restart", "Iterations of a GMRES cycle", "KSPFurlSetRestart", restart, &restart, &set));
  if (set) PetscCall(KSPFurlSetRestart(ksp, restart));
  PetscCall(PetscOptionsEnum("-ksp_furl_compress", "Multiply with a compressed copy of the matrix", "KSPFurlSetCompress", KSPFurlCompresses,
                             (PetscEnum)compress, (PetscEnum *)&compress, &set));
  if (set) PetscCall(KSPFurlSetCompress(ksp, compress));
  PetscCall(PetscOptionsBool("-ksp_furl_refine", "Iterate in the preconditioner's low precision where it can", "KSPFurlSetRefine", refine,
                             &refine, &set));
  if (set) PetscCall(KSPFurlSetRefine(ksp, refine));
  PetscOptionsHeadEnd();
  PetscCall(FurlKSPChoosePC(ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KSPSetUp_Furl(KSP ksp)
{
  PetscBool changed;

  PetscFunctionBegin;
  PetscCall(FurlKSPChoosePC(ksp));
  PetscCall(FurlKSPCreateWork(ksp));
  PetscCall(FurlKSPRefresh(ksp, &changed));
  PetscCall(FurlKSPSharePC(ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* x with the columns of an unfinished GMRES cycle, whatever the side of the preconditioner */
static PetscErrorCode KSPBuildSolution_Furl(KSP ksp, Vec v, Vec *V)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  if (!v && !f->inner) {
    if (V) *V = ksp->vec_sol;
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (!v) {
    if (!f->built) PetscCall(VecDuplicate(ksp->vec_sol, &f->built));
    v = f->built;
  }
  PetscCall(VecCopy(ksp->vec_sol, v));
  if (f->refining && f->inner)
    PetscCall(FurlKSPRefineSolution(ksp, 1, f->sigma, v));
  else
    PetscCall(FurlKSPGMRESSolution(ksp, v));
  if (V) *V = v;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* b - A x, without what of b the projected system leaves out */
static PetscErrorCode KSPBuildResidual_Furl(KSP ksp, Vec t, Vec v, Vec *V)
{
  const KSP_Furl *f = (const KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  PetscCall(KSPBuildResidualDefault(ksp, t, v, V));
  if (f->projected) PetscCall(FurlKSPRemoveNullSpace(ksp, v));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whose products the last solve took */
static PetscErrorCode ViewProducts(KSP ksp, PetscViewer viewer)
{
  const KSP_Furl *f = (const KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  if (!f->described || f->refining)
    PetscCall(
      PetscViewerASCIIPrintf(viewer, "  products: by the preconditioner's finest level in low precision, and by Amat for residuals\n"));
  else if (f->F) {
    PetscCall(PetscViewerASCIIPrintf(viewer, "  products: %s%s\n",
                                     f->own_product ? "Amat itself, its copy was found wanting" : "compressed copy of Amat",
                                     f->F_shared ? ", shared with the preconditioner" : ""));
    PetscCall(PetscViewerASCIIPushTab(viewer));
    PetscCall(PetscViewerPushFormat(viewer, PETSC_VIEWER_ASCII_INFO));
    PetscCall(MatView(f->F, viewer));
    PetscCall(PetscViewerPopFormat(viewer));
    PetscCall(PetscViewerASCIIPopTab(viewer));
  } else
    PetscCall(PetscViewerASCIIPrintf(viewer, "  products: Amat itself (%s)\n", f->why_own));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ViewOperator(KSP ksp, PetscViewer viewer)
{
  const KSP_Furl *f = (const KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  if (f->described)
    PetscCall(PetscViewerASCIIPrintf(viewer, "  Amat: %s (%s), diagonal %s\n", f->symmetric ? "symmetric" : "not symmetric", f->how,
                                     f->one_signed ? "of one sign" : "of both signs or with zeros"));
  if (f->has_isolated)
    PetscCall(PetscViewerASCIIPrintf(viewer, "  rows with nothing but a diagonal: %" PetscInt_FMT "%s\n", f->nisolated_all,
                                     !f->described || f->running == KSP_FURL_CG ? ", satisfied first" : ""));
  PetscCall(ViewProducts(ksp, viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ViewLastSolve(KSP ksp, PetscViewer viewer)
{
  const KSP_Furl *f = (const KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  if (f->projected)
    PetscCall(PetscViewerASCIIPrintf(viewer, "  null space: removed from b and x; residuals are those of the projected system\n"));
  if (f->nclaims || f->nraises) {
    PetscCall(PetscViewerASCIIPrintf(viewer,
                                     "  last solve: claims of convergence refused by the true residual %" PetscInt_FMT
                                     ", preconditioner raised %" PetscInt_FMT "\n",
                                     f->nclaims, f->nraises));
  }
  if (f->story[0]) PetscCall(PetscViewerASCIIPrintf(viewer, "  last solve: %s\n", f->story));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KSPView_Furl(KSP ksp, PetscViewer viewer)
{
  const KSP_Furl *f = (const KSP_Furl *)ksp->data;
  PetscBool       ascii, furl;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  PetscCall(PetscObjectTypeCompare((PetscObject)ksp->pc, PCFURL, &furl));
  if (!ascii) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscViewerASCIIPrintf(viewer, "  method: %s, running %s, GMRES restarts every %" PetscInt_FMT "\n", KSPFurlMethods[f->method],
                                   f->running == KSP_FURL_AUTO ? "none yet" : KSPFurlMethods[f->running],
                                   PetscMax(f->columns, f->restart)));
  PetscCall(PetscViewerASCIIPrintf(viewer, "  preconditioner: %s\n",
                                   f->pc_ours && furl ? "Furl's choice, as nobody chose one" : "chosen by the user"));
  if (f->mat_id) PetscCall(ViewOperator(ksp, viewer));
  PetscCall(FurlKSPViewBytes(ksp, furl, viewer));
  PetscCall(FurlKSPViewDevice(ksp, viewer));
  PetscCall(ViewLastSolve(ksp, viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KSPReset_Furl(KSP ksp)
{
  KSP_Furl *f = (KSP_Furl *)ksp->data;

  PetscFunctionBegin;
  PetscCall(FurlKSPForget(ksp));
  f->device_failed = PETSC_FALSE;
  f->why_host      = NULL;
  PetscCall(FurlKSPDestroyWork(ksp));
  PetscCall(VecDestroyVecs(3, &f->more));
  PetscCall(VecDestroyVecs(f->nV, &f->V));
  PetscCall(VecDestroyVecs(f->nZ, &f->Z));
  PetscCall(VecDestroy(&f->best));
  PetscCall(VecDestroy(&f->refused_best));
  PetscCall(VecDestroy(&f->built));
  PetscCall(PetscFree(f->hess));
  PetscCall(PetscFree(f->partial));
  PetscCall(PetscFree2(f->lanczos_alpha, f->lanczos_beta));
  f->nV = f->nZ = f->nhess = f->npartial = f->nlanczos_max = 0;
  f->projected                                             = PETSC_FALSE;
  FurlKSPForgetSpectrum(ksp);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Composes the setters and getters, or takes them back */
static PetscErrorCode Compose(KSP ksp, PetscBool on)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectComposeFunction((PetscObject)ksp, "KSPFurlSetMethod_C", on ? KSPFurlSetMethod_Furl : NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)ksp, "KSPFurlGetMethod_C", on ? KSPFurlGetMethod_Furl : NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)ksp, "KSPFurlSetRestart_C", on ? KSPFurlSetRestart_Furl : NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)ksp, "KSPFurlGetRestart_C", on ? KSPFurlGetRestart_Furl : NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)ksp, "KSPFurlSetCompress_C", on ? KSPFurlSetCompress_Furl : NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)ksp, "KSPFurlGetCompress_C", on ? KSPFurlGetCompress_Furl : NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)ksp, "KSPFurlSetRefine_C", on ? KSPFurlSetRefine_Furl : NULL));
  PetscCall(PetscObjectComposeFunction((PetscObject)ksp, "KSPFurlGetRefine_C", on ? KSPFurlGetRefine_Furl : NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KSPDestroy_Furl(KSP ksp)
{
  PetscFunctionBegin;
  PetscCall(KSPReset_Furl(ksp));
  PetscCall(Compose(ksp, PETSC_FALSE));
  PetscCall(KSPDestroyDefault(ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*MC
   KSPFURL - A flexible Krylov method in FP64 around a preconditioner in low precision, with products from a lossless compressed copy of the
   matrix

   Options Database Keys:
+  -ksp_furl_method <auto|cg|gmres|bcgs>    - the Krylov method; auto takes CG where the matrix is symmetric with a diagonal of one sign
.  -ksp_furl_restart <30>                   - iterations of a GMRES cycle
.  -ksp_furl_compress <auto|true|false>     - whether products come from a compressed copy
-  -ksp_furl_refine <true>                  - iterate in the preconditioner's low precision where it can, and renew the residual in FP64

   Level: beginner

   Notes:
   Its `PC` is `PCFURL` unless the user chose one.

   An iteration is one application of the preconditioner; BiCGStab counts both halves of its step.

   Before convergence is claimed, b - A x is computed by the user's own matrix, in the user's norm (on a device by its lossless copy, once
   both were found to agree); where it does not meet the tolerance the iteration goes on from there. Where progress stalls the
   preconditioner is asked for other means and, with `KSP_FURL_AUTO`, CG gives way to GMRES. When nothing is left the reason is
   `KSP_DIVERGED_BREAKDOWN`, the solution the best iterate, and `-info` tells the residual reached and wanted.

   With `MatSetNullSpace()` and a symmetric matrix b is projected, so residuals are those of the projected system.

   An absolute tolerance at its default of 1e-50 does not apply to systems whose right-hand side is itself that small.

   Supports the unpreconditioned norm with the preconditioner on either side, and the preconditioned and the natural norm on the left.

.seealso: `KSPFurlSetMethod()`, `KSPFurlSetRestart()`, `KSPFurlSetCompress()`, `KSPFurlSetRefine()`, `PCFURL`, `MATFURL`, `KSPFCG`,
`KSPFGMRES`
M*/
PetscErrorCode KSPCreate_Furl(KSP ksp)
{
  KSP_Furl *f;

  PetscFunctionBegin;
  PetscCall(PetscNew(&f));
  ksp->data           = f;
  ksp->setupnewmatrix = PETSC_TRUE;
  f->restart          = 30;
  f->refine           = PETSC_TRUE;
  PetscCall(KSPSetSupportedNorm(ksp, KSP_NORM_UNPRECONDITIONED, PC_LEFT, 4));
  PetscCall(KSPSetSupportedNorm(ksp, KSP_NORM_UNPRECONDITIONED, PC_RIGHT, 3));
  PetscCall(KSPSetSupportedNorm(ksp, KSP_NORM_PRECONDITIONED, PC_LEFT, 2));
  PetscCall(KSPSetSupportedNorm(ksp, KSP_NORM_NATURAL, PC_LEFT, 2));
  PetscCall(KSPSetSupportedNorm(ksp, KSP_NORM_NONE, PC_LEFT, 1));
  PetscCall(KSPSetSupportedNorm(ksp, KSP_NORM_NONE, PC_RIGHT, 1));
  ksp->ops->setup                        = KSPSetUp_Furl;
  ksp->ops->solve                        = KSPSolve_Furl;
  ksp->ops->setfromoptions               = KSPSetFromOptions_Furl;
  ksp->ops->view                         = KSPView_Furl;
  ksp->ops->reset                        = KSPReset_Furl;
  ksp->ops->destroy                      = KSPDestroy_Furl;
  ksp->ops->buildsolution                = KSPBuildSolution_Furl;
  ksp->ops->buildresidual                = KSPBuildResidual_Furl;
  ksp->ops->computeextremesingularvalues = KSPComputeExtremeSingularValues_Furl;
  ksp->ops->computeeigenvalues           = KSPComputeEigenvalues_Furl;
  PetscCall(Compose(ksp, PETSC_TRUE));
  PetscCall(FurlEventRegister("KSPFurlEncode", KSP_CLASSID, &f->event_encode));
  PetscCall(FurlEventRegister("KSPFurlClassify", KSP_CLASSID, &f->event_classify));
  PetscCall(FurlEventRegister("KSPFurlVerify", KSP_CLASSID, &f->event_verify));
  PetscCall(FurlKSPChoosePC(ksp));
  PetscFunctionReturn(PETSC_SUCCESS);
}
