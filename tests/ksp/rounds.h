/* A monitor that follows the rounds of iterative refinement: the norm told is that of the iterate there is, up to what couplings of 2 bytes
 * allow */
#pragma once

#include "../furltest.h"

typedef struct {
  Mat       A;
  Vec       b;
  PetscReal wanted; /* true norm at the end */
  PetscReal start;  /* that from which the round at hand began */
  PetscReal goal;   /* that at which it ends: rounds leave a thousandth each, or more, all alike */
} Rounds;

static inline void RoundsNext(Rounds *rounds, PetscReal norm)
{
  const PetscReal left = rounds->wanted / norm;

  rounds->start = norm;
  rounds->goal  = left < 1 ? norm * PetscPowReal(left, 1 / PetscCeilReal(PetscLogReal(left) / PetscLogReal(1e-3))) : 0;
}

static inline PetscErrorCode RoundsBegin(Mat A, Vec b, PetscReal rtol, Rounds *rounds)
{
  PetscReal norm;

  PetscFunctionBegin;
  PetscCall(VecNorm(b, NORM_2, &norm));
  *rounds = (Rounds){A, b, rtol * norm, 0, 0};
  RoundsNext(rounds, norm);
  PetscFunctionReturn(0);
}

/* The rounding of 2^-11 of the couplings shows beside the norm at which the round began, of which a round leaves 1e-3 and little less */
static inline PetscErrorCode RoundsCheck(KSP ksp, PetscInt it, PetscReal told, void *context)
{
  Rounds   *rounds = (Rounds *)context;
  Vec       x, r;
  PetscReal built;

  PetscFunctionBegin;
  PetscCall(VecDuplicate(rounds->b, &x));
  PetscCall(VecDuplicate(rounds->b, &r));
  PetscCall(KSPBuildSolution(ksp, x, NULL));
  PetscCall(MatMult(rounds->A, x, r));
  PetscCall(VecAYPX(r, -1, rounds->b));
  PetscCall(VecNorm(r, NORM_2, &built));
  FurlTestCheck(PetscAbsReal(built - told) <= 4.9e-4 * rounds->start,
                "iteration %" PetscInt_FMT ": told %g, built %g, the round began at %g", it, (double)told, (double)built,
                (double)rounds->start);
  if (told <= rounds->goal) RoundsNext(rounds, built);
  PetscCall(VecDestroy(&x));
  PetscCall(VecDestroy(&r));
  PetscFunctionReturn(0);
}
