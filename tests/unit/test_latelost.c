/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whoever was to say whether a peer is untold goes away, before it has: a peer
 * for whom lockd waits is parked, one of before is left as it is.  Or it comes
 * when we tell the peer already, and what it says counts for that as well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "proto/sm_inter.h"
#include "statd/late.h"
#include "tests/unit/late_rig.h"

static void one_that_lockd_waits_for_is_parked(void **state)
{
	struct rig *rig = *state;

	feed(rig, mon(rig), NSM_UNTOLD_LOST);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	feed(rig, expect_untold(rig, CTL_PARK, SUBJ), NSM_UNTOLD_PARKED);
	expect_success(rig);
	assert_int_equal(rig_count(rig, NSM_OUT_UNTOLD), 0);
}

/* Nothing says that it is untold, and nobody waits. */
static void one_of_before_is_left_alone(void **state)
{
	static const char line[] = FRONT " " PEER " me\n";
	const struct nsm_in file = {.kind = NSM_IN_FILE,
				    .bytes = (const uint8_t *)line,
				    .len = strlen(line),
				    .file.name = PEER};
	const struct nsm_in loaded = {.kind = NSM_IN_LOADED};
	struct rig *rig = *state;

	rig_feed(rig, &file);
	rig_feed(rig, &loaded);
	feed(rig, expect_untold(rig, CTL_ASK, SUBJ), NSM_UNTOLD_LOST);
	assert_int_equal(rig_count(rig, NSM_OUT_UNTOLD), 0);
	assert_int_equal(rig_count(rig, NSM_OUT_SEND), 0);
	assert_true(nsm_deadline_ms(rig->nsm) == UINT64_MAX);
}

/* That it cannot be parked holds nobody up for ever. */
static void one_that_cannot_be_parked_is_answered(void **state)
{
	struct rig *rig = *state;

	feed(rig, mon(rig), NSM_UNTOLD_LOST);
	feed(rig, expect_untold(rig, CTL_PARK, SUBJ), NSM_UNTOLD_LOST);
	expect_success(rig);
	assert_true(nsm_deadline_ms(rig->nsm) == UINT64_MAX);
}

/* We tell @rig's peer; lockd asks for it by another of our names, too. */
static uint64_t ask_while_we_tell(struct rig *rig)
{
	struct nsm_untold_facts facts = {.is_grace = true};
	struct sm_mon mon_args = {
		.mon_id = {.mon_name = {strlen(PEER), (char *)PEER},
			   .my_id = {.my_name = {5, (char *)"alias"},
				     .my_prog = 100021,
				     .my_vers = 3,
				     .my_proc = 16}}};

	feed_yes(rig, mon(rig), facts, LINES);
	assert_int_equal(rig_count(rig, NSM_OUT_SEND), 1);
	rig_call(rig, "127.0.0.1", 1000, SM_PROC_MON, (void *)xdr_sm_mon,
		 &mon_args);
	return expect_untold(rig, CTL_ASK, SUBJ);
}

static void expect_silence(struct rig *rig)
{
	while (nsm_deadline_ms(rig->nsm) != UINT64_MAX) {
		rig_tick(rig);
		assert_int_equal(rig_count(rig, NSM_OUT_SEND), 0);
	}
}

/* An sm-notify that has started meanwhile tells it: we must not, later. */
static void one_that_another_tells_is_told_once(void **state)
{
	struct nsm_untold_facts facts = {.is_grace = true};
	struct rig *rig = *state;
	uint64_t id = ask_while_we_tell(rig);

	feed_yes(rig, id, facts, "");
	id = expect_untold(rig, CTL_TELL_IN_GRACE, SUBJ);
	feed(rig, id, NSM_UNTOLD_TOLD);
	expect_silence(rig);
}

/* ... it has told it already. */
static void one_that_another_told_is_told_once(void **state)
{
	struct rig *rig = *state;

	feed(rig, ask_while_we_tell(rig), NSM_UNTOLD_NONE);
	expect_silence(rig);
}

/* ... it has it parked. */
static void one_that_another_parked_is_not_told(void **state)
{
	struct rig *rig = *state;

	feed(rig, ask_while_we_tell(rig), NSM_UNTOLD_PARKED);
	(void)expect_untold(rig, CTL_PARK, SUBJ);
	expect_silence(rig);
}

/* sm-notify goes away while it tells: we go on. */
static void one_that_is_told_is_asked_about_again(void **state)
{
	struct nsm_untold_facts facts = {.is_server = true};
	struct rig *rig = *state;
	uint64_t id = mon(rig);

	feed_yes(rig, id, facts, "");
	feed(rig, id, NSM_UNTOLD_LOST);
	expect_untold(rig, CTL_ASK, SUBJ);
	feed_yes(rig, id, facts, LINES);
	assert_int_equal(run_peer(rig), 2);
	feed(rig, id, NSM_UNTOLD_PARKED);
	expect_success(rig);
}

/* One that always goes away is asked a few times only. */
static void one_that_is_lost_again_and_again_is_parked(void **state)
{
	struct nsm_untold_facts facts = {.is_server = true};
	struct rig *rig = *state;
	uint64_t id = mon(rig);
	unsigned int i = 0;

	feed_yes(rig, id, facts, "");
	for (;; i++) {
		assert_in_range(i, 0, 10);
		feed(rig, id, NSM_UNTOLD_LOST);
		if (rig_get(rig, NSM_OUT_UNTOLD, 0)->out.untold.verb ==
		    CTL_PARK)
			break;
		feed_yes(rig, id, facts, "");
	}
	feed(rig, id, NSM_UNTOLD_PARKED);
	expect_success(rig);
}

/* Nobody answers at all: parked, answered, and said. */
static void one_about_whom_nobody_answers_is_parked(void **state)
{
	struct rig *rig = *state;

	mon(rig);
	rig_tick(rig);
	expect_untold(rig, CTL_PARK, SUBJ);
	rig_tick(rig);
	expect_success(rig);
	assert_true(nsm_deadline_ms(rig->nsm) == UINT64_MAX);
}

#define CASE(name) \
	cmocka_unit_test_setup_teardown(name, late_setup, late_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(one_that_lockd_waits_for_is_parked),
		CASE(one_of_before_is_left_alone),
		CASE(one_that_cannot_be_parked_is_answered),
		CASE(one_that_another_tells_is_told_once),
		CASE(one_that_another_told_is_told_once),
		CASE(one_that_another_parked_is_not_told),
		CASE(one_that_is_told_is_asked_about_again),
		CASE(one_that_is_lost_again_and_again_is_parked),
		CASE(one_about_whom_nobody_answers_is_parked),
	};

	return cmocka_run_group_tests_name("latelost", tests, NULL, NULL);
}
