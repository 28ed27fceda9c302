/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When each peer is spoken to, and what its answers mean.  One call per peer
 * is on its way at a time: where is your statd, then SM_NOTIFY for each of our
 * names (X/Open CAE C702 chapter 11).
 *
 * Three things hold a packet back: the peer's own back-off (timers), the
 * window of open calls, and packets_per_second (pace.c).  Peers that are due
 * wait, first come first served, but those whom somebody waits for go first
 * (request.c), and those that have answered before those of whom nothing was
 * heard yet: a conversation that was begun is finished within the peer's grace
 * period, however many others are gone.  No event costs work that grows with
 * the number of peers.
 *
 * It refuses to count anything but a well-formed answer with the right xid
 * from the address that was asked (contract.md S-2).
 */
#include "sm-notify/talk.h"

#include <assert.h>

#include "lib/portmap.h"
#include "sm-notify/message.h"

void talk_init(struct talk *k, const struct talk_rooms *rooms, uint32_t number,
	       uint32_t packets_per_second)
{
	*k = (struct talk){
		.out = rooms->out,
		.set = rooms->set,
		.lookups = rooms->lookups,
		.requests = rooms->requests,
		.rng = rooms->rng,
		.number = number,
	};
	rpccalls_init(&k->calls, k->rng);
	timerq_init(&k->timers);
	pace_init(&k->pace, packets_per_second);
	list_init(&k->urgent);
	streams_init(&k->streams, k->out, k->rng, number);
	list_init(&k->eager);
	list_init(&k->ready);
}

void talk_fini(struct talk *k)
{
	rpccalls_fini(&k->calls);
	timerq_fini(&k->timers);
}

/* Notes what is in the way of @t. */
static void set_why(struct talk *k, struct target *t, enum notify_why why)
{
	t->why = why;
	k->changes++;
}

/* --- the schedule of one peer -------------------------------------------- */

static void set_ready(struct talk *k, struct target *t)
{
	struct link *queue = t->slot.has_answered ? &k->eager : &k->ready;

	timerq_cancel(&k->timers, &t->timer);
	if (list_is_empty(&t->in_ready))
		list_append(t->is_urgent ? &k->urgent : queue, &t->in_ready);
}

/* Sets the next attempt of @t, a quarter sooner or later than its wait. */
static void set_wait(struct talk *k, struct target *t)
{
	uint64_t wait_ms = t->wait_ms - t->wait_ms / 4 +
			   prng_below(k->rng, t->wait_ms / 2 + 1);

	timerq_set(&k->timers, &t->timer, k->now_ms + wait_ms);
}

static void lengthen_wait(struct target *t, uint32_t max_ms)
{
	t->wait_ms *= 2;
	if (t->wait_ms > max_ms)
		t->wait_ms = max_ms;
}

/*
 * Whether a grace period may run that must not be slept through: a peer that
 * comes within reach in it has locks to reclaim.
 */
static bool is_grace(const struct talk *k)
{
	return k->now_ms < k->begun_ms + NOTIFY_GRACE_MS;
}

static uint32_t wait_max_ms(const struct talk *k)
{
	return is_grace(k) ? NOTIFY_WAIT_GRACE_MS : NOTIFY_WAIT_MAX_MS;
}

/* One that knows our full name, and leaves another saying unanswered. */
static bool is_known_to(const struct target_name *name)
{
	return name && name->sayings.all[SAYING_FIRST].is_acked;
}

static void note_progress(struct target *t)
{
	t->wait_ms = t->is_urgent ? NOTIFY_URGENT_MS : NOTIFY_WAIT_FIRST_MS;
	t->silent = 0;
}

/* Turns to the next address; what was known of the last one is forgotten. */
static void turn_addr(struct talk *k, struct target *t)
{
	t->silent = 0;
	t->port = 0;
	if (target_next_addr(t))
		lookups_ask(k->lookups, t);
}

/* No answer to what was sent to @t counts any more. */
static void call_forget(struct talk *k, struct target *t)
{
	rpccalls_close(&k->calls, &t->call);
	t->announced = NULL;
}

