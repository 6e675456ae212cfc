/* Where there is no GPU, or no kernels for one, opening it says so and leaves nothing behind; `auto` means the CPU then, and asking for the
 * GPU by name is an error that tells what to do */
#include <petscfurl.h>
#include <furl/chosendevice.h>
#include "../furltest.h"

static PetscErrorCode Names(void)
{
  const char *const good[] = {"cuda:1", "cpu", "cuda", "auto"}, *const bad[] = {"cuda:", "cuda:x", "cuda:-1", "gpu",
                                                                                "cpu:1", "auto:2", "cud"};
  const char    *now;
  PetscErrorCode below, above;
  PetscReal      limit;

  PetscFunctionBegin;
  for (int k = 0; k < 4; k++) {
    PetscCall(PetscFurlSetDevice(good[k]));
    PetscCall(PetscFurlGetDevice(&now));
    FurlTestCheck(!strcmp(now, good[k]), "Device %s was set, %s is told", good[k], now);
  }
  for (int k = 0; k < 7; k++) {
    PetscErrorCode ierr;

    PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
    ierr = PetscFurlSetDevice(bad[k]);
    PetscCall(PetscPopErrorHandler());
    FurlTestCheck(ierr, "Device %s was taken", bad[k]);
  }
  PetscCall(PetscFurlGetDevice(&now));
  FurlTestCheck(!strcmp(now, "auto"), "A refused name was kept: %s", now);
  PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
  below = PetscFurlSetMemoryLimit(-1);
  above = PetscFurlSetMemoryLimit(1e10);
  PetscCall(PetscPopErrorHandler());
  PetscCall(PetscFurlGetMemoryLimit(&limit));
  FurlTestCheck(below == PETSC_ERR_ARG_OUTOFRANGE && above == PETSC_ERR_ARG_OUTOFRANGE && limit == 0, "Limits: errors %d and %d, %g",
                (int)below, (int)above, (double)limit);
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  FurlDevice     device, *chosen;
  const char    *why;
  PetscErrorCode ierr;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscFurlInitializePackage());
  PetscCall(Names());
  if (FurlDeviceOpen(&FurlDeviceCuda, 0, &device) == FURL_DEVICE_OK)
    FurlDeviceClose(&device);
  else {
    FurlTestCheck(device.status == FURL_DEVICE_ABSENT && device.message[0] && !device.data, "Without a GPU: status %d, '%s'",
                  (int)device.status, device.message);
    PetscCall(FurlDeviceGet(&chosen, &why));
    FurlTestCheck(!chosen && why[0], "auto without a GPU is not the CPU");
    PetscCall(PetscFurlSetDevice("cuda"));
    PetscCall(PetscPushErrorHandler(PetscReturnErrorHandler, NULL));
    ierr = FurlDeviceGet(&chosen, &why);
    PetscCall(PetscPopErrorHandler());
    FurlTestCheck(ierr == PETSC_ERR_GPU && !chosen, "cuda without a GPU: error %d", (int)ierr);
  }
  FurlTestCheck(FurlDeviceOpen(&FurlDeviceHost, 1, &device) == FURL_DEVICE_ABSENT, "There is a second host");
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  test:

TEST*/
