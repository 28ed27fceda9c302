/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hash table with chains, doubled when there are as many nodes as chains.
 * Knows hashes only: several nodes may share one, and whether a node is the
 * one looked for is the caller's question.  It never shrinks.
 */
#include "lib/map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/xalloc.h"

#define BUCKETS_FIRST 16

void map_init(struct map *map, const uint8_t key[static SIPHASH_KEY_SIZE])
{
	*map = (struct map){0};
	memcpy(map->key, key, sizeof(map->key));
}

void map_fini(struct map *map)
{
	free(map->buckets);
	map->buckets = NULL;
	map->bucket_count = 0;
	map->count = 0;
}

uint64_t map_hash(const struct map *map, const void *bytes, size_t len)
{
	return siphash(map->key, bytes, len);
}

static struct map_node **bucket_of(const struct map *map, uint64_t hash)
{
	return &map->buckets[hash & (map->bucket_count - 1)];
}

static void put(struct map *map, struct map_node *node)
{
	struct map_node **bucket = bucket_of(map, node->hash);

	node->next = *bucket;
	*bucket = node;
}

static void grow(struct map *map)
{
	struct map_node **old = map->buckets;
	size_t old_count = map->bucket_count;
	struct map_node *node;
	struct map_node *next;
	size_t i;

	map->bucket_count = old_count > 0 ? old_count * 2 : BUCKETS_FIRST;
	map->buckets = xcalloc(map->bucket_count, sizeof(struct map_node *));
	for (i = 0; i < old_count; i++) {
		for (node = old[i]; node != NULL; node = next) {
			next = node->next;
			put(map, node);
		}
	}
	free(old);
}

void map_add(struct map *map, struct map_node *node, uint64_t hash)
{
	if (map->count == map->bucket_count)
		grow(map);
	node->hash = hash;
	put(map, node);
	map->count++;
}

void map_remove(struct map *map, struct map_node *node)
{
	struct map_node **place;

	assert(map->count > 0);
	place = bucket_of(map, node->hash);
	while (*place != node) {
		assert(*place != NULL);
		place = &(*place)->next;
	}
	*place = node->next;
	node->next = NULL;
	map->count--;
}

static struct map_node *skip_others(struct map_node *node, uint64_t hash)
{
	while (node != NULL && node->hash != hash)
		node = node->next;
	return node;
}

struct map_node *map_first(const struct map *map, uint64_t hash)
{
	if (map->count == 0)
		return NULL;
	return skip_others(*bucket_of(map, hash), hash);
}

struct map_node *map_next(const struct map_node *node)
{
	return skip_others(node->next, node->hash);
}
