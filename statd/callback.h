/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Telling the local lock manager that a peer rebooted (contract.md 1.2, 2.10),
 * until it has answered or the peer is unmonitored.  Events of one (program,
 * version) share one port look-up; where the lock manager is not registered,
 * it is looked for every 5 s, however many events wait.  No pending event, no
 * timer.
 */
#ifndef NFS_RECLAIM_STATD_CALLBACK_H
#define NFS_RECLAIM_STATD_CALLBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/list.h"
#include "lib/prng.h"
#include "lib/rpccall.h"
#include "lib/timerq.h"
#include "lib/buf.h"
#include "statd/effects.h"
#include "statd/peers.h"

#define CALLBACK_WAIT_FIRST_MS	 1000u
#define CALLBACK_WAIT_MAX_MS	 30000u
#define CALLBACK_UNREGISTERED_MS 5000u
#define CALLBACK_SHOWN_MAX	 2u
#define CALLBACK_IN_FLIGHT_MAX	 32u /* calls sent and not yet answered */

struct lockmgr;

/* One reboot that the lock manager has to hear of. */
struct event {
	struct link in_peer;	/* peer::events */
	struct link in_lockmgr; /* lockmgr::waiting, ::sent; callbacks::done */
	struct rpccall call;
	struct lockmgr *lockmgr;
	struct peer *peer;
	char *name;	     /* as the notice gave it */
	uint32_t number;     /* the state number to hand on */
	uint64_t since_ms;   /* since when it is pending */
	uint64_t version;    /* of peer::memo, the first that has it */
	struct link waiters; /* senders.c: who wants to know */
	unsigned int waiter_count;
};

struct callbacks {
	struct effects *out;   /* borrowed */
	struct rpccalls calls; /* events' */
	struct rpccalls lookups;
	struct timerq timers;
	struct link lockmgrs; /* lockmgr::in_all */
	struct link done;     /* event::in_lockmgr: answered */
	uint64_t next_id;
};

/*
 * Makes @cb empty.
 * Owns:   callbacks_fini() ends it; @out and @rng are borrowed for as long.
 */
void callbacks_init(struct callbacks *cb, struct effects *out,
		    struct prng *rng);

/*
 * Frees @cb; its events must have been discarded.
 */
void callbacks_fini(struct callbacks *cb);

/*
 * Returns the event of @peer under @name (any case), or NULL.
 * Owns:   borrowed.
 */
struct event *callbacks_find(const struct peer *peer, const char *name);

/*
 * Starts calling the lock manager of @peer back with @number; where an event
 * under @name is pending already, it carries @number from now on.
 * Return: the event, owned by @cb; callbacks_take() or callbacks_discard()
 *         ends it.
 */
struct event *callbacks_add(struct callbacks *cb, uint64_t now_ms,
			    struct peer *peer, const char *name,
			    uint32_t number);

/*
 * Takes an event that the lock manager has answered, or NULL.
 * Owns:   the caller ends it with callbacks_discard().
 */
struct event *callbacks_take(struct callbacks *cb);

/*
 * Frees @event, answered or not.  Its waiters must be gone.
 */
void callbacks_discard(struct callbacks *cb, struct event *event);

/*
 * Feeds a datagram from the socket that SENDs use.
 * Return: true where it was the answer to something of ours.
 */
bool callbacks_answer(struct callbacks *cb, uint64_t now_ms,
		      const struct addr *from, const uint8_t *bytes,
		      size_t len);

/*
 * Does what is due at @now_ms.
 */
void callbacks_timer(struct callbacks *cb, uint64_t now_ms);

/*
 * Adds to @out, for an administrator, the first CALLBACK_SHOWN_MAX lock
 * managers that should be told something but are not registered: lines, each
 * ended by LF.
 */
void callbacks_add_status(const struct callbacks *cb, struct buf *out);

/*
 * Returns when callbacks_timer() is wanted next, or UINT64_MAX.
 */
uint64_t callbacks_deadline_ms(const struct callbacks *cb);

#endif
