/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Peers that lockd has monitored while they are still to be told of our own
 * reboot: a notice that comes after locks were granted drops them, so it comes
 * before, or not in this boot (design decision 14; contract.md 7.2, 7.8).
 *
 *   the peer serves a mount of ours   told, and SM_MON waits for that, at most
 *                                     LATE_HOLD_MS; then it is parked
 *   else, while grace runs here       told, nobody waits; when grace ends it is
 *                                     parked, and nothing is sent to it from
 *                                     then on
 *   else                              parked before SM_MON is answered
 *
 * ORDER: an SM_MON is answered after "parked" or "told" is written.
 */
#ifndef NFS_RECLAIM_STATD_LATE_H
#define NFS_RECLAIM_STATD_LATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/list.h"
#include "lib/prng.h"
#include "lib/timerq.h"
#include "statd/callers.h"
#include "statd/effects.h"
#include "statd/nsm.h"
#include "statd/peers.h"

#define LATE_HOLD_MS	 2000u /* an SM_MON waits so long for a notice */
#define LATE_ANSWER_MS	 2000u /* for whoever knows the records */
#define LATE_GRACE_MS	 1000u /* between looks at the grace period */
#define LATE_TELLING_MAX 64u   /* peers that we tell ourselves at a time */

struct late {
	struct effects *out; /* borrowed */
	struct prng *rng;    /* borrowed */
	const char *name;    /* announced instead of my_name, or NULL */
	uint32_t number;     /* announced; 0: none is known */
	struct timerq timers;
	struct link jobs;	/* of late_job::in_jobs: somebody may wait */
	struct link in_grace;	/* of late_job::in_jobs: told while it runs */
	struct link done;	/* of late_job::in_jobs */
	struct callers callers; /* to be answered */
	struct link telling;	/* of late_job::in_telling */
	struct timer look;	/* at the grace period */
	unsigned int telling_count;
	uint64_t next_id;
	uint32_t held_ms; /* of LATE_HOLD_MS, beside an NFS server */
	bool is_held_noted;
	uint64_t now_ms; /* of the last call */
};

/*
 * Makes @late one without any peer.  @name is announced in place of my_name, or
 * NULL.
 * Owns:   late_fini() ends it; all three are borrowed for as long.
 */
void late_init(struct late *late, struct effects *out, struct prng *rng,
	       const char *name);

/*
 * Frees @late; nobody is answered.
 */
void late_fini(struct late *late);

/*
 * Asks whether @peer, whom lockd has just asked for, is untold.
 */
void late_begin(struct late *late, uint64_t now_ms, struct peer *peer);

/*
 * The same for a record that was found in sm/ at start: it is told while grace
 * runs, and left alone otherwise, since it may be "sm-notify -f" that tells it.
 */
void late_load(struct late *late, uint64_t now_ms, struct peer *peer);

/*
 * Goes on with @peer, whose addresses have just been found: its SM_MON was
 * answered by name alone.
 */
void late_found(struct late *late, uint64_t now_ms, struct peer *peer);

/*
 * Looks at the grace period once more before an SM_MON for @peer is answered,
 * whose record is durable now: it may have ended while that took its time.
 */
void late_stored(struct late *late, const struct peer *peer);

/*
 * Tells whether it was found out that no notice of the number that is in force
 * comes late to @peer, since an SM_MON for it was answered.
 */
bool late_is_settled(const struct late *late, const struct peer *peer);

/*
 * Tells whether an SM_MON for @peer must not be answered yet.
 */
bool late_is_holding(const struct peer *peer);

/*
 * Has @caller wait, where an SM_MON for @peer must not be answered yet.
 * Return: false where it may be answered now.
 */
bool late_wait(struct late *late, struct peer *peer,
	       const struct monitor_caller *caller);

/*
 * Takes back a caller that waits for @peer, whose cookie is another now: what
 * it was to be promised is not what is on the disk.
 * Return: false where there is none.
 */
bool late_take_back(struct peer *peer, struct monitor_caller *caller);

/*
 * Announces @number from now on; 0: nobody new can be told.  Whoever is being
 * told another one has to be told this one: "sm-notify -f" raised it.
 */
void late_set_number(struct late *late, uint64_t now_ms, uint32_t number);

/*
 * Ends what is open about @peer, which is monitored no more; who waits may be
 * answered.
 */
void late_forget(struct late *late, struct peer *peer);

/*
 * Takes what became of an UNTOLD: the id, the outcome and the records of @in.
 */
void late_untold(struct late *late, uint64_t now_ms, const struct nsm_in *in);

/*
 * Takes whether a grace period runs.
 */
void late_grace(struct late *late, uint64_t now_ms, bool is_grace);

/*
 * Feeds an ANSWER from the socket that questions leave from, or a RESOLVED of
 * ours (envoy_is_resolve()).
 */
void late_answer(struct late *late, uint64_t now_ms, const struct nsm_in *in);

/*
 * Does what is due at @now_ms; @in is the TIMER that says so.
 */
void late_timer(struct late *late, uint64_t now_ms, const struct nsm_in *in);

/*
 * Tells whether somebody is told by ourselves, perhaps only for as long as
 * grace runs: see nsm_wants_grace().
 */
bool late_wants_grace(const struct late *late);

/*
 * Takes the next caller that may be answered with success.
 * Return: false where there is none.
 */
bool late_take(struct late *late, struct monitor_caller *caller);

/*
 * Returns when late_timer() is wanted next, or UINT64_MAX.
 */
uint64_t late_deadline_ms(const struct late *late);

#endif
