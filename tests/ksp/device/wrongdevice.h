/* The host as a device whose products with the matrix are wrong in one row */
#pragma once

#include "devicetest.h"
#include "../../../src/mat/kernels/matmultargs.h"

static int64_t wrong_row;
static double  wrong_factor;

static void WrongLaunch(FurlDevice *device, void *stream, const FurlKernel *kernel, const void *args, int64_t first, int64_t end)
{
  FurlDeviceHost.launch(device, stream, kernel, args, first, end);
  if (!strcmp(kernel->name, "FurlMatMult")) ((const FurlMatMultArgs *)args)->y[wrong_row] *= wrong_factor;
}

static inline FurlDeviceOps WrongDevice(int64_t row, double factor)
{
  FurlDeviceOps ops = FurlDeviceHost;

  wrong_row    = row;
  wrong_factor = factor;
  ops.launch   = WrongLaunch;
  return ops;
}
