#!/bin/sh
# A Fortran program loads Furl by options alone
. "$FURL_TOP/tests/plugin/lib.sh"
compiler=$(echo "$CC" | sed 's/mpicc/mpif90/')
modules=
for folder in $PETSC_INCLUDES; do [ ! -e "$folder/petscksp.mod" ] || modules=$folder; done
if [ -z "$modules" ] || ! command -v "$compiler" >/dev/null; then
  skip fortran "this PETSC has no Fortran modules, or there is no $compiler"
  exit
fi
includes=$(echo "$PETSC_INCLUDES" | sed 's/-isystem /-I/g')
# shellcheck disable=SC2086
"$compiler" -cpp -ffree-line-length-0 $includes "$here/programs/client.F90" -o client -L"$PETSC_LIBDIR" -Wl,-rpath,"$PETSC_LIBDIR" $PETSC_LINK || exit 1
expect alone 'type gmres' ./client
expect pc 'type cg' ./client -dll_append "$FURL_LIB" -ksp_type cg -pc_type furl -malloc_dump
expect ksp 'type furl' ./client -dll_append "$FURL_LIB" -ksp_type furl -malloc_dump
expect ranks 'type furl' $MPIEXEC -n 2 ./client -dll_append "$FURL_LIB" -ksp_type furl
finish
