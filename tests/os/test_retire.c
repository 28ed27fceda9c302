/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/retire: from sm/ to sm.bak/ without the loss of a line, whatever lies
 * there already, whatever cannot be read, and whatever a statd does meanwhile.
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

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/stat.h>

#include "lib/record.h"
#include "os/retire.h"
#include "tests/os/tracer.h"
#include "tests/os/turn_rig.h"

#define OTHER_COOKIE                           \
	"0100007f 000186b5 00000003 00000010 " \
	"00000000000000000000000000000000 "

static int open_dir(const struct rig *rig, const char *name)
{
	char path[RIG_PATH_SIZE];
	int fd;

	rig_path(rig, name, path);
	(void)mkdir(path, 0700);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static struct retire_count retire(const struct rig *rig, enum retire_how how)
{
	int sm = open_dir(rig, "state/sm");
	int bak = open_dir(rig, "state/sm.bak");
	struct retire_count count;

	assert_int_equal(retire_records(sm, bak, how, &count), 0);
	close(sm);
	close(bak);
	return count;
}

static void file_is_moved_with_its_bytes(void **state)
{
	const struct rig *rig = *state;
	struct retire_count count;

	rig_put(rig, "state/sm/a", RIG_LINE("a", "me") "torn");
	rig_put(rig, "state/sm/empty", "");
	count = retire(rig, RETIRE_MOVE);
	assert_int_equal(count.retired, 2);
	assert_int_equal(count.unmerged, 0);
	rig_assert_content(rig, "state/sm.bak/a", RIG_LINE("a", "me") "torn");
	rig_assert_content(rig, "state/sm.bak/empty", "");
	assert_int_equal(rig_count(rig, "state/sm"), 0);
	count = retire(rig, RETIRE_MOVE);
	assert_int_equal(count.retired, 0);
}

static void lines_of_both_are_kept(void **state)
{
	const struct rig *rig = *state;

	/* Another name of ours, the same pair with another cookie, no record */
	rig_put(rig, "state/sm.bak/a", RIG_LINE("a", "me") "no record\n");
	rig_put(rig, "state/sm/a",
		RIG_LINE("a", "me2") OTHER_COOKIE "a me\n"
						  "torn");
	assert_int_equal(retire(rig, RETIRE_MOVE).retired, 1);
	rig_assert_content(rig, "state/sm.bak/a",
			   RIG_LINE("a", "me") "no record\n" RIG_LINE(
				   "a", "me2") "torn\n");
	assert_int_equal(rig_count(rig, "state/sm"), 0);
	assert_int_equal(rig_count_temporary(rig, "state/sm.bak"), 0);
}

static void same_lines_are_not_doubled(void **state)
{
	const struct rig *rig = *state;

	rig_put(rig, "state/sm.bak/a", RIG_LINE("a", "me") "torn");
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me") "torn\n");
	retire(rig, RETIRE_MOVE);
	rig_assert_content(rig, "state/sm.bak/a", RIG_LINE("a", "me") "torn\n");
	assert_int_equal(rig_count(rig, "state/sm"), 0);
}

static void copy_is_another_file(void **state)
{
	const struct rig *rig = *state;
	char path[RIG_PATH_SIZE];
	struct stat st;

	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	assert_int_equal(retire(rig, RETIRE_COPY).retired, 1);
	rig_assert_content(rig, "state/sm/a", RIG_LINE("a", "me"));
	rig_assert_content(rig, "state/sm.bak/a", RIG_LINE("a", "me"));
	rig_path(rig, "state/sm.bak/a", path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(st.st_mode & 07777, 0600);
}

/* A turn was killed between its passes, and now a copy is wanted. */
static void copy_parts_what_a_crash_left_linked(void **state)
{
	const struct rig *rig = *state;
	char from[RIG_PATH_SIZE], to[RIG_PATH_SIZE];
	struct stat st;

	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	rig_put(rig, "state/sm.bak/b", "");
	rig_path(rig, "state/sm/a", from);
	rig_path(rig, "state/sm.bak/a", to);
	assert_int_equal(link(from, to), 0);
	assert_int_equal(retire(rig, RETIRE_COPY).retired, 1);
	assert_int_equal(stat(to, &st), 0);
	assert_int_equal(st.st_nlink, 1);
	rig_assert_content(rig, "state/sm.bak/a", RIG_LINE("a", "me"));
}

static void fresh_record_has_no_age(void **state)
{
	const struct rig *rig = *state;

	rig_put(rig, "state/sm.bak/a", RIG_LINE("a", "me"));
	rig_put(rig, "state/sm.bak/old", RIG_LINE("old", "me"));
	rig_put(rig, "state/sm.bak/.reclaim/a", "key 7\n");
	rig_put(rig, "state/sm.bak/.reclaim/b", "key 7\n");
	rig_put(rig, "state/sm.bak/.reclaim/old", "key 7\n");
	rig_put(rig, "state/sm/a", RIG_LINE("a", "other"));
	rig_put(rig, "state/sm/b", RIG_LINE("b", "me"));
	retire(rig, RETIRE_MOVE);
	assert_false(rig_exists(rig, "state/sm.bak/.reclaim/a"));
	assert_false(rig_exists(rig, "state/sm.bak/.reclaim/b"));
	assert_true(rig_exists(rig, "state/sm.bak/.reclaim/old"));
}

/* SAFETY: whoever owns sm.bak/ must not have us remove another's files. */
static void link_for_ages_is_not_followed(void **state)
{
	const struct rig *rig = *state;
	char from[RIG_PATH_SIZE], to[RIG_PATH_SIZE];

	rig_put(rig, "other/a", "precious");
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	rig_put(rig, "state/sm.bak/b", "");
	rig_path(rig, "other", from);
	rig_path(rig, "state/sm.bak/.reclaim", to);
	assert_int_equal(symlink(from, to), 0);
	retire(rig, RETIRE_MOVE);
	assert_true(rig_exists(rig, "other/a"));
	assert_true(rig_exists(rig, "state/sm.bak/a"));
}

/* The one name in sm.bak/ that is no peer's, or NULL. */
static const char *find_spare(const struct rig *rig)
{
	static char path[RIG_PATH_SIZE + 32];
	char dir[RIG_PATH_SIZE];
	struct dirent *entry;
	DIR *stream;

	rig_path(rig, "state/sm.bak", dir);
	stream = opendir(dir);
	assert_non_null(stream);
	path[0] = '\0';
	while ((entry = readdir(stream)) != NULL) {
		if (strncmp(entry->d_name, "unmerged-", 9) != 0)
			continue;
		assert_string_equal(path, "");
		assert_int_equal(strlen(entry->d_name), 9 + 16);
		snprintf(path, sizeof(path), "state/sm.bak/%.32s",
			 entry->d_name);
	}
	closedir(stream);
	return path[0] != '\0' ? path : NULL;
}

/* What has the name is no file, or not to be read: the good one is told. */
static void file_that_cannot_be_merged_gets_another_name(void **state)
{
	const struct rig *rig = *state;
	struct retire_count count;

	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	rig_put(rig, "state/sm.bak/a/dir", "");
	rig_put(rig, "state/sm/good", RIG_LINE("good", "me"));
	count = retire(rig, RETIRE_MOVE);
	assert_int_equal(count.retired, 2);
	assert_int_equal(count.unmerged, 0);
	assert_int_equal(rig_count(rig, "state/sm"), 0);
	rig_assert_content(rig, find_spare(rig), RIG_LINE("a", "me"));
	rig_assert_content(rig, "state/sm.bak/good", RIG_LINE("good", "me"));
	assert_true(rig_exists(rig, "state/sm.bak/a/dir"));
	/* In the next boot that one is still untold. */
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me2"));
	assert_int_equal(retire(rig, RETIRE_MOVE).unmerged, 0);
	assert_int_equal(rig_count(rig, "state/sm"), 0);
	rig_assert_content(rig, find_spare(rig),
			   RIG_LINE("a", "me") RIG_LINE("a", "me2"));
}

static void turn_that_died_with_another_name_is_done_again(void **state)
{
	const struct rig *rig = *state;
	char from[RIG_PATH_SIZE], to[RIG_PATH_SIZE];

	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	rig_put_junk(rig, "state/sm.bak/a", RECORD_FILE_MAX + 1);
	retire(rig, RETIRE_MOVE);
	/* It had not been removed from sm/. */
	rig_path(rig, find_spare(rig), from);
	rig_path(rig, "state/sm/a", to);
	assert_int_equal(link(from, to), 0);
	assert_int_equal(retire(rig, RETIRE_MOVE).unmerged, 0);
	assert_int_equal(rig_count(rig, "state/sm"), 0);
	rig_assert_content(rig, find_spare(rig), RIG_LINE("a", "me"));
}

static void copy_that_cannot_be_merged_gets_another_name(void **state)
{
	const struct rig *rig = *state;

	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	rig_put(rig, "state/sm.bak/a/dir", "");
	assert_int_equal(retire(rig, RETIRE_COPY).retired, 1);
	rig_assert_content(rig, "state/sm/a", RIG_LINE("a", "me"));
	rig_assert_content(rig, find_spare(rig), RIG_LINE("a", "me"));
	assert_int_equal(retire(rig, RETIRE_COPY).retired, 1);
	rig_assert_content(rig, find_spare(rig), RIG_LINE("a", "me"));
}

static void sum_over_the_cap_gets_another_name(void **state)
{
	const struct rig *rig = *state;

	rig_put_junk(rig, "state/sm.bak/a", RECORD_FILE_MAX - 10);
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	assert_int_equal(retire(rig, RETIRE_MOVE).unmerged, 0);
	assert_int_equal(rig_count(rig, "state/sm"), 0);
	rig_assert_content(rig, find_spare(rig), RIG_LINE("a", "me"));
}

/* Neither can be read: both stay, under names that nobody takes for good. */
static void unreadable_beside_unreadable_is_kept(void **state)
{
	const struct rig *rig = *state;

	rig_put_junk(rig, "state/sm/big", RECORD_FILE_MAX + 1);
	rig_put_junk(rig, "state/sm.bak/big", RECORD_FILE_MAX + 2);
	assert_int_equal(retire(rig, RETIRE_MOVE).unmerged, 0);
	assert_int_equal(rig_count(rig, "state/sm.bak"), 2);
	assert_non_null(find_spare(rig));
	/* Another one has no place any more. */
	rig_put_junk(rig, "state/sm/big", RECORD_FILE_MAX + 3);
	rig_put(rig, "state/sm/good", RIG_LINE("good", "me"));
	assert_int_equal(retire(rig, RETIRE_MOVE).unmerged, 1);
	assert_true(rig_exists(rig, "state/sm/big"));
	assert_false(rig_exists(rig, "state/sm/good"));
	/* And none is made by a copy. */
	assert_int_equal(retire(rig, RETIRE_COPY).unmerged, 1);
	assert_int_equal(rig_count(rig, "state/sm.bak"), 3);
}

/* What is too big to be read can still be given its place. */
static void unreadable_file_is_moved_where_the_name_is_free(void **state)
{
	const struct rig *rig = *state;
	char from[RIG_PATH_SIZE], to[RIG_PATH_SIZE];

	rig_put_junk(rig, "state/sm/big", RECORD_FILE_MAX + 1);
	assert_int_equal(retire(rig, RETIRE_MOVE).retired, 1);
	assert_true(rig_exists(rig, "state/sm.bak/big"));
	/* And after a crash between the passes. */
	rig_path(rig, "state/sm.bak/big", from);
	rig_path(rig, "state/sm/big", to);
	assert_int_equal(link(from, to), 0);
	assert_int_equal(retire(rig, RETIRE_MOVE).unmerged, 0);
	assert_false(rig_exists(rig, "state/sm/big"));
}

static void hidden_names_and_directories_stay(void **state)
{
	const struct rig *rig = *state;
	char path[RIG_PATH_SIZE];

	rig_put(rig, "state/sm/.hidden", "x");
	rig_put(rig, "state/sm/dir/file", "x");
	rig_path(rig, "state/sm/link", path);
	assert_int_equal(symlink("elsewhere", path), 0);
	assert_int_equal(retire(rig, RETIRE_MOVE).retired, 0);
	assert_true(rig_exists(rig, "state/sm/.hidden"));
	assert_true(rig_exists(rig, "state/sm/dir/file"));
	assert_true(rig_exists(rig, "state/sm/link"));
	assert_int_equal(rig_count(rig, "state/sm.bak"), 0);
}

/* --- while a statd works on sm/ ------------------------------------------ */

struct race {
	struct rig *rig;
	unsigned int at; /* the file goes before this call */
	bool is_over;
};

static int copy_in_child(void *ctx)
{
	const struct rig *rig = ctx;
	struct retire_count count;

	return retire_records(open_dir(rig, "state/sm"),
			      open_dir(rig, "state/sm.bak"), RETIRE_COPY,
			      &count) != 0;
}

static bool forget_meanwhile(void *ctx, const struct tracer_stop *stop)
{
	struct race *race = ctx;

	if (stop->count == race->at && !stop->is_done) {
		rig_remove(race->rig, "state/sm/a");
		race->is_over = false;
	}
	return true;
}

/* statd forgets a peer, and takes no notice of locks of ours. */
static void record_forgotten_meanwhile_takes_nothing_along(void **state)
{
	struct rig *rig = *state;
	struct race race = {.rig = rig};
	int status;

	while (!race.is_over) {
		rig_reset(rig);
		rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
		rig_put(rig, "state/sm/b", RIG_LINE("b", "me"));
		rig_put(rig, "state/sm.bak/a", RIG_LINE("a", "old"));
		race.is_over = true;
		race.at++;
		if (tracer_run(copy_in_child, rig, forget_meanwhile, &race,
			       &status) == TRACER_REFUSED) {
			print_message("ptrace is not permitted\n");
			skip();
		}
		assert_int_equal(status, 0);
		assert_true(
			rig_has(rig, "state/sm.bak/a", RIG_LINE("a", "old")));
		assert_true(
			rig_has(rig, "state/sm.bak/b", RIG_LINE("b", "me")));
	}
	assert_true(race.at > 10);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(file_is_moved_with_its_bytes),
		TEST(lines_of_both_are_kept),
		TEST(same_lines_are_not_doubled),
		TEST(copy_is_another_file),
		TEST(copy_parts_what_a_crash_left_linked),
		TEST(fresh_record_has_no_age),
		TEST(link_for_ages_is_not_followed),
		TEST(file_that_cannot_be_merged_gets_another_name),
		TEST(turn_that_died_with_another_name_is_done_again),
		TEST(copy_that_cannot_be_merged_gets_another_name),
		TEST(sum_over_the_cap_gets_another_name),
		TEST(unreadable_beside_unreadable_is_kept),
		TEST(unreadable_file_is_moved_where_the_name_is_free),
		TEST(hidden_names_and_directories_stay),
		TEST(record_forgotten_meanwhile_takes_nothing_along),
	};

	return cmocka_run_group_tests_name("retire", tests, NULL, NULL);
}
