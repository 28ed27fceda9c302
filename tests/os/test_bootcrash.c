/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The boot turn killed at every single system call, done again, and held to
 * this: a record is in sm/ or in sm.bak/ at any moment; a boot has one number,
 * odd and above those before; "turned" is said only when it is true.  Power
 * failures lose more than a kill does: test_bootorder.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <unistd.h>

#include "lib/prng.h"
#include "tests/os/tracer.h"
#include "tests/os/turn_rig.h"

#define NUMBER_BEFORE 5u
#define CALLS_MAX     5000u /* a turn has some hundred */

/* One kind of turn, and what must be true of it. */
struct kind {
	const char *name;
	void (*prepare)(struct rig *rig);
	int (*work)(void *rig);
	void (*check_killed)(struct rig *rig); /* right after a kill */
	void (*check_again)(struct rig *rig);  /* does it again, to the end */
};

static bool is_somewhere(const struct rig *rig, const char *dir,
			 const char *name, const char *line)
{
	char sm[64], bak[64];

	snprintf(sm, sizeof(sm), "%s/sm/%s", dir, name);
	snprintf(bak, sizeof(bak), "%s/sm.bak/%s", dir, name);
	return rig_has(rig, sm, line) || rig_has(rig, bak, line);
}

static void assert_nobody_lost(const struct rig *rig, const char *dir)
{
	assert_true(is_somewhere(rig, dir, "a", RIG_LINE("a", "me")));
	assert_true(is_somewhere(rig, dir, "b", RIG_LINE("b", "me")));
	assert_true(is_somewhere(rig, dir, "b", RIG_LINE("b", "old")));
	assert_true(is_somewhere(rig, dir, "c", RIG_LINE("c", "me")));
}

static void put_records(const struct rig *rig, const char *dir)
{
	static const char *const files[][2] = {
		{"sm/a", RIG_LINE("a", "me")},
		{"sm/b", RIG_LINE("b", "me")},
		{"sm.bak/b", RIG_LINE("b", "old")},
		{"sm.bak/c", RIG_LINE("c", "me")},
	};
	char path[64];
	size_t i;

	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i][0]);
		rig_put(rig, path, files[i][1]);
	}
}

static void assert_all_to_be_told(const struct rig *rig, const char *dir)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/sm.bak/a", dir);
	assert_true(rig_has(rig, path, RIG_LINE("a", "me")));
	snprintf(path, sizeof(path), "%s/sm.bak/b", dir);
	assert_true(rig_has(rig, path, RIG_LINE("b", "me")));
	assert_true(rig_has(rig, path, RIG_LINE("b", "old")));
	snprintf(path, sizeof(path), "%s/sm.bak/c", dir);
	assert_true(rig_has(rig, path, RIG_LINE("c", "me")));
}

/* Directories that one boot has turned with NUMBER_BEFORE. */
static void prepare_same_boot(struct rig *rig)
{
	rig_reset(rig);
	put_records(rig, "state");
	rig_put_number(rig, "state/state", NUMBER_BEFORE);
	rig_put(rig, "state/state.boot", "boot-1 5 0 turned\n");
	rig_put(rig, "state/sm/.reclaim/delivered", "x");
	rig_put(rig, "state/sm/.reclaim/parked", "park x\n");
}

static struct bootturn_result again(struct rig *rig)
{
	struct bootturn_result result;

	assert_int_equal(bootturn_run(&rig->place, &result), 0);
	assert_int_equal(rig_number(rig, "state/state"), result.number);
	return result;
}

/* --- the turn ------------------------------------------------------------ */

static void prepare_run(struct rig *rig)
{
	prepare_same_boot(rig);
	rig_boot(rig, 2);
}

static int work_run(void *ctx)
{
	const struct rig *rig = ctx;
	struct bootturn_result result;

	return bootturn_run(&rig->place, &result) != 0;
}

static void run_was_killed(struct rig *rig)
{
	uint32_t number = rig_number(rig, "state/state");
	struct bootrec rec;

	assert_nobody_lost(rig, "state");
	assert_true(number == NUMBER_BEFORE || number == NUMBER_BEFORE + 2);
	assert_true(rig_bootrec(rig, "state/state.boot", &rec));
	if (strcmp(rec.key, rig->place.key) != 0) {
		assert_int_equal(number, NUMBER_BEFORE);
		assert_int_equal(rig_count(rig, "state/sm"), 2);
		return;
	}
	assert_int_equal(rec.number, NUMBER_BEFORE + 2);
	/* The number rises when all that are to hear it are set aside. */
	if (number == rec.number)
		assert_int_equal(rig_count(rig, "state/sm"), 0);
	if (rec.is_turned)
		assert_int_equal(number, rec.number);
}

