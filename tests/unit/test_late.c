/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SM_MON for a peer that is still to be told of our reboot: who waits, who is
 * told, who is parked, and in which order (design decision 14).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "lib/rpcmsg.h"
#include "proto/sm_inter.h"
#include "statd/late.h"
#include "tests/unit/late_rig.h"

/* Whichever comes last, STORED or the outcome. */
static void test_nobody_is_untold(void **state)
{
	struct rig *rig = *state;
	uint64_t id = mon(rig);

	feed(rig, id, NSM_UNTOLD_NONE);
	expect_success(rig);
	/* The same again: nothing is asked. */
	rig_mon(rig, PEER, 'a');
	expect_success(rig);
	assert_int_equal(rig_count(rig, NSM_OUT_UNTOLD), 0);
	/* A new cookie: locks may be lost and given anew. */
	rig_mon(rig, PEER, 'b');
	id = expect_untold(rig, CTL_ASK, SUBJ);
	feed(rig, id, NSM_UNTOLD_NONE);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	assert_true(nsm_deadline_ms(rig->nsm) == UINT64_MAX);
}

static void test_no_grace_parks_first(void **state)
{
	struct nsm_untold_facts facts = {.has_nfsd = true};
	struct rig *rig = *state;
	uint64_t id = mon(rig);

	feed_yes(rig, id, facts, "");
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	assert_int_equal(rig_count(rig, NSM_OUT_SEND), 0);
	id = expect_untold(rig, CTL_PARK, SUBJ);
	/* Again meanwhile: it waits as well. */
	rig_mon(rig, PEER, 'a');
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	feed(rig, id, NSM_UNTOLD_PARKED);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 2);
}

static void test_parked_before(void **state)
{
	struct rig *rig = *state;

	feed(rig, mon(rig), NSM_UNTOLD_PARKED);
	expect_success(rig);
	assert_int_equal(rig_count(rig, NSM_OUT_UNTOLD), 0);
}

static void test_server_is_told_first(void **state)
{
	struct nsm_untold_facts facts = {.is_server = true};
	struct rig *rig = *state;
	uint64_t id = mon(rig);

	feed_yes(rig, id, facts, "");
	id = expect_untold(rig, CTL_TELL, SUBJ);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	feed(rig, id, NSM_UNTOLD_TOLD);
	expect_success(rig);
}

/*
 * sm-notify tells it nothing (skip), as long as it runs: the file says so to
 * the next one, before there are locks.
 */
static void test_server_is_set_aside(void **state)
{
	struct nsm_untold_facts facts = {.is_server = true};
	struct rig *rig = *state;
	uint64_t id = mon(rig);

	feed_yes(rig, id, facts, "");
	id = expect_untold(rig, CTL_TELL, SUBJ);
	feed(rig, id, NSM_UNTOLD_PARKED);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	id = expect_untold(rig, CTL_PARK, SUBJ);
	feed(rig, id, NSM_UNTOLD_PARKED);
	expect_success(rig);
}

static void test_server_stays_silent(void **state)
{
	struct nsm_untold_facts facts = {.is_server = true, .is_grace = true};
	struct rig *rig = *state;
	uint64_t id = mon(rig);
	uint64_t asked_ms = rig->now_ms;

	feed_yes(rig, id, facts, "");
	rig_tick(rig);
	assert_int_equal(rig->now_ms, asked_ms + LATE_HOLD_MS);
	id = expect_untold(rig, CTL_PARK, SUBJ);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	feed(rig, id, NSM_UNTOLD_PARKED);
	expect_success(rig);
}

/* Beside an NFS server all waits together last no longer than one. */
static void test_waits_beside_nfsd(void **state)
{
	struct nsm_untold_facts facts = {.is_server = true, .has_nfsd = true};
	struct rig *rig = *state;
	uint64_t id = mon(rig);
	uint64_t asked_ms;

	feed_yes(rig, id, facts, "");
	assert_string_equal(rig_get(rig, NSM_OUT_NOTE, 0)->text, "held");
	rig->now_ms += 1500;
	feed(rig, id, NSM_UNTOLD_TOLD);
	expect_success(rig);
	rig_mon(rig, PEER, 'b');
	id = expect_untold(rig, CTL_ASK, SUBJ);
	asked_ms = rig->now_ms;
	feed_yes(rig, id, facts, "");
	expect_untold(rig, CTL_TELL, SUBJ);
	assert_int_equal(rig_count(rig, NSM_OUT_NOTE), 0);
	rig_tick(rig);
	assert_int_equal(rig->now_ms, asked_ms + 500);
	feed(rig, id, NSM_UNTOLD_PARKED);
	rig_mon(rig, PEER, 'c');
	feed_yes(rig, expect_untold(rig, CTL_ASK, SUBJ), facts, "");
	expect_untold(rig, CTL_PARK, SUBJ);
}

