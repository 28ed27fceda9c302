/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One page however many peers there are: totals, and of each trouble the first
 * few peers that have it.  Only reads; what it says is meant for people and may
 * change, programs must not parse it.
 */
#include "statd/status.h"

#include <string.h>

#define NAME_SHOWN_MAX 64 /* bytes of a name */

/* One kind of trouble: how many have it, and lines about the first few. */
struct trouble {
	uint64_t count;
	struct buf lines;
};

struct totals {
	uint64_t stored;
	uint64_t found; /* in sm/ at start, not asked for again since */
	uint64_t storing;
	uint64_t looked_up; /* for the first time, not answered yet */
	uint64_t kept;	    /* events that outlive us */
	uint64_t oldest_ms; /* since when an event is pending */
	struct trouble unstored;
	struct trouble unresolved;
	struct trouble pending;
};

static void trouble_init(struct trouble *t)
{
	t->count = 0;
	buf_init(&t->lines, STATUS_TEXT_MAX);
}

/* Counts one more; whether there is room to name it. */
static bool trouble_note(struct trouble *t)
{
	return t->count++ < STATUS_SHOWN_MAX;
}

static void trouble_end(struct trouble *t, struct buf *out)
{
	buf_add_text(out, buf_text(&t->lines));
	if (t->count > STATUS_SHOWN_MAX)
		buf_addf(out, "  and %llu more\n",
			 (unsigned long long)(t->count - STATUS_SHOWN_MAX));
	buf_fini(&t->lines);
}

static void add_name(struct buf *out, const char *name)
{
	buf_add_text(out, "\"");
	buf_add_escaped(out, name, strnlen(name, NAME_SHOWN_MAX));
	buf_add_text(out, strlen(name) > NAME_SHOWN_MAX ? "...\"" : "\"");
}

static void note_peer(struct trouble *t, const struct peer *peer)
{
	if (!trouble_note(t))
		return;
	buf_add_text(&t->lines, "  ");
	add_name(&t->lines, peer->rec.mon_name);
	buf_add_text(&t->lines, "\n");
}

static void note_event(struct totals *totals, uint64_t now_ms,
		       const struct event *event)
{
	struct buf *lines = &totals->pending.lines;

	totals->kept += memo_slot_has(&event->peer->memo, event->version);
	if (event->since_ms < totals->oldest_ms)
		totals->oldest_ms = event->since_ms;
	if (!trouble_note(&totals->pending))
		return;
	buf_add_text(lines, "  ");
	add_name(lines, event->peer->rec.mon_name);
	buf_add_text(lines, " (as ");
	add_name(lines, event->name);
	buf_addf(lines, "), number %u, for %llu s\n", event->number,
		 (unsigned long long)(now_ms - event->since_ms) / 1000);
}

static void note_store(struct totals *totals, const struct peer *peer)
{
	if (peer->is_stored)
		totals->stored++;
	else if (peer->store_id != 0)
		totals->storing++;
	else if (peer->has_store_failed)
		note_peer(&totals->unstored, peer);
	else
		totals->found++;
}

static void note_all(struct totals *totals, uint64_t now_ms,
		     const struct peer *peer)
{
	struct link *pos;

	note_store(totals, peer);
	if (peer->lookup == PEER_FIRST)
		totals->looked_up++;
	if (peer->lookup == PEER_UNRESOLVED)
		note_peer(&totals->unresolved, peer);
	list_for_each (pos, &peer->events)
		note_event(totals, now_ms,
			   container_of(pos, struct event, in_peer));
}

static void add_peers(const struct status_view *view, uint64_t now_ms,
		      struct buf *out)
{
	struct totals totals = {.oldest_ms = now_ms};
	const struct link *pos;

	trouble_init(&totals.unstored);
	trouble_init(&totals.unresolved);
	trouble_init(&totals.pending);
	list_for_each (pos, &view->peers->all)
		note_all(&totals, now_ms,
			 container_of(pos, struct peer, in_all));
	buf_addf(out,
		 "peers written by this run: %llu; found on disk at the start: "
		 "%llu; being written: %llu; could not be written: %llu\n",
		 (unsigned long long)totals.stored,
		 (unsigned long long)totals.found,
		 (unsigned long long)totals.storing,
		 (unsigned long long)totals.unstored.count);
	trouble_end(&totals.unstored, out);
	buf_addf(out,
		 "names that do not resolve: %llu; not answered yet: %llu\n",
		 (unsigned long long)totals.unresolved.count,
		 (unsigned long long)totals.looked_up);
	trouble_end(&totals.unresolved, out);
	buf_addf(out,
		 "reboots that the lock manager has not heard of: %llu; kept "
		 "over a restart: %llu; longest: %llu s\n",
		 (unsigned long long)totals.pending.count,
		 (unsigned long long)totals.kept,
		 (unsigned long long)(now_ms - totals.oldest_ms) / 1000);
	trouble_end(&totals.pending, out);
}

static void add_counts(const struct status_view *view, struct buf *out)
{
	const struct status_calls *calls = view->calls;
	const struct notice_counts *notices = view->notices;

	buf_addf(out,
		 "calls: NULL %llu, STAT %llu, MON %llu, UNMON %llu, "
		 "UNMON_ALL %llu, SIMU_CRASH %llu, NOTIFY %llu\n",
		 (unsigned long long)calls->made[SM_PROC_NULL],
		 (unsigned long long)calls->made[SM_PROC_STAT],
		 (unsigned long long)calls->made[SM_PROC_MON],
		 (unsigned long long)calls->made[SM_PROC_UNMON],
		 (unsigned long long)calls->made[SM_PROC_UNMON_ALL],
		 (unsigned long long)calls->made[SM_PROC_SIMU_CRASH],
		 (unsigned long long)calls->made[SM_PROC_NOTIFY]);
	buf_addf(out, "calls refused: %llu; malformed or unknown: %llu\n",
		 (unsigned long long)calls->refused,
		 (unsigned long long)calls->malformed);
	buf_addf(out,
		 "reboots delivered: %llu; notices that were duplicates: %llu, "
		 "about nobody: %llu, not believed: %llu\n",
		 (unsigned long long)notices->delivered,
		 (unsigned long long)notices->duplicates,
		 (unsigned long long)notices->strangers,
		 (unsigned long long)notices->disbelieved);
}

void status_add(const struct status_view *view, uint64_t now_ms,
		struct buf *out)
{
	if (view->number == 0)
		buf_add_text(out, "the state directory cannot be used: every "
				  "SM_MON fails\n");
	else
		buf_addf(out, "state number: %u\n", view->number);
	buf_addf(out, "peers monitored: %zu\n", view->peers->count);
	add_peers(view, now_ms, out);
	callbacks_add_status(view->callbacks, out);
	buf_addf(out, "files in sm/.reclaim: %zu%s\n", view->memos->file_count,
		 view->memos->is_failing ? "; the last could not be written"
					 : "");
	add_counts(view, out);
	callouts_add_status(view->callouts, out);
}
