/* What the files of KSP furl share: its data, and the functions that one of them offers to the others */
#pragma once

#include <petsc/private/kspimpl.h>
#include <petscfurl.h>
#include <furl/compat.h>
#include <furl/compose.h>
#include <furl/memory.h>

/* Why a recurrence handed back to the driver without a reason to stop */
typedef enum {
  FURL_KSP_CLAIM,     /* it claimed convergence and the true residual disagrees */
  FURL_KSP_RAISED,    /* the preconditioner took its next means */
  FURL_KSP_STALL,     /* no progress */
  FURL_KSP_SIGN_MAT,  /* p'Ap changed its sign */
  FURL_KSP_SIGN_PC,   /* r'Br changed its sign */
  FURL_KSP_BREAKDOWN, /* a division by zero ahead */
  FURL_KSP_DIVERGED,  /* the user's test saw divergence, and another method may do better */
  FURL_KSP_CAUSES     /* none so far */
} FurlKSPCause;

#define FURL_KSP_WINDOW 30 /* iterations over which the rate of convergence is observed */

typedef struct {
  /* the user's wishes */
  KSPFurlMethod   method;
  KSPFurlCompress compress;
  PetscBool       refine;  /* where the preconditioner can */
  PetscInt        restart; /* columns of a GMRES cycle */

  /* the operator: owned, renewed whenever Amat's state changes */
  Mat              F;               /* lossless compressed copy of Amat, or NULL */
  PetscBool        F_shared;        /* PC furl uses F for its finest level */
  PetscObjectId    mat_id;          /* of the Amat that all of this describes */
  PetscObjectState mat_state;       /* its values */
  PetscObjectState mat_nonzero;     /* its pattern */
  PetscBool        described;       /* F and what follows are made: refinement needs none of it */
  PetscBool        refine_failed;   /* it did not serve this Amat */
  PetscBool        knows_mirror;    /* refinement has asked whether ... */
  PetscBool        mirrors;         /* ... Amat is its own transpose bit for bit */
  const char      *why_own;         /* why Amat's own product serves (static string), NULL with a copy */
  PetscBool        has_traits;      /* a copy, or a pass over Amat's entries, saw ... */
  FurlMatTraits    traits;          /* ... what they tell */
  PetscBool        symmetric;       /* Amat is symmetric outside the isolated rows */
  PetscBool        one_signed;      /* so is its diagonal in sign */
  const char      *how;             /* how the symmetry was found (static string) */
  PetscInt         nisolated_all;   /* over all ranks */
  PetscInt         nisolated;       /* local rows that hold nothing but their diagonal */
  PetscInt        *isolated;        /* [nisolated] local row numbers */
  PetscScalar     *pivot;           /* [nisolated] their diagonal entries */
  PetscBool        has_isolated;    /* on any rank */
  PetscBool        whole_symmetric; /* symmetric with the isolated rows included, so that A' may be solved by CG too */

  /* work: owned */
  Vec       *work;         /* [4] r, z, p, q of the comments, see FurlKSPr() and so on */
  FurlBlock  work_memory;  /* of their arrays, where it is not PETSc's */
  Vec       *more;         /* [3] BiCGStab's shadow residual, t and the preconditioned residual */
  Vec        refused_best; /* the best iterate whose claim was refused */
  Vec        built;        /* KSPBuildSolution() without a vector of the caller, inside a GMRES cycle */
  Vec        best;         /* the best iterate, valid when best_saved */
  Vec       *V, *Z;        /* [nV] orthonormal basis and [nZ] preconditioned basis of GMRES, made as the cycle grows */
  PetscInt   nV, nZ;
  PetscReal *hess;          /* GMRES: [restart][restart + 1] Hessenberg columns, then rotations and right-hand side */
  PetscInt   nhess;         /* columns for which hess has room */
  PetscBool  columns_there; /* a cycle is on its way on a device, which has V and Z */
  double    *partial;       /* [3 * blocks of local entries] partial sums */
  PetscInt   npartial;

  /* on a device */
  struct FurlKSPDevice *device;        /* what is there, or NULL: owned, kspdevice.h */
  PetscBool             device_failed; /* and nobody insists on it */
  const char           *why_host;      /* the last solve, or part of it, ran on the CPU; NULL or empty: as it was asked to */
  char                  why_text[FURL_DEVICE_TEXT];

  /* one solve */
  KSPFurlMethod running;     /* cg, gmres or bcgs */
  KSPFurlMethod learned;     /* auto, or what an earlier solve with this matrix had to change to */
  PetscBool     doubted;     /* GMRES runs as z'r changed its sign, and who is at fault is not known */
  PetscBool     refining;    /* the preconditioner iterates, in low precision */
  PetscBool     constants;   /* while it does: they are the null space, and ... */
  PetscReal     mean;        /* ... x keeps the mean of the guess */
  PetscBool     plain;       /* the vectors are PETSc's host vectors: the fused passes serve */
  PetscBool     aside;       /* the isolated rows are satisfied and stay out of the recurrence */
  PetscBool     target;      /* the user's test can stop on a residual: watch the progress */
  PetscBool     raise_empty; /* the preconditioner has no other means left */
  PetscBool     own_product; /* the copy was found wanting: use Amat's own product */
  PetscInt      columns;     /* GMRES restart length in use */
  PetscInt      inner;       /* columns of the cycle not yet added to x */
  PetscReal     sigma;       /* the recurrence works on r = sigma (b - A x), a power of two */
  PetscReal     tau;         /* GMRES and BiCGStab work on tau A, a power of two */
  PetscReal     rnorm;       /* 2-norm of r */
  PetscReal     norm;        /* the user's norm of b - A x, by recurrence */
  PetscReal     best_norm;   /* the smallest of those, and what belongs to the best iterate */
  PetscBool     best_saved;  /* `best` holds an iterate better than x */
  PetscReal     last_true;   /* smallest true norm so far, of the guess and of the refused claims: that of refused_best ... */
  PetscBool     last_zero;   /* ... or of x = 0 */
  PetscBool     judged;      /* x is the best iterate by true residuals */
  PetscInt      refused;     /* claims refused in a row without gain */
  PetscReal     mark;        /* best norm when progress was last seen, and ... */
  PetscInt      mark_it;     /* ... when */
  PetscInt      start_it;    /* iteration at the last restart */
  PetscReal     window[FURL_KSP_WINDOW];
  PetscReal     energy[FURL_KSP_WINDOW]; /* by which a step of CG has lowered the square of the error's norm of A, ... */
  PetscBool     energies;                /* ... where that is told */
  FurlKSPCause  cause;

  /* for the view: the last solve */
  PetscInt  nclaims;    /* claims that the true residual refused */
  PetscInt  nraises;    /* times the preconditioner was raised */
  PetscBool pc_ours;    /* the PC is furl because nobody chose one */
  PetscBool projected;  /* b was projected on the complement of the null space */
  char      story[256]; /* why the method changed, or why no convergence was reached */
  PetscReal reached, wanted;

  PetscLogEvent event_encode, event_classify, event_verify;
  void (*aij_mult)(void); /* kspaij.c: PETSc's own product of AIJ matrices; NULL: not looked for yet */

  /* Kept only for KSPSetComputeSingularValues(), of all runs of the last solve with the preconditioner at its end */
  PetscReal *lanczos_alpha, *lanczos_beta; /* [nlanczos_max] coefficients of CG; beta = 0 begins a run */
  PetscInt   nlanczos, nlanczos_max;
  PetscReal  cycles_largest, cycles_smallest; /* singular values of the GMRES cycles that ended; 0: none did */
} KSP_Furl;

