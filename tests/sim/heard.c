/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What must always hold of the notices that we hear: whose reboot must come to
 * lockd, when its notice may be answered, and what lockd may never hear.
 */
#include "tests/sim/sim.h"

#include <string.h>

#include "statd/memo.h"

/* --- what is to be heard ------------------------------------------------ */

bool heard_is_owed(const struct host *h, const struct host *peer,
		   const char *my_name)
{
	size_t i;

	if (h->foreign.kind != FOREIGN_NONE)
		return foreign_owes(h, peer, my_name);
	for (i = 0; i < h->lockd.pair_count; i++) {
		const struct pair *pair = &h->lockd.pairs[i];

		if (pair->peer == peer && pair->is_debt &&
		    (my_name == NULL || strcmp(pair->my_name, my_name) == 0))
			return true;
	}
	return false;
}

/*
 * Whether nothing ties what @pair->peer announces to @pair: it is monitored by
 * a name that DNS does not know, and announces others.
 */
static bool is_out_of_reach(const struct host *h, const struct pair *pair)
{
	return pair->is_unresolved &&
	       (pair->peer->op.has_renamed ||
		!heard_is_owed(pair->peer, h, pair->mon_name));
}

/*
 * The highest number that may be under way from @h; 0: none.  What nfs-utils
 * announced stays announced where it lost the raise: it is no news of what
 * comes after, whoever delivers or answers it then.
 */
static uint32_t highest_announced(const struct host *h)
{
	uint32_t last = host_last_announced(h);

	return last > h->theirs.lost ? last : h->theirs.lost;
}

/* Whoever monitors @h and will be told by it must hear of this crash. */
void heard_expect(struct host *h, struct host *peer)
{
	size_t i;

	if (peer == h || !heard_is_owed(h, peer, NULL) ||
	    believed_is_doubtful(h, peer) || nat_is_hidden(peer, h))
		return;
	for (i = 0; i < peer->lockd.pair_count; i++) {
		struct pair *pair = &peer->lockd.pairs[i];

		if (pair->peer != h || pair->is_floating ||
		    !pair->is_promised || pair->is_unread ||
		    is_out_of_reach(peer, pair) ||
		    pair->state != PAIR_MONITORED || pair->is_callback_due)
			continue;
		pair->is_callback_due = true;
		pair->is_answered = false;
		pair->is_doubtful = false;
		pair->due_above = highest_announced(h);
		pair->due_ms = h->sim->now_ms;
	}
}

void heard_waive(const struct host *h, struct host *peer)
{
	size_t i;

	if (heard_is_owed(h, peer, NULL))
		return;
	for (i = 0; i < peer->lockd.pair_count; i++) {
		struct pair *pair = &peer->lockd.pairs[i];

		if (pair->peer == h && !pair->is_floating && !pair->is_answered)
			pair->is_callback_due = false;
	}
}

/*
 * -n before the turn announces the number of the boot before, as it stands.
 * Whoever had heard that takes it for a copy, and acknowledges it.  Where the
 * turn has nothing left about @peer either, we had no lock with it since: such
 * a one has a record in sm/.
 */
void heard_copied(const struct host *h, struct host *peer, uint32_t number)
{
	size_t i;

	if (h->is_turned || heard_is_owed(h, peer, NULL))
		return;
	for (i = 0; i < peer->lockd.pair_count; i++) {
		struct pair *pair = &peer->lockd.pairs[i];

		if (pair->peer == h && !pair->is_floating &&
		    number <= pair->due_above)
			pair->is_callback_due = false;
	}
}

/* --- what is heard -------------------------------------------------------- */

/* Whether statd, killed now and started again, tells lockd @number. */
static bool is_kept(const struct host *h, const struct pair *pair,
		    uint32_t number)
{
	const struct dirents *memos = &h->disk.dirs[DISK_MEMO].now;
	const struct record_wanted wanted = {.mon_name = pair->mon_name,
					     .my_name = pair->my_name,
					     .cookie = pair->promised};
	bool is_found = false;
	struct memo memo;
	size_t i, j;

	for (i = 0; i < memos->count && !is_found; i++) {
		const struct inode *inode = memos->all[i].inode;

		if (memos->all[i].name[0] == '.' ||
		    !memo_parse(inode->bytes, inode->len, &memo))
			continue;
		for (j = 0; j < memo.event_count; j++)
			is_found |= check_is_wanted(&wanted, &memo.rec) &&
				    memo.events[j].number >= number;
		memo_fini(&memo);
	}
	return is_found;
}

/*
 * Whether statd, killed now and started again, still knows of the notice.  One
 * of another name does not stand for it: it may be an old one, which records
 * have met already, or somebody's who forged the address.  One of its name that
 * was believed later stands for it with the newer number beside it, be it this
 * one: who has not heard this one hears it, where it came from a reserved port;
 * answered_notice_is_delivered sees to that.
 */
static bool is_notice_kept(const struct host *h, const struct statd_call *call)
{
	const struct dirents *memos = &h->disk.dirs[DISK_MEMO].now;
	bool is_found = false;
	struct memo_notice memo;
	size_t i;

	for (i = 0; i < memos->count && !is_found; i++) {
		const struct inode *inode = memos->all[i].inode;

		if (memos->all[i].name[0] == '.' ||
		    !memo_notice_parse(inode->bytes, inode->len, &memo))
			continue;
		is_found = strcmp(memo.item.name, call->notice.name) == 0 &&
			   (memo.item.number >= call->notice.number ||
			    memo.newer >= call->notice.number) &&
			   addr_is_same_host(&memo.from, &call->from);
		memo_notice_fini(&memo);
	}
	return is_found;
}

