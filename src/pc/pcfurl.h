/* The data of a PC of type furl, shared by the files that set it up and apply it */
#pragma once

#include <petscfurl.h>
#include <furl/compose.h>
#include "level.h"
#include "grid/grid.h"

/* The means of the preconditioner; means.c has the order in which they are taken when one serves badly */
typedef enum {
  FURL_STAGE_GRID,   /* multigrid on a box of cells, couplings of 2 bytes */
  FURL_STAGE_HALF,   /* multigrid on a hierarchy of matrices, couplings of 2 bytes */
  FURL_STAGE_SINGLE, /* the same with couplings in FP32 */
  FURL_STAGE_FACTOR, /* incomplete factorisation of each process's block, FP64 */
  FURL_STAGE_JACOBI, /* diagonal, FP64 */
  FURL_STAGE_NONE,   /* identity: a matrix of which nothing but products is known */
  FURL_STAGES
} FurlStage;

typedef struct {
  FurlHierarchy   hierarchy;
  FurlHierarchy   transposed; /* of the transposed matrix, built at the first transposed application of a matrix not known symmetric */
  FurlStage       stage;
  FurlStage       asked;              /* that the options asked for, for the view */
  double          speed[FURL_STAGES]; /* means.c: of each that had a turn and served; 0: unknown, or it did not */
  int             turns[FURL_STAGES]; /* that each has had */
  PetscBool       settled;            /* the fastest is known: no other has a turn unless it fails */
  int             doubts;             /* iterations in a row at which others would have been faster */
  double          budget;             /* what the means before were expected to take still, in the unit of their costs; 0: unknown */
  PetscBool       kept;               /* the levels of FURL_STAGE_HALF are still there while FURL_STAGE_FACTOR has its turn */
  PCFurlMethod    method;             /* option: where to begin */
  PCFurlHierarchy kind;               /* option: whose hierarchy */
  PetscBool       flexible;           /* the outer method allows a cycle that is not linear; asked again before each set-up */
  FurlGrid       *grid;               /* stage FURL_STAGE_GRID, else NULL */
  PetscInt        degree;             /* option: degree of the smoother */
  PetscBool       own;                /* the hierarchy of matrices is Furl's own, over aggregates */
  PC              import;             /* the PC whose hierarchy is imported */
  Mat             import_mat;         /* what a hierarchy of matrices is built of: Pmat, converted or scaled where need be */
  PetscBool       import_given;       /* the user has that PC in hand */
  PetscBool       reorder;            /* option: rows of the hierarchy in another order where theirs is bad */
  double          threshold;          /* option: of the largest coupling, below which one is weak */
  struct {
    double           threshold;
    PetscObjectId    id; /* of Pmat, with this state */
    PetscObjectState state;
    MatNullSpace     near;      /* the near null space of import_mat; not owned, for comparison */
  } set_up;                     /* what Furl's own hierarchy was made of */
  PetscInt        *row;         /* [local rows] the order of the hierarchy's rows; NULL: the user's */
  Mat              ordered_mat; /* import_mat in that order, which the hierarchy is built of; NULL: import_mat, or it is built */
  PetscObjectId    ordered_id;  /* the Pmat that it is of, with these states */
  PetscObjectState ordered_pattern, ordered_state;
  double           import_bytes;  /* of the matrices of its levels below the finest and of its transfers, on this process */
  double           import_factor; /* import_mat = import_factor * Pmat, a power of two */
  PC               fallback;      /* PETSc's PC of the last stages */
  PetscReal        norm;          /* of the vector of the next application, 0: unknown */
  double           product;       /* pcrefine.c: p'A p of the latest step; 0: there was none */
  FurlQueue       *queue;         /* of the device that has a copy of grid or hierarchy; NULL: none has */
  const FurlArena *arena;         /* of that copy */
  FurlGrid        *device_grid;   /* that copy's structures */
  FurlHierarchy    device_levels; /* the same of a hierarchy of matrices; nlevels 0: none */
  const char      *reason;        /* why the stage asked for was left, for the view; static string */
} PC_Furl;

/* means.c: from `first` on, and none behind `last` */
void FurlMeansBegin(PC_Furl *furl, FurlStage first, FurlStage last);
void FurlMeansExclude(PC_Furl *furl, FurlStage stage); /* it has no turn any more */
void FurlMeansAgain(PC_Furl *furl); /* the matrix has new values: the present stage goes on, of others nothing is known */
/* Whether others are faster, or worth a try */
PetscBool FurlMeansAreSlow(PC_Furl *furl, const FurlProgress *progress);
/* Sets the stage to the next one; false where there is none. progress: NULL where the present one failed */
PetscBool FurlMeansNext(PC_Furl *furl, const FurlProgress *progress);

