/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls over TCP from sm-notify: nothing is lost on the way, but a connection
 * may fail, end without an answer, or find that nobody listens.  Nobody can
 * answer for another here.
 */
#include "tests/sim/sim.h"

#include <string.h>

#include "lib/buf.h"
#include "lib/portmap.h"
#include "lib/rpcmsg.h"
#include "lib/xalloc.h"

#define TIMEOUT_MS 10000 /* os/tcpcall's */

static struct stream *find(struct host *h, uint64_t id)
{
	for (size_t i = 0; i < SIM_STREAMS_MAX; i++) {
		if (h->notifier.streams[i].seq != 0 &&
		    h->notifier.streams[i].id == id)
			return &h->notifier.streams[i];
	}
	return NULL;
}

static struct stream *find_free(struct host *h)
{
	for (size_t i = 0; i < SIM_STREAMS_MAX; i++) {
		if (h->notifier.streams[i].seq == 0)
			return &h->notifier.streams[i];
	}
	return NULL;
}

/* Closes the stream that @e is about; false where it is over already. */
static bool take(struct host *h, const struct event *e)
{
	struct stream *stream = find(h, e->id);

	if (h->notifier.core == NULL || e->life != h->notifier.life ||
	    stream == NULL || stream->seq != e->index)
		return false;
	stream->seq = 0;
	return true;
}

static void fail(struct sim *s, struct event *e)
{
	const struct notify_in in = {.kind = NOTIFY_IN_CALL_FAILED,
				     .call.id = e->id};

	if (!take(e->host, e))
		return;
	trace(s, e->host, "notify <- CALL_FAILED %llu",
	      (unsigned long long)e->id);
	notifier_input(e->host, &in);
}

static void bring_back(struct sim *s, struct event *e)
{
	const struct notify_in in = {.kind = NOTIFY_IN_CALL_ANSWER,
				     .bytes = e->packet->bytes,
				     .len = e->packet->len,
				     .call.id = e->id};
	const struct stream *stream = find(e->host, e->id);

	if (e->host->foreign.kind != FOREIGN_NONE) {
		tidings_answer(e->host, e->packet);
		return;
	}
	if (!take(e->host, e))
		return;
	e->packet->from = stream->peer;
	trace(s, e->host, "notify <- CALL_ANSWER %llu",
	      (unsigned long long)e->id);
	check_ack_delivered(e->host, e->packet);
	notifier_input(e->host, &in);
}

/* An event about the stream @call, for the one that called. */
static struct event *back(struct host *h, const struct statd_call *call,
			  event_run *run)
{
	struct event *e = sim_after(h->sim, sim_between(h->sim, 1, 200), run,
				    call->sender);

	e->id = call->stream_id;
	e->index = call->stream_seq;
	e->life = call->stream_life;
	return e;
}

void stream_answer(struct host *h, const struct statd_call *call,
		   const uint8_t *bytes, size_t len)
{
	struct packet *p;

	/* A connection may break at any time. */
	if (sim_mishap(h->sim, 10))
		return;
	p = xzalloc(sizeof(*p));
	p->sender = h;
	p->acks = call->notice;
	p->bytes = xmemdup(bytes, len);
	p->len = len;
	back(h, call, bring_back)->packet = p;
}

static void answer_port(struct host *h, const struct statd_call *call,
			const struct packet *p)
{
	struct buf reply;

	buf_init(&reply, RPCMSG_SIZE_MAX);
	net_add_port(h, p, &reply);
	if (reply.len > 0)
		stream_answer(h, call, reply.bytes, reply.len);
	buf_fini(&reply);
}

