# Helpers of the shell tests, which run in a scratch folder of their own. Each check prints a line that the runner counts.
set -u
here=$FURL_TOP/tests/plugin
failures=0

ok() {
  echo "ok $1"
}

not_ok() { # NAME FILE-WITH-OUTPUT
  echo "not ok $1"
  sed 's/^/#   /; s/^#   \(ok\|not ok\)/#   . \1/' "$2" | grep -v 'Configure options:' | head -60
  failures=$((failures + 1))
}

skip() {
  echo "ok $1 # SKIP $2"
}

finish() {
  [ "$failures" = 0 ]
  exit
}

# Compiles a program that links PETSc alone
compile() { # SOURCE PROGRAM [FLAGS...]
  source=$1 program=$2
  shift 2
  # shellcheck disable=SC2086
  "$CC" -std=gnu11 -g -O1 -D_GNU_SOURCE -Wall -I"$FURL_TOP/include" $PETSC_INCLUDES ${SANITIZER:-} "$source" -o "$program" "$@" \
    -L"$PETSC_LIBDIR" -Wl,-rpath,"$PETSC_LIBDIR" $PETSC_LINK -ldl -lm
}

# Runs a command that must succeed and print a line that matches a pattern ('' asks for no output at all)
expect() { # NAME PATTERN COMMAND...
  name=$1 pattern=$2
  shift 2
  if ! "$@" >"$name.log" 2>&1; then
    not_ok "$name" "$name.log"
  elif [ -n "$pattern" ]; then
    if grep -qE -- "$pattern" "$name.log"; then ok "$name"; else not_ok "$name" "$name.log"; fi
  else
    if [ -s "$name.log" ]; then not_ok "$name" "$name.log"; else ok "$name"; fi
  fi
}

# Runs a command that must fail and print lines that match all of the patterns
refuse() { # NAME PATTERNS COMMAND...   (patterns one a line)
  name=$1 patterns=$2
  shift 2
  if "$@" >"$name.log" 2>&1; then
    echo "the command succeeded" >>"$name.log"
    not_ok "$name" "$name.log"
    return
  fi
  echo "$patterns" >"$name.patterns"
  while read -r pattern; do
    grep -qE -- "$pattern" "$name.log" && continue
    echo "nothing matches: $pattern" >>"$name.log"
    not_ok "$name" "$name.log"
    return
  done <"$name.patterns"
  ok "$name"
}
