/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sm-notify and files that the disk does not let it rewrite: whose line is
 * still there counts as untold, and the file is tried again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sm-notify/stuck.h"
#include "tests/unit/notify_world.h"

/* Has the first of two peers told; @what is left of its file. */
static void tell_one(struct world *w, const char *file, const char *what)
{
	struct sent sent;

	sent = expect_getport(w, "192.0.2.10");
	expect_getport(w, "192.0.2.20");
	answer(w, &sent);
	sent = expect_notify(w, "192.0.2.10", "srv");
	answer(w, &sent);
	expect_rewrite(w, file, what);
}

/* What the disk keeps a next run would tell: no "told" before it is gone. */
static void check_untold(const char *file)
{
	struct world w = world_default();

	feed_file(&w, file, LINE("192.0.2.10", "srv") "torn\n");
	feed_file(&w, "192.0.2.20", LINE("192.0.2.20", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	request(&w, 1, "tell 0 192.0.2.10");
	tell_one(&w, file, "torn\n");
	fail_rewrite(&w, file);
	expect_nothing(&w);
	request(&w, 2, "ask 0 other.example.com 192.0.2.10");
	expect_answer(&w, 2, CTL_UNTOLD);
	request(&w, 3, "park 0 192.0.2.20");
	expect_answer(&w, 3, CTL_PARKED);
	/* It was the last that was told, so the run is over. */
	expect_answer(&w, 1, CTL_UNTOLD);
	expect_done(&w, 1, 1);
	notify_free(w.n);
}

static void test_is_untold(void **state)
{
	(void)state;
	check_untold("192.0.2.10");
	check_untold("host.example.com"); /* nfs-utils names it so */
}

/* Tried again, at longer and longer intervals, for as long as the run lasts. */
static void test_is_tried_again(void **state)
{
	static const uint32_t waits_ms[] = {2000, 4000, 8000};
	struct world w = world_default();
	uint64_t since_ms;

	(void)state;
	feed_file(&w, "192.0.2.10", LINE("192.0.2.10", "srv"));
	feed_file(&w, "dead", LINE("192.0.2.20", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	request(&w, 1, "tell 0 192.0.2.10");
	tell_one(&w, "192.0.2.10", "");
	for (size_t i = 0; i < sizeof(waits_ms) / sizeof(waits_ms[0]); i++) {
		fail_rewrite(&w, "192.0.2.10");
		since_ms = w.now_ms;
		do
			sleep_until_effect(&w);
		while (w.out.kind != NOTIFY_OUT_REWRITE);
		assert_string_equal(w.out.rewrite.file, "192.0.2.10");
		assert_int_equal(w.out.len, 0);
		assert_int_equal(w.now_ms - since_ms, waits_ms[i]);
	}
	expect_answer(&w, 1, CTL_TOLD);
	request(&w, 2, "ask 0 192.0.2.10");
	expect_answer(&w, 2, CTL_NONE);
	notify_free(w.n);
}

static const uint8_t seed[SIPHASH_KEY_SIZE] = "stuck";

/* Tries @name at @now_ms, in vain. */
static void try_in_vain(struct stuck *stuck, uint64_t now_ms, const char *name)
{
	assert_null(stuck_next(stuck, now_ms - 1));
	assert_string_equal(stuck_next(stuck, now_ms), name);
	assert_null(stuck_next(stuck, now_ms));
	stuck_note(stuck, now_ms, name);
	assert_false(stuck_settle(stuck, now_ms));
	assert_true(stuck_has(stuck, name));
}

/* One stands for all: where it fails all wait, where it is written all go. */
static void test_one_at_a_time(void **state)
{
	struct stuck stuck;

	(void)state;
	stuck_init(&stuck, seed);
	assert_true(stuck_deadline_ms(&stuck) == UINT64_MAX);
	stuck_note(&stuck, 1000, "a");
	stuck_note(&stuck, 1500, "b");
	stuck_note(&stuck, 1500, "a"); /* not the one that is tried */
	assert_false(stuck_settle(&stuck, 1500));
	assert_int_equal(stuck_deadline_ms(&stuck), 3000);
	try_in_vain(&stuck, 3000, "a");
	try_in_vain(&stuck, 7000, "b");
	assert_int_equal(stuck_deadline_ms(&stuck), 15000);
	assert_string_equal(stuck_next(&stuck, 15000), "a");
	assert_true(stuck_settle(&stuck, 15000));
	assert_false(stuck_has(&stuck, "a"));
	assert_int_equal(stuck_deadline_ms(&stuck), 15000 + STUCK_GAP_MS);
	try_in_vain(&stuck, 15000 + STUCK_GAP_MS, "b");
	assert_int_equal(stuck_deadline_ms(&stuck), 19000 + STUCK_GAP_MS);
	stuck_fini(&stuck);
}

static void test_wait_has_a_cap(void **state)
{
	uint64_t at_ms = STUCK_WAIT_FIRST_MS;
	struct stuck stuck;

	(void)state;
	stuck_init(&stuck, seed);
	stuck_note(&stuck, 0, "a");
	for (unsigned int i = 0; i < 10; i++) {
		try_in_vain(&stuck, at_ms, "a");
		assert_true(stuck_deadline_ms(&stuck) - at_ms <=
			    STUCK_WAIT_MAX_MS);
		at_ms = stuck_deadline_ms(&stuck);
	}
	stuck_fini(&stuck);
}

/* A file has the name of its peer; two may differ by case. */
static void test_names(void **state)
{
	char longest[1100];
	struct stuck stuck;

	(void)state;
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	stuck_init(&stuck, seed);
	stuck_note(&stuck, 0, "Peer.example.com");
	stuck_note(&stuck, 0, "peer.example.com");
	assert_true(stuck_has(&stuck, "PEER.example.com"));
	assert_false(stuck_has(&stuck, "peer"));
	assert_false(stuck_has(&stuck, longest));
	assert_string_equal(stuck_next(&stuck, 2000), "Peer.example.com");
	assert_true(stuck_settle(&stuck, 2000));
	assert_true(stuck_has(&stuck, "PEER.example.com"));
	assert_string_equal(stuck_next(&stuck, 3000), "peer.example.com");
	assert_true(stuck_settle(&stuck, 3000));
	assert_false(stuck_has(&stuck, "PEER.example.com"));
	stuck_fini(&stuck);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_is_untold),
		cmocka_unit_test(test_is_tried_again),
		cmocka_unit_test(test_one_at_a_time),
		cmocka_unit_test(test_wait_has_a_cap),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
