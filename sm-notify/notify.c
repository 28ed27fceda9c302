/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The notifier core: when each peer is spoken to, and what its answers mean.
 * One call per peer is on its way at a time: where is your statd, then
 * SM_NOTIFY for each of our names (X/Open CAE C702 chapter 11).
 *
 * Three things hold a packet back: the peer's own back-off (timers), the
 * window of open calls, and packets_per_second (pace.c).  Peers that are due
 * wait, first come first served, but those that have answered go before those
 * of whom nothing was heard yet: a conversation that was begun is finished
 * within the peer's grace period, however many others are gone.  No event
 * costs work that grows with the number of peers.
 *
 * It refuses to count anything but a well-formed answer with the right xid
 * from the address that was asked (contract.md S-2), and to look up a peer
 * that gave its address (B-9).
 */
#include "sm-notify/notify.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/list.h"
#include "lib/portmap.h"
#include "lib/prng.h"
#include "lib/rpcsrv.h"
#include "lib/xalloc.h"
#include "proto/sm_inter.h"
#include "sm-notify/outbox.h"
#include "sm-notify/pace.h"
#include "sm-notify/target.h"

/* Look-ups that may be open; below os/resolver's queue. */
#define LOOKUPS_MAX 256u
/* Above so many, nobody who has an address asks for more. */
#define LOOKUPS_BUSY 64u

#define UNTOLD_LINES 20u /* peers named at the end */

struct notify {
	uint64_t now_ms;
	uint64_t give_up_ms;
	uint32_t number;
	bool is_started;
	bool is_done;
	struct prng rng;
	struct rpccalls calls;
	struct timerq timers;
	struct target_set set;
	size_t told;
	size_t active; /* targets that have something left to send */

	struct pace pace;
	struct link eager;  /* of target::in_ready: due, have answered before */
	struct link ready;  /* of target::in_ready: due */
	struct link asking; /* of target::in_asking, waiting for a look-up */
	unsigned int lookups;

	struct outbox box;
};

struct notify *notify_new(const struct notify_config *config)
{
	struct notify *n = xzalloc(sizeof(*n));
	uint8_t key[SIPHASH_KEY_SIZE];
	uint64_t half;

	assert(!config->name || strlen(config->name) <= SM_MAXSTRLEN);
	n->give_up_ms = config->give_up_ms;
	n->number = config->number;
	pace_init(&n->pace, config->packets_per_second);
	prng_init(&n->rng, config->seed);
	rpccalls_init(&n->calls, &n->rng);
	for (size_t i = 0; i < sizeof(key); i += sizeof(half)) {
		half = prng_u64(&n->rng);
		memcpy(key + i, &half, sizeof(half));
	}
	target_set_init(&n->set, key, config->name);
	timerq_init(&n->timers);
	list_init(&n->eager);
	list_init(&n->ready);
	list_init(&n->asking);
	outbox_init(&n->box);
	return n;
}

void notify_free(struct notify *n)
{
	if (!n)
		return;
	outbox_fini(&n->box);
	rpccalls_fini(&n->calls);
	timerq_fini(&n->timers);
	target_set_fini(&n->set);
	free(n);
}

bool notify_output(struct notify *n, struct notify_out *out)
{
	return outbox_take(&n->box, out);
}

/* --- look-ups ------------------------------------------------------------ */

static void lookup_start(struct notify *n, struct target *t)
{
	n->lookups++;
	outbox_resolve(&n->box, t->id, t->host);
}

/*
 * Has the host name of @t looked up; in turn where nothing can be sent to it
 * before, else only where few ask.
 */
static void lookup_ask(struct notify *n, struct target *t)
{
	if (t->is_asking || !t->host)
		return;
	if (t->addr_count > 0 && n->lookups >= LOOKUPS_BUSY)
		return;
	t->is_asking = true;
	if (n->lookups < LOOKUPS_MAX)
		lookup_start(n, t);
	else
		list_append(&n->asking, &t->in_asking);
}

/* --- the schedule of one peer -------------------------------------------- */

static void set_ready(struct notify *n, struct target *t)
{
	timerq_cancel(&n->timers, &t->timer);
	if (list_is_empty(&t->in_ready))
		list_append(t->slot.has_answered ? &n->eager : &n->ready,
			    &t->in_ready);
}

