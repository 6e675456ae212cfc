/* What the recurrences know on a device, and what they tell the host; the letters are those of kspcg.c, kspgmres.c and kspbcgs.c */
#pragma once

#include <stdint.h>

/* Why a recurrence takes no more steps */
typedef enum {
  KSP_STEP_GOES_ON,
  KSP_STEP_TEST,      /* the norm is small enough, or too large, or these were all iterations */
  KSP_STEP_SIGN_PC,   /* r'Br changed its sign */
  KSP_STEP_SIGN_MAT,  /* p'Ap did */
  KSP_STEP_BREAKDOWN, /* one of them is zero */
  KSP_STEP_END,       /* the cycle of GMRES is full, or nothing new follows */
  KSP_STEP_NAN
} KspStop;

typedef struct {
  double  rho, pq, alpha, beta, rnorm;
  double  sign_pq, sign_rho; /* of the first iteration; 0: there was none */
  double  sigma;             /* r = sigma (b - A x) */
  double  wanted, most;      /* a norm of b - A x at or below `wanted` ends the iteration, and one above `most` */
  double  best;              /* the smallest norm of b - A x so far */
  double  power[2];          /* 2^-e and 2^e, where rnorm is about 2^e: what scales the preconditioner's vectors */
  int64_t its, max_it;
  int64_t serial; /* of the latest news */
  int32_t stop;   /* KspStop */
  int32_t first;  /* no direction yet */
  int32_t saved;  /* the best iterate is not x but the one that was kept */
  int32_t keep;   /* to be kept now: x before the latest step */
  double  omega;  /* BiCGStab alone: the step of its second half, which is in `alpha` while it is made; alpha is here then */
  /* GMRES alone: */
  double  before, whole; /* squared norms of w: before the latest pass, and before all of them */
  double  scale;         /* of w, once it is orthogonal to the others */
  int32_t settled;       /* it is */
  int32_t update;        /* the latest pass found something to take from w */
  int32_t inner;         /* columns of the cycle that x does not hold yet */
} KspState;

/* One iteration, or the reason for which there was none; in memory that the host reads while the device goes on */
typedef struct {
  double           rnorm, alpha, beta;
  int64_t          stop;
  volatile int64_t serial; /* written last; the news are whole when it is what the reader waits for */
} KspNews;

#define KSP_NEWS 64 /* places; the news with serial s are at s % KSP_NEWS, and the host is never so far behind */
