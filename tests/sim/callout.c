/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program for HA as a cluster has it: it takes its time, sometimes too
 * long, and dies with statd, having done its work or not.  What it told last
 * about a pair is what the cluster believes.
 */
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <string.h>

#include "lib/record.h"
#include "statd/hawords.h"

static void run_end(struct sim *s, struct event *e);

static struct pair *find_pair(struct host *h, const char *mon_name,
			      const char *my_name)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++) {
		struct pair *pair = &h->lockd.pairs[i];

		if (strcmp(pair->mon_name, mon_name) == 0 &&
		    strcmp(pair->my_name, my_name) == 0)
			return pair;
	}
	return NULL;
}

/* A place for a run; two about one name never run together. */
static struct callout_run *free_run(struct host *h, const char *name,
				    bool is_about_pair)
{
	struct callout_run *found = NULL;
	size_t i;

	for (i = 0; i < CALLOUT_RUNS_MAX; i++) {
		struct callout_run *run = &h->statd.runs[i];

		if (run->id == 0)
			found = run;
		else if (is_about_pair && run->tells != TOLD_NOTHING &&
			 strcmp(run->name, name) == 0)
			check_violate(h, "callouts_about_a_peer_wait", "\"%s\"",
				      name);
	}
	if (found == NULL)
		check_violate(h, "callouts_are_few_at_a_time", "\"%s\"", name);
	return found;
}

void callout_begin(struct host *h, const struct nsm_out *out)
{
	const char *const *words = out->callout.words;
	enum told tells = strcmp(words[0], "add-client") == 0	? TOLD_ADD
			  : strcmp(words[0], "del-client") == 0 ? TOLD_DEL
								: TOLD_NOTHING;
	struct callout_run *run = free_run(h, words[1], tells != TOLD_NOTHING);
	struct event *e;

	trace(h->sim, h, "statd: CALLOUT %" PRIu64 " %s %s %s", out->callout.id,
	      words[0], words[1], words[2]);
	if (!h->has_callout || h->statd.is_launcher_lost)
		check_violate(h, "no_program_no_callout", "%s", words[0]);
	if (run == NULL)
		return;
	run->id = out->callout.id;
	run->tells = tells;
	strncpy(run->name, words[1], sizeof(run->name) - 1);
	run->pair =
		tells != TOLD_NOTHING ? find_pair(h, words[1], words[2]) : NULL;
	e = sim_after(h->sim,
		      sim_between(h->sim, 1,
				  sim_mishap(h->sim, 10) ? 30000 : 500),
		      run_end, h);
	e->life = h->statd.life;
	e->id = run->id;
}

static void work(struct callout_run *run)
{
	if (run->pair == NULL)
		return;
	run->pair->told = run->tells;
	/* A record that cannot be read looks like none. */
	run->pair->is_unsure = run->pair->is_unread;
}

void callout_memo_written(struct host *h, const struct store_job *job)
{
	struct record rec;
	struct pair *pair;

	if (!hawords_parse_memo(job->bytes, job->len, &rec))
		return;
	pair = find_pair(h, rec.mon_name, rec.my_name);
	if (pair != NULL)
		pair->is_memo_lost = job->error != 0;
	record_fini(&rec);
}

/* Kills what runs, which may have done its work. */
static void end_runs(struct host *h)
{
	size_t i;

	for (i = 0; i < CALLOUT_RUNS_MAX; i++) {
		if (h->statd.runs[i].id != 0 && prng_below(&h->sim->rng, 2))
			work(&h->statd.runs[i]);
		h->statd.runs[i] = (struct callout_run){.id = 0};
	}
}

