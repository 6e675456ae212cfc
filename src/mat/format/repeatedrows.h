/* The dictionary of rows under construction; only encoders need it */
#pragma once

#include <stdint.h>
#include <stddef.h>

/* What a solver asks of a row: its diagonal entry, and whether that is all it has */
#define FURL_ROW_POSITIVE 1
#define FURL_ROW_NEGATIVE 2
#define FURL_ROW_LONE 4

typedef struct {
  int       use;      /* 1 where rows repeat so often that the matrix has a dictionary */
  int       latest;   /* 1 where the slice before was one of repeated rows */
  size_t    most;     /* entries that the dictionary may hold */
  uint32_t *bucket;   /* [nbuckets] hash table: number of the row + 1, 0 where free */
  uint32_t *follower; /* [room] number of the row that came after this one, a first guess for the next */
  uint32_t *code;     /* [ncodes] hash table: number of the codes of a slice + 1, 0 where free */
  size_t    nbuckets, room, ncodes;
  uint64_t *key;   /* [room_keys] of the entries of the dictionary, for the fingerprint: see describe.c */
  uint8_t  *trait; /* [room] FURL_ROW_* */
  size_t    room_keys;
} FurlRowTable;
