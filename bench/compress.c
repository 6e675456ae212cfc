static char help[] = "How small Furl stores a matrix: a line with -table, else what the compressed matrix says of itself.\n\n\
  -file F (Matrix Market .mtx, .mtx.gz; HDF5 .h5 as a furl matrix wrote it; else PETSc binary), -name N (of the matrix in HDF5: A)\n\
  -map F (no dot but that of .ppm, and what else this PETSc can write: a picture of the matrix whose colours are the encodings)\n\
  -mat_furl_values and the other options of the compressed matrix; the library comes by -dll_append\n\n";
#include "bench.h"

#include <petscdraw.h>
#include <petscviewerhdf5.h>

static PetscErrorCode LoadMatrix(const char file[], Mat *A)
{
  char        name[64] = "A";
  PetscBool   hdf5;
  PetscViewer viewer;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetString(NULL, NULL, "-name", name, sizeof(name), NULL));
  PetscCall(PetscStrendswith(file, ".h5", &hdf5));
  PetscCall(MatCreate(PETSC_COMM_WORLD, A));
  PetscCall(PetscObjectSetName((PetscObject)*A, name));
  PetscCall(MatSetType(*A, hdf5 ? "furl" : MATAIJ));
#if defined(PETSC_HAVE_HDF5)
  if (hdf5) PetscCall(PetscViewerHDF5Open(PETSC_COMM_WORLD, file, FILE_MODE_READ, &viewer));
#else
  PetscCheck(!hdf5, PETSC_COMM_WORLD, PETSC_ERR_SUP, "%s: this PETSc was built without HDF5", file);
#endif
  if (!hdf5) PetscCall(PetscViewerBinaryOpen(PETSC_COMM_WORLD, file, FILE_MODE_READ, &viewer));
  PetscCall(MatLoad(*A, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ReadMatrix(Mat *A, char title[], size_t size)
{
  char      file[PETSC_MAX_PATH_LEN] = "";
  PetscBool given, market, zipped;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetString(NULL, NULL, "-file", file, sizeof(file), &given));
  PetscCheck(given, PETSC_COMM_WORLD, PETSC_ERR_USER_INPUT, "Give the matrix with -file");
  PetscCall(PetscStrendswith(file, ".mtx", &market));
  PetscCall(PetscStrendswith(file, ".mtx.gz", &zipped));
  if (market || zipped) PetscFunctionReturn(MarketReadMatrix(PETSC_COMM_WORLD, file, A, title, size));
  PetscCall(PetscSNPrintf(title, size, "%s", strrchr(file, '/') ? strrchr(file, '/') + 1 : file));
  PetscFunctionReturn(LoadMatrix(file, A));
}

/* Bytes of CSR: 12 a nonzero and 4 a row */
static PetscErrorCode PrintLine(Mat F, const char title[])
{
  MatInfo  info;
  PetscInt rows;

  PetscFunctionBegin;
  PetscCall(MatGetInfo(F, MAT_GLOBAL_SUM, &info));
  PetscCall(MatGetSize(F, &rows, NULL));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%-20s %9" PetscInt_FMT " %10.0f %8.2f %8.2f %7.1f%%\n", title, rows, info.nz_used,
                        info.memory / PetscMax(rows, 1), info.memory / PetscMax(info.nz_used, 1),
                        100 * (1 - info.memory / (12 * info.nz_used + 4. * rows))));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* PETSc's image of it, which no display is needed for */
static PetscErrorCode SaveMap(Mat F, const char title[])
{
  char        file[PETSC_MAX_PATH_LEN], doubled[PETSC_MAX_PATH_LEN]; /* PETSc 3.26 doubles the dot */
  PetscBool   wanted;
  PetscViewer viewer;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetString(NULL, NULL, "-map", file, sizeof(file), &wanted));
  if (!wanted) PetscFunctionReturn(PETSC_SUCCESS);
  /* else PETSc makes a folder with the title's name as well */
  PetscCall(PetscOptionsSetValue(NULL, "-draw_save", file));
  PetscCall(PetscOptionsSetValue(NULL, "-draw_save_single_file", "true"));
  PetscCall(PetscViewerCreate(PETSC_COMM_WORLD, &viewer));
  PetscCall(PetscViewerSetType(viewer, PETSCVIEWERDRAW));
  PetscCall(PetscViewerDrawSetInfo(viewer, NULL, title, 0, 0, 1040, 800));
  PetscCall(PetscViewerDrawSetDrawType(viewer, PETSC_DRAW_IMAGE));
  PetscCall(MatView(F, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  if (!strrchr(file, '.')) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscSNPrintf(doubled, sizeof(doubled), "%.*s.%s", (int)(strrchr(file, '.') - file) + 1, file, strrchr(file, '.') + 1));
  (void)rename(doubled, file);
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  char      title[PETSC_MAX_PATH_LEN] = "";
  PetscBool table                     = PETSC_FALSE;
  Mat       A, F;

  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-table", &table, NULL));
  PetscCall(ReadMatrix(&A, title, sizeof(title)));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  PetscCall(MatDestroy(&A));
  PetscCall(SaveMap(F, title));
  if (table)
    PetscCall(PrintLine(F, title));
  else {
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s\n", title));
    PetscCall(PetscViewerPushFormat(PETSC_VIEWER_STDOUT_WORLD, PETSC_VIEWER_ASCII_INFO_DETAIL));
    PetscCall(MatView(F, PETSC_VIEWER_STDOUT_WORLD));
    PetscCall(PetscViewerPopFormat(PETSC_VIEWER_STDOUT_WORLD));
  }
  PetscCall(MatDestroy(&F));
  PetscCall(PetscFinalize());
  return 0;
}
