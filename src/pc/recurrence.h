/* What conjugate gradients in the unknowns and the precision of a finest level ask of its hierarchy (pcrefine.c has the recurrence) */
#pragma once

#include <petscsys.h>

/* sum[k] of n sums: that of every item, in order, of which partial has [items][n] */
static inline void FurlSumPartial(const double *partial, int64_t items, int n, double *sum)
{
  for (int k = 0; k < n; k++) sum[k] = 0;
  for (int64_t item = 0; item < items; item++) {
    for (int k = 0; k < n; k++) sum[k] += partial[n * item + k];
  }
}

/*
  h: the hierarchy, which holds the residual b, the cycle's result z, a direction p, its image q and the sum u of the steps, in FP32. Sums
  are those of all processes; squares: of the residual that b is, and of the diagonal times what u is, in the user's units but for the power
  of two by which b is scaled.
*/
typedef struct {
  PetscErrorCode (*precondition)(void *h, double sum[2]);         /* z = B b; z'b and z'q */
  void (*turn)(void *h, double beta);                             /* p = z + beta p; beta 0: p is not read */
  PetscErrorCode (*image)(void *h, double *product);              /* q = A p; p'q */
  PetscErrorCode (*step)(void *h, float alpha, double square[2]); /* u += alpha p, b -= alpha q */
} FurlRecurrence;
