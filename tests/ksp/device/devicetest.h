/* Solves on a device that is none: what the tests of this folder share */
#pragma once

#include <petscfurl.h>
#include <furl/chosendevice.h>
#include "../../mockdevice.h"
#include "../../pc/grid/gridtest.h"

typedef struct {
  PetscInt           its;
  KSPConvergedReason reason;
  PetscReal          residual; /* true, relative */
  FurlDeviceCounts   counts;   /* of the device, during the last solve */
} DeviceSolve;

/* The device under test: the mock, unless -test_device names another, host or cuda (where there is a GPU: see tools/gpu-bundle) */
static inline PetscErrorCode DeviceUnderTest(char name[8])
{
  const FurlDeviceOps *ops = NULL;

  PetscFunctionBegin;
  PetscCall(PetscStrncpy(name, "mock", 8));
  PetscCall(PetscOptionsGetString(NULL, NULL, "-test_device", name, 8, NULL));
  if (!strcmp(name, "mock")) ops = &MockOps;
  if (!strcmp(name, "host")) ops = &FurlDeviceHost;
  PetscCall(FurlDeviceOffer(ops));
  PetscFunctionReturn(0);
}

static inline PetscErrorCode DeviceCounts(FurlDeviceCounts *counts)
{
  FurlDevice *device;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(counts, sizeof(*counts)));
  PetscCall(FurlDeviceGet(&device, NULL));
  if (device) *counts = device->counts;
  PetscFunctionReturn(0);
}

static inline PetscErrorCode DeviceSolver(Mat A, KSP *ksp)
{
  PetscFunctionBegin;
  PetscCall(KSPCreate(PETSC_COMM_WORLD, ksp));
  PetscCall(KSPSetOperators(*ksp, A, A));
  PetscCall(KSPSetType(*ksp, KSPFURL));
  PetscCall(KSPFurlSetRefine(*ksp, PETSC_FALSE));
  PetscCall(KSPSetFromOptions(*ksp));
  PetscFunctionReturn(0);
}

/* b = A times noise */
static inline PetscErrorCode DeviceSystem(Mat A, Vec *b, Vec *x)
{
  PetscFunctionBegin;
  PetscCall(MatCreateVecs(A, x, b));
  PetscCall(FurlTestNoise(*x, 1, 1));
  PetscCall(MatMult(A, *x, *b));
  PetscCall(VecSet(*x, 0));
  PetscFunctionReturn(0);
}

static inline PetscErrorCode DeviceRun(KSP ksp, Vec b, Vec x, DeviceSolve *solve)
{
  FurlDeviceCounts before, after;
  Mat              A;

  PetscFunctionBegin;
  PetscCall(DeviceCounts(&before));
  PetscCall(KSPSolve(ksp, b, x));
  PetscCall(DeviceCounts(&after));
  PetscCall(KSPGetIterationNumber(ksp, &solve->its));
  PetscCall(KSPGetConvergedReason(ksp, &solve->reason));
  PetscCall(KSPGetOperators(ksp, &A, NULL));
  PetscCall(FurlTestResidualNorm(A, b, x, &solve->residual));
  solve->counts = (FurlDeviceCounts){.allocations = after.allocations - before.allocations,
                                     .copies      = after.copies - before.copies,
                                     .fills       = after.fills - before.fills,
                                     .launches    = after.launches - before.launches,
                                     .waits       = after.waits - before.waits,
                                     .replays     = after.replays - before.replays,
                                     .bytes_up    = after.bytes_up - before.bytes_up,
                                     .bytes_down  = after.bytes_down - before.bytes_down};
  PetscFunctionReturn(0);
}
