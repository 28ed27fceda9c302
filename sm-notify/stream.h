/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conversations over TCP, beside those over UDP, with peers that stay
 * silent there or answer from another address (design decision 13).  Each call
 * has a connection of its own; one conversation per peer, a few at a time.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_STREAM_H
#define NFS_RECLAIM_SM_NOTIFY_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "lib/list.h"
#include "lib/prng.h"
#include "sm-notify/outbox.h"
#include "sm-notify/target.h"

#define STREAMS_MAX 64u /* conversations at a time */

struct streams {
	struct outbox *out;  /* borrowed */
	struct prng *rng;    /* borrowed */
	uint32_t number;     /* announced */
	struct link urgent;  /* of target_stream::in_waiting: go first */
	struct link waiting; /* of target_stream::in_waiting */
	unsigned int open;
};

/*
 * Makes @s one without a conversation, which announces @number.
 * Owns:   @out and @rng are borrowed for as long.
 */
void streams_init(struct streams *s, struct outbox *out, struct prng *rng,
		  uint32_t number);

/*
 * Begins a conversation with @t at the address that it is tried at, or as soon
 * as there is room for one; harmless where there is one.
 * Range:  target_has_names(@t), and it has an address.
 */
void streams_want(struct streams *s, struct target *t);

/*
 * Has @t, where it waits for a place, go before those for whom nobody waits.
 */
void streams_hurry(struct streams *s, struct target *t);

/*
 * Ends the conversation with @t, and what is under way in it.
 */
void streams_end(struct streams *s, struct target *t);

enum stream_news {
	STREAM_NOTHING, /* it goes on, or it ended without news */
	STREAM_ACKED,	/* stream.name and .saying were: go on, or end it */
	STREAM_REFUSED, /* and ended */
	STREAM_NO_STATD /* and ended */
};

/*
 * Takes the answer to the call that is under way with @t.
 * Owns:   @bytes is borrowed for the call.
 */
enum stream_news streams_answer(struct streams *s, struct target *t,
				const uint8_t *bytes, size_t len);

/*
 * Sends what is to be said next, after STREAM_ACKED.
 * Range:  target_has_names(@t).
 */
void streams_go_on(struct streams *s, struct target *t);

/*
 * Notes that the call under way with @t failed; the conversation is over.
 */
void streams_failed(struct streams *s, struct target *t);

#endif
