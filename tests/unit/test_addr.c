/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lib/addr: what is an address, that equal ones are equal in every form, and
 * that format and parse undo each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <cmocka.h>

#include "lib/addr.h"
#include "lib/prng.h"

static struct addr parsed(const char *text)
{
	struct addr addr;

	assert_true(addr_parse(text, &addr));
	return addr;
}

static void test_parses_and_formats(void **state)
{
	static const struct {
		const char *text;
		const char *plain;
		const char *with_port;
	} rows[] = {
		{"192.0.2.1", "192.0.2.1", "192.0.2.1:111"},
		{"0.0.0.0", "0.0.0.0", "0.0.0.0:111"},
		{"2001:DB8::1", "2001:db8::1", "[2001:db8::1]:111"},
		{"::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1:111"},
		{"::ffff:c000:201", "192.0.2.1", "192.0.2.1:111"},
		{"fe80::1%3", "fe80::1%3", "[fe80::1%3]:111"},
		{"fe80::1%0", "fe80::1", "[fe80::1]:111"},
		{"fe80::1%4294967295", "fe80::1%4294967295",
		 "[fe80::1%4294967295]:111"},
		{"::", "::", "[::]:111"},
	};
	char text[ADDR_TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct addr addr = parsed(rows[i].text);

		assert_int_equal(addr.port, 0);
		addr.port = 111;
		assert_string_equal(addr_format(&addr, text), rows[i].plain);
		assert_string_equal(addr_format_port(&addr, text),
				    rows[i].with_port);
	}
}

static void test_refuses_what_is_no_address(void **state)
{
	static const char *const texts[] = {
		"",
		"client1",
		"192.0.2",
		"192.0.2.256",
		"192.0.2.1 ",
		" 192.0.2.1",
		"0x7f.1",
		"2130706433",
		"fe80::1%",
		"fe80::1%eth0",
		"fe80::1%+1",
		"fe80::1%4294967296",
		"fe80::1%18446744073709551617",
		"fe80::1%1%2",
		"2001:db8::1%3",
		"192.0.2.1%3",
		"%3",
		"::ffff:192.0.2.1%3",
		"1:2:3:4:5:6:7:8:9",
		"[::1]",
		"a123456789b123456789c123456789d123456789e123456789",
	};
	struct addr addr = {.family = ADDR_V4, .port = 9};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_false(addr_parse(texts[i], &addr));
		assert_int_equal(addr.family, ADDR_V4);
		assert_int_equal(addr.port, 9);
	}
}

static void test_none(void **state)
{
	const struct addr none = {.family = ADDR_NONE};
	union addr_sockaddr sa;
	char text[ADDR_TEXT_SIZE];

	(void)state;
	assert_string_equal(addr_format(&none, text), "-");
	assert_string_equal(addr_format_port(&none, text), "-");
	assert_int_equal(addr_to_sockaddr(&none, &sa), 0);
	assert_false(addr_is_loopback(&none));
}

static void test_compares(void **state)
{
	struct addr a = parsed("192.0.2.1");
	struct addr b = parsed("::ffff:192.0.2.1");
	struct addr c = parsed("fe80::1%1");
	struct addr d = parsed("fe80::1%2");

	(void)state;
	assert_true(addr_is_same_host(&a, &b));
	assert_true(addr_is_equal(&a, &b));
	b.port = 1;
	assert_true(addr_is_same_host(&a, &b));
	assert_false(addr_is_equal(&a, &b));
	assert_false(addr_is_same_host(&c, &d));
	assert_false(addr_is_same_host(&a, &c));
}

static void test_loopback(void **state)
{
	struct addr addr = addr_loopback(111);
	char text[ADDR_TEXT_SIZE];

	(void)state;
	assert_string_equal(addr_format_port(&addr, text), "127.0.0.1:111");
	assert_true(addr_is_loopback(&addr));
	addr = parsed("127.255.0.9");
	assert_true(addr_is_loopback(&addr));
	addr = parsed("::1");
	assert_true(addr_is_loopback(&addr));
	addr = parsed("::ffff:127.0.0.1");
	assert_true(addr_is_loopback(&addr));
	addr = parsed("126.0.0.1");
	assert_false(addr_is_loopback(&addr));
	addr = parsed("::2");
	assert_false(addr_is_loopback(&addr));
}

