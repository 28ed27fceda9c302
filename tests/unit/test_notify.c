/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sm-notify's core and one peer, which answers, lies, moves or sleeps.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/portmap.h"
#include "tests/unit/notify_world.h"

static void test_nobody(void **state)
{
	struct world w = world_default();

	(void)state;
	assert_true(notify_deadline_ms(w.n) == UINT64_MAX);
	feed_kind(&w, NOTIFY_IN_START);
	expect_done(&w, 0, 0);
	feed_kind(&w, NOTIFY_IN_TIMER);
	expect_nothing(&w);
	notify_free(w.n);
	notify_free(NULL);
}

/* A numeric peer is told with full and short name, and nobody is looked up. */
static void test_told(void **state)
{
	static const char *const peers[] = {"192.0.2.10", "2001:db8::10"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct world w = world_default();
		char text[512];
		struct sent sent;

		snprintf(text, sizeof(text), LINE("%s", "srv.example.com"),
			 peers[i]);
		feed_file(&w, peers[i], text);
		expect_nothing(&w);
		assert_int_equal(notify_untold_count(w.n), 1);
		feed_kind(&w, NOTIFY_IN_START);
		sent = expect_getport(&w, peers[i]);
		assert_int_equal(sent.call.vers, i == 0 ? 2 : 3);
		expect_nothing(&w);
		answer(&w, &sent);
		sent = expect_notify(&w, peers[i], "srv.example.com");
		answer(&w, &sent);
		sent = expect_notify(&w, peers[i], "srv");
		expect_nothing(&w);
		answer(&w, &sent);
		expect_rewrite(&w, peers[i], "");
		expect_done(&w, 1, 0);
		assert_int_equal(w.warnings, 0);
		notify_free(w.n);
	}
}

/* N-2: an address is not cut; a name without a dot has one form. */
static void test_one_form(void **state)
{
	static const char *const names[] = {"192.0.2.1", "2001:db8::1", "srv"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct world w = world_default();
		char text[512];
		struct sent sent;

		snprintf(text, sizeof(text), LINE("192.0.2.10", "%s"),
			 names[i]);
		feed_file(&w, "f", text);
		feed_kind(&w, NOTIFY_IN_START);
		sent = expect_send(&w);
		answer(&w, &sent);
		sent = expect_notify(&w, "192.0.2.10", names[i]);
		answer(&w, &sent);
		expect_rewrite(&w, "f", "");
		expect_done(&w, 1, 0);
		notify_free(w.n);
	}
}

/* S-2: only the right xid from the address and port that was asked counts. */
static void test_forged_answers(void **state)
{
	struct world w = world_default();
	struct sent sent;
	struct sent forged;
	struct addr from;

	(void)state;
	feed_file(&w, "f", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_send(&w);
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "srv");
	forged = sent;
	forged.call.xid++;
	answer(&w, &forged);
	from = sent.peer;
	from.bytes[3]++;
	answer_from(&w, &sent, &from, RPCMSG_SUCCESS, 0);
	from = sent.peer;
	from.port++;
	answer_from(&w, &sent, &from, RPCMSG_SUCCESS, 0);
	expect_nothing(&w);
	answer(&w, &sent);
	expect_rewrite(&w, "f", "");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* An RPC error is silence, and the port is asked again. */
static void test_rpc_error(void **state)
{
	struct world w = world_default();
	struct sent sent;

	(void)state;
	feed_file(&w, "f", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_send(&w);
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "srv");
	answer_from(&w, &sent, &sent.peer, RPCMSG_PROG_UNAVAIL, 0);
	expect_nothing(&w);
	assert_int_equal(notify_untold_count(w.n), 1);
	sleep_until_effect(&w);
	sent = sent_read(&w);
	assert_int_equal(sent.call.prog, PROG_PORTMAP);
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "srv");
	notify_free(w.n);
}

/* What the wait of a silent peer is next. */
static uint64_t next_wait_ms(const struct world *w, uint64_t wait_ms)
{
	uint64_t max_ms = w->now_ms < START_MS + NOTIFY_GRACE_MS
				  ? NOTIFY_WAIT_GRACE_MS
				  : NOTIFY_WAIT_MAX_MS;

	return wait_ms * 2 > max_ms ? max_ms : wait_ms * 2;
}

/*
 * 2, 4, 8 .. s, each a quarter sooner or later: 8 s at most while a grace
 * period may run, 120 s later (sim -s locks -r 257); nobody gives up.
 */
