/*
  The compressed form in HDF5 files. A matrix is a group of its name with three sets of bytes, all of it little-endian in words of 8 bytes:

    header  what the matrix is, and a checksum
    parts   for each process that wrote: its rows and columns, where its bytes are, their checksum
    bytes   the parts one after another: ghosts, list of boundary slices, and the two containers (format/serial.h)

  Processes with the rows that one wrote take its part as it is. Others read the parts that have rows of theirs, one at a time, and encode
  these rows anew.
*/
#include "matfurl.h"
#include "hdf5file.h"
#include "format/expanded.h"
#include "format/serial.h"

#define MAGIC 0x3174616d6c727566ull /* "furlmat1" */
#define VERSION 1

typedef struct {
  uint64_t magic, version, nrows, ncols, row_block, column_block, values, nparts, bytes, checksum_parts,
    checksum; /* the last of those before */
} FileHeader;

typedef struct {
  uint64_t first_row, nrows, first_column, ncols, at, bytes, checksum;
} FilePart;

typedef struct {
  uint64_t nghost, nboundary, fingerprint, bytes_diagonal;
} PartHeader;

/* What is open, and what was read of it first */
typedef struct {
  FurlHdf5File file;
  FileHeader   header;
  FilePart    *part; /* [nparts] */
} Contents;

static uint64_t Words(uint64_t bytes)
{
  return (bytes + 7) / 8 * 8;
}

static uint64_t PartBytes(const FurlMatrix *m)
{
  return sizeof(PartHeader) + 8 * (uint64_t)m->nghost + Words(4 * (uint64_t)m->nboundary) + FurlSerialBytes(&m->diagonal) +
         FurlSerialBytes(&m->offdiagonal);
}

/* bytes: [PartBytes()], zero */
static void WritePart(const FurlMatrix *m, char *bytes)
{
  const PartHeader header = {.nghost         = (uint64_t)m->nghost,
                             .nboundary      = (uint64_t)m->nboundary,
                             .fingerprint    = m->fingerprint,
                             .bytes_diagonal = FurlSerialBytes(&m->diagonal)};

  memcpy(bytes, &header, sizeof(header));
  bytes += sizeof(header);
  for (PetscInt k = 0; k < m->nghost; k++, bytes += 8) memcpy(bytes, &(int64_t){m->ghost[k]}, 8);
  if (m->nboundary) memcpy(bytes, m->boundary, 4 * (size_t)m->nboundary);
  bytes += Words(4 * (uint64_t)m->nboundary);
  FurlSerialWrite(&m->diagonal, bytes);
  FurlSerialWrite(&m->offdiagonal, bytes + header.bytes_diagonal);
}

