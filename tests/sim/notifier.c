/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The main of sm-notify: feeds the core what lies in sm.bak/ and carries out
 * what it says, in order; it may die before each effect.
 */
#include "tests/sim/sim.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

void notifier_end(struct host *h)
{
	notify_free(h->notifier.core);
	h->notifier.core = NULL;
	stream_end_all(h);
	h->notifier.life++;
	h->notifier.is_bound = false;
	h->notifier.is_serving = false;
	parking_notifier_ended(h);
}

void notifier_run(struct sim *s, struct event *e)
{
	(void)s;
	if (e->host->is_up && e->life == e->host->boot)
		notifier_start(e->host);
}

static void read_records(struct sim *s, struct event *e);

void notifier_start(struct host *h)
{
	if (h->notifier.is_bound || !h->is_turned || !turn_keep(h))
		return;
	operator_machine(h)->has_mark = true;
	operator_machine(h)->is_mark_ours = true;
	h->op.kind = OPERATOR_PLAIN;
	h->op.is_forced = false;
	h->op.number = h->number;
	notifier_bind(h);
}

void notifier_bind(struct host *h)
{
	struct sim *s = h->sim;

	trace(s, h, "notify starts");
	lockrule_trouble_all(h);
	h->notifier.is_done = false;
	h->notifier.life++;
	/* ORDER: bind, then read; statd writes, then connects. */
	h->notifier.is_bound = true;
	sim_after(s, sim_between(s, 0, 50), read_records, h)->life =
		h->notifier.life;
}

/* Hands over what was parked before, then the records. */
static void feed_records(struct host *h)
{
	struct notify_in in = {.kind = NOTIFY_IN_PARKED,
			       .bytes = h->parking.parked.bytes,
			       .len = h->parking.parked.len};
	const struct dirents *bak = &h->disk.dirs[DISK_BAK].now;
	uint32_t life = h->notifier.life;
	size_t i;

	if (h->op.kind != OPERATOR_COPY)
		notifier_input(h, &in);
	in = (struct notify_in){.kind = NOTIFY_IN_FILE};
	h->notifier.unread = 0;
	for (i = 0; i < bak->count && h->notifier.life == life; i++) {
		if (bak->all[i].name[0] == '.')
			continue;
		in.file.name = bak->all[i].name;
		in.file.is_too_old = exits_is_too_old(h, bak->all[i].name);
		if (disk_error(h, DISK_READ) != 0) {
			exits_missed(h, bak->all[i].name);
			in.kind = NOTIFY_IN_UNREAD;
			notifier_input(h, &in);
			in.kind = NOTIFY_IN_FILE;
			continue;
		}
		in.bytes = bak->all[i].inode->bytes;
		in.len = bak->all[i].inode->len;
		notifier_input(h, &in);
	}
	in = (struct notify_in){.kind = NOTIFY_IN_START};
	if (h->notifier.life != life)
		return;
	if (lift_is_over(h)) {
		exits_done(h, &(struct notify_out){0});
		notifier_end(h);
		return;
	}
	h->notifier.is_serving = true;
	notifier_input(h, &in);
}

static void read_records(struct sim *s, struct event *e)
{
	struct host *h = e->host;
	/* A second address; the packets do not show which one they are from. */
	const struct notify_own own[] = {
		{h->addr, 1},
		{{.family = ADDR_V4, .bytes = {10, 0, 1, 1}}, 1},
	};
	struct notify_config config = {
		.own = own,
		.own_count = h->index % 2 == 0 ? 0 : 2,
		.number = h->op.number,
		.name = h->op.name[0] != '\0' ? h->op.name : NULL,
		.give_up_ms = UINT64_MAX,
		.packets_per_second = 10000,
	};

	if (e->life != h->notifier.life)
		return;
	sim_random_seed(s, config.seed);
	exits_choose(h, &config);
	h->notifier.core = notify_new(&config);
	feed_records(h);
}

static void end_early(struct host *h, const char *how)
{
	struct sim *s = h->sim;

	if (!h->notifier.is_bound)
		return;
	trace(s, h, "notify: %s", how);
	h->locks.was_ended_ms = s->now_ms;
	notifier_end(h);
	if (s->is_calm || prng_below(&s->rng, 2) == 0)
		sim_after(s, sim_between(s, 100, 30000), notifier_run, h)
			->life = h->boot;
}

void notifier_kill(struct host *h)
{
	end_early(h, "killed");
}

/* As sm-notify/driver.c: what the core has not said yet is never said. */
void notifier_stop(struct host *h)
{
	end_early(h, "stopped");
}

static void notifier_resolved(struct sim *s, struct event *e)
{
	struct host *h = e->host;
	struct notify_in in = {.kind = NOTIFY_IN_RESOLVED};
	struct addr addrs[NAMES_ADDRS_MAX];

	if (h->notifier.core == NULL || e->life != h->notifier.life)
		return;
	in.resolved.id = e->id;
	in.resolved.addrs = addrs;
	in.resolved.count = names_look_up(h, e->name, addrs);
	in.resolved.is_late = parking_is_late(h, addrs, in.resolved.count);
	trace(s, h, "notify <- RESOLVED %s: %zu", e->name, in.resolved.count);
	notifier_input(h, &in);
}

