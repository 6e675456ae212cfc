#!/bin/bash
# Tests and measures Furl on this machine's GPU:  run-on-gpu.sh [quick|full|cpu] [FOLDER]      (part of what `make gpu-bundle` packs)
#
# Any x86-64 Linux machine with an NVIDIA driver and CUDA's libraries (installed, or inside Python packages). It installs nothing and
# changes no setting. Writes furl-gpu.json, furl-gpu.txt and a log into FOLDER (the current one) within 8 minutes, quick within 4;
# tools/plot-results makes pictures of the JSON. Without a GPU, or with `cpu`, the same steps run in small on the CPU.
# FURL_MATRICES: a folder of Matrix Market files. FURL_STEP_LIMIT: seconds that no step may exceed.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
size=${1:-quick} out=${2:-.}
begin=$(date +%s)
die() {
  echo "run-on-gpu: $*" >&2
  exit 1
}
case $size in
quick) seconds=240 ;;
full | cpu) seconds=470 ;;
*) die "'$size' is none of quick, full and cpu" ;;
esac
mkdir -p "$out" || die "$out: no folder to write to"
out=$(cd "$out" && pwd)
work=$(mktemp -d) || die "no folder for temporary files"
trap 'rm -rf "$work"' EXIT
log=$out/furl-gpu.log
: >"$log" || die "$log cannot be written"
fact() { # what bundle.txt says
  sed -n "s/^$1 //p" "$here/bundle.txt"
}

# --- what this machine must have

check_cpu() {
  local missing='' feature
  for feature in $(fact features); do
    grep -m1 '^flags' /proc/cpuinfo | grep -qw "$feature" || missing="$missing $feature"
  done
  [ -z "$missing" ] || die "the PETSc of this bundle was built for $(fact petsc_cpu); this CPU ($(cpu_name)) lacks:$missing
    Make the bundle on a machine of this kind, or from a PETSc that is built for any x86-64"
}

cpu_name() {
  sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -1
}

check_libc() {
  local have
  have=$(getconf GNU_LIBC_VERSION 2>/dev/null | awk '{ print $2 }')
  [ "$(printf '%s\n%s\n' "$(fact libc)" "${have:-0}" | sort -V | head -1)" = "$(fact libc)" ] ||
    die "this bundle needs glibc $(fact libc); this machine has ${have:-another libc}"
}

# Folders where CUDA's libraries may be, one a line: the user's own choice first, the system's last
cuda_folders() {
  local root
  echo "${LD_LIBRARY_PATH:-}" | tr : '\n'
  for root in "${CUDA_HOME:-}" "${CUDA_PATH:-}"; do [ -z "$root" ] || printf '%s\n' "$root/lib64" "$root/lib"; done
  for root in "${VIRTUAL_ENV:-}" "${CONDA_PREFIX:-}" "${HOME:-}/.local" /usr/local /usr /opt/*; do
    [ -z "$root" ] || printf '%s\n' "$root"/lib/python3*/*-packages/nvidia/*/lib
  done
  [ -z "${CONDA_PREFIX:-}" ] || echo "$CONDA_PREFIX/lib"
  python3 -c 'import glob, sys; print("\n".join(d for p in sys.path for d in glob.glob(p + "/nvidia/*/lib")))' 2>/dev/null
  printf '%s\n' /usr/local/cuda/lib64 /usr/local/cuda-*/lib64 /opt/cuda*/lib64 /usr/local/cuda*/targets/x86_64-linux/lib
  PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null | sed -n 's/.* => \(.*\)\/[^/]*$/\1/p' | sort -u
  printf '%s\n' /usr/lib/x86_64-linux-gnu /usr/lib64 /usr/local/nvidia/lib64 /usr/lib/wsl/lib
}

# The folders that have what bundle.txt names, joined by colons
find_cuda() {
  local name folder path='' missing=''
  cuda_folders >"$work/folders"
  for name in $(fact cuda_libraries); do
    folder=$(while read -r folder; do [ -z "$folder" ] || [ ! -e "$folder/$name" ] || { echo "$folder"; break; }; done <"$work/folders")
    if [ -n "$folder" ]; then
      case ":$path:" in *":$folder:"*) ;; *) path=$path:$folder ;; esac
    else
      missing="$missing $name"
    fi
  done
  [ -z "$missing" ] || die "these libraries of CUDA are not to be found:$missing
    Install CUDA's runtime libraries of that version, or name their folder in LD_LIBRARY_PATH"
  cuda=${path#:} libraries=$here/lib$path
}

