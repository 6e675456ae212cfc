static char help[] = "Times y = A x in PETSc's formats and in Furl's, alternating in one run, and prints medians.\n\n\
  systems as for bench/solve.c; -formats a,b (all that this PETSc has, and aij in any case; furl where the library is loaded with -dll_append)\n\
  -repeats N (11), -json FILE (one line a format is appended)\n\n";
/*
  A conversion is timed in products of AIJ. Bytes a row are those that a product must read from the matrix; the x and y of 8 bytes each are
  added for GB/s. The roofline is a triad a = b + s c over vectors far larger than the caches, measured in the same run between the
  products.
*/
#include "bench.h"

#include <petsctime.h>

#define TRIAD_LENGTH (PetscInt)8000000 /* doubles: 64 MB a vector */
#define MIN_SECONDS 0.02               /* of one timing: short products are repeated */
#define MAX_REPEATS 99
#define CONVERSIONS 3  /* of the matrix into a format, of which the median counts */
#define ROUNDING 1e-13 /* of the largest row sum: asymmetry that SBAIJ may lose */

typedef struct {
  const char *name, *type, *values, *read; /* of the table; PETSc's type; what -mat_furl_values and -mat_furl_read are set to */
  Mat         A;                           /* NULL where this PETSc lacks the format */
  double      error;                       /* |y - y_AIJ| / |y_AIJ| */
  double      bytes_per_row;               /* of the matrix, read by one product; 0: unknown */
  double      seconds[MAX_REPEATS];
  double      conversion[CONVERSIONS];
} Format;

static int CompareDoubles(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static double Median(double seconds[], PetscInt n)
{
  qsort(seconds, (size_t)n, sizeof(double), CompareDoubles);
  return seconds[n / 2];
}

/* What the format's arrays hold: 8 bytes a value, an index each (each block in BAIJ and SBAIJ), row starts */
static PetscErrorCode BytesPerRow(Format *f)
{
  MatInfo   info;
  PetscInt  rows, bs;
  PetscBool blocked, sell, furl, has;

  PetscFunctionBegin;
  PetscCall(MatHasOperation(f->A, MATOP_GETINFO, &has));
  if (!has) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatGetInfo(f->A, MAT_LOCAL, &info));
  PetscCall(MatGetLocalSize(f->A, &rows, NULL));
  PetscCall(MatGetBlockSize(f->A, &bs));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)f->A, &blocked, MATSEQBAIJ, MATSEQSBAIJ, ""));
  PetscCall(PetscObjectTypeCompare((PetscObject)f->A, MATSEQSELL, &sell));
  PetscCall(PetscObjectTypeCompare((PetscObject)f->A, "furl", &furl));
  const double index = sizeof(PetscInt) / (blocked ? (double)bs * bs : 1), entries = sell ? info.nz_allocated : info.nz_used;
  f->bytes_per_row =
    furl ? info.memory / rows : entries / rows * (sizeof(PetscScalar) + index) + sizeof(PetscInt) / (blocked ? (double)bs : 1);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The matrix in the format, several times for the clock; f->A stays NULL where the format does not take it */
