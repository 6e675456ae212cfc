#!/bin/sh
# timeout: 180
# The back end `cuda` from dlopen() to the launch, with a libcuda.so.1 of the test's own
. "$FURL_TOP/tests/plugin/lib.sh"
programs=$FURL_TOP/tests/sys/programs
"$CC" -std=gnu11 -g -O1 -fPIC -shared -Wall -Wextra -Wno-unused-parameter -Wl,-soname,libcuda.so.1 "$programs/driver.c" -o libcuda.so.1 || exit 1
compile "$programs/cudasolve.c" ./cudasolve -I"$FURL_TOP/src" "-Wl,--whole-archive,$FURL_TOP/$STATIC,--no-whole-archive" -Wl,--copy-dt-needed-entries || exit 1
for hierarchy in grid import; do
  LD_LIBRARY_PATH=$PWD${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} expect "$hierarchy" '' ./cudasolve -ksp_rtol 1e-8 -pc_furl_hierarchy $hierarchy
done
finish
