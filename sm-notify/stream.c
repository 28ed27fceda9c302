/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where is your statd over TCP, then SM_NOTIFY there, one call per connection.
 * Nothing is repeated here: whoever is silent over UDP again is tried again.
 *
 * A connection is to the address that was asked, so only the xid is compared.
 */
#include "sm-notify/stream.h"

#include "lib/portmap.h"
#include "lib/rpcmsg.h"
#include "sm-notify/message.h"

void streams_init(struct streams *s, struct outbox *out, struct prng *rng,
		  uint32_t number)
{
	*s = (struct streams){.out = out, .rng = rng, .number = number};
	list_init(&s->urgent);
	list_init(&s->waiting);
}

static void add_notice(struct streams *s, struct target *t, struct buf *out)
{
	struct target_stream *stream = &t->stream;

	stream->name = target_next_name(t);
	stream->saying = stream->name->sayings.turn;
	message_add_notice(out, stream->xid,
			   &(struct message_notice){
				   .name = stream->name->text,
				   .len = sayings_len(&stream->name->sayings,
						      stream->saying),
				   .number = s->number,
			   });
}

/* Sends the next call to @t. */
static void send_call(struct streams *s, struct target *t)
{
	struct target_stream *stream = &t->stream;
	struct addr source = {.family = ADDR_NONE};
	struct buf message;

	stream->xid = prng_u32(s->rng);
	stream->peer.port = stream->port ? stream->port : PORTMAP_PORT;
	stream->name = NULL;
	buf_init(&message, RPCMSG_SIZE_MAX);
	if (stream->port) {
		add_notice(s, t, &message);
		source = *target_source(t, stream->name, stream->saying);
	} else {
		message_add_getport(&message, stream->xid, stream->peer.family,
				    PORTMAP_TCP);
	}
	stream->is_calling = true;
	t->tries++;
	outbox_call(s->out, t->id, &stream->peer, &source, &message);
}

static void begin(struct streams *s, struct target *t)
{
	struct target_stream *stream = &t->stream;

	s->open++;
	stream->is_open = true;
	stream->was_tried = true;
	if (!addr_is_same_host(&stream->peer, target_addr(t)))
		stream->port = 0;
	stream->peer = *target_addr(t);
	send_call(s, t);
}

void streams_want(struct streams *s, struct target *t)
{
	if (t->stream.is_open || !list_is_empty(&t->stream.in_waiting))
		return;
	if (s->open < STREAMS_MAX)
		begin(s, t);
	else
		list_append(t->is_urgent ? &s->urgent : &s->waiting,
			    &t->stream.in_waiting);
}

void streams_hurry(struct streams *s, struct target *t)
{
	if (list_is_empty(&t->stream.in_waiting))
		return;
	list_remove(&t->stream.in_waiting);
	list_append(&s->urgent, &t->stream.in_waiting);
}

/*
 * Takes the first that waits for a place, or NULL.  One request may park who
 * has a place and who waits for it: what is parked is never called.
 */
static struct target *take_waiting(struct streams *s)
{
	struct target *t;
	struct link *at;

	while ((at = list_take_first(&s->urgent)) ||
	       (at = list_take_first(&s->waiting))) {
		t = container_of(at, struct target, stream.in_waiting);
		if (!t->is_parked)
			return t;
	}
	return NULL;
}

void streams_end(struct streams *s, struct target *t)
{
	struct target_stream *stream = &t->stream;
	struct target *next;

	list_remove(&stream->in_waiting);
	if (!stream->is_open)
		return;
	if (stream->is_calling)
		outbox_hang_up(s->out, t->id);
	stream->is_calling = false;
	stream->is_open = false;
	stream->name = NULL;
	s->open--;
	next = take_waiting(s);
	if (next)
		begin(s, next);
}

/* It may have been parked meanwhile. */
static void call_next(struct streams *s, struct target *t)
{
	if (t->is_parked)
		streams_end(s, t);
	else
		send_call(s, t);
}

void streams_failed(struct streams *s, struct target *t)
{
	if (!t->stream.is_calling)
		return;
	t->stream.is_calling = false;
	t->stream.port = 0;
	streams_end(s, t);
}

enum stream_news streams_answer(struct streams *s, struct target *t,
				const uint8_t *bytes, size_t len)
{
	struct target_stream *stream = &t->stream;
	struct rpcmsg_reply reply;
	int port;

	if (!stream->is_calling)
		return STREAM_NOTHING;
	stream->is_calling = false;
	if (!rpcmsg_parse_reply(bytes, len, &reply) ||
	    reply.xid != stream->xid || reply.status != RPCMSG_SUCCESS) {
		stream->port = 0;
		streams_end(s, t);
		return STREAM_REFUSED;
	}
	if (stream->name)
		return STREAM_ACKED;
	port = portmap_parse_getport(stream->peer.family, reply.results,
				     reply.results_len);
	if (port > 0) {
		stream->port = (uint16_t)port;
		call_next(s, t);
		return STREAM_NOTHING;
	}
	streams_end(s, t);
	return port == 0 ? STREAM_NO_STATD : STREAM_REFUSED;
}

void streams_go_on(struct streams *s, struct target *t)
{
	call_next(s, t);
}