/* Nobody knows yet whether the notice is about @pair: it must be found out. */
static void check_kept_for_look_up(struct host *h, struct pair *pair,
				   const struct statd_call *call)
{
	if (is_notice_kept(h, call))
		pair->is_answered = true;
	else if (pair->is_promised && !pair->is_looked_up)
		check_violate(h, "answered_notice_is_kept_for_look_ups",
			      "\"%s\" %u", pair->mon_name, call->notice.number);
}

/*
 * Whether statd can only take the notice of @call for that of nobody: it comes
 * from an address that nobody registered, by a name that leads nowhere.  Lockd
 * has not heard of it then, nor is there an event of which it will.
 */
static bool is_of_nobody(struct host *h, const struct statd_call *call)
{
	const struct pair *pair = lockd_pair_of(h, call->sender);

	return pair != NULL && check_is_by_name_only(call->sender) &&
	       !believed_leads_to(h, pair, call->notice.name) &&
	       pair->heard != call->notice.number &&
	       !is_kept(h, pair, call->notice.number);
}

/*
 * Whether @call may be a notice of the reboot of which lockd must hear.  One
 * that came before that is of another, whatever it is answered after.  Mostly
 * its number says so; but where a backup or a clone has taken the place of the
 * peer's directory, what was announced before may be above all numbers since.
 */
static bool is_of_what_is_due(const struct pair *pair,
			      const struct statd_call *call)
{
	return call->notice.number > pair->due_above &&
	       call->came_ms >= pair->due_ms;
}

/*
 * Whoever is answered stops repeating: lockd must have heard by then, or hear
 * in any later life of statd in this boot (check_pair_end()).
 */
void heard_answered(struct host *h, const struct statd_call *call)
{
	size_t i;

	if (call->sender == NULL || !call->notice.is_notice)
		return;
	lockrule_answered(h, call->sender, call->notice.number,
			  is_of_nobody(h, call));
	for (i = 0; i < h->lockd.pair_count; i++) {
		struct pair *pair = &h->lockd.pairs[i];

		if (pair->peer != call->sender || !pair->is_callback_due ||
		    !cluster_is_source(pair, &call->from) ||
		    pair->is_doubtful || !is_of_what_is_due(pair, call))
			continue;
		/* A record by name knows the full name only. */
		if (pair->mon_name[0] == 'h' &&
		    strcmp(call->notice.name, pair->mon_name) != 0) {
			check_kept_for_look_up(h, pair, call);
			continue;
		}
		/* A forged newer number took its place; lockd has heard. */
		if (pair->forged_ms > call->came_ms) {
			pair->is_callback_due = false;
			continue;
		}
		if (is_kept(h, pair, call->notice.number)) {
			pair->is_answered = true;
			continue;
		}
		if (cluster_is_again(pair, call->notice.number)) {
			pair->is_callback_due = false;
			continue;
		}
		check_violate(h, "notice_is_answered_once_it_is_safe",
			      "\"%s\" %u", pair->mon_name, call->notice.number);
	}
}

void heard_resolved(struct host *h, const char *name, const struct addr *addrs,
		    size_t count)
{
	size_t i, j;

	for (i = 0; i < h->lockd.pair_count; i++) {
		struct pair *pair = &h->lockd.pairs[i];

		if (strcmp(pair->mon_name, name) != 0)
			continue;
		pair->is_looked_up = true;
		/* A wrong address is no better than none. */
		pair->is_unresolved = true;
		for (j = 0; j < count; j++)
			if (addr_is_same_host(&addrs[j], &pair->addr))
				pair->is_unresolved = false;
		if (is_out_of_reach(h, pair))
			pair->is_callback_due = false;
	}
}

/*
 * Whoever knows no more than a name cannot have lockd hear what he makes up: at
 * most that a peer, which has rebooted indeed, is at the number that its statd
 * says; that may not be announced yet, or be the one before.
 */
void heard_callback(struct host *h, struct pair *pair, uint32_t number)
{
	trace(h->sim, h, "lockd: called back, \"%s\" %u", pair->mon_name,
	      number);
	attack_heard(h, pair, number);
	if (number >= FORGED_AS_PEER) {
		pair->forged_ms = h->sim->now_ms; /* has the peer's address */
		/* It took the place of the honest one; lockd has heard. */
		if (pair->is_answered || pair->is_doubtful)
			pair->is_callback_due = false;
		return;
	}
	foreign_count_late(h, pair);
	believed_called_back(h, pair, number);
	if ((number % 2 == 0 && pair->peer->foreign.kind != FOREIGN_FREEBSD) ||
	    number >= HONEST_NUMBERS)
		check_violate(h, "callback_number_is_the_peers", "\"%s\" %u",
			      pair->mon_name, number);
	/*
	 * What was believed begins a new baseline; but that of nfs-utils' own
	 * statd is old news.
	 */
	if (number > pair->due_above ||
	    (pair->is_doubtful && number != pair->peer->foreign.said))
		pair->is_callback_due = false;
	/* Of the number that it heard last lockd hears nothing. */
	else if (!pair->has_come && number != pair->heard)
		pair->is_overtaken = true;
}
