/*
  -furl_takeover gmres,preonly,pc:lu: programs that fix their solver in code, or give it an options prefix that changes from run to run,
  still reach it through PETSc's lists of types. The names listed then create Furl's types; PETSc's own constructors are kept, and come back
  while Furl sets up or applies solvers of its own.

  PETSc's lists belong to the process, so what was taken from them does too.
*/
#include <petsc/private/kspimpl.h>
#include <petsc/private/pcimpl.h>
#include <petscfurl.h>
#include <furl/compat.h>
#include <furl/register.h>
#include "furltakeover.h"

#define FURL_TAKEOVER_MAX 32 /* names in the option */

typedef PetscErrorCode (*KSPConstructor)(KSP);
typedef PetscErrorCode (*PCConstructor)(PC);

typedef struct {
  char          *name;
  KSPConstructor ksp_original, ksp_taken; /* of a KSP type, else NULL */
  PCConstructor  pc_original, pc_taken;   /* of a PC type, else NULL */
} TakenType;

static struct {
  TakenType      type[FURL_TAKEOVER_MAX];
  PetscInt       ntypes;
  PetscInt       paused; /* depth of FurlTakeoverPause() */
  PetscReal      rtol;   /* of a solver that was to be exact */
  KSPConstructor ksp;    /* of Furl's own types */
  PCConstructor  pc;
  PetscErrorCode (*ksp_view)(KSP, PetscViewer);
  PetscErrorCode (*pc_view)(PC, PetscViewer);
} takeover;

static PetscErrorCode ViewName(PetscObject object, PetscViewer viewer)
{
  PetscBool ascii;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  if (ascii) PetscCall(PetscViewerASCIIPrintf(viewer, "  furl in place of %s, by -furl_takeover\n", object->type_name));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode KSPView_Takeover(KSP ksp, PetscViewer viewer)
{
  PetscFunctionBegin;
  PetscCall(ViewName((PetscObject)ksp, viewer));
  if (takeover.ksp_view) PetscCall((*takeover.ksp_view)(ksp, viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCView_Takeover(PC pc, PetscViewer viewer)
{
  PetscFunctionBegin;
  PetscCall(ViewName((PetscObject)pc, viewer));
  if (takeover.pc_view) PetscCall((*takeover.pc_view)(pc, viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The object keeps the name that the program gave, so that setting that name again finds the solver as it is */
static PetscErrorCode KSPCreate_Takeover(KSP ksp)
{
  PetscFunctionBegin;
  PetscCall((*takeover.ksp)(ksp));
  takeover.ksp_view = ksp->ops->view;
  ksp->ops->view    = KSPView_Takeover;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A program that says preonly expects its direct solver's accuracy and has set no tolerance; PETSc ignores -ksp_rtol with that name */
static PetscErrorCode KSPCreate_TakeoverExact(KSP ksp)
{
  PetscFunctionBegin;
  PetscCall(KSPCreate_Takeover(ksp));
  if (ksp->rtol > takeover.rtol) PetscCall(KSPSetTolerances(ksp, takeover.rtol, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PCCreate_Takeover(PC pc)
{
  PetscFunctionBegin;
  PetscCall((*takeover.pc)(pc));
  takeover.pc_view = pc->ops->view;
  pc->ops->view    = PCView_Takeover;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Register(const TakenType *type, PetscBool taken)
{
  PetscFunctionBegin;
  if (type->ksp_original) PetscCall(KSPRegister(type->name, taken ? type->ksp_taken : type->ksp_original));
  if (type->pc_original) PetscCall(PCRegister(type->name, taken ? type->pc_taken : type->pc_original));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TakeKSP(const char *name)
{
  TakenType *type = &takeover.type[takeover.ntypes];
  PetscBool  none, only;

  PetscFunctionBegin;
  PetscCall(PetscFunctionListFind(KSPList, name, &type->ksp_original));
  PetscCheck(type->ksp_original, PETSC_COMM_SELF, PETSC_ERR_ARG_UNKNOWN_TYPE,
             "-furl_takeover names %s, which is no KSP type of this PETSc (a PC type is written pc:%s)", name, name);
  PetscCall(PetscStrcmp(name, KSPNONE, &none));
  PetscCall(PetscStrcmp(name, KSPPREONLY, &only));
  type->ksp_taken = none || only ? KSPCreate_TakeoverExact : KSPCreate_Takeover;
  PetscCall(PetscStrallocpy(name, &type->name));
  takeover.ntypes++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TakePC(const char *name)
{
  TakenType *type = &takeover.type[takeover.ntypes];

  PetscFunctionBegin;
  PetscCall(PetscFunctionListFind(PCList, name, &type->pc_original));
  PetscCheck(type->pc_original, PETSC_COMM_SELF, PETSC_ERR_ARG_UNKNOWN_TYPE,
             "-furl_takeover names pc:%s, which is no PC type of this PETSc", name);
  type->pc_taken = PCCreate_Takeover;
  PetscCall(PetscStrallocpy(name, &type->name));
  takeover.ntypes++;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Take(const char *word)
{
  PetscBool is_pc, is_ksp, own;

  PetscFunctionBegin;
  PetscCall(PetscStrncmp(word, "pc:", 3, &is_pc));
  PetscCall(PetscStrncmp(word, "ksp:", 4, &is_ksp));
  if (is_pc) word += 3;
  if (is_ksp) word += 4;
  PetscCall(PetscStrcmp(word, KSPFURL, &own));
  if (own) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(is_pc ? TakePC(word) : TakeKSP(word));
  PetscCall(Register(&takeover.type[takeover.ntypes - 1], PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlTakeoverInitialize(PetscErrorCode (*ksp)(KSP), PetscErrorCode (*pc)(PC))
{
  char     *words[FURL_TAKEOVER_MAX];
  PetscInt  nwords = FURL_TAKEOVER_MAX;
  PetscBool set;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(&takeover, sizeof(takeover)));
  takeover.ksp  = ksp;
  takeover.pc   = pc;
  takeover.rtol = 1e-10;
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-furl_takeover_rtol", &takeover.rtol, NULL));
  PetscCheck(takeover.rtol > 0 && takeover.rtol < 1, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE,
             "Tolerance %g is not in (0, 1); see -furl_takeover_rtol", (double)takeover.rtol);
  PetscCall(PetscOptionsGetStringArray(NULL, NULL, "-furl_takeover", words, &nwords, &set));
  for (PetscInt i = 0; set && i < nwords; i++) {
    PetscCall(Take(words[i]));
    PetscCall(PetscFree(words[i]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlTakeoverFinalize(void)
{
  PetscFunctionBegin;
  for (PetscInt i = 0; i < takeover.ntypes; i++) PetscCall(PetscFree(takeover.type[i].name));
  PetscCall(PetscMemzero(&takeover, sizeof(takeover)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlTakeoverPause(void)
{
  PetscFunctionBegin;
  if (!takeover.paused++)
    for (PetscInt i = 0; i < takeover.ntypes; i++) PetscCall(Register(&takeover.type[i], PETSC_FALSE));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlTakeoverResume(void)
{
  PetscFunctionBegin;
  PetscCheck(takeover.paused > 0, PETSC_COMM_SELF, PETSC_ERR_PLIB, "FurlTakeoverResume() without FurlTakeoverPause()");
  if (!--takeover.paused)
    for (PetscInt i = 0; i < takeover.ntypes; i++) PetscCall(Register(&takeover.type[i], PETSC_TRUE));
  PetscFunctionReturn(PETSC_SUCCESS);
}
