/* Chooses the instruction set whose launchers run */
#include <stdlib.h>
#include <string.h>
#include <furl/kernel.h>

static FurlIsa BestOfMachine(void)
{
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512cd"))
    return FURL_ISA_V4;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) return FURL_ISA_V3;
  return FURL_ISA_BASE;
}

static FurlIsa Choose(void)
{
  const char *const wish = getenv("FURL_ISA");
  const FurlIsa     best = BestOfMachine();

  if (wish && !strcmp(wish, "base")) return FURL_ISA_BASE;
  if (wish && !strcmp(wish, "v3") && best > FURL_ISA_V3) return FURL_ISA_V3;
  return best;
}

FurlIsa FurlIsaDetect(void)
{
  static int chosen = -1; /* a property of the machine, found once: every thread finds the same */

  if (chosen < 0) chosen = (int)Choose();
  return (FurlIsa)chosen;
}
