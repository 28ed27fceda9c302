/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the window of open calls and the rate of packets.  Answers open the
 * window and losses close it; a peer that never answered says nothing about
 * the network, so its silence does not count.
 *
 * It refuses to know who the peers are: fairness among them is notify.c's
 * ready queue.
 */
#include "sm-notify/pace.h"

#include <assert.h>

#include "sm-notify/notify.h"

#define NS_PER_MS 1000000u
#define BURST_NS  100000000u /* of packets that may leave at once: 1/10 s */

void pace_init(struct pace *pace, uint32_t packets_per_second)
{
	assert(packets_per_second >= 1 && packets_per_second <= 1000000);
	*pace = (struct pace){.window = NOTIFY_WINDOW_FIRST};
	pace->gap_ns = 1000000000u / packets_per_second;
	list_init(&pace->slots);
}

void pace_slot_init(struct pace_slot *slot)
{
	*slot = (struct pace_slot){0};
	list_init(&slot->in_slots);
}

/* When the rate lets the next packet go. */
static uint64_t rate_ms(const struct pace *pace)
{
	uint64_t ahead_ns;

	ahead_ns = pace->gap_ns < BURST_NS ? BURST_NS - pace->gap_ns : 0;
	if (pace->next_ns <= ahead_ns)
		return 0;
	return (pace->next_ns - ahead_ns + NS_PER_MS - 1) / NS_PER_MS;
}

bool pace_is_open(const struct pace *pace, uint64_t now_ms)
{
	return pace->held < pace->window && rate_ms(pace) <= now_ms;
}

void pace_sent(struct pace *pace, struct pace_slot *slot, uint64_t now_ms)
{
	uint64_t now_ns = now_ms * NS_PER_MS;

	if (pace->next_ns < now_ns)
		pace->next_ns = now_ns;
	pace->next_ns += pace->gap_ns;
	pace_release(pace, slot);
	slot->until_ms = now_ms + PACE_SLOT_MS;
	list_append(&pace->slots, &slot->in_slots);
	pace->held++;
}

void pace_answered(struct pace *pace, struct pace_slot *slot)
{
	pace_release(pace, slot);
	slot->has_answered = true;
	if (pace->window < NOTIFY_WINDOW_MAX)
		pace->window++;
}

void pace_release(struct pace *pace, struct pace_slot *slot)
{
	if (list_is_empty(&slot->in_slots))
		return;
	list_remove(&slot->in_slots);
	pace->held--;
}

static void halve(struct pace *pace, uint64_t now_ms)
{
	if (now_ms < pace->halved_ms + NOTIFY_WAIT_FIRST_MS)
		return;
	pace->halved_ms = now_ms;
	pace->window /= 2;
	if (pace->window < NOTIFY_WINDOW_MIN)
		pace->window = NOTIFY_WINDOW_MIN;
}

static struct pace_slot *oldest(const struct pace *pace)
{
	if (list_is_empty(&pace->slots))
		return NULL;
	return container_of(pace->slots.next, struct pace_slot, in_slots);
}

void pace_expire(struct pace *pace, uint64_t now_ms)
{
	struct pace_slot *slot;

	while ((slot = oldest(pace)) && slot->until_ms <= now_ms) {
		pace_release(pace, slot);
		if (slot->has_answered)
			halve(pace, now_ms);
	}
}

uint64_t pace_deadline_ms(const struct pace *pace, bool is_wanted)
{
	const struct pace_slot *slot = oldest(pace);
	uint64_t at_ms = slot ? slot->until_ms : UINT64_MAX;

	if (is_wanted && pace->held < pace->window && rate_ms(pace) < at_ms)
		at_ms = rate_ms(pace);
	return at_ms;
}
