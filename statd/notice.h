/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SM_NOTIFY: which of our peers rebooted, whether to believe it, and when the
 * sender may be told that it was heard (design decisions 9 to 11).  Whoever is
 * in doubt is asked; the decisions are made in statd/verify.c.
 */
#ifndef NFS_RECLAIM_STATD_NOTICE_H
#define NFS_RECLAIM_STATD_NOTICE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/addr.h"
#include "statd/callback.h"
#include "statd/doubt.h"
#include "statd/effects.h"
#include "statd/kept.h"
#include "statd/memo.h"
#include "statd/peers.h"

/*
 * How long the lock manager has to answer before the sender of a notice is: who
 * is answered locks anew, and what the lock manager hears later drops that.
 */
#define NOTICE_LOCKD_MS 5000u

/* What came of notices, since the start. */
struct notice_counts {
	uint64_t delivered; /* reboots, by record and name */
	uint64_t duplicates;
	uint64_t strangers;   /* about nobody we monitor */
	uint64_t disbelieved; /* by record */
};

struct aliases;
struct callouts;
struct names;

struct notices {
	struct effects *out;	   /* borrowed */
	struct peers *peers;	   /* borrowed */
	struct callbacks *cb;	   /* borrowed */
	struct doubts *doubts;	   /* borrowed */
	struct memos *memos;	   /* borrowed */
	struct callouts *callouts; /* borrowed, NULL: none are run */
	struct aliases *aliases;   /* borrowed, NULL: no name is looked up */
	struct names *names;	   /* borrowed, NULL: no record's is, either */
	struct kept kept;	   /* for names that are being looked up */
	struct notice_counts counts;
	struct log_limit limit; /* for what is not believed or matches nobody */
};

/*
 * Makes @set ready.
 * Owns:   notices_fini() ends it; the four rooms, and the memos of @doubts, are
 *         borrowed for as long.
 */
void notices_init(struct notices *set, struct effects *out, struct peers *peers,
		  struct callbacks *cb, struct doubts *doubts);

/*
 * Frees @set; its peers must have been taken out with notices_drop().  Nobody
 * who still waits is answered.
 */
void notices_fini(struct notices *set);

/*
 * Lets @peer be asked for its baseline: lockd has just asked to monitor it, or
 * to monitor it under a new cookie.
 */
void notices_watch(struct notices *set, uint64_t now_ms, struct peer *peer);

/*
 * Does what follows from the answers and silences of peers that were asked.
 */
void notices_settle(struct notices *set, uint64_t now_ms);

/*
 * Takes one notice: answered at once where nobody has to be called back, or
 * where that outlives us already; once it does, or the lock manager has
 * answered, where somebody has; and never while it is undecided (the sender
 * repeats it then), which it is while its own name is being looked up.
 * @is_lookup_open says that the first look-up of some record is still open, so
 * whom it matches is not sure: where all else is decided, it is kept for what
 * they find, and answered once that outlives us, too.  So it is where a look-up
 * has failed, and is repeated later on; but where it cannot be kept then, it is
 * answered all the same.
 */
void notices_take(struct notices *set, uint64_t now_ms,
		  const struct notice_call *call, bool is_lookup_open);

/*
 * Matches what is kept with @peer, whose addresses have just been found.
 */
void notices_meet(struct notices *set, uint64_t now_ms, struct peer *peer);

/*
 * Does what is due at @now_ms for what is kept: matches again what is still in
 * doubt, and ends what nobody needs any more.  @is_lookup_open as above.
 */
void notices_timer(struct notices *set, uint64_t now_ms, bool is_lookup_open);

/*
 * Takes the end of the write of @slot, of kind MEMO_NOTICE, and answers those
 * who wait for nothing else; where it failed, nobody.
 */
void notices_memo_stored(struct notices *set, struct memo_slot *slot,
			 bool is_stored);

/*
 * Ends the events that the lock manager has answered: notes what was delivered
 * and answers those who waited.
 */
void notices_finish(struct notices *set);

/*
 * Answers those who wait for events of @peer that are in its file in
 * sm/.reclaim now and have been pending for NOTICE_LOCKD_MS; the lock manager
 * is called back all the same.
 */
void notices_kept(struct notices *set, uint64_t now_ms, struct peer *peer);

/*
 * Discards all events of @peer, which has a new cookie, and all that was
 * delivered; those who wait for nothing else are answered.
 */
void notices_discard(struct notices *set, struct peer *peer);

/*
 * Does the same for @peer, which is unmonitored, and removes its file in
 * sm/.reclaim.
 */
void notices_forget(struct notices *set, struct peer *peer);

/*
 * Discards all events of @peer without answering anybody, at the very end.
 */
void notices_drop(struct notices *set, struct peer *peer);

#endif
