/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses of peers that lockd named by host name, looked up in the
 * background: never in the path of a request (contract.md B-1, design decision
 * 3).  A name that does not resolve is kept, warned about once, and tried
 * again.
 */
#ifndef NFS_RECLAIM_STATD_NAMES_H
#define NFS_RECLAIM_STATD_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/list.h"
#include "lib/timerq.h"
#include "statd/effects.h"
#include "statd/peers.h"

#define NAMES_OPEN_MAX	    64 /* look-ups under way */
#define NAMES_HASTEN_MAX    2  /* ... so that another may be hastened */
#define NAMES_WAIT_FIRST_MS 60000u
#define NAMES_WAIT_MAX_MS   3600000u

struct names {
	struct effects *out; /* borrowed */
	struct peers *peers; /* borrowed */
	struct link waiting; /* peer::in_lookup */
	struct link open;    /* peer::in_lookup */
	size_t open_count;
	size_t first_count;  /* peers whose first look-up has not ended */
	size_t failed_count; /* ... and those that are looked up again */
	struct timerq timers;
	uint64_t next_id;
};

/*
 * Makes @names empty.
 * Owns:   names_fini() ends it; @out and @peers are borrowed for as long.
 */
void names_init(struct names *names, struct effects *out, struct peers *peers);

/*
 * Frees @names; its peers must have been removed with names_remove().
 */
void names_fini(struct names *names);

/*
 * Has the new @peer looked up, unless its mon_name is an address, or cannot be
 * a name (see hostname_check()).
 */
void names_add(struct names *names, struct peer *peer);

/*
 * Has @peer looked up now where that is due later on, and was last done
 * NAMES_WAIT_FIRST_MS ago or more: somebody who says to be it has come.  Not
 * while NAMES_HASTEN_MAX look-ups are under way: he will come again.
 */
void names_hasten(struct names *names, uint64_t now_ms, struct peer *peer);

/*
 * Forgets @peer, which is about to be removed.
 */
void names_remove(struct names *names, struct peer *peer);

/*
 * Takes the end of the look-up @id; @count 0: the name does not resolve.
 * Return: the peer that it was for, borrowed; NULL where that is gone.
 */
struct peer *names_resolved(struct names *names, uint64_t now_ms, uint64_t id,
			    const struct addr *addrs, size_t count);

/*
 * Does what is due at @now_ms.
 */
void names_timer(struct names *names, uint64_t now_ms);

/*
 * Returns when names_timer() is wanted next, or UINT64_MAX.
 */
uint64_t names_deadline_ms(const struct names *names);

/*
 * Tells whether the first look-up of some peer has not ended yet.
 */
bool names_is_first_open(const struct names *names);

/*
 * Tells whether some peer has no address, since its name did not resolve, and
 * may have one when it is looked up again.
 */
bool names_has_failed(const struct names *names);

#endif