static void test_another_life_has_waited(void **state)
{
	struct nsm_untold_facts facts = {.is_server = true,
					 .has_nfsd = true,
					 .was_held = true};
	struct rig *rig = *state;

	feed_yes(rig, mon(rig), facts, "");
	expect_untold(rig, CTL_PARK, SUBJ);
}

static void test_grace(void **state)
{
	struct nsm_untold_facts facts = {.is_grace = true, .has_nfsd = true};
	struct rig *rig = *state;
	uint64_t id = mon(rig);

	feed_yes(rig, id, facts, "");
	expect_success(rig);
	id = expect_untold(rig, CTL_TELL_IN_GRACE, SUBJ);
	/* Again: grace may be over by now, so it is looked at first. */
	rig_mon(rig, PEER, 'a');
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	expect_untold(rig, CTL_ASK, SUBJ);
	feed_yes(rig, id, facts, "");
	expect_success(rig);
	assert_int_equal(rig_count(rig, NSM_OUT_UNTOLD), 0);
	rig_tick(rig);
	assert_int_equal(rig_count(rig, NSM_OUT_GRACE), 1);
	feed_grace(rig, true);
	rig_tick(rig);
	assert_int_equal(rig_count(rig, NSM_OUT_GRACE), 1);
	feed_grace(rig, false);
	id = expect_untold(rig, CTL_PARK, SUBJ);
	feed(rig, id, NSM_UNTOLD_PARKED);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	assert_true(nsm_deadline_ms(rig->nsm) == UINT64_MAX);
}

/* Grace may end while the record is on its way to the disk. */
static void test_stored_in_grace(void **state)
{
	struct nsm_untold_facts facts = {.is_grace = true};
	struct rig *rig = *state;
	uint64_t id, store_id;

	rig_mon(rig, PEER, 'a');
	store_id = rig_get(rig, NSM_OUT_STORE, 0)->out.store.id;
	id = expect_untold(rig, CTL_ASK, SUBJ);
	feed_yes(rig, id, facts, "");
	expect_untold(rig, CTL_TELL_IN_GRACE, SUBJ);
	rig_stored(rig, store_id, 0);
	assert_int_equal(rig_count(rig, NSM_OUT_GRACE), 1);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	feed_grace(rig, true);
	expect_success(rig);

	rig_mon(rig, PEER, 'b');
	store_id = rig_get(rig, NSM_OUT_STORE, 0)->out.store.id;
	feed_yes(rig, id, facts, "");
	rig_stored(rig, store_id, 0);
	feed_grace(rig, false);
	id = expect_untold(rig, CTL_PARK, SUBJ);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	feed(rig, id, NSM_UNTOLD_PARKED);
	expect_success(rig);
}

static void test_told_in_grace(void **state)
{
	struct nsm_untold_facts facts = {.is_grace = true};
	struct rig *rig = *state;
	uint64_t id = mon(rig);

	feed_yes(rig, id, facts, "");
	feed(rig, id, NSM_UNTOLD_TOLD);
	feed_grace(rig, false);
	assert_int_equal(rig_count(rig, NSM_OUT_UNTOLD), 0);
}

/* No sm-notify: each name, a note of each record, and only then the answer. */
static void test_we_tell(void **state)
{
	struct nsm_untold_facts facts = {.is_server = true};
	struct rig *rig = *state;
	uint64_t id = mon(rig);

	feed_yes(rig, id, facts, LINES FRONT " " PEER " two\n");
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	assert_int_equal(run_peer(rig), 3);
	assert_string_equal(rig_get(rig, NSM_OUT_NOTE, 0)->text,
			    "told 3 " PEER " me.example");
	assert_string_equal(rig_get(rig, NSM_OUT_NOTE, 1)->text,
			    "told 3 " PEER " two");
	/* One that has started meanwhile must not tell it again. */
	id = expect_untold(rig, CTL_PARK, SUBJ);
	assert_true(rig_get(rig, NSM_OUT_UNTOLD, 0)->out.untold.is_noted);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	feed(rig, id, NSM_UNTOLD_PARKED);
	expect_success(rig);
	assert_true(nsm_deadline_ms(rig->nsm) == UINT64_MAX);
}

