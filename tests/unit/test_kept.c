/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Notices that are answered although some name is still being looked up: what
 * is kept of them, who hears of them when the look-up ends, and what of that
 * outlives the process.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "proto/sm_inter.h"
#include "statd/memo.h"
#include "statd/notice.h"
#include "tests/unit/kept_host.h"

#define CLIENT_ADDR "192.0.2.8"

/* --- answered while a look-up is open ---------------------------------- */

static void answered_once_lockd_has_heard_and_it_is_kept(void **state)
{
	struct host *h = *state;
	uint64_t reply_to = host_notify(h, PEER, "peer", 7);

	assert_int_equal(host_run_lockd(h), 1);
	assert_int_equal(h->answered_count, 0);
	host_run_disk(h, 0);
	assert_int_equal(h->answered_count, 1);
	assert_int_equal(h->answered, reply_to);
	assert_int_equal(h->refused_count, 0);
}

static void answered_once_event_and_notice_are_kept(void **state)
{
	struct host *h = *state;
	uint64_t reply_to = host_notify(h, PEER, "peer", 7);

	h->rig.now_ms += NOTICE_LOCKD_MS;
	host_run_disk(h, 0);
	assert_int_equal(h->answered, reply_to);
	/* A repetition is answered at once. */
	reply_to = host_notify(h, PEER, "peer", 7);
	assert_int_equal(h->answered, reply_to);
	assert_int_equal(host_run_lockd(h), 1);
	assert_int_equal(h->answered_count, 2);
}

