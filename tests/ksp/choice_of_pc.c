/*
  Who chooses the preconditioner: furl where nobody did, whenever the operators come and whether or not options are read; -pc_type and a PC
  set in code win. Settings survive in both orders and come back from their getters.
*/
#include "../furltest.h"

static PetscErrorCode Expect(KSP ksp, const char *type, const char *what)
{
  PC        pc;
  PetscBool is;
  PCType    have;

  PetscFunctionBegin;
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCGetType(pc, &have));
  PetscCall(PetscObjectTypeCompare((PetscObject)pc, type, &is));
  FurlTestCheck(is, "%s: the PC is %s, expected %s", what, have ? have : "unset", type);
  PetscFunctionReturn(0);
}

static PetscErrorCode Make(KSP *ksp)
{
  PetscFunctionBegin;
  PetscCall(KSPCreate(PETSC_COMM_WORLD, ksp));
  PetscFunctionReturn(0);
}

/* -ksp_type furl is in the options; expected: the type where nobody chose in code */
static PetscErrorCode ByOptions(Mat A, const char *expected)
{
  KSP ksp;
  PC  pc;

  PetscFunctionBegin;
  PetscCall(Make(&ksp));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(Expect(ksp, expected, "operators before the options"));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(Expect(ksp, expected, "options read twice"));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(Make(&ksp));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(Expect(ksp, expected, "operators after the options"));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(Make(&ksp));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCSOR));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(Expect(ksp, strcmp(expected, "furl") ? expected : PCSOR, "set in code before the options"));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(Make(&ksp));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCNONE));
  PetscCall(Expect(ksp, PCNONE, "set in code after the options"));
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(0);
}

/* The program itself asks for furl */
static PetscErrorCode ByCode(Mat A)
{
  KSP ksp;
  PC  pc;

  PetscFunctionBegin;
  PetscCall(Make(&ksp));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetType(ksp, "furl"));
  PetscCall(Expect(ksp, "furl", "by KSPSetType() alone"));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(Make(&ksp));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCILU));
  PetscCall(KSPSetType(ksp, "furl"));
  PetscCall(Expect(ksp, PCILU, "PETSc's default, but set in code"));
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(0);
}

static PetscErrorCode Settings(void)
{
  KSP      ksp;
  PetscInt restart;
  PetscErrorCode (*get)(KSP, PetscInt *);
  PetscErrorCode (*set)(KSP, PetscInt);

  PetscFunctionBegin;
  PetscCall(Make(&ksp));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(PetscObjectQueryFunction((PetscObject)ksp, "KSPFurlGetRestart_C", &get));
  PetscCall(PetscObjectQueryFunction((PetscObject)ksp, "KSPFurlSetRestart_C", &set));
  PetscCall((*get)(ksp, &restart));
  FurlTestCheck(restart == 30, "default restart %" PetscInt_FMT, restart);
  PetscCall((*set)(ksp, 17));
  PetscCall(KSPSetFromOptions(ksp)); /* without -ksp_furl_restart it must not fall back */
  PetscCall((*get)(ksp, &restart));
  FurlTestCheck(restart == 17, "restart %" PetscInt_FMT " after setting 17", restart);
  PetscCall(KSPSetType(ksp, KSPCG)); /* another type, then back: nothing of the old life is left */
  PetscCall(PetscObjectQueryFunction((PetscObject)ksp, "KSPFurlGetRestart_C", &get));
  FurlTestCheck(!get, "a setter is still composed after the type changed");
  PetscCall(KSPSetType(ksp, "furl"));
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  Mat  A;
  char type[32] = "furl";

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-pc_type", type, sizeof(type), NULL));
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, FurlTestGridDefault(6, 5), &A));
  PetscCall(ByOptions(A, type));
  if (!strcmp(type, "furl")) PetscCall(ByCode(A));
  PetscCall(Settings());
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  testset:
    args: -ksp_type furl
    nsize: {{1 2}}
    test:
      suffix: nobody
    test:
      suffix: options
      args: -pc_type {{jacobi bjacobi}}

TEST*/
