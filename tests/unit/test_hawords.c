/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Callouts as text: names, numbers, ends, and the file that names a pair.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/hostname.h"
#include "statd/hawords.h"

static void some_names_are_handed_to_nobody(void **state)
{
	(void)state;
	assert_true(hawords_is_harmless("192.0.2.7"));
	assert_true(hawords_is_harmless("a-b"));
	assert_true(hawords_is_harmless("$(reboot)")); /* quoting is theirs */
	assert_false(hawords_is_harmless(""));
	assert_false(hawords_is_harmless("-rf"));
	assert_false(hawords_is_harmless(".."));
	assert_false(hawords_is_harmless("a/b"));
	assert_false(hawords_is_harmless("a b"));
	assert_false(hawords_is_harmless("a\nb"));
}

static void numbers_are_signed(void **state)
{
	char *text;

	(void)state;
	text = hawords_number(0x7fffffff);
	assert_string_equal(text, "2147483647");
	free(text);
	assert_null(hawords_number(0x80000000));
	assert_null(hawords_number(UINT32_MAX));
}

static bool parses(const char *text, size_t len)
{
	struct record rec;
	bool is_good = hawords_parse_memo((const uint8_t *)text, len, &rec);

	if (is_good)
		record_fini(&rec);
	else
		assert_true(rec.mon_name == NULL && rec.my_name == NULL);
	return is_good;
}

static void files_are_read_as_they_were_written(void **state)
{
	const struct record rec = {.mon_name = (char *)"peer.example",
				   .my_name = (char *)"me_\x80"};
	struct record back;
	struct buf text;

	(void)state;
	buf_init(&text, HAWORDS_MEMO_MAX);
	hawords_add_memo(&rec, &text);
	assert_string_equal(buf_text(&text), "callout peer.example me_\x80\n");
	assert_true(hawords_parse_memo(text.bytes, text.len, &back));
	assert_string_equal(back.mon_name, rec.mon_name);
	assert_string_equal(back.my_name, rec.my_name);
	record_fini(&back);
	buf_fini(&text);
}

static void damaged_files_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"c",
		"callout",
		"callout ",
		"callout a me",	    /* cut */
		"callout a\n",	    /* cut */
		"callout  me\n",    /* no mon_name */
		"callout a me x\n", /* more words */
		"callout a m\te\n",
		"callout a me\n\n",
		"callout a me\ncallout b me\n",
		"callout -rf me\n",
		"callout a/b me\n",
		"callout .a me\n",
		"callouts a me\n",
		"peer a me\n",
	};
	char big[HAWORDS_MEMO_MAX + 1];
	size_t i;

	(void)state;
	assert_true(parses("callout a me\n", 13));
	assert_true(parses("callout a \n", 11)); /* my_name may be empty */
	assert_false(parses("callout a m\0e\n", 14));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parses(bad[i], strlen(bad[i])))
			fail_msg("\"%s\" is no file of ours", bad[i]);
	memset(big, 'a', sizeof(big));
	memcpy(big, "callout a ", 10);
	big[sizeof(big) - 1] = '\n';
	assert_false(parses(big, sizeof(big)));
	big[sizeof(big) - 2] = '\n';
	assert_true(parses(big, sizeof(big) - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(some_names_are_handed_to_nobody),
		cmocka_unit_test(numbers_are_signed),
		cmocka_unit_test(files_are_read_as_they_were_written),
		cmocka_unit_test(damaged_files_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