/* Of before the names came: only the notice is to be kept. */
static void duplicate_is_answered_once_it_is_kept(void **state)
{
	struct host *h = *state;
	uint64_t reply_to;

	host_resolve(h, STRANGER);
	(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(host_run_lockd(h), 1);
	host_run_disk(h, 0);
	host_monitor(h, "other.example", 'd');
	reply_to = host_notify(h, PEER, "peer", 7);
	assert_int_equal(h->answered_count, 1);
	host_run_disk(h, 0);
	assert_int_equal(h->answered, reply_to);
}

static void unwritten_notice_is_not_answered(void **state)
{
	struct host *h = *state;
	uint64_t reply_to;

	(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(host_run_lockd(h), 1);
	host_run_disk(h, -ENOSPC);
	assert_int_equal(h->refused_count, 1);
	reply_to = host_notify(h, PEER, "peer", 7);
	host_run_disk(h, 0);
	assert_int_equal(h->answered, reply_to);
	assert_int_equal(h->answered_count, 1);
}

static void newer_number_waits_for_its_own_write(void **state)
{
	struct host *h = *state;
	struct nsm_in first = {.kind = NSM_IN_MEMO_STORED};
	uint64_t reply_to;

	(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(host_run_lockd(h), 1);
	assert_int_equal(h->job_count, 2); /* the record, the notice */
	first.stored.id = h->jobs[1];
	reply_to = host_notify(h, PEER, "peer", 9);
	assert_int_equal(host_run_lockd(h), 1);
	rig_feed(&h->rig, &first);
	host_collect(h);
	assert_int_equal(h->answered_count, 0);
	host_run_disk(h, 0);
	assert_int_equal(h->answered_count, 2);
	assert_int_equal(h->answered, reply_to);
}

static void waiters_for_one_write_are_bounded(void **state)
{
	struct host *h = *state;
	size_t i;

	(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(host_run_lockd(h), 1);
	for (i = 1; i < NSM_WAITERS_MAX; i++)
		(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(h->refused_count, 0);
	(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(h->refused_count, 1);
	host_run_disk(h, 0);
	assert_int_equal(h->answered_count, NSM_WAITERS_MAX);
}

/* --- who is kept ------------------------------------------------------- */

static void strangers_and_names_alone_are_not_kept(void **state)
{
	struct host *h = *state;

	(void)host_notify(h, STRANGER, "nobody", 7);
	(void)host_notify(h, STRANGER, CLIENT, 7);
	(void)host_notify(h, STRANGER, PEER, 7);
	assert_int_equal(h->refused_count, 3);
	assert_int_equal(h->file_count, 0);
	/* Nor what one record is sure of, and another not. */
	(void)host_notify(h, PEER, CLIENT, 7);
	assert_int_equal(h->refused_count, 3);
	assert_int_equal(host_run_lockd(h), 1);
	host_run_disk(h, 0);
	assert_int_equal(h->refused_count, 4);
	assert_int_equal(h->file_count, 1);
}

static void nothing_is_kept_when_all_names_are_known(void **state)
{
	struct host *h = *state;

	host_resolve(h, STRANGER);
	(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(h->file_count, 1); /* the record's */
	h->rig.now_ms += NOTICE_LOCKD_MS;
	host_run_disk(h, 0);
	assert_int_equal(h->answered_count, 1);
}

static void notify_many(struct host *h, unsigned int peers, unsigned int names)
{
	char addr[32], name[16];
	unsigned int i, j;

	for (i = 0; i < peers; i++) {
		snprintf(addr, sizeof(addr), "198.51.100.%u", i + 1);
		host_monitor(h, addr, 'e');
		for (j = 0; j < names; j++) {
			snprintf(name, sizeof(name), "n%u", j);
			(void)host_notify(h, addr, name, 7);
			(void)host_run_lockd(h);
		}
	}
	host_run_disk(h, 0);
}

static void names_of_one_address_are_bounded(void **state)
{
	struct host *h = *state;

	notify_many(h, 1, KEPT_ADDRESS_MAX + 2);
	assert_int_equal(h->answered_count, KEPT_ADDRESS_MAX);
	assert_int_equal(h->refused_count, 2);
}

static void kept_notices_are_bounded(void **state)
{
	struct host *h = *state;

	notify_many(h, KEPT_MAX + 3, 1);
	assert_int_equal(h->answered_count, KEPT_MAX);
	assert_int_equal(h->refused_count, 3);
}

/* --- what the look-up finds -------------------------------------------- */

static void lockd_hears_when_the_sender_is_found(void **state)
{
	struct host *h = *state;

	(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(host_run_lockd(h), 1);
	host_run_disk(h, 0);
	host_resolve(h, PEER);
	assert_int_equal(host_run_lockd(h), 1);
	host_run_disk(h, 0);
	assert_int_equal(h->answered_count, 1);
	/* ... and a copy of it is a duplicate. */
	(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(host_run_lockd(h), 0);
	assert_int_equal(h->answered_count, 2);
}

static void others_do_not_hear(void **state)
{
	struct host *h = *state;

	(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(host_run_lockd(h), 1);
	host_resolve(h, STRANGER);
	assert_int_equal(host_run_lockd(h), 0);
}

/* The name service was dead, and is back. */
static void later_look_up_counts_as_well(void **state)
{
	struct host *h = *state;

	(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(host_run_lockd(h), 1);
	host_run_disk(h, 0);
	host_resolve(h, NULL);
	host_wait_until(h, h->rig.now_ms + 60000);
	host_resolve(h, PEER);
	assert_int_equal(host_run_lockd(h), 1);
}

/* A reboot of before lockd asked took no lock of it. */
static void record_of_afterwards_does_not_hear(void **state)
{
	struct host *h = *state;

	(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(host_run_lockd(h), 1);
	h->rig.now_ms += 5;
	host_monitor(h, "other.example", 'd');
	host_resolve(h, PEER);
	assert_int_equal(host_run_lockd(h), 0);
}

/* The record is found at two addresses, and has no room for all names. */
static void what_is_undecided_is_met_again(void **state)
{
	struct addr addrs[2];
	struct nsm_in in = {.kind = NSM_IN_RESOLVED,
			    .resolved = {.addrs = addrs, .count = 2}};
	struct host *h = *state;
	char name[16];
	size_t i;

	in.resolved.id = h->resolve_id;
	notify_many(h, 1, KEPT_ADDRESS_MAX);
	for (i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "other%zu", i);
		(void)host_notify(h, PEER, name, 7);
	}
	assert_int_equal(host_run_lockd(h), 3);
	assert_true(addr_parse("198.51.100.1", &addrs[0]));
	assert_true(addr_parse(PEER, &addrs[1]));
	rig_feed(&h->rig, &in);
	host_collect(h);
	assert_int_equal(host_run_lockd(h), MEMO_ITEMS_MAX);
	host_wait_until(h, h->rig.now_ms + KEPT_AGAIN_MS);
	assert_int_equal(host_run_lockd(h), 3);
	host_wait_until(h, h->rig.now_ms + KEPT_AGAIN_MS);
	assert_int_equal(host_run_lockd(h), 0);
}

/* --- over a restart ---------------------------------------------------- */

static void next_life_looks_up_again(void **state)
{
	struct host *h = *state;

	(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(host_run_lockd(h), 1);
	host_run_disk(h, 0);
	assert_int_equal(h->answered_count, 1);
	host_restart(h);
	assert_int_equal(host_run_lockd(h), 0);
	host_resolve(h, PEER);
	assert_int_equal(host_run_lockd(h), 1);
	host_run_disk(h, 0);
	host_restart(h);
	host_resolve(h, PEER);
	assert_int_equal(host_run_lockd(h), 0);
}

/*
 * The name led to another host, of which lockd heard, and leads nowhere since:
 * the number of the host itself, the same one, is news.
 */
static void number_of_a_misleading_name_hides_no_reboot(void **state)
{
	struct host *h = *state;

	host_resolve(h, "192.0.2.66");
	host_notify(h, "192.0.2.66", "other", 7);
	assert_int_equal(host_run_lockd(h), 1);
	host_run_disk(h, 0);
	assert_int_equal(h->answered_count, 1);
	host_restart(h);
	host_resolve(h, NULL);
	host_notify(h, CLIENT_ADDR, CLIENT, 7);
	host_run_disk(h, 0);
	assert_int_equal(h->answered_count, 1);
	assert_int_equal(h->refused_count, 1);
	host_wait_until(h, h->rig.now_ms + 60000);
	host_resolve(h, CLIENT_ADDR);
	host_notify(h, CLIENT_ADDR, CLIENT, 7);
	assert_int_equal(host_run_lockd(h), 1);
}

static void file_goes_when_nobody_needs_it(void **state)
{
	struct host *h = *state;
	uint64_t came_ms = h->rig.now_ms;

	(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(host_run_lockd(h), 1);
	host_run_disk(h, 0);
	assert_int_equal(h->file_count, 2);
	/* Not while a look-up is open ... */
	host_wait_until(h, came_ms + 2 * KEPT_AFTERWARDS_MS);
	assert_int_equal(h->file_count, 2);
	/* ... nor soon after one that found it. */
	host_resolve(h, PEER);
	assert_int_equal(host_run_lockd(h), 1);
	host_run_disk(h, 0);
	host_wait_until(h, h->rig.now_ms + KEPT_AFTERWARDS_MS - 1);
	assert_int_equal(h->file_count, 3);
	host_wait_until(h, h->rig.now_ms + KEPT_AGAIN_MS + 1);
	assert_int_equal(h->file_count, 2);
	assert_true(nsm_deadline_ms(h->rig.nsm) == UINT64_MAX);
}

static void files_of_no_use_are_removed(void **state)
{
	static const char good[] = "notice 192.0.2.7 reserved 7 peer\n";
	static const char twice[] = "notice 192.0.2.7 reserved 9 PEER\n";
	static const char bad[] = "notice 192.0.2.7 reserved 0 other\n";
	struct nsm_in in = {.kind = NSM_IN_MEMO,
			    .bytes = (const uint8_t *)good,
			    .len = strlen(good),
			    .memo.number = 50};
	struct host *h = *state;

	rig_feed(&h->rig, &in);
	assert_int_equal(rig_count(&h->rig, NSM_OUT_MEMO), 0);
	in.bytes = (const uint8_t *)twice;
	in.memo.number = 51;
	rig_feed(&h->rig, &in);
	assert_int_equal(rig_count(&h->rig, NSM_OUT_MEMO), 1);
	in.bytes = (const uint8_t *)bad;
	in.len = strlen(bad);
	in.memo.number = 52;
	rig_feed(&h->rig, &in);
	assert_int_equal(rig_count(&h->rig, NSM_OUT_MEMO), 1);
	host_resolve(h, PEER);
	assert_int_equal(host_run_lockd(h), 1);
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, host_setup, host_teardown)
	const struct CMUnitTest tests[] = {
		TEST(answered_once_lockd_has_heard_and_it_is_kept),
		TEST(answered_once_event_and_notice_are_kept),
		TEST(duplicate_is_answered_once_it_is_kept),
		TEST(unwritten_notice_is_not_answered),
		TEST(newer_number_waits_for_its_own_write),
		TEST(waiters_for_one_write_are_bounded),
		TEST(strangers_and_names_alone_are_not_kept),
		TEST(nothing_is_kept_when_all_names_are_known),
		TEST(names_of_one_address_are_bounded),
		TEST(kept_notices_are_bounded),
		TEST(lockd_hears_when_the_sender_is_found),
		TEST(others_do_not_hear),
		TEST(later_look_up_counts_as_well),
		TEST(record_of_afterwards_does_not_hear),
		TEST(what_is_undecided_is_met_again),
		TEST(next_life_looks_up_again),
		TEST(number_of_a_misleading_name_hides_no_reboot),
		TEST(file_goes_when_nobody_needs_it),
		TEST(files_of_no_use_are_removed),
	};

	return cmocka_run_group_tests_name("kept", tests, NULL, NULL);
}
