static char help[] =
  "A matrix written by PETSc, loaded as any type, compressed, written again and loaded again is the same bit for bit.\n\n";

#include <petscksp.h>

#include <stdlib.h>
#include <unistd.h>

#define ROWS 203 /* not a multiple of a slice */
#define COLUMNS 190

#if PETSC_VERSION_LT(3, 19, 0)
#define PETSC_SUCCESS ((PetscErrorCode)0)
#endif

/* Entry (i, j) of the test matrix; 0 says that there is none. Long and short numbers, tiny, huge and negative ones */
static PetscScalar Entry(PetscInt i, PetscInt j, PetscBool square)
{
  const PetscInt  band = PetscAbsInt(i - j), hash = (i * 7919 + j * 104729) % 1009;
  const PetscReal scale[] = {1, 1. / 3, 1e-200, 1e150, -0.1, 4e-310};

  if (square && i == j) return 4 + (i % 5) / 7.;
  if (square) return band == 1 || band == 17 ? -1 - ((i + j) % 3) / 8. : 0;
  return hash < 60 || band == 3 ? scale[hash % 6] * (1 + hash) : 0;
}

static PetscErrorCode CreateMatrix(PetscBool square, Mat *A)
{
  const PetscInt columns = square ? ROWS : COLUMNS;
  PetscInt       start, end;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, ROWS, columns, 40, NULL, 40, NULL, A));
  PetscCall(MatGetOwnershipRange(*A, &start, &end));
  for (PetscInt i = start; i < end; i++) {
    for (PetscInt j = 0; j < columns; j++) {
      const PetscScalar value = Entry(i, j, square);

      if (value != 0) PetscCall(MatSetValue(*A, i, j, value, INSERT_VALUES));
    }
  }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Write(Mat A, const char file[])
{
  PetscViewer viewer;

  PetscFunctionBegin;
  PetscCall(PetscViewerBinaryOpen(PETSC_COMM_WORLD, file, FILE_MODE_WRITE, &viewer));
  PetscCall(MatView(A, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode Load(const char file[], MatType type, Mat *A)
{
  PetscViewer viewer;

  PetscFunctionBegin;
  PetscCall(MatCreate(PETSC_COMM_WORLD, A));
  PetscCall(MatSetType(*A, type));
  PetscCall(PetscViewerBinaryOpen(PETSC_COMM_WORLD, file, FILE_MODE_READ, &viewer));
  PetscCall(MatLoad(*A, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Every row of the two, bit for bit */
static PetscErrorCode Compare(Mat A, Mat B, const char what[])
{
  PetscInt           start, end, count, other_count;
  const PetscInt    *column, *other_column;
  const PetscScalar *value, *other_value;

  PetscFunctionBegin;
  PetscCall(MatGetOwnershipRange(A, &start, &end));
  for (PetscInt i = start; i < end; i++) {
    PetscCall(MatGetRow(A, i, &count, &column, &value));
    PetscCall(MatGetRow(B, i, &other_count, &other_column, &other_value));
    const PetscBool same = (PetscBool)(count == other_count && !memcmp(column, other_column, sizeof(PetscInt) * (size_t)count) &&
                                       !memcmp(value, other_value, sizeof(PetscScalar) * (size_t)count));
    if (!same) PetscCall(PetscPrintf(PETSC_COMM_SELF, "%s: row %" PetscInt_FMT " differs\n", what, i));
    PetscCall(MatRestoreRow(A, i, &count, &column, &value));
    PetscCall(MatRestoreRow(B, i, &other_count, &other_column, &other_value));
    if (!same) break;
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Loaded as the given type, compressed, and back: as AIJ and by way of a file */
static PetscErrorCode CheckRoundTrip(Mat A, const char file[], MatType type)
{
  Mat loaded, compressed, back;

  PetscFunctionBegin;
  PetscCall(Write(A, file));
  PetscCall(Load(file, type, &loaded));
  PetscCall(MatConvert(loaded, "furl", MAT_INITIAL_MATRIX, &compressed));
  PetscCall(MatConvert(compressed, MATAIJ, MAT_INITIAL_MATRIX, &back));
  PetscCall(Compare(A, back, "converted back"));
  PetscCall(MatDestroy(&back));
  PetscCall(Write(compressed, file));
  PetscCall(Load(file, MATAIJ, &back));
  PetscCall(Compare(A, back, "written and loaded"));
  PetscCall(MatDestroy(&back));
  PetscCall(MatDestroy(&compressed));
  PetscCall(MatDestroy(&loaded));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The loaded system is solved, compressed as well as not */
static PetscErrorCode CheckSolve(const char file[], MatType type)
{
  Mat       A, compressed;
  KSP       ksp;
  Vec       x, b, r;
  PetscReal residual, norm;

  PetscFunctionBegin;
  PetscCall(Load(file, type, &A));
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &compressed));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(VecDuplicate(b, &r));
  PetscCall(VecSet(b, 1));
  PetscCall(VecNorm(b, NORM_2, &norm));
  for (int k = 0; k < 2; k++) {
    PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
    PetscCall(KSPSetOperators(ksp, k ? compressed : A, k ? compressed : A));
    PetscCall(KSPSetType(ksp, "furl"));
    PetscCall(KSPSetTolerances(ksp, 1e-9, PETSC_DEFAULT, PETSC_DEFAULT, PETSC_DEFAULT));
    PetscCall(KSPSetFromOptions(ksp));
    PetscCall(KSPSolve(ksp, b, x));
    PetscCall(MatMult(A, x, r));
    PetscCall(VecAXPY(r, -1, b));
    PetscCall(VecNorm(r, NORM_2, &residual));
    if (!(residual <= 1.001e-9 * norm))
      PetscCall(PetscPrintf(PETSC_COMM_WORLD, "%s matrix: true residual %g\n", k ? "compressed" : "loaded", (double)(residual / norm)));
    PetscCall(KSPDestroy(&ksp));
  }
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&r));
  PetscCall(MatDestroy(&compressed));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  Mat         A;
  char        file[] = "/tmp/furl-load-XXXXXX", info[64], type[32] = MATAIJ;
  PetscMPIInt rank;
  PetscBool   square = PETSC_FALSE;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  if (rank == 0) close(mkstemp(file));
  PetscCallMPI(MPI_Bcast(file, sizeof(file), MPI_CHAR, 0, PETSC_COMM_WORLD));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-square", &square, NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-type", type, sizeof(type), NULL));
  PetscCall(CreateMatrix(square, &A));
  PetscCall(CheckRoundTrip(A, file, type));
  if (square) PetscCall(CheckSolve(file, type));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscSNPrintf(info, sizeof(info), "%s.info", file));
  if (rank == 0) {
    unlink(file);
    unlink(info);
  }
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    suffix: rectangular
    nsize: {{1 2 3 5}}

  test:
    suffix: square
    nsize: {{1 2 3 5}}
    args: -square -type {{aij baij}}

TEST*/
