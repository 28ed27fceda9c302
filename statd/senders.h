/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Senders of SM_NOTIFY who have no answer yet: each waits for the end of one
 * thing or of several, and has one answer, or none, after the last.
 */
#ifndef NFS_RECLAIM_STATD_SENDERS_H
#define NFS_RECLAIM_STATD_SENDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/list.h"
#include "statd/effects.h"

/* One sender; who waits for nothing does not live. */
struct sender {
	uint64_t reply_to;
	uint32_t xid;
	unsigned int open; /* lists that it waits in */
	bool is_mute;	   /* undecided for another record: never answered */
};

/*
 * Answers a notice: it was heard.
 */
void senders_answer(struct effects *out, uint64_t reply_to, uint32_t xid);

/*
 * Returns a new sender.
 * Owns:   senders_release() frees it, so sender_wait() must follow.
 */
struct sender *sender_new(uint64_t reply_to, uint32_t xid);

/*
 * Lets @sender wait in @waiters, too.
 */
void sender_wait(struct sender *sender, struct link *waiters);

/*
 * Lets all in @waiters go on, and ends those who wait for nothing else: with an
 * answer, unless they are mute, or were let go once with @is_answered false.
 */
void senders_release(struct effects *out, struct link *waiters,
		     bool is_answered);

#endif
