/*
  Slices of few materials that return are laid out for products: these are right, with entries of x that are infinite, too; after values
  have changed, all or a few, and after the slices have been a stream of bytes. What is read back is the matrix.
*/
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <furl/kernel.h>
#include <furl/slices.h>
#include "../../../src/mat/format/expanded.h"
#include "../../../src/mat/format/serial.h"
#include "../../../src/mat/kernels/matmultargs.h"
#include "../../../src/pc/kernels/cycleargs.h"

#define CHECK(condition, ...)              \
  if (!(condition)) {                      \
    fprintf(stderr, __VA_ARGS__), exit(1); \
  }

#define NX 64
#define NY 37
#define NZ 23
#define ROWS (NX * NY * NZ)

typedef struct {
  PetscInt rowptr[ROWS + 1], column[7 * ROWS];
  double   value[7 * ROWS];
} Rows;

/* Blocks of five cells, of materials that conduct by powers of `contrast` */
static double Conductivity(const int c[3], double contrast)
{
  return pow(contrast, (c[0] / 5 + 2 * (c[1] / 5) + 3 * (c[2] / 5)) % 4);
}

/* 7 points, harmonic means, no flow through the faces of the box but a sink everywhere */
static void Assemble(double contrast, Rows *r)
{
  PetscInt n = 0;

  for (int i = 0; i < ROWS; i++) {
    const int    c[3] = {i % NX, i / NX % NY, i / (NX * NY)}, size[3] = {NX, NY, NZ}, stride[3] = {1, NX, NX * NY};
    const double here   = Conductivity(c, contrast);
    double       sum    = .5;
    PetscInt     middle = n;

    r->rowptr[i] = n;
    for (int t = -3; t <= 3; t++) {
      const int d = abs(t) - 1, ahead = t < 0 ? -1 : 1;
      int       other[3] = {c[0], c[1], c[2]};

      if (!t) {
        middle         = n;
        r->column[n++] = i;
        continue;
      }
      other[d] += ahead;
      if (other[d] < 0 || other[d] >= size[d]) continue;
      r->column[n]  = i + ahead * stride[d];
      r->value[n++] = -2 / (1 / here + 1 / Conductivity(other, contrast));
      sum -= r->value[n - 1];
    }
    r->value[middle] = sum;
  }
  r->rowptr[ROWS] = n;
}

static void CheckBits(const Rows *r, const FurlSlices *slices)
{
  const FurlSlicesView view = FurlSlicesGetView(slices);
  PetscInt             column[7];
  double               value[7];

  for (int64_t i = 0; i < ROWS; i++) {
    const PetscInt first = r->rowptr[i], n = r->rowptr[i + 1] - first;

    CHECK(FurlSlicesDecodeRow(&view, i, column, value) == n, "row %ld: length\n", (long)i);
    CHECK(!memcmp(column, r->column + first, (size_t)n * sizeof(*column)), "row %ld: columns\n", (long)i);
    CHECK(!memcmp(value, r->value + first, (size_t)n * sizeof(*value)), "row %ld: values\n", (long)i);
  }
}

/* Row i times x, and the sum of the absolute values of its terms */
static double RowSum(const Rows *r, int64_t i, const double *x, double *absolute)
{
  double sum = 0;

  *absolute = 0;
  for (PetscInt k = r->rowptr[i]; k < r->rowptr[i + 1]; k++) {
    sum += r->value[k] * x[r->column[k]];
    *absolute += fabs(r->value[k] * x[r->column[k]]);
  }
  return sum;
}

static void CheckProduct(const Rows *r, const FurlSlices *slices, const double *x)
{
  static double   y[ROWS];
  FurlMatMultArgs args = {.diagonal = FurlSlicesGetView(slices), .x = x, .y = y, .read = 2};

  FurlLaunch(&FurlKernelFurlMatMult, &args, slices->nslices);
  for (int64_t i = 0; i < ROWS; i++) {
    double       absolute;
    const double sum = RowSum(r, i, x, &absolute);

    if (isfinite(absolute)) {
      CHECK(fabs(y[i] - sum) <= 9 * 0x1p-52 * absolute, "row %ld: %g instead of %g\n", (long)i, y[i], sum);
    } else
      CHECK(!isfinite(y[i]), "row %ld: %g though x is infinite\n", (long)i, y[i]);
  }
}

