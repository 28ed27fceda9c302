/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * /proc/fs/nfsd/clients/N/info (contract.md C-14).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "cltrack/clientinfo.h"

static struct clientinfo got;

static bool parse(const char *text)
{
	return clientinfo_parse((const uint8_t *)text, strlen(text), &got);
}

/* As Linux 6.1 writes it. */
#define HEAD "clientid: 0xc8edb7f65f4a9ad\naddress: \"10.0.0.2:819\"\n"
#define REST "callback state: UP\ncallback address: 10.0.0.2:0\n"

static void a_file_of_linux_is_read(void **state)
{
	(void)state;
	assert_true(parse(HEAD "status: confirmed\n"
			       "seconds from last renew: 3\n"
			       "name: \"Linux NFSv4.0 host/10.0.0.2\"\n"
			       "minor version: 0\n" REST));
	assert_int_equal(got.minor, 0);
	assert_true(got.is_confirmed);
	assert_int_equal(got.id_len, 27);
	assert_memory_equal(got.id, "Linux NFSv4.0 host/10.0.0.2", 27);
	assert_true(parse(HEAD "status: unconfirmed\nname: \"a\"\n"
			       "minor version: 2\n"));
	assert_false(got.is_confirmed);
	assert_int_equal(got.minor, 2);
	assert_true(parse("status: courtesy\nname: \"a\"\nminor version: 0\n"));
	assert_true(got.is_confirmed);
	assert_true(
		parse("status: expirable\nname: \"a\"\nminor version: 0\n"));
	assert_false(got.is_confirmed);
}

static void an_escaped_name_becomes_its_bytes(void **state)
{
	(void)state;
	assert_true(parse("status: confirmed\n"
			  "name: \"a\\x00\\x0a\\xff\\x22\\x5Cb c\"\n"
			  "minor version: 0\n"));
	assert_int_equal(got.id_len, 9);
	assert_memory_equal(got.id, "a\0\n\xff\"\\b c", 9);
}

static void what_lacks_something_is_of_no_use(void **state)
{
	(void)state;
	assert_false(parse(""));
	assert_false(parse("name: \"a\"\nminor version: 0\n")); /* Linux 5.3 */
	assert_false(parse("status: confirmed\nminor version: 0\n"));
	assert_false(parse("status: confirmed\nname: \"a\"\n"));
	assert_false(parse("status: confirmed\nname: \"a\"\nminor version: 0"));
	assert_false(
		parse("status: confirmed\nname: \"\"\nminor version: 0\n"));
	assert_false(parse("status: confirmed\nname: \"a\nminor version: 0\n"));
	assert_false(
		parse("status: confirmed\nname: \"a\"\nminor version: 10\n"));
	assert_false(
		parse("status: confirmed\nname: \"a\"\nminor version: -\n"));
}

static void a_bad_escape_is_refused(void **state)
{
	static const char *const names[] = {"\\",  "\\x",  "\\x1",   "\\xg0",
					    "\\n", "a\"b", "\\x4\"b"};
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(text, sizeof(text),
			       "status: confirmed\nname: \"%s\"\n"
			       "minor version: 0\n",
			       names[i]);
		assert_false(parse(text));
	}
}

static void the_first_line_of_a_kind_counts(void **state)
{
	(void)state;
	assert_true(parse("status: unconfirmed\nname: \"a\"\n"
			  "minor version: 1\nstatus: confirmed\n"
			  "name: \"b\"\nminor version: 0\n"));
	assert_false(got.is_confirmed);
	assert_int_equal(got.minor, 1);
	assert_memory_equal(got.id, "a", 1);
}

static void the_longest_id_fits_and_no_longer_one(void **state)
{
	char text[CLIENTINFO_SIZE_MAX];
	size_t at;

	(void)state;
	for (size_t len = CLIENT_ID_MAX; len <= CLIENT_ID_MAX + 1; len++) {
		at = (size_t)sprintf(text, "status: confirmed\nname: \"");
		for (size_t i = 0; i < len; i++)
			at += (size_t)sprintf(text + at, "\\x%02x",
					      (unsigned int)i & 0xff);
		(void)sprintf(text + at, "\"\nminor version: 0\n");
		assert_int_equal(parse(text), len == CLIENT_ID_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_of_linux_is_read),
		cmocka_unit_test(an_escaped_name_becomes_its_bytes),
		cmocka_unit_test(what_lacks_something_is_of_no_use),
		cmocka_unit_test(a_bad_escape_is_refused),
		cmocka_unit_test(the_first_line_of_a_kind_counts),
		cmocka_unit_test(the_longest_id_fits_and_no_longer_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
