/* Vectors that PETSc has on the device are read and written there: what a solve sends and fetches is less than a vector, and x is bit for
 * bit that of host vectors */
#include "devicetest.h"
#include <petsc/private/vecimpl.h>

#define VECMOCK "mock"

/* A host vector of PETSc's that has an array in the mock's memory too */
typedef struct {
  PetscScalar *there;
  PetscErrorCode (*destroy)(Vec);
} MockVec;

static PetscErrorCode MockVecGet(Vec v, MockVec **mine)
{
  PetscContainer container;

  PetscFunctionBegin;
  PetscCall(PetscObjectQuery((PetscObject)v, "mock", (PetscObject *)&container));
  PetscCall(PetscContainerGetPointer(container, (void **)mine));
  PetscFunctionReturn(0);
}

static void Move(void *to, const void *from, size_t bytes)
{
  MockProtect(PROT_READ | PROT_WRITE);
  memcpy(to, from, bytes);
  MockProtect(PROT_NONE);
}

static PetscErrorCode MockVecRead(Vec v, const PetscScalar **array, PetscMemType *where)
{
  MockVec           *mine;
  const PetscScalar *here;

  PetscFunctionBegin;
  PetscCall(MockVecGet(v, &mine));
  PetscCall(VecGetArrayRead(v, &here));
  Move(mine->there, here, (size_t)v->map->n * sizeof(*here));
  PetscCall(VecRestoreArrayRead(v, &here));
  *array = mine->there;
  *where = PETSC_MEMTYPE_DEVICE;
  PetscFunctionReturn(0);
}

static PetscErrorCode MockVecReadDone(Vec v, const PetscScalar **array)
{
  PetscFunctionBegin;
  PetscFunctionReturn(0);
}

static PetscErrorCode MockVecWrite(Vec v, PetscScalar **array, PetscMemType *where)
{
  MockVec *mine;

  PetscFunctionBegin;
  PetscCall(MockVecGet(v, &mine));
  *array = mine->there;
  *where = PETSC_MEMTYPE_DEVICE;
  PetscFunctionReturn(0);
}

static PetscErrorCode MockVecWriteDone(Vec v, PetscScalar **array, PetscMemType *where)
{
  MockVec     *mine;
  PetscScalar *here;

  PetscFunctionBegin;
  PetscCall(MockVecGet(v, &mine));
  PetscCall(VecGetArrayWrite(v, &here));
  Move(here, mine->there, (size_t)v->map->n * sizeof(*here));
  PetscCall(VecRestoreArrayWrite(v, &here));
  PetscFunctionReturn(0);
}

static PetscErrorCode MockVecDuplicate(Vec v, Vec *w)
{
  PetscFunctionBegin;
  PetscCall(VecCreate(PetscObjectComm((PetscObject)v), w));
  PetscCall(VecSetSizes(*w, v->map->n, v->map->N));
  PetscCall(VecSetType(*w, VECMOCK));
  PetscFunctionReturn(0);
}

static PetscErrorCode MockVecDuplicateVecs(Vec v, PetscInt n, Vec **w)
{
  PetscFunctionBegin;
  PetscCall(PetscMalloc1(n, w));
  for (PetscInt k = 0; k < n; k++) PetscCall(MockVecDuplicate(v, *w + k));
  PetscFunctionReturn(0);
}

static PetscErrorCode MockVecDestroy(Vec v)
{
  MockVec *mine;
  PetscErrorCode (*destroy)(Vec);

  PetscFunctionBegin;
  PetscCall(MockVecGet(v, &mine));
  destroy = mine->destroy;
  MockRelease(NULL, mine->there);
  PetscCall(PetscFree(mine));
  PetscCall((*destroy)(v));
  PetscFunctionReturn(0);
}

