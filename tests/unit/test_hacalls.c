/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What makes a callout, seen through the whole core: records that are stored,
 * removed, repeated, and notices that are believed; forged ones make none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "proto/nlm_prot.h"
#include "proto/sm_inter.h"
#include "tests/unit/nsm_rig.h"

static int setup(void **state)
{
	static struct rig rig;

	rig_init(&rig);
	rig_set_callout(&rig, true);
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	rig_fini(*state);
	return 0;
}

/* The last input began this one alone; it ends well. */
static void ran(struct rig *rig, const char *text)
{
	const struct rig_out *out = rig_get(rig, NSM_OUT_CALLOUT, 0);

	assert_int_equal(rig_count(rig, NSM_OUT_CALLOUT), 1);
	assert_string_equal(out->text, text);
	rig_called(rig, out->out.callout.id, NSM_CALL_EXITED, 0);
	assert_int_equal(rig_count(rig, NSM_OUT_CALLOUT), 0);
}

/* The same, and its end lets @next begin, which ends well, too. */
static void ran_and_more(struct rig *rig, const char *text, const char *next)
{
	const struct rig_out *out = rig_get(rig, NSM_OUT_CALLOUT, 0);

	assert_int_equal(rig_count(rig, NSM_OUT_CALLOUT), 1);
	assert_string_equal(out->text, text);
	rig_called(rig, out->out.callout.id, NSM_CALL_EXITED, 0);
	ran(rig, next);
}

static void ran_nothing(const struct rig *rig)
{
	assert_int_equal(rig_count(rig, NSM_OUT_CALLOUT), 0);
}

static void store_ends(struct rig *rig, int error)
{
	const struct rig_out *store = rig_get(rig, NSM_OUT_STORE, 0);

	assert_non_null(store);
	rig_stored(rig, store->out.store.id, error);
}

static void a_record_that_is_stored_is_added(void **state)
{
	struct rig *rig = *state;

	rig_mon(rig, "192.0.2.7", 'a');
	ran_nothing(rig);
	store_ends(rig, 0);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 1);
	ran(rig, "add-client 192.0.2.7 me");
}

static void a_repetition_is_not_a_new_cookie_is(void **state)
{
	struct rig *rig = *state;

	rig_monitor(rig, "192.0.2.7", 'a');
	ran(rig, "add-client 192.0.2.7 me");
	rig_mon(rig, "192.0.2.7", 'a');
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 1);
	ran_nothing(rig);
	rig_monitor(rig, "192.0.2.7", 'b');
	ran(rig, "add-client 192.0.2.7 me");
}

static void what_is_not_stored_is_added_once_it_is(void **state)
{
	struct rig *rig = *state;

	rig_mon(rig, "192.0.2.7", 'a');
	store_ends(rig, -EIO);
	ran_nothing(rig);
	rig_mon(rig, "192.0.2.7", 'a');
	store_ends(rig, 0);
	ran(rig, "add-client 192.0.2.7 me");
}

static void find_record(struct rig *rig)
{
	static const char line[] = "0100007f 000186b5 00000003 00000010 "
				   "61616161616161616161616161616161 "
				   "192.0.2.7 me\n";
	struct nsm_in in = {.kind = NSM_IN_FILE,
			    .file.name = "192.0.2.7",
			    .bytes = (const uint8_t *)line,
			    .len = strlen(line)};

	rig_feed(rig, &in);
	ran_nothing(rig);
}

static void who_was_found_at_the_start_is_not(void **state)
{
	struct rig *rig = *state;

	find_record(rig);
	rig_mon(rig, "192.0.2.7", 'a');
	store_ends(rig, 0);
	ran_nothing(rig);
	rig_unmon(rig, "192.0.2.7");
	ran(rig, "del-client 192.0.2.7 me");
}

static void unmonitored_ones_are_removed(void **state)
{
	struct rig *rig = *state;

	rig_monitor(rig, "peer.example", 'a');
	ran(rig, "add-client peer.example me");
	rig_unmon(rig, "other.example");
	ran_nothing(rig);
	rig_unmon(rig, "PEER.example");
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 1);
	ran(rig, "del-client peer.example me");
}

static void an_unmon_during_the_store_ends_in_del(void **state)
{
	struct rig *rig = *state;

	rig_mon(rig, "192.0.2.7", 'a');
	rig_unmon(rig, "192.0.2.7");
	ran(rig, "del-client 192.0.2.7 me");
	rig_stored(rig, 1, 0);
	ran_nothing(rig);
}