find_gpu() {
  mode=cpu no_gpu='no GPU'
  if nvidia-smi -L 2>/dev/null | grep -q '^GPU' || [ -e /dev/nvidia0 ]; then mode=gpu no_gpu=''; fi
  if [ $mode = gpu ] && [ "$(fact kernels)" = none ]; then mode=cpu no_gpu='this bundle has no kernels for GPUs'; fi
  if [ $mode = gpu ] && [ "$size" = cpu ]; then mode=cpu no_gpu='the CPU was asked for'; fi
}

# --- steps, and what is kept of them

quote() { # a string of JSON
  printf '"%s"' "$(printf %s "$1" | tr '\n\t' '  ' | tr -d '\000-\037' | sed 's/\\/\\\\/g; s/"/\\"/g')"
}

record() { # STEP STATUS SECONDS WHY
  printf '{"step": %s, "status": %s, "seconds": %d, "why": %s}\n' "$(quote "$1")" "$(quote "$2")" "$3" "$(quote "$4")" >>"$work/steps"
  printf '%-60s %s%s\n' "$1" "$2" "${4:+: ${4:0:150}}"
}

# What a program said of its failure, in few lines
first_error() {
  grep 'PETSC ERROR: ' "$work/output" | grep -vE -- '-----|Configure options|WARNING|Option left|trouble shooting' | sed 's/.*PETSC ERROR: //' | head -2 | paste -sd' ' | grep . ||
    tail -3 "$work/output"
}

# Runs a command for so many seconds at most; whatever becomes of it, the next step comes
step() { # NAME SECONDS COMMAND...
  local name=$1 limit=$2 start left status why=''
  shift 2
  start=$(date +%s)
  left=$((seconds - (start - begin)))
  if [ $left -lt 3 ]; then
    record "$name" skipped 0 'the time is up'
    last=skipped
    return
  fi
  [ "$left" -ge "$limit" ] || limit=$left
  [ "${FURL_STEP_LIMIT:-$limit}" -ge "$limit" ] || limit=$FURL_STEP_LIMIT
  echo "=== $name: $*" >>"$log"
  timeout -k 2 "$limit" env LD_LIBRARY_PATH="$libraries" OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 "$@" >"$work/output" 2>&1 </dev/null
  status=$?
  cat "$work/output" >>"$log"
  case $status in
  0) status=passed ;;
  124 | 137) status=failed why="no end within $limit s" ;;
  132) status=failed why="an instruction that this CPU does not have: PETSc was built for $(fact petsc_cpu)" ;;
  *) why="exit status $status: $(first_error)" status=failed ;;
  esac
  record "$name" $status $(($(date +%s) - start)) "$why"
  last=$status
  case $why in 'no end'*) last=slow ;; esac
}

not_run() { # NAME
  record "$1" 'not run' 0 "$no_gpu"
}

run_tests() { # KIND SECONDS-EACH OPTIONS...
  local kind=$1 limit=$2 name program args
  shift 2
  while IFS=$'\t' read -r is name program args; do
    # shellcheck disable=SC2086
    [ "$is" != "$kind" ] || step "test $name" "$limit" "$here/bin/$program" $args "$@"
  done <"$here/tests.txt"
}

products() { # SYSTEM
  # shellcheck disable=SC2086
  step "products $1" 40 "$here/bin/spmv" $1 -bench_device "$device" -repeats 5 -json "$work/products"
}

# All methods on one system; where one of them ends the program, those that it kept from running get one each
solves() { # SECONDS SYSTEM
  local known method
  known=$(wc -l <"$work/solves")
  solve_by "solves $2" "$1" "$2" any
  [ "$last" = failed ] || return
  sed -n 's/^\([a-z-]*\) *| cuda .*/\1/p' "$work/opponents" >"$work/methods"
  while read -r method; do
    tail -n +$((known + 1)) "$work/solves" | grep -q "\"method\": \"$method\"" || solve_by "solves $2, $method" "$1" "$2" "$method"
  done <"$work/methods"
}

