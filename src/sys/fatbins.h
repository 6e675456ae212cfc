/* What fatbins.c tells devicecuda.c */
#pragma once

#define FURL_FATBINS 4

const void *FurlFatbinGet(int k); /* NULL: this build has none */
