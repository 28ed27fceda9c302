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

/* What its statd said, and says now. */
static void know(struct verify_facts *facts, uint32_t baseline)
{
	facts->has_baseline = true;
	facts->is_prompt = true;
	facts->baseline = baseline;
}

static enum verify_verdict after(const struct verify_facts *facts,
				 uint32_t number, bool is_port_changed)
{
	struct verify_answer answer = {number, is_port_changed};

	/* Only what is asked about has an answer. */
	assert_int_equal(verify_notice(facts), VERIFY_ASK);
	return verify_answered(facts, &answer);
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

/*
 * Somebody, say a user of the peer's host, was believed with a number that the
 * peer came to later.
 */
static void equal_number_ahead_of_the_peer_is_asked_about(void **state)
{
	struct verify_facts facts = honest();

	(void)state;
	facts.has_delivered = true;
	facts.delivered = 7;
	facts.was_delivered_last = true;
	know(&facts, 3);
	assert_int_equal(after(&facts, 7, false), VERIFY_DELIVER);
	assert_int_equal(after(&facts, 5, false), VERIFY_DELIVER);
	assert_int_equal(after(&facts, 3, false), VERIFY_DUPLICATE);
	/* Neither heard twice for a silence, nor acknowledged. */
	assert_int_equal(verify_silent(&facts), VERIFY_REFUSE);
	know(&facts, 5); /* nfs-utils: one boot behind */
	assert_int_equal(verify_notice(&facts), VERIFY_DUPLICATE);
	know(&facts, 7);
	assert_int_equal(verify_notice(&facts), VERIFY_DUPLICATE);
	know(&facts, 9); /* a late copy */
	assert_int_equal(verify_notice(&facts), VERIFY_DUPLICATE);
	know(&facts, 0xfffffffb); /* serial: 7 is ahead */
	assert_int_equal(verify_notice(&facts), VERIFY_ASK);
}

/* Others gain nothing by a copy of what lockd heard, whatever the peer does. */
static void equal_number_from_a_weak_source_is_a_duplicate(void **state)
{
	struct verify_facts facts = honest();

	(void)state;
	facts.has_delivered = true;
	facts.delivered = 7;
	know(&facts, 3);
	facts.is_reserved_port = false;
	assert_int_equal(verify_notice(&facts), VERIFY_DUPLICATE);
	facts.is_from_address = false;
	assert_int_equal(verify_notice(&facts), VERIFY_DUPLICATE);
	facts.is_reserved_port = true;
	assert_int_equal(verify_notice(&facts), VERIFY_DUPLICATE);
}

static void lower_number_is_asked_about(void **state)
{
	struct verify_facts facts = honest();

	(void)state;
	facts.has_delivered = true;
	facts.delivered = 99;
	know(&facts, 11);
	assert_int_equal(after(&facts, 11, false), VERIFY_REFUSE); /* replay */
	assert_int_equal(after(&facts, 7, false),
			 VERIFY_DELIVER); /* set back */
	assert_int_equal(after(&facts, 5, false), VERIFY_DELIVER);
	assert_int_equal(verify_silent(&facts), VERIFY_DELIVER);
}

static void unknown_baseline_delivers_what_the_address_says(void **state)
{
	struct verify_facts facts = honest();

	(void)state;
	facts.has_delivered = true;
	facts.delivered = 99;
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
	facts.is_reserved_port = false;
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
}

/* The baseline was asked for after the reboot: 99 was forged, 7 is honest. */
static void forged_high_number_locks_nobody_out(void **state)
{
	struct verify_facts facts = honest();

	(void)state;
	facts.has_delivered = true;
	facts.delivered = 99;
	know(&facts, 7);
	assert_int_equal(after(&facts, 7, false), VERIFY_DELIVER);
	facts.is_young = true; /* lockd asked again since */
	assert_int_equal(after(&facts, 7, false), VERIFY_DELIVER);
	facts.is_young = false;
	know(&facts, 5); /* nfs-utils: one boot behind */
	assert_int_equal(after(&facts, 5, false), VERIFY_DELIVER);
	facts.was_delivered_last = true; /* lockd knows, by another name */
	assert_int_equal(after(&facts, 5, false), VERIFY_DUPLICATE);
	facts.was_delivered_last = false;
	facts.is_reserved_port = false; /* a user of the peer's host */
	assert_int_equal(after(&facts, 5, false), VERIFY_REFUSE);
}

static void unprivileged_port_is_asked_about(void **state)
{
	struct verify_facts facts = honest();

	(void)state;
	facts.is_reserved_port = false;
	know(&facts, 5);
	assert_int_equal(after(&facts, 5, false), VERIFY_REFUSE);
	assert_int_equal(after(&facts, 5, true),
			 VERIFY_DELIVER); /* nfs-utils */
	assert_int_equal(after(&facts, 7, false), VERIFY_DELIVER);
	assert_int_equal(verify_silent(&facts), VERIFY_DELIVER);
	facts.number = 99;
	assert_int_equal(after(&facts, 5, true), VERIFY_REFUSE);
	facts.has_delivered = true;
	facts.delivered = 5;
	assert_int_equal(after(&facts, 5, false), VERIFY_REFUSE);
}

/*
 * sm-notify -p 4001: once the full name is believed, the peer has no news about
 * the short one; without an answer it would be repeated until it gives up.
 */
static void other_name_of_a_high_port_is_a_duplicate(void **state)
{
	struct verify_facts facts = honest();

	(void)state;
	facts.is_reserved_port = false;
	know(&facts, 7);
	assert_int_equal(after(&facts, 7, false), VERIFY_REFUSE);
	facts.was_delivered_last = true;
	assert_int_equal(after(&facts, 7, false), VERIFY_DUPLICATE);
	know(&facts, 5); /* nfs-utils: one boot behind */
	assert_int_equal(after(&facts, 5, false), VERIFY_DUPLICATE);
	know(&facts, 9); /* a replay of the boot before */
	assert_int_equal(after(&facts, 9, false), VERIFY_REFUSE);
	facts.was_delivered_last = false;
	know(&facts, 7);
	facts.is_young = true; /* whoever sent it, it was no late copy */
	assert_int_equal(after(&facts, 7, false), VERIFY_REFUSE);
}

/* CTDB and NFStash count seconds; their statd says something else. */
static void clock_valued_number_is_delivered(void **state)
{
	struct verify_facts facts = honest();

	(void)state;
	facts.number = 1700000001;
	know(&facts, 5);
	facts.is_young = true;
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
	facts.has_delivered = true;
	facts.delivered = 1600000001;
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
}

static void late_copy_of_an_old_notice_is_asked_about(void **state)
{
	struct verify_facts facts = honest();

	(void)state;
	know(&facts, 7);
	facts.is_young = true;
	assert_int_equal(after(&facts, 7, false), VERIFY_LATE);
	assert_int_equal(after(&facts, 9, false), VERIFY_DELIVER);
	facts.is_young = false;
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
	facts.is_young = true;
	facts.is_server_of_mount = true;
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
	facts.is_server_of_mount = false;
	know(&facts, 3);
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
}

/*
 * Somebody locked again after its reboot to 9, and what it had sent as 7 comes
 * now.  No living sender but one that was set back, or that shares its address,
 * can be behind the baseline: that one has no answer, and repeats.
 */
static void notice_of_before_the_baseline_is_asked_about(void **state)
{
	struct verify_facts facts = honest();

	(void)state;
	know(&facts, 9);
	facts.is_young = true;
	assert_int_equal(after(&facts, 9, false), VERIFY_REFUSE);
	assert_int_equal(after(&facts, 7, false),
			 VERIFY_DELIVER); /* set back */
	assert_int_equal(after(&facts, 5, false), VERIFY_DELIVER);
	assert_int_equal(verify_silent(&facts), VERIFY_DELIVER);
	know(&facts, 0x80000009); /* serial: 7 is newer */
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
	know(&facts, 9);
	facts.is_prompt = false; /* the reboot to 9 has a notice of its own */
	assert_int_equal(after(&facts, 9, false), VERIFY_REFUSE);
	facts.number = 9;
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
	facts.number = 7;
	facts.is_server_of_mount = true; /* of several nodes, maybe */
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
	facts.is_server_of_mount = false;
	facts.is_young = false;
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
}

/*
 * nfs-utils on a fixed port after a boot with nobody to tell: its statd says 5
 * before and after, and the honest notice is 7.
 */
static void first_reboot_of_a_fixed_port_is_not_late(void **state)
{
	struct verify_facts facts = honest();

	(void)state;
	know(&facts, 5);
	facts.is_young = true;
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
}

static void name_alone_is_asked_about(void **state)
{
	struct verify_facts facts = {.number = 7, .is_reserved_port = true};

	(void)state;
	assert_int_equal(verify_notice(&facts), VERIFY_REFUSE);
	know(&facts, 5);
	assert_int_equal(verify_silent(&facts), VERIFY_REFUSE);
	assert_int_equal(after(&facts, 7, false), VERIFY_DELIVER);
	assert_int_equal(after(&facts, 5, true), VERIFY_DELIVER);
	assert_int_equal(after(&facts, 5, false), VERIFY_REFUSE);
	know(&facts, 7); /* the number that the peer has is no proof here */
	assert_int_equal(after(&facts, 7, false), VERIFY_REFUSE);
	facts.has_delivered = true;
	facts.delivered = 5; /* newer, but a name proves nothing */
	assert_int_equal(verify_notice(&facts), VERIFY_ASK);
	facts.was_delivered_last = true;
	assert_int_equal(verify_notice(&facts), VERIFY_DUPLICATE);
	facts.was_delivered_last = false;
	facts.delivered = 7; /* lockd heard of another name since */
	assert_int_equal(verify_notice(&facts), VERIFY_DUPLICATE);
}

/* The peer did reboot; but 99 is what somebody else says of it. */
static void number_of_the_peer_counts_not_that_of_a_stranger(void **state)
{
	struct verify_facts facts = {.number = 99, .is_reserved_port = true};
	struct verify_answer answer = {.number = 7};

	(void)state;
	know(&facts, 5);
	assert_int_equal(after(&facts, 7, false), VERIFY_DELIVER);
	assert_int_equal(verify_number(&facts, facts.number, &answer), 7);
	facts.number = 7;
	assert_int_equal(verify_number(&facts, facts.number, &answer), 7);
	facts.number = 9; /* nfs-utils: one boot behind */
	assert_int_equal(verify_number(&facts, facts.number, &answer), 9);
	facts.number = 99;
	facts.is_from_address = true; /* clock-valued, or set back */
	assert_int_equal(verify_number(&facts, facts.number, &answer), 99);
	facts.is_reserved_port = false; /* a user of the peer's host */
	assert_int_equal(verify_number(&facts, facts.number, &answer), 7);
	answer.number = 0; /* lockd takes no such number */
	assert_int_equal(verify_number(&facts, facts.number, &answer), 99);
}

/* While the peer was asked about 5 or 7, its sender went on to others. */
static void newest_number_counts_where_the_peer_may_have_it(void **state)
{
	struct verify_facts facts = {.number = 7, .is_reserved_port = true};
	struct verify_answer answer = {.number = 7};

	(void)state;
	know(&facts, 5);
	assert_int_equal(verify_number(&facts, 9, &answer), 9);
	assert_int_equal(verify_number(&facts, 11, &answer), 7);
	facts.number = 5;
	assert_int_equal(verify_number(&facts, 7, &answer), 7);
	facts.is_from_address = true;
	assert_int_equal(verify_number(&facts, 7, &answer), 7);
	assert_int_equal(verify_number(&facts, 99, &answer), 5);
}

/* nfs-utils said 7 in the boot before and says it now: 9 is to come. */
static void number_heard_last_is_no_news_from_a_weak_source(void **state)
{
	struct verify_facts facts = {.number = 99, .is_reserved_port = true};

	(void)state;
	know(&facts, 5);
	assert_int_equal(verify_heard_last(&facts, 7), VERIFY_REFUSE);
	facts.is_from_address = true;
	assert_int_equal(verify_heard_last(&facts, 99), VERIFY_DELIVER);
	facts.is_reserved_port = false;
	assert_int_equal(verify_heard_last(&facts, 7), VERIFY_REFUSE);
	facts.number = 7;
	assert_int_equal(verify_heard_last(&facts, 7), VERIFY_DUPLICATE);
}

static void address_check_asks_nobody(void **state)
{
	struct verify_facts facts = honest();

	(void)state;
	facts.check = VERIFY_CHECK_ADDRESS;
	know(&facts, 7);
	facts.is_young = true;
	facts.is_reserved_port = false;
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
	facts.has_delivered = true;
	facts.delivered = 9;
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
	facts.delivered = 7;
	assert_int_equal(verify_notice(&facts), VERIFY_DUPLICATE);
	facts.is_from_address = false;
	assert_int_equal(verify_notice(&facts), VERIFY_DUPLICATE);
	facts.delivered = 9;
	assert_int_equal(verify_notice(&facts), VERIFY_REFUSE);
	facts.was_delivered_last = true;
	assert_int_equal(verify_notice(&facts), VERIFY_DUPLICATE);
}

static void legacy_check_believes_names(void **state)
{
	struct verify_facts facts = {.number = 7, .check = VERIFY_CHECK_LEGACY};

	(void)state;
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
	facts.has_delivered = true;
	facts.delivered = 9;
	assert_int_equal(verify_notice(&facts), VERIFY_DELIVER);
	facts.delivered = 7;
	assert_int_equal(verify_notice(&facts), VERIFY_DUPLICATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_notice_is_delivered),
		cmocka_unit_test(newer_number_is_delivered),
		cmocka_unit_test(equal_number_is_a_duplicate),
		cmocka_unit_test(equal_number_ahead_of_the_peer_is_asked_about),
		cmocka_unit_test(
			equal_number_from_a_weak_source_is_a_duplicate),
		cmocka_unit_test(lower_number_is_asked_about),
		cmocka_unit_test(
			unknown_baseline_delivers_what_the_address_says),
		cmocka_unit_test(forged_high_number_locks_nobody_out),
		cmocka_unit_test(unprivileged_port_is_asked_about),
		cmocka_unit_test(other_name_of_a_high_port_is_a_duplicate),
		cmocka_unit_test(clock_valued_number_is_delivered),
		cmocka_unit_test(late_copy_of_an_old_notice_is_asked_about),
		cmocka_unit_test(notice_of_before_the_baseline_is_asked_about),
		cmocka_unit_test(first_reboot_of_a_fixed_port_is_not_late),
		cmocka_unit_test(name_alone_is_asked_about),
		cmocka_unit_test(
			number_of_the_peer_counts_not_that_of_a_stranger),
		cmocka_unit_test(
			newest_number_counts_where_the_peer_may_have_it),
		cmocka_unit_test(
			number_heard_last_is_no_news_from_a_weak_source),
		cmocka_unit_test(address_check_asks_nobody),
		cmocka_unit_test(legacy_check_believes_names),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
