/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The messages of rpcbind, byte for byte as RFC 1833 has them, and what
 * answers are worth.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "lib/portmap.h"
#include "lib/rpcmsg.h"

#define HEADER(vers, proc)                                              \
	"\0\0\0\7\0\0\0\0\0\0\0\2\0\1\x86\xa0\0\0\0" vers "\0\0\0" proc \
	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

/* The bytes of a literal, which may contain NUL; no NUL is added. */
#define assert_bytes(buf, literal)                                      \
	do {                                                            \
		assert_false((buf)->is_overflowed);                     \
		assert_int_equal((buf)->len, sizeof(literal) - 1);      \
		assert_memory_equal((buf)->bytes, literal, (buf)->len); \
	} while (0)

#define PARSE(family, literal)                                    \
	portmap_parse_getport(family, (const uint8_t *)(literal), \
			      sizeof(literal) - 1)

static void test_getport_v4(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, RPCMSG_SIZE_MAX);
	portmap_add_getport(&out, 7, ADDR_V4, 100024, 1, PORTMAP_UDP);
	assert_bytes(&out, HEADER("\2", "\3") "\0\1\x86\xb8\0\0\0\1"
					      "\0\0\0\x11\0\0\0\0");
	buf_clear(&out);
	portmap_add_getport(&out, 7, ADDR_V4, 100024, 1, PORTMAP_TCP);
	assert_bytes(&out, HEADER("\2", "\3") "\0\1\x86\xb8\0\0\0\1"
					      "\0\0\0\6\0\0\0\0");
	buf_fini(&out);
}

static void test_getport_v6(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, RPCMSG_SIZE_MAX);
	portmap_add_getport(&out, 7, ADDR_V6, 100024, 1, PORTMAP_UDP);
	assert_bytes(&out, HEADER("\3", "\3") "\0\1\x86\xb8\0\0\0\1"
					      "\0\0\0\4udp6\0\0\0\0\0\0\0\0");
	buf_clear(&out);
	portmap_add_getport(&out, 7, ADDR_V6, 100024, 1, PORTMAP_TCP);
	assert_bytes(&out, HEADER("\3", "\3") "\0\1\x86\xb8\0\0\0\1"
					      "\0\0\0\4tcp6\0\0\0\0\0\0\0\0");
	buf_fini(&out);
}

static void test_set_and_unset(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, RPCMSG_SIZE_MAX);
	portmap_add_set(&out, 7, true, 100024, 1, "udp", 0x296, "statd");
	assert_bytes(&out, HEADER("\4", "\1") "\0\1\x86\xb8\0\0\0\1"
					      "\0\0\0\3udp\0"
					      "\0\0\0\x0d"
					      "0.0.0.0.2.150\0\0\0"
					      "\0\0\0\5statd\0\0\0");
	buf_clear(&out);
	portmap_add_set(&out, 7, true, 100024, 1, "tcp6", 65535, "0");
	assert_bytes(&out, HEADER("\4", "\1") "\0\1\x86\xb8\0\0\0\1"
					      "\0\0\0\4tcp6"
					      "\0\0\0\x0a::.255.255\0\0"
					      "\0\0\0\1"
					      "0\0\0\0");
	buf_clear(&out);
	portmap_add_set(&out, 7, false, 100024, 1, "tcp", 662, "0");
	assert_bytes(&out, HEADER("\4", "\2") "\0\1\x86\xb8\0\0\0\1"
					      "\0\0\0\3tcp\0"
					      "\0\0\0\0"
					      "\0\0\0\1"
					      "0\0\0\0");
	buf_fini(&out);
}

static void test_ports_of_version_2(void **state)
{
	(void)state;
	assert_int_equal(PARSE(ADDR_V4, "\0\0\2\x96"), 662);
	assert_int_equal(PARSE(ADDR_V4, "\0\0\0\0"), 0);
	assert_int_equal(PARSE(ADDR_V4, "\0\0\xff\xff"), 65535);
	assert_int_equal(PARSE(ADDR_V4, "\0\1\0\0"), -1);
	assert_int_equal(PARSE(ADDR_V4, "\x80\0\2\x96"), -1);
	assert_int_equal(PARSE(ADDR_V4, "\0\0\2"), -1);
	assert_int_equal(portmap_parse_getport(ADDR_V4, NULL, 0), -1);
}

