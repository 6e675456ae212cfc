/*
  Operators of constant coefficients, layers, materials in blocks and grids stretched along one axis, of 10^5 rows and more, take at most 3
  % of the bytes of CSR (chains 5 %), those of 7 points with variable coefficients at most 26.5 bytes a row, and every row is read back bit
  for bit. Stencils of 3 to 27 points, 1 to 4 unknowns a cell, Dirichlet, Neumann and periodic boundaries, boxes of odd sides, one cell
  thick too. Argument: -v prints the figures
*/
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <furl/slices.h>
#include "../../../src/mat/format/serial.h"

#define CHECK(condition, ...)              \
  if (!(condition)) {                      \
    fprintf(stderr, __VA_ARGS__), exit(1); \
  }

typedef enum { PLAIN, LAYERS, BLOCKS, STRETCHED, VARIABLE } Coefficient;

typedef struct {
  int         n[3], dof, full; /* full: all neighbours in the box of 3^d cells, else those across faces */
  int         coupled;         /* 1: every unknown of a cell with all of its neighbours' */
  char        bc[4];           /* d, n, p for x, y, z */
  Coefficient coefficient;
} Operator;

typedef struct {
  PetscInt *rowptr, *column;
  double   *value;
  int64_t   nrows;
} Rows;

static double Side(const Operator *o, int d, int i)
{
  return o->coefficient == STRETCHED && d == 0 ? 1 + 9.0 * i / o->n[0] : 1;
}

/* Conductivity of a cell: one for each layer of three cells, or for each block of eleven of eight materials */
static double Conductivity(const Operator *o, const int c[3])
{
  if (o->coefficient == LAYERS) return exp(sin(7.0 * (c[2] / 3)));
  if (o->coefficient == BLOCKS) return pow(10, (c[0] / 11 + 2 * (c[1] / 11) + 4 * (c[2] / 11)) % 8 - 3);
  if (o->coefficient == VARIABLE) return 2 + sin(.13 * c[0]) * sin(.17 * c[1]) * sin(.19 * c[2]);
  return 1;
}

/* The coupling of a cell to its neighbour: harmonic mean over the sides for faces, a constant for edges and corners */
static double Coupling(const Operator *o, const int c[3], const int other[3], const int step[3])
{
  const int faces    = abs(step[0]) + abs(step[1]) + abs(step[2]);
  double    distance = 0;

  for (int d = 0; d < 3; d++)
    if (step[d]) distance += .5 * Side(o, d, c[d]) / Conductivity(o, c) + .5 * Side(o, d, other[d]) / Conductivity(o, other);
  return (step[0] ? 1 : Side(o, 0, c[0])) / (distance * faces);
}

/* The neighbour one step away; 0 where there is none */
static int Neighbour(const Operator *o, const int c[3], const int step[3], int other[3])
{
  for (int d = 0; d < 3; d++) {
    other[d] = c[d] + step[d];
    if (other[d] >= 0 && other[d] < o->n[d]) continue;
    if (o->bc[d] != 'p' || o->n[d] < 3) return 0;
    other[d] = (other[d] + o->n[d]) % o->n[d];
  }
  return 1;
}

static void Insert(Rows *r, PetscInt first, PetscInt column, double value)
{
  PetscInt k = r->rowptr[r->nrows + 1]++;

  for (; k > first && r->column[k - 1] > column; k--) {
    r->column[k] = r->column[k - 1];
    r->value[k]  = r->value[k - 1];
  }
  r->column[k] = column;
  r->value[k]  = value;
}

static void AddRow(const Operator *o, Rows *r, const int c[3], int unknown)
{
  const PetscInt first    = r->rowptr[r->nrows];
  const int64_t  cell     = c[0] + (int64_t)o->n[0] * (c[1] + (int64_t)o->n[1] * c[2]);
  double         diagonal = .25 * (unknown + 1);

  r->rowptr[r->nrows + 1] = first;
  for (int t = 0; t < 27; t++) {
    const int step[3] = {t % 3 - 1, t / 3 % 3 - 1, t / 9 - 1}, faces = abs(step[0]) + abs(step[1]) + abs(step[2]);
    int       other[3];
    int64_t   j;

    if (!faces || (faces > 1 && !o->full)) continue;
    if (!Neighbour(o, c, step, other)) {
      for (int d = 0; d < 3; d++) diagonal += o->bc[d] == 'd' && step[d] && faces == 1 ? 2 * Conductivity(o, c) : 0;
      continue;
    }
    j = other[0] + (int64_t)o->n[0] * (other[1] + (int64_t)o->n[1] * other[2]);
    for (int d = 0; d < o->dof; d++) {
      const double a = Coupling(o, c, other, step) * (1 + .5 * abs(d - unknown));

      if (d != unknown && !o->coupled) continue;
      Insert(r, first, (PetscInt)(j * o->dof + d), -a);
      diagonal += a;
    }
  }
  Insert(r, first, (PetscInt)(cell * o->dof + unknown), diagonal);
  r->nrows++;
}

