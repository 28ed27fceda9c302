/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sm-notify's core when others ask for a peer: told next, never again, and
 * what was decided before it began (design decision 14).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sm-notify/pace.h"
#include "sm-notify/targetset.h"
#include "tests/unit/notify_world.h"

/* Answers the rest of the conversation with the peer of @sent. */
static void tell(struct world *w, struct sent sent, const char *address,
		 const char *name)
{
	answer(w, &sent);
	sent = expect_notify(w, address, name);
	answer(w, &sent);
}

static void test_ask(void **state)
{
	struct world w = world_default();
	struct sent sent;

	(void)state;
	feed_file(&w, "a", LINE("192.0.2.10", "srv"));
	feed_file(&w, "b", LINE("peer.example", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect(&w, NOTIFY_OUT_RESOLVE);
	sent = expect_getport(&w, "192.0.2.10");
	request(&w, 1, "ask 0 192.0.2.10");
	expect_answer(&w, 1, CTL_UNTOLD);
	request(&w, 2, "ask 0 other.example 198.51.100.1 192.0.2.10");
	expect_answer(&w, 2, CTL_UNTOLD);
	request(&w, 3, "ask 0 PEER.example");
	expect_answer(&w, 3, CTL_UNTOLD);
	request(&w, 4, "ask 0 192.0.2.11 192.0.2.11");
	expect_answer(&w, 4, CTL_NONE);
	tell(&w, sent, "192.0.2.10", "srv");
	expect_rewrite(&w, "a", "");
	request(&w, 5, "ask 0 192.0.2.10");
	expect_answer(&w, 5, CTL_NONE);
	notify_free(w.n);
}

/* Whatever is in it may be told by a later run, which can read it. */
static void test_unread_is_untold(void **state)
{
	const struct notify_in unread = {.kind = NOTIFY_IN_UNREAD,
					 .file.name = "192.0.2.10"};
	struct world w = world_default();

	(void)state;
	feed_file(&w, "a", LINE("192.0.2.20", "srv"));
	notify_input(w.n, w.now_ms, &unread);
	feed_kind(&w, NOTIFY_IN_START);
	expect_getport(&w, "192.0.2.20");
	request(&w, 1, "ask 0 192.0.2.10");
	expect_answer(&w, 1, CTL_UNTOLD);
	request(&w, 2, "ask 0 other.example 192.0.2.10");
	expect_answer(&w, 2, CTL_UNTOLD);
	request(&w, 3, "ask 0 192.0.2.11 192.0.2.11");
	expect_answer(&w, 3, CTL_NONE);
	/* Nobody waits for what nobody does. */
	request(&w, 4, "tell 0 192.0.2.10");
	expect_answer(&w, 4, CTL_UNTOLD);
	notify_free(w.n);
}

/* However many wait before it and however long its back-off is. */
static void test_tell_goes_first(void **state)
{
	struct world w = world_default();
	uint64_t asked_ms;
	struct sent sent;

	(void)state;
	feed_peers(&w, 1000);
	feed_file(&w, "p", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	while (take(&w))
		assert_false(w.out.send.peer.bytes[0] == 192);
	request(&w, 7, "tell 0 192.0.2.10");
	sleep_until_effect(&w);
	sent = sent_read(&w);
	assert_true(is_to(&sent, "192.0.2.10"));
	/* Deep in its back-off, too. */
	for (int i = 0; i < 60; i++) {
		sleep_until_due(&w);
		while (take(&w))
			;
	}
	w.now_ms += 600000;
	feed_kind(&w, NOTIFY_IN_TIMER);
	while (take(&w))
		;
	asked_ms = w.now_ms;
	request(&w, 8, "tell 0 192.0.2.10");
	for (unsigned int sends = 0; sends < 3;) {
		if (!take(&w))
			sleep_until_due(&w);
		else if (w.out.kind == NOTIFY_OUT_SEND &&
			 w.out.send.peer.bytes[0] == 192)
			sends++;
	}
	/* 500, 625 and 1250 ms, and each may find the window full once. */
	assert_in_range(w.now_ms - asked_ms, 0, 2375 + 3 * PACE_SLOT_MS);
	notify_free(w.n);
}

/* "told" comes after the line has left its file. */
static void test_tell_is_answered(void **state)
{
	struct world w = world_default();
	struct sent sent;

	(void)state;
	feed_file(&w, "a", LINE("192.0.2.10", "one") LINE("192.0.2.10", "two"));
	feed_file(&w, "b", LINE("192.0.2.20", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_getport(&w, "192.0.2.10");
	expect_getport(&w, "192.0.2.20");
	request(&w, 1, "tell 0 192.0.2.10");
	request(&w, 2, "tell 0 192.0.2.30");
	expect_answer(&w, 2, CTL_NONE);
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "one");
	answer(&w, &sent);
	expect_rewrite(&w, "a", LINE("192.0.2.10", "two"));
	sent = expect_notify(&w, "192.0.2.10", "two");
	answer(&w, &sent);
	expect_rewrite(&w, "a", "");
	expect_answer(&w, 1, CTL_TOLD);
	notify_free(w.n);
}

static void test_tell_is_given_up(void **state)
{
	struct world w = world_new(NULL, START_MS + 60000, 10000);
	struct notify_in cancel = {.kind = NOTIFY_IN_CANCEL, .request.id = 2};

	(void)state;
	feed_file(&w, "192.0.2.10", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	request(&w, 1, "tell 0 192.0.2.10");
	request(&w, 2, "tell 0 192.0.2.10");
	notify_input(w.n, w.now_ms, &cancel);
	while (w.now_ms < START_MS + 60000) {
		while (take(&w))
			assert_int_equal(w.out.kind, NOTIFY_OUT_SEND);
		sleep_until_due(&w);
	}
	expect_answer(&w, 1, CTL_UNTOLD);
	expect_done(&w, 0, 1);
	notify_free(w.n);
}

/* Nothing is sent any more, an answer on its way changes nothing. */
static void test_park(void **state)
{
	struct world w = world_default();
	struct sent sent;

	(void)state;
	feed_file(&w, "192.0.2.10", LINE("192.0.2.10", "srv"));
	feed_file(&w, "192.0.2.20", LINE("192.0.2.20", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_getport(&w, "192.0.2.10");
	expect_getport(&w, "192.0.2.20");
	request(&w, 1, "tell 0 192.0.2.10");
	request(&w, 2, "park 0 192.0.2.10");
	expect_answer(&w, 2, CTL_PARKED);
	expect_answer(&w, 1, CTL_PARKED);
	assert_int_equal(notify_parked_count(w.n), 1);
	answer(&w, &sent);
	expect_nothing(&w);
	request(&w, 3, "ask 0 192.0.2.10");
	expect_answer(&w, 3, CTL_PARKED);
	request(&w, 4, "tell 0 192.0.2.10");
	expect_answer(&w, 4, CTL_PARKED);
	request(&w, 5, "park 0 192.0.2.99");
	expect_answer(&w, 5, CTL_NONE);
	for (int i = 0; i < 50; i++) {
		sleep_until_due(&w);
		while (take(&w))
			assert_int_equal(w.out.send.peer.bytes[3], 20);
	}
	/* The last one that could be told is parked, too: the end. */
	request(&w, 6, "park 0 192.0.2.20");
	expect_answer(&w, 6, CTL_PARKED);
	expect_done(&w, 0, 2);
	notify_free(w.n);
}

/* Whoever writes down what became of each peer sees it at once. */
static void test_parked_is_shown(void **state)
{
	struct world w = world_default();
	struct notify_peer peer;
	uint64_t changes;

	(void)state;
	feed_file(&w, "a", LINE("192.0.2.10", "srv"));
	feed_file(&w, "b", LINE("192.0.2.20", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect_getport(&w, "192.0.2.10");
	expect_getport(&w, "192.0.2.20");
	changes = notify_changes(w.n);
	request(&w, 1, "park 0 192.0.2.10");
	expect_answer(&w, 1, CTL_PARKED);
	assert_true(notify_peer(w.n, 0, &peer));
	assert_int_equal(peer.why, NOTIFY_PARKED);
	assert_true(notify_changes(w.n) > changes);
	notify_free(w.n);
}

/* --dry-run: what is parked is seen, and nothing happens. */
static void test_foretold(void **state)
{
	struct world w = world_default();
	struct notify_peer peer;

	(void)state;
	feed_parked(&w, "park 192.0.2.10\n");
	feed_file(&w, "a", LINE("192.0.2.10", "srv"));
	feed_file(&w, "b", LINE("192.0.2.20", "srv"));
	notify_foretell(w.n);
	assert_true(notify_peer(w.n, 0, &peer));
	assert_int_equal(peer.why, NOTIFY_PARKED);
	assert_true(notify_peer(w.n, 1, &peer));
	assert_int_equal(peer.why, NOTIFY_NOT_YET);
	expect_nothing(&w);
	notify_free(w.n);
}

/*
 * Who is set aside is not told, so nobody need wait for that; but it is untold,
 * and a later run may have other settings, until it is parked as well.
 */
static void test_aside(void **state)
{
	struct world w = world_with((struct notify_config){
		.skip = "192.0.2.10",
		.give_up_ms = UINT64_MAX,
		.packets_per_second = 10000,
	});
	struct notify_peer peer;

	(void)state;
	feed_file(&w, "a", LINE("192.0.2.10", "srv"));
	feed_file(&w, "b", LINE("192.0.2.20", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect_getport(&w, "192.0.2.20");
	request(&w, 1, "ask 0 192.0.2.10");
	expect_answer(&w, 1, CTL_UNTOLD);
	request(&w, 2, "tell 0 192.0.2.10");
	expect_answer(&w, 2, CTL_PARKED);
	request(&w, 3, "park 0 192.0.2.10");
	expect_answer(&w, 3, CTL_PARKED);
	request(&w, 4, "ask 0 192.0.2.10");
	expect_answer(&w, 4, CTL_PARKED);
	expect_nothing(&w);
	assert_int_equal(notify_untold_count(w.n), 1);
	assert_int_equal(notify_aside_count(w.n), 1);
	assert_int_equal(notify_parked_count(w.n), 0);
	assert_true(notify_peer(w.n, 0, &peer));
	assert_int_equal(peer.why, NOTIFY_SKIPPED);
	notify_free(w.n);
}

/* What was written before this run began. */
static void test_parked_before(void **state)
{
	struct world w = world_default();
	struct sent sent;

	(void)state;
	feed_parked(&w, "park peer.example 192.0.2.10\n"
			"what is this\n"
			"told 7 192.0.2.20 my host\n"
			"told 7 192.0.2.30 srv\nheld\ntold 7 192.0.2.3");
	feed_file(&w, "a", LINE("192.0.2.10", "srv"));
	feed_file(&w, "b",
		  LINE("192.0.2.20", "my host") LINE("192.0.2.20", "srv"));
	feed_file(&w, "c", LINE("192.0.2.30", "srv"));
	feed_file(&w, "d", LINE("Peer.Example", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect_rewrite(&w, "b", LINE("192.0.2.20", "srv"));
	expect_rewrite(&w, "c", "");
	assert_int_equal(notify_parked_count(w.n), 2);
	assert_non_null(strstr(w.last_log, "untold, monitored again"));
	sent = expect_getport(&w, "192.0.2.20");
	tell(&w, sent, "192.0.2.20", "srv");
	expect_rewrite(&w, "b", "");
	expect_done(&w, 1, 2);
	notify_free(w.n);
}

/*
 * rpc.statd told a number while "sm-notify -f" was raising it: of this one the
 * peers are untold, and may have locks since.
 */
static void test_told_another_number(void **state)
{
	const char *const found[] = {"192.0.2.10"};
	struct world w = world_default();
	uint64_t lookup;

	(void)state;
	feed_parked(&w, "told 5 192.0.2.10 srv\n"
			"told 9 peer.example srv\n"
			"told 5 192.0.2.30 srv\ntold 7 192.0.2.30 srv\n");
	feed_file(&w, "a", LINE("192.0.2.10", "srv"));
	feed_file(&w, "b", LINE("peer.example", "srv"));
	feed_file(&w, "c", LINE("192.0.2.30", "srv"));
	feed_file(&w, "d", LINE("alias.example", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect(&w, NOTIFY_OUT_RESOLVE);
	lookup = w.out.resolve.id;
	expect_rewrite(&w, "c", "");
	assert_int_equal(notify_parked_count(w.n), 2);
	request(&w, 1, "ask 0 peer.example");
	expect_answer(&w, 1, CTL_PARKED);
	/* So is whose name leads to an address that was told. */
	resolve(&w, lookup, found, 1);
	expect_done(&w, 0, 3);
	notify_free(w.n);
}

/* Nobody is left but the parked ones: no packet, and the end. */
static void test_all_parked(void **state)
{
	struct world w = world_default();

	(void)state;
	feed_parked(&w, "park 192.0.2.10\n");
	feed_file(&w, "a", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect_done(&w, 0, 1);
	notify_free(w.n);
}

/* A name that turns out to be an address that was spoken of. */
static void check_guarded(const char *text, enum ctl_word word)
{
	const char *const found[] = {"198.51.100.1", "192.0.2.10"};
	struct world w = world_default();
	uint64_t lookup;

	feed_file(&w, "a", LINE("peer.example", "srv"));
	feed_file(&w, "b", LINE("192.0.2.20", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect(&w, NOTIFY_OUT_RESOLVE);
	lookup = w.out.resolve.id;
	expect_getport(&w, "192.0.2.20");
	request(&w, 1, text);
	expect_answer(&w, 1, word);
	resolve(&w, lookup, found, 2);
	expect_nothing(&w);
	assert_int_equal(notify_parked_count(w.n), 1);
	notify_free(w.n);
}

static void test_guarded_address(void **state)
{
	(void)state;
	check_guarded("ask 0 192.0.2.10 192.0.2.10", CTL_NONE);
	check_guarded("park 0 192.0.2.10 192.0.2.10", CTL_NONE);
	check_guarded("tell 0 192.0.2.10 192.0.2.10", CTL_NONE);
}

/* ... or to one that is monitored, as nobody has told this run. */
static void test_late_address(void **state)
{
	const char *const found[] = {"192.0.2.10"};
	struct world w = world_default();

	(void)state;
	feed_file(&w, "a", LINE("peer.example", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect(&w, NOTIFY_OUT_RESOLVE);
	w.is_late = true;
	resolve(&w, w.out.resolve.id, found, 1);
	expect_done(&w, 0, 1);
	assert_int_equal(notify_parked_count(w.n), 1);
	assert_non_null(strstr(w.last_log, "untold, monitored again"));
	notify_free(w.n);
}

/*
 * Whom a look-up has parked the next run would tell: it counts as untold, until
 * somebody has it parked for good.
 */
static void check_parked_by_lookup(const char *text, bool is_late)
{
	const char *const found[] = {"192.0.2.10"};
	struct world w = world_default();
	uint64_t lookup;

	feed_file(&w, "a", LINE("peer.example", "srv"));
	feed_file(&w, "b", LINE("192.0.2.20", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect(&w, NOTIFY_OUT_RESOLVE);
	lookup = w.out.resolve.id;
	expect_getport(&w, "192.0.2.20");
	request(&w, 1, text);
	expect_answer(&w, 1, CTL_NONE);
	w.is_late = is_late;
	resolve(&w, lookup, found, 1);
	assert_int_equal(notify_parked_count(w.n), 1);
	request(&w, 2, "ask 0 peer.example");
	expect_answer(&w, 2, CTL_UNTOLD);
	/* This run does not: nobody need wait for that. */
	request(&w, 3, "tell 0 peer.example");
	expect_answer(&w, 3, CTL_PARKED);
	request(&w, 4, "park 0 peer.example");
	expect_answer(&w, 4, CTL_PARKED);
	request(&w, 5, "ask 0 peer.example");
	expect_answer(&w, 5, CTL_PARKED);
	expect_nothing(&w);
	notify_free(w.n);
}

static void test_parked_by_lookup(void **state)
{
	(void)state;
	check_parked_by_lookup("ask 0 192.0.2.10 192.0.2.10", false);
	check_parked_by_lookup("ask 0 192.0.2.99 192.0.2.99", true);
}

/*
 * Another record of a host that is parked, or was told by rpc.statd: the file
 * may not speak of it, so whoever monitors it by its name has to say so.
 */
static void test_parked_with_another(void **state)
{
	const char *const found[] = {"192.0.2.10"};
	struct world w = world_default();

	(void)state;
	feed_file(&w, "a", LINE("peer.example", "srv"));
	feed_file(&w, "b", LINE("192.0.2.10", "srv"));
	feed_file(&w, "c", LINE("192.0.2.20", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect(&w, NOTIFY_OUT_RESOLVE);
	resolve(&w, w.out.resolve.id, found, 1);
	request(&w, 1, "park 0 peer.example 192.0.2.10");
	while (take(&w) && w.out.kind != NOTIFY_OUT_ANSWER)
		;
	assert_int_equal(w.out.answer.word, CTL_PARKED);
	assert_int_equal(notify_parked_count(w.n), 2);
	request(&w, 2, "ask 0 peer.example 192.0.2.10");
	expect_answer(&w, 2, CTL_PARKED);
	request(&w, 3, "ask 0 192.0.2.10 192.0.2.10");
	expect_answer(&w, 3, CTL_UNTOLD);
	request(&w, 4, "park 0 192.0.2.10 192.0.2.10");
	expect_answer(&w, 4, CTL_PARKED);
	request(&w, 5, "ask 0 192.0.2.10 192.0.2.10");
	expect_answer(&w, 5, CTL_PARKED);
	notify_free(w.n);
}

/* What the file says is known to the next run as well. */
static void test_parked_with_another_before(void **state)
{
	struct world w = world_default();

	(void)state;
	feed_parked(&w, "park peer.example 192.0.2.10\n");
	feed_file(&w, "b", LINE("192.0.2.10", "srv"));
	feed_file(&w, "c", LINE("192.0.2.20", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect_getport(&w, "192.0.2.20");
	request(&w, 1, "ask 0 192.0.2.10 192.0.2.10");
	expect_answer(&w, 1, CTL_PARKED);
	notify_free(w.n);
}

/* Whoever asked for it waits for the notice with its locks, or has it parked.
 */
static void test_late_address_of_urgent(void **state)
{
	const char *const found[] = {"192.0.2.10"};
	struct world w = world_default();
	uint64_t lookup;

	(void)state;
	feed_file(&w, "a", LINE("peer.example", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect(&w, NOTIFY_OUT_RESOLVE);
	lookup = w.out.resolve.id;
	request(&w, 1, "tell 0 peer.example");
	w.is_late = true;
	resolve(&w, lookup, found, 1);
	tell(&w, expect_getport(&w, "192.0.2.10"), "192.0.2.10", "srv");
	expect_rewrite(&w, "a", "");
	expect_answer(&w, 1, CTL_TOLD);
	notify_free(w.n);
}

/* An address beside the mon_name, and one that is spelled unusually. */
static void test_found_by_any_address(void **state)
{
	const char *const found[] = {"192.0.2.77"};
	struct world w = world_default();

	(void)state;
	feed_file(&w, "peer.example", LINE("192.0.2.10", "srv"));
	feed_file(&w, "b", LINE("2001:DB8:0::7", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect_getport(&w, "192.0.2.10");
	expect_getport(&w, "2001:db8::7");
	do
		sleep_until_effect(&w);
	while (w.out.kind != NOTIFY_OUT_RESOLVE ||
	       strcmp(w.out.resolve.name, "peer.example") != 0);
	resolve(&w, w.out.resolve.id, found, 1);
	while (take(&w))
		;
	request(&w, 1, "park 0 x.example 192.0.2.77");
	expect_answer(&w, 1, CTL_PARKED);
	request(&w, 2, "park 0 2001:db8::7 2001:db8::7");
	expect_answer(&w, 2, CTL_PARKED);
	expect_done(&w, 0, 2);
	notify_free(w.n);
}

static void count_visit(void *ctx, struct target *target)
{
	(void)target; /* there is one */
	++*(unsigned int *)ctx;
}

/* By its name and by its address: one and the same, once. */
static void test_each_is_visited_once(void **state)
{
	static const char line[] = LINE("192.0.2.10", "srv");
	static const uint8_t key[SIPHASH_KEY_SIZE] = "each";
	struct target_report report;
	struct ctl_subject subject;
	unsigned int visits = 0;
	struct target_set set;

	(void)state;
	target_set_init(&set, key, &(struct notify_config){.number = 0});
	target_set_add_file(&set,
			    &(struct target_text){.name = "peer.example",
						  .bytes = line,
						  .len = strlen(line)},
			    &report);
	assert_true(ctl_parse_subject("192.0.2.10 192.0.2.10", 21, &subject));
	target_set_each(&set, &subject, count_visit, &visits);
	assert_int_equal(visits, 1);
	target_set_fini(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ask),
		cmocka_unit_test(test_unread_is_untold),
		cmocka_unit_test(test_tell_goes_first),
		cmocka_unit_test(test_tell_is_answered),
		cmocka_unit_test(test_tell_is_given_up),
		cmocka_unit_test(test_park),
		cmocka_unit_test(test_parked_is_shown),
		cmocka_unit_test(test_foretold),
		cmocka_unit_test(test_aside),
		cmocka_unit_test(test_parked_before),
		cmocka_unit_test(test_told_another_number),
		cmocka_unit_test(test_all_parked),
		cmocka_unit_test(test_guarded_address),
		cmocka_unit_test(test_late_address),
		cmocka_unit_test(test_late_address_of_urgent),
		cmocka_unit_test(test_parked_by_lookup),
		cmocka_unit_test(test_parked_with_another),
		cmocka_unit_test(test_parked_with_another_before),
		cmocka_unit_test(test_found_by_any_address),
		cmocka_unit_test(test_each_is_visited_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
