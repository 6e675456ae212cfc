#!/usr/bin/env python3
# timeout: 1800
"""Unmodified PETSc tutorials solved by Furl: nothing but -dll_append and -ksp_type furl is added to their own arguments.

Each tutorial is compiled from PETSc's own source, run with a direct or 1e-12 solve, then with Furl at -ksp_rtol 1e-10; the two solutions,
written by -ksp_view_solution and its like, may differ by 1e-6 (relative, 2-norm, modulo the null space). The same Furl run must leave no
memory behind (-malloc_dump) and no option unused (-options_left).

Takes PETSC_DIR, PETSC_ARCH, MPIEXEC, FURL_LIB as `make env` prints them; PETSC_SRC names PETSC's src folder where it is not in PETSC_DIR.
  tests/compose/tutorials.py [NAME...] [--with '-ksp_type cg'] [--keep]    --with: these options in place of -ksp_type furl, to test the test
"""
import argparse
import array
import math
import os
import re
import shlex
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOLERANCE = 1e-6
SECONDS = 120  # limit of one run
DIRECT = "-ksp_type preonly -pc_type redundant"  # LU of the whole system on every rank
TIGHT = "-ksp_type gmres -ksp_gmres_restart 200 -ksp_rtol 1e-13 -ksp_max_it 20000 -pc_type bjacobi"
PIVOTS = "-ksp_type gmres -pc_type none -ksp_rtol 1e-13"  # LU and ILU meet a zero pivot
GUESS = " -ksp_type fgmres -pc_type redundant -ksp_rtol 1e-13"  # where a nonzero initial guess forbids preonly
FURL = "-ksp_type furl -ksp_rtol 1e-10"
SNES = "-snes_rtol 1e-11 -snes_stol 1e-14 "
STOKES = ("-stokes_pc_use_amat -stokes_ksp_type fgmres -stokes_pc_type fieldsplit -stokes_pc_fieldsplit_block_size 3 -stokes_pc_fieldsplit_type SYMMETRIC_MULTIPLICATIVE "
          "-stokes_pc_fieldsplit_0_fields 0,1 -stokes_pc_fieldsplit_1_fields 2 -stokes_fieldsplit_1_ksp_type preonly -stokes_fieldsplit_1_pc_type jacobi "
          "-c_str 0 -solcx_eta0 1.0 -solcx_xc 0.5 -solcx_nz 2 -mx 20 -my 20 -stokes_ksp_gmres_restart 200 ")
CAVITY = "-da_grid_x 12 -da_grid_y 12 -lidvelocity 100 -grashof 1e3 -ts_type beuler -ts_time_step 1e-3 -ts_max_steps 4 -ts_adapt_type none "
DATA = "{datafiles}/matrices/"


def entry(source, args="", ranks=(1, 2, 4), reference=DIRECT, furl=FURL, view="-ksp_view_solution", constant=None):
    """One tutorial. constant: (fields, which): the solution is defined up to a constant in these fields of an interlaced vector"""
    return dict(source=source, args=args, ranks=ranks, reference=reference, furl=furl, view=view, constant=constant)


