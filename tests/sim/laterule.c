/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rule: no notice of ours is handed to the network once its peer may hold a
 * lock of this boot.  Copies that are in the network already are another
 * matter.
 */
#include "tests/sim/sim.h"

#include <string.h>

#include "lib/hostname.h"
#include "statd/late.h"

#define GRACE_SLACK_MS \
	(LATE_GRACE_MS + 100) /* statd looks, and has it parked */

void laterule_granted(struct host *h, struct pair *pair)
{
	/* The floating address is the first host's, wherever it is. */
	size_t server = pair->is_floating ? 0 : pair->peer->index;

	/* nfs-utils monitors the untold again, and lets them have locks. */
	if (h->theirs.is_installed || pair->is_theirs)
		return;
	pair->has_locks = true;
	/* The answer was on its way for 1 ms. */
	pair->is_in_grace = h->sim->now_ms <= h->parking.grace_until_ms + 1;
	pair->is_graced = pair->is_in_grace && !h->parking.is_server[server];
	pair->granted_life = h->statd.life;
}

void laterule_give_up(struct host *h)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++)
		h->lockd.pairs[i].has_locks = false;
	for (i = 0; i < LOCKD_CALLS_MAX; i++)
		h->lockd.calls[i].is_given_up = true;
}

bool laterule_has_other_names(const struct host *h, const struct pair *pair)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++) {
		const struct pair *other = &h->lockd.pairs[i];

		if (nat_is_same(other->peer, pair->peer, h) &&
		    other->is_floating == pair->is_floating &&
		    strcmp(other->mon_name, pair->mon_name) != 0)
			return true;
	}
	return cluster_has_names(h, pair);
}

/*
 * In grace the peer is told though it is monitored.  Whoever was asked to tell
 * it looks at the grace period before each notice; an sm-notify that started
 * when statd was telling it was not asked, and hears from statd.  A statd that
 * starts then leaves it to sm-notify.
 */
static bool may_be_told(const struct host *h, const struct pair *pair,
			bool is_graced)
{
	return is_graced &&
	       (pair->granted_life != h->statd.life ||
		h->sim->now_ms <= h->parking.grace_until_ms + GRACE_SLACK_MS);
}

/* A name of another peer leads to @to: what is sent to that one comes here. */
static bool is_misled(const struct host *h, const struct addr *to)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++)
		if (names_may_mislead(&h->lockd.pairs[i]) &&
		    addr_is_same_host(
			    &h->sim->names.all[h->lockd.pairs[i].peer->index]
				     .instead,
			    to))
			return true;
	return false;
}

void laterule_check_notice(struct host *h, const struct addr *to)
{
	size_t i;

	/*
	 * -n tells all who are monitored, and again those that are so anew;
	 * as does who goes on with a -f that was killed.
	 */
	for (i = 0; i < h->lockd.pair_count && !h->op.has_copied; i++) {
		const struct pair *pair = &h->lockd.pairs[i];

		if (pair->has_locks &&
		    addr_is_same_host(cluster_addr(pair), to) &&
		    !laterule_has_other_names(h, pair) &&
		    !may_be_told(h, pair, pair->is_graced) && !is_misled(h, to))
			check_violate(h, "no_late_notice", "\"%s\" has locks",
				      pair->mon_name);
	}
}

/*
 * Whoever is monitored by the name that a record has is known by that name, in
 * whichever run, and wherever the name leads: no other name of it excuses that.
 * By a name that is not looked up yet nobody knows who is a server.
 */
void laterule_check_record(struct host *h, uint64_t id)
{
	struct notify_peer told;
	size_t i;

	if (h->op.has_copied || !notify_peer(h->notifier.core, id - 1, &told))
		return;
	for (i = 0; i < h->lockd.pair_count; i++) {
		const struct pair *pair = &h->lockd.pairs[i];

		if (pair->has_locks &&
		    !may_be_told(h, pair, pair->is_in_grace) &&
		    hostname_is_equal(pair->mon_name, told.mon_name))
			check_violate(h, "no_late_notice",
				      "\"%s\" has locks, by that name",
				      pair->mon_name);
	}
}
