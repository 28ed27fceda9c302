/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Late copies of notices from before SM_MON, and what looks like one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "statd/doubt.h"
#include "statd/numbers.h"
#include "statd/question.h"
#include "tests/unit/peer_world.h"

static int setup(void **state)
{
	return world_setup(state, VERIFY_CHECK_ASK);
}

static void late_copy_is_acknowledged_without_a_callback(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	assert_int_equal(world_notify(w, PEER, 700, "peer.example", 5), 0);
	assert_true(world_is_acknowledged(w, PEER, 700, "peer.example", 5));
	assert_int_equal(world_notify(w, PEER, 700, "peer", 5), 0);
	w->number = 7;
	assert_int_equal(world_notify(w, PEER, 700, "peer", 7), 1);
}

/* It had rebooted twice, and locked again, before its first notice came. */
static void late_copy_of_the_boot_before_is_not_heard(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	assert_int_equal(world_notify(w, PEER, 700, "peer", 3), 0);
	assert_int_equal(w->asked, 2);
	w->rig.now_ms += QUESTION_WAIT_FIRST_MS;
	/* Nor does it make a late copy of the present boot look like news. */
	assert_int_equal(world_notify(w, PEER, 700, "peer", 5), 0);
	assert_int_equal(w->asked, 3);
	assert_true(world_is_acknowledged(w, PEER, 700, "peer", 5));
	w->number = 7;
	assert_int_equal(world_notify(w, PEER, 700, "peer", 7), 1);
}

/* A backup of its disk was put back. */
static void number_behind_the_first_answer_is_delivered(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	w->number = 3;
	assert_int_equal(world_notify(w, PEER, 700, "peer", 3), 1);
	assert_int_equal(w->heard, 3);
}

/* Only one of the two answers for both. */
static void second_machine_that_is_behind_is_heard_later(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	assert_int_equal(world_notify(w, PEER, 700, "two", 3), 0);
	assert_false(world_is_acknowledged(w, PEER, 700, "two", 3));
	w->rig.now_ms += DOUBT_YOUNG_MS + 1;
	assert_int_equal(world_notify(w, PEER, 700, "two", 3), 1);
}

/* Locks of ours may be lost there: whatever it says is heard. */
static void notice_of_a_server_of_ours_is_never_late(void **state)
{
	struct world *w = *state;
	struct addr servers[2];
	struct nsm_in in = {.kind = NSM_IN_MOUNTS,
			    .mounts = {.servers = servers, .count = 2}};

	assert_true(addr_parse(STRANGER, &servers[0]));
	assert_true(addr_parse(PEER, &servers[1]));
	rig_feed(&w->rig, &in);
	world_monitor(w, PEER);
	assert_int_equal(world_notify(w, PEER, 700, "peer", 3), 1);
	assert_int_equal(world_notify(w, PEER, 700, "other", 5), 1);
}

/* Its first answer came so late that the peer may have rebooted before. */
static void slow_baseline_makes_no_notice_of_it_late(void **state)
{
	struct world *w = *state;

	w->is_silent = true;
	world_monitor(w, PEER);
	w->is_silent = false;
	world_wait(w, w->rig.now_ms + 60000);
	assert_int_equal(w->asked, 1);
	/* But of an older number it cannot be: that boot is over. */
	assert_int_equal(world_notify(w, PEER, 700, "peer", 3), 0);
	assert_int_equal(world_notify(w, PEER, 700, "peer", 5), 1);
}

/* The first question is lost, and the next one answered after a while. */
static void monitor_slowly(struct world *w)
{
	w->rig.now_ms += 1000;
	w->is_silent = true;
	world_monitor(w, PEER);
	w->is_silent = false;
	w->asked = 0;
	world_wait(w, w->rig.now_ms + 60000);
	assert_int_equal(w->asked, 1);
}

/* It had come to its number before lockd asked: who announced it is late. */
static void copy_of_what_was_heard_of_nobody_is_late(void **state)
{
	struct world *w = *state;

	assert_true(world_is_acknowledged(w, PEER, 700, "peer", 5));
	monitor_slowly(w);
	assert_int_equal(world_notify(w, PEER, 701, "peer.example", 5), 0);
	assert_int_equal(w->asked, 2);
	assert_true(world_is_acknowledged(w, PEER, 701, "peer.example", 5));
	w->number = 7;
	assert_int_equal(world_notify(w, PEER, 700, "peer", 7), 1);
}

