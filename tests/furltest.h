/* Small systems and measures that several tests share: all on any communicator, with the same entries on any number of ranks */
#pragma once

#include <unistd.h>
#include <petscksp.h>

/* A property that has to hold: the message tells the numbers */
#define FurlTestCheck(holds, ...) PetscCheck(holds, PETSC_COMM_WORLD, PETSC_ERR_PLIB, __VA_ARGS__)

/* A number in (-1, 1) from a global index */
static inline PetscReal FurlTestHash(PetscInt i, PetscInt seed)
{
  uint32_t x = (uint32_t)i * 2654435761u + (uint32_t)seed * 40503u + 12345u;

  x = (x ^ (x >> 16)) * 0x45d9f3bu;
  x = (x ^ (x >> 16)) * 0x45d9f3bu;
  x ^= x >> 16;
  return (PetscReal)x / 2147483648.0 - 1.0;
}

static inline PetscErrorCode FurlTestNoise(Vec v, PetscInt seed, PetscReal scale)
{
  PetscInt     first, last;
  PetscScalar *entry;

  PetscFunctionBegin;
  PetscCall(VecGetOwnershipRange(v, &first, &last));
  PetscCall(VecGetArrayWrite(v, &entry));
  for (PetscInt i = first; i < last; i++) entry[i - first] = scale * FurlTestHash(i, seed);
  PetscCall(VecRestoreArrayWrite(v, &entry));
  PetscFunctionReturn(0);
}

/* What FurlTestGrid() assembles: a 5-point operator on an nx x ny grid */
typedef struct {
  PetscInt  nx, ny;
  PetscInt  local;    /* rows of this rank, PETSC_DECIDE for an even share */
  PetscReal scale;    /* of all entries; its sign too */
  PetscReal contrast; /* coefficients vary by this factor; 1: constant */
  PetscReal wind;     /* skew part: 0 symmetric */
  PetscReal shift;    /* added to the diagonal, in units of scale */
  PetscBool neumann;  /* row sums zero, so that constants are the null space */
} FurlTestGridSpec;

static inline FurlTestGridSpec FurlTestGridDefault(PetscInt nx, PetscInt ny)
{
  FurlTestGridSpec s = {nx, ny, PETSC_DECIDE, 1, 1, 0, 0, PETSC_FALSE};

  return s;
}

static inline PetscErrorCode FurlTestGridRow(Mat A, const FurlTestGridSpec *s, PetscInt row)
{
  const PetscInt i = row % s->nx, j = row / s->nx;
  const PetscInt di[4] = {-1, 1, 0, 0}, dj[4] = {0, 0, -1, 1};
  PetscReal      diagonal = s->shift;

  PetscFunctionBegin;
  for (int k = 0; k < 4; k++) {
    const PetscInt  to = row + di[k] + s->nx * dj[k];
    const PetscReal c  = PetscPowReal(s->contrast, FurlTestHash(PetscMin(row, to) * 4 + k / 2, 7)) * (1 + (k % 2 ? -s->wind : s->wind));
    const PetscBool in = i + di[k] >= 0 && i + di[k] < s->nx && j + dj[k] >= 0 && j + dj[k] < s->ny ? PETSC_TRUE : PETSC_FALSE;

    if (in) PetscCall(MatSetValue(A, row, to, -s->scale * c, INSERT_VALUES));
    if (in || !s->neumann) diagonal += c;
  }
  PetscCall(MatSetValue(A, row, row, s->scale * diagonal, INSERT_VALUES));
  PetscFunctionReturn(0);
}

static inline PetscErrorCode FurlTestGridFill(Mat A, const FurlTestGridSpec *s)
{
  PetscInt first, last;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &first, &last));
  for (PetscInt row = first; row < last; row++) PetscCall(FurlTestGridRow(A, s, row));
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

static inline PetscErrorCode FurlTestGrid(MPI_Comm comm, FurlTestGridSpec s, Mat *A)
{
  const PetscInt n = s.nx * s.ny;

  PetscFunctionBegin;
  PetscCall(
    MatCreateAIJ(comm, s.local, s.local, s.local < 0 ? n : PETSC_DETERMINE, s.local < 0 ? n : PETSC_DETERMINE, 5, NULL, 4, NULL, A));
  PetscCall(FurlTestGridFill(*A, &s));
  PetscFunctionReturn(0);
}

/* max|b - A x| / max|b|, or max|b - A x| where b = 0: no squares, so right for entries of any size */
static inline PetscErrorCode FurlTestResidual(Mat A, Vec b, Vec x, PetscReal *residual)
{
  Vec       r;
  PetscReal size;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(b, &r));
  PetscCall(MatMult(A, x, r));
  PetscCall(VecAYPX(r, -1, b));
  PetscCall(VecNorm(r, NORM_INFINITY, residual));
  PetscCall(VecNorm(b, NORM_INFINITY, &size));
  if (size > 0) *residual /= size;
  PetscCall(VecDestroy(&r));
  PetscFunctionReturn(0);
}

/* |b - A x| / |b| in the 2-norm, which a solver's promise is about; |b - A x| where b = 0 */
static inline PetscErrorCode FurlTestResidualNorm(Mat A, Vec b, Vec x, PetscReal *norm)
{
  Vec       r;
  PetscReal size;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(b, &r));
  PetscCall(MatMult(A, x, r));
  PetscCall(VecAYPX(r, -1, b));
  PetscCall(VecNorm(r, NORM_2, norm));
  PetscCall(VecNorm(b, NORM_2, &size));
  if (size > 0) *norm /= size;
  PetscCall(VecDestroy(&r));
  PetscFunctionReturn(0);
}

