/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of what is believed, row by row (design section 5).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "statd/verify.h"

/* A notice from the peer's own address and a reserved port, number 7. */
static struct verify_facts honest(void)
{
	return (struct verify_facts){.number = 7,
				     .is_from_address = true,
				     .is_reserved_port = true};
}

static void first_notice_is_delivered(void **state)
{
	struct verify_facts facts = honest();

	(void)state;
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
}

static void newer_number_is_delivered(void **state)
{
	struct verify_facts facts = honest();

	(void)state;
	facts.has_delivered = true;
	facts.delivered = 5;
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
	facts.delivered = 0xfffffffb; /* serial: 7 is newer */
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
}

static void equal_number_is_a_duplicate(void **state)
{
	struct verify_facts facts = honest();

	(void)state;
	facts.has_delivered = true;
	facts.delivered = 7;
	assert_int_equal(verify_notice(&facts), VERIFY_DUPLICATE);
	facts.is_reserved_port = false;
	assert_int_equal(verify_notice(&facts), VERIFY_DUPLICATE);
}

static void lower_number_is_asked_about(void **state)
{
	struct verify_facts facts = honest();

	(void)state;
	facts.has_delivered = true;
	facts.delivered = 9;
	assert_int_equal(verify_notice(&facts), VERIFY_ASK);
	assert_true(verify_is_silence_consent(&facts));
}

static void unprivileged_port_is_asked_about(void **state)
{
	struct verify_facts facts = honest();

	(void)state;
	facts.is_reserved_port = false;
	assert_int_equal(verify_notice(&facts), VERIFY_ASK);
	facts.has_delivered = true;
	facts.delivered = 5;
	assert_int_equal(verify_notice(&facts), VERIFY_ASK);
	assert_true(verify_is_silence_consent(&facts));
}

static void late_copy_of_an_old_notice_is_asked_about(void **state)
{
	struct verify_facts facts = honest();

	(void)state;
	facts.has_baseline = true;
	facts.is_young = true;
	facts.baseline = 7;
	assert_int_equal(verify_notice(&facts), VERIFY_ASK);
	facts.baseline = 5; /* nfs-utils answers one boot behind */
	assert_int_equal(verify_notice(&facts), VERIFY_ASK);
	facts.baseline = 3;
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
	facts.baseline = 7;
	facts.is_young = false;
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
	facts.is_young = true;
	facts.is_server_of_mount = true;
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
}

static void name_alone_is_asked_about_and_silence_refuses(void **state)
{
	struct verify_facts facts = {.number = 7, .is_reserved_port = true};

	(void)state;
	assert_int_equal(verify_notice(&facts), VERIFY_ASK);
	assert_false(verify_is_silence_consent(&facts));
	facts.has_delivered = true;
	facts.delivered = 5; /* newer, but a name proves nothing */
	assert_int_equal(verify_notice(&facts), VERIFY_ASK);
	facts.was_delivered_so = true;
	assert_int_equal(verify_notice(&facts), VERIFY_DUPLICATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_notice_is_delivered),
		cmocka_unit_test(newer_number_is_delivered),
		cmocka_unit_test(equal_number_is_a_duplicate),
		cmocka_unit_test(lower_number_is_asked_about),
		cmocka_unit_test(unprivileged_port_is_asked_about),
		cmocka_unit_test(late_copy_of_an_old_notice_is_asked_about),
		cmocka_unit_test(name_alone_is_asked_about_and_silence_refuses),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