static Rows Assemble(const Operator *o)
{
  const size_t nrows = (size_t)o->n[0] * (size_t)o->n[1] * (size_t)o->n[2] * (size_t)o->dof, most = nrows * 27 * (size_t)o->dof;
  Rows         r = {calloc(nrows + 1, sizeof(*r.rowptr)), malloc(most * sizeof(*r.column)), malloc(most * sizeof(*r.value)), 0};
  int          c[3];

  CHECK(r.rowptr && r.column && r.value, "no memory\n");
  for (c[2] = 0; c[2] < o->n[2]; c[2]++)
    for (c[1] = 0; c[1] < o->n[1]; c[1]++)
      for (c[0] = 0; c[0] < o->n[0]; c[0]++)
        for (int d = 0; d < o->dof; d++) AddRow(o, &r, c, d);
  return r;
}

static void CheckRows(const Rows *r, const FurlSlices *slices)
{
  const FurlSlicesView view = FurlSlicesGetView(slices);
  PetscInt             column[27 * 4];
  double               value[27 * 4];

  for (int64_t i = 0; i < r->nrows; i++) {
    const PetscInt first = r->rowptr[i], n = r->rowptr[i + 1] - first;

    CHECK(FurlSlicesDecodeRow(&view, i, NULL, NULL) == n && FurlSlicesDecodeRow(&view, i, column, value) == n, "row %ld: length\n",
          (long)i);
    CHECK(!memcmp(column, r->column + first, (size_t)n * sizeof(*column)), "row %ld: columns\n", (long)i);
    CHECK(!memcmp(value, r->value + first, (size_t)n * sizeof(*value)), "row %ld: values\n", (long)i);
  }
}

/* The stream of bytes is read back to the same rows; one with a row that the dictionary lacks, or that ends too early, is refused */
static void CheckStream(const Rows *r, const FurlSlices *slices)
{
  const size_t n     = FurlSerialBytes(slices);
  void *const  bytes = malloc(n);
  FurlSlices   back;
  const char  *wrong;

  CHECK(bytes, "no memory\n");
  FurlSerialWrite(slices, bytes);
  wrong = FurlSerialRead(&back, bytes, n);
  CHECK(!wrong, "stream: %s\n", wrong);
  CheckRows(r, &back);
  if (back.code.used && back.row.used <= UINT16_MAX) {
    ((uint16_t *)back.code.data)[back.code.used - 1] = UINT16_MAX;
    FurlSerialWrite(&back, bytes);
    FurlSlicesFree(&back);
    CHECK(FurlSerialRead(&back, bytes, n), "a row beyond the dictionary was taken\n");
  }
  if (back.derived.used) {
    back.derived.used--;
    FurlSerialWrite(&back, bytes);
    FurlSlicesFree(&back);
    wrong = FurlSerialRead(&back, bytes, n - sizeof(uint64_t));
    CHECK(wrong && strstr(wrong, "beyond"), "derived entries that are not there: %s\n", wrong ? wrong : "taken");
  }
  FurlSlicesFree(&back);
  free(bytes);
}

