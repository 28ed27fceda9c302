/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sm-notify/skip and sm-notify/age: who is never told, and who is too old.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sm-notify/age.h"
#include "sm-notify/skip.h"

#define KEY_1 "9cd04037-9a8e-4c7d-98ec-a193ee9ab85c-1"
#define KEY_2 "9cd04037-9a8e-4c7d-98ec-a193ee9ab85c-2"

static void test_skip_names(void **state)
{
	(void)state;
	assert_false(skip_has(NULL, "a"));
	assert_false(skip_has("", "a"));
	assert_false(skip_has(" , \t", ""));
	assert_true(skip_has("a", "a"));
	assert_true(skip_has(" b,a ,c", "a"));
	assert_true(skip_has("b\ta", "a"));
	assert_true(skip_has("Client.Example", "client.EXAMPLE"));
	assert_false(skip_has("client", "client.example"));
	assert_false(skip_has("client.example", "client"));
}

/* An address is one address, however it is written. */
static void test_skip_addresses(void **state)
{
	(void)state;
	assert_true(skip_has("192.0.2.1", "192.0.2.1"));
	assert_true(skip_has("::ffff:192.0.2.1", "192.0.2.1"));
	assert_true(skip_has("2001:db8:0::1", "2001:db8::1"));
	assert_false(skip_has("192.0.2.1", "192.0.2.10"));
	assert_false(skip_has("192.0.2.1/24", "192.0.2.1"));
	assert_false(skip_has("name", "192.0.2.1"));
}

static void parse(const char *text, struct age *age)
{
	assert_true(age_parse(text, strlen(text), age));
}

static void test_age_lines(void **state)
{
	const char *bad[] = {
		"",
		"\n",
		"key\n",
		"key 1",
		"key 1 \n",
		" 1\n",
		"key -1\n",
		"key 0\n",
		"key 1x\n",
		"key \n",
		"key 1000001\n",
		"key 1\n2\n",
		"key  1\n",
		("12345678901234567890123456789012345678901234567890"
		 "12345678901234 1\n"),
	};
	char text[AGE_LEN_MAX];
	struct age age;

	(void)state;
	parse(KEY_1 " 12\n", &age);
	assert_int_equal(age.boots, 12);
	assert_string_equal(age.key, KEY_1);
	assert_int_equal(age_format(&age, text), strlen(KEY_1 " 12\n"));
	assert_string_equal(text, KEY_1 " 12\n");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(age_parse(bad[i], strlen(bad[i]), &age));
		assert_int_equal(age.boots, 0);
		assert_string_equal(age.key, "");
	}
	assert_false(age_parse("key\0 1\n", 7, &age));
}

/* A boot counts once; a damaged line begins anew. */
static void test_age_counts(void **state)
{
	struct age age = {.boots = 0};

	(void)state;
	assert_true(age_count(&age, KEY_1));
	assert_false(age_count(&age, KEY_1));
	assert_int_equal(age.boots, 1);
	assert_false(age_is_over(&age, 1));
	assert_true(age_count(&age, KEY_2));
	assert_int_equal(age.boots, 2);
	assert_true(age_is_over(&age, 1));
	assert_false(age_is_over(&age, 2));
	assert_false(age_is_over(&age, 0));
	age.boots = AGE_BOOTS_MAX;
	assert_true(age_count(&age, KEY_1));
	assert_int_equal(age.boots, AGE_BOOTS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_skip_names),
		cmocka_unit_test(test_skip_addresses),
		cmocka_unit_test(test_age_lines),
		cmocka_unit_test(test_age_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