/*
 * "sm-notify -f" raises the number, and wants the peer told of that one: what
 * is said of the one before counts no more.
 */
static void test_number_is_raised(void **state)
{
	struct nsm_untold_facts facts = {.is_server = true};
	struct nsm_in number = {.kind = NSM_IN_NUMBER, .number = 5};
	struct rig *rig = *state;
	uint64_t id = mon(rig);
	struct rig_out before;

	feed_yes(rig, id, facts, LINES);
	before = *rig_get(rig, NSM_OUT_SEND, 0);
	rig_feed(rig, &number);
	id = expect_untold(rig, CTL_ASK, SUBJ);
	rig_feed(rig, &number);
	assert_int_equal(rig_count(rig, NSM_OUT_UNTOLD), 0);
	rig_answer_port(rig, &before, 33000);
	assert_int_equal(rig_count(rig, NSM_OUT_SEND), 0);
	feed_yes(rig, id, facts, LINES);
	assert_int_equal(run_peer(rig), 2);
	assert_string_equal(rig_get(rig, NSM_OUT_NOTE, 0)->text,
			    "told 5 " PEER " me.example");
}

/* It has copied the record into sm.bak, so the peer is untold once more. */
static void test_mon_after_a_raise(void **state)
{
	struct nsm_in number = {.kind = NSM_IN_NUMBER, .number = 5};
	struct rig *rig = *state;

	feed(rig, mon(rig), NSM_UNTOLD_NONE);
	rig_feed(rig, &number);
	rig_mon(rig, PEER, 'a');
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	feed(rig, expect_untold(rig, CTL_ASK, SUBJ), NSM_UNTOLD_PARKED);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 1);
	rig_mon(rig, PEER, 'a');
	assert_int_equal(rig_count(rig, NSM_OUT_UNTOLD), 0);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 1);
}

/* "sm-notify -f" empties what says that the peer is parked. */
static void test_raise_while_parking(void **state)
{
	struct nsm_in number = {.kind = NSM_IN_NUMBER, .number = 5};
	struct nsm_untold_facts facts = {0};
	struct rig *rig = *state;
	uint64_t id = mon(rig);

	feed_yes(rig, id, facts, "");
	id = expect_untold(rig, CTL_PARK, SUBJ);
	rig_feed(rig, &number);
	feed(rig, id, NSM_UNTOLD_PARKED);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 1);
	rig_mon(rig, PEER, 'a');
	expect_untold(rig, CTL_ASK, SUBJ);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
}

/* SM_MON of PEER under another of our names. */
static void rig_mon_as(struct rig *rig, const char *mon_name,
		       const char *my_name, char cookie)
{
	struct sm_mon mon = {
		.mon_id = {.mon_name = {(u_int)strlen(mon_name),
					(char *)mon_name},
			   .my_id = {.my_name = {(u_int)strlen(my_name),
						 (char *)my_name},
				     .my_prog = 100021,
				     .my_vers = 3,
				     .my_proc = 16}}};

	memset(mon.priv, cookie, sizeof(mon.priv));
	rig_call(rig, "127.0.0.1", 1000, SM_PROC_MON, (void *)xdr_sm_mon, &mon);
}

/* Three sends within the time that SM_MON waits. */
static void test_we_tell_in_vain(void **state)
{
	struct nsm_untold_facts facts = {.is_server = true};
	struct rig *rig = *state;
	uint64_t id = mon(rig);
	uint64_t until_ms = rig->now_ms + LATE_HOLD_MS;
	size_t sends;

	feed_yes(rig, id, facts, LINES);
	sends = rig_count(rig, NSM_OUT_SEND);
	while (rig->now_ms < until_ms) {
		assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
		rig_tick(rig);
		sends += rig_count(rig, NSM_OUT_SEND);
	}
	assert_int_equal(sends, 3);
	id = expect_untold(rig, CTL_PARK, SUBJ);
	feed(rig, id, NSM_UNTOLD_PARKED);
	expect_success(rig);
	assert_int_equal(rig_count(rig, NSM_OUT_NOTE), 0);
}

