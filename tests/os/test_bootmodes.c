/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the operator can ask of the boot turn: -f, -n and -P, alone and after
 * one another over many boots, with nfs-utils at work in between.
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

#include <errno.h>
#include <unistd.h>

#include "lib/prng.h"
#include "os/bootlook.h"
#include "lib/record.h"
#include "tests/os/turn_rig.h"

/* What os/bootlook foretells, before it is done. */
static struct bootlook look(const struct bootturn_place *place,
			    enum bootlook_what what)
{
	struct bootlook seen;

	assert_int_equal(bootlook(place, what, &seen), 0);
	return seen;
}

static struct bootturn_result run(struct rig *rig)
{
	struct bootlook seen = look(&rig->place, BOOTLOOK_RUN);
	struct bootturn_result result;

	assert_int_equal(bootturn_run(&rig->place, &result), 0);
	assert_int_equal(seen.number, result.number);
	assert_int_equal(seen.outcome, result.outcome);
	assert_int_equal(seen.has_monitored, result.outcome == BOOTTURN_TURNED);
	return result;
}

static struct bootturn_result force(struct rig *rig)
{
	struct bootlook seen = look(&rig->place, BOOTLOOK_FORCE);
	struct bootturn_result result;

	assert_int_equal(bootturn_force(&rig->place, &result), 0);
	assert_true(seen.has_monitored);
	assert_int_equal(seen.number, result.number);
	assert_int_equal(rig_number(rig, "state/state"), result.number);
	return result;
}

static struct bootturn_result copy(struct rig *rig)
{
	struct bootlook seen = look(&rig->place, BOOTLOOK_COPY);
	struct bootturn_result result;

	assert_int_equal(bootturn_copy(&rig->place, &result), 0);
	assert_int_equal(seen.number, result.number);
	return result;
}

/* On other/, and ended at once. */
static uint32_t private_number(struct rig *rig)
{
	struct bootturn_place place = rig->place;
	struct bootturn_result result;
	struct bootlook seen;

	place.state_dir = rig->other_dir;
	seen = look(&place, BOOTLOOK_PRIVATE);
	assert_int_equal(bootturn_private(&place, true, &result), 0);
	assert_int_equal(seen.number, result.number);
	assert_true(result.hold_fd >= 0);
	close(result.hold_fd);
	assert_int_equal(rig_number(rig, "other/state"), result.number);
	return result.number;
}

/* It neither makes nor locks nor writes anything. */
static void look_touches_nothing(void **state)
{
	struct rig *rig = *state;

	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	for (unsigned int what = BOOTLOOK_RUN; what <= BOOTLOOK_PRIVATE_COPY;
	     what++)
		look(&rig->place, what);
	assert_false(rig_exists(rig, "state/sm.bak"));
	assert_false(rig_exists(rig, "state/state"));
	assert_false(rig_exists(rig, "state/state.boot"));
	assert_false(rig_exists(rig, "state/.lock"));
	assert_true(rig_exists(rig, "state/sm/a"));
}

/* --- -f ------------------------------------------------------------------ */

static void force_raises_and_copies(void **state)
{
	struct rig *rig = *state;
	struct bootturn_result result;

	run(rig);
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	rig_put(rig, "state/sm/.reclaim/parked", "b\n");
	rig_put(rig, "state/sm/.reclaim/delivered", "b\n");
	rig_put(rig, "state/sm.bak/b", RIG_LINE("b", "me"));
	result = force(rig);
	assert_int_equal(result.number, 5);
	assert_int_equal(result.retired, 1);
	rig_assert_content(rig, "state/state.boot", "boot-1 5 0 turned\n");
	rig_assert_content(rig, "state/sm/a", RIG_LINE("a", "me"));
	rig_assert_content(rig, "state/sm.bak/a", RIG_LINE("a", "me"));
	assert_true(rig_exists(rig, "state/sm.bak/b"));
	assert_false(rig_exists(rig, "state/sm/.reclaim/parked"));
	assert_true(rig_exists(rig, "state/sm/.reclaim/delivered"));
	assert_int_equal(force(rig).number, 7);
	assert_int_equal(run(rig).number, 7);
}

static void force_works_beside_statd(void **state)
{
	struct rig *rig = *state;
	pid_t statd;

	run(rig);
	statd = rig_start_process(rig, "rpc.statd", "state/sm");
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	assert_int_equal(force(rig).number, 5);
	assert_true(rig_exists(rig, "state/sm/a"));
	rig_end_process(statd);
}