/* Sets the next attempt of @t, a quarter sooner or later than its wait. */
static void set_wait(struct notify *n, struct target *t)
{
	uint64_t wait_ms = t->wait_ms - t->wait_ms / 4 +
			   prng_below(&n->rng, t->wait_ms / 2 + 1);

	timerq_set(&n->timers, &t->timer, n->now_ms + wait_ms);
}

static void lengthen_wait(struct target *t)
{
	t->wait_ms *= 2;
	if (t->wait_ms > NOTIFY_WAIT_MAX_MS)
		t->wait_ms = NOTIFY_WAIT_MAX_MS;
}

static void note_progress(struct target *t)
{
	t->wait_ms = NOTIFY_WAIT_FIRST_MS;
	t->silent = 0;
}

/* Turns to the next address; what was known of the last one is forgotten. */
static void turn_addr(struct notify *n, struct target *t)
{
	t->silent = 0;
	t->port = 0;
	if (target_next_addr(t))
		lookup_ask(n, t);
}

/* No answer to what was sent to @t counts any more. */
static void call_forget(struct notify *n, struct target *t)
{
	rpccalls_close(&n->calls, &t->call);
	t->announced = NULL;
}

/* Nothing more is to be said to @t. */
static void finish(struct notify *n, struct target *t)
{
	call_forget(n, t);
	pace_release(&n->pace, &t->slot);
	timerq_cancel(&n->timers, &t->timer);
	list_remove(&t->in_ready);
	n->active--;
	if (!target_is_told(t))
		return;
	n->told++;
	outbox_log(&n->box, LOG_TRACE, "notified ", t->mon_name, "");
}

/* The peer was silent for as long as it was given. */
static void note_silence(struct notify *n, struct target *t)
{
	struct target_name *name = t->announced;

	t->is_awaiting = false;
	lengthen_wait(t);
	if (name) {
		/* ORDER: @name may be freed, and an answer must not find it. */
		call_forget(n, t);
		target_unacked(&n->set, t, name);
	}
	if (++t->silent >= NOTIFY_SILENT_TRIES)
		turn_addr(n, t);
}

static void on_due(struct notify *n, struct target *t)
{
	if (t->addr_count == 0) {
		lookup_ask(n, t);
		return;
	}
	if (t->is_awaiting)
		note_silence(n, t);
	if (target_has_names(t))
		set_ready(n, t);
	else
		finish(n, t);
}

/* --- sending ------------------------------------------------------------- */

static void add_notify(struct notify *n, struct buf *out, uint32_t xid,
		       struct target_name *name)
{
	struct sm_stat_chge args = {0};

	args.mon_name.sm_string_len = (u_int)name->forms[name->turn].len;
	args.mon_name.sm_string_val = name->text;
	args.state = (int)n->number;
	rpcmsg_add_call(out, xid, SM_PROGRAM, SM_VERSION, SM_PROC_NOTIFY);
	rpcsrv_add_xdr(out, (rpcsrv_xdr *)xdr_sm_stat_chge, &args);
}

/* Sends the next call to @t: where is your statd, or that we rebooted. */
static void send_next(struct notify *n, struct target *t)
{
	struct addr peer = *target_addr(t);
	struct buf message;
	uint32_t xid;

	peer.port = t->port ? t->port : PORTMAP_PORT;
	t->announced = t->port ? target_next_name(t) : NULL;
	xid = rpccalls_open(&n->calls, &t->call, &peer);
	buf_init(&message, RPCMSG_SIZE_MAX);
	if (t->announced)
		add_notify(n, &message, xid, t->announced);
	else
		portmap_add_getport(&message, xid, peer.family, SM_PROGRAM,
				    SM_VERSION, PORTMAP_UDP);
	assert(!message.is_overflowed);
	outbox_send(&n->box, t->id, &peer, &message);
	t->is_awaiting = true;
	pace_sent(&n->pace, &t->slot, n->now_ms);
	set_wait(n, t);
}

