/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sm-notify/saying and sm-notify/own: which form of a name goes from which of
 * our addresses next, and when enough is said.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sm-notify/own.h"
#include "sm-notify/saying.h"

static void test_one(void **state)
{
	struct sayings s;

	(void)state;
	sayings_init(&s, 3, 0);
	assert_int_equal(s.turn, SAYING_FIRST);
	assert_int_equal(sayings_len(&s, 0), 3);
	for (unsigned int i = 0; i < 10; i++)
		sayings_silent(&s, 0);
	assert_false(sayings_are_done(&s));
	assert_int_equal(s.turn, 0);
	sayings_acked(&s, 0);
	assert_true(sayings_are_done(&s));
}

/* The short form is left after four, but only once the full one was acked. */
static void test_short(void **state)
{
	struct sayings s;

	(void)state;
	sayings_init(&s, 11, 3);
	assert_int_equal(sayings_len(&s, 0), 11);
	assert_int_equal(sayings_len(&s, 1), 3);
	for (unsigned int i = 0; i < 10; i++) {
		sayings_silent(&s, 0);
		assert_int_equal(s.turn, 1);
		sayings_silent(&s, 1);
		assert_int_equal(s.turn, 0);
	}
	sayings_acked(&s, 0);
	for (unsigned int i = 0; i < NOTIFY_SILENT_TRIES; i++) {
		assert_false(sayings_are_done(&s));
		assert_int_equal(s.turn, 1);
		sayings_silent(&s, 1);
	}
	assert_true(sayings_are_done(&s));
}

/* The full one is never left, whatever the others say. */
static void test_full_is_not_left(void **state)
{
	struct sayings s;

	(void)state;
	sayings_init(&s, 11, 3);
	sayings_set_sources(&s, 2);
	for (unsigned int at = 1; at < 4; at++)
		sayings_acked(&s, at);
	for (unsigned int i = 0; i < 100; i++) {
		assert_int_equal(s.turn, 0);
		sayings_silent(&s, 0);
	}
	assert_false(sayings_are_done(&s));
}

static void test_sources(void **state)
{
	struct sayings s;

	(void)state;
	sayings_init(&s, 11, 3);
	sayings_set_sources(&s, 3);
	for (unsigned int at = 0; at < 6; at++) {
		assert_int_equal(s.turn, at);
		assert_int_equal(sayings_source(&s, at), at / 2);
		assert_int_equal(sayings_len(&s, at), at % 2 ? 3 : 11);
		assert_false(sayings_are_done(&s));
		sayings_acked(&s, at);
	}
	assert_true(sayings_are_done(&s));
}

/* One address that nobody hears delays the end, but not for ever. */
static void test_silent_source(void **state)
{
	struct sayings s;
	unsigned int sends = 0;

	(void)state;
	sayings_init(&s, 11, 3);
	sayings_set_sources(&s, NOTIFY_SOURCES_MAX);
	for (; !sayings_are_done(&s); sends++) {
		assert_true(sends < 1000);
		if (sayings_source(&s, s.turn) == 5)
			sayings_silent(&s, s.turn);
		else
			sayings_acked(&s, s.turn);
	}
	assert_int_equal(sends, SAYINGS_MAX - 2 + 2 * NOTIFY_SILENT_TRIES);
}

static struct notify_own own(const char *text, uint32_t link)
{
	struct notify_own result = {.link = link};

	assert_true(addr_parse(text, &result.addr));
	return result;
}

static size_t others(const struct notify_own *all, size_t count,
		     const char *used, struct addr *out)
{
	struct addr addr;

	assert_true(addr_parse(used, &addr));
	addr.port = 999;
	return own_others(all, count, &addr, out);
}

static void test_own(void **state)
{
	const struct notify_own all[] = {
		own("192.0.2.1", 2),	own("192.0.2.2", 2),
		own("198.51.100.1", 3), own("2001:db8::1", 2),
		own("192.0.2.3", 2),	own("2001:db8::2", 2),
	};
	const struct addr none = {.family = ADDR_NONE};
	struct addr out[NOTIFY_SOURCES_MAX - 1];

	(void)state;
	assert_int_equal(others(all, 6, "192.0.2.2", out), 2);
	assert_true(addr_is_same_host(&out[0], &all[0].addr));
	assert_true(addr_is_same_host(&out[1], &all[4].addr));
	assert_int_equal(others(all, 6, "2001:db8::1", out), 1);
	assert_true(addr_is_same_host(&out[0], &all[5].addr));
	assert_int_equal(others(all, 6, "198.51.100.1", out), 0);
	assert_int_equal(others(all, 6, "203.0.113.1", out), 0);
	assert_int_equal(others(NULL, 0, "192.0.2.2", out), 0);
	assert_int_equal(own_others(all, 6, &none, out), 0);
}

/* At most eight in all. */
static void test_own_many(void **state)
{
	struct addr out[NOTIFY_SOURCES_MAX - 1];
	struct notify_own all[20];

	(void)state;
	for (size_t i = 0; i < 20; i++) {
		all[i] = own("192.0.2.1", 2);
		all[i].addr.bytes[3] = (uint8_t)(i + 1);
	}
	assert_int_equal(others(all, 20, "192.0.2.1", out),
			 NOTIFY_SOURCES_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_full_is_not_left),
		cmocka_unit_test(test_sources),
		cmocka_unit_test(test_silent_source),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_own_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