/* Nothing more is to be said to @t: it was told, or it is parked. */
static void finish(struct talk *k, struct target *t)
{
	call_forget(k, t);
	streams_end(&k->streams, t);
	pace_release(&k->pace, &t->slot);
	timerq_cancel(&k->timers, &t->timer);
	list_remove(&t->in_ready);
	t->is_awaiting = false;
	k->active -= t->is_active;
	t->is_active = false;
	k->changes++;
	requests_note(k->requests);
	if (!target_is_told(t))
		return;
	/* By an answer that came with the news that grace is over. */
	t->is_parked = false;
	t->is_parked_here = false;
	list_remove(&t->in_called);
	k->told++;
	t->why = NOTIFY_TOLD;
	t->told_ms = k->now_ms;
	outbox_told(k->out, (size_t)t->id - 1);
	outbox_log(k->out, LOG_TRACE, "notified ", t->mon_name, "");
}

/* The peer was silent for as long as it was given. */
static void note_silence(struct talk *k, struct target *t)
{
	struct target_name *name = t->announced;
	unsigned int saying = t->saying;

	t->is_awaiting = false;
	lengthen_wait(t,
		      is_known_to(name) ? NOTIFY_WAIT_LEFT_MS : wait_max_ms(k));
	/* What it said before it fell silent says more. */
	if (t->why == NOTIFY_NOT_YET || t->why == NOTIFY_UNRESOLVED)
		set_why(k, t, NOTIFY_SILENT);
	if (name) {
		call_forget(k, t);
		target_set_unacked(k->set, t, name, saying);
	}
	t->silent++;
	if (t->silent == NOTIFY_STREAM_TRIES && target_has_names(t))
		streams_want(&k->streams, t);
	if (t->silent >= NOTIFY_SILENT_TRIES)
		turn_addr(k, t);
}

static void on_due(struct talk *k, struct target *t)
{
	if (t->addr_count == 0) {
		lookups_ask(k->lookups, t);
		return;
	}
	if (t->is_awaiting)
		note_silence(k, t);
	if (target_has_names(t))
		set_ready(k, t);
	else
		finish(k, t);
}

/*
 * Somebody waits for @t: its back-off is over, and it is given a short one.
 * What was sent within PACE_SLOT_MS may still be answered.
 */
static void hurry(struct talk *k, struct target *t)
{
	uint64_t at_ms = k->now_ms;

	if (!t->is_active)
		return;
	streams_hurry(&k->streams, t);
	/* What is not answered by then lengthens it. */
	t->wait_ms = t->is_awaiting ? NOTIFY_URGENT_MS / 2 : NOTIFY_URGENT_MS;
	if (!list_is_empty(&t->in_ready)) {
		list_remove(&t->in_ready);
		list_append(&k->urgent, &t->in_ready);
		return;
	}
	if (!list_is_empty(&t->slot.in_slots))
		at_ms += NOTIFY_URGENT_MS;
	if (timer_is_set(&t->timer) && at_ms < t->timer.at_ms)
		timerq_set(&k->timers, &t->timer, at_ms);
}

void talk_obey(struct talk *k)
{
	struct target *t;

	while ((t = requests_next(k->requests))) {
		if (t->is_parked)
			finish(k, t);
		else
			hurry(k, t);
	}
}

/* --- sending ------------------------------------------------------------- */

static void add_notice(const struct talk *k, struct target *t, struct buf *out,
		       uint32_t xid)
{
	message_add_notice(out, xid,
			   &(struct message_notice){
				   .name = t->announced->text,
				   .len = sayings_len(&t->announced->sayings,
						      t->saying),
				   .number = k->number,
			   });
}

/* Sends the next call to @t: where is your statd, or that we rebooted. */
static void send_next(struct talk *k, struct target *t)
{
	struct addr source = {.family = ADDR_NONE};
	struct addr peer = *target_addr(t);
	struct buf message;
	uint32_t xid;

	peer.port = t->port ? t->port : PORTMAP_PORT;
	t->announced = t->port ? target_next_name(t) : NULL;
	xid = rpccalls_open(&k->calls, &t->call, &peer);
	buf_init(&message, RPCMSG_SIZE_MAX);
	if (t->announced) {
		t->saying = t->announced->sayings.turn;
		add_notice(k, t, &message, xid);
		source = *target_source(t, t->announced, t->saying);
	} else {
		message_add_getport(&message, xid, peer.family, PORTMAP_UDP);
	}
	outbox_send(k->out, t->id, &peer, &source, &message);
	t->is_awaiting = true;
	t->tries++;
	k->changes++;
	pace_sent(&k->pace, &t->slot, k->now_ms);
	set_wait(k, t);
}

