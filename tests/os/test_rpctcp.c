/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/rpctcp over loopback: records however they are cut, replies to the one
 * who asked and to nobody else, every cap, and peers that misbehave.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/rpcmsg.h"
#include "lib/rpcrec.h"
#include "os/loop.h"
#include "os/rpctcp.h"

#define WAIT_MS_MAX 10000
#define TURN_MS	    30 /* enough for the loop to do what it can do now */

struct fixture {
	struct loop *loop;
	struct loop_timer *guard;
	struct loop_timer *turn;
	struct rpctcp *tcp;
	int client[2];
	unsigned int records;
	unsigned int wanted; /* records after which the loop stops */
	uint64_t id;	     /* of the connection that spoke last */
	struct addr from;
	uint8_t last[RPCMSG_SIZE_MAX];
	size_t last_len;
};

static void on_guard(void *ctx)
{
	(void)ctx;
	fail_msg("nothing happened for %d ms", WAIT_MS_MAX);
}

static void on_turn(void *ctx)
{
	struct fixture *f = ctx;

	loop_stop(f->loop);
}

static void keep(void *ctx, struct rpctcp *tcp, uint64_t connection,
		 const struct addr *from, const uint8_t *bytes, size_t len)
{
	struct fixture *f = ctx;

	assert_ptr_equal(tcp, f->tcp);
	f->id = connection;
	f->from = *from;
	assert_true(len <= sizeof(f->last));
	if (len > 0)
		memcpy(f->last, bytes, len);
	f->last_len = len;
	if (++f->records == f->wanted)
		loop_stop(f->loop);
}

static void listen_with(struct fixture *f, enum addr_family family,
			rpctcp_receive *receive)
{
	int error = 0;

	f->tcp = rpctcp_listen(f->loop, family, 0, receive, f, &error);
	if (f->tcp == NULL && error == -EAFNOSUPPORT)
		skip();
	assert_non_null(f->tcp);
}

static int setup(void **state)
{
	static struct fixture fixture;

	fixture = (struct fixture){.loop = loop_new(), .client = {-1, -1}};
	fixture.guard = loop_timer_new(fixture.loop, on_guard, NULL);
	fixture.turn = loop_timer_new(fixture.loop, on_turn, &fixture);
	loop_timer_set(fixture.guard, loop_now_ms() + WAIT_MS_MAX);
	*state = &fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	rpctcp_free(f->tcp);
	loop_timer_free(f->guard);
	loop_timer_free(f->turn);
	loop_free(f->loop);
	close(f->client[0]);
	close(f->client[1]);
	return 0;
}

static int connect_to(struct fixture *f)
{
	struct addr to = addr_loopback(rpctcp_port(f->tcp));
	static const struct timeval wait = {.tv_sec = WAIT_MS_MAX / 1000};
	static const int small = 4096;
	static const int segment = 536; /* the kernel buffers by it */
	union addr_sockaddr sa = {0};
	socklen_t len = addr_to_sockaddr(&to, &sa);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait,
				    sizeof(wait)),
			 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small,
				    sizeof(small)),
			 0);
	assert_int_equal(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &segment,
				    sizeof(segment)),
			 0);
	assert_int_equal(connect(fd, &sa.any, len), 0);
	return fd;
}

