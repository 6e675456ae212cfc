/* Reads bench/opponents.txt and solves a system by one of its lines */
#define _GNU_SOURCE
#include "bench.h"

#include <malloc.h>
#include <unistd.h>
#include <petsctime.h>

#define SLACK 1.001    /* on the target: what rounding may do to a residual that is computed twice */
#define TIGHTEN 0.3    /* factor on a method's own tolerance while the recomputed residual is above the target */
#define MAX_TIGHTEN 12 /* times, after which the method is said not to reach the target */

/* True if the comma list holds the word, or is `any` */
static PetscBool ListHas(const char list[], const char word[])
{
  const size_t length = strlen(word);

  if (!strcmp(list, "any")) return PETSC_TRUE;
  for (const char *at = list; at; at = strchr(at, ',')) {
    if (*at == ',') at++;
    if (!strncmp(at, word, length) && (at[length] == ',' || !at[length])) return PETSC_TRUE;
  }
  return PETSC_FALSE;
}

static void Trim(char s[])
{
  size_t length = strlen(s), blanks = strspn(s, " \t");

  memmove(s, s + blanks, length - blanks + 1);
  for (length = strlen(s); length && strchr(" \t\r\n", s[length - 1]); length--) s[length - 1] = 0;
}

/* name | petsc | problems | options */
static PetscBool ParseLine(const char line[], Method *m)
{
  PetscBool parsed;

  memset(m, 0, sizeof(*m));
  if (line[0] == '#') return PETSC_FALSE;
  parsed = (PetscBool)(sscanf(line, "%63[^|]|%15[^|]|%127[^|]|%1023[^\n]", m->name, m->petsc, m->problem, m->options) == 4);
  Trim(m->name);
  Trim(m->petsc);
  Trim(m->problem);
  Trim(m->options);
  return parsed;
}

/* The lines of the file that are chosen */
PetscErrorCode MethodsRead(const Choice *choice, PetscInt max, Method methods[], PetscInt *n)
{
  FILE *stream = fopen(choice->file, "r");
  char  line[2048];

  PetscFunctionBegin;
  PetscCheck(stream, PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "Cannot read %s; name the list of methods with -opponents", choice->file);
  *n = 0;
  while (fgets(line, sizeof(line), stream)) {
    Method m;

    if (!ParseLine(line, &m) || !ListHas(choice->names, m.name) || !ListHas(m.petsc, choice->petsc) || !ListHas(m.problem, choice->problem))
      continue;
    PetscCheck(*n < max, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "%s has more than %" PetscInt_FMT " methods", choice->file, max);
    methods[(*n)++] = m;
  }
  fclose(stream);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A field of /proc/self/status in MB (10^6 bytes), 0 where there is none */
static double ProcessMemory(const char field[])
{
  FILE  *stream = fopen("/proc/self/status", "r");
  char   line[256];
  double kib = 0;

  while (stream && fgets(line, sizeof(line), stream)) {
    if (!strncmp(line, field, strlen(field))) kib = strtod(line + strlen(field) + 1, NULL);
  }
  if (stream) fclose(stream);
  return kib * 1024e-6;
}

/* Gives freed memory back and restarts the kernel's record of the highest */
static double MemoryRestart(void)
{
  FILE *stream;

  malloc_trim(0);
  stream = fopen("/proc/self/clear_refs", "w");
  if (stream) {
    fputs("5", stream);
    fclose(stream);
  }
  return ProcessMemory("VmRSS");
}

static PetscErrorCode TrueResidual(const Problem *p, Vec x, PetscReal *relative)
{
  Vec       r;
  PetscReal norm;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(p->b, &r));
  PetscCall(MatMult(p->A, x, r));
  PetscCall(VecAYPX(r, -1, p->b));
  PetscCall(VecNorm(p->b, NORM_2, &norm));
  PetscCall(VecNorm(r, NORM_2, relative));
  *relative /= norm;
  PetscCall(VecDestroy(&r));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A and the matrix that the preconditioner is made of; *flip: it is -A x = -b that gets solved */
static PetscErrorCode ChooseOperators(Problem *p, Mat *A, Mat *P, PetscBool *flip)
{
  PetscBool hypre = PETSC_FALSE, positive = PETSC_FALSE, typed;
  char      type[64];

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-bench_hypre_struct", &hypre, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-bench_positive", &positive, NULL));
  *A    = p->A;
  *flip = (PetscBool)(positive && p->sign < 0);
  if (positive) PetscCall(ProblemGetPositive(p, A));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-bench_mat_type", type, sizeof(type), &typed));
  if (typed) PetscCall(ProblemGetTyped(p, *A, type, A));
  *P = *A;
  if (hypre) PetscCall(ProblemGetHypre(p, P));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The line of the solver's view that begins with "on ", which Furl prints; else what its vectors are */
