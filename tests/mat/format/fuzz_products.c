/*
  The product of encoded matrices against a plain loop over the rows, within rounding bounds, for every store and every read, with the
  instruction set of FURL_ISA; and rows do not see entries of x in columns that they do not have. Argument: number of matrices
*/
#include "fuzz.h"
#include "../../../src/mat/kernels/matmultargs.h"

#define CHECK(condition, ...)              \
  if (!(condition)) {                      \
    fprintf(stderr, __VA_ARGS__), exit(1); \
  }

/* Exponents that heads can follow; wider ranges are the business of fuzz_bits_survive.c */
static int Family(uint64_t *state)
{
  static const int family[] = {FUZZ_ORDINARY, FUZZ_FEW, FUZZ_SHORT, FUZZ_EDGES};

  return family[FuzzBelow(state, 4)];
}

/* |y - A x| <= (eps + (n + 2) 2^-52) |A| |x| + floor: eps of the planes read, floor for entries below the window of their slot */
static void CheckProduct(const FuzzMatrix *m, const double *x, const double *z, const double *y, double eps, double largest, long number,
                         int store, int read)
{
  for (int64_t i = 0; i < m->csr.nrows; i++) {
    double sum = z ? z[i] : 0, absolute = z ? fabs(z[i]) : 0, sum_x = 0;
    int    finite = 1;

    for (PetscInt k = m->rowptr[i]; k < m->rowptr[i + 1]; k++) {
      sum += m->value[k] * x[m->column[k]];
      absolute += fabs(m->value[k] * x[m->column[k]]);
      sum_x += fabs(x[m->column[k]]);
      finite &= isfinite(x[m->column[k]]) != 0;
    }
    const double n     = (double)(m->rowptr[i + 1] - m->rowptr[i]);
    const double bound = absolute * (eps + (n + 2) * 0x1p-52) + (eps > 0 ? largest * 0x1p-28 * sum_x : 0);

    if (finite)
      CHECK(fabs(y[i] - sum) <= bound, "matrix %ld store %d read %d row %ld: %g instead of %g, bound %g\n", number, store, read, (long)i,
            y[i], sum, bound);
  }
}

/* Runs the product; returns x'y of a square matrix, 0 of another */
static double Multiply(const FuzzMatrix *m, int64_t nslices, FurlMatMultArgs args)
{
  double *const partial = calloc((size_t)nslices + 1, sizeof(*partial));
  double        dot     = 0;

  args.partial = m->csr.nrows == m->csr.ncols ? partial : NULL;
  FurlLaunch(&FurlKernelFurlMatMult, &args, nslices);
  for (int64_t s = 0; s < nslices; s++) dot += partial[s];
  free(partial);
  return dot;
}

static void CheckDot(const FuzzMatrix *m, const double *x, const double *y, double dot, long number)
{
  double sum = 0, absolute = 0;

  if (m->csr.nrows != m->csr.ncols) return;
  for (int64_t i = 0; i < m->csr.nrows; i++) {
    sum += x[i] * y[i];
    absolute += fabs(x[i] * y[i]);
  }
  if (isfinite(absolute)) CHECK(fabs(sum - dot) <= absolute * (double)m->csr.nrows * 0x1p-52, "matrix %ld: dot %g %g\n", number, dot, sum);
}

static void CheckMatrix(const FuzzMatrix *m, uint64_t *state, long number)
{
  /* exactly as long as they must be, so that a sanitizer sees a read beyond */
  double *const x       = malloc((size_t)m->csr.ncols * sizeof(*x) + 1);
  double *const y       = malloc((size_t)m->csr.nrows * sizeof(*y) + 1);
  double *const z       = malloc((size_t)m->csr.nrows * sizeof(*z) + 1);
  const double  eps[3]  = {0x1p-11, 0x1p-23, 0};
  double        largest = 0, dot;

  for (int64_t j = 0; j < m->csr.ncols; j++) x[j] = FuzzUniform(state) - 0.5;
  for (int64_t i = 0; i < m->csr.nrows; i++) z[i] = FuzzUniform(state) - 0.5;
  if (FuzzBelow(state, 2)) x[FuzzBelow(state, (int)m->csr.ncols)] = FuzzBelow(state, 2) ? INFINITY : NAN;
  for (PetscInt k = 0; k < m->rowptr[m->csr.nrows]; k++) largest = fmax(largest, fabs(m->value[k]));
  for (int store = FURL_STORE_RAW; store <= FURL_STORE_HEADS; store++) {
    const FurlEncoding encoding = {.store = (FurlStore)store};
    FurlSlices         slices;

    CHECK(!FurlSlicesEncode(&m->csr, &encoding, &slices), "matrix %ld: not encoded\n", number);
    for (int read = 0; read < 3; read++) {
      const double          bound = store == FURL_STORE_RAW ? 0 : store == FURL_STORE_HEADS ? eps[0] : eps[read];
      double *const         add   = FuzzBelow(state, 2) ? z : NULL;
      const FurlMatMultArgs args  = {.diagonal = FurlSlicesGetView(&slices), .x = x, .z = add, .y = y, .read = read};

      dot = Multiply(m, slices.nslices, args);
      CheckProduct(m, x, add, y, bound, largest, number, store, read);
      CheckDot(m, x, y, dot, number);
    }
    FurlSlicesFree(&slices);
  }
  free(z);
  free(y);
  free(x);
}

int main(int argc, char **argv)
{
  const long        count = argc > 1 ? atol(argv[1]) : 3000;
  static FuzzMatrix m;
  uint64_t          state = 11;

  for (long number = 0; number < count; number++) {
    FuzzGenerate(&m, &state, Family(&state));
    if (m.csr.ncols > 0) CheckMatrix(&m, &state, number);
  }
  return 0;
}

/*TEST

  build:
    requires: static

  test:
    env: FURL_ISA={{base v3 v4}}

TEST*/
