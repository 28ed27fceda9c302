/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The text of a file in sm/.reclaim, written and read; what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "statd/memo.h"

#define LINE                                          \
	"record 0100007f 000186b5 00000003 00000010 " \
	"63636363636363636363636363636363 192.0.2.7 me\n"

static char mon_name[] = "192.0.2.7";
static char my_name[] = "me";

static struct memo memo_of_peer(void)
{
	struct memo memo = {.rec = {.prog = 100021,
				    .vers = 3,
				    .proc = 16,
				    .mon_name = mon_name,
				    .my_name = my_name}};

	memset(memo.rec.priv, 'c', sizeof(memo.rec.priv));
	return memo;
}

static void assert_format(const struct memo *memo, const char *text)
{
	struct buf out;

	buf_init(&out, MEMO_SIZE_MAX);
	assert_true(memo_format(memo, &out));
	assert_string_equal(buf_text(&out), text);
	buf_fini(&out);
}

static bool parse(const char *text, struct memo *out)
{
	return memo_parse((const uint8_t *)text, strlen(text), out);
}

static void assert_refused(const char *text)
{
	struct memo memo;

	if (parse(text, &memo))
		fail_msg("accepted: %s", text);
	assert_null(memo.rec.mon_name);
	assert_int_equal(memo.delivered_count + memo.event_count, 0);
}

static void all_of_it_is_written_and_read(void **state)
{
	const char *text = "peer\n" LINE "baseline 57 192.0.2.7 34000\n"
			   "delivered 4294967295 peer.example\n"
			   "event 59 p%20q%25%0a%ff\n"
			   "event 61 \n"
			   "end\n";
	char peer[] = "peer.example", odd[] = "p q%\n\xff", none[] = "";
	struct memo memo = memo_of_peer();

	(void)state;
	memo.has_baseline = true;
	memo.baseline = 57;
	assert_true(addr_parse("192.0.2.7", &memo.baseline_of));
	memo.baseline_of.port = 34000;
	memo.delivered[memo.delivered_count++] =
		(struct memo_item){peer, UINT32_MAX};
	memo.events[memo.event_count++] = (struct memo_item){odd, 59};
	memo.events[memo.event_count++] = (struct memo_item){none, 61};
	assert_format(&memo, text);
	assert_true(parse(text, &memo));
	assert_string_equal(memo.events[0].name, odd);
	assert_int_equal(memo.delivered[0].number, UINT32_MAX);
	assert_int_equal(memo.baseline_of.port, 34000);
	assert_format(&memo, text);
	memo_fini(&memo);
}

static void link_local_statd_keeps_its_scope(void **state)
{
	const char *text = "peer\n" LINE "baseline 57 fe80::1%3 1\nend\n";
	struct memo memo;

	(void)state;
	assert_true(parse(text, &memo));
	assert_int_equal(memo.baseline_of.scope, 3);
	assert_format(&memo, text);
	memo_fini(&memo);
}

/* The longest of everything is no longer than a file may be. */
static void largest_fits(void **state)
{
	struct memo memo = memo_of_peer(), again;
	char name[MEMO_NAME_MAX + 1];
	struct buf out;
	size_t i;

	(void)state;
	memset(name, 0xff, MEMO_NAME_MAX);
	name[MEMO_NAME_MAX] = '\0';
	for (i = 0; i < MEMO_ITEMS_MAX; i++)
		memo.delivered[i] = memo.events[i] =
			(struct memo_item){name, UINT32_MAX};
	memo.delivered_count = memo.event_count = MEMO_ITEMS_MAX;
	buf_init(&out, MEMO_SIZE_MAX);
	assert_true(memo_format(&memo, &out));
	assert_true(memo_parse(out.bytes, out.len, &again));
	assert_string_equal(again.events[MEMO_ITEMS_MAX - 1].name, name);
	memo_fini(&again);
	buf_fini(&out);
}

static void line_too_long_is_no_memo(void **state)
{
	struct memo memo = memo_of_peer();
	char name[RECORD_NAME_MAX + 1];
	struct buf out;

	(void)state;
	memset(name, 'n', RECORD_NAME_MAX);
	name[RECORD_NAME_MAX] = '\0';
	memo.rec.my_name = name;
	buf_init(&out, MEMO_SIZE_MAX);
	assert_false(memo_format(&memo, &out));
	buf_fini(&out);
}

/* Whatever was cut off, wherever, is not taken for the whole. */
static void every_cut_is_refused(void **state)
{
	char text[] = "peer\n" LINE "baseline 57 192.0.2.7 34000\n"
		      "delivered 5 peer\nevent 59 p\nend\n";
	size_t len;

	(void)state;
	for (len = strlen(text); len-- > 0;) {
		text[len] = '\0';
		assert_refused(text);
	}
}