static void force_of_another_namespace_does_nothing(void **state)
{
	struct rig *rig = *state;
	struct bootturn_result result;
	pid_t statd;

	run(rig);
	statd = rig_start_process(rig, "rpc.statd", "state/sm");
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	rig_boot(rig, 2);
	assert_int_equal(bootturn_force(&rig->place, &result), -EBUSY);
	assert_int_equal(rig_number(rig, "state/state"), 3);
	assert_int_equal(rig_count(rig, "state/sm.bak"), 0);
	rig_end_process(statd);
}

/* Then it is the turn: all are told, once, and the number rises once. */
static void force_before_the_turn_is_the_turn(void **state)
{
	struct rig *rig = *state;
	struct bootturn_result result;

	run(rig);
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	rig_boot(rig, 2);
	result = force(rig);
	assert_int_equal(result.outcome, BOOTTURN_TURNED);
	assert_int_equal(result.number, 5);
	assert_false(rig_exists(rig, "state/sm/a"));
	assert_true(rig_exists(rig, "state/sm.bak/a"));
}

static void force_after_nfs_utils_takes_over_and_raises(void **state)
{
	struct rig *rig = *state;

	if (!rig_is_tmpfs(rig)) {
		print_message("no tmpfs at /dev/shm\n");
		skip();
	}
	rig_put_number(rig, "state/state", 7);
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	rig_put(rig, "run/sm-notify.pid", "4711\n");
	assert_int_equal(force(rig).number, 9);
	assert_true(rig_exists(rig, "state/sm/a"));
	assert_true(rig_exists(rig, "state/sm.bak/a"));
}

/* What lies there was under way in a boot before the one of nfs-utils. */
static void take_over_empties_what_was_under_way(void **state)
{
	struct rig *rig = *state;

	if (!rig_is_tmpfs(rig)) {
		print_message("no tmpfs at /dev/shm\n");
		skip();
	}
	run(rig);
	rig_put(rig, "state/sm/.reclaim/1", "x");
	rig_put(rig, "state/sm/.reclaim/parked", "x");
	rig_boot(rig, 2);
	rig_put_number(rig, "state/state", 5);
	rig_put(rig, "run/sm-notify.pid", "4711\n");
	assert_int_equal(run(rig).outcome, BOOTTURN_TAKEN_OVER);
	assert_int_equal(rig_count(rig, "state/sm/.reclaim"), 0);
	/* From here on it is of this boot. */
	rig_put(rig, "state/sm/.reclaim/1", "x");
	run(rig);
	assert_int_equal(rig_count(rig, "state/sm/.reclaim"), 1);
}

/* --- -n ------------------------------------------------------------------ */

static void copy_raises_nothing(void **state)
{
	struct rig *rig = *state;
	struct bootturn_result result;

	rig_put_number(rig, "state/state", 7);
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	result = copy(rig);
	assert_int_equal(result.number, 7);
	assert_int_equal(result.retired, 1);
	assert_int_equal(rig_number(rig, "state/state"), 7);
	assert_false(rig_exists(rig, "state/state.boot"));
	assert_true(rig_exists(rig, "state/sm/a"));
	assert_true(rig_exists(rig, "state/sm.bak/a"));
	/* The turn of this boot is still to be done. */
	assert_int_equal(run(rig).outcome, BOOTTURN_TURNED);
	assert_false(rig_exists(rig, "state/sm/a"));
}

static void copy_makes_a_first_number(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(copy(rig).number, 3);
	assert_int_equal(rig_number(rig, "state/state"), 3);
	assert_false(rig_exists(rig, "state/state.boot"));
}

/* A turn was killed: its peers must not be told the number before it. */
static void copy_tells_the_number_of_this_boot(void **state)
{
	struct rig *rig = *state;

	rig_put_number(rig, "state/state", 5);
	rig_put(rig, "state/state.boot", "boot-1 7 0 turning\n");
	assert_int_equal(copy(rig).number, 7);
	rig_assert_content(rig, "state/state.boot", "boot-1 7 0 turning\n");
	assert_int_equal(run(rig).number, 7);
	/* In whatever boot. */
	rig_reset(rig);
	rig_put_number(rig, "state/state", 5);
	rig_put(rig, "state/state.boot", "boot-0 7 0 turning\n");
	assert_int_equal(copy(rig).number, 7);
	/* A -f was killed; and a package has emptied it. */
	rig_put(rig, "state/state.boot", "boot-1 7 0 turned\n");
	assert_int_equal(copy(rig).number, 7);
	assert_int_equal(rig_number(rig, "state/state"), 7);
	rig_put(rig, "state/state.boot", "boot-0 7 0 turned\n");
	rig_put(rig, "state/state", "");
	assert_int_equal(copy(rig).number, 7);
	assert_int_equal(rig_number(rig, "state/state"), 7);
}

/* --- -P ------------------------------------------------------------------ */

