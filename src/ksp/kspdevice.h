/* What a KSP has on a device, shared by the files that put it there and run on it */
#pragma once

#include <furl/device.h>
#include <furl/compose.h>
#include <furl/slicesdevice.h>
#include "kernels/ksplaunch.h"

typedef struct FurlKSPDevice {
  FurlQueue            queue;
  FurlArena            arena;
  FurlSlices           matrix; /* the compressed copy of Amat there */
  FurlPCDevice         pc;
  FurlMatEnqueueMultFn mult;
  int64_t              n;
  PC                   owner;            /* whose preconditioner it is: a reference */
  int64_t              nblocks, nslices; /* of the vectors, FURL_KSP_BLOCK each; of the matrix */
  double               product;          /* flops of one with the matrix */
  double              *b, *x, *q, *best; /* [n] there */
  double              *r, *z, *p;        /* [n] there, of conjugate gradients and BiCGStab, */
  double              *t, *shadow;       /* and of BiCGStab alone */
  KSPFurlMethod        method;           /* what all this is for */
  double              *partial, *sum;
  KspState            *state, begin; /* there; and what it begins with */
  KspNews             *news, *news_there;
  int64_t              nrows, *rows, *row; /* rows that hold nothing but their diagonal: on the host, owned; and there */
  int64_t              heard;              /* serial of the latest news that the host has read */
  PetscBool            fed;                /* the host wants x, or the columns that x does not hold, after each iteration */
  PetscReal            error; /* of residuals computed here against those of the user's own product, over |x|; < 0: none was compared */

  /* an iteration of conjugate gradients, recorded: from the second one of a placement on, as the first makes the driver load what it needs
   */
  FurlGraph graph;
  PetscBool warm, cannot; /* there was an iteration; recording does not work */
  PetscBool graph_aside;  /* rows are cleared in it */

  /* the null space, orthonormal */
  PetscObjectId space; /* whose it is; 0: there is none */
  PetscBool     constants;
  PetscInt      nnull;
  double       *null; /* [nnull][n] there */

  /* GMRES */
  PetscInt columns, asked; /* of a cycle: those that fit into memory, and those that were asked for; else 0 */
  double  *V, *Z;          /* [columns + 1][n] and [columns][n] there */
  double  *total;          /* [columns + 2], or the null space's, there */
  double  *hess;           /* KSP_Furl's there */
} FurlKSPDevice;

/* kspdevice.c: what the recurrences share */
typedef PetscErrorCode (*FurlKSPEnqueueFn)(KSP, FurlKSPDevice *, PetscInt k);

int64_t                     FurlKSPSumsOf(int64_t n); /* room for the sums of n numbers, KSP_SUMS each */
void                        FurlKSPEnqueueTotals(FurlKSPDevice *d, int nsums);
void                        FurlKSPEnqueueNullSpace(FurlKSPDevice *d, double *v); /* removes it */
void                        FurlKSPEnqueueSum(FurlKSPDevice *d, int64_t n, int nsums);
void                        FurlKSPEnqueueScalars(FurlKSPDevice *d, const FurlKernel *kernel, int64_t n);
void                        FurlKSPEnqueueStep(FurlKSPDevice *d, const double *z, const double *w);
PETSC_INTERN PetscErrorCode FurlKSPUpload(KSP, FurlKSPDevice *d, double *r);
PETSC_INTERN PetscErrorCode FurlKSPIterate(KSP, FurlKSPDevice *d, FurlKSPEnqueueFn enqueue, KspStop *stop);
PETSC_INTERN PetscErrorCode FurlKSPEnqueueResidual(KSP, FurlKSPDevice *d, double *r);
PETSC_INTERN int            FurlKSPHear(FurlKSPDevice *d, KspNews *news);
PETSC_INTERN PetscErrorCode FurlKSPFetchState(FurlKSPDevice *d, KspState *state);
/* Between arrays there and vectors, wherever PETSc has these */
PETSC_INTERN PetscErrorCode FurlKSPCopyIn(FurlKSPDevice *d, Vec v, double *to);
PETSC_INTERN PetscErrorCode FurlKSPCopyOut(FurlKSPDevice *d, const double *from, Vec v);
PETSC_INTERN PetscErrorCode FurlKSPFetchX(KSP, FurlKSPDevice *d);
PETSC_INTERN PetscErrorCode FurlKSPFetchBest(KSP, FurlKSPDevice *d);
PETSC_INTERN PetscErrorCode FurlKSPSettle(KSP, FurlKSPDevice *d);
PETSC_INTERN PetscErrorCode FurlKSPRunShort(KSP, FurlKSPDevice *d, FurlKSPEnqueueFn enqueue, FurlDeviceStatus *);
