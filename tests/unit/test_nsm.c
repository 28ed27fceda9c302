/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The program NSM as lockd and peers see it: who may call, what is answered,
 * and above all when.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <errno.h>
#include <cmocka.h>

#include "lib/record.h"
#include "lib/rpcmsg.h"
#include "proto/sm_inter.h"
#include "tests/unit/nsm_rig.h"

static const char *const line_c =
	"0100007f 000186b5 00000003 00000010 "
	"63636363636363636363636363636363 192.0.2.7 me\n";

static int setup(void **state)
{
	static struct rig rig;

	rig_init(&rig);
	*state = &rig;
	return 0;
}

static int teardown(void **state)
{
	rig_fini(*state);
	return 0;
}

/* Feeds @text as the file @name of sm/. */
static void load(struct rig *rig, const char *name, const char *text)
{
	struct nsm_in in = {.kind = NSM_IN_FILE,
			    .bytes = (const uint8_t *)text,
			    .len = strlen(text),
			    .file.name = name};

	rig_feed(rig, &in);
}

static void assert_store(const struct rig *rig, const char *file,
			 const char *content, bool is_new)
{
	const struct rig_out *store = rig_get(rig, NSM_OUT_STORE, 0);

	assert_non_null(store);
	assert_string_equal(store->text, file);
	assert_int_equal(store->out.len, strlen(content));
	assert_memory_equal(store->bytes, content, store->out.len);
	assert_int_equal(store->out.store.is_new, is_new);
}

/* ORDER: the promise that everything else rests on. */
static void mon_is_answered_only_after_stored(void **state)
{
	struct rig *rig = *state;
	uint64_t reply_to = rig_mon(rig, "192.0.2.7", 'c');
	int number = 0;

	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	assert_store(rig, "192.0.2.7", line_c, true);
	rig_stored(rig, rig_get(rig, NSM_OUT_STORE, 0)->out.store.id, 0);
	assert_int_equal(rig_result(rig, 0, &number), SM_STAT_SUCC);
	assert_int_equal(number, 3);
	assert_int_equal(rig_get(rig, NSM_OUT_REPLY, 0)->out.reply.reply_to,
			 reply_to);
	assert_int_equal(nsm_peer_count(rig->nsm), 1);
}

static void failed_store_is_a_failed_mon(void **state)
{
	struct rig *rig = *state;
	int number = 0;

	rig_mon(rig, "192.0.2.7", 'c');
	rig_stored(rig, rig_get(rig, NSM_OUT_STORE, 0)->out.store.id, -ENOSPC);
	assert_int_equal(rig_result(rig, 0, &number), SM_STAT_FAIL);
	assert_int_equal(number, -1);
	assert_int_equal(rig_count(rig, NSM_OUT_LOG), 1);
	/* The record does not count as stored, and gets a fresh file. */
	rig_mon(rig, "192.0.2.7", 'c');
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	assert_store(rig, "192.0.2.7", line_c, false);
}

static void same_mon_again_writes_nothing(void **state)
{
	struct rig *rig = *state;
	int number = 0;

	rig_monitor(rig, "192.0.2.7", 'c');
	rig_mon(rig, "192.0.2.7", 'c');
	assert_int_equal(rig_count(rig, NSM_OUT_STORE), 0);
	assert_int_equal(rig_result(rig, 0, &number), SM_STAT_SUCC);
	assert_int_equal(nsm_peer_count(rig->nsm), 1);
}

static void same_mon_while_storing_waits_with_it(void **state)
{
	struct rig *rig = *state;
	uint64_t id;
	size_t i;
	int number;

	rig_mon(rig, "192.0.2.7", 'c');
	id = rig_get(rig, NSM_OUT_STORE, 0)->out.store.id;
	for (i = 1; i < NSM_WAITERS_MAX; i++) {
		rig_mon(rig, "192.0.2.7", 'c');
		assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
		assert_int_equal(rig_count(rig, NSM_OUT_STORE), 0);
	}
	/* One too many gets no answer, and above all no early one. */
	rig_mon(rig, "192.0.2.7", 'c');
	assert_int_equal(rig_get(rig, NSM_OUT_REPLY, 0)->out.len, 0);
	rig_stored(rig, id, 0);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), NSM_WAITERS_MAX);
	for (i = 0; i < NSM_WAITERS_MAX; i++)
		assert_int_equal(rig_result(rig, i, &number), SM_STAT_SUCC);
}