static void test_back_off(void **state)
{
	struct world w = world_default();
	uint64_t wait_ms = NOTIFY_WAIT_FIRST_MS;

	(void)state;
	feed_file(&w, "192.0.2.10", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect_getport(&w, "192.0.2.10");
	for (unsigned int i = 0; i < 40; i++) {
		uint64_t before_ms = w.now_ms;

		sleep_until_effect(&w);
		assert_int_equal(sent_read(&w).call.prog, PROG_PORTMAP);
		assert_in_range(w.now_ms - before_ms, wait_ms * 3 / 4,
				wait_ms * 5 / 4);
		wait_ms = next_wait_ms(&w, wait_ms);
	}
	notify_free(w.n);
}

/* B-10: each address in turn, the port asked again, after 4 silent sends. */
static void test_addresses_in_turn(void **state)
{
	static const char *const addrs[] = {"192.0.2.1", "192.0.2.2"};
	struct world w = world_default();
	char text[ADDR_TEXT_SIZE];
	struct sent sent;

	(void)state;
	feed_file(&w, "f", LINE("peer.example.com", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect(&w, NOTIFY_OUT_RESOLVE);
	assert_string_equal(w.out.resolve.name, "peer.example.com");
	resolve(&w, w.out.resolve.id, addrs, 2);
	sent = expect_getport(&w, "192.0.2.1");
	for (unsigned int i = 1; i < 4; i++) {
		sleep_until_effect(&w);
		sent = sent_read(&w);
		assert_string_equal(addr_format(&sent.peer, text), addrs[0]);
	}
	sleep_until_effect(&w);
	sent = sent_read(&w);
	assert_string_equal(addr_format(&sent.peer, text), addrs[1]);
	answer(&w, &sent);
	expect_notify(&w, "192.0.2.2", "srv");
	for (unsigned int i = 1; i < NOTIFY_SILENT_TRIES; i++) {
		sleep_until_effect(&w);
		assert_int_equal(sent_read(&w).peer.port, STATD_PORT);
	}
	/* All have been tried: perhaps the name has others by now. */
	sleep_until_effect(&w);
	assert_int_equal(w.out.kind, NOTIFY_OUT_RESOLVE);
	expect_getport(&w, "192.0.2.1");
	notify_free(w.n);
}

/*
 * Both forms are silent twice, then @heard is answered.
 * Return: how often the other one was sent after that, at most @tries_max;
 *         w->out is the effect that came then.
 */
static unsigned int hear_one_form(struct world *w, const char *heard,
				  const char *silent, unsigned int tries_max)
{
	bool is_heard = false;
	unsigned int tries = 0;
	unsigned int sends = 0;
	struct sent sent;

	feed_file(w, "192.0.2.10", LINE("192.0.2.10", "srv.example.com"));
	feed_kind(w, NOTIFY_IN_START);
	expect(w, NOTIFY_OUT_SEND);
	do {
		sent = sent_read(w);
		if (sent.call.prog != PROG_STATUS) {
			answer(w, &sent);
		} else if (is_heard) {
			assert_string_equal(sent.name, silent);
			tries++;
		} else if (++sends > 3 && strcmp(sent.name, heard) == 0) {
			answer(w, &sent);
			is_heard = true;
		}
		sleep_until_effect(w);
	} while (w->out.kind == NOTIFY_OUT_SEND && tries < tries_max);
	return tries;
}

/* A silent short form is left after 4 tries once the full one was heard. */
static void test_silent_short_form(void **state)
{
	struct world w = world_default();

	(void)state;
	assert_int_equal(hear_one_form(&w, "srv.example.com", "srv", 100),
			 NOTIFY_SILENT_TRIES);
	assert_int_equal(w.out.kind, NOTIFY_OUT_REWRITE);
	assert_int_equal(w.out.len, 0);
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/*
 * The full one never is: whoever monitors us by name, but cannot resolve it
 * yet, answers the short one as a stranger's (sim -r 1949).
 */
static void test_silent_full_form(void **state)
{
	struct world w = world_default();

	(void)state;
	assert_int_equal(hear_one_form(&w, "srv", "srv.example.com", 20), 20);
	assert_int_equal(notify_untold_count(w.n), 1);
	notify_free(w.n);
}

/*
 * rpcbind without statd, which may be starting: asked soon again while a grace
 * period may run (sim -s locks -r 257), not before 90 s later.
 */
static void test_no_statd(void **state)
{
	struct world w = world_default();
	uint64_t wait_ms = NOTIFY_WAIT_FIRST_MS;
	uint64_t before_ms;
	struct sent sent;

	(void)state;
	feed_file(&w, "192.0.2.10", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_send(&w);
	do {
		wait_ms = next_wait_ms(&w, wait_ms);
		if (w.now_ms >= START_MS + NOTIFY_GRACE_MS)
			wait_ms = NOTIFY_WAIT_MAX_MS;
		answer_from(&w, &sent, &sent.peer, RPCMSG_SUCCESS, 0);
		before_ms = w.now_ms;
		sleep_until_effect(&w);
		sent = sent_read(&w);
		assert_in_range(w.now_ms - before_ms, wait_ms * 3 / 4,
				wait_ms * 5 / 4);
	} while (wait_ms < NOTIFY_WAIT_MAX_MS);
	answer(&w, &sent);
	expect_notify(&w, "192.0.2.10", "srv");
	notify_free(w.n);
}

/* Nobody answers until there is an effect that is no SEND to @address. */
static void stay_silent(struct world *w, const char *address)
{
	struct sent sent;

	do {
		sleep_until_effect(w);
		if (w->out.kind != NOTIFY_OUT_SEND)
			return;
		sent = sent_read(w);
	} while (is_to(&sent, address));
}

/* B-9: nfs-utils' file name helps, but only where the address is silent. */
static void test_file_name_helps(void **state)
{
	static const char *const addrs[] = {"192.0.2.10", "192.0.2.99"};
	struct world w = world_default();
	struct sent sent;

	(void)state;
	feed_file(&w, "peer.example.com", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect_getport(&w, "192.0.2.10");
	stay_silent(&w, "192.0.2.10");
	assert_int_equal(w.out.kind, NOTIFY_OUT_RESOLVE);
	assert_in_range(w.now_ms - START_MS, 16000, 28000);
	assert_string_equal(w.out.resolve.name, "peer.example.com");
	resolve(&w, w.out.resolve.id, &addrs[1], 1);
	expect_getport(&w, "192.0.2.10");
	expect_getport(&w, "192.0.2.99");
	stay_silent(&w, "192.0.2.99");
	sent = sent_read(&w);
	assert_true(is_to(&sent, "192.0.2.10"));
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "srv");
	answer(&w, &sent);
	expect_rewrite(&w, "peer.example.com", "");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* A peer that moved while its old address was being asked. */
static void test_moved(void **state)
{
	static const char *const addrs[] = {"192.0.2.1", "192.0.2.2"};
	struct world w = world_default();
	struct sent sent;
	uint64_t id;

	(void)state;
	feed_file(&w, "f", LINE("peer", "one.x") LINE("peer", "two"));
	feed_kind(&w, NOTIFY_IN_START);
	expect(&w, NOTIFY_OUT_RESOLVE);
	id = w.out.resolve.id;
	resolve(&w, id, addrs, 1);
	expect_getport(&w, addrs[0]);
	stay_silent(&w, addrs[0]);
	assert_int_equal(w.out.kind, NOTIFY_OUT_RESOLVE);
	sent = expect_getport(&w, addrs[0]);
	/* Nothing new is no reason to forget what is known. */
	resolve(&w, id, addrs, 0);
	expect_nothing(&w);
	answer(&w, &sent);
	sent = expect_notify(&w, addrs[0], "one.x");
	stay_silent(&w, addrs[0]);
	sent = expect_getport(&w, addrs[0]);
	/* An answer from where the peer is no more says nothing of its port. */
	resolve(&w, id, &addrs[1], 1);
	answer(&w, &sent);
	sleep_until_effect(&w);
	sent = sent_read(&w);
	assert_true(is_to(&sent, addrs[1]));
	assert_int_equal(sent.call.prog, PROG_PORTMAP);
	notify_free(w.n);
}

/* The look-up ends while the old address is in a conversation. */
static void test_moved_midway(void **state)
{
	static const char *const addrs[] = {"192.0.2.1", "192.0.2.2"};
	struct world w = world_default();
	struct sent sent;
	uint64_t id;

	(void)state;
	feed_file(&w, "f", LINE("peer", "one.x"));
	feed_kind(&w, NOTIFY_IN_START);
	expect(&w, NOTIFY_OUT_RESOLVE);
	id = w.out.resolve.id;
	resolve(&w, id, addrs, 1);
	expect_getport(&w, addrs[0]);
	stay_silent(&w, addrs[0]);
	sent = expect_getport(&w, addrs[0]);
	answer(&w, &sent);
	sent = expect_notify(&w, addrs[0], "one.x");
	resolve(&w, id, &addrs[1], 1);
	expect_nothing(&w);
	answer(&w, &sent);
	sent = expect_getport(&w, addrs[1]);
	answer(&w, &sent);
	sent = expect_notify(&w, addrs[1], "one");
	answer(&w, &sent);
	expect_rewrite(&w, "f", "");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* A host name that does not resolve is asked for again, and said once. */
static void test_unresolved(void **state)
{
	static const char *const addrs[] = {"2001:db8::1"};
	struct world w = world_default();
	struct sent sent;

	(void)state;
	feed_file(&w, "f", LINE("peer", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect(&w, NOTIFY_OUT_RESOLVE);
	for (unsigned int i = 0; i < 5; i++) {
		resolve(&w, w.out.resolve.id, addrs, 0);
		expect_nothing(&w);
		sleep_until_effect(&w);
		assert_int_equal(w.out.kind, NOTIFY_OUT_RESOLVE);
	}
	assert_int_equal(w.warnings, 1);
	resolve(&w, w.out.resolve.id, addrs, 1);
	sent = expect_getport(&w, "2001:db8::1");
	/* An answer nobody waits for changes nothing. */
	resolve(&w, sent.id, addrs, 1);
	resolve(&w, 0, addrs, 1);
	resolve(&w, 99, addrs, 1);
	expect_nothing(&w);
	notify_free(w.n);
}

static void test_send_failed(void **state)
{
	struct world w = world_default();

	(void)state;
	feed_file(&w, "f", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	fail_send(&w, expect_send(&w).id);
	fail_send(&w, 77);
	expect_nothing(&w);
	sleep_until_effect(&w);
	assert_int_equal(w.out.kind, NOTIFY_OUT_SEND);
	assert_in_range(w.now_ms - START_MS, 1500, 2500);
	notify_free(w.n);
}

/* An answer that comes long after the send, but before the next, counts. */
static void test_late_answer(void **state)
{
	struct world w = world_default();
	struct sent sent;

	(void)state;
	feed_file(&w, "192.0.2.10", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect_send(&w);
	for (unsigned int i = 0; i < 6; i++)
		sleep_until_effect(&w);
	sent = sent_read(&w);
	w.now_ms += 60000;
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "srv");
	answer(&w, &sent);
	expect_rewrite(&w, "192.0.2.10", "");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* The timer is overdue, but the answer came first: it counts. */
static void test_answer_before_timer(void **state)
{
	struct world w = world_default();
	struct sent sent;

	(void)state;
	feed_file(&w, "f", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_send(&w);
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "srv");
	w.now_ms += 60000;
	answer(&w, &sent);
	expect_rewrite(&w, "f", "");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* An acknowledgement begins the back-off anew. */
static void test_ack_is_progress(void **state)
{
	struct world w = world_default();
	struct sent sent;
	uint64_t before_ms;

	(void)state;
	feed_file(&w, "192.0.2.10", LINE("192.0.2.10", "a.b"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_send(&w);
	answer(&w, &sent);
	expect(&w, NOTIFY_OUT_SEND);
	for (unsigned int i = 0; i < 3; i++)
		sleep_until_effect(&w);
	sent = sent_read(&w);
	answer(&w, &sent);
	expect(&w, NOTIFY_OUT_SEND);
	before_ms = w.now_ms;
	sleep_until_effect(&w);
	assert_in_range(w.now_ms - before_ms, 1500, 2500);
	notify_free(w.n);
}

/* A host that is up with a dead statd is not asked every few seconds. */
static void test_port_is_no_progress(void **state)
{
	struct world w = world_default();
	unsigned int count = 0;
	struct sent sent;

	(void)state;
	feed_file(&w, "192.0.2.10", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	while (w.now_ms < START_MS + 3600000) {
		while (take(&w)) {
			sent = sent_read(&w);
			count++;
			if (sent.call.prog == PROG_PORTMAP)
				answer(&w, &sent);
		}
		sleep_until_due(&w);
	}
	assert_in_range(count, 30, 60);
	notify_free(w.n);
}

/* A peer that answers at last is not left for another address. */
static void test_not_moved(void **state)
{
	static const char *const addrs[] = {"192.0.2.10", "192.0.2.99"};
	struct world w = world_default();
	struct sent sent;
	uint64_t id;

	(void)state;
	feed_file(&w, "peer", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect_getport(&w, "192.0.2.10");
	stay_silent(&w, "192.0.2.10");
	id = w.out.resolve.id;
	sent = expect_getport(&w, "192.0.2.10");
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "srv");
	resolve(&w, id, addrs, 2);
	expect_nothing(&w);
	answer(&w, &sent);
	expect_rewrite(&w, "peer", "");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_one_form),
		cmocka_unit_test(test_forged_answers),
		cmocka_unit_test(test_rpc_error),
		cmocka_unit_test(test_back_off),
		cmocka_unit_test(test_addresses_in_turn),
		cmocka_unit_test(test_silent_short_form),
		cmocka_unit_test(test_silent_full_form),
		cmocka_unit_test(test_no_statd),
		cmocka_unit_test(test_file_name_helps),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_moved_midway),
		cmocka_unit_test(test_not_moved),
		cmocka_unit_test(test_unresolved),
		cmocka_unit_test(test_send_failed),
		cmocka_unit_test(test_late_answer),
		cmocka_unit_test(test_answer_before_timer),
		cmocka_unit_test(test_ack_is_progress),
		cmocka_unit_test(test_port_is_no_progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
