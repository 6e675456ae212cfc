"""The libraries of PETSc, MPI and Furl that are mapped into this process"""
import re


def mapped(pattern):
    with open("/proc/self/maps", encoding="utf-8") as maps:
        paths = {line.split(None, 5)[5].strip() for line in maps if "/" in line}
    return sorted(path for path in paths if re.search(pattern, path))


def check_single():
    """One PETSc, one MPI, one build of Furl"""
    for pattern in (r"/libpetsc[^/]*\.so(?<!libpetscfurl\.so)[.\d]*$", r"/libmpi(ch)?\.so", r"/libfurl\.so"):
        found = [path for path in mapped(pattern) if "libpetscfurl" not in path]
        assert len(found) == 1, f"{pattern}: {found}"
