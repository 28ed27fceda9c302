/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Owns the event base of libevent and hides it: nobody else includes event2/.
 * Level triggered, so a call may leave work for the next turn; that is how all
 * services bound what one peer gets per turn.  Has no opinion on what a call
 * does, closes no descriptor, and knows no wall clock.
 */
#include "os/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <event2/event.h>

#include "lib/xalloc.h"

/* Later than any daemon lives; keeps the conversions below in range. */
#define DELAY_MS_MAX (UINT64_C(10) * 365 * 24 * 3600 * 1000)

struct loop {
	struct event_base *base;
};

struct loop_watch {
	struct loop *loop;
	struct event *event;
	unsigned int events;
	loop_fd_call *fd_call; /* NULL: a signal */
	loop_call *signal_call;
	void *ctx;
};

struct loop_timer {
	struct event *event;
	loop_call *call;
	void *ctx;
};

uint64_t loop_now_ms(void)
{
	struct timespec now;
	int failed = clock_gettime(CLOCK_MONOTONIC, &now);

	if (failed != 0)
		abort();
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/*
 * SAFETY: libevent's default clock is coarse and cached for a whole turn; a
 * timer would come some milliseconds before its time, find nothing to do, and
 * spin.  Both are turned off.
 */
struct loop *loop_new(void)
{
	struct loop *loop = xzalloc(sizeof(*loop));
	struct event_config *config = event_config_new();

	if (config == NULL)
		abort();
	if (event_config_set_flag(config,
				  EVENT_BASE_FLAG_IGNORE_ENV |
					  EVENT_BASE_FLAG_NO_CACHE_TIME |
					  EVENT_BASE_FLAG_PRECISE_TIMER) != 0)
		abort();
	loop->base = event_base_new_with_config(config);
	if (loop->base == NULL)
		abort();
	event_config_free(config);
	return loop;
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	event_base_free(loop->base);
	free(loop);
}

/* The watch may be gone when a call returns: nothing is touched after it. */
static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct loop_watch *watch = arg;
	unsigned int events = 0;

	if (watch->fd_call == NULL) {
		watch->signal_call(watch->ctx);
		return;
	}
	if (what & EV_READ)
		events |= LOOP_READ;
	if (what & EV_WRITE)
		events |= LOOP_WRITE;
	watch->fd_call(watch->ctx, fd, events);
}

static short event_bits(unsigned int events)
{
	int bits = EV_PERSIST;

	if (events & LOOP_READ)
		bits |= EV_READ;
	if (events & LOOP_WRITE)
		bits |= EV_WRITE;
	return (short)bits;
}

static void event_start(struct event *event)
{
	if (event_add(event, NULL) != 0)
		abort();
}

static struct event *event_make(struct loop_watch *watch, int fd, int bits)
{
	struct event *event =
		event_new(watch->loop->base, fd, (short)bits, on_event, watch);

	if (event == NULL)
		abort();
	return event;
}

struct loop_watch *loop_watch(struct loop *loop, int fd, unsigned int events,
			      loop_fd_call *call, void *ctx)
{
	struct loop_watch *watch = xzalloc(sizeof(*watch));

	assert(fd >= 0 && call != NULL);
	watch->loop = loop;
	watch->fd_call = call;
	watch->ctx = ctx;
	watch->event = event_make(watch, fd, event_bits(0));
	loop_watch_set(watch, events);
	return watch;
}

void loop_watch_set(struct loop_watch *watch, unsigned int events)
{
	int fd = event_get_fd(watch->event);

	assert(watch->fd_call != NULL);
	if (events == watch->events)
		return;
	watch->events = events;
	event_del(watch->event);
	if (events == 0)
		return;
	if (event_assign(watch->event, watch->loop->base, fd,
			 event_bits(events), on_event, watch) != 0)
		abort();
	event_start(watch->event);
}

void loop_unwatch(struct loop_watch *watch)
{
	if (watch == NULL)
		return;
	event_free(watch->event);
	free(watch);
}

struct loop_watch *loop_signal(struct loop *loop, int signal, loop_call *call,
			       void *ctx)
{
	struct loop_watch *watch = xzalloc(sizeof(*watch));

	assert(call != NULL);
	watch->loop = loop;
	watch->signal_call = call;
	watch->ctx = ctx;
	watch->event = event_make(watch, signal, EV_SIGNAL | EV_PERSIST);
	event_start(watch->event);
	return watch;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *timer = arg;

	(void)fd; /* a timer has none */
	(void)what;
	timer->call(timer->ctx);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_call *call, void *ctx)
{
	struct loop_timer *timer = xzalloc(sizeof(*timer));

	assert(call != NULL);
	timer->call = call;
	timer->ctx = ctx;
	timer->event = event_new(loop->base, -1, 0, on_timer, timer);
	if (timer->event == NULL)
		abort();
	return timer;
}

void loop_timer_set(struct loop_timer *timer, uint64_t at_ms)
{
	uint64_t now_ms = loop_now_ms();
	uint64_t wait_ms = at_ms > now_ms ? at_ms - now_ms : 0;
	struct timeval wait;

	event_del(timer->event);
	if (at_ms == UINT64_MAX)
		return;
	if (wait_ms > DELAY_MS_MAX)
		wait_ms = DELAY_MS_MAX;
	wait = (struct timeval){
		.tv_sec = (time_t)(wait_ms / 1000),
		.tv_usec = (suseconds_t)(wait_ms % 1000 * 1000),
	};
	if (event_add(timer->event, &wait) != 0)
		abort();
}

void loop_timer_free(struct loop_timer *timer)
{
	if (timer == NULL)
		return;
	event_free(timer->event);
	free(timer);
}

int loop_run(struct loop *loop)
{
	int failed = event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);

	return failed < 0 ? -EIO : 0;
}

void loop_stop(struct loop *loop)
{
	if (event_base_loopbreak(loop->base) != 0)
		abort();
}
