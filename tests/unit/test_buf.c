/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/buf: the cap, text, escaping; and lib/xalloc beneath it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/buf.h"
#include "lib/xalloc.h"

static void test_empty(void **state)
{
	struct buf buf;
	uint8_t *bytes;

	(void)state;
	buf_init(&buf, 10);
	assert_string_equal(buf_text(&buf), "");
	bytes = buf_take(&buf);
	assert_non_null(bytes);
	assert_int_equal(bytes[0], 0);
	free(bytes);
	buf_clear(&buf);
	buf_fini(&buf);
}

static void test_adds_in_order(void **state)
{
	static const uint8_t expected[] = {'a', 'b', '1', 0, 1, 2, 3, 4};
	struct buf buf;

	(void)state;
	buf_init(&buf, 100);
	buf_add_text(&buf, "a");
	buf_addf(&buf, "%c%d", 'b', 1);
	buf_add(&buf, "", 1);
	buf_add_be32(&buf, 0x01020304);
	assert_int_equal(buf.len, sizeof(expected));
	assert_memory_equal(buf.bytes, expected, sizeof(expected));
	assert_int_equal(buf.bytes[buf.len], 0);
	assert_false(buf.is_overflowed);
	buf_fini(&buf);
}

static void test_cap_is_exact(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 4);
	buf_add_text(&buf, "abcd");
	assert_false(buf.is_overflowed);
	buf_add(&buf, NULL, 0);
	assert_false(buf.is_overflowed);
	buf_add_text(&buf, "e");
	assert_true(buf.is_overflowed);
	assert_string_equal(buf_text(&buf), "abcd");
	buf_fini(&buf);
}

static void test_overflowed_takes_nothing_more(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 4);
	buf_add_text(&buf, "ab");
	buf_addf(&buf, "%d", 12345);
	assert_true(buf.is_overflowed);
	buf_add_text(&buf, "c");
	assert_string_equal(buf_text(&buf), "ab");
	buf_clear(&buf);
	assert_false(buf.is_overflowed);
	assert_string_equal(buf_text(&buf), "");
	buf_addf(&buf, "%d", 1234);
	assert_string_equal(buf_text(&buf), "1234");
	buf_fini(&buf);
}

static void test_grows(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 100000);
	for (int i = 0; i < 25000; i++)
		buf_add_be32(&buf, (uint32_t)i);
	assert_false(buf.is_overflowed);
	assert_int_equal(buf.len, 100000);
	for (int i = 0; i < 25000; i++) {
		const uint8_t *at = buf.bytes + (size_t)i * 4;

		assert_int_equal(at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3],
				 i);
	}
	buf_fini(&buf);
}

static void test_take_leaves_it_empty(void **state)
{
	struct buf buf;
	uint8_t *bytes;

	(void)state;
	buf_init(&buf, 10);
	buf_add_text(&buf, "abc");
	bytes = buf_take(&buf);
	assert_string_equal((char *)bytes, "abc");
	free(bytes);
	assert_int_equal(buf.len, 0);
	buf_add_text(&buf, "0123456789");
	assert_false(buf.is_overflowed);
	buf_fini(&buf);
}

static void test_escapes_all_but_plain_ascii(void **state)
{
	struct buf buf;
	uint8_t all[256];

	(void)state;
	buf_init(&buf, 2000);
	buf_add_escaped(&buf, "a b\n\\\"'\x7f\xc3\x00z", 11);
	assert_string_equal(buf_text(&buf),
			    "a b\\x0a\\x5c\\x22\\x27\\x7f\\xc3\\x00z");
	buf_clear(&buf);
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)i;
	buf_add_escaped(&buf, all, sizeof(all));
	assert_int_equal(buf.len, 92 + 4 * (256 - 92));
	for (size_t i = 0; i < buf.len; i++)
		assert_in_range(buf.bytes[i], 0x20, 0x7e);
	buf_fini(&buf);
}

static void test_escape_is_never_cut(void **state)
{
	struct buf buf;

	(void)state;
	buf_init(&buf, 5);
	buf_add_escaped(&buf, "ab\n", 3);
	assert_true(buf.is_overflowed);
	assert_string_equal(buf_text(&buf), "ab");
	buf_fini(&buf);
}

static void test_xalloc(void **state)
{
	uint8_t *bytes = xcalloc(3, 5);
	char *text = xstrdup("text");

	(void)state;
	for (int i = 0; i < 15; i++)
		assert_int_equal(bytes[i], 0);
	memset(bytes, 7, 15);
	bytes = xreallocarray(bytes, 2, 100);
	assert_int_equal(bytes[14], 7);
	free(bytes);
	assert_string_equal(text, "text");
	free(text);
	bytes = xmemdup("\0x", 2);
	assert_memory_equal(bytes, "\0x\0", 3);
	free(bytes);
	bytes = xmemdup(NULL, 0);
	assert_int_equal(bytes[0], 0);
	free(bytes);
	free(xzalloc(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_adds_in_order),
		cmocka_unit_test(test_cap_is_exact),
		cmocka_unit_test(test_overflowed_takes_nothing_more),
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_take_leaves_it_empty),
		cmocka_unit_test(test_escapes_all_but_plain_ascii),
		cmocka_unit_test(test_escape_is_never_cut),
		cmocka_unit_test(test_xalloc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
