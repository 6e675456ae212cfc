/*
  libpetscfurl.so, the library that users name. PETSc's private structures differ between its versions and configurations, and a plugin
  built for another PETSc loads without an error and corrupts memory. So this library refers to no symbol of PETSc: it finds the PETSc
  that called, asks that very library what it is, and opens the build of Furl made for it, or says what is missing.

  It must not include PETSc's headers: they describe one PETSc, and the caller's may be another.
*/
#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "furlloader.h"

#define EXPORT __attribute__((visibility("default")))

/* PETSc's own numbers, the same in every version that Furl serves (petscsystypes.h, petscerror.h) */
enum {
  FURL_PETSC_COMPLEX       = 2,  /* PETSC_COMPLEX of PetscDataType */
  FURL_PETSC_INT           = 16, /* PETSC_INT of PetscDataType */
  FURL_PETSC_ERR_SUP       = 56,
  FURL_PETSC_ERROR_INITIAL = 0
};

typedef int (*GetVersionFn)(void *, void *, void *, void *);
typedef int (*TypeFromStringFn)(const char *, int *, void *);
typedef int (*TypeSizeFn)(int, size_t *);
typedef int (*HasPackageFn)(const char *, void *);
typedef int (*MPIVersionFn)(char *, int *);
typedef int (*ErrorFn)(void *, int, const char *, const char *, int, int, const char *, ...);
typedef int (*InitializeFn)(void);
typedef void *(*AddressFn)(void);

/* DT_SONAME of a mapped library, read from its dynamic section; some systems leave the addresses in there unrelocated */
static const char *Soname(const struct link_map *map)
{
  ElfW(Addr) strings = 0;
  int64_t offset     = -1;

  for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++) {
    if (d->d_tag == DT_STRTAB) strings = d->d_un.d_ptr;
    if (d->d_tag == DT_SONAME) offset = (int64_t)d->d_un.d_val;
  }
  if (!strings || offset < 0) return NULL;
  return (const char *)(strings < map->l_addr ? strings + map->l_addr : strings) + offset;
}

/* Version and widths; PetscInt and PetscBool have widths not known here, so their results go into zeroed 64-bit integers */
static const char *AskNumbers(FurlPetsc *petsc)
{
  const GetVersionFn     version = (GetVersionFn)dlsym(petsc->handle, "PetscGetVersionNumber");
  const TypeFromStringFn type    = (TypeFromStringFn)dlsym(petsc->handle, "PetscDataTypeFromString");
  const TypeSizeFn       size    = (TypeSizeFn)dlsym(petsc->handle, "PetscDataTypeGetSize");
  int64_t                major = 0, minor = 0, subminor = 0, release = 0, found = 0;
  int                    scalar = 0, real = 0;
  size_t                 real_size = 0, integer_size = 0;

  if (!version || !type || !size) return "it does not answer for its version and number types";
  if (version(&major, &minor, &subminor, &release)) return "PetscGetVersionNumber() fails in it";
  if (type("scalar", &scalar, &found) || !found) return "it does not name its scalar type";
  if (type("real", &real, &found) || size(real, &real_size)) return "it does not name its real type";
  if (size(FURL_PETSC_INT, &integer_size)) return "it does not name its integer type";
  petsc->major          = (int)major;
  petsc->minor          = (int)minor;
  petsc->subminor       = (int)subminor;
  petsc->complex_scalar = scalar == FURL_PETSC_COMPLEX;
  petsc->real_bits      = 8 * (int)real_size;
  petsc->integer_bits   = 8 * (int)integer_size;
  petsc->debug          = dlsym(petsc->handle, "petscstack") != NULL; /* the call stack that only debugging builds keep */
  return NULL;
}

/* The packages that give PETSc's vectors and matrices their fields for devices */
static void AskDevice(FurlPetsc *petsc)
{
  static const char *const packages[] = {"cuda", "hip", "sycl", "viennacl", "kokkos"};
  const HasPackageFn       has        = (HasPackageFn)dlsym(petsc->handle, "PetscHasExternalPackage");

  petsc->device[0] = 0;
  for (size_t i = 0; has && i < sizeof(packages) / sizeof(packages[0]); i++) {
    int64_t there = 0;

    if (has(packages[i], &there) || !there) continue;
    if (petsc->device[0]) strcat(petsc->device, "+");
    strcat(petsc->device, packages[i]);
  }
  if (!petsc->device[0]) strcpy(petsc->device, "cpu");
}

