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

/* A GAMG of 3.18 that was reset takes no matrix of another size; one of 3.26 does */
#define FURL_GAMG_RESET_IS_WHOLE PETSC_VERSION_GE(3, 26, 0)

/* 3.21 lets MatCreateGraph() take some of the components of a block only */
#if PETSC_VERSION_LT(3, 21, 0)
#define FURL_CREATEGRAPH_PARAMETERS (Mat A, PetscBool symmetric, PetscBool scale, PetscReal filter, Mat * graph)
#define FURL_CREATEGRAPH_ARGUMENTS (aij, symmetric, scale, filter, graph)
#else
#define FURL_CREATEGRAPH_PARAMETERS \
  (Mat A, PetscBool symmetric, PetscBool scale, PetscReal filter, PetscInt n, PetscInt index[], Mat * graph)
#define FURL_CREATEGRAPH_ARGUMENTS (aij, symmetric, scale, filter, n, index, graph)
#endif

/* 3.23 gives the destructor of a container the address of the pointer */
#if PETSC_VERSION_LT(3, 23, 0)
#define FurlContainerSetFree(container) PetscContainerSetUserDestroy(container, PetscContainerUserDestroyDefault)
#else
#define FurlContainerSetFree(container) PetscContainerSetCtxDestroy(container, PetscCtxDestroyDefault)
#endif

/* 3.19 compares a string with several at once; the list ends with "" */
#if PETSC_VERSION_LT(3, 19, 0)
#include <stdarg.h>
static inline PetscErrorCode PetscStrcmpAny(const char *string, PetscBool *match, const char *first, ...)
{
  va_list     list;
  const char *other = first;

  *match = PETSC_FALSE;
  va_start(list, first);
  for (; other[0] && !*match; other = va_arg(list, const char *)) PetscCall(PetscStrcmp(string, other, match));
  va_end(list);
  return 0;
}
#endif
