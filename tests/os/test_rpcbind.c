/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/rpcbind against an rpcbind played by the test, over a socket in a
 * directory of its own: what is said in which order, and what happens when it
 * refuses, is silent, goes away, or was never there.
 */
#define _GNU_SOURCE /* unshare() */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <net/if.h>
#include <rpc/rpc.h>
#include <rpc/rpcb_prot.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/addr.h"
#include "lib/rpcmsg.h"
#include "lib/rpcrec.h"
#include "os/loop.h"
#include "os/rpcbind.h"

#define WAIT_MS_MAX    20000
#define SILENCE_MS_MAX 200
#define PROG	       100024
#define VERS	       1
#define CALLS_MAX      16

enum mood { GRANT, REFUSE, SILENT };

/* One SET or UNSET as the played rpcbind read it. */
struct said {
	uint32_t proc;
	char netid[16];
	char uaddr[32];
};

struct fixture {
	struct loop *loop;
	struct loop_timer *guard;
	struct rpcbind *bind;
	char dir[32];
	struct sockaddr_un path;
	int listener;
	int connection;
	struct loop_watch *watch[2];
	struct rpcrec rec;
	enum mood mood; /* towards the first connection; later: GRANT */
	unsigned int connections;
	struct said said[CALLS_MAX]; /* on this connection */
	unsigned int said_count;
	unsigned int registered; /* changes to true */
	unsigned int lost;	 /* changes to false, the first news included */
	bool is_registered;
};

static void on_guard(void *ctx)
{
	(void)ctx;
	fail_msg("nothing happened for %d ms", WAIT_MS_MAX);
}

/* --- the played rpcbind ------------------------------------------------- */

static void decode(const struct rpcmsg_call *call, struct said *said)
{
	RPCB args = {0};
	XDR xdr;

	assert_int_equal(call->prog, RPCBPROG);
	assert_int_equal(call->vers, RPCBVERS4);
	xdrmem_create(&xdr, (char *)(uintptr_t)call->args,
		      (u_int)call->args_len, XDR_DECODE);
	assert_true(xdr_rpcb(&xdr, &args));
	assert_int_equal(args.r_prog, PROG);
	assert_int_equal(args.r_vers, VERS);
	if (geteuid() == 0)
		assert_string_equal(args.r_owner, "superuser");
	said->proc = call->proc;
	snprintf(said->netid, sizeof(said->netid), "%s", args.r_netid);
	snprintf(said->uaddr, sizeof(said->uaddr), "%s", args.r_addr);
	xdr_free((xdrproc_t)xdr_rpcb, &args);
}

/* UNSET is answered with false, as by an rpcbind that had nothing. */
static void answer(int fd, const struct rpcmsg_call *call, enum mood mood)
{
	struct buf reply;
	struct buf record;

	if (mood == SILENT)
		return;
	buf_init(&reply, RPCMSG_SIZE_MAX);
	buf_init(&record, RPCMSG_SIZE_MAX);
	rpcmsg_add_reply(&reply, call->xid, RPCMSG_SUCCESS, 0);
	buf_add_be32(&reply, mood == GRANT && call->proc == RPCBPROC_SET);
	rpcrec_add(&record, reply.bytes, reply.len);
	assert_int_equal(send(fd, record.bytes, record.len, MSG_NOSIGNAL),
			 record.len);
	buf_fini(&reply);
	buf_fini(&record);
}

static void server_hang_up(struct fixture *f)
{
	if (f->connection < 0)
		return;
	loop_unwatch(f->watch[1]);
	f->watch[1] = NULL;
	close(f->connection);
	f->connection = -1;
	rpcrec_fini(&f->rec);
}

static void on_calls(void *ctx, int fd, unsigned int events)
{
	struct fixture *f = ctx;
	uint8_t bytes[4096];
	const uint8_t *at = bytes;
	ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
	size_t len = got > 0 ? (size_t)got : 0;
	struct rpcmsg_call call;

	(void)events;
	if (got <= 0) {
		server_hang_up(f);
		return;
	}
	while (rpcrec_feed(&f->rec, &at, &len) == RPCREC_RECORD) {
		assert_int_equal(rpcmsg_parse_call(f->rec.record.bytes,
						   f->rec.record.len, &call),
				 RPCMSG_CALL_OK);
		assert_true(f->said_count < CALLS_MAX);
		decode(&call, &f->said[f->said_count++]);
		answer(fd, &call, f->mood);
	}
}