/* The family decides what an MPI_Comm is; libraries of one family may replace each other */
static void AskMPI(FurlPetsc *petsc)
{
  const MPIVersionFn version        = (MPIVersionFn)dlsym(petsc->handle, "MPI_Get_library_version");
  char               text[8192 + 1] = ""; /* MPICH's limit, the longest of all */
  int                length         = 0;

  if (dlsym(petsc->handle, "Petsc_MPI_Init"))
    strcpy(petsc->mpi, "mpiuni");
  else if (!version || version(text, &length))
    strcpy(petsc->mpi, "unknown");
  else if (strstr(text, "Open MPI"))
    strcpy(petsc->mpi, "openmpi");
  else if (strstr(text, "MPICH") || strstr(text, "MVAPICH") || strstr(text, "Intel(R) MPI"))
    strcpy(petsc->mpi, "mpich");
  else
    strcpy(petsc->mpi, "unknown");
}

const char *FurlLoaderDescribe(void *address, FurlPetsc *petsc)
{
  Dl_info          info;
  struct link_map *map  = NULL;
  const char      *what = NULL;

  memset(petsc, 0, sizeof(*petsc));
  petsc->path = "the program";
  if (!dladdr1(address, &info, (void **)&map, RTLD_DL_LINKMAP) || !map) return "the dynamic linker does not know it";
  petsc->path   = map->l_name[0] ? map->l_name : info.dli_fname;
  petsc->base   = info.dli_fbase;
  petsc->soname = Soname(map);
  petsc->handle = dlopen(map->l_name[0] ? map->l_name : NULL, RTLD_LAZY | RTLD_NOLOAD);
  if (!petsc->handle) return "the dynamic linker cannot open it again";
  if (!petsc->soname) return "it is linked statically or has no soname";
  what = AskNumbers(petsc);
  if (what) return what;
  AskDevice(petsc);
  AskMPI(petsc);
  snprintf(petsc->build, sizeof(petsc->build), "%.80s-%s%d-int%d-%s-%.80s-%s", petsc->soname, petsc->complex_scalar ? "complex" : "real",
           petsc->real_bits, petsc->integer_bits, petsc->debug ? "debug" : "opt", petsc->device, petsc->mpi);
  return NULL;
}

/* The folder that holds `file`, without a trailing slash */
static void Folder(const char *file, char folder[FURL_PATH_LENGTH])
{
  const char *slash  = strrchr(file, '/');
  const int   length = slash ? (int)(slash - file) : 1;

  snprintf(folder, FURL_PATH_LENGTH, "%.*s", length, slash ? file : ".");
}

/* furl/ beside this library as it was named, else beside the file that a link leads to */
static void BuildsFolder(char builds[FURL_PATH_LENGTH])
{
  Dl_info info;
  char    folder[FURL_PATH_LENGTH], real[PATH_MAX];
  DIR    *dir;

  builds[0] = 0;
  if (!dladdr((void *)BuildsFolder, &info)) return;
  Folder(info.dli_fname, folder);
  snprintf(builds, FURL_PATH_LENGTH, "%.4000s/furl", folder);
  dir = opendir(builds);
  if (dir)
    closedir(dir);
  else if (realpath(info.dli_fname, real)) {
    Folder(real, folder);
    snprintf(builds, FURL_PATH_LENGTH, "%.4000s/furl", folder);
  }
}

/* One line for each build that lies in the folder, as far as `list` has room */
static void ListBuilds(const char *builds, char *list, size_t size)
{
  DIR           *dir  = opendir(builds);
  size_t         used = 0;
  struct dirent *entry;

  list[0] = 0;
  while (dir && (entry = readdir(dir)))
    if (entry->d_name[0] != '.' && used + strlen(entry->d_name) + 8 < size)
      used += (size_t)snprintf(list + used, size - used, "\n    %s", entry->d_name);
  if (dir) closedir(dir);
  if (!used) snprintf(list, size, " none");
}