static void new_cookie_replaces_the_record(void **state)
{
	struct rig *rig = *state;

	rig_monitor(rig, "192.0.2.7", 'b');
	rig_mon(rig, "192.0.2.7", 'c');
	assert_store(rig, "192.0.2.7", line_c, false);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	assert_int_equal(nsm_peer_count(rig->nsm), 1);
}

static void new_cookie_ends_what_was_pending(void **state)
{
	struct rig *rig = *state;
	uint64_t reply_to;

	rig_monitor(rig, "192.0.2.7", 'b');
	reply_to = rig_notify(rig, "192.0.2.7", "peer", 5);
	rig_mon(rig, "192.0.2.7", 'c');
	assert_true(rig_is_answered(rig, reply_to));
	assert_true(nsm_deadline_ms(rig->nsm) == UINT64_MAX);
}

static void unmon_forgets_without_waiting(void **state)
{
	struct rig *rig = *state;

	rig_monitor(rig, "192.0.2.7", 'c');
	rig_unmon(rig, "192.0.2.7");
	assert_string_equal(rig_get(rig, NSM_OUT_FORGET, 0)->text, "192.0.2.7");
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 1);
	assert_int_equal(nsm_peer_count(rig->nsm), 0);
	/* A later SM_MON makes the file anew. */
	rig_mon(rig, "192.0.2.7", 'c');
	assert_store(rig, "192.0.2.7", line_c, true);
}

static void unmon_ignores_case_when_nothing_is_exact(void **state)
{
	struct rig *rig = *state;

	rig_monitor(rig, "client.example", 'c');
	rig_unmon(rig, "CLIENT.example");
	assert_string_equal(rig_get(rig, NSM_OUT_FORGET, 0)->text,
			    "client.example");
	rig_unmon(rig, "client.example");
	assert_int_equal(rig_count(rig, NSM_OUT_FORGET), 0);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 1);
}

/* D-6, M-7: a name is not what it resolves to. */
static void unmon_takes_no_other_name_of_the_host(void **state)
{
	struct rig *rig = *state;
	struct addr addr;
	struct nsm_in in = {.kind = NSM_IN_RESOLVED,
			    .resolved = {.addrs = &addr, .count = 1}};

	assert_true(addr_parse("192.0.2.7", &addr));
	rig_mon(rig, "client.example", 'c');
	in.resolved.id = rig_get(rig, NSM_OUT_RESOLVE, 0)->out.resolve.id;
	rig_feed(rig, &in);
	rig_unmon(rig, "192.0.2.7");
	assert_int_equal(rig_count(rig, NSM_OUT_FORGET), 0);
	assert_int_equal(nsm_peer_count(rig->nsm), 1);
}

static void unmon_while_storing_still_answers_the_mon(void **state)
{
	struct rig *rig = *state;
	uint64_t id;
	int number;

	rig_mon(rig, "192.0.2.7", 'c');
	id = rig_get(rig, NSM_OUT_STORE, 0)->out.store.id;
	rig_unmon(rig, "192.0.2.7");
	assert_int_equal(rig_count(rig, NSM_OUT_FORGET), 1);
	rig_stored(rig, id, 0);
	assert_int_equal(rig_result(rig, 0, &number), SM_STAT_SUCC);
	assert_int_equal(nsm_peer_count(rig->nsm), 0);
}