static void run_again(struct rig *rig)
{
	assert_int_equal(again(rig).number, NUMBER_BEFORE + 2);
	assert_all_to_be_told(rig, "state");
	assert_int_equal(rig_count(rig, "state/sm"), 0);
	assert_int_equal(rig_count(rig, "state/sm/.reclaim"), 0);
	assert_int_equal(again(rig).outcome, BOOTTURN_ALREADY);
	rig_boot(rig, 3);
	assert_int_equal(again(rig).number, NUMBER_BEFORE + 4);
	assert_int_equal(rig_count_temporary(rig, "state"), 0);
	assert_int_equal(rig_count_temporary(rig, "state/sm.bak"), 0);
}

/* --- -f ------------------------------------------------------------------ */

static int work_force(void *ctx)
{
	const struct rig *rig = ctx;
	struct bootturn_result result;

	return bootturn_force(&rig->place, &result) != 0;
}

static void force_was_killed(struct rig *rig)
{
	struct bootrec rec;

	assert_nobody_lost(rig, "state");
	assert_int_equal(rig_count(rig, "state/sm"), 2);
	assert_true(rig_bootrec(rig, "state/state.boot", &rec));
	assert_true(rec.is_turned);
	/* Never a number that state.boot does not know: another turn would
	 * take it for one of nfs-utils. */
	assert_true(rig_number(rig, "state/state") <= rec.number);
}

static void force_again(struct rig *rig)
{
	uint32_t number = again(rig).number;
	struct bootturn_result result;

	assert_true(number == NUMBER_BEFORE || number == NUMBER_BEFORE + 2);
	/* A run that finds the raised number finds all to be told it. */
	if (number > NUMBER_BEFORE) {
		assert_all_to_be_told(rig, "state");
		assert_false(rig_exists(rig, "state/sm/.reclaim/parked"));
	}
	assert_int_equal(bootturn_force(&rig->place, &result), 0);
	assert_int_equal(result.number, number + 2);
	assert_int_equal(rig_number(rig, "state/state"), number + 2);
	assert_all_to_be_told(rig, "state");
	assert_int_equal(rig_count(rig, "state/sm"), 2);
	rig_boot(rig, 3);
	assert_int_equal(again(rig).number, number + 4);
}

/* --- -n ------------------------------------------------------------------ */

static int work_copy(void *ctx)
{
	const struct rig *rig = ctx;
	struct bootturn_result result;

	return bootturn_copy(&rig->place, &result) != 0;
}

static void copy_was_killed(struct rig *rig)
{
	assert_nobody_lost(rig, "state");
	assert_int_equal(rig_count(rig, "state/sm"), 2);
	assert_int_equal(rig_number(rig, "state/state"), NUMBER_BEFORE);
}

static void copy_again(struct rig *rig)
{
	assert_int_equal(work_copy(rig), 0);
	copy_was_killed(rig);
	assert_all_to_be_told(rig, "state");
	run_again(rig);
}

/* --- -P ------------------------------------------------------------------ */

static void prepare_private(struct rig *rig)
{
	prepare_same_boot(rig);
	put_records(rig, "other");
	rig_put_number(rig, "other/state", 9);
}

static int work_private(void *ctx)
{
	const struct rig *rig = ctx;
	struct bootturn_place place = rig->place;
	struct bootturn_result result;
	int error;

	place.state_dir = rig->other_dir;
	error = bootturn_private(&place, true, &result);
	if (result.hold_fd >= 0)
		close(result.hold_fd);
	return error != 0;
}

static void private_was_killed(struct rig *rig)
{
	uint32_t number = rig_number(rig, "other/state");
	struct bootrec rec;

	assert_nobody_lost(rig, "other");
	assert_true(rig_bootrec(rig, "state/state.boot", &rec));
	assert_true(number == 9 || number == rec.floor);
	assert_int_equal(rig_number(rig, "state/state"), NUMBER_BEFORE);
}

static void private_again(struct rig *rig)
{
	struct bootrec rec;
	uint32_t number;

	assert_int_equal(work_private(rig), 0);
	number = rig_number(rig, "other/state");
	assert_int_equal(number % 2, 1);
	assert_true(number > 9 && number <= 13);
	assert_true(rig_bootrec(rig, "state/state.boot", &rec));
	assert_int_equal(rec.floor, number);
	assert_all_to_be_told(rig, "other");
	assert_int_equal(rig_count(rig, "other/sm"), 0);
	rig_boot(rig, 2);
	assert_int_equal(again(rig).number, number + 2);
}