static void on_connection(void *ctx, int fd, unsigned int events)
{
	struct fixture *f = ctx;

	(void)events;
	server_hang_up(f);
	f->connection = accept(fd, NULL, NULL);
	assert_true(f->connection >= 0);
	if (++f->connections == 2)
		f->mood = GRANT;
	f->said_count = 0;
	rpcrec_init(&f->rec, RPCMSG_SIZE_MAX);
	f->watch[1] =
		loop_watch(f->loop, f->connection, LOOP_READ, on_calls, f);
}

static void server_start(struct fixture *f)
{
	f->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(f->listener, (struct sockaddr *)&f->path,
			      sizeof(f->path)),
			 0);
	assert_int_equal(listen(f->listener, 5), 0);
	f->watch[0] =
		loop_watch(f->loop, f->listener, LOOP_READ, on_connection, f);
}

static void server_stop(struct fixture *f)
{
	server_hang_up(f);
	if (f->listener < 0)
		return;
	loop_unwatch(f->watch[0]);
	f->watch[0] = NULL;
	close(f->listener);
	f->listener = -1;
	assert_int_equal(unlink(f->path.sun_path), 0);
}

/* --- the fixture -------------------------------------------------------- */

static void on_change(void *ctx, bool is_registered)
{
	struct fixture *f = ctx;

	if (f->registered + f->lost > 0)
		assert_int_not_equal(is_registered, f->is_registered);
	f->is_registered = is_registered;
	if (is_registered)
		f->registered++;
	else
		f->lost++;
	loop_stop(f->loop);
}

static int setup(void **state)
{
	static struct fixture fixture;
	struct fixture *f = &fixture;

	*f = (struct fixture){
		.loop = loop_new(),
		.dir = "/tmp/test_rpcbind.XXXXXX",
		.listener = -1,
		.connection = -1,
		.path = {.sun_family = AF_UNIX},
	};
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path.sun_path, sizeof(f->path.sun_path), "%s/sock", f->dir);
	f->guard = loop_timer_new(f->loop, on_guard, NULL);
	loop_timer_set(f->guard, loop_now_ms() + WAIT_MS_MAX);
	f->bind = rpcbind_new(f->loop, PROG, VERS, on_change, f);
	rpcbind_set_server(f->bind, f->path.sun_path, SILENCE_MS_MAX);
	rpcbind_add(f->bind, "udp", 1000);
	rpcbind_add(f->bind, "tcp6", 65535);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	rpcbind_free(f->bind);
	server_stop(f);
	loop_timer_free(f->guard);
	loop_free(f->loop);
	return rmdir(f->dir);
}

static void expect_said(const struct fixture *f, unsigned int at, uint32_t proc,
			const char *netid, const char *uaddr)
{
	assert_true(at < f->said_count);
	assert_int_equal(f->said[at].proc, proc);
	assert_string_equal(f->said[at].netid, netid);
	assert_string_equal(f->said[at].uaddr, uaddr);
}

static void expect_registration(const struct fixture *f)
{
	assert_int_equal(f->said_count, 3);
	expect_said(f, 0, RPCBPROC_UNSET, "", "");
	expect_said(f, 1, RPCBPROC_SET, "udp", "0.0.0.0.3.232");
	expect_said(f, 2, RPCBPROC_SET, "tcp6", "::.255.255");
}

static void on_stop(void *ctx)
{
	struct fixture *f = ctx;

	loop_stop(f->loop);
}

static void run_for_ms(struct fixture *f, uint64_t ms)
{
	struct loop_timer *timer = loop_timer_new(f->loop, on_stop, f);

	loop_timer_set(timer, loop_now_ms() + ms);
	assert_int_equal(loop_run(f->loop), 0);
	loop_timer_free(timer);
}

/* --- the tests ---------------------------------------------------------- */

static void registers_and_stays(void **state)
{
	struct fixture *f = *state;

	server_start(f);
	rpcbind_start(f->bind);
	assert_int_equal(loop_run(f->loop), 0);
	assert_true(f->is_registered);
	expect_registration(f);
	/* Silence is no fault once the entries hold; the line stays open. */
	run_for_ms(f, 3 * SILENCE_MS_MAX);
	assert_int_equal(f->connections, 1);
	assert_int_equal(f->lost, 0);
	assert_true(f->connection >= 0);
}