void talk_send(struct talk *k)
{
	struct link *first;

	while (pace_is_open(&k->pace, k->now_ms)) {
		first = list_take_first(&k->urgent);
		if (!first)
			first = list_take_first(&k->eager);
		if (!first)
			first = list_take_first(&k->ready);
		if (!first)
			return;
		send_next(k, container_of(first, struct target, in_ready));
	}
}

/* --- what comes in ------------------------------------------------------- */

static void on_port(struct talk *k, struct target *t, int port)
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
		set_ready(k, t);
		return;
	}
	set_why(k, t, NOTIFY_NO_STATD);
	outbox_log(k->out, LOG_TRACE, "no statd is registered at ", t->mon_name,
		   "");
	list_remove(&t->in_ready);
	/* It may be starting: in grace it is asked as one that is silent. */
	if (t->addr_count > 1 || is_grace(k))
		lengthen_wait(t, wait_max_ms(k));
	else
		t->wait_ms = NOTIFY_WAIT_MAX_MS;
	turn_addr(k, t);
	set_wait(k, t);
}

/* The saying @at of @name was acknowledged, over UDP or TCP. */
static void on_acked(struct talk *k, struct target *t, struct target_name *name,
		     unsigned int at)
{
	note_progress(t);
	target_set_acked(k->set, t, name, at);
	k->changes++;
	if (!target_has_names(t))
		finish(k, t);
}

static void on_answered(struct talk *k, struct target *t,
			const struct rpcmsg_reply *reply,
			const struct notify_in *in)
{
	const struct addr *from = &in->answer.from;
	struct target_name *name = t->announced;

	pace_answered(&k->pace, &t->slot);
	if (reply->status != RPCMSG_SUCCESS) {
		/* As good as silence; whoever has that port is no statd. */
		t->port = 0;
		set_why(k, t, NOTIFY_REFUSED);
		return;
	}
	target_set_learn_sources(k->set, t, &in->answer.to);
	if (name) {
		t->is_awaiting = false;
		t->announced = NULL;
		t->is_stream_acked = false;
		on_acked(k, t, name, t->saying);
		if (target_has_names(t))
			set_ready(k, t);
		return;
	}
	/* The answer may be that of an address we have turned away from. */
	if (target_use_addr(t, from))
		on_port(k, t,
			portmap_parse_getport(from->family, reply->results,
					      reply->results_len));
}

void talk_answer(struct talk *k, const struct notify_in *in)
{
	struct rpcmsg_reply reply;
	struct rpccall *call;
	struct target *t;

	switch (rpccalls_match(&k->calls, &in->answer.from, in->bytes, in->len,
			       &call, &reply)) {
	case RPCCALL_MATCHED:
		t = container_of(call, struct target, call);
		on_answered(k, t, &reply, in);
		break;
	case RPCCALL_OTHER_ADDRESS:
		/* Somebody who heard us; a connection shows who it is. */
		t = container_of(call, struct target, call);
		if (target_has_names(t))
			streams_want(&k->streams, t);
		break;
	case RPCCALL_STRANGER:
		break;
	}
}

void talk_call_answered(struct talk *k, struct target *t, const uint8_t *bytes,
			size_t len)
{
	switch (streams_answer(&k->streams, t, bytes, len)) {
	case STREAM_NOTHING:
		return;
	case STREAM_REFUSED:
		set_why(k, t, NOTIFY_REFUSED);
		return;
	case STREAM_NO_STATD:
		set_why(k, t, NOTIFY_NO_STATD);
		return;
	case STREAM_ACKED:
		break;
	}
	t->is_stream_acked = true;
	on_acked(k, t, t->stream.name, t->stream.saying);
	if (target_has_names(t))
		streams_go_on(&k->streams, t);
}

void talk_send_failed(struct talk *k, struct target *t)
{
	if (!t->is_awaiting)
		return;
	pace_release(&k->pace, &t->slot);
	if (t->has_complained)
		return;
	t->has_complained = true;
	outbox_log(k->out, LOG_TRACE, "cannot send to ", t->mon_name, "");
}

/*
 * Puts the addresses just found beside the one that stays silent, and turns to
 * the first where there was no other: the peer may have moved.
 */
