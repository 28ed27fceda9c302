/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who may hold a connection to a service, and who loses it first: a cap over
 * all, a cap per address, and places that are kept for callers on this host.
 */
#ifndef NFS_RECLAIM_LIB_CONNLIMIT_H
#define NFS_RECLAIM_LIB_CONNLIMIT_H

#include <stdint.h>

#include "lib/addr.h"
#include "lib/list.h"
#include "lib/map.h"
#include "lib/siphash.h"

#define CONNLIMIT_KEPT_MAX 256u /* places that strangers never take */

/* Locals have no cap per address, and are never closed for idleness alone. */
enum connlimit_kind { CONNLIMIT_STRANGER, CONNLIMIT_LOCAL };

enum connlimit_verdict {
	CONNLIMIT_ENTER,   /* there is room */
	CONNLIMIT_REPLACE, /* there is, once the victim was closed */
	CONNLIMIT_GREEDY,  /* its address has as many as it may */
	CONNLIMIT_FULL,	   /* nobody's place is for it */
};

struct connlimit_host;

/* What a connection embeds. */
struct connlimit_seat {
	struct link in_order; /* connlimit::order */
	struct connlimit_host *host;
	enum connlimit_kind kind;
	uint64_t active_ms;
};

struct connlimit {
	unsigned int total_max;
	unsigned int per_address_max;
	uint32_t idle_ms;
	unsigned int count[2]; /* by connlimit_kind */
	struct link order[2];  /* by kind, least recently active first */
	struct map hosts;      /* strangers' addresses */
};

/*
 * Makes @limit empty; its map hashes under @key.  Of @total_max places
 * CONNLIMIT_KEPT_MAX, or half where that is fewer, are never strangers'.
 * Range:  total_max >= 2, per_address_max >= 1, idle_ms >= 1.
 * Owns:   connlimit_fini() ends it, after the last seat was left.
 */
void connlimit_init(struct connlimit *limit, unsigned int total_max,
		    unsigned int per_address_max, uint32_t idle_ms,
		    const uint8_t key[static SIPHASH_KEY_SIZE]);

/*
 * Frees what @limit holds.
 */
void connlimit_fini(struct connlimit *limit);

/*
 * Tells whether one more connection of @kind may come from @from (the port
 * does not count).  At a cap the least recently active stranger goes, and
 * only where none is left, and for a local one, the least recently active
 * local.
 * Return: with CONNLIMIT_REPLACE *victim is to be closed and left first.
 */
enum connlimit_verdict connlimit_ask(const struct connlimit *limit,
				     const struct addr *from,
				     enum connlimit_kind kind,
				     struct connlimit_seat **victim);

/*
 * Takes a place for @seat, active now.
 * Range:  connlimit_ask() said so, and its victim is gone.
 * Owns:   nothing; @seat stays where it is until connlimit_leave().
 */
void connlimit_enter(struct connlimit *limit, struct connlimit_seat *seat,
		     uint64_t now_ms, const struct addr *from,
		     enum connlimit_kind kind);

/*
 * Notes that the peer of @seat has done something useful.
 */
void connlimit_touch(struct connlimit *limit, struct connlimit_seat *seat,
		     uint64_t now_ms);

/*
 * Gives the place of @seat back.
 */
void connlimit_leave(struct connlimit *limit, struct connlimit_seat *seat);

/*
 * Returns a stranger's seat that has been idle for idle_ms, the least recently
 * active first, or NULL.
 */
struct connlimit_seat *connlimit_idle(const struct connlimit *limit,
				      uint64_t now_ms);

/*
 * Returns when connlimit_idle() has something next, or UINT64_MAX.
 */
uint64_t connlimit_deadline_ms(const struct connlimit *limit);

#endif