static void private_number_is_above_both(void **state)
{
	struct rig *rig = *state;
	struct bootrec rec;
	uint32_t number;

	rig_put_number(rig, "other/state", 9);
	rig_put(rig, "other/sm/a", RIG_LINE("a", "me"));
	rig_put_number(rig, "state/state", 21);
	rig_put(rig, "state/state.boot", "boot-1 21 0 turned\n");
	number = private_number(rig);
	assert_int_equal(number, 23);
	rig_assert_content(rig, "state/state.boot", "boot-1 21 23 turned\n");
	assert_int_equal(rig_number(rig, "state/state"), 21);
	assert_false(rig_exists(rig, "other/sm/a"));
	assert_true(rig_exists(rig, "other/sm.bak/a"));
	assert_false(rig_exists(rig, "other/state.boot"));
	assert_false(rig_exists(rig, "run/sm-notify.pid"));
	rig_put_number(rig, "other/state", 41);
	assert_int_equal(private_number(rig), 43);
	assert_true(rig_bootrec(rig, "state/state.boot", &rec));
	assert_int_equal(rec.floor, 43);
	assert_int_equal(run(rig).number, 21); /* this boot's stays */
	rig_boot(rig, 2);
	assert_int_equal(run(rig).number, 45);
}

static void private_before_any_turn_keeps_the_floor(void **state)
{
	struct rig *rig = *state;

	rig_put_number(rig, "other/state", 9);
	rig_put_number(rig, "state/state", 5);
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	assert_int_equal(private_number(rig), 11);
	rig_assert_content(rig, "state/state.boot", "none 5 11 turning\n");
	assert_int_equal(run(rig).number, 13);
	assert_true(rig_exists(rig, "state/sm.bak/a"));
}

static void private_without_a_default_directory_works(void **state)
{
	struct rig *rig = *state;
	struct bootturn_result result;

	rig->place.state_dir = rig->other_dir;
	rig->place.default_dir = "/nonexistent/state";
	rig_put_number(rig, "other/state", 9);
	assert_int_equal(bootturn_private(&rig->place, true, &result), 0);
	assert_int_equal(result.number, 11);
	close(result.hold_fd);
	rig->place.default_dir = rig->state_dir;
}

static void private_with_n_raises_nothing(void **state)
{
	struct rig *rig = *state;
	struct bootturn_result result;

	rig->place.state_dir = rig->other_dir;
	rig_put_number(rig, "other/state", 9);
	rig_put(rig, "other/sm/a", RIG_LINE("a", "me"));
	assert_int_equal(bootturn_private(&rig->place, false, &result), 0);
	assert_int_equal(result.number, 9);
	assert_int_equal(rig_number(rig, "other/state"), 9);
	assert_false(rig_exists(rig, "state/state.boot"));
	assert_true(rig_exists(rig, "other/sm/a"));
	assert_true(rig_exists(rig, "other/sm.bak/a"));
	close(result.hold_fd);
}

static void second_private_run_is_told_of_the_first(void **state)
{
	struct rig *rig = *state;
	struct bootturn_result first, second;

	rig->place.state_dir = rig->other_dir;
	assert_int_equal(bootturn_private(&rig->place, true, &first), 0);
	assert_int_equal(bootturn_private(&rig->place, true, &second),
			 -EWOULDBLOCK);
	assert_int_equal(second.hold_fd, -1);
	close(first.hold_fd);
	assert_int_equal(bootturn_private(&rig->place, true, &second), 0);
	assert_true(second.number > first.number);
	close(second.hold_fd);
}

static void private_is_what_no_statd_of_ours_lived_on(void **state)
{
	struct rig *rig = *state;
	struct bootturn_place place = rig->place;
	char by_another_name[RIG_PATH_SIZE];

	assert_false(bootturn_is_private(&place));
	rig_path(rig, "other/../state", by_another_name);
	place.state_dir = by_another_name;
	assert_false(bootturn_is_private(&place));
	place.state_dir = rig->other_dir;
	assert_true(bootturn_is_private(&place));
	rig_put(rig, "other/state.boot", "");
	assert_false(bootturn_is_private(&place));
	place.state_dir = "/nonexistent/other";
	assert_true(bootturn_is_private(&place));
}

/* --- in any order -------------------------------------------------------- */

struct story {
	struct rig *rig;
	struct prng rng;
	unsigned int boot;
	uint32_t highest;	/* announced by anybody */
	bool is_announced;	/* in this boot, by us, with the number ... */
	uint32_t number;	/* ... of this boot */
	bool has_nfs_utils_run; /* its pid file is there */
};

static void announce_new(struct story *s, uint32_t number)
{
	assert_int_equal(number % 2, 1);
	assert_true(number > s->highest);
	s->highest = number;
	s->number = number;
	s->is_announced = true;
}