static void add_addrs(struct talk *k, struct target *t,
		      const struct addr *addrs, size_t count)
{
	struct addr before = *target_addr(t);
	bool was_alone = t->addr_count == 1;

	target_take_addrs(t, addrs, count);
	if (!addr_is_same_host(&before, target_addr(t)))
		t->port = 0;
	if (!was_alone || t->addr_count == 1 || t->port > 0)
		return;
	note_progress(t);
	target_next_addr(t);
	set_ready(k, t);
}

/* Whether the name of @t is guarded, or an address of it. */
static bool is_guarded(const struct guards *guards, const struct target *t)
{
	if (guards_have_name(guards, t->mon_name))
		return true;
	for (size_t i = 0; i < t->addr_count; i++) {
		if (guards_have_addr(guards, &t->addrs[i]))
			return true;
	}
	return false;
}

/*
 * Parks @t where a look-up, or a file that could not be read at first, has led
 * to a peer that was spoken of as one that needs no notice: it is monitored
 * again.  Nobody has spoken of it to this run where that was while none ran, or
 * another one: then @is_late.  Of one that is urgent somebody knows, who will
 * say when it is late.
 */
static bool park_guarded(struct talk *k, struct target *t, bool is_late)
{
	if (!is_guarded(&k->set->guards, t) && (!is_late || t->is_urgent))
		return false;
	t->is_parked = true;
	t->is_parked_here = true;
	outbox_log(k->out, LOG_NOTE, "not notifying ", t->mon_name,
		   ": untold, monitored again");
	finish(k, t);
	return true;
}

void talk_resolved(struct talk *k, struct target *t, const struct notify_in *in)
{
	struct addr away[NOTIFY_ADDRS_MAX];
	size_t count;

	if (!lookups_end(k->lookups, t) || !target_has_names(t) || t->is_parked)
		return;
	count = lookups_choose(t, in->resolved.addrs, in->resolved.count, away);
	if (t->addr_count > 0) {
		add_addrs(k, t, away, count);
		park_guarded(k, t, in->resolved.is_late);
		return;
	}
	target_take_addrs(t, away, count);
	if (park_guarded(k, t, in->resolved.is_late))
		return;
	if (t->addr_count > 0) {
		note_progress(t);
		set_ready(k, t);
		return;
	}
	set_why(k, t, NOTIFY_UNRESOLVED);
	if (!t->has_complained)
		outbox_log(k->out, LOG_NOTE, "cannot find the address of ",
			   t->host, "; will try again");
	t->has_complained = true;
	set_wait(k, t);
	lengthen_wait(t, wait_max_ms(k));
}

/* What was told has got something more to be told. */
static void reopen(struct talk *k, struct target *t)
{
	if (t->why != NOTIFY_TOLD)
		return;
	k->told--;
	set_why(k, t, NOTIFY_NOT_YET);
}

void talk_begin(struct talk *k, struct target *t)
{
	k->changes++;
	if (!target_has_names(t) || t->is_parked || target_is_aside(t) ||
	    t->is_active)
		return;
	reopen(k, t);
	if (park_guarded(k, t, false))
		return;
	if (k->begun_ms == 0)
		k->begun_ms = k->now_ms;
	note_progress(t);
	if (t->addr_count > 0) {
		set_ready(k, t);
	} else if (t->host) {
		lookups_ask(k->lookups, t);
	} else {
		set_why(k, t, NOTIFY_NO_ADDRESS);
		outbox_log(k->out, LOG_WARN, "unable to notify ", t->mon_name,
			   ": neither an address nor a host name");
		return;
	}
	t->is_active = true;
	k->active++;
}

void talk_expire(struct talk *k)
{
	struct timer *timer;

	pace_expire(&k->pace, k->now_ms);
	while ((timer = timerq_take(&k->timers, k->now_ms)))
		on_due(k, container_of(timer, struct target, timer));
}

uint64_t talk_deadline_ms(const struct talk *k)
{
	bool is_wanted = !list_is_empty(&k->ready) ||
			 !list_is_empty(&k->eager) ||
			 !list_is_empty(&k->urgent);
	uint64_t at_ms = timerq_deadline_ms(&k->timers);
	uint64_t pace_ms = pace_deadline_ms(&k->pace, is_wanted);

	return pace_ms < at_ms ? pace_ms : at_ms;
}
