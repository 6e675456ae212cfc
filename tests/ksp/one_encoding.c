/*
  What is kept, and how often it is made: one lossless copy of Amat, and for each level of an imported hierarchy its matrix and two
  transfers, where that of a box needs none. The same matrix is not encoded again, new values once. The view tells the bytes by purpose;
  here they are bounded.
*/
#include "../furltest.h"

typedef struct {
  int copies;    /* of Amat, made by the KSP */
  int encodings; /* of all kinds */
} Counts;

static PetscErrorCode Count(Counts *counts)
{
  PetscLogEvent      event;
  PetscEventPerfInfo info;

  PetscFunctionBegin;
  PetscCall(PetscLogEventGetId("KSPFurlEncode", &event));
  PetscCall(PetscLogEventGetPerfInfo(0, event, &info));
  counts->copies = info.count;
  PetscCall(PetscLogEventGetId("MatFurlEncode", &event));
  PetscCall(PetscLogEventGetPerfInfo(0, event, &info));
  counts->encodings = info.count;
  PetscFunctionReturn(0);
}

/* Since the last call: so many copies, so many encodings in all */
static PetscErrorCode Expect(Counts *last, int copies, int encodings, const char *what)
{
  Counts now;

  PetscFunctionBegin;
  PetscCall(Count(&now));
  FurlTestCheck(now.copies - last->copies == copies && now.encodings - last->encodings == encodings,
                "%s: %d copies of Amat, %d encodings, expected %d and %d", what, now.copies - last->copies, now.encodings - last->encodings,
                copies, encodings);
  *last = now;
  PetscFunctionReturn(0);
}

/* How often a phrase occurs */
static int Occurrences(const char text[], const char phrase[])
{
  int n = 0;

  for (const char *at = strstr(text, phrase); at; at = strstr(at + 1, phrase)) n++;
  return n;
}

/* The number after a phrase of the view; 0 where it is not there */
static double NumberAfter(const char text[], const char phrase[])
{
  const char *at = strstr(text, phrase);

  return at ? strtod(at + strlen(phrase), NULL) : 0;
}

/* A purpose in the view, and between how many bytes an unknown it holds */
typedef struct {
  const char *purpose;
  double      least, most;
} Part;

/*
  A 5-point matrix that is symmetric has 3 diagonals: 8 bytes each in the copy; 2, 2 and 4 on the finest level. The coarser ones are
  irregular, 4 to 7 bytes a coupling with its column, and half as many couplings as the finest. Five vectors of the cycle in FP32, four of
  CG.
*/
static const Part Imported[] = {{"lossless copy of Amat: ", 17, 20},
                                {"Krylov vectors: ", 32, 33},
                                {"level matrices: ", 8, 32},
                                {"transfers: ", 4, 50},
                                {"vectors of the cycle: ", 20, 25},
                                {"coarsest level: ", 0.001, 40},
                                {"imported hierarchy in AIJ: ", 0.001, 130},
                                {NULL, 0, 0}};

/*
  A box: two couplings of 2 bytes, a correction of 2 and a root of 4 make 10 a cell, a third more for the coarser levels; 8 a coarse cell
  for transfers; two vectors of 4, half of one for residuals, and two of the level where two cycles are combined: 8 (4/3) + 2 + 8/4. Levels
  below 4096 cells are whole on both of two processes, 5/6 more. Ghosts, up to four lines deep, margins and padding add three tenths at this
  size. The dense inverse has at most 200 cells, on each process.
*/
static const Part OnBox[] = {{"lossless copy of Amat: ", 17, 20},
                             {"Krylov vectors: ", 32, 33},
                             {"level matrices: ", 13.3, 13.3 * 1.25 * 11 / 6},
                             {"transfers: ", 8 / 3., 8 / 3. * 1.25 * 11 / 6},
                             {"vectors of the cycle: ", 12, 14.7 * 1.3 * 11 / 6},
                             {"coarsest level: ", 0.001, 2 * 8 * 200 * 201 / 7680.},
                             {"imported hierarchy in AIJ: ", 0, 0},
                             {NULL, 0, 0}};

