"""A petsc4py program that knows nothing of Furl: 2-D Laplacian by petsc4py, solved with what the options say"""
import sys

import petsc4py

petsc4py.init(sys.argv)
from petsc4py import PETSc  # noqa: E402

from libraries import check_single  # noqa: E402

n = 30
A = PETSc.Mat().createAIJ([n * n, n * n], nnz=5)
first, last = A.getOwnershipRange()
for row in range(first, last):
    i, j = divmod(row, n)
    A[row, row] = 4.0
    for column, inside in ((row - n, i > 0), (row + n, i < n - 1), (row - 1, j > 0), (row + 1, j < n - 1)):
        if inside:
            A[row, column] = -1.0
A.assemble()
x, b = A.createVecs()
x.set(1.0)
A.mult(x, b)
ksp = PETSc.KSP().create()
ksp.setOperators(A)
ksp.setFromOptions()
ksp.solve(b, x)
x.shift(-1.0)
assert ksp.getConvergedReason() > 0, f"not converged: {ksp.getConvergedReason()}"
assert x.norm(PETSc.NormType.INFINITY) < 1e-3, f"error {x.norm(PETSc.NormType.INFINITY)}"
check_single()
print("types", ksp.getType(), ksp.getPC().getType())
