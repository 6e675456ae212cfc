/* A hash of words of 8 bytes for the encoder's tables; whatever is found by it is compared in full */
#pragma once

#include <stdint.h>
#include <string.h>

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014) over words of 8 bytes. The high bits meet the low ones before the product, too:
 * short numbers have no low bits, and tables are indexed by them */
static inline uint64_t FurlHashWord(uint64_t hash, uint64_t word)
{
  hash ^= word;
  hash = (hash ^ hash >> 32) * 0xbf58476d1ce4e5b9ull;
  return hash ^ hash >> 29;
}

static inline uint64_t FurlHashBytes(uint64_t hash, const void *data, size_t n)
{
  const char *byte = data;
  uint64_t    word;

  for (; n >= sizeof(word); n -= sizeof(word), byte += sizeof(word)) {
    memcpy(&word, byte, sizeof(word));
    hash = FurlHashWord(hash, word);
  }
  word = 0;
  if (n) memcpy(&word, byte, n); /* an empty program has no tables */
  return FurlHashWord(hash, word ^ (uint64_t)n << 60);
}