/* Two of our names, two records: who is parked is told by none of them. */
static void test_parked_by_another_record(void **state)
{
	struct nsm_untold_facts facts = {.is_server = true, .has_nfsd = true};
	struct rig *rig = *state;
	struct rig_out send;
	uint64_t id = mon(rig);

	feed_yes(rig, id, facts, LINES);
	send = *rig_get(rig, NSM_OUT_SEND, 0);
	rig_mon_as(rig, PEER, "alias", 'b');
	id = expect_untold(rig, CTL_ASK, SUBJ);
	feed_yes(rig, id, facts, LINES);
	assert_int_equal(rig_count(rig, NSM_OUT_UNTOLD), 2);
	rig_answer_port(rig, &send, 33000);
	assert_int_equal(rig_count(rig, NSM_OUT_SEND), 0);
}

/* The same where it is told: once is enough. */
static void test_told_by_another_record(void **state)
{
	struct nsm_untold_facts facts = {.is_server = true};
	struct rig *rig = *state;
	uint64_t id = mon(rig);
	uint64_t second;

	feed_yes(rig, id, facts, LINES);
	rig_mon_as(rig, PEER, "alias", 'b');
	second = expect_untold(rig, CTL_ASK, SUBJ);
	feed_yes(rig, second, facts, LINES);
	assert_int_equal(run_peer(rig), 2);
	assert_int_equal(rig_count(rig, NSM_OUT_UNTOLD), 2);
	feed(rig, id, NSM_UNTOLD_PARKED);
	expect_success(rig);
	feed(rig, second, NSM_UNTOLD_PARKED);
	while (nsm_deadline_ms(rig->nsm) != UINT64_MAX) {
		rig_tick(rig);
		assert_int_equal(rig_count(rig, NSM_OUT_SEND), 0);
	}
}

/* ... but for what that has not noted: the next sm-notify would tell it. */
static void test_told_by_another_record_alone(void **state)
{
	struct nsm_untold_facts facts = {.is_server = true};
	struct rig *rig = *state;
	uint64_t id = mon(rig);
	uint64_t second;

	feed_yes(rig, id, facts, LINES);
	rig_mon_as(rig, PEER, "alias", 'b');
	second = expect_untold(rig, CTL_ASK, SUBJ);
	feed_yes(rig, second, facts, FRONT " " PEER " alias\n");
	assert_int_equal(run_peer(rig), 1);
	assert_int_equal(rig_count(rig, NSM_OUT_NOTE), 1);
	assert_string_equal(rig_get(rig, NSM_OUT_NOTE, 0)->text,
			    "told 3 " PEER " alias");
	assert_int_equal(rig_count(rig, NSM_OUT_UNTOLD), 2);
	assert_int_equal(rig_get(rig, NSM_OUT_UNTOLD, 0)->out.untold.id,
			 second);
	assert_int_equal(rig_get(rig, NSM_OUT_UNTOLD, 1)->out.untold.id, id);
	assert_int_equal(rig_get(rig, NSM_OUT_UNTOLD, 1)->out.untold.verb,
			 CTL_ASK);
	feed_yes(rig, id, facts, LINES);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	assert_int_equal(rig_count(rig, NSM_OUT_SEND), 0);
	expect_untold(rig, CTL_PARK, SUBJ);
	assert_false(rig_get(rig, NSM_OUT_UNTOLD, 0)->out.untold.is_noted);
	feed(rig, id, NSM_UNTOLD_PARKED);
	expect_success(rig);
}

/* No number yet: nothing can be announced. */
static void test_no_number(void **state)
{
	struct nsm_untold_facts facts = {.is_server = true};
	struct nsm_in number = {.kind = NSM_IN_NUMBER, .number = 0};
	struct rig *rig = *state;
	uint64_t id = mon(rig);

	rig_feed(rig, &number);
	feed_yes(rig, id, facts, LINES);
	assert_int_equal(rig_count(rig, NSM_OUT_SEND), 0);
	expect_untold(rig, CTL_PARK, SUBJ);
}

