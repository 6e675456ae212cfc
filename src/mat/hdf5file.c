/* The calls of the HDF5 library: the only file that has them, empty where PETSc lacks it */
#include "hdf5file.h"
#include <petscviewerhdf5.h>

/* A process's message to all */
PetscErrorCode FurlHdf5Agree(FurlHdf5File *file, const char *wrong)
{
  PetscMPIInt rank, worst;
  char        text[128] = "";

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(file->comm, &rank));
  rank = wrong ? rank + 1 : 0;
  PetscCallMPI(MPI_Allreduce(&rank, &worst, 1, MPI_INT, MPI_MAX, file->comm));
  if (!worst) PetscFunctionReturn(PETSC_SUCCESS);
  if (wrong) PetscCall(PetscStrncpy(text, wrong, sizeof(text)));
  PetscCall(FurlHdf5Close(file));
  PetscCallMPI(MPI_Bcast(text, (PetscMPIInt)sizeof(text), MPI_CHAR, worst - 1, file->comm));
  SETERRQ(file->comm, PETSC_ERR_FILE_UNEXPECTED, "Matrix '%s' of file %s: %s", file->name, file->file, text);
}

PetscErrorCode FurlHdf5Serves(PetscViewer viewer, PetscBool *serves)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERHDF5, serves));
  PetscFunctionReturn(PETSC_SUCCESS);
}

#if defined(PETSC_HAVE_HDF5)
#define BLOCK ((uint64_t)1 << 30) /* bytes a transfer: MPI counts in int */

