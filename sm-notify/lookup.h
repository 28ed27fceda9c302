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

#endif
