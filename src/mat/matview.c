/* What the matrix says of itself */
#include "matfurl.h"
#include "format/streamed.h"

/* Sums over the ranks; doubles, as bytes of a large machine do not fit 32-bit counts and MPI adds doubles everywhere */
typedef enum {
  BYTES,
  BYTES_TRANSPOSED,
  BYTES_DECODED,
  NONZEROS,
  SLICES,
  SLICES_PATTERN,
  SLICES_SINGLES,
  SLICES_PAIRS,
  SLICES_BLOCKS,
  SLICES_ROWS,
  INDICES_8,
  INDICES_16,
  INDICES_32,
  PROGRAMS,
  SLOTS_CONSTANT,
  SLOTS_RAW,
  SLOTS_CODE,
  SLOTS_PLANES,
  SLOTS_HEAD,
  SLOTS_DIAGONAL,
  SLOTS_DERIVED,
  SLOTS_H64,
  STREAMED_HEAD,
  STREAMED_SECOND,
  STREAMED_ALL,
  NUMBERS
} Number;

static void AddPart(const FurlSlices *part, double *number)
{
  const FurlSlicesReport report = FurlSlicesGetReport(part);

  number[BYTES] += (double)report.stored_bytes;
  number[NONZEROS] += (double)part->nnz;
  number[SLICES] += (double)part->nslices;
  number[SLICES_PATTERN] += (double)report.slices[FURL_COLUMNS_PATTERN];
  number[SLICES_SINGLES] += (double)report.slices[FURL_COLUMNS_SINGLES];
  number[SLICES_PAIRS] += (double)report.slices[FURL_COLUMNS_PAIRS];
  number[SLICES_BLOCKS] += (double)report.slices[FURL_COLUMNS_BLOCKS];
  number[SLICES_ROWS] += (double)report.slices[FURL_COLUMNS_ROWS];
  for (int size = 0; size < 3; size++) number[INDICES_8 + size] += (double)report.irregular_slots[size];
  number[PROGRAMS] += (double)report.nprograms;
  number[SLOTS_CONSTANT] += (double)report.slots[FURL_VALUES_CONSTANT];
  number[SLOTS_RAW] += (double)report.slots[FURL_VALUES_RAW];
  number[SLOTS_CODE] += (double)(report.slots[FURL_VALUES_CODE8] + report.slots[FURL_VALUES_CODE16]);
  number[SLOTS_PLANES] += (double)report.slots[FURL_VALUES_PLANES];
  number[SLOTS_HEAD] += (double)report.slots[FURL_VALUES_HEAD];
  number[SLOTS_DIAGONAL] +=
    (double)(report.slots[FURL_VALUES_DIAGONAL] + report.slots[FURL_VALUES_DIAGONAL_PLANES] + report.slots[FURL_VALUES_DIAGONAL_HEAD]);
  number[SLOTS_DERIVED] += (double)report.slots[FURL_VALUES_DERIVED];
  number[SLOTS_H64] += (double)report.slots_h64;
  for (int k = 0; k < 3; k++) number[STREAMED_HEAD + k] += FurlSlicesStreamedBytes(part, (FurlStreamedRead)k);
}

static double BytesOfAij(Mat aij)
{
  MatInfo info;

  if (!aij || MatGetInfo(aij, MAT_LOCAL, &info)) return 0;
  return info.nz_allocated * (double)(sizeof(PetscScalar) + sizeof(PetscInt)) + (double)(aij->rmap->n * sizeof(PetscInt));
}

/* This process's numbers */
static void Count(Mat A, double *number)
{
  const Mat_Furl *const   f                   = A->data;
  const FurlMatrix *const m                   = &f->encoded->matrix;
  double                  transposed[NUMBERS] = {0};

  for (int k = 0; k < NUMBERS; k++) number[k] = 0;
  AddPart(&m->diagonal, number);
  AddPart(&m->offdiagonal, number);
  number[BYTES] += (double)(m->nghost * (PetscInt)sizeof(PetscInt));
  if (m->interior) number[BYTES] += (double)((m->ninterior + m->nboundary) * (PetscInt)sizeof(int32_t));
  if (f->encoded->has_transposed) {
    AddPart(&f->encoded->diagonal_transposed, transposed);
    AddPart(&f->encoded->offdiagonal_transposed, transposed);
  }
  number[BYTES_TRANSPOSED] = transposed[BYTES];
  number[BYTES_DECODED]    = BytesOfAij(f->decoded) + BytesOfAij(f->block);
}

