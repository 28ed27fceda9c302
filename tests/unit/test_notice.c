/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SM_NOTIFY: who is matched, who is believed, when the sender is answered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "proto/sm_inter.h"
#include "statd/kept.h"
#include "statd/names.h"
#include "tests/unit/nsm_rig.h"

static int setup(void **state)
{
	static struct rig rig;

	rig_init(&rig);
	rig_monitor(&rig, "192.0.2.7", 'c');
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	rig_fini(*state);
	return 0;
}

/* A notice that lockd hears of and that is answered then. */
static void assert_delivered(struct rig *rig, const char *from,
			     const char *name, int number)
{
	uint64_t reply_to = rig_notify(rig, from, name, number);

	assert_int_equal(rig_run_lockd(rig, NULL), 1);
	assert_true(rig_is_answered(rig, reply_to));
}

/* A notice that is acknowledged without a callback. */
static void assert_acknowledged(struct rig *rig, const char *from,
				const char *name, int number)
{
	uint64_t reply_to = rig_notify(rig, from, name, number);

	assert_int_equal(rig_count(rig, NSM_OUT_SEND), 0);
	assert_true(rig_is_answered(rig, reply_to));
}

/* A notice that gets no answer, so that its sender repeats it. */
static void assert_unanswered(struct rig *rig, const char *from,
			      const char *name, int number)
{
	rig_notify(rig, from, name, number);
	assert_int_equal(rig_count(rig, NSM_OUT_SEND), 0);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 1);
	assert_int_equal(rig_get(rig, NSM_OUT_REPLY, 0)->out.len, 0);
}

static void reboots_are_delivered_duplicates_acknowledged(void **state)
{
	struct rig *rig = *state;

	assert_delivered(rig, "192.0.2.7", "peer.example", 5);
	assert_acknowledged(rig, "192.0.2.7", "peer.example", 5);
	assert_acknowledged(rig, "192.0.2.7", "PEER.example", 5);
	assert_delivered(rig, "192.0.2.7", "peer.example", 7);
	assert_acknowledged(rig, "192.0.2.7", "peer.example", 7);
}

static void two_machines_behind_one_address_are_both_heard(void **state)
{
	struct rig *rig = *state;

	assert_delivered(rig, "192.0.2.7", "one", 5);
	assert_delivered(rig, "192.0.2.7", "two", 5);
}

static void strangers_are_acknowledged_and_logged(void **state)
{
	struct rig *rig = *state;

	assert_acknowledged(rig, "192.0.2.8", "nobody", 5);
	assert_int_equal(rig_count(rig, NSM_OUT_LOG), 2); /* and a debug line */
}

/* M-5: whoever knows a name must not drop that host's locks. */
static void name_from_elsewhere_is_not_believed(void **state)
{
	struct rig *rig = *state;

	rig_monitor(rig, "client.example", 'd');
	assert_unanswered(rig, "192.0.2.66", "client.example", 99);
	assert_unanswered(rig, "192.0.2.66", "192.0.2.7", 99);
}

/* Delivered is what lockd has heard, not what is on its way to it. */
static void pending_number_makes_no_duplicate(void **state)
{
	struct rig *rig = *state;

	rig_notify(rig, "192.0.2.7", "client", 5);
	assert_unanswered(rig, "192.0.2.66", "192.0.2.7", 5);
}

static void notice_waits_for_the_first_look_up(void **state)
{
	struct rig *rig = *state;
	struct addr addr;
	struct nsm_in in = {.kind = NSM_IN_RESOLVED,
			    .resolved = {.addrs = &addr, .count = 1}};
	const struct rig_out *resolve;

	rig_mon(rig, "client.example", 'd');
	resolve = rig_get(rig, NSM_OUT_RESOLVE, 0);
	assert_string_equal(resolve->text, "client.example");
	in.resolved.id = resolve->out.resolve.id;
	rig_stored(rig, rig_get(rig, NSM_OUT_STORE, 0)->out.store.id, 0);
	/* It may be about that peer: undecided, so no answer. */
	assert_unanswered(rig, "192.0.2.9", "other-name", 5);
	assert_true(addr_parse("192.0.2.9", &addr));
	rig_feed(rig, &in);
	assert_delivered(rig, "192.0.2.9", "other-name", 5);
	assert_acknowledged(rig, "192.0.2.10", "stranger", 5);
}