/* Sends to those who are due, as far as window and rate allow. */
static void send_ready(struct notify *n)
{
	struct link *first;

	while (pace_is_open(&n->pace, n->now_ms)) {
		first = list_take_first(&n->eager);
		if (!first)
			first = list_take_first(&n->ready);
		if (!first)
			return;
		send_next(n, container_of(first, struct target, in_ready));
	}
}

/* --- inputs -------------------------------------------------------------- */

static void on_file(struct notify *n, const struct notify_in *in)
{
	struct target_report report;

	assert(!n->is_started);
	target_set_add_file(&n->set, in->file.name, in->bytes, in->len,
			    &report);
	if (report.unparsable > 0)
		outbox_log(&n->box, LOG_WARN, "sm.bak/", in->file.name,
			   ": a line cannot be understood; it stays there");
}

static void on_start(struct notify *n)
{
	n->is_started = true;
	for (size_t i = 0; i < n->set.count; i++) {
		struct target *t = n->set.targets[i];

		if (!target_has_names(t))
			continue;
		note_progress(t);
		if (t->addr_count > 0) {
			set_ready(n, t);
		} else if (t->host) {
			lookup_ask(n, t);
		} else {
			outbox_log(&n->box, LOG_WARN, "unable to notify ",
				   t->mon_name,
				   ": neither an address nor a host name");
			continue;
		}
		n->active++;
	}
}

static void on_port(struct notify *n, struct target *t, int port)
{
	if (port < 0)
		return;
	t->is_awaiting = false;
	if (port > 0) {
		t->port = (uint16_t)port;
		/*
		 * The port alone is no progress: where a host is up and its
		 * statd is not, that would undo the back-off for ever.
		 */
		if (t->port != t->port_before)
			note_progress(t);
		t->port_before = t->port;
		set_ready(n, t);
		return;
	}
	outbox_log(&n->box, LOG_TRACE, "no statd is registered at ",
		   t->mon_name, "");
	list_remove(&t->in_ready);
	if (t->addr_count > 1)
		lengthen_wait(t);
	else
		t->wait_ms = NOTIFY_WAIT_MAX_MS;
	turn_addr(n, t);
	set_wait(n, t);
}

static void on_acked(struct notify *n, struct target *t)
{
	t->is_awaiting = false;
	note_progress(t);
	target_acked(&n->set, t->announced);
	t->announced = NULL;
	if (target_has_names(t))
		set_ready(n, t);
	else
		finish(n, t);
}

static void on_answer(struct notify *n, const struct notify_in *in)
{
	struct rpcmsg_reply reply;
	struct rpccall *call;
	struct target *t;

	if (rpccalls_match(&n->calls, &in->answer.from, in->bytes, in->len,
			   &call, &reply) != RPCCALL_MATCHED)
		return;
	t = container_of(call, struct target, call);
	pace_answered(&n->pace, &t->slot);
	if (reply.status != RPCMSG_SUCCESS) {
		/* As good as silence; whoever has that port is no statd. */
		t->port = 0;
		return;
	}
	if (t->announced)
		on_acked(n, t);
	/* The answer may be that of an address we have turned away from. */
	else if (target_use_addr(t, &in->answer.from))
		on_port(n, t,
			portmap_parse_getport(in->answer.from.family,
					      reply.results,
					      reply.results_len));
}

static void on_send_failed(struct notify *n, const struct notify_in *in)
{
	struct target *t = target_set_get(&n->set, in->send_failed.id);

	if (!t || !t->is_awaiting)
		return;
	pace_release(&n->pace, &t->slot);
	if (t->has_complained)
		return;
	t->has_complained = true;
	outbox_log(&n->box, LOG_TRACE, "cannot send to ", t->mon_name, "");
}

/* A look-up of @t ended; the next in line has its turn. */
static void lookup_end(struct notify *n, struct target *t)
{
	struct link *next;

	t->is_asking = false;
	n->lookups--;
	next = list_take_first(&n->asking);
	if (next)
		lookup_start(n, container_of(next, struct target, in_asking));
}

/*
 * Puts the addresses just found beside the one that stays silent, and turns to
 * the first where there was no other: the peer may have moved.
 */
