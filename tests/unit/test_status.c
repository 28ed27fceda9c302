/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nsm_status(): what an administrator reads when something is wrong, and that
 * it stays one page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/buf.h"
#include "proto/sm_inter.h"
#include "statd/status.h"
#include "tests/unit/nsm_rig.h"

#define SERVICE_LINES 3 /* that statd/service adds */
#define MANY	      50000

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	rig_init(rig);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	rig_fini(*state);
	free(*state);
	return 0;
}

/* The status now, until the next call. */
static const char *status(const struct rig *rig)
{
	static struct buf text;

	buf_fini(&text);
	buf_init(&text, STATUS_TEXT_MAX);
	nsm_status(rig->nsm, rig->now_ms, &text);
	assert_false(text.is_overflowed);
	return buf_text(&text);
}

static void expect(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static size_t lines(const char *text)
{
	size_t count = 0;

	for (; *text != '\0'; text++)
		count += *text == '\n';
	return count;
}

static void fresh(void **state)
{
	struct rig *rig = *state;
	const char *text = status(rig);

	expect(text, "state number: 3\n");
	expect(text, "peers monitored: 0\n");
	expect(text,
	       "has not heard of: 0; kept over a restart: 0; longest: 0 s\n");
	assert_null(strstr(text, "more"));
}

static void without_a_store(void **state)
{
	struct rig *rig = *state;
	struct nsm_in in = {.kind = NSM_IN_NUMBER};

	rig_feed(rig, &in);
	expect(status(rig), "every SM_MON fails\n");
}

static void peers_by_what_is_on_disk(void **state)
{
	struct rig *rig = *state;
	struct nsm_in in = {
		.kind = NSM_IN_FILE,
		.bytes = (const uint8_t *)"0100007f 000186b5 00000003 00000010 "
					  "64646464646464646464646464646464 "
					  "192.0.2.4 me\n",
		.file.name = "192.0.2.4"};

	in.len = strlen((const char *)in.bytes);
	rig_feed(rig, &in);
	rig_monitor(rig, "192.0.2.1", 'a');
	rig_mon(rig, "192.0.2.2", 'b');
	rig_stored(rig, rig_get(rig, NSM_OUT_STORE, 0)->out.store.id, -5);
	rig_mon(rig, "192.0.2.3", 'c');
	expect(status(rig),
	       "peers written by this run: 1; found on disk at the start: "
	       "1; being written: 1; could not be written: 1\n"
	       "  \"192.0.2.2\"\n");
	/* The next try heals it. */
	rig_monitor(rig, "192.0.2.2", 'b');
	expect(status(rig),
	       "peers written by this run: 2; found on disk at the start: "
	       "1; being written: 1; could not be written: 0\n");
}

static void names_that_do_not_resolve(void **state)
{
	struct rig *rig = *state;
	struct nsm_in in = {.kind = NSM_IN_RESOLVED};

	rig_mon(rig, "gone.example", 'a');
	in.resolved.id = rig_get(rig, NSM_OUT_RESOLVE, 0)->out.resolve.id;
	rig_mon(rig, "slow.example", 'b');
	rig_feed(rig, &in);
	expect(status(rig), "names that do not resolve: 1; not answered yet: "
			    "1\n  \"gone.example\"\n");
}

/* The write of a file in sm/.reclaim ends. */
static void memo_stored(struct rig *rig, int error)
{
	struct nsm_in in = {.kind = NSM_IN_MEMO_STORED, .stored.error = error};

	in.stored.id = rig_get(rig, NSM_OUT_MEMO, 0)->out.memo.id;
	rig_feed(rig, &in);
}

static void pending_and_for_how_long(void **state)
{
	struct rig *rig = *state;

	rig_monitor(rig, "192.0.2.1", 'a');
	rig_monitor(rig, "192.0.2.2", 'b');
	rig_notify(rig, "192.0.2.1", "one\n", 7);
	memo_stored(rig, 0);
	rig->now_ms += 100000;
	rig_notify(rig, "192.0.2.2", "two", 9);
	memo_stored(rig, -28);
	rig->now_ms += 25999;
	expect(status(rig), "has not heard of: 2; kept over a restart: 1; "
			    "longest: 125 s\n");
	expect(status(rig), "files in sm/.reclaim: 2; the last could not be "
			    "written\n");
	expect(status(rig),
	       "  \"192.0.2.1\" (as \"one\\x0a\"), number 7, for 125 s\n"
	       "  \"192.0.2.2\" (as \"two\"), number 9, for 25 s\n");
}

static void lock_manager_that_is_not_there(void **state)
{
	struct rig *rig = *state;

	rig_monitor(rig, "192.0.2.1", 'a');
	rig_notify(rig, "192.0.2.1", "one", 7);
	assert_null(strstr(status(rig), "not registered"));
	rig_answer_port(rig, rig_get(rig, NSM_OUT_SEND, 0), 0);
	expect(status(rig), "(program 100021 version 3) is not registered");
}

static void counters(void **state)
{
	struct rig *rig = *state;

	rig_monitor(rig, "192.0.2.1", 'a');
	rig_notify(rig, "192.0.2.1", "one", 7);
	assert_int_equal(rig_run_lockd(rig, NULL), 1);
	rig_notify(rig, "192.0.2.1", "one", 7);
	rig_notify(rig, "192.0.2.9", "nobody", 7);
	rig_notify(rig, "192.0.2.9", "192.0.2.1", 7);
	rig_notify(rig, "192.0.2.9", "192.0.2.1", 9);
	rig_call(rig, "192.0.2.1", 1000, SM_PROC_SIMU_CRASH, NULL, NULL);
	rig_call(rig, "192.0.2.1", 1000, 99, NULL, NULL);
	rig_unmon(rig, "192.0.2.1");
	expect(status(rig), "calls: NULL 0, STAT 0, MON 1, UNMON 1, "
			    "UNMON_ALL 0, SIMU_CRASH 1, NOTIFY 5\n"
			    "calls refused: 1; malformed or unknown: 1\n"
			    "reboots delivered: 1; notices that were "
			    "duplicates: 2, about nobody: 1, not believed: "
			    "1\n");
}

/* Everything is wrong with everybody, under the longest names. */
static void stays_one_page(void **state)
{
	struct rig *rig = *state;
	struct nsm_in failed = {.kind = NSM_IN_STORED,
				.stored.error = -28,
				.stored.reason = "full"};
	char name[256];
	const char *text;

	for (unsigned int i = 0; i < MANY; i++) {
		const struct rig_out *out;
		struct nsm_in gone = {.kind = NSM_IN_RESOLVED};

		memset(name, 0xff, 255);
		snprintf(name, sizeof(name), "%0*u", i % 2 ? 200 : 9, i);
		name[i % 2 ? 200 : 9] = i % 2 ? (char)0xff : '\0';
		name[255] = '\0';
		rig_mon(rig, name, 'a');
		out = rig_get(rig, NSM_OUT_RESOLVE, 0);
		if (out != NULL)
			gone.resolved.id = out->out.resolve.id;
		failed.stored.id = rig_get(rig, NSM_OUT_STORE, 0)->out.store.id;
		rig_feed(rig, &failed);
		rig_feed(rig, &gone);
	}
	for (unsigned int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "192.0.2.%u", i);
		rig_mon(rig, name, 'a');
		rig_notify(rig, name, "peer", 7);
	}
	text = status(rig);
	assert_in_range(lines(text), 15, STATUS_LINES_MAX - SERVICE_LINES);
	expect(text, "could not be written: 50000\n");
	expect(text, "has not heard of: 20;");
	expect(text, "  and 16 more\n");
	expect(text, "  and 49996 more\n");
	for (; *text != '\0'; text = strchr(text, '\n') + 1)
		assert_in_range(strcspn(text, "\n"), 1, LOG_TEXT_MAX - 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(fresh),
		TEST(without_a_store),
		TEST(peers_by_what_is_on_disk),
		TEST(names_that_do_not_resolve),
		TEST(pending_and_for_how_long),
		TEST(lock_manager_that_is_not_there),
		TEST(counters),
		TEST(stays_one_page),
	};

	return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
