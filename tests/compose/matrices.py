#!/usr/bin/env python3
# timeout: 1800
"""Real matrices (FURL_MATRICES; skipped without) through -ksp_type furl, loaded with -dll_append by a program that links PETSc alone.

Symmetric to rounding with a one-signed diagonal: a true residual of 1e-8 wherever PETSc's CG with Jacobi, ICC or GAMG gets there within
10,000 iterations. All others: whatever the outcome, convergence is claimed only where the residual of the user's own matrix meets it.
  tests/compose/matrices.py [NAME...] [--with OPTIONS]      PETSC_DIR, PETSC_ARCH, MPIEXEC, FURL_LIB as `make env` prints them
"""
import argparse
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "bench"))
import realmatrices

SECONDS = 150  # limit of one solve; the largest takes 10 s on an idle core
SHORT = " -ksp_max_it 300"  # where nothing is promised but the truth


def claims_falsely(record):
    """A positive reason whose first run missed the tolerance that it was given; bench/solve tightens the tolerance when that happens"""
    return record["reason"].startswith("CONVERGED") and (float(record["rtol"]) < float(record["target"]) or not record["met"])


def petsc_gets_there(program, system):
    """The first of PETSc's methods that does, or None"""
    for method in ("icc", "jacobi", "gamg"):
        record = realmatrices.solve(program, system, method, SECONDS)
        if not isinstance(record, str) and record["met"]:
            return "%s in %d iterations" % (method, record["iterations"])
    return None


def check(program, system, furl):
    """'' where all is well, else what is wrong; and a remark"""
    definite = realmatrices.definite(realmatrices.describe(program, system))
    record = realmatrices.solve(program, system, "any", SECONDS, ["-dll_append", os.environ.get("FURL_LIB", ""), "-with", " " + furl + ("" if definite else SHORT)])
    if isinstance(record, str):
        return record, ""
    said = "%s, true residual %s, %d iterations, %.1f s" % (record["reason"], record["true_residual"], record["iterations"], record["total_s"])
    if claims_falsely(record):
        return "a false claim: " + said, ""
    if record["met"] or not definite:
        return "", said
    other = petsc_gets_there(program, system)
    return ("PETSc's CG + %s gets there, furl: %s" % (other, said) if other else ""), said


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--with", dest="furl", default="-ksp_type furl", help="these options in place of -ksp_type furl")
    args = parser.parse_args()
    systems = [(f, s) for f, s in realmatrices.files() if not args.names or any(name in f for name in args.names)]
    if not systems or os.environ.get("SANITIZER"):
        print("ok matrices # SKIP %s" % ("not with sanitizers" if systems else "FURL_MATRICES names no folder with Matrix Market files"))
        print("0 passed, 0 failed, 1 skipped")
        return
    program = realmatrices.build()
    failed = 0
    for f, system in systems:
        wrong, said = check(program, system, args.furl)
        failed += bool(wrong)
        print("%s %s\n#   %s" % ("not ok" if wrong else "ok", os.path.basename(f).replace(".mtx.gz", ""), wrong or said), flush=True)
    print("%d passed, %d failed, 0 skipped" % (len(systems) - failed, failed))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