static void test_addresses_of_version_3(void **state)
{
	(void)state;
	assert_int_equal(PARSE(ADDR_V6, "\0\0\0\x09::1.2.150\0\0\0"), 662);
	assert_int_equal(PARSE(ADDR_V6, "\0\0\0\0"), 0);
	assert_int_equal(PARSE(ADDR_V6, "\0\0\0\x09::1.2.15"), -1);
	assert_int_equal(PARSE(ADDR_V6, "\0\0\0\x0c::1.2.15\0...."), -1);
	assert_int_equal(PARSE(ADDR_V6, "\xff\xff\xff\xff::1.2.150"), -1);
	assert_int_equal(PARSE(ADDR_V6, "\0\0\0"), -1);
	assert_int_equal(portmap_parse_getport(ADDR_V6, NULL, 0), -1);
}

/* As many bytes as are refused are there, so only the cap can refuse them. */
static void test_address_over_the_cap(void **state)
{
	uint8_t results[4 + 132];

	(void)state;
	memset(results, 0, sizeof(results));
	memset(results + 4, '1', 129);
	results[3] = 129;
	assert_int_equal(
		portmap_parse_getport(ADDR_V6, results, sizeof(results)), -1);
	/* Not read at all, whatever stands there. */
	memcpy(results + 4, "::1.2.150", 10);
	assert_int_equal(
		portmap_parse_getport(ADDR_V6, results, sizeof(results)), -1);
}

/* No reply has more than a message may have. */
static void test_results_over_the_cap(void **state)
{
	static const uint8_t results[RPCMSG_SIZE_MAX + 1] = {0, 0, 2, 0x96};

	(void)state;
	assert_int_equal(
		portmap_parse_getport(ADDR_V4, results, RPCMSG_SIZE_MAX), 662);
	assert_int_equal(
		portmap_parse_getport(ADDR_V4, results, sizeof(results)), -1);
}

static void test_universal_addresses(void **state)
{
	static const struct {
		const char *text;
		int port;
	} cases[] = {
		{"", 0},
		{"0.0.0.0.0.111", 111},
		{"192.0.2.1.3.255", 1023},
		{"192.0.2.1.0.0", 0},
		{"::.255.255", 65535},
		{"2001:db8::1.2.150", 662},
		{"::ffff:192.0.2.1.2.150", 662},
		{"192.0.2.1", -1}, /* no port: 192.0 is no address */
		{"192.0.2.1.2", -1},
		{"2.150", -1},
		{".2.150", -1},
		{"150", -1},
		{".", -1},
		{"...", -1},
		{"192.0.2.1.2.", -1},
		{"192.0.2.1..150", -1},
		{"192.0.2.1.2.256", -1},
		{"192.0.2.1.256.2", -1},
		{"192.0.2.1.2.0150", -1},
		{"192.0.2.1.2.-1", -1},
		{"192.0.2.1.2.+1", -1},
		{"192.0.2.1.2.1 ", -1},
		{"192.0.2.1.2. 1", -1},
		{"192.0.2.1.2.1a", -1},
		{"/run/rpcbind.sock", -1},
		{"host.example.2.150", -1},
		{"1111111111111111111111111111111111111111"
		 "1111111111111111111111111111111111111111.2.150",
		 -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (portmap_uaddr_port(cases[i].text) != cases[i].port)
			print_error("%s\n", cases[i].text);
		assert_int_equal(portmap_uaddr_port(cases[i].text),
				 cases[i].port);
	}
}

static void test_answers_to_set(void **state)
{
	(void)state;
	assert_true(portmap_parse_bool((const uint8_t *)"\0\0\0\1", 4));
	assert_false(portmap_parse_bool((const uint8_t *)"\0\0\0\0", 4));
	assert_false(portmap_parse_bool((const uint8_t *)"\1\0\0\0", 4));
	assert_false(portmap_parse_bool((const uint8_t *)"\0\0\0\1", 3));
	assert_false(portmap_parse_bool(NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_getport_v4),
		cmocka_unit_test(test_getport_v6),
		cmocka_unit_test(test_set_and_unset),
		cmocka_unit_test(test_ports_of_version_2),
		cmocka_unit_test(test_addresses_of_version_3),
		cmocka_unit_test(test_address_over_the_cap),
		cmocka_unit_test(test_results_over_the_cap),
		cmocka_unit_test(test_universal_addresses),
		cmocka_unit_test(test_answers_to_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
