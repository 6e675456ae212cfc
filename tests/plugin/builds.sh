#!/bin/sh
# timeout: 120
# The right build is taken among several, a missing one is refused with the list of those there are, and no foreign library comes in
. "$FURL_TOP/tests/plugin/lib.sh"
lib=$(dirname "$FURL_LIB")
compile "$here/programs/laplace.c" ./laplace || exit 1

# a copy of what is installed, and a build for another PETSc that cannot even be opened
rm -rf copy empty
mkdir -p "copy/furl/libpetsc.so.3.99-real64-int32-opt-cpu-mpich" "empty/furl/libpetsc.so.3.99-real64-int32-opt-cpu-mpich"
cp "$FURL_LIB" copy/
cp "$FURL_LIB" empty/
echo broken >copy/furl/libpetsc.so.3.99-real64-int32-opt-cpu-mpich/libfurl.so
for build in "$lib"/furl/*; do cp -r "$build" copy/furl/; done

expect right_build "library .*/copy/furl/$FURL_BUILD/libfurl.so" ./laplace -dll_append "$PWD/copy/libpetscfurl.so" -pc_type furl -ksp_type cg
expect by_link "library .*/copy/furl/$FURL_BUILD/libfurl.so" sh -c 'ln -sf copy/libpetscfurl.so libpetscfurl.so && exec ./laplace -dll_append $PWD/libpetscfurl.so'
expect without_suffix "library .*/copy/furl/$FURL_BUILD/libfurl.so" ./laplace -dll_append "$PWD/copy/libpetscfurl"
FURL_DIR=$PWD/copy expect options_file "library .*/copy/furl/$FURL_BUILD/libfurl.so" ./laplace -options_file "$FURL_TOP/petsc-plugin.conf" -malloc_dump

# one PETSc, one MPI, one build of Furl and its loader
for kind in 'libpetsc[^f/]*$' 'libmpi(ch)?\.so' 'libfurl\.so' 'libpetscfurl\.so'; do
  count=$(grep -E "^library .*/$kind" right_build.log | sort -u | wc -l)
  echo "$kind: $count in the process" >count.log
  name="one_$(echo "$kind" | tr -cd 'a-z')"
  if [ "$count" = 1 ]; then ok "$name"; else not_ok "$name" right_build.log; fi
done

refuse missing "Furl has no build for the PETSc of this program: $PETSC_VERSION
wanted: $FURL_BUILD
libpetsc.so.3.99-real64-int32-opt-cpu-mpich
make PETSC_DIR=" ./laplace -dll_append "$PWD/empty/libpetscfurl.so"

# a build for another PETSc, named by hand: the program ends in an error, of Furl's guard or, with another MPI, before that
for other in "$lib"/furl/*; do
  [ "$(basename "$other")" = "$FURL_BUILD" ] || refuse "foreign_$(basename "$other")" . ./laplace -dll_append "$other/libfurl.so" -pc_type furl
done

# copied under the wrong name, it is found out by what it is bound to
for other in "$lib"/furl/*; do
  [ "$(basename "$other")" != "$FURL_BUILD" ] || continue
  cp "$other/libfurl.so" "copy/furl/$FURL_BUILD/libfurl.so"
  refuse "misplaced_$(basename "$other")" "bound to another PETSc|This build of Furl is for|does not load" ./laplace -dll_append "$PWD/copy/libpetscfurl.so" -pc_type furl
done
finish