static void unmon_all_takes_only_that_my_name(void **state)
{
	struct rig *rig = *state;
	char me[] = "ME";
	struct sm_my_id id = {.my_name = {2, me},
			      .my_prog = 100021,
			      .my_vers = 3,
			      .my_proc = 16};

	rig_monitor(rig, "192.0.2.7", 'c');
	rig_monitor(rig, "192.0.2.8", 'c');
	load(rig, "192.0.2.9",
	     "0100007f 000186b5 00000003 00000010 "
	     "63636363636363636363636363636363 192.0.2.9 other\n");
	rig_call(rig, "127.0.0.1", 1000, SM_PROC_UNMON_ALL,
		 (void *)xdr_sm_my_id, &id);
	assert_int_equal(rig_count(rig, NSM_OUT_FORGET), 2);
	assert_int_equal(nsm_peer_count(rig->nsm), 1);
}

static void only_lockd_may_change_the_list(void **state)
{
	struct rig *rig = *state;
	char name[] = "192.0.2.7", me[] = "me";
	struct sm_mon mon = {.mon_id = {.mon_name = {9, name},
					.my_id = {.my_name = {2, me},
						  .my_prog = 100021,
						  .my_vers = 3,
						  .my_proc = 16}}};
	int number;

	rig_call(rig, "192.0.2.1", 1000, SM_PROC_MON, (void *)xdr_sm_mon, &mon);
	assert_int_equal(rig_result(rig, 0, &number), SM_STAT_FAIL);
	rig_call(rig, "127.0.0.1", 1024, SM_PROC_MON, (void *)xdr_sm_mon, &mon);
	assert_int_equal(rig_result(rig, 0, &number), SM_STAT_FAIL);
	rig_call(rig, "::1", 1023, SM_PROC_MON, (void *)xdr_sm_mon, &mon);
	assert_int_equal(rig_count(rig, NSM_OUT_STORE), 1);
	rig_call(rig, "127.0.0.1", 40000, SM_PROC_UNMON, (void *)xdr_sm_mon_id,
		 &mon.mon_id);
	assert_int_equal(rig_count(rig, NSM_OUT_FORGET), 0);
	rig_call(rig, "192.0.2.1", 700, SM_PROC_UNMON_ALL, (void *)xdr_sm_my_id,
		 &mon.mon_id.my_id);
	assert_int_equal(rig_count(rig, NSM_OUT_FORGET), 0);
	assert_int_equal(nsm_peer_count(rig->nsm), 1);
}

static void an_administrator_may_take_any_port(void **state)
{
	struct rig *rig = *state;
	char name[] = "192.0.2.7", me[] = "me";
	struct sm_mon mon = {.mon_id = {.mon_name = {9, name},
					.my_id = {.my_name = {2, me},
						  .my_prog = 100021,
						  .my_vers = 3,
						  .my_proc = 16}}};
	int number;

	rig->policy.takes_any_port = true;
	rig_set_policy(rig);
	rig_call(rig, "127.0.0.1", 40000, SM_PROC_MON, (void *)xdr_sm_mon,
		 &mon);
	assert_int_equal(rig_count(rig, NSM_OUT_STORE), 1);
	rig_call(rig, "192.0.2.1", 700, SM_PROC_UNMON, (void *)xdr_sm_mon_id,
		 &mon.mon_id);
	assert_int_equal(nsm_peer_count(rig->nsm), 1);
	rig->policy.takes_any_port = false;
	rig_set_policy(rig);
	rig_call(rig, "127.0.0.1", 40000, SM_PROC_MON, (void *)xdr_sm_mon,
		 &mon);
	assert_int_equal(rig_result(rig, 0, &number), SM_STAT_FAIL);
}

static void callback_must_be_a_lock_managers(void **state)
{
	struct rig *rig = *state;
	char name[] = "192.0.2.7", me[] = "me";
	struct sm_mon mon = {.mon_id = {.mon_name = {9, name},
					.my_id = {.my_name = {2, me},
						  .my_prog = 100005,
						  .my_vers = 3,
						  .my_proc = 16}}};
	int number;

	rig_call(rig, "127.0.0.1", 1000, SM_PROC_MON, (void *)xdr_sm_mon, &mon);
	assert_int_equal(rig_result(rig, 0, &number), SM_STAT_FAIL);
	mon.mon_id.my_id.my_prog = 100021;
	mon.mon_id.my_id.my_proc = 15;
	rig_call(rig, "127.0.0.1", 1000, SM_PROC_MON, (void *)xdr_sm_mon, &mon);
	assert_int_equal(rig_result(rig, 0, &number), SM_STAT_FAIL);
	mon.mon_id.my_id.my_proc = 24;
	rig_call(rig, "127.0.0.1", 1000, SM_PROC_MON, (void *)xdr_sm_mon, &mon);
	assert_int_equal(rig_count(rig, NSM_OUT_STORE), 1);
}