static void send_bytes(int fd, const void *bytes, size_t len)
{
	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void send_record(int fd, const void *bytes, size_t len)
{
	struct buf record;

	buf_init(&record, len + 4);
	rpcrec_add(&record, bytes, len);
	send_bytes(fd, record.bytes, record.len);
	buf_fini(&record);
}

/* Runs the loop until @count records arrived since the last time. */
static void run_for(struct fixture *f, unsigned int count)
{
	f->records = 0;
	f->wanted = count;
	assert_int_equal(loop_run(f->loop), 0);
}

static void run_turn(struct fixture *f)
{
	loop_timer_set(f->turn, loop_now_ms() + TURN_MS);
	assert_int_equal(loop_run(f->loop), 0);
}

static void expect_record(int fd, const char *text)
{
	uint8_t got[64];
	size_t len = strlen(text);

	assert_int_equal(recv(fd, got, 4 + len, MSG_WAITALL), 4 + len);
	assert_int_equal(got[0], 0x80);
	assert_int_equal(got[3], len);
	assert_memory_equal(got + 4, text, len);
}

static void expect_nothing(int fd)
{
	char byte;

	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

/* Tells how many bytes came before the connection was ended by the service. */
static size_t drain(int fd)
{
	static char bytes[65536];
	size_t sum = 0;
	ssize_t got;

	while ((got = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		sum += (size_t)got;
	assert_true(got == 0 || errno == ECONNRESET);
	return sum;
}

static void reply(struct fixture *f, uint64_t id, const char *text)
{
	rpctcp_send(f->tcp, id, (const uint8_t *)text, strlen(text));
}

static void call_and_reply(void **state)
{
	struct fixture *f = *state;

	listen_with(f, ADDR_V4, keep);
	f->client[0] = connect_to(f);
	send_record(f->client[0], "call", 4);
	run_for(f, 1);
	assert_int_equal(f->last_len, 4);
	assert_memory_equal(f->last, "call", 4);
	assert_true(addr_is_loopback(&f->from));
	assert_int_not_equal(f->from.port, 0);
	reply(f, f->id, "answer");
	expect_record(f->client[0], "answer");
}

static void v6_is_served_beside_v4(void **state)
{
	struct fixture *f = *state;
	struct rpctcp *v6;
	int error = 0;

	listen_with(f, ADDR_V4, keep);
	v6 = rpctcp_listen(f->loop, ADDR_V6, rpctcp_port(f->tcp), keep, f,
			   &error);
	if (v6 == NULL && error == -EAFNOSUPPORT)
		skip();
	assert_non_null(v6);
	assert_int_equal(rpctcp_port(v6), rpctcp_port(f->tcp));
	rpctcp_free(v6);
}

static void a_taken_port_is_an_error(void **state)
{
	struct fixture *f = *state;
	int error = 0;

	listen_with(f, ADDR_V4, keep);
	assert_null(rpctcp_listen(f->loop, ADDR_V4, rpctcp_port(f->tcp), keep,
				  f, &error));
	assert_int_equal(error, -EADDRINUSE);
}

/* Three records in one segment, then one byte for byte in two fragments. */
static void records_however_they_are_cut(void **state)
{
	static const char many[] = "\x80\0\0\1a\x80\0\0\0\x80\0\0\2bc";
	static const char cut[] = "\0\0\0\1d\x80\0\0\2ef";
	struct fixture *f = *state;

	listen_with(f, ADDR_V4, keep);
	f->client[0] = connect_to(f);
	send_bytes(f->client[0], many, sizeof(many) - 1);
	run_for(f, 3);
	assert_int_equal(f->last_len, 2);
	f->wanted = 4;
	for (size_t i = 0; i < sizeof(cut) - 1; i++) {
		assert_int_equal(f->records, 3);
		send_bytes(f->client[0], cut + i, 1);
		run_turn(f);
	}
	assert_int_equal(f->records, 4);
	assert_memory_equal(f->last, "def", 3);
}

/* The one who asked is gone; the next one must not get its answer. */
static void late_reply_is_dropped(void **state)
{
	struct fixture *f = *state;
	uint64_t first;

	listen_with(f, ADDR_V4, keep);
	f->client[0] = connect_to(f);
	send_record(f->client[0], "x", 1);
	run_for(f, 1);
	first = f->id;
	close(f->client[0]);
	run_turn(f);
	f->client[0] = connect_to(f);
	send_record(f->client[0], "x", 1);
	run_for(f, 1);
	assert_int_not_equal(f->id, first);
	reply(f, first, "late");
	reply(f, f->id + RPCTCP_CONNECTIONS_MAX, "never was");
	run_turn(f);
	expect_nothing(f->client[0]);
	reply(f, f->id, "mine");
	expect_record(f->client[0], "mine");
}

static void oversize_ends_the_connection(void **state)
{
	static const uint8_t mark[4] = {0x80, 0, 0x23, 0x29}; /* 9001 */
	static const uint8_t bytes[RPCMSG_SIZE_MAX];
	struct fixture *f = *state;

	listen_with(f, ADDR_V4, keep);
	f->client[0] = connect_to(f);
	send_record(f->client[0], bytes, sizeof(bytes));
	run_for(f, 1);
	assert_int_equal(f->last_len, RPCMSG_SIZE_MAX);
	send_bytes(f->client[0], mark, sizeof(mark));
	run_turn(f);
	assert_int_equal(drain(f->client[0]), 0);
}

/* Counts the records of the first client that came before the second's. */
static void count_until_other(void *ctx, struct rpctcp *tcp,
			      uint64_t connection, const struct addr *from,
			      const uint8_t *bytes, size_t len)
{
	struct fixture *f = ctx;

	(void)tcp;
	(void)connection;
	(void)from;
	assert_int_equal(len, 1);
	if (bytes[0] == '2')
		loop_stop(f->loop);
	else
		f->records++;
}

static void a_flood_does_not_starve_others(void **state)
{
	struct fixture *f = *state;
	unsigned int sent = 5000;
	struct buf flood;

	listen_with(f, ADDR_V4, count_until_other);
	f->client[0] = connect_to(f);
	f->client[1] = connect_to(f);
	run_turn(f); /* both are accepted */
	buf_init(&flood, sent * 5);
	for (unsigned int i = 0; i < sent; i++)
		rpcrec_add(&flood, "1", 1);
	send_bytes(f->client[0], flood.bytes, flood.len);
	buf_fini(&flood);
	send_record(f->client[1], "2", 1);
	assert_int_equal(loop_run(f->loop), 0);
	assert_in_range(f->records, 0, sent / 2);
}

/* Replies to a peer that reads nothing until it is given up. */
static void answer_too_much(void *ctx, struct rpctcp *tcp, uint64_t connection,
			    const struct addr *from, const uint8_t *bytes,
			    size_t len)
{
	static const uint8_t much[RPCMSG_SIZE_MAX];
	struct fixture *f = ctx;

	f->records++;
	for (int i = 0; i < 4000; i++)
		rpctcp_send(tcp, connection, much, sizeof(much));
	/* What was handed to us is still there, though its sender is gone. */
	assert_int_equal(len, 1);
	assert_int_equal(bytes[0], 'x');
	assert_true(addr_is_loopback(from));
	loop_stop(f->loop);
}

static void who_reads_nothing_is_closed(void **state)
{
	struct fixture *f = *state;
	size_t sum;

	listen_with(f, ADDR_V4, answer_too_much);
	f->client[0] = connect_to(f);
	send_record(f->client[0], "x", 1);
	send_record(f->client[0], "x", 1);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->records, 1);
	sum = drain(f->client[0]);
	assert_true(sum < 4000 * RPCMSG_SIZE_MAX);
	f->client[1] = connect_to(f);
	send_record(f->client[1], "x", 1);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->records, 2);
}

/* More than the kernel buffers: the rest is sent when the peer reads. */
static void a_slow_reader_gets_it_all(void **state)
{
	static uint8_t pattern[RPCMSG_SIZE_MAX];
	static uint8_t got[RPCMSG_SIZE_MAX + 4];
	struct fixture *f = *state;

	listen_with(f, ADDR_V4, keep);
	f->client[0] = connect_to(f);
	send_record(f->client[0], "x", 1);
	run_for(f, 1);
	for (uint8_t i = 0; i < 28; i++) {
		memset(pattern, i, sizeof(pattern));
		rpctcp_send(f->tcp, f->id, pattern, sizeof(pattern));
	}
	for (uint8_t i = 0; i < 28; i++) {
		size_t len = 0;

		while (len < sizeof(got)) {
			ssize_t n = recv(f->client[0], got + len,
					 sizeof(got) - len, MSG_DONTWAIT);

			if (n < 0)
				run_turn(f);
			else
				len += (size_t)n;
		}
		memset(pattern, i, sizeof(pattern));
		assert_memory_equal(got + 4, pattern, sizeof(pattern));
	}
}

static void descriptors_may_run_out(void **state)
{
	struct fixture *f = *state;
	struct rlimit old;
	struct rlimit low;

	listen_with(f, ADDR_V4, keep);
	f->client[0] = connect_to(f);
	send_record(f->client[0], "x", 1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	run_turn(f);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(f->records, 0);
	run_for(f, 1); /* accepted after the pause */
}

static bool can_have_descriptors(rlim_t count)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < count)
		return false;
	if (limit.rlim_cur < count)
		limit.rlim_cur = count;
	return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static void connections_have_a_cap(void **state)
{
	static int clients[RPCTCP_CONNECTIONS_MAX];
	struct fixture *f = *state;

	if (!can_have_descriptors(2 * RPCTCP_CONNECTIONS_MAX + 100))
		skip(); /* the hard limit of descriptors is low here */
	listen_with(f, ADDR_V4, keep);
	for (size_t i = 0; i < RPCTCP_CONNECTIONS_MAX; i++) {
		clients[i] = connect_to(f);
		if (i % 64 == 0) {
			send_record(clients[i], "x", 1);
			run_for(f, 1);
		}
	}
	run_turn(f);
	f->client[0] = connect_to(f);
	run_turn(f);
	assert_int_equal(drain(f->client[0]), 0);
	send_record(clients[7], "x", 1);
	run_for(f, 1);
	reply(f, f->id, "still here");
	expect_record(clients[7], "still here");
	close(clients[7]);
	run_turn(f);
	clients[7] = connect_to(f); /* in the place that became free */
	send_record(clients[7], "y", 1);
	run_for(f, 1);
	for (size_t i = 0; i < RPCTCP_CONNECTIONS_MAX; i++)
		close(clients[i]);
}

static void null_is_fine(void **state)
{
	(void)state;
	rpctcp_free(NULL);
}

#define WITH_LOOP(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOOP(call_and_reply),
		WITH_LOOP(v6_is_served_beside_v4),
		WITH_LOOP(a_taken_port_is_an_error),
		WITH_LOOP(records_however_they_are_cut),
		WITH_LOOP(late_reply_is_dropped),
		WITH_LOOP(oversize_ends_the_connection),
		WITH_LOOP(a_flood_does_not_starve_others),
		WITH_LOOP(who_reads_nothing_is_closed),
		WITH_LOOP(a_slow_reader_gets_it_all),
		WITH_LOOP(descriptors_may_run_out),
		WITH_LOOP(connections_have_a_cap),
		cmocka_unit_test(null_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
