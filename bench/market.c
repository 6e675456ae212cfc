/* Reads Matrix Market files, plain or compressed by gzip: coordinate matrices and array vectors, real or integer */
#include "bench.h"

#include <stdlib.h>

typedef struct {
  PetscBool symmetric, skew;
  PetscInt  rows, columns;
  long long entries;
} Header;

static PetscErrorCode MarketOpen(const char file[], FILE **stream)
{
  char        command[PETSC_MAX_PATH_LEN + 32];
  const char *end = strrchr(file, '.');
  PetscBool   exists;

  PetscFunctionBegin;
  PetscCall(PetscTestFile(file, 'r', &exists));
  PetscCheck(exists, PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "Cannot read %s", file);
  PetscCheck(!strchr(file, '\''), PETSC_COMM_SELF, PETSC_ERR_ARG_WRONG, "%s: a name with a quote cannot go through the shell to gzip",
             file);
  PetscCall(PetscSNPrintf(command, sizeof(command), "gzip -dc '%s'", file));
  *stream = end && !strcmp(end, ".gz") ? popen(command, "r") : fopen(file, "r");
  PetscCheck(*stream, PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "Cannot open %s", file);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MarketClose(const char file[], FILE *stream)
{
  const char *end = strrchr(file, '.');

  PetscFunctionBegin;
  if (end && !strcmp(end, ".gz"))
    PetscCheck(pclose(stream) == 0, PETSC_COMM_SELF, PETSC_ERR_FILE_READ, "gzip failed on %s", file);
  else
    fclose(stream);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MarketHeader(const char file[], FILE *stream, const char format[], Header *h)
{
  char line[1024], given[64] = "", field[64] = "", symmetry[64] = "";
  long rows = 0, columns = 0;

  PetscFunctionBegin;
  PetscCheck(fgets(line, sizeof(line), stream), PETSC_COMM_SELF, PETSC_ERR_FILE_READ, "%s is empty", file);
  sscanf(line, "%%%%MatrixMarket matrix %63s %63s %63s", given, field, symmetry);
  PetscCheck(!strcmp(given, format), PETSC_COMM_SELF, PETSC_ERR_FILE_UNEXPECTED, "%s is a Matrix Market '%s' file, not '%s'", file, given,
             format);
  PetscCheck(!strcmp(field, "real") || !strcmp(field, "integer"), PETSC_COMM_SELF, PETSC_ERR_SUP,
             "%s holds '%s' values; real ones are supported", file, field);
  h->symmetric = (PetscBool)!strcmp(symmetry, "symmetric");
  h->skew      = (PetscBool)!strcmp(symmetry, "skew-symmetric");
  PetscCheck(h->symmetric || h->skew || !strcmp(symmetry, "general"), PETSC_COMM_SELF, PETSC_ERR_SUP,
             "%s is '%s'; general, symmetric and skew-symmetric are supported", file, symmetry);
  do PetscCheck(fgets(line, sizeof(line), stream), PETSC_COMM_SELF, PETSC_ERR_FILE_READ, "%s ends before its sizes", file);
  while (line[0] == '%');
  h->entries = 0;
  PetscCheck(sscanf(line, "%ld %ld %lld", &rows, &columns, &h->entries) >= 2, PETSC_COMM_SELF, PETSC_ERR_FILE_READ, "%s: no sizes in '%s'",
             file, line);
  h->rows    = (PetscInt)rows;
  h->columns = (PetscInt)columns;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Fills row, column, value with the entries of both triangles; returns their number. Skew ones have no diagonal */
static PetscErrorCode MarketEntries(const char file[], FILE *stream, const Header *h, PetscInt row[], PetscInt column[],
                                    PetscScalar value[], PetscCount *count)
{
  char line[1024];

  PetscFunctionBegin;
  *count = 0;
  for (long long k = 0; k < h->entries; k++) {
    char *at;

    PetscCheck(fgets(line, sizeof(line), stream), PETSC_COMM_SELF, PETSC_ERR_FILE_READ, "%s ends after %lld of %lld entries", file, k,
               h->entries);
    row[*count]      = (PetscInt)strtol(line, &at, 10) - 1;
    column[*count]   = (PetscInt)strtol(at, &at, 10) - 1;
    value[*count]    = strtod(at, NULL);
    const PetscInt i = row[*count], j = column[*count];
    PetscCheck(i >= 0 && i < h->rows && j >= 0 && j < h->columns, PETSC_COMM_SELF, PETSC_ERR_FILE_READ,
               "%s: entry %lld is outside the matrix: %s", file, k + 1, line);
    (*count)++;
    if ((h->symmetric || h->skew) && i != j) {
      row[*count]    = j;
      column[*count] = i;
      value[*count]  = h->skew ? -value[*count - 1] : value[*count - 1];
      (*count)++;
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rank 0 reads; PETSc's coordinate assembly distributes */
PetscErrorCode MarketReadMatrix(MPI_Comm comm, const char file[], Mat *A, char title[], size_t size)
{
  Header       h = {.entries = 0};
  FILE        *stream;
  PetscInt    *row = NULL, *column = NULL, dimensions[2], bs = 1;
  PetscScalar *value = NULL;
  PetscCount   count = 0;
  PetscMPIInt  rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(comm, &rank));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-bs", &bs, NULL));
  if (rank == 0) {
    PetscCall(MarketOpen(file, &stream));
    PetscCall(MarketHeader(file, stream, "coordinate", &h));
    PetscCall(PetscMalloc3((size_t)(2 * h.entries), &row, (size_t)(2 * h.entries), &column, (size_t)(2 * h.entries), &value));
    PetscCall(MarketEntries(file, stream, &h, row, column, value, &count));
    PetscCall(MarketClose(file, stream));
  }
  dimensions[0] = h.rows;
  dimensions[1] = h.columns;
  PetscCallMPI(MPI_Bcast(dimensions, 2, MPIU_INT, 0, comm));
  PetscCall(MatCreate(comm, A));
  PetscCall(MatSetSizes(*A, PETSC_DECIDE, PETSC_DECIDE, dimensions[0], dimensions[1]));
  PetscCall(MatSetType(*A, MATAIJ));
  PetscCall(MatSetBlockSize(*A, bs));
  PetscCall(MatSetPreallocationCOO(*A, count, row, column));
  PetscCall(MatSetValuesCOO(*A, value, INSERT_VALUES));
  PetscCall(PetscFree3(row, column, value));
  PetscCall(PetscSNPrintf(title, size, "%s", strrchr(file, '/') ? strrchr(file, '/') + 1 : file));
  if (strstr(title, ".mtx")) *strstr(title, ".mtx") = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Every rank reads the whole file and keeps its own rows: right-hand sides are short */
PetscErrorCode MarketReadVector(const char file[], Vec v)
{
  Header       h = {.entries = 0};
  FILE        *stream;
  PetscScalar *x;
  PetscInt     start, end, n;
  char         line[1024];

  PetscFunctionBegin;
  PetscCall(VecGetSize(v, &n));
  PetscCall(VecGetOwnershipRange(v, &start, &end));
  PetscCall(MarketOpen(file, &stream));
  PetscCall(MarketHeader(file, stream, "array", &h));
  PetscCheck(h.rows == n && h.columns == 1, PETSC_COMM_SELF, PETSC_ERR_ARG_SIZ,
             "%s holds %" PetscInt_FMT " x %" PetscInt_FMT " values, the system has %" PetscInt_FMT " rows", file, h.rows, h.columns, n);
  PetscCall(VecGetArray(v, &x));
  for (PetscInt i = 0; i < n; i++) {
    PetscCheck(fgets(line, sizeof(line), stream), PETSC_COMM_SELF, PETSC_ERR_FILE_READ, "%s ends after %" PetscInt_FMT " values", file, i);
    if (i >= start && i < end) x[i - start] = strtod(line, NULL);
  }
  PetscCall(VecRestoreArray(v, &x));
  PetscCall(MarketClose(file, stream));
  PetscFunctionReturn(PETSC_SUCCESS);
}
