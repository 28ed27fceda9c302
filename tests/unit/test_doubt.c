/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What becomes of notices with each kind of peer and of attacker (design
 * section 5): nfs-utils, whose statd lags one boot; those that answer their own
 * number; those with no statd at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "statd/doubt.h"
#include "statd/question.h"
#include "tests/unit/peer_world.h"

static int setup(void **state)
{
	return world_setup(state, VERIFY_CHECK_ASK);
}

static int setup_address(void **state)
{
	return world_setup(state, VERIFY_CHECK_ADDRESS);
}

static int setup_legacy(void **state)
{
	return world_setup(state, VERIFY_CHECK_LEGACY);
}

#define SECONDS 1700000001

/* Whether a notice is left without an answer at once. */
static bool is_dropped(struct world *w, const char *from, uint16_t port,
		       const char *name, int number)
{
	return !world_is_acknowledged(w, from, port, name, number) &&
	       rig_count(&w->rig, NSM_OUT_REPLY) == 1;
}

/* How many senders are answered now, and not only let go. */
static size_t count_answered(struct world *w)
{
	size_t count = 0;
	unsigned int i;

	for (i = 0; i < w->rig.out_count; i++)
		count += w->rig.outs[i].out.kind == NSM_OUT_REPLY &&
			 w->rig.outs[i].out.len > 0;
	return count;
}

/* Long enough that a notice cannot be of before the SM_MON. */
static void grow_old(struct world *w)
{
	w->rig.now_ms += DOUBT_YOUNG_MS + 1;
}

static void forged_name_is_refused_after_the_peer_was_asked(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 99), 0);
	assert_int_equal(w->asked, 2);
	assert_false(world_is_acknowledged(w, STRANGER, 700, PEER, 99));
}

static void check_may_change(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 99), 0);
	assert_int_equal(w->asked, 2);
	w->rig.policy.notify_check = VERIFY_CHECK_LEGACY;
	rig_set_policy(&w->rig);
	assert_int_equal(world_run(w), 0);
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 99), 1);
	w->rig.policy.notify_check = VERIFY_CHECK_ADDRESS;
	rig_set_policy(&w->rig);
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 101), 0);
	assert_int_equal(w->asked, 2);
	/* It may have rebooted since it was asked: asked anew. */
	w->number = 7;
	w->rig.policy.notify_check = VERIFY_CHECK_ASK;
	rig_set_policy(&w->rig);
	assert_int_equal(world_run(w), 0);
	assert_int_equal(w->asked, 3);
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 103), 0);
	assert_int_equal(w->asked, 4);
}

/* A doubt that was open is closed, and no peer is asked about it any more. */
static void check_may_change_while_in_doubt(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	w->is_silent = true;
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 99), 0);
	w->rig.policy.notify_check = VERIFY_CHECK_ADDRESS;
	rig_set_policy(&w->rig);
	assert_int_equal(rig_count(&w->rig, NSM_OUT_SEND), 0);
	assert_true(nsm_deadline_ms(w->rig.nsm) == UINT64_MAX);
}

static void forged_name_before_the_baseline_is_refused(void **state)
{
	struct world *w = *state;

	w->is_silent = true;
	world_monitor(w, PEER);
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 99), 0);
	w->is_silent = false;
	w->number = 7;
	assert_int_equal(world_wait(w, w->rig.now_ms + DOUBT_SILENT_MS), 0);
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 99), 0);
}

static void flood_of_forged_names_costs_one_question(void **state)
{
	struct world *w = *state;
	unsigned int i;

	world_monitor(w, PEER);
	w->rig.now_ms += 10000;
	for (i = 1; i < 1000; i++) {
		world_is_acknowledged(w, STRANGER, 700, PEER, (int)i);
		assert_int_equal(world_run(w), 0);
	}
	assert_int_equal(w->asked, 2);
}

static void reboot_by_name_is_delivered_when_the_number_rose(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	w->number = 7;
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 7), 1);
	assert_int_equal(w->heard, 7);
	assert_true(world_is_acknowledged(w, STRANGER, 700, PEER, 7));
	/* Once: the answer is the baseline now. */
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 9), 0);
}

/* Locks that the peer took after the answer would be dropped with its old. */
static void reboot_by_name_is_answered_once_lockd_has_heard(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	w->number = 7;
	w->is_lockd_silent = true;
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 7), 1);
	assert_false(world_is_acknowledged(w, STRANGER, 700, PEER, 7));
	(void)world_run(w);
	w->is_lockd_silent = false;
	assert_true(world_wait(w, w->rig.now_ms + 60000) > 0);
	assert_true(world_is_acknowledged(w, STRANGER, 700, PEER, 7));
}

/* Its statd says the number from before the raise. */
static void nfs_utils_by_name_is_delivered_by_its_port(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	w->port = 34000;
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 99), 0);
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 7), 1);
}

