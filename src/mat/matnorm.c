/* Norms, from the rows as they are decoded: no more than a row is there at a time */
#include "matfurl.h"

/* What a part of a row adds to */
typedef struct {
  double      row;     /* sum of |entries| of the row at hand */
  long double squares; /* Frobenius; its exponents have room for the square of any double */
  double     *column;  /* [columns of the part] sums of |entries|; NULL where they are not wanted */
} Sums;

static void AddEntries(int64_t n, const PetscInt *column, const double *value, NormType type, Sums *sums)
{
  for (int64_t k = 0; k < n; k++) {
    const double size = fabs(value[k]);

    if (type == NORM_FROBENIUS) sums->squares += (long double)size * size;
    if (type == NORM_INFINITY) sums->row += size;
    if (type == NORM_1) sums->column[column[k]] += size;
  }
}

/* The row of the off-process part that holds row l of slice s; `next` is the boundary slice that is s or comes after it */
static PetscInt OffdiagonalRow(const FurlMatrix *m, PetscInt next, PetscInt i)
{
  const PetscBool has = (PetscBool)(next < m->nboundary && m->boundary[next] == i / FURL_WIDTH);

  return has ? next * FURL_WIDTH + i % FURL_WIDTH : -1;
}

/* Adds all rows of this process; *largest is the largest sum of a row */
static PetscErrorCode AddRows(Mat A, NormType type, double *own, double *others, Sums *sums, double *largest)
{
  const FurlEncoded *const e       = ((Mat_Furl *)A->data)->encoded;
  const FurlMatrix *const  m       = &e->matrix;
  const FurlSlicesView     part[2] = {FurlSlicesGetView(&m->diagonal), FurlSlicesGetView(&m->offdiagonal)};
  PetscInt                *column, next = 0;
  double                  *value;

  PetscFunctionBegin;
  PetscCall(PetscMalloc2(e->longest_row, &column, e->longest_row, &value));
  for (PetscInt i = 0; i < A->rmap->n; i++) {
    PetscInt r;

    while (next < m->nboundary && m->boundary[next] < i / FURL_WIDTH) next++;
    r            = OffdiagonalRow(m, next, i);
    sums->row    = 0;
    sums->column = own;
    AddEntries(FurlSlicesDecodeRow(&part[0], i, column, value), column, value, type, sums);
    sums->column = others;
    if (r >= 0) AddEntries(FurlSlicesDecodeRow(&part[1], r, column, value), column, value, type, sums);
    if (sums->row > *largest || sums->row != sums->row) *largest = sums->row;
  }
  PetscCall(PetscFree2(column, value));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* The sums of the columns, each where it is owned */
static PetscErrorCode OneNorm(Mat A, double *largest)
{
  const FurlMatrix *const m    = &((Mat_Furl *)A->data)->encoded->matrix;
  Sums                    sums = {0};
  double                 *own, *others;

  PetscFunctionBegin;
  PetscCall(PetscCalloc2(A->cmap->n, &own, m->nghost, &others));
  PetscCall(AddRows(A, NORM_1, own, others, &sums, largest));
  if (m->halo) {
    PetscCall(PetscSFReduceBegin(m->halo, MPI_DOUBLE, others, own, MPI_SUM));
    PetscCall(PetscSFReduceEnd(m->halo, MPI_DOUBLE, others, own, MPI_SUM));
  }
  for (PetscInt j = 0; j < A->cmap->n; j++)
    if (own[j] > *largest || own[j] != own[j]) *largest = own[j];
  PetscCall(PetscFree2(own, others));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode FrobeniusNorm(Mat A, double *norm)
{
  Sums   sums   = {0};
  double unused = 0;

  PetscFunctionBegin;
  PetscCall(AddRows(A, NORM_FROBENIUS, NULL, NULL, &sums, &unused));
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &sums.squares, 1, MPI_LONG_DOUBLE, MPI_SUM, PetscObjectComm((PetscObject)A)));
  *norm = (double)sqrtl(sums.squares);
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode MatNorm_Furl(Mat A, NormType type, PetscReal *norm)
{
  Sums   sums    = {0};
  double largest = 0;

  PetscFunctionBegin;
  PetscCheck(((Mat_Furl *)A->data)->encoded, PetscObjectComm((PetscObject)A), PETSC_ERR_ARG_WRONGSTATE,
             "The matrix holds no values; assemble it first");
  PetscCheck(type == NORM_1 || type == NORM_FROBENIUS || type == NORM_INFINITY, PetscObjectComm((PetscObject)A), PETSC_ERR_SUP,
             "No norm of type %d; there are NORM_1, NORM_FROBENIUS and NORM_INFINITY", (int)type);
  if (type == NORM_FROBENIUS) {
    PetscCall(FrobeniusNorm(A, norm));
    PetscFunctionReturn(PETSC_SUCCESS);
  }
  if (type == NORM_1) PetscCall(OneNorm(A, &largest));
  if (type == NORM_INFINITY) PetscCall(AddRows(A, NORM_INFINITY, NULL, NULL, &sums, &largest));
  PetscCallMPI(MPI_Allreduce(&largest, norm, 1, MPI_DOUBLE, MPI_MAX, PetscObjectComm((PetscObject)A)));
  PetscFunctionReturn(PETSC_SUCCESS);
}
