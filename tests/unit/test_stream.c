/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sm-notify's core over TCP beside UDP, and from several addresses of ours.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sm-notify/stream.h"
#include "tests/unit/notify_world.h"

static struct world world_streaming(void)
{
	struct world w = world_default();

	w.has_streams = true;
	return w;
}

static struct sent expect_call(struct world *w, uint32_t prog, uint16_t port)
{
	expect(w, NOTIFY_OUT_CALL);
	struct sent sent = sent_read(w);

	assert_int_equal(sent.call.prog, prog);
	assert_int_equal(sent.peer.port, port);
	return sent;
}

/* Nothing is answered until there is a CALL, which is taken. */
static struct sent be_silent(struct world *w, unsigned int *sends)
{
	struct sent sent;

	do {
		if (!take(w))
			sleep_until_effect(w);
		sent = sent_read(w);
		*sends += w->out.kind == NOTIFY_OUT_SEND;
	} while (w->out.kind == NOTIFY_OUT_SEND);
	return sent;
}

/* A peer behind a firewall that passes TCP only. */
static void test_only_stream(void **state)
{
	struct world w = world_streaming();
	struct notify_peer peer;
	unsigned int sends = 0;
	struct sent sent;

	(void)state;
	feed_file(&w, "192.0.2.9", LINE("192.0.2.9", "srv.example"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = be_silent(&w, &sends);
	assert_int_equal(sends, NOTIFY_STREAM_TRIES);
	assert_int_equal(sent.call.prog, PROG_PORTMAP);
	assert_int_equal(sent.peer.port, 111);
	answer_call(&w, &sent, RPCMSG_SUCCESS, STATD_PORT);
	/* The fourth send over UDP was due at the same moment. */
	assert_int_equal(expect_send(&w).call.prog, PROG_PORTMAP);
	sent = expect_call(&w, PROG_STATUS, STATD_PORT);
	assert_string_equal(sent.name, "srv.example");
	answer_call(&w, &sent, RPCMSG_SUCCESS, 0);
	sent = expect_call(&w, PROG_STATUS, STATD_PORT);
	assert_string_equal(sent.name, "srv");
	answer_call(&w, &sent, RPCMSG_SUCCESS, 0);
	expect_rewrite(&w, "192.0.2.9", "");
	expect_done(&w, 1, 0);
	assert_true(notify_peer(w.n, 0, &peer));
	assert_true(peer.is_stream);
	notify_free(w.n);
}

/* IPv6: rpcbind is asked with version 3, over TCP for TCP's port. */
static void test_stream_v6(void **state)
{
	struct world w = world_streaming();
	unsigned int sends = 0;
	struct sent sent;

	(void)state;
	feed_file(&w, "2001:db8::9", LINE("2001:db8::9", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = be_silent(&w, &sends);
	assert_int_equal(sent.call.prog, PROG_PORTMAP);
	assert_int_equal(sent.call.vers, 3);
	answer_call(&w, &sent, RPCMSG_SUCCESS, STATD_PORT);
	expect_send(&w);
	sent = expect_call(&w, PROG_STATUS, STATD_PORT);
	answer_call(&w, &sent, RPCMSG_SUCCESS, 0);
	expect_rewrite(&w, "2001:db8::9", "");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* Refused, silent or without a statd there: UDP goes on, and TCP again. */
static void test_stream_fails(void **state)
{
	struct world w = world_streaming();
	unsigned int sends = 0;
	struct sent sent;

	(void)state;
	feed_file(&w, "192.0.2.9", LINE("192.0.2.9", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = be_silent(&w, &sends);
	answer_call(&w, &sent, -1, 0);
	sent = be_silent(&w, &sends);
	answer_call(&w, &sent, RPCMSG_SUCCESS, 0); /* no statd */
	sent = be_silent(&w, &sends);
	answer_call(&w, &sent, RPCMSG_PROG_UNAVAIL, 0);
	sent = be_silent(&w, &sends);
	answer_call(&w, &sent, RPCMSG_SUCCESS, STATD_PORT);
	assert_int_equal(notify_untold_count(w.n), 1);
	assert_int_equal(sends, 4 * NOTIFY_SILENT_TRIES - 1);
	notify_free(w.n);
}

/* An answer from another address counts for nothing, but starts TCP at once. */
static void test_other_address(void **state)
{
	struct world w = world_streaming();
	struct addr other;
	struct sent sent, call;

	(void)state;
	assert_true(addr_parse("192.0.2.99", &other));
	other.port = 111;
	feed_file(&w, "192.0.2.9", LINE("192.0.2.9", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_getport(&w, "192.0.2.9");
	answer_from(&w, &sent, &other, RPCMSG_SUCCESS, 4);
	call = expect_call(&w, PROG_PORTMAP, 111);
	assert_true(is_to(&call, "192.0.2.9"));
	answer_from(&w, &sent, &other, RPCMSG_SUCCESS, 4); /* only one */
	expect_nothing(&w);
	answer_call(&w, &call, RPCMSG_SUCCESS, STATD_PORT);
	call = expect_call(&w, PROG_STATUS, STATD_PORT);
	answer_call(&w, &call, RPCMSG_SUCCESS, 0);
	expect_rewrite(&w, "192.0.2.9", "");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* An answer of another xid is none to this call. */
static void test_other_xid(void **state)
{
	struct world w = world_streaming();
	unsigned int sends = 0;
	struct sent sent;

	(void)state;
	feed_file(&w, "192.0.2.9", LINE("192.0.2.9", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = be_silent(&w, &sends);
	answer_call(&w, &sent, RPCMSG_SUCCESS, STATD_PORT);
	expect_send(&w);
	sent = expect_call(&w, PROG_STATUS, STATD_PORT);
	sent.call.xid++;
	answer_call(&w, &sent, RPCMSG_SUCCESS, 0);
	expect_nothing(&w);
	assert_int_equal(notify_untold_count(w.n), 1);
	notify_free(w.n);
}

/* UDP answers after all: what is under way over TCP is ended with the peer. */
static void test_hang_up(void **state)
{
	struct world w = world_streaming();
	struct addr other;
	struct sent sent, call;

	(void)state;
	assert_true(addr_parse("192.0.2.99", &other));
	feed_file(&w, "192.0.2.9", LINE("192.0.2.9", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_getport(&w, "192.0.2.9");
	answer_from(&w, &sent, &other, RPCMSG_SUCCESS, 4);
	call = expect_call(&w, PROG_PORTMAP, 111);
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.9", "srv");
	answer(&w, &sent);
	expect(&w, NOTIFY_OUT_HANG_UP);
	assert_int_equal(w.out.hang_up.id, call.id);
	expect_rewrite(&w, "192.0.2.9", "");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* The same saying acknowledged twice, over both: told once. */
static void test_both_answer(void **state)
{
	struct world w = world_streaming();
	struct addr other;
	struct sent sent, call;

	(void)state;
	assert_true(addr_parse("192.0.2.99", &other));
	feed_file(&w, "a", LINE("192.0.2.9", "one") LINE("192.0.2.9", "two"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_getport(&w, "192.0.2.9");
	answer_from(&w, &sent, &other, RPCMSG_SUCCESS, 4);
	call = expect_call(&w, PROG_PORTMAP, 111);
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.9", "one");
	answer_call(&w, &call, RPCMSG_SUCCESS, STATD_PORT);
	call = expect_call(&w, PROG_STATUS, STATD_PORT);
	assert_string_equal(call.name, "one");
	answer_call(&w, &call, RPCMSG_SUCCESS, 0);
	call = expect_call(&w, PROG_STATUS, STATD_PORT);
	assert_string_equal(call.name, "two");
	expect_rewrite(&w, "a", LINE("192.0.2.9", "two"));
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.9", "two");
	expect_nothing(&w);
	answer_call(&w, &call, RPCMSG_SUCCESS, 0);
	expect_rewrite(&w, "a", "");
	expect_done(&w, 1, 0);
	answer(&w, &sent); /* too late */
	expect_nothing(&w);
	notify_free(w.n);
}

/* Many silent peers: at most STREAMS_MAX at a time, and each has its turn. */
static void test_many(void **state)
{
	enum { PEERS = 3 * STREAMS_MAX };
	struct world w = world_streaming();
	bool was_called[PEERS + 1] = {false};
	uint64_t open[PEERS];
	size_t open_count = 0, called = 0;
	struct sent sent;

	(void)state;
	feed_peers(&w, PEERS);
	feed_kind(&w, NOTIFY_IN_START);
	for (unsigned int i = 0; i < 100000 && called < PEERS; i++) {
		if (!take(&w)) {
			if (open_count == STREAMS_MAX) {
				sent.id = open[--open_count];
				answer_call(&w, &sent, -1, 0);
			} else {
				sleep_until_due(&w);
			}
			continue;
		}
		if (w.out.kind != NOTIFY_OUT_CALL)
			continue;
		assert_true(open_count < STREAMS_MAX);
		open[open_count++] = w.out.send.id;
		called += !was_called[w.out.send.id];
		was_called[w.out.send.id] = true;
	}
	assert_int_equal(called, PEERS);
	notify_free(w.n);
}

/* One that waits for a place is parked together with one that has a place. */
static void test_parked_is_not_called(void **state)
{
	enum { PEERS = STREAMS_MAX + 1 };
	struct world w = world_streaming();
	unsigned int sends[PEERS + 1] = {0};
	bool was_called[PEERS + 1] = {false};
	struct notify_peer open, waiting;
	size_t last = 1, called = 0;
	char text[128];

	(void)state;
	feed_peers(&w, PEERS);
	feed_kind(&w, NOTIFY_IN_START);
	/* Its fourth send comes after the wish for a conversation. */
	while (called < STREAMS_MAX || sends[last] <= NOTIFY_STREAM_TRIES) {
		if (!take(&w))
			sleep_until_effect(&w);
		if (w.out.kind == NOTIFY_OUT_CALL) {
			called++;
			was_called[w.out.send.id] = true;
		} else {
			sends[w.out.send.id]++;
		}
		while (last < PEERS && was_called[last])
			last++;
	}
	while (take(&w))
		;
	assert_false(was_called[last]);
	assert_true(notify_peer(w.n, last == 1 ? 1 : 0, &open));
	assert_true(notify_peer(w.n, last - 1, &waiting));
	snprintf(text, sizeof(text), "park 0 %s %s", open.mon_name,
		 waiting.mon_name);
	request(&w, 1, text);
	while (take(&w))
		assert_int_not_equal(w.out.kind, NOTIFY_OUT_CALL);
	assert_int_equal(notify_parked_count(w.n), 2);
	notify_free(w.n);
}

/* Who somebody waits for does not wait for a place behind the others. */
static void test_urgent_is_called_next(void **state)
{
	enum { PEERS = STREAMS_MAX + 2 };
	struct world w = world_streaming();
	unsigned int sends[PEERS + 1] = {0};
	bool was_called[PEERS + 1] = {false};
	uint64_t waiting[PEERS], called = 0;
	size_t waiting_count = 0;
	struct notify_peer last;
	struct sent first = {0};
	char text[128];

	(void)state;
	feed_peers(&w, PEERS);
	feed_kind(&w, NOTIFY_IN_START);
	while (waiting_count < 2) {
		uint64_t id;

		if (!take(&w))
			sleep_until_effect(&w);
		id = w.out.send.id;
		if (w.out.kind == NOTIFY_OUT_CALL)
			was_called[first.id = id] = true;
		/* Its fourth send comes after the wish for a place. */
		else if (++sends[id] == NOTIFY_STREAM_TRIES + 1 &&
			 !was_called[id])
			waiting[waiting_count++] = id;
	}
	while (take(&w))
		;
	assert_true(notify_peer(w.n, waiting[1] - 1, &last));
	snprintf(text, sizeof(text), "tell 0 %s", last.mon_name);
	request(&w, 1, text);
	answer_call(&w, &first, -1, 0);
	while (called == 0) {
		assert_true(take(&w));
		if (w.out.kind == NOTIFY_OUT_CALL)
			called = w.out.send.id;
	}
	assert_int_equal(called, waiting[1]);
	notify_free(w.n);
}

/* --- several addresses of ours ------------------------------------------- */

static struct world world_at(const char *own)
{
	static struct notify_own all[3];
	struct world w;

	assert_true(addr_parse("192.0.2.1", &all[0].addr));
	assert_true(addr_parse("192.0.2.101", &all[1].addr));
	assert_true(addr_parse("198.51.100.1", &all[2].addr));
	all[0].link = all[1].link = 2;
	all[2].link = 3;
	w = world_with((struct notify_config){
		.own = all,
		.own_count = 3,
		.give_up_ms = UINT64_MAX,
		.packets_per_second = 10000,
	});
	assert_true(addr_parse(own, &w.own));
	return w;
}

static struct sent expect_notify_from(struct world *w, const char *name,
				      const char *source)
{
	struct sent sent = expect_notify(w, "192.0.2.9", name);
	char text[ADDR_TEXT_SIZE];

	assert_string_equal(addr_format(&w->out.send.source, text), source);
	return sent;
}

static void test_sources(void **state)
{
	const char *const want[][2] = {
		{"srv.example", "-"},
		{"srv", "-"},
		{"srv.example", "192.0.2.101"},
		{"srv", "192.0.2.101"},
	};
	struct world w = world_at("192.0.2.1");
	struct sent sent;

	(void)state;
	feed_file(&w, "a", LINE("192.0.2.9", "srv.example"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_getport(&w, "192.0.2.9");
	answer(&w, &sent);
	for (size_t i = 0; i < 4; i++) {
		sent = expect_notify_from(&w, want[i][0], want[i][1]);
		assert_int_equal(sent.number, NUMBER);
		answer(&w, &sent);
	}
	expect_rewrite(&w, "a", "");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* An interface with one address: nothing more is said. */
static void test_one_source(void **state)
{
	struct world w = world_at("198.51.100.1");
	struct sent sent;

	(void)state;
	feed_file(&w, "a", LINE("192.0.2.9", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_getport(&w, "192.0.2.9");
	answer(&w, &sent);
	sent = expect_notify_from(&w, "srv", "-");
	answer(&w, &sent);
	expect_rewrite(&w, "a", "");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* Nobody answers what comes from the second address: four times, then left. */
static void test_silent_source(void **state)
{
	struct world w = world_at("192.0.2.1");
	unsigned int sends = 0;
	struct sent sent;

	(void)state;
	feed_file(&w, "192.0.2.9", LINE("192.0.2.9", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_getport(&w, "192.0.2.9");
	answer(&w, &sent);
	sent = expect_notify_from(&w, "srv", "-");
	answer(&w, &sent);
	for (;;) {
		if (!take(&w))
			sleep_until_effect(&w);
		if (w.out.kind == NOTIFY_OUT_REWRITE)
			break;
		sent = sent_read(&w);
		if (sent.call.prog == PROG_PORTMAP)
			answer(&w, &sent);
		else
			sends++;
	}
	assert_int_equal(sends, NOTIFY_SILENT_TRIES);
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* Feeds @len bytes as what came of the CALL @sent. */
static void answer_bytes(struct world *w, const struct sent *sent,
			 const void *bytes, size_t len)
{
	const struct notify_in in = {.kind = NOTIFY_IN_CALL_ANSWER,
				     .bytes = bytes,
				     .len = len,
				     .call.id = sent->id};

	notify_input(w->n, w->now_ms, &in);
}

/* It ends that try; rpcbind is asked again, and a call has one answer. */
static void test_garbage(void **state)
{
	struct world w = world_streaming();
	unsigned int sends = 0;
	struct sent sent;

	(void)state;
	feed_file(&w, "192.0.2.9", LINE("192.0.2.9", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = be_silent(&w, &sends);
	answer_bytes(&w, &sent, "garbage", 7);
	answer_call(&w, &sent, RPCMSG_SUCCESS, STATD_PORT);
	sent = be_silent(&w, &sends);
	assert_int_equal(sent.call.prog, PROG_PORTMAP);
	answer_call(&w, &sent, RPCMSG_SUCCESS, STATD_PORT);
	sent = be_silent(&w, &sends);
	assert_int_equal(sent.call.prog, PROG_STATUS);
	/* Nor is that an acknowledgement. */
	answer_bytes(&w, &sent, "garbage", 7);
	assert_int_equal(notify_untold_count(w.n), 1);
	sent = be_silent(&w, &sends);
	assert_int_equal(sent.call.prog, PROG_PORTMAP);
	notify_free(w.n);
}

/* A failure that comes twice, or after an answer, changes nothing. */
static void test_late_failure(void **state)
{
	struct world w = world_streaming();
	unsigned int sends = 0;
	struct sent sent;

	(void)state;
	feed_file(&w, "192.0.2.9", LINE("192.0.2.9", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = be_silent(&w, &sends);
	answer_call(&w, &sent, -1, 0);
	answer_call(&w, &sent, -1, 0);
	answer_call(&w, &sent, RPCMSG_SUCCESS, STATD_PORT);
	sent = be_silent(&w, &sends);
	assert_int_equal(sent.call.prog, PROG_PORTMAP);
	answer_call(&w, &sent, RPCMSG_SUCCESS, STATD_PORT);
	sent = be_silent(&w, &sends);
	assert_int_equal(sent.call.prog, PROG_STATUS);
	answer_call(&w, &sent, RPCMSG_SUCCESS, 0);
	expect_rewrite(&w, "192.0.2.9", "");
	expect_done(&w, 1, 0);
	answer_call(&w, &sent, -1, 0);
	expect_nothing(&w);
	notify_free(w.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_stream),
		cmocka_unit_test(test_stream_v6),
		cmocka_unit_test(test_stream_fails),
		cmocka_unit_test(test_other_address),
		cmocka_unit_test(test_other_xid),
		cmocka_unit_test(test_hang_up),
		cmocka_unit_test(test_both_answer),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_parked_is_not_called),
		cmocka_unit_test(test_urgent_is_called_next),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_one_source),
		cmocka_unit_test(test_silent_source),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_late_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
