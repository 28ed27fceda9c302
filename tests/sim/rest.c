/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * That everything comes to rest: when it has been calm for long, and all are
 * told and have answered, no core wants its timer for nothing.  What it may
 * still wait for is named here.
 */
#include "tests/sim/sim.h"

#include <inttypes.h>

/* Monitored, as statd sees it: nobody may have been promised that. */
static bool is_monitored(const struct host *h, const struct pair *pair)
{
	const struct record_wanted wanted = {.mon_name = pair->mon_name,
					     .my_name = pair->my_name};

	return check_is_seen(&h->disk, DISK_SM, &wanted);
}

/* ... or somebody else is asked, or nobody can be. */
static bool says_nothing(const struct host *h, const struct pair *pair)
{
	return pair->peer->stat_model == STAT_SILENT ||
	       pair->peer->foreign.kind != FOREIGN_NONE ||
	       nat_is_between(pair->peer, h) || names_may_mislead(pair);
}

/*
 * A peer whose statd never says its number is asked for it again and again, at
 * most every three minutes (design section 5); and a record by a name that DNS
 * did not know is looked up again.  One that could not be stored counts: statd
 * keeps it in mind until lockd asks again.  Nobody in a crowd says anything.
 */
static bool is_asking(const struct host *h)
{
	size_t i;

	if (h->crowd.count > 0)
		return true;
	for (i = 0; i < h->lockd.pair_count; i++) {
		const struct pair *pair = &h->lockd.pairs[i];

		if ((says_nothing(h, pair) || pair->is_unresolved) &&
		    (is_monitored(h, pair) || h->op.has_failed_store))
			return true;
	}
	return false;
}

void rest_check_end(struct host *h)
{
	uint64_t statd = nsm_deadline_ms(h->statd.core);
	uint64_t now = host_clock(h);

	if (statd != UINT64_MAX && !is_asking(h))
		check_violate(h, "statd_comes_to_rest",
			      "it wants its timer in %" PRIu64 " ms",
			      statd - now);
	/* Whom it cannot tell it tries until its time is over. */
	if (h->notifier.core != NULL &&
	    notify_deadline_ms(h->notifier.core) != UINT64_MAX &&
	    notify_untold_count(h->notifier.core) == 0)
		check_violate(h, "notifier_comes_to_rest", "all are told");
}
