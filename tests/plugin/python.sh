#!/bin/sh
# timeout: 180
# petsc4py keeps PETSc's symbols to itself; the plugin loads all the same. DOLFINx, unmodified, is served by -furl_takeover
. "$FURL_TOP/tests/plugin/lib.sh"
python=${FURL_PYTHON:-/usr/bin/python3}
programs=$here/programs
export PYTHONDONTWRITEBYTECODE=1
unset PETSC_DIR PETSC_ARCH # Python finds its PETSc as it does for any user

# the PETSc of petsc4py must be the one under test
bound=$("$python" -c 'import petsc4py; petsc4py.init(); from petsc4py import PETSc
for line in open("/proc/self/maps"):
    if "/libpetsc" in line: print(line.split()[5]); break' 2>/dev/null)
if [ -z "$bound" ] || [ "$(readlink -f "$bound")" != "$(readlink -f "$PETSC_LIBRARY")" ]; then
  skip petsc4py "there is no petsc4py for this PETSc"
  exit
fi

expect client 'types cg furl' "$python" "$programs/client.py" -dll_append "$FURL_LIB" -ksp_type cg -pc_type furl -malloc_dump
expect client_ksp 'types furl furl' "$python" "$programs/client.py" -dll_append "$FURL_LIB" -ksp_type furl
expect client_ranks 'types furl' $MPIEXEC -n 2 "$python" "$programs/client.py" -dll_append "$FURL_LIB" -ksp_type furl
mkdir -p empty/furl
cp "$FURL_LIB" empty/
refuse missing "Furl has no build for the PETSc of this program: $PETSC_VERSION
petsc4py.PETSc.Error: error code 56" "$python" "$programs/client.py" -dll_append "$PWD/empty/libpetscfurl.so"

if ! "$python" -c 'import dolfinx' 2>/dev/null; then
  skip dolfinx "DOLFINx is not installed"
  finish
fi
export XDG_CACHE_HOME="$PWD/cache"
expect dolfinx_alone 'type: preonly' "$python" "$programs/poisson_dolfinx.py"
PETSC_OPTIONS="-dll_append $FURL_LIB -furl_takeover preonly,pc:lu" expect dolfinx 'furl in place of preonly' "$python" "$programs/poisson_dolfinx.py"
PETSC_OPTIONS="-dll_append $FURL_LIB -furl_takeover preonly,pc:lu" expect dolfinx_ranks 'furl in place of lu' $MPIEXEC -n 2 "$python" "$programs/poisson_dolfinx.py"
finish
