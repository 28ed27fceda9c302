/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cltrack/hexid: what is an id, and what the others are refused for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "cltrack/hexid.h"

static uint8_t id[CLIENT_ID_MAX];
static size_t len;

static void digits_make_bytes(void **state)
{
	(void)state;
	assert_int_equal(hexid_parse("00fF09Aa7f", id, &len), HEXID_OK);
	assert_int_equal(len, 5);
	assert_memory_equal(id, "\x00\xff\x09\xaa\x7f", 5);
}

static void other_text_is_none(void **state)
{
	static const char *const bad[] = {"0",	      "000", "0g",  "g0",
					  "0x61",     " 61", "61 ", "6 ",
					  "\xff\xff", "/0",  ":0",  "@0",
					  "`0",	      "61\n"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		len = 7;
		assert_int_equal(hexid_parse(bad[i], id, &len), HEXID_ODD);
		assert_int_equal(len, 0);
	}
	assert_int_equal(hexid_parse("", id, &len), HEXID_EMPTY);
	assert_int_equal(len, 0);
}

static void longest_has_1024_bytes(void **state)
{
	char text[2 * CLIENT_ID_MAX + 3];

	(void)state;
	memset(text, 'a', sizeof(text));
	text[2 * CLIENT_ID_MAX] = '\0';
	assert_int_equal(hexid_parse(text, id, &len), HEXID_OK);
	assert_int_equal(len, CLIENT_ID_MAX);
	assert_int_equal(id[CLIENT_ID_MAX - 1], 0xaa);
	text[2 * CLIENT_ID_MAX] = 'a';
	text[2 * CLIENT_ID_MAX + 2] = '\0';
	assert_int_equal(hexid_parse(text, id, &len), HEXID_LONG);
	assert_int_equal(len, 0);
}

static void errors_have_words(void **state)
{
	(void)state;
	assert_string_equal(hexid_error_text(HEXID_OK), "is good");
	assert_string_equal(hexid_error_text(HEXID_EMPTY), "is empty");
	assert_string_equal(hexid_error_text(HEXID_ODD),
			    "is not made of pairs of hex digits");
	assert_string_equal(hexid_error_text(HEXID_LONG),
			    "has more than 1024 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digits_make_bytes),
		cmocka_unit_test(other_text_is_none),
		cmocka_unit_test(longest_has_1024_bytes),
		cmocka_unit_test(errors_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