/* A KSP with its options, ready to solve with A */
static inline PetscErrorCode FurlTestSolver(Mat A, const char *prefix, KSP *ksp)
{
  PetscFunctionBegin;
  PetscCall(KSPCreate(PetscObjectComm((PetscObject)A), ksp));
  PetscCall(KSPSetOptionsPrefix(*ksp, prefix));
  PetscCall(KSPSetOperators(*ksp, A, A));
  PetscCall(KSPSetFromOptions(*ksp));
  PetscFunctionReturn(0);
}

/* How often a matrix has been encoded so far; PetscLogDefaultBegin() comes first. No copy is made where KSP furl refines */
static inline PetscErrorCode FurlTestEncodings(int *n)
{
  PetscLogEvent      event;
  PetscEventPerfInfo info;

  PetscFunctionBegin;
  *n = 0;
  PetscCall(PetscLogEventGetId("MatFurlEncode", &event));
  if (event < 0) PetscFunctionReturn(0); /* nothing has registered it yet */
  PetscCall(PetscLogEventGetPerfInfo(0, event, &info));
  *n = info.count;
  PetscFunctionReturn(0);
}

/* The text of -ksp_view, on every rank */
static inline PetscErrorCode FurlTestView(KSP ksp, char text[], int room)
{
  char        name[] = "/tmp/furl_viewXXXXXX";
  PetscViewer viewer;
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (!rank) PetscCheck(close(mkstemp(name)) == 0, PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "No file in /tmp");
  PetscCallMPI(MPI_Bcast(name, sizeof(name), MPI_CHAR, 0, PETSC_COMM_WORLD));
  PetscCall(PetscViewerASCIIOpen(PETSC_COMM_WORLD, name, &viewer));
  PetscCall(KSPView(ksp, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCall(PetscArrayzero(text, room));
  if (!rank) {
    FILE *file = fopen(name, "r");

    PetscCheck(file && fread(text, 1, room - 1, file) > 0, PETSC_COMM_SELF, PETSC_ERR_FILE_READ, "Nothing to read in %s", name);
    fclose(file);
    unlink(name);
  }
  PetscCallMPI(MPI_Bcast(text, room, MPI_CHAR, 0, PETSC_COMM_WORLD));
  PetscFunctionReturn(0);
}

/* Solves A x = b to a true residual of 1e-8, in at most `most` iterations; text: the view after that */
static inline PetscErrorCode FurlTestSolveWithin(KSP ksp, Vec b, Vec x, PetscInt most, char text[], int room)
{
  KSPConvergedReason reason;
  PetscReal          residual;
  PetscInt           its;
  Mat                A;

  PetscFunctionBegin;
  PetscCall(KSPGetOperators(ksp, &A, NULL));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(KSPGetIterationNumber(ksp, &its));
  PetscCall(FurlTestResidualNorm(A, b, x, &residual));
  PetscCall(FurlTestView(ksp, text, room));
  FurlTestCheck(reason > 0 && residual <= 1.1e-8 && its <= most, "reason %d after %d iterations, at most %d; residual %g\n%s", (int)reason,
                (int)its, (int)most, (double)residual, text);
  PetscFunctionReturn(0);
}

/* From here on PetscInfo() writes into a file of this process, until FurlTestInfoEnd() */
static inline PetscErrorCode FurlTestInfoBegin(char *file, size_t room)
{
  char        directory[PETSC_MAX_PATH_LEN], all[PETSC_MAX_PATH_LEN];
  int         number = (int)getpid();
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Bcast(&number, 1, MPI_INT, 0, PETSC_COMM_WORLD));
  PetscCall(PetscGetTmp(PETSC_COMM_WORLD, directory, sizeof(directory)));
  PetscCall(PetscSNPrintf(all, sizeof(all), "%s/furl_info_%d", directory, number));
  PetscCall(PetscSNPrintf(file, room, "%s.%d", all, (int)rank)); /* the number is PETSc's work */
  PetscCall(PetscInfoSetFile(all, "w"));
  PetscCall(PetscInfoAllow(PETSC_TRUE));
  PetscFunctionReturn(0);
}

/* lines: all that it has told; found: those with the phrase, of which the last is in `line` */
static inline PetscErrorCode FurlTestInfoEnd(const char *file, const char *phrase, PetscInt *lines, PetscInt *found, char line[256])
{
  char  text[256];
  char *at;
  FILE *stream;

  PetscFunctionBegin;
  PetscCall(PetscInfoAllow(PETSC_FALSE));
  PetscCall(PetscInfoSetFile(NULL, NULL));
  *lines = *found = 0;
  line[0]         = 0;
  stream          = fopen(file, "r");
  PetscCheck(stream, PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "PetscInfo() has not written %s", file);
  while (fgets(text, sizeof(text), stream)) {
    ++*lines;
    PetscCall(PetscStrstr(text, phrase, &at));
    if (!at) continue;
    ++*found;
    PetscCall(PetscStrncpy(line, text, 256));
  }
  (void)fclose(stream);
  (void)unlink(file);
  PetscFunctionReturn(0);
}
