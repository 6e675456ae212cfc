#!/bin/bash
# timeout: 600
# What `make gpu-bundle` packs runs elsewhere: from another folder, with an empty environment and no library of this machine but libc's and
# CUDA's. It says what the other machine lacks, and a step that fails or takes too long is recorded and stops no other
. "$FURL_TOP/tests/plugin/lib.sh"
case $FURL_BUILD in
*-mpich) ;;
*) echo "only an MPI like MPICH can be moved, not that of $FURL_BUILD" && exit 77 ;;
esac
[ -z "${SANITIZER:-}" ] || { echo "a bundle has no sanitizer" && exit 77; }
elsewhere=$(mktemp -d)
trap 'rm -rf "$elsewhere"' EXIT
"$FURL_TOP/tools/gpu-bundle" "$PWD/bundle.tar.gz" --fast >pack.log 2>&1 || { not_ok pack pack.log; exit 1; }
ok pack
tar xzf bundle.tar.gz -C "$elsewhere" || exit 1
rm bundle.tar.gz
bundle=$elsewhere/furl-gpu

elsewhere() { # COMMAND...
  (cd / && env -i PATH=/usr/bin:/bin HOME="$elsewhere" "$@")
}

# Facts of the run: the JSON is read by a parser that is not ours
told() { # EXPRESSION in r
  python3 -c "import json, sys; r = json.load(open('$elsewhere/out/furl-gpu.json')); sys.exit(not ($1))"
}

expect runs 'written: ' elsewhere "$bundle/run-on-gpu.sh" cpu "$elsewhere/out"
cp "$elsewhere/out/furl-gpu.json" "$elsewhere/out/furl-gpu.log" . 2>/dev/null
expect mode '' told "r['mode'] == 'cpu' and r['device'].startswith('not run: ')"
expect steps '' told "len(r['steps']) > 40 and {s['status'] for s in r['steps']} == {'passed', 'not run', 'skipped'}"
expect device_lines '' told "sum(s['status'] == 'not run' for s in r['steps']) == 8"
expect solves '' told "len(r['solves']) == 55 and all(s['met'] and s['again_s'] > 0 and 'CPU' in s['where'] for s in r['solves'])"
expect products '' told "len({p['system'] for p in r['products']}) == 8 and all(p['gb_per_s'] > 0 for p in r['products'])"
expect exact '' told "all(float(p['error']) < 1e-12 for p in r['products'] if p['format'] in ('furl', 'furl planes'))"
expect rounded '' told "max(float(p['error']) for p in r['products'] if p['format'] == 'furl head') > 1e-6"

# no library comes from where it was when the bundle was packed
folders=$(sed -n 's/.*"libraries": "\([^"]*\)".*/\1/p' "$elsewhere/out/furl-gpu.json")
for program in "$bundle"/bin/*; do
  elsewhere env LD_LIBRARY_PATH="$bundle/lib:$folders" ldd "$program"
done | grep '=>' | grep -vE "=> $elsewhere|lib(c|m|dl|rt|pthread|resolv|stdc\+\+|gcc_s)\.so|lib(cuda|cudart|cublas|cublasLt|cusparse|cusolver|cufft|curand|nvJitLink)\.so[^ ]* =>" >foreign.log
if [ -s foreign.log ]; then not_ok own_libraries foreign.log; else ok own_libraries; fi

# what is missing is named, before anything runs
with_fact() { # KEY VALUE COMMAND...: as if the bundle said so
  cp "$bundle/bundle.txt" facts
  sed -i "s/^$1 .*/& $2/" "$bundle/bundle.txt"
  shift 2
  elsewhere "$@"
  status=$?
  cp facts "$bundle/bundle.txt"
  return $status
}
refuse feature 'lacks: no_such_feature' with_fact features no_such_feature "$bundle/run-on-gpu.sh" cpu "$elsewhere/out"
refuse library 'not to be found: libcudanone.so.1' with_fact cuda_libraries libcudanone.so.1 "$bundle/run-on-gpu.sh" cpu "$elsewhere/out"
refuse size "'enormous' is none of" elsewhere "$bundle/run-on-gpu.sh" enormous
sed -i.kept 's/^libc .*/libc 99.0/' "$bundle/bundle.txt"
refuse libc 'needs glibc 99.0' elsewhere "$bundle/run-on-gpu.sh" cpu "$elsewhere/out"
mv "$bundle/bundle.txt.kept" "$bundle/bundle.txt"

# What would be done where there is a GPU: by programs that tell how they were called, one that fails and one that never ends. CUDA's
# libraries are found inside Python packages
packages=$elsewhere/env/lib/python3.11/site-packages/nvidia/cu13/lib
mkdir -p "$packages" "$elsewhere/fake" && touch "$packages/libcudanone.so.1"
for program in "$bundle/bin/solve" "$bundle/bin/spmv" "$elsewhere/fake/compute-sanitizer"; do
  rm -f "$program"
  printf '#!/bin/sh\necho "$0 $*" >>%s/calls\n' "$elsewhere" >"$program"
done
printf '#!/bin/sh\necho GPU 0: none\n' >"$elsewhere/fake/nvidia-smi"
cat >"$bundle/bin/broken" <<'END'
#!/bin/sh
printf '%s\n' 'an "error" \ here'
exit 3
END
printf '#!/bin/sh\nsleep 30\n' >"$bundle/bin/endless"
chmod +x "$bundle"/bin/* "$elsewhere"/fake/*
printf 'internal\tbroken\tbroken\t\ninternal\tendless\tendless\t\ndevice\tgood\tsolve\t-good\n' >"$bundle/tests.txt"
sed -i 's/^kernels .*/kernels 90/; s/^cuda_libraries .*/& libcudanone.so.1/' "$bundle/bundle.txt"
refuse failures 'an "error" . here' elsewhere PATH="$elsewhere/fake:/usr/bin:/bin" VIRTUAL_ENV="$elsewhere/env" FURL_STEP_LIMIT=2 "$bundle/run-on-gpu.sh" full "$elsewhere/out"
expect packages '' told "r['mode'] == 'gpu' and '$packages' in r['machine']['libraries'].split(':')"
expect failed '' told "[s['why'] for s in r['steps'] if s['step'] == 'test broken'] == ['exit status 3: an \"error\" \\\\ here']"
expect time_limit '' told "[s['why'] for s in r['steps'] if s['step'] == 'test endless'] == ['no end within 2 s']"
expect goes_on '' told "[s['status'] for s in r['steps'] if s['step'] == 'test good'] == ['passed']"
expect tests_on_gpu 'solve -good -test_device cuda' cat "$elsewhere/calls"
expect products_on_gpu 'spmv -problem diffusion -class smooth -n 192 -bench_device cuda' cat "$elsewhere/calls"
expect solves_on_gpu 'solve -problem diffusion -class smooth -n 320 -dll_append .* -furl_device cuda .*-petsc cuda' cat "$elsewhere/calls"
expect sanitizer_on_gpu 'compute-sanitizer --tool racecheck .*solves_as_the_cpu_does .*-test_device cuda' cat "$elsewhere/calls"
finish