/* hierarchy.c: import_mat, Pmat as AIJ in units in which squares are finite */
PETSC_INTERN PetscErrorCode FurlHierarchyGetMat(PC pc, const char **why);
Mat                         FurlHierarchyMat(const PC_Furl *furl); /* import_mat, in the order of its rows that was chosen */
/* Furl's own levels or another PC's; *why is set where there are none, and nothing is left behind then */
PETSC_INTERN PetscErrorCode FurlHierarchySetUp(PC pc, const char **why);
PETSC_INTERN PetscErrorCode FurlHierarchySetUpTranspose(PC pc);
PETSC_INTERN PetscErrorCode FurlHierarchyIsCurrent(PC pc, PetscBool *current);
PETSC_INTERN PetscErrorCode FurlHierarchyDropLevels(PC_Furl *furl); /* the matrix stays, for the means after multigrid */
PETSC_INTERN PetscErrorCode FurlHierarchyReset(PC_Furl *furl);
PETSC_INTERN PetscErrorCode FurlHierarchyIsSingular(PC pc, PetscBool *singular);
PETSC_INTERN PetscErrorCode FurlConstantsAreNearNull(Mat A, PetscBool *constants);

/* algebraic/ and import/: twin as in FurlLevelBuild() */
PETSC_INTERN PetscErrorCode FurlAlgebraicSetUp(PC pc, const FurlHierarchy *twin, FurlHierarchy *h, const char **why);
PETSC_INTERN PetscErrorCode FurlImportSetUp(PC pc, const FurlHierarchy *twin, FurlHierarchy *h, const char **why);
PETSC_INTERN PetscErrorCode FurlImportGetPC(PC pc, PC *import);
PETSC_INTERN PetscErrorCode FurlImportReset(PC_Furl *furl);

/* reorder.c: chooses the order of the hierarchy's rows, and makes row[] and ordered_mat where it is not the user's. Of a hierarchy that is
 * not Furl's own it needs the PC */
PETSC_INTERN PetscErrorCode FurlHierarchyOrder(PC pc);
PETSC_INTERN PetscErrorCode FurlHierarchyOrderAgain(PC_Furl *furl); /* the copy in the order that was chosen */
PETSC_INTERN PetscErrorCode FurlHierarchyForgetOrder(PC_Furl *furl);

PETSC_INTERN PetscErrorCode FurlMatToAij(Mat A, Mat *aij); /* A itself or a conversion; the caller destroys it */

PETSC_INTERN PetscErrorCode FurlFallbackSetUp(PC pc);
PETSC_INTERN PetscErrorCode FurlMatIsFinite(Mat A, PetscBool *finite);

/* y = B x with the hierarchy of the matrix, or that of its transpose */
PETSC_INTERN PetscErrorCode FurlHierarchyApply(PC pc, FurlHierarchy *h, Vec x, Vec y);
/* The same on a device, enqueued; power: [2] 2^-e and 2^e there, of the norm of r */
PETSC_INTERN PetscErrorCode FurlHierarchyEnqueue(PC pc, FurlHierarchy *there, const double *power, const double *r, double *z);
PETSC_INTERN PetscBool      FurlHierarchyIsNarrow(const FurlHierarchy *h); /* needs no pass over a vector to be scaled */
/* The power of two that scales a vector of that norm: the scaled one's where the scales are not narrow */
int                         FurlLevelShift(const FurlLevel *level, double size);
PETSC_INTERN PetscErrorCode FurlHierarchyView(PC pc, PetscViewer viewer);

/*
  levelrefine.c: A y = r in the low precision of the finest level, r of norm `size`; x += factor * y. It can where A is symmetric and that
  level is A up to the rounding of its couplings. constants: they are known to be the null space of A; else that has none, or none is known
*/
PETSC_INTERN PetscBool            FurlHierarchyCanRefine(const FurlHierarchy *h, PetscBool constants);
PETSC_INTERN PetscErrorCode       FurlHierarchyRefineBegin(FurlHierarchy *h, PetscReal size, const PetscScalar *r);
PETSC_INTERN PetscErrorCode       FurlHierarchyRefineAdd(FurlHierarchy *h, double factor, PetscScalar *x);
PETSC_INTERN const FurlRecurrence FurlHierarchyRecurrence;

/* pcdevice.c */
PETSC_INTERN PetscErrorCode PCFurlGetDevice_Furl(PC pc, FurlPCDevice *device);
PETSC_INTERN PetscErrorCode FurlPCForgetDevice(PC pc);

/* pcbytes.c */
PETSC_INTERN PetscErrorCode FurlRefineCompose(PC pc, PetscBool on); /* pcrefine.c */
PETSC_INTERN PetscErrorCode PCFurlGetBytes_Furl(PC pc, FurlPCBytes *bytes);
PETSC_INTERN double         FurlAijBytes(Mat A); /* of an AIJ matrix on this process */
