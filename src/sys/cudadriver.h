/*
  The part of CUDA's driver interface that Furl calls, declared here so that neither headers nor libraries of CUDA are needed to compile:
  libcuda.so.1 comes with the driver and is opened when a solve first asks for a GPU. Names and numbers are those of NVIDIA's documented
  interface of CUDA 11.4 and later.
*/
#pragma once

#include <stddef.h>

typedef int                CudaResult;
typedef int                CudaDevice;
typedef void              *CudaHandle; /* contexts, modules, functions, streams, graphs */
typedef unsigned long long CudaPointer;

enum { CUDA_OK = 0, CUDA_MEMORY = 2, CUDA_NOT_READY = 600 };
enum { CUDA_MULTIPROCESSORS = 16, CUDA_MAJOR = 75, CUDA_MINOR = 76 }; /* attributes of a device */
enum { CUDA_STREAM_NON_BLOCKING = 1, CUDA_CAPTURE_RELAXED = 2, CUDA_HOST_PORTABLE_MAPPED = 3 };

/* X(name of the member, symbol, arguments) */
#define CUDA_FUNCTIONS(X)                                                                                             \
  X(init, cuInit, (unsigned))                                                                                         \
  X(error_name, cuGetErrorName, (CudaResult, const char **))                                                          \
  X(device_count, cuDeviceGetCount, (int *))                                                                          \
  X(device_get, cuDeviceGet, (CudaDevice *, int))                                                                     \
  X(device_name, cuDeviceGetName, (char *, int, CudaDevice))                                                          \
  X(device_memory, cuDeviceTotalMem_v2, (size_t *, CudaDevice))                                                       \
  X(device_attribute, cuDeviceGetAttribute, (int *, int, CudaDevice))                                                 \
  X(context_retain, cuDevicePrimaryCtxRetain, (CudaHandle *, CudaDevice))                                             \
  X(context_release, cuDevicePrimaryCtxRelease_v2, (CudaDevice))                                                      \
  X(context_device, cuCtxGetDevice, (CudaDevice *))                                                                   \
  X(context_push, cuCtxPushCurrent_v2, (CudaHandle))                                                                  \
  X(context_pop, cuCtxPopCurrent_v2, (CudaHandle *))                                                                  \
  X(module_load, cuModuleLoadData, (CudaHandle *, const void *))                                                      \
  X(module_unload, cuModuleUnload, (CudaHandle))                                                                      \
  X(module_function, cuModuleGetFunction, (CudaHandle *, CudaHandle, const char *))                                   \
  X(memory_info, cuMemGetInfo_v2, (size_t *, size_t *))                                                               \
  X(allocate, cuMemAlloc_v2, (CudaPointer *, size_t))                                                                 \
  X(release, cuMemFree_v2, (CudaPointer))                                                                             \
  X(host_allocate, cuMemHostAlloc, (void **, size_t, unsigned))                                                       \
  X(host_release, cuMemFreeHost, (void *))                                                                            \
  X(host_pointer, cuMemHostGetDevicePointer_v2, (CudaPointer *, void *, unsigned))                                    \
  X(copy_up, cuMemcpyHtoDAsync_v2, (CudaPointer, const void *, size_t, CudaHandle))                                   \
  X(copy_down, cuMemcpyDtoHAsync_v2, (void *, CudaPointer, size_t, CudaHandle))                                       \
  X(copy_across, cuMemcpyDtoDAsync_v2, (CudaPointer, CudaPointer, size_t, CudaHandle))                                \
  X(fill, cuMemsetD8Async, (CudaPointer, unsigned char, size_t, CudaHandle))                                          \
  X(launch, cuLaunchKernel,                                                                                           \
    (CudaHandle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, CudaHandle, void **, void **)) \
  X(stream_create, cuStreamCreate, (CudaHandle *, unsigned))                                                          \
  X(stream_destroy, cuStreamDestroy_v2, (CudaHandle))                                                                 \
  X(stream_wait, cuStreamSynchronize, (CudaHandle))                                                                   \
  X(stream_query, cuStreamQuery, (CudaHandle))                                                                        \
  X(capture_begin, cuStreamBeginCapture_v2, (CudaHandle, int))                                                        \
  X(capture_end, cuStreamEndCapture, (CudaHandle, CudaHandle *))                                                      \
  X(graph_instantiate, cuGraphInstantiateWithFlags, (CudaHandle *, CudaHandle, unsigned long long))                   \
  X(graph_destroy, cuGraphDestroy, (CudaHandle))                                                                      \
  X(graph_launch, cuGraphLaunch, (CudaHandle, CudaHandle))                                                            \
  X(graph_exec_destroy, cuGraphExecDestroy, (CudaHandle))
