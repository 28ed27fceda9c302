/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/keyset: exactly what was added is there, up to the cap.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "lib/keyset.h"

static const uint8_t seed[SIPHASH_KEY_SIZE] = "keyset";

static void test_has_what_was_added(void **state)
{
	struct keyset set;

	(void)state;
	keyset_init(&set, seed, 3);
	assert_false(keyset_has(&set, "a", 1));
	assert_true(keyset_add(&set, "a", 1));
	assert_true(keyset_add(&set, "a\0b", 3));
	assert_true(keyset_add(&set, "", 0));
	assert_true(keyset_has(&set, "a", 1));
	assert_true(keyset_has(&set, "a\0b", 3));
	assert_true(keyset_has(&set, "", 0));
	assert_false(keyset_has(&set, "a\0", 2));
	assert_false(keyset_has(&set, "A", 1));
	keyset_fini(&set);
}

static void test_cap(void **state)
{
	struct keyset set;
	uint32_t i;

	(void)state;
	keyset_init(&set, seed, 1000);
	for (i = 0; i < 1000; i++)
		assert_true(keyset_add(&set, &i, sizeof(i)));
	assert_false(keyset_add(&set, &i, sizeof(i)));
	assert_false(keyset_has(&set, &i, sizeof(i)));
	/* What is there already takes no room. */
	for (i = 0; i < 1000; i++)
		assert_true(keyset_add(&set, &i, sizeof(i)));
	keyset_fini(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_has_what_was_added),
		cmocka_unit_test(test_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
