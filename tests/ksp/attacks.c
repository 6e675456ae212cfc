/*
  Systems and preconditioners made to deceive a solver, small and on one process. Whatever the method, norm and side: a claim is true, a
  refusal leaves an x that is no worse than the guess, and x is finite.
*/
#include "../furltest.h"

#define ROWS 80

typedef PetscReal (*EntryFn)(PetscInt i, PetscInt j);

static PetscReal Laplace(PetscInt i, PetscInt j)
{
  return i == j ? 2 : PetscAbsInt(i - j) == 1 ? -1 : 0;
}

static PetscReal Neumann(PetscInt i, PetscInt j)
{
  return Laplace(i, j) - (i == j && (i == 0 || i == ROWS - 1) ? 1 : 0);
}

static PetscReal NearlyNeumann(PetscInt i, PetscInt j)
{
  return Neumann(i, j) + (i == 7 && j == 7 ? 1e-13 : 0);
}

static PetscReal Indefinite(PetscInt i, PetscInt j)
{
  return Laplace(i, j) - (i == j ? 0.7 : 0);
}

static PetscReal Skew(PetscInt i, PetscInt j)
{
  return PetscAbsInt(i - j) == 1 ? (PetscReal)(i - j) : 0;
}

static PetscReal NearlySkew(PetscInt i, PetscInt j)
{
  return Skew(i, j) + (i == j ? 1e-9 : 0);
}

static PetscReal RowsApart(PetscInt i, PetscInt j)
{
  return Laplace(i, j) * pow(10, 120 * FurlTestHash(i, 3));
}

static PetscReal ScaledApart(PetscInt i, PetscInt j)
{
  return Laplace(i, j) * pow(10, 60 * (FurlTestHash(i, 3) + FurlTestHash(j, 3)));
}

static PetscReal Saddle(PetscInt i, PetscInt j)
{
  if (i < 50 && j < 50) return Laplace(i, j);
  return i >= 50 && j >= 50 ? 0 : FurlTestHash(i + j + i * j, 4);
}

static PetscReal Hilbert(PetscInt i, PetscInt j)
{
  return 1.0 / (PetscReal)(i + j + 1);
}

static PetscReal Noise(PetscInt i, PetscInt j)
{
  return FurlTestHash(i * ROWS + j, 5);
}

static PetscReal Jordan(PetscInt i, PetscInt j)
{
  return i == j ? 0.3 : j == i + 1 ? 1 : 0;
}

static PetscReal RankOne(PetscInt i, PetscInt j)
{
  return FurlTestHash(i, 6) * FurlTestHash(j, 6);
}

static PetscReal Zero(PetscInt i, PetscInt j)
{
  return 0;
}

static PetscReal Largest(PetscInt i, PetscInt j)
{
  return 1e307 * Laplace(i, j);
}

static PetscReal Denormal(PetscInt i, PetscInt j)
{
  return 1e-312 * Laplace(i, j);
}

static PetscReal Signs(PetscInt i, PetscInt j)
{
  return i == j ? (i % 2 ? 3 : -3) : PetscAbsInt(i - j) == 1 ? 1 : 0;
}

static const struct {
  const char *name;
  EntryFn     entry;
  PetscReal   b; /* size of the right-hand side */
} attacks[] = {{"Laplace", Laplace, 1},
               {"Neumann", Neumann, 1},
               {"nearly Neumann", NearlyNeumann, 1},
               {"indefinite", Indefinite, 1},
               {"skew", Skew, 1},
               {"nearly skew", NearlySkew, 1},
               {"rows far apart", RowsApart, 1},
               {"scaled apart", ScaledApart, 1},
               {"saddle point", Saddle, 1},
               {"Hilbert", Hilbert, 1},
               {"noise", Noise, 1},
               {"Jordan block", Jordan, 1},
               {"rank one", RankOne, 1},
               {"zero", Zero, 1},
               {"largest numbers", Largest, 1e300},
               {"denormals", Denormal, 1e-300},
               {"both signs", Signs, 1}};

static PetscErrorCode Create(EntryFn entry, Mat *A)
{
  PetscFunctionBegin;
  PetscCall(MatCreateSeqAIJ(PETSC_COMM_SELF, ROWS, ROWS, ROWS, NULL, A));
  for (PetscInt i = 0; i < ROWS; i++)
    for (PetscInt j = 0; j < ROWS; j++)
      if (i == j || (*entry)(i, j) != 0) PetscCall(MatSetValue(*A, i, j, (*entry)(i, j), INSERT_VALUES));
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

static const char *pcs[] = {"none", "jacobi", "furl", "NaN", "null", "noise", "both signs", "half"};

/* A preconditioner of the user's that lies */
static PetscErrorCode Liar(PC pc, Vec x, Vec y)
{
  const char        *kind;
  const PetscScalar *from;
  PetscScalar       *to;
  void              *context;
  static PetscInt    calls = 0;

  PetscFunctionBegin;
  PetscCall(PCShellGetContext(pc, &context));
  kind = (const char *)context;
  calls++;
  PetscCall(VecGetArrayRead(x, &from));
  PetscCall(VecGetArrayWrite(y, &to));
  for (PetscInt i = 0; i < ROWS; i++) {
    to[i] = from[i];
    if (!strcmp(kind, "NaN") && calls % 5 == 0 && i == 3) to[i] = NAN;
    if (!strcmp(kind, "null")) to[i] = 0;
    if (!strcmp(kind, "noise")) to[i] = FurlTestHash(i, calls);
    if (!strcmp(kind, "both signs") && i % 2) to[i] = -from[i];
    if (!strcmp(kind, "half") && i % 2) to[i] = 0;
  }
  PetscCall(VecRestoreArrayWrite(y, &to));
  PetscCall(VecRestoreArrayRead(x, &from));
  PetscFunctionReturn(0);
}

static PetscErrorCode ChoosePC(KSP ksp, const char type[])
{
  PC        pc;
  PetscBool own;

  PetscFunctionBegin;
  own = !strcmp(type, "none") || !strcmp(type, "jacobi") || !strcmp(type, "furl") ? PETSC_TRUE : PETSC_FALSE;
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, own ? type : PCSHELL));
  if (own) PetscFunctionReturn(0);
  PetscCall(PCShellSetApply(pc, Liar));
  PetscCall(PCShellSetContext(pc, (void *)type));
  PetscFunctionReturn(0);
}

