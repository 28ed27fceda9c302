/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/rpctcp over loopback: records however they are cut, replies to the one
 * who asked and to nobody else, and peers that misbehave.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/rpcmsg.h"
#include "lib/rpcrec.h"
#include "os/loop.h"
#include "os/rpctcp.h"
#include "tests/os/tcp_rig.h"

static void expect_nothing(int fd)
{
	char byte;

	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static void call_and_reply(void **state)
{
	struct tcp_rig *f = *state;

	tcp_listen(f, ADDR_V4, tcp_keep);
	f->client[0] = tcp_connect(f);
	tcp_send_record(f->client[0], "call", 4);
	tcp_run_for(f, 1);
	assert_int_equal(f->last_len, 4);
	assert_memory_equal(f->last, "call", 4);
	assert_true(addr_is_loopback(&f->from));
	assert_int_not_equal(f->from.port, 0);
	tcp_reply(f, f->id, "answer");
	tcp_expect_record(f->client[0], "answer");
}

static void v6_is_served_beside_v4(void **state)
{
	struct tcp_rig *f = *state;
	struct rpctcp *v6;
	int error = 0;

	tcp_listen(f, ADDR_V4, tcp_keep);
	v6 = rpctcp_listen(f->limit, ADDR_V6, rpctcp_port(f->tcp), tcp_keep, f,
			   &error);
	if (v6 == NULL && error == -EAFNOSUPPORT)
		skip();
	assert_non_null(v6);
	assert_int_equal(rpctcp_port(v6), rpctcp_port(f->tcp));
	rpctcp_free(v6);
}

static void a_taken_port_is_an_error(void **state)
{
	struct tcp_rig *f = *state;
	int error = 0;

	tcp_listen(f, ADDR_V4, tcp_keep);
	assert_null(rpctcp_listen(f->limit, ADDR_V4, rpctcp_port(f->tcp),
				  tcp_keep, f, &error));
	assert_int_equal(error, -EADDRINUSE);
}

/* Three records in one segment, then one byte for byte in two fragments. */
static void records_however_they_are_cut(void **state)
{
	static const char many[] = "\x80\0\0\1a\x80\0\0\0\x80\0\0\2bc";
	static const char cut[] = "\0\0\0\1d\x80\0\0\2ef";
	struct tcp_rig *f = *state;

	tcp_listen(f, ADDR_V4, tcp_keep);
	f->client[0] = tcp_connect(f);
	tcp_send(f->client[0], many, sizeof(many) - 1);
	tcp_run_for(f, 3);
	assert_int_equal(f->last_len, 2);
	f->wanted = 4;
	for (size_t i = 0; i < sizeof(cut) - 1; i++) {
		assert_int_equal(f->records, 3);
		tcp_send(f->client[0], cut + i, 1);
		tcp_run_turn(f);
	}
	assert_int_equal(f->records, 4);
	assert_memory_equal(f->last, "def", 3);
}

/* The one who asked is gone; the next one must not get its answer. */
static void late_reply_is_dropped(void **state)
{
	struct tcp_rig *f = *state;
	uint64_t first;

	tcp_listen(f, ADDR_V4, tcp_keep);
	f->client[0] = tcp_connect(f);
	tcp_send_record(f->client[0], "x", 1);
	tcp_run_for(f, 1);
	first = f->id;
	close(f->client[0]);
	tcp_run_turn(f);
	f->client[0] = tcp_connect(f);
	tcp_send_record(f->client[0], "x", 1);
	tcp_run_for(f, 1);
	assert_int_not_equal(f->id, first);
	tcp_reply(f, first, "late");
	tcp_reply(f, f->id + TCP_CONNECTIONS_MAX, "never was");
	tcp_run_turn(f);
	expect_nothing(f->client[0]);
	tcp_reply(f, f->id, "mine");
	tcp_expect_record(f->client[0], "mine");
}

static void oversize_ends_the_connection(void **state)
{
	static const uint8_t mark[4] = {0x80, 0, 0x23, 0x29}; /* 9001 */
	static const uint8_t bytes[RPCMSG_SIZE_MAX];
	struct tcp_rig *f = *state;
	struct rpctcp_counts counts;

	tcp_listen(f, ADDR_V4, tcp_keep);
	f->client[0] = tcp_connect(f);
	tcp_send_record(f->client[0], bytes, sizeof(bytes));
	tcp_run_for(f, 1);
	assert_int_equal(f->last_len, RPCMSG_SIZE_MAX);
	tcp_send(f->client[0], mark, sizeof(mark));
	tcp_run_turn(f);
	assert_int_equal(tcp_drain(f->client[0]), 0);
	rpctcp_limit_counts(f->limit, &counts);
	assert_int_equal(counts.malformed, 1);
}

/* Counts the records of the first client that came before the second's. */
static void count_until_other(void *ctx, struct rpctcp *tcp,
			      uint64_t connection, const struct addr *from,
			      const uint8_t *bytes, size_t len)
{
	struct tcp_rig *f = ctx;

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
	struct tcp_rig *f = *state;
	unsigned int sent = 5000;
	struct buf flood;

	tcp_listen(f, ADDR_V4, count_until_other);
	f->client[0] = tcp_connect(f);
	f->client[1] = tcp_connect(f);
	tcp_run_turn(f); /* both are accepted */
	buf_init(&flood, sent * 5);
	for (unsigned int i = 0; i < sent; i++)
		rpcrec_add(&flood, "1", 1);
	tcp_send(f->client[0], flood.bytes, flood.len);
	buf_fini(&flood);
	tcp_send_record(f->client[1], "2", 1);
	assert_int_equal(loop_run(f->loop), 0);
	assert_in_range(f->records, 0, sent / 2);
}

/* Replies to a peer that reads nothing until it is given up. */
static void answer_too_much(void *ctx, struct rpctcp *tcp, uint64_t connection,
			    const struct addr *from, const uint8_t *bytes,
			    size_t len)
{
	static const uint8_t much[RPCMSG_SIZE_MAX];
	struct tcp_rig *f = ctx;

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
	struct tcp_rig *f = *state;
	size_t sum;

	tcp_listen(f, ADDR_V4, answer_too_much);
	f->client[0] = tcp_connect(f);
	tcp_send_record(f->client[0], "x", 1);
	tcp_send_record(f->client[0], "x", 1);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->records, 1);
	sum = tcp_drain(f->client[0]);
	assert_true(sum < 4000 * RPCMSG_SIZE_MAX);
	f->client[1] = tcp_connect(f);
	tcp_send_record(f->client[1], "x", 1);
	assert_int_equal(loop_run(f->loop), 0);
	assert_int_equal(f->records, 2);
}