static void test_unmon_while_waiting(void **state)
{
	struct rig *rig = *state;
	uint64_t id = mon(rig);
	int number;

	rig_unmon(rig, PEER);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 2);
	assert_int_equal(rig_result(rig, 1, &number), SM_STAT_SUCC);
	feed(rig, id, NSM_UNTOLD_YES);
	assert_int_equal(rig->out_count, 0);
}

/* Who waits under a cookie that is replaced is refused. */
static void test_new_cookie_while_waiting(void **state)
{
	struct rig *rig = *state;
	uint64_t id = mon(rig);
	int number;

	rig_mon(rig, PEER, 'b');
	assert_int_equal(rig_result(rig, 0, &number), SM_STAT_FAIL);
	rig_stored(rig, rig_get(rig, NSM_OUT_STORE, 0)->out.store.id, 0);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	feed(rig, id, NSM_UNTOLD_NONE);
	expect_success(rig);
}

static void load(struct rig *rig)
{
	static const char line[] = FRONT " " PEER " me\n";
	struct nsm_in in = {.kind = NSM_IN_FILE,
			    .bytes = (const uint8_t *)line,
			    .len = strlen(line),
			    .file.name = PEER};
	struct nsm_in loaded = {.kind = NSM_IN_LOADED};

	rig_feed(rig, &in);
	rig_feed(rig, &loaded);
}

/* After a restart grace goes on; without grace it may be -f that tells. */
static void test_loaded(void **state)
{
	struct nsm_untold_facts grace = {.is_grace = true, .is_server = true};
	struct nsm_untold_facts none = {.is_server = false};
	struct rig *rig = *state;
	uint64_t id;

	load(rig);
	id = expect_untold(rig, CTL_ASK, SUBJ);
	feed_yes(rig, id, none, "");
	assert_int_equal(rig->out_count, 0);
	rig_unmon(rig, PEER);
	load(rig);
	id = expect_untold(rig, CTL_ASK, SUBJ);
	grace.is_server = false;
	feed_yes(rig, id, grace, "");
	expect_untold(rig, CTL_TELL_IN_GRACE, SUBJ);
	feed_grace(rig, false);
	expect_untold(rig, CTL_PARK, SUBJ);
}

/* A name: its addresses are asked about as soon as they are known. */
static void test_by_name(void **state)
{
	struct nsm_untold_facts facts = {.is_server = true};
	struct rig *rig = *state;
	struct nsm_in in = {.kind = NSM_IN_RESOLVED};
	struct addr addr;
	uint64_t store_id, id;

	rig_mon(rig, "peer.example", 'a');
	in.resolved.id = rig_get(rig, NSM_OUT_RESOLVE, 0)->out.resolve.id;
	store_id = rig_get(rig, NSM_OUT_STORE, 0)->out.store.id;
	id = expect_untold(rig, CTL_ASK, "peer.example");
	feed(rig, id, NSM_UNTOLD_NONE);
	rig_stored(rig, store_id, 0);
	expect_success(rig);
	assert_true(addr_parse(PEER, &addr));
	in.resolved.addrs = &addr;
	in.resolved.count = 1;
	rig_feed(rig, &in);
	id = expect_untold(rig, CTL_ASK, "peer.example " PEER);
	/* Its locks may be there: too late to tell. */
	feed_yes(rig, id, facts, "");
	expect_untold(rig, CTL_PARK, "peer.example " PEER);
}

int main(void)
{
#define CASE(test) \
	cmocka_unit_test_setup_teardown(test, late_setup, late_teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_nobody_is_untold),
		CASE(test_no_grace_parks_first),
		CASE(test_parked_before),
		CASE(test_server_is_told_first),
		CASE(test_server_is_set_aside),
		CASE(test_server_stays_silent),
		CASE(test_waits_beside_nfsd),
		CASE(test_another_life_has_waited),
		CASE(test_grace),
		CASE(test_stored_in_grace),
		CASE(test_told_in_grace),
		CASE(test_we_tell),
		CASE(test_number_is_raised),
		CASE(test_mon_after_a_raise),
		CASE(test_raise_while_parking),
		CASE(test_we_tell_in_vain),
		CASE(test_parked_by_another_record),
		CASE(test_told_by_another_record),
		CASE(test_told_by_another_record_alone),
		CASE(test_no_number),
		CASE(test_unmon_while_waiting),
		CASE(test_new_cookie_while_waiting),
		CASE(test_loaded),
		CASE(test_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
