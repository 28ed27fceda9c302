/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/tcpcall: one record there and one back, in whatever pieces; and the ends
 * that are no answer.  The other side is a plain socket of this test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/loop.h"
#include "os/tcpcall.h"

struct world {
	struct loop *loop;
	struct tcpcall *call;
	int listener;
	struct addr peer;
	int fd; /* accepted */
	unsigned int ends;
	int error;
	char answer[64];
	bool is_freed_early;
};

static struct world world;
static const struct addr any = {.family = ADDR_NONE, .port = 0};

static int setup(void **state)
{
	union addr_sockaddr name;
	struct addr local = addr_loopback(0);
	socklen_t len = addr_to_sockaddr(&local, &name);

	(void)state;
	world = (struct world){.loop = loop_new(), .fd = -1};
	world.listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(world.listener, &name.any, len), 0);
	len = sizeof(name);
	assert_int_equal(getsockname(world.listener, &name.any, &len), 0);
	world.peer = addr_from_sockaddr(&name.any);
	return listen(world.listener, 4);
}

static int teardown(void **state)
{
	(void)state;
	tcpcall_free(world.call);
	if (world.fd >= 0)
		close(world.fd);
	close(world.listener);
	loop_free(world.loop);
	return 0;
}

static void on_done(void *ctx, int error, const uint8_t *bytes, size_t len)
{
	struct world *w = ctx;

	w->ends++;
	w->error = error;
	assert_true(len < sizeof(w->answer));
	if (len > 0)
		memcpy(w->answer, bytes, len);
	if (w->is_freed_early) {
		tcpcall_free(w->call);
		w->call = NULL;
	}
	loop_stop(w->loop);
}

/* Where the test may not bind a reserved port, any port will do. */
static void begin(const char *text)
{
	struct addr local = any;
	int error;

	world.call = tcpcall_open(world.loop, &local, &world.peer, &error,
				  on_done, &world);
	if (!world.call && error == -EACCES) {
		local.port = (uint16_t)(20000 + getpid() % 20000);
		world.call = tcpcall_open(world.loop, &local, &world.peer,
					  &error, on_done, &world);
	}
	assert_int_equal(error, 0);
	assert_non_null(world.call);
	tcpcall_say(world.call, (const uint8_t *)text, strlen(text));
}

static void on_turn_end(void *ctx)
{
	loop_stop(ctx);
}

/* Runs until the call ended, or for a moment. */
static void run_turn(void)
{
	struct loop_timer *timer =
		loop_timer_new(world.loop, on_turn_end, world.loop);

	loop_timer_set(timer, loop_now_ms() + 20);
	loop_run(world.loop);
	loop_timer_free(timer);
}

static void run_to_end(void)
{
	for (unsigned int i = 0; i < 500 && world.ends == 0; i++)
		run_turn();
	assert_int_equal(world.ends, 1);
}

static void accept_call(const char *want, size_t len)
{
	char have[64];

	world.fd = accept(world.listener, NULL, NULL);
	assert_true(world.fd >= 0);
	run_turn();
	assert_int_equal(recv(world.fd, have, sizeof(have), 0), len);
	assert_memory_equal(have, want, len);
}

static void put(const char *bytes, size_t len)
{
	assert_int_equal(send(world.fd, bytes, len, MSG_NOSIGNAL), len);
}

static void answer_comes_in_pieces(void **state)
{
	(void)state;
	begin("where?");
	run_turn();
	accept_call("\x80\0\0\6where?", 10);
	put("\0\0\0\2he", 6);
	run_turn();
	assert_int_equal(world.ends, 0);
	put("\x80\0\0\2re", 6);
	run_to_end();
	assert_int_equal(world.error, 0);
	assert_string_equal(world.answer, "here");
}

static void call_is_freed_by_its_end(void **state)
{
	(void)state;
	world.is_freed_early = true;
	begin("x");
	run_turn();
	accept_call("\x80\0\0\1x", 5);
	put("\x80\0\0\1y", 5);
	run_to_end();
	assert_string_equal(world.answer, "y");
	assert_null(world.call);
}

static void hang_up_is_an_error(void **state)
{
	(void)state;
	begin("x");
	run_turn();
	accept_call("\x80\0\0\1x", 5);
	close(world.fd);
	world.fd = -1;
	run_to_end();
	assert_true(world.error < 0);
}

static void refusal_is_an_error(void **state)
{
	(void)state;
	close(world.listener);
	begin("x");
	world.listener = socket(AF_INET, SOCK_STREAM, 0);
	run_to_end();
	assert_int_equal(world.error, -ECONNREFUSED);
}

/* SAFETY: a mark may promise anything. */
static void answer_without_end_is_an_error(void **state)
{
	(void)state;
	begin("x");
	run_turn();
	accept_call("\x80\0\0\1x", 5);
	put("\xff\xff\xff\xff....", 8);
	run_to_end();
	assert_int_equal(world.error, -EMSGSIZE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answer_comes_in_pieces),
		TEST(call_is_freed_by_its_end),
		TEST(hang_up_is_an_error),
		TEST(refusal_is_an_error),
		TEST(answer_without_end_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