static void bad_names_are_refused(void **state)
{
	struct rig *rig = *state;
	static const char *const names[] = {"",	   "a/b",  ".hidden",
					    "a b", "a\nb", "a\x7f"};
	char longest[257];
	size_t i;
	int number;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		rig_mon(rig, names[i], 'c');
		assert_int_equal(rig_result(rig, 0, &number), SM_STAT_FAIL);
		assert_int_equal(rig_count(rig, NSM_OUT_LOG), i < 10 ? 2 : 1);
	}
	memset(longest, 'x', 256);
	longest[256] = '\0';
	rig_mon(rig, longest, 'c');
	assert_int_equal(rig_result(rig, 0, &number), SM_STAT_FAIL);
	longest[255] = '\0';
	rig_mon(rig, longest, 'c');
	assert_int_equal(rig_count(rig, NSM_OUT_STORE), 1);
}

static void blanks_in_my_name_are_cleaned(void **state)
{
	struct rig *rig = *state;
	char name[] = "192.0.2.7", me[] = "my host\n";
	struct sm_mon mon = {.mon_id = {.mon_name = {9, name},
					.my_id = {.my_name = {8, me},
						  .my_prog = 100021,
						  .my_vers = 3,
						  .my_proc = 16}}};

	rig_call(rig, "127.0.0.1", 1000, SM_PROC_MON, (void *)xdr_sm_mon, &mon);
	assert_store(rig, "192.0.2.7",
		     "0100007f 000186b5 00000003 00000010 "
		     "00000000000000000000000000000000 192.0.2.7 my_host_\n",
		     true);
	me[0] = '\0';
	rig_call(rig, "127.0.0.1", 1000, SM_PROC_MON, (void *)xdr_sm_mon, &mon);
	assert_int_equal(rig_count(rig, NSM_OUT_STORE), 0);
}

static void without_a_number_nothing_is_remembered(void **state)
{
	struct rig *rig = *state;
	struct nsm_in in = {.kind = NSM_IN_NUMBER, .number = 0};
	int number;

	rig_feed(rig, &in);
	rig_mon(rig, "192.0.2.7", 'c');
	assert_int_equal(rig_count(rig, NSM_OUT_STORE), 0);
	assert_int_equal(rig_result(rig, 0, &number), SM_STAT_FAIL);
	in.number = 9;
	rig_feed(rig, &in);
	rig_mon(rig, "192.0.2.7", 'c');
	rig_stored(rig, rig_get(rig, NSM_OUT_STORE, 0)->out.store.id, 0);
	assert_int_equal(rig_result(rig, 0, &number), SM_STAT_SUCC);
	assert_int_equal(number, 9);
}

static void stat_answers_at_once_without_a_look_up(void **state)
{
	struct rig *rig = *state;
	char text[] = "no.such.host";
	struct sm_name name = {.mon_name = {12, text}};
	int number;

	rig_call(rig, "192.0.2.99", 40000, SM_PROC_STAT, (void *)xdr_sm_name,
		 &name);
	assert_int_equal(rig_result(rig, 0, &number), SM_STAT_SUCC);
	assert_int_equal(number, 3);
	assert_int_equal(rig_count(rig, NSM_OUT_RESOLVE), 0);
}

static void simu_crash_changes_nothing(void **state)
{
	struct rig *rig = *state;
	uint64_t reply_to;

	rig_monitor(rig, "192.0.2.7", 'c');
	reply_to = rig_call(rig, "127.0.0.1", 1000, SM_PROC_SIMU_CRASH, NULL,
			    NULL);
	assert_true(rig_is_answered(rig, reply_to));
	assert_int_equal(nsm_peer_count(rig->nsm), 1);
	assert_int_equal(rig_count(rig, NSM_OUT_STORE), 0);
	assert_int_equal(rig_count(rig, NSM_OUT_FORGET), 0);
}