static PetscErrorCode SumOverRanks(Mat A, double *number)
{
  PetscFunctionBegin;
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, number, NUMBERS, MPI_DOUBLE, MPI_SUM, PetscObjectComm((PetscObject)A)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ViewHistogram(const double *number, PetscViewer viewer)
{
  PetscFunctionBegin;
  PetscCall(
    PetscViewerASCIIPrintf(viewer,
                           "slices: %.0f, of these %.0f with a pattern, %.0f with an index an entry, %.0f in pairs, %.0f in blocks, "
                           "%.0f of repeated rows; programs: %.0f\n",
                           number[SLICES], number[SLICES_PATTERN], number[SLICES_SINGLES], number[SLICES_PAIRS], number[SLICES_BLOCKS],
                           number[SLICES_ROWS], number[PROGRAMS]));
  PetscCall(PetscViewerASCIIPrintf(viewer, "slots without a pattern: %.0f with indices of 8 bits, %.0f of 16, %.0f of 32\n",
                                   number[INDICES_8], number[INDICES_16], number[INDICES_32]));
  PetscCall(PetscViewerASCIIPrintf(
    viewer,
    "slots of the programs: %.0f constant, %.0f in diagonals, %.0f derived, %.0f raw, %.0f codes, %.0f planes, %.0f heads alone; "
    "slots stored as head and double: %.0f\n",
    number[SLOTS_CONSTANT], number[SLOTS_DIAGONAL], number[SLOTS_DERIVED], number[SLOTS_RAW], number[SLOTS_CODE], number[SLOTS_PLANES],
    number[SLOTS_HEAD], number[SLOTS_H64]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* CSR: 8 bytes of value and 4 of column a nonzero, 4 a row */
static PetscErrorCode ViewInfo(Mat A, PetscBool detail, PetscViewer viewer)
{
  Mat_Furl *const f     = A->data;
  const double    nrows = (double)A->rmap->N;
  double          number[NUMBERS], csr;

  PetscFunctionBegin;
  Count(A, number);
  PetscCall(SumOverRanks(A, number));
  csr = 12 * number[NONZEROS] + 4 * nrows;
  PetscCall(
    PetscViewerASCIIPrintf(viewer, "values stored %s, products read %s\n", MatFurlValuesTypes[f->values], MatFurlReadTypes[f->read]));
  PetscCall(PetscViewerASCIIPrintf(viewer, "compressed: %.4g bytes a row, %.4g a nonzero, %.1f%% off CSR\n",
                                   nrows > 0 ? number[BYTES] / nrows : 0., number[NONZEROS] > 0 ? number[BYTES] / number[NONZEROS] : 0.,
                                   csr > 0 ? 100 * (1 - number[BYTES] / csr) : 0.));
  if (nrows > 0)
    PetscCall(PetscViewerASCIIPrintf(viewer, "streamed by a product: %.4g bytes a row, %.4g where it reads heads and seconds, %.4g heads\n",
                                     number[STREAMED_ALL] / nrows, number[STREAMED_SECOND] / nrows, number[STREAMED_HEAD] / nrows));
  if (number[BYTES_TRANSPOSED] > 0)
    PetscCall(PetscViewerASCIIPrintf(viewer, "transposed form beside it: %.4g bytes a row\n", number[BYTES_TRANSPOSED] / nrows));
  if (number[BYTES_DECODED] > 0)
    PetscCall(PetscViewerASCIIPrintf(viewer, "decoded form held beside it: %.4g bytes a row\n", number[BYTES_DECODED] / nrows));
  if (detail) PetscCall(ViewHistogram(number, viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The entries themselves, as PETSc shows those of AIJ: its method is called without the header that MatView() has printed */
static PetscErrorCode ViewEntries(Mat A, PetscViewer viewer)
{
  Mat         aij;
  const char *name;

  PetscFunctionBegin;
  PetscCall(FurlDecodedGet(A, "MatView()", &aij));
  PetscCall(PetscObjectGetName((PetscObject)A, &name));
  PetscCall(PetscObjectSetName((PetscObject)aij, name));
  PetscCall((*aij->ops->view)(aij, viewer));
  PetscCall(FurlDecodedRestore(A, &aij));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatView_Furl(Mat A, PetscViewer viewer)
{
  PetscViewerFormat format;
  PetscBool         ascii, draw, done;

  PetscFunctionBegin;
  PetscCall(FurlViewHdf5(A, viewer, &done));
  if (done) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERDRAW, &draw));
  if (draw) PetscFunctionReturn(FurlViewDraw(A, viewer));
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  PetscCall(PetscViewerGetFormat(viewer, &format));
  if (ascii && format == PETSC_VIEWER_ASCII_FACTOR_INFO) PetscFunctionReturn(PETSC_SUCCESS);
  if (ascii && (format == PETSC_VIEWER_ASCII_INFO || format == PETSC_VIEWER_ASCII_INFO_DETAIL))
    PetscCall(ViewInfo(A, (PetscBool)(format == PETSC_VIEWER_ASCII_INFO_DETAIL), viewer));
  else
    PetscCall(ViewEntries(A, viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatGetInfo_Furl(Mat A, MatInfoType type, MatInfo *info)
{
  const MPI_Comm comm            = PetscObjectComm((PetscObject)A);
  double         number[NUMBERS] = {0}, value[2];

  PetscFunctionBegin;
  PetscCall(PetscMemzero(info, sizeof(*info)));
  if (((Mat_Furl *)A->data)->encoded) Count(A, number);
  value[0] = number[NONZEROS];
  value[1] = number[BYTES] + number[BYTES_TRANSPOSED] + number[BYTES_DECODED];
  if (type != MAT_LOCAL) PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, value, 2, MPI_DOUBLE, type == MAT_GLOBAL_MAX ? MPI_MAX : MPI_SUM, comm));
  info->block_size   = PetscAbs(A->rmap->bs);
  info->nz_allocated = info->nz_used = value[0];
  info->memory                       = value[1];
  info->assemblies                   = A->num_ass;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlInstallView(Mat A)
{
  PetscFunctionBegin;
  A->ops->view    = MatView_Furl;
  A->ops->getinfo = MatGetInfo_Furl;
  PetscFunctionReturn(PETSC_SUCCESS);
}