static void test_key_tells_hosts_apart(void **state)
{
	static const char *const texts[] = {
		"0.0.0.1", "192.0.2.1", "::1",	     "::c000:201",
		"::2",	   "fe80::1%1", "fe80::1%2", "fe80::1",
	};
	uint8_t a[24];
	uint8_t b[24];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (size_t j = 0; j < sizeof(texts) / sizeof(texts[0]); j++) {
			struct addr x = parsed(texts[i]);
			struct addr y = parsed(texts[j]);
			size_t x_len = addr_key(&x, a);
			size_t y_len;

			y.port = 77;
			y_len = addr_key(&y, b);
			assert_true(x_len <= sizeof(a));
			assert_true((x_len == y_len &&
				     memcmp(a, b, x_len) == 0) == (i == j));
		}
	}
}

static void test_sockaddr_drops_what_is_no_scope(void **state)
{
	struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(77),
		.sin6_scope_id = 5,
	};
	struct sockaddr other = {.sa_family = AF_UNIX};
	union addr_sockaddr sa;
	struct addr addr;

	(void)state;
	inet_pton(AF_INET6, "2001:db8::7", &v6.sin6_addr);
	memset(&sa, 0, sizeof(sa));
	sa.v6 = v6;
	addr = addr_from_sockaddr(&sa.any);
	assert_int_equal(addr.scope, 0);
	assert_int_equal(addr.port, 77);
	inet_pton(AF_INET6, "::ffff:192.0.2.1", &sa.v6.sin6_addr);
	addr = addr_from_sockaddr(&sa.any);
	assert_int_equal(addr.family, ADDR_V4);
	assert_int_equal(addr.scope, 0);
	addr = addr_from_sockaddr(&other);
	assert_int_equal(addr.family, ADDR_NONE);
}

static struct addr random_addr(struct prng *rng)
{
	union addr_sockaddr sa = {0};

	if (prng_below(rng, 3) == 0) {
		sa.v4.sin_family = AF_INET;
		sa.v4.sin_addr.s_addr = prng_u32(rng);
		sa.v4.sin_port = (in_port_t)prng_below(rng, 65536);
		return addr_from_sockaddr(&sa.any);
	}
	sa.v6.sin6_family = AF_INET6;
	sa.v6.sin6_port = (in_port_t)prng_below(rng, 65536);
	sa.v6.sin6_scope_id = prng_u32(rng) >> prng_below(rng, 32);
	/* Many zeros, so that every way to shorten the text occurs. */
	for (size_t i = 0; i < 16; i++) {
		if (prng_below(rng, 3) == 0)
			sa.v6.sin6_addr.s6_addr[i] =
				(uint8_t)prng_below(rng, 256);
	}
	if (prng_below(rng, 2) == 0) {
		sa.v6.sin6_addr.s6_addr[0] = 0xfe;
		sa.v6.sin6_addr.s6_addr[1] = 0x80;
	} else if (prng_below(rng, 4) == 0) {
		memset(&sa.v6.sin6_addr, 0, 10);
		memset(&sa.v6.sin6_addr.s6_addr[10], 0xff, 2);
	}
	return addr_from_sockaddr(&sa.any);
}

static void test_random_round_trips(void **state)
{
	const char *env = getenv("SEED");
	uint64_t seed = env != NULL ? strtoull(env, NULL, 0) : 20240603;
	uint8_t key[SIPHASH_KEY_SIZE] = {0};
	char text[ADDR_TEXT_SIZE];
	struct prng rng;

	(void)state;
	print_message("SEED=%llu\n", (unsigned long long)seed);
	memcpy(key, &seed, sizeof(seed));
	prng_init(&rng, key);
	for (int i = 0; i < 20000; i++) {
		struct addr addr = random_addr(&rng);
		union addr_sockaddr sa;
		struct addr back;

		assert_true(addr_to_sockaddr(&addr, &sa) > 0);
		back = addr_from_sockaddr(&sa.any);
		assert_true(addr_is_equal(&addr, &back));
		back = parsed(addr_format(&addr, text));
		assert_true(addr_is_same_host(&addr, &back));
		assert_true(strlen(addr_format_port(&addr, text)) <
			    ADDR_TEXT_SIZE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parses_and_formats),
		cmocka_unit_test(test_refuses_what_is_no_address),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_compares),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_key_tells_hosts_apart),
		cmocka_unit_test(test_sockaddr_drops_what_is_no_scope),
		cmocka_unit_test(test_random_round_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
