/* What files in HDF5 need of that library: named sets of bytes in the group of a matrix, which every process reads and writes for itself */
#pragma once

#include <petscmat.h>
#include <furl/compat.h>

typedef struct {
  MPI_Comm    comm;
  const char *file, *name; /* for messages; owned by the viewer and the matrix */
  int64_t     group;       /* HDF5's number of the group */
} FurlHdf5File;

/* Collective. *serves: the viewer is HDF5's. Open: *found is false where the file has no such group with a set of bytes of that name */
PETSC_INTERN PetscErrorCode FurlHdf5Serves(PetscViewer viewer, PetscBool *serves);
PETSC_INTERN PetscErrorCode FurlHdf5Create(PetscViewer viewer, const char *name, FurlHdf5File *file);
PETSC_INTERN PetscErrorCode FurlHdf5Open(PetscViewer viewer, const char *name, const char *set, FurlHdf5File *file, PetscBool *found);
PETSC_INTERN PetscErrorCode FurlHdf5Close(FurlHdf5File *file);
PETSC_INTERN PetscErrorCode FurlHdf5Add(FurlHdf5File *file, const char *set, uint64_t bytes);

/* Not collective; bytes `at` to at + n of a set. NULL, or what is wrong */
PETSC_INTERN const char *FurlHdf5Write(const FurlHdf5File *file, const char *set, uint64_t at, uint64_t n, const void *bytes);
PETSC_INTERN const char *FurlHdf5Read(const FurlHdf5File *file, const char *set, uint64_t at, uint64_t n, void *bytes);

/* Collective: where `wrong` is not NULL on one process, an error on all, and the group is closed */
PETSC_INTERN PetscErrorCode FurlHdf5Agree(FurlHdf5File *file, const char *wrong);
