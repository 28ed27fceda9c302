/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names in notices that matched no record, looked up forward in the background:
 * a peer with several addresses sends from one that lockd did not register, and
 * calls itself by its node name (contract.md 2.9, design decision 9).  Whoever
 * floods us with names gets few look-ups, and costs little memory.
 */
#ifndef NFS_RECLAIM_STATD_ALIASES_H
#define NFS_RECLAIM_STATD_ALIASES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/list.h"
#include "lib/map.h"
#include "statd/effects.h"

#define ALIASES_OPEN_MAX  2   /* look-ups under way: records come first */
#define ALIASES_QUEUE_MAX 64  /* ... and waiting */
#define ALIASES_MAX	  512 /* names remembered, those included */
#define ALIASES_ADDRS_MAX 8
#define ALIASES_AGAIN_MS  60000u /* no name is looked up more often */
#define ALIASES_STALE_MS                                     \
	900000u /* so long an old answer is better than none \
		 */
#define ALIASES_FIRST_ID (UINT64_C(1) << 63)

/* A name, and what came of its look-up. */
struct alias {
	struct map_node by_name; /* aliases::by_name */
	struct link in_list;	 /* aliases::waiting, ::open or ::ended */
	char *name;
	uint64_t id;	/* of the look-up under way, or 0 */
	bool is_queued; /* waiting or under way */
	bool has_ended; /* once, at least */
	uint64_t ended_ms;
	struct addr addrs[ALIASES_ADDRS_MAX];
	size_t addr_count;
};

struct aliases {
	struct effects *out; /* borrowed */
	struct map by_name;
	struct link waiting; /* alias::in_list */
	struct link open;    /* alias::in_list */
	struct link ended;   /* alias::in_list, the oldest first */
	size_t open_count;
	size_t queue_count; /* open or waiting */
	uint64_t next_id;
};

enum alias_state {
	ALIAS_UNKNOWN, /* is not looked up: no name, or too many are */
	ALIAS_OPEN,    /* is being looked up */
	ALIAS_ENDED,   /* see alias::addrs; none: it does not resolve */
};

/*
 * Makes @set empty, hashing under @key.
 * Owns:   aliases_fini() ends it; @out is borrowed for as long.
 */
void aliases_init(struct aliases *set, struct effects *out,
		  const uint8_t key[static SIPHASH_KEY_SIZE]);

/*
 * Frees all names.
 */
void aliases_fini(struct aliases *set);

/*
 * Looks @name (any bytes without NUL) up, unless that was done within
 * ALIASES_AGAIN_MS.  What was found before counts meanwhile: a sender that
 * repeats itself ever more rarely must not meet an open look-up each time.
 * Return: where it stands; with ALIAS_ENDED *out, borrowed until the next call
 *         on @set.
 */
enum alias_state aliases_find(struct aliases *set, uint64_t now_ms,
			      const char *name, const struct alias **out);

/*
 * Takes the end of the look-up @id, which is >= ALIASES_FIRST_ID; the first
 * ALIASES_ADDRS_MAX of @addrs count.  Where there are none, those of before
 * stay: silence proves nothing.
 */
void aliases_resolved(struct aliases *set, uint64_t now_ms, uint64_t id,
		      const struct addr *addrs, size_t count);

#endif
