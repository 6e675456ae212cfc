/*
  Jacobians by finite differences with coloring. PETSc's coloring keeps addresses of an AIJ matrix's values, so each coloring of a furl
  matrix owns an AIJ matrix of the same pattern; what it computes there is encoded.
*/
#include "matfurl.h"

#define OWNED "MatFurlColoring"

static PetscErrorCode GetOwned(MatFDColoring coloring, Mat *aij)
{
  PetscFunctionBegin;
  PetscCall(PetscObjectQuery((PetscObject)coloring, OWNED, (PetscObject *)aij));
  PetscCheck(*aij, PetscObjectComm((PetscObject)coloring), PETSC_ERR_ARG_WRONG,
             "The coloring was not made with this matrix; call MatFDColoringCreate() with it");
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatFDColoringCreate_Furl(Mat A, ISColoring colors, MatFDColoring coloring)
{
  Mat aij;

  PetscFunctionBegin;
  PetscCall(PetscInfo(A, "The coloring keeps an aij matrix of the pattern\n"));
  PetscCall(FurlDecode(A, MATAIJ, &aij));
  PetscCall(PetscObjectCompose((PetscObject)coloring, OWNED, (PetscObject)aij));
  PetscCall((*aij->ops->fdcoloringcreate)(aij, colors, coloring));
  PetscCall(MatDestroy(&aij));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatFDColoringSetUp_Furl(Mat A, ISColoring colors, MatFDColoring coloring)
{
  Mat aij;

  PetscFunctionBegin;
  PetscCall(GetOwned(coloring, &aij));
  PetscCall((*aij->ops->fdcoloringsetup)(aij, colors, coloring));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode MatFDColoringApply_Furl(Mat A, MatFDColoring coloring, Vec x, void *context)
{
  Mat          aij;
  FurlEncoded *encoded;

  PetscFunctionBegin;
  PetscCall(GetOwned(coloring, &aij));
  PetscCall((*aij->ops->fdcoloringapply)(aij, coloring, x, context));
  PetscCall(FurlEncodedCreate(aij, ((Mat_Furl *)A->data)->values, &encoded));
  PetscCall(FurlSetEncoded(A, encoded));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode FurlInstallColoring(Mat A)
{
  PetscFunctionBegin;
  A->ops->fdcoloringcreate = MatFDColoringCreate_Furl;
  A->ops->fdcoloringsetup  = MatFDColoringSetUp_Furl;
  A->ops->fdcoloringapply  = MatFDColoringApply_Furl;
  PetscFunctionReturn(PETSC_SUCCESS);
}
