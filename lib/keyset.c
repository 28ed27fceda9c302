/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns copies of its keys.  Nothing is ever taken out: whoever needs that
 * makes a new set.
 */
#include "lib/keyset.h"

#include <stdlib.h>
#include <string.h>

#include "lib/xalloc.h"

struct key {
	struct map_node in_map; /* keyset::map */
	struct link in_all;	/* keyset::all */
	char *bytes;
	size_t len;
};

void keyset_init(struct keyset *set, const uint8_t key[static SIPHASH_KEY_SIZE],
		 size_t count_max)
{
	map_init(&set->map, key);
	list_init(&set->all);
	set->count_max = count_max;
}

void keyset_fini(struct keyset *set)
{
	struct link *at;

	while ((at = list_take_first(&set->all))) {
		struct key *key = container_of(at, struct key, in_all);

		free(key->bytes);
		free(key);
	}
	map_fini(&set->map);
}

bool keyset_add(struct keyset *set, const void *bytes, size_t len)
{
	struct key *key;

	if (keyset_has(set, bytes, len))
		return true;
	if (set->map.count >= set->count_max)
		return false;
	key = xzalloc(sizeof(*key));
	key->bytes = xmemdup(bytes, len);
	key->len = len;
	list_append(&set->all, &key->in_all);
	map_add(&set->map, &key->in_map, map_hash(&set->map, bytes, len));
	return true;
}

bool keyset_has(const struct keyset *set, const void *bytes, size_t len)
{
	struct map_node *node =
		map_first(&set->map, map_hash(&set->map, bytes, len));

	for (; node; node = map_next(node)) {
		const struct key *key = container_of(node, struct key, in_map);

		if (key->len == len && !memcmp(key->bytes, bytes, len))
			return true;
	}
	return false;
}