solve_by() { # NAME SECONDS SYSTEM METHODS
  # shellcheck disable=SC2086
  step "$1" "$2" "$here/bin/solve" $3 "${solver[@]}" -opponents "$work/opponents" -petsc cuda -methods "$4" -repeats 1 -again -warm -json "$work/solves"
}

# --- the two modes: the same steps, other sizes

# sizes: cells of products (boxes, trilinear, tetrahedra, elasticity), of solves (boxes: all classes, then few), tetrahedra, elasticity
choose() {
  plugin=(-dll_append "$here/lib/libpetscfurl.so")
  if [ $mode = gpu ]; then
    device=cuda tested=(-test_device cuda) solver=("${plugin[@]}" -furl_device cuda)
    cp "$here/opponents.txt" "$work/opponents"
    if [ "$size" = full ]; then sizes='192 96 96 40' every=128 few='320 256' mesh='80 40'; else sizes='128 48 48 24' every=64 few='128' mesh='32 16'; fi
  else
    device=host tested=() solver=("${plugin[@]}")
    sed 's/aijcusparse/aij/; s/^\([a-z]*\)-cuda /\1-cpu  /' "$here/opponents.txt" >"$work/opponents"
    if [ "$size" = full ]; then sizes='64 24 24 12' every=48 few='96' mesh='20 10'; else sizes='16 8 8 4' every=16 few='24' mesh='8 4'; fi
  fi
}

test_device() {
  local tool
  run_tests internal 20
  run_tests device 20 "${tested[@]}"
  tool=$(PATH=$PATH:${CUDA_HOME:-/usr/local/cuda}/bin:/usr/local/cuda/bin command -v compute-sanitizer)
  for check in memcheck racecheck; do
    for case in '-pc_furl_hierarchy grid' '-pc_furl_hierarchy import' '-pc_furl_hierarchy grid -wind 30' '-pc_furl_hierarchy grid -bc pnp -null -vector 1'; do
      name="compute-sanitizer $check, $case"
      if [ $mode = cpu ]; then
        not_run "$name"
      elif [ -z "$tool" ]; then
        record "$name" skipped 0 'there is no compute-sanitizer'
      else
        # shellcheck disable=SC2086
        step "$name" 60 "$tool" --tool $check --error-exitcode 9 "$here/bin/solves_as_the_cpu_does" -ksp_rtol 1e-8 -box 17,11,9 -class 2 $case -test_device cuda
      fi
    done
  done
}

measure() {
  local class n
  read -r box trilinear tets elasticity <<<"$sizes"
  for class in smooth constant random jump4; do products "-problem diffusion -class $class -n $box"; done
  products "-problem q1 -class constant -n $trilinear"
  products "-problem tets -rcm -n $tets"
  products "-problem tets -n $tets"
  products "-problem elasticity -n $elasticity"
  solves 40 "-problem diffusion -class smooth -n $every"
  for n in $few; do solves 120 "-problem diffusion -class smooth -n $n"; done
  for class in constant jump4 jump6 anisotropic stretched random layers; do solves 40 "-problem diffusion -class $class -n $every"; done
  read -r tets elasticity <<<"$mesh"
  solves 40 "-problem tets -rcm -n $tets"
  solves 40 "-problem elasticity -n $elasticity"
}

