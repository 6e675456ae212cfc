static char help[] = "Steady heat in a cube of two materials, by finite volumes, solved by whatever the options say.\n\n";
/*
  What it shows: a PETSc program that knows nothing of Furl and is solved by it all the same.

  The equation is -div(k grad u) = 1 in a cube of n^3 cells with u = 0 on its surface. The conductivity k varies smoothly by a factor of
  three, and balls on a regular grid conduct a thousand times better (-contrast). Every coupling is the harmonic mean of the two cells,
  so the flux is right across the jumps: 7 entries a row, as in reservoir, groundwater, heat and pressure solvers.

  How to run it, after `make` and `eval "$(make env)"` in the top folder:
    make -f tools/program.mk OUT=build/diffusion SRC=tutorials/01-diffusion/diffusion.c
    build/diffusion -n 64 -ksp_type cg -pc_type gamg                 PETSc's algebraic multigrid
    build/diffusion -n 64 -dll_append $FURL_LIB -ksp_type furl       Furl: the same program, two options
  -ksp_view shows what was done; -residuals FILE writes seconds and residual of every iteration. `make demo` runs both and draws them.

  What you will see: iterations, the times of set-up and solve, and the true residual |b - A u| / |b|, computed here by the program itself.
*/
#include <petscdmda.h>
#include <petscksp.h>
#include <petsctime.h>

#define BALLS 5    /* a side */
#define RADIUS .35 /* of a ball, in spacings */

typedef struct {
  PetscInt       n;        /* cells a side */
  PetscReal      contrast; /* conductivity of the balls over that of the rest */
  PetscLogDouble start;    /* time at which the solver was created */
  PetscLogDouble memory;   /* bytes resident before assembly */
  FILE          *history;  /* seconds and residual norm of every iteration, or NULL */
} Context;

/* k in cell c */
static PetscReal Conductivity(const Context *ctx, const PetscInt c[3])
{
  PetscReal wave = 1, distance2 = 0; /* distance2: squared, to the centre of the nearest ball, in spacings of the balls */

  for (PetscInt d = 0; d < 3; d++) {
    const PetscReal x = (c[d] + .5) / ctx->n;

    wave *= PetscSinReal(2 * PETSC_PI * x);
    distance2 += PetscSqr(x * BALLS - PetscFloorReal(x * BALLS) - .5);
  }
  return (2 + wave) * (distance2 < PetscSqr(RADIUS) ? ctx->contrast : 1);
}

/* The row of cell c: the flux through each of its six faces */
static PetscErrorCode SetRow(const Context *ctx, const PetscInt c[3], Mat A)
{
  const PetscReal k = Conductivity(ctx, c);
  MatStencil      column[7];
  PetscScalar     value[7];
  PetscInt        count = 1;

  PetscFunctionBegin;
  value[0] = 0;
  for (PetscInt face = 0; face < 6; face++) {
    PetscInt other[3] = {c[0], c[1], c[2]};

    other[face / 2] += face % 2 ? 1 : -1;
    if (other[face / 2] < 0 || other[face / 2] >= ctx->n) {
      value[0] += 2 * k; /* the surface is half a cell away */
      continue;
    }
    const PetscReal other_k = Conductivity(ctx, other);
    value[count]            = -2 * k * other_k / (k + other_k);
    value[0] -= value[count];
    column[count++] = (MatStencil){.i = other[0], .j = other[1], .k = other[2]};
  }
  column[0] = (MatStencil){.i = c[0], .j = c[1], .k = c[2]};
  PetscCall(MatSetValuesStencil(A, 1, column, count, column, value, INSERT_VALUES));
  PetscFunctionReturn(0);
}

static PetscErrorCode Assemble(const Context *ctx, DM da, Mat A)
{
  PetscInt xs, ys, zs, xm, ym, zm;

  PetscFunctionBegin;
  PetscCall(DMDAGetCorners(da, &xs, &ys, &zs, &xm, &ym, &zm));
  for (PetscInt k = zs; k < zs + zm; k++) {
    for (PetscInt j = ys; j < ys + ym; j++) {
      for (PetscInt i = xs; i < xs + xm; i++) {
        const PetscInt cell[3] = {i, j, k};

        PetscCall(SetRow(ctx, cell, A));
      }
    }
  }
  PetscCall(MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY));
  PetscCall(MatSetOption(A, MAT_SPD, PETSC_TRUE));
  PetscFunctionReturn(0);
}