static PetscErrorCode FindWhere(KSP ksp, Vec x, char where[], size_t size)
{
  char        file[] = "/tmp/benchXXXXXX", line[512];
  const int   handle = mkstemp(file);
  VecType     type;
  PetscViewer viewer;
  FILE       *stream;

  PetscFunctionBegin;
  PetscCall(VecGetType(x, &type));
  PetscCall(PetscStrncpy(where, strstr(type, "cuda") ? "GPU, PETSc" : "CPU", size));
  PetscCheck(handle >= 0 && !close(handle), PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "No file in /tmp");
  PetscCall(PetscViewerASCIIOpen(PetscObjectComm((PetscObject)ksp), file, &viewer));
  PetscCall(KSPView(ksp, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  stream = fopen(file, "r");
  while (stream && fgets(line, sizeof(line), stream)) {
    Trim(line);
    if (strncmp(line, "on device ", 10) && strncmp(line, "on the CPU", 10)) continue;
    line[strcspn(line, "\"\\")] = 0; /* it is going to be a string of JSON */
    PetscCall(PetscStrncpy(where, line + 3, size));
  }
  if (stream) fclose(stream);
  PetscCheck(!unlink(file), PETSC_COMM_SELF, PETSC_ERR_FILE_UNEXPECTED, "%s cannot be removed", file);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* What a solver's second solve takes: nothing is set up or brought anywhere any more */
static PetscErrorCode SolveAgain(KSP ksp, Vec b, Vec x, double *seconds)
{
  PetscLogDouble start, end;
  Vec            y;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(x, &y));
  PetscCall(PetscTime(&start));
  PetscCall(KSPSolve(ksp, b, y));
  PetscCall(PetscTime(&end));
  *seconds = end - start;
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The times of one solve from nothing: set-up is all from KSPCreate() to the first iteration */
static PetscErrorCode SolveTimed(Mat A, Mat P, Vec b, Vec x, KSP *ksp, Result *r)
{
  PetscLogDouble start, middle, end;
  const double   base = MemoryRestart();

  PetscFunctionBegin;
  PetscCall(PetscTime(&start));
  PetscCall(KSPCreate(PetscObjectComm((PetscObject)A), ksp));
  PetscCall(KSPSetOperators(*ksp, A, P));
  PetscCall(KSPSetFromOptions(*ksp));
  PetscCall(KSPSetTolerances(*ksp, r->rtol, 0, PETSC_DEFAULT, PETSC_DEFAULT));
  PetscCall(KSPSetUp(*ksp));
  PetscCall(KSPSetUpOnBlocks(*ksp));
  PetscCall(PetscTime(&middle));
  PetscCall(KSPSolve(*ksp, b, x));
  PetscCall(PetscTime(&end));
  r->end_mb  = ProcessMemory("VmRSS") - base;
  r->peak_mb = ProcessMemory("VmHWM") - base;
  r->setup   = middle - start;
  r->solve   = end - middle;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SolveOnce(Problem *p, PetscReal rtol, PetscBool again, Result *r)
{
  PetscBool flip = PETSC_FALSE;
  Mat       A, P;
  Vec       b, x;
  KSP       ksp;

  PetscFunctionBegin;
  *r = (Result){.rtol = rtol};
  PetscCall(ChooseOperators(p, &A, &P, &flip));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(VecCopy(p->b, b));
  if (flip) PetscCall(VecScale(b, -1));
  PetscCall(SolveTimed(A, P, b, x, &ksp, r));
  PetscCall(KSPGetIterationNumber(ksp, &r->iterations));
  PetscCall(KSPGetConvergedReason(ksp, &r->reason));
  PetscCall(FindWhere(ksp, x, r->where, sizeof(r->where)));
  if (again) PetscCall(SolveAgain(ksp, b, x, &r->again));
  PetscCall(TrueResidual(p, x, &r->residual));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Solves with the method's options; the first time tightens its tolerance until the recomputed residual meets the target */
PetscErrorCode MethodRun(Method *m, Problem *p, double target, Result *result)
{
  PetscOptions own;
  PetscBool    again = PETSC_FALSE;
  Mat          hypre;
  int          tries = 0;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-again", &again, NULL));
  if (m->rtol == 0) m->rtol = target;
  /* made here because it is described by the program's options, which the method's hide */
  if (strstr(m->options, "-bench_hypre_struct")) PetscCall(ProblemGetHypre(p, &hypre));
  PetscCall(PetscOptionsCreate(&own));
  PetscCall(PetscOptionsPush(own));
  PetscCall(PetscOptionsInsertString(NULL, m->options));
  PetscCall(SolveOnce(p, m->rtol, again, result));
  while (!(result->residual <= SLACK * target) && result->reason > 0 && tries++ < MAX_TIGHTEN) {
    m->rtol *= TIGHTEN;
    PetscCall(SolveOnce(p, m->rtol, again, result));
  }
  m->gave_up = (PetscBool) !(result->residual <= SLACK * target);
  PetscCall(PetscOptionsPop());
  PetscCall(PetscOptionsDestroy(&own));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A solve of a small system, so that libraries, drivers and kernels are loaded when the clock starts; its failure is the method's own */
PetscErrorCode MethodWarmUp(const Method *m)
{
  const char *const small = "-problem diffusion -class constant -n 16 -bc ddd -rhs random";
  PetscOptions      options;
  Method            copy = *m;
  Problem           p;
  Result            result;

  PetscFunctionBegin;
  if (strstr(m->options, "-bench_hypre_struct")) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscOptionsCreate(&options));
  PetscCall(PetscOptionsPush(options));
  PetscCall(PetscOptionsInsertString(NULL, small));
  PetscCall(ProblemCreate(PETSC_COMM_WORLD, &p));
  PetscCall(MethodRun(&copy, &p, 1e-6, &result));
  PetscCall(ProblemDestroy(&p));
  PetscCall(PetscOptionsPop());
  PetscCall(PetscOptionsDestroy(&options));
  PetscFunctionReturn(PETSC_SUCCESS);
}
