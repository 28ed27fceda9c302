/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sm-notify/grace: which run ends lockd's grace period, and that none does
 * whose reading failed.  The knobs of the kernel are stand-ins here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "os/kernel.h"
#include "sm-notify/grace.h"

static unsigned int lifts;

int kernel_lift_grace(void)
{
	lifts++;
	return 0;
}

enum kernel_grace kernel_lockd_grace(void)
{
	return KERNEL_GRACE_RUNNING;
}

enum kernel_grace kernel_nfsd_grace(void)
{
	return KERNEL_GRACE_OVER;
}

/* The first run of a boot, which has read an empty sm.bak/. */
static int setup(void **state)
{
	const struct notify_config config = {.number = 7,
					     .give_up_ms = UINT64_MAX,
					     .packets_per_second = 1};
	static struct run run;

	memset(&run, 0, sizeof(run));
	run.settings.is_grace_lifted = true;
	run.mode = RUN_BOOT;
	run.lock.is_made = true;
	(void)snprintf(run.state_dir, sizeof(run.state_dir), "/state");
	(void)snprintf(run.default_dir, sizeof(run.default_dir), "/state");
	run.notify = notify_new(&config);
	lifts = 0;
	*state = &run;
	return 0;
}

static int teardown(void **state)
{
	struct run *run = *state;

	notify_free(run->notify);
	return 0;
}

/* Feeds a file of sm.bak/ with the line @text. */
static void feed_file(struct run *run, const char *text)
{
	const struct notify_in in = {.kind = NOTIFY_IN_FILE,
				     .bytes = (const uint8_t *)text,
				     .len = strlen(text),
				     .file.name = "192.0.2.7"};

	notify_input(run->notify, 0, &in);
}

static void first_run_with_nobody_lifts_it(void **state)
{
	struct run *run = *state;

	assert_true(grace_is_nobody(run));
	grace_nobody(run);
	assert_int_equal(lifts, 1);
}

static void what_was_not_read_may_be_somebody(void **state)
{
	struct run *run = *state;

	run->unread = 1;
	assert_false(grace_is_nobody(run));
}

/* Nor what the turn of this boot had to leave in sm/. */
static void what_was_left_is_somebody(void **state)
{
	struct run *run = *state;

	run->turn.has_left = true;
	assert_false(grace_is_nobody(run));
}

static void neither_is_a_damaged_line_nobody(void **state)
{
	struct run *run = *state;

	feed_file(run, "0100007f 000186b5\n");
	assert_false(grace_is_nobody(run));
}

static void no_other_run_lifts_it(void **state)
{
	struct run *run = *state;

	run->lock.is_made = false;
	grace_nobody(run);
	run->lock.is_made = true;
	run->mode = RUN_FORCE;
	grace_nobody(run);
	run->mode = RUN_BOOT;
	run->settings.is_grace_lifted = false;
	grace_nobody(run);
	run->settings.is_grace_lifted = true;
	(void)snprintf(run->state_dir, sizeof(run->state_dir), "/other");
	grace_nobody(run);
	assert_int_equal(lifts, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(first_run_with_nobody_lifts_it),
		TEST(what_was_not_read_may_be_somebody),
		TEST(what_was_left_is_somebody),
		TEST(neither_is_a_damaged_line_nobody),
		TEST(no_other_run_lifts_it),
	};

	return cmocka_run_group_tests_name("grace", tests, NULL, NULL);
}