read_files() {
  local file
  for file in "${FURL_MATRICES:-/nonexistent}"/*.mtx "${FURL_MATRICES:-/nonexistent}"/*.mtx.gz; do
    case $file in *_b.mtx*) continue ;; esac
    [ -e "$file" ] || continue
    products "-file $file"
    solves 40 "-file $file"
  done
  [ -n "${FURL_MATRICES:-}" ] || record 'files of FURL_MATRICES' skipped 0 'FURL_MATRICES names no folder'
}

# --- the two results

joined() { # FILE: its lines with commas between
  [ ! -s "$1" ] || sed '$!s/$/,/' "$1"
}

write_json() {
  local key value
  while read -r key value; do printf '%s: %s\n' "$(quote "$key")" "$(quote "$value")"; done <"$here/bundle.txt" >"$work/facts"
  {
    printf '{"mode": %s, "size": %s, "device": %s,\n"bundle": {%s},\n' "$(quote $mode)" "$(quote "$size")" "$(quote "${no_gpu:+not run: $no_gpu}")" "$(joined "$work/facts")"
    printf '"machine": {"cpu": %s, "gpu": %s, "libraries": %s, "date": %s, "seconds": %d}' \
      "$(quote "$(cpu_name)")" "$(quote "$gpu")" "$(quote "$cuda")" "$(quote "$(date -u +%FT%TZ)")" $(($(date +%s) - begin))
    for key in steps triad products solves; do printf ',\n"%s": [%s]' $key "$(joined "$work/$key")"; done
    printf '}\n'
  } >"$out/furl-gpu.json"
}

# One field of a line of JSON that the programs wrote
# shellcheck disable=SC2016
awk_field='function f(name, v) {
  if (!match($0, "\"" name "\": (\"([^\"\\\\]|\\\\.)*\"|[^,}]*)")) return ""
  v = substr($0, RSTART + length(name) + 4, RLENGTH - length(name) - 4)
  if (v ~ /^"/) v = substr(v, 2, length(v) - 2)
  gsub(/\\"/, "\"", v)
  return v
}
'

write_table() {
  {
    echo "Furl $(fact furl) ($(fact commit)), kernels $(fact kernels), PETSc $(fact petsc) built for $(fact petsc_cpu), its CUDA $(fact petsc_cuda)"
    echo "CPU: $(cpu_name)"
    echo "GPU: ${gpu:-none}${no_gpu:+ (not run: $no_gpu)}"
    echo
    awk "$awk_field"'{ printf "triad: %.1f GB/s (%s)\n", f("triad_gb_per_s"), f("device") }' "$work/triad" 2>/dev/null | head -1
    awk "$awk_field"'f("system") != s { s = f("system"); printf "\n%s: %s rows, triad %.1f GB/s\n%-16s %9s %9s %9s %9s\n", s, f("rows"), f("triad_gb_per_s"), "product", "ns/row", "B/row", "GB/s", "of triad" }
      { printf "%-16s %9.4f %9.2f %9.1f %8.0f%%\n", f("format"), f("ns_per_row"), f("bytes_per_row"), f("gb_per_s"), 100 * f("gb_per_s") / f("triad_gb_per_s") }' "$work/products"
    awk "$awk_field"'f("system") != s { s = f("system"); printf "\n%s: %s rows, true residual %s\n%-14s %9s %9s %9s %6s  %s\n", s, f("rows"), f("target"), "solve", "set-up s", "solve s", "again s", "its", "reason, where" }
      { printf "%-14s %9.4f %9.4f %9.4f %6d  %s, %s\n", f("method"), f("setup_s"), f("solve_s"), f("again_s"), f("iterations"), f("met") == "true" ? f("reason") : "TARGET MISSED", f("where") }' "$work/solves"
    printf '\nsteps that did not pass (all are in the JSON):\n'
    awk "$awk_field"'f("status") != "passed" { printf "%s: %s: %s\n", f("step"), f("status"), f("why") } { n[f("status")]++ } END { for (k in n) printf "%d %s\n", n[k], k }' "$work/steps"
  } >"$out/furl-gpu.txt"
}

finish() {
  write_json
  write_table
  cat "$out/furl-gpu.txt"
  [ $mode = gpu ] || echo "GPU: not run: $no_gpu"
  echo "written: $out/furl-gpu.json, furl-gpu.txt, furl-gpu.log; $(($(date +%s) - begin)) s"
}

check_cpu
check_libc
find_cuda
find_gpu
choose
gpu=$(nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap --format=csv,noheader 2>/dev/null | head -1)
echo "GPU: ${gpu:-none}${no_gpu:+; device lines: not run: $no_gpu}"
echo "CPU: $(cpu_name); PETSc $(fact petsc) built for $(fact petsc_cpu), its CUDA $(fact petsc_cuda); Furl's kernels: $(fact kernels)"
touch "$work/steps" "$work/triad" "$work/products" "$work/solves"
trap 'record interrupted failed 0 "a signal"; finish; exit 130' INT TERM
step 'a solve on the CPU' 60 "$here/bin/solve" -problem diffusion -n 12 -with ' -ksp_type furl' "${plugin[@]}" -furl_device cpu
step "triad on $device" 60 "$here/bin/spmv" -problem diffusion -class constant -n 12 -bench_device $device -repeats 5 -json "$work/triad"
measure
test_device
if [ "$size" = full ]; then run_tests plugin 20 "${solver[@]}"; fi
read_files
finish
! grep -q '"status": "failed"' "$work/steps"