static void rpcbind_may_come_later(void **state)
{
	struct fixture *f = *state;

	rpcbind_start(f->bind);
	assert_int_equal(f->lost, 1); /* or nobody could see why */
	/* The next try is in vain as well, and is not told again. */
	run_for_ms(f, 1500);
	assert_int_equal(f->registered, 0);
	assert_int_equal(f->lost, 1);
	server_start(f);
	assert_int_equal(loop_run(f->loop), 0);
	assert_true(f->is_registered);
	expect_registration(f);
}

static void rpcbind_may_come_back(void **state)
{
	struct fixture *f = *state;

	server_start(f);
	rpcbind_start(f->bind);
	assert_int_equal(loop_run(f->loop), 0);
	for (unsigned int i = 1; i <= 2; i++) {
		server_stop(f);
		assert_int_equal(loop_run(f->loop), 0);
		assert_int_equal(f->lost, i);
		server_start(f);
		assert_int_equal(loop_run(f->loop), 0);
		assert_int_equal(f->registered, i + 1);
		expect_registration(f);
	}
}

static void tried_again_after(struct fixture *f, enum mood mood)
{
	server_start(f);
	f->mood = mood;
	rpcbind_start(f->bind);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->lost, 1);
	assert_int_equal(loop_run(f->loop), 0);
	assert_true(f->is_registered);
	assert_true(f->connections >= 2);
	expect_registration(f);
}

static void refusal_is_tried_again(void **state)
{
	tried_again_after(*state, REFUSE);
}

static void silence_is_tried_again(void **state)
{
	tried_again_after(*state, SILENT);
}

/* Answers that we did not ask for, in any order, prove nothing. */
static void wrong_answers_do_not_count(void **state)
{
	struct fixture *f = *state;
	struct rpcmsg_call call = {.proc = RPCBPROC_SET};

	server_start(f);
	f->mood = SILENT;
	rpcbind_set_server(f->bind, f->path.sun_path, WAIT_MS_MAX);
	rpcbind_start(f->bind);
	run_for_ms(f, SILENCE_MS_MAX / 4);
	assert_true(f->connection >= 0);
	for (uint32_t i = 0; i < 50; i++) {
		call.xid = i;
		answer(f->connection, &call, GRANT);
	}
	run_for_ms(f, SILENCE_MS_MAX / 4);
	assert_int_equal(f->registered, 0);
}

static void oversize_is_a_failure(void **state)
{
	static const uint8_t mark[4] = {0xff, 0xff, 0xff, 0xff};
	struct fixture *f = *state;

	server_start(f);
	rpcbind_start(f->bind);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(send(f->connection, mark, 4, MSG_NOSIGNAL), 4);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->lost, 1);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->registered, 2);
}

/* In a child, since rpcbind_withdraw() waits: 0 where it read an UNSET. */
static int play_withdraw(int listener)
{
	uint8_t bytes[1024];
	const uint8_t *at = bytes;
	struct rpcmsg_call call;
	struct said said;
	struct rpcrec rec;
	int fd = accept(listener, NULL, NULL);
	ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
	size_t len = (size_t)got;

	rpcrec_init(&rec, RPCMSG_SIZE_MAX);
	if (got <= 0 || rpcrec_feed(&rec, &at, &len) != RPCREC_RECORD ||
	    rpcmsg_parse_call(rec.record.bytes, rec.record.len, &call) !=
		    RPCMSG_CALL_OK)
		return 1;
	decode(&call, &said);
	answer(fd, &call, GRANT);
	return call.proc == RPCBPROC_UNSET && said.netid[0] == '\0' ? 0 : 1;
}