static PetscErrorCode MockVecCreate(Vec v)
{
  PetscContainer container;
  MockVec       *mine;

  PetscFunctionBegin;
  PetscCall(VecSetType(v, VECSEQ));
  PetscCall(PetscNew(&mine));
  mine->destroy                       = v->ops->destroy;
  mine->there                         = MockAllocate(NULL, (size_t)v->map->n * sizeof(PetscScalar) + 1);
  v->ops->destroy                     = MockVecDestroy;
  v->ops->duplicate                   = MockVecDuplicate;
  v->ops->duplicatevecs               = MockVecDuplicateVecs;
  v->ops->getarrayreadandmemtype      = MockVecRead;
  v->ops->restorearrayreadandmemtype  = MockVecReadDone;
  v->ops->getarraywriteandmemtype     = MockVecWrite;
  v->ops->restorearraywriteandmemtype = MockVecWriteDone;
  PetscCall(PetscContainerCreate(PETSC_COMM_SELF, &container));
  PetscCall(PetscContainerSetPointer(container, mine));
  PetscCall(PetscObjectCompose((PetscObject)v, "mock", (PetscObject)container));
  PetscCall(PetscContainerDestroy(&container));
  PetscCall(PetscObjectChangeTypeName((PetscObject)v, VECMOCK));
  PetscFunctionReturn(0);
}

/* b and x as the type says, of noise that does not depend on it */
static PetscErrorCode Solve(Mat A, VecType type, Vec *x, DeviceSolve *solve)
{
  PetscInt n;
  Vec      b, noise;
  KSP      ksp;

  PetscFunctionBegin;
  PetscCall(MatGetSize(A, &n, NULL));
  PetscCall(DeviceSystem(A, &noise, x));
  PetscCall(VecDestroy(x));
  PetscCall(VecCreate(PETSC_COMM_WORLD, x));
  PetscCall(VecSetSizes(*x, n, n));
  PetscCall(VecSetType(*x, type));
  PetscCall(VecDuplicate(*x, &b));
  PetscCall(VecCopy(noise, b));
  PetscCall(VecDestroy(&noise));
  PetscCall(DeviceSolver(A, &ksp));
  PetscCall(DeviceRun(ksp, b, *x, solve));
  PetscCall(FurlTestNoise(*x, 3, 1));
  PetscCall(KSPSetInitialGuessNonzero(ksp, PETSC_TRUE));
  PetscCall(DeviceRun(ksp, b, *x, solve));
  FurlTestCheck(solve->reason > 0 && solve->counts.launches > 0, "%s: reason %d, %d launches", type, (int)solve->reason,
                (int)solve->counts.launches);
  PetscCall(KSPDestroy(&ksp));
  PetscCall(VecDestroy(&b));
  PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
  const PetscInt n[3] = {16, 15, 14};
  GridTestBox    box;
  DeviceSolve    solve[2];
  PetscBool      same;
  int64_t        bytes;
  Vec            x[2];
  Mat            A;

  PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
  PetscCall(PetscFurlInitializePackage());
  PetscCall(VecRegister(VECMOCK, MockVecCreate));
  PetscCall(FurlDeviceOffer(&MockOps));
  PetscCall(PetscFurlSetDevice("mock"));
  GridTestInit(&box, BENCH_JUMP4, n, "ddd");
  PetscCall(GridTestMatrix(PETSC_COMM_WORLD, &box, 1, &A));
  bytes = GridTestRows(&box) * (int64_t)sizeof(double);
  PetscCall(Solve(A, VECSEQ, &x[0], &solve[0]));
  PetscCall(Solve(A, VECMOCK, &x[1], &solve[1]));
  FurlTestCheck(solve[0].counts.bytes_up >= 3 * bytes && solve[0].counts.bytes_down >= bytes, "host vectors: %d bytes up, %d down",
                (int)solve[0].counts.bytes_up, (int)solve[0].counts.bytes_down);
  FurlTestCheck(solve[1].counts.bytes_up < bytes && solve[1].counts.bytes_down < bytes, "vectors of the device: %d bytes up, %d down",
                (int)solve[1].counts.bytes_up, (int)solve[1].counts.bytes_down);
  PetscCall(VecEqual(x[0], x[1], &same));
  FurlTestCheck(same && solve[0].its == solve[1].its, "%d and %d iterations, or other bits", (int)solve[0].its, (int)solve[1].its);
  PetscCall(VecDestroy(&x[0]));
  PetscCall(VecDestroy(&x[1]));
  PetscCall(MatDestroy(&A));
  PetscCall(FurlDeviceOffer(NULL));
  PetscCall(PetscFinalize());
  return 0;
}

/*TEST

  build:
    requires: static

  test:
    args: -ksp_rtol 1e-8 -pc_furl_hierarchy grid -ksp_furl_method {{cg gmres bcgs}} -default_device_type host

TEST*/