static void notifier_send_failed(struct sim *s, struct event *e)
{
	struct notify_in in = {.kind = NOTIFY_IN_SEND_FAILED};

	(void)s;
	in.send_failed.id = e->id;
	in.send_failed.error = -ENETUNREACH;
	if (e->host->notifier.core != NULL && e->life == e->host->notifier.life)
		notifier_input(e->host, &in);
}

static void notifier_send(struct host *h, const struct notify_out *out)
{
	struct notice_mark notice = {0};
	char peer[ADDR_TEXT_SIZE];
	struct event *e;

	net_read_notice(out->bytes, out->len, &notice);
	trace(h->sim, h, "notify: SEND to %s port %u \"%s\" %u",
	      addr_format(&out->send.peer, peer), out->send.peer.port,
	      notice.name, notice.number);
	if (notice.is_notice) {
		check_notice_sent(h, &out->send.peer, &notice);
		laterule_check_record(h, out->send.id);
	}
	if (!sim_mishap(h->sim, 2)) {
		net_send(h, NOTIFY_PORT, &out->send.peer, out->bytes, out->len,
			 NULL);
		return;
	}
	lockrule_trouble_all(h);
	e = sim_after(h->sim, 0, notifier_send_failed, h);
	e->life = h->notifier.life;
	e->id = out->send.id;
}

/* What a READ finds, unless the disk refuses again. */
static void read_again(struct sim *s, struct event *e)
{
	struct host *h = e->host;
	const struct inode *inode = disk_find(&h->disk, DISK_BAK, e->name);
	struct notify_in in = {.kind = NOTIFY_IN_GONE, .file.name = e->name};

	if (h->notifier.core == NULL || e->life != h->notifier.life)
		return;
	if (inode != NULL && disk_error(h, DISK_READ) != 0) {
		in.kind = NOTIFY_IN_UNREAD;
	} else if (inode != NULL) {
		in.kind = NOTIFY_IN_FILE;
		in.bytes = inode->bytes;
		in.len = inode->len;
	}
	trace(s, h, "notify <- %s %s",
	      in.kind == NOTIFY_IN_FILE ? "FILE" : "no file", e->name);
	notifier_input(h, &in);
}

static void notifier_read(struct host *h, const char *file)
{
	struct event *e = sim_after(h->sim, 0, read_again, h);

	trace(h->sim, h, "notify: READ %s", file);
	e->life = h->notifier.life;
	assert(strlen(file) < sizeof(e->name));
	strcpy(e->name, file);
}

static void notifier_carry_one(struct host *h, const struct notify_out *out)
{
	struct sim *s = h->sim;

	switch (out->kind) {
	case NOTIFY_OUT_SEND:
		notifier_send(h, out);
		break;
	case NOTIFY_OUT_CALL:
		stream_call(h, out);
		break;
	case NOTIFY_OUT_HANG_UP:
		stream_hang_up(h, out->hang_up.id);
		break;
	case NOTIFY_OUT_RESOLVE:
		trace(s, h, "notify: RESOLVE %s", out->resolve.name);
		host_resolve(h, notifier_resolved, out->resolve.id,
			     out->resolve.name)
			->life = h->notifier.life;
		break;
	case NOTIFY_OUT_REWRITE:
		trace(s, h, "notify: REWRITE %s, %zu bytes", out->rewrite.file,
		      out->len);
		if (operator_is_outdone(h))
			notifier_stop(h);
		else
			exits_rewrite(h, out);
		break;
	case NOTIFY_OUT_READ:
		notifier_read(h, out->read.file);
		break;
	case NOTIFY_OUT_TOLD:
		trace(s, h, "notify: TOLD %zu", out->told.at);
		break;
	case NOTIFY_OUT_LOG:
		trace(s, h, "notify: \"%s\"", out->log.text);
		break;
	case NOTIFY_OUT_ANSWER:
		trace(s, h, "notify: ANSWER word %d", out->answer.word);
		parking_answer(h, out->answer.id, out->answer.word);
		break;
	case NOTIFY_OUT_DONE:
		trace(s, h, "notify: DONE told %zu untold %zu", out->done.told,
		      out->done.untold);
		h->notifier.unread =
			(unsigned int)notify_unread_count(h->notifier.core);
		exits_done(h, out);
		break;
	}
}

void notifier_feed(struct host *h, const struct notify_in *in)
{
	struct notify_in now = *in;

	now.is_grace_over = notify_wants_grace(h->notifier.core, in) &&
			    !parking_has_grace(h);
	notify_input(h->notifier.core, host_clock(h), &now);
}

void notifier_input(struct host *h, const struct notify_in *in)
{
	uint32_t life = h->notifier.life;
	struct notify_out out;

	if (operator_is_outdone(h)) {
		notifier_stop(h);
		return;
	}
	host_count_spin(h, &h->notifier.spins, in->kind == NOTIFY_IN_TIMER);
	notifier_feed(h, in);
	while (h->notifier.core != NULL && h->notifier.life == life &&
	       notify_output(h->notifier.core, &out)) {
		if (!host_survives(h, PROGRAM_NOTIFIER))
			return;
		notifier_carry_one(h, &out);
	}
	if (h->notifier.is_done)
		notifier_end(h);
}
