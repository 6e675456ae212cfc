/* The launches that a range of items takes cover it once and in order, with blocks that a GPU takes, whatever its size */
#include <stdio.h>
#include <stdlib.h>
#include <furl/device.h>

#define WARPS (FURL_DEVICE_BLOCK / FURL_WIDTH)

#define CHECK(condition, ...)              \
  if (!(condition)) {                      \
    fprintf(stderr, __VA_ARGS__), exit(1); \
  }

static int Cover(int64_t first, int64_t end)
{
  int64_t at = first;
  int     n  = 0;

  for (FurlGeometry g = FurlDeviceGeometry(first, end); g.end > g.first; g = FurlDeviceGeometry(g.end, end), n++) {
    CHECK(g.first == at && g.end <= end, "items %lld to %lld follow %lld\n", (long long)g.first, (long long)g.end, (long long)at);
    CHECK(g.blocks >= 1 && (int64_t)g.blocks <= 2147483647, "%u blocks\n", g.blocks);
    CHECK((int64_t)g.blocks * WARPS >= g.end - g.first, "%u blocks for %lld items\n", g.blocks, (long long)(g.end - g.first));
    CHECK(((int64_t)g.blocks - 1) * WARPS < g.end - g.first, "%u blocks, of which some have nothing to do\n", g.blocks);
    at = g.end;
  }
  CHECK(at == (end > first ? end : first), "items from %lld on are left out\n", (long long)at);
  return n;
}

int main(void)
{
  const int64_t most = 2147483647LL * WARPS;

  CHECK(Cover(0, 0) == 0 && Cover(5, 3) == 0, "launches for nothing\n");
  for (int64_t n = 1; n < 100; n++) CHECK(Cover(n, 2 * n) == 1, "more than one launch for %lld items\n", (long long)n);
  CHECK(Cover(0, most) == 1 && Cover(0, most + 1) == 2, "launches at the limit\n");
  CHECK(Cover(7, 7 + 3 * most - 1) == 3, "launches beyond the limit\n");
  return 0;
}

/*TEST

  test:

TEST*/