static void add_addrs(struct notify *n, struct target *t,
		      const struct notify_in *in)
{
	struct addr before = *target_addr(t);
	bool was_alone = t->addr_count == 1;

	target_set_addrs(t, in->resolved.addrs, in->resolved.count);
	if (!addr_is_same_host(&before, target_addr(t)))
		t->port = 0;
	if (!was_alone || t->addr_count == 1 || t->port > 0)
		return;
	note_progress(t);
	target_next_addr(t);
	set_ready(n, t);
}

static void on_resolved(struct notify *n, const struct notify_in *in)
{
	struct target *t = target_set_get(&n->set, in->resolved.id);

	if (!t || !t->is_asking || !list_is_empty(&t->in_asking))
		return;
	lookup_end(n, t);
	if (!target_has_names(t))
		return;
	if (t->addr_count > 0) {
		add_addrs(n, t, in);
		return;
	}
	target_set_addrs(t, in->resolved.addrs, in->resolved.count);
	if (t->addr_count > 0) {
		note_progress(t);
		set_ready(n, t);
		return;
	}
	if (!t->has_complained)
		outbox_log(&n->box, LOG_NOTE, "cannot find the address of ",
			   t->host, "; will try again");
	t->has_complained = true;
	set_wait(n, t);
	lengthen_wait(t);
}

/* --- the whole ----------------------------------------------------------- */

/* Names those who are left, as far as a log is the place for that. */
static void log_untold(struct notify *n)
{
	size_t left = notify_untold_count(n);
	unsigned int lines = 0;
	char count[24];

	for (size_t i = 0; i < n->set.count && lines < UNTOLD_LINES; i++) {
		struct target *t = n->set.targets[i];

		if (target_is_told(t))
			continue;
		outbox_log(&n->box, LOG_NOTE, "unable to notify ", t->mon_name,
			   ", giving up");
		lines++;
	}
	if (left > lines) {
		snprintf(count, sizeof(count), "%zu", left - lines);
		outbox_log(&n->box, LOG_NOTE, "", count,
			   " more peers could not be notified");
	}
}

static void end(struct notify *n)
{
	log_untold(n);
	outbox_done(&n->box, n->told, notify_untold_count(n));
	n->is_done = true;
}

/* Has every file rewritten that lost a line. */
static void flush_files(struct notify *n)
{
	struct buf content;
	const char *file;

	/* What is left is never more than what was read, and one LF. */
	buf_init(&content, SIZE_MAX - 1);
	while ((file = target_set_take_dirty(&n->set, &content)))
		outbox_rewrite(&n->box, file, &content);
	buf_fini(&content);
}

static void dispatch(struct notify *n, const struct notify_in *in)
{
	switch (in->kind) {
	case NOTIFY_IN_FILE:
		on_file(n, in);
		break;
	case NOTIFY_IN_START:
		on_start(n);
		break;
	case NOTIFY_IN_ANSWER:
		on_answer(n, in);
		break;
	case NOTIFY_IN_SEND_FAILED:
		on_send_failed(n, in);
		break;
	case NOTIFY_IN_RESOLVED:
		on_resolved(n, in);
		break;
	case NOTIFY_IN_TIMER:
		break;
	}
}

void notify_input(struct notify *n, uint64_t now_ms, const struct notify_in *in)
{
	struct timer *timer;

	if (n->is_done)
		return;
	n->now_ms = now_ms;
	/* ORDER: an answer that came counts, though its time is up, too. */
	dispatch(n, in);
	if (!n->is_started)
		return;
	pace_expire(&n->pace, now_ms);
	while ((timer = timerq_take(&n->timers, now_ms)))
		on_due(n, container_of(timer, struct target, timer));
	flush_files(n);
	if (n->active == 0 || now_ms >= n->give_up_ms)
		end(n);
	else
		send_ready(n);
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t notify_deadline_ms(const struct notify *n)
{
	bool is_wanted = !list_is_empty(&n->ready) || !list_is_empty(&n->eager);
	uint64_t at_ms;

	if (!n->is_started || n->is_done)
		return UINT64_MAX;
	at_ms = sooner(n->give_up_ms, timerq_deadline_ms(&n->timers));
	return sooner(at_ms, pace_deadline_ms(&n->pace, is_wanted));
}

size_t notify_untold_count(const struct notify *n)
{
	return n->set.count - n->told;
}
