/*
  One header for all that differs between PETSc 3.18 and 3.26: the rest of Furl is written for the newest form
  (formats of names and signatures from PETSc's change log of each release).
*/
#pragma once

#include <petscversion.h>
#include <petscsys.h>

#if PETSC_VERSION_LT(3, 19, 0)
#define PETSC_SUCCESS ((PetscErrorCode)0)
#endif

/* 3.23 turned the argument of setfromoptions() from a pointer to a struct into a typedef of that pointer */
#if PETSC_VERSION_LT(3, 23, 0)
typedef PetscOptionItems *FurlOptionItems;
#else
typedef PetscOptionItems FurlOptionItems;
#endif

/* 3.22 counts history lengths and the like in PetscCount, 3.18 has no such type */
#if PETSC_VERSION_LT(3, 19, 0)
typedef PetscInt PetscCount;
#endif