static void step_run(struct story *s)
{
	struct bootturn_result result = run(s->rig);

	assert_int_equal(rig_number(s->rig, "state/state"), result.number);
	if (result.outcome == BOOTTURN_TURNED) {
		assert_false(s->is_announced);
		announce_new(s, result.number);
		return;
	}
	assert_int_equal(result.number, s->number);
}

static void step_force(struct story *s)
{
	announce_new(s, force(s->rig).number);
}

static void step_private(struct story *s)
{
	uint32_t number = private_number(s->rig);

	assert_true(number > s->highest);
	s->highest = number;
}

/* nfs-utils' sm-notify: once per boot, knows `state` alone. */
static void step_nfs_utils(struct story *s)
{
	if (s->has_nfs_utils_run || rig_exists(s->rig, "run/sm-notify.pid"))
		return;
	s->number = rig_number(s->rig, "state/state");
	s->number = s->number == 0 ? STATENUM_FIRST : s->number + 2;
	rig_put_number(s->rig, "state/state", s->number);
	rig_put(s->rig, "run/sm-notify.pid", "4711\n");
	s->has_nfs_utils_run = true;
	s->is_announced = true;
	if (s->number > s->highest)
		s->highest = s->number;
}

static void step_boot(struct story *s)
{
	rig_boot(s->rig, ++s->boot);
	s->is_announced = false;
	s->has_nfs_utils_run = false;
}

/*
 * The power failed after nfs-utils announced its number, which was lost.  In
 * the first boot after one of ours nobody can know that.
 */
static void step_lose_state(struct story *s)
{
	struct bootrec rec;

	rig_bootrec(s->rig, "state/state.boot", &rec);
	if (s->has_nfs_utils_run && s->number - 2 != rec.number)
		rig_put_number(s->rig, "state/state", s->number - 2);
	step_boot(s);
}

static void numbers_rise_whatever_comes(void **state)
{
	static void (*const steps[])(struct story * s) = {
		step_run,  step_run,	   step_force,	   step_private,
		step_boot, step_nfs_utils, step_lose_state};
	const size_t step_count = sizeof(steps) / sizeof(steps[0]);
	struct story s = {.rig = *state, .boot = 1};
	uint8_t seed[SIPHASH_KEY_SIZE] = {0};
	const uint64_t number = rig_seed();
	unsigned int i;

	if (!rig_is_tmpfs(s.rig)) {
		print_message("no tmpfs at /dev/shm\n");
		skip();
	}
	memcpy(seed, &number, sizeof(number));
	prng_init(&s.rng, seed);
	for (i = 0; i < 3000; i++)
		steps[prng_below(&s.rng, step_count)](&s);
	assert_true(s.highest > 1000);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

/* One that is in nobody's way; whoever asks later in this boot hears of it. */
static void record_that_must_stay_is_not_forgotten(void **state)
{
	struct rig *rig = *state;
	struct bootturn_result result;

	run(rig);
	rig_put_junk(rig, "state/sm/big", RECORD_FILE_MAX + 1);
	rig_put_junk(rig, "state/sm.bak/big", RECORD_FILE_MAX + 2);
	rig_boot(rig, 2);
	assert_false(run(rig).has_left); /* it has a name of its own there */
	rig_put_junk(rig, "state/sm/big", RECORD_FILE_MAX + 3);
	rig_boot(rig, 3);
	result = run(rig);
	assert_int_equal(result.unmerged, 1);
	assert_true(result.has_left);
	rig_assert_content(rig, "state/state.boot", "boot-3 7 0 left\n");
	result = run(rig);
	assert_int_equal(result.outcome, BOOTTURN_ALREADY);
	assert_true(result.has_left);
	assert_true(rig_exists(rig, "state/sm/big"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(look_touches_nothing),
		TEST(force_raises_and_copies),
		TEST(force_works_beside_statd),
		TEST(force_of_another_namespace_does_nothing),
		TEST(force_before_the_turn_is_the_turn),
		TEST(force_after_nfs_utils_takes_over_and_raises),
		TEST(take_over_empties_what_was_under_way),
		TEST(copy_raises_nothing),
		TEST(copy_makes_a_first_number),
		TEST(copy_tells_the_number_of_this_boot),
		TEST(private_number_is_above_both),
		TEST(private_before_any_turn_keeps_the_floor),
		TEST(private_without_a_default_directory_works),
		TEST(private_with_n_raises_nothing),
		TEST(second_private_run_is_told_of_the_first),
		TEST(private_is_what_no_statd_of_ours_lived_on),
		TEST(numbers_rise_whatever_comes),
		TEST(record_that_must_stay_is_not_forgotten),
	};

	return cmocka_run_group_tests_name("bootmodes", tests, NULL, NULL);
}
