/*
  Slices that are encoded again in their own memory hold the bits of the new rows, and what is told of the matrix is what a pass that stores
  nothing finds: where values change here and there, all of them, to constants and back, of one slice, of one entry with
  or without its mirror, where entries come and go, where nothing changes: then nothing is written.
  Argument: number of matrices
*/
#include "fuzz.h"

#define ROUNDS 12

#define CHECK(condition, ...)              \
  if (!(condition)) {                      \
    fprintf(stderr, __VA_ARGS__), exit(1); \
  }

/* The entry in row j and column i, or NULL */
static double *Mirror(FuzzMatrix *m, int64_t i, int64_t j)
{
  for (PetscInt k = j < m->csr.nrows ? m->rowptr[j] : 0; j < m->csr.nrows && k < m->rowptr[j + 1]; k++)
    if (m->column[k] == i) return m->value + k;
  return NULL;
}

/* A change of one entry, perhaps with its mirror; of its sign, of all rows of its slice, or of the diagonal there to one sign */
static void ChangeFew(FuzzMatrix *m, uint64_t *state)
{
  const int     kind = FuzzBelow(state, 6), family = FuzzBelow(state, FUZZ_FAMILIES);
  const int64_t row = FuzzBelow(state, (int)m->csr.nrows), first = row / FURL_WIDTH * FURL_WIDTH;

  for (int64_t i = kind < 3 ? row : first; i < m->csr.nrows && i < (kind < 3 ? row + 1 : first + FURL_WIDTH); i++)
    for (PetscInt k = m->rowptr[i]; k < m->rowptr[i + 1]; k++) {
      double *const v = m->value + k, *const mirror = Mirror(m, i, m->column[k]);

      if (kind < 3 && k > m->rowptr[i] && FuzzBelow(state, 2)) continue;
      if (kind == 0) *v = FuzzValue(state, family);
      if (kind == 1 && mirror) *mirror = *v = FuzzValue(state, family);
      if (kind == 2 || kind == 3) *v = -*v;
      if (kind == 4) *v = FuzzValue(state, family);
      if (kind == 5 && m->column[k] == i) *v = fabs(*v) + 1;
    }
}

/* A change of values: of all, of some, of one row in ten; to few different ones; times a power of two */
static void ChangeValues(FuzzMatrix *m, uint64_t *state)
{
  const int kind = FuzzBelow(state, 6), family = FuzzBelow(state, FUZZ_FAMILIES);

  for (int64_t i = 0; i < m->csr.nrows; i++) {
    const int this_row = !FuzzBelow(state, 10);

    for (PetscInt k = m->rowptr[i]; k < m->rowptr[i + 1]; k++) {
      double *const v = m->value + k;

      if (kind == 1) *v = FuzzValue(state, family);
      if (kind == 2 && !FuzzBelow(state, 50)) *v = FuzzValue(state, family);
      if (kind == 3 && this_row) *v = FuzzValue(state, family);
      if (kind == 4) *v = m->column[k] == i ? 2 : -1;
      if (kind == 5) *v *= 2;
    }
  }
}

/* The last entries of some rows go: all others stay where they are */
static void ChangePattern(FuzzMatrix *m, uint64_t *state)
{
  PetscInt n = 0, k = 0;

  for (int64_t i = 0; i < m->csr.nrows; i++) {
    const PetscInt end = m->rowptr[i + 1] - (m->rowptr[i + 1] > k && !FuzzBelow(state, 40));

    for (; k < end; k++) m->column[n] = m->column[k], m->value[n++] = m->value[k];
    k                = m->rowptr[i + 1];
    m->rowptr[i + 1] = n;
  }
}

/* The last entry of some rows moves on by a column: rows keep their lengths */
static void MoveColumns(FuzzMatrix *m, uint64_t *state)
{
  for (int64_t i = 0; i < m->csr.nrows; i++) {
    const PetscInt last = m->rowptr[i + 1] - 1;

    if (last >= m->rowptr[i] && m->column[last] + 1 < m->csr.ncols && !FuzzBelow(state, 60)) m->column[last]++;
  }
}

static void CheckRows(const FuzzMatrix *m, const FurlSlices *slices, long number, int round)
{
  static PetscInt      column[FUZZ_MOST_NNZ];
  static double        value[FUZZ_MOST_NNZ];
  const FurlSlicesView view = FurlSlicesGetView(slices);

  CHECK(slices->nnz == m->rowptr[m->csr.nrows], "matrix %ld, round %d: other number of entries\n", number, round);
  for (int64_t i = 0; i < m->csr.nrows; i++) {
    const PetscInt first = m->rowptr[i];
    const int64_t  n     = FurlSlicesDecodeRow(&view, i, column, value);

    CHECK(n == m->rowptr[i + 1] - first, "matrix %ld, round %d, row %ld: %ld entries\n", number, round, (long)i, (long)n);
    CHECK(!n || (!memcmp(column, m->column + first, (size_t)n * sizeof(*column)) &&
                 !memcmp(value, m->value + first, (size_t)n * sizeof(*value))),
          "matrix %ld, round %d, row %ld: other columns or bits\n", number, round, (long)i);
  }
}

static void CheckDescription(const FuzzMatrix *m, const FurlSlices *slices, long number, int round)
{
  FurlSlices alone;

  FurlSlicesInit(&alone, 0, 0);
  CHECK(!FurlSlicesDescribe(&m->csr, &alone), "matrix %ld: not described\n", number);
  CHECK(alone.fingerprint == slices->fingerprint && alone.not_positive == slices->not_positive &&
          alone.not_negative == slices->not_negative && alone.lone.used == slices->lone.used &&
          (!alone.lone.used || !memcmp(alone.lone.data, slices->lone.data, alone.lone.used * sizeof(int32_t))),
        "matrix %ld, round %d: described otherwise than it is\n", number, round);
  FurlSlicesFree(&alone);
}

int main(int argc, char **argv)
{
  const long        count = argc > 1 ? atol(argv[1]) : 1500;
  static FuzzMatrix m;
  uint64_t          state = 20241129;

  for (long number = 0; number < count; number++) {
    FurlEncoding encoding = {.store = number % 2 ? FURL_STORE_PLANES : FURL_STORE_RAW};
    FurlSlices   slices;

    FuzzGenerate(&m, &state, FuzzBelow(&state, FUZZ_FAMILIES));
    encoding.describe = m.csr.nrows == m.csr.ncols;
    CHECK(!FurlSlicesEncode(&m.csr, &encoding, &slices), "matrix %ld: not encoded\n", number);
    for (int round = 0; round < ROUNDS; round++) {
      CHECK(!FurlSlicesReencode(&m.csr, &encoding, &slices) && !slices.written, "matrix %ld, round %d: %ld slices written\n", number, round,
            (long)slices.written);
      if (m.csr.nrows && FuzzBelow(&state, 2))
        ChangeFew(&m, &state);
      else if (FuzzBelow(&state, 2))
        ChangeValues(&m, &state);
      if (!FuzzBelow(&state, 6)) ChangePattern(&m, &state);
      if (!FuzzBelow(&state, 6)) MoveColumns(&m, &state);
      CHECK(!FurlSlicesReencode(&m.csr, &encoding, &slices), "matrix %ld, round %d: not encoded again\n", number, round);
      CheckRows(&m, &slices, number, round);
      if (encoding.describe) CheckDescription(&m, &slices, number, round);
    }
    FurlSlicesFree(&slices);
  }
  return 0;
}

/*TEST

  build:
    requires: static

  test:
    env: FURL_ISA={{base v3 v4}}

TEST*/
