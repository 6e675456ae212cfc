#!/usr/bin/env python3
"""Systems of DOLFINx (0.5, with the PETSc of its petsc4py) as Matrix Market files, for bench/solve -file NAME.mtx -rhs_file NAME_b.mtx

    /usr/bin/python3 bench/elements.py FOLDER [NAME...]

Unit cubes of tetrahedra, the right-hand side of a constant source. lagrange1|2|3: Poisson's equation in elements of that degree; dg1: the same in
discontinuous ones, by interior penalties; flow1e-4|1e-8: transport by a wind that turns and rises, that much diffusion, streamline diffusion
(SUPG); wave: the Laplacian less 64; edges|edges1e-3: curl curl and a mass of 1 or 1e-3, Nedelec's elements; faces: grad div and the mass, of Raviart
and Thomas.
"""
import os
import sys

import numpy as np
import ufl
from dolfinx import fem, mesh
from dolfinx.fem import petsc
from mpi4py import MPI
from petsc4py import PETSc
from ufl import avg, curl, div, dot, dS, ds, dx, grad, inner, jump


def cube(n):
    return mesh.create_unit_cube(MPI.COMM_WORLD, n, n, n)


def write(path, A, b):
    """Entries by rows, counted from 1"""
    begin, column, value = A.getValuesCSR()
    row = np.repeat(np.arange(A.size[0]), np.diff(begin))
    with open(path + ".mtx", "w") as stream:
        stream.write("%%%%MatrixMarket matrix coordinate real general\n%d %d %d\n" % (A.size[0], A.size[1], len(value)))
        np.savetxt(stream, np.column_stack((row + 1, column + 1, value)), fmt="%d %d %.17g")
    with open(path + "_b.mtx", "w") as stream:
        stream.write("%%%%MatrixMarket matrix array real general\n%d 1\n" % A.size[0])
        np.savetxt(stream, b.array, fmt="%.17g")


def assemble(domain, family, degree, form, dirichlet=True):
    """form(u, v): the bilinear form and, for v, the linear one"""
    V = fem.FunctionSpace(domain, (family, degree))
    a, L = form(ufl.TrialFunction(V), ufl.TestFunction(V))
    bcs = []
    if dirichlet:
        facets = mesh.locate_entities_boundary(domain, 2, lambda x: np.full(x.shape[1], True))
        bcs = [fem.dirichletbc(PETSc.ScalarType(0), fem.locate_dofs_topological(V, 2, facets), V)]
    A = petsc.assemble_matrix(fem.form(a), bcs=bcs)
    A.assemble()
    b = petsc.assemble_vector(fem.form(L))
    petsc.set_bc(b, bcs)
    return A, b


def poisson(n, degree):
    return assemble(cube(n), "Lagrange", degree, lambda u, v: (inner(grad(u), grad(v)) * dx, v * dx))


def discontinuous(n):
    domain = cube(n)
    normal, width = ufl.FacetNormal(domain), ufl.CellDiameter(domain)

    def form(u, v):
        a = inner(grad(u), grad(v)) * dx + 10 / avg(width) * inner(jump(u), jump(v)) * dS
        a -= (inner(avg(grad(u)), jump(v, normal)) + inner(jump(u, normal), avg(grad(v)))) * dS
        a += (20 / width * u * v - inner(dot(grad(u), normal), v) - inner(u, dot(grad(v), normal))) * ds
        return a, v * dx

    return assemble(domain, "DG", 1, form, False)


def flow(n, diffusion):
    domain = cube(n)
    x = ufl.SpatialCoordinate(domain)
    wind = ufl.as_vector([0.5 - x[1], x[0] - 0.5, 0.3])
    tau = ufl.CellDiameter(domain) / (2 * ufl.sqrt(dot(wind, wind)))

    def form(u, v):
        tested = v + tau * dot(wind, grad(v))
        return diffusion * inner(grad(u), grad(v)) * dx + dot(wind, grad(u)) * tested * dx, tested * dx

    return assemble(domain, "Lagrange", 1, form)


def wave(n):
    return assemble(cube(n), "Lagrange", 1, lambda u, v: (inner(grad(u), grad(v)) * dx - 64 * u * v * dx, v * dx))


def field(n, family, derivative, mass):
    source = ufl.as_vector([1.0, 0.5, 0.2])
    return assemble(cube(n), family, 1, lambda u, v: (inner(derivative(u), derivative(v)) * dx + mass * inner(u, v) * dx, inner(source, v) * dx), False)


SYSTEMS = {
    "lagrange1": lambda: poisson(48, 1),
    "lagrange2": lambda: poisson(24, 2),
    "lagrange3": lambda: poisson(15, 3),
    "dg1": lambda: discontinuous(16),
    "flow1e-4": lambda: flow(40, 1e-4),
    "flow1e-8": lambda: flow(40, 1e-8),
    "wave": lambda: wave(40),
    "edges": lambda: field(20, "N1curl", curl, 1),
    "edges1e-3": lambda: field(20, "N1curl", curl, 1e-3),
    "faces": lambda: field(16, "RT", div, 1),
}

if len(sys.argv) < 2:
    sys.exit(__doc__)
for name in sys.argv[2:] or SYSTEMS:
    write(os.path.join(sys.argv[1], name), *SYSTEMS[name]())
