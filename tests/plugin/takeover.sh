#!/bin/sh
# -furl_takeover reaches a program that fixes its solver in code
. "$FURL_TOP/tests/plugin/lib.sh"
compile "$here/programs/laplace.c" ./laplace || exit 1
dll="-dll_append $FURL_LIB -malloc_dump"

expect untouched 'type: gmres' ./laplace $dll -fixed
if grep -q furl_takeover untouched.log; then not_ok opt_in untouched.log; else ok opt_in; fi
expect ksp_taken 'furl in place of gmres, by -furl_takeover' ./laplace $dll -fixed -furl_takeover gmres
expect pc_taken 'furl in place of lu, by -furl_takeover' ./laplace $dll -fixed -furl_takeover gmres,pc:lu
expect solved 'error small' ./laplace $dll -fixed -furl_takeover gmres,pc:lu
if grep -A1 '^KSP Object' ksp_taken.log | grep -q 'type: gmres'; then ok keeps_name; else not_ok keeps_name ksp_taken.log; fi
# Furl's own inner solvers stay PETSc's, also where they have the types that were taken
taken=gmres,preonly,chebyshev,richardson,pc:lu,pc:redundant,pc:gamg,pc:bjacobi,pc:jacobi,pc:ilu,pc:icc
expect inner 'error small' ./laplace $dll -fixed -n 3000 -furl_takeover $taken
if [ "$(grep -c 'furl in place of' inner.log)" = 2 ]; then ok inner_untouched; else not_ok inner_untouched inner.log; fi
refuse unknown_ksp 'names gmrez, which is no KSP type' ./laplace $dll -furl_takeover gmrez
refuse unknown_pc 'names pc:lux, which is no PC type' ./laplace $dll -furl_takeover cg,pc:lux
refuse wrong_rtol 'Tolerance 2. is not in \(0, 1\); see -furl_takeover_rtol' ./laplace $dll -furl_takeover_rtol 2
finish
