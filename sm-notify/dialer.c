/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the connections of the notifier's core.  There are few at a time
 * (STREAMS_MAX), so a list will do.  A call that cannot even begin fails from
 * the loop, too: the core is not fed while it has effects to hand out.
 */
#include "sm-notify/dialer.h"

#include <stdlib.h>

#include "lib/list.h"
#include "lib/xalloc.h"
#include "os/tcpcall.h"

struct dialed {
	struct link in_calls; /* dialer::calls */
	struct dialer *dialer;
	uint64_t id;
	struct tcpcall *call;	  /* NULL: it could not begin */
	struct loop_timer *timer; /* ... and this says so */
};

struct dialer {
	struct loop *loop;
	struct addr local;
	dialer_feed *feed;
	void *ctx;
	struct link calls; /* of dialed::in_calls */
};

struct dialer *dialer_new(struct loop *loop, const struct addr *local,
			  dialer_feed *feed, void *ctx)
{
	struct dialer *dialer = xzalloc(sizeof(*dialer));

	dialer->loop = loop;
	dialer->local = *local;
	dialer->local.port = 0; /* each connection has one of its own */
	dialer->feed = feed;
	dialer->ctx = ctx;
	list_init(&dialer->calls);
	return dialer;
}

static void dialed_free(struct dialed *dialed)
{
	list_remove(&dialed->in_calls);
	tcpcall_free(dialed->call);
	loop_timer_free(dialed->timer);
	free(dialed);
}

/*
 * ORDER: fed, then freed: the answer is borrowed from the call.  It leaves the
 * list before, since what is fed may begin another call to the same peer.
 */
static void on_done(void *ctx, int error, const uint8_t *bytes, size_t len)
{
	struct dialed *dialed = ctx;
	struct dialer *dialer = dialed->dialer;
	const struct notify_in in = {
		.kind = error ? NOTIFY_IN_CALL_FAILED : NOTIFY_IN_CALL_ANSWER,
		.bytes = bytes,
		.len = len,
		.call.id = dialed->id,
	};

	list_remove(&dialed->in_calls);
	dialer->feed(dialer->ctx, &in);
	dialed_free(dialed);
}

static void on_failed(void *ctx)
{
	on_done(ctx, -1, NULL, 0);
}

void dialer_call(struct dialer *dialer, const struct notify_out *out)
{
	const struct addr *source = out->send.source.family != ADDR_NONE
					    ? &out->send.source
					    : &dialer->local;
	struct dialed *dialed = xzalloc(sizeof(*dialed));
	int error;

	dialed->dialer = dialer;
	dialed->id = out->send.id;
	list_append(&dialer->calls, &dialed->in_calls);
	dialed->call = tcpcall_open(dialer->loop, source, &out->send.peer,
				    &error, on_done, dialed);
	if (dialed->call) {
		tcpcall_say(dialed->call, out->bytes, out->len);
		return;
	}
	dialed->timer = loop_timer_new(dialer->loop, on_failed, dialed);
	loop_timer_set(dialed->timer, loop_now_ms());
}

void dialer_hang_up(struct dialer *dialer, uint64_t id)
{
	struct link *at, *after;

	list_for_each_safe (at, after, &dialer->calls) {
		struct dialed *dialed =
			container_of(at, struct dialed, in_calls);

		if (dialed->id == id)
			dialed_free(dialed);
	}
}

void dialer_free(struct dialer *dialer)
{
	struct link *at;

	if (!dialer)
		return;
	while ((at = list_take_first(&dialer->calls)))
		dialed_free(container_of(at, struct dialed, in_calls));
	free(dialer);
}
