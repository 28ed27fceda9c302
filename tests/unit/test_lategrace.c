/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of grace, for peers that are monitored again and told as long as it
 * lasts: nothing is sent to them afterwards, whoever tells them, and all of
 * them are parked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "statd/late.h"
#include "tests/unit/late_rig.h"

/* Grace is over before the next look: what is due before that is not sent. */
static void one_that_we_tell_is_told_in_grace_alone(void **state)
{
	struct nsm_untold_facts facts = {.is_grace = true};
	struct rig *rig = *state;
	size_t looks = 0;

	feed_yes(rig, mon(rig), facts, LINES);
	assert_int_equal(rig_count(rig, NSM_OUT_SEND), 1);
	rig->is_grace_over = true;
	while (looks == 0) {
		rig_tick(rig);
		assert_int_equal(rig_count(rig, NSM_OUT_SEND), 0);
		looks += rig_count(rig, NSM_OUT_GRACE);
	}
	feed_grace(rig, false);
	expect_untold(rig, CTL_PARK, SUBJ);
}

/* The port comes when it is over, and the notice would be next. */
static void one_that_answers_after_grace_is_not_told(void **state)
{
	struct nsm_untold_facts facts = {.is_grace = true};
	struct rig *rig = *state;
	struct rig_out send;

	feed_yes(rig, mon(rig), facts, LINES);
	send = *rig_get(rig, NSM_OUT_SEND, 0);
	rig->is_grace_over = true;
	rig_answer_port(rig, &send, 33000);
	assert_int_equal(rig_count(rig, NSM_OUT_SEND), 0);
}

/* The run of sm-notify that was telling it ends after grace has. */
static void one_that_is_lost_after_grace_is_not_told(void **state)
{
	struct nsm_untold_facts facts = {.is_grace = true};
	struct rig *rig = *state;
	uint64_t id = mon(rig);

	feed_yes(rig, id, facts, "");
	feed(rig, expect_untold(rig, CTL_TELL_IN_GRACE, SUBJ), NSM_UNTOLD_LOST);
	expect_untold(rig, CTL_ASK, SUBJ);
	facts.is_grace = false;
	feed_yes(rig, id, facts, LINES);
	assert_int_equal(rig_count(rig, NSM_OUT_SEND), 0);
	feed_grace(rig, false);
	expect_untold(rig, CTL_PARK, SUBJ);
}

/* One for whom SM_MON waits is told whether grace runs or not. */
static void one_that_lockd_waits_for_is_told_after_grace(void **state)
{
	struct nsm_untold_facts facts = {.is_server = true};
	struct rig *rig = *state;

	rig->is_grace_over = true;
	feed_yes(rig, mon(rig), facts, LINES);
	assert_int_equal(run_peer(rig), 2);
}

/*
 * sm-notify, which was to tell it, says that grace is over, while it is asked
 * anew: that is no answer to the question, and nothing is written yet.
 */
static void one_that_is_asked_about_at_its_end_is_parked(void **state)
{
	struct nsm_untold_facts facts = {.is_grace = true};
	struct rig *rig = *state;
	uint64_t id;

	feed_yes(rig, mon(rig), facts, "");
	id = expect_untold(rig, CTL_TELL_IN_GRACE, SUBJ);
	rig_mon(rig, PEER, 'a');
	expect_untold(rig, CTL_ASK, SUBJ);
	feed(rig, id, NSM_UNTOLD_PARKED);
	expect_untold(rig, CTL_PARK, SUBJ);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	facts.is_grace = false;
	feed_yes(rig, id, facts, "");
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	feed(rig, id, NSM_UNTOLD_PARKED);
	expect_success(rig);
}

static void all_are_parked(void **state)
{
	struct nsm_untold_facts facts = {.is_grace = true};
	struct rig *rig = *state;
	uint64_t id;

	feed_yes(rig, mon(rig), facts, "");
	rig_mon(rig, "192.0.2.8", 'b');
	id = expect_untold(rig, CTL_ASK, "192.0.2.8 192.0.2.8");
	feed_yes(rig, id, facts, "");
	feed_grace(rig, false);
	assert_int_equal(rig_count(rig, NSM_OUT_UNTOLD), 2);
	assert_int_equal(rig_get(rig, NSM_OUT_UNTOLD, 0)->out.untold.verb,
			 CTL_PARK);
	assert_int_equal(rig_get(rig, NSM_OUT_UNTOLD, 1)->out.untold.verb,
			 CTL_PARK);
}

#define CASE(name) \
	cmocka_unit_test_setup_teardown(name, late_setup, late_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(one_that_we_tell_is_told_in_grace_alone),
		CASE(one_that_answers_after_grace_is_not_told),
		CASE(one_that_is_lost_after_grace_is_not_told),
		CASE(one_that_lockd_waits_for_is_told_after_grace),
		CASE(one_that_is_asked_about_at_its_end_is_parked),
		CASE(all_are_parked),
	};

	return cmocka_run_group_tests_name("lategrace", tests, NULL, NULL);
}
