"""An ordinary DOLFINx program: Poisson's equation by LinearProblem, whose options prefix no option can reach"""
import numpy as np
import ufl
from dolfinx import fem, mesh
from mpi4py import MPI
from petsc4py import PETSc

from libraries import check_single

domain = mesh.create_unit_square(MPI.COMM_WORLD, 24, 24)
V = fem.FunctionSpace(domain, ("Lagrange", 1))
facets = mesh.locate_entities_boundary(domain, 1, lambda x: np.full(x.shape[1], True))
exact = lambda x: 1 + x[0] ** 2 + 2 * x[1] ** 2  # noqa: E731
boundary = fem.Function(V)
boundary.interpolate(exact)
bc = fem.dirichletbc(boundary, fem.locate_dofs_topological(V, 1, facets))
u, v = ufl.TrialFunction(V), ufl.TestFunction(V)
a = ufl.dot(ufl.grad(u), ufl.grad(v)) * ufl.dx
L = fem.Constant(domain, PETSc.ScalarType(-6)) * v * ufl.dx
problem = fem.petsc.LinearProblem(a, L, bcs=[bc], petsc_options={"ksp_type": "preonly", "pc_type": "lu"})
solution = problem.solve()
error = np.max(np.abs(solution.x.array - boundary.x.array))
assert error < 1e-6, f"nodal error {error}"  # linear elements are exact at the nodes here: what remains is the solver's
if "furl" in PETSc.Options().getAll().get("dll_append", ""):
    check_single()
problem.solver.view()
