/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kept notices, and older numbers that come after them, late or replayed: who
 * is found later hears of the reboot all the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proto/sm_inter.h"
#include "statd/notice.h"
#include "tests/unit/kept_host.h"

/* Two reboots of PEER; CLIENT, looked up anew since, has heard of the first. */
static void two_reboots(struct host *h)
{
	host_resolve(h, PEER);
	(void)host_notify(h, PEER, "peer", 5);
	assert_int_equal(host_run_lockd(h), 2);
	host_run_disk(h, 0);
	host_restart(h);
	(void)host_notify(h, PEER, "peer", 7);
}

/*
 * Somebody, be it a user of the peer's host, repeats what lockd heard before,
 * while it is being told of the next reboot (sim -s flood -r 31183).
 */
static void copy_of_the_one_before_takes_no_place(void **state)
{
	struct host *h = *state;

	two_reboots(h);
	host_run_disk(h, 0);
	(void)host_notify(h, PEER, "peer", 5);
	host_run_disk(h, 0);
	assert_int_equal(h->answered_count, 2);
	assert_int_equal(host_run_lockd(h), 1);
	assert_int_equal(h->answered_count, 3);
	host_resolve(h, PEER);
	assert_int_equal(host_run_lockd(h), 1);
}

/*
 * Two reboots of PEER, the first of which CLIENT has heard of.  A copy of its
 * notice is late, and believed, as the peer says nothing.
 */
static void copy_comes_late(struct host *h)
{
	two_reboots(h);
	assert_int_equal(host_run_lockd(h), 1);
	host_run_disk(h, 0);
	(void)host_notify(h, PEER, "peer", 5);
	assert_int_equal(host_run_lockd(h), 1);
	host_run_disk(h, 0);
	assert_int_equal(h->answered_count, 3);
}

/*
 * The copy is what is kept then, and CLIENT knows of it; but not of the second
 * reboot, whose notice was answered (sim -s exchange -r 97732).
 */
static void late_copy_does_not_hide_the_reboot(void **state)
{
	struct host *h = *state;

	copy_comes_late(h);
	host_resolve(h, PEER);
	assert_int_equal(host_run_lockd(h), 1);
	/* That was all. */
	host_wait_until(h, h->rig.now_ms + 2 * KEPT_AGAIN_MS);
	assert_int_equal(host_run_lockd(h), 0);
}

static void next_life_knows_of_both(void **state)
{
	struct host *h = *state;

	copy_comes_late(h);
	host_restart(h);
	host_resolve(h, PEER);
	assert_int_equal(host_run_lockd(h), 1);
}

/*
 * Whoever has heard of neither hears once that its peer rebooted, with the
 * newer number, of which a copy may come, too (sim -s operators -r 56686).
 */
