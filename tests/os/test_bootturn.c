/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The boot turn, row by row of design section 4: when the number is raised,
 * what is retired, what counts as turned, and what stands in the way.  -f, -n
 * and -P are in test_bootmodes, crashes in test_bootcrash.
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
#include <fcntl.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include "tests/os/turn_rig.h"

static struct bootturn_result run(struct rig *rig)
{
	struct bootturn_result result;

	assert_int_equal(bootturn_run(&rig->place, &result), 0);
	assert_int_equal(result.hold_fd, -1);
	return result;
}

/* Runs, and holds the outcome and the number, on disk too, to be these. */
static void assert_run(struct rig *rig, enum bootturn_outcome outcome,
		       uint32_t number)
{
	struct bootturn_result result = run(rig);

	assert_int_equal(result.outcome, outcome);
	assert_int_equal(result.number, number);
	assert_int_equal(rig_number(rig, "state/state"), number);
}

static void assert_bootrec(const struct rig *rig, const char *text)
{
	rig_assert_content(rig, "state/state.boot", text);
}

/* --- the number ---------------------------------------------------------- */

static void fresh_directory_starts_at_three(void **state)
{
	struct rig *rig = *state;
	char path[RIG_PATH_SIZE];
	struct stat st;

	assert_run(rig, BOOTTURN_TURNED, STATENUM_FIRST);
	assert_bootrec(rig, "boot-1 3 0 turned\n");
	rig_path(rig, "state/sm", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	rig_path(rig, "state/sm.bak", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	rig_path(rig, "state/.lock", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	rig_path(rig, "state/state.boot", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	/* It is sm-notify alone that makes it. */
	assert_false(rig_exists(rig, "run/sm-notify.pid"));
}

static void same_boot_is_turned_once(void **state)
{
	struct rig *rig = *state;
	struct bootturn_result result;

	run(rig);
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	result = run(rig);
	assert_int_equal(result.outcome, BOOTTURN_ALREADY);
	assert_int_equal(result.number, 3);
	assert_int_equal(result.retired, 0);
	assert_true(rig_exists(rig, "state/sm/a"));
	assert_int_equal(rig_count(rig, "state/sm.bak"), 0);
}

static void next_boot_raises_and_retires(void **state)
{
	struct rig *rig = *state;
	struct bootturn_result result;

	run(rig);
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	rig_put(rig, "state/sm/b", RIG_LINE("b", "me"));
	rig_boot(rig, 2);
	result = run(rig);
	assert_int_equal(result.outcome, BOOTTURN_TURNED);
	assert_int_equal(result.number, 5);
	assert_int_equal(result.retired, 2);
	assert_int_equal(result.unmerged, 0);
	assert_int_equal(rig_number(rig, "state/state"), 5);
	assert_bootrec(rig, "boot-2 5 0 turned\n");
	assert_int_equal(rig_count(rig, "state/sm"), 0);
	rig_assert_content(rig, "state/sm.bak/a", RIG_LINE("a", "me"));
	rig_assert_content(rig, "state/sm.bak/b", RIG_LINE("b", "me"));
}

/* COMPAT: nfs-utils raises nothing then (contract.md D-12). */
static void number_rises_with_nobody_to_tell(void **state)
{
	struct rig *rig = *state;

	assert_run(rig, BOOTTURN_TURNED, 3);
	rig_boot(rig, 2);
	assert_run(rig, BOOTTURN_TURNED, 5);
	rig_boot(rig, 3);
	assert_run(rig, BOOTTURN_TURNED, 7);
}

static void turn_left_behind_is_done_with_its_number(void **state)
{
	struct rig *rig = *state;

	rig_put_number(rig, "state/state", 5);
	rig_put(rig, "state/state.boot", "boot-1 7 0 turning\n");
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	assert_run(rig, BOOTTURN_TURNED, 7);
	assert_true(rig_exists(rig, "state/sm.bak/a"));
	assert_int_equal(rig_count(rig, "state/sm"), 0);
	assert_bootrec(rig, "boot-1 7 0 turned\n");
}

static void turn_left_behind_in_another_boot_is_outdone(void **state)
{
	struct rig *rig = *state;

	rig_put_number(rig, "state/state", 5);
	rig_put(rig, "state/state.boot", "boot-0 7 0 turning\n");
	assert_run(rig, BOOTTURN_TURNED, 11);
}

static void nfs_utils_above_a_turn_left_behind_is_outdone(void **state)
{
	struct rig *rig = *state;

	rig_put_number(rig, "state/state", 11);
	rig_put(rig, "state/state.boot", "boot-1 7 0 turning\n");
	assert_run(rig, BOOTTURN_TURNED, 15);
}

static void state_that_fell_back_is_written_again(void **state)
{
	struct rig *rig = *state;

	rig_put(rig, "state/state.boot", "boot-1 9 0 turned\n");
	rig_put_number(rig, "state/state", 5);
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	assert_run(rig, BOOTTURN_ALREADY, 9);
	assert_true(rig_exists(rig, "state/sm/a"));
	rig_remove(rig, "state/state");
	assert_run(rig, BOOTTURN_ALREADY, 9);
	/* Another boot: the lost number may have been announced. */
	rig_put_number(rig, "state/state", 5);
	rig_boot(rig, 2);
	assert_run(rig, BOOTTURN_TURNED, 13);
}

static void state_above_ours_is_kept(void **state)
{
	struct rig *rig = *state;

	rig_put(rig, "state/state.boot", "boot-1 9 0 turned\n");
	rig_put_number(rig, "state/state", 11); /* nfs-utils' sm-notify -f */
	assert_run(rig, BOOTTURN_ALREADY, 11);
	rig_boot(rig, 2);
	assert_run(rig, BOOTTURN_TURNED, 15);
}

static void number_goes_above_floor(void **state)
{
	struct rig *rig = *state;

	rig_put(rig, "state/state.boot", "none 5 21 turning\n");
	rig_put_number(rig, "state/state", 5);
	assert_run(rig, BOOTTURN_TURNED, 23);
	assert_bootrec(rig, "boot-1 23 21 turned\n");
}

static void state_keeps_owner_and_mode(void **state)
{
	struct rig *rig = *state;
	char path[RIG_PATH_SIZE];
	struct stat st;

	rig_put_number(rig, "state/state", 5);
	rig_path(rig, "state/state", path);
	assert_int_equal(chmod(path, 0640), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(path, 4242, 4343), 0);
	run(rig);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	if (geteuid() == 0)
		assert_true(st.st_uid == 4242 && st.st_gid == 4343);
}

static void missing_sm_is_of_the_owner_of_sm_bak(void **state)
{
	struct rig *rig = *state;
	char path[RIG_PATH_SIZE];
	struct stat st;

	if (geteuid() != 0)
		skip(); /* nobody to give a directory to */
	rig_path(rig, "state/sm.bak", path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chown(path, 4242, 4343), 0);
	run(rig);
	rig_path(rig, "state/sm", path);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_uid == 4242 && st.st_gid == 4343);
}

static void damaged_bootrec_is_made_anew(void **state)
{
	static const char *const damaged[] = {"", "boot-1 9 0 turned",
					      "boot-1 9 0 turned\nx",
					      "\377\377",
					      "boot-1 -9 0 turned\n"};
	struct rig *rig = *state;
	size_t i;

	for (i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
		rig_reset(rig);
		rig_put_number(rig, "state/state", 9);
		rig_put(rig, "state/state.boot", damaged[i]);
		rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
		assert_run(rig, BOOTTURN_TURNED, 13);
		assert_bootrec(rig, "boot-1 13 0 turned\n");
		/* A loss of ours never loses a peer. */
		assert_true(rig_exists(rig, "state/sm.bak/a"));
	}
	rig_reset(rig);
	rig_put_junk(rig, "state/state.boot", 100000);
	assert_run(rig, BOOTTURN_TURNED, 3);
}

/* --- what stands in the way ---------------------------------------------- */

static void error_is_never_an_empty_directory(void **state)
{
	struct rig *rig = *state;
	struct bootturn_result result;

	rig_put_number(rig, "state/state", 5);
	rig_put(rig, "state/sm", "a file\n");
	assert_int_equal(bootturn_run(&rig->place, &result), -ENOTDIR);
	rig_remove(rig, "state/sm");
	rig_put(rig, "state/sm.bak", "a file\n");
	assert_int_equal(bootturn_run(&rig->place, &result), -ENOTDIR);
	assert_int_equal(rig_number(rig, "state/state"), 5);
	assert_false(rig_exists(rig, "state/state.boot"));
	rig->place.state_dir = "/nonexistent/state";
	assert_int_equal(bootturn_run(&rig->place, &result), -ENOENT);
	assert_int_equal(result.hold_fd, -1);
}

static void statd_of_another_namespace_stands_in_the_way(void **state)
{
	struct rig *rig = *state;
	struct bootturn_result result;
	pid_t statd;

	run(rig);
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	statd = rig_start_process(rig, "rpc.statd", "state/sm");
	assert_run(rig, BOOTTURN_ALREADY, 3); /* its own key */
	rig_boot(rig, 2);
	assert_int_equal(bootturn_run(&rig->place, &result), -EBUSY);
	assert_true(rig_exists(rig, "state/sm/a"));
	assert_int_equal(rig_number(rig, "state/state"), 3);
	assert_bootrec(rig, "boot-1 3 0 turned\n");
	rig_end_process(statd);
	assert_run(rig, BOOTTURN_TURNED, 5);
	assert_false(rig_exists(rig, "state/sm/a"));
}

static void statd_of_nfs_utils_keeps_its_records(void **state)
{
	struct rig *rig = *state;
	struct bootturn_result result;
	char text[32];
	pid_t statd = rig_start_process(rig, "rpc.statd", NULL);

	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	snprintf(text, sizeof(text), "%d\n", statd);
	rig_put(rig, "run/rpc.statd.pid", text);
	result = run(rig);
	assert_int_equal(result.outcome, BOOTTURN_TURNED);
	assert_int_equal(result.retired, 1);
	/* It will not hear of them again from lockd. */
	assert_true(rig_exists(rig, "state/sm/a"));
	assert_true(rig_exists(rig, "state/sm.bak/a"));
	/* Nor may anybody take sm/ for who is monitored in this boot. */
	assert_true(result.has_left);
	assert_true(run(rig).has_left);
	rig_end_process(statd);
}

/* As when its first turn failed, and a child or sm-notify does it now. */
static void statd_of_ours_keeps_no_records(void **state)
{
	struct rig *rig = *state;
	pid_t statd = rig_start_process(rig, "rpc.statd", NULL);
	char text[32];
	int fd;

	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	snprintf(text, sizeof(text), "%d\n", statd);
	rig_put(rig, "run/rpc.statd.pid", text);
	fd = open(rig->statd_pid, O_RDWR | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	run(rig);
	assert_false(rig_exists(rig, "state/sm/a"));
	assert_true(rig_exists(rig, "state/sm.bak/a"));
	close(fd);
	rig_end_process(statd);
}

static void other_processes_keep_no_records(void **state)
{
	struct rig *rig = *state;
	pid_t other = rig_start_process(rig, "rpc.statdx", NULL);
	char text[32];

	/* The pid was given to somebody else. */
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	snprintf(text, sizeof(text), "%d\n", other);
	rig_put(rig, "run/rpc.statd.pid", text);
	run(rig);
	assert_false(rig_exists(rig, "state/sm/a"));
	rig_end_process(other);
	/* nfs-utils empties the file at its end. */
	rig_boot(rig, 2);
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	rig_put(rig, "run/rpc.statd.pid", "");
	run(rig);
	assert_false(rig_exists(rig, "state/sm/a"));
}

/* --- who was here in this boot ------------------------------------------- */

static void pid_file_of_nfs_utils_is_taken_over_once(void **state)
{
	struct rig *rig = *state;

	if (!rig_is_tmpfs(rig)) {
		print_message("no tmpfs at /dev/shm\n");
		skip();
	}
	rig_put(rig, "state/state.boot", "boot-0 5 31 turned\n");
	rig_put_number(rig, "state/state", 7);
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	rig_put(rig, "state/sm.bak/b", RIG_LINE("b", "me"));
	rig_put(rig, "run/sm-notify.pid", "4711\n");
	assert_run(rig, BOOTTURN_TAKEN_OVER, 7);
	assert_bootrec(rig, "boot-1 7 31 turned\n");
	assert_true(rig_exists(rig, "state/sm/a"));
	assert_int_equal(rig_count(rig, "state/sm.bak"), 1);
	assert_true(rig_has(rig, "run/sm-notify.pid", "4711\nboot-1 "));
	assert_run(rig, BOOTTURN_ALREADY, 7);
	/* Killed before it wrote the second line: the next run does. */
	rig_put(rig, "run/sm-notify.pid", "4711\n");
	assert_run(rig, BOOTTURN_ALREADY, 7);
	/* Now the second line says it, too. */
	rig_remove(rig, "state/state.boot");
	assert_run(rig, BOOTTURN_ALREADY, 7);
	assert_true(rig_exists(rig, "state/sm/a"));
	rig_boot(rig, 2);
	assert_run(rig, BOOTTURN_TURNED, 9);
	assert_false(rig_exists(rig, "state/sm/a"));
}

static void pid_file_without_a_pid_is_taken_over_by_nobody(void **state)
{
	struct rig *rig = *state;

	rig_put_number(rig, "state/state", 7);
	rig_put(rig, "run/sm-notify.pid", "");
	assert_run(rig, BOOTTURN_TURNED, 11);
}

static void other_directory_is_not_taken_over(void **state)
{
	struct rig *rig = *state;
	struct bootturn_result result;

	rig->place.state_dir = rig->other_dir;
	rig_put_number(rig, "other/state", 7);
	rig_put(rig, "run/sm-notify.pid", "4711\n");
	result = run(rig);
	assert_int_equal(result.outcome, BOOTTURN_TURNED);
	assert_int_equal(result.number, 11);
	assert_int_equal(rig_number(rig, "other/state"), 11);
}

static void pid_file_on_a_disk_may_be_of_any_boot(void **state)
{
	struct rig *rig = *state;
	char path[] = "/tmp/test_bootturn.XXXXXX";
	int fd = mkstemp(path);
	struct statfs fs;
	bool is_on_disk;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "4711\n", 5), 5);
	is_on_disk = fstatfs(fd, &fs) == 0 && fs.f_type != TMPFS_MAGIC;
	close(fd);
	rig->place.notify_pid = path;
	rig_put_number(rig, "state/state", 7);
	if (is_on_disk)
		assert_run(rig, BOOTTURN_TURNED, 11);
	remove(path);
	if (!is_on_disk) {
		print_message("/tmp is a tmpfs\n");
		skip();
	}
}

/* A pid file of @key, on the directory @dir or another one. */
static void put_mark(struct rig *rig, const char *key, const char *dir)
{
	struct pidrec rec = {.pid = 4711, .has_key = true};
	char text[BOOTREC_LEN_MAX];
	char path[RIG_PATH_SIZE];
	struct stat st;

	rig_path(rig, dir, path);
	assert_int_equal(stat(path, &st), 0);
	snprintf(rec.key, sizeof(rec.key), "%s", key);
	rec.device = st.st_dev;
	rec.inode = st.st_ino;
	pidrec_format(&rec, text);
	rig_put(rig, "run/sm-notify.pid", text);
}

static void our_mark_stands_in_for_a_lost_bootrec(void **state)
{
	struct rig *rig = *state;

	rig_put_number(rig, "state/state", 7);
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	put_mark(rig, "boot-1", "state");
	assert_run(rig, BOOTTURN_ALREADY, 7);
	assert_true(rig_exists(rig, "state/sm/a"));
	assert_bootrec(rig, "boot-1 7 0 turned\n");
}

static void mark_of_another_boot_or_directory_says_nothing(void **state)
{
	struct rig *rig = *state;

	rig_put_number(rig, "state/state", 7);
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	put_mark(rig, "boot-0", "state");
	assert_run(rig, BOOTTURN_TURNED, 11);
	assert_false(rig_exists(rig, "state/sm/a"));
	rig_reset(rig);
	rig_put_number(rig, "state/state", 7);
	put_mark(rig, "boot-1", "other");
	assert_run(rig, BOOTTURN_TURNED, 11);
}

/*
 * The directory is on shared storage, went to another machine, and came back
 * while this one stayed up.
 */
static void mark_says_nothing_after_a_turn_elsewhere(void **state)
{
	struct rig *rig = *state;

	assert_run(rig, BOOTTURN_TURNED, 3);
	put_mark(rig, "boot-1", "state");
	rig_boot(rig, 2);
	assert_run(rig, BOOTTURN_TURNED, 5);
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	rig_boot(rig, 1);
	put_mark(rig, "boot-1", "state");
	assert_run(rig, BOOTTURN_TURNED, 7);
	assert_false(rig_exists(rig, "state/sm/a"));
	assert_true(rig_exists(rig, "state/sm.bak/a"));
	/* What only keeps a FLOOR was written without any turn. */
	rig_put(rig, "state/state.boot", "none 7 11 turning\n");
	rig_put(rig, "state/sm/b", RIG_LINE("b", "me"));
	assert_run(rig, BOOTTURN_ALREADY, 7);
	assert_true(rig_exists(rig, "state/sm/b"));
	assert_bootrec(rig, "boot-1 7 11 turned\n");
}

/* --- the rest ------------------------------------------------------------ */

static void what_is_ours_in_sm_is_emptied(void **state)
{
	struct rig *rig = *state;

	rig_put(rig, "state/sm/.reclaim/delivered", "x");
	rig_put(rig, "state/sm/.reclaim/parked", "x");
	rig_put(rig, "state/sm/.hidden", "x");
	rig_put(rig, "state/sm/dir/file", "x");
	run(rig);
	assert_true(rig_exists(rig, "state/sm/.reclaim"));
	assert_int_equal(rig_count(rig, "state/sm/.reclaim"), 0);
	assert_true(rig_exists(rig, "state/sm/.hidden"));
	assert_true(rig_exists(rig, "state/sm/dir/file"));
	assert_int_equal(rig_count(rig, "state/sm.bak"), 0);
	/* In the same boot it is what is known of this boot. */
	rig_put(rig, "state/sm/.reclaim/delivered", "x");
	run(rig);
	assert_true(rig_exists(rig, "state/sm/.reclaim/delivered"));
}

static void what_a_crash_left_is_removed(void **state)
{
	struct rig *rig = *state;

	rig_put(rig, "state/.reclaim-0123456789abcdef.new", "x");
	rig_put(rig, "state/sm.bak/.reclaim-0123456789abcdef.new", "x");
	rig_put(rig, "state/sm.bak/.host.new", "x");
	run(rig);
	assert_int_equal(rig_count_temporary(rig, "state"), 0);
	assert_int_equal(rig_count_temporary(rig, "state/sm.bak"), 0);
	assert_true(rig_exists(rig, "state/sm.bak/.host.new"));
}

static void key_is_one_per_boot_and_namespace(void **state)
{
	char key[BOOTKEY_SIZE] = "", again[BOOTKEY_SIZE] = "";
	struct bootrec rec = {.number = 3, .is_turned = true};
	struct bootrec back;
	char text[BOOTREC_LEN_MAX];
	size_t len;

	(void)state;
	assert_int_equal(bootturn_key(key), 0);
	assert_int_equal(bootturn_key(again), 0);
	assert_string_equal(key, again);
	assert_true(strlen(key) > 37); /* boot id, '-', cookie */
	memcpy(rec.key, key, sizeof(rec.key));
	len = bootrec_format(&rec, text);
	assert_true(bootrec_parse(text, len, &back));
	assert_string_equal(back.key, key);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fresh_directory_starts_at_three),
		TEST(same_boot_is_turned_once),
		TEST(next_boot_raises_and_retires),
		TEST(number_rises_with_nobody_to_tell),
		TEST(turn_left_behind_is_done_with_its_number),
		TEST(turn_left_behind_in_another_boot_is_outdone),
		TEST(nfs_utils_above_a_turn_left_behind_is_outdone),
		TEST(state_that_fell_back_is_written_again),
		TEST(state_above_ours_is_kept),
		TEST(number_goes_above_floor),
		TEST(state_keeps_owner_and_mode),
		TEST(missing_sm_is_of_the_owner_of_sm_bak),
		TEST(damaged_bootrec_is_made_anew),
		TEST(error_is_never_an_empty_directory),
		TEST(statd_of_another_namespace_stands_in_the_way),
		TEST(statd_of_nfs_utils_keeps_its_records),
		TEST(statd_of_ours_keeps_no_records),
		TEST(other_processes_keep_no_records),
		TEST(pid_file_of_nfs_utils_is_taken_over_once),
		TEST(pid_file_without_a_pid_is_taken_over_by_nobody),
		TEST(other_directory_is_not_taken_over),
		TEST(pid_file_on_a_disk_may_be_of_any_boot),
		TEST(our_mark_stands_in_for_a_lost_bootrec),
		TEST(mark_of_another_boot_or_directory_says_nothing),
		TEST(mark_says_nothing_after_a_turn_elsewhere),
		TEST(what_is_ours_in_sm_is_emptied),
		TEST(what_a_crash_left_is_removed),
		TEST(key_is_one_per_boot_and_namespace),
	};

	return cmocka_run_group_tests_name("bootturn", tests, NULL, NULL);
}