static PetscErrorCode Convert(Mat from, Format *f)
{
  PetscLogDouble start, end;

  PetscFunctionBegin;
  for (int k = 0; k < CONVERSIONS; k++) {
    PetscCall(MatDestroy(&f->A));
    PetscCall(PetscTime(&start));
    PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
    if (MatConvert(from, f->type, MAT_INITIAL_MATRIX, &f->A)) f->A = NULL;
    PetscCall(PetscPopErrorHandler());
    PetscCall(PetscTime(&end));
    if (!f->A) break;
    f->conversion[k] = end - start;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Whether the user wants it: AIJ always, as the measure of the others */
static PetscErrorCode IsWanted(const Format *f, PetscBool *wanted)
{
  char     *list[MAX_REPEATS];
  PetscInt  n = MAX_REPEATS;
  PetscBool set, same;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetStringArray(NULL, NULL, "-formats", list, &n, &set));
  PetscCall(PetscStrcmp(f->name, "aij", wanted));
  if (!set) *wanted = PETSC_TRUE;
  for (PetscInt k = 0; set && k < n; k++) {
    PetscCall(PetscStrcmp(f->name, list[k], &same));
    if (same) *wanted = PETSC_TRUE;
    PetscCall(PetscFree(list[k]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Errors of a format that does not take this matrix (SBAIJ of a nonsymmetric one, a library not loaded) leave it out of the table */
static PetscErrorCode FormatCreate(Mat A, Format *f)
{
  Mat       copy;
  PetscBool symmetric = PETSC_TRUE, sbaij, wanted = PETSC_FALSE;
  PetscReal norm;

  PetscFunctionBegin;
  PetscCall(IsWanted(f, &wanted));
  if (!wanted) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscStrcmp(f->type, MATSBAIJ, &sbaij));
  PetscCall(MatNorm(A, NORM_INFINITY, &norm));
  if (sbaij) PetscCall(MatIsSymmetric(A, ROUNDING * norm, &symmetric));
  if (!symmetric) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatDuplicate(A, MAT_COPY_VALUES, &copy));
  PetscCall(MatSetFromOptions(copy));
  if (sbaij) PetscCall(MatSetOption(copy, MAT_SYMMETRIC, PETSC_TRUE));
  if (f->values) {
    PetscCall(PetscOptionsSetValue(NULL, "-mat_furl_values", f->values));
    PetscCall(PetscOptionsSetValue(NULL, "-mat_furl_read", f->read));
  }
  PetscCall(Convert(copy, f));
  PetscCall(MatDestroy(&copy));
  if (!f->A) PetscFunctionReturn(PETSC_SUCCESS);
  if (f->values) PetscCall(MatSetFromOptions(f->A));
  PetscCall(BytesPerRow(f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FormatCheck(Format *f, Vec x, Vec y, Vec reference)
{
  PetscReal norm, difference;

  PetscFunctionBegin;
  PetscCall(MatMult(f->A, x, y));
  PetscCall(VecAXPY(y, -1, reference));
  PetscCall(VecNorm(y, NORM_2, &difference));
  PetscCall(VecNorm(reference, NORM_2, &norm));
  f->error = difference / norm;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TimeProduct(Mat A, Vec x, Vec y, double *seconds)
{
  PetscLogDouble start, now;
  PetscInt       count = 0;

  PetscFunctionBegin;
  PetscCall(PetscTime(&start));
  do {
    PetscCall(MatMult(A, x, y));
    PetscCall(PetscTime(&now));
    count++;
  } while (now - start < MIN_SECONDS);
  *seconds = (now - start) / count;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One pass of the triad; 24 bytes an entry, as STREAM counts */
static PetscErrorCode TimeTriad(double *restrict a, const double *restrict b, const double *restrict c, double *bandwidth)
{
  PetscLogDouble start, end;

  PetscFunctionBegin;
  PetscCall(PetscTime(&start));
  for (PetscInt i = 0; i < TRIAD_LENGTH; i++) a[i] = b[i] + 1.5 * c[i];
  PetscCall(PetscTime(&end));
  *bandwidth = 24. * TRIAD_LENGTH / (end - start);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Measure(PetscInt n, Format formats[], PetscInt repeats, Vec x, Vec y, double *triad)
{
  double *a, *b, *c, bandwidth[MAX_REPEATS];

  PetscFunctionBegin;
  PetscCall(PetscMalloc3(TRIAD_LENGTH, &a, TRIAD_LENGTH, &b, TRIAD_LENGTH, &c));
  for (PetscInt i = 0; i < TRIAD_LENGTH; i++) a[i] = b[i] = c[i] = i;
  for (PetscInt repeat = 0; repeat < repeats; repeat++) {
    PetscCall(TimeTriad(a, b, c, &bandwidth[repeat]));
    for (PetscInt k = 0; k < n; k++) {
      if (formats[k].A) PetscCall(TimeProduct(formats[k].A, x, y, &formats[k].seconds[repeat]));
    }
  }
  *triad = Median(bandwidth, repeats);
  PetscCall(PetscFree3(a, b, c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Report(const Problem *p, PetscInt n, Format formats[], PetscInt repeats, double triad)
{
  char      json[PETSC_MAX_PATH_LEN];
  FILE     *stream = NULL;
  PetscInt  rows;
  PetscBool set;
  double    aij = 0;

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(p->A, &rows, NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-json", json, sizeof(json), &set));
  if (set) PetscCall(PetscFOpen(PETSC_COMM_SELF, json, "a", &stream));
  PetscCall(PetscPrintf(PETSC_COMM_SELF, "%s: %d rows, triad %.1f GB/s, medians of %d\n", p->title, (int)rows, triad * 1e-9, (int)repeats));
  PetscCall(PetscPrintf(PETSC_COMM_SELF, "%-12s %8s %9s %8s %9s %9s %9s %10s\n", "format", "ns/row", "of AIJ", "B/row", "GB/s", "of triad",
                        "error", "conversion"));
  for (PetscInt k = 0; k < n; k++) {
    Format *f = &formats[k];
    if (!f->A) continue;
    const double time = Median(f->seconds, repeats), conversion = Median(f->conversion, CONVERSIONS),
                 rate = (f->bytes_per_row + 16) * rows / time;
    if (k == 0) aij = time;
    PetscCall(PetscPrintf(PETSC_COMM_SELF, "%-12s %8.3f %8.2fx %8.2f %9.2f %8.0f%% %9.1e %10.1f\n", f->name, time / rows * 1e9, aij / time,
                          f->bytes_per_row, rate * 1e-9, rate / triad * 100, f->error, conversion / aij));
    if (set)
      PetscCall(PetscFPrintf(
        PETSC_COMM_SELF, stream,
        "{\"system\": \"%s\", \"rows\": %d, \"format\": \"%s\", \"ns_per_row\": %.4f, \"times_aij\": %.3f, "
        "\"bytes_per_row\": %.3f, \"gb_per_s\": %.3f, \"triad_gb_per_s\": %.3f, \"error\": \"%.2e\", \"conversion_aij_products\": %.2f}\n",
        p->title, (int)rows, f->name, time / rows * 1e9, aij / time, f->bytes_per_row, rate * 1e-9, triad * 1e-9, f->error,
        conversion / aij));
  }
  if (set) PetscCall(PetscFClose(PETSC_COMM_SELF, stream));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Format      formats[] = {{.name = "aij", .type = MATSEQAIJ},
                           {.name = "sbaij", .type = MATSBAIJ},
                           {.name = "baij", .type = MATBAIJ},
                           {.name = "sell", .type = MATSELL},
                           {.name = "aijperm", .type = MATSEQAIJPERM},
                           {.name = "aijmkl", .type = "seqaijmkl"},
                           {.name = "furl", .type = "furl", .values = "raw", .read = "all"},
                           {.name = "furl planes", .type = "furl", .values = "planes", .read = "all"},
                           {.name = "furl second", .type = "furl", .values = "planes", .read = "second"},
                           {.name = "furl head", .type = "furl", .values = "planes", .read = "head"}};
  const int   n         = PETSC_STATIC_ARRAY_LENGTH(formats);
  PetscInt    repeats   = 11;
  Problem     p;
  Vec         x, y, reference;
  PetscRandom random;
  double      triad = 0;
  PetscMPIInt size;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCheck(size == 1, PETSC_COMM_WORLD, PETSC_ERR_WRONG_MPI_SIZE, "This measures one core; run it on one rank");
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-repeats", &repeats, NULL));
  PetscCheck(repeats >= 1 && repeats <= MAX_REPEATS, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE,
             "-repeats %" PetscInt_FMT " is not in 1..%d", repeats, MAX_REPEATS);
  PetscCall(ProblemCreate(PETSC_COMM_SELF, &p));
  PetscCall(MatCreateVecs(p.A, &x, &y));
  PetscCall(VecDuplicate(y, &reference));
  PetscCall(PetscRandomCreate(PETSC_COMM_SELF, &random));
  PetscCall(VecSetRandom(x, random));
  PetscCall(MatMult(p.A, x, reference));
  /* the height that PETSc's vectorised CPU kernel takes; a PETSc with CUDA has another default and fails */
  PetscCall(PetscOptionsSetValue(NULL, "-mat_sell_slice_height", "8"));
  for (int k = 0; k < n; k++) {
    PetscCall(FormatCreate(p.A, &formats[k]));
    if (formats[k].A) PetscCall(FormatCheck(&formats[k], x, y, reference));
  }
  PetscCall(Measure(n, formats, repeats, x, y, &triad));
  PetscCall(Report(&p, n, formats, repeats, triad));
  for (int k = 0; k < n; k++) PetscCall(MatDestroy(&formats[k].A));
  PetscCall(PetscRandomDestroy(&random));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&reference));
  PetscCall(ProblemDestroy(&p));
  PetscCall(PetscFinalize());
  return 0;
}