static void all_are_removed(void **state)
{
	struct sm_my_id my_id = {.my_name = {.sm_string_len = 2,
					     .sm_string_val = (char *)"me"},
				 .my_prog = NLM_PROGRAM,
				 .my_vers = 3,
				 .my_proc = NLM_PROC_NSM_NOTIFY};
	struct rig *rig = *state;

	rig_monitor(rig, "192.0.2.7", 'a');
	ran(rig, "add-client 192.0.2.7 me");
	rig_monitor(rig, "192.0.2.8", 'a');
	ran(rig, "add-client 192.0.2.8 me");
	rig_call(rig, "127.0.0.1", 700, SM_PROC_UNMON_ALL, (void *)xdr_sm_my_id,
		 &my_id);
	assert_int_equal(rig_count(rig, NSM_OUT_CALLOUT), 2);
	assert_string_equal(rig_get(rig, NSM_OUT_CALLOUT, 0)->text,
			    "del-client 192.0.2.7 me");
	assert_string_equal(rig_get(rig, NSM_OUT_CALLOUT, 1)->text,
			    "del-client 192.0.2.8 me");
}

static void a_reboot_is_told_once(void **state)
{
	struct rig *rig = *state;

	rig_monitor(rig, "192.0.2.7", 'a');
	ran(rig, "add-client 192.0.2.7 me");
	rig_notify(rig, "192.0.2.7", "peer.example", 5);
	assert_string_equal(rig_get(rig, NSM_OUT_CALLOUT, 0)->text,
			    "sm-notify peer.example 192.0.2.7 5");
	rig_notify(rig, "192.0.2.7", "peer.example", 5);
	ran_nothing(rig);
	rig_tick(rig); /* lockd is asked again */
	rig_run_lockd(rig, NULL);
	rig_notify(rig, "192.0.2.7", "peer.example", 5);
	ran_nothing(rig);
}

/* Two records that one notice is about. */
static void two_records_make_one_event(void **state)
{
	struct rig *rig = *state;

	rig_fini(rig);
	rig_init_check(rig, VERIFY_CHECK_LEGACY);
	rig_monitor(rig, "192.0.2.7", 'a');
	rig_monitor(rig, "peer.example", 'b');
	rig_set_callout(rig, true);
	rig_notify(rig, "192.0.2.7", "peer.example", 5);
	assert_in_range(rig_count(rig, NSM_OUT_SEND), 1, 2);
	ran(rig, "sm-notify peer.example 192.0.2.7 5");
	rig_notify(rig, "192.0.2.7", "peer.example", 7);
	ran(rig, "sm-notify peer.example 192.0.2.7 7");
}

static void forged_and_strange_notices_make_none(void **state)
{
	struct rig *rig = *state;

	rig_monitor(rig, "192.0.2.7", 'a');
	ran(rig, "add-client 192.0.2.7 me");
	rig_notify(rig, "192.0.2.66", "192.0.2.7", 5); /* only names it */
	ran_nothing(rig);
	rig_notify(rig, "192.0.2.66", "stranger", 5);
	ran_nothing(rig);
	rig_notify(rig, "192.0.2.7", "-rf", 5); /* is believed */
	ran_nothing(rig);
	rig_notify(rig, "192.0.2.7", "a b", 7);
	ran_nothing(rig);
}

static void without_a_program_there_is_none(void **state)
{
	struct rig *rig = *state;

	rig_set_callout(rig, false);
	rig_monitor(rig, "192.0.2.7", 'a');
	ran_nothing(rig);
	rig_notify(rig, "192.0.2.7", "peer.example", 5);
	ran_nothing(rig);
	rig_unmon(rig, "192.0.2.7");
	ran_nothing(rig);
}

/* --- over a kill of statd ---------------------------------------------- */

/* Where in the effects of the last input the first of @kind is. */
static size_t place(const struct rig *rig, enum nsm_out_kind kind)
{
	const struct rig_out *out = rig_get(rig, kind, 0);

	assert_non_null(out);
	return (size_t)(out - rig->outs);
}

static void a_pair_is_noted_before_the_disk_changes(void **state)
{
	struct rig *rig = *state;
	const struct rig_out *memo;

	rig_mon(rig, "192.0.2.7", 'a');
	memo = rig_get(rig, NSM_OUT_MEMO, 0);
	assert_memory_equal(memo->bytes, "callout 192.0.2.7 me\n", 21);
	assert_true(place(rig, NSM_OUT_MEMO) < place(rig, NSM_OUT_STORE));
	rig_stored(rig, rig_get(rig, NSM_OUT_STORE, 0)->out.store.id, 0);
	assert_int_equal(rig_count(rig, NSM_OUT_MEMO), 0);
	rig_called(rig, rig_get(rig, NSM_OUT_CALLOUT, 0)->out.callout.id,
		   NSM_CALL_TIMED_OUT, 0);
	assert_int_equal(rig_count(rig, NSM_OUT_MEMO), 1);
	assert_int_equal(rig_get(rig, NSM_OUT_MEMO, 0)->out.len, 0);
	rig_unmon(rig, "192.0.2.7");
	assert_true(place(rig, NSM_OUT_MEMO) < place(rig, NSM_OUT_FORGET));
}

