/*
  A furl matrix in an HDF5 file is read back bit for bit by any number of processes, whatever number wrote it; a file has about the bytes of
  the matrix; a file that is cut off, damaged in any byte, or of another kind gives an error that names it, or the right matrix
*/
#include <petscviewerhdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../mat/matrices.h"

#define KINDS 6

static PetscErrorCode CreateOn(MPI_Comm comm, int kind, Mat *A)
{
  PetscFunctionBegin;
  if (kind == 0) PetscCall(CreateSevenPoint(comm, 13, PETSC_FALSE, A));
  if (kind == 1) PetscCall(CreateSevenPoint(comm, 9, PETSC_TRUE, A));
  if (kind == 2) PetscCall(CreateRandom(comm, 333, 401, 12, PETSC_TRUE, A));
  if (kind == 3) PetscCall(CreateRandom(comm, 65, 300000, 20, PETSC_FALSE, A));
  if (kind == 4) PetscCall(CreateArrow(comm, 3, A));
  if (kind == 5) PetscCall(CreateRandom(comm, 40, 41, 0, PETSC_FALSE, A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The first n processes; MPI_COMM_NULL on the others */
static PetscErrorCode FirstProcesses(int n, MPI_Comm *comm)
{
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCallMPI(MPI_Comm_split(PETSC_COMM_WORLD, rank < n ? 0 : MPI_UNDEFINED, rank, comm));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MakeFileName(char *file, size_t n)
{
  PetscMPIInt rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(PetscStrncpy(file, "/tmp/furl_hdf5_XXXXXX", n));
  if (!rank) {
    const int descriptor = mkstemp(file);

    PetscCheck(descriptor >= 0, PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "No file in /tmp");
    close(descriptor);
  }
  PetscCallMPI(MPI_Bcast(file, (PetscMPIInt)n, MPI_CHAR, 0, PETSC_COMM_WORLD));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Write(MPI_Comm comm, const char *file, int kind, const char *values)
{
  Mat         A;
  PetscViewer viewer;

  PetscFunctionBegin;
  PetscCall(CreateOn(comm, kind, &A));
  PetscCall(PetscOptionsSetValue(NULL, "-mat_furl_values", values));
  PetscCall(MatConvert(A, "furl", MAT_INPLACE_MATRIX, &A));
  PetscCall(PetscOptionsClearValue(NULL, "-mat_furl_values"));
  PetscCall(PetscObjectSetName((PetscObject)A, "stiffness"));
  PetscCall(PetscViewerHDF5Open(comm, file, FILE_MODE_WRITE, &viewer));
  PetscCall(MatView(A, viewer));
  PetscCall(MatView(A, viewer)); /* again: replaces it */
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A process may own any number of rows */
static PetscErrorCode Load(MPI_Comm comm, const char *file, Mat like, Mat *F)
{
  PetscInt    m, n;
  PetscViewer viewer;

  PetscFunctionBegin;
  PetscCall(PetscViewerHDF5Open(comm, file, FILE_MODE_READ, &viewer));
  PetscCall(MatCreate(comm, F));
  if (like) PetscCall(MatGetLocalSize(like, &m, &n));
  if (like) PetscCall(MatSetSizes(*F, m, n, PETSC_DETERMINE, PETSC_DETERMINE));
  PetscCall(MatSetType(*F, "furl"));
  PetscCall(PetscObjectSetName((PetscObject)*F, "stiffness"));
  PetscCall(MatLoad(*F, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckRead(MPI_Comm comm, const char *file, int kind)
{
  Mat A, F;
  Vec x, y, z;

  PetscFunctionBegin;
  PetscCall(CreateOn(comm, kind, &A));
  PetscCall(Load(comm, file, kind % 2 ? A : NULL, &F));
  PetscCall(CheckSameBits("file", A, F));
  PetscCall(MatCreateVecs(F, &x, &y));
  PetscCall(VecDuplicate(y, &z));
  PetscCall(FillVec(x, 3));
  PetscCall(MatMult(F, x, y));
  PetscCall(MatConvert(A, "furl", MAT_INPLACE_MATRIX, &A));
  PetscCall(MatMult(A, x, z));
  PetscCall(VecAXPY(z, -1, y));
  {
    PetscReal norm, size;

    PetscCall(VecNorm(z, NORM_INFINITY, &norm));
    PetscCall(VecNorm(y, NORM_INFINITY, &size));
    PetscCheck(norm <= 1e-14 * size, comm, PETSC_ERR_PLIB, "The product with the loaded matrix is wrong by %g", (double)norm);
  }
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&y));
  PetscCall(VecDestroy(&z));
  PetscCall(MatDestroy(&F));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckAllCounts(const char *file)
{
  const int   counts[] = {1, 2, 3, 5};
  PetscMPIInt size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(PETSC_COMM_WORLD, &size));
  for (int w = 0; w < 4 && counts[w] <= size; w++) {
    for (int kind = 0; kind < KINDS; kind++) {
      MPI_Comm writers, readers;

      PetscCall(FirstProcesses(counts[w], &writers));
      if (writers != MPI_COMM_NULL) PetscCall(Write(writers, file, kind, kind % 3 ? "raw" : "planes"));
      if (writers != MPI_COMM_NULL) PetscCallMPI(MPI_Comm_free(&writers));
      PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
      for (int r = 0; r < 4 && counts[r] <= size; r++) {
        PetscCall(FirstProcesses(counts[r], &readers));
        if (readers != MPI_COMM_NULL) PetscCall(CheckRead(readers, file, kind));
        if (readers != MPI_COMM_NULL) PetscCallMPI(MPI_Comm_free(&readers));
      }
      PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
    }
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Errors of the reader: whether one of them named the file */
static PetscBool named;

static PetscErrorCode Note(MPI_Comm comm, int line, const char *function, const char *source, PetscErrorCode n, PetscErrorType p,
                           const char *message, void *file)
{
  if (message && strstr(message, (const char *)file)) named = PETSC_TRUE;
  return n;
}

/* *error: loading failed; *same: it did not, and the matrix is `right` */
static PetscErrorCode TryToLoad(char *file, Mat right, PetscErrorCode *error, PetscBool *same)
{
  Mat            F = NULL;
  PetscErrorCode other;

  PetscFunctionBegin;
  named = PETSC_FALSE;
  PetscCall(PetscPushErrorHandler(Note, file));
  *error = Load(PETSC_COMM_SELF, file, NULL, &F);
  other  = *error ? *error : CheckSameBits("damaged file", right, F);
  PetscCall(PetscPopErrorHandler());
  *same = (PetscBool)!other;
  if (!*error) PetscCall(MatDestroy(&F));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode WriteBytes(const char *file, const char *bytes, long n)
{
  FILE *f = fopen(file, "wb");

  PetscFunctionBegin;
  PetscCheck(f && fwrite(bytes, 1, (size_t)n, f) == (size_t)n, PETSC_COMM_SELF, PETSC_ERR_FILE_WRITE, "Cannot write %s", file);
  (void)fclose(f);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadBytes(const char *file, char **bytes, long *n)
{
  struct stat status;
  FILE       *f = fopen(file, "rb");

  PetscFunctionBegin;
  PetscCheck(f && !stat(file, &status), PETSC_COMM_SELF, PETSC_ERR_FILE_READ, "Cannot read %s", file);
  *n = (long)status.st_size;
  PetscCall(PetscMalloc1(*n, bytes));
  PetscCheck(fread(*bytes, 1, (size_t)*n, f) == (size_t)*n, PETSC_COMM_SELF, PETSC_ERR_FILE_READ, "Cannot read %s", file);
  (void)fclose(f);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* No byte of the file can be other without an error or without effect; most are the matrix's, so most give an error that names the file */
static PetscErrorCode CheckDamage(char *file)
{
  Mat            right;
  char          *bytes;
  long           n, errors = 0, named_errors = 0, tried = 0;
  PetscErrorCode error;
  PetscBool      same;

  PetscFunctionBegin;
  PetscCall(CreateOn(PETSC_COMM_SELF, 2, &right));
  PetscCall(Write(PETSC_COMM_SELF, file, 2, "raw"));
  PetscCall(ReadBytes(file, &bytes, &n));
  for (long k = 0; k < n; k += k < 512 ? 7 : 61) {
    bytes[k] = (char)(bytes[k] ^ (1 << k % 8));
    PetscCall(WriteBytes(file, bytes, n));
    bytes[k] = (char)(bytes[k] ^ (1 << k % 8));
    PetscCall(TryToLoad(file, right, &error, &same));
    PetscCheck(error || same, PETSC_COMM_SELF, PETSC_ERR_PLIB, "Byte %ld of %ld is damaged, and the matrix is wrong without an error", k,
               n);
    errors += error != 0;
    named_errors += error && named;
    tried++;
  }
  PetscCheck(2 * named_errors > tried, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%ld of %ld damaged files gave an error, %ld named the file",
             errors, tried, named_errors);
  for (long k = 0; k < n; k += 1 + n / 40) {
    PetscCall(WriteBytes(file, bytes, k));
    PetscCall(TryToLoad(file, right, &error, &same));
    PetscCheck(error, PETSC_COMM_SELF, PETSC_ERR_PLIB, "No error where %ld of %ld bytes are there", k, n);
  }
  PetscCall(WriteBytes(file, bytes, n));
  PetscCall(TryToLoad(file, right, &error, &same));
  PetscCheck(same, PETSC_COMM_SELF, PETSC_ERR_PLIB, "The whole file is not read");
  PetscCall(PetscFree(bytes));
  PetscCall(MatDestroy(&right));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A vector under the matrix's name, or another name, is no matrix */
static PetscErrorCode CheckForeign(char *file)
{
  Vec            x;
  PetscViewer    viewer;
  PetscErrorCode error;
  PetscBool      same;

  PetscFunctionBegin;
  for (int k = 0; k < 2; k++) {
    PetscCall(VecCreateSeq(PETSC_COMM_SELF, 50, &x));
    PetscCall(PetscObjectSetName((PetscObject)x, k ? "other" : "stiffness"));
    PetscCall(PetscViewerHDF5Open(PETSC_COMM_SELF, file, FILE_MODE_WRITE, &viewer));
    PetscCall(VecView(x, viewer));
    PetscCall(PetscViewerDestroy(&viewer));
    PetscCall(TryToLoad(file, NULL, &error, &same));
    PetscCheck(error, PETSC_COMM_SELF, PETSC_ERR_PLIB, "A vector was loaded as a matrix");
    PetscCheck(named, PETSC_COMM_SELF, PETSC_ERR_PLIB, "The error does not name the file");
    PetscCall(VecDestroy(&x));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Beside the stored bytes, which the view tells, HDF5 and the tables take a few kilobytes */
static PetscErrorCode CheckSize(const char *file)
{
  Mat         A, F;
  MatInfo     info;
  struct stat status;
  PetscViewer viewer;

  PetscFunctionBegin;
  PetscCall(CreateSevenPoint(PETSC_COMM_SELF, 24, PETSC_FALSE, &A));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  PetscCall(MatGetInfo(F, MAT_LOCAL, &info));
  PetscCall(PetscViewerHDF5Open(PETSC_COMM_SELF, file, FILE_MODE_WRITE, &viewer));
  PetscCall(MatView(F, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCheck(!stat(file, &status), PETSC_COMM_SELF, PETSC_ERR_FILE_READ, "Cannot read %s", file);
  PetscCheck((double)status.st_size <= 1.01 * info.memory + 8192, PETSC_COMM_SELF, PETSC_ERR_PLIB, "%ld bytes of file for %g of matrix",
             (long)status.st_size, info.memory);
  PetscCall(MatDestroy(&F));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  char        file[64];
  PetscMPIInt rank;
  PetscBool   damaged = PETSC_FALSE;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-damaged", &damaged, NULL));
  PetscCall(MakeFileName(file, sizeof(file)));
  if (damaged) { /* what PETSc had allocated before an error stays */
    PetscCall(CheckForeign(file));
    PetscCall(CheckDamage(file));
  } else {
    PetscCall(CheckAllCounts(file));
    if (!rank) PetscCall(CheckSize(file));
  }
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  if (!rank) (void)remove(file);
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  build:
    requires: hdf5

  test:
    suffix: damaged
    args: -damaged
    filter: sed -n /PETSC.ERROR/p

  test:
    nsize: {{1 3 5}}
    timeoutfactor: 3

TEST*/