static void withdraw_unsets_everything(void **state)
{
	struct fixture *f = *state;
	int status;
	pid_t pid;

	server_start(f);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(play_withdraw(f->listener));
	rpcbind_withdraw(f->bind);
	f->bind = NULL;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void withdraw_does_not_hang(void **state)
{
	struct fixture *f = *state;

	server_start(f); /* nobody accepts: the loop does not run */
	rpcbind_withdraw(f->bind);
	f->bind = rpcbind_new(f->loop, PROG, VERS, on_change, f);
	rpcbind_set_server(f->bind, f->path.sun_path, SILENCE_MS_MAX);
	server_stop(f);
	rpcbind_withdraw(f->bind); /* nobody is there */
	f->bind = NULL;
}

/* --- rpcbind_is_served(), in a network namespace of its own -------------- */

/* Brings lo up in a new network namespace; false where that is not allowed. */
static bool enter_netns(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd;
	int failed;

	if (unshare(CLONE_NEWNET) < 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	failed = ioctl(fd, SIOCSIFFLAGS, &lo);
	close(fd);
	return failed == 0;
}

static int bind_udp(uint16_t port)
{
	const struct addr here = addr_loopback(port);
	union addr_sockaddr sa = {0};
	socklen_t len = addr_to_sockaddr(&here, &sa);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	return bind(fd, &sa.any, len) == 0 ? fd : -1;
}

/* Answers one call with @value as its result. */
static void play_udp(int fd, uint32_t value)
{
	uint8_t bytes[1024];
	union addr_sockaddr sa;
	socklen_t sa_len = sizeof(sa);
	ssize_t len = recvfrom(fd, bytes, sizeof(bytes), 0, &sa.any, &sa_len);
	struct rpcmsg_call call;
	struct buf reply;

	if (len <= 0 ||
	    rpcmsg_parse_call(bytes, (size_t)len, &call) != RPCMSG_CALL_OK)
		_exit(1);
	buf_init(&reply, RPCMSG_SIZE_MAX);
	rpcmsg_add_reply(&reply, call.xid ^ 1, RPCMSG_SUCCESS, 0);
	buf_add_be32(&reply, 1); /* somebody's late reply: not ours */
	if (sendto(fd, reply.bytes, reply.len, 0, &sa.any, sa_len) < 0)
		_exit(1);
	buf_clear(&reply);
	rpcmsg_add_reply(&reply, call.xid, RPCMSG_SUCCESS, 0);
	buf_add_be32(&reply, value);
	if (sendto(fd, reply.bytes, reply.len, 0, &sa.any, sa_len) < 0)
		_exit(1);
	buf_fini(&reply);
}

static bool is_served_with(uint32_t port, bool is_alive)
{
	int rpcbind_fd = bind_udp(111);
	int service_fd = bind_udp(1001);
	pid_t pid;
	bool is_served;

	if (!is_alive)
		close(service_fd);
	pid = fork();
	if (pid == 0) {
		play_udp(rpcbind_fd, port);
		if (is_alive)
			play_udp(service_fd, 0);
		_exit(0);
	}
	is_served = rpcbind_is_served(PROG, VERS);
	close(rpcbind_fd);
	if (is_alive)
		close(service_fd);
	kill(pid, SIGKILL); /* where it was not asked all that it waits for */
	waitpid(pid, NULL, 0);
	return is_served;
}

/* Returns 77 where it cannot be tried, 0 where all is well. */
static int check_is_served(void)
{
	if (!enter_netns())
		return 77;
	if (rpcbind_is_served(PROG, VERS))
		return 1; /* no rpcbind at all */
	if (!is_served_with(1001, true))
		return 2;
	if (is_served_with(0, false))
		return 3; /* not registered */
	if (is_served_with(1001, false))
		return 4; /* registered, but dead */
	return 0;
}

static void is_served(void **state)
{
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(check_is_served());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip(); /* needs root, for a network namespace */
	assert_int_equal(status, 0);
}

static void null_is_fine(void **state)
{
	(void)state;
	rpcbind_free(NULL);
	rpcbind_withdraw(NULL);
}

#define WITH_BIND(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BIND(registers_and_stays),
		WITH_BIND(rpcbind_may_come_later),
		WITH_BIND(rpcbind_may_come_back),
		WITH_BIND(refusal_is_tried_again),
		WITH_BIND(silence_is_tried_again),
		WITH_BIND(wrong_answers_do_not_count),
		WITH_BIND(oversize_is_a_failure),
		WITH_BIND(withdraw_unsets_everything),
		WITH_BIND(withdraw_does_not_hang),
		cmocka_unit_test(is_served),
		cmocka_unit_test(null_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
