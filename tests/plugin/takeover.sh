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
if grep -q 'type: furl' ksp_taken.log; then not_ok keeps_name ksp_taken.log; else ok keeps_name; fi
refuse unknown_ksp 'names gmrez, which is no KSP type' ./laplace $dll -furl_takeover gmrez
refuse unknown_pc 'names pc:lux, which is no PC type' ./laplace $dll -furl_takeover cg,pc:lux
refuse wrong_rtol 'Tolerance 2. is not in \(0, 1\); see -furl_takeover_rtol' ./laplace $dll -furl_takeover_rtol 2
finish
