/* The memory that a PC of type furl holds, by purpose: for the view of KSP furl */
#include <petsc/private/pcimpl.h>
#include <furl/compose.h>
#include "pcfurl.h"

/* AIJ: values, columns and row starts */
double FurlAijBytes(Mat A)
{
  MatInfo  info;
  PetscInt n;

  if (!A || MatGetInfo(A, MAT_LOCAL, &info) || MatGetLocalSize(A, &n, NULL)) return 0;
  return info.nz_allocated * (double)(sizeof(PetscScalar) + sizeof(PetscInt)) + (double)n * (double)sizeof(PetscInt);
}

static double MatrixBytes(const FurlOperator *op)
{
  const FurlMatrix *const m      = &op->matrix;
  const double            ghosts = (double)m->nghost * (double)(sizeof(PetscInt) + sizeof(float));

  return (double)(FurlSlicesGetReport(&m->diagonal).stored_bytes + FurlSlicesGetReport(&m->offdiagonal).stored_bytes) + ghosts;
}

static void AddLevel(const FurlLevel *level, FurlPCBytes *bytes)
{
  const double       entry   = (double)level->n * (double)sizeof(float);
  const float *const five[5] = {level->b, level->x, level->z, level->w, level->r};

  bytes->levels += MatrixBytes(&level->A) + (level->d ? entry : 0) + (level->exponent ? (double)level->n * (double)sizeof(int16_t) : 0);
  bytes->transfers += MatrixBytes(&level->P) + MatrixBytes(&level->R);
  for (int k = 0; k < 5; k++) bytes->vectors += five[k] ? entry : 0;
}

/* The factors of a PC that has one matrix of them, else 0 */
static PetscErrorCode AddFactors(PC pc, double *bytes)
{
  PetscBool factors;
  Mat       F;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompareAny((PetscObject)pc, &factors, PCLU, PCCHOLESKY, PCILU, PCICC, ""));
  if (!factors || !pc->setupcalled) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PCFactorGetMatrix(pc, &F));
  *bytes += FurlAijBytes(F);
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AddBlocks(PC pc, double *bytes)
{
  PetscBool blocks, redundant;
  PetscInt  n;
  KSP      *inner, one;
  PC        block;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)pc, PCBJACOBI, &blocks));
  PetscCall(PetscObjectTypeCompare((PetscObject)pc, PCREDUNDANT, &redundant));
  if (blocks) {
    PetscCall(PCBJacobiGetSubKSP(pc, &n, NULL, &inner));
    for (PetscInt k = 0; k < n; k++) {
      PetscCall(KSPGetPC(inner[k], &block));
      PetscCall(AddFactors(block, bytes));
    }
  } else if (redundant) {
    PetscCall(PCRedundantGetKSP(pc, &one));
    PetscCall(KSPGetPC(one, &block));
    PetscCall(AddFactors(block, bytes));
  } else
    PetscCall(AddFactors(pc, bytes));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode AddHierarchy(const FurlHierarchy *h, FurlPCBytes *bytes)
{
  const FurlCoarse *const c = &h->coarse;

  PetscFunctionBegin;
  for (PetscInt l = 0; l < h->nlevels; l++) AddLevel(h->level + l, bytes);
  if (h->p) bytes->vectors += 3 * (double)h->level->n * (double)sizeof(float);
  if (c->inverse) bytes->coarsest += (double)(c->n * c->total + c->total + c->n) * (double)sizeof(double);
  if (c->pc) PetscCall(AddBlocks(c->pc, &bytes->coarsest));
  PetscFunctionReturn(PETSC_SUCCESS);
}

PetscErrorCode PCFurlGetBytes_Furl(PC pc, FurlPCBytes *bytes)
{
  PC_Furl *const furl = (PC_Furl *)pc->data;

  PetscFunctionBegin;
  PetscCall(PetscMemzero(bytes, sizeof(*bytes)));
  if (furl->grid) FurlGridAddBytes(furl->grid, &bytes->levels, &bytes->transfers, &bytes->vectors, &bytes->coarsest);
  PetscCall(AddHierarchy(&furl->hierarchy, bytes));
  PetscCall(AddHierarchy(&furl->transposed, bytes));
  bytes->imported = furl->import_bytes;
  if (furl->ordered_mat) bytes->imported += FurlAijBytes(furl->ordered_mat);
  if (furl->import_mat && furl->import_mat != pc->pmat) bytes->imported += FurlAijBytes(furl->import_mat);
  if (furl->fallback) PetscCall(AddBlocks(furl->fallback, &bytes->fallback));
  PetscFunctionReturn(PETSC_SUCCESS);
}
