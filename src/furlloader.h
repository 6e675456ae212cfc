/* What the loader knows of a PETSc library, and the folder that holds the build of Furl for it */
#pragma once

#define FURL_NAME_LENGTH 256
#define FURL_PATH_LENGTH 4096

/* A PETSc library in this process, described by asking the library itself */
typedef struct {
  const char *path;                     /* file it came from, owned by the dynamic linker */
  const char *soname;                   /* DT_SONAME, owned by the dynamic linker; NULL where there is none */
  void       *base;                     /* where it is mapped: its identity */
  void       *handle;                   /* of dlopen() */
  int         major, minor, subminor;   /* of PETSc */
  int         complex_scalar;           /* 0 or 1 */
  int         real_bits, integer_bits;  /* width of PetscReal and PetscInt */
  int         debug;                    /* 0 or 1 */
  char        device[FURL_NAME_LENGTH]; /* device packages joined by '+', "cpu" without any */
  char        mpi[32];                  /* ABI family: openmpi, mpich, mpiuni, or unknown */
  char        build[FURL_NAME_LENGTH];  /* folder below furl/ where the build for such a PETSc lies */
} FurlPetsc;

/*
  Describes the library that holds `address`. Returns NULL, or what is wrong with it (static string)
*/
const char *FurlLoaderDescribe(void *address, FurlPetsc *petsc);
