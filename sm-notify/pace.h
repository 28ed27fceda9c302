/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How many calls may be open, and how many packets may leave in a second: the
 * two brakes of sm-notify that are not about one peer.
 */
#ifndef NFS_RECLAIM_SM_NOTIFY_PACE_H
#define NFS_RECLAIM_SM_NOTIFY_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/list.h"

/*
 * How long an unanswered call keeps its place in the window.  Longer than any
 * sane round trip, and much shorter than the back-off: ten thousand peers that
 * are gone must not delay the ones that are there past their grace period.
 */
#define PACE_SLOT_MS 500u

/* The place of one peer's call in the window. */
struct pace_slot {
	struct link in_slots; /* pace::slots */
	uint64_t until_ms;
	bool has_answered; /* this peer, ever */
};

struct pace {
	struct link slots; /* of pace_slot::in_slots, oldest first */
	unsigned int held;
	unsigned int window;
	uint64_t halved_ms;
	uint64_t gap_ns;  /* between packets */
	uint64_t next_ns; /* when the next one would be on time */
};

/*
 * Makes @pace wide open for @packets_per_second.
 * Range:  packets_per_second 1..1000000.
 */
void pace_init(struct pace *pace, uint32_t packets_per_second);

/*
 * Makes @slot one that is not held, of a peer that never answered.
 */
void pace_slot_init(struct pace_slot *slot);

/*
 * Tells whether one more call may be sent now.
 */
bool pace_is_open(const struct pace *pace, uint64_t now_ms);

/*
 * Notes that a call was sent: @slot is held until it is answered, released or
 * PACE_SLOT_MS old.
 * Owns:   @slot must stay where it is for as long.
 */
void pace_sent(struct pace *pace, struct pace_slot *slot, uint64_t now_ms);

/*
 * Notes that the call of @slot was answered, which opens the window by one, up
 * to NOTIFY_WINDOW_MAX.
 */
void pace_answered(struct pace *pace, struct pace_slot *slot);

/*
 * Takes @slot out of the window without a verdict; harmless where not held.
 */
void pace_release(struct pace *pace, struct pace_slot *slot);

/*
 * Takes the calls that have waited PACE_SLOT_MS out of the window.  Where the
 * peer had answered before, the network lost something: the window is halved,
 * not below NOTIFY_WINDOW_MIN, at most once in NOTIFY_WAIT_FIRST_MS.
 * Source: design decision 13.
 */
void pace_expire(struct pace *pace, uint64_t now_ms);

/*
 * Returns when pace_expire() is wanted next or, with @is_wanted, one more call
 * may be sent; UINT64_MAX = never.
 */
uint64_t pace_deadline_ms(const struct pace *pace, bool is_wanted);

#endif