static void silence_by_name_is_asked_15_minutes_and_refused(void **state)
{
	struct world *w = *state;
	uint64_t begin_ms;

	world_monitor(w, PEER);
	w->is_silent = true;
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 7), 0);
	begin_ms = w->rig.now_ms;
	assert_int_equal(world_wait(w, UINT64_MAX - 1), 0);
	assert_in_range(w->rig.now_ms, begin_ms + DOUBT_SILENT_MS,
			begin_ms + DOUBT_SILENT_MS + 2 * QUESTION_WAIT_MAX_MS);
	/* What comes back within that time is heard. */
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 7), 0);
	w->is_silent = false;
	w->number = 7;
	assert_int_equal(world_wait(w, w->rig.now_ms + DOUBT_SILENT_MS), 1);
}

/*
 * Its notice of one reboot is open while it reboots again, and its statd says
 * the number of before the raise: the second notice is the one that is heard,
 * and acknowledged, and there is no third (sim -s peers -r 6204).
 */
static void nfs_utils_by_name_that_reboots_while_it_is_asked(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	w->is_silent = true;
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 7), 0);
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 9), 0);
	w->is_silent = false;
	w->number = 7;
	assert_int_equal(world_wait(w, w->rig.now_ms + DOUBT_SILENT_MS), 1);
	assert_int_equal(w->heard, 9);
	assert_true(world_is_acknowledged(w, STRANGER, 700, PEER, 9));
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 11), 0);
}

/*
 * nfs-utils' statd is asked because of others while it says the number of the
 * boot before, which lockd has heard, and at which it does nothing: the reboot
 * is in the notice to come.
 */
static void notice_of_others_hides_no_reboot_of_nfs_utils(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	w->port++;
	assert_int_equal(world_notify(w, PEER, 7000, "peer", 7), 1);
	w->port++;
	w->number = 7;
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 99), 0);
	w->rig.now_ms += QUESTION_WAIT_FIRST_MS;
	assert_int_equal(world_notify(w, PEER, 7000, "other", 601), 0);
	w->rig.now_ms += QUESTION_WAIT_FIRST_MS;
	/* A late copy, by its other name. */
	assert_int_equal(world_notify(w, PEER, 7000, "p", 7), 0);
	assert_true(world_is_acknowledged(w, PEER, 7000, "p", 7));
	w->rig.now_ms += QUESTION_WAIT_FIRST_MS;
	assert_int_equal(world_notify(w, PEER, 7000, "peer", 9), 1);
	assert_int_equal(w->heard, 9);
}

/* Not what others say meanwhile: it would be the number of the next reboot. */
static void number_of_another_sender_is_not_heard(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	w->is_silent = true;
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 7), 0);
	assert_false(world_is_acknowledged(w, "192.0.2.67", 700, PEER, 9));
	assert_false(world_is_acknowledged(w, STRANGER, 7000, PEER, 9));
	w->is_silent = false;
	w->number = 7;
	assert_int_equal(world_wait(w, w->rig.now_ms + DOUBT_SILENT_MS), 1);
	assert_int_equal(w->heard, 7);
}

/*
 * A stranger's notice is open while the peer reboots.  lockd hears the peer's
 * number and no other, so that it drops the peer's locks once.
 */
static void forged_number_during_a_reboot_is_not_heard(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	w->is_silent = true;
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 99), 0);
	w->is_silent = false;
	w->number = 7;
	assert_int_equal(world_wait(w, w->rig.now_ms + DOUBT_SILENT_MS), 1);
	assert_int_equal(w->heard, 7);
	assert_int_equal(world_notify(w, PEER, 700, "peer", 7), 1);
	assert_int_equal(w->heard, 7);
}

/* ... once the reboot is known: a forged name must not use it again. */
static void baseline_ends_with_the_boot_it_was_of(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	w->number = 7;
	w->is_silent = true;
	assert_int_equal(world_notify(w, PEER, 700, "peer", 7), 1);
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 99), 0);
	w->is_silent = false;
	assert_int_equal(world_wait(w, w->rig.now_ms + DOUBT_SILENT_MS), 0);
	assert_int_equal(w->asked, 2);
}

static void user_of_the_peer_is_refused(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	grow_old(w);
	assert_int_equal(world_notify(w, PEER, 7000, "peer", 99), 0);
	w->number = 7; /* a reboot */
	assert_int_equal(world_notify(w, PEER, 700, "peer", 7), 1);
	assert_int_equal(world_notify(w, PEER, 7000, "peer", 5),
			 0); /* replay */
	assert_int_equal(world_notify(w, PEER, 7000, "peer", 99), 0);
	assert_int_equal(world_notify(w, PEER, 7000, "other", 99), 0);
	assert_false(world_is_acknowledged(w, PEER, 7000, "peer", 99));
}

