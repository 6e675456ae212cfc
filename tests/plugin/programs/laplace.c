/*
  An ordinary PETSc program that knows nothing of Furl: the 1-D Laplacian with x = 1 everywhere. Prints the solver's type, the error and
  the shared libraries of PETSc, MPI and Furl that are in the process.

    -fixed   the solver is fixed in code: GMRES with LU, and the options are not read
    -loop    solves for ever
*/
#include <petscksp.h>
#include <string.h>

static PetscErrorCode Assemble(PetscInt n, Mat *A)
{
  PetscInt first, last;

  PetscFunctionBegin;
  PetscCall(MatCreateAIJ(PETSC_COMM_WORLD, PETSC_DECIDE, PETSC_DECIDE, n, n, 3, NULL, 2, NULL, A));
  PetscCall(MatGetOwnershipRange(*A, &first, &last));
  for (PetscInt i = first; i < last; i++) {
    PetscCall(MatSetValue(*A, i, i, 2.0, INSERT_VALUES));
    if (i > 0) PetscCall(MatSetValue(*A, i, i - 1, -1.0, INSERT_VALUES));
    if (i < n - 1) PetscCall(MatSetValue(*A, i, i + 1, -1.0, INSERT_VALUES));
  }
  PetscCall(MatAssemblyBegin(*A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(*A, MAT_FINAL_ASSEMBLY));
  PetscFunctionReturn(0);
}

/* One line for each library of interest: the file name of each mapping that begins a file */
static PetscErrorCode PrintLibraries(void)
{
  char  line[4096], last[4096] = "";
  FILE *maps = fopen("/proc/self/maps", "r");

  PetscFunctionBegin;
  while (maps && fgets(line, sizeof(line), maps)) {
    const char *path = strchr(line, '/');

    if (!path || !strcmp(path, last)) continue;
    if (!strstr(path, "/libpetsc") && !strstr(path, "/libmpi.so") && !strstr(path, "/libmpich.so") && !strstr(path, "/libfurl")) continue;
    strcpy(last, path);
    PetscCall(PetscPrintf(PETSC_COMM_WORLD, "library %s", path));
  }
  if (maps) fclose(maps);
  PetscFunctionReturn(0);
}

static PetscErrorCode Solve(PetscInt n, PetscBool fixed, PetscBool loop)
{
  Mat       A;
  Vec       x, b;
  KSP       ksp;
  PC        pc;
  KSPType   type;
  PetscReal error;

  PetscFunctionBegin;
  PetscCall(Assemble(n, &A));
  PetscCall(MatCreateVecs(A, &x, &b));
  PetscCall(VecSet(x, 1.0));
  PetscCall(MatMult(A, x, b));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOperators(ksp, A, A));
  if (fixed) {
    PetscCall(KSPSetType(ksp, KSPGMRES));
    PetscCall(KSPGetPC(ksp, &pc));
    PetscCall(PCSetType(pc, PCLU));
  } else
    PetscCall(KSPSetFromOptions(ksp));
  do PetscCall(KSPSolve(ksp, b, x));
  while (loop);
  PetscCall(KSPGetType(ksp, &type));
  PetscCall(VecShift(x, -1.0));
  PetscCall(VecNorm(x, NORM_INFINITY, &error));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "type %s\nerror %s\n", type, error < 1e-3 ? "small" : "large"));
  if (fixed) PetscCall(KSPView(ksp, PETSC_VIEWER_STDOUT_WORLD));
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&b));
  PetscCall(MatDestroy(&A));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  PetscBool fixed = PETSC_FALSE, loop = PETSC_FALSE;
  PetscInt  n = 40;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-fixed", &fixed, NULL));
  PetscCall(PetscOptionsGetBool(NULL, NULL, "-loop", &loop, NULL));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &n, NULL));
  PetscCall(Solve(n, fixed, loop));
  PetscCall(PrintLibraries());
  PetscCall(PetscFinalize());
  return 0;
}