/* Root of the peer says what it is to be taken at its word for. */
static void number_of_a_user_or_another_host_proves_nothing(void **state)
{
	struct world *w = *state;

	(void)world_notify(w, PEER, 40000, "peer", 5);
	(void)world_notify(w, STRANGER, 700, "peer", 5);
	(void)world_notify(w, PEER, 700, "peer", 3);
	monitor_slowly(w);
	assert_int_equal(world_notify(w, PEER, 700, "peer", 5), 1);
}

/* lockd asks anew; the peer had said 5 to the question of the time before. */
static void copy_of_what_the_peer_said_before_is_late(void **state)
{
	struct world *w = *state;

	world_monitor(w, PEER);
	rig_unmon(&w->rig, PEER);
	assert_int_equal(world_run(w), 0);
	monitor_slowly(w);
	assert_int_equal(world_notify(w, PEER, 700, "peer", 5), 0);
	assert_true(world_is_acknowledged(w, PEER, 700, "peer", 5));
}

/* It rebooted after SM_MON, and before it was asked with success. */
static void number_that_is_new_since_is_heard(void **state)
{
	struct world *w = *state;

	w->number = 3;
	world_monitor(w, PEER);
	rig_unmon(&w->rig, PEER);
	assert_int_equal(world_run(w), 0);
	w->number = 5;
	monitor_slowly(w);
	assert_int_equal(world_notify(w, PEER, 700, "peer", 5), 1);
}

/* Its disk was made anew since, and it has come to the old number again. */
static void number_of_long_ago_is_heard(void **state)
{
	struct world *w = *state;

	assert_true(world_is_acknowledged(w, PEER, 700, "peer", 5));
	w->rig.now_ms += NUMBERS_FRESH_MS;
	monitor_slowly(w);
	assert_int_equal(world_notify(w, PEER, 700, "peer", 5), 1);
	assert_int_equal(w->heard, 5);
}

static void number_that_was_not_repeated_is_forgotten(void **state)
{
	static struct numbers set;
	const uint64_t end = 10 + NUMBERS_FRESH_MS;
	struct addr peer;

	(void)state;
	assert_true(addr_parse(PEER, &peer));
	numbers_note(&set, 10, &peer, 5);
	assert_true(numbers_has_before(&set, end, &peer, 5));
	assert_false(numbers_has_before(&set, end + 1, &peer, 5));
	numbers_note(&set, end, &peer, 5);
	assert_true(numbers_has_before(&set, 11, &peer, 5));
	assert_true(numbers_has_before(&set, end + 1, &peer, 5));
	numbers_note(&set, end + NUMBERS_FRESH_MS + 1, &peer, 5);
	assert_false(numbers_has_before(&set, end + 1, &peer, 5));
	assert_int_equal(set.count, 1);
}

static void oldest_number_gives_way(void **state)
{
	static struct numbers set;
	struct addr peer, other;
	uint32_t i;

	(void)state;
	assert_true(addr_parse(PEER, &peer));
	assert_true(addr_parse(STRANGER, &other));
	numbers_note(&set, 10, &peer, 5);
	assert_false(numbers_has_before(&set, 10, &peer, 5));
	numbers_note(&set, 20, &peer, 5); /* takes no room, and is no later */
	peer.port = 700;
	assert_true(numbers_has_before(&set, 11, &peer, 5));
	assert_false(numbers_has_before(&set, 11, &peer, 7));
	assert_false(numbers_has_before(&set, 11, &other, 5));
	for (i = 1; i < NUMBERS_MAX; i++)
		numbers_note(&set, 30, &other, i);
	assert_true(numbers_has_before(&set, 11, &peer, 5));
	numbers_note(&set, 30, &other, i);
	assert_false(numbers_has_before(&set, 31, &peer, 5));
	assert_true(numbers_has_before(&set, 31, &other, 1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
	const struct CMUnitTest tests[] = {
		TEST(late_copy_is_acknowledged_without_a_callback),
		TEST(late_copy_of_the_boot_before_is_not_heard),
		TEST(number_behind_the_first_answer_is_delivered),
		TEST(second_machine_that_is_behind_is_heard_later),
		TEST(notice_of_a_server_of_ours_is_never_late),
		TEST(slow_baseline_makes_no_notice_of_it_late),
		TEST(copy_of_what_was_heard_of_nobody_is_late),
		TEST(number_of_a_user_or_another_host_proves_nothing),
		TEST(copy_of_what_the_peer_said_before_is_late),
		TEST(number_that_is_new_since_is_heard),
		TEST(number_of_long_ago_is_heard),
		cmocka_unit_test(number_that_was_not_repeated_is_forgotten),
		cmocka_unit_test(oldest_number_gives_way),
	};

	return cmocka_run_group_tests_name("latecopy", tests, NULL, NULL);
}
