/* What a KSP has on a device, shared by the files that put it there and run on it */
#pragma once

#include <furl/device.h>
#include <furl/compose.h>
#include <furl/slicesdevice.h>
#include "kernels/kspstate.h"

typedef struct FurlKSPDevice {
  FurlQueue            queue, copies; /* of the iterations; for what need not wait for them */
  FurlArena            arena;
  FurlSlices           matrix; /* the compressed copy of Amat there */
  FurlPCDevice         pc;
  FurlMatEnqueueMultFn mult;
  PetscInt             n;
  int64_t              nblocks, nslices;         /* of the vectors, FURL_KSP_BLOCK each; of the matrix */
  double              *x, *r, *z, *p, *q, *best; /* [n] there */
  double              *partial, *sum;
  KspState            *state, begin; /* there; and what it begins with */
  KspNews             *news, *news_there;
  int64_t              nrows, *rows, *row; /* rows that hold nothing but their diagonal: on the host, owned; and there */
  int64_t              heard;              /* serial of the latest news that the host has read */
  PetscBool            fed;                /* x is fetched after each iteration */
} FurlKSPDevice;
