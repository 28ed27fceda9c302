/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sm-notify's core and the files that cannot be read at first: they are tried
 * again while the run lasts, and whom they name is told then, unless it has
 * locks again by that time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sm-notify/unread.h"
#include "tests/unit/notify_world.h"

#define SILENT "192.0.2.99" /* the run lasts as long as this one is */

static void feed_unread(struct world *w, const char *name, bool is_too_old)
{
	const struct notify_in in = {.kind = NOTIFY_IN_UNREAD,
				     .file.name = name,
				     .file.is_too_old = is_too_old};

	notify_input(w->n, w->now_ms, &in);
}

static void feed_gone(struct world *w, const char *name)
{
	const struct notify_in in = {.kind = NOTIFY_IN_GONE, .file.name = name};

	notify_input(w->n, w->now_ms, &in);
}

/* Begins, with somebody who never answers. */
static void begin(struct world *w)
{
	feed_file(w, SILENT, LINE(SILENT, "srv"));
	feed_kind(w, NOTIFY_IN_START);
	expect_getport(w, SILENT);
	expect_nothing(w);
}

/* Takes what is not about the silent one; false: there is nothing. */
static bool take_other(struct world *w)
{
	struct sent sent;

	while (take(w)) {
		if (w->out.kind != NOTIFY_OUT_SEND)
			return true;
		sent = sent_read(w);
		if (!is_to(&sent, SILENT))
			return true;
	}
	return false;
}

static void expect_read(struct world *w, const char *file)
{
	for (unsigned int i = 0; i < 100; i++) {
		if (take_other(w)) {
			assert_int_equal(w->out.kind, NOTIFY_OUT_READ);
			assert_string_equal(w->out.read.file, file);
			return;
		}
		sleep_until_due(w);
	}
	fail_msg("%s is not tried again", file);
}

/* The conversation with @address, and what is left of @file. */
static void tell(struct world *w, const char *address, const char *file,
		 const char *left)
{
	struct sent sent = expect_getport(w, address);

	answer(w, &sent);
	sent = expect_notify(w, address, "srv");
	answer(w, &sent);
	expect_rewrite(w, file, left);
}

static void never_tells(struct world *w, unsigned char last_byte)
{
	for (unsigned int i = 0; i < 50; i++) {
		while (take_other(w))
			assert_false(w->out.kind == NOTIFY_OUT_SEND &&
				     w->out.send.peer.bytes[3] == last_byte);
		sleep_until_due(w);
	}
}

/* The disk gives at the second try, while another peer is away for good. */
static void test_read_late(void **state)
{
	struct world w = world_default();

	(void)state;
	feed_unread(&w, "192.0.2.10", false);
	begin(&w);
	assert_int_equal(notify_unread_count(w.n), 1);
	expect_read(&w, "192.0.2.10");
	feed_unread(&w, "192.0.2.10", false);
	assert_int_equal(notify_unread_count(w.n), 1);
	expect_read(&w, "192.0.2.10");
	feed_file(&w, "192.0.2.10", LINE("192.0.2.10", "srv"));
	assert_int_equal(notify_unread_count(w.n), 0);
	assert_int_equal(notify_untold_count(w.n), 2);
	tell(&w, "192.0.2.10", "192.0.2.10", "");
	assert_int_equal(notify_untold_count(w.n), 1);
	never_tells(&w, 10);
	notify_free(w.n);
}

/* As seldom as a silent peer, and for as long. */
static void test_back_off(void **state)
{
	struct world w = world_default();
	uint64_t wait_ms = UNREAD_WAIT_FIRST_MS;
	uint64_t before_ms;

	(void)state;
	feed_unread(&w, "a", false);
	begin(&w);
	before_ms = w.now_ms;
	for (unsigned int i = 0; i < 12; i++) {
		expect_read(&w, "a");
		assert_int_equal(w.now_ms - before_ms, wait_ms);
		before_ms = w.now_ms;
		wait_ms *= 2;
		if (wait_ms > UNREAD_WAIT_MAX_MS)
			wait_ms = UNREAD_WAIT_MAX_MS;
		feed_unread(&w, "a", false);
	}
	notify_free(w.n);
}

/* A sick disk is not asked for all of them at once. */
static void test_one_at_a_time(void **state)
{
	struct world w = world_default();
	uint64_t before_ms = 0;
	char name[16];

	(void)state;
	for (int i = 0; i < 50; i++) {
		snprintf(name, sizeof(name), "file%d", i);
		feed_unread(&w, name, false);
	}
	begin(&w);
	for (int i = 0; i < 50; i++) {
		for (unsigned int j = 0; !take_other(&w); j++) {
			assert_in_range(j, 0, 100);
			sleep_until_due(&w);
		}
		assert_int_equal(w.out.kind, NOTIFY_OUT_READ);
		snprintf(name, sizeof(name), "%s", w.out.read.file);
		assert_true(w.now_ms >= before_ms + UNREAD_GAP_MS);
		before_ms = w.now_ms;
		feed_gone(&w, name);
		assert_int_equal(notify_unread_count(w.n), 49 - i);
	}
	notify_free(w.n);
}