TUTORIALS = {
    "ksp-ex2": entry("ksp/ksp/tutorials/ex2", "-m 40 -n 37"),
    "ksp-ex45": entry("ksp/ksp/tutorials/ex45", "-da_grid_x 13 -da_grid_y 15 -da_grid_z 17"),
    "ksp-ex29-dirichlet": entry("ksp/ksp/tutorials/ex29", "-da_refine 4"),
    "ksp-ex29-rho": entry("ksp/ksp/tutorials/ex29", "-da_refine 4 -rho 1e-4"),
    "ksp-ex29-neumann": entry("ksp/ksp/tutorials/ex29", "-bc_type neumann -da_refine 4", reference=TIGHT, constant=(1, [0])),
    "ksp-ex50": entry("ksp/ksp/tutorials/ex50", "-da_refine 3", reference=TIGHT, constant=(1, [0])),
    "ksp-ex56": entry("ksp/ksp/tutorials/ex56", "-ne 7 -alpha 1.e-3 -use_mat_nearnullspace -two_solves", ranks=(1, 8)),
    "ksp-ex56-plain": entry("ksp/ksp/tutorials/ex56", "-ne 7 -alpha 1.e-3", ranks=(1, 8)),
    "ksp-ex55": entry("ksp/ksp/tutorials/ex55", "-ne 29 -alpha 1.e-3 -use_coordinates"),
    "ksp-ex55-plain": entry("ksp/ksp/tutorials/ex55", "-ne 29 -alpha 1.e-3"),
    "ksp-ex16": entry("ksp/ksp/tutorials/ex16", "-m 21 -n 23 -ntimes 4"),
    "ksp-ex5": entry("ksp/ksp/tutorials/ex5", "-m 20"),
    "ksp-ex5-nonsymmetric": entry("ksp/ksp/tutorials/ex5", "-m 20 -mat_nonsym"),
    "ksp-ex9": entry("ksp/ksp/tutorials/ex9", "-m 12 -t 2", reference=GUESS + GUESS.replace("-", "-s2_").replace("1e-s2_", "1e-"),
                     furl=FURL + " -s2_ksp_type furl -s2_ksp_rtol 1e-10", view="-s2_ksp_view_solution"),
    "ksp-ex9-first": entry("ksp/ksp/tutorials/ex9", "-m 12 -t 2", reference=GUESS),
    "ksp-ex10-spd": entry("ksp/ksp/tutorials/ex10", "-f " + DATA + "spd-real-int{int}-float64"),
    "ksp-ex10-nonsymmetric": entry("ksp/ksp/tutorials/ex10", "-rhs random -f " + DATA + "ns-real-int{int}-float64", reference=PIVOTS),
    "ksp-ex10-transposed": entry("ksp/ksp/tutorials/ex10", "-trans -rhs random -f " + DATA + "ns-real-int{int}-float64", reference=PIVOTS),
    "ksp-ex10-baij": entry("ksp/ksp/tutorials/ex10", "-mat_type baij -f " + DATA + "spd-real-int{int}-float64"),
    "ksp-ex10-tiny": entry("ksp/ksp/tutorials/ex10", "-f " + DATA + "tiny_system"),
    "ksp-ex43-fieldsplit": entry("ksp/ksp/tutorials/ex43", STOKES + "-solcx_eta1 10.0", reference="-stokes_fieldsplit_0_ksp_type preonly -stokes_fieldsplit_0_pc_type redundant -stokes_ksp_rtol 1e-12",
                                 furl="-stokes_fieldsplit_0_ksp_type furl -stokes_ksp_rtol 1e-10", view="-stokes_ksp_view_solution", constant=(3, [2])),
    "snes-ex5": entry("snes/tutorials/ex5", SNES + "-da_refine 3 -par 5", view="-snes_view_solution"),
    "snes-ex5-coloring": entry("snes/tutorials/ex5", SNES + "-da_refine 2 -par 5", ranks=(1, 2), furl=FURL + " -dm_mat_type furl -snes_fd_color", view="-snes_view_solution"),
    "snes-ex14": entry("snes/tutorials/ex14", SNES + "-da_refine 1 -par 5", view="-snes_view_solution"),
    "snes-ex19": entry("snes/tutorials/ex19", SNES + "-da_refine 2 -lidvelocity 10 -grashof 100", view="-snes_view_solution"),
    "snes-ex19-aijfurl": entry("snes/tutorials/ex19", SNES + "-da_refine 2 -lidvelocity 10 -grashof 100", view="-snes_view_solution", furl=FURL + " -dm_mat_type aijfurl"),
    "snes-ex19-galerkin": entry("snes/tutorials/ex19", SNES + "-da_refine 2 -lidvelocity 10 -grashof 100", ranks=(1, 2, 4), view="-snes_view_solution",
                                furl="-dm_mat_type aijfurl -ksp_type fgmres -ksp_rtol 1e-10 -pc_type mg -pc_mg_levels 2 -pc_mg_galerkin"),
    "ksp-ex45-aijfurl": entry("ksp/ksp/tutorials/ex45", "-da_grid_x 13 -da_grid_y 15 -da_grid_z 17", furl=FURL + " -dm_mat_type aijfurl"),
    "ksp-ex2-aijfurl": entry("ksp/ksp/tutorials/ex2", "-m 40 -n 37", furl="-mat_type aijfurl -ksp_type cg -pc_type gamg -ksp_rtol 1e-10"),
    "stag-ex2": entry("dm/impls/stag/tutorials/ex2", "", reference=DIRECT, furl="-dm_mat_type aijfurl -ksp_type fgmres -ksp_rtol 1e-12 -pc_type redundant"),
    "ts-ex26": entry("ts/tutorials/ex26", SNES + CAVITY, view="-ts_view_solution"),
}


def petsc_variable(name):
    """A line of PETSc's own configuration header"""
    with open(os.path.join(os.environ["PETSC_DIR"], os.environ.get("PETSC_ARCH", ""), "include", "petscconf.h")) as header:
        return any(line.split()[:2] == ["#define", name] for line in header)


def sanitized():
    """A sanitized library cannot be loaded by a program that is not; tests of the parts are run with it"""
    return "not with sanitizers" if os.environ.get("SANITIZER") else ""


def lacks(test):
    """Why this PETSc cannot run the test, or ''"""
    return "its data are for 32-bit integers" if test["args"].endswith("tiny_system") and petsc_variable("PETSC_USE_64BIT_INDICES") else ""


def source_folder():
    """PETSc's src, which packages leave out or put beside the examples"""
    folders = [os.environ.get("PETSC_SRC", "")] + [os.path.join(os.environ["PETSC_DIR"], p) for p in ("src", "share/petsc/examples/src")]
    return next((f for f in folders if f and os.path.exists(os.path.join(f, "ksp/ksp/tutorials/ex2.c"))), None)


