/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A notice meets records, for statd/notice.c alone: which of them it is about,
 * what that makes of each, and what its sender waits for then.
 */
#ifndef NFS_RECLAIM_STATD_MATCH_H
#define NFS_RECLAIM_STATD_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "statd/notice.h"

struct sender;

/* What came of matching one notice. */
struct outcome {
	unsigned int matched;
	unsigned int by_address;
	unsigned int undecided;
	uint32_t under_way;    /* lockd is being told, and heard ours before */
	bool is_again;	       /* a notice that was kept: nobody waits */
	struct sender *sender; /* made when the first event needs it */
};

/*
 * Logs what is thought of @call, a few times in a minute.
 */
void match_log(struct notices *set, uint64_t now_ms,
	       const struct notice_call *call, const char *what);

/*
 * Counts and logs that @call is not believed.
 */
void match_log_refused(struct notices *set, uint64_t now_ms,
		       const struct notice_call *call, const char *why);

/*
 * Has lockd called back, unless a newer number of that name is under way, or
 * so many names are that it hears of this peer anyhow.
 * Return: the event, or NULL.
 */
struct event *match_deliver(struct notices *set, uint64_t now_ms,
			    const struct notice_call *call, struct peer *peer);

/*
 * Lets the sender of @call wait in @waiters, of which there are *count; where
 * too many wait already, it must repeat.
 * Source: statd/senders.h.
 */
void match_wait(struct link *waiters, unsigned int *count,
		const struct notice_call *call, struct outcome *outcome);

/*
 * Tells whether the sender of @event may hear that it will come to lockd, which
 * has not heard of it for some time.
 */
bool match_is_promised(const struct event *event, uint64_t now_ms);

/*
 * Meets @peer.
 */
void match_one(struct notices *set, uint64_t now_ms,
	       const struct notice_call *call, struct peer *peer,
	       struct outcome *outcome);

/*
 * Meets every record that the notice may be about, each once.
 */
void match_all(struct notices *set, uint64_t now_ms,
	       const struct notice_call *call, struct outcome *outcome);

/*
 * Meets every record to which the name in the notice leads, as nfs-utils would
 * find it, each once.  It counts as a name, however the addresses agree.
 * Return: whether the name is still being looked up.
 */
bool match_alias(struct notices *set, uint64_t now_ms,
		 const struct notice_call *call, struct outcome *outcome);

#endif
