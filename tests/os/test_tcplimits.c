/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The limits of os/rpctcp over loopback: caps, idleness, places for callers on
 * this host; lib/connlimit's own test has the rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <unistd.h>

#include "tests/os/tcp_rig.h"

#define ANSWER_SIZE 200

/* Fails where the service has ended the connection. */
static void expect_served(struct tcp_rig *f, int fd)
{
	tcp_send_record(fd, "x", 1);
	tcp_run_for(f, 1);
	tcp_reply(f, f->id, "served");
	tcp_expect_record(fd, "served");
}

static struct rpctcp_counts counts_of(const struct tcp_rig *f)
{
	struct rpctcp_counts counts;

	rpctcp_limit_counts(f->limit, &counts);
	return counts;
}

/* A turn of the loop may be short on a busy machine. */
static void accept_until(struct tcp_rig *f, size_t accepted)
{
	while (counts_of(f).accepted < accepted)
		tcp_run_turn(f);
}

static void local_connections_have_a_cap(void **state)
{
	static int clients[TCP_CONNECTIONS_MAX];
	struct tcp_rig *f = *state;

	if (!tcp_can_have_descriptors(2 * TCP_CONNECTIONS_MAX + 100))
		skip(); /* the hard limit of descriptors is low here */
	tcp_listen(f, ADDR_V4, tcp_keep);
	for (size_t i = 0; i < TCP_CONNECTIONS_MAX; i++)
		clients[i] = tcp_connect(f);
	accept_until(f, TCP_CONNECTIONS_MAX);
	expect_served(f, clients[0]);
	f->client[0] = tcp_connect(f); /* takes the place of clients[1] */
	expect_served(f, f->client[0]);
	assert_int_equal(tcp_drain(clients[1]), 0);
	expect_served(f, clients[0]);
	expect_served(f, clients[7]);
	assert_int_equal(counts_of(f).open_local, TCP_CONNECTIONS_MAX);
	assert_int_equal(counts_of(f).replaced, 1);
	for (size_t i = 0; i < TCP_CONNECTIONS_MAX; i++)
		close(clients[i]);
}

static void an_address_has_its_cap(void **state)
{
	static int clients[TCP_ADDRESS_MAX];
	struct tcp_rig *f = *state;

	tcp_listen(f, ADDR_V4, tcp_keep);
	for (size_t i = 0; i < TCP_ADDRESS_MAX; i++)
		clients[i] = tcp_connect_from(f, 2);
	accept_until(f, TCP_ADDRESS_MAX);
	f->client[0] = tcp_connect_from(f, 2);
	while (counts_of(f).refused == 0)
		tcp_run_turn(f);
	assert_int_equal(tcp_drain(f->client[0]), 0);
	assert_int_equal(counts_of(f).refused, 1);
	f->client[1] = tcp_connect_from(f, 3);
	expect_served(f, f->client[1]);
	expect_served(f, clients[0]);
	for (size_t i = 0; i < TCP_ADDRESS_MAX; i++)
		close(clients[i]);
}

/* Both listeners take from one set of places. */
static void strangers_never_keep_locals_out(void **state)
{
	static int clients[TCP_CONNECTIONS_MAX];
	struct tcp_rig *f = *state;

	if (!tcp_can_have_descriptors(2 * TCP_CONNECTIONS_MAX + 100))
		skip(); /* the hard limit of descriptors is low here */
	tcp_listen(f, ADDR_V4, tcp_keep);
	for (size_t i = 0; i < TCP_CONNECTIONS_MAX; i++)
		clients[i] = tcp_connect_from(f, (uint8_t)(2 + i % 20));
	accept_until(f, TCP_CONNECTIONS_MAX);
	assert_int_equal(counts_of(f).open_strangers, TCP_CONNECTIONS_MAX / 2);
	f->client[0] = tcp_connect(f);
	expect_served(f, f->client[0]);
	expect_served(f, clients[TCP_CONNECTIONS_MAX - 1]);
	assert_int_equal(counts_of(f).open_strangers, TCP_CONNECTIONS_MAX / 2);
	for (size_t i = 0; i < TCP_CONNECTIONS_MAX; i++)
		close(clients[i]);
}

