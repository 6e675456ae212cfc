/*
  Products of matrices: a furl factor is replaced by its decoded form for as long as each phase of PETSc's own product lasts, so that the
  product keeps none of it, but for factors that PETSc transposes.
*/
#include "matfurl.h"

#define CONTAINER "FurlProduct"

/* What PETSc set for the decoded factors, owned by a container on the product */
typedef struct {
  PetscErrorCode (*symbolic)(Mat);
  PetscErrorCode (*numeric)(Mat);
  Mat              decoded[3]; /* of the last phase; not owned, only compared with */
  PetscObjectState state[3];   /* of the factors whose decoded form is held */
} Wrapped;

/* The three factors of a product: the furl ones and what stands in for them meanwhile */
typedef struct {
  Mat       original[3], decoded[3]; /* NULL where the factor is of another type */
  PetscBool held[3];
} Swap;

static PetscErrorCode GetWrapped(Mat C, Wrapped **wrapped)
{
  PetscContainer container;

  PetscFunctionBegin;
  PetscCall(PetscObjectQuery((PetscObject)C, CONTAINER, (PetscObject *)&container));
  PetscCheck(container, PetscObjectComm((PetscObject)C), PETSC_ERR_PLIB, "The product has lost what MatProductSetFromOptions() set");
  PetscCall(PetscContainerGetPointer(container, (void **)wrapped));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SetWrapped(Mat C, const Wrapped *wrapped)
{
  PetscFunctionBegin;
  PetscCall(FurlComposeCopy((PetscObject)C, CONTAINER, wrapped, sizeof(*wrapped)));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static Mat *Factor(Mat C, int k)
{
  Mat *const factor[] = {&C->product->A, &C->product->B, &C->product->C};

  return factor[k];
}

/* PETSc transposes these factors once and insists on meeting the same object again: their decoded form lives as long as the product */
static PetscBool IsHeld(Mat C, int k)
{
  return (PetscBool)(k > 0 || C->product->type == MATPRODUCT_AtB);
}

/* The held form of a factor, with its present values; the caller destroys the reference */
static PetscErrorCode GetHeld(Mat C, int k, Mat factor, Wrapped *wrapped, Mat *held)
{
  const char *const name[] = {"FurlProductA", "FurlProductB", "FurlProductC"};
  PetscObjectState  state;
  Mat               now;

  PetscFunctionBegin;
  PetscCall(PetscObjectStateGet((PetscObject)factor, &state));
  PetscCall(PetscObjectQuery((PetscObject)C, name[k], (PetscObject *)held));
  if (!*held) {
    PetscCall(PetscInfo(factor, "A product of matrices keeps the decoded form of this factor\n"));
    PetscCall(FurlDecode(factor, MATAIJ, held));
    PetscCall(PetscObjectCompose((PetscObject)C, name[k], (PetscObject)*held));
  } else {
    PetscCall(PetscObjectReference((PetscObject)*held));
    if (state != wrapped->state[k]) {
      PetscCall(FurlDecode(factor, MATAIJ, &now));
      PetscCall(MatCopy(now, *held, SAME_NONZERO_PATTERN));
      PetscCall(MatDestroy(&now));
    }
  }
  wrapped->state[k] = state;
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SwapIn(Mat C, Wrapped *wrapped, Swap *swap)
{
  PetscBool is_furl;

  PetscFunctionBegin;
  for (int k = 0; k < 3; k++) {
    Mat *const factor = Factor(C, k);

    swap->original[k] = swap->decoded[k] = NULL;
    if (!*factor) continue;
    PetscCall(PetscObjectTypeCompare((PetscObject)*factor, MATFURL, &is_furl));
    if (!is_furl) continue;
    swap->original[k] = *factor;
    swap->held[k]     = IsHeld(C, k);
    if (swap->held[k])
      PetscCall(GetHeld(C, k, *factor, wrapped, &swap->decoded[k]));
    else
      PetscCall(FurlDecodedGet(*factor, "A product of matrices", &swap->decoded[k]));
    *factor = swap->decoded[k];
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode SwapOut(Mat C, Swap *swap)
{
  PetscFunctionBegin;
  for (int k = 0; k < 3; k++) {
    if (!swap->original[k]) continue;
    if (C->product) *Factor(C, k) = swap->original[k];
    if (swap->held[k])
      PetscCall(MatDestroy(&swap->decoded[k]));
    else
      PetscCall(FurlDecodedRestore(swap->original[k], &swap->decoded[k]));
  }
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Products made of products (R A R^T) keep the inner one with references to its factors: they get those of now */
static PetscErrorCode RenewFactors(Mat work, Mat old, Mat new)
{
  PetscFunctionBegin;
  if (!work || !work->product || !old || old == new) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(MatProductReplaceMats(work->product->A == old ? new : NULL, work->product->B == old ? new : NULL,
                                  work->product->C == old ? new : NULL, work));
  PetscCall(RenewFactors(work->product->Dwork, old, new));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ProductNumeric(Mat C)
{
  Wrapped *wrapped;
  Swap     swap;

  PetscFunctionBegin;
  PetscCall(GetWrapped(C, &wrapped));
  PetscCall(SwapIn(C, wrapped, &swap));
  for (int k = 0; k < 3; k++) {
    if (!swap.decoded[k]) continue;
    PetscCall(RenewFactors(C->product->Dwork, wrapped->decoded[k], swap.decoded[k]));
    wrapped->decoded[k] = swap.decoded[k];
  }
  PetscCall((*wrapped->numeric)(C));
  PetscCall(SwapOut(C, &swap));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ProductSymbolic(Mat C)
{
  Wrapped *found, wrapped;
  Swap     swap;

  PetscFunctionBegin;
  PetscCall(GetWrapped(C, &found));
  wrapped = *found;
  PetscCall(SwapIn(C, &wrapped, &swap));
  PetscCall((*wrapped.symbolic)(C));
  wrapped.numeric = C->ops->productnumeric;
  for (int k = 0; k < 3; k++) wrapped.decoded[k] = swap.decoded[k];
  PetscCall(SwapOut(C, &swap));
  PetscCall(SetWrapped(C, &wrapped)); /* the symbolic phase may have replaced the header of C */
  C->ops->productnumeric = ProductNumeric;
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode MatProductSetFromOptions_Furl(Mat C)
{
  Wrapped   wrapped = {NULL};
  Swap      swap;
  PetscBool furl, host, dense;

  PetscFunctionBegin;
  /* with a dense B A^T B is PETSc's, column by column, which needs no decoding */
  PetscCall(PetscObjectTypeCompare((PetscObject)C->product->A, MATFURL, &furl));
  PetscCall(PetscObjectTypeCompareAny((PetscObject)C->product->B, &host, MATSEQDENSE, MATMPIDENSE, ""));
  PetscCall(PetscObjectBaseTypeCompareAny((PetscObject)C->product->B, &dense, MATSEQDENSE, MATMPIDENSE, ""));
  if (host && furl && C->product->type == MATPRODUCT_AB) PetscCall(FurlProductWithDense(C));
  if (dense && (C->product->type == MATPRODUCT_AB || C->product->type == MATPRODUCT_AtB)) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(SwapIn(C, &wrapped, &swap));
  PetscCall(MatProductSetFromOptions(C));
  PetscCall(SwapOut(C, &swap));
  wrapped.symbolic = C->ops->productsymbolic;
  if (!wrapped.symbolic) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(SetWrapped(C, &wrapped));
  C->ops->productsymbolic = ProductSymbolic;
  PetscFunctionReturn(PETSC_SUCCESS);
}