static void CheckOperator(const Operator *o, FurlStore store, int verbose)
{
  static const char *const name[]   = {"constant", "layers", "blocks", "stretched", "variable"};
  const int                chain    = (o->n[0] > 1) + (o->n[1] > 1) + (o->n[2] > 1) == 1;
  const FurlEncoding       encoding = {.store = store, .describe = 1};
  Rows                     r        = Assemble(o);
  const FurlCsr            csr      = {r.nrows, r.nrows, r.rowptr, r.column, r.value};
  const double             bytes    = 12.0 * (double)r.rowptr[r.nrows] + 4.0 * (double)r.nrows;
  /* variable: three values a row, a byte of units for the diagonal, and headers, faces and ends of lines */
  const double most = o->coefficient == VARIABLE ? 26.5 * (double)r.nrows / bytes : chain ? .05 : .03;
  FurlSlices   slices;
  double       share;

  CHECK(!FurlSlicesEncode(&csr, &encoding, &slices), "not encoded\n");
  share = (double)FurlSlicesGetReport(&slices).stored_bytes / bytes;
  CheckRows(&r, &slices);
  CheckStream(&r, &slices);
  if (verbose)
    printf("%-9s %4d x%4d x%4d, %d unknowns, %2.0f entries a row, %s: %6.3f bytes a row, %.1f%% off\n", name[o->coefficient], o->n[0],
           o->n[1], o->n[2], o->dof, (double)r.rowptr[r.nrows] / (double)r.nrows, o->bc, share * bytes / (double)r.nrows,
           100 - 100 * share);
  CHECK(share <= most, "%s %d x %d x %d, dof %d, full %d, coupled %d, %s: %.2f%% of CSR\n", name[o->coefficient], o->n[0], o->n[1], o->n[2],
        o->dof, o->full, o->coupled, o->bc, 100 * share);
  FurlSlicesFree(&slices);
  free(r.rowptr);
  free(r.column);
  free(r.value);
}

int main(int argc, char **argv)
{
  static const Operator operators[] = {
    {{100003, 1, 1}, 1, 0, 0, "ddd", PLAIN},  {{1, 1, 100003}, 1, 0, 0, "pnp", PLAIN},  {{317, 317, 1}, 1, 0, 0, "ddd", PLAIN},
    {{317, 1, 331}, 1, 0, 0, "dnp", PLAIN},   {{1, 331, 317}, 1, 1, 0, "npd", PLAIN},   {{47, 47, 47}, 1, 0, 0, "ddd", PLAIN},
    {{47, 47, 47}, 1, 0, 0, "nnn", PLAIN},    {{47, 47, 47}, 1, 0, 0, "ppp", PLAIN},    {{47, 47, 47}, 1, 1, 0, "ddd", PLAIN},
    {{50, 41, 53}, 1, 1, 0, "pdn", PLAIN},    {{37, 37, 37}, 2, 0, 0, "ddd", PLAIN},    {{37, 38, 37}, 2, 1, 1, "ndp", PLAIN},
    {{33, 33, 33}, 3, 0, 1, "ddd", PLAIN},    {{33, 33, 33}, 3, 1, 1, "nnn", PLAIN},    {{33, 31, 35}, 3, 0, 0, "dpn", PLAIN},
    {{30, 31, 29}, 4, 0, 1, "ppp", PLAIN},    {{229, 219, 1}, 2, 0, 1, "ddd", PLAIN},   {{161, 1, 163}, 4, 1, 1, "dnd", PLAIN},
    {{33335, 1, 1}, 3, 0, 1, "ddd", PLAIN},   {{60, 60, 60}, 1, 0, 0, "ddd", LAYERS},   {{60, 60, 60}, 1, 0, 0, "dnp", STRETCHED},
    {{100, 100, 30}, 1, 0, 0, "ddd", BLOCKS}, {{66, 66, 66}, 1, 1, 0, "nnn", BLOCKS},   {{331, 1, 317}, 1, 0, 0, "ddd", LAYERS},
    {{44, 44, 44}, 2, 0, 1, "ddd", BLOCKS},   {{61, 59, 60}, 1, 0, 0, "nnn", VARIABLE}, {{61, 59, 60}, 1, 0, 0, "nnn", VARIABLE},
    {{80, 90, 70}, 1, 0, 0, "ddd", VARIABLE}, {{90, 80, 70}, 1, 0, 0, "ddd", VARIABLE}};

  for (size_t k = 0; k < sizeof(operators) / sizeof(*operators); k++)
    CheckOperator(operators + k, k % 2 ? FURL_STORE_PLANES : FURL_STORE_RAW, argc > 1 && !strcmp(argv[1], "-v"));
  return 0;
}

/*TEST

  build:
    requires: static

  test:
    timeoutfactor: 3

TEST*/