/* The body for FP32 vectors */
static void CheckLow(const Rows *r, const FurlSlices *slices)
{
  static float     x[ROWS], y[ROWS + FURL_WIDTH];
  static double    exact[ROWS];
  FurlTransferArgs args = {.product = {.diagonal = FurlSlicesGetView(slices), .x = x}, .y = y};

  for (int j = 0; j < ROWS; j++) exact[j] = x[j] = (float)sin(j);
  FurlLaunch(&FurlKernelFurlTransfer, &args, slices->nslices);
  for (int64_t i = 0; i < ROWS; i++) {
    double       absolute;
    const double sum = RowSum(r, i, exact, &absolute);

    CHECK(fabs(y[i] - sum) <= 9 * 0x1p-23 * absolute, "row %ld: %g instead of %g in FP32\n", (long)i, y[i], sum);
  }
}

/* Both with a finite x and with one that is not in some rows, at the ends too */
static void Check(const Rows *r, const FurlSlices *slices, int returns)
{
  static double x[ROWS];

  CHECK(!returns || slices->expanded.used >= 15 * 7 * FURL_WIDTH, "%ld doubles are laid out\n", (long)slices->expanded.used);
  CheckBits(r, slices);
  for (int j = 0; j < ROWS; j++) x[j] = sin(j);
  CheckProduct(r, slices, x);
  CheckLow(r, slices);
  for (int j = 0; j < ROWS; j += 1237) x[j] = INFINITY;
  x[ROWS - 1] = NAN;
  CheckProduct(r, slices, x);
}

static void CheckStream(const Rows *r, const FurlSlices *slices)
{
  const size_t n     = FurlSerialBytes(slices);
  void *const  bytes = malloc(n);
  FurlSlices   back;

  CHECK(bytes, "no memory\n");
  FurlSerialWrite(slices, bytes);
  CHECK(!FurlSerialRead(&back, bytes, n), "the stream is not read\n");
  CHECK(!back.expanded.used, "laid out before it was asked for\n");
  CheckBits(r, &back);
  FurlSlicesExpand(&back);
  CHECK(back.expanded.used == slices->expanded.used, "laid out otherwise\n");
  Check(r, &back, 1);
  FurlSlicesFree(&back);
  free(bytes);
}

int main(void)
{
  static Rows        r;
  const FurlEncoding encoding = {.store = FURL_STORE_RAW, .describe = 1};
  const FurlCsr      csr      = {ROWS, ROWS, r.rowptr, r.column, r.value};
  FurlSlices         slices;
  size_t             rows;

  Assemble(10, &r);
  CHECK(!FurlSlicesEncode(&csr, &encoding, &slices), "not encoded\n");
  Check(&r, &slices, 1);
  CheckStream(&r, &slices);
  Assemble(17, &r); /* all values, in place */
  rows = slices.row.used;
  CHECK(!FurlSlicesReencode(&csr, &encoding, &slices), "not encoded\n");
  CHECK(slices.row.used == rows, "%ld rows in the dictionary, %ld before\n", (long)slices.row.used, (long)rows);
  Check(&r, &slices, 1);
  for (int k = 0; k < 700; k++) r.value[7000 + k] *= 1.25; /* a few */
  CHECK(!FurlSlicesReencode(&csr, &encoding, &slices), "not encoded\n");
  Check(&r, &slices, 1);
  for (PetscInt k = 0; k < r.rowptr[ROWS]; k++) r.value[k] *= 1 + 1e-3 * sin((double)k); /* nothing returns any more */
  CHECK(!FurlSlicesReencode(&csr, &encoding, &slices), "not encoded\n");
  Check(&r, &slices, 0);
  CHECK(!slices.expanded.used, "laid out though nothing returns\n");
  FurlSlicesFree(&slices);
  return 0;
}

/*TEST

  build:
    requires: static

  test:
    env: FURL_ISA={{base v3 v4}}

TEST*/