/* Every process's entry of the table, in order, and what follows of it */
static PetscErrorCode GatherParts(Mat A, FilePart own, FileHeader *header, FilePart **parts)
{
  const MPI_Comm comm = PetscObjectComm((PetscObject)A);
  const int      n    = (int)(sizeof(FilePart) / sizeof(uint64_t));
  PetscMPIInt    size;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_size(comm, &size));
  PetscCall(PetscMalloc1(size, parts));
  PetscCallMPI(MPI_Allgather(&own, n, MPI_UINT64_T, *parts, n, MPI_UINT64_T, comm));
  header->nparts = (uint64_t)size;
  for (PetscMPIInt k = 0; k < size; k++) {
    (*parts)[k].at = header->bytes;
    header->bytes += (*parts)[k].bytes;
  }
  header->checksum_parts = FurlSerialChecksum(*parts, (size_t)size * sizeof(FilePart));
  header->checksum       = FurlSerialChecksum(header, offsetof(FileHeader, checksum));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode WriteSets(FurlHdf5File *file, const FileHeader *header, const FilePart *parts, const char *bytes)
{
  const uint64_t table = header->nparts * sizeof(FilePart);
  const char    *wrong;
  PetscMPIInt    rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(file->comm, &rank));
  PetscCall(FurlHdf5Add(file, "bytes", header->bytes));
  PetscCall(FurlHdf5Add(file, "parts", table));
  PetscCall(FurlHdf5Add(file, "header", sizeof(*header)));
  wrong = FurlHdf5Write(file, "bytes", parts[rank].at, parts[rank].bytes, bytes);
  if (!rank && !wrong) wrong = FurlHdf5Write(file, "parts", 0, table, parts);
  if (!rank && !wrong) wrong = FurlHdf5Write(file, "header", 0, sizeof(*header), header);
  PetscCall(FurlHdf5Agree(file, wrong));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlViewHdf5(Mat A, PetscViewer viewer, PetscBool *done)
{
  Mat_Furl *const   f      = A->data;
  FileHeader        header = {.magic = MAGIC, .version = VERSION, .values = (uint64_t)f->values};
  FilePart          own    = {0}, *parts;
  const FurlMatrix *m;
  FurlHdf5File      file;
  const char       *name;
  char             *bytes;

  PetscFunctionBegin;
  PetscCall(FurlHdf5Serves(viewer, done));
  if (!*done) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(FurlSerialCanServe(), PETSC_COMM_SELF, PETSC_ERR_SUP, "Files in HDF5 are little-endian and this machine is not");
  PetscCheck(f->encoded, PetscObjectComm((PetscObject)A), PETSC_ERR_ARG_WRONGSTATE, "The matrix holds no values; assemble it first");
  m         = &f->encoded->matrix;
  own.bytes = PartBytes(m);
  PetscCall(PetscCalloc1(own.bytes, &bytes));
  WritePart(m, bytes);
  own.first_row       = (uint64_t)A->rmap->rstart;
  own.nrows           = (uint64_t)A->rmap->n;
  own.first_column    = (uint64_t)A->cmap->rstart;
  own.ncols           = (uint64_t)A->cmap->n;
  own.checksum        = FurlSerialChecksum(bytes, own.bytes);
  header.nrows        = (uint64_t)A->rmap->N;
  header.ncols        = (uint64_t)A->cmap->N;
  header.row_block    = (uint64_t)PetscAbs(A->rmap->bs);
  header.column_block = (uint64_t)PetscAbs(A->cmap->bs);
  PetscCall(GatherParts(A, own, &header, &parts));
  PetscCall(PetscObjectGetName((PetscObject)A, &name));
  PetscCall(FurlHdf5Create(viewer, name, &file));
  PetscCall(WriteSets(&file, &header, parts, bytes));
  PetscCall(FurlHdf5Close(&file));
  PetscCall(PetscFree(parts));
  PetscCall(PetscFree(bytes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static const char *CheckHeader(const FileHeader *h)
{
  if (h->magic != MAGIC) return "it is not in Furl's form";
  if (h->version != VERSION) return "it is in another version of Furl's form, which this one cannot read";
  if (h->checksum != FurlSerialChecksum(h, offsetof(FileHeader, checksum)))
    return "the checksum of its header is wrong; the file is damaged";
  if (h->nrows > PETSC_MAX_INT || h->ncols > PETSC_MAX_INT) return "it is larger than PetscInt can count; use a PETSc with 64-bit indices";
  return NULL;
}

/* The parts follow one another in rows and in bytes */
static const char *CheckParts(const FileHeader *h, const FilePart *part)
{
  uint64_t row = 0, at = 0;

  if (h->checksum_parts != FurlSerialChecksum(part, h->nparts * sizeof(*part)))
    return "the checksum of its table of parts is wrong; the file is damaged";
  for (uint64_t p = 0; p < h->nparts; p++) {
    if (part[p].first_row != row || part[p].at != at) return "its parts do not follow one another; the file is damaged";
    row += part[p].nrows;
    at += part[p].bytes;
  }
  return row == h->nrows && at == h->bytes ? NULL : "its parts are not all of it; the file is damaged";
}

static PetscErrorCode ReadTables(Contents *c)
{
  const char *wrong = FurlHdf5Read(&c->file, "header", 0, sizeof(c->header), &c->header);

  PetscFunctionBegin;
  c->part = NULL;
  if (!wrong) wrong = CheckHeader(&c->header);
  PetscCall(FurlHdf5Agree(&c->file, wrong));
  PetscCall(PetscMalloc1(c->header.nparts, &c->part));
  wrong = FurlHdf5Read(&c->file, "parts", 0, c->header.nparts * sizeof(FilePart), c->part);
  if (!wrong) wrong = CheckParts(&c->header, c->part);
  PetscCall(FurlHdf5Agree(&c->file, wrong));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TakeSize(const FurlHdf5File *file, PetscLayout layout, uint64_t size, uint64_t block, const char *what)
{
  PetscFunctionBegin;
  if (layout->N < 0 && layout->n < 0) PetscCall(PetscLayoutSetSize(layout, (PetscInt)size));
  if (layout->bs < 0 && block > 1) PetscCall(PetscLayoutSetBlockSize(layout, (PetscInt)block));
  PetscCall(PetscLayoutSetUp(layout));
  PetscCheck((uint64_t)layout->N == size, file->comm, PETSC_ERR_FILE_UNEXPECTED,
             "Matrix '%s' of file %s has %" PRIu64 " %s, the matrix to load it into %" PetscInt_FMT "; set its sizes so, or none",
             file->name, file->file, size, what, layout->N);
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The numbers of a part and, from `at` on, where its containers begin. Lengths are compared before they are added */
static const char *ReadLists(const char **at, uint64_t *bytes, PartHeader *header, FurlMatrix *m)
{
  const char *const damaged = "a part of it is shorter than it says; the file is damaged";
  uint64_t          lists;

  if (*bytes < sizeof(*header)) return damaged;
  memcpy(header, *at, sizeof(*header));
  if (header->nghost > *bytes / 8 || header->nboundary > *bytes / 4) return damaged;
  lists = sizeof(*header) + 8 * header->nghost + Words(4 * header->nboundary);
  if (lists > *bytes || header->bytes_diagonal > *bytes - lists) return damaged;
  if (PetscMalloc1(header->nghost, &m->ghost) || PetscMalloc2(0, &m->interior, header->nboundary, &m->boundary))
    return "there is no memory for a part of it";
  for (uint64_t k = 0; k < header->nghost; k++) {
    int64_t ghost;

    memcpy(&ghost, *at + sizeof(*header) + 8 * k, 8);
    m->ghost[k] = (PetscInt)ghost;
  }
  if (header->nboundary) memcpy(m->boundary, *at + sizeof(*header) + 8 * header->nghost, 4 * header->nboundary);
  m->nghost      = (PetscInt)header->nghost;
  m->nboundary   = (PetscInt)header->nboundary;
  m->fingerprint = header->fingerprint;
  *at += lists;
  *bytes -= lists;
  return NULL;
}

static const char *ParsePart(const FilePart *part, const char *at, FurlMatrix *m)
{
  uint64_t    bytes = part->bytes;
  PartHeader  header;
  const char *wrong;

  if (part->checksum != FurlSerialChecksum(at, part->bytes)) return "the checksum of a part of it is wrong; the file is damaged";
  wrong = ReadLists(&at, &bytes, &header, m);
  if (!wrong) wrong = FurlSerialRead(&m->diagonal, at, header.bytes_diagonal);
  if (!wrong) wrong = FurlSerialRead(&m->offdiagonal, at + header.bytes_diagonal, bytes - header.bytes_diagonal);
  if (wrong) return wrong;
  if (m->diagonal.nrows != (int64_t)part->nrows || m->diagonal.ncols != (int64_t)part->ncols || m->offdiagonal.ncols != m->nghost ||
      m->offdiagonal.nrows != m->nboundary * FURL_WIDTH)
    return "a part of it has other sizes than the table says; the file is damaged";
  return NULL;
}

/* Part p as it was written, without halo and without list of the slices that need none. Not collective */
static const char *ReadPart(const Contents *c, uint64_t p, FurlMatrix *m)
{
  const FilePart *const part = c->part + p;
  const char           *wrong;
  char                 *bytes;

  memset(m, 0, sizeof(*m));
  FurlSlicesInit(&m->diagonal, 0, 0);
  FurlSlicesInit(&m->offdiagonal, 0, 0);
  if (PetscMalloc1(part->bytes, &bytes)) return "there is no memory for a part of it";
  wrong = FurlHdf5Read(&c->file, "bytes", part->at, part->bytes, bytes);
  if (!wrong) wrong = ParsePart(part, bytes, m);
  if (PetscFree(bytes)) wrong = "memory is damaged";
  if (wrong && FurlMatrixDestroy(m)) wrong = "memory is damaged";
  return wrong;
}

/* Whether every process owns what one wrote, in the same order, in the form that A wants */
static PetscErrorCode SameLayout(Mat A, const Contents *c, PetscBool *same)
{
  PetscMPIInt rank, size, other;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(c->file.comm, &rank));
  PetscCallMPI(MPI_Comm_size(c->file.comm, &size));
  other = c->header.nparts != (uint64_t)size || c->header.values != (uint64_t)((Mat_Furl *)A->data)->values;
  if (!other) {
    const FilePart *const p = c->part + rank;

    other = p->nrows != (uint64_t)A->rmap->n || p->first_column != (uint64_t)A->cmap->rstart || p->ncols != (uint64_t)A->cmap->n;
  }
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &other, 1, MPI_INT, MPI_MAX, c->file.comm));
  *same = (PetscBool)!other;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* A matrix without halo has no lists */
static PetscErrorCode ListSlices(FurlMatrix *m)
{
  PetscFunctionBegin;
  m->ninterior = (PetscInt)m->diagonal.nslices;
  if (m->halo)
    PetscCall(FurlMatrixListSlices(m->nboundary, m->boundary, m));
  else
    PetscCall(PetscFree2(m->interior, m->boundary));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode TakePart(Mat A, Contents *c)
{
  FurlMatrix   matrix;
  FurlEncoded *encoded;
  PetscMPIInt  rank;

  PetscFunctionBegin;
  PetscCallMPI(MPI_Comm_rank(c->file.comm, &rank));
  PetscCall(FurlHdf5Agree(&c->file, ReadPart(c, (uint64_t)rank, &matrix)));
  PetscCall(FurlMatrixCreateHalo(A->cmap, &matrix));
  PetscCall(ListSlices(&matrix));
  FurlSlicesExpand(&matrix.diagonal);
  FurlSlicesExpand(&matrix.offdiagonal);
  FurlSlicesTrim(&matrix.diagonal);
  FurlSlicesTrim(&matrix.offdiagonal);
  PetscCall(FurlEncodedFromMatrix(&matrix, &encoded));
  PetscCall(FurlSetEncoded(A, encoded));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Rows of this process, as they come */
typedef struct {
  PetscInt     nrows, room;
  PetscInt    *rowptr; /* [nrows of the process + 1] */
  PetscInt    *column; /* [room] */
  PetscScalar *value;  /* [room] */
} Rows;

static PetscErrorCode Reserve(Rows *r, PetscInt more)
{
  const PetscInt used   = r->rowptr[r->nrows];
  Rows           larger = *r;

  PetscFunctionBegin;
  if (used + more <= r->room) PetscFunctionReturn(PETSC_SUCCESS);
  larger.room = used + more;
  PetscCall(PetscMalloc2(larger.room, &larger.column, larger.room, &larger.value));
  PetscCall(PetscArraycpy(larger.column, r->column, used));
  PetscCall(PetscArraycpy(larger.value, r->value, used));
  PetscCall(PetscFree2(r->column, r->value));
  *r = larger;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The rows of part p that are this process's */
static PetscErrorCode AppendPart(Mat A, const FilePart *part, const FurlMatrix *m, Rows *r)
{
  const PetscInt first  = PetscMax(A->rmap->rstart, (PetscInt)part->first_row) - (PetscInt)part->first_row;
  const PetscInt end    = PetscMin(A->rmap->rend, (PetscInt)(part->first_row + part->nrows)) - (PetscInt)part->first_row;
  const PetscInt column = (PetscInt)part->first_column;
  PetscInt       more   = 0;

  PetscFunctionBegin;
  for (PetscInt i = first; i < end; i++) more += FurlMatrixDecodeRow(m, column, i, NULL, NULL);
  PetscCall(Reserve(r, more));
  for (PetscInt i = first; i < end; i++, r->nrows++) {
    const PetscInt at = r->rowptr[r->nrows];

    r->rowptr[r->nrows + 1] = at + FurlMatrixDecodeRow(m, column, i, r->column + at, r->value + at);
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* All parts that have rows of this process; *wrong as in ReadPart() */
static PetscErrorCode CollectRows(Mat A, const Contents *c, Rows *r, const char **wrong)
{
  FurlMatrix matrix;

  PetscFunctionBegin;
  *r     = (Rows){0};
  *wrong = NULL;
  PetscCall(PetscCalloc1(A->rmap->n + 1, &r->rowptr));
  PetscCall(PetscMalloc2(0, &r->column, 0, &r->value));
  for (uint64_t p = 0; p < c->header.nparts && !*wrong; p++) {
    const FilePart *const part = c->part + p;

    if (part->first_row >= (uint64_t)A->rmap->rend || part->first_row + part->nrows <= (uint64_t)A->rmap->rstart) continue;
    *wrong = ReadPart(c, p, &matrix);
    if (*wrong) break;
    PetscCall(AppendPart(A, part, &matrix, r));
    PetscCall(FurlMatrixDestroy(&matrix));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode EncodeRows(Mat A, Contents *c)
{
  FurlEncoded *encoded;
  const char  *wrong;
  Rows         rows;
  Mat          aij;

  PetscFunctionBegin;
  PetscCall(PetscInfo(A, "The file was written by processes with other rows, or values are wanted in another form: encoding anew\n"));
  PetscCall(CollectRows(A, c, &rows, &wrong));
  PetscCall(FurlHdf5Agree(&c->file, wrong));
  PetscCall(MatCreate(c->file.comm, &aij));
  PetscCall(MatSetSizes(aij, A->rmap->n, A->cmap->n, A->rmap->N, A->cmap->N));
  PetscCall(MatSetType(aij, MATAIJ));
  PetscCall(MatSeqAIJSetPreallocationCSR(aij, rows.rowptr, rows.column, rows.value));
  PetscCall(MatMPIAIJSetPreallocationCSR(aij, rows.rowptr, rows.column, rows.value));
  PetscCall(PetscFree2(rows.column, rows.value));
  PetscCall(PetscFree(rows.rowptr));
  PetscCall(FurlEncodedCreate(aij, ((Mat_Furl *)A->data)->values, &encoded));
  PetscCall(MatDestroy(&aij));
  PetscCall(FurlSetEncoded(A, encoded));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlLoadHdf5(Mat A, PetscViewer viewer, PetscBool *done)
{
  Contents    c;
  const char *name;
  PetscBool   same;

  PetscFunctionBegin;
  PetscCall(FurlHdf5Serves(viewer, done));
  if (!*done) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCheck(FurlSerialCanServe(), PETSC_COMM_SELF, PETSC_ERR_SUP, "Files in HDF5 are little-endian and this machine is not");
  PetscCall(PetscObjectGetName((PetscObject)A, &name));
  PetscCall(FurlHdf5Open(viewer, name, "header", &c.file, done));
  if (!*done) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ReadTables(&c));
  PetscCall(TakeSize(&c.file, A->rmap, c.header.nrows, c.header.row_block, "rows"));
  PetscCall(TakeSize(&c.file, A->cmap, c.header.ncols, c.header.column_block, "columns"));
  PetscCall(SameLayout(A, &c, &same));
  if (same)
    PetscCall(TakePart(A, &c));
  else
    PetscCall(EncodeRows(A, &c));
  A->nonzerostate++;
  PetscCall(PetscFree(c.part));
  PetscCall(FurlHdf5Close(&c.file));
  PetscFunctionReturn(PETSC_SUCCESS);
}