static PetscErrorCode WriteHistory(KSP ksp, PetscInt iteration, PetscReal norm, void *context)
{
  Context       *ctx = (Context *)context;
  PetscLogDouble now;

  PetscFunctionBegin;
  PetscCall(PetscTime(&now));
  if (ctx->history) PetscCall(PetscFPrintf(PETSC_COMM_WORLD, ctx->history, "%g %g\n", now - ctx->start, (double)norm));
  PetscFunctionReturn(0);
}

/* Solves and prints what it took */
static PetscErrorCode SolveAndReport(Context *ctx, Mat A, Vec b, Vec u)
{
  KSP                ksp;
  Vec                r;
  PetscReal          residual, norm;
  PetscInt           iterations;
  KSPConvergedReason reason;
  PetscLogDouble     ready, end, memory;

  PetscFunctionBegin;
  PetscCall(PetscTime(&ctx->start));
  PetscCall(KSPCreate(PETSC_COMM_WORLD, &ksp));
  PetscCall(KSPSetOperators(ksp, A, A));
  PetscCall(KSPMonitorSet(ksp, WriteHistory, ctx, NULL));
  PetscCall(KSPSetFromOptions(ksp));
  PetscCall(KSPSetUp(ksp));
  PetscCall(PetscTime(&ready));
  PetscCall(KSPSolve(ksp, b, u));
  PetscCall(PetscTime(&end));
  PetscCall(PetscMemoryGetCurrentUsage(&memory));
  PetscCall(KSPGetIterationNumber(ksp, &iterations));
  PetscCall(KSPGetConvergedReason(ksp, &reason));
  PetscCall(VecDuplicate(b, &r));
  PetscCall(MatMult(A, u, r));
  PetscCall(VecAYPX(r, -1, b));
  PetscCall(VecNorm(r, NORM_2, &residual));
  PetscCall(VecNorm(b, NORM_2, &norm));
  PetscCall(PetscPrintf(PETSC_COMM_WORLD, "set-up %.3f s, solve %.3f s, %d iterations, true residual %.2e, memory %.1f MB, %s\n",
                        ready - ctx->start, end - ready, (int)iterations, (double)(residual / norm), (memory - ctx->memory) * 1e-6,
                        KSPConvergedReasons[reason]));
  PetscCall(VecDestroy(&r));
  PetscCall(KSPDestroy(&ksp));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  Context   ctx = {.n = 64, .contrast = 1000};
  char      file[PETSC_MAX_PATH_LEN];
  PetscBool set;
  DM        da;
  Mat       A;
  Vec       b, u;

  PetscFunctionBeginUser;
  PetscCall(PetscInitialize(&argc, &argv, NULL, help));
  PetscCall(PetscOptionsGetInt(NULL, NULL, "-n", &ctx.n, NULL));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-contrast", &ctx.contrast, NULL));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-residuals", file, sizeof(file), &set));
  if (set) PetscCall(PetscFOpen(PETSC_COMM_WORLD, file, "w", &ctx.history));
  PetscCall(PetscMemoryGetCurrentUsage(&ctx.memory));
  PetscCall(DMDACreate3d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DMDA_STENCIL_STAR, ctx.n, ctx.n, ctx.n,
                         PETSC_DECIDE, PETSC_DECIDE, PETSC_DECIDE, 1, 1, NULL, NULL, NULL, &da));
  PetscCall(DMSetUp(da));
  PetscCall(DMCreateMatrix(da, &A));
  PetscCall(Assemble(&ctx, da, A));
  PetscCall(MatCreateVecs(A, &u, &b));
  PetscCall(VecSet(b, 1. / PetscSqr(ctx.n)));
  PetscCall(SolveAndReport(&ctx, A, b, u));
  if (set) PetscCall(PetscFClose(PETSC_COMM_WORLD, ctx.history));
  PetscCall(VecDestroy(&b));
  PetscCall(VecDestroy(&u));
  PetscCall(MatDestroy(&A));
  PetscCall(DMDestroy(&da));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    args: -n 12 -ksp_type {{cg furl}} -ksp_rtol 1e-8
    output_file: output/diffusion.out

  test:
    suffix: parallel
    nsize: 3
    args: -n 13 -ksp_type furl -ksp_rtol 1e-8
    output_file: output/diffusion.out

TEST*/
