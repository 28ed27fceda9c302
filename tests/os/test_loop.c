/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/loop: level triggering, ending a watch from inside its own call or that
 * of another, timers that never come early, signals.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <signal.h>
#include <unistd.h>

#include "os/loop.h"

#define WAIT_MS_MAX 10000

struct fixture {
	struct loop *loop;
	struct loop_timer *guard;
	struct loop_timer *timer;
	struct loop_watch *watch[2];
	int pipe[2];
	unsigned int calls;
	uint64_t due_ms;
};

static void on_guard(void *ctx)
{
	(void)ctx;
	fail_msg("nothing happened for %d ms", WAIT_MS_MAX);
}

static int setup(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){.loop = loop_new()};
	fixture.guard = loop_timer_new(fixture.loop, on_guard, NULL);
	loop_timer_set(fixture.guard, loop_now_ms() + WAIT_MS_MAX);
	*state = &fixture;
	return pipe(fixture.pipe);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	loop_unwatch(f->watch[0]);
	loop_unwatch(f->watch[1]);
	loop_timer_free(f->timer);
	loop_timer_free(f->guard);
	loop_free(f->loop);
	close(f->pipe[0]);
	close(f->pipe[1]);
	return 0;
}

/* Reads nothing until the third call: only a level brings it there. */
static void on_third(void *ctx, int fd, unsigned int events)
{
	struct fixture *f = ctx;

	assert_int_equal(fd, f->pipe[0]);
	assert_int_equal(events, LOOP_READ);
	if (++f->calls == 3)
		loop_stop(f->loop);
}

static void level_triggered(void **state)
{
	struct fixture *f = *state;

	f->watch[0] = loop_watch(f->loop, f->pipe[0], LOOP_READ, on_third, f);
	assert_int_equal(write(f->pipe[1], "x", 1), 1);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->calls, 3);
}

static void on_stop(void *ctx)
{
	struct fixture *f = ctx;

	loop_stop(f->loop);
}

static void stop_soon(struct fixture *f)
{
	f->timer = loop_timer_new(f->loop, on_stop, f);
	loop_timer_set(f->timer, loop_now_ms() + 30);
}

static void on_count(void *ctx, int fd, unsigned int events)
{
	struct fixture *f = ctx;

	(void)fd;
	f->calls++;
	if (events & LOOP_WRITE)
		loop_stop(f->loop);
}

static void events_can_be_none_and_change(void **state)
{
	struct fixture *f = *state;

	f->watch[0] = loop_watch(f->loop, f->pipe[1], LOOP_WRITE, on_count, f);
	loop_watch_set(f->watch[0], 0);
	stop_soon(f);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->calls, 0);
	loop_watch_set(f->watch[0], LOOP_WRITE);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->calls, 1);
}

/* Both pipes ends are ready in one turn; whoever comes first ends both. */
static void on_end_both(void *ctx, int fd, unsigned int events)
{
	struct fixture *f = ctx;

	(void)fd;
	(void)events;
	f->calls++;
	for (int i = 0; i < 2; i++) {
		loop_unwatch(f->watch[i]);
		f->watch[i] = NULL;
	}
	stop_soon(f);
}

static void unwatch_inside_calls(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(write(f->pipe[1], "x", 1), 1);
	f->watch[0] =
		loop_watch(f->loop, f->pipe[0], LOOP_READ, on_end_both, f);
	f->watch[1] =
		loop_watch(f->loop, f->pipe[1], LOOP_WRITE, on_end_both, f);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->calls, 1);
}

/* Sets itself anew 50 times, 1 to 3 ms ahead. */
static void on_due(void *ctx)
{
	struct fixture *f = ctx;

	assert_true(loop_now_ms() >= f->due_ms);
	if (++f->calls == 50) {
		loop_stop(f->loop);
		return;
	}
	f->due_ms = loop_now_ms() + 1 + f->calls % 3;
	loop_timer_set(f->timer, f->due_ms);
}

static void timers_never_come_early(void **state)
{
	struct fixture *f = *state;

	f->timer = loop_timer_new(f->loop, on_due, f);
	loop_timer_set(f->timer, 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->calls, 50);
}

static void on_timer_count(void *ctx)
{
	struct fixture *f = ctx;

	f->calls++;
}

static void timers_can_be_unset(void **state)
{
	struct fixture *f = *state;
	struct loop_timer *unset = loop_timer_new(f->loop, on_timer_count, f);
	struct loop_timer *never = loop_timer_new(f->loop, on_timer_count, f);

	loop_timer_set(unset, loop_now_ms());
	loop_timer_set(unset, UINT64_MAX);
	loop_timer_set(never, UINT64_MAX - 1);
	stop_soon(f);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->calls, 0);
	loop_timer_free(unset);
	loop_timer_free(never);
}

static void on_free_timer(void *ctx)
{
	struct fixture *f = ctx;

	loop_timer_free(f->timer);
	f->timer = NULL;
	loop_stop(f->loop);
}

static void timer_freed_inside_its_call(void **state)
{
	struct fixture *f = *state;

	f->timer = loop_timer_new(f->loop, on_free_timer, f);
	loop_timer_set(f->timer, 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_null(f->timer);
}

static void on_signal(void *ctx)
{
	struct fixture *f = ctx;

	f->calls++;
	loop_unwatch(f->watch[0]);
	f->watch[0] = NULL;
	loop_stop(f->loop);
}

static void signal_is_called_in_the_loop(void **state)
{
	struct fixture *f = *state;

	f->watch[0] = loop_signal(f->loop, SIGUSR1, on_signal, f);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(f->calls, 0);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->calls, 1);
}

static void null_is_fine(void **state)
{
	(void)state;
	loop_unwatch(NULL);
	loop_timer_free(NULL);
	loop_free(NULL);
}

#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOOP(level_triggered),
		WITH_LOOP(events_can_be_none_and_change),
		WITH_LOOP(unwatch_inside_calls),
		WITH_LOOP(timers_never_come_early),
		WITH_LOOP(timers_can_be_unset),
		WITH_LOOP(timer_freed_inside_its_call),
		WITH_LOOP(signal_is_called_in_the_loop),
		cmocka_unit_test(null_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
