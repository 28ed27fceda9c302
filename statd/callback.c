/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Works in rounds per (program, version): ask the local rpcbind for the port,
 * call with every event that waits, and begin again with a longer pause when
 * no answer came.  The port is never trusted beyond a round, because a lock
 * manager that was restarted has another.  An answer of the lock manager, or a
 * new event, makes the pause short again.
 *
 * ORDER: an event counts as delivered only when the lock manager answered it
 * from 127.0.0.1 and the port that was called; until then either the sender of
 * the notice has no answer and repeats it, or the event is in sm/.reclaim, so a
 * crash of ours loses nothing (contract.md M-1, M-2, S-3).
 */
#include "statd/callback.h"

#include <stdlib.h>
#include <string.h>

#include "lib/hostname.h"
#include "lib/portmap.h"
#include "lib/rpcsrv.h"
#include "lib/xalloc.h"
#include "proto/sm_inter.h"

/* A lock manager: what is on its way to one (program, version). */
struct lockmgr {
	struct link in_all; /* callbacks::lockmgrs */
	uint32_t prog;
	uint32_t vers;
	uint16_t port; /* 0: this round's look-up is open */
	struct rpccall lookup;
	struct timer timer;  /* the next round */
	struct link waiting; /* event::in_lockmgr: to be sent this round */
	struct link sent;    /* event::in_lockmgr: sent this round */
	unsigned int in_flight;
	unsigned int rounds; /* without an answer */
	bool is_reported;    /* that it is not registered */
};

void callbacks_init(struct callbacks *cb, struct effects *out, struct prng *rng)
{
	cb->out = out;
	cb->next_id = 1;
	rpccalls_init(&cb->calls, rng);
	rpccalls_init(&cb->lookups, rng);
	timerq_init(&cb->timers);
	list_init(&cb->lockmgrs);
	list_init(&cb->done);
}

void callbacks_fini(struct callbacks *cb)
{
	rpccalls_fini(&cb->calls);
	rpccalls_fini(&cb->lookups);
	timerq_fini(&cb->timers);
}

static uint64_t round_wait_ms(unsigned int rounds)
{
	uint64_t wait_ms = CALLBACK_WAIT_FIRST_MS;

	while (rounds-- > 0 && wait_ms < CALLBACK_WAIT_MAX_MS)
		wait_ms *= 2;
	return wait_ms < CALLBACK_WAIT_MAX_MS ? wait_ms : CALLBACK_WAIT_MAX_MS;
}

static void send_message(struct callbacks *cb, uint16_t port,
			 struct buf *message)
{
	struct addr to = addr_loopback(port);

	effects_send(cb->out, cb->next_id++, NSM_FROM_LOOPBACK, &to, message);
}

static void send_lookup(struct callbacks *cb, struct lockmgr *lockmgr)
{
	struct addr to = addr_loopback(PORTMAP_PORT);
	struct buf message;
	uint32_t xid = rpccalls_open(&cb->lookups, &lockmgr->lookup, &to);

	buf_init(&message, RPCMSG_SIZE_MAX);
	portmap_add_getport(&message, xid, to.family, lockmgr->prog,
			    lockmgr->vers, PORTMAP_UDP);
	send_message(cb, PORTMAP_PORT, &message);
}

static void send_event(struct callbacks *cb, struct event *event)
{
	const struct record *rec = &event->peer->rec;
	struct addr to = addr_loopback(event->lockmgr->port);
	struct sm_status status = {
		.mon_name.sm_string_val = rec->mon_name,
		.mon_name.sm_string_len = (u_int)strlen(rec->mon_name),
		.state = (int)event->number,
	};
	struct buf message;
	uint32_t xid = event->call.xid;

	/* A repetition keeps its xid, so that a late answer still counts. */
	if (!event->call.is_open || !addr_is_equal(&event->call.peer, &to))
		xid = rpccalls_open(&cb->calls, &event->call, &to);
	memcpy(status.priv, rec->priv, sizeof(status.priv));
	buf_init(&message, RPCMSG_SIZE_MAX);
	rpcmsg_add_call(&message, xid, rec->prog, rec->vers, rec->proc);
	rpcsrv_add_xdr(&message, (rpcsrv_xdr *)xdr_sm_status, &status);
	send_message(cb, to.port, &message);
}