static void replay_is_refused(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	grow_old(w);
	w->number = 9;
	assert_int_equal(world_notify(w, PEER, 700, "peer", 9), 1);
	assert_int_equal(world_notify(w, PEER, 700, "peer", 7), 0);
	assert_true(world_is_acknowledged(w, PEER, 700, "peer", 9));
}

static void forged_high_number_locks_no_honest_peer_out(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	assert_int_equal(world_notify(w, PEER, 700, "peer", 2000000), 1);
	w->number = 7;
	assert_int_equal(world_notify(w, PEER, 700, "peer", 7), 1);
	assert_int_equal(w->heard, 7);
	assert_true(world_is_acknowledged(w, PEER, 700, "peer", 7));
}

/*
 * Somebody was believed with a number to which the peer came later: the notice
 * of that reboot is no duplicate.
 */
static void number_of_the_future_locks_no_honest_peer_out(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	assert_int_equal(world_notify(w, PEER, 700, "peer", 9), 1);
	w->number = 9;
	assert_int_equal(world_notify(w, PEER, 700, "peer", 9), 1);
	assert_true(world_is_acknowledged(w, PEER, 700, "peer", 9));
	assert_int_equal(world_notify(w, PEER, 700, "peer", 9), 0);
}

/*
 * CTDB announces seconds, which its statd never says: each copy is asked about,
 * none is heard twice, and whoever sends it is answered in the end.
 */
static void copy_that_the_peer_never_says_is_answered(void **state)
{
	struct world *w = *state;
	unsigned int i;

	world_monitor(w, PEER);
	assert_int_equal(world_notify(w, PEER, 700, "ctdb", SECONDS), 1);
	assert_int_equal(w->asked, 2);
	assert_int_equal(world_notify(w, PEER, 700, "ctdb", SECONDS), 0);
	assert_int_equal(w->asked, 3);
	assert_int_equal(count_answered(w), 1);
	w->rig.now_ms += QUESTION_WAIT_FIRST_MS;
	for (i = 0; i < NSM_WAITERS_MAX; i++) {
		world_is_acknowledged(w, PEER, 700, "ctdb", SECONDS);
		assert_int_equal(rig_count(&w->rig, NSM_OUT_REPLY), 0);
	}
	/* The cap, and another number: to be repeated. */
	assert_true(is_dropped(w, PEER, 700, "ctdb", SECONDS));
	assert_true(is_dropped(w, PEER, 700, "ctdb", 7));
	while (w->asked == 3) {
		rig_tick(&w->rig);
		assert_int_equal(world_run(w), 0);
	}
	assert_int_equal(count_answered(w), NSM_WAITERS_MAX);
}

/* A peer that is silent for a while may have rebooted: nothing is promised. */
static void copy_that_a_silent_peer_never_said_is_repeated(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	assert_int_equal(world_notify(w, PEER, 700, "peer", 9), 1);
	w->is_silent = true;
	assert_int_equal(world_notify(w, PEER, 700, "peer", 9), 0);
	assert_int_equal(world_wait(w, w->rig.now_ms + DOUBT_SILENT_MS), 0);
	assert_false(world_is_acknowledged(w, PEER, 700, "peer", 9));
	w->is_silent = false;
	w->number = 9;
	assert_int_equal(world_wait(w, w->rig.now_ms + DOUBT_SILENT_MS), 1);
	assert_true(world_is_acknowledged(w, PEER, 700, "peer", 9));
}

/* The baseline is only had after the reboot. */
static void forged_high_number_then_a_late_baseline(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	w->is_silent = true;
	assert_int_equal(world_notify(w, PEER, 700, "peer", 2000000), 1);
	w->is_silent = false;
	w->number = 7;
	assert_int_equal(world_wait(w, w->rig.now_ms + DOUBT_SILENT_MS), 0);
	assert_int_equal(world_notify(w, PEER, 700, "peer", 7), 1);
	/* Its other name, after a forgery under that. */
	assert_int_equal(world_notify(w, PEER, 700, "p", 2000000), 1);
	assert_int_equal(world_notify(w, PEER, 700, "p", 7), 1);
	assert_true(world_is_acknowledged(w, PEER, 700, "p", 7));
}

/*
 * Somebody had lockd hear the peer's next number under another name; lockd has
 * had locks of the peer since, and heard of other numbers.
 */
static void number_heard_early_locks_no_honest_peer_out(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	assert_int_equal(world_notify(w, PEER, 700, "other", 7), 1);
	w->is_silent = true;
	assert_int_equal(world_notify(w, PEER, 700, "peer", 2000000), 1);
	w->is_silent = false;
	w->number = 7;
	/* The baseline is of after the reboot. */
	assert_int_equal(world_wait(w, w->rig.now_ms + DOUBT_SILENT_MS), 0);
	assert_int_equal(world_notify(w, PEER, 700, "peer", 7), 1);
	assert_int_equal(w->heard, 7);
	assert_true(world_is_acknowledged(w, PEER, 700, "peer", 7));
}

