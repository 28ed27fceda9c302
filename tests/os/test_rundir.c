/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * os/rundir: directories that everybody may read, whatever the umask; files
 * that are there whole; and no step through a link that stands in the way.
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
#include <sys/stat.h>
#include <unistd.h>

#include "os/rundir.h"

#define PATH_SIZE 256

struct place {
	char top[PATH_SIZE];
	char run[PATH_SIZE + 8];
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->top, "/tmp/test_rundir.XXXXXX");
	if (!mkdtemp(place->top))
		return -1;
	snprintf(place->run, sizeof(place->run), "%s/run", place->top);
	umask(077);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	char command[PATH_SIZE + 16];
	struct place *place = *state;

	snprintf(command, sizeof(command), "rm -rf %s", place->top);
	free(place);
	return system(command);
}

static mode_t mode_of(const struct place *place, const char *name)
{
	char path[2 * PATH_SIZE];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", place->run, name);
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static int open_sub(const struct place *place)
{
	return rundir_open(place->run, "sub", "file", geteuid(), getegid());
}

static void content_is(const struct place *place, const char *want)
{
	char path[2 * PATH_SIZE], have[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/file", place->run);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fread(have, 1, sizeof(have) - 1, file), strlen(want));
	assert_string_equal(have, want);
	fclose(file);
}

static void files_are_replaced(void **state)
{
	const struct place *place = *state;
	int dir = open_sub(place);

	assert_true(dir >= 0);
	assert_int_equal(mode_of(place, "."), 0755);
	assert_int_equal(mode_of(place, "sub"), 0755);
	assert_int_equal(rundir_replace(dir, "file", "one\n", 4), 0);
	assert_int_equal(mode_of(place, "file"), 0644);
	content_is(place, "one\n");
	assert_int_equal(rundir_replace(dir, "file", "2", 1), 0);
	content_is(place, "2");
	close(dir);
	dir = open_sub(place); /* all is there already */
	assert_true(dir >= 0);
	content_is(place, "2");
	close(dir);
}

/* SAFETY: root must not be led elsewhere, nor give that away. */
static void links_are_not_followed(void **state)
{
	const struct place *place = *state;
	char path[2 * PATH_SIZE];
	struct stat st;

	assert_int_equal(mkdir(place->run, 0700), 0);
	snprintf(path, sizeof(path), "%s/sub", place->run);
	assert_int_equal(symlink(place->top, path), 0);
	assert_int_equal(open_sub(place), -ENOTDIR);
	assert_int_equal(stat(place->top, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void failure_keeps_the_old(void **state)
{
	const struct place *place = *state;
	int dir = open_sub(place);

	assert_int_equal(mkdirat(dir, "full", 0700), 0);
	assert_int_equal(rundir_replace(dir, "full", "x", 1), -EISDIR);
	assert_int_equal(faccessat(dir, ".full.new", F_OK, 0), -1);
	close(dir);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_are_replaced),
		TEST(links_are_not_followed),
		TEST(failure_keeps_the_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
