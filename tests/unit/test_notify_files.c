/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sm-notify's core and the files that say whom to tell: several lines about a
 * peer, several names of ours, and what cannot be understood.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/notify_world.h"

/* Several names, several files, one peer: each name once, lines as they go. */
static void test_files(void **state)
{
	struct world w = world_default();
	struct sent sent;

	(void)state;
	feed_file(&w, "a", LINE("192.0.2.10", "one") LINE("192.0.2.10", "two"));
	feed_file(&w, "b", LINE("192.0.2.10", "one"));
	assert_int_equal(notify_untold_count(w.n), 1);
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_send(&w);
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "one");
	answer(&w, &sent);
	expect_rewrite(&w, "a", LINE("192.0.2.10", "two"));
	expect_rewrite(&w, "b", "");
	sent = expect_notify(&w, "192.0.2.10", "two");
	answer(&w, &sent);
	expect_rewrite(&w, "a", "");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* Names differ in case only: one peer, one question. */
static void test_case_folded(void **state)
{
	struct world w = world_default();

	(void)state;
	feed_file(&w, "a", LINE("Peer.Example.COM", "srv"));
	feed_file(&w, "b", LINE("peer.example.com", "srv"));
	assert_int_equal(notify_untold_count(w.n), 1);
	feed_kind(&w, NOTIFY_IN_START);
	expect(&w, NOTIFY_OUT_RESOLVE);
	expect_nothing(&w);
	notify_free(w.n);
}

/* -v: one name for all, and a line without my_name is no obstacle. */
static void test_announced_name(void **state)
{
	struct world w = world_new("float.example.com", UINT64_MAX, 10000);
	struct sent sent;

	(void)state;
	feed_file(&w, "a", LINE("192.0.2.10", "one") LINE("192.0.2.10", ""));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_send(&w);
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "float.example.com");
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "float");
	answer(&w, &sent);
	expect_rewrite(&w, "a", "");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* D-7: what cannot be understood stays, is said once, and blocks nobody. */
static void test_bad_lines(void **state)
{
	struct world w = world_default();
	struct sent sent;

	(void)state;
	snprintf(w.last_log, sizeof(w.last_log), "%s", "");
	feed_file(&w, "a\x1b",
		  "rubbish\n" LINE("192.0.2.10", "srv") "no less\n");
	feed_file(&w, "b", "rubbish only");
	expect_nothing(&w);
	assert_int_equal(w.warnings, 2);
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_getport(&w, "192.0.2.10");
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "srv");
	answer(&w, &sent);
	expect_rewrite(&w, "a\x1b", "rubbish\nno less\n");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* lockd may have no name; the peer then goes by our address alone. */
static void test_empty_my_name_is_announced(void **state)
{
	struct world w = world_default();
	struct sent sent;

	(void)state;
	feed_file(&w, "f", LINE("192.0.2.10", "srv") LINE("192.0.2.10", ""));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_send(&w);
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "srv");
	answer(&w, &sent);
	expect_rewrite(&w, "f", LINE("192.0.2.10", ""));
	sent = expect_notify(&w, "192.0.2.10", "");
	answer(&w, &sent);
	expect_rewrite(&w, "f", "");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* SAFETY: a name from outside is never written to a log as it is. */
static void test_log_is_escaped(void **state)
{
	struct world w = world_new(NULL, 0, 10000);

	(void)state;
	feed_file(&w, "f", LINE("pe\x1b[31mer", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	while (take(&w))
		;
	assert_null(strchr(w.last_log, 0x1b));
	assert_non_null(strstr(w.last_log, "pe\\x1b[31mer"));
	notify_free(w.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_case_folded),
		cmocka_unit_test(test_announced_name),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_empty_my_name_is_announced),
		cmocka_unit_test(test_log_is_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