/* One byte now and then, or half a record, is not a call. */
static void stalled_strangers_are_closed(void **state)
{
	struct tcp_rig *f = *state;

	tcp_limit(f, 4 * TCP_TURN_MS);
	tcp_listen(f, ADDR_V4, tcp_keep);
	f->client[0] = tcp_connect_from(f, 2);
	f->client[1] = tcp_connect(f);
	tcp_run_turn(f);
	tcp_send(f->client[0], "\x80\0\0\xff", 4);
	while (counts_of(f).idle == 0) {
		(void)send(f->client[0], "x", 1, MSG_NOSIGNAL);
		tcp_run_turn(f);
	}
	assert_int_equal(tcp_drain(f->client[0]), 0);
	assert_int_equal(counts_of(f).open_strangers, 0);
	expect_served(f, f->client[1]);
}

/* The timer goes on from one to the next. */
static void each_is_closed_in_its_turn(void **state)
{
	struct tcp_rig *f = *state;

	tcp_limit(f, 4 * TCP_TURN_MS);
	tcp_listen(f, ADDR_V4, tcp_keep);
	f->client[0] = tcp_connect_from(f, 2);
	tcp_run_turn(f);
	f->client[1] = tcp_connect_from(f, 3);
	while (counts_of(f).idle < 2)
		tcp_run_turn(f);
	assert_int_equal(tcp_drain(f->client[0]), 0);
	assert_int_equal(tcp_drain(f->client[1]), 0);
}

/* A second listener's connections are closed by the same timer. */
static void idleness_is_of_all_listeners(void **state)
{
	struct tcp_rig *f = *state;
	int error = 0;

	tcp_limit(f, TCP_TURN_MS);
	tcp_listen(f, ADDR_V4, tcp_keep);
	f->client[0] = tcp_connect_from(f, 2);
	tcp_run_turn(f);
	rpctcp_free(f->tcp);
	f->tcp = rpctcp_listen(f->limit, ADDR_V4, 0, tcp_keep, f, &error);
	assert_non_null(f->tcp);
	f->client[1] = tcp_connect_from(f, 2);
	while (counts_of(f).accepted + counts_of(f).open_strangers != 2)
		tcp_run_turn(f);
	assert_int_equal(tcp_drain(f->client[1]), 0);
}

static void answer_each(void *ctx, struct rpctcp *tcp, uint64_t connection,
			const struct addr *from, const uint8_t *bytes,
			size_t len)
{
	static const uint8_t answer[ANSWER_SIZE - 4];
	struct tcp_rig *f = ctx;

	(void)from;
	(void)bytes;
	(void)len;
	f->records++;
	rpctcp_send(tcp, connection, answer, sizeof(answer));
}

/* Calls until the kernel takes no more, which is when nobody reads it. */
static size_t call_until_blocked(struct tcp_rig *f, int fd)
{
	static const uint8_t call[4] = {0x80, 0, 0, 0};
	unsigned int records;
	size_t sent = 0;

	do {
		ssize_t len;

		records = f->records;
		while ((len = send(fd, call + sent % 4, 4 - sent % 4,
				   MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
			sent += (size_t)len;
		tcp_run_turn(f);
	} while (f->records > records);
	return sent / 4;
}

/* A peer that calls and calls but takes no answers is not read either. */
static void who_reads_late_is_answered_late(void **state)
{
	static char bytes[65536];
	struct tcp_rig *f = *state;
	size_t want, sum = 0;

	tcp_listen(f, ADDR_V4, answer_each);
	f->client[0] = tcp_connect(f);
	want = call_until_blocked(f, f->client[0]) * ANSWER_SIZE;
	assert_true(want > RPCTCP_OUT_MAX);
	while (sum < want) {
		ssize_t got =
			recv(f->client[0], bytes, sizeof(bytes), MSG_DONTWAIT);

		assert_int_not_equal(got, 0);
		if (got > 0)
			sum += (size_t)got;
		else
			tcp_run_turn(f);
	}
	assert_int_equal(sum, want);
}

#define WITH_LOOP(test) \
	cmocka_unit_test_setup_teardown(test, tcp_setup, tcp_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOOP(local_connections_have_a_cap),
		WITH_LOOP(an_address_has_its_cap),
		WITH_LOOP(strangers_never_keep_locals_out),
		WITH_LOOP(stalled_strangers_are_closed),
		WITH_LOOP(each_is_closed_in_its_turn),
		WITH_LOOP(idleness_is_of_all_listeners),
		WITH_LOOP(who_reads_late_is_answered_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
