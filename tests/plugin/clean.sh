#!/bin/sh
# A run leaves nothing behind: no memory of PETSc, no unused option, no output of its own; Ctrl-C ends it at once
. "$FURL_TOP/tests/plugin/lib.sh"
compile "$here/programs/laplace.c" ./laplace || exit 1
dll="-dll_append $FURL_LIB"

# the options of each type are read, whether or not they matter to this run
expect options_left 'There are no unused options' ./laplace $dll -ksp_type furl -options_left
expect takeover_options_left 'There are no unused options' ./laplace $dll -ksp_type furl -furl_takeover fcg -furl_takeover_rtol 1e-9 -options_left
for ranks in 1 3; do
  $MPIEXEC -n $ranks ./laplace $dll -ksp_type furl -malloc_dump >"ranks_$ranks.log" 2>&1
  if [ "$(grep -cvE '^(type furl|error small|library .*)$' "ranks_$ranks.log")" = 0 ]; then ok "nothing_left_on_$ranks"; else not_ok "nothing_left_on_$ranks" "ranks_$ranks.log"; fi
done

# loaded and not used: the program's output is what it is without Furl
./laplace >alone.log 2>&1
./laplace $dll -malloc_dump 2>&1 | grep -v '^library' >unused.log
grep -v '^library' alone.log | cmp -s - unused.log && ok unused || not_ok unused unused.log

# the citation is printed when Furl was used, and only then
expect citation 'title = {Furl' ./laplace $dll -ksp_type furl -citations
./laplace $dll -citations >uncited.log 2>&1
if grep -q 'title = {Furl' uncited.log; then not_ok uncited uncited.log; else ok uncited; fi

# Ctrl-C while it solves: over within five seconds, and to the shell and in its output as without Furl
interrupted() { # LOG COMMAND...
  log=$1
  shift
  timeout --preserve-status -s INT -k 5 1 "$@" -loop >"$log" 2>&1
  echo "exit status $?" >>"$log"
}
interrupted ctrl_c_plain.log ./laplace
for method in auto gmres bcgs; do
  interrupted "ctrl_c_$method.log" ./laplace $dll -ksp_type furl -ksp_furl_method $method
  if cmp -s ctrl_c_plain.log "ctrl_c_$method.log"; then ok "interrupt_$method"; else not_ok "interrupt_$method" "ctrl_c_$method.log"; fi
done
finish
