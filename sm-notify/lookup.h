/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which peers' host names are being looked up, and who waits for that.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_LOOKUP_H
#define NFS_RECLAIM_SM_NOTIFY_LOOKUP_H

#include "lib/list.h"
#include "sm-notify/outbox.h"
#include "sm-notify/target.h"

struct lookups {
	struct outbox *out; /* borrowed */
	struct link asking; /* of target::in_asking, waiting for a look-up */
	unsigned int open;
};

/*
 * Makes @lookups one where nobody asks.
 * Owns:   @out is borrowed for as long.
 */
void lookups_init(struct lookups *lookups, struct outbox *out);

/*
 * Has the host name of @target looked up, where it has one: in turn where
 * nothing can be sent to it before, else only where few ask.
 */
void lookups_ask(struct lookups *lookups, struct target *target);

/*
 * Notes that the look-up of @target ended; the next in line has its turn.
 * Return: false where none was open.
 */
bool lookups_end(struct lookups *lookups, struct target *target);

/*
 * Writes to @chosen those of the @count addresses at @addrs to which @target
 * may be told.
 *
 * SAFETY: a loopback address is no other host's: a name server that says
 * 127.0.0.1 of what it blocks would have our own statd acknowledge the notice,
 * and the record of the peer would go untold.  Only a target with a name of
 * this host ("localhost", or that which is announced) may have one.
 *
 * Range:  @chosen has room for NOTIFY_ADDRS_MAX.
 * Return: how many they are.
 */
size_t lookups_choose(const struct target *target, const struct addr *addrs,
		      size_t count, struct addr *chosen);

#endif
