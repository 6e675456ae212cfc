/*
  A picture of a furl matrix has its entries where they are, on any number of processes as on one, and none elsewhere: on each line of
  pixels of the matrix's part as many that are not white, whatever their colours.
*/
#include <petscdraw.h>
#include <petscviewer.h>
#include <unistd.h>
#include "matrices.h"

#define WIDTH 520
#define HEIGHT 400

/* The image file as PETSc writes it, without a display */
static PetscErrorCode Draw(Mat A, const char file[])
{
  PetscViewer viewer;
  Mat         F;

  PetscFunctionBegin;
  PetscCall(MatConvert(A, "furl", MAT_INITIAL_MATRIX, &F));
  PetscCall(PetscOptionsSetValue(NULL, "-draw_save", file));
  PetscCall(PetscOptionsSetValue(NULL, "-draw_save_single_file", "true"));
  PetscCall(PetscViewerCreate(PetscObjectComm((PetscObject)A), &viewer));
  PetscCall(PetscViewerSetType(viewer, PETSCVIEWERDRAW));
  PetscCall(PetscViewerDrawSetInfo(viewer, NULL, "furl", 0, 0, WIDTH, HEIGHT));
  PetscCall(PetscViewerDrawSetDrawType(viewer, PETSC_DRAW_IMAGE));
  PetscCall(MatView(F, viewer));
  PetscCall(PetscViewerDestroy(&viewer));
  PetscCall(MatDestroy(&F));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* coloured[y]: pixels of line y that are not white, left of the line that ends the matrix */
static PetscErrorCode CountPixels(const char file[], PetscInt coloured[HEIGHT])
{
  const int      edge = (int)((WIDTH - 1) / 1.3) - 1;
  unsigned char *pixel;
  char           doubled[PETSC_MAX_PATH_LEN]; /* PETSc 3.26 doubles the dot */
  FILE          *image;
  int            width, height, most;

  PetscFunctionBegin;
  PetscCall(PetscSNPrintf(doubled, sizeof(doubled), "%.*s.ppm", (int)strlen(file) - 3, file));
  (void)rename(doubled, file);
  image = fopen(file, "r");
  PetscCheck(image && fscanf(image, "P6 %d %d %d", &width, &height, &most) == 3, PETSC_COMM_SELF, PETSC_ERR_FILE_READ, "%s is not an image",
             file);
  PetscCheck(width == WIDTH && height == HEIGHT, PETSC_COMM_SELF, PETSC_ERR_PLIB, "The image is of %d x %d", width, height);
  (void)fgetc(image);
  PetscCall(PetscMalloc1(3 * WIDTH * HEIGHT, &pixel));
  PetscCheck(fread(pixel, 3, WIDTH * HEIGHT, image) == WIDTH * HEIGHT, PETSC_COMM_SELF, PETSC_ERR_FILE_READ, "%s is too short", file);
  for (int y = 0; y < HEIGHT; y++) {
    coloured[y] = 0;
    for (int x = 0; x < edge; x++) {
      const unsigned char *const at = pixel + 3 * (y * WIDTH + x);

      coloured[y] += at[0] != 255 || at[1] != 255 || at[2] != 255;
    }
  }
  PetscCall(PetscFree(pixel));
  (void)fclose(image);
  (void)unlink(file);
  PetscFunctionReturn(PETSC_SUCCESS);
}

int main(int argc, char **argv)
{
  char        directory[PETSC_MAX_PATH_LEN], together[PETSC_MAX_PATH_LEN], alone[PETSC_MAX_PATH_LEN];
  PetscInt    here[HEIGHT], expected[HEIGHT];
  PetscMPIInt rank;
  Mat         A, whole;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCallMPI(MPI_Comm_rank(PETSC_COMM_WORLD, &rank));
  PetscCall(PetscGetTmp(PETSC_COMM_WORLD, directory, sizeof(directory)));
  PetscCall(PetscSNPrintf(together, sizeof(together), "%s/furl_draw_%d.ppm", directory, (int)getpid()));
  PetscCall(PetscSNPrintf(alone, sizeof(alone), "%s/furl_draw_%d_alone.ppm", directory, (int)getpid()));
  PetscCall(CreateSevenPoint(PETSC_COMM_WORLD, 9, PETSC_TRUE, &A));
  PetscCall(Draw(A, together));
  PetscCall(MatDestroy(&A));
  if (rank == 0) {
    PetscCall(CreateSevenPoint(PETSC_COMM_SELF, 9, PETSC_TRUE, &whole));
    PetscCall(Draw(whole, alone));
    PetscCall(MatDestroy(&whole));
    PetscCall(CountPixels(together, here));
    PetscCall(CountPixels(alone, expected));
    for (int y = 0; y < HEIGHT; y++)
      PetscCheck(here[y] == expected[y] && here[y] > 0 && here[y] < WIDTH / 8, PETSC_COMM_SELF, PETSC_ERR_PLIB,
                 "Line %d has %d pixels of entries, %d on one process", y, (int)here[y], (int)expected[y]);
  }
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:
    nsize: {{1 2 3}}

TEST*/
