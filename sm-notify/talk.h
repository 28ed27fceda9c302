/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The conversations: when each peer is spoken to, and what its answers mean.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_TALK_H
#define NFS_RECLAIM_SM_NOTIFY_TALK_H

#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/list.h"
#include "lib/prng.h"
#include "lib/rpccall.h"
#include "lib/timerq.h"
#include "sm-notify/lookup.h"
#include "sm-notify/outbox.h"
#include "sm-notify/pace.h"
#include "sm-notify/request.h"
#include "sm-notify/stream.h"
#include "sm-notify/targetset.h"

struct talk {
	struct outbox *out;	   /* borrowed */
	struct target_set *set;	   /* borrowed */
	struct lookups *lookups;   /* borrowed */
	struct requests *requests; /* borrowed */
	struct prng *rng;	   /* borrowed */
	uint64_t now_ms;	   /* notify.c keeps it */
	uint64_t begun_ms;	   /* with the first of them; 0: none yet */
	uint32_t number;	   /* announced */
	struct rpccalls calls;
	struct timerq timers;
	struct pace pace;
	struct streams streams;
	struct link urgent; /* of target::in_ready: due, somebody waits */
	struct link eager;  /* of target::in_ready: due, have answered before */
	struct link ready;  /* of target::in_ready: due */
	uint64_t changes;   /* of what notify_peer() tells */
	size_t told;
	size_t active; /* targets that have something left to send */
};

/* What the conversations borrow. */
struct talk_rooms {
	struct outbox *out;
	struct target_set *set;
	struct lookups *lookups;
	struct requests *requests;
	struct prng *rng;
};

/*
 * Makes @k one without a conversation, which announces @number.
 * Range:  @packets_per_second 1..1000000.
 * Owns:   talk_fini() ends it; the rooms are borrowed for as long.
 */
void talk_init(struct talk *k, const struct talk_rooms *rooms, uint32_t number,
	       uint32_t packets_per_second);

/*
 * Frees the calls and timers of @k; the targets are the set's.
 */
void talk_fini(struct talk *k);

/*
 * Begins to talk to @t, which has got a line, where there is a way to reach it,
 * and it is not parked.  One that was told already is told again, what is new;
 * one that may have locks again (guard.h) is parked.
 */
void talk_begin(struct talk *k, struct target *t);

/*
 * Takes a datagram, NOTIFY_IN_ANSWER.
 */
void talk_answer(struct talk *k, const struct notify_in *in);

/*
 * Takes the answer that came to @t's call over TCP.
 */
void talk_call_answered(struct talk *k, struct target *t, const uint8_t *bytes,
			size_t len);

/*
 * Notes that what was last sent to @t never left this host.
 */
void talk_send_failed(struct talk *k, struct target *t);

/*
 * Takes what came of the look-up of @t: in->resolved.
 */
void talk_resolved(struct talk *k, struct target *t,
		   const struct notify_in *in);

/*
 * Does what was decided about targets: the urgent ones are spoken to next, the
 * parked ones never again.
 */
void talk_obey(struct talk *k);

/*
 * Does what is due at now_ms, except sending.
 */
void talk_expire(struct talk *k);

/*
 * Sends to those who are due, as far as window and rate allow.
 */
void talk_send(struct talk *k);

/*
 * Returns when talk_expire() and talk_send() are wanted next, or UINT64_MAX.
 */
uint64_t talk_deadline_ms(const struct talk *k);

#endif