static PetscErrorCode BytesByPurpose(KSP ksp, int *nlevels)
{
  char        text[32768];
  double      sum = 0, whole;
  const Part *part;

  PetscFunctionBegin;
  PetscCall(FurlTestView(ksp, text, sizeof(text)));
  whole    = NumberAfter(text, "bytes an unknown: ");
  *nlevels = Occurrences(text, "couplings in ");
  for (part = *nlevels ? Imported : OnBox; part->purpose; part++) {
    const double bytes = NumberAfter(text, part->purpose);

    FurlTestCheck(bytes >= part->least && bytes <= part->most, "%s%g is not within %g and %g", part->purpose, bytes, part->least,
                  part->most);
    sum += bytes;
  }
  FurlTestCheck(fabs(sum - whole) < 2e-3 * whole, "the parts add up to %g, not %g", sum, whole);
  FurlTestCheck(Occurrences(text, "compressed: ") == 1, "the view shows %d compressed copies", Occurrences(text, "compressed: "));
  PetscFunctionReturn(0);
}

/* The hierarchy is the one that the options ask for: a box has no level that is encoded as a matrix */
static PetscErrorCode CheckHierarchy(int nlevels)
{
  char      name[16] = "auto";
  PetscBool import;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetString(NULL, NULL, "-pc_furl_hierarchy", name, sizeof(name), NULL));
  PetscCall(PetscStrcmp(name, "import", &import));
  FurlTestCheck((nlevels > 0) == (import == PETSC_TRUE), "hierarchy %s: %d levels are encoded", name, nlevels);
  PetscFunctionReturn(0);
}

static PetscErrorCode Solve(KSP ksp, Mat A, Vec b, Vec x)
{
  KSPConvergedReason reason;
  PetscReal          residual;

  PetscFunctionBegin;
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(FurlTestResidual(A, b, x, &residual));
  FurlTestCheck(reason > 0 && residual < 1e-5, "reason %d, residual %g", (int)reason, (double)residual);
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  FurlTestGridSpec spec = FurlTestGridDefault(96, 80);
  Mat              A, F;
  Vec              x, b;
  KSP              ksp;
  PC               pc;
  Counts           last = {0, 0};
  int              nlevels;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscLogDefaultBegin());
  spec.contrast = 3;
  PetscCall(FurlTestGrid(PETSC_COMM_WORLD, spec, &A));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(FurlTestNoise(b, 1, 1));
  PetscCall(FurlTestSolver(A, NULL, &ksp));
  PetscCall(Solve(ksp, A, b, x));
  PetscCall(BytesByPurpose(ksp, &nlevels));
  PetscCall(CheckHierarchy(nlevels));
  PetscCall(Expect(&last, 1, 1 + 3 * nlevels, "first solve"));
  PetscCall(FurlTestNoise(b, 2, 1));
  PetscCall(Solve(ksp, A, b, x));
  PetscCall(Expect(&last, 0, 0, "another right-hand side"));
  PetscCall(MatScale(A, 2));
  PetscCall(Solve(ksp, A, b, x));
  PetscCall(BytesByPurpose(ksp, &nlevels));
  PetscCall(Expect(&last, 1, 1 + 3 * nlevels, "new values"));
  PetscCall(KSPSetReusePreconditioner(ksp, PETSC_TRUE));
  PetscCall(MatScale(A, 0.7));
  PetscCall(Solve(ksp, A, b, x));
  PetscCall(Expect(&last, 1, 1, "new values, preconditioner kept"));
  PetscCall(KSPSetReusePreconditioner(ksp, PETSC_FALSE));
  PetscCall(Solve(ksp, A, b, x));
  PetscCall(Expect(&last, 0, 3 * nlevels, "preconditioner no longer kept"));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  PetscCall(Solve(ksp, F, b, x));
  PetscCall(Expect(&last, 0, 1 + 3 * nlevels, "a matrix that is compressed already"));
  PetscCall(KSPGetPC(ksp, &pc));
  PetscCall(PCSetType(pc, PCJACOBI));
  PetscCall(Solve(ksp, A, b, x));
  PetscCall(Expect(&last, 1, 1, "another preconditioner"));
  PetscCall(MatDestroy(&F));
  PetscCall(MatDestroy(&A));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2}}
    args: -ksp_type furl -ksp_furl_refine 0 -ksp_rtol 1e-7 -pc_furl_hierarchy {{grid import}}

TEST*/
