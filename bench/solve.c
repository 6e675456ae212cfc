static char help[] = "Solves one system by every method of a list, alternating, each to the same true residual, and prints medians.\n\n\
  -problem diffusion|q1|tets|elasticity, -class, -n, -bc, -identity kept|dropped, -rcm, or -file F.mtx[.gz]; -rhs random|ones, -rhs_file F\n\
  -opponents FILE (bench/opponents.txt), -petsc 3.26|debian (which of its lines), -methods a,b (of these, only some); or -with \" OPTIONS\": one method, by its options\n\
  -target R (true relative residual, 1e-8), -repeats N (3), -json FILE (one line a solve is appended)\n\
  -again: each solver solves twice, and the second time is told too; -warm: each method solves a small system first\n\
  -describe: only what the system is\n\n";
/*
  Run by bench/run. By hand:
    bench/run --program solve -n 64 -class jump4 -methods gamg,icc
  An ordinary PETSc program that knows nothing of Furl: a line of the list may say -ksp_type furl where the library is loaded with
  -dll_append.
*/
#include "bench.h"

#define MAX_METHODS 64
#define MAX_REPEATS 99

typedef struct {
  Choice    choice;
  char      json[PETSC_MAX_PATH_LEN];
  PetscReal target;
  PetscInt  repeats;
  PetscBool warm;
} Settings;

static PetscErrorCode SettingsFromOptions(Settings *s)
{
  PetscBool file;

  PetscFunctionBegin;
  *s = (Settings){
    .choice = {.file = "bench/opponents.txt", .petsc = "3.26", .problem = "diffusion", .names = "any"}, .target = 1e-8, .repeats = 3};
  PetscCall(PetscOptionsGetString(NULL, NULL, "-opponents", s->choice.file, sizeof(s->choice.file), NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-petsc", s->choice.petsc, sizeof(s->choice.petsc), NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-problem", s->choice.problem, sizeof(s->choice.problem), NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-methods", s->choice.names, sizeof(s->choice.names), NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-json", s->json, sizeof(s->json), NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-target", &s->target, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-repeats", &s->repeats, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-warm", &s->warm, NULL));
  PetscCall(PetscOptionsHasName(NULL, NULL, "-file", &file));
  if (file) PetscCall(PetscStrncpy(s->choice.problem, "file", sizeof(s->choice.problem)));
  PetscCheck(s->repeats >= 1 && s->repeats <= MAX_REPEATS, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE,
             "-repeats %" PetscInt_FMT " is not in 1..%d", s->repeats, MAX_REPEATS);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static int CompareTotals(const void *a, const void *b)
{
  const Result *x = (const Result *)a, *y = (const Result *)b;
  const double  difference = x->setup + x->solve - y->setup - y->solve;

  return (difference > 0) - (difference < 0);
}

static PetscErrorCode AppendJSON(const Settings *s, const Problem *p, const Method *m, PetscInt repeat, const Result *r)
{
  FILE    *stream;
  MatInfo  info;
  PetscInt rows;

  PetscFunctionBegin;
  if (!s->json[0]) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatGetSize(p->A, &rows, NULL));
  PetscCall(MatGetInfo(p->A, MAT_GLOBAL_SUM, &info));
  PetscCall(PetscFOpen(PETSC_COMM_WORLD, s->json, "a", &stream));
  PetscCall(PetscFPrintf(PETSC_COMM_WORLD, stream,
                         "{\"system\": \"%s\", \"rows\": %lld, \"nonzeros\": %.0f, \"method\": \"%s\", \"petsc\": \"%s\", \"repeat\": %d, ",
                         p->title, (long long)rows, (double)info.nz_used, m->name, s->choice.petsc, (int)repeat));
  PetscCall(PetscFPrintf(PETSC_COMM_WORLD, stream, "\"setup_s\": %.6g, \"solve_s\": %.6g, \"total_s\": %.6g, \"iterations\": %d, ",
                         r->setup, r->solve, r->setup + r->solve, (int)r->iterations));
  PetscCall(PetscFPrintf(PETSC_COMM_WORLD, stream, "\"true_residual\": \"%.3e\", \"target\": \"%.1e\", \"met\": %s, \"rtol\": \"%.1e\", ",
                         r->residual, (double)s->target, m->gave_up ? "false" : "true", m->rtol));
  PetscCall(PetscFPrintf(PETSC_COMM_WORLD, stream,
                         "\"peak_mb\": %.1f, \"end_mb\": %.1f, \"reason\": \"%s\", \"again_s\": %.6g, \"where\": \"%s\"}\n", r->peak_mb,
                         r->end_mb, KSPConvergedReasons[r->reason], r->again, r->where));
  PetscCall(PetscFClose(PETSC_COMM_WORLD, stream));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode PrintTable(const Settings *s, const Problem *p, PetscInt n, const Method methods[], Result *results[])
{
  PetscFunctionBegin;
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s, PETSc %s, true residual %.0e, medians of %d\n", p->title, s->choice.petsc, (double)s->target,
                        (int)s->repeats));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%-28s %9s %9s %9s %6s %9s %9s %9s %9s  %s\n", "method", "set-up s", "solve s", "total s", "its",
                        "again s", "residual", "peak MB", "kept MB", "reason, where"));
  for (PetscInt k = 0; k < n; k++) {
    qsort(results[k], (size_t)s->repeats, sizeof(Result), CompareTotals);
    const Result *r = &results[k][s->repeats / 2];
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%-28s %9.3f %9.3f %9.3f %6d %9.3f %9.1e %9.1f %9.1f  %s, %s%s\n", methods[k].name, r->setup,
                          r->solve, r->setup + r->solve, (int)r->iterations, r->again, r->residual, r->peak_mb, r->end_mb,
                          KSPConvergedReasons[r->reason], r->where, methods[k].gave_up ? " (target missed)" : ""));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The lines of the list that fit, or the one method that -with describes */
