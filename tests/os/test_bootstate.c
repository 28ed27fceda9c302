/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the boot turn makes of every kind of file `state`: which number is next,
 * that the records move whatever it holds, and what an administrator reads.
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
#include <sys/stat.h>

#include "lib/log.h"
#include "os/bootturn.h"
#include "tests/os/turn_rig.h"

#define LOG_MAX 4096
#define NOBODY	65534
#define ODD	"state: it holds no state number, and counts as missing\n"
#define AGAIN                                                               \
	"the state number begins again at 3: a peer may take a notice for " \
	"an old one\n"

static char logged[LOG_MAX]; /* line after line */

static void on_log(enum log_level level, const char *text)
{
	size_t len = strlen(logged);

	(void)level; /* only the words are looked at */
	snprintf(logged + len, sizeof(logged) - len, "%s\n", text);
}

static int setup(void **state)
{
	logged[0] = '\0';
	log_set_sink(on_log);
	return rig_setup(state);
}

/* Writes @len bytes, of which those after the fourth may be anything. */
static void write_state(const struct rig *rig, const char *bytes, size_t len)
{
	char path[RIG_PATH_SIZE];
	int fd;

	rig_path(rig, "state/state", path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

static void assert_turned(struct rig *rig, uint32_t number)
{
	struct bootturn_result result;

	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	assert_int_equal(bootturn_run(&rig->place, &result), 0);
	assert_int_equal(result.outcome, BOOTTURN_TURNED);
	assert_int_equal(result.number, number);
	assert_int_equal(rig_number(rig, "state/state"), number);
	assert_int_equal(rig_count(rig, "state/sm"), 0);
	rig_assert_content(rig, "state/sm.bak/a", RIG_LINE("a", "me"));
}

static const char long_state[5000] = {5};

static const struct {
	const char *bytes;
	size_t len;
	uint32_t alone; /* the next number, where nothing else is known */
	uint32_t after; /* where state.boot says that 9 was announced */
	const char *log;
} contents[] = {
	{"", 0, 3, 13, ""}, /* as Debian installs it */
	{"\x05", 1, 3, 13, ODD},
	{"\x05\0", 2, 3, 13, ODD},
	{"abc", 3, 3, 13, ODD},
	{"\x09\0\0\0", 4, 13, 11, ""},
	{"\x05\0\0\0\x07", 5, 9, 13, ""},
	{long_state, sizeof(long_state), 9, 13, ""},
	{"\x04\0\0\0", 4, 9, 13, ""}, /* in force as 5 */
	{"\x0b\0\0\0", 4, 15, 15, ""},
	{"\0\0\0\0", 4, 3, 13, ODD},
	{"\xff\xff\xff\x7f", 4, 3, 3, AGAIN},
	{"\x01\0\0\x80", 4, 3, 13, ODD},
	{"\xff\xff\xff\xff", 4, 3, 13, ODD},
};

static void whatever_it_holds_the_turn_is_done(void **state)
{
	const uint32_t one = 1;
	struct rig *rig = *state;
	size_t i;

	if (*(const uint8_t *)&one != 1)
		skip(); /* the table is of a little-endian host */
	for (i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		rig_reset(rig);
		logged[0] = '\0';
		write_state(rig, contents[i].bytes, contents[i].len);
		assert_turned(rig, contents[i].alone);
		assert_string_equal(logged, contents[i].log);
		rig_reset(rig);
		rig_put(rig, "state/state.boot", "boot-0 9 0 turned\n");
		write_state(rig, contents[i].bytes, contents[i].len);
		assert_turned(rig, contents[i].after);
	}
}

static void missing_one_is_made(void **state)
{
	struct rig *rig = *state;

	assert_turned(rig, 3);
	rig_reset(rig);
	rig_put(rig, "state/state.boot", "boot-0 9 0 turned\n");
	assert_turned(rig, 13);
	assert_string_equal(logged, "");
}

/* Lost or damaged within a boot, the number of the boot is written again. */
static void damage_within_a_boot_is_mended(void **state)
{
	struct rig *rig = *state;
	struct bootturn_result result;

	rig_put(rig, "state/state.boot", "boot-1 9 0 turned\n");
	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	write_state(rig, "\xff\xff\xff\xff", 4);
	assert_int_equal(bootturn_run(&rig->place, &result), 0);
	assert_int_equal(result.outcome, BOOTTURN_ALREADY);
	assert_int_equal(rig_number(rig, "state/state"), 9);
	assert_true(rig_exists(rig, "state/sm/a"));
	assert_string_equal(logged, ODD);
}

/*
 * Nothing is touched where the number cannot be read: a lower one would be
 * taken for an old notice by every peer.
 */
static void assert_error(struct rig *rig, int error, const char *log)
{
	struct bootturn_result result;

	rig_put(rig, "state/sm/a", RIG_LINE("a", "me"));
	logged[0] = '\0';
	assert_int_equal(bootturn_run(&rig->place, &result), error);
	assert_string_equal(logged, log);
	rig_assert_content(rig, "state/sm/a", RIG_LINE("a", "me"));
	assert_false(rig_exists(rig, "state/state.boot"));
}

static void unreadable_one_is_an_error(void **state)
{
	struct rig *rig = *state;
	char path[RIG_PATH_SIZE], command[RIG_PATH_SIZE + 32];

	rig_path(rig, "state/state", path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_error(rig, -EINVAL, "state: it is no regular file\n");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_error(rig, -EINVAL, "state: it is no regular file\n");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("other", path), 0);
	assert_error(rig, -ELOOP, "state: it is no regular file\n");
	assert_int_equal(unlink(path), 0);
	rig_put_number(rig, "state/state", 5);
	if (geteuid() == 0) {
		assert_int_equal(chmod(path, 0), 0);
		snprintf(command, sizeof(command), "chown -R %d '%s'", NOBODY,
			 rig->root);
		assert_int_equal(system(command), 0);
		assert_int_equal(chown(path, 0, 0), 0);
		assert_int_equal(seteuid(NOBODY), 0);
		assert_error(rig, -EACCES, "state: Permission denied\n");
		assert_int_equal(seteuid(0), 0);
	}
	/* Mended, it is as if nothing had been. */
	assert_turned(rig, 9);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whatever_it_holds_the_turn_is_done),
		TEST(missing_one_is_made),
		TEST(damage_within_a_boot_is_mended),
		TEST(unreadable_one_is_an_error),
	};

	return cmocka_run_group_tests_name("bootstate", tests, NULL, NULL);
}