static void who_knows_of_neither_hears_of_the_newer(void **state)
{
	struct host *h = *state;

	(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(host_run_lockd(h), 1);
	(void)host_notify(h, PEER, "peer", 5);
	assert_int_equal(host_run_lockd(h), 1);
	host_run_disk(h, 0);
	host_resolve(h, PEER);
	assert_int_equal(host_run_lockd(h), 1);
	assert_int_equal(h->heard, 7);
	host_wait_until(h, h->rig.now_ms + 2 * KEPT_AGAIN_MS);
	assert_int_equal(host_run_lockd(h), 0);
	(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(host_run_lockd(h), 1); /* for PEER */
}

/* Nor is a copy of what it missed in between news after that. */
static void who_knows_of_an_older_one_hears_of_the_newer(void **state)
{
	struct host *h = *state;

	host_resolve(h, PEER);
	(void)host_notify(h, PEER, "peer", 3);
	assert_int_equal(host_run_lockd(h), 2);
	host_run_disk(h, 0);
	host_restart(h);
	(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(host_run_lockd(h), 1);
	(void)host_notify(h, PEER, "peer", 5);
	assert_int_equal(host_run_lockd(h), 1);
	host_run_disk(h, 0);
	host_resolve(h, PEER);
	assert_int_equal(host_run_lockd(h), 1);
	assert_int_equal(h->heard, 7);
}

/*
 * PEER had two names, by one of which lockd heard of 5; the other copy of that
 * reboot comes late, after the notice of the next one, which has only its name.
 * Lockd does nothing about a number that it heard last.
 */
static void late_copy_by_another_name_does_not_hide_the_reboot(void **state)
{
	struct host *h = *state;

	host_resolve(h, PEER);
	(void)host_notify(h, PEER, "peer.example", 5);
	assert_int_equal(host_run_lockd(h), 2);
	host_run_disk(h, 0);
	host_restart(h);
	(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(host_run_lockd(h), 1);
	(void)host_notify(h, PEER, "peer", 5);
	assert_int_equal(host_run_lockd(h), 1);
	host_run_disk(h, 0);
	assert_int_equal(h->answered_count, 3);
	host_resolve(h, PEER);
	assert_int_equal(host_run_lockd(h), 1);
	assert_int_equal(h->heard, 7);
}

/* Lockd would do nothing about it; PEER may have been set back to the last. */
static void newer_number_heard_by_another_name_is_no_news(void **state)
{
	struct host *h = *state;

	host_resolve(h, PEER);
	(void)host_notify(h, PEER, "peer.example", 7);
	assert_int_equal(host_run_lockd(h), 2);
	host_run_disk(h, 0);
	host_restart(h);
	(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(host_run_lockd(h), 1);
	(void)host_notify(h, PEER, "peer", 5);
	assert_int_equal(host_run_lockd(h), 1);
	host_resolve(h, PEER);
	assert_int_equal(host_run_lockd(h), 1);
	assert_int_equal(h->heard, 5);
}

/*
 * Its locks are of after the newer one, of which it has not heard; of the copy
 * it has, by its name, with notify-check = legacy.
 */
static void record_of_afterwards_does_not_hear_of_the_newer(void **state)
{
	const char *name = "other.example";
	struct host *h = *state;

	h->rig.policy.notify_check = VERIFY_CHECK_LEGACY;
	rig_set_policy(&h->rig);
	(void)host_notify(h, PEER, name, 7);
	assert_int_equal(host_run_lockd(h), 1);
	h->rig.now_ms += 5;
	host_monitor(h, name, 'd');
	h->rig.now_ms += 5;
	(void)host_notify(h, PEER, name, 5);
	assert_int_equal(host_run_lockd(h), 2);
	host_resolve(h, PEER);
	assert_int_equal(host_run_lockd(h), 0);
}

/*
 * CLIENT has heard of 5.  PEER is at 7 when it is asked afterwards, so that it
 * says nothing new when CLIENT, found later, doubts a notice.  That of 7 comes,
 * and @replay, believed for the record by address, which is just being asked
 * anew.
 */
static void replay_comes(struct host *h, int replay)
{
	host_restart_asking(h);
	host_resolve(h, PEER);
	(void)host_notify(h, PEER, "peer", 5);
	h->peer_stat = 7;
	assert_int_equal(host_run_lockd(h), 2);
	host_run_disk(h, 0);
	host_restart_asking(h);
	h->peer_stat = 0;
	(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(host_run_lockd(h), 1);
	(void)host_notify(h, PEER, "peer", replay);
	assert_int_equal(host_run_lockd(h), 1);
	host_run_disk(h, 0);
	assert_int_equal(h->refused_count, 0);
	h->peer_stat = 7;
}

/* It is older than what CLIENT has heard of. */
static void replay_does_not_hide_the_reboot(void **state)
{
	struct host *h = *state;

	replay_comes(h, 3);
	host_resolve(h, PEER);
	assert_int_equal(host_run_lockd(h), 1);
	/* That was all, for a copy as well. */
	host_wait_until(h, h->rig.now_ms + 2 * KEPT_AGAIN_MS);
	(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(host_run_lockd(h), 1); /* for PEER */
}

static void several_replays_do_not_hide_it_either(void **state)
{
	struct host *h = *state;

	replay_comes(h, 5);
	h->peer_stat = 0;
	(void)host_notify(h, PEER, "peer", 3);
	assert_int_equal(host_run_lockd(h), 1);
	h->peer_stat = 7;
	host_resolve(h, PEER);
	assert_int_equal(host_run_lockd(h), 1);
}

/* As from a user of PEER's host, or a system that has no better port. */
static void notify_from_high_port(struct host *h, int number)
{
	struct sm_stat_chge chge = {.mon_name = {4, (char *)"peer"},
				    .state = number};

	rig_call(&h->rig, PEER, 40000, SM_PROC_NOTIFY, (void *)xdr_sm_stat_chge,
		 &chge);
	host_collect(h);
}

/*
 * CLIENT has heard of @heard.  Later come @newer, from a high port, and @last,
 * and CLIENT is found.
 */
static void two_come(struct host *h, int heard, int newer, int last)
{
	host_resolve(h, PEER);
	(void)host_notify(h, PEER, "peer", heard);
	assert_int_equal(host_run_lockd(h), 2);
	host_run_disk(h, 0);
	host_restart(h);
	notify_from_high_port(h, newer);
	assert_int_equal(host_run_lockd(h), 1);
	(void)host_notify(h, PEER, "peer", last);
	assert_int_equal(host_run_lockd(h), 1);
	host_resolve(h, PEER);
	assert_int_equal(host_run_lockd(h), 1);
}

static void forged_newer_number_does_not_hide_the_last(void **state)
{
	struct host *h = *state;

	two_come(h, 101, 201, 7);
	/* It was that of PEER: this is a copy. */
	(void)host_notify(h, PEER, "peer", 7);
	assert_int_equal(host_run_lockd(h), 0);
}

/* In doubt it would be refused: PEER says what it said before. */
static void copy_of_any_port_does_not_hide_the_reboot(void **state)
{
	struct host *h = *state;

	replay_comes(h, 5);
	h->peer_stat = 0;
	notify_from_high_port(h, 7);
	assert_int_equal(host_run_lockd(h), 1);
	h->peer_stat = 7;
	host_resolve(h, PEER);
	assert_int_equal(host_run_lockd(h), 1);
}

static void late_copy_does_not_hide_the_reboot_of_any_port(void **state)
{
	two_come(*state, 5, 7, 5);
}

/* ... though lockd has heard of another machine there in between. */
static void late_copy_beside_another_machine_hides_none(void **state)
{
	struct host *h = *state;

	host_resolve(h, PEER);
	(void)host_notify(h, PEER, "peer", 5);
	assert_int_equal(host_run_lockd(h), 2);
	(void)host_notify(h, PEER, "two", 9);
	assert_int_equal(host_run_lockd(h), 2);
	host_run_disk(h, 0);
	host_restart(h);
	notify_from_high_port(h, 7);
	assert_int_equal(host_run_lockd(h), 1);
	notify_from_high_port(h, 5);
	assert_int_equal(host_run_lockd(h), 1);
	host_resolve(h, PEER);
	assert_int_equal(host_run_lockd(h), 1);
	assert_int_equal(h->heard, 7);
}

/* ... nor where it is by the other name of its host. */
static void late_copy_by_another_name_hides_none_of_any_port(void **state)
{
	struct host *h = *state;

	host_resolve(h, PEER);
	(void)host_notify(h, PEER, "peer.example", 5);
	assert_int_equal(host_run_lockd(h), 2);
	host_run_disk(h, 0);
	host_restart(h);
	notify_from_high_port(h, 7);
	assert_int_equal(host_run_lockd(h), 1);
	notify_from_high_port(h, 5);
	assert_int_equal(host_run_lockd(h), 1);
	host_resolve(h, PEER);
	assert_int_equal(host_run_lockd(h), 1);
	assert_int_equal(h->heard, 7);
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, host_setup, host_teardown)
	const struct CMUnitTest tests[] = {
		TEST(copy_of_the_one_before_takes_no_place),
		TEST(late_copy_does_not_hide_the_reboot),
		TEST(next_life_knows_of_both),
		TEST(who_knows_of_neither_hears_of_the_newer),
		TEST(who_knows_of_an_older_one_hears_of_the_newer),
		TEST(late_copy_by_another_name_does_not_hide_the_reboot),
		TEST(newer_number_heard_by_another_name_is_no_news),
		TEST(record_of_afterwards_does_not_hear_of_the_newer),
		TEST(replay_does_not_hide_the_reboot),
		TEST(several_replays_do_not_hide_it_either),
		TEST(forged_newer_number_does_not_hide_the_last),
		TEST(copy_of_any_port_does_not_hide_the_reboot),
		TEST(late_copy_does_not_hide_the_reboot_of_any_port),
		TEST(late_copy_beside_another_machine_hides_none),
		TEST(late_copy_by_another_name_hides_none_of_any_port),
	};

	return cmocka_run_group_tests_name("keptlater", tests, NULL, NULL);
}