/* Sends what waits, as far as the window lets it. */
static void lockmgr_pump(struct callbacks *cb, struct lockmgr *lockmgr)
{
	struct link *link;

	if (lockmgr->port == 0)
		return;
	while (lockmgr->in_flight < CALLBACK_IN_FLIGHT_MAX &&
	       (link = list_take_first(&lockmgr->waiting)) != NULL) {
		list_append(&lockmgr->sent, link);
		lockmgr->in_flight++;
		send_event(cb, container_of(link, struct event, in_lockmgr));
	}
}

static void lockmgr_begin_round(struct callbacks *cb, struct lockmgr *lockmgr,
				uint64_t now_ms)
{
	struct link *link;

	/* Those that were not answered go behind those not yet sent. */
	while ((link = list_take_first(&lockmgr->sent)) != NULL)
		list_append(&lockmgr->waiting, link);
	lockmgr->in_flight = 0;
	lockmgr->port = 0;
	send_lookup(cb, lockmgr);
	timerq_set(&cb->timers, &lockmgr->timer,
		   now_ms + round_wait_ms(lockmgr->rounds));
	lockmgr->rounds++;
}

static struct lockmgr *lockmgr_find(const struct callbacks *cb, uint32_t prog,
				    uint32_t vers)
{
	struct link *pos;

	list_for_each (pos, &cb->lockmgrs) {
		struct lockmgr *lockmgr =
			container_of(pos, struct lockmgr, in_all);

		if (lockmgr->prog == prog && lockmgr->vers == vers)
			return lockmgr;
	}
	return NULL;
}

static struct lockmgr *lockmgr_get(struct callbacks *cb, uint64_t now_ms,
				   uint32_t prog, uint32_t vers)
{
	struct lockmgr *lockmgr = lockmgr_find(cb, prog, vers);

	if (lockmgr != NULL)
		return lockmgr;
	lockmgr = xzalloc(sizeof(*lockmgr));
	lockmgr->prog = prog;
	lockmgr->vers = vers;
	list_init(&lockmgr->waiting);
	list_init(&lockmgr->sent);
	list_append(&cb->lockmgrs, &lockmgr->in_all);
	lockmgr_begin_round(cb, lockmgr, now_ms);
	return lockmgr;
}

static void lockmgr_drop_if_idle(struct callbacks *cb, struct lockmgr *lockmgr)
{
	if (!list_is_empty(&lockmgr->waiting) || !list_is_empty(&lockmgr->sent))
		return;
	rpccalls_close(&cb->lookups, &lockmgr->lookup);
	timerq_cancel(&cb->timers, &lockmgr->timer);
	list_remove(&lockmgr->in_all);
	free(lockmgr);
}

struct event *callbacks_find(const struct peer *peer, const char *name)
{
	struct link *pos;

	list_for_each (pos, &peer->events) {
		struct event *event = container_of(pos, struct event, in_peer);

		if (hostname_is_equal(event->name, name))
			return event;
	}
	return NULL;
}

struct event *callbacks_add(struct callbacks *cb, uint64_t now_ms,
			    struct peer *peer, const char *name,
			    uint32_t number)
{
	struct event *event = callbacks_find(peer, name);

	if (event != NULL) {
		/* An answer to the older number must not end the newer one. */
		rpccalls_close(&cb->calls, &event->call);
		event->number = number;
		return event;
	}
	event = xzalloc(sizeof(*event));
	event->peer = peer;
	event->name = xstrdup(name);
	event->number = number;
	event->since_ms = now_ms;
	list_init(&event->waiters);
	list_append(&peer->events, &event->in_peer);
	event->lockmgr =
		lockmgr_get(cb, now_ms, peer->rec.prog, peer->rec.vers);
	list_append(&event->lockmgr->waiting, &event->in_lockmgr);
	lockmgr_pump(cb, event->lockmgr);
	return event;
}

struct event *callbacks_take(struct callbacks *cb)
{
	struct link *link = list_take_first(&cb->done);

	if (link == NULL)
		return NULL;
	return container_of(link, struct event, in_lockmgr);
}

