/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Calls as strangers make them: names with a NUL, control bytes, no number;
 * and how much of that gets into the log.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "proto/sm_inter.h"
#include "tests/unit/nsm_rig.h"

#define PEER "192.0.2.7"

/* A text of the wire with all its bytes, also those after a NUL. */
#define TEXT(literal)                                             \
	{                                                         \
		sizeof(literal) - 1, (char *)(uintptr_t)(literal) \
	}

static int setup(void **state)
{
	static struct rig rig;

	rig_init(&rig);
	rig_monitor(&rig, PEER, 'c');
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	rig_fini(*state);
	return 0;
}

/* The next warning among the effects from @at on, or NULL. */
static const char *next_warning(const struct rig *rig, size_t *at)
{
	const struct rig_out *out;

	while ((out = rig_get(rig, NSM_OUT_LOG, (*at)++)) != NULL)
		if (out->out.log.level == LOG_WARN)
			return out->text;
	return NULL;
}

static void refusals_are_logged_ten_times_a_minute(void **state)
{
	struct rig *rig = *state;
	size_t lines = 0, at;

	for (unsigned int i = 0; i < 15; i++) {
		rig_call(rig, "192.0.2.1", 700, SM_PROC_SIMU_CRASH, NULL, NULL);
		at = 0;
		lines += next_warning(rig, &at) != NULL;
		assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 1);
	}
	assert_int_equal(lines, 10);
	rig->now_ms += 60000;
	rig_call(rig, "192.0.2.1", 700, SM_PROC_SIMU_CRASH, NULL, NULL);
	at = 0;
	assert_non_null(next_warning(rig, &at));
	assert_string_equal(next_warning(rig, &at),
			    "5 more refusals were not logged");
}

/* Fails to store a record; how many lines that logs. */
static size_t fail_mon(struct rig *rig)
{
	rig_mon(rig, "192.0.2.8", 'c');
	rig_stored(rig, rig_get(rig, NSM_OUT_STORE, 0)->out.store.id, -1);
	return rig_count(rig, NSM_OUT_LOG);
}

static void assert_last_log(const struct rig *rig, const char *text)
{
	size_t count = rig_count(rig, NSM_OUT_LOG);

	assert_true(count > 0);
	assert_string_equal(rig_get(rig, NSM_OUT_LOG, count - 1)->text, text);
}

/* One limit holds for both complaints: neither hides what the other held. */
static void what_was_not_logged_is_counted(void **state)
{
	struct rig *rig = *state;
	size_t lines = 0;

	for (unsigned int i = 0; i < 12; i++)
		lines += fail_mon(rig);
	assert_int_equal(lines, 10);
	rig->now_ms += 60000;
	rig_unmon(rig, "nobody");
	assert_last_log(rig, "2 more failures were not logged");
	for (unsigned int i = 0; i < 12; i++)
		rig_unmon(rig, "nobody");
	rig->now_ms += 60000;
	assert_int_equal(fail_mon(rig), 2);
	assert_last_log(rig, "3 more failures were not logged");
}

/* SAFETY: in memory such a name would end earlier, and be another one. */
static void a_nul_ends_no_name(void **state)
{
	struct rig *rig = *state;
	struct sm_mon_id ids[] = {
		{.mon_name = TEXT(PEER "\0x"), .my_id.my_name = TEXT("me")},
		{.mon_name = TEXT(PEER), .my_id.my_name = TEXT("me\0x")},
		{.mon_name = TEXT(PEER "\0"), .my_id.my_name = TEXT("me\0")},
	};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		ids[i].my_id.my_prog = 100021;
		ids[i].my_id.my_vers = 3;
		ids[i].my_id.my_proc = 16;
		rig_call(rig, "127.0.0.1", 1000, SM_PROC_UNMON,
			 (void *)xdr_sm_mon_id, &ids[i]);
		assert_int_equal(rig_count(rig, NSM_OUT_FORGET), 0);
		assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 1);
	}
	rig_call(rig, "127.0.0.1", 1000, SM_PROC_UNMON_ALL,
		 (void *)xdr_sm_my_id, &ids[1].my_id);
	assert_int_equal(rig_count(rig, NSM_OUT_FORGET), 0);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 1);
	assert_int_equal(nsm_peer_count(rig->nsm), 1);
	/* The same without it is obeyed. */
	ids[1].my_id.my_name.sm_string_len = 2;
	rig_call(rig, "127.0.0.1", 1000, SM_PROC_UNMON, (void *)xdr_sm_mon_id,
		 &ids[1]);
	assert_int_equal(nsm_peer_count(rig->nsm), 0);
}

