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

#include "lib/rpcmsg.h"
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

/*
 * Names that lead to a loopback address: our own statd would acknowledge.  It
 * may, where the peer is ourselves; the second only begins like us.
 */
static void test_name_leads_home(void **state)
{
	static const char *const names[] = {"peer.example.com", "srv.other"};
	static const char *const addrs[] = {"127.0.0.1", "::1", "192.0.2.1"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct world w = world_default();
		char line[256];

		snprintf(line, sizeof(line), LINE("%s", "srv.example.com"),
			 names[i]);
		feed_file(&w, "f", line);
		feed_kind(&w, NOTIFY_IN_START);
		expect(&w, NOTIFY_OUT_RESOLVE);
		resolve(&w, w.out.resolve.id, addrs, 2);
		expect_nothing(&w);
		assert_int_equal(w.warnings, 1);
		sleep_until_effect(&w);
		assert_int_equal(w.out.kind, NOTIFY_OUT_RESOLVE);
		resolve(&w, w.out.resolve.id, addrs, 3);
		expect_getport(&w, "192.0.2.1");
		notify_free(w.n);
	}
}

/* The servers of a mount of our own exports. */
static void test_we_are_the_peer(void **state)
{
	static const char *const names[] = {"localhost", "srv",
					    "SRV.example.com"};
	static const char *const addrs[] = {"127.0.1.1"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct world w = world_default();
		char line[256];

		snprintf(line, sizeof(line), LINE("%s", "srv.example.com"),
			 names[i]);
		feed_file(&w, "f", line);
		feed_kind(&w, NOTIFY_IN_START);
		expect(&w, NOTIFY_OUT_RESOLVE);
		resolve(&w, w.out.resolve.id, addrs, 1);
		expect_getport(&w, "127.0.1.1");
		notify_free(w.n);
	}
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

/* The line of a run that is stopped names those who were tried, a few. */
static void test_left(void **state)
{
	struct world w = world_with((struct notify_config){
		.skip = "192.0.2.9",
		.give_up_ms = UINT64_MAX,
		.packets_per_second = 10000,
	});
	struct buf line;

	(void)state;
	buf_init(&line, LOG_TEXT_MAX);
	feed_parked(&w, "park 192.0.2.10\n");
	feed_file(&w, "a", LINE("192.0.2.9", "srv"));
	feed_file(&w, "b", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	notify_add_left(w.n, &line);
	assert_string_equal(buf_text(&line), "");
	notify_free(w.n);
	w = world_default();
	feed_file(&w, "c", LINE("pe\x1b[31mer", "srv"));
	feed_peers(&w, 9);
	notify_add_left(w.n, &line);
	assert_string_equal(buf_text(&line),
			    "; still to be told: pe\\x1b[31mer, 10.0.0.0, "
			    "10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, "
			    "10.0.0.6 and 2 more");
	buf_fini(&line);
	notify_free(w.n);
}

static enum notify_why why(const struct world *w, size_t at)
{
	struct notify_peer peer;

	assert_true(notify_peer(w->n, at, &peer));
	return peer.why;
}

/* skip: by name, by address, and by the name of the file; no packet, no file.
 */
static void test_skip(void **state)
{
	struct world w = world_with((struct notify_config){
		.skip = "Old.Example ::ffff:192.0.2.9,file.example",
		.give_up_ms = UINT64_MAX,
		.packets_per_second = 10000,
	});

	(void)state;
	feed_file(&w, "a", LINE("old.example", "srv"));
	feed_file(&w, "b", LINE("192.0.2.9", "srv"));
	feed_file(&w, "file.example", LINE("192.0.2.8", "srv"));
	assert_int_equal(notify_untold_count(w.n), 0);
	assert_int_equal(notify_aside_count(w.n), 3);
	assert_true(notify_has_nobody(w.n));
	for (size_t at = 0; at < 3; at++)
		assert_int_equal(why(&w, at), NOTIFY_SKIPPED);
	feed_kind(&w, NOTIFY_IN_START);
	expect_done(&w, 0, 0);
	notify_free(w.n);
}

/* max-age: a peer whose files are all too old; one younger has it told. */
static void test_too_old(void **state)
{
	struct world w = world_default();
	struct sent sent;

	(void)state;
	feed_old_file(&w, "a", LINE("192.0.2.8", "srv"));
	feed_old_file(&w, "b", LINE("192.0.2.9", "srv"));
	feed_file(&w, "c", LINE("192.0.2.9", "srv"));
	feed_old_file(&w, "d", LINE("192.0.2.9", "srv"));
	assert_int_equal(notify_untold_count(w.n), 1);
	assert_int_equal(notify_aside_count(w.n), 1);
	feed_kind(&w, NOTIFY_IN_START);
	assert_int_equal(why(&w, 0), NOTIFY_TOO_OLD);
	assert_int_equal(why(&w, 1), NOTIFY_NOT_YET);
	sent = expect_getport(&w, "192.0.2.9");
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.9", "srv");
	answer(&w, &sent);
	assert_string_equal(w.last_told, "");
	expect_rewrite(&w, "b", "");
	assert_string_equal(w.last_told, "192.0.2.9");
	expect_rewrite(&w, "c", "");
	expect_rewrite(&w, "d", "");
	expect_done(&w, 1, 0);
	notify_free(w.n);
}

/* A file without a line that is understood is never "nobody to notify". */
static void test_puzzled(void **state)
{
	struct world w = world_default();

	(void)state;
	assert_true(notify_has_nobody(w.n));
	assert_false(notify_is_puzzled(w.n));
	feed_file(&w, "a", "");
	assert_false(notify_has_nobody(w.n));
	assert_true(notify_is_puzzled(w.n));
	notify_free(w.n);
	w = world_default();
	feed_file(&w, "a", "x\n");
	assert_false(notify_has_nobody(w.n));
	assert_true(notify_is_puzzled(w.n));
	notify_free(w.n);
	w = world_default();
	feed_file(&w, "a", LINE("192.0.2.9", "srv"));
	assert_false(notify_has_nobody(w.n));
	assert_false(notify_is_puzzled(w.n));
	notify_free(w.n);
	w = world_default();
	feed_parked(&w, "told 7 192.0.2.9 srv\n");
	feed_file(&w, "a", LINE("192.0.2.9", "srv"));
	assert_int_equal(notify_untold_count(w.n), 0);
	assert_false(notify_has_nobody(w.n));
	notify_free(w.n);
}

/* What the run knows of a peer: why it is not told, how often it was tried. */
static void test_why(void **state)
{
	struct world w = world_default();
	struct notify_peer peer;
	struct sent sent;

	(void)state;
	feed_file(&w, "192.0.2.9", LINE("192.0.2.9", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_getport(&w, "192.0.2.9");
	sleep_until_effect(&w);
	assert_int_equal(why(&w, 0), NOTIFY_SILENT);
	sent = sent_read(&w);
	answer_from(&w, &sent, &sent.peer, RPCMSG_SUCCESS, 0);
	assert_int_equal(why(&w, 0), NOTIFY_NO_STATD);
	sleep_until_effect(&w);
	sent = sent_read(&w);
	answer_from(&w, &sent, &sent.peer, RPCMSG_PROG_UNAVAIL, 0);
	assert_int_equal(why(&w, 0), NOTIFY_REFUSED);
	assert_true(notify_peer(w.n, 0, &peer));
	assert_int_equal(peer.tries, 3);
	assert_string_equal(peer.mon_name, "192.0.2.9");
	assert_null(peer.host);
	assert_false(notify_peer(w.n, 1, &peer));
	notify_free(w.n);
}

static void add_name(void *ctx, const char *name, size_t len)
{
	strncat(ctx, name, len);
	strcat(ctx, " ");
}

/* Names that were told are still named. */
static void test_names(void **state)
{
	struct world w = world_default();
	char names[64] = "";
	struct sent sent;

	(void)state;
	feed_file(&w, "a",
		  LINE("192.0.2.9", "srv.example") LINE("192.0.2.9", "b"));
	feed_kind(&w, NOTIFY_IN_START);
	notify_peer_names(w.n, 0, add_name, names);
	assert_string_equal(names, "srv.example srv b ");
	for (unsigned int i = 0; i < 3; i++) {
		sent = expect_send(&w);
		answer(&w, &sent);
	}
	names[0] = '\0';
	notify_peer_names(w.n, 0, add_name, names);
	assert_string_equal(names, "srv.example srv b ");
	notify_free(w.n);
}

/* It stays untold, and holds nobody up. */
static void test_no_address(void **state)
{
	struct world w = world_default();
	struct notify_peer peer;
	struct sent sent;

	(void)state;
	feed_file(&w, "192.0.2.9", LINE("a/b", "srv"));
	feed_file(&w, "192.0.2.10", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	assert_true(notify_peer(w.n, 0, &peer));
	assert_int_equal(peer.why, NOTIFY_NO_ADDRESS);
	sent = expect_getport(&w, "192.0.2.10");
	answer(&w, &sent);
	sent = expect_notify(&w, "192.0.2.10", "srv");
	answer(&w, &sent);
	expect_rewrite(&w, "192.0.2.10", "");
	expect_done(&w, 1, 1);
	notify_free(w.n);
}

/* It says nothing: neither that there is no statd, nor that there is one. */
static void test_senseless_port(void **state)
{
	struct world w = world_default();
	struct notify_in in = {.kind = NOTIFY_IN_ANSWER};
	struct notify_peer peer;
	struct sent sent;
	struct buf reply;

	(void)state;
	feed_file(&w, "192.0.2.10", LINE("192.0.2.10", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	sent = expect_getport(&w, "192.0.2.10");
	buf_init(&reply, 64);
	rpcmsg_add_reply(&reply, sent.call.xid, RPCMSG_SUCCESS, 0);
	buf_add(&reply, "\0\1\0\0", 4); /* 65536 */
	in.bytes = reply.bytes;
	in.len = reply.len;
	in.answer.from = sent.peer;
	in.answer.to = w.own;
	notify_input(w.n, w.now_ms, &in);
	buf_fini(&reply);
	expect_nothing(&w);
	assert_true(notify_peer(w.n, 0, &peer));
	assert_int_equal(peer.why, NOTIFY_NOT_YET);
	sleep_until_effect(&w);
	sent = sent_read(&w);
	assert_int_equal(sent.call.prog, PROG_PORTMAP);
	answer(&w, &sent);
	expect_notify(&w, "192.0.2.10", "srv");
	notify_free(w.n);
}

/* The other address is asked long before the first one is again. */
static void test_no_statd_at_one_address(void **state)
{
	static const char *const addrs[] = {"192.0.2.1", "192.0.2.2"};
	struct world w = world_default();
	char text[ADDR_TEXT_SIZE];
	struct sent sent;
	uint64_t before_ms;

	(void)state;
	feed_file(&w, "f", LINE("peer.example.com", "srv"));
	feed_kind(&w, NOTIFY_IN_START);
	expect(&w, NOTIFY_OUT_RESOLVE);
	resolve(&w, w.out.resolve.id, addrs, 2);
	sent = expect_getport(&w, "192.0.2.1");
	before_ms = w.now_ms;
	answer_from(&w, &sent, &sent.peer, RPCMSG_SUCCESS, 0);
	sleep_until_effect(&w);
	sent = sent_read(&w);
	assert_string_equal(addr_format(&sent.peer, text), addrs[1]);
	assert_in_range(w.now_ms - before_ms, 0, 60000);
	notify_free(w.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_case_folded),
		cmocka_unit_test(test_name_leads_home),
		cmocka_unit_test(test_we_are_the_peer),
		cmocka_unit_test(test_announced_name),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_empty_my_name_is_announced),
		cmocka_unit_test(test_log_is_escaped),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_skip),
		cmocka_unit_test(test_too_old),
		cmocka_unit_test(test_puzzled),
		cmocka_unit_test(test_why),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_no_address),
		cmocka_unit_test(test_senseless_port),
		cmocka_unit_test(test_no_statd_at_one_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