/* Takes @event out of its lockmgr, whose window has room again. */
static void event_detach(struct callbacks *cb, struct event *event)
{
	struct lockmgr *lockmgr = event->lockmgr;
	bool was_sent = event->call.is_open != 0;

	rpccalls_close(&cb->calls, &event->call);
	list_remove(&event->in_lockmgr);
	event->lockmgr = NULL;
	if (lockmgr == NULL)
		return;
	if (was_sent && lockmgr->in_flight > 0)
		lockmgr->in_flight--;
	lockmgr_drop_if_idle(cb, lockmgr);
}

void callbacks_discard(struct callbacks *cb, struct event *event)
{
	event_detach(cb, event);
	list_remove(&event->in_peer);
	free(event->name);
	free(event);
}

static void lookup_answered(struct callbacks *cb, uint64_t now_ms,
			    struct lockmgr *lockmgr,
			    const struct rpcmsg_reply *reply)
{
	int port = -1;

	if (reply->status == RPCMSG_SUCCESS)
		port = portmap_parse_getport(ADDR_V4, reply->results,
					     reply->results_len);
	if (port > 0) {
		lockmgr->port = (uint16_t)port;
		lockmgr_pump(cb, lockmgr);
		return;
	}
	timerq_set(&cb->timers, &lockmgr->timer,
		   now_ms + CALLBACK_UNREGISTERED_MS);
	lockmgr->rounds = 0;
	if (lockmgr->is_reported)
		return;
	lockmgr->is_reported = true;
	effects_log(
		cb->out, LOG_WARN,
		"the lock manager (program %u version %u) is not registered "
		"with rpcbind; reboot notices wait until it is",
		lockmgr->prog, lockmgr->vers);
}

static void event_answered(struct callbacks *cb, uint64_t now_ms,
			   struct event *event,
			   const struct rpcmsg_reply *reply)
{
	struct lockmgr *lockmgr = event->lockmgr;

	if (reply->status != RPCMSG_SUCCESS) {
		effects_debug(cb->out, LOG_CLASS_CALL,
			      "the lock manager refused a callback (status "
			      "%d); it is tried again",
			      (int)reply->status);
		return;
	}
	list_remove(&event->in_lockmgr);
	event->lockmgr = NULL;
	list_append(&cb->done, &event->in_lockmgr);
	if (lockmgr->in_flight > 0)
		lockmgr->in_flight--;
	lockmgr->rounds = 0;
	timerq_set(&cb->timers, &lockmgr->timer,
		   now_ms + round_wait_ms(lockmgr->rounds));
	lockmgr_pump(cb, lockmgr);
	lockmgr_drop_if_idle(cb, lockmgr);
}

bool callbacks_answer(struct callbacks *cb, uint64_t now_ms,
		      const struct addr *from, const uint8_t *bytes, size_t len)
{
	struct rpcmsg_reply reply;
	struct rpccall *call;

	if (rpccalls_match(&cb->lookups, from, bytes, len, &call, &reply) ==
	    RPCCALL_MATCHED) {
		lookup_answered(cb, now_ms,
				container_of(call, struct lockmgr, lookup),
				&reply);
		return true;
	}
	if (rpccalls_match(&cb->calls, from, bytes, len, &call, &reply) ==
	    RPCCALL_MATCHED) {
		event_answered(cb, now_ms,
			       container_of(call, struct event, call), &reply);
		return true;
	}
	return false;
}

void callbacks_timer(struct callbacks *cb, uint64_t now_ms)
{
	struct timer *timer;

	while ((timer = timerq_take(&cb->timers, now_ms)) != NULL)
		lockmgr_begin_round(cb,
				    container_of(timer, struct lockmgr, timer),
				    now_ms);
}

void callbacks_add_status(const struct callbacks *cb, struct buf *out)
{
	unsigned int shown = 0;
	const struct link *pos;

	list_for_each (pos, &cb->lockmgrs) {
		const struct lockmgr *lockmgr =
			container_of(pos, struct lockmgr, in_all);

		if (!lockmgr->is_reported || lockmgr->port != 0)
			continue;
		if (shown++ == CALLBACK_SHOWN_MAX)
			return;
		buf_addf(out,
			 "the lock manager (program %u version %u) is not "
			 "registered with rpcbind\n",
			 lockmgr->prog, lockmgr->vers);
	}
}

uint64_t callbacks_deadline_ms(const struct callbacks *cb)
{
	return timerq_deadline_ms(&cb->timers);
}