static void no_name_is_nobodys(void **state)
{
	struct rig *rig = *state;
	struct sm_mon_id id = {.mon_name = TEXT(""),
			       .my_id = {.my_name = TEXT(""),
					 .my_prog = 100021,
					 .my_vers = 3,
					 .my_proc = 16}};

	rig_call(rig, "127.0.0.1", 1000, SM_PROC_UNMON, (void *)xdr_sm_mon_id,
		 &id);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 1);
	rig_call(rig, "127.0.0.1", 1000, SM_PROC_UNMON_ALL,
		 (void *)xdr_sm_my_id, &id.my_id);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 1);
	assert_int_equal(nsm_peer_count(rig->nsm), 1);
}

/* Same names, another program, version or procedure: another record. */
static void lock_managers_are_told_apart(void **state)
{
	static const int others[][3] = {{100022, 3, 16},
					{100021, 1, 16},
					{100021, 3, 24}};
	struct rig *rig = *state;
	struct sm_mon mon = {.mon_id = {.mon_name = TEXT(PEER),
					.my_id.my_name = TEXT("me")}};
	struct sm_my_id *id = &mon.mon_id.my_id;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		id->my_prog = others[i][0];
		id->my_vers = others[i][1];
		id->my_proc = others[i][2];
		rig_call(rig, "127.0.0.1", 1000, SM_PROC_UNMON,
			 (void *)xdr_sm_mon_id, &mon.mon_id);
		rig_call(rig, "127.0.0.1", 1000, SM_PROC_UNMON_ALL,
			 (void *)xdr_sm_my_id, id);
		assert_int_equal(nsm_peer_count(rig->nsm), 1);
	}
	rig_call(rig, "127.0.0.1", 1000, SM_PROC_MON, (void *)xdr_sm_mon, &mon);
	assert_int_equal(rig_count(rig, NSM_OUT_STORE), 1);
	assert_int_equal(nsm_peer_count(rig->nsm), 2);
	rig_unmon(rig, PEER);
	assert_int_equal(nsm_peer_count(rig->nsm), 1);
}

static void notices_of_nobody_are_dropped(void **state)
{
	struct rig *rig = *state;
	struct sm_stat_chge bad[] = {
		{.mon_name = TEXT("peer"), .state = 0},
		{.mon_name = TEXT("peer\0x"), .state = 5},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rig_call(rig, PEER, 700, SM_PROC_NOTIFY,
			 (void *)xdr_sm_stat_chge, &bad[i]);
		assert_int_equal(rig_count(rig, NSM_OUT_SEND), 0);
		assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 1);
		assert_int_equal(rig_get(rig, NSM_OUT_REPLY, 0)->out.len, 0);
	}
}

/* Blanks become '_' (COMPAT); what no text has is refused. */
static void control_bytes_in_my_name_are_refused(void **state)
{
	struct rig *rig = *state;
	const sm_string bad[] = {TEXT("a\x7f"), TEXT("\x01"),
				 TEXT("a\x1f"
				      "b"),
				 TEXT("a\0b")};
	const sm_string good[] = {TEXT("a\tb"), TEXT("a\r\n"), TEXT("\x80")};
	struct sm_mon mon = {.mon_id = {.mon_name = TEXT("192.0.2.8"),
					.my_id = {.my_prog = 100021,
						  .my_vers = 3,
						  .my_proc = 16}}};
	int number;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		mon.mon_id.my_id.my_name = bad[i];
		rig_call(rig, "127.0.0.1", 1000, SM_PROC_MON,
			 (void *)xdr_sm_mon, &mon);
		assert_int_equal(rig_result(rig, 0, &number), SM_STAT_FAIL);
		assert_int_equal(rig_count(rig, NSM_OUT_STORE), 0);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		mon.mon_id.my_id.my_name = good[i];
		rig_call(rig, "127.0.0.1", 1000, SM_PROC_MON,
			 (void *)xdr_sm_mon, &mon);
		assert_int_equal(rig_count(rig, NSM_OUT_STORE), 1);
	}
}

static void port_0_is_not_reserved(void **state)
{
	struct rig *rig = *state;
	struct sm_my_id id = {.my_name = TEXT("me"),
			      .my_prog = 100021,
			      .my_vers = 3,
			      .my_proc = 16};

	rig_call(rig, "127.0.0.1", 0, SM_PROC_UNMON_ALL, (void *)xdr_sm_my_id,
		 &id);
	assert_int_equal(nsm_peer_count(rig->nsm), 1);
	rig_call(rig, "127.0.0.1", 1, SM_PROC_UNMON_ALL, (void *)xdr_sm_my_id,
		 &id);
	assert_int_equal(nsm_peer_count(rig->nsm), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(refusals_are_logged_ten_times_a_minute),
		CASE(what_was_not_logged_is_counted),
		CASE(a_nul_ends_no_name),
		CASE(no_name_is_nobodys),
		CASE(lock_managers_are_told_apart),
		CASE(notices_of_nobody_are_dropped),
		CASE(control_bytes_in_my_name_are_refused),
		CASE(port_0_is_not_reserved),
	};

	return cmocka_run_group_tests_name("procs", tests, NULL, NULL);
}
