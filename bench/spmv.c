static char help[] = "Times y = A x in PETSc's formats and in Furl's, alternating in one run, and prints medians.\n\n\
  systems as for bench/solve.c; -formats a,b (all that this PETSc has, and aij in any case; furl where the library is loaded with -dll_append)\n\
  -repeats N (11), -json FILE (one line a format is appended)\n\
  -bench_device cuda|host (in a program that links Furl's objects): the formats of a device instead, beside AIJ on the CPU\n\n";
/*
  A conversion is timed in products of AIJ. Bytes a row are those that a product must read from the matrix; the x and y of 8 bytes each are
  added for GB/s. The roofline is a triad a = b + s c over vectors far larger than the caches, measured in the same run between the
  products. For a device it is p = z + beta p by the iteration's own kernel or, where PETSc has CUDA, y += alpha x by cuBLAS, whichever is
  the faster; 24 bytes an entry too. Times of a device are the host's clock around many products and one wait.
*/
#include "bench.h"

#include <petsctime.h>
#if defined(PETSC_HAVE_CUDA)
#include <petscdevice.h>
#endif

#define TRIAD_LENGTH (PetscInt)8000000 /* doubles: 64 MB a vector */
#define AXPY_LENGTH (PetscInt)32000000 /* doubles: 256 MB a vector, beyond a GPU's caches too */
#define AXPY_PASSES 20
#define MIN_SECONDS 0.02 /* of one timing: short products are repeated */
#define MAX_REPEATS 99
#define CONVERSIONS 3  /* of the matrix into a format, of which the median counts */
#define ROUNDING 1e-13 /* of the largest row sum: asymmetry that SBAIJ may lose */
#define EXACT 1e-12    /* what the order of sums may make of |y - y_AIJ| / |y_AIJ| where all bytes are read */

typedef enum { ON_CPU, ON_DEVICE, ON_CUDA } Where; /* on a device through Furl's table; through PETSc's vectors of type cuda */

typedef struct {
  const char  *name, *type, *values, *read; /* of the table; PETSc's type; what -mat_furl_values and -mat_furl_read are set to */
  Mat          A;                           /* NULL where this PETSc lacks the format */
  Where        where;
  BenchDevice *there;         /* the matrix on the device, of those of Furl's table */
  Vec          x, y;          /* vectors that the product takes */
  double       error;         /* |y - y_AIJ| / |y_AIJ| */
  double       bytes_per_row; /* of the matrix, read by one product; 0: unknown */
  double       seconds[MAX_REPEATS];
  double       conversion[CONVERSIONS]; /* on a device one only */
} Format;

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

static int Conversions(const Format *f)
{
  return f->where == ON_CPU ? CONVERSIONS : 1;
}