def compile_tutorial(folder, source):
    """The program, compiled once for each PETSc"""
    out = os.path.join(ROOT, "build", "tutorials", os.path.basename(os.path.normpath(os.environ["PETSC_DIR"])) + "-" + os.environ.get("PETSC_ARCH", ""), source.replace("/", "-"))
    environment = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    result = subprocess.run(["make", "-s", "-f", "tools/program.mk", "OUT=" + out, "SRC=" + os.path.join(folder, source + ".c")], cwd=ROOT, capture_output=True, text=True, env=environment)
    return out, result.returncode, result.stderr


def read_vectors(path):
    """The last vector of a PETSc binary file: big-endian class id, length, doubles"""
    data = open(path, "rb").read()
    wide = petsc_variable("PETSC_USE_64BIT_INDICES")
    at, vector = 0, None
    while at < len(data):
        (length,) = struct.unpack_from(">q" if wide else ">i", data, at + (8 if wide else 4))
        at += 16 if wide else 8
        vector = array.array("d", data[at:at + 8 * length])
        vector.byteswap()
        at += 8 * length
    return vector


def remove_constants(x, constant):
    """Takes the mean off the fields that are defined up to a constant"""
    if constant:
        bs, fields = constant
        for f in fields:
            mean = sum(x[f::bs]) / len(x[f::bs])
            x[f::bs] = array.array("d", [v - mean for v in x[f::bs]])
    return x


def difference(a, b, constant):
    """|a - b| / |b| in the 2-norm"""
    a, b = remove_constants(a, constant), remove_constants(b, constant)
    norm = math.sqrt(sum(v * v for v in b))
    if len(a) != len(b) or norm == 0:
        return float("inf")
    return math.sqrt(sum((p - q) ** 2 for p, q in zip(a, b))) / norm


def run(program, ranks, options):
    """Standard output and error of one run, and whether it ended well"""
    environment = dict(os.environ, OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMPI_MCA_rmaps_base_oversubscribe="1", OPENBLAS_NUM_THREADS="1")
    environment.pop("PETSC_OPTIONS", None)
    command = shlex.split(os.environ.get("MPIEXEC", "mpiexec")) + ["-n", str(ranks), program] + shlex.split(options)
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return "no end after %d s" % SECONDS, False
    return done.stdout + done.stderr, done.returncode == 0


def left_behind(output):
    """What -malloc_dump and -options_left found; '' where nothing"""
    found = [line.strip() for line in output.splitlines() if re.match(r"\[ *\d+\] ?\d+ bytes |Option left:", line)]
    return "left behind: " + "; ".join(found[:6]) if found else ""


def check(program, test, ranks, instead, keep):
    """'' where the tutorial's two solutions agree and the Furl run is clean, else what is wrong"""
    arch = "64" if petsc_variable("PETSC_USE_64BIT_INDICES") else "32"
    args = test["args"].replace("{datafiles}", os.path.join(os.environ["PETSC_DIR"], "share/petsc/datafiles")).replace("{int}", arch)
    furl = "-dll_append %s " % shlex.quote(os.environ.get("FURL_LIB", "")) + test["furl"]
    if instead:
        furl = test["furl"].replace("-ksp_type furl", instead).replace("ksp_type furl", "ksp_type gmres")
    with tempfile.TemporaryDirectory() as folder:
        runs = {"reference": test["reference"], "furl": furl + " -malloc_dump -options_left"}
        files = {}
        for name, options in runs.items():
            files[name] = os.path.join(folder, name)
            command = "%s %s %s binary:%s" % (args, options, test["view"], files[name])
            output, good = run(program, ranks, command)
            if keep:
                print("#", program, "-n", ranks, command)
            if not good or not os.path.exists(files[name]):
                return "the %s run failed: %s\n%s" % (name, command, "\n".join(output.splitlines()[:12]))
        apart = difference(read_vectors(files["furl"]), read_vectors(files["reference"]), test["constant"])
    if not apart <= TOLERANCE:
        return "solutions differ by %.1e, limit %.0e: %s %s" % (apart, TOLERANCE, args, furl)
    return left_behind(output)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--with", dest="instead", default="")
    parser.add_argument("--keep", action="store_true", help="print the commands")
    args = parser.parse_args()
    folder = source_folder()
    why = "real scalars only" if petsc_variable("PETSC_USE_COMPLEX") else "no tutorials in this PETSc; PETSC_SRC may name its src" if not folder else sanitized()
    counts = dict(passed=0, failed=0, skipped=0)
    for name, test in TUTORIALS.items():
        if args.names and name not in args.names:
            continue
        reason = why or lacks(test)
        if reason:
            counts["skipped"] += 1
            print("ok %s # SKIP %s" % (name, reason))
            continue
        program, failed, message = compile_tutorial(folder, test["source"])
        for ranks in test["ranks"]:
            wrong = "it does not compile: " + message if failed else check(program, test, ranks, args.instead, args.keep)
            counts["failed" if wrong else "passed"] += 1
            print("%s %s-np%d" % ("not ok" if wrong else "ok", name, ranks))
            for line in wrong.splitlines():
                print("#   " + line)
            sys.stdout.flush()
    print("%(passed)d passed, %(failed)d failed, %(skipped)d skipped" % counts)
    sys.exit(counts["failed"] > 0)


if __name__ == "__main__":
    main()
