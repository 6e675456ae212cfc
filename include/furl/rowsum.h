/*
  The product of a slice of repeated rows: laid out, where it is, else lanes that lie together and are the same row of the dictionary are
  summed together. Included by slicesum.h for each type of vector. Bytes read a row: 2 of its number or 8 for each entry, from cache as its
  entries; 24/32 of header, and x from cache.
*/

/*
  Equal rows, the first of which has its x at `x`: so many lanes, a constant where this is called, of 8, 16 or 32. Never under nvcc, where a
  thread has one lane. A vector by name: the loop over the entries would not become SIMD
*/
FURL_BODY void FURL_NAME(FurlEqualRows)(int lanes, int n, const int32_t *FURL_RESTRICT offset, const double *FURL_RESTRICT value,
                                        const FURL_REAL *FURL_RESTRICT x, FURL_REAL *FURL_RESTRICT result)
{
#if !defined(__CUDACC__)
  enum { BYTES = FURL_VECTOR_BYTES < FURL_GROUP * sizeof(FURL_REAL) ? FURL_VECTOR_BYTES : FURL_GROUP * sizeof(FURL_REAL) };
  enum { EACH = BYTES / sizeof(FURL_REAL), MOST = FURL_WIDTH / EACH };
  typedef FURL_REAL Part __attribute__((vector_size(BYTES)));
  typedef Part      Loaded __attribute__((aligned(sizeof(FURL_REAL)), may_alias));
  const int         parts     = lanes / EACH;
  Part              sum[MOST] = {0};

  for (int k = 0; k < n; k++) FURL_UNROLL
  for (int i = 0; i < parts; i++) sum[i] += (FURL_REAL)value[k] * *(const Loaded *)(x + offset[k] + i * EACH);
  FURL_UNROLL
  for (int i = 0; i < parts; i++) *(Loaded *)(result + i * EACH) = sum[i];
#endif
}

/* One row: four sums, as each addition waits for the one before */
FURL_BODY FURL_REAL FURL_NAME(FurlOneRow)(int n, const int32_t *FURL_RESTRICT offset, const double *FURL_RESTRICT value,
                                          const FURL_REAL *FURL_RESTRICT x)
{
  FURL_REAL sum[4] = {0, 0, 0, 0};
  int       k      = 0;

  for (; k + 4 <= n; k += 4) {
    sum[0] += (FURL_REAL)value[k] * x[offset[k]];
    sum[1] += (FURL_REAL)value[k + 1] * x[offset[k + 1]];
    sum[2] += (FURL_REAL)value[k + 2] * x[offset[k + 2]];
    sum[3] += (FURL_REAL)value[k + 3] * x[offset[k + 3]];
  }
  for (; k < n; k++) sum[0] += (FURL_REAL)value[k] * x[offset[k]];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* n slots of a slice as a pattern of which all neighbours exist; x points to that of its first row. Whether some sum is NaN */
FURL_BODY int FURL_NAME(FurlExpandedRows)(int n, const int32_t *FURL_RESTRICT offset, const double *FURL_RESTRICT value,
                                          const FURL_REAL *FURL_RESTRICT x, FURL_REAL *FURL_RESTRICT result)
{
  FURL_LANE_WORD(FURL_REAL) nan = 0;
#if FURL_LANES_IN_MEMORY
  enum { BYTES = FURL_VECTOR_BYTES, EACH = BYTES / sizeof(FURL_REAL), PARTS = FURL_WIDTH / EACH };
  typedef FURL_REAL Part __attribute__((vector_size(BYTES)));
  typedef Part      Loaded __attribute__((aligned(sizeof(FURL_REAL)), may_alias));
  typedef double    Doubles __attribute__((vector_size(EACH * sizeof(double)), aligned(sizeof(double)), may_alias));
  Part              sum[PARTS] = {0};

  for (int k = 0; k < n; k++, value += FURL_WIDTH) FURL_UNROLL
  for (int i = 0; i < PARTS; i++)
    sum[i] += __builtin_convertvector(*(const Doubles *)(value + i * EACH), Part) * *(const Loaded *)(x + offset[k] + i * EACH);
  FURL_UNROLL
  for (int i = 0; i < PARTS; i++) *(Loaded *)(result + i * EACH) = sum[i];
#else
  FURL_LANES(l) AT(result, l) = 0;
  for (int k = 0; k < n; k++) FURL_LANES(l) AT(result, l) += (FURL_REAL)value[k * FURL_WIDTH + l] * x[offset[k] + l];
#endif
  FURL_ANY_LANE(nan, l, !(AT(result, l) == AT(result, l)));
  return nan != 0;
}

/* Whether the slice is laid out, and its sums are done: but where rows have no entry it has zeros, and x may be infinite */
FURL_BODY int FURL_NAME(FurlExpandedSum)(const FurlSlicesView *a, const FurlSliceHeader *header, int64_t row0,
                                         const FURL_REAL *FURL_RESTRICT x, FURL_REAL *result)
{
  const int32_t *offset = a->expanded_offset + header->head;
  const double  *value  = a->expanded + (int64_t)(header->rest - 1) * FURL_WIDTH;
  const int      n      = (int)header->exponent;

  if (row0 + offset[0] < 0 || row0 + offset[n - 1] + FURL_WIDTH > a->ncols) return 0;
  return !FURL_NAME(FurlExpandedRows)(n, offset, value, x + row0, result);
}

FURL_SHARED_BODY void FURL_NAME(FurlRowsSum)(const FurlSlicesView *a, int64_t s, const FURL_REAL *FURL_RESTRICT x, FURL_REAL *result)
{
  const FurlSliceHeader *header = a->header + s;
  const uint16_t        *code   = a->code + (int64_t)header->irregular * FURL_WIDTH;
  const FurlRepeatedRow *row    = a->row + header->raw;

  if (header->rest && FURL_NAME(FurlExpandedSum)(a, header, s * FURL_WIDTH, x, result)) return;
  FURL_EQUAL_LANES(first, end, code)
  {
    const FurlRepeatedRow r     = row[code[first]];
    const int32_t        *shift = a->row_offset + r.first;
    const double         *value = a->row_value + r.first;
    const FURL_REAL      *from  = x + s * FURL_WIDTH;
    const int             n = end - first, step = n >= 2 * FURL_GROUP ? 2 * FURL_GROUP : n >= FURL_GROUP ? FURL_GROUP : 1;

    for (int l = first; l < end; l += step) {
      const int at = l + step <= end ? l : end - step; /* the last rows may overlap those before */

      if (step == 1)
        AT(result, at) = FURL_NAME(FurlOneRow)((int)r.n, shift, value, from + at);
      else if (step == FURL_GROUP)
        FURL_NAME(FurlEqualRows)(FURL_GROUP, (int)r.n, shift, value, from + at, &AT(result, at));
      else
        FURL_NAME(FurlEqualRows)(2 * FURL_GROUP, (int)r.n, shift, value, from + at, &AT(result, at));
    }
  }
}
