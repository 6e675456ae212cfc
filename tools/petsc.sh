# Where a PETSc comes from; read by tools/setup. Each function sets PETSC_DIR and PETSC_ARCH.
petsc_version=3.26.1
petsc_sha256=a4dc46c1b4403545ac2274741ce10801366c4a9a7b2683b678d18f6663b93496

die() {
  echo "setup: $*" >&2
  exit 1
}

say() {
  echo "setup: $*"
}

# Installs packages of the distribution, or says which to install
install_packages() {
  run=
  if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null && sudo -n true 2>/dev/null; then run=sudo; else run=none; fi
  fi
  if ! command -v apt-get >/dev/null || [ "$run" = none ]; then
    die "these packages are missing (names of Debian and Ubuntu): $*
    install them as the machine's administrator: apt-get install $*
    or name a PETSc that is there: make PETSC_DIR=... PETSC_ARCH=..."
  fi
  say "installing $*"
  log=$(mktemp)
  if ! { $run apt-get update && $run env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } >"$log" 2>&1; then
    tail -20 "$log" >&2
    die "apt-get could not install: $*"
  fi
  rm -f "$log"
}

# Runs a command with its output in a log; a progress line every five seconds, the log's tail on failure
with_progress() { # LABEL LOG COMMAND...
  label=$1 log=$2
  shift 2
  "$@" >"$log" 2>&1 &
  child=$!
  trap 'kill $child 2>/dev/null; exit 130' INT TERM
  begin=$(date +%s)
  ticks=0
  while kill -0 $child 2>/dev/null; do
    sleep 1
    ticks=$((ticks + 1))
    [ $((ticks % 5)) = 0 ] || continue
    compiled=$(grep -cE '^ +(CC|CXX|CUDAC?|NVCC) ' "$log" || true)
    last=$(tail -c 300 "$log" | tr '\r' '\n' | grep -vE '^[ =*]*$' | tail -1 | cut -c1-90 || true)
    say "$label, $(($(date +%s) - begin)) s$([ "$compiled" = 0 ] || echo ", $compiled files of about 1200"): $last"
  done
  trap - INT TERM
  wait $child && return 0
  tail -40 "$log" >&2
  die "$label failed; the whole log is in $log"
}

# What a build of PETSc needs beyond PETSc; only what is missing is installed
build_packages() {
  missing=
  for pair in gcc:gcc g++:g++ make:make python3:python3 mpicc.mpich:libmpich-dev mpiexec.mpich:mpich pkg-config:pkg-config flock:util-linux; do
    command -v "${pair%%:*}" >/dev/null || missing="$missing ${pair##*:}"
  done
  triple=$(gcc -print-multiarch 2>/dev/null || echo "$(uname -m)-linux-gnu")
  [ -e /usr/include/hdf5/mpich/hdf5.h ] || missing="$missing libhdf5-mpich-dev"
  [ -e "/usr/lib/$triple/libopenblas.so" ] || missing="$missing libopenblas-dev"
  [ -e "$1" ] || pip_python >/dev/null || missing="$missing python3-pip python3-setuptools python3-wheel"
  # shellcheck disable=SC2086
  [ -z "$missing" ] || install_packages $missing
}

# A Python that has pip: the distribution's when the user's own has none
pip_python() {
  for python in python3 /usr/bin/python3; do
    if "$python" -m pip --version >/dev/null 2>&1; then
      echo "$python"
      return 0
    fi
  done
  return 1
}

# The source package of that version and no other, checked before it is unpacked
fetch_source() { # ARCHIVE
  if [ ! -e "$1" ]; then
    with_progress "downloading PETSc $petsc_version" "$cache/download.log" \
      "$(pip_python)" -m pip download --no-deps --no-binary petsc --dest "$(dirname "$1")" "petsc==$petsc_version"
  fi
  if ! echo "$petsc_sha256  $1" | sha256sum --check --status; then
    mv "$1" "$1.wrong"
    die "$1.wrong is not PETSc $petsc_version (its SHA-256 is not $petsc_sha256); run setup again to fetch it anew"
  fi
}

# As a whole or not at all
unpack_source() { # ARCHIVE DIR
  [ ! -e "$2/configure" ] || return 0
  rm -rf "$2.part"
  mkdir "$2.part"
  say "unpacking $(basename "$1")"
  tar xzf "$1" -C "$2.part" --strip-components=1
  rmdir "$2" 2>/dev/null || true
  mv "$2.part" "$2"
}