/* The disk was full: the next event of the pair tries again. */
static void a_note_that_failed_is_written_again(void **state)
{
	struct nsm_in in = {.kind = NSM_IN_MEMO_STORED,
			    .stored.error = -ENOSPC};
	struct rig *rig = *state;

	rig_mon(rig, "192.0.2.7", 'a');
	in.stored.id = rig_get(rig, NSM_OUT_MEMO, 0)->out.memo.id;
	rig_mon(rig, "192.0.2.7", 'b');
	assert_int_equal(rig_count(rig, NSM_OUT_MEMO), 0);
	rig_feed(rig, &in);
	rig_mon(rig, "192.0.2.7", 'c');
	assert_int_equal(rig_count(rig, NSM_OUT_MEMO), 1);
	in.stored.id = rig_get(rig, NSM_OUT_MEMO, 0)->out.memo.id;
	in.stored.error = 0;
	rig_feed(rig, &in);
	rig_mon(rig, "192.0.2.7", 'd');
	assert_int_equal(rig_count(rig, NSM_OUT_MEMO), 0);
}

/* And so does the repetition of an SM_MON that failed, before its STORE. */
static void a_note_that_failed_is_written_with_the_record(void **state)
{
	struct nsm_in in = {.kind = NSM_IN_MEMO_STORED,
			    .stored.error = -ENOSPC};
	struct rig *rig = *state;
	uint64_t store;

	rig_mon(rig, "192.0.2.7", 'a');
	in.stored.id = rig_get(rig, NSM_OUT_MEMO, 0)->out.memo.id;
	store = rig_get(rig, NSM_OUT_STORE, 0)->out.store.id;
	rig_feed(rig, &in);
	rig_stored(rig, store, -ENOSPC);
	rig_mon(rig, "192.0.2.7", 'a');
	assert_true(place(rig, NSM_OUT_MEMO) < place(rig, NSM_OUT_STORE));
}

static void find_memo(struct rig *rig, uint64_t number, const char *text)
{
	struct nsm_in in = {.kind = NSM_IN_MEMO,
			    .bytes = (const uint8_t *)text,
			    .len = strlen(text),
			    .memo.number = number};

	rig_feed(rig, &in);
	ran_nothing(rig);
}

static void what_was_left_is_run_as_the_records_are(void **state)
{
	const struct nsm_in loaded = {.kind = NSM_IN_LOADED};
	struct rig *rig = *state;

	find_record(rig);
	find_memo(rig, 5, "callout 192.0.2.7 me\n");
	find_memo(rig, 7, "callout 192.0.2.7 other\n");
	assert_int_equal(rig_count(rig, NSM_OUT_MEMO), 0);
	rig_feed(rig, &loaded);
	ran_and_more(rig, "add-client 192.0.2.7 me",
		     "del-client 192.0.2.7 other");
	assert_int_equal(rig_get(rig, NSM_OUT_MEMO, 0)->out.memo.number, 7);
	rig_feed(rig, &loaded);
	ran_nothing(rig);
}

static void what_is_of_no_use_is_removed(void **state)
{
	struct rig *rig = *state;

	find_memo(rig, 5, "callout 192.0.2.7\n");
	assert_int_equal(rig_get(rig, NSM_OUT_MEMO, 0)->out.memo.number, 5);
	find_memo(rig, 6, "callout a me\n");
	assert_int_equal(rig_count(rig, NSM_OUT_MEMO), 0);
	find_memo(rig, 7, "callout a me\n"); /* one is enough */
	assert_int_equal(rig_get(rig, NSM_OUT_MEMO, 0)->out.memo.number, 7);
	rig_set_callout(rig, false);
	assert_int_equal(rig_get(rig, NSM_OUT_MEMO, 0)->out.memo.number, 6);
	find_memo(rig, 8, "callout a me\n");
	assert_int_equal(rig_get(rig, NSM_OUT_MEMO, 0)->out.memo.number, 8);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_record_that_is_stored_is_added),
		TEST(a_repetition_is_not_a_new_cookie_is),
		TEST(what_is_not_stored_is_added_once_it_is),
		TEST(who_was_found_at_the_start_is_not),
		TEST(unmonitored_ones_are_removed),
		TEST(an_unmon_during_the_store_ends_in_del),
		TEST(all_are_removed),
		TEST(a_reboot_is_told_once),
		TEST(two_records_make_one_event),
		TEST(forged_and_strange_notices_make_none),
		TEST(without_a_program_there_is_none),
		TEST(a_pair_is_noted_before_the_disk_changes),
		TEST(a_note_that_failed_is_written_again),
		TEST(a_note_that_failed_is_written_with_the_record),
		TEST(what_was_left_is_run_as_the_records_are),
		TEST(what_is_of_no_use_is_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
