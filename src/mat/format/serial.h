/*
  A container as a stream of bytes, for files: little-endian, in words of 8 bytes,

    rows, columns, nonzeros, fingerprint, signs of the diagonal, kinds of values, number of arrays
    for each array that is not empty: name (16 bytes, padded with zeros), bytes of an item, number of items, the items padded to a word

  An array that a later version adds is one that an earlier one does not know and refuses; one that it no longer has is empty.
*/
#pragma once

#include <furl/slices.h>

size_t FurlSerialBytes(const FurlSlices *slices);
void   FurlSerialWrite(const FurlSlices *slices, void *bytes); /* [FurlSerialBytes()], aligned to 8 */

/* NULL, or what is wrong with the stream, a static string; slices is then empty. What it holds beside numbers is checked to lie within it
 */
const char *FurlSerialRead(FurlSlices *slices, const void *bytes, size_t n);

/* Of n bytes, n a multiple of 8: other where one word is other, and else but for one case in 2^64 */
uint64_t FurlSerialChecksum(const void *bytes, size_t n);

/* Files of a machine of the other order would need their items turned */
static inline int FurlSerialCanServe(void)
{
  const uint16_t one = 1;

  return *(const uint8_t *)&one == 1;
}
