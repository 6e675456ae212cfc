/* Solves through the back end `cuda` with a driver that is none (driver.c): the same bits as with the back end `host`, nothing left behind,
 * and what goes wrong is said */
#include <dlfcn.h>
#include "../../ksp/device/devicetest.h"
#include "mat/kernels/matmultargs.h"
#include "pc/kernels/cycleargs.h"
#include "pc/grid/kernels/gridargs.h"
#include "ksp/kernels/ksplaunch.h"
#include "fakedriver.h"

/* What stands for the kernels where the build has none */
#define FATBIN(name) __attribute__((weak, visibility("hidden"))) const char name[] = "none";
FATBIN(FurlFatbinMat)
FATBIN(FurlFatbinPc)
FATBIN(FurlFatbinGrid)
FATBIN(FurlFatbinKsp)

#define NAME(body, Args) &FurlKernel##body,
static const FurlKernel *const kernels[] = {FURL_MAT_KERNELS(NAME) FURL_PC_KERNELS(NAME) FURL_GRID_KERNELS(NAME) FURL_KSP_KERNELS(NAME)};

/* As the GPU does it: a warp an item */
static int RunKernel(const char *name, void **parameters, unsigned blocks, unsigned threads)
{
  for (size_t k = 0; k < sizeof(kernels) / sizeof(*kernels); k++) {
    const int64_t first = parameters ? *(const int64_t *)parameters[1] : 0, end = parameters ? *(const int64_t *)parameters[2] : 0;

    if (strcmp(kernels[k]->name, name)) continue;
    if (!parameters) return (int)kernels[k]->args_bytes;
    if ((int64_t)blocks * threads / FURL_WIDTH < end - first) return 0;
    FurlLaunchRange(kernels[k], parameters[0], first, end);
    return 1;
  }
  return 0;
}

static PetscErrorCode Solve(const char device[], Mat A, Vec *x, PetscErrorCode *ierr)
{
  Vec b;
  KSP ksp;

  PetscFunctionBegin;
  PetscCall(PetscFurlSetDevice(device));
  PetscCall(DeviceSystem(A, &b, x));
  PetscCall(DeviceSolver(A, &ksp));
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  *ierr = KSPSolve(ksp, b, *x);
  PetscCall(PetscPopErrorHandler());
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&b));
  PetscCall(PetscFurlSetDevice("cpu"));
  PetscFunctionReturn(0);
}

static PetscErrorCode Refused(Mat A, const char device[], PetscErrorCode expected, const char what[])
{
  PetscErrorCode ierr;
  Vec            x;

  PetscFunctionBegin;
  PetscCall(Solve(device, A, &x, &ierr));
  FurlTestCheck(ierr == expected, "%s: error %d", what, (int)ierr);
  PetscCall(VecDestroy(&x));
  PetscFunctionReturn(0);
}

/* Which device is taken where none is named */
static PetscErrorCode Chosen(FakeDriver *driver, int devices, int current, const char rank[], int expected)
{
  FurlDevice *device;

  PetscFunctionBegin;
  driver->devices = devices;
  driver->current = current;
  FurlTestCheck(!setenv("MPI_LOCALRANKID", rank, 1), "setenv failed");
  PetscCall(PetscFurlSetDevice("cuda"));
  PetscCall(FurlDeviceGet(&device, NULL));
  FurlTestCheck(device->ordinal == expected, "Device %d of %d, current %d, local rank %s", device->ordinal, devices, current, rank);
  PetscCall(PetscFurlSetDevice("cpu"));
  driver->devices = 1;
  driver->current = -1;
  PetscFunctionReturn(0);
}

static PetscErrorCode Empty(const FakeDriver *driver)
{
  PetscFunctionBegin;
  FurlTestCheck(!driver->allocated && !driver->contexts && !driver->modules && !driver->streams && !driver->graphs && !driver->mapped &&
                  !driver->depth,
                "Left behind: %ld bytes, %d contexts, %d modules, %d streams, %d graphs, %d mapped, depth %d", driver->allocated,
                driver->contexts, driver->modules, driver->streams, driver->graphs, driver->mapped, driver->depth);
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  const PetscInt n[3] = {14, 12, 10};
  void          *library;
  FakeDriver    *driver;
  GridTestBox    box;
  PetscErrorCode ierr;
  PetscBool      same;
  Vec            x[2];
  Mat            A;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscFurlInitializePackage());
  library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  driver  = library ? dlsym(library, "fake_driver") : NULL;
  FurlTestCheck(driver, "This is not the test's own libcuda.so.1");
  ((void (*)(FakeRunner))dlsym(library, "FakeDriverSetRunner"))(RunKernel);
  GridTestInit(&box, BENCH_SMOOTH, n, "ddd");
  PetscCall(GridTestMatrix(PETSC_COMM_WORLD, &box, 1, &A));

  PetscCall(FurlDeviceOffer(&FurlDeviceHost));
  PetscCall(Solve("host", A, &x[0], &ierr));
  FurlTestCheck(!ierr && !driver->launches, "host: error %d, %ld launches by the driver", (int)ierr, driver->launches);
  PetscCall(Solve("cuda", A, &x[1], &ierr));
  FurlTestCheck(!ierr && driver->launches > 100 && driver->replays > 2, "cuda: error %d, %ld launches, %d graphs", (int)ierr,
                driver->launches, driver->replays);
  PetscCall(VecEqual(x[0], x[1], &same));
  FurlTestCheck(same, "The solutions differ");
  PetscCall(Empty(driver));
  PetscCall(VecDestroy(&x[1]));
  driver->replays   = 0;
  driver->no_graphs = 1;
  PetscCall(Solve("cuda", A, &x[1], &ierr));
  FurlTestCheck(!ierr && !driver->replays, "cuda without graphs: error %d, %d graphs", (int)ierr, driver->replays);
  driver->no_graphs = 0;
  PetscCall(VecEqual(x[0], x[1], &same));
  FurlTestCheck(same, "The solutions differ without graphs");
  PetscCall(Empty(driver));

  PetscCall(Chosen(driver, 4, -1, "6", 2));
  PetscCall(Chosen(driver, 4, 3, "6", 3));
  PetscCall(Chosen(driver, 1, -1, "6", 0));
  PetscCall(Empty(driver));

  driver->lost = (int)driver->launches + 50;
  PetscCall(Refused(A, "cuda", PETSC_ERR_GPU, "the device is lost"));
  driver->lost = 0;
  PetscCall(Empty(driver));
  driver->missing = "KspAlpha";
  PetscCall(Refused(A, "cuda", PETSC_ERR_GPU, "a kernel is missing"));
  driver->missing = NULL;
  PetscCall(Empty(driver));
  PetscCall(Refused(A, "cuda:1", PETSC_ERR_GPU, "there is no second device"));
  driver->devices = 0;
  PetscCall(Refused(A, "cuda", PETSC_ERR_GPU, "there is no device"));
  PetscCall(Empty(driver));
  PetscCall(VecDestroy(&x[0]));
  PetscCall(VecDestroy(&x[1]));
  PetscCall(MatDestroy(&A));
  PetscCall(PetscFinalize());
  return 0;
}