/* The same of a peer whose notices come from an address that nobody named. */
static void number_heard_early_locks_no_honest_name_out(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	assert_int_equal(world_notify(w, PEER, 700, "other", 7), 1);
	assert_int_equal(world_notify(w, PEER, 700, "peer", 2000000), 1);
	w->number = 7;
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 7), 1);
	assert_int_equal(w->heard, 7);
	assert_true(world_is_acknowledged(w, STRANGER, 700, PEER, 7));
}

static void number_set_back_is_delivered(void **state)
{
	struct world *w = *state;

	w->number = 55;
	world_monitor(w, PEER);
	assert_int_equal(world_notify(w, PEER, 700, "peer", 57), 1);
	w->number = 3; /* reinstalled, or another machine has the address */
	assert_int_equal(world_notify(w, PEER, 700, "peer", 3), 1);
}

static void peer_without_statd_is_believed_from_its_address(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	assert_int_equal(world_notify(w, PEER, 700, "peer", 9), 1);
	w->has_no_statd = true;
	assert_int_equal(world_notify(w, PEER, 700, "peer", 3), 0);
	assert_int_equal(world_wait(w, w->rig.now_ms + 60000), 1);
	assert_int_equal(w->heard, 3);
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 11), 0);
}

static void two_machines_behind_one_address_are_heard(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	w->number = 7;
	assert_int_equal(world_notify(w, PEER, 700, "one", 7), 1);
	assert_int_equal(world_notify(w, PEER, 700, "two", 7), 1);
	assert_int_equal(world_notify(w, PEER, 700, "two", 9), 1);
}

static void new_cookie_ends_a_doubt(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	w->is_silent = true;
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 7), 0);
	rig_mon(&w->rig, PEER, 'd');
	w->is_silent = false;
	w->number = 7; /* the first answer is the baseline */
	assert_int_equal(world_wait(w, w->rig.now_ms + 60000), 0);
}

static void address_check_sends_nothing_to_peers(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	assert_int_equal(world_notify(w, STRANGER, 700, PEER, 7), 0);
	assert_int_equal(world_notify(w, PEER, 7000, "peer", 7), 1);
	assert_int_equal(world_notify(w, PEER, 7000, "peer", 5), 1);
	assert_int_equal(w->asked, 0);
	assert_true(nsm_deadline_ms(w->rig.nsm) == UINT64_MAX);
}

static void legacy_check_believes_a_name(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	assert_int_equal(world_notify(w, STRANGER, 7000, PEER, 7), 1);
	assert_true(world_is_acknowledged(w, STRANGER, 7000, PEER, 7));
	assert_int_equal(w->asked, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(forged_name_is_refused_after_the_peer_was_asked),
		TEST(check_may_change),
		TEST(check_may_change_while_in_doubt),
		TEST(forged_name_before_the_baseline_is_refused),
		TEST(flood_of_forged_names_costs_one_question),
		TEST(reboot_by_name_is_delivered_when_the_number_rose),
		TEST(reboot_by_name_is_answered_once_lockd_has_heard),
		TEST(nfs_utils_by_name_is_delivered_by_its_port),
		TEST(silence_by_name_is_asked_15_minutes_and_refused),
		TEST(nfs_utils_by_name_that_reboots_while_it_is_asked),
		TEST(notice_of_others_hides_no_reboot_of_nfs_utils),
		TEST(number_of_another_sender_is_not_heard),
		TEST(forged_number_during_a_reboot_is_not_heard),
		TEST(baseline_ends_with_the_boot_it_was_of),
		TEST(user_of_the_peer_is_refused),
		TEST(replay_is_refused),
		TEST(forged_high_number_locks_no_honest_peer_out),
		TEST(number_of_the_future_locks_no_honest_peer_out),
		TEST(copy_that_the_peer_never_says_is_answered),
		TEST(copy_that_a_silent_peer_never_said_is_repeated),
		TEST(forged_high_number_then_a_late_baseline),
		TEST(number_heard_early_locks_no_honest_peer_out),
		TEST(number_heard_early_locks_no_honest_name_out),
		TEST(number_set_back_is_delivered),
		TEST(peer_without_statd_is_believed_from_its_address),
		TEST(two_machines_behind_one_address_are_heard),
		TEST(new_cookie_ends_a_doubt),
		cmocka_unit_test_setup_teardown(
			address_check_sends_nothing_to_peers, setup_address,
			world_teardown),
		cmocka_unit_test_setup_teardown(legacy_check_believes_a_name,
						setup_legacy, world_teardown),
	};

	return cmocka_run_group_tests_name("doubt", tests, NULL, NULL);
}
