/*
  What the encoder tells of square matrices is what a search of their entries finds: the fingerprint is zero where the matrix is its own
  transpose bit for bit, zeros apart, and only there; the lone rows; the signs of the diagonal of the other rows. Argument: number of
  matrices
*/
#include "fuzz.h"

#define CHECK(condition, ...)              \
  if (!(condition)) {                      \
    fprintf(stderr, __VA_ARGS__), exit(1); \
  }

/* The entry (i, j), or NULL */
static double *Find(FuzzMatrix *m, int64_t i, int64_t j)
{
  for (PetscInt k = m->rowptr[i]; k < m->rowptr[i + 1]; k++)
    if (m->column[k] == j) return m->value + k;
  return NULL;
}

static int IsSymmetric(FuzzMatrix *m)
{
  for (int64_t i = 0; i < m->csr.nrows; i++)
    for (PetscInt k = m->rowptr[i]; k < m->rowptr[i + 1]; k++) {
      const double *const mirror = Find(m, m->column[k], i);

      if (m->value[k] == 0 && (!mirror || *mirror == 0)) continue;
      if (!mirror || FurlDoubleToBits(*mirror) != FurlDoubleToBits(m->value[k])) return 0;
    }
  return 1;
}

static int IsLone(FuzzMatrix *m, int64_t i)
{
  const double *const diagonal = Find(m, i, i);

  for (PetscInt k = m->rowptr[i]; k < m->rowptr[i + 1]; k++)
    if (m->column[k] != i && m->value[k] != 0) return 0;
  return diagonal && (*diagonal > 0 || *diagonal < 0);
}

/* Some rows lose all but their diagonal, or only their values; a square matrix stays so */
static void Thin(FuzzMatrix *m, uint64_t *state)
{
  for (int64_t i = 0; i < m->csr.nrows; i++)
    for (PetscInt k = m->rowptr[i]; !FuzzBelow(state, 9) && k < m->rowptr[i + 1]; k++)
      if (m->column[k] != i) m->value[k] = 0;
}

/* One entry beside the diagonal moves by a bit, as far as there is one */
static int Disturb(FuzzMatrix *m, uint64_t *state)
{
  const PetscInt nnz = m->rowptr[m->csr.nrows];
  PetscInt       k   = nnz ? FuzzBelow(state, (int)nnz) : 0;
  int64_t        i   = 0;

  if (!nnz) return 0;
  while (m->rowptr[i + 1] <= k) i++;
  m->value[k] = FurlDoubleFromBits(FurlDoubleToBits(m->value[k]) ^ 1);
  return m->column[k] != i && m->value[k] != 0;
}

/* The pass that stores nothing sees the same */
static void DescribeAlone(const FuzzMatrix *m, const FurlSlices *encoded, long number)
{
  FurlSlices alone;

  FurlSlicesInit(&alone, 0, 0);
  CHECK(!FurlSlicesDescribe(&m->csr, &alone), "matrix %ld: not described\n", number);
  CHECK(alone.fingerprint == encoded->fingerprint && alone.not_positive == encoded->not_positive &&
          alone.not_negative == encoded->not_negative && alone.lone.used == encoded->lone.used &&
          (!alone.lone.used || !memcmp(alone.lone.data, encoded->lone.data, alone.lone.used * sizeof(int32_t))),
        "matrix %ld: described otherwise than encoded\n", number);
  FurlSlicesFree(&alone);
}

static int Describe(FuzzMatrix *m, FurlStore store, long number)
{
  const FurlEncoding encoding     = {.store = store, .describe = 1};
  int                not_positive = 0, not_negative = 0, symmetric;
  size_t             nlone = 0;
  FurlSlices         slices;

  CHECK(!FurlSlicesEncode(&m->csr, &encoding, &slices), "matrix %ld: not encoded\n", number);
  for (int64_t i = 0; i < m->csr.nrows; i++) {
    const double *const diagonal = Find(m, i, i);

    if (IsLone(m, i)) {
      CHECK(nlone < slices.lone.used && ((int32_t *)slices.lone.data)[nlone] == i, "matrix %ld: row %ld is lone\n", number, (long)i);
      nlone++;
      continue;
    }
    not_positive |= !diagonal || !(*diagonal > 0);
    not_negative |= !diagonal || !(*diagonal < 0);
  }
  CHECK(nlone == slices.lone.used, "matrix %ld: %zu lone rows, expected %zu\n", number, slices.lone.used, nlone);
  CHECK(not_positive == slices.not_positive && not_negative == slices.not_negative, "matrix %ld: signs of the diagonal\n", number);
  symmetric = IsSymmetric(m);
  CHECK(symmetric == !slices.fingerprint, "matrix %ld is %s, its fingerprint %llx\n", number, symmetric ? "symmetric" : "not symmetric",
        (unsigned long long)slices.fingerprint);
  DescribeAlone(m, &slices, number);
  FurlSlicesFree(&slices);
  return symmetric;
}

int main(int argc, char **argv)
{
  const long        count = argc > 1 ? atol(argv[1]) : 3000;
  static FuzzMatrix m;
  uint64_t          state     = 20240811;
  long              symmetric = 0, disturbed = 0;

  for (long number = 0; number < count; number++) {
    const FurlStore store = number % 2 ? FURL_STORE_PLANES : FURL_STORE_RAW;

    FuzzGenerate(&m, &state, FuzzBelow(&state, FUZZ_FAMILIES));
    if (m.csr.nrows > m.csr.ncols) m.csr.nrows = m.csr.ncols;
    m.csr.ncols = m.csr.nrows;
    for (int64_t i = 0, n = 0, k = 0; i < m.csr.nrows; i++) { /* columns beyond the rows go */
      for (; k < m.rowptr[i + 1]; k++)
        if (m.column[k] < m.csr.ncols) m.column[n] = m.column[k], m.value[n++] = m.value[k];
      m.rowptr[i + 1] = (PetscInt)n;
    }
    if (!(number % 5)) Thin(&m, &state);
    if (!Describe(&m, store, number)) continue;
    symmetric++;
    if (!Disturb(&m, &state)) continue;
    disturbed++;
    CHECK(!Describe(&m, store, number), "matrix %ld: symmetric with one entry disturbed\n", number);
  }
  CHECK(count < 1000 || (symmetric > count / 10 && disturbed > count / 20), "%ld of %ld matrices symmetric, %ld disturbed\n", symmetric,
        count, disturbed);
  return 0;
}

/*TEST

  build:
    requires: static

  test:
    env: FURL_ISA={{base v3 v4}}

TEST*/