/* The matrix in the format, several times for the clock; f->A stays NULL where the format does not take it */
static PetscErrorCode Convert(Mat from, Format *f)
{
  PetscLogDouble start, end;

  PetscFunctionBegin;
  for (int k = 0; k < Conversions(f); k++) {
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

/* Vectors of the format, and the matrix on the device where it multiplies there */
static PetscErrorCode FormatPlace(Format *f, Vec x, Vec y)
{
  PetscInt rows;

  PetscFunctionBegin;
  if (f->where == ON_CUDA) {
    PetscCall(MatCreateVecs(f->A, &f->x, &f->y));
    PetscCall(VecCopy(x, f->x));
  } else {
    PetscCall(PetscObjectReference((PetscObject)x));
    PetscCall(PetscObjectReference((PetscObject)y));
    f->x = x;
    f->y = y;
  }
  if (f->where == ON_DEVICE) {
    PetscCall(BenchDeviceCreate(f->A, x, &f->there));
    PetscCall(MatGetLocalSize(f->A, &rows, NULL));
    f->bytes_per_row = BenchDeviceBytes(f->there) / rows;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Synchronize(const Format *f)
{
  PetscFunctionBegin;
#if defined(PETSC_HAVE_CUDA)
  PetscDeviceContext context;

  if (f->where != ON_CUDA) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscDeviceContextGetCurrentContext(&context));
  PetscCall(PetscDeviceContextSynchronize(context));
#endif
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* y = A x, that many times, to its end */
static PetscErrorCode Multiply(const Format *f, PetscInt count)
{
  PetscFunctionBegin;
  if (f->where == ON_DEVICE) PetscFunctionReturn(BenchDeviceMult(f->there, count));
  for (PetscInt k = 0; k < count; k++) PetscCall(MatMult(f->A, f->x, f->y));
  PetscCall(Synchronize(f));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FormatCheck(Format *f, Vec y, Vec reference)
{
  PetscReal norm, difference;

  PetscFunctionBegin;
  PetscCall(Multiply(f, 1));
  if (f->where == ON_DEVICE) PetscCall(BenchDeviceResult(f->there, y));
  if (f->where == ON_CUDA) PetscCall(VecCopy(f->y, y));
  PetscCall(VecAXPY(y, -1, reference));
  PetscCall(VecNorm(y, NORM_2, &difference));
  PetscCall(VecNorm(reference, NORM_2, &norm));
  f->error = difference / norm;
  PetscCheck(f->error <= EXACT || (f->read && strcmp(f->read, "all")), PETSC_COMM_SELF, PETSC_ERR_PLIB, "%s errs by %g, more than %g",
             f->name, f->error, EXACT);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FormatDestroy(Format *f)
{
  PetscFunctionBegin;
  if (f->there) PetscCall(BenchDeviceDestroy(&f->there));
  PetscCall(VecDestroy(&f->x));
  PetscCall(VecDestroy(&f->y));
  PetscCall(MatDestroy(&f->A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* As many products as fill MIN_SECONDS, after one that tells how many these are */
static PetscErrorCode TimeProduct(const Format *f, double *seconds)
{
  PetscLogDouble start, end;
  PetscInt       count = 1;

  PetscFunctionBegin;
  do {
    PetscCall(PetscTime(&start));
    PetscCall(Multiply(f, count));
    PetscCall(PetscTime(&end));
    *seconds = (end - start) / count;
    if (end - start >= MIN_SECONDS) break;
    count = (PetscInt)PetscMin(2 + 1.2 * MIN_SECONDS / PetscMax(*seconds, 1e-9), 100. * count);
  } while (PETSC_TRUE);
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

/* y += alpha x by cuBLAS, which reads two vectors and writes one; zero where PETSc's vectors are not on the device */
static PetscErrorCode TimeAxpy(PetscInt n, const Format formats[], double *bandwidth)
{
  PetscLogDouble start, end;
  const Format  *f = NULL;
  Vec            x, y;

  PetscFunctionBegin;
  *bandwidth = 0;
  for (PetscInt k = 0; k < n; k++)
    if (formats[k].A && formats[k].where == ON_CUDA) f = &formats[k];
  if (!f) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(VecCreate(PETSC_COMM_SELF, &x));
  PetscCall(VecSetSizes(x, AXPY_LENGTH, AXPY_LENGTH));
  PetscCall(VecSetType(x, "cuda"));
  PetscCall(VecSet(x, 1));
  PetscCall(VecDuplicate(x, &y));
  PetscCall(VecSet(y, 1));
  PetscCall(VecAXPY(y, 1e-9, x));
  PetscCall(Synchronize(f));
  PetscCall(PetscTime(&start));
  for (PetscInt pass = 0; pass < AXPY_PASSES; pass++) PetscCall(VecAXPY(y, 1e-9, x));
  PetscCall(Synchronize(f));
  PetscCall(PetscTime(&end));
  *bandwidth = 24. * AXPY_LENGTH * AXPY_PASSES / (end - start);
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Measure(PetscInt n, Format formats[], PetscInt repeats, PetscBool device, double *triad)
{
  double *a, *b, *c, bandwidth[MAX_REPEATS], axpy;

  PetscFunctionBegin;
  PetscCall(PetscMalloc3(TRIAD_LENGTH, &a, TRIAD_LENGTH, &b, TRIAD_LENGTH, &c));
  for (PetscInt i = 0; i < TRIAD_LENGTH; i++) a[i] = b[i] = c[i] = i;
  for (PetscInt repeat = 0; repeat < repeats; repeat++) {
    if (device) {
      PetscCall(BenchDeviceTriad(&bandwidth[repeat]));
      PetscCall(TimeAxpy(n, formats, &axpy));
      bandwidth[repeat] = PetscMax(bandwidth[repeat], axpy);
    } else {
      PetscCall(TimeTriad(a, b, c, &bandwidth[repeat]));
    }
    for (PetscInt k = 0; k < n; k++) {
      if (formats[k].A) PetscCall(TimeProduct(&formats[k], &formats[k].seconds[repeat]));
    }
  }
  *triad = BenchMedian(bandwidth, repeats);
  PetscCall(PetscFree3(a, b, c));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* One line a format; ratios are to the first, which is AIJ where this PETSc has it there */
static PetscErrorCode Report(const Problem *p, const char device[], PetscInt n, Format formats[], PetscInt repeats, double triad)
{
  char      json[PETSC_MAX_PATH_LEN];
  FILE     *stream = NULL;
  PetscInt  rows;
  PetscBool set;
  double    first = 0;

  PetscFunctionBegin;
  PetscCall(MatGetLocalSize(p->A, &rows, NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-json", json, sizeof(json), &set));
  if (set) PetscCall(PetscFOpen(PETSC_COMM_SELF, json, "a", &stream));
  PetscCall(PetscPrintf(PETSC_COMM_SELF, "%s: %d rows, %s%striad %.1f GB/s, medians of %d\n", p->title, (int)rows, device,
                        device[0] ? ", " : "", triad * 1e-9, (int)repeats));
  PetscCall(PetscPrintf(PETSC_COMM_SELF, "%-16s %8s %9s %8s %9s %9s %9s %10s\n", "format", "ns/row", "of AIJ", "B/row", "GB/s", "of triad",
                        "error", "conversion"));
  for (PetscInt k = 0; k < n; k++) {
    Format *f = &formats[k];
    if (!f->A) continue;
    const double time = BenchMedian(f->seconds, repeats), conversion = BenchMedian(f->conversion, Conversions(f)),
                 rate = (f->bytes_per_row + 16) * rows / time;
    if (first == 0) first = time;
    PetscCall(PetscPrintf(PETSC_COMM_SELF, "%-16s %8.3f %8.2fx %8.2f %9.2f %8.0f%% %9.1e %10.1f\n", f->name, time / rows * 1e9,
                          first / time, f->bytes_per_row, rate * 1e-9, rate / triad * 100, f->error, conversion / first));
    if (set)
      PetscCall(PetscFPrintf(
        PETSC_COMM_SELF, stream,
        "{\"system\": \"%s\", \"rows\": %d, \"device\": \"%s\", \"format\": \"%s\", \"ns_per_row\": %.5f, \"times_aij\": %.3f, "
        "\"bytes_per_row\": %.3f, \"gb_per_s\": %.3f, \"triad_gb_per_s\": %.3f, \"error\": \"%.2e\", \"conversion_aij_products\": %.2f}\n",
        p->title, (int)rows, f->where == ON_CPU ? "" : device, f->name, time / rows * 1e9, first / time, f->bytes_per_row, rate * 1e-9,
        triad * 1e-9, f->error, conversion / first));
  }
  if (set) PetscCall(PetscFClose(PETSC_COMM_SELF, stream));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Run(const char device[], PetscInt n, Format formats[], PetscInt repeats)
{
  Problem     p;
  Vec         x, y, reference;
  PetscRandom random;
  double      triad = 0;

  PetscFunctionBegin;
  PetscCall(ProblemCreate(PETSC_COMM_SELF, &p));
  PetscCall(MatCreateVecs(p.A, &x, &y));
  PetscCall(VecDuplicate(y, &reference));
  PetscCall(PetscRandomCreate(PETSC_COMM_SELF, &random));
  PetscCall(VecSetRandom(x, random));
  PetscCall(MatMult(p.A, x, reference));
  /* the height that PETSc's vectorised CPU kernel takes; a PETSc with CUDA has another default and fails */
  PetscCall(PetscOptionsSetValue(NULL, "-mat_sell_slice_height", "8"));
  for (PetscInt k = 0; k < n; k++) {
    PetscCall(FormatCreate(p.A, &formats[k]));
    if (!formats[k].A) continue;
    PetscCall(FormatPlace(&formats[k], x, y));
    PetscCall(FormatCheck(&formats[k], y, reference));
  }
  PetscCall(Measure(n, formats, repeats, (PetscBool)(device[0] != 0), &triad));
  PetscCall(Report(&p, device, n, formats, repeats, triad));
  for (PetscInt k = 0; k < n; k++) PetscCall(FormatDestroy(&formats[k]));
  PetscCall(PetscRandomDestroy(&random));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&reference));
  PetscCall(ProblemDestroy(&p));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Format      on_cpu[]    = {{.name = "aij", .type = MATSEQAIJ},
                             {.name = "sbaij", .type = MATSBAIJ},
                             {.name = "baij", .type = MATBAIJ},
                             {.name = "sell", .type = MATSELL},
                             {.name = "aijperm", .type = MATSEQAIJPERM},
                             {.name = "aijmkl", .type = "seqaijmkl"},
                             {.name = "furl", .type = "furl", .values = "raw", .read = "all"},
                             {.name = "furl planes", .type = "furl", .values = "planes", .read = "all"},
                             {.name = "furl second", .type = "furl", .values = "planes", .read = "second"},
                             {.name = "furl head", .type = "furl", .values = "planes", .read = "head"}};
  Format      on_device[] = {{.name = "aijcusparse", .type = "seqaijcusparse", .where = ON_CUDA},
                             {.name = "furl", .type = "furl", .values = "raw", .read = "all", .where = ON_DEVICE},
                             {.name = "furl planes", .type = "furl", .values = "planes", .read = "all", .where = ON_DEVICE},
                             {.name = "furl second", .type = "furl", .values = "planes", .read = "second", .where = ON_DEVICE},
                             {.name = "furl head", .type = "furl", .values = "planes", .read = "head", .where = ON_DEVICE},
                             {.name = "aij on the CPU", .type = MATSEQAIJ}};
  PetscInt    repeats     = 11;
  char        name[64], title[256] = "";
  PetscBool   device;
  PetscMPIInt size;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  PetscCheck(size == 1, PETSC_COMM_WORLD, PETSC_ERR_WRONG_MPI_SIZE, "This measures one core or one device; run it on one rank");
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-repeats", &repeats, NULL));
  PetscCheck(repeats >= 1 && repeats <= MAX_REPEATS, PETSC_COMM_WORLD, PETSC_ERR_ARG_OUTOFRANGE,
             "-repeats %" PetscInt_FMT " is not in 1..%d", repeats, MAX_REPEATS);
  PetscCall(PetscOptionsGetString(NULL, NULL, "-bench_device", name, sizeof(name), &device));
  PetscCheck(!device || BenchDeviceOpen, PETSC_COMM_WORLD, PETSC_ERR_SUP, "-bench_device %s: this program does not link Furl's objects",
             name);
  if (device) {
    PetscCall(BenchDeviceOpen(name, title, sizeof(title)));
    PetscCall(Run(title, PETSC_STATIC_ARRAY_LENGTH(on_device), on_device, repeats));
  } else {
    PetscCall(Run("", PETSC_STATIC_ARRAY_LENGTH(on_cpu), on_cpu, repeats));
  }
  PetscCall(PetscFinalize());
  return 0;
}