static void run_end(struct sim *s, struct event *e)
{
	struct nsm_in in = {.kind = NSM_IN_CALLED, .called.id = e->id};
	struct host *h = e->host;
	size_t i;

	if (h->statd.core == NULL || e->life != h->statd.life)
		return;
	for (i = 0; i < CALLOUT_RUNS_MAX; i++) {
		if (h->statd.runs[i].id != e->id)
			continue;
		work(&h->statd.runs[i]);
		h->statd.runs[i] = (struct callout_run){.id = 0};
	}
	if (sim_mishap(s, 10))
		in.called.end.how = NSM_CALL_TIMED_OUT;
	if (sim_mishap(s, 1)) {
		in.called.end.how = NSM_CALL_LOST;
		h->statd.is_launcher_lost = true;
		end_runs(h);
	}
	trace(s, h, "statd <- CALLED %" PRIu64 " end %d", e->id,
	      (int)in.called.end.how);
	statd_input(h, &in);
}

void callout_kill_all(struct host *h)
{
	size_t i;

	end_runs(h);
	h->statd.is_launcher_lost = false;
	/* A full disk kept statd from noting what it had to do. */
	for (i = 0; i < h->lockd.pair_count; i++)
		h->lockd.pairs[i].is_unsure |= h->lockd.pairs[i].is_memo_lost;
}

void callout_power_fail(struct host *h)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++) {
		h->lockd.pairs[i].told = TOLD_NOTHING;
		h->lockd.pairs[i].is_unsure = false;
		h->lockd.pairs[i].is_memo_lost = false;
	}
}

/* Whether sm/ has the record of @pair. */
static bool is_on_disk(const struct host *h, const struct pair *pair)
{
	const struct inode *file = disk_find(&h->disk, DISK_SM, pair->mon_name);
	struct record_lines lines = {0};
	bool is_found = false;
	const uint8_t *line;
	size_t len;

	if (file == NULL)
		return false;
	lines.bytes = file->bytes;
	lines.len = file->len;
	while (record_lines_next(&lines, &line, &len)) {
		struct record rec;

		if (record_parse(line, len, &rec) != RECORD_OK)
			continue;
		is_found |= strcmp(rec.mon_name, pair->mon_name) == 0 &&
			    strcmp(rec.my_name, pair->my_name) == 0;
		record_fini(&rec);
	}
	return is_found;
}

/* Whether the next statd will find @pair in sm/.reclaim. */
static bool is_noted(const struct host *h, const struct pair *pair)
{
	const struct dirents *memos = &h->disk.dirs[DISK_MEMO].now;
	bool is_found = false;
	struct record rec;
	size_t i;

	for (i = 0; i < memos->count; i++) {
		const struct inode *inode = memos->all[i].inode;

		if (!hawords_parse_memo(inode->bytes, inode->len, &rec))
			continue;
		is_found |= strcmp(rec.mon_name, pair->mon_name) == 0 &&
			    strcmp(rec.my_name, pair->my_name) == 0;
		record_fini(&rec);
	}
	return is_found;
}

/* With nobody left to run it, what is due is kept for the next life. */
static bool is_kept(const struct host *h, const struct pair *pair)
{
	return pair->is_unsure || (h->statd.is_launcher_lost &&
				   (pair->is_memo_lost || is_noted(h, pair)));
}

void callout_check_end(struct host *h)
{
	size_t i;

	if (!h->has_callout)
		return;
	for (i = 0; i < CALLOUT_RUNS_MAX; i++)
		if (h->statd.runs[i].id != 0)
			check_violate(h, "callouts_come_to_rest", "\"%s\"",
				      h->statd.runs[i].name);
	for (i = 0; i < h->lockd.pair_count; i++) {
		const struct pair *pair = &h->lockd.pairs[i];

		if (is_kept(h, pair))
			continue;
		/* A record that was refused may be on the disk all the same. */
		if (pair->is_promised
			    ? pair->told != TOLD_ADD
			    : pair->told == TOLD_ADD && !is_on_disk(h, pair))
			check_violate(h, "last_callout_says_what_holds",
				      "\"%s\"", pair->mon_name);
	}
}
