#!/bin/sh
# timeout: 120
# make install into a staging folder: sonames, settings, pkg-config and manual pages work from there, and make uninstall leaves nothing
. "$FURL_TOP/tests/plugin/lib.sh"
rm -rf stage
prefix=$PWD/stage/opt
DESTDIR='' PREFIX=$prefix "$FURL_TOP/tools/install" install >install.log 2>&1 || { not_ok install install.log; exit 1; }
expect soname 'SONAME.*\[libpetscfurl.so.0\]' readelf -d "$prefix/lib/libpetscfurl.so"
expect resident 'NODELETE' readelf -d "$prefix/lib/libpetscfurl.so"
expect build_resident 'NODELETE' readelf -d "$prefix/lib/furl/$FURL_BUILD/libfurl.so"
nm -D --undefined-only "$prefix/lib/libpetscfurl.so" >symbols.log
if grep -qE ' (Petsc|KSP|PC|Mat|Vec|MPI_|PMPI_|cuda)' symbols.log; then not_ok loader_needs_no_petsc symbols.log; else ok loader_needs_no_petsc; fi
readelf -d "$prefix/lib/furl/$FURL_BUILD/libfurl.so" >paths.log
if grep -qE 'RPATH|RUNPATH' paths.log; then not_ok no_run_path paths.log; else ok no_run_path; fi

compile "$here/programs/laplace.c" ./laplace || exit 1
expect conf "library $prefix/lib/furl/$FURL_BUILD/libfurl.so" ./laplace -options_file "$prefix/share/furl/petsc-plugin.conf"
expect module 'FURL_LIB' cat "$prefix/share/furl/modulefiles/furl"
expect manual 'SH SYNOPSIS' cat "$prefix/share/man/man3/PetscFurlInitializePackage.3"

# linked use, through the loader and directly to the build
if command -v pkg-config >/dev/null; then
  # shellcheck disable=SC2046
  compile "$here/programs/linked.c" ./by_loader $(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config --cflags --libs petscfurl) || exit 1
  expect linked_loader 'furl' ./by_loader
  # shellcheck disable=SC2046
  compile "$here/programs/linked.c" ./by_build $(PKG_CONFIG_PATH=$prefix/lib/furl/$FURL_BUILD/pkgconfig pkg-config --cflags --libs furl) || exit 1
  expect linked_build 'furl' ./by_build
  expect linked_and_loaded 'furl' ./by_build -dll_append "$prefix/lib/libpetscfurl.so"
else
  skip linked "there is no pkg-config"
fi

DESTDIR='' PREFIX=$prefix "$FURL_TOP/tools/install" uninstall >uninstall.log 2>&1
find stage -type f >>uninstall.log 2>/dev/null
if [ -s uninstall.log ]; then not_ok uninstall uninstall.log; else ok uninstall; fi

DESTDIR=$PWD/stage PREFIX=/opt/furl "$FURL_TOP/tools/install" install >/dev/null 2>&1
expect destdir "^-dll_append /opt/furl/lib/libpetscfurl.so" cat stage/opt/furl/share/furl/petsc-plugin.conf
finish