/* kspsettings.c: behind the public setters and getters */
PETSC_INTERN PetscErrorCode KSPFurlSetMethod_Furl(KSP, KSPFurlMethod);
PETSC_INTERN PetscErrorCode KSPFurlGetMethod_Furl(KSP, KSPFurlMethod *);
PETSC_INTERN PetscErrorCode KSPFurlSetRestart_Furl(KSP, PetscInt);
PETSC_INTERN PetscErrorCode KSPFurlGetRestart_Furl(KSP, PetscInt *);
PETSC_INTERN PetscErrorCode KSPFurlSetCompress_Furl(KSP, KSPFurlCompress);
PETSC_INTERN PetscErrorCode KSPFurlGetCompress_Furl(KSP, KSPFurlCompress *);
PETSC_INTERN PetscErrorCode KSPFurlSetRefine_Furl(KSP, PetscBool);
PETSC_INTERN PetscErrorCode KSPFurlGetRefine_Furl(KSP, PetscBool *);

/* kspoperator.c: Amat, its copy, its symmetry */
PETSC_INTERN PetscErrorCode FurlKSPRefresh(KSP, PetscBool *changed);
PETSC_INTERN PetscErrorCode FurlKSPDescribe(KSP);
PETSC_INTERN PetscErrorCode FurlKSPForget(KSP);
PETSC_INTERN PetscErrorCode FurlKSPForgetIsolated(KSP);
PETSC_INTERN PetscErrorCode FurlKSPKnowMirrors(KSP, PetscBool *mirrors);
PETSC_INTERN PetscErrorCode FurlKSPMult(KSP, Vec, Vec, PetscScalar *dot);
PETSC_INTERN PetscErrorCode FurlKSPChoosePC(KSP);
PETSC_INTERN PetscErrorCode FurlKSPSharePC(KSP);

