/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All the ways in which sm-notify ends with peers untold: its time is over
 * (-m), it was told to leave some alone (skip, max-age), or the disk did not
 * take what it wrote; and -f, which stops a running one.  Each time a further
 * run, with other settings, goes on with what is left in sm.bak/.
 */
#include "tests/sim/sim.h"

#include <assert.h>
#include <string.h>

#define GIVE_UP_MS_MAX 120000

/* A name, or nothing. */
static void choose_skip(struct host *h)
{
	struct sim *s = h->sim;
	size_t at;

	h->notifier.skip[0] = '\0';
	if (!sim_mishap(s, 20))
		return;
	at = prng_below(&s->rng, h->lockd.pair_count);
	strcpy(h->notifier.skip, h->lockd.pairs[at].mon_name);
}

bool exits_is_too_old(const struct host *h, const char *file)
{
	uint32_t hash = h->notifier.age_salt;

	if (!h->notifier.is_ageing)
		return false;
	while (*file != '\0')
		hash = hash * 31 + (unsigned char)*file++;
	return (hash >> 3) % 2 == 0;
}

void exits_choose(struct host *h, struct notify_config *config)
{
	struct sim *s = h->sim;
	size_t i;

	if (s->is_faithful)
		return;
	if (sim_mishap(s, 25))
		config->give_up_ms =
			host_clock(h) + sim_between(s, 0, GIVE_UP_MS_MAX);
	h->notifier.is_ageing = sim_mishap(s, 10);
	h->notifier.age_salt = prng_u32(&s->rng);
	choose_skip(h);
	if (h->notifier.skip[0] != '\0')
		config->skip = h->notifier.skip;
	for (i = 0; i < h->lockd.pair_count; i++) {
		struct pair *pair = &h->lockd.pairs[i];

		/* A record's file has the name of its peer. */
		pair->is_aside =
			strcmp(pair->mon_name, h->notifier.skip) == 0 ||
			exits_is_too_old(h, pair->mon_name);
	}
}

void exits_parked(struct host *h, const char *subject)
{
	size_t len = strcspn(subject, " ");
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++) {
		struct pair *pair = &h->lockd.pairs[i];

		if (strlen(pair->mon_name) == len &&
		    strncmp(pair->mon_name, subject, len) == 0)
			pair->was_aside = pair->is_aside;
	}
}

/* --- a disk that refuses ------------------------------------------------- */

/* Whether the disk keeps a line in @file that was told. */
static void note_stuck(struct host *h, const char *file, bool is_stuck)
{
	size_t i;

	for (i = 0; i < h->lockd.pair_count; i++)
		if (strcmp(h->lockd.pairs[i].mon_name, file) == 0)
			h->lockd.pairs[i].is_stuck = is_stuck;
}

static void say_stuck(struct host *h, const char *file)
{
	const struct notify_in in = {.kind = NOTIFY_IN_STUCK,
				     .file.name = file};

	trace(h->sim, h, "notify: the disk keeps %s", file);
	notifier_feed(h, &in);
}

void exits_missed(struct host *h, const char *file)
{
	size_t i;

	trace(h->sim, h, "notify: cannot read %s", file);
	h->notifier.unread++;
	for (i = 0; i < h->lockd.pair_count; i++)
		if (strcmp(h->lockd.pairs[i].mon_name, file) == 0)
			h->lockd.pairs[i].is_missed = true;
}

/* EIO or ENOSPC, with the temporary file begun, or at the rename. */
static void fail_replace(struct host *h, const char *file, const void *bytes,
			 size_t len)
{
	struct inode *inode;

	/* A crash may have left one; os/durable takes a name that is free. */
	disk_unlink(&h->disk, DISK_BAK, ".full.new");
	inode = disk_create(&h->disk, DISK_BAK, ".full.new");
	disk_write(&h->disk, inode, bytes, (size_t)sim_between(h->sim, 0, len));
	if (!host_survives(h, PROGRAM_NOTIFIER))
		return;
	disk_unlink(&h->disk, DISK_BAK, ".full.new");
	say_stuck(h, file);
}

static void replace(struct host *h, const char *file,
		    const struct notify_out *out)
{
	h->op.is_rewriting = true;
	retire_file(h, DISK_BAK, file, out->bytes, out->len);
	h->op.is_rewriting = false;
}

void exits_rewrite(struct host *h, const struct notify_out *out)
{
	bool has_failed =
		sim_mishap(h->sim, 5) ||
		disk_error(h, out->len > 0 ? DISK_WRITE : DISK_NAME) != 0;
	char file[SIM_NAME_SIZE];

	assert(strlen(out->rewrite.file) < sizeof(file));
	strcpy(file, out->rewrite.file);
	note_stuck(h, file, has_failed);
	if (has_failed && out->len > 0)
		fail_replace(h, file, out->bytes, out->len);
	else if (has_failed)
		say_stuck(h, file);
	else if (out->len > 0)
		replace(h, file, out);
	else
		disk_unlink(&h->disk, DISK_BAK, file);
}

/* --- another one takes its place ----------------------------------------- */

void exits_force(struct host *h)
{
	if (!h->is_up || !h->is_turned)
		return;
	if (h->notifier.is_bound && h->op.kind == OPERATOR_COPY) {
		trace(h->sim, h, "notify -f: sm-notify -n is at work");
		return;
	}
	trace(h->sim, h, "notify -f");
	notifier_end(h);
	laterule_give_up(h);
	lockrule_declared(h);
	if (!turn_force(h))
		return;
	notifier_start(h);
	h->op.is_forced = true;
}

/* --- the end ------------------------------------------------------------- */

void exits_done(struct host *h, const struct notify_out *out)
{
	struct sim *s = h->sim;

	h->notifier.is_done = true;
	/* Somebody calls it again: the administrator, a timer. */
	if (out->done.untold > 0 && !s->is_faithful)
		h->locks.was_ended_ms = s->now_ms;
	if (out->done.untold > 0 || h->notifier.unread > 0
		    ? s->is_calm || prng_below(&s->rng, 2) == 0
		    : sim_mishap(s, 10))
		sim_after(s, sim_between(s, 100, 30000), notifier_run, h)
			->life = h->boot;
}
