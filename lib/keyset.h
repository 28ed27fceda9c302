/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set of byte strings that only grows, up to a cap which its owner names.
 */
#ifndef NFS_RECLAIM_LIB_KEYSET_H
#define NFS_RECLAIM_LIB_KEYSET_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/list.h"
#include "lib/map.h"

struct keyset {
	struct map map;	 /* of key::in_map */
	struct link all; /* of key::in_all */
	size_t count_max;
};

/*
 * Makes @set empty; it holds at most @count_max keys and hashes under @key.
 * Owns:   keyset_fini() ends it.
 */
void keyset_init(struct keyset *set, const uint8_t key[static SIPHASH_KEY_SIZE],
		 size_t count_max);

/*
 * Frees all keys of @set.
 */
void keyset_fini(struct keyset *set);

/*
 * Adds the @len bytes at @bytes; harmless where they are there.
 * Errors: false where the set is full.
 * Owns:   copies.
 */
bool keyset_add(struct keyset *set, const void *bytes, size_t len);

/*
 * Tells whether @set has exactly the @len bytes at @bytes.
 */
bool keyset_has(const struct keyset *set, const void *bytes, size_t len);

#endif