typedef struct {
  KSPNormType norm;
  PCSide      side;
  PetscReal   rtol;
  PetscInt    most;
  PetscReal   guess;
} Setting;

static const Setting settings[] = {{KSP_NORM_UNPRECONDITIONED, PC_LEFT, 1e-8, 400, 0}, {KSP_NORM_UNPRECONDITIONED, PC_RIGHT, 1e-14, 400, 0},
                                   {KSP_NORM_UNPRECONDITIONED, PC_LEFT, 1e-8, 400, 1}, {KSP_NORM_PRECONDITIONED, PC_LEFT, 1e-8, 400, 0},
                                   {KSP_NORM_NATURAL, PC_LEFT, 1e-8, 400, 0},          {KSP_NORM_NONE, PC_LEFT, 1e-8, 20, 0},
                                   {KSP_NORM_UNPRECONDITIONED, PC_LEFT, 1e-8, 0, 0},   {KSP_NORM_UNPRECONDITIONED, PC_LEFT, 1e-8, 1, 1}};

/* max|b - A x|, with which entries of any size have no trouble; b of one size */
static PetscErrorCode Residual(Mat A, Vec b, Vec x, PetscReal *residual)
{
  PetscReal size;

  PetscFunctionBegin;
  PetscCall(FurlTestResidual(A, b, x, residual));
  PetscCall(VecNorm(x, NORM_INFINITY, &size));
  if (PetscIsInfOrNanReal(size)) *residual = size;
  PetscFunctionReturn(0);
}

static PetscErrorCode Attack(size_t which, Mat A, const char pc[], const Setting *s)
{
  KSP                ksp;
  Vec                x, b;
  PetscReal          before, after;
  KSPConvergedReason reason;
  const char *const  name = attacks[which].name;
  /* the max norm in place of the 2-norm costs a factor of sqrt(n) < 9 each way */
  const PetscReal limit = 9 * 9 * s->rtol;

  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestNoise(b, 8, attacks[which].b));
  PetscCall(VecSet(x, s->guess));
  PetscCall(Residual(A, b, x, &before));
  PetscCall(KSPCreate(PETSC_COMM_SELF, &ksp));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSetNormType(ksp, s->norm));
  PetscCall(KSPSetPCSide(ksp, s->side));
  PetscCall(KSPSetTolerances(ksp, s->rtol, PETSC_DEFAULT, PETSC_DEFAULT, s->most));
  PetscCall(KSPSetInitialGuessNonzero(ksp, s->guess != 0 ? PETSC_TRUE : PETSC_FALSE));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(ChoosePC(ksp, pc));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(Residual(A, b, x, &after));
  FurlTestCheck(reason != 0, "%s, PC %s: no reason", name, pc);
  if (reason > 0 && s->norm == KSP_NORM_UNPRECONDITIONED)
    FurlTestCheck(after <= limit, "%s, PC %s, side %d, rtol %g: reason %d with a residual of %g", name, pc, (int)s->side, (double)s->rtol,
                  (int)reason, (double)after);
  else if (s->norm == KSP_NORM_UNPRECONDITIONED)
    FurlTestCheck(after <= 9 * before, "%s, PC %s, side %d, rtol %g, max_it %" PetscInt_FMT ": reason %d, residual from %g to %g", name, pc,
                  (int)s->side, (double)s->rtol, s->most, (int)reason, (double)before, (double)after);
  else
    FurlTestCheck(reason == KSP_DIVERGED_NANORINF || !PetscIsInfOrNanReal(after), "%s, PC %s, norm %d: reason %d, residual %g", name, pc,
                  (int)s->norm, (int)reason, (double)after);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  Mat A;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  for (size_t which = 0; which < sizeof(attacks) / sizeof(attacks[0]); which++) {
    PetscCall(Create(attacks[which].entry, &A));
    for (size_t pc = 0; pc < sizeof(pcs) / sizeof(pcs[0]); pc++)
      for (size_t s = 0; s < sizeof(settings) / sizeof(settings[0]); s++) PetscCall(Attack(which, A, pcs[pc], &settings[s]));
    PetscCall(MatDestroy(&A));
  }
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    timeoutfactor: 4
    args: -ksp_type furl -ksp_furl_method {{auto cg gmres bcgs}}

TEST*/
