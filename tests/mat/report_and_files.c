/*
  -mat_view of a furl matrix; written to a binary file and loaded as furl it is the same; conversions from other types than AIJ
*/
#include <stdlib.h>
#include <unistd.h>
#include "matrices.h"

static PetscErrorCode CheckFile(Mat A)
{
  Mat         F, G;
  PetscViewer viewer;
  PetscMPIInt rank;
  char        file[] = "/tmp/furl_matrix_XXXXXX";

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (!rank) {
    const int descriptor = mkstemp(file);

    PetscCheck(descriptor >= 0, PETSC_COMM_SELF, PETSC_ERR_FILE_OPEN, "No file in /tmp");
    close(descriptor);
  }
  PetscCallMPI(MPI_Bcast(file, (PetscMPIInt)sizeof(file), MPI_CHAR, 0, PETSC_COMM_WORLD));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  PetscCall(PetscViewerBinaryOpen(PETSC_COMM_WORLD, file, FILE_MODE_WRITE, &viewer));
  PetscCall(PetscViewerBinarySetSkipInfo(viewer, PETSC_TRUE));
  PetscCall(MatView(F, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCall(MatCreate(PETSC_COMM_WORLD, &G));
  PetscCall(MatSetType(G, "furl"));
  PetscCall(PetscViewerBinaryOpen(PETSC_COMM_WORLD, file, FILE_MODE_READ, &viewer));
  PetscCall(MatLoad(G, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCallMPI(MPI_Barrier(PETSC_COMM_WORLD));
  if (!rank) (void)remove(file);
  PetscCall(CheckSameBits("file", A, G));
  PetscCall(MatDestroy(&F));
  PetscCall(MatDestroy(&G));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode CheckSources(Mat A)
{
  const char *const types[] = {MATBAIJ, MATSBAIJ, MATSELL, MATAIJPERM};

  PetscFunctionBegin;
  PetscCall(MatSetOption(A, MAT_SYMMETRIC, PETSC_TRUE));
  for (size_t k = 0; k < PETSC_STATIC_ARRAY_LENGTH(types); k++) {
    Mat B, F;

    PetscCall(MatConvert(A, types[k], MAT_INITIAL_MATRIX, &B));
    PetscCall(MatConvert(B, "furl", MAT_INITIAL_MATRIX, &F));
    PetscCall(CheckSameBits(types[k], A, F));
    PetscCall(MatDestroy(&F));
    PetscCall(MatConvert(B, "furl", MAT_INPLACE_MATRIX, &B));
    PetscCall(CheckSameBits(types[k], A, B));
    PetscCall(MatDestroy(&B));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Mat A, F;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(CreateSevenPoint(PETSC_COMM_WORLD, 8, PETSC_TRUE, &A));
  PetscCall(CheckFile(A));
  PetscCall(CheckSources(A));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  PetscCall(PetscViewerPushFormat(PETSC_VIEWER_STDOUT_WORLD, PETSC_VIEWER_ASCII_INFO_DETAIL));
  PetscCall(MatView(F, PETSC_VIEWER_STDOUT_WORLD));
  PetscCall(PetscViewerPopFormat(PETSC_VIEWER_STDOUT_WORLD));
  PetscCall(MatDestroy(&F));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 3}}
    filter: sed -E -e 's/[0-9.]+/N/g' -e 's/processes/process/'
    output_file: output/report_and_files.out

TEST*/
