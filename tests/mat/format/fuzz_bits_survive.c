/* Encoded matrices decode to their very bits (stores raw and planes), heads to within 2^-11 of their slot. Argument: number of matrices */
#include "fuzz.h"

#define CHECK(condition, ...)              \
  if (!(condition)) {                      \
    fprintf(stderr, __VA_ARGS__), exit(1); \
  }

static int SameBits(double a, double b)
{
  return FurlDoubleToBits(a) == FurlDoubleToBits(b);
}

/* Heads: relative 2^-11 where the value lies within the 30 binades below the largest of the matrix, absolute below; denormals have no head
 */
static int IsRounded(double value, double head, double largest)
{
  const double bound = fabs(value) > fmax(largest * 0x1p-29, 0x1p-1020) ? fabs(value) * 0x1p-11 : fmax(largest * 0x1p-29, 0x1p-1020);

  return SameBits(value, head) || (isfinite(value) && fabs(value - head) <= bound);
}

static void CheckRows(const FuzzMatrix *m, const FurlSlices *slices, FurlStore store, long number)
{
  const FurlSlicesView view = FurlSlicesGetView(slices);
  static PetscInt      column[FUZZ_MOST_NNZ];
  static double        value[FUZZ_MOST_NNZ];
  double               largest = 0;

  for (PetscInt k = 0; k < m->rowptr[m->csr.nrows]; k++)
    if (isfinite(m->value[k])) largest = fmax(largest, fabs(m->value[k]));
  for (int64_t i = 0; i < m->csr.nrows; i++) {
    const PetscInt first = m->rowptr[i], n = m->rowptr[i + 1] - first;

    CHECK(FurlSlicesDecodeRow(&view, i, NULL, NULL) == n, "matrix %ld store %d row %ld: wrong length\n", number, (int)store, (long)i);
    CHECK(FurlSlicesDecodeRow(&view, i, column, value) == n, "matrix %ld store %d row %ld: wrong length\n", number, (int)store, (long)i);
    CHECK(!memcmp(column, m->column + first, (size_t)n * sizeof(*column)), "matrix %ld store %d row %ld: columns differ\n", number,
          (int)store, (long)i);
    for (PetscInt k = 0; k < n; k++) {
      const double v = m->value[first + k];

      CHECK(store == FURL_STORE_HEADS ? IsRounded(v, value[k], largest) : SameBits(v, value[k]),
            "matrix %ld store %d row %ld entry %ld: %a decoded as %a\n", number, (int)store, (long)i, (long)k, v, value[k]);
    }
  }
}

int main(int argc, char **argv)
{
  const long        count = argc > 1 ? atol(argv[1]) : 10000;
  static FuzzMatrix m;
  uint64_t          state                    = 20240607;
  long              kinds[FURL_VALUES_COUNT] = {0}, columns[FURL_COLUMNS_COUNT] = {0};

  for (long number = 0; number < count; number++) {
    FuzzGenerate(&m, &state, FuzzBelow(&state, FUZZ_FAMILIES));
    for (int store = FURL_STORE_RAW; store <= FURL_STORE_HEADS; store++) {
      const FurlEncoding encoding = {.store = (FurlStore)store};
      FurlSlices         slices;
      FurlSlicesReport   report;

      CHECK(!FurlSlicesEncode(&m.csr, &encoding, &slices), "matrix %ld: not encoded\n", number);
      CHECK(slices.nnz == m.rowptr[m.csr.nrows], "matrix %ld: entries lost\n", number);
      CheckRows(&m, &slices, (FurlStore)store, number);
      report = FurlSlicesGetReport(&slices);
      for (int k = 0; k < FURL_VALUES_COUNT; k++) kinds[k] += report.slots[k] > 0;
      for (int k = 0; k < FURL_COLUMNS_COUNT; k++) columns[k] += report.slices[k] > 0;
      FurlSlicesFree(&slices);
    }
  }
  for (int k = 0; k < FURL_VALUES_COUNT; k++) CHECK(count < 1000 || kinds[k], "No matrix had values of kind %d\n", k);
  for (int k = 0; k < FURL_COLUMNS_COUNT; k++) CHECK(count < 1000 || columns[k], "No matrix had columns of kind %d\n", k);
  return 0;
}

/*TEST

  build:
    requires: static

  test:
    env: FURL_ISA={{base v3 v4}}
    timeoutfactor: 3

TEST*/
