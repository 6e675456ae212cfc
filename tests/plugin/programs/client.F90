! A Fortran program that knows nothing of Furl: the 1-D Laplacian, solved with what the options say
program client
#include <petsc/finclude/petscksp.h>
  use petscksp
  implicit none
  PetscErrorCode :: ierr
  PetscInt       :: n, i, first, last, one, column(1), row(1)
  PetscScalar    :: value(1)
  PetscReal      :: error
  KSPType        :: type
  Mat            :: A
  Vec            :: x, b
  KSP            :: solver

  call PetscInitialize(PETSC_NULL_CHARACTER, ierr)
  if (ierr /= 0) stop 1
  n = 50
  one = 1
  call MatCreate(PETSC_COMM_WORLD, A, ierr)
  call MatSetSizes(A, PETSC_DECIDE, PETSC_DECIDE, n, n, ierr)
  call MatSetType(A, MATAIJ, ierr)
  call MatSetUp(A, ierr)
  call MatGetOwnershipRange(A, first, last, ierr)
  do i = first, last - 1
    row(1) = i
    column(1) = i
    value(1) = 2.0
    call MatSetValues(A, one, row, one, column, value, INSERT_VALUES, ierr)
    value(1) = -1.0
    column(1) = i - 1
    if (i > 0) call MatSetValues(A, one, row, one, column, value, INSERT_VALUES, ierr)
    column(1) = i + 1
    if (i < n - 1) call MatSetValues(A, one, row, one, column, value, INSERT_VALUES, ierr)
  end do
  call MatAssemblyBegin(A, MAT_FINAL_ASSEMBLY, ierr)
  call MatAssemblyEnd(A, MAT_FINAL_ASSEMBLY, ierr)
  call MatCreateVecs(A, x, b, ierr)
  value(1) = 1.0
  call VecSet(x, value(1), ierr)
  call MatMult(A, x, b, ierr)
  call KSPCreate(PETSC_COMM_WORLD, solver, ierr)
  call KSPSetOperators(solver, A, A, ierr)
  call KSPSetFromOptions(solver, ierr)
  call KSPSolve(solver, b, x, ierr)
  if (ierr /= 0) stop 2
  value(1) = -1.0
  call VecShift(x, value(1), ierr)
  call VecNorm(x, NORM_INFINITY, error, ierr)
  call KSPGetType(solver, type, ierr)
  if (error > 1e-3) stop 3
  print *, 'type ', trim(type)
  call KSPDestroy(solver, ierr)
  call VecDestroy(x, ierr)
  call VecDestroy(b, ierr)
  call MatDestroy(A, ierr)
  call PetscFinalize(ierr)
end program client