static void null_and_unknown_procedures_are_answered(void **state)
{
	struct rig *rig = *state;
	struct rpcmsg_reply parsed;
	const struct rig_out *out;
	uint64_t reply_to = rig_call(rig, "192.0.2.1", 40000, 0, NULL, NULL);

	assert_true(rig_is_answered(rig, reply_to));
	rig_call(rig, "192.0.2.1", 40000, 7, NULL, NULL);
	out = rig_get(rig, NSM_OUT_REPLY, 0);
	assert_true(rpcmsg_parse_reply(out->bytes, out->out.len, &parsed));
	assert_int_equal(parsed.status, RPCMSG_PROC_UNAVAIL);
	rig_call(rig, "192.0.2.1", 40000, SM_PROC_NOTIFY, NULL, NULL);
	out = rig_get(rig, NSM_OUT_REPLY, 0);
	assert_true(rpcmsg_parse_reply(out->bytes, out->out.len, &parsed));
	assert_int_equal(parsed.status, RPCMSG_GARBAGE_ARGS);
}

static void every_call_has_exactly_one_reply(void **state)
{
	struct rig *rig = *state;
	struct nsm_in in = {.kind = NSM_IN_CALL,
			    .bytes = (const uint8_t *)"junk",
			    .len = 4};

	in.call.reply_to = 4711;
	rig_feed(rig, &in);
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 1);
	assert_int_equal(rig_get(rig, NSM_OUT_REPLY, 0)->out.len, 0);
}

/*
 * A statd killed between writing and flushing leaves a record that a power
 * failure would take; lockd repeats SM_MON with the same cookie (sim -r 152).
 */
static void loaded_records_are_stored_before_the_answer(void **state)
{
	struct rig *rig = *state;
	int number;

	load(rig, "192.0.2.7", line_c);
	rig_mon(rig, "192.0.2.7", 'c');
	assert_int_equal(rig_count(rig, NSM_OUT_REPLY), 0);
	assert_store(rig, "192.0.2.7", line_c, false);
	rig_stored(rig, rig_get(rig, NSM_OUT_STORE, 0)->out.store.id, 0);
	assert_int_equal(rig_result(rig, 0, &number), SM_STAT_SUCC);
	rig_mon(rig, "192.0.2.7", 'c');
	assert_int_equal(rig_result(rig, 0, &number), SM_STAT_SUCC);
	assert_int_equal(rig_count(rig, NSM_OUT_STORE), 0);
}

static void loaded_records_keep_their_file(void **state)
{
	struct rig *rig = *state;

	load(rig, "client.example", line_c);
	assert_int_equal(nsm_peer_count(rig->nsm), 1);
	rig_mon(rig, "192.0.2.7", 'd');
	assert_string_equal(rig_get(rig, NSM_OUT_STORE, 0)->text,
			    "client.example");
	rig_unmon(rig, "192.0.2.7");
	assert_string_equal(rig_get(rig, NSM_OUT_FORGET, 0)->text,
			    "client.example");
}

static void foreign_lines_are_reported_and_kept(void **state)
{
	struct rig *rig = *state;
	char text[512];

	snprintf(text, sizeof(text), "torn li\n\n\r\n%.60s\n%s", line_c,
		 line_c);
	load(rig, "client.example", text);
	/* However many, they are one line of the log. */
	assert_int_equal(rig_count(rig, NSM_OUT_LOG), 1);
	assert_string_equal(
		rig_get(rig, NSM_OUT_LOG, 0)->text,
		"sm/client.example: 3 lines are no records (the first is cut "
		"short); they are kept, and nobody is monitored for them");
	assert_int_equal(nsm_peer_count(rig->nsm), 1);
	rig_unmon(rig, "192.0.2.7");
	assert_int_equal(rig_count(rig, NSM_OUT_FORGET), 0);
	snprintf(text, sizeof(text), "torn li\n\r\n%.60s\n", line_c);
	assert_store(rig, "client.example", text, false);
}

