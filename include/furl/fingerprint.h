/*
  Is a matrix its own transpose, bit for bit? Entry (i, j) gives a hash of the pair {i, j} and of its bits, added where j > i and subtracted
  where j < i, modulo 2^64; zeros count as entries that are not stored. The sum over a matrix, its fingerprint, is zero where it is
  symmetric. Where one entry alone differs from its mirror it is not zero, as the hash of given places is one to one in the bits; where many
  differ it is zero by chance, once in 2^64.
*/
#pragma once

#include <stdint.h>
#include <furl/planes.h>

/* Of a pair of row and column: linear, so that a row more adds FURL_HASH_ROW. Odd numbers without structure: the golden ratio and pi */
#define FURL_HASH_ROW 0x9e3779b97f4a7c15ull
#define FURL_HASH_DISTANCE 0x243f6a8885a308d3ull

FURL_BODY uint64_t FurlPairKey(int64_t smaller, int64_t larger)
{
  return (uint64_t)smaller * FURL_HASH_ROW + (uint64_t)(larger - smaller) * FURL_HASH_DISTANCE;
}

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014), 0 for a zero */
FURL_BODY uint64_t FurlEntryHash(uint64_t key, double value)
{
  uint64_t hash = FurlDoubleToBits(value) + key;

  hash = (hash ^ hash >> 30) * 0xbf58476d1ce4e5b9ull;
  hash = (hash ^ hash >> 27) * 0x94d049bb133111ebull;
  return (hash ^ hash >> 31) & -(uint64_t)(value != 0);
}

/* What entry (i, j) adds to the fingerprint; no branches, as columns come in any order */
FURL_BODY uint64_t FurlFingerprint(int64_t i, int64_t j, double value)
{
  const uint64_t hash = FurlEntryHash(FurlPairKey(i < j ? i : j, i < j ? j : i), value), minus = -(uint64_t)(j < i);

  return ((hash ^ minus) - minus) & -(uint64_t)(i != j);
}