/* kspbytes.c: the memory in the view; whole: the preconditioner tells its own */
PETSC_INTERN PetscErrorCode FurlKSPViewBytes(KSP, PetscBool whole, PetscViewer);

/* kspclassify.c: is A symmetric */
PETSC_INTERN PetscErrorCode FurlKSPClassify(KSP, Mat op, Mat A);
PETSC_INTERN PetscErrorCode FurlKSPRandom(KSP, Vec);

/* kspvector.c: passes over vectors */
PETSC_INTERN PetscErrorCode FurlKSPDots(KSP, Vec z, Vec r, Vec q, PetscReal sums[3]);
PETSC_INTERN PetscErrorCode FurlKSPDirection(KSP, Vec p, PetscReal beta, Vec z);
PETSC_INTERN PetscErrorCode FurlKSPUpdate(KSP, Vec x, PetscReal xstep, Vec p, Vec r, PetscReal rstep, Vec q, PetscReal *rr);
PETSC_INTERN PetscBool      FurlKSPIsSafeNorm(PetscReal norm); /* its square neither overflows nor loses digits */
PETSC_INTERN PetscErrorCode FurlKSPNorm2(KSP, Vec, PetscReal *);
PETSC_INTERN PetscErrorCode FurlKSPVectorsPlain(KSP);
PETSC_INTERN PetscReal      FurlKSPPowerOfTwo(PetscReal);

/* kspresidual.c: residuals, claims and the best iterate */
PETSC_INTERN PetscErrorCode FurlKSPAijMult(KSP, Mat A, Vec x, Vec b, Vec y, PetscReal *norm, PetscBool *done); /* kspaij.c */
PETSC_INTERN PetscErrorCode FurlKSPTrueResidual(KSP, PetscBool users);
PETSC_INTERN PetscErrorCode FurlKSPPrecondition(KSP, Vec r, PetscReal norm, Vec z);
PETSC_INTERN PetscErrorCode FurlKSPRemoveNullSpace(KSP, Vec);
PETSC_INTERN PetscErrorCode FurlKSPReport(KSP, PetscReal norm);
PETSC_INTERN PetscErrorCode FurlKSPVerify(KSP);
PETSC_INTERN PetscReal      FurlKSPClaimLimit(KSP); /* a claim of convergence stands with a true norm up to it */
PETSC_INTERN PetscErrorCode FurlKSPFirstResidual(KSP);
PETSC_INTERN PetscErrorCode FurlKSPSatisfyIsolated(KSP);
PETSC_INTERN PetscErrorCode FurlKSPSmallSystem(KSP, PetscReal);
PETSC_INTERN PetscErrorCode FurlKSPWatch(KSP, PetscBool *restart);
PETSC_INTERN PetscErrorCode FurlKSPKeepBest(KSP, PetscReal norm, PetscReal step, Vec direction);
PETSC_INTERN PetscErrorCode FurlKSPScaleOperator(KSP, Vec w);
PETSC_INTERN PetscErrorCode FurlKSPRaise(KSP, const char *why, const FurlProgress *progress, PetscBool *raised);
PETSC_INTERN PetscErrorCode FurlKSPTellFlexible(KSP);

