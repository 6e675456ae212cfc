/* MatScale() where the encoded values are numbers as they are: in place, so that nothing is decoded and no bit is chosen anew */
#include "matfurl.h"

/* The arrays that hold doubles: no others are values, where CanScale() says so */
#define FOR_EACH_VALUES(X) X(constant) X(raw) X(diagonal)

/* Whether every slice has columns and values of the kinds that are known here to be doubles of the arrays above */
static PetscBool AreDoubles(const FurlSlices *slices)
{
  const FurlSlicesView view = FurlSlicesGetView(slices);

  for (size_t k = 0; k < slices->program.used; k++) {
    const FurlProgram *const p = view.program + k;

    if (p->columns != FURL_COLUMNS_PATTERN && p->columns != FURL_COLUMNS_SINGLES && p->columns != FURL_COLUMNS_PAIRS &&
        p->columns != FURL_COLUMNS_BLOCKS)
      return PETSC_FALSE;
    for (int32_t slot = p->first; slot < p->first + p->ntable; slot++)
      if (view.kind[slot] != FURL_VALUES_CONSTANT && view.kind[slot] != FURL_VALUES_RAW && view.kind[slot] != FURL_VALUES_DIAGONAL)
        return PETSC_FALSE;
  }
  return PETSC_TRUE;
}

/* What is not zero stays so, and finite: what was seen of the entries (their signs, rows with a diagonal alone) stays true */
static PetscBool StayInRange(const double *value, size_t n, double factor)
{
  double any = 0;

  for (size_t k = 0; k < n; k++) {
    const double scaled = value[k] * factor;

    if (value[k] != 0 && scaled == 0) return PETSC_FALSE;
    any += scaled - scaled; /* NaN where one is not finite */
  }
  return (PetscBool)(any == 0);
}

static PetscBool CanScale(const FurlSlices *slices, double factor)
{
  PetscBool yes = (PetscBool)(factor != 0 && AreDoubles(slices));

#define CHECK(name) yes = (PetscBool)(yes && StayInRange(slices->name.data, slices->name.used, factor));
  FOR_EACH_VALUES(CHECK)
#undef CHECK
  return yes;
}

/* The fingerprint is left: one that is zero, alone or with those of the other processes, would be so again */
static void Scale(FurlSlices *slices, double factor)
{
  const int not_positive = slices->not_positive;

  slices->described = 0;
#define SCALE(name) \
  for (size_t k = 0; k < slices->name.used; k++) ((double *)slices->name.data)[k] *= factor;
  FOR_EACH_VALUES(SCALE)
#undef SCALE
  if (factor > 0) return;
  slices->not_positive = slices->not_negative;
  slices->not_negative = not_positive;
}

PetscErrorCode FurlScaleInPlace(Mat A, PetscScalar factor, PetscBool *done)
{
  Mat_Furl *const    f = A->data;
  FurlEncoded *const e = f->encoded;
  PetscMPIInt        other;

  PetscFunctionBegin;
  other = !e || e->references > 1 || !CanScale(&e->matrix.diagonal, factor) || !CanScale(&e->matrix.offdiagonal, factor);
  PetscCallMPI(MPI_Allreduce(MPI_IN_PLACE, &other, 1, MPI_INT, MPI_MAX, PetscObjectComm((PetscObject)A)));
  *done = (PetscBool)!other;
  if (other) PetscFunctionReturn(PETSC_SUCCESS);
  Scale(&e->matrix.diagonal, factor);
  Scale(&e->matrix.offdiagonal, factor);
  FurlSlicesFree(&e->offdiagonal_transposed);
  FurlSlicesFree(&e->diagonal_transposed);
  e->has_transposed = PETSC_FALSE;
  f->encoded        = NULL;
  PetscCall(FurlSetEncoded(A, e));
  PetscFunctionReturn(PETSC_SUCCESS);
}
