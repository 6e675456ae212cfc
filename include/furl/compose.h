/*
  What Furl's three types tell each other. Every exchange goes through a function composed on the object, so that each type works with
  PETSc's own partners as well: the caller asks with PetscObjectQueryFunction() or PetscTryMethod() and goes on without when there is none.
  PC furl composes PCFurlSetFlexible_C, PCFurlSetNorm_C, PCFurlIsSlow_C, PCFurlRaise_C, PCFurlSolved_C, PCFurlGetBytes_C, PCFurlGetDevice_C
  and those for refinement so far: its cycle needs no shared copy.
*/
#pragma once

#include <petscksp.h>
#include <furl/matrix.h>
#include <furl/slicesdevice.h>

/*
  On a Mat of type furl.

  MatFurlMultDot_C          y = A x and dot = x'y in one pass over the matrix; dot is summed over the ranks. Square matrices only.
  MatFurlGetIsolatedRows_C  the local rows (global numbering, sorted, owned by this rank) that hold nothing but their diagonal entry, as
                            Dirichlet rows kept in the system do (stored zeros count for nothing, the diagonal entry is not zero); the
                            caller destroys the IS. NULL where no rank has one. Square matrices with the same layout of rows and columns.
  MatFurlGetTraits_C        what was seen of the entries when they were encoded. Collective; matrices as above
  MatFurlEnqueueMult_C      y = A x and the parts of x'y, [slices], on a device that has the diagonal block of the compressed form
  MatFurlGetMatrix_C        the compressed form itself, valid until the values change
*/
typedef PetscErrorCode (*FurlMatMultDotFn)(Mat A, Vec x, Vec y, PetscScalar *dot);
typedef PetscErrorCode (*FurlMatGetIsolatedRowsFn)(Mat A, IS *rows);

typedef PetscErrorCode (*FurlMatGetTraitsFn)(Mat A, FurlMatTraits *traits);
typedef PetscErrorCode (*FurlMatGetMatrixFn)(Mat A, const FurlMatrix **matrix);
typedef PetscErrorCode (*FurlMatEnqueueMultFn)(Mat A, FurlQueue *queue, const FurlSlices *there, const double *x, double *y,
                                               double *partial);

/*
  On a PC of type furl.

  PCFurlShareMat_C     F is a lossless Mat furl copy of Pmat at its present state, for the finest level; NULL takes it back
  PCFurlSetFlexible_C  the outer method allows a preconditioner that changes from one application to the next
  PCFurlSetNorm_C      the 2-norm of the vector that the next PCApply() will get, which saves the preconditioner a reduction; 0: unknown
  PCFurlIsSlow_C       whether other means of the preconditioner are worth a try, or known to be faster, at this progress
  PCFurlRaise_C        it serves badly: take other means (another method, more precision), of which the fastest is kept in the end.
                       progress: NULL where these have failed. `raised` is false where no others are left; `what` names the new ones, for
                       a line of information (static string)
  PCFurlSolved_C       the solve has ended: what waited for the outcome of a try is let go
  PCFurlGetBytes_C     the memory that it holds on this process, by purpose

  A PC whose finest level is Pmat itself, but for a rounding of 2^-11, can solve by conjugate gradients of its own in low precision:

  PCFurlMayRefine_C    whether it can; before its set-up, whether that is likely. constants: they are Pmat's null space; else nothing is.
                       symmetric: only if Pmat is that, of which the PC knows nothing
  PCFurlGetOwnRows_C   the rows, counted from this process's first, that hold nothing but their diagonal, and that: satisfied first, they
                       take no part. all: how many there are on all processes. Arrays to be freed by the caller
  PCFurlRefineBegin_C  begins with y = 0 and the residual r of norm `size`; *can is false, and nothing begun, where the PC cannot
  PCFurlRefineStep_C   one iteration: *norm is the 2-norm of r - P y by recurrence, *floor that below which rounding hides the true one;
                       *ok is false, and y what it was, where the recurrence broke down
  PCFurlRefineAdd_C    x += factor * y
*/
typedef struct {
  PetscInt  done;     /* iterations with these means */
  PetscBool monotone; /* norms of residuals cannot grow from one iteration to the next */
  double    rate;     /* the natural logarithm by which an iteration lowers the residual, in the mean of the last ones */
  double    left;     /* iterations to the tolerance at that rate; 0: unknown */
  double    room;     /* iterations that are allowed still */
  PetscBool hopeless; /* the tolerance would not be met, or no end is in sight */
} FurlProgress;

typedef struct {
  double levels;    /* matrices of the levels with their diagonals and scalings */
  double transfers; /* between the levels, both directions */
  double vectors;   /* of the cycle */
  double coarsest;  /* its inverse or factors */
  double imported;  /* matrices that the inner PC keeps, and a converted Pmat */
  double fallback;  /* factors of the means after multigrid */
} FurlPCBytes;

/*
  PCFurlGetDevice_C    what the PC can do on a device. plan names the arrays of its present form to an arena, which must be placed before,
                       and live until, anything is enqueued: *why is set where it cannot. apply enqueues z = B r, on vectors of the device,
                       where power has 2^-e and 2^e on the device and the norm of r is about 2^e. arena: that of the latest plan, NULL where
                       the PC has changed since
*/
typedef struct {
  PetscErrorCode (*plan)(PC pc, FurlArena *arena, FurlQueue *queue, const char **why);
  PetscErrorCode (*apply)(PC pc, const double *power, const double *r, double *z);
  PetscErrorCode (*forget)(PC pc);
  const FurlArena *arena;
} FurlPCDevice;

typedef PetscErrorCode (*FurlPCGetDeviceFn)(PC pc, FurlPCDevice *device);
typedef PetscErrorCode (*FurlPCMayRefineFn)(PC pc, PetscBool constants, PetscBool *may, PetscBool *symmetric);
typedef PetscErrorCode (*FurlPCGetOwnRowsFn)(PC pc, PetscInt *n, PetscInt **rows, PetscScalar **diagonal, PetscInt *all);
typedef PetscErrorCode (*FurlPCRefineBeginFn)(PC pc, Vec r, PetscReal size, PetscBool *can);
typedef PetscErrorCode (*FurlPCRefineStepFn)(PC pc, PetscReal *norm, PetscReal *floor, PetscBool *ok);
typedef PetscErrorCode (*FurlPCRefineAddFn)(PC pc, PetscReal factor, Vec x);
typedef PetscErrorCode (*FurlPCGetBytesFn)(PC pc, FurlPCBytes *bytes);
typedef PetscErrorCode (*FurlPCShareMatFn)(PC pc, Mat F);
typedef PetscErrorCode (*FurlPCSetFlexibleFn)(PC pc, PetscBool flexible);
typedef PetscErrorCode (*FurlPCSetNormFn)(PC pc, PetscReal norm);
typedef PetscErrorCode (*FurlPCIsSlowFn)(PC pc, const FurlProgress *progress, PetscBool *slow);
typedef PetscErrorCode (*FurlPCRaiseFn)(PC pc, const FurlProgress *progress, const char **what, PetscBool *raised);
typedef PetscErrorCode (*FurlPCSolvedFn)(PC pc);