/* kspsolve.c: the driver; kspcg.c, kspgmres.c, kspbcgs.c: the recurrences */
PETSC_INTERN PetscErrorCode KSPSolve_Furl(KSP);
PETSC_INTERN PetscErrorCode FurlKSPRunCG(KSP);
PETSC_INTERN PetscErrorCode FurlKSPRunGMRES(KSP);
PETSC_INTERN PetscErrorCode FurlKSPRunBCGS(KSP);
PETSC_INTERN PetscErrorCode FurlKSPGMRESSolution(KSP, Vec);
PETSC_INTERN PetscErrorCode FurlKSPGMRESPrepare(KSP_Furl *);              /* hess, for f->columns */
size_t                      FurlKSPGMRESNumbers(PetscInt columns);        /* in hess */
PETSC_INTERN PetscErrorCode FurlKSPGMRESCoefficients(KSP, PetscReal **y); /* x += Z y, [f->inner] */
void                        FurlKSPGMRESJudge(KSP);                       /* x or the iterate that was kept */
PetscBool                   FurlKSPGMRESGotNowhere(KSP_Furl *, PetscReal before);
PETSC_INTERN PetscErrorCode FurlKSPGMRESSingularValues(KSP, PetscReal *, PetscReal *); /* widens the range by those of the cycle at hand */

/* kspdiagnose.c: what may be wrong with a system that was not solved */
PETSC_INTERN PetscErrorCode FurlKSPDiagnose(KSP, char clause[], size_t room);
PETSC_INTERN PetscErrorCode FurlKSPIsRounding(KSP, PetscReal norm, PetscBool *rounding);

/* kspspectrum.c: what the recurrences say about the spectrum */
PETSC_INTERN PetscErrorCode FurlKSPKeepLanczos(KSP, PetscReal alpha, PetscReal beta);
PETSC_INTERN void           FurlKSPForgetSpectrum(KSP);
PETSC_INTERN PetscErrorCode KSPComputeExtremeSingularValues_Furl(KSP, PetscReal *, PetscReal *);
PETSC_INTERN PetscErrorCode KSPComputeEigenvalues_Furl(KSP, PetscInt, PetscReal *, PetscReal *, PetscInt *);

/* ksprefine.c: the preconditioner's own iteration */
PETSC_INTERN PetscErrorCode FurlKSPMayRefine(KSP, PetscBool *may, PetscBool *symmetric);
PETSC_INTERN PetscErrorCode FurlKSPWillRefine(KSP, PetscBool *will);
PETSC_INTERN PetscErrorCode FurlKSPPrepareRefinement(KSP);
PETSC_INTERN PetscErrorCode FurlKSPRefineProject(KSP, Vec residual, PetscBool *ok);
PETSC_INTERN PetscErrorCode FurlKSPRunRefined(KSP);
PETSC_INTERN PetscErrorCode FurlKSPRefineSolution(KSP, PetscReal part, PetscReal sigma, Vec);

/* kspplace.c, kspcgdevice.c, kspgmresdevice.c, kspbcgsdevice.c: a solve on a device */
PETSC_INTERN PetscErrorCode FurlKSPDeviceWanted(KSP, FurlDevice **);
PETSC_INTERN PetscErrorCode FurlKSPPlace(KSP, PetscBool *serves);
PETSC_INTERN PetscErrorCode FurlKSPLeaveDevice(KSP);
PETSC_INTERN PetscErrorCode FurlKSPDeviceFailed(KSP, FurlDeviceStatus);
PETSC_INTERN PetscErrorCode FurlKSPRunCGDevice(KSP, FurlDeviceStatus *);
PETSC_INTERN PetscErrorCode FurlKSPRunGMRESDevice(KSP, FurlDeviceStatus *);
PETSC_INTERN PetscErrorCode FurlKSPRunBCGSDevice(KSP, FurlDeviceStatus *);
PETSC_INTERN PetscErrorCode FurlKSPFetchColumns(KSP);
PETSC_INTERN PetscErrorCode FurlKSPDeviceSolution(KSP, const PetscReal *y, Vec);
PETSC_INTERN PetscErrorCode FurlKSPViewDevice(KSP, PetscViewer);
void                        FurlKSPSetPowers(PetscReal size, double power[2]);

/* kspwork.c: the work vectors */
PETSC_INTERN PetscErrorCode FurlKSPCreateWork(KSP);
PETSC_INTERN PetscErrorCode FurlKSPDestroyWork(KSP);

/* The work vectors by their letters */
static inline Vec FurlKSPr(const KSP_Furl *f)
{
  return f->work[0];
}
static inline Vec FurlKSPz(const KSP_Furl *f)
{
  return f->work[1];
}
static inline Vec FurlKSPp(const KSP_Furl *f)
{
  return f->work[2];
}
static inline Vec FurlKSPq(const KSP_Furl *f)
{
  return f->work[3];
}
