#!/bin/sh
# The house style, checked by tools/style
exec "$FURL_TOP/tools/style"