/* --- nfs-utils ran ------------------------------------------------------- */

static void prepare_take_over(struct rig *rig)
{
	prepare_run(rig);
	rig_put_number(rig, "state/state", NUMBER_BEFORE + 2);
	rig_put(rig, "run/sm-notify.pid", "4711\n");
}

static void take_over_was_killed(struct rig *rig)
{
	assert_nobody_lost(rig, "state");
	assert_int_equal(rig_count(rig, "state/sm"), 2);
	assert_int_equal(rig_number(rig, "state/state"), NUMBER_BEFORE + 2);
	/* At every moment: an empty file would say that nobody ran. */
	assert_true(rig_has(rig, "run/sm-notify.pid", "4711\n"));
}

static void take_over_again(struct rig *rig)
{
	assert_int_not_equal(again(rig).outcome, BOOTTURN_TURNED);
	take_over_was_killed(rig);
	rig_boot(rig, 3);
	assert_int_equal(again(rig).number, NUMBER_BEFORE + 4);
	assert_all_to_be_told(rig, "state");
}

/* --- all of them --------------------------------------------------------- */

static const struct kind kind_run = {"turn", prepare_run, work_run,
				     run_was_killed, run_again};
static const struct kind kind_force = {"-f", prepare_same_boot, work_force,
				       force_was_killed, force_again};
static const struct kind kind_copy = {"-n", prepare_run, work_copy,
				      copy_was_killed, copy_again};
static const struct kind kind_private = {"-P", prepare_private, work_private,
					 private_was_killed, private_again};
static const struct kind kind_take_over = {"take-over", prepare_take_over,
					   work_run, take_over_was_killed,
					   take_over_again};

static bool kill_at(void *ctx, const struct tracer_stop *stop)
{
	const unsigned int *at = ctx;

	return stop->count < *at;
}

static enum tracer_end run_and_kill(struct rig *rig, const struct kind *kind,
				    unsigned int at)
{
	int status = 0;
	enum tracer_end end =
		tracer_run(kind->work, rig, kill_at, &at, &status);

	if (end == TRACER_REFUSED) {
		print_message("ptrace is not permitted\n");
		skip();
	}
	assert_int_equal(status, 0);
	return end;
}

static void kill_everywhere(struct rig *rig, const struct kind *kind)
{
	enum tracer_end end = TRACER_KILLED;
	unsigned int at;

	for (at = 1; end == TRACER_KILLED; at++) {
		assert_true(at < CALLS_MAX);
		kind->prepare(rig);
		end = run_and_kill(rig, kind, at);
		kind->check_killed(rig);
		kind->check_again(rig);
	}
	print_message("%s: killed at each of %u calls\n", kind->name, at - 2);
}

static void turn_may_die_anywhere(void **state)
{
	kill_everywhere(*state, &kind_run);
}

static void force_may_die_anywhere(void **state)
{
	kill_everywhere(*state, &kind_force);
}

static void copy_may_die_anywhere(void **state)
{
	kill_everywhere(*state, &kind_copy);
}

static void private_may_die_anywhere(void **state)
{
	kill_everywhere(*state, &kind_private);
}

static void take_over_may_die_anywhere(void **state)
{
	struct rig *rig = *state;

	if (!rig_is_tmpfs(rig)) {
		print_message("no tmpfs at /dev/shm\n");
		skip();
	}
	kill_everywhere(rig, &kind_take_over);
}

/* Dies again and again, at random places, and gets there in the end. */
static void turn_may_die_many_times(void **state)
{
	struct rig *rig = *state;
	uint8_t seed[SIPHASH_KEY_SIZE] = {0};
	const uint64_t number = rig_seed();
	struct prng rng;
	unsigned int i, deaths;

	memcpy(seed, &number, sizeof(number));
	prng_init(&rng, seed);
	for (i = 0; i < 50; i++) {
		prepare_run(rig);
		for (deaths = 0; deaths < 5; deaths++) {
			run_and_kill(rig, &kind_run,
				     (unsigned int)prng_below(&rng, 150) + 1);
			run_was_killed(rig);
		}
		run_again(rig);
	}
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(turn_may_die_anywhere),
		TEST(force_may_die_anywhere),
		TEST(copy_may_die_anywhere),
		TEST(private_may_die_anywhere),
		TEST(take_over_may_die_anywhere),
		TEST(turn_may_die_many_times),
	};

	return cmocka_run_group_tests_name("bootcrash", tests, NULL, NULL);
}