/* A power failure cut it, but what is left reads like a record. */
static void torn_line_that_is_a_record_is_one(void **state)
{
	struct rig *rig = *state;
	char text[512];

	snprintf(text, sizeof(text), "%.*s", (int)strlen(line_c) - 3, line_c);
	load(rig, "192.0.2.7", text);
	assert_int_equal(rig_count(rig, NSM_OUT_LOG), 0);
	assert_int_equal(nsm_peer_count(rig->nsm), 1);
	/* The whole name is another record of the same file. */
	rig_mon(rig, "192.0.2.7", 'c');
	strcat(text, "\n");
	strcat(text, line_c);
	assert_store(rig, "192.0.2.7", text, false);
	assert_int_equal(nsm_peer_count(rig->nsm), 2);
}

/* What was promised before stays, though it cannot be promised again. */
static void file_over_its_cap_is_refused_and_kept(void **state)
{
	static char text[RECORD_FILE_MAX + 128];
	struct rig *rig = *state;
	int number = 0;

	memset(text, 'x', RECORD_FILE_MAX - 10);
	snprintf(text + RECORD_FILE_MAX - 10, 138, "\n%s", line_c);
	load(rig, "192.0.2.7", text);
	rig_mon(rig, "192.0.2.7", 'c');
	assert_int_equal(rig_count(rig, NSM_OUT_STORE), 0);
	assert_int_equal(rig_result(rig, 0, &number), SM_STAT_FAIL);
	rig_mon(rig, "192.0.2.7", 'd');
	assert_int_equal(rig_count(rig, NSM_OUT_STORE), 0);
	assert_int_equal(rig_result(rig, 0, &number), SM_STAT_FAIL);
	assert_int_equal(nsm_peer_count(rig->nsm), 1);
	rig_notify(rig, "192.0.2.7", "peer", 5);
	assert_int_equal(rig_run_lockd(rig, NULL), 1);
}

static void copies_in_two_files_are_both_forgotten(void **state)
{
	struct rig *rig = *state;

	load(rig, "old.example", line_c);
	load(rig, "new.example", line_c);
	rig_unmon(rig, "192.0.2.7");
	assert_int_equal(rig_count(rig, NSM_OUT_FORGET), 2);
	assert_int_equal(nsm_peer_count(rig->nsm), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(mon_is_answered_only_after_stored),
		TEST(failed_store_is_a_failed_mon),
		TEST(same_mon_again_writes_nothing),
		TEST(same_mon_while_storing_waits_with_it),
		TEST(new_cookie_replaces_the_record),
		TEST(new_cookie_ends_what_was_pending),
		TEST(unmon_forgets_without_waiting),
		TEST(unmon_ignores_case_when_nothing_is_exact),
		TEST(unmon_takes_no_other_name_of_the_host),
		TEST(unmon_while_storing_still_answers_the_mon),
		TEST(unmon_all_takes_only_that_my_name),
		TEST(only_lockd_may_change_the_list),
		TEST(an_administrator_may_take_any_port),
		TEST(callback_must_be_a_lock_managers),
		TEST(bad_names_are_refused),
		TEST(blanks_in_my_name_are_cleaned),
		TEST(without_a_number_nothing_is_remembered),
		TEST(stat_answers_at_once_without_a_look_up),
		TEST(simu_crash_changes_nothing),
		TEST(null_and_unknown_procedures_are_answered),
		TEST(every_call_has_exactly_one_reply),
		TEST(loaded_records_are_stored_before_the_answer),
		TEST(loaded_records_keep_their_file),
		TEST(foreign_lines_are_reported_and_kept),
		TEST(torn_line_that_is_a_record_is_one),
		TEST(file_over_its_cap_is_refused_and_kept),
		TEST(copies_in_two_files_are_both_forgotten),
	};

	return cmocka_run_group_tests_name("nsm", tests, NULL, NULL);
}
