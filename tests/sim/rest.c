/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * That everything comes to rest: when it has been calm for long, and all are
 * told and have answered, no core wants its timer for nothing.  What it may
 * still wait for is named here.
 */
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "statd/kept.h"
#include "statd/memo.h"
#include "tests/sim/known.h"

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

/* --- a line that the power failure tore -------------------------------- */

static bool is_of_a_pair(const struct host *h, const struct record *rec)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++)
		if (strcmp(h->lockd.pairs[i].mon_name, rec->mon_name) == 0 &&
		    strcmp(h->lockd.pairs[i].my_name, rec->my_name) == 0)
			return true;
	return false;
}

/* Whether the name in @rec is no host's, as DNS sees it now. */
static bool is_nobody(struct host *h, const struct record *rec)
{
	struct addr addrs[NAMES_ADDRS_MAX];

	return !addr_parse(rec->mon_name, &addrs[0]) &&
	       names_look_up(h, rec->mon_name, addrs) == 0;
}

/* ... or that of a peer that says nothing, under any name of ours. */
static bool is_of_the_silent(const struct host *h, const struct record *rec)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++)
		if (strcmp(h->lockd.pairs[i].mon_name, rec->mon_name) == 0 &&
		    says_nothing(h, &h->lockd.pairs[i]))
			return true;
	return false;
}

/*
 * The name in a torn line, which nobody was promised, is looked up as any other
 * one, and its peer is asked, until the next boot turns the file.  What is torn
 * may be our own name.
 */
static bool has_torn_name(struct host *h)
{
	const struct dirents *files = &h->disk.dirs[DISK_SM].now;
	bool is_found = false;
	size_t i;

	for (i = 0; i < files->count && !is_found; i++) {
		const struct inode *inode = files->all[i].inode;
		struct record_lines lines = {.bytes = inode->bytes,
					     .len = inode->len};
		const uint8_t *line;
		size_t len;

		if (files->all[i].name[0] == '.')
			continue;
		while (record_lines_next(&lines, &line, &len)) {
			struct record rec;

			if (record_parse(line, len, &rec) != RECORD_OK)
				continue;
			is_found |= !is_of_a_pair(h, &rec) &&
				    (is_nobody(h, &rec) ||
				     is_of_the_silent(h, &rec));
			record_fini(&rec);
		}
	}
	return is_found;
}

/* --- a notice that is kept --------------------------------------------- */

static bool has_notice_on_disk(const struct host *h)
{
	const struct dirents *memos = &h->disk.dirs[DISK_MEMO].now;
	size_t i;

	for (i = 0; i < memos->count; i++) {
		const struct inode *inode = memos->all[i].inode;
		struct memo_notice memo;

		if (memos->all[i].name[0] == '.' ||
		    !memo_notice_parse(inode->bytes, inode->len, &memo))
			continue;
		memo_notice_fini(&memo);
		return true;
	}
	return false;
}

/*
 * What came while a name was being looked up is kept KEPT_AFTERWARDS_MS longer
 * than that, and looked at every KEPT_AGAIN_MS (statd/kept.h).
 */
static bool is_keeping(const struct host *h, uint64_t wait_ms)
{
	return wait_ms <= KEPT_AGAIN_MS && has_notice_on_disk(h) &&
	       h->sim->now_ms - h->statd.looked_up_ms <=
		       KEPT_AFTERWARDS_MS + KEPT_AGAIN_MS;
}

/*
 * The time of a notice that is kept is over whenever it is, also in the last
 * moments of a run: its file goes then, in one batch.
 */
static bool is_letting_go(const struct host *h)
{
	const struct store *store = &h->statd.store;
	uint64_t busy_ms = h->sim->now_ms - store->since_ms;

	return store_is_removing(store) &&
	       busy_ms <= STORE_SYNC_DIR * STORE_STAGE_MS;
}

/* --- what outlives statd ----------------------------------------------- */

static const struct inode *find_memo(const struct host *h, uint64_t number)
{
	const struct dirents *memos = &h->disk.dirs[DISK_MEMO].now;
	size_t i;

	for (i = 0; i < memos->count; i++)
		if (strtoull(memos->all[i].name, NULL, 10) == number)
			return memos->all[i].inode;
	return NULL;
}

/*
 * What the disk has refused is written later: else the next statd would know
 * less, or have lockd hear once more of what it has heard.
 */
static void check_known(void *ctx, const struct known *known)
{
	struct host *h = ctx;
	const struct inode *inode = find_memo(h, known->number);

	if (inode == NULL || inode->len != known->content.len ||
	    memcmp(inode->bytes, known->content.bytes, inode->len) != 0)
		check_violate(h, "what_statd_knows_outlives_it",
			      "\"%s\", sm/.reclaim/%" PRIu64, known->mon_name,
			      known->number);
}

void rest_check_end(struct host *h)
{
	uint64_t statd = nsm_deadline_ms(h->statd.core);
	uint64_t now = host_clock(h);

	known_each(h->statd.core, check_known, h);
	if (statd != UINT64_MAX && !is_asking(h) &&
	    !is_keeping(h, statd - now) && !has_torn_name(h))
		check_violate(h, "statd_comes_to_rest",
			      "it wants its timer in %" PRIu64 " ms",
			      statd - now);
	/* Whom it cannot tell it tries until its time is over. */
	if (h->notifier.core != NULL &&
	    notify_deadline_ms(h->notifier.core) != UINT64_MAX &&
	    notify_untold_count(h->notifier.core) == 0)
		check_violate(h, "notifier_comes_to_rest", "all are told");
	if (h->statd.store.stage != STORE_IDLE && !is_letting_go(h))
		check_violate(h, "store_comes_to_rest", "it is busy");
}