/*
 * The sender is known by address, and by a name that is still being looked up:
 * delivered for the one, not answered before it is kept for the other (sim -r
 * 6498).  See test_kept.c.
 */
static void match_does_not_end_the_wait_for_a_look_up(void **state)
{
	struct rig *rig = *state;
	struct addr addr;
	struct nsm_in in = {.kind = NSM_IN_RESOLVED,
			    .resolved = {.addrs = &addr, .count = 1}};

	rig_mon(rig, "client.example", 'd');
	in.resolved.id = rig_get(rig, NSM_OUT_RESOLVE, 0)->out.resolve.id;
	rig_stored(rig, rig_get(rig, NSM_OUT_STORE, 0)->out.store.id, 0);
	rig_notify(rig, "192.0.2.7", "peer", 5);
	assert_int_equal(rig_run_lockd(rig, NULL), 1);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	assert_true(addr_parse("192.0.2.7", &addr));
	rig_feed(rig, &in);
	assert_int_equal(rig_run_lockd(rig, NULL), 1);
	assert_acknowledged(rig, "192.0.2.7", "peer", 5);
}

/* The look-up of the last effects ends with @addr, or with none. */
static void end_look_up(struct rig *rig, const char *addr)
{
	struct addr found;
	struct nsm_in in = {.kind = NSM_IN_RESOLVED,
			    .resolved = {.addrs = &found,
					 .count = addr != NULL}};
	const struct rig_out *resolve = rig_get(rig, NSM_OUT_RESOLVE, 0);

	assert_non_null(resolve);
	in.resolved.id = resolve->out.resolve.id;
	if (addr != NULL)
		assert_true(addr_parse(addr, &found));
	rig_feed(rig, &in);
}

/*
 * The name service was dead for long, and is back when the peer reboots: it
 * stops repeating (nfs-utils: after 15 minutes) before the next look-up is due.
 */
static void who_is_named_is_looked_up_again(void **state)
{
	struct rig *rig = *state;

	rig_mon(rig, "client.example", 'd');
	end_look_up(rig, NULL);
	rig_tick(rig);
	end_look_up(rig, NULL);
	rig->now_ms += NAMES_WAIT_FIRST_MS - 1;
	assert_unanswered(rig, "192.0.2.9", "client.example", 5);
	assert_int_equal(rig_count(rig, NSM_OUT_RESOLVE), 0);
	rig->now_ms++;
	assert_unanswered(rig, "192.0.2.9", "Client.example", 5);
	assert_int_equal(rig_count(rig, NSM_OUT_RESOLVE), 1);
	end_look_up(rig, "192.0.2.9");
	assert_true(nsm_deadline_ms(rig->nsm) == UINT64_MAX);
	assert_delivered(rig, "192.0.2.9", "client.example", 5);
}

/*
 * The name service is away for a minute.  A notice that is answered meanwhile,
 * for the sake of another record, does not come again (sim -s any -r 6876).
 */
static void look_up_that_failed_is_waited_for(void **state)
{
	struct rig *rig = *state;

	rig_mon(rig, "client.example", 'd');
	end_look_up(rig, NULL);
	rig_notify(rig, "192.0.2.7", "peer", 5);
	assert_int_equal(rig_run_lockd(rig, NULL), 1);
	while (rig_count(rig, NSM_OUT_RESOLVE) == 0)
		rig_tick(rig);
	end_look_up(rig, "192.0.2.7");
	assert_int_equal(rig_run_lockd(rig, NULL), 1);
}

/* A name may lead nowhere for ever. */
static void look_up_that_failed_refuses_nobody(void **state)
{
	struct rig *rig = *state;
	char name[16];
	size_t i;

	rig_mon(rig, "client.example", 'd');
	end_look_up(rig, NULL);
	for (i = 0; i < KEPT_ADDRESS_MAX; i++) {
		snprintf(name, sizeof(name), "peer%zu", i);
		rig_notify(rig, "192.0.2.7", name, 5);
		assert_int_equal(rig_run_lockd(rig, NULL), 1);
		assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	}
	assert_delivered(rig, "192.0.2.7", "peer", 5);
	assert_acknowledged(rig, "192.0.2.8", "nobody", 5);
}