static PetscErrorCode Begin(PetscViewer viewer, const char *name, FurlHdf5File *file, hid_t *group)
{
  hid_t number;

  PetscFunctionBegin;
  *file = (FurlHdf5File){.name = name, .group = -1};
  PetscCall(PetscObjectGetComm((PetscObject)viewer, &file->comm));
  PetscCall(PetscViewerFileGetName(viewer, &file->file));
  PetscCall(PetscViewerHDF5OpenGroup(viewer, NULL, &number, group));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlHdf5Create(PetscViewer viewer, const char *name, FurlHdf5File *file)
{
  hid_t parent, group;

  PetscFunctionBegin;
  PetscCall(Begin(viewer, name, file, &parent));
  H5E_BEGIN_TRY
  {
    if (H5Lexists(parent, name, H5P_DEFAULT) > 0) (void)H5Ldelete(parent, name, H5P_DEFAULT);
    group = H5Gcreate2(parent, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    (void)H5Gclose(parent);
  }
  H5E_END_TRY;
  file->group = (int64_t)group;
  PetscCall(
    FurlHdf5Agree(file, group < 0 ? "HDF5 cannot make its group; is the viewer open for writing, and the name without '/'?" : NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlHdf5Open(PetscViewer viewer, const char *name, const char *set, FurlHdf5File *file, PetscBool *found)
{
  hid_t  parent, group = -1;
  htri_t there, holds  = 0;

  PetscFunctionBegin;
  PetscCall(Begin(viewer, name, file, &parent));
  H5E_BEGIN_TRY
  {
    there = H5Lexists(parent, name, H5P_DEFAULT);
    if (there > 0) group = H5Gopen2(parent, name, H5P_DEFAULT);
    if (group >= 0) holds = H5Lexists(group, set, H5P_DEFAULT);
    (void)H5Gclose(parent);
  }
  H5E_END_TRY;
  file->group = (int64_t)group;
  PetscCall(FurlHdf5Agree(file, there > 0 ? NULL : "the file has nothing of this name; PetscObjectSetName() names the matrix to load"));
  PetscCall(FurlHdf5Agree(file, group >= 0 ? NULL : "what the file has under this name is no matrix, or the file is damaged"));
  *found = (PetscBool)(holds > 0);
  if (!*found) PetscCall(FurlHdf5Close(file));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlHdf5Close(FurlHdf5File *file)
{
  PetscFunctionBegin;
  if (file->group >= 0) (void)H5Gclose((hid_t)file->group);
  file->group = -1;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Contiguous, so that no tree of chunks can be damaged; the checksums are Furl's own */
PetscErrorCode FurlHdf5Add(FurlHdf5File *file, const char *set, uint64_t bytes)
{
  const hsize_t size = (hsize_t)bytes;
  hid_t         space, data;

  PetscFunctionBegin;
  H5E_BEGIN_TRY
  {
    space = H5Screate_simple(1, &size, NULL);
    data  = H5Dcreate2((hid_t)file->group, set, H5T_STD_U8LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    (void)H5Sclose(space);
    if (data >= 0) (void)H5Dclose(data);
  }
  H5E_END_TRY;
  PetscCall(FurlHdf5Agree(file, data < 0 ? "HDF5 cannot make room in the file" : NULL));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static herr_t Transfer(hid_t data, PetscBool write, hsize_t at, hsize_t n, void *bytes)
{
  const hid_t space = H5Dget_space(data), memory = H5Screate_simple(1, &n, NULL);
  herr_t      status = H5Sselect_hyperslab(space, H5S_SELECT_SET, &at, NULL, &n, NULL);

  if (status >= 0 && write) status = H5Dwrite(data, H5T_NATIVE_UINT8, memory, space, H5P_DEFAULT, bytes);
  if (status >= 0 && !write) status = H5Dread(data, H5T_NATIVE_UINT8, memory, space, H5P_DEFAULT, bytes);
  (void)H5Sclose(memory);
  (void)H5Sclose(space);
  return status;
}

/* The set has at + n bytes at least */
static PetscBool IsLongEnough(hid_t data, uint64_t at, uint64_t n)
{
  const hid_t    space = H5Dget_space(data);
  const hssize_t size  = H5Sget_simple_extent_npoints(space);

  (void)H5Sclose(space);
  return (PetscBool)(size >= 0 && at + n >= at && (uint64_t)size >= at + n);
}

static const char *TransferBlocks(const FurlHdf5File *file, const char *set, PetscBool write, uint64_t at, uint64_t n, void *bytes)
{
  herr_t    status = -1;
  PetscBool fits   = PETSC_FALSE;

  H5E_BEGIN_TRY
  {
    const hid_t data = H5Dopen2((hid_t)file->group, set, H5P_DEFAULT);

    if (data >= 0) {
      fits = IsLongEnough(data, at, n);
      if (fits) status = 0;
      for (uint64_t k = 0; k < n && status >= 0; k += BLOCK)
        status = Transfer(data, write, (hsize_t)(at + k), (hsize_t)PetscMin(BLOCK, n - k), (char *)bytes + k);
      (void)H5Dclose(data);
    }
  }
  H5E_END_TRY;
  if (status >= 0) return NULL;
  if (write) return "HDF5 cannot write its bytes";
  return fits ? "HDF5 cannot read its bytes; the file is cut off or damaged"
              : "a set of its bytes is missing or too short; the file is damaged";
}

const char *FurlHdf5Write(const FurlHdf5File *file, const char *set, uint64_t at, uint64_t n, const void *bytes)
{
  return n ? TransferBlocks(file, set, PETSC_TRUE, at, n, (void *)bytes) : NULL;
}

const char *FurlHdf5Read(const FurlHdf5File *file, const char *set, uint64_t at, uint64_t n, void *bytes)
{
  return n ? TransferBlocks(file, set, PETSC_FALSE, at, n, bytes) : NULL;
}
#else
#define WITHOUT "This PETSc has no HDF5; configure it with --download-hdf5"

PetscErrorCode FurlHdf5Create(PetscViewer viewer, const char *name, FurlHdf5File *file)
{
  SETERRQ(PetscObjectComm((PetscObject)viewer), PETSC_ERR_SUP, WITHOUT);
}

PetscErrorCode FurlHdf5Open(PetscViewer viewer, const char *name, const char *set, FurlHdf5File *file, PetscBool *found)
{
  SETERRQ(PetscObjectComm((PetscObject)viewer), PETSC_ERR_SUP, WITHOUT);
}

PetscErrorCode FurlHdf5Close(FurlHdf5File *file)
{
  SETERRQ(file->comm, PETSC_ERR_SUP, WITHOUT);
}

PetscErrorCode FurlHdf5Add(FurlHdf5File *file, const char *set, uint64_t bytes)
{
  SETERRQ(file->comm, PETSC_ERR_SUP, WITHOUT);
}

const char *FurlHdf5Write(const FurlHdf5File *file, const char *set, uint64_t at, uint64_t n, const void *bytes)
{
  return WITHOUT;
}

const char *FurlHdf5Read(const FurlHdf5File *file, const char *set, uint64_t at, uint64_t n, void *bytes)
{
  return WITHOUT;
}
#endif
