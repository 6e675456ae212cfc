/*
  Block rows whose union of blocks is longer than any row; patterns of which one slot repeats its values and the others do not, so that the
  dictionary is judged in the middle of a slice: encoded, and read back bit for bit
*/
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <furl/slices.h>
#include <furl/planes.h>

#define CHECK(condition, ...)              \
  if (!(condition)) {                      \
    fprintf(stderr, __VA_ARGS__), exit(1); \
  }

typedef struct {
  PetscInt *rowptr, *column;
  double   *value;
  FurlCsr   csr;
} Rows;

static Rows Allocate(int64_t nrows, int64_t ncols, int64_t nnz)
{
  Rows m = {.rowptr = calloc((size_t)nrows + 1, sizeof(PetscInt)),
            .column = calloc((size_t)nnz, sizeof(PetscInt)),
            .value  = calloc((size_t)nnz, sizeof(double))};

  m.csr = (FurlCsr){nrows, ncols, m.rowptr, m.column, m.value};
  return m;
}

static void CheckBack(Rows *m, const char *name)
{
  const FurlEncoding encoding = {.store = FURL_STORE_RAW};
  PetscInt *const    column   = calloc((size_t)m->csr.ncols, sizeof(*column));
  double *const      value    = calloc((size_t)m->csr.ncols, sizeof(*value));
  FurlSlices         slices;
  FurlSlicesView     view;

  CHECK(!FurlSlicesEncode(&m->csr, &encoding, &slices), "%s: not encoded\n", name);
  view = FurlSlicesGetView(&slices);
  for (int64_t i = 0; i < m->csr.nrows; i++) {
    const PetscInt first = m->rowptr[i], n = m->rowptr[i + 1] - first;

    CHECK(FurlSlicesDecodeRow(&view, i, column, value) == n, "%s: row %ld has another length\n", name, (long)i);
    CHECK(!memcmp(column, m->column + first, (size_t)n * sizeof(*column)), "%s: columns of row %ld\n", name, (long)i);
    CHECK(!memcmp(value, m->value + first, (size_t)n * sizeof(*value)), "%s: values of row %ld\n", name, (long)i);
  }
  FurlSlicesFree(&slices);
  free(value);
  free(column);
  free(m->value);
  free(m->column);
  free(m->rowptr);
}

/* Pairs of rows with 2 x 2 blocks in common; in one pair the first row has the even blocks of a long list and the second one the odd ones
 */
static void CheckUnion(void)
{
  enum { PAIRS = 160, BLOCKS = 300, LONG = 1100 };
  Rows m = Allocate(2 * PAIRS, 4 * LONG, 2 * PAIRS * 2 * BLOCKS + LONG);
  int  n = 0;

  for (int i = 0; i < 2 * PAIRS; i++) {
    const int torn = i / 2 == PAIRS / 2, count = torn ? LONG : BLOCKS;

    for (int b = 0; b < count; b++)
      for (int d = 0; d < 2; d++) {
        if (torn && (d || b % 2 != i % 2)) continue;
        m.column[n]  = (torn ? 2 * b : 2 * (5 * b + i / 2 % 5)) + d;
        m.value[n++] = drand48();
      }
    m.rowptr[i + 1] = n;
  }
  CheckBack(&m, "a union of blocks");
}

static void CheckPattern(int ndiagonals)
{
  enum { ROWS = 3200, STEP = 7, DIFFERENT = 50 };
  Rows m = Allocate(ROWS, ROWS + STEP * ndiagonals, (int64_t)ROWS * ndiagonals);
  int  n = 0;

  for (int i = 0; i < ROWS; i++) {
    for (int k = 0; k < ndiagonals; k++) {
      m.column[n]  = i + STEP * k;
      m.value[n++] = k ? drand48() : 1 + i * STEP % DIFFERENT;
    }
    m.rowptr[i + 1] = n;
  }
  CheckBack(&m, "a pattern with a dictionary");
}

int main(void)
{
  srand48(3);
  CheckUnion();
  for (int ndiagonals = 2; ndiagonals < 30; ndiagonals++) CheckPattern(ndiagonals);
  return 0;
}

/*TEST

  build:
    requires: static

  test:

TEST*/