static void arrive(struct sim *s, struct event *e)
{
	const struct packet *p = e->packet;
	struct host *h = e->host;
	struct statd_call call = {
		.came_ms = s->now_ms,
		.from = p->from,
		.sender = p->sender,
		.notice = p->acks,
		.is_stream = true,
		.stream_id = e->id,
		.stream_seq = e->index,
		.stream_life = e->life,
	};

	if (!h->is_up)
		return;
	if (p->to.port == PORTMAP_PORT)
		answer_port(h, &call, p);
	else if (h->foreign.kind != FOREIGN_NONE)
		foreign_stream(h, &call, p);
	else if (p->to.port == h->statd.port && h->statd.core != NULL)
		statd_call(h, &call, NSM_TCP, p->bytes, p->len);
	else
		back(h, &call, fail); /* nobody listens */
}

/* Sends what @out says to @to, where there is a way. */
static void connect_to(struct host *h, const struct addr *there,
		       struct host *to, const struct notify_out *out,
		       const struct event *key)
{
	struct packet *p;
	struct event *e;

	if (to == NULL || !net_has_way(h, to) || sim_mishap(h->sim, 10))
		return;
	p = xzalloc(sizeof(*p));
	p->from = h->addr;
	p->from.port = NOTIFY_PORT;
	nat_leave(h, to, &p->from);
	p->to = *there;
	p->sender = h;
	p->bytes = xmemdup(out->bytes, out->len);
	p->len = out->len;
	net_read_notice(out->bytes, out->len, &p->acks);
	e = sim_after(h->sim, sim_between(h->sim, 1, 200), arrive, to);
	e->id = key->id;
	e->index = key->index;
	e->life = key->life;
	e->packet = p;
}

void stream_call(struct host *h, const struct notify_out *out)
{
	struct stream *stream = find_free(h);
	struct notice_mark notice = {0};
	char peer[ADDR_TEXT_SIZE];
	struct addr there;
	struct host *to;
	struct event *e;

	net_read_notice(out->bytes, out->len, &notice);
	trace(h->sim, h, "notify: CALL %llu to %s port %u \"%s\" %u",
	      (unsigned long long)out->send.id,
	      addr_format(&out->send.peer, peer), out->send.peer.port,
	      notice.name, notice.number);
	if (stream == NULL || find(h, out->send.id) != NULL) {
		check_violate(h, "calls_over_tcp_are_few", "%llu",
			      (unsigned long long)out->send.id);
		return;
	}
	if (notice.is_notice) {
		check_notice_sent(h, &out->send.peer, &notice);
		laterule_check_record(h, out->send.id);
	}
	stream->id = out->send.id;
	stream->peer = out->send.peer;
	stream->seq = ++h->notifier.stream_seq;
	e = sim_after(h->sim, TIMEOUT_MS, fail, h);
	e->id = stream->id;
	e->index = stream->seq;
	e->life = h->notifier.life;
	there = out->send.peer;
	to = nat_enter(h, &there);
	connect_to(h, &there, to, out, e);
}

void stream_tell(struct host *h, const struct addr *to, uint16_t port,
		 const struct buf *message)
{
	struct addr there = *to;
	struct host *dest = nat_enter(h, &there);
	struct packet *p;

	if (dest == NULL || !net_has_way(h, dest) || sim_mishap(h->sim, 10))
		return;
	p = xzalloc(sizeof(*p));
	p->from = h->addr;
	p->from.port = port;
	nat_leave(h, dest, &p->from);
	p->to = there;
	p->sender = h;
	p->bytes = xmemdup(message->bytes, message->len);
	p->len = message->len;
	net_read_notice(p->bytes, p->len, &p->acks);
	sim_after(h->sim, sim_between(h->sim, 1, 200), arrive, dest)->packet =
		p;
}

void stream_hang_up(struct host *h, uint64_t id)
{
	struct stream *stream = find(h, id);

	trace(h->sim, h, "notify: HANG_UP %llu", (unsigned long long)id);
	if (stream == NULL)
		check_violate(h, "calls_over_tcp_are_few",
			      "%llu is hung up, but not open",
			      (unsigned long long)id);
	else
		stream->seq = 0;
}

void stream_end_all(struct host *h)
{
	memset(h->notifier.streams, 0, sizeof(h->notifier.streams));
}
