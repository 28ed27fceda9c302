/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What must hold of notices that are in doubt: those from a port that any user
 * can have, and those that only name the peer, for they come from another
 * address of it or through a translator.  rpc.statd(8), "Who is believed", says
 * which of them it believes; the exceptions here have the words of that text.
 */
#include "tests/sim/sim.h"

#include <string.h>

#include "lib/statenum.h"
#include "statd/aliases.h"
#include "statd/memo.h"
#include "tests/sim/known.h"

void believed_prepare(struct sim *s)
{
	uint8_t bytes[STATENUM_FILE_SIZE];
	struct inode *inode;
	unsigned int i;

	s->has_own_numbers = true;
	for (i = 0; i < s->host_count; i++) {
		struct disk *disk = &s->hosts[i].disk;

		statenum_encode(SIM_NUMBERS_EACH * i, bytes);
		disk_unlink(disk, DISK_ROOT, "state");
		inode = disk_create(disk, DISK_ROOT, "state");
		disk_write(disk, inode, bytes, sizeof(bytes));
		disk_sync(disk, inode);
		disk_sync_dir(disk, DISK_ROOT);
	}
}

static bool is_from_high_port(const struct host *teller, const struct host *h)
{
	return teller->foreign.kind == FOREIGN_ILLUMOS ||
	       (nat_is_between(teller, h) &&
		teller->sim->nat.is_inside[teller->index] &&
		!teller->sim->nat.keeps_low_ports);
}

/* Who asks at its address has the answer of another host. */
static bool is_spoken_for(const struct host *teller, const struct host *h)
{
	return nat_is_hidden(teller, h) && !nat_is_closed(teller, h);
}

bool believed_is_doubtful(const struct host *teller, const struct host *h)
{
	return check_is_by_name_only(teller) || is_spoken_for(teller, h) ||
	       is_from_high_port(teller, h);
}

bool believed_may_be_refused(const struct host *teller, const struct host *h)
{
	/* Where its name leads elsewhere, a record by that name is in doubt. */
	if (!names_are_right(teller) && h->foreign.kind == FOREIGN_NONE)
		return true;
	return check_is_by_name_only(teller) || is_spoken_for(teller, h) ||
	       (is_from_high_port(teller, h) && !nat_is_closed(teller, h));
}

/* --- who is to be believed --------------------------------------------- */

bool believed_baseline(const struct host *h, const struct pair *pair,
		       uint32_t *out, struct addr *of)
{
	const struct dirents *memos = &h->disk.dirs[DISK_MEMO].now;
	const struct record_wanted wanted = {.mon_name = pair->mon_name,
					     .my_name = pair->my_name,
					     .cookie = pair->promised};
	bool is_found = false;
	struct memo memo;
	size_t i;

	for (i = 0; i < memos->count; i++) {
		const struct inode *inode = memos->all[i].inode;

		if (memos->all[i].name[0] == '.' ||
		    !memo_parse(inode->bytes, inode->len, &memo))
			continue;
		if (memo.has_baseline && check_is_wanted(&wanted, &memo.rec)) {
			is_found = true;
			*out = memo.baseline;
			*of = memo.baseline_of;
		}
		memo_fini(&memo);
	}
	return is_found;
}

/* What came of a look-up is not asked again at once. */
static bool has_failed_lately(const struct host *h, const struct host *teller)
{
	uint64_t failed_ms = h->sim->names.failed_ms[h->index][teller->index];

	return failed_ms != 0 && h->sim->now_ms - failed_ms <= ALIASES_STALE_MS;
}

static bool has_record_of(const struct host *h, const char *mon_name)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++)
		if (strcmp(h->lockd.pairs[i].mon_name, mon_name) == 0)
			return true;
	return false;
}

/* Whether a look-up of the name of @pair->peer leads statd of @h to @pair. */
static bool is_found_by_look_up(const struct host *h, const struct pair *pair)
{
	const struct host *teller = pair->peer;

	return !has_failed_lately(h, teller) && names_are_right(teller) &&
	       !has_record_of(h, teller->node);
}

/*
 * Whether @name, that of a notice, leads statd of @h to @pair: it is that of
 * the record, or it is looked up, which is done only where no record has that
 * name.
 */
bool believed_leads_to(const struct host *h, const struct pair *pair,
		       const char *name)
{
	return strcmp(name, pair->mon_name) == 0 ||
	       (strcmp(name, pair->peer->node) == 0 &&
		is_found_by_look_up(h, pair));
}

/* Whether a name that @pair->peer announces leads there. */
static bool is_named(const struct host *h, const struct pair *pair)
{
	const struct host *teller = pair->peer;

	return heard_is_owed(teller, h, pair->mon_name) ||
	       (heard_is_owed(teller, h, teller->node) &&
		is_found_by_look_up(h, pair));
}

/* Whether the statd at @of was an earlier life of that of @peer. */
static bool is_earlier_life(const struct host *peer, const struct addr *of)
{
	return addr_is_same_host(of, &peer->addr) &&
	       of->port != peer->statd.port;
}

/* nfs-utils says the old number still, but from another port. */
static bool is_another_life(const struct host *teller, const struct addr *of,
			    uint32_t said)
{
	return is_earlier_life(teller, of) &&
	       teller->foreign.number == said + 2;
}

bool believed_is_before_restart(const struct host *h, const struct pair *pair)
{
	uint32_t baseline;
	struct addr of;

	return believed_baseline(h, pair, &baseline, &of) &&
	       is_earlier_life(pair->peer, &of);
}

