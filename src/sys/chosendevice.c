/* -furl_device: the choice of the device, and the device */
#include <petscfurl.h>
#include <furl/compat.h>
#include <furl/chosendevice.h>

#define SPEC 64 /* characters */

/* The process has one; reset by PetscFinalize() */
static struct {
  char                 spec[SPEC];
  PetscReal            limit;   /* MiB; 0: none */
  const FurlDeviceOps *offered; /* by a test */
  FurlDevice           device;
  PetscBool            tried, open;
  char                 why[FURL_DEVICE_TEXT]; /* it is not open */
} chosen;

/* The back end and number that the spec names; *ops NULL: the CPU */
static PetscErrorCode Parse(const char spec[], const FurlDeviceOps **ops, int *ordinal, PetscBool *automatic)
{
  const size_t length = strcspn(spec, ":");
  char        *rest   = NULL;
  long         number = 0;

  PetscFunctionBegin;
  *automatic = PETSC_FALSE;
  *ops       = NULL;
  if (spec[length]) number = strtol(spec + length + 1, &rest, 10);
  PetscCheck(!spec[length] || (rest != spec + length + 1 && !*rest && number >= 0 && number < 1024), PETSC_COMM_SELF,
             PETSC_ERR_ARG_OUTOFRANGE, "Device %s has no number from 0 to 1023 after its colon; see -furl_device", spec);
  *ordinal = spec[length] ? (int)number : FURL_DEVICE_ANY;
  if (length == 3 && !spec[length] && !strncmp(spec, "cpu", length)) PetscFunctionReturn(PETSC_SUCCESS);
  if (length == 4 && !spec[length] && !strncmp(spec, "auto", length)) *automatic = PETSC_TRUE;
  if (*automatic && chosen.offered) *ops = chosen.offered;
  if ((*automatic && !chosen.offered) || (length == 4 && !strncmp(spec, "cuda", length))) *ops = &FurlDeviceCuda;
  if (chosen.offered && strlen(chosen.offered->name) == length && !strncmp(spec, chosen.offered->name, length)) *ops = chosen.offered;
  PetscCheck(*ops, PETSC_COMM_SELF, PETSC_ERR_ARG_UNKNOWN_TYPE, "Device %s is none of auto, cpu and cuda[:number]; see -furl_device", spec);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *SpecOf(void)
{
  return chosen.spec[0] ? chosen.spec : "auto";
}

static void Shut(void)
{
  if (chosen.open) FurlDeviceClose(&chosen.device);
  chosen.open   = PETSC_FALSE;
  chosen.tried  = PETSC_FALSE;
  chosen.why[0] = '\0';
}

/* In bytes; what is not zero stays so */
static size_t LimitOf(PetscReal mebibytes)
{
  return mebibytes > 0 ? (size_t)PetscMax(1, mebibytes * 1048576) : 0;
}

static PetscErrorCode Open(void)
{
  const FurlDeviceOps *ops;
  PetscBool            automatic;
  int                  ordinal;

  PetscFunctionBegin;
  chosen.tried = PETSC_TRUE;
  PetscCall(Parse(SpecOf(), &ops, &ordinal, &automatic));
  if (!ops) PetscFunctionReturn(PETSC_SUCCESS);
  if (FurlDeviceOpen(ops, ordinal, &chosen.device) == FURL_DEVICE_OK) {
    FurlDeviceProperties p;

    chosen.open         = PETSC_TRUE;
    chosen.device.limit = LimitOf(chosen.limit);
    ops->properties(&chosen.device, &p);
    PetscCall(
      PetscInfo(NULL, "Device %s:%d: %s, %zu bytes, %zu of them free\n", ops->name, chosen.device.ordinal, p.name, p.memory, p.free));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  PetscCall(PetscStrncpy(chosen.why, chosen.device.message, sizeof(chosen.why)));
  PetscCall(PetscInfo(NULL, "Solves run on the CPU: %s\n", chosen.why));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscBool FurlDeviceInsisted(void)
{
  return strcmp(SpecOf(), "auto") && strcmp(SpecOf(), "cpu") ? PETSC_TRUE : PETSC_FALSE;
}

PetscErrorCode FurlDeviceGet(FurlDevice **device, const char **why)
{
  PetscFunctionBegin;
  *device = NULL;
  if (!chosen.tried) PetscCall(Open());
  if (chosen.open && chosen.device.status == FURL_DEVICE_OK)
    *device = &chosen.device;
  else if (chosen.open)
    PetscCall(PetscStrncpy(chosen.why, chosen.device.message, sizeof(chosen.why)));
  if (why) *why = chosen.why;
  PetscCheck(*device || !chosen.why[0] || !FurlDeviceInsisted(), PETSC_COMM_SELF, PETSC_ERR_GPU,
             "-furl_device %s: %s; use -furl_device auto to solve on the CPU then", SpecOf(), chosen.why);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlDeviceOffer(const FurlDeviceOps *ops)
{
  PetscFunctionBegin;
  Shut();
  chosen.offered = ops;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   PetscFurlSetDevice - Sets the device that solves run on

   Logically Collective

   Input Parameter:
.  device - "auto" (a GPU if there is one, else the CPU), "cpu", "cuda" (a GPU, and an error where there is none) or "cuda:1" (that one)

   Options Database Key:
.  -furl_device auto|cpu|cuda[:number] - the device

   Level: beginner

   Notes:
   Which GPU "auto" and "cuda" mean: the one of the CUDA context that is current, as it is where PETSc uses a GPU; else the processes of a
   node take turns.

   Takes effect with the next solve, for the whole process; the solvers that hold data on another device must have been destroyed or reset
   (`KSPReset()`) before. On a GPU runs what docs/device.md lists; the rest is solved on the CPU, and `KSPView()` says why.

   `PETSC_ERR_ARG_UNKNOWN_TYPE` is returned where the name is none of these.

.seealso: `PetscFurlGetDevice()`, `KSPFURL`
@*/
PetscErrorCode PetscFurlSetDevice(const char device[])
{
  const FurlDeviceOps *ops;
  PetscBool            automatic;
  int                  ordinal;

  PetscFunctionBegin;
  PetscCheck(strlen(device) < SPEC, PETSC_COMM_SELF, PETSC_ERR_ARG_UNKNOWN_TYPE, "Device names have less than %d characters", SPEC);
  PetscCall(Parse(device, &ops, &ordinal, &automatic));
  if (!strcmp(device, SpecOf())) PetscFunctionReturn(PETSC_SUCCESS);
  Shut();
  PetscCall(PetscStrncpy(chosen.spec, device, SPEC));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   PetscFurlGetDevice - Gets the device that was asked for

   Not Collective

   Output Parameter:
.  device - the name, as `PetscFurlSetDevice()` takes it; not to be freed

   Level: beginner

.seealso: `PetscFurlSetDevice()`
@*/
PetscErrorCode PetscFurlGetDevice(const char *device[])
{
  PetscFunctionBegin;
  *device = SpecOf();
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   PetscFurlSetMemoryLimit - Sets how much memory of a device the solvers of this process may take

   Logically Collective

   Input Parameter:
.  mebibytes - the limit, or 0 for none (default)

   Options Database Key:
.  -furl_memory_limit <mebibytes> - the limit

   Level: intermediate

   Notes:
   What is on the device already stays there. A system that does not fit is solved on the CPU, or refused with `PETSC_ERR_MEM`, wanted and
   free bytes, where the device was asked for by name; GMRES takes fewer columns before. A solver that found no room stays on the CPU until
   `KSPReset()`.

   `PETSC_ERR_ARG_OUTOFRANGE` is returned for a limit below zero or above 1e9.

.seealso: `PetscFurlGetMemoryLimit()`, `PetscFurlSetDevice()`
@*/
PetscErrorCode PetscFurlSetMemoryLimit(PetscReal mebibytes)
{
  PetscFunctionBegin;
  PetscCheck(mebibytes >= 0 && mebibytes <= 1e9, PETSC_COMM_SELF, PETSC_ERR_ARG_OUTOFRANGE, "A limit of %g MiB is not from 0 to 1e9",
             (double)mebibytes);
  chosen.limit        = mebibytes;
  chosen.device.limit = LimitOf(mebibytes);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   PetscFurlGetMemoryLimit - Gets how much memory of a device the solvers of this process may take

   Not Collective

   Output Parameter:
.  mebibytes - the limit, or 0 for none

   Level: intermediate

.seealso: `PetscFurlSetMemoryLimit()`
@*/
PetscErrorCode PetscFurlGetMemoryLimit(PetscReal *mebibytes)
{
  PetscFunctionBegin;
  *mebibytes = chosen.limit;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlDeviceInitialize(void)
{
  char      spec[SPEC];
  PetscReal limit;
  PetscBool set;

  PetscFunctionBegin;
  PetscCall(PetscOptionsGetString(NULL, NULL, "-furl_device", spec, sizeof(spec), &set));
  if (set) PetscCall(PetscFurlSetDevice(spec));
  PetscCall(PetscOptionsGetReal(NULL, NULL, "-furl_memory_limit", &limit, &set));
  if (set) PetscCall(PetscFurlSetMemoryLimit(limit));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlDeviceFinalize(void)
{
  PetscFunctionBegin;
  Shut();
  chosen.spec[0] = '\0';
  chosen.limit   = 0;
  PetscFunctionReturn(PETSC_SUCCESS);
}