/* More than the kernel buffers: the rest is sent when the peer reads. */
static void a_slow_reader_gets_it_all(void **state)
{
	static uint8_t pattern[RPCMSG_SIZE_MAX];
	static uint8_t got[RPCMSG_SIZE_MAX + 4];
	struct tcp_rig *f = *state;

	tcp_listen(f, ADDR_V4, tcp_keep);
	f->client[0] = tcp_connect(f);
	tcp_send_record(f->client[0], "x", 1);
	tcp_run_for(f, 1);
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
				tcp_run_turn(f);
			else
				len += (size_t)n;
		}
		memset(pattern, i, sizeof(pattern));
		assert_memory_equal(got + 4, pattern, sizeof(pattern));
	}
}

static void descriptors_may_run_out(void **state)
{
	struct tcp_rig *f = *state;
	struct rlimit old;
	struct rlimit low;

	tcp_listen(f, ADDR_V4, tcp_keep);
	f->client[0] = tcp_connect(f);
	tcp_send_record(f->client[0], "x", 1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	tcp_run_turn(f);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(f->records, 0);
	tcp_run_for(f, 1); /* accepted after the pause */
}

static void null_is_fine(void **state)
{
	(void)state;
	rpctcp_free(NULL);
}

#define WITH_LOOP(test) \
	cmocka_unit_test_setup_teardown(test, tcp_setup, tcp_teardown)

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
		cmocka_unit_test(null_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
