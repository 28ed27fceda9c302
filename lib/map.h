/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An intrusive hash table.  A node lives inside the thing that is found; the
 * same hash may occur many times, and the caller compares the real key.  The
 * hash is keyed, so nobody outside can make it degenerate.
 */
#ifndef NFS_RECLAIM_LIB_MAP_H
#define NFS_RECLAIM_LIB_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "lib/siphash.h"

struct map_node {
	struct map_node *next; /* map::buckets */
	uint64_t hash;
};

struct map {
	uint8_t key[SIPHASH_KEY_SIZE];
	struct map_node **buckets;
	size_t bucket_count; /* a power of two, or 0 before the first add */
	size_t count;
};

/*
 * Makes @map empty, hashing under @key.
 * Owns:   map_fini() ends it.
 */
void map_init(struct map *map, const uint8_t key[static SIPHASH_KEY_SIZE]);

/*
 * Frees the table of @map.
 * Owns:   the nodes stay their owners'.
 */
void map_fini(struct map *map);

/*
 * Returns the hash under which @map keeps the key of @len bytes at @bytes.
 */
uint64_t map_hash(const struct map *map, const void *bytes, size_t len);

/*
 * Puts @node into @map under @hash.  Amortised constant time.
 * Owns:   nothing; @node must outlive its stay.
 */
void map_add(struct map *map, struct map_node *node, uint64_t hash);

/*
 * Takes @node out of @map, where it must be.
 */
void map_remove(struct map *map, struct map_node *node);

/*
 * Returns the first node kept under @hash, or NULL.
 * Owns:   borrowed until the next map_add() or map_remove().
 */
struct map_node *map_first(const struct map *map, uint64_t hash);

/*
 * Returns the next node with the same hash as @node, or NULL.
 * Owns:   borrowed until the next map_add() or map_remove().
 */
struct map_node *map_next(const struct map_node *node);

#endif
