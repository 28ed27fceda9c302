/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/ownaddr: the address that the kernel would use, and the list of those that
 * a peer may have recorded.  What the machine has is not known here; that is
 * for the system tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "os/ownaddr.h"

static void test_toward(void **state)
{
	struct addr peer = addr_loopback(111);
	struct addr here;
	char text[ADDR_TEXT_SIZE];

	(void)state;
	assert_int_equal(ownaddr_toward(&peer, &here), 0);
	assert_string_equal(addr_format(&here, text), "127.0.0.1");
	assert_int_equal(here.port, 0);
}

static void test_list(void **state)
{
	struct ownaddr own[256];
	size_t count = ownaddr_list(own, 256);

	(void)state;
	for (size_t i = 0; i < count; i++) {
		const struct addr *addr = &own[i].addr;

		assert_false(addr_is_loopback(addr));
		assert_true(own[i].link > 0);
		if (addr->family == ADDR_V6)
			assert_false(addr->bytes[0] == 0xfe &&
				     (addr->bytes[1] & 0xc0) == 0x80);
	}
	assert_int_equal(ownaddr_list(own, 0), 0);
	if (count > 1)
		assert_int_equal(ownaddr_list(own, 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_toward),
		cmocka_unit_test(test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