static PetscErrorCode ChooseMethods(const Settings *s, Method methods[], PetscInt *n)
{
  PetscBool given;

  PetscFunctionBegin;
  methods[0] = (Method){.name = "given"};
  *n         = 1;
  PetscCall(PetscOptionsGetString(NULL, NULL, "-with", methods[0].options, sizeof(methods[0].options), &given));
  PetscCheck(!given || methods[0].options[0], PETSC_COMM_WORLD, PETSC_ERR_ARG_WRONG,
             "-with got no options; write a blank before the first: -with ' -ksp_type cg'");
  if (given) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MethodsRead(&s->choice, MAX_METHODS, methods, n));
  PetscCheck(*n > 0, PETSC_COMM_WORLD, PETSC_ERR_ARG_WRONG, "%s has no method called %s for PETSc %s and problem %s", s->choice.file,
             s->choice.names, s->choice.petsc, s->choice.problem);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rounds over the methods; one that cannot reach the target is not asked again */
static PetscErrorCode SolveAll(const Settings *s, Problem *p, PetscInt n, Method methods[])
{
  Result *results[MAX_METHODS];

  PetscFunctionBegin;
  for (PetscInt k = 0; k < n; k++) PetscCall(PetscCalloc1(s->repeats, &results[k]));
  for (PetscInt k = 0; s->warm && k < n; k++) PetscCall(MethodWarmUp(&methods[k]));
  for (PetscInt repeat = 0; repeat < s->repeats; repeat++) {
    for (PetscInt k = 0; k < n; k++) {
      if (methods[k].gave_up) {
        results[k][repeat] = results[k][0];
        continue;
      }
      PetscCall(MethodRun(&methods[k], p, s->target, &results[k][repeat]));
      PetscCall(AppendJSON(s, p, &methods[k], repeat, &results[k][repeat]));
    }
  }
  PetscCall(PrintTable(s, p, n, methods, results));
  for (PetscInt k = 0; k < n; k++) PetscCall(PetscFree(results[k]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Settings  s;
  Problem   p;
  Method    methods[MAX_METHODS];
  PetscInt  n        = 0;
  PetscBool describe = PETSC_FALSE;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(SettingsFromOptions(&s));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-describe", &describe, NULL));
  if (!describe) PetscCall(ChooseMethods(&s, methods, &n));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, &p));
  if (describe)
    PetscCall(ProblemDescribe(&p));
  else
    PetscCall(SolveAll(&s, &p, n, methods));
  PetscCall(ProblemDestroy(&p));
  PetscCall(PetscFinalize());
  return 0;
}