/* Nobody waits for a disk alone; that it is not all is known. */
static void test_run_ends(void **state)
{
	struct world w = world_default();

	(void)state;
	feed_unread(&w, "192.0.2.10", false);
	feed_file(&w, "b", LINE("192.0.2.20", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	tell(&w, "192.0.2.20", "b", "");
	expect_done(&w, 1, 0);
	assert_int_equal(notify_unread_count(w.n), 1);
	notify_free(w.n);
}

/* Removed by the administrator, or fed though nobody asked. */
static void test_gone(void **state)
{
	struct world w = world_default();

	(void)state;
	feed_unread(&w, "192.0.2.10", false);
	begin(&w);
	expect_read(&w, "192.0.2.10");
	feed_gone(&w, "192.0.2.10");
	assert_int_equal(notify_unread_count(w.n), 0);
	request(&w, 1, "ask 0 192.0.2.10");
	expect_answer(&w, 1, CTL_NONE);
	feed_file(&w, "192.0.2.10", LINE("192.0.2.10", "srv"));
	assert_int_equal(notify_untold_count(w.n), 1);
	never_tells(&w, 10);
	notify_free(w.n);
}

/* SM_MON came meanwhile: @text is what rpc.statd asked then. */
static void check_has_locks(const char *text, enum ctl_word word,
			    const char *line)
{
	const char *const found[] = {"192.0.2.10"};
	struct world w = world_default();

	feed_unread(&w, "a", false);
	begin(&w);
	request(&w, 1, text);
	expect_answer(&w, 1, word);
	expect_read(&w, "a");
	feed_file(&w, "a", line);
	assert_int_equal(notify_unread_count(w.n), 0);
	if (take_other(&w)) {
		assert_int_equal(w.out.kind, NOTIFY_OUT_RESOLVE);
		resolve(&w, w.out.resolve.id, found, 1);
	}
	assert_int_equal(notify_parked_count(w.n), 1);
	never_tells(&w, 10);
	request(&w, 2, "ask 0 x 192.0.2.10");
	expect_answer(&w, 2, CTL_PARKED);
	notify_free(w.n);
}

static void test_has_locks(void **state)
{
	(void)state;
	/* By address, though the file has another name. */
	check_has_locks("ask 0 peer.example 192.0.2.10", CTL_NONE,
			LINE("192.0.2.10", "srv"));
	check_has_locks("park 0 other.example 192.0.2.10", CTL_NONE,
			LINE("192.0.2.10", "srv"));
	check_has_locks("park 0 a 192.0.2.10", CTL_UNTOLD,
			LINE("192.0.2.10", "srv"));
	/* A name that leads there. */
	check_has_locks("park 0 a 192.0.2.10", CTL_UNTOLD,
			LINE("peer.example", "srv"));
}

/* DNS was away, so rpc.statd knows no address. */
static void test_has_locks_by_name(void **state)
{
	struct world w = world_default();

	(void)state;
	feed_unread(&w, "a", false);
	feed_unread(&w, "Peer.example", false);
	begin(&w);
	request(&w, 1, "park 0 peer.Example");
	expect_answer(&w, 1, CTL_UNTOLD);
	request(&w, 2, "park 0 Peer.example");
	expect_answer(&w, 2, CTL_UNTOLD);
	expect_read(&w, "a");
	feed_file(&w, "a", LINE("peer.example", "srv"));
	assert_int_equal(notify_parked_count(w.n), 1);
	expect_read(&w, "Peer.example");
	feed_file(&w, "Peer.example", LINE("PEER.EXAMPLE", "srv"));
	assert_int_equal(notify_parked_count(w.n), 1);
	assert_int_equal(notify_untold_count(w.n), 2);
	never_tells(&w, 10);
	notify_free(w.n);
}

/* A mount may spell its server otherwise than one of the boot before. */
static void test_is_untold_in_any_case(void **state)
{
	struct world w = world_default();

	(void)state;
	feed_unread(&w, "Peer.example", false);
	feed_unread(&w, "PEER.example", false);
	begin(&w);
	assert_int_equal(notify_unread_count(w.n), 2);
	request(&w, 1, "ask 0 peer.EXAMPLE");
	expect_answer(&w, 1, CTL_UNTOLD);
	feed_gone(&w, "Peer.example");
	assert_int_equal(notify_unread_count(w.n), 1);
	request(&w, 2, "ask 0 peer.EXAMPLE");
	expect_answer(&w, 2, CTL_UNTOLD);
	request(&w, 3, "ask 0 peer.example.org");
	expect_answer(&w, 3, CTL_NONE);
	feed_gone(&w, "PEER.example");
	request(&w, 4, "ask 0 Peer.Example");
	expect_answer(&w, 4, CTL_NONE);
	notify_free(w.n);
}

/*
 * That another record of that host is parked does not help: the file speaks of
 * that one alone, and a later run tells the host by the other.
 */
static void test_is_untold_beside_parked(void **state)
{
	const char *const found[] = {"192.0.2.10"};
	struct world w = world_default();

	(void)state;
	feed_file(&w, "a", LINE("peer.example", "srv"));
	feed_file(&w, "b", LINE("192.0.2.20", "srv"));
	feed_unread(&w, "192.0.2.10", false);
	feed_kind(&w, NOTIFY_IN_START);
	expect(&w, NOTIFY_OUT_RESOLVE);
	resolve(&w, w.out.resolve.id, found, 1);
	request(&w, 1, "park 0 peer.example");
	while (take(&w) && w.out.kind != NOTIFY_OUT_ANSWER)
		;
	assert_int_equal(w.out.answer.word, CTL_PARKED);
	request(&w, 2, "ask 0 192.0.2.10 192.0.2.10");
	expect_answer(&w, 2, CTL_UNTOLD);
	/* Its address was not known yet when it was parked by name. */
	request(&w, 3, "ask 0 peer.example 192.0.2.10");
	expect_answer(&w, 3, CTL_UNTOLD);
	request(&w, 4, "ask 0 peer.example");
	expect_answer(&w, 4, CTL_PARKED);
	/* This run tells neither, so nobody need wait for that. */
	request(&w, 5, "tell 0 192.0.2.10 192.0.2.10");
	expect_answer(&w, 5, CTL_PARKED);
	notify_free(w.n);
}

/* What was parked before the run began counts, too. */
static void test_was_parked(void **state)
{
	struct world w = world_default();

	(void)state;
	feed_parked(&w, "park peer.example\ntold 7 192.0.2.20 srv\n");
	feed_unread(&w, "a", false);
	begin(&w);
	expect_read(&w, "a");
	feed_file(&w, "a",
		  LINE("peer.example", "srv") LINE("192.0.2.20", "srv"));
	expect_rewrite(&w, "a", LINE("peer.example", "srv"));
	assert_int_equal(notify_parked_count(w.n), 1);
	never_tells(&w, 20);
	notify_free(w.n);
}

/* A peer that was told in this run: what is new is said, the rest is not. */
static void test_told_before(void **state)
{
	struct world w = world_default();
	struct notify_peer peer;
	struct sent sent;

	(void)state;
	feed_unread(&w, "a", false);
	feed_unread(&w, "b", false);
	feed_file(&w, "c", LINE("192.0.2.10", "srv"));
	feed_file(&w, SILENT, LINE(SILENT, "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_getport(&w, "192.0.2.10");
	expect_getport(&w, SILENT);
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "srv");
	answer(&w, &sent);
	expect_rewrite(&w, "c", "");
	assert_int_equal(notify_untold_count(w.n), 1);
	expect_read(&w, "a");
	feed_file(&w, "a", LINE("192.0.2.10", "srv"));
	expect_rewrite(&w, "a", "");
	expect_nothing(&w);
	assert_int_equal(notify_untold_count(w.n), 1);
	expect_read(&w, "b");
	feed_file(&w, "b", LINE("192.0.2.10", "other"));
	assert_int_equal(notify_untold_count(w.n), 2);
	assert_true(notify_peer(w.n, 0, &peer));
	assert_int_equal(peer.why, NOTIFY_NOT_YET);
	sent = expect_notify(&w, "192.0.2.10", "other");
	answer(&w, &sent);
	expect_rewrite(&w, "b", "");
	assert_int_equal(notify_untold_count(w.n), 1);
	notify_free(w.n);
}

/* ... from each address of ours, as the names before. */
static void test_told_from_each(void **state)
{
	static struct notify_own own[2];
	struct world w;
	struct sent sent;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		own[i].link = 1;
		assert_true(addr_parse(i == 0 ? "192.0.2.1" : "192.0.2.2",
				       &own[i].addr));
	}
	w = world_with((struct notify_config){
		.own = own,
		.own_count = 2,
		.give_up_ms = UINT64_MAX,
		.packets_per_second = 10000,
	});
	w.own = own[0].addr;
	feed_unread(&w, "a", false);
	feed_file(&w, "b", LINE("192.0.2.10", "srv"));
	feed_file(&w, SILENT, LINE(SILENT, "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_getport(&w, "192.0.2.10");
	expect_getport(&w, SILENT);
	answer(&w, &sent);
	for (int i = 0; i < 2; i++) {
		sent = expect_notify(&w, "192.0.2.10", "srv");
		answer(&w, &sent);
	}
	expect_rewrite(&w, "b", "");
	expect_read(&w, "a");
	feed_file(&w, "a", LINE("192.0.2.10", "new"));
	for (int i = 0; i < 2; i++) {
		sent = expect_notify(&w, "192.0.2.10", "new");
		answer(&w, &sent);
	}
	expect_rewrite(&w, "a", "");
	notify_free(w.n);
}

/* A peer that is spoken to hears the further name as well. */
static void test_spoken_to(void **state)
{
	struct world w = world_default();
	struct sent sent;

	(void)state;
	feed_unread(&w, "a", false);
	feed_file(&w, "b", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_getport(&w, "192.0.2.10");
	do {
		sleep_until_effect(&w);
		if (w.out.kind == NOTIFY_OUT_SEND)
			sent = sent_read(&w);
	} while (w.out.kind == NOTIFY_OUT_SEND && w.now_ms < START_MS + 60000);
	assert_int_equal(w.out.kind, NOTIFY_OUT_READ);
	feed_file(&w, "a", LINE("192.0.2.10", "other"));
	assert_int_equal(notify_untold_count(w.n), 1);
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "srv");
	answer(&w, &sent);
	expect_rewrite(&w, "b", "");
	sent = expect_notify(&w, "192.0.2.10", "other");
	answer(&w, &sent);
	expect_rewrite(&w, "a", "");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* It is as old as it was when the run began. */
static void test_too_old(void **state)
{
	struct world w = world_default();

	(void)state;
	feed_unread(&w, "a", true);
	begin(&w);
	expect_read(&w, "a");
	feed_file(&w, "a", LINE("192.0.2.10", "srv"));
	assert_int_equal(notify_aside_count(w.n), 1);
	assert_int_equal(notify_untold_count(w.n), 1);
	never_tells(&w, 10);
	notify_free(w.n);
}

/* Answers all but the silent one, and has the files read. */
static void go_on(struct world *w)
{
	struct sent sent;

	while (take_other(w)) {
		if (w->out.kind == NOTIFY_OUT_SEND) {
			sent = sent_read(w);
			answer(w, &sent);
		} else if (w->out.kind == NOTIFY_OUT_READ &&
			   !strcmp(w->out.read.file, "skipped")) {
			feed_file(w, "skipped",
				  LINE("192.0.2.20", "new")
					  LINE(SILENT, "new"));
		} else if (w->out.kind == NOTIFY_OUT_READ) {
			feed_file(w, w->out.read.file[0] == 'o' ? "old" : "new",
				  LINE("192.0.2.30", "srv"));
		}
		assert_in_range(notify_untold_count(w->n), 1, 3);
	}
}

/* Whoever was told, or is spoken to, is not set aside for a late file. */
static void test_aside(void **state)
{
	struct world w = world_with((struct notify_config){
		.skip = "skipped",
		.give_up_ms = UINT64_MAX,
		.packets_per_second = 10000,
	});

	(void)state;
	feed_unread(&w, "old", true);
	feed_unread(&w, "new", false);
	feed_unread(&w, "skipped", true);
	feed_file(&w, "c", LINE("192.0.2.20", "srv"));
	feed_file(&w, SILENT, LINE(SILENT, "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	for (unsigned int i = 0; i < 50; i++) {
		go_on(&w);
		sleep_until_due(&w);
	}
	assert_int_equal(notify_unread_count(w.n), 0);
	assert_int_equal(notify_aside_count(w.n), 0);
	assert_int_equal(notify_untold_count(w.n), 1);
	notify_free(w.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_late),
		cmocka_unit_test(test_back_off),
		cmocka_unit_test(test_one_at_a_time),
		cmocka_unit_test(test_run_ends),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_has_locks),
		cmocka_unit_test(test_has_locks_by_name),
		cmocka_unit_test(test_is_untold_in_any_case),
		cmocka_unit_test(test_is_untold_beside_parked),
		cmocka_unit_test(test_was_parked),
		cmocka_unit_test(test_told_before),
		cmocka_unit_test(test_told_from_each),
		cmocka_unit_test(test_spoken_to),
		cmocka_unit_test(test_too_old),
		cmocka_unit_test(test_aside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