/* Reports through the calling PETSc's own error handler, once for all ranks, in PETSc's form; returns the code to hand back */
static int Refuse(const FurlPetsc *petsc, const char *message)
{
  const ErrorFn error = petsc->handle ? (ErrorFn)dlsym(petsc->handle, "PetscError") : NULL;
  void *const   world = petsc->handle ? dlsym(petsc->handle, "PETSC_COMM_WORLD") : NULL;
  intptr_t      comm  = 0;

  if (!error || !world) {
    fprintf(stderr, "libpetscfurl.so: %s\n", message);
    return FURL_PETSC_ERR_SUP;
  }
  /* an MPI_Comm is a pointer in Open MPI and an int in the others; either travels in the same register */
  if (!strcmp(petsc->mpi, "openmpi"))
    memcpy(&comm, world, sizeof(void *));
  else
    memcpy(&comm, world, sizeof(int));
  return error((void *)comm, __LINE__, "PetscDLLibraryRegister_petscfurl", __FILE__, FURL_PETSC_ERR_SUP, FURL_PETSC_ERROR_INITIAL, "%s",
               message);
}

static int RefuseScalars(const FurlPetsc *petsc)
{
  char message[1024];

  snprintf(message, sizeof(message),
           "Furl needs real scalars in double precision. The PETSc that loads it, %d.%d.%d in %.300s, has %s scalars of %d bits. "
           "Run the program with a real, double-precision PETSc, or without libpetscfurl.so",
           petsc->major, petsc->minor, petsc->subminor, petsc->path, petsc->complex_scalar ? "complex" : "real", petsc->real_bits);
  return Refuse(petsc, message);
}

static int RefuseMissing(const FurlPetsc *petsc, const char *builds)
{
  char list[800], message[1900]; /* PetscError() has room for 2047 characters */

  ListBuilds(builds, list, sizeof(list));
  snprintf(message, sizeof(message),
           "Furl has no build for the PETSc of this program: %d.%d.%d, %.200s\n"
           "  wanted: %s\n  builds in %.200s:%s\n"
           "  To add it, run in Furl's source folder: make PETSC_DIR=... PETSC_ARCH=... (those of this PETSc), then make install where "
           "Furl is installed",
           petsc->major, petsc->minor, petsc->subminor, petsc->path, petsc->build, builds, list);
  return Refuse(petsc, message);
}

/* Opens the build for this PETSc and registers its types */
static int Open(const FurlPetsc *petsc)
{
  char         builds[FURL_PATH_LENGTH], file[FURL_PATH_LENGTH + FURL_NAME_LENGTH + 16], message[1800];
  void        *handle;
  FILE        *there;
  AddressFn    address;
  InitializeFn initialize;
  Dl_info      info;

  if (petsc->complex_scalar || petsc->real_bits != 64) return RefuseScalars(petsc);
  BuildsFolder(builds);
  snprintf(file, sizeof(file), "%s/%s/libfurl.so", builds, petsc->build);
  there = fopen(file, "rb");
  if (!there) return RefuseMissing(petsc, builds);
  fclose(there);
  handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    snprintf(message, sizeof(message), "Furl's build for this PETSc does not load: %.1200s", dlerror());
    return Refuse(petsc, message);
  }
  address    = (AddressFn)dlsym(handle, "FurlPetscAddress");
  initialize = (InitializeFn)dlsym(handle, "PetscFurlInitializePackage");
  if (!address || !initialize || !dladdr(address(), &info) || info.dli_fbase != petsc->base) {
    snprintf(message, sizeof(message),
             "Furl's build %.800s is bound to another PETSc than the one that loads it, %.400s: build it again with make", file,
             petsc->path);
    return Refuse(petsc, message);
  }
  return initialize();
}

static int OpenFor(void *address)
{
  FurlPetsc   petsc;
  const char *wrong = FurlLoaderDescribe(address, &petsc);
  char        message[1024];

  if (!wrong) return Open(&petsc);
  snprintf(message, sizeof(message), "Furl cannot serve the PETSc in %.400s: %s. Furl needs PETSc 3.18 or later as a shared library",
           petsc.path, wrong);
  return Refuse(&petsc, message);
}

/* PetscDLLibraryOpen() calls the function that is named after the library's file */
EXPORT int PetscDLLibraryRegister_petscfurl(void);
EXPORT int PetscDLLibraryRegister_petscfurl(void)
{
  return OpenFor(__builtin_return_address(0));
}

/* For programs that link -lpetscfurl: the caller is not PETSc here, but PETSc's symbols are visible to all */
EXPORT int PetscFurlInitializePackage(void);
EXPORT int PetscFurlInitializePackage(void)
{
  return OpenFor(dlsym(RTLD_DEFAULT, "KSPInitializePackage"));
}
