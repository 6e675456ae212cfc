"""The matrices of FURL_MATRICES and runs of bench/solve on them; used by bench/matrices and by the tests"""
import glob
import gzip
import json
import os
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCES = ["solve", "problem", "method", "diffusion", "brick", "tets", "market"]
SYMMETRIC = 1e-10  # |A - A'| / |A| up to which a matrix counts as symmetric to rounding


def files():
    """Real square Matrix Market files, smallest first, with the right-hand side where there is one"""
    folder = os.environ.get("FURL_MATRICES", "")
    names = [f for f in glob.glob(os.path.join(folder, "*.mtx.gz")) if not f.endswith("_b.mtx.gz")] if folder else []
    for f in sorted(names, key=os.path.getsize):
        with gzip.open(f, "rt") as stream:
            if "complex" in stream.readline():
                continue
        b = f.replace(".mtx.gz", "_b.mtx.gz")
        yield f, ["-file", f] + (["-rhs_file", b] if os.path.exists(b) else [])


def build():
    """bench/solve against the PETSc of the environment"""
    out = os.path.join(ROOT, "build", "bench", os.path.basename(os.path.normpath(os.environ["PETSC_DIR"])) + "-" + os.environ.get("PETSC_ARCH", ""), "solve")
    sources = " ".join("bench/%s.c" % s for s in SOURCES)
    environment = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    subprocess.run(["make", "-s", "-f", "tools/program.mk", "OUT=" + out, "SRC=" + sources, "DEPENDS=bench/bench.h bench/classes.h"], cwd=ROOT, check=True, env=environment)
    return out


def describe(program, system, limit=120):
    """Rows, nonzeros, asymmetry, diagonal"""
    done = subprocess.run([program, "-describe"] + system, capture_output=True, text=True, timeout=limit, cwd=ROOT, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def definite(description):
    """Symmetric to rounding and every diagonal entry of one sign: what CG may be tried on"""
    return description["asymmetry"] <= SYMMETRIC and description["smallest_diagonal"] * description["largest_diagonal"] > 0


def solve(program, system, method, limit, extra=()):
    """One method's record, or a text on why there is none"""
    with tempfile.NamedTemporaryFile("r") as record:
        command = [program] + system + ["-methods", method, "-repeats", "1", "-json", record.name] + list(extra)
        environment = dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=limit, cwd=ROOT, env=environment)
        except subprocess.TimeoutExpired:
            return "no end after %d s" % limit
        lines = record.read().splitlines()
    if done.returncode or not lines:
        said = [line.split("PETSC ERROR:")[-1].strip() for line in done.stderr.splitlines() if "PETSC ERROR:" in line and "-----" not in line]
        return "failed: " + " / ".join(said[:2] or [str(done.returncode)])
    return json.loads(lines[-1])
