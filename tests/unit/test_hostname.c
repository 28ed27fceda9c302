/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/hostname: which names are refused and why, short forms, folding.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lib/hostname.h"

static enum hostname_error check(const char *name)
{
	return hostname_check(name, strlen(name));
}

static void test_accepts(void **state)
{
	(void)state;
	assert_int_equal(check("client1.example.com"), HOSTNAME_OK);
	assert_int_equal(check("192.0.2.1"), HOSTNAME_OK);
	assert_int_equal(check("fe80::1%3"), HOSTNAME_OK);
	assert_int_equal(check("m\xc3\xbcller"), HOSTNAME_OK);
	assert_int_equal(check("a..b."), HOSTNAME_OK);
}

static void test_refuses(void **state)
{
	char name[HOSTNAME_LEN_MAX + 1];

	(void)state;
	memset(name, 'a', sizeof(name));
	assert_int_equal(hostname_check("", 0), HOSTNAME_EMPTY);
	assert_int_equal(hostname_check(name, HOSTNAME_LEN_MAX), HOSTNAME_OK);
	assert_int_equal(hostname_check(name, sizeof(name)), HOSTNAME_LONG);
	assert_int_equal(check("../../etc/passwd"), HOSTNAME_SLASH);
	assert_int_equal(check("a/b"), HOSTNAME_SLASH);
	assert_int_equal(check("."), HOSTNAME_DOT);
	assert_int_equal(check(".reclaim"), HOSTNAME_DOT);
	assert_int_equal(check("a b"), HOSTNAME_CONTROL);
	assert_int_equal(hostname_check("a\0b", 3), HOSTNAME_CONTROL);
}

static void test_refuses_each_control_byte(void **state)
{
	(void)state;
	for (unsigned int byte = 0; byte < 256; byte++) {
		const char name[] = {'a', (char)byte};
		enum hostname_error expected = HOSTNAME_OK;

		if (byte <= 0x20 || byte == 0x7f)
			expected = HOSTNAME_CONTROL;
		else if (byte == '/')
			expected = HOSTNAME_SLASH;
		assert_int_equal(hostname_check(name, 2), expected);
	}
}

static void test_every_error_has_a_text(void **state)
{
	(void)state;
	for (int i = HOSTNAME_OK; i <= HOSTNAME_CONTROL; i++)
		assert_true(strlen(hostname_error_text(
				    (enum hostname_error)i)) > 0);
}

static void test_clean(void **state)
{
	char name[] = "a b\tc\rd\ne_f";
	char empty[] = "";

	(void)state;
	hostname_clean(name);
	assert_string_equal(name, "a_b_c_d_e_f");
	hostname_clean(empty);
	assert_string_equal(empty, "");
}

static void test_short_form(void **state)
{
	(void)state;
	assert_int_equal(hostname_short_len("srv1.example.com"), 4);
	assert_int_equal(hostname_short_len("srv1"), 4);
	assert_int_equal(hostname_short_len("srv1."), 4);
	assert_int_equal(hostname_short_len("192.0.2.1"), 9);
	assert_int_equal(hostname_short_len("::ffff:192.0.2.1"), 16);
	assert_int_equal(hostname_short_len("192.0.2.1.example"), 3);
	assert_int_equal(hostname_short_len(".a"), 2);
	assert_int_equal(hostname_short_len(""), 0);
}

static void test_case(void **state)
{
	char folded[32];

	(void)state;
	assert_true(hostname_is_equal("Client1.EXAMPLE", "cLIENT1.example"));
	assert_true(hostname_is_equal("", ""));
	assert_false(hostname_is_equal("client", "client1"));
	assert_false(hostname_is_equal("client1", "client"));
	assert_false(hostname_is_equal("@", "`")); /* 0x20 apart, no letters */
	assert_false(hostname_is_equal("[", "{"));
	assert_false(hostname_is_equal("\xc3\x9c", "\xc3\xbc"));
	hostname_fold("Az@[Z_\xc3\x9c", folded);
	assert_string_equal(folded, "az@[z_\xc3\x9c");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_refuses_each_control_byte),
		cmocka_unit_test(test_every_error_has_a_text),
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_short_form),
		cmocka_unit_test(test_case),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
