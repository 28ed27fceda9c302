/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whatever comes from outside, memory, queues and sockets stay under the caps
 * that the headers name.  This looks into the rooms of statd's core and counts
 * what is there, since a counter of the core could be what is wrong.
 */
#include "tests/sim/caps.h"

#include "statd/core.h"
#include "statd/latejob.h"

static size_t length(const struct link *head)
{
	const struct link *pos;
	size_t count = 0;

	list_for_each (pos, head)
		count++;
	return count;
}

static void check(struct caps_fault *fault, const char *cap, size_t count,
		  size_t max)
{
	if (count > max && fault->cap == NULL)
		*fault = (struct caps_fault){cap, count, max};
}

/* What the records hold together. */
struct totals {
	size_t asked; /* peers that were, and may answer */
	size_t waiters;
};

static void check_peer(struct caps_fault *fault, const struct peer *peer,
		       struct totals *totals)
{
	struct link *pos;
	size_t i;

	for (i = 0; i < DOUBTS_MAX; i++) {
		size_t waiters = length(&peer->doubts[i].waiters);

		check(fault, "NSM_WAITERS_MAX", waiters, NSM_WAITERS_MAX);
		totals->waiters += waiters;
	}
	check(fault, "MEMO_ITEMS_MAX", length(&peer->events), MEMO_ITEMS_MAX);
	check(fault, "PEERS_ADDRS_MAX", peer->addr_count, PEERS_ADDRS_MAX);
	check(fault, "PEERS_DELIVERED_MAX", peer->delivered_count,
	      PEERS_DELIVERED_MAX);
	totals->asked += peer->question.stage == QUESTION_PORT ||
			 peer->question.stage == QUESTION_NUMBER;
	list_for_each (pos, &peer->events) {
		const struct event *event =
			container_of(pos, struct event, in_peer);
		size_t waiters = length(&event->waiters);

		check(fault, "NSM_WAITERS_MAX", waiters, NSM_WAITERS_MAX);
		totals->waiters += waiters;
	}
}

static size_t count_of_address(const struct kept *set,
			       const struct kept_notice *notice)
{
	struct link *pos;
	size_t count = 0;

	list_for_each (pos, &set->all)
		count += addr_is_same_host(
			&container_of(pos, struct kept_notice, in_all)->from,
			&notice->from);
	return count;
}

static void check_kept(struct caps_fault *fault, const struct kept *set,
		       struct totals *totals)
{
	struct link *pos;

	check(fault, "KEPT_MAX", length(&set->all), KEPT_MAX);
	list_for_each (pos, &set->all) {
		const struct kept_notice *notice =
			container_of(pos, struct kept_notice, in_all);
		size_t waiters = length(&notice->waiters);

		check(fault, "KEPT_ADDRESS_MAX", count_of_address(set, notice),
		      KEPT_ADDRESS_MAX);
		check(fault, "NSM_WAITERS_MAX", waiters, NSM_WAITERS_MAX);
		totals->waiters += waiters;
	}
}

static void check_rooms(struct caps_fault *fault, const struct nsm *n)
{
	check(fault, "ALIASES_OPEN_MAX", length(&n->aliases.open),
	      ALIASES_OPEN_MAX);
	check(fault, "ALIASES_QUEUE_MAX",
	      length(&n->aliases.open) + length(&n->aliases.waiting),
	      ALIASES_QUEUE_MAX);
	check(fault, "ALIASES_MAX", n->aliases.by_name.count, ALIASES_MAX);
	check(fault, "NAMES_OPEN_MAX", length(&n->names.open), NAMES_OPEN_MAX);
	check(fault, "CALLOUTS_RUNNING_MAX", length(&n->callouts.running),
	      CALLOUTS_RUNNING_MAX);
	check(fault, "CALLOUTS_NOTICES_MAX", length(&n->callouts.notices),
	      CALLOUTS_NOTICES_MAX);
	check(fault, "LATE_TELLING_MAX", length(&n->late.telling),
	      LATE_TELLING_MAX);
	check(fault, "MONITOR_STORES_MAX", n->monitor.job_count,
	      MONITOR_STORES_MAX);
}

bool caps_find(const struct nsm *n, struct caps_fault *fault, size_t *waiters)
{
	struct totals totals = {0};
	struct link *pos;

	*fault = (struct caps_fault){.cap = NULL};
	check_rooms(fault, n);
	list_for_each (pos, &n->peers.all)
		check_peer(fault, container_of(pos, struct peer, in_all),
			   &totals);
	check_kept(fault, &n->notices.kept, &totals);
	check(fault, "QUESTION_OPEN_MAX", totals.asked, QUESTION_OPEN_MAX);
	*waiters = totals.waiters;
	return fault->cap != NULL;
}