static void repeats_while_lockd_is_slow_are_all_answered(void **state)
{
	struct rig *rig = *state;
	size_t i;

	rig_notify(rig, "192.0.2.7", "peer", 5);
	for (i = 1; i < NSM_WAITERS_MAX; i++) {
		rig_notify(rig, "192.0.2.7", "peer", 5);
		assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	}
	assert_unanswered(rig, "192.0.2.7", "peer", 5); /* the cap */
	rig_tick(rig);
	assert_int_equal(rig_run_lockd(rig, NULL), 1);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), NSM_WAITERS_MAX);
}

static void older_number_does_not_displace_a_pending_one(void **state)
{
	struct rig *rig = *state;
	uint64_t reply_to = rig_notify(rig, "192.0.2.7", "peer", 7);

	assert_unanswered(rig, "192.0.2.7", "peer", 5);
	rig_tick(rig);
	assert_int_equal(rig_run_lockd(rig, NULL), 1);
	assert_true(rig_is_answered(rig, reply_to));
	assert_acknowledged(rig, "192.0.2.7", "peer", 7);
}

static void one_notice_for_two_records_waits_for_both(void **state)
{
	struct rig *rig = *state;
	struct nsm_in in = {.kind = NSM_IN_FILE, .file.name = "192.0.2.7"};
	const char *line = "0100007f 000186b5 00000003 00000010 "
			   "64646464646464646464646464646464 192.0.2.7 me2\n";
	uint64_t reply_to;

	in.bytes = (const uint8_t *)line;
	in.len = strlen(line);
	rig_feed(rig, &in);
	reply_to = rig_notify(rig, "192.0.2.7", "peer", 5);
	assert_int_equal(rig_count(rig, NSM_OUT_SEND), 1); /* one look-up */
	assert_int_equal(rig_run_lockd(rig, NULL), 2);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 1);
	assert_true(rig_is_answered(rig, reply_to));
}

static void impossible_notices_are_not_answered(void **state)
{
	struct rig *rig = *state;
	char name[] = "a\0b";
	struct sm_stat_chge chge = {.mon_name = {3, name}, .state = 5};

	assert_unanswered(rig, "192.0.2.7", "peer", 0);
	rig_call(rig, "192.0.2.7", 700, SM_PROC_NOTIFY,
		 (void *)xdr_sm_stat_chge, &chge);
	assert_int_equal(rig_count(rig, NSM_OUT_SEND), 0);
	assert_int_equal(rig_get(rig, NSM_OUT_REPLY, 0)->out.len, 0);
}

static void hostile_name_is_logged_escaped(void **state)
{
	struct rig *rig = *state;
	size_t i;

	rig_notify(rig, "192.0.2.8", "\x1b[2J\n%s\"", 5);
	for (i = 0; i < rig->out_count; i++)
		if (rig->outs[i].out.kind == NSM_OUT_LOG) {
			assert_null(strchr(rig->outs[i].text, '\n'));
			assert_null(strchr(rig->outs[i].text, '\x1b'));
		}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(reboots_are_delivered_duplicates_acknowledged),
		TEST(two_machines_behind_one_address_are_both_heard),
		TEST(strangers_are_acknowledged_and_logged),
		TEST(name_from_elsewhere_is_not_believed),
		TEST(pending_number_makes_no_duplicate),
		TEST(notice_waits_for_the_first_look_up),
		TEST(match_does_not_end_the_wait_for_a_look_up),
		TEST(who_is_named_is_looked_up_again),
		TEST(look_up_that_failed_is_waited_for),
		TEST(look_up_that_failed_refuses_nobody),
		TEST(repeats_while_lockd_is_slow_are_all_answered),
		TEST(older_number_does_not_displace_a_pending_one),
		TEST(one_notice_for_two_records_waits_for_both),
		TEST(impossible_notices_are_not_answered),
		TEST(hostile_name_is_logged_escaped),
	};

	return cmocka_run_group_tests_name("notice", tests, NULL, NULL);
}
