/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sm-notify's core and those who are to be told in grace alone: monitored
 * again, they may have locks as soon as it is over, so nothing is sent to them
 * from then on (design decision 14).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/notify_world.h"

#define TELL "tell-in-grace 0 192.0.2.10 192.0.2.10"

/* One peer, to be told in grace, was asked for its port. */
static struct sent begin(struct world *w, const char *verb)
{
	struct sent sent;

	feed_file(w, "a", LINE("192.0.2.10", "one") LINE("192.0.2.10", "two"));
	feed_kind(w, NOTIFY_IN_START);
	sent = expect_getport(w, "192.0.2.10");
	request(w, 1, verb);
	expect_nothing(w);
	return sent;
}

/* The peer is parked now, and whoever waits for it hears that. */
static void expect_parked(struct world *w)
{
	expect_answer(w, 1, CTL_PARKED);
	expect_done(w, 0, 1);
	assert_int_equal(notify_parked_count(w->n), 1);
}

static void test_port_comes_after_grace(void **state)
{
	struct world w = world_default();
	struct sent sent = begin(&w, TELL);

	(void)state;
	w.is_grace_over = true;
	answer(&w, &sent);
	expect_parked(&w);
	notify_free(w.n);
}

static void test_timer_comes_after_grace(void **state)
{
	struct world w = world_default();

	(void)state;
	begin(&w, TELL);
	w.is_grace_over = true;
	sleep_until_due(&w);
	expect_parked(&w);
	notify_free(w.n);
}

/* The question alone: grace was over before it came. */
static void test_request_comes_after_grace(void **state)
{
	struct world w = world_default();

	(void)state;
	feed_file(&w, "a", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect_getport(&w, "192.0.2.10");
	w.is_grace_over = true;
	request(&w, 1, TELL);
	expect_parked(&w);
	notify_free(w.n);
}

/* An answer that came counts, and the last one ends it. */
static void test_answer_comes_after_grace(void **state)
{
	struct world w = world_default();
	struct sent sent = begin(&w, TELL);

	(void)state;
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "one");
	answer(&w, &sent);
	expect_rewrite(&w, "a", LINE("192.0.2.10", "two"));
	sent = expect_notify(&w, "192.0.2.10", "two");
	w.is_grace_over = true;
	answer(&w, &sent);
	expect_rewrite(&w, "a", "");
	expect_answer(&w, 1, CTL_TOLD);
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* ... of the other names it is told none. */
static void test_first_answer_comes_after_grace(void **state)
{
	struct world w = world_default();
	struct sent sent = begin(&w, TELL);

	(void)state;
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "one");
	w.is_grace_over = true;
	answer(&w, &sent);
	expect_rewrite(&w, "a", LINE("192.0.2.10", "two"));
	expect_parked(&w);
	notify_free(w.n);
}

/* Whoever is told in any case is told. */
static void test_others_are_told(void **state)
{
	struct world w = world_default();
	struct sent sent = begin(&w, "tell 0 192.0.2.10 192.0.2.10");

	(void)state;
	w.is_grace_over = true;
	assert_false(notify_wants_grace(w.n, &(struct notify_in){
						     .kind = NOTIFY_IN_TIMER}));
	answer(&w, &sent);
	expect_notify(&w, "192.0.2.10", "one");
	notify_free(w.n);
}

/* The next CALL, and nothing is left to take then. */
static struct sent next_call(struct world *w)
{
	struct sent call;

	for (;;) {
		if (!take(w))
			sleep_until_due(w);
		else if (w->out.kind == NOTIFY_OUT_CALL)
			break;
	}
	call = sent_read(w);
	while (take(w))
		;
	return call;
}

/* Over TCP as well: the port is known, and the notice would come next. */
static void test_stream_ends_with_grace(void **state)
{
	struct world w = world_default();
	struct sent call;

	(void)state;
	w.has_streams = true;
	begin(&w, TELL);
	call = next_call(&w);
	w.is_grace_over = true;
	answer_call(&w, &call, RPCMSG_SUCCESS, STATD_PORT);
	expect_parked(&w);
	notify_free(w.n);
}

/* ... but what is acknowledged there is, and the rest is not told. */
static void test_stream_is_acked_after_grace(void **state)
{
	struct world w = world_default();
	struct sent call;

	(void)state;
	w.has_streams = true;
	begin(&w, TELL);
	call = next_call(&w);
	answer_call(&w, &call, RPCMSG_SUCCESS, STATD_PORT);
	call = next_call(&w);
	w.is_grace_over = true;
	answer_call(&w, &call, RPCMSG_SUCCESS, 0);
	expect_rewrite(&w, "a", LINE("192.0.2.10", "two"));
	expect_parked(&w);
	notify_free(w.n);
}

/* A look-up that ends after grace leads to the same peer: parked with it. */
static void test_name_leads_there_after_grace(void **state)
{
	const char *const addrs[] = {"192.0.2.10"};
	struct world w = world_default();
	struct sent sent;
	uint64_t id;

	(void)state;
	feed_file(&w, "b", LINE("peer.example", "srv"));
	feed_file(&w, "a", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect(&w, NOTIFY_OUT_RESOLVE);
	id = w.out.resolve.id;
	sent = expect_getport(&w, "192.0.2.10");
	request(&w, 1, TELL);
	w.is_grace_over = true;
	answer(&w, &sent);
	expect_answer(&w, 1, CTL_PARKED);
	resolve(&w, id, addrs, 1);
	expect_done(&w, 0, 2);
	assert_int_equal(notify_parked_count(w.n), 2);
	notify_free(w.n);
}

/*
 * Until rpc.statd has written it down this run alone knows, so who asks is told
 * that it is untold, and has it parked for good.
 */
static void test_is_parked_here_at_first(void **state)
{
	struct world w = world_default();
	struct sent sent;

	(void)state;
	feed_file(&w, "b", LINE("192.0.2.20", "srv"));
	feed_file(&w, "a", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect_getport(&w, "192.0.2.20");
	sent = expect_getport(&w, "192.0.2.10");
	request(&w, 1, TELL);
	w.is_grace_over = true;
	answer(&w, &sent);
	expect_answer(&w, 1, CTL_PARKED);
	request(&w, 2, "ask 0 192.0.2.10 192.0.2.10");
	expect_answer(&w, 2, CTL_UNTOLD);
	request(&w, 3, "park 0 192.0.2.10 192.0.2.10");
	expect_answer(&w, 3, CTL_PARKED);
	request(&w, 4, "ask 0 192.0.2.10 192.0.2.10");
	expect_answer(&w, 4, CTL_PARKED);
	notify_free(w.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_port_comes_after_grace),
		cmocka_unit_test(test_timer_comes_after_grace),
		cmocka_unit_test(test_request_comes_after_grace),
		cmocka_unit_test(test_answer_comes_after_grace),
		cmocka_unit_test(test_first_answer_comes_after_grace),
		cmocka_unit_test(test_others_are_told),
		cmocka_unit_test(test_stream_ends_with_grace),
		cmocka_unit_test(test_stream_is_acked_after_grace),
		cmocka_unit_test(test_name_leads_there_after_grace),
		cmocka_unit_test(test_is_parked_here_at_first),
	};

	return cmocka_run_group_tests_name("tellgrace", tests, NULL, NULL);
}