static void damage_is_refused(void **state)
{
	static const char *const bad[] = {
		"peers\n" LINE "end\n",
		"peer\nend\n",
		"peer\nrecord x\nend\n",
		LINE "peer\nend\n",
		"peer\n" LINE LINE "end\n",
		"peer\n" LINE "end\nevent 5 a\n",
		"peer\n" LINE "end\nend\n",
		"peer\n" LINE "end now\n",
		"peer\n" LINE "other 5\nend\n",
		"peer\n" LINE "event 0 a\nend\n",
		"peer\n" LINE "event -1 a\nend\n",
		"peer\n" LINE "event 05 a\nend\n",
		"peer\n" LINE "event 4294967296 a\nend\n",
		"peer\n" LINE "event 99999999999 a\nend\n",
		"peer\n" LINE "event 5 a b\nend\n",
		"peer\n" LINE "event 5 a%\nend\n",
		"peer\n" LINE "event 5 a%4\nend\n",
		"peer\n" LINE "event 5 a%zz\nend\n",
		"peer\n" LINE "event 5 a%00\nend\n",
		"peer\n" LINE "event 5 \x80\nend\n",
		"peer\n" LINE "baseline 57 here 1\nend\n",
		"peer\n" LINE "baseline 57 192.0.2.7 0\nend\n",
		"peer\n" LINE "baseline 57 192.0.2.7 65536\nend\n",
		"peer\n" LINE "baseline 57 192.0.2.7\nend\n",
		"peer\n" LINE "baseline 57 192.0.2.7 1 1\nend\n",
		"peer\n" LINE "baseline 5 ::1 1\nbaseline 5 ::1 1\nend\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_refused(bad[i]);
}

static void too_much_is_refused(void **state)
{
	char text[2 * MEMO_NAME_MAX] = "peer\n" LINE "event 5 ";
	size_t len = strlen(text);
	size_t i;

	(void)state;
	memset(text + len, 'n', MEMO_NAME_MAX + 1);
	strcpy(text + len + MEMO_NAME_MAX + 1, "\nend\n");
	assert_refused(text);
	strcpy(text, "peer\n" LINE);
	for (i = 0; i < MEMO_ITEMS_MAX + 1; i++)
		strcat(text, "event 5 a\n");
	strcat(text, "end\n");
	assert_refused(text);
}

/* --- a notice that is kept --------------------------------------------- */

static bool parse_notice(const char *text, struct memo_notice *out)
{
	return memo_notice_parse((const uint8_t *)text, strlen(text), out);
}

static void assert_same_notice(const char *text)
{
	struct memo_notice notice;
	struct buf out;

	assert_true(parse_notice(text, &notice));
	buf_init(&out, MEMO_SIZE_MAX);
	memo_notice_format(&notice, &out);
	assert_string_equal(buf_text(&out), text);
	buf_fini(&out);
	memo_notice_fini(&notice);
}

static void notice_is_written_and_read(void **state)
{
	struct memo_notice notice;

	(void)state;
	assert_same_notice("notice 192.0.2.7 reserved 57 peer.example\n");
	assert_same_notice("notice fe80::1%3 other 4294967295 p%20q%25%0a\n");
	assert_same_notice("notice ::1 other 1 \n");
	assert_same_notice("notice ::1 other 1  other 3\n");
	assert_same_notice("notice 192.0.2.7 other 57 peer reserved 59\n");
	assert_true(parse_notice("notice 192.0.2.7 other 57 p%20q\n", &notice));
	assert_false(notice.is_reserved_port);
	assert_int_equal(notice.item.number, 57);
	assert_string_equal(notice.item.name, "p q");
	memo_notice_fini(&notice);
}

static void largest_notice_fits(void **state)
{
	char name[MEMO_NAME_MAX + 1];
	struct memo_notice notice = {.item = {name, UINT32_MAX - 2},
				     .newer = UINT32_MAX},
			   again;
	struct buf out;

	(void)state;
	memset(name, 0xff, MEMO_NAME_MAX);
	name[MEMO_NAME_MAX] = '\0';
	assert_true(addr_parse("fe80::1%4294967295", &notice.from));
	buf_init(&out, MEMO_SIZE_MAX);
	memo_notice_format(&notice, &out);
	assert_true(memo_notice_parse(out.bytes, out.len, &again));
	assert_string_equal(again.item.name, name);
	memo_notice_fini(&again);
	buf_fini(&out);
}

static void damaged_notice_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"notice\n",
		"notice 192.0.2.7 reserved 57 peer",
		"notices 192.0.2.7 reserved 57 peer\n",
		"notice here reserved 57 peer\n",
		"notice 192.0.2.7 any 57 peer\n",
		"notice 192.0.2.7 reserved 0 peer\n",
		"notice 192.0.2.7 reserved 057 peer\n",
		"notice 192.0.2.7 reserved 4294967296 peer\n",
		"notice 192.0.2.7 reserved 57 peer more\n",
		"notice 192.0.2.7 reserved 57 peer reserved\n",
		"notice 192.0.2.7 reserved 57 peer any 59\n",
		"notice 192.0.2.7 reserved 57 peer reserved 0\n",
		"notice 192.0.2.7 reserved 57 peer reserved 55\n",
		"notice 192.0.2.7 reserved 57 peer reserved 57\n",
		"notice 192.0.2.7 reserved 57 peer reserved 59 more\n",
		"notice 192.0.2.7 reserved 57 pe%00er\n",
		"notice 192.0.2.7 reserved 57 peer\n\n",
		"notice 192.0.2.7\n reserved 57 peer\n",
		"notice 192.0.2.7 reserved\n57 peer\n",
	};
	struct memo_notice notice;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse_notice(bad[i], &notice))
			fail_msg("accepted: %s", bad[i]);
		assert_null(notice.item.name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it_is_written_and_read),
		cmocka_unit_test(link_local_statd_keeps_its_scope),
		cmocka_unit_test(largest_fits),
		cmocka_unit_test(line_too_long_is_no_memo),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(damage_is_refused),
		cmocka_unit_test(too_much_is_refused),
		cmocka_unit_test(notice_is_written_and_read),
		cmocka_unit_test(largest_notice_fits),
		cmocka_unit_test(damaged_notice_is_refused),
	};

	return cmocka_run_group_tests_name("memo", tests, NULL, NULL);
}
