/* The device that -furl_device chose, opened when a solve first asks for it; one for the process */
#pragma once

#include <petscsys.h>
#include <furl/device.h>

/* NULL: the CPU, and *why (may be NULL) tells why where that was not asked for. An error where a device was asked for by name and is not
 * to be had */
PETSC_INTERN PetscErrorCode FurlDeviceGet(FurlDevice **device, const char **why);
/* Asked for by name: its failures are errors, and no system is too small for it */
PETSC_INTERN PetscBool FurlDeviceInsisted(void);

PETSC_INTERN PetscErrorCode FurlDeviceInitialize(void); /* reads -furl_device */
PETSC_INTERN PetscErrorCode FurlDeviceFinalize(void);

/* A back end beside `cuda` that -furl_device may name, for tests; NULL takes it back */
PETSC_INTERN PetscErrorCode FurlDeviceOffer(const FurlDeviceOps *ops);