cuda_folder() {
  nvcc=$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)
  [ ! -x "$nvcc" ] || dirname "$(dirname "$nvcc")"
}

# The GPU that is there, else the generation of data centres that most clusters have
cuda_arch() {
  nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -1 | tr -d . | grep -E '^[0-9]+$' || echo 90
}

configure_petsc() {
  triple=$(gcc -print-multiarch)
  set -- --with-debugging=0 --with-fc=0 --with-x=0 \
    --with-cc=mpicc.mpich --with-cxx=mpicxx.mpich --with-mpiexec=mpiexec.mpich \
    COPTFLAGS='-O3 -march=native' CXXOPTFLAGS='-O3 -march=native' \
    --with-hdf5=1 --with-hdf5-include=/usr/include/hdf5/mpich --with-hdf5-lib="[/usr/lib/$triple/hdf5/mpich/libhdf5.so]" \
    --with-blaslapack-lib="[/usr/lib/$triple/libopenblas.so]"
  [ -z "$cuda" ] || set -- "$@" --with-cuda=1 --with-cuda-dir="$cuda" --with-cuda-arch="$(cuda_arch)" CUDAOPTFLAGS=-O3
  (cd "$PETSC_DIR" && with_progress "configuring PETSc" "$PETSC_DIR/furl-configure-$PETSC_ARCH.log" \
    python3 ./configure PETSC_ARCH="$PETSC_ARCH" PETSC_DIR="$PETSC_DIR" "$@")
}

# Configured and compiled once per machine type; a step that was finished is not done again, and make goes on where it stopped
default_petsc() {
  cache=${FURL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/furl}
  mkdir -p "$cache/src"
  archive=$cache/src/petsc-$petsc_version.tar.gz
  PETSC_DIR=$cache/petsc-$petsc_version
  build_packages "$PETSC_DIR/configure"
  cuda=$(cuda_folder)
  PETSC_ARCH=furl-$(gcc -march=native -Q --help=target | awk '$1 == "-march=" { print $2 }')${cuda:+-cuda}
  export PETSC_DIR PETSC_ARCH
  exec 9>"$cache/lock"
  flock -n 9 || { say "another setup is at work in $cache: waiting"; flock 9; }
  made=$PETSC_DIR/$PETSC_ARCH/furl
  if [ ! -e "$made-built" ] || [ ! -e "$PETSC_DIR/$PETSC_ARCH/lib/libpetsc.so" ]; then
    say "PETSc $petsc_version is built once, in $PETSC_DIR (10 to 30 minutes)"
    [ -e "$PETSC_DIR/configure" ] || fetch_source "$archive"
    unpack_source "$archive" "$PETSC_DIR"
    [ -e "$made-configured" ] || [ -e "$PETSC_DIR/$PETSC_ARCH/lib/libpetsc.so" ] || configure_petsc
    touch "$made-configured"
    with_progress "building PETSc" "$PETSC_DIR/furl-make-$PETSC_ARCH.log" \
      env MAKEFLAGS= make -C "$PETSC_DIR" PETSC_DIR="$PETSC_DIR" PETSC_ARCH="$PETSC_ARCH" MAKE_NP="$(nproc)" all
    touch "$made-built"
  fi
  exec 9>&-
}

# The distribution's packages: the newest that is installed, else installed now
distribution_petsc() { # PACKAGE FOLDER-PREFIX SCALAR
  triple=$(gcc -print-multiarch 2>/dev/null || echo "$(uname -m)-linux-gnu")
  prefix=$(echo "$2" | sed 's/-$//')
  find_distribution "$prefix" "$triple-$3" || install_packages gcc make python3 "$1"
  find_distribution "$prefix" "$triple-$3" || die "$1 is installed but there is no /usr/lib/petscdir/$prefix*/$triple-$3"
  export PETSC_DIR PETSC_ARCH
}

find_distribution() { # PREFIX ARCH
  PETSC_ARCH=$2
  PETSC_DIR=$(find /usr/lib/petscdir -maxdepth 1 -type d \( -name "$1[0-9].*" -o -name "$1-[0-9].*" \) 2>/dev/null | sort -V | tail -1)
  [ -n "$PETSC_DIR" ] && [ -e "$PETSC_DIR/$PETSC_ARCH/lib/petsc/conf/petscvariables" ]
}