/*
 * "Believed when the baseline is known and the peer, asked, says something
 * else"; from an address of the peer also "where the peer is silent".
 */
static bool is_to_be_believed(const struct host *h, const struct pair *pair,
			      uint32_t said)
{
	const struct host *teller = pair->peer;
	uint32_t baseline;
	struct addr of;

	if (check_is_by_name_only(pair->peer) && !is_named(h, pair))
		return false;
	if (believed_baseline(h, pair, &baseline, &of))
		return said != 0 && !nat_is_hidden(teller, h) &&
		       (baseline != said || is_another_life(teller, &of, said));
	return !check_is_by_name_only(pair->peer) &&
	       nat_is_closed(pair->peer, h);
}

static void expect(struct host *h, struct host *teller, uint32_t said,
		   uint32_t before)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++) {
		struct pair *pair = &h->lockd.pairs[i];

		if (pair->peer != teller || !pair->is_promised ||
		    pair->state != PAIR_MONITORED || pair->is_callback_due ||
		    pair->is_unresolved || names_may_mislead(pair) ||
		    !is_to_be_believed(h, pair, said))
			continue;
		trace(h->sim, h, "lockd must hear of \"%s\"", pair->mon_name);
		pair->is_callback_due = true;
		pair->is_doubtful = true;
		pair->has_come = false;
		pair->is_overtaken = false;
		pair->is_answered = false;
		pair->due_above = before;
	}
}

/* Whether @teller is about to tell @h; it may well monitor others only. */
static bool is_told(const struct host *teller, const struct host *h)
{
	if (teller->foreign.kind != FOREIGN_NONE)
		return teller->foreign.watches[h->index].is_debt;
	return heard_is_owed(teller, h, NULL);
}

void believed_announced(struct host *teller, uint32_t said, uint32_t before)
{
	struct sim *s = teller->sim;
	unsigned int i;

	for (i = 0; i < s->host_count; i++) {
		struct host *h = &s->hosts[i];

		if (h != teller && is_told(teller, h) &&
		    !nat_is_hidden(h, teller) &&
		    believed_is_doubtful(teller, h))
			expect(h, teller, said, before);
	}
}

/* Where it is all that statd looks at, its number is what lockd hears. */
void believed_came(struct host *h)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count && h->statd.core != NULL; i++) {
		struct pair *pair = &h->lockd.pairs[i];
		struct known_doubts doubts;

		if (!pair->is_callback_due || !pair->is_doubtful)
			continue;
		/* Others may be behind the same address. */
		doubts = known_doubts(h->statd.core, pair->mon_name,
				      pair->my_name, pair->due_above,
				      host_last_announced(pair->peer));
		if (doubts.has_other)
			pair->has_come = false;
		else if (doubts.has_wanted)
			pair->has_come = true;
	}
}

/*
 * "Its notice of a reboot that was believed because of another notice": its
 * statd answers with the number from before its raise, and so says nothing new
 * of the notice that comes, or whose name is found, or that is looked at alone,
 * a moment later.  Only where its answer is the baseline by now; an event of
 * before the reboot leaves the one of before.
 */
bool believed_is_overtaken(const struct host *h, const struct pair *pair)
{
	uint32_t baseline;
	struct addr of;

	return pair->is_overtaken &&
	       believed_baseline(h, pair, &baseline, &of) &&
	       baseline == pair->peer->foreign.said &&
	       !is_earlier_life(pair->peer, &of);
}

/*
 * "Let that name lead to every address ..., at all times": a notice by a name
 * that leads nowhere is for nobody, and answered.
 */
void believed_looked_up(struct host *h, const char *name, bool is_found)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count && !is_found; i++) {
		struct pair *pair = &h->lockd.pairs[i];

		if (strcmp(pair->peer->node, name) != 0)
			continue;
		h->sim->names.failed_ms[h->index][pair->peer->index] =
			h->sim->now_ms;
		if (pair->is_doubtful)
			pair->is_callback_due = false;
	}
}

/* --- who is not -------------------------------------------------------- */

static bool is_number_of(const struct host *peer, uint32_t number)
{
	/* One without a file began from nothing; a late copy is of before. */
	if (peer->foreign.number < SIM_NUMBERS_EACH &&
	    peer->foreign.kind != FOREIGN_NONE && number < SIM_NUMBERS_EACH)
		return true;
	return number / SIM_NUMBERS_EACH == peer->index;
}

/*
 * Whether somebody else is rightly taken for the peer: "an address of the peer,
 * that is ... one that the name resolves to", and "several hosts behind one
 * address".
 */
static bool is_mistaken(const struct host *h, const struct pair *pair)
{
	const struct sim *s = h->sim;
	unsigned int i;

	if (names_may_mislead(pair))
		return true;
	for (i = 0; i < s->host_count; i++)
		if (&s->hosts[i] != pair->peer && &s->hosts[i] != h &&
		    nat_is_same(&s->hosts[i], pair->peer, h))
			return true;
	return false;
}

void believed_called_back(struct host *h, const struct pair *pair,
			  uint32_t number)
{
	if (h->sim->has_own_numbers && !is_number_of(pair->peer, number) &&
	    !is_mistaken(h, pair))
		check_violate(h, "callback_is_for_its_peer",
			      "\"%s\" %u, which is not a number of host%u",
			      pair->mon_name, number, pair->peer->index);
}
